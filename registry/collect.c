/* Removing blobs that no image needs any more. A purge has said which, in its transaction; here they go, a few at a time, so that nobody
 * who bakes or pushes waits long. */
#include "registry/prune.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "layers/layer.h"
#include "lib/fs.h"
#include "registry/registry_priv.h"

enum { AT_ONCE = 16, HOLD_MOST_MS = 500 };

struct doomed { char *digest[AT_ONCE]; size_t n; };

static void doomed_done(struct doomed *doomed)
{
        for (size_t i = 0; i < doomed->n; i++)
                free(doomed->digest[i]);
        *doomed = (struct doomed){ 0 };
}

static int read_doomed(struct reg *reg, const char *after, struct doomed *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT digest FROM doomed WHERE digest > ? ORDER BY digest LIMIT ?", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "ti", after, (int64_t)AT_ONCE) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0 && ret->n < AT_ONCE)
                ret->digest[ret->n++] = reg_column(stmt, 0);
        return status < 0 ? -1 : 0;
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

/* Goes on behind *after; 1: there may be more. */
static int collect_some(struct reg *reg, const struct layer_store *store, char **after, struct reg_collected *collected, struct bk_error *err)
{
        BK_CLEANUP(doomed_done) struct doomed doomed = { 0 };
        const int64_t end = bk_now_ms() + HOLD_MOST_MS;
        autoclose int hold = -1;
        size_t i = 0;

        if (layer_store_hold(store, true, &hold, err) < 0 || read_doomed(reg, *after, &doomed, err) < 0)
                return -1;
        for (; i < doomed.n && (i == 0 || bk_now_ms() < end); i++) {
                if (collect_one(reg, store, doomed.digest[i], collected, err) < 0)
                        return bk_wrap(err, "collecting layer %s", doomed.digest[i]);
                free(*after);
                *after = bk_strdup(doomed.digest[i]);
        }
        return i > 0;
}

int reg_collect(struct reg *reg, const struct layer_store *store, struct reg_collected *ret, struct bk_error *err)
{
        autofree char *after = bk_strdup("");
        struct reg_collected collected = { 0 };
        int status;

        do
                status = collect_some(reg, store, &after, &collected, err);
        while (status > 0);
        *ret = collected;
        return status;
}
