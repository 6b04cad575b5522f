/* Bakes as rows. That bakes write them is shown by tests/system/97-bakes.t. */
#include "tests/unit/registry/ask.h"

#include <sys/file.h>
#include <sys/utsname.h>
#include <time.h>

#include "lib/publish.h"
#include "registry/bake.h"
#include "registry/prune.h"

static void begin(struct reg *reg, const char *id, const char *name, const char *host)
{
        autofree char *log = bk_format("logs/%s.log", id);
        struct bk_error err = { 0 };

        assert_ok(reg_bake_begin(reg, &(struct reg_bake){ .id = id, .name = name, .template = "t.json", .builder = "chroot", .who = "ada",
                                                          .host = host,
                                 .log = log }, &err), err);
}

/* Why not; NULL: it is done. */
static char *pruned(struct reg *reg, const char *id, enum reg_prune what)
{
        const struct reg_pruning pruning = { .ids = &id, .n = 1, .what = what };
        struct reg_pruned done = { 0 };
        struct bk_error err = { 0 };
        char *why;

        assert_ok(reg_prune_do(reg, &pruning, &(struct reg_change){ .who = "eve" }, &done, &err), err);
        why = bk_strdup(done.why_not[0]);
        reg_pruned_done(&done, 1);
        return why;
}

static char *statuses(struct reg *reg, const struct layer_store *store, const struct reg_bake_query *query)
{
        struct bk_error err = { 0 };
        json_t *json = NULL;
        char *text;

        assert_ok(reg_bakes_json(reg, store, query, &json, &err), err);
        text = texts_of(json_object_get(json, "items"), "status");
        json_decref(json);
        return text;
}

static void rows_tell_how_bakes_ended(void **state)
{
        static const struct { const char *why; struct reg_bake_query query; const char *wanted; } cases[] = {
                { "all", { 0 }, "running failed ok" }, { "of a name", { .name = "db" }, "running" }, { "of a status", { .status = "ok" }, "ok" },
                { "the newest", { .limit = 1 }, "running" }, { "those before", { .before = 3 }, "failed ok" }, { "none", { .name = "none" }, "" },
        };
        struct fixture *f = *state;
        struct bk_error err = { 0 };
        json_t *json = NULL;

        begin(f->reg, "a", "web", "oven");
        assert_ok(reg_bake_end(f->reg, "a", "ok", "sha256:1", &err), err);
        begin(f->reg, "b", "web", "oven");
        assert_ok(reg_bake_end(f->reg, "b", "failed", NULL, &err), err);
        begin(f->reg, "c", "db", "oven");
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *got = statuses(f->reg, NULL, &cases[i].query);

                print_message("# %s\n", cases[i].why);
                assert_string_equal(got, cases[i].wanted);
        }
        assert_fails_with(reg_bake_end(f->reg, "none", "ok", NULL, &err), err, BK_NOT_FOUND);
        assert_fails_with(reg_bake_json(f->reg, NULL, "none", &json, &err), err, BK_NOT_FOUND);
        json = ask(f->reg, "GET", "/bakes?limit=2", NULL);
        assert_string_equal(json_string_value(json_object_get(json, "next")), "2");
        json_decref(json);
        refused(f->reg, "GET", "/bakes?limit=x", NULL, 400);
        refused(f->reg, "GET", "/bakes/none", NULL, 404);
}

static void who_begins_again_finds_the_earlier_one_dead(void **state)
{
        struct fixture *f = *state;

        begin(f->reg, "a", "web", "oven");
        begin(f->reg, "b", "web", "elsewhere");
        begin(f->reg, "c", "web", "oven");
        autofree char *got = statuses(f->reg, NULL, &(struct reg_bake_query){ 0 });

        assert_string_equal(got, "running running aborted");
}

static void one_without_its_lock_was_killed(void **state)
{
        struct fixture *f = *state;
        struct layer_store store = { 0 };
        struct bk_error err = { 0 };
        struct utsname here;

        assert_ok(layer_store_open(f->home, &store, &err), err);
        autofree char *folder = bk_format("%s/locks", store.run), *lock = bk_format("%s/team+web", folder);

        assert_int_equal(uname(&here), 0);
        assert_ok(bk_mkdir_p(folder, &err), err);
        begin(f->reg, "a", "team/web", here.nodename);
        begin(f->reg, "b", "team/web", "elsewhere");
        {
                autoclose int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

                assert_int_equal(flock(fd, LOCK_EX), 0);
                autofree char *got = statuses(f->reg, &store, &(struct reg_bake_query){ 0 });

                assert_string_equal(got, "running running");
        }
        autofree char *got = statuses(f->reg, &store, &(struct reg_bake_query){ 0 });

        assert_string_equal(got, "running aborted");
        layer_store_done(&store);
}

/* Of this host, of this state folder, and not locked. */
static void the_killed_are_buried(void **state)
{
        struct fixture *f = *state;
        struct layer_store store = { 0 };
        struct bk_error err = { 0 };
        struct utsname here;

        assert_ok(layer_store_open(f->home, &store, &err), err);
        autofree char *folder = bk_format("%s/locks", store.run), *lock = bk_format("%s/alive", folder);

        assert_int_equal(uname(&here), 0);
        assert_ok(bk_mkdir_p(folder, &err), err);
        for (const char *id = "abcd"; *id != '\0'; id++) {
                const char name[2] = { *id, '\0' };
                autofree char *log = bk_format("%s/logs/%s.log", f->home, name), *logs = bk_format("%s/logs", f->home);

                begin(f->reg, name, *id == 'a' ? "alive" : name, *id == 'b' ? "elsewhere" : here.nodename);
                assert_ok(bk_mkdir_p(logs, &err), err);
                if (*id != 'c')
                        assert_ok(bk_publish_bytes(log, "", 0, 0644, &err), err);
        }
        autoclose int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

        assert_int_equal(flock(fd, LOCK_EX), 0);
        assert_ok(reg_bakes_bury(f->reg, &store, &err), err);
        autofree char *got = statuses(f->reg, NULL, &(struct reg_bake_query){ 0 });

        assert_string_equal(got, "aborted running running running");
        layer_store_done(&store);
}

/* By whomever, and whatever for. */
static void what_a_bake_builds_on_cannot_go(void **state)
{
        struct fixture *f = *state;
        autofree char *a = baked(f->reg, (struct recipe){ .seed = "a" });
        const struct reg_bake bake = { .id = "x", .name = "web", .builder = "chroot", .who = "ada", .host = "oven", .source = a };
        struct bk_error err = { 0 };

        assert_ok(reg_bake_begin(f->reg, &bake, &err), err);
        for (enum reg_prune what = REG_PRUNE_DEPRECATE; what <= REG_PRUNE_TRASH; what++) {
                autofree char *why = pruned(f->reg, a, what);

                assert_non_null(why);
                assert_non_null(strstr(why, "is what a bake builds on that is running (`bakery bakes`): web on oven"));
        }
        assert_ok(reg_bake_end(f->reg, "x", "failed", NULL, &err), err);
        autofree char *why = pruned(f->reg, a, REG_PRUNE_TRASH);

        assert_null(why);
}

static void only_logs_are_read(void **state)
{
        static const char *const odd[] = { "../secret", "logs/../secret", "logs/a/b", "/etc/passwd", "logs/.hidden", "logs/", "logs/none.log" };
        struct fixture *f = *state;
        struct layer_store store = { 0 };
        struct bk_error err = { 0 };
        autofree char *folder = bk_format("%s/logs", f->home), *log = bk_format("%s/logs/a.log", f->home), *secret = bk_format("%s/secret", f->home);
        autofree char *text = NULL;
        size_t length = 0;
        uint64_t size = 0;

        assert_ok(layer_store_open(f->home, &store, &err), err);
        assert_ok(bk_mkdir_p(folder, &err), err);
        assert_ok(bk_publish_bytes(log, "hello", 5, 0644, &err), err);
        assert_ok(bk_publish_bytes(secret, "secret", 6, 0644, &err), err);
        begin(f->reg, "a", "web", "oven");
        assert_ok(reg_bake_log(f->reg, &store, "a", 1, &text, &length, &size, &err), err);
        assert_int_equal(length, 4);
        assert_int_equal(size, 5);
        assert_memory_equal(text, "ello", 4);
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
                autofree char *id = bk_format("odd%zu", i), *none = NULL;

                print_message("# %s\n", odd[i]);
                assert_ok(reg_bake_begin(f->reg, &(struct reg_bake){ .id = id, .name = "web", .template = "t", .builder = "b", .who = "w",
                                                                     .host = "h",
                                         .log = odd[i] }, &err), err);
                assert_fails_with(reg_bake_log(f->reg, &store, id, 0, &none, &length, &size, &err), err, BK_NOT_FOUND);
        }
        assert_fails_with(reg_bake_log(f->reg, NULL, "a", 0, &text, &length, &size, &err), err, BK_NOT_FOUND);
        layer_store_done(&store);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(rows_tell_how_bakes_ended),
                registry_test(who_begins_again_finds_the_earlier_one_dead),
                registry_test(one_without_its_lock_was_killed),
                registry_test(the_killed_are_buried),
                registry_test(what_a_bake_builds_on_cannot_go),
                registry_test(only_logs_are_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
