/* A run does what the plan says and nothing else, on both databases. */
#include "tests/unit/janitor/house.h"

#include "lib/lease.h"

#define OLD "retire \"old\" {\n action = \"trash\"\n when {\n age = \"30d\"\n }\n}\n"
#define TOLD "retire \"told\" {\n action = \"trash\"\n grace = \"3d\"\n notify = [\"mail:owner\", \"webhook:http://127.0.0.1:1/\"]\n" \
             " when {\n age = \"30d\"\n }\n}\n"

static void graces_restores_and_purges(void **state)
{
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a" }), *b = baked(house.reg, (struct recipe){ .seed = "b", .ancestor = a });

        assert_int_equal(house_run(&house, TOLD, 1, "marked"), 0);
        assert_int_equal(house_run(&house, TOLD, 40, "marked"), 2);
        assert_string_equal(house.told.data, "told ada 2; told http://127.0.0.1:1/ 2; ");
        assert_int_equal(house_run(&house, TOLD, 41, "told"), 0);               /* once */
        assert_int_equal(house_run(&house, TOLD, 44, "trashed"), 2);
        assert_string_equal(house_state(&house, a), "trashed");
        assert_int_equal(house_run(&house, TOLD, 50, "purged"), 0);
        assert_int_equal(house_run(&house, TOLD, 60, "purged"), 2);
        assert_string_equal(house_state(&house, b), "gone");
        assert_true(log_is_good(house.reg, NULL));
}

static void a_plan_changes_nothing(void **state)
{
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a" });
        BK_CLEANUP(janitor_rules_done) struct janitor_rules rules = { 0 };
        BK_CLEANUP(janitor_plan_done) struct janitor_plan plan = { 0 }, later = { 0 };
        struct janitor_ask ask = { .rules = &rules, .at = house.now + DAYS(40) };
        const int64_t index = index_of(house.reg);
        struct bk_error err = { 0 };
        json_t *json = NULL;

        house_rules(TOLD, &rules);
        assert_ok(janitor_plan(house.reg, &ask, &plan, &err), err);
        assert_int_equal(plan.n, 1);
        assert_int_equal(plan.v[0].fate, JANITOR_WAITS);
        assert_ok(janitor_plan_json(house.reg, &rules, &plan, SIZE_MAX, &json, &err), err);
        assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(json, "items"), 0), "image")), a);
        assert_int_equal(json_integer_value(json_object_get(json, "more")), 0);
        json_decref(json);
        assert_ok(janitor_plan_json(house.reg, &rules, &plan, 0, &json, &err), err);
        assert_int_equal(json_array_size(json_object_get(json, "items")), 0);
        assert_int_equal(json_integer_value(json_object_get(json, "more")), 1);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(json, "counts"), "waits")), 1);
        json_decref(json);
        ask.simulate = true;                    /* marked on the 30th day, in the trash on the 33rd, gone on the 40th or 41st */
        ask.at = house.now + DAYS(35);
        assert_ok(janitor_plan(house.reg, &ask, &later, &err), err);
        assert_int_equal(later.v[0].fate, JANITOR_GOES);
        assert_int_equal(later.v[0].action, REG_PRUNE_TRASH);
        janitor_plan_done(&later);
        ask.at = house.now + DAYS(45);
        assert_ok(janitor_plan(house.reg, &ask, &later, &err), err);
        assert_int_equal(later.v[0].action, REG_PRUNE_PURGE);
        janitor_plan_done(&later);
        ask.at = house.now + DAYS(31);
        assert_ok(janitor_plan(house.reg, &ask, &later, &err), err);
        assert_int_equal(later.v[0].fate, JANITOR_WAITS);
        assert_int_equal(index_of(house.reg), index);
}

static void who_was_not_told_loses_nothing(void **state)
{
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a" });

        house.deaf = true;
        assert_int_equal(house_run(&house, TOLD, 40, "untold"), 1);
        assert_int_equal(house_run(&house, TOLD, 50, "trashed"), 0);
        house.deaf = false;
        assert_int_equal(house_run(&house, TOLD, 50, "told"), 1);
        assert_int_equal(house_run(&house, TOLD, 52, "trashed"), 0);            /* the grace runs from the telling */
        assert_int_equal(house_run(&house, TOLD, 54, "trashed"), 1);
        assert_string_equal(house_state(&house, a), "trashed");
}

static void the_word_that_was_sent_keeps_the_image(void **state)
{
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a" }), *id = NULL;
        struct bk_error err = { 0 };

        assert_int_equal(house_run(&house, TOLD, 40, "told"), 1);
        assert_ok(reg_keep_by_token(house.reg, house.token, INT64_MAX, "I need it", &id, &err), err);
        assert_string_equal(id, a);
        assert_int_equal(house_run(&house, TOLD, 50, "trashed"), 0);
        assert_int_equal(house_run(&house, TOLD, 50, "unmarked") + house_run(&house, TOLD, 51, "marked"), 0);
        assert_string_equal(house_state(&house, a), "baked");
}

static void launch(struct house *house)
{
        struct bk_error err = { 0 };

        assert_ok(reg_launch_seen(house->reg, "report", &(struct reg_launch){ .image = house->arg, .instance = "one", .who = "eve" }, &err), err);
}

/* Between the plan and the act somebody comes to use an image. */
static void what_is_used_meanwhile_stays(void **state)
{
        static const char rules[] = "retire \"quiet\" {\n action = \"trash\"\n scope = \"name=quiet\"\n when {\n age = \"30d\"\n }\n}\n"
                                    "retire \"loud\" {\n action = \"trash\"\n scope = \"name=loud\"\n notify = [\"mail:owner\"]\n"
                                    " when {\n age = \"30d\"\n }\n}\n";
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a", .name = "quiet" });
        autofree char *c = baked(house.reg, (struct recipe){ .seed = "c", .name = "quiet" });
        autofree char *b = baked(house.reg, (struct recipe){ .seed = "b", .name = "loud" });

        house.meanwhile = launch;
        house.arg = a;
        assert_int_equal(house_run(&house, rules, 40, "trashed"), 1);
        assert_string_equal(house_state(&house, a), "baked");
        assert_string_equal(house_state(&house, c), "trashed");
        assert_string_equal(house_state(&house, b), "baked");
}

static void fail_source(struct house *house)
{
        struct bk_error err = { 0 };

        assert_ok(reg_usage_failed(house->reg, "libvirt:a", "no answer", &err), err);
}

static void a_doubtful_source_stops_everything(void **state)
{
        static const char rules[] = OLD "retire \"told\" {\n action = \"hide\"\n notify = [\"mail:owner\"]\n when {\n age = \"30d\"\n }\n}\n";
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a" });
        struct bk_error err = { 0 };
        json_t *counts = NULL, *runs = NULL;
        autofree char *done = NULL;
        int64_t index;

        house.meanwhile = fail_source;          /* after the plan: the acting transaction sees it */
        assert_fails_with(house_try(&house, rules, 40, &counts, &err), err, BK_CONFLICT);
        assert_string_equal(house_state(&house, a), "baked");
        index = index_of(house.reg);
        assert_fails_with(house_try(&house, rules, 40, &counts, &err), err, BK_CONFLICT);
        done = actions(house.reg, index);
        assert_string_equal(done, "janitor.ended");
        assert_ok(reg_janitor_runs_json(house.reg, 10, &runs, &err), err);
        assert_string_equal(json_string_value(json_object_get(json_array_get(runs, 0), "status")), "stopped");
        json_decref(runs);
}

static void one_run_at_a_time(void **state)
{
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *folder = bk_format("%s/run", house.home), *path = bk_format("%s/janitor.lock", folder);
        struct bk_error err = { 0 };
        json_t *counts = NULL;
        autoclose int fd = -1;

        assert_ok(bk_mkdir_p(folder, &err), err);
        assert_ok(bk_lock_take(path, 0, &fd, &err), err);
        assert_fails_with(house_try(&house, OLD, 40, &counts, &err), err, BK_LOCKED);
}

/* On one database, from two hosts: who began last goes on. */
static void an_older_run_gives_way(struct house *house)
{
        struct bk_error err = { 0 };
        int64_t number = 0;

        assert_ok(reg_janitor_begin(house->reg, "janitor@elsewhere", "sha256:other", &number, &err), err);
}

static void two_hosts_do_not_run_at_once(void **state)
{
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a" });
        static const char rules[] = OLD "retire \"told\" {\n action = \"hide\"\n notify = [\"mail:owner\"]\n when {\n age = \"30d\"\n }\n}\n";
        struct bk_error err = { 0 };
        json_t *counts = NULL;

        house.meanwhile = an_older_run_gives_way;
        assert_fails_with(house_try(&house, rules, 40, &counts, &err), err, BK_LOCKED);
        assert_string_equal(house_state(&house, a), "baked");
        house.meanwhile = NULL;
        assert_fails_with(house_try(&house, rules, 0, &counts, &err), err, BK_LOCKED);         /* it began just now, and has not ended */
        assert_int_equal(house_run(&house, rules, 40, "trashed"), 1);                           /* long after it, it is dead */
}

/* What one rule finds stands on what the other finds, and that on what the first finds. */
static void rules_take_turns_down_a_lineage(void **state)
{
        static const char rules[] = "retire \"x\" {\n action = \"trash\"\n scope = \"name=x\"\n when {\n age = \"30d\"\n }\n}\n"
                                    "retire \"y\" {\n action = \"purge\"\n restore = \"1s\"\n scope = \"name=y\"\n when {\n age = \"30d\"\n }\n}\n";
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a", .name = "x" });
        autofree char *b = baked(house.reg, (struct recipe){ .seed = "b", .name = "y", .ancestor = a });
        autofree char *c = baked(house.reg, (struct recipe){ .seed = "c", .name = "x", .ancestor = b });
        autofree char *d = baked(house.reg, (struct recipe){ .seed = "d", .name = "y", .ancestor = c });

        assert_int_equal(house_run(&house, rules, 40, "trashed"), 4);
        assert_int_equal(house_run(&house, rules, 41, "purged"), 1);            /* d; b waits for c */
        assert_string_equal(house_state(&house, d), "gone");
        assert_int_equal(house_run(&house, rules, 50, "purged"), 3);
}

static void caps_are_of_one_run(void **state)
{
        static const char rules[] = "janitor {\n most_images = 3\n most_percent = 100\n}\n" OLD;
        BK_CLEANUP(house_done) struct house house = house_of(state);

        for (int i = 0; i < 8; i++) {
                autofree char *seed = bk_format("%d", i), *id = baked(house.reg, (struct recipe){ .seed = seed });

                assert_non_null(id);
        }
        assert_int_equal(house_run(&house, rules, 40, "trashed"), 3);
        assert_int_equal(house_run(&house, rules, 41, "trashed"), 3);
        assert_int_equal(house_run(&house, rules, 42, "trashed"), 2);
        assert_int_equal(house_run(&house, rules, 50, "purged"), 3);
}

static void why_is_said(void **state)
{
        static const char rules[] = "protect \"held\" {\n why = \"lawyers\"\n when {\n hold = true\n }\n}\n" OLD;
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a", .attributes = { PAIR("legal_hold", "forever") } });
        autofree char *b = baked(house.reg, (struct recipe){ .seed = "b" });
        BK_CLEANUP(janitor_rules_done) struct janitor_rules parsed = { 0 };
        struct janitor_ask ask = { .rules = &parsed, .at = house.now + DAYS(40) };
        struct bk_error err = { 0 };
        json_t *json = NULL;
        const json_t *term;

        house_rules(rules, &parsed);
        assert_ok(janitor_explain(house.reg, &ask, a, &json, &err), err);
        assert_string_equal(json_string_value(json_object_get(json, "fate")), "protected");
        assert_string_equal(json_string_value(json_object_get(json, "rule")), "held");
        assert_string_equal(json_string_value(json_object_get(json, "why")), "lawyers");
        assert_string_equal(json_string_value(json_object_get(json, "place")), "test.hcl:5:1");
        json_decref(json);
        ask.at = house.now + DAYS(10);
        assert_ok(janitor_explain(house.reg, &ask, b, &json, &err), err);
        assert_string_equal(json_string_value(json_object_get(json, "fate")), "stays");
        term = json_array_get(json_object_get(json_object_get(json_array_get(json_object_get(json, "rules"), 1), "terms"), "items"), 0);
        assert_string_equal(json_string_value(json_object_get(term, "text")), "age = \"30d\"");
        assert_string_equal(json_string_value(json_object_get(term, "answer")), "no");
        assert_non_null(strstr(json_string_value(json_array_get(json_object_get(json, "would_change"), 0)), "if nothing happens"));
        json_decref(json);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(graces_restores_and_purges),
                registry_test(a_plan_changes_nothing),
                registry_test(who_was_not_told_loses_nothing),
                registry_test(the_word_that_was_sent_keeps_the_image),
                registry_test(what_is_used_meanwhile_stays),
                registry_test(a_doubtful_source_stops_everything),
                registry_test(one_run_at_a_time),
                registry_test(two_hosts_do_not_run_at_once),
                registry_test(rules_take_turns_down_a_lineage),
                registry_test(caps_are_of_one_run),
                registry_test(why_is_said),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
