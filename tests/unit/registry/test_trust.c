/* Signatures, provenance and the signed index: kept as they are, given out as they are, and refused where they make no sense. */
#include "tests/unit/registry/life.h"

#include <time.h>

#include "lib/minisign.h"
#include "lib/publish.h"
#include "lib/run.h"
#include "registry/life_priv.h"

static struct bk_secret_key new_key(void)
{
        struct bk_secret_key secret;
        struct bk_error err = { 0 };

        assert_ok(bk_secret_key_new(&secret, &err), err);
        return secret;
}

static json_t *record(void)
{
        return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:s, s:s, s:{s:s}, s:s, s:s, s:[{s:s, s:s, s:{s:s}}]}", "bakery", "0.1",
                         "template", "web.json", "template_digest", "sha256:11", "build", "chroot", "inputs", "builder.release", "sha256:22",
                         "builder.specs web_spec.rb", "sha256:33", "provisioner 1 (file).source site.v1", "sha256:44", "who", "ada", "where",
                         "oven", "ci", "BUILD_URL", "https://ci/7", "started_at", "2026-01-02T03:04:05Z", "finished_at", "2026-01-02T03:05:05Z",
                         "materials", "name", "medium", "uri", "https://deb/x.iso", "digest", "sha256", "55");
}

static char *image_with_record(struct reg *reg)
{
        json_t *provenance = record();
        char *id;

        free(baked(reg, (struct recipe){ .seed = "ground" }));
        autofree char *ground = id_of("ground");
        id = baked(reg, (struct recipe){ .seed = "1", .name = "web", .ancestor = ground, .provenance = provenance });
        json_decref(provenance);
        return id;
}

static void signatures_are_kept_by_key(void **state)
{
        struct fixture *f = *state;
        const struct bk_secret_key one = new_key(), two = new_key();
        const struct bk_public_key public = bk_public_key_of(&one);
        autofree char *id = image_with_record(f->reg), *first = NULL, *second = NULL, *other = NULL, *happened = NULL;
        const char *manifest;
        struct bk_error err = { 0 };
        json_t *all = NULL, *items;

        assert_ok(reg_sign_manifest(&one, "web", "{\"seed\": \"1\"}", &first, &err), err);
        assert_ok(bk_minisign(&one, "{\"seed\": \"1\"}", 13, "later", &second, &err), err);
        assert_ok(reg_sign_manifest(&two, "web", "{\"seed\": \"1\"}", &other, &err), err);
        assert_ok(reg_signature_put(f->reg, id, first, &because, &err), err);
        assert_ok(reg_signature_put(f->reg, id, first, &because, &err), err);
        assert_ok(reg_signature_put(f->reg, id, second, &because, &err), err);
        assert_ok(reg_signature_put(f->reg, id, other, &because, &err), err);
        assert_ok(reg_signatures_json(f->reg, id, &all, &err), err);
        items = json_object_get(all, "items");
        assert_int_equal(json_array_size(items), 2);
        manifest = json_string_value(json_object_get(all, "manifest"));
        for (size_t i = 0; i < 2; i++) {
                const char *text = json_string_value(json_object_get(json_array_get(items, i), "text"));

                if (bk_streq(text, second))
                        assert_ok(bk_minisign_verify(&public, manifest, strlen(manifest), text, NULL, &err), err);
                else
                        assert_string_equal(text, other);
        }
        json_decref(all);
        happened = actions(f->reg, 2);
        assert_string_equal(happened, "image.signed image.signed image.signed");
}

static void what_is_no_signature_is_refused(void **state)
{
        struct fixture *f = *state;
        const struct bk_secret_key key = new_key();
        autofree char *id = image_with_record(f->reg), *good = NULL, *escape = NULL;
        struct bk_error err = { 0 };

        assert_ok(bk_minisign(&key, "x", 1, "clear \x1b[2J", &escape, &err), err);
        assert_fails_with(reg_signature_put(f->reg, id, escape, &because, &err), err, BK_INVALID);
        assert_fails_with(reg_signature_put(f->reg, id, "", &because, &err), err, BK_INVALID);
        assert_fails_with(reg_signature_put(f->reg, id, "untrusted comment: x\nAAAA\n", &because, &err), err, BK_INVALID);
        assert_ok(bk_minisign(&key, "x", 1, "y", &good, &err), err);
        assert_fails_with(reg_signature_put(f->reg, "sha256:00", good, &because, &err), err, BK_NOT_FOUND);
}

/* What `minisign -S` makes of a text where nobody says a comment; the caller's. */
static char *minisigned(const char *home, const struct bk_secret_key *secret, const char *text)
{
        autofree char *key = bk_secret_key_text(secret), *key_path = bk_format("%s/k", home), *path = bk_format("%s/m", home);
        autofree char *signature = bk_format("%s.minisig", path);
        const char *const argv[] = { "minisign", "-S", "-W", "-s", key_path, "-m", path, NULL };
        struct bk_error err = { 0 };
        char *ret = NULL;

        assert_ok(bk_publish_bytes(key_path, key, strlen(key), 0600, &err), err);
        assert_ok(bk_publish_bytes(path, text, strlen(text), 0600, &err), err);
        assert_ok(bk_run(argv, 60000, NULL, &err), err);
        assert_ok(bk_read_file(signature, 65536, &ret, NULL, &err), err);
        assert_non_null(strchr(ret, '\t'));
        return ret;
}

static void what_minisign_signs_is_taken(void **state)
{
        struct fixture *f = *state;
        const struct bk_secret_key key = new_key();
        autofree char *id = image_with_record(f->reg), *signature = NULL, *draft = NULL, *of_index = NULL, *text = NULL, *got = NULL;
        struct bk_error err = { 0 };

        need("minisign");
        signature = minisigned(f->home, &key, "{\"seed\": \"1\"}");
        assert_ok(reg_signature_put(f->reg, id, signature, &because, &err), err);
        assert_ok(reg_index_draft(f->reg, time(NULL) + 3600, &draft, &err), err);
        of_index = minisigned(f->home, &key, draft);
        assert_ok(reg_index_put(f->reg, draft, of_index, &because, &err), err);
        assert_ok(reg_index_get(f->reg, &text, &got, &err), err);
        assert_string_equal(got, of_index);
}

/* --- provenance ------------------------------------------------------------------ */
static void the_statement_is_in_totos(void **state)
{
        struct fixture *f = *state;
        autofree char *id = image_with_record(f->reg), *text = NULL, *again = NULL, *ours = NULL, *ground = id_of("ground");
        const struct reg_tag tag = { .key = "env", .value = "prod" };
        struct bk_error err = { 0 };
        json_t *statement, *definition, *dependency;
        const char *type, *subject, *build, *uri = NULL;
        size_t i, tree = 0;

        assert_ok(reg_provenance(f->reg, id, REG_PROVENANCE_STATEMENT, &text, &err), err);
        statement = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        type = json_string_value(json_object_get(statement, "_type"));
        assert_string_equal(type, "https://in-toto.io/Statement/v1");
        assert_string_equal(json_string_value(json_object_get(statement, "predicateType")), "https://slsa.dev/provenance/v1");
        subject = json_string_value(json_object_get(json_object_get(json_array_get(json_object_get(statement, "subject"), 1), "digest"), "sha256"));
        assert_string_equal(subject, id + 7);
        definition = json_object_get(json_object_get(statement, "predicate"), "buildDefinition");
        build = json_string_value(json_object_get(definition, "buildType"));
        assert_non_null(strchr(build, ':'));
        json_array_foreach(json_object_get(definition, "resolvedDependencies"), i, dependency) {
                tree += json_object_get(json_object_get(dependency, "digest"), "bakeryTree1") != NULL;
                if (bk_streq(json_string_value(json_object_get(dependency, "name")), "ancestor"))
                        uri = json_string_value(json_object_get(json_object_get(dependency, "digest"), "sha256"));
        }
        assert_string_equal(uri, ground + 7);
        assert_int_equal(i, 5);                 /* ancestor, template, medium, two files */
        assert_int_equal(tree, 2);
        print_message("# values of settings are not in it\n");
        assert_null(strstr(text, "builder.release"));
        json_decref(statement);
        print_message("# and it does not change with the image's tags\n");
        assert_ok(reg_tag(f->reg, id, &tag, 1, &because, &err), err);
        assert_ok(reg_provenance(f->reg, id, REG_PROVENANCE_STATEMENT, &again, &err), err);
        assert_string_equal(again, text);
        assert_ok(reg_provenance(f->reg, id, REG_PROVENANCE_OURS, &ours, &err), err);
        assert_non_null(strstr(ours, "builder.release"));
}

static void envelopes_hold_what_was_signed(void **state)
{
        struct fixture *f = *state;
        const struct bk_secret_key key = new_key();
        const struct bk_public_key public = bk_public_key_of(&key);
        autofree char *id = image_with_record(f->reg), *statement = NULL, *envelope = NULL, *got = NULL, *encoding = NULL, *before = NULL;
        struct bk_error err = { 0 };
        const char *payload, *signature;
        unsigned char *bytes = NULL;
        size_t length = 0;
        json_t *json;

        assert_ok(reg_provenance(f->reg, id, REG_PROVENANCE_SLSA, &before, &err), err);
        assert_non_null(strstr(before, "\"signatures\":[]"));
        assert_ok(reg_provenance(f->reg, id, REG_PROVENANCE_STATEMENT, &statement, &err), err);
        assert_ok(reg_sign_statement(&key, statement, &envelope, &err), err);
        assert_ok(reg_attestation_put(f->reg, id, envelope, &because, &err), err);
        assert_ok(reg_provenance(f->reg, id, REG_PROVENANCE_SLSA, &got, &err), err);
        assert_string_equal(got, envelope);
        json = json_loads(got, 0, NULL);
        payload = json_string_value(json_object_get(json, "payload"));
        signature = json_string_value(json_object_get(json_array_get(json_object_get(json, "signatures"), 0), "sig"));
        assert_ok(bk_base64_read(payload, strlen(payload), &bytes, &length, &err), err);
        assert_string_equal((char *)bytes, statement);
        encoding = bk_format("DSSEv1 28 application/vnd.in-toto+json %zu %s", length, statement);
        assert_ok(bk_ed25519_verify(&public, encoding, strlen(encoding), signature, &err), err);
        free(bytes);
        json_decref(json);
}

static void envelopes_of_something_else_are_refused(void **state)
{
        struct fixture *f = *state;
        const struct bk_secret_key key = new_key();
        autofree char *id = image_with_record(f->reg), *envelope = NULL, *empty = NULL, *statement = NULL;
        static const struct { const char *why, *text; } rows[] = {
                { "nothing",            "" },
                { "no JSON",            "{" },
                { "no object",          "[]" },
                { "no signatures",      "{\"payload\":\"\",\"payloadType\":\"application/vnd.in-toto+json\"}" },
                { "another type",       "{\"payload\":\"\",\"payloadType\":\"text/plain\",\"signatures\":[{\"keyid\":\"a\",\"sig\":\"AAAA\"}]}" },
        };
        struct bk_error err = { 0 };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                print_message("# %s\n", rows[i].why);
                assert_fails_with(reg_attestation_put(f->reg, id, rows[i].text, &because, &err), err, BK_INVALID);
        }
        assert_ok(reg_sign_statement(&key, "{}", &envelope, &err), err);
        assert_fails_with(reg_attestation_put(f->reg, id, envelope, &because, &err), err, BK_CONFLICT);
        assert_ok(reg_provenance(f->reg, id, REG_PROVENANCE_STATEMENT, &statement, &err), err);
        empty = reg_envelope(statement, "k", "no base64");
        assert_fails_with(reg_attestation_put(f->reg, id, empty, &because, &err), err, BK_INVALID);
}

/* What a bake with a key publishes, in the same transaction. */
static void a_publication_brings_its_signatures(void **state)
{
        struct fixture *f = *state;
        const struct bk_secret_key key = new_key();
        static const char manifest[] = "{\"seed\": \"s\"}";
        autofree char *digest = layer_digest("l"), *id = id_of("s"), *signature = NULL, *statement = NULL, *envelope = NULL;
        autofree char *wrong = NULL, *got = NULL;
        const struct reg_layer layer = { .digest = digest, .size = 1, .virtual_size = 1 };
        const struct reg_image image = { .id = id, .name = (char *)"web", .type = (char *)"base", .layer = digest, .created_by = (char *)"ada" };
        json_t *provenance = record(), *all = NULL;
        struct reg_publication publication = { .image = &image, .layer = &layer, .manifest = manifest, .provenance = provenance };
        struct bk_error err = { 0 };

        statement = reg_statement(&image, provenance);
        assert_ok(reg_sign_manifest(&key, "web", manifest, &signature, &err), err);
        assert_ok(reg_sign_statement(&key, statement, &envelope, &err), err);
        assert_ok(reg_sign_statement(&key, "{}", &wrong, &err), err);
        publication.signatures = (const char *const[]){ signature };
        publication.n_signatures = 1;
        publication.attestation = wrong;
        assert_fails_with(reg_publish(f->reg, &publication, &err), err, BK_CONFLICT);
        assert_fails_with(reg_signatures_json(f->reg, id, &all, &err), err, BK_NOT_FOUND);
        publication.attestation = envelope;
        assert_ok(reg_publish(f->reg, &publication, &err), err);
        assert_ok(reg_signatures_json(f->reg, id, &all, &err), err);
        assert_int_equal(json_array_size(json_object_get(all, "items")), 1);
        assert_ok(reg_provenance(f->reg, id, REG_PROVENANCE_SLSA, &got, &err), err);
        assert_string_equal(got, envelope);
        json_decref(all);
        json_decref(provenance);
}

/* --- the index --------------------------------------------------------------------- */
static void the_index_is_numbered_and_complete(void **state)
{
        struct fixture *f = *state;
        const struct bk_secret_key key = new_key();
        const struct bk_public_key public = bk_public_key_of(&key);
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1", .state = REG_TESTED });
        autofree char *trash = baked(f->reg, (struct recipe){ .seed = "2" }), *draft = NULL, *signature = NULL, *text = NULL, *got = NULL;
        autofree char *next = NULL, *head = NULL;
        struct bk_error err = { 0 };
        json_t *index;

        assert_fails_with(reg_index_get(f->reg, &text, &got, &err), err, BK_NOT_FOUND);
        assert_fails_with(reg_index_draft(f->reg, time(NULL) - 1, &draft, &err), err, BK_INVALID);
        assert_ok(channel_assign(f->reg, "production", id, "bob", NULL, &err), err);
        assert_ok(state_set(f->reg, trash, REG_TRASHED, "bob", NULL, &err), err);
        assert_ok(reg_index_draft(f->reg, time(NULL) + 1000, &draft, &err), err);
        assert_ok(bk_minisign(&key, draft, strlen(draft), "index", &signature, &err), err);
        assert_ok(reg_index_put(f->reg, draft, signature, &because, &err), err);
        assert_fails_with(reg_index_put(f->reg, draft, signature, &because, &err), err, BK_CONFLICT);
        assert_ok(reg_index_get(f->reg, &text, &got, &err), err);
        assert_ok(bk_minisign_verify(&public, text, strlen(text), got, NULL, &err), err);
        index = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        assert_int_equal(json_integer_value(json_object_get(index, "number")), 1);
        assert_int_equal(json_object_size(json_object_get(index, "images")), 1);
        assert_string_equal(json_string_value(json_object_get(json_object_get(index, "images"), id)), "promoted");
        assert_string_equal(json_string_value(json_object_get(json_object_get(index, "channels"), "base:production")), id);
        print_message("# the log is held to it\n");
        head = bk_format("%lld:%s", (long long)json_integer_value(json_object_get(json_object_get(index, "log"), "index")),
                         json_string_value(json_object_get(json_object_get(index, "log"), "digest")));
        assert_true(log_is_good(f->reg, head));
        json_decref(index);
        assert_ok(reg_index_draft(f->reg, time(NULL) + 1000, &next, &err), err);
        assert_non_null(strstr(next, "\"number\":2,"));
}

static void what_is_no_index_is_refused(void **state)
{
        struct fixture *f = *state;
        const struct bk_secret_key key = new_key();
        static const char *const texts[] = {
                "", "{", "[]", "{\"number\": 1}", "{\"number\": \"1\", \"expires\": \"2030-01-01\"}", "{\"number\": 1, \"expires\": \"soon\"}",
        };
        autofree char *signature = NULL;
        struct bk_error err = { 0 };

        assert_ok(bk_minisign(&key, "x", 1, "index", &signature, &err), err);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
                assert_fails_with(reg_index_put(f->reg, texts[i], signature, &because, &err), err, BK_INVALID);
        assert_fails_with(reg_index_put(f->reg, "{\"number\": 1, \"expires\": \"2030-01-01\"}", "x", &because, &err), err, BK_INVALID);
}

static const struct { const char *text; int64_t moment; } moments[] = {
        { "2026-01-02T03:04:05Z", 1767323045 }, { "2026-01-02", 1767312000 }, { "1970-01-01", 0 }, { "2024-02-29", 1709164800 },
        { "2026-02-30", -1 }, { "2026-02-30T00:00:00Z", -1 }, { "2026-01-02T03:04:05", -1 }, { "2026-01-02T03:04:60Z", -1 }, { "26-01-02", -1 },
        { "2026-1-2", -1 }, { "", -1 }, { " 2026-01-02", -1 }, { "2026-01-02 ", -1 }, { "2026-13-01", -1 }, { "tomorrow", -1 },
};

static void moments_are_read_strictly(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
                struct bk_error err = { 0 };
                int64_t got = -1;
                const int status = reg_moment_parse(moments[i].text, &got, &err);

                print_message("# '%s'\n", moments[i].text);
                assert_int_equal(status, moments[i].moment < 0 ? -1 : 0);
                assert_int_equal(got, moments[i].moment);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(moments_are_read_strictly),
                registry_test(signatures_are_kept_by_key),
                registry_test(what_is_no_signature_is_refused),
                registry_test(what_minisign_signs_is_taken),
                registry_test(the_statement_is_in_totos),
                registry_test(envelopes_hold_what_was_signed),
                registry_test(envelopes_of_something_else_are_refused),
                registry_test(a_publication_brings_its_signatures),
                registry_test(the_index_is_numbered_and_complete),
                registry_test(what_is_no_index_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
