/* A run does what the plan says and nothing else, on both databases. */
#include "tests/unit/janitor/house.h"

#include <sys/utsname.h>

#include "layers/layer.h"
#include "lib/lease.h"
#include "lib/publish.h"
#include "registry/bake.h"

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

/* Whoever takes an image back has as much time to say that it should stay as at first. */
static void what_is_taken_back_has_a_new_grace(void **state)
{
        static const char rules[] = "retire \"t\" {\n action = \"trash\"\n grace = \"3d\"\n scope = \"name=t\"\n when {\n age = \"30d\"\n }\n}\n"
                                    "retire \"d\" {\n action = \"deprecate\"\n grace = \"3d\"\n scope = \"name=d\"\n when {\n age = \"30d\"\n }\n}\n"
                                    "retire \"h\" {\n action = \"hide\"\n grace = \"3d\"\n scope = \"name=h\"\n when {\n age = \"30d\"\n }\n}\n";
        static const struct reg_change change = { .who = "eve", .why = "I need it", .privileged = true };
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *t = baked(house.reg, (struct recipe){ .seed = "t", .name = "t" });
        autofree char *d = baked(house.reg, (struct recipe){ .seed = "d", .name = "d" });
        autofree char *h = baked(house.reg, (struct recipe){ .seed = "h", .name = "h" });
        struct bk_error err = { 0 };

        assert_int_equal(house_run(&house, rules, 40, "marked"), 3);
        assert_int_equal(house_run(&house, rules, 43, "trashed"), 1);
        assert_string_equal(house_state(&house, d), "deprecated");
        assert_ok(reg_untrash(house.reg, t, &change, &err), err);
        assert_ok(reg_state_change(house.reg, d, REG_BAKED, &change, &err), err);
        assert_ok(reg_unhide(house.reg, h, &change, &err), err);
        assert_int_equal(house_run(&house, rules, 44, "marked"), 3);
        assert_string_equal(house_state(&house, t), "baked");
        assert_string_equal(house_state(&house, d), "baked");
        assert_int_equal(house_run(&house, rules, 46, "hidden"), 0);
        assert_int_equal(house_run(&house, rules, 47, "hidden"), 1);
        assert_string_equal(house_state(&house, t), "trashed");
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
        struct bk_error err = { 0 };
        int64_t words = 0;

        house.deaf = true;
        for (int days = 40; days < 60; days++)
                assert_int_equal(house_run(&house, TOLD, 40, "untold"), 1);
        assert_ok(reg_sql_int(house.reg, &words, &err, "SELECT count(*) FROM opt_out", "") > 0 ? 0 : -1, err);
        assert_int_equal(words, 10);
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

static void a_bake(struct reg *reg, const char *source)
{
        const struct reg_bake bake = { .id = "b1", .name = "web", .builder = "chroot", .who = "eve", .host = "elsewhere", .source = source };
        struct bk_error err = { 0 };

        assert_ok(reg_bake_begin(reg, &bake, &err), err);
}

static void begin_bake(struct house *house)
{
        a_bake(house->reg, house->arg);
}

/* From the plan on, or since long; until it has ended, or nobody has heard of its end for a week. */
static void what_a_bake_builds_on_stays(void **state)
{
        static const char rules[] = "retire \"quiet\" {\n action = \"trash\"\n scope = \"name=quiet\"\n when {\n age = \"30d\"\n }\n}\n"
                                    "retire \"loud\" {\n action = \"hide\"\n scope = \"name=loud\"\n notify = [\"mail:owner\"]\n"
                                    " when {\n age = \"30d\"\n }\n}\n";
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *below = baked(house.reg, (struct recipe){ .seed = "0", .name = "quiet" });
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a", .name = "quiet", .ancestor = below });
        autofree char *b = baked(house.reg, (struct recipe){ .seed = "b", .name = "loud" });
        struct bk_error err = { 0 };

        house.meanwhile = begin_bake;
        house.arg = a;
        assert_int_equal(house_run(&house, rules, 40, "trashed"), 0);
        house.meanwhile = NULL;
        assert_int_equal(house_run(&house, rules, 41, "trashed"), 0);
        assert_string_equal(house_state(&house, below), "baked");
        assert_ok(reg_sql_script(house.reg, "UPDATE bake SET started_at = started_at - 7 * 86400", &err), err);
        assert_int_equal(house_run(&house, rules, 42, "trashed"), 2);
        assert_ok(reg_untrash(house.reg, below, &(struct reg_change){ .who = "eve" }, &err), err);
        assert_ok(reg_bake_end(house.reg, "b1", "ok", NULL, &err), err);
        assert_non_null(b);
}

/* On its own host nobody waits a week. */
static void what_a_dead_bake_built_on_goes(void **state)
{
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a" }), *log = bk_format("%s/logs/b1.log", house.home);
        autofree char *logs = bk_format("%s/logs", house.home);
        struct reg_bake bake = { .id = "b1", .name = "web", .builder = "chroot", .who = "eve", .log = "logs/b1.log", .source = a };
        struct layer_store store = { 0 };
        struct bk_error err = { 0 };
        struct utsname here;

        assert_int_equal(uname(&here), 0);
        bake.host = here.nodename;
        assert_ok(layer_store_open(house.home, &store, &err), err);
        assert_ok(bk_mkdir_p(logs, &err), err);
        assert_ok(bk_publish_bytes(log, "", 0, 0644, &err), err);
        assert_ok(reg_bake_begin(house.reg, &bake, &err), err);
        assert_int_equal(house_run(&house, OLD, 40, "trashed"), 0);
        house.store = &store;
        assert_int_equal(house_run(&house, OLD, 40, "trashed"), 1);
        layer_store_done(&store);
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

static void tells(struct house *house, const char *id, size_t n)
{
        const struct reg_launch all[] = { { .image = id, .instance = "a" }, { .image = id, .instance = "b" }, { .image = id, .instance = "c" } };
        struct bk_error err = { 0 };
        size_t unknown = 0;

        assert_ok(reg_usage_replace(house->reg, "libvirt:a", all, n, "eve", &unknown, &err), err);
        assert_ok(reg_sql_script(house->reg, "UPDATE usage_source SET ok_at = ok_at + 40 * 86400", &err), err);
}

/* However often it says so. */
static void a_source_that_has_shrunk_stops_everything_until_somebody_is_content(void **state)
{
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a" });
        const struct reg_change change = { .who = "eve", .privileged = true };
        struct bk_error err = { 0 };
        json_t *counts = NULL;
        int64_t was = 0, count = 9;

        tells(&house, a, 3);
        assert_int_equal(house_run(&house, OLD, 40, "trashed"), 0);             /* it is in use */
        for (int i = 0; i < 3; i++) {
                tells(&house, a, 0);
                assert_fails_with(house_try(&house, OLD, 40, &counts, &err), err, BK_CONFLICT);
                assert_non_null(strstr(err.text, "bakery janitor accept 'libvirt:a'"));
        }
        assert_string_equal(house_state(&house, a), "baked");
        tells(&house, a, 2);                                                    /* it was the source's error */
        assert_int_equal(house_run(&house, OLD, 40, "trashed"), 0);
        tells(&house, a, 1);                                                    /* half of what the last run saw */
        assert_int_equal(house_run(&house, OLD, 40, "trashed"), 0);
        tells(&house, a, 0);
        assert_fails_with(house_try(&house, OLD, 40, &counts, &err), err, BK_CONFLICT);
        assert_ok(reg_usage_accept(house.reg, "libvirt:a", &change, &was, &count, &err), err);
        assert_int_equal(was, 1);
        assert_int_equal(count, 0);
        assert_int_equal(house_run(&house, OLD, 40, "trashed"), 1);
        assert_fails_with(reg_usage_accept(house.reg, "libvirt:b", &change, &was, &count, &err), err, BK_NOT_FOUND);
}

/* An end that is told of is no loss, be the source one that must be there. */
static void one_by_one_nothing_shrinks(void **state)
{
        static const char rules[] = "janitor {\n usage_sources = \"report\"\n most_percent = 100\n}\n" OLD;
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a" });
        struct bk_error err = { 0 };

        for (int i = 0; i < 4; i++) {
                autofree char *instance = bk_format("vm%d", i);

                assert_ok(reg_launch_seen(house.reg, "report", &(struct reg_launch){ .image = a, .instance = instance }, &err), err);
        }
        assert_int_equal(house_run(&house, rules, 0, "trashed"), 0);
        for (int i = 0; i < 4; i++) {
                autofree char *instance = bk_format("vm%d", i);

                assert_ok(reg_launch_ended(house.reg, "report", instance, "eve", &err), err);
        }
        assert_int_equal(house_run(&house, rules, 0, "trashed"), 0);
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

static void an_hour_passes(struct house *house)
{
        house->ms += 3600 * 1000 + 60 * 1000;
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

/* Whoever has the lock knows that others of this host are dead, whoever they were. */
static void a_killed_run_of_somebody_else_here_is_over(void **state)
{
        BK_CLEANUP(house_done) struct house house = house_of(state);
        struct bk_error err = { 0 };
        json_t *counts = NULL;
        int64_t number = 0;

        house.who = "janitor@oven";
        assert_ok(reg_janitor_begin(house.reg, "eve@mail@oven", "sha256:other", &number, &err), err);
        assert_int_equal(house_run(&house, OLD, 0, "trashed"), 0);
        assert_ok(reg_janitor_begin(house.reg, "janitor@stove", "sha256:other", &number, &err), err);
        assert_fails_with(house_try(&house, OLD, 0, &counts, &err), err, BK_LOCKED);
}

/* Telling people may take long, and what a source said may be too old when it comes to acting. */
static void a_source_that_grew_old_during_the_run_stops_it(void **state)
{
        static const char rules[] = "retire \"x\" {\n action = \"trash\"\n scope = \"name=x\"\n when {\n age = \"30d\"\n }\n}\n"
                                    "retire \"told\" {\n action = \"hide\"\n notify = [\"mail:owner\"]\n when {\n age = \"30d\"\n }\n}\n";
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a", .name = "x" });
        struct bk_error err = { 0 };
        json_t *counts = NULL;
        size_t unknown = 0;

        assert_ok(reg_usage_replace(house.reg, "libvirt:a", NULL, 0, "eve", &unknown, &err), err);
        assert_ok(reg_sql_script(house.reg, "UPDATE usage_source SET ok_at = ok_at + 40 * 86400", &err), err);
        house.meanwhile = an_hour_passes;
        assert_fails_with(house_try(&house, rules, 40, &counts, &err), err, BK_CONFLICT);
        assert_string_equal(house_state(&house, a), "baked");
        assert_non_null(strstr(err.text, "told last 36"));
        house.meanwhile = NULL;
        assert_int_equal(house_run(&house, rules, 40, "trashed"), 1);
}

static void a_plan_for_a_day_to_come_needs_no_news_of_it(void **state)
{
        BK_CLEANUP(house_done) struct house house = house_of(state);
        BK_CLEANUP(janitor_rules_done) struct janitor_rules rules = { 0 };
        BK_CLEANUP(janitor_plan_done) struct janitor_plan plan = { 0 }, now = { 0 };
        struct janitor_ask ask = { .rules = &rules, .at = house.now + DAYS(30) };
        struct bk_error err = { 0 };
        size_t unknown = 0;

        house_rules(OLD, &rules);
        assert_ok(reg_usage_replace(house.reg, "libvirt:a", NULL, 0, "eve", &unknown, &err), err);
        assert_ok(janitor_plan(house.reg, &ask, &plan, &err), err);
        assert_null(plan.stopped);
        assert_ok(reg_sql_script(house.reg, "UPDATE usage_source SET ok_at = ok_at - 7200", &err), err);
        ask.at = 0;
        assert_ok(janitor_plan(house.reg, &ask, &now, &err), err);
        assert_non_null(now.stopped);
}

static void a_plan_leaves_out_what_was_purged_since(void **state)
{
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a" }), *b = baked(house.reg, (struct recipe){ .seed = "b" });
        BK_CLEANUP(janitor_rules_done) struct janitor_rules rules = { 0 };
        BK_CLEANUP(janitor_plan_done) struct janitor_plan plan = { 0 };
        const struct janitor_ask ask = { .rules = &rules, .at = house.now + DAYS(40) };
        const struct reg_change change = { .who = "eve", .privileged = true };
        struct reg_pruned pruned = { 0 };
        struct bk_error err = { 0 };
        json_t *json = NULL;
        const json_t *items;

        house_rules(OLD, &rules);
        assert_ok(janitor_plan(house.reg, &ask, &plan, &err), err);
        assert_int_equal(plan.n, 2);
        assert_ok(reg_trash(house.reg, a, 0, &change, &err), err);
        assert_ok(reg_prune_do(house.reg, &(struct reg_pruning){ .ids = (const char *const[]){ a }, .n = 1, .what = REG_PRUNE_PURGE }, &change,
                               &pruned, &err), err);
        reg_pruned_done(&pruned, 1);
        assert_ok(janitor_plan_json(house.reg, &rules, &plan, SIZE_MAX, &json, &err), err);
        items = json_object_get(json, "items");
        assert_int_equal(json_array_size(items), 1);
        assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "image")), b);
        json_decref(json);
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

/* One quota keeps it, the other does not. */
static void quotas_are_explained(void **state)
{
        static const char rules[] = "keep \"one\" {\n newest = 1\n by = \"name\"\n}\nkeep \"all\" {\n newest_bytes = \"1T\"\n}\n"
                                    "retire \"few\" {\n action = \"trash\"\n least = 2\n by = \"name\"\n when {\n age = \"30d\"\n }\n}\n" OLD;
        static const struct { const char *kind, *answer, *term, *text; } wanted[] = {
                { "keep", "no", "no", "newest = 1  by = [\"name\"]" }, { "keep", "yes", "yes", "newest_bytes = 1099511627776  by = [\"kind\"]" },
                { "retire", "no", "yes", "least = 2  by = [\"name\"]" }, { "retire", "yes", NULL, NULL },
        };
        BK_CLEANUP(house_done) struct house house = house_of(state);
        autofree char *a = baked(house.reg, (struct recipe){ .seed = "a" }), *b = baked(house.reg, (struct recipe){ .seed = "b" });
        BK_CLEANUP(janitor_rules_done) struct janitor_rules parsed = { 0 };
        const struct janitor_ask ask = { .rules = &parsed, .at = house.now + DAYS(40) };
        struct bk_error err = { 0 };
        json_t *json = NULL;

        house_rules(rules, &parsed);
        assert_ok(janitor_explain(house.reg, &ask, a, &json, &err), err);
        for (size_t r = 0; r < sizeof wanted / sizeof *wanted; r++) {
                const json_t *rule = json_array_get(json_object_get(json, "rules"), r);
                const json_t *items = json_object_get(json_object_get(rule, "terms"), "items");
                const json_t *term = json_array_get(items, json_array_size(items) - 1);

                assert_string_equal(json_string_value(json_object_get(rule, "kind")), wanted[r].kind);
                assert_string_equal(json_string_value(json_object_get(rule, "answer")), wanted[r].answer);
                assert_string_equal(json_string_value(json_object_get(json_object_get(rule, "terms"), "answer")), wanted[r].answer);
                if (wanted[r].term == NULL)
                        continue;
                if (bk_streq(wanted[r].kind, "retire"))
                        term = json_array_get(json_object_get(term, "items"), 0);
                assert_string_equal(json_string_value(json_object_get(term, "answer")), wanted[r].term);
                assert_string_equal(json_string_value(json_object_get(term, "text")), wanted[r].text);
        }
        json_decref(json);
        assert_non_null(b);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(graces_restores_and_purges),
                registry_test(what_is_taken_back_has_a_new_grace),
                registry_test(a_plan_changes_nothing),
                registry_test(who_was_not_told_loses_nothing),
                registry_test(the_word_that_was_sent_keeps_the_image),
                registry_test(what_is_used_meanwhile_stays),
                registry_test(what_a_bake_builds_on_stays),
                registry_test(what_a_dead_bake_built_on_goes),
                registry_test(a_doubtful_source_stops_everything),
                registry_test(a_source_that_has_shrunk_stops_everything_until_somebody_is_content),
                registry_test(one_by_one_nothing_shrinks),
                registry_test(one_run_at_a_time),
                registry_test(two_hosts_do_not_run_at_once),
                registry_test(a_killed_run_of_somebody_else_here_is_over),
                registry_test(a_source_that_grew_old_during_the_run_stops_it),
                registry_test(a_plan_for_a_day_to_come_needs_no_news_of_it),
                registry_test(a_plan_leaves_out_what_was_purged_since),
                registry_test(rules_take_turns_down_a_lineage),
                registry_test(caps_are_of_one_run),
                registry_test(why_is_said),
                registry_test(quotas_are_explained),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
