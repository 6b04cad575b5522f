/* Of what is due, what goes in this run: the oldest first, nothing before what stands on it, exactly as many as the caps allow.
 *
 * What leaves use (deprecate, hide, trash) has one budget, and what leaves for good has another of the same size: a full trash does not
 * keep the rest from going there, nor the other way round. A share is one of the images that are not in the trash, rounded down, and
 * concerns the first budget only. An image that is too large for what is left of the bytes does not keep a smaller one. */
#include <stdlib.h>

#include "janitor/janitor_priv.h"
#include "lib/cleanup.h"

struct budget { int64_t count, bytes; };        /* what is left; INT64_MAX: no limit */

/* Places of verdicts, the smallest on top: verdicts are in the order of publication. */
struct heap { uint32_t *v; size_t n; };

struct selection {
        const struct janitor_view *view;
        struct janitor_outcome *out;
        struct budget budget;
        int64_t *most;                  /* of each rule: what is left */
        uint32_t *below;                /* of each image: what it is in the way of. For the trash what lies there already is passed over */
        uint32_t *above;                /* of each image: how many are in its way */
        uint32_t *verdict;              /* of each image: REG_NOWHERE */
        bool *decided;                  /* of each verdict */
        struct heap heap;
};

static void push(struct heap *heap, uint32_t value)
{
        size_t at = heap->n++;

        for (; at > 0 && heap->v[(at - 1) / 2] > value; at = (at - 1) / 2)
                heap->v[at] = heap->v[(at - 1) / 2];
        heap->v[at] = value;
}

static uint32_t pop(struct heap *heap)
{
        const uint32_t top = heap->v[0], last = heap->v[--heap->n];
        size_t at = 0;

        for (size_t child; (child = 2 * at + 1) < heap->n; at = child) {
                if (child + 1 < heap->n && heap->v[child + 1] < heap->v[child])
                        child++;
                if (heap->v[child] >= last)
                        break;
                heap->v[at] = heap->v[child];
        }
        heap->v[at] = last;
        return top;
}

/* Whether it is part of this selection: of what leaves use, or of what leaves for good. */
static bool concerns(const struct janitor_verdict *verdict, bool purge)
{
        return (verdict->action == REG_PRUNE_PURGE) == purge;
}

static bool removes(const struct janitor_verdict *verdict)
{
        return verdict->action >= REG_PRUNE_TRASH;
}

static bool allowed(struct selection *s, const struct janitor_verdict *verdict)
{
        const int64_t size = removes(verdict) ? s->view->facts->size[verdict->image] : 0;
        int64_t *most = verdict->rule == UINT32_MAX || verdict->action == REG_PRUNE_PURGE ? NULL : &s->most[verdict->rule];

        if (s->budget.count < 1 || s->budget.bytes < size || (most != NULL && *most < 1))
                return false;
        if (s->budget.count != INT64_MAX)
                s->budget.count--;
        if (s->budget.bytes != INT64_MAX)
                s->budget.bytes -= size;
        if (most != NULL && *most != INT64_MAX)
                --*most;
        return true;
}

/* It goes: what it stood on may be next. */
static void gone(struct selection *s, const struct janitor_verdict *verdict)
{
        const uint32_t below = s->below[verdict->image];
        uint32_t next;

        if (!removes(verdict) || below == REG_NOWHERE)
                return;
        next = s->verdict[below];
        if (--s->above[below] == 0 && next != REG_NOWHERE && removes(&s->out->v[next]))
                push(&s->heap, next);
}

static bool in_the_way(const struct janitor_view *view, size_t i, bool purge)
{
        return purge ? view->purged == NULL || !view->purged[i] : janitor_here(view, i);
}

static void begin(struct selection *s, bool purge)
{
        const struct reg_facts *facts = s->view->facts;
        struct janitor_outcome *out = s->out;

        for (size_t i = 0; i < facts->n; i++) {
                const uint32_t below = facts->ancestor[i];

                s->verdict[i] = REG_NOWHERE;
                s->above[i] = 0;
                s->below[i] = below == REG_NOWHERE || purge || janitor_here(s->view, below) ? below : s->below[below];
                if (s->below[i] != REG_NOWHERE && in_the_way(s->view, i, purge))
                        s->above[s->below[i]]++;
        }
        for (uint32_t k = 0; k < out->n; k++) {
                if (out->v[k].fate != JANITOR_GOES || !concerns(&out->v[k], purge))
                        continue;
                s->verdict[out->v[k].image] = k;
                if (!removes(&out->v[k]) || s->above[out->v[k].image] == 0)
                        push(&s->heap, k);
        }
}

/* What never came to its turn, because of something on it that waits, or stays, or is beyond a cap. From the newest on, so that what stands
 * on an image is settled before it. */
static void leave(struct selection *s, bool purge)
{
        enum { WAITS = 1, CAPPED = 2, STAYS = 4 };
        const struct reg_facts *facts = s->view->facts;
        autofree uint8_t *why = bk_alloc(facts->n + 1);
        size_t k = s->out->n;

        for (size_t i = facts->n; i-- > 0;) {
                const uint32_t below = s->below[i];
                struct janitor_verdict *verdict = NULL;

                while (k > 0 && s->out->v[k - 1].image > i)
                        k--;
                if (k > 0 && s->out->v[k - 1].image == i)
                        verdict = &s->out->v[k - 1];
                if (verdict != NULL && verdict->fate == JANITOR_GOES && concerns(verdict, purge) && !s->decided[k - 1])
                        verdict->fate = why[i] & STAYS ? JANITOR_INVARIANT : why[i] & WAITS ? JANITOR_WAITS : JANITOR_CAPPED;
                if (below == REG_NOWHERE || !in_the_way(s->view, i, purge))
                        continue;
                if (verdict != NULL && concerns(verdict, purge) && removes(verdict))
                        why[below] |= verdict->fate == JANITOR_GOES ? 0 : verdict->fate == JANITOR_CAPPED ? CAPPED :
                                      verdict->fate == JANITOR_WAITS ? WAITS : STAYS;
                else
                        why[below] |= purge ? STAYS : WAITS;
        }
}

static void select_some(struct selection *s, bool purge)
{
        struct janitor_outcome *out = s->out;

        begin(s, purge);
        while (s->heap.n > 0) {
                const uint32_t k = pop(&s->heap);

                s->decided[k] = true;
                if (allowed(s, &out->v[k]))
                        gone(s, &out->v[k]);
                else
                        out->v[k].fate = JANITOR_CAPPED;
        }
        leave(s, purge);
}

static struct budget budget_of(const struct janitor_view *view, bool purge)
{
        const struct janitor_caps *caps = &view->rules->settings.caps;
        struct budget budget = { caps->count < 0 ? INT64_MAX : caps->count, caps->bytes < 0 ? INT64_MAX : caps->bytes };
        size_t here = 0;
        int64_t share;

        if (purge || caps->percent < 0)
                return budget;
        for (size_t i = 0; i < view->facts->n; i++)
                here += janitor_here(view, i);
        share = (int64_t)((double)here * caps->percent / 100 + 1e-9);
        budget.count = share < budget.count ? share : budget.count;
        return budget;
}

void janitor_cap(const struct janitor_view *view, struct janitor_outcome *outcome)
{
        const size_t n = view->facts->n;
        autofree uint32_t *above = bk_alloc((n + 1) * sizeof *above), *below = bk_alloc((n + 1) * sizeof *below);
        autofree uint32_t *verdict = bk_alloc((n + 1) * sizeof *verdict);
        autofree uint32_t *heap = bk_alloc((outcome->n + 1) * sizeof *heap);
        autofree bool *decided = bk_alloc(outcome->n + 1);
        autofree int64_t *most = bk_alloc((view->rules->n + 1) * sizeof *most);
        struct selection s = { .view = view, .out = outcome, .above = above, .below = below, .verdict = verdict, .decided = decided,
                               .most = most, .heap = { .v = heap } };

        for (size_t r = 0; r < view->rules->n; r++)
                most[r] = view->rules->v[r].most < 0 ? INT64_MAX : view->rules->v[r].most;
        s.budget = budget_of(view, false);
        select_some(&s, false);
        s.budget = budget_of(view, true);
        select_some(&s, true);
}
