/* Whether a password is the one that an image's own shadow has. */
#include "tests/unit/folder.h"

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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_password_is_checked_against_the_images_own_hash, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(an_image_without_shadow_has_no_passwords, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_hash_without_end_is_given_up, folder_set_up, folder_tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
