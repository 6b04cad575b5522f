/* Waivers: what a file may say, and which results they change how. */
#include "tests/unit/spec/fixture.h"

#include "spec/waiver.h"
#include "spec/yaml.h"

#define TODAY "2026-11-21"

static int read_text(const struct fixture *f, const char *name, const char *text, struct spec_waivers *add, struct bk_error *err)
{
        autofree char *path = write_beside(f, name, text);

        return spec_waivers_read(path, TODAY, add, err);
}

static const struct { const char *name, *text; unsigned line, column; const char *why; } broken[] = {
        { "w.yaml", "a:\n  run: false\n", 1, 1, "the waiver of 'a' has no justification" },
        { "w.yaml", "# why\na:\n  justification: x\n  expires: 2027-01-01\n", 4, 3, "a waiver has no 'expires'" },
        { "w.yaml", "a:\n  justifcation: x\n", 2, 3, "did you mean 'justification'?" },
        { "w.yaml", "a:\n  justification: ''\n", 2, 18, "must be a text that says why" },
        { "w.yaml", "a:\n  justification: \" \\n \"\n", 2, 18, "must be a text that says why" },
        { "w.yaml", "a:\n  justification: [x]\n", 2, 18, "must be a text that says why" },
        { "w.yaml", "a:\n  justification:\n", 2, 17, "must be a text that says why" },
        { "w.yaml", "a:\n  justification: x\n  expiration_date: 2027-02-29\n", 3, 20, "must be a day" },
        { "w.yaml", "a:\n  justification: x\n  expiration_date: soon\n", 3, 20, "must be a day" },
        { "w.yaml", "a:\n  justification: x\n  expiration_date: 2027-1-1\n", 3, 20, "must be a day" },
        { "w.yaml", "a:\n  justification: x\n  expiration_date: 2027-01-01 10:00\n", 3, 20, "must be a day" },
        { "w.yaml", "a:\n  justification: x\n  expiration_date: 20270101\n", 3, 20, "must be a day" },
        { "w.yaml", "a:\n  justification: x\n  run: 'false'\n", 3, 8, "run must be true or false, not a string" },
        { "w.yaml", "a: because\n", 1, 4, "must be a map with a justification" },
        { "w.yaml", "a:\n  justification: x\na:\n  justification: y\n", 3, 1, "given a second time; the first is in line 1" },
        { "w.yaml", "a:\n  justification: x\n  justification: y\n", 3, 3, "given a second time" },
        { "w.yaml", "'':\n  justification: x\n", 1, 1, "must name what is waived" },
        { "w.yaml", "- a\n- b\n", 1, 1, "waivers must be a map" },
        { "w.yaml", "only words\n", 1, 1, "waivers must be a map" },
        { "w.yaml", "a: &x\n  justification: y\nb: *x\n", 3, 4, "aliases are not read" },
        { "w.yaml", "? [a]\n: b\n", 1, 3, "a key must be a text" },
        { "w.yaml", "a:\n  justification: x\n---\nb:\n  justification: x\n", 3, 1, "a second document" },
        { "w.yaml", "a:\n\tjustification: x\n", 2, 1, "not YAML" },
        { "w.yaml", "a: \"open\n", 2, 1, "not YAML" },
        { "w.yaml", "a: \xff\n", 1, 1, "not YAML" },
        { "w.yaml", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 1, 51, "nested too deeply" },
        { "w.json", "{\"a\": {\"run\": false}}", 1, 2, "has no justification" },
        { "w.json", "{\"a\": {\"justification\": \"x\", \"run\": \"no\"}}", 1, 37, "run must be true or false" },
        { "w.json", "a:\n  justification: x\n", 1, 1, "" },
};

static void what_is_wrong_is_named_with_its_place(void **state)
{
        const struct fixture *f = *state;

        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
                BK_CLEANUP(spec_waivers_done) struct spec_waivers waivers = { 0 };
                autofree char *at = bk_format("%s/%s:%u:%u", f->folder, broken[i].name, broken[i].line, broken[i].column);
                struct bk_error err = { 0 };

                print_message("# %s: %s\n", broken[i].why, broken[i].text);
                assert_fails_with(read_text(f, broken[i].name, broken[i].text, &waivers, &err), err, BK_INVALID);
                if (strcmp(err.at, at) != 0 || strstr(err.text, broken[i].why) == NULL)
                        fail_msg("%s: %s", err.at, err.text);
        }
}

static void a_file_is_read_as_inspec_has_it(void **state)
{
        static const char text[] =
                "# accepted by the board\n"
                "sshd-03:\n"
                "  expiration_date: 2027-01-31\n"
                "  run: no\n"
                "  justification: \"the bastion: OPS-12\"\n"
                "\"File \\\"/etc/a\\\" *\": { justification: plain words, expiration_date: '2026-11-20' }\n"
                "12:\n"
                "  justification: >\n"
                "    over\n"
                "    lines\n";
        static const char json[] = "{\"x\": {\"justification\": \"y\", \"run\": true, \"expiration_date\": \"" TODAY "\"}}";
        BK_CLEANUP(spec_waivers_done) struct spec_waivers w = { 0 };
        struct bk_error err = { 0 };

        assert_ok(read_text(*state, "empty.yaml", "# nothing yet\n", &w, &err), err);
        assert_int_equal(w.n, 0);
        assert_ok(read_text(*state, "w.yaml", text, &w, &err), err);
        assert_ok(read_text(*state, "w.json", json, &w, &err), err);
        assert_int_equal(w.n, 4);
        assert_string_equal(w.v[0].what, "sshd-03");
        assert_string_equal(w.v[0].until, "2027-01-31");
        assert_string_equal(w.v[0].why, "the bastion: OPS-12");
        assert_int_equal(w.v[0].line, 2);
        assert_false(w.v[0].run);
        assert_false(w.v[0].expired);
        assert_string_equal(w.v[1].what, "File \"/etc/a\" *");
        assert_true(w.v[1].expired);
        assert_true(w.v[1].run);
        assert_string_equal(w.v[2].what, "12");
        assert_string_equal(w.v[2].why, "over lines\n");
        assert_null(w.v[2].until);
        assert_false(w.v[3].expired);           /* on its last day */
}

/* A result that is waived by one waiver with these members, and what becomes of it. */
static const struct {
        const char *why, *what;
        enum spec_verdict before;
        const char *members;
        enum spec_verdict after;
        const char *message;
} cases[] = {
        { "by control", "web-1", SPEC_FAIL, "", SPEC_SKIP, "waived: why\nfailed: it is 5" },
        { "by control, with an end", "web-1", SPEC_FAIL, ", expiration_date: 2027-01-31", SPEC_SKIP,
          "waived until 2027-01-31: why\nfailed: it is 5" },
        { "an error", "web-1", SPEC_ERROR, "", SPEC_SKIP, "waived: why\nerror: it is 5" },
        { "by a part of a control", "web", SPEC_FAIL, "", SPEC_FAIL, "it is 5\n  at x" },
        { "by all controls of a kind", "web-*", SPEC_FAIL, "", SPEC_SKIP, "waived: why\nfailed: it is 5" },
        { "by place", "specs/a_spec.rb:7", SPEC_FAIL, "", SPEC_SKIP, "waived: why\nfailed: it is 5" },
        { "by the whole place", "/home/me/specs/a_spec.rb:7", SPEC_FAIL, "", SPEC_SKIP, "waived: why\nfailed: it is 5" },
        { "by place, as a shell completes it", "./a_spec.rb:7", SPEC_FAIL, "", SPEC_SKIP, "waived: why\nfailed: it is 5" },
        { "by another line", "a_spec.rb:77", SPEC_FAIL, "", SPEC_FAIL, "it is 5\n  at x" },
        { "by a line that begins so", "a_spec.rb:", SPEC_FAIL, "", SPEC_FAIL, "it is 5\n  at x" },
        { "by a part of a file's name", "_spec.rb:7", SPEC_FAIL, "", SPEC_FAIL, "it is 5\n  at x" },
        { "by description", "File [a] content should eq 4", SPEC_FAIL, "", SPEC_SKIP, "waived: why\nfailed: it is 5" },
        { "by its beginning", "File [a] *", SPEC_FAIL, "", SPEC_SKIP, "waived: why\nfailed: it is 5" },
        { "by parts in order", "*[a]*should*4", SPEC_FAIL, "", SPEC_SKIP, "waived: why\nfailed: it is 5" },
        { "by parts out of order", "*should*[a]*", SPEC_FAIL, "", SPEC_FAIL, "it is 5\n  at x" },
        { "brackets are no pattern", "File [b-z] content should eq 4", SPEC_FAIL, "", SPEC_FAIL, "it is 5\n  at x" },
        { "by a part of a description", "File [a]", SPEC_FAIL, "", SPEC_FAIL, "it is 5\n  at x" },
        { "by everything", "*", SPEC_FAIL, "", SPEC_SKIP, "waived: why\nfailed: it is 5" },
        { "expired", "web-1", SPEC_FAIL, ", expiration_date: 2026-11-20", SPEC_FAIL, "it is 5\n  at x\n  its waiver expired after 2026-11-20: why" },
        { "expired, not to be run", "web-1", SPEC_ERROR, ", run: false, expiration_date: 2025-01-01", SPEC_ERROR,
          "it is 5\n  at x\n  its waiver expired after 2025-01-01: why" },
        { "expired, but it passed", "web-1", SPEC_PASS, ", expiration_date: 2026-11-20", SPEC_PASS, "" },
        { "passed", "web-1", SPEC_PASS, "", SPEC_PASS, "" },
        { "passed, not to be run", "web-1", SPEC_PASS, ", run: false", SPEC_SKIP, "waived: why" },
        { "unanswered", "web-1", SPEC_UNANSWERED, "", SPEC_UNANSWERED, "it is 5\n  at x" },
        { "unanswered, not to be run", "web-1", SPEC_UNANSWERED, ", run: false", SPEC_SKIP, "waived: why\nunanswered: it is 5" },
        { "skipped anyway", "web-1", SPEC_SKIP, ", run: false", SPEC_SKIP, "it is 5\n  at x" },
};

static void results_are_waived_as_they_are_named(void **state)
{
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                BK_CLEANUP(spec_waivers_done) struct spec_waivers waivers = { 0 };
                autofree char *text = bk_format("'%s': { justification: why%s }\n", cases[i].what, cases[i].members);
                struct spec_result result = {
                        .file = (char *)"/home/me/specs/a_spec.rb", .line = 7, .group = (char *)"File [a] content", .name = (char *)"should eq 4",
                        .control = (char *)"web-1", .verdict = cases[i].before,
                        .message = bk_strdup(cases[i].before == SPEC_PASS ? "" : "it is 5\n  at x"),
                };
                struct bk_error err = { 0 };

                print_message("# %s\n", cases[i].why);
                assert_ok(read_text(*state, "w.yaml", text, &waivers, &err), err);
                spec_waivers_apply(&waivers, &result);
                assert_string_equal(result.message, cases[i].message);
                assert_int_equal(result.verdict, cases[i].after);
                free(result.message);
        }
}

static void the_run_counts_what_is_left(void **state)
{
        static const char text[] =
                "\"a one*\": { justification: x, expiration_date: 2999-12-31 }\n"
                "\"a_spec.rb:3\": { justification: y }\n"
                "\"nothing\": { justification: z }\n"
                "\"*\": { justification: all, expiration_date: 2020-01-01 }\n";
        BK_CLEANUP(spec_waivers_done) struct spec_waivers waivers = { 0 };
        autostrv struct bk_strv unused = { 0 };
        struct fixture *f = *state;
        autofree char *wanted = bk_format("%s/w.yml:3: the waiver of 'nothing' matches no example", f->folder);
        struct bk_error err = { 0 };

        assert_ok(read_text(f, "w.yml", text, &waivers, &err), err);
        f->options.waivers = &waivers;
        run(f, "describe 'a' do\n  it('one') { expect(1).to eq 2 }\n  it('two') { raise 'x' }\n  it('three') { expect(1).to eq 2 }\nend\n");
        expect_all(f, { SPEC_SKIP, 2, "a", "one", "waived until 2999-12-31: x\nfailed: expected 1 to eq 2" },
                   { SPEC_SKIP, 3, "a", "two", "waived: y\nerror: x (RuntimeError)" },
                   { SPEC_FAIL, 4, "a", "three", "its waiver expired after 2020-01-01" });
        assert_int_equal(f->report.count[SPEC_SKIP], 2);
        assert_int_equal(f->report.count[SPEC_FAIL], 1);
        assert_int_equal(f->report.count[SPEC_ERROR], 0);
        spec_waivers_unused(&waivers, &unused);
        assert_int_equal(unused.n, 1);
        assert_string_equal(unused.v[0], wanted);
        run(f, "describe(");                    /* what does not load is not waived by "*" */
        expect_one(f, SPEC_ERROR, "syntax error");
        assert_null(strstr(f->report.v[0].message, "waiver"));
}

static void a_control_is_waived_with_all_its_checks(void **state)
{
        BK_CLEANUP(spec_waivers_done) struct spec_waivers waivers = { 0 };
        struct fixture *f = *state;
        struct bk_error err = { 0 };

        assert_ok(read_text(f, "w.yml", "web-1: { justification: x }\n", &waivers, &err), err);
        f->options.waivers = &waivers;
        run(f, "describe 'a', id: 'web-1', impact: 0.7, title: 't' do\n  it('one') { expect(1).to eq 2 }\n"
               "  context('b') { it('two') { raise 'x' } }\n"
               "end\ndescribe('c', id: 'web-2') { it('three') { raise 'x' } }\n");
        expect_all(f, { SPEC_SKIP, 2, "a", "one", "waived: x" }, { SPEC_SKIP, 3, "a b", "two", "waived: x" },
                   { SPEC_ERROR, 5, "c", "three", "x" });
        assert_string_equal(f->report.v[0].control, "web-1");
}

static void yaml_becomes_the_document_of_json(void **state)
{
        static const struct { const char *text; enum bk_doc_kind kind; const char *value; } rows[] = {
                { "12", BK_DOC_NUMBER, "12" }, { "-1.5e3", BK_DOC_NUMBER, "-1.5e3" }, { "1.2.3", BK_DOC_STRING, "1.2.3" },
                { "e", BK_DOC_STRING, "e" },
                { "'12'", BK_DOC_STRING, "12" }, { "True", BK_DOC_BOOL, "True" }, { "\"off\"", BK_DOC_STRING, "off" }, { "~", BK_DOC_NULL, "~" },
                { "", BK_DOC_NULL, NULL }, { "|\n  a\n  b\n", BK_DOC_STRING, "a\nb\n" }, { "2027-01-31", BK_DOC_STRING, "2027-01-31" },
                { "[a, b]", BK_DOC_ARRAY, NULL }, { "{a: [1, {b: c}]}", BK_DOC_OBJECT, NULL }, { "caf\xc3\xa9", BK_DOC_STRING, "caf\xc3\xa9" },
        };
        struct bk_error err = { 0 };
        struct bk_doc *doc = NULL;

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                print_message("# %s\n", rows[i].text);
                assert_ok(spec_yaml_parse("x.yml", rows[i].text, strlen(rows[i].text), &doc, &err), err);
                assert_int_equal(doc->kind, rows[i].kind);
                if (rows[i].value != NULL)
                        assert_string_equal(doc->text, rows[i].value);
                bk_doc_free(doc);
        }
        BK_CLEANUP(bk_buf_done) struct bk_buf many = { 0 };

        for (int i = 0; i < 20000; i++)
                bk_buf_printf(&many, "k%d: 1\n", i);
        assert_fails_with(spec_yaml_parse("x.yml", many.data, many.len, &doc, &err), err, BK_INVALID);
        assert_non_null(strstr(err.text, "more than 10000 keys"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(what_is_wrong_is_named_with_its_place),
                spec_test(a_file_is_read_as_inspec_has_it),
                spec_test(results_are_waived_as_they_are_named),
                spec_test(the_run_counts_what_is_left),
                spec_test(a_control_is_waived_with_all_its_checks),
                spec_test(yaml_becomes_the_document_of_json),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
