/* Channels: assigned as expected, rolled back, restricted, deleted. */
#include "tests/unit/registry/life.h"

#define HEADS 4

struct heads { char *v[HEADS]; };

static void heads_done(struct heads *heads)
{
        for (size_t i = 0; i < HEADS; i++)
                free(heads->v[i]);
}

#define autoheads BK_CLEANUP(heads_done) struct heads

static struct heads four(struct reg *reg)
{
        struct heads heads = { 0 };

        for (int i = 0; i < HEADS; i++) {
                autofree char *seed = bk_format("%d", i);

                heads.v[i] = baked(reg, (struct recipe){ .seed = seed, .state = REG_TESTED });
        }
        return heads;
}

/* Which of the four is the head; -1: there is no such channel. */
static int head_of(struct reg *reg, const struct heads *heads, const char *channel)
{
        struct bk_error err = { 0 };
        json_t *row = NULL;
        int head = -1;

        if (reg_channel_json(reg, channel, &row, &err) < 0) {
                assert_int_equal(err.kind, BK_NOT_FOUND);
                return -1;
        }
        for (int i = 0; i < HEADS; i++)
                if (bk_streq(json_string_value(json_object_get(row, "image")), heads->v[i]))
                        head = i;
        json_decref(row);
        return head;
}

static void assign(struct reg *reg, const char *id)
{
        struct bk_error err = { 0 };

        assert_ok(reg_channel_point(reg, "production", id, &because, &err), err);
}

static void it_points_as_expected(void **state)
{
        struct fixture *f = *state;
        autoheads heads = four(f->reg);
        const struct { const char *why; int to; const char *expect; int head; enum bk_kind kind; } rows[] = {
                { "there is none yet",          0, heads.v[1],  -1,     BK_CONFLICT },
                { "as expected: none",          0, "none",      0,      BK_NONE },
                { "repeated, it is done",       0, "none",      0,      BK_NONE },
                { "there is one now",           1, "none",      0,      BK_CONFLICT },
                { "another is there",           1, heads.v[2],  0,      BK_CONFLICT },
                { "as expected: the digest",    1, heads.v[0],  1,      BK_NONE },
                { "whatever is there",          2, NULL,        2,      BK_NONE },
                { "no digest at all",           3, "x",         2,      BK_CONFLICT },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const struct reg_change change = { .who = "bob", .expect = rows[i].expect };
                struct bk_error err = { 0 };
                const int before = head_of(f->reg, &heads, "base:production");

                print_message("# %s\n", rows[i].why);
                assert_int_equal(reg_channel_point(f->reg, "production", heads.v[rows[i].to], &change, &err), rows[i].kind == BK_NONE ? 0 : -1);
                assert_int_equal(err.kind, rows[i].kind);
                assert_int_equal(head_of(f->reg, &heads, "base:production"), rows[i].head);
                if (err.kind == BK_CONFLICT)            /* who lost is told what is there */
                        assert_non_null(strstr(err.text, before < 0 ? "nothing" : heads.v[before]));
        }
        assert_true(log_is_good(f->reg, NULL));
}

static int roll(struct reg *reg, const char *to, const char *expect, struct bk_error *err)
{
        const struct reg_change change = { .who = "bob", .why = "worse", .expect = expect };
        autofree char *head = NULL;

        return reg_channel_rollback(reg, "base:production", to, &change, &head, err);
}

static void a_rollback_goes_further_back_each_time(void **state)
{
        struct fixture *f = *state;
        autoheads heads = four(f->reg);
        struct bk_error err = { 0 };

        for (int i = 0; i < 3; i++)
                assign(f->reg, heads.v[i]);
        assert_ok(roll(f->reg, NULL, NULL, &err), err);
        assert_int_equal(head_of(f->reg, &heads, "base:production"), 1);
        assert_ok(roll(f->reg, NULL, NULL, &err), err);
        assert_int_equal(head_of(f->reg, &heads, "base:production"), 0);
        assert_fails_with(roll(f->reg, NULL, NULL, &err), err, BK_NOT_FOUND);
        print_message("# and on from there\n");
        assign(f->reg, heads.v[3]);
        assert_ok(roll(f->reg, NULL, NULL, &err), err);
        assert_int_equal(head_of(f->reg, &heads, "base:production"), 0);
}

static void a_rollback_passes_over_what_was_withdrawn(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        autoheads heads = four(f->reg);
        struct bk_error err = { 0 };

        for (int i = 0; i < 4; i++)
                assign(f->reg, heads.v[i]);
        assert_ok(image_delete(f->reg, heads.v[2], &gone, &err), err);
        assert_ok(state_set(f->reg, heads.v[1], REG_REVOKED, "bob", "hole", &err), err);
        assert_ok(roll(f->reg, NULL, NULL, &err), err);
        assert_int_equal(head_of(f->reg, &heads, "base:production"), 0);
}

static void a_rollback_to_a_named_head(void **state)
{
        struct fixture *f = *state;
        autoheads heads = four(f->reg);
        struct bk_error err = { 0 };

        for (int i = 0; i < 3; i++)
                assign(f->reg, heads.v[i]);
        assert_fails_with(roll(f->reg, heads.v[3], NULL, &err), err, BK_NOT_FOUND);
        assert_fails_with(roll(f->reg, heads.v[0], heads.v[1], &err), err, BK_CONFLICT);
        assert_ok(roll(f->reg, heads.v[0], heads.v[2], &err), err);
        assert_int_equal(head_of(f->reg, &heads, "base:production"), 0);
        assert_fails_with(reg_channel_rollback(f->reg, "base:nightly", NULL, &because, &(char *){ NULL }, &err), err, BK_NOT_FOUND);
        assert_fails_with(reg_channel_rollback(f->reg, "production", NULL, &because, &(char *){ NULL }, &err), err, BK_INVALID);
}

static void a_restricted_channel_is_for_the_privileged(void **state)
{
        struct fixture *f = *state;
        autoheads heads = four(f->reg);
        const struct reg_change anybody = { .who = "eve", .why = "x" };
        autofree char *head = NULL;
        struct bk_error err = { 0 };

        assign(f->reg, heads.v[0]);
        assign(f->reg, heads.v[1]);
        assert_ok(reg_channel_restrict(f->reg, "base:production", true, &because, &err), err);
        assert_ok(reg_channel_restrict(f->reg, "base:production", true, &because, &err), err);
        assert_fails_with(reg_channel_point(f->reg, "production", heads.v[2], &anybody, &err), err, BK_DENIED);
        assert_fails_with(reg_channel_rollback(f->reg, "base:production", NULL, &anybody, &head, &err), err, BK_DENIED);
        assert_fails_with(reg_channel_delete(f->reg, "base:production", &anybody, &err), err, BK_DENIED);
        assert_int_equal(head_of(f->reg, &heads, "base:production"), 1);
        assert_ok(reg_channel_point(f->reg, "nightly", heads.v[2], &anybody, &err), err);
        assert_ok(reg_channel_point(f->reg, "production", heads.v[2], &because, &err), err);
        assert_ok(reg_channel_restrict(f->reg, "base:production", false, &because, &err), err);
        assert_ok(reg_channel_point(f->reg, "production", heads.v[3], &anybody, &err), err);
}

static void a_deleted_channel_is_remembered_and_begins_anew(void **state)
{
        struct fixture *f = *state;
        autoheads heads = four(f->reg);
        struct bk_error err = { 0 };
        autofree char *happened = NULL;
        json_t *rows = NULL;

        assign(f->reg, heads.v[0]);
        assign(f->reg, heads.v[1]);
        assert_ok(reg_channel_delete(f->reg, "base:production", &because, &err), err);
        assert_fails_with(reg_channel_delete(f->reg, "base:production", &because, &err), err, BK_NOT_FOUND);
        assert_int_equal(head_of(f->reg, &heads, "base:production"), -1);
        assign(f->reg, heads.v[2]);
        assert_fails_with(roll(f->reg, NULL, NULL, &err), err, BK_NOT_FOUND);
        assert_ok(reg_channel_history_json(f->reg, "base:production", 0, &rows, &err), err);
        assert_int_equal(json_array_size(rows), 3);
        assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "image")), heads.v[2]);
        json_decref(rows);
        assert_fails_with(reg_channel_history_json(f->reg, "base:never", 0, &rows, &err), err, BK_NOT_FOUND);
        happened = actions(f->reg, 4);
        assert_string_equal(happened, "channel.assigned image.state channel.assigned image.state channel.deleted channel.assigned image.state");
}

static void lists_have_every_name(void **state)
{
        struct fixture *f = *state;
        autofree char *web = baked(f->reg, (struct recipe){ .seed = "w", .name = "team/web" });
        autoheads heads = four(f->reg);
        struct bk_error err = { 0 };
        json_t *all = NULL, *some = NULL;

        assign(f->reg, heads.v[0]);
        assert_ok(reg_channel_point(f->reg, "team/web:nightly", web, &because, &err), err);
        assert_ok(reg_channels_json(f->reg, NULL, &all, &err), err);
        assert_int_equal(json_array_size(all), 2);
        assert_string_equal(json_string_value(json_object_get(json_array_get(all, 0), "channel")), "base:production");
        assert_string_equal(json_string_value(json_object_get(json_array_get(all, 0), "state")), "promoted");
        assert_ok(reg_channels_json(f->reg, "team/web", &some, &err), err);
        assert_int_equal(json_array_size(some), 1);
        assert_string_equal(json_string_value(json_object_get(json_array_get(some, 0), "why")), "a hole");
        json_decref(all);
        json_decref(some);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(it_points_as_expected),
                registry_test(a_rollback_goes_further_back_each_time),
                registry_test(a_rollback_passes_over_what_was_withdrawn),
                registry_test(a_rollback_to_a_named_head),
                registry_test(a_restricted_channel_is_for_the_privileged),
                registry_test(a_deleted_channel_is_remembered_and_begins_anew),
                registry_test(lists_have_every_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
