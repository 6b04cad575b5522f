/* Regexp, MatchData and String's methods as a spec sees them. The wanted answers are those of CRuby 3. */
#include "tests/unit/spec/fixture.h"

/* Ruby, and what `inspect` gives for it. */
struct row { const char *ruby, *inspected; };

static void expect_inspected(struct fixture *f, const struct row *rows, size_t n)
{
        autofree char *text = bk_strdup("describe 'rows' do\n");
        size_t wrong = 0;

        for (size_t i = 0; i < n; i++) {
                autofree char *before = text;

                text = bk_format("%sit('%zu') { raise((begin; %s; end).inspect) }\n", before, i, rows[i].ruby);
        }
        autofree char *all = bk_format("%send\n", text);

        run(f, all);
        if (f->report.n != n) {
                show(&f->report);
                fail_msg("%zu results are expected, not %zu", n, f->report.n);
        }
        for (size_t i = 0; i < n; i++) {
                autofree char *wanted = bk_format("%s (RuntimeError)", rows[i].inspected);

                if (strncmp(f->report.v[i].message, wanted, strlen(wanted)) == 0)
                        continue;
                print_message("# %s\n#   wanted %s\n#   got %s\n", rows[i].ruby, wanted, f->report.v[i].message);
                wrong++;
        }
        assert_int_equal(wrong, 0);
}

#define expect_table(state, rows) expect_inspected(*(state), rows, sizeof rows / sizeof *(rows))

static void literals_have_source_and_options(void **state)
{
        static const struct row rows[] = {
                { "/a.c/", "/a.c/" },
                { "/a/mix", "/a/mix" },
                { "/a/i.to_s", "\"(?i-mx:a)\"" },
                { "/a/mix.to_s", "\"(?mix:a)\"" },
                { "/a\\/b/.source.include?('/')", "true" },
                { "%r{/etc/x}.source", "\"/etc/x\"" },
                { "/#{'b' + 'c'}/.source", "\"bc\"" },
                { "/x#{/y/i}/.source", "\"x(?i-mx:y)\"" },
                { "/a/i.options", "1" },
                { "Regexp.new('a', Regexp::IGNORECASE) == /a/i", "true" },
                { "/a/ == /a/i", "false" },
                { "/a/.eql?(/a/)", "true" },
                { "Regexp.new('a', true)", "/a/i" },
                { "Regexp.escape('a.b*c [d]')", "\"a\\\\.b\\\\*c\\\\ \\\\[d\\\\]\"" },
                { "Regexp.union('a.b', /c/i)", "/a\\.b|(?i-mx:c)/" },
                { "Regexp.union(%w[a b])", "/a|b/" },
                { "Regexp.union", "/(?!)/" },
                { "/(?<y>\\d+)-(?<m>\\d+)/.names", "[\"y\", \"m\"]" },
        };

        expect_table(state, rows);
}

static void matching_answers_and_leaves_globals(void **state)
{
        static const struct row rows[] = {
                { "'hello' =~ /l+/", "2" },
                { "'hello' =~ /z/", "nil" },
                { "nil =~ /z/", "nil" },
                { "/l+/ =~ 'hello'; [$~[0], $`, $']", "[\"ll\", \"he\", \"o\"]" },
                { "'a1b2' =~ /(\\w)(\\d)$/; [$1, $2, $3, $+]", "[\"b\", \"2\", nil, \"2\"]" },
                { "'x' =~ /y/; [$~, $1]", "[nil, nil]" },
                { "'hello' !~ /z/", "true" },
                { "'hello'.match?(/LL/i)", "true" },
                { "'a' =~ /a/; 'b'.match?(/b/); $~[0]", "\"a\"" },
                { "case 'abc' when /^a(.)/ then $1 end", "\"b\"" },
                { "/a/ === :cat", "true" },
                { "/a/ === nil", "false" },
                { "/a/.match(nil)", "nil" },
                { "%w[one two].grep(/w/)", "[\"two\"]" },
                { "'ab'.match(/b/) { |m| m[0] * 2 }", "\"bb\"" },
                { "'aXbX'.match(/X/, 2).begin(0)", "3" },
                { "'a\\nb'.match?(/a.b/)", "false" },
                { "\"a\\nb\" =~ /a.b/m", "0" },
                { "\"a\\nb\" =~ /^b$/", "2" },
                { "\"a\\nb\" =~ /\\Ab/", "nil" },
                { "\"a\\n\" =~ /a\\Z/", "0" },
                { "'ab' =~ / a b /x", "0" },
                { "'foobar' =~ /(?<=foo)bar/", "3" },
                { "'foobar'[/foo(?!baz)/]", "\"foo\"" },
                { "'aa bb'[/(\\w)\\1$/]", "\"bb\"" },
                { "'abc'[/[[:upper:]]/]", "nil" },
                { "'ABC'[/\\p{Upper}+/]", "\"ABC\"" },
                { "'x12'[/\\h+$/]", "\"12\"" },
                { "begin; 'foo' =~ 'foo'; rescue => e; e.class; end", "TypeError" },
        };

        expect_table(state, rows);
}

static void match_data_tells_its_groups(void **state)
{
        static const struct row rows[] = {
                { "m = 'k=v'.match(/(?<key>\\w)=(?<value>\\w)/); [m[:key], m['value'], m[0]]", "[\"k\", \"v\", \"k=v\"]" },
                { "'k=v'.match(/(?<key>\\w)=(?<value>\\w)/).named_captures", "{\"key\"=>\"k\", \"value\"=>\"v\"}" },
                { "'k=v'.match(/(\\w)=(\\w)/).captures", "[\"k\", \"v\"]" },
                { "'k=v'.match(/(\\w)=(\\w)/).to_a", "[\"k=v\", \"k\", \"v\"]" },
                { "'k=v'.match(/(\\w)=(\\w)/).values_at(0, 2)", "[\"k=v\", \"v\"]" },
                { "m = 'xay'.match(/a/); [m.pre_match, m.post_match, m.begin(0), m.end(0), m.offset(0)]",
                  "[\"x\", \"y\", 1, 2, [1, 2]]" },
                { "'ab'.match(/(a)|(c)/).captures", "[\"a\", nil]" },
                { "'ab'.match(/(a)(b)/)[-1]", "\"b\"" },
                { "'ab'.match(/(a)(b)/)[1, 2]", "[\"a\", \"b\"]" },
                { "'ab'.match(/(a)(b)/)[1..-1]", "[\"a\", \"b\"]" },
                { "'ab'.match(/(a)/)[7]", "nil" },
                { "begin; 'ab'.match(/(?<x>a)/)[:y]; rescue => e; e.class; end", "IndexError" },
                { "'ab'.match(/(a)/).size", "2" },
                { "'ab'.match(/b/).to_s", "\"b\"" },
                { "'ab'.match(/(a)/)", "#<MatchData \"a\" 1:\"a\">" },
                { "s = 'ab'; m = s.match(/b/); s << 'zzz'; m.string", "\"ab\"" },
                { "'ab' =~ /(b)/; Regexp.last_match(1)", "\"b\"" },
        };

        expect_table(state, rows);
}

static void strings_are_searched_and_changed(void **state)
{
        static const struct row rows[] = {
                { "'a1b22'.scan(/\\d+/)", "[\"1\", \"22\"]" },
                { "'a=1 b=2'.scan(/(\\w)=(\\d)/)", "[[\"a\", \"1\"], [\"b\", \"2\"]]" },
                { "'a.b.c'.scan('.')", "[\".\", \".\"]" },
                { "r = []; 'ab'.scan(/./) { |c| r << c + $~[0] }; r", "[\"aa\", \"bb\"]" },
                { "'abc'.scan(//).size", "4" },
                { "'hello'.sub(/l/, 'L')", "\"heLlo\"" },
                { "'hello'.gsub(/l/, 'L')", "\"heLLo\"" },
                { "'hello'.gsub(/(l)(o)/, '\\\\2\\\\1')", "\"helol\"" },
                { "'hello'.gsub(/(?<x>l)/, '<\\\\k<x>>')", "\"he<l><l>o\"" },
                { "'hello'.gsub(/l/) { |m| m.upcase }", "\"heLLo\"" },
                { "'hello'.gsub(/[el]/, 'e' => '3', 'l' => '1')", "\"h311o\"" },
                { "'abc'.gsub(/b*/, '-')", "\"-a--c-\"" },
                { "'abc'.gsub(//, '-')", "\"-a-b-c-\"" },
                { "'a.b'.gsub('.', '-')", "\"a-b\"" },
                { "'abc'.sub(/z/, 'y')", "\"abc\"" },
                { "s = 'abc'; [s.sub!(/z/, 'y'), s.gsub!(/b/, 'B'), s]", "[nil, \"aBc\", \"aBc\"]" },
                { "'a-b'.sub(/-/, '\\\\\\\\')", "\"a\\\\b\"" },
                { "'key = value'[/= (.*)/, 1]", "\"value\"" },
                { "'key = value'[/(?<v>v.*)/, 'v']", "\"value\"" },
                { "'abc'[/z/]", "nil" },
                { "s = 'abc'; [s.slice!(/b/), s]", "[\"b\", \"ac\"]" },
                { "'abcb'.index(/b/)", "1" },
                { "'abcb'.index(/b/, 2)", "3" },
                { "'abcb'.rindex(/b/)", "3" },
                { "'abcb'.rindex(/b/, 2)", "1" },
                { "'abcb'.rindex('b')", "3" },
                { "'abc'.rindex(/z/)", "nil" },
                { "'a=b=c'.partition(/=/)", "[\"a\", \"=\", \"b=c\"]" },
                { "'a=b=c'.rpartition(/=/)", "[\"a=b\", \"=\", \"c\"]" },
                { "'abc'.partition(/z/)", "[\"abc\", \"\", \"\"]" },
                { "'abc'.start_with?(/b/)", "false" },
                { "'abc'.start_with?('z', /a./)", "true" },
                { "s = 'abc'; s[/b/] = 'X'; s", "\"aXc\"" },
                { "s = 'abc'; s[/a(b)/, 1] = 'X'; s[0] = 'Y'; s", "\"YXc\"" },
                { "\"a\\nb\".lines.grep(/b/)", "[\"b\"]" },
                { "'a b'.tr(' ', '_')", "\"a_b\"" },
        };

        expect_table(state, rows);
}

static void strings_are_split(void **state)
{
        static const struct row rows[] = {
                { "'a, b,c'.split(/,\\s*/)", "[\"a\", \"b\", \"c\"]" },
                { "'a,b,,'.split(/,/)", "[\"a\", \"b\"]" },
                { "'a,b,,'.split(/,/, -1)", "[\"a\", \"b\", \"\", \"\"]" },
                { "'a,b,c'.split(/,/, 2)", "[\"a\", \"b,c\"]" },
                { "'a,b'.split(/,/, 1)", "[\"a,b\"]" },
                { "'a,b,c'.split(/(,)/)", "[\"a\", \",\", \"b\", \",\", \"c\"]" },
                { "'a,b,c'.split(/(,)/, 3)", "[\"a\", \",\", \"b\", \",\", \"c\"]" },
                { "'abc'.split(//)", "[\"a\", \"b\", \"c\"]" },
                { "'axb'.split(/x*/)", "[\"a\", \"b\"]" },
                { "'abab'.split(/(?=b)/)", "[\"a\", \"ba\", \"b\"]" },
                { "' a b'.split(/ /)", "[\"\", \"a\", \"b\"]" },
                { "' a  b '.split", "[\"a\", \"b\"]" },
                { "''.split(/,/)", "[]" },
                { "'a:b'.split(':')", "[\"a\", \"b\"]" },
        };

        expect_table(state, rows);
}

static void texts_beyond_ascii_are_matched_by_character(void **state)
{
        static const struct row rows[] = {
                { "'h\u00e9llo'[/h(.)l/, 1] == '\u00e9'", "true" },
                { "'\u00c9' =~ /\u00e9/i", "0" },
                { "'a\u00e9b'.scan(/./).size", "3" },
                { "'\u00fcber'.match?(/\\A\\w+\\z/)", "true" },
                { "\"\\xff abc\"[/abc/]", "\"abc\"" },
                { "\"\\xc3\".match?(/./)", "true" },
                { "\"ab\\xe2\\x82\" =~ /[^b]$/", "3" },
                { "\"a\\0b\"[/\\0b/].size", "2" },
                { "\"a\\0b\\0c\".split(/\\0/)", "[\"a\", \"b\", \"c\"]" },
                { "Regexp.new(\"\\xff\").match?(\"\\xff\")", "true" },
        };

        expect_table(state, rows);
}

static void blocks_may_change_what_is_searched(void **state)
{
        static const struct row rows[] = {
                { "s = 'aXbX'; s.gsub(/X/) { s << 'y' * 1000; 'z' }", "\"azbz\"" },
                { "s = 'aXbX' * 10; n = 0; s.scan(/X/) { n += 1; s.replace('') }; n", "20" },
                { "('a,b' * 1000)[5, 500].split(/,/).size", "167" },
                { "'a'.gsub(/a/) { 'b'.gsub(/b/) { 'c' } }", "\"c\"" },
                { "'aaa'.scan(/a/) { break 5 }", "5" },
                { "'abc'.match(/a/, 1 << 40)", "nil" },
        };

        expect_table(state, rows);
}

static void broken_patterns_are_errors_of_their_example(void **state)
{
        static const struct check rows[] = {
                { "'a'.match('(')", SPEC_ERROR, "RegexpError" },
                { "Regexp.new('[')", SPEC_ERROR, "RegexpError" },
                { "Regexp.new('a{2,1}b**+?(?<')", SPEC_ERROR, "RegexpError" },
                { "Regexp.new('(' * 100_000)", SPEC_ERROR, "RegexpError" },
                { "Regexp.new('a' * 20_000).match('b')", SPEC_PASS, "" },
                { "'a'.match(1)", SPEC_ERROR, "TypeError" },
                { "Regexp.allocate.match('a')", SPEC_ERROR, "uninitialized Regexp" },
                { "Regexp.allocate.options", SPEC_ERROR, "uninitialized Regexp" },
                { "Regexp.allocate.inspect", SPEC_ERROR, "uninitialized Regexp" },
                { "Regexp.allocate.to_s", SPEC_ERROR, "uninitialized Regexp" },
                { "Regexp.allocate.names", SPEC_ERROR, "uninitialized Regexp" },
                { "Regexp.allocate == /a/", SPEC_ERROR, "uninitialized Regexp" },
                { "/a/ == Regexp.allocate", SPEC_PASS, "" },
                { "MatchData.new", SPEC_ERROR, "NoMethodError" },
                { "MatchData.allocate[0]", SPEC_ERROR, "uninitialized MatchData" },
                { "MatchData.allocate.names", SPEC_ERROR, "uninitialized" },
                { "expect('a').to match('[')", SPEC_ERROR, "RegexpError" },
                { "expect('a[b').to contain('[b')", SPEC_PASS, "" },
                { "expect('a').to eq 'a'", SPEC_PASS, "" },
        };

        expect_rows(*state, rows);
}

static void patterns_that_explode_end_soon(void **state)
{
        static const struct check rows[] = {
                { "expect('a' * 40 + '!').to match(/^(a+)+$/)", SPEC_ERROR, "RegexpError" },
                { "expect('a' * 40 + '!').not_to match(/(a|aa)+$/)", SPEC_ERROR, "RegexpError" },
                { "expect('x' * 100_000).to match(/(x+x+)+y/)", SPEC_ERROR, "RegexpError" },
                { "expect('a' * 30).to match(Regexp.new('a?' * 30 + 'a' * 30))", SPEC_ERROR, "RegexpError" },
                { "expect('a').to match(/a/)", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        expect_rows(f, rows);
        for (size_t i = 0; i < f->report.n; i++)
                assert_true(f->report.v[i].duration_us < 10000000);
}

static void large_texts_take_linear_time(void **state)
{
        static const struct check rows[] = {
                { "@text = \"abc\\n\" * 250_000; expect(@text.gsub(/b/, 'x').size).to eq 1_000_000", SPEC_PASS, "" },
                { "expect((\"abc\\n\" * 250_000).scan(/^a/).size).to eq 250_000", SPEC_PASS, "" },
                { "expect((\"abc\\n\" * 250_000).gsub(/b/) { 'xy' }.size).to eq 1_250_000", SPEC_PASS, "" },
                { "expect((\"abc\\n\" * 250_000).split(/\\n/).size).to eq 250_000", SPEC_PASS, "" },
                { "expect(\"\\xff\" + 'abc ' * 250_000).to match(/c \\z/)", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        f->options.timeout_ms = 120000;
        expect_rows(f, rows);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(literals_have_source_and_options),
                spec_test(matching_answers_and_leaves_globals),
                spec_test(match_data_tells_its_groups),
                spec_test(strings_are_searched_and_changed),
                spec_test(strings_are_split),
                spec_test(texts_beyond_ascii_are_matched_by_character),
                spec_test(blocks_may_change_what_is_searched),
                spec_test(broken_patterns_are_errors_of_their_example),
                spec_test(patterns_that_explode_end_soon),
                spec_test(large_texts_take_linear_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
