/* Launch references, and how fresh their sources are. */
#include "registry/usage.h"

#include <string.h>
#include <time.h>

#include "lib/fs.h"
#include "registry/facts.h"
#include "registry/life_priv.h"

enum { WORD_MOST = 200 };

static int check_word(const char *what, const char *word, struct bk_error *err)
{
        if (word == NULL || *word == '\0')
                return bk_fail(err, BK_INVALID, "a launch has no %s", what);
        if (strlen(word) > WORD_MOST || !reg_text_valid(word))
                return bk_fail(err, BK_INVALID, "the %s of a launch is one line of at most %d bytes of UTF-8", what, WORD_MOST);
        return 0;
}

static int check(const char *source, const struct reg_launch *launch, struct bk_error *err)
{
        if (check_word("source", source, err) < 0 || check_word("instance", launch->instance, err) < 0)
                return -1;
        return launch->name == NULL ? 0 : check_word("name", launch->name, err);
}

static int tell(struct reg *reg, const char *action, const char *source, const char *instance, const char *who, const char *image,
                struct bk_error *err)
{
        json_t *detail = json_pack("{s:o,s:o}", "source", reg_json_text(source), "instance", reg_json_text(instance));
        const int status = reg_event_put(reg, &(struct reg_event){ .who = who, .action = action, .subject = image, .detail = detail }, err);

        json_decref(detail);
        return status;
}

/* Within a transaction. alone: an instance that is on another image than before has left that one. */
static int put(struct reg *reg, const char *source, const struct reg_launch *launch, int64_t image, bool alone, struct bk_error *err)
{
        static const char sql[] =
                "INSERT INTO launch (image, source, instance, name, who, first_at, last_at, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (source, instance, image) DO UPDATE SET last_at = excluded.last_at, ended_at = NULL, "
                "name = coalesce(excluded.name, launch.name), detail = coalesce(excluded.detail, launch.detail)";
        static const char living[] = "SELECT id FROM launch WHERE source = ? AND instance = ? AND image = ? AND ended_at IS NULL";
        const int64_t at = launch->at != 0 ? launch->at : time(NULL);
        autofree char *detail = launch->detail == NULL ? NULL : json_dumps(launch->detail, JSON_COMPACT | JSON_SORT_KEYS);
        const char *who = launch->who == NULL ? "unknown" : launch->who;
        int64_t known = 0;
        const int status = reg_sql_int(reg, &known, err, living, "tti", source, launch->instance, image);

        if (status < 0 ||
            (alone && reg_sql_run(reg, err, "UPDATE launch SET ended_at = ? WHERE source = ? AND instance = ? AND image <> ? AND ended_at IS NULL",
                                  "itti", at, source, launch->instance, image) < 0) ||
            reg_sql_run(reg, err, sql, "ittttiit", image, source, launch->instance, launch->name, who, at, at, detail) < 0)
                return -1;
        return status > 0 ? 0 : tell(reg, "image.launched", source, launch->instance, who, launch->image, err);
}

static int living_of(struct reg *reg, const char *source, int64_t *ret, struct bk_error *err)
{
        return reg_sql_int(reg, ret, err, "SELECT count(*) FROM launch WHERE source = ? AND ended_at IS NULL", "t", source) < 0 ? -1 : 0;
}

/* previous is the most that the source knew of since somebody was content with it (below), so that a sudden fall of count shows against it,
 * however often it is told. That one instance has ended, and is told of as that, is no such fall. */
static int source_answered(struct reg *reg, const char *source, bool all, struct bk_error *err)
{
        static const char sql[] =
                "INSERT INTO usage_source (name, asked_at, ok_at, count, previous) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET asked_at = excluded.asked_at, ok_at = excluded.ok_at, "
                "previous = CASE WHEN ? = 1 THEN CASE WHEN excluded.count > usage_source.previous THEN excluded.count ELSE usage_source.previous END "
                "WHEN usage_source.previous + excluded.count < usage_source.count THEN 0 "
                "ELSE usage_source.previous + excluded.count - usage_source.count END, count = excluded.count, error = NULL";
        const int64_t now = time(NULL);
        int64_t count = 0;

        if (living_of(reg, source, &count, err) < 0)
                return -1;
        return reg_sql_run(reg, err, sql, "tiiiii", source, now, now, count, count, (int64_t)all);
}

/* What is known already is always heard. */
static int check_hearsay(struct reg *reg, const char *source, const struct reg_launch *launch, int64_t image, struct bk_error *err)
{
        static const char sql[] = "SELECT count(*) FROM launch WHERE image = ? AND source = ? AND instance <> ? AND ended_at IS NULL";
        int64_t others = 0;

        if (!launch->hearsay)
                return 0;
        if (reg_sql_int(reg, &others, err, sql, "itt", image, source, launch->instance) < 0)
                return -1;
        return others < REG_HEARSAY_MOST ? 0 :
               bk_fail(err, BK_CONFLICT, "%d instances of image '%s' are known by '%s', so it is in use; to tell of more show a token of the "
                       "role bake", REG_HEARSAY_MOST, launch->image, source);
}

int reg_launch_seen(struct reg *reg, const char *source, const struct reg_launch *launch, struct bk_error *err)
{
        int64_t image = 0;
        autotxn txn = { 0 };

        if (check(source, launch, err) < 0 || reg_txn_write(reg, &txn, err) < 0 ||
            reg_image_find(reg, launch->image, &image, NULL, err) < 0 || check_hearsay(reg, source, launch, image, err) < 0 ||
            put(reg, source, launch, image, !launch->hearsay, err) < 0 || source_answered(reg, source, false, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_launch_ended(struct reg *reg, const char *source, const char *instance, const char *who, struct bk_error *err)
{
        autofree char *image = NULL;
        autotxn txn = { 0 };
        int status;

        if (check_word("source", source, err) < 0 || check_word("instance", instance, err) < 0 || reg_txn_write(reg, &txn, err) < 0)
                return -1;
        status = reg_sql_text(reg, &image, err, "SELECT i.id FROM launch l JOIN image i ON i.sequence = l.image "
                              "WHERE l.source = ? AND l.instance = ? AND l.ended_at IS NULL", "tt", source, instance);
        if (status <= 0)
                return status < 0 ? -1 : bk_fail(err, BK_NOT_FOUND, "no instance '%s' of '%s' is known to be alive", instance, source);
        if (reg_sql_run(reg, err, "UPDATE launch SET ended_at = ? WHERE source = ? AND instance = ? AND ended_at IS NULL", "itt",
                        (int64_t)time(NULL), source, instance) < 0 ||
            tell(reg, "image.left", source, instance, who, image, err) < 0 || source_answered(reg, source, false, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

/* Those of a source that its last answer did not touch have ended; they are told of one by one. */
static int end_the_rest(struct reg *reg, const char *source, int64_t now, const char *who, struct bk_error *err)
{
        static const char sql[] = "SELECT l.instance, i.id FROM launch l JOIN image i ON i.sequence = l.image "
                                  "WHERE l.source = ? AND l.ended_at IS NULL AND l.last_at < ? ORDER BY l.id";
        BK_CLEANUP(bk_strv_done) struct bk_strv instances = { 0 }, images = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "ti", source, now) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                bk_strv_add(&instances, reg_column_peek(stmt, 0));
                bk_strv_add(&images, reg_column_peek(stmt, 1));
        }
        for (size_t i = 0; status == 0 && i < instances.n; i++)
                status = tell(reg, "image.left", source, instances.v[i], who, images.v[i], err);
        if (status < 0)
                return -1;
        return reg_sql_run(reg, err, "UPDATE launch SET ended_at = ? WHERE source = ? AND ended_at IS NULL AND last_at < ?", "iti", now,
                           source, now);
}

/* A second for each answer: what an earlier answer in the same second touched would look touched by this one. */
static int moment_after(struct reg *reg, const char *source, int64_t *ret, struct bk_error *err)
{
        int64_t last = 0;

        if (reg_sql_int(reg, &last, err, "SELECT max(last_at) FROM launch WHERE source = ?", "t", source) < 0)
                return -1;
        *ret = time(NULL);
        if (*ret <= last)
                *ret = last + 1;
        return 0;
}

int reg_usage_replace(struct reg *reg, const char *source, const struct reg_launch *v, size_t n, const char *who, size_t *ret_unknown,
                      struct bk_error *err)
{
        size_t unknown = 0;
        int64_t now = 0;
        autotxn txn = { 0 };

        if (check_word("source", source, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || moment_after(reg, source, &now, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                struct reg_launch launch = v[i];
                struct bk_error why = { 0 };
                int64_t image = 0;

                launch.at = now;
                if (check(source, &launch, err) < 0)
                        return -1;
                if (reg_image_find(reg, launch.image, &image, NULL, &why) < 0) {
                        if (why.kind != BK_NOT_FOUND) {
                                *err = why;
                                return -1;
                        }
                        unknown++;
                        continue;
                }
                if (put(reg, source, &launch, image, false, err) < 0)
                        return -1;
        }
        if (end_the_rest(reg, source, now, who, err) < 0 || source_answered(reg, source, true, err) < 0 || reg_txn_commit(&txn, err) < 0)
                return -1;
        *ret_unknown = unknown;
        return 0;
}

int reg_usage_failed(struct reg *reg, const char *source, const char *why, struct bk_error *err)
{
        static const char sql[] = "INSERT INTO usage_source (name, asked_at, count, previous, error) VALUES (?, ?, 0, 0, ?) "
                                  "ON CONFLICT (name) DO UPDATE SET asked_at = excluded.asked_at, error = excluded.error";
        autotxn txn = { 0 };

        if (check_word("source", source, err) < 0 || reg_txn_write(reg, &txn, err) < 0 ||
            reg_sql_run(reg, err, sql, "tit", source, (int64_t)time(NULL), why) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_usage_settled(struct reg *reg, const struct reg_sources *seen, struct bk_error *err)
{
        autotxn txn = { 0 };

        if (reg_txn_write(reg, &txn, err) < 0)
                return -1;
        for (size_t i = 0; i < seen->n; i++)
                if (seen->v[i].count != seen->v[i].previous &&
                    reg_sql_run(reg, err, "UPDATE usage_source SET previous = count WHERE name = ? AND count = ? AND previous = ?", "tii",
                                seen->v[i].name, seen->v[i].count, seen->v[i].previous) < 0)
                        return -1;
        return reg_txn_commit(&txn, err);
}

int reg_usage_accept(struct reg *reg, const char *source, const struct reg_change *change, int64_t *ret_was, int64_t *ret, struct bk_error *err)
{
        autojson *detail = NULL;
        autotxn txn = { 0 };
        int status;

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 ||
            (status = reg_sql_int(reg, ret_was, err, "SELECT previous FROM usage_source WHERE name = ?", "t", source)) < 0)
                return -1;
        if (status == 0)
                return bk_fail(err, BK_NOT_FOUND, "no source '%.100s' has ever told who uses images", source);
        if (reg_sql_int(reg, ret, err, "UPDATE usage_source SET previous = count WHERE name = ? RETURNING count", "t", source) < 0)
                return -1;
        detail = json_pack("{s:I, s:I}", "was", (json_int_t)*ret_was, "count", (json_int_t)*ret);
        if (*ret != *ret_was && reg_event_put(reg, &(struct reg_event){ .who = change->who, .action = "usage.accepted", .subject = source,
                                                                        .why = change->why, .detail = detail }, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

/* --- telling -------------------------------------------------------------------- */
static int launches(struct reg *reg, const char *id, bool living, json_t *ret, struct bk_error *err)
{
        static const char sql[] =
                "SELECT i.id, i.name, l.source, l.instance, l.name, l.who, l.first_at, l.last_at, l.ended_at, l.detail "
                "FROM launch l JOIN image i ON i.sequence = l.image WHERE (? = '' OR i.id = ?) AND (? = 0 OR l.ended_at IS NULL) "
                "ORDER BY l.last_at DESC, l.id DESC LIMIT 10000";
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tti", id == NULL ? "" : id, id == NULL ? "" : id, (int64_t)living) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                json_t *detail = reg_column_null(stmt, 9) ? json_null() : json_loads(reg_column_peek(stmt, 9), 0, NULL);

                (void)json_array_append_new(ret, json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}",
                                "image", reg_json_text(reg_column_peek(stmt, 0)), "image_name", reg_json_text(reg_column_peek(stmt, 1)),
                                "source", reg_json_text(reg_column_peek(stmt, 2)), "instance", reg_json_text(reg_column_peek(stmt, 3)),
                                "name", reg_json_text(reg_column_peek(stmt, 4)), "who", reg_json_text(reg_column_peek(stmt, 5)),
                                "first_at", reg_json_moment(stmt, 6), "last_at", reg_json_moment(stmt, 7), "ended_at", reg_json_moment(stmt, 8),
                                "detail", detail == NULL ? json_null() : detail));
        }
        return status;
}

void reg_sources_done(struct reg_sources *sources)
{
        for (size_t i = 0; i < sources->n; i++) {
                free(sources->v[i].name);
                free(sources->v[i].error);
        }
        free(sources->v);
        *sources = (struct reg_sources){ 0 };
}

int reg_sources_read(struct reg *reg, struct reg_sources *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_sources_done) struct reg_sources sources = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT name, asked_at, ok_at, count, previous, error FROM usage_source ORDER BY name", &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                sources.v = bk_grow(sources.v, sources.n + 1, sizeof *sources.v);
                sources.v[sources.n++] = (struct reg_source){
                        .name = reg_column(stmt, 0), .asked_at = reg_column_int(stmt, 1), .ok_at = reg_column_int(stmt, 2),
                        .count = reg_column_int(stmt, 3), .previous = reg_column_int(stmt, 4), .error = reg_column(stmt, 5),
                };
        }
        if (status < 0)
                return -1;
        *ret = sources;
        sources = (struct reg_sources){ 0 };
        return 0;
}

static int sources(struct reg *reg, json_t *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_sources_done) struct reg_sources all = { 0 };

        if (reg_sources_read(reg, &all, err) < 0)
                return -1;
        for (size_t i = 0; i < all.n; i++) {
                const struct reg_source *s = &all.v[i];

                (void)json_array_append_new(ret, json_pack("{s:o,s:o,s:o,s:I,s:I,s:o}", "name", reg_json_text(s->name),
                                "asked_at", reg_json_time(s->asked_at), "ok_at", s->ok_at == 0 ? json_null() : reg_json_time(s->ok_at),
                                "count", (json_int_t)s->count, "previous", (json_int_t)s->previous, "error", reg_json_text(s->error)));
        }
        return 0;
}

int reg_usage_json(struct reg *reg, const char *id, bool living, json_t **ret, struct bk_error *err)
{
        json_t *items = json_array(), *from = json_array();

        if (launches(reg, id, living, items, err) < 0 || sources(reg, from, err) < 0) {
                json_decref(items);
                json_decref(from);
                return -1;
        }
        *ret = json_pack("{s:o,s:o}", "items", items, "sources", from);
        return 0;
}
