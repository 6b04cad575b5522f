/* PPM and PNG files, and those that are damaged or lie. */
#include "tests/unit/test.h"

#include <png.h>
#include <sys/resource.h>

#include "boot/picture.h"
#include "lib/fs.h"

static const unsigned char four[12] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 16, 32, 48 };

static size_t make_png(unsigned char *bytes, size_t most, unsigned width, unsigned height, const void *rgb, unsigned format)
{
        png_image image = { .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = format };
        size_t length = most;

        assert_true(png_image_write_to_memory(&image, bytes, &length, 0, rgb, 0, NULL));
        return length;
}

static void both_formats_give_pixels(void **state)
{
        unsigned char png[4096];
        const size_t length = make_png(png, sizeof png, 2, 2, four, PNG_FORMAT_RGB);
        static const char *const headers[] = { "P6\n2 2\n255\n", "P6 2 2 255 ", "P6\n# a remark\n2 # 3\n2\n255\n" };

        (void)state;
        for (size_t i = 0; i < 1 + sizeof headers / sizeof *headers; i++) {
                struct boot_picture picture = { 0 };
                struct bk_error err = { 0 };
                char ppm[64];

                if (i == 0) {
                        assert_ok(boot_picture_parse(png, length, &picture, &err), err);
                } else {
                        const size_t header = strlen(headers[i - 1]);

                        memcpy(ppm, headers[i - 1], header);
                        memcpy(ppm + header, four, sizeof four);
                        assert_ok(boot_picture_parse(ppm, header + sizeof four, &picture, &err), err);
                }
                assert_int_equal(picture.width, 2);
                assert_int_equal(picture.height, 2);
                assert_int_equal(picture.pixels[0], 0xff0000);
                assert_int_equal(picture.pixels[1], 0x00ff00);
                assert_int_equal(picture.pixels[2], 0x0000ff);
                assert_int_equal(picture.pixels[3], 0x102030);
                boot_picture_done(&picture);
        }
}

static const struct { const char *why, *bytes; size_t length; } broken[] = {
        { "empty", "", 0 },
        { "neither", "GIF89a", 6 },
        { "only the magic", "P6", 2 },
        { "no numbers", "P6\nx", 4 },
        { "a NUL in the header", "P6\n\0 2 2 255\n", 13 },
        { "no samples", "P6\n2 2\n255\n", 11 },
        { "one sample short", "P6\n2 1\n255\nabcde", 16 },
        { "deep colour", "P6\n1 1\n65535\nabcdef", 19 },
        { "no rows", "P6\n1 0\n255\n", 11 },
        { "no columns", "P6\n0 1\n255\n", 11 },
        { "huge", "P6\n99999999 99999999\n255\nabc", 28 },
        { "a number without end", "P6\n999999999999999999999 1\n255\nabc", 35 },
        { "an endless remark", "P6\n#", 4 },
        { "PNG, only the magic", "\x89PNG\r\n\x1a\n", 8 },
        { "PNG of 2 GB a side", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\2\0\0\0\xe6\xd1\x5f\x0e", 33 },
};

static void broken_files_are_invalid(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
                struct boot_picture picture = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", broken[i].why);
                assert_fails_with(boot_picture_parse(broken[i].bytes, broken[i].length, &picture, &err), err, BK_INVALID);
                assert_null(picture.pixels);
        }
}

/* Every byte of a PNG is cut at, and turned around. */
static void no_damage_to_a_png_crashes(void **state)
{
        unsigned char png[4096], bad[4096];
        const size_t length = make_png(png, sizeof png, 2, 2, four, PNG_FORMAT_RGB);
        unsigned cut_refused = 0;

        (void)state;
        for (size_t i = 0; i < length; i++) {
                struct boot_picture picture = { 0 };
                struct bk_error err = { 0 };

                cut_refused += boot_picture_parse(png, i, &picture, &err) != 0;
                boot_picture_done(&picture);
                memcpy(bad, png, length);
                bad[i] ^= 0xff;
                (void)!boot_picture_parse(bad, length, &picture, &err);
                boot_picture_done(&picture);
        }
        /* Only the last chunk, which says that this is the end, may lack. */
        assert_true(cut_refused >= length - 16);
}

static void sizes_are_bounded(void **state)
{
        autofree unsigned char *png = bk_alloc(1 << 20), *grey = bk_alloc(8192UL * 4096);
        const size_t length = make_png(png, 1 << 20, 8192, 4096, grey, PNG_FORMAT_GRAY);
        struct boot_picture picture = { 0 };
        struct bk_error err = { 0 };
        struct rusage before, after;

        (void)state;
        (void)getrusage(RUSAGE_SELF, &before);
        assert_fails_with(boot_picture_parse(png, length, &picture, &err), err, BK_INVALID);
        (void)getrusage(RUSAGE_SELF, &after);
        assert_non_null(strstr(err.text, "8192x4096"));
        assert_true(after.ru_maxrss - before.ru_maxrss < 16384);
}

static void files_are_named_in_errors(void **state)
{
        struct boot_picture picture = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_fails_with(boot_picture_load("/nonexistent.png", &picture, &err), err, BK_NOT_FOUND);
        assert_fails_with(boot_picture_load("/proc/self/cmdline", &picture, &err), err, BK_INVALID);
        assert_non_null(strstr(err.text, "/proc/self/cmdline"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_formats_give_pixels),
                cmocka_unit_test(broken_files_are_invalid),
                cmocka_unit_test(no_damage_to_a_png_crashes),
                cmocka_unit_test(sizes_are_bounded),
                cmocka_unit_test(files_are_named_in_errors),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
