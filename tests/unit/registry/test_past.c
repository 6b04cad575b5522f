/* Queries of the past: images, states, attributes and channels as they were. Time is set by hand, in the logs. */
#include "tests/unit/registry/fixture.h"

#include "registry/life.h"
#include "registry/registry_priv.h"

static void sql(struct reg *reg, const char *text, int64_t at, const char *id)
{
        struct bk_error err = { 0 };

        assert_ok(reg_sql_run(reg, &err, text, "it", at, id), err);
}

/* Moves the publication of an image, and its first state, to a moment. */
static void born(struct reg *reg, const char *id, int64_t at)
{
        sql(reg, "UPDATE image SET created_at = ? WHERE id = ?", at, id);
        sql(reg, "UPDATE state_log SET at = ? WHERE image = (SELECT sequence FROM image WHERE id = ?) AND was IS NULL", at, id);
}

static void became(struct reg *reg, const char *id, enum reg_state state, int64_t at)
{
        struct bk_error err = { 0 };

        assert_ok(state_set(reg, id, state, "ada", "why", &err), err);
        sql(reg, "UPDATE state_log SET at = ? WHERE image = (SELECT sequence FROM image WHERE id = ?) AND id = (SELECT max(id) "
            "FROM state_log)", at, id);
}

static void tagged(struct reg *reg, const char *id, const char *key, const char *was, const char *value, int64_t at)
{
        struct bk_error err = { 0 };

        assert_ok(reg_sql_run(reg, &err, "INSERT INTO attribute_log (image, key, was, value, at, who) SELECT sequence, ?, ?, ?, ?, 'ada' "
                              "FROM image WHERE id = ?", "tttit", key, was, value, at, id), err);
        assert_ok(reg_sql_run(reg, &err, "DELETE FROM attribute WHERE key = ? AND image = (SELECT sequence FROM image WHERE id = ?)", "tt",
                              key, id), err);
        if (value != NULL)
                assert_ok(reg_sql_run(reg, &err, "INSERT INTO attribute (image, key, value, name) SELECT sequence, ?, ?, name FROM image "
                                      "WHERE id = ?", "ttt", key, value, id), err);
}

static void headed(struct reg *reg, const char *channel, const char *id, int64_t at)
{
        struct bk_error err = { 0 };

        assert_ok(channel_assign(reg, channel, id, "ada", NULL, &err), err);
        sql(reg, "UPDATE channel_log SET at = ? WHERE image = ? AND id = (SELECT max(id) FROM channel_log)", at, id);
        sql(reg, "UPDATE state_log SET at = ? WHERE state = 2 AND image = (SELECT sequence FROM image WHERE id = ?)", at, id);
}

#define DAY(n) (1704067200 + ((n) - 1) * 86400)         /* of January 2024 */

/* What the log of events says of it comes after what it says of the channel's heads, by its number. */
static void dropped(struct reg *reg, const char *channel, int64_t at)
{
        struct bk_error err = { 0 };

        assert_ok(reg_channel_delete(reg, channel, &(struct reg_change){ .who = "ada" }, &err), err);
        sql(reg, "UPDATE event SET at = ? WHERE subject = ? AND action = 'channel.deleted'", at, channel);
        sql(reg, "UPDATE event SET at = ? WHERE subject = ? AND action = 'channel.assigned'", DAY(1), channel);
}

/* January: 1 is baked on the 2nd, tested on the 5th, production from the 10th, deprecated on the 20th. 2 is baked on the 8th,
 * revoked on the 12th, restored on the 14th, and heads edge from the 9th until that channel is deleted on the 13th; it is 3's from the 16th.
 * 3 is baked on the 15th and heads production from the 18th. 4 is baked on the 3rd and deleted on the 9th. */
static void january(struct reg *reg)
{
        static const char record[] = "{\"id\": \"%s\", \"sequence\": 2, \"name\": \"base\", \"type\": \"base\", \"state\": \"tested\", "
                                     "\"layer\": \"l\", \"created_at\": \"2024-01-03T00:00:00Z\", \"attributes\": {\"kernel\": \"5\"}, \"states\": ["
                                     "{\"state\": \"baked\", \"at\": \"2024-01-03T00:00:00Z\"}, "
                                     "{\"state\": \"tested\", \"at\": \"2024-01-06T00:00:00Z\"}]}";
        BK_CLEANUP(reg_layers_done) struct reg_layers layers = { 0 };
        autofree char *one = baked(reg, (struct recipe){ .seed = "1", .attributes = { PAIR("kernel", "6.1"), PAIR("owner", "ada") } });
        autofree char *four = baked(reg, (struct recipe){ .seed = "4" });
        autofree char *two = baked(reg, (struct recipe){ .seed = "2", .attributes = { PAIR("kernel", "6.2") } });
        autofree char *three = baked(reg, (struct recipe){ .seed = "3", .attributes = { PAIR("kernel", "6.3") } });
        autofree char *text = bk_format(record, four);
        struct bk_error err = { 0 };

        born(reg, one, DAY(2));
        born(reg, two, DAY(8));
        born(reg, three, DAY(15));
        became(reg, one, REG_TESTED, DAY(5));
        headed(reg, "production", one, DAY(10));
        headed(reg, "edge", two, DAY(9));
        became(reg, two, REG_REVOKED, DAY(12));
        dropped(reg, "base:edge", DAY(13));
        became(reg, two, REG_BAKED, DAY(14));
        headed(reg, "edge", three, DAY(16));
        sql(reg, "UPDATE event SET at = ? WHERE subject = ? AND id = (SELECT max(id) FROM event)", DAY(16), "base:edge");
        headed(reg, "production", three, DAY(18));
        became(reg, one, REG_DEPRECATED, DAY(20));
        tagged(reg, one, "owner", "ada", "bob", DAY(7));
        tagged(reg, one, "owner", "bob", NULL, DAY(11));
        tagged(reg, one, "team", NULL, "red", DAY(11));
        tagged(reg, one, "application", NULL, "shop", DAY(6));
        tagged(reg, one, "application", "shop", NULL, DAY(11));
        assert_ok(image_delete(reg, four, &layers, &err), err);
        assert_ok(reg_sql_run(reg, &err, "DELETE FROM gone", ""), err);
        assert_ok(reg_sql_run(reg, &err, "INSERT INTO gone (id, sequence, name, at, who, why, record) "
                              "VALUES (?, 2, 'base', ?, 'ada', 'old', ?)", "tit", four, (int64_t)DAY(9), text), err);
}

/* By sequence: 1 is 1, 4 is 2, 2 is 3, 3 is 4. */
static const struct { const char *query, *sequences; } rows[] = {
        { "base?_at=2024-01-01",                        NULL },
        { "base?_at=2024-01-02",                        "1" },
        { "base?_at=2024-01-04",                        "2 1" },
        { "base?_at=2024-01-04&state=tested",           NULL },
        { "base?_at=2024-01-05&state=tested",           "1" },
        { "base?_at=2024-01-07&state=tested",           "2 1" },
        { "base?_at=2024-01-07&_limit=1",               "2" },
        { "base?_at=2024-01-07&_latest",                "2" },
        { "base?_at=2024-01-07&_after=2",               "1" },
        { "base?_at=2024-01-09",                        "3 1" },
        { "base?_at=2024-01-13",                        "1" },
        { "base?_at=2024-01-13&state=revoked",          "3" },
        { "base?_at=2024-01-13&_all",                   "3 1" },
        { "base?_at=2024-01-16",                        "4 3 1" },
        { "base?_at=2024-01-21",                        "4 3" },
        { "base?_at=2024-01-21&state=deprecated",       "1" },
        { "base?_at=2024-01-07&kernel=5",               "2" },
        { "base?_at=2024-01-07&kernel>5",               "1" },
        { "base?_at=2024-01-06&owner=ada",              "1" },
        { "base?_at=2024-01-08&owner=ada",              NULL },
        { "base?_at=2024-01-08&owner=bob",              "1" },
        { "base?_at=2024-01-12&owner",                  NULL },
        { "base?_at=2024-01-12&team=red",               "1" },
        { "base?_at=2024-01-10T23:59:59Z&team",         NULL },
        { "base?_at=2024-01-11&channel=production",     "1" },
        { "base?_at=2024-01-09&channel=production",     NULL },
        { "base?_at=2024-01-19&channel=production",     "4" },
        { "base?_at=2024-01-19&channel!=production",    "3 1" },
        { "base?_at=2024-01-09T12:00&channel=edge",     "3" },
        { "base?_at=2024-01-12&channel=edge&_all",      "3" },
        { "base?_at=2024-01-13&channel=edge&_all",      NULL },
        { "base?_at=2024-01-14&channel",                "1" },
        { "base?_at=2024-01-16&channel=edge",           "4" },
        { "?_at=2024-01-07&name=base&size=0",           "2" },
        { "?_at=2024-01-07&name=other",                 NULL },
        { "?_at=2024-01-07&application=base",           "2 1" },
        { "?_at=2024-01-07&application=shop",           "1" },
        { "?_at=2024-01-12&application=shop",           NULL },
        { "?_since=2024-01-07&application=base",        "4 3 2 1" },
        /* at some moment of a span */
        { "base?_since=2024-01-10",                     "4 3 1" },
        { "base?created_at>=2030",                      NULL },
        { "base?created_at=2024",                       "4 3" },
        { "base?_since=2024-01-15T00:00:00.500Z",       "4 3 1" },
        { "base?_until=2024-01-03T02:00:00.5+02:00",    "2 1" },
        { "base?_until=2024-01-03",                     "2 1" },
        { "base?_since=2024-01-12&_until=2024-01-13",   "1" },
        { "base?_since=2024-01-08&_until=2024-01-08",   "3 2 1" },
        { "base?_since=2024-01-09&_until=2024-01-09",   "3 1" },
        { "base?_since=2024-01-12&_until=2024-01-14",   "3 1" },
        { "base?_since=2024-01-12&_until=2024-01-13&state=revoked", "3" },
        { "base?_since=2024-01-01&_until=2024-01-04&state=tested", NULL },
        { "base?_since=2024-01-04&_until=2024-01-30&state=tested", "2 1" },
        { "base?_until=2024-01-01",                     NULL },
        /* changed in a span */
        { "base?_changed=2024-01-12..2024-01-12",       "3" },
        { "base?_changed=2024-01-07..2024-01-07",       "1" },
        { "base?_changed=2024-01-18..2024-01-18",       "4 1" },
        { "base?_changed=2024-01-13..2024-01-13",       "3" },
        { "base?_changed=2024-01-17..2024-01-17",       NULL },
        { "base?_changed=2024-01-20..",                 "1" },
        { "base?_changed=2024-02..",                    NULL },
        { "base?_changed=..2024-01-02",                 "1" },
        { "base?_changed=2024-01",                      "4 3 1" },
};

static void the_past_is_as_it_was(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };

        january(f->reg);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
                struct bk_buf text = { 0 };

                print_message("# %s\n", rows[i].query);
                if (rows[i].sequences == NULL) {
                        assert_fails_with(reg_query(f->reg, rows[i].query, &images, &err), err, BK_NOT_FOUND);
                        continue;
                }
                assert_ok(reg_query(f->reg, rows[i].query, &images, &err), err);
                for (size_t n = 0; n < images.n; n++)
                        bk_buf_printf(&text, "%s%lld", n == 0 ? "" : " ", (long long)images.v[n].sequence);
                assert_string_equal(text.data, rows[i].sequences);
                bk_buf_done(&text);
        }
}

static void an_image_is_shown_with_its_attributes_of_then(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        struct bk_error err = { 0 };

        january(f->reg);
        assert_ok(reg_query(f->reg, "base?_at=2024-01-08T12:00:00Z&kernel=6.1", &images, &err), err);
        assert_int_equal(images.v[0].state, REG_TESTED);
        assert_string_equal(reg_image_attribute(&images.v[0], "owner"), "bob");
        assert_null(reg_image_attribute(&images.v[0], "team"));
        assert_string_equal(reg_image_attribute(&images.v[0], "kernel"), "6.1");
}

static void a_deleted_image_is_gone_not_unknown(void **state)
{
        struct fixture *f = *state;
        autofree char *four = id_of("4"), *prefix = bk_strndup(four, 7 + 12), *digits = bk_strndup(four + 7, 10);
        const char *const references[] = { four, prefix, digits };
        struct bk_error err = { 0 };

        january(f->reg);
        for (size_t i = 0; i < 3; i++) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

                assert_fails_with(reg_resolve(f->reg, references[i], &image, &err), err, BK_GONE);
                assert_non_null(strstr(err.text, "(base, tested) was deleted at 2024-01-09T00:00:00Z by ada"));
        }
}

static void a_deleted_image_is_found_where_it_was(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_layers_done) struct reg_layers layers = { 0 };
        BK_CLEANUP(reg_images_done) struct reg_images tested = { 0 }, none = { 0 };
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1", .attributes = { PAIR("kernel", "6.1") } });
        struct bk_error err = { 0 };

        born(f->reg, id, DAY(2));
        became(f->reg, id, REG_TESTED, DAY(5));
        assert_ok(image_delete(f->reg, id, &layers, &err), err);
        assert_ok(reg_query(f->reg, "base?_at=2024-01-06&state=tested&kernel>6", &tested, &err), err);
        assert_string_equal(tested.v[0].id, id);
        assert_fails_with(reg_query(f->reg, "base?_at=2024-01-03&state=tested", &none, &err), err, BK_NOT_FOUND);
        assert_fails_with(reg_query(f->reg, "base?_at=now", &none, &err), err, BK_NOT_FOUND);
}

static const struct { const char *text; int64_t low, high; } times[] = {
        { "2024-01-01",                 DAY(1), DAY(2) },       { "2024-01",            DAY(1), DAY(32) },
        { "2024-01-01T00:00:00Z",       DAY(1), DAY(1) + 1 },   { "2024-01-01T00:00",   DAY(1), DAY(1) + 60 },
        { "2024-01-01 00:00:01",        DAY(1) + 1, DAY(1) + 2 }, { "1704067200",       DAY(1), DAY(1) + 1 },
        { "2024-01-01T02:00:00+02:00",  DAY(1), DAY(1) + 1 },   { "2023-12-31T23:30:00-00:30", DAY(1), DAY(1) + 1 },
        { "2024-02-29",                 DAY(60), DAY(61) },     { "2023-12",            DAY(-30), DAY(1) },
        { "2024",                       DAY(1), DAY(367) },     { "2024-01-01T00:00:00.999Z", DAY(1), DAY(1) + 1 },
        { "2024-01-01T00:00:00.5",      DAY(1), DAY(1) + 1 },   { "2024-01-01T02:00:00.123456+0200", DAY(1), DAY(1) + 1 },
        { "2024-01-01T02:00+02",        DAY(1), DAY(1) + 60 },  { "170406720",          170406720, 170406721 },
};
static const char *const no_times[] = { "", "2024-", "2024-1-1", "2024-00", "2024-13-01", "2024-01-32", "2024-01-01T", "2024-01-01T25:00", "x",
                                        "2024-01-01T00:00:00ZZ", "2024-01-01T00:00:00+2", "30q", "d", "-1d", "99999999999d", "999999999999999999",
                                        "0", "1", "20240501", "202", "20245", "2024-01-01T00:00:60Z", "2024T10:00",
                                        "2024-01T10:00", "2024-02-30", "2023-02-29", "2024-01-01T00:00:00.Z", "2024-01-01T00:00.5Z",
                                        "2024-01-01T00:00:00+02:", "2024-01-01T00:00:00+02:60" };

static void times_of_many_forms(void **state)
{
        int64_t low = 0, high = 0, now = 0;

        (void)state;
        for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
                struct bk_error err = { 0 };

                print_message("# %s\n", times[i].text);
                assert_ok(reg_time_parse(times[i].text, &low, &high, &err), err);
                assert_int_equal(low, times[i].low);
                assert_int_equal(high, times[i].high);
        }
        for (size_t i = 0; i < sizeof no_times / sizeof *no_times; i++) {
                struct bk_error err = { 0 };

                print_message("# '%s'\n", no_times[i]);
                assert_fails_with(reg_time_parse(no_times[i], &low, &high, &err), err, BK_INVALID);
        }
        assert_int_equal(reg_time_parse("now", &now, &high, NULL), 0);
        assert_int_equal(reg_time_parse("2d", &low, &high, NULL), 0);
        assert_true(now - low >= 2 * 86400 - 2 && now - low <= 2 * 86400);
}

/* Of one that was deleted nothing is in the registry but its record. */
static void a_walk_among_deleted_images_ends(void **state)
{
        static const char record[] = "{\"id\": \"%s\", \"sequence\": 2, \"name\": \"base\", \"type\": \"base\", \"state\": \"tested\", "
                                     "\"layer\": \"l\", \"created_at\": \"2024-01-03T00:00:00Z\", \"attributes\": {\"kernel\": \"5\"}}";
        struct fixture *f = *state;
        autofree char *id = id_of("4"), *text = bk_format(record, id);
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        const int usual = reg_past_most_ms;
        struct bk_error err = { 0 };

        assert_ok(reg_sql_run(f->reg, &err, "INSERT INTO gone (id, sequence, name, at, who, why, record) "
                              "VALUES (?, 2, 'base', ?, 'ada', 'old', ?)", "tit", id, (int64_t)DAY(9), text), err);
        reg_past_most_ms = -1;
        assert_fails_with(reg_query(f->reg, "base?_at=2024-01-07&kernel=6", &images, &err), err, BK_TIMEOUT);
        assert_ok(reg_query(f->reg, "base?_at=2024-01-07&kernel=5", &images, &err), err);       /* what is wanted is no walk */
        reg_past_most_ms = usual;
        assert_int_equal(images.n, 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(times_of_many_forms),
                registry_test(the_past_is_as_it_was),
                registry_test(an_image_is_shown_with_its_attributes_of_then),
                registry_test(a_deleted_image_is_gone_not_unknown),
                registry_test(a_deleted_image_is_found_where_it_was),
                registry_test(a_walk_among_deleted_images_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
