/* Stands in for the tokens' own file; dropped when that is there. */
#include "registry/serve_priv.h"

#include <string.h>

int reg_token_check(struct reg *reg, const char *presented, char **ret_name, enum reg_role *ret_role, struct bk_error *err)
{
        autofree char *hash = bk_digest_bytes(presented, strlen(presented)), *name = NULL;
        int64_t role = 0;
        const int status = reg_sql_text(reg, &name, err, "SELECT name FROM token WHERE hash = ? AND revoked_at IS NULL", "t", hash);

        if (status < 0)
                return -1;
        if (status == 0)
                return bk_fail(err, BK_DENIED, "this is no token of this registry");
        if (reg_sql_int(reg, &role, err, "SELECT role FROM token WHERE hash = ?", "t", hash) < 0)
                return -1;
        *ret_name = bk_take(name);
        *ret_role = (enum reg_role)role;
        return 0;
}
