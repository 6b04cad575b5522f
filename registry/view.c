/* Where views are kept, which images have one, and when they go. */
#include "registry/view.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "registry/life_priv.h"

#define RECORD "view.json"
enum { RECORD_MOST = 64 << 10, OFFERS_MOST = 2000 };

void reg_view_done(struct reg_view *view)
{
        free(view->box_sha256);
        free(view->disk_sha256);
        free(view->meta_sha256);
        free(view->combined_sha256);
        *view = (struct reg_view){ 0 };
}

char *reg_view_path(const struct layer_store *store, const char *id, const char *file)
{
        return bk_format("%s/views/%s%s%s", store->cache, id + strlen("sha256:"), *file != '\0' ? "/" : "", file);
}

/* --- what is made ---------------------------------------------------------------- */
static char *hex_of(const json_t *record, const char *key)
{
        return bk_strdup(json_string_value(json_object_get(record, key)));
}

/* The record is written last: with it all is there. */
int reg_view_get(const struct layer_store *store, const char *id, struct reg_view *ret, struct bk_error *err)
{
        autofree char *path = reg_view_path(store, id, RECORD), *text = NULL;
        struct bk_error why = { 0 };
        autojson *record = NULL;
        json_int_t box = 0, start = 0, disk = 0, meta = 0;

        if (bk_read_file(path, RECORD_MOST, &text, NULL, &why) < 0) {
                if (why.kind == BK_NOT_FOUND)
                        return 0;
                *err = why;
                return -1;
        }
        record = json_loads(text, 0, NULL);
        if (json_unpack(record, "{s:I,s:I,s:I,s:I}", "box_size", &box, "disk_start", &start, "disk_size", &disk, "meta_size", &meta) < 0)
                return bk_fail(err, BK_CORRUPT, "'%s' is not as it was written; remove the folder that it is in", path);
        *ret = (struct reg_view){ .box_size = (uint64_t)box, .disk_start = (uint64_t)start, .disk_size = (uint64_t)disk, .meta_size = (uint64_t)meta,
                                  .box_sha256 = hex_of(record, "box_sha256"), .disk_sha256 = hex_of(record, "disk_sha256"),
                                  .meta_sha256 = hex_of(record, "meta_sha256"), .combined_sha256 = hex_of(record, "combined_sha256") };
        return 1;
}

/* --- what is offered ------------------------------------------------------------- */
void reg_offers_done(struct reg_offers *offers)
{
        for (size_t i = 0; i < offers->n; i++) {
                reg_image_done(&offers->v[i].image);
                free(offers->v[i].channel);
        }
        free(offers->v);
        *offers = (struct reg_offers){ 0 };
}

static void offer(struct reg_offers *offers, struct reg_image *image, const char *channel)
{
        offers->v = bk_grow(offers->v, offers->n + 1, sizeof *offers->v);
        offers->v[offers->n++] = (struct reg_offer){ .image = *image, .channel = bk_strdup(channel) };
        *image = (struct reg_image){ 0 };
}

static int offer_rows(struct reg *reg, struct reg_offers *offers, const char *sql, int64_t most, struct bk_error *err)
{
        autostmt *stmt = NULL, *attributes = NULL;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "i", most) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

                if (reg_image_row(reg, stmt, &attributes, &image, err) < 0)
                        return -1;
                offer(offers, &image, reg_columns(stmt) > 14 ? reg_column_peek(stmt, 14) : NULL);
        }
        return status;
}

int reg_view_offers(struct reg *reg, struct reg_offers *ret, struct bk_error *err)
{
        /* Of every name and architecture the newest that is tested. Names, and each name's architectures, are stepped over along their
         * indexes, from one to the next greater one; images without an architecture are looked for where there are some. */
        static const char newest[] =
                "WITH RECURSIVE named (name) AS (SELECT min(name) FROM image UNION ALL "
                "SELECT (SELECT min(i.name) FROM image i WHERE i.name > n.name) FROM named n WHERE n.name IS NOT NULL), "
                "kind (name, value) AS (SELECT name, substr(name, 1, 0) FROM named WHERE name IS NOT NULL UNION ALL "
                "SELECT k.name, (SELECT min(a.value) FROM attribute a WHERE a.name = k.name AND a.key = 'architecture' AND a.value > k.value) "
                "FROM kind k WHERE k.value IS NOT NULL), "
                "newest (sequence) AS (SELECT CASE WHEN k.value <> '' THEN (SELECT a.image FROM attribute a CROSS JOIN image i "
                "WHERE i.sequence = a.image AND a.name = k.name AND a.key = 'architecture' AND a.value = k.value AND i.state IN (1, 2) "
                "AND i.hidden = 0 ORDER BY a.image DESC LIMIT 1) "
                "WHEN (SELECT count(*) FROM image i WHERE i.name = k.name) > (SELECT count(*) FROM attribute a WHERE a.name = k.name "
                "AND a.key = 'architecture' AND a.value > '') THEN (SELECT i.sequence FROM image i WHERE i.name = k.name AND i.state IN (1, 2) "
                "AND i.hidden = 0 AND NOT EXISTS (SELECT 1 FROM attribute a WHERE a.image = i.sequence AND a.key = 'architecture' "
                "AND a.value > '') ORDER BY i.sequence DESC LIMIT 1) END FROM kind k WHERE k.value IS NOT NULL) "
                "SELECT " REG_IMAGE_COLUMNS "FROM newest w JOIN image i ON i.sequence = w.sequence ORDER BY i.sequence DESC LIMIT ?";
        static const char heads[] = "SELECT " REG_IMAGE_COLUMNS ", c.channel FROM channel c JOIN image i ON i.sequence = c.head "
                                    "WHERE i.state < 4 ORDER BY c.name, c.channel LIMIT ?";
        BK_CLEANUP(reg_offers_done) struct reg_offers offers = { 0 };
        autotxn txn = { 0 };

        if (reg_txn_read(reg, &txn, err) < 0 || offer_rows(reg, &offers, newest, OFFERS_MOST, err) < 0 ||
            offer_rows(reg, &offers, heads, OFFERS_MOST, err) < 0)
                return -1;
        *ret = offers;
        offers = (struct reg_offers){ 0 };
        return 0;
}

/* --- removing -------------------------------------------------------------------- */
/* The record first: what is half removed must not look made. */
int reg_view_drop(const struct layer_store *store, const char *id, struct bk_error *err)
{
        autofree char *record = reg_view_path(store, id, RECORD), *folder = reg_view_path(store, id, "");

        if (unlink(record) < 0 && errno != ENOENT && errno != ENOTDIR)
                return bk_fail_errno(err, "cannot remove '%s'", record);
        return bk_remove_tree(folder, err);
}

struct kept { char *id; uint64_t size; struct timespec at; };
struct keeping { struct kept *v; size_t n; };

static void keeping_done(struct keeping *keeping)
{
        for (size_t i = 0; i < keeping->n; i++)
                free(keeping->v[i].id);
        free(keeping->v);
}

static int by_age(const void *a, const void *b)
{
        const struct timespec *x = &((const struct kept *)a)->at, *y = &((const struct kept *)b)->at;

        return x->tv_sec != y->tv_sec ? (x->tv_sec > y->tv_sec) - (x->tv_sec < y->tv_sec) : (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* 1: somebody may still want it, 0: nobody may have it, -1. */
static int wanted(struct reg *reg, const char *id, struct bk_error *err)
{
        enum reg_state state = REG_BAKED;
        struct bk_error why = { 0 };

        if (reg_image_find(reg, id, NULL, &state, &why) == 0)
                return state < REG_REVOKED;
        if (why.kind == BK_NOT_FOUND)
                return 0;
        *err = why;
        return -1;
}

static int look_at(struct reg *reg, const struct layer_store *store, const char *name, struct keeping *keeping, size_t *removed, struct bk_error *err)
{
        autofree char *id = bk_format("sha256:%s", name);
        autofree char *box = NULL;
        struct stat st = { 0 };
        int status;

        if (!bk_digest_valid(id))
                return 0;
        box = reg_view_path(store, id, REG_VIEW_BOX);
        status = wanted(reg, id, err);
        if (status < 0)
                return -1;
        /* Without a record it is being made, or was when its maker died. */
        if (status == 0) {
                ++*removed;
                return reg_view_drop(store, id, err);
        }
        if (stat(box, &st) < 0)
                return 0;
        keeping->v = bk_grow(keeping->v, keeping->n + 1, sizeof *keeping->v);
        keeping->v[keeping->n++] = (struct kept){ .id = bk_take(id), .size = (uint64_t)st.st_size, .at = st.st_mtim };
        return 0;
}

int reg_view_prune(struct reg *reg, const struct layer_store *store, uint64_t most, size_t *ret_removed, struct bk_error *err)
{
        BK_CLEANUP(keeping_done) struct keeping keeping = { 0 };
        autofree char *folder = bk_format("%s/views", store->cache);
        autodir DIR *dir = opendir(folder);
        const struct dirent *entry;
        uint64_t total = 0;

        *ret_removed = 0;
        while (dir != NULL && (entry = readdir(dir)) != NULL)
                if (look_at(reg, store, entry->d_name, &keeping, ret_removed, err) < 0)
                        return -1;
        if (keeping.n == 0)
                return 0;
        qsort(keeping.v, keeping.n, sizeof *keeping.v, by_age);
        for (size_t i = 0; i < keeping.n; i++)
                total += keeping.v[i].size;
        for (size_t i = 0; i < keeping.n && total > most; i++) {
                if (reg_view_drop(store, keeping.v[i].id, err) < 0)
                        return -1;
                total -= keeping.v[i].size;
                ++*ret_removed;
        }
        return 0;
}
