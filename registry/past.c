/* Images as they were: by the logs of states, attributes and channels, and by what is remembered of those that were deleted.
 *
 * What never changes of an image is asked in SQL; the rest is decided here, on images newest first, so that a limit ends the walk.
 * Of a deleted image its last record is kept, and, where the record has them, the moments of its states. */
#include "registry/registry_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/fs.h"

int reg_past_most_ms = 20000;

/* --- attributes --------------------------------------------------------------- */
static void attribute_set(struct reg_image *image, const char *key, char *value /* taken; NULL: removed */)
{
        size_t at = 0;

        while (at < image->n_attributes && strcmp(image->attributes[at].key, key) < 0)
                at++;
        if (at < image->n_attributes && strcmp(image->attributes[at].key, key) == 0) {
                free(image->attributes[at].value);
                image->attributes[at].value = value;
                if (value != NULL)
                        return;
                free(image->attributes[at].key);
                image->n_attributes--;
                memmove(&image->attributes[at], &image->attributes[at + 1], (image->n_attributes - at) * sizeof *image->attributes);
        } else if (value != NULL) {
                image->attributes = bk_grow(image->attributes, image->n_attributes + 1, sizeof *image->attributes);
                memmove(&image->attributes[at + 1], &image->attributes[at], (image->n_attributes - at) * sizeof *image->attributes);
                image->attributes[at] = (struct reg_pair){ bk_strdup(key), value };
                image->n_attributes++;
        }
}

static int rewind_attributes(struct reg *reg, struct reg_image *image, int64_t at, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT key, was FROM attribute_log WHERE image = ? AND at > ? ORDER BY id DESC", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "ii", image->sequence, at) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0)
                attribute_set(image, reg_column_peek(stmt, 0), reg_column(stmt, 1));
        return status;
}

/* --- states --------------------------------------------------------------------- */
struct moment { int64_t at; enum reg_state state; };
struct life { struct moment *v; size_t n; int64_t end; };       /* end: when it was deleted, or no end */

static void life_done(struct life *life)
{
        free(life->v);
        *life = (struct life){ 0 };
}

static void life_add(struct life *life, int64_t at, int64_t state)
{
        life->v = bk_grow(life->v, life->n + 1, sizeof *life->v);
        life->v[life->n++] = (struct moment){ at, (enum reg_state)state };
}

static int life_read(struct reg *reg, const struct reg_image *image, struct life *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        ret->end = INT64_MAX;
        if (reg_sql_prepare(reg, "SELECT at, state FROM state_log WHERE image = ? ORDER BY id", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "i", image->sequence) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0)
                life_add(ret, reg_column_int(stmt, 0), reg_column_int(stmt, 1));
        if (ret->n == 0)
                life_add(ret, image->created_at, (int64_t)image->state);
        return status;
}

/* Of a deleted image: its record's states, or the one that it had at last. */
static void life_of_record(const json_t *record, const struct reg_image *image, int64_t end, struct life *ret)
{
        const json_t *row;
        size_t i;

        ret->end = end;
        json_array_foreach(json_object_get(record, "states"), i, row) {
                const char *at = json_string_value(json_object_get(row, "at")), *name = json_string_value(json_object_get(row, "state"));
                enum reg_state state = REG_BAKED;
                int64_t low = 0, high = 0;

                if (at != NULL && name != NULL && reg_time_parse(at, &low, &high, NULL) == 0 && reg_state_parse(name, &state, NULL) == 0)
                        life_add(ret, low, (int64_t)state);
        }
        if (ret->n == 0)
                life_add(ret, image->created_at, (int64_t)image->state);
}

/* NULL: not there at that moment. */
static const struct moment *life_at(const struct life *life, int64_t at)
{
        const struct moment *found = NULL;

        for (size_t i = 0; at < life->end && i < life->n && life->v[i].at <= at; i++)
                found = &life->v[i];
        return found;
}

/* Whether it was in one of the states at some moment of the span. */
static bool life_meets(const struct life *life, unsigned states, const struct reg_span *span)
{
        for (size_t i = 0; i < life->n; i++) {
                const int64_t from = life->v[i].at, until = i + 1 < life->n ? life->v[i + 1].at : life->end;

                if ((states & REG_STATE_BIT(life->v[i].state)) && from <= span->to && until > span->from && until > from)
                        return true;
        }
        return false;
}

int reg_image_rewind(struct reg *reg, struct reg_image *image, int64_t at, struct bk_error *err)
{
        BK_CLEANUP(life_done) struct life life = { 0 };
        const struct moment *moment;

        if (life_read(reg, image, &life, err) < 0)
                return -1;
        moment = life_at(&life, at);
        if (moment == NULL) {
                autofree char *when = bk_iso_time(at), *born = bk_iso_time(image->created_at);

                return bk_fail(err, BK_NOT_FOUND, "at %s there was no image '%s': it was published at %s", when, image->id, born);
        }
        image->state = moment->state;
        return rewind_attributes(reg, image, at, err);
}

/* --- channels --------------------------------------------------------------------- */
int reg_headed_at(struct reg *reg, const char *id, int64_t at, struct reg_stmt **ret, struct bk_error *err)
{
        static const char sql[] =
                "SELECT l.channel, l.name, l.at, l.who, l.why, l.previous FROM channel_log l WHERE l.image = ? AND l.at <= ? AND NOT EXISTS "
                "(SELECT 1 FROM channel_log n WHERE n.name = l.name AND n.channel = l.channel AND n.id > l.id AND n.at <= ?) AND coalesce("
                "(SELECT e.action FROM event e WHERE e.subject = l.name || ':' || l.channel AND e.at <= ? AND "
                "e.action IN ('channel.assigned', 'channel.deleted') ORDER BY e.id DESC LIMIT 1), '') <> 'channel.deleted' ORDER BY l.channel";
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "tiii", id, at, at, at) < 0)
                return -1;
        *ret = bk_take(stmt);
        return 0;
}

static int channel_met(struct reg *reg, const struct reg_condition *condition, const char *id, int64_t at, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_headed_at(reg, id, at, &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                const int met = reg_condition_text(condition, reg_column_peek(stmt, 0), err);

                if (met != 0)
                        return met;
        }
        return status;
}

/* --- one image ---------------------------------------------------------------------- */
static int meets(struct reg *reg, const struct reg_filter *filter, const struct reg_image *image, bool gone, struct bk_error *err)
{
        const int64_t at = filter->at.given ? filter->at.to : filter->alive.to;

        for (size_t i = 0; i < filter->n; i++) {
                const struct reg_condition *condition = &filter->v[i];
                int met;

                if (condition->key != NULL && condition->key->kind == REG_KEY_PACKAGE)
                        met = gone ? 0 : 1;     /* asked in SQL; of a deleted image nobody knows any more */
                else if (condition->key != NULL && condition->key->kind == REG_KEY_CHANNEL)
                        met = (met = channel_met(reg, condition, image->id, at, err)) < 0 ? -1 : (met != 0) != condition->exclude;
                else
                        met = reg_condition_meets(condition, image, err);
                if (met <= 0)
                        return met;
        }
        return 1;
}

/* *image becomes what it was. 1: it is wanted. */
static int judge(struct reg *reg, const struct reg_filter *filter, const struct life *life, struct reg_image *image, bool gone,
                 struct bk_error *err)
{
        const struct moment *moment = filter->at.given ? life_at(life, filter->at.to) : NULL;

        if (filter->at.given) {
                if (moment == NULL || !(filter->states & REG_STATE_BIT(moment->state)))
                        return 0;
                image->state = moment->state;
                if (!gone && rewind_attributes(reg, image, filter->at.to, err) < 0)
                        return -1;
        } else if (!life_meets(life, filter->states, &filter->alive)) {
                return 0;
        }
        return meets(reg, filter, image, gone, err);
}

/* --- all of them ---------------------------------------------------------------------- */
static bool unchanging(const struct reg_condition *condition)
{
        return condition->key != NULL && condition->key->kind != REG_KEY_APPLICATION && condition->key->kind != REG_KEY_CHANNEL;
}

static int add_bounds(const struct reg_filter *filter, const char *sequence, struct reg_select *select, struct bk_error *err)
{
        const char *after = filter->after.n > 0 ? filter->after.v[0] : NULL;

        if (filter->name != NULL)
                reg_select_text(select, " AND name = ", filter->name);
        if (after == NULL)
                return 0;
        if (after[strspn(after, "0123456789")] != '\0' || strlen(after) > 18)
                return bk_fail(err, BK_INVALID, "_after is the 'next' of an answer to the same query; take it as it is");
        bk_buf_printf(&select->sql, " AND %s", sequence);
        reg_select_number(select, " < ", strtoll(after, NULL, 10));
        return 0;
}

/* Looking at what nobody wants ends then; at what is wanted, by the limit. */
static int check_time(int64_t deadline, struct bk_error *err)
{
        return bk_now_ms() <= deadline ? 0 :
               bk_fail(err, BK_TIMEOUT, "no end of images to look at after %d s; add a name, or a _limit", reg_past_most_ms / 1000);
}

/* Deleted images that are wanted, newest first. */
static int find_gone(struct reg *reg, const struct reg_filter *filter, int64_t deadline, struct reg_images *ret, struct bk_error *err)
{
        const struct reg_span *span = filter->at.given ? &filter->at : &filter->alive;
        BK_CLEANUP(reg_select_done) struct reg_select select = { 0 };
        autostmt *stmt = NULL;
        int status;

        reg_select_number(&select, "SELECT record, at, sequence FROM gone WHERE at > ", span->from);
        if (add_bounds(filter, "sequence", &select, err) < 0)
                return -1;
        bk_buf_puts(&select.sql, " ORDER BY sequence DESC");
        if (reg_select_run(reg, &select, &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0 && (filter->limit < 0 || (int64_t)ret->n <= filter->limit)) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
                BK_CLEANUP(life_done) struct life life = { 0 };
                json_t *record = json_loads(reg_column_peek(stmt, 0), 0, NULL);
                int wanted = reg_image_of_json(record, &image, err);

                image.sequence = reg_column_int(stmt, 2);
                life_of_record(record, &image, reg_column_int(stmt, 1), &life);
                json_decref(record);
                if (wanted < 0 || (wanted = judge(reg, filter, &life, &image, true, err)) < 0 || (wanted == 0 && check_time(deadline, err) < 0))
                        return -1;
                if (wanted > 0)
                        reg_images_take(ret, &image);
        }
        return status < 0 ? -1 : 0;
}

static int select_present(struct reg *reg, const struct reg_filter *filter, struct reg_stmt **ret, struct bk_error *err)
{
        const struct reg_span *span = filter->at.given ? &filter->at : &filter->alive;
        BK_CLEANUP(reg_select_done) struct reg_select select = { 0 };

        reg_select_number(&select, "SELECT " REG_IMAGE_COLUMNS "FROM image i WHERE i.created_at <= ", span->to);
        if (add_bounds(filter, "i.sequence", &select, err) < 0)
                return -1;
        for (size_t i = 0; i < filter->n; i++)
                if (unchanging(&filter->v[i]) && reg_select_condition(reg, &select, &filter->v[i], err) < 0)
                        return -1;
        bk_buf_puts(&select.sql, " ORDER BY i.sequence DESC");
        return reg_select_run(reg, &select, ret, err);
}

/* Those of gone that are newer than a sequence come first. */
static void merge(struct reg_images *gone, size_t *next, int64_t newer_than, struct reg_images *images)
{
        while (*next < gone->n && gone->v[*next].sequence > newer_than)
                reg_images_take(images, &gone->v[(*next)++]);
}

int reg_past_run(struct reg *reg, const struct reg_filter *filter, struct reg_images *ret, struct bk_error *err)
{
        const int64_t deadline = bk_now_ms() + reg_past_most_ms, most = filter->limit < 0 ? INT64_MAX : filter->limit + 1;
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 }, gone = { 0 };
        autostmt *stmt = NULL, *attributes = NULL;
        size_t next = 0;
        int status = 0;

        if (find_gone(reg, filter, deadline, &gone, err) < 0 || select_present(reg, filter, &stmt, err) < 0)
                return -1;
        while ((int64_t)images.n < most && (status = reg_sql_step(reg, stmt, err)) > 0) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
                BK_CLEANUP(life_done) struct life life = { 0 };
                int wanted = 0;

                merge(&gone, &next, reg_column_int(stmt, 0), &images);
                if (reg_image_row(reg, stmt, &attributes, &image, err) < 0 || life_read(reg, &image, &life, err) < 0 ||
                    (wanted = judge(reg, filter, &life, &image, false, err)) < 0 || (wanted == 0 && check_time(deadline, err) < 0))
                        return -1;
                if (wanted > 0)
                        reg_images_take(&images, &image);
        }
        if (status < 0)
                return -1;
        merge(&gone, &next, 0, &images);
        while ((int64_t)images.n > most)
                reg_image_done(&images.v[--images.n]);
        *ret = images;
        images = (struct reg_images){ 0 };
        return 0;
}

/* --- what is remembered of deleted images ------------------------------------------------ */
int reg_gone_find(struct reg *reg, const char *prefix, json_t **ret, struct bk_error *err)
{
        autofree char *end = bk_format("%sg", prefix);         /* 'g' follows every hex digit */
        autofree char *when = NULL;
        autostmt *stmt = NULL;
        json_t *record, *gone;
        int status;

        if (reg_sql_prepare(reg, "SELECT record, at, who, why, id FROM gone WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tt", prefix, end) < 0 || (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status == 0)
                return 0;
        record = json_loads(reg_column_peek(stmt, 0), 0, NULL);
        if (!json_is_object(record)) {
                json_decref(record);
                return bk_fail(err, BK_CORRUPT, "registry '%s': the record of deleted image '%s' is not JSON", reg->path, reg_column_peek(stmt, 4));
        }
        when = bk_iso_time(reg_column_int(stmt, 1));
        gone = json_object();
        (void)json_object_set_new(gone, "at", json_string(when));
        (void)json_object_set_new(gone, "who", reg_json_text(reg_column_peek(stmt, 2)));
        (void)json_object_set_new(gone, "why", reg_json_text(reg_column_peek(stmt, 3)));
        (void)json_object_set_new(record, "gone", gone);
        *ret = record;
        return 1;
}
