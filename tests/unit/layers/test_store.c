/* The store: layers by digest, verified, flattened when the chain grows long. */
#include "tests/unit/folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "layers/layer.h"
#include "lib/fs.h"
#include "lib/run.h"

static int set_up(void **state)
{
        struct layer_store *store = bk_alloc(sizeof *store);
        autofree char *home = folder_new();

        *state = store;
        return layer_store_open(home, store, NULL);
}

static int tear_down(void **state)
{
        struct layer_store *store = *state;
        int result = bk_remove_tree(store->home, NULL);

        layer_store_done(store);
        free(store);
        return result;
}

static void write_to(const struct layer_store *store, const char *draft, const char *what)
{
        autofree char *path = layer_draft_path(store, draft);
        const char *const argv[] = { "qemu-io", "-c", what, path, NULL };
        struct bk_error err = { 0 };

        assert_ok(bk_run(argv, 60000, NULL, &err), err);
}

/* A bottom layer of 16 MiB with a pattern at its start. */
static char *bottom(const struct layer_store *store)
{
        autofree char *path = layer_draft_path(store, "bottom");
        const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
        BK_CLEANUP(layer_info_done) struct layer_info info = { 0 };
        struct bk_error err = { 0 };

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, 16 << 20), 0);
        assert_int_equal(pwrite(fd, "bottom", 6, 0), 6);
        (void)close(fd);
        assert_ok(layer_seal(store, "bottom", NULL, "raw", &info, &err), err);
        assert_null(info.backing);
        assert_int_equal(info.virtual_size, 16 << 20);
        assert_ok(layer_publish(store, "bottom", &info, &err), err);
        return bk_strdup(info.digest);
}

static char *on_top(const struct layer_store *store, const char *below, unsigned number, struct layer_info *ret)
{
        autofree char *what = bk_format("write -P %u %uk 64k", number, number * 64);
        struct bk_error err = { 0 };

        assert_ok(layer_verify(store, below, false, &err), err);
        assert_ok(layer_draft_overlay(store, "top", below, &err), err);
        write_to(store, "top", what);
        assert_ok(layer_seal(store, "top", below, NULL, ret, &err), err);
        assert_ok(layer_publish(store, "top", ret, &err), err);
        return bk_strdup(ret->digest);
}

static void a_layer_is_read_only_and_found_by_digest(void **state)
{
        const struct layer_store *store = *state;
        autofree char *digest = bottom(store), *path = layer_path(store, digest), *draft = layer_draft_path(store, "bottom");
        autostrv struct bk_strv list = { 0 };
        struct bk_error err = { 0 };
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0444);
        assert_false(bk_exists(draft));
        assert_ok(layer_list(store, &list, &err), err);
        assert_int_equal(list.n, 1);
        assert_string_equal(list.v[0], digest);
        assert_ok(layer_verify(store, digest, true, &err), err);
}

static void an_altered_ancestor_is_noticed_without_reading_all(void **state)
{
        const struct layer_store *store = *state;
        autofree char *digest = bottom(store), *path = layer_path(store, digest);
        struct bk_error err = { 0 };
        struct stat before;
        int fd;

        assert_int_equal(stat(path, &before), 0);
        fd = open(path, O_WRONLY);
        assert_int_equal(pwrite(fd, "!", 1, before.st_size - 1), 1);
        (void)close(fd);
        /* Even with its times set back: the change of ctime shows. */
        assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[]){ before.st_atim, before.st_mtim }, 0), 0);
        assert_fails_with(layer_verify(store, digest, false, &err), err, BK_CORRUPT);
        assert_non_null(strstr(err.text, "altered"));
}

static void a_missing_ancestor_is_named(void **state)
{
        const struct layer_store *store = *state;
        struct layer_info info = { 0 };
        autofree char *below = bottom(store), *digest = on_top(store, below, 1, &info), *path = layer_path(store, below);
        struct bk_error err = { 0 };

        assert_int_equal(unlink(path), 0);
        assert_fails_with(layer_verify(store, digest, false, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, below));
        layer_info_done(&info);
}

static void a_store_can_be_moved(void **state)
{
        struct layer_store *store = *state;
        struct layer_info info = { 0 };
        autofree char *below = bottom(store), *digest = on_top(store, below, 1, &info), *moved = bk_format("%s-moved", store->home);
        struct layer_store other = { 0 };
        struct bk_error err = { 0 };

        assert_int_equal(rename(store->home, moved), 0);
        assert_ok(layer_store_open(moved, &other, &err), err);
        autofree char *path = layer_path(&other, digest);
        const char *const argv[] = { "qemu-io", "-r", "-c", "read -P 1 64k 64k", "-c", "read -P 0 1M 64k", path, NULL };

        assert_ok(layer_verify(&other, digest, false, &err), err);
        assert_ok(bk_run(argv, 60000, NULL, &err), err);
        layer_store_done(&other);
        layer_info_done(&info);
        assert_int_equal(rename(moved, store->home), 0);
}

static void a_deep_chain_is_flattened_and_reads_the_same(void **state)
{
        const struct layer_store *store = *state;
        autofree char *digest = bottom(store);
        unsigned deepest = 0, flattened = 0;
        struct bk_error err = { 0 };

        for (unsigned i = 1; i <= 12; i++) {
                struct layer_info info = { 0 };
                char *next = on_top(store, digest, i, &info);

                deepest = info.depth > deepest ? info.depth : deepest;
                flattened += info.backing == NULL;
                free(digest);
                digest = next;
                layer_info_done(&info);
        }
        assert_int_equal(deepest, LAYER_DEPTH_MOST - 1);
        assert_int_equal(flattened, 1);
        autofree char *path = layer_path(store, digest);

        for (unsigned i = 1; i <= 12; i++) {
                autofree char *what = bk_format("read -P %u %uk 64k", i, i * 64), *out = NULL;
                const char *const argv[] = { "qemu-io", "-r", "-c", what, path, NULL };

                assert_ok(bk_run(argv, 60000, &out, &err), err);
                assert_null(strstr(out, "failed"));
        }
}

static void exports_hold_the_same_bytes(void **state)
{
        const struct layer_store *store = *state;
        struct layer_info info = { 0 };
        autofree char *below = bottom(store), *digest = on_top(store, below, 3, &info), *source = layer_path(store, digest);
        struct bk_error err = { 0 };
        size_t n;
        const struct layer_format *formats = layer_formats(&n);

        layer_info_done(&info);
        assert_true(n >= 4);
        for (size_t i = 0; i < n; i++) {
                autofree char *path = bk_format("%s/out%s", store->home, formats[i].suffix);
                const char *const argv[] = { "qemu-img", "compare", "-f", "qcow2", "-F", formats[i].qemu, source, path, NULL };

                print_message("# %s\n", formats[i].name);
                assert_ok(layer_export(store, digest, &formats[i], path, &err), err);
                assert_ok(bk_run(argv, 60000, NULL, &err), err);
        }
}

static void make(const char *command, const char *home)
{
        autofree char *line = bk_format("cd %s && %s", home, command);
        const char *const argv[] = { "sh", "-c", line, NULL };
        struct bk_error err = { 0 };

        assert_ok(bk_run(argv, 60000, NULL, &err), err);
}

static void an_empty_disk_is_a_draft(void **state)
{
        const struct layer_store *store = *state;
        BK_CLEANUP(layer_info_done) struct layer_info info = { 0 };
        autofree char *path = layer_draft_path(store, "empty");
        struct bk_error err = { 0 };

        assert_ok(layer_disk_create(path, 3 << 20, &err), err);
        assert_ok(layer_seal(store, "empty", NULL, NULL, &info, &err), err);
        assert_int_equal(info.virtual_size, 3 << 20);
}

static void images_from_outside_are_copied(void **state)
{
        static const struct { const char *format, *command; } images[] = {
                { "raw", "cp raw image" },
                { "qcow2", "qemu-img convert -f raw -O qcow2 -o compat=0.10 raw image" },
                { "qcow2", "qemu-img convert -f raw -O qcow2 raw image" },
                { "vmdk", "qemu-img convert -f raw -O vmdk raw image" },
                { "vmdk", "qemu-img convert -f raw -O vmdk -o subformat=streamOptimized raw image" },
                { "vpc", "qemu-img convert -f raw -O vpc -o force_size raw image" },
                { "vhdx", "qemu-img convert -f raw -O vhdx raw image" },
        };
        const struct layer_store *store = *state;
        autofree char *path = layer_draft_path(store, "copy"), *from = bk_format("%s/image", store->home);
        struct bk_error err = { 0 };

        make("truncate -s 4M raw && qemu-io -f raw -c 'write -P 7 1M 64k' raw", store->home);
        for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
                const bool larger = i % 2 == 1;
                const char *const compare[] = { "qemu-img", "compare", "-f", "qcow2", "-F", images[i].format, path, from, NULL };
                BK_CLEANUP(layer_info_done) struct layer_info info = { 0 };

                print_message("# %s\n", images[i].command);
                make(images[i].command, store->home);
                assert_ok(layer_disk_import(path, from, larger ? 8 << 20 : 0, &err), err);
                assert_ok(bk_run(compare, 60000, NULL, &err), err);
                assert_ok(layer_seal(store, "copy", NULL, NULL, &info, &err), err);
                assert_int_equal(info.virtual_size, larger ? 8 << 20 : 4 << 20);
        }
        assert_fails_with(layer_disk_import(path, from, 1 << 20, &err), err, BK_FAILED);
        assert_false(bk_exists(path));
}

static void an_image_that_leans_on_other_files_is_refused(void **state)
{
        static const struct { const char *why, *command; } images[] = {
                { "a qcow2 on a backing file", "qemu-img create -q -f qcow2 -b raw -F raw image" },
                { "an older one", "qemu-img create -q -f qcow2 -o compat=0.10 -b raw -F raw image" },
                { "a qcow2 with a data file", "qemu-img create -q -f qcow2 -o data_file=data image 4M" },
                { "a VMDK of two files", "qemu-img create -q -f vmdk -o subformat=monolithicFlat image 4M" },
                { "a VMDK on a parent", "qemu-img create -q -f vmdk parent 4M && qemu-img create -q -f vmdk -b parent -F vmdk image" },
                { "a VMDK whose descriptor takes its header's place",
                  "{ printf 'KDMV\\1\\0\\0\\0\\3\\0\\0\\0'; head -c 16 /dev/zero; printf '\\1'; head -c 483 /dev/zero; "
                  "printf '# Disk DescriptorFile\\nversion=1\\nCID=1\\nparentCID=ffffffff\\ncreateType=\"monolithicFlat\"\\n"
                  "RW 8192 FLAT \"raw\" 0\\n'; head -c 65536 /dev/zero; } >image && qemu-img convert -f vmdk -O raw image out" },
        };
        const struct layer_store *store = *state;
        autofree char *path = layer_draft_path(store, "copy"), *from = bk_format("%s/image", store->home);

        make("truncate -s 4M raw", store->home);
        for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
                struct bk_error err = { 0 };

                print_message("# %s\n", images[i].why);
                make(images[i].command, store->home);
                assert_fails_with(layer_disk_import(path, from, 0, &err), err, BK_INVALID);
                assert_non_null(strstr(err.text, "leans on other files"));
                assert_false(bk_exists(path));
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_layer_is_read_only_and_found_by_digest, set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_altered_ancestor_is_noticed_without_reading_all, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_missing_ancestor_is_named, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_store_can_be_moved, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_deep_chain_is_flattened_and_reads_the_same, set_up, tear_down),
                cmocka_unit_test_setup_teardown(exports_hold_the_same_bytes, set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_empty_disk_is_a_draft, set_up, tear_down),
                cmocka_unit_test_setup_teardown(images_from_outside_are_copied, set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_image_that_leans_on_other_files_is_refused, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
