/* What the janitor would do. Its rules are a file of the host, which whoever answers for that host reads. */
#include "registry/api.h"

static int plan(struct reg_call *call, struct bk_error *err)
{
        if (call->request->plan == NULL)
                return bk_fail(err, BK_NOT_FOUND, "there are no rules of a janitor here");
        call->answer->fleeting = true;          /* rules and time move, too */
        return call->request->plan(call->request, call->reg, &call->json, err);
}

static const struct reg_route rows[] = {
        { "GET", "/janitor/plan", REG_READ, "what the janitor would do now, and why", NULL, plan, .wide = true },
};
const struct reg_routes reg_routes_janitor = { rows, sizeof rows / sizeof *rows };
