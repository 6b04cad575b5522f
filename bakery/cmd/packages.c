/* packages: which images have a package. */
#include <stdio.h>
#include <string.h>

#include "bakery/cmd/api.h"
#include "bakery/cmd/listing.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

static const struct cmd_flag flags[] = {
        { "in-use", NULL, false, "only images that head a channel or are launched, and their ancestors" },
        { "source", NULL, false, "NAME and VERSION are those of the source package" },
        { "ecosystem", "NAME", false, "deb, rpm, apk, alpm, pypi, npm, gem, pear, pecl or cpan; all without" },
        { "quiet", NULL, false, "print ids only" },
        { "json", NULL, false, "JSON Lines, one an image" },
};

struct output { bool json, quiet; size_t n, used; };

static void print_row(const json_t *image)
{
        autofree char *id = cmd_shown(image, "id"), *name = cmd_shown(image, "name"), *state = cmd_shown(image, "state");
        size_t i;
        const json_t *package;

        printf("%.19s  %-24s %-10s %-6s ", id, name, state, json_is_true(json_object_get(image, "in_use")) ? "in use" : "");
        json_array_foreach(json_object_get(image, "packages"), i, package) {
                autofree char *text = cmd_shown(package, "name"), *version = cmd_shown(package, "version");
                autofree char *architecture = cmd_shown(package, "architecture");
                const bool any = !bk_streq(architecture, "-");

                printf("%s%s%s%s %s", i == 0 ? " " : ", ", text, any ? ":" : "", any ? architecture : "", version);
        }
        printf("\n");
}

static bool take(void *arg, json_t *page)
{
        struct output *output = arg;
        size_t i;
        const json_t *image;

        json_array_foreach(json_object_get(page, "items"), i, image) {
                output->n++;
                output->used += json_is_true(json_object_get(image, "in_use"));
                if (output->json)
                        cmd_print_line(image);
                else if (output->quiet)
                        printf("%s\n", json_string_value(json_object_get(image, "id")));
                else
                        print_row(image);
        }
        return true;
}

static int run(const struct cmd_args *args)
{
        struct output output = { .json = cmd_switch(args, "json"), .quiet = cmd_switch(args, "quiet") };
        BK_CLEANUP(bk_buf_done) struct bk_buf target = { 0 };
        autofree char *name = cmd_target("/packages?limit=10000&name=%s", args->operands.v[0]);
        autofree char *version = args->operands.n > 1 ? cmd_target("&version=%s", args->operands.v[1]) : NULL;
        autofree char *ecosystem = cmd_value(args, "ecosystem") ? cmd_target("&ecosystem=%s", cmd_value(args, "ecosystem")) : NULL;
        struct bk_error err = { 0 };

        bk_buf_printf(&target, "%s%s%s%s%s", name, version ? version : "", ecosystem ? ecosystem : "", cmd_switch(args, "in-use") ? "&in_use=1" : "",
                      cmd_switch(args, "source") ? "&source=1" : "");
        if (cmd_pages(args, target.data, take, &output, &err) < 0)
                return cmd_fail(&err);
        if (!output.json && !output.quiet) {
                (void)fflush(stdout);
                (void)fprintf(stderr, "%zu image%s, %zu in use\n", output.n, output.n == 1 ? "" : "s", output.used);
        }
        return 0;
}

const struct cmd cmd_packages = {
        "packages", "NAME [VERSION]", 1, 2, "find every image that has a package",
        "VERSION is an operator and a version, such as '<3.0.15-1'; <, <=, =, !=, >= and > compare as the package's own ecosystem does. "
        "Images of any depth are found, by what is on their disks, in every state but the trash. An image is in use when a channel points at it, "
        "when it is launched, or when an image in use was baked on it. No such image is no error.",
        CMD_FLAGS(flags), run,
};
