/* Why nothing matched. Somebody mistyped a release at the end of a long
 * pipeline: the message names the first condition that no image of that name
 * meets, and values that would do. Each question is one step along an index. */
#include "registry/db.h"

#include <string.h>

#include "lib/fs.h"

#define KNOWN_MOST 6

static int count_images(struct reg *reg, const char *name, int64_t *ret, struct bk_error *err)
{
        return reg_sql_int(reg, ret, err, "SELECT count(*) FROM (SELECT 1 FROM image WHERE name = ? LIMIT 10000) counted", "t", name);
}

/* Steps from one value to the next greater one, not over the images between. */
static int known_values(struct reg *reg, const char *name, const char *key, struct bk_buf *ret, struct bk_error *err)
{
        const char *is_short = reg->backend->short_values == NULL ? "1 = 1" : reg->backend->short_values;
        autofree char *first = bk_format("SELECT min(value) FROM attribute WHERE name = ? AND key = ? AND %s", is_short);
        autofree char *next = bk_format("%s AND value > ?", first);
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
        BK_CLEANUP(reg_select_done) struct reg_select select = { 0 };
        autostmt *stmt = NULL;

        reg_select_text(&select, "SELECT 1 FROM attribute WHERE name = ", name);
        reg_select_text(&select, " AND key = ", condition->attribute);
        bk_buf_puts(&select.sql, " AND ");
        reg_select_values(reg, &select, condition);
        bk_buf_puts(&select.sql, " LIMIT 1");
        return reg_select_run(reg, &select, &stmt, err) < 0 ? -1 : reg_sql_step(reg, stmt, err);
}

/* Those that say more than the name, which a condition may have given. */
static size_t conditions(const struct reg_filter *filter)
{
        size_t n = 0;

        for (size_t i = 0; i < filter->n; i++)
                n += filter->v[i].key == NULL || !bk_streq(filter->v[i].key->name, "name");
        return n;
}

/* Appends ", none with release=trixie; known: bookworm" and is done, or nothing. */
static int blame(struct reg *reg, const struct reg_filter *filter, struct bk_buf *text, struct bk_error *err)
{
        for (size_t i = 0; i < filter->n; i++) {
                const struct reg_condition *condition = &filter->v[i];
                BK_CLEANUP(bk_buf_done) struct bk_buf known = { 0 };
                int status;

                if (condition->key != NULL || condition->exclude || condition->test == REG_MATCHES)
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
        bk_buf_puts(text, conditions(filter) == 0 ? ", none in a state that is asked for" : ", none that meets all of it");
        return 0;
}

/* What matches and is hidden is there for those who know its digest. */
static int hidden(struct reg *reg, const struct reg_filter *filter, const char *query, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        struct reg_filter wider = *filter;

        if (filter->hidden || filter->at.given || filter->alive.given)
                return 0;
        wider.hidden = true;
        wider.limit = 1;
        wider.first = true;
        if (reg_filter_run(reg, &wider, &images, NULL, err) < 0)
                return -1;
        return images.n == 0 ? 0 : bk_fail(err, BK_GONE, "no image on offer matches '%.200s': the newest that does, '%s', is hidden; name it by its "
                                           "digest, or add _hidden=1", query, images.v[0].id);
}

/* What matches but for its state was on offer once: whoever relies on it must hear that it is no more. */
static int withdrawn(struct reg *reg, const struct reg_filter *filter, const char *query, struct bk_error *err)
{
        static const char sql[] = "SELECT at, who, why FROM state_log WHERE image = ? ORDER BY id DESC LIMIT 1";
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        struct reg_filter wider = *filter;
        autofree char *when = NULL;
        autostmt *stmt = NULL;
        int status;

        if (filter->states_asked || filter->at.given || filter->alive.given)
                return 0;
        wider.states = REG_STATES_ALL;
        wider.hidden = true;
        wider.limit = 1;
        wider.first = true;
        if (reg_filter_run(reg, &wider, &images, NULL, err) < 0)
                return -1;
        if (images.n == 0)
                return 0;
        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "i", images.v[0].sequence) < 0 ||
            (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        when = bk_iso_time(status > 0 ? reg_column_int(stmt, 0) : images.v[0].created_at);
        return bk_fail(err, BK_GONE, "no image on offer matches '%.200s': the newest that does, '%s', is %s since %s%s%.200s", query, images.v[0].id,
                       reg_state_name(images.v[0].state), when, status > 0 && !reg_column_null(stmt, 2) ? ": " : "",
                       status > 0 && !reg_column_null(stmt, 2) ? reg_column_peek(stmt, 2) : "");
}

int reg_filter_explain(struct reg *reg, const struct reg_filter *filter, struct bk_error *err)
{
        autofree char *query = reg_filter_said(filter);
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
        /* With patterns each of them may walk over all images once more; of a list it is not wanted that much. */
        const bool look = filter->first || filter->one || !reg_filter_walks(filter);
        int64_t count = 0;

        if (look && (hidden(reg, filter, query, err) < 0 || withdrawn(reg, filter, query, err) < 0))
                return -1;
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
