/* A query's text becomes a struct; no SQL and no registry here.
 *
 *      query     = [name] [("?" | ";") condition *(("&" | ";") condition)]
 *      condition = key ("=" | "!=") value *("," value)
 *
 * Keys and values are percent-decoded after they are cut, so that %2C is a
 * comma of the value. "+" is itself, as versions have it. Every condition must
 * hold. The characters < > ~ ^ * ! are kept free in keys for operators: a key
 * that has one writes it as %XX. */
#include "registry/registry_priv.h"

#include <stdlib.h>
#include <string.h>

#define QUERY_MOST 65536
#define CONDITIONS_MOST 64
#define VALUES_MOST 1000

static const struct reg_key keys[] = {
        { "id",         "i.id IN ",             "" },
        { "name",       "i.name IN ",           "" },
        { "type",       "i.type IN ",           "" },
        { "state",      NULL,                   NULL },         /* a bit mask, not a list */
        { "layer",      "i.layer IN (SELECT id FROM layer WHERE digest IN ",            ")" },
        { "ancestor",   "i.ancestor IN (SELECT sequence FROM image WHERE id IN ",       ")" },
        { "input_hash", "i.input_hash IN ",     "" },
        { "created_by", "i.created_by IN ",     "" },
        { "created_on", "i.created_on IN ",     "" },
};

const struct reg_key *reg_key_find(const char *name)
{
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                if (strcmp(keys[i].name, name) == 0)
                        return &keys[i];
        return NULL;
}

void reg_filter_done(struct reg_filter *filter)
{
        for (size_t i = 0; i < filter->n; i++) {
                free(filter->v[i].attribute);
                free(filter->v[i].text);
                bk_strv_done(&filter->v[i].values);
        }
        free(filter->v);
        free(filter->name);
        *filter = (struct reg_filter){ 0 };
}

static int hex(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int reg_decode(const char *raw, size_t length, char **ret, struct bk_error *err)
{
        autofree char *text = bk_alloc(length + 1);
        char *end = text;

        for (size_t i = 0; i < length; i++) {
                int high, low;

                if (raw[i] != '%') {
                        *end++ = raw[i];
                        continue;
                }
                high = i + 1 < length ? hex(raw[i + 1]) : -1;
                low = i + 2 < length ? hex(raw[i + 2]) : -1;
                if (high < 0 || low < 0)
                        return bk_fail(err, BK_INVALID, "'%%' in '%.*s' is not followed by two hex digits; write %%25",
                                       (int)(length > 200 ? 200 : length), raw);
                if (high == 0 && low == 0)
                        return bk_fail(err, BK_INVALID, "'%%00' is in no name and no value");
                *end++ = (char)(high * 16 + low);
                i += 2;
        }
        if (!reg_text_valid(text))
                return bk_fail(err, BK_INVALID, "'%.*s' is not one line of UTF-8", (int)(length > 200 ? 200 : length), raw);
        *ret = bk_take(text);
        return 0;
}

/* --- options ---------------------------------------------------------------- */
static int parse_latest(struct reg_filter *filter, const char *value, struct bk_error *err)
{
        if (!bk_streq(value, "0") && !bk_streq(value, "1"))
                return bk_fail(err, BK_INVALID, "_latest is 0 or 1, not '%.100s'", value);
        if (bk_streq(value, "1"))
                filter->limit = 1;
        return 0;
}

static int parse_limit(struct reg_filter *filter, const char *value, struct bk_error *err)
{
        const size_t digits = strspn(value, "0123456789");
        const int64_t limit = digits > 0 && digits <= 9 && value[digits] == '\0' ? strtoll(value, NULL, 10) : 0;

        if (limit == 0)
                return bk_fail(err, BK_INVALID, "_limit is a number from 1 to 999999999, not '%.100s'", value);
        if (filter->limit < 0 || limit < filter->limit)
                filter->limit = limit;
        return 0;
}

static const struct {
        const char *name;
        int (*parse)(struct reg_filter *filter, const char *value, struct bk_error *err);
} options[] = {
        { "_latest", parse_latest },
        { "_limit",  parse_limit },
};

static int parse_option(struct reg_filter *filter, const char *name, bool exclude, const struct bk_strv *values,
                        struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf known = { 0 };

        for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
                if (!bk_streq(options[i].name, name)) {
                        bk_buf_printf(&known, "%s%s", known.len == 0 ? "" : ", ", options[i].name);
                        continue;
                }
                if (exclude || values->n != 1)
                        return bk_fail(err, BK_INVALID, "option %s takes '=' and one value", name);
                return options[i].parse(filter, values->v[0], err);
        }
        return bk_fail(err, BK_INVALID, "unknown option '%.100s'; there are %s", name, known.data);
}

/* --- states ----------------------------------------------------------------- */
/* Asked for, tested means "at least tested"; excluded, a state is just itself. */
static int parse_states(struct reg_filter *filter, bool exclude, const struct bk_strv *values, bool *asked,
                        struct bk_error *err)
{
        unsigned mask = 0;

        for (size_t i = 0; i < values->n; i++) {
                enum reg_state state = REG_BAKED;

                if (reg_state_parse(values->v[i], &state, err) < 0)
                        return -1;
                mask |= REG_STATE_BIT(state);
                if (!exclude && state < REG_PROMOTED)
                        mask |= REG_STATES_OFFERED & ~(REG_STATE_BIT(state) - 1);
        }
        *asked |= !exclude;
        filter->states &= exclude ? ~mask : mask;
        return 0;
}

/* --- conditions ------------------------------------------------------------- */
static int split_values(const char *raw, size_t length, struct bk_strv *ret, struct bk_error *err)
{
        for (size_t start = 0; start <= length;) {
                const char *comma = memchr(raw + start, ',', length - start);
                const size_t end = comma == NULL ? length : (size_t)(comma - raw);
                char *value = NULL;

                if (ret->n == VALUES_MOST)
                        return bk_fail(err, BK_INVALID, "a condition has at most %d values", VALUES_MOST);
                if (reg_decode(raw + start, end - start, &value, err) < 0)
                        return -1;
                bk_strv_take(ret, value);
                start = end + 1;
        }
        return 0;
}

static int parse_key(const char *raw, size_t length, char **ret, struct bk_error *err)
{
        if (length == 0)
                return bk_fail(err, BK_INVALID, "a condition has no key; write key=value");
        for (size_t i = 0; i < length; i++)
                if (strchr("<>~^*!", raw[i]) != NULL)
                        return bk_fail(err, BK_INVALID, "'%c' in '%.*s' is no operator; a key that has it writes %%%02X", raw[i],
                                       (int)(length > 200 ? 200 : length), raw, (unsigned)raw[i]);
        return reg_decode(raw, length, ret, err);
}

static int parse_condition(struct reg_filter *filter, const char *raw, size_t length, bool *states_asked,
                           struct bk_error *err)
{
        const char *equals = memchr(raw, '=', length);
        const bool exclude = equals != NULL && equals > raw && equals[-1] == '!';
        BK_CLEANUP(bk_strv_done) struct bk_strv values = { 0 };
        const struct reg_key *key;
        autofree char *name = NULL;

        if (equals == NULL)
                return bk_fail(err, BK_INVALID, "condition '%.*s' has no '='; write key=value",
                               (int)(length > 200 ? 200 : length), raw);
        if (parse_key(raw, (size_t)(equals - raw) - exclude, &name, err) < 0 || name == NULL ||
            split_values(equals + 1, length - (size_t)(equals + 1 - raw), &values, err) < 0)
                return -1;
        if (*name == '_')
                return parse_option(filter, name, exclude, &values, err);
        key = reg_key_find(name);
        if (key != NULL && key->before == NULL)
                return parse_states(filter, exclude, &values, states_asked, err);
        if (filter->n == CONDITIONS_MOST)
                return bk_fail(err, BK_INVALID, "a query has at most %d conditions", CONDITIONS_MOST);
        filter->v = bk_grow(filter->v, filter->n + 1, sizeof *filter->v);
        filter->v[filter->n++] = (struct reg_condition){ .key = key, .attribute = bk_take(name), .exclude = exclude,
                                                         .values = values, .text = bk_strndup(raw, length) };
        values = (struct bk_strv){ 0 };
        return 0;
}

static int parse(const char *query, struct reg_filter *filter, struct bk_error *err)
{
        const size_t name_length = strcspn(query, "?;");
        bool states_asked = false;
        const char *p = query + name_length;

        if (strlen(query) > QUERY_MOST)
                return bk_fail(err, BK_INVALID, "it is longer than %d bytes", QUERY_MOST);
        if (!reg_text_valid(query))
                return bk_fail(err, BK_INVALID, "it is not one line of UTF-8; write %%XX for other bytes");
        if (name_length > 0 && (reg_decode(query, name_length, &filter->name, err) < 0 ||
                                reg_name_check("image name", filter->name, err) < 0))
                return -1;
        if (*p != '\0' && p[1] == '\0')
                p++;                            /* "base?" is "base" */
        while (*p != '\0') {
                const size_t length = strcspn(++p, "&;");

                if (parse_condition(filter, p, length, &states_asked, err) < 0)
                        return -1;
                p += length;
        }
        if (!states_asked)
                filter->states &= REG_STATES_OFFERED;
        return 0;
}

int reg_filter_parse(const char *query, struct reg_filter *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { .states = REG_STATES_ALL, .limit = -1 };

        if (parse(query, &filter, err) < 0) {
                /* Only what is known to be printable is repeated. */
                if (strlen(query) <= 200 && reg_text_valid(query))
                        return bk_wrap(err, "query '%s'", query);
                return bk_wrap(err, "the query");
        }
        *ret = filter;
        filter = (struct reg_filter){ 0 };
        return 0;
}
