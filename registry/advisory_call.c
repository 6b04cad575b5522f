/* Routes of advisories: one of them with the images that it concerns, the feeds, and imports.
 *
 * Advisories alone are an import of their own; else an import is any number of requests that carry the same name, each a transaction of
 * its own; the last one says so, drops what a whole feed no longer has, and tells of what has changed. One that was never ended is told
 * with the next. */
#include "registry/packages_priv.h"

#include <string.h>

#include "lib/fs.h"

#define IMAGES_MOST 100000

static void set(json_t *object, const char *key, json_t *value)
{
        (void)json_object_set_new(object, key, value);
}

/* --- one advisory ------------------------------------------------------------------- */
static int texts_of(struct reg *reg, const char *sql, int64_t advisory, json_t *list, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "i", advisory) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0)
                (void)json_array_append_new(list, reg_json_text(reg_column_peek(stmt, 0)));
        return status;
}

/* "i 0", "f 1.4" -> {"introduced": "0"}, {"fixed": "1.4"} */
static json_t *events_of(const char *ranges)
{
        static const struct { char letter; const char *key; } kinds[] = {
                { 'i', "introduced" }, { 'f', "fixed" }, { 'l', "last_affected" }, { 'v', "version" },
        };
        json_t *list = json_array();

        for (const char *line = ranges; *line != '\0'; line += line[strcspn(line, "\n")] != '\0' ? strcspn(line, "\n") + 1 : strlen(line))
                for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                        if (*line == kinds[i].letter && line[1] == ' ') {
                                autofree char *version = bk_strndup(line + 2, strcspn(line + 2, "\n"));

                                (void)json_array_append_new(list, json_pack("{s:o}", kinds[i].key, reg_json_text(version)));
                        }
        return list;
}

static int affected_of(struct reg *reg, int64_t advisory, json_t *list, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT ecosystem, os, name, severity, ranges FROM affected WHERE advisory = ? ORDER BY id", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "i", advisory) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                const char *os = reg_column_peek(stmt, 1);

                json_t *row = json_object();

                set(row, "ecosystem", reg_json_text(reg_column_peek(stmt, 0)));
                set(row, "os", reg_json_text(*os != '\0' ? os : NULL));
                set(row, "name", reg_json_text(reg_column_peek(stmt, 2)));
                set(row, "severity", json_string(reg_severity_name((enum reg_severity)reg_column_int(stmt, 3))));
                set(row, "events", events_of(reg_column_peek(stmt, 4)));
                (void)json_array_append_new(list, row);
        }
        return status;
}

static json_t *advisory_json(struct reg_stmt *stmt)
{
        const int64_t score = reg_column_int(stmt, 6);
        const char *part = reg_column_peek(stmt, 3);
        json_t *json = json_object();

        set(json, "advisory", reg_json_text(reg_column_peek(stmt, 1)));
        set(json, "feed", reg_json_text(reg_column_peek(stmt, 2)));
        set(json, "part", reg_json_text(*part != '\0' ? part : NULL));
        set(json, "severity", json_string(reg_severity_name((enum reg_severity)reg_column_int(stmt, 5))));
        set(json, "score", score < 0 ? json_null() : json_real((double)score / 10));
        set(json, "vector", reg_json_text(reg_column_peek(stmt, 7)));
        set(json, "summary", reg_json_text(reg_column_peek(stmt, 4)));
        set(json, "published", reg_json_moment(stmt, 8));
        set(json, "modified", reg_json_moment(stmt, 9));
        set(json, "withdrawn", reg_json_moment(stmt, 10));
        set(json, "aliases", json_array());
        set(json, "affected", json_array());
        return json;
}

static int read_advisories(struct reg *reg, const char *name, json_t *items, struct reg_ids *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT id, name, feed, part, summary, severity, score, vector, published, modified, withdrawn "
                            "FROM advisory WHERE name = ? OR id IN (SELECT advisory FROM advisory_alias WHERE alias = ?) "
                            "ORDER BY feed, name, part", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tt", name, name) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                json_t *advisory = advisory_json(stmt);
                const int64_t id = reg_column_int(stmt, 0);

                (void)json_array_append_new(items, advisory);
                if (texts_of(reg, "SELECT alias FROM advisory_alias WHERE advisory = ? ORDER BY alias", id,
                             json_object_get(advisory, "aliases"), err) < 0 ||
                    affected_of(reg, id, json_object_get(advisory, "affected"), err) < 0)
                        return -1;
                reg_ids_add(ret, id);
        }
        if (status < 0)
                return -1;
        return ret->n > 0 ? 0 : bk_fail(err, BK_NOT_FOUND, "no advisory '%.100s' was imported", name);
}

struct wanted { struct reg_ids advisories, used; bool in_use; int64_t limit, before; };

static void wanted_done(struct wanted *wanted)
{
        reg_ids_done(&wanted->advisories);
        reg_ids_done(&wanted->used);
}

static int read_images(struct reg *reg, struct reg_stmt *stmt, const struct wanted *wanted, json_t *images, int64_t *ret_next, struct bk_error *err)
{
        json_t *packages = NULL;
        int64_t last = 0;
        int status;

        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                const int64_t sequence = reg_column_int(stmt, 0);
                const bool used = reg_ids_has(&wanted->used, sequence);
                autofree char *package = bk_format("%s %s", reg_column_peek(stmt, 4), reg_column_peek(stmt, 5));

                if (wanted->in_use && !used)
                        continue;
                if (sequence != last && (int64_t)json_array_size(images) == wanted->limit) {
                        *ret_next = last;
                        return 0;
                }
                if (sequence != last) {
                        json_t *image = json_object();

                        packages = json_array();
                        set(image, "sequence", json_integer(sequence));
                        set(image, "id", reg_json_text(reg_column_peek(stmt, 1)));
                        set(image, "name", reg_json_text(reg_column_peek(stmt, 2)));
                        set(image, "state", json_string(reg_state_name((enum reg_state)reg_column_int(stmt, 3))));
                        set(image, "in_use", json_boolean(used));
                        set(image, "packages", packages);
                        (void)json_array_append_new(images, image);
                        last = sequence;
                }
                (void)json_array_append_new(packages, reg_json_text(package));
        }
        return status;
}

static int images_of(struct reg *reg, const struct wanted *wanted, json_t *images, int64_t *ret_next, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf sql = { 0 };
        autostmt *stmt = NULL;

        bk_buf_puts(&sql, "SELECT DISTINCT i.sequence, i.id, i.name, i.state, p.name, p.version FROM affected f CROSS JOIN vulnerable v "
                    "CROSS JOIN package p CROSS JOIN package_member m CROSS JOIN package_set s CROSS JOIN image i "
                    "WHERE v.affected = f.id AND p.id = v.package AND m.package = v.package AND s.id = m.package_set AND s.os = v.os "
                    "AND i.package_set = s.id AND f.advisory IN (");
        for (size_t i = 0; i < wanted->advisories.n; i++)
                bk_buf_printf(&sql, "%s%lld", i == 0 ? "" : ", ", (long long)wanted->advisories.v[i]);
        bk_buf_puts(&sql, ") AND i.sequence < ? AND i.state <> ? ORDER BY i.sequence DESC, p.name, p.version");
        if (reg_sql_prepare(reg, sql.data, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "ii", wanted->before, (int64_t)REG_TRASHED) < 0)
                return -1;
        return read_images(reg, stmt, wanted, images, ret_next, err);
}

int reg_advisory_call(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(wanted_done) struct wanted wanted = { .limit = 1000, .before = INT64_MAX };
        json_t *items, *images;
        int64_t next = 0;
        autotxn txn = { 0 };

        if (reg_call_switch(call, "in_use", &wanted.in_use, err) < 0 || reg_call_number(call, "limit", 1, IMAGES_MOST, &wanted.limit, err) < 0 ||
            reg_call_number(call, "cursor", 1, INT64_MAX, &wanted.before, err) < 0 || reg_txn_read(call->reg, &txn, err) < 0 ||
            reg_in_use(call->reg, &wanted.used, err) < 0)
                return -1;
        items = json_array();
        images = json_array();
        if (read_advisories(call->reg, call->part[0], items, &wanted.advisories, err) < 0 || images_of(call->reg, &wanted, images, &next, err) < 0) {
                json_decref(items);
                json_decref(images);
                return -1;
        }
        call->json = reg_call_list(call, images, reg_call_next(next));
        (void)json_object_set_new(call->json, "advisories", items);
        return 0;
}

int reg_advisory_feeds_call(struct reg_call *call, struct bk_error *err)
{
        json_t *items = json_array();
        autostmt *stmt = NULL;
        int status = reg_sql_prepare(call->reg, "SELECT feed, count(*), count(withdrawn), max(modified), max(import) FROM advisory "
                                     "GROUP BY feed ORDER BY feed", &stmt, err);

        while (status >= 0 && (status = reg_sql_step(call->reg, stmt, err)) > 0) {
                json_t *feed = json_object();

                set(feed, "feed", reg_json_text(reg_column_peek(stmt, 0)));
                set(feed, "advisories", json_integer(reg_column_int(stmt, 1)));
                set(feed, "withdrawn", json_integer(reg_column_int(stmt, 2)));
                set(feed, "newest", reg_json_moment(stmt, 3));
                set(feed, "import", reg_json_text(reg_column_peek(stmt, 4)));
                (void)json_array_append_new(items, feed);
        }
        if (status < 0) {
                json_decref(items);
                return -1;
        }
        call->json = reg_call_list(call, items, NULL);
        return 0;
}

/* --- import ---------------------------------------------------------------------------- */
struct tally { int64_t count[3], refused, dropped, images; char refusal[300]; };

/* One that makes no sense is counted and named; the others are worth having. */
static int put(struct reg_importing *import, int parsed, struct reg_advisory *advisory, struct tally *tally, struct bk_error *err)
{
        enum reg_import_result result = REG_IMPORT_SAME;
        int status = 0;

        if (parsed < 0) {
                tally->refused++;
                (void)snprintf(tally->refusal, sizeof tally->refusal, "%.250s", err->text);
                *err = (struct bk_error){ 0 };
                return 0;
        }
        status = reg_import_put(import, advisory, &result, err);
        if (status == 0)
                tally->count[result]++;
        else
                (void)bk_wrap(err, "advisory '%s'", advisory->name);
        reg_advisory_done(advisory);
        return status;
}

static int put_debian(struct reg_importing *import, const json_t *packages, struct tally *tally, struct bk_error *err)
{
        const char *package, *name;
        json_t *issues, *issue;

        json_object_foreach((json_t *)(uintptr_t)packages, package, issues)
                json_object_foreach(issues, name, issue) {
                        struct reg_advisory advisory = { 0 };
                        struct bk_error why = { 0 };

                        if (put(import, reg_debian_parse(package, name, issue, &advisory, &why), &advisory, tally, &why) < 0) {
                                *err = why;
                                return -1;
                        }
                }
        return 0;
}

static int put_osv(struct reg_importing *import, const json_t *items, struct tally *tally, struct bk_error *err)
{
        size_t i;
        const json_t *item;

        json_array_foreach(items, i, item) {
                struct reg_advisory advisory = { 0 };
                struct bk_error why = { 0 };

                if (put(import, reg_osv_parse(item, &advisory, &why), &advisory, tally, &why) < 0) {
                        *err = why;
                        return -1;
                }
        }
        return 0;
}

static int log_import(struct reg *reg, const char *who, const char *name, const struct tally *tally, struct bk_error *err)
{
        json_t *detail = json_pack("{s:I, s:I}", "images", (json_int_t)tally->images, "dropped", (json_int_t)tally->dropped);
        const struct reg_event event = { .who = who, .action = "advisory.imported", .subject = name, .detail = detail };
        const int status = reg_event_put(reg, &event, err);

        json_decref(detail);
        return status;
}

struct body { json_t *json, *list; char *own; const char *format, *import; const json_t *items; bool last, complete; };

static void body_done(struct body *body)
{
        json_decref(body->json);
        json_decref(body->list);
        free(body->own);
}

/* Advisories and nothing about them: an import of its own. */
static void take_plain(struct body *body)
{
        autofree char *random = bk_random_name();

        body->own = bk_format("post-%s", random);
        body->import = body->own;
        body->format = "osv";
        body->items = body->list = reg_osv_list(body->json);
        body->last = true;
}

static int read_body(const struct reg_call *call, struct body *ret, struct bk_error *err)
{
        json_error_t why;

        ret->json = json_loadb(call->request->body ? call->request->body : "", call->request->length, JSON_ALLOW_NUL, &why);
        if (ret->json == NULL)
                return bk_fail(err, BK_INVALID, "the body is not JSON: %s", why.text);
        if (json_array_size(ret->json) > 0 || json_object_get(ret->json, "id") != NULL || json_object_get(ret->json, "vulns") != NULL) {
                take_plain(ret);
                return 0;
        }
        ret->format = json_string_value(json_object_get(ret->json, "format"));
        ret->import = json_string_value(json_object_get(ret->json, "import"));
        ret->items = json_object_get(ret->json, "items");
        ret->last = json_is_true(json_object_get(ret->json, "last"));
        ret->complete = json_is_true(json_object_get(ret->json, "complete"));
        if (!reg_advisory_name_valid(ret->import))
                return bk_fail(err, BK_INVALID, "'import' names the import that this is a part of: letters, digits and '-_.:+'");
        if (bk_streq(ret->format, "osv") ? !json_is_array(ret->items) : !bk_streq(ret->format, "debian") || !json_is_object(ret->items))
                return bk_fail(err, BK_INVALID, "'format' is osv, with a list as 'items', or debian, with an object of packages");
        return 0;
}

static int run_import(struct reg *reg, const char *who, const struct body *body, struct tally *tally, struct bk_error *err)
{
        BK_CLEANUP(reg_import_done) struct reg_importing *import = NULL;
        autotxn txn = { 0 };

        if (reg_txn_write(reg, &txn, err) < 0 || reg_import_begin(reg, body->import, &import, err) < 0 ||
            (bk_streq(body->format, "osv") ? put_osv : put_debian)(import, body->items, tally, err) < 0 ||
            (body->complete && reg_import_sweep(import, body->format, &tally->dropped, err) < 0))
                return -1;
        if (body->last && (reg_import_tell(reg, who, &tally->images, err) < 0 || log_import(reg, who, body->import, tally, err) < 0))
                return -1;
        reg_import_done(&import);               /* its statements would hold the transaction open */
        return reg_txn_commit(&txn, err);
}

int reg_advisory_import_call(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(body_done) struct body body = { 0 };
        struct tally tally = { 0 };

        if (read_body(call, &body, err) < 0 || run_import(call->reg, call->request->who, &body, &tally, err) < 0)
                return -1;
        call->json = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "new", (json_int_t)tally.count[REG_IMPORT_NEW], "changed",
                               (json_int_t)tally.count[REG_IMPORT_CHANGED], "same", (json_int_t)tally.count[REG_IMPORT_SAME], "refused",
                               (json_int_t)tally.refused, "dropped", (json_int_t)tally.dropped, "images", (json_int_t)tally.images, "refusal",
                               reg_json_text(tally.refusal[0] != '\0' ? tally.refusal : NULL));
        return 0;
}
