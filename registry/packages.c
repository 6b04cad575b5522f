/* Inventories. Most images differ from another one in files, not in packages:
 * a set of packages is stored once under a digest of all its fields, and
 * publishing an image whose set is known costs one look-up. A new set costs
 * one look-up per package, and a row for each that was never seen before. A
 * package that is new on its system is looked up in the advisories, too. */
#include "registry/packages_priv.h"

#include <string.h>

#include "lib/digest.h"

#define N_FIELDS 6

/* In the order of the table's unique index; what an ecosystem lacks is "". */
static const char *field(const struct reg_package *package, int i)
{
        const char *const fields[N_FIELDS] = { package->name, package->version, package->architecture,
                                               package->ecosystem, package->source, package->source_version };

        return fields[i] == NULL ? "" : fields[i];
}

static int compare(const void *a, const void *b)
{
        const struct reg_package *const *x = a, *const *y = b;

        for (int i = 0; i < N_FIELDS; i++) {
                const int order = strcmp(field(*x, i), field(*y, i));

                if (order != 0)
                        return order;
        }
        return 0;
}

/* Sorted and without repetitions, so that equal inventories have equal digests. */
static size_t sort(const struct reg_package *packages, size_t n, const struct reg_package **ret)
{
        size_t kept = 0;

        for (size_t i = 0; i < n; i++)
                ret[i] = &packages[i];
        qsort(ret, n, sizeof *ret, compare);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || compare(&ret[kept - 1], &ret[i]) != 0)
                        ret[kept++] = ret[i];
        return kept;
}

static char *digest_of(const struct reg_package *const *sorted, size_t n, const char *os)
{
        struct bk_hash *hash = bk_hash_new();

        if (*os != '\0')
                bk_hash_add_field(hash, "os", os);
        for (size_t i = 0; i < n; i++)
                for (int f = 0; f < N_FIELDS; f++)
                        bk_hash_add_field(hash, "", field(sorted[i], f));
        return bk_hash_finish(hash);
}

static int bind_fields(struct reg *reg, struct reg_stmt *stmt, const struct reg_package *package, struct bk_error *err)
{
        return reg_sql_bind(reg, stmt, err, "tttttt", field(package, 0), field(package, 1), field(package, 2),
                            field(package, 3), field(package, 4), field(package, 5));
}

/* Whether a package is on this system for the first time. */
static int put_on(struct reg *reg, struct reg_stmt *stmt, int64_t package, const char *os, struct reg_ids *fresh, struct bk_error *err)
{
        int status;

        if (reg_sql_bind(reg, stmt, err, "it", package, os) < 0 || (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status > 0)
                reg_ids_add(fresh, package);
        reg_sql_reset(stmt);
        return 0;
}

static int put_members(struct reg *reg, const struct reg_package *const *sorted, size_t n, int64_t set, const char *os,
                       struct reg_ids *fresh, struct bk_error *err)
{
        autostmt *look = NULL, *insert = NULL, *join = NULL, *on = NULL;

        if (reg_sql_prepare(reg, "SELECT id FROM package WHERE name = ? AND version = ? AND architecture = ? AND "
                            "ecosystem = ? AND source = ? AND source_version = ?", &look, err) < 0 ||
            reg_sql_prepare(reg, "INSERT INTO package (name, version, architecture, ecosystem, source, source_version) "
                            "VALUES (?, ?, ?, ?, ?, ?) RETURNING id", &insert, err) < 0 ||
            reg_sql_prepare(reg, "INSERT INTO package_member (package_set, package) VALUES (?, ?)", &join, err) < 0 ||
            reg_sql_prepare(reg, "INSERT INTO package_on (package, os) VALUES (?, ?) ON CONFLICT (package, os) DO NOTHING RETURNING package",
                            &on, err) < 0)
                return -1;
        for (size_t i = 0; i < n; i++) {
                int64_t package = 0;
                int status;

                if (bind_fields(reg, look, sorted[i], err) < 0 || (status = reg_sql_step(reg, look, err)) < 0)
                        return -1;
                if (status == 0 && (bind_fields(reg, insert, sorted[i], err) < 0 || reg_sql_step(reg, insert, err) < 0))
                        return -1;
                package = reg_column_int(status > 0 ? look : insert, 0);
                if (reg_sql_bind(reg, join, err, "ii", set, package) < 0 || reg_sql_step(reg, join, err) < 0 ||
                    put_on(reg, on, package, os, fresh, err) < 0)
                        return -1;
        }
        return 0;
}

struct named { struct reg_package *v; size_t n; struct bk_strv texts; };

static void named_done(struct named *named)
{
        free(named->v);
        bk_strv_done(&named->texts);
}

/* Every package has a source, by which advisories find it. */
static struct named name_sources(const struct reg_package *packages, size_t n)
{
        struct named ret = { .v = bk_grow(NULL, n + 1, sizeof *ret.v), .n = n };

        for (size_t i = 0; i < n; i++) {
                struct reg_package *p = &ret.v[i];

                *p = packages[i];
                if (p->source == NULL || *p->source == '\0')
                        p->source = p->name;
                if (p->source_version == NULL || *p->source_version == '\0')
                        p->source_version = p->version;
                if (strcmp(p->ecosystem, "pypi") == 0) {
                        bk_strv_take(&ret.texts, reg_python_name(p->name));
                        p->source = ret.texts.v[ret.texts.n - 1];
                }
        }
        return ret;
}

int reg_package_set_put(struct reg *reg, const struct reg_package *packages, size_t n, const char *os, int64_t *ret, struct bk_error *err)
{
        autofree const struct reg_package **sorted = bk_grow(NULL, n, sizeof *sorted);
        BK_CLEANUP(reg_ids_done) struct reg_ids fresh = { 0 };
        BK_CLEANUP(named_done) struct named named = name_sources(packages, n);
        autofree char *digest = NULL;
        int64_t set = 0;
        int status;

        if (n == 0) {
                *ret = 0;
                return 0;
        }
        n = sort(named.v, n, sorted);
        digest = digest_of(sorted, n, os);
        status = reg_sql_int(reg, &set, err, "SELECT id FROM package_set WHERE digest = ?", "t", digest);
        if (status == 0) {
                if (reg_sql_int(reg, &set, err, "INSERT INTO package_set (digest, n, os) VALUES (?, ?, ?) RETURNING id", "tit", digest,
                                (int64_t)n, os) < 0)
                        return -1;
                status = put_members(reg, sorted, n, set, os, &fresh, err);
        }
        if (status < 0 || reg_vulnerable_match_packages(reg, &fresh, os, err) < 0)
                return -1;
        *ret = set;
        return 0;
}

int reg_inventory_put(struct reg *reg, const struct reg_publication *p, int64_t *ret, struct bk_error *err)
{
        autofree char *os = p->os != NULL ? reg_os_normal(p->os) : reg_os_of_image(p->image);

        return reg_package_set_put(reg, p->packages, p->n_packages, os, ret, err);
}

/* The interned texts stay: the next bake has most of them again. */
int reg_package_set_drop(struct reg *reg, int64_t set, struct bk_error *err)
{
        return reg_sql_run(reg, err, "DELETE FROM package_set WHERE id = ? AND "
                           "NOT EXISTS (SELECT 1 FROM image WHERE package_set = ?)", "ii", set, set);
}
