/* The options of queries: what begins with "_". Adding one means adding a row. */
#include "registry/registry_priv.h"

#include <stdlib.h>
#include <string.h>

#define FIELDS_MOST 64
#define ORDERS_MOST 8
#define LIMIT_MOST 999999999

static int parse_switch(const char *name, const char *value, bool *ret, struct bk_error *err)
{
        if (!bk_streq(value, "0") && !bk_streq(value, "1"))
                return bk_fail(err, BK_INVALID, "%s is 0 or 1, not '%.100s'", name, value);
        *ret = *value == '1';
        return 0;
}

static int parse_latest(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        bool on = false;

        if (parse_switch("_latest", values->v[0], &on, err) < 0)
                return -1;
        if (on) {
                filter->limit = 1;
                filter->first = true;
        }
        return 0;
}

static int parse_one(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        return parse_switch("_one", values->v[0], &filter->one, err);
}

static int parse_all(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        bool on = false;

        if (parse_switch("_all", values->v[0], &on, err) < 0)
                return -1;
        filter->states_asked |= on;
        return 0;
}

static int parse_hidden(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        return parse_switch("_hidden", values->v[0], &filter->hidden, err);
}

static int parse_states(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        unsigned mask = 0;

        for (size_t i = 0; i < values->n; i++) {
                enum reg_state state = REG_BAKED;

                if (reg_state_parse(values->v[i], &state, err) < 0)
                        return -1;
                mask |= REG_STATE_BIT(state);
        }
        filter->states &= mask;
        filter->states_asked = true;
        return 0;
}

static int parse_limit(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        const char *value = values->v[0];
        const size_t digits = strspn(value, "0123456789");
        const int64_t limit = digits > 0 && digits <= 9 && value[digits] == '\0' ? strtoll(value, NULL, 10) : 0;

        if (limit == 0)
                return bk_fail(err, BK_INVALID, "_limit is a number from 1 to %d, not '%.100s'", LIMIT_MOST, value);
        if (filter->limit < 0 || limit < filter->limit)
                filter->limit = limit;
        return 0;
}

static int parse_sort(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        for (size_t i = 0; i < values->n; i++) {
                const char *name = values->v[i];
                struct reg_order order = { .descending = *name == '-' };

                name += order.descending;
                order.key = reg_key_find(name);
                if (*name == '\0' || *name == '_')
                        return bk_fail(err, BK_INVALID, "_sort takes keys, with '-' before one that falls: _sort=release,-created_at");
                if (order.key != NULL && (order.key->kind == REG_KEY_CHANNEL || order.key->kind == REG_KEY_PACKAGE))
                        return bk_fail(err, BK_INVALID, "_sort takes keys with one value an image, and '%s' has several", name);
                if (order.key != NULL && order.key->kind >= REG_KEY_IN_USE)
                        return bk_fail(err, BK_INVALID, "_sort takes what is of the image itself, and '%s' is of who uses it", name);
                if (filter->n_order == ORDERS_MOST)
                        return bk_fail(err, BK_INVALID, "_sort takes at most %d keys", ORDERS_MOST);
                order.attribute = bk_strdup(name);
                filter->order = bk_grow(filter->order, filter->n_order + 1, sizeof *filter->order);
                filter->order[filter->n_order++] = order;
        }
        return 0;
}

/* Parts are parted by dots, and have no other signs than letters and digits: see reg_filter_run(). */
static int parse_after(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        const char *p = values->v[0];

        if (*p == '\0' || p[strspn(p, "0123456789abcdef.-")] != '\0')
                return bk_fail(err, BK_INVALID, "_after is the 'next' of an answer to the same query; take it as it is");
        for (;; p++) {
                const size_t length = strcspn(p, ".");

                if (filter->after.n > ORDERS_MOST)
                        return bk_fail(err, BK_INVALID, "_after is the 'next' of an answer to the same query; take it as it is");
                bk_strv_take(&filter->after, bk_strndup(p, length));
                p += length;
                if (*p == '\0')
                        return 0;
        }
}

static int parse_fields(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        if (filter->fields.n + values->n > FIELDS_MOST)
                return bk_fail(err, BK_INVALID, "at most %d fields", FIELDS_MOST);
        for (size_t i = 0; i < values->n; i++) {
                if (*values->v[i] == '\0' || strpbrk(values->v[i], "():") != NULL)
                        return bk_fail(err, BK_INVALID, "fields are keys by comma: _fields=id,release or :(id,release)");
                if (!bk_strv_has(&filter->fields, values->v[i]))
                        bk_strv_add(&filter->fields, values->v[i]);
        }
        return 0;
}

static int parse_descends(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        if (filter->descends != NULL || *values->v[0] == '\0')
                return bk_fail(err, BK_INVALID, "_descends takes one image: a digest, a name, or name:channel");
        filter->descends = bk_strdup(values->v[0]);
        return 0;
}

static int parse_at(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        int64_t high = 0;

        filter->at.given = true;
        if (reg_time_parse(values->v[0], &filter->at.from, &high, err) < 0)
                return bk_wrap(err, "_at");
        filter->at.to = filter->at.from;
        return 0;
}

static void open_span(struct reg_span *span)
{
        if (!span->given)
                *span = (struct reg_span){ .given = true, .from = 0, .to = INT64_MAX / 2 };
}

static int parse_since(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        int64_t high = 0;

        open_span(&filter->alive);
        return reg_time_parse(values->v[0], &filter->alive.from, &high, err) < 0 ? bk_wrap(err, "_since") : 0;
}

static int parse_until(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        int64_t low = 0, high = 0;

        open_span(&filter->alive);
        if (reg_time_parse(values->v[0], &low, &high, err) < 0)
                return bk_wrap(err, "_until");
        filter->alive.to = high - 1;
        return 0;
}

/* "2024-05-01..", "..30d", "2024-05..2024-06"; one moment is where it begins. */
static int parse_changed(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err)
{
        const char *value = values->v[0], *dots = strstr(value, "..");
        autofree char *from = bk_strndup(value, dots != NULL ? (size_t)(dots - value) : strlen(value));
        const char *to = dots != NULL ? dots + 2 : "";
        int64_t low = 0, high = 0;

        open_span(&filter->changed);
        if (*from == '\0' && *to == '\0')
                return bk_fail(err, BK_INVALID, "_changed takes FROM..TO, FROM.. or ..TO");
        if (*from != '\0' && reg_time_parse(from, &filter->changed.from, &high, err) < 0)
                return bk_wrap(err, "_changed");
        if (*to != '\0' && reg_time_parse(to, &low, &high, err) < 0)
                return bk_wrap(err, "_changed");
        if (*to != '\0')
                filter->changed.to = high - 1;
        return 0;
}

static const struct {
        const char *name;
        bool list;                      /* takes several values */
        int (*parse)(struct reg_filter *filter, const struct bk_strv *values, struct bk_error *err);
} options[] = {
        { "_latest",   false, parse_latest },   { "_one",      false, parse_one },      { "_limit",    false, parse_limit },
        { "_sort",     true,  parse_sort },     { "_after",    false, parse_after },    { "_fields",   true,  parse_fields },
        { "_all",      false, parse_all },      { "_states",   true,  parse_states },   { "_descends", false, parse_descends },
        { "_at",       false, parse_at },       { "_since",    false, parse_since },    { "_until",    false, parse_until },
        { "_changed",  false, parse_changed },  { "_hidden",   false, parse_hidden },
};

char *reg_filter_options(void)
{
        struct bk_buf known = { 0 };

        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
                bk_buf_printf(&known, "%s%s", i == 0 ? "" : ", ", options[i].name);
        return bk_buf_finish(&known);
}

int reg_filter_option(struct reg_filter *filter, const char *name, const struct bk_strv *values, struct bk_error *err)
{
        autofree char *known = NULL;

        for (size_t i = 0; i < sizeof options / sizeof *options; i++)
                if (bk_streq(options[i].name, name)) {
                        if (values->n != 1 && !options[i].list)
                                return bk_fail(err, BK_INVALID, "option %s takes one value", name);
                        return options[i].parse(filter, values, err);
                }
        known = reg_filter_options();
        return bk_fail(err, BK_INVALID, "unknown option '%.100s'; there are %s", name, known);
}
