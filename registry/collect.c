/* Removing blobs that no image needs any more. A purge has said which, in its transaction; here they go, a few at a time, so that nobody
 * who bakes or pushes waits long. With the store held alone the database is only read: a writer may have to wait for others, and all who
 * want to record a layer would wait with him. */
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

/* The blob alone; *gone gets its digest. A note without a blob is nothing, a blob without one would be forgotten: so the note stays until
 * the blob is gone for good. Where a row names the layer there is no note to be removed: who made the row has taken it away, and one that
 * is there by now is of a later purge. */
static int remove_blob(struct reg *reg, const struct layer_store *store, const char *digest, struct bk_strv *gone,
                       struct reg_collected *collected, struct bk_error *err)
{
        autofree char *path = layer_path(store, digest);
        struct stat st = { 0 };
        int64_t row = 0;
        const int needed = reg_sql_int(reg, &row, err, "SELECT id FROM layer WHERE digest = ?", "t", digest);
        bool here;

        if (needed != 0 || layer_awaited(store, digest))
                return needed < 0 ? -1 : 0;
        here = stat(path, &st) == 0;
        if (layer_remove(store, digest, err) < 0)
                return -1;
        collected->blobs += here;
        collected->bytes += (uint64_t)st.st_size;
        bk_strv_add(gone, digest);
        return 0;
}

/* Some of the digests from *at on, with the store held. */
static int remove_some(struct reg *reg, const struct layer_store *store, const struct bk_strv *digests, int wait_ms, size_t *at,
                       struct bk_strv *gone, struct reg_collected *collected, struct bk_error *err)
{
        const size_t last = digests->n - *at < AT_ONCE ? digests->n : *at + AT_ONCE;
        autoclose int hold = -1;
        int64_t end;

        if (layer_store_hold_within(store, true, wait_ms, &hold, err) < 0)
                return -1;
        end = bk_now_ms() + HOLD_MOST_MS;
        do
                if (remove_blob(reg, store, digests->v[*at], gone, collected, err) < 0)
                        return bk_wrap(err, "collecting layer %s", digests->v[*at]);
        while (++*at < last && bk_now_ms() < end);
        return 0;
}

/* Their notes. By now a layer may have come again: then it has no note, or is purged again and its note is needed, which its blob tells.
 * A blob that comes from here on has no row before this transaction ends; that it is not forgotten is up to who brings it. */
static int forget(struct reg *reg, const struct layer_store *store, const struct bk_strv *gone, struct bk_error *err)
{
        autotxn txn = { 0 };

        if (gone->n == 0)
                return 0;
        if (reg_txn_write(reg, &txn, err) < 0)
                return -1;
        for (size_t i = 0; i < gone->n; i++) {
                autofree char *path = layer_path(store, gone->v[i]);

                if (!bk_exists(path) && reg_sql_run(reg, err, "DELETE FROM doomed WHERE digest = ?", "t", gone->v[i]) < 0)
                        return -1;
        }
        return reg_txn_commit(&txn, err);
}

int reg_collect_these(struct reg *reg, const struct layer_store *store, const struct bk_strv *digests, int wait_ms, struct reg_collected *ret,
                      struct bk_error *err)
{
        struct reg_collected collected = { 0 };
        size_t at = 0;
        int status = 0;

        while (status == 0 && at < digests->n) {
                autostrv struct bk_strv gone = { 0 };

                status = remove_some(reg, store, digests, wait_ms, &at, &gone, &collected, err);
                if (forget(reg, store, &gone, status < 0 ? NULL : err) < 0)
                        status = -1;
        }
        *ret = collected;
        return status;
}

int reg_collect(struct reg *reg, const struct layer_store *store, struct reg_collected *ret, struct bk_error *err)
{
        autostrv struct bk_strv doomed = { 0 };

        *ret = (struct reg_collected){ 0 };
        if (reg_doomed(reg, &doomed, err) < 0 || reg_collect_these(reg, store, &doomed, LAYER_HOLD_MS, ret, err) < 0)
                return -1;
        return layer_awaited_sweep(store, err);
}
