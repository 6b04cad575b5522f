/* image diff: what changed from one image to another, or in one image since a time. */
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/api.h"
#include "bakery/cmd/print.h"
#include "lib/cleanup.h"

static const struct cmd_flag diff_flags[] = {
        { "files", NULL, false, "compare files, too: both images are mounted, read-only" },
        { "json", NULL, false, "JSON" },
};

static void drop(json_t **json)
{
        json_decref(*json);
}

static void print_changes(const char *label, const json_t *rows)
{
        const json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                autofree char *key = cmd_member(row, "key"), *from = cmd_member(row, "from"), *to = cmd_member(row, "to");

                printf("%s  %s: %s -> %s\n", label, key, from, to);
        }
}

static void print_packages(const char *sign, const json_t *rows)
{
        const json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                autofree char *name = cmd_member(row, "name"), *architecture = cmd_member(row, "architecture");
                autofree char *from = cmd_member(row, "from"), *to = cmd_member(row, "to"), *version = cmd_member(row, "version");

                if (*sign == '~')
                        printf("package  ~ %s %s: %s -> %s (%s)\n", name, architecture, from, to, cmd_string(row, "direction"));
                else
                        printf("package  %s %s %s %s\n", sign, name, architecture, version);
        }
}

static void print_checks(const json_t *rows)
{
        const json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                autofree char *name = cmd_member(row, "name"), *from = cmd_member(row, "from"), *to = cmd_member(row, "to");

                printf("check  %s: %s -> %s\n", name, from, to);
        }
}

static void print_files(const json_t *files)
{
        static const struct { const char *list, *sign; } lists[] = { { "removed", "-" }, { "added", "+" }, { "changed", "~" } };
        const json_t *row;
        size_t i;

        for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
                json_array_foreach(json_object_get(files, lists[k].list), i, row) {
                        autofree char *path = json_is_object(row) ? cmd_member(row, "path") : cmd_plain(row);
                        autofree char *what = json_is_object(row) ? cmd_member(row, "what") : bk_strdup("");

                        printf("file  %s %s%s%s\n", lists[k].sign, path, *what ? " " : "", what);
                }
        if (json_is_true(json_object_get(files, "truncated")))
                printf("file  ... and more\n");
}

static bool is_time(const char *text)
{
        return text[strspn(text, "0123456789")] == '-' || strstr(text, "..") != NULL;
}

/* The second operand is an image, or a time. */
static char *target_of(const struct cmd_args *args)
{
        autofree char *a = bk_http_escape(args->operands.v[0]), *b = bk_http_escape(args->operands.v[1]);
        const bool files = cmd_switch(args, "files");

        return is_time(args->operands.v[1]) ? bk_format("/images/%s?_diff=%s", a, b) :
               bk_format("/images/%s/diff/%s%s", a, b, files ? "?files=1" : "");
}

static int run_diff(const struct cmd_args *args)
{
        autofree char *target = target_of(args);
        BK_CLEANUP(drop) json_t *diff = NULL;
        struct bk_error err = { 0 };
        const json_t *packages;

        if (cmd_api(args, "GET", target, NULL, &diff, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                autofree char *text = json_dumps(diff, JSON_INDENT(2));

                printf("%s\n", text ? text : "null");
                return 0;
        }
        packages = json_object_get(diff, "packages");
        print_changes("field", json_object_get(diff, "fields"));
        print_changes("attribute", json_object_get(diff, "attributes"));
        print_packages("-", json_object_get(packages, "removed"));
        print_packages("+", json_object_get(packages, "added"));
        print_packages("~", json_object_get(packages, "changed"));
        print_checks(json_object_get(diff, "checks"));
        print_files(json_object_get(diff, "files"));
        return 0;
}

const struct cmd cmd_image_diff = {
        "image diff", "IMAGE OTHER|TIME", 2, 2, "show what changed between two images",
        "From IMAGE to OTHER: fields, attributes, packages with the direction of their versions, verdicts of checks, and with -files the files. "
        "A TIME instead of OTHER compares IMAGE as it was then with what it is now; TIME..TIME compares two times. " CMD_REFERENCES,
        CMD_FLAGS(diff_flags), run_diff,
};
