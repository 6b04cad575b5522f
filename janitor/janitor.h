/* The janitor: which images go, why, and the going.
 *
 * A plan is a function of rules, facts and a moment; it changes nothing. A run makes a plan, and does of it what is due, within its caps.
 * Verdicts are three-valued; what cannot be known keeps. */
#pragma once
#include "janitor/rules.h"
#include "layers/layer.h"

enum janitor_answer { JANITOR_NO, JANITOR_YES, JANITOR_UNKNOWN };

/* Of one image. Fates in the order in which they are decided. */
enum janitor_fate {
        JANITOR_STAYS,                  /* no rule asks for anything */
        JANITOR_INVARIANT,              /* a rule would retire it, and an invariant forbids it */
        JANITOR_PROTECTED, JANITOR_KEPT,
        JANITOR_UNCERTAIN,              /* a rule would retire it, if only more were known */
        JANITOR_WAITS,                  /* marked: its grace runs, or begins with this run */
        JANITOR_GOES,                   /* due now */
        JANITOR_CAPPED,                 /* due now, and beyond a cap: a later run's */
};
const char *janitor_fate_name(enum janitor_fate fate);

struct janitor_verdict {
        uint32_t image;                 /* place in the facts */
        uint32_t rule;                  /* that decided, in the rules; UINT32_MAX: none */
        uint8_t fate, action;           /* enum janitor_fate, enum reg_prune */
        int64_t due_at;                 /* of WAITS and GOES; 0: once somebody was told */
        uint64_t bytes;                 /* that come free by this act, now or when it is purged */
};

struct janitor_plan {
        struct reg_facts facts;
        struct reg_marks marks;
        struct reg_sources sources;             /* of usage */
        int64_t at;                             /* the moment it is for */
        struct janitor_verdict *v;              /* images that some retire rule finds, or that are to be purged: the rest STAYS */
        size_t n;
        char *stopped;                          /* why a run would do nothing at all: a source that is stale, failed or suddenly small; NULL */
        size_t counts[8];                       /* by fate, of all images */
        uint64_t bytes;                         /* of GOES */
};
/* at: 0 for now; a moment to come: what would go by then if nothing else happened (sources of usage count as fresh). sources_at: for which
 * moment they must be fresh all the same; 0: at. */
struct janitor_ask { const struct janitor_rules *rules; int64_t at; bool simulate; int64_t sources_at; };
int janitor_plan(struct reg *reg, const struct janitor_ask *ask, struct janitor_plan *ret, struct bk_error *err) BK_MUST_CHECK;
void janitor_plan_done(struct janitor_plan *plan);
/* {"at", "stopped", "counts", "bytes", "items": [{"image", "name", "action", "rule", "place", "fate", "why", "due_at", "bytes"}], "more"}: at most
 * that many items, and how many there are beyond them. */
int janitor_plan_json(struct reg *reg, const struct janitor_rules *rules, const struct janitor_plan *plan, size_t most, json_t **ret,
                      struct bk_error *err) BK_MUST_CHECK;

/* {"image", "fate", "rule", "action", "why", "invariants": [...], "rules": [{"rule", "kind", "answer", "terms": tree with every predicate's value},
 * ...], "would_change": ["...", ...]} */
int janitor_explain(struct reg *reg, const struct janitor_ask *ask, const char *id, json_t **ret, struct bk_error *err) BK_MUST_CHECK;

struct janitor_run {
        const struct janitor_rules *rules;
        const struct layer_store *store;        /* NULL: blobs are somebody else's affair */
        const char *home, *who;
        int64_t at;                             /* 0: now; tests set it */
        int64_t (*clock)(void *arg);            /* milliseconds that only go on, while it runs; NULL: bk_now_ms() */
        /* Tells somebody of what is going to happen. NULL: mail by sendmail, webhooks by curl, commands by argv. */
        int (*tell)(void *arg, const struct janitor_notify *notify, const json_t *message, struct bk_error *err);
        void *arg;
        void (*log)(void *arg, const char *line);       /* NULL: silent */
};
/* One at a time: BK_LOCKED. BK_CONFLICT when the plan is stopped. *ret: {"number", "deprecated", ..., "bytes", "collected", "stopped"}. */
int janitor_run(struct reg *reg, const struct janitor_run *run, json_t **ret, struct bk_error *err) BK_MUST_CHECK;

/* A moment as people write it: "30d" from now, "2026-12-31" (all of it), "2026-12-31T12:00:00Z". BK_INVALID. */
int janitor_moment(const char *text, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;
/* The rules of a state folder: its janitor.hcl, else /etc/bakery/janitor.hcl; the caller's. NULL: there are none. */
char *janitor_rules_path(const char *home);
