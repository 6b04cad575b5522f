/* Until when images headed channels.
 *
 * A channel's log says what it pointed at, by digest. Its head goes when the next one comes; when the channel is deleted, of which only
 * the log of events tells; or not yet. */
#include "registry/facts_priv.h"

#include <stdlib.h>

/* Channels that are there, and channels that have a log with their last head. */
struct following { struct reg_words living, channels; uint32_t *head; };

static void following_done(struct following *following)
{
        reg_words_done(&following->living);
        reg_words_done(&following->channels);
        free(following->head);
}

static int read_living(struct reg_reading *r, struct following *following, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_reading_start(r, "SELECT name || ':' || channel FROM channel",
                              "SELECT name || ':' || channel FROM channel WHERE name = (SELECT name FROM image WHERE sequence = ?)", &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(r->reg, stmt, err)) > 0)
                (void)reg_words_put(&following->living, reg_column_peek(stmt, 0));
        return status;
}

/* What nobody knows of one channel is not known at all. */
static void headed_until(struct reg_reading *r, uint32_t head, int64_t at)
{
        int64_t *until = &r->head_until[head];

        if (*until != REG_UNKNOWN && (at == REG_UNKNOWN || at > *until))
                *until = at;
}

static void follow(struct reg_reading *r, struct following *following, struct reg_stmt *stmt)
{
        const size_t channels = following->channels.n, heads = r->heads.n;
        const uint32_t channel = reg_words_put(&following->channels, reg_column_peek(stmt, 0));
        const uint32_t head = reg_words_put(&r->heads, reg_column_peek(stmt, 1));

        if (following->channels.n > channels && (channels & (channels + 1)) == 0)
                following->head = bk_grow(following->head, 2 * (channels + 1), sizeof *following->head);
        if (r->heads.n > heads && (heads & (heads + 1)) == 0)
                r->head_until = bk_grow(r->head_until, 2 * (heads + 1), sizeof *r->head_until);
        if (r->heads.n > heads)
                r->head_until[head] = 0;
        if (following->channels.n == channels)
                headed_until(r, following->head[channel], reg_column_int(stmt, 2));
        following->head[channel] = head;
}

static int read_log(struct reg_reading *r, struct following *following, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_reading_start(r, "SELECT name || ':' || channel, image, at FROM channel_log ORDER BY id",
                              "SELECT name || ':' || channel, image, at FROM channel_log WHERE name = (SELECT name FROM image WHERE sequence = ?) "
                              "ORDER BY id", &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(r->reg, stmt, err)) > 0)
                follow(r, following, stmt);
        return status;
}

/* The last head of a channel that is not there any more. */
static int read_deleted(struct reg_reading *r, const struct following *following, struct bk_error *err)
{
        for (uint32_t i = 0; i < following->channels.n; i++) {
                int64_t at = 0;
                int status;

                if (reg_words_find(&following->living, following->channels.v[i]) != REG_NOWHERE)
                        continue;
                status = reg_sql_int(r->reg, &at, err, "SELECT at FROM event WHERE subject = ? AND action = 'channel.deleted' "
                                     "ORDER BY id DESC LIMIT 1", "t", following->channels.v[i]);
                if (status < 0)
                        return -1;
                headed_until(r, following->head[i], status > 0 ? at : REG_UNKNOWN);
        }
        return 0;
}

int reg_facts_heads(struct reg_reading *r, struct bk_error *err)
{
        BK_CLEANUP(following_done) struct following following = { 0 };

        if (read_living(r, &following, err) < 0 || read_log(r, &following, err) < 0)
                return -1;
        return read_deleted(r, &following, err);
}
