/* What an import has changed, told once for each image: a nightly import may concern every image there is, and an image that has a
 * thousand new findings is still one event.
 *
 * Images share sets of packages, so the work is done for a set. Few things are held: the changes, and the ids of the sets. */
#include "registry/packages_priv.h"

#include <string.h>

enum { NAMED_MOST = 20, SETS_UNSORTED_MOST = 1 << 20, SEVERITIES = REG_CRITICAL + 1 };

struct change { int64_t package; char *os, *advisory; enum reg_severity severity; bool found; size_t number; };
struct changes { struct change *v; size_t n, names; };

static void changes_done(struct changes *changes)
{
        for (size_t i = 0; i < changes->n; i++) {
                free(changes->v[i].os);
                free(changes->v[i].advisory);
        }
        free(changes->v);
}

static int by_name(const void *a, const void *b)
{
        return strcmp((*(struct change *const *)a)->advisory, (*(struct change *const *)b)->advisory);
}

/* Equal names get equal numbers. */
static void number_names(struct changes *changes)
{
        autofree struct change **sorted = bk_grow(NULL, changes->n + 1, sizeof(struct change *));

        for (size_t i = 0; i < changes->n; i++)
                sorted[i] = &changes->v[i];
        qsort(sorted, changes->n, sizeof *sorted, by_name);
        for (size_t i = 0; i < changes->n; i++) {
                changes->names += i == 0 || strcmp(sorted[i]->advisory, sorted[i - 1]->advisory) != 0;
                sorted[i]->number = changes->names - 1;
        }
}

static int read_changes(struct reg *reg, struct changes *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT package, os, advisory, severity, found FROM vulnerable_change ORDER BY package, os, advisory", &stmt,
                            err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                if ((ret->n & (ret->n - 1)) == 0)
                        ret->v = bk_grow(ret->v, ret->n ? ret->n * 2 : 1, sizeof *ret->v);
                ret->v[ret->n++] = (struct change){
                        .package = reg_column_int(stmt, 0), .os = reg_column(stmt, 1), .advisory = reg_column(stmt, 2),
                        .severity = (enum reg_severity)reg_column_int(stmt, 3), .found = reg_column_int(stmt, 4) != 0,
                };
        }
        if (status == 0 && ret->n > 0)
                number_names(ret);
        return status;
}

static int sets_of(struct reg *reg, const struct changes *changes, struct reg_ids *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        size_t most = SETS_UNSORTED_MOST;
        int status;

        if (reg_sql_prepare(reg, "SELECT package_set FROM package_member WHERE package = ?", &stmt, err) < 0)
                return -1;
        for (size_t i = 0; i < changes->n; i++) {
                if (i > 0 && changes->v[i].package == changes->v[i - 1].package)
                        continue;
                if (reg_sql_bind(reg, stmt, err, "i", changes->v[i].package) < 0)
                        return -1;
                while ((status = reg_sql_step(reg, stmt, err)) > 0)
                        reg_ids_add(ret, reg_column_int(stmt, 0));
                if (status < 0)
                        return -1;
                if (ret->n > most) {            /* the array's growth goes by powers of two of n */
                        struct reg_ids sorted = { 0 };

                        reg_ids_sort(ret);
                        for (size_t k = 0; k < ret->n; k++)
                                reg_ids_add(&sorted, ret->v[k]);
                        reg_ids_done(ret);
                        *ret = sorted;
                        most = 2 * ret->n + SETS_UNSORTED_MOST;
                }
        }
        reg_ids_sort(ret);
        return 0;
}

/* --- one set ------------------------------------------------------------------------- */
/* What is told of one set: the changes of one kind, each advisory once. */
struct told { const struct change **v; size_t n; int64_t *stamp; };

static const struct change *first_of(const struct changes *changes, int64_t package)
{
        size_t low = 0, high = changes->n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;

                if (changes->v[middle].package < package)
                        low = middle + 1;
                else
                        high = middle;
        }
        return &changes->v[low];
}

static void collect(const struct changes *changes, int64_t package, const char *os, int64_t set, struct told told[2])
{
        const struct change *end = changes->v + changes->n;

        for (const struct change *c = first_of(changes, package); c < end && c->package == package; c++) {
                struct told *to = &told[c->found];

                if (strcmp(c->os, os) != 0 || to->stamp[c->number] == set)
                        continue;
                to->stamp[c->number] = set;
                to->v[to->n++] = c;
        }
}

/* The worst ones by name, the others by number. */
static json_t *detail_of(const struct told *told)
{
        json_t *names = json_array(), *counts = json_object();
        size_t count[SEVERITIES] = { 0 };
        int worst = REG_UNRATED;

        for (size_t i = 0; i < told->n; i++) {
                count[told->v[i]->severity]++;
                if ((int)told->v[i]->severity > worst)
                        worst = (int)told->v[i]->severity;
        }
        for (int severity = worst; severity >= REG_UNRATED; severity--) {
                for (size_t i = 0; count[severity] > 0 && json_array_size(names) < NAMED_MOST && i < told->n; i++)
                        if ((int)told->v[i]->severity == severity)
                                (void)json_array_append_new(names, json_string(told->v[i]->advisory));
                if (count[severity] > 0)
                        (void)json_object_set_new(counts, reg_severity_name((enum reg_severity)severity), json_integer((json_int_t)count[severity]));
        }
        return json_pack("{s:I, s:s, s:o, s:o}", "count", (json_int_t)told->n, "worst", reg_severity_name((enum reg_severity)worst),
                         "severities", counts, "advisories", names);
}

static int put_event(struct reg *reg, const char *who, const char *action, const char *id, const char *name, json_t *detail,
                     struct bk_error *err)
{
        const struct reg_event event = { .who = who, .action = action, .subject = id, .name = name, .detail = detail };

        return reg_event_put(reg, &event, err);
}

struct telling { struct reg *reg; const char *who; struct reg_stmt *os, *members, *images; struct changes changes; struct told told[2]; int64_t n; };

static void telling_done(struct telling *t)
{
        reg_stmt_done(&t->os);
        reg_stmt_done(&t->members);
        reg_stmt_done(&t->images);
        changes_done(&t->changes);
        for (int i = 0; i < 2; i++) {
                free(t->told[i].v);
                free(t->told[i].stamp);
        }
}

static int tell_images(struct telling *t, int64_t set, struct bk_error *err)
{
        static const char *const actions[] = { "vulnerability.fixed", "vulnerability.found" };
        int status = 0;

        for (int kind = 0; kind < 2; kind++) {
                json_t *detail;

                if (t->told[kind].n == 0)
                        continue;
                detail = detail_of(&t->told[kind]);
                status = reg_sql_bind(t->reg, t->images, err, "ii", set, (int64_t)REG_TRASHED);
                while (status >= 0 && (status = reg_sql_step(t->reg, t->images, err)) > 0) {
                        status = put_event(t->reg, t->who, actions[kind], reg_column_peek(t->images, 0), reg_column_peek(t->images, 1), detail, err);
                        t->n++;
                }
                json_decref(detail);
                if (status < 0)
                        return -1;
        }
        return 0;
}

static int tell_set(struct telling *t, int64_t set, struct bk_error *err)
{
        autofree char *os = NULL;
        int status;

        if (reg_sql_bind(t->reg, t->os, err, "i", set) < 0 || (status = reg_sql_step(t->reg, t->os, err)) < 0)
                return -1;
        os = status > 0 ? reg_column(t->os, 0) : bk_strdup("");
        reg_sql_reset(t->os);
        t->told[0].n = t->told[1].n = 0;
        if (reg_sql_bind(t->reg, t->members, err, "i", set) < 0)
                return -1;
        while ((status = reg_sql_step(t->reg, t->members, err)) > 0)
                collect(&t->changes, reg_column_int(t->members, 0), os, set, t->told);
        return status < 0 ? -1 : tell_images(t, set, err);
}

int reg_import_tell(struct reg *reg, const char *who, int64_t *ret_images, struct bk_error *err)
{
        BK_CLEANUP(telling_done) struct telling t = { .reg = reg, .who = who };
        BK_CLEANUP(reg_ids_done) struct reg_ids sets = { 0 };

        *ret_images = 0;
        if (read_changes(reg, &t.changes, err) < 0 || sets_of(reg, &t.changes, &sets, err) < 0 ||
            reg_sql_prepare(reg, "SELECT os FROM package_set WHERE id = ?", &t.os, err) < 0 ||
            reg_sql_prepare(reg, "SELECT package FROM package_member WHERE package_set = ?", &t.members, err) < 0 ||
            reg_sql_prepare(reg, "SELECT id, name FROM image WHERE package_set = ? AND state <> ? ORDER BY sequence", &t.images, err) < 0)
                return -1;
        for (int i = 0; i < 2; i++) {
                t.told[i].v = bk_grow(NULL, t.changes.names + 1, sizeof *t.told[i].v);
                t.told[i].stamp = bk_alloc((t.changes.names + 1) * sizeof *t.told[i].stamp);
        }
        for (size_t i = 0; i < sets.n; i++)
                if (tell_set(&t, sets.v[i], err) < 0)
                        return -1;
        *ret_images = t.n;
        return reg_sql_run(reg, err, "DELETE FROM vulnerable_change", "");
}

int reg_vulnerable_published(struct reg *reg, int64_t image, const char *who, struct bk_error *err)
{
        static const char sql[] =
                "SELECT CASE WHEN max(CASE WHEN a.name = a.counts_as THEN 1 ELSE 0 END) = 1 THEN a.counts_as ELSE min(a.name) END, "
                "max(a.severity), i.id, i.name FROM image i CROSS JOIN package_set s CROSS JOIN package_member m "
                "CROSS JOIN vulnerable v CROSS JOIN affected f CROSS JOIN advisory a WHERE s.id = i.package_set AND m.package_set = s.id "
                "AND v.package = m.package AND v.os = s.os AND f.id = v.affected AND a.id = f.advisory AND i.sequence = ? "
                "GROUP BY a.counts_as, i.id, i.name ORDER BY a.counts_as";
        BK_CLEANUP(changes_done) struct changes changes = { 0 };
        autofree const struct change **all = NULL;
        autofree char *id = NULL, *name = NULL;
        autostmt *stmt = NULL;
        json_t *detail;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "i", image) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                if (id == NULL) {
                        id = reg_column(stmt, 2);
                        name = reg_column(stmt, 3);
                }
                changes.v = bk_grow(changes.v, changes.n + 1, sizeof *changes.v);
                changes.v[changes.n++] = (struct change){ .advisory = reg_column(stmt, 0), .severity = (enum reg_severity)reg_column_int(stmt, 1) };
        }
        if (status < 0 || changes.n == 0)
                return status;
        all = bk_grow(NULL, changes.n, sizeof *all);
        for (size_t i = 0; i < changes.n; i++)
                all[i] = &changes.v[i];
        detail = detail_of(&(struct told){ .v = all, .n = changes.n });
        status = put_event(reg, who, "vulnerability.found", id, name, detail, err);
        json_decref(detail);
        return status;
}
