/* A parsed query becomes one SELECT. Its text holds nothing that a user wrote:
 * every value is a bound parameter.
 *
 * Images are walked newest first, so that a limit ends the walk early. When an
 * attribute must have a value, the walk goes along the index of that
 * attribute, of the rarest one when there are several; SQLite, without
 * statistics, would take any of them. Several values are walked along only
 * when they have few images, as those must be sorted. */
#include "registry/registry_priv.h"

#include <stdlib.h>

#define COUNT_MOST 1000

struct select {
        struct bk_buf sql;
        struct reg_value *v;
        size_t n;
};

static void select_done(struct select *select)
{
        bk_buf_done(&select->sql);
        free(select->v);
}

static void add_value(struct select *select, struct reg_value value)
{
        select->v = bk_grow(select->v, select->n + 1, sizeof *select->v);
        select->v[select->n++] = value;
        bk_buf_putc(&select->sql, '?');
}

static void add_text(struct select *select, const char *before, const char *text)
{
        bk_buf_puts(&select->sql, before);
        add_value(select, (struct reg_value){ .text = text });
}

static void add_list(struct select *select, const char *before, const struct bk_strv *values, const char *after)
{
        bk_buf_puts(&select->sql, before);
        for (size_t i = 0; i < values->n; i++)
                add_text(select, i == 0 ? "(" : ", ", values->v[i]);
        bk_buf_puts(&select->sql, ")");
        bk_buf_puts(&select->sql, after);
}

/* NULL is in no list, and an image that lacks what is excluded is wanted. */
static void add_condition(struct select *select, const struct reg_condition *condition)
{
        bk_buf_puts(&select->sql, "AND (");
        if (condition->key != NULL) {
                add_list(select, condition->key->before, &condition->values, condition->key->after);
        } else {
                add_text(select, "EXISTS (SELECT 1 FROM attribute WHERE image = i.sequence AND key = ", condition->attribute);
                add_list(select, " AND value IN ", &condition->values, ")");
        }
        bk_buf_puts(&select->sql, condition->exclude ? ") IS NOT TRUE " : ") ");
}

static int run(struct reg *reg, const struct select *select, struct reg_stmt **ret, struct bk_error *err)
{
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, select->sql.data, &stmt, err) < 0 ||
            reg_sql_bind_values(reg, stmt, select->v, select->n, err) < 0)
                return -1;
        *ret = bk_take(stmt);
        return 0;
}

/* How many images an attribute's values have, counted no further than COUNT_MOST. */
static int count_of(struct reg *reg, const struct reg_filter *filter, const struct reg_condition *condition, int64_t *ret,
                    struct bk_error *err)
{
        BK_CLEANUP(select_done) struct select select = { 0 };
        autostmt *stmt = NULL;

        add_text(&select, "SELECT count(*) FROM (SELECT 1 FROM attribute WHERE key = ", condition->attribute);
        add_list(&select, " AND value IN ", &condition->values, "");
        if (filter->name != NULL)
                add_text(&select, " AND name = ", filter->name);
        bk_buf_puts(&select.sql, " LIMIT ");
        add_value(&select, (struct reg_value){ .number = COUNT_MOST });
        bk_buf_puts(&select.sql, ") counted");
        if (run(reg, &select, &stmt, err) < 0 || reg_sql_step(reg, stmt, err) < 0)
                return -1;
        *ret = reg_column_int(stmt, 0);
        return 0;
}

/* The condition to walk along; NULL when none will do. */
static int rarest(struct reg *reg, const struct reg_filter *filter, const struct reg_condition **ret, struct bk_error *err)
{
        int64_t least = INT64_MAX;

        *ret = NULL;
        for (size_t i = 0; i < filter->n; i++) {
                const struct reg_condition *condition = &filter->v[i];
                int64_t count = 0;

                if (condition->key != NULL || condition->exclude)
                        continue;
                if (count_of(reg, filter, condition, &count, err) < 0)
                        return -1;
                if (count < least && (condition->values.n == 1 || count < COUNT_MOST)) {
                        least = count;
                        *ret = condition;
                }
        }
        return 0;
}

static void add_states(struct select *select, unsigned states)
{
        const char *before = " AND i.state IN (";

        for (int state = REG_BAKED; state <= REG_TRASHED; state++)
                if (states & REG_STATE_BIT(state)) {
                        bk_buf_printf(&select->sql, "%s%d", before, state);
                        before = ", ";
                }
        bk_buf_puts(&select->sql, states == 0 ? " AND 1 = 0 " : ") ");
}

static void build(const struct reg_filter *filter, const struct reg_condition *along, struct select *select)
{
        bk_buf_puts(&select->sql, "SELECT " REG_IMAGE_COLUMNS);
        if (along != NULL) {
                /* To SQLite, CROSS JOIN fixes the order of the loops. */
                bk_buf_puts(&select->sql, "FROM attribute a CROSS JOIN image i WHERE i.sequence = a.image");
                add_text(select, " AND a.key = ", along->attribute);
                add_list(select, " AND a.value IN ", &along->values, "");
                if (filter->name != NULL)
                        add_text(select, " AND a.name = ", filter->name);
        } else if (filter->name != NULL) {
                add_text(select, "FROM image i WHERE i.name = ", filter->name);
        } else {
                bk_buf_puts(&select->sql, "FROM image i WHERE 1 = 1");
        }
        add_states(select, filter->states);
        for (size_t i = 0; i < filter->n; i++)
                if (&filter->v[i] != along)
                        add_condition(select, &filter->v[i]);
        bk_buf_printf(&select->sql, "ORDER BY %s DESC LIMIT ", along != NULL ? "a.image" : "i.sequence");
        add_value(select, (struct reg_value){ .number = filter->limit < 0 ? INT64_MAX : filter->limit });
}

int reg_filter_run(struct reg *reg, const struct reg_filter *filter, struct reg_images *ret, struct bk_error *err)
{
        BK_CLEANUP(select_done) struct select select = { 0 };
        const struct reg_condition *along = NULL;
        autostmt *stmt = NULL;

        if (rarest(reg, filter, &along, err) < 0)
                return -1;
        build(filter, along, &select);
        if (run(reg, &select, &stmt, err) < 0)
                return -1;
        return reg_image_rows(reg, stmt, ret, err);
}

int reg_query(struct reg *reg, const char *query, struct reg_images *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };

        if (reg_filter_parse(query, &filter, err) < 0 || reg_filter_run(reg, &filter, &images, err) < 0)
                return -1;
        if (images.n == 0)
                return reg_filter_explain(reg, &filter, query, err);
        *ret = images;
        images = (struct reg_images){ 0 };
        return 0;
}
