/* image export, delete. */
#include <stdio.h>
#include <string.h>

#include "bakery/bake/bake.h"
#include "bakery/cmd/api.h"
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

/* Rows first: a blob without a row goes with the next collection, a row without a blob would be a lie. */
static int run_delete(const struct cmd_args *args)
{
        autostate struct cmd_state state = { 0 };
        autofree char *who = cmd_user(), *size = NULL;
        const struct reg_change change = { .who = who, .why = cmd_value(args, "reason") };
        BK_CLEANUP(reg_layers_done) struct reg_layers layers = { 0 };
        struct reg_collected collected = { 0 };
        struct bk_error err = { 0 };

        if (cmd_open_image(args, &state, &err) < 0 || bake_reap(&state.store, &err) < 0 ||
            reg_remove(state.reg, state.image.id, &change, &layers, &err) < 0 || reg_collect(state.reg, &state.store, &collected, &err) < 0)
                return cmd_fail(&err);
        size = cmd_size(collected.bytes);
        printf("deleted %s (%s), freed %s\n", state.image.id, state.image.name, size);
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
