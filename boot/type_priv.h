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
        int64_t patience_ms;            /* how long the guest may take to show something; grows with what was seen */
        int64_t echo_ms;                /* how long echoes take, smoothed; 0: none was seen yet */
        bool echoed;                    /* the last stretch was */
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
