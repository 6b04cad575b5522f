/* Operators, options, orders and pages of queries. What SQL answers is compared with what the struct of an image answers. */
#include "tests/unit/registry/queries.h"

#include <stdio.h>
#include <time.h>

#include "registry/registry_priv.h"

static const struct reg_package old_packages[] = {
        { .name = (char *)"openssl", .version = (char *)"3.0.14-1", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" } };
static const struct reg_package new_packages[] = {
        { .name = (char *)"openssl", .version = (char *)"3.0.15-1", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" },
        { .name = (char *)"bash", .version = (char *)"5.2", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" } };

/* 6 is base, revoked; 5 stands on 4, which stands on 1. */
static void stock(struct reg *reg)
{
        autofree char *root = NULL, *middle = NULL, *revoked = NULL, *top = NULL;
        struct bk_error err = { 0 };

        root = baked(reg, (struct recipe){ .seed = "1", .attributes = { PAIR("kernel", "6.1"), PAIR("built", "2024-01-05"),
                                                                                        PAIR("note", "") },
                                           .packages = old_packages, .n_packages = 1 });
        free(baked(reg, (struct recipe){ .seed = "2", .attributes = { PAIR("kernel", "6.12"), PAIR("built", "2024-02-05"),
                                                                                      PAIR("note", "abc*d") }, .state = REG_TESTED }));
        free(baked(reg, (struct recipe){ .seed = "3", .attributes = { PAIR("kernel", "6.9~rc1"), PAIR("built", "2024-10-01"),
                                                                                      PAIR("application", "shop") } }));
        middle = baked(reg, (struct recipe){ .seed = "4", .name = "web", .ancestor = root,
                                             .attributes = { PAIR("kernel", "6.9"), PAIR("note", "abcd") },
                                             .state = REG_TESTED, .packages = new_packages, .n_packages = 2 });
        top = baked(reg, (struct recipe){ .seed = "5", .name = "shop", .ancestor = middle,
                                          .attributes = { PAIR("kernel", "5.10"), PAIR("note", "~x~") } });
        revoked = baked(reg, (struct recipe){ .seed = "6", .attributes = { PAIR("kernel", "7"), PAIR("only", "revoked") } });
        assert_ok(state_set(reg, revoked, REG_REVOKED, "ada", "hole", &err), err);
        assert_ok(channel_assign(reg, "production", middle, "ada", NULL, &err), err);
        assert_ok(channel_assign(reg, "edge", top, "ada", NULL, &err), err);
}

/* NULL: not found. "!TEXT": refused, and the error says TEXT. "-": gone. */
static const struct { const char *query, *found; } rows[] = {
        /* comparison */
        { "?kernel<6.9",                "5 3 1" },      { "?kernel<=6.9",               "5 4 3 1" },
        { "?kernel>6.9",                "2" },          { "?kernel>=6.9",               "4 2" },
        { "?kernel>=6.9~",              "4 3 2" },      { "?kernel>6&kernel<6.9",       "3 1" },
        { "?built>2024-02-05",          "3" },          { "?built>=2024-02-05",         "3 2" },
        { "?built<2024-10",             "2 1" },        { "base;kernel>6.1",            "3 2" },
        { "?kernel<6,7",                "!one value" }, { "?name<x",                    "!not compared" },
        /* prefixes and lists */
        { "?kernel=6.1*",               "2 1" },        { "?kernel=6.1*,5*",            "5 2 1" },
        { "?kernel!=6.1*",              "5 4 3" },      { "?note=abc*",                 "4 2" },
        { "?note=abc%2A*",              "2" },          { "?note=abc%2Ad",              "2" },
        { "?note=abc*d",                "2" },          { "?note=*",                    "5 4 2 1" },
        { "?name=s*",                   "5" },          { "?name=s*,web",               "5 4" },
        { "?id=sha256:*",               "5 4 3 2 1" },  { "?ancestor=sha256:*",         "5 4" },
        { "?size=1*",                   "!no text" },
        /* there or not */
        { "?note",                      "5 4 2" },      { "?!note",                     "3 1" },
        { ";note;kernel=6.9",           "4" },          { "?ancestor",                  "5 4" },
        { "?!ancestor",                 "3 2 1" },      { "?size",                      "5 4 3 2 1" },
        /* patterns */
        { "?kernel~\\.1",               "5 2 1" },      { "?kernel=~^6\\.[19]$~",       "4 1" },
        { "?kernel!~^6",                "5" },          { "?kernel!=~^6~",              "5" },
        { "?note~b",                    "4 2" },        { "?note!~b",                   "5 3 1" },
        { "?note=~",                    NULL },         { "?note=~x%7E",                "5" },
        { "?name~^(web|shop)$",         "5 4" },        { "?name~^b&_limit=1",          "3" },
        { "?kernel~(",                  "!parenthesis" }, { "?kernel~",                 "!1 to" },
        { "?kernel~a{1000}{1000}",      "!counts" },    { "?size~1",                    "!no text" },
        { "?channel~x",                 "!takes =" },
        /* application */
        { "?application=shop",          "5 3" },        { "?application!=shop",         "4 2 1" },
        { "?application=web",           "4" },          { "?application=s*",            "5 3" },
        { "?application~^sh",           "5 3" },        { "?application=none",          NULL },
        { "?application=web,base",      "4 3 2 1" },
        /* channels, packages, lineage */
        { "?channel=production",        "4" },          { "?channel=production,edge",   "5 4" },
        { "?channel",                   "5 4" },        { "?!channel",                  "3 2 1" },
        { "?channel=e*",                "5" },          { "?channel!=edge",             "4 3 2 1" },
        { "?package=openssl",           "4 1" },        { "?package=openssl<3.0.15-1",  "1" },
        { "?package=openssl<=3.0.15-1", "4 1" },        { "?package=openssl>3.0.14-1,bash", "4" },
        { "?package!=openssl",          "5 3 2" },      { "?package=openssl<",          "!names no package" },
        { "?package",                   "!package takes" }, { "?package=none",          NULL },
        { "?_descends=web:production",  "5" },          { "?_descends=base&_limit=1",   NULL },
        { "?_descends=nobody",          NULL },         { "?_descends=",                "!one image" },
        /* columns */
        { "?size=4096",                 "5 4 3 2 1" },  { "?size=4K",                   "5 4 3 2 1" },
        { "?size>4K",                   NULL },         { "?size>=4KiB&virtual_size=1G", "5 4 3 2 1" },
        { "?virtual_size<1GiB",         NULL },         { "?size=x",                    "!number" },
        { "?size=9999999999999999T",    "!number" },    { "?sequence>=2&sequence<4",    "3 2" },
        { "?sequence=1,5,9",            "5 1" },        { "?created_at>1h",             "5 4 3 2 1" },
        { "?created_at<1h",             NULL },         { "?created_at<2020-01-01",     NULL },
        { "?created_at>=2020-01",       "5 4 3 2 1" },  { "?created_at=2020-01",        NULL },
        { "?created_at>soon",           "!no time" },   { "?created_at>2024-13",        "!no time" },
        /* options */
        { "?_all",                      "6 5 4 3 2 1" }, { "?_all=0",                   "5 4 3 2 1" },
        { "?_states=baked,revoked",     "6 5 3 1" },    { "?_states=tested",            "2" },
        { "?only",                      "-" },          { "?only=revoked&_one",         "-" },
        { "?only&_all",                 "6" },          { "?_one&name=web",             "4" },
        { "?_one&name=base",            "several" },    { "?_latest&name=base",         "3" },
        { "?_one=2",                    "!0 or 1" },    { "?_latest=1,2",               "!_latest" },
        { "?_sort=kernel",              "5 1 3 4 2" },  { "?_sort=-kernel",             "2 4 3 1 5" },
        { "?_sort=name,-sequence",      "3 2 1 5 4" },  { "?_sort=-state,sequence",     "4 2 1 3 5" },
        { "?_sort=built",               "5 4 1 2 3" },  { "?_sort=-built&_limit=1",     "3" },
        { "?_sort=channel",             "!several" },   { "?_sort=kernel&_latest",      "5" },
        { "?_latest&_sort=-kernel",     "5" },          { "?_sort=-kernel&_limit=1",    "2" },
        { "?_sort=-kernel&_latest=0",   "2 4 3 1 5" },  { "?_latest&_sort=kernel&_after=30.5", "!next" },
        { "?_sort=-",                   "!_sort" },     { "?_after=x",                  "!next" },
        { "?_after=1.2",                "!next" },      { "?_after=3",                  "2 1" },
        { "?_after=",                   "!next" },      { "?_at=x",                     "!no time" },
        { "?_at=now&_since=1h",         "!exclude" },   { "?_at=now&_sort=name",        "!present" },
        { "?_changed=..",               "!FROM" },      { "?_changed=1h..",             "6 5 4 3 2 1" },
        { "?_changed=..2h",             NULL },         { "?_changed=1h..now&name=web", "4" },
        { "base?_fields=id,kernel",     "3 2 1" },      { "base:(id,kernel)",           "3 2 1" },
        { "base;kernel=6.1:(id)",       "1" },          { "base:(id",                   "!')'" },
        { ":(id)",                      "5 4 3 2 1" },  { "base?a=1:()",                "!fields" },
        { "base?_fields=a(b",           "!fields" },    { "?_nope",                     "!_changed" },
        { "?!_latest",                  "!_latest" },   { "?_latest>1",                 "!'='" },
};

static void check_row(struct reg *reg, const char *query, const char *wanted)
{
        struct bk_error err = { 0 };
        autofree char *result = NULL;

        print_message("# %s\n", query);
        result = found(reg, query, &err);
        if (wanted == NULL || bk_streq(wanted, "-") || bk_streq(wanted, "several") || *wanted == '!') {
                if (result != NULL)
                        fail_msg("found %s", result);
                assert_string_equal(bk_kind_name(err.kind), wanted == NULL ? "not-found" : *wanted == '-' ? "gone" :
                                                            *wanted == '!' ? "invalid" : "conflict");
                if (wanted != NULL && *wanted == '!' && strstr(err.text, wanted + 1) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, wanted + 1);
                return;
        }
        if (result == NULL)
                fail_msg("%s", err.text);
        assert_string_equal(result, wanted);
}

static void operators_and_options(void **state)
{
        struct fixture *f = *state;

        stock(f->reg);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                check_row(f->reg, rows[i].query, rows[i].found);
}

/* --- both ways of answering agree ------------------------------------------------ */
static const char *const keys[] = { "kernel", "built", "note", "name", "application", "ancestor", "size", "sequence", "created_at", "type", "none" };

static char *judged(const struct reg_images *all, const char *query)
{
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };
        struct bk_buf text = { 0 };
        struct bk_error err = { 0 };

        if (reg_filter_parse(query, &filter, &err) < 0)
                return bk_strdup("invalid");
        for (size_t i = 0; i < all->n; i++) {
                bool met = (filter.states & REG_STATE_BIT(all->v[i].state)) != 0 &&
                           (filter.name == NULL || bk_streq(filter.name, all->v[i].name));

                for (size_t n = 0; met && n < filter.n; n++)
                        met = reg_condition_meets(&filter.v[n], &all->v[i], &err) == 1;
                if (met)
                        bk_buf_printf(&text, " %lld", (long long)all->v[i].sequence);
        }
        return bk_buf_finish(&text);
}

static char *asked(struct reg *reg, const char *query)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        struct bk_buf text = { 0 };
        struct bk_error err = { 0 };

        if (reg_query(reg, query, &images, &err) < 0) {
                if (err.kind != BK_INVALID && err.kind != BK_NOT_FOUND && err.kind != BK_GONE)
                        fail_msg("%s: %s", query, err.text);
                return bk_strdup(err.kind == BK_INVALID ? "invalid" : "");
        }
        for (size_t i = 0; i < images.n; i++)
                bk_buf_printf(&text, " %lld", (long long)images.v[i].sequence);
        return bk_buf_finish(&text);
}

static void sql_and_structs_agree(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_images_done) struct reg_images all = { 0 };
        struct bk_error err = { 0 };
        size_t some = 0;

        stock(f->reg);
        srand48(11);
        assert_ok(reg_query(f->reg, "?_all", &all, &err), err);
        for (int i = 0; i < 4000; i++) {
                autofree char *query = random_query(keys, sizeof keys / sizeof *keys), *wanted = judged(&all, query), *got = asked(f->reg, query);

                if (!bk_streq(wanted, got))
                        fail_msg("%s: SQL says '%s', the struct '%s'", query, got, wanted);
                some += *got == ' ';
        }
        print_message("# %zu of them found something\n", some);
        assert_true(some > 500);
}

/* --- rows from before there were ranks ------------------------------------------------ */
static void old_rows_are_given_their_ranks(void **state)
{
        struct fixture *f = *state;
        autofree char *result = NULL;
        struct bk_error err = { 0 };

        stock(f->reg);
        for (int i = 0; i < 400; i++) {
                autofree char *seed = bk_format("many %d", i);

                free(baked(f->reg, (struct recipe){ .seed = seed, .name = "many",
                                                            .attributes = { PAIR("a", "1"), PAIR("b", "2"), PAIR("c", "3") } }));
        }
        assert_ok(reg_sql_run(f->reg, &err, "UPDATE attribute SET rank = ''", ""), err);
        assert_ok(reg_rank_fill(f->reg, &err), err);
        result = found(f->reg, "?kernel>6.9", &err);
        assert_string_equal(result, "2");
        free(bk_take(result));
        assert_ok(reg_sql_text(f->reg, &result, &err, "SELECT 'none' WHERE NOT EXISTS (SELECT 1 FROM attribute WHERE rank = '')", "") != 1, err);
        assert_string_equal(result, "none");
}

/* --- pages -------------------------------------------------------------------------- */
static const char *const paged[] = { "?_all", "?", "base?", "?_sort=kernel", "?_sort=-kernel,name", "?_sort=built,-state", "?_sort=created_by,-size",
                                     "?name~.", "?_at=now", "?_since=1h", "?_sort=-created_at", "?_sort=ancestor" };

static void pages_add_up_while_images_arrive(void **state)
{
        struct fixture *f = *state;

        stock(f->reg);
        for (size_t i = 0; i < sizeof paged / sizeof *paged; i++) {
                autofree char *whole = asked(f->reg, paged[i]), *next = NULL;
                struct bk_buf parts = { 0 };
                size_t pages = 0;

                print_message("# %s\n", paged[i]);
                do {
                        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };
                        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
                        const char last = paged[i][strlen(paged[i]) - 1];
                        autofree char *query = bk_format("%s%s_limit=2%s%s", paged[i], last == '?' ? "" : "&", next == NULL ? "" : "&_after=",
                                                         next == NULL ? "" : next);
                        autofree char *seed = bk_format("new %zu %zu", i, pages);
                        struct bk_error err = { 0 };

                        free(bk_take(next));
                        assert_ok(reg_filter_parse(query, &filter, &err), err);
                        assert_ok(reg_filter_run(f->reg, &filter, &images, &next, &err), err);
                        for (size_t n = 0; n < images.n; n++)
                                bk_buf_printf(&parts, " %lld", (long long)images.v[n].sequence);
                        /* It sorts before all that was shown, or is of another name. */
                        if (strstr(paged[i], "_sort") == NULL)
                                free(baked(f->reg, (struct recipe){ .seed = seed }));
                        assert_true(++pages < 50);
                } while (next != NULL);
                assert_string_equal(parts.data, whole);
                assert_true(pages > 1);
                bk_buf_done(&parts);
        }
}

/* --- what it costs to be attacked ------------------------------------------------------ */
static const char *const costly[] = { "(a+)+$", "(a|a)*$", "(a*)*b", "((a{10}){10}){2}b", "(.*)(.*)(.*)(.*)(.*)(.*)x", "(?:(?:(?:(?:a?)*)*)*)*b",
                                      "(a|aa)+\\1+$" };

static void hostile_patterns_end(void **state)
{
        struct fixture *f = *state;
        char many[200] = "";
        const int64_t start = bk_now_ms();

        memset(many, 'a', sizeof many - 2);
        many[sizeof many - 2] = '!';
        free(baked(f->reg, (struct recipe){ .seed = "1", .attributes = { PAIR("x", many) } }));
        for (size_t i = 0; i < sizeof costly / sizeof *costly; i++) {
                BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
                autofree char *query = bk_format("?x~%s", costly[i]);
                struct bk_error err = { 0 };

                print_message("# %s\n", costly[i]);
                if (reg_query(f->reg, query, &images, &err) < 0)
                        assert_true(err.kind == BK_INVALID || err.kind == BK_NOT_FOUND);
        }
        assert_true(bk_now_ms() - start < 10000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(operators_and_options),
                registry_test(sql_and_structs_agree),
                registry_test(old_rows_are_given_their_ranks),
                registry_test(pages_add_up_while_images_arrive),
                registry_test(hostile_patterns_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
