/* bakes: those under way, and how earlier ones ended. */
#include <stdio.h>

#include "bakery/cmd/life.h"
#include "bakery/cmd/listing.h"
#include "lib/cleanup.h"

static const struct cmd_flag flags[] = {
        { "limit", "N", false, "at most N (20)" },
        { "status", "WORD", false, "only those that are running, ok, failed or aborted" },
        { "log", "BAKE", false, "print the log of one instead" },
        CMD_JSON_FLAG,
};

static void print_bake(const json_t *bake)
{
        autofree char *id = cmd_shown(bake, "id"), *name = cmd_shown(bake, "name"), *status = cmd_shown(bake, "status");
        autofree char *started = cmd_shown(bake, "started_at"), *ended = cmd_shown(bake, "ended_at"), *who = cmd_shown(bake, "who");
        autofree char *host = cmd_shown(bake, "host"), *image = cmd_shown(bake, "image");

        printf("%s  %-20s %-8s %s  %s  by %s on %s  %.19s\n", id, name, status, started, ended, who, host, image);
}

/* The whole of it, in pieces. */
static int print_log(const struct cmd_args *args, const char *id)
{
        autofree char *name = cmd_target("/bakes/%s/log", id);
        struct bk_error err = { 0 };
        size_t from = 0, length = 1;

        while (length > 0) {
                autofree char *target = bk_format("%s?from=%zu", name, from), *text = NULL;

                if (cmd_api_text(args, "GET", target, NULL, &text, &length, &err) < 0)
                        return cmd_fail(&err);
                (void)fwrite(text, 1, length, stdout);
                from += length;
        }
        return 0;
}

static int run(const struct cmd_args *args)
{
        autofree char *name = args->operands.n > 0 ? cmd_target("&name=%s", args->operands.v[0]) : NULL;
        autofree char *status = cmd_value(args, "status") != NULL ? cmd_target("&status=%s", cmd_value(args, "status")) : NULL;
        autofree char *target = bk_format("/bakes?limit=%ld%s%s", cmd_number(args, "limit", 1, 20), name == NULL ? "" : name,
                                          status == NULL ? "" : status);
        struct bk_error err = { 0 };
        json_t *answer = NULL, *bake;
        size_t i;

        if (cmd_value(args, "log") != NULL)
                return print_log(args, cmd_value(args, "log"));
        if (cmd_api(args, "GET", target, NULL, &answer, &err) < 0)
                return cmd_fail(&err);
        json_array_foreach(json_object_get(answer, "items"), i, bake)
                if (cmd_switch(args, "json"))
                        cmd_print_line(bake);
                else
                        print_bake(bake);
        json_decref(answer);
        return 0;
}

const struct cmd cmd_bakes = {
        "bakes", "[NAME]", 0, 1, "list bakes, newest first",
        "Of an image's name, or all. With -json one a line. A bake that was killed is aborted.", CMD_FLAGS(flags), run,
};
