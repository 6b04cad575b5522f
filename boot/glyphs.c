/* Text from a picture. The cells' size, their origin and the font are found first, on some cells that have ink: a
 * console starts in the corner, but GRUB's and OVMF's text stands in a window at any pixel. Then every cell is looked
 * up by its exact shape. */
#include <string.h>

#include "boot/screen.h"
#include "lib/cleanup.h"

#define SAMPLES 96
#define FIRST_SAMPLES 24        /* an origin without a hit among these is none */
#define SIZES_MOST 64
#define ENOUGH 24               /* a score that some letters reach, and lines and dots do not */

enum cell_kind { CELL_BLANK, CELL_TWO, CELL_MANY };

struct cell {
        uint32_t rows[BOOT_GLYPH_HEIGHT_MOST];  /* 1: not the first pixel's colour */
        uint32_t first, other;                  /* colours */
        bool ninth_as_first, ninth_as_other;    /* the ninth dots allow that this colour is the paper */
};

struct size {
        unsigned width, height, glyph;          /* glyph: 8 where a cell is 9 wide */
};

struct point {
        unsigned x, y;
};

struct reader {
        const struct boot_picture *picture;
        const struct boot_fonts *fonts;
        struct size sizes[SIZES_MOST];
        size_t n_sizes;
        struct point points[SAMPLES];           /* pixels with ink beside them */
        size_t n_points;
        uint32_t paper;                         /* the picture's commonest colour */
};

struct found {
        struct boot_grid grid;
        int score;
        unsigned hits, seen;
};

static enum cell_kind take(const struct boot_picture *picture, const struct size *size, unsigned x, unsigned y, struct cell *cell)
{
        const uint32_t *line = picture->pixels + (size_t)y * picture->width + x;
        const uint32_t first = line[0];
        uint32_t other = first;
        bool as_first = true, copies_first = true, as_other = true, copies_other = true;

        for (unsigned row = 0; row < size->height; row++, line += picture->width) {
                uint32_t differs = 0, bits = 0;

                for (unsigned i = 0; i < size->width; i++)
                        differs |= line[i] ^ first;
                if (differs != 0) {
                        for (unsigned i = 0; other == first; i++)
                                other = line[i];
                        differs = 0;
                        for (unsigned i = 0; i < size->width; i++) {
                                const uint32_t bit = line[i] != first;

                                bits = bits << 1 | bit;
                                differs |= line[i] ^ (bit ? other : first);
                        }
                        if (differs != 0)
                                return CELL_MANY;
                }
                if (size->width != size->glyph) {
                        const bool ninth = bits & 1, eighth = bits >> 1 & 1;

                        bits >>= 1;
                        as_first &= !ninth;
                        as_other &= ninth;
                        copies_first &= ninth == eighth;
                        copies_other &= ninth == eighth;
                }
                cell->rows[row] = bits;
        }
        cell->first = first;
        cell->other = other;
        cell->ninth_as_first = as_first || copies_first;
        cell->ninth_as_other = as_other || copies_other;
        return other == first ? CELL_BLANK : CELL_TWO;
}

/* A cell's shape in both polarities, hashed once for all fonts. */
struct shapes {
        uint32_t inverse[BOOT_GLYPH_HEIGHT_MOST];
        uint32_t hash, inverse_hash;
};

static void both(const struct cell *cell, const struct size *size, struct shapes *ret)
{
        const uint32_t full = size->glyph == 32 ? UINT32_MAX : (1U << size->glyph) - 1;

        for (unsigned y = 0; y < size->height; y++)
                ret->inverse[y] = cell->rows[y] ^ full;
        ret->hash = boot_font_hash(cell->rows, size->height);
        ret->inverse_hash = boot_font_hash(ret->inverse, size->height);
}

/* Where a shape and its complement are both glyphs (half blocks are), the picture's paper decides. */
static size_t lookup(const struct boot_font *font, const struct cell *cell, const struct shapes *shapes, uint32_t paper)
{
        const size_t a = cell->ninth_as_first ? boot_font_find(font, cell->rows, shapes->hash) : 0;
        const size_t b = cell->ninth_as_other ? boot_font_find(font, shapes->inverse, shapes->inverse_hash) : 0;

        if (a != 0 && b != 0)
                return cell->other == paper ? b : a;
        return a != 0 ? a : b;
}

static bool fits(const struct boot_font *font, const struct size *size)
{
        return font->width == size->glyph && font->height == size->height && (size->width == size->glyph || font->ninth);
}

/* How much a hit says: a letter has many different lines, a bar has none. */
static int weight(const struct cell *cell, unsigned height)
{
        int changes = 0;

        for (unsigned y = 1; y < height; y++)
                changes += cell->rows[y] != cell->rows[y - 1];
        return changes < 8 ? changes : 8;
}

/* Looks at the cells under the sample points, and keeps the font that explains most in *best if it beats that. */
static void try_grid(const struct reader *r, const struct size *size, unsigned x, unsigned y, struct found *best)
{
        struct { int score; unsigned hits; } tally[SIZES_MOST] = { 0 };
        const size_t n_fonts = r->fonts->n < SIZES_MOST ? r->fonts->n : SIZES_MOST;
        unsigned seen = 0;
        bool any = false;

        for (size_t i = 0; i < r->n_points; i++) {
                const struct point *point = &r->points[i];
                struct shapes shapes;
                struct cell cell;
                enum cell_kind kind;
                unsigned left, top;

                if (i == FIRST_SAMPLES && !any)
                        return;
                if (point->x < x || point->y < y)
                        continue;
                left = point->x - (point->x - x) % size->width;
                top = point->y - (point->y - y) % size->height;
                if (left + size->width > r->picture->width || top + size->height > r->picture->height)
                        continue;
                kind = take(r->picture, size, left, top, &cell);
                if (kind == CELL_BLANK)
                        continue;
                seen++;
                if (kind == CELL_TWO)
                        both(&cell, size, &shapes);
                for (size_t f = 0; f < n_fonts; f++) {
                        if (!fits(&r->fonts->v[f], size))
                                continue;
                        if (kind == CELL_TWO && lookup(&r->fonts->v[f], &cell, &shapes, r->paper) != 0) {
                                tally[f].score += weight(&cell, size->height);
                                tally[f].hits++;
                                any = true;
                        } else {
                                tally[f].score -= 2;
                        }
                }
        }
        for (size_t f = 0; f < n_fonts; f++)
                if (tally[f].hits > 0 && fits(&r->fonts->v[f], size) && tally[f].score > best->score)
                        *best = (struct found){ .grid = { size->width, size->height, x, y, &r->fonts->v[f] }, .score = tally[f].score,
                                                .hits = tally[f].hits, .seen = seen };
}

static void add_size(struct reader *r, unsigned width, unsigned height, unsigned glyph)
{
        for (size_t i = 0; i < r->n_sizes; i++)
                if (r->sizes[i].width == width && r->sizes[i].height == height && r->sizes[i].glyph == glyph)
                        return;
        if (r->n_sizes < SIZES_MOST && width <= r->picture->width && height <= r->picture->height)
                r->sizes[r->n_sizes++] = (struct size){ width, height, glyph };
}

static bool inked(const struct boot_picture *picture, unsigned x, unsigned y, struct point *ret)
{
        for (unsigned row = y; row < y + 8; row++) {
                const uint32_t *line = picture->pixels + (size_t)row * picture->width + x;
                uint32_t differs = 0;

                for (unsigned i = 1; i < 8; i++)
                        differs |= line[i] ^ line[0];
                for (unsigned i = 1; differs != 0 && i < 8; i++)
                        if (line[i] != line[i - 1]) {
                                *ret = (struct point){ x + i, row };
                                return true;
                        }
        }
        return false;
}

/* Points spread over all squares of 8x8 pixels that have ink, and shuffled, so that the first ones are spread as well. */
static void sample(struct reader *r)
{
        const unsigned across = r->picture->width / 8, down = r->picture->height / 8;
        autofree struct point *all = bk_grow(NULL, (size_t)across * down + 1, sizeof *all);
        size_t n = 0, step;

        for (unsigned y = 0; y < down; y++)
                for (unsigned x = 0; x < across; x++)
                        n += inked(r->picture, x * 8, y * 8, &all[n]);
        r->n_points = n < SAMPLES ? n : SAMPLES;
        step = r->n_points % 37 != 0 ? 37 : 41;
        for (size_t i = 0; i < r->n_points; i++)
                r->points[i * step % r->n_points] = all[i * n / r->n_points];
}

static int compare_colours(const void *a, const void *b)
{
        const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

        return (x > y) - (x < y);
}

static uint32_t commonest(const struct boot_picture *picture)
{
        uint32_t some[1021], best = 0;
        const size_t pixels = (size_t)picture->width * picture->height, n = sizeof some / sizeof *some;
        size_t run = 0, longest = 0;

        for (size_t i = 0; i < n; i++)
                some[i] = picture->pixels[i * pixels / n];
        qsort(some, n, sizeof *some, compare_colours);
        for (size_t i = 0; i < n; i++) {
                run = i > 0 && some[i] == some[i - 1] ? run + 1 : 1;
                if (run > longest) {
                        longest = run;
                        best = some[i];
                }
        }
        return best;
}

static bool certain(const struct found *found)
{
        return found->score >= ENOUGH && found->hits * 10 >= found->seen * 8;
}

static struct size size_of(const struct boot_grid *grid)
{
        return (struct size){ grid->width, grid->height, grid->font != NULL ? grid->font->width : grid->width };
}

/* The grid that was good last time, then the corner for every size, then every origin of every size. */
static void find_grid(struct reader *r, struct boot_grid *grid)
{
        struct found best = { 0 }, aligned;

        if (grid->font != NULL && grid->width <= r->picture->width && grid->height <= r->picture->height) {
                const struct size size = size_of(grid);

                try_grid(r, &size, grid->x, grid->y, &best);
                if (certain(&best) || r->n_points == 0) {
                        grid->font = best.grid.font != NULL ? best.grid.font : grid->font;
                        return;
                }
        }
        for (size_t i = 0; i < r->n_sizes; i++)
                try_grid(r, &r->sizes[i], 0, 0, &best);
        aligned = best;
        for (size_t i = 0; i < r->n_sizes && !certain(&best); i++)
                for (unsigned y = 0; y < r->sizes[i].height; y++)
                        for (unsigned x = 0; x < r->sizes[i].width; x++)
                                try_grid(r, &r->sizes[i], x, y, &best);
        if (best.score < ENOUGH)
                best = aligned;
        *grid = best.score > 0 ? best.grid : (struct boot_grid){ .width = 8, .height = 16 };
}

/* How many glyphs of one font (only those in use, unless used is NULL) another has, as the same characters. SIZE_MAX
 * when it reads one of them as something else. */
static size_t shared(const struct boot_font *of, const bool *used, const struct boot_font *by, size_t *ret_all)
{
        size_t n = 0, all = 0;

        for (size_t i = 0; i < of->n; i++) {
                const uint32_t *shape = of->bits + i * of->height;
                size_t glyph;

                if (used != NULL && !used[i])
                        continue;
                all++;
                glyph = boot_font_find(by, shape, boot_font_hash(shape, of->height));
                if (glyph != 0 && by->codes[glyph - 1] != of->codes[i])
                        return SIZE_MAX;
                n += glyph != 0;
        }
        *ret_all = all;
        return n;
}

/* Is font of the same design as main? It reads nothing on this screen otherwise, and knows most of what is there; or
 * it is a small one, learnt from some words, and main knows most of it. */
static bool agrees(const struct boot_font *font, const struct boot_font *main, const bool *used)
{
        size_t all = 0, n = shared(main, used, font, &all);

        if (n == SIZE_MAX)
                return false;
        if (n >= 8 && n * 4 >= all * 3)
                return true;
        n = shared(font, NULL, main, &all);
        return n != SIZE_MAX && n >= 8 && n * 4 >= all * 3;
}

static uint32_t look_of_pixels(const struct boot_picture *picture, const struct size *size, unsigned x, unsigned y)
{
        uint32_t hash = 2166136261U;

        for (unsigned row = y; row < y + size->height; row++)
                for (unsigned i = x; i < x + size->width; i++)
                        hash = (hash ^ picture->pixels[(size_t)row * picture->width + i]) * 16777619U;
        return hash;
}

static void read_cell(const struct reader *r, const struct size *size, const struct boot_grid *grid, unsigned column, unsigned row,
                      struct boot_screen *screen, bool *used)
{
        const unsigned x = grid->x + column * size->width, y = grid->y + row * size->height;
        const size_t at = (size_t)row * screen->columns + column;
        struct cell cell;
        struct shapes shapes;
        const enum cell_kind kind = take(r->picture, size, x, y, &cell);

        if (kind == CELL_BLANK) {
                screen->looks[at] = cell.first;
                return;
        }
        screen->codes[at] = BOOT_UNKNOWN;
        if (kind == CELL_TWO && grid->font != NULL) {
                both(&cell, size, &shapes);
                const size_t glyph = lookup(grid->font, &cell, &shapes, r->paper);

                if (glyph != 0) {
                        used[glyph - 1] = true;
                        screen->codes[at] = grid->font->codes[glyph - 1];
                        screen->looks[at] = cell.first * 31 + cell.other;
                        return;
                }
        }
        screen->looks[at] = look_of_pixels(r->picture, size, x, y);
}

/* Fills unknown cells from fonts that agree; where two of those disagree a cell stays unknown. */
static void complement(const struct reader *r, const struct size *size, const struct boot_grid *grid, const bool *used,
                       struct boot_screen *screen)
{
        const struct boot_font *others[SIZES_MOST];
        size_t n = 0;

        for (size_t f = 0; f < r->fonts->n && n < SIZES_MOST; f++)
                if (&r->fonts->v[f] != grid->font && fits(&r->fonts->v[f], size) && agrees(&r->fonts->v[f], grid->font, used))
                        others[n++] = &r->fonts->v[f];
        for (size_t at = 0; n > 0 && at < (size_t)screen->columns * screen->rows; at++) {
                struct cell cell;
                struct shapes shapes;
                uint32_t code = 0;

                if (screen->codes[at] != BOOT_UNKNOWN ||
                    take(r->picture, size, grid->x + (unsigned)(at % screen->columns) * size->width,
                         grid->y + (unsigned)(at / screen->columns) * size->height, &cell) != CELL_TWO)
                        continue;
                both(&cell, size, &shapes);
                for (size_t i = 0; i < n; i++) {
                        const size_t glyph = lookup(others[i], &cell, &shapes, r->paper);

                        if (glyph == 0)
                                continue;
                        if (code != 0 && code != others[i]->codes[glyph - 1]) {
                                code = 0;
                                break;
                        }
                        code = others[i]->codes[glyph - 1];
                }
                if (code != 0)
                        screen->codes[at] = code;
        }
}

void boot_screen_from_picture(const struct boot_picture *picture, const struct boot_fonts *fonts, struct boot_grid *grid,
                              struct boot_screen *ret)
{
        struct reader r = { .picture = picture, .fonts = fonts, .paper = commonest(picture) };
        autofree bool *used = NULL;
        struct size size;

        for (size_t i = 0; i < fonts->n; i++) {
                add_size(&r, fonts->v[i].width, fonts->v[i].height, fonts->v[i].width);
                if (fonts->v[i].ninth)
                        add_size(&r, 9, fonts->v[i].height, fonts->v[i].width);
        }
        sample(&r);
        find_grid(&r, grid);
        size = size_of(grid);
        boot_screen_init(ret, grid->x > picture->width ? 0 : (picture->width - grid->x) / size.width,
                         grid->y > picture->height ? 0 : (picture->height - grid->y) / size.height);
        ret->drawn = true;
        used = bk_alloc(grid->font != NULL ? grid->font->n + 1 : 1);
        for (unsigned row = 0; row < ret->rows; row++)
                for (unsigned column = 0; column < ret->columns; column++)
                        read_cell(&r, &size, grid, column, row, ret, used);
        if (grid->font != NULL && boot_screen_unknown(ret) > 0)
                complement(&r, &size, grid, used, ret);
}
