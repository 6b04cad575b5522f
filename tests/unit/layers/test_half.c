/* Parts of layers that are kept to be continued: one writes at a time, a published layer is never written to, old ones go. */
#include "tests/unit/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "layers/layer.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"

struct fixture { char *home, *digest, *path; struct layer_store store; };

static int setup(void **state)
{
        struct fixture *f = bk_alloc(sizeof *f);
        struct bk_error err = { 0 };
        autofree char *name = NULL;

        f->home = folder_new();
        assert_ok(layer_store_open(f->home, &f->store, &err), err);
        f->digest = bk_digest_bytes("layer", 5);
        name = layer_half_name(f->digest);
        f->path = layer_draft_path(&f->store, name);
        *state = f;
        return 0;
}

static int teardown(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };

        assert_ok(bk_remove_tree(f->home, &err), err);
        layer_store_done(&f->store);
        free(f->home);
        free(f->digest);
        free(f->path);
        free(f);
        return 0;
}

static void a_part_is_kept_and_one_writes_at_a_time(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };
        int fd = -1, other = -1;

        assert_int_equal(layer_half_size(&f->store, f->digest), 0);
        assert_ok(layer_half_open(&f->store, f->digest, &fd, &err), err);
        assert_int_equal(write(fd, "12345", 5), 5);
        assert_fails_with(layer_half_open(&f->store, f->digest, &other, &err), err, BK_LOCKED);
        (void)close(fd);
        assert_int_equal(layer_half_size(&f->store, f->digest), 5);
        assert_ok(layer_half_open(&f->store, f->digest, &fd, &err), err);
        (void)close(fd);
        assert_int_equal(layer_half_size(&f->store, f->digest), 5);
}

static void what_was_published_is_left_alone(void **state)
{
        struct fixture *f = *state;
        autofree char *layer = layer_path(&f->store, f->digest);
        struct stat there, ours;
        struct bk_error err = { 0 };
        int fd = -1;

        assert_ok(layer_half_open(&f->store, f->digest, &fd, &err), err);
        assert_int_equal(rename(f->path, layer), 0);
        (void)close(fd);
        assert_ok(layer_half_open(&f->store, f->digest, &fd, &err), err);
        assert_int_equal(fstat(fd, &ours) | stat(layer, &there), 0);
        assert_int_not_equal(ours.st_ino, there.st_ino);
        (void)close(fd);
}

static void a_link_is_not_followed(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };
        int fd = -1;

        assert_int_equal(symlink("/etc/hostname", f->path), 0);
        assert_int_equal(layer_half_open(&f->store, f->digest, &fd, &err), -1);
}

static void those_that_are_old_go(void **state)
{
        static const struct { const char *why; int64_t age; bool held; size_t removed; } rows[] = {
                { "a new one stays",            LAYER_HALF_KEPT_S - 1000,       false,  0 },
                { "one that is written to, too", LAYER_HALF_KEPT_S + 1000,      true,   0 },
                { "an old one goes",            LAYER_HALF_KEPT_S + 1000,       false,  1 },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const struct timespec then = { .tv_sec = time(NULL) - rows[i].age }, times[2] = { then, then };
                struct bk_error err = { 0 };
                size_t removed = 9;
                int fd = -1;

                print_message("# %s\n", rows[i].why);
                assert_ok(layer_half_open(&f->store, f->digest, &fd, &err), err);
                assert_int_equal(futimens(fd, times), 0);
                if (!rows[i].held)
                        (void)close(fd);
                assert_ok(layer_halves_sweep(&f->store, true, &removed, &err), err);
                assert_int_equal(removed, rows[i].removed);
                assert_true(bk_exists(f->path));
                assert_ok(layer_halves_sweep(&f->store, false, &removed, &err), err);
                assert_int_equal(removed, rows[i].removed);
                assert_int_equal(bk_exists(f->path), rows[i].removed == 0);
                if (rows[i].held)
                        (void)close(fd);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_part_is_kept_and_one_writes_at_a_time, setup, teardown),
                cmocka_unit_test_setup_teardown(what_was_published_is_left_alone, setup, teardown),
                cmocka_unit_test_setup_teardown(a_link_is_not_followed, setup, teardown),
                cmocka_unit_test_setup_teardown(those_that_are_old_go, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
