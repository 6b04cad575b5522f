/* What is told of an image by others: who stands on it, what it stands on, what came after it; and what predicates need, bound once. */
#include <stdlib.h>

#include "janitor/janitor_priv.h"
#include "lib/cleanup.h"

static bool withdrawn(const struct reg_facts *facts, size_t i)
{
        return facts->state[i] == REG_REVOKED || facts->state[i] == REG_TRASHED;
}

/* Ancestors come before what stands on them, so one walk from the end sees all of it. */
static void look_along_lineage(struct janitor_view *view)
{
        const struct reg_facts *facts = view->facts;

        for (size_t i = facts->n; i-- > 0;) {
                const uint32_t above = facts->ancestor[i];

                if (above == REG_NOWHERE || (view->purged != NULL && view->purged[i]))
                        continue;
                if (!withdrawn(facts, i) || (view->bits[i] & JANITOR_BELOW))
                        view->bits[above] |= JANITOR_BELOW;
                if (facts->created_at[i] > view->used_at[above])
                        view->used_at[above] = facts->created_at[i];
        }
        for (size_t i = 0; i < facts->n; i++) {
                const uint32_t above = facts->ancestor[i];

                if (above != REG_NOWHERE && (withdrawn(facts, above) || (view->bits[above] & JANITOR_GONE_ABOVE)))
                        view->bits[i] |= JANITOR_GONE_ABOVE;
        }
}

struct later { int64_t at; bool there, unsure; };

static void take_successor(struct later *later, int64_t tested_at, int64_t created_at)
{
        const int64_t at = tested_at == 0 ? created_at : tested_at;

        later->there = true;
        if (at == REG_UNKNOWN)
                later->unsure = true;
        else if (later->at == 0 || at < later->at)
                later->at = at;
}

/* What is newer of its kind, and tested, and on offer. */
static void look_along_kinds(struct janitor_view *view)
{
        const struct reg_facts *facts = view->facts;
        autofree struct later *later = NULL;
        uint32_t most = 0;

        for (size_t i = 0; i < facts->n; i++)
                most = facts->kind[i] > most ? facts->kind[i] : most;
        later = bk_alloc(((size_t)most + 1) * sizeof *later);
        view->later_at = bk_alloc((facts->n + 1) * sizeof *view->later_at);
        for (size_t i = facts->n; i-- > 0;) {
                struct later *kind = &later[facts->kind[i]];

                if (kind->there)
                        view->later_at[i] = kind->at == 0 ? REG_UNKNOWN : kind->at;
                if (kind->unsure)
                        view->bits[i] |= JANITOR_LATER_UNSURE;
                if ((facts->state[i] != REG_TESTED && facts->state[i] != REG_PROMOTED) || (facts->flags[i] & REG_FACT_HIDDEN))
                        continue;
                if (!kind->there)
                        view->bits[i] |= JANITOR_BEST;
                take_successor(kind, facts->tested_at == NULL ? REG_UNKNOWN : facts->tested_at[i], facts->created_at[i]);
        }
}

/* --- groups ------------------------------------------------------------------------------------ */
const uint32_t *janitor_column(const struct reg_facts *facts, const char *key)
{
        for (size_t i = 0; i < facts->n_attributes; i++)
                if (bk_streq(facts->attribute[i].key, key))
                        return facts->attribute[i].value;
        return NULL;
}

static const uint32_t *column_of(const struct reg_facts *facts, const char *key)
{
        return bk_streq(key, "name") ? facts->name : bk_streq(key, "type") ? facts->type : bk_streq(key, "kind") ? facts->kind :
               janitor_column(facts, key);
}

/* Pairs of a group and a value become numbers, in a table of open addresses that is at most half full. */
static void split(struct janitor_groups *groups, const uint32_t *value, size_t n)
{
        size_t room = 16;
        autofree uint64_t *pairs = NULL;
        autofree uint32_t *numbers = NULL;
        uint32_t used = 0;

        while (room < 2 * n)
                room *= 2;
        pairs = bk_alloc(room * sizeof *pairs);
        numbers = bk_alloc(room * sizeof *numbers);     /* 1 + the number; 0: free */
        for (size_t i = 0; i < n; i++) {
                const uint64_t pair = (uint64_t)groups->of[i] << 32 | value[i];
                uint64_t mixed = pair * 0x9e3779b97f4a7c15u;
                size_t at;

                mixed ^= mixed >> 32;
                for (at = mixed & (room - 1); numbers[at] != 0 && pairs[at] != pair; at = (at + 1) & (room - 1))
                        ;
                if (numbers[at] == 0) {
                        pairs[at] = pair;
                        numbers[at] = ++used;
                }
                groups->of[i] = numbers[at] - 1;
        }
        groups->n = used;
}

const struct janitor_groups *janitor_group(struct janitor_view *view, const struct bk_strv *by)
{
        struct janitor_groups groups = { .by = by, .n = 1 };

        for (size_t i = 0; i < view->n_groups; i++)
                if (bk_strv_same(view->groups[i].by, by))
                        return &view->groups[i];
        groups.of = bk_alloc((view->facts->n + 1) * sizeof *groups.of);
        for (size_t i = 0; i < by->n; i++) {
                const uint32_t *column = column_of(view->facts, by->v[i]);

                if (column != NULL)                     /* where nobody has it, it divides nothing */
                        split(&groups, column, view->facts->n);
        }
        view->groups = bk_grow(view->groups, view->n_groups + 1, sizeof *view->groups);
        view->groups[view->n_groups] = groups;
        return &view->groups[view->n_groups++];
}

/* --- predicates ----------------------------------------------------------------------------------- */
static void bind_term(struct janitor_view *view, const struct janitor_rule *rule, const struct janitor_term *term)
{
        struct janitor_bound_term b = { .term = term };

        for (size_t i = 0; i < term->n; i++)
                bind_term(view, rule, &term->items[i]);
        if (term->node != JANITOR_TEST_NODE)
                return;
        if (term->test == JANITOR_NEWEST)
                b.answer = janitor_newest(view, &(struct janitor_quota){ .rule = rule, .by = &term->words, .newest = (uint64_t)term->number });
        else if (term->test == JANITOR_VULNERABLE && term->hole.fixed_successor >= 0)
                b.answer = janitor_clean_successor(view, term);
        else if (term->test == JANITOR_OWNER)
                b.words = bk_alloc(view->facts->n_words + 1);
        else if (term->test == JANITOR_TAGGED)
                b.values = term->words.n > 0 ? janitor_column(view->facts, term->words.v[0]) : NULL;
        else
                return;
        view->bound = bk_grow(view->bound, view->n_bound + 1, sizeof *view->bound);
        view->bound[view->n_bound++] = b;
}

void janitor_view_make(struct janitor_view *view)
{
        const struct reg_facts *facts = view->facts;

        view->bits = bk_alloc(facts->n + 1);
        view->used_at = bk_alloc((facts->n + 1) * sizeof *view->used_at);
        look_along_lineage(view);
        if (facts->kind != NULL)
                look_along_kinds(view);
        view->hold = janitor_column(facts, "legal_hold");
        view->owner = janitor_column(facts, "owner");
        view->ttl = janitor_column(facts, "ttl");
        for (size_t i = 0; i < view->rules->n; i++)
                bind_term(view, &view->rules->v[i], &view->rules->v[i].when);
}

void janitor_view_done(struct janitor_view *view)
{
        for (size_t i = 0; i < view->n_bound; i++) {
                free(view->bound[i].answer);
                free(view->bound[i].words);
        }
        for (size_t i = 0; i < view->n_groups; i++)
                free(view->groups[i].of);
        free(view->bound);
        free(view->groups);
        free(view->bits);
        free(view->used_at);
        free(view->later_at);
        *view = (struct janitor_view){ 0 };
}
