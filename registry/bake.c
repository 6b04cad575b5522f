/* Rows of bakes, which of them still run, and their logs. */
#include "registry/bake.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>

#include "lib/fs.h"
#include "lib/lease.h"
#include "registry/life_priv.h"

enum { ROWS_MOST = 1000, LOG_MOST = 1 << 20, LOCKS_MOST = 4 << 20 };
#define COLUMNS "number, id, name, template, builder, who, host, started_at, ended_at, status, log, image, build_url, source"

static int tell(struct reg *reg, const char *action, const char *id, const char *who, const char *name, const char *status, const char *image,
                struct bk_error *err)
{
        json_t *detail = json_pack("{s:s, s:o}", "status", status, "image", reg_json_text(image));
        const int result = reg_event_put(reg, &(struct reg_event){ .who = who, .action = action, .subject = id, .name = name, .detail = detail },
                                         err);

        json_decref(detail);
        return result;
}

/* Whoever begins has the lock of that name on that host, so others that seem to run there were killed. */
int reg_bake_begin(struct reg *reg, const struct reg_bake *bake, struct bk_error *err)
{
        static const char sql[] = "INSERT INTO bake (id, name, template, builder, who, host, started_at, status, log, build_url, source) "
                                  "VALUES (?, ?, ?, ?, ?, ?, ?, 'running', ?, ?, ?)";
        const int64_t now = time(NULL);
        autotxn txn = { 0 };

        if (reg_txn_write(reg, &txn, err) < 0 ||
            reg_sql_run(reg, err, "UPDATE bake SET status = 'aborted', ended_at = ? WHERE status = 'running' AND name = ? AND host = ?", "itt", now,
                        bake->name, bake->host) < 0 ||
            reg_sql_run(reg, err, sql, "ttttttittt", bake->id, bake->name, bake->template, bake->builder, bake->who, bake->host, now, bake->log,
                        bake->build_url, bake->source) < 0 ||
            tell(reg, "bake.started", bake->id, bake->who, bake->name, "running", NULL, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_bake_end(struct reg *reg, const char *id, const char *status, const char *image, struct bk_error *err)
{
        autofree char *who = NULL, *name = NULL;
        autotxn txn = { 0 };

        if (reg_txn_write(reg, &txn, err) < 0 || reg_sql_text(reg, &who, err, "SELECT who FROM bake WHERE id = ?", "t", id) < 0 ||
            reg_sql_text(reg, &name, err, "SELECT name FROM bake WHERE id = ?", "t", id) < 0)
                return -1;
        if (name == NULL)
                return bk_fail(err, BK_NOT_FOUND, "there is no bake '%.100s'", id);
        if (reg_sql_run(reg, err, "UPDATE bake SET status = ?, ended_at = ?, image = ? WHERE id = ?", "titt", status, (int64_t)time(NULL), image,
                        id) < 0 ||
            tell(reg, "bake.ended", id, who, name, status, image, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_bake_abort(struct reg *reg, const char *id, bool act, bool *ret_runs, struct bk_error *err)
{
        int64_t n = 0;

        if (reg_sql_int(reg, &n, err, "SELECT count(*) FROM bake WHERE id = ? AND status = 'running'", "t", id) < 0 ||
            (n > 0 && act && reg_bake_end(reg, id, "aborted", NULL, err) < 0))
                return -1;
        *ret_runs = n > 0;
        return 0;
}

/* --- which of them run ------------------------------------------------------------------ */
/* The kernel lists who holds a lock (proc(5)): looking there takes no lock from anybody. "4: FLOCK  ADVISORY  WRITE 71 fe:01:2753 0 EOF" */
static bool locked(const char *locks, const char *path)
{
        autofree char *wanted = NULL;
        struct stat st;

        if (stat(path, &st) < 0)
                return false;
        wanted = bk_format(" %02x:%02x:%ju ", major(st.st_dev), minor(st.st_dev), (uintmax_t)st.st_ino);
        return strstr(locks, wanted) != NULL;
}

/* As it is locked: bakery/bake/supervise.c. */
static char *lock_path(const struct layer_store *store, const char *bake)
{
        autofree char *name = bk_strdup(bake);

        for (char *p = name; *p != '\0'; p++)
                *p = *p == '/' ? '+' : *p;
        return bk_format("%s/locks/%s", store->run, name);
}

static void find_killed(const struct layer_store *store, json_t *items)
{
        autofree char *locks = NULL;
        struct utsname here = { 0 };
        json_t *item;
        size_t i;

        if (store == NULL || uname(&here) < 0 || bk_read_file("/proc/locks", LOCKS_MOST, &locks, NULL, NULL) < 0)
                return;
        json_array_foreach(items, i, item) {
                const char *name = json_string_value(json_object_get(item, "name"));
                autofree char *path = NULL;

                if (!bk_streq(json_string_value(json_object_get(item, "status")), "running") || name == NULL ||
                    !bk_streq(json_string_value(json_object_get(item, "host")), here.nodename))
                        continue;
                path = lock_path(store, name);
                if (!locked(locks, path))
                        (void)json_object_set_new(item, "status", json_string("aborted"));
        }
}

/* Another state folder of this host has its own locks, and its own logs; and /proc/locks does not show those of other containers, so the lock
 * is taken while its row is changed. A bake records its end before it lets go of its lock, so the row is asked once more. */
static int bury(struct reg *reg, const struct layer_store *store, const json_t *item, struct bk_error *err)
{
        const char *log = json_string_value(json_object_get(item, "log")), *name = json_string_value(json_object_get(item, "name"));
        autofree char *path = bk_format("%s/%s", store->home, log == NULL ? "" : log), *lock = lock_path(store, name == NULL ? "" : name);
        struct bk_error held = { 0 };
        autoclose int fd = -1;
        bool runs = false;

        if (log == NULL || !bk_streq(json_string_value(json_object_get(item, "status")), "aborted") || !bk_exists(path) ||
            (bk_exists(lock) && bk_lock_take(lock, 0, &fd, &held) < 0))
                return 0;
        return reg_bake_abort(reg, json_string_value(json_object_get(item, "id")), true, &runs, err);
}

int reg_bakes_bury(struct reg *reg, const struct layer_store *store, struct bk_error *err)
{
        autojson *running = NULL;
        const json_t *item;
        size_t i;

        if (reg_bakes_json(reg, store, &(struct reg_bake_query){ .status = "running" }, &running, err) < 0)
                return -1;
        json_array_foreach(json_object_get(running, "items"), i, item)
                if (bury(reg, store, item, err) < 0)
                        return -1;
        return 0;
}

/* --- telling ------------------------------------------------------------------------------ */
int reg_bakes_json(struct reg *reg, const struct layer_store *store, const struct reg_bake_query *query, json_t **ret, struct bk_error *err)
{
        static const char sql[] = "SELECT " COLUMNS " FROM bake WHERE (? = '' OR name = ?) AND (? = '' OR status = ?) AND number < ? "
                                  "ORDER BY number DESC LIMIT ?";
        const char *name = query->name == NULL ? "" : query->name, *status = query->status == NULL ? "" : query->status;
        const int64_t limit = query->limit <= 0 || query->limit > ROWS_MOST ? ROWS_MOST : query->limit;
        const int64_t below = query->before <= 0 ? INT64_MAX : query->before;
        autojson *items = NULL;
        autostmt *stmt = NULL;
        const json_t *last;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "ttttii", name, name, status, status, below, limit) < 0 || reg_json_rows(reg, stmt, &items, err) < 0)
                return -1;
        last = json_array_size(items) == (size_t)limit ? json_array_get(items, (size_t)limit - 1) : NULL;
        find_killed(store, items);
        *ret = json_pack("{s:O, s:o}", "items", items, "next", last == NULL ? json_null() :
                         json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(last, "number"))));
        return 0;
}

int reg_bake_json(struct reg *reg, const struct layer_store *store, const char *id, json_t **ret, struct bk_error *err)
{
        autojson *items = NULL;
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, "SELECT " COLUMNS " FROM bake WHERE id = ?", &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "t", id) < 0 ||
            reg_json_rows(reg, stmt, &items, err) < 0)
                return -1;
        if (json_array_size(items) == 0)
                return bk_fail(err, BK_NOT_FOUND, "there is no bake '%.100s'", id);
        find_killed(store, items);
        *ret = json_incref(json_array_get(items, 0));
        return 0;
}

/* --- logs ----------------------------------------------------------------------------------- */
/* A row is no reason to read any other file. */
static bool log_name(const char *log)
{
        return strncmp(log, "logs/", 5) == 0 && strchr(log + 5, '/') == NULL && log[5] != '.' && log[5] != '\0';
}

int reg_bake_log(struct reg *reg, const struct layer_store *store, const char *id, uint64_t from, char **ret, size_t *ret_length,
                 uint64_t *ret_size, struct bk_error *err)
{
        autofree char *log = NULL, *path = NULL, *text = NULL;
        autoclose int fd = -1;
        struct stat st = { 0 };
        ssize_t n;
        const int status = reg_sql_text(reg, &log, err, "SELECT log FROM bake WHERE id = ?", "t", id);

        if (status < 0)
                return -1;
        if (store == NULL || log == NULL || !log_name(log))
                return bk_fail(err, BK_NOT_FOUND, "there is no log of a bake '%.100s' here", id);
        path = bk_format("%s/%s", store->home, log);
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return bk_fail(err, BK_NOT_FOUND, "the log of bake '%s' is not here; it is where that baked", id);
        text = bk_alloc(LOG_MOST + 1);
        n = from >= (uint64_t)st.st_size ? 0 : pread(fd, text, LOG_MOST, (off_t)from);
        if (n < 0)
                return bk_fail_errno(err, "cannot read '%s'", path);
        *ret = bk_take(text);
        *ret_length = (size_t)n;
        *ret_size = (uint64_t)st.st_size;
        return 0;
}
