/* What the registry needs of a database, and who provides it: SQLite in the state folder, or PostgreSQL by URL.
 *
 * Only db_NAME.c knows its library. SQL is written once, for both: "?" for each parameter, RETURNING instead of the last row's id,
 * integers 0 and 1 for truth. What differs besides is here, as functions.
 *
 * Either way one writer works at a time, and waits for the others before it reads anything: numbers that are given rise in the order
 * of commits, which "newest" and the chain of events stand on. */
#pragma once
#include "registry/registry_priv.h"

/* The head of every backend's statement. */
struct reg_stmt {
        struct reg *reg;
        struct bk_strv cleaned;         /* texts that were not UTF-8, as they are bound */
};

struct reg_backend {
        const char *name;               /* "SQLite" */
        /* Sets reg->db, reg->path and reg->read_only. On failure the caller closes. */
        int (*open)(struct reg *reg, const char *where, struct bk_error *err);
        void (*close)(struct reg *reg);                                 /* also of what was not opened */

        int (*prepare)(struct reg *reg, const char *sql, struct reg_stmt **ret, struct bk_error *err);
        void (*finish)(struct reg_stmt *stmt);                          /* frees it; the head is done already */
        /* Makes it ready to run (again). Texts are UTF-8 and stay where they are. */
        int (*bind)(struct reg_stmt *stmt, const struct reg_value *v, size_t n, struct bk_error *err);
        int (*step)(struct reg_stmt *stmt, struct bk_error *err);       /* 1: a row, 0: done */
        void (*reset)(struct reg_stmt *stmt);
        int (*columns)(struct reg_stmt *stmt);
        const char *(*column_name)(struct reg_stmt *stmt, int column);
        const char *(*column_text)(struct reg_stmt *stmt, int column);  /* NULL for NULL; borrowed until the next step */
        int64_t (*column_int)(struct reg_stmt *stmt, int column);
        bool (*column_is_int)(struct reg_stmt *stmt, int column);       /* false for NULL */
        bool (*column_is_null)(struct reg_stmt *stmt, int column);

        int (*script)(struct reg *reg, const char *sql, struct bk_error *err);
        /* write: alone from here to the end. Else: all reads see one state of the registry. */
        int (*begin)(struct reg *reg, bool write, struct bk_error *err);
        int (*commit)(struct reg *reg, struct bk_error *err);
        void (*rollback)(struct reg *reg);

        /* How many migrations the database has had; 0: it is empty. BK_CORRUPT: it is somebody else's. */
        int (*version)(struct reg *reg, int64_t *ret, struct bk_error *err);
        int (*set_version)(struct reg *reg, int64_t version, struct bk_error *err);
        /* Statements of a migration, as the SQLite that they are written for. */
        int (*migrate)(struct reg *reg, const char *sql, struct bk_error *err);

        /* A second handle whose reads all see the registry of this moment, and that keeps nobody from writing. */
        int (*snapshot)(struct reg *reg, struct reg **ret, struct bk_error *err);
        /* Questions about the database itself: its tables; pairs of a table and one that it refers to; a table's (?) columns, with 1
         * for those of integers; tables that give numbers, with the last that was given. */
        const char *tables, *references, *columns_of, *counters;
        int (*set_counter)(struct reg *reg, const char *table, int64_t last, struct bk_error *err);
        /* What holds of an attribute's value that the indexes of values have, of at most REG_SHORT_VALUE bytes; NULL: of any. */
        const char *short_values;
};
enum { REG_SHORT_VALUE = 2000 };
extern const struct reg_backend reg_backend_sqlite, reg_backend_postgres;

/* --- open.c -------------------------------------------------------------------- */
int reg_open_url(const char *url, struct reg **ret, struct bk_error *err) BK_MUST_CHECK;

/* --- schema_claim.c ------------------------------------------------------------ */
/* Where the indexes of values do not take all of them. */
int reg_index_short_values(struct reg *reg, struct bk_error *err) BK_MUST_CHECK;

/* --- schema.c ------------------------------------------------------------------ */
int64_t reg_schema_newest(void);
/* Runs the migrations after the first `from` up to `to`, within the caller's transaction. */
int reg_schema_migrate(struct reg *reg, int64_t from, int64_t to, struct bk_error *err) BK_MUST_CHECK;

/* --- dialect.c: text to text, no database ------------------------------------- */
/* A statement in PostgreSQL's words; the caller's. */
char *reg_dialect_statement(const char *sql);
/* A migration in PostgreSQL's words; the caller's. */
char *reg_dialect_schema(const char *sql);
