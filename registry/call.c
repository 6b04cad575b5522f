/* What routes are asked with, and lists as they answer them. */
#include "registry/api.h"

#include <stdlib.h>
#include <string.h>

#include "lib/doc.h"
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

/* --- parameters, which are written as the conditions of queries are ----------------- */
/* "name=value", "version<3", "in_use". */
struct parameter {
        char *name;                     /* decoded */
        const char *raw;                /* behind "=", or from another operator on; borrowed */
        size_t length;                  /* of raw */
        bool bare, compared;            /* nothing is behind the name; something else than "=" is */
};

static void parameter_done(struct parameter *parameter)
{
        free(parameter->name);
        *parameter = (struct parameter){ 0 };
}
#define autoparameter BK_CLEANUP(parameter_done) struct parameter

char *reg_call_query(const struct reg_call *call)
{
        const char *query = call->request->query;

        return bk_format("%s%s%s", call->arguments, *query == '\0' ? "" : *call->arguments == '\0' ? "?" : "&", query);
}

static bool is_angle(const char *text)
{
        return *text == '<' || *text == '>' || (strncmp(text, "%3", 2) == 0 && text[2] != '\0' && strchr("CcEe", text[2]) != NULL);
}

/* The one at *p, or behind it: 1, 0 at the end, -1. */
static int next_parameter(const char **p, struct parameter *ret, struct bk_error *err)
{
        const char *start = *p + strspn(*p, "&;");
        const size_t length = strcspn(start, "&;");
        size_t n = 0;

        while (n < length && strchr("=!~", start[n]) == NULL && !is_angle(start + n))
                n++;
        parameter_done(ret);
        *p = start + length;
        if (length == 0)
                return 0;
        ret->bare = n == length;
        ret->compared = !ret->bare && start[n] != '=';
        ret->raw = start + n + (!ret->bare && !ret->compared);
        ret->length = (size_t)(*p - ret->raw);
        return reg_decode(start, n, &ret->name, err) < 0 ? -1 : 1;
}

/* 1, 0 where it is not there, -1. */
static int find(const char *query, const char *name, struct parameter *ret, struct bk_error *err)
{
        int status;

        query += *query == '?';
        while ((status = next_parameter(&query, ret, err)) > 0)
                if (strcmp(ret->name, name) == 0)
                        return 1;
        return status;
}

int reg_call_value(const struct reg_call *call, const char *name, char **ret, struct bk_error *err)
{
        autofree char *query = reg_call_query(call);
        autoparameter parameter = { 0 };
        const int status = find(query, name, &parameter, err);

        if (status <= 0)
                return status;
        if (parameter.bare)
                return *ret = bk_strdup("1"), 1;
        return reg_decode(parameter.raw, parameter.length, ret, err) < 0 ? -1 : 1;
}

int reg_call_text(const struct reg_call *call, const char *name, char **ret, struct bk_error *err)
{
        autofree char *query = reg_call_query(call);
        autoparameter parameter = { 0 };
        const int status = find(query, name, &parameter, err);

        *ret = NULL;
        if (status <= 0)
                return status;
        if (parameter.bare)
                return bk_fail(err, BK_INVALID, "%s takes a value: %s=...", name, name);
        return reg_decode(parameter.raw, parameter.length, ret, err);
}

/* A route's row names what it takes: "name version< limit", where "<" says that it may be compared. */
struct known { struct bk_strv names; char *compared; };

static void known_done(struct known *known)
{
        bk_strv_done(&known->names);
        free(known->compared);
}

static void read_known(const char *words, struct known *ret)
{
        ret->compared = bk_strdup(words);
        for (const char *p = words + strspn(words, " "); *p != '\0'; p += strspn(p, " ")) {
                const size_t length = strcspn(p, " ");

                bk_strv_take(&ret->names, bk_strndup(p, length - (p[length - 1] == '<')));
                p += length;
        }
}

static int refuse(const struct known *known, const char *name, struct bk_error *err)
{
        const char *nearest = bk_nearest(name, (const char *const *)known->names.v, known->names.n);
        BK_CLEANUP(bk_buf_done) struct bk_buf all = { 0 };

        for (size_t i = 0; i < known->names.n; i++)
                bk_buf_printf(&all, "%s%s", i == 0 ? "" : " ", known->names.v[i]);
        if (nearest != NULL)
                return bk_fail(err, BK_INVALID, "unknown parameter '%.100s'; did you mean '%s'? There are %s", name, nearest, all.data);
        return bk_fail(err, BK_INVALID, "unknown parameter '%.100s'; there are %s", name, all.len == 0 ? "none" : all.data);
}

/* "version<" stands in the row, and "<", "<=", ">", ">=" or "!=" behind the name. */
static int check_operator(const struct known *known, const struct parameter *parameter, struct bk_error *err)
{
        autofree char *row = bk_format(" %s ", known->compared), *word = bk_format(" %s< ", parameter->name);

        if (strstr(row, word) == NULL)
                return bk_fail(err, BK_INVALID, "%s takes '=', and no other operator", parameter->name);
        return is_angle(parameter->raw) || strncmp(parameter->raw, "!=", 2) == 0 ? 0 :
               bk_fail(err, BK_INVALID, "%s takes =, !=, <, <=, > and >=", parameter->name);
}

int reg_call_check(const struct reg_call *call, const char *words, struct bk_error *err)
{
        autofree char *query = reg_call_query(call);
        const char *p = query + (*query == '?');
        BK_CLEANUP(known_done) struct known known = { 0 };
        autoparameter parameter = { 0 };
        int status;

        read_known(words, &known);
        while ((status = next_parameter(&p, &parameter, err)) > 0) {
                autofree char *raw = bk_strndup(parameter.raw, parameter.length);

                if (!bk_strv_has(&known.names, parameter.name))
                        return refuse(&known, *parameter.name != '\0' ? parameter.name : raw, err);
                if (parameter.compared && check_operator(&known, &parameter, err) < 0)
                        return -1;
        }
        return status;
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

        if (reg_call_value(call, name, &text, err) < 0)
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
