/* Who stands on whom, and the removal of an image on which nobody stands. */
#include "registry/registry_priv.h"

int reg_lineage(struct reg *reg, const char *id, struct reg_images *ret, struct bk_error *err)
{
        /* An ancestor has the lower sequence (a CHECK of the table), so the walk ends. */
        static const char sql[] =
                "WITH RECURSIVE line (sequence, ancestor) AS ("
                " SELECT sequence, ancestor FROM image WHERE id = ?"
                " UNION SELECT a.sequence, a.ancestor FROM line JOIN image a ON a.sequence = line.ancestor)"
                "SELECT " REG_IMAGE_COLUMNS "FROM line CROSS JOIN image i WHERE i.sequence = line.sequence ORDER BY i.sequence";
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "t", id) < 0 ||
            reg_image_rows(reg, stmt, &images, err) < 0)
                return -1;
        if (images.n == 0)
                return bk_fail(err, BK_NOT_FOUND, "no image '%.100s'", id);
        *ret = images;
        images = (struct reg_images){ 0 };
        return 0;
}

int reg_children(struct reg *reg, const char *id, struct reg_images *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int64_t sequence = 0;

        if (reg_image_find(reg, id, &sequence, NULL, err) < 0 ||
            reg_sql_prepare(reg, "SELECT " REG_IMAGE_COLUMNS "FROM image i WHERE i.ancestor = ? ORDER BY i.sequence", &stmt,
                            err) < 0 ||
            reg_sql_bind(reg, stmt, err, "i", sequence) < 0)
                return -1;
        return reg_image_rows(reg, stmt, ret, err);
}

/* BK_CONFLICT with the texts that sql selects, at most ten of them. */
static int refuse_when(struct reg *reg, const char *id, int64_t sequence, const char *why, const char *sql,
                       struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf names = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "i", sequence) < 0)
                return -1;
        for (int i = 0; (status = reg_sql_step(reg, stmt, err)) > 0; i++)
                bk_buf_printf(&names, i == 0 ? "%s" : i < 5 ? ", %s" : ", ...", reg_column_peek(stmt, 0));
        if (status < 0)
                return -1;
        if (names.len > 0)
                return bk_fail(err, BK_CONFLICT, "image '%s' %s: %s", id, why, names.data);
        return 0;
}

int reg_delete(struct reg *reg, const char *id, struct reg_layers *ret_layers, struct bk_error *err)
{
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        int64_t sequence = 0, layer = 0, set = 0;
        autotxn txn = { 0 };

        if (reg_txn_write(reg, &txn, err) < 0 || reg_image_find(reg, id, &sequence, NULL, err) < 0)
                return -1;
        if (refuse_when(reg, id, sequence, "heads a channel",
                        "SELECT name || ':' || channel FROM channel WHERE head = ? LIMIT 6", err) < 0 ||
            refuse_when(reg, id, sequence, "has descendants",
                        "SELECT name || ' ' || id FROM image WHERE ancestor = ? ORDER BY sequence LIMIT 6", err) < 0)
                return -1;
        if (reg_sql_int(reg, &layer, err, "SELECT layer FROM image WHERE sequence = ?", "i", sequence) < 0 ||
            reg_sql_int(reg, &set, err, "SELECT package_set FROM image WHERE sequence = ?", "i", sequence) < 0 ||
            reg_sql_run(reg, err, "DELETE FROM image WHERE sequence = ?", "i", sequence) < 0 ||
            reg_package_set_drop(reg, set, err) < 0 || reg_layer_drop_unused(reg, layer, &gone, err) < 0 ||
            reg_txn_commit(&txn, err) < 0)
                return -1;
        *ret_layers = gone;
        gone = (struct reg_layers){ 0 };
        return 0;
}
