/* What is vulnerable, by sets of packages: images share them.
 *
 * Nobody knows whether an image is vulnerable of which no packages were recorded, or whose system no feed of advisories ever named: its
 * packages were compared with nothing. */
#include "registry/facts_priv.h"
#include "registry/packages_priv.h"

#include <stdlib.h>
#include <string.h>

static int read_systems(struct reg_reading *r, struct reg_words *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(r->reg, "SELECT DISTINCT os FROM affected WHERE os <> ''", &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(r->reg, stmt, err)) > 0)
                (void)reg_words_put(ret, reg_column_peek(stmt, 0));
        return status;
}

/* "debian" is told of with all of its releases, as well as "debian:12". */
static bool is_known(const struct reg_words *systems, const char *os)
{
        autofree char *all = bk_strndup(os, strcspn(os, ":"));

        return reg_words_find(systems, os) != REG_NOWHERE || reg_words_find(systems, all) != REG_NOWHERE;
}

static int read_sets(struct reg_reading *r, const struct reg_words *systems, struct bk_error *err)
{
        const char *before = NULL;
        autostmt *stmt = NULL;
        int status;

        if (reg_reading_start(r, "SELECT id, os FROM package_set ORDER BY os, id",
                              "SELECT id, os FROM package_set WHERE id = (SELECT package_set FROM image WHERE sequence = ?)", &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(r->reg, stmt, err)) > 0) {
                const char *os = reg_column_peek(stmt, 1);

                if (!bk_streq(before, os))
                        before = reg_arena_text(&r->words.arena, os);
                if ((r->n_sets & (r->n_sets + 1)) == 0)
                        r->sets = bk_grow(r->sets, 2 * (r->n_sets + 1), sizeof *r->sets);
                r->sets[r->n_sets++] = (struct reg_package_fact){ .set = reg_column_int(stmt, 0), .os = before, .hole = REG_NOWHERE,
                                                                  .known = is_known(systems, os) };
        }
        return status;
}

static int by_set(const void *a, const void *b)
{
        const struct reg_package_fact *x = a, *y = b;

        return (x->set > y->set) - (x->set < y->set);
}

int reg_facts_holes(struct reg_reading *r, struct bk_error *err)
{
        static const struct reg_finding_filter any = { 0 };
        BK_CLEANUP(reg_counting_done) struct reg_counting *counting = NULL;
        BK_CLEANUP(reg_words_done) struct reg_words systems = { 0 };
        struct reg_facts *f = &r->facts;

        if (read_systems(r, &systems, err) < 0 || read_sets(r, &systems, err) < 0 ||
            reg_counting_begin(r->reg, &any, &counting, err) < 0)
                return -1;
        f->hole = bk_alloc((r->n_sets + 1) * sizeof *f->hole);
        for (size_t i = 0; i < r->n_sets; i++) {
                size_t n = 0;

                if (reg_counting_set(counting, r->sets[i].set, r->sets[i].os, &f->hole[f->n_holes], &n, err) < 0)
                        return -1;
                if (n > 0)
                        r->sets[i].hole = (uint32_t)f->n_holes++;
        }
        if (r->n_sets > 1)
                qsort(r->sets, r->n_sets, sizeof *r->sets, by_set);
        return 0;
}

void reg_facts_hole_of(struct reg_reading *r, size_t place, int64_t set)
{
        const struct reg_package_fact key = { .set = set };
        const struct reg_package_fact *found = r->n_sets == 0 ? NULL : bsearch(&key, r->sets, r->n_sets, sizeof *r->sets, by_set);

        r->facts.holes[place] = found == NULL ? REG_NOWHERE : found->hole;
        if (found == NULL || !found->known)
                r->facts.flags[place] |= REG_FACT_NO_PACKAGES;
}
