/* What a worker tells arrives line by line, however the pipe cuts it; one that never ends its line is not listened to for ever. */
#include "tests/unit/test.h"

#include "bakery/bake/bake_priv.h"

static void keep(void *heard, const char *line)
{
        bk_strv_add(heard, line);
}

static void lines_arrive_whole_however_they_are_cut(void **state)
{
        static const char told[] = "{\"a\":1}\n\n{\"b\":2}\nrest";

        (void)state;
        for (size_t cut = 1; cut <= sizeof told - 1; cut++) {
                autostrv struct bk_strv heard = { 0 };
                BK_CLEANUP(bk_buf_done) struct bk_buf partial = { 0 };
                struct bk_error err = { 0 };

                for (size_t at = 0; at < sizeof told - 1; at += cut) {
                        const size_t left = sizeof told - 1 - at;

                        assert_ok(bake_hear(&partial, told + at, left < cut ? left : cut, keep, &heard, &err), err);
                }
                assert_int_equal(heard.n, 3);
                assert_string_equal(heard.v[0], "{\"a\":1}");
                assert_string_equal(heard.v[1], "");
                assert_string_equal(heard.v[2], "{\"b\":2}");
                assert_string_equal(partial.data, "rest");
        }
}

static void a_line_without_end_is_refused(void **state)
{
        static char chunk[1 << 20];
        autostrv struct bk_strv heard = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf partial = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        memset(chunk, 'x', sizeof chunk);
        for (int i = 0; i < 64; i++)
                assert_ok(bake_hear(&partial, chunk, sizeof chunk, keep, &heard, &err), err);
        assert_fails_with(bake_hear(&partial, "x", 1, keep, &heard, &err), err, BK_INTERNAL);
        assert_int_equal(heard.n, 0);
        assert_int_equal(partial.len, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_arrive_whole_however_they_are_cut),
                cmocka_unit_test(a_line_without_end_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
