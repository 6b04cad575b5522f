/* When a grace ends: by days that count, never sooner than by plain days. */
#include "tests/unit/janitor/fixture.h"

#include <stdio.h>
#include <time.h>

#include "lib/fs.h"

static int64_t moment(const char *text)
{
        struct tm tm = { 0 };

        assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm));
        return timegm(&tm);
}

static void assert_ends(const struct janitor_settings *settings, struct janitor_grace grace, const char *from, const char *wanted)
{
        char *end = bk_iso_time(janitor_grace_end(settings, &grace, moment(from)));

        print_message("# from %s\n", from);
        assert_string_equal(end, wanted);
        free(end);
}

static void business_days_begin_at_midnight_and_pass_over_weekends(void **state)
{
        const struct janitor_settings plain = { .business_days = 0x1f };
        const struct janitor_grace one = { .business_days = 1 }, three = { .business_days = 3 };

        (void)state;
        assert_ends(&plain, one, "2026-11-16T15:00:00Z", "2026-11-18T00:00:00Z");       /* a Monday: Tuesday counts */
        assert_ends(&plain, one, "2026-11-16T00:00:00Z", "2026-11-18T00:00:00Z");
        assert_ends(&plain, one, "2026-11-15T23:59:59Z", "2026-11-17T00:00:00Z");       /* a Sunday */
        assert_ends(&plain, three, "2026-11-20T09:00:00Z", "2026-11-26T00:00:00Z");     /* a Friday: Monday, Tuesday, Wednesday */
        assert_ends(&plain, three, "2026-11-21T09:00:00Z", "2026-11-26T00:00:00Z");
        assert_ends(&plain, three, "2026-11-16T00:00:01Z", "2026-11-20T00:00:00Z");
        assert_ends(&plain, one, "1969-12-31T12:00:00Z", "1970-01-02T00:00:00Z");       /* before 1970, too */
        assert_ends(&plain, one, "2028-02-28T12:00:00Z", "2028-03-01T00:00:00Z");       /* a leap day counts */
}

static void holidays_do_not_count(void **state)
{
        char *days[] = { (char *)"2026-12-25", (char *)"01-01", NULL };
        const struct janitor_settings settings = { .business_days = 0x1f, .holidays = { days, 2 } };
        const struct janitor_settings week = { .business_days = 0x7f, .holidays = { days, 2 } };
        const struct janitor_grace one = { .business_days = 1 };

        (void)state;
        assert_ends(&settings, one, "2026-12-24T10:00:00Z", "2026-12-29T00:00:00Z");    /* Friday is Christmas; Monday counts */
        assert_ends(&settings, one, "2025-12-24T10:00:00Z", "2025-12-26T00:00:00Z");    /* of 2026 only */
        assert_ends(&settings, one, "2026-12-31T10:00:00Z", "2027-01-05T00:00:00Z");    /* every year */
        assert_ends(&week, one, "2026-12-24T10:00:00Z", "2026-12-27T00:00:00Z");
}

static void plain_times_are_added(void **state)
{
        const struct janitor_settings settings = { .business_days = 0x1f };

        (void)state;
        assert_ends(&settings, (struct janitor_grace){ .seconds = 72 * 3600 }, "2026-11-20T09:00:01Z", "2026-11-23T09:00:01Z");
        assert_ends(&settings, (struct janitor_grace){ 0 }, "2026-11-20T09:00:01Z", "2026-11-20T09:00:01Z");
        assert_true(janitor_grace_end(&settings, &(struct janitor_grace){ .seconds = 10 }, INT64_MAX - 5) == INT64_MAX);
}

static void a_calendar_without_days_has_an_end(void **state)
{
        const struct janitor_settings none = { .business_days = 0 };
        const int64_t from = moment("2026-11-20T09:00:00Z");

        (void)state;
        assert_true(janitor_grace_end(&none, &(struct janitor_grace){ .business_days = 1 }, from) > from + INT64_C(99) * 365 * 86400);
}

/* Whatever days count: no sooner than plain days, no sooner for who begins later, a midnight, and one day more is later. */
static void a_grace_is_monotone_and_never_shorter_than_plain_days(void **state)
{
        uint64_t seed = 1;

        (void)state;
        for (int round = 0; round < 2000; round++) {
                struct janitor_settings settings = { 0 };
                struct janitor_grace grace = { 0 }, longer = { 0 };
                int64_t from, later, end;
                char *why;

                seed = seed * 6364136223846793005U + 1442695040888963407U;
                settings.business_days = (unsigned)(seed >> 33) % 127 + 1;
                for (unsigned i = 0; i < (seed >> 41) % 20; i++)
                        bk_strv_addf(&settings.holidays, "%s%02u-%02u", i % 2 ? "2026-" : "", (unsigned)(i * 7 + (seed >> 50)) % 12 + 1, i + 1);
                from = moment("2025-12-20T00:00:00Z") + (int64_t)((seed >> 20) % (400 * 86400));
                later = from + (int64_t)((seed >> 13) % (20 * 86400));
                grace.business_days = (unsigned)(seed >> 57) % 30 + 1;
                longer.business_days = grace.business_days + 1;
                end = janitor_grace_end(&settings, &grace, from);
                why = bk_format("round %d", round);
                if (end < from + INT64_C(86400) * grace.business_days || end % 86400 != 0 || janitor_grace_end(&settings, &grace, later) < end ||
                    janitor_grace_end(&settings, &longer, from) < end + 86400)
                        fail_msg("%s: %u business days from %lld end at %lld", why, grace.business_days, (long long)from, (long long)end);
                free(why);
                bk_strv_done(&settings.holidays);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(business_days_begin_at_midnight_and_pass_over_weekends),
                cmocka_unit_test(holidays_do_not_count),
                cmocka_unit_test(plain_times_are_added),
                cmocka_unit_test(a_calendar_without_days_has_an_end),
                cmocka_unit_test(a_grace_is_monotone_and_never_shorter_than_plain_days),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
