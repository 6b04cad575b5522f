/* Routes of images: what programs get, with which status, and that the same question gets the same answer in every form. */
#include "tests/unit/registry/fixture.h"

#include "registry/api.h"
#include "registry/life.h"
#include "registry/registry_priv.h"

static json_t *ask(struct reg *reg, const char *target, int *ret_status)
{
        autofree char *path = bk_strndup(target, strcspn(target, "?"));
        const char *query = strchr(target, '?');
        const struct reg_request request = { .method = "GET", .path = path, .query = query == NULL ? "" : query + 1, .who = "ada",
                                             .role = REG_READ };
        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };
        json_t *json;

        reg_api(reg, &request, &answer);
        *ret_status = answer.status;
        json = json_loads(answer.text, JSON_DECODE_ANY, NULL);
        return json != NULL ? json : json_string(answer.text);
}

static const struct reg_package old_packages[] = {
        { .name = (char *)"bash", .version = (char *)"5.2", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" },
        { .name = (char *)"gone", .version = (char *)"1", .architecture = (char *)"all", .ecosystem = (char *)"deb" },
        { .name = (char *)"kernel", .version = (char *)"6.1", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" },
        { .name = (char *)"kernel", .version = (char *)"6.2", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" },
        { .name = (char *)"libc", .version = (char *)"2.36-9+deb12u9", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" },
        { .name = (char *)"six", .version = (char *)"1.16.0", .ecosystem = (char *)"pypi" },
};
static const struct reg_package new_packages[] = {
        { .name = (char *)"bash", .version = (char *)"5.2", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" },
        { .name = (char *)"come", .version = (char *)"1", .architecture = (char *)"all", .ecosystem = (char *)"deb" },
        { .name = (char *)"kernel", .version = (char *)"6.2", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" },
        { .name = (char *)"kernel", .version = (char *)"6.3", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" },
        { .name = (char *)"libc", .version = (char *)"2.36-9+deb12u10", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" },
        { .name = (char *)"six", .version = (char *)"1.9.0", .ecosystem = (char *)"pypi" },
};
static const struct reg_check old_checks[] = { { (char *)"s", (char *)"a", (char *)"passed" }, { (char *)"s", (char *)"b", (char *)"passed" } };
static const struct reg_check new_checks[] = { { (char *)"s", (char *)"b", (char *)"failed" }, { (char *)"s", (char *)"c", (char *)"passed" } };

/* 1 <- 2 <- 3, and 4, a newer tested one of 1's kind; 5 is a base of another release. 6 is revoked. */
static void stock(struct reg *reg)
{
        autofree char *one = baked(reg, (struct recipe){ .seed = "1", .name = "root", .state = REG_TESTED,
                                                         .attributes = { PAIR("release", "x"), PAIR("kernel", "1") } });
        autofree char *two = baked(reg, (struct recipe){ .seed = "2", .ancestor = one, .attributes = { PAIR("kernel", "1"), PAIR("left", "x") },
                                                         .packages = old_packages, .n_packages = 6, .checks = old_checks, .n_checks = 2 });
        autofree char *three = baked(reg, (struct recipe){ .seed = "3", .name = "web/app", .ancestor = two, .state = REG_TESTED,
                                                           .attributes = { PAIR("kernel", "2"), PAIR("came", "<y>") }, .packages = new_packages,
                                                           .n_packages = 6, .checks = new_checks, .n_checks = 2 });
        autofree char *six = NULL;
        struct bk_error err = { 0 };

        free(baked(reg, (struct recipe){ .seed = "4", .name = "root", .state = REG_TESTED,
                                         .attributes = { PAIR("release", "x"), PAIR("kernel", "9") } }));
        free(baked(reg, (struct recipe){ .seed = "5", .name = "root", .state = REG_TESTED, .attributes = { PAIR("release", "y") } }));
        six = baked(reg, (struct recipe){ .seed = "6", .name = "old" });
        assert_ok(state_set(reg, six, REG_REVOKED, "ada", "hole", &err), err);
        assert_ok(channel_assign(reg, "production", three, "ada", NULL, &err), err);
}

/* {ID:N}: see expanded(). says: in the text of the answer. */
static const struct row { const char *target; int status; size_t items; const char *says; } rows[] = {
        { "/images",                                    200, 5, "\"next\": null" },
        { "/images?name=root",                          200, 3, "" },
        { "/images;name=root",                          200, 3, "" },
        { "/images;name=root;release=x?kernel>1",       200, 1, "" },
        { "/images?kernel%3E1",                         200, 2, "" },
        { "/?application=root&release=x",               200, 2, "" },
        { "?application=root&release=x",                200, 2, "" },
        { ";application=root;release=x:(id,release)",   200, 2, "{\"id\": \"sha256:" },
        { "/images;application=root;state=tested:(name,release,none)", 200, 3, "{\"name\": \"root\", \"none\": null, \"release\": \"y\"}" },
        { "/images?application=root:(name)",            200, 3, "{\"name\": \"root\"}" },
        { "/images?_limit=2",                           200, 2, "\"next\": \"4\"" },
        { "/images?_limit=2&_after=4",                  200, 2, "\"next\": \"2\"" },
        { "/images?name=nobody",                        200, 0, "none is named 'nobody'" },
        { "/images?name=old",                           200, 0, "is revoked since" },
        { "/images?name=nobody&_one",                   404, 0, "none is named" },
        { "/images?name=nobody&_latest",                404, 0, "none is named" },
        { "/images?name=root&_one",                     409, 0, "matches root sha256:" },
        { "/images?name=root&_latest",                  200, 1, "\"next\": null" },
        { "/images?name=old&_one",                      410, 0, "\"last\": {" },
        { "/images?name=old&_latest",                   410, 0, "\"state\": \"revoked\"" },
        { "/images?name=old&_one&_all",                 200, 1, "" },
        { "/images?_nope=1",                            400, 0, "_latest, _one" },
        { "/images?kernel~(",                           400, 0, "pattern" },
        { "/images?name=root:(id",                      400, 0, "')'" },
        { "/images/old",                                410, 0, "\"last\": {" },
        { "/images/{ID:6}",                             200, 0, "\"state\": \"revoked\"" },
        { "/images/root",                               200, 0, "\"package_count\": 0" },
        { "/images/web%2Fapp",                          200, 0, "\"name\": \"web/app\"" },
        { "/images/web%2Fapp:production",               200, 0, "\"name\": \"web/app\"" },
        { "/images/web%2Fapp:(id,kernel)",              200, 0, "\"kernel\": \"2\"" },
        { "/images/root%3Fkernel=9",                    200, 0, "\"kernel\": \"9\"" },
        { "/images/nobody",                             404, 0, "nobody" },
        { "/images/root?_att=now",                      400, 0, "unknown parameter" },
        { "/images/{HEX:3}",                            200, 0, "\"name\": \"web/app\"" },
        { "/images/{HEX:3}?_at=now",                    200, 0, "\"channel\": \"web/app:production\"" },
        { "/images/{UP:3}",                             200, 0, "\"name\": \"web/app\"" },
        { "/images/{UP:3}?_at=now",                     200, 0, "\"at\": " },
        { "/images/{SHORT:3}?_at=now",                  200, 0, "\"name\": \"web/app\"" },
        { "/images/root?_at=2020-01-01",                404, 0, "root" },
        { "/images/{ID:3}?_at=2020-01-01",              404, 0, "there was no image" },
        { "/images/{ID:3}?_at=now",                     200, 0, "\"channel\": \"web/app:production\"" },
        { "/images/root?_at=soon",                      400, 0, "no time" },
        { "/images/{ID:3}/packages",                    200, 6, "\"ecosystem\": \"pypi\"" },
        { "/images/{ID:3}/packages?name=kernel",        200, 2, "" },
        { "/images/{ID:3}/packages?name=k*",            200, 2, "" },
        { "/images/{ID:3}/packages?name=",              200, 0, "" },
        { "/images/{ID:1}/packages",                    200, 0, "" },
        { "/images/{ID:3}/checks",                      200, 2, "\"verdict\": \"failed\"" },
        { "/images/{ID:3}/lineage",                     200, 3, "\"freshness\": \"out-of-date\"" },
        { "/images/{ID:2}/lineage",                     200, 2, "\"newest\": \"sha256:" },
        { "/images/{ID:5}/lineage",                     200, 1, "\"freshness\": \"up-to-date\"" },
        { "/images/nobody/lineage",                     404, 0, "" },
        { "/images/{ID:1}/descendants",                 200, 2, "\"depth\": 2" },
        { "/images/{ID:1}/descendants?depth=1",         200, 1, "\"next\": null" },
        { "/images/{ID:1}/descendants?_limit=1",        200, 1, "\"next\": \"2\"" },
        { "/images/{ID:1}/descendants?_limit=1&_after=2", 200, 1, "\"next\": null" },
        { "/images/{ID:3}/descendants",                 200, 0, "\"next\": null" },
        { "/images/{ID:1}/descendants?depth=x",         400, 0, "number" },
        { "/images/{ID:1}/descendants?_limit=0",        400, 0, "number from 1" },
        { "/images/{ID:1}/descendants?deep=1",          400, 0, "depth _limit" },
        { "/images/{ID:3}/lineage.svg",                 200, 0, "<svg xmlns" },
        { "/images/{ID:2}/diff/nobody",                 404, 0, "nobody" },
        { "/images/{ID:2}/diff/{ID:3}?files=1",         400, 0, "where the layers are" },
        { "/images/{ID:2}?_diff={ID:3}&files=1",        400, 0, "where the layers are" },
        { "/images/{ID:2}?_diff={ID:3}&files=0",        200, 0, "\"direction\": \"up\"" },
        { "/images/{ID:2}?files=1",                     400, 0, "_diff" },
        { "/images/{ID:2}?_diff={ID:3}",                200, 0, "\"direction\": \"up\"" },
        { "/images/{ID:2}?_diff=2020..now",             404, 0, "there was no image" },
        { "/images/{ID:2}?_diff=now..now",              200, 0, "\"attributes\": []" },
        { "/images/{ID:2}?_diff=x..",                   400, 0, "_diff" },
};

/* "{ID:3}" is the id of seed 3, "{HEX:3}" its digits, "{UP:3}" those in capitals, "{SHORT:3}" the first of them, "{GONE:3}" some in capitals. */
static char *expanded(const char *target)
{
        static const struct { const char *word; size_t from, most; bool up; } forms[] = {
                { "{ID:", 0, 71, false }, { "{HEX:", 7, 64, false }, { "{UP:", 7, 64, true }, { "{SHORT:", 7, 12, false }, { "{GONE:", 7, 12, true },
        };
        struct bk_buf text = { 0 };

        for (const char *p = target; *p != '\0'; p++) {
                size_t i = 0;

                while (i < 5 && strncmp(p, forms[i].word, strlen(forms[i].word)) != 0)
                        i++;
                if (i == 5) {
                        bk_buf_putc(&text, *p);
                        continue;
                }
                p += strlen(forms[i].word);
                autofree char *seed = bk_strndup(p, 1), *id = id_of(seed);

                for (const char *c = id + forms[i].from; *c != '\0' && c < id + forms[i].from + forms[i].most; c++)
                        bk_buf_putc(&text, forms[i].up && *c >= 'a' ? (char)(*c - 'a' + 'A') : *c);
                p++;
        }
        return bk_buf_finish(&text);
}

/* 7 is hidden, as 8 is, behind a revoked 9; 0 is deleted; the name of A looks like a digest's beginning, and a channel was deleted
 * that it headed. */
static void stock_withdrawn(struct reg *reg)
{
        BK_CLEANUP(reg_layers_done) struct reg_layers layers = { 0 };
        autofree char *seven = baked(reg, (struct recipe){ .seed = "7", .name = "seen" });
        autofree char *eight = baked(reg, (struct recipe){ .seed = "8", .name = "both" });
        autofree char *nine = baked(reg, (struct recipe){ .seed = "9", .name = "both" });
        autofree char *none = baked(reg, (struct recipe){ .seed = "0", .name = "gone" });
        struct bk_error err = { 0 };

        autofree char *digits = baked(reg, (struct recipe){ .seed = "A", .name = "20240101" });

        assert_ok(channel_assign(reg, "edge", digits, "ada", NULL, &err), err);
        assert_ok(reg_channel_delete(reg, "20240101:edge", &(struct reg_change){ .who = "ada" }, &err), err);
        assert_ok(reg_sql_run(reg, &err, "UPDATE image SET hidden = 1 WHERE id IN (?, ?)", "tt", seven, eight), err);
        assert_ok(state_set(reg, nine, REG_REVOKED, "ada", "hole", &err), err);
        assert_ok(image_delete(reg, none, &layers, &err), err);
}

static const struct row withdrawn[] = {
        { "/images/20240101?_at=now",                   200, 0, "\"name\": \"20240101\"" },
        { "/images/seen",                               410, 0, "\"last\": {" },
        { "/images/seen",                               410, 0, "is hidden" },
        { "/images?name=seen&_one",                     410, 0, "\"last\": {" },
        { "/images?name=seen&_latest",                  410, 0, "\"hidden\": true" },
        { "/images/{GONE:0}",                           410, 0, "\"gone\": {" },
        { "/images/{GONE:0}?_at=now",                   410, 0, "was deleted at" },
        { "/images/20240101?_at=now",                   200, 0, "\"channels\": []" },
        { "/images/both",                               410, 0, "\"hidden\": true" },
        { "/images?name=both&_one",                     410, 0, "\"hidden\": true" },
        { "/images?name=both&_states=revoked&_one",     200, 1, "\"state\": \"revoked\"" },
        { "/images?name=seen&state=promoted&_one",      404, 0, "none in a state" },
};

static void answers_are(struct reg *reg, const struct row *rows_of, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                autofree char *target = expanded(rows_of[i].target), *text = NULL;
                int status = 0;
                json_t *json = ask(reg, target, &status);

                print_message("# %s\n", rows_of[i].target);
                text = json_dumps(json, JSON_SORT_KEYS | JSON_ENCODE_ANY);
                if (status != rows_of[i].status)
                        fail_msg("%d: %s", status, text);
                if (json_array_size(json_object_get(json, "items")) != rows_of[i].items)
                        fail_msg("items: %s", text);
                if (strstr(json_is_string(json) ? json_string_value(json) : text, rows_of[i].says) == NULL)
                        fail_msg("'%s' is not in %s", rows_of[i].says, text);
                json_decref(json);
        }
}

static void every_route_answers_with_its_status(void **state)
{
        struct fixture *f = *state;

        stock(f->reg);
        answers_are(f->reg, rows, sizeof rows / sizeof *rows);
}

static void what_is_withdrawn_is_told_with_the_last_that_is_known(void **state)
{
        struct fixture *f = *state;

        stock_withdrawn(f->reg);
        answers_are(f->reg, withdrawn, sizeof withdrawn / sizeof *withdrawn);
}

static void a_difference_is_told_from_both_sides(void **state)
{
        struct fixture *f = *state;
        autofree char *target = NULL, *packages = NULL, *attributes = NULL, *checks = NULL;
        int status = 0;
        json_t *diff;

        stock(f->reg);
        target = expanded("/images/{ID:2}/diff/{ID:3}");
        diff = ask(f->reg, target, &status);
        assert_int_equal(status, 200);
        packages = json_dumps(json_object_get(diff, "packages"), JSON_SORT_KEYS | JSON_COMPACT);
        attributes = json_dumps(json_object_get(diff, "attributes"), JSON_SORT_KEYS | JSON_COMPACT);
        checks = json_dumps(json_object_get(diff, "checks"), JSON_SORT_KEYS | JSON_COMPACT);
        assert_string_equal(packages,
                "{\"added\":[{\"architecture\":\"all\",\"ecosystem\":\"deb\",\"name\":\"come\",\"version\":\"1\"}],\"changed\":["
                "{\"architecture\":\"amd64\",\"direction\":\"up\",\"ecosystem\":\"deb\",\"from\":\"6.1\",\"name\":\"kernel\",\"to\":\"6.3\"},"
                "{\"architecture\":\"amd64\",\"direction\":\"up\",\"ecosystem\":\"deb\",\"from\":\"2.36-9+deb12u9\",\"name\":\"libc\","
                "\"to\":\"2.36-9+deb12u10\"},"
                "{\"architecture\":null,\"direction\":\"down\",\"ecosystem\":\"pypi\",\"from\":\"1.16.0\",\"name\":\"six\",\"to\":\"1.9.0\"}],"
                "\"removed\":[{\"architecture\":\"all\",\"ecosystem\":\"deb\",\"name\":\"gone\",\"version\":\"1\"}]}");
        assert_string_equal(attributes, "[{\"from\":null,\"key\":\"came\",\"to\":\"<y>\"},{\"from\":\"1\",\"key\":\"kernel\",\"to\":\"2\"},"
                                        "{\"from\":\"x\",\"key\":\"left\",\"to\":null}]");
        assert_string_equal(checks,
                            "[{\"from\":\"passed\",\"name\":\"a\",\"suite\":\"s\",\"to\":null},{\"from\":\"passed\",\"name\":\"b\",\"suite\":\"s\","
                                    "\"to\":\"failed\"},{\"from\":null,\"name\":\"c\",\"suite\":\"s\",\"to\":\"passed\"}]");
        json_decref(diff);
}

static void a_picture_is_made_of_escaped_text(void **state)
{
        struct fixture *f = *state;
        static const char hostile[] = "<script>alert(1)</script>&\"'";
        autofree char *svg = NULL, *id = baked(f->reg, (struct recipe){ .seed = "1" });
        struct bk_error err = { 0 };

        assert_ok(reg_sql_run(f->reg, &err, "UPDATE image SET type = ?", "t", hostile), err);
        for (int i = 0; i < 450; i++) {
                autofree char *seed = bk_format("child %d", i);

                free(baked(f->reg, (struct recipe){ .seed = seed, .ancestor = id }));
        }
        assert_ok(reg_lineage_svg(f->reg, id, &svg, &err), err);
        assert_null(strstr(svg, "<script"));
        assert_non_null(strstr(svg, "&#60;script&#62;"));
        assert_non_null(strstr(svg, "more descendants than 400"));
        assert_non_null(strstr(svg, "prefers-color-scheme:dark"));
        assert_null(strstr(svg, "href"));
}

static void freshness_follows_the_newest_tested_of_a_kind(void **state)
{
        struct fixture *f = *state;
        static const struct { const char *seed; enum reg_state state; const char *release, *variant; enum reg_freshness wanted; } steps[] = {
                { "untested",           REG_BAKED,  "x", NULL,      REG_UNDETERMINED },
                { "of another release", REG_TESTED, "y", NULL,      REG_UNDETERMINED },
                { "of a variant",       REG_TESTED, "x", "minimal", REG_UNDETERMINED },
                { "tested",             REG_TESTED, "x", NULL,      REG_OUT_OF_DATE },
        };
        autofree char *parent = baked(f->reg, (struct recipe){ .seed = "p", .attributes = { PAIR("release", "x"), PAIR("kernel", "1") } });
        autofree char *child = baked(f->reg, (struct recipe){ .seed = "c", .name = "web", .ancestor = parent });

        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
                BK_CLEANUP(reg_images_done) struct reg_images line = { 0 };
                enum reg_freshness fresh[2];
                char *newest[2] = { NULL, NULL };
                struct bk_error err = { 0 };
                autofree char *id = baked(f->reg, (struct recipe){ .seed = steps[i].seed, .state = steps[i].state,
                                                                   .attributes = { PAIR("release", steps[i].release), PAIR("kernel", "2"),
                                                                                   PAIR(steps[i].variant ? "variant" : NULL, steps[i].variant) } });

                print_message("# %s\n", steps[i].seed);
                assert_ok(reg_lineage(f->reg, child, &line, &err), err);
                assert_ok(reg_lineage_freshness(f->reg, &line, fresh, newest, &err), err);
                assert_int_equal(fresh[0], steps[i].wanted);
                assert_int_equal(fresh[1], steps[i].wanted);
                assert_true((newest[0] != NULL) == (steps[i].wanted == REG_OUT_OF_DATE));
                assert_true(newest[0] == NULL || strcmp(newest[0], id) == 0);
                free(newest[0]);
        }
}

static void descendants_of_a_deep_and_broad_family(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_nodes_done) struct reg_nodes all = { 0 }, near = { 0 };
        char *above = NULL, *root = NULL;
        struct bk_error err = { 0 };

        for (int i = 0; i < 60; i++) {
                autofree char *seed = bk_format("%d", i), *id = baked(f->reg,
                                                                      (struct recipe){ .seed = seed, .ancestor = i % 10 == 0 ? root : above });

                free(above);
                above = bk_strdup(id);
                if (root == NULL)
                        root = bk_strdup(id);
        }
        assert_ok(reg_descendants(f->reg, root, &(struct reg_descent){ .limit = -1 }, &all, &err), err);
        assert_int_equal(all.n, 59);
        for (size_t i = 0; i < all.n; i++)
                assert_int_equal(all.v[i].depth, (i + 1) / 10 == 0 ? i + 1 : (i + 1) % 10 + 1);
        assert_ok(reg_descendants(f->reg, root, &(struct reg_descent){ .depth = 1, .limit = -1 }, &near, &err), err);
        assert_int_equal(near.n, 6);
        free(above);
        free(root);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(every_route_answers_with_its_status),
                registry_test(what_is_withdrawn_is_told_with_the_last_that_is_known),
                registry_test(a_difference_is_told_from_both_sides),
                registry_test(a_picture_is_made_of_escaped_text),
                registry_test(freshness_follows_the_newest_tested_of_a_kind),
                registry_test(descendants_of_a_deep_and_broad_family),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
