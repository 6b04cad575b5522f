/* How images leave, and what keeps them: whatever a policy wants, nothing goes that heads, runs, carries others or is asked for. */
#include "tests/unit/registry/life.h"

#include <time.h>

#include "registry/prune.h"
#include "registry/registry_priv.h"
#include "registry/usage.h"
#include "registry/view.h"
#include "tests/unit/registry/ask.h"

/* --- acts ---------------------------------------------------------------------------- */
struct result { bool done; char *why; };

/* One act on one image; why is the caller's. */
static struct result prune(struct reg *reg, const char *id, enum reg_prune what)
{
        const char *const ids[] = { id };
        const struct reg_pruning pruning = { .ids = ids, .n = 1, .what = what };
        struct reg_pruned pruned = { 0 };
        struct bk_error err = { 0 };
        struct result result;

        assert_ok(reg_prune_do(reg, &pruning, &because, &pruned, &err), err);
        result = (struct result){ pruned.done[0], bk_strdup(pruned.why_not[0]) };
        assert_true(result.done == (result.why == NULL));
        reg_pruned_done(&pruned, 1);
        return result;
}

static void does(struct reg *reg, const char *id, enum reg_prune what)
{
        const struct result result = prune(reg, id, what);

        if (!result.done)
                fail_msg("%s: %s", reg_prune_name(what), result.why);
}

static void refuses(struct reg *reg, const char *id, enum reg_prune what, const char *why)
{
        const struct result result = prune(reg, id, what);

        if (result.done || strstr(result.why, why) == NULL)
                fail_msg("%s: %s instead of '%s'", reg_prune_name(what), result.done ? "done" : result.why, why);
        free(result.why);
}

static int64_t count(struct reg *reg, const char *sql)
{
        struct bk_error err = { 0 };
        int64_t n = -1;

        assert_int_equal(reg_sql_int(reg, &n, &err, sql, ""), 1);
        return n;
}

static void an_image_goes_step_by_step(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1", .state = REG_TESTED }), *told = NULL;
        const int64_t since = index_of(f->reg);
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct bk_error err = { 0 };

        refuses(f->reg, id, REG_PRUNE_PURGE, "not in the trash");
        for (int twice = 0; twice < 2; twice++)
                does(f->reg, id, REG_PRUNE_DEPRECATE);
        assert_state(f->reg, id, REG_DEPRECATED);
        for (int twice = 0; twice < 2; twice++)
                does(f->reg, id, REG_PRUNE_HIDE);
        assert_ok(reg_resolve(f->reg, id, &image, &err), err);
        assert_true(image.hidden);
        for (int twice = 0; twice < 2; twice++)
                does(f->reg, id, REG_PRUNE_TRASH);
        assert_state(f->reg, id, REG_TRASHED);
        assert_int_equal(count(f->reg, "SELECT purge_at - at FROM trash"), 7 * 86400);
        refuses(f->reg, id, REG_PRUNE_DEPRECATE, "further gone");
        refuses(f->reg, id, REG_PRUNE_HIDE, "trashed");
        does(f->reg, id, REG_PRUNE_PURGE);
        refuses(f->reg, id, REG_PRUNE_PURGE, "not there any more");
        assert_int_equal(count(f->reg, "SELECT count(*) FROM trash"), 0);
        assert_int_equal(count(f->reg, "SELECT count(*) FROM layer"), 0);
        assert_int_equal(count(f->reg, "SELECT count(*) FROM doomed"), 1);
        assert_fails_with(reg_resolve(f->reg, id, &(struct reg_image){ 0 }, &err), err, BK_GONE);
        told = actions(f->reg, since);
        assert_string_equal(told, "image.state image.hidden image.state image.deleted");
        assert_true(log_is_good(f->reg, NULL));
}

static void what_is_needed_stays(void **state)
{
        struct fixture *f = *state;
        static const enum reg_prune all[] = { REG_PRUNE_DEPRECATE, REG_PRUNE_HIDE, REG_PRUNE_TRASH };
        autofree char *head = baked(f->reg, (struct recipe){ .seed = "head", .state = REG_TESTED });
        autofree char *runs = baked(f->reg, (struct recipe){ .seed = "runs" }), *kept = baked(f->reg, (struct recipe){ .seed = "kept" });
        struct bk_error err = { 0 };

        assert_ok(channel_assign(f->reg, "production", head, "bob", NULL, &err), err);
        assert_ok(reg_launch_seen(f->reg, "report", &(struct reg_launch){ .image = runs, .instance = "vm-7", .name = "web" }, &err), err);
        assert_ok(reg_keep(f->reg, kept, INT64_MAX, &because, &err), err);
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
                refuses(f->reg, head, all[i], "heads a channel: base:production");
                refuses(f->reg, runs, all[i], "is in use: web (report)");
                refuses(f->reg, kept, all[i], "is kept; `bakery image unkeep` ends that; asked for by: bob: a hole");
        }
        print_message("# also of what somebody put into the trash by hand, and by hand\n");
        assert_ok(state_set(f->reg, head, REG_TRASHED, "bob", NULL, &err), err);
        assert_ok(state_set(f->reg, runs, REG_TRASHED, "bob", NULL, &err), err);
        assert_ok(state_set(f->reg, kept, REG_TRASHED, "bob", NULL, &err), err);
        refuses(f->reg, head, REG_PRUNE_PURGE, "heads a channel");
        refuses(f->reg, runs, REG_PRUNE_PURGE, "is in use");
        refuses(f->reg, kept, REG_PRUNE_PURGE, "is kept");
        assert_fails_with(reg_remove(f->reg, runs, &because, &(struct reg_layers){ 0 }, &err), err, BK_CONFLICT);
        assert_fails_with(reg_remove(f->reg, kept, &because, &(struct reg_layers){ 0 }, &err), err, BK_CONFLICT);
        print_message("# until it is not needed any more\n");
        assert_ok(reg_launch_ended(f->reg, "report", "vm-7", "bob", &err), err);
        assert_ok(reg_unkeep(f->reg, kept, &because, &err), err);
        assert_ok(reg_channel_delete(f->reg, "base:production", &because, &err), err);
        does(f->reg, head, REG_PRUNE_PURGE);
        does(f->reg, runs, REG_PRUNE_PURGE);
        does(f->reg, kept, REG_PRUNE_PURGE);
}

static void who_carries_others_goes_after_them(void **state)
{
        struct fixture *f = *state;
        autofree char *ground = baked(f->reg, (struct recipe){ .seed = "ground" });
        autofree char *middle = baked(f->reg, (struct recipe){ .seed = "middle", .ancestor = ground, .backing = "layer of ground", .depth = 1 });
        autofree char *top = baked(f->reg, (struct recipe){ .seed = "top", .ancestor = middle, .backing = "layer of middle", .depth = 2 });
        const char *const ids[] = { ground, top, middle, top };
        struct reg_pruning pruning = { .ids = ids, .n = 4, .what = REG_PRUNE_TRASH, .purge_at = 1000 };
        struct reg_pruned pruned = { 0 };
        struct bk_error err = { 0 };

        refuses(f->reg, ground, REG_PRUNE_TRASH, "has descendants that are not in the trash");
        print_message("# one that is in the trash by hand hides none that stands on it\n");
        assert_ok(state_set(f->reg, middle, REG_TRASHED, "bob", NULL, &err), err);
        refuses(f->reg, ground, REG_PRUNE_TRASH, top);
        assert_ok(reg_untrash(f->reg, middle, &because, &err), err);
        assert_int_equal(count(f->reg, "SELECT count(*) FROM trash"), 0);
        print_message("# all of them at once, in whatever order they are named\n");
        assert_ok(reg_prune_do(f->reg, &pruning, &because, &pruned, &err), err);
        for (size_t i = 0; i < 4; i++)
                assert_true(pruned.done[i]);
        reg_pruned_done(&pruned, 4);
        assert_int_equal(count(f->reg, "SELECT count(*) FROM trash WHERE purge_at = 1000"), 3);
        refuses(f->reg, middle, REG_PRUNE_PURGE, "has descendants: base ");
        pruning.what = REG_PRUNE_PURGE;
        assert_ok(reg_prune_do(f->reg, &pruning, &because, &pruned, &err), err);
        assert_true(pruned.done[0] && pruned.done[1] && pruned.done[2]);
        assert_int_equal(pruned.layers.n, 3);
        reg_pruned_done(&pruned, 4);
        assert_int_equal(count(f->reg, "SELECT count(*) FROM image"), 0);
        assert_int_equal(count(f->reg, "SELECT count(*) FROM doomed"), 3);
}

/* --- deciding again --------------------------------------------------------------------- */
struct decision { const char *query; int status; };

static int decide(void *arg, struct reg *reg, bool *skip, struct bk_error *err)
{
        const struct decision *decision = arg;
        autofree char *seeds = found(reg, decision->query, err);

        assert_non_null(seeds);
        skip[1] = true;
        return decision->status < 0 ? bk_fail(err, BK_CONFLICT, "the sources are stale") : 0;
}

static void the_last_word_is_within_the_transaction(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" }), *two = baked(f->reg, (struct recipe){ .seed = "2" });
        const char *const ids[] = { one, two };
        struct decision decision = { .query = "base", .status = -1 };
        const struct reg_pruning pruning = { .ids = ids, .n = 2, .what = REG_PRUNE_DEPRECATE, .decide = decide, .arg = &decision };
        struct reg_pruned pruned = { 0 };
        struct bk_error err = { 0 };

        assert_fails_with(reg_prune_do(f->reg, &pruning, &because, &pruned, &err), err, BK_CONFLICT);
        assert_state(f->reg, one, REG_BAKED);
        decision.status = 0;
        assert_ok(reg_prune_do(f->reg, &pruning, &because, &pruned, &err), err);
        assert_true(pruned.done[0] && !pruned.done[1]);
        assert_null(pruned.why_not[1]);
        reg_pruned_done(&pruned, 2);
        assert_state(f->reg, one, REG_DEPRECATED);
        assert_state(f->reg, two, REG_BAKED);
}

/* --- hidden ---------------------------------------------------------------------------- */
static void a_hidden_image_is_found_by_its_digest_only(void **state)
{
        struct fixture *f = *state;
        autofree char *old = baked(f->reg, (struct recipe){ .seed = "1", .state = REG_TESTED });
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "2", .state = REG_TESTED, .input_hash = "h" });
        autofree char *all = NULL, *shown = NULL, *past = NULL;
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        BK_CLEANUP(reg_offers_done) struct reg_offers offers = { 0 };
        struct bk_error err = { 0 };
        char *head = NULL;

        does(f->reg, id, REG_PRUNE_HIDE);
        shown = found(f->reg, "base", &err);
        assert_string_equal(shown, "1");
        all = found(f->reg, "base?_hidden=1", &err);
        assert_string_equal(all, "2 1");
        past = found(f->reg, "base?_since=2000", &err);
        assert_string_equal(past, "2 1");
        assert_ok(reg_resolve(f->reg, "base", &image, &err), err);
        assert_string_equal(image.id, old);
        assert_fails_with(reg_find_input(f->reg, "base", "h", &(struct reg_image){ 0 }, &err), err, BK_NOT_FOUND);
        reg_image_done(&image);
        assert_ok(reg_resolve(f->reg, id, &image, &err), err);
        print_message("# nor is it offered to other programs' clients\n");
        assert_ok(reg_view_offers(f->reg, &offers, &err), err);
        assert_int_equal(offers.n, 1);
        assert_string_equal(offers.v[0].image.id, old);
        print_message("# no channel begins to point at it, nor goes back to it\n");
        assert_fails_with(channel_assign(f->reg, "production", id, "bob", NULL, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, "hidden"));
        err = (struct bk_error){ 0 };
        assert_ok(channel_assign(f->reg, "production", old, "bob", NULL, &err), err);
        assert_fails_with(reg_channel_rollback(f->reg, "base:production", NULL, &because, &head, &err), err, BK_NOT_FOUND);
        err = (struct bk_error){ 0 };
        assert_ok(reg_unhide(f->reg, id, &because, &err), err);
        assert_ok(reg_unhide(f->reg, id, &because, &err), err);
        reg_image_done(&image);
        assert_ok(reg_resolve(f->reg, "base", &image, &err), err);
        assert_string_equal(image.id, id);
}

static void who_finds_only_hidden_images_is_told(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" });
        struct bk_error err = { 0 };

        does(f->reg, id, REG_PRUNE_HIDE);
        assert_null(found(f->reg, "base", &err));
        assert_int_equal(err.kind, BK_GONE);
        assert_non_null(strstr(err.text, "is hidden"));
        assert_non_null(strstr(err.text, id));
        refused(f->reg, "GET", "/images/base", NULL, 410);
        json_decref(ask(f->reg, "GET", "/images;name=base;_hidden=1", NULL));
}

static void an_ancestor_that_is_hidden_is_out_of_date(void **state)
{
        struct fixture *f = *state;
        autofree char *ground = baked(f->reg, (struct recipe){ .seed = "ground", .state = REG_TESTED });
        autofree char *app = baked(f->reg, (struct recipe){ .seed = "app", .name = "app", .ancestor = ground, .backing = "layer of ground",
                                                         .depth = 1 });
        BK_CLEANUP(reg_images_done) struct reg_images line = { 0 };
        enum reg_freshness freshness[2];
        char *newest[2] = { NULL };
        struct bk_error err = { 0 };

        does(f->reg, ground, REG_PRUNE_HIDE);
        assert_ok(reg_lineage(f->reg, app, &line, &err), err);
        assert_int_equal(line.n, 2);
        assert_ok(reg_lineage_freshness(f->reg, &line, freshness, newest, &err), err);
        assert_int_equal(freshness[0], REG_OUT_OF_DATE);
        assert_null(newest[0]);
}

/* --- the trash ----------------------------------------------------------------------------- */
static void the_trash_says_until_when(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" }), *two = baked(f->reg, (struct recipe){ .seed = "2" });
        autofree char *body = bk_strdup("{\"state\":\"trashed\",\"purge_at\":\"2100-01-01T00:00:00Z\",\"why\":\"old\"}"), *target = NULL;
        static const char *const no_places[] = { "x", "1", "1.", ".1", "1.x", "-1.1", "1.1.1", "9999999999999999999999.1" };
        struct bk_error err = { 0 };
        json_t *answer;
        const json_t *items;

        target = bk_format("/images/%s/state", one);
        json_decref(ask(f->reg, "POST", target, body));
        refused(f->reg, "POST", target, "{\"state\":\"tested\",\"purge_at\":\"2100-01-01\"}", 400);
        assert_ok(state_set(f->reg, two, REG_TRASHED, "bob", NULL, &err), err);
        answer = ask(f->reg, "GET", "/trash", NULL);
        items = json_object_get(answer, "items");
        assert_int_equal(json_array_size(items), 2);
        assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "id")), two);
        assert_string_equal(json_string_value(json_object_get(json_array_get(items, 1), "purge_at")), "2100-01-01T00:00:00Z");
        assert_string_equal(json_string_value(json_object_get(json_array_get(items, 1), "why")), "old");
        assert_true(json_is_string(json_object_get(json_array_get(items, 1), "since")));
        json_decref(answer);
        print_message("# it comes in pages, where two go at the same moment, too\n");
        assert_ok(reg_trash(f->reg, two, 4102444800, &because, &err), err);
        for (int page = 0; page < 2; page++) {
                autofree char *next = page == 0 ? bk_strdup("/trash?limit=1") : bk_format("/trash?limit=1&cursor=4102444800.1");

                answer = ask(f->reg, "GET", next, NULL);
                items = json_object_get(answer, "items");
                assert_int_equal(json_array_size(items), 1);
                assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "id")), page == 0 ? one : two);
                assert_null(json_object_get(json_array_get(items, 0), "place"));
                if (page == 0)
                        assert_string_equal(json_string_value(json_object_get(answer, "next")), "4102444800.1");
                else
                        assert_true(json_is_null(json_object_get(answer, "next")));
                json_decref(answer);
        }
        for (size_t i = 0; i < sizeof no_places / sizeof *no_places; i++) {
                autofree char *wrong = bk_format("/trash?cursor=%s", no_places[i]);

                refused(f->reg, "GET", wrong, NULL, 400);
        }
        print_message("# said again with another time it has that one; without, it keeps what it has\n");
        assert_ok(reg_trash(f->reg, one, 5000, &because, &err), err);
        assert_ok(reg_trash(f->reg, one, 0, &because, &err), err);
        assert_int_equal(count(f->reg, "SELECT min(purge_at) FROM trash"), 5000);
        assert_ok(reg_untrash(f->reg, one, &because, &err), err);
        assert_ok(state_set(f->reg, two, REG_BAKED, "bob", "back", &err), err);
        assert_int_equal(count(f->reg, "SELECT count(*) FROM trash"), 0);
}

/* --- marks and words ------------------------------------------------------------------------- */
static void change_mark(struct reg *reg, const char *id, const char *rule, const char *action, int64_t due_at)
{
        struct reg_mark mark = { .id = (char *)(uintptr_t)id, .rule = (char *)(uintptr_t)rule, .action = (char *)(uintptr_t)action, .marked_at = 100,
                                 .due_at = due_at };
        const struct reg_marks one = { .v = &mark, .n = 1 };
        struct bk_error err = { 0 };

        assert_ok(action != NULL ? reg_marks_change(reg, &one, NULL, &because, &err) : reg_marks_change(reg, NULL, &one, &because, &err), err);
}

static void a_mark_keeps_its_time_until_its_action_changes(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *gone = id_of("never"), *told = NULL;
        const int64_t since = index_of(f->reg);
        BK_CLEANUP(reg_marks_done) struct reg_marks marks = { 0 };
        struct bk_error err = { 0 };

        change_mark(f->reg, id, "stale", "trash", 0);
        change_mark(f->reg, gone, "stale", "trash", 0);
        assert_ok(reg_mark_told(f->reg, id, "stale", "mail ada@example.org", 900, &err), err);
        change_mark(f->reg, id, "stale", "trash", 300);
        change_mark(f->reg, id, "old", "deprecate", 200);
        assert_ok(reg_marks_read(f->reg, &marks, &err), err);
        assert_int_equal(marks.n, 2);
        assert_string_equal(marks.v[1].rule, "stale");
        assert_string_equal(marks.v[1].id, id);
        assert_int_equal(marks.v[1].due_at, 900);
        assert_true(marks.v[1].told_at > 0);
        assert_string_equal(marks.v[1].told, "mail ada@example.org");
        assert_int_equal(marks.v[0].due_at, 200);
        assert_int_equal(marks.v[0].told_at, 0);
        reg_marks_done(&marks);
        change_mark(f->reg, id, "stale", "purge", 0);
        change_mark(f->reg, id, "old", NULL, 0);
        change_mark(f->reg, id, "old", NULL, 0);
        assert_ok(reg_marks_read(f->reg, &marks, &err), err);
        assert_int_equal(marks.n, 1);
        assert_int_equal(marks.v[0].due_at, 0);
        assert_null(marks.v[0].told);
        assert_fails_with(reg_mark_told(f->reg, id, "old", "x", 1, &err), err, BK_NOT_FOUND);
        told = actions(f->reg, since);
        assert_string_equal(told, "image.marked image.told image.marked image.marked image.unmarked");
}

static void a_word_opts_its_image_out(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" }), *two = baked(f->reg, (struct recipe){ .seed = "2" });
        autofree char *word = NULL, *second = NULL, *body = NULL, *wrong = NULL, *id = NULL, *leaked = NULL;
        struct bk_error err = { 0 };
        const json_t *keep;
        json_t *answer;

        assert_fails_with(reg_mark_token(f->reg, one, "stale", &word, &err), err, BK_NOT_FOUND);
        change_mark(f->reg, one, "stale", "trash", 0);
        assert_ok(reg_mark_token(f->reg, one, "stale", &word, &err), err);
        assert_ok(reg_mark_token(f->reg, one, "stale", &second, &err), err);
        assert_int_equal(strncmp(word, "bko_", 4), 0);
        assert_string_not_equal(word, second);
        assert_int_equal(reg_sql_text(f->reg, &leaked, &err, "SELECT hash FROM opt_out WHERE hash LIKE '%' || ? || '%'", "t", word + 4), 0);
        wrong = bk_strdup(word);
        wrong[20] = wrong[20] == 'a' ? 'b' : 'a';
        assert_fails_with(reg_keep_by_token(f->reg, wrong, INT64_MAX, NULL, &id, &err), err, BK_DENIED);
        assert_fails_with(reg_keep_by_token(f->reg, "bko_", INT64_MAX, NULL, &id, &err), err, BK_DENIED);
        assert_fails_with(reg_keep_by_token(f->reg, word, 5, NULL, &id, &err), err, BK_INVALID);
        assert_fails_with(reg_keep_by_token(f->reg, word, INT64_MAX, "two\nlines", &id, &err), err, BK_INVALID);
        body = bk_format("{\"token\":\"%s\",\"until\":\"2100-01-01\",\"why\":\"still in use\"}", word);
        answer = ask(f->reg, "POST", "/janitor/opt-out", body);
        assert_string_equal(json_string_value(json_object_get(answer, "id")), one);
        keep = json_array_get(json_object_get(answer, "keep"), 0);
        assert_string_equal(json_string_value(json_object_get(keep, "until")), "2100-01-01T00:00:00Z");
        json_decref(answer);
        refuses(f->reg, one, REG_PRUNE_TRASH, "still in use");
        does(f->reg, two, REG_PRUNE_TRASH);
        print_message("# the second of two messages counts as well, and after the mark was lifted\n");
        change_mark(f->reg, one, "stale", NULL, 0);
        assert_ok(reg_keep_by_token(f->reg, second, INT64_MAX, NULL, &id, &err), err);
        assert_string_equal(id, one);
}

static void only_a_word_needs_no_role(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *keep = bk_format("/images/%s/keep", id);
        autofree char *hide = bk_format("/images/%s/hide", id), *unhide = bk_format("/images/%s/unhide", id);
        const struct { const char *method, *path; enum reg_role least; } rows[] = {
                { "POST", keep, REG_BAKE }, { "DELETE", keep, REG_PROMOTE }, { "POST", hide, REG_PROMOTE }, { "POST", unhide, REG_PROMOTE },
                { "GET", "/trash", REG_READ }, { "GET", "/janitor/runs", REG_READ },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                for (enum reg_role role = REG_NOBODY; role <= REG_ADMIN; role++) {
                        const struct reg_request request = { .method = rows[i].method, .path = rows[i].path, .query = "", .who = "eve",
                                                             .role = role };
                        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };

                        reg_api(f->reg, &request, &answer);
                        print_message("# %s %s as %s: %d\n", rows[i].method, rows[i].path, reg_role_name(role), answer.status);
                        assert_int_equal(answer.status, role >= rows[i].least ? 200 : 403);
                }
        refused(f->reg, "GET", "/janitor/opt-out", NULL, 405);
        refused(f->reg, "POST", "/janitor/opt-out", "{\"token\":\"bko_x\"}", 403);
        refused(f->reg, "POST", "/janitor/opt-out", "{}", 400);
}

static void keeping_has_an_end(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *told = NULL;
        const int64_t since = index_of(f->reg), later = time(NULL) + 1000000;
        struct bk_error err = { 0 };

        assert_fails_with(reg_keep(f->reg, id, 1000, &because, &err), err, BK_INVALID);
        for (int twice = 0; twice < 2; twice++)
                assert_ok(reg_keep(f->reg, id, later, &because, &err), err);
        assert_ok(reg_keep(f->reg, id, INT64_MAX, &because, &err), err);
        assert_int_equal(count(f->reg, "SELECT count(*) FROM keep WHERE until IS NULL"), 1);
        refuses(f->reg, id, REG_PRUNE_HIDE, "is kept");
        assert_ok(reg_sql_run(f->reg, &err, "UPDATE keep SET until = 1000", ""), err);
        does(f->reg, id, REG_PRUNE_HIDE);
        for (int twice = 0; twice < 2; twice++)
                assert_ok(reg_unkeep(f->reg, id, &because, &err), err);
        told = actions(f->reg, since);
        assert_string_equal(told, "image.kept image.kept image.hidden image.unkept");
}

/* Asks for the image to stay until then, with a role or by the word; what is so afterwards is "UNTIL WHO WHY", the caller's. */
static char *kept(struct reg *reg, const char *id, enum reg_role role, const char *word, const char *until, const char *why)
{
        autofree char *path = word != NULL ? bk_strdup("/janitor/opt-out") : bk_format("/images/%s/keep", id);
        autofree char *token = word != NULL ? bk_format("\"token\":\"%s\",", word) : bk_strdup("");
        autofree char *body = bk_format("{%s\"until\":%s,\"why\":\"%s\"}", token, until, why);
        const struct reg_request request = { .method = "POST", .path = path, .query = "", .body = body, .length = strlen(body),
                                             .who = reg_role_name(role), .role = role };
        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };
        autojson *json = NULL;
        const json_t *keep;
        const char *then;

        reg_api(reg, &request, &answer);
        assert_int_equal(answer.status, 200);
        json = json_loadb(answer.text, answer.length, 0, NULL);
        keep = json_array_get(json_object_get(json, "keep"), 0);
        then = json_string_value(json_object_get(keep, "until"));
        return bk_format("%s %s %s", then != NULL ? then : "ever", json_string_value(json_object_get(keep, "who")),
                         json_string_value(json_object_get(keep, "why")));
}

static void who_may_not_lift_it_only_lengthens_it(void **state)
{
        static const struct { enum reg_role role; const char *until, *why, *kept; } rows[] = {
                { REG_BAKE,     "\"2090-01-01\"",       "one",          "2090-01-01T00:00:00Z bake one" },
                { REG_BAKE,     "\"2089-12-31\"",       "two",          "2090-01-01T00:00:00Z bake one" },
                { REG_NOBODY,   "\"2089-12-31\"",       "three",        "2090-01-01T00:00:00Z bake one" },
                { REG_NOBODY,   "\"2091-01-01\"",       "four",         "2091-01-01T00:00:00Z who was told by rule stale four" },
                { REG_BAKE,     "null",                 "five",         "ever bake five" },
                { REG_BAKE,     "\"2095-01-01\"",       "six",          "ever bake five" },
                { REG_NOBODY,   "\"2095-01-01\"",       "seven",        "ever bake five" },
                { REG_PROMOTE,  "\"2089-01-01\"",       "eight",        "2089-01-01T00:00:00Z promote eight" },
        };
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *word = NULL, *told = NULL;
        struct bk_error err = { 0 };
        int64_t since;

        change_mark(f->reg, id, "stale", "trash", 0);
        assert_ok(reg_mark_token(f->reg, id, "stale", &word, &err), err);
        since = index_of(f->reg);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *now = kept(f->reg, id, rows[i].role, rows[i].role == REG_NOBODY ? word : NULL, rows[i].until, rows[i].why);

                print_message("# %s\n", rows[i].why);
                assert_string_equal(now, rows[i].kept);
        }
        told = actions(f->reg, since);
        assert_string_equal(told, "image.kept image.kept image.kept image.kept");
        print_message("# what has ended is no bound\n");
        assert_ok(reg_sql_run(f->reg, &err, "UPDATE keep SET until = 1000", ""), err);
        autofree char *again = kept(f->reg, id, REG_BAKE, NULL, "\"2088-01-01\"", "nine");

        assert_string_equal(again, "2088-01-01T00:00:00Z bake nine");
}

/* --- runs ------------------------------------------------------------------------------------ */
static void a_run_that_was_killed_is_aborted(void **state)
{
        struct fixture *f = *state;
        autojson *counts = json_pack("{s:i}", "trashed", 3);
        struct bk_error err = { 0 };
        int64_t first = 0, second = 0;
        autofree char *states = NULL;
        const json_t *newest;
        json_t *answer;

        assert_ok(reg_janitor_begin(f->reg, "janitor", "sha256:rules", &first, &err), err);
        assert_ok(reg_janitor_begin(f->reg, "janitor", "sha256:rules", &second, &err), err);
        assert_true(second > first);
        assert_ok(reg_janitor_end(f->reg, second, "ok", counts, &err), err);
        assert_fails_with(reg_janitor_end(f->reg, 999, "ok", counts, &err), err, BK_NOT_FOUND);
        answer = ask(f->reg, "GET", "/janitor/runs?_limit=10", NULL);
        states = texts_of(json_object_get(answer, "items"), "status");
        assert_string_equal(states, "ok aborted");
        newest = json_array_get(json_object_get(answer, "items"), 0);
        assert_int_equal(json_integer_value(json_object_get(json_object_get(newest, "counts"), "trashed")), 3);
        json_decref(answer);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(an_image_goes_step_by_step),
                registry_test(what_is_needed_stays),
                registry_test(who_carries_others_goes_after_them),
                registry_test(the_last_word_is_within_the_transaction),
                registry_test(a_hidden_image_is_found_by_its_digest_only),
                registry_test(who_finds_only_hidden_images_is_told),
                registry_test(an_ancestor_that_is_hidden_is_out_of_date),
                registry_test(the_trash_says_until_when),
                registry_test(a_mark_keeps_its_time_until_its_action_changes),
                registry_test(a_word_opts_its_image_out),
                registry_test(only_a_word_needs_no_role),
                registry_test(keeping_has_an_end),
                registry_test(who_may_not_lift_it_only_lengthens_it),
                registry_test(a_run_that_was_killed_is_aborted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
