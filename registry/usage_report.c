/* What a source tells all at once, as references. */
#include "registry/usage.h"

#include <string.h>

#include "lib/digest.h"
#include "registry/life_priv.h"

enum { ITEMS_MOST = 100000, IMAGES_EACH = 100 };

struct launches { struct reg_launch *v; size_t n, unknown; struct bk_strv ids; };

static void launches_done(struct launches *launches)
{
        free(launches->v);
        bk_strv_done(&launches->ids);
}

static void add(struct launches *launches, const json_t *item, const char *id, const char *who)
{
        launches->v = bk_grow(launches->v, launches->n + 1, sizeof *launches->v);
        bk_strv_add(&launches->ids, id);
        launches->v[launches->n] = (struct reg_launch){
                .image = launches->ids.v[launches->n], .instance = json_string_value(json_object_get(item, "instance")),
                .name = json_string_value(json_object_get(item, "name")), .who = who, .detail = json_object_get(item, "detail") };
        launches->n++;
}

/* Every image whose disk is that layer: their content is the same, so which of them was meant cannot be told. */
static int add_images(struct reg *reg, struct launches *launches, const json_t *item, const char *layer, const char *who, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status, n = 0;

        if (reg_sql_prepare(reg, "SELECT i.id FROM image i JOIN layer l ON l.id = i.layer WHERE l.digest = ? ORDER BY i.sequence DESC LIMIT ?", &stmt,
                            err) < 0 ||
            reg_sql_bind(reg, stmt, err, "ti", layer, (int64_t)IMAGES_EACH) < 0)
                return -1;
        for (; (status = reg_sql_step(reg, stmt, err)) > 0; n++)
                add(launches, item, reg_column_peek(stmt, 0), who);
        return status < 0 ? -1 : n;
}

/* One disk: the first of its layers that is an image's. What lies below is in use as that image's ancestor. */
static int add_disk(struct reg *reg, struct launches *launches, const json_t *item, const json_t *layers, const char *who, struct bk_error *err)
{
        const json_t *layer;
        size_t i;

        json_array_foreach(layers, i, layer) {
                const int n = json_is_string(layer) ? add_images(reg, launches, item, json_string_value(layer), who, err) : 0;

                if (n != 0)
                        return n < 0 ? -1 : 0;
        }
        return 0;
}

/* What was deleted, or never was here, is counted: one such item says nothing against the others. */
static int add_named(struct reg *reg, struct launches *launches, const json_t *item, const char *reference, const char *who, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image found = { 0 };
        struct bk_error why = { 0 };

        if (reg_resolve_used(reg, reference, &found, &why) == 0) {
                add(launches, item, found.id, who);
        } else if (why.kind == BK_NOT_FOUND || why.kind == BK_GONE) {
                launches->unknown++;
        } else {
                *err = why;
                return -1;
        }
        return 0;
}

static int add_item(struct reg *reg, struct launches *launches, const json_t *item, const char *who, struct bk_error *err)
{
        const json_t *image = json_object_get(item, "image"), *disk, *detail = json_object_get(item, "detail");
        size_t i;

        if (!json_is_object(item) || (detail != NULL && !json_is_object(detail)))
                return bk_fail(err, BK_INVALID, "an item is an object with \"instance\" and \"image\" or \"layers\", and its detail is one");
        if (json_is_string(image) && add_named(reg, launches, item, json_string_value(image), who, err) < 0)
                return -1;
        json_array_foreach(json_object_get(item, "layers"), i, disk)
                if (add_disk(reg, launches, item, disk, who, err) < 0)
                        return -1;
        return 0;
}

int reg_usage_report(struct reg *reg, const char *source, const json_t *report, const char *who, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(launches_done) struct launches launches = { 0 };
        const json_t *items = json_object_get(report, "items"), *why = json_object_get(report, "error"), *item;
        size_t i, unknown = 0;

        if (json_is_string(why)) {
                if (reg_usage_failed(reg, source, json_string_value(why), err) < 0)
                        return -1;
                *ret = json_pack("{s:o, s:O}", "source", reg_json_text(source), "error", why);
                return 0;
        }
        if (!json_is_array(items) || json_array_size(items) > ITEMS_MOST)
                return bk_fail(err, BK_INVALID, "a report has \"items\", at most %d, or an \"error\"", ITEMS_MOST);
        json_array_foreach(items, i, item)
                if (add_item(reg, &launches, item, who, err) < 0)
                        return bk_wrap(err, "item %zu", i);
        if (reg_usage_replace(reg, source, launches.v, launches.n, who, &unknown, err) < 0)
                return -1;
        *ret = json_pack("{s:o, s:I, s:I, s:I}", "source", reg_json_text(source), "references", (json_int_t)(launches.n - unknown), "instances",
                         (json_int_t)json_array_size(items), "unknown", (json_int_t)(launches.unknown + unknown));
        return 0;
}
