/* Reading what was asked, strictly: a key that nobody knows is a mistake of whoever sent it, and a reason that was not recorded would
 * be missed too late. */
#include "registry/api_life.h"

#include <string.h>

static bool listed(const char *keys, const char *key)
{
        const size_t length = strlen(key);

        for (const char *p = strstr(keys, key); length > 0 && p != NULL; p = strstr(p + 1, key))
                if ((p == keys || p[-1] == ' ') && (p[length] == ' ' || p[length] == '\0'))
                        return true;
        return false;
}

int reg_life_body(const struct reg_call *call, const char *keys, json_t **ret, struct bk_error *err)
{
        json_error_t why = { .text = "it is no object" };
        autojson *body = call->request->length == 0 ? json_object() :
                         json_loadb(call->request->body, call->request->length, JSON_REJECT_DUPLICATES, &why);
        const char *key;
        json_t *value;

        if (!json_is_object(body))
                return bk_fail(err, BK_INVALID, "the body is to be a JSON object: %.200s", why.text);
        json_object_foreach(body, key, value)
                if (!listed(keys, key))
                        return bk_fail(err, BK_INVALID, "the body has an unknown key '%.100s'; there are: %s", key, keys);
        *ret = bk_take(body);
        return 0;
}

int reg_life_text(const json_t *body, const char *key, const char **ret, struct bk_error *err)
{
        const json_t *value = json_object_get(body, key);

        if (value != NULL && !json_is_null(value) && !json_is_string(value))
                return bk_fail(err, BK_INVALID, "'%s' of the body is to be a text", key);
        *ret = json_string_value(value);
        return 0;
}

int reg_life_need(const json_t *body, const char *key, const char **ret, struct bk_error *err)
{
        if (reg_life_text(body, key, ret, err) < 0)
                return -1;
        return *ret != NULL && **ret != '\0' ? 0 : bk_fail(err, BK_INVALID, "the body has no '%s'", key);
}

int reg_life_flag(const json_t *body, const char *key, bool fallback, bool *ret, struct bk_error *err)
{
        const json_t *value = json_object_get(body, key);

        if (value != NULL && !json_is_boolean(value))
                return bk_fail(err, BK_INVALID, "'%s' of the body is to be true or false", key);
        *ret = value == NULL ? fallback : json_is_true(value);
        return 0;
}

int reg_life_change(const struct reg_call *call, const json_t *body, struct reg_change *ret, struct bk_error *err)
{
        *ret = (struct reg_change){ .who = call->request->who, .privileged = call->request->role >= REG_PROMOTE };
        if (reg_life_text(body, "why", &ret->why, err) < 0)
                return -1;
        return reg_life_text(body, "expect", &ret->expect, err);
}

int reg_life_image(const struct reg_call *call, struct reg_image *ret, struct bk_error *err)
{
        return reg_resolve(call->reg, call->part[0], ret, err);
}

void reg_life_raw(struct reg_call *call, const char *type, char *text)
{
        call->answer->type = type;
        call->answer->text = text;
        call->answer->length = strlen(text);
}

int reg_life_changed(struct reg_call *call, struct bk_error *err)
{
        return reg_event_index(call->reg, &call->answer->index, err);
}
