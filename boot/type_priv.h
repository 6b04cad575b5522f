/* What the files of boot/type*.c share. */
#pragma once
#include "boot/type.h"

struct typist {
        const struct boot_command *command;
        const struct boot_chords *chords;
        const struct boot_typing *typing;
        const struct boot_target *target;
        struct boot_typed *typed;
        size_t chord;                   /* the next one to be sent */
        uint64_t serial_from;           /* what was waited for is behind this */
        int64_t look_ms;                /* what the last look at the screen cost */
        struct boot_screen before;      /* before the last key, where <wait change> follows */
        bool has_before;
        int64_t echo_ms;                /* how long echoes take, smoothed; 0: none was seen yet */
        bool echoed;                    /* the last stretch was */
        unsigned silent;                /* stretches that were not */
        bool said_blind;
        struct bk_error *err;
};

/* --- type.c ----------------------------------------------------------------- */
int64_t typist_now(const struct typist *in);
int typist_pause(struct typist *in, int64_t ms) BK_MUST_CHECK;
int typist_look(struct typist *in, struct boot_screen *ret) BK_MUST_CHECK;      /* ret is done first */
void typist_say(const struct typist *in, size_t event, const char *what);
/* Sends the chords of an event, which may be none. */
int typist_send(struct typist *in, size_t event) BK_MUST_CHECK;
/* How long Packer takes for an event of the kind BOOT_KEY. */
int64_t typist_pace(const struct typist *in, const struct boot_event *event);
/* "boot command, column 7: '<enter>'"; the caller's. */
char *typist_where(const struct typist *in, const struct boot_event *event);
void typist_copy(const struct boot_screen *from, struct boot_screen *ret);      /* ret is done first */

/* --- type_wait.c ------------------------------------------------------------ */
int typist_wait(struct typist *in, const struct boot_event *event) BK_MUST_CHECK;

/* --- type_read.c: what stands on the screen of a line that was typed ------------- */
struct echo_line {
        struct boot_screen base;        /* before its first character */
        bool located, edged;
        unsigned column, row;           /* where the first character goes, once located */
        unsigned left, right;           /* between these columns rows are wrapped, once edged */
        size_t broken;                  /* this character begins a row, where the guest says so; 0: none */
        unsigned skipped;               /* rows that stay empty before it */
};
enum echo_kind {
        ECHO_NOTHING,                   /* nothing changed */
        ECHO_LINE,
        ECHO_MASKED,                    /* a row of stars */
        ECHO_STRANGE,                   /* something else */
};
struct echo_reading {
        enum echo_kind kind;
        bool clean;                     /* all that is shown is the beginning of what was typed */
        bool ambiguous;                 /* it may begin elsewhere as well */
        bool edges_seen;                /* left and right_edge are certain */
        size_t shown, right;            /* characters; right: of them, from the first on, as typed */
        bool lenient;                   /* ... and the row below it changed */
        unsigned column, row, left, right_edge, scroll, skipped;
        size_t broken;
};
void echo_line_done(struct echo_line *line);
/* At most `most` characters may be shown. Blanks at the end of the line cannot be seen, and are believed. */
void echo_read(const struct echo_line *line, const uint32_t *text, size_t n, size_t most, const struct boot_screen *now,
               struct echo_reading *ret);
/* Remembers what the reading tells of the line's place. */
void echo_lock(struct echo_line *line, const struct echo_reading *reading);
/* From now on the line begins at its k-th character; false where something stands behind the line. */
bool echo_move(struct echo_line *line, const struct echo_reading *reading, const struct boot_screen *now, size_t k);
uint32_t echo_at(const struct echo_reading *reading, const struct boot_screen *now, size_t k);
/* What is shown of the line, from a character on; the caller's. */
char *echo_seen(const struct echo_reading *reading, const struct boot_screen *now, size_t from);

/* --- type_echo.c ------------------------------------------------------------ */
/* Types the events [from, to), which are printable characters. */
int typist_stretch(struct typist *in, size_t from, size_t to) BK_MUST_CHECK;
