/* What other programs' clients read: Vagrant's catalogue, simplestreams, metrics. Of real disks tests/system/92 and 93 tell. */
#include "tests/unit/registry/fixture.h"

#include <unistd.h>

#include "lib/publish.h"
#include "registry/api.h"
#include "registry/usage.h"
#include "registry/view.h"

struct asked { struct reg_answer answer; json_t *json; };

static void asked_done(struct asked *asked)
{
        reg_answer_done(&asked->answer);
        json_decref(asked->json);
}
#define autoasked BK_CLEANUP(asked_done) struct asked

/* store NULL and base "": there is none. */
static struct asked ask_view(const struct fixture *f, const struct layer_store *store, const char *base, const char *target)
{
        autofree char *path = bk_strndup(target, strcspn(target, "?"));
        struct asked asked = { 0 };

        reg_api(f->reg, &(struct reg_request){ .method = "GET", .path = path, .query = strchr(target, '?') ? strchr(target, '?') + 1 : "",
                        .who = "ada", .role = REG_READ, .base = *base != '\0' ? base : NULL, .store = store }, &asked.answer);
        asked.json = asked.answer.text == NULL ? NULL : json_loads(asked.answer.text, 0, NULL);
        return asked;
}

static void write_file(const char *path, const char *content)
{
        struct bk_error err = { 0 };

        assert_ok(bk_publish_bytes(path, content, strlen(content), 0644, &err), err);
}

#define DIGEST(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c

/* As if it had been made. */
static void pretend(const struct layer_store *store, const char *id)
{
        static const char record[] = "{\"box_size\": 5000, \"disk_start\": 1024, \"disk_size\": 3000, \"meta_size\": 100, "
                                     "\"box_sha256\": \"" DIGEST("a") "\", \"disk_sha256\": \"" DIGEST("b") "\", "
                                     "\"meta_sha256\": \"" DIGEST("c") "\", \"combined_sha256\": \"" DIGEST("d") "\"}";
        autofree char *folder = reg_view_path(store, id, ""), *box = reg_view_path(store, id, REG_VIEW_BOX),
                      *path = reg_view_path(store, id, "view.json");
        struct bk_error err = { 0 };

        assert_ok(bk_mkdir_p(folder, &err), err);
        write_file(box, "box");
        write_file(path, record);
}

static json_t *at(json_t *json, size_t i)
{
        return json_array_get(json, i);
}

static const char *text(const json_t *json, const char *key)
{
        return json_string_value(json_object_get(json, key));
}

/* --- Vagrant ------------------------------------------------------------------------ */
static const struct { const char *given, *taken; } versions[] = {
        { "1.2.3", "1.2.3" }, { "1", "1" }, { "0.0.0.0.1", "0.0.0.0.1" }, { "1.2.rc1", "1.2.rc1" }, { "1.0-beta.2", "1.0-beta.2" },
        { "v1", NULL }, { "1..2", NULL }, { "1.", NULL }, { "1-", NULL }, { "1.2 3", NULL }, { "1:2", NULL }, { "1.0-a_b", NULL },
        { "\xc3\xa9", NULL },
};

static void versions_are_those_that_vagrant_reads(void **state)
{
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
                autofree char *seed = bk_format("%zu", i), *name = bk_format("team/box%zu", i), *target = bk_format("//api/v2/vagrant/%s", name);
                autofree char *id = baked(f->reg, (struct recipe){ .seed = seed, .name = name,
                                  .attributes = { PAIR("version", versions[i].given) } });
                autoasked asked = ask_view(f, NULL, "http://host:1", target);
                const char *got = text(at(json_object_get(asked.json, "versions"), 0), "version");
                int day = 0, number = 0;

                print_message("# %s\n", versions[i].given);
                assert_int_equal(asked.answer.status, 200);
                if (versions[i].taken != NULL)
                        assert_string_equal(got, versions[i].taken);
                else
                        assert_true(sscanf(got, "20%6d.%d", &day, &number) == 2 && number == (int)i + 1);
        }
}

static void a_catalogue_has_one_row_a_version_and_one_provider_an_architecture(void **state)
{
        struct fixture *f = *state;
        autofree char *old = baked(f->reg, (struct recipe){ .seed = "1", .name = "web",
                                   .attributes = { PAIR("architecture", "arm64"), PAIR("version", "1.0") } });
        autofree char *new = baked(f->reg, (struct recipe){ .seed = "2", .name = "web",
                                   .attributes = { PAIR("architecture", "arm64"), PAIR("version", "1.0") } });
        autofree char *other = baked(f->reg, (struct recipe){ .seed = "3", .name = "web",
                                   .attributes = { PAIR("architecture", "riscv64"), PAIR("version", "1.0") } });
        autofree char *url = bk_format("https://host/api/v1/images/%s/box", new);
        autoasked asked = ask_view(f, NULL, "https://host", "//bakery/web");
        json_t *rows = json_object_get(asked.json, "versions"), *providers = json_object_get(at(rows, 0), "providers");

        assert_string_equal(text(asked.json, "name"), "bakery/web");
        assert_int_equal(json_array_size(rows), 1);
        assert_int_equal(json_array_size(providers), 2);
        assert_string_equal(text(at(providers, 1), "url"), url);
        assert_true(json_is_true(json_object_get(at(providers, 0), "default_architecture")));
        assert_true(json_is_false(json_object_get(at(providers, 1), "default_architecture")));
        assert_true(asked.answer.fleeting);
}

static void architectures_are_called_as_vagrant_calls_them(void **state)
{
        static const struct { const char *given, *vagrant; } names[] = {
                { "x86_64", "amd64" }, { "aarch64", "arm64" }, { "armhf", "arm" }, { "amd64", "amd64" }, { "i686", "i386" }, { "s390x", "s390x" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                autofree char *seed = bk_format("%zu", i), *name = bk_format("box%zu", i), *target = bk_format("//bakery/%s", name);
                autofree char *id = baked(f->reg, (struct recipe){ .seed = seed, .name = name,
                                  .attributes = { PAIR("architecture", names[i].given) } });
                autoasked asked = ask_view(f, NULL, "https://host", target);

                assert_string_equal(text(at(json_object_get(at(json_object_get(asked.json, "versions"), 0), "providers"), 0), "architecture"),
                                    names[i].vagrant);
        }
}

static void a_catalogue_is_narrowed_and_refused(void **state)
{
        static const struct { const char *why, *base, *target; int status; } cases[] = {
                { "the head of a channel", "http://h", "//bakery/web?channel=production", 200 },
                { "a state", "http://h", "//bakery/web?state=tested", 200 },
                { "an attribute that none has", "http://h", "//bakery/web?color=red", 404 },
                { "the same in the path", "http://h", "//bakery/web;color=red", 404 },
                { "a state in the path", "http://h", "//bakery/web;state=tested", 200 },
                { "no such image", "http://h", "//bakery/none", 404 },
                { "another's image", "http://h", "//team/web", 404 },
                { "a name that is none", "http://h", "//team/Web", 400 },
                { "a query in a name", "http://h", "//bakery/web%3fstate%3dbaked", 400 },
                { "a client whose name for us is unknown", "", "//bakery/web", 400 },
                { "more than two parts", "http://h", "//a/b/c", 404 },
        };
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1", .name = "web", .state = REG_TESTED });
        autofree char *two = baked(f->reg, (struct recipe){ .seed = "2", .name = "web" });
        struct bk_error err = { 0 };

        assert_ok(channel_assign(f->reg, "web:production", one, "ada", NULL, &err), err);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autoasked asked = ask_view(f, NULL, cases[i].base, cases[i].target);

                print_message("# %s\n", cases[i].why);
                assert_int_equal(asked.answer.status, cases[i].status);
                if (cases[i].status == 200)
                        assert_int_equal(json_array_size(json_object_get(asked.json, "versions")), 1);
        }
}

/* --- views ---------------------------------------------------------------------------- */
static void what_is_not_made_is_asked_for(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1", .name = "web", .state = REG_TESTED });
        autofree char *box = bk_format("/images/%s/box", id), *disk = bk_format("/images/%s/disk", id);
        struct bk_error err = { 0 };
        struct layer_store store = { 0 };

        assert_ok(layer_store_open(f->home, &store, &err), err);
        {
                autoasked without = ask_view(f, NULL, "", box), before = ask_view(f, &store, "", box);

                assert_int_equal(without.answer.status, 400);
                assert_int_equal(before.answer.status, 503);
                assert_int_equal(before.answer.make.n, 1);
                assert_string_equal(before.answer.make.v[0], id);
        }
        pretend(&store, id);
        {
                autoasked whole = ask_view(f, &store, "", box), part = ask_view(f, &store, "", disk);
                autoasked catalogue = ask_view(f, &store, "http://h", "//bakery/web");
                json_t *provider = at(json_object_get(at(json_object_get(catalogue.json, "versions"), 0), "providers"), 0);

                assert_int_equal(whole.answer.status, 200);
                assert_non_null(whole.answer.file);
                assert_int_equal(whole.answer.file_size, 0);
                assert_int_equal(part.answer.file_start, 1024);
                assert_int_equal(part.answer.file_size, 3000);
                assert_string_equal(text(provider, "checksum"), DIGEST("a"));
        }
        assert_ok(state_set(f->reg, id, REG_TRASHED, "ada", "old", &err), err);
        {
                autoasked after = ask_view(f, &store, "", box);

                assert_int_equal(after.answer.status, 410);
        }
        layer_store_done(&store);
}

static void a_record_that_makes_no_sense_is_an_error(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1", .name = "web", .state = REG_TESTED });
        autofree char *path = NULL;
        struct bk_error err = { 0 };
        struct layer_store store = { 0 };
        struct reg_view view = { 0 };

        assert_ok(layer_store_open(f->home, &store, &err), err);
        assert_int_equal(reg_view_get(&store, id, &view, &err), 0);
        pretend(&store, id);
        path = reg_view_path(&store, id, "view.json");
        write_file(path, "{\"box_size\": \"5000\"}");
        assert_fails_with(reg_view_get(&store, id, &view, &err), err, BK_CORRUPT);
        {
                autoasked list = ask_view(f, &store, "", "//streams/v1/images.json");

                assert_int_equal(list.answer.status, 500);
        }
        layer_store_done(&store);
}

static void views_go_when_nobody_may_have_them_and_for_room(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" }), *two = baked(f->reg, (struct recipe){ .seed = "2" });
        autofree char *none = id_of("none");
        struct bk_error err = { 0 };
        struct layer_store store = { 0 };
        struct reg_view view = { 0 };
        size_t removed = 0;

        assert_ok(layer_store_open(f->home, &store, &err), err);
        assert_ok(reg_view_prune(f->reg, &store, 0, &removed, &err), err);
        assert_int_equal(removed, 0);
        pretend(&store, one);
        pretend(&store, two);
        pretend(&store, none);
        assert_ok(state_set(f->reg, one, REG_TRASHED, "ada", "old", &err), err);
        assert_ok(reg_view_prune(f->reg, &store, 1000, &removed, &err), err);
        assert_int_equal(removed, 2);
        assert_int_equal(reg_view_get(&store, one, &view, &err), 0);
        assert_int_equal(reg_view_get(&store, two, &view, &err), 1);
        reg_view_done(&view);
        assert_ok(reg_view_prune(f->reg, &store, 2, &removed, &err), err);
        assert_int_equal(removed, 1);
        assert_int_equal(reg_view_get(&store, two, &view, &err), 0);
        layer_store_done(&store);
}

/* --- simplestreams -------------------------------------------------------------------- */
static void streams_list_what_is_made_once_with_all_its_names(void **state)
{
        struct fixture *f = *state;
        autofree char *old = baked(f->reg, (struct recipe){ .seed = "1", .name = "web", .state = REG_TESTED });
        autofree char *new = baked(f->reg, (struct recipe){ .seed = "2", .name = "web", .state = REG_TESTED,
                                   .attributes = { PAIR("release", "bookworm") } });
        autofree char *plain = baked(f->reg, (struct recipe){ .seed = "3", .name = "web" });
        autofree char *other = baked(f->reg, (struct recipe){ .seed = "4", .name = "db", .state = REG_TESTED,
                                     .attributes = { PAIR("architecture", "arm64") } });
        struct bk_error err = { 0 };
        struct layer_store store = { 0 };

        assert_ok(layer_store_open(f->home, &store, &err), err);
        assert_ok(channel_assign(f->reg, "web:production", new, "ada", NULL, &err), err);
        assert_ok(channel_assign(f->reg, "web:before", old, "ada", NULL, &err), err);
        pretend(&store, new);
        pretend(&store, plain);
        {
                autoasked index = ask_view(f, &store, "", "//streams/v1/index.json"), list = ask_view(f, &store, "", "//streams/v1/images.json");
                const json_t *products = json_object_get(list.json, "products"), *product = json_object_get(products, "bakery:web:amd64");
                const json_t *version, *item;
                const char *key = json_object_iter_key(json_object_iter(json_object_get(product, "versions")));

                assert_int_equal(json_object_size(products), 1);
                assert_string_equal(text(product, "aliases"), "web,web/production");
                assert_string_equal(text(product, "release"), "bookworm");
                assert_true(key != NULL && strspn(key, "0123456789") == 8 && key[8] == '_');
                version = json_object_get(json_object_get(product, "versions"), key);
                item = json_object_get(json_object_get(version, "items"), "lxd.tar.xz");
                assert_string_equal(text(item, "combined_disk-kvm-img_sha256"), DIGEST("d"));
                assert_int_equal(json_array_size(json_object_get(json_object_get(json_object_get(index.json, "index"), "images"), "products")), 1);
                /* What is not made: the other name's, and the head of the other channel. */
                assert_int_equal(list.answer.make.n, 2);
                assert_true(bk_strv_has(&list.answer.make, other) && bk_strv_has(&list.answer.make, old));
                assert_int_equal(list.answer.status, 200);
        }
        layer_store_done(&store);
}

/* Whatever the mix of names, architectures and states: the newest tested of each, as one pass over all images would find them. */
static void the_newest_of_each_kind_is_offered(void **state)
{
        static const char *const names[] = { "a", "b", "team/c" }, *const architectures[] = { "", "amd64", "arm64", NULL };
        static const char slow[] =
                "SELECT count(*) FROM (SELECT max(j.sequence) AS sequence FROM image j LEFT JOIN attribute a ON a.image = j.sequence "
                "AND a.key = 'architecture' WHERE j.state IN (1, 2) AND j.hidden = 0 GROUP BY j.name, coalesce(a.value, '')) w "
                "JOIN image i ON i.sequence = w.sequence WHERE i.id = ?";
        struct fixture *f = *state;
        struct bk_error err = { 0 };

        srand48(7);
        for (int i = 0; i < 60; i++) {
                BK_CLEANUP(reg_offers_done) struct reg_offers offers = { 0 };
                autofree char *seed = bk_format("%d", i);
                const char *architecture = architectures[lrand48() % 4];
                struct recipe recipe = { .seed = seed, .name = names[lrand48() % 3], .state = lrand48() % 2 ? REG_TESTED : REG_BAKED };
                int64_t wanted = 0, found = 0;

                if (architecture != NULL)
                        recipe.attributes[0] = (struct reg_pair)PAIR("architecture", architecture);
                free(baked(f->reg, recipe));
                assert_ok(reg_sql_run(f->reg, &err, "UPDATE image SET hidden = 1 WHERE sequence = ?", "i", (int64_t)(lrand48() % 300)), err);
                if (reg_view_offers(f->reg, &offers, &err) < 0)
                        fail_msg("%s", err.text);
                for (size_t n = 0; n < offers.n; n++) {
                        assert_int_equal(reg_sql_int(f->reg, &found, &err, slow, "t", offers.v[n].image.id), 1);
                        assert_int_equal(found, 1);
                }
                assert_int_equal(reg_sql_int(f->reg, &wanted, &err, "SELECT count(*) FROM (SELECT 1 FROM image j LEFT JOIN attribute a ON "
                                             "a.image = j.sequence AND a.key = 'architecture' WHERE j.state IN (1, 2) AND j.hidden = 0 "
                                             "GROUP BY j.name, coalesce(a.value, '')) kinds", ""), 1);
                assert_int_equal(offers.n, wanted);
        }
}

/* What is counted at every look is counted in an index; and images are not found by the one that counts them, all of a type at once. */
static void counting_reads_no_image(void **state)
{
        static const struct { const char *sql, *how; } rows[] = {
                { "SELECT type, state, count(*) FROM image GROUP BY type, state ORDER BY type, state", "COVERING INDEX image_by_type" },
                { "SELECT count(*) FROM layer", "COVERING INDEX" }, { "SELECT coalesce(sum(size), 0) FROM layer", "COVERING INDEX layer_by_size" },
        };
        struct fixture *f = *state;
        struct bk_error err = { 0 };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *sql = bk_format("EXPLAIN QUERY PLAN %s", rows[i].sql);
                autostmt *stmt = NULL;

                assert_ok(reg_sql_prepare(f->reg, sql, &stmt, &err), err);
                assert_int_equal(reg_sql_step(f->reg, stmt, &err), 1);
                assert_non_null(strstr(reg_column_peek(stmt, 3), rows[i].how));
        }
        assert_string_equal(reg_key_find("type")->column, "(i.type || '')");
}

/* --- metrics --------------------------------------------------------------------------- */
static void metrics_count(void **state)
{
        static const char *const lines[] = {
                "bakery_images{type=\"base\",state=\"baked\"} 1\n", "bakery_images{type=\"base\",state=\"promoted\"} 1\n", "bakery_layers 2\n",
                "bakery_layer_bytes 8192\n", "bakery_checks{verdict=\"passed\"} 1\n", "bakery_launches{source=\"a\\\"b\\\\c\"} 1\n",
                "bakery_usage_source_failed{source=\"gone\"} 1\n", "bakery_usage_source_failed{source=\"a\\\"b\\\\c\"} 0\n",
                "bakery_channel_image_timestamp_seconds{image=\"base\",channel=\"production\"} ", "# TYPE bakery_events_total counter\n",
        };
        static const struct reg_check check = { (char *)"s", (char *)"n", (char *)"passed", NULL, 7 };
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1", .state = REG_TESTED, .checks = &check, .n_checks = 1 });
        autofree char *two = baked(f->reg, (struct recipe){ .seed = "2" });
        struct bk_error err = { 0 };

        assert_ok(channel_assign(f->reg, "base:production", one, "ada", NULL, &err), err);
        assert_ok(state_set(f->reg, one, REG_PROMOTED, "ada", "it works", &err), err);
        assert_ok(reg_launch_seen(f->reg, "a\"b\\c", &(struct reg_launch){ .image = two, .instance = "i" }, &err), err);
        assert_ok(reg_usage_failed(f->reg, "gone", "refused", &err), err);
        autoasked asked = ask_view(f, NULL, "", "//metrics");

        assert_int_equal(asked.answer.status, 200);
        assert_string_equal(asked.answer.type, "text/plain; version=0.0.4; charset=utf-8");
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
                if (strstr(asked.answer.text, lines[i]) == NULL)
                        fail_msg("%s is not in\n%s", lines[i], asked.answer.text);
}

static void more_files_than_can_be_told_are_an_error(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" }), *two = baked(f->reg, (struct recipe){ .seed = "2" });
        autofree char *target = bk_format("/images/%s/diff/%s?files=1", one, two), *path = NULL;
        struct bk_error err = { 0 };
        struct layer_store store = { 0 };

        assert_ok(layer_store_open(f->home, &store, &err), err);
        path = bk_format("%s/diffs", store.cache);
        assert_ok(bk_mkdir_p(path, &err), err);
        free(path);
        path = bk_format("%s/diffs/%s-%s", store.cache, one + strlen("sha256:"), two + strlen("sha256:"));
        write_file(path, "{\"added\": []}");
        {
                autoasked few = ask_view(f, &store, "", target);

                assert_int_equal(few.answer.status, 200);
        }
        assert_int_equal(truncate(path, 17 << 20), 0);
        autoasked many = ask_view(f, &store, "", target);

        assert_int_equal(many.answer.status, 400);
        assert_non_null(strstr(text(json_object_get(many.json, "error"), "message"), "17 MiB"));
        layer_store_done(&store);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(versions_are_those_that_vagrant_reads),
                registry_test(architectures_are_called_as_vagrant_calls_them),
                registry_test(a_catalogue_has_one_row_a_version_and_one_provider_an_architecture),
                registry_test(a_catalogue_is_narrowed_and_refused),
                registry_test(what_is_not_made_is_asked_for),
                registry_test(a_record_that_makes_no_sense_is_an_error),
                registry_test(views_go_when_nobody_may_have_them_and_for_room),
                registry_test(streams_list_what_is_made_once_with_all_its_names),
                registry_test(metrics_count),
                registry_test(the_newest_of_each_kind_is_offered),
                sqlite_test(counting_reads_no_image),
                registry_test(more_files_than_can_be_told_are_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
