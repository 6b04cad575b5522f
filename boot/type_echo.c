/* Typing printable characters with open eyes.
 *
 * Keys are sent like packets: a few before the first is seen, more as long as
 * none is lost. A keyboard controller holds 16 bytes (a plain key takes 3 of
 * them, a shifted one 6), and a BIOS 15 keys, so that no more than a controller
 * full is ever on its way. Until the first character was seen the pace is the
 * blind one: whoever does not echo is typed at as Packer would.
 *
 * What is wrong is erased by backspaces from its end to the first wrong place,
 * and typed again. */
#include "boot/type_priv.h"

#include <linux/input-event-codes.h>
#include <string.h>

#include "lib/cleanup.h"

#define KEY_BYTES 3                     /* scan code set 2: one when a key goes down, two when it comes up */
#define CONTROLLER_BYTES 16
#define STEP_LEAST_MS 8
#define STEP_MOST_MS 80
#define PATIENCE_LEAST_MS 250
#define PATIENCE_MOST_MS 5000
#define ECHO_PATIENCE_MS 700            /* for the first echo at all */
#define TRIES_MOST 12                   /* repairs that did not get any further */
#define CAREFUL 8
#define MOVE_EVERY 200                  /* characters: then the line's beginning is left behind */
#define MOVE_KEEPS 64
#define LINE_MOST 1000
#define GAIN_MOST_MS 30000              /* without getting any further, whatever moves on the screen */

struct piece {
        uint32_t rune;
        size_t event, chord, n_chords;
        unsigned bytes, times;          /* times it was sent */
        int64_t pace, sent;
};

enum track { TRACK_SEARCHING, TRACK_FOUND, TRACK_LOST };

struct stretch {
        struct typist *typist;
        struct piece *v;
        uint32_t *runes;                /* of the pieces */
        size_t n, from;                 /* from: the line as it is read begins here */
        size_t sent, right;             /* pieces sent, and seen right now */
        size_t most_sent, most_right, shown;    /* shown: characters, when the line was read last */
        size_t sure;                    /* of stars: so many were shown when so many had been sent */
        size_t careful;                 /* up to this piece one goes at a time, after a loss */
        enum track track;
        struct echo_line line;
        struct echo_reading reading;
        struct boot_screen now;
        unsigned window, threshold;     /* bytes */
        int64_t last_sent, last_change, last_gain;
        int64_t next;                   /* no key before, at the blind pace */
        int64_t patience;
        size_t erase_to, goal;          /* characters that shall be left, while erasing: for now, and in the end */
        bool erasing, changed, repaired, agreed;
        unsigned tries, erasures;       /* repairs, and backspaces for one of them, that did not get any further */
};

static bool verifies(const struct stretch *s)
{
        return s->typist->typing->verify;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
        return value < least ? least : value > most ? most : value;
}

static void stretch_done(struct stretch *s)
{
        free(s->v);
        free(s->runes);
        boot_screen_done(&s->now);
        echo_line_done(&s->line);
}

static void collect(struct stretch *s, size_t from, size_t to)
{
        const struct boot_chords *chords = s->typist->chords;
        size_t chord = s->typist->chord;

        s->n = to - from;
        s->v = bk_alloc(s->n * sizeof *s->v);
        s->runes = bk_alloc(s->n * sizeof *s->runes);
        for (size_t i = 0; i < s->n; i++) {
                struct piece *piece = &s->v[i];
                const struct boot_event *event = &s->typist->command->v[from + i];

                *piece = (struct piece){ .rune = event->keysym, .event = from + i, .chord = chord, .pace = typist_pace(s->typist, event) };
                for (; chord < chords->n && chords->v[chord].event <= from + i; chord++, piece->n_chords++)
                        piece->bytes += chords->v[chord].n * KEY_BYTES;
                s->runes[i] = piece->rune;
        }
}

/* --- sending ------------------------------------------------------------------ */

static int send_piece(struct stretch *s)
{
        struct typist *in = s->typist;
        struct piece *piece = &s->v[s->sent];
        in->chord = piece->chord;
        if (typist_send(in, piece->event) < 0)
                return -1;
        if (piece->times++ > 0)
                in->typed->retyped += piece->n_chords;
        piece->sent = s->last_sent = typist_now(in);
        s->next = s->last_sent + piece->pace;
        if (++s->sent > s->most_sent)
                s->most_sent = s->sent;
        return 0;
}

/* Bytes sent since the last character that was seen. Blanks are believed, not seen: a few may go before what follows,
 * and many at leisure. */
static unsigned on_the_way(const struct stretch *s, bool *blanks)
{
        unsigned bytes = 0;
        size_t seen = s->right;

        while (seen > s->from && s->runes[seen - 1] == ' ')
                seen--;
        *blanks = s->sent - seen < CONTROLLER_BYTES / KEY_BYTES ||
                  typist_now(s->typist) - s->last_sent >= clamp(s->typist->echo_ms * 2, 40, s->patience);
        for (size_t i = seen; i < s->sent; i++) {
                bytes += s->v[i].bytes;
                *blanks = *blanks && s->runes[i] == ' ';
        }
        return bytes;
}

/* What is shown is the beginning of what was sent, so more may follow. */
static bool in_order(const struct stretch *s)
{
        return s->reading.clean && s->reading.kind != ECHO_STRANGE;
}

static bool may_send(const struct stretch *s)
{
        const int64_t now = typist_now(s->typist);
        bool blanks = false;
        unsigned bytes;

        if (s->sent == s->n || s->erasing)
                return false;
        if (s->track == TRACK_LOST)
                return now >= s->next;
        bytes = on_the_way(s, &blanks);
        if (s->track == TRACK_SEARCHING || !s->typist->typing->automatic) {
                if (now < s->next || (verifies(s) && s->track == TRACK_FOUND && !in_order(s)))
                        return false;
                /* A guest that has echoed so far is busy rather than silent. */
                return !s->typist->echoed || s->track == TRACK_FOUND || s->changed || bytes + s->v[s->sent].bytes <= CONTROLLER_BYTES ||
                       now - s->last_sent >= s->patience;
        }
        if (!in_order(s))
                return false;
        return bytes == 0 || blanks || bytes + s->v[s->sent].bytes <= s->window;
}

static int send_some(struct stretch *s)
{
        while (may_send(s))
                if (send_piece(s) < 0)
                        return -1;
        return 0;
}

/* --- seeing -------------------------------------------------------------------- */

/* Echoes of what was sent twice tell nothing of how long echoes take. */
static void learn(struct stretch *s, size_t right)
{
        struct typist *in = s->typist;
        for (size_t i = s->right; i < right; i++) {
                const int64_t took = typist_now(in) - s->v[i].sent;

                if (s->v[i].times != 1 || s->runes[i] == ' ')
                        continue;
                in->echo_ms = in->echo_ms == 0 ? took + 1 : (in->echo_ms * 7 + took) / 8 + 1;
        }
        if (right > s->most_right)
                s->patience = in->echo_ms > 0 ? clamp(in->echo_ms * 4, PATIENCE_LEAST_MS, PATIENCE_MOST_MS) : ECHO_PATIENCE_MS;
        if (right <= s->right || right <= s->careful)
                return;
        s->window += s->window < s->threshold ? s->window : KEY_BYTES;
        s->window = (unsigned)clamp(s->window, KEY_BYTES, CONTROLLER_BYTES);
}

static void lose(struct stretch *s)
{
        s->threshold = (unsigned)clamp(s->window / 2, KEY_BYTES, CONTROLLER_BYTES);
        s->window = KEY_BYTES;
        s->careful = s->most_sent < s->right + CAREFUL ? s->most_sent : s->right + CAREFUL;
        if (s->reading.clean)           /* late rather than lost, perhaps */
                s->patience = clamp(s->patience * 3 / 2, PATIENCE_LEAST_MS, PATIENCE_MOST_MS);
}

static bool equal_readings(const struct echo_reading *a, const struct echo_reading *b)
{
        return a->kind == b->kind && a->shown == b->shown && a->right == b->right && a->scroll == b->scroll;
}

/* Without verification only the number of characters matters. */
static void overlook(struct stretch *s)
{
        struct echo_reading *reading = &s->reading;

        if (reading->kind != ECHO_LINE || verifies(s))
                return;
        if (reading->shown > s->sent - s->from)
                reading->shown = s->sent - s->from;
        reading->right = reading->shown;
        reading->clean = true;
}

/* What comes late may be more than what was sent again. Blanks at its end are not there only because they may be. */
static void count_late(struct stretch *s)
{
        struct echo_reading *reading = &s->reading;

        while (s->from + reading->right > s->sent && s->runes[s->from + reading->right - 1] == ' ') {
                reading->right--;
                reading->shown--;
        }
        if (s->from + reading->right > s->sent)
                s->sent = s->from + reading->right;
}

static void count_stars(struct stretch *s)
{
        if (s->reading.shown == s->sent - s->from)
                s->sure = s->sent;
        else if (s->reading.shown > s->sent - s->from)
                s->reading.clean = false;
}

static int see(struct stretch *s)
{
        BK_CLEANUP(boot_screen_done) struct boot_screen before = s->now;
        const struct echo_reading last = s->reading;
        size_t right;

        s->now = (struct boot_screen){ 0 };
        if (typist_look(s->typist, &s->now) < 0)
                return -1;
        echo_read(&s->line, s->runes + s->from, s->most_sent - s->from, s->shown + (s->sent - s->right) * 2 + 4, &s->now, &s->reading);
        if (s->reading.kind != ECHO_STRANGE)
                s->shown = s->reading.shown;
        overlook(s);
        if (s->reading.kind == ECHO_LINE && s->reading.clean)
                count_late(s);
        if (s->reading.kind == ECHO_MASKED)
                count_stars(s);
        s->agreed = equal_readings(&s->reading, &last) && (s->reading.kind != ECHO_STRANGE || boot_screen_still(&before, &s->now));
        s->changed = s->changed || s->reading.kind != ECHO_NOTHING;
        if (!s->agreed)
                s->last_change = typist_now(s->typist);
        right = s->reading.kind == ECHO_STRANGE ? s->right : s->from + s->reading.right;
        if (in_order(s) && s->reading.kind != ECHO_NOTHING) {
                if (!s->erasing)
                        learn(s, right);
                echo_lock(&s->line, &s->reading);
                s->track = TRACK_FOUND;
        }
        s->right = right;
        if (right > s->most_right) {
                s->most_right = right;
                s->last_gain = typist_now(s->typist);
                s->tries = 0;
        }
        return 0;
}

/* --- repairing ------------------------------------------------------------------ */

static int wrong_line(struct stretch *s)
{
        const struct typist *in = s->typist;
        const size_t from = s->right > s->from + 20 ? s->right - 20 : s->from;
        const size_t length = s->most_sent - from < 60 ? s->most_sent - from : 60;
        autofree char *where = typist_where(in, &in->command->v[s->v[0].event]);
        autofree char *seen = s->reading.kind == ECHO_STRANGE ? bk_strdup("something else") : echo_seen(&s->reading, &s->now, from - s->from);
        autofree char *typed = bk_alloc(length + 1);

        for (size_t i = 0; i < length; i++)
                typed[i] = (char)s->runes[from + i];
        return bk_fail(in->err, BK_FAILED, "%s: typed '%s', but '%.60s' is shown, also after typing it %u times; "
                       "is the keyboard layout of the guest another one?", where, typed, seen, s->tries + 1);
}

static int press(const struct typist *in, unsigned code)
{
        if (in->target->send(in->target->arg, &code, 1, 0, in->err) < 0)
                return -1;
        in->typed->keys++;
        return 0;
}

static int erase(struct stretch *s)
{
        const struct typist *in = s->typist;
        size_t n = s->reading.shown - s->goal;

        if (n > CONTROLLER_BYTES / KEY_BYTES)
                n = CONTROLLER_BYTES / KEY_BYTES;
        s->erasing = true;
        s->erase_to = s->reading.shown - n;
        for (size_t i = 0; i < n; i++)
                if (press(in, KEY_BACKSPACE) < 0)
                        return -1;
        s->last_sent = s->last_change = typist_now(in);
        return 0;
}

/* How much of the line may stay. Stars do not tell which of them is wrong, but up to where all were right. The first character that goes must be one
 * that can be seen going: whether a blank at the end is there or not cannot be told. */
static size_t kept(const struct stretch *s)
{
        size_t keep = s->reading.right;

        if (s->reading.kind == ECHO_MASKED)
                return s->sure - s->from < keep ? s->sure - s->from : keep;
        while (keep > 0 && s->reading.shown > keep && echo_at(&s->reading, &s->now, keep) == ' ')
                keep--;
        return keep;
}

/* The screen has not changed for a while, and is not what it should be. */
static int repair(struct stretch *s)
{
        size_t keep;

        if (++s->tries > TRIES_MOST)
                return wrong_line(s);
        keep = kept(s);
        echo_lock(&s->line, &s->reading);
        if (s->tries == TRIES_MOST / 2 && s->from == 0 && s->most_right == 0)
                s->line.located = false;        /* it may begin elsewhere */
        s->track = TRACK_FOUND;
        s->repaired = true;
        lose(s);
        s->sent = s->right = s->from + keep;
        s->sure = s->sure < s->sent ? s->sure : s->sent;
        s->goal = keep;
        s->erasures = 0;
        /* Who loses every third key loses the same one each time, unless one that types nothing goes before. */
        if (s->tries % 2 == 0 && press(s->typist, KEY_LEFTSHIFT) < 0)
                return -1;
        return s->reading.shown > keep ? erase(s) : 0;
}

/* Nothing can be compared any more; what follows is typed at the blind pace. */
static int give_up(struct stretch *s)
{
        if (s->repaired)
                return wrong_line(s);
        s->track = TRACK_LOST;
        return 0;
}

/* What was lost is not asked for: the line begins anew behind it. */
static void begin_anew(struct stretch *s)
{
        typist_copy(&s->now, &s->line.base);
        s->line.located = s->line.edged = false;
        s->from = s->right = s->most_sent = s->sent;
        s->shown = 0;
        s->track = TRACK_SEARCHING;
        s->reading = (struct echo_reading){ .clean = true };
        lose(s);
}

/* --- deciding ------------------------------------------------------------------- */

static bool complete(const struct stretch *s)
{
        if (s->track != TRACK_FOUND || s->sent < s->n || s->erasing || !in_order(s))
                return s->track == TRACK_LOST && s->sent == s->n;
        if (s->reading.kind == ECHO_MASKED && s->reading.shown != s->n - s->from)
                return false;
        if (s->right < s->n)
                return false;
        /* A repaired line may still grow by what was late and not lost. */
        return !verifies(s) || (s->repaired ? typist_now(s->typist) - s->last_change >= s->patience : s->agreed);
}

static int stalled(struct stretch *s)
{
        if (s->track == TRACK_SEARCHING && s->reading.kind == ECHO_NOTHING && !verifies(s))
                return give_up(s);
        if (s->reading.lenient && s->reading.clean)
                return give_up(s);
        if (s->reading.kind == ECHO_STRANGE || s->track == TRACK_SEARCHING)
                return s->reading.kind == ECHO_LINE || s->reading.kind == ECHO_MASKED ? repair(s) : give_up(s);
        if (verifies(s))
                return repair(s);
        begin_anew(s);
        return 0;
}

/* Backspaces are lost as well. */
static int keep_erasing(struct stretch *s, int64_t quiet)
{
        if (s->reading.kind == ECHO_STRANGE)
                return quiet >= s->patience ? give_up(s) : 0;
        if (s->reading.shown <= s->goal) {
                s->erasing = false;
                return 0;
        }
        if (s->reading.shown <= s->erase_to) {
                s->erasures = 0;
                return erase(s);
        }
        if (quiet < s->patience)
                return 0;
        return ++s->erasures > TRIES_MOST ? wrong_line(s) : erase(s);
}

/* What to do about a screen that is not what it should be. */
static int decide(struct stretch *s)
{
        const struct typist *in = s->typist;
        const int64_t now = typist_now(in);
        const int64_t since = s->last_sent > s->last_change ? s->last_sent : s->last_change;
        const int64_t soon = clamp(in->echo_ms * 2, 60, s->patience);

        if (s->track == TRACK_LOST)
                return 0;
        if (now - s->last_gain > GAIN_MOST_MS && s->track == TRACK_FOUND)
                return give_up(s);
        if (s->erasing)
                return keep_erasing(s, now - since);
        /* Characters behind a gap: what is missing does not come any more. */
        if (verifies(s) && (s->reading.kind == ECHO_LINE || s->reading.kind == ECHO_MASKED) && !s->reading.clean &&
            now - since >= soon)
                return repair(s);
        /* A picture that was drawn anew, as a menu does on a key. */
        if (s->reading.kind == ECHO_STRANGE && s->track == TRACK_SEARCHING && s->sent == s->n && now - since >= soon * 2)
                return stalled(s);
        if (now - since < s->patience || may_send(s) || (s->sent < s->n && now < s->next))
                return 0;
        if (s->sent == s->n || s->track == TRACK_FOUND || s->reading.kind == ECHO_STRANGE)
                return stalled(s);
        return 0;
}

static void move_on(struct stretch *s)
{
        const bool broken = s->reading.broken > 0 && s->reading.right > s->reading.broken;
        const size_t k = broken ? s->reading.broken : s->reading.right > MOVE_KEEPS ? s->reading.right - MOVE_KEEPS : 0;

        if ((s->sent - s->from < MOVE_EVERY && !broken) || !s->line.located || !in_order(s) || s->reading.kind != ECHO_LINE)
                return;
        if (s->reading.shown == s->reading.right && echo_move(&s->line, &s->reading, &s->now, k)) {
                s->from += k;
                s->shown -= k;
        }
        else if (s->sent - s->from > LINE_MOST)
                s->track = TRACK_LOST;
}

static int64_t step(const struct stretch *s)
{
        const int64_t now = typist_now(s->typist);
        int64_t ms = clamp((now - s->last_sent) / 3, STEP_LEAST_MS, STEP_MOST_MS);

        if (ms < s->typist->look_ms)
                ms = s->typist->look_ms;
        if (s->sent < s->n && s->next > now && s->next - now < ms)
                return s->next - now;
        return ms;
}

/* At the end: the blind pace still holds where it was asked for. */
static int rest(struct stretch *s)
{
        return s->typist->typing->automatic && s->track == TRACK_FOUND ? 0 : typist_pause(s->typist, s->next - typist_now(s->typist));
}

static int follow(struct stretch *s)
{
        for (;;) {
                if (send_some(s) < 0)
                        return -1;
                if (complete(s))
                        return rest(s);
                if (s->track == TRACK_LOST) {
                        if (typist_pause(s->typist, s->next - typist_now(s->typist)) < 0)
                                return -1;
                        continue;
                }
                /* Without verification nobody waits for an echo at the end. */
                if (!verifies(s) && s->sent == s->n && s->track == TRACK_SEARCHING)
                        return rest(s);
                if (typist_pause(s->typist, step(s)) < 0 || see(s) < 0 || decide(s) < 0)
                        return -1;
                move_on(s);
        }
}

int typist_stretch(struct typist *in, size_t from, size_t to)
{
        BK_CLEANUP(stretch_done) struct stretch s = { .typist = in, .window = KEY_BYTES, .threshold = CONTROLLER_BYTES,
                                                      .reading.clean = true };

        collect(&s, from, to);
        s.patience = in->echo_ms > 0 ? clamp(in->echo_ms * 4, PATIENCE_LEAST_MS, PATIENCE_MOST_MS)
                                     : clamp(ECHO_PATIENCE_MS >> in->silent, PATIENCE_LEAST_MS / 2, PATIENCE_MOST_MS);
        s.last_sent = s.last_change = s.last_gain = s.next = typist_now(in);
        if (typist_look(in, &s.line.base) < 0 || follow(&s) < 0)
                return -1;
        in->echoed = s.track == TRACK_FOUND;
        in->silent += s.track != TRACK_FOUND && in->silent < 8;
        if (!in->echoed && in->typing->verify && s.n > 1 && !in->said_blind) {
                in->said_blind = true;
                typist_say(in, from, "what is typed here is not shown, so that it cannot be verified");
        }
        return 0;
}
