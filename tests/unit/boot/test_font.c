/* Font files: what is read from them, what is refused, and what is learnt. */
#include "tests/unit/folder.h"
#include "tests/unit/boot/picture.h"

#include "lib/fs.h"

#define PSF2 "\x72\xb5\x4a\x86" "\0\0\0\0" "\x20\0\0\0"

/* One glyph of 8x2 that is U+0041 and U+0391, as PSF 2; one of 12x1. */
static const char small[] = PSF2 "\1\0\0\0" "\1\0\0\0" "\2\0\0\0" "\2\0\0\0" "\x08\0\0\0" "\x18\x24" "A\xce\x91\xfe" "ab\xff";
static const char wide[] = PSF2 "\1\0\0\0" "\1\0\0\0" "\2\0\0\0" "\1\0\0\0" "\x0c\0\0\0" "\x80\x10" "B\xff";

static void psf_has_characters(void **state)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        struct bk_error err = { 0 };
        const uint32_t shape[] = { 0x18, 0x24 }, other[] = { 0x18, 0x25 };

        (void)state;
        assert_ok(boot_font_read_psf("small", small, sizeof small - 1, &fonts, &err), err);
        assert_int_equal(fonts.v[0].n, 1);
        assert_int_equal(fonts.v[0].codes[boot_font_find(&fonts.v[0], shape, boot_font_hash(shape, 2)) - 1], 'A');
        assert_int_equal(boot_font_find(&fonts.v[0], other, boot_font_hash(other, 2)), 0);
        assert_ok(boot_font_read_psf("wide", wide, sizeof wide - 1, &fonts, &err), err);
        assert_int_equal(boot_font_glyph(&fonts.v[1], 'B')[0], 0x801);
}

/* GRUB's menu has a frame of heavy lines, and Unifont has pieces of braces that look the same. */
static void lines_are_preferred(void **state)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        struct bk_error err = { 0 };
        autofree char *bytes = NULL;
        size_t length;

        (void)state;
        assert_ok(bk_read_file("/usr/share/grub/unicode.pf2", 8 << 20, &bytes, &length, &err), err);
        assert_ok(boot_font_read_pf2("unifont", bytes, length, &fonts, &err), err);
        assert_non_null(boot_font_glyph(&fonts.v[0], 0x2503));
        assert_non_null(boot_font_glyph(&fonts.v[0], 'A'));
        assert_null(boot_font_glyph(&fonts.v[0], 0x0391));      /* Greek, and an A as well */
}

#define PF2 "FILE\0\0\0\4PFF2"

static const struct {
        const char *why;
        int (*read)(const char *, const void *, size_t, struct boot_fonts *, struct bk_error *);
        const char *bytes;
        size_t length;
} broken[] = {
        { "PSF, empty", boot_font_read_psf, "", 0 },
        { "PSF, other magic", boot_font_read_psf, "PSF!", 4 },
        { "PSF 1, no glyphs", boot_font_read_psf, "\x36\4\0\x10", 4 },
        { "PSF 1, no height", boot_font_read_psf, "\x36\4\0\0", 4 },
        { "PSF 2, half a header", boot_font_read_psf, small, 20 },
        { "PSF 2, no bits", boot_font_read_psf, small, 33 },
        { "PSF 2, no table", boot_font_read_psf, small, 34 },
        { "PSF 2, table cut short", boot_font_read_psf, small, sizeof small - 2 },
        { "PSF 2, header beyond the file", boot_font_read_psf,
          "\x72\xb5\x4a\x86\0\0\0\0\xff\xff\xff\xff\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\x08\0\0\0", 32 },
        { "PSF 2, 4 billion glyphs", boot_font_read_psf, PSF2 "\0\0\0\0\xff\xff\xff\xff\1\0\0\0\1\0\0\0\x08\0\0\0", 32 },
        { "PSF 2, width of 4 billion", boot_font_read_psf, PSF2 "\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\xff\xff\xff\xff", 32 },
        { "PSF 2, a size that is none", boot_font_read_psf, PSF2 "\0\0\0\0\1\0\0\0\3\0\0\0\1\0\0\0\x08\0\0\0xxx", 35 },
        { "PFF2, empty", boot_font_read_pf2, "", 0 },
        { "PFF2, no characters", boot_font_read_pf2, PF2, 12 },
        { "PFF2, a section beyond the file", boot_font_read_pf2, PF2 "CHIX\xff\xff\xff\xff", 20 },
        { "PFF2, a glyph beyond the file", boot_font_read_pf2, PF2 "CHIX\0\0\0\x09\0\0\0A\0\x7f\xff\xff\xff", 29 },
        { "PFF2, a glyph without end", boot_font_read_pf2, PF2 "CHIX\0\0\0\x09\0\0\0A\0\0\0\0\x0c", 29 },
        { "PFF2, no size", boot_font_read_pf2, PF2 "CHIX\0\0\0\0", 20 },
        { "ROM, empty", boot_font_read_rom, "", 0 },
        { "ROM, no font", boot_font_read_rom, small, sizeof small },
        { "learnt, empty", boot_font_read_learnt, "", 0 },
        { "learnt, no size", boot_font_read_learnt, "bakery glyphs 1 x\n", 18 },
        { "learnt, huge", boot_font_read_learnt, "bakery glyphs 1 99x99\n", 22 },
        { "learnt, half a line", boot_font_read_learnt, "bakery glyphs 1 8x2\n000041 18", 29 },
        { "learnt, no hexadecimal", boot_font_read_learnt, "bakery glyphs 1 8x2\n000041 18zz\n", 32 },
        { "learnt, more than its width", boot_font_read_learnt, "bakery glyphs 1 7x2\n000041 ff00\n", 32 },
        { "learnt, no character", boot_font_read_learnt, "bakery glyphs 1 8x2\nffffff 1824\n", 32 },
};

static void broken_fonts_are_invalid(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
                BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
                struct bk_error err = { 0 };
                /* Exactly as long as it says, so that a sanitizer sees a step beyond. */
                autofree char *bytes = bk_strndup("", 0);

                print_message("# %s\n", broken[i].why);
                bytes = bk_grow(bytes, broken[i].length + (broken[i].length == 0), 1);
                memcpy(bytes, broken[i].bytes, broken[i].length);
                assert_fails_with(broken[i].read("broken", bytes, broken[i].length, &fonts, &err), err, BK_INVALID);
        }
}

/* The installed fonts, cut at many places: an error or fewer glyphs, never a crash. */
static void fonts_cut_short_do_not_crash(void **state)
{
        static const struct {
                const char *path;
                int (*read)(const char *, const void *, size_t, struct boot_fonts *, struct bk_error *);
        } files[] = {
                { "/usr/share/seabios/vgabios-stdvga.bin", boot_font_read_rom },
                { "/usr/share/grub/unicode.pf2", boot_font_read_pf2 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
                autofree char *bytes = NULL;
                struct bk_error err = { 0 };
                size_t length;

                assert_ok(bk_read_file(files[i].path, 8 << 20, &bytes, &length, &err), err);
                for (size_t cut = 0; cut < length; cut += length / 50) {
                        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };

                        (void)!files[i].read("cut", bytes, cut, &fonts, &err);
                }
        }
}

#define KNOWN "The quick brown fox\njumps over 13 lazy dogs: \xc3\xa9"

/* A font that nobody ships: Terminus with its rows doubled to 19. */
static struct boot_font *strange(struct boot_fonts *fonts)
{
        const struct boot_font *from = font_named(fonts, "terminus-16", 16);
        struct boot_font made = { .width = 8, .height = 19, .name = bk_strdup("strange") };

        for (size_t i = 0; i < from->n; i++) {
                uint32_t shape[19] = { 0 };

                memcpy(shape + 2, from->bits + i * 16, 16 * sizeof *shape);
                boot_font_add(&made, from->codes[i], shape);
        }
        fonts->v = bk_grow(fonts->v, fonts->n + 1, sizeof *fonts->v);
        fonts->v[fonts->n] = made;
        return &fonts->v[fonts->n++];
}

static void a_font_is_learnt_and_kept(void **state)
{
        const struct folder *folder = *state;
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 }, learnt = { 0 };
        BK_CLEANUP(boot_picture_done) struct boot_picture picture = { 0 };
        BK_CLEANUP(boot_screen_done) struct boot_screen before = { 0 }, after = { 0 };
        struct boot_grid none = { 0 }, grid = { 0 };
        struct bk_error err = { 0 };

        assert_ok(boot_fonts_load(NULL, &fonts, &err), err);
        assert_ok(boot_picture_init(&picture, 800, 600, &err), err);
        draw(&picture, strange(&fonts), 8, 80, 3, KNOWN " ZZ", 0xaaaaaa, 0);
        boot_font_done(&fonts.v[--fonts.n]);
        boot_screen_from_picture(&picture, &fonts, &none, &before);
        assert_true(boot_screen_unknown(&before) > 0);

        assert_ok(boot_font_learn(folder->path, "strange", &picture, 80, 3, 8, 19, KNOWN, &err), err);
        assert_ok(boot_fonts_load(folder->path, &learnt, &err), err);
        boot_screen_from_picture(&picture, &learnt, &grid, &after);
        assert_string_equal(grid.font->name, "strange");
        assert_int_equal(grid.y, 3);
        autofree char *text = boot_screen_text(&after, BOOT_ROWS, NULL);

        assert_string_equal(text, "          The quick brown fox\n          jumps over 13 lazy dogs: é \xef\xbf\xbd\xef\xbf\xbd\n");
        /* More text adds to what is known. */
        assert_ok(boot_font_learn(folder->path, "strange", &picture, 80 + 27 * 8, 3 + 19, 8, 19, "ZZ", &err), err);
        boot_fonts_done(&learnt);
        boot_screen_done(&after);
        grid = (struct boot_grid){ 0 };
        assert_ok(boot_fonts_load(folder->path, &learnt, &err), err);
        boot_screen_from_picture(&picture, &learnt, &grid, &after);
        assert_int_equal(boot_screen_unknown(&after), 0);
        assert_fails_with(boot_font_learn(folder->path, "strange", &picture, 0, 0, 8, 16, "a", &err), err, BK_CONFLICT);
}

static const struct { const char *why, *name; unsigned x, y, width, height; const char *text; } unteachable[] = {
        { "another text: one shape, two characters", "bad", 0, 0, 8, 16, "abcd" },
        { "another text: one character, two shapes", "bad", 0, 0, 8, 16, "xxyx" },
        { "a blank that is not", "bad", 0, 0, 8, 16, "aa b" },
        { "a character that is blank", "bad", 0, 0, 8, 16, "aaxbz" },
        { "beyond the picture", "bad", 600, 0, 8, 16, "         " },
        { "below the picture", "bad", 0, 470, 8, 16, "a" },
        { "far outside", "bad", 4000000000U, 4000000000U, 8, 16, "a" },
        { "no size", "bad", 0, 0, 0, 16, "a" },
        { "a huge size", "bad", 0, 0, 8, 4000000000U, "a" },
        { "not UTF-8", "bad", 0, 0, 8, 16, "\xff" },
        { "a name that leaves the folder", "../bad", 0, 0, 8, 16, "aaxb" },
};

static void what_contradicts_is_not_learnt(void **state)
{
        const struct folder *folder = *state;
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        BK_CLEANUP(boot_picture_done) struct boot_picture picture = { 0 };
        autofree char *path = bk_format("%s/bad.glyphs", folder->path);
        struct bk_error err = { 0 };

        assert_ok(boot_fonts_load(NULL, &fonts, &err), err);
        assert_ok(boot_picture_init(&picture, 640, 480, &err), err);
        draw(&picture, font_named(&fonts, "vga", 16), 8, 0, 0, "aaxb", 0xaaaaaa, 0);
        for (size_t i = 0; i < sizeof unteachable / sizeof *unteachable; i++) {
                print_message("# %s\n", unteachable[i].why);
                assert_fails_with(boot_font_learn(folder->path, unteachable[i].name, &picture, unteachable[i].x, unteachable[i].y,
                                                  unteachable[i].width, unteachable[i].height, unteachable[i].text, &err), err, BK_INVALID);
                assert_false(bk_exists(path));
        }
}

static void a_damaged_learnt_file_is_named(void **state)
{
        const struct folder *folder = *state;
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        autofree char *path = bk_format("%s/damaged.glyphs", folder->path);
        autofile FILE *file = fopen(path, "w");
        struct bk_error err = { 0 };

        assert_non_null(file);
        (void)fputs("bakery glyphs 1 8x16\n00004", file);
        (void)fflush(file);
        assert_fails_with(boot_fonts_load(folder->path, &fonts, &err), err, BK_INVALID);
        assert_non_null(strstr(err.text, "damaged.glyphs"));
        assert_non_null(strstr(err.text, "line 2"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(psf_has_characters),
                cmocka_unit_test(lines_are_preferred),
                cmocka_unit_test(broken_fonts_are_invalid),
                cmocka_unit_test(fonts_cut_short_do_not_crash),
                cmocka_unit_test(a_font_is_learnt_and_kept),
                cmocka_unit_test(what_contradicts_is_not_learnt),
                cmocka_unit_test(a_damaged_learnt_file_is_named),
        };
        return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
