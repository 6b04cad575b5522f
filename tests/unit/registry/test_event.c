/* The log: what is done is in it, and what is done to it shows. */
#include "tests/unit/registry/life.h"

#include "registry/registry_priv.h"

static void some_history(struct reg *reg)
{
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        autofree char *one = baked(reg, (struct recipe){ .seed = "1", .state = REG_TESTED });
        autofree char *two = baked(reg, (struct recipe){ .seed = "2" });
        const struct reg_tag tag = { .key = "owner", .value = "ops" };
        struct bk_error err = { 0 };

        assert_ok(channel_assign(reg, "production", one, "bob", "go", &err), err);
        assert_ok(reg_tag(reg, two, &tag, 1, &because, &err), err);
        assert_ok(reg_remove(reg, two, &because, &gone, &err), err);
}

static void everything_is_in_it(void **state)
{
        struct fixture *f = *state;
        autofree char *happened = NULL, *two = id_of("2"), *record = NULL;
        struct bk_error err = { 0 };

        some_history(f->reg);
        happened = actions(f->reg, 0);
        assert_string_equal(happened, "image.published image.published channel.assigned image.state image.tagged image.deleted");
        assert_true(log_is_good(f->reg, NULL));
        print_message("# and what is gone is remembered\n");
        assert_int_equal(reg_sql_text(f->reg, &record, &err, "SELECT record FROM gone WHERE id = ?", "t", two), 1);
        assert_non_null(strstr(record, "\"owner\":\"ops\""));
        free(baked(f->reg, (struct recipe){ .seed = "2" }));
        assert_int_equal(reg_sql_text(f->reg, &record, &err, "SELECT record FROM gone WHERE id = ?", "t", two), 0);
}

static void it_is_read_in_pages(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };
        json_int_t since = 0;
        size_t n = 0, pages = 0;

        some_history(f->reg);
        for (;;) {
                json_t *page = NULL, *next;

                assert_ok(reg_events_json(f->reg, since, 2, &page, &err), err);
                assert_int_equal(json_integer_value(json_object_get(page, "index")), 6);
                n += json_array_size(json_object_get(page, "items"));
                pages++;
                next = json_object_get(page, "next");
                since = json_integer_value(next);
                json_decref(page);
                if (since == 0)
                        break;
        }
        assert_int_equal(n, 6);
        assert_int_equal(pages, 3);
}

static void details_are_objects(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };
        json_t *page = NULL, *event;

        some_history(f->reg);
        assert_ok(reg_events_json(f->reg, 4, 1, &page, &err), err);
        event = json_array_get(json_object_get(page, "items"), 0);
        assert_string_equal(json_string_value(json_object_get(json_object_get(json_object_get(event, "detail"), "set"), "owner")), "ops");
        assert_string_equal(json_string_value(json_object_get(event, "who")), "bob");
        assert_string_equal(json_string_value(json_object_get(event, "why")), "a hole");
        json_decref(page);
}

static const struct { const char *why, *sql; int bad; } tampered[] = {
        { "nothing",                    "UPDATE event SET who = who",                                           0 },
        { "who",                        "UPDATE event SET who = 'eve' WHERE id = 3",                            3 },
        { "why",                        "UPDATE event SET why = 'no' WHERE id = 3",                             3 },
        { "why, which was nothing",     "UPDATE event SET why = '' WHERE id = 1",                               1 },
        { "when",                       "UPDATE event SET at = at + 1 WHERE id = 6",                            6 },
        { "what",                       "UPDATE event SET action = 'image.tagged' WHERE id = 1",                1 },
        { "to what",                    "UPDATE event SET subject = 'x' WHERE id = 2",                          2 },
        { "the name",                   "UPDATE event SET name = 'x' WHERE id = 2",                             2 },
        { "the detail",                 "UPDATE event SET detail = '{}' WHERE id = 5",                          5 },
        { "the digest",                 "UPDATE event SET digest = 'sha256:00' WHERE id = 5",                   5 },
        { "one is taken out",           "DELETE FROM event WHERE id = 3",                                       4 },
        { "the first is taken out",     "DELETE FROM event WHERE id = 1",                                       2 },
        { "one is put in",              "INSERT INTO event (id, at, who, action, subject, digest) VALUES (7, 1, 'a', 'b', 'c', 'd')", 7 },
        { "two change places",          "UPDATE event SET id = CASE id WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE id IN (2, 3);"
                                        "UPDATE event SET id = -id WHERE id < 0",                               2 },
        { "one moves to the end",       "UPDATE event SET id = 9 WHERE id = 2",                                 3 },
};

static void what_is_done_to_it_shows(void **state)
{
        struct fixture *f = *state;

        some_history(f->reg);
        for (size_t i = 0; i < sizeof tampered / sizeof *tampered; i++) {
                struct bk_error err = { 0 };
                json_t *verdict = NULL;

                print_message("# %s\n", tampered[i].why);
                assert_ok(reg_sql_script(f->reg, "BEGIN", &err), err);
                assert_ok(reg_sql_script(f->reg, tampered[i].sql, &err), err);
                assert_ok(reg_events_verify(f->reg, NULL, &verdict, &err), err);
                assert_int_equal(json_integer_value(json_object_get(verdict, "bad")), tampered[i].bad);
                assert_int_equal(json_is_true(json_object_get(verdict, "ok")), tampered[i].bad == 0);
                assert_ok(reg_sql_script(f->reg, "ROLLBACK", &err), err);
                json_decref(verdict);
        }
}

static void an_end_that_was_cut_off_shows_to_who_remembers(void **state)
{
        struct fixture *f = *state;
        autofree char *digest = NULL, *head = NULL, *other = NULL;
        struct bk_error err = { 0 };
        json_t *verdict = NULL;

        some_history(f->reg);
        assert_int_equal(reg_sql_text(f->reg, &digest, &err, "SELECT digest FROM event WHERE id = 5", ""), 1);
        head = bk_format("5:%s", digest);
        other = bk_format("4:%s", digest);
        assert_true(log_is_good(f->reg, head));
        assert_false(log_is_good(f->reg, other));
        assert_int_equal(reg_sql_run(f->reg, &err, "DELETE FROM event WHERE id > 4", ""), 0);
        assert_true(log_is_good(f->reg, NULL));
        assert_false(log_is_good(f->reg, head));
        static const char *const nonsense[] = { "", "5", "5:", "0:sha256:x", "x:y", "-1:sha256:00" };

        for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
                assert_fails_with(reg_events_verify(f->reg, nonsense[i], &verdict, &err), err, BK_INVALID);
}

static void an_empty_log_is_good(void **state)
{
        struct fixture *f = *state;

        assert_true(log_is_good(f->reg, NULL));
        assert_int_equal(index_of(f->reg), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(an_empty_log_is_good),
                registry_test(everything_is_in_it),
                registry_test(it_is_read_in_pages),
                registry_test(details_are_objects),
                registry_test(what_is_done_to_it_shows),
                registry_test(an_end_that_was_cut_off_shows_to_who_remembers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
