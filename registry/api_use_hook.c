/* Routes of hooks. */
#include "registry/api.h"
#include "registry/hook.h"
#include "registry/life_priv.h"

static int list(struct reg_call *call, struct bk_error *err)
{
        call->answer->fleeting = true;
        return reg_hooks_json(call->reg, &call->json, err);
}

static int home_of(const struct reg_call *call, const char **ret, struct bk_error *err)
{
        if (call->request->store == NULL)
                return bk_fail(err, BK_INVALID, "there is no state folder at hand that a hook's secret could be in");
        *ret = call->request->store->home;
        return 0;
}

static int add(struct reg_call *call, struct bk_error *err)
{
        struct reg_hook hook = { 0 };
        const char *home = NULL;
        autojson *body = NULL;
        json_error_t why;

        if (home_of(call, &home, err) < 0 || reg_body_json(call, &body, err) < 0)
                return -1;
        if (json_unpack_ex(body, &why, JSON_STRICT, "{s:s, s:s, s?s, s?s}", "name", &hook.name, "url", &hook.url, "actions", &hook.actions, "secret",
                           &hook.secret) < 0)
                return bk_fail(err, BK_INVALID, "a hook is {\"name\", \"url\", \"actions\", \"secret\"}, all of them texts: %s", why.text);
        if (reg_hook_add(call->reg, home, &hook, call->request->who, err) < 0)
                return -1;
        call->answer->status = 201;
        call->json = json_pack("{s:s}", "name", hook.name);
        return 0;
}

static int drop(struct reg_call *call, struct bk_error *err)
{
        const char *home = NULL;

        if (home_of(call, &home, err) < 0 || reg_hook_remove(call->reg, home, call->part[0], call->request->who, err) < 0)
                return -1;
        call->json = json_pack("{s:o}", "name", reg_json_text(call->part[0]));
        return 0;
}

static int test(struct reg_call *call, struct bk_error *err)
{
        if (reg_hook_test(call->reg, call->part[0], call->request->who, err) < 0 || reg_event_index(call->reg, &call->answer->index, err) < 0)
                return -1;
        call->json = json_pack("{s:o, s:I}", "name", reg_json_text(call->part[0]), "index", (json_int_t)call->answer->index);
        return 0;
}

static const struct reg_route rows[] = {
        { "GET", "/hooks", REG_ADMIN, "who is told of changes, and how far each has come", NULL, list, NULL },
        { "POST", "/hooks", REG_ADMIN, "tell somebody of changes, from the next one on", NULL, add, NULL },
        { "DELETE", "/hooks/{hook}", REG_ADMIN, "tell them no more", NULL, drop, NULL },
        { "POST", "/hooks/{hook}/test", REG_ADMIN, "send them an event for a test", NULL, test, NULL },
};
const struct reg_routes reg_routes_hooks = { rows, sizeof rows / sizeof *rows };
