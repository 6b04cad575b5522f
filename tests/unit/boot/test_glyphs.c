/* Text from pictures: every font, origin, polarity and size that guests use; and what is not text stays unknown. */
#include "tests/unit/boot/picture.h"

#include "boot/match.h"

static struct boot_fonts fonts;

static int load(void **state)
{
        struct bk_error err = { 0 };

        (void)state;
        if (boot_fonts_load(NULL, &fonts, &err) != 0) {
                print_message("# %s\n", err.text);
                return -1;
        }
        return 0;
}

static int unload(void **state)
{
        (void)state;
        boot_fonts_done(&fonts);
        return 0;
}

#define SOME "No bootable device.\nlogin: root (0O1lI|) {[<_>]}\n"

static const struct {
        const char *why, *font;
        unsigned height, cell, screen_width, screen_height, x, y;
        uint32_t ink, paper, around;
        const char *text, *expected;
} drawn[] = {
        { "VGA text mode, 9 dots", "vga", 16, 9, 720, 400, 0, 0, 0xaaaaaa, 0, 0, SOME "┌──┐ █x █\n", SOME "┌──┐  x\n" },
        { "8 dots, VESA", "vga", 16, 8, 640, 400, 0, 0, 0xaaaaaa, 0, 0, SOME, SOME },
        { "50 lines", "vga", 8, 9, 720, 400, 0, 0, 0xaaaaaa, 0, 0, SOME, SOME },
        { "28 lines", "vga", 14, 9, 720, 392, 0, 0, 0xaaaaaa, 0, 0, SOME, SOME },
        { "black on white", "vga", 16, 8, 800, 600, 0, 0, 0, 0xffffff, 0xffffff, SOME, SOME },
        { "a light bar on black", "vga", 16, 8, 1024, 768, 0, 0, 0, 0xaaaaaa, 0, SOME, SOME },
        { "frame buffer console", "fixed-16", 16, 8, 1280, 800, 0, 0, 0xaaaaaa, 0, 0, SOME, SOME },
        { "Terminus", "terminus-16", 16, 8, 1280, 800, 0, 0, 0xaaaaaa, 0, 0, SOME, SOME },
        { "Terminus bold", "terminus-bold-16", 16, 8, 1280, 800, 0, 0, 0xffff55, 0x0000aa, 0, SOME, SOME },
        { "Terminus, high resolution", "terminus-32", 32, 16, 1280, 800, 0, 0, 0xaaaaaa, 0, 0, SOME, SOME },
        { "GRUB: a window 10 pixels in", "unifont", 16, 8, 1024, 768, 10, 10, 0xcccccc, 0, 0, SOME "é €ß\n",
          " No bootable device.\n login: root (0O1lI|) {[<_>]}\n é €ß\n" },
        { "a window at odd pixels", "vga", 16, 8, 1280, 800, 243, 197, 0xaaaaaa, 0x000080, 0, SOME, NULL },
        { "a window at odd pixels, inverse", "terminus-16", 16, 8, 800, 600, 13, 7, 0, 0xaaaaaa, 0x404040, SOME, NULL },
        { "a single word", "vga", 16, 8, 640, 480, 0, 0, 0xaaaaaa, 0, 0, "boot:\n", "boot:\n" },
        { "a single word, boxed", "unifont", 16, 8, 640, 480, 5, 3, 0xaaaaaa, 0, 0, "boot:\n", "boot:\n" },
};

static void drawn_text_is_read_back(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++) {
                struct boot_picture picture = { 0 };
                struct boot_screen screen = { 0 };
                struct boot_grid grid = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", drawn[i].why);
                assert_ok(boot_picture_init(&picture, drawn[i].screen_width, drawn[i].screen_height, &err), err);
                paint(&picture, drawn[i].around);
                draw(&picture, font_named(&fonts, drawn[i].font, drawn[i].height), drawn[i].cell, drawn[i].x, drawn[i].y,
                     drawn[i].text, drawn[i].ink, drawn[i].paper);
                boot_screen_from_picture(&picture, &fonts, &grid, &screen);
                autofree char *text = boot_screen_text(&screen, BOOT_ROWS, NULL);

                assert_non_null(grid.font);
                print_message("#   font %s, %ux%u at %u,%u\n", grid.font->name, grid.width, grid.height, grid.x, grid.y);
                assert_int_equal(grid.width, drawn[i].cell);
                assert_int_equal(grid.height, drawn[i].height);
                assert_int_equal(grid.x, drawn[i].x % drawn[i].cell);
                assert_int_equal(grid.y, drawn[i].y % drawn[i].height);
                if (drawn[i].expected != NULL)
                        assert_string_equal(text, drawn[i].expected);
                else
                        assert_true(strstr(text, "No bootable device.\n") && strstr(text, "login: root (0O1lI|) {[<_>]}\n"));
                assert_int_equal(boot_screen_unknown(&screen), 0);
                boot_screen_done(&screen);
                boot_picture_done(&picture);
        }
}


struct shot {
        struct boot_picture picture;
        struct boot_screen screen;
        struct boot_grid grid;
};

static void shot_done(struct shot *shot)
{
        boot_picture_done(&shot->picture);
        boot_screen_done(&shot->screen);
}

static void black(struct shot *shot, unsigned width, unsigned height)
{
        struct bk_error err = { 0 };

        assert_ok(boot_picture_init(&shot->picture, width, height, &err), err);
}

static void look(struct shot *shot)
{
        boot_screen_done(&shot->screen);
        boot_screen_from_picture(&shot->picture, &fonts, &shot->grid, &shot->screen);
}

static bool contains(const struct shot *shot, const char *text)
{
        BK_CLEANUP(boot_pattern_done) struct boot_pattern pattern = { 0 };
        struct boot_place place = { 0 };
        struct bk_error err = { 0 };

        assert_ok(boot_pattern_text(text, &pattern, &err), err);
        assert_ok(boot_pattern_find(&pattern, &shot->screen, &place, &err), err);
        return place.found;
}

/* One pixel more or less is another glyph: unknown, not the nearest; and the cells beside it are read. */
static void one_wrong_pixel_is_unknown(void **state)
{
        BK_CLEANUP(shot_done) struct shot shot = { 0 };

        (void)state;
        black(&shot, 640, 400);
        draw(&shot.picture, font_named(&fonts, "vga", 16), 8, 0, 0, "user name: 0f or G[", 0xaaaaaa, 0);
        shot.picture.pixels[5 * 640 + 11 * 8] ^= 0xaaaaaa;      /* in the 0 */
        look(&shot);
        assert_int_equal(boot_screen_unknown(&shot.screen), 1);
        assert_int_equal(shot.screen.codes[11], BOOT_UNKNOWN);
        assert_int_equal(shot.screen.codes[12], 'f');
        assert_true(contains(&shot, "name: 0f"));
        assert_true(contains(&shot, "name: 8f"));
        assert_false(contains(&shot, "name: 8g"));
}

static void a_third_colour_is_unknown(void **state)
{
        BK_CLEANUP(shot_done) struct shot shot = { 0 };

        (void)state;
        black(&shot, 720, 400);
        draw(&shot.picture, font_named(&fonts, "vga", 16), 9, 0, 0, "user name", 0xaaaaaa, 0);
        shot.picture.pixels[15 * 720] = 0x123456;
        shot.picture.pixels[3 * 720 + 4 * 9 + 8] = 0xaaaaaa;    /* a ninth dot that no VGA draws; in the blank */
        look(&shot);
        assert_int_equal(shot.screen.codes[0], BOOT_UNKNOWN);
        assert_int_equal(shot.screen.codes[4], BOOT_UNKNOWN);
        assert_int_equal(boot_screen_unknown(&shot.screen), 2);
}

/* Both polarities and many colours on one screen: a menu with a bar, as boot loaders have. */
static void colours_mix_on_one_screen(void **state)
{
        BK_CLEANUP(shot_done) struct shot shot = { 0 };
        const struct boot_font *font = font_named(&fonts, "vga", 16);

        (void)state;
        black(&shot, 640, 400);
        draw(&shot.picture, font, 8, 0, 0, "┌────────┐\n│", 0xffffff, 0x0000aa);
        draw(&shot.picture, font, 8, 8, 16, "Install ", 0, 0xaaaaaa);
        draw(&shot.picture, font, 8, 8, 32, "Rescue▄▀", 0xaaaaaa, 0);
        look(&shot);
        autofree char *text = boot_screen_text(&shot.screen, BOOT_ROWS, NULL);

        assert_string_equal(text, "┌────────┐\n│Install\n Rescue▄▀\n");
}

static void a_cursor_is_no_change_and_a_bar_is(void **state)
{
        BK_CLEANUP(shot_done) struct shot a = { 0 }, b = { 0 };
        const struct boot_font *font = font_named(&fonts, "vga", 16);

        (void)state;
        black(&a, 720, 400);
        black(&b, 720, 400);
        draw(&a.picture, font, 9, 0, 0, "login: \nother", 0xaaaaaa, 0);
        draw(&b.picture, font, 9, 0, 0, "login: \nother", 0xaaaaaa, 0);
        for (unsigned y = 13; y < 15; y++)
                for (unsigned x = 63; x < 72; x++)
                        b.picture.pixels[y * 720 + x] = 0xaaaaaa;
        look(&a);
        look(&b);
        assert_int_equal(boot_screen_changes(&a.screen, &b.screen), 1);
        assert_true(boot_screen_still(&a.screen, &b.screen));
        draw(&b.picture, font, 9, 0, 16, "other", 0, 0xaaaaaa);
        look(&b);
        assert_false(boot_screen_still(&a.screen, &b.screen));
}

/* Noise, stripes, a gradient, one colour; and pictures smaller than a cell. */
static void what_is_no_text_matches_nothing(void **state)
{
        static const struct { unsigned width, height; } sizes[] = { { 1280, 800 }, { 720, 400 }, { 7, 7 }, { 1, 1 }, { 8, 16 }, { 8192, 1 } };

        (void)state;
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes * 4; i++) {
                BK_CLEANUP(shot_done) struct shot shot = { 0 };
                unsigned seed = 1;

                black(&shot, sizes[i / 4].width, sizes[i / 4].height);
                for (size_t at = 0; at < (size_t)shot.picture.width * shot.picture.height; at++) {
                        seed = seed * 1103515245U + 12345U;
                        shot.picture.pixels[at] = i % 4 == 0 ? seed >> 8 : i % 4 == 1 ? (at / 3 & 1) * 0xffffff :
                                                  i % 4 == 2 ? (uint32_t)at & 0xffffff : 0x008000;
                }
                look(&shot);
                assert_false(contains(&shot, "login:"));
                assert_false(contains(&shot, "ok"));
                assert_true(shot.screen.columns == 0 || shot.screen.rows == 0 ||
                            boot_screen_unknown(&shot.screen) <= (size_t)shot.screen.columns * shot.screen.rows);
        }
}

/* The grid is kept between pictures, and found anew when the guest changes its mode. */
static void the_grid_follows_the_guest(void **state)
{
        static const struct { unsigned width, height, cell, x, y; const char *font; } modes[] = {
                { 720, 400, 9, 0, 0, "vga" }, { 1024, 768, 8, 10, 10, "unifont" }, { 1280, 800, 8, 0, 0, "fixed-16" }, { 720, 400, 9, 0, 0, "vga" },
        };
        BK_CLEANUP(shot_done) struct shot shot = { 0 };

        (void)state;
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
                for (unsigned again = 0; again < 2; again++) {
                        boot_picture_done(&shot.picture);
                        black(&shot, modes[i].width, modes[i].height);
                        if (again)
                                draw(&shot.picture, font_named(&fonts, modes[i].font, 16), modes[i].cell, modes[i].x, modes[i].y,
                                     "Press any key to continue", 0xaaaaaa, 0);
                        look(&shot);
                }
                assert_true(contains(&shot, "Press any key to continue"));
                assert_int_equal(boot_screen_unknown(&shot.screen), 0);
        }
}

/* A console font that differs in some letters from the VGA's: its own letters were learnt, the others are the VGA's. */
static void fonts_that_agree_complement_each_other(void **state)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts two = { 0 };
        BK_CLEANUP(shot_done) struct shot shot = { 0 };
        const struct boot_font *vga = font_named(&fonts, "vga", 16);
        static const char text[] = "The quick brown fox jumps over the lazy dog";
        struct boot_font *a, *b, *liar;

        (void)state;
        (void)boot_fonts_new(&two, "all but x", 8, 16);
        (void)boot_fonts_new(&two, "all but q", 8, 16);
        (void)boot_fonts_new(&two, "another", 8, 16);
        a = &two.v[0], b = &two.v[1], liar = &two.v[2];
        for (const char *p = text; *p != '\0'; p++) {
                if (*p == ' ')
                        continue;
                const uint32_t *shape = boot_font_glyph(vga, (unsigned char)*p);

                if (*p != 'x' && *p != 'z')
                        boot_font_add(a, (unsigned char)*p, shape);
                if (*p != 'q')
                        boot_font_add(b, (unsigned char)*p, shape);
                if (strchr("qTbw", *p) == NULL)                 /* knows less than a */
                        boot_font_add(liar, *p == 'e' ? 'c' : (unsigned char)*p, shape);
                if (*p == 'x' || *p == 'z')                     /* a is the one that most is read with */
                        boot_font_add(a, (uint32_t)*p + 0x4000, (uint32_t[16]){ 1, 2, 3, 4 });
        }
        black(&shot, 640, 400);
        draw(&shot.picture, vga, 8, 0, 0, text, 0xaaaaaa, 0);
        two.n = 2;
        boot_screen_from_picture(&shot.picture, &two, &shot.grid, &shot.screen);
        assert_true(contains(&shot, text));
        assert_int_equal(boot_screen_unknown(&shot.screen), 0);

        /* One that reads an e as a c has nothing to say about the x. */
        boot_screen_done(&shot.screen);
        shot.grid = (struct boot_grid){ 0 };
        const struct boot_font kept = *b;

        *b = *liar;
        boot_screen_from_picture(&shot.picture, &two, &shot.grid, &shot.screen);
        assert_ptr_equal(shot.grid.font, a);
        assert_int_equal(boot_screen_unknown(&shot.screen), 2);
        assert_false(contains(&shot, "fix"));

        /* A few words that were learnt do have. */
        boot_screen_done(&shot.screen);
        two.n = 3;
        (void)boot_fonts_new(&two, "learnt", 8, 16);
        for (const char *p = "quickbrownfox"; *p != '\0'; p++)
                boot_font_add(&two.v[3], (unsigned char)*p, boot_font_glyph(vga, (unsigned char)*p));
        two.v[1] = two.v[3];
        two.n = 2;
        shot.grid = (struct boot_grid){ 0 };
        boot_screen_from_picture(&shot.picture, &two, &shot.grid, &shot.screen);
        assert_int_equal(boot_screen_unknown(&shot.screen), 1);
        assert_true(contains(&shot, "brown fox jumps over the la"));
        two.v[1] = kept;
        two.n = 4;
}

/* Every glyph of every font, at an odd origin, is read as itself. */
static void every_glyph_is_itself(void **state)
{
        (void)state;
        for (size_t f = 0; f < fonts.n; f++) {
                BK_CLEANUP(shot_done) struct shot shot = { 0 };
                const struct boot_font *font = &fonts.v[f];
                const unsigned columns = 100, x = 3, y = 5;
                const size_t n = font->n < 4000 ? font->n : 4000;
                size_t wrong = 0, unknown = 0;

                black(&shot, x + columns * font->width, y + (unsigned)(n / columns + 1) * font->height);
                for (size_t i = 0; i < n; i++)
                        for (unsigned row = 0; row < font->height; row++)
                                for (unsigned bit = 0; bit < font->width; bit++)
                                        if (font->bits[i * font->height + row] >> (font->width - 1 - bit) & 1)
                                                shot.picture.pixels[(y + i / columns * font->height + row) * shot.picture.width +
                                                                    x + i % columns * font->width + bit] = 0xffffff;
                look(&shot);
                for (size_t i = 0; i < n; i++) {
                        const uint32_t code = shot.screen.codes[i / columns * shot.screen.columns + i % columns];

                        unknown += code == BOOT_UNKNOWN;
                        wrong += code != BOOT_UNKNOWN && code != font->codes[i];
                        if (code != BOOT_UNKNOWN && code != font->codes[i])
                                print_message("# U+%04X is read as U+%04X\n", font->codes[i], code);
                }
                print_message("# %s %ux%u, read by %s at %u,%u: %zu glyphs, %zu unknown, %zu wrong\n", font->name, font->width, font->height,
                              shot.grid.font ? shot.grid.font->name : "none", shot.grid.x, shot.grid.y, n, unknown, wrong);
                assert_int_equal(shot.grid.x, x);
                assert_int_equal(shot.grid.y, y);
                assert_int_equal(wrong, 0);
                assert_int_equal(unknown, 0);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(drawn_text_is_read_back),
                cmocka_unit_test(one_wrong_pixel_is_unknown),
                cmocka_unit_test(a_third_colour_is_unknown),
                cmocka_unit_test(colours_mix_on_one_screen),
                cmocka_unit_test(a_cursor_is_no_change_and_a_bar_is),
                cmocka_unit_test(what_is_no_text_matches_nothing),
                cmocka_unit_test(the_grid_follows_the_guest),
                cmocka_unit_test(fonts_that_agree_complement_each_other),
                cmocka_unit_test(every_glyph_is_itself),
        };
        return cmocka_run_group_tests(tests, load, unload);
}
