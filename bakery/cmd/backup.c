/* backup and restore. */
#include <stdio.h>

#include "bakery/cmd/api.h"
#include "lib/cleanup.h"
#include "registry/backup.h"

static const struct cmd_flag backup_flags[] = {
        { "layers", NULL, false, "the layers, too: all that a new host needs" },
        { "json", NULL, false, "JSON" },
};
static const struct cmd_flag restore_flags[] = {
        { "replace", NULL, false, "lose what the registry has" },
        { "incomplete", NULL, false, "although layers are neither in the file nor in the store" },
        { "json", NULL, false, "JSON" },
};

static void tell(const struct cmd_args *args, const char *verb, const struct reg_backup_report *report)
{
        const char *file = args->operands.v[0];

        if (cmd_switch(args, "json")) {
                json_t *missing = json_array(), *line;

                for (size_t i = 0; i < report->missing.n; i++)
                        (void)json_array_append_new(missing, json_string(report->missing.v[i]));
                line = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "file", file, "digest", report->digest, "bytes",
                                 (json_int_t)report->bytes, "images", (json_int_t)report->images, "rows", (json_int_t)report->rows, "layers",
                                 (json_int_t)report->layers, "missing", missing);

                autofree char *text = json_dumps(line, JSON_COMPACT);

                printf("%s\n", text == NULL ? "null" : text);
                json_decref(line);
                return;
        }
        printf("%s %s: %lld image%s, %lld rows, %lld layer%s copied; %s\n", verb, file, (long long)report->images,
               report->images == 1 ? "" : "s", (long long)report->rows, (long long)report->layers, report->layers == 1 ? "" : "s",
               report->digest);
        for (size_t i = 0; i < report->missing.n; i++)
                (void)fprintf(stderr, "bakery: warning: layer %s is not in the store\n", report->missing.v[i]);
}

/* Layers and rows are copied where they are, which is not where commands ask through a server. */
static int open_here(const struct cmd_args *args, struct cmd_state *ret, struct bk_error *err)
{
        struct bk_http_peer peer = { 0 };

        if (cmd_peer(args, &peer))
                return bk_fail(err, BK_USAGE, "`bakery %s` works on the registry itself: run it on the host that `bakery serve` runs on, without "
                               "-registry and BAKERY_REGISTRY", args->cmd->name);
        return cmd_open(args, ret, err);
}

static int run_backup(const struct cmd_args *args)
{
        BK_CLEANUP(reg_backup_report_done) struct reg_backup_report report = { 0 };
        autostate struct cmd_state state = { 0 };
        struct bk_error err = { 0 };

        if (open_here(args, &state, &err) < 0 ||
            reg_backup(state.reg, &state.store, args->operands.v[0], cmd_switch(args, "layers"), &report, &err) < 0)
                return cmd_fail(&err);
        tell(args, "wrote", &report);
        return 0;
}

static int run_restore(const struct cmd_args *args)
{
        BK_CLEANUP(reg_backup_report_done) struct reg_backup_report report = { 0 };
        autofree char *who = cmd_user();
        const struct reg_restore_options options = { .replace = cmd_switch(args, "replace"), .incomplete = cmd_switch(args, "incomplete"),
                                                     .who = who };
        autostate struct cmd_state state = { 0 };
        struct bk_error err = { 0 };

        if (open_here(args, &state, &err) < 0 ||
            reg_restore(state.reg, &state.store, args->operands.v[0], &options, &report, &err) < 0)
                return cmd_fail(&err);
        tell(args, "restored", &report);
        return 0;
}

const struct cmd cmd_backup = {
        "backup", "FILE", 1, 1, "copy the registry to a file, while it is in use",
        "The file has all rows as they are at one moment, and the list of layers with their digests and sizes. It is a tar archive of JSON "
        "Lines, the same for SQLite and PostgreSQL, so that restoring it moves a registry from one to the other. It holds what tokens are "
        "checked with: it is for its owner only.",
        CMD_FLAGS(backup_flags), run_backup,
};
const struct cmd cmd_restore = {
        "restore", "FILE", 1, 1, "make the registry what a backup has",
        "The whole file is verified before anything is written. A registry that has images is left alone unless -replace says that they may "
        "be lost. Layers that the file has are published first; those that are neither there nor in the store are an error unless "
        "-incomplete.",
        CMD_FLAGS(restore_flags), run_restore,
};
