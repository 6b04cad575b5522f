/* Moving what channels point at. Each move says who and why; a move may say what it expects to replace, so that two people who promote at
 * once do not undo each other unseen. A restricted channel is moved by the privileged only. */
#include "registry/life_priv.h"

#include <string.h>
#include <time.h>

#define HISTORY_MOST 1000

/* A channel as it is now. */
struct pointer { char *name, *channel, *head; bool restricted; };

static void pointer_done(struct pointer *pointer)
{
        free(pointer->name);
        free(pointer->channel);
        free(pointer->head);
}

#define autopointer BK_CLEANUP(pointer_done) struct pointer

/* head stays NULL where there is no such channel yet. */
static int read_pointer(struct reg *reg, struct pointer *pointer, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT i.id, c.restricted FROM channel c JOIN image i ON i.sequence = c.head WHERE c.name = ? AND c.channel = ?",
                            &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tt", pointer->name, pointer->channel) < 0 || (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status > 0) {
                pointer->head = reg_column(stmt, 0);
                pointer->restricted = reg_column_int(stmt, 1) != 0;
        }
        return 0;
}

static int may_move(const struct pointer *pointer, const struct reg_change *change, struct bk_error *err)
{
        const char *head = pointer->head == NULL ? "none" : pointer->head;

        if (pointer->restricted && !change->privileged)
                return bk_fail(err, BK_DENIED, "channel '%s:%s' is restricted: changing it needs a token with the role promote or admin",
                               pointer->name, pointer->channel);
        if (change->expect != NULL && strcmp(change->expect, head) != 0)
                return bk_fail(err, BK_CONFLICT, "channel '%s:%s' points at %s, not at '%.100s' as was expected", pointer->name, pointer->channel,
                               pointer->head == NULL ? "nothing" : head, change->expect);
        return 0;
}

/* A tested image that heads a channel is a promoted one; one that nobody
 * tested may head a channel, and stays untested. */
static int promote(struct reg *reg, const struct reg_image *image, const struct reg_change *change, struct bk_error *err)
{
        const struct reg_subject subject = { .image = image->sequence, .id = image->id, .name = image->name, .state = image->state };
        const struct reg_move move = { .action = "image.state", .who = change->who, .why = change->why };

        return image->state == REG_TESTED ? reg_state_move(reg, &subject, REG_PROMOTED, &move, err) : 0;
}

static int tell(struct reg *reg, const struct pointer *pointer, const char *action, const struct reg_change *change, const json_t *detail,
                struct bk_error *err)
{
        autofree char *subject = bk_format("%s:%s", pointer->name, pointer->channel);
        const struct reg_event event = { .who = change->who, .action = action, .subject = subject, .name = pointer->name, .why = change->why,
                                         .detail = detail };

        return reg_event_put(reg, &event, err);
}

static int point(struct reg *reg, const struct pointer *pointer, const struct reg_image *image, const struct reg_change *change,
                 struct bk_error *err)
{
        autojson *detail = json_pack("{s:s, s:s?}", "image", image->id, "previous", pointer->head);

        if (bk_streq(pointer->head, image->id))
                return 0;
        if (may_move(pointer, change, err) < 0 || reg_channel_fit(image, pointer->name, pointer->channel, err) < 0)
                return -1;
        if (reg_sql_run(reg, err, "INSERT INTO channel (name, channel, head) VALUES (?, ?, ?) "
                        "ON CONFLICT (name, channel) DO UPDATE SET head = excluded.head", "tti", pointer->name, pointer->channel,
                        image->sequence) < 0 ||
            reg_sql_run(reg, err, "INSERT INTO channel_log (name, channel, image, previous, at, who, why) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?)", "ttttitt", pointer->name, pointer->channel, image->id, pointer->head,
                        (int64_t)time(NULL), change->who, change->why) < 0 ||
            tell(reg, pointer, "channel.assigned", change, detail, err) < 0)
                return -1;
        return promote(reg, image, change, err);
}

int reg_channel_point(struct reg *reg, const char *channel, const char *id, const struct reg_change *change, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autopointer pointer = { 0 };
        autotxn txn = { 0 };

        if (reg_channel_parse(channel, &pointer.name, &pointer.channel, err) < 0 || reg_change_check(change, err) < 0 ||
            reg_txn_write(reg, &txn, err) < 0 || reg_due_within(reg, err) < 0 || reg_image_by_id(reg, id, &image, err) < 0)
                return -1;
        if (pointer.name == NULL)
                pointer.name = bk_strdup(image.name);
        if (!bk_streq(pointer.name, image.name))
                return reg_channel_fit(&image, pointer.name, pointer.channel, err);
        if (read_pointer(reg, &pointer, err) < 0 || point(reg, &pointer, &image, change, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

/* --- a channel that is there ------------------------------------------------------ */
static int open_pointer(struct reg *reg, const char *channel, struct pointer *pointer, struct bk_error *err)
{
        if (reg_channel_parse(channel, &pointer->name, &pointer->channel, err) < 0)
                return -1;
        if (pointer->name == NULL)
                return bk_fail(err, BK_INVALID, "'%s' names no image; write name:channel", channel);
        if (read_pointer(reg, pointer, err) < 0)
                return -1;
        return pointer->head == NULL ? bk_fail(err, BK_NOT_FOUND, "no channel '%s'", channel) : 0;
}

/* The heads as a stack: a head that was there before takes off what came after it. So a rollback undoes, and the next one goes
 * further back instead of forth again. */
static int read_stack(struct reg *reg, const struct pointer *pointer, struct bk_strv *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT image, previous FROM (SELECT id, image, previous FROM channel_log WHERE name = ? AND channel = ? "
                            "ORDER BY id DESC LIMIT 1000) AS newest ORDER BY id", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tt", pointer->name, pointer->channel) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                const char *image = reg_column_peek(stmt, 0);
                size_t keep = ret->n;

                if (reg_column_null(stmt, 1))
                        keep = 0;               /* it was deleted, and made anew */
                for (size_t i = 0; i < keep; i++)
                        if (bk_streq(ret->v[i], image))
                                keep = i;
                while (ret->n > keep)
                        free(ret->v[--ret->n]);
                bk_strv_add(ret, image);
        }
        return status;
}

/* 1: it may head the channel; *ret is it. */
static int usable(struct reg *reg, const struct pointer *pointer, const char *id, struct reg_image *ret, struct bk_error *err)
{
        struct bk_error miss = { 0 };

        if (reg_image_by_id(reg, id, ret, &miss) < 0) {
                if (miss.kind == BK_NOT_FOUND)
                        return 0;
                *err = miss;
                return -1;
        }
        if (reg_channel_fit(ret, pointer->name, pointer->channel, NULL) == 0)
                return 1;
        reg_image_done(ret);
        return 0;
}

static int find_previous(struct reg *reg, const struct pointer *pointer, struct reg_image *ret, struct bk_error *err)
{
        autostrv struct bk_strv stack = { 0 };

        if (read_stack(reg, pointer, &stack, err) < 0)
                return -1;
        for (size_t i = stack.n; i-- > 1;) {
                const int status = usable(reg, pointer, stack.v[i - 1], ret, err);

                if (status != 0)
                        return status < 0 ? -1 : 0;
        }
        return bk_fail(err, BK_NOT_FOUND, "channel '%s:%s' had no head before '%s' that is still fit to be one", pointer->name, pointer->channel,
                       pointer->head);
}

static int find_named(struct reg *reg, const struct pointer *pointer, const char *to, struct reg_image *ret, struct bk_error *err)
{
        int64_t found = 0;
        const int status = reg_sql_int(reg, &found, err, "SELECT 1 FROM channel_log WHERE name = ? AND channel = ? AND image = ? LIMIT 1", "ttt",
                                       pointer->name, pointer->channel, to);

        if (status == 0)
                return bk_fail(err, BK_NOT_FOUND, "'%.100s' was never the head of channel '%s:%s'; assign it, if that is meant", to, pointer->name,
                               pointer->channel);
        return status < 0 ? -1 : reg_image_by_id(reg, to, ret, err);
}

int reg_channel_rollback(struct reg *reg, const char *channel, const char *to, const struct reg_change *change, char **ret, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autopointer pointer = { 0 };
        autotxn txn = { 0 };

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || reg_due_within(reg, err) < 0 ||
            open_pointer(reg, channel, &pointer, err) < 0 || may_move(&pointer, change, err) < 0)
                return -1;
        if ((to != NULL ? find_named(reg, &pointer, to, &image, err) : find_previous(reg, &pointer, &image, err)) < 0 ||
            point(reg, &pointer, &image, change, err) < 0 || reg_txn_commit(&txn, err) < 0)
                return -1;
        *ret = bk_take(image.id);
        return 0;
}

int reg_channel_restrict(struct reg *reg, const char *channel, bool restricted, const struct reg_change *change, struct bk_error *err)
{
        autopointer pointer = { 0 };
        autojson *detail = json_pack("{s:b}", "restricted", restricted);
        autotxn txn = { 0 };

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || open_pointer(reg, channel, &pointer, err) < 0)
                return -1;
        if (pointer.restricted == restricted)
                return 0;
        if (reg_sql_run(reg, err, "UPDATE channel SET restricted = ? WHERE name = ? AND channel = ?", "itt", (int64_t)restricted, pointer.name,
                        pointer.channel) < 0 ||
            tell(reg, &pointer, "channel.restricted", change, detail, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_channel_delete(struct reg *reg, const char *channel, const struct reg_change *change, struct bk_error *err)
{
        autopointer pointer = { 0 };
        autojson *detail = NULL;
        autotxn txn = { 0 };

        if (reg_change_check(change, err) < 0 || reg_txn_write(reg, &txn, err) < 0 || open_pointer(reg, channel, &pointer, err) < 0 ||
            may_move(&pointer, change, err) < 0)
                return -1;
        detail = json_pack("{s:s}", "image", pointer.head);
        if (reg_sql_run(reg, err, "DELETE FROM channel WHERE name = ? AND channel = ?", "tt", pointer.name, pointer.channel) < 0 ||
            tell(reg, &pointer, "channel.deleted", change, detail, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

/* --- reading ------------------------------------------------------------------------ */
#define CHANNEL_SQL \
        "SELECT c.name || ':' || c.channel AS channel, i.id AS image, i.state, c.restricted, l.at, l.who, l.why, l.previous FROM channel c " \
        "JOIN image i ON i.sequence = c.head LEFT JOIN channel_log l ON l.id = " \
        "(SELECT max(m.id) FROM channel_log m WHERE m.name = c.name AND m.channel = c.channel) "

int reg_channels_json(struct reg *reg, const char *name, json_t **ret, struct bk_error *err)
{
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, name == NULL ? CHANNEL_SQL "ORDER BY c.name, c.channel LIMIT 10000" :
                                                CHANNEL_SQL "WHERE c.name = ? ORDER BY c.name, c.channel LIMIT 10000", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, name == NULL ? "" : "t", name) < 0)
                return -1;
        return reg_json_rows(reg, stmt, ret, err);
}

int reg_channel_json(struct reg *reg, const char *channel, json_t **ret, struct bk_error *err)
{
        autopointer pointer = { 0 };
        autostmt *stmt = NULL;
        autojson *rows = NULL;
        autotxn txn = { 0 };

        if (reg_txn_read(reg, &txn, err) < 0 || open_pointer(reg, channel, &pointer, err) < 0 ||
            reg_sql_prepare(reg, CHANNEL_SQL "WHERE c.name = ? AND c.channel = ?", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tt", pointer.name, pointer.channel) < 0 || reg_json_rows(reg, stmt, &rows, err) < 0)
                return -1;
        *ret = json_incref(json_array_get(rows, 0));
        return 0;
}

int reg_channel_history_json(struct reg *reg, const char *channel, int64_t limit, json_t **ret, struct bk_error *err)
{
        autofree char *name = NULL, *word = NULL;
        autostmt *stmt = NULL;
        autojson *rows = NULL;

        if (limit <= 0 || limit > HISTORY_MOST)
                limit = HISTORY_MOST;
        if (reg_channel_parse(channel, &name, &word, err) < 0)
                return -1;
        if (name == NULL)
                return bk_fail(err, BK_INVALID, "'%s' names no image; write name:channel", channel);
        if (reg_sql_prepare(reg, "SELECT image, previous, at, who, why FROM channel_log WHERE name = ? AND channel = ? ORDER BY id DESC LIMIT ?",
                            &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tti", name, word, limit) < 0 || reg_json_rows(reg, stmt, &rows, err) < 0)
                return -1;
        if (json_array_size(rows) == 0)
                return bk_fail(err, BK_NOT_FOUND, "there never was a channel '%s'", channel);
        *ret = bk_take(rows);
        return 0;
}
