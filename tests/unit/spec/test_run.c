/* The engine as RSpec's users see it: examples, groups, hooks, lines, messages; then what goes wrong. */
#include "tests/unit/spec/fixture.h"


static void an_example_passes_or_fails_with_what_was_found(void **state)
{
        struct fixture *f = *state;

        run(f, "describe 'sums' do\n"
               "  it 'adds' do\n"
               "    expect(1 + 1).to eq 2\n"
               "  end\n"
               "  it 'errs' do\n"
               "    expect(1 + 1).to eq 3\n"
               "  end\n"
               "end\n");
        expect_all(f, { SPEC_PASS, 2, "sums", "adds", "" },
                      { SPEC_FAIL, 5, "sums", "errs", "expected 2 to eq 3" });
        assert_non_null(strstr(f->report.v[1].message, "/a_spec.rb:6"));
        assert_int_equal(f->report.count[SPEC_PASS], 1);
        assert_int_equal(f->report.count[SPEC_FAIL], 1);
}

static void names_come_from_the_matcher_when_not_given(void **state)
{
        struct fixture *f = *state;

        put(f, "/etc/motd", "hello\n");
        run(f, "describe file('/etc/motd') do\n"
               "  it { should be_file }\n"
               "  it { is_expected.not_to be_directory }\n"
               "  it { should be_mode 600 }\n"
               "  its(:content) { should match(/hel+o/) }\n"
               "  its(:size) { should eq 6 }\n"
               "end\n"
               "describe package('no-such') do it { should be_installed.with_version('1') } end\n");
        expect_all(f, { SPEC_PASS, 2, "File \"/etc/motd\"", "is expected to be file", "" },
                      { SPEC_PASS, 3, "File \"/etc/motd\"", "is expected not to be directory", "" },
                      { SPEC_FAIL, 4, "File \"/etc/motd\"", "is expected to be mode 600", "its mode is 644" },
                      { SPEC_PASS, 5, "File \"/etc/motd\" content", "is expected to match /hel+o/", "" },
                      { SPEC_PASS, 6, "File \"/etc/motd\" size", "is expected to eq 6", "" },
                      { SPEC_UNANSWERED, 8, "Package \"no-such\"", "is expected to be installed with version \"1\"", "no package database" });
}

static void groups_nest_and_share(void **state)
{
        struct fixture *f = *state;

        run(f, "shared_examples 'positive' do |n|\n"
               "  it(\"has #{n}\") { expect(n).to be > 0 }\n"
               "end\n"
               "describe 'outer' do\n"
               "  shared_examples('own') { it('is own') { expect(word).to eq 'w' } }\n"
               "  let(:word) { 'w' }\n"
               "  def helper\n"
               "    word * 2\n"
               "  end\n"
               "  context 'inner' do\n"
               "    it_behaves_like 'positive', 1\n"
               "    include_examples 'own'\n"
               "    [1, 2].each do |i|\n"
               "      it \"loops #{i}\" do\n"
               "        expect(i).to eq 2\n"
               "      end\n"
               "    end\n"
               "    it('inherits') { expect(helper).to eq 'ww' }\n"
               "  end\n"
               "end\n"
               "RSpec.describe Array do\n"
               "  it { is_expected.to be_empty }\n"
               "end\n");
        expect_all(f, { SPEC_PASS, 5, "outer inner", "is own", "" },
                      { SPEC_FAIL, 14, "outer inner", "loops 1", "expected 1 to eq 2" },
                      { SPEC_PASS, 14, "outer inner", "loops 2", "" },
                      { SPEC_PASS, 18, "outer inner", "inherits", "" },
                      { SPEC_PASS, 2, "outer inner behaves like positive", "has 1", "" },
                      { SPEC_PASS, 22, "Array", "is expected to be empty", "" });
}

static void subject_let_and_hooks_are_of_each_example(void **state)
{
        struct fixture *f = *state;

        run(f, "describe 'order' do\n"
               "  before(:all) { @log = ['all'] }\n"
               "  before { @log << 'outer' }\n"
               "  after { @log << 'outer end' }\n"
               "  let(:calls) { @calls = (@calls || 0) + 1 }\n"
               "  let!(:eager) { @log << 'eager' }\n"
               "  subject(:things) { %w[a b] }\n"
               "  it('memoizes') { calls; expect(calls).to eq 1 }\n"
               "  it('forgets') { expect(calls).to eq 1 }\n"
               "  it { should include 'b' }\n"
               "  it('names it') { expect(things).to equal subject }\n"
               "  its('first.size') { should eq 1 }\n"
               "  its([1]) { should eq 'b' }\n"
               "  describe 'inner' do\n"
               "    before { @log = ['reset']; @log << 'inner' }\n"
               "    after { RSpec.configuration.last_log = @log }\n"
               "    after { @log << 'inner end' }\n"
               "    let(:eager) { 'other' }\n"
               "    it('runs') { expect(@log).to eq %w[reset inner] }\n"
               "  end\n"
               "  describe 'later' do\n"
               "    it('saw') { expect(RSpec.configuration.last_log).to eq ['reset', 'inner', 'inner end', 'outer end'] }\n"
               "  end\n"
               "end\n");
        for (size_t i = 0; i < f->report.n; i++)
                if (f->report.v[i].verdict != SPEC_PASS || f->report.n != 8) {
                        show(&f->report);
                        fail_msg("result %zu", i);
                }
}

static void its_reaches_into_the_subject(void **state)
{
        struct fixture *f = *state;

        run(f, "describe 'deep' do\n"
               "  subject { { 'a' => { 'b' => 'text' }, c: [1, 2] } }\n"
               "  its(['a', 'b']) { should eq 'text' }\n"
               "  its('a.b.size') { should eq 4 }\n"
               "  its(:c) { should include 2 }\n"
               "  its(:size) { is_expected.to eq 3 }\n"
               "  its(:none_such, if: false) { should eq 1 }\n"
               "  its(:frozen?) { should be_falsey }\n"
               "end\n");
        expect_all(f, { SPEC_PASS, 3, NULL, "is expected to eq \"text\"" }, { SPEC_PASS, 4, "deep a.b.size" }, { SPEC_PASS, 5, "deep c" },
                      { SPEC_FAIL, 6, "deep size", "is expected to eq 3", "expected 2 to eq 3" }, { SPEC_PASS, 8 });
}

static void examples_are_skipped_pending_or_left_out(void **state)
{
        struct fixture *f = *state;

        run(f, "describe 'waiting' do\n"
               "  it 'not written'\n"
               "  xit('x') { raise 'never' }\n"
               "  it('tagged', skip: 'why') { raise 'never' }\n"
               "  it 'inside' do\n"
               "    skip 'because'\n"
               "    raise 'never'\n"
               "  end\n"
               "  it 'pending' do\n"
               "    pending 'bug 7'\n"
               "    raise 'as feared'\n"
               "  end\n"
               "  it 'fixed' do\n"
               "    pending 'bug 8'\n"
               "    expect(1).to eq 1\n"
               "  end\n"
               "  it('left out', if: false) { raise }\n"
               "  it('left out too', unless: os[:family] != 'beos') { raise }\n"
               "  it('kept', if: 1 == 1) { }\n"
               "  describe('gone', if: false) { it('x') { raise } }\n"
               "  xdescribe('off') { it('y') { raise } }\n"
               "  describe('tagged', skip: 'later') { it('z') { raise } }\n"
               "end\n");
        expect_all(f, { SPEC_SKIP, 2, "waiting", "not written", "Not yet" },
                      { SPEC_SKIP, 3, "waiting", "x", NULL },
                      { SPEC_SKIP, 4, "waiting", "tagged", "why" },
                      { SPEC_SKIP, 5, "waiting", "inside", "because" },
                      { SPEC_SKIP, 9, "waiting", "pending", "bug 7" },
                      { SPEC_FAIL, 13, "waiting", "fixed", "bug 8" },
                      { SPEC_PASS, 19, "waiting", "kept", "" },
                      { SPEC_SKIP, 21, "waiting off", "y", NULL },
                      { SPEC_SKIP, 22, "waiting tagged", "z", "later" });
}

static void lines_are_those_of_the_examples(void **state)
{
        struct fixture *f = *state;

        run(f, "describe 'lines' do # it 'is not here' do\n"
               "  it 'is here', if: true,\n"
               "                slow: true do\n"
               "    expect('what it is').to eq 'what it is'\n"
               "  end\n"
               "  it 'empty' do\n"
               "  end\n"
               "\n"
               "  it(\"don't { do\") do\n"
               "    # it 'neither' do\n"
               "\n"
               "    specify = 1\n"
               "  end\n"
               "  it { expect(1).to eq 1 }; it { expect(1).to eq 1 }\n"
               "  its(:size) do\n"
               "    should eq 4\n"
               "  end\n"
               "  it 'long' do\n"
               "    x = <<EOS\n"
               "  a text\n"
               "EOS\n"
               "    raise x\n"
               "  end\n"
               "end\n");
        expect_all(f, { SPEC_PASS, 2, NULL, "is here", "" }, { SPEC_PASS, 6, NULL, "empty", "" },
                      { SPEC_PASS, 9, NULL, "don't { do", "" }, { SPEC_PASS, 14 }, { SPEC_PASS, 14 },
                      { SPEC_ERROR, 18, NULL, "long", "a_spec.rb:22" }, { SPEC_PASS, 15, "lines size", NULL, "" });
}

static void many_examples_take_linear_time(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };

        bk_buf_puts(&text, "\n\n\n\ndescribe 'many' do\n");
        for (unsigned i = 0; i < 4000; i++)
                bk_buf_printf(&text, "  it 'e%u' do\n    expect(%u).to eq %u\n  end\n", i, i, i);
        for (unsigned i = 0; i < 4000; i++)
                bk_buf_printf(&text, "  specify do\n\n\n    x = %u; expect(x).to eq %u\n  end\n", i, i);
        bk_buf_puts(&text, "end\n");
        f->options.timeout_ms = 30000;
        run(f, text.data);
        assert_int_equal(f->report.count[SPEC_PASS], 8000);
        for (unsigned i = 0; i < 4000; i++) {
                assert_int_equal(f->report.v[i].line, 6 + 3 * i);
                assert_int_equal(f->report.v[4000 + i].line, 12006 + 5 * i);
        }
}

static void an_error_in_an_example_is_told_with_its_place(void **state)
{
        struct fixture *f = *state;

        run(f, "def deep\n"
               "  nil.upcase\n"
               "end\n"
               "class Mute < StandardError\n"
               "  def message\n"
               "    raise 'again'\n"
               "  end\n"
               "end\n"
               "describe 'errors' do\n"
               "  it('raises') { raise ArgumentError, 'oops' }\n"
               "  it('calls nil') { deep }\n"
               "  it('is mute') { raise Mute }\n"
               "  it('is long') { raise 'x' * 100_000 }\n"
               "  it('has no name') { no_such_thing }\n"
               "  it('recurses') { def again(n) again(n + 1) end; again(0) }\n"
               "  it('has own words') { expect(1).to eq(2), 'the count' }\n"
               "  it(\"a\\0b\") { raise \"c\\0d\" }\n"
               "  it('goes on') { }\n"
               "end\n");
        expect_all(f, { SPEC_ERROR, 10, NULL, NULL, "oops (ArgumentError)\n  at " },
                      { SPEC_ERROR, 11, NULL, NULL, "a_spec.rb:2" }, { SPEC_ERROR, 12, NULL, NULL, "(Mute)" },
                      { SPEC_ERROR, 13, NULL, NULL, "xxx" }, { SPEC_ERROR, 14, NULL, NULL, "no_such_thing" },
                      { SPEC_ERROR, 15, NULL, NULL, "stack level too deep" },
                      { SPEC_FAIL, 16, NULL, NULL, "the count: expected 1 to eq 2" },
                      { SPEC_ERROR, 17, NULL, "a b", "c d (RuntimeError)" }, { SPEC_PASS, 18, NULL, "goes on", "" });
        assert_int_equal(strlen(f->report.v[3].message), 16384);
}

static void an_error_in_a_hook_is_that_of_its_examples(void **state)
{
        struct fixture *f = *state;

        run(f, "describe 'early' do\n"
               "  before(:all) { raise 'no start' }\n"
               "  it('a') { }\n"
               "  describe('in') { it('b') { } }\n"
               "end\n"
               "describe 'late' do\n"
               "  after { raise 'no end' }\n"
               "  after(:all) { raise 'no clean end' }\n"
               "  it('c') { }\n"
               "end\n");
        expect_all(f, { SPEC_ERROR, 3, "early", "a", "a_spec.rb:2" }, { SPEC_ERROR, 4, "early in", "b", "no start" },
                      { SPEC_ERROR, 9, "late", "c", "a_spec.rb:7" }, { SPEC_ERROR, 0, "late", "after(:all)", "a_spec.rb:8" });
}

/* --- matchers -------------------------------------------------------------- */

static void matchers_judge_as_those_of_rspec(void **state)
{
        static const struct check rows[] = {
                { "expect([1, 2]).to include 2", SPEC_PASS, "" },
                { "expect([1, 2]).to include 2, 3", SPEC_FAIL, "expected [1, 2] to include 2 and 3" },
                { "expect({ a: 1 }).to include(a: 1)", SPEC_PASS, "" },
                { "expect('abc').to include 'b'", SPEC_PASS, "" },
                { "expect('abc').not_to include('z', 'y')", SPEC_PASS, "" },
                { "expect('abc').not_to include('a', 'z')", SPEC_FAIL, "expected \"abc\" not to include \"a\" and \"z\"" },
                { "expect(%w[a b]).not_to include 'a', 'z'", SPEC_FAIL, "[\"a\", \"b\"]" },
                { "expect(nil).not_to include 'a'", SPEC_FAIL, "nil" },
                { "expect([1, 'x']).to match([Integer, /x/])", SPEC_PASS, "" },
                { "expect({ a: 1, b: 2 }).to match(a: 1)", SPEC_FAIL, "match" },
                { "[1, 2].should =~ [2, 1]", SPEC_PASS, "" },
                { "expect(1).not_to eq(2).and eq(1)", SPEC_ERROR, "cannot be negated" },
                { "expect(file('/none')).to exist.and be_file", SPEC_FAIL, "exist and be file, but it does not exist" },
                { "expect([1, 2]).to contain_exactly 2, 1", SPEC_PASS, "" },
                { "expect([1, 2]).to match_array [1]", SPEC_FAIL, "[1, 2]" },
                { "expect('abc').not_to match(/b/)", SPEC_FAIL, "expected \"abc\" not to match /b/" },
                { "expect(nil).to be_nil", SPEC_PASS, "" },
                { "expect(nil).to be false", SPEC_FAIL, "expected nil to equal false" },
                { "expect(5).to be_between(1, 5)", SPEC_PASS, "" },
                { "expect(5).to be > 6", SPEC_FAIL, "expected 5 to be > 6" },
                { "expect(0.1 + 0.2).to be_within(0.01).of(0.3)", SPEC_PASS, "" },
                { "expect([1, 2]).to all(be < 2)", SPEC_FAIL, "[1, 2]" },
                { "expect([]).to be_empty", SPEC_PASS, "" },
                { "expect({ a: 1 }).to have_key(:b)", SPEC_FAIL, "have key" },
                { "expect(1).to be_a Integer", SPEC_PASS, "" },
                { "expect('abc').to start_with('ab').and end_with('x')", SPEC_FAIL, "\"abc\"" },
                { "expect('b').to eq('a').or eq('b')", SPEC_PASS, "" },
                { "expect { raise 'a b' }.to raise_error(RuntimeError, /a/)", SPEC_PASS, "" },
                { "expect { 1 }.to raise_error", SPEC_FAIL, "nothing was raised" },
                { "expect(1).to be_odd", SPEC_PASS, "" },
                { "expect(1).to be_tasty", SPEC_ERROR, "tasty?" },
                { "'a'.should == 'b'", SPEC_FAIL, "\"a\"" },
                { "'a'.should_not == 'b'", SPEC_PASS, "" },
                { "2.should be_even", SPEC_PASS, "" },
                { "expect([1, 2].sum { |x| x * 2 } + (1..3).sum).to eq 12", SPEC_PASS, "" },
                { "expect({ a: 1 }.sum { |key, value| value }).to eq 1", SPEC_PASS, "" },
                { "expect(\"l\u00e9\\n\\t\\e\").to eq 1", SPEC_FAIL, "\"l\u00e9\\n\\t\\e\"" },
                { "begin; expect(1).to eq 2; rescue => e; end", SPEC_FAIL, "expected 1 to eq 2" },
        };

        expect_rows(*state, rows);
}

static void what_cannot_be_answered_never_passes(void **state)
{
        static const struct check rows[] = {
                { "port(80).should be_listening", SPEC_UNANSWERED, "running system" },
                { "port(80).should_not be_listening", SPEC_UNANSWERED, "running system" },
                { "port(80).should be_listening.with('tcp')", SPEC_UNANSWERED, "running system" },
                { "process('x').should_not be_running", SPEC_UNANSWERED, "running system" },
                { "expect(process('x').count).to eq 0", SPEC_UNANSWERED, "running system" },
                { "port(80).should_not contain 'x'", SPEC_ERROR, "has no content" },
                { "port(80).should_not match(/x/)", SPEC_ERROR, "has no match" },
                { "expect { port(80).listening? }.to raise_error", SPEC_UNANSWERED, "running system" },
                { "service('x').should_not be_running", SPEC_UNANSWERED, "running system" },
                { "file('/').should_not be_mounted.with(type: 'x')", SPEC_UNANSWERED, "running system" },
                { "begin; port(80).should_not be_listening; rescue => e; end", SPEC_UNANSWERED, "running system" },
                { "pending; port(80).should_not be_listening", SPEC_UNANSWERED, "running system" },
                { "package('x').should_not contain 'y'", SPEC_ERROR, "has no content" },
                { "command('x').should_not match(/y/)", SPEC_ERROR, "has no match" },
        };

        expect_rows(*state, rows);
}

/* --- files that cannot be run ---------------------------------------------- */

static const struct { const char *why, *text; unsigned line; const char *message; } broken[] = {
        { "a syntax error", "describe('x') {\n  it('a') { 1 + }\n}\n", 2, "a_spec.rb:2: syntax error" },
        { "no end", "describe 'x' do\n", 2, "a_spec.rb:2: syntax error" },
        { "an open string", "\n\n\"abc", 3, "a_spec.rb:3: " },
        { "an exception", "describe('x') { it('a') { } }\n\nraise 'oops'\n", 3, "a_spec.rb:3: oops (RuntimeError)" },
        { "an unknown shared group", "describe 'x' do\n  it_behaves_like 'none'\nend", 2, "a_spec.rb:2: no shared examples" },
        { "an unknown type", "describe 'x' do\n\n  describe fyle('/x') do\n  end\nend", 3, "a_spec.rb:3: undefined method 'fyle'" },
        { "an exit", "x = 1\nexit\n", 2, "a_spec.rb:2: exit is not for specs" },
        { "recursion", "def f\n  f\nend\nf\n", 0, "stack level too deep" },
        { "bytes", "\xff\xfe", 1, "a_spec.rb:1: " },
        { "a missing file", "require 'no/such/thing'\n", 1, "a_spec.rb:1: cannot load such file -- no/such/thing" },
        { "a resource with a NUL", "\ndescribe(file(\"a\\0b\")) { it { should exist } }", 2, "null byte" },
};

static void what_is_raised_outside_an_example_is_an_error_of_its_line(void **state)
{
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
                print_message("# %s\n", broken[i].why);
                run(f, broken[i].text);
                expect_all(f, { SPEC_ERROR, broken[i].line, "", "", broken[i].message });
        }
}

static void a_spec_without_examples_has_no_results(void **state)
{
        static const char *const texts[] = { "", "\n\n", "# only\n", "__END__\nnot ruby (", "\xef\xbb\xbf# marked\n" };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                run(f, texts[i]);
                assert_int_equal(f->report.n, 0);
        }
}

static void a_spec_may_hold_any_bytes(void **state)
{
        static const char nul[] = "describe('x') {\n it('a') { }\n\0 }\n";
        struct fixture *f = *state;

        run_bytes(f, nul, sizeof nul - 1);
        expect_one(f, SPEC_PASS, "");
        run(f, "\xef\xbb\xbf" "describe('marked') { it('a') { } }");
        expect_all(f, { SPEC_PASS, 1, "marked", "a", "" });
        run(f, "describe(\"\xff\") { it(\"\xc3\") { raise \"\xe2\x82\" } }");
        expect_all(f, { SPEC_ERROR, 1, "\xef\xbf\xbd", "\xef\xbf\xbd", "\xef\xbf\xbd" });
}

static void every_file_is_run_in_order_and_apart(void **state)
{
        struct fixture *f = *state;
        autofree char *a = write_beside(f, "a_spec.rb", "$x = 1\ndescribe('a') { it('a') { } }"), *b = write_beside(f, "b_spec.rb", "oops(");
        autofree char *c = write_beside(f, "c_spec.rb", "describe('c') { it('c') { $x.should be_nil } }"), *none = bk_format("%s/none.rb", f->folder);
        const char *const files[] = { a, b, c, none };
        struct bk_error err = { 0 };

        assert_ok(spec_run(files, 3, &f->target, &f->options, &f->report, &err), err);
        expect_all(f, { SPEC_PASS, 0, "a" }, { SPEC_ERROR }, { SPEC_PASS, 0, "c" });
        assert_string_equal(f->report.v[2].file, c);
        spec_report_done(&f->report);
        assert_fails_with(spec_run(files, 4, &f->target, &f->options, &f->report, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, none));
        assert_int_equal(f->report.n, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(an_example_passes_or_fails_with_what_was_found),
                spec_test(names_come_from_the_matcher_when_not_given),
                spec_test(groups_nest_and_share),
                spec_test(subject_let_and_hooks_are_of_each_example),
                spec_test(its_reaches_into_the_subject),
                spec_test(examples_are_skipped_pending_or_left_out),
                spec_test(lines_are_those_of_the_examples),
                spec_test(many_examples_take_linear_time),
                spec_test(an_error_in_an_example_is_told_with_its_place),
                spec_test(an_error_in_a_hook_is_that_of_its_examples),
                spec_test(matchers_judge_as_those_of_rspec),
                spec_test(what_cannot_be_answered_never_passes),
                spec_test(what_is_raised_outside_an_example_is_an_error_of_its_line),
                spec_test(a_spec_without_examples_has_no_results),
                spec_test(a_spec_may_hold_any_bytes),
                spec_test(every_file_is_run_in_order_and_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
