/* Channels: names that point. The log remembers every head by digest, so that
 * "what did production run last month" outlives the images. */
#include "registry/registry_priv.h"

#include <string.h>
#include <time.h>

/* Cuts "name:channel"; without a colon all of it is the channel and *ret_name is NULL. */
static int parse(const char *reference, char **ret_name, char **ret_channel, struct bk_error *err)
{
        const char *colon = strchr(reference, ':');
        autofree char *name = colon == NULL ? NULL : bk_strndup(reference, (size_t)(colon - reference));
        autofree char *channel = bk_strdup(colon == NULL ? reference : colon + 1);

        if ((name != NULL && reg_name_check("image name", name, err) < 0) || reg_name_check("channel", channel, err) < 0)
                return bk_wrap(err, "channel '%.200s'", reference);
        *ret_name = bk_take(name);
        *ret_channel = bk_take(channel);
        return 0;
}

static int known_channels(struct reg *reg, const char *name, struct bk_buf *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT channel FROM channel WHERE name = ? ORDER BY channel LIMIT 10", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "t", name) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0)
                bk_buf_printf(ret, "%s%s", ret->len == 0 ? "" : ", ", reg_column_peek(stmt, 0));
        return status;
}

/* A channel whose head was withdrawn is an error, not an older image: whoever
 * follows production must hear of it. A deprecated head is still the head. */
int reg_channel_head(struct reg *reg, const char *reference, struct reg_image *ret, struct bk_error *err)
{
        static const char sql[] = "SELECT i.id FROM channel c JOIN image i ON i.sequence = c.head "
                                  "WHERE c.name = ? AND c.channel = ?";
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf known = { 0 };
        autofree char *name = NULL, *channel = NULL, *id = NULL;
        int status;

        if (parse(reference, &name, &channel, err) < 0 ||
            (status = reg_sql_text(reg, &id, err, sql, "tt", name, channel)) < 0)
                return -1;
        if (status == 0) {
                if (known_channels(reg, name, &known, err) < 0)
                        return -1;
                return bk_fail(err, BK_NOT_FOUND, "no channel '%s'; '%s' has %s", reference, name,
                               known.len == 0 ? "none" : known.data);
        }
        if (reg_image_by_id(reg, id, &image, err) < 0)
                return -1;
        if (image.state == REG_REVOKED || image.state == REG_TRASHED)
                return bk_fail(err, BK_CONFLICT, "'%s' points at '%s', which is %s; assign another image to it", reference, id,
                               reg_state_name(image.state));
        *ret = image;
        image = (struct reg_image){ 0 };
        return 0;
}

static int check_head(const struct reg_image *image, const char *name, const char *channel, struct bk_error *err)
{
        if (name != NULL && !bk_streq(name, image->name))
                return bk_fail(err, BK_CONFLICT, "channel '%s:%s' is for images named '%s', and '%s' is named '%s'", name,
                               channel, name, image->id, image->name);
        if (image->state > REG_PROMOTED)
                return bk_fail(err, BK_CONFLICT, "image '%s' is %s and cannot head channel '%s:%s'", image->id,
                               reg_state_name(image->state), image->name, channel);
        return 0;
}

/* A tested image that heads a channel is a promoted one; one that nobody
 * tested may head a channel, and stays untested. */
static int promote(struct reg *reg, const struct reg_image *image, const char *who, const char *why, struct bk_error *err)
{
        if (image->state != REG_TESTED)
                return 0;
        if (reg_sql_run(reg, err, "UPDATE image SET state = ? WHERE sequence = ?", "ii", (int64_t)REG_PROMOTED,
                        image->sequence) < 0)
                return -1;
        return reg_state_log(reg, image->sequence, image->state, REG_PROMOTED, who, why, err);
}

int reg_channel_assign(struct reg *reg, const char *channel, const char *id, const char *who, const char *why,
                       struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *name = NULL, *word = NULL, *previous = NULL;
        autotxn txn = { 0 };

        if (parse(channel, &name, &word, err) < 0)
                return -1;
        if (who == NULL || *who == '\0')
                return bk_fail(err, BK_INVALID, "channel '%s': somebody assigns it; say who", channel);
        if (reg_txn_write(reg, &txn, err) < 0 || reg_image_by_id(reg, id, &image, err) < 0 ||
            check_head(&image, name, word, err) < 0)
                return -1;
        if (reg_sql_text(reg, &previous, err, "SELECT i.id FROM channel c JOIN image i ON i.sequence = c.head "
                         "WHERE c.name = ? AND c.channel = ?", "tt", image.name, word) < 0)
                return -1;
        if (bk_streq(previous, id))
                return 0;
        if (reg_sql_run(reg, err, "INSERT INTO channel (name, channel, head) VALUES (?, ?, ?) "
                        "ON CONFLICT (name, channel) DO UPDATE SET head = excluded.head", "tti", image.name, word,
                        image.sequence) < 0 ||
            reg_sql_run(reg, err, "INSERT INTO channel_log (name, channel, image, previous, at, who, why) "
                        "VALUES (?, ?, ?, ?, ?, ?, ?)", "ttttitt", image.name, word, id, previous, (int64_t)time(NULL), who,
                        why) < 0 ||
            promote(reg, &image, who, why, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}
