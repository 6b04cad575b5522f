/* Channels: names that point. The log remembers every head by digest, so that
 * "what did production run last month" outlives the images. */
#include "registry/registry_priv.h"

#include <string.h>

int reg_channel_parse(const char *reference, char **ret_name, char **ret_channel, struct bk_error *err)
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

int reg_channel_points_at(struct reg *reg, const char *reference, struct reg_image *ret, struct bk_error *err)
{
        static const char sql[] = "SELECT i.id FROM channel c JOIN image i ON i.sequence = c.head "
                                  "WHERE c.name = ? AND c.channel = ?";
        BK_CLEANUP(bk_buf_done) struct bk_buf known = { 0 };
        autofree char *name = NULL, *channel = NULL, *id = NULL;
        int status;

        if (reg_channel_parse(reference, &name, &channel, err) < 0 ||
            (status = reg_sql_text(reg, &id, err, sql, "tt", name, channel)) < 0)
                return -1;
        if (status == 0) {
                if (known_channels(reg, name, &known, err) < 0)
                        return -1;
                return bk_fail(err, BK_NOT_FOUND, "no channel '%s'; '%s' has %s", reference, name,
                               known.len == 0 ? "none" : known.data);
        }
        return reg_image_by_id(reg, id, ret, err);
}

/* A channel whose head was withdrawn is an error, not an older image: whoever
 * follows production must hear of it. A deprecated head is still the head. */
int reg_channel_head(struct reg *reg, const char *reference, struct reg_image *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

        if (reg_channel_points_at(reg, reference, &image, err) < 0)
                return -1;
        if (image.state == REG_REVOKED || image.state == REG_TRASHED)
                return bk_fail(err, BK_CONFLICT, "'%s' points at '%s', which is %s; assign another image to it", reference, image.id,
                               reg_state_name(image.state));
        *ret = image;
        image = (struct reg_image){ 0 };
        return 0;
}

int reg_channel_fit(const struct reg_image *image, const char *name, const char *channel, struct bk_error *err)
{
        if (name != NULL && !bk_streq(name, image->name))
                return bk_fail(err, BK_CONFLICT, "channel '%s:%s' is for images named '%s', and '%s' is named '%s'", name,
                               channel, name, image->id, image->name);
        if (image->state > REG_PROMOTED)
                return bk_fail(err, BK_CONFLICT, "image '%s' is %s and cannot head channel '%s:%s'", image->id,
                               reg_state_name(image->state), image->name, channel);
        if (image->hidden)
                return bk_fail(err, BK_CONFLICT, "image '%s' is hidden and cannot head channel '%s:%s'; `bakery image unhide` shows it again",
                               image->id, image->name, channel);
        return 0;
}

