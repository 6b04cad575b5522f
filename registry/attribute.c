/* Attributes, and the tags that are added to them after publication. What an image was baked as is in its manifest, whose digest is its
 * name; that never changes. Everything else may, and the log remembers what it was. */
#include "registry/life_priv.h"

#include <string.h>
#include <time.h>

#include "registry/rank.h"

#define TAGS_MOST 200
#define VALUE_MOST 4000

int reg_attribute_put(struct reg *reg, int64_t image, const char *key, const char *value, struct bk_error *err)
{
        autofree char *rank = reg_rank(value);

        return reg_sql_run(reg, err, "INSERT INTO attribute (image, key, value, rank, name) SELECT sequence, ?, ?, ?, name FROM image "
                           "WHERE sequence = ? ON CONFLICT (image, key) DO UPDATE SET value = excluded.value, rank = excluded.rank", "ttti",
                           key, value, rank, image);
}

static int check_tags(const struct reg_tag *tags, size_t n, struct bk_error *err)
{
        if (n == 0 || n > TAGS_MOST)
                return bk_fail(err, BK_INVALID, "1 to %d tags are changed at once, not %zu", TAGS_MOST, n);
        for (size_t i = 0; i < n; i++) {
                if (reg_attribute_check(tags[i].key, tags[i].value == NULL ? "" : tags[i].value, err) < 0)
                        return -1;
                if (tags[i].value != NULL && strlen(tags[i].value) > VALUE_MOST)
                        return bk_fail(err, BK_INVALID, "the value of tag '%s' is longer than %d bytes", tags[i].key, VALUE_MOST);
                for (size_t j = 0; j < i; j++)
                        if (strcmp(tags[i].key, tags[j].key) == 0)
                                return bk_fail(err, BK_INVALID, "tag '%s' is given twice", tags[i].key);
        }
        return 0;
}

/* The attributes that the image was baked with; NULL when the manifest names none. */
static int baked_with(struct reg *reg, const char *id, json_t **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        autojson *manifest = NULL;

        if (reg_manifest(reg, id, &text, err) < 0)
                return -1;
        manifest = json_loads(text, 0, NULL);
        *ret = json_incref(json_object_get(manifest, "attributes"));
        return 0;
}

/* 1: changed, 0: it was so already. */
static int change_one(struct reg *reg, const struct reg_image *image, const struct reg_tag *tag, const json_t *baked,
                      const struct reg_change *change, struct bk_error *err)
{
        const char *was = reg_image_attribute(image, tag->key);

        if (bk_streq(was, tag->value))
                return 0;
        if (json_object_get(baked, tag->key) != NULL)
                return bk_fail(err, BK_CONFLICT, "'%s' was baked with %s=%.100s, which is part of its digest; use a tag of another name", image->id,
                               tag->key, json_string_value(json_object_get(baked, tag->key)));
        if (tag->expect != NULL && strcmp(tag->expect, was == NULL ? "" : was) != 0)
                return bk_fail(err, BK_CONFLICT, "'%s' has %s=%.100s, not '%.100s' as was expected", image->id, tag->key, was == NULL ? "" : was,
                               tag->expect);
        if (tag->value == NULL ? reg_sql_run(reg, err, "DELETE FROM attribute WHERE image = ? AND key = ?", "it", image->sequence, tag->key) < 0 :
                                 reg_attribute_put(reg, image->sequence, tag->key, tag->value, err) < 0)
                return -1;
        return reg_sql_run(reg, err, "INSERT INTO attribute_log (image, key, was, value, at, who, why) VALUES (?, ?, ?, ?, ?, ?, ?)", "itttitt",
                           image->sequence, tag->key, was, tag->value, (int64_t)time(NULL), change->who, change->why) < 0 ? -1 : 1;
}

static int change_all(struct reg *reg, const struct reg_image *image, const struct reg_tag *tags, size_t n, const struct reg_change *change,
                      struct bk_error *err)
{
        autojson *baked = NULL, *set = json_object(), *removed = json_array(), *detail = NULL;
        struct reg_event event = { .who = change->who, .action = "image.tagged", .subject = image->id, .name = image->name, .why = change->why };
        int changed = 0;

        if (baked_with(reg, image->id, &baked, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                const int status = change_one(reg, image, &tags[i], baked, change, err);

                if (status < 0)
                        return -1;
                if (status > 0 && tags[i].value == NULL)
                        (void)json_array_append_new(removed, json_string(tags[i].key));
                else if (status > 0)
                        (void)json_object_set_new(set, tags[i].key, json_string(tags[i].value));
                changed += status;
        }
        if (changed == 0)
                return 0;
        detail = json_pack("{s:O, s:O}", "set", set, "removed", removed);
        event.detail = detail;
        return reg_event_put(reg, &event, err);
}

int reg_tag(struct reg *reg, const char *id, const struct reg_tag *tags, size_t n, const struct reg_change *change, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autotxn txn = { 0 };

        if (check_tags(tags, n, err) < 0 || reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 ||
            reg_image_by_id(reg, id, &image, err) < 0 || change_all(reg, &image, tags, n, change, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_tags_json(struct reg *reg, const char *id, json_t **ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int64_t image = 0;

        if (reg_image_find(reg, id, &image, NULL, err) < 0 ||
            reg_sql_prepare(reg, "SELECT key, was, value, at, who, why FROM attribute_log WHERE image = ? ORDER BY id DESC LIMIT 10000", &stmt,
                            err) < 0 ||
            reg_sql_bind(reg, stmt, err, "i", image) < 0)
                return -1;
        return reg_json_rows(reg, stmt, ret, err);
}
