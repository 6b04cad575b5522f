/* A guest for tests of typing: a keyboard controller, a line editor and a
 * screen, with a clock that only pauses and looks move. */
#pragma once
#include <linux/input-event-codes.h>
#include <stdio.h>

#include "boot/type.h"
#include "lib/cleanup.h"

enum { TERMINAL_LINE = 8192, TERMINAL_ROWS = 4096, TERMINAL_KEYS = 16384 };
enum terminal_echo { SHOWS_ALL, SHOWS_NOTHING, SHOWS_STARS };

struct terminal_key { int64_t read_at, at; unsigned codes[4], n; };

struct terminal {
        /* What it is like. Zeroes are a good guest of 80x25. */
        unsigned columns, rows, row;            /* row: of the prompt */
        bool box, drawn, marks_wrap;            /* marks_wrap: a backslash where a row goes on, as GRUB's editor has */
        unsigned spare;                         /* columns at the right that are never written */
        const char *prompt, *existing;          /* existing: what the line holds already; the cursor stands at its '|' */
        enum terminal_echo echo;
        int64_t latency, per_key, look_cost;    /* ms; per_key: how fast it empties its controller */
        unsigned controller;                    /* bytes; 0: endless */
        unsigned lose_every, lose_percent, double_percent;
        unsigned redraws_on;                    /* a character that draws another picture */
        const char *swaps;                      /* pairs of characters: another keyboard layout */
        size_t dies_after;                      /* keys */
        const char *prints;                     /* on row 1, at prints_at, and on the serial console */
        int64_t prints_at, busy_from, busy_to;  /* busy: reads nothing */
        unsigned port;
        int64_t noise_every;                    /* a counter in the corner */
        unsigned seed;

        /* What happened. */
        int64_t clock;
        struct terminal_key queue[TERMINAL_KEYS];
        size_t head, tail, sent, taps, lost, doubled;
        char line[TERMINAL_LINE], received[TERMINAL_LINE];      /* received: lines that were entered, each with its newline */
        size_t length, cursor;
        char background[TERMINAL_ROWS][161];
        unsigned top, scrolled;                 /* row of the prompt in the background */
        bool redrawn;
        char said[2048];
};

static inline unsigned terminal_random(struct terminal *t, unsigned below)
{
        t->seed = t->seed * 1103515245U + 12345U;
        return (t->seed >> 16) % below;
}

static inline unsigned terminal_left(const struct terminal *t)
{
        return t->box ? 3 : 0;
}

static inline unsigned terminal_right(const struct terminal *t)
{
        return t->columns - (t->box ? 3 : 0) - t->spare;
}

/* Where the k-th character after the prompt stands. */
static inline void terminal_place(const struct terminal *t, size_t k, unsigned *column, unsigned *row)
{
        const unsigned width = terminal_right(t) - terminal_left(t);
        const size_t at = strlen(t->prompt) + k;

        *row = t->top + (unsigned)(at / width);
        *column = terminal_left(t) + (unsigned)(at % width);
}

static inline void terminal_scroll(struct terminal *t)
{
        unsigned column, row;

        terminal_place(t, t->length > 0 ? t->length - (t->length == t->cursor ? 0 : 1) : 0, &column, &row);
        if (row >= t->scrolled + t->rows)
                t->scrolled = row - t->rows + 1;
}

static inline void terminal_start(struct terminal *t)
{
        if (t->columns == 0)
                t->columns = 80;
        if (t->rows == 0)
                t->rows = 25;
        if (t->prompt == NULL)
                t->prompt = "> ";
        if (t->look_cost == 0)
                t->look_cost = 3;
        t->top = t->row;
        for (unsigned row = 0; row < t->row; row++)
                (void)snprintf(t->background[row], sizeof t->background[row], "row %u of what was there, 3 > 2", row);
        for (const char *p = t->existing; p != NULL && *p != '\0'; p++)
                if (*p == '|')
                        t->cursor = t->length;
                else
                        t->line[t->length++] = *p;
}

static inline void terminal_put(struct terminal *t, char c)
{
        if (t->length + 1 >= sizeof t->line)
                return;
        memmove(t->line + t->cursor + 1, t->line + t->cursor, t->length - t->cursor);
        t->line[t->cursor++] = c;
        t->length++;
        terminal_scroll(t);
}

static inline void terminal_enter(struct terminal *t)
{
        unsigned column, row;

        for (size_t k = 0; k < strlen(t->prompt) + t->length && t->echo == SHOWS_ALL; k++) {
                const unsigned width = terminal_right(t) - terminal_left(t);
                char *to = t->background[t->top + k / width];

                to[terminal_left(t) + k % width] = k < strlen(t->prompt) ? t->prompt[k] : t->line[k - strlen(t->prompt)];
        }
        for (unsigned i = 0; i < TERMINAL_ROWS; i++)            /* rows are texts: no NULs inside */
                for (unsigned k = 159, seen = 0; k < 160; k--) {
                        seen = seen || t->background[i][k] != '\0';
                        if (seen && t->background[i][k] == '\0')
                                t->background[i][k] = ' ';
                }
        t->line[t->length] = '\n';
        if (strlen(t->received) + t->length + 1 < sizeof t->received)
                memcpy(t->received + strlen(t->received), t->line, t->length + 1);
        terminal_place(t, t->length, &column, &row);
        t->top = row + 1;
        t->length = t->cursor = 0;
        memset(t->line, 0, sizeof t->line);
        terminal_scroll(t);
}

/* The character of a chord, by the rows that the chords are made from. */
static inline char terminal_char(const struct terminal_key *key)
{
        static struct { unsigned codes[2], n; } map[128];
        struct bk_error err = { 0 };

        for (unsigned c = ' '; c < 127; c++) {
                struct boot_event event = { .kind = BOOT_KEY, .keysym = c };
                char text[2] = { (char)c, 0 };
                const struct boot_command command = { .text = text, .v = &event, .n = 1 };
                struct boot_chords chords = { 0 };

                if (map[c].n == 0) {
                        if (boot_chords_of(&command, NULL, &chords, &err) < 0)
                                continue;
                        map[c].n = chords.v[0].n;
                        memcpy(map[c].codes, chords.v[0].codes, map[c].n * sizeof(unsigned));
                        boot_chords_done(&chords);
                }
                if (map[c].n == key->n && memcmp(map[c].codes, key->codes, key->n * sizeof(unsigned)) == 0)
                        return (char)c;
        }
        return 0;
}

static inline void terminal_take(struct terminal *t, const struct terminal_key *key)
{
        char c = terminal_char(key);

        if (key->codes[0] == KEY_ENTER) {
                terminal_enter(t);
                return;
        }
        if (key->codes[0] == KEY_BACKSPACE) {
                if (t->cursor > 0) {
                        memmove(t->line + t->cursor - 1, t->line + t->cursor, t->length - t->cursor);
                        t->cursor--;
                        t->line[--t->length] = '\0';
                }
                return;
        }
        if (c == 0)
                return;
        for (const char *p = t->swaps; p != NULL && *p != '\0'; p += 2)
                if (c == p[0]) {
                        c = p[1];
                        break;
                }
        t->redrawn = t->redrawn || (t->redraws_on != 0 && (unsigned char)c == t->redraws_on);
        terminal_put(t, c);
}

static inline void terminal_run(struct terminal *t)
{
        while (t->head < t->tail && t->queue[t->head].at <= t->clock) {
                const struct terminal_key key = t->queue[t->head++];

                terminal_take(t, &key);
                if (t->double_percent > 0 && key.codes[0] != KEY_ENTER && terminal_random(t, 100) < t->double_percent) {
                        t->doubled++;
                        terminal_take(t, &key);
                }
        }
}

static inline int terminal_send(void *arg, const unsigned *codes, unsigned n, int64_t hold_ms, struct bk_error *err)
{
        struct terminal *t = arg;
        const int64_t last = t->tail > 0 ? t->queue[t->tail - 1].read_at : 0;
        struct terminal_key key = { .n = n };
        unsigned bytes = 0;

        (void)hold_ms;
        terminal_run(t);
        t->sent++;
        if (t->dies_after > 0 && t->sent > t->dies_after)
                return bk_fail(err, BK_INFRA, "the guest is gone");
        for (size_t i = t->head; i < t->tail; i++)
                if (t->queue[i].read_at > t->clock)
                        bytes += t->queue[i].n * 3;
        /* Enter always arrives: it is not typed twice, whatever becomes of it. */
        if (codes[0] != KEY_ENTER &&
            ((t->controller > 0 && bytes + n * 3 > t->controller) || (t->lose_every > 0 && ++t->taps % t->lose_every == 0) ||
             (t->lose_percent > 0 && terminal_random(t, 100) < t->lose_percent))) {
                t->lost++;
                return 0;
        }
        memcpy(key.codes, codes, (n < 4 ? n : 4) * sizeof *codes);
        key.read_at = (last > t->clock ? last : t->clock) + t->per_key;
        if (key.read_at >= t->busy_from && key.read_at < t->busy_to)
                key.read_at = t->busy_to;
        key.at = key.read_at + t->latency;
        t->queue[t->tail++] = key;
        if (t->tail == TERMINAL_KEYS) {
                memmove(t->queue, t->queue + t->head, (t->tail - t->head) * sizeof *t->queue);
                t->tail -= t->head;
                t->head = 0;
        }
        return 0;
}

static inline void terminal_cell(const struct terminal *t, struct boot_screen *screen, unsigned column, unsigned row, uint32_t code)
{
        if (row >= t->scrolled && row - t->scrolled < t->rows && column < t->columns)
                screen->codes[(row - t->scrolled) * t->columns + column] = code;
}

static inline void terminal_draw_line(const struct terminal *t, struct boot_screen *screen)
{
        unsigned column, row;

        for (size_t k = 0; k < strlen(t->prompt); k++)
                terminal_cell(t, screen, terminal_left(t) + (unsigned)k, t->top, (unsigned char)t->prompt[k]);
        for (size_t k = 0; k < t->length && t->echo != SHOWS_NOTHING; k++) {
                terminal_place(t, k, &column, &row);
                terminal_cell(t, screen, column, row, t->echo == SHOWS_STARS ? '*' : (unsigned char)t->line[k]);
                if (t->marks_wrap && column == terminal_right(t) - 1 && k + 1 < t->length)
                        terminal_cell(t, screen, column + 1, row, '\\');
        }
        terminal_place(t, t->echo == SHOWS_NOTHING ? 0 : t->cursor, &column, &row);
        if (t->drawn && t->clock / 250 % 2 == 0)
                terminal_cell(t, screen, column, row, t->cursor < t->length ? BOOT_UNKNOWN : '_');
}

static inline int terminal_look(void *arg, struct boot_screen *ret, struct bk_error *err)
{
        struct terminal *t = arg;

        if (t->dies_after > 0 && t->sent > t->dies_after)
                return bk_fail(err, BK_INFRA, "the guest is gone");
        terminal_run(t);
        boot_screen_init(ret, t->columns, t->rows);
        ret->drawn = t->drawn;
        for (unsigned row = 0; row < t->rows; row++)
                for (unsigned k = 0; t->background[row + t->scrolled][k] != '\0' && k < t->columns; k++)
                        ret->codes[row * t->columns + k] = (unsigned char)t->background[row + t->scrolled][k];
        terminal_draw_line(t, ret);
        for (unsigned row = 0; row < t->rows && t->box; row++)
                ret->codes[row * t->columns + 1] = ret->codes[row * t->columns + t->columns - 2] = 0x2502;
        if (t->redrawn)
                for (unsigned i = 0; i < t->columns * t->rows; i++)
                        ret->codes[i] = i % t->columns < 30 ? 'a' + i / t->columns : ' ';
        if (t->prints != NULL && t->clock >= t->prints_at)
                for (unsigned k = 0; t->prints[k] != '\0'; k++)
                        ret->codes[t->columns + k] = (unsigned char)t->prints[k];
        if (t->noise_every > 0)
                ret->codes[t->columns - 5] = '0' + (uint32_t)(t->clock / t->noise_every % 10);
        t->clock += t->look_cost;
        return 0;
}

static inline bool terminal_serial(void *arg, const char *text, uint64_t *from)
{
        const struct terminal *t = arg;
        const char *found = t->prints != NULL && t->clock >= t->prints_at && *from <= strlen(t->prints) ? strstr(t->prints + *from, text) : NULL;

        if (found != NULL)
                *from = (uint64_t)(found - t->prints) + strlen(text);
        return found != NULL;
}

static inline bool terminal_port(void *arg, unsigned port)
{
        const struct terminal *t = arg;

        return port == t->port && t->clock >= t->prints_at;
}

static inline int terminal_pause(void *arg, int64_t ms, struct bk_error *err)
{
        struct terminal *t = arg;

        if (ms <= 0)
                return bk_fail(err, BK_INTERNAL, "a pause of nothing");
        t->clock += ms;
        terminal_run(t);
        return 0;
}

static inline int64_t terminal_now(void *arg)
{
        return ((struct terminal *)arg)->clock;
}

static inline void terminal_say(void *arg, const char *text)
{
        struct terminal *t = arg;

        (void)strncat(t->said, text, sizeof t->said - strlen(t->said) - 2);
        (void)strcat(t->said, "\n");
}

static inline struct boot_target terminal_target(struct terminal *t)
{
        return (struct boot_target){ .arg = t, .send = terminal_send, .look = terminal_look, .serial = terminal_serial,
                                     .port = terminal_port, .pause = terminal_pause, .now = terminal_now, .say = terminal_say };
}
