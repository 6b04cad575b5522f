/* Ruby's library, helpers, controls, retries and trust as suites use them; that RSpec's own words mean the same as in rspec is shown by
 * tests/system/28-ruby-like.t. */
#include "tests/unit/spec/fixture.h"

/* --- helpers ------------------------------------------------------------------ */

static void write_helper(const struct fixture *f, const char *name, const char *text)
{
        autofree char *path = bk_format("%s/%s", f->folder, name), *folder = bk_strndup(path, (size_t)(strrchr(path, '/') - path));
        autofree char *written = NULL;
        struct bk_error err = { 0 };

        assert_ok(bk_mkdir_p(folder, &err), err);
        written = write_beside(f, name, text);
}

/* Runs the text as a spec file deeper in the folder: spec/sub/deep/b_spec.rb. */
static void run_deep(struct fixture *f, const char *text)
{
        autofree char *path = bk_format("%s/sub/deep/b_spec.rb", f->folder);
        const char *const files[] = { path };
        struct bk_error err = { 0 };

        write_helper(f, "sub/deep/b_spec.rb", text);
        spec_report_done(&f->report);
        assert_ok(spec_run(files, 1, &f->target, &f->options, &f->report, &err), err);
}

static void libraries_are_found_where_rspec_finds_them(void **state)
{
        struct fixture *f = *state;

        write_helper(f, "spec_helper.rb", "$found = (defined?($found) && $found || 0) + 1\nrequire 'support/more'\n");
        write_helper(f, "support/more.rb", "MORE = __FILE__\nrequire_relative '../sub/other'\n");
        write_helper(f, "sub/other.rb", "OTHER = File.basename(__dir__)\n");
        write_helper(f, "lib/mine.rb", "MINE = 1\n");
        write_helper(f, "lib/again.rb", "$again = ($again || 0) + 1\n");
        write_helper(f, "sub/deep/beside.rb", "BESIDE = 1\n");
        run_deep(f, "$LOAD_PATH.unshift File.expand_path('../../lib', __dir__)\n"
                    "require 'spec_helper'\n"
                    "require File.expand_path('../../../spec_helper', __FILE__)\n"
                    "require_relative '../../spec_helper.rb'\n"
                    "require 'mine'\n"
                    "require 'beside'\n"
                    "2.times { load 'again.rb' }\n"
                    "describe 'found' do\n"
                    "  it('once') { expect($found).to eq 1 }\n"
                    "  it('below') { expect([MORE.end_with?('more.rb'), OTHER]).to eq [true, 'sub'] }\n"
                    "  it('by -I') { expect(MINE + BESIDE).to eq 2 }\n"
                    "  it('loads again') { expect($again).to eq 2 }\n"
                    "  it('or not') { expect { require 'no/such' }.to raise_error(LoadError, /cannot load such file -- no.such/) }\n"
                    "end\n");
        expect_all(f, { SPEC_PASS }, { SPEC_PASS }, { SPEC_PASS }, { SPEC_PASS }, { SPEC_PASS });
}

static void options_of_the_project_are_read(void **state)
{
        struct fixture *f = *state;
        autofree char *options = write_beside(f, "../.rspec", "--color\n-I spec/sub --require own_helper --tag ~slow\n--format doc\n");

        write_helper(f, "sub/own_helper.rb", "OWN = 7\n");
        run(f, "describe 'options' do\n"
               "  it('required') { expect(OWN).to eq 7 }\n"
               "  it('slow', :slow) { raise 'never' }\n"
               "end\n");
        expect_one(f, SPEC_PASS, "");
}

/* What the helpers of suites that are driven over SSH say at their top. */
static void helpers_of_other_transports_load(void **state)
{
        struct fixture *f = *state;

        write_helper(f, "properties.yml", "web:\n  :roles: [nginx]\n  port: 80\n");
        write_helper(f, "spec_helper.rb",
                "require 'serverspec'\nrequire 'pathname'\nrequire 'net/ssh'\nrequire 'tempfile'\nrequire 'yaml'\nrequire 'highline/import'\n"
                "require 'docker'\nrequire 'winrm'\nrequire 'infrataster/rspec'\nrequire 'etc'\nrequire 'rake'\n"
                "include Serverspec::Helper::Exec\ninclude Serverspec::Helper::DetectOS\n"
                "set :backend, :ssh\nset :disable_sudo, false\nset :path, '/sbin:$PATH'\nset :request_pty, true\n"
                "if ENV['ASK_SUDO_PASSWORD'] || true\n  set :sudo_password, ask('password') { |q| q.echo = false }\nend\n"
                "host = ENV['TARGET_HOST'] || 'web'\n"
                "config = Tempfile.new('', Dir.tmpdir)\nconfig.write('Host x')\nconfig.close\n"
                "options = Net::SSH::Config.for(host, [config.path])\noptions[:user] ||= Etc.getlogin\n"
                "set :host, options[:host_name] || host\nset :ssh_options, options\n"
                "properties = YAML.load_file(File.join(__dir__, 'properties.yml'))\nset_property properties[host]\n"
                "Infrataster::Server.define(:app, '192.168.0.1')\nDocker.url = 'tcp://x'\nimage = Docker::Image.build_from_dir('.')\n"
                "set :docker_image, image.id\n"
                "RSpec.configure do |c|\n"
                "  c.host = host\n  c.ssh_options = options\n  c.color = true\n  c.tty = true\n  c.formatter = :documentation\n"
                "  c.output_stream.sync = true\n  c.expect_with(:rspec) { |e| e.syntax = :expect }\n  c.mock_with :rspec do |m|\n"
                "    m.verify_partial_doubles = true\n  end\n"
                "  c.before(:all) { @ran = true }\n  c.add_formatter 'json'\n"
                "  if ENV['NO_SUCH_THING'] then c.ssh.close if c.ssh end\n"
                "end\n");
        run(f, "require 'spec_helper'\n"
               "describe 'helper' do\n"
               "  it('ran') { expect(@ran).to be true }\n"
               "  it('property') { expect(property[:roles]).to eq ['nginx'] }\n"
               "  it('settings') { expect([Specinfra.configuration.host, RSpec.configuration.host]).to eq %w[web web] }\n"
               "  it('options') { expect(Specinfra.configuration.ssh_options[:host_name]).to eq 'web' }\n"
               "  it('transport') { Net::SSH.start('x', 'y') { |ssh| ssh.exec!('id') } }\n"
               "end\n");
        expect_all(f, { SPEC_PASS }, { SPEC_PASS }, { SPEC_PASS }, { SPEC_PASS }, { SPEC_ERROR, .message = "Net::SSH's exec! is not for specs" });
}

static int echo(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err)
{
        unsigned *count = arg;

        (void)input, (void)input_len, (void)timeout_ms, (void)err;
        if (count != NULL)
                (*count)++;
        ret->out = strcmp(line, "count") == 0 ? bk_format("%u\n", count ? *count : 0) : bk_format("ran %s\n", line);
        ret->err = bk_strdup("");
        ret->out_len = strlen(ret->out);
        ret->status = strcmp(line, "bad") == 0;
        return 0;
}

static void types_of_ones_own_ask_the_runner(void **state)
{
        struct fixture *f = *state;

        f->target.sandbox.run = echo;
        put(f, "/etc/motd", "hello\n");
        put(f, "/etc/passwd", "bob:x:7:7::/home/bob:/bin/sh\n");
        put(f, "/etc/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\n");
        run(f, "module Serverspec\n"
               "  module Type\n"
               "    class Nginx < Base\n"
               "      def initialize(name = nil, options = {})\n"
               "        super\n"
               "        @port = options[:port]\n"
               "      end\n"
               "      attr_reader :port\n"
               "      def config\n"
               "        @runner.run_command(\"cat #{@name}\").stdout\n"
               "      end\n"
               "      def has_module?(name)\n"
               "        @runner.run_command(name).success?\n"
               "      end\n"
               "      def enabled?(level, under)\n"
               "        level == 3 && under.nil?\n"
               "      end\n"
               "    end\n"
               "  end\n"
               "  module Helper\n"
               "    module Type\n"
               "      def nginx(*args)\n"
               "        Serverspec::Type::Nginx.new(*args)\n"
               "      end\n"
               "    end\n"
               "  end\n"
               "end\n"
               "describe nginx('/etc/x', port: 80) do\n"
               "  its(:config) { should eq \"ran cat /etc/x\\n\" }\n"
               "  its(:port) { should eq 80 }\n"
               "  it { should have_module 'good' }\n"
               "  it { should have_module 'bad' }\n"
               "  it { should be_enabled.with_level(3) }\n"
               "end\n"
               "describe 'runner' do\n"
               "  it('checks') { expect(Specinfra::Runner.check_file_is_file('/etc/motd')).to be true }\n"
               "  it('checks more') { expect(Specinfra::Runner.check_user_has_uid('bob', 8)).to be false }\n"
               "  it('gets') { expect(Specinfra::Runner.get_file_content('/etc/motd').stdout).to eq \"hello\\n\" }\n"
               "  it('runs') { expect(Specinfra.backend.run_command('bad')).to be_failure }\n"
               "  it('does not know') { Specinfra::Runner.check_nothing_is_known('x') }\n"
               "  it('os') { expect([os[:family], os[:release], os[:codename]]).to eq %w[ubuntu 24.04 noble] }\n"
               "  it('inventory') { expect(host_inventory['platform_version']).to eq '24.04' }\n"
               "  it('users') { expect(host_inventory[:user]['bob']['uid']).to eq '7' }\n"
               "  it('memory') { host_inventory['memory']['total'] }\n"
               "end\n");
        if (f->report.count[SPEC_PASS] != 11)
                show(&f->report);
        assert_int_equal(f->report.count[SPEC_PASS], 11);
        assert_int_equal(f->report.count[SPEC_FAIL], 1);
        assert_int_equal(f->report.count[SPEC_ERROR], 1);
        assert_int_equal(f->report.count[SPEC_UNANSWERED], 1);
        assert_string_equal(f->report.v[0].group, "Nginx \"/etc/x\"");
}

static void the_given_os_is_believed(void **state)
{
        struct fixture *f = *state;

        put(f, "/etc/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\n");
        run(f, "set :os, family: 'redhat', release: '7'\n"
               "describe('os', if: os[:family] == 'redhat') { it('is given') { expect(os[:release].to_i).to eq 7 } }\n"
               "describe('os', if: os[:family] == 'ubuntu') { it('is read') { raise } }\n");
        expect_all(f, { SPEC_PASS, 0, "os", "is given" });
}

/* --- selection ---------------------------------------------------------------- */

static const struct { const char *tags[3], *names; } selections[] = {
        { { NULL }, "slow fast one two none " },
        { { "slow" }, "slow " },
        { { "slow", "fast" }, "slow fast " },
        { { "~slow" }, "fast one two none " },
        { { "tier:1" }, "one " },
        { { "~tier:2" }, "slow fast one none " },
        { { "tier" }, "one two " },
        { { "kind:x y" }, "one " },
        { { "nothing" }, "" },
};

static void tags_select_examples(void **state)
{
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof selections / sizeof *selections; i++) {
                autostrv struct bk_strv tags = { 0 };
                BK_CLEANUP(bk_buf_done) struct bk_buf names = { 0 };

                for (size_t t = 0; t < 3 && selections[i].tags[t] != NULL; t++)
                        bk_strv_add(&tags, selections[i].tags[t]);
                f->options.tags = tags.n > 0 ? &tags : NULL;
                run(f, "describe 'tags' do\n"
                       "  it('slow', :slow) { }\n"
                       "  it('fast', fast: true) { }\n"
                       "  it('one', tier: 1, kind: 'x y') { }\n"
                       "  it('two', tier: 2) { }\n"
                       "  it('none') { }\n"
                       "end\n");
                for (size_t r = 0; r < f->report.n; r++)
                        bk_buf_printf(&names, "%s ", f->report.v[r].name);
                assert_string_equal(names.data ? names.data : "", selections[i].names);
                f->options.tags = NULL;
        }
}

/* --- controls ------------------------------------------------------------------ */

static void controls_carry_id_title_and_impact(void **state)
{
        static const struct { const char *control, *title; double impact; enum spec_verdict verdict; } wanted[] = {
                { "ssh-01", "No passwords", 0.7, SPEC_PASS }, { "ssh-01", "No passwords", 0.7, SPEC_FAIL }, { "late", "Later", 0.4, SPEC_PASS },
                { "off", "", -1, SPEC_SKIP }, { "xccdf-1", "Titled", 0.5, SPEC_PASS }, { "xccdf-2", "Titled", 0.5, SPEC_PASS },
                { "", "", -1, SPEC_PASS },
        };
        struct fixture *f = *state;

        run(f, "control 'ssh-01' do\n"
               "  impact 0.7\n"
               "  title 'No passwords'\n"
               "  desc 'why', 'because'\n"
               "  tag 'ssh', severity: 'high'\n"
               "  ref 'CIS', url: 'x'\n"
               "  describe 'one' do\n"
               "    it('a') { |e| expect(e.metadata[:severity]).to eq 'high' }\n"
               "    it('b') { expect(1).to eq 2 }\n"
               "  end\n"
               "end\n"
               "control 'late' do\n"
               "  describe('two') { it('c') { } }\n"
               "  title 'Later'\n"
               "  impact 'medium'\n"
               "end\n"
               "control 'off' do\n"
               "  describe('three') { it('d') { raise } }\n"
               "  only_if('no such thing here') { false }\n"
               "end\n"
               "describe 'meta', id: 'xccdf-1', impact: 0.5, title: 'Titled' do\n"
               "  it('e') { }\n"
               "  it('f', id: 'xccdf-2') { }\n"
               "end\n"
               "describe('none') { it('g') { } }\n");
        assert_int_equal(f->report.n, sizeof wanted / sizeof *wanted);
        for (size_t i = 0; i < f->report.n; i++) {
                const struct spec_result *r = &f->report.v[i];

                print_message("# %s\n", r->name);
                assert_string_equal(r->control, wanted[i].control);
                assert_string_equal(r->title, wanted[i].title);
                assert_true(r->impact > wanted[i].impact - 0.001 && r->impact < wanted[i].impact + 0.001);
                assert_int_equal(r->verdict, wanted[i].verdict);
        }
        assert_string_equal(f->report.v[0].group, "one");
        assert_non_null(strstr(f->report.v[3].message, "no such thing here"));
        run(f, "control('x') { impact 7 }");
        expect_all(f, { SPEC_ERROR, .message = "an impact is a number from 0 to 1" });
        assert_true(f->report.v[0].impact < 0);
}

static const struct { const char *why, *groups; enum spec_verdict verdict; size_t n; } ones[] = {
        { "the first", "describe('a') { it('x') { } }; describe('b') { it('y') { raise } }", SPEC_PASS, 1 },
        { "the last", "describe('a') { it('x') { raise } }; describe('b') { it('y') { }; it('z') { } }", SPEC_PASS, 2 },
        { "none", "describe('a') { it('x') { expect(1).to eq 2 } }; describe('b') { it('y') { expect(1).to eq 2 } }", SPEC_FAIL, 2 },
        { "perhaps", "describe('a') { it('x') { expect(1).to eq 2 } }; describe('b') { it('y') { port(1).should be_listening } }",
          SPEC_UNANSWERED, 1 },
        { "half is none", "describe('a') { it('x') { }; it('y') { expect(1).to eq 2 } }; describe('b') { it('z') { } }", SPEC_PASS, 1 },
};

static void one_of_several_groups_is_enough(void **state)
{
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
                autofree char *text = bk_format("control('c') { describe.one { %s } }\ndescribe('after') { it('goes on') { } }\n", ones[i].groups);

                print_message("# %s\n", ones[i].why);
                run(f, text);
                assert_int_equal(f->report.n, ones[i].n + 1);
                assert_int_equal(f->report.v[0].verdict, ones[i].verdict);
                assert_string_equal(f->report.v[0].control, "c");
                assert_int_equal(f->report.v[ones[i].n].verdict, SPEC_PASS);
        }
        run(f, "only_if { false }\ndescribe('all') { it('x') { raise } }\n");
        expect_one(f, SPEC_SKIP, "only_if");
}

/* --- retries ------------------------------------------------------------------- */

static void a_failing_example_may_be_tried_again(void **state)
{
        struct fixture *f = *state;
        unsigned count = 0;

        f->target.sandbox = (struct spec_place){ .run = echo, .arg = &count };
        run(f, "describe command('count') do\n"
               "  it('by metadata', retry: 4, retry_wait: 0) { expect(subject.stdout.to_i).to eq 3 }\n"
               "  it('in vain', retry: 2, retry_wait: 0) { raise 'never' }\n"
               "  it('at once', retry: 5, retry_wait: 0) { }\n"
               "  it('once') { expect(1).to eq 2 }\n"
               "end\n");
        expect_all(f, { SPEC_PASS }, { SPEC_ERROR }, { SPEC_PASS }, { SPEC_FAIL });
        assert_int_equal(f->report.v[0].attempts, 3);
        assert_int_equal(f->report.v[1].attempts, 2);
        assert_int_equal(f->report.v[2].attempts, 1);
        assert_int_equal(f->report.v[3].attempts, 1);
}

/* Files and accounts that were read are read anew. */
static int make_user(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err)
{
        const struct fixture *f = arg;

        (void)line, (void)input, (void)input_len, (void)timeout_ms, (void)err;
        put(f, "/etc/passwd", "root:x:0:0::/:/bin/sh\nnew:x:5:5::/:/bin/sh\n");
        ret->out = bk_strdup("");
        ret->err = bk_strdup("");
        return 0;
}

static void what_was_read_is_forgotten_between_attempts(void **state)
{
        struct fixture *f = *state;

        put(f, "/etc/passwd", "root:x:0:0::/:/bin/sh\n");
        f->target.sandbox = (struct spec_place){ .run = make_user, .arg = f };
        f->options.retry_ms = 20000;
        f->options.retry_sleep_ms = 20;
        run(f, "describe user('new') do\n"
               "  it { should exist }\n"
               "  after { command('useradd new').stdout }\n"
               "end\n");
        expect_one(f, SPEC_PASS, "");
        assert_int_equal(f->report.v[0].attempts, 2);
        f->options.retry_ms = 300;
        run(f, "describe('x') { it('fails') { expect(1).to eq 2 } }");
        expect_one(f, SPEC_FAIL, "expected 1 to eq 2");
        assert_in_range(f->report.v[0].attempts, 2, 16);
}

/* --- limits -------------------------------------------------------------------- */

static void an_example_that_never_ends_costs_no_other(void **state)
{
        struct fixture *f = *state;

        f->options.timeout_ms = 16000;
        run(f, "describe 'loops' do\n"
               "  before(:all) { @n = 1 }\n"
               "  it('first') { expect(@n).to eq 1 }\n"
               "  it('endless', id: 'c-1') { loop { } }\n"
               "  it('second') { expect(@n).to eq 1 }\n"
               "  context('inner') { it('endless too') { while true; end }; it('third') { } }\n"
               "end\n"
               "describe('other') { it('fourth') { } }\n");
        expect_all(f, { SPEC_PASS, 3 }, { SPEC_ERROR, 4, "loops", "endless", "did not end within 2.001 s of computing" }, { SPEC_PASS, 5 },
                      { SPEC_ERROR, 6, "loops inner", "endless too", "of computing" }, { SPEC_PASS, 6, "loops inner", "third" },
                      { SPEC_PASS, 8, "other", "fourth" });
        assert_string_equal(f->report.v[1].control, "c-1");
}

static void catastrophic_patterns_and_recursion_are_errors(void **state)
{
        static const struct check rows[] = {
                { "('a' * 40 + 'b') =~ /^(a+)+$/; expect(1).to eq 1", SPEC_ERROR, "retry-limit" },
                { "('x' * 5000).match(/(x+x+)+y/)", SPEC_ERROR, "retry-limit" },
                { "def deeper(n) deeper(n + 1) + 1 end; deeper(0)", SPEC_ERROR, "stack level too deep" },
                { "x = []; x << x; expect(x.inspect).to eq '[[...]]'", SPEC_PASS, "" },
                { "a = [1]; 100.times { a = [a, a] }; expect(a.size).to eq 2", SPEC_PASS, "" },
                { "JSON.parse('[' * 100_000)", SPEC_ERROR, "JSON::ParserError" },
                { "JSON.parse('[' * 1000 + ']' * 1000)", SPEC_ERROR, "nesting is deeper than" },
                { "x = []; x << x; x.to_json", SPEC_ERROR, "nesting is deeper than" },
                { "YAML.load('[' * 10_000)", SPEC_ERROR, "deeper than is read" },
                { "YAML.load(\"a: &a [x]\\n\" + "
                  "(1..40).map { |i| \"b#{i}: &b#{i} [*#{i == 1 ? 'a' : \"b#{i - 1}\"}, *a]\\n\" }.join)", SPEC_PASS, "" },
                { "YAML.load(\"a: &a\\n  - *a\\n\")", SPEC_ERROR, "alias of what is not known" },
                { "YAML.load(\"a: [1\\nb: }\")", SPEC_ERROR, "line 2" },
                { "Shellwords.split(\"'\" * 9001)", SPEC_ERROR, "Unmatched quote" },
                { "Dir.glob('**/' * 50)", SPEC_PASS, "" },
        };

        expect_rows(*state, rows);
}

/* --- trust ----------------------------------------------------------------------- */

static void with_trust_the_build_host_is_there(void **state)
{
        struct fixture *f = *state;
        autofree char *outer = write_beside(f, "../outer.txt", "outer"), *text = NULL;

        f->options.trust = true;
        text = bk_format("require 'open3'\nrequire 'fileutils'\nrequire 'tempfile'\n"
                         "HOME = '%s'\n"
                         "describe 'trusted' do\n"
                         "  it('backtick') { expect(`echo $((40 + 2))`).to eq \"42\\n\" }\n"
                         "  it('status') { `exit 3`; expect($?.exitstatus).to eq 3 }\n"
                         "  it('system') { expect([system('true'), system('test', '-d', HOME), system('false')]).to eq [true, true, false] }\n"
                         "  it('open3') { expect(Open3.capture3('cat; echo e >&2', stdin_data: 'in').first(2)).to eq ['in', \"e\\n\"] }\n"
                         "  it('popen') { expect(IO.popen('echo x').read).to eq \"x\\n\" }\n"
                         "  it('reads') { expect(File.read(\"#{HOME}/outer.txt\")).to eq 'outer' }\n"
                         "  it('writes') { File.write(\"#{HOME}/made\", 'x'); expect(File.read(\"#{HOME}/made\")).to eq 'x' }\n"
                         "  it('opens') { File.open(\"#{HOME}/made\", 'a') { |file| file.puts 'y' }; "
                         "expect(File.readlines(\"#{HOME}/made\")).to eq [\"xy\\n\"] }\n"
                         "  it('folders') { FileUtils.mkdir_p(\"#{HOME}/d/e\"); expect(Dir.exist?(\"#{HOME}/d/e\")).to be true }\n"
                         "  it('removes') { FileUtils.rm_rf(\"#{HOME}/d\"); "
                         "expect(Dir.glob(\"#{HOME}/*\").map { |x| File.basename(x) }).not_to include 'd' }\n"
                         "  it('not that') { expect { FileUtils.rm(\"#{HOME}/none\") }.to raise_error(SystemCallError, /none/) }\n"
                         "end\n", f->home);
        run(f, text);
        assert_int_equal(f->report.n, 11);
        if (f->report.count[SPEC_PASS] != 11)
                show(&f->report);
        assert_int_equal(f->report.count[SPEC_PASS], 11);
}

/* Without it, reading stays in the folder, and folders are listed there. */
static void the_specs_own_folder_is_read(void **state)
{
        struct fixture *f = *state;

        write_helper(f, "data/b.yml", "- 1\n");
        write_helper(f, "data/a.json", "{\"a\": [1, null]}");
        write_helper(f, "data/sub/c.txt", "x\ny\n");
        run(f, "describe 'files' do\n"
               "  here = File.dirname(__FILE__)\n"
               "  it('glob') { expect(Dir.glob(\"#{here}/data/*\").map { |x| File.basename(x) }).to eq %w[a.json b.yml sub] }\n"
               "  it('deep') { expect(Dir[\"#{here}/data/**/*.{txt,yml}\"].map { |x| File.basename(x) }.sort).to eq %w[b.yml c.txt] }\n"
               "  it('base') { expect(Dir.glob('*.json', base: \"#{here}/data\")).to eq ['a.json'] }\n"
               "  it('children') { expect(Dir.children(\"#{here}/data\").sort).to eq %w[a.json b.yml sub] }\n"
               "  it('yaml') { expect(YAML.load_file(\"#{here}/data/b.yml\")).to eq [1] }\n"
               "  it('json') { expect(JSON.parse(File.read(\"#{here}/data/a.json\"))).to eq('a' => [1, nil]) }\n"
               "  it('lines') { expect(File.foreach(\"#{here}/data/sub/c.txt\").map(&:chomp)).to eq %w[x y] }\n"
               "  it('open') { expect(File.open(\"#{here}/data/sub/c.txt\") { |file| file.gets }).to eq \"x\\n\" }\n"
               "  it('pathname') { expect((Pathname.new(here) + 'data/sub').children.map(&:to_s)).to eq [\"#{here}/data/sub/c.txt\"] }\n"
               "  it('stat') { expect([File.size(\"#{here}/data/b.yml\"), File.mtime(here).class]).to eq [4, Time] }\n"
               "  it('dir') { expect(File.directory?(__dir__)).to be true }\n"
               "  it('outside') { expect(Dir.glob('/etc/*')).to eq [] }\n"
               "  it('outside too') { expect([Dir.exist?('/etc'), File.exist?(\"#{here}/../root\")]).to eq [false, false] }\n"
               "  it('no way') { Dir.children('/etc') }\n"
               "  it('no host') { `true` }\n"
               "  it('no writing') { File.open(\"#{here}/x\", 'w') { } }\n"
               "end\n");
        if (f->report.count[SPEC_PASS] != 13)
                show(&f->report);
        assert_int_equal(f->report.count[SPEC_PASS], 13);
        assert_int_equal(f->report.count[SPEC_ERROR], 3);
}

/* --- serverspec 1, and what is Ruby's own -------------------------------------------- */

static void old_words_are_understood(void **state)
{
        struct fixture *f = *state;

        f->target.sandbox.run = echo;
        put(f, "/etc/motd", "one\ntwo\nthree\n");
        run(f, "describe command('x') do\n"
               "  it { should return_stdout 'ran x' }\n"
               "  it { should return_stdout(/ran/) }\n"
               "  it { should return_exit_status 0 }\n"
               "  it { should_not return_stderr(/e/) }\n"
               "  it { should_not return_stdout 'ran y' }\n"
               "end\n"
               "describe [1, 2, 3] do\n"
               "  it { should have(3).items }\n"
               "  it { should have_at_least(2).items }\n"
               "end\n"
               "describe file('/etc/motd') do\n"
               "  it { should contain('two').from(/one/).to(/three/) }\n"
               "  it { should contain('two').after('one') }\n"
               "  it { should_not contain('three').before('two') }\n"
               "  its('size') { should cmp '14' }\n"
               "  it { should exist.and be_file }\n"
               "end\n"
               "describe service('x') do\n"
               "  it { should_not be_enabled.with_levels(3) }\n"
               "end\n");
        if (f->report.count[SPEC_PASS] != 12)
                show(&f->report);
        assert_int_equal(f->report.count[SPEC_PASS], 12);
        assert_int_equal(f->report.count[SPEC_ERROR], 1);
        assert_string_equal(f->report.v[0].name, "is expected to return stdout \"ran x\"");
}

static void ruby_is_what_people_know(void **state)
{
        static const struct check rows[] = {
                { "begin; begin; raise ArgumentError, 'one'; rescue ArgumentError; raise; end; rescue => e; expect(e.message).to eq 'one'; end",
                  SPEC_PASS, "" },
                { "begin; nil.no_such; rescue; expect($!).to be_a NoMethodError; end", SPEC_PASS, "" },
                { "expect([defined?(String), defined?(Nope::X), defined?(@x), defined?(nope), defined?(puts)])"
                  ".to eq ['constant', nil, nil, nil, 'method']",
                  SPEC_PASS, "" },
                { "a = 3; expect(ERB.new('<%= a + 1 %>').result(binding)).to eq '4'", SPEC_PASS, "" },
                { "expect(0.1.to_s + ' ' + 1e100.to_s + ' ' + (1.0 / 3).to_s).to eq '0.1 1.0e+100 0.333333333333333'", SPEC_PASS, "" },
                { "expect(\"\\u00e9\\n\").to eq 1", SPEC_FAIL, "\"\u00e9\\n\"" },
                { "using Module.new", SPEC_ERROR, "refinements are not known here" },
                { "expect(Process.clock_gettime(Process::CLOCK_MONOTONIC)).to be > 0", SPEC_PASS, "" },
                { "aggregate_failures { expect(1).to eq 2; expect(3).to eq 4 }", SPEC_FAIL, "2 failures\n  1) expected 1 to eq 2" },
                { "1e30.to_i", SPEC_ERROR, "more than an Integer holds" },
                { "expect([1]).to exclude_nothing", SPEC_ERROR, "undefined method 'exclude_nothing'" },
                { "expect { throw :x }.to raise_error(UncaughtThrowError)", SPEC_PASS, "" },
                { "expect { |b| [1].each(&b) }.to yield_with_args(2)", SPEC_FAIL, "it yielded" },
                { "expect { puts 'x' }.to output('y').to_stdout", SPEC_FAIL, "it printed \"x\\n\"" },
                { "expect([1, 2]).to contain_exactly(2, 3)", SPEC_FAIL, "[3] is missing, [1] is too much" },
                { "expect(Struct.new(:a).new(1)).to have_attributes(a: 2)", SPEC_FAIL, "a is 1" },
        };

        expect_rows(*state, rows);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(libraries_are_found_where_rspec_finds_them),
                spec_test(options_of_the_project_are_read),
                spec_test(helpers_of_other_transports_load),
                spec_test(types_of_ones_own_ask_the_runner),
                spec_test(the_given_os_is_believed),
                spec_test(tags_select_examples),
                spec_test(controls_carry_id_title_and_impact),
                spec_test(one_of_several_groups_is_enough),
                spec_test(a_failing_example_may_be_tried_again),
                spec_test(what_was_read_is_forgotten_between_attempts),
                spec_test(an_example_that_never_ends_costs_no_other),
                spec_test(catastrophic_patterns_and_recursion_are_errors),
                spec_test(with_trust_the_build_host_is_there),
                spec_test(the_specs_own_folder_is_read),
                spec_test(old_words_are_understood),
                spec_test(ruby_is_what_people_know),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
