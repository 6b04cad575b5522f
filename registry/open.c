/* Opening the registry, wherever it is. */
#include <string.h>

#include "lib/fs.h"
#include "registry/db.h"
#include "registry/life.h"

static void close_cleanup(struct reg **reg)
{
        reg_close(*reg);
}

static int open_with(const struct reg_backend *backend, const char *where, struct reg **ret, struct bk_error *err)
{
        BK_CLEANUP(close_cleanup) struct reg *reg = bk_alloc(sizeof *reg);

        reg->backend = backend;
        if (backend->open(reg, where, err) < 0 || reg_schema_ensure(reg, err) < 0 || reg_due_see(reg, err) < 0)
                return -1;
        *ret = bk_take(reg);
        return 0;
}

int reg_open_url(const char *url, struct reg **ret, struct bk_error *err)
{
        return open_with(&reg_backend_postgres, url, ret, err);
}

int reg_open(const char *home, struct reg **ret, struct bk_error *err)
{
        autofree char *path = bk_format("%s/registry.db", home);
        const char *url = getenv("BAKERY_DB");

        if (url != NULL && (strncmp(url, "postgresql://", 13) == 0 || strncmp(url, "postgres://", 11) == 0))
                return reg_open_url(url, ret, err);
        /* It may hold a password, and is not told. */
        if (url != NULL && *url != '\0')
                return bk_fail(err, BK_USAGE, "BAKERY_DB is not of the form postgresql://USER@HOST/DATABASE; without it the registry is '%s'", path);
        if (bk_mkdir_p(home, err) < 0)
                return bk_wrap(err, "registry '%s'", path);
        return open_with(&reg_backend_sqlite, path, ret, err);
}

void reg_close(struct reg *reg)
{
        if (reg == NULL)
                return;
        reg->backend->close(reg);
        free(reg->path);
        free(reg);
}
