/* Routes of bakes and their logs. */
#include "registry/api.h"
#include "registry/bake.h"
#include "registry/life_priv.h"

#include <inttypes.h>
#include <string.h>

static int list(struct reg_call *call, struct bk_error *err)
{
        autofree char *name = NULL, *status = NULL;
        struct reg_bake_query query = { .limit = 100 };

        if (reg_call_text(call, "name", &name, err) < 0 || reg_call_text(call, "status", &status, err) < 0 ||
            reg_call_number(call, "cursor", 0, INT64_MAX, &query.before, err) < 0 ||
            reg_call_number(call, "limit", 0, INT64_MAX, &query.limit, err) < 0)
                return -1;
        query.name = name;
        query.status = status;
        call->answer->fleeting = true;
        if (reg_bakes_json(call->reg, call->request->store, &query, &call->json, err) < 0)
                return -1;
        (void)json_object_set_new(call->json, "index", json_integer(call->answer->index));
        return 0;
}

static int show(struct reg_call *call, struct bk_error *err)
{
        call->answer->fleeting = true;
        return reg_bake_json(call->reg, call->request->store, call->part[0], &call->json, err);
}

static int log_of(struct reg_call *call, struct bk_error *err)
{
        int64_t from = 0;
        uint64_t size = 0;

        if (reg_call_number(call, "from", 0, INT64_MAX, &from, err) < 0 ||
            reg_bake_log(call->reg, call->request->store, call->part[0], (uint64_t)from, &call->answer->text, &call->answer->length, &size, err) < 0)
                return -1;
        call->answer->fleeting = true;
        bk_strv_addf(&call->answer->headers, "X-Bakery-Next: %" PRIu64, (uint64_t)from + call->answer->length);
        bk_strv_addf(&call->answer->headers, "X-Bakery-Size: %" PRIu64, size);
        return 0;
}

static const struct reg_route rows[] = {
        { "GET", "/bakes", REG_READ, "bakes, newest first", "name status limit cursor", list, NULL },
        { "GET", "/bakes/{bake}", REG_READ, "one bake", NULL, show, NULL },
        { "GET", "/bakes/{bake}/log", REG_READ, "its log from a byte on; X-Bakery-Next is the byte to ask for next", "from", log_of,
          "text/plain; charset=utf-8" },
        { "GET", "/bakes/{bake}/log/stream", REG_READ, "the same as it is written, as server-sent events: log with {text}, end with the bake", "from",
          NULL, "text/event-stream" },
};
const struct reg_routes reg_routes_bakes = { rows, sizeof rows / sizeof *rows };
