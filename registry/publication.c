/* Documents of publications, read and written. One that comes from elsewhere is nobody's word: every member has its type checked here,
 * every text by reg_publish(), and what the store knows better is taken from the store. */
#include "registry/publication.h"

#include <string.h>

#include "lib/digest.h"
#include "lib/fs.h"
#include "registry/life.h"
#include "registry/registry_priv.h"

enum { PACKAGES_MOST = 200000, CHECKS_MOST = 100000, ATTRIBUTES_MOST = 1000, SIGNATURES_MOST = 100 };

/* --- writing ------------------------------------------------------------------------------- */

static void copy(json_t *to, const json_t *from, const char *const keys[])
{
        for (size_t i = 0; keys[i] != NULL; i++) {
                json_t *value = json_object_get(from, keys[i]);

                (void)json_object_set(to, keys[i], value);
        }
}

static int add_os(struct reg *reg, const char *id, json_t *document, struct bk_error *err)
{
        autofree char *os = NULL;

        if (reg_sql_text(reg, &os, err, "SELECT nullif(s.os, '') FROM image i JOIN package_set s ON s.id = i.package_set WHERE i.id = ?", "t",
                         id) < 0)
                return -1;
        return json_object_set_new(document, "os", reg_json_text(os));
}

static int add_signatures(struct reg *reg, const char *id, json_t *document, struct bk_error *err)
{
        autojson *record = NULL;
        json_t *list = json_array();
        const json_t *row;
        size_t i;

        (void)json_object_set_new(document, "signatures", list);
        if (reg_signatures_json(reg, id, &record, err) < 0)
                return -1;
        json_array_foreach(json_object_get(record, "items"), i, row)
                (void)json_array_append(list, json_object_get(row, "text"));
        return 0;
}

/* Where the statement was signed: without a signature there is nothing that the provenance does not say. */
static int add_attestation(struct reg *reg, const char *id, json_t *document, struct bk_error *err)
{
        autojson *envelope = NULL;
        autofree char *text = NULL;

        if (reg_provenance(reg, id, REG_PROVENANCE_SLSA, &text, err) < 0)
                return -1;
        envelope = json_loads(text, 0, NULL);
        if (json_array_size(json_object_get(envelope, "signatures")) > 0)
                (void)json_object_set(document, "attestation", envelope);
        return 0;
}

int reg_publication_json(struct reg *reg, const char *id, json_t **ret, struct bk_error *err)
{
        static const char *const of_image[] = { "name", "type", "layer", "ancestor", "input_hash", "created_by", "created_on", "attributes", NULL };
        static const char *const of_record[] = { "packages", "checks", "provenance", NULL };
        autojson *record = NULL, *document = json_object();
        autofree char *manifest = NULL;
        enum reg_state state = REG_BAKED;
        json_t *image = json_object();

        (void)json_object_set_new(document, "image", image);
        if (reg_image_json(reg, id, true, &record, err) < 0 || reg_manifest(reg, id, &manifest, err) < 0 ||
            reg_state_parse(json_string_value(json_object_get(record, "state")), &state, err) < 0)
                return -1;
        if (state == REG_REVOKED || state == REG_TRASHED)
                return bk_fail(err, BK_CONFLICT, "image '%s' is %s, and is not given to others", id, reg_state_name(state));
        copy(image, record, of_image);
        (void)json_object_set_new(image, "state", json_string(reg_state_name(state == REG_TESTED || state == REG_PROMOTED ? REG_TESTED : REG_BAKED)));
        copy(document, record, of_record);
        (void)json_object_set_new(document, "manifest", json_string(manifest));
        if (add_os(reg, id, document, err) < 0 || add_signatures(reg, id, document, err) < 0 ||
            add_attestation(reg, id, document, err) < 0)
                return -1;
        *ret = bk_take(document);
        return 0;
}

/* --- reading -------------------------------------------------------------------------------- */

/* A member that is a text, borrowed; null and absent are NULL. */
static int text(const json_t *object, const char *key, const char *what, const char **ret, struct bk_error *err)
{
        const json_t *value = json_object_get(object, key);

        if (value != NULL && !json_is_null(value) && !json_is_string(value))
                return bk_fail(err, BK_INVALID, "%s: '%s' is not a text", what, key);
        *ret = json_string_value(value);
        if (*ret != NULL && strlen(*ret) != json_string_length(value))
                return bk_fail(err, BK_INVALID, "%s: '%s' has a NUL in it", what, key);
        return 0;
}

struct field { const char *key; size_t offset; };

static int texts(const json_t *object, const char *what, const struct field *fields, size_t n, void *base, struct bk_error *err)
{
        if (!json_is_object(object))
                return bk_fail(err, BK_INVALID, "%s is not an object", what);
        for (size_t i = 0; i < n; i++) {
                const char *value = NULL;

                if (text(object, fields[i].key, what, &value, err) < 0)
                        return -1;
                memcpy((char *)base + fields[i].offset, &value, sizeof value);
        }
        return 0;
}
#define TEXTS(object, what, fields, base, err) texts(object, what, fields, sizeof (fields) / sizeof *(fields), base, err)

static int list_of(const json_t *document, const char *key, size_t most, const json_t **ret, struct bk_error *err)
{
        const json_t *list = json_object_get(document, key);

        if (list != NULL && !json_is_null(list) && !json_is_array(list))
                return bk_fail(err, BK_INVALID, "'%s' is not a list", key);
        if (json_array_size(list) > most)
                return bk_fail(err, BK_INVALID, "'%s' has more than %zu items", key, most);
        *ret = list;
        return 0;
}

static int packages_of(const json_t *document, struct reg_package **ret, size_t *ret_n, struct bk_error *err)
{
        static const struct field fields[] = {
                { "name", offsetof(struct reg_package, name) }, { "version", offsetof(struct reg_package, version) },
                { "architecture", offsetof(struct reg_package, architecture) }, { "source", offsetof(struct reg_package, source) },
                { "source_version", offsetof(struct reg_package, source_version) }, { "ecosystem", offsetof(struct reg_package, ecosystem) },
        };
        const json_t *list = NULL;

        if (list_of(document, "packages", PACKAGES_MOST, &list, err) < 0)
                return -1;
        *ret_n = json_array_size(list);
        *ret = bk_alloc((*ret_n + 1) * sizeof **ret);
        for (size_t i = 0; i < *ret_n; i++)
                if (TEXTS(json_array_get(list, i), "a package", fields, &(*ret)[i], err) < 0)
                        return -1;
        return 0;
}

static int checks_of(const json_t *document, struct reg_check **ret, size_t *ret_n, struct bk_error *err)
{
        static const struct field fields[] = {
                { "suite", offsetof(struct reg_check, suite) }, { "name", offsetof(struct reg_check, name) },
                { "verdict", offsetof(struct reg_check, verdict) }, { "message", offsetof(struct reg_check, message) },
        };
        const json_t *list = NULL;

        if (list_of(document, "checks", CHECKS_MOST, &list, err) < 0)
                return -1;
        *ret_n = json_array_size(list);
        *ret = bk_alloc((*ret_n + 1) * sizeof **ret);
        for (size_t i = 0; i < *ret_n; i++) {
                const json_t *row = json_array_get(list, i);

                if (TEXTS(row, "a check", fields, &(*ret)[i], err) < 0)
                        return -1;
                (*ret)[i].duration_us = json_integer_value(json_object_get(row, "duration_us"));
        }
        return 0;
}

static int by_key(const void *a, const void *b)
{
        return strcmp(((const struct reg_pair *)a)->key, ((const struct reg_pair *)b)->key);
}

static int attributes_of(const json_t *image, struct reg_pair **ret, size_t *ret_n, struct bk_error *err)
{
        json_t *attributes = json_object_get(image, "attributes"), *value;
        const char *key;
        size_t n = 0;

        if (attributes != NULL && !json_is_null(attributes) && !json_is_object(attributes))
                return bk_fail(err, BK_INVALID, "'attributes' is not an object");
        if (json_object_size(attributes) > ATTRIBUTES_MOST)
                return bk_fail(err, BK_INVALID, "an image has at most %d attributes", ATTRIBUTES_MOST);
        *ret = bk_alloc((json_object_size(attributes) + 1) * sizeof **ret);
        json_object_foreach(attributes, key, value) {
                const char *word = NULL;

                if (text(attributes, key, "attributes", &word, err) < 0)
                        return -1;
                if (word == NULL)
                        return bk_fail(err, BK_INVALID, "attribute '%.100s' is not a text", key);
                (*ret)[n++] = (struct reg_pair){ (char *)(uintptr_t)key, (char *)(uintptr_t)word };
        }
        qsort(*ret, n, sizeof **ret, by_key);
        *ret_n = n;
        return 0;
}

static int image_of(const json_t *document, struct reg_image *ret, const char **ret_manifest, struct bk_error *err)
{
        static const struct field fields[] = {
                { "name", offsetof(struct reg_image, name) }, { "type", offsetof(struct reg_image, type) },
                { "layer", offsetof(struct reg_image, layer) }, { "ancestor", offsetof(struct reg_image, ancestor) },
                { "input_hash", offsetof(struct reg_image, input_hash) }, { "created_by", offsetof(struct reg_image, created_by) },
                { "created_on", offsetof(struct reg_image, created_on) },
        };
        const json_t *image = json_object_get(document, "image");
        const char *state = NULL;

        if (!json_is_object(document) || image == NULL)
                return bk_fail(err, BK_INVALID, "a publication is an object with \"manifest\" and \"image\"");
        if (TEXTS(image, "the image", fields, ret, err) < 0 || text(image, "state", "the image", &state, err) < 0 ||
            text(document, "manifest", "the publication", ret_manifest, err) < 0)
                return -1;
        if (state != NULL && reg_state_parse(state, &ret->state, err) < 0)
                return -1;
        if (ret->state > REG_TESTED)
                return bk_fail(err, BK_INVALID, "a publication is of an image that is baked or tested, not %s", reg_state_name(ret->state));
        if (*ret_manifest == NULL || !bk_digest_valid(ret->layer))
                return bk_fail(err, BK_INVALID, "a publication needs the manifest's bytes and the digest of the image's layer");
        return 0;
}

static int signatures_of(const json_t *document, const char ***ret, size_t *ret_n, struct bk_error *err)
{
        const json_t *list = NULL, *row;
        size_t i;

        if (list_of(document, "signatures", SIGNATURES_MOST, &list, err) < 0)
                return -1;
        *ret_n = json_array_size(list);
        *ret = bk_alloc((*ret_n + 1) * sizeof **ret);
        json_array_foreach(list, i, row) {
                if (!json_is_string(row) || strlen(json_string_value(row)) != json_string_length(row))
                        return bk_fail(err, BK_INVALID, "a signature is not a text");
                (*ret)[i] = json_string_value(row);
        }
        return 0;
}

/* The envelope as a text, for whoever checks that it holds the statement of this image. */
static int attestation_of(const json_t *document, char **ret, struct bk_error *err)
{
        const json_t *envelope = json_object_get(document, "attestation");

        if (envelope == NULL || json_is_null(envelope))
                return 0;
        if (!json_is_object(envelope))
                return bk_fail(err, BK_INVALID, "'attestation' is no DSSE envelope");
        *ret = json_dumps(envelope, JSON_COMPACT | JSON_SORT_KEYS);
        return *ret != NULL ? 0 : bk_fail(err, BK_INVALID, "'attestation' cannot be written as JSON");
}

/* The layer as it lies in the store. */
static int layer_of(const struct layer_store *store, const char *digest, struct layer_info *ret, struct bk_error *err)
{
        autofree char *path = layer_path(store, digest);

        if (!bk_exists(path))
                return bk_fail(err, BK_CONFLICT, "layer '%s' is not in the store; send it first (PUT /layers/{digest})", digest);
        return layer_info_get(store, digest, ret, err);
}

/* The id is the digest of the manifest, so what the manifest says is what the id promises. One of another program may say nothing. */
static int check_manifest(const char *manifest, const struct reg_image *image, struct bk_error *err)
{
        const struct { const char *key, *value; } said[] = {
                { "name", image->name }, { "layer", image->layer }, { "ancestor", image->ancestor }, { "input_hash", image->input_hash },
        };
        json_t *json = json_loads(manifest, JSON_ALLOW_NUL, NULL);
        int status = 0;

        for (size_t i = 0; status == 0 && i < sizeof said / sizeof *said; i++) {
                const json_t *value = json_object_get(json, said[i].key);

                if (value != NULL && !(json_is_null(value) && said[i].value == NULL) && !bk_streq(json_string_value(value), said[i].value))
                        status = bk_fail(err, BK_INVALID, "the manifest has another '%s' than the publication", said[i].key);
        }
        json_decref(json);
        return status;
}

/* Nothing of it is owned but the lists and the envelope: texts are the document's. */
int reg_publication_put(struct reg *reg, const struct layer_store *store, json_t *document, const char *who, char **ret_id,
                        struct bk_error *err)
{
        autofree struct reg_package *packages = NULL;
        autofree struct reg_check *checks = NULL;
        autofree struct reg_pair *attributes = NULL;
        autofree const char **signatures = NULL;
        BK_CLEANUP(layer_info_done) struct layer_info info = { 0 };
        struct reg_image image = { 0 };
        struct reg_layer layer = { 0 };
        struct reg_publication p = { .image = &image, .layer = &layer };
        autoclose int hold = -1;
        json_t *provenance = json_object_get(document, "provenance");
        autofree char *id = NULL, *attestation = NULL;

        if (image_of(document, &image, &p.manifest, err) < 0 ||
            attributes_of(json_object_get(document, "image"), &attributes, &image.n_attributes, err) < 0 ||
            packages_of(document, &packages, &p.n_packages, err) < 0 || checks_of(document, &checks, &p.n_checks, err) < 0 ||
            text(document, "os", "the publication", &p.os, err) < 0 || signatures_of(document, &signatures, &p.n_signatures, err) < 0 ||
            attestation_of(document, &attestation, err) < 0 || layer_store_hold(store, false, &hold, err) < 0 ||
            layer_of(store, image.layer, &info, err) < 0)
                return -1;
        layer = (struct reg_layer){ .digest = info.digest, .backing = info.backing, .size = info.size, .virtual_size = info.virtual_size,
                                    .depth = info.depth };
        id = bk_digest_bytes(p.manifest, strlen(p.manifest));
        image.id = id;
        image.attributes = attributes;
        image.size = info.size;
        image.virtual_size = info.virtual_size;
        if (image.created_by == NULL)
                image.created_by = (char *)(uintptr_t)who;
        p.who = who;
        p.unique_version = json_is_true(json_object_get(document, "unique_version"));
        p.packages = packages;
        p.checks = checks;
        p.provenance = json_is_null(provenance) ? NULL : provenance;
        p.signatures = signatures;
        p.attestation = attestation;
        if (check_manifest(p.manifest, &image, err) < 0)
                return -1;
        if (reg_publish(reg, &p, err) < 0) {
                /* The ancestor is not here: that is about what is here, not about what was asked for. */
                if (err != NULL && err->kind == BK_NOT_FOUND)
                        err->kind = BK_CONFLICT;
                return -1;
        }
        layer_arrived(store, layer.digest);
        *ret_id = bk_take(id);
        return 0;
}
