/* What routes are asked with, and lists as they answer them. */
#include "registry/api.h"

#include <string.h>

#include "registry/registry_priv.h"

bool reg_parameter_find(const char *text, size_t length, const char *between, const char *name, struct reg_parameter *ret)
{
        const char *const all = text + length;
        const size_t n = strlen(name);

        for (const char *p = text, *end; p < all; p = end + (end < all)) {
                for (end = p; end < all && strchr(between, *end) == NULL;)
                        end++;
                if ((size_t)(end - p) < n || strncmp(p, name, n) != 0 || (p + n < end && p[n] != '='))
                        continue;
                *ret = (struct reg_parameter){ p, p + n < end ? p + n + 1 : NULL, end };
                return true;
        }
        return false;
}

int reg_call_text(const struct reg_call *call, const char *name, char **ret, struct bk_error *err)
{
        const char *query = call->request->query;
        struct reg_parameter found;

        *ret = NULL;
        if (query == NULL || !reg_parameter_find(query, strlen(query), "&", name, &found) || found.value == NULL)
                return 0;
        return reg_decode(found.value, (size_t)(found.end - found.value), ret, err);
}

int reg_form_text(const char *text, size_t length, const char *key, char **ret, struct bk_error *err)
{
        struct reg_parameter found;
        autofree char *raw = NULL;

        *ret = NULL;
        if (!reg_parameter_find(text, length, "&", key, &found) || found.value == NULL)
                return 0;
        raw = bk_strndup(found.value, (size_t)(found.end - found.value));
        for (char *c = raw; *c != '\0'; c++)
                *c = *c == '+' ? ' ' : *c;
        return reg_decode(raw, strlen(raw), ret, err);
}

int reg_call_switch(const struct reg_call *call, const char *name, bool *ret, struct bk_error *err)
{
        autofree char *text = NULL;

        if (reg_call_text(call, name, &text, err) < 0)
                return -1;
        if (text != NULL && !bk_streq(text, "0") && !bk_streq(text, "1"))
                return bk_fail(err, BK_INVALID, "%s is 0 or 1, not '%.100s'", name, text);
        *ret = bk_streq(text, "1");
        return 0;
}

int reg_call_number(const struct reg_call *call, const char *name, int64_t least, int64_t most, int64_t *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        int64_t number;

        if (reg_call_text(call, name, &text, err) < 0)
                return -1;
        if (text == NULL)
                return 0;
        number = *text != '\0' && strlen(text) <= 18 && text[strspn(text, "0123456789")] == '\0' ? strtoll(text, NULL, 10) : -1;
        if (number < least || number > most)
                return bk_fail(err, BK_INVALID, "%s is a number from %lld to %lld, not '%.100s'", name, (long long)least, (long long)most, text);
        *ret = number;
        return 0;
}

json_t *reg_call_list(const struct reg_call *call, json_t *items, json_t *next)
{
        return json_pack("{s:o, s:I, s:o}", "items", items, "index", (json_int_t)call->answer->index, "next", next == NULL ? json_null() : next);
}

json_t *reg_call_next(int64_t number)
{
        return number == 0 ? NULL : json_sprintf("%lld", (long long)number);
}
