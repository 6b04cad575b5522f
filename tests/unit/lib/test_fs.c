/* Files on the host and inside an image: paths stay where they belong. */
#include "tests/unit/folder.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/fs.h"
#include "lib/lease.h"
#include "lib/publish.h"
#include "lib/run.h"

static void links_in_an_image_stay_in_it(void **state)
{
        const struct folder *place = *state;
        struct bk_error err = { 0 };
        autofree char *text = NULL;

        assert_int_equal(symlinkat("/etc", place->fd, "absolute"), 0);
        assert_int_equal(symlinkat("../../../../etc", place->fd, "relative"), 0);
        assert_ok(bk_write_in_root(place->fd, "/etc/hostname", "image\n", 6, 0644, &err), err);
        assert_ok(bk_read_in_root(place->fd, "/absolute/hostname", 100, &text, NULL, &err), err);
        assert_string_equal(text, "image\n");
        free(bk_take(text));
        assert_ok(bk_read_in_root(place->fd, "relative/hostname", 100, &text, NULL, &err), err);
        assert_string_equal(text, "image\n");
        free(bk_take(text));
        assert_ok(bk_read_in_root(place->fd, "/../../etc/hostname", 100, &text, NULL, &err), err);
        assert_string_equal(text, "image\n");
}

static void folders_in_an_image_are_made_however_they_are_spelled(void **state)
{
        const struct folder *place = *state;
        static const char *const paths[] = { "/", "//", "a", "/b/", "//c//d//", "e/f/../g", "/b/b" };
        struct bk_error err = { 0 };

        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                autofree char *whole = bk_format("%s/%s", place->path, paths[i]);

                print_message("# '%s'\n", paths[i]);
                assert_ok(bk_mkdir_p_in_root(place->fd, paths[i], 0755, &err), err);
                assert_true(bk_exists(whole));
        }
}

static void a_dangling_link_is_written_inside(void **state)
{
        const struct folder *place = *state;
        struct bk_error err = { 0 };
        autofree char *inside = bk_format("%s/run/stub", place->path);

        assert_ok(bk_mkdir_p_in_root(place->fd, "/run", 0755, &err), err);
        assert_ok(bk_mkdir_p_in_root(place->fd, "/etc", 0755, &err), err);
        assert_int_equal(symlinkat("../../../run/stub", place->fd, "etc/resolv.conf"), 0);
        assert_ok(bk_write_in_root(place->fd, "/etc/resolv.conf", "x", 1, 0644, &err), err);
        assert_true(bk_exists(inside));
}

static void a_tree_is_removed_without_following_links(void **state)
{
        const struct folder *place = *state;
        struct bk_error err = { 0 };
        autofree char *keep = bk_format("%s/keep", place->path), *file = bk_format("%s/keep/file", place->path);
        autofree char *tree = bk_format("%s/tree/a/b", place->path), *link = bk_format("%s/tree/a/link", place->path);
        autofree char *top = bk_format("%s/tree", place->path);

        assert_ok(bk_mkdir_p(keep, &err), err);
        assert_ok(bk_mkdir_p(tree, &err), err);
        assert_ok(bk_publish_bytes(file, "x", 1, 0600, &err), err);
        assert_int_equal(symlink(keep, link), 0);
        assert_ok(bk_remove_tree(top, &err), err);
        assert_false(bk_exists(top));
        assert_true(bk_exists(file));
        assert_ok(bk_remove_tree(top, &err), err);
}

static void publishing_leaves_no_draft(void **state)
{
        const struct folder *place = *state;
        struct bk_error err = { 0 };
        autofree char *path = bk_format("%s/file", place->path), *wrong = bk_format("%s/none/file", place->path), *text = NULL;
        const char *const argv[] = { "ls", "-A", place->path, NULL };
        struct stat st;

        assert_ok(bk_publish_bytes(path, "one", 3, 0640, &err), err);
        assert_ok(bk_publish_bytes(path, "two", 3, 0640, &err), err);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_fails_with(bk_publish_bytes(wrong, "x", 1, 0600, &err), err, BK_NOT_FOUND);
        assert_ok(bk_run(argv, 5000, &text, &err), err);
        assert_string_equal(text, "file\n");
}

struct seen { int held, dead, unread; };

static bool look(void *arg, const struct bk_lease_found *found)
{
        struct seen *seen = arg;

        seen->held += found->state == BK_LEASE_HELD;
        seen->dead += found->state == BK_LEASE_DEAD;
        seen->unread += found->state == BK_LEASE_UNREAD;
        if (found->state == BK_LEASE_DEAD) {
                assert_int_equal(found->kinds->n, 2);
                assert_string_equal(found->kinds->v[0], "draft");
                assert_string_equal(found->values->v[0], "first");
                assert_string_equal(found->values->v[1], "second");
                assert_true(found->this_boot);
        }
        return true;
}

static void a_lease_of_the_living_is_left_alone(void **state)
{
        const struct folder *place = *state;
        struct bk_error err = { 0 };
        struct bk_lease lease = BK_LEASE_NONE;
        struct seen seen = { 0 };

        assert_ok(bk_lease_take(place->path, &lease, &err), err);
        assert_ok(bk_lease_note(&lease, "draft", "mine", &err), err);
        assert_ok(bk_lease_look(place->path, look, &seen, &err), err);
        assert_int_equal(seen.held, 1);
        assert_true(bk_exists(lease.path));
        bk_lease_done(&lease);
        assert_ok(bk_lease_look(place->path, look, &seen, &err), err);
        assert_int_equal(seen.held + seen.dead + seen.unread, 1);
}

static void a_lease_of_the_dead_is_shown_and_removed(void **state)
{
        const struct folder *place = *state;
        struct bk_error err = { 0 };
        struct seen seen = { 0 };
        const pid_t pid = bk_fork();

        if (pid == 0) {
                struct bk_lease lease = BK_LEASE_NONE;

                if (bk_lease_take(place->path, &lease, NULL) < 0 || bk_lease_note(&lease, "draft", "first", NULL) < 0 ||
                    bk_lease_note(&lease, "draft", "second", NULL) < 0)
                        _exit(1);
                (void)raise(9);
        }
        assert_int_equal(bk_wait(pid, 10000), 128 + 9);
        assert_ok(bk_lease_look(place->path, look, &seen, &err), err);
        assert_int_equal(seen.dead, 1);
        assert_ok(bk_lease_look(place->path, look, &seen, &err), err);
        assert_int_equal(seen.held + seen.dead + seen.unread, 1);
}

static void a_lease_that_is_left_is_one_of_the_dead(void **state)
{
        const struct folder *place = *state;
        struct bk_error err = { 0 };
        struct bk_lease lease = BK_LEASE_NONE;
        struct seen seen = { 0 };

        assert_ok(bk_lease_take(place->path, &lease, &err), err);
        assert_ok(bk_lease_note(&lease, "draft", "first", &err), err);
        assert_ok(bk_lease_note(&lease, "draft", "second", &err), err);
        bk_lease_leave(&lease);
        assert_int_equal(lease.fd, -1);
        bk_lease_done(&lease);
        assert_ok(bk_lease_look(place->path, look, &seen, &err), err);
        assert_int_equal(seen.dead, 1);
}

static void a_lease_that_got_no_name_is_removed(void **state)
{
        const struct folder *place = *state;
        struct bk_error err = { 0 };
        autofree char *unnamed = bk_format("%s/.abc.new", place->path);
        autoclose int fd = open(unnamed, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        struct seen seen = { 0 };

        assert_true(fd >= 0);
        assert_int_equal(flock(fd, LOCK_EX), 0);
        assert_ok(bk_lease_look(place->path, look, &seen, &err), err);
        assert_true(bk_exists(unnamed));        /* its maker lives */
        (void)close(bk_take_fd(fd));
        assert_ok(bk_lease_look(place->path, look, &seen, &err), err);
        assert_false(bk_exists(unnamed));
}

static void reapers_never_hinder_the_taking_of_leases(void **state)
{
        const struct folder *place = *state;
        struct bk_error err = { 0 };
        const pid_t reaper = bk_fork();
        struct seen seen = { 0 };

        while (reaper == 0)
                if (bk_lease_look(place->path, look, &seen, NULL) < 0 || seen.dead > 0 || seen.unread > 0)
                        _exit(1);
        for (int i = 0; i < 2000; i++) {
                struct bk_lease lease = BK_LEASE_NONE;

                assert_ok(bk_lease_take(place->path, &lease, &err), err);
                assert_true(bk_exists(lease.path));
                bk_lease_done(&lease);
        }
        (void)kill(reaper, SIGKILL);
        assert_int_equal(bk_wait(reaper, 10000), 128 + SIGKILL);
}

static void a_lock_that_is_held_names_its_holder(void **state)
{
        const struct folder *place = *state;
        struct bk_error err = { 0 };
        autofree char *path = bk_format("%s/lock", place->path), *me = bk_format("process %ld", (long)getpid());
        autoclose int fd = -1, second = -1;

        assert_ok(bk_lock_take(path, 0, &fd, &err), err);
        assert_fails_with(bk_lock_take(path, 50, &second, &err), err, BK_LOCKED);
        assert_non_null(strstr(err.text, me));
        assert_int_equal(bk_kind_exit_code(err.kind), 5);
}

static void a_time_without_a_date_is_told_in_seconds(void **state)
{
        static const struct { int64_t seconds; const char *text; } rows[] = {
                { 0,                    "1970-01-01T00:00:00Z" },
                { -1,                   "1969-12-31T23:59:59Z" },
                { 1136214245,           "2006-01-02T15:04:05Z" },
                { 253402300799,         "9999-12-31T23:59:59Z" },
                { 253402300800,         "@253402300800" },
                { -62167219201,         "@-62167219201" },                      /* the last second before the year 0 */
                { 67768036191676799,    "@67768036191676799" },                 /* the last second of the last year in an int */
                { 67768036191676800,    "@67768036191676800" },
                { INT64_MAX,            "@9223372036854775807" },
                { INT64_MIN,            "@-9223372036854775808" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *text = bk_iso_time(rows[i].seconds);

                assert_string_equal(text, rows[i].text);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_time_without_a_date_is_told_in_seconds),
                cmocka_unit_test_setup_teardown(links_in_an_image_stay_in_it, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(folders_in_an_image_are_made_however_they_are_spelled, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_dangling_link_is_written_inside, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_tree_is_removed_without_following_links, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(publishing_leaves_no_draft, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_lease_of_the_living_is_left_alone, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_lease_of_the_dead_is_shown_and_removed, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_lease_that_is_left_is_one_of_the_dead, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_lease_that_got_no_name_is_removed, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(reapers_never_hinder_the_taking_of_leases, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_lock_that_is_held_names_its_holder, folder_set_up, folder_tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
