/* image keep, unkeep, hide, unhide; trash: what stays, and what is on its way out. */
#include "bakery/cmd/life.h"

#include <stdio.h>

#include "bakery/cmd/listing.h"
#include "bakery/cmd/print.h"
#include "lib/cleanup.h"

static const struct cmd_flag keep_flags[] = {
        { "until", "TIME", false, "until then: 2006-01-02, 2006-01-02T15:04:05Z, or 90d from now; for ever if it is not given" },
        { "why", "TEXT", false, "what it is needed for; recorded, and told to whoever would remove it" },
        CMD_JSON_FLAG,
};
static const struct cmd_flag why_flags[] = { { "why", "TEXT", false, "why; recorded" }, CMD_JSON_FLAG };
static const struct cmd_flag trash_flags[] = { CMD_JSON_FLAG };

/* The answer, or the error and *ret NULL with its exit code. */
static int ask(const struct cmd_args *args, const char *method, const char *target, json_t *body, json_t **ret)
{
        struct bk_error err = { 0 };

        return cmd_api(args, method, target, body, ret, &err) < 0 ? cmd_fail(&err) : 0;
}

static json_t *body_of(const struct cmd_args *args)
{
        json_t *body = json_object();

        if (cmd_given(args, "why") != NULL)
                (void)json_object_set_new(body, "why", json_string(cmd_given(args, "why")));
        return body;
}

/* Takes the answer. */
static int say(const struct cmd_args *args, json_t *image, const char *what)
{
        autofree char *id = cmd_shown(image, "id"), *name = cmd_shown(image, "name");

        if (cmd_switch(args, "json")) {
                cmd_print_json(image);
                return 0;
        }
        printf("%s (%s) %s\n", id, name, what);
        json_decref(image);
        return 0;
}

static int run_keep(const struct cmd_args *args)
{
        autofree char *target = cmd_target("/images/%s/keep", args->operands.v[0]), *when = NULL, *what = NULL;
        const char *until;
        struct bk_error err = { 0 };
        json_t *body, *image = NULL;
        int code;

        if (cmd_given(args, "until") != NULL && cmd_moment(cmd_given(args, "until"), &when, &err) < 0)
                return cmd_fail(&err);
        body = body_of(args);
        if (when != NULL)
                (void)json_object_set_new(body, "until", json_string(when));
        code = ask(args, "POST", target, body, &image);
        if (code != 0)
                return code;
        /* Longer than was asked for, when somebody else needs it longer. */
        until = json_string_value(json_object_get(json_array_get(json_object_get(image, "keep"), 0), "until"));
        what = bk_format("is kept %s%s", until != NULL ? "until " : "for ever", until != NULL ? until : "");
        return say(args, image, what);
}

static int run_unkeep(const struct cmd_args *args)
{
        const char *why = cmd_given(args, "why");
        autofree char *target = cmd_target("/images/%s/keep", args->operands.v[0]), *escaped = why == NULL ? NULL : bk_http_escape(why);
        autofree char *full = bk_format("%s%s%s", target, why != NULL ? "?why=" : "", why != NULL ? escaped : "");
        json_t *image = NULL;
        const int code = ask(args, "DELETE", full, NULL, &image);

        return code != 0 ? code : say(args, image, "need not be kept");
}

static int run_hide(const struct cmd_args *args)
{
        autofree char *target = cmd_target("/images/%s/hide", args->operands.v[0]);
        json_t *image = NULL;
        const int code = ask(args, "POST", target, body_of(args), &image);

        return code != 0 ? code : say(args, image, "is hidden");
}

static int run_unhide(const struct cmd_args *args)
{
        autofree char *target = cmd_target("/images/%s/unhide", args->operands.v[0]);
        json_t *image = NULL;
        const int code = ask(args, "POST", target, body_of(args), &image);

        return code != 0 ? code : say(args, image, "is not hidden");
}

static void print_row(const json_t *row)
{
        autofree char *id = cmd_shown(row, "id"), *name = cmd_shown(row, "name"), *since = cmd_shown(row, "since");
        autofree char *purge = cmd_shown(row, "purge_at"), *who = cmd_shown(row, "who"), *why = cmd_shown(row, "why");
        autofree char *size = cmd_size((uint64_t)json_integer_value(json_object_get(row, "size")));

        printf("%-20s  %-20.19s  since %s by %s  until %s  %10s  %s\n", name, id, since, who, purge, size, why);
}

struct trash { bool json; size_t n; uint64_t bytes; };

static bool take_trash(void *arg, json_t *page)
{
        struct trash *trash = arg;
        const json_t *row;
        size_t i;

        json_array_foreach(json_object_get(page, "items"), i, row) {
                trash->n++;
                trash->bytes += (uint64_t)json_integer_value(json_object_get(row, "size"));
                if (trash->json)
                        cmd_print_line(row);
                else
                        print_row(row);
        }
        return true;
}

static int run_trash(const struct cmd_args *args)
{
        struct trash trash = { .json = cmd_switch(args, "json") };
        struct bk_error err = { 0 };

        if (cmd_pages(args, "/trash?limit=1000", take_trash, &trash, &err) < 0)
                return cmd_fail(&err);
        if (!trash.json) {
                autofree char *size = cmd_size(trash.bytes);

                printf("%zu image%s in the trash, %s\n", trash.n, trash.n == 1 ? "" : "s", size);
        }
        return 0;
}

const struct cmd cmd_image_keep = {
        "image keep", "IMAGE", 1, 1, "ask for an image to stay",
        "Until then no rule of the janitor deprecates, hides, trashes or purges it, and `bakery image delete` refuses to. Of another host's "
        "registry, with a token of the role bake, it makes the time longer, never shorter. " CMD_REFERENCES,
        CMD_FLAGS(keep_flags), run_keep,
};
const struct cmd cmd_image_unkeep = {
        "image unkeep", "IMAGE", 1, 1, "say that an image need not stay", "It is as if nobody had asked for it. " CMD_REFERENCES,
        CMD_FLAGS(why_flags), run_unkeep,
};
const struct cmd cmd_image_hide = {
        "image hide", "IMAGE", 1, 1, "offer an image to nobody",
        "No query finds it unless it says _hidden=1, and no client is offered it; who names it by its digest gets it. Refused for the head of a "
        "channel, for an image that is in use, and for one that is kept. " CMD_REFERENCES, CMD_FLAGS(why_flags), run_hide,
};
const struct cmd cmd_image_unhide = {
        "image unhide", "IMAGE", 1, 1, "offer a hidden image again",
        "Name it by its digest, or by a query with _hidden=1. " CMD_REFERENCES, CMD_FLAGS(why_flags), run_unhide,
};
const struct cmd cmd_trash = {
        "trash", "", 0, 0, "list what is in the trash",
        "What may be purged soonest comes first. `bakery image untrash` takes an image out again.", CMD_FLAGS(trash_flags), run_trash,
};
