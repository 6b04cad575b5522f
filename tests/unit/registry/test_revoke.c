/* Revocation: inherited at any depth, remembered with its origin, due at its time, and lifted where it began. */
#include "tests/unit/registry/life.h"

#include <time.h>

#include "registry/registry_priv.h"

enum { FOUNDATION, BASE, WEB, SQL, APP, OTHER, N };

/* foundation <- base <- web <- app, base <- sql; other stands alone. */
struct family { char *v[N]; };

static void family_done(struct family *family)
{
        for (size_t i = 0; i < N; i++)
                free(family->v[i]);
}

#define autofamily BK_CLEANUP(family_done) struct family

static struct family family(struct reg *reg)
{
        struct family f = { 0 };

        f.v[FOUNDATION] = baked(reg, (struct recipe){ .seed = "foundation", .name = "foundation", .state = REG_TESTED });
        f.v[BASE] = baked(reg, (struct recipe){ .seed = "base", .ancestor = f.v[FOUNDATION], .state = REG_TESTED });
        f.v[WEB] = baked(reg, (struct recipe){ .seed = "web", .name = "web", .ancestor = f.v[BASE], .state = REG_BAKED });
        f.v[SQL] = baked(reg, (struct recipe){ .seed = "sql", .name = "sql", .ancestor = f.v[BASE], .state = REG_TESTED });
        f.v[APP] = baked(reg, (struct recipe){ .seed = "app", .name = "app", .ancestor = f.v[WEB], .state = REG_TESTED });
        f.v[OTHER] = baked(reg, (struct recipe){ .seed = "other", .name = "other", .state = REG_TESTED });
        return f;
}

static void assert_states(struct reg *reg, const struct family *f, const char *wanted)
{
        char got[N + 1] = "";

        for (size_t i = 0; i < N; i++)
                got[i] = "btpdrx"[state_of(reg, f->v[i])];
        assert_string_equal(got, wanted);
}

static int withdraw(struct reg *reg, const char *id, int64_t at, bool spreads, struct bk_error *err)
{
        return reg_revoke(reg, id, &(struct reg_revocation){ .at = at, .spreads = spreads }, &because, err);
}

static void descendants_inherit_it_at_any_depth(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        autofree char *why = NULL, *happened = NULL;
        struct bk_error err = { 0 };
        const int64_t before = index_of(f->reg);

        assert_ok(withdraw(f->reg, all.v[BASE], 0, true, &err), err);
        assert_states(f->reg, &all, "trrrrt");
        assert_ok(reg_revoked_why(f->reg, all.v[APP], &why, &err), err);
        assert_non_null(strstr(why, "by bob: a hole (inherited from base"));
        assert_non_null(strstr(why, all.v[BASE]));
        happened = actions(f->reg, before);
        assert_string_equal(happened, "image.revocation image.revoked image.revoked image.revoked image.revoked");
        assert_true(log_is_good(f->reg, NULL));
}

static void descendants_may_be_left_alone(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };

        assert_ok(withdraw(f->reg, all.v[BASE], 0, false, &err), err);
        assert_states(f->reg, &all, "trbttt");
        print_message("# and taken along later\n");
        assert_ok(withdraw(f->reg, all.v[BASE], 0, true, &err), err);
        assert_states(f->reg, &all, "trrrrt");
}

static void said_twice_it_is_done_once(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };
        int64_t before;

        assert_ok(withdraw(f->reg, all.v[BASE], 0, true, &err), err);
        before = index_of(f->reg);
        assert_ok(withdraw(f->reg, all.v[BASE], 0, true, &err), err);
        assert_ok(withdraw(f->reg, all.v[BASE], time(NULL) + 1000, false, &err), err);
        assert_int_equal(index_of(f->reg), before);
        assert_states(f->reg, &all, "trrrrt");
}

static void restoring_gives_back_what_each_was(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };

        assert_ok(state_set(f->reg, all.v[SQL], REG_DEPRECATED, "bob", NULL, &err), err);
        assert_ok(withdraw(f->reg, all.v[FOUNDATION], 0, true, &err), err);
        assert_states(f->reg, &all, "rrrrrt");
        assert_ok(reg_revocation_lift(f->reg, all.v[FOUNDATION], &because, &err), err);
        assert_states(f->reg, &all, "ttbdtt");
        print_message("# again is nothing new\n");
        assert_ok(reg_revocation_lift(f->reg, all.v[FOUNDATION], &because, &err), err);
        assert_true(log_is_good(f->reg, NULL));
}

static void two_grounds_are_lifted_one_by_one(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };

        assert_ok(withdraw(f->reg, all.v[FOUNDATION], 0, true, &err), err);
        assert_ok(withdraw(f->reg, all.v[WEB], 0, true, &err), err);
        assert_ok(reg_revocation_lift(f->reg, all.v[FOUNDATION], &because, &err), err);
        assert_states(f->reg, &all, "ttrtrt");
        assert_ok(reg_revocation_lift(f->reg, all.v[WEB], &because, &err), err);
        assert_states(f->reg, &all, "ttbttt");
}

static void what_is_inherited_is_restored_where_it_began(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };

        assert_ok(withdraw(f->reg, all.v[BASE], 0, true, &err), err);
        assert_fails_with(reg_revocation_lift(f->reg, all.v[APP], &because, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, all.v[BASE]));
        assert_fails_with(state_set(f->reg, all.v[APP], REG_TESTED, "bob", "fine", &err), err, BK_CONFLICT);
        assert_states(f->reg, &all, "trrrrt");
}

static void reasons_and_people_are_needed(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        static const struct reg_change nobody[] = {
                { .who = "bob" }, { .who = "bob", .why = "" }, { .why = "x" }, { .who = "", .why = "x" }, { .who = "bob", .why = "two\nlines" },
                { .who = "bob", .why = "\xff" }, { .who = "b\x01", .why = "x" },
        };
        autofree char *missing = id_of("missing");
        struct bk_error err = { 0 };

        for (size_t i = 0; i < sizeof nobody / sizeof *nobody; i++) {
                assert_fails_with(reg_revoke(f->reg, all.v[BASE], &(struct reg_revocation){ .spreads = true }, &nobody[i], &err), err, BK_INVALID);
                assert_fails_with(reg_revocation_lift(f->reg, all.v[BASE], &nobody[i], &err), err, BK_INVALID);
        }
        assert_fails_with(withdraw(f->reg, missing, 0, true, &err), err, BK_NOT_FOUND);
        assert_fails_with(reg_revocation_lift(f->reg, missing, &because, &err), err, BK_NOT_FOUND);
        assert_states(f->reg, &all, "ttbttt");
}

static void expectations_are_met_or_told(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        const struct reg_change change = { .who = "bob", .why = "x", .expect = "promoted" };
        struct bk_error err = { 0 };

        assert_fails_with(reg_revoke(f->reg, all.v[BASE], &(struct reg_revocation){ 0 }, &change, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, "is tested"));
        assert_states(f->reg, &all, "ttbttt");
}

/* --- time ---------------------------------------------------------------------- */
/* As if its time had come. */
static void let_time_pass(struct reg *reg)
{
        struct bk_error err = { 0 };

        assert_ok(reg_sql_run(reg, &err, "UPDATE revocation SET at = at - 100000 WHERE done = 0", ""), err);
}

static void it_takes_effect_when_it_is_due(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct reg_answer answer = { 0 };
        autofree char *late = NULL, *path = bk_format("/images/%s", all.v[APP]);
        struct bk_error err = { 0 };

        assert_ok(withdraw(f->reg, all.v[BASE], time(NULL) + 90000, true, &err), err);
        assert_states(f->reg, &all, "ttbttt");
        assert_ok(reg_due_apply(f->reg, &err), err);
        assert_states(f->reg, &all, "ttbttt");
        print_message("# what is baked on it until then inherits it, too\n");
        late = baked(f->reg, (struct recipe){ .seed = "late", .name = "late", .ancestor = all.v[WEB] });
        let_time_pass(f->reg);
        reg_api(f->reg, &(struct reg_request){ .method = "GET", .path = path, .query = "", .who = "ada", .role = REG_READ }, &answer);
        assert_int_equal(answer.status, 200);
        assert_non_null(strstr(answer.text, "\"state\":\"revoked\""));
        reg_answer_done(&answer);
        assert_states(f->reg, &all, "trrrrt");
        assert_state(f->reg, late, REG_REVOKED);
}

static void opening_applies_what_is_due(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };

        assert_ok(withdraw(f->reg, all.v[BASE], time(NULL) + 90000, true, &err), err);
        let_time_pass(f->reg);
        reg_close(bk_take(f->reg));
        assert_ok(reg_open(f->home, &f->reg, &err), err);
        assert_states(f->reg, &all, "trrrrt");
}

/* No moment lies between the time and the first who sees it: a change looks first, too. */
static void a_change_sees_what_is_due(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };

        assert_ok(withdraw(f->reg, all.v[BASE], time(NULL) + 90000, true, &err), err);
        let_time_pass(f->reg);
        assert_fails_with(bake(f->reg, &(struct recipe){ .seed = "x", .name = "x", .ancestor = all.v[SQL] }, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, "a hole"));
        assert_fails_with(channel_assign(f->reg, "production", all.v[SQL], "bob", NULL, &err), err, BK_CONFLICT);
}

static void a_plan_can_be_changed(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };

        assert_ok(withdraw(f->reg, all.v[BASE], time(NULL) + 90000, true, &err), err);
        print_message("# brought forward\n");
        assert_ok(withdraw(f->reg, all.v[BASE], 0, true, &err), err);
        assert_states(f->reg, &all, "trrrrt");
        print_message("# called off\n");
        assert_ok(withdraw(f->reg, all.v[OTHER], time(NULL) + 90000, true, &err), err);
        assert_ok(reg_revocation_lift(f->reg, all.v[OTHER], &because, &err), err);
        let_time_pass(f->reg);
        assert_ok(reg_due_apply(f->reg, &err), err);
        assert_state(f->reg, all.v[OTHER], REG_TESTED);
}

/* --- what is baked on it ----------------------------------------------------------- */
static int bake_anyway(struct reg *reg, const char *seed, const char *ancestor, struct bk_error *err)
{
        autofree char *manifest = bk_format("{\"seed\": \"%s\"}", seed), *id = id_of(seed), *digest = layer_digest(seed);
        const struct reg_layer layer = { .digest = digest, .size = 1, .virtual_size = 1 };
        const struct reg_image image = { .id = id, .name = (char *)"new", .type = (char *)"base", .state = REG_TESTED, .layer = digest,
                                         .ancestor = (char *)ancestor, .created_by = (char *)"eve" };
        const struct reg_publication publication = { .image = &image, .layer = &layer, .manifest = manifest, .allow_revoked = true };

        return reg_publish(reg, &publication, err);
}

static void a_bake_on_a_revoked_one_is_refused_or_inherits(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        autofree char *id = id_of("new"), *grandchild = id_of("newer"), *why = NULL;
        struct bk_error err = { 0 };

        assert_ok(withdraw(f->reg, all.v[BASE], 0, true, &err), err);
        assert_fails_with(bake(f->reg, &(struct recipe){ .seed = "new", .name = "new", .ancestor = all.v[APP] }, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, "a hole"));
        assert_ok(bake_anyway(f->reg, "new", all.v[APP], &err), err);
        assert_ok(bake_anyway(f->reg, "newer", id, &err), err);
        assert_state(f->reg, id, REG_REVOKED);
        assert_ok(reg_revoked_why(f->reg, grandchild, &why, &err), err);
        assert_non_null(strstr(why, all.v[BASE]));
        print_message("# and is restored with it\n");
        assert_ok(reg_revocation_lift(f->reg, all.v[BASE], &because, &err), err);
        assert_state(f->reg, id, REG_TESTED);
        assert_state(f->reg, grandchild, REG_TESTED);
}

static void a_bake_on_one_that_does_not_spread_is_sound(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        autofree char *id = id_of("new");
        struct bk_error err = { 0 };

        assert_ok(withdraw(f->reg, all.v[BASE], 0, false, &err), err);
        assert_ok(bake_anyway(f->reg, "new", all.v[BASE], &err), err);
        assert_state(f->reg, id, REG_TESTED);
}

static void the_trash_is_never_baked_on(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };

        assert_ok(state_set(f->reg, all.v[OTHER], REG_TRASHED, "bob", NULL, &err), err);
        assert_fails_with(bake_anyway(f->reg, "new", all.v[OTHER], &err), err, BK_CONFLICT);
}

/* --- with the other states ------------------------------------------------------------ */
static void the_trash_keeps_and_gives_back(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };

        assert_ok(state_set(f->reg, all.v[APP], REG_TRASHED, "bob", NULL, &err), err);
        assert_ok(withdraw(f->reg, all.v[BASE], 0, true, &err), err);
        assert_states(f->reg, &all, "trrrxt");
        assert_ok(reg_untrash(f->reg, all.v[APP], &because, &err), err);
        assert_states(f->reg, &all, "trrrrt");
        assert_ok(state_set(f->reg, all.v[APP], REG_TRASHED, "bob", NULL, &err), err);
        assert_ok(reg_revocation_lift(f->reg, all.v[BASE], &because, &err), err);
        assert_states(f->reg, &all, "ttbtxt");
        assert_ok(reg_untrash(f->reg, all.v[APP], &because, &err), err);
        assert_states(f->reg, &all, "ttbttt");
        assert_ok(reg_untrash(f->reg, all.v[APP], &because, &err), err);
}

static void what_setting_the_state_revoked_setting_it_brings_back(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };

        assert_ok(state_set(f->reg, all.v[BASE], REG_REVOKED, "bob", NULL, &err), err);
        assert_states(f->reg, &all, "trbttt");
        assert_ok(state_set(f->reg, all.v[BASE], REG_TESTED, "bob", "fixed", &err), err);
        assert_states(f->reg, &all, "ttbttt");
        assert_ok(state_set(f->reg, all.v[BASE], REG_REVOKED, "bob", NULL, &err), err);
        assert_ok(reg_revocation_lift(f->reg, all.v[BASE], &because, &err), err);
        assert_states(f->reg, &all, "ttbttt");
}

static void states_change_as_expected(void **state)
{
        struct fixture *f = *state;
        static const struct { const char *why, *expect; enum reg_state to, after; int status; } rows[] = {
                { "as expected",                "baked",        REG_TESTED,     REG_TESTED,     0 },
                { "repeated, it is done",       "baked",        REG_TESTED,     REG_TESTED,     0 },
                { "something else is there",    "baked",        REG_PROMOTED,   REG_TESTED,     -1 },
                { "no such state",              "Tested",       REG_PROMOTED,   REG_TESTED,     -1 },
                { "whatever is there",          NULL,           REG_DEPRECATED, REG_DEPRECATED, 0 },
        };
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" });

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const struct reg_change change = { .who = "bob", .why = "x", .expect = rows[i].expect, .privileged = true };
                struct bk_error err = { 0 };

                print_message("# %s\n", rows[i].why);
                assert_int_equal(reg_state_change(f->reg, id, rows[i].to, &change, &err), rows[i].status);
                if (rows[i].status < 0) {
                        assert_int_equal(err.kind, BK_CONFLICT);
                        assert_non_null(strstr(err.text, "is tested"));
                }
                assert_state(f->reg, id, rows[i].after);
        }
}

static void rows_tell_the_whole_story(void **state)
{
        struct fixture *f = *state;
        autofamily all = family(f->reg);
        struct bk_error err = { 0 };
        json_t *rows = NULL, *row;

        assert_ok(withdraw(f->reg, all.v[BASE], 0, true, &err), err);
        assert_ok(reg_revocation_lift(f->reg, all.v[BASE], &(struct reg_change){ .who = "eve", .why = "no hole" }, &err), err);
        assert_ok(reg_revocations_json(f->reg, all.v[APP], &rows, &err), err);
        assert_int_equal(json_array_size(rows), 1);
        row = json_array_get(rows, 0);
        assert_string_equal(json_string_value(json_object_get(row, "origin")), all.v[BASE]);
        assert_string_equal(json_string_value(json_object_get(row, "origin_name")), "base");
        assert_string_equal(json_string_value(json_object_get(row, "why")), "a hole");
        assert_string_equal(json_string_value(json_object_get(row, "lifted_by")), "eve");
        assert_string_equal(json_string_value(json_object_get(row, "lifted_why")), "no hole");
        assert_true(json_is_true(json_object_get(row, "done")));
        assert_int_equal(strlen(json_string_value(json_object_get(row, "lifted_at"))), strlen("2006-01-02T15:04:05Z"));
        json_decref(rows);
}

/* Wide and deep: the work is for each heir once. */
static void thousands_inherit_it(void **state)
{
        struct fixture *f = *state;
        autofree char *root = baked(f->reg, (struct recipe){ .seed = "root", .name = "root" }), *previous = bk_strdup(root);
        struct bk_error err = { 0 };
        int64_t n = 0;

        for (int i = 0; i < 300; i++) {
                autofree char *seed = bk_format("d%d", i), *before = previous;

                previous = baked(f->reg, (struct recipe){ .seed = seed, .ancestor = i % 3 == 0 ? root : before });
        }
        assert_ok(withdraw(f->reg, root, 0, true, &err), err);
        assert_int_equal(reg_sql_int(f->reg, &n, &err, "SELECT count(*) FROM image WHERE state = 4", ""), 1);
        assert_int_equal(n, 301);
        assert_ok(reg_revocation_lift(f->reg, root, &because, &err), err);
        assert_int_equal(reg_sql_int(f->reg, &n, &err, "SELECT count(*) FROM image WHERE state = 0", ""), 1);
        assert_int_equal(n, 301);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(states_change_as_expected),
                registry_test(descendants_inherit_it_at_any_depth),
                registry_test(descendants_may_be_left_alone),
                registry_test(said_twice_it_is_done_once),
                registry_test(restoring_gives_back_what_each_was),
                registry_test(two_grounds_are_lifted_one_by_one),
                registry_test(what_is_inherited_is_restored_where_it_began),
                registry_test(reasons_and_people_are_needed),
                registry_test(expectations_are_met_or_told),
                registry_test(it_takes_effect_when_it_is_due),
                registry_test(opening_applies_what_is_due),
                registry_test(a_change_sees_what_is_due),
                registry_test(a_plan_can_be_changed),
                registry_test(a_bake_on_a_revoked_one_is_refused_or_inherits),
                registry_test(a_bake_on_one_that_does_not_spread_is_sound),
                registry_test(the_trash_is_never_baked_on),
                registry_test(the_trash_keeps_and_gives_back),
                registry_test(what_setting_the_state_revoked_setting_it_brings_back),
                registry_test(rows_tell_the_whole_story),
                registry_test(thousands_inherit_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
