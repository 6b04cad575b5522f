/* Tar files: what is written is what tar reads, and what is read is checked. */
#include "tests/unit/folder.h"

#include "lib/run.h"
#include "lib/tar.h"

static int open_in(const struct folder *folder, const char *name)
{
        const int fd = openat(folder->fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        return fd;
}

static void put(int fd, const char *name, const char *bytes)
{
        struct bk_error err = { 0 };

        assert_ok(bk_tar_put_header(fd, name, strlen(bytes), 1700000000, &err), err);
        assert_ok(bk_write_all(fd, bytes, strlen(bytes), &err), err);
        assert_ok(bk_tar_put_end(fd, strlen(bytes), &err), err);
}

/* "name:bytes " of every member; NULL and err where it fails. */
static char *read_all(int fd, struct bk_error *err)
{
        struct bk_tar tar = { .fd = fd };
        char *text = bk_strdup("");
        int status;

        while ((status = bk_tar_next(&tar, err)) > 0) {
                autofree char *before = text;
                char bytes[2000];
                size_t length = 0;
                ssize_t got;

                while ((got = bk_tar_read(&tar, bytes + length, 7, err)) > 0)
                        length += (size_t)got;
                if (got < 0)
                        return NULL;
                text = bk_format("%s%s:%.*s ", before, tar.name, (int)length, bytes);
        }
        if (status < 0)
                free(bk_take(text));
        return text;
}

static char longest[100], block[513];

static int sample(const struct folder *folder)
{
        const int fd = open_in(folder, "a.tar");
        struct bk_error err = { 0 };

        memset(longest, 'n', 99);
        memset(block, 'b', 512);
        put(fd, "one", "1");
        put(fd, "folder/empty", "");
        put(fd, "block", block);
        put(fd, longest, "long");
        assert_ok(bk_tar_finish(fd, &err), err);
        return fd;
}

static void what_is_written_is_read(void **state)
{
        autoclose int fd = sample(*state);
        autofree char *wanted = bk_format("one:1 folder/empty: block:%s %s:long ", block, longest), *text = NULL;
        struct bk_error err = { 0 };

        text = read_all(fd, &err);
        assert_string_equal(text, wanted);
}

static void tar_reads_it(void **state)
{
        const struct folder *folder = *state;
        autoclose int fd = sample(folder);
        autofree char *path = bk_format("%s/a.tar", folder->path), *out = NULL, *one = NULL;
        const char *const list[] = { "tar", "tf", path, NULL }, *const extract[] = { "tar", "xOf", path, "one", "block", NULL };
        struct bk_error err = { 0 };

        assert_ok(bk_run(list, 60000, &out, &err), err);
        one = bk_format("one\nfolder/empty\nblock\n%s\n", longest);
        assert_string_equal(out, one);
        free(bk_take(out));
        free(bk_take(one));
        assert_ok(bk_run(extract, 60000, &out, &err), err);
        one = bk_format("1%s", block);
        assert_string_equal(out, one);
}

static void nine_gigabytes_keep_their_size(void **state)
{
        const struct folder *folder = *state;
        const uint64_t size = (uint64_t)9 << 30;
        autofree char *path = bk_format("%s/big.tar", folder->path), *out = NULL;
        const char *const list[] = { "tar", "tvf", path, NULL };
        autoclose int fd = open_in(folder, "big.tar");
        struct bk_tar tar = { .fd = fd };
        struct bk_error err = { 0 };

        assert_ok(bk_tar_put_header(fd, "big", size, 0, &err), err);
        assert_true(lseek(fd, (off_t)size, SEEK_CUR) > 0);              /* a hole */
        assert_ok(bk_tar_put_end(fd, size, &err), err);
        put(fd, "after", "x");
        assert_ok(bk_tar_finish(fd, &err), err);
        assert_int_equal(bk_tar_next(&tar, &err), 1);
        assert_true(tar.size == size);
        assert_int_equal(bk_tar_next(&tar, &err), 1);
        assert_string_equal(tar.name, "after");
        assert_ok(bk_run(list, 60000, &out, &err), err);
        assert_non_null(strstr(out, "9663676416"));
}

static void every_cut_and_every_changed_byte_shows(void **state)
{
        autoclose int fd = sample(*state);
        const off_t length = lseek(fd, 0, SEEK_END);
        autofree char *good = bk_alloc((size_t)length);
        int unseen = 0;

        assert_int_equal(pread(fd, good, (size_t)length, 0), length);
        for (off_t at = 0; at < length; at++) {
                autofree char *text = NULL, *now = NULL, *wanted = bk_format("one:1 folder/empty: block:%s %s:long ", block, longest);
                const char bad = good[at] ^ 0x11;
                struct bk_error err = { 0 };

                assert_int_equal(pwrite(fd, &bad, 1, at), 1);
                text = read_all(fd, &err);
                /* Bytes of members are the reader's to check. */
                if (text == NULL)
                        assert_string_equal(bk_kind_name(err.kind), "corrupt");
                else
                        unseen += strlen(text) == strlen(wanted);
                assert_int_equal(pwrite(fd, good + at, 1, at), 1);
                assert_true(text == NULL || !bk_streq(text, wanted));
        }
        assert_int_equal(unseen, 1 + 512 + 4);
        for (off_t at = length - 1; at >= 0; at -= at % 512 == 0 ? 1 : 73) {
                struct bk_error err = { 0 };

                assert_int_equal(ftruncate(fd, at), 0);
                assert_null(read_all(fd, &err));
                assert_string_equal(bk_kind_name(err.kind), "corrupt");
        }
}

static void a_name_that_is_too_long_is_refused(void **state)
{
        autoclose int fd = open_in(*state, "a.tar");
        autofree char *name = bk_format("%099d0", 0);
        struct bk_error err = { 0 };

        assert_fails_with(bk_tar_put_header(fd, name, 0, 0, &err), err, BK_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_is_written_is_read, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(tar_reads_it, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(nine_gigabytes_keep_their_size, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(every_cut_and_every_changed_byte_shows, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_name_that_is_too_long_is_refused, folder_set_up, folder_tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
