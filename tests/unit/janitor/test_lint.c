/* What lint says of rules, and where; and that it says nothing of the rules that are given as examples. */
#include "tests/unit/janitor/fixture.h"

#include <jansson.h>

#include "lib/fs.h"

#define SETTINGS "janitor { usage_sources = \"libvirt:*\"  mail_domain = \"example.org\" }\n"

static char *lint(const char *file, const char *text)
{
        autorules rules = { 0 };
        struct bk_error err = { 0 };
        json_t *found = NULL;
        char *said;

        if (janitor_rules_parse(file, text, strlen(text), &rules, &err) != 0)
                fail_msg("%s: %s\n%s", err.at, err.text, text);
        assert_ok(janitor_lint(&rules, &found, &err), err);
        said = json_dumps(found, JSON_COMPACT);
        json_decref(found);
        return said;
}

/* --- what is found ------------------------------------------------------------------------------- */
#define RETIRE(name, action, inside) "retire \"" name "\" { action = \"" action "\"  when { " inside " } }\n"

static const struct { const char *why, *text, *place, *says; } odd[] = {
        { "an age and its opposite", RETIRE("a", "trash", "age = \"30d\"  not { age = \"20d\" }"), "r:2:1",
          "can never match: 'age = \\\"30d\\\"' and 'not { age = \\\"20d\\\" }' exclude each other" },
        { "in its state for longer than there", RETIRE("a", "trash", "in_state_for = \"30d\"  not { age = \"30d\" }"), "r:2:1", "can never match" },
        { "not referenced, yet launched", RETIRE("a", "trash", "not_referenced_for = \"30d\"  not { not_launched_for = \"7d\" }"),
          "r:2:1", "can never match" },
        { "two states", RETIRE("a", "trash", "state = \"baked\"  all { state = \"tested\" }"), "r:2:1", "leave no state" },
        { "a state and its opposite", RETIRE("a", "trash", "state = \"baked\"  not { state = [\"baked\", \"tested\"] }"),
          "r:2:1", "can never match" },
        { "revoked and baked", RETIRE("a", "trash", "revoked = true  state = \"baked\""), "r:2:1", "leave no state" },
        { "states of the scope", "retire \"a\" { scope = \"type=base&state=promoted\"  action = \"trash\"  when { state = \"baked\" } }",
          "r:2:1", "leave no state" },
        { "untested and promoted", "retire \"a\" { scope = \"?state=tested\"  action = \"trash\"  when { untested = true } }",
          "r:2:1", "leave no state" },
        { "a flag and its opposite", RETIRE("a", "trash", "failed = true  all { failed = false }"), "r:2:1", "exclude each other" },
        { "a flag and not the flag", RETIRE("a", "trash", "failed = true  not { failed = true }"), "r:2:1", "exclude each other" },
        { "superseded and the newest", RETIRE("a", "trash", "superseded_for = \"1d\"  newest_tested = true"), "r:2:1", "exclude each other" },
        { "a double negation", RETIRE("a", "trash", "failed = false  not { not { failed = true } }"), "r:2:1", "exclude each other" },
        { "headed lately, and not for long", RETIRE("a", "trash", "headed_within = \"10d\"  not_headed_for = \"30d\""),
          "r:2:1", "exclude each other" },
        { "sizes", RETIRE("a", "trash", "size = \">1G\"  all { size = \"<1G\" }"), "r:2:1", "no size meets all" },
        { "no size between", RETIRE("a", "trash", "size = \">=1G\"  not { size = \">=1G\" }"), "r:2:1", "can never match" },
        { "smaller than nothing", RETIRE("a", "trash", "size = \"<0\"  failed = true"), "r:2:1", "no size meets all" },
        { "two types", "retire \"a\" { scope = \"type=base\"  action = \"trash\"  when { match = \"type=application,foundation\" } }", "r:2:1",
          "'type=base' and 'type=application,foundation' exclude each other" },
        { "two names", "retire \"a\" { scope = \"nginx?release=bookworm&name=web\"  action = \"trash\"  when { age = \"1d\" } }", "r:2:1",
          "'name=nginx' and 'name=web'" },
        { "every way barred", RETIRE("a", "trash", "failed = false  any { failed = true  all { age = \"2d\"  not { age = \"1d\" } } }"), "r:2:1",
          "can never match" },
        { "in use", RETIRE("a", "trash", "in_use = true"), "r:2:1", "does nothing: what is in use is never retired" },
        { "a head", RETIRE("a", "hide", "not { head = false }"), "r:2:1", "does nothing: what heads a channel" },
        { "in the trash", RETIRE("a", "purge", "state = \"trashed\""),
          "r:2:1", "does nothing: what is in the trash is purged when its time there ends" },
        { "deprecated already", RETIRE("a", "deprecate", "state = [\"deprecated\", \"revoked\"]"), "r:2:1", "is deprecated already" },
        { "hidden already", RETIRE("a", "hide", "hidden = true"), "r:2:1", "is hidden already" },
        { "always old enough", RETIRE("a", "trash", "age = \"0d\"  failed = true"), "r:2:39", "holds always; leave it out" },
        { "in any state", RETIRE("a", "trash", "state = [\"baked\", \"tested\", \"promoted\", \"deprecated\", \"revoked\", \"trashed\"]"), "r:2:39",
          "these are all the states" },
        { "everything protected", "protect \"all\" {}\n" RETIRE("a", "trash", "age = \"1d\""), "r:3:1",
          "does nothing: protect \\\"all\\\" on line 2 keeps every image" },
        { "its scope protected", "protect \"p\" { scope = \"type=base\" }\nretire \"a\" { scope = \"release=x&type=base\"  action = \"hide\"  "
          "when { age = \"1d\" } }", "r:3:1", "protect \\\"p\\\" on line 2 keeps all that it finds" },
        { "all that it finds protected", "keep \"k\" { when { age = \"10d\" } }\n" RETIRE("a", "trash", "age = \"20d\"  failed = true"), "r:3:1",
          "keep \\\"k\\\" on line 2 keeps all that it finds" },
        { "a protect in a protect", "protect \"p\" { scope = \"type=base\" }\nprotect \"q\" { scope = \"type=base\"  when { failed = true } }",
          "r:3:1",
          "is superfluous: protect \\\"p\\\" on line 2" },
        { "a quota in a protect", "protect \"p\" { scope = \"type=base\" }\nkeep \"q\" { scope = \"type=base\"  newest = 3 }",
          "r:3:1", "is superfluous" },
        { "the same twice", "protect \"p\" { when { failed = true } }\nprotect \"q\" { when { failed = true } }", "r:3:1",
          "is the same as protect \\\"p\\\" on line 2" },
        { "the same quota twice", "keep \"p\" { newest = 3 }\nkeep \"q\" { newest = 3  by = \"kind\" }", "r:3:1", "is the same as keep" },
        { "the same retirement twice", RETIRE("a", "trash", "failed = true  age = \"7d\"") RETIRE("b", "trash", "age = \"1w\"  failed = true"),
          "r:3:1",
          "finds the same images as retire \\\"a\\\" on line 2" },
        { "the same, with other actions", RETIRE("a", "deprecate", "age = \"7d\"") RETIRE("b", "trash", "age = \"7d\""), "r:2:1",
          "contradicts retire \\\"b\\\" on line 3, which finds the same images and does more (trash)" },
        { "the same, and a business day is no shorter", "retire \"a\" { action = \"deprecate\"  grace = \"1bd\"  notify = \"mail:a@b.c\"  "
          "when { age = \"7d\" } }\nretire \"b\" { action = \"trash\"  grace = \"1d\"  notify = \"mail:a@b.c\"  when { age = \"7d\" } }",
          "r:2:1", "contradicts retire \\\"b\\\"" },
        { "outdone", RETIRE("a", "trash", "age = \"7d\"") RETIRE("b", "hide", "age = \"30d\"  failed = true"), "r:3:1",
          "is superfluous: all that it finds, retire \\\"a\\\" on line 2 finds too" },
        { "a name twice", "protect \"a\" { scope = \"keep=1\" }\n" RETIRE("a", "trash", "age = \"7d\""),
          "r:3:1", "has the name of protect \\\"a\\\" on line 2" },
        { "telling at once", "retire \"a\" { action = \"trash\"  notify = \"mail:owner\"  when { age = \"1d\" } }", "r:2:1", "but has no grace" },
        { "waiting in silence", "retire \"a\" { action = \"trash\"  grace = \"3d\"  when { age = \"1d\" } }", "r:2:1", "but tells nobody" },
        { "purging as trash does", RETIRE("a", "purge", "age = \"1d\""), "r:2:1", "is the same as trash" },
};

static void what_is_odd_is_said_with_its_place(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
                char *text = bk_format("%s%s", SETTINGS, odd[i].text), *said = lint("r", text), *place = bk_format("\"place\":\"%s\"", odd[i].place);

                print_message("# %s\n", odd[i].why);
                if (strstr(said, odd[i].says) == NULL || strstr(said, place) == NULL)
                        fail_msg("%s\ndoes not say '%s' at %s", said, odd[i].says, odd[i].place);
                free(text);
                free(said);
                free(place);
        }
}

static void settings_are_looked_at(void **state)
{
        static const struct { const char *text, *says; } missing[] = {
                { "janitor { usage_sources = \"x\" }\n"
                  "retire \"a\" { action = \"hide\"  grace = \"3d\"  notify = \"mail:owner\"  when { age = \"1d\" } }",
                  "owners are names, not addresses" },
                { RETIRE("a", "trash", "any { not_launched_for = \"45d\"  failed = true }"), "no source of usage has to be there" },
                { "janitor { most_images = \"none\"  most_percent = \"none\" }", "nothing limits what one run may do" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
                char *said = lint("r", missing[i].text);

                if (strstr(said, missing[i].says) == NULL)
                        fail_msg("%s\ndoes not say '%s'", said, missing[i].says);
                free(said);
        }
}

/* --- what is not odd ------------------------------------------------------------------------------- */
static const struct { const char *why, *text; } fine[] = {
        { "nothing", "" },
        { "between two ages", RETIRE("a", "trash", "age = \"10d\"  not { age = \"20d\" }") },
        { "sizes between", RETIRE("a", "trash", "size = \">=1G\"  not { size = \">2G\" }") },
        { "one of several ways is open", RETIRE("a", "trash", "failed = false  any { failed = true  age = \"1d\" }") },
        { "not all of several", RETIRE("a", "trash", "failed = true  not { failed = true  untested = true }") },
        { "escalating", RETIRE("a", "deprecate", "age = \"30d\"") RETIRE("b", "trash", "age = \"60d\"") },
        { "escalating by a grace", RETIRE("a", "deprecate", "age = \"30d\"")
          "retire \"b\" { action = \"trash\"  grace = \"7d\"  notify = \"mail:owner\"  when { age = \"30d\" } }" },
        { "a business day may be longer than three", "retire \"a\" { action = \"deprecate\"  grace = \"3d\"  notify = \"mail:a@b.c\"  "
          "when { age = \"30d\" } }\nretire \"b\" { action = \"trash\"  grace = \"1bd\"  notify = \"mail:a@b.c\"  when { age = \"30d\" } }" },
        { "types that share one", "retire \"a\" { scope = \"type=base,application\"  action = \"trash\"  when { match = \"type=application\" } }" },
        { "patterns are not looked into", "retire \"a\" { scope = \"name=a*\"  action = \"trash\"  when { match = \"name=b*\" } }" },
        { "states on the ladder", "retire \"a\" { scope = \"state=baked\"  action = \"trash\"  when { state = \"promoted\" } }" },
        { "another scope", "protect \"p\" { scope = \"type=base\" }\n" RETIRE("a", "trash", "age = \"1d\"") },
        { "quotas of other groups", "keep \"p\" { newest = 3 }\nkeep \"q\" { newest = 3  by = \"name\" }" },
        { "a quota keeps some", "keep \"p\" { newest = 3 }\n" RETIRE("a", "trash", "age = \"1d\"") },
        { "a narrower one that is sooner", "retire \"a\" { action = \"trash\"  grace = \"9d\"  notify = \"mail:owner\"  when { age = \"7d\" } }\n"
          RETIRE("b", "trash", "age = \"7d\"  failed = true") },
        { "a wider one that is limited", "retire \"a\" { action = \"trash\"  most = 5  when { age = \"7d\" } }\n"
          RETIRE("b", "trash", "age = \"8d\"  failed = true") },
        { "purging at once", "retire \"a\" { action = \"purge\"  restore = \"0d\"  when { failed = true } }" },
        { "launched lately, not referenced for less", "protect \"a\" { when { launched_within = \"30d\"  not_launched_for = \"10d\" } }" },
};

static void what_is_not_odd_is_not_said(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
                char *text = bk_format("%s%s", SETTINGS, fine[i].text), *said = lint("r", text);

                print_message("# %s\n", fine[i].why);
                assert_string_equal(said, "[]");
                free(text);
                free(said);
        }
}

static void many_conditions_take_no_time(void **state)
{
        struct bk_strv parts = { 0 };
        char *text = bk_strdup("");

        (void)state;
        for (int i = 0; i < 300; i++)
                bk_strv_addf(&parts, "any { failed = true  untested = true  hidden = true  all { age = \"%dd\"  revoked = false } }", i + 1);
        for (size_t i = 0; i < parts.n; i++) {
                char *longer = bk_format("%s\n%s", text, parts.v[i]);

                free(text);
                text = longer;
        }
        {
                char *rule = bk_format(SETTINGS "retire \"a\" {\n action = \"trash\"\n when {%s\n}\n}", text), *said = lint("r", rule);

                assert_string_equal(said, "[]");
                free(rule);
                free(said);
        }
        free(text);
        bk_strv_done(&parts);
}

/* --- files that are given to people ------------------------------------------------------------------- */
static char *read_text(const char *path)
{
        struct bk_error err = { 0 };
        char *text = NULL;
        size_t length = 0;

        assert_ok(bk_read_file(path, 1 << 20, &text, &length, &err), err);
        return text;
}

static void the_sample_is_clean(void **state)
{
        char *text = read_text("images/janitor.hcl"), *said = lint("images/janitor.hcl", text);
        autorules rules = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_string_equal(said, "[]");
        assert_ok(janitor_rules_load("images/janitor.hcl", &rules, &err), err);
        assert_true(rules.n >= 8);
        free(text);
        free(said);
}

/* An example stands for itself: where it has no block janitor, it gets the one that it would need. */
static void assert_clean_example(const char *text, size_t length)
{
        char *example = bk_strndup(text, length), *whole = bk_format("%s%s", strstr(example, "janitor {") ? "" : SETTINGS, example);
        char *said = lint("docs/janitor.md", whole);

        if (strcmp(said, "[]") != 0)
                fail_msg("%s\nis said of\n%s", said, example);
        free(example);
        free(whole);
        free(said);
}

static unsigned fenced_examples(const char *text)
{
        unsigned n = 0;

        for (const char *p = text; (p = strstr(p, "```hcl\n")) != NULL; n++) {
                const char *end = strstr(p + 7, "\n```");

                assert_non_null(end);
                assert_clean_example(p + 7, (size_t)(end + 1 - (p + 7)));
                p = end + 4;
        }
        return n;
}

/* Rules in tables. */
static unsigned inline_examples(const char *text)
{
        static const char *const kinds[] = { "`protect \"", "`keep \"", "`retire \"", "`janitor {" };
        unsigned n = 0;

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                for (const char *p = text; (p = strstr(p, kinds[i])) != NULL; n++) {
                        const char *end = strchr(p + 1, '`');

                        assert_non_null(end);
                        assert_clean_example(p + 1, (size_t)(end - (p + 1)));
                        p = end;
                }
        return n;
}

static void the_document_does_not_lie(void **state)
{
        char *text = read_text("docs/janitor.md");

        (void)state;
        assert_true(fenced_examples(text) >= 4);
        assert_true(inline_examples(text) >= 25);
        for (unsigned i = 0; i < JANITOR_TESTS; i++) {          /* every predicate is explained */
                char *row = bk_format("| `%s", janitor_test_name((enum janitor_test)i));

                if (strstr(text, row) == NULL)
                        fail_msg("docs/janitor.md has no row %s", row);
                free(row);
        }
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_odd_is_said_with_its_place),
                cmocka_unit_test(settings_are_looked_at),
                cmocka_unit_test(what_is_not_odd_is_not_said),
                cmocka_unit_test(many_conditions_take_no_time),
                cmocka_unit_test(the_sample_is_clean),
                cmocka_unit_test(the_document_does_not_lie),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
