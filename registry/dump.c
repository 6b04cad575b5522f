/* Tables as JSON Lines, and back: what both databases hold alike. Names of tables and columns in SQL are the database's own, never
 * those that a file has. */
#include <stdlib.h>
#include <string.h>

#include "registry/backup_priv.h"

#define ROWS_AT_ONCE 50                 /* of an INSERT: more makes it no faster */

void reg_tables_done(struct reg_tables *tables)
{
        for (size_t i = 0; i < tables->n; i++) {
                for (size_t c = 0; c < tables->v[i].n_columns; c++)
                        free(tables->v[i].columns[c].name);
                free(tables->v[i].columns);
                free(tables->v[i].name);
        }
        free(tables->v);
        *tables = (struct reg_tables){ 0 };
}

/* --- what tables there are ------------------------------------------------------ */
static int read_columns(struct reg *reg, struct reg_table *table, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, reg->backend->columns_of, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "t", table->name) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                table->columns = bk_grow(table->columns, table->n_columns + 1, sizeof *table->columns);
                table->columns[table->n_columns++] = (struct reg_column){ reg_column(stmt, 0), reg_column_int(stmt, 1) != 0 };
        }
        return status;
}

struct pair { char *from, *to; };
struct pairs { struct pair *v; size_t n; };

static void pairs_done(struct pairs *pairs)
{
        for (size_t i = 0; i < pairs->n; i++) {
                free(pairs->v[i].from);
                free(pairs->v[i].to);
        }
        free(pairs->v);
}

static int read_references(struct reg *reg, struct pairs *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, reg->backend->references, &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                ret->v = bk_grow(ret->v, ret->n + 1, sizeof *ret->v);
                ret->v[ret->n++] = (struct pair){ reg_column(stmt, 0), reg_column(stmt, 1) };
        }
        return status;
}

static bool is_before(const struct reg_tables *tables, size_t n, const char *name)
{
        for (size_t i = 0; i < n; i++)
                if (bk_streq(tables->v[i].name, name))
                        return true;
        return false;
}

/* Each place gets the first of those left that refers to nothing but what stands before. */
static int sort(struct reg_tables *tables, const struct pairs *references, struct bk_error *err)
{
        for (size_t at = 0; at < tables->n; at++) {
                size_t next = at;

                for (; next < tables->n; next++) {
                        size_t i = 0;

                        while (i < references->n && (!bk_streq(references->v[i].from, tables->v[next].name) ||
                                                     is_before(tables, at, references->v[i].to)))
                                i++;
                        if (i == references->n)
                                break;
                }
                if (next == tables->n)
                        return bk_fail(err, BK_INTERNAL, "table '%s' refers to what refers to it: a defect", tables->v[at].name);

                const struct reg_table table = tables->v[next];

                memmove(&tables->v[at + 1], &tables->v[at], (next - at) * sizeof table);
                tables->v[at] = table;
        }
        return 0;
}

int reg_tables_list(struct reg *reg, struct reg_tables *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_tables_done) struct reg_tables tables = { 0 };
        BK_CLEANUP(pairs_done) struct pairs references = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, reg->backend->tables, &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                tables.v = bk_grow(tables.v, tables.n + 1, sizeof *tables.v);
                tables.v[tables.n++] = (struct reg_table){ .name = reg_column(stmt, 0) };
        }
        if (status < 0)
                return -1;
        for (size_t i = 0; i < tables.n; i++)
                if (read_columns(reg, &tables.v[i], err) < 0)
                        return -1;
        if (read_references(reg, &references, err) < 0 || sort(&tables, &references, err) < 0)
                return -1;
        *ret = tables;
        tables = (struct reg_tables){ 0 };
        return 0;
}

int reg_tables_drop(struct reg *reg, struct bk_error *err)
{
        BK_CLEANUP(reg_tables_done) struct reg_tables tables = { 0 };

        if (reg_tables_list(reg, &tables, err) < 0)
                return -1;
        for (size_t i = tables.n; i-- > 0;) {
                autofree char *sql = bk_format("DROP TABLE \"%s\"", tables.v[i].name);

                if (reg_sql_script(reg, sql, err) < 0)
                        return -1;
        }
        return 0;
}

/* --- out -------------------------------------------------------------------------- */
static void put_line(struct bk_buf *lines, json_t *row)
{
        autofree char *text = json_dumps(row, JSON_COMPACT);

        bk_buf_puts(lines, text);
        bk_buf_putc(lines, '\n');
        json_decref(row);
}

static void begin_piece(struct bk_buf *lines, const struct reg_table *table)
{
        json_t *names = json_array();

        lines->len = 0;
        for (size_t i = 0; i < table->n_columns; i++)
                (void)json_array_append_new(names, json_string(table->columns[i].name));
        put_line(lines, names);
}

static json_t *row_of(struct reg_stmt *stmt, const struct reg_table *table)
{
        json_t *row = json_array();

        for (size_t i = 0; i < table->n_columns; i++)
                (void)json_array_append_new(row, reg_column_null(stmt, (int)i) ? json_null() :
                                            table->columns[i].number ? json_integer(reg_column_int(stmt, (int)i)) :
                                                                       reg_json_text(reg_column_peek(stmt, (int)i)));
        return row;
}

static void put_names(struct bk_buf *sql, const struct reg_table *table)
{
        for (size_t i = 0; i < table->n_columns; i++)
                bk_buf_printf(sql, "%s\"%s\"", i == 0 ? "" : ", ", table->columns[i].name);
}

/* By the first column, which is the number of a row that others of the same table name: those come later. */
int reg_table_dump(struct reg *reg, const struct reg_table *table, reg_piece_fn *piece, void *arg, int64_t *rows, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf sql = { 0 }, lines = { 0 };
        autostmt *stmt = NULL;
        int status;

        bk_buf_puts(&sql, "SELECT ");
        put_names(&sql, table);
        bk_buf_printf(&sql, " FROM \"%s\" ORDER BY 1", table->name);
        if (reg_sql_prepare(reg, sql.data, &stmt, err) < 0)
                return -1;
        begin_piece(&lines, table);
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                put_line(&lines, row_of(stmt, table));
                (*rows)++;
                if (lines.len < BACKUP_CHUNK)
                        continue;
                if (piece(arg, table, &lines, err) < 0)
                        return -1;
                begin_piece(&lines, table);
        }
        return status < 0 ? -1 : piece(arg, table, &lines, err);
}

int reg_counters_get(struct reg *reg, json_t **ret, struct bk_error *err)
{
        autojson *counters = json_object();
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, reg->backend->counters, &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0)
                (void)json_object_set_new(counters, reg_column_peek(stmt, 0), json_integer(reg_column_int(stmt, 1)));
        if (status < 0)
                return -1;
        *ret = bk_take(counters);
        return 0;
}

/* --- in ---------------------------------------------------------------------------- */
/* Where the columns of a piece are in the table. */
struct load {
        struct reg *reg;
        const struct reg_table *table;
        struct reg_table columns;       /* those that the piece has; its strings are the table's */
        struct reg_stmt *many, *one;
        json_t *rows[ROWS_AT_ONCE];
        size_t n;
};

static void load_done(struct load *load)
{
        reg_stmt_done(&load->many);
        reg_stmt_done(&load->one);
        for (size_t i = 0; i < load->n; i++)
                json_decref(load->rows[i]);
        free(load->columns.columns);
}

static int read_names(struct load *load, const json_t *names, struct bk_error *err)
{
        const struct reg_table *table = load->table;

        if (!json_is_array(names) || json_array_size(names) == 0 || json_array_size(names) > table->n_columns)
                return bk_fail(err, BK_CORRUPT, "table '%s' begins without its columns", table->name);
        load->columns = (struct reg_table){ .name = table->name, .columns = bk_grow(NULL, json_array_size(names), sizeof(struct reg_column)) };
        for (size_t i = 0; i < json_array_size(names); i++) {
                const char *name = json_string_value(json_array_get(names, i));
                size_t c = 0;

                while (c < table->n_columns && !bk_streq(table->columns[c].name, name))
                        c++;
                if (c == table->n_columns)
                        return bk_fail(err, BK_CORRUPT, "table '%s' has no column '%.100s'", table->name, name == NULL ? "" : name);
                load->columns.columns[load->columns.n_columns++] = table->columns[c];
        }
        return 0;
}

static int prepare(struct load *load, size_t rows, struct reg_stmt **ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf sql = { 0 };

        bk_buf_printf(&sql, "INSERT INTO \"%s\" (", load->table->name);
        put_names(&sql, &load->columns);
        bk_buf_puts(&sql, ") VALUES ");
        for (size_t r = 0; r < rows; r++) {
                bk_buf_puts(&sql, r == 0 ? "(" : ", (");
                for (size_t i = 0; i < load->columns.n_columns; i++)
                        bk_buf_puts(&sql, i == 0 ? "?" : ", ?");
                bk_buf_putc(&sql, ')');
        }
        return reg_sql_prepare(load->reg, sql.data, ret, err);
}

static int value_of(const struct load *load, const json_t *cell, const struct reg_column *column, struct reg_value *ret, struct bk_error *err)
{
        if (json_is_null(cell))
                *ret = (struct reg_value){ .null = column->number ? 'i' : 't' };
        else if (column->number && json_is_integer(cell))
                *ret = (struct reg_value){ .number = json_integer_value(cell) };
        else if (!column->number && json_is_string(cell))
                *ret = (struct reg_value){ .text = json_string_value(cell) };
        else
                return bk_fail(err, BK_CORRUPT, "table '%s': '%s' is not what that column holds", load->table->name, column->name);
        return 0;
}

static int insert(struct load *load, struct reg_stmt *stmt, size_t first, size_t rows, struct bk_error *err)
{
        const size_t n = load->columns.n_columns;
        autofree struct reg_value *values = bk_grow(NULL, rows * n, sizeof *values);

        for (size_t r = 0; r < rows; r++)
                for (size_t i = 0; i < n; i++)
                        if (value_of(load, json_array_get(load->rows[first + r], i), &load->columns.columns[i], &values[r * n + i], err) < 0)
                                return -1;
        return reg_sql_bind_values(load->reg, stmt, values, rows * n, err) < 0 || reg_sql_step(load->reg, stmt, err) < 0 ? -1 : 0;
}

static int flush(struct load *load, struct bk_error *err)
{
        int status = 0;

        if (load->n == ROWS_AT_ONCE)
                status = insert(load, load->many, 0, load->n, err);
        else
                for (size_t i = 0; status == 0 && i < load->n; i++)
                        status = insert(load, load->one, i, 1, err);
        for (size_t i = 0; i < load->n; i++)
                json_decref(load->rows[i]);
        load->n = 0;
        return status;
}

static int take_line(struct load *load, const char *line, size_t length, int64_t *rows, struct bk_error *err)
{
        json_error_t why;
        autojson *row = json_loadb(line, length, JSON_REJECT_DUPLICATES, &why);

        if (row == NULL)
                return bk_fail(err, BK_CORRUPT, "table '%s': a line is not JSON: %s", load->table->name, why.text);
        if (load->columns.n_columns == 0) {
                if (read_names(load, row, err) < 0 || prepare(load, ROWS_AT_ONCE, &load->many, err) < 0)
                        return -1;
                return prepare(load, 1, &load->one, err);
        }
        if (!json_is_array(row) || json_array_size(row) != load->columns.n_columns)
                return bk_fail(err, BK_CORRUPT, "table '%s': a row has %zu columns, not %zu", load->table->name, json_array_size(row),
                               load->columns.n_columns);
        load->rows[load->n++] = bk_take(row);
        (*rows)++;
        return load->n == ROWS_AT_ONCE ? flush(load, err) : 0;
}

int reg_table_load(struct reg *reg, const struct reg_table *table, const char *lines, size_t length, int64_t *rows, struct bk_error *err)
{
        BK_CLEANUP(load_done) struct load load = { .reg = reg, .table = table };

        for (const char *p = lines, *end = lines + length; p < end;) {
                const char *next = memchr(p, '\n', (size_t)(end - p));

                if (next == NULL)
                        return bk_fail(err, BK_CORRUPT, "table '%s': the last line does not end", table->name);
                if (take_line(&load, p, (size_t)(next - p), rows, err) < 0)
                        return -1;
                p = next + 1;
        }
        return flush(&load, err);
}

int reg_counters_set(struct reg *reg, const json_t *counters, struct bk_error *err)
{
        BK_CLEANUP(reg_tables_done) struct reg_tables tables = { 0 };

        if (reg_tables_list(reg, &tables, err) < 0)
                return -1;
        for (size_t i = 0; i < tables.n; i++) {
                const struct reg_table *table = &tables.v[i];
                int64_t last = json_integer_value(json_object_get(counters, table->name)), highest = 0;
                autofree char *sql = NULL;

                if (table->n_columns == 0 || !table->columns[0].number)
                        continue;
                sql = bk_format("SELECT max(\"%s\") FROM \"%s\"", table->columns[0].name, table->name);
                if (reg_sql_int(reg, &highest, err, sql, "") < 0 ||
                    reg->backend->set_counter(reg, table->name, highest > last ? highest : last, err) < 0)
                        return -1;
        }
        return 0;
}
