/* Reading back what was typed. Nobody tells where the cursor stands, how a
 * guest wraps its lines, or whether it inserts: all of it follows from the
 * screen before the first key and the screen now. Each way in which the guest
 * may have shown the line is tried, and the one that explains the row best is
 * believed; where none does, nothing is claimed.
 *
 * A way is a place, the columns between which rows are wrapped, and how many
 * rows the screen has scrolled. The rest of the line's last row tells where the
 * line ends: behind it stands what stood there before (overwritten), what stood
 * at the place before (inserted), or nothing.
 *
 * ISOLINUX begins a new row after 80 characters without counting its prompt, so
 * that a row may end early as well.
 *
 * A blank that is lost exactly where the first row ends may pass for the row's
 * last column. */
#include "boot/type_priv.h"

#include <string.h>

#include "lib/cleanup.h"

#define GUESSES 16              /* places left of the first change that are tried: the same characters may have been inserted before it */
#define ROWS_CHANGED_MOST 6     /* more is no echo but a new picture */
#define EDGES_MOST 4            /* blanks beside a row that may be taken for characters of it */
#define SIMILAR_MOST 96         /* characters that are compared for likeness */

struct way {
        unsigned column, row;   /* of the first character */
        unsigned left, right;   /* rows are [left, right) from the second on */
        unsigned scroll;
        size_t broken;                          /* this character begins a row, wherever the last one ended; 0: none */
        unsigned skipped;                       /* rows that stay empty before it */
};

struct reader {
        const struct echo_line *line;
        const struct boot_screen *now;
        const uint32_t *text;
        size_t n;
        size_t most;            /* characters that may be shown */
        bool strict;            /* the row below the line must be explained as well */
        bool breaks;            /* rows may end early */
        struct echo_reading best;
        struct way best_way;
        size_t like;            /* characters of the best that were typed in this order */
};

void echo_line_done(struct echo_line *line)
{
        boot_screen_done(&line->base);
        *line = (struct echo_line){ 0 };
}

/* Where the k-th character stands, in rows of the screen before it scrolled. */
static void place(const struct way *way, size_t k, unsigned *column, unsigned *row)
{
        const size_t first = way->right - way->column;

        if (way->broken > 0 && k >= way->broken) {
                struct way rest = { way->left, 0, way->left, way->right, 0, 0, 0 };

                place(&(struct way){ way->column, way->row, way->left, way->right, 0, 0, 0 }, way->broken - 1, column, row);
                rest.row = *row + 1 + way->skipped;
                place(&rest, k - way->broken, column, row);
                return;
        }
        if (k < first) {
                *column = way->column + (unsigned)k;
                *row = way->row;
                return;
        }
        *row = way->row + 1 + (unsigned)((k - first) / (way->right - way->left));
        *column = way->left + (unsigned)((k - first) % (way->right - way->left));
}

/* 0 where there is no such cell: on rows that scrolled away, or are still to come. */
static uint32_t cell_now(const struct reader *in, const struct way *way, unsigned column, unsigned row)
{
        if (row < way->scroll || row - way->scroll >= in->now->rows)
                return 0;
        return in->now->codes[(size_t)(row - way->scroll) * in->now->columns + column];
}

static uint32_t cell_before(const struct reader *in, unsigned column, unsigned row)
{
        const struct boot_screen *base = &in->line->base;

        return row < base->rows ? base->codes[(size_t)row * base->columns + column] : ' ';
}

static uint32_t shown_at(const struct reader *in, const struct way *way, size_t k)
{
        unsigned column, row;

        place(way, k, &column, &row);
        return cell_now(in, way, column, row);
}

static bool same(uint32_t a, uint32_t b)
{
        return a == b || a == BOOT_UNKNOWN || b == BOOT_UNKNOWN;
}

static bool is_bar(uint32_t code)
{
        return code == '|' || code == 0x2502 || code == 0x2503 || code == 0x2551;
}

static bool is_cursor(uint32_t code)
{
        return code == ' ' || code == '_' || code == BOOT_UNKNOWN || code == 0x2588 || code == 0x2581;
}

static bool is_mask(uint32_t code)
{
        return code == '*' || code == 0x2022 || code == 0x25cf || code == 0xb7 || code == 0x2219;
}

/* What stands left of the place, and in the row above, has not changed. */
static bool anchored(const struct reader *in, const struct way *way)
{
        for (unsigned column = 0; column < way->column; column++)
                if (!same(cell_now(in, way, column, way->row), cell_before(in, column, way->row)))
                        return false;
        for (unsigned column = 0; way->scroll > 0 && way->row > way->scroll && column < in->now->columns; column++)
                if (!same(cell_now(in, way, column, way->row - 1), cell_before(in, column, way->row - 1)))
                        return false;
        return true;
}

/* Nothing was written beside the columns that the line has, but for a mark that the row goes on. */
static bool margins_kept(const struct reader *in, const struct way *way, unsigned row)
{
        for (unsigned column = 0; column < in->now->columns; column++) {
                const bool inside = column < way->right && (row == way->row || column >= way->left);
                const uint32_t now = cell_now(in, way, column, row);

                if (inside || now == 0 || (column == way->right && (now == '\\' || in->now->drawn)))
                        continue;
                if (row >= in->line->base.rows ? now != ' ' && !is_bar(now) : !same(now, cell_before(in, column, row)))
                        return false;           /* a row that scrolled in has the border of the others */
        }
        return true;
}

/* A cursor may stand in the cell behind the line of a screen that is drawn. */
static bool ends_at(const struct reader *in, const struct way *way, size_t m)
{
        bool inserted = true, overwritten = true, blank = true;
        unsigned column, row;

        place(way, m, &column, &row);
        if (row - way->scroll >= in->now->rows)
                return true;
        for (unsigned at = column; at < way->right && (inserted || overwritten || blank); at++) {
                const uint32_t now = cell_now(in, way, at, row);
                unsigned old_column, old_row;

                if (at == column && in->now->drawn && is_cursor(now))
                        continue;
                place(way, at - column, &old_column, &old_row);
                inserted = inserted && same(now, cell_before(in, old_column, old_row));
                overwritten = overwritten && same(now, cell_before(in, at, row));
                blank = blank && now == ' ';
        }
        return inserted || overwritten || blank;
}

/* The row below is as it was; or pushed down by the rows that the line has grown by; or the rest of what was there from
 * the place on. Else the line goes on there. */
static bool below_kept(const struct reader *in, const struct way *way, size_t m, unsigned below)
{
        bool kept = true, pushed = true, inserted = true;
        unsigned column, row;
        size_t first;

        place(way, m, &column, &row);
        row += below;
        first = way->right - column + (size_t)(below - 1) * (way->right - way->left);   /* from the line's end to the row */
        for (unsigned at = way->left; at < way->right && (kept || pushed || inserted); at++) {
                const uint32_t now = cell_now(in, way, at, row);
                unsigned old_column, old_row;

                if (now == 0)
                        return true;
                place(way, first + (at - way->left), &old_column, &old_row);
                kept = kept && (same(now, cell_before(in, at, row)) || (in->now->drawn && is_cursor(now)));
                pushed = pushed && same(now, cell_before(in, at, way->row + below));
                inserted = inserted && same(now, cell_before(in, old_column, old_row));
        }
        return kept || pushed || inserted;
}

/* The longest common subsequence of what is shown and what was typed, from the first difference on. */
static size_t likeness(const struct reader *in, const struct way *way, size_t from, size_t m)
{
        size_t lengths[SIMILAR_MOST + 1] = { 0 };
        const size_t typed = in->n - from < SIMILAR_MOST ? in->n - from : SIMILAR_MOST;
        const size_t shown = m - from < SIMILAR_MOST ? m - from : SIMILAR_MOST;

        for (size_t i = 0; i < shown; i++) {
                const uint32_t code = shown_at(in, way, from + i);
                size_t diagonal = 0;

                for (size_t k = 0; k < typed; k++) {
                        const size_t above = lengths[k + 1];

                        if (code == in->text[from + k])
                                lengths[k + 1] = diagonal + 1;
                        else if (lengths[k] > above)
                                lengths[k + 1] = lengths[k];
                        diagonal = above;
                }
        }
        return lengths[typed];
}

/* Is a line of m characters, that agrees with what was typed for the first `right`, a better reading? Of those that are
 * wrong at the same place the shortest is; but where rows are wrapped blanks at their ends count as typed, so that the
 * widest row comes first. To erase one too many is mended, a blank that stays is not seen. */
static bool better(const struct reader *in, const struct way *way, bool clean, size_t m, size_t right, size_t like)
{
        const struct echo_reading *best = &in->best;
        const unsigned slack = m > way->right - way->column ? EDGES_MOST : 0;

        if (best->kind != ECHO_LINE)
                return true;
        if (clean != best->clean)
                return clean;
        if (!clean && right == best->right && way->row == best->row && way->column != best->column)
                return like > in->like;         /* the first character was lost, and blanks follow */
        return right > best->right || (!clean && right == best->right && m + slack < best->shown);
}

static void take(struct reader *in, const struct way *way, enum echo_kind kind, bool clean, size_t m, size_t right)
{
        in->best = (struct echo_reading){ .kind = kind, .clean = clean, .shown = m, .right = right, .column = way->column, .row = way->row };
        in->best_way = *way;
}

static void judge(struct reader *in, const struct way *way, size_t m, size_t right)
{
        const bool clean = right == m;

        if (clean && in->best.kind == ECHO_LINE && in->best.clean && in->best.shown == m &&
            (in->best.column != way->column || in->best.row != way->row))
                in->best.ambiguous = true;
        const size_t like = clean ? m : right + likeness(in, way, right, m);

        if ((like * 2 < m && (right == 0 || !in->line->located)) || !better(in, way, clean, m, right, like))
                return;
        take(in, way, ECHO_LINE, clean, m, right);
        in->like = like;
}

static bool judge_mask(struct reader *in, const struct way *way, size_t m)
{
        const uint32_t mask = shown_at(in, way, 0);

        if (!is_mask(mask) || (in->best.kind == ECHO_LINE && in->best.shown > 0))
                return false;
        for (size_t k = 1; k < m; k++)
                if (shown_at(in, way, k) != mask)
                        return false;
        take(in, way, ECHO_MASKED, m <= in->n, m, m < in->n ? m : in->n);
        return true;
}

static bool may_end(const struct reader *in, const struct way *way, size_t m)
{
        return ends_at(in, way, m) && (!in->strict || (below_kept(in, way, m, 1) && below_kept(in, way, m, 2)));
}

/* Can there be an m-th character? */
static bool goes_on(const struct reader *in, const struct way *way, size_t m)
{
        unsigned column, row, last_row;

        if (shown_at(in, way, m - 1) == 0)
                return false;
        place(way, m - 1, &column, &last_row);
        place(way, m, &column, &row);
        return row == last_row || margins_kept(in, way, row);
}

static bool rest_is_blank(const struct reader *in, const struct way *way, size_t k)
{
        unsigned column, row;

        for (place(way, k, &column, &row); column > way->left && column < way->right; column++)
                if (cell_now(in, way, column, row) != ' ')
                        return false;
        return true;
}

static void try_way(struct reader *in, const struct way *way)
{
        size_t right = 0, m;

        if (!anchored(in, way) || !margins_kept(in, way, way->row))
                return;
        while (right < in->n && goes_on(in, way, right + 1) && same(shown_at(in, way, right), in->text[right]))
                right++;
        for (m = right; m > 0 && !may_end(in, way, m);)
                m--;
        if (m > 0 || may_end(in, way, 0))
                judge(in, way, m, m);
        if (in->breaks && way->broken == 0 && right > 0 && right < in->n && rest_is_blank(in, way, right)) {
                struct way broken = *way;

                /* Blanks before the break may be those that the next row begins with. */
                for (broken.broken = right; broken.broken > 0; broken.broken--) {
                        for (broken.skipped = 0; broken.skipped < 2; broken.skipped++)
                                try_way(in, &broken);
                        if (in->text[broken.broken - 1] != ' ' || right - broken.broken >= EDGES_MOST)
                                break;
                }
                return;
        }
        if (way->broken > 0 && !in->line->edged)        /* no more than a guess, which only a line without faults proves */
                return;
        for (m = right + 1; m <= in->most && goes_on(in, way, m); m++) {
                if (!may_end(in, way, m))
                        continue;
                if (right > 0 || !judge_mask(in, way, m))
                        judge(in, way, m, right);
                return;
        }
}

static void try_scrolls(struct reader *in, struct way way)
{
        const unsigned rows = in->now->rows;
        unsigned column, row;

        /* The screen scrolls when the line goes past its last row, or the last of a part of it. */
        place(&way, in->most + 1, &column, &row);
        for (way.scroll = 0; way.scroll <= row - way.row && way.scroll <= way.row; way.scroll++) {
                try_way(in, &way);
                if (row + 4 < rows)
                        return;
        }
}

/* All the ways in which a line that begins here may be wrapped. */
static void try_place(struct reader *in, unsigned column, unsigned row)
{
        const struct boot_screen *base = &in->line->base;
        const unsigned columns = in->now->columns;
        unsigned rights[6] = { columns, columns - 1, columns - 2 }, lefts[4] = { 0, 1 };
        unsigned n_rights = 3, n_lefts = 2, bar = column;

        if (in->line->edged) {
                try_scrolls(in, (struct way){ column, row, in->line->left, in->line->right, 0, in->line->broken, in->line->skipped });
                return;
        }
        while (bar < columns && !is_bar(base->codes[(size_t)row * columns + bar]))
                bar++;
        for (unsigned i = 0; bar < columns && i < 3 && bar - i > column; i++)
                rights[n_rights++] = bar - i;
        for (bar = column; bar > 0 && !is_bar(base->codes[(size_t)row * columns + bar - 1]);)
                bar--;
        if (bar > 0) {
                lefts[n_lefts++] = bar;
                lefts[n_lefts++] = bar + 1;
        }
        for (unsigned r = 0; r < n_rights; r++)
                for (unsigned l = 0; l < n_lefts; l++) {
                        const struct way way = { column, row, lefts[l], rights[r], 0, 0, 0 };

                        if (way.right <= column || way.left + 1 >= way.right)
                                continue;
                        if (column + in->most + 1 < way.right && !in->breaks) {       /* it does not come to wrapping */
                                try_way(in, &way);
                                break;
                        }
                        try_scrolls(in, way);
                }
}

static bool differs(const struct reader *in, unsigned column, unsigned row)
{
        const size_t at = (size_t)row * in->now->columns + column;
        const struct boot_screen *base = &in->line->base;

        if (base->codes[at] == BOOT_UNKNOWN && in->now->codes[at] == BOOT_UNKNOWN)
                return base->looks[at] != in->now->looks[at];
        return base->codes[at] != in->now->codes[at];
}

/* The line begins at or before the first change of some row; blanks at its beginning change nothing. */
static void search(struct reader *in)
{
        unsigned rows = 0;

        for (unsigned row = 0; row < in->now->rows; row++) {
                unsigned column = 0;

                while (column < in->now->columns && !differs(in, column, row))
                        column++;
                if (column == in->now->columns)
                        continue;
                if (++rows > ROWS_CHANGED_MOST) {
                        in->best = (struct echo_reading){ .kind = ECHO_STRANGE };
                        return;
                }
                for (unsigned back = 0; back <= column && back <= in->n && back <= GUESSES; back++)
                        try_place(in, column - back, row);
        }
        if (rows == 0)
                in->best = (struct echo_reading){ .kind = ECHO_NOTHING, .clean = true };
}

/* A row ended and the next one began with characters that can be seen. */
static bool edges_seen(const struct reader *in)
{
        const struct way *way = &in->best_way;
        const size_t first = way->right - way->column;

        if (way->broken > 0)
                return in->best.shown > way->broken;
        return in->best.shown > first && shown_at(in, way, first - 1) != ' ' && shown_at(in, way, first) != ' ';
}

void echo_read(const struct echo_line *line, const uint32_t *text, size_t n, size_t most, const struct boot_screen *now,
               struct echo_reading *ret)
{
        struct reader in = { .line = line, .now = now, .text = text, .n = n, .most = most, .best.kind = ECHO_STRANGE };
        const bool alike = line->base.columns == now->columns && line->base.rows == now->rows && now->columns > 3;

        for (unsigned pass = 0; alike && pass < 3 && in.best.kind == ECHO_STRANGE; pass++) {
                in.strict = pass < 2;
                in.breaks = pass == 1;
                if (in.breaks && !line->located)
                        continue;
                if (line->located)
                        try_place(&in, line->column, line->row);
                else
                        search(&in);
        }
        if (in.best.kind == ECHO_LINE && in.best.shown == 0)
                in.best.kind = ECHO_NOTHING;
        in.best.left = in.best_way.left;
        in.best.right_edge = in.best_way.right;
        in.best.scroll = in.best_way.scroll;
        in.best.broken = in.best_way.broken;
        in.best.skipped = in.best_way.skipped;
        in.best.lenient = in.best.kind != ECHO_STRANGE && !in.strict;
        in.best.edges_seen = in.best.kind == ECHO_LINE && in.best.clean && edges_seen(&in);
        *ret = in.best;
}

void echo_lock(struct echo_line *line, const struct echo_reading *reading)
{
        if (reading->kind == ECHO_STRANGE || reading->kind == ECHO_NOTHING || reading->ambiguous || reading->shown == 0)
                return;
        line->located = true;
        line->column = reading->column;
        line->row = reading->row;
        if (reading->edges_seen) {
                line->edged = true;
                line->left = reading->left;
                line->right = reading->right_edge;
                line->broken = reading->broken;
                line->skipped = reading->skipped;
        }
}

static struct way way_of(const struct echo_reading *reading)
{
        return (struct way){ reading->column, reading->row, reading->left, reading->right_edge, reading->scroll, reading->broken,
                             reading->skipped };
}

bool echo_move(struct echo_line *line, const struct echo_reading *reading, const struct boot_screen *now, size_t k)
{
        const struct way way = way_of(reading);
        const struct reader in = { .now = now };
        unsigned column, row;

        place(&way, reading->shown, &column, &row);
        for (unsigned at = column + now->drawn; at < way.right; at++)
                if (cell_now(&in, &way, at, row) != ' ' && cell_now(&in, &way, at, row) != 0)
                        return false;
        typist_copy(now, &line->base);
        for (size_t i = k; i <= reading->shown; i++) {
                place(&way, i, &column, &row);
                if (cell_now(&in, &way, column, row) != 0)
                        line->base.codes[(size_t)(row - way.scroll) * now->columns + column] = ' ';
        }
        place(&way, k, &line->column, &line->row);
        line->row -= way.scroll;
        line->broken = way.broken > k ? way.broken - k : 0;
        return true;
}

uint32_t echo_at(const struct echo_reading *reading, const struct boot_screen *now, size_t k)
{
        const struct way way = way_of(reading);
        const struct reader in = { .now = now };

        return shown_at(&in, &way, k);
}

char *echo_seen(const struct echo_reading *reading, const struct boot_screen *now, size_t from)
{
        struct boot_screen part;
        const unsigned n = reading->shown > from ? (unsigned)(reading->shown - from) : 0;
        char *text;

        boot_screen_init(&part, n, 1);
        for (unsigned i = 0; i < n; i++)
                part.codes[i] = echo_at(reading, now, from + i);
        text = boot_screen_text(&part, BOOT_ROWS, NULL);
        text[strcspn(text, "\n")] = '\0';
        boot_screen_done(&part);
        return text;
}
