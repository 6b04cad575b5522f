/* Speaking SQL: parameters are always bound, failures always have a kind, and a
 * transaction that is not committed is rolled back on every way out.
 *
 * Writers begin IMMEDIATE: the lock that may have to be waited for is taken
 * first, so that nobody finds at COMMIT that what was read has changed, and
 * two writers never wait for each other. */
#include "registry/registry_priv.h"

#include <string.h>

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

int reg_sql_fail(struct reg *reg, struct bk_error *err)
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

/* A statement is SQLite's own; nobody outside of this file looks into it. */
static sqlite3_stmt *lite(struct reg_stmt *stmt)
{
        return (sqlite3_stmt *)(void *)stmt;
}

void reg_stmt_done(struct reg_stmt **stmt)
{
        const int saved = errno;

        (void)sqlite3_finalize(lite(*stmt));
        *stmt = NULL;
        errno = saved;
}

int reg_sql_prepare(struct reg *reg, const char *sql, struct reg_stmt **ret, struct bk_error *err)
{
        sqlite3_stmt *stmt = NULL;

        if (sqlite3_prepare_v2(reg->db, sql, -1, &stmt, NULL) != SQLITE_OK)
                return reg_sql_fail(reg, err);
        *ret = (struct reg_stmt *)(void *)stmt;
        return 0;
}

static int bind_args(struct reg *reg, struct reg_stmt *stmt, const char *types, va_list args, struct bk_error *err)
{
        int code = SQLITE_OK;

        (void)sqlite3_reset(lite(stmt));              /* repeats the failure of the last run, which was reported then */
        for (int i = 0; types[i] != '\0' && code == SQLITE_OK; i++) {
                if (types[i] == 't') {
                        code = sqlite3_bind_text(lite(stmt), i + 1, va_arg(args, const char *), -1, SQLITE_STATIC);
                } else {
                        const int64_t number = va_arg(args, int64_t);

                        code = types[i] == 'r' && number == 0 ? sqlite3_bind_null(lite(stmt), i + 1) :
                               sqlite3_bind_int64(lite(stmt), i + 1, number);
                }
        }
        return code == SQLITE_OK ? 0 : reg_sql_fail(reg, err);
}

int reg_sql_bind(struct reg *reg, struct reg_stmt *stmt, struct bk_error *err, const char *types, ...)
{
        va_list args;
        int status;

        va_start(args, types);
        status = bind_args(reg, stmt, types, args, err);
        va_end(args);
        return status;
}

int reg_sql_bind_values(struct reg *reg, struct reg_stmt *stmt, const struct reg_value *v, size_t n, struct bk_error *err)
{
        int code = SQLITE_OK;

        (void)sqlite3_reset(lite(stmt));
        for (size_t i = 0; i < n && code == SQLITE_OK; i++)
                code = v[i].text != NULL ? sqlite3_bind_text(lite(stmt), (int)i + 1, v[i].text, -1, SQLITE_STATIC) :
                                           sqlite3_bind_int64(lite(stmt), (int)i + 1, v[i].number);
        return code == SQLITE_OK ? 0 : reg_sql_fail(reg, err);
}

int reg_sql_step(struct reg *reg, struct reg_stmt *stmt, struct bk_error *err)
{
        switch (sqlite3_step(lite(stmt))) {
        case SQLITE_ROW:        return 1;
        case SQLITE_DONE:       return 0;
        default:                return reg_sql_fail(reg, err);
        }
}

static int start(struct reg *reg, const char *sql, const char *types, va_list args, struct reg_stmt **ret, struct bk_error *err)
{
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || bind_args(reg, stmt, types, args, err) < 0)
                return -1;
        *ret = bk_take(stmt);
        return 0;
}

int reg_sql_run(struct reg *reg, struct bk_error *err, const char *sql, const char *types, ...)
{
        autostmt *stmt = NULL;
        va_list args;
        int status;

        va_start(args, types);
        status = start(reg, sql, types, args, &stmt, err);
        va_end(args);
        if (status < 0)
                return -1;
        do
                status = reg_sql_step(reg, stmt, err);
        while (status > 0);
        return status;
}

int reg_sql_int(struct reg *reg, int64_t *ret, struct bk_error *err, const char *sql, const char *types, ...)
{
        autostmt *stmt = NULL;
        va_list args;
        int status;

        va_start(args, types);
        status = start(reg, sql, types, args, &stmt, err);
        va_end(args);
        if (status == 0)
                status = reg_sql_step(reg, stmt, err);
        if (status <= 0)
                return status;
        if (reg_column_null(stmt, 0))
                return 0;
        *ret = reg_column_int(stmt, 0);
        return 1;
}

int reg_sql_text(struct reg *reg, char **ret, struct bk_error *err, const char *sql, const char *types, ...)
{
        autostmt *stmt = NULL;
        va_list args;
        int status;

        va_start(args, types);
        status = start(reg, sql, types, args, &stmt, err);
        va_end(args);
        if (status == 0)
                status = reg_sql_step(reg, stmt, err);
        if (status <= 0)
                return status;
        if (reg_column_null(stmt, 0))
                return 0;
        *ret = reg_column(stmt, 0);
        return 1;
}

void reg_sql_reset(struct reg_stmt *stmt)
{
        (void)sqlite3_reset(lite(stmt));
}

int reg_sql_script(struct reg *reg, const char *sql, struct bk_error *err)
{
        return sqlite3_exec(reg->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : reg_sql_fail(reg, err);
}

int64_t reg_column_int(struct reg_stmt *stmt, int column)
{
        return sqlite3_column_int64(lite(stmt), column);
}

bool reg_column_null(struct reg_stmt *stmt, int column)
{
        return sqlite3_column_type(lite(stmt), column) == SQLITE_NULL;
}

bool reg_column_is_int(struct reg_stmt *stmt, int column)
{
        return sqlite3_column_type(lite(stmt), column) == SQLITE_INTEGER;
}

int reg_columns(struct reg_stmt *stmt)
{
        return sqlite3_column_count(lite(stmt));
}

const char *reg_column_name(struct reg_stmt *stmt, int column)
{
        return sqlite3_column_name(lite(stmt), column);
}

const char *reg_column_peek(struct reg_stmt *stmt, int column)
{
        return (const char *)sqlite3_column_text(lite(stmt), column);
}

char *reg_column(struct reg_stmt *stmt, int column)
{
        return bk_strdup(reg_column_peek(stmt, column));
}

void reg_txn_done(struct reg_txn *txn)
{
        const int saved = errno;

        /* After a full disk SQLite may have rolled back on its own. */
        if (txn->reg != NULL && !sqlite3_get_autocommit(txn->reg->db))
                (void)sqlite3_exec(txn->reg->db, "ROLLBACK", NULL, NULL, NULL);
        txn->reg = NULL;
        errno = saved;
}

int reg_txn_write(struct reg *reg, struct reg_txn *ret, struct bk_error *err)
{
        if (reg->read_only)
                return bk_fail(err, BK_DENIED, "registry '%s': you may read it only", reg->path);
        if (reg_sql_run(reg, err, "BEGIN IMMEDIATE", "") < 0)
                return -1;
        ret->reg = reg;
        return 0;
}

int reg_txn_read(struct reg *reg, struct reg_txn *ret, struct bk_error *err)
{
        if (reg_sql_run(reg, err, "BEGIN", "") < 0)
                return -1;
        ret->reg = reg;
        return 0;
}

int reg_txn_commit(struct reg_txn *txn, struct bk_error *err)
{
        if (reg_sql_run(txn->reg, err, "COMMIT", "") < 0)
                return -1;
        txn->reg = NULL;
        return 0;
}
