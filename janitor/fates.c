/* What becomes of each image: first what rules ask for, then who forbids it, then what stands in the way.
 *
 * Invariants come first, then protect, then keep, then retire. Of several retire rules that find one image, each runs its own grace;
 * of those that are due the strongest act is done, of equal ones that of the first rule in the file. */
#include <stdlib.h>
#include <string.h>

#include "janitor/janitor_priv.h"
#include "lib/cleanup.h"

struct work {
        struct janitor_view *view;
        const struct reg_marks *marks;
        struct janitor_outcome *out;
        uint8_t **quota, **least;       /* of each rule: answers of all images; NULL */
        uint32_t *order;                /* marks, by image */
        size_t next_mark;
        bool *held;                     /* something that stays stands on it */
        bool *leaves;                   /* a claim wants it in the trash */
};

void janitor_outcome_done(struct janitor_outcome *outcome)
{
        free(outcome->v);
        free(outcome->claims);
        free(outcome->mark_holds);
        *outcome = (struct janitor_outcome){ 0 };
}

bool janitor_has_had(const struct janitor_view *view, size_t i, enum reg_prune action)
{
        const enum reg_state state = view->facts->state[i];

        switch (action) {
        case REG_PRUNE_DEPRECATE:
                return state == REG_DEPRECATED || state == REG_REVOKED || state == REG_TRASHED;
        case REG_PRUNE_HIDE:
                return (view->facts->flags[i] & REG_FACT_HIDDEN) || state == REG_TRASHED;
        default:
                return state == REG_TRASHED;
        }
}

const char *janitor_untouchable(const struct reg_facts *facts, int64_t at, size_t i)
{
        if (facts->flags[i] & REG_FACT_HEAD)
                return "it heads a channel";
        if (facts->flags[i] & REG_FACT_IN_USE)
                return "it is in use";
        if (facts->flags[i] & REG_FACT_BAKED_ON)
                return "a bake on it is running";
        if (facts->opted_out_until == NULL)
                return NULL;
        if (facts->opted_out_until[i] == REG_UNKNOWN)
                return "somebody asked for it to stay, and nobody knows until when";
        return facts->opted_out_until[i] > at ? "somebody asked for it to stay" : NULL;
}

/* --- who stands by it --------------------------------------------------------------------------- */
static enum janitor_answer stands_by(const struct work *w, uint32_t r, size_t i)
{
        return w->quota[r] != NULL ? w->quota[r][i] : janitor_rule_asks(w->view, &w->view->rules->v[r], i);
}

/* A fate, and its rule: KEPT, PROTECTED, UNCERTAIN; STAYS when nobody does. */
static enum janitor_fate guarded(const struct work *w, size_t i, uint32_t *ret_rule)
{
        const struct janitor_rules *rules = w->view->rules;
        enum janitor_fate fate = JANITOR_STAYS;

        for (enum janitor_kind kind = JANITOR_PROTECT; kind <= JANITOR_KEEP; kind++)
                for (uint32_t r = 0; r < rules->n; r++) {
                        enum janitor_answer answer;

                        if (rules->v[r].kind != kind || (answer = stands_by(w, r, i)) == JANITOR_NO)
                                continue;
                        if (answer == JANITOR_YES || fate == JANITOR_STAYS)
                                *ret_rule = r;
                        if (answer == JANITOR_YES)
                                return kind == JANITOR_PROTECT ? JANITOR_PROTECTED : JANITOR_KEPT;
                        fate = JANITOR_UNCERTAIN;
                }
        return fate;
}

/* --- claims ----------------------------------------------------------------------------------------- */
/* The mark that this rule has set on it, whatever for; it holds. REG_NOWHERE. */
static uint32_t mark_of(struct work *w, size_t i, const struct janitor_rule *rule)
{
        const int64_t sequence = w->view->facts->sequence[i];

        while (w->next_mark < w->marks->n && w->marks->v[w->order[w->next_mark]].sequence < sequence)
                w->next_mark++;
        for (size_t k = w->next_mark; k < w->marks->n && w->marks->v[w->order[k]].sequence == sequence; k++)
                if (bk_streq(w->marks->v[w->order[k]].rule, rule->name)) {
                        w->out->mark_holds[w->order[k]] = true;
                        return w->order[k];
                }
        return REG_NOWHERE;
}

static void claim(struct work *w, size_t i, uint32_t r)
{
        const struct janitor_rule *rule = &w->view->rules->v[r];
        const bool waits = rule->n_notify > 0 || rule->grace.seconds > 0 || rule->grace.business_days > 0;
        struct janitor_claim c = { .image = (uint32_t)i, .rule = r, .mark = mark_of(w, i, rule), .waits = waits };
        const struct reg_mark *mark = c.mark == REG_NOWHERE ? NULL : &w->marks->v[c.mark];
        struct janitor_outcome *out = w->out;

        c.marked = mark != NULL && bk_streq(mark->action, reg_prune_name(rule->action));
        if (!waits)
                c.due_at = w->view->at;
        else if (c.marked)
                c.due_at = mark->due_at;
        else if (rule->n_notify == 0)
                c.due_at = janitor_grace_end(&w->view->rules->settings, &rule->grace, w->view->at);
        c.due = !waits || (c.marked && mark->due_at != 0 && mark->due_at <= w->view->at);
        if ((out->n_claims & (out->n_claims - 1)) == 0)
                out->claims = bk_grow(out->claims, out->n_claims == 0 ? 1 : 2 * out->n_claims, sizeof *out->claims);
        out->claims[out->n_claims++] = c;
}

static void add(struct janitor_outcome *out, struct janitor_verdict verdict)
{
        if ((out->n & (out->n - 1)) == 0)
                out->v = bk_grow(out->v, out->n == 0 ? 1 : 2 * out->n, sizeof *out->v);
        out->v[out->n++] = verdict;
}

static uint64_t bytes_of(const struct reg_facts *facts, size_t i)
{
        return facts->layer_users != NULL && facts->layer_users[i] > 1 ? 0 : (uint64_t)facts->size[i];
}

static struct janitor_verdict verdict_of(const struct work *w, size_t i, uint32_t rule, enum reg_prune action, enum janitor_fate fate)
{
        return (struct janitor_verdict){ .image = (uint32_t)i, .rule = rule, .fate = (uint8_t)fate, .action = (uint8_t)action,
                                         .bytes = action >= REG_PRUNE_TRASH ? bytes_of(w->view->facts, i) : 0 };
}

/* Which retire rules find it. sure: the strongest that does, unsure: one that may, least: one that leaves it to its group. finds: what each of
 * them says. */
struct finding { uint32_t sure, unsure, least; };

static struct finding find(const struct work *w, size_t i, uint8_t *finds)
{
        const struct janitor_rules *rules = w->view->rules;
        struct finding found = { UINT32_MAX, UINT32_MAX, UINT32_MAX };

        for (uint32_t r = 0; r < rules->n; r++) {
                enum janitor_answer answer;

                finds[r] = JANITOR_NO;
                if (rules->v[r].kind != JANITOR_RETIRE || janitor_has_had(w->view, i, janitor_act_of(&rules->v[r])) ||
                    (answer = janitor_rule_asks(w->view, &rules->v[r], i)) == JANITOR_NO)
                        continue;
                if (answer == JANITOR_UNKNOWN || (w->least[r] != NULL && w->least[r][i] == JANITOR_UNKNOWN)) {
                        finds[r] = JANITOR_UNKNOWN;
                        found.unsure = found.unsure == UINT32_MAX ? r : found.unsure;
                        continue;
                }
                if (w->least[r] != NULL && w->least[r][i] == JANITOR_YES) {
                        found.least = found.least == UINT32_MAX ? r : found.least;
                        continue;
                }
                finds[r] = JANITOR_YES;
                if (found.sure == UINT32_MAX || rules->v[r].action > rules->v[found.sure].action)
                        found.sure = r;
        }
        return found;
}

/* A rule that may find an image once more is known does not lose what it has noted of it. */
static void hold_marks(struct work *w, size_t i, const uint8_t *finds)
{
        for (uint32_t r = 0; r < w->view->rules->n; r++)
                if (finds[r] == JANITOR_UNKNOWN)
                        (void)mark_of(w, i, &w->view->rules->v[r]);
}

static void look_at(struct work *w, size_t i, uint8_t *finds)
{
        const struct janitor_rules *rules = w->view->rules;
        const struct finding found = find(w, i, finds);
        const uint32_t by = found.sure != UINT32_MAX ? found.sure : found.unsure != UINT32_MAX ? found.unsure : found.least;
        enum janitor_fate fate;
        uint32_t guard = 0;

        if (by == UINT32_MAX)
                return;
        if (janitor_untouchable(w->view->facts, w->view->at, i) != NULL) {
                add(w->out, verdict_of(w, i, by, janitor_act_of(&rules->v[by]), JANITOR_INVARIANT));
                return;
        }
        hold_marks(w, i, finds);
        fate = guarded(w, i, &guard);
        if (fate == JANITOR_STAYS && found.sure == UINT32_MAX) {
                fate = found.unsure != UINT32_MAX ? JANITOR_UNCERTAIN : JANITOR_KEPT;
                guard = by;
        }
        add(w->out, verdict_of(w, i, fate == JANITOR_STAYS ? by : guard, janitor_act_of(&rules->v[by]), fate));
        for (uint32_t r = 0; r < rules->n; r++) {
                if (finds[r] != JANITOR_YES)
                        continue;
                if (fate == JANITOR_UNCERTAIN) {
                        (void)mark_of(w, i, &rules->v[r]);
                } else if (fate == JANITOR_STAYS) {
                        claim(w, i, r);
                        w->leaves[i] = w->leaves[i] || rules->v[r].action >= REG_PRUNE_TRASH;
                }
        }
}

/* --- the trash ----------------------------------------------------------------------------------------- */
static void look_into_trash(struct work *w, size_t i)
{
        const struct reg_facts *facts = w->view->facts;
        const int64_t purge_at = facts->purge_at == NULL ? REG_UNKNOWN : facts->purge_at[i];
        struct janitor_verdict verdict = verdict_of(w, i, UINT32_MAX, REG_PRUNE_PURGE, JANITOR_WAITS);
        uint32_t guard = UINT32_MAX;

        if (w->view->purged != NULL && w->view->purged[i])
                return;
        verdict.due_at = purge_at == REG_UNKNOWN ? 0 : purge_at;
        verdict.fate = (uint8_t)guarded(w, i, &guard);
        verdict.rule = guard;
        if (janitor_untouchable(w->view->facts, w->view->at, i) != NULL)
                verdict.fate = JANITOR_INVARIANT;
        else if (verdict.fate == JANITOR_STAYS)
                verdict.fate = purge_at == REG_UNKNOWN ? JANITOR_UNCERTAIN : purge_at <= w->view->at ? JANITOR_GOES : JANITOR_WAITS;
        if (verdict.fate == JANITOR_INVARIANT)
                verdict.rule = UINT32_MAX;
        add(w->out, verdict);
}

/* --- what stands in the way -------------------------------------------------------------------------------- */
/* Whatever is not in the trash, and is not on its way there, keeps all that it stands on. */
static void look_down(struct work *w)
{
        const struct reg_facts *facts = w->view->facts;

        for (size_t i = facts->n; i-- > 0;)
                if (facts->ancestor[i] != REG_NOWHERE && (w->held[i] || (janitor_here(w->view, i) && !w->leaves[i])))
                        w->held[facts->ancestor[i]] = true;
}

/* The claims of one image become its fate. Those that cannot be are taken out. */
static void settle(struct work *w, struct janitor_verdict *verdict, struct janitor_claim *claims, size_t n, size_t *kept)
{
        const struct janitor_rules *rules = w->view->rules;
        const struct janitor_claim *best = NULL;

        for (size_t k = 0; k < n; k++) {
                const struct janitor_claim c = claims[k];
                struct janitor_claim *to = &w->out->claims[*kept];

                if (w->held[c.image] && rules->v[c.rule].action >= REG_PRUNE_TRASH) {
                        if (c.mark != REG_NOWHERE)
                                w->out->mark_holds[c.mark] = false;
                        continue;
                }
                *to = c;
                ++*kept;
                if (best == NULL || (c.due && !best->due) ||
                    (c.due == best->due && rules->v[c.rule].action > rules->v[best->rule].action))
                        best = to;
        }
        if (best == NULL) {
                verdict->fate = JANITOR_INVARIANT;
                return;
        }
        *verdict = verdict_of(w, best->image, best->rule, janitor_act_of(&rules->v[best->rule]), best->due ? JANITOR_GOES : JANITOR_WAITS);
        verdict->due_at = best->due_at;
}

static void settle_all(struct work *w)
{
        struct janitor_outcome *out = w->out;
        size_t next = 0, kept = 0;

        for (size_t k = 0; k < out->n; k++) {
                const size_t first = next;

                while (next < out->n_claims && out->claims[next].image == out->v[k].image)
                        next++;
                if (next > first)
                        settle(w, &out->v[k], &out->claims[first], next - first, &kept);
        }
        out->n_claims = kept;
}

/* --- all of it ------------------------------------------------------------------------------------------------ */
static void make_quotas(struct work *w)
{
        const struct janitor_rules *rules = w->view->rules;

        w->quota = bk_alloc((rules->n + 1) * sizeof *w->quota);
        w->least = bk_alloc((rules->n + 1) * sizeof *w->least);
        for (uint32_t r = 0; r < rules->n; r++) {
                const struct janitor_rule *rule = &rules->v[r];
                const struct janitor_quota keep = { rule, &rule->by, rule->newest, rule->newest_bytes, true };
                const struct janitor_quota least = { rule, &rule->by, rule->least, 0, false };

                if (rule->kind == JANITOR_KEEP && (rule->newest > 0 || rule->newest_bytes > 0))
                        w->quota[r] = janitor_newest(w->view, &keep);
                if (rule->kind == JANITOR_RETIRE && rule->least > 0)
                        w->least[r] = janitor_newest(w->view, &least);
        }
}

static int by_sequence(const void *a, const void *b, void *arg)
{
        const struct reg_marks *marks = arg;
        const int64_t left = marks->v[*(const uint32_t *)a].sequence, right = marks->v[*(const uint32_t *)b].sequence;

        return left < right ? -1 : left > right;
}

static void work_done(struct work *w)
{
        for (size_t r = 0; r < w->view->rules->n; r++) {
                free(w->quota[r]);
                free(w->least[r]);
        }
        free(w->quota);
        free(w->least);
        free(w->order);
        free(w->held);
        free(w->leaves);
}

void janitor_decide(struct janitor_view *view, const struct reg_marks *marks, struct janitor_outcome *ret)
{
        const struct reg_facts *facts = view->facts;
        struct work w = { .view = view, .marks = marks, .out = ret };
        autofree uint8_t *finds = bk_alloc(view->rules->n + 1);

        *ret = (struct janitor_outcome){ .mark_holds = bk_alloc(marks->n + 1) };
        w.order = bk_alloc((marks->n + 1) * sizeof *w.order);
        for (uint32_t m = 0; m < marks->n; m++)
                w.order[m] = m;
        qsort_r(w.order, marks->n, sizeof *w.order, by_sequence, (void *)marks);
        w.held = bk_alloc(facts->n + 1);
        w.leaves = bk_alloc(facts->n + 1);
        make_quotas(&w);
        for (size_t i = 0; i < facts->n; i++)
                if (janitor_here(view, i))
                        look_at(&w, i, finds);
                else
                        look_into_trash(&w, i);
        look_down(&w);
        settle_all(&w);
        janitor_cap(view, ret);
        for (size_t k = 0; k < ret->n; k++) {
                ret->counts[ret->v[k].fate]++;
                ret->bytes += ret->v[k].fate == JANITOR_GOES ? ret->v[k].bytes : 0;
        }
        ret->counts[JANITOR_STAYS] += facts->n - ret->n;
        work_done(&w);
}
