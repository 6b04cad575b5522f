/* The waits of a boot command. Polling is rationed by what a look costs: a
 * screen of text is cheap, a picture that must be fetched and read is not, and
 * the guest pays for both. */
#include "boot/type_priv.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

#define STEP_LEAST_MS 50
#define STEP_MOST_MS 250
#define PORT_STEP_MS 250        /* a connection that is refused costs the guest a packet, one that is dropped a second */
#define LOOK_SHARE 10           /* of the time, at most one part in so many goes to looking */

struct waiting {
        struct typist *typist;
        const struct boot_event *event;
        struct boot_pattern pattern;
        struct boot_screen now, reference;      /* reference: what the screen is compared with */
        bool has_reference, gave_up;
        int64_t from, since;                    /* since: when the reference was seen first */
        int64_t step;
};

static int text_appears(struct waiting *w, bool *met)
{
        struct boot_place place = { 0 };
        struct bk_error why = { 0 };

        if (typist_look(w->typist, &w->now) < 0)
                return -1;
        /* A search that gives up on this screen may well find its text on the next one. */
        w->gave_up = boot_pattern_find(&w->pattern, &w->now, &place, &why) < 0;
        *met = !w->gave_up && place.found;
        return 0;
}

/* Compared with the first of the screens that were alike, so that what changes slowly is not still. */
static int is_still(struct waiting *w, bool *met)
{
        const int64_t asked = typist_now(w->typist);

        if (typist_look(w->typist, &w->now) < 0)
                return -1;
        if (!w->has_reference || !boot_screen_still(&w->reference, &w->now)) {
                typist_copy(&w->now, &w->reference);
                w->has_reference = true;
                w->since = typist_now(w->typist);
        }
        *met = asked - w->since >= w->event->ms;
        return 0;
}

static int has_changed(struct waiting *w, bool *met)
{
        if (typist_look(w->typist, &w->now) < 0)
                return -1;
        if (!w->has_reference) {
                typist_copy(w->typist->has_before ? &w->typist->before : &w->now, &w->reference);
                w->has_reference = true;
        }
        *met = !boot_screen_still(&w->reference, &w->now);
        return 0;
}

static int serial_says(struct waiting *w, bool *met)
{
        const struct boot_target *target = w->typist->target;

        *met = target->serial(target->arg, w->event->text, &w->typist->serial_from);
        return 0;
}

static int port_answers(struct waiting *w, bool *met)
{
        const struct boot_target *target = w->typist->target;

        *met = target->port(target->arg, w->event->port);
        w->step = PORT_STEP_MS;
        return 0;
}

static const struct {
        int (*met)(struct waiting *, bool *);
        const char *not;        /* what is said when the limit passed */
        bool screen;
} waits[] = {
        [BOOT_WAIT_TEXT] = { text_appears, "the text is not on the screen", true },
        [BOOT_WAIT_REGEX] = { text_appears, "nothing on the screen matches", true },
        [BOOT_WAIT_STILL] = { is_still, "the screen kept changing", true },
        [BOOT_WAIT_CHANGE] = { has_changed, "the screen did not change", true },
        [BOOT_WAIT_SERIAL] = { serial_says, "the text was not printed on the serial console", false },
        [BOOT_WAIT_PORT] = { port_answers, "the port does not answer", false },
};

/* The last row with something on it; the caller's, or NULL. */
static char *last_row(const struct boot_screen *screen)
{
        autofree char *text = boot_screen_text(screen, BOOT_ROWS, NULL);
        size_t length = strlen(text);
        const char *row;

        if (length == 0)
                return NULL;
        text[length - 1] = '\0';        /* rows end in newlines, and empty ones at the end are left out */
        row = strrchr(text, '\n');
        row = row != NULL ? row + 1 : text;
        return bk_strdup(row + strspn(row, " "));
}

static int timed_out(struct waiting *w, int64_t limit)
{
        autofree char *where = typist_where(w->typist, w->event);
        struct bk_buf buf = { 0 };

        bk_buf_printf(&buf, "%s after ", waits[w->event->kind].not);
        if (limit % 1000 == 0)
                bk_buf_printf(&buf, "%lld s", (long long)(limit / 1000));
        else
                bk_buf_printf(&buf, "%lld ms", (long long)limit);
        if (w->gave_up)
                bk_buf_puts(&buf, " (the search gave up: too many ways to match)");
        if (waits[w->event->kind].screen) {
                autofree char *row = last_row(&w->now);

                if (row != NULL)
                        bk_buf_printf(&buf, "; its last row: '%.200s'", row);
                else
                        bk_buf_puts(&buf, "; it is empty");
        }
        autofree char *what = bk_buf_finish(&buf);

        return bk_fail(w->typist->err, BK_TIMEOUT, "%s: %s", where, what);
}

static int64_t limit_of(const struct typist *in, const struct boot_event *event)
{
        const int64_t limit = event->limit_ms > 0 ? event->limit_ms : in->typing->wait_limit_ms;
        int64_t scaled;

        if (in->typing->scale_percent <= 0)
                return limit;
        return __builtin_mul_overflow(limit, in->typing->scale_percent, &scaled) ? INT64_MAX : scaled / 100;
}

static int64_t step_of(const struct waiting *w)
{
        const int64_t step = w->step > 0 ? w->step : w->typist->look_ms * LOOK_SHARE;

        return step < STEP_LEAST_MS ? STEP_LEAST_MS : step > STEP_MOST_MS ? STEP_MOST_MS : step;
}

static int until_met(struct waiting *w)
{
        const int64_t limit = limit_of(w->typist, w->event);

        w->from = typist_now(w->typist);
        for (;;) {
                bool met = false;
                int64_t left;

                if (waits[w->event->kind].met(w, &met) < 0)
                        return -1;
                if (met)
                        return 0;
                left = limit - (typist_now(w->typist) - w->from);
                if (left <= 0)
                        return timed_out(w, limit);
                if (typist_pause(w->typist, left < step_of(w) ? left : step_of(w)) < 0)
                        return -1;
        }
}

static int compile(struct waiting *w)
{
        int (*const how)(const char *, struct boot_pattern *, struct bk_error *) =
                w->event->kind == BOOT_WAIT_REGEX ? boot_pattern_regex : boot_pattern_text;

        if (w->event->kind != BOOT_WAIT_TEXT && w->event->kind != BOOT_WAIT_REGEX)
                return 0;
        if (how(w->event->text, &w->pattern, w->typist->err) < 0) {
                autofree char *where = typist_where(w->typist, w->event);

                return bk_wrap(w->typist->err, "%s", where);
        }
        return 0;
}

int typist_wait(struct typist *in, const struct boot_event *event)
{
        struct waiting w = { .typist = in, .event = event };
        int status;

        if (event->kind == BOOT_WAIT)
                return typist_pause(in, event->ms);
        status = compile(&w) < 0 ? -1 : until_met(&w);
        boot_pattern_done(&w.pattern);
        boot_screen_done(&w.now);
        boot_screen_done(&w.reference);
        return status;
}
