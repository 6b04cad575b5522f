/* Rules that can never match, or of which nothing comes. Conditions that must all hold are laid side by side, negated or not, and looked at for
 * those that exclude each other. Of `any {}` every way is tried. */
#include "janitor/rules_priv.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

enum { ALL_STATES = (1U << (REG_TRASHED + 1)) - 1 };
#define STATE(name) (1U << REG_##name)

enum { LITERALS_MOST = 200, WAYS_DEEP = 3 };             /* nobody who writes more can be told anything in time */

struct literal { const struct janitor_term *term; bool negated; };
struct literals { struct literal *v; size_t n; };

static void literals_done(struct literals *list)
{
        free(list->v);
        *list = (struct literals){ 0 };
}

static void add(struct literals *list, const struct janitor_term *term, bool negated)
{
        list->v = bk_grow(list->v, list->n + 1, sizeof *list->v);
        list->v[list->n++] = (struct literal){ term, negated };
}

/* Everything that must hold where the term does (or does not). What is true in several ways stays one literal. */
static void flatten(const struct janitor_term *term, bool negated, struct literals *ret)
{
        const bool together = term->n == 1 || term->node == (negated ? JANITOR_ANY : JANITOR_ALL);

        if (term->node == JANITOR_TEST_NODE) {
                add(ret, term, negated);
                return;
        }
        if (term->node == JANITOR_NOT && (term->n == 1 || negated)) {           /* not (a and b), negated, is a and b */
                for (size_t i = 0; i < term->n; i++)
                        flatten(&term->items[i], !negated, ret);
                return;
        }
        if (term->node == JANITOR_NOT || !together) {
                add(ret, term, negated);
                return;
        }
        for (size_t i = 0; i < term->n; i++)
                flatten(&term->items[i], negated, ret);
}

/* --- pairs ------------------------------------------------------------------------------------- */
/* A flag's value; -1 for anything else. */
static int flag_of(const struct literal *literal)
{
        if (literal->term->node != JANITOR_TEST_NODE || !janitor_test_is_flag(literal->term->test))
                return -1;
        return (literal->term->number != 0) != literal->negated;
}

static bool is_flag(const struct literal *literal, enum janitor_test test, int value)
{
        return literal->term->node == JANITOR_TEST_NODE && literal->term->test == test && flag_of(literal) == value;
}

static bool is_test(const struct literal *literal, enum janitor_test test)
{
        return literal->term->node == JANITOR_TEST_NODE && literal->term->test == test && !literal->negated;
}

/* One way round; the caller tries the other. */
static bool exclude(const struct literal *a, const struct literal *b)
{
        if (!a->negated && b->negated && janitor_term_implies(a->term, b->term))
                return true;
        if (a->term->node != JANITOR_TEST_NODE || b->term->node != JANITOR_TEST_NODE)
                return false;
        if (a->term->test == b->term->test && flag_of(a) >= 0 && flag_of(a) != flag_of(b))
                return true;
        if (is_flag(a, JANITOR_NEWEST_TESTED, 1) || is_flag(a, JANITOR_SUPERSEDED, 0))
                return is_flag(b, JANITOR_SUPERSEDED, 1) || is_test(b, JANITOR_SUPERSEDED_FOR);
        if (is_test(a, JANITOR_LAUNCHED_WITHIN) && is_test(b, JANITOR_NOT_REFERENCED_FOR))      /* in use, it may have been launched long ago */
                return b->term->number > a->term->number;
        if (is_test(a, JANITOR_HEADED_WITHIN) && (is_test(b, JANITOR_NOT_HEADED_FOR) || is_test(b, JANITOR_NOT_REFERENCED_FOR)))
                return b->term->number > a->term->number;
        if (is_flag(a, JANITOR_HEAD, 1))
                return b->term->number > 0 && (is_test(b, JANITOR_NOT_HEADED_FOR) || is_test(b, JANITOR_NOT_REFERENCED_FOR));
        return is_flag(a, JANITOR_NEWEST_TESTED, 1) && is_flag(b, JANITOR_UNTESTED, 1);
}

static char *literal_text(const struct literal *literal)
{
        return literal->negated ? bk_format("not { %s }", literal->term->text) : bk_strdup(literal->term->text);
}

static char *find_pair(const struct literals *list)
{
        for (size_t i = 0; i < list->n; i++)
                for (size_t k = 0; k < list->n; k++) {
                        const struct literal *a = &list->v[i], *b = &list->v[k];

                        if (i != k && exclude(a, b)) {
                                autofree char *first = literal_text(a), *second = literal_text(b);

                                return bk_format("can never match: '%s' and '%s' exclude each other", first, second);
                        }
                }
        return NULL;
}

/* --- sizes --------------------------------------------------------------------------------------- */
static char *find_sizes(const struct literals *list)
{
        static const enum janitor_bound opposite[] = {
                [JANITOR_AT_LEAST] = JANITOR_LESS, [JANITOR_MORE] = JANITOR_AT_MOST,
                [JANITOR_AT_MOST] = JANITOR_MORE, [JANITOR_LESS] = JANITOR_AT_LEAST,
        };
        struct janitor_range left = { 0, INT64_MAX };

        for (size_t i = 0; i < list->n; i++) {
                const struct janitor_term *term = list->v[i].term;
                struct janitor_range range;

                if (term->node != JANITOR_TEST_NODE || term->test != JANITOR_SIZE || (list->v[i].negated && term->bound == JANITOR_EXACTLY))
                        continue;
                range = janitor_size_range(list->v[i].negated ? opposite[term->bound] : term->bound, term->number);
                left.low = range.low > left.low ? range.low : left.low;
                left.high = range.high < left.high ? range.high : left.high;
        }
        return left.low > left.high ? bk_strdup("can never match: no size meets all of its conditions") : NULL;
}

/* --- queries ---------------------------------------------------------------------------------------- */
/* "key=v1,v2" where nothing is a pattern: the key's length, else 0. */
static size_t plain_key(const char *condition)
{
        const size_t length = strcspn(condition, "=<>~!");

        return condition[length] == '=' && strpbrk(condition + length, "~*%") == NULL ? length : 0;
}

static bool has_value(const char *list, const char *value, size_t length)
{
        for (const char *p = list;; p++) {
                const size_t n = strcspn(p, ",");

                if (n == length && strncmp(p, value, n) == 0)
                        return true;
                p += n;
                if (*p == '\0')
                        return false;
        }
}

static bool share_value(const char *a, const char *b)
{
        for (const char *p = a;; p++) {
                const size_t length = strcspn(p, ",");

                if (has_value(b, p, length))
                        return true;
                p += length;
                if (*p == '\0')
                        return false;
        }
}

/* States of "state=tested,revoked": as queries have them, tested is at least tested. */
static unsigned states_of(const char *condition)
{
        unsigned mask = 0;

        for (unsigned i = 0; i <= REG_TRASHED; i++) {
                const char *name = reg_state_name((enum reg_state)i);

                if (has_value(condition + strlen("state="), name, strlen(name)))
                        mask |= i <= REG_PROMOTED ? STATE(BAKED) << i | STATE(PROMOTED) | (i == REG_BAKED ? STATE(TESTED) : 0) : 1U << i;
        }
        return mask;
}

static char *find_conditions(const struct bk_strv *conditions)
{
        for (size_t i = 0; i < conditions->n; i++)
                for (size_t k = i + 1; k < conditions->n; k++) {
                        const char *a = conditions->v[i], *b = conditions->v[k];
                        const size_t length = plain_key(a);

                        if (length > 0 && length == plain_key(b) && strncmp(a, b, length) == 0 && strncmp(a, "state=", 6) != 0 &&
                            strncmp(a, "channel=", 8) != 0 && strncmp(a, "package=", 8) != 0 && !share_value(a + length + 1, b + length + 1))
                                return bk_format("can never match: '%.200s' and '%.200s' exclude each other", a, b);
                }
        return NULL;
}

/* --- states ----------------------------------------------------------------------------------------- */
static unsigned states_left(const struct literals *list, const struct bk_strv *conditions)
{
        unsigned left = ALL_STATES;

        for (size_t i = 0; i < list->n; i++) {
                const struct literal *literal = &list->v[i];

                if (is_flag(literal, JANITOR_REVOKED, 1))
                        left &= STATE(REVOKED);
                else if (is_flag(literal, JANITOR_REVOKED, 0))
                        left &= ~STATE(REVOKED);
                else if (is_flag(literal, JANITOR_UNTESTED, 1))
                        left &= ~(STATE(TESTED) | STATE(PROMOTED));
                else if (literal->term->node == JANITOR_TEST_NODE && literal->term->test == JANITOR_STATE)
                        left &= literal->negated ? ~literal->term->states : literal->term->states;
        }
        for (size_t i = 0; i < conditions->n; i++)
                if (strncmp(conditions->v[i], "state=", 6) == 0 && plain_key(conditions->v[i]) > 0)
                        left &= states_of(conditions->v[i]);
        return left;
}

static char *find_states(const struct janitor_rule *rule, unsigned left)
{
        if (left == 0)
                return bk_strdup("can never match: its conditions leave no state that an image could have");
        if (rule->kind != JANITOR_RETIRE)
                return NULL;
        if (left == STATE(TRASHED))
                return bk_strdup("does nothing: what is in the trash is purged when its time there ends, and by no rule");
        if (rule->action == REG_PRUNE_DEPRECATE && (left & ~(STATE(DEPRECATED) | STATE(REVOKED) | STATE(TRASHED))) == 0)
                return bk_strdup("does nothing: what it finds is deprecated already, or worse");
        return NULL;
}

/* --- what is never done ------------------------------------------------------------------------------- */
static char *find_vain(const struct janitor_rule *rule, const struct literals *list)
{
        static const struct { enum janitor_test test; const char *why; } kept[] = {
                { JANITOR_IN_USE, "what is in use" }, { JANITOR_HEAD, "what heads a channel" }, { JANITOR_OPTED_OUT, "what somebody asked to keep" },
        };

        for (size_t i = 0; rule->kind == JANITOR_RETIRE && i < list->n; i++) {
                for (size_t k = 0; k < sizeof kept / sizeof *kept; k++)
                        if (is_flag(&list->v[i], kept[k].test, 1))
                                return bk_format("does nothing: %s is never retired, whatever rules say", kept[k].why);
                if (rule->action == REG_PRUNE_HIDE && is_flag(&list->v[i], JANITOR_HIDDEN, 1))
                        return bk_strdup("does nothing: what it finds is hidden already");
        }
        return NULL;
}

static char *find_any(const struct janitor_rule *rule, const struct literals *list, unsigned depth);

static char *find_never(const struct janitor_rule *rule, const struct literals *list, unsigned depth)
{
        autostrv struct bk_strv conditions = { 0 };
        char *why;

        if (list->n > LITERALS_MOST)
                return NULL;
        if (rule->scope_text != NULL)
                janitor_conditions(rule->scope_text, &conditions);
        for (size_t i = 0; i < list->n; i++)
                if (is_test(&list->v[i], JANITOR_MATCH))
                        janitor_conditions(list->v[i].term->words.v[0], &conditions);
        if ((why = find_pair(list)) != NULL || (why = find_sizes(list)) != NULL || (why = find_conditions(&conditions)) != NULL ||
            (why = find_states(rule, states_left(list, &conditions))) != NULL || (why = find_vain(rule, list)) != NULL)
                return why;
        return find_any(rule, list, depth);
}

/* A choice of which every way is barred. Choices within choices are few; a limit keeps it so. */
static char *find_any(const struct janitor_rule *rule, const struct literals *list, unsigned depth)
{
        if (depth == WAYS_DEEP)
                return NULL;
        for (size_t i = 0; i < list->n; i++) {
                const struct janitor_term *any = list->v[i].term;
                autofree char *first = NULL;
                size_t barred = 0;

                if (any->node != JANITOR_ANY || list->v[i].negated || any->n > LITERALS_MOST / 10)
                        continue;
                for (; barred < any->n; barred++) {
                        BK_CLEANUP(literals_done) struct literals way = { 0 };
                        char *why;

                        for (size_t k = 0; k < list->n; k++)
                                if (k != i)
                                        add(&way, list->v[k].term, list->v[k].negated);
                        flatten(&any->items[barred], false, &way);
                        why = find_never(rule, &way, depth + 1);
                        if (why == NULL)
                                break;
                        if (first == NULL)
                                first = why;
                        else
                                free(why);
                }
                if (barred == any->n)
                        return bk_take(first);
        }
        return NULL;
}

char *janitor_never(const struct janitor_rule *rule)
{
        BK_CLEANUP(literals_done) struct literals list = { 0 };

        flatten(&rule->when, false, &list);
        return find_never(rule, &list, 0);
}
