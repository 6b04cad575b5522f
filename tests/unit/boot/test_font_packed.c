/* Fonts inside kernels and firmware: found, refused when something is wrong, and kept. */
#include "tests/unit/folder.h"
#include "tests/unit/boot/packed.h"

#include <sys/stat.h>

#include "boot/font.h"
#include "lib/fs.h"
#include "lib/publish.h"

#define NOISE 5001                      /* bytes before and behind the font, which lies at no round place */

/* The caller's. */
static unsigned char *noise(size_t length)
{
        unsigned char *p = bk_alloc(length);
        unsigned seed = 1;

        for (size_t i = 0; i < length; i++) {
                seed = seed * 1103515245U + 12345U;
                p[i] = (unsigned char)(seed >> 24);
        }
        return p;
}

static unsigned char *kernel_content(size_t *ret_len)
{
        unsigned char *p = noise(*ret_len = 2 * NOISE + TABLE_BYTES);

        make_table(p + NOISE);
        return p;
}

static unsigned char *firmware_content(size_t *ret_len)
{
        unsigned char *p = noise(2 * NOISE + 98 * NARROW_ENTRY);

        *ret_len = 2 * NOISE + make_array(p + NOISE);
        return p;
}

static void assert_shape(const struct boot_font *font, uint32_t code, unsigned row, uint32_t bits)
{
        const uint32_t *shape = boot_font_glyph(font, code);

        assert_non_null(shape);
        assert_int_equal(shape[row], bits);
}

static const struct { const char *why; enum packing kind; size_t blank; } packings[] = {
        { "gzip", PACKED_GZIP, 0 },
        { "xz", PACKED_XZ, 0 },
        { "LZMA", PACKED_LZMA, 0 },
        { "LZ4", PACKED_LZ4, 0 },
        { "LZ4, two blocks", PACKED_LZ4, 9 << 20 },
        { "LZ4, two whole blocks", PACKED_LZ4, (16 << 20) - 2 * NOISE - TABLE_BYTES },
};

static void a_kernel_has_a_font(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof packings / sizeof *packings; i++) {
                BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
                struct bk_error err = { 0 };
                size_t plain_length, length;
                autofree unsigned char *content = kernel_content(&plain_length);
                autofree unsigned char *plain = bk_alloc(packings[i].blank + plain_length);

                print_message("# %s\n", packings[i].why);
                memcpy(plain + packings[i].blank, content, plain_length);
                autofree unsigned char *kernel = make_kernel(packings[i].kind, plain, packings[i].blank + plain_length, &length);

                assert_ok(boot_font_read_kernel("linux", kernel, length, &fonts, &err), err);
                assert_int_equal(fonts.n, 1);
                assert_int_equal(fonts.v[0].width, 8);
                assert_int_equal(fonts.v[0].height, 16);
                assert_false(fonts.v[0].ninth);
                assert_shape(&fonts.v[0], 'A', 2, 'A');
                assert_shape(&fonts.v[0], 0xe9, 2, 0x82);
                assert_shape(&fonts.v[0], 0x2580, 7, 0xff);
        }
}

static void a_firmware_has_a_font(void **state)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        struct bk_error err = { 0 };
        size_t plain_length, length;
        autofree unsigned char *plain = firmware_content(&plain_length), *firmware = make_firmware(plain, plain_length, &length);

        (void)state;
        assert_ok(boot_font_read_firmware("edk2", firmware, length, &fonts, &err), err);
        assert_int_equal(fonts.n, 1);
        assert_int_equal(fonts.v[0].height, 19);
        assert_int_equal(fonts.v[0].n, '~' - ' ' + 2);          /* all but the blank; what follows the zeros is none */
        assert_shape(&fonts.v[0], 'A', 4, 'A');
        assert_shape(&fonts.v[0], '~', 18, 0x81);
        assert_shape(&fonts.v[0], 0x2500, 4, '~' + 1);
        assert_shape(&fonts.v[0], 0xe9, 4, '~' + 2);
}

/* What is written over a good file, and what is said then. */
static const struct { const char *why; size_t at; uint32_t value; enum bk_kind kind; const char *says; } damage[] = {
        { "no magic", 0x202, 0, BK_INVALID, "not a Linux kernel" },
        { "an old protocol", 0x206, 0x0204, BK_INVALID, "before 2.6.26" },
        { "a payload beyond the file", 0x248, 0x7fffffff, BK_INVALID, "its header tells of" },
        { "a payload far beyond the file", 0x248, 0xffffffff, BK_INVALID, "its header tells of" },
        { "a payload that is too long", 0x24c, 0x00100000, BK_INVALID, "its header tells of" },
        { "a payload of 4 GiB", 0x24c, 0xffffffff, BK_INVALID, "its header tells of" },
        { "a payload of nothing", 0x24c, 7, BK_INVALID, "its header tells of" },
        { "more setup than file", 0x1f1, 0xff, BK_INVALID, "its header tells of" },
        { "another compression", KERNEL_PAYLOAD, 0xfd2fb528, BK_INVALID, "not known here" },
        { "damaged content", KERNEL_PAYLOAD + 20, 0xffffffff, BK_CORRUPT, "damaged" },
};

static void what_is_no_kernel_is_refused(void **state)
{
        size_t plain_length, length;
        autofree unsigned char *plain = kernel_content(&plain_length), *kernel = make_kernel(PACKED_XZ, plain, plain_length, &length);
        autofree unsigned char *bad = bk_grow(NULL, length, 1);
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
                print_message("# %s\n", damage[i].why);
                memcpy(bad, kernel, length);
                put32(bad + damage[i].at, damage[i].value);
                assert_fails_with(boot_font_read_kernel("bad", bad, length, &fonts, &err), err, damage[i].kind);
                if (strstr(err.text, damage[i].says) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, damage[i].says);
        }
        /* The size of the content is the last word. */
        static const struct { size_t size; enum bk_kind kind; } sizes[] = {
                { 0, BK_CORRUPT }, { 100, BK_CORRUPT }, { 1 << 20, BK_CORRUPT }, { (256U << 20) + 1, BK_INVALID }, { 0xffffffff, BK_INVALID },
        };

        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                memcpy(bad, kernel, length);
                put32(bad + length - 4, sizes[i].size);
                assert_fails_with(boot_font_read_kernel("bad", bad, length, &fonts, &err), err, sizes[i].kind);
        }
        assert_int_equal(fonts.n, 0);
}

static void a_kernel_without_a_font_is_said_to_be_one(void **state)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        struct bk_error err = { 0 };
        size_t plain_length, length;
        autofree unsigned char *plain = kernel_content(&plain_length);

        (void)state;
        plain[NOISE + 0xdb * 16] = 0;           /* no full block */
        autofree unsigned char *kernel = make_kernel(PACKED_LZ4, plain, plain_length, &length);

        assert_fails_with(boot_font_read_kernel("none", kernel, length, &fonts, &err), err, BK_INVALID);
        assert_non_null(strstr(err.text, "no font"));
}

static const struct { const char *why; size_t at; uint32_t value; enum bk_kind kind; const char *says; } flash[] = {
        { "another section", SECTION_AT + 4, 0, BK_INVALID, "no font" },
        { "a section of another kind", SECTION_AT, 0x01000100, BK_INVALID, "no font" },
        { "longer than the file", SECTION_AT, 0x02ffffff, BK_INVALID, "no font" },
        { "shorter than its header", SECTION_AT, 0x02000024, BK_INVALID, "no font" },
        { "content outside of it", SECTION_AT + 20, 0x0001ffff, BK_INVALID, "no font" },
        { "content in the header", SECTION_AT + 20, 0x00010004, BK_INVALID, "no font" },
        { "other properties", SECTION_AT + SECTION_DATA, 0xffffffff, BK_INVALID, "not known here" },
        { "content of 4 GiB", SECTION_AT + SECTION_DATA + 5, 0xffffffff, BK_INVALID, "more than" },
        { "content of more", SECTION_AT + SECTION_DATA + 9, 1, BK_INVALID, "more than" },
        { "content of less", SECTION_AT + SECTION_DATA + 5, 100, BK_CORRUPT, "" },
        { "damaged content", SECTION_AT + SECTION_DATA + 13, 0xffffffff, BK_CORRUPT, "damaged" },
};

static void what_is_no_firmware_is_refused(void **state)
{
        size_t plain_length, length;
        autofree unsigned char *plain = firmware_content(&plain_length), *firmware = make_firmware(plain, plain_length, &length);
        autofree unsigned char *bad = bk_grow(NULL, length, 1);

        (void)state;
        for (size_t i = 0; i < sizeof flash / sizeof *flash; i++) {
                BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", flash[i].why);
                memcpy(bad, firmware, length);
                put32(bad + flash[i].at, flash[i].value);
                assert_fails_with(boot_font_read_firmware("bad", bad, length, &fonts, &err), err, flash[i].kind);
                if (strstr(err.text, flash[i].says) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, flash[i].says);
        }
}

/* An array that is not one all through, before the one that is. */
static void a_false_array_is_passed_over(void **state)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        struct bk_error err = { 0 };
        unsigned char plain[2 * 98 * NARROW_ENTRY];
        size_t first = make_array(plain), length;

        (void)state;
        plain[('A' - ' ') * NARROW_ENTRY] = 'B';
        (void)make_array(plain + first);
        autofree unsigned char *firmware = make_firmware(plain, sizeof plain, &length);

        assert_ok(boot_font_read_firmware("edk2", firmware, length, &fonts, &err), err);
        assert_shape(&fonts.v[0], 'A', 4, 'A');
        /* The end of the content is an end as well. */
        boot_fonts_done(&fonts);
        autofree unsigned char *open_end = make_firmware(plain + first, first - NARROW_ENTRY - 3, &length);

        assert_ok(boot_font_read_firmware("edk2", open_end, length, &fonts, &err), err);
        assert_null(boot_font_glyph(&fonts.v[0], 0xe9));
        assert_non_null(boot_font_glyph(&fonts.v[0], 0x2500));
}

static void try_both(const unsigned char *bytes, size_t length)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        autofree unsigned char *exact = bk_grow(NULL, length + (length == 0), 1);       /* so that a sanitizer sees a step beyond */
        struct bk_error err = { 0 };

        memcpy(exact, bytes, length);
        if (boot_font_read_kernel("cut", exact, length, &fonts, &err) < 0)
                assert_true(err.text[0] != '\0');
        err.text[0] = '\0';
        if (boot_font_read_firmware("cut", exact, length, &fonts, &err) < 0)
                assert_true(err.text[0] != '\0');
}

/* Cut at many places, and one byte changed at many: an error, or another font, never a crash. */
static void damaged_files_do_not_crash(void **state)
{
        (void)state;
        for (unsigned kind = PACKED_GZIP; kind <= PACKED_LZ4 + 1; kind++) {
                size_t plain_length, length;
                autofree unsigned char *plain = kind > PACKED_LZ4 ? firmware_content(&plain_length) : kernel_content(&plain_length);
                autofree unsigned char *file = kind > PACKED_LZ4 ? make_firmware(plain, plain_length, &length) :
                                                                   make_kernel(kind, plain, plain_length, &length);

                for (size_t cut = 0; cut < length; cut += length / 97)
                        try_both(file, cut);
                for (size_t at = 0; at < length; at += at < 40 || at > KERNEL_PAYLOAD ? 1 + length / 499 : 7) {
                        file[at] ^= 0xff;
                        try_both(file, length);
                        file[at] ^= 0xff;
                }
        }
}

static void write_file(const char *path, const unsigned char *bytes, size_t length)
{
        struct bk_error err = { 0 };

        assert_ok(bk_publish_bytes(path, bytes, length, 0644, &err), err);
}

static ino_t inode(const char *path)
{
        struct stat st = { 0 };

        return stat(path, &st) < 0 ? 0 : st.st_ino;
}

static void what_was_found_is_kept(void **state)
{
        const struct folder *folder = *state;
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        autofree char *path = bk_format("%s/a kernel", folder->path), *glyphs = bk_format("%s/mine.glyphs", folder->path), *bytes = NULL;
        struct bk_error err = { 0 };
        size_t plain_length, length, read;
        autofree unsigned char *plain = kernel_content(&plain_length), *kernel = make_kernel(PACKED_GZIP, plain, plain_length, &length);
        ino_t first;

        assert_fails_with(boot_font_keep(folder->path, "mine", path, &err), err, BK_NOT_FOUND);
        assert_int_equal(inode(glyphs), 0);
        write_file(path, kernel, length);
        assert_fails_with(boot_font_keep(folder->path, "../mine", path, &err), err, BK_INVALID);
        assert_ok(boot_font_keep(folder->path, "mine", path, &err), err);
        first = inode(glyphs);
        assert_ok(boot_font_keep(folder->path, "mine", path, &err), err);
        assert_int_equal(inode(glyphs), first);                 /* not made again */
        assert_ok(bk_read_file(glyphs, 1 << 20, &bytes, &read, &err), err);
        assert_ok(boot_font_read_learnt("mine", bytes, read, &fonts, &err), err);
        assert_shape(&fonts.v[0], 'A', 2, 'A');

        /* A damaged one says so, and what is kept stays. */
        kernel[length - 100] ^= 0xff;
        write_file(path, kernel, length);
        assert_int_equal(boot_font_keep(folder->path, "mine", path, &err), -1);
        assert_non_null(strstr(err.text, "a kernel"));
        assert_int_equal(inode(glyphs), first);

        /* Another one takes its place. */
        plain[NOISE + 'A' * 16 + 2] = 0x7e;
        autofree unsigned char *other = make_kernel(PACKED_XZ, plain, plain_length, &length);

        write_file(path, other, length);
        assert_ok(boot_font_keep(folder->path, "mine", path, &err), err);
        free(bytes);
        bytes = NULL;
        boot_fonts_done(&fonts);
        assert_ok(bk_read_file(glyphs, 1 << 20, &bytes, &read, &err), err);
        assert_ok(boot_font_read_learnt("mine", bytes, read, &fonts, &err), err);
        assert_shape(&fonts.v[0], 'A', 2, 0x7e);
}

static size_t named(const struct boot_fonts *fonts, const char *name)
{
        size_t n = 0;

        for (size_t i = 0; i < fonts->n; i++)
                n += bk_streq(fonts->v[i].name, name) && fonts->v[i].n > 90;
        return n;
}

/* This host's own firmware: read once, and used even where nothing can be kept. */
static void the_installed_firmware_is_known(void **state)
{
        const struct folder *folder = *state;
        BK_CLEANUP(boot_fonts_done) struct boot_fonts none = { 0 }, first = { 0 }, again = { 0 }, nowhere = { 0 };
        autofree char *learnt = bk_format("%s/learnt", folder->path), *glyphs = bk_format("%s/edk2-8x19.glyphs", learnt);
        struct bk_error err = { 0 };
        ino_t made;

        if (!bk_exists("/usr/share/OVMF/OVMF_CODE_4M.fd")) {
                print_message("# skipped: needs OVMF\n");
                skip();
        }
        assert_ok(boot_fonts_load(NULL, &none, &err), err);
        assert_int_equal(named(&none, "edk2-8x19"), 0);
        assert_ok(boot_fonts_load(learnt, &first, &err), err);
        assert_int_equal(named(&first, "edk2-8x19"), 1);
        made = inode(glyphs);
        assert_true(made != 0);
        assert_ok(boot_fonts_load(learnt, &again, &err), err);
        assert_int_equal(named(&again, "edk2-8x19"), 1);
        assert_int_equal(inode(glyphs), made);
        assert_ok(boot_fonts_load("/proc/bakery-fonts", &nowhere, &err), err);
        assert_int_equal(named(&nowhere, "edk2-8x19"), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_kernel_has_a_font),
                cmocka_unit_test(a_firmware_has_a_font),
                cmocka_unit_test(what_is_no_kernel_is_refused),
                cmocka_unit_test(a_kernel_without_a_font_is_said_to_be_one),
                cmocka_unit_test(what_is_no_firmware_is_refused),
                cmocka_unit_test(a_false_array_is_passed_over),
                cmocka_unit_test(damaged_files_do_not_crash),
                cmocka_unit_test(what_was_found_is_kept),
                cmocka_unit_test(the_installed_firmware_is_known),
        };
        return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
