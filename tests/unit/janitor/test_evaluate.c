/* What predicates say of images, and that what nobody knows is never a yes. */
#include "tests/unit/janitor/columns.h"

/* Rules are written as users write them. */
static struct janitor_rules rules_of(const char *text)
{
        struct janitor_rules rules = { 0 };
        struct bk_error err = { 0 };

        assert_ok(janitor_rules_parse("test.hcl", text, strlen(text), &rules, &err), err);
        return rules;
}

/* What one retire rule of that `when` says of each image, a letter each: y, n, ?. */
static void assert_says(const char *when, const struct seen *v, size_t n, struct reg_holes *hole, const char *wanted)
{
        autofree char *text = bk_format("retire \"test\" {\n action = \"hide\"\n when {\n %s\n }\n}\n", when);
        BK_CLEANUP(janitor_rules_done) struct janitor_rules rules = rules_of(text);
        BK_CLEANUP(facts_free) struct reg_facts facts = facts_of(v, n);
        BK_CLEANUP(janitor_view_done) struct janitor_view view = { .facts = &facts, .rules = &rules, .at = NOW };
        char got[64] = "";

        facts.hole = hole;
        janitor_view_make(&view);
        for (size_t i = 0; i < n; i++)
                got[i] = "ny?"[janitor_rule_asks(&view, &rules.v[0], i)];
        if (strcmp(got, wanted) != 0)
                fail_msg("%s: got %s, wanted %s", when, got, wanted);
}
#define SAYS(when, v, wanted) assert_says(when, v, sizeof v / sizeof *v, NULL, wanted)

static void clocks_run_from_what_happened_last(void **state)
{
        static const struct seen v[] = {
                { .age = 50, .in_state = 5 },                                   /* never launched */
                { .age = 50, .launched = 10, .in_state = 50 },
                { .age = 50, .launched = 46, .headed = 2, .in_state = -1 },
                { .age = 50, .launched = -1, .headed = 2 },
                { .age = 50, .launched = -1, .headed = 48 },
                { .age = 10 },
                { .age = 50, .flags = REG_FACT_IN_USE },
                { .age = 50, .flags = REG_FACT_HEAD },
                { .age = 50, .headed = -1, .launched = 3 },
                { .age = -1 },
        };

        (void)state;
        SAYS("age = \"45d\"", v, "yyyyynyyy?");
        SAYS("not_launched_for = \"45d\"", v, "yny??nyyn?");
        SAYS("not_headed_for = \"45d\"", v, "yynnynyn??");
        SAYS("not_referenced_for = \"45d\"", v, "ynnn?nnnn?");
        SAYS("in_state_for = \"4d\"", v, "yy?nnnnnnn");
        SAYS("launched_within = \"45d\"", v, "nyn??nynyn");
        SAYS("headed_within = \"45d\"", v, "nnyynnny?n");
}

static void lineage_is_seen_from_both_ends(void **state)
{
        static const struct seen v[] = {
                { .age = 50 },                                                  /* 1 */
                { .age = 40, .ancestor = 1, .state = REG_REVOKED },             /* 2 */
                { .age = 30, .ancestor = 2 },                                   /* 3 */
                { .age = 20 },                                                  /* 4 */
                { .age = 5, .ancestor = 4, .state = REG_TRASHED, .purge_in = 9 },
                { .age = 50 },
        };

        (void)state;
        SAYS("living_descendants = true", v, "yynnnn");
        SAYS("living_descendants = false", v, "nnyyyy");
        SAYS("ancestor_revoked = true", v, "nnynnn");
        SAYS("not_used_as_ancestor_for = \"10d\"", v, "yyynny");
}

static void kinds_have_successors(void **state)
{
        static const struct seen v[] = {
                { .age = 90, .kind = 1, .state = REG_TESTED, .tested = 90 },
                { .age = 60, .kind = 1, .state = REG_BAKED },
                { .age = 50, .kind = 2, .state = REG_TESTED, .tested = 50 },
                { .age = 40, .kind = 1, .state = REG_PROMOTED, .tested = 30 },
                { .age = 20, .kind = 1, .state = REG_DEPRECATED, .tested = 20 },
                { .age = 20, .kind = 2, .state = REG_TESTED, .tested = -1 },
                { .age = 10, .kind = 2, .state = REG_TESTED, .tested = 10, .flags = REG_FACT_HIDDEN },
        };

        (void)state;
        SAYS("superseded = true", v, "yyynnnn");
        SAYS("superseded_for = \"30d\"", v, "yy?nnnn");
        SAYS("superseded_for = \"31d\"", v, "nn?nnnn");
        SAYS("newest_tested = true", v, "nnnynyn");
        SAYS("untested = true", v, "nynnn?n");
}

static void attributes_that_are_moments(void **state)
{
        static const struct seen v[] = {
                { .age = 20, .hold = "forever", .ttl = "never" },
                { .age = 20, .hold = "1972-01-01", .ttl = "10d" },              /* NOW is 1972-09-27 */
                { .age = 20, .hold = "1972-12-01", .ttl = "30d" },
                { .age = 20, .hold = "soon", .ttl = "a while" },
                { .age = 20, .hold = "1972-09-27", .ttl = "1972-09-26" },
                { .age = 20 },
                { .age = 20, .hold = "10d", .ttl = "1972-02-31" },              /* since when? And no such day */
                { .age = 20, .hold = "90d", .ttl = "1973-02-29T12:00:00Z" },
        };

        (void)state;
        SAYS("hold = true", v, "yny?yn??");
        SAYS("hold = false", v, "nyn?ny??");
        SAYS("ttl = \"expired\"", v, "nyn?yn??");
        SAYS("tagged = \"ttl\"", v, "yyyyynyy");
}

static void plain_facts(void **state)
{
        static const struct seen v[] = {
                { .age = 1, .state = REG_BAKED, .size = 1000, .owner = "bob" },
                { .age = 1, .state = REG_REVOKED, .size = 2000, .flags = REG_FACT_FAILED | REG_FACT_HEAD },
                { .age = 1, .state = REG_DEPRECATED, .size = 500, .flags = REG_FACT_IN_USE | REG_FACT_HIDDEN, .kept_for = 3 },
                { .age = 1, .state = REG_TESTED, .size = 100, .kept_for = -3, .by = "bob" },
        };

        (void)state;
        SAYS("state = \"baked\"", v, "ynnn");
        SAYS("state = [\"revoked\", \"deprecated\"]", v, "nyyn");
        SAYS("size = \">999\"", v, "yynn");
        SAYS("size = \"<=500\"", v, "nnyy");
        SAYS("revoked = true", v, "nynn");
        SAYS("failed = false", v, "ynyy");
        SAYS("head = true", v, "nynn");
        SAYS("in_use = true", v, "nnyn");
        SAYS("hidden = true", v, "nnyn");
        SAYS("opted_out = true", v, "nnyn");
        SAYS("owner = \"bob\"", v, "ynny");
        SAYS("owner = [\"ada\", \"eve\"]", v, "nyyn");
}

static void unknown_is_neither(void **state)
{
        static const struct seen v[] = {
                { .age = 50, .launched = -1, .state = REG_BAKED },
                { .age = 50, .launched = -1, .state = REG_TESTED },
        };

        (void)state;
        SAYS("not_launched_for = \"1d\"\n state = \"baked\"", v, "?n");
        SAYS("not {\n not_launched_for = \"1d\"\n }", v, "??");
        SAYS("any {\n not_launched_for = \"1d\"\n state = \"baked\"\n }", v, "y?");
        SAYS("not {\n any {\n not_launched_for = \"1d\"\n state = \"baked\"\n }\n }", v, "n?");
        SAYS("any {\n all {\n not_launched_for = \"1d\"\n state = \"baked\"\n }\n state = \"tested\"\n }", v, "?y");
}

static void groups_are_divided(void **state)
{
        static const struct seen v[] = {
                { .age = 9, .release = "a" }, { .age = 8, .release = "b" }, { .age = 7, .release = "a" }, { .age = 6, .release = "a" },
                { .age = 5, .release = "b", .state = REG_TRASHED, .purge_in = 5 }, { .age = 4 }, { .age = 3 }, { .age = 2, .release = "b" },
        };

        (void)state;
        SAYS("newest = 2\n by = [\"release\"]", v, "nyyynyyy");
        SAYS("newest = 1\n by = [\"release\"]", v, "nnnynnyy");
        SAYS("newest = 2\n by = [\"release\", \"name\"]", v, "nyyynyyy");
        SAYS("newest = 3", v, "nnnnnyyy");
        SAYS("not {\n newest = 3\n }", v, "yyyyynnn");
}

static void holes_are_counted_by_what_is_known(void **state)
{
        static const struct seen v[] = {
                { .age = 9, .kind = 1, .holes = 1, .state = REG_TESTED, .tested = 9 },  /* critical, 20 days old, fixable 5 days */
                { .age = 9, .kind = 1, .holes = 2, .state = REG_TESTED, .tested = 9 },  /* low only */
                { .age = 9, .kind = 2, .holes = 3, .state = REG_TESTED, .tested = 9 },  /* of unknown severity */
                { .age = 9, .kind = 2, .flags = REG_FACT_NO_PACKAGES },
                { .age = 9, .kind = 1 },
                { .age = 9, .kind = 3, .holes = 4 },                                    /* high, of unknown age */
        };
        struct reg_holes hole[4] = {
                { .any = { [5] = NOW - DAYS(20) }, .fixable = { [5] = NOW - DAYS(5) } },
                { .any = { [2] = NOW - DAYS(30) } },
                { .any = { [0] = NOW - DAYS(30) } },
                { .any = { [4] = REG_UNKNOWN }, .fixable = { [4] = REG_UNKNOWN } },
        };

        (void)state;
        assert_says("vulnerable = \"high\"", v, 6, hole, "yn??ny");
        assert_says("vulnerable {\n severity = \"high\"\n age = \"14d\"\n }", v, 6, hole, "yn??n?");
        assert_says("vulnerable {\n severity = \"high\"\n age = \"14d\"\n fixable = true\n }", v, 6, hole, "nnn?n?");
        assert_says("vulnerable {\n severity = \"high\"\n fixable = true\n }", v, 6, hole, "ynn?ny");
        assert_says("vulnerable {\n severity = \"high\"\n fixed_successor = true\n }", v, 6, hole, "ynnnnn");
}

static void moments_are_read_or_not(void **state)
{
        static const char *const broken[] = { "", "d", "10", "10x", "70-01-02", "1970-01-02T", "1970-13-02", "9999999999d", "-1d" };

        (void)state;
        assert_int_equal(janitor_until("10d", NOW), NOW + DAYS(10));
        assert_int_equal(janitor_until("10min", NOW), NOW + 600);
        assert_true(janitor_until("6m", NOW) == REG_UNKNOWN);           /* minutes or months */
        assert_int_equal(janitor_until("never", NOW), INT64_MAX);
        assert_int_equal(janitor_until("1970-01-02", NOW), DAYS(2));
        assert_int_equal(janitor_until("1970-01-02T00:00:10Z", NOW), DAYS(1) + 10);
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
                if (janitor_until(broken[i], NOW) != REG_UNKNOWN)
                        fail_msg("'%s' is understood", broken[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(moments_are_read_or_not),
                cmocka_unit_test(plain_facts),
                cmocka_unit_test(clocks_run_from_what_happened_last),
                cmocka_unit_test(lineage_is_seen_from_both_ends),
                cmocka_unit_test(kinds_have_successors),
                cmocka_unit_test(attributes_that_are_moments),
                cmocka_unit_test(unknown_is_neither),
                cmocka_unit_test(groups_are_divided),
                cmocka_unit_test(holes_are_counted_by_what_is_known),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
