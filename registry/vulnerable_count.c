/* How many advisories concern each of many images. Images share most of their packages, so what concerns a package is asked for once
 * a request and kept; an image is then a walk over its packages, each advisory counted once. */
#include "registry/packages_priv.h"

#include <string.h>

/* --- what concerns a package --------------------------------------------------------- */
struct hit { size_t advisory; int64_t published, noted; enum reg_severity severity; bool fixed; };
/* An advisory, and how it stands in the image that is being counted: the round. lent: what its namesakes say. Published 0: nobody says. */
struct known { int64_t round, published, noted, lent_published; enum reg_severity severity, lent; bool fixed, asked; char *name; };
struct span { size_t first, n; };

struct reg_counting {
        struct reg *reg;
        const struct reg_finding_filter *filter;
        struct reg_stmt *members, *set, *hits, *namesakes;
        struct reg_map packages[8], advisories;     /* a map for each system; a page of images has few */
        char *systems[8];
        size_t n_systems, n_spans, n_hits, n_known;
        struct span *spans;
        struct hit *v;
        struct known *known;
        struct reg_ids seen;            /* advisories of this image */
        int64_t round;
};

void reg_counting_done(struct reg_counting **counting)
{
        struct reg_counting *c = *counting;

        if (c == NULL)
                return;
        reg_stmt_done(&c->members);
        reg_stmt_done(&c->set);
        reg_stmt_done(&c->hits);
        reg_stmt_done(&c->namesakes);
        for (size_t i = 0; i < 8; i++) {
                reg_map_done(&c->packages[i]);
                free(c->systems[i]);
        }
        reg_map_done(&c->advisories);
        for (size_t i = 0; i < c->n_known; i++)
                free(c->known[i].name);
        free(c->known);
        free(c->spans);
        free(c->v);
        reg_ids_done(&c->seen);
        free(c);
        *counting = NULL;
}

int reg_counting_begin(struct reg *reg, const struct reg_finding_filter *filter, struct reg_counting **ret, struct bk_error *err)
{
        BK_CLEANUP(reg_counting_done) struct reg_counting *c = bk_alloc(sizeof *c);

        c->reg = reg;
        c->filter = filter;
        if (reg_sql_prepare(reg, "SELECT m.package, s.os FROM image i CROSS JOIN package_set s CROSS JOIN package_member m "
                            "WHERE s.id = i.package_set AND m.package_set = s.id AND i.sequence = ?", &c->members, err) < 0 ||
            reg_sql_prepare(reg, "SELECT package FROM package_member WHERE package_set = ?", &c->set, err) < 0 ||
            reg_sql_prepare(reg, "SELECT (SELECT min(b.id) FROM advisory b WHERE b.counts_as = a.counts_as), f.severity, "
                            "CASE WHEN v.fixed IS NULL THEN 0 ELSE 1 END, a.counts_as, a.published, a.noted_at FROM vulnerable v CROSS JOIN affected f "
                            "CROSS JOIN advisory a WHERE f.id = v.affected AND a.id = f.advisory AND v.package = ? AND v.os = ?", &c->hits,
                            err) < 0 ||
            reg_sql_prepare(reg, REG_NAMESAKES_SQL, &c->namesakes, err) < 0)
                return -1;
        *ret = bk_take(c);
        return 0;
}

static size_t number_of(struct reg_counting *c, int64_t id, const char *name)
{
        bool fresh = false;
        size_t *number = reg_map_at(&c->advisories, id, &fresh);

        if (fresh) {
                *number = c->n_known;
                if ((c->n_known & (c->n_known - 1)) == 0)
                        c->known = bk_grow(c->known, c->n_known ? c->n_known * 2 : 1, sizeof *c->known);
                c->known[c->n_known++] = (struct known){ .name = bk_strdup(name) };
        }
        return *number;
}

static int load_hits(struct reg_counting *c, int64_t package, const char *os, size_t *ret_span, struct bk_error *err)
{
        struct span span = { .first = c->n_hits };
        int status;

        if (reg_sql_bind(c->reg, c->hits, err, "it", package, os) < 0)
                return -1;
        while ((status = reg_sql_step(c->reg, c->hits, err)) > 0) {
                const size_t advisory = number_of(c, reg_column_int(c->hits, 0), reg_column_peek(c->hits, 3));

                if ((c->n_hits & (c->n_hits - 1)) == 0)
                        c->v = bk_grow(c->v, c->n_hits ? c->n_hits * 2 : 1, sizeof *c->v);
                c->v[c->n_hits++] = (struct hit){ .advisory = advisory, .published = reg_column_int(c->hits, 4), .noted = reg_column_int(c->hits, 5),
                                                 .severity = (enum reg_severity)reg_column_int(c->hits, 1),
                                                 .fixed = reg_column_int(c->hits, 2) != 0 };
                span.n++;
        }
        if (status < 0)
                return -1;
        if ((c->n_spans & (c->n_spans - 1)) == 0)
                c->spans = bk_grow(c->spans, c->n_spans ? c->n_spans * 2 : 1, sizeof *c->spans);
        *ret_span = c->n_spans;
        c->spans[c->n_spans++] = span;
        return 0;
}

/* The last map is that of whatever system comes beyond the first seven: it is emptied when another takes it. */
static struct reg_map *packages_of(struct reg_counting *c, const char *os)
{
        size_t i = 0;

        while (i < c->n_systems && strcmp(c->systems[i], os) != 0)
                i++;
        if (i == c->n_systems && i == 8) {
                i = 7;
                reg_map_done(&c->packages[i]);
                free(c->systems[i]);
                c->systems[i] = bk_strdup(os);
        } else if (i == c->n_systems) {
                c->systems[c->n_systems++] = bk_strdup(os);
        }
        return &c->packages[i];
}

/* 0: nobody says. */
static int64_t earlier(int64_t a, int64_t b)
{
        return a == 0 || (b != 0 && b < a) ? b : a;
}

static void see_hit(struct reg_counting *c, const struct hit *hit)
{
        struct known *known = &c->known[hit->advisory];

        if (known->round != c->round) {
                known->round = c->round;
                known->severity = REG_UNRATED;
                known->published = known->noted = 0;
                known->fixed = false;
                reg_ids_add(&c->seen, (int64_t)hit->advisory);
        }
        if (hit->severity > known->severity)
                known->severity = hit->severity;
        known->published = earlier(known->published, hit->published);
        known->noted = earlier(known->noted, hit->noted);
        known->fixed |= hit->fixed;
}

static int see_package(struct reg_counting *c, int64_t package, const char *os, struct bk_error *err)
{
        bool fresh = false;
        size_t *place = reg_map_at(packages_of(c, os), package, &fresh), span = *place;

        if (fresh && load_hits(c, package, os, &span, err) < 0)
                return -1;
        *place = span;
        for (size_t i = c->spans[span].first; i < c->spans[span].first + c->spans[span].n; i++)
                see_hit(c, &c->v[i]);
        return 0;
}

/* What the feeds that concern the packages do not say, others may have said of the same name. */
static int lend(struct reg_counting *c, struct known *known, struct bk_error *err)
{
        int status;

        if (!known->asked) {
                if (reg_sql_bind(c->reg, c->namesakes, err, "tt", known->name, known->name) < 0 ||
                    (status = reg_sql_step(c->reg, c->namesakes, err)) < 0)
                        return -1;
                if (status > 0 && !reg_column_null(c->namesakes, 0)) {
                        known->lent = (enum reg_severity)reg_column_int(c->namesakes, 0);
                        known->lent_published = reg_column_int(c->namesakes, 2);
                }
                reg_sql_reset(c->namesakes);
                known->asked = true;
        }
        if (known->severity == REG_UNRATED)
                known->severity = known->lent;
        if (known->published == 0)
                known->published = known->lent_published;
        return 0;
}

static void begin_round(struct reg_counting *c)
{
        c->seen.n = 0;
        c->round++;
}

int reg_counting_image(struct reg_counting *c, int64_t image, struct reg_counts *ret, struct bk_error *err)
{
        int status;

        *ret = (struct reg_counts){ 0 };
        begin_round(c);
        if (reg_sql_bind(c->reg, c->members, err, "i", image) < 0)
                return -1;
        while ((status = reg_sql_step(c->reg, c->members, err)) > 0)
                if (see_package(c, reg_column_int(c->members, 0), reg_column_peek(c->members, 1), err) < 0)
                        return -1;
        if (status < 0)
                return -1;
        for (size_t i = 0; i < c->seen.n; i++) {
                struct known *known = &c->known[c->seen.v[i]];

                if (known->severity == REG_UNRATED && lend(c, known, err) < 0)
                        return -1;
                if (known->severity < c->filter->least || (c->filter->fixable && !known->fixed))
                        continue;
                ret->severity[known->severity]++;
                ret->all++;
                ret->fixable += known->fixed;
        }
        return 0;
}

/* What was read here was published before, or then. */
static int64_t published_by(const struct known *known)
{
        const int64_t at = earlier(known->published, known->noted);

        return at == 0 ? REG_UNKNOWN : at;
}

/* An unknown age stays one, whatever else there is. */
static void older(int64_t *oldest, int64_t published)
{
        if (*oldest == 0 || published < *oldest)
                *oldest = published;
}

int reg_counting_set(struct reg_counting *c, int64_t set, const char *os, struct reg_holes *ret, size_t *ret_n, struct bk_error *err)
{
        int status;

        *ret = (struct reg_holes){ 0 };
        begin_round(c);
        if (reg_sql_bind(c->reg, c->set, err, "i", set) < 0)
                return -1;
        while ((status = reg_sql_step(c->reg, c->set, err)) > 0)
                if (see_package(c, reg_column_int(c->set, 0), os, err) < 0)
                        return -1;
        if (status < 0)
                return -1;
        for (size_t i = 0; i < c->seen.n; i++) {
                struct known *known = &c->known[c->seen.v[i]];

                if ((known->severity == REG_UNRATED || known->published == 0) && lend(c, known, err) < 0)
                        return -1;
                older(&ret->any[known->severity], published_by(known));
                if (known->fixed)
                        older(&ret->fixable[known->severity], published_by(known));
        }
        *ret_n = c->seen.n;
        return 0;
}
