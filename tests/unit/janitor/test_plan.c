/* What becomes of images: who wins, what may never be, what goes first, and that caps hold exactly. */
#include "tests/unit/janitor/columns.h"

/* No caps but those that a test sets. */
#define FREE "janitor {\n most_images = 1000000\n most_percent = 100\n}\n"

struct plan { struct janitor_rules rules; struct reg_facts facts; struct reg_marks marks; struct janitor_view view; struct janitor_outcome outcome; };

static void plan_done(struct plan *plan)
{
        janitor_outcome_done(&plan->outcome);
        janitor_view_done(&plan->view);
        facts_free(&plan->facts);
        janitor_rules_done(&plan->rules);
}

/* Marks are borrowed. */
static void decide(struct plan *plan, const char *rules, const struct seen *v, size_t n)
{
        autofree char *text = bk_format("%s%s", strncmp(rules, "janitor", 7) == 0 ? "" : FREE, rules);
        struct bk_error err = { 0 };

        assert_ok(janitor_rules_parse("test.hcl", text, strlen(text), &plan->rules, &err), err);
        plan->facts = facts_of(v, n);
        plan->view = (struct janitor_view){ .facts = &plan->facts, .rules = &plan->rules, .at = NOW };
        janitor_view_make(&plan->view);
        janitor_decide(&plan->view, &plan->marks, &plan->outcome);
}

/* A letter for each image: stays, invariant, protected, kept, uncertain, waits, goes, capped; capitals for trash and purge. */
static void letters(const struct plan *plan, char *ret)
{
        memset(ret, 's', plan->facts.n);
        ret[plan->facts.n] = '\0';
        for (size_t k = 0; k < plan->outcome.n; k++) {
                const struct janitor_verdict *verdict = &plan->outcome.v[k];
                const char letter = "sipkuwgc"[verdict->fate];

                ret[verdict->image] = verdict->action >= REG_PRUNE_TRASH ? (char)(letter - 'a' + 'A') : letter;
        }
}

static void assert_fates(const char *rules, const struct seen *v, size_t n, const char *wanted)
{
        BK_CLEANUP(plan_done) struct plan plan = { 0 };
        char got[256];

        decide(&plan, rules, v, n);
        letters(&plan, got);
        if (strcmp(got, wanted) != 0)
                fail_msg("got %s, wanted %s by %s", got, wanted, rules);
}
#define FATES(rules, v, wanted) assert_fates(rules, v, sizeof v / sizeof *v, wanted)
#define OLD "retire \"old\" {\n action = \"trash\"\n when {\n age = \"30d\"\n }\n}\n"

static void nothing_overrides_what_may_never_be(void **state)
{
        static const struct seen v[] = {
                { .age = 50, .flags = REG_FACT_HEAD }, { .age = 50, .flags = REG_FACT_IN_USE }, { .age = 50, .kept_for = 3 },
                { .age = 50, .kept_for = -3 }, { .age = 5 },
        };

        (void)state;
        FATES(OLD, v, "IIIGs");
}

static void what_stays_keeps_what_it_stands_on(void **state)
{
        static const struct seen v[] = {
                { .age = 90 },                                          /* 1: two chains stand on it */
                { .age = 80, .ancestor = 1 },                           /* 2: only old ones */
                { .age = 70, .ancestor = 2 },
                { .age = 60, .ancestor = 1, .state = REG_TRASHED, .purge_in = 3 },
                { .age = 5, .ancestor = 4 },                            /* young, on one in the trash */
                { .age = 90 },                                          /* 6: another family, all old */
                { .age = 80, .ancestor = 6 },
        };
        static const char hide[] = "retire \"hide\" {\n action = \"hide\"\n when {\n age = \"85d\"\n }\n}\n";
        autofree char *both = bk_format("%s%s", OLD, hide);

        (void)state;
        FATES(OLD, v, "IGGWsGG");
        assert_fates(both, v, 7, "gGGWsGG");                            /* what may not be trashed may be hidden */
}

static void purging_waits_for_what_stands_on_it(void **state)
{
        static const struct seen v[] = {
                { .age = 90, .state = REG_TRASHED, .purge_in = -1 },                    /* all that stands on it goes, too */
                { .age = 80, .state = REG_TRASHED, .purge_in = 0, .ancestor = 1 },
                { .age = 90, .state = REG_TRASHED, .purge_in = -1 },                    /* waits for the next one */
                { .age = 80, .state = REG_TRASHED, .purge_in = 2, .ancestor = 3 },
                { .age = 90, .state = REG_TRASHED, .purge_in = -1 },                    /* a living one stands on it */
                { .age = 80, .ancestor = 5 },
                { .age = 90, .state = REG_TRASHED, .purge_in = -1, .flags = REG_FACT_IN_USE },
                { .age = 90, .state = REG_TRASHED, .purge_in = -1, .kept_for = 1 },
        };
        static const char protect[] = "protect \"all\" {\n}\n";

        (void)state;
        FATES("", v, "GGWWIsII");
        assert_fates(protect, v, 8, "PPPPPsII");
}

static void who_protects_wins(void **state)
{
        static const struct seen v[] = {
                { .age = 50, .release = "a", .state = REG_TESTED, .tested = 50 }, { .age = 49, .release = "a", .launched = -1 },
                { .age = 48, .release = "a", .state = REG_TESTED, .tested = 40 }, { .age = 47, .release = "b", .owner = "ada" },
                { .age = 46, .release = "b" },
        };

        (void)state;
        FATES("keep \"k\" {\n newest = 1\n by = [\"release\"]\n}\n" OLD, v, "GGKGK");
        FATES("keep \"k\" {\n newest = 1\n by = [\"release\"]\n when {\n state = \"tested\"\n }\n}\n" OLD, v, "GGKGG");
        FATES("keep \"k\" {\n when {\n not_launched_for = \"1d\"\n }\n}\n" OLD, v, "KUKKK");
        FATES("protect \"p\" {\n when {\n tagged = \"owner\"\n }\n}\nkeep \"k\" {\n newest = 3\n by = [\"name\"]\n}\n" OLD, v, "GGKPK");
        FATES("keep \"k\" {\n newest_bytes = \"200K\"\n by = [\"name\"]\n}\n" OLD, v, "GGGKK");
        FATES("keep \"k\" {\n newest = 3\n newest_bytes = \"200K\"\n by = [\"name\"]\n}\n" OLD, v, "GGKKK");
        FATES("keep \"k\" {\n newest = 1\n newest_bytes = \"200K\"\n by = [\"name\"]\n}\n" OLD, v, "GGGKK");
        FATES("retire \"r\" {\n action = \"trash\"\n least = 2\n by = [\"release\"]\n when {\n age = \"30d\"\n }\n}\n", v, "GKKKK");
        FATES("retire \"r\" {\n action = \"trash\"\n when {\n not_launched_for = \"30d\"\n }\n}\n", v, "GUGGG");
}

static void an_unsure_member_of_a_group_takes_no_place(void **state)
{
        static const struct seen v[] = { { .age = 50 }, { .age = 49 }, { .age = 48, .launched = -1 }, { .age = 47, .launched = -1 } };

        (void)state;
        FATES("keep \"k\" {\n newest = 1\n by = [\"name\"]\n when {\n not_launched_for = \"1d\"\n }\n}\n" OLD, v, "GUUU");
        FATES("keep \"k\" {\n newest = 3\n by = [\"name\"]\n when {\n not_launched_for = \"1d\"\n }\n}\n" OLD, v, "UKUU");
}

static void the_strongest_act_that_is_due_is_done(void **state)
{
        static const struct seen v[] = {
                { .age = 50 }, { .age = 20 }, { .age = 50, .state = REG_DEPRECATED }, { .age = 20, .state = REG_DEPRECATED },
                { .age = 20, .state = REG_REVOKED }, { .age = 20, .state = REG_DEPRECATED, .flags = REG_FACT_HIDDEN },
        };
        static const char ladder[] = "retire \"d\" {\n action = \"deprecate\"\n when {\n age = \"10d\"\n }\n}\n" OLD;
        static const char slow[] = "retire \"t\" {\n action = \"trash\"\n grace = \"3d\"\n when {\n age = \"30d\"\n }\n}\n"
                                   "retire \"d\" {\n action = \"deprecate\"\n when {\n age = \"10d\"\n }\n}\n";

        (void)state;
        FATES("retire \"h\" {\n action = \"hide\"\n when {\n age = \"10d\"\n }\n}\n", v, "gggggs");
        FATES(ladder, v, "GgGsss");
        FATES(slow, v, "ggWsss");
}

static void graces_begin_with_a_mark(void **state)
{
        static const char rules[] = "retire \"r\" {\n action = \"trash\"\n grace = \"3d\"\n notify = [\"mail:owner\"]\n"
                                    " when {\n age = \"30d\"\n }\n}\n";
        static const struct seen v[] = {
                { .age = 50 }, { .age = 50 }, { .age = 50 }, { .age = 50 }, { .age = 5 }, { .age = 50, .flags = REG_FACT_HEAD }, { .age = 50 },
        };
        struct reg_mark marks[] = {
                { .sequence = 40, .rule = (char *)"r", .action = (char *)"trash", .due_at = NOW + 1 },
                { .sequence = 30, .rule = (char *)"r", .action = (char *)"trash", .due_at = NOW },
                { .sequence = 20, .rule = (char *)"r", .action = (char *)"trash", .due_at = 0 },
                { .sequence = 50, .rule = (char *)"r", .action = (char *)"trash", .due_at = NOW },
                { .sequence = 60, .rule = (char *)"r", .action = (char *)"trash", .due_at = NOW },
                { .sequence = 70, .rule = (char *)"r", .action = (char *)"hide", .due_at = NOW },
                { .sequence = 70, .rule = (char *)"gone", .action = (char *)"trash", .due_at = NOW },
        };
        BK_CLEANUP(plan_done) struct plan plan = { .marks = { marks, 7 } };
        char got[64];

        (void)state;
        decide(&plan, rules, v, 7);
        letters(&plan, got);
        assert_string_equal(got, "WWGWsIW");
        /* What is not found any more, or may not go, loses its mark; and so does that of a rule that is no more. */
        for (size_t m = 0; m < 7; m++)
                assert_int_equal(plan.outcome.mark_holds[m], m < 3 || m == 5);
        assert_false(plan.outcome.claims[0].marked);
        assert_int_equal(plan.outcome.v[0].due_at, 0);
        assert_int_equal(plan.outcome.v[3].due_at, NOW + 1);
}

/* A rule that may find an image once more is known does not begin its grace anew. */
static void each_unsure_rule_keeps_its_mark(void **state)
{
        static const char rules[] = "retire \"a\" {\n action = \"hide\"\n grace = \"3d\"\n when {\n not_launched_for = \"30d\"\n }\n}\n"
                                    "retire \"b\" {\n action = \"trash\"\n grace = \"3d\"\n when {\n not_launched_for = \"40d\"\n }\n}\n"
                                    "retire \"c\" {\n action = \"trash\"\n grace = \"3d\"\n when {\n age = \"60d\"\n }\n}\n";
        static const struct seen v[] = { { .age = 50, .launched = -1 } };
        struct reg_mark marks[] = {
                { .sequence = 10, .rule = (char *)"a", .action = (char *)"hide", .due_at = NOW + 1 },
                { .sequence = 10, .rule = (char *)"b", .action = (char *)"trash", .due_at = NOW + 1 },
                { .sequence = 10, .rule = (char *)"c", .action = (char *)"trash", .due_at = NOW + 1 },
        };
        BK_CLEANUP(plan_done) struct plan plan = { .marks = { marks, 3 } };

        (void)state;
        decide(&plan, rules, v, 1);
        for (size_t m = 0; m < 3; m++)
                assert_int_equal(plan.outcome.mark_holds[m], m < 2);
}

static void what_waits_holds_up_what_it_stands_on(void **state)
{
        static const char rules[] = "retire \"slow\" {\n action = \"trash\"\n grace = \"3d\"\n when {\n tagged = \"owner\"\n }\n}\n"
                                    "retire \"fast\" {\n action = \"trash\"\n when {\n tagged = \"release\"\n }\n}\n";
        static const struct seen v[] = {
                { .age = 90, .release = "b" }, { .age = 80, .ancestor = 1, .release = "b" }, { .age = 70, .ancestor = 2, .owner = "ada" },
                { .age = 70, .ancestor = 1, .release = "b" },
        };

        (void)state;
        FATES(rules, v, "WWWG");
}

/* --- caps -------------------------------------------------------------------------------------- */
static size_t going(const struct plan *plan, uint64_t *ret_bytes)
{
        size_t n = 0;

        *ret_bytes = 0;
        for (size_t k = 0; k < plan->outcome.n; k++)
                if (plan->outcome.v[k].fate == JANITOR_GOES) {
                        n++;
                        *ret_bytes += plan->outcome.v[k].bytes;
                }
        return n;
}

static void caps_hold_exactly(void **state)
{
        enum { N = 10000 };
        static const struct { const char *caps; size_t n; uint64_t bytes; } cases[] = {
                { "most_images = 137\n most_percent = 100", 137, 13700 },
                { "most_images = 100000\n most_percent = 1", 125, 12500 },                 /* of the 12,500 that are there */
                { "most_images = 100000\n most_percent = 0.013", 1, 100 },
                { "most_images = 100000\n most_percent = 0.007", 0, 0 },
                { "most_images = 100000\n most_percent = 100\n most_bytes = \"12345K\"", 123, 12300 },
                { "most_images = 100000\n most_percent = 100", N, 100 * N },
                { "most_images = 50\n most_percent = 1\n most_bytes = \"4000K\"", 40, 4000 },
        };
        autofree struct seen *v = bk_alloc((N + 2500) * sizeof *v);

        (void)state;
        for (int i = 0; i < N + 2500; i++)
                v[i] = (struct seen){ .age = i < N ? 50 : 5, .state = i % 3 == 0 ? REG_TESTED : REG_BAKED };
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
                BK_CLEANUP(plan_done) struct plan plan = { 0 };
                autofree char *rules = bk_format("janitor {\n %s\n}\n" OLD, cases[c].caps);
                uint64_t bytes;

                print_message("# %s\n", cases[c].caps);
                decide(&plan, rules, v, N + 2500);
                assert_int_equal(going(&plan, &bytes), cases[c].n);
                assert_int_equal(bytes, cases[c].bytes << 10);
                assert_int_equal(plan.outcome.counts[JANITOR_CAPPED], N - cases[c].n);
                for (size_t k = 0; k < plan.outcome.n; k++)             /* the oldest first */
                        assert_int_equal(plan.outcome.v[k].fate == JANITOR_GOES, k < cases[c].n);
        }
}

/* However far away the day is. */
static void a_simulation_has_a_run_each_day(void **state)
{
        enum { N = 500, AHEAD = 1000 };
        static const char rules[] = "janitor {\n most_images = 1\n most_percent = 100\n}\n" OLD;
        autofree struct seen *v = bk_alloc(N * sizeof *v);
        BK_CLEANUP(janitor_rules_done) struct janitor_rules parsed = { 0 };
        BK_CLEANUP(janitor_outcome_done) struct janitor_outcome outcome = { 0 };
        struct reg_facts facts;
        struct bk_error err = { 0 };

        (void)state;
        for (int i = 0; i < N; i++)
                v[i] = (struct seen){ .age = 50 };
        facts = facts_of(v, N);
        assert_ok(janitor_rules_parse("test.hcl", rules, strlen(rules), &parsed, &err), err);
        assert_ok(janitor_simulate(NULL, &parsed, &facts, &(struct reg_marks){ 0 }, NOW + DAYS(AHEAD), &outcome, &err), err);
        assert_int_equal(outcome.counts[JANITOR_GOES], N);
        assert_fails_with(janitor_simulate(NULL, &parsed, &facts, &(struct reg_marks){ 0 }, NOW + DAYS(4000), &outcome, &err), err, BK_INVALID);
        facts_free(&facts);
}

static void a_cap_never_leaves_an_image_without_what_it_stands_on(void **state)
{
        static const struct seen v[] = {
                { .age = 90 }, { .age = 80, .ancestor = 1 }, { .age = 70, .ancestor = 2 }, { .age = 65 },
                { .age = 60, .ancestor = 1, .size = 1000 << 10 },
        };
        BK_CLEANUP(plan_done) struct plan plan = { 0 };

        (void)state;
        FATES(OLD, v, "GGGGG");
        assert_fates("janitor {\n most_images = 2\n most_percent = 100\n}\n" OLD, v, 5, "CGGCC");
        assert_fates("janitor {\n most_images = 3\n most_percent = 100\n}\n" OLD, v, 5, "CGGGC");
        assert_fates("janitor {\n most_percent = 100\n most_bytes = \"900K\"\n}\n" OLD, v, 5, "CGGGC");
}

static void a_rule_has_a_limit_of_its_own(void **state)
{
        static const struct seen v[] = {
                { .age = 50 }, { .age = 50, .state = REG_TESTED }, { .age = 50 }, { .age = 50, .state = REG_TESTED }, { .age = 50 },
        };
        static const char rules[] = "retire \"tested\" {\n action = \"trash\"\n most = 1\n when {\n state = \"tested\"\n }\n}\n"
                                    "retire \"baked\" {\n action = \"hide\"\n most = 2\n when {\n state = \"baked\"\n }\n}\n";

        (void)state;
        FATES(rules, v, "gGgCc");
}

static void shared_layers_free_nothing(void **state)
{
        static const struct seen v[] = { { .age = 50, .shared = 1 }, { .age = 50, .size = 7 } };
        BK_CLEANUP(plan_done) struct plan plan = { 0 };

        (void)state;
        decide(&plan, OLD, v, 2);
        assert_int_equal(plan.outcome.bytes, 7);
}

/* --- sources ------------------------------------------------------------------------------------------ */
static void doubtful_sources_stop_a_run(void **state)
{
        static const struct { const char *why; struct reg_source source; bool stops; } cases[] = {
                { "fresh", { .name = (char *)"libvirt:a", .ok_at = NOW - 60, .count = 5, .previous = 5 }, false },
                { "stale", { .name = (char *)"libvirt:a", .ok_at = NOW - 3601, .count = 5, .previous = 5 }, true },
                { "failed", { .name = (char *)"libvirt:a", .error = (char *)"no answer", .ok_at = NOW - 60, .count = 5, .previous = 5 }, true },
                { "never", { .name = (char *)"libvirt:a", .error = NULL, .ok_at = 0 }, true },
                { "half", { .name = (char *)"libvirt:a", .ok_at = NOW, .count = 5, .previous = 10 }, false },
                { "less than half", { .name = (char *)"libvirt:a", .ok_at = NOW, .count = 4, .previous = 10 }, true },
                { "nothing at all any more", { .name = (char *)"libvirt:a", .ok_at = NOW, .count = 0, .previous = 1 }, true },
                { "tells one by one", { .name = (char *)"phone-home", .ok_at = NOW - DAYS(30), .count = 0, .previous = 1 }, false },
        };
        struct janitor_settings settings = { .usage_fresh = 3600, .usage_shrink = 50 };
        struct reg_sources none = { 0 };
        autofree char *missing = NULL;

        (void)state;
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
                struct reg_source source = cases[c].source;
                const struct reg_sources sources = { &source, 1 };
                autofree char *stopped = janitor_stopped(&settings, &sources, NOW);

                print_message("# %s: %s\n", cases[c].why, stopped == NULL ? "-" : stopped);
                assert_int_equal(stopped != NULL, cases[c].stops);
        }
        assert_null(janitor_stopped(&settings, &none, NOW));
        bk_strv_add(&settings.usage_sources, "libvirt:*");
        missing = janitor_stopped(&settings, &none, NOW);
        assert_non_null(missing);
        bk_strv_done(&settings.usage_sources);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(nothing_overrides_what_may_never_be),
                cmocka_unit_test(what_stays_keeps_what_it_stands_on),
                cmocka_unit_test(purging_waits_for_what_stands_on_it),
                cmocka_unit_test(who_protects_wins),
                cmocka_unit_test(an_unsure_member_of_a_group_takes_no_place),
                cmocka_unit_test(the_strongest_act_that_is_due_is_done),
                cmocka_unit_test(graces_begin_with_a_mark),
                cmocka_unit_test(each_unsure_rule_keeps_its_mark),
                cmocka_unit_test(what_waits_holds_up_what_it_stands_on),
                cmocka_unit_test(caps_hold_exactly),
                cmocka_unit_test(a_simulation_has_a_run_each_day),
                cmocka_unit_test(a_cap_never_leaves_an_image_without_what_it_stands_on),
                cmocka_unit_test(a_rule_has_a_limit_of_its_own),
                cmocka_unit_test(shared_layers_free_nothing),
                cmocka_unit_test(doubtful_sources_stop_a_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
