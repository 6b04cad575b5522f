/* What routes are asked with: parameters that they know, in every form in which queries write conditions, and no others. */
#include "tests/unit/registry/ask.h"

static const struct reg_package older[] = {
        { .name = (char *)"openssl", .version = (char *)"3.0.14-1", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" },
};
static const struct reg_package newer[] = {
        { .name = (char *)"openssl", .version = (char *)"3.0.15-1", .architecture = (char *)"amd64", .ecosystem = (char *)"deb" },
};

/* Each of the two images has an openssl; the older one heads a channel. */
static void stock(struct reg *reg)
{
        autofree char *one = baked(reg, (struct recipe){ .seed = "1", .name = "old", .packages = older, .n_packages = 1 });
        struct bk_error err = { 0 };

        free(baked(reg, (struct recipe){ .seed = "2", .name = "new", .packages = newer, .n_packages = 1 }));
        assert_ok(channel_assign(reg, "edge", one, "ada", NULL, &err), err);
}

/* says: the names of what is found, or, of a refusal, something that stands in its message. */
static const struct { const char *target; int status; const char *says; } rows[] = {
        { "/packages?name=openssl",                                     200, "new old" },
        { "/packages?name=openssl&version=<3.0.15-1",                   200, "old" },
        { "/packages?name=openssl&version=%3C3.0.15-1",                 200, "old" },
        { "/packages?name=openssl&version%3C3.0.15-1",                  200, "old" },
        { "/packages?name=openssl&version<3.0.15-1",                    200, "old" },
        { "/packages?name=openssl&version<=3.0.15-1",                   200, "new old" },
        { "/packages?name=openssl&version%3e=3.0.15-1",                 200, "new" },
        { "/packages?name=openssl&version!=3.0.15-1",                   200, "old" },
        { "/packages;name=openssl;version>3.0.14-1",                    200, "new" },
        { "/packages;name=openssl?version=3.0.14-1",                    200, "old" },
        { "/packages?name=openssl;version=3.0.14-1",                    200, "old" },
        { "/packages?name=openssl&in_use=1",                            200, "old" },
        { "/packages?name=openssl&in_use=0",                            200, "new old" },
        { "/packages?name=openssl&in_use",                              200, "old" },
        { "/packages;in_use;name=openssl",                              200, "old" },
        { "/packages?n%61me=openssl&limit=1&",                          200, "new" },
        { "/packages?name=openssl&versoin=3",                           400, "did you mean 'version'? There are name version ecosystem" },
        { "/packages?name=openssl&in-use=1",                            400, "did you mean 'in_use'" },
        { "/packages?name=openssl&_limit=1",                            400, "did you mean 'limit'" },
        { "/packages?name=openssl;_limit=1",                            400, "did you mean 'limit'" },
        { "/packages?name=openssl&!in_use",                             400, "unknown parameter '!in_use'" },
        { "/packages?name=openssl&in_use!=1",                           400, "in_use takes '='" },
        { "/packages?name~ssl",                                         400, "name takes '='" },
        { "/packages?name=openssl&version~3",                           400, "version takes =, !=" },
        { "/packages?name=openssl&in_use=yes",                          400, "0 or 1" },
        { "/packages?name",                                             400, "takes a value" },
        { "/packages?name=openssl&limit",                               400, "takes a value" },
        { "/packages?name=openssl&=1",                                  400, "unknown parameter" },
        { "/packages?name=openssl&%zz=1",                               400, "hex" },
        { "/vulnerable",                                                200, "new old" },
        { "/vulnerable?severty=high",                                   400, "did you mean 'severity'" },
        { "/vulnerable;severity=high",                                  200, "new old" },
        { "/vulnerable;limit=1",                                        200, "new" },
        { "/vulnerable;severity=loud",                                  400, "loud" },
        { "/vulnerable;in_use",                                         200, "old" },
        { "/vulnerable?severity>=high",                                 400, "severity takes '='" },
        { "/channels?nmae=old",                                         400, "did you mean 'name'" },
        { "/channels;name=new",                                         200, "" },
        { "/launches?image=old&livnig=1",                               400, "did you mean 'living'" },
        { "/bakes?state=ok",                                            400, "did you mean 'status'" },
        { "/events?_since=3",                                           400, "did you mean 'since'" },
        { "/channels/old/edge?limit=3",                                 400, "there are none" },
        { "/trash?_limit=3",                                            400, "did you mean 'limit'" },
        { "/janitor/runs?limit=3",                                      400, "did you mean '_limit'" },
};

static void what_no_parameter_is_called_is_refused(void **state)
{
        struct fixture *f = *state;

        stock(f->reg);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                int status = 0;
                json_t *json = ask_for(f->reg, "GET", rows[i].target, NULL, &status);
                autofree char *names = texts_of(json_object_get(json, "items"), "name");
                const char *message = json_string_value(json_object_get(json_object_get(json, "error"), "message"));

                print_message("# %s\n", rows[i].target);
                if (status != rows[i].status)
                        fail_msg("%d: %s", status, message != NULL ? message : names);
                if (status == 200)
                        assert_string_equal(names, rows[i].says);
                else if (strstr(message, rows[i].says) == NULL)
                        fail_msg("'%s' does not say '%s'", message, rows[i].says);
                json_decref(json);
        }
}

/* What changes something is not done where a word of it is not understood. */
static void nothing_is_done_for_a_reason_that_is_misspelt(void **state)
{
        struct fixture *f = *state;

        stock(f->reg);
        refused(f->reg, "DELETE", "/channels/old/edge?wyh=it", NULL, 400);
        refused(f->reg, "DELETE", "/channels/old/edge?why=it;is", NULL, 400);
        json_decref(ask(f->reg, "GET", "/channels/old/edge", NULL));
        json_decref(ask(f->reg, "DELETE", "/channels/old/edge?why=it%3Bis%20old", NULL));
        refused(f->reg, "GET", "/channels/old/edge", NULL, 404);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(what_no_parameter_is_called_is_refused),
                registry_test(nothing_is_done_for_a_reason_that_is_misspelt),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
