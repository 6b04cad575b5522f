/* Recording: the manifest whose digest is the image's id, the registry's row,
 * and the properties file that CI jobs read.
 *
 * Order: the layer is published, then the row is committed. A row never names
 * a blob that is not there. */
#include "bakery/bake/bake_priv.h"

#include <ctype.h>
#include <pwd.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/utf8.h"
#include "registry/bake.h"

/* What CI systems tell a job about itself; recorded so that an image leads back to its build. */
static const char *const ci_variables[] = {
        "BUILD_URL", "BUILD_ID", "BUILD_NUMBER", "JOB_NAME", "NODE_NAME", "GIT_COMMIT", "GIT_BRANCH", "CI_PIPELINE_ID",
        "CI_PIPELINE_URL", "CI_JOB_ID", "CI_JOB_URL", "CI_COMMIT_SHA", "CI_PROJECT_PATH", "GITHUB_RUN_ID", "GITHUB_REPOSITORY",
        "GITHUB_SHA", "GITHUB_WORKFLOW",
};

static char *who(void)
{
        const struct passwd *entry = getpwuid(getuid());
        const char *sudo = getenv("SUDO_USER");

        if (sudo != NULL && *sudo != '\0')
                return bk_strdup(sudo);
        return entry ? bk_strdup(entry->pw_name) : bk_format("%u", (unsigned)getuid());
}

static json_t *provenance_of(const struct bake *bake, const char *user, const char *host, int64_t now)
{
        const int64_t took_ms = bk_now_ms() - bake->started_ms;
        autofree char *started = bk_iso_time(now - took_ms / 1000), *finished = bk_iso_time(now);
        json_t *ci = json_object();
        json_t *provenance;

        for (size_t i = 0; i < sizeof ci_variables / sizeof *ci_variables; i++)
                if (getenv(ci_variables[i]) != NULL)
                        (void)json_object_set_new(ci, ci_variables[i], json_string(getenv(ci_variables[i])));
        provenance = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O, s:s, s:s, s:s, s:I, s:o}", "bakery", BAKERY_VERSION,
                               "bake_id", bake->id, "started_at", started, "finished_at", finished,
                               "template", bake->tmpl->path, "template_digest", bake->tmpl->digest, "build", bake->name,
                               "inputs", bake->inputs, "reason", bake->reason ? bake->reason : "", "who", user, "where", host,
                               "took_ms", (json_int_t)took_ms, "ci", ci);
        if (bake->source.id != NULL)
                (void)json_object_set_new(provenance, "source_image", json_string(bake->config.source_image));
        if (json_array_size(json_object_get(bake->result, "materials")) > 0)
                (void)json_object_set(provenance, "materials", json_object_get(bake->result, "materials"));
        return provenance;
}

static char *manifest_of(const struct bake *bake, int64_t now)
{
        json_t *attributes = json_object(), *manifest;
        const json_t *sealed = bake->result;
        autofree char *created = bk_iso_time(now);
        char *text;

        for (size_t i = 0; i < bake->config.attributes.keys.n; i++)
                (void)json_object_set_new(attributes, bake->config.attributes.keys.v[i], json_string(bake->config.attributes.values.v[i]));
        manifest = json_pack("{s:i, s:s, s:s, s:o, s:s?, s:s, s:s?, s:I, s:I, s:s, s:s}", "schema", 1, "name", bake->config.image_name,
                             "type", bake->config.image_type, "attributes", attributes, "ancestor", bake->source.id,
                             "layer", json_string_value(json_object_get(sealed, "digest")),
                             "backing", json_string_value(json_object_get(sealed, "backing")),
                             "size", json_integer_value(json_object_get(sealed, "size")),
                             "virtual_size", json_integer_value(json_object_get(sealed, "virtual_size")),
                             "input_hash", bake->input_hash, "created", created);
        text = json_dumps(manifest, JSON_SORT_KEYS | JSON_COMPACT);
        json_decref(manifest);
        return text;
}

json_t *bake_inventory_json(const struct inventory *inventory)
{
        json_t *list = json_array();

        for (size_t i = 0; i < inventory->packages.n; i++) {
                const struct bk_package *p = &inventory->packages.v[i];
                const char *const fields[] = { bk_ecosystem_name(p->ecosystem), p->name, p->version, p->architecture, p->source, p->source_version };
                json_t *row = json_array();

                for (size_t k = 0; k < sizeof fields / sizeof *fields; k++) {
                        autofree char *text = bk_utf8_clean(fields[k]);        /* what an image says may be anything */

                        (void)json_array_append_new(row, json_string(text));
                }
                (void)json_array_append_new(list, row);
        }
        autofree char *os = inventory->os != NULL ? bk_utf8_clean(inventory->os) : NULL;

        return json_pack("{s:s?, s:o}", "os", os, "packages", list);
}

struct rows {
        struct reg_package *packages;
        size_t n_packages;
        struct reg_check *checks;
        size_t n_checks;
        bool passed;            /* at least one check, and every one of them */
};

/* Strings in the rows are borrowed from the worker's result. */
static void rows_of(const json_t *result, struct rows *ret)
{
        const json_t *packages = json_object_get(json_object_get(result, "inventory"), "packages");
        const json_t *checks = json_object_get(result, "checks");
        size_t i;
        json_t *row;

        ret->packages = bk_alloc((json_array_size(packages) + 1) * sizeof *ret->packages);
        ret->checks = bk_alloc((json_array_size(checks) + 1) * sizeof *ret->checks);
        json_array_foreach(packages, i, row) {
                struct reg_package *p = &ret->packages[ret->n_packages++];

                (void)json_unpack(row, "[s, s, s, s, s, s]", &p->ecosystem, &p->name, &p->version, &p->architecture, &p->source,
                                  &p->source_version);
        }
        ret->passed = json_array_size(checks) > 0;
        json_array_foreach(checks, i, row) {
                struct reg_check *c = &ret->checks[ret->n_checks++];
                const char *group = NULL;
                json_int_t duration = 0;

                (void)json_unpack(row, "{s:s, s:s, s:s, s:s, s:s, s:I}", "file", &c->suite, "group", &group, "name", &c->name,
                                  "verdict", &c->verdict, "message", &c->message, "duration_us", &duration);
                c->name = bk_format("%s %s", group, c->name);
                c->duration_us = duration;
                ret->passed = ret->passed && (bk_streq(c->verdict, "passed") || bk_streq(c->verdict, "skipped"));
        }
}

static void rows_done(struct rows *rows)
{
        for (size_t i = 0; i < rows->n_checks; i++)
                free(rows->checks[i].name);
        free(rows->packages);
        free(rows->checks);
}

static int by_key(const void *a, const void *b)
{
        return strcmp(((const struct reg_pair *)a)->key, ((const struct reg_pair *)b)->key);
}

static void image_of(const struct bake *bake, const char *manifest, const struct rows *rows, struct reg_image *ret)
{
        const struct tmpl_map *attributes = &bake->config.attributes;
        struct utsname host;

        (void)uname(&host);
        *ret = (struct reg_image){
                .id = bk_digest_bytes(manifest, strlen(manifest)), .name = bk_strdup(bake->config.image_name),
                .type = bk_strdup(bake->config.image_type), .state = rows->passed ? REG_TESTED : REG_BAKED,
                .layer = bk_strdup(json_string_value(json_object_get(bake->result, "digest"))),
                .ancestor = bk_strdup(bake->source.id), .input_hash = bk_strdup(bake->input_hash),
                .size = (uint64_t)json_integer_value(json_object_get(bake->result, "size")),
                .virtual_size = (uint64_t)json_integer_value(json_object_get(bake->result, "virtual_size")),
                .created_by = who(), .created_on = bk_strdup(host.nodename),
                .attributes = bk_alloc((attributes->keys.n + 1) * sizeof *ret->attributes), .n_attributes = attributes->keys.n,
        };
        for (size_t i = 0; i < attributes->keys.n; i++)
                ret->attributes[i] = (struct reg_pair){ bk_strdup(attributes->keys.v[i]), bk_strdup(attributes->values.v[i]) };
        if (ret->n_attributes > 0)
                qsort(ret->attributes, ret->n_attributes, sizeof *ret->attributes, by_key);
}

int bake_publish(struct bake *bake, struct reg *reg, struct bk_error *err)
{
        const int64_t now = time(NULL);
        autofree char *manifest = manifest_of(bake, now);
        struct layer_info info = {
                .digest = (char *)json_string_value(json_object_get(bake->result, "digest")),
                .size = (uint64_t)json_integer_value(json_object_get(bake->result, "size")),
        };
        const struct reg_layer layer = {
                .digest = info.digest, .backing = (char *)json_string_value(json_object_get(bake->result, "backing")), .size = info.size,
                .virtual_size = (uint64_t)json_integer_value(json_object_get(bake->result, "virtual_size")),
                .depth = (unsigned)json_integer_value(json_object_get(bake->result, "depth")),
        };
        struct rows rows = { 0 };
        struct reg_image image;
        autofree char *signature = NULL, *attestation = NULL;
        autoclose int hold = -1;
        json_t *provenance;
        int result;

        rows_of(bake->result, &rows);
        image_of(bake, manifest, &rows, &image);
        provenance = provenance_of(bake, image.created_by, image.created_on, now);
        struct reg_publication publication = {
                .image = &image, .layer = &layer, .manifest = manifest, .packages = rows.packages, .n_packages = rows.n_packages,
                .os = json_string_value(json_object_get(json_object_get(bake->result, "inventory"), "os")),
                .checks = rows.checks, .n_checks = rows.n_checks, .provenance = provenance,
                .allow_revoked = bake->options->allow_revoked || bake->config.allow_revoked, .unique_version = bake->config.unique_version,
        };
        result = bake_sign(bake->options->home, &publication, &signature, &attestation, err);
        /* A layer that was there already must not go before the row is written. */
        if (result == 0)
                result = layer_store_hold(bake->store, false, &hold, err);
        if (result == 0)
                result = layer_publish(bake->store, bake->id, &info, err);
        if (result == 0)
                result = reg_publish(reg, &publication, err);
        if (result == 0)
                result = reg_resolve(reg, image.id, &bake->image, err);
        for (size_t i = 0; i < rows.n_checks; i++)
                bake->tests_failed |= bk_streq(rows.checks[i].verdict, "failed") || bk_streq(rows.checks[i].verdict, "error");
        json_decref(provenance);
        rows_done(&rows);
        reg_image_done(&image);
        return result;
}

/* --- that it runs, and how it ended -------------------------------------------------- */
int bake_begin_row(const struct bake *bake, struct reg *reg, struct bk_error *err)
{
        autofree char *user = who();
        struct utsname host = { 0 };

        (void)uname(&host);
        return reg_bake_begin(reg, &(struct reg_bake){ .id = bake->id, .name = bake->config.image_name, .template = bake->tmpl->path,
                              .builder = bake->block->type, .who = user, .host = host.nodename,
                              .log = bake->log_path + strlen(bake->store->home) + 1, .build_url = getenv("BUILD_URL"), .source = bake->source.id },
                              err);
}

/* What was published stays published when this cannot be written: the row is corrected by the next bake of that name. */
void bake_end_row(const struct bake *bake, struct reg *reg)
{
        const bool stopped = bake->error.kind == BK_INTERRUPTED;
        struct bk_error err = { 0 };

        if (bake->log != NULL && reg_bake_end(reg, bake->id, bake->phase == BAKE_DONE ? "ok" : stopped ? "aborted" : "failed", bake->image.id,
                                              &err) < 0)
                (void)fprintf(bake->log, "the end of this bake was not recorded: %s\n", err.text);
}

/* Keys of [A-Z0-9_], values of [A-Za-z0-9._:/@+-]: what java.util.Properties and
 * Jenkins' EnvInject read alike. */
static void property(struct bk_buf *out, const char *prefix, const char *key, const char *value)
{
        for (const char *p = prefix; *p != '\0'; p++)
                bk_buf_putc(out, isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_');
        bk_buf_printf(out, "%s=", key);
        for (const char *p = value ? value : ""; *p != '\0'; p++)
                bk_buf_putc(out, isalnum((unsigned char)*p) || strchr("._:/@+-", *p) != NULL ? *p : '_');
        bk_buf_putc(out, '\n');
}

static void properties_of(struct bk_buf *out, const char *prefix, const struct bake *bake)
{
        property(out, prefix, "IMAGE_ID", bake->image.id);
        property(out, prefix, "IMAGE_NAME", bake->image.name);
        property(out, prefix, "DIGEST", bake->image.layer);
        property(out, prefix, "ANCESTOR", bake->image.ancestor);
        property(out, prefix, "STATE", reg_state_name(bake->image.state));
}

int bake_write_properties(const char *path, struct bake *const bakes[], size_t n, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };
        const struct bake *last = NULL;

        for (size_t i = 0; i < n; i++) {
                autofree char *prefix = bk_format("%s_", bakes[i]->config.image_name);

                if (bakes[i]->image.id == NULL)
                        continue;
                properties_of(&out, prefix, bakes[i]);
                last = bakes[i];
        }
        if (last != NULL)       /* of the last image, under plain names */
                properties_of(&out, "", last);
        return bk_publish_bytes(path, out.data ? out.data : "", out.len, 0644, err);
}
