/* Why nothing matched. Somebody mistyped a release at the end of a long
 * pipeline: the message names the first condition that no image of that name
 * meets, and values that would do. Each question is one step along an index. */
#include "registry/registry_priv.h"

#include <string.h>

#define KNOWN_MOST 6

static int count_images(struct reg *reg, const char *name, int64_t *ret, struct bk_error *err)
{
        return reg_sql_int(reg, ret, err, "SELECT count(*) FROM (SELECT 1 FROM image WHERE name = ? LIMIT 10000) counted", "t", name);
}

/* Steps from one value to the next greater one, not over the images between. */
static int known_values(struct reg *reg, const char *name, const char *key, struct bk_buf *ret, struct bk_error *err)
{
        static const char first[] = "SELECT min(value) FROM attribute WHERE name = ? AND key = ?";
        static const char next[] = "SELECT min(value) FROM attribute WHERE name = ? AND key = ? AND value > ?";
        autofree char *last = NULL;

        for (int i = 0; i <= KNOWN_MOST; i++) {
                char *value = NULL;
                const int status = reg_sql_text(reg, &value, err, i == 0 ? first : next, i == 0 ? "tt" : "ttt", name, key, last);

                if (status <= 0)
                        return status;
                if (i == KNOWN_MOST)
                        bk_buf_puts(ret, ", ...");
                else
                        bk_buf_printf(ret, "%s%.60s", i == 0 ? "" : ", ", value);
                free(last);
                last = value;
        }
        return 0;
}

/* 1 when some image of that name, in any state, meets the condition alone. */
static int met_by_any(struct reg *reg, const char *name, const struct reg_condition *condition, struct bk_error *err)
{
        static const char sql[] = "SELECT 1 FROM attribute WHERE name = ? AND key = ? AND value = ? LIMIT 1";

        for (size_t i = 0; i < condition->values.n; i++) {
                int64_t found = 0;
                const int status = reg_sql_int(reg, &found, err, sql, "ttt", name, condition->attribute,
                                               condition->values.v[i]);

                if (status != 0)
                        return status;
        }
        return 0;
}

/* Appends ", none with release=trixie; known: bookworm" and is done, or nothing. */
static int blame(struct reg *reg, const struct reg_filter *filter, struct bk_buf *text, struct bk_error *err)
{
        for (size_t i = 0; i < filter->n; i++) {
                const struct reg_condition *condition = &filter->v[i];
                BK_CLEANUP(bk_buf_done) struct bk_buf known = { 0 };
                int status;

                if (condition->key != NULL || condition->exclude)
                        continue;
                if ((status = met_by_any(reg, filter->name, condition, err)) < 0)
                        return -1;
                if (status > 0)
                        continue;
                if (known_values(reg, filter->name, condition->attribute, &known, err) < 0)
                        return -1;
                bk_buf_printf(text, ", none with %.200s", condition->text);
                if (known.len > 0)
                        bk_buf_printf(text, "; known: %s", known.data);
                else
                        bk_buf_printf(text, "; none has an attribute '%.100s'", condition->attribute);
                return 0;
        }
        bk_buf_puts(text, filter->n == 0 ? ", none in a state that is asked for" : ", none that meets all of it");
        return 0;
}

int reg_filter_explain(struct reg *reg, const struct reg_filter *filter, const char *query, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
        int64_t count = 0;

        if (filter->name == NULL)
                return bk_fail(err, BK_NOT_FOUND, "no image matches '%.200s'", query);
        if (count_images(reg, filter->name, &count, err) < 0)
                return -1;
        if (count == 0)
                return bk_fail(err, BK_NOT_FOUND, "no image matches '%.200s': none is named '%s'", query, filter->name);
        bk_buf_printf(&text, "%lld%s image%s named '%s'", (long long)count, count == 10000 ? " or more" : "",
                      count == 1 ? "" : "s", filter->name);
        if (blame(reg, filter, &text, err) < 0)
                return -1;
        return bk_fail(err, BK_NOT_FOUND, "no image matches '%.200s': %s", query, text.data);
}
