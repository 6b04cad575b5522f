/* Typing a boot command: the loop over its events, and Packer's pace. */
#include "boot/type_priv.h"

#include <string.h>

#include "lib/cleanup.h"

#define LAST_MOST 200
#define KEYSYM_ENTER 0xff0d
#define ENTER_LEAST_MS 500
#define ENTER_MOST_MS 2000
#define QUIET_MS 30
#define STEP_MS 10
#define STEP_MOST_MS 80

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

/* --- open eyes ------------------------------------------------------------------- */

/* How long a key that is no character may take to show anything. A line that was echoed ends in something new. */
static int64_t patience(const struct typist *in, const struct boot_event *event)
{
        const int64_t pace = typist_pace(in, event), echo = in->echo_ms * 8;
        const bool ends_line = event->special && event->keysym == KEYSYM_ENTER && in->echoed;

        if (!ends_line)
                return pace;
        return echo < ENTER_LEAST_MS ? ENTER_LEAST_MS : echo > ENTER_MOST_MS ? ENTER_MOST_MS : echo;
}

/* Until the screen has changed and stands still for a moment, or shows nothing at all. */
static int settle(struct typist *in, const struct boot_event *event, const struct boot_screen *before)
{
        BK_CLEANUP(boot_screen_done) struct boot_screen last = { 0 }, now = { 0 };
        const int64_t from = typist_now(in), most = patience(in, event);
        const int64_t quiet = in->echo_ms > QUIET_MS ? in->echo_ms : QUIET_MS;
        int64_t step = in->look_ms > STEP_MS ? in->look_ms : STEP_MS, since = from;
        bool changed = false;

        typist_copy(before, &last);
        while (typist_now(in) - from < most) {
                const int64_t left = most - (typist_now(in) - from);

                if (typist_pause(in, left < step ? left : step) < 0 || typist_look(in, &now) < 0)
                        return -1;
                if (!boot_screen_still(&last, &now)) {
                        changed = true;
                        since = typist_now(in);
                        typist_copy(&now, &last);
                } else if (changed && typist_now(in) - since >= quiet) {
                        return 0;
                }
                step = step * 3 / 2 > STEP_MOST_MS ? STEP_MOST_MS : step * 3 / 2;
        }
        return 0;
}

/* A key that is no character. A wait that follows knows better what to wait for. */
static int tap(struct typist *in, size_t event)
{
        BK_CLEANUP(boot_screen_done) struct boot_screen before = { 0 };
        const bool last = event + 1 == in->command->n || in->command->v[event + 1].kind != BOOT_KEY;
        const size_t chord = in->chord;

        if (last)
                return remember(in, event) < 0 || typist_send(in, event) < 0 ? -1 : 0;
        if (typist_look(in, &before) < 0 || typist_send(in, event) < 0)
                return -1;
        return in->chord > chord ? settle(in, &in->command->v[event], &before) : 0;
}

/* A character that stands for itself, whatever is held: its chord is the one that it has alone. */
static bool printable(const struct typist *in, size_t event, size_t chord)
{
        struct boot_event one = in->command->v[event];
        const struct boot_command command = { .text = in->command->text, .v = &one, .n = 1 };
        BK_CLEANUP(boot_chords_done) struct boot_chords alone = { 0 };
        const struct boot_chord *is;
        struct bk_error ignored = { 0 };

        if (one.kind != BOOT_KEY || one.action != BOOT_PRESS || one.keysym < ' ' || one.keysym > '~' || chord >= in->chords->n ||
            boot_chords_of(&command, in->typing->layout, &alone, &ignored) < 0)
                return false;
        is = &in->chords->v[chord];
        return alone.n > 0 && is->event == event && is->n == alone.v[0].n &&
               memcmp(is->codes, alone.v[0].codes, is->n * sizeof *is->codes) == 0;
}

/* The events that are typed as one piece of text. One before <wait change> is not among them: its echo is the change. */
static size_t stretch_end(const struct typist *in, size_t event)
{
        size_t chord = in->chord;

        for (; event < in->command->n && printable(in, event, chord); event++) {
                if (event + 1 < in->command->n && in->command->v[event + 1].kind == BOOT_WAIT_CHANGE)
                        break;
                while (chord < in->chords->n && in->chords->v[chord].event <= event)
                        chord++;
        }
        return event;
}

static int with_eyes(struct typist *in, size_t *at)
{
        const size_t end = stretch_end(in, *at);
        int status;

        if (end == *at)
                return in->typing->automatic ? tap(in, *at) : blind(in, *at);
        status = typist_stretch(in, *at, end);
        *at = end - 1;
        return status;
}

/* --- the loop -------------------------------------------------------------------- */

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
        const bool eyes = in->typing->automatic || in->typing->verify;

        for (; *at < in->command->n; ++*at) {
                const bool key = in->command->v[*at].kind == BOOT_KEY;

                if ((!key ? wait_for(in, *at) : eyes ? with_eyes(in, at) : blind(in, *at)) < 0)
                        return -1;
        }
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
