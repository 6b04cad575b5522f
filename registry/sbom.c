/* An image's bill of materials out of the registry, and one of others into it. */
#include "registry/sbom.h"

#include <string.h>

struct loaded { struct reg_image image, ancestor; struct reg_package *packages; size_t n; char *os; };

static void loaded_done(struct loaded *loaded)
{
        for (size_t i = 0; i < loaded->n; i++) {
                free(loaded->packages[i].ecosystem);
                free(loaded->packages[i].name);
                free(loaded->packages[i].version);
                free(loaded->packages[i].architecture);
                free(loaded->packages[i].source);
                free(loaded->packages[i].source_version);
        }
        free(loaded->packages);
        free(loaded->os);
        reg_image_done(&loaded->image);
        reg_image_done(&loaded->ancestor);
}

static int load_packages(struct reg *reg, struct loaded *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT p.ecosystem, p.name, p.version, p.architecture, p.source, p.source_version FROM image i "
                            "JOIN package_member m ON m.package_set = i.package_set JOIN package p ON p.id = m.package WHERE i.sequence = ? "
                            "ORDER BY p.ecosystem, p.name, p.version, p.architecture, p.source, p.source_version", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "i", ret->image.sequence) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                if ((ret->n & (ret->n - 1)) == 0)
                        ret->packages = bk_grow(ret->packages, ret->n ? ret->n * 2 : 1, sizeof *ret->packages);
                ret->packages[ret->n++] = (struct reg_package){
                        .ecosystem = reg_column(stmt, 0), .name = reg_column(stmt, 1), .version = reg_column(stmt, 2),
                        .architecture = reg_column(stmt, 3), .source = reg_column(stmt, 4), .source_version = reg_column(stmt, 5),
                };
        }
        return status;
}

static int load(struct reg *reg, const char *reference, struct loaded *ret, struct bk_error *err)
{
        if (reg_resolve(reg, reference, &ret->image, err) < 0 || load_packages(reg, ret, err) < 0 ||
            (ret->image.ancestor != NULL && reg_image_by_id(reg, ret->image.ancestor, &ret->ancestor, err) < 0) ||
            reg_sql_text(reg, &ret->os, err, "SELECT s.os FROM image i JOIN package_set s ON s.id = i.package_set WHERE i.sequence = ?", "i",
                         ret->image.sequence) < 0)
                return -1;
        if (ret->n == 0)
                return bk_fail(err, BK_NOT_FOUND, "nothing is known of what is in image '%s'; `bakery sbom attach` can tell", ret->image.id);
        return 0;
}

static const struct { const char *name; json_t *(*write)(const struct reg_sbom *sbom); } formats[] = {
        { "spdx", reg_sbom_spdx }, { "cyclonedx", reg_sbom_cyclonedx },
};

int reg_sbom_call(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(loaded_done) struct loaded loaded = { 0 };
        autofree char *format = NULL;
        autotxn txn = { 0 };

        if (reg_call_text(call, "format", &format, err) < 0)
                return -1;
        for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
                if (!bk_streq(formats[i].name, format != NULL ? format : "spdx"))
                        continue;
                if (reg_txn_read(call->reg, &txn, err) < 0 || load(call->reg, call->part[0], &loaded, err) < 0)
                        return -1;
                const struct reg_sbom sbom = {
                        .image = &loaded.image, .ancestor = loaded.ancestor.id != NULL ? &loaded.ancestor : NULL,
                        .os = loaded.os != NULL ? loaded.os : "",
                        .packages = loaded.packages, .n_packages = loaded.n,
                };

                call->json = formats[i].write(&sbom);
                return call->json != NULL ? 0 : bk_fail(err, BK_INTERNAL, "the bill of materials cannot be written as JSON");
        }
        return bk_fail(err, BK_INVALID, "there is no format '%.50s'; write spdx or cyclonedx", format);
}

/* --- attaching ----------------------------------------------------------------------- */
static int tell(struct reg *reg, const char *who, const struct reg_image *image, const struct reg_parts *parts, struct bk_error *err)
{
        json_t *detail = json_pack("{s:I, s:o}", "packages", (json_int_t)parts->n, "os", reg_json_text(parts->os));
        const struct reg_event event = { .who = who, .action = "image.inventory", .subject = image->id, .name = image->name, .detail = detail };
        const int status = reg_event_put(reg, &event, err);

        json_decref(detail);
        return status;
}

static int attach(struct reg *reg, const char *who, const char *reference, bool replace, const struct reg_parts *parts, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *os = NULL;
        int64_t was = 0, set = 0;
        autotxn txn = { 0 };

        if (reg_txn_write(reg, &txn, err) < 0 || reg_resolve(reg, reference, &image, err) < 0 ||
            reg_sql_int(reg, &was, err, "SELECT package_set FROM image WHERE sequence = ?", "i", image.sequence) < 0)
                return -1;
        if (was != 0 && !replace)
                return bk_fail(err, BK_CONFLICT, "what is in image '%s' is known already; replace it if that is wrong", image.id);
        os = parts->os != NULL ? bk_strdup(parts->os) : reg_os_of_image(&image);
        if (reg_package_set_put(reg, parts->v, parts->n, os, &set, err) < 0 ||
            reg_sql_run(reg, err, "UPDATE image SET package_set = ? WHERE sequence = ?", "ii", set, image.sequence) < 0 ||
            (was != 0 && was != set && reg_package_set_drop(reg, was, err) < 0) || tell(reg, who, &image, parts, err) < 0 ||
            reg_vulnerable_published(reg, image.sequence, who, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_sbom_attach_call(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_parts_done) struct reg_parts parts = { 0 };
        bool replace = false;
        json_error_t why;
        json_t *body = json_loadb(call->request->body ? call->request->body : "", call->request->length, JSON_ALLOW_NUL, &why);
        int status = body == NULL ? bk_fail(err, BK_INVALID, "the bill of materials is not JSON: line %d: %s", why.line, why.text) :
                     reg_call_switch(call, "replace", &replace, err);

        if (status == 0)
                status = reg_sbom_parse(body, &parts, err);
        json_decref(body);
        if (status < 0 || attach(call->reg, call->request->who, call->part[0], replace, &parts, err) < 0)
                return -1;
        call->json = json_pack("{s:I, s:I, s:o}", "packages", (json_int_t)parts.n, "left_out", (json_int_t)parts.left_out,
                               "os", reg_json_text(parts.os));
        return 0;
}
