/* What is published is what is read, and what may not be recorded is not. */
#include "tests/unit/registry/fixture.h"

static const struct reg_package packages[] = {
        { (char *)"zlib1g", (char *)"1:1.2.13.dfsg-1", (char *)"amd64", (char *)"zlib", (char *)"1:1.2.13.dfsg-1", (char *)"deb" },
        { (char *)"bash", (char *)"5.2.15-2+b2", (char *)"amd64", (char *)"bash", (char *)"5.2.15-2", (char *)"deb" },
        { (char *)"rack", (char *)"3.0.0", NULL, NULL, NULL, (char *)"gem" },
        { (char *)"bash", (char *)"5.2.15-2+b2", (char *)"amd64", (char *)"bash", (char *)"5.2.15-2", (char *)"deb" },
};
static const struct reg_check checks[] = {
        { (char *)"base", (char *)"port 22 listens", (char *)"passed", NULL, 1500 },
        { (char *)"base", (char *)"bytes \xff are shown", (char *)"failed", (char *)"got \xfe", 2500 },
};

static void check_list(json_t *object, const char *key, const char *wanted)
{
        json_t *list = json_object_get(object, key);
        autofree char *text = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);

        assert_non_null(text);
        assert_string_equal(text, wanted);
}

static void everything_is_read_back(void **state)
{
        struct fixture *f = *state;
        json_t *provenance = json_pack("{s:s, s:{s:s}}", "template", "base.json", "ci", "BUILD_URL", "https://ci/1");
        autofree char *id = baked(f->reg, (struct recipe){
                .seed = "1", .input_hash = "hash of inputs", .packages = packages, .n_packages = 4, .checks = checks,
                .n_checks = 2, .provenance = provenance,
                .attributes = { PAIR("release", "bookworm"), PAIR("architecture", "amd64"), PAIR("empty", "") } });
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *manifest = NULL, *layer = layer_digest("layer of 1");
        struct bk_error err = { 0 };
        json_t *json = NULL;

        assert_ok(reg_resolve(f->reg, id, &image, &err), err);
        assert_string_equal(image.id, id);
        assert_string_equal(image.name, "base");
        assert_string_equal(image.type, "base");
        assert_int_equal(image.state, REG_BAKED);
        assert_string_equal(image.layer, layer);
        assert_null(image.ancestor);
        assert_string_equal(image.input_hash, "hash of inputs");
        assert_int_equal(image.size, 4096);
        assert_int_equal(image.virtual_size, 1 << 30);
        assert_in_range(image.created_at, 1700000000, INT64_MAX);
        assert_string_equal(image.created_by, "ada");
        assert_string_equal(image.created_on, "oven");
        assert_int_equal(image.n_attributes, 3);
        assert_string_equal(image.attributes[0].key, "architecture");
        assert_string_equal(reg_image_attribute(&image, "release"), "bookworm");
        assert_string_equal(reg_image_attribute(&image, "empty"), "");
        assert_null(reg_image_attribute(&image, "colour"));
        assert_ok(reg_manifest(f->reg, id, &manifest, &err), err);
        assert_string_equal(manifest, "{\"seed\": \"1\"}");

        assert_ok(reg_image_json(f->reg, id, true, &json, &err), err);
        check_list(json, "packages",
                   "[{\"architecture\":\"amd64\",\"ecosystem\":\"deb\",\"name\":\"bash\",\"source\":\"bash\","
                   "\"source_version\":\"5.2.15-2\",\"version\":\"5.2.15-2+b2\"},"
                   "{\"architecture\":null,\"ecosystem\":\"gem\",\"name\":\"rack\",\"source\":\"rack\","
                   "\"source_version\":\"3.0.0\",\"version\":\"3.0.0\"},"
                   "{\"architecture\":\"amd64\",\"ecosystem\":\"deb\",\"name\":\"zlib1g\",\"source\":\"zlib\","
                   "\"source_version\":\"1:1.2.13.dfsg-1\",\"version\":\"1:1.2.13.dfsg-1\"}]");
        assert_int_equal(json_integer_value(json_object_get(json, "package_count")), 3);
        check_list(json, "checks",
                   "[{\"duration_us\":1500,\"message\":null,\"name\":\"port 22 listens\",\"suite\":\"base\",\"verdict\":\"passed\"},"
                   "{\"duration_us\":2500,\"message\":\"got ?\",\"name\":\"bytes ? are shown\",\"suite\":\"base\","
                   "\"verdict\":\"failed\"}]");
        check_list(json, "attributes", "{\"architecture\":\"amd64\",\"empty\":\"\",\"release\":\"bookworm\"}");
        check_list(json, "channels", "[]");
        assert_true(json_equal(json_object_get(json, "provenance"), provenance));
        assert_int_equal(json_array_size(json_object_get(json, "states")), 1);
        json_decref(json);

        assert_ok(reg_image_json(f->reg, id, false, &json, &err), err);
        assert_null(json_object_get(json, "packages"));
        json_decref(json);
        json_decref(provenance);
}

static void absent_things_are_null(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" });
        struct bk_error err = { 0 };
        json_t *json = NULL;

        assert_ok(reg_image_json(f->reg, id, true, &json, &err), err);
        assert_true(json_is_null(json_object_get(json, "provenance")));
        assert_true(json_is_null(json_object_get(json, "ancestor")));
        assert_int_equal(json_array_size(json_object_get(json, "packages")), 0);
        assert_int_equal(json_integer_value(json_object_get(json, "package_count")), 0);
        json_decref(json);
}

static void equal_inventories_are_kept_apart_from_others(void **state)
{
        struct fixture *f = *state;
        static const struct { const char *seed; size_t n; int64_t count; } images[] = {
                { "all", 4, 3 }, { "all again", 4, 3 }, { "two", 2, 2 }, { "none", 0, 0 } };

        for (size_t i = 0; i < 4; i++)
                free(baked(f->reg, (struct recipe){ .seed = images[i].seed, .packages = packages, .n_packages = images[i].n }));
        /* Deleting one image of a set leaves the other's inventory. */
        for (size_t i = 0; i < 4; i++) {
                BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
                autofree char *id = id_of(images[i].seed);
                struct bk_error err = { 0 };
                json_t *json = NULL;

                assert_ok(reg_image_json(f->reg, id, true, &json, &err), err);
                assert_int_equal(json_integer_value(json_object_get(json, "package_count")), images[i].count);
                assert_int_equal(json_array_size(json_object_get(json, "packages")), images[i].count);
                json_decref(json);
                assert_ok(image_delete(f->reg, id, &gone, &err), err);
        }
}

static void the_same_image_twice_is_a_conflict(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" });
        const struct recipe again = { .seed = "1", .name = "other" };
        struct bk_error err = { 0 };

        assert_fails_with(bake(f->reg, &again, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, id));
}

static void an_ancestor_must_be_there_and_sound(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *missing = id_of("nobody");
        static const enum reg_state refused[] = { REG_REVOKED, REG_TRASHED };
        struct bk_error err = { 0 };
        struct recipe child = { .seed = "2", .ancestor = missing };

        assert_fails_with(bake(f->reg, &child, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, missing));
        child.ancestor = id;
        for (size_t i = 0; i < 2; i++) {
                assert_ok(state_set(f->reg, id, refused[i], "ada", "bad", &err), err);
                assert_fails_with(bake(f->reg, &child, &err), err, BK_CONFLICT);
                assert_non_null(strstr(err.text, reg_state_name(refused[i])));
        }
        assert_ok(state_set(f->reg, id, REG_DEPRECATED, "ada", "still sound", &err), err);
        assert_ok(bake(f->reg, &child, &err), err);
}

static void a_refused_image_leaves_nothing(void **state)
{
        struct fixture *f = *state;
        const struct recipe broken = { .seed = "1", .backing = "a layer that nobody published", .depth = 1 };
        BK_CLEANUP(reg_layers_done) struct reg_layers layers = { 0 };
        struct bk_error err = { 0 };

        assert_fails_with(bake(f->reg, &broken, &err), err, BK_NOT_FOUND);
        assert_ok(reg_all_layers(f->reg, &layers, &err), err);
        assert_int_equal(layers.n, 0);
        free(baked(f->reg, (struct recipe){ .seed = "1" }));
}

static void layers_are_listed_from_the_bottom(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_layers_done) struct reg_layers layers = { 0 };
        BK_CLEANUP(reg_layer_done) struct reg_layer layer = { 0 };
        autofree char *lower = layer_digest("low"), *upper = layer_digest("high"), *missing = layer_digest("none");
        struct bk_error err = { 0 };

        free(baked(f->reg, (struct recipe){ .seed = "1", .layer = "low" }));
        free(baked(f->reg, (struct recipe){ .seed = "2", .layer = "high", .backing = "low", .depth = 1 }));
        assert_ok(reg_all_layers(f->reg, &layers, &err), err);
        assert_int_equal(layers.n, 2);
        assert_string_equal(layers.v[0].digest, lower);
        assert_null(layers.v[0].backing);
        assert_string_equal(layers.v[1].digest, upper);
        assert_string_equal(layers.v[1].backing, lower);
        assert_ok(reg_layer_get(f->reg, upper, &layer, &err), err);
        assert_int_equal(layer.depth, 1);
        assert_int_equal(layer.size, 4096);
        assert_int_equal(layer.virtual_size, 1 << 30);
        assert_fails_with(reg_layer_get(f->reg, missing, &layer, &err), err, BK_NOT_FOUND);
}

static const struct { const char *why; struct recipe recipe; enum bk_kind kind; } refused[] = {
        { "capitals in the name",       { .seed = "x", .name = "Base" }, BK_INVALID },
        { "an empty name",              { .seed = "x", .name = "" }, BK_INVALID },
        { "a name that begins with -",  { .seed = "x", .name = "-base" }, BK_INVALID },
        { "a name with a colon",        { .seed = "x", .name = "base:1" }, BK_INVALID },
        { "a name that is a query",     { .seed = "x", .name = "base?a=b" }, BK_INVALID },
        { "born deprecated",            { .seed = "x", .state = REG_DEPRECATED }, BK_INVALID },
        { "born trashed",               { .seed = "x", .state = REG_TRASHED }, BK_INVALID },
        { "a state that is none",       { .seed = "x", .state = (enum reg_state)77 }, BK_INVALID },
        { "an attribute like an option", { .seed = "x", .attributes = { PAIR("_latest", "1") } }, BK_INVALID },
        { "an attribute like a column", { .seed = "x", .attributes = { PAIR("state", "tested") } }, BK_INVALID },
        { "an attribute without a name", { .seed = "x", .attributes = { PAIR("", "1") } }, BK_INVALID },
        { "an attribute of two lines",  { .seed = "x", .attributes = { PAIR("a", "1\n2") } }, BK_INVALID },
        { "an attribute without value", { .seed = "x", .attributes = { PAIR("a", NULL) } }, BK_INVALID },
        { "an attribute not in UTF-8",  { .seed = "x", .attributes = { PAIR("a", "\xff") } }, BK_INVALID },
        { "an attribute twice",         { .seed = "x", .attributes = { PAIR("a", "1"), PAIR("b", "1"), PAIR("a", "2") } }, BK_INVALID },
        { "an ancestor that is a name", { .seed = "x", .ancestor = "base" }, BK_INVALID },
        { "depth without a backing",    { .seed = "x", .depth = 3 }, BK_INVALID },
        { "a backing without depth",    { .seed = "x", .backing = "low" }, BK_INVALID },
        { "a depth that skips",         { .seed = "x", .backing = "low", .depth = 2 }, BK_INVALID },
        { "a layer recorded otherwise", { .seed = "x", .layer = "high", .backing = NULL, .depth = 0 }, BK_CONFLICT },
};

static void what_may_not_be_recorded_is_refused(void **state)
{
        struct fixture *f = *state;
        autofree char *id = id_of("x");

        free(baked(f->reg, (struct recipe){ .seed = "1", .layer = "low" }));
        free(baked(f->reg, (struct recipe){ .seed = "2", .layer = "high", .backing = "low", .depth = 1 }));
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", refused[i].why);
                assert_fails_with(bake(f->reg, &refused[i].recipe, &err), err, refused[i].kind);
                assert_fails_with(reg_resolve(f->reg, id, &image, &err), err, BK_NOT_FOUND);
        }
}

/* What the recipes cannot say, one wrong field at a time. */
static struct reg_package nameless = { .version = (char *)"1", .ecosystem = (char *)"deb" };
static struct reg_check unnamed = { .suite = (char *)"s", .verdict = (char *)"passed" };

static void other_manifest(struct reg_publication *p, struct reg_image *image) { (void)image; p->manifest = "{}"; }
static void no_manifest(struct reg_publication *p, struct reg_image *image) { (void)image; p->manifest = NULL; }
static void other_id(struct reg_publication *p, struct reg_image *image) { (void)p; image->id = (char *)"sha256:1234"; }
static void no_type(struct reg_publication *p, struct reg_image *image) { (void)p; image->type = NULL; }
static void user_of_two_lines(struct reg_publication *p, struct reg_image *image) { (void)p; image->created_by = (char *)"a\nb"; }
static void other_layer(struct reg_publication *p, struct reg_image *image) { (void)p; image->layer = image->id; }
static void huge(struct reg_publication *p, struct reg_image *image) { (void)p; image->size = UINT64_MAX; }
static void array(struct reg_publication *p, struct reg_image *image) { (void)image; p->provenance = json_array(); }
static void package(struct reg_publication *p, struct reg_image *image) { (void)image; p->packages = &nameless; p->n_packages = 1; }
static void check(struct reg_publication *p, struct reg_image *image) { (void)image; p->checks = &unnamed; p->n_checks = 1; }

static const struct { const char *why; void (*spoil)(struct reg_publication *p, struct reg_image *image); } spoilt[] = {
        { "another manifest",                   other_manifest },
        { "no manifest",                        no_manifest },
        { "an id that is no digest",            other_id },
        { "no type",                            no_type },
        { "a user of two lines",                user_of_two_lines },
        { "a layer that is not the image's",    other_layer },
        { "more bytes than there are",          huge },
        { "provenance that is a list",          array },
        { "a package without a name",           package },
        { "a check without a name",             check },
};

static void a_spoilt_field_is_refused(void **state)
{
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
                autofree char *digest = layer_digest("low"), *id = bk_digest_bytes("{\"a\":1}", 7);
                struct reg_layer layer = { .digest = digest };
                struct reg_image image = { .id = id, .name = (char *)"base", .type = (char *)"base", .layer = digest };
                struct reg_publication p = { .image = &image, .layer = &layer, .manifest = "{\"a\":1}" };
                struct bk_error err = { 0 };

                print_message("# %s\n", spoilt[i].why);
                spoilt[i].spoil(&p, &image);
                assert_fails_with(reg_publish(f->reg, &p, &err), err, BK_INVALID);
                json_decref(p.provenance);
                /* Unspoilt, it is good: nothing else was wrong. */
                image = (struct reg_image){ .id = id, .name = (char *)"base", .type = (char *)"base", .layer = digest };
                p = (struct reg_publication){ .image = &image, .layer = &layer, .manifest = "{\"a\":1}" };
                if (i == 0)
                        assert_ok(reg_publish(f->reg, &p, &err), err);
                else
                        assert_fails_with(reg_publish(f->reg, &p, &err), err, BK_CONFLICT);
        }
}

static void a_known_layer_need_not_be_recorded_again(void **state)
{
        struct fixture *f = *state;
        autofree char *digest = layer_digest("low"), *id = bk_digest_bytes("{}", 2);
        struct reg_image image = { .id = id, .name = (char *)"base", .type = (char *)"base", .layer = digest };
        const struct reg_publication p = { .image = &image, .manifest = "{}" };
        struct bk_error err = { 0 };

        assert_fails_with(reg_publish(f->reg, &p, &err), err, BK_NOT_FOUND);
        free(baked(f->reg, (struct recipe){ .seed = "1", .layer = "low" }));
        assert_ok(reg_publish(f->reg, &p, &err), err);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(everything_is_read_back),
                registry_test(absent_things_are_null),
                registry_test(equal_inventories_are_kept_apart_from_others),
                registry_test(the_same_image_twice_is_a_conflict),
                registry_test(an_ancestor_must_be_there_and_sound),
                registry_test(a_refused_image_leaves_nothing),
                registry_test(layers_are_listed_from_the_bottom),
                registry_test(what_may_not_be_recorded_is_refused),
                registry_test(a_spoilt_field_is_refused),
                registry_test(a_known_layer_need_not_be_recorded_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
