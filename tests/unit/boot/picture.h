/* Pictures made of a font's own glyphs, and what stands on the disk. */
#pragma once
#include "tests/unit/test.h"

#include "boot/screen.h"
#include "lib/utf8.h"

static inline const struct boot_font *font_named(const struct boot_fonts *fonts, const char *name, unsigned height)
{
        for (size_t i = 0; i < fonts->n; i++)
                if (bk_streq(fonts->v[i].name, name) && fonts->v[i].height == height)
                        return &fonts->v[i];
        fail_msg("no font '%s' of height %u", name, height);
        return NULL;
}

/* Draws text with its first cell at pixel (x, y); width 9 makes the ninth column as a VGA card does. */
static inline void draw(struct boot_picture *picture, const struct boot_font *font, unsigned width, unsigned x, unsigned y,
                        const char *text, uint32_t ink, uint32_t paper)
{
        const char *const end = text + strlen(text);
        const unsigned from = x;

        while (text < end) {
                const size_t length = bk_utf8_length(text, end);
                uint32_t code = (unsigned char)*text;

                assert_true(length > 0);
                if (length > 1)
                        code &= 0x7fU >> length;
                for (size_t i = 1; i < length; i++)
                        code = code << 6 | ((unsigned char)text[i] & 0x3fU);
                text += length;
                if (code == '\n') {
                        y += font->height;
                        x = from;
                        continue;
                }
                static const uint32_t block[64] = { [0 ... 63] = UINT32_MAX };
                const uint32_t *shape = code == ' ' ? NULL : code == 0x2588 ? block : boot_font_glyph(font, code);
                const bool lines = code >= 0x2500 && code < 0x25a0;

                if (code != ' ' && shape == NULL)
                        fail_msg("font '%s' has no U+%04X", font->name, code);
                for (unsigned row = 0; row < font->height; row++)
                        for (unsigned i = 0; i < width; i++) {
                                const unsigned bit = i < font->width ? font->width - 1 - i : 0;
                                const bool on = shape != NULL && (i < font->width || lines) && shape[row] >> bit & 1;

                                if (x + i < picture->width && y + row < picture->height)
                                        picture->pixels[(size_t)(y + row) * picture->width + x + i] = on ? ink : paper;
                        }
                x += width;
        }
}

static inline void paint(struct boot_picture *picture, uint32_t colour)
{
        for (size_t i = 0; i < (size_t)picture->width * picture->height; i++)
                picture->pixels[i] = colour;
}
