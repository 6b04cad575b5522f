/* channel list, assign, history, rollback, restrict, delete; and image promote. */
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/life.h"
#include "lib/cleanup.h"

#define CHANNELS "A CHANNEL is NAME:CHANNEL, as in nginx:production."

static const struct cmd_flag json_flags[] = { CMD_JSON_FLAG };
static const struct cmd_flag assign_flags[] = {
        CMD_REASON_FLAG,
        { "expect", "DIGEST", false, "fail if the channel points at another image than this; none: fail if there is such a channel" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag rollback_flags[] = {
        CMD_REASON_FLAG,
        { "expect", "DIGEST", false, "fail if the channel points at another image than this" },
        { "to", "IMAGE", false, "an earlier head, instead of the one before" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag restrict_flags[] = {
        CMD_REASON_FLAG,
        { "off", NULL, false, "lift the restriction" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag delete_flags[] = { CMD_REASON_FLAG, CMD_JSON_FLAG };

/* "/channels/NAME/CHANNEL" and what follows. */
static int target_of(const struct cmd_args *args, const char *rest, char **ret, struct bk_error *err)
{
        const char *text = args->operands.v[0], *colon = strchr(text, ':');
        autofree char *name = NULL, *first = NULL, *second = NULL;

        if (colon == NULL)
                return bk_fail(err, BK_USAGE, "'%s' names no image; write NAME:CHANNEL", text);
        name = bk_strndup(text, (size_t)(colon - text));
        first = bk_http_escape(name);
        second = bk_http_escape(colon + 1);
        *ret = bk_format("/channels/%s/%s%s", first, second, rest);
        return 0;
}

static int answer(const struct cmd_args *args, json_t *channel)
{
        if (cmd_switch(args, "json")) {
                cmd_print_json(channel);
                return 0;
        }
        printf("%s is %s%s\n", cmd_field(channel, "channel"), cmd_field(channel, "image"),
               json_is_true(json_object_get(channel, "restricted")) ? " (restricted)" : "");
        json_decref(channel);
        return 0;
}

static int change(const struct cmd_args *args, const char *method, const char *rest, json_t *body)
{
        autofree char *target = NULL;
        struct bk_error err = { 0 };
        json_t *channel = NULL;

        if (target_of(args, rest, &target, &err) < 0) {
                json_decref(body);
                return cmd_fail(&err);
        }
        return cmd_api(args, method, target, body, &channel, &err) < 0 ? cmd_fail(&err) : answer(args, channel);
}

static int run_assign(const struct cmd_args *args)
{
        json_t *body = cmd_change(args);

        (void)json_object_set_new(body, "image", json_string(args->operands.v[1]));
        return change(args, "PUT", "", body);
}

static int run_promote(const struct cmd_args *args)
{
        autofree char *target = cmd_target("/images/%s/channels", args->operands.v[0]);
        json_t *body = cmd_change(args), *channel = NULL;
        struct bk_error err = { 0 };

        (void)json_object_set_new(body, "channel", json_string(args->operands.v[1]));
        return cmd_api(args, "POST", target, body, &channel, &err) < 0 ? cmd_fail(&err) : answer(args, channel);
}

static int run_rollback(const struct cmd_args *args)
{
        json_t *body = cmd_change(args);

        if (cmd_given(args, "to") != NULL)
                (void)json_object_set_new(body, "to", json_string(cmd_given(args, "to")));
        return change(args, "POST", "/rollback", body);
}

static int run_restrict(const struct cmd_args *args)
{
        json_t *body = cmd_change(args);

        (void)json_object_set_new(body, "restricted", json_boolean(!cmd_switch(args, "off")));
        return change(args, "PUT", "/restricted", body);
}

static int run_delete(const struct cmd_args *args)
{
        autofree char *why = cmd_value(args, "reason") == NULL ? NULL : bk_http_escape(cmd_value(args, "reason"));
        autofree char *rest = why == NULL ? bk_strdup("") : bk_format("?why=%s", why), *target = NULL;
        struct bk_error err = { 0 };
        json_t *gone = NULL;

        if (target_of(args, rest, &target, &err) < 0 || cmd_api(args, "DELETE", target, NULL, &gone, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json"))
                cmd_print_json(json_incref(gone));
        else
                printf("deleted channel %s\n", args->operands.v[0]);
        json_decref(gone);
        return 0;
}

static int run_list(const struct cmd_args *args)
{
        autofree char *target = args->operands.n == 0 ? bk_strdup("/channels") : cmd_target("/channels?name=%s", args->operands.v[0]);
        json_t *list = NULL, *row;
        struct bk_error err = { 0 };
        size_t i;

        if (cmd_api(args, "GET", target, NULL, &list, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_json(list);
                return 0;
        }
        printf("%-32s  %-19s  %-10s  %-20s  %s\n", "CHANNEL", "IMAGE", "STATE", "SINCE", "BY");
        json_array_foreach(json_object_get(list, "items"), i, row)
                printf("%-32s  %.19s  %-10s  %-20s  %s%s\n", cmd_field(row, "channel"), cmd_field(row, "image"), cmd_field(row, "state"),
                       cmd_field(row, "at"), cmd_field(row, "who"), json_is_true(json_object_get(row, "restricted")) ? "  restricted" : "");
        json_decref(list);
        return 0;
}

static int run_history(const struct cmd_args *args)
{
        autofree char *target = NULL;
        json_t *list = NULL, *row;
        struct bk_error err = { 0 };
        size_t i;

        if (target_of(args, "/history", &target, &err) < 0 || cmd_api(args, "GET", target, NULL, &list, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_json(list);
                return 0;
        }
        json_array_foreach(json_object_get(list, "items"), i, row)
                printf("%s  %s  %s  %s\n", cmd_field(row, "at"), cmd_field(row, "image"), cmd_field(row, "who"),
                       json_is_string(json_object_get(row, "why")) ? cmd_field(row, "why") : "");
        json_decref(list);
        return 0;
}

const struct cmd cmd_image_promote = {
        "image promote", "IMAGE CHANNEL", 2, 2, "point a channel at an image",
        "name:channel can then be used wherever an image is asked for. A tested image becomes promoted. An IMAGE is a digest, its first 8 or more "
        "digits, a name, name:channel, or a query; the newest where several match.", CMD_FLAGS(assign_flags), run_promote,
};
const struct cmd cmd_channel_list = {
        "channel list", "[NAME]", 0, 1, "list channels and the images that they point at", "", CMD_FLAGS(json_flags), run_list,
};
const struct cmd cmd_channel_assign = {
        "channel assign", "CHANNEL IMAGE", 2, 2, "point a channel at an image", "A channel that is not there is made. " CHANNELS,
        CMD_FLAGS(assign_flags), run_assign,
};
const struct cmd cmd_channel_history = {
        "channel history", "CHANNEL", 1, 1, "list the images that a channel pointed at, newest first", CHANNELS, CMD_FLAGS(json_flags), run_history,
};
const struct cmd cmd_channel_rollback = {
        "channel rollback", "CHANNEL", 1, 1, "point a channel at the image before",
        "Images that were withdrawn since are passed over. Said again, it goes further back. " CHANNELS, CMD_FLAGS(rollback_flags), run_rollback,
};
const struct cmd cmd_channel_restrict = {
        "channel restrict", "CHANNEL", 1, 1, "let only the roles promote and admin change a channel", CHANNELS,
        CMD_FLAGS(restrict_flags), run_restrict,
};
const struct cmd cmd_channel_delete = {
        "channel delete", "CHANNEL", 1, 1, "delete a channel", "Its image stays, and its history is kept. " CHANNELS,
        CMD_FLAGS(delete_flags), run_delete,
};
