/* view make, view prune: the boxes and disks that Vagrant, LXD and Incus fetch. */
#include <stdio.h>

#include "bakery/cmd/cmd.h"
#include "lib/cleanup.h"
#include "registry/view.h"

static const struct cmd_flag prune_flags[] = {
        { "most", "GIB", false, "then remove the oldest until no more than this is left (50)" },
};
enum { MOST_GIB = 50 };

static int make(const struct cmd_state *state, const struct reg_image *image, struct bk_error *err)
{
        if (reg_view_make(&state->store, image, err) < 0)
                return -1;
        printf("%s (%s)\n", image->id, image->name);
        (void)fflush(stdout);
        return 0;
}

static int make_offered(const struct cmd_state *state, struct bk_error *err)
{
        BK_CLEANUP(reg_offers_done) struct reg_offers offers = { 0 };

        if (reg_view_offers(state->reg, &offers, err) < 0)
                return -1;
        for (size_t i = 0; i < offers.n; i++)
                if (make(state, &offers.v[i].image, err) < 0)
                        return -1;
        return 0;
}

static int run_make(const struct cmd_args *args)
{
        autostate struct cmd_state state = { 0 };
        struct bk_error err = { 0 };

        if (cmd_open(args, &state, &err) < 0 || (args->operands.n == 0 && make_offered(&state, &err) < 0))
                return cmd_fail(&err);
        for (size_t i = 0; i < args->operands.n; i++) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

                if (reg_resolve(state.reg, args->operands.v[i], &image, &err) < 0 || make(&state, &image, &err) < 0)
                        return cmd_fail(&err);
        }
        return 0;
}

static int run_prune(const struct cmd_args *args)
{
        const uint64_t most = (uint64_t)cmd_number(args, "most", 0, MOST_GIB) << 30;
        autostate struct cmd_state state = { 0 };
        struct bk_error err = { 0 };
        size_t removed = 0;

        if (cmd_open(args, &state, &err) < 0 || reg_view_prune(state.reg, &state.store, most, &removed, &err) < 0)
                return cmd_fail(&err);
        printf("removed %zu\n", removed);
        return 0;
}

const struct cmd cmd_view_make = {
        "view make", "[IMAGE]...", 0, -1, "make what Vagrant, LXD and Incus fetch",
        "Boxes, and disks with their metadata. Without an IMAGE those that simplestreams offers: of each name and architecture the newest that is "
        "tested, and the heads of channels. "
        "`bakery serve` makes them when they are asked for; made before, nobody waits.", NULL, 0, run_make,
};
const struct cmd cmd_view_prune = {
        "view prune", "", 0, 0, "remove such boxes and disks that nobody needs",
        "Those of images that are deleted, revoked or in the trash go; the rest only for room. What is removed can be made anew.",
        CMD_FLAGS(prune_flags), run_prune,
};
