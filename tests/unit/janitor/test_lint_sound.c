/* Lint against the engine: what lint calls impossible, no image meets; what it says follows from something else, does. Random conditions,
 * random images. */
#include "tests/unit/janitor/columns.h"

#include "janitor/rules_priv.h"
#include "lib/buf.h"

enum { IMAGES = 60, ROUNDS = 4000 };

static uint64_t seed;

static unsigned any_of(unsigned n)
{
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        return (unsigned)(seed >> 33) % n;
}

/* --- conditions --------------------------------------------------------------------------- */
static void put_test(struct bk_buf *into)
{
        static const char *const ages[] = { "age", "in_state_for", "not_launched_for", "not_referenced_for", "not_headed_for",
                                            "not_used_as_ancestor_for", "superseded_for", "launched_within", "headed_within" };
        static const char *const flags[] = { "in_use", "head", "living_descendants", "superseded", "newest_tested", "failed", "untested", "revoked",
                                             "hidden", "hold", "opted_out", "ancestor_revoked" };
        static const char *const bounds[] = { ">", ">=", "<", "<=", "=" };
        static const char *const severities[] = { "low", "high", "critical" };

        switch (any_of(8)) {
        case 0: case 1: case 2:
                bk_buf_printf(into, "%s = \"%ud\"", ages[any_of(9)], any_of(5) * 10);
                break;
        case 3: case 4:
                bk_buf_printf(into, "%s = %s", flags[any_of(12)], any_of(2) ? "true" : "false");
                break;
        case 5:
                bk_buf_printf(into, "state = [\"%s\", \"%s\"]", reg_state_name((enum reg_state)any_of(3)),
                              reg_state_name((enum reg_state)(3 + any_of(3))));
                break;
        case 6:
                bk_buf_printf(into, "size = \"%s%uK\"", bounds[any_of(5)], 100 * any_of(4));
                break;
        default:
                bk_buf_printf(into, "vulnerable { severity = \"%s\"  age = \"%ud\"%s }", severities[any_of(3)], any_of(3) * 10,
                              any_of(2) ? "  fixable = true" : "");
        }
}

/* One block each, so that no argument is written twice. */
static void put_term(struct bk_buf *into, unsigned depth)
{
        static const char *const groups[] = { "all", "any", "not" };
        const unsigned n = 1 + any_of(3);

        bk_buf_printf(into, "%s {\n", groups[depth == 0 ? 0 : any_of(3)]);
        for (unsigned i = 0; i < n; i++) {
                if (depth < 3 && any_of(2)) {
                        put_term(into, depth + 1);
                } else {
                        bk_buf_puts(into, "all { ");
                        put_test(into);
                        bk_buf_puts(into, " }\n");
                }
        }
        bk_buf_puts(into, "}\n");
}

static void make_rules(struct janitor_rules *ret)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
        struct bk_error err = { 0 };

        for (unsigned r = 0; r < 2; r++) {
                bk_buf_printf(&text, "protect \"r%u\" {\n when {\n", r);
                put_term(&text, 0);
                bk_buf_puts(&text, "}\n}\n");
        }
        assert_ok(janitor_rules_parse("random", text.data, text.len, ret, &err), err);
}

/* --- images --------------------------------------------------------------------------------- */
/* Of a world that could be: nothing happened before the image was there. Sometimes nobody knows. */
static int some_day(int age)
{
        return any_of(12) == 0 ? -1 : any_of(2) ? 0 : 1 + (int)any_of((unsigned)age);
}

static void make_images(struct seen *v, struct reg_holes *hole, size_t n_holes)
{
        for (size_t i = 0; i < IMAGES; i++) {
                const int age = 1 + (int)(IMAGES - i);
                const bool tested = any_of(2);

                v[i] = (struct seen){
                        .age = age,
                        .ancestor = i > 0 && any_of(2) ? 1 + (int)any_of((unsigned)i) : 0,
                        .state = (enum reg_state)(any_of(3) == 0 ? REG_DEPRECATED + any_of(3) : tested ? REG_TESTED + any_of(2) : REG_BAKED),
                        .flags = any_of(4) ? 0 : any_of(32),
                        .launched = some_day(age), .headed = some_day(age),
                        .tested = tested ? 1 + (int)any_of((unsigned)age) : 0,
                        .in_state = (int)any_of((unsigned)age + 1),
                        .kind = 1 + (int)any_of(8), .size = (int)any_of(400 << 10),
                        .kept_for = any_of(6) ? 0 : 5, .purge_in = 3,
                        .hold = any_of(5) ? NULL : any_of(2) ? "forever" : "soon",
                        .holes = any_of(2) ? 1 + (int)any_of((unsigned)n_holes) : 0,
                };
        }
        for (size_t h = 0; h < n_holes; h++)
                for (unsigned s = 0; s < 6; s++) {
                        const int64_t oldest = any_of(3) ? 0 : NOW - DAYS(any_of(40));

                        hole[h].any[s] = oldest;
                        hole[h].fixable[s] = oldest != 0 && any_of(2) ? oldest + DAYS(any_of(3)) : 0;
                }
}

static void nothing_that_lint_says_is_wrong(void **state)
{
        unsigned never = 0, follows = 0;

        (void)state;
        seed = 1;
        for (int round = 0; round < ROUNDS; round++) {
                struct seen v[IMAGES];
                struct reg_holes hole[4] = { 0 };
                BK_CLEANUP(janitor_rules_done) struct janitor_rules rules = { 0 };
                BK_CLEANUP(facts_free) struct reg_facts facts = { 0 };
                BK_CLEANUP(janitor_view_done) struct janitor_view view = { .facts = &facts, .rules = &rules, .at = NOW };
                autofree char *impossible = NULL;
                bool implied;

                make_rules(&rules);
                impossible = janitor_never(&rules.v[0]);
                implied = janitor_term_implies(&rules.v[1].when, &rules.v[0].when);
                never += impossible != NULL;
                follows += implied;
                if (impossible == NULL && !implied)
                        continue;
                make_images(v, hole, 4);
                facts = facts_of(v, IMAGES);
                facts.hole = hole;
                janitor_view_make(&view);
                for (size_t i = 0; i < IMAGES; i++) {
                        const enum janitor_answer first = janitor_rule_asks(&view, &rules.v[0], i), second = janitor_rule_asks(&view, &rules.v[1], i);

                        if (impossible != NULL && first == JANITOR_YES)
                                fail_msg("round %d: '%s', but image %zu meets %s", round, impossible, i, rules.v[0].when.text);
                        if (implied && second == JANITOR_YES && first != JANITOR_YES)
                                fail_msg("round %d: image %zu meets %s, but not %s", round, i, rules.v[1].when.text, rules.v[0].when.text);
                }
        }
        print_message("# %u that cannot be met, %u that follow, of %d\n", never, follows, ROUNDS);
        assert_true(never > ROUNDS / 50 && follows > 10);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_that_lint_says_is_wrong),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
