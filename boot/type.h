/* Typing a boot command into a guest, with open eyes.
 *
 * Waits are executed; keys are sent as chords. Two things make typing safe:
 * `auto` pace sends as fast as the echo on the screen confirms and no faster, so neither a slow
 * guest's keyboard buffer overflows nor a fast one is waited for; `verify` reads back
 * what was typed and types again what was lost.
 *
 * A piece of text ends at a key that is no printable ASCII character, or at a wait. What
 * cannot be seen is not verified: blanks at its end, text of which nothing is shown, and
 * keys other than characters, which are never sent twice. */
#pragma once
#include "boot/boot.h"
#include "boot/match.h"
#include "boot/screen.h"
#include "lib/mem.h"

/* What typing needs of a guest. Functions fail when the guest is gone, with the reason. */
struct boot_target {
        void *arg;
        /* Keys down together, up together after hold_ms (0: briefly). Returns when the guest's keyboard was told, not when it has read. */
        int (*send)(void *arg, const unsigned *codes, unsigned n, int64_t hold_ms, struct bk_error *err);
        /* What is shown now; ret was zeroed or done. Its `drawn` says that a cursor may be among the cells. */
        int (*look)(void *arg, struct boot_screen *ret, struct bk_error *err);
        /* Does the serial console's output since `from` (bytes printed in all) contain text? Sets *from behind it when so. */
        bool (*serial)(void *arg, const char *text, uint64_t *from);
        bool (*port)(void *arg, unsigned port);         /* does the guest answer on this TCP port? */
        int (*pause)(void *arg, int64_t ms, struct bk_error *err);      /* fails early when the guest dies */
        int64_t (*now)(void *arg);                      /* ms, monotonic */
        void (*say)(void *arg, const char *text);       /* progress, a line; may be NULL */
};

struct boot_typing {
        const char *layout;             /* as in boot_chords_of() */
        bool automatic;                 /* pace: by the echo; where nothing is echoed, key_interval_ms */
        bool verify;
        int64_t key_interval_ms;        /* after every down and up, as Packer (see boot_key_interval_ms()) */
        int64_t group_interval_ms;      /* boot_keygroup_interval: after every command of boot_steps */
        int64_t wait_limit_ms;          /* of waits for something that give no limit */
        int64_t scale_percent;          /* of limits, not of plain waits: 100, or more where guests are emulated */
};

struct boot_typed {
        size_t keys;                    /* chords sent */
        size_t retyped;                 /* of them, again; without the backspaces before */
        int64_t typing_ms, waiting_ms;
        char *last;                     /* what was typed last, as in the command, at most 200 bytes; owned. For evidence */
};
void boot_typed_done(struct boot_typed *typed);

/* A limit that passed is BK_TIMEOUT: names the wait, its column, the time. A line that could not be typed right (verify) is BK_FAILED
 * and shows what stood on the screen. *ret is filled also on failure. */
int boot_type(const struct boot_command *command, const struct boot_typing *typing, const struct boot_target *target,
              struct boot_typed *ret, struct bk_error *err) BK_MUST_CHECK;
