/* Queries find what they say, newest first, and never what they do not say. */
#include "tests/unit/registry/fixture.h"

#include "registry/registry_priv.h"

/* Seven images; the name and the digest say nothing about which is newest. */
static void stock(struct reg *reg)
{
        static const struct recipe recipes[] = {
                { .seed = "9", .attributes = { PAIR("release", "bookworm"), PAIR("kernel", "6.1") } },
                { .seed = "8", .attributes = { PAIR("release", "bookworm"), PAIR("kernel", "6.12"), PAIR("note", "a,b&c=d") } },
                { .seed = "7", .state = REG_TESTED, .attributes = { PAIR("release", "bullseye"), PAIR("kernel", "5.10") } },
                { .seed = "6", .state = REG_PROMOTED, .attributes = { PAIR("release", "bookworm"), PAIR("kernel", "6.1") } },
                { .seed = "5", .name = "team/web-1.0", .input_hash = "inputs", .attributes = { PAIR("release", "bookworm") } },
                { .seed = "4", .attributes = { PAIR("release", "bookworm"), PAIR("town", "K\xc3\xb6ln") } },
                { .seed = "3", .name = "cafe2024" },
        };
        autofree char *revoked = NULL;
        struct bk_error err = { 0 };

        for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++)
                free(baked(reg, recipes[i]));
        revoked = id_of("4");
        assert_ok(state_set(reg, revoked, REG_REVOKED, "ada", "hole", &err), err);
}

static const struct { const char *query, *found; } matches[] = {
        { "base",                                       "6 7 8 9" },
        { "base?",                                      "6 7 8 9" },
        { "",                                           "3 5 6 7 8 9" },
        { "?",                                          "3 5 6 7 8 9" },
        { "base?release=bookworm",                      "6 8 9" },
        { "base;release=bookworm",                      "6 8 9" },
        { "base?release=bookworm;kernel=6.1",           "6 9" },
        { "?release=bookworm",                          "5 6 8 9" },
        { "base?release=bookworm,bullseye",             "6 7 8 9" },
        { "base?kernel=6.1&release=bookworm",           "6 9" },
        { "base?kernel=5.10,6.12",                      "7 8" },
        { "base?release!=bookworm",                     "7" },
        { "?kernel!=6.1,5.10",                          "3 5 8" },
        { "?note=a%2Cb%26c%3Dd",                        "8" },
        { "?note=a%2cb%26c=d",                          "8" },
        { "?note!=",                                    "3 5 6 7 8 9" },
        { "base?state=baked",                           "6 7 8 9" },
        { "base?state=tested",                          "6 7" },
        { "base?state=promoted",                        "6" },
        { "base?state=revoked",                         "4" },
        { "base?state=revoked,promoted",                "4 6" },
        { "base?state=revoked&town=K%C3%B6ln",          "4" },
        { "base?state=revoked&town=K\xc3\xb6ln",        "4" },
        { "base?state!=promoted",                       "7 8 9" },
        { "base?state=tested&state!=tested",            "6" },
        { "base?release=bookworm&state=tested&_latest=1", "6" },
        { "base?_latest=1",                             "6" },
        { "base?_latest=0",                             "6 7 8 9" },
        { "base?_limit=2",                              "6 7" },
        { "base?_limit=2&_latest=1",                    "6" },
        { "base?_latest=1&_limit=2",                    "6" },
        { "?name=base,cafe2024",                        "3 6 7 8 9" },
        { "?name!=base",                                "3 5" },
        { "?type=base&created_by=ada&created_on=oven",  "3 5 6 7 8 9" },
        { "?type!=base,other&name=base",                NULL },
        { "?input_hash=inputs",                         "5" },
        { "?input_hash!=inputs",                        "3 6 7 8 9" },
        { "team/web-1.0?release=bookworm",              "5" },
        { "team%2Fweb-1.0",                             "5" },
        { "base?ancestor!=sha256:00",                   "6 7 8 9" },
        { "base?colour=red",                            NULL },
        { "base?release=trixie",                        NULL },
        { "base?release=BOOKWORM",                      NULL },
        { "base?release=bookworm&release=bullseye",     NULL },
        { "base?state=trashed",                         NULL },
        { "bas",                                        NULL },
        { "?layer=base",                                NULL },
        { "?release=%25",                               NULL },
        { "?release=book%",                             "!" },
};

static void queries_find_what_they_say(void **state)
{
        struct fixture *f = *state;

        stock(f->reg);
        for (size_t i = 0; i < sizeof matches / sizeof *matches; i++) {
                struct bk_error err = { 0 };
                autofree char *result = found(f->reg, matches[i].query, &err);

                print_message("# %s\n", matches[i].query);
                if (matches[i].found == NULL || matches[i].found[0] == '!') {
                        assert_null(result);
                        assert_string_equal(bk_kind_name(err.kind), matches[i].found == NULL ? "not-found" : "invalid");
                } else {
                        if (result == NULL)
                                fail_msg("%s", err.text);
                        assert_string_equal(result, matches[i].found);
                }
        }
}

static void columns_that_are_digests(void **state)
{
        struct fixture *f = *state;
        autofree char *parent = baked(f->reg, (struct recipe){ .seed = "1", .layer = "low" });
        autofree char *child = baked(f->reg, (struct recipe){ .seed = "2", .ancestor = parent });
        autofree char *low = layer_digest("low");
        const struct { const char *key, *value, *found; } rows[] = {
                { "id=", parent, "1" }, { "id!=", parent, "2" }, { "layer=", low, "1" }, { "layer!=", low, "2" },
                { "ancestor=", parent, "2" }, { "ancestor!=", parent, "1" }, { "ancestor!=", child, "2 1" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *query = bk_format("?%s%s", rows[i].key, rows[i].value);
                struct bk_error err = { 0 };
                autofree char *result = found(f->reg, query, &err);

                print_message("# %s\n", query);
                assert_non_null(result);
                assert_string_equal(result, rows[i].found);
        }
}

static const struct { const char *why, *query, *says; } hostile[] = {
        { "an unknown option",          "base?_newest=1",               "_latest, _one, _limit" },
        { "an option excluded",         "base?_latest!=1",              "_latest" },
        { "an option of two values",    "base?_limit=1,2",              "_limit" },
        { "a limit of nothing",         "base?_limit=0",                "_limit" },
        { "a limit below nothing",      "base?_limit=-1",               "_limit" },
        { "a limit that overflows",     "base?_limit=99999999999999999999", "_limit" },
        { "a limit that is a word",     "base?_limit=1x",               "_limit" },
        { "latest of two",              "base?_latest=2",               "_latest" },
        { "an unknown state",           "base?state=teste",             "tested" },
        { "an empty state",             "base?state=",                  "tested" },
        { "a negated condition",        "base?!release=x",              "'!'" },
        { "a condition without a key",  "base?=bookworm",               "key" },
        { "only an operator",           "base?!=",                      "key" },
        { "an empty condition",         "base?a=1&&b=2",                "empty" },
        { "a trailing ampersand",       "base?a=1&",                    "empty" },
        { "only ampersands",            "?&&&",                         "empty" },
        { "an operator that is none",   "base?ker^nel=6",               "!~" },
        { "a pattern",                  "base?kernel~=6",               "%7E" },
        { "half a percent",             "base?a=%4",                    "%25" },
        { "a percent at the end",       "base?a=%",                     "%25" },
        { "percent and no hex",         "base?a=%zz",                   "%25" },
        { "percent and a sign",         "base?a=%+1",                   "%25" },
        { "a NUL",                      "base?a=%00",                   "%00" },
        { "a NUL in the key",           "base?a%00b=1",                 "%00" },
        { "a line feed",                "base?a=%0A",                   "UTF-8" },
        { "a raw line feed",            "base?a=\n",                    "UTF-8" },
        { "a raw escape",               "base?a=\x1b[2J",               "UTF-8" },
        { "bytes that are not UTF-8",   "base?a=%FF",                   "UTF-8" },
        { "raw bytes not UTF-8",        "base?a=\xc3",                  "UTF-8" },
        { "an overlong slash",          "base?a=%C0%AF",                "UTF-8" },
        { "a surrogate",                "base?a=%ED%A0%80",             "UTF-8" },
        { "SQL in the name",            "base'; DROP TABLE image; --",  "[a-z0-9]" },
        { "SQL in the name, encoded",   "base%27%20OR%201=1",           "[a-z0-9]" },
        { "capitals",                   "Base",                         "[a-z0-9]" },
        { "a path upwards",             "../base",                      "[a-z0-9]" },
        { "white space",                " base",                        "[a-z0-9]" },
        { "only white space",           " ",                            "[a-z0-9]" },
};

static void hostile_queries_are_refused_with_words(void **state)
{
        struct fixture *f = *state;

        stock(f->reg);
        for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
                BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", hostile[i].why);
                assert_fails_with(reg_query(f->reg, hostile[i].query, &images, &err), err, BK_INVALID);
                if (strstr(err.text, hostile[i].says) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, hostile[i].says);
                assert_null(strpbrk(err.text, "\n\x1b"));
        }
}

/* Well formed, and meant to be taken for SQL; they find nothing and break nothing. */
static const char *const injections[] = {
        "base?a=' OR '1'='1", "base?a=1'; DELETE FROM image; --", "base?' OR 1=1", "base?a%22%29=1", "?a=%3F&b=%3F1",
        "base?a=x%27%29%20UNION%20SELECT%201,2,3", "?\"=\"", "?a=*&b=%25%25", "?id=%27", "?name='", "?a=\\',\\'",
        "base?a,b=c", "?a=,,,,,,", "?name=,", "?a=%E2%80%AE", "?type==", "?a!!=1",
};

static void injections_are_only_text(void **state)
{
        struct fixture *f = *state;

        stock(f->reg);
        for (size_t i = 0; i < sizeof injections / sizeof *injections; i++) {
                struct bk_error err = { 0 };
                autofree char *result = found(f->reg, injections[i], &err), *all = NULL;

                print_message("# %s\n", injections[i]);
                assert_null(result);
                if (err.kind != BK_NOT_FOUND && err.kind != BK_INVALID)
                        fail_msg("%s: %s", bk_kind_name(err.kind), err.text);
                all = found(f->reg, "", &err);
                assert_string_equal(all, "3 5 6 7 8 9");
        }
}

static char *repeated(const char *head, const char *part, size_t n)
{
        size_t length = strlen(head), each = strlen(part);
        char *text = bk_alloc(length + n * each + 1);

        memcpy(text, head, length);
        for (size_t i = 0; i < n; i++)
                memcpy(text + length + i * each, part, each);
        return text;
}

static const struct { const char *why, *head, *part; size_t n; enum bk_kind kind; } large[] = {
        { "64 conditions",      "base?b=1",     "&a=1",         63,     BK_NOT_FOUND },
        { "65 conditions",      "base?b=1",     "&a=1",         64,     BK_INVALID },
        { "1000 values",        "base?a=1",     ",x",           999,    BK_NOT_FOUND },
        { "1001 values",        "base?a=1",     ",x",           1000,   BK_INVALID },
        { "a value of 60 KB",   "base?a=",      "x",            60000,  BK_NOT_FOUND },
        { "a value of 1 MB",    "base?a=",      "x",            1 << 20, BK_INVALID },
        { "a long name",        "base",         "x",            5000,   BK_INVALID },
        { "a million percents", "",             "%",            1000000, BK_INVALID },
};

static void large_queries_end(void **state)
{
        struct fixture *f = *state;

        stock(f->reg);
        for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
                BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
                autofree char *query = repeated(large[i].head, large[i].part, large[i].n);
                struct bk_error err = { 0 };

                print_message("# %s\n", large[i].why);
                assert_fails_with(reg_query(f->reg, query, &images, &err), err, large[i].kind);
        }
}

/* Every byte at every place of a good query: found, not found or refused, never an internal failure. */
static void a_changed_byte_is_never_our_defect(void **state)
{
        struct fixture *f = *state;
        static const char good[] = "base?release=book%77orm,x&kernel!=5&_limit=9";

        stock(f->reg);
        for (size_t at = 0; at < sizeof good - 1; at++)
                for (int byte = 1; byte < 256; byte++) {
                        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
                        struct bk_error err = { 0 };
                        char query[sizeof good];

                        memcpy(query, good, sizeof good);
                        query[at] = (char)byte;
                        if (reg_query(f->reg, query, &images, &err) == 0)
                                assert_true(images.n > 0);
                        else if (err.kind != BK_NOT_FOUND && err.kind != BK_INVALID && err.kind != BK_GONE)
                                fail_msg("byte %d at %zu: %s: %s", byte, at, bk_kind_name(err.kind), err.text);
                }
}

static const struct { const char *query, *says; } helpful[] = {
        { "base?release=trixie", "5 images named 'base', none with release=trixie; known: bookworm, bullseye" },
        { "base?release=bookworm&kernel=9", "none with kernel=9; known: 5.10, 6.1, 6.12" },
        { "base?colour=red", "none has an attribute 'colour'" },
        { "cafe2024?state=tested", "1 image named 'cafe2024', none in a state that is asked for" },
        { "base?release=bullseye&kernel=6.1", "none that meets all of it" },
        { "bose", "none is named 'bose'" },
        { "?release=trixie", "no image matches '?release=trixie'" },
};

static void nothing_found_says_what_there_is(void **state)
{
        struct fixture *f = *state;

        stock(f->reg);
        for (size_t i = 0; i < sizeof helpful / sizeof *helpful; i++) {
                struct bk_error err = { 0 };
                autofree char *result = found(f->reg, helpful[i].query, &err);

                print_message("# %s\n", helpful[i].query);
                assert_null(result);
                assert_int_equal(err.kind, BK_NOT_FOUND);
                if (strstr(err.text, helpful[i].says) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, helpful[i].says);
        }
}

static void many_known_values_are_cut_short(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };

        for (int i = 0; i < 9; i++) {
                autofree char *text = bk_format("%d", i);

                free(baked(f->reg, (struct recipe){ .seed = text, .attributes = { PAIR("build", text) } }));
        }
        assert_null(found(f->reg, "base?build=x", &err));
        assert_non_null(strstr(err.text, "known: 0, 1, 2, 3, 4, 5, ..."));
}

static void newest_is_by_publication_not_by_name_or_digest(void **state)
{
        struct fixture *f = *state;
        /* Digests of these seeds neither rise nor fall in this order. */
        static const char *const seeds[] = { "zz", "1", "m", "0", "a" };
        struct bk_error err = { 0 };

        for (size_t i = 0; i < 5; i++) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
                autofree char *id = baked(f->reg, (struct recipe){ .seed = seeds[i] });

                assert_ok(reg_resolve(f->reg, "base?_latest=1", &image, &err), err);
                assert_string_equal(image.id, id);
        }
}

static void a_sequence_is_never_given_twice(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_image_done) struct reg_image first = { 0 }, second = { 0 };
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *next = NULL;
        struct bk_error err = { 0 };

        assert_ok(reg_resolve(f->reg, id, &first, &err), err);
        assert_ok(image_delete(f->reg, id, &gone, &err), err);
        next = baked(f->reg, (struct recipe){ .seed = "2" });
        assert_ok(reg_resolve(f->reg, next, &second, &err), err);
        assert_true(second.sequence > first.sequence);
}

static void references_of_every_form(void **state)
{
        struct fixture *f = *state;
        autofree char *id = id_of("6"), *revoked = id_of("4"), *cafe = id_of("3"), *upper = NULL;
        autofree char *prefix = bk_strndup(id, 7 + 8), *whole = bk_strdup(id + 7), *short_one = bk_strndup(id, 7 + 7);
        autofree char *digits = bk_strndup(id + 7, 12), *bad = bk_strndup(revoked + 7, 20);
        const struct { const char *why, *reference, *id; enum bk_kind kind; } rows[] = {
                { "a name",                     "base",                 id },
                { "a query",                    "base?kernel=6.1",      id },
                { "a digest",                   id,                     id },
                { "bare digits, all",           whole,                  id },
                { "eight digits with scheme",   prefix,                 id },
                { "twelve bare digits",         digits,                 id },
                { "a revoked one by digest",    revoked,                revoked },
                { "a revoked one by prefix",    bad,                    revoked },
                { "a name that looks like hex", "cafe2024",             cafe },
                { "a channel",                  "base:production",      id },
                { "seven digits",               short_one,              NULL, BK_INVALID },
                { "digits of nobody",           "00000000",             NULL, BK_NOT_FOUND },
                { "a digest of nobody",         "sha256:00000000",      NULL, BK_NOT_FOUND },
                { "more than a digest",         "sha256:0000000000000000000000000000000000000000000000000000000000000000f", NULL, BK_INVALID },
                { "nothing",                    "",                     NULL, BK_INVALID },
                { "an unknown name",            "nobody",               NULL, BK_NOT_FOUND },
                { "an unknown channel",         "base:staging",         NULL, BK_NOT_FOUND },
                { "two colons",                 "base:a:b",             NULL, BK_INVALID },
                { "a channel of nothing",       ":production",          NULL, BK_INVALID },
                { "a channel without a name",   "base:",                NULL, BK_INVALID },
                { "a query that is wrong",      "base?x=%",             NULL, BK_INVALID },
        };
        struct bk_error err = { 0 };

        stock(f->reg);
        assert_ok(channel_assign(f->reg, "production", id, "ada", NULL, &err), err);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

                print_message("# %s\n", rows[i].why);
                if (rows[i].id == NULL) {
                        assert_fails_with(reg_resolve(f->reg, rows[i].reference, &image, &err), err, rows[i].kind);
                } else {
                        assert_ok(reg_resolve(f->reg, rows[i].reference, &image, &err), err);
                        assert_string_equal(image.id, rows[i].id);
                }
        }
}

static void an_ambiguous_prefix_is_a_conflict(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct bk_error err = { 0 };
        /* Found by search: sha256 of {"seed": "S"} begins alike for these two. */
        autofree char *a = baked(f->reg, (struct recipe){ .seed = "18127" });
        autofree char *b = baked(f->reg, (struct recipe){ .seed = "40092" });
        autofree char *prefix = bk_strndup(a, 7 + 8), *longer = NULL;
        size_t same = 0;

        assert_memory_equal(a, b, 7 + 8);
        assert_fails_with(reg_resolve(f->reg, prefix, &image, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, a));
        assert_non_null(strstr(err.text, b));
        while (a[same] == b[same])
                same++;
        longer = bk_strndup(b, same + 1);
        assert_ok(reg_resolve(f->reg, longer, &image, &err), err);
        assert_string_equal(image.id, b);
}

static void a_name_never_gives_what_was_withdrawn(void **state)
{
        struct fixture *f = *state;
        static const enum reg_state withdrawn[] = { REG_DEPRECATED, REG_REVOKED, REG_TRASHED };
        autofree char *old = baked(f->reg, (struct recipe){ .seed = "1" }), *newer = baked(f->reg, (struct recipe){ .seed = "2" });
        struct bk_error err = { 0 };

        for (size_t i = 0; i < 3; i++) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 }, exact = { 0 };

                assert_ok(state_set(f->reg, newer, withdrawn[i], "ada", "why", &err), err);
                assert_ok(reg_resolve(f->reg, "base", &image, &err), err);
                assert_string_equal(image.id, old);
                assert_ok(reg_resolve(f->reg, newer, &exact, &err), err);
                assert_int_equal(exact.state, withdrawn[i]);
        }
}

/* 3000 images, so that an attribute may be too common to be walked along. */
static void fill(struct reg *reg)
{
        static const char *const sql[] = {
                "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                "INSERT INTO image (id, name, type, state, layer, size, virtual_size, created_at) "
                "SELECT CAST(i AS TEXT), CASE WHEN i % 10 = 0 THEN 'web' ELSE 'base' END, 'base', i % 3, 1, 1, 1, 1 FROM n",
                "INSERT INTO attribute (image, key, value, name) SELECT sequence, 'parity', "
                "CASE sequence % 2 WHEN 0 THEN 'even' ELSE 'odd' END, name FROM image",
                "INSERT INTO attribute (image, key, value, name) SELECT sequence, 'rest', CAST(sequence % 500 AS TEXT), name "
                "FROM image WHERE sequence % 7 <> 0",
                "INSERT INTO attribute (image, key, value, name) SELECT sequence, 'same', 'yes', name FROM image",
        };
        struct bk_error err = { 0 };

        free(baked(reg, (struct recipe){ .seed = "1" }));
        for (size_t i = 0; i < sizeof sql / sizeof *sql; i++)
                assert_ok(reg_sql_run(reg, &err, sql[i], ""), err);
}

static const struct { const char *query, *same_in_sql; } walks[] = {
        { "base?parity=odd",                    "name = 'base' AND sequence % 2 = 1" },
        { "base?parity=odd,even",               "name = 'base'" },
        { "base?parity=odd,even&same=yes",      "name = 'base'" },
        { "?parity=even&rest=4,5,6,8",          "sequence % 500 IN (4, 6, 8) AND sequence % 7 <> 0" },
        { "?parity=even&rest=4,4,4",            "sequence % 500 = 4 AND sequence % 7 <> 0" },
        { "web?rest=10&same=yes",               "name = 'web' AND sequence % 500 = 10 AND sequence % 7 <> 0" },
        { "?rest!=10&same=yes",                 "NOT (sequence % 500 = 10 AND sequence % 7 <> 0)" },
        { "base?same=yes&state=promoted",       "name = 'base' AND sequence % 3 = 2" },
        { "?same=yes&rest=9&state=tested",      "sequence % 500 = 9 AND sequence % 7 <> 0 AND sequence % 3 > 0" },
};

static void the_walk_that_is_chosen_does_not_change_the_answer(void **state)
{
        struct fixture *f = *state;

        fill(f->reg);
        for (size_t i = 0; i < sizeof walks / sizeof *walks; i++) {
                autofree char *sql = bk_format("SELECT sequence FROM image WHERE %s ORDER BY sequence DESC", walks[i].same_in_sql);
                BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
                struct bk_error err = { 0 };
                autostmt *stmt = NULL;

                print_message("# %s\n", walks[i].query);
                assert_ok(reg_query(f->reg, walks[i].query, &images, &err), err);
                assert_ok(reg_sql_prepare(f->reg, sql, &stmt, &err), err);
                for (size_t n = 0; n < images.n; n++) {
                        assert_int_equal(reg_sql_step(f->reg, stmt, &err), 1);
                        assert_int_equal(images.v[n].sequence, reg_column_int(stmt, 0));
                }
                assert_int_equal(reg_sql_step(f->reg, stmt, &err), 0);
        }
}

static void inputs_find_the_newest_living(void **state)
{
        struct fixture *f = *state;
        autofree char *old = baked(f->reg, (struct recipe){ .seed = "1", .input_hash = "h" });
        autofree char *newer = baked(f->reg, (struct recipe){ .seed = "2", .input_hash = "h" });
        autofree char *other = baked(f->reg, (struct recipe){ .seed = "3", .input_hash = "h", .name = "other" });
        const struct { enum reg_state state; const char *id; } rows[] = {
                { REG_BAKED, newer }, { REG_DEPRECATED, newer }, { REG_REVOKED, old }, { REG_TRASHED, old } };
        BK_CLEANUP(reg_image_done) struct reg_image none = { 0 };
        struct bk_error err = { 0 };

        for (size_t i = 0; i < 4; i++) {
                BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

                assert_ok(state_set(f->reg, newer, rows[i].state, "ada", "why", &err), err);
                assert_ok(reg_find_input(f->reg, "base", "h", &image, &err), err);
                assert_string_equal(image.id, rows[i].id);
        }
        assert_fails_with(reg_find_input(f->reg, "base", "other", &none, &err), err, BK_NOT_FOUND);
        assert_fails_with(reg_find_input(f->reg, "nobody", "h", &none, &err), err, BK_NOT_FOUND);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(queries_find_what_they_say),
                registry_test(columns_that_are_digests),
                registry_test(newest_is_by_publication_not_by_name_or_digest),
                registry_test(a_sequence_is_never_given_twice),
                registry_test(references_of_every_form),
                registry_test(an_ambiguous_prefix_is_a_conflict),
                registry_test(a_name_never_gives_what_was_withdrawn),
                registry_test(inputs_find_the_newest_living),
                registry_test(the_walk_that_is_chosen_does_not_change_the_answer),
                registry_test(nothing_found_says_what_there_is),
                registry_test(many_known_values_are_cut_short),
                registry_test(hostile_queries_are_refused_with_words),
                registry_test(injections_are_only_text),
                registry_test(large_queries_end),
                registry_test(a_changed_byte_is_never_our_defect),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
