/* Removing blobs that no image needs any more. A purge has said which, in its transaction; here they go, a few at a time, so that nobody
 * who bakes or pushes waits long. */
#include "registry/prune.h"

#include <sys/stat.h>

#include "lib/cleanup.h"
#include "layers/layer.h"
#include "lib/fs.h"
#include "registry/registry_priv.h"

enum { AT_ONCE = 16, HOLD_MOST_MS = 500 };

int reg_doomed(struct reg *reg, struct bk_strv *ret, struct bk_error *err)
{
        autostrv struct bk_strv list = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT digest FROM doomed ORDER BY digest", &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0)
                bk_strv_take(&list, reg_column(stmt, 0));
        if (status < 0)
                return -1;
        *ret = list;
        list = (struct bk_strv){ 0 };
        return 0;
}

/* The blob first: a row of "doomed" without a blob is nothing, a blob without it would be forgotten. */
static int collect_one(struct reg *reg, const struct layer_store *store, const char *digest, struct reg_collected *collected, struct bk_error *err)
{
        autofree char *path = layer_path(store, digest);
        struct stat st = { 0 };
        int64_t row = 0;
        const int needed = reg_sql_int(reg, &row, err, "SELECT id FROM layer WHERE digest = ?", "t", digest);

        if (needed < 0)
                return -1;
        if (needed == 0 && layer_awaited(store, digest))
                return 0;
        if (needed == 0) {
                const bool here = stat(path, &st) == 0;

                if (layer_remove(store, digest, err) < 0)
                        return -1;
                collected->blobs += here;
                collected->bytes += (uint64_t)st.st_size;
        }
        return reg_sql_run(reg, err, "DELETE FROM doomed WHERE digest = ?", "t", digest);
}

/* Some of the digests from *at on, with the store held. */
static int collect_some(struct reg *reg, const struct layer_store *store, const struct bk_strv *digests, size_t *at,
                        struct reg_collected *collected, struct bk_error *err)
{
        const size_t last = digests->n - *at < AT_ONCE ? digests->n : *at + AT_ONCE;
        autoclose int hold = -1;
        int64_t end;

        if (layer_store_hold(store, true, &hold, err) < 0)
                return -1;
        end = bk_now_ms() + HOLD_MOST_MS;
        do
                if (collect_one(reg, store, digests->v[*at], collected, err) < 0)
                        return bk_wrap(err, "collecting layer %s", digests->v[*at]);
        while (++*at < last && bk_now_ms() < end);
        return 0;
}

int reg_collect_these(struct reg *reg, const struct layer_store *store, const struct bk_strv *digests, struct reg_collected *ret,
                      struct bk_error *err)
{
        struct reg_collected collected = { 0 };
        size_t at = 0;
        int status = 0;

        while (status == 0 && at < digests->n)
                status = collect_some(reg, store, digests, &at, &collected, err);
        *ret = collected;
        return status;
}

int reg_collect(struct reg *reg, const struct layer_store *store, struct reg_collected *ret, struct bk_error *err)
{
        autostrv struct bk_strv doomed = { 0 };

        *ret = (struct reg_collected){ 0 };
        return reg_doomed(reg, &doomed, err) < 0 ? -1 : reg_collect_these(reg, store, &doomed, ret, err);
}
