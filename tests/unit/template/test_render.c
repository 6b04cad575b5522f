/* Go's text/template as Packer's templates use it: what each text becomes. */
#include "tests/unit/test.h"

#include <time.h>

#include "bakery/template/template.h"
#include "lib/buf.h"

#define S(text) ((char[]){ text })       /* the model owns its strings, so they are not const */

static struct tmpl_variable variables[] = {
        { .name = S("name"), .value = S("web"), .stable = S("web") },
        { .name = S("list"), .value = S("a,b,c"), .stable = S("a,b,c") },
        { .name = S("empty"), .value = S(""), .stable = S("") },
        { .name = S("braces"), .value = S("{{ .Path }}{{timestamp}}"), .stable = S("x") },
        { .name = S("unset") },
        { .name = S("version"), .value = S("1.2"), .stable = S("1.2-{{timestamp}}") },
};
/* 2024-02-03 04:05:06 UTC, a Saturday, day 34 of the year. */
static struct tmpl tmpl = {
        .dir = S("/srv/templates"), .started = 1706933106,
        .variables = variables, .n_variables = sizeof variables / sizeof *variables,
};
static const struct tmpl_datum data[] = { { "Path", "/tmp/x.sh" }, { "Vars", "A='1' " }, { "HTTPPort", "8080" }, { "None", NULL } };
static const struct tmpl_scope scope = { .tmpl = &tmpl, .build_name = "deb", .build_type = "qemu", .data = data, .n_data = 4 };
static const struct bk_doc place = { .file = "t.json", .line = 7, .column = 12 };

static const struct { const char *text, *result; } good[] = {
        { "", "" },
        { "plain { } text }} here", "plain { } text }} here" },
        { "{{user `name`}}", "web" },
        { "{{ user \"name\" }}", "web" },
        { "{{\tuser\n`name`\r\n}}", "web" },
        { "a-{{user `name`}}-b{{user `name`}}", "a-web-bweb" },
        { "{{user `undeclared`}}", "" },
        { "{{user `unset`}}", "" },
        { "{{user `braces`}}", "{{ .Path }}{{timestamp}}" },
        { "{{ .Path }}", "/tmp/x.sh" },
        { "{{.Path}}", "/tmp/x.sh" },
        { "chmod +x {{ .Path }}; {{ .Vars }}{{ .Path }}", "chmod +x /tmp/x.sh; A='1' /tmp/x.sh" },
        { "{{ .None }}", "" },
        { "{{ (.Path) }}", "/tmp/x.sh" },
        { "{{build_name}}/{{ build_type }}", "deb/qemu" },
        { "{{ build `HTTPPort` }}", "8080" },
        { "{{template_dir}}/x", "/srv/templates/x" },
        { "{{timestamp}}", "1706933106" },
        { "{{isotime}}", "2024-02-03T04:05:06Z" },
        { "{{isotime \"2006-01-02\"}}", "2024-02-03" },
        { "{{isotime | clean_resource_name}}", "2024-02-03T04-05-06Z" },
        { "{{strftime \"%Y%m%d-%H%M%S %j %a\"}}", "20240203-040506 034 Sat" },
        { "{{strftime \"\"}}", "" },
        { "{{upper `straße`}}", "STRAßE" },
        { "{{ user `name` | upper }}", "WEB" },
        { "{{ `X` | lower | upper | lower }}", "x" },
        { "{{split `a-b-c` \"-\" 0}}{{split \"a-b-c\" \"-\" 2}}", "ac" },
        { "{{split (user `list`) \",\" 1}}", "b" },
        { "{{split build_name `e` 1}}", "b" },
        { "{{split `abc` `` 1}}{{split `äbc` `` 0}}", "bä" },
        { "{{split `abc` `x` 0}}", "abc" },
        { "{{split `a,` `,` 1}}", "" },
        { "{{replace `a` `b` 2 `aaaa`}}", "bbaa" },
        { "{{replace `a` `b` -1 `aaaa`}}", "bbbb" },
        { "{{replace `a` `b` 0 `aaaa`}}", "aaaa" },
        { "{{replace_all `.` `-` `1.2.3`}}", "1-2-3" },
        { "{{`1.2.3` | replace_all `.` ``}}", "123" },
        { "{{replace_all `` `-` `aäb`}}", "-a-ä-b-" },
        { "{{clean_resource_name `a b/c:d_e.f-1`}}", "a-b-c-d_e.f-1" },
        { "{{packer_version | print}}", "1.16.0" },
        { "{{\"\\\"quoted\\\" \\\\ \\t|\\x41\\101\\u00e4\\U0001F600\"}}", "\"quoted\" \\ \t|AAä😀" },
        { "{{`raw \\n \"x\"`}}", "raw \\n \"x\"" },
        { "{{`two\nlines`}}", "two\nlines" },
        { "{{`{{ .Path }}`}}", "{{ .Path }}" },
        { "{{\"}}\"}}", "}}" },
        { "{{1}} {{-1}} {{0x1F}} {{1_000}} {{0b101}} {{0o17}} {{017}}", "1 -1 31 1000 5 15 15" },
        { "{{1.50}} {{1e3}} {{.5}}", "1.5 1000 0.5" },
        { "{{true}} {{false}}", "true false" },
        { "a  {{- 1 -}}  b", "a1b" },
        { "a \n\t{{- 1}} b", "a1 b" },
        { "a {{1 -}}\n\n b", "a 1b" },
        { "a {{-1}} b", "a -1 b" },
        { "{{1 -}} {{- 2}}", "12" },
        { "a{{/* comment }} */}}b", "ab" },
        { "a {{- /* c */ -}} b", "ab" },
        { "a {{/* c */ -}} b", "a b" },
        { "{{if true}}yes{{end}}", "yes" },
        { "{{if false}}yes{{end}}", "" },
        { "{{if user `empty`}}yes{{else}}no{{end}}", "no" },
        { "{{if user `name`}}yes{{else}}no{{end}}", "yes" },
        { "{{if 0}}a{{else if 0.0}}b{{else if `x`}}c{{else}}d{{end}}", "c" },
        { "{{if 1}}a{{else if 1}}b{{else}}c{{end}}", "a" },
        { "{{if eq build_type `qemu`}}q{{end}}", "q" },
        { "{{if eq build_type `a` `b` `qemu`}}q{{end}}", "q" },
        { "{{if ne build_type \"qemu\"}}x{{else}}q{{end}}", "q" },
        { "{{if and true (eq 1 1) (not false)}}x{{end}}", "x" },
        { "{{or `` `b`}}{{and `a` `b`}}{{and `` `b`}}", "bb" },
        { "{{if false}}{{ .Nothing }}{{if true}}x{{end}}{{else}}y{{end}}", "y" },
        { "{{if true}}{{if false}}a{{else}}b{{end}}c{{end}}d", "bcd" },
        { "x {{- if true -}} y {{- end -}} z", "xyz" },
        { "{{if (user `name` | eq `web`)}}w{{end}}", "w" },
        { "{{eq 1 1.0}} {{eq 0x10 16}}", "true true" },
        { "{{print `a` `b` 1 2 `c`}}", "ab1 2c" },
        { "{{printf `%s-%d-%v%%` `a` 5 true}}", "a-5-true%" },
        { "{{user `name` | printf `%s-%s` `x`}}", "x-web" },
        { "{{len `abcd`}}", "4" },
        { "{{ print (print (print (`x`))) }}", "x" },
        { "{", "{" },
        { "{ { user } }", "{ { user } }" },
        { "{{`a`}}{{`b`}}", "ab" },
};

static void texts_become(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
                struct bk_error err = { 0 };
                autofree char *result = NULL;

                print_message("# %s\n", good[i].text);
                assert_ok(tmpl_render(&scope, good[i].text, &place, &result, &err), err);
                assert_string_equal(result, good[i].result);
        }
}

static const struct { const char *text, *error; } bad[] = {
        { "{{", "a function, a field or a string" },
        { "{{}}", "expected a function, a field or a string before '}}'" },
        { "{{ -}}", "expected a function" },
        { "{{user}}", "user wants 1 argument, found 0" },
        { "{{user `a` `b`}}", "user wants 1 argument, found 2" },
        { "{{user 5}}", "user wants a string as argument 1, found 5" },
        { "{{user `a`", "expected a blank, '|' or '}}', but the text ends" },
        { "{{user `a` ", "but the text ends" },
        { "{{user `a`}", "found '}'" },
        { "{{user `a}}", "not closed" },
        { "{{user \"a}}", "not closed" },
        { "{{user \"a\nb\"}}", "a text of several lines stands in `...`" },
        { "{{user`name`}}", "expected a blank" },
        { "{{user 'name'}}", "not in single quotes" },
        { "{{print \"a\"\"b\"}}", "expected a blank" },
        { "{{print(1)}}", "expected a blank" },
        { "{{usr `name`}}", "unknown function 'usr'; did you mean 'user'?" },
        { "{{timestmap}}", "did you mean 'timestamp'?" },
        { "{{name}}", "unknown function 'name'; for a variable write {{ user `name` }}" },
        { "{{if false}}{{nonesuch}}{{end}}", "unknown function 'nonesuch'" },
        { "{{.path}}", ".path is not known here; known are .Path, .Vars, .HTTPPort, .None" },
        { "{{.Path.X}}", ".Path.X is not known here" },
        { "{{.}}", "'.' alone is not supported" },
        { "{{$x := 1}}", "template variables ($) are not supported" },
        { "{{range .Path}}{{end}}", "'range' is not supported" },
        { "{{with .Path}}{{end}}", "'with' is not supported" },
        { "{{nil}}", "'nil' is not supported" },
        { "{{`a` `b`}}", "only functions take arguments" },
        { "{{`a` | `b`}}", "only functions take arguments" },
        { "{{user `name` | }}", "expected a function" },
        { "{{ | upper}}", "expected a function" },
        { "{{(user `name`}}", "expected ')'" },
        { "{{user `name`)}}", "expected '}}', found ')'" },
        { "{{()}}", "expected a function" },
        { "{{env `HOME`}}", "env works inside \"variables\" only" },
        { "{{sed `s/a/b/` `a`}}", "use replace or replace_all" },
        { "{{vault `a` `b`}}", "vault works inside \"variables\" only" },
        { "{{build `ID`}}", "build `ID` is not known in this builder" },
        { "{{split `a` `,` 1}}", "split found 1 piece and cannot take number 1" },
        { "{{split `a` `,` -1}}", "the first one is 0" },
        { "{{split `a` `,` `0`}}", "split wants a whole number as argument 3" },
        { "{{split `a` `,` 1.5}}", "split wants a whole number as argument 3" },
        { "{{eq 1 `1`}}", "eq cannot compare a number with a string" },
        { "{{eq 1}}", "eq wants at least 2 arguments, found 1" },
        { "{{isotime `a` `b`}}", "isotime wants at most 1 argument, found 2" },
        { "{{if true}}x", "this 'if' has no '{{ end }}'" },
        { "{{if}}x{{end}}", "expected a function" },
        { "x{{end}}", "'end' without an 'if'" },
        { "x{{else}}", "'else' without an 'if'" },
        { "{{if 1}}{{else}}{{else}}{{end}}", "a second 'else'" },
        { "{{print if}}", "'if' must be the first word" },
        { "{{/* x }}", "a comment is not closed" },
        { "{{/* x */ }}", "a comment must fill its action" },
        { "{{\"\\q\"}}", "unknown escape '\\q'" },
        { "{{\"\\x4\"}}", "needs 2 hexadecimal digits" },
        { "{{\"\\x00\"}}", "NUL" },
        { "{{\"\\ud800\"}}", "is no code point" },
        { "{{08}}", "bad number '08'" },
        { "{{1x}}", "bad number '1x'" },
        { "{{99999999999999999999}}", "bad number" },
        { "{{-}}", "bad number '-'" },
        { "{{printf `%s`}}", "more verbs than arguments" },
        { "{{printf `x` 1}}", "more arguments than verbs" },
        { "{{printf `%q` 1}}", "printf knows" },
};

static void broken_texts_are_refused(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                struct bk_error err = { 0 };
                char *result = NULL;

                print_message("# %s\n", bad[i].text);
                assert_fails_with(tmpl_render(&scope, bad[i].text, &place, &result, &err), err, BK_INVALID);
                assert_null(result);
                assert_string_equal(err.at, "t.json:7:12");
                if (strstr(err.text, bad[i].error) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, bad[i].error);
        }
}

static const struct { const char *layout, *result; } layouts[] = {
        { "2006-01-02T15:04:05Z07:00", "2024-02-03T04:05:06Z" },
        { "20060102150405", "20240203040506" },
        { "Mon Jan 2 15:04:05 MST 2006", "Sat Feb 3 04:05:06 UTC 2024" },
        { "Monday, January _2 06", "Saturday, February  3 24" },
        { "3:4:5PM 03:04:05pm", "4:5:6AM 04:05:06am" },
        { "002 __2", "034  34" },
        { "1/2/06", "2/3/24" },
        { "_2006", "_2024" },
        { "05.000 05.999 05,00", "06.000 06 06,00" },
        { "05.0001", "06.0002" },               /* no fraction: a digit follows, and "01" is the month */
        { "Janet Monsoon", "Janet Monsoon" },
        { "January", "February" },
        { "-0700 -07:00 -07 Z0700", "+0000 +00:00 +00 Z" },
        { "v1.2.3", "v2.3.4" },
        { "no time", "no time" },
        { "", "" },
};

static void layouts_are_gos(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
                autofree char *text = bk_format("{{isotime `%s`}}", layouts[i].layout), *result = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", layouts[i].layout);
                assert_ok(tmpl_render(&scope, text, &place, &result, &err), err);
                assert_string_equal(result, layouts[i].result);
        }
}

static void a_stable_scope_keeps_time_and_chance_out(void **state)
{
        static const struct { const char *text, *result; } cases[] = {
                { "{{timestamp}}{{uuid}}", "{{timestamp}}{{uuid}}" },
                { "{{isotime}}", "{{isotime \"2006-01-02T15:04:05Z07:00\"}}" },
                { "{{isotime `06` | print}}", "{{isotime \"06\"}}" },
                { "{{strftime `%Y`}}", "{{strftime \"%Y\"}}" },
                { "{{user `version`}}", "1.2-{{timestamp}}" },
        };
        struct tmpl_scope stable = scope;

        (void)state;
        stable.stable = true;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *result = NULL;
                struct bk_error err = { 0 };

                assert_ok(tmpl_render(&stable, cases[i].text, &place, &result, &err), err);
                assert_string_equal(result, cases[i].result);
        }
}

static void each_uuid_is_new(void **state)
{
        autofree char *a = NULL, *b = NULL;
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(tmpl_render(&scope, "{{uuid}}", &place, &a, &err), err);
        assert_ok(tmpl_render(&scope, "{{uuid}}", &place, &b, &err), err);
        assert_int_equal(strlen(a), 36);
        assert_string_not_equal(a, b);
}

static void use_is_noted(void **state)
{
        autofree char *result = NULL;
        struct bk_error err = { 0 };

        (void)state;
        variables[1].used = false;
        assert_ok(tmpl_render(&scope, "{{if false}}{{user `list`}}{{end}}", &place, &result, &err), err);
        assert_false(variables[1].used);
        free(bk_take(result));
        assert_ok(tmpl_render(&scope, "{{user `list`}}", &place, &result, &err), err);
        assert_true(variables[1].used);
}

static char *repeat(const char *head, const char *s, int n, const char *tail)
{
        struct bk_buf buf = { 0 };

        bk_buf_puts(&buf, head);
        for (int i = 0; i < n; i++)
                bk_buf_puts(&buf, s);
        bk_buf_puts(&buf, tail);
        return bk_buf_finish(&buf);
}

static void hostile_texts_end_soon(void **state)
{
        static const struct { const char *why, *head, *s; int n; const char *tail, *error; } cases[] = {
                { "deep parentheses", "{{", "(", 1000000, "}}", "nested deeper" },
                { "deep ifs", "", "{{if true}}", 100000, "", "nested deeper" },
                { "growth by replacing", "{{`xxxxxxxx`", " | replace_all `x` `xxxxxxxxxxxxxxxx`", 20, "}}", "MiB of text" },
                { "growth between letters", "{{`xxxxxxxx`", " | replace_all `` `xxxxxxxxxxxxxxxx`", 20, "}}", "MiB of text" },
                { "open actions", "", "{{", 100000, "", "a function, a field" },
                { "long number", "{{", "1", 100000, "}}", "bad number" },
        };

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *text = repeat(cases[i].head, cases[i].s, cases[i].n, cases[i].tail), *result = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", cases[i].why);
                assert_fails_with(tmpl_render(&scope, text, &place, &result, &err), err, BK_INVALID);
                if (strstr(err.text, cases[i].error) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, cases[i].error);
        }
}

static void a_text_cut_anywhere_is_safe(void **state)
{
        static const char text[] = "a {{- /* c */ -}} {{if eq (user `name` | upper) \"\\x41\\u00e4\" }}{{ .Path }}{{else if 1.5}}"
                                   "{{split `a` `b` 0}}{{end}}";

        (void)state;
        for (size_t length = 0; length < sizeof text; length++) {
                autofree char *copy = bk_strndup(text, length), *result = NULL;

                if (tmpl_render(&scope, copy, &place, &result, NULL) == 0)
                        assert_non_null(result);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(texts_become),
                cmocka_unit_test(broken_texts_are_refused),
                cmocka_unit_test(layouts_are_gos),
                cmocka_unit_test(a_stable_scope_keeps_time_and_chance_out),
                cmocka_unit_test(each_uuid_is_new),
                cmocka_unit_test(use_is_noted),
                cmocka_unit_test(hostile_texts_end_soon),
                cmocka_unit_test(a_text_cut_anywhere_is_safe),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
