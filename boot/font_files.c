/* Font files. A VGA ROM has tables of 256 shapes and no index, and so does Linux; what every CP437 font must have at the
 * places of its blanks and blocks finds them. PSF 1 and 2 are as psf(5) of the kbd tools and the kernel's setfont know them; PFF2 is
 * as GRUB's manual ("PFF2 file format") and its font loader have it. */
#include <string.h>

#include "boot/font_priv.h"
#include "boot/screen.h"
#include "lib/utf8.h"

static unsigned be16(const unsigned char *p)
{
        return (unsigned)p[0] << 8 | p[1];
}

static uint32_t be32(const unsigned char *p)
{
        return (uint32_t)be16(p) << 16 | be16(p + 2);
}

/* --- tables --------------------------------------------------------------- */
static bool all(const unsigned char *p, unsigned height, unsigned char value)
{
        for (unsigned y = 0; y < height; y++)
                if (p[y] != value)
                        return false;
        return true;
}

/* A table of CP437 shapes: three blanks, the full block and the left and right halves are what they must be, the
 * upper and the lower half are each other's complement. */
static bool is_cp437(const unsigned char *p, unsigned height)
{
        const unsigned char *lower = p + 0xdc * height, *upper = p + 0xdf * height;

        if (!all(p + 0xdb * height, height, 0xff) || !all(p + 0xdd * height, height, 0xf0) || !all(p + 0xde * height, height, 0x0f) ||
            !all(p, height, 0) || !all(p + 0x20 * height, height, 0) || !all(p + 0xff * height, height, 0))
                return false;
        for (unsigned y = 0; y < height; y++)
                if ((lower[y] ^ upper[y]) != 0xff)
                        return false;
        return true;
}

const unsigned char *boot_font_table(const void *bytes, size_t length, unsigned height)
{
        const unsigned char *const p = bytes;
        unsigned char halves[2 * BOOT_GLYPH_HEIGHT_MOST];

        memset(halves, 0xf0, height);
        memset(halves + height, 0x0f, height);
        for (size_t at = 0xddUL * height; at < length;) {
                const unsigned char *found = memmem(p + at, length - at, halves, 2UL * height);

                if (found == NULL)
                        break;
                at = (size_t)(found - p);
                if (length - at >= (256 - 0xddUL) * height && is_cp437(found - 0xddUL * height, height))
                        return found - 0xddUL * height;
                at++;
        }
        return NULL;
}

struct boot_font *boot_font_from_table(const char *name, const unsigned char *table, unsigned height, struct boot_fonts *fonts)
{
        struct boot_font *font = boot_fonts_new(fonts, name, 8, height);

        for (unsigned c = 0; c < 256; c++) {
                uint32_t shape[BOOT_GLYPH_HEIGHT_MOST];

                for (unsigned y = 0; y < height; y++)
                        shape[y] = table[c * height + y];
                boot_font_add(font, boot_cp437((uint8_t)c), shape);
        }
        return font;
}

int boot_font_read_rom(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err)
{
        static const unsigned heights[] = { 16, 14, 8 };
        unsigned found = 0;

        for (size_t i = 0; i < sizeof heights / sizeof *heights; i++) {
                const unsigned char *table = boot_font_table(bytes, length, heights[i]);

                if (table == NULL)
                        continue;
                found++;
                boot_font_from_table(name, table, heights[i], fonts)->ninth = true;
        }
        if (found == 0)
                return bk_fail(err, BK_INVALID, "no VGA font in this ROM");
        return 0;
}

/* --- PSF ----------------------------------------------------------------------- */
struct psf {
        const unsigned char *glyphs, *table, *end;      /* table: NULL when there is none */
        unsigned n, width, height, size;
        bool utf8;                                      /* the table's form: version 2 */
};

static int psf_header(const unsigned char *p, size_t length, struct psf *ret, struct bk_error *err)
{
        struct psf psf = { .end = p + length };
        size_t header, has_table;

        if (length >= 4 && p[0] == 0x36 && p[1] == 0x04) {
                header = 4;
                psf.n = p[2] & 1 ? 512 : 256;
                psf.width = 8;
                psf.height = psf.size = p[3];
                has_table = p[2] & 6;
        } else if (length >= 32 && boot_le32(p) == 0x864ab572) {
                header = boot_le32(p + 8);
                has_table = boot_le32(p + 12) & 1;
                psf.n = boot_le32(p + 16);
                psf.size = boot_le32(p + 20);
                psf.height = boot_le32(p + 24);
                psf.width = boot_le32(p + 28);
                psf.utf8 = true;
        } else {
                return bk_fail(err, BK_INVALID, "not a PSF font");
        }
        if (psf.width == 0 || psf.width > BOOT_GLYPH_WIDTH_MOST || psf.height == 0 || psf.height > BOOT_GLYPH_HEIGHT_MOST)
                return bk_fail(err, BK_INVALID, "PSF font of %ux%u pixels a character", psf.width, psf.height);
        if (psf.size != (psf.width + 7) / 8 * psf.height)
                return bk_fail(err, BK_INVALID, "PSF font: %u bytes a character are not %ux%u pixels", psf.size, psf.width, psf.height);
        if (header > length || psf.n == 0 || psf.n > 65536 || (length - header) / psf.size < psf.n)
                return bk_fail(err, BK_INVALID, "PSF font: %u characters are announced, and the file ends before", psf.n);
        psf.glyphs = p + header;
        psf.table = has_table ? psf.glyphs + (size_t)psf.n * psf.size : NULL;
        *ret = psf;
        return 0;
}

static unsigned utf8_value(const unsigned char *p, size_t length)
{
        static const unsigned char first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
        unsigned value = p[0] & first[length];

        for (size_t i = 1; i < length; i++)
                value = value << 6 | (p[i] & 0x3f);
        return value;
}

/* The next entry of the Unicode table: a code point, or 0 at the end of the glyph. Sequences after the mark are skipped. */
static int psf_next(struct psf *psf, uint32_t *ret)
{
        bool sequence = false;

        for (;;) {
                const size_t left = (size_t)(psf->end - psf->table);
                const unsigned value = left == 0 ? 0 : psf->utf8 ? psf->table[0] : left < 2 ? 0 : (unsigned)psf->table[1] << 8 | psf->table[0];
                const unsigned end = psf->utf8 ? 0xff : 0xffff;
                size_t length = psf->utf8 ? 1 : 2;

                if (left < length)
                        return -1;
                if (psf->utf8 && value < 0xfe) {
                        length = bk_utf8_length((const char *)psf->table, (const char *)psf->end);
                        if (length == 0)
                                return -1;
                }
                *ret = psf->utf8 && value < 0xfe ? utf8_value(psf->table, length) : value;
                psf->table += length;
                if (value == end) {
                        *ret = 0;
                        return 0;
                }
                if (value == end - 1)
                        sequence = true;
                else if (!sequence)
                        return 0;
        }
}

int boot_font_read_psf(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err)
{
        struct psf psf = { 0 };
        struct boot_font *font;

        if (psf_header(bytes, length, &psf, err) < 0)
                return -1;
        font = boot_fonts_new(fonts, name, psf.width, psf.height);
        font->ninth = psf.width == 8;
        for (unsigned i = 0; i < psf.n; i++) {
                const unsigned char *p = psf.glyphs + (size_t)i * psf.size;
                const unsigned stride = (psf.width + 7) / 8;
                uint32_t shape[BOOT_GLYPH_HEIGHT_MOST], code = 1;

                for (unsigned y = 0; y < psf.height; y++) {
                        shape[y] = 0;
                        for (unsigned b = 0; b < stride; b++)
                                shape[y] = shape[y] << 8 | p[y * stride + b];
                        shape[y] >>= stride * 8 - psf.width;
                }
                if (psf.table == NULL && i < 256)
                        boot_font_add(font, boot_cp437((uint8_t)i), shape);
                while (psf.table != NULL && code != 0) {
                        if (psf_next(&psf, &code) < 0)
                                return bk_fail(err, BK_INVALID, "PSF font: the table of characters is damaged at glyph %u", i);
                        boot_font_add(font, code, shape);
                }
        }
        return 0;
}

/* --- PFF2 ---------------------------------------------------------------------- */
struct pf2 {
        const unsigned char *p, *index;
        size_t length, entries;
        unsigned ascent, descent, width;
};

static int pf2_sections(struct pf2 *pf2, struct bk_error *err)
{
        size_t at = 12;

        if (pf2->length < 12 || memcmp(pf2->p, "FILE\0\0\0\4PFF2", 12) != 0)
                return bk_fail(err, BK_INVALID, "not a PFF2 font");
        while (pf2->length - at >= 8) {
                const unsigned char *section = pf2->p + at;
                const size_t size = be32(section + 4);

                if (memcmp(section, "DATA", 4) == 0)
                        break;
                at += 8;
                if (size > pf2->length - at)
                        return bk_fail(err, BK_INVALID, "PFF2 font: section '%.4s' is longer than the file", (const char *)section);
                if (memcmp(section, "ASCE", 4) == 0 && size == 2)
                        pf2->ascent = be16(section + 8);
                else if (memcmp(section, "DESC", 4) == 0 && size == 2)
                        pf2->descent = be16(section + 8);
                else if (memcmp(section, "CHIX", 4) == 0) {
                        pf2->index = section + 8;
                        pf2->entries = size / 9;
                }
                at += size;
        }
        if (pf2->index == NULL)
                return bk_fail(err, BK_INVALID, "PFF2 font without characters");
        return 0;
}

struct pf2_glyph {
        uint32_t code;
        unsigned width, height, advance;
        int left, top;                  /* of the bitmap in its cell */
        const unsigned char *bits;
};

static bool pf2_glyph(const struct pf2 *pf2, size_t i, struct pf2_glyph *ret)
{
        const unsigned char *entry = pf2->index + i * 9, *p;
        const size_t at = be32(entry + 5);

        if (at > pf2->length || pf2->length - at < 10)
                return false;
        p = pf2->p + at;
        *ret = (struct pf2_glyph){ .code = be32(entry), .width = be16(p), .height = be16(p + 2), .left = (int16_t)be16(p + 4),
                                   .advance = be16(p + 8), .bits = p + 10 };
        ret->top = (int)pf2->ascent - (int)ret->height - (int16_t)be16(p + 6);
        return ((size_t)ret->width * ret->height + 7) / 8 <= pf2->length - at - 10;
}

static void pf2_add(struct boot_font *font, const struct pf2_glyph *glyph)
{
        uint32_t shape[BOOT_GLYPH_HEIGHT_MOST] = { 0 };

        /* Bits are packed without padding. What leaves the cell is another cell's business: not a glyph we can find. */
        if (glyph->advance != font->width || glyph->left < 0 || glyph->top < 0 || (unsigned)glyph->left + glyph->width > font->width ||
            (unsigned)glyph->top + glyph->height > font->height)
                return;
        for (unsigned y = 0; y < glyph->height; y++)
                for (unsigned x = 0; x < glyph->width; x++) {
                        const unsigned bit = y * glyph->width + x;

                        if (glyph->bits[bit / 8] & 0x80 >> bit % 8)
                                shape[(unsigned)glyph->top + y] |= 1U << (font->width - 1 - (unsigned)glyph->left - x);
                }
        boot_font_add(font, glyph->code, shape);
}

/* GRUB's cell is as wide as its widest printable ASCII character. */
static int pf2_cell(struct pf2 *pf2, struct bk_error *err)
{
        struct pf2_glyph glyph;

        for (size_t i = 0; i < pf2->entries; i++) {
                if (!pf2_glyph(pf2, i, &glyph))
                        return bk_fail(err, BK_INVALID, "PFF2 font: character %zu lies outside of the file", i);
                if (glyph.code >= 32 && glyph.code < 127 && glyph.advance > pf2->width)
                        pf2->width = glyph.advance;
        }
        if (pf2->width == 0 || pf2->width > BOOT_GLYPH_WIDTH_MOST || pf2->ascent + pf2->descent == 0 ||
            pf2->ascent + pf2->descent > BOOT_GLYPH_HEIGHT_MOST)
                return bk_fail(err, BK_INVALID, "PFF2 font of %ux%u pixels a character", pf2->width, pf2->ascent + pf2->descent);
        return 0;
}

int boot_font_read_pf2(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err)
{
        struct pf2 pf2 = { .p = bytes, .length = length };
        struct boot_font *font;

        if (pf2_sections(&pf2, err) < 0 || pf2_cell(&pf2, err) < 0)
                return -1;
        font = boot_fonts_new(fonts, name, pf2.width, pf2.ascent + pf2.descent);
        for (size_t i = 0; i < pf2.entries; i++) {
                struct pf2_glyph glyph;

                if (pf2_glyph(&pf2, i, &glyph))
                        pf2_add(font, &glyph);
        }
        return 0;
}
