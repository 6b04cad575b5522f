/* The registry in a file of the state folder.
 *
 * A rollback journal, not WAL: SQLite up to 3.51.2 can corrupt a WAL database
 * when two connections write and checkpoint at the same moment, and Debian 12
 * has 3.40.1. TRUNCATE saves the unlink and the folder's sync of DELETE; with
 * synchronous=FULL the truncation itself is synced, so a commit that was
 * reported survives a power cut. Nothing is memory-mapped: a torn disk shows as an error, not as
 * SIGBUS.
 *
 * Writers begin IMMEDIATE: the lock that may have to be waited for is taken
 * first, so that nobody finds at COMMIT that what was read has changed, and
 * two writers never wait for each other. */
#include <sqlite3.h>
#include <string.h>

#include "lib/fs.h"
#include "registry/db.h"

#define APPLICATION_ID 0x42414b59       /* "BAKY": file(1) and we know the file by it */

struct statement {
        struct reg_stmt head;
        sqlite3_stmt *stmt;
};

/* A full disk shows as SQLITE_FULL, or as an I/O error with ENOSPC behind it. */
static const struct { int code; enum bk_kind kind; const char *advice; } kinds[] = {
        { SQLITE_BUSY,     BK_LOCKED,   "somebody else was using it for too long; try again" },
        { SQLITE_LOCKED,   BK_LOCKED,   "somebody else was using it for too long; try again" },
        { SQLITE_FULL,     BK_NO_SPACE, "nothing was changed; free some space and try again" },
        { SQLITE_CORRUPT,  BK_CORRUPT,  "restore it from a backup" },
        { SQLITE_NOTADB,   BK_CORRUPT,  "restore it from a backup" },
        { SQLITE_READONLY, BK_DENIED,   "you may read it only" },
        { SQLITE_PERM,     BK_DENIED,   "check its owner and mode" },
        { SQLITE_AUTH,     BK_DENIED,   "check its owner and mode" },
        { SQLITE_TOOBIG,   BK_INVALID,  "a text is too long to be recorded" },
        { SQLITE_CONSTRAINT, BK_INTERNAL, "the record contradicts what is there" },
        { SQLITE_MISUSE,   BK_INTERNAL, "a defect" },
        { SQLITE_ERROR,    BK_INTERNAL, "a defect, or a file that was changed by hand" },
};

static int fail(struct reg *reg, struct bk_error *err)
{
        const int code = sqlite3_errcode(reg->db) & 0xff;
        const int errnum = sqlite3_system_errno(reg->db);

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (kinds[i].code == code)
                        return bk_fail(err, kinds[i].kind, "registry '%s': %s; %s", reg->path,
                                       sqlite3_errmsg(reg->db), kinds[i].advice);
        if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && errnum != 0) {
                errno = errnum;
                return bk_fail_errno(err, "registry '%s': %s", reg->path, sqlite3_errmsg(reg->db));
        }
        return bk_fail(err, BK_INFRA, "registry '%s': %s", reg->path, sqlite3_errmsg(reg->db));
}

/* --- statements --------------------------------------------------------------- */
static sqlite3_stmt *lite(struct reg_stmt *stmt)
{
        return ((struct statement *)stmt)->stmt;
}

/* Statements that are done, to be run again: parsing one takes as long as most of them run. The oldest gives way. */
enum { KEPT_MOST = 48, KEPT_BYTES = 4096 };
struct waiting { uint32_t changes; int64_t since; };
struct kept { sqlite3_stmt *v[KEPT_MOST]; size_t n; struct waiting waiting; };

int reg_patience_ms = 30000;

static sqlite3_stmt *take_kept(struct reg *reg, const char *sql)
{
        struct kept *kept = reg->kept;

        for (size_t i = kept == NULL ? 0 : kept->n; i-- > 0;)
                if (strcmp(sqlite3_sql(kept->v[i]), sql) == 0) {
                        sqlite3_stmt *stmt = kept->v[i];

                        memmove(&kept->v[i], &kept->v[i + 1], (--kept->n - i) * sizeof *kept->v);
                        return stmt;
                }
        return NULL;
}

static void keep(struct reg *reg, sqlite3_stmt *stmt)
{
        struct kept *kept = reg->kept;

        if (kept == NULL || strlen(sqlite3_sql(stmt)) > KEPT_BYTES) {
                (void)sqlite3_finalize(stmt);
                return;
        }
        (void)sqlite3_reset(stmt);
        (void)sqlite3_clear_bindings(stmt);
        if (kept->n == KEPT_MOST) {
                (void)sqlite3_finalize(kept->v[0]);
                memmove(&kept->v[0], &kept->v[1], --kept->n * sizeof *kept->v);
        }
        kept->v[kept->n++] = stmt;
}

static void drop_kept(struct reg *reg)
{
        struct kept *kept = reg->kept;

        for (size_t i = 0; kept != NULL && i < kept->n; i++)
                (void)sqlite3_finalize(kept->v[i]);
        free(kept);
        reg->kept = NULL;
}

static int prepare(struct reg *reg, const char *sql, struct reg_stmt **ret, struct bk_error *err)
{
        struct statement *statement;
        sqlite3_stmt *stmt = take_kept(reg, sql);

        if (stmt == NULL && sqlite3_prepare_v2(reg->db, sql, -1, &stmt, NULL) != SQLITE_OK)
                return fail(reg, err);
        statement = bk_alloc(sizeof *statement);
        *statement = (struct statement){ .head.reg = reg, .stmt = stmt };
        *ret = &statement->head;
        return 0;
}

static void finish(struct reg_stmt *stmt)
{
        keep(stmt->reg, lite(stmt));
        free(stmt);
}

static int bind(struct reg_stmt *stmt, const struct reg_value *v, size_t n, struct bk_error *err)
{
        int code = SQLITE_OK;

        for (size_t i = 0; i < n && code == SQLITE_OK; i++)
                code = v[i].text != NULL ? sqlite3_bind_text(lite(stmt), (int)i + 1, v[i].text, -1, SQLITE_STATIC) :
                       v[i].null != '\0' ? sqlite3_bind_null(lite(stmt), (int)i + 1) :
                                           sqlite3_bind_int64(lite(stmt), (int)i + 1, v[i].number);
        return code == SQLITE_OK ? 0 : fail(stmt->reg, err);
}

static int step(struct reg_stmt *stmt, struct bk_error *err)
{
        switch (sqlite3_step(lite(stmt))) {
        case SQLITE_ROW:        return 1;
        case SQLITE_DONE:       return 0;
        default:                return fail(stmt->reg, err);
        }
}

static void reset(struct reg_stmt *stmt)
{
        (void)sqlite3_reset(lite(stmt));        /* repeats the failure of the last run, which was reported then */
}

static int columns(struct reg_stmt *stmt)
{
        return sqlite3_column_count(lite(stmt));
}

static const char *column_name(struct reg_stmt *stmt, int column)
{
        return sqlite3_column_name(lite(stmt), column);
}

static const char *column_text(struct reg_stmt *stmt, int column)
{
        return (const char *)sqlite3_column_text(lite(stmt), column);
}

static int64_t column_int(struct reg_stmt *stmt, int column)
{
        return sqlite3_column_int64(lite(stmt), column);
}

static bool column_is_int(struct reg_stmt *stmt, int column)
{
        return sqlite3_column_type(lite(stmt), column) == SQLITE_INTEGER;
}

static bool column_is_null(struct reg_stmt *stmt, int column)
{
        return sqlite3_column_type(lite(stmt), column) == SQLITE_NULL;
}

static int script(struct reg *reg, const char *sql, struct bk_error *err)
{
        return sqlite3_exec(reg->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(reg, err);
}

/* --- transactions ------------------------------------------------------------- */
static int begin(struct reg *reg, bool write, struct bk_error *err)
{
        return script(reg, write ? "BEGIN IMMEDIATE" : "BEGIN", err);
}

static int commit(struct reg *reg, struct bk_error *err)
{
        return script(reg, "COMMIT", err);
}

static void rollback(struct reg *reg)
{
        /* After a full disk SQLite may have rolled back on its own. */
        if (!sqlite3_get_autocommit(reg->db))
                (void)sqlite3_exec(reg->db, "ROLLBACK", NULL, NULL, NULL);
}

/* --- the schema --------------------------------------------------------------- */
static int version(struct reg *reg, int64_t *ret, struct bk_error *err)
{
        int64_t number = 0, application = 0, tables = 0;
        autotxn txn = { 0 };            /* all three of one moment: somebody may be making it */

        if (!reg->in_txn && reg_txn_read(reg, &txn, err) < 0)
                return -1;
        if (reg_sql_int(reg, &number, err, "PRAGMA user_version", "") < 0 ||
            reg_sql_int(reg, &application, err, "PRAGMA application_id", "") < 0)
                return -1;
        if (application != APPLICATION_ID) {
                if (reg_sql_int(reg, &tables, err, "SELECT count(*) FROM sqlite_schema", "") < 0)
                        return -1;
                if (number != 0 || tables != 0)
                        return bk_fail(err, BK_CORRUPT, "'%s' is a database, but not a registry of bakery; move it away",
                                       reg->path);
        }
        *ret = number;
        return 0;
}

static int set_version(struct reg *reg, int64_t number, struct bk_error *err)
{
        autofree char *stamp = bk_format("PRAGMA user_version = %lld; PRAGMA application_id = %d", (long long)number, APPLICATION_ID);

        return script(reg, stamp, err);
}

/* Of the tables with AUTOINCREMENT; the others take the number after their highest. */
static int set_counter(struct reg *reg, const char *table, int64_t last, struct bk_error *err)
{
        int64_t counts = 0;

        if (reg_sql_int(reg, &counts, err, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ? "
                        "AND sql LIKE '%AUTOINCREMENT%'", "t", table) < 0)
                return -1;
        if (counts == 0)
                return 0;
        if (reg_sql_run(reg, err, "DELETE FROM sqlite_sequence WHERE name = ?", "t", table) < 0)
                return -1;
        return reg_sql_run(reg, err, "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", "ti", table, last);
}

/* --- the file ------------------------------------------------------------------ */
static const char settings[] =
        "PRAGMA foreign_keys = ON;"
        "PRAGMA trusted_schema = OFF;"
        "PRAGMA cell_size_check = ON;"
        "PRAGMA temp_store = MEMORY;"           /* sorting must not need room in /tmp */
        "PRAGMA mmap_size = 0;"
        "PRAGMA cache_size = -12288;"           /* KiB; a transaction that does not fit waits for the disk in its middle, too */
        "PRAGMA synchronous = FULL;";

/* After the first read: only then does SQLite know what mode the file is in. */
static int set_journal(struct reg *reg, struct bk_error *err)
{
        autofree char *mode = NULL;

        if (reg->read_only)
                return 0;
        if (reg_sql_text(reg, &mode, err, "PRAGMA journal_mode = TRUNCATE", "") < 0)
                return -1;
        if (!bk_streq(mode, "truncate"))
                return bk_fail(err, BK_LOCKED, "registry '%s' is in journal mode '%s' and in use; end the program that "
                               "uses it and try again", reg->path, mode == NULL ? "unknown" : mode);
        return 0;
}

/* The header's change counter (www.sqlite.org/fileformat.html, 1.3.7). Read by SQLite's own descriptor: closing one of ours
 * would drop the locks that this process holds. */
static uint32_t changes(sqlite3 *db)
{
        sqlite3_file *file = NULL;
        uint8_t counter[4] = { 0 };

        if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK && file->pMethods != NULL)
                (void)file->pMethods->xRead(file, counter, sizeof counter, 24);
        return (uint32_t)counter[0] << 24 | (uint32_t)counter[1] << 16 | (uint32_t)counter[2] << 8 | counter[3];
}

/* Called while somebody else holds the lock, `nth` from 0 in one wait. Nobody stands in a queue here, so with many writers on
 * a slow disk one may wait for long; what ends the wait is that nothing is written by the others either. */
static int wait_for_others(void *arg, int nth)
{
        struct reg *reg = arg;
        struct waiting *waiting = &((struct kept *)reg->kept)->waiting;
        const int64_t now = bk_now_ms();
        const uint32_t count = changes(reg->db);

        if (nth == 0 || count != waiting->changes)
                *waiting = (struct waiting){ .changes = count, .since = now };
        if (now - waiting->since >= reg_patience_ms)
                return 0;
        (void)usleep((useconds_t)(nth < 10 ? 1 + nth : 10 + (getpid() + nth) % 20) * 1000);
        return 1;
}

static int open_file(struct reg *reg, const char *path, struct bk_error *err)
{
        sqlite3 *db = NULL;
        int64_t number = 0;
        int code;

        reg->path = bk_strdup(path);
        reg->kept = bk_alloc(sizeof(struct kept));
        /* SQLite itself falls back to reading when the file may not be written. */
        code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                               SQLITE_OPEN_PRIVATECACHE, NULL);
        reg->db = db;
        if (code != SQLITE_OK)
                return fail(reg, err);
        (void)sqlite3_extended_result_codes(db, 1);
        (void)sqlite3_busy_handler(db, wait_for_others, reg);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        if (script(reg, settings, err) < 0)
                return -1;
        reg->read_only = sqlite3_db_readonly(db, "main") == 1;
        return reg_sql_int(reg, &number, err, "PRAGMA user_version", "") < 0 ? -1 : set_journal(reg, err);
}

static void close_file(struct reg *reg)
{
        drop_kept(reg);
        (void)sqlite3_close_v2(reg->db);
}

/* A copy beside the file, which has no name any more when this returns. Writers wait while pages are copied, and not while
 * whoever asked reads them. */
static int copy_to(struct reg *reg, const char *path, struct reg *copy, struct bk_error *err)
{
        sqlite3 *db = NULL;
        sqlite3_backup *backup;
        int code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

        copy->db = db;
        if (code != SQLITE_OK || script(copy, "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA temp_store = MEMORY; "
            "PRAGMA trusted_schema = OFF", err) < 0)
                return fail(copy, err);
        backup = sqlite3_backup_init(db, "main", reg->db, "main");
        if (backup == NULL)
                return fail(copy, err);
        (void)sqlite3_backup_step(backup, -1);
        code = sqlite3_backup_finish(backup);
        if (code != SQLITE_OK)
                return fail(sqlite3_errcode(db) != SQLITE_OK ? copy : reg, err);
        return script(copy, "PRAGMA query_only = ON", err);
}

static int snapshot(struct reg *reg, struct reg **ret, struct bk_error *err)
{
        struct reg *copy = bk_alloc(sizeof *copy);
        int status;

        *copy = (struct reg){ .backend = &reg_backend_sqlite, .path = bk_format("%s.copy-%ld", reg->path, (long)getpid()), .read_only = true };
        (void)unlink(copy->path);
        status = copy_to(reg, copy->path, copy, err);
        (void)unlink(copy->path);
        if (status < 0) {
                reg_close(copy);
                return bk_wrap(err, "copying the registry");
        }
        *ret = copy;
        return 0;
}

const struct reg_backend reg_backend_sqlite = {
        .name = "SQLite",
        .open = open_file, .close = close_file,
        .prepare = prepare, .finish = finish, .bind = bind, .step = step, .reset = reset,
        .columns = columns, .column_name = column_name, .column_text = column_text, .column_int = column_int,
        .column_is_int = column_is_int, .column_is_null = column_is_null,
        .script = script, .begin = begin, .commit = commit, .rollback = rollback,
        .version = version, .set_version = set_version, .migrate = script,
        .snapshot = snapshot,
        .tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name",
        .references = "SELECT DISTINCT m.name, f.\"table\" FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f "
                      "WHERE m.type = 'table' AND m.name <> f.\"table\"",
        .columns_of = "SELECT name, CASE WHEN type = 'INTEGER' THEN 1 ELSE 0 END FROM pragma_table_info(?) ORDER BY cid",
        .counters = "SELECT name, seq FROM sqlite_sequence ORDER BY name",
        .set_counter = set_counter,
};
