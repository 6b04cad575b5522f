/* Why an image stays or goes, to the last predicate, and what would change that. */
#include <stdlib.h>
#include <string.h>

#include "janitor/janitor_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

static const char *answer_word(enum janitor_answer answer)
{
        static const char *const words[] = { "no", "yes", "unknown" };

        return words[answer];
}

static char *span(int64_t seconds)
{
        const int64_t s = seconds < 0 ? 0 : seconds;

        return s >= JANITOR_DAY ? bk_format("%lldd %lldh", (long long)(s / JANITOR_DAY), (long long)(s % JANITOR_DAY / 3600)) :
               s >= 3600 ? bk_format("%lldh %lldm", (long long)(s / 3600), (long long)(s % 3600 / 60)) :
                           bk_format("%lldm %llds", (long long)(s / 60), (long long)(s % 60));
}

/* --- measured values ---------------------------------------------------------------------------- */
static bool has_clock(enum janitor_test test)
{
        return test == JANITOR_AGE || test == JANITOR_IN_STATE_FOR || test == JANITOR_NOT_LAUNCHED_FOR || test == JANITOR_NOT_REFERENCED_FOR ||
               test == JANITOR_NOT_HEADED_FOR || test == JANITOR_NOT_USED_AS_ANCESTOR_FOR || test == JANITOR_SUPERSEDED_FOR;
}

static bool is_recent(enum janitor_test test)
{
        return test == JANITOR_LAUNCHED_WITHIN || test == JANITOR_HEADED_WITHIN;
}

static char *clock_value(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        const int64_t since = janitor_clock(view, term, i);
        autofree char *elapsed = since == REG_UNKNOWN ? NULL : span(view->at - since), *at = since == REG_UNKNOWN ? NULL : bk_iso_time(since);

        if (since == REG_UNKNOWN)
                return bk_strdup("unknown");
        return since == 0 ? bk_strdup("never") : bk_format("%s, since %s", elapsed, at);
}

static char *attributes_value(const struct janitor_view *view, const struct bk_strv *keys, size_t i)
{
        struct bk_buf text = { 0 };

        for (size_t k = 0; k < keys->n; k++) {
                const uint32_t *column = janitor_column(view->facts, keys->v[k]);
                const char *value = column == NULL || column[i] == REG_NOWHERE ? NULL : view->facts->words[column[i]];

                bk_buf_printf(&text, "%s%s%s%s", k == 0 ? "" : ", ", keys->v[k], value == NULL ? " is not there" : "=", value == NULL ? "" : value);
        }
        return bk_buf_finish(&text);
}

static char *query_value(const struct janitor_view *view, const struct reg_match *match, size_t i)
{
        const struct reg_facts *facts = view->facts;
        autostrv struct bk_strv keys = { 0 };
        autofree char *attributes = NULL;

        reg_match_keys(match, &keys);
        attributes = attributes_value(view, &keys, i);
        return bk_format("name=%s, type=%s, state=%s%s%s", facts->words[facts->name[i]], facts->words[facts->type[i]],
                         reg_state_name(facts->state[i]), keys.n > 0 ? ", " : "", attributes);
}

static char *holes_value(const struct janitor_view *view, size_t i)
{
        static const char *const severities[] = { "unrated", "negligible", "low", "medium", "high", "critical" };
        const struct reg_facts *facts = view->facts;
        struct bk_buf text = { 0 };

        if (facts->holes == NULL || facts->holes[i] == REG_NOWHERE)
                return bk_strdup(facts->flags[i] & REG_FACT_NO_PACKAGES ? "unknown: nobody knows what is in it" : "nothing is known against it");
        for (int s = 5; s >= 0; s--) {
                const struct reg_holes *hole = &facts->hole[facts->holes[i]];
                autofree char *age = hole->any[s] == 0 || hole->any[s] == REG_UNKNOWN ? NULL : span(view->at - hole->any[s]);

                if (hole->any[s] != 0)
                        bk_buf_printf(&text, "%s%s for %s%s", text.len > 0 ? ", " : "", severities[s], age == NULL ? "an unknown time" : age,
                                      hole->fixable[s] != 0 ? " (some can be fixed)" : "");
        }
        return bk_buf_finish(&text);
}

static char *owner_value(const struct janitor_view *view, size_t i)
{
        const struct reg_facts *facts = view->facts;
        const uint32_t word = view->owner != NULL && view->owner[i] != REG_NOWHERE ? view->owner[i] :
                              facts->created_by == NULL ? REG_NOWHERE : facts->created_by[i];

        return bk_strdup(word == REG_NOWHERE ? "unknown" : facts->words[word]);
}

static char *column_value(const struct janitor_view *view, const uint32_t *column, size_t i)
{
        return bk_strdup(column == NULL || column[i] == REG_NOWHERE ? "not there" : view->facts->words[column[i]]);
}

/* What was found where the predicate looked. */
static char *value_of(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        const struct reg_facts *facts = view->facts;
        struct janitor_term plain = *term;

        if (has_clock(term->test) || is_recent(term->test))
                return clock_value(view, term, i);
        switch (term->test) {
        case JANITOR_MATCH:
                return query_value(view, term->match, i);
        case JANITOR_STATE: case JANITOR_REVOKED:
                return bk_strdup(reg_state_name(facts->state[i]));
        case JANITOR_SIZE:
                return bk_format("%lld bytes", (long long)facts->size[i]);
        case JANITOR_OWNER:
                return owner_value(view, i);
        case JANITOR_HOLD:
                return column_value(view, view->hold, i);
        case JANITOR_TTL:
                return column_value(view, view->ttl, i);
        case JANITOR_TAGGED:
                return attributes_value(view, &term->words, i);
        case JANITOR_VULNERABLE:
                return holes_value(view, i);
        case JANITOR_NEWEST:
                return bk_strdup(answer_word(janitor_term_asks(view, term, i)));
        default:
                plain.number = 1;
                return bk_strdup(answer_word(janitor_term_asks(view, &plain, i)));
        }
}

/* --- the tree ---------------------------------------------------------------------------------------- */
static json_t *tree_of(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        static const char *const nodes[] = { [JANITOR_ALL] = "all", [JANITOR_ANY] = "any", [JANITOR_NOT] = "not", [JANITOR_TEST_NODE] = "test" };
        autofree char *place = janitor_place_text(&term->place);
        const char *answer = answer_word(janitor_term_asks(view, term, i));
        json_t *tree = json_pack("{s:s, s:s, s:s}", "node", nodes[term->node], "answer", answer, "place", place);

        if (term->node == JANITOR_TEST_NODE) {
                autofree char *value = value_of(view, term, i);

                (void)json_object_set_new(tree, "text", json_string(term->text));
                (void)json_object_set_new(tree, "value", json_string(value));
        } else {
                json_t *items = json_array();

                for (size_t k = 0; k < term->n; k++)
                        (void)json_array_append_new(items, tree_of(view, &term->items[k], i));
                (void)json_object_set_new(tree, "items", items);
        }
        return tree;
}

/* What a rule's quota says of it: a term as those of `when` are; NULL where the rule has none. A keep rule keeps what is within, a retire
 * rule finds what is not. */
static json_t *quota_json(struct janitor_view *view, const struct janitor_rule *rule, size_t i, enum janitor_answer *ret)
{
        const bool keeps = rule->kind == JANITOR_KEEP;
        const struct janitor_quota quota = { rule, &rule->by, keeps ? rule->newest : rule->least, keeps ? rule->newest_bytes : 0, keeps };
        autofree char *place = janitor_place_text(&rule->place), *text = NULL;
        autofree uint8_t *within = NULL;
        struct bk_buf line = { 0 };
        json_t *term;

        if (rule->kind == JANITOR_PROTECT || (quota.newest == 0 && quota.bytes == 0))
                return NULL;
        within = janitor_newest(view, &quota);
        if (quota.newest > 0)
                bk_buf_printf(&line, "%s = %llu  ", keeps ? "newest" : "least", (unsigned long long)quota.newest);
        if (quota.bytes > 0)
                bk_buf_printf(&line, "newest_bytes = %llu  ", (unsigned long long)quota.bytes);
        for (size_t k = 0; k < rule->by.n; k++)
                bk_buf_printf(&line, "%s\"%s\"%s", k == 0 ? "by = [" : ", ", rule->by.v[k], k + 1 == rule->by.n ? "]" : "");
        text = bk_buf_finish(&line);
        term = json_pack("{s:s, s:s, s:s, s:s, s:s}", "node", "test", "answer", answer_word(within[i]), "place", place, "text", text,
                         "value", within[i] == JANITOR_YES ? "among them" : within[i] == JANITOR_NO ? "not among them" : "unknown");
        *ret = keeps ? within[i] : janitor_not(within[i]);
        return keeps ? term : json_pack("{s:s, s:s, s:s, s:[o]}", "node", "not", "answer", answer_word(*ret), "place", place, "items", term);
}

static json_t *rule_json(struct janitor_view *view, const struct janitor_rule *rule, size_t i)
{
        const enum janitor_answer scope = janitor_scope_asks(view, rule->scope, i);
        enum janitor_answer within = JANITOR_YES, answer;
        json_t *terms = tree_of(view, &rule->when, i), *quota = quota_json(view, rule, i, &within);
        autofree char *place = janitor_place_text(&rule->place), *value = rule->scope == NULL ? NULL : query_value(view, rule->scope, i);

        answer = janitor_and(janitor_rule_asks(view, rule, i), within);
        if (quota != NULL) {
                (void)json_array_append_new(json_object_get(terms, "items"), quota);
                (void)json_object_set_new(terms, "answer", json_string(answer_word(janitor_and(janitor_term_asks(view, &rule->when, i), within))));
        }
        return json_pack("{s:s, s:s, s:s, s:s?, s:s, s:{s:s?, s:s, s:s?}, s:o}", "rule", rule->name, "kind", janitor_kind_name(rule->kind),
                         "place", place, "action", rule->kind == JANITOR_RETIRE ? reg_prune_name(rule->action) : NULL,
                         "answer", answer_word(answer), "scope", "text", rule->scope_text, "answer", answer_word(scope),
                         "value", value, "terms", terms);
}

/* --- what would change it --------------------------------------------------------------------------------- */
/* Predicates that are in the way of a yes: those that are `bad` outside of a `not`, and there the others. */
static void blockers(const struct janitor_view *view, const struct janitor_term *term, size_t i, bool wanted, struct bk_buf *text)
{
        const enum janitor_answer answer = janitor_term_asks(view, term, i);

        if (answer == (wanted ? JANITOR_YES : JANITOR_NO))
                return;
        if (term->node != JANITOR_TEST_NODE) {
                for (size_t k = 0; k < term->n; k++)
                        blockers(view, &term->items[k], i, term->node == JANITOR_NOT ? !wanted : wanted, text);
                return;
        }
        autofree char *value = value_of(view, term, i);
        const int64_t since = has_clock(term->test) ? janitor_clock(view, term, i) : 0;

        bk_buf_printf(text, "%s%s%s (it is: %s", text->len > 0 ? "; " : "", wanted ? "" : "not ", term->text, value);
        if (answer == JANITOR_NO && since > 0 && term->number > 0) {
                autofree char *then = bk_iso_time(since + term->number);

                bk_buf_printf(text, "; from %s on, if nothing happens", then);
        }
        bk_buf_putc(text, ')');
}

static void if_found(const struct janitor_view *view, size_t i, json_t *ret)
{
        for (size_t r = 0; view->rules->v != NULL && r < view->rules->n; r++) {
                const struct janitor_rule *rule = &view->rules->v[r];
                struct bk_buf text = { 0 };
                autofree char *missing = NULL, *line = NULL, *place = janitor_place_text(&rule->place);

                if (rule->kind != JANITOR_RETIRE || janitor_scope_asks(view, rule->scope, i) == JANITOR_NO ||
                    janitor_rule_asks(view, rule, i) == JANITOR_YES || janitor_has_had(view, i, janitor_act_of(rule)))
                        continue;
                blockers(view, &rule->when, i, true, &text);
                missing = bk_buf_finish(&text);
                line = bk_format("rule '%s' (%s) would %s it with: %s", rule->name, place, reg_prune_name(rule->action), missing);
                (void)json_array_append_new(ret, json_string(line));
        }
}

/* The first image that stays, and stands on this one. */
static size_t stander(const struct janitor_plan *plan, size_t i)
{
        const struct reg_facts *facts = &plan->facts;
        autofree bool *below = bk_alloc(facts->n + 1);
        size_t v = 0;

        below[i] = true;
        for (size_t k = i + 1; k < facts->n; k++) {
                while (v < plan->n && plan->v[v].image < k)
                        v++;
                below[k] = facts->ancestor[k] != REG_NOWHERE && below[facts->ancestor[k]];
                if (below[k] && facts->state[k] != REG_TRASHED &&
                    (v == plan->n || plan->v[v].image != k || plan->v[v].fate < JANITOR_WAITS))
                        return k;
        }
        return facts->n;
}

static int if_allowed(struct reg *reg, const struct janitor_plan *plan, size_t i, const char *id, json_t *ret, struct bk_error *err)
{
        const struct reg_facts *facts = &plan->facts;
        const size_t above = stander(plan, i);
        autofree char *other = NULL;
        struct bk_error gone = { 0 };

        if (facts->flags[i] & REG_FACT_HEAD)
                (void)json_array_append_new(ret, json_sprintf("another head for its channels: bakery channel history, bakery channel assign"));
        if (facts->flags[i] & REG_FACT_IN_USE)
                (void)json_array_append_new(ret, json_sprintf("the end of its use: bakery usage %s", id));
        if (facts->flags[i] & REG_FACT_BAKED_ON)
                (void)json_array_append_new(ret, json_sprintf("the end of the bake on it: bakery bakes"));
        if (facts->opted_out_until != NULL && facts->opted_out_until[i] > plan->at)
                (void)json_array_append_new(ret, json_sprintf("the end of the wish that it stays: bakery image unkeep %s", id));
        if (above < facts->n) {
                if (reg_facts_id(reg, facts->sequence[above], &other, &gone) < 0 && gone.kind != BK_NOT_FOUND) {
                        *err = gone;
                        return -1;
                }
        }
        if (other != NULL)
                (void)json_array_append_new(ret, json_sprintf("the going of what stands on it: %s (%s)", other, facts->words[facts->name[above]]));
        return 0;
}

static int would_change(struct reg *reg, const struct janitor_view *view, const struct janitor_plan *plan, const struct janitor_verdict *verdict,
                        const char *id, json_t *ret, struct bk_error *err)
{
        const struct janitor_rule *rule = verdict->rule == UINT32_MAX ? NULL : &view->rules->v[verdict->rule];
        autofree char *place = rule == NULL ? NULL : janitor_place_text(&rule->place), *due = bk_iso_time(verdict->due_at);

        switch ((enum janitor_fate)verdict->fate) {
        case JANITOR_STAYS:
                if_found(view, verdict->image, ret);
                return 0;
        case JANITOR_INVARIANT:
                return if_allowed(reg, plan, verdict->image, id, ret, err);
        case JANITOR_PROTECTED: case JANITOR_KEPT:
                if (rule != NULL)
                        (void)json_array_append_new(ret, json_sprintf("rule '%s' (%s) not finding it, or newer images of its group", rule->name,
                                                                      place));
                return 0;
        case JANITOR_UNCERTAIN:
                if (rule != NULL) {
                        struct bk_buf text = { 0 };
                        autofree char *missing = NULL;

                        blockers(view, &rule->when, verdict->image, true, &text);
                        missing = bk_buf_finish(&text);
                        (void)json_array_append_new(ret, json_sprintf("an answer to what rule '%s' (%s) asks for: %s", rule->name, place, missing));
                }
                return 0;
        case JANITOR_WAITS:
                if (verdict->due_at > 0)
                        (void)json_array_append_new(ret, json_sprintf("it goes after %s, with what stands on it", due));
                /* fall through */
        default:
                (void)json_array_append_new(ret, json_sprintf("it stays with: bakery image keep %s", id));
                return 0;
        }
}

/* --- all of it ------------------------------------------------------------------------------------------------ */
static json_t *invariants_of(const struct janitor_plan *plan, size_t i)
{
        const struct reg_facts *facts = &plan->facts;
        json_t *list = json_array();

        if (facts->flags[i] & REG_FACT_HEAD)
                (void)json_array_append_new(list, json_string("it heads a channel"));
        if (facts->flags[i] & REG_FACT_IN_USE)
                (void)json_array_append_new(list, json_string("it is in use"));
        if (facts->flags[i] & REG_FACT_BAKED_ON)
                (void)json_array_append_new(list, json_string("a bake on it is running"));
        if (facts->opted_out_until != NULL && facts->opted_out_until[i] > plan->at)
                (void)json_array_append_new(list, json_string("somebody asked for it to stay"));
        if (stander(plan, i) < facts->n)
                (void)json_array_append_new(list, json_string("an image stands on it that stays"));
        return list;
}

static struct janitor_verdict verdict_for(const struct janitor_plan *plan, size_t i)
{
        for (size_t k = 0; k < plan->n; k++)
                if (plan->v[k].image == i)
                        return plan->v[k];
        return (struct janitor_verdict){ .image = (uint32_t)i, .rule = UINT32_MAX, .fate = JANITOR_STAYS };
}

static int explain(struct reg *reg, struct janitor_view *view, const struct janitor_plan *plan, size_t i, const char *id, json_t **ret,
                   struct bk_error *err)
{
        const struct janitor_rules *rules = view->rules;
        const struct janitor_verdict verdict = verdict_for(plan, i);
        const struct janitor_rule *rule = verdict.rule == UINT32_MAX ? NULL : &rules->v[verdict.rule];
        autofree char *why = verdict.fate == JANITOR_STAYS ? bk_strdup("no rule asks for it to go") : janitor_why(rules, plan, &verdict);
        autofree char *place = rule == NULL ? NULL : janitor_place_text(&rule->place), *due = bk_iso_time(verdict.due_at);
        json_t *asked = json_array(), *change = json_array();

        for (size_t r = 0; rules->v != NULL && r < rules->n; r++)
                (void)json_array_append_new(asked, rule_json(view, &rules->v[r], i));
        if (would_change(reg, view, plan, &verdict, id, change, err) < 0) {
                json_decref(asked);
                json_decref(change);
                return -1;
        }
        *ret = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s, s:s?, s:o, s:o, s:o}", "image", id, "name",
                         plan->facts.words[plan->facts.name[i]], "fate", janitor_fate_name(verdict.fate), "rule", rule == NULL ? NULL : rule->name,
                         "kind", rule == NULL ? NULL : janitor_kind_name(rule->kind), "place", place,
                         "action", verdict.fate == JANITOR_STAYS ? NULL : reg_prune_name(verdict.action), "why", why,
                         "due_at", verdict.due_at == 0 ? NULL : due, "invariants", invariants_of(plan, i), "rules", asked, "would_change", change);
        return *ret == NULL ? bk_fail(err, BK_INTERNAL, "what there is to say of image '%s' cannot be written", id) : 0;
}

int janitor_explain(struct reg *reg, const struct janitor_ask *ask, const char *id, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        BK_CLEANUP(janitor_plan_done) struct janitor_plan plan = { 0 };
        BK_CLEANUP(janitor_view_done) struct janitor_view view = { 0 };
        size_t i = 0;

        if (reg_resolve(reg, id, &image, err) < 0 || janitor_plan(reg, ask, &plan, err) < 0)
                return -1;
        while (i < plan.facts.n && plan.facts.sequence[i] != image.sequence)
                i++;
        if (i == plan.facts.n)
                return bk_fail(err, BK_NOT_FOUND, "image '%s' was removed meanwhile", image.id);
        view = (struct janitor_view){ .facts = &plan.facts, .rules = ask->rules, .at = plan.at };
        janitor_view_make(&view);
        return explain(reg, &view, &plan, i, image.id, ret, err);
}
