/* Launch references: told one by one, told all at once, and how fresh they are. */
#include "tests/unit/registry/fixture.h"

#include <time.h>

#include "registry/api.h"
#include "registry/usage.h"

static json_t *usage(struct reg *reg, const char *id, bool living)
{
        struct bk_error err = { 0 };
        json_t *json = NULL;

        assert_ok(reg_usage_json(reg, id, living, &json, &err), err);
        return json;
}

static size_t living(struct reg *reg, const char *id)
{
        json_t *json = usage(reg, id, true);
        const size_t n = json_array_size(json_object_get(json, "items"));

        json_decref(json);
        return n;
}

static const char *field(const json_t *json, const char *list, size_t i, const char *key)
{
        return json_string_value(json_object_get(json_array_get(json_object_get(json, list), i), key));
}

static void what_is_told_is_remembered(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" }), *two = baked(f->reg, (struct recipe){ .seed = "2" });
        struct bk_error err = { 0 };
        json_t *json;

        assert_ok(reg_launch_seen(f->reg, "report", &(struct reg_launch){ .image = one, .instance = "i-1", .name = "web", .who = "ada" }, &err), err);
        assert_ok(reg_launch_seen(f->reg, "report", &(struct reg_launch){ .image = one, .instance = "i-1", .who = "bob" }, &err), err);
        assert_ok(reg_launch_seen(f->reg, "report", &(struct reg_launch){ .image = one, .instance = "i-2", .who = "ada" }, &err), err);
        json = usage(f->reg, one, false);
        assert_int_equal(json_array_size(json_object_get(json, "items")), 2);
        assert_string_equal(field(json, "items", 1, "name"), "web");
        assert_string_equal(field(json, "items", 1, "who"), "ada");
        assert_string_equal(field(json, "sources", 0, "name"), "report");
        json_decref(json);

        /* The instance was put on another image. */
        assert_ok(reg_launch_seen(f->reg, "report", &(struct reg_launch){ .image = two, .instance = "i-1", .who = "ada" }, &err), err);
        assert_int_equal(living(f->reg, one), 1);
        assert_int_equal(living(f->reg, two), 1);
        assert_ok(reg_launch_ended(f->reg, "report", "i-1", "ada", &err), err);
        assert_int_equal(living(f->reg, two), 0);
        assert_int_equal(reg_launch_ended(f->reg, "report", "i-1", "ada", &err), -1);
        assert_int_equal(err.kind, BK_NOT_FOUND);
}

static void a_source_that_knows_all_ends_the_rest(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" }), *two = baked(f->reg, (struct recipe){ .seed = "2" });
        const struct reg_launch first[] = { { .image = one, .instance = "a" }, { .image = one, .instance = "b" },
                                            { .image = "sha256:none", .instance = "c" } };
        const struct reg_launch second[] = { { .image = one, .instance = "b" }, { .image = two, .instance = "a" } };
        struct bk_error err = { 0 };
        size_t unknown = 9;
        json_t *json;

        assert_ok(reg_launch_seen(f->reg, "report", &(struct reg_launch){ .image = two, .instance = "other" }, &err), err);
        assert_ok(reg_usage_replace(f->reg, "libvirt", first, 3, "scan", &unknown, &err), err);
        assert_int_equal(unknown, 1);
        assert_int_equal(living(f->reg, one), 2);
        assert_ok(reg_usage_replace(f->reg, "libvirt", second, 2, "scan", &unknown, &err), err);
        assert_int_equal(unknown, 0);
        assert_int_equal(living(f->reg, one), 1);
        assert_int_equal(living(f->reg, two), 2);
        assert_ok(reg_usage_replace(f->reg, "libvirt", NULL, 0, "scan", &unknown, &err), err);
        assert_int_equal(living(f->reg, one), 0);
        assert_int_equal(living(f->reg, two), 1);       /* another source's */
        json = usage(f->reg, NULL, true);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "sources"), 0), "count")), 0);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "sources"), 0), "previous")), 2);
        json_decref(json);
}

static void a_source_that_fails_takes_nothing_back(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" });
        const struct reg_launch all[] = { { .image = one, .instance = "a" } };
        struct bk_error err = { 0 };
        size_t unknown = 0;
        json_t *json;

        assert_ok(reg_usage_replace(f->reg, "libvirt", all, 1, "scan", &unknown, &err), err);
        assert_ok(reg_usage_failed(f->reg, "libvirt", "connection refused", &err), err);
        assert_int_equal(living(f->reg, one), 1);
        json = usage(f->reg, one, true);
        assert_string_equal(field(json, "sources", 0, "error"), "connection refused");
        assert_non_null(field(json, "sources", 0, "ok_at"));
        assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "sources"), 0), "count")), 1);
        json_decref(json);
        assert_ok(reg_usage_failed(f->reg, "never", "no such host", &err), err);
        json = usage(f->reg, one, true);
        assert_null(field(json, "sources", 1, "ok_at"));
        json_decref(json);
}

static void what_is_not_a_launch_is_refused(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" }), *zero = id_of("0");
        autofree char *long_word = bk_alloc(300);
        const struct { const char *image, *source, *instance; enum bk_kind kind; } rows[] = {
                { one, "report", "", BK_INVALID }, { one, "report", NULL, BK_INVALID }, { one, "", "i", BK_INVALID },
                { one, "report", "a\nb", BK_INVALID }, { one, "report", "\xff", BK_INVALID }, { one, "report", long_word, BK_INVALID },
                { zero, "report", "i", BK_NOT_FOUND } };

        memset(long_word, 'x', 299);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct bk_error err = { 0 };

                assert_int_equal(reg_launch_seen(f->reg, rows[i].source, &(struct reg_launch){ .image = rows[i].image,
                                 .instance = rows[i].instance }, &err), -1);
                assert_int_equal(err.kind, rows[i].kind);
        }
        assert_int_equal(living(f->reg, NULL), 0);
}

static void requests_are_answered(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" });
        static const struct { const char *method, *path, *body; int status; size_t living; } rows[] = {
                { "POST", "/launches/phone-home/base", "pub_key_rsa=ssh-rsa+AA%0A&instance_id=iid-9&hostname=web+1&fqdn=None", 200, 1 },
                { "POST", "/launches/phone-home/base", "{\"instance_id\": \"iid-10\", \"hostname\": \"web2\"}", 200, 2 },
                { "POST", "/launches/phone-home/base", "hostname=x", 400, 2 },
                { "POST", "/launches/phone-home/other", "instance_id=1", 404, 2 },
                { "POST", "/launches", "{\"image\": \"base\", \"instance\": \"52:54:00:00:00:01\", \"source\": \"netboot\"}", 201, 3 },
                { "POST", "/launches", "{\"image\": \"base\"}", 400, 3 },
                { "POST", "/launches", "[1]", 400, 3 },
                { "DELETE", "/launches/netboot/52:54:00:00:00:01", NULL, 200, 2 },
                { "DELETE", "/launches/netboot/52:54:00:00:00:01", NULL, 404, 2 },
                { "GET", "/launches", NULL, 200, 2 },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct reg_answer answer = { 0 };

                print_message("# %s %s %s\n", rows[i].method, rows[i].path, rows[i].body == NULL ? "" : rows[i].body);
                reg_api(f->reg, &(struct reg_request){ .method = rows[i].method, .path = rows[i].path, .query = "", .body = rows[i].body,
                        .length = rows[i].body == NULL ? 0 : strlen(rows[i].body), .who = "ada", .role = REG_ADMIN }, &answer);
                assert_int_equal(answer.status, rows[i].status);
                assert_non_null(answer.text);
                reg_answer_done(&answer);
                assert_int_equal(living(f->reg, one), rows[i].living);
        }
}

/* 1 <- 2 runs; 3 heads a channel; 4 ran a year ago; 5 never did. */
static const struct { const char *query, *found; } by_use[] = {
        { "?in_use=true",                       "3 2 1" },      { "?in_use",                            "3 2 1" },
        { "?in_use=1",                          "3 2 1" },      { "?in_use!=0",                         "3 2 1" },
        { "?in_use=false",                      "5 4" },        { "?!in_use",                           "5 4" },
        { "?in_use=0&name=base",                "5 4" },        { "?in_use!=true",                      "5 4" },
        { "?in_use=true&_limit=1",              "3" },          { "?kernel=6&in_use=true",              "2" },
        { "?last_launched>30d",                 "2" },          { "?last_launched<30d",                 "4" },
        { "?last_launched",                     "4 2" },        { "?!last_launched",                    "5 3 1" },
        { "?last_launched!=2001",               "5 4 3 2 1" },  { "?last_launched<30d&in_use=false",    "4" },
        { "?in_use=maybe",                      "!true" },      { "?in_use=",                           "!true" },
        { "?in_use>0",                          "!takes =" },   { "?in_use=1,0",                        "!one value" },
        { "?in_use=tru*",                       "!true" },      { "?in_use~t",                          "!takes =" },
        { "?last_launched~2",                   "!no text" },   { "?last_launched>soon",                "!no time" },
        { "?in_use&_at=now",                    "!present" },   { "?last_launched>1d&_since=1d",        "!present" },
        { "?_sort=last_launched",               "!who uses" },  { "?_sort=-in_use",                     "!who uses" },
};

static void images_are_found_by_their_use(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" });
        autofree char *two = baked(f->reg, (struct recipe){ .seed = "2", .ancestor = one, .attributes = { PAIR("kernel", "6") } });
        autofree char *three = baked(f->reg, (struct recipe){ .seed = "3" });
        autofree char *four = baked(f->reg, (struct recipe){ .seed = "4", .attributes = { PAIR("kernel", "6") } });
        struct bk_error err = { 0 };

        free(baked(f->reg, (struct recipe){ .seed = "5" }));
        assert_ok(reg_launch_seen(f->reg, "report", &(struct reg_launch){ .image = two, .instance = "i-2" }, &err), err);
        assert_ok(channel_assign(f->reg, "edge", three, "ada", NULL, &err), err);
        assert_ok(reg_launch_seen(f->reg, "report", &(struct reg_launch){ .image = four, .instance = "i-4", .at = time(NULL) - 365 * 86400 }, &err),
                  err);
        assert_ok(reg_launch_ended(f->reg, "report", "i-4", "ada", &err), err);
        for (size_t i = 0; i < sizeof by_use / sizeof *by_use; i++) {
                const char *wanted = by_use[i].found;
                struct bk_error why = { 0 };
                autofree char *got = found(f->reg, by_use[i].query, &why);

                print_message("# %s\n", by_use[i].query);
                if (*wanted == '!' && (got != NULL || strstr(why.text, wanted + 1) == NULL))
                        fail_msg("'%s' does not say '%s'", got != NULL ? got : why.text, wanted + 1);
                if (*wanted != '!' && !bk_streq(got, wanted))
                        fail_msg("%s", got != NULL ? got : why.text);
        }
}

static int phoned(struct reg *reg, const char *image, const char *instance, enum reg_role role)
{
        autofree char *path = bk_format("/launches/phone-home/%s", image), *body = bk_format("instance_id=%s", instance);
        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };

        reg_api(reg, &(struct reg_request){ .method = "POST", .path = path, .query = "", .body = body, .length = strlen(body), .who = "guest",
                .role = role }, &answer);
        return answer.status;
}

static void what_anybody_may_say_ends_nothing(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" }), *two = baked(f->reg, (struct recipe){ .seed = "2" });

        assert_int_equal(phoned(f->reg, one, "i-1", REG_READ), 200);
        assert_int_equal(phoned(f->reg, two, "i-1", REG_READ), 200);
        assert_int_equal(living(f->reg, one), 1);
        assert_int_equal(living(f->reg, two), 1);
        print_message("# who may bake is believed\n");
        assert_int_equal(phoned(f->reg, two, "i-1", REG_BAKE), 200);
        assert_int_equal(living(f->reg, one), 0);
        assert_int_equal(living(f->reg, two), 1);
}

static void what_anybody_may_say_is_not_without_end(void **state)
{
        struct fixture *f = *state;
        autofree char *one = baked(f->reg, (struct recipe){ .seed = "1" }), *two = baked(f->reg, (struct recipe){ .seed = "2" });
        autofree struct reg_launch *v = bk_alloc(REG_HEARSAY_MOST * sizeof *v);
        struct bk_error err = { 0 };
        size_t unknown = 0;

        for (size_t i = 0; i < REG_HEARSAY_MOST; i++)
                v[i] = (struct reg_launch){ .image = one, .instance = bk_format("i-%zu", i) };
        assert_ok(reg_usage_replace(f->reg, "phone-home", v, REG_HEARSAY_MOST, "ada", &unknown, &err), err);
        for (size_t i = 0; i < REG_HEARSAY_MOST; i++)
                free((char *)(uintptr_t)v[i].instance);
        assert_int_equal(phoned(f->reg, one, "another", REG_READ), 409);
        assert_int_equal(phoned(f->reg, one, "i-7", REG_READ), 200);            /* is known */
        assert_int_equal(phoned(f->reg, two, "another", REG_READ), 200);        /* is of another image */
        assert_int_equal(phoned(f->reg, one, "a-third", REG_BAKE), 200);
        assert_int_equal(living(f->reg, one), REG_HEARSAY_MOST + 1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(what_is_told_is_remembered),
                registry_test(a_source_that_knows_all_ends_the_rest),
                registry_test(a_source_that_fails_takes_nothing_back),
                registry_test(what_is_not_a_launch_is_refused),
                registry_test(requests_are_answered),
                registry_test(images_are_found_by_their_use),
                registry_test(what_anybody_may_say_ends_nothing),
                registry_test(what_anybody_may_say_is_not_without_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
