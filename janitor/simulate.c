/* What would go by some day: a run a day, on columns. Nothing else happens meanwhile, and whoever is told is told at once. */
#include <stdlib.h>

#include "janitor/janitor_priv.h"
#include "lib/cleanup.h"

enum { DAYS_MOST = 3660 };      /* ten years */

struct days {
        struct reg_facts *facts;
        const struct janitor_rules *rules;
        int64_t at;
        struct reg_marks marks;         /* those that there were, and those that came */
        size_t room;
        bool *purged;
        struct janitor_verdict *did;    /* of each image: the last that was done; fate STAYS: nothing yet */
};

static void days_done(struct days *days)
{
        reg_marks_done(&days->marks);
        free(days->purged);
        free(days->did);
}

static void set_mark(struct days *days, const struct janitor_claim *claim)
{
        const struct janitor_rule *rule = &days->rules->v[claim->rule];
        const int64_t due = janitor_grace_end(&days->rules->settings, &rule->grace, days->at);
        struct reg_mark *mark;

        if (claim->mark != REG_NOWHERE) {
                mark = &days->marks.v[claim->mark];
                free(mark->action);
        } else {
                if (days->marks.n == days->room) {
                        days->room = days->room == 0 ? 16 : 2 * days->room;
                        days->marks.v = bk_grow(days->marks.v, days->room, sizeof *days->marks.v);
                }
                mark = &days->marks.v[days->marks.n++];
                *mark = (struct reg_mark){ .sequence = days->facts->sequence[claim->image], .rule = bk_strdup(rule->name) };
        }
        mark->action = bk_strdup(reg_prune_name(rule->action));
        mark->marked_at = days->at;
        mark->due_at = due;
}

/* Marks that nothing holds are lifted; the order of the rest does not matter. */
static void lift(struct days *days, const bool *holds, size_t n)
{
        size_t kept = 0;

        for (size_t m = 0; m < days->marks.n; m++)
                if (m >= n || holds[m]) {
                        days->marks.v[kept++] = days->marks.v[m];
                } else {
                        free(days->marks.v[m].id);
                        free(days->marks.v[m].rule);
                        free(days->marks.v[m].action);
                        free(days->marks.v[m].told);
                }
        days->marks.n = kept;
}

static void act(struct days *days, const struct janitor_verdict *verdict)
{
        struct reg_facts *facts = days->facts;
        const size_t i = verdict->image;

        switch ((enum reg_prune)verdict->action) {
        case REG_PRUNE_DEPRECATE:
                facts->state[i] = REG_DEPRECATED;
                break;
        case REG_PRUNE_HIDE:
                facts->flags[i] |= REG_FACT_HIDDEN;
                break;
        case REG_PRUNE_TRASH:
                facts->state[i] = REG_TRASHED;
                facts->purge_at[i] = days->at + days->rules->v[verdict->rule].restore;
                break;
        case REG_PRUNE_PURGE:
                days->purged[i] = true;
                break;
        }
        if (facts->state_at != NULL && verdict->action != REG_PRUNE_HIDE)
                facts->state_at[i] = days->at;
        if (verdict->rule == UINT32_MAX && days->did[i].fate == JANITOR_GOES)
                days->did[i] = (struct janitor_verdict){ .image = verdict->image, .rule = days->did[i].rule, .fate = JANITOR_GOES,
                                                         .action = REG_PRUNE_PURGE, .bytes = verdict->bytes };
        else
                days->did[i] = *verdict;
        days->did[i].due_at = days->at;
}

static int one_day(struct reg *reg, struct days *days, struct janitor_outcome *ret, struct bk_error *err)
{
        BK_CLEANUP(janitor_view_done) struct janitor_view view = { .facts = days->facts, .rules = days->rules, .at = days->at,
                                                                  .purged = days->purged };
        size_t n;

        if (janitor_prepare(reg, days->rules, days->facts, days->at, err) < 0)
                return -1;
        janitor_view_make(&view);
        janitor_decide(&view, &days->marks, ret);
        n = days->marks.n;
        for (size_t c = 0; c < ret->n_claims; c++)
                if (ret->claims[c].waits && (!ret->claims[c].marked || days->marks.v[ret->claims[c].mark].due_at == 0))
                        set_mark(days, &ret->claims[c]);
        lift(days, ret->mark_holds, n);
        for (size_t k = 0; k < ret->n; k++)
                if (ret->v[k].fate == JANITOR_GOES)
                        act(days, &ret->v[k]);
        return 0;
}

/* What was done by then counts as going; of the rest, what the last day said. */
static void sum_up(const struct days *days, struct janitor_outcome *last, struct janitor_outcome *ret)
{
        struct janitor_outcome out = { .v = bk_alloc((days->facts->n + 1) * sizeof *out.v) };
        size_t k = 0;

        for (uint32_t i = 0; i < days->facts->n; i++) {
                const struct janitor_verdict *verdict = NULL;

                while (k < last->n && last->v[k].image < i)
                        k++;
                if (k < last->n && last->v[k].image == i)
                        verdict = &last->v[k];
                if (days->did[i].fate == JANITOR_GOES)
                        verdict = &days->did[i];
                if (verdict == NULL) {
                        out.counts[JANITOR_STAYS]++;
                        continue;
                }
                out.v[out.n++] = *verdict;
                out.counts[verdict->fate]++;
                out.bytes += verdict->fate == JANITOR_GOES ? verdict->bytes : 0;
        }
        *ret = out;
}

static void copy_marks(const struct reg_marks *marks, struct days *days)
{
        days->room = marks->n;
        days->marks.v = bk_alloc((marks->n + 1) * sizeof *days->marks.v);
        for (size_t m = 0; m < marks->n; m++)
                days->marks.v[days->marks.n++] = (struct reg_mark){
                        .sequence = marks->v[m].sequence, .rule = bk_strdup(marks->v[m].rule), .action = bk_strdup(marks->v[m].action),
                        .marked_at = marks->v[m].marked_at, .due_at = marks->v[m].due_at };
}

int janitor_simulate(struct reg *reg, const struct janitor_rules *rules, struct reg_facts *facts, const struct reg_marks *marks, int64_t at,
                     struct janitor_outcome *ret, struct bk_error *err)
{
        BK_CLEANUP(days_done) struct days days = { .facts = facts, .rules = rules, .at = at < facts->at ? at : facts->at };

        if ((at - days.at) / JANITOR_DAY > DAYS_MOST)
                return bk_fail(err, BK_INVALID, "a simulation is of %d days at most", DAYS_MOST);
        copy_marks(marks, &days);
        days.purged = bk_alloc(facts->n + 1);
        days.did = bk_alloc((facts->n + 1) * sizeof *days.did);
        for (;;) {
                BK_CLEANUP(janitor_outcome_done) struct janitor_outcome outcome = { 0 };

                if (one_day(reg, &days, &outcome, err) < 0)
                        return -1;
                if (days.at >= at) {
                        sum_up(&days, &outcome, ret);
                        return 0;
                }
                days.at = at - days.at > JANITOR_DAY ? days.at + JANITOR_DAY : at;
        }
}
