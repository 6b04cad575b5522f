/* A plan: what is known, what follows, and how it is told. */
#include <fnmatch.h>
#include <stdlib.h>
#include <time.h>

#include "janitor/janitor_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

const char *janitor_fate_name(enum janitor_fate fate)
{
        static const char *const names[] = { "stays", "invariant", "protected", "kept", "uncertain", "waits", "goes", "capped" };

        return names[fate];
}

char *janitor_place_text(const struct janitor_place *place)
{
        return bk_format("%s:%u:%u", place->file == NULL ? "rules" : place->file, place->line, place->column);
}

char *janitor_rules_path(const char *home)
{
        autofree char *own = bk_format("%s/janitor.hcl", home);

        return bk_exists(own) ? bk_take(own) : bk_exists("/etc/bakery/janitor.hcl") ? bk_strdup("/etc/bakery/janitor.hcl") : NULL;
}

int janitor_moment(const char *text, int64_t *ret, struct bk_error *err)
{
        const int64_t at = janitor_until(text, time(NULL));

        if (at == REG_UNKNOWN || at == INT64_MAX)
                return bk_fail(err, BK_INVALID, "'%.60s' is no moment: write 30d for one in 30 days, 2026-12-31 or 2026-12-31T12:00:00Z", text);
        *ret = at;
        return 0;
}

/* --- sources of usage --------------------------------------------------------------------------- */
/* Those tell of one instance when it comes: nothing is late when they are silent, and nothing has shrunk when one has ended. Rules that name
 * them want them fresh all the same. */
static const char *const tell_one_by_one[] = { "phone-home", "report", "netboot" };

static bool wanted(const struct janitor_settings *settings, const char *name)
{
        for (size_t i = 0; i < settings->usage_sources.n; i++)
                if (fnmatch(settings->usage_sources.v[i], name, 0) == 0)
                        return true;
        for (size_t i = 0; settings->usage_sources.n == 0 && i < sizeof tell_one_by_one / sizeof *tell_one_by_one; i++)
                if (bk_streq(tell_one_by_one[i], name))
                        return false;
        return settings->usage_sources.n == 0;
}

static void doubt(const struct janitor_settings *settings, const struct reg_source *source, int64_t at, struct bk_strv *ret)
{
        if (source->error != NULL)
                bk_strv_addf(ret, "source '%s' could not be asked: %s", source->name, source->error);
        else if (source->ok_at <= 0)
                bk_strv_addf(ret, "source '%s' has never told anything", source->name);
        else if (!wanted(settings, source->name))
                return;
        else if (at - source->ok_at > settings->usage_fresh)
                bk_strv_addf(ret, "source '%s' told last %lld s ago, and may be %lld s old", source->name, (long long)(at - source->ok_at),
                             (long long)settings->usage_fresh);
        else if (source->previous > 0 && (double)source->count < (double)source->previous * (1 - settings->usage_shrink / 100))
                bk_strv_addf(ret, "source '%s' knew of %lld uses, and now of %lld: more than %g percent are gone; if they are: bakery janitor accept "
                             "'%s'", source->name, (long long)source->previous, (long long)source->count, settings->usage_shrink, source->name);
}

char *janitor_stopped(const struct janitor_settings *settings, const struct reg_sources *sources, int64_t at)
{
        autostrv struct bk_strv doubts = { 0 };
        struct bk_buf text = { 0 };

        for (size_t i = 0; i < settings->usage_sources.n; i++) {
                bool there = false;

                for (size_t k = 0; k < sources->n; k++)
                        there = there || fnmatch(settings->usage_sources.v[i], sources->v[k].name, 0) == 0;
                if (!there)
                        bk_strv_addf(&doubts, "no source '%s' has ever told who uses images", settings->usage_sources.v[i]);
        }
        for (size_t k = 0; k < sources->n; k++)
                doubt(settings, &sources->v[k], at, &doubts);
        for (size_t i = 0; i < doubts.n; i++)
                bk_buf_printf(&text, "%s%s", i == 0 ? "" : "; ", doubts.v[i]);
        return doubts.n == 0 ? NULL : bk_buf_finish(&text);
}

/* --- looking ------------------------------------------------------------------------------------------ */
static int prepare_terms(struct reg *reg, const struct janitor_term *term, const struct reg_facts *facts, int64_t at, struct bk_error *err)
{
        for (size_t i = 0; i < term->n; i++)
                if (prepare_terms(reg, &term->items[i], facts, at, err) < 0)
                        return -1;
        if (term->node != JANITOR_TEST_NODE || term->match == NULL)
                return 0;
        return reg_match_prepare(reg, term->match, facts, at, err) < 0 ? bk_at(err, term->place.file, term->place.line, term->place.column) : 0;
}

int janitor_prepare(struct reg *reg, const struct janitor_rules *rules, const struct reg_facts *facts, int64_t at, struct bk_error *err)
{
        for (size_t i = 0; i < rules->n; i++) {
                const struct janitor_rule *rule = &rules->v[i];

                if (rule->scope != NULL && reg_match_prepare(reg, rule->scope, facts, at, err) < 0)
                        return bk_at(err, rule->place.file, rule->place.line, rule->place.column);
                if (prepare_terms(reg, &rule->when, facts, at, err) < 0)
                        return -1;
        }
        return 0;
}

static int decide(struct reg *reg, const struct janitor_ask *ask, struct janitor_plan *plan, struct janitor_outcome *ret, struct bk_error *err)
{
        BK_CLEANUP(janitor_view_done) struct janitor_view view = { .facts = &plan->facts, .rules = ask->rules, .at = plan->at };

        if (janitor_prepare(reg, ask->rules, &plan->facts, plan->at, err) < 0)
                return -1;
        janitor_view_make(&view);
        janitor_decide(&view, &plan->marks, ret);
        return 0;
}

static int look(struct reg *reg, const struct janitor_ask *ask, struct janitor_plan *plan, struct janitor_outcome *ret, struct bk_error *err)
{
        autostrv struct bk_strv keys = { 0 };
        struct reg_facts_ask facts = { .keys = &keys };
        int64_t sources_at = ask->sources_at;

        janitor_rules_ask(ask->rules, &facts.want, &keys);
        facts.want |= REG_FACTS_MARKS | REG_FACTS_SHARED;
        if (reg_facts_read(reg, &facts, &plan->facts, err) < 0 || reg_marks_read(reg, &plan->marks, err) < 0 ||
            reg_sources_read(reg, &plan->sources, err) < 0)
                return -1;
        plan->at = ask->at != 0 ? ask->at : plan->facts.at;
        if (sources_at == 0)
                sources_at = plan->at > plan->facts.at ? 0 : plan->at;          /* what is to come has no age yet */
        if (!ask->simulate)
                plan->stopped = janitor_stopped(&ask->rules->settings, &plan->sources, sources_at);
        return ask->simulate ? janitor_simulate(reg, ask->rules, &plan->facts, &plan->marks, plan->at, ret, err) :
                               decide(reg, ask, plan, ret, err);
}

int janitor_look(struct reg *reg, const struct janitor_ask *ask, struct janitor_plan *ret, struct janitor_outcome *ret_outcome,
                 struct bk_error *err)
{
        BK_CLEANUP(janitor_plan_done) struct janitor_plan plan = { 0 };
        BK_CLEANUP(janitor_outcome_done) struct janitor_outcome outcome = { 0 };

        if (look(reg, ask, &plan, &outcome, err) < 0)
                return -1;
        plan.v = bk_take(outcome.v);
        plan.n = outcome.n;
        outcome.n = 0;
        __builtin_memcpy(plan.counts, outcome.counts, sizeof plan.counts);
        plan.bytes = outcome.bytes;
        *ret = plan;
        *ret_outcome = outcome;
        plan = (struct janitor_plan){ 0 };
        outcome = (struct janitor_outcome){ 0 };
        return 0;
}

int janitor_plan(struct reg *reg, const struct janitor_ask *ask, struct janitor_plan *ret, struct bk_error *err)
{
        BK_CLEANUP(janitor_outcome_done) struct janitor_outcome outcome = { 0 };

        return janitor_look(reg, ask, ret, &outcome, err);
}

void janitor_plan_done(struct janitor_plan *plan)
{
        reg_facts_done(&plan->facts);
        reg_marks_done(&plan->marks);
        reg_sources_done(&plan->sources);
        free(plan->v);
        free(plan->stopped);
        *plan = (struct janitor_plan){ 0 };
}

/* --- in words ------------------------------------------------------------------------------------------- */
static char *why_waits(const struct janitor_plan *plan, const struct janitor_verdict *verdict)
{
        autofree char *at = bk_iso_time(verdict->due_at);

        if (verdict->due_at == 0)
                return bk_strdup("its grace begins when somebody was told");
        if (verdict->due_at <= plan->at)
                return bk_strdup("what stands on it goes first");
        return bk_format(verdict->action == REG_PRUNE_PURGE ? "in the trash, until %s" : "its grace ends at %s", at);
}

static char *why_stays(const struct janitor_plan *plan, const struct janitor_verdict *verdict)
{
        const char *text = janitor_untouchable(&plan->facts, plan->at, verdict->image);

        return bk_strdup(text != NULL ? text : "an image stands on it that stays");
}

char *janitor_why(const struct janitor_rules *rules, const struct janitor_plan *plan, const struct janitor_verdict *verdict)
{
        const struct janitor_rule *rule = verdict->rule == UINT32_MAX ? NULL : &rules->v[verdict->rule];
        const char *why = rule == NULL ? NULL : rule->why;

        switch ((enum janitor_fate)verdict->fate) {
        case JANITOR_INVARIANT:
                return why_stays(plan, verdict);
        case JANITOR_PROTECTED:
                return why != NULL ? bk_strdup(why) : bk_strdup("a rule protects it");
        case JANITOR_KEPT:
                return why != NULL && rule->kind == JANITOR_KEEP ? bk_strdup(why) : bk_strdup("among those that are kept of its group");
        case JANITOR_UNCERTAIN:
                return bk_strdup(rule == NULL ? "nobody knows since when it is in the trash" : "what the rule asks for cannot be known of it");
        case JANITOR_WAITS:
                return why_waits(plan, verdict);
        case JANITOR_CAPPED:
                return bk_strdup("due, and beyond what one run may do");
        default:
                return bk_strdup(verdict->action == REG_PRUNE_PURGE ? "its time in the trash is over" : why != NULL ? why : "the rule finds it");
        }
}

/* *ret stays NULL of an image that somebody has removed meanwhile. */
static int item_json(struct reg *reg, const struct janitor_rules *rules, const struct janitor_plan *plan, const struct janitor_verdict *verdict,
                     json_t **ret, struct bk_error *err)
{
        const struct janitor_rule *rule = verdict->rule == UINT32_MAX ? NULL : &rules->v[verdict->rule];
        autofree char *id = NULL, *why = janitor_why(rules, plan, verdict), *due = bk_iso_time(verdict->due_at);
        autofree char *place = rule == NULL ? NULL : janitor_place_text(&rule->place);
        struct bk_error gone = { 0 };

        if (reg_facts_id(reg, plan->facts.sequence[verdict->image], &id, &gone) < 0) {
                if (gone.kind == BK_NOT_FOUND)
                        return 0;
                *err = gone;
                return -1;
        }
        *ret = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s, s:s, s:s?, s:I}", "image", id,
                         "name", plan->facts.words[plan->facts.name[verdict->image]], "action", reg_prune_name(verdict->action),
                         "rule", rule == NULL ? NULL : rule->name, "place", place, "fate", janitor_fate_name(verdict->fate), "why", why,
                         "due_at", verdict->due_at == 0 ? NULL : due, "bytes", (json_int_t)verdict->bytes);
        return *ret == NULL ? bk_fail(err, BK_INTERNAL, "the plan of image '%s' cannot be written", id) : 0;
}

int janitor_plan_json(struct reg *reg, const struct janitor_rules *rules, const struct janitor_plan *plan, size_t most, json_t **ret,
                      struct bk_error *err)
{
        const size_t n = plan->n < most ? plan->n : most;
        json_t *items = json_array(), *counts = json_object();
        autofree char *at = bk_iso_time(plan->at);

        for (int fate = 0; fate <= JANITOR_CAPPED; fate++)
                (void)json_object_set_new(counts, janitor_fate_name(fate), json_integer((json_int_t)plan->counts[fate]));
        for (size_t i = 0; i < n; i++) {
                json_t *item = NULL;

                if (item_json(reg, rules, plan, &plan->v[i], &item, err) < 0) {
                        json_decref(items);
                        json_decref(counts);
                        return -1;
                }
                if (item != NULL)
                        (void)json_array_append_new(items, item);
        }
        *ret = json_pack("{s:s, s:s?, s:o, s:I, s:o, s:I}", "at", at, "stopped", plan->stopped, "counts", counts, "bytes", (json_int_t)plan->bytes,
                         "items", items, "more", (json_int_t)(plan->n - n));
        return *ret == NULL ? bk_fail(err, BK_INTERNAL, "the plan cannot be written") : 0;
}
