/* fsck: does every row have its blob, unaltered, and every blob its row? */
#include <stdio.h>

#include "bakery/bake/bake.h"
#include "bakery/cmd/cmd.h"
#include "lib/cleanup.h"

static const struct cmd_flag flags[] = {
        { "quick", NULL, false, "trust files whose inode did not change since they were verified" },
        { "json", NULL, false, "JSON Lines, one a finding" },
};

static void say(const struct cmd_args *args, const char *kind, const char *digest, const char *text)
{
        if (cmd_switch(args, "json")) {
                json_t *line = json_pack("{s:s, s:s, s:s}", "finding", kind, "layer", digest, "text", text);
                autofree char *out = json_dumps(line, JSON_COMPACT);

                printf("%s\n", out);
                json_decref(line);
        } else {
                printf("%s: %s: %s\n", kind, digest, text);
        }
}

static int run(const struct cmd_args *args)
{
        autostate struct cmd_state state = { 0 };
        struct reg_layers rows = { 0 };
        autostrv struct bk_strv blobs = { 0 }, known = { 0 };
        struct bk_error err = { 0 };
        size_t bad = 0, orphans = 0;

        if (cmd_open(args, &state, &err) < 0 || bake_reap(&state.store, &err) < 0 || reg_all_layers(state.reg, &rows, &err) < 0 ||
            layer_list(&state.store, &blobs, &err) < 0)
                return cmd_fail(&err);
        for (size_t i = 0; i < rows.n; i++) {
                struct bk_error why = { 0 };

                bk_strv_add(&known, rows.v[i].digest);
                if (layer_verify(&state.store, rows.v[i].digest, !cmd_switch(args, "quick"), &why) < 0) {
                        say(args, bk_kind_name(why.kind), rows.v[i].digest, why.text);
                        bad++;
                }
        }
        for (size_t i = 0; i < blobs.n; i++)
                if (!bk_strv_has(&known, blobs.v[i])) {
                        say(args, "orphan", blobs.v[i], "no image needs this layer; it is left of a bake or deletion that was cut short");
                        orphans++;
                }
        if (!cmd_switch(args, "json"))
                printf("%zu layers, %zu bad, %zu without an image\n", rows.n, bad, orphans);
        reg_layers_done(&rows);
        return bad > 0 ? 1 : 0;
}

const struct cmd cmd_fsck = {
        "fsck", "", 0, 0, "verify the store against the registry",
        "Reads every layer and compares its digest. Exits with 1 when a layer is gone or altered.", CMD_FLAGS(flags), run,
};
