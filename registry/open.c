/* Opening the file.
 *
 * A rollback journal, not WAL: SQLite up to 3.51.2 can corrupt a WAL database
 * when two connections write and checkpoint at the same moment, and Debian 12
 * has 3.40.1. TRUNCATE saves the unlink and the folder's sync of DELETE; with
 * synchronous=FULL the truncation itself is synced, so a commit that was
 * reported survives a power cut. Nothing is memory-mapped: a torn disk shows as an error, not as
 * SIGBUS. */
#include "registry/registry_priv.h"

#include <string.h>

#include "lib/fs.h"
#include "registry/life.h"

static const char settings[] =
        "PRAGMA foreign_keys = ON;"
        "PRAGMA trusted_schema = OFF;"
        "PRAGMA cell_size_check = ON;"
        "PRAGMA temp_store = MEMORY;"           /* sorting must not need room in /tmp */
        "PRAGMA mmap_size = 0;"
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

static int configure(struct reg *reg, struct bk_error *err)
{
        int64_t version = 0;

        (void)sqlite3_extended_result_codes(reg->db, 1);
        (void)sqlite3_busy_timeout(reg->db, REG_BUSY_TIMEOUT_MS);
        (void)sqlite3_db_config(reg->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        if (sqlite3_exec(reg->db, settings, NULL, NULL, NULL) != SQLITE_OK)
                return reg_sql_fail(reg, err);
        reg->read_only = sqlite3_db_readonly(reg->db, "main") == 1;
        if (reg_sql_int(reg, &version, err, "PRAGMA user_version", "") < 0 || set_journal(reg, err) < 0)
                return -1;
        return reg_schema_ensure(reg, err);
}

static void close_cleanup(struct reg **reg)
{
        reg_close(*reg);
}

int reg_open(const char *home, struct reg **ret, struct bk_error *err)
{
        BK_CLEANUP(close_cleanup) struct reg *reg = bk_alloc(sizeof *reg);

        reg->path = bk_format("%s/registry.db", home);
        if (bk_mkdir_p(home, err) < 0)
                return bk_wrap(err, "registry '%s'", reg->path);
        /* SQLite itself falls back to reading when the file may not be written. */
        if (sqlite3_open_v2(reg->path, &reg->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                            SQLITE_OPEN_PRIVATECACHE, NULL) != SQLITE_OK)
                return reg_sql_fail(reg, err);
        if (configure(reg, err) < 0 || reg_due_apply(reg, err) < 0)
                return -1;
        *ret = bk_take(reg);
        return 0;
}

void reg_close(struct reg *reg)
{
        if (reg == NULL)
                return;
        (void)sqlite3_close_v2(reg->db);
        free(reg->path);
        free(reg);
}
