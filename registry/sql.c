/* Speaking SQL: parameters are always bound, failures always have a kind, and a
 * transaction that is not committed is rolled back on every way out. Which
 * database it is, nobody above this file knows. */
#include <string.h>

#include "lib/utf8.h"
#include "registry/db.h"

void reg_stmt_done(struct reg_stmt **stmt)
{
        const int saved = errno;

        if (*stmt != NULL) {
                bk_strv_done(&(*stmt)->cleaned);
                (*stmt)->reg->backend->finish(*stmt);
        }
        *stmt = NULL;
        errno = saved;
}

int reg_sql_prepare(struct reg *reg, const char *sql, struct reg_stmt **ret, struct bk_error *err)
{
        return reg->backend->prepare(reg, sql, ret, err);
}

char *reg_text_clean(const char *text)
{
        const char *end = text + strlen(text);
        char *clean = NULL;

        for (const char *p = text; p < end;) {
                const size_t length = (unsigned char)*p < 0x80 ? 1 : bk_utf8_length(p, end);

                if (length == 0) {
                        if (clean == NULL)
                                clean = bk_strdup(text);
                        clean[p - text] = '?';
                }
                p += length == 0 ? 1 : length;
        }
        return clean;
}

/* What comes from inside images need not be UTF-8, and PostgreSQL takes nothing else: so none of the two has it. */
int reg_sql_bind_values(struct reg *reg, struct reg_stmt *stmt, const struct reg_value *v, size_t n, struct bk_error *err)
{
        autofree struct reg_value *copy = NULL;

        reg->backend->reset(stmt);
        bk_strv_done(&stmt->cleaned);
        for (size_t i = 0; i < n; i++) {
                char *clean = v[i].text == NULL ? NULL : reg_text_clean(v[i].text);

                if (clean == NULL)
                        continue;
                if (copy == NULL)
                        copy = memcpy(bk_grow(NULL, n, sizeof *v), v, n * sizeof *v);
                bk_strv_take(&stmt->cleaned, clean);
                copy[i].text = clean;
        }
        return reg->backend->bind(stmt, copy != NULL ? copy : v, n, err);
}

static int bind_args(struct reg *reg, struct reg_stmt *stmt, const char *types, va_list args, struct bk_error *err)
{
        struct reg_value v[REG_PARAMETERS_MOST] = { 0 };
        const size_t n = strlen(types);

        if (n > REG_PARAMETERS_MOST)
                return bk_fail(err, BK_INTERNAL, "a statement with %zu parameters: a defect", n);
        for (size_t i = 0; i < n; i++) {
                if (types[i] == 't') {
                        v[i].text = va_arg(args, const char *);
                        v[i].null = v[i].text == NULL ? 't' : '\0';
                } else {
                        v[i].number = va_arg(args, int64_t);
                        v[i].null = types[i] == 'r' && v[i].number == 0 ? 'i' : '\0';
                }
        }
        return reg_sql_bind_values(reg, stmt, v, n, err);
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

int reg_sql_step(struct reg *reg, struct reg_stmt *stmt, struct bk_error *err)
{
        return reg->backend->step(stmt, err);
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
        stmt->reg->backend->reset(stmt);
}

int reg_sql_script(struct reg *reg, const char *sql, struct bk_error *err)
{
        return reg->backend->script(reg, sql, err);
}

int64_t reg_column_int(struct reg_stmt *stmt, int column)
{
        return stmt->reg->backend->column_int(stmt, column);
}

bool reg_column_null(struct reg_stmt *stmt, int column)
{
        return stmt->reg->backend->column_is_null(stmt, column);
}

bool reg_column_is_int(struct reg_stmt *stmt, int column)
{
        return stmt->reg->backend->column_is_int(stmt, column);
}

int reg_columns(struct reg_stmt *stmt)
{
        return stmt->reg->backend->columns(stmt);
}

const char *reg_column_name(struct reg_stmt *stmt, int column)
{
        return stmt->reg->backend->column_name(stmt, column);
}

const char *reg_column_peek(struct reg_stmt *stmt, int column)
{
        return stmt->reg->backend->column_text(stmt, column);
}

char *reg_column(struct reg_stmt *stmt, int column)
{
        return bk_strdup(reg_column_peek(stmt, column));
}

/* --- transactions ------------------------------------------------------------ */
void reg_txn_done(struct reg_txn *txn)
{
        const int saved = errno;

        if (txn->reg != NULL && !txn->joined) {
                txn->reg->backend->rollback(txn->reg);
                txn->reg->in_txn = false;
        }
        *txn = (struct reg_txn){ 0 };
        errno = saved;
}

static int begin(struct reg *reg, bool write, struct reg_txn *ret, struct bk_error *err)
{
        if (reg->backend->begin(reg, write, err) < 0)
                return -1;
        reg->in_txn = true;
        *ret = (struct reg_txn){ .reg = reg };
        return 0;
}

int reg_txn_write(struct reg *reg, struct reg_txn *ret, struct bk_error *err)
{
        if (reg->read_only)
                return bk_fail(err, BK_DENIED, "registry '%s': you may read it only", reg->path);
        if (reg->in_txn)
                return bk_fail(err, BK_INTERNAL, "registry '%s': a transaction within a transaction: a defect", reg->path);
        return begin(reg, true, ret, err);
}

int reg_txn_read(struct reg *reg, struct reg_txn *ret, struct bk_error *err)
{
        if (!reg->in_txn)
                return begin(reg, false, ret, err);
        *ret = (struct reg_txn){ .reg = reg, .joined = true };
        return 0;
}

int reg_txn_commit(struct reg_txn *txn, struct bk_error *err)
{
        if (!txn->joined) {
                if (txn->reg->backend->commit(txn->reg, err) < 0)
                        return -1;
                txn->reg->in_txn = false;
        }
        *txn = (struct reg_txn){ 0 };
        return 0;
}
