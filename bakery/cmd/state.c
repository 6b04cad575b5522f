/* The state folder, opened for a command. */
#include "bakery/cmd/cmd.h"

#include <stdlib.h>

#include "lib/cleanup.h"

void cmd_state_done(struct cmd_state *state)
{
        reg_image_done(&state->image);
        layer_store_done(&state->store);
        reg_close(bk_take(state->reg));
}

int cmd_open(const struct cmd_args *args, struct cmd_state *ret, struct bk_error *err)
{
        autofree char *home = cmd_home(args);
        autostate struct cmd_state state = { 0 };

        if (reg_open(home, &state.reg, err) < 0 || layer_store_open(home, &state.store, err) < 0)
                return -1;
        *ret = state;
        state = (struct cmd_state){ 0 };
        return 0;
}

int cmd_open_image(const struct cmd_args *args, struct cmd_state *ret, struct bk_error *err)
{
        autostate struct cmd_state state = { 0 };

        if (cmd_open(args, &state, err) < 0 || reg_resolve(state.reg, args->operands.v[0], &state.image, err) < 0)
                return -1;
        *ret = state;
        state = (struct cmd_state){ 0 };
        return 0;
}
