/* Revocations whose time has come while the registry cannot be written: the disk is full, somebody else writes for long, or we may only
 * read. Who asks must not be given such an image all the same, nor be refused everything else.
 *
 * A view of the connection's own then stands before the table of images, under its name: in it what is due is revoked, with all that
 * inherits it. Whatever reads sees nothing else; whoever writes takes it away first. */
#include <string.h>
#include <time.h>

#include "registry/db.h"
#include "registry/life_priv.h"

enum { PATIENCE_MS = 100 };

static const char due[] = "SELECT 1 FROM revocation WHERE done = 0 AND at <= ? AND lifted_at IS NULL LIMIT 1";

static int put_view(struct reg *reg, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf sql = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, reg->backend->columns_of, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "t", "image") < 0)
                return -1;
        bk_buf_puts(&sql, "CREATE TEMP TABLE IF NOT EXISTS due_image (sequence INTEGER PRIMARY KEY); CREATE TEMP VIEW image AS SELECT ");
        for (int n = 0; (status = reg_sql_step(reg, stmt, err)) > 0; n++) {
                const char *column = reg_column_peek(stmt, 0);

                if (n > 0)
                        bk_buf_puts(&sql, ", ");
                if (bk_streq(column, "state"))
                        bk_buf_printf(&sql, "CASE WHEN state < %d AND sequence IN (SELECT sequence FROM temp.due_image) THEN %d ELSE state END AS ",
                                      REG_REVOKED, REG_REVOKED);
                bk_buf_puts(&sql, column);
        }
        bk_buf_puts(&sql, " FROM main.image");
        if (status < 0 || reg_sql_script(reg, sql.data, err) < 0)
                return -1;
        reg->veiled = true;
        return 0;
}

static int veil(struct reg *reg, struct bk_error *err)
{
        static const char fill[] =
                "WITH RECURSIVE heir (sequence, spreads) AS (SELECT image, spreads FROM revocation WHERE done = 0 AND at <= ? AND lifted_at IS NULL "
                "UNION SELECT c.sequence, 1 FROM heir JOIN main.image c ON c.ancestor = heir.sequence WHERE heir.spreads = 1) "
                "INSERT OR IGNORE INTO temp.due_image (sequence) SELECT sequence FROM heir";

        if ((!reg->veiled && put_view(reg, err) < 0) || reg_sql_run(reg, err, "DELETE FROM temp.due_image", "") < 0)
                return -1;
        return reg_sql_run(reg, err, fill, "i", (int64_t)time(NULL));
}

int reg_due_unveil(struct reg *reg, struct bk_error *err)
{
        if (!reg->veiled)
                return 0;
        if (reg_sql_script(reg, "DROP VIEW temp.image", err) < 0)
                return -1;
        reg->veiled = false;
        return 0;
}

/* The registry itself is well, and is only not to be written now. */
static bool passes(enum bk_kind kind)
{
        return kind == BK_NO_SPACE || kind == BK_LOCKED || kind == BK_DENIED || kind == BK_INFRA;
}

int reg_due_see(struct reg *reg, struct bk_error *err)
{
        struct bk_error why = { 0 };
        int64_t found = 0;
        int status = reg_sql_int(reg, &found, err, due, "i", (int64_t)time(NULL));

        if (status <= 0)
                return status < 0 ? -1 : reg_due_unveil(reg, err);
        if (!reg->read_only) {
                reg->patience_ms = PATIENCE_MS;
                status = reg_due_apply(reg, &why);
                reg->patience_ms = 0;
                if (status == 0)
                        return 0;
                if (!reg->backend->veils || !passes(why.kind))
                        return *err = why, -1;
        }
        return reg->backend->veils ? veil(reg, err) : 0;
}
