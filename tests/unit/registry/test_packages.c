/* Which images have a package: names, versions of each ecosystem, sources, use, pages. */
#include "tests/unit/registry/ask.h"

#include "registry/usage.h"

#define PACKAGE(eco, n, v, s, sv) { .ecosystem = (char *)eco, .name = (char *)n, .version = (char *)v, .architecture = (char *)"amd64", \
                                    .source = (char *)s, .source_version = (char *)sv }

static const struct reg_package old_ssl[] = {
        PACKAGE("deb", "openssl", "3.0.9-1", "openssl", "3.0.9-1"), PACKAGE("deb", "libssl3", "3.0.9-1", "openssl", "3.0.9-1"),
        PACKAGE("pypi", "Flask_Login", "0.9", NULL, NULL),
};
static const struct reg_package new_ssl[] = {
        PACKAGE("deb", "openssl", "3.0.15-1~deb12u1", "openssl", "3.0.15-1~deb12u1"),
        PACKAGE("deb", "libssl3", "3.0.15-1~deb12u1+b1", "openssl", "3.0.15-1~deb12u1"), PACKAGE("pypi", "Flask_Login", "0.10", NULL, NULL),
};
static const struct reg_package other[] = {
        PACKAGE("rpm", "openssl", "1:3.0.7-25.el9", "openssl", "3.0.7-25.el9"), PACKAGE("deb", "bash", "5.2-1", "bash", "5.2-1"),
};

/* root - base - app: the openssl is at every depth; root and base are old, app is new. */
static void fill(struct reg *reg)
{
        autofree char *root = baked(reg, (struct recipe){ .seed = "root", .name = "root", .packages = old_ssl, .n_packages = 3 });
        autofree char *base = baked(reg, (struct recipe){ .seed = "base", .name = "base", .ancestor = root, .packages = old_ssl, .n_packages = 3 });
        autofree char *app = baked(reg, (struct recipe){ .seed = "app", .name = "app", .ancestor = base, .packages = new_ssl, .n_packages = 3 });
        autofree char *spare = baked(reg, (struct recipe){ .seed = "spare", .name = "spare", .ancestor = base, .packages = old_ssl,
                                                           .n_packages = 3 });
        autofree char *rpm = baked(reg, (struct recipe){ .seed = "rpm", .name = "rpm", .packages = other, .n_packages = 2 });
        autofree char *gone = baked(reg, (struct recipe){ .seed = "gone", .name = "gone", .packages = old_ssl, .n_packages = 3 });
        struct bk_error err = { 0 };

        assert_ok(channel_assign(reg, "prod", app, "ada", "it is good", &err), err);
        assert_ok(state_set(reg, spare, REG_REVOKED, "ada", "bad", &err), err);
        assert_ok(state_set(reg, gone, REG_TRASHED, "ada", "old", &err), err);
}

static const struct { const char *target, *names; } asks[] = {
        { "name=openssl", "rpm spare app base root" },
        { "name=openssl&version=%3C3.0.15-1", "spare app base root" },          /* "~" is before the end; the rpm has an epoch */
        { "name=openssl&version=<3.0.15-1~deb12u1", "spare base root" },
        { "name=openssl&version=<3.0.15-1~deb12u1&ecosystem=deb", "spare base root" },
        { "name=openssl&version=>=3.0.15-1~deb12u1&ecosystem=deb", "app" },
        { "name=openssl&version=3.0.9-1", "spare base root" },
        { "name=openssl&version==3.0.9-1", "spare base root" },
        { "name=openssl&version=!=3.0.9-1&ecosystem=deb", "app" },
        { "name=openssl&version=>9", "rpm" },
        { "name=openssl&version=%3E9&ecosystem=deb", "" },
        { "name=openssl&version=<3.0.15-1~deb12u1&in_use=1", "base root" },
        { "name=openssl&in_use=1", "app base root" },
        { "name=libssl3&version=3.0.15-1~deb12u1", "" },
        { "name=openssl&source=1&version=3.0.15-1~deb12u1", "app" },
        { "name=Flask_Login&version=<0.10", "spare base root" },        /* as numbers */
        { "name=flask-login&source=1", "spare app base root" },
        { "name=flask.login", "spare app base root" },                  /* pip takes any spelling */
        { "name=FLASK-LOGIN&source=1&version=0.10", "app" },
        { "name=flask.login&ecosystem=deb", "" },
        { "name=openssl&ecosystem=rpm&version==1:3.0.7", "rpm" },       /* any release of it, as rpm has it */
        { "name=openssl&ecosystem=rpm&version=<=1:3.0.7", "rpm" },
        { "name=openssl&ecosystem=rpm&version=>1:3.0.7", "" },
        { "name=openssl&ecosystem=rpm&version=!=1:3.0.7", "" },
        { "name=openssl&ecosystem=rpm&version==1:3.0.7-24.el9", "" },
        { "name=openssl&ecosystem=rpm&version=>1:3.0.7-24.el9", "rpm" },
        { "name=bash", "rpm" },
        { "name=nothing", "" },
        { "name=open%27ssl%20OR%201=1--", "" },
};

static void images_are_found_by_their_packages(void **state)
{
        const struct fixture *f = *state;

        fill(f->reg);
        for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
                autofree char *target = bk_format("/packages?%s", asks[i].target);
                json_t *json = ask(f->reg, "GET", target, NULL);
                autofree char *names = texts_of(json_object_get(json, "items"), "name");

                print_message("# %s\n", asks[i].target);
                assert_string_equal(names, asks[i].names);
                assert_true(json_is_null(json_object_get(json, "next")));
                json_decref(json);
        }
}

static void what_is_found_is_named_with_its_packages(void **state)
{
        const struct fixture *f = *state;
        json_t *json, *items;
        autofree char *used = NULL, *versions = NULL;

        fill(f->reg);
        json = ask(f->reg, "GET", "/packages?name=openssl&source=1&ecosystem=deb", NULL);
        items = json_object_get(json, "items");
        used = texts_of(items, "in_use");
        assert_string_equal(used, "false true true true");
        versions = texts_of(json_object_get(json_array_get(items, 1), "packages"), "version");
        assert_string_equal(versions, "3.0.15-1~deb12u1+b1 3.0.15-1~deb12u1");
        assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "state")), "revoked");
        json_decref(json);
}

static void what_is_launched_is_in_use(void **state)
{
        const struct fixture *f = *state;
        autofree char *base = baked(f->reg, (struct recipe){ .seed = "b", .name = "b", .packages = old_ssl, .n_packages = 3 });
        autofree char *app = baked(f->reg, (struct recipe){ .seed = "a", .name = "a", .ancestor = base, .packages = old_ssl, .n_packages = 3 });
        const struct reg_launch launch = { .image = app, .instance = "vm-1", .who = "ada" };
        static const char *const wanted[] = { "", "a b", "" };
        struct bk_error err = { 0 };

        for (int i = 0; i < 3; i++) {
                json_t *json;

                if (i == 1)
                        assert_ok(reg_launch_seen(f->reg, "report", &launch, &err), err);
                if (i == 2)
                        assert_ok(reg_launch_ended(f->reg, "report", "vm-1", "ada", &err), err);
                json = ask(f->reg, "GET", "/packages?name=openssl&in_use=1", NULL);
                autofree char *names = texts_of(json_object_get(json, "items"), "name");
                assert_string_equal(names, wanted[i]);
                json_decref(json);
        }
}

static void pages_join_to_the_whole(void **state)
{
        const struct fixture *f = *state;
        autofree char *all = bk_strdup(""), *cursor = bk_strdup("");
        int pages = 0;

        fill(f->reg);
        while (cursor != NULL) {
                autofree char *target = bk_format("/packages?name=openssl&limit=2%s%s", *cursor ? "&cursor=" : "", cursor), *before = all;
                json_t *json = ask(f->reg, "GET", target, NULL);
                autofree char *names = texts_of(json_object_get(json, "items"), "name");

                all = bk_format("%s%s ", before, names);
                free(cursor);
                cursor = bk_strdup(json_string_value(json_object_get(json, "next")));
                json_decref(json);
                assert_true(++pages < 10);
        }
        assert_string_equal(all, "rpm spare app base root ");
}

static void asks_that_make_no_sense_are_refused(void **state)
{
        const struct fixture *f = *state;
        static const char *const bad[] = {
                "", "name=", "name=a&ecosystem=cobol", "name=a&version=<", "name=a&in_use=yes", "name=a&limit=0", "name=a&limit=x",
                "name=a&cursor=-1", "name=%zz",
        };

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                autofree char *target = bk_format("/packages?%s", bad[i]);

                print_message("# %s\n", bad[i]);
                refused(f->reg, "GET", target, NULL, 400);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(images_are_found_by_their_packages),
                registry_test(what_is_found_is_named_with_its_packages),
                registry_test(what_is_launched_is_in_use),
                registry_test(pages_join_to_the_whole),
                registry_test(asks_that_make_no_sense_are_refused),
        };

        return cmocka_run_group_tests_name("packages", tests, NULL, NULL);
}
