/* States, channels, descent and removal. */
#include "tests/unit/registry/fixture.h"

static enum reg_state state_of(struct reg *reg, const char *id)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct bk_error err = { 0 };

        assert_ok(reg_resolve(reg, id, &image, &err), err);
        return image.state;
}

/* A part of reg_image_json() as text; the caller's. */
static char *part(struct reg *reg, const char *id, const char *key, const char *drop)
{
        struct bk_error err = { 0 };
        json_t *json = NULL, *row;
        size_t i;
        char *text;

        assert_ok(reg_image_json(reg, id, false, &json, &err), err);
        json_array_foreach(json_object_get(json, key), i, row) {
                assert_int_equal(strlen(json_string_value(json_object_get(row, "at"))), strlen("2006-01-02T15:04:05Z"));
                (void)json_object_del(row, "at");
                (void)json_object_del(row, drop);
        }
        text = json_dumps(json_object_get(json, key), JSON_COMPACT | JSON_SORT_KEYS);
        json_decref(json);
        return text;
}

static void states_have_names(void **state)
{
        struct bk_error err = { 0 };
        enum reg_state parsed = REG_BAKED;

        (void)state;
        for (enum reg_state s = REG_BAKED; s <= REG_TRASHED; s++) {
                assert_ok(reg_state_parse(reg_state_name(s), &parsed, &err), err);
                assert_int_equal(parsed, s);
        }
        assert_fails_with(reg_state_parse("Tested", &parsed, &err), err, BK_INVALID);
        assert_non_null(strstr(err.text, "deprecated"));
}

static void the_ladder_goes_up_and_is_logged(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *log = NULL;
        struct bk_error err = { 0 };

        for (enum reg_state s = REG_TESTED; s <= REG_TRASHED; s++) {
                assert_ok(state_set(f->reg, id, s, "bob", s == REG_REVOKED ? "hole" : NULL, &err), err);
                assert_int_equal(state_of(f->reg, id), s);
        }
        log = part(f->reg, id, "states", "");
        assert_string_equal(log,
                "[{\"state\":\"baked\",\"was\":null,\"who\":\"ada\",\"why\":\"published\"},"
                "{\"state\":\"tested\",\"was\":\"baked\",\"who\":\"bob\",\"why\":null},"
                "{\"state\":\"promoted\",\"was\":\"tested\",\"who\":\"bob\",\"why\":null},"
                "{\"state\":\"deprecated\",\"was\":\"promoted\",\"who\":\"bob\",\"why\":null},"
                "{\"state\":\"revoked\",\"was\":\"deprecated\",\"who\":\"bob\",\"why\":\"hole\"},"
                "{\"state\":\"trashed\",\"was\":\"revoked\",\"who\":\"bob\",\"why\":null}]");
}

static void going_back_needs_a_reason(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" });
        static const char *const reasons[] = { NULL, "" };
        struct bk_error err = { 0 };

        assert_ok(state_set(f->reg, id, REG_TRASHED, "bob", NULL, &err), err);
        for (enum reg_state s = REG_BAKED; s < REG_TRASHED; s++)
                for (size_t i = 0; i < 2; i++) {
                        assert_fails_with(state_set(f->reg, id, s, "bob", reasons[i], &err), err, BK_CONFLICT);
                        assert_non_null(strstr(err.text, reg_state_name(s)));
                        assert_int_equal(state_of(f->reg, id), REG_TRASHED);
                }
        assert_ok(state_set(f->reg, id, REG_TESTED, "bob", "restored", &err), err);
        assert_int_equal(state_of(f->reg, id), REG_TESTED);
}

static void the_same_state_again_changes_nothing(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *before = NULL, *after = NULL;
        struct bk_error err = { 0 };

        assert_ok(state_set(f->reg, id, REG_TESTED, "bob", NULL, &err), err);
        before = part(f->reg, id, "states", "");
        assert_ok(state_set(f->reg, id, REG_TESTED, "bob", NULL, &err), err);
        after = part(f->reg, id, "states", "");
        assert_string_equal(before, after);
}

static void a_change_of_state_needs_an_image_and_a_person(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *missing = id_of("2");
        struct bk_error err = { 0 };

        assert_fails_with(state_set(f->reg, missing, REG_TESTED, "bob", NULL, &err), err, BK_NOT_FOUND);
        assert_fails_with(state_set(f->reg, id, REG_TESTED, NULL, NULL, &err), err, BK_INVALID);
        assert_fails_with(state_set(f->reg, id, REG_TESTED, "", NULL, &err), err, BK_INVALID);
        assert_fails_with(state_set(f->reg, id, (enum reg_state)99, "bob", NULL, &err), err, BK_INVALID);
        assert_int_equal(state_of(f->reg, id), REG_BAKED);
}

static void a_channel_points_and_remembers(void **state)
{
        struct fixture *f = *state;
        autofree char *old = baked(f->reg, (struct recipe){ .seed = "1", .state = REG_TESTED });
        autofree char *newer = baked(f->reg, (struct recipe){ .seed = "2", .state = REG_TESTED });
        autofree char *heads = NULL, *history = NULL, *wanted = NULL, *lost = NULL;
        BK_CLEANUP(reg_image_done) struct reg_image first = { 0 }, second = { 0 };
        struct bk_error err = { 0 };

        assert_ok(channel_assign(f->reg, "production", old, "bob", "first", &err), err);
        assert_ok(reg_resolve(f->reg, "base:production", &first, &err), err);
        assert_string_equal(first.id, old);
        assert_int_equal(first.state, REG_PROMOTED);
        assert_ok(channel_assign(f->reg, "base:production", newer, "bob", "second", &err), err);
        assert_ok(reg_resolve(f->reg, "base:production", &second, &err), err);
        assert_string_equal(second.id, newer);

        heads = part(f->reg, newer, "channels", "");
        wanted = bk_format("[{\"channel\":\"base:production\",\"previous\":\"%s\",\"who\":\"bob\",\"why\":\"second\"}]", old);
        assert_string_equal(heads, wanted);
        lost = part(f->reg, old, "channels", "");
        assert_string_equal(lost, "[]");
        history = part(f->reg, old, "channel_history", "");
        assert_string_equal(history, "[{\"channel\":\"base:production\",\"previous\":null,\"who\":\"bob\",\"why\":\"first\"}]");
}

static void the_same_head_again_is_no_history(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *before = NULL, *after = NULL;
        struct bk_error err = { 0 };

        assert_ok(channel_assign(f->reg, "production", id, "bob", NULL, &err), err);
        before = part(f->reg, id, "channel_history", "");
        assert_ok(channel_assign(f->reg, "production", id, "bob", NULL, &err), err);
        after = part(f->reg, id, "channel_history", "");
        assert_string_equal(before, after);
}

static void an_untested_head_stays_untested(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" });
        struct bk_error err = { 0 };

        assert_ok(channel_assign(f->reg, "nightly", id, "bob", NULL, &err), err);
        assert_int_equal(state_of(f->reg, id), REG_BAKED);
}

static void channels_are_refused(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *missing = id_of("2");
        autofree char *bad = baked(f->reg, (struct recipe){ .seed = "3" });
        const struct { const char *why, *channel, *id, *who; enum bk_kind kind; } rows[] = {
                { "no such image",      "production",           missing,        "bob", BK_NOT_FOUND },
                { "another name",       "web:production",       id,             "bob", BK_CONFLICT },
                { "a revoked image",    "production",           bad,            "bob", BK_CONFLICT },
                { "nobody",             "production",           id,             "",    BK_INVALID },
                { "nobody at all",      "production",           id,             NULL,  BK_INVALID },
                { "no channel",         "",                     id,             "bob", BK_INVALID },
                { "no channel, a name", "base:",                id,             "bob", BK_INVALID },
                { "capitals",           "Production",           id,             "bob", BK_INVALID },
                { "two colons",         "base:a:b",             id,             "bob", BK_INVALID },
        };
        struct bk_error err = { 0 };

        assert_ok(state_set(f->reg, bad, REG_REVOKED, "bob", NULL, &err), err);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

                print_message("# %s\n", rows[i].why);
                assert_fails_with(channel_assign(f->reg, rows[i].channel, rows[i].id, rows[i].who, NULL, &err), err,
                                  rows[i].kind);
                assert_fails_with(reg_resolve(f->reg, "base:production", &image, &err), err, BK_NOT_FOUND);
        }
}

static void a_withdrawn_head_is_not_handed_out(void **state)
{
        struct fixture *f = *state;
        static const struct { enum reg_state state; bool given; } rows[] = {
                { REG_DEPRECATED, true }, { REG_REVOKED, false }, { REG_TRASHED, false } };
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" });
        struct bk_error err = { 0 };

        assert_ok(channel_assign(f->reg, "production", id, "bob", NULL, &err), err);
        for (size_t i = 0; i < 3; i++) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

                assert_ok(state_set(f->reg, id, rows[i].state, "bob", NULL, &err), err);
                if (rows[i].given) {
                        assert_ok(reg_resolve(f->reg, "base:production", &image, &err), err);
                        continue;
                }
                assert_fails_with(reg_resolve(f->reg, "base:production", &image, &err), err, BK_CONFLICT);
                assert_non_null(strstr(err.text, reg_state_name(rows[i].state)));
        }
}

static void an_unknown_channel_names_the_known(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" });
        struct bk_error err = { 0 };

        assert_ok(channel_assign(f->reg, "production", id, "bob", NULL, &err), err);
        assert_ok(channel_assign(f->reg, "nightly", id, "bob", NULL, &err), err);
        assert_fails_with(reg_resolve(f->reg, "base:prod", &image, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, "nightly, production"));
}

/* foundation <- base <- two applications */
static void family(struct reg *reg, char *ids[4])
{
        ids[0] = baked(reg, (struct recipe){ .seed = "z", .name = "foundation" });
        ids[1] = baked(reg, (struct recipe){ .seed = "y", .ancestor = ids[0], .backing = "layer of z", .depth = 1 });
        ids[2] = baked(reg, (struct recipe){ .seed = "x", .name = "web", .ancestor = ids[1], .backing = "layer of y", .depth = 2 });
        ids[3] = baked(reg, (struct recipe){ .seed = "w", .name = "sql", .ancestor = ids[1], .backing = "layer of y", .depth = 2 });
}

static void descent_is_told_both_ways(void **state)
{
        struct fixture *f = *state;
        struct bk_strv ids = { 0 };
        BK_CLEANUP(reg_images_done) struct reg_images line = { 0 }, none = { 0 };
        BK_CLEANUP(reg_nodes_done) struct reg_nodes children = { 0 }, nobody = { 0 };
        const struct reg_descent direct = { .depth = 1, .limit = -1 };
        struct bk_error err = { 0 };
        autofree char *missing = id_of("nobody");
        char *all[4];

        family(f->reg, all);
        for (size_t i = 0; i < 4; i++)
                bk_strv_take(&ids, all[i]);
        assert_ok(reg_lineage(f->reg, ids.v[2], &line, &err), err);
        assert_int_equal(line.n, 3);
        for (size_t i = 0; i < 3; i++)
                assert_string_equal(line.v[i].id, ids.v[i]);
        assert_null(line.v[0].ancestor);
        assert_string_equal(line.v[2].ancestor, ids.v[1]);

        assert_ok(reg_descendants(f->reg, ids.v[1], &direct, &children, &err), err);
        assert_int_equal(children.n, 2);
        assert_string_equal(children.v[0].id, ids.v[2]);
        assert_string_equal(children.v[1].id, ids.v[3]);
        assert_ok(reg_descendants(f->reg, ids.v[3], &direct, &nobody, &err), err);
        assert_int_equal(nobody.n, 0);
        assert_fails_with(reg_descendants(f->reg, missing, &direct, &nobody, &err), err, BK_NOT_FOUND);
        assert_fails_with(reg_lineage(f->reg, missing, &none, &err), err, BK_NOT_FOUND);
        bk_strv_done(&ids);
}

static void removal_is_refused_while_somebody_needs_it(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *parent = baked(f->reg, (struct recipe){ .seed = "1" });
        autofree char *child = baked(f->reg, (struct recipe){ .seed = "2", .name = "web", .ancestor = parent });
        struct bk_error err = { 0 };

        assert_fails_with(image_delete(f->reg, parent, &gone, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, child));
        assert_ok(channel_assign(f->reg, "production", child, "bob", NULL, &err), err);
        assert_fails_with(image_delete(f->reg, child, &gone, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, "web:production"));
        assert_int_equal(gone.n, 0);
        assert_ok(reg_resolve(f->reg, child, &image, &err), err);
}

static void removal_returns_layers_from_the_top(void **state)
{
        struct fixture *f = *state;
        static const struct { size_t image; const char *gone[3]; } steps[] = {
                { 2, { "layer of x" } },
                { 3, { "layer of w" } },
                { 1, { "layer of y" } },
                { 0, { "layer of z" } },
        };
        struct bk_error err = { 0 };
        char *ids[4];

        family(f->reg, ids);
        for (size_t i = 0; i < 4; i++) {
                BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
                autofree char *wanted = layer_digest(steps[i].gone[0]);

                assert_ok(image_delete(f->reg, ids[steps[i].image], &gone, &err), err);
                assert_int_equal(gone.n, 1);
                assert_string_equal(gone.v[0].digest, wanted);
                assert_int_equal(gone.v[0].size, 4096);
                assert_fails_with(image_delete(f->reg, ids[steps[i].image], &gone, &err), err, BK_NOT_FOUND);
        }
        for (size_t i = 0; i < 4; i++)
                free(ids[i]);
}

/* The lower layers have no image of their own: they go with the last that stands on them. */
static void layers_without_an_image_go_with_the_last(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_layers_done) struct reg_layers first = { 0 }, gone = { 0 }, left = { 0 };
        autofree char *lowest = baked(f->reg, (struct recipe){ .seed = "1", .layer = "a" });
        autofree char *middle = baked(f->reg, (struct recipe){ .seed = "2", .layer = "b", .backing = "a", .depth = 1 });
        autofree char *top = baked(f->reg, (struct recipe){ .seed = "3", .layer = "c", .backing = "b", .depth = 2 });
        struct bk_error err = { 0 };

        assert_ok(image_delete(f->reg, lowest, &first, &err), err);
        assert_ok(image_delete(f->reg, middle, &first, &err), err);
        assert_int_equal(first.n, 0);
        assert_ok(image_delete(f->reg, top, &gone, &err), err);
        assert_int_equal(gone.n, 3);
        for (size_t i = 0; i < 3; i++) {
                static const char *const words[] = { "c", "b", "a" };
                autofree char *wanted = layer_digest(words[i]);

                assert_string_equal(gone.v[i].digest, wanted);
        }
        assert_ok(reg_all_layers(f->reg, &left, &err), err);
        assert_int_equal(left.n, 0);
}

static void a_shared_layer_stays_for_the_other(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_layers_done) struct reg_layers first = { 0 }, second = { 0 };
        autofree char *a = baked(f->reg, (struct recipe){ .seed = "1", .layer = "both" });
        autofree char *b = baked(f->reg, (struct recipe){ .seed = "2", .layer = "both" });
        struct bk_error err = { 0 };

        assert_ok(image_delete(f->reg, a, &first, &err), err);
        assert_int_equal(first.n, 0);
        assert_ok(image_delete(f->reg, b, &second, &err), err);
        assert_int_equal(second.n, 1);
}

static void what_headed_a_channel_is_remembered_after_removal(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        autofree char *old = baked(f->reg, (struct recipe){ .seed = "1" });
        autofree char *newer = baked(f->reg, (struct recipe){ .seed = "2" }), *heads = NULL;
        struct bk_error err = { 0 };

        assert_ok(channel_assign(f->reg, "production", old, "bob", NULL, &err), err);
        assert_ok(channel_assign(f->reg, "production", newer, "bob", NULL, &err), err);
        assert_ok(image_delete(f->reg, old, &gone, &err), err);
        heads = part(f->reg, newer, "channels", "");
        assert_non_null(strstr(heads, old));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(states_have_names),
                registry_test(the_ladder_goes_up_and_is_logged),
                registry_test(going_back_needs_a_reason),
                registry_test(the_same_state_again_changes_nothing),
                registry_test(a_change_of_state_needs_an_image_and_a_person),
                registry_test(a_channel_points_and_remembers),
                registry_test(the_same_head_again_is_no_history),
                registry_test(an_untested_head_stays_untested),
                registry_test(channels_are_refused),
                registry_test(a_withdrawn_head_is_not_handed_out),
                registry_test(an_unknown_channel_names_the_known),
                registry_test(descent_is_told_both_ways),
                registry_test(removal_is_refused_while_somebody_needs_it),
                registry_test(removal_returns_layers_from_the_top),
                registry_test(layers_without_an_image_go_with_the_last),
                registry_test(a_shared_layer_stays_for_the_other),
                registry_test(what_headed_a_channel_is_remembered_after_removal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
