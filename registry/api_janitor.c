/* What the janitor would do. Its rules are a file of the host, which whoever answers for that host reads. */
#include "registry/api.h"

static int plan(struct reg_call *call, struct bk_error *err)
{
        int64_t limit = 1000;

        if (reg_call_number(call, "_limit", 0, 10000, &limit, err) < 0)
                return -1;
        if (call->request->plan == NULL)
                return bk_fail(err, BK_NOT_FOUND, "there are no rules of a janitor here");
        call->answer->fleeting = true;          /* rules and time move, too */
        return call->request->plan(call->request, call->reg, (size_t)limit, &call->json, err);
}

static const struct reg_route rows[] = {
        { "GET", "/janitor/plan", REG_READ, "what the janitor would do now, and why; of images beyond _limit (1000) how many more", "_limit", plan },
};
const struct reg_routes reg_routes_janitor = { rows, sizeof rows / sizeof *rows };
