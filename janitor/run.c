/* A run: mark, tell, act, purge, collect. Each step is a transaction of its own or several; killed between any two of them, the next run
 * finds what is done done, and goes on.
 *
 * What is done to images is decided anew within the transaction that does it: the plan only says what to ask about, so that its caps are
 * never exceeded. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "janitor/run_priv.h"
#include "lib/fs.h"
#include "lib/lease.h"
#include "registry/bake.h"
#include "registry/usage.h"

enum { DEAD_S = 3600 };

static int64_t now_of(const struct janitor_run *run)
{
        return run->at != 0 ? run->at : time(NULL);
}

static int64_t clock_of(const struct janitor_run *run)
{
        return run->clock != NULL ? run->clock(run->arg) : bk_now_ms();
}

void janitor_log(const struct janitor_going *g, const char *format, ...)
{
        autofree char *line = NULL;
        va_list args;

        if (g->run->log == NULL)
                return;
        va_start(args, format);
        line = bk_vformat(format, args);
        va_end(args);
        g->run->log(g->run->arg, line);
}

void janitor_count(struct janitor_going *g, const char *key, int64_t more)
{
        const json_int_t before = json_integer_value(json_object_get(g->counts, key));

        (void)json_object_set_new(g->counts, key, json_integer(before + more));
}

/* The id of an image of the plan; *ret stays NULL when somebody has removed it meanwhile. */
static int id_of(struct janitor_going *g, uint32_t image, char **ret, struct bk_error *err)
{
        struct bk_error why = { 0 };

        if (reg_facts_id(g->reg, g->plan.facts.sequence[image], ret, &why) == 0 || why.kind == BK_NOT_FOUND)
                return 0;
        *err = why;
        return -1;
}

/* --- marks -------------------------------------------------------------------------------- */
static void add_mark(struct reg_marks *marks, struct reg_mark mark)
{
        if ((marks->n & (marks->n - 1)) == 0)
                marks->v = bk_grow(marks->v, marks->n == 0 ? 1 : 2 * marks->n, sizeof *marks->v);
        marks->v[marks->n++] = mark;
}

/* A grace without anybody to be told begins now; else when they were. */
static int new_marks(struct janitor_going *g, struct reg_marks *set, struct bk_error *err)
{
        const struct janitor_rules *rules = g->run->rules;

        for (size_t c = 0; c < g->outcome.n_claims; c++) {
                const struct janitor_claim *claim = &g->outcome.claims[c];
                const struct janitor_rule *rule = &rules->v[claim->rule];
                char *id = NULL;

                if (!claim->waits || claim->marked)
                        continue;
                if (id_of(g, claim->image, &id, err) < 0)
                        return -1;
                if (id == NULL)
                        continue;
                add_mark(set, (struct reg_mark){ .id = id, .rule = bk_strdup(rule->name), .action = bk_strdup(reg_prune_name(rule->action)),
                                                 .marked_at = g->plan.at, .due_at = rule->n_notify > 0 ? 0 : claim->due_at });
        }
        return 0;
}

static int mark(struct janitor_going *g, struct bk_error *err)
{
        BK_CLEANUP(reg_marks_done) struct reg_marks set = { 0 }, lift = { 0 };
        const struct reg_change change = { .who = g->run->who, .why = "as the rules say" };

        for (size_t m = 0; m < g->plan.marks.n; m++)
                if (!g->outcome.mark_holds[m])
                        add_mark(&lift, (struct reg_mark){ .id = bk_strdup(g->plan.marks.v[m].id), .rule = bk_strdup(g->plan.marks.v[m].rule) });
        if (new_marks(g, &set, err) < 0 || ((set.n > 0 || lift.n > 0) && reg_marks_change(g->reg, &set, &lift, &change, err) < 0))
                return bk_wrap(err, "marking");
        janitor_count(g, "marked", (int64_t)set.n);
        janitor_count(g, "unmarked", (int64_t)lift.n);
        for (size_t i = 0; i < set.n; i++)
                janitor_log(g, "marked %s: rule '%s' is going to %s it", set.v[i].id, set.v[i].rule, set.v[i].action);
        for (size_t i = 0; i < lift.n; i++)
                janitor_log(g, "unmarked %s: rule '%s' finds it no more", lift.v[i].id, lift.v[i].rule);
        return 0;
}

/* --- acts --------------------------------------------------------------------------------------- */
/* What one transaction is about: places in the plan's verdicts. */
struct batch { struct janitor_going *g; const uint32_t *v; size_t n; };

static const struct janitor_verdict *verdict_at(const struct janitor_plan *plan, int64_t sequence)
{
        size_t low = 0, high = plan->n;

        while (low < high) {
                const size_t middle = (low + high) / 2;
                const int64_t found = plan->facts.sequence[plan->v[middle].image];

                if (found == sequence)
                        return &plan->v[middle];
                if (found < sequence)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

/* Of one database another host may have a janitor, too, that does not see our lock. Who began last goes on. */
static int check_turn(struct reg *reg, int64_t number, struct bk_error *err)
{
        json_t *runs = NULL;
        int64_t newest;

        if (reg_janitor_runs_json(reg, 1, &runs, err) < 0)
                return -1;
        newest = json_integer_value(json_object_get(json_array_get(runs, 0), "number"));
        json_decref(runs);
        return newest == number ? 0 : bk_fail(err, BK_LOCKED, "run %lld of the janitor has begun elsewhere, and this one ends", (long long)newest);
}

/* Within the acting transaction: everything is looked at once more, for the moment of the plan; but sources have grown older since. What is due
 * and beyond a cap now was within it when the plan was made: other images have come to stand before it, and the plan's number is not exceeded. */
static int decide_anew(void *arg, struct reg *reg, bool *skip, struct bk_error *err)
{
        const struct batch *batch = arg;
        struct janitor_going *g = batch->g;
        const struct janitor_ask ask = { .rules = g->run->rules, .at = g->plan.at,
                                         .sources_at = g->plan.at + (clock_of(g->run) - g->began) / 1000 };
        BK_CLEANUP(janitor_plan_done) struct janitor_plan plan = { 0 };
        BK_CLEANUP(janitor_outcome_done) struct janitor_outcome outcome = { 0 };

        if (check_turn(reg, g->number, err) < 0 || janitor_look(reg, &ask, &plan, &outcome, err) < 0)
                return -1;
        if (plan.stopped != NULL)
                return bk_fail(err, BK_CONFLICT, "the run is stopped: %s", plan.stopped);
        for (size_t k = 0; k < batch->n; k++) {
                const struct janitor_verdict *was = &g->plan.v[batch->v[k]];
                const struct janitor_verdict *is = verdict_at(&plan, g->plan.facts.sequence[was->image]);

                skip[k] = is == NULL || is->action != was->action || is->rule != was->rule ||
                          (is->fate != JANITOR_GOES && is->fate != JANITOR_CAPPED);
                if (skip[k])
                        janitor_count(g, "changed", 1);
        }
        return 0;
}

static const char *done_word(enum reg_prune what)
{
        static const char *const words[] = { "deprecated", "hidden", "trashed", "purged" };

        return words[what];
}

static void tell_done(struct janitor_going *g, const struct batch *batch, const struct reg_pruned *pruned, char *const *ids, enum reg_prune what)
{
        for (size_t k = 0; k < batch->n; k++) {
                const struct janitor_verdict *verdict = &g->plan.v[batch->v[k]];
                const char *name = g->plan.facts.words[g->plan.facts.name[verdict->image]];

                if (pruned->why_not[k] != NULL)
                        janitor_log(g, "not %s: %s", done_word(what), pruned->why_not[k]);
                janitor_count(g, "refused", pruned->why_not[k] != NULL);
                if (!pruned->done[k])
                        continue;
                g->did[batch->v[k]] = true;
                janitor_log(g, "%s %s (%s)%s%s", done_word(what), ids[k], name, verdict->rule == UINT32_MAX ? "" : ": rule ",
                            verdict->rule == UINT32_MAX ? "" : g->run->rules->v[verdict->rule].name);
                janitor_count(g, done_word(what), 1);
                janitor_count(g, "bytes", what == REG_PRUNE_PURGE ? (int64_t)verdict->bytes : 0);
        }
}

/* Images of one rule, or of none: its name is the reason that the log gets. */
static int act(struct janitor_going *g, const uint32_t *v, size_t n, enum reg_prune what, const struct janitor_rule *rule, struct bk_error *err)
{
        autostrv struct bk_strv ids = { 0 };
        autofree char *why = rule == NULL ? bk_strdup("janitor: its time in the trash is over") :
                             bk_format("janitor: rule '%s'%s%s", rule->name, rule->why == NULL ? "" : ": ", rule->why == NULL ? "" : rule->why);
        struct batch batch = { g, v, n };
        const struct reg_change change = { .who = g->run->who, .why = why };
        struct reg_pruning pruning = { .n = n, .what = what, .decide = decide_anew, .arg = &batch };
        struct reg_pruned pruned = { 0 };

        for (size_t k = 0; k < n; k++) {
                char *id = NULL;

                if (id_of(g, g->plan.v[v[k]].image, &id, err) < 0)
                        return -1;
                bk_strv_take(&ids, id != NULL ? id : bk_strdup("removed meanwhile"));
        }
        pruning.ids = (const char *const *)ids.v;
        pruning.purge_at = rule == NULL ? 0 : now_of(g->run) + rule->restore;
        if (n == 0)
                return 0;
        if (reg_prune_do(g->reg, &pruning, &change, &pruned, err) < 0)
                return bk_wrap(err, "%s", reg_prune_name(what));
        tell_done(g, &batch, &pruned, ids.v, what);
        reg_pruned_done(&pruned, n);
        return 0;
}

/* --- in which order ---------------------------------------------------------------------------------- */
/* Verdicts of that action that go, by rule, the newest first. Of those for the trash only what nothing stands on any more that is not in the
 * trash, or in this batch. */
static size_t gather(struct janitor_going *g, enum reg_prune what, uint32_t rule, uint32_t *ret)
{
        const struct reg_facts *facts = &g->plan.facts;
        autofree uint8_t *blocked = bk_alloc(facts->n + 1);
        size_t n = 0, k = g->plan.n;

        for (size_t i = facts->n; i-- > 0;) {
                bool leaves = facts->state[i] == REG_TRASHED;

                while (k > 0 && g->plan.v[k - 1].image > i)
                        k--;
                if (k > 0 && g->plan.v[k - 1].image == i) {
                        const struct janitor_verdict *verdict = &g->plan.v[k - 1];
                        const bool mine = verdict->fate == JANITOR_GOES && verdict->action == what && verdict->rule == rule && !g->tried[k - 1];

                        if (mine && (what != REG_PRUNE_TRASH || !blocked[i])) {
                                ret[n++] = (uint32_t)(k - 1);
                                leaves = true;
                        }
                        leaves = leaves || (g->did[k - 1] && verdict->action == REG_PRUNE_TRASH);
                }
                if (facts->ancestor[i] != REG_NOWHERE && (blocked[i] || !leaves))
                        blocked[facts->ancestor[i]] = true;
        }
        for (size_t i = 0; i < n; i++)
                g->tried[ret[i]] = true;
        return n;
}

/* Rules take turns, as one may find what stands on what another finds. */
static int act_all(struct janitor_going *g, enum reg_prune what, struct bk_error *err)
{
        const struct janitor_rules *rules = g->run->rules;
        autofree uint32_t *batch = bk_alloc((g->plan.n + 1) * sizeof *batch);
        bool more = true;

        while (more) {
                more = false;
                for (uint32_t r = 0; r < rules->n; r++) {
                        const bool mine = rules->v[r].kind == JANITOR_RETIRE && janitor_act_of(&rules->v[r]) == what;
                        const size_t n = mine ? gather(g, what, r, batch) : 0;

                        if (n > 0 && act(g, batch, n, what, &rules->v[r], err) < 0)
                                return -1;
                        more = more || n > 0;
                }
        }
        return 0;
}

static int purge(struct janitor_going *g, struct bk_error *err)
{
        autofree uint32_t *batch = bk_alloc((g->plan.n + 1) * sizeof *batch);
        size_t n = 0;

        for (size_t k = g->plan.n; k-- > 0;)
                if (g->plan.v[k].fate == JANITOR_GOES && g->plan.v[k].action == REG_PRUNE_PURGE)
                        batch[n++] = (uint32_t)k;
        return act(g, batch, n, REG_PRUNE_PURGE, NULL, err);
}

static int collect(struct janitor_going *g, struct bk_error *err)
{
        struct reg_collected collected = { 0 };

        if (g->run->store == NULL)
                return 0;
        if (reg_collect(g->reg, g->run->store, &collected, err) < 0)
                return bk_wrap(err, "removing blobs");
        janitor_count(g, "collected", (int64_t)collected.blobs);
        janitor_count(g, "collected_bytes", (int64_t)collected.bytes);
        return 0;
}

/* --- all of it --------------------------------------------------------------------------------------------- */
static int go(struct janitor_going *g, struct bk_error *err)
{
        if (g->plan.stopped != NULL)
                return bk_fail(err, BK_CONFLICT, "the run is stopped, and nothing was done: %s", g->plan.stopped);
        if (mark(g, err) < 0 || janitor_tell_all(g, err) < 0)
                return -1;
        for (enum reg_prune what = REG_PRUNE_DEPRECATE; what <= REG_PRUNE_TRASH; what++)
                if (act_all(g, what, err) < 0)
                        return -1;
        /* What was enough for this run is what the next one compares with. */
        if (purge(g, err) < 0 || collect(g, err) < 0 || reg_usage_settled(g->reg, &g->plan.sources, err) < 0)
                return -1;
        return 0;
}

static void going_done(struct janitor_going *g)
{
        janitor_plan_done(&g->plan);
        janitor_outcome_done(&g->outcome);
        json_decref(g->counts);
        free(g->did);
        free(g->tried);
}

static int lock(const char *home, int *ret_fd, struct bk_error *err)
{
        autofree char *folder = bk_format("%s/run", home), *path = bk_format("%s/janitor.lock", folder);

        if (bk_mkdir_p(folder, err) < 0 || bk_lock_take(path, 0, ret_fd, err) < 0)
                return bk_wrap(err, "another run of the janitor");
        return 0;
}

/* "ada@oven" is on the host oven, whoever ada is. */
static const char *host_of(const char *who)
{
        const char *at = strrchr(who, '@');

        return at == NULL ? who : at + 1;
}

/* A run of another host that has not ended. One of this host is dead, as we hold the lock; and so is one that began long ago. */
static int check_others(const struct janitor_going *g, struct bk_error *err)
{
        json_t *runs = NULL;
        const json_t *run;
        const char *who, *began;
        int status = 0;

        if (reg_janitor_runs_json(g->reg, 1, &runs, err) < 0)
                return -1;
        run = json_array_get(runs, 0);
        who = json_string_value(json_object_get(run, "who"));
        began = json_string_value(json_object_get(run, "started_at"));
        if (bk_streq(json_string_value(json_object_get(run, "status")), "running") && who != NULL && began != NULL &&
            strcmp(host_of(who), host_of(g->run->who)) != 0) {
                const int64_t at = janitor_until(began, REG_UNKNOWN);

                if (at == REG_UNKNOWN || now_of(g->run) - at < DEAD_S)
                        status = bk_fail(err, BK_LOCKED, "another run of the janitor: %s began at %s, and has not ended", who, began);
        }
        json_decref(runs);
        return status;
}

/* How it ended is recorded whatever it was; what is recorded wins over what happened only where that was nothing. */
static int end(struct janitor_going *g, int status, struct bk_error *err)
{
        struct bk_error why = { 0 };
        const bool stopped = status < 0 && err->kind == BK_CONFLICT;

        if (status < 0)
                (void)json_object_set_new(g->counts, stopped ? "stopped" : "error", json_string(err->text));
        if (reg_janitor_end(g->reg, g->number, status == 0 ? "ok" : stopped ? "stopped" : "failed", g->counts, &why) < 0 && status == 0) {
                *err = why;
                return -1;
        }
        return status;
}

int janitor_run(struct reg *reg, const struct janitor_run *run, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(going_done) struct janitor_going g = { .reg = reg, .run = run, .counts = json_object() };
        const int64_t now = now_of(run);
        const struct janitor_ask ask = { .rules = run->rules, .at = now, .sources_at = now };
        autoclose int locked = -1;

        if (lock(run->home, &locked, err) < 0 || check_others(&g, err) < 0 ||
            reg_janitor_begin(reg, run->who, run->rules->digest, &g.number, err) < 0)
                return -1;
        /* What builds on nothing any more holds nothing. */
        if (run->store != NULL && reg_bakes_bury(reg, run->store, err) < 0)
                return end(&g, -1, err);
        (void)json_object_set_new(g.counts, "number", json_integer(g.number));
        g.began = clock_of(run);
        if (janitor_look(reg, &ask, &g.plan, &g.outcome, err) < 0)
                return end(&g, -1, err);
        g.did = bk_alloc(g.plan.n + 1);
        g.tried = bk_alloc(g.plan.n + 1);
        if (end(&g, go(&g, err), err) < 0)
                return -1;
        *ret = json_incref(g.counts);
        return 0;
}
