/* Whether a password is the one that an image's own shadow has, and that nothing of the bake's key stays. */
#include "tests/unit/folder.h"

#include <sys/stat.h>

#include "bakery/bake/guest_priv.h"
#include "lib/run.h"

/* crypt(3) of "bench-pass" and of "pass word's", without the setting. */
#define YESCRYPT "73jjNDmNJVFIgwcxiaa44f0ck4DEFWLYxXccl6zKog2"
#define SHA512 "eACk3gDsJQlfZZWRta9FeJwSSnNgryEAZEmjHeF4uD5oOW1jiqSo8Akk4FWwRLq/eu/H6LCEmvoxthTARS6L41"

static void a_password_is_checked_against_the_images_own_hash(void **state)
{
        static const struct { const char *why, *line, *user, *password; bool right; } rows[] = {
                { "yescrypt, as Debian has it", "root:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$%s:19000::::::", "root", "bench-pass", true },
                { "sha512", "joe:$6$bakery$%s:19000::::::", "joe", "pass word's", true },
                { "another password", "joe:$6$bakery$%s:19000::::::", "joe", "pass word", false },
                { "an empty one", "joe:$6$bakery$%s:19000::::::", "joe", "", false },
                { "another user", "joe:$6$bakery$%s:19000::::::", "jo", "pass word's", false },
                { "a locked one", "joe:!$6$bakery$%s:19000::::::", "joe", "pass word's", false },
                { "no password", "joe::19000::::::", "joe", "", false },
                { "no login", "joe:*:19000::::::", "joe", "*", false },
                { "a hash that nobody knows", "joe:$zz$x$yyyy:19000::::::", "joe", "x", false },
        };
        const struct folder *place = *state;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const int percent = (int)strcspn(rows[i].line, "%");
                const char *hash = strstr(rows[i].line, "$y$") ? YESCRYPT : SHA512;
                const char *rest = rows[i].line[percent] ? rows[i].line + percent + strlen("%s") : "";
                autofree char *text = bk_format("daemon:*:1::::::\n%.*s%s%s\nx:*:1::::::\n", percent, rows[i].line, *rest ? hash : "", rest);
                struct bk_error err = { 0 };

                print_message("# %s\n", rows[i].why);
                assert_ok(bk_write_in_root(place->fd, "/etc/shadow", text, strlen(text), 0600, &err), err);
                assert_int_equal(bake_guest_password_right(place->fd, rows[i].user, rows[i].password), rows[i].right);
        }
}

static void an_image_without_shadow_has_no_passwords(void **state)
{
        const struct folder *place = *state;

        assert_false(bake_guest_password_right(place->fd, "root", ""));
}

/* A hash that asks for an hour: it is given up, and the guest is to decide. */
static void a_hash_without_end_is_given_up(void **state)
{
        static const char text[] = "root:$6$rounds=999999999$bakery$" SHA512 ":19000::::::\n";
        const struct folder *place = *state;
        const int64_t before = bk_now_ms();
        struct bk_error err = { 0 };

        assert_ok(bk_write_in_root(place->fd, "/etc/shadow", text, strlen(text), 0600, &err), err);
        assert_false(bake_guest_password_right(place->fd, "root", "pass word's"));
        assert_true(bk_now_ms() - before < 15000);
}

#define OURS "ssh-ed25519 AAAA bakery-x"

static void only_the_bakes_own_line_is_removed(void **state)
{
        static const struct { const char *why, *before; bool made, other; const char *after; } rows[] = {
                { "the only one, of a file that was there", OURS "\n", false, false, "" },
                { "the only one, of a file made for it", OURS "\n", true, false, NULL },
                { "the same, with another file beside", OURS "\n", true, true, NULL },
                { "others were there", "# a \\ b\n\n" OURS "\n", false, false, "# a \\ b\n\n" },
                { "a script added one", OURS "\n" OURS "2\n", true, false, OURS "2\n" },
                { "a script took it away", "ssh-rsa BBBB\n", true, false, "ssh-rsa BBBB\n" },
        };
        const struct folder *place = *state;
        const struct bake_media none = { 0 };
        autofree char *path = bk_format("%s/.ssh/authorized_keys", place->path), *dir = bk_format("%s/.ssh", place->path);
        BK_CLEANUP(bk_buf_done) struct bk_buf empty = { 0 };
        struct bk_error err = { 0 };

        bake_guest_key_removal(&none, &empty);
        assert_int_equal(empty.len, 0);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const struct bake_media media = { .pair = { .public_line = (char *)OURS }, .keys_file_made = rows[i].made };
                BK_CLEANUP(bk_buf_done) struct bk_buf script = { 0 };
                autofree char *after = NULL;
                struct stat st;

                print_message("# %s\n", rows[i].why);
                assert_ok(bk_write_in_root(place->fd, "/.ssh/authorized_keys", rows[i].before, strlen(rows[i].before), 0640, &err), err);
                if (rows[i].other)
                        assert_ok(bk_write_in_root(place->fd, "/.ssh/known_hosts", "x\n", 2, 0600, &err), err);
                bk_buf_printf(&script, "HOME='%s'\n", place->path);
                bake_guest_key_removal(&media, &script);
                const char *const argv[] = { "/bin/sh", "-c", script.data, NULL };

                assert_ok(bk_run(argv, 20000, NULL, &err), err);
                assert_int_equal(bk_exists(dir), rows[i].after != NULL || rows[i].other);
                assert_int_equal(bk_exists(path), rows[i].after != NULL);
                if (rows[i].after != NULL) {
                        assert_ok(bk_read_file(path, 4096, &after, NULL, &err), err);
                        assert_string_equal(after, rows[i].after);
                        assert_int_equal(stat(path, &st), 0);
                        assert_int_equal(st.st_mode & 07777, 0640);
                }
                assert_ok(bk_remove_tree(dir, &err), err);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_password_is_checked_against_the_images_own_hash, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(an_image_without_shadow_has_no_passwords, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(only_the_bakes_own_line_is_removed, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_hash_without_end_is_given_up, folder_set_up, folder_tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
