/* How an image came to be, in the words that other tools know: an in-toto statement (https://in-toto.io/Statement/v1) with a SLSA
 * provenance predicate (https://slsa.dev/provenance/v1), in a DSSE envelope.
 *
 * It is made of what never changes - the manifest's facts and the record of the bake -, so that its bytes are the same whenever it is
 * asked for, and a signature made at publication is good for ever. Of settings it has names and files, no values: they may be secret. */
#include "registry/life_priv.h"

#include <string.h>
#include <time.h>

#include "lib/minisign.h"

#define BUILD_TYPE "urn:bakery:bake:1"
#define ENVELOPE_MOST (4 << 20)
#define SIGNATURES_MOST 100

static void set(json_t *object, const char *key, json_t *value)
{
        if (value != NULL)
                (void)json_object_set_new_nocheck(object, key, value);
}

static void copy(json_t *to, const char *key, const json_t *from)
{
        if (json_object_get(from, key) != NULL)
                (void)json_object_set(to, key, json_object_get(from, key));
}

/* {"sha256": hex}: a digest of ours without its first word. */
static json_t *digest_set(const char *digest)
{
        return json_pack("{s:s}", "sha256", strchr(digest, ':') == NULL ? digest : strchr(digest, ':') + 1);
}

/* "builder.specs base_spec.rb" and "provisioner 2 (file).source site" are files; "builder.release" is a value. */
static bool is_file(const char *input)
{
        const char *key = strncmp(input, "builder.", 8) == 0 ? input + 8 : strstr(input, ").");

        return key != NULL && strchr(key + 1, ' ') != NULL;
}

/* Of the files' trees (names, modes, contents): not the SHA-256 of one file, and not called so. */
static json_t *tree_digest(const char *digest)
{
        return json_pack("{s:s}", "bakeryTree1", strchr(digest, ':') == NULL ? digest : strchr(digest, ':') + 1);
}

static json_t *dependencies(const struct reg_image *image, const json_t *provenance)
{
        json_t *list = json_array(), *value;
        const json_t *inputs = json_object_get(provenance, "inputs");
        const char *template = json_string_value(json_object_get(provenance, "template_digest"));
        const json_t *materials = json_object_get(provenance, "materials");
        const char *name;
        size_t i;

        if (image->ancestor != NULL)
                (void)json_array_append_new(list, json_pack("{s:s, s:s+, s:o}", "name", "ancestor", "uri", "urn:bakery:image:", image->ancestor,
                                                            "digest", digest_set(image->ancestor)));
        if (template != NULL)
                (void)json_array_append_new(list, json_pack("{s:s, s:o}", "name", "template", "digest", digest_set(template)));
        json_array_foreach(materials, i, value)
                (void)json_array_append(list, value);
        json_object_foreach((json_t *)(uintptr_t)inputs, name, value)
                if (json_is_string(value) && is_file(name))
                        (void)json_array_append_new(list, json_pack("{s:s, s:o}", "name", name, "digest", tree_digest(json_string_value(value))));
        return list;
}

static json_t *definition(const struct reg_image *image, const json_t *provenance)
{
        json_t *external = json_object(), *internal = json_object();

        set(external, "image_name", json_string(image->name));
        set(external, "image_type", json_string(image->type));
        copy(external, "template", provenance);
        copy(external, "build", provenance);
        copy(external, "source_image", provenance);
        set(internal, "input_hash", json_string(image->input_hash));
        copy(internal, "reason", provenance);
        copy(internal, "who", provenance);
        copy(internal, "ci", provenance);
        return json_pack("{s:s, s:o, s:o, s:o}", "buildType", BUILD_TYPE, "externalParameters", external, "internalParameters", internal,
                         "resolvedDependencies", dependencies(image, provenance));
}

static json_t *details(const json_t *provenance)
{
        const char *where = json_string_value(json_object_get(provenance, "where"));
        autofree char *id = bk_format("urn:bakery:builder:%s", where == NULL ? "unknown" : where);
        json_t *builder = json_pack("{s:s}", "id", id), *metadata = json_object();

        if (json_object_get(provenance, "bakery") != NULL)
                set(builder, "version", json_pack("{s:O}", "bakery", json_object_get(provenance, "bakery")));
        if (json_object_get(provenance, "bake_id") != NULL)
                set(metadata, "invocationId", json_incref(json_object_get(provenance, "bake_id")));
        if (json_object_get(provenance, "started_at") != NULL)
                set(metadata, "startedOn", json_incref(json_object_get(provenance, "started_at")));
        if (json_object_get(provenance, "finished_at") != NULL)
                set(metadata, "finishedOn", json_incref(json_object_get(provenance, "finished_at")));
        return json_pack("{s:o, s:o}", "builder", builder, "metadata", metadata);
}

char *reg_statement(const struct reg_image *image, const json_t *provenance)
{
        autofree char *layer = bk_format("%s.qcow2", image->name), *manifest = bk_format("%s.manifest.json", image->name);
        autojson *statement = json_pack("{s:s, s:s, s:[{s:s, s:o}, {s:s, s:o}], s:{s:o, s:o}}", "_type", "https://in-toto.io/Statement/v1",
                                        "predicateType", "https://slsa.dev/provenance/v1", "subject", "name", layer, "digest",
                                        digest_set(image->layer), "name", manifest, "digest", digest_set(image->id), "predicate",
                                        "buildDefinition", definition(image, provenance), "runDetails", details(provenance));

        return json_dumps(statement, JSON_COMPACT | JSON_SORT_KEYS);
}

/* --- the envelope (https://github.com/secure-systems-lab/dsse, protocol.md) --------- */
char *reg_statement_encoding(const char *statement)
{
        return bk_format("DSSEv1 %zu %s %zu %s", strlen(REG_STATEMENT_TYPE), REG_STATEMENT_TYPE, strlen(statement), statement);
}

static char *envelope_of(const char *statement, json_t *signatures)
{
        autofree char *payload = bk_base64(statement, strlen(statement));
        autojson *envelope = json_pack("{s:s, s:s, s:o}", "payload", payload, "payloadType", REG_STATEMENT_TYPE, "signatures", signatures);

        return json_dumps(envelope, JSON_COMPACT | JSON_SORT_KEYS);
}

char *reg_envelope(const char *statement, const char *key_id, const char *signature)
{
        json_t *signatures = json_array();

        if (signature != NULL)
                (void)json_array_append_new(signatures, json_pack("{s:s, s:s}", "keyid", key_id, "sig", signature));
        return envelope_of(statement, signatures);
}

int reg_sign_statement(const struct bk_secret_key *secret, const char *statement, char **ret, struct bk_error *err)
{
        autofree char *encoding = reg_statement_encoding(statement), *key_id = bk_key_id(secret->id), *signature = NULL;

        if (bk_ed25519_sign(secret, encoding, strlen(encoding), &signature, err) < 0)
                return -1;
        *ret = reg_envelope(statement, key_id, signature);
        return 0;
}

static int check_payload(const json_t *envelope, const char *statement, struct bk_error *err)
{
        const char *type = json_string_value(json_object_get(envelope, "payloadType"));
        const char *payload = json_string_value(json_object_get(envelope, "payload"));
        autofree char *wanted = bk_base64(statement, strlen(statement));

        if (!bk_streq(type, REG_STATEMENT_TYPE))
                return bk_fail(err, BK_INVALID, "the payload of the envelope is '%.100s', not '%s'", type == NULL ? "" : type, REG_STATEMENT_TYPE);
        if (!bk_streq(payload, wanted))
                return bk_fail(err, BK_CONFLICT, "the statement in the envelope is not the one of this image");
        return 0;
}

static int put_signature(struct reg *reg, int64_t image, const json_t *signature, struct bk_error *err)
{
        const char *key_id = json_string_value(json_object_get(signature, "keyid")), *text = json_string_value(json_object_get(signature, "sig"));
        autofree unsigned char *bytes = NULL;
        size_t length = 0;

        if (key_id == NULL || *key_id == '\0' || strlen(key_id) > 128 || !reg_text_valid(key_id) || text == NULL || strlen(text) > 1000 ||
            bk_base64_read(text, strlen(text), &bytes, &length, err) < 0)
                return bk_fail(err, BK_INVALID, "a signature in the envelope has no keyid, or no sig in base64");
        return reg_sql_run(reg, err, "INSERT INTO attestation (image, key_id, text, at) VALUES (?, ?, ?, ?) "
                           "ON CONFLICT (image, key_id) DO UPDATE SET text = excluded.text, at = excluded.at", "itti", image, key_id, text,
                           (int64_t)time(NULL));
}

int reg_attestation_add(struct reg *reg, const struct reg_image *image, const json_t *provenance, const char *text, struct bk_error *err)
{
        autojson *envelope = strlen(text) > ENVELOPE_MOST ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        const json_t *signatures = json_object_get(envelope, "signatures");
        autofree char *statement = reg_statement(image, provenance);
        const json_t *signature;
        size_t i;

        if (json_array_size(signatures) == 0 || json_array_size(signatures) > SIGNATURES_MOST)
                return bk_fail(err, BK_INVALID, "that is no DSSE envelope with 1 to %d signatures", SIGNATURES_MOST);
        if (statement == NULL)
                return bk_fail(err, BK_INVALID, "the provenance of '%s' cannot be told as a statement", image->id);
        if (check_payload(envelope, statement, err) < 0)
                return -1;
        json_array_foreach(signatures, i, signature)
                if (put_signature(reg, image->sequence, signature, err) < 0)
                        return -1;
        return 0;
}

/* --- what is recorded ------------------------------------------------------------------ */
static int read_record(struct reg *reg, const char *id, struct reg_image *ret_image, char **ret_text, json_t **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        json_t *record = NULL;

        if (reg_image_by_id(reg, id, ret_image, err) < 0 ||
            reg_sql_text(reg, &text, err, "SELECT provenance FROM document WHERE image = ?", "i", ret_image->sequence) < 0)
                return -1;
        if (text != NULL && (record = json_loads(text, JSON_ALLOW_NUL, NULL)) == NULL)
                return bk_fail(err, BK_CORRUPT, "registry '%s': the provenance of '%s' is not JSON", reg->path, id);
        *ret = record;
        *ret_text = bk_take(text);
        return 0;
}

int reg_attestation_put(struct reg *reg, const char *id, const char *envelope, const struct reg_change *change, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct reg_event event = { .who = change->who, .action = "image.attested", .why = change->why };
        autofree char *text = NULL;
        autojson *record = NULL;
        autotxn txn = { 0 };

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || read_record(reg, id, &image, &text, &record, err) < 0 ||
            reg_attestation_add(reg, &image, record, envelope, err) < 0)
                return -1;
        event.subject = image.id;
        event.name = image.name;
        if (reg_event_put(reg, &event, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_provenance(struct reg *reg, const char *id, enum reg_provenance form, char **ret, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *text = NULL, *statement = NULL;
        autojson *record = NULL, *signatures = NULL;
        autostmt *stmt = NULL;
        autotxn txn = { 0 };

        if (reg_txn_read(reg, &txn, err) < 0 || read_record(reg, id, &image, &text, &record, err) < 0)
                return -1;
        if (form == REG_PROVENANCE_OURS) {
                *ret = text == NULL ? bk_strdup("null") : bk_take(text);
                return 0;
        }
        statement = reg_statement(&image, record);
        if (statement == NULL)
                return bk_fail(err, BK_CORRUPT, "registry '%s': the provenance of '%s' cannot be told as a statement", reg->path, id);
        if (form == REG_PROVENANCE_STATEMENT) {
                *ret = bk_take(statement);
                return 0;
        }
        if (reg_sql_prepare(reg, "SELECT key_id AS keyid, text AS sig FROM attestation WHERE image = ? ORDER BY key_id", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "i", image.sequence) < 0 || reg_json_rows(reg, stmt, &signatures, err) < 0)
                return -1;
        *ret = envelope_of(statement, bk_take(signatures));
        return 0;
}
