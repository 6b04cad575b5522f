/* The removal of an image on which nobody stands. What it was is remembered: who asks for it later is told that it is gone, and since when. */
#include "registry/life_priv.h"

#include <time.h>

static int remember(struct reg *reg, const struct reg_image *image, const struct reg_change *change, struct bk_error *err)
{
        autojson *summary = reg_image_summary(image), *detail = json_pack("{s:s}", "was", reg_state_name(image->state)), *whole = NULL;
        autofree char *record = NULL;
        const struct reg_event event = { .who = change->who, .action = "image.deleted", .subject = image->id, .name = image->name,
                                         .why = change->why, .detail = detail };

        /* With its states and their times: queries of the past find it as it was then. */
        if (reg_image_json(reg, image->id, false, &whole, err) < 0)
                return -1;
        (void)json_object_set(summary, "states", json_object_get(whole, "states"));
        record = json_dumps(summary, JSON_COMPACT | JSON_SORT_KEYS);
        if (reg_sql_run(reg, err, "INSERT INTO gone (id, sequence, name, at, who, why, record) VALUES (?, ?, ?, ?, ?, ?, ?) "
                        "ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, at = excluded.at, who = excluded.who, why = excluded.why, "
                        "record = excluded.record", "titittt", image->id, image->sequence, image->name, (int64_t)time(NULL), change->who,
                        change->why, record == NULL ? "{}" : record) < 0)
                return -1;
        return reg_event_put(reg, &event, err);
}

static int drop_rows(struct reg *reg, int64_t sequence, struct reg_layers *ret, struct bk_error *err)
{
        int64_t layer = 0, set = 0;

        if (reg_sql_int(reg, &layer, err, "SELECT layer FROM image WHERE sequence = ?", "i", sequence) < 0 ||
            reg_sql_int(reg, &set, err, "SELECT package_set FROM image WHERE sequence = ?", "i", sequence) < 0 ||
            reg_sql_run(reg, err, "DELETE FROM image WHERE sequence = ?", "i", sequence) < 0 || reg_package_set_drop(reg, set, err) < 0)
                return -1;
        return reg_layer_drop_unused(reg, layer, ret, err);
}

int reg_remove_within(struct reg *reg, const struct reg_image *image, const struct reg_change *change, struct reg_layers *ret_layers,
                      struct bk_error *err)
{
        return remember(reg, image, change, err) < 0 ? -1 : drop_rows(reg, image->sequence, ret_layers, err);
}

int reg_remove(struct reg *reg, const char *id, const struct reg_change *change, struct reg_layers *ret_layers, struct bk_error *err)
{
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *why = NULL;
        autotxn txn = { 0 };

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || reg_image_by_id(reg, id, &image, err) < 0 ||
            reg_prune_forbidden(reg, image.sequence, REG_PRUNE_PURGE, &why, err) < 0)
                return -1;
        if (why != NULL)
                return bk_fail(err, BK_CONFLICT, "image '%s' %s", id, why);
        if (change->expect != NULL && !bk_streq(change->expect, reg_state_name(image.state)))
                return bk_fail(err, BK_CONFLICT, "image '%s' is %s, not '%.100s' as was expected", id, reg_state_name(image.state), change->expect);
        if (reg_remove_within(reg, &image, change, &gone, err) < 0 || reg_txn_commit(&txn, err) < 0)
                return -1;
        *ret_layers = gone;
        gone = (struct reg_layers){ 0 };
        return 0;
}
