/* Which versions an advisory concerns, as one text in the registry: a line for each event, with a letter before the version.
 *
 *      r               a range begins
 *      i 1.0           versions from this one on are affected ("0": all from the first)
 *      f 1.4           versions from this one on are not
 *      l 1.3           this version is the last that is
 *      v 2.0           this version is, whatever the ranges say
 *
 * A range is walked in the order of its versions, as OSV's specification says. */
#include "registry/advisory.h"

#include <stdlib.h>
#include <string.h>

/* "0" is before every version, also before those that an ecosystem sorts below zero, such as "0~rc1". */
static int compare(enum bk_ecosystem ecosystem, const char *event, const char *version)
{
        return bk_streq(event, "0") ? -1 : bk_version_compare(ecosystem, event, version);
}

static int order(const void *a, const void *b, void *arg)
{
        const struct reg_range_event *x = a, *y = b;
        const enum bk_ecosystem ecosystem = *(const enum bk_ecosystem *)arg;
        int ret = (x->range > y->range) - (x->range < y->range);

        if (ret == 0 && !bk_streq(x->version, y->version))
                ret = bk_streq(y->version, "0") ? 1 : compare(ecosystem, x->version, y->version);
        return ret != 0 ? ret : (x->place > y->place) - (x->place < y->place);
}

void reg_ranges_parse(enum bk_ecosystem ecosystem, const char *text, struct reg_ranges *ret)
{
        unsigned range = 0;
        char *rest = NULL;

        *ret = (struct reg_ranges){ .ecosystem = ecosystem, .text = bk_strdup(text) };
        for (char *line = strtok_r(ret->text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
                if (*line == 'r')
                        range++;
                if (strchr("iflv", *line) == NULL || line[1] != ' ' || line[2] == '\0')
                        continue;
                if ((ret->n & (ret->n - 1)) == 0)
                        ret->v = bk_grow(ret->v, ret->n ? ret->n * 2 : 1, sizeof *ret->v);
                ret->v[ret->n] = (struct reg_range_event){ .kind = *line, .range = *line == 'v' ? 0 : range, .place = ret->n, .version = line + 2 };
                ret->n++;
        }
        if (ret->n > 1)
                qsort_r(ret->v, ret->n, sizeof *ret->v, order, &ret->ecosystem);
}

/* The events from *at on that are of one range; *at comes to stand behind them. */
static bool range_has(const struct reg_ranges *ranges, size_t *at, const char *version, const char **ret_fixed)
{
        const unsigned range = ranges->v[*at].range;
        const char *fixed = NULL;
        bool in = false;

        for (; *at < ranges->n && ranges->v[*at].range == range; ++*at) {
                const struct reg_range_event *event = &ranges->v[*at];
                const int place = compare(ranges->ecosystem, event->version, version);

                if (event->kind == 'i' && place <= 0)
                        in = true;
                else if (event->kind == 'f' && place <= 0)
                        in = false;
                else if (event->kind == 'l' && place < 0)
                        in = false;
                else if (event->kind == 'f' && fixed == NULL)
                        fixed = event->version;
        }
        if (in)
                *ret_fixed = fixed;
        return in;
}

bool reg_ranges_have(const struct reg_ranges *ranges, const char *version, const char **ret_fixed)
{
        bool listed = false;
        size_t at = 0;

        *ret_fixed = NULL;
        for (; at < ranges->n && ranges->v[at].kind == 'v'; at++)
                listed |= bk_version_compare(ranges->ecosystem, ranges->v[at].version, version) == 0;
        while (at < ranges->n)
                if (range_has(ranges, &at, version, ret_fixed))
                        return true;
        return listed;
}

void reg_ranges_done(struct reg_ranges *ranges)
{
        free(ranges->v);
        free(ranges->text);
        *ranges = (struct reg_ranges){ 0 };
}
