/* Typing a boot command: the loop over its events, and Packer's pace. */
#include "boot/type_priv.h"

#include <string.h>

#include "lib/cleanup.h"

#define LAST_MOST 200

void boot_typed_done(struct boot_typed *typed)
{
        free(typed->last);
        *typed = (struct boot_typed){ 0 };
}

int64_t typist_now(const struct typist *in)
{
        return in->target->now(in->target->arg);
}

int typist_pause(struct typist *in, int64_t ms)
{
        return ms > 0 ? in->target->pause(in->target->arg, ms, in->err) : 0;
}

int typist_look(struct typist *in, struct boot_screen *ret)
{
        const int64_t from = typist_now(in);

        boot_screen_done(ret);
        if (in->target->look(in->target->arg, ret, in->err) < 0)
                return -1;
        in->look_ms = typist_now(in) - from;
        return 0;
}

void typist_copy(const struct boot_screen *from, struct boot_screen *ret)
{
        const size_t cells = (size_t)from->columns * from->rows;

        boot_screen_done(ret);
        boot_screen_init(ret, from->columns, from->rows);
        if (cells > 0) {
                memcpy(ret->codes, from->codes, cells * sizeof *ret->codes);
                memcpy(ret->looks, from->looks, cells * sizeof *ret->looks);
        }
        ret->drawn = from->drawn;
}

char *typist_where(const struct typist *in, const struct boot_event *event)
{
        return bk_format("boot command, column %zu: %.*s", boot_column(in->command->text, event->offset),
                         (int)(event->length > 80 ? 80 : event->length), in->command->text + event->offset);
}

void typist_say(const struct typist *in, size_t event, const char *what)
{
        autofree char *line = bk_format("boot command, column %zu: %s",
                                        boot_column(in->command->text, in->command->v[event].offset), what);

        if (in->target->say != NULL)
                in->target->say(in->target->arg, line);
}

int64_t typist_pace(const struct typist *in, const struct boot_event *event)
{
        return in->typing->key_interval_ms * (event->action == BOOT_PRESS ? 2 : 1) * (event->shift ? 2 : 1);
}

int typist_send(struct typist *in, size_t event)
{
        for (; in->chord < in->chords->n && in->chords->v[in->chord].event <= event; in->chord++) {
                const struct boot_chord *chord = &in->chords->v[in->chord];

                if (in->target->send(in->target->arg, chord->codes, chord->n, chord->hold_ms, in->err) < 0)
                        return -1;
                in->typed->keys++;
        }
        return 0;
}

/* What <wait change> compares with: the guest may be done with the key before the wait begins. */
static int remember(struct typist *in, size_t event)
{
        in->has_before = event + 1 < in->command->n && in->command->v[event + 1].kind == BOOT_WAIT_CHANGE;
        return in->has_before ? typist_look(in, &in->before) : 0;
}

static int blind(struct typist *in, size_t event)
{
        return remember(in, event) < 0 || typist_send(in, event) < 0 ||
               typist_pause(in, typist_pace(in, &in->command->v[event])) < 0 ? -1 : 0;
}

static int wait_for(struct typist *in, size_t event)
{
        const int64_t from = typist_now(in);
        const int status = typist_wait(in, &in->command->v[event]);

        in->typed->waiting_ms += typist_now(in) - from;
        in->has_before = false;
        return status;
}

static int play(struct typist *in, size_t *at)
{
        for (; *at < in->command->n; ++*at)
                if ((in->command->v[*at].kind == BOOT_KEY ? blind(in, *at) : wait_for(in, *at)) < 0)
                        return -1;
        return typist_pause(in, in->typing->group_interval_ms);
}

/* The end of what was typed, as it was written. */
static char *tail_of(const struct boot_command *command, size_t events)
{
        const size_t end = events == 0 ? 0 : command->v[events - 1].offset + command->v[events - 1].length;
        size_t from = end > LAST_MOST ? end - LAST_MOST : 0;

        while (from < end && ((unsigned char)command->text[from] & 0xc0) == 0x80)
                from++;
        return bk_strndup(command->text + from, end - from);
}

int boot_type(const struct boot_command *command, const struct boot_typing *typing, const struct boot_target *target,
              struct boot_typed *ret, struct bk_error *err)
{
        BK_CLEANUP(boot_chords_done) struct boot_chords chords = { 0 };
        struct boot_typed typed = { 0 };
        struct typist in = { .command = command, .chords = &chords, .typing = typing, .target = target, .typed = &typed, .err = err };
        const int64_t from = typist_now(&in);
        size_t at = 0;
        int status;

        status = boot_chords_of(command, typing->layout, &chords, err) < 0 ? -1 : play(&in, &at);
        typed.typing_ms = typist_now(&in) - from - typed.waiting_ms;
        typed.last = tail_of(command, at < command->n ? at + 1 : at);
        boot_screen_done(&in.before);
        *ret = typed;
        return status;
}
