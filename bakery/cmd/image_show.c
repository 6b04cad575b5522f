/* image show: all that is known of one image, now or at another time. */
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/api.h"
#include "bakery/cmd/print.h"
#include "lib/cleanup.h"

static const struct cmd_flag show_flags[] = {
        { "json", NULL, false, "JSON" },
        { "packages", NULL, false, "list installed packages, too" },
        { "at", "TIME", false, "as it was then: 2024-05-01, 2024-05-01T10:00:00Z, or an age such as 30d" },
        { "path", NULL, false, "print only the path of its layer: a bootable qcow2" },
};

static void drop(json_t **json)
{
        json_decref(*json);
}

static void show_rows(const json_t *rows, const char *label, const char *first, const char *second, const char *third)
{
        const json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                autofree char *a = cmd_member(row, first), *b = second ? cmd_member(row, second) : NULL, *c = third ? cmd_member(row, third) : NULL;

                printf("%-11s %s%s%s%s%s\n", label, a, b ? " " : "", b ? b : "", c ? " " : "", c ? c : "");
        }
}

static void show_checks(const json_t *checks)
{
        const json_t *row;
        size_t i, passed = 0;

        json_array_foreach(checks, i, row)
                passed += bk_streq(cmd_string(row, "verdict"), "passed");
        printf("checks      %zu of %zu passed\n", passed, json_array_size(checks));
        json_array_foreach(checks, i, row) {
                autofree char *verdict = cmd_member(row, "verdict"), *name = cmd_member(row, "name"), *message = cmd_member(row, "message");

                if (!bk_streq(verdict, "passed"))
                        printf("            %s: %s: %s\n", verdict, name, message);
        }
}

/* Newest first, and no more than a hundred: `bakery usage` has all. */
static void show_launches(const json_t *launches)
{
        const json_t *row, *last = json_array_get(launches, 0);
        size_t i, living = 0;

        json_array_foreach(launches, i, row)
                living += json_is_null(json_object_get(row, "ended_at"));
        if (last == NULL) {
                printf("launched    never, as far as is known\n");
        } else {
                autofree char *at = cmd_member(last, "last_at"), *who = cmd_member(last, "who"), *source = cmd_member(last, "source");
                autofree char *instance = cmd_member(last, *cmd_string(last, "name") == '\0' ? "instance" : "name");

                printf("launched    %s by %s as %s (%s); %zu%s in use\n", at, who, instance, source, living, i == 100 ? " or more" : "");
        }
}

/* What keeps it, and how far it is on its way out. */
static void show_leaving(const json_t *record)
{
        const json_t *keep = json_array_get(json_object_get(record, "keep"), 0), *trash = json_array_get(json_object_get(record, "trash"), 0), *mark;
        size_t i;

        if (json_is_true(json_object_get(record, "hidden")))
                printf("hidden      offered to nobody; by its digest it is found\n");
        if (keep != NULL) {
                autofree char *who = cmd_member(keep, "who"), *why = cmd_member(keep, "why"), *until = cmd_member(keep, "until");

                printf("kept        %s%s, asked for by %s: %s\n", *cmd_string(keep, "until") != '\0' ? "until " : "for ever",
                       *cmd_string(keep, "until") != '\0' ? until : "", who, why);
        }
        if (trash != NULL)
                printf("purged      not before %s\n", cmd_string(trash, "purge_at"));
        json_array_foreach(json_object_get(record, "marks"), i, mark) {
                autofree char *rule = cmd_member(mark, "rule"), *action = cmd_member(mark, "action"), *due = cmd_member(mark, "due_at");

                printf("marked      by rule %s: %s, due %s\n", rule, action, due);
        }
}

/* The store is here only when the registry is. */
static char *path_of(const struct cmd_args *args, const json_t *record)
{
        autostate struct cmd_state state = { 0 };
        struct bk_http_peer peer;

        if (cmd_peer(args, &peer) || cmd_open(args, &state, NULL) < 0)
                return NULL;
        return layer_path(&state.store, cmd_string(record, "layer"));
}

static void show_text(const struct cmd_args *args, const json_t *record)
{
        static const char *const plain[] = { "id", "name", "type", "state" };
        autofree char *size = cmd_size((uint64_t)json_integer_value(json_object_get(record, "size")));
        autofree char *disk = cmd_size((uint64_t)json_integer_value(json_object_get(record, "virtual_size")));
        autofree char *attributes = cmd_attributes(json_object_get(record, "attributes")), *path = path_of(args, record);
        autofree char *ancestor = cmd_member(record, "ancestor"), *by = cmd_member(record, "created_by"), *on = cmd_member(record, "created_on");

        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
                autofree char *text = cmd_member(record, plain[i]);

                printf("%-11s %s\n", i == 0 ? "image" : plain[i], text);
        }
        printf("attributes  %s\nancestor    %s\nlayer       %s\n", attributes, ancestor, cmd_string(record, "layer"));
        if (path != NULL)
                printf("path        %s\n", path);
        printf("size        %s of its own, a disk of %s\nbaked       %s by %s on %s\n", size, disk, cmd_string(record, "created_at"), by, on);
        show_launches(json_object_get(record, "launches"));
        show_checks(json_object_get(record, "checks"));
        show_leaving(record);
        show_rows(json_object_get(record, "channels"), "channel", "channel", NULL, NULL);
        if (cmd_switch(args, "packages"))
                show_rows(json_object_get(record, "packages"), "package", "name", "version", "architecture");
}

static int ask(const struct cmd_args *args, json_t **ret, struct bk_error *err)
{
        const bool packages = cmd_switch(args, "packages") || cmd_switch(args, "json");
        autofree char *at = cmd_value(args, "at") == NULL ? NULL : bk_http_escape(cmd_value(args, "at"));
        autofree char *image = bk_http_escape(args->operands.v[0]);
        autofree char *target = bk_format("/images/%s%s%s%s%s", image, packages || at ? "?" : "", packages ? "packages=1" : "",
                                          at ? "&_at=" : "", at ? at : "");

        return cmd_api(args, "GET", target, NULL, ret, err);
}

static int run_show(const struct cmd_args *args)
{
        BK_CLEANUP(drop) json_t *record = NULL;
        struct bk_error err = { 0 };

        if (ask(args, &record, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "path")) {
                autofree char *path = path_of(args, record);

                if (path == NULL) {
                        (void)bk_fail(&err, BK_USAGE, "-path is for the state folder's own images; `bakery image pull` fetches others");
                        return cmd_fail(&err);
                }
                printf("%s\n", path);
        } else if (cmd_switch(args, "json")) {
                autofree char *text = json_dumps(record, JSON_INDENT(2));

                printf("%s\n", text ? text : "null");
        } else {
                show_text(args, record);
        }
        return 0;
}

const struct cmd cmd_image_show = {
        "image show", "IMAGE", 1, 1, "show all that is known of an image", CMD_REFERENCES, CMD_FLAGS(show_flags), run_show,
};
