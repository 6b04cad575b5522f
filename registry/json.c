/* What is recorded, as JSON for programs. Texts that came from inside an image
 * (package names, messages of checks) need not be UTF-8; JSON must be. */
#include "registry/life_priv.h"

#include <string.h>

#include "lib/fs.h"

json_t *reg_json_text(const char *text)
{
        autofree char *clean = text == NULL ? NULL : reg_text_clean(text);

        return text == NULL ? json_null() : json_string(clean != NULL ? clean : text);
}

json_t *reg_json_time(int64_t at)
{
        autofree char *text = bk_iso_time(at);

        return json_string(text);
}

json_t *reg_json_moment(struct reg_stmt *stmt, int column)
{
        return reg_column_null(stmt, column) ? json_null() : reg_json_time(reg_column_int(stmt, column));
}

static void set(json_t *object, const char *key, json_t *value)
{
        (void)json_object_set_new_nocheck(object, key, value);
}

json_t *reg_image_summary(const struct reg_image *image)
{
        json_t *object = json_object(), *attributes = json_object();

        set(object, "sequence", json_integer(image->sequence));
        set(object, "id", reg_json_text(image->id));
        set(object, "name", reg_json_text(image->name));
        set(object, "type", reg_json_text(image->type));
        set(object, "state", json_string(reg_state_name(image->state)));
        set(object, "hidden", json_boolean(image->hidden));
        set(object, "layer", reg_json_text(image->layer));
        set(object, "ancestor", reg_json_text(image->ancestor));
        set(object, "input_hash", reg_json_text(image->input_hash));
        set(object, "size", json_integer((json_int_t)image->size));
        set(object, "virtual_size", json_integer((json_int_t)image->virtual_size));
        set(object, "created_at", reg_json_time(image->created_at));
        set(object, "created_by", reg_json_text(image->created_by));
        set(object, "created_on", reg_json_text(image->created_on));
        for (size_t i = 0; i < image->n_attributes; i++)
                set(attributes, image->attributes[i].key, reg_json_text(image->attributes[i].value));
        set(object, "attributes", attributes);
        return object;
}

static bool is_time(const char *name)
{
        const size_t length = strlen(name);

        return strcmp(name, "at") == 0 || strcmp(name, "since") == 0 || strcmp(name, "until") == 0 ||
               (length > 3 && strcmp(name + length - 3, "_at") == 0);
}

static char *member(const json_t *object, const char *name)
{
        return bk_strdup(json_string_value(json_object_get(object, name)));
}

int reg_image_of_json(const json_t *record, struct reg_image *ret, struct bk_error *err)
{
        const json_t *attributes = json_object_get(record, "attributes"), *value;
        const char *created = json_string_value(json_object_get(record, "created_at"));
        const char *state = json_string_value(json_object_get(record, "state")), *key;
        struct reg_image image = { .id = member(record, "id"), .name = member(record, "name"), .type = member(record, "type"),
                                   .layer = member(record, "layer"), .ancestor = member(record, "ancestor"),
                                   .input_hash = member(record, "input_hash"), .created_by = member(record, "created_by"),
                                   .created_on = member(record, "created_on") };
        int64_t high = 0;

        image.sequence = json_integer_value(json_object_get(record, "sequence"));
        image.hidden = json_is_true(json_object_get(record, "hidden"));
        image.size = (uint64_t)json_integer_value(json_object_get(record, "size"));
        image.virtual_size = (uint64_t)json_integer_value(json_object_get(record, "virtual_size"));
        json_object_foreach((json_t *)attributes, key, value) {
                if (!json_is_string(value))
                        continue;
                image.attributes = bk_grow(image.attributes, image.n_attributes + 1, sizeof *image.attributes);
                image.attributes[image.n_attributes++] = (struct reg_pair){ bk_strdup(key), bk_strdup(json_string_value(value)) };
        }
        *ret = image;
        if (image.id == NULL || image.name == NULL || created == NULL || state == NULL ||
            reg_time_parse(created, &ret->created_at, &high, NULL) < 0 || reg_state_parse(state, &ret->state, NULL) < 0) {
                reg_image_done(ret);
                return bk_fail(err, BK_CORRUPT, "the record of an image lacks its id, name, state or time");
        }
        return 0;
}

/* A list is a SELECT whose columns carry their JSON names, and by them their
 * kinds: "at" is a time, "state" and "was" are numbers with a word for them. */
static json_t *cell(const char *name, struct reg_stmt *stmt, int column)
{
        if (reg_column_null(stmt, column))
                return json_null();
        if (!reg_column_is_int(stmt, column))
                return reg_json_text(reg_column_peek(stmt, column));
        if (is_time(name))
                return reg_json_time(reg_column_int(stmt, column));
        if (strcmp(name, "state") == 0 || strcmp(name, "was") == 0)
                return json_string(reg_state_name((enum reg_state)reg_column_int(stmt, column)));
        if (strcmp(name, "restricted") == 0 || strcmp(name, "done") == 0 || strcmp(name, "spreads") == 0)
                return json_boolean(reg_column_int(stmt, column) != 0);
        return json_integer(reg_column_int(stmt, column));
}

void reg_json_done(json_t **json)
{
        json_decref(*json);
        *json = NULL;
}

int reg_json_rows(struct reg *reg, struct reg_stmt *stmt, json_t **ret, struct bk_error *err)
{
        autojson *rows = json_array();
        int status;

        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                json_t *row = json_object();

                for (int i = 0; i < reg_columns(stmt); i++)
                        set(row, reg_column_name(stmt, i), cell(reg_column_name(stmt, i), stmt, i));
                (void)json_array_append_new(rows, row);
        }
        if (status < 0)
                return -1;
        *ret = bk_take(rows);
        return 0;
}

static int list(struct reg *reg, const char *sql, int64_t image, json_t **ret, struct bk_error *err)
{
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "i", image) < 0)
                return -1;
        return reg_json_rows(reg, stmt, ret, err);
}

static const struct { const char *name, *sql; bool packages; } lists[] = {
        { "states", "SELECT state, was, at, who, why FROM state_log WHERE image = ? ORDER BY id" },
        { "checks", "SELECT suite, name, verdict, message, duration_us FROM verdict WHERE image = ? ORDER BY position" },
        { "channels", "SELECT name || ':' || channel AS channel, at, who, why, previous FROM channel_log WHERE id IN "
                      "(SELECT max(l.id) FROM channel c JOIN channel_log l ON l.name = c.name AND l.channel = c.channel "
                      "WHERE c.head = ? GROUP BY c.name, c.channel) ORDER BY channel" },
        { "channel_history", "SELECT l.name || ':' || l.channel AS channel, l.at, l.who, l.why, l.previous FROM image i "
                             "JOIN channel_log l ON l.image = i.id WHERE i.sequence = ? ORDER BY l.id" },
        { "launches", "SELECT source, instance, nullif(name, '') AS name, who, first_at, last_at, ended_at FROM launch WHERE image = ? "
                      "ORDER BY last_at DESC, id DESC LIMIT 100" },
        { "keep", "SELECT until, at, who, why FROM keep WHERE image = ?" },
        { "trash", "SELECT at, purge_at FROM trash WHERE image = ?" },
        { "marks", "SELECT rule, action, marked_at, due_at, told_at, told FROM mark WHERE image = ? ORDER BY rule" },
        { "packages", "SELECT p.ecosystem, p.name, p.version, nullif(p.architecture, '') AS architecture, "
                      "nullif(p.source, '') AS source, nullif(p.source_version, '') AS source_version "
                      "FROM image i JOIN package_member m ON m.package_set = i.package_set JOIN package p ON p.id = m.package "
                      "WHERE i.sequence = ? ORDER BY p.name, p.architecture, p.version", true },
};

static int provenance(struct reg *reg, int64_t image, json_t **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        json_error_t why;
        const int status = reg_sql_text(reg, &text, err, "SELECT provenance FROM document WHERE image = ?", "i", image);

        if (status <= 0) {
                *ret = json_null();
                return status;
        }
        *ret = json_loads(text, JSON_ALLOW_NUL, &why);          /* json_dumps() wrote NUL as \u0000 */
        if (*ret == NULL)
                return bk_fail(err, BK_CORRUPT, "registry '%s': the provenance of image %lld is not JSON: %s", reg->path,
                               (long long)image, why.text);
        return 0;
}

int reg_image_json(struct reg *reg, const char *id, bool with_packages, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autojson *object = NULL;
        json_t *part = NULL;
        int64_t count = 0;
        autotxn txn = { 0 };

        if (reg_txn_read(reg, &txn, err) < 0 || reg_image_by_id(reg, id, &image, err) < 0)
                return -1;
        object = reg_image_summary(&image);
        for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
                if (lists[i].packages && !with_packages)
                        continue;
                if (list(reg, lists[i].sql, image.sequence, &part, err) < 0)
                        return bk_wrap(err, "%s of image '%s'", lists[i].name, id);
                set(object, lists[i].name, part);
        }
        if (reg_sql_int(reg, &count, err, "SELECT s.n FROM image i JOIN package_set s ON s.id = i.package_set "
                        "WHERE i.sequence = ?", "i", image.sequence) < 0 ||
            provenance(reg, image.sequence, &part, err) < 0)
                return -1;
        set(object, "package_count", json_integer(count));
        set(object, "provenance", part);
        *ret = bk_take(object);
        return 0;
}
