/* What the files of the deciding half share: facts as rules see them, what each rule says of an image, and what follows from all of it.
 *
 * Nothing here asks a registry but plan.c, explain.c and run.c; the rest are functions of columns. */
#pragma once
#include "janitor/janitor.h"

#define JANITOR_DAY 86400

/* --- view.c: what other images tell of one ---------------------------------------------------- */
enum janitor_bit {
        JANITOR_BELOW = 1 << 0,         /* something living stands on it, at any depth */
        JANITOR_GONE_ABOVE = 1 << 1,    /* it stands, at any depth, on what is revoked or in the trash */
        JANITOR_BEST = 1 << 2,          /* the newest tested image of its kind */
        JANITOR_LATER_UNSURE = 1 << 3,  /* superseded, by one more of which nobody knows when it was tested */
};

/* What a predicate needs, made once for all images. */
struct janitor_bound_term {
        const struct janitor_term *term;
        uint8_t *answer;                /* enum janitor_answer of each image; NULL: it is asked when it is needed */
        uint8_t *words;                 /* of each word: 1 + whether it is one of the term's; 0: not compared yet */
        const uint32_t *values;         /* the attribute's column; NULL: no image has it */
};

/* Numbers that are equal for images of one group. */
struct janitor_groups { const struct bk_strv *by; uint32_t *of, n; };

struct janitor_view {
        const struct reg_facts *facts;
        const struct janitor_rules *rules;
        int64_t at;
        const bool *purged;             /* NULL, or images that are no more, in a simulation */
        uint8_t *bits;                  /* enum janitor_bit */
        int64_t *used_at;               /* when something was last baked on it; 0: never */
        int64_t *later_at;              /* since when a newer tested one of its kind is there; 0: there is none; REG_UNKNOWN */
        const uint32_t *hold, *owner, *ttl;
        struct janitor_bound_term *bound;
        size_t n_bound;
        struct janitor_groups *groups;
        size_t n_groups;
};
/* facts, rules, at and purged are set; conditions of queries are prepared (janitor_prepare). */
void janitor_view_make(struct janitor_view *view);
void janitor_view_done(struct janitor_view *view);
const uint32_t *janitor_column(const struct reg_facts *facts, const char *key);         /* NULL: no such attribute was read */
const struct janitor_groups *janitor_group(struct janitor_view *view, const struct bk_strv *by);
static inline bool janitor_here(const struct janitor_view *view, size_t i)      /* not in the trash */
{
        return view->facts->state[i] != REG_TRASHED;
}

/* --- evaluate.c ---------------------------------------------------------------------------------- */
enum janitor_answer janitor_scope_asks(const struct janitor_view *view, const struct reg_match *scope, size_t i);
enum janitor_answer janitor_term_asks(const struct janitor_view *view, const struct janitor_term *term, size_t i);
/* Scope and when. */
enum janitor_answer janitor_rule_asks(const struct janitor_view *view, const struct janitor_rule *rule, size_t i);
static inline enum janitor_answer janitor_not(enum janitor_answer answer)
{
        return answer == JANITOR_UNKNOWN ? JANITOR_UNKNOWN : answer == JANITOR_YES ? JANITOR_NO : JANITOR_YES;
}
static inline enum janitor_answer janitor_and(enum janitor_answer a, enum janitor_answer b)
{
        return a == JANITOR_NO || b == JANITOR_NO ? JANITOR_NO : a == JANITOR_UNKNOWN || b == JANITOR_UNKNOWN ? JANITOR_UNKNOWN : JANITOR_YES;
}
/* Since when a predicate's clock runs: 0: it has none here; REG_UNKNOWN: nobody knows. */
int64_t janitor_clock(const struct janitor_view *view, const struct janitor_term *term, size_t i);
/* Whether it has holes as the term wants them, of whatever age. */
enum janitor_answer janitor_holes(const struct janitor_view *view, const struct janitor_term *term, size_t i);
/* "10d", "2026-12-31", "never" and "forever": until when; INT64_MAX: without an end; REG_UNKNOWN: it cannot be read. */
int64_t janitor_until(const char *text, int64_t from);

/* --- quota.c ----------------------------------------------------------------------------------------- */
/* Among the newest of each group, of those that the rule's scope (and, where with_when, its when) finds: an answer for each image; the
 * caller's. newest 0, bytes 0: no such limit; with both either keeps. What is in the trash is in no group. */
struct janitor_quota { const struct janitor_rule *rule; const struct bk_strv *by; uint64_t newest, bytes; bool with_when; };
uint8_t *janitor_newest(struct janitor_view *view, const struct janitor_quota *quota);
/* Whether an image below it in the order of age, of its kind, is tested and has no such hole; of each image, the caller's. */
uint8_t *janitor_clean_successor(const struct janitor_view *view, const struct janitor_term *term);

/* --- fates.c -------------------------------------------------------------------------------------------- */
/* One retire rule finds one image, and nothing forbids it. */
struct janitor_claim {
        uint32_t image, rule;
        uint32_t mark;                  /* place in the marks; REG_NOWHERE */
        int64_t due_at;                 /* 0: once somebody was told */
        bool waits, marked, due;        /* its rule has a grace or tells somebody; its mark is for this action; it may be done now */
};
struct janitor_outcome {
        struct janitor_verdict *v;      /* in the order of publication */
        size_t n;
        struct janitor_claim *claims;
        size_t n_claims;
        bool *mark_holds;               /* of each mark: its claim is still made, or may be */
        size_t counts[8];
        uint64_t bytes;
};
void janitor_outcome_done(struct janitor_outcome *outcome);
void janitor_decide(struct janitor_view *view, const struct reg_marks *marks, struct janitor_outcome *ret);

/* How strong the act is that an image has had. */
bool janitor_has_had(const struct janitor_view *view, size_t i, enum reg_prune action);
/* Why no rule may touch it, whatever stands on it; NULL: it may be. */
const char *janitor_untouchable(const struct reg_facts *facts, int64_t at, size_t i);
static inline enum reg_prune janitor_act_of(const struct janitor_rule *rule)    /* what goes for good has been in the trash */
{
        return rule->action == REG_PRUNE_PURGE ? REG_PRUNE_TRASH : rule->action;
}

/* --- caps.c ------------------------------------------------------------------------------------------------- */
/* Of what is due, what goes now: the oldest first, nothing before what stands on it, and no more than the caps allow. */
void janitor_cap(const struct janitor_view *view, struct janitor_outcome *outcome);

/* --- plan.c --------------------------------------------------------------------------------------------------- */
/* Facts and marks as they are now, and all that follows. *ret_outcome's verdicts and counts are the plan's own afterwards. */
int janitor_look(struct reg *reg, const struct janitor_ask *ask, struct janitor_plan *ret, struct janitor_outcome *ret_outcome,
                 struct bk_error *err) BK_MUST_CHECK;
int janitor_prepare(struct reg *reg, const struct janitor_rules *rules, const struct reg_facts *facts, int64_t at,
                    struct bk_error *err) BK_MUST_CHECK;
/* What the sources of usage say against a run; NULL: nothing. The caller's. */
char *janitor_stopped(const struct janitor_settings *settings, const struct reg_sources *sources, int64_t at);
char *janitor_place_text(const struct janitor_place *place);
/* Why that verdict, in words; the caller's. */
char *janitor_why(const struct janitor_rules *rules, const struct janitor_plan *plan, const struct janitor_verdict *verdict);

/* --- simulate.c ------------------------------------------------------------------------------------------------ */
/* A run each day from the facts' moment up to at; facts become what they would be. The outcome has what was done by then, and what is
 * still to come. */
int janitor_simulate(struct reg *reg, const struct janitor_rules *rules, struct reg_facts *facts, const struct reg_marks *marks, int64_t at,
                     struct janitor_outcome *ret, struct bk_error *err) BK_MUST_CHECK;

/* --- tell.c ------------------------------------------------------------------------------------------------------ */
/* By mail, webhook or command; home: where the webhooks' secret is. */
int janitor_tell(const char *home, const struct janitor_settings *settings, const struct janitor_notify *notify, const json_t *message,
                 struct bk_error *err) BK_MUST_CHECK;
