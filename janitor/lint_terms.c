/* Which conditions follow from which, by their words alone: what is not seen here is not said by lint, and nothing else depends on it. */
#include "janitor/rules_priv.h"

#include <string.h>

#include "lib/cleanup.h"

void janitor_conditions(const char *query, struct bk_strv *ret)
{
        const size_t first = strcspn(query, "?;&");

        if (first > 0 && strcspn(query, "=<>~!") >= first)
                bk_strv_addf(ret, "name=%.*s", (int)first, query);
        else if (first > 0)
                bk_strv_take(ret, bk_strndup(query, first));
        for (const char *p = query + first; *p != '\0';) {
                const size_t length = strcspn(++p, "&;");

                if (length > 0)
                        bk_strv_take(ret, bk_strndup(p, length));
                p += length;
        }
}

bool janitor_scope_implies(const char *b, const char *a)
{
        autostrv struct bk_strv all = { 0 };
        autostrv struct bk_strv wanted = { 0 };

        if (a == NULL)
                return true;
        if (b == NULL)
                return false;
        janitor_conditions(b, &all);
        janitor_conditions(a, &wanted);
        for (size_t i = 0; i < wanted.n; i++)
                if (!bk_strv_has(&all, wanted.v[i]))
                        return false;
        return true;
}

bool janitor_age_implies(enum janitor_test b, enum janitor_test a)
{
        if (b == a)
                return true;
        if (a == JANITOR_AGE)                   /* what never was, is counted from the creation */
                return true;
        return b == JANITOR_NOT_REFERENCED_FOR &&
               (a == JANITOR_NOT_LAUNCHED_FOR || a == JANITOR_NOT_HEADED_FOR || a == JANITOR_NOT_USED_AS_ANCESTOR_FOR);
}

struct janitor_range janitor_size_range(enum janitor_bound bound, int64_t number)
{
        switch (bound) {
        case JANITOR_AT_LEAST:
                return (struct janitor_range){ number, INT64_MAX };
        case JANITOR_MORE:
                return (struct janitor_range){ number < INT64_MAX ? number + 1 : number, INT64_MAX };
        case JANITOR_AT_MOST:
                return (struct janitor_range){ 0, number };
        case JANITOR_LESS:
                return (struct janitor_range){ 0, number - 1 };
        case JANITOR_EXACTLY:
                break;
        }
        return (struct janitor_range){ number, number };
}

/* Holes that b finds are among those that a finds. */
static bool hole_implies(const struct janitor_term *b, const struct janitor_term *a)
{
        return b->hole.severity >= a->hole.severity && b->hole.age >= a->hole.age &&
               (a->hole.fixable < 0 || a->hole.fixable == b->hole.fixable) &&
               (a->hole.fixed_successor < 0 || a->hole.fixed_successor == b->hole.fixed_successor);
}

static bool test_implies(const struct janitor_term *b, const struct janitor_term *a)
{
        struct janitor_range inner, outer;

        if (janitor_test_is_age(a->test) && janitor_test_is_age(b->test))
                /* "0d" tells nothing of when anything happened */
                return janitor_age_implies(b->test, a->test) && b->number >= a->number && (b->test == a->test || b->number > 0);
        if (a->test != b->test)
                return false;
        switch (a->test) {
        case JANITOR_STATE:
                return (b->states & ~a->states) == 0;
        case JANITOR_SIZE:
                inner = janitor_size_range(b->bound, b->number);
                outer = janitor_size_range(a->bound, a->number);
                return inner.low >= outer.low && inner.high <= outer.high;
        case JANITOR_VULNERABLE:
                return hole_implies(b, a);
        case JANITOR_LAUNCHED_WITHIN:
        case JANITOR_HEADED_WITHIN:
                return b->number <= a->number;
        default:
                return bk_streq(a->text, b->text);
        }
}

bool janitor_term_implies(const struct janitor_term *b, const struct janitor_term *a)
{
        bool every = true, some = false;

        if (a->node == JANITOR_ALL || b->node == JANITOR_ANY) {
                const bool left = a->node == JANITOR_ALL;

                for (size_t i = 0; i < (left ? a->n : b->n); i++)
                        every &= left ? janitor_term_implies(b, &a->items[i]) : janitor_term_implies(&b->items[i], a);
                return every;
        }
        for (size_t i = 0; b->node == JANITOR_ALL && i < b->n; i++)
                some |= janitor_term_implies(&b->items[i], a);
        for (size_t i = 0; a->node == JANITOR_ANY && i < a->n; i++)
                some |= janitor_term_implies(b, &a->items[i]);
        if (some || a->node != b->node)
                return some;
        if (a->node == JANITOR_NOT)             /* what meets a's items meets b's */
                return a->n == 1 && b->n == 1 ? janitor_term_implies(&a->items[0], &b->items[0]) : bk_streq(a->text, b->text);
        return a->node == JANITOR_TEST_NODE && test_implies(b, a);
}
