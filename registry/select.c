/* Conditions as SQL. Its text holds nothing that a user wrote: every value is a bound parameter. */
#include "registry/db.h"
#include "registry/packages_priv.h"

#include <stdlib.h>
#include <string.h>

void reg_select_done(struct reg_select *select)
{
        bk_buf_done(&select->sql);
        bk_strv_done(&select->own);
        free(select->v);
        *select = (struct reg_select){ 0 };
}

static void add_value(struct reg_select *select, const char *before, struct reg_value value)
{
        bk_buf_puts(&select->sql, before);
        if ((select->n & (select->n + 1)) == 0)
                select->v = bk_grow(select->v, 2 * (select->n + 1), sizeof *select->v);
        select->v[select->n++] = value;
        bk_buf_putc(&select->sql, '?');
}

void reg_select_number(struct reg_select *select, const char *before, int64_t number)
{
        add_value(select, before, (struct reg_value){ .number = number });
}

void reg_select_text(struct reg_select *select, const char *before, const char *text)
{
        add_value(select, before, (struct reg_value){ .text = text });
}

int reg_select_run(struct reg *reg, const struct reg_select *select, struct reg_stmt **ret, struct bk_error *err)
{
        autostmt *stmt = NULL;

        if (reg_sql_prepare(reg, select->sql.data, &stmt, err) < 0 ||
            reg_sql_bind_values(reg, stmt, select->v, select->n, err) < 0)
                return -1;
        *ret = bk_take(stmt);
        return 0;
}

static void add_list(struct reg_select *select, const char *before, const struct reg_condition *condition, const char *after)
{
        bk_buf_puts(&select->sql, before);
        for (size_t i = 0; i < condition->n; i++)
                reg_select_text(select, i == 0 ? "(" : ", ", condition->v[i].text);
        bk_buf_puts(&select->sql, ")");
        bk_buf_puts(&select->sql, after);
}

/* A column's texts; what begins with a prefix lies in a range of any index: U+10FFFF is in no text. */
static void add_texts(struct reg_select *select, const char *column, const struct reg_condition *condition)
{
        if (condition->test == REG_PRESENT) {
                bk_buf_printf(&select->sql, "%s <> ''", column);
                return;
        }
        if (!condition->prefixes) {
                bk_buf_puts(&select->sql, column);
                add_list(select, " IN ", condition, "");
                return;
        }
        for (size_t i = 0; i < condition->n; i++) {
                const struct reg_operand *operand = &condition->v[i];

                bk_buf_printf(&select->sql, "%s%s", i == 0 ? "(" : " OR ", column);
                if (!operand->prefix) {
                        reg_select_text(select, " = ", operand->text);
                        continue;
                }
                bk_strv_addf(&select->own, "%s\xf4\x8f\xbf\xbf", operand->text);
                reg_select_text(select, " >= ", operand->text);
                bk_buf_printf(&select->sql, " AND %s", column);
                reg_select_text(select, " <= ", select->own.v[select->own.n - 1]);
        }
        bk_buf_putc(&select->sql, ')');
}

static void add_numbers(struct reg_select *select, const char *column, const struct reg_condition *condition)
{
        if (condition->test == REG_PRESENT)
                bk_buf_puts(&select->sql, "1 = 1");
        for (size_t i = 0; i < condition->n; i++) {
                const struct reg_operand *operand = &condition->v[i];

                bk_buf_printf(&select->sql, "%s%s", i == 0 ? "(" : " OR ", column);
                if (condition->test == REG_ANY_OF) {
                        reg_select_number(select, " >= ", operand->low);
                        bk_buf_printf(&select->sql, " AND %s", column);
                        reg_select_number(select, " < ", operand->high);
                } else if (condition->test == REG_BELOW || condition->test == REG_AT_LEAST) {
                        reg_select_number(select, condition->test == REG_BELOW ? " < " : " >= ", operand->low);
                } else {
                        reg_select_number(select, condition->test == REG_AT_MOST ? " < " : " >= ", operand->high);
                }
        }
        if (condition->n > 0)
                bk_buf_putc(&select->sql, ')');
}

/* A prefix may be one of a long value. */
static bool may_be_long(const struct reg_condition *condition)
{
        for (size_t i = 0; i < condition->n; i++)
                if (strlen(condition->v[i].text) > REG_SHORT_VALUE)
                        return true;
        return condition->prefixes;
}

/* Where the long values have an index of their own, both are to be seen. */
static void add_values(const struct reg *reg, struct reg_select *select, const struct reg_condition *condition)
{
        const char *is_short = reg->backend->short_values;

        if (is_short == NULL || condition->test == REG_PRESENT) {
                add_texts(select, "value", condition);
                return;
        }
        bk_buf_printf(&select->sql, "(%s AND ", is_short);
        add_texts(select, "value", condition);
        if (may_be_long(condition)) {
                bk_buf_printf(&select->sql, " OR NOT %s AND ", is_short);
                add_texts(select, "value", condition);
        }
        bk_buf_putc(&select->sql, ')');
}

void reg_select_values(const struct reg *reg, struct reg_select *select, const struct reg_condition *condition)
{
        if (condition->test > REG_MATCHES)
                reg_select_text(select, condition->test == REG_BELOW ? "rank < " : condition->test == REG_AT_MOST ? "rank <= " :
                                condition->test == REG_ABOVE ? "rank > " : "rank >= ", condition->v[0].rank);
        else
                add_values(reg, select, condition);
}

static void add_attribute(const struct reg *reg, struct reg_select *select, const struct reg_condition *condition)
{
        reg_select_text(select, "EXISTS (SELECT 1 FROM attribute WHERE image = i.sequence AND key = ", condition->attribute);
        bk_buf_puts(&select->sql, " AND ");
        reg_select_values(reg, select, condition);
        bk_buf_putc(&select->sql, ')');
}

static void add_channels(struct reg_select *select, const struct reg_condition *condition)
{
        bk_buf_puts(&select->sql, "EXISTS (SELECT 1 FROM channel c WHERE c.head = i.sequence AND ");
        add_texts(select, "c.channel", condition);
        bk_buf_putc(&select->sql, ')');
}

/* Row numbers are ours, and may be more than a statement takes as parameters. */
static int add_packages(struct reg *reg, struct reg_select *select, const struct reg_condition *condition, struct bk_error *err)
{
        bool any = false;

        bk_buf_puts(&select->sql, "i.package_set IN (SELECT m.package_set FROM package_member m WHERE m.package IN (");
        for (size_t i = 0; i < condition->n; i++) {
                BK_CLEANUP(reg_ids_done) struct reg_ids rows = { 0 };

                if (reg_package_rows(reg, condition->v[i].text, &rows, err) < 0)
                        return -1;
                for (size_t n = 0; n < rows.n; n++) {
                        bk_buf_printf(&select->sql, "%s%lld", any ? ", " : "", (long long)rows.v[n]);
                        any = true;
                }
        }
        bk_buf_puts(&select->sql, any ? "))" : "-1))");
        return 0;
}

/* In use is what heads a channel or has a launch that is alive, and what such stand on: as for packages. */
static void add_in_use(struct reg_select *select, const struct reg_condition *condition)
{
        const bool wanted = condition->test == REG_PRESENT || condition->v[0].low != 0;

        bk_buf_printf(&select->sql, "i.sequence %sIN (%s)", wanted ? "" : "NOT ", reg_in_use_sql());
}

static int add_key(struct reg *reg, struct reg_select *select, const struct reg_condition *condition, struct bk_error *err)
{
        const struct reg_key *key = condition->key;

        switch (key->kind) {
        case REG_KEY_NUMBER:
        case REG_KEY_TIME:
                add_numbers(select, key->column, condition);
                return 0;
        case REG_KEY_CHANNEL:
                add_channels(select, condition);
                return 0;
        case REG_KEY_IN_USE:
                add_in_use(select, condition);
                return 0;
        case REG_KEY_LAUNCHED:
                if (condition->test == REG_PRESENT)
                        bk_buf_printf(&select->sql, "%s IS NOT NULL", key->column);
                else
                        add_numbers(select, key->column, condition);
                return 0;
        case REG_KEY_PACKAGE:
                return add_packages(reg, select, condition, err);
        case REG_KEY_APPLICATION:
                bk_buf_putc(&select->sql, '(');
                add_texts(select, key->column, condition);
                bk_buf_puts(&select->sql, " OR ");
                add_attribute(reg, select, condition);
                bk_buf_putc(&select->sql, ')');
                return 0;
        default:
                if (key->before != NULL && condition->test == REG_ANY_OF && !condition->prefixes)
                        add_list(select, key->before, condition, key->after);
                else
                        add_texts(select, key->column, condition);
                return 0;
        }
}

/* NULL is in no list, and an image that lacks what is excluded is wanted. */
int reg_select_condition(struct reg *reg, struct reg_select *select, const struct reg_condition *condition, struct bk_error *err)
{
        if (condition->test == REG_MATCHES)
                return 0;
        bk_buf_puts(&select->sql, " AND (");
        if (condition->key == NULL)
                add_attribute(reg, select, condition);
        else if (add_key(reg, select, condition, err) < 0)
                return -1;
        bk_buf_puts(&select->sql, condition->exclude ? ") IS NOT TRUE" : ")");
        return 0;
}
