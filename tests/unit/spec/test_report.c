/* Reports: what each format says of the same results, and that no text breaks any of them. */
#include "tests/unit/spec/fixture.h"

#include <jansson.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <math.h>
#include <stdlib.h>

#include "lib/run.h"
#include "lib/utf8.h"
#include "spec/report.h"

#define FILE_GROUP "File \"/etc/a\""

static const struct spec_result all[] = {
        { .file = (char *)"spec/a_spec.rb", .line = 3, .group = (char *)FILE_GROUP, .groups = (char *)FILE_GROUP,
          .name = (char *)"should be file", .message = (char *)"", .attempts = 1, .impact = -1, .where = SPEC_IN_FILES, .duration_us = 1500 },
        { .file = (char *)"spec/a_spec.rb", .line = 4, .group = (char *)FILE_GROUP " content", .groups = (char *)FILE_GROUP "\x1f" "content",
          .name = (char *)"should eq \"x\"", .verdict = SPEC_FAIL, .message = (char *)"expected \"x\", but it is \"y\"\n  at spec/a_spec.rb:4",
          .attempts = 3, .control = (char *)"web-1", .title = (char *)"The page", .impact = 0.7 },
        { .file = (char *)"spec/a_spec.rb", .line = 9, .group = (char *)"Port \"80\"", .groups = (char *)"Port \"80\"", .impact = -1,
          .name = (char *)"should be listening", .verdict = SPEC_UNANSWERED, .message = (char *)"needs a running system", .attempts = 1 },
        { .file = (char *)"spec/a_spec.rb", .line = 11, .group = (char *)"Port \"80\"", .groups = (char *)"Port \"80\"", .impact = NAN,
          .name = (char *)"later", .verdict = SPEC_SKIP, .message = (char *)"not yet # written", .attempts = 1 },
        { .file = (char *)"spec/a_spec.rb", .line = 12, .group = (char *)"Service \"x\"", .groups = (char *)"Service \"x\"", .impact = -1,
          .name = (char *)"should be enabled", .message = (char *)"", .attempts = 2, .configured = true },
        { .file = (char *)"spec/b_spec.rb", .line = 1, .group = (char *)"", .groups = (char *)"", .name = (char *)"", .verdict = SPEC_ERROR,
          .message = (char *)"spec/b_spec.rb:1: syntax error", .impact = -1 },
};
enum { ALL = sizeof all / sizeof *all };

static char *path_of(const struct fixture *f, const char *format)
{
        return bk_format("%s/%s", f->home, format);
}

/* The report of the results; the caller's. */
static char *report_of(const struct fixture *f, const char *format, bool colour, const struct spec_result *results, size_t n)
{
        struct spec_report report = { .v = (struct spec_result *)results, .n = n, .duration_us = 2500000 };
        const struct spec_target target = { .identity = "web:1", .mode = "boot" };
        autofree char *path = path_of(f, format);
        struct spec_reporter *reporter = NULL;
        struct bk_error err = { 0 };
        char *text = NULL;
        size_t length;

        assert_ok(spec_reporter_new(format, path, colour, &reporter, &err), err);
        for (size_t i = 0; i < n; i++) {
                report.count[results[i].verdict]++;
                spec_reporter_result(reporter, &results[i]);
                assert_false(bk_exists(path));          /* whole, or not at all */
        }
        assert_ok(spec_reporter_end(reporter, &report, &target, &err), err);
        assert_ok(bk_read_file(path, 64 << 20, &text, &length, &err), err);
        assert_int_equal(strlen(text), length);
        assert_int_equal(unlink(path), 0);
        return text;
}

static const struct { const char *format, *wanted; } texts[] = {
        { "documentation",
          "\nFile \"/etc/a\"\n"
          "  should be file\n"
          "  content\n"
          "    should eq \"x\" (FAILED - 1) (3 attempts)\n"
          "\nPort \"80\"\n"
          "  should be listening (UNANSWERED: needs a running system)\n"
          "  later (SKIPPED: not yet # written)\n"
          "\nService \"x\"\n"
          "  should be enabled (as configured) (2 attempts)\n"
          "spec/b_spec.rb loads (ERROR - 2)\n"
          "\nSkipped:\n\n"
          "  Port \"80\" later\n"
          "     # not yet # written\n"
          "     # spec/a_spec.rb:11\n"
          "\nUnanswered:\n\n"
          "  Port \"80\" should be listening\n"
          "     # needs a running system\n"
          "     # spec/a_spec.rb:9\n"
          "\nFailures:\n\n"
          "  1) File \"/etc/a\" content should eq \"x\"\n"
          "     control web-1, impact 0.7: The page\n"
          "     expected \"x\", but it is \"y\"\n"
          "       at spec/a_spec.rb:4\n"
          "     # spec/a_spec.rb:4\n"
          "\n  2) spec/b_spec.rb loads\n"
          "     spec/b_spec.rb:1: syntax error\n"
          "     # spec/b_spec.rb:1\n"
          "\nFinished in 2.5 seconds\n"
          "6 examples, 2 failures, 1 unanswered, 1 skipped\n"
          "\nFailed examples:\n\n"
          "spec/a_spec.rb:4 # File \"/etc/a\" content should eq \"x\"\n"
          "spec/b_spec.rb:1 # spec/b_spec.rb loads\n" },
        { "tap",
          "TAP version 13\n"
          "ok 1 - File \"/etc/a\" should be file\n"
          "not ok 2 - File \"/etc/a\" content should eq \"x\"\n"
          "  ---\n"
          "  verdict: \"failed\"\n"
          "  message: \"expected \\\"x\\\", but it is \\\"y\\\"\\n  at spec/a_spec.rb:4\"\n"
          "  file: \"spec/a_spec.rb\"\n"
          "  line: 4\n"
          "  duration_us: 0\n"
          "  attempts: 3\n"
          "  control: \"web-1\"\n"
          "  title: \"The page\"\n"
          "  impact: 0.7\n"
          "  ...\n"
          "not ok 3 - Port \"80\" should be listening # TO" "DO unanswered: needs a running system\n"
          "  ---\n"
          "  verdict: \"unanswered\"\n"
          "  message: \"needs a running system\"\n"
          "  file: \"spec/a_spec.rb\"\n"
          "  line: 9\n"
          "  duration_us: 0\n"
          "  ...\n"
          "ok 4 - Port \"80\" later # SKIP not yet \\# written\n"
          "  ---\n"
          "  verdict: \"skipped\"\n"
          "  message: \"not yet # written\"\n"
          "  file: \"spec/a_spec.rb\"\n"
          "  line: 11\n"
          "  duration_us: 0\n"
          "  ...\n"
          "ok 5 - Service \"x\" should be enabled\n"
          "not ok 6 - spec/b_spec.rb loads\n"
          "  ---\n"
          "  verdict: \"error\"\n"
          "  message: \"spec/b_spec.rb:1: syntax error\"\n"
          "  file: \"spec/b_spec.rb\"\n"
          "  line: 1\n"
          "  duration_us: 0\n"
          "  ...\n"
          "1..6\n" },
        { "nagios",
          "SPEC CRITICAL - web:1: 2 passed, 2 failed, 1 unanswered, 1 skipped; first: File \"/etc/a\" content should eq \"x\": "
          "expected \"x\", but it is \"y\" | time=2.500s passed=2;;;0;6 failed=1;;;0;6 errors=1;;;0;6 unanswered=1;;;0;6 skipped=1;;;0;6\n" },
        { "prometheus",
          "# HELP bakery_spec_success 1 when nothing failed and something was checked.\n"
          "# TYPE bakery_spec_success gauge\n"
          "bakery_spec_success{image=\"web:1\",mode=\"boot\"} 0\n"
          "# HELP bakery_spec_duration_seconds How long the checks took.\n"
          "# TYPE bakery_spec_duration_seconds gauge\n"
          "bakery_spec_duration_seconds{image=\"web:1\",mode=\"boot\"} 2.500000\n"
          "# HELP bakery_spec_examples Examples of a spec file, by verdict.\n"
          "# TYPE bakery_spec_examples gauge\n"
          "bakery_spec_examples{image=\"web:1\",mode=\"boot\",file=\"spec/a_spec.rb\",verdict=\"passed\"} 2\n"
          "bakery_spec_examples{image=\"web:1\",mode=\"boot\",file=\"spec/a_spec.rb\",verdict=\"failed\"} 1\n"
          "bakery_spec_examples{image=\"web:1\",mode=\"boot\",file=\"spec/a_spec.rb\",verdict=\"errors\"} 0\n"
          "bakery_spec_examples{image=\"web:1\",mode=\"boot\",file=\"spec/a_spec.rb\",verdict=\"unanswered\"} 1\n"
          "bakery_spec_examples{image=\"web:1\",mode=\"boot\",file=\"spec/a_spec.rb\",verdict=\"skipped\"} 1\n"
          "bakery_spec_examples{image=\"web:1\",mode=\"boot\",file=\"spec/b_spec.rb\",verdict=\"passed\"} 0\n"
          "bakery_spec_examples{image=\"web:1\",mode=\"boot\",file=\"spec/b_spec.rb\",verdict=\"failed\"} 0\n"
          "bakery_spec_examples{image=\"web:1\",mode=\"boot\",file=\"spec/b_spec.rb\",verdict=\"errors\"} 1\n"
          "bakery_spec_examples{image=\"web:1\",mode=\"boot\",file=\"spec/b_spec.rb\",verdict=\"unanswered\"} 0\n"
          "bakery_spec_examples{image=\"web:1\",mode=\"boot\",file=\"spec/b_spec.rb\",verdict=\"skipped\"} 0\n" },
};

static void each_format_says_the_same_in_its_words(void **state)
{
        const struct fixture *f = *state;

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                autofree char *text = report_of(f, texts[i].format, false, all, ALL);

                print_message("# %s\n", texts[i].format);
                assert_string_equal(text, texts[i].wanted);
        }
        autofree char *progress = report_of(f, "progress", false, all, ALL);

        assert_int_equal(strncmp(progress, ".F?*.E\n\nSkipped:", 16), 0);
        assert_non_null(strstr(progress, "\n6 examples, 2 failures, 1 unanswered, 1 skipped\n"));
}

static void colours_are_those_of_rspec(void **state)
{
        static const struct { const char *format, *part; } rows[] = {
                { "documentation", "  \033[32mshould be file\033[0m\n" },
                { "documentation", "    \033[31mshould eq \"x\" (FAILED - 1) (3 attempts)\033[0m\n" },
                { "documentation", "  \033[33mlater (SKIPPED: not yet # written)\033[0m\n" },
                { "documentation", "\033[36m     # spec/a_spec.rb:4\033[0m\n" },
                { "documentation", "\033[31m6 examples, 2 failures, 1 unanswered, 1 skipped\033[0m\n" },
                { "progress", "\033[32m.\033[0m\033[31mF\033[0m\033[33m?\033[0m" },
        };
        const struct fixture *f = *state;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *text = report_of(f, rows[i].format, true, all, ALL);

                if (strstr(text, rows[i].part) == NULL)
                        fail_msg("'%s' is not in: %s", rows[i].part, text);
        }
        for (const char *const *format = spec_report_formats(); *format != NULL; format++) {
                autofree char *text = report_of(f, *format, false, all, ALL);

                assert_null(strchr(text, '\033'));
        }
}

static void groups_are_named_when_they_are_entered(void **state)
{
        static const struct { const char *file, *groups, *shown; } rows[] = {
                { "a", "x", "\nx\n  e\n" }, { "a", "x\x1fy", "  y\n    e\n" }, { "a", "x\x1fy", "    e\n" }, { "a", "x", "  e\n" },
                { "a", "xx", "\nxx\n  e\n" }, { "a", "x\x1fy\x1fz", "\nx\n  y\n    z\n      e\n" }, { "a", "x\x1fyy\x1fz", "  yy\n    z\n      e\n" },
                { "b", "x\x1fyy", "\nx\n  yy\n    e\n" }, { "b", "", "e\n" }, { "b", "x", "\nx\n  e\n" }, { "b", "\x1f\x1f", "\n\n  \n    e\n" },
        };
        enum { N = sizeof rows / sizeof *rows };
        struct spec_result results[N] = { { 0 } };
        BK_CLEANUP(bk_buf_done) struct bk_buf wanted = { 0 };

        for (size_t i = 0; i < N; i++) {
                results[i] = (struct spec_result){ .file = (char *)rows[i].file, .groups = (char *)rows[i].groups, .name = (char *)"e" };
                bk_buf_puts(&wanted, rows[i].shown);
        }
        bk_buf_puts(&wanted, "\nFinished in 2.5 seconds\n11 examples, 0 failures, 0 unanswered, 0 skipped\n");
        autofree char *text = report_of(*state, "documentation", false, results, N);

        assert_string_equal(text, wanted.data);
}

static void json_has_the_members_that_are_promised(void **state)
{
        autofree char *text = report_of(*state, "json", false, all, ALL);
        json_t *doc = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
        const char *image, *mode, *file, *name, *verdict, *where, *group, *id, *description;
        int format, examples, passed, failed, errors, unanswered, skipped, line, attempts, configured;
        double impact;
        json_int_t duration;

        assert_non_null(doc);
        assert_int_equal(json_unpack(doc, "{s:i, s:s, s:s, s:I, s:{s:i, s:i, s:i, s:i, s:i, s:i !}, s:[o,o,o,o,o,o] !}", "format", &format,
                                     "image", &image, "mode", &mode, "duration_us", &duration, "summary", "examples", &examples, "passed", &passed,
                                     "failed", &failed, "errors", &errors, "unanswered", &unanswered, "skipped", &skipped, "examples",
                                     &(json_t *){ 0 }, &(json_t *){ 0 }, &(json_t *){ 0 }, &(json_t *){ 0 }, &(json_t *){ 0 }, &(json_t *){ 0 }), 0);
        assert_int_equal(format, 1);
        assert_string_equal(image, "web:1");
        assert_string_equal(mode, "boot");
        assert_int_equal(duration, 2500000);
        const int counts[] = { examples, passed, failed, errors, unanswered, skipped }, wanted[] = { 6, 2, 1, 1, 1, 1 };

        assert_memory_equal(counts, wanted, sizeof wanted);
        assert_int_equal(json_unpack(json_array_get(json_object_get(doc, "examples"), 1),
                                     "{s:s, s:i, s:[s, s!], s:s, s:s, s:s, s:s, s:s, s:b, s:i, s:I, s:{s:s, s:s, s:f !} !}", "file", &file,
                                     "line", &line, "groups", &group, &(const char *){ 0 }, "name", &name,
                                     "description", &description, "verdict", &verdict, "message", &(const char *){ 0 }, "where", &where, "configured",
                                     &configured, "attempts", &attempts, "duration_us", &duration, "control", "id", &id, "title",
                                     &(const char *){ 0 }, "impact", &impact), 0);
        assert_string_equal(group, FILE_GROUP);
        assert_string_equal(description, FILE_GROUP " content should eq \"x\"");
        assert_string_equal(verdict, "failed");
        assert_string_equal(id, "web-1");
        assert_true(impact > 0.69 && impact < 0.71);
        assert_int_equal(attempts, 3);
        assert_true(json_is_null(json_object_get(json_array_get(json_object_get(doc, "examples"), 3), "control")));
        json_decref(doc);
}

/* --- text that means harm ------------------------------------------------------------------ */

static const struct { const char *why, *text; } hostile[] = {
        { "a terminal's sequence", "a\x1b[2J\x1b]0;title\x07 b" },
        { "the same in Latin-1's controls", "a\xc2\x9b" "2J" },
        { "bytes that are no UTF-8", "caf\xe9 \xff\xc0\x80 a\xe2\x82" },
        { "a result of its own", "x\nok 99 - forged\nnot ok 100 - forged\nBail out! forged\n1..1" },
        { "carriage returns", "all is well\rFAILED" },
        { "a directive", "x # SKIP forged" },
        { "an escaped directive", "x \\# TO" "DO forged \\" },
        { "the end of YAML", "x\n  ...\nok 2\n---" },
        { "markup", "]]> </failure></testcase> <a> & \" ' <!-- " },
        { "no characters of XML", "a\xef\xbf\xbe\xef\xbf\xbf\x01\x0b z" },
        { "numbers of a plugin", "x | passed=100 'a'=1\n| more=2" },
        { "labels", "x\",image=\"forged\"} 1\nforged 2\\" },
        { "reading order", "a \xe2\x80\xae""drawkcab \xe2\x81\xa6 b" },
        { "ends of lines of Unicode", "a\xe2\x80\xa8ok 2 - forged" },
        { "separators of groups", "a\x1f\x1f" "b" },
        { "percent signs", "%s %n %1000000d" },
};

/* No control character but newlines, valid UTF-8, no turning of the reading order. */
static void expect_harmless(const char *text)
{
        autofree char *clean = bk_utf8_clean(text);

        assert_string_equal(text, clean);
        for (const char *c = text; *c != '\0'; c++)
                if (((unsigned char)*c < ' ' && *c != '\n') || *c == '\x7f')
                        fail_msg("control character %d in: %s", *c, text);
        assert_null(strstr(text, "\xc2\x9b"));
        assert_null(strstr(text, "\xe2\x80\xae"));
        assert_null(strstr(text, "\xe2\x80\xa8"));
}

static size_t lines_with(const char *text, const char *start)
{
        size_t n = 0;

        for (const char *p = text; p != NULL && *p != '\0'; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
                n += strncmp(p, start, strlen(start)) == 0;
        return n;
}

/* As prove reads it: its words about the whole. */
static char *proved(const struct fixture *f, const char *tap, int *ret_status)
{
        autofree char *path = path_of(f, "report.tap");
        const char *const argv[] = { "prove", "-e", "cat", path, NULL };
        const struct bk_run run = { .argv = argv, .timeout_ms = 60000 };
        struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };
        autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

        assert_ok(bk_write_all(fd, tap, strlen(tap), &err), err);
        assert_ok(bk_run_with(&run, &result, &err), err);
        *ret_status = result.status;
        char *ret = bk_format("%s%s", result.out, result.err);

        bk_run_result_done(&result);
        return ret;
}

static struct spec_result said(const char *text, enum spec_verdict verdict)
{
        char *const t = (char *)text;

        return (struct spec_result){ .file = t, .line = 1, .group = t, .groups = t, .name = t, .message = t, .control = t, .title = t,
                                     .impact = INFINITY, .verdict = verdict, .attempts = 2, .duration_us = -5 };
}

static void no_text_steers_a_terminal_or_a_reader(void **state)
{
        static const char *const formats[] = { "documentation", "progress", "tap", "json", "nagios", "prometheus" };
        const struct fixture *f = *state;

        for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
                for (size_t k = 0; k < sizeof formats / sizeof *formats; k++) {
                        const struct spec_result results[] = { said(hostile[i].text, SPEC_FAIL), said(hostile[i].text, SPEC_PASS),
                                                               said(hostile[i].text, SPEC_UNANSWERED), said(hostile[i].text, SPEC_SKIP) };
                        autofree char *text = report_of(f, formats[k], false, results, 4);

                        print_message("# %s: %s\n", formats[k], hostile[i].why);
                        expect_harmless(text);
                        if (bk_streq(formats[k], "nagios"))
                                assert_ptr_equal(strchr(text, '|'), strrchr(text, '|'));
                        if (bk_streq(formats[k], "nagios"))
                                assert_ptr_equal(strchr(text, '\n') + 1, text + strlen(text));
                        if (bk_streq(formats[k], "json")) {
                                json_t *doc = json_loads(text, 0, NULL);

                                assert_int_equal(json_array_size(json_object_get(doc, "examples")), 4);
                                json_decref(doc);
                        }
                        if (bk_streq(formats[k], "prometheus"))
                                assert_int_equal(lines_with(text, "bakery_spec_") + lines_with(text, "# "), lines_with(text, ""));
                }
}

static void prove_counts_what_was_counted(void **state)
{
        const struct fixture *f = *state;
        int status;

        for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
                const struct spec_result results[] = { said(hostile[i].text, SPEC_PASS), said(hostile[i].text, SPEC_UNANSWERED),
                                                       said(hostile[i].text, SPEC_SKIP), said(hostile[i].text, SPEC_FAIL) };
                autofree char *good = report_of(f, "tap", false, results, 3), *tap = report_of(f, "tap", false, results, 4);
                autofree char *first = proved(f, good, &status), *second = NULL;

                print_message("# %s\n", hostile[i].why);
                if (status != 0 || strstr(first, "Result: PASS") == NULL || strstr(first, "Tests=3,") == NULL)
                        fail_msg("prove: %s\n%s", first, good);
                second = proved(f, tap, &status);
                if (status == 0 || strstr(second, "Failed test:  4\n") == NULL || strstr(second, "Tests=4,") == NULL)
                        fail_msg("prove: %s\n%s", second, tap);
                assert_int_equal(lines_with(tap, "ok "), 2);
                assert_int_equal(lines_with(tap, "not ok "), 2);
        }
        autofree char *none = report_of(f, "tap", false, all, 0), *words = proved(f, none, &status);

        assert_non_null(strstr(words, "skipped: there are no examples"));
}

/* tests/unit/spec/junit.rng beside this file. */
static void expect_junit(const char *text)
{
        xmlRelaxNGParserCtxt *grammar = xmlRelaxNGNewParserCtxt("tests/unit/spec/junit.rng");
        xmlRelaxNG *schema = xmlRelaxNGParse(grammar);
        xmlDoc *doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, XML_PARSE_NONET);
        xmlRelaxNGValidCtxt *context;

        assert_non_null(schema);
        assert_non_null(doc);
        context = xmlRelaxNGNewValidCtxt(schema);
        if (xmlRelaxNGValidateDoc(context, doc) != 0)
                fail_msg("not as the schema has it: %s", text);
        xmlRelaxNGFreeValidCtxt(context);
        xmlRelaxNGFree(schema);
        xmlRelaxNGFreeParserCtxt(grammar);
        xmlFreeDoc(doc);
}

static void junit_is_as_the_schema_has_it(void **state)
{
        static const char *const parts[] = {
                "<testsuites name=\"web:1\" tests=\"6\" failures=\"1\" errors=\"1\" time=\"0.001\">",
                "<property name=\"image\" value=\"web:1\"/>", "<property name=\"mode\" value=\"boot\"/>",
                "<flakyFailure type=\"expectation\" message=\"1 of 2 attempts failed\"/>",
                "<rerunFailure type=\"expectation\" message=\"3 of 3 attempts failed\"/>",
                "<system-out>control: web-1\nimpact: 0.7\ntitle: The page\nattempts: 3\n</system-out>",
                "answered by the configuration", "<testsuite name=\"b_spec\" tests=\"1\" failures=\"0\" errors=\"1\"",
        };
        const struct fixture *f = *state;
        autofree char *text = report_of(f, "junit", false, all, ALL), *none = report_of(f, "junit", false, all, 0);

        expect_junit(text);
        expect_junit(none);
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
                if (strstr(text, parts[i]) == NULL)
                        fail_msg("'%s' is not in: %s", parts[i], text);
        for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++)
                for (int v = SPEC_PASS; v <= SPEC_SKIP; v++) {
                        const struct spec_result results[] = { said(hostile[i].text, v), said("a/b.c", SPEC_PASS), said(hostile[i].text, v) };
                        autofree char *odd = report_of(f, "junit", false, results, 3);

                        expect_junit(odd);
                        assert_null(strchr(odd, '\x1b'));
                        assert_null(strstr(odd, "\xc2\x9b"));
                }
}

/* --- reporters ------------------------------------------------------------------------------- */

static void unknown_formats_and_bad_places_are_refused(void **state)
{
        const struct fixture *f = *state;
        autofree char *nowhere = path_of(f, "no/such/folder/x");
        const struct spec_report report = { 0 };
        struct spec_reporter *reporter = NULL;
        struct bk_error err = { 0 };

        assert_fails_with(spec_reporter_new("documentaton", NULL, false, &reporter, &err), err, BK_USAGE);
        assert_non_null(strstr(err.text, "did you mean 'documentation'?"));
        assert_fails_with(spec_reporter_new("", NULL, false, &reporter, &err), err, BK_USAGE);
        err = (struct bk_error){ 0 };
        assert_ok(spec_reporter_new("tap", nowhere, false, &reporter, &err), err);
        assert_int_equal(spec_reporter_end(reporter, &report, NULL, &err), -1);
        assert_non_null(strstr(err.text, nowhere));
        spec_reporter_free(NULL);
}

static void nagios_knows_four_states(void **state)
{
        static const struct { size_t count[5]; int status; const char *start; } rows[] = {
                { { 3, 0, 0, 0, 0 }, 0, "SPEC OK - " },       { { 3, 0, 0, 0, 1 }, 0, "SPEC OK - " },
                { { 3, 0, 0, 1, 0 }, 1, "SPEC WARNING - " },  { { 3, 1, 0, 1, 0 }, 2, "SPEC CRITICAL - " },
                { { 3, 0, 1, 0, 0 }, 2, "SPEC CRITICAL - " }, { { 0, 0, 0, 0, 0 }, 3, "SPEC UNKNOWN - " },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct spec_result results[8] = { { 0 } };
                struct spec_report report = { .v = results };

                for (int v = 0; v < 5; v++)
                        for (size_t n = 0; n < rows[i].count[v]; n++, report.n++)
                                results[report.n] = (struct spec_result){ .file = (char *)"f", .name = (char *)"n", .verdict = (enum spec_verdict)v };
                memcpy(report.count, rows[i].count, sizeof report.count);
                autofree char *text = report_of(*state, "nagios", false, results, report.n);

                assert_int_equal(spec_report_nagios_status(&report), rows[i].status);
                assert_int_equal(strncmp(text, rows[i].start, strlen(rows[i].start)), 0);
        }
}

struct reporters { struct spec_reporter *v[2]; };

static void tell(void *arg, const struct spec_result *result)
{
        const struct reporters *reporters = arg;

        for (int i = 0; i < 2; i++)
                spec_reporter_result(reporters->v[i], result);
}

static void two_reporters_follow_one_run(void **state)
{
        static const char spec[] = "describe 'outer' do\n  context 'in \"\x1f ner' do\n    it('a') { }\n    it('b') { raise 'x' }\n  end\nend\n";
        struct fixture *f = *state;
        autofree char *tap = path_of(f, "x.tap"), *doc = path_of(f, "x.txt"), *text = NULL, *words = NULL;
        struct reporters reporters = { { NULL } };
        struct bk_error err = { 0 };
        size_t length;

        assert_ok(spec_reporter_new("tap", tap, false, &reporters.v[0], &err), err);
        assert_ok(spec_reporter_new("documentation", doc, false, &reporters.v[1], &err), err);
        f->options.on_result = tell;
        f->options.arg = &reporters;
        run(f, spec);
        for (int i = 0; i < 2; i++)
                assert_ok(spec_reporter_end(reporters.v[i], &f->report, &f->target, &err), err);
        assert_ok(bk_read_file(tap, 65536, &text, &length, &err), err);
        assert_ok(bk_read_file(doc, 65536, &words, &length, &err), err);
        assert_non_null(strstr(text, "ok 1 - outer in \"  ner a\nnot ok 2 - outer in \"  ner b\n"));
        assert_non_null(strstr(words, "\nouter\n  in \"  ner\n    a\n    b (ERROR - 1)\n"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(each_format_says_the_same_in_its_words),
                spec_test(colours_are_those_of_rspec),
                spec_test(groups_are_named_when_they_are_entered),
                spec_test(json_has_the_members_that_are_promised),
                spec_test(no_text_steers_a_terminal_or_a_reader),
                spec_test(prove_counts_what_was_counted),
                spec_test(junit_is_as_the_schema_has_it),
                spec_test(unknown_formats_and_bad_places_are_refused),
                spec_test(nagios_knows_four_states),
                spec_test(two_reporters_follow_one_run),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
