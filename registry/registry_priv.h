/* What the files of the registry share: one way to speak SQL, one way to hold a
 * transaction, one way to read an image's row, and the parsed form of a query. */
#pragma once
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/mem.h"
#include "registry/registry.h"

struct reg_backend;
struct reg {
        const struct reg_backend *backend;      /* db.h */
        void *db, *kept;        /* the backend's own */
        char *path;             /* for messages: the file, or the URL without its password */
        bool read_only;         /* it may be read by us, not written */
        bool in_txn;
        bool veiled;            /* due.c: images are read as if what is due were done */
        int patience_ms;        /* instead of reg_patience_ms; 0: that */
};

/* --- sql.c ---------------------------------------------------------------- */
/* How long a writer waits for others of whom it sees no progress. Tests set it. */
extern int reg_patience_ms;

struct reg_stmt;
void reg_stmt_done(struct reg_stmt **stmt);
#define autostmt BK_CLEANUP(reg_stmt_done) struct reg_stmt

int reg_sql_prepare(struct reg *reg, const char *sql, struct reg_stmt **ret, struct bk_error *err) BK_MUST_CHECK;
/* Binds parameters 1, 2, ... and makes the statement ready to run (again). One
 * letter each: t text (NULL is NULL), i int64_t, r int64_t row id where 0 is NULL. At most REG_PARAMETERS_MOST.
 * Texts are borrowed until the statement is bound again or done. Bytes that are not UTF-8 become "?". */
#define REG_PARAMETERS_MOST 64
int reg_sql_bind(struct reg *reg, struct reg_stmt *stmt, struct bk_error *err, const char *types, ...) BK_MUST_CHECK;
/* The same, from an array. text NULL: the number, or where null is set NULL: 't' of a text, 'i' of a number. */
struct reg_value { const char *text; int64_t number; char null; };
int reg_sql_bind_values(struct reg *reg, struct reg_stmt *stmt, const struct reg_value *v, size_t n, struct bk_error *err) BK_MUST_CHECK;
/* 1: a row, 0: done, -1: failed. What an INSERT ... RETURNING gives back is a row. */
int reg_sql_step(struct reg *reg, struct reg_stmt *stmt, struct bk_error *err) BK_MUST_CHECK;
/* Runs a statement to its end, rows unseen. */
int reg_sql_run(struct reg *reg, struct bk_error *err, const char *sql, const char *types, ...) BK_MUST_CHECK;
/* The first column of the first row: 1 with *ret set, 0 when there is no row or it is NULL, -1. */
int reg_sql_int(struct reg *reg, int64_t *ret, struct bk_error *err, const char *sql, const char *types, ...) BK_MUST_CHECK;
int reg_sql_text(struct reg *reg, char **ret, struct bk_error *err, const char *sql, const char *types, ...) BK_MUST_CHECK;
void reg_sql_reset(struct reg_stmt *stmt);      /* its row is let go before it is read to the end */
int64_t reg_column_int(struct reg_stmt *stmt, int column);      /* 0 for NULL */
bool reg_column_null(struct reg_stmt *stmt, int column);
bool reg_column_is_int(struct reg_stmt *stmt, int column);
char *reg_column(struct reg_stmt *stmt, int column);            /* the caller's; NULL for NULL */
const char *reg_column_peek(struct reg_stmt *stmt, int column); /* borrowed until the next step */
int reg_columns(struct reg_stmt *stmt);
const char *reg_column_name(struct reg_stmt *stmt, int column);
/* The text with "?" for every byte that is not UTF-8, the caller's; NULL when there is none. */
char *reg_text_clean(const char *text);
/* Statements without parameters, one after the other, rows unseen. */
int reg_sql_script(struct reg *reg, const char *sql, struct bk_error *err) BK_MUST_CHECK;

/* An open transaction; reg_txn_done() rolls back what was not committed. One that reads may be within another, which it joins. */
struct reg_txn { struct reg *reg; bool joined; };
void reg_txn_done(struct reg_txn *txn);
#define autotxn BK_CLEANUP(reg_txn_done) struct reg_txn
int reg_txn_write(struct reg *reg, struct reg_txn *ret, struct bk_error *err) BK_MUST_CHECK;
int reg_txn_read(struct reg *reg, struct reg_txn *ret, struct bk_error *err) BK_MUST_CHECK;
int reg_txn_commit(struct reg_txn *txn, struct bk_error *err) BK_MUST_CHECK;

/* --- due.c ------------------------------------------------------------------ */
/* What reg_due_see() put before the images is taken away. */
int reg_due_unveil(struct reg *reg, struct bk_error *err) BK_MUST_CHECK;

/* --- rank.c ----------------------------------------------------------------- */
/* Fills attribute.rank of every row; rank.h says with what. */
int reg_rank_fill(struct reg *reg, struct bk_error *err) BK_MUST_CHECK;

/* --- schema.c ------------------------------------------------------------- */
/* Migrations, each in a file of its own. */
extern const char reg_schema_life[], reg_schema_use[], reg_schema_advisories[], reg_schema_prune[], reg_schema_claim[],
        reg_schema_noted[], reg_schema_count[], reg_schema_bakes[], reg_schema_tally[];
/* What the seventh does besides. */
int reg_advisories_note(struct reg *reg, struct bk_error *err) BK_MUST_CHECK;
/* Brings the file to the schema of this program, or says why that cannot be. */
int reg_schema_ensure(struct reg *reg, struct bk_error *err) BK_MUST_CHECK;

/* --- image.c -------------------------------------------------------------- */
/* The columns that reg_image_rows() reads, of image i. */
#define REG_IMAGE_COLUMNS \
        "i.sequence, i.id, i.name, i.type, i.state, (SELECT digest FROM layer WHERE id = i.layer), " \
        "(SELECT id FROM image WHERE sequence = i.ancestor), i.input_hash, i.size, i.virtual_size, " \
        "i.created_at, i.created_by, i.created_on, i.hidden "

/* Steps through a bound statement that selects REG_IMAGE_COLUMNS; *ret may come out empty. */
int reg_image_rows(struct reg *reg, struct reg_stmt *stmt, struct reg_images *ret, struct bk_error *err) BK_MUST_CHECK;
/* One row that was stepped to; attributes is for its own statement, NULL at first, done by the caller. */
int reg_image_row(struct reg *reg, struct reg_stmt *stmt, struct reg_stmt **attributes, struct reg_image *ret, struct bk_error *err) BK_MUST_CHECK;
void reg_images_take(struct reg_images *images, struct reg_image *image);       /* appends, and leaves *image zeroed */
/* The one image of that exact id. */
int reg_image_by_id(struct reg *reg, const char *id, struct reg_image *ret, struct bk_error *err) BK_MUST_CHECK;
/* Its sequence and state; NULL where not wanted. BK_NOT_FOUND when it is not there. */
int reg_image_find(struct reg *reg, const char *id, int64_t *ret_sequence, enum reg_state *ret_state,
                   struct bk_error *err) BK_MUST_CHECK;

/* --- check.c -------------------------------------------------------------- */
int reg_name_check(const char *what, const char *name, struct bk_error *err) BK_MUST_CHECK;
bool reg_text_valid(const char *text);          /* UTF-8 without control characters */
int reg_attribute_check(const char *key, const char *value, struct bk_error *err) BK_MUST_CHECK;
int reg_publication_check(const struct reg_publication *p, struct bk_error *err) BK_MUST_CHECK;

/* --- packages.c ----------------------------------------------------------- */
/* The row of the set of these packages on that system ("debian:12"; ""), made when it is new; 0 for none at all. */
int reg_package_set_put(struct reg *reg, const struct reg_package *packages, size_t n, const char *os, int64_t *ret,
                        struct bk_error *err) BK_MUST_CHECK;
/* ... of a publication, whose system its attributes may tell. */
int reg_inventory_put(struct reg *reg, const struct reg_publication *p, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;
/* Says in the log what is vulnerable in a new image, if anything is. */
int reg_vulnerable_published(struct reg *reg, int64_t image, const char *who, struct bk_error *err) BK_MUST_CHECK;
/* Drops a set that no image has any more. */
int reg_package_set_drop(struct reg *reg, int64_t set, struct bk_error *err) BK_MUST_CHECK;

/* --- layer.c -------------------------------------------------------------- */
int reg_layer_row(struct reg *reg, const char *digest, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;
int reg_layer_put(struct reg *reg, const struct reg_layer *layer, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;
/* Removes the rows of a layer and of those below it that nothing needs, and dooms their blobs. They are added to *ret, also on failure. */
int reg_layer_drop_unused(struct reg *reg, int64_t layer, struct reg_layers *ret, struct bk_error *err) BK_MUST_CHECK;

/* --- state.c -------------------------------------------------------------- */
#define REG_STATE_BIT(state) (1u << (state))
#define REG_STATES_ALL (REG_STATE_BIT(REG_TRASHED + 1) - 1)
#define REG_STATES_OFFERED (REG_STATE_BIT(REG_BAKED) | REG_STATE_BIT(REG_TESTED) | REG_STATE_BIT(REG_PROMOTED))
int reg_state_log(struct reg *reg, int64_t image, int64_t was, enum reg_state now, const char *who, const char *why,
                  struct bk_error *err) BK_MUST_CHECK;          /* was is -1 at birth */
/* --- event.c -------------------------------------------------------------- */
/* Appends to the log, within the caller's write transaction: everything that changes the registry says so here. action is a
 * word pair ("image.published", "image.state", "channel.assigned"); subject what it happened to (an image's id, "name:channel",
 * a token's name); name an image's name, or NULL; why and detail (an object, borrowed) may be NULL. The row's digest covers the
 * digest of the row before, so that nothing can be taken out or changed unseen. */
struct reg_event { const char *who, *action, *subject, *name, *why; const json_t *detail; };
int reg_event_put(struct reg *reg, const struct reg_event *event, struct bk_error *err) BK_MUST_CHECK;
/* The newest event's number; 0 for none. It is the registry's index: equal numbers mean that nothing has changed. */
int reg_event_index(struct reg *reg, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;

/* --- time.c, pattern.c ------------------------------------------------------ */
/* "2024-05", "2024-05-01", "2024-05-01T10:00:00Z", seconds of 1970, an age such as "30d", "now": Unix seconds from *low up to, not
 * including, *high. */
int reg_time_parse(const char *text, int64_t *low, int64_t *high, struct bk_error *err) BK_MUST_CHECK;
/* ... with ages counted from another moment. */
int reg_time_parse_from(const char *text, int64_t now, int64_t *low, int64_t *high, struct bk_error *err) BK_MUST_CHECK;
/* A regular expression of somebody's, bounded in time and memory. */
struct reg_pattern;
int reg_pattern_new(const char *text, struct reg_pattern **ret, struct bk_error *err) BK_MUST_CHECK;
void reg_pattern_done(struct reg_pattern **pattern);
int reg_pattern_matches(const struct reg_pattern *pattern, const char *subject, struct bk_error *err) BK_MUST_CHECK;   /* 1, 0, -1 */

/* --- keys.c ----------------------------------------------------------------- */
/* What a condition may be about besides attributes. */
enum reg_key_kind {
        REG_KEY_TEXT, REG_KEY_NUMBER, REG_KEY_TIME,     /* columns */
        REG_KEY_STATE,                                  /* becomes a mask */
        REG_KEY_APPLICATION,                            /* the name, or the attribute of that name */
        REG_KEY_CHANNEL, REG_KEY_PACKAGE,               /* rows elsewhere */
};
struct reg_key {
        const char *name;
        enum reg_key_kind kind;
        const char *column;             /* SQL of its value */
        const char *before, *after;     /* SQL around a list of values where an index wants it so, else NULL */
        size_t offset;                  /* in struct reg_image */
};
const struct reg_key *reg_key_find(const char *name);           /* NULL: an attribute */
bool reg_key_reserved(const char *name);                        /* no attribute may be called so */
const char *reg_key_text(const struct reg_key *key, const struct reg_image *image);     /* of kind TEXT; may be NULL */
int64_t reg_key_number(const struct reg_key *key, const struct reg_image *image);       /* of kind NUMBER and TIME */

/* --- filter.c, filter_options.c --------------------------------------------- */
enum reg_test { REG_ANY_OF, REG_PRESENT, REG_MATCHES, REG_BELOW, REG_AT_MOST, REG_ABOVE, REG_AT_LEAST };
struct reg_operand {
        char *text;                     /* decoded */
        bool prefix;                    /* whatever begins so */
        int64_t low, high;              /* of numbers and times: from low up to, not including, high */
        char *rank;                     /* of an attribute that is compared; else NULL */
};
struct reg_condition {
        const struct reg_key *key;      /* NULL: an attribute */
        char *attribute;                /* the key, decoded */
        enum reg_test test;
        bool exclude;                   /* images that do not meet it */
        bool prefixes;                  /* some operand is a prefix */
        struct reg_operand *v;          /* any of them */
        size_t n;
        struct reg_pattern *pattern;    /* of REG_MATCHES */
        char *text;                     /* decoded, for people */
};

struct reg_order { const struct reg_key *key; /* NULL: an attribute */ char *attribute; bool descending; };
struct reg_span { bool given; int64_t from, to; };              /* both included */

/* A query, understood. All conditions hold together. */
struct reg_filter {
        char *name;                     /* NULL: any */
        struct reg_condition *v;
        size_t n, n_values;             /* conditions; values of all of them */
        unsigned states;                /* REG_STATE_BIT()s that match */
        unsigned states_said;           /* ... of what is written; states has the default besides */
        bool states_asked;              /* by the query, not by default */
        bool hidden;                    /* also hidden images */
        int64_t limit;                  /* -1: all */
        bool one;                       /* exactly one image must match */
        bool first;                     /* the newest only; there must be one */
        struct reg_order *order;        /* newest first when all are equal, or there are none */
        size_t n_order;
        struct bk_strv after;           /* a cursor's parts: of each order its value, then a sequence; empty: from the start */
        struct bk_strv fields;          /* of a projection; empty: all */
        struct bk_strv said;            /* its conditions, decoded, for people; without what only concerns pages and columns */
        char *descends;                 /* a reference: descendants of that image, at any depth */
        struct reg_span at, alive, changed;     /* at: from equals to */
        int64_t deadline;               /* bk_now_ms() when all walks that test patterns must have ended; 0: none has begun */
};
void reg_filter_done(struct reg_filter *filter);
/* No SQL and no registry here: text in, struct out. */
int reg_filter_parse(const char *query, struct reg_filter *ret, struct bk_error *err) BK_MUST_CHECK;
/* As if fields, separated by commas, were the query's projection. */
int reg_filter_project(struct reg_filter *filter, const char *fields, struct bk_error *err) BK_MUST_CHECK;
int reg_filter_option(struct reg_filter *filter, const char *name, const struct bk_strv *values, struct bk_error *err) BK_MUST_CHECK;
char *reg_filter_options(void);         /* their names, "_latest, _limit, ..."; the caller's */
/* "a%2Cb" -> "a,b"; "+" is itself. What is not one line of UTF-8 afterwards is BK_INVALID. */
int reg_decode(const char *raw, size_t length, char **ret, struct bk_error *err) BK_MUST_CHECK;

/* --- meets.c ---------------------------------------------------------------- */
/* Whether a text, which may be NULL for none, passes the test of a condition: 1, 0, -1. Exclusion is the caller's. */
int reg_condition_text(const struct reg_condition *condition, const char *text, struct bk_error *err) BK_MUST_CHECK;
bool reg_condition_number(const struct reg_condition *condition, int64_t number);
/* The same of an image and all that can be told by its struct; channel and package cannot. Exclusion is honoured. */
int reg_condition_meets(const struct reg_condition *condition, const struct reg_image *image, struct bk_error *err) BK_MUST_CHECK;

/* --- query.c, select.c, past.c, explain.c ------------------------------------- */
/* SQL in the making, and the values of its parameters; texts are borrowed from the filter or are among own. */
struct reg_select {
        struct bk_buf sql;
        struct reg_value *v;
        size_t n;
        struct bk_strv own;
};
void reg_select_done(struct reg_select *select);
void reg_select_number(struct reg_select *select, const char *before, int64_t number);
void reg_select_text(struct reg_select *select, const char *before, const char *text);
int reg_select_run(struct reg *reg, const struct reg_select *select, struct reg_stmt **ret, struct bk_error *err) BK_MUST_CHECK;
/* " AND ..." of a condition on image i, unless it has to be tested on what was found. */
int reg_select_condition(struct reg *reg, struct reg_select *select, const struct reg_condition *condition, struct bk_error *err) BK_MUST_CHECK;
/* The test of values as SQL: of a list, a prefix or a bound. */
void reg_select_values(const struct reg *reg, struct reg_select *select, const struct reg_condition *condition);
/* Finds; nothing found is an empty *ret. *ret_next, where wanted, is the cursor of what follows, NULL at the end. The filter is
 * prepared for this registry: what "application" stands for is settled. */
int reg_filter_run(struct reg *reg, struct reg_filter *filter, struct reg_images *ret, char **ret_next,
                   struct bk_error *err) BK_MUST_CHECK;
/* ... and must find what the query demands: something at all, and not several where it says _one. */
int reg_filter_demand(struct reg *reg, struct reg_filter *filter, struct reg_images *ret, char **ret_next, struct bk_error *err) BK_MUST_CHECK;
bool reg_filter_walks(const struct reg_filter *filter);         /* it has patterns, and may have to see all images */
enum { REG_WALK_MOST_MS = 20000 };      /* of all walks for one query together */
/* How long a walk with patterns keeps writers waiting at a time. Tests set it. */
extern int reg_turn_ms;
char *reg_filter_said(const struct reg_filter *filter);         /* the query for people, short; the caller's */
/* The same for a filter with _at, _since or _until; BK_TIMEOUT where reg_past_most_ms end among images that nobody wants. Tests set it. */
extern int reg_past_most_ms;
int reg_past_run(struct reg *reg, const struct reg_filter *filter, struct reg_images *ret, struct bk_error *err) BK_MUST_CHECK;
/* Makes an image what it was at that moment; its attributes and its state. BK_NOT_FOUND when it was not there yet. */
int reg_image_rewind(struct reg *reg, struct reg_image *image, int64_t at, struct bk_error *err) BK_MUST_CHECK;
/* What is remembered of the deleted image whose id begins so: its record, with "gone": {"at", "who", "why"}. 1, 0 for none, -1. */
int reg_gone_find(struct reg *reg, const char *prefix, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
int reg_image_of_json(const json_t *record, struct reg_image *ret, struct bk_error *err) BK_MUST_CHECK;  /* of reg_image_summary()'s form */
/* BK_NOT_FOUND with what would have matched, or BK_GONE where what matches was withdrawn; -1 always. */
int reg_filter_explain(struct reg *reg, const struct reg_filter *filter, struct bk_error *err);

/* --- packages_find.c, package_spec.c ------------------------------------------- */
/* Row ids; a zeroed list is empty. */
struct reg_ids { int64_t *v; size_t n; };
void reg_ids_add(struct reg_ids *ids, int64_t id);
void reg_ids_sort(struct reg_ids *ids);                         /* and without repetitions */
bool reg_ids_has(const struct reg_ids *ids, int64_t id);        /* of sorted ones */
void reg_ids_done(struct reg_ids *ids);
/* The rows of packages that "openssl<3.0.15-1" means, or "openssl"; versions are compared as their ecosystem does. */
int reg_package_rows(struct reg *reg, const char *spec, struct reg_ids *ret, struct bk_error *err) BK_MUST_CHECK;

/* --- ancestry.c ------------------------------------------------------------- */
extern const char *const reg_identifying[];     /* attributes in which images of one kind agree, as in their name; NULL at the end */

/* --- map.c ------------------------------------------------------------------ */
/* Numbers by numbers; keys are above 0. A zeroed map is empty. */
struct reg_map { int64_t *keys; size_t *values; size_t n, room; };      /* room: a power of two */
/* Where the key's value is, until the next call; 0 and *ret_new when it was not there. */
size_t *reg_map_at(struct reg_map *map, int64_t key, bool *ret_new);
void reg_map_done(struct reg_map *map);

/* --- channel.c ------------------------------------------------------------ */
/* Cuts "name:channel"; without a colon all of it is the channel and *ret_name is NULL. */
int reg_channel_parse(const char *reference, char **ret_name, char **ret_channel, struct bk_error *err) BK_MUST_CHECK;
/* BK_CONFLICT when the image cannot head it. */
int reg_channel_fit(const struct reg_image *image, const char *name, const char *channel, struct bk_error *err) BK_MUST_CHECK;
int reg_channel_head(struct reg *reg, const char *reference, struct reg_image *ret, struct bk_error *err) BK_MUST_CHECK;
/* The head also where it was withdrawn. */
int reg_channel_points_at(struct reg *reg, const char *reference, struct reg_image *ret, struct bk_error *err) BK_MUST_CHECK;
/* Like reg_resolve(), and where everything that is meant was withdrawn, that: who runs it runs it still. */
int reg_resolve_used(struct reg *reg, const char *reference, struct reg_image *ret, struct bk_error *err) BK_MUST_CHECK;

/* --- json.c --------------------------------------------------------------- */
void reg_json_done(json_t **json);
#define autojson BK_CLEANUP(reg_json_done) json_t
json_t *reg_json_text(const char *text);        /* null for NULL; what is not UTF-8 is replaced */
json_t *reg_json_time(int64_t at);
json_t *reg_json_moment(struct reg_stmt *stmt, int column);     /* of unix seconds; null for NULL */
