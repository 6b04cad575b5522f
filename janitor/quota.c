/* Columns of answers that are made of all images together: who is among the newest of its group, who has a successor without holes. */
#include <stdlib.h>

#include "janitor/janitor_priv.h"
#include "lib/cleanup.h"

/* Of one group, the newer ones: those that belong to it, and those of which nobody knows. */
struct tally { uint64_t sure, unsure, sure_bytes, unsure_bytes; };

static enum janitor_answer within(uint64_t least, uint64_t most, uint64_t limit)
{
        return most <= limit ? JANITOR_YES : least > limit ? JANITOR_NO : JANITOR_UNKNOWN;
}

/* Of two limits either keeps. */
static enum janitor_answer either(enum janitor_answer a, enum janitor_answer b)
{
        return janitor_not(janitor_and(janitor_not(a), janitor_not(b)));
}

static enum janitor_answer belongs(const struct janitor_view *view, const struct janitor_quota *quota, size_t i)
{
        if (!janitor_here(view, i))
                return JANITOR_NO;
        return quota->with_when ? janitor_rule_asks(view, quota->rule, i) : janitor_scope_asks(view, quota->rule->scope, i);
}

uint8_t *janitor_newest(struct janitor_view *view, const struct janitor_quota *quota)
{
        const struct reg_facts *facts = view->facts;
        const struct janitor_groups *groups = janitor_group(view, quota->by);
        autofree struct tally *tallies = bk_alloc((groups->n + 1) * sizeof *tallies);
        uint8_t *answers = bk_alloc(facts->n + 1);

        for (size_t i = facts->n; i-- > 0;) {
                const enum janitor_answer belong = belongs(view, quota, i);
                struct tally *tally = &tallies[groups->of[i]];
                const uint64_t size = (uint64_t)facts->size[i];
                enum janitor_answer newest;

                if (belong == JANITOR_NO)
                        continue;
                newest = either(within(tally->sure + 1, tally->sure + tally->unsure + 1, quota->newest),
                                quota->bytes == 0 ? JANITOR_NO :
                                within(tally->sure_bytes + size, tally->sure_bytes + tally->unsure_bytes + size, quota->bytes));
                answers[i] = (uint8_t)janitor_and(belong, newest);
                *(belong == JANITOR_YES ? &tally->sure : &tally->unsure) += 1;
                *(belong == JANITOR_YES ? &tally->sure_bytes : &tally->unsure_bytes) += size;
        }
        return answers;
}

uint8_t *janitor_clean_successor(const struct janitor_view *view, const struct janitor_term *term)
{
        const struct reg_facts *facts = view->facts;
        uint8_t *answers = bk_alloc(facts->n + 1);
        autofree uint8_t *best = NULL;
        uint32_t most = 0;

        if (facts->kind == NULL) {
                for (size_t i = 0; i < facts->n; i++)
                        answers[i] = JANITOR_UNKNOWN;
                return answers;
        }
        for (size_t i = 0; i < facts->n; i++)
                most = facts->kind[i] > most ? facts->kind[i] : most;
        best = bk_alloc((size_t)most + 1);              /* JANITOR_NO */
        for (size_t i = facts->n; i-- > 0;) {
                const bool fit = (facts->state[i] == REG_TESTED || facts->state[i] == REG_PROMOTED) && !(facts->flags[i] & REG_FACT_HIDDEN);
                uint8_t *kind = &best[facts->kind[i]];
                enum janitor_answer clean;

                answers[i] = *kind;
                if (!fit || *kind == JANITOR_YES)
                        continue;
                clean = janitor_not(janitor_holes(view, term, i));
                if (clean != JANITOR_NO)
                        *kind = (uint8_t)clean;
        }
        return answers;
}
