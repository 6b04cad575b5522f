/* Fonts as guests draw them: shapes of exactly one cell, found by their
 * pixels. Their bits are read at run time from what Debian's packages ship
 * (fonts, and the kernel and firmware with theirs), or were learnt from a
 * screen whose text was known. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "boot/picture.h"
#include "lib/error.h"

#define BOOT_GLYPH_WIDTH_MOST 32U
#define BOOT_GLYPH_HEIGHT_MOST 64U

struct boot_font {
        char *name;             /* owned */
        unsigned width, height;
        bool ninth;             /* text modes show it nine dots wide: the ninth is paper, or repeats the eighth */
        size_t n;
        uint32_t *codes;        /* n, owned */
        uint32_t *bits;         /* n * height rows, owned; the leftmost pixel is bit width - 1, ink is 1 */
        uint32_t *slots;        /* hash table of glyph numbers + 1, owned */
        size_t n_slots;
};
void boot_font_done(struct boot_font *font);
/* Adds a shape. Of several characters with one shape one is kept, a letter or a line if it can be; shapes of one colour are no glyphs. */
void boot_font_add(struct boot_font *font, uint32_t code, const uint32_t *rows);
/* The number of the glyph with this very shape, from 1, or 0. hash is boot_font_hash() of the rows. */
size_t boot_font_find(const struct boot_font *font, const uint32_t *rows, uint32_t hash);
uint32_t boot_font_hash(const uint32_t *rows, unsigned height);
/* The shape of a character, or NULL. */
const uint32_t *boot_font_glyph(const struct boot_font *font, uint32_t code);

struct boot_fonts {
        struct boot_font *v;    /* owned */
        size_t n;
};
void boot_fonts_done(struct boot_fonts *fonts);
/* Every font that is installed, and those that were learnt, from the folder `learnt` (NULL: none). The fonts inside this
 * host's newest kernel and OVMF are kept there too, so without a folder they are left out; for a second they are unpacked,
 * once. A damaged font file is an error that names it, a missing one is not; but that there is no font at all is
 * BK_NOT_FOUND. */
int boot_fonts_load(const char *learnt, struct boot_fonts *ret, struct bk_error *err) BK_MUST_CHECK;

/* One file's content; adds to fonts. */
int boot_font_read_rom(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err) BK_MUST_CHECK;
int boot_font_read_psf(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err) BK_MUST_CHECK;
int boot_font_read_pf2(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err) BK_MUST_CHECK;
int boot_font_read_learnt(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err) BK_MUST_CHECK;
/* Linux' own 8x16 font in a kernel for x86 (bzImage: gzip, xz, LZMA or LZ4); EDK2's 8x19 in a firmware's flash. */
int boot_font_read_kernel(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err) BK_MUST_CHECK;
int boot_font_read_firmware(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err) BK_MUST_CHECK;
/* An empty font, owned by fonts; adding one more moves it. */
struct boot_font *boot_fonts_new(struct boot_fonts *fonts, const char *name, unsigned width, unsigned height)
        __attribute__((returns_nonnull));

/* Keeps the font inside the kernel or firmware at path as FOLDER/NAME.glyphs, unless that was made from this very file. */
int boot_font_keep(const char *folder, const char *name, const char *path, struct bk_error *err) BK_MUST_CHECK;

/* Teaches FOLDER/NAME.glyphs from a picture: `text` is what stands there from pixel (x, y) on, rows ended by newlines,
 * in cells of width by height. What the file knew already is kept. A character with two shapes or a shape with two
 * characters means that the text is not what the picture shows: BK_INVALID, and nothing is written. */
int boot_font_learn(const char *folder, const char *name, const struct boot_picture *picture, unsigned x, unsigned y,
                    unsigned width, unsigned height, const char *text, struct bk_error *err) BK_MUST_CHECK;
