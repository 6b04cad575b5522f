/* Ranks sort as what they stand for does. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/mem.h"
#include "lib/version.h"
#include "lib/fs.h"
#include "registry/rank.h"
#include "registry/registry_priv.h"

static int sign(int n) { return (n > 0) - (n < 0); }

static int rank_order(const char *a, const char *b)
{
        autofree char *x = reg_rank(a), *y = reg_rank(b);

        assert_true(*x != '\0' && *y != '\0');
        return sign(strcmp(x, y));
}

static const char *const known[] = {
        "~~", "~", "", "0a", "1~rc1", "1", "1a", "1a~", "1ab", "1b", "1+", "1.0~~", "1.0~", "1.0", "1.0-0.1", "1.0-1", "1.0-1.1", "1.0-2", "1.0.1",
        "1.2", "1.9", "1.10", "1.10+dfsg", "6.1.0-9", "6.1.0-10", "6.12", "10", "99999999999999999998", "99999999999999999999", "1:0", "2:0",
};

static void known_values_sort_as_debian_says(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                for (size_t j = 0; j < sizeof known / sizeof *known; j++) {
                        const int wanted = bk_version_compare(BK_DEB, known[i], known[j]);

                        if (rank_order(known[i], known[j]) != wanted)
                                fail_msg("'%s' and '%s': wanted %d", known[i], known[j], wanted);
                }
}

static const struct { const char *a, *b; } same[] = {
        { "1", "01" }, { "1.0", "1." }, { "1.0", "1.00-0" }, { "0:1", "1" }, { "", "0" }, { "1.0", " 1.0 " }, { "a", "a0" }, { ":1", "1" },
};

static void what_is_equal_has_one_rank(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof same / sizeof *same; i++)
                assert_int_equal(rank_order(same[i].a, same[i].b), 0);
}

static void random_versions_sort_as_debian_says(void **state)
{
        static const char alphabet[] = "0123456789012345..~~--+:abAZ_ \xc3";
        char text[2][24];

        (void)state;
        srand48(7);
        for (int i = 0; i < 200000; i++) {
                for (int k = 0; k < 2; k++) {
                        size_t n = (size_t)(lrand48() % 12), j = 0;

                        /* Half of the pairs begin alike, or the first sign would decide them all. */
                        if (k == 1 && i % 2 == 0)
                                j = (size_t)(lrand48() % (long)(strlen(text[0]) + 1));
                        j -= j > 0 && text[0][j - 1] == '\xc3';
                        memcpy(text[1], text[0], k == 1 ? j : 0);
                        for (; j < n; j++) {
                                text[k][j] = alphabet[lrand48() % (long)(sizeof alphabet - 1)];
                                if (text[k][j] == '\xc3')
                                        text[k][++j] = '\xb6';
                        }
                        text[k][j] = '\0';
                }
                if (rank_order(text[0], text[1]) != bk_version_compare(BK_DEB, text[0], text[1]))
                        fail_msg("'%s' and '%s': %d, and Debian says %d", text[0], text[1], rank_order(text[0], text[1]),
                                 bk_version_compare(BK_DEB, text[0], text[1]));
        }
}

static void numbers_and_dates_sort_as_such(void **state)
{
        (void)state;
        srand48(8);
        for (int i = 0; i < 50000; i++) {
                const int64_t x = lrand48() >> (lrand48() % 31), y = i % 3 == 0 ? x + 1 : lrand48() >> (lrand48() % 31);
                autofree char *a = bk_format("%lld", (long long)x), *b = bk_format("%lld", (long long)y);
                autofree char *day = bk_iso_time(x), *other = bk_iso_time(y);

                assert_int_equal(rank_order(a, b), (x > y) - (x < y));
                assert_int_equal(rank_order(day, other), (x > y) - (x < y));
                day[10] = other[10] = '\0';
                assert_int_equal(rank_order(day, other), sign(strcmp(day, other)));
        }
}

static void a_date_may_be_cut_short(void **state)
{
        static const char *const dates[] = { "2024", "2024-01", "2024-01-31", "2024-02", "2024-02-05", "2024-02-05T10:00:00Z", "2024-02-05T10:00:01Z",
                                             "2024-02-06", "2024-10", "2025-01-01" };

        (void)state;
        for (size_t i = 0; i + 1 < sizeof dates / sizeof *dates; i++)
                if (rank_order(dates[i], dates[i + 1]) != -1)
                        fail_msg("'%s' is not before '%s'", dates[i], dates[i + 1]);
        /* No month: a version with a revision, as Debian has it. */
        assert_int_equal(rank_order("2024-13", "2024.1-1"), bk_version_compare(BK_DEB, "2024-13", "2024.1-1"));
}

static void a_long_value_counts_up_to_a_bound(void **state)
{
        autofree char *a = bk_alloc(5001), *b = bk_alloc(5001), *rank = NULL;

        (void)state;
        for (int i = 0; i < 5000; i++)
                a[i] = b[i] = i % 2 ? '\xb6' : '\xc3';
        b[4998] = 'x';
        assert_int_equal(rank_order(a, b), 0);
        rank = reg_rank(a + 0);
        assert_true(strlen(rank) < 3 * REG_RANK_BYTES);
        assert_true(reg_text_valid(rank));
        memset(a, '9', 5000);
        memset(b, '9', 5000);
        b[REG_RANK_BYTES - 1] = '8';
        assert_int_equal(rank_order(a, b), 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(known_values_sort_as_debian_says),
                cmocka_unit_test(what_is_equal_has_one_rank),
                cmocka_unit_test(random_versions_sort_as_debian_says),
                cmocka_unit_test(numbers_and_dates_sort_as_such),
                cmocka_unit_test(a_date_may_be_cut_short),
                cmocka_unit_test(a_long_value_counts_up_to_a_bound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
