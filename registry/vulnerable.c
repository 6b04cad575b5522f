/* Advisories meet packages, whichever comes second.
 *
 * A package is asked for once on each system, however many images have it. What is recorded is the pair, so that withdrawing or
 * changing an advisory takes its own pairs away and no others. */
#include "registry/packages_priv.h"

#include <string.h>
#include <time.h>

/* A package as advisories see it. */
struct candidate { enum bk_ecosystem ecosystem; const char *name, *version, *source, *source_version; };

/* rpm's source packages have no epoch in their file's name; that of the package is theirs. */
static char *rpm_version(const struct candidate *c, const char *name)
{
        const char *colon = strchr(c->version, ':');

        if (strcmp(c->name, name) == 0 || colon == NULL)
                return bk_strdup(strcmp(c->name, name) == 0 ? c->version : c->source_version);
        return bk_format("%.*s:%s", (int)(colon - c->version), c->version, c->source_version);
}

/* The version that is compared: that of the source, for systems' packages. */
static char *version_for(const struct candidate *c, const char *name)
{
        switch (c->ecosystem) {
        case BK_RPM:    return rpm_version(c, name);
        case BK_DEB:
        case BK_APK:    return bk_strdup(c->source_version);
        default:        return bk_strdup(c->version);
        }
}

static bool is_hit(const struct candidate *c, const char *name, const char *text, char **ret_fixed)
{
        BK_CLEANUP(reg_ranges_done) struct reg_ranges ranges = { 0 };
        autofree char *version = version_for(c, name);
        const char *fixed = NULL;
        bool hit;

        reg_ranges_parse(c->ecosystem, text, &ranges);
        hit = reg_ranges_have(&ranges, version, &fixed);
        *ret_fixed = hit ? bk_strdup(fixed) : NULL;
        return hit;
}

/* "debian:12" is Debian, too. */
static char *system_of(const char *os)
{
        return bk_strndup(os, strcspn(os, ":"));
}

/* --- new packages ---------------------------------------------------------------- */
static const char put_pair[] = "INSERT INTO vulnerable (package, os, affected, fixed) VALUES (?, ?, ?, ?) "
                               "ON CONFLICT (package, os, affected) DO NOTHING";

struct matching { struct reg *reg; struct reg_stmt *package, *affected, *put; const char *os; char *system; };

static void matching_done(struct matching *matching)
{
        reg_stmt_done(&matching->package);
        reg_stmt_done(&matching->affected);
        reg_stmt_done(&matching->put);
        free(matching->system);
}

static int match_package(struct matching *m, int64_t package, struct bk_error *err)
{
        struct candidate c = { 0 };
        const char *ecosystem;
        int status;

        if (reg_sql_bind(m->reg, m->package, err, "i", package) < 0 || (status = reg_sql_step(m->reg, m->package, err)) < 0)
                return -1;
        if (status == 0 || !bk_ecosystem_of(reg_column_peek(m->package, 0), &c.ecosystem))
                return 0;
        ecosystem = reg_column_peek(m->package, 0);
        c.name = reg_column_peek(m->package, 1);
        c.version = reg_column_peek(m->package, 2);
        c.source = reg_column_peek(m->package, 3);
        c.source_version = reg_column_peek(m->package, 4);
        if (reg_sql_bind(m->reg, m->affected, err, "tttttt", c.source, c.ecosystem == BK_RPM ? c.name : c.source, ecosystem, m->os, m->system,
                         "") < 0)
                return -1;
        while ((status = reg_sql_step(m->reg, m->affected, err)) > 0) {
                autofree char *fixed = NULL;

                if (is_hit(&c, reg_column_peek(m->affected, 1), reg_column_peek(m->affected, 2), &fixed) &&
                    (reg_sql_bind(m->reg, m->put, err, "itit", package, m->os, reg_column_int(m->affected, 0), fixed) < 0 ||
                     reg_sql_step(m->reg, m->put, err) < 0))
                        return -1;
        }
        return status;
}

int reg_vulnerable_match_packages(struct reg *reg, const struct reg_ids *packages, const char *os, struct bk_error *err)
{
        BK_CLEANUP(matching_done) struct matching m = { .reg = reg, .os = os, .system = system_of(os) };

        if (packages->n == 0)
                return 0;
        if (reg_sql_prepare(reg, "SELECT ecosystem, name, version, source, source_version FROM package WHERE id = ?", &m.package, err) < 0 ||
            reg_sql_prepare(reg, "SELECT id, name, ranges FROM affected WHERE name IN (?, ?) AND ecosystem = ? AND os IN (?, ?, ?)",
                            &m.affected, err) < 0 ||
            reg_sql_prepare(reg, put_pair, &m.put, err) < 0)
                return -1;
        for (size_t i = 0; i < packages->n; i++)
                if (match_package(&m, packages->v[i], err) < 0)
                        return -1;
        return 0;
}

/* --- new advisories ------------------------------------------------------------------- */
enum { FIND, PUT, CHANGE, TOUCH, DROP, UNALIAS, ALIAS, AFFECTED, BY_SOURCE, BY_NAME, PAIR, PAIRS, NOTE, UNNOTE, STATEMENTS };
static const char *const texts[STATEMENTS] = {
        [FIND] = "SELECT id, digest FROM advisory WHERE name = ? AND feed = ? AND part = ?",
        [PUT] = "INSERT INTO advisory (feed, name, part, digest, import, summary, severity, score, vector, published, modified, withdrawn, noted_at, "
                "counts_as) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        [CHANGE] = "UPDATE advisory SET digest = ?, import = ?, summary = ?, severity = ?, score = ?, vector = ?, published = ?, modified = ?, "
                   "withdrawn = ?, counts_as = ? WHERE id = ?",
        [TOUCH] = "UPDATE advisory SET import = ? WHERE id = ? AND import <> ?",
        [DROP] = "DELETE FROM affected WHERE advisory = ?",
        [UNALIAS] = "DELETE FROM advisory_alias WHERE advisory = ?",
        [ALIAS] = "INSERT INTO advisory_alias (advisory, alias) VALUES (?, ?) ON CONFLICT (advisory, alias) DO NOTHING",
        [AFFECTED] = "INSERT INTO affected (advisory, ecosystem, os, name, severity, ranges) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
        [BY_SOURCE] = "SELECT p.id, p.name, p.version, p.source, p.source_version, o.os FROM package p JOIN package_on o ON o.package = p.id "
                      "WHERE p.source = ? AND p.ecosystem = ?",
        [BY_NAME] = "SELECT p.id, p.name, p.version, p.source, p.source_version, o.os FROM package p JOIN package_on o ON o.package = p.id "
                    "WHERE p.name = ? AND p.ecosystem = ?",
        [PAIR] = put_pair,
        [PAIRS] = "SELECT DISTINCT v.package, v.os FROM affected a JOIN vulnerable v ON v.affected = a.id WHERE a.advisory = ? "
                  "ORDER BY v.package, v.os",
        [NOTE] = "INSERT INTO vulnerable_change (package, os, advisory, severity, found) VALUES (?, ?, ?, ?, ?) "
                 "ON CONFLICT (package, os, advisory) DO UPDATE SET found = excluded.found, severity = excluded.severity",
        [UNNOTE] = "DELETE FROM vulnerable_change WHERE package = ? AND os = ? AND advisory = ? AND found <> ? RETURNING package",
};

struct reg_importing { struct reg *reg; char *name; struct reg_stmt *v[STATEMENTS]; };

void reg_import_done(struct reg_importing **import)
{
        for (size_t i = 0; *import != NULL && i < STATEMENTS; i++)
                reg_stmt_done(&(*import)->v[i]);
        if (*import != NULL)
                free((*import)->name);
        free(*import);
        *import = NULL;
}

int reg_import_begin(struct reg *reg, const char *name, struct reg_importing **ret, struct bk_error *err)
{
        BK_CLEANUP(reg_import_done) struct reg_importing *import = bk_alloc(sizeof *import);

        import->reg = reg;
        import->name = bk_strdup(name);
        for (size_t i = 0; i < STATEMENTS; i++)
                if (reg_sql_prepare(reg, texts[i], &import->v[i], err) < 0)
                        return -1;
        *ret = bk_take(import);
        return 0;
}

/* Packages on systems that an advisory concerns, in order. */
struct pair { int64_t package; char *os; };
struct pairs { struct pair *v; size_t n; };

static void pairs_done(struct pairs *pairs)
{
        for (size_t i = 0; i < pairs->n; i++)
                free(pairs->v[i].os);
        free(pairs->v);
}

static int read_pairs(struct reg_importing *import, int64_t advisory, struct pairs *ret, struct bk_error *err)
{
        struct reg_stmt *stmt = import->v[PAIRS];
        int status;

        if (reg_sql_bind(import->reg, stmt, err, "i", advisory) < 0)
                return -1;
        while ((status = reg_sql_step(import->reg, stmt, err)) > 0) {
                if ((ret->n & (ret->n - 1)) == 0)
                        ret->v = bk_grow(ret->v, ret->n ? ret->n * 2 : 1, sizeof *ret->v);
                ret->v[ret->n++] = (struct pair){ reg_column_int(stmt, 0), reg_column(stmt, 1) };
        }
        return status;
}

/* What is found and gone again within one import is nothing to tell. */
static int note(struct reg_importing *import, const struct pair *pair, const char *advisory, enum reg_severity severity, bool found,
                struct bk_error *err)
{
        struct reg_stmt *stmt = import->v[UNNOTE];
        int status;

        if (reg_sql_bind(import->reg, stmt, err, "itti", pair->package, pair->os, advisory, (int64_t)found) < 0 ||
            (status = reg_sql_step(import->reg, stmt, err)) < 0)
                return -1;
        reg_sql_reset(stmt);
        if (status > 0)
                return 0;
        stmt = import->v[NOTE];
        return reg_sql_bind(import->reg, stmt, err, "ittii", pair->package, pair->os, advisory, (int64_t)severity, (int64_t)found) < 0 ||
               reg_sql_step(import->reg, stmt, err) < 0 ? -1 : 0;
}

/* strcmp() is the order of SQLite's ORDER BY; where another is used, an equal pair is still next to its like. */
static int note_difference(struct reg_importing *import, const struct pairs *was, const struct pairs *now, const struct reg_advisory *advisory,
                           struct bk_error *err)
{
        for (int round = 0; round < 2; round++) {
                const struct pairs *from = round == 0 ? was : now, *in = round == 0 ? now : was;

                for (size_t i = 0; i < from->n; i++) {
                        size_t low = 0, high = in->n;
                        bool both = false;

                        while (low < high) {
                                const size_t middle = low + (high - low) / 2;

                                if (in->v[middle].package < from->v[i].package)
                                        low = middle + 1;
                                else
                                        high = middle;
                        }
                        for (; !both && low < in->n && in->v[low].package == from->v[i].package; low++)
                                both = strcmp(in->v[low].os, from->v[i].os) == 0;
                        if (!both && note(import, &from->v[i], advisory->name, advisory->severity, round == 1, err) < 0)
                                return -1;
                }
        }
        return 0;
}

static bool concerns(const struct reg_affected *affected, const char *os)
{
        const size_t length = strlen(affected->os);

        if (length == 0 || strcmp(affected->os, os) == 0)
                return true;
        return strchr(affected->os, ':') == NULL && strncmp(affected->os, os, length) == 0 && os[length] == ':';
}

static int match_affected(struct reg_importing *import, const struct reg_affected *affected, int64_t id, int by, struct bk_error *err)
{
        struct reg_stmt *stmt = import->v[by], *put = import->v[PAIR];
        int status;

        if (reg_sql_bind(import->reg, stmt, err, "tt", affected->name, bk_ecosystem_name(affected->ecosystem)) < 0)
                return -1;
        while ((status = reg_sql_step(import->reg, stmt, err)) > 0) {
                const struct candidate c = { affected->ecosystem, reg_column_peek(stmt, 1), reg_column_peek(stmt, 2), reg_column_peek(stmt, 3),
                                             reg_column_peek(stmt, 4) };
                const char *os = reg_column_peek(stmt, 5);
                autofree char *fixed = NULL;

                if (concerns(affected, os) && is_hit(&c, affected->name, affected->ranges, &fixed) &&
                    (reg_sql_bind(import->reg, put, err, "itit", reg_column_int(stmt, 0), os, id, fixed) < 0 ||
                     reg_sql_step(import->reg, put, err) < 0))
                        return -1;
        }
        return status;
}

static int put_affected(struct reg_importing *import, const struct reg_affected *affected, int64_t advisory, struct bk_error *err)
{
        struct reg_stmt *stmt = import->v[AFFECTED];
        int64_t id;

        if (reg_sql_bind(import->reg, stmt, err, "itttit", advisory, bk_ecosystem_name(affected->ecosystem), affected->os, affected->name,
                         (int64_t)affected->severity, affected->ranges) < 0 || reg_sql_step(import->reg, stmt, err) < 0)
                return -1;
        id = reg_column_int(stmt, 0);
        reg_sql_reset(stmt);
        if (match_affected(import, affected, id, BY_SOURCE, err) < 0)
                return -1;
        return affected->ecosystem == BK_RPM ? match_affected(import, affected, id, BY_NAME, err) : 0;
}

static bool is_cve(const char *name)
{
        return strncmp(name, "CVE-", 4) == 0;
}

/* The one CVE that it is about, else its own name; borrowed. */
static const char *counted_as(const struct reg_advisory *a)
{
        const char *cve = NULL;

        for (size_t i = 0; !is_cve(a->name) && i < a->aliases.n; i++)
                if (is_cve(a->aliases.v[i])) {
                        if (cve != NULL)
                                return a->name;
                        cve = a->aliases.v[i];
                }
        return cve != NULL ? cve : a->name;
}

static int put_row(struct reg_importing *import, const struct reg_advisory *a, int64_t *id, struct bk_error *err)
{
        struct reg_stmt *stmt = import->v[*id != 0 ? CHANGE : PUT];
        const char *counts_as = counted_as(a);
        int status;

        if (*id != 0)
                status = reg_sql_bind(import->reg, stmt, err, "tttiitrrrti", a->digest, import->name, a->summary, (int64_t)a->severity,
                                      (int64_t)a->score, a->vector, a->published, a->modified, a->withdrawn, counts_as, *id);
        else
                status = reg_sql_bind(import->reg, stmt, err, "ttttttiitrrrit", a->feed, a->name, a->part, a->digest, import->name, a->summary,
                                      (int64_t)a->severity, (int64_t)a->score, a->vector, a->published, a->modified, a->withdrawn,
                                      (int64_t)time(NULL), counts_as);
        if (status < 0 || reg_sql_step(import->reg, stmt, err) < 0)
                return -1;
        if (*id == 0)
                *id = reg_column_int(stmt, 0);
        reg_sql_reset(stmt);
        return 0;
}

static int run_of(struct reg_importing *import, int which, int64_t advisory, struct bk_error *err)
{
        return reg_sql_bind(import->reg, import->v[which], err, "i", advisory) < 0 || reg_sql_step(import->reg, import->v[which], err) < 0 ? -1 : 0;
}

static int replace(struct reg_importing *import, const struct reg_advisory *a, int64_t id, struct bk_error *err)
{
        BK_CLEANUP(pairs_done) struct pairs was = { 0 }, now = { 0 };
        const bool known = id != 0;

        if (known && (read_pairs(import, id, &was, err) < 0 || run_of(import, DROP, id, err) < 0 || run_of(import, UNALIAS, id, err) < 0))
                return -1;
        if (put_row(import, a, &id, err) < 0)
                return -1;
        for (size_t i = 0; i < a->aliases.n; i++)
                if (reg_sql_bind(import->reg, import->v[ALIAS], err, "it", id, a->aliases.v[i]) < 0 ||
                    reg_sql_step(import->reg, import->v[ALIAS], err) < 0)
                        return -1;
        for (size_t i = 0; a->withdrawn == 0 && i < a->n_affected; i++)
                if (put_affected(import, &a->affected[i], id, err) < 0)
                        return -1;
        if (read_pairs(import, id, &now, err) < 0)
                return -1;
        return note_difference(import, &was, &now, a, err);
}

int reg_import_put(struct reg_importing *import, const struct reg_advisory *a, enum reg_import_result *ret, struct bk_error *err)
{
        struct reg_stmt *find = import->v[FIND];
        int64_t id = 0;
        bool same = false;
        int status;

        if (reg_sql_bind(import->reg, find, err, "ttt", a->name, a->feed, a->part) < 0 || (status = reg_sql_step(import->reg, find, err)) < 0)
                return -1;
        if (status > 0) {
                id = reg_column_int(find, 0);
                same = strcmp(reg_column_peek(find, 1), a->digest) == 0;
        }
        reg_sql_reset(find);
        if (same) {
                *ret = REG_IMPORT_SAME;
                /* Only feeds that are swept need to know what was seen. */
                if (strcmp(a->feed, "osv") == 0)
                        return 0;
                return reg_sql_bind(import->reg, import->v[TOUCH], err, "tit", import->name, id, import->name) < 0 ||
                       reg_sql_step(import->reg, import->v[TOUCH], err) < 0 ? -1 : 0;
        }
        *ret = id != 0 ? REG_IMPORT_CHANGED : REG_IMPORT_NEW;
        return replace(import, a, id, err);
}

int reg_import_sweep(struct reg_importing *import, const char *feed, int64_t *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_ids_done) struct reg_ids gone = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(import->reg, "SELECT id, name, severity FROM advisory WHERE feed = ? AND import <> ?", &stmt, err) < 0 ||
            reg_sql_bind(import->reg, stmt, err, "tt", feed, import->name) < 0)
                return -1;
        while ((status = reg_sql_step(import->reg, stmt, err)) > 0) {
                const struct reg_advisory advisory = { .name = (char *)(uintptr_t)reg_column_peek(stmt, 1),
                                                       .severity = (enum reg_severity)reg_column_int(stmt, 2) };
                BK_CLEANUP(pairs_done) struct pairs was = { 0 };
                const struct pairs none = { 0 };

                reg_ids_add(&gone, reg_column_int(stmt, 0));
                if (read_pairs(import, reg_column_int(stmt, 0), &was, err) < 0 || note_difference(import, &was, &none, &advisory, err) < 0)
                        return -1;
        }
        if (status < 0)
                return -1;
        *ret = (int64_t)gone.n;
        return reg_sql_run(import->reg, err, "DELETE FROM advisory WHERE feed = ? AND import <> ?", "tt", feed, import->name);
}
