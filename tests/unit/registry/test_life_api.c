/* Requests about images' lives: what they answer, to whom, and what is refused. */
#include "tests/unit/registry/life.h"

static struct reg_answer ask(struct reg *reg, const char *method, const char *path, const char *body, enum reg_role role)
{
        struct reg_answer answer = { 0 };
        autofree char *plain = bk_strndup(path, strcspn(path, "?"));
        const char *query = strchr(path, '?');

        reg_api(reg, &(struct reg_request){ .method = method, .path = plain, .query = query == NULL ? "" : query + 1, .body = body,
                .length = body == NULL ? 0 : strlen(body), .who = "ada", .role = role }, &answer);
        assert_non_null(answer.text);
        return answer;
}

/* In order: each builds on the ones before. {1} and {2} stand for two images' digests. */
static const struct { const char *method, *path, *body; enum reg_role role; int status; const char *has; } rows[] = {
        { "GET",  "/events",                            NULL,                                           REG_READ,       200, "image.published" },
        { "GET",  "/events?since=1&_limit=1",           NULL,                                           REG_READ,       200, "\"id\":2" },
        { "GET",  "/events?since=x",                    NULL,                                           REG_READ,       400, "since is a number" },
        { "GET",  "/audit/verify",                      NULL,                                           REG_READ,       200, "\"ok\":true" },
        { "GET",  "/audit/verify?head=5",               NULL,                                           REG_READ,       400, "head" },
        { "POST", "/images/{1}/state",                  "{\"state\":\"tested\"}",                       REG_READ,       403, "role" },
        { "POST", "/images/{1}/state",                  "{\"state\":\"tested\",\"expect\":\"baked\"}",  REG_BAKE,       200, "\"state\":\"tested\"" },
        { "POST", "/images/{1}/state",                  "{\"state\":\"tested\",\"expect\":\"baked\"}",  REG_BAKE,       200, "\"state\":\"tested\"" },
        { "POST", "/images/{1}/state",                  "{\"state\":\"promoted\"}",                     REG_BAKE,       403, "promote" },
        { "POST", "/images/{1}/state",                  "{\"state\":\"promoted\",\"expect\":\"baked\"}", REG_PROMOTE,   409, "is tested" },
        { "POST", "/images/{1}/state",                  "{\"state\":\"ripe\"}",                         REG_ADMIN,      400, "unknown state" },
        { "POST", "/images/{1}/state",                  "{\"state\":7}",                                REG_ADMIN,      400, "text" },
        { "POST", "/images/{1}/state",                  "{\"state\":\"tested\",\"reason\":\"x\"}",      REG_ADMIN,      400, "unknown key 'reason'" },
        { "POST", "/images/{1}/state",                  "{\"state\":\"a\",\"state\":\"b\"}",            REG_ADMIN,      400, "duplicate" },
        { "POST", "/images/{1}/state",                  "{",                                            REG_ADMIN,      400, "JSON object" },
        { "POST", "/images/{1}/state",                  NULL,                                           REG_ADMIN,      400, "no 'state'" },
        { "POST", "/images/none/state",                 "{\"state\":\"tested\"}",                       REG_ADMIN,      404, "none" },
        { "POST", "/images/{1}/tags",                   "{\"set\":{\"env\":\"prod\"},\"why\":\"x\"}",   REG_BAKE,       200, "\"env\":\"prod\"" },
        { "POST", "/images/{1}/tags",                   "{\"set\":{\"env\":\"q\"},\"expect\":{\"env\":null}}", REG_BAKE, 409, "env=prod" },
        { "POST", "/images/{1}/tags",                   "{\"set\":{\"env\":1}}",                        REG_BAKE,       400, "text" },
        { "POST", "/images/{1}/tags",                   "{\"set\":[]}",                                 REG_BAKE,       400, "body is" },
        { "POST", "/images/{1}/tags",                   "{\"remove\":[\"env\"]}",                       REG_BAKE,       200, "\"attributes\":{}" },
        { "GET",  "/images/{1}/tags",                   NULL,                                           REG_READ,       200, "\"was\":\"prod\"" },
        { "POST", "/images/{1}/channels",               "{\"channel\":\"production\",\"expect\":\"none\"}", REG_BAKE,   200, "\"previous\":null" },
        { "POST", "/images/{1}/state",                  "{\"state\":\"tested\",\"why\":\"x\"}",         REG_BAKE,       403, "is promoted" },
        { "POST", "/images/{1}/state",                  "{\"state\":\"baked\",\"why\":\"x\"}",          REG_BAKE,       403, "is promoted" },
        { "PUT",  "/channels/base/production",          "{\"image\":\"{2}\",\"expect\":\"none\"}",      REG_BAKE,       409, "{1}" },
        { "PUT",  "/channels/base/production",          "{\"image\":\"{2}\",\"expect\":\"{1}\"}",       REG_BAKE,       200, "{2}" },
        { "PUT",  "/channels/web/production",           "{\"image\":\"{2}\"}",                          REG_BAKE,       409, "named" },
        { "GET",  "/channels?name=base",                NULL,                                           REG_READ,       200, "base:production" },
        { "GET",  "/channels/base/production",          NULL,                                           REG_READ,       200, "\"restricted\":false" },
        { "GET",  "/channels/base/nightly",             NULL,                                           REG_READ,       404, "nightly" },
        { "GET",  "/channels/base/production/history",  NULL,                                           REG_READ,       200, "{1}" },
        { "POST", "/channels/base/production/rollback", "{\"expect\":\"{2}\",\"why\":\"worse\"}",       REG_BAKE,       200, "\"image\":\"{1}\"" },
        { "PUT",  "/channels/base/production/restricted", "{}",                                         REG_PROMOTE,    403, "role" },
        { "PUT",  "/channels/base/production/restricted", "{\"restricted\":true}",                      REG_ADMIN,      200, "\"restricted\":true" },
        { "PUT",  "/channels/base/production",          "{\"image\":\"{2}\"}",                          REG_BAKE,       403, "restricted" },
        { "PUT",  "/channels/base/production",          "{\"image\":\"{2}\"}",                          REG_PROMOTE,    200, "{2}" },
        { "POST", "/images/{1}/revoke",                 "{\"why\":\"hole\"}",                           REG_BAKE,       403, "role" },
        { "POST", "/images/{1}/revoke",                 "{}",                                           REG_PROMOTE,    400, "reason" },
        { "POST", "/images/{1}/revoke",                 "{\"why\":\"hole\",\"at\":\"soon\"}",           REG_PROMOTE,    400, "time" },
        { "POST", "/images/{1}/revoke",                 "{\"why\":\"hole\",\"descendants\":1}",         REG_PROMOTE,    400, "true or false" },
        { "POST", "/images/{1}/revoke", "{\"why\":\"hole\",\"at\":\"2999-01-01\"}", REG_PROMOTE, 200, "\"state\":\"promoted\"" },
        { "POST", "/images/{1}/revoke", "{\"why\":\"hole\"}", REG_PROMOTE, 200, "\"state\":\"revoked\"" },
        { "GET",  "/images/{1}/revocations",            NULL,                                           REG_READ,       200, "\"why\":\"hole\"" },
        { "POST", "/images/{1}/restore", "{\"why\":\"fixed\"}", REG_PROMOTE, 200, "\"state\":\"promoted\"" },
        { "POST", "/images/{1}/state", "{\"state\":\"trashed\"}", REG_PROMOTE, 200, "\"state\":\"trashed\"" },
        { "POST", "/images/{1}/state",                  "{\"state\":\"tested\",\"why\":\"x\"}",         REG_BAKE,       403, "promote" },
        { "POST", "/images/{1}/untrash", "", REG_PROMOTE, 200, "\"state\":\"promoted\"" },
        { "DELETE", "/channels/base/production?why=old%20one", NULL,                                    REG_PROMOTE,    200, "{}" },
        { "GET",  "/events?since=10",                   NULL,                                           REG_READ,       200, "old one" },
        { "POST", "/tokens",                            "{\"name\":\"ci\",\"role\":\"bake\"}",          REG_PROMOTE,    403, "role" },
        { "POST", "/tokens",                            "{\"name\":\"ci\",\"role\":\"king\"}",          REG_ADMIN,      400, "promote" },
        { "POST", "/tokens",                            "{\"name\":\"ci\",\"role\":\"bake\",\"expires\":\"2999-01-01\"}", REG_ADMIN, 201, "bakery_" },
        { "GET",  "/tokens",                            NULL,                                           REG_ADMIN,      200, "\"role\":\"bake\"" },
        { "DELETE", "/tokens/ci",                       NULL,                                           REG_ADMIN,      200, "{}" },
        { "DELETE", "/tokens/zz",                       NULL,                                           REG_ADMIN,      404, "zz" },
        { "GET",  "/images/{1}/manifest",               NULL,                                           REG_READ,       200, "{\"seed\": \"1\"}" },
        { "GET",  "/images/{1}/signatures",             NULL,                                           REG_READ,       200, "\"items\":[]" },
        { "POST", "/images/{1}/signatures",             "{\"signature\":\"x\"}",                        REG_PROMOTE,    400, "minisign" },
        { "GET",  "/images/{1}/provenance",             NULL,                                           REG_READ,       200, "null" },
        { "GET",  "/images/{1}/provenance?format=slsa", NULL,                                           REG_READ,       200, "payloadType" },
        { "GET",  "/images/{1}/provenance?format=xml",  NULL,                                           REG_READ,       400, "slsa" },
        { "GET",  "/index.json",                        NULL,                                           REG_READ,       404, "index -sign" },
        { "GET",  "//index.json",                       NULL,                                           REG_READ,       404, "index -sign" },
        { "GET",  "/index/draft?expires=2999-01-01",    NULL,                                           REG_ADMIN,      200, "\"number\":1" },
        { "GET",  "/index/draft",                       NULL,                                           REG_ADMIN,      400, "expires" },
        { "POST", "/index",                             "{\"text\":\"{}\",\"signature\":\"x\"}",        REG_ADMIN,      400, "index" },
        { "GET",  "/audit/verify",                      NULL,                                           REG_READ,       200, "\"ok\":true" },
};

static char *fill(const char *text, const char *one, const char *two)
{
        char *result = bk_strdup(text);
        const char *const ids[] = { one, two };

        for (int i = 0; result != NULL && i < 2; i++) {
                const char word[] = { '{', (char)('1' + i), '}', '\0' };
                char *at;

                while ((at = strstr(result, word)) != NULL) {
                        char *longer = bk_format("%.*s%s%s", (int)(at - result), result, ids[i], at + 3);

                        free(result);
                        result = longer;
                }
        }
        return result;
}

static void requests_are_answered(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" }), *two = baked(f->reg, (struct recipe){ .seed = "2" });

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *path = fill(rows[i].path, one, two), *body = fill(rows[i].body, one, two), *has = fill(rows[i].has, one, two);
                struct reg_answer answer = ask(f->reg, rows[i].method, path, body, rows[i].role);

                print_message("# %s %s %s\n", rows[i].method, rows[i].path, rows[i].body == NULL ? "" : rows[i].body);
                if (answer.status != rows[i].status || strstr(answer.text, has) == NULL)
                        fail_msg("%d: %s", answer.status, answer.text);
                reg_answer_done(&answer);
        }
}

/* Who may not do something is told so before anything is looked at, and nothing has happened. */
static void roles_are_looked_at_first(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" });
        const int64_t before = index_of(f->reg);
        size_t refused = 0;

        for (size_t i = 0; i < reg_routes_life.n; i++) {
                const struct reg_route *route = &reg_routes_life.v[i];
                autofree char *path = bk_strdup(route->pattern);
                struct reg_answer answer;

                for (char *p = path; *p != '\0'; p++)
                        if (*p == '{' || *p == '}')
                                *p = 'x';
                answer = ask(f->reg, route->method, path, "{}", route->role - 1);
                assert_int_equal(answer.status, 403);
                refused++;
                reg_answer_done(&answer);
        }
        assert_in_range(refused, 25, 100);
        assert_int_equal(index_of(f->reg), before);
}

/* A change is in the answer's index: who waits for later changes does not see it again. */
static void the_answers_index_is_the_one_after(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" });
        struct reg_answer answer = ask(f->reg, "POST", "/images/base/state", "{\"state\":\"tested\"}", REG_ADMIN);

        assert_int_equal(answer.index, index_of(f->reg));
        assert_int_equal(answer.index, 2);
        reg_answer_done(&answer);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(requests_are_answered),
                registry_test(roles_are_looked_at_first),
                registry_test(the_answers_index_is_the_one_after),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
