/* image export, delete. */
#include <stdio.h>
#include <string.h>

#include "bakery/bake/bake.h"
#include "bakery/cmd/api.h"
#include "bakery/cmd/life.h"
#include "bakery/cmd/print.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "registry/prune.h"

static const struct cmd_flag export_flags[] = {
        { "format", "NAME", false, "raw (default) or another of `bakery help formats`; else by the suffix of FILE" },
};
static const struct cmd_flag change_flags[] = {
        { "reason", "TEXT", false, "why; recorded" },
        { "json", NULL, false, "JSON" },
};

static const struct layer_format *format_for(const struct cmd_args *args, const char *path, struct bk_error *err)
{
        const char *name = cmd_value(args, "format"), *dot = strrchr(path, '.');
        size_t n;
        const struct layer_format *rows = layer_formats(&n);

        if (name != NULL) {
                if (layer_format_find(name) == NULL)
                        bk_fail(err, BK_USAGE, "unknown format '%s'; `bakery help formats` lists them", name);
                return layer_format_find(name);
        }
        for (size_t i = 0; i < n; i++)
                if (dot != NULL && bk_streq(rows[i].suffix, dot))
                        return &rows[i];
        return layer_format_find("raw");
}

static int run_export(const struct cmd_args *args)
{
        autostate struct cmd_state state = { 0 };
        struct bk_error err = { 0 };
        const char *path = args->operands.v[1];
        const struct layer_format *format = format_for(args, path, &err);

        if (format == NULL || cmd_open_image(args, &state, &err) < 0 ||
            layer_export(&state.store, state.image.layer, format, path, &err) < 0)
                return cmd_fail(&err);
        printf("%s\n", path);
        return 0;
}

static int clean_up_here(const struct cmd_args *args, struct bk_error *err)
{
        autostate struct cmd_state state = { 0 };
        struct bk_http_peer peer;

        return cmd_peer(args, &peer) ? 0 : cmd_open(args, &state, err) < 0 ? -1 : bake_reap(&state.store, err);
}

static int run_delete(const struct cmd_args *args)
{
        autofree char *image = cmd_target("/images/%s", args->operands.v[0]);
        autofree char *why = cmd_value(args, "reason") == NULL ? NULL : cmd_target("?why=%s", cmd_value(args, "reason"));
        autofree char *target = bk_format("%s%s", image, why == NULL ? "" : why), *size = NULL;
        struct bk_error err = { 0 };
        json_t *gone = NULL;

        if (clean_up_here(args, &err) < 0 || cmd_api(args, "DELETE", target, NULL, &gone, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "json")) {
                cmd_print_json(gone);
                return 0;
        }
        size = cmd_size((uint64_t)json_integer_value(json_object_get(gone, "freed")));
        printf("deleted %s (%s), freed %s\n", cmd_field(gone, "id"), cmd_field(gone, "name"), size);
        json_decref(gone);
        return 0;
}

const struct cmd cmd_image_export = {
        "image export", "IMAGE FILE", 2, 2, "write an image's whole disk to a file",
        "The file appears when it is complete. " CMD_REFERENCES, CMD_FLAGS(export_flags), run_export,
};
const struct cmd cmd_image_delete = {
        "image delete", "IMAGE", 1, 1, "delete an image and the layers only it needs",
        "Refused while other images stand on it, a channel points at it, somebody uses it, or somebody asked for it to stay. "
        CMD_REFERENCES, CMD_FLAGS(change_flags), run_delete,
};
