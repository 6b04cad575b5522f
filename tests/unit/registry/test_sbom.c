/* Bills of materials: package URLs, the same bytes each time, and documents of others. */
#include "tests/unit/registry/ask.h"

#include "registry/sbom.h"

#define P(eco, n, v, a, s, sv) { .ecosystem = (char *)eco, .name = (char *)n, .version = (char *)v, .architecture = (char *)a, .source = (char *)s, \
                                 .source_version = (char *)sv }

static const struct { struct reg_package package; const char *os, *purl; } purls[] = {
        { P("deb", "libssl3", "3.0.15-1~deb12u1+b1", "amd64", "openssl", "3.0.15-1~deb12u1"), "debian:12",
          "pkg:deb/debian/libssl3@3.0.15-1~deb12u1%2Bb1?arch=amd64&distro=debian-12&upstream=openssl%403.0.15-1~deb12u1" },
        { P("deb", "zlib1g", "1:1.2.13.dfsg-1", "amd64", "zlib1g", "1:1.2.13.dfsg-1"), "ubuntu:22.04",
          "pkg:deb/ubuntu/zlib1g@1:1.2.13.dfsg-1?arch=amd64&distro=ubuntu-22.04" },
        { P("deb", "bash", "5.2-1", "amd64", "bash", "5.2-1"), "", "pkg:deb/debian/bash@5.2-1?arch=amd64" },
        { P("rpm", "openssl", "1:3.0.7-25.el9", "x86_64", "openssl", "1:3.0.7-25.el9"), "rocky:9",
          "pkg:rpm/rocky/openssl@3.0.7-25.el9?arch=x86_64&distro=rocky-9&epoch=1" },
        { P("apk", "musl", "1.2.4-r2", "x86_64", "musl", "1.2.4-r2"), "alpine:3.18", "pkg:apk/alpine/musl@1.2.4-r2?arch=x86_64&distro=alpine-3.18" },
        { P("alpm", "zlib", "1:1.3-2", "x86_64", "zlib", "1:1.3-2"), "arch", "pkg:alpm/arch/zlib@1:1.3-2?arch=x86_64&distro=arch" },
        { P("pypi", "Flask_Login", "0.6.3", "", "flask-login", "0.6.3"), "debian:12", "pkg:pypi/flask-login@0.6.3" },
        { P("npm", "@babel/core", "7.22.0", "", "@babel/core", "7.22.0"), "debian:12", "pkg:npm/%40babel/core@7.22.0" },
        { P("npm", "left-pad", "1.3.0", "", "left-pad", "1.3.0"), "", "pkg:npm/left-pad@1.3.0" },
        { P("gem", "nokogiri", "1.15.0", "java", "nokogiri", "1.15.0"), "", "pkg:gem/nokogiri@1.15.0?platform=java" },
        { P("gem", "rake", "13.0.6", "", "rake", "13.0.6"), "", "pkg:gem/rake@13.0.6" },
        { P("golang", "github.com/foo/bar baz", "v1", "", NULL, NULL), "", "pkg:golang/github.com/foo/bar%20baz@v1" },
};

static void package_urls_are_right_for_each_ecosystem(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof purls / sizeof *purls; i++) {
                autofree char *purl = reg_purl(&purls[i].package, purls[i].os);

                assert_string_equal(purl, purls[i].purl);
        }
}

static const struct { const char *purl, *ecosystem, *name, *version, *architecture, *source, *source_version, *os; } taken[] = {
        { "pkg:deb/debian/libssl3@3.0.15-1~deb12u1%2Bb1?arch=amd64&distro=debian-12&upstream=openssl%403.0.15-1", "deb", "libssl3",
          "3.0.15-1~deb12u1+b1", "amd64", "openssl", "3.0.15-1", "debian:12" },
        { "pkg:deb/debian/curl@7.50.3-1?arch=i386&distro=jessie", "deb", "curl", "7.50.3-1", "i386", NULL, NULL, "jessie" },
        { "pkg:deb/debian/curl@7.50.3-1?distro=bookworm", "deb", "curl", "7.50.3-1", NULL, NULL, NULL, "debian:12" },
        { "pkg:deb/debian/curl@1%3A7?upstream=curl-src", "deb", "curl", "1:7", NULL, "curl-src", NULL, NULL },
        { "pkg:rpm/fedora/curl@7.50.3-1.fc25?arch=i386&epoch=2&distro=fedora-25", "rpm", "curl", "2:7.50.3-1.fc25", "i386", NULL, NULL, "fedora:25" },
        { "pkg:apk/alpine/musl@1.2.4-r2?distro=alpine-3.18.4", "apk", "musl", "1.2.4-r2", NULL, NULL, NULL, "alpine:3.18" },
        { "pkg:npm/%40angular/animation@12.3.1", "npm", "@angular/animation", "12.3.1", NULL, NULL, NULL, NULL },
        { "pkg:npm/@angular/animation@12.3.1", "npm", "@angular/animation", "12.3.1", NULL, NULL, NULL, NULL },
        { "pkg:NPM/foobar@1#sub/path", "npm", "foobar", "1", NULL, NULL, NULL, NULL },
        { "pkg:golang/google.golang.org/genproto@abc?x=y#googleapis/api", "golang", "google.golang.org/genproto", "abc", NULL, NULL, NULL, NULL },
        { "pkg:gem/ruby-advisory-db-check@0.12.4?platform=java", "gem", "ruby-advisory-db-check", "0.12.4", "java", NULL, NULL, NULL },
        { "pkg:pypi/django", "pypi", "django", "", NULL, NULL, NULL, NULL },
};
static const char *const not_read[] = { "", "pkg:", "pkg:deb", "pkg:/x", "http://x/y", "pkg:de b/x", "pkg:averyveryverylongtypename/x@1" };

static void package_done(struct reg_package *p)
{
        free(p->ecosystem);
        free(p->name);
        free(p->version);
        free(p->architecture);
        free(p->source);
        free(p->source_version);
}

static void package_urls_are_read(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
                struct reg_package p = { 0 };
                autofree char *os = NULL;

                print_message("# %s\n", taken[i].purl);
                assert_true(reg_purl_parse(taken[i].purl, &p, &os));
                assert_string_equal(p.ecosystem, taken[i].ecosystem);
                assert_string_equal(p.name, taken[i].name);
                assert_string_equal(p.version, taken[i].version);
                assert_true(bk_streq(p.architecture, taken[i].architecture));
                assert_true(bk_streq(p.source, taken[i].source) && bk_streq(p.source_version, taken[i].source_version));
                assert_true(bk_streq(os, taken[i].os));
                package_done(&p);
        }
        for (size_t i = 0; i < sizeof not_read / sizeof *not_read; i++) {
                struct reg_package p = { 0 };
                autofree char *os = NULL;

                assert_false(reg_purl_parse(not_read[i], &p, &os));
                package_done(&p);
        }
}

/* --- an image's ---------------------------------------------------------------------- */
static const struct reg_package some[] = {
        P("deb", "libssl3", "3.0.9-1", "amd64", "openssl", "3.0.9-1"), P("npm", "@babel/core", "7.22.0", NULL, NULL, NULL),
        P("pypi", "Flask_Login", "0.9", NULL, NULL, NULL), P("deb", "ba\xffsh", "5.2", "amd64", NULL, NULL),
};

static char *document(struct reg *reg, const char *image, const char *format)
{
        autofree char *target = bk_format("/images/%s/sbom?format=%s", image, format);
        json_t *json = ask(reg, "GET", target, NULL);
        char *text = json_dumps(json, JSON_COMPACT);

        json_decref(json);
        return text;
}

static char *with_ancestor(struct reg *reg)
{
        autofree char *base = baked(reg, (struct recipe){ .seed = "base", .packages = some, .n_packages = 1 });

        return baked(reg, (struct recipe){ .seed = "app", .name = "app", .ancestor = base, .packages = some, .n_packages = 4,
                                           .attributes = { PAIR("release", "bookworm") } });
}

static void an_image_gives_the_same_document_each_time(void **state)
{
        const struct fixture *f = *state;
        static const char *const formats[] = { "spdx", "cyclonedx" };
        autofree char *image = with_ancestor(f->reg), *layer = layer_digest("layer of app"), *base_layer = layer_digest("layer of base");

        for (size_t i = 0; i < 2; i++) {
                autofree char *one = document(f->reg, image, formats[i]), *two = document(f->reg, "app", formats[i]);

                assert_string_equal(one, two);
                assert_non_null(strstr(one, "pkg:deb/debian/libssl3@3.0.9-1?arch=amd64&distro=debian-12&upstream=openssl%403.0.9-1"));
                assert_non_null(strstr(one, "pkg:npm/%40babel/core@7.22.0"));
                assert_non_null(strstr(one, layer + 7));
                assert_non_null(strstr(one, base_layer + 7));
        }
}

/* What was written can be read: into another image, with nothing lost. */
static void documents_are_read_back(void **state)
{
        const struct fixture *f = *state;
        static const char *const formats[] = { "spdx", "cyclonedx" };
        autofree char *image = with_ancestor(f->reg);

        for (size_t i = 0; i < 2; i++) {
                autofree char *text = document(f->reg, image, formats[i]), *copy = NULL, *target = NULL;
                autofree char *blind = baked(f->reg, (struct recipe){ .seed = formats[i], .name = formats[i] });
                json_t *json;

                target = bk_format("/images/%s/sbom", blind);
                refused(f->reg, "GET", target, NULL, 404);
                json = ask(f->reg, "PUT", target, text);
                assert_int_equal(json_integer_value(json_object_get(json, "packages")), 4);
                assert_string_equal(json_string_value(json_object_get(json, "os")), "debian:12");
                json_decref(json);
                json = ask(f->reg, "GET", "/packages?name=libssl3&source=0", NULL);
                copy = texts_of(json_object_get(json, "items"), "name");
                assert_non_null(strstr(copy, formats[i]));
                json_decref(json);
                refused(f->reg, "PUT", target, text, 409);
                free(target);
                target = bk_format("/images/%s/sbom?replace=1", blind);
                json_decref(ask(f->reg, "PUT", target, text));
        }
}

static const struct { const char *why, *text, *names, *os; int left_out; } documents[] = {
        { "Windows, as Syft would say it", "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.4\",\"components\":["
          "{\"type\":\"operating-system\",\"name\":\"windows\",\"version\":\"10.0.20348\"},"
          "{\"type\":\"application\",\"name\":\"7-Zip\",\"version\":\"22.01\"},"
          "{\"type\":\"library\",\"name\":\"x\",\"version\":\"1\",\"purl\":\"pkg:nuget/Newtonsoft.Json@13.0.1\",\"components\":["
          "{\"type\":\"library\",\"name\":\"inner\",\"version\":\"2\"}]},{\"type\":\"file\",\"name\":\"a.dll\"}]}",
          "generic 7-Zip 22.01|nuget Newtonsoft.Json 13.0.1|generic inner 2|", "windows:10.0.20348", 0 },
        { "SPDX with and without package URLs", "{\"spdxVersion\":\"SPDX-2.2\",\"packages\":[{\"name\":\"a\",\"versionInfo\":\"1\"},"
          "{\"name\":\"b\",\"externalRefs\":[{\"referenceType\":\"cpe23Type\",\"referenceLocator\":\"cpe\"},"
          "{\"referenceType\":\"purl\",\"referenceLocator\":\"pkg:deb/debian/bee@2?distro=debian-11\"}]},"
          "{\"name\":\"img\",\"versionInfo\":\"1\",\"primaryPackagePurpose\":\"CONTAINER\"},{\"name\":\"noversion\"}]}",
          "generic a 1|deb bee 2|", "debian:11", 1 },
        { "odd types", "{\"bomFormat\":\"CycloneDX\",\"components\":[1,[],{\"purl\":2},{\"name\":{}},{\"name\":\"ok\",\"version\":\"1\"}]}",
          "generic ok 1|", NULL, 4 },
        { "control characters", "{\"bomFormat\":\"CycloneDX\",\"components\":["
          "{\"name\":\"a\\u001b[2J\",\"version\":\"1\"},{\"name\":\"ok\",\"version\":\"1\"}]}",
          "generic ok 1|", NULL, 1 },
        { "nothing in it", "{\"bomFormat\":\"CycloneDX\",\"components\":[]}", NULL, NULL, 0 },
        { "neither", "{\"packages\":[{\"name\":\"a\",\"versionInfo\":\"1\"}]}", NULL, NULL, 0 },
        { "not an object", "[1]", NULL, NULL, 0 },
        { "SPDX 3", "{\"spdxVersion\":\"SPDX-3.0\",\"packages\":[]}", NULL, NULL, 0 },
};

static void documents_of_others_are_understood(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
                json_t *json = json_loads(documents[i].text, 0, NULL);
                struct reg_parts parts = { 0 };
                struct bk_error err = { 0 };
                const int status = reg_sbom_parse(json, &parts, &err);
                struct bk_buf names = { 0 };

                print_message("# %s\n", documents[i].why);
                assert_non_null(json);
                json_decref(json);
                if (documents[i].names == NULL) {
                        assert_fails_with(status, err, BK_INVALID);
                        continue;
                }
                assert_ok(status, err);
                for (size_t k = 0; k < parts.n; k++)
                        bk_buf_printf(&names, "%s %s %s|", parts.v[k].ecosystem, parts.v[k].name, parts.v[k].version);
                assert_string_equal(names.data, documents[i].names);
                assert_true(bk_streq(parts.os, documents[i].os));
                assert_int_equal(parts.left_out, documents[i].left_out);
                bk_buf_done(&names);
                reg_parts_done(&parts);
        }
}

static void requests_that_make_no_sense_are_refused(void **state)
{
        const struct fixture *f = *state;
        autofree char *image = with_ancestor(f->reg);

        refused(f->reg, "GET", "/images/app/sbom?format=word", NULL, 400);
        refused(f->reg, "GET", "/images/nobody/sbom", NULL, 404);
        refused(f->reg, "PUT", "/images/app/sbom", "", 400);
        refused(f->reg, "PUT", "/images/app/sbom", "{", 400);
        refused(f->reg, "PUT", "/images/app/sbom?replace=maybe", "{}", 400);
        refused(f->reg, "PUT", "/images/nobody/sbom", "{\"bomFormat\":\"CycloneDX\",\"components\":[{\"name\":\"ok\",\"version\":\"1\"}]}", 404);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(package_urls_are_right_for_each_ecosystem),
                cmocka_unit_test(package_urls_are_read),
                cmocka_unit_test(documents_of_others_are_understood),
                registry_test(an_image_gives_the_same_document_each_time),
                registry_test(documents_are_read_back),
                registry_test(requests_that_make_no_sense_are_refused),
        };

        return cmocka_run_group_tests_name("sbom", tests, NULL, NULL);
}
