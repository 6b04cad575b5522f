/* Routes of channels. */
#include "registry/api_life.h"

/* "name:channel" of the path. */
static char *named(const struct reg_call *call)
{
        return bk_format("%s:%s", call->part[0], call->part[1]);
}

static int answer_channel(struct reg_call *call, const char *channel, struct bk_error *err)
{
        if (reg_channel_json(call->reg, channel, &call->json, err) < 0)
                return -1;
        return reg_life_changed(call, err);
}

int reg_life_channels(struct reg_call *call, struct bk_error *err)
{
        autofree char *name = NULL;
        json_t *rows = NULL;

        if (reg_call_text(call, "name", &name, err) < 0 || reg_channels_json(call->reg, name, &rows, err) < 0)
                return -1;
        call->json = reg_call_list(call, rows, NULL);
        return 0;
}

int reg_life_channel(struct reg_call *call, struct bk_error *err)
{
        autofree char *channel = named(call);

        return reg_channel_json(call->reg, channel, &call->json, err);
}

int reg_life_channel_put(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *channel = named(call);
        const char *reference = NULL;
        struct reg_change change;
        autojson *body = NULL;

        if (reg_life_body(call, "image expect why", &body, err) < 0 || reg_life_change(call, body, &change, err) < 0 ||
            reg_life_need(body, "image", &reference, err) < 0 || reg_resolve(call->reg, reference, &image, err) < 0 ||
            reg_channel_point(call->reg, channel, image.id, &change, err) < 0)
                return -1;
        return answer_channel(call, channel, err);
}

int reg_life_promote(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *name = NULL, *word = NULL, *full = NULL;
        const char *channel = NULL;
        struct reg_change change;
        autojson *body = NULL;

        if (reg_life_body(call, "channel expect why", &body, err) < 0 || reg_life_change(call, body, &change, err) < 0 ||
            reg_life_need(body, "channel", &channel, err) < 0 || reg_channel_parse(channel, &name, &word, err) < 0 ||
            reg_life_image(call, &image, err) < 0 || reg_channel_point(call->reg, channel, image.id, &change, err) < 0)
                return -1;
        full = bk_format("%s:%s", image.name, word);
        return answer_channel(call, full, err);
}

int reg_life_channel_delete(struct reg_call *call, struct bk_error *err)
{
        struct reg_change change = { .who = call->request->who, .privileged = call->request->role >= REG_PROMOTE };
        autofree char *channel = named(call), *why = NULL;

        if (reg_call_text(call, "why", &why, err) < 0)
                return -1;
        change.why = why;
        if (reg_channel_delete(call->reg, channel, &change, err) < 0)
                return -1;
        call->json = json_object();
        return reg_life_changed(call, err);
}

int reg_life_channel_history(struct reg_call *call, struct bk_error *err)
{
        autofree char *channel = named(call);
        json_t *rows = NULL;
        int64_t limit = 100;

        if (reg_call_number(call, "_limit", 0, INT64_MAX, &limit, err) < 0 ||
            reg_channel_history_json(call->reg, channel, limit, &rows, err) < 0)
                return -1;
        call->json = reg_call_list(call, rows, NULL);
        return 0;
}

int reg_life_channel_rollback(struct reg_call *call, struct bk_error *err)
{
        autofree char *channel = named(call), *head = NULL;
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        const char *to = NULL;
        struct reg_change change;
        autojson *body = NULL;

        if (reg_life_body(call, "to expect why", &body, err) < 0 || reg_life_change(call, body, &change, err) < 0 ||
            reg_life_text(body, "to", &to, err) < 0 || (to != NULL && reg_resolve(call->reg, to, &image, err) < 0) ||
            reg_channel_rollback(call->reg, channel, image.id, &change, &head, err) < 0)
                return -1;
        return answer_channel(call, channel, err);
}

int reg_life_channel_restrict(struct reg_call *call, struct bk_error *err)
{
        autofree char *channel = named(call);
        struct reg_change change;
        autojson *body = NULL;
        bool restricted = true;

        if (reg_life_body(call, "restricted why", &body, err) < 0 || reg_life_change(call, body, &change, err) < 0 ||
            reg_life_flag(body, "restricted", true, &restricted, err) < 0 ||
            reg_channel_restrict(call->reg, channel, restricted, &change, err) < 0)
                return -1;
        return answer_channel(call, channel, err);
}
