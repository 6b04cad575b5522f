/* Routes of bakes and their logs. */
#include "registry/api.h"
#include "registry/bake.h"
#include "registry/life_priv.h"

#include <inttypes.h>
#include <string.h>

/* The value of a key of the query; 0: it is not there. */
static int value_of(const struct reg_call *call, const char *key, char **ret, struct bk_error *err)
{
        const size_t length = strlen(key);

        for (const char *p = call->request->query; *p != '\0'; p += strcspn(p, "&"), p += *p == '&')
                if (strncmp(p, key, length) == 0 && p[length] == '=')
                        return reg_decode(p + length + 1, strcspn(p + length + 1, "&"), ret, err) < 0 ? -1 : 1;
        return 0;
}

static int number_of(const struct reg_call *call, const char *key, int64_t *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        char *end = NULL;
        const int status = value_of(call, key, &text, err);

        if (status <= 0)
                return status;
        *ret = strtoll(text, &end, 10);
        return end == text || *end != '\0' || *ret < 0 ? bk_fail(err, BK_INVALID, "%s= takes a number", key) : 0;
}

static int list(struct reg_call *call, struct bk_error *err)
{
        autofree char *name = NULL, *status = NULL;
        struct reg_bake_query query = { .limit = 100 };

        if (value_of(call, "name", &name, err) < 0 || value_of(call, "status", &status, err) < 0 ||
            number_of(call, "cursor", &query.before, err) < 0 ||
            number_of(call, "limit", &query.limit, err) < 0)
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

        if (number_of(call, "from", &from, err) < 0 ||
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
};
const struct reg_routes reg_routes_bakes = { rows, sizeof rows / sizeof *rows };
