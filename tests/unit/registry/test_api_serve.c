/* Publications as documents, layers from elsewhere, and the description of all routes. */
#include "tests/unit/registry/fixture.h"

#include <endian.h>
#include <fcntl.h>

#include "lib/buf.h"
#include "lib/minisign.h"
#include "registry/api.h"
#include "registry/life.h"
#include "registry/publication.h"

/* --- layers ------------------------------------------------------------------------------------ */

struct header { uint32_t version, crypt; uint64_t features; const char *backing, *magic; };

/* The head of a qcow2 file (QEMU's docs/interop/qcow2.txt), as a draft; its digest is the caller's. */
static char *draft(const struct layer_store *store, const char *name, const struct header *header)
{
        unsigned char raw[512] = { 0 };
        autofree char *path = layer_draft_path(store, name);
        const uint32_t version = htobe32(header->version), crypt = htobe32(header->crypt), length = htobe32(104);
        const uint64_t features = htobe64(header->features), size = htobe64(1 << 30), at = htobe64(128);
        struct bk_error err = { 0 };
        char *digest = NULL;

        memcpy(raw, header->magic != NULL ? header->magic : "QFI\xfb", 4);
        memcpy(raw + 4, &version, 4);
        memcpy(raw + 24, &size, 8);
        memcpy(raw + 32, &crypt, 4);
        memcpy(raw + 72, &features, 8);
        memcpy(raw + 100, &length, 4);
        memcpy(raw + 400, name, strlen(name) < 100 ? strlen(name) : 100);       /* no two are the same */
        if (header->backing != NULL) {
                const uint32_t n = htobe32((uint32_t)strlen(header->backing));

                memcpy(raw + 8, &at, 8);
                memcpy(raw + 16, &n, 4);
                memcpy(raw + 128, header->backing, strlen(header->backing));
        }
        autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        assert_ok(bk_write_all(fd, raw, sizeof raw, &err), err);
        assert_ok(bk_digest_file(path, &digest, &err), err);
        return digest;
}

/* A layer in the store; its digest is the caller's. */
static char *layer(const struct layer_store *store, const char *name, const char *below)
{
        autofree char *backing = below != NULL ? bk_format("../layers/%s.qcow2", below + 7) : NULL;
        BK_CLEANUP(layer_info_done) struct layer_info info = { 0 };
        struct bk_error err = { 0 };
        char *digest = draft(store, name, &(struct header){ .version = 3, .backing = backing });

        assert_ok(layer_receive(store, name, digest, &info, &err), err);
        return digest;
}

static void open_store(const struct fixture *f, struct layer_store *ret)
{
        struct bk_error err = { 0 };

        assert_ok(layer_store_open(f->home, ret, &err), err);
}

static void a_layer_may_lean_on_layers_only(void **state)
{
        static const char *const missing = "../layers/00000000000000000000000000000000000000000000000000000000000000aa.qcow2";
        const struct { const char *why; struct header header; enum bk_kind kind; } rows[] = {
                { "a file of the host", { .version = 3, .backing = "/etc/shadow" }, BK_INVALID },
                { "a file above", { .version = 3, .backing = "../../registry.db" }, BK_INVALID },
                { "a URL", { .version = 3, .backing = "nbd://192.0.2.1/x" }, BK_INVALID },
                { "QEMU's own language", { .version = 3, .backing = "json:{\"driver\":\"nbd\"}" }, BK_INVALID },
                { "a layer that is not here", { .version = 3, .backing = missing }, BK_CONFLICT },
                { "an external data file", { .version = 3, .features = 4 }, BK_INVALID },
                { "what nobody knows", { .version = 3, .features = 1 << 20 }, BK_INVALID },
                { "encrypted", { .version = 3, .crypt = 2 }, BK_INVALID },
                { "version 2", { .version = 2 }, BK_INVALID },
                { "not qcow2", { .version = 3, .magic = "KDMV" }, BK_INVALID },
        };
        BK_CLEANUP(layer_store_done) struct layer_store store = { 0 };
        BK_CLEANUP(layer_info_done) struct layer_info info = { 0 };

        open_store(*state, &store);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *digest = draft(&store, "bad", &rows[i].header), *path = layer_path(&store, digest);
                struct bk_error err = { 0 };

                print_message("# %s\n", rows[i].why);
                assert_fails_with(layer_receive(&store, "bad", digest, &info, &err), err, rows[i].kind);
                assert_false(bk_exists(path));
        }
}

/* --- publications ------------------------------------------------------------------------------- */

static json_t *document(const char *seed, const char *name, const char *layer_digest_text, const char *ancestor)
{
        autofree char *manifest = bk_format("{\"seed\": \"%s\"}", seed);

        return json_pack("{s:s, s:{s:s, s:s, s:s, s:s, s:s?, s:{s:s}}, s:[{s:s, s:s, s:s}], s:[{s:s, s:s, s:s, s:n, s:i}], s:{s:s}}",
                         "manifest", manifest, "image", "name", name, "type", "base", "state", "tested", "layer", layer_digest_text, "ancestor",
                         ancestor, "attributes", "release", "bookworm", "packages", "ecosystem", "deb", "name", "openssl", "version", "3.0.15-1",
                         "checks", "suite", "s", "name", "n", "verdict", "passed", "message", "duration_us", 7, "provenance", "who", "ada");
}

static void what_one_registry_knows_another_is_told(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(layer_store_done) struct layer_store store = { 0 };
        autofree char *below = NULL, *above = NULL, *one = NULL, *two = NULL, *again = NULL;
        BK_CLEANUP(reg_layer_done) struct reg_layer row = { 0 };
        json_t *first, *second, *back = NULL;
        struct bk_error err = { 0 };

        open_store(f, &store);
        below = layer(&store, "below", NULL);
        above = layer(&store, "above", below);
        first = document("1", "base", below, NULL);
        assert_ok(reg_publication_put(f->reg, &store, first, "ada", &one, &err), err);
        second = document("2", "app", above, one);
        assert_ok(reg_publication_put(f->reg, &store, second, "ada", &two, &err), err);
        assert_ok(reg_layer_get(f->reg, above, &row, &err), err);
        assert_string_equal(row.backing, below);                /* as the file says */
        assert_int_equal(row.depth, 1);
        assert_int_equal(row.virtual_size, 1 << 30);
        assert_fails_with(reg_publication_put(f->reg, &store, second, "ada", &again, &err), err, BK_CONFLICT);
        assert_ok(reg_publication_json(f->reg, two, &back, &err), err);
        assert_string_equal(json_string_value(json_object_get(back, "manifest")), "{\"seed\": \"2\"}");
        assert_true(json_equal(json_object_get(json_object_get(back, "image"), "attributes"),
                               json_object_get(json_object_get(second, "image"), "attributes")));
        assert_string_equal(json_string_value(json_object_get(json_object_get(back, "image"), "ancestor")), one);
        assert_string_equal(json_string_value(json_object_get(json_object_get(back, "image"), "created_by")), "ada");
        assert_true(json_equal(json_object_get(back, "provenance"), json_object_get(second, "provenance")));
        assert_true(json_equal(json_object_get(back, "checks"), json_object_get(second, "checks")));
        json_decref(first), json_decref(second), json_decref(back);
}

/* What is put in place of a member of a good document; NULL: it is taken out. */
static const struct { const char *why, *object, *key, *json; enum bk_kind kind; } broken[] = {
        { "no manifest", NULL, "manifest", NULL, BK_INVALID },
        { "the manifest is a number", NULL, "manifest", "1", BK_INVALID },
        { "the manifest has a NUL", NULL, "manifest", "\"a\\u0000b\"", BK_INVALID },
        { "no image", NULL, "image", NULL, BK_INVALID },
        { "the image is a list", NULL, "image", "[]", BK_INVALID },
        { "the image is empty", NULL, "image", "{}", BK_INVALID },
        { "no name", "image", "name", NULL, BK_INVALID },
        { "a wrong name", "image", "name", "\"../x\"", BK_INVALID },
        { "no type", "image", "type", NULL, BK_INVALID },
        { "an unknown state", "image", "state", "\"golden\"", BK_INVALID },
        { "promoted by oneself", "image", "state", "\"promoted\"", BK_INVALID },
        { "no layer", "image", "layer", NULL, BK_INVALID },
        { "the layer is a path", "image", "layer", "\"../../etc/passwd\"", BK_INVALID },
        { "a layer that is not here", "image", "layer", "\"sha256:00000000000000000000000000000000000000000000000000000000000000aa\"",
          BK_CONFLICT },
        { "an ancestor that is not here", "image", "ancestor", "\"sha256:00000000000000000000000000000000000000000000000000000000000000aa\"",
          BK_CONFLICT },
        { "the ancestor is a number", "image", "ancestor", "7", BK_INVALID },
        { "the manifest has another name", NULL, "manifest", "\"{\\\"name\\\": \\\"other\\\"}\"", BK_INVALID },
        { "the manifest has another layer", NULL, "manifest", "\"{\\\"layer\\\": \\\"sha256:1\\\"}\"", BK_INVALID },
        { "attributes are a list", "image", "attributes", "[]", BK_INVALID },
        { "an attribute is a number", "image", "attributes", "{\"a\": 1}", BK_INVALID },
        { "an attribute hides a column", "image", "attributes", "{\"name\": \"x\"}", BK_INVALID },
        { "packages are an object", NULL, "packages", "{}", BK_INVALID },
        { "a package is a text", NULL, "packages", "[\"openssl\"]", BK_INVALID },
        { "a package without a version", NULL, "packages", "[{\"name\": \"x\", \"ecosystem\": \"deb\"}]", BK_INVALID },
        { "a package's name is a list", NULL, "packages", "[{\"name\": [], \"version\": \"1\", \"ecosystem\": \"deb\"}]", BK_INVALID },
        { "a check without a verdict", NULL, "checks", "[{\"suite\": \"s\", \"name\": \"n\"}]", BK_INVALID },
        { "the os is a number", NULL, "os", "12", BK_INVALID },
        { "signatures are a text", NULL, "signatures", "\"x\"", BK_INVALID },
        { "a signature is a number", NULL, "signatures", "[1]", BK_INVALID },
        { "a signature that is none", NULL, "signatures", "[\"x\"]", BK_INVALID },
        { "the provenance is a text", NULL, "provenance", "\"me\"", BK_INVALID },
        { "the attestation is a text", NULL, "attestation", "\"x\"", BK_INVALID },
        { "the attestation has no signatures", NULL, "attestation", "{}", BK_INVALID },
        { "the attestation is of something else", NULL, "attestation",
          "{\"payload\":\"e30=\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[{\"keyid\":\"a\",\"sig\":\"YQ==\"}]}",
          BK_CONFLICT },
};

static void a_wrong_publication_changes_nothing(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(layer_store_done) struct layer_store store = { 0 };
        autofree char *below = NULL, *id = NULL;
        BK_CLEANUP(reg_layers_done) struct reg_layers rows = { 0 };
        struct bk_error err = { 0 };

        open_store(f, &store);
        below = layer(&store, "below", NULL);
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
                json_t *doc = document("1", "base", below, NULL);
                json_t *object = broken[i].object != NULL ? json_object_get(doc, broken[i].object) : doc;

                print_message("# %s\n", broken[i].why);
                if (broken[i].json == NULL)
                        assert_int_equal(json_object_del(object, broken[i].key), 0);
                else
                        assert_int_equal(json_object_set_new(object, broken[i].key,
                                                             json_loads(broken[i].json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL)), 0);
                assert_fails_with(reg_publication_put(f->reg, &store, doc, "ada", &id, &err), err, broken[i].kind);
                json_decref(doc);
        }
        assert_ok(reg_all_layers(f->reg, &rows, &err), err);
        assert_int_equal(rows.n, 0);
}

/* A signature of the manifest by a key of its own; the caller's. */
static char *signature_of(const char *manifest)
{
        struct bk_secret_key key;
        struct bk_error err = { 0 };
        char *ret = NULL;

        assert_ok(bk_secret_key_new(&key, &err), err);
        assert_ok(reg_sign_manifest(&key, "base", manifest, &ret, &err), err);
        return ret;
}

static void an_image_comes_with_all_its_signatures_or_not(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(layer_store_done) struct layer_store store = { 0 };
        autofree char *below = NULL, *id = NULL, *first = NULL, *second = NULL;
        json_t *doc, *back = NULL;
        struct bk_error err = { 0 };

        open_store(f, &store);
        below = layer(&store, "below", NULL);
        doc = document("1", "base", below, NULL);
        first = signature_of("{\"seed\": \"1\"}");
        second = signature_of("{\"seed\": \"1\"}");
        (void)json_object_set_new(doc, "signatures", json_pack("[s, s]", first, "garbage"));
        assert_fails_with(reg_publication_put(f->reg, &store, doc, "ada", &id, &err), err, BK_INVALID);
        free(bk_take(id));
        id = id_of("1");
        assert_fails_with(reg_publication_json(f->reg, id, &back, &err), err, BK_NOT_FOUND);
        (void)json_object_set_new(doc, "signatures", json_pack("[s, s]", first, second));
        free(bk_take(id));
        assert_ok(reg_publication_put(f->reg, &store, doc, "ada", &id, &err), err);
        assert_ok(reg_publication_json(f->reg, id, &back, &err), err);
        assert_int_equal(json_array_size(json_object_get(back, "signatures")), 2);
        assert_null(json_object_get(back, "attestation"));
        json_decref(doc), json_decref(back);
}

/* --- routes ---------------------------------------------------------------------------------------- */

static char *path_of(const struct reg_route *route)
{
        return strncmp(route->pattern, "//", 2) == 0 ? bk_strdup(route->pattern + 1) :
               bk_format("/api/v1%s", strcmp(route->pattern, "/") == 0 ? "" : route->pattern);
}

static void the_description_has_every_route_and_no_other(void **state)
{
        static const char *const methods[] = { "GET", "get", "POST", "post", "PUT", "put", "DELETE", "delete", "PATCH", "patch", "HEAD", "head" };
        json_t *openapi = reg_openapi(), *paths = json_object_get(openapi, "paths"), *ids = json_object(), *item, *operation;
        size_t routes = 0, described = 0;
        const char *path, *method;

        (void)state;
        assert_string_equal(json_string_value(json_object_get(openapi, "openapi")), "3.0.3");
        for (const struct reg_routes *const *all = reg_routes_all(); *all != NULL; all++)
                for (size_t i = 0; i < (*all)->n; i++, routes++) {
                        const struct reg_route *route = &(*all)->v[i];
                        autofree char *wanted = path_of(route);
                        const char *lower = NULL;

                        for (size_t m = 0; m < sizeof methods / sizeof *methods; m += 2)
                                if (strcmp(methods[m], route->method) == 0)
                                        lower = methods[m + 1];
                        print_message("# %s %s\n", route->method, route->pattern);
                        assert_non_null(lower);
                        assert_true(route->pattern[0] == '/' || route->pattern[0] == '\0');
                        assert_non_null(json_object_get(json_object_get(paths, wanted), lower));
                }
        json_object_foreach(paths, path, item)
                json_object_foreach(item, method, operation) {
                        const char *id = json_string_value(json_object_get(operation, "operationId"));
                        const char *summary = json_string_value(json_object_get(operation, "summary"));
                        size_t parameters = 0, holes = 0, i;
                        const json_t *parameter;

                        json_array_foreach(json_object_get(operation, "parameters"), i, parameter)
                                parameters += strcmp(json_string_value(json_object_get(parameter, "in")), "path") == 0;
                        for (const char *p = path; *p != '\0'; p++)
                                holes += *p == '{';
                        assert_int_equal(parameters, holes);
                        assert_non_null(json_object_get(json_object_get(operation, "responses"), "200"));
                        assert_non_null(json_object_get(json_object_get(operation, "responses"), "default"));
                        assert_true(summary != NULL && *summary != '\0');
                        assert_null(json_object_get(ids, id));          /* no two rows are the same */
                        assert_int_equal(json_object_set_new(ids, id, json_true()), 0);
                        described++;
                }
        assert_int_equal(described, routes);
        json_decref(ids), json_decref(openapi);
}

static int ask(struct reg *reg, const struct layer_store *store, const struct reg_route *route, const char *word, const char *body,
               enum reg_role role)
{
        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf path = { 0 };
        struct reg_request request = { .method = route->method, .query = "", .who = "ada", .role = role, .store = store, .body = body,
                                       .length = body != NULL ? strlen(body) : 0 };
        int status;

        for (const char *p = route->pattern; *p != '\0'; p++) {
                bk_buf_putc(&path, *p);
                if (*p == '{') {
                        path.data[--path.len] = '\0';
                        bk_buf_puts(&path, word);
                        p += strcspn(p, "}");
                }
        }
        bk_buf_puts(&path, "");
        request.path = path.data != NULL ? path.data : "";
        reg_api(reg, &request, &answer);
        status = answer.status;
        if (status >= 400 && bk_streq(answer.type, REG_HTML)) {
                assert_non_null(strstr(answer.text, " role=\"alert\">"));
        } else if (status >= 400) {
                json_t *error = answer.text != NULL ? json_loadb(answer.text, answer.length, 0, NULL) : NULL;

                if (json_string_value(json_object_get(json_object_get(error, "error"), "message")) == NULL)
                        fail_msg("%s %s: %d without an error: %.200s", route->method, request.path, status, answer.text);
                json_decref(error);
        }
        return status;
}

static bool documented(int status)
{
        static const int known[] = { 200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 410, 413, 503 };

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (known[i] == status)
                        return true;
        return false;
}

/* On an empty registry and on one with an image; with what is there, what is not, and what is nothing at all. */
static void every_route_answers_as_it_is_described(void **state)
{
        static const char *const words[] = { "base", "nothing", "sha256:0", "%00", "%ff", "..", "%2e%2e%2f", "a%3Ab", "'" };
        static const char *const bodies[] = { NULL, "", "{", "{}", "[]", "null", "\"x\"", "{\"image\": {}, \"manifest\": 1}" };
        struct fixture *f = *state;
        BK_CLEANUP(layer_store_done) struct layer_store store = { 0 };

        open_store(f, &store);
        for (int round = 0; round < 2; round++) {
                for (const struct reg_routes *const *all = reg_routes_all(); *all != NULL; all++)
                        for (size_t i = 0; i < (*all)->n; i++) {
                                const struct reg_route *route = &(*all)->v[i];

                                if (route->role > REG_NOBODY)
                                        assert_int_equal(ask(f->reg, &store, route, "base", NULL, (enum reg_role)(route->role - 1)), 403);
                                for (size_t w = 0; w < sizeof words / sizeof *words; w++)
                                        for (size_t b = 0; b < sizeof bodies / sizeof *bodies; b++) {
                                                const int status = ask(f->reg, &store, route, words[w], bodies[b], REG_ADMIN);

                                                if (!documented(status))
                                                        fail_msg("%s %s answers %d to '%s' and %s", route->method, route->pattern, status, words[w],
                                                                 bodies[b] != NULL ? bodies[b] : "no body");
                                        }
                        }
                free(baked(f->reg, (struct recipe){ .seed = round == 0 ? "1" : "2", .name = "base" }));
        }
}

static void a_method_that_is_not_for_a_path_says_which_are(void **state)
{
        struct fixture *f = *state;
        const struct reg_request request = { .method = "BREW", .path = "/layers/x", .query = "", .role = REG_ADMIN };
        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };

        reg_api(f->reg, &request, &answer);
        assert_int_equal(answer.status, 405);
        assert_int_equal(answer.headers.n, 1);
        assert_string_equal(answer.headers.v[0], "Allow: GET, PUT");
}

/* What is wrong with a path is told before anything is looked up. 404: or 400, as other programs' clients ask for /ANYBODY/ANYTHING. */
static void paths_from_the_root_are_apart(void **state)
{
        static const struct { const char *path; int status; } rows[] = {
                { "//healthz", 200 }, { "//healthz/", 200 }, { "/healthz", 404 }, { "///healthz", 404 }, { "//openapi.json", 404 },
                { "/openapi.json", 200 }, { "/openapi.json/x", 404 }, { "/openapi.json:(", 400 }, { "/openapi.json%00", 400 }, { "/%", 400 },
                { "/..%2fopenapi.json", 404 }, { "/./openapi.json", 404 }, { "openapi.json", 400 },
                { "/images//", 404 }, { "//images//", 404 }, { "/images//lineage", 404 }, { "//channels//x", 404 },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const struct reg_request request = { .method = "GET", .path = rows[i].path, .query = "", .role = REG_ADMIN };
                BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };

                print_message("# %s\n", rows[i].path);
                reg_api(f->reg, &request, &answer);
                assert_int_equal(rows[i].status == 404 && answer.status == 400 ? 404 : answer.status, rows[i].status);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(a_layer_may_lean_on_layers_only),
                registry_test(what_one_registry_knows_another_is_told),
                registry_test(a_wrong_publication_changes_nothing),
                registry_test(an_image_comes_with_all_its_signatures_or_not),
                cmocka_unit_test(the_description_has_every_route_and_no_other),
                registry_test(every_route_answers_as_it_is_described),
                registry_test(a_method_that_is_not_for_a_path_says_which_are),
                registry_test(paths_from_the_root_are_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
