/* What a query finds, its conditions find in columns. */
#include "tests/unit/registry/queries.h"

#include <stdio.h>
#include <time.h>

#include "registry/facts.h"
#include "registry/life.h"
#include "registry/registry_priv.h"
#include "registry/usage.h"

enum { IMAGES = 60, QUERIES = 3000 };

static const char *const keys[] = { "kernel", "built", "note", "name", "application", "ancestor", "size", "sequence", "created_at", "type", "none",
                                    "id", "layer", "created_by", "created_on", "input_hash", "virtual_size", "channel", "package", "state" };

static void free_match(struct reg_match **match)
{
        reg_match_done(*match);
}
#define automatch BK_CLEANUP(free_match) struct reg_match

/* Facts with the attributes that a match looks at. */
static void read_for(struct reg *reg, const struct reg_match *match, unsigned want, int64_t only, struct reg_facts *ret)
{
        autostrv struct bk_strv wanted = { 0 };
        struct bk_error err = { 0 };

        reg_match_keys(match, &wanted);
        assert_ok(reg_facts_read(reg, &(struct reg_facts_ask){ .want = want, .keys = &wanted, .only = only }, ret, &err), err);
}

/* Images with attributes by chance, some on others, in all states; "3" and "a" are channels, packages are called as values are. */
static void fill(struct reg *reg)
{
        static const char *const attributes[] = { "kernel", "built", "note", "application" };
        static const char *const names[] = { "base", "web", "shop", "abc" };
        char *ids[IMAGES];
        struct bk_error err = { 0 };

        for (int i = 0; i < IMAGES; i++) {
                autofree char *seed = bk_format("%d", i);
                const struct reg_package packages[] = {
                        { .name = (char *)(lrand48() % 2 ? "abc" : "web"), .version = (char *)query_value(), .ecosystem = (char *)"deb" } };
                struct recipe recipe = { .seed = seed, .name = names[lrand48() % 4], .state = lrand48() % 2 ? REG_TESTED : REG_BAKED,
                                         .ancestor = i > 0 && lrand48() % 2 ? ids[lrand48() % i] : NULL, .packages = packages,
                                         .n_packages = *packages[0].version != '\0' && lrand48() % 2, .input_hash = lrand48() % 2 ? "abc" : NULL };

                for (size_t k = 0, n = 0; k < 4; k++)
                        if (lrand48() % 3)
                                recipe.attributes[n++] = (struct reg_pair){ (char *)attributes[k], (char *)query_value() };
                ids[i] = baked(reg, recipe);
        }
        for (int i = 0; i < 20; i++)
                assert_ok(channel_assign(reg, lrand48() % 2 ? "3" : "a", ids[lrand48() % IMAGES], "ada", NULL, &err), err);
        for (int i = 0; i < 20; i++) {
                const enum reg_state to = (enum reg_state)(REG_DEPRECATED + lrand48() % 3);

                assert_ok(state_set(reg, ids[lrand48() % IMAGES], to, "ada", "to see", &err), err);
        }
        assert_ok(reg_sql_script(reg, "UPDATE image SET hidden = 1 WHERE sequence % 7 = 0", &err), err);
        for (int i = 0; i < IMAGES; i++)
                free(ids[i]);
}

/* The sequences that meet it: " 9 7", newest first; the caller's. */
static char *matched(struct reg *reg, const char *query, bool one_by_one)
{
        BK_CLEANUP(reg_facts_done) struct reg_facts facts = { 0 };
        automatch *match = NULL;
        struct bk_buf text = { 0 };
        struct bk_error err = { 0 };

        if (reg_match_parse(query, &match, &err) < 0) {
                assert_int_equal(err.kind, BK_INVALID);
                return bk_strdup("invalid");
        }
        read_for(reg, match, lrand48() % 2 ? REG_FACTS_MAKERS : 0, 0, &facts);
        if (reg_match_prepare(reg, match, &facts, 0, &err) < 0) {
                assert_int_equal(err.kind, BK_INVALID);         /* a package that cannot be */
                return bk_strdup("invalid");
        }
        for (size_t i = facts.n; i-- > 0;) {
                BK_CLEANUP(reg_facts_done) struct reg_facts alone = { 0 };
                int met = reg_match_meets(match, &facts, i);

                if (one_by_one) {
                        automatch *again = NULL;

                        assert_ok(reg_match_parse(query, &again, &err), err);
                        read_for(reg, again, 0, facts.sequence[i], &alone);
                        assert_int_equal(alone.n, 1);
                        assert_ok(reg_match_prepare(reg, again, &alone, 0, &err), err);
                        assert_int_equal(reg_match_meets(again, &alone, 0), met);
                }
                if (met != 0)
                        bk_buf_printf(&text, met < 0 ? " ?" : " %lld", (long long)facts.sequence[i]);
        }
        return bk_buf_finish(&text);
}

static char *found_by(struct reg *reg, const char *query)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        autofree char *all = bk_format("%s&_all&_hidden", query);
        struct bk_buf text = { 0 };
        struct bk_error err = { 0 };

        if (reg_query(reg, all, &images, &err) < 0 && err.kind != BK_NOT_FOUND && err.kind != BK_GONE) {
                assert_int_equal(err.kind, BK_INVALID);
                return bk_strdup("invalid");
        }
        for (size_t i = 0; i < images.n; i++)
                bk_buf_printf(&text, " %lld", (long long)images.v[i].sequence);
        return bk_buf_finish(&text);
}

static void columns_answer_as_queries_do(void **state)
{
        struct fixture *f = *state;
        size_t some = 0;

        srand48(7);
        fill(f->reg);
        for (int i = 0; i < QUERIES; i++) {
                autofree char *query = random_query(keys, sizeof keys / sizeof *keys), *wanted = found_by(f->reg, query);
                autofree char *got = matched(f->reg, query, i % 50 == 0);

                if (!bk_streq(wanted, got))
                        fail_msg("%s: the query finds '%s', columns '%s'", query, wanted, got);
                some += *got == ' ';
        }
        print_message("# %zu of them found something\n", some);
        assert_true(some > QUERIES / 8);
}

/* Images 1 base (a channel's head), 2 web, revoked. */
static const struct { const char *match, *found; } forms[] = {
        { "release=bookworm",           "2 1" },        { "?release=bookworm",          "2 1" },
        { ";release=bookworm",          "2 1" },        { "base?release=bookworm",      "1" },
        { "base",                       "1" },          { "web;kernel>6.1",             "2" },
        { "kernel>6.1",                 "2" },          { "!note",                      "1" },
        { "?note",                      "2" },          { "note&release=bookworm",      "2" },
        { "state=revoked",              "2" },          { "state!=revoked",             "1" },
        { "state=tested",               "1" },          { "state!=tested",              "2 1" },
        { "type=base",                  "2 1" },        { "channel=prod",               "1" },
        { "channel!=prod",              "2" },          { "nobody",                     "" },
        { "note=a%26b",                 "2" },          { "created_at>1h",              "2 1" },
        { "created_at<1h",              "" },           { "release~^book&size>=4K",     "2 1" },
        { "in_use=true",                "1" },          { "in_use=0",                   "2" },
        { "last_launched>1h",           "2" },          { "last_launched<1h",           "" },
        { "nobody=x",                   "" },           { "nobody!=x",                  "2 1" },
};

/* What each says of why. */
static const struct { const char *match, *says; } refused[] = {
        { "",                           "no condition" },       { "?",                          "no condition" },
        { "release=x&_latest",          "_latest" },            { "?_limit=3",                  "_limit" },
        { "release=x&_all",             "_all" },               { "?_at=now&release=x",         "_at" },
        { "release=x&_sort=name",       "_sort" },              { "release=x&_after=3",         "_after" },
        { "release=x:(id)",             "_fields" },            { "?_descends=base",            "_descends" },
        { "?_hidden&release=x",         "_hidden" },            { "kernel<1,2",                 "one value" },
        { "Base image",                 "name" },               { "state=good",                 "tested" },
        { "release~(",                  "parenthesis" },        { "a=1&",                       "empty" },
        { "a=%zz",                      "hex" },                { "created_at>soon",            "no time" },
};

static void what_may_be_written(void **state)
{
        struct fixture *f = *state;
        autofree char *base = baked(f->reg, (struct recipe){ .seed = "1", .state = REG_TESTED,
                                                             .attributes = { PAIR("release", "bookworm"), PAIR("kernel", "6.1") } });
        autofree char *web = baked(f->reg, (struct recipe){ .seed = "2", .name = "web",
                                                            .attributes = { PAIR("kernel", "6.12"), PAIR("note", "a&b"),
                                                                            PAIR("release", "bookworm") } });
        struct bk_error err = { 0 };

        assert_ok(channel_assign(f->reg, "prod", base, "ada", NULL, &err), err);
        assert_ok(state_set(f->reg, web, REG_REVOKED, "ada", "a hole", &err), err);
        assert_ok(reg_launch_seen(f->reg, "report", &(struct reg_launch){ .image = web, .instance = "i-1" }, &err), err);
        assert_ok(reg_launch_ended(f->reg, "report", "i-1", "ada", &err), err);
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                autofree char *got = matched(f->reg, forms[i].match, true);

                print_message("# %s\n", forms[i].match);
                assert_string_equal(*got == ' ' ? got + 1 : got, forms[i].found);
        }
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                automatch *match = NULL;
                struct bk_error why = { 0 };

                print_message("# %s\n", refused[i].match);
                assert_fails_with(reg_match_parse(refused[i].match, &match, &why), why, BK_INVALID);
                if (strstr(why.text, refused[i].says) == NULL)
                        fail_msg("'%s' does not say '%s'", why.text, refused[i].says);
        }
}

static void ages_are_counted_from_the_moment_that_is_asked_about(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_facts_done) struct reg_facts facts = { 0 };
        automatch *match = NULL;
        struct bk_error err = { 0 };
        const int64_t day = 86400;

        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        assert_ok(reg_sql_run(f->reg, &err, "UPDATE image SET created_at = ?", "i", (int64_t)1700000000), err);
        assert_ok(reg_match_parse("created_at<30d", &match, &err), err);
        read_for(f->reg, match, 0, 0, &facts);
        assert_int_equal(reg_match_meets(match, &facts, 0), -1);        /* nobody has asked the registry yet */
        for (int64_t days = 28; days < 33; days++) {
                assert_ok(reg_match_prepare(f->reg, match, &facts, 1700000000 + days * day, &err), err);
                assert_int_equal(reg_match_meets(match, &facts, 0), days > 30);
        }
        facts.at = 1700000000 + day;
        assert_ok(reg_match_prepare(f->reg, match, &facts, 0, &err), err);
        assert_int_equal(reg_match_meets(match, &facts, 0), 0);
}

/* A pattern that thinks for too long is no answer, and one condition that does not hold is answer enough. */
static void what_a_pattern_cannot_tell_nobody_knows(void **state)
{
        struct fixture *f = *state;
        static const struct { const char *match; int met; } rows[] = {
                { "x~(a+)+$", -1 }, { "x!~(a+)+$", -1 }, { "x~(a+)+$&release=bookworm", -1 }, { "x~(a+)+$&release=trixie", 0 },
                { "release=trixie&x~(a+)+$", 0 }, { "name~(a+)+$", 0 },
        };
        char many[200] = "";

        memset(many, 'a', sizeof many - 2);
        many[sizeof many - 2] = '!';
        free(baked(f->reg, (struct recipe){ .seed = "1", .attributes = { PAIR("release", "bookworm"), PAIR("x", many) } }));
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                BK_CLEANUP(reg_facts_done) struct reg_facts facts = { 0 };
                automatch *match = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", rows[i].match);
                assert_ok(reg_match_parse(rows[i].match, &match, &err), err);
                read_for(f->reg, match, 0, 0, &facts);
                assert_ok(reg_match_prepare(f->reg, match, &facts, 0, &err), err);
                assert_int_equal(reg_match_meets(match, &facts, 0), rows[i].met);
        }
}

static void a_match_serves_one_registry_after_another(void **state)
{
        struct fixture *f = *state;
        automatch *match = NULL;
        struct bk_error err = { 0 };

        assert_ok(reg_match_parse("?kernel=6.1&channel=prod", &match, &err), err);
        for (int i = 0; i < 3; i++) {
                BK_CLEANUP(reg_facts_done) struct reg_facts facts = { 0 };
                autofree char *seed = bk_format("%d", i), *id = NULL;

                read_for(f->reg, match, 0, 0, &facts);          /* none the first time */
                assert_ok(reg_match_prepare(f->reg, match, &facts, 0, &err), err);
                assert_int_equal(facts.n, i);
                for (size_t k = 0; k < facts.n; k++)
                        assert_int_equal(reg_match_meets(match, &facts, k), k + 1 == facts.n);
                id = baked(f->reg, (struct recipe){ .seed = seed, .attributes = { PAIR("kernel", "6.1") } });
                assert_ok(channel_assign(f->reg, "prod", id, "ada", NULL, &err), err);
        }
}

static void an_attribute_that_was_not_read_is_a_defect(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_facts_done) struct reg_facts facts = { 0 };
        automatch *match = NULL;
        struct bk_error err = { 0 };

        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        assert_ok(reg_match_parse("release=bookworm", &match, &err), err);
        assert_ok(reg_facts_read(f->reg, &(struct reg_facts_ask){ 0 }, &facts, &err), err);
        assert_fails_with(reg_match_prepare(f->reg, match, &facts, 0, &err), err, BK_INTERNAL);
        assert_int_equal(reg_match_meets(match, &facts, 0), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(what_may_be_written),
                registry_test(columns_answer_as_queries_do),
                registry_test(ages_are_counted_from_the_moment_that_is_asked_about),
                registry_test(what_a_pattern_cannot_tell_nobody_knows),
                registry_test(a_match_serves_one_registry_after_another),
                registry_test(an_attribute_that_was_not_read_is_a_defect),
        };

        return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
