/* Text from pictures: every font, origin, polarity and size that guests use; and what is not text stays unknown. */
#include "tests/unit/boot/picture.h"

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
        { "GRUB: a window 10 pixels in", "unifont", 16, 8, 1024, 768, 10, 10, 0xcccccc, 0, 0, SOME "é €ß\n", " No bootable device.\n login: root (0O1lI|) {[<_>]}\n é €ß\n" },
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
                autofree char *text = boot_screen_text(&screen, false, NULL);

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(drawn_text_is_read_back),
        };
        return cmocka_run_group_tests(tests, load, unload);
}
