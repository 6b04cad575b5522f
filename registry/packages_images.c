/* GET /packages: every image, however deep, that has such a package, and which of them are in use. */
#include "registry/packages_priv.h"

#include "lib/fs.h"

#define LIMIT_MOST 100000

static void append_ids(struct bk_buf *sql, const struct reg_ids *ids)
{
        for (size_t i = 0; i < ids->n; i++)
                bk_buf_printf(sql, "%s%lld", i == 0 ? "" : ", ", (long long)ids->v[i]);
}

/* --- packages as JSON, each made once and shared by the images that have it ------ */
struct shared { struct reg_ids ids; json_t **v; };

static void shared_done(struct shared *shared)
{
        for (size_t i = 0; i < shared->ids.n; i++)
                json_decref(shared->v[i]);
        free(shared->v);
        reg_ids_done(&shared->ids);
}

static int share(struct reg *reg, const struct reg_ids *ids, struct shared *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf sql = { 0 };
        autostmt *stmt = NULL;
        int status;

        bk_buf_puts(&sql, "SELECT id, ecosystem, name, version, architecture, source, source_version FROM package WHERE id IN (");
        append_ids(&sql, ids);
        bk_buf_puts(&sql, ") ORDER BY id");
        ret->v = bk_alloc((ids->n + 1) * sizeof *ret->v);
        if (reg_sql_prepare(reg, sql.data, &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0 && ret->ids.n < ids->n) {
                json_t *json = json_object();

                for (int i = 1; i < reg_columns(stmt); i++)
                        (void)json_object_set_new(json, reg_column_name(stmt, i), reg_json_text(reg_column_peek(stmt, i)));
                ret->v[ret->ids.n] = json;
                reg_ids_add(&ret->ids, reg_column_int(stmt, 0));
        }
        return status < 0 ? -1 : 0;
}

static json_t *shared_get(const struct shared *shared, int64_t id)
{
        size_t low = 0, high = shared->ids.n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;

                if (shared->ids.v[middle] < id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < shared->ids.n && shared->ids.v[low] == id ? json_incref(shared->v[low]) : json_null();
}

/* --- images ----------------------------------------------------------------------- */
struct ask {
        struct reg_package_ask package;
        struct reg_ids packages, used;
        bool only_in_use;
        int64_t limit, before;
};

static json_t *image_json(struct reg_stmt *stmt, bool used)
{
        autofree char *created = bk_iso_time(reg_column_int(stmt, 5));
        const char *os = reg_column_peek(stmt, 6);

        return json_pack("{s:I, s:o, s:o, s:o, s:s, s:s, s:o, s:b, s:[]}", "sequence", (json_int_t)reg_column_int(stmt, 0),
                         "id", reg_json_text(reg_column_peek(stmt, 1)), "name", reg_json_text(reg_column_peek(stmt, 2)),
                         "type", reg_json_text(reg_column_peek(stmt, 3)), "state", reg_state_name((enum reg_state)reg_column_int(stmt, 4)),
                         "created_at", created, "os", reg_json_text(*os != '\0' ? os : NULL), "in_use", used, "packages");
}

/* Rows come by image; an image's packages are in as many rows. */
static int read_images(struct reg *reg, struct reg_stmt *stmt, const struct ask *ask, const struct shared *shared, json_t *items,
                       int64_t *ret_next, struct bk_error *err)
{
        json_t *packages = NULL;
        int64_t last = 0;
        int status;

        *ret_next = 0;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                const int64_t sequence = reg_column_int(stmt, 0);
                const bool used = reg_ids_has(&ask->used, sequence);

                if (ask->only_in_use && !used)
                        continue;
                if (sequence != last) {
                        json_t *image;

                        if ((int64_t)json_array_size(items) == ask->limit) {
                                *ret_next = last;
                                return 0;
                        }
                        image = image_json(stmt, used);
                        packages = json_object_get(image, "packages");
                        (void)json_array_append_new(items, image);
                        last = sequence;
                }
                (void)json_array_append_new(packages, shared_get(shared, reg_column_int(stmt, 7)));
        }
        return status;
}

static int find_images(struct reg *reg, const struct ask *ask, json_t *items, int64_t *ret_next, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf sql = { 0 };
        BK_CLEANUP(shared_done) struct shared shared = { 0 };
        autostmt *stmt = NULL;

        *ret_next = 0;
        if (ask->packages.n == 0)
                return 0;
        /* To SQLite, CROSS JOIN fixes the order of the loops: few packages first. */
        bk_buf_puts(&sql, "SELECT i.sequence, i.id, i.name, i.type, i.state, i.created_at, s.os, m.package FROM package_member m "
                    "CROSS JOIN package_set s CROSS JOIN image i WHERE s.id = m.package_set AND i.package_set = s.id AND m.package IN (");
        append_ids(&sql, &ask->packages);
        bk_buf_puts(&sql, ") AND i.sequence < ? AND i.state <> ? ORDER BY i.sequence DESC, m.package");
        if (share(reg, &ask->packages, &shared, err) < 0 || reg_sql_prepare(reg, sql.data, &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "ii", ask->before, (int64_t)REG_TRASHED) < 0)
                return -1;
        return read_images(reg, stmt, ask, &shared, items, ret_next, err);
}

struct texts { char *name, *ecosystem, *version; };

static void texts_done(struct texts *texts)
{
        free(texts->name);
        free(texts->ecosystem);
        free(texts->version);
}

static void ask_done(struct ask *ask)
{
        reg_ids_done(&ask->packages);
        reg_ids_done(&ask->used);
}

static int read_params(const struct reg_call *call, struct texts *texts, struct ask *ask, struct bk_error *err)
{
        if (reg_call_text(call, "name", &texts->name, err) < 0 || reg_call_text(call, "ecosystem", &texts->ecosystem, err) < 0 ||
            reg_call_text(call, "version", &texts->version, err) < 0 || reg_call_switch(call, "source", &ask->package.source, err) < 0 ||
            reg_call_switch(call, "in_use", &ask->only_in_use, err) < 0 ||
            reg_call_number(call, "limit", 1, LIMIT_MOST, &ask->limit, err) < 0 ||
            reg_call_number(call, "cursor", 1, INT64_MAX, &ask->before, err) < 0)
                return -1;
        if (texts->name == NULL || *texts->name == '\0')
                return bk_fail(err, BK_INVALID, "which package? write name=openssl, and perhaps version=<3.0.15-1");
        ask->package.name = texts->name;
        ask->package.ecosystem = texts->ecosystem;
        if (texts->version != NULL)
                ask->package.operator = reg_package_operator(texts->version, &ask->package.version);
        return 0;
}

int reg_packages_call(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(texts_done) struct texts texts = { 0 };
        BK_CLEANUP(ask_done) struct ask ask = { .limit = 1000, .before = INT64_MAX };
        json_t *items = NULL;
        int64_t next = 0;
        autotxn txn = { 0 };

        if (read_params(call, &texts, &ask, err) < 0 || reg_txn_read(call->reg, &txn, err) < 0 ||
            reg_packages_matching(call->reg, &ask.package, &ask.packages, err) < 0 || reg_in_use(call->reg, &ask.used, err) < 0)
                return -1;
        items = json_array();
        if (find_images(call->reg, &ask, items, &next, err) < 0) {
                json_decref(items);
                return -1;
        }
        call->json = reg_call_list(call, items, reg_call_next(next));
        return 0;
}
