/* What a predicate says of one image: yes, no, or that nobody can know, which neither `not` nor `any` can turn into a yes. */
#include <string.h>
#include <time.h>

#include "janitor/janitor_priv.h"
#include "janitor/rules_priv.h"

/* --- times -------------------------------------------------------------------------------- */
static bool date_of(const char *text, int64_t *ret)
{
        struct tm tm = { 0 }, given;
        const char *rest = strptime(text, "%Y-%m-%d", &tm);
        int64_t day;

        if (rest == NULL || strspn(text, "0123456789") != 4)
                return false;
        given = tm;
        day = timegm(&tm);
        if (tm.tm_mday != given.tm_mday || tm.tm_mon != given.tm_mon)
                return false;                   /* the 31st of February is no day, and not the 3rd of March */
        if (*rest == '\0') {                    /* all of the day */
                *ret = day + JANITOR_DAY;
                return true;
        }
        rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
        *ret = timegm(&tm);
        return rest != NULL && *rest == '\0';
}

int64_t janitor_until(const char *text, int64_t from)
{
        int64_t at = 0, seconds = 0;

        if (bk_streq(text, "never") || bk_streq(text, "forever"))
                return INT64_MAX;
        if (date_of(text, &at))
                return at;
        return from != REG_UNKNOWN && janitor_age_of(text, &seconds) ? from + seconds : REG_UNKNOWN;
}

static int64_t later(int64_t a, int64_t b)
{
        return a > b ? a : b;
}

/* What has never happened counts from the image's creation, and so does what happened before it: a clock that was wrong. */
static int64_t since(int64_t at, int64_t created_at)
{
        return at <= 0 ? created_at : later(at, created_at);
}

/* The clock of not_referenced_for: REG_UNKNOWN only where what is not known could matter. */
static int64_t referenced_at(const struct janitor_view *view, size_t i, bool *ret_unsure)
{
        const struct reg_facts *facts = view->facts;
        const int64_t launched = facts->launched_at == NULL ? REG_UNKNOWN : facts->launched_at[i];
        const int64_t headed = facts->headed_at == NULL ? REG_UNKNOWN : facts->headed_at[i];

        if (facts->flags[i] & (REG_FACT_IN_USE | REG_FACT_HEAD))
                return view->at;
        *ret_unsure = launched == REG_UNKNOWN || headed == REG_UNKNOWN;
        return since(later(later(launched, headed), view->used_at[i]), facts->created_at[i]);
}

int64_t janitor_clock(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        const struct reg_facts *facts = view->facts;
        bool unsure = false;
        int64_t at;

        switch (term->test) {
        case JANITOR_AGE:
                return facts->created_at[i];
        case JANITOR_IN_STATE_FOR:
                return facts->state_at == NULL ? REG_UNKNOWN : facts->state_at[i];
        case JANITOR_NOT_LAUNCHED_FOR:
                at = facts->launched_at == NULL ? REG_UNKNOWN : facts->launched_at[i];
                return at == REG_UNKNOWN ? at : since(at, facts->created_at[i]);
        case JANITOR_NOT_HEADED_FOR:
                at = facts->headed_at == NULL ? REG_UNKNOWN : facts->flags[i] & REG_FACT_HEAD ? view->at : facts->headed_at[i];
                return at == REG_UNKNOWN ? at : since(at, facts->created_at[i]);
        case JANITOR_NOT_USED_AS_ANCESTOR_FOR:
                return since(view->used_at[i], facts->created_at[i]);
        case JANITOR_NOT_REFERENCED_FOR:
                at = referenced_at(view, i, &unsure);
                return unsure && view->at - at >= term->number ? REG_UNKNOWN : at;
        case JANITOR_SUPERSEDED_FOR:
                at = view->later_at == NULL ? REG_UNKNOWN : view->later_at[i];
                return at > 0 && (view->bits[i] & JANITOR_LATER_UNSURE) && view->at - at < term->number ? REG_UNKNOWN : at;
        case JANITOR_LAUNCHED_WITHIN:
                return facts->flags[i] & REG_FACT_IN_USE ? view->at : facts->launched_at == NULL ? REG_UNKNOWN : facts->launched_at[i];
        case JANITOR_HEADED_WITHIN:
                return facts->flags[i] & REG_FACT_HEAD ? view->at : facts->headed_at == NULL ? REG_UNKNOWN : facts->headed_at[i];
        default:
                return 0;
        }
}

/* It has happened, and lately. */
static enum janitor_answer lately(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        const int64_t last = janitor_clock(view, term, i);

        return last == REG_UNKNOWN ? JANITOR_UNKNOWN : last != 0 && view->at - last <= term->number ? JANITOR_YES : JANITOR_NO;
}

static enum janitor_answer elapsed(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        const int64_t from = janitor_clock(view, term, i);

        if (from == REG_UNKNOWN)
                return JANITOR_UNKNOWN;
        if (from == 0 && term->test == JANITOR_SUPERSEDED_FOR)
                return JANITOR_NO;
        return view->at - from >= term->number ? JANITOR_YES : JANITOR_NO;
}

/* --- holes ---------------------------------------------------------------------------------- */
/* Of one severity. Only the oldest of all and the oldest of those that can be fixed are known. */
static enum janitor_answer holes_of(const struct reg_holes *holes, int severity, int fixable, int64_t at, int64_t age)
{
        const int64_t any = holes->any[severity], fixed = holes->fixable[severity], oldest = fixable == 1 ? fixed : any;

        if (oldest == 0)
                return JANITOR_NO;
        if (fixable == 0 && fixed != 0 && (any == REG_UNKNOWN || fixed == REG_UNKNOWN || any >= fixed))
                return JANITOR_UNKNOWN;         /* one without a fix may be among them */
        if (age <= 0)
                return JANITOR_YES;
        return oldest == REG_UNKNOWN ? JANITOR_UNKNOWN : at - oldest >= age ? JANITOR_YES : JANITOR_NO;
}

static enum janitor_answer holes_older(const struct janitor_view *view, const struct janitor_term *term, size_t i, int64_t age)
{
        const struct reg_facts *facts = view->facts;
        enum janitor_answer answer = facts->flags[i] & REG_FACT_NO_PACKAGES ? JANITOR_UNKNOWN : JANITOR_NO;

        if (facts->holes == NULL)
                return JANITOR_UNKNOWN;
        if (facts->holes[i] == REG_NOWHERE)
                return answer;
        for (int severity = 0; severity < 6; severity++) {
                enum janitor_answer one;

                if (severity != 0 && severity < term->hole.severity)
                        continue;
                one = holes_of(&facts->hole[facts->holes[i]], severity, term->hole.fixable, view->at, age);
                if (one == JANITOR_YES && severity == 0 && term->hole.severity > 0)
                        one = JANITOR_UNKNOWN;          /* nobody has said yet how bad it is */
                if (one == JANITOR_YES)
                        return JANITOR_YES;
                if (one == JANITOR_UNKNOWN)
                        answer = JANITOR_UNKNOWN;
        }
        return answer;
}

enum janitor_answer janitor_holes(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        return holes_older(view, term, i, 0);
}

/* --- predicates ------------------------------------------------------------------------------- */
static const struct janitor_bound_term *bound(const struct janitor_view *view, const struct janitor_term *term)
{
        for (size_t i = 0; i < view->n_bound; i++)
                if (view->bound[i].term == term)
                        return &view->bound[i];
        return NULL;
}

static enum janitor_answer bound_answer(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        const struct janitor_bound_term *b = bound(view, term);

        return b == NULL || b->answer == NULL ? JANITOR_UNKNOWN : b->answer[i];
}

static enum janitor_answer truth(bool holds)
{
        return holds ? JANITOR_YES : JANITOR_NO;
}

static enum janitor_answer vulnerable(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        enum janitor_answer answer = holes_older(view, term, i, term->hole.age), successor;

        if (term->hole.fixed_successor < 0 || answer == JANITOR_NO)
                return answer;
        successor = bound_answer(view, term, i);
        return janitor_and(answer, term->hole.fixed_successor ? successor : janitor_not(successor));
}

static enum janitor_answer owner(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        const struct reg_facts *facts = view->facts;
        const struct janitor_bound_term *b = bound(view, term);
        uint32_t word = view->owner == NULL ? REG_NOWHERE : view->owner[i];

        if (word == REG_NOWHERE && facts->created_by != NULL)
                word = facts->created_by[i];
        if (word == REG_NOWHERE || b == NULL)
                return JANITOR_UNKNOWN;
        if (b->words[word] == 0)
                b->words[word] = 1 + bk_strv_has(&term->words, facts->words[word]);
        return truth(b->words[word] == 2);
}

/* An attribute that is a moment: legal_hold is over, ttl has run out. from: what a length of time is counted from; REG_UNKNOWN: it is none. */
static enum janitor_answer run_out(const struct janitor_view *view, const uint32_t *column, size_t i, int64_t from, enum janitor_answer without)
{
        const struct reg_facts *facts = view->facts;
        int64_t until;

        if (column == NULL || column[i] == REG_NOWHERE)
                return without;
        until = janitor_until(facts->words[column[i]], from);
        return until == REG_UNKNOWN ? JANITOR_UNKNOWN : truth(view->at >= until);
}

static enum janitor_answer size_of(const struct janitor_term *term, int64_t size)
{
        switch (term->bound) {
        case JANITOR_AT_LEAST:
                return truth(size >= term->number);
        case JANITOR_MORE:
                return truth(size > term->number);
        case JANITOR_AT_MOST:
                return truth(size <= term->number);
        case JANITOR_LESS:
                return truth(size < term->number);
        default:
                return truth(size == term->number);
        }
}

/* Predicates that are written "= true" or "= false". */
static enum janitor_answer said(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        const struct reg_facts *facts = view->facts;

        switch (term->test) {
        case JANITOR_IN_USE:
                return truth(facts->flags[i] & REG_FACT_IN_USE);
        case JANITOR_HEAD:
                return truth(facts->flags[i] & REG_FACT_HEAD);
        case JANITOR_HIDDEN:
                return truth(facts->flags[i] & REG_FACT_HIDDEN);
        case JANITOR_FAILED:
                return truth(facts->flags[i] & REG_FACT_FAILED);
        case JANITOR_REVOKED:
                return truth(facts->state[i] == REG_REVOKED);
        case JANITOR_DESCENDANTS:
                return truth(view->bits[i] & JANITOR_BELOW);
        case JANITOR_ANCESTOR_GONE:
                return truth(view->bits[i] & JANITOR_GONE_ABOVE);
        case JANITOR_NEWEST_TESTED:
                return facts->kind == NULL ? JANITOR_UNKNOWN : truth(view->bits[i] & JANITOR_BEST);
        case JANITOR_SUPERSEDED:
                return view->later_at == NULL ? JANITOR_UNKNOWN : truth(view->later_at[i] != 0);
        case JANITOR_UNTESTED:
                return facts->tested_at == NULL || facts->tested_at[i] == REG_UNKNOWN ? JANITOR_UNKNOWN : truth(facts->tested_at[i] == 0);
        case JANITOR_OPTED_OUT:
                return facts->opted_out_until == NULL || facts->opted_out_until[i] == REG_UNKNOWN ? JANITOR_UNKNOWN :
                                                                                               truth(facts->opted_out_until[i] > view->at);
        case JANITOR_HOLD:
                return janitor_not(run_out(view, view->hold, i, REG_UNKNOWN, JANITOR_YES));
        default:
                return JANITOR_UNKNOWN;
        }
}

static enum janitor_answer tested(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        const struct janitor_bound_term *b;
        enum janitor_answer answer;

        switch (term->test) {
        case JANITOR_MATCH:
                return janitor_scope_asks(view, term->match, i);
        case JANITOR_STATE:
                return truth(term->states & 1u << view->facts->state[i]);
        case JANITOR_AGE: case JANITOR_IN_STATE_FOR: case JANITOR_NOT_LAUNCHED_FOR: case JANITOR_NOT_REFERENCED_FOR:
        case JANITOR_NOT_HEADED_FOR: case JANITOR_NOT_USED_AS_ANCESTOR_FOR: case JANITOR_SUPERSEDED_FOR:
                return elapsed(view, term, i);
        case JANITOR_LAUNCHED_WITHIN: case JANITOR_HEADED_WITHIN:
                return lately(view, term, i);
        case JANITOR_NEWEST:
                return bound_answer(view, term, i);
        case JANITOR_VULNERABLE:
                return vulnerable(view, term, i);
        case JANITOR_SIZE:
                return size_of(term, view->facts->size[i]);
        case JANITOR_OWNER:
                return owner(view, term, i);
        case JANITOR_TAGGED:
                b = bound(view, term);
                return truth(b != NULL && b->values != NULL && b->values[i] != REG_NOWHERE);
        case JANITOR_TTL:
                return run_out(view, view->ttl, i, view->facts->created_at[i], JANITOR_NO);
        default:
                answer = said(view, term, i);
                return term->number ? answer : janitor_not(answer);
        }
}

enum janitor_answer janitor_term_asks(const struct janitor_view *view, const struct janitor_term *term, size_t i)
{
        enum janitor_answer answer;

        switch (term->node) {
        case JANITOR_TEST_NODE:
                return tested(view, term, i);
        case JANITOR_ANY:                       /* not (all of them not) */
                answer = JANITOR_YES;
                for (size_t k = 0; k < term->n && answer != JANITOR_NO; k++)
                        answer = janitor_and(answer, janitor_not(janitor_term_asks(view, &term->items[k], i)));
                return janitor_not(answer);
        default:
                answer = JANITOR_YES;
                for (size_t k = 0; k < term->n && answer != JANITOR_NO; k++)
                        answer = janitor_and(answer, janitor_term_asks(view, &term->items[k], i));
                return term->node == JANITOR_NOT ? janitor_not(answer) : answer;
        }
}

enum janitor_answer janitor_scope_asks(const struct janitor_view *view, const struct reg_match *scope, size_t i)
{
        const int meets = scope == NULL ? 1 : reg_match_meets(scope, view->facts, i);

        return meets < 0 ? JANITOR_UNKNOWN : meets ? JANITOR_YES : JANITOR_NO;
}

enum janitor_answer janitor_rule_asks(const struct janitor_view *view, const struct janitor_rule *rule, size_t i)
{
        const enum janitor_answer scope = janitor_scope_asks(view, rule->scope, i);

        return scope == JANITOR_NO ? JANITOR_NO : janitor_and(scope, janitor_term_asks(view, &rule->when, i));
}
