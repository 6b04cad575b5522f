/* Fonts that no package ships as a file. They are taught from a screen whose text is known, or were found inside a kernel or
 * firmware, and are kept as text: a first line "bakery glyphs 1 WIDTHxHEIGHT", then one line a glyph, its code point and the
 * rows of its shape, all hexadecimal. A second line that begins with # tells which file they are from. */
#include "boot/font_priv.h"

#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/utf8.h"

#define MAGIC "bakery glyphs 1 "
#define FILE_MOST (8U << 20)
#define GLYPHS_MOST 65536

static bool is_size(unsigned width, unsigned height)
{
        return width > 0 && width <= BOOT_GLYPH_WIDTH_MOST && height > 0 && height <= BOOT_GLYPH_HEIGHT_MOST;
}

/* `digits` hexadecimal digits at *p, which moves on. */
static bool hex(const char **p, const char *end, unsigned digits, uint32_t *ret)
{
        static const char all[] = "0123456789abcdef";
        uint32_t value = 0;

        for (unsigned i = 0; i < digits; i++, ++*p) {
                const char *at = *p < end && **p != '\0' ? strchr(all, **p) : NULL;

                if (at == NULL)
                        return false;
                value = value << 4 | (uint32_t)(at - all);
        }
        *ret = value;
        return true;
}

/* "8x16\n" */
static bool size_line(const char **p, const char *end, unsigned *width, unsigned *height)
{
        unsigned *const numbers[] = { width, height };

        for (unsigned i = 0; i < 2; i++) {
                *numbers[i] = 0;
                for (unsigned digits = 0; *p < end && **p >= '0' && **p <= '9' && digits < 3; ++*p, digits++)
                        *numbers[i] = *numbers[i] * 10 + (unsigned)(**p - '0');
                if (*p == end || *(*p)++ != (i == 0 ? 'x' : '\n'))
                        return false;
        }
        return is_size(*width, *height);
}

int boot_font_read_learnt(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err)
{
        const char *p = bytes, *const end = p + length;
        unsigned width = 0, height = 0, line = 1;
        struct boot_font *font;

        if (length < strlen(MAGIC) || memcmp(p, MAGIC, strlen(MAGIC)) != 0)
                return bk_fail(err, BK_INVALID, "not a file of learnt glyphs");
        p += strlen(MAGIC);
        if (!size_line(&p, end, &width, &height))
                return bk_fail(err, BK_INVALID, "learnt glyphs: the size in the first line is damaged");
        if (p < end && *p == '#') {
                const char *newline = memchr(p, '\n', (size_t)(end - p));

                if (newline == NULL)
                        return bk_fail(err, BK_INVALID, "learnt glyphs: line 2 is damaged; remove the file and teach it again");
                p = newline + 1;
                line++;
        }
        font = boot_fonts_new(fonts, name, width, height);
        while (p < end) {
                const uint32_t full = width == 32 ? UINT32_MAX : (1U << width) - 1;
                uint32_t shape[BOOT_GLYPH_HEIGHT_MOST], code;
                bool good = hex(&p, end, 6, &code) && code > ' ' && code <= 0x10ffff && p < end && *p++ == ' ';

                line++;
                for (unsigned y = 0; good && y < height; y++)
                        good = hex(&p, end, (width + 3) / 4, &shape[y]) && shape[y] <= full;
                if (!good || p == end || *p++ != '\n' || line > GLYPHS_MOST)
                        return bk_fail(err, BK_INVALID, "learnt glyphs: line %u is damaged; remove the file and teach it again", line);
                boot_font_add(font, code, shape);
        }
        return 0;
}

char *boot_font_print(const struct boot_font *font, const char *source)
{
        struct bk_buf buf = { 0 };

        bk_buf_printf(&buf, MAGIC "%ux%u\n", font->width, font->height);
        if (source != NULL)
                bk_buf_printf(&buf, "# %s\n", source);
        for (size_t i = 0; i < font->n; i++) {
                bk_buf_printf(&buf, "%06x ", font->codes[i]);
                for (unsigned y = 0; y < font->height; y++)
                        bk_buf_printf(&buf, "%0*x", (int)(font->width + 3) / 4, font->bits[i * font->height + y]);
                bk_buf_putc(&buf, '\n');
        }
        return bk_buf_finish(&buf);
}

/* The shape at a pixel: what is not the commoner of two colours. False when there are more colours, or when only one. */
static bool shape_at(const struct boot_picture *picture, unsigned x, unsigned y, unsigned width, unsigned height, uint32_t *ret, bool *blank)
{
        const uint32_t first = picture->pixels[(size_t)y * picture->width + x];
        uint32_t other = first;
        unsigned others = 0;

        for (unsigned row = 0; row < height; row++) {
                const uint32_t *line = picture->pixels + (size_t)(y + row) * picture->width + x;

                ret[row] = 0;
                for (unsigned i = 0; i < width; i++) {
                        if (line[i] != first && other == first)
                                other = line[i];
                        if (line[i] != first && line[i] != other)
                                return false;
                        others += line[i] != first;
                        ret[row] = ret[row] << 1 | (line[i] != first);
                }
        }
        *blank = others == 0;
        for (unsigned row = 0; others * 2 > width * height && row < height; row++)
                ret[row] ^= width == 32 ? UINT32_MAX : (1U << width) - 1;
        return true;
}

static int learn_one(struct boot_font *font, const char *character, size_t length, uint32_t code, const uint32_t *shape, struct bk_error *err)
{
        const size_t glyph = boot_font_find(font, shape, boot_font_hash(shape, font->height));
        const uint32_t *known = boot_font_glyph(font, code);

        if (glyph != 0 && font->codes[glyph - 1] != code)
                return bk_fail(err, BK_INVALID, "'%.*s' has the shape of U+%04X", (int)length, character, font->codes[glyph - 1]);
        if (known != NULL && memcmp(known, shape, font->height * sizeof *shape) != 0)
                return bk_fail(err, BK_INVALID, "'%.*s' has two shapes", (int)length, character);
        boot_font_add(font, code, shape);
        return 0;
}

static uint32_t code_point(const char *p, size_t length)
{
        uint32_t code = (unsigned char)*p;

        if (length > 1)
                code &= 0x7fU >> length;
        for (size_t i = 1; i < length; i++)
                code = code << 6 | ((unsigned char)p[i] & 0x3fU);
        return code;
}

static int learn_text(struct boot_font *font, const struct boot_picture *picture, unsigned x, unsigned y, const char *text, struct bk_error *err)
{
        const char *const end = text + strlen(text);
        unsigned row = 0, column = 0;

        for (size_t length; text < end; text += length) {
                const unsigned left = x + column * font->width, top = y + row * font->height;
                uint32_t shape[BOOT_GLYPH_HEIGHT_MOST];
                bool blank;

                length = bk_utf8_length(text, end);
                if (length == 0)
                        return bk_fail(err, BK_INVALID, "row %u, column %u: the text is not UTF-8", row, column);
                if (*text == '\n') {
                        row++;
                        column = 0;
                        continue;
                }
                if (left + font->width > picture->width || top + font->height > picture->height)
                        return bk_fail(err, BK_INVALID, "row %u, column %u lies outside of the picture", row, column);
                if (!shape_at(picture, left, top, font->width, font->height, shape, &blank))
                        return bk_fail(err, BK_INVALID, "row %u, column %u has more than two colours", row, column);
                if (blank != (*text == ' '))
                        return bk_fail(err, BK_INVALID, "row %u, column %u is %s, and the text has '%.*s'", row, column,
                                       blank ? "blank" : "not blank", (int)length, text);
                if (!blank && learn_one(font, text, length, code_point(text, length), shape, err) < 0)
                        return bk_wrap(err, "row %u, column %u", row, column);
                column++;
        }
        return 0;
}

int boot_font_learn(const char *folder, const char *name, const struct boot_picture *picture, unsigned x, unsigned y,
                    unsigned width, unsigned height, const char *text, struct bk_error *err)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        autofree char *path = bk_format("%s/%s.glyphs", folder, name), *bytes = NULL, *printed = NULL;
        struct boot_font *font;
        size_t length;

        if (!is_size(width, height))
                return bk_fail(err, BK_INVALID, "font '%s': characters of %ux%u pixels", name, width, height);
        if (x >= picture->width || y >= picture->height)
                return bk_fail(err, BK_INVALID, "font '%s': pixel %u,%u lies outside of the picture", name, x, y);
        if (name[0] == '.' || strchr(name, '/') != NULL)
                return bk_fail(err, BK_INVALID, "font '%s': not a name for a file", name);
        if (bk_exists(path)) {
                if (bk_read_file(path, FILE_MOST, &bytes, &length, err) < 0 || boot_font_read_learnt(name, bytes, length, &fonts, err) < 0)
                        return bk_wrap(err, "font '%s'", path);
        }
        font = fonts.n > 0 ? &fonts.v[0] : boot_fonts_new(&fonts, name, width, height);
        if (font->width != width || font->height != height)
                return bk_fail(err, BK_CONFLICT, "font '%s' is of %ux%u pixels, not %ux%u", path, font->width, font->height, width, height);
        if (learn_text(font, picture, x, y, text, err) < 0)
                return bk_wrap(err, "font '%s' was not learnt", name);
        printed = boot_font_print(font, NULL);
        if (bk_mkdir_p(folder, err) < 0 || bk_publish_bytes(path, printed, strlen(printed), 0644, err) < 0)
                return bk_wrap(err, "font '%s'", path);
        return 0;
}
