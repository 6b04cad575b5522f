/* Rules as they are written: what they say, and what is refused, where, and how it should be written. */
#include "tests/unit/janitor/fixture.h"

static const char everything[] =
        "# what holds for all\n"
        "janitor {\n"
        "  most_images = 500\n  most_percent = 12.5\n  most_bytes = \"2T\"\n"
        "  usage_fresh = \"30min\"\n  usage_shrink = 10\n  usage_sources = [\"libvirt:*\", \"aws\"]\n"
        "  restore = \"14d\"\n  business_days = [\"sun\", \"mon\"]\n  holidays = [\"2026-12-25\", \"01-01\"]\n"
        "  mail_from = \"bakery@example.org\"\n  mail_domain = \"example.org\"\n  base_url = \"https://images.example.org\"\n"
        "}\n"
        "protect \"forever\" {\n  why = \"somebody said so\"\n  scope = \"keep=forever\"\n}\n"
        "keep \"three\" {\n  scope = \"type=application\"\n  newest = 3\n  newest_bytes = \"10GiB\"\n  by = [\"name\", \"release\"]\n"
        "  when {\n    state = [\"tested\", \"promoted\"]\n  }\n}\n"
        "retire \"old\" {\n  when {\n    age = \"30d\"\n    any {\n      failed = true\n      not { in_use = true }\n    }\n  }\n"
        "  action = \"purge\"\n  grace = \"72h\"\n  restore = \"0d\"\n  most = 50\n  least = 2\n  by = [\"type\"]\n"
        "  notify = [\"mail:owner\", \"mail:a@b.example\", \"webhook:https://hooks.example/x\", \"command:/usr/bin/tell\"]\n}\n"
        "retire \"stale-apps\" { scope = \"type=application\"  when { not_launched_for = \"45d\"  not_referenced_for = \"45d\" }  "
        "action = \"trash\"  grace = \"3bd\" }\n";

static void settings_are_read(void **state)
{
        autorules rules = { 0 };
        struct bk_error err = { 0 };
        const struct janitor_settings *s = &rules.settings;

        (void)state;
        assert_ok(parse_rules(everything, &rules, &err), err);
        assert_int_equal(s->caps.count, 500);
        assert_true(s->caps.percent == 12.5);
        assert_int_equal(s->caps.bytes, INT64_C(2) << 40);
        assert_int_equal(s->usage_fresh, 1800);
        assert_true(s->usage_shrink == 10);
        assert_int_equal(s->usage_sources.n, 2);
        assert_int_equal(s->restore, 14 * 86400);
        assert_int_equal(s->business_days, 1 | 1 << 6);
        assert_string_equal(s->holidays.v[1], "01-01");
        assert_string_equal(s->mail_from, "bakery@example.org");
        assert_string_equal(s->mail_domain, "example.org");
        assert_string_equal(s->base, "https://images.example.org");
}

static void settings_have_defaults(void **state)
{
        autorules rules = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(parse_rules("", &rules, &err), err);
        assert_int_equal(rules.n, 0);
        assert_int_equal(rules.settings.caps.count, 100);
        assert_true(rules.settings.caps.percent == 25);
        assert_int_equal(rules.settings.caps.bytes, -1);
        assert_int_equal(rules.settings.usage_fresh, 3600);
        assert_int_equal(rules.settings.restore, 7 * 86400);
        assert_int_equal(rules.settings.business_days, 0x1f);
        janitor_rules_done(&rules);
        assert_ok(parse_rules("janitor {\n most_images = \"none\"\n most_percent = \"none\"\n most_bytes = \"none\"\n}", &rules, &err), err);
        assert_int_equal(rules.settings.caps.count, -1);
        assert_true(rules.settings.caps.percent == -1);
        assert_int_equal(rules.settings.caps.bytes, -1);
}

static void assert_keepers(const struct janitor_rule *protect, const struct janitor_rule *keep)
{
        assert_int_equal(protect->kind, JANITOR_PROTECT);
        assert_string_equal(protect->name, "forever");
        assert_string_equal(protect->why, "somebody said so");
        assert_string_equal(protect->scope_text, "keep=forever");
        assert_non_null(protect->scope);
        assert_int_equal(protect->when.node, JANITOR_ALL);
        assert_int_equal(protect->when.n, 0);
        assert_int_equal(keep->kind, JANITOR_KEEP);
        assert_int_equal(keep->newest, 3);
        assert_int_equal(keep->newest_bytes, UINT64_C(10) << 30);
        assert_int_equal(keep->by.n, 2);
        assert_string_equal(keep->by.v[1], "release");
        assert_int_equal(keep->when.items[0].states, 1 << REG_TESTED | 1 << REG_PROMOTED);
}

static void rules_are_read(void **state)
{
        autorules rules = { 0 };
        struct bk_error err = { 0 };
        const struct janitor_rule *old, *apps;
        const struct janitor_term *any;

        (void)state;
        assert_ok(parse_rules(everything, &rules, &err), err);
        assert_string_equal(rules.file, "r");
        assert_int_equal(rules.n, 4);
        assert_keepers(&rules.v[0], &rules.v[1]);
        old = &rules.v[2];
        assert_int_equal(old->place.line, 29);
        assert_ptr_equal(old->place.file, rules.file);
        assert_null(old->scope);
        assert_int_equal(old->when.n, 2);
        assert_string_equal(old->when.text, "all { age = \"30d\"  any { failed = true  not { in_use = true } } }");
        assert_int_equal(old->when.items[0].number, 30 * 86400);
        assert_int_equal(old->when.items[0].place.line, 31);
        assert_int_equal(old->when.items[0].place.column, 5);
        any = &old->when.items[1];
        assert_int_equal(any->node, JANITOR_ANY);
        assert_int_equal(any->items[1].node, JANITOR_NOT);
        assert_int_equal(any->items[1].items[0].test, JANITOR_IN_USE);
        assert_int_equal(old->action, REG_PRUNE_PURGE);
        assert_int_equal(old->grace.seconds, 72 * 3600);
        assert_int_equal(old->restore, 0);
        assert_int_equal(old->most, 50);
        assert_int_equal(old->least, 2);
        assert_int_equal(old->n_notify, 4);
        assert_string_equal(old->notify[0].to, "owner");
        assert_int_equal(old->notify[2].how, JANITOR_WEBHOOK);
        assert_string_equal(old->notify[2].to, "https://hooks.example/x");
        assert_string_equal(old->notify[3].to, "/usr/bin/tell");
        apps = &rules.v[3];
        assert_int_equal(apps->grace.business_days, 3);
        assert_int_equal(apps->restore, 14 * 86400);            /* the block janitor's */
        assert_int_equal(apps->most, -1);
        assert_int_equal(apps->by.n, 0);
        assert_int_equal(apps->when.n, 2);
}

/* --- predicates ------------------------------------------------------------------------------ */
static const struct { const char *text; enum janitor_test test; int64_t number; const char *word; } predicates[] = {
        { "match = \"environment!=prod&version<2\"", JANITOR_MATCH, 0, NULL },
        { "state = \"baked\"", JANITOR_STATE, 0, NULL },
        { "age = \"90s\"", JANITOR_AGE, 90, NULL },
        { "age = \"2min\"", JANITOR_AGE, 120, NULL },
        { "in_state_for = \"2w\"", JANITOR_IN_STATE_FOR, 14 * 86400, NULL },
        { "not_launched_for = \"1y\"", JANITOR_NOT_LAUNCHED_FOR, 365 * 86400, NULL },
        { "not_referenced_for = \"3h\"", JANITOR_NOT_REFERENCED_FOR, 3 * 3600, NULL },
        { "not_headed_for = \"30d\"", JANITOR_NOT_HEADED_FOR, 30 * 86400, NULL },
        { "not_used_as_ancestor_for = \"30d\"", JANITOR_NOT_USED_AS_ANCESTOR_FOR, 30 * 86400, NULL },
        { "in_use = true", JANITOR_IN_USE, 1, NULL },
        { "head = false", JANITOR_HEAD, 0, NULL },
        { "living_descendants = false", JANITOR_DESCENDANTS, 0, NULL },
        { "newest = 3", JANITOR_NEWEST, 3, "kind" },
        { "newest = 3, by = [\"name\", \"release\"]", JANITOR_NEWEST, 3, "name" },
        { "superseded_for = \"90d\"", JANITOR_SUPERSEDED_FOR, 90 * 86400, NULL },
        { "superseded = true", JANITOR_SUPERSEDED, 1, NULL },
        { "newest_tested = true", JANITOR_NEWEST_TESTED, 1, NULL },
        { "failed = true", JANITOR_FAILED, 1, NULL },
        { "untested = true", JANITOR_UNTESTED, 1, NULL },
        { "revoked = true", JANITOR_REVOKED, 1, NULL },
        { "hidden = true", JANITOR_HIDDEN, 1, NULL },
        { "vulnerable = \"high\"", JANITOR_VULNERABLE, 0, NULL },
        { "size = \">1GiB\"", JANITOR_SIZE, 1 << 30, NULL },
        { "size = \"<=500M\"", JANITOR_SIZE, 500 << 20, NULL },
        { "hold = true", JANITOR_HOLD, 1, NULL },
        { "opted_out = true", JANITOR_OPTED_OUT, 1, NULL },
        { "owner = [\"ada\", \"bob\"]", JANITOR_OWNER, 0, "ada" },
        { "tagged = \"keep\"", JANITOR_TAGGED, 0, "keep" },
        { "ancestor_revoked = true", JANITOR_ANCESTOR_GONE, 1, NULL },
        { "ttl = \"expired\"", JANITOR_TTL, 0, NULL },
        { "launched_within = \"30d\"", JANITOR_LAUNCHED_WITHIN, 30 * 86400, NULL },
        { "headed_within = \"30d\"", JANITOR_HEADED_WITHIN, 30 * 86400, NULL },
};

static void every_predicate_is_read(void **state)
{
        unsigned seen = 0;

        (void)state;
        for (size_t i = 0; i < sizeof predicates / sizeof *predicates; i++) {
                const char *comma = strstr(predicates[i].text, ", by");
                const int first = comma ? (int)(comma - predicates[i].text) : 200;
                char *text = bk_format("protect \"p\" {\n when {\n%.*s\n%s\n}\n}", first, predicates[i].text, comma ? comma + 2 : "");
                autorules rules = { 0 };
                struct bk_error err = { 0 };
                const struct janitor_term *term;

                print_message("# %s\n", predicates[i].text);
                assert_ok(parse_rules(text, &rules, &err), err);
                free(text);
                assert_int_equal(rules.v[0].when.n, 1);
                term = &rules.v[0].when.items[0];
                assert_int_equal(term->test, predicates[i].test);
                assert_int_equal(term->number, predicates[i].number);
                assert_string_equal(term->text, predicates[i].text);
                assert_int_equal(strncmp(term->text, janitor_test_name(term->test), strlen(janitor_test_name(term->test))), 0);
                if (predicates[i].word != NULL)
                        assert_string_equal(term->words.v[0], predicates[i].word);
                seen |= 1U << term->test;
        }
        assert_int_equal(seen, (1U << JANITOR_TESTS) - 1);
}

static void holes_are_described(void **state)
{
        autorules rules = { 0 };
        struct bk_error err = { 0 };
        const struct janitor_term *term;

        (void)state;
        assert_ok(parse_rules("protect \"p\" {\n when {\n vulnerable {\n severity = \"critical\"\n age = \"14d\"\n fixable = true\n "
                              "fixed_successor = false\n}\n vulnerable {}\n }\n}", &rules, &err), err);
        term = &rules.v[0].when.items[0];
        assert_int_equal(term->hole.severity, 5);
        assert_int_equal(term->hole.age, 14 * 86400);
        assert_int_equal(term->hole.fixable, 1);
        assert_int_equal(term->hole.fixed_successor, 0);
        assert_string_equal(term->text, "vulnerable { severity = \"critical\"  age = \"14d\"  fixable = true  fixed_successor = false }");
        term = &rules.v[0].when.items[1];
        assert_int_equal(term->hole.severity, 1);
        assert_int_equal(term->hole.fixable, -1);
        assert_int_equal(term->place.line, 9);
}

static void json_says_the_same(void **state)
{
        static const char json[] = "{\"janitor\": {\"most_images\": 5},\n \"protect\": {\"forever\": {\"scope\": \"keep=forever\"}},\n"
                                   " \"retire\": {\"old\": {\"action\": \"trash\", \"grace\": \"3bd\", \"when\": {\"age\": \"30d\", "
                                   "\"any\": [{\"failed\": true, \"untested\": true}], \"vulnerable\": {\"severity\": \"high\"}}}}}";
        autorules rules = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(parse_rules(json, &rules, &err), err);
        assert_int_equal(rules.settings.caps.count, 5);
        assert_int_equal(rules.n, 2);
        assert_string_equal(rules.v[1].when.text,
                            "all { age = \"30d\"  any { failed = true  untested = true }  vulnerable { severity = \"high\" } }");
        assert_int_equal(rules.v[1].place.line, 3);
        janitor_rules_done(&rules);
        assert_fails_with(parse_rules("{\"retire\": {\"old\": {\"action\": \"trash\",\n \"when\": {\"age\": 30}}}}", &rules, &err), err, BK_INVALID);
        assert_string_equal(err.at, "r:2:18");
}

/* --- what is refused --------------------------------------------------------------------------- */
#define RETIRE(inside) "retire \"x\" {\n action = \"trash\"\n when {\n  age = \"1d\"\n }\n" inside "\n}"
#define WHEN(inside) "protect \"x\" {\n when {\n" inside "\n }\n}"

static const struct { const char *why, *text, *at, *says; } refused[] = {
        { "a word that is nearly known", WHEN("  in_us = true"), "r:3:3", "a list of conditions has no 'in_us'; did you mean 'in_use'?" },
        { "a block that is nearly known", "retre \"x\" {}", "r:1:1", "a file of rules has no 'retre'; did you mean 'retire'?" },
        { "an argument of the file", "restore = \"7d\"", "r:1:1", "a file of rules has no 'restore'; did you mean 'retire'?" },
        { "an unknown attribute", RETIRE(" gracee = \"3d\""), "r:6:2", "did you mean 'grace'?" },
        { "protect with an action", "protect \"x\" {\n action = \"trash\"\n}", "r:2:2", "a protect rule has no 'action'" },
        { "keep with a grace", "keep \"x\" {\n grace = \"3d\"\n}", "r:2:2", "a keep rule has no 'grace'" },
        { "no name", "retire {}", "r:1:1", "needs a name" },
        { "a name with a blank", "protect \"a b\" {}", "r:1:9", "a rule's name has 1 to 64" },
        { "an empty name", "protect \"\" {}", "r:1:9", "a rule's name has 1 to 64" },
        { "a name twice", "protect \"x\" {}\nprotect \"x\" {}", "r:2:9", "there is a protect rule \"x\" already, on line 1" },
        { "retire without when", "retire \"x\" {\n action = \"trash\"\n}", "r:1:1", "has no 'when { ... }', and would find every image" },
        { "retire without action", "retire \"x\" {\n when {\n age = \"1d\"\n }\n}", "r:1:1", "has no action; write action = \"trash\"" },
        { "an empty when", "retire \"x\" {\n action = \"trash\"\n when {}\n}", "r:3:2", "'when' is empty" },
        { "an empty any", WHEN("  any {}"), "r:3:3", "'any' is empty" },
        { "two whens", RETIRE(" when {\n age = \"1d\"\n }"), "r:6:2", "one block 'when' at most" },
        { "an unknown action", "retire \"x\" {\n action = \"delete\"\n when {\n age = \"1d\"\n }\n}", "r:2:11",
          "there is no \"delete\" here; write \"deprecate\", \"hide\", \"trash\" or \"purge\"" },
        { "an action nearly known", "retire \"x\" {\n action = \"trsh\"\n when {\n age = \"1d\"\n }\n}", "r:2:11", "did you mean \"trash\"?" },
        { "minutes or months", WHEN("  age = \"6m\""), "r:3:9", "age: '6m' may be minutes or months; write 6min, or days" },
        { "months", WHEN("  age = \"6mo\""), "r:3:9", "months are not equally long" },
        { "business days of age", WHEN("  age = \"3bd\""), "r:3:9", "business days are for a grace only" },
        { "an age without a unit", WHEN("  age = 30"), "r:3:9", "30 of what?" },
        { "an age without a unit, in quotes", WHEN("  age = \"30\""), "r:3:9", "'30' of what?" },
        { "an age with a comparison", WHEN("  age = \"<30d\""), "r:3:9", "an age takes no '<'" },
        { "a negative age", WHEN("  age = \"-30d\""), "r:3:9", "is no length of time" },
        { "two units", WHEN("  age = \"1d12h\""), "r:3:9", "write one number and one unit" },
        { "too long an age", WHEN("  age = \"101y\""), "r:3:9", "too long a time" },
        { "far too long an age", WHEN("  age = \"99999999999999999999d\""), "r:3:9", "too long a time" },
        { "too many business days", RETIRE(" grace = \"1001bd\""), "r:6:10", "at most 1000 business days" },
        { "a size without a comparison", WHEN("  size = \"1G\""), "r:3:10", "a size is compared: write '>=1G' or '<=1G'" },
        { "a decimal size", WHEN("  size = \">1GB\""), "r:3:10", "may be decimal or binary; write 'GiB'" },
        { "an unknown unit", WHEN("  size = \">1X\""), "r:3:10", "'X' is no unit of sizes" },
        { "too large", WHEN("  size = \">9999999999999T\""), "r:3:10", "more than there can be" },
        { "true in quotes", WHEN("  in_use = \"true\""), "r:3:12", "expected true or false, without quotes, found a string" },
        { "an unknown state", WHEN("  state = [\"baked\", \"testd\"]"), "r:3:21", "did you mean \"tested\"?" },
        { "a state twice", WHEN("  state = [\"baked\", \"baked\"]"), "r:3:21", "in the list twice" },
        { "no state", WHEN("  state = []"), "r:3:11", "the list is empty" },
        { "none of the newest", WHEN("  newest = 0"), "r:3:12", "expected a whole number from 1" },
        { "half of the newest", WHEN("  newest = 1.5"), "r:3:12", "expected a whole number" },
        { "by without newest", WHEN("  by = [\"name\"]"), "r:3:3", "'by' belongs to 'newest'" },
        { "by what is no attribute", WHEN("  newest = 1\n  by = [\"name\", \"layer\"]"), "r:4:17", "'layer' is no attribute; groups are made by" },
        { "tagged by a column", WHEN("  tagged = \"state\""), "r:3:12", "'state' is no attribute" },
        { "tagged with several", WHEN("  tagged = [\"a\", \"b\"]"), "r:3:12", "expected one attribute" },
        { "a ttl in days", WHEN("  ttl = \"10d\""), "r:3:9", "write \"expired\"" },
        { "an unknown severity", WHEN("  vulnerable = \"hihg\""), "r:3:16", "did you mean \"high\"?" },
        { "an unknown word of a hole", WHEN("  vulnerable {\n   sevrity = \"high\"\n  }"),
          "r:4:4", "'vulnerable' has no 'sevrity'; did you mean 'severity'?" },
        { "a broken query", WHEN("  match = \"a<<1,2\""), "r:3:11", "match: " },
        { "a broken scope", "protect \"x\" {\n scope = \"a=%zz\"\n}", "r:2:10", "scope: " },
        { "a scope with an option", "protect \"x\" {\n scope = \"a=1&_latest\"\n}", "r:2:10", "_latest" },
        { "a reason with a bell", "protect \"x\" {\n why = \"a\\u0007b\"\n}", "r:2:8", "why: expected one line" },
        { "an empty reason", "protect \"x\" {\n why = <<END\nEND\n}", "r:2:8", "why: expected text, found an empty one" },
        { "a scope of two lines, heredoc", "protect \"x\" {\n scope = <<END\na=1\nb=2\nEND\n}", "r:2:10", "expected one line" },
        { "an empty scope", "protect \"x\" {\n scope = \"\"\n}", "r:2:10", "expected text, found an empty one" },
        { "a scope of two lines", "protect \"x\" {\n scope = \"a=1\\nb=2\"\n}", "r:2:10", "expected one line" },
        { "restore of what is only hidden", "retire \"x\" {\n action = \"hide\"\n restore = \"1d\"\n when {\n age = \"1d\"\n }\n}", "r:3:2",
          "'restore' is how long the trash keeps an image; action \"hide\" puts none there" },
        { "by without a quota", RETIRE(" by = [\"name\"]"), "r:6:2", "'by' belongs to 'least'" },
        { "by without a quota, keep", "keep \"x\" {\n by = [\"name\"]\n}", "r:2:2", "'by' belongs to 'newest' and 'newest_bytes'" },
        { "at most none", RETIRE(" most = 0"), "r:6:9", "expected a whole number from 1" },
        { "telling nobody", RETIRE(" notify = [\"owner\"]"), "r:6:12", "'owner' tells nobody; write mail:owner" },
        { "no address", RETIRE(" notify = \"mail:ada\""), "r:6:11", "'ada' is no mail address" },
        { "an address that is an option", RETIRE(" notify = \"mail:-oQ/tmp@x\""), "r:6:11", "is no mail address" },
        { "two addresses", RETIRE(" notify = \"mail:a@b,c@d\""), "r:6:11", "is no mail address" },
        { "no URL", RETIRE(" notify = \"webhook:ftp://x\""), "r:6:11", "is no URL" },
        { "a relative program", RETIRE(" notify = \"command:tell\""), "r:6:11", "is no absolute path" },
        { "two blocks janitor", "janitor {}\njanitor {}", "r:2:1", "one block 'janitor' at most" },
        { "an unknown setting", "janitor {\n most_image = 1\n}", "r:2:2", "did you mean 'most_images'?" },
        { "a cap of nothing", "janitor {\n most_images = 0\n}", "r:2:16", "most_images (or \"none\")" },
        { "too many percent", "janitor {\n most_percent = 101\n}", "r:2:17", "from 0 to 100" },
        { "an unknown day", "janitor {\n business_days = [\"monday\"]\n}", "r:2:19", "business_days: there is no \"monday\" here" },
        { "no day", "janitor {\n holidays = [\"2026-02-29\"]\n}", "r:2:14", "'2026-02-29' is no day" },
        { "no domain", "janitor {\n mail_domain = \"a@b\"\n}", "r:2:16", "mail_domain: expected a domain" },
        { "a reference", WHEN("  age = var.age"), "r:3:9", "what 'var.' refers to is not understood here" },
        { "a string for a number in text", WHEN("  owner = 5"), "r:3:11", "expected text in double quotes, found a number" },
};

static void what_is_wrong_is_refused_at_its_place(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                autorules rules = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", refused[i].why);
                assert_fails_with(parse_rules(refused[i].text, &rules, &err), err, BK_INVALID);
                if (strstr(err.text, refused[i].says) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, refused[i].says);
                assert_string_equal(err.at, refused[i].at);
                assert_null(rules.v);
        }
}

/* Whatever is text may be a heredoc of one line; what a rule is for may have several, and is one. */
static void heredocs_are_text(void **state)
{
        autorules rules = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(parse_rules("retire \"x\" {\n why = <<END\nNobody needs them,\nand they are large.\nEND\n action = <<END\ntrash\nEND\n"
                              " when {\n match = <<-END\n   grp=a\n  END\n owner = [<<END\nada\nEND\n, \"bob\"]\n }\n}", &rules, &err), err);
        assert_string_equal(rules.v[0].why, "Nobody needs them, and they are large.");
        assert_int_equal(rules.v[0].action, REG_PRUNE_TRASH);
        assert_int_equal(rules.v[0].when.n, 2);
        assert_string_equal(rules.v[0].when.items[1].words.v[0], "ada");
}

static void leap_days_are_holidays_where_there_are_any(void **state)
{
        autorules rules = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(parse_rules("janitor {\n holidays = [\"2028-02-29\", \"02-29\", \"2000-02-29\"]\n}", &rules, &err), err);
        janitor_rules_done(&rules);
        assert_fails_with(parse_rules("janitor {\n holidays = [\"2100-02-29\"]\n}", &rules, &err), err, BK_INVALID);
}

/* --- what they look at ---------------------------------------------------------------------------- */
static void rules_ask_for_what_they_look_at(void **state)
{
        static const char *const keys[] = { "keep", "release", "environment", "legal_hold", "owner", "team" };
        autorules rules = { 0 };
        autostrv struct bk_strv asked = { 0 };
        struct bk_error err = { 0 };
        unsigned want = 0;

        (void)state;
        assert_ok(parse_rules("protect \"a\" {\n scope = \"keep=forever&name=x\"\n}\n"
                              "keep \"b\" {\n newest = 1\n by = [\"name\", \"release\"]\n}\n"
                              "retire \"c\" {\n action = \"hide\"\n notify = \"mail:owner\"\n when {\n match = \"environment=dev&keep!=x\"\n"
                              " any {\n hold = true\n tagged = \"team\"\n not { not_referenced_for = \"1d\" }\n }\n }\n}", &rules, &err), err);
        janitor_rules_ask(&rules, &want, &asked);
        assert_int_equal(want, REG_FACTS_LAUNCHES | REG_FACTS_HEADED | REG_FACTS_MAKERS);
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                assert_true(bk_strv_has(&asked, keys[i]));
        assert_int_equal(asked.n, sizeof keys / sizeof *keys);
        janitor_rules_done(&rules);
        assert_ok(parse_rules("protect \"a\" {\n when {\n vulnerable {\n fixed_successor = true\n }\n newest = 1\n failed = true\n "
                              "opted_out = true\n }\n}", &rules, &err), err);
        janitor_rules_ask(&rules, &want, &asked);
        assert_int_equal(want, REG_FACTS_VULNERABLE | REG_FACTS_KINDS | REG_FACTS_STATES | REG_FACTS_VERDICTS | REG_FACTS_MARKS);
}

static void a_digest_is_of_the_text(void **state)
{
        autorules one = { 0 };
        autorules other = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(parse_rules("# a", &one, &err), err);
        assert_ok(parse_rules("# b", &other, &err), err);
        assert_int_equal(strncmp(one.digest, "sha256:", 7), 0);
        assert_string_not_equal(one.digest, other.digest);
}

static void a_missing_file_is_an_error(void **state)
{
        autorules rules = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_fails_with(janitor_rules_load("/nowhere/janitor.hcl", &rules, &err), err, BK_NOT_FOUND);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(settings_are_read),
                cmocka_unit_test(settings_have_defaults),
                cmocka_unit_test(rules_are_read),
                cmocka_unit_test(every_predicate_is_read),
                cmocka_unit_test(holes_are_described),
                cmocka_unit_test(json_says_the_same),
                cmocka_unit_test(what_is_wrong_is_refused_at_its_place),
                cmocka_unit_test(heredocs_are_text),
                cmocka_unit_test(leap_days_are_holidays_where_there_are_any),
                cmocka_unit_test(rules_ask_for_what_they_look_at),
                cmocka_unit_test(a_digest_is_of_the_text),
                cmocka_unit_test(a_missing_file_is_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
