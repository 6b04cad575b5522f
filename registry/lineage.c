/* Who stands on whom. */
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
