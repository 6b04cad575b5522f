/* Boot commands: what is typed into a guest that has no network yet.
 *
 * The text is Packer's grammar, bug for bug: a tag that Packer does not know is
 * typed letter by letter here too, and boot_lint() says so. On top come waits
 * for something that happens, which Packer types literally as well:
 *
 *     <wait "text">  <wait /regex/>  <wait still 2s>  <wait change>
 *     <wait serial "text">  <wait port 22>
 *
 * each with a limit at its end: <wait "login:" 90s>. One blank between the
 * words, neither more nor less. \" and \\ are escapes in a text, \/ in a regex. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/error.h"

enum { BOOT_TEXT_MOST = 1 << 20 };      /* bytes of a boot command */

enum boot_kind {
        BOOT_KEY,
        BOOT_WAIT,              /* for ms */
        BOOT_WAIT_TEXT,         /* until the screen shows text */
        BOOT_WAIT_REGEX,        /* ... or a match of the regex in text, which is compiled by whoever reads the screen */
        BOOT_WAIT_STILL,        /* until the screen did not change for ms */
        BOOT_WAIT_CHANGE,       /* until the screen changes */
        BOOT_WAIT_SERIAL,       /* until the serial console has printed text */
        BOOT_WAIT_PORT,         /* until the guest accepts connections on port */
};
enum boot_action { BOOT_PRESS, BOOT_DOWN, BOOT_UP };    /* press: down and up */

struct boot_event {
        enum boot_kind kind;
        enum boot_action action;
        uint32_t offset, length;        /* bytes of the token in the text */
        uint32_t keysym;                /* X11's; of a literal the code point, as Packer sends it */
        bool tag;                       /* written as <...> */
        bool special;                   /* keysym is that of a named key, not a code point */
        bool shift;                     /* Packer wraps it in the left Shift */
        uint16_t port;
        int64_t ms;                     /* rounded up, so that no wait becomes none */
        int64_t limit_ms;               /* of the waits for something; 0: none was given */
        char *text;                     /* unescaped */
};

struct boot_command {
        char *text;
        struct boot_event *v;
        size_t n;
};
void boot_command_done(struct boot_command *command);

/* Complaints name the column, counted in characters from 1. Not UTF-8 is invalid, as is a wait that is not longer
 * than 0. ret was zeroed or done. */
int boot_parse(const char *text, struct boot_command *ret, struct bk_error *err) BK_MUST_CHECK;
/* The column of a byte of the text. */
size_t boot_column(const char *text, size_t offset);
/* "press", "down", "up"; "key", "wait", "wait-text", ... */
const char *boot_action_name(enum boot_action action);
const char *boot_kind_name(enum boot_kind kind);
/* The tag of a keysym ("enter"), or NULL. */
const char *boot_keysym_name(uint32_t keysym);
/* Row i of the specials, NULL past the end. */
const char *boot_special(size_t i);
uint32_t boot_next_rune(const char **p);        /* p stands on valid UTF-8 that is not at its end */

/* --- pace ------------------------------------------------------------------- */
/* Go's time.ParseDuration, to nanoseconds; length bytes of text. */
int boot_duration(const char *text, size_t length, int64_t *ret_ns, struct bk_error *err) BK_MUST_CHECK;
/* Packer sleeps this long after every single down and up: boot_key_interval when it is more than 0, else
 * PACKER_KEY_INTERVAL when it is a duration (environment: its value or NULL), else 100 ms. */
int64_t boot_key_interval_ms(int64_t configured_ms, const char *environment);

struct boot_time {
        size_t keys;            /* downs and ups */
        int64_t typing_ms;      /* keys at the interval */
        int64_t waiting_ms;     /* <wait> only */
        size_t open_waits;      /* waits for something, which take as long as it takes */
};
struct boot_time boot_time_of(const struct boot_command *command, int64_t interval_ms);

/* --- key codes ----------------------------------------------------------------- */
enum { BOOT_CHORD_MOST = 16 };  /* VIR_DOMAIN_SEND_KEY_MAX_KEYS */

/* Keys that go down in this order and up together: one virDomainSendKey() with VIR_KEYCODE_SET_LINUX. A key that is
 * held while others are typed is part of each of their chords; one that is held over nothing but waits is a chord of
 * its own with hold_ms, sent when it goes down. (That a key stays down between two chords, as Alt-Tab-Tab needs, is more
 * than virDomainSendKey() can do.) */
struct boot_chord {
        size_t event;                   /* index; send it when this event's turn comes */
        unsigned codes[BOOT_CHORD_MOST];
        unsigned n;
        int64_t hold_ms;                /* 0: an ordinary tap */
};
struct boot_chords {
        struct boot_chord *v;
        size_t n;
};
void boot_chords_done(struct boot_chords *chords);

/* layout: "us" (also for NULL), "de", "fr", "gb". What the layout cannot type is an error that names it. Control
 * characters become no chord: Packer sends keysyms for them that QEMU does not know. */
int boot_chords_of(const struct boot_command *command, const char *layout, struct boot_chords *ret, struct bk_error *err) BK_MUST_CHECK;
const char *boot_layout_name(size_t i);         /* NULL past the end */

/* --- lint ------------------------------------------------------------------------ */
struct boot_finding {
        size_t column, offset, length;
        const char *rule;               /* "unknown-tag", a stable word; not owned */
        char *text;
};
struct boot_findings {
        struct boot_finding *v;
        size_t n;
};
void boot_findings_done(struct boot_findings *findings);
/* What Packer would type without a word and its author hardly meant. */
void boot_lint(const struct boot_command *command, struct boot_findings *ret);
