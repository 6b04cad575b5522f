/* images, and image show, lineage, export, delete. */
#include <stdio.h>
#include <string.h>

#include "bakery/bake/bake.h"
#include "bakery/cmd/api.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "registry/life.h"

static const struct cmd_flag json_flags[] = {
        { "json", NULL, false, "JSON" },
};
static const struct cmd_flag images_flags[] = {
        { "json", NULL, false, "JSON Lines, one an image" },
        { "quiet", NULL, false, "print ids only" },
};
static const struct cmd_flag show_flags[] = {
        { "json", NULL, false, "JSON" },
        { "packages", NULL, false, "list installed packages, too" },
        { "path", NULL, false, "print only the path of its layer: a bootable qcow2" },
};
static const struct cmd_flag export_flags[] = {
        { "format", "NAME", false, "raw (default) or another of `bakery help formats`; else by the suffix of FILE" },
};
static const struct cmd_flag change_flags[] = {
        { "reason", "TEXT", false, "why; recorded" },
        { "json", NULL, false, "JSON" },
};

static void print_json(json_t *value, size_t how)
{
        autofree char *text = json_dumps(value, how);

        printf("%s\n", text ? text : "null");
        json_decref(value);
}

/* 1023 -> "1023 B", 52428800 -> "50.0 MiB" */
static char *size_of(uint64_t bytes)
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
        double size = (double)bytes;
        size_t unit = 0;

        while (size >= 1024 && unit < 4) {
                size /= 1024;
                unit++;
        }
        return unit == 0 ? bk_format("%.0f B", size) : bk_format("%.1f %s", size, units[unit]);
}

static char *attributes_of(const struct reg_image *image)
{
        char *text = bk_strdup("");

        for (size_t i = 0; i < image->n_attributes; i++) {
                char *longer = bk_format("%s%s%s=%s", text, i ? " " : "", image->attributes[i].key, image->attributes[i].value);

                free(text);
                text = longer;
        }
        return text;
}

static int run_images(const struct cmd_args *args)
{
        autostate struct cmd_state state = { 0 };
        struct reg_images images = { 0 };
        struct bk_error err = { 0 };

        if (cmd_open(args, &state, &err) < 0 || reg_query(state.reg, args->operands.n ? args->operands.v[0] : "?", &images, &err) < 0)
                return cmd_fail(&err);
        if (!cmd_switch(args, "json") && !cmd_switch(args, "quiet"))
                printf("%-19s  %-24s %-12s %-10s %9s  %-20s  %s\n", "IMAGE", "NAME", "TYPE", "STATE", "LAYER", "BAKED", "ATTRIBUTES");
        for (size_t i = 0; i < images.n; i++) {
                const struct reg_image *image = &images.v[i];
                autofree char *when = bk_iso_time(image->created_at), *size = size_of(image->size), *attributes = attributes_of(image);

                if (cmd_switch(args, "json"))
                        print_json(reg_image_summary(image), JSON_COMPACT);
                else if (cmd_switch(args, "quiet"))
                        printf("%s\n", image->id);
                else
                        printf("%.19s  %-24s %-12s %-10s %9s  %-20s  %s\n", image->id, image->name, image->type, reg_state_name(image->state),
                               size, when, attributes);
        }
        reg_images_done(&images);
        return 0;
}

static void show_text(const struct cmd_state *state, const json_t *record, bool packages)
{
        const struct reg_image *image = &state->image;
        autofree char *when = bk_iso_time(image->created_at), *size = size_of(image->size), *disk = size_of(image->virtual_size);
        autofree char *attributes = attributes_of(image), *path = layer_path(&state->store, image->layer);
        const json_t *list = json_object_get(record, "packages"), *checks = json_object_get(record, "checks");
        const json_t *channels = json_object_get(record, "channels");
        size_t i, passed = 0;
        const json_t *row;

        printf("image       %s\nname        %s\ntype        %s\nstate       %s\nattributes  %s\nancestor    %s\nlayer       %s\npath        %s\n",
               image->id, image->name, image->type, reg_state_name(image->state), attributes, image->ancestor ? image->ancestor : "-",
               image->layer, path);
        printf("size        %s of its own, a disk of %s\nbaked       %s by %s on %s\n", size, disk, when, image->created_by, image->created_on);
        json_array_foreach(checks, i, row)
                passed += bk_streq(json_string_value(json_object_get(row, "verdict")), "passed");
        printf("checks      %zu of %zu passed\n", passed, json_array_size(checks));
        json_array_foreach(checks, i, row)
                if (!bk_streq(json_string_value(json_object_get(row, "verdict")), "passed"))
                        printf("            %s: %s: %s\n", json_string_value(json_object_get(row, "verdict")),
                               json_string_value(json_object_get(row, "name")), json_string_value(json_object_get(row, "message")));
        json_array_foreach(channels, i, row)
                printf("channel     %s\n", json_is_string(row) ? json_string_value(row) : json_string_value(json_object_get(row, "channel")));
        if (packages)
                json_array_foreach(list, i, row)
                        printf("package     %s %s %s\n", json_string_value(json_object_get(row, "name")),
                               json_string_value(json_object_get(row, "version")), json_string_value(json_object_get(row, "architecture")));
}

static int run_show(const struct cmd_args *args)
{
        autostate struct cmd_state state = { 0 };
        struct bk_error err = { 0 };
        json_t *record = NULL;

        if (cmd_open_image(args, &state, &err) < 0 ||
            reg_image_json(state.reg, state.image.id, cmd_switch(args, "packages") || cmd_switch(args, "json"), &record, &err) < 0)
                return cmd_fail(&err);
        if (cmd_switch(args, "path")) {
                autofree char *path = layer_path(&state.store, state.image.layer);

                printf("%s\n", path);
        } else if (cmd_switch(args, "json")) {
                print_json(json_incref(record), JSON_INDENT(2));
        } else {
                show_text(&state, record, cmd_switch(args, "packages"));
        }
        json_decref(record);
        return 0;
}

static int run_lineage(const struct cmd_args *args)
{
        autostate struct cmd_state state = { 0 };
        struct reg_images line = { 0 };
        struct bk_error err = { 0 };

        if (cmd_open_image(args, &state, &err) < 0 || reg_lineage(state.reg, state.image.id, &line, &err) < 0)
                return cmd_fail(&err);
        json_t *list = json_array();

        for (size_t i = 0; i < line.n; i++) {
                autofree char *size = size_of(line.v[i].size), *when = bk_iso_time(line.v[i].created_at);

                if (cmd_switch(args, "json"))
                        (void)json_array_append_new(list, reg_image_summary(&line.v[i]));
                else
                        printf("%*s%s%s  %.19s  %s  %s  %s  %s\n", (int)(i > 0 ? 3 * (i - 1) : 0), "", i > 0 ? "`- " : "", line.v[i].name,
                               line.v[i].id, line.v[i].type, reg_state_name(line.v[i].state), size, when);
        }
        if (cmd_switch(args, "json"))
                print_json(list, JSON_INDENT(2));
        else
                json_decref(list);
        reg_images_done(&line);
        return 0;
}

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

/* Rows first: a blob without a row is litter that fsck names, a row without a blob would be a lie. */
static int run_delete(const struct cmd_args *args)
{
        autostate struct cmd_state state = { 0 };
        autofree char *who = cmd_user();
        const struct reg_change change = { .who = who, .why = cmd_value(args, "reason") };
        struct reg_layers layers = { 0 };
        struct bk_error err = { 0 };
        uint64_t freed = 0;
        int code = 0;

        if (cmd_open_image(args, &state, &err) < 0 || bake_reap(&state.store, &err) < 0 ||
            reg_remove(state.reg, state.image.id, &change, &layers, &err) < 0)
                return cmd_fail(&err);
        for (size_t i = 0; code == 0 && i < layers.n; i++) {
                freed += layers.v[i].size;
                if (layer_remove(&state.store, layers.v[i].digest, &err) < 0)
                        code = cmd_fail(&err);
        }
        if (code == 0) {
                autofree char *size = size_of(freed);

                printf("deleted %s (%s), freed %s\n", state.image.id, state.image.name, size);
        }
        reg_layers_done(&layers);
        return code;
}

#define REFERENCES "An IMAGE is a digest, its first 8 or more digits, a name, name:channel, or a query; the newest where several match."

const struct cmd cmd_images = {
        "images", "[QUERY]", 0, 1, "list images",
        "A query is name?attribute=value&attribute=value. Several values by comma mean any of them, != excludes; state=tested also "
        "finds promoted images; _latest=1 gives the newest only, _limit=N that many. Without state, images that are deprecated, "
        "revoked or in the trash are left out. No match is an error (exit code 1).",
        CMD_FLAGS(images_flags), run_images,
};
const struct cmd cmd_image_show = {
        "image show", "IMAGE", 1, 1, "show all that is known of an image", REFERENCES, CMD_FLAGS(show_flags), run_show,
};
const struct cmd cmd_image_lineage = {
        "image lineage", "IMAGE", 1, 1, "show what an image was baked on", REFERENCES, CMD_FLAGS(json_flags), run_lineage,
};
const struct cmd cmd_image_export = {
        "image export", "IMAGE FILE", 2, 2, "write an image's whole disk to a file",
        "The file appears when it is complete. " REFERENCES, CMD_FLAGS(export_flags), run_export,
};
const struct cmd cmd_image_delete = {
        "image delete", "IMAGE", 1, 1, "delete an image and the layers only it needs",
        "Refused while other images stand on it or a channel points at it. " REFERENCES, CMD_FLAGS(change_flags), run_delete,
};
