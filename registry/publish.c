/* A bake becomes visible: everything that is recorded of it, in one
 * transaction, layer first, so that every foreign key holds at every moment. */
#include "registry/life_priv.h"

#include <time.h>

static int check_ancestor(struct reg *reg, const struct reg_publication *p, int64_t *ret, struct bk_error *err)
{
        const struct reg_image *image = p->image;
        enum reg_state state = REG_BAKED;
        autofree char *why = NULL;

        if (image->ancestor == NULL) {
                *ret = 0;
                return 0;
        }
        if (reg_image_find(reg, image->ancestor, ret, &state, err) < 0)
                return bk_wrap(err, "the ancestor of '%s'", image->name);
        if (state == REG_TRASHED)
                return bk_fail(err, BK_CONFLICT, "the ancestor '%s' of '%s' is %s; bake on a newer one", image->ancestor,
                               image->name, reg_state_name(state));
        if (state != REG_REVOKED || p->allow_revoked)
                return 0;
        if (reg_revoked_why(reg, image->ancestor, &why, err) < 0)
                return -1;
        return bk_fail(err, BK_CONFLICT, "the ancestor '%s' of '%s' is revoked %s; bake on a newer one", image->ancestor, image->name, why);
}

static int check_version(struct reg *reg, const struct reg_publication *p, struct bk_error *err)
{
        const struct reg_release release = { .name = p->image->name, .version = reg_image_attribute(p->image, "version"),
                                             .architecture = reg_image_attribute(p->image, "architecture"), .unique = p->unique_version };

        return reg_release_check(reg, &release, err);
}

static int put_image(struct reg *reg, const struct reg_publication *p, int64_t *ret, int64_t *ret_ancestor, struct bk_error *err)
{
        const struct reg_image *image = p->image;
        int64_t layer = 0, ancestor = 0, set = 0;

        if (check_ancestor(reg, p, &ancestor, err) < 0 || check_version(reg, p, err) < 0)
                return -1;
        if ((p->layer != NULL ? reg_layer_put(reg, p->layer, &layer, err) :
                                reg_layer_row(reg, image->layer, &layer, err)) < 0 ||
            reg_inventory_put(reg, p, &set, err) < 0)
                return -1;
        *ret_ancestor = ancestor;
        return reg_sql_int(reg, ret, err, "INSERT INTO image (id, name, type, state, layer, ancestor, input_hash, size, virtual_size, "
                           "created_at, created_by, created_on, package_set, unique_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                           "RETURNING sequence", "tttiirtiiittri", image->id, image->name, image->type, (int64_t)image->state, layer,
                           ancestor, image->input_hash, (int64_t)image->size, (int64_t)image->virtual_size, (int64_t)time(NULL),
                           image->created_by, image->created_on, set, (int64_t)p->unique_version) < 0 ? -1 : 0;
}

static int put_attributes(struct reg *reg, const struct reg_image *image, int64_t row, struct bk_error *err)
{
        for (size_t i = 0; i < image->n_attributes; i++)
                if (reg_attribute_put(reg, row, image->attributes[i].key, image->attributes[i].value, err) < 0)
                        return -1;
        return 0;
}

static int put_checks(struct reg *reg, const struct reg_publication *p, int64_t row, struct bk_error *err)
{
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, "INSERT INTO verdict (image, position, suite, name, verdict, message, duration_us) "
                            "VALUES (?, ?, ?, ?, ?, ?, ?)", &stmt, err) < 0)
                return -1;
        for (size_t i = 0; i < p->n_checks; i++) {
                const struct reg_check *check = &p->checks[i];

                if (reg_sql_bind(reg, stmt, err, "iitttti", row, (int64_t)i, check->suite, check->name, check->verdict,
                                 check->message, check->duration_us) < 0 || reg_sql_step(reg, stmt, err) < 0)
                        return -1;
        }
        return 0;
}

static int put_documents(struct reg *reg, const struct reg_publication *p, int64_t row, struct bk_error *err)
{
        autofree char *provenance = NULL;

        if (p->provenance != NULL) {
                provenance = json_dumps(p->provenance, JSON_COMPACT | JSON_SORT_KEYS);
                if (provenance == NULL)
                        return bk_fail(err, BK_INVALID, "the provenance cannot be written as JSON");
        }
        return reg_sql_run(reg, err, "INSERT INTO document (image, manifest, provenance) VALUES (?, ?, ?)", "itt", row,
                           p->manifest, provenance);
}

static int put_signatures(struct reg *reg, const struct reg_publication *p, int64_t row, struct bk_error *err)
{
        struct reg_image image = *p->image;     /* borrows */

        image.sequence = row;
        for (size_t i = 0; i < p->n_signatures; i++)
                if (reg_signature_add(reg, row, p->signatures[i], err) < 0)
                        return bk_wrap(err, "signature %zu", i + 1);
        if (p->attestation != NULL && reg_attestation_add(reg, &image, p->provenance, p->attestation, err) < 0)
                return bk_wrap(err, "the attestation");
        return 0;
}

/* Who asks for an image that is there again is not told that it is gone. */
static int tell(struct reg *reg, const struct reg_image *image, const char *who, struct bk_error *err)
{
        autojson *detail = json_pack("{s:s, s:s, s:s?}", "state", reg_state_name(image->state), "layer", image->layer, "ancestor", image->ancestor);
        const struct reg_event event = { .who = who, .action = "image.published", .subject = image->id, .name = image->name,
                                         .detail = detail };

        if (reg_sql_run(reg, err, "DELETE FROM gone WHERE id = ?", "t", image->id) < 0)
                return -1;
        return reg_event_put(reg, &event, err);
}

static int publish(struct reg *reg, const struct reg_publication *p, struct bk_error *err)
{
        const struct reg_image *image = p->image;
        struct reg_subject subject = { .id = image->id, .name = image->name, .state = image->state };
        const char *who = p->who != NULL ? p->who : image->created_by;
        int64_t ancestor = 0;
        autotxn txn = { 0 };
        int status;

        if (reg_publication_check(p, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || reg_due_within(reg, err) < 0)
                return -1;
        status = reg_sql_int(reg, &subject.image, err, "SELECT sequence FROM image WHERE id = ?", "t", image->id);
        if (status != 0)
                return status < 0 ? -1 : bk_fail(err, BK_CONFLICT, "image '%s' is published already", image->id);
        if (put_image(reg, p, &subject.image, &ancestor, err) < 0 || put_attributes(reg, image, subject.image, err) < 0 ||
            put_checks(reg, p, subject.image, err) < 0 || put_documents(reg, p, subject.image, err) < 0 ||
            put_signatures(reg, p, subject.image, err) < 0 ||
            reg_state_log(reg, subject.image, -1, image->state, who, "published", err) < 0 || tell(reg, image, who, err) < 0 ||
            reg_revoked_inherit(reg, &subject, ancestor, who, err) < 0 ||
            reg_vulnerable_published(reg, subject.image, image->created_by, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_publish(struct reg *reg, const struct reg_publication *publication, struct bk_error *err)
{
        const char *name = publication->image->name;

        if (publish(reg, publication, err) < 0)
                return bk_wrap(err, "publishing '%.200s'", name == NULL ? "" : name);
        return 0;
}
