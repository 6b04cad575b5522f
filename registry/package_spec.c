/* "openssl<3.0.15-1": a package by name, and a version to compare with. */
#include "registry/registry_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/version.h"

static const struct { const char *text; int least, most; } operators[] = {      /* of bk_version_compare() */
        { "<=", -1, 0 }, { ">=", 0, 1 }, { "<", -1, -1 }, { ">", 1, 1 }, { "=", 0, 0 },
};

void reg_numbers_done(struct reg_numbers *numbers)
{
        free(numbers->v);
        *numbers = (struct reg_numbers){ 0 };
}

static int fits(const char *ecosystem, const char *version, size_t operator, const char *bound)
{
        enum bk_ecosystem kind = BK_DEB;
        int order;

        if (!bk_ecosystem_of(ecosystem, &kind))
                return 0;
        order = bk_version_compare(kind, version, bound);
        return order >= operators[operator].least && order <= operators[operator].most;
}

int reg_package_rows(struct reg *reg, const char *spec, struct reg_numbers *ret, struct bk_error *err)
{
        const size_t length = strcspn(spec, "<>="), n_operators = sizeof operators / sizeof *operators;
        BK_CLEANUP(reg_numbers_done) struct reg_numbers rows = { 0 };
        autofree char *name = bk_strndup(spec, length);
        const char *bound = spec + length;
        size_t operator = 0;
        autostmt *stmt = NULL;
        int status;

        while (*bound != '\0' && operator < n_operators && strncmp(bound, operators[operator].text, strlen(operators[operator].text)) != 0)
                operator++;
        bound = *bound == '\0' ? NULL : bound + strlen(operators[operator].text);
        if (length == 0 || (bound != NULL && *bound == '\0'))
                return bk_fail(err, BK_INVALID, "'%.100s' names no package; write openssl, or openssl<3.0.15-1 (<, <=, =, >=, >)", spec);
        if (reg_sql_prepare(reg, "SELECT id, ecosystem, version FROM package WHERE name = ?", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "t", name) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                if (bound != NULL && !fits(reg_column_peek(stmt, 1), reg_column_peek(stmt, 2), operator, bound))
                        continue;
                rows.v = bk_grow(rows.v, rows.n + 1, sizeof *rows.v);
                rows.v[rows.n++] = reg_column_int(stmt, 0);
        }
        if (status < 0)
                return -1;
        *ret = rows;
        rows = (struct reg_numbers){ 0 };
        return 0;
}
