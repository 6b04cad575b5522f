/* Tags: attributes that were not baked in. */
#include "tests/unit/registry/life.h"

/* An image whose manifest says that it is bookworm, and whose row says also that it is nobody's. */
static char *with_manifest(struct reg *reg)
{
        static const char manifest[] = "{\"attributes\":{\"release\":\"bookworm\"}}";
        struct reg_pair attributes[] = { PAIR("owner", "nobody"), PAIR("release", "bookworm") };
        autofree char *digest = layer_digest("l");
        char *id = bk_digest_bytes(manifest, strlen(manifest));
        const struct reg_layer layer = { .digest = digest, .size = 1, .virtual_size = 1 };
        const struct reg_image image = { .id = id, .name = (char *)"base", .type = (char *)"base", .layer = digest, .created_by = (char *)"ada",
                                         .attributes = attributes, .n_attributes = 2 };
        struct bk_error err = { 0 };

        assert_ok(reg_publish(reg, &(struct reg_publication){ .image = &image, .layer = &layer, .manifest = manifest }, &err), err);
        return id;
}

static char *attributes_of(struct reg *reg, const char *id)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct bk_error err = { 0 };
        char *text = bk_strdup("");

        assert_ok(reg_resolve(reg, id, &image, &err), err);
        for (size_t i = 0; i < image.n_attributes; i++) {
                autofree char *before = text;

                text = bk_format("%s%s%s=%s", before, i == 0 ? "" : " ", image.attributes[i].key, image.attributes[i].value);
        }
        return text;
}

static const struct { const char *why; struct reg_tag tags[3]; size_t n; enum bk_kind kind; const char *after; } rows[] = {
        { "one is set",                 { { "env", "prod", NULL } }, 1, BK_NONE,"env=prod owner=nobody release=bookworm" },
        { "and set again",              { { "env", "prod", "test" } }, 1, BK_NONE,      "env=prod owner=nobody release=bookworm" },
        { "changed as expected",        { { "env", "test", "prod" } }, 1, BK_NONE,      "env=test owner=nobody release=bookworm" },
        { "not as expected",            { { "env", "live", "prod" } }, 1, BK_CONFLICT,  "env=test owner=nobody release=bookworm" },
        { "expected to be missing",     { { "env", "live", "" } }, 1, BK_CONFLICT,      "env=test owner=nobody release=bookworm" },
        { "two at once, and one less",  { { "a", "1", "" }, { "b", "", NULL }, { "env", NULL, NULL } }, 3, BK_NONE,
          "a=1 b= owner=nobody release=bookworm" },
        { "all or none",                { { "c", "1", NULL }, { "release", "trixie", NULL } }, 2, BK_CONFLICT,
          "a=1 b= owner=nobody release=bookworm" },
        { "baked in, the same value",   { { "release", "bookworm", NULL } }, 1, BK_NONE,"a=1 b= owner=nobody release=bookworm" },
        { "baked in, removed",          { { "release", NULL, NULL } }, 1, BK_CONFLICT,  "a=1 b= owner=nobody release=bookworm" },
        { "removed, not there",         { { "zzz", NULL, NULL } }, 1, BK_NONE,  "a=1 b= owner=nobody release=bookworm" },
        { "the row's own",              { { "owner", NULL, NULL } }, 1, BK_NONE,"a=1 b= release=bookworm" },
        { "twice",                      { { "x", "1", NULL }, { "x", "2", NULL } }, 2, BK_INVALID,      "a=1 b= release=bookworm" },
        { "a column",                   { { "name", "1", NULL } }, 1, BK_INVALID,       "a=1 b= release=bookworm" },
        { "an option",                  { { "_latest", "1", NULL } }, 1, BK_INVALID,    "a=1 b= release=bookworm" },
        { "no key",                     { { "", "1", NULL } }, 1, BK_INVALID,   "a=1 b= release=bookworm" },
        { "two lines",                  { { "x", "1\n2", NULL } }, 1, BK_INVALID,       "a=1 b= release=bookworm" },
        { "not UTF-8",                  { { "x", "\xff", NULL } }, 1, BK_INVALID,       "a=1 b= release=bookworm" },
        { "none",                       { { 0 } }, 0, BK_INVALID,       "a=1 b= release=bookworm" },
};

static void tags_change(void **state)
{
        struct fixture *f = *state;
        autofree char *id = with_manifest(f->reg);

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct bk_error err = { 0 };
                const int status = reg_tag(f->reg, id, rows[i].tags, rows[i].n, &because, &err);
                autofree char *after = attributes_of(f->reg, id);

                print_message("# %s\n", rows[i].why);
                assert_int_equal(status, rows[i].kind == BK_NONE ? 0 : -1);
                assert_string_equal(bk_kind_name(err.kind), bk_kind_name(rows[i].kind));
                assert_string_equal(after, rows[i].after);
        }
        assert_true(log_is_good(f->reg, NULL));
}

static void queries_find_them_and_history_has_them(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *seeds = NULL, *manifest = NULL;
        const struct reg_tag on = { .key = "env", .value = "prod" }, off = { .key = "env" };
        struct bk_error err = { 0 };
        json_t *log = NULL;

        assert_ok(reg_tag(f->reg, id, &on, 1, &because, &err), err);
        seeds = found(f->reg, "base?env=prod", &err);
        assert_string_equal(seeds, "1");
        assert_ok(reg_tag(f->reg, id, &off, 1, &because, &err), err);
        assert_null(found(f->reg, "base?env=prod", &err));
        assert_ok(reg_tags_json(f->reg, id, &log, &err), err);
        assert_int_equal(json_array_size(log), 2);
        assert_string_equal(json_string_value(json_object_get(json_array_get(log, 0), "was")), "prod");
        assert_true(json_is_null(json_object_get(json_array_get(log, 0), "value")));
        assert_string_equal(json_string_value(json_object_get(json_array_get(log, 1), "who")), "bob");
        json_decref(log);
        print_message("# the manifest is what it was\n");
        assert_ok(reg_manifest(f->reg, id, &manifest, &err), err);
        assert_string_equal(manifest, "{\"seed\": \"1\"}");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(tags_change),
                registry_test(queries_find_them_and_history_has_them),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
