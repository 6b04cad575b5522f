/* image state, deprecate, trash, untrash, revoke, restore, tag: what becomes of images. */
#include "bakery/cmd/life.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

#define REFERENCES "An IMAGE is a digest, its first 8 or more digits, a name, name:channel, or a query; the newest where several match."

static const struct cmd_flag state_flags[] = {
        CMD_REASON_FLAG,
        { "expect", "STATE", false, "fail if the image is in another state than this" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag reason_flags[] = { CMD_REASON_FLAG, CMD_JSON_FLAG };
static const struct cmd_flag trash_flags[] = {
        CMD_REASON_FLAG,
        { "for", "TIME", false, "how long it can be taken out again: 30d, 12h, or until 2006-01-02; 7d if it is not given" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag revoke_flags[] = {
        { "reason", "TEXT", false, "why; recorded, and told to whoever asks for the image. It is needed" },
        { "at", "TIME", false, "when it takes effect: 2006-01-02T15:04:05Z, 2006-01-02, or 3d from now" },
        { "no-descendants", NULL, false, "leave alone what was made of it" },
        CMD_JSON_FLAG,
};

/* --- what is shared ---------------------------------------------------------- */
const char *cmd_given(const struct cmd_args *args, const char *flag)
{
        for (size_t i = args->n_given; i-- > 0;)
                if (bk_streq(args->given[i].flag->name, flag))
                        return args->given[i].value;
        return NULL;
}

json_t *cmd_change(const struct cmd_args *args)
{
        json_t *body = json_object();

        if (cmd_value(args, "reason") != NULL)
                (void)json_object_set_new(body, "why", json_string(cmd_value(args, "reason")));
        if (cmd_given(args, "expect") != NULL)
                (void)json_object_set_new(body, "expect", json_string(cmd_given(args, "expect")));
        return body;
}

const char *cmd_field(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));

        return text == NULL ? "-" : text;
}

void cmd_print_json(json_t *value)
{
        autofree char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);

        printf("%s\n", text == NULL ? "null" : text);
        json_decref(value);
}

int cmd_moment(const char *text, char **ret, struct bk_error *err)
{
        static const struct { char unit; int64_t seconds; } units[] = {
                { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 7 * 86400 },
        };
        const size_t digits = strspn(text, "0123456789");

        if (digits == 0 || digits > 9 || strlen(text) != digits + 1) {
                *ret = bk_strdup(text);
                return 0;
        }
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                if (text[digits] == units[i].unit) {
                        *ret = bk_iso_time(time(NULL) + strtoll(text, NULL, 10) * units[i].seconds);
                        return 0;
                }
        return bk_fail(err, BK_USAGE, "'%s' is no time: write a number with s, m, h, d or w behind it, or 2006-01-02T15:04:05Z", text);
}

/* --- states -------------------------------------------------------------------- */
/* Posts to an image, and says what became of it. */
static int change_image(const struct cmd_args *args, const char *format, json_t *body)
{
        autofree char *target = cmd_target(format, args->operands.v[0]);
        struct bk_error err = { 0 };
        json_t *image = NULL;

        if (cmd_api(args, "POST", target, body, &image, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_json(image);
                return 0;
        }
        printf("%s (%s) is %s\n", cmd_field(image, "id"), cmd_field(image, "name"), cmd_field(image, "state"));
        json_decref(image);
        return 0;
}

static int to_state(const struct cmd_args *args, const char *state)
{
        json_t *body = cmd_change(args);

        (void)json_object_set_new(body, "state", json_string(state));
        return change_image(args, "/images/%s/state", body);
}

static int run_state(const struct cmd_args *args)
{
        return to_state(args, args->operands.v[1]);
}

static int run_deprecate(const struct cmd_args *args)
{
        return to_state(args, "deprecated");
}

static int run_trash(const struct cmd_args *args)
{
        const char *span = cmd_given(args, "for");
        json_t *body = cmd_change(args);
        autofree char *when = NULL;
        struct bk_error err = { 0 };

        if (span != NULL && cmd_moment(span, &when, &err) < 0) {
                json_decref(body);
                return cmd_fail(&err);
        }
        if (when != NULL)
                (void)json_object_set_new(body, "purge_at", json_string(when));
        (void)json_object_set_new(body, "state", json_string("trashed"));
        return change_image(args, "/images/%s/state", body);
}

static int run_untrash(const struct cmd_args *args)
{
        return change_image(args, "/images/%s/untrash", cmd_change(args));
}

static int run_restore(const struct cmd_args *args)
{
        return change_image(args, "/images/%s/restore", cmd_change(args));
}

static int run_revoke(const struct cmd_args *args)
{
        const char *at = cmd_given(args, "at");
        json_t *body = cmd_change(args);
        autofree char *when = NULL;
        struct bk_error err = { 0 };

        if (at != NULL && cmd_moment(at, &when, &err) < 0) {
                json_decref(body);
                return cmd_fail(&err);
        }
        if (when != NULL)
                (void)json_object_set_new(body, "at", json_string(when));
        if (cmd_switch(args, "no-descendants"))
                (void)json_object_set_new(body, "descendants", json_false());
        return change_image(args, "/images/%s/revoke", body);
}

/* --- tags ------------------------------------------------------------------------ */
static int show_tags(const struct cmd_args *args)
{
        autofree char *target = cmd_target("/images/%s/tags", args->operands.v[0]);
        struct bk_error err = { 0 };
        json_t *answer = NULL, *row;
        size_t i;

        if (cmd_api(args, "GET", target, NULL, &answer, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_json(answer);
                return 0;
        }
        json_array_foreach(json_object_get(answer, "items"), i, row)
                printf("%s  %s  %s: %s -> %s  %s\n", cmd_field(row, "at"), cmd_field(row, "who"), cmd_field(row, "key"), cmd_field(row, "was"),
                       cmd_field(row, "value"), json_is_string(json_object_get(row, "why")) ? cmd_field(row, "why") : "");
        json_decref(answer);
        return 0;
}

static int run_tag(const struct cmd_args *args)
{
        json_t *body, *set, *remove;

        if (args->operands.n == 1)
                return show_tags(args);
        body = cmd_change(args);
        set = json_object();
        remove = json_array();
        for (size_t i = 1; i < args->operands.n; i++) {
                const char *word = args->operands.v[i], *equals = strchr(word, '=');
                const size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
                autofree char *key = bk_strndup(word, equals != NULL || length == 0 ? length : length - 1);

                if (equals == NULL && (length < 2 || word[length - 1] != '-')) {
                        struct bk_error err = { 0 };

                        json_decref(body);
                        json_decref(set);
                        json_decref(remove);
                        (void)bk_fail(&err, BK_USAGE, "'%s' is no tag; write key=value to set one, key- to remove it", word);
                        return cmd_fail(&err);
                }
                if (equals != NULL)
                        (void)json_object_set_new(set, key, json_string(equals + 1));
                else
                        (void)json_array_append_new(remove, json_string(key));
        }
        (void)json_object_set_new(body, "set", set);
        (void)json_object_set_new(body, "remove", remove);
        return change_image(args, "/images/%s/tags", body);
}

const struct cmd cmd_image_state = {
        "image state", "IMAGE STATE", 2, 2, "move an image to a state",
        "States are baked, tested, promoted, deprecated, revoked and trashed. Going back needs a reason. " REFERENCES,
        CMD_FLAGS(state_flags), run_state,
};
const struct cmd cmd_image_deprecate = {
        "image deprecate", "IMAGE", 1, 1, "say that there is something better",
        "Queries that do not ask for it no longer find it; what names it still gets it. " REFERENCES, CMD_FLAGS(reason_flags), run_deprecate,
};
const struct cmd cmd_image_trash = {
        "image trash", "IMAGE", 1, 1, "put an image into the trash",
        "Nobody gets it any more by a name or a channel; it stays as it is until it is purged, by the janitor or by `bakery image delete`. "
        "`bakery image untrash` takes it out again, `bakery trash` lists what is there. Said again with -for, it gets another time. " REFERENCES,
        CMD_FLAGS(trash_flags), run_trash,
};
const struct cmd cmd_image_untrash = {
        "image untrash", "IMAGE", 1, 1, "take an image out of the trash", "It is again in the state that it was in before. " REFERENCES,
        CMD_FLAGS(reason_flags), run_untrash,
};
const struct cmd cmd_image_revoke = {
        "image revoke", "IMAGE", 1, 1, "withdraw an image, and what was made of it",
        "Nobody gets it any more by a name or a channel, and nothing is baked on it. Images that stand on it, at any depth, inherit this. "
        REFERENCES, CMD_FLAGS(revoke_flags), run_revoke,
};
const struct cmd cmd_image_restore = {
        "image restore", "IMAGE", 1, 1, "lift a revocation",
        "The image, and those that inherited it, are in the state again that they had before. What is revoked for another reason, too, stays "
        "revoked. A revocation that is to come is called off. A reason is needed. " REFERENCES, CMD_FLAGS(reason_flags), run_restore,
};
const struct cmd cmd_image_tag = {
        "image tag", "IMAGE [KEY=VALUE|KEY-]...", 1, -1, "set and remove tags; without any, show how they changed",
        "Tags are attributes that were not baked into the image: queries find images by both. " REFERENCES, CMD_FLAGS(reason_flags), run_tag,
};
