/* Finding a glyph by its pixels: an open hash table a font, and the whole shape is compared. */
#include "boot/font_priv.h"

#include <dirent.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

#define FILE_MOST (8U << 20)
#define LEARNT_MOST 64

/* From the package's folder; the last word is the package. */
static const struct {
        const char *name, *path;
        int (*read)(const char *name, const void *bytes, size_t length, struct boot_fonts *fonts, struct bk_error *err);
        const char *package;
} rows[] = {
        { "vga",              "/usr/share/seabios/vgabios-stdvga.bin",                boot_font_read_rom, "seabios" },
        { "fixed-16",         "/usr/share/consolefonts/Lat15-Fixed16.psf.gz",         boot_font_read_psf, "console-setup-linux" },
        { "vga-16",           "/usr/share/consolefonts/Lat15-VGA16.psf.gz",           boot_font_read_psf, "console-setup-linux" },
        { "terminus-16",      "/usr/share/consolefonts/Lat15-Terminus16.psf.gz",      boot_font_read_psf, "console-setup-linux" },
        { "terminus-bold-16", "/usr/share/consolefonts/Lat15-TerminusBold16.psf.gz",  boot_font_read_psf, "console-setup-linux" },
        { "terminus-32",      "/usr/share/consolefonts/Lat15-Terminus32x16.psf.gz",   boot_font_read_psf, "console-setup-linux" },
        { "unifont",          "/usr/share/grub/unicode.pf2",                          boot_font_read_pf2, "grub-common" },
};

void boot_font_done(struct boot_font *font)
{
        free(font->name);
        free(font->codes);
        free(font->bits);
        free(font->slots);
        *font = (struct boot_font){ 0 };
}

void boot_fonts_done(struct boot_fonts *fonts)
{
        for (size_t i = 0; i < fonts->n; i++)
                boot_font_done(&fonts->v[i]);
        free(fonts->v);
        *fonts = (struct boot_fonts){ 0 };
}

struct boot_font *boot_fonts_new(struct boot_fonts *fonts, const char *name, unsigned width, unsigned height)
{
        struct boot_font *font;

        fonts->v = bk_grow(fonts->v, fonts->n + 1, sizeof *fonts->v);
        font = &fonts->v[fonts->n++];
        *font = (struct boot_font){ .name = bk_strdup(name), .width = width, .height = height };
        return font;
}

uint32_t boot_font_hash(const uint32_t *shape, unsigned height)
{
        uint32_t hash = 2166136261U;

        for (unsigned y = 0; y < height; y++) {
                hash = (hash ^ shape[y]) * 0x9e3779b1U;
                hash ^= hash >> 15;
        }
        return hash;
}

/* The slot of the shape, or the empty one where it would be. */
static size_t slot_of(const struct boot_font *font, const uint32_t *shape, uint32_t hash)
{
        size_t slot = hash & (font->n_slots - 1);

        while (font->slots[slot] != 0 &&
               memcmp(font->bits + (size_t)(font->slots[slot] - 1) * font->height, shape, font->height * sizeof *shape) != 0)
                slot = (slot + 1) & (font->n_slots - 1);
        return slot;
}

size_t boot_font_find(const struct boot_font *font, const uint32_t *shape, uint32_t hash)
{
        return font->n_slots == 0 ? 0 : font->slots[slot_of(font, shape, hash)];
}

static void rehash(struct boot_font *font, size_t n_slots)
{
        free(font->slots);
        font->slots = bk_alloc(n_slots * sizeof *font->slots);
        font->n_slots = n_slots;
        font->codes = bk_grow(font->codes, n_slots, sizeof *font->codes);
        font->bits = bk_grow(font->bits, n_slots * font->height, sizeof *font->bits);
        for (size_t i = 0; i < font->n; i++) {
                const uint32_t *shape = font->bits + i * font->height;

                font->slots[slot_of(font, shape, boot_font_hash(shape, font->height))] = (uint32_t)i + 1;
        }
}

/* Which of two characters with one shape is meant: the first in Unicode; but lines and blocks, of which screens are
 * made, before the pieces of brackets and the like. */
static uint32_t preference(uint32_t code)
{
        return code >= 0x2500 && code < 0x2600 ? code - 0x600 : code;
}

void boot_font_add(struct boot_font *font, uint32_t code, const uint32_t *shape)
{
        const uint32_t full = font->width == 32 ? UINT32_MAX : (1U << font->width) - 1;
        bool one_colour = shape[0] == 0 || shape[0] == full;
        size_t slot;

        for (unsigned y = 1; y < font->height; y++)
                one_colour &= shape[y] == shape[0];
        if (one_colour || code <= ' ' || code == 0xfffd)
                return;
        if ((font->n + 1) * 2 > font->n_slots)
                rehash(font, font->n_slots ? font->n_slots * 2 : 512);
        slot = slot_of(font, shape, boot_font_hash(shape, font->height));
        if (font->slots[slot] != 0) {
                uint32_t *known = &font->codes[font->slots[slot] - 1];

                *known = preference(code) < preference(*known) ? code : *known;
                return;
        }
        font->codes[font->n] = code;
        memcpy(font->bits + font->n * font->height, shape, font->height * sizeof *shape);
        font->slots[slot] = (uint32_t)++font->n;
}

const uint32_t *boot_font_glyph(const struct boot_font *font, uint32_t code)
{
        for (size_t i = 0; i < font->n; i++)
                if (font->codes[i] == code)
                        return font->bits + i * font->height;
        return NULL;
}

static int load(const char *name, const char *path,
                int (*read)(const char *, const void *, size_t, struct boot_fonts *, struct bk_error *),
                struct boot_fonts *fonts, struct bk_error *err)
{
        autofree char *bytes = NULL, *plain = NULL;
        size_t length;

        if (bk_read_file(path, FILE_MOST, &bytes, &length, err) < 0)
                return -1;
        if (length > 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b') {
                if (boot_unpack(bytes, length, FILE_MOST, &plain, &length, err) < 0)
                        return bk_wrap(err, "font '%s'", path);
        }
        if (read(name, plain != NULL ? plain : bytes, length, fonts, err) < 0)
                return bk_wrap(err, "font '%s'", path);
        return 0;
}

static int load_learnt(const char *folder, struct boot_fonts *fonts, struct bk_error *err)
{
        autodir DIR *dir = opendir(folder);
        const struct dirent *entry;
        unsigned files = 0;

        if (dir == NULL)
                return errno == ENOENT ? 0 : bk_fail_errno(err, "learnt fonts '%s'", folder);
        while ((entry = readdir(dir)) != NULL) {
                const char *dot = strrchr(entry->d_name, '.');
                autofree char *path = bk_format("%s/%s", folder, entry->d_name), *name = NULL;

                if (entry->d_name[0] == '.' || dot == NULL || strcmp(dot, ".glyphs") != 0)
                        continue;
                if (++files > LEARNT_MOST)
                        return bk_fail(err, BK_INVALID, "more than %d learnt fonts in '%s'", LEARNT_MOST, folder);
                name = bk_strndup(entry->d_name, (size_t)(dot - entry->d_name));
                if (load(name, path, boot_font_read_learnt, fonts, err) < 0)
                        return -1;
        }
        return 0;
}

int boot_fonts_load(const char *learnt, struct boot_fonts *ret, struct bk_error *err)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                if (bk_exists(rows[i].path) && load(rows[i].name, rows[i].path, rows[i].read, &fonts, err) < 0)
                        return bk_wrap(err, "package %s", rows[i].package);
        if (learnt != NULL) {
                boot_fonts_keep_known(learnt, &fonts);
                if (load_learnt(learnt, &fonts, err) < 0)
                        return -1;
        }
        if (fonts.n == 0)
                return bk_fail(err, BK_NOT_FOUND, "no fonts to read screens with; install %s, %s or %s",
                               rows[0].package, rows[1].package, rows[sizeof rows / sizeof *rows - 1].package);
        *ret = fonts;
        fonts = (struct boot_fonts){ 0 };
        return 0;
}
