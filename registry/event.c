/* The log of all that changed: append-only, and chained by digests, so that what was taken out or changed shows. Only an end that was
 * cut off does not: whoever remembers a number and its digest, as a signed index does, finds that, too. */
#include "registry/life_priv.h"

#include <string.h>
#include <time.h>

#include "lib/digest.h"

#define EVENTS_MOST 1000

static char *chain(const char *before, const struct reg_event *event, const char *detail, int64_t at)
{
        struct bk_hash *hash = bk_hash_new();
        autofree char *when = bk_format("%lld", (long long)at);

        bk_hash_add_field(hash, "before", before);
        bk_hash_add_field(hash, "at", when);
        bk_hash_add_field(hash, "who", event->who);
        bk_hash_add_field(hash, "action", event->action);
        bk_hash_add_field(hash, "subject", event->subject);
        bk_hash_add_field(hash, "name", event->name);
        bk_hash_add_field(hash, "why", event->why);
        bk_hash_add_field(hash, "detail", detail);
        return bk_hash_finish(hash);
}

int reg_event_put(struct reg *reg, const struct reg_event *event, struct bk_error *err)
{
        static const char sql[] = "INSERT INTO event (at, who, action, subject, name, why, detail, digest) "
                                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        autofree char *before = NULL, *detail = NULL, *digest = NULL;
        struct reg_event full = *event;
        const int64_t at = time(NULL);

        if (full.who == NULL || *full.who == '\0')
                full.who = "unknown";
        if (event->detail != NULL) {
                detail = json_dumps(event->detail, JSON_COMPACT | JSON_SORT_KEYS);
                if (detail == NULL)
                        return bk_fail(err, BK_INVALID, "the detail of '%s' cannot be written as JSON", event->action);
        }
        if (reg_sql_text(reg, &before, err, "SELECT digest FROM event ORDER BY id DESC LIMIT 1", "") < 0)
                return -1;
        digest = chain(before, &full, detail, at);
        return reg_sql_run(reg, err, sql, "ittttttt", at, full.who, full.action, full.subject, full.name, full.why, detail, digest);
}

int reg_event_index(struct reg *reg, int64_t *ret, struct bk_error *err)
{
        *ret = 0;
        return reg_sql_int(reg, ret, err, "SELECT max(id) FROM event", "") < 0 ? -1 : 0;
}

/* --- reading it ---------------------------------------------------------------- */
/* The detail is kept as text, whose bytes the chain covers. */
static void open_details(json_t *items)
{
        json_t *item;
        size_t i;

        json_array_foreach(items, i, item) {
                json_t *detail = json_loads(json_string_value(json_object_get(item, "detail")), JSON_ALLOW_NUL, NULL);

                if (detail != NULL)
                        (void)json_object_set_new(item, "detail", detail);
        }
}

int reg_events_json(struct reg *reg, int64_t since, int64_t limit, json_t **ret, struct bk_error *err)
{
        static const char sql[] = "SELECT id, at, who, action, subject, name, why, detail, digest FROM event WHERE id > ? ORDER BY id LIMIT ?";
        autojson *items = NULL;
        autostmt *stmt = NULL;
        autotxn txn = { 0 };
        const json_t *last;
        int64_t index = 0, end;

        if (limit <= 0 || limit > EVENTS_MOST)
                limit = EVENTS_MOST;
        if (reg_txn_read(reg, &txn, err) < 0 || reg_event_index(reg, &index, err) < 0 || reg_sql_prepare(reg, sql, &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "ii", since, limit) < 0 || reg_json_rows(reg, stmt, &items, err) < 0)
                return -1;
        open_details(items);
        last = json_array_get(items, json_array_size(items) - 1);
        end = last == NULL ? since : json_integer_value(json_object_get(last, "id"));
        *ret = json_pack("{s:O, s:I, s:o}", "items", items, "index", (json_int_t)index, "next",
                         last != NULL && end < index ? json_integer(end) : json_null());
        return 0;
}

/* --- verifying it --------------------------------------------------------------- */
struct walk {
        char *digest;           /* of the last row */
        int64_t id, n, bad;     /* bad: 0 while all fits */
        const char *problem;
        int64_t wanted;         /* number of the row that somebody remembers; 0: nobody does */
        const char *wanted_digest;
        bool met;
};

/* False where the walk ends: what follows stands on a row that does not fit. */
static bool look_at(struct walk *walk, struct reg_stmt *stmt)
{
        const struct reg_event event = { .who = reg_column_peek(stmt, 2), .action = reg_column_peek(stmt, 3), .subject = reg_column_peek(stmt, 4),
                                         .name = reg_column_peek(stmt, 5), .why = reg_column_peek(stmt, 6) };
        char *digest = chain(walk->digest, &event, reg_column_peek(stmt, 7), reg_column_int(stmt, 1));

        free(walk->digest);
        walk->digest = digest;
        walk->id = reg_column_int(stmt, 0);
        walk->n++;
        if (!bk_streq(digest, reg_column_peek(stmt, 8))) {
                walk->bad = walk->id;
                walk->problem = "it was changed, or one before it was taken out, put in or changed";
        } else if (walk->id == walk->wanted) {
                walk->met = bk_streq(digest, walk->wanted_digest);
                if (!walk->met) {
                        walk->bad = walk->id;
                        walk->problem = "its digest is not the one that is remembered: the log was written anew";
                }
        }
        return walk->bad == 0;
}

static int parse_head(const char *head, struct walk *walk, struct bk_error *err)
{
        char *end = NULL;

        if (head == NULL)
                return 0;
        walk->wanted = strtoll(head, &end, 10);
        if (walk->wanted <= 0 || *end != ':' || !bk_digest_valid(end + 1))
                return bk_fail(err, BK_INVALID, "the head of a log is NUMBER:sha256:DIGITS, not '%.100s'", head);
        walk->wanted_digest = end + 1;
        return 0;
}

static void walk_done(struct walk *walk)
{
        free(walk->digest);
}

int reg_events_verify(struct reg *reg, const char *head, json_t **ret, struct bk_error *err)
{
        static const char sql[] = "SELECT id, at, who, action, subject, name, why, detail, digest FROM event ORDER BY id";
        BK_CLEANUP(walk_done) struct walk walk = { 0 };
        autostmt *stmt = NULL;
        int status = 0;

        if (parse_head(head, &walk, err) < 0 || reg_sql_prepare(reg, sql, &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0 && look_at(&walk, stmt))
                ;
        if (status < 0)
                return -1;
        if (walk.bad == 0 && walk.wanted != 0 && !walk.met) {
                walk.bad = walk.wanted;
                walk.problem = "it is remembered, and not there: the end of the log was cut off";
        }
        *ret = json_pack("{s:b, s:I, s:I, s:s?, s:o, s:s?}", "ok", walk.bad == 0, "events", (json_int_t)walk.n, "index", (json_int_t)walk.id,
                         "digest", walk.bad == 0 ? walk.digest : NULL, "bad", walk.bad == 0 ? json_null() : json_integer(walk.bad),
                         "problem", walk.problem);
        return 0;
}
