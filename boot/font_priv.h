/* What the readers of fonts share. */
#pragma once
#include "boot/font.h"

/* Decompresses gzip, xz, LZMA-alone or LZ4's legacy frame, told apart by how they begin; at most `most` bytes of content.
 * What follows the stream's end is left alone. *ret is the caller's. BK_INVALID: another kind; BK_CORRUPT: damaged, or more
 * than that. */
int boot_unpack(const void *bytes, size_t length, size_t most, char **ret, size_t *ret_len, struct bk_error *err) BK_MUST_CHECK;

/* The first table of 256 shapes, a byte a row, in CP437's order; NULL: there is none. */
const unsigned char *boot_font_table(const void *bytes, size_t length, unsigned height);
/* Makes a font of such a table. */
struct boot_font *boot_font_from_table(const char *name, const unsigned char *table, unsigned height, struct boot_fonts *fonts)
        __attribute__((returns_nonnull));

/* The content of a file of glyphs, the caller's. source is a line that tells where they are from, NULL: no such line. */
char *boot_font_print(const struct boot_font *font, const char *source);

/* Keeps what known files on this host hold as glyphs in the folder; where that cannot be written to, adds it to fonts. */
void boot_fonts_keep_known(const char *folder, struct boot_fonts *fonts);

static inline uint32_t boot_le32(const unsigned char *p)
{
        return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}
