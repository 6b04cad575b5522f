/* JUnit files: what Jenkins reads, well-formed whatever the image and the specs hold. */
#include "tests/unit/spec/fixture.h"

#include <libxml/parser.h>
#include <libxml/xpath.h>

static xmlDoc *parsed(const struct fixture *f, const char *name)
{
        autofree char *path = bk_format("%s/junit/%s", f->home, name);
        xmlDoc *ret = xmlReadFile(path, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);

        if (ret == NULL)
                fail_msg("%s is missing or not well-formed", path);
        return ret;
}

/* The string that an XPath gives. */
static void expect_xpath(xmlDoc *doc, const char *xpath, const char *wanted)
{
        xmlXPathContext *context = xmlXPathNewContext(doc);
        xmlXPathObject *found = xmlXPathEvalExpression(BAD_CAST xpath, context);

        assert_non_null(found);
        xmlChar *text = xmlXPathCastToString(found);

        if (strcmp((const char *)text, wanted) != 0)
                fail_msg("%s is '%s', not '%s'", xpath, (const char *)text, wanted);
        xmlFree(text);
        xmlXPathFreeObject(found);
        xmlXPathFreeContext(context);
}

static void write_report(struct fixture *f, struct spec_result *results, size_t n, const char *identity)
{
        autofree char *folder = bk_format("%s/junit", f->home);
        struct spec_report report = { .v = results, .n = n };
        struct bk_error err = { 0 };

        for (size_t i = 0; i < n; i++) {
                results[i].group = results[i].group ? results[i].group : (char *)"group";
                results[i].name = results[i].name ? results[i].name : (char *)"name";
                results[i].message = results[i].message ? results[i].message : (char *)"";
                report.count[results[i].verdict]++;
        }
        assert_ok(spec_junit_write(&report, identity, folder, &err), err);
}

/* How many files there are. */
static size_t written(const struct fixture *f)
{
        autofree char *folder = bk_format("%s/junit", f->home);
        autodir DIR *dir = opendir(folder);
        size_t n = 0;

        for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
                n += entry->d_name[0] != '.';
        return n;
}

static void a_suite_tells_its_cases_and_their_numbers(void **state)
{
        struct spec_result results[] = {
                { .file = (char *)"spec/web_spec.rb", .line = 3, .group = (char *)"File \"/etc/a.conf\"", .name = (char *)"should be file",
                  .duration_us = 1500 },
                { .file = (char *)"spec/web_spec.rb", .line = 5, .verdict = SPEC_FAIL, .message = (char *)"expected a\n  at b" },
                { .file = (char *)"spec/web_spec.rb", .line = 7, .verdict = SPEC_ERROR, .message = (char *)"oops", .group = (char *)"",
                  .name = (char *)"" },
                { .file = (char *)"spec/web_spec.rb", .line = 8, .verdict = SPEC_UNANSWERED, .message = (char *)"no system" },
                { .file = (char *)"spec/web_spec.rb", .line = 9, .verdict = SPEC_SKIP, .message = (char *)"later" },
        };
        static const struct { const char *xpath, *wanted; } rows[] = {
                { "name(/*)", "testsuites" },
                { "/testsuites/@name", "web:1" },
                { "/testsuites/@tests", "5" },
                { "count(/testsuites/testsuite)", "1" },
                { "/testsuites/testsuite/@name", "web_spec" },
                { "//testsuite/@tests", "5" },
                { "//testsuite/@failures", "1" },
                { "//testsuite/@errors", "1" },
                { "//testsuite/@skipped", "2" },
                { "//testsuite/@file", "spec/web_spec.rb" },
                { "//testsuite/@time", "0.001" },
                { "//property[@name='image']/@value", "web:1" },
                { "count(//testcase)", "5" },
                { "//testcase[1]/@classname", "web_spec.File \"_etc_a_conf\"" },
                { "//testcase[1]/@name", "should be file" },
                { "count(//testcase[1]/*)", "0" },
                { "//testcase[2]/failure/@type", "expectation" },
                { "//testcase[2]/failure/@message", "expected a" },
                { "//testcase[2]/failure", "spec/web_spec.rb:5: expected a\n  at b" },
                { "//testcase[3]/error/@message", "oops" },
                { "//testcase[3]/@classname", "web_spec.file" },
                { "//testcase[3]/@name", "loads" },
                { "//testcase[4]/skipped/@message", "unanswered: no system" },
                { "//testcase[5]/skipped/@message", "later" },
        };
        struct fixture *f = *state;

        write_report(f, results, 5, "web:1");
        xmlDoc *doc = parsed(f, "TEST-web:1-web_spec.xml");

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                expect_xpath(doc, rows[i].xpath, rows[i].wanted);
        xmlFreeDoc(doc);
        assert_int_equal(written(f), 1);
}

static const struct { const char *why, *text, *shown; } odd[] = {
        { "control characters", "a\x1b[31m\x01\x7f", "a?[31m?\x7f" },
        { "markup", "<a> & \"b\" ]]> '", "<a> & \"b\" ]]> '" },
        { "tabs", "a\tb", "a\tb" },
        { "bytes", "caf\xe9 \xff", "caf\xef\xbf\xbd \xef\xbf\xbd" },
        { "a cut-off character", "a\xe2\x82", NULL },
        { "no characters of XML", "a\xef\xbf\xbe\xef\xbf\xbf z", "a\xef\xbf\xbd\xef\xbf\xbd z" },
        { "a surrogate", "a\xed\xa0\x80", NULL },
        { "beyond the BMP", "\xf0\x9f\x8d\x9e", "\xf0\x9f\x8d\x9e" },
};

static void whatever_is_said_the_document_is_well_formed(void **state)
{
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
                char *const text = (char *)odd[i].text;
                struct spec_result result = { .file = (char *)"x_spec.rb", .line = 1, .group = text, .name = text, .message = text,
                                              .verdict = SPEC_FAIL };

                print_message("# %s\n", odd[i].why);
                write_report(f, &result, 1, "x");
                xmlDoc *doc = parsed(f, "TEST-x-x_spec.xml");

                if (odd[i].shown != NULL) {
                        expect_xpath(doc, "//testcase/@name", odd[i].shown);
                        expect_xpath(doc, "//failure/@message", odd[i].shown);
                }
                expect_xpath(doc, "count(//failure)", "1");
                xmlFreeDoc(doc);
        }
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
                autofree char *file = bk_format("%s_spec.rb", odd[i].text), *name = bk_format("TEST-%s-%s_spec.xml", odd[i].text, odd[i].text);
                struct spec_result result = { .file = file, .line = 1 };

                print_message("# %s, in names\n", odd[i].why);
                write_report(f, &result, 1, odd[i].text);
                xmlFreeDoc(parsed(f, name));
        }
}

static void no_file_takes_the_place_of_another(void **state)
{
        char longer[] = "this_name_is_so_long_that_it_is_cut_off_somewhere_and_then_looks_just_like_the_other_one_does_X_spec.rb";
        autofree char *one = bk_strdup(longer);
        *strchr(longer, 'X') = 'Y';
        const char *const files[] = { "a/x_spec.rb", "b/x_spec.rb", "x_spec-2.rb", "c/x_spec.rb", "d/x_spec.test", one, longer, ".rb", "e/",
                                      "a/x_spec.rb" };
        struct spec_result results[sizeof files / sizeof *files] = { { 0 } };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
                results[i].file = (char *)files[i];
        write_report(f, results, sizeof files / sizeof *files, "web/../x");
        assert_int_equal(written(f), sizeof files / sizeof *files);
        xmlFreeDoc(parsed(f, "TEST-web_.._x-x_spec.xml"));
        xmlDoc *doc = parsed(f, "TEST-web_.._x-x_spec-2.xml");

        expect_xpath(doc, "//testsuite/@file", "b/x_spec.rb");
        xmlFreeDoc(doc);
}

static void a_run_becomes_a_file_a_spec(void **state)
{
        struct fixture *f = *state;
        autofree char *a = write_beside(f, "a_spec.rb", "describe('a') { it('a') { raise \"\\e[0m\\0\\xff\" }; it('b') { } }");
        autofree char *b = write_beside(f, "b_spec.rb", "describe(");
        autofree char *folder = bk_format("%s/junit/deep", f->home);
        const char *const files[] = { a, b };
        struct bk_error err = { 0 };

        assert_ok(spec_run(files, 2, &f->target, &f->options, &f->report, &err), err);
        assert_ok(spec_junit_write(&f->report, f->target.identity, folder, &err), err);
        xmlDoc *doc = parsed(f, "deep/TEST-test-a_spec.xml");

        expect_xpath(doc, "//testsuite/@tests", "2");
        expect_xpath(doc, "//testsuite/@errors", "1");
        xmlFreeDoc(doc);
        doc = parsed(f, "deep/TEST-test-b_spec.xml");
        expect_xpath(doc, "//testcase/@name", "loads");
        expect_xpath(doc, "count(//error)", "1");
        xmlFreeDoc(doc);
        assert_int_equal(spec_junit_write(&f->report, "x", a, &err), -1);
        assert_non_null(strstr(err.text, a));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(a_suite_tells_its_cases_and_their_numbers),
                spec_test(whatever_is_said_the_document_is_well_formed),
                spec_test(no_file_takes_the_place_of_another),
                spec_test(a_run_becomes_a_file_a_spec),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
