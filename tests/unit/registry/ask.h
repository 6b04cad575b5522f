/* The registry's API, asked in-process by an admin. */
#pragma once
#include "tests/unit/registry/fixture.h"

#include "registry/api.h"

/* What is answered, the caller's; a status of 400 or more is *ret_status' and the error's object. */
static inline json_t *ask_for(struct reg *reg, const char *method, const char *target, const char *body, int *ret_status)
{
        autofree char *path = bk_strndup(target, strcspn(target, "?"));
        const struct reg_request request = {
                .method = method, .path = path, .query = strchr(target, '?') ? strchr(target, '?') + 1 : "", .body = body,
                .length = body ? strlen(body) : 0, .who = "ada", .role = REG_ADMIN,
        };
        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };
        json_t *json;

        reg_api(reg, &request, &answer);
        *ret_status = answer.status;
        json = json_loadb(answer.text, answer.length, JSON_DECODE_ANY, NULL);
        if (json == NULL)
                fail_msg("%s %s: not JSON: %s", method, target, answer.text);
        return json;
}

/* Must succeed. */
static inline json_t *ask(struct reg *reg, const char *method, const char *target, const char *body)
{
        int status = 0;
        json_t *json = ask_for(reg, method, target, body, &status);

        if (status != 200)
                fail_msg("%s %s: %d %s", method, target, status,
                         json_string_value(json_object_get(json_object_get(json, "error"), "message")));
        return json;
}

static inline void refused(struct reg *reg, const char *method, const char *target, const char *body, int wanted)
{
        int status = 0;
        json_t *json = ask_for(reg, method, target, body, &status);

        if (status != wanted)
                fail_msg("%s %s: %d instead of %d", method, target, status, wanted);
        assert_true(json_string_length(json_object_get(json_object_get(json, "error"), "message")) > 0);
        json_decref(json);
}

/* The texts of one member of all items: "a b c"; the caller's. */
static inline char *texts_of(const json_t *items, const char *key)
{
        char *text = bk_strdup("");
        size_t i;
        const json_t *item;

        json_array_foreach(items, i, item) {
                const json_t *value = json_object_get(item, key);
                autofree char *before = text;
                autofree char *shown = json_is_string(value) ? bk_strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);

                text = bk_format("%s%s%s", before, i == 0 ? "" : " ", shown ? shown : "null");
        }
        return text;
}
