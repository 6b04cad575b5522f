/* Which packages an ask means, and which images are in use.
 *
 * A name has few versions among a million images: they are read, and compared here, as SQL knows no order of versions. From
 * packages to sets and to images it is a walk along indexes. */
#include "registry/packages_priv.h"

#include <string.h>

void reg_ids_add(struct reg_ids *ids, int64_t id)
{
        if ((ids->n & (ids->n - 1)) == 0)
                ids->v = bk_grow(ids->v, ids->n ? ids->n * 2 : 1, sizeof *ids->v);
        ids->v[ids->n++] = id;
}

static int order(const void *a, const void *b)
{
        const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

void reg_ids_sort(struct reg_ids *ids)
{
        size_t kept = 0;

        if (ids->n > 1)
                qsort(ids->v, ids->n, sizeof *ids->v, order);
        for (size_t i = 0; i < ids->n; i++)
                if (kept == 0 || ids->v[kept - 1] != ids->v[i])
                        ids->v[kept++] = ids->v[i];
        ids->n = kept;
}

bool reg_ids_has(const struct reg_ids *ids, int64_t id)
{
        return ids->n > 0 && bsearch(&id, ids->v, ids->n, sizeof *ids->v, order) != NULL;
}

void reg_ids_done(struct reg_ids *ids)
{
        free(ids->v);
        *ids = (struct reg_ids){ 0 };
}

/* --- versions ----------------------------------------------------------------- */
/* Longer ones first: "<=" begins with "<". Bits: less, equal, greater. */
static const struct { const char *text; unsigned means; } operators[] = {
        { "<=", 3 }, { ">=", 6 }, { "!=", 5 }, { "==", 2 }, { "<", 1 }, { ">", 4 }, { "=", 2 },
};

const char *reg_package_operator(const char *text, const char **ret_version)
{
        for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
                const size_t length = strlen(operators[i].text);

                if (strncmp(text, operators[i].text, length) != 0)
                        continue;
                *ret_version = text + length + strspn(text + length, " ");
                return operators[i].text;
        }
        *ret_version = text;
        return "=";
}

/* rpm takes a version without a release for all of its releases, where somebody asks; advisories always say which they mean. */
static bool holds(enum bk_ecosystem ecosystem, const char *version, unsigned means, const char *wanted)
{
        const char *dash = ecosystem == BK_RPM && strchr(wanted, '-') == NULL ? strrchr(version, '-') : NULL;
        autofree char *unreleased = dash == NULL ? NULL : bk_strndup(version, (size_t)(dash - version));
        const int result = bk_version_compare(ecosystem, unreleased == NULL ? version : unreleased, wanted);

        return (means & (result < 0 ? 1u : result == 0 ? 2u : 4u)) != 0;
}

/* Bills of materials name others than those that bakery reads itself. */
static bool is_ecosystem(const char *name)
{
        static const char *const others[] = { "generic", "golang", "maven", "nuget", "cargo", "composer", "conda", "cran", "hex", "pub", "swift" };
        enum bk_ecosystem ecosystem;

        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                if (bk_streq(others[i], name))
                        return true;
        return bk_ecosystem_of(name, &ecosystem);
}

int reg_packages_matching(struct reg *reg, const struct reg_package_ask *ask, struct reg_ids *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_ids_done) struct reg_ids ids = { 0 };
        autofree char *python = reg_python_name(ask->name);      /* what reg_inventory_put() calls the source of such a package */
        enum bk_ecosystem ecosystem = BK_DEB;
        autostmt *stmt = NULL;
        unsigned means = 7;
        int status;

        if (ask->ecosystem != NULL && !is_ecosystem(ask->ecosystem))
                return bk_fail(err, BK_INVALID, "there is no ecosystem '%.100s'; write deb, rpm, apk, alpm, pypi, npm, gem, pear, pecl or cpan",
                               ask->ecosystem);
        for (size_t i = 0; ask->operator != NULL && i < sizeof operators / sizeof *operators; i++)
                if (bk_streq(operators[i].text, ask->operator))
                        means = operators[i].means;
        if (means != 7 && *ask->version == '\0')
                return bk_fail(err, BK_INVALID, "'%s' lacks a version; write it behind, as in '<1.2'", ask->operator);
        if (reg_sql_prepare(reg, ask->source ?
                            "SELECT id, ecosystem, source_version FROM package WHERE source = ? OR (source = ? AND ecosystem = 'pypi')" :
                            "SELECT id, ecosystem, version FROM package WHERE name = ? OR (source = ? AND ecosystem = 'pypi')", &stmt, err) < 0 ||
            reg_sql_bind(reg, stmt, err, "tt", ask->name, python) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                if (ask->ecosystem != NULL && strcmp(ask->ecosystem, reg_column_peek(stmt, 1)) != 0)
                        continue;
                if (!bk_ecosystem_of(reg_column_peek(stmt, 1), &ecosystem))
                        ecosystem = BK_DEB;     /* whose order does for most, too */
                if (means == 7 || holds(ecosystem, reg_column_peek(stmt, 2), means, ask->version))
                        reg_ids_add(&ids, reg_column_int(stmt, 0));
        }
        if (status < 0)
                return -1;
        reg_ids_sort(&ids);
        *ret = ids;
        ids = (struct reg_ids){ 0 };
        return 0;
}

/* --- use ------------------------------------------------------------------------ */
int reg_in_use(struct reg *reg, struct reg_ids *ret, struct bk_error *err)
{
        static const char sql[] =
                "WITH RECURSIVE used (sequence) AS (SELECT head FROM channel UNION SELECT image FROM launch WHERE ended_at IS NULL "
                "UNION SELECT i.ancestor FROM used u JOIN image i ON i.sequence = u.sequence WHERE i.ancestor IS NOT NULL) "
                "SELECT sequence FROM used";
        BK_CLEANUP(reg_ids_done) struct reg_ids ids = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0)
                reg_ids_add(&ids, reg_column_int(stmt, 0));
        if (status < 0)
                return -1;
        reg_ids_sort(&ids);
        *ret = ids;
        ids = (struct reg_ids){ 0 };
        return 0;
}
