/* A bake becomes visible: everything that is recorded of it, in one
 * transaction, layer first, so that every foreign key holds at every moment. */
#include "registry/registry_priv.h"

#include <time.h>

static int check_ancestor(struct reg *reg, const struct reg_image *image, int64_t *ret, struct bk_error *err)
{
        enum reg_state state = REG_BAKED;

        if (image->ancestor == NULL) {
                *ret = 0;
                return 0;
        }
        if (reg_image_find(reg, image->ancestor, ret, &state, err) < 0)
                return bk_wrap(err, "the ancestor of '%s'", image->name);
        if (state == REG_REVOKED || state == REG_TRASHED)
                return bk_fail(err, BK_CONFLICT, "the ancestor '%s' of '%s' is %s; bake on a newer one", image->ancestor,
                               image->name, reg_state_name(state));
        return 0;
}

static int put_image(struct reg *reg, const struct reg_publication *p, int64_t *ret, struct bk_error *err)
{
        const struct reg_image *image = p->image;
        int64_t layer = 0, ancestor = 0, set = 0;

        if (check_ancestor(reg, image, &ancestor, err) < 0)
                return -1;
        if ((p->layer != NULL ? reg_layer_put(reg, p->layer, &layer, err) :
                                reg_layer_row(reg, image->layer, &layer, err)) < 0 ||
            reg_inventory_put(reg, p, &set, err) < 0)
                return -1;
        return reg_sql_int(reg, ret, err, "INSERT INTO image (id, name, type, state, layer, ancestor, input_hash, size, virtual_size, "
                           "created_at, created_by, created_on, package_set) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                           "RETURNING sequence", "tttiirtiiittr", image->id, image->name, image->type, (int64_t)image->state, layer,
                           ancestor, image->input_hash, (int64_t)image->size, (int64_t)image->virtual_size, (int64_t)time(NULL),
                           image->created_by, image->created_on, set) < 0 ? -1 : 0;
}

static int put_attributes(struct reg *reg, const struct reg_image *image, int64_t row, struct bk_error *err)
{
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, "INSERT INTO attribute (image, key, value, name) SELECT sequence, ?, ?, name FROM image "
                            "WHERE sequence = ?", &stmt, err) < 0)
                return -1;
        for (size_t i = 0; i < image->n_attributes; i++)
                if (reg_sql_bind(reg, stmt, err, "tti", image->attributes[i].key, image->attributes[i].value, row) < 0 ||
                    reg_sql_step(reg, stmt, err) < 0)
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

static int publish(struct reg *reg, const struct reg_publication *p, struct bk_error *err)
{
        const struct reg_image *image = p->image;
        int64_t row = 0;
        autotxn txn = { 0 };
        int status;

        if (reg_publication_check(p, err) < 0 || reg_txn_write(reg, &txn, err) < 0)
                return -1;
        status = reg_sql_int(reg, &row, err, "SELECT sequence FROM image WHERE id = ?", "t", image->id);
        if (status != 0)
                return status < 0 ? -1 : bk_fail(err, BK_CONFLICT, "image '%s' is published already", image->id);
        if (put_image(reg, p, &row, err) < 0 || put_attributes(reg, image, row, err) < 0 ||
            put_checks(reg, p, row, err) < 0 || put_documents(reg, p, row, err) < 0 ||
            reg_state_log(reg, row, -1, image->state, image->created_by, "published", err) < 0 ||
            reg_vulnerable_published(reg, row, image->created_by, err) < 0)
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
