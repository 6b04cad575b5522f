/* What writing and reading a backup share: tables as lines. */
#pragma once
#include "lib/buf.h"
#include "registry/backup.h"
#include "registry/db.h"

#define BACKUP_FORMAT 1
#define BACKUP_CHUNK ((size_t)4 << 20)  /* a member of lines ends after that many bytes */
#define BACKUP_MEMBER_MOST ((size_t)256 << 20)  /* that is read into memory */

struct reg_column { char *name; bool number; };
struct reg_table { char *name; struct reg_column *columns; size_t n_columns; };
struct reg_tables { struct reg_table *v; size_t n; };
void reg_tables_done(struct reg_tables *tables);
/* All tables, those that are referred to before those that refer. */
int reg_tables_list(struct reg *reg, struct reg_tables *ret, struct bk_error *err) BK_MUST_CHECK;

/* Hands on a table in pieces of whole lines, each with the line of columns first. */
typedef int reg_piece_fn(void *arg, const struct reg_table *table, const struct bk_buf *lines, struct bk_error *err);
int reg_table_dump(struct reg *reg, const struct reg_table *table, reg_piece_fn *piece, void *arg, int64_t *rows,
                   struct bk_error *err) BK_MUST_CHECK;
/* Takes one piece in. The columns are the piece's; what the table has besides gets its default. */
int reg_table_load(struct reg *reg, const struct reg_table *table, const char *lines, size_t length, int64_t *rows,
                   struct bk_error *err) BK_MUST_CHECK;
/* {"table": the last number given}; a new reference. */
int reg_counters_get(struct reg *reg, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
int reg_counters_set(struct reg *reg, const json_t *counters, struct bk_error *err) BK_MUST_CHECK;
/* Drops every table. */
int reg_tables_drop(struct reg *reg, struct bk_error *err) BK_MUST_CHECK;
