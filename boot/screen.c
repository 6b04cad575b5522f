/* Screens of text: VGA text memory, printing, comparing. Pictures are read in glyphs.c. */
#include "boot/screen.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

#define CELLS_MOST (1U << 20)
#define TEXT_MEMORY 32768       /* B8000 to BFFFF */

void boot_screen_done(struct boot_screen *screen)
{
        free(screen->codes);
        free(screen->looks);
        *screen = (struct boot_screen){ 0 };
}

void boot_screen_init(struct boot_screen *ret, unsigned columns, unsigned rows)
{
        const size_t cells = (size_t)columns * rows;

        *ret = (struct boot_screen){ .columns = columns, .rows = rows };
        ret->codes = bk_alloc((cells ? cells : 1) * sizeof *ret->codes);
        ret->looks = bk_alloc((cells ? cells : 1) * sizeof *ret->looks);
        for (size_t i = 0; i < cells; i++)
                ret->codes[i] = ' ';
}

/* The shapes of 00h to 1Fh and 7Fh to FFh. */
static const uint16_t cp437_low[32] = {
        0x0020, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c,
        0x25ba, 0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};
static const uint16_t cp437_high[129] = {
        0x2302,
        0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
        0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9, 0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
        0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
        0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
        0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f, 0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
        0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
        0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
        0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248, 0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x0020,
};

uint32_t boot_cp437(uint8_t c)
{
        if (c < 0x20)
                return cp437_low[c];
        return c < 0x7f ? c : cp437_high[c - 0x7f];
}

int boot_screen_from_text(const void *bytes, size_t length, unsigned columns, unsigned rows, unsigned start,
                          struct boot_screen *ret, struct bk_error *err)
{
        const unsigned char *p = bytes;
        const size_t cells = (size_t)columns * rows, have = length / 2;
        struct boot_screen screen;

        if (columns == 0 || rows == 0 || columns > 1024 || rows > 1024 || cells > CELLS_MOST)
                return bk_fail(err, BK_INVALID, "a text screen of %u columns and %u rows", columns, rows);
        if (length > TEXT_MEMORY)
                return bk_fail(err, BK_INVALID, "text memory of %zu bytes; a VGA card has %d", length, TEXT_MEMORY);
        if (cells > have || (length < TEXT_MEMORY && start > have - cells))
                return bk_fail(err, BK_INVALID, "%zu bytes of text memory do not hold %ux%u characters from character %u on",
                               length, columns, rows, start);
        boot_screen_init(&screen, columns, rows);
        for (size_t i = 0; i < cells; i++) {
                const size_t at = (start + i) % have * 2;
                const unsigned char attribute = p[at + 1];

                /* Ink in the colour of its paper shows nothing. */
                if ((attribute & 0xf) != attribute >> 4)
                        screen.codes[i] = boot_cp437(p[at]);
                screen.looks[i] = attribute;
        }
        *ret = screen;
        return 0;
}

size_t boot_screen_unknown(const struct boot_screen *screen)
{
        size_t unknown = 0;

        for (size_t i = 0; i < (size_t)screen->columns * screen->rows; i++)
                unknown += screen->codes[i] == BOOT_UNKNOWN;
        return unknown;
}

/* The row's cells up to the last one that is not blank. */
static unsigned used(const struct boot_screen *screen, unsigned row)
{
        unsigned n = screen->columns;

        while (n > 0 && screen->codes[(size_t)row * screen->columns + n - 1] == ' ')
                n--;
        return n;
}

static unsigned used_rows(const struct boot_screen *screen)
{
        unsigned rows = screen->rows;

        while (rows > 0 && used(screen, rows - 1) == 0)
                rows--;
        return rows;
}

char *boot_screen_text(const struct boot_screen *screen, enum boot_form form, size_t **cell_of)
{
        const unsigned rows = used_rows(screen);
        struct bk_buf buf = { 0 };
        size_t *cells = NULL, mapped = 0;

        if (cell_of != NULL)    /* at most four bytes a cell, a newline a row, and the end */
                cells = bk_grow(NULL, ((size_t)screen->columns * 4 + 1) * rows + 1, sizeof *cells);
        for (unsigned row = 0; row < rows; row++) {
                const unsigned n = form == BOOT_PADDED ? screen->columns : used(screen, row);

                for (unsigned column = 0; column < n; column++) {
                        const size_t cell = (size_t)row * screen->columns + column;

                        bk_buf_put_code_point(&buf, screen->codes[cell]);
                        for (; cells != NULL && mapped < buf.len; mapped++)
                                cells[mapped] = cell;
                }
                if (form == BOOT_UNWRAPPED && n == screen->columns && row + 1 < rows)
                        continue;
                bk_buf_putc(&buf, '\n');
                if (cells != NULL)
                        cells[mapped++] = SIZE_MAX;
        }
        if (cell_of != NULL)
                *cell_of = cells;
        return bk_buf_finish(&buf);
}

char *boot_screen_dump(const struct boot_screen *screen)
{
        const unsigned rows = used_rows(screen);
        const size_t unknown = boot_screen_unknown(screen);
        struct bk_buf buf = { 0 };

        bk_buf_printf(&buf, "screen of %ux%u characters%s", screen->columns, screen->rows, rows == 0 ? ", empty" : "");
        if (unknown > 0)
                bk_buf_printf(&buf, ", %zu not known", unknown);
        bk_buf_putc(&buf, '\n');
        for (unsigned row = 0; row < rows; row++) {
                bk_buf_puts(&buf, "| ");
                for (unsigned column = 0; column < used(screen, row); column++)
                        bk_buf_put_code_point(&buf, screen->codes[(size_t)row * screen->columns + column]);
                bk_buf_putc(&buf, '\n');
        }
        return bk_buf_finish(&buf);
}

size_t boot_screen_changes(const struct boot_screen *a, const struct boot_screen *b)
{
        const size_t cells = (size_t)a->columns * a->rows;
        size_t changes = 0;

        if (a->columns != b->columns || a->rows != b->rows) {
                const size_t other = (size_t)b->columns * b->rows;

                return cells > other ? cells : other;
        }
        for (size_t i = 0; i < cells; i++)
                changes += a->codes[i] != b->codes[i] || a->looks[i] != b->looks[i];
        return changes;
}

bool boot_screen_still(const struct boot_screen *a, const struct boot_screen *b)
{
        return boot_screen_changes(a, b) <= (a->drawn && b->drawn ? 1 : 0);
}
