/* Suites as the world lays them out: helpers of serverspec-init in its versions, data beside the specs, test-kitchen's folders; and what
 * helpers set for commands. */
#include "tests/unit/spec/fixture.h"

#include "lib/run.h"

static void folder(const struct fixture *f, const char *name)
{
        autofree char *path = bk_format("%s/%s", f->home, name);
        struct bk_error err = { 0 };

        assert_ok(bk_mkdir_p(path, &err), err);
}

static void beside(const struct fixture *f, const char *name, const char *text)
{
        autofree char *path = write_beside(f, name, text);

        assert_non_null(path);
}

static void run_file(struct fixture *f, const char *name)
{
        autofree char *path = bk_format("%s/%s", f->folder, name);
        const char *const files[] = { path };
        struct bk_error err = { 0 };

        spec_report_done(&f->report);
        assert_ok(spec_run(files, 1, &f->target, &f->options, &f->report, &err), err);
}

/* --- helpers ----------------------------------------------------------------------- */
#define VAGRANT_HELPER \
        "require 'serverspec'\nrequire 'net/ssh'\nrequire 'tempfile'\nset :backend, :ssh\n" \
        "if ENV['ASK_SUDO_PASSWORD']\n  set :sudo_password, ask('x')\nelse\n  set :sudo_password, ENV['SUDO_PASSWORD']\nend\n" \
        "host = ENV['TARGET_HOST']\n`vagrant up #{host}`\nconfig = Tempfile.new('', Dir.tmpdir)\n" \
        "config.write(`vagrant ssh-config #{host}`)\nconfig.close\noptions = Net::SSH::Config.for(host, [config.path])\n" \
        "options[:user] ||= Etc.getlogin\nset :host, options[:host_name] || host\nset :ssh_options, options\n"
#define OLD_HELPER \
        "require 'serverspec'\nrequire 'pathname'\nrequire 'net/ssh'\ninclude Serverspec::Helper::Ssh\ninclude Serverspec::Helper::DetectOS\n" \
        "RSpec.configure do |c|\n  c.before :all do\n    block = self.class.metadata[:example_group_block]\n" \
        "    file = block.source_location.first\n    host = File.basename(Pathname.new(file).dirname)\n    if c.host != host\n" \
        "      c.ssh.close if c.ssh\n      c.host = host\n      options = Net::SSH::Config.for(c.host)\n" \
        "      user = options[:user] || Etc.getlogin\n      c.ssh = Net::SSH.start(host, user, options)\n    end\n  end\nend\n"

static const struct { const char *why, *helper, *spec; } helpers[] = {
        { "serverspec-init, SSH and Vagrant", VAGRANT_HELPER, "require 'spec_helper'\ndescribe(file('/a')) { it { should be_file } }\n" },
        { "serverspec 1", OLD_HELPER, "require 'spec_helper'\ndescribe(file('/a')) { it { should be_file } }\n" },
        { "parts of serverspec's gems", "require 'serverspec/type/base'\nrequire 'specinfra/backend/exec'\n"
          "require 'rspec/core/formatters/base_formatter'\n",
          "require 'spec_helper'\ndescribe(file('/a')) { it { should be_file } }\n" },
        { "a helper that is not there", "", "require '/tmp/kitchen/spec/spec_helper.rb'\nrequire_relative '../../kitchen/data/spec_helper'\n"
          "describe(file('/a')) { it { should be_file } }\n" },
        { "what hosts have in a file above", "require 'yaml'\nset_property YAML.load_file(File.expand_path('../../properties.yml', __FILE__))\n",
          "require 'spec_helper'\ndescribe('x') { it { expect(property['web']['port']).to eq 80 } }\n" },
};

static void helpers_load(void **state)
{
        struct fixture *f = *state;

        put(f, "/a", "x");
        beside(f, "../properties.yml", "web:\n  port: 80\n");
        for (size_t i = 0; i < sizeof helpers / sizeof *helpers; i++) {
                print_message("# %s\n", helpers[i].why);
                beside(f, "spec_helper.rb", helpers[i].helper);
                run(f, helpers[i].spec);
                expect_one(f, SPEC_PASS, "");
        }
}

/* Keys, hidden files and what lies above the project stay unread. */
static void only_data_of_the_project_is_read(void **state)
{
        struct fixture *f = *state;
        static const char *const refused[] = { "../id_rsa", "../.secret.yml", "../.git/x.yml", "../../outside.yml" };

        folder(f, "project/spec");
        folder(f, "project/.git");
        free(f->folder);
        f->folder = bk_format("%s/project/spec", f->home);
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                autofree char *text = bk_format("describe('x') { it { File.read(File.expand_path('%s', __dir__)) } }\n", refused[i]);

                beside(f, refused[i], "secret: 1\n");
                run(f, text);
                expect_one(f, SPEC_ERROR, "cannot read");
        }
        beside(f, "../attributes.json", "{}");
        run(f, "describe('x') { it { expect(File.read(File.expand_path('../attributes.json', __dir__))).to eq '{}' } }\n");
        expect_one(f, SPEC_PASS, "");
}

static void kitchen_has_its_helpers_elsewhere(void **state)
{
        struct fixture *f = *state;

        folder(f, "test/integration/default/serverspec");
        folder(f, "test/integration/helpers/serverspec");
        free(f->folder);
        f->folder = bk_format("%s/test/integration/default/serverspec", f->home);
        beside(f, "../../helpers/serverspec/spec_helper.rb", "require 'serverspec'\nset :backend, :exec\ndef answer\n  42\nend\n");
        beside(f, "default_spec.rb", "require 'spec_helper'\ndescribe('x') { it { expect(answer).to eq 42 } }\n");
        run_file(f, "default_spec.rb");
        expect_one(f, SPEC_PASS, "");
}

/* --- commands ----------------------------------------------------------------------- */
/* Here, for nothing of an image is needed. */
static int sh(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err)
{
        const char *const argv[] = { "/bin/sh", "-c", line, NULL };
        const struct bk_run run_it = { .argv = argv, .timeout_ms = timeout_ms };
        struct bk_run_result result = { 0 };

        (void)arg, (void)input, (void)input_len;
        if (bk_run_with(&run_it, &result, err) < 0)
                return -1;
        *ret = (struct spec_output){ .out = result.out, .err = result.err, .out_len = result.out_len, .err_len = strlen(result.err),
                                     .status = result.status };
        return 0;
}

static void what_is_set_holds_for_commands(void **state)
{
        struct fixture *f = *state;

        f->target.sandbox = (struct spec_place){ .run = sh };
        run(f, "set :env, LANG: 'C', WORDS: \"it's two\"\nset :path, '/first:$PATH'\nset :shell, '/bin/bash'\n"
               "describe command('[[ a == a ]] && echo \"$LANG,$WORDS,${PATH%%:*}\"') do\n"
               "  its(:stdout) { should eq \"C,it's two,/first\\n\" }\n  its(:exit_status) { should eq 0 }\n"
               "  it('keeps its name') { expect(subject.to_s).to start_with 'Command \"[[ a == a ]]' }\nend\n"
               "describe command('echo $PATH') do\n  let(:path) { '/only' }\n  let(:pre_command) { 'echo before' }\n  let(:shell) { '/bin/sh' }\n"
               "  its(:stdout) { should eq \"before\\n/only\\n\" }\nend\n"
               "describe('specinfra') { it { expect(Specinfra.backend.run_command('echo $WORDS').stdout).to eq \"it's two\\n\" } }\n");
        expect_all(f, { SPEC_PASS }, { SPEC_PASS }, { SPEC_PASS }, { SPEC_PASS }, { SPEC_PASS });
}

/* --- systems ------------------------------------------------------------------------ */
static const struct { const char *why, *file, *text, *also, *more, *family, *release; } systems[] = {
        { "CentOS 6", "/etc/redhat-release", "CentOS release 6.10 (Final)\n", NULL, NULL, "redhat", "6.10" },
        { "CentOS 7", "/etc/redhat-release", "CentOS Linux release 7.9.2009 (Core)\n", "/etc/os-release", "ID=\"centos\"\nVERSION_ID=\"7\"\n",
          "redhat", "7.9.2009" },
        { "Scientific Linux", "/etc/redhat-release", "Scientific Linux release 7.9 (Nitrogen)\n", "/etc/os-release",
          "ID=\"scientific\"\nVERSION_ID=\"7.9\"\n", "redhat", "7.9" },
        { "Fedora", "/etc/redhat-release", "Fedora release 40 (Forty)\n", "/etc/os-release", "ID=fedora\nVERSION_ID=40\n", "fedora", "40" },
        { "Amazon Linux", "/etc/system-release", "Amazon Linux release 2 (Karoo)\n", "/etc/os-release", "ID=\"amzn\"\nVERSION_ID=\"2\"\n",
          "amazon", "2" },
        { "Debian", "/etc/debian_version", "12.8\n", "/etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n", "debian", "12.8" },
        { "Debian testing", "/etc/debian_version", "trixie/sid\n", "/etc/os-release", "ID=debian\n", "debian", "trixie/sid" },
        { "Ubuntu", "/etc/debian_version", "bookworm/sid\n", "/etc/os-release", "ID=ubuntu\nVERSION_ID=\"24.04\"\n", "ubuntu", "24.04" },
};

static void systems_are_known_by_their_files(void **state)
{
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
                autofree char *text = bk_format("describe('%s') { it { expect([os[:family], os[:release]]).to eq %%w[%s %s] } }\n", systems[i].why,
                                                systems[i].family, systems[i].release);
                struct bk_error err = { 0 };

                print_message("# %s\n", systems[i].why);
                put(f, systems[i].file, systems[i].text);
                if (systems[i].also != NULL)
                        put(f, systems[i].also, systems[i].more);
                run(f, text);
                expect_one(f, SPEC_PASS, "");
                assert_ok(bk_unlink_in_root(f->target.root_fd, systems[i].file, &err), err);
                if (systems[i].also != NULL)
                        assert_ok(bk_unlink_in_root(f->target.root_fd, systems[i].also, &err), err);
        }
}

/* --- libraries ---------------------------------------------------------------------- */
static const struct check libraries[] = {
        { "expect(IPAddr.new('10.0.0.0/8').include?('10.1.2.3')).to be true", SPEC_PASS, NULL },
        { "expect(IPAddr.new('10.0.0.0/8').include?('11.1.2.3')).to be false", SPEC_PASS, NULL },
        { "expect(IPAddr.new('10.1.2.3/255.255.0.0').to_s).to eq '10.1.0.0'", SPEC_PASS, NULL },
        { "expect(IPAddr.new('10.0.0.254/31').to_range.map(&:to_s)).to eq %w[10.0.0.254 10.0.0.255]", SPEC_PASS, NULL },
        { "expect(IPAddr.new('10.0.0.255').succ.to_s).to eq '10.0.1.0'", SPEC_PASS, NULL },
        { "expect(IPAddr.new('192.168.1.1').to_i).to eq 3_232_235_777", SPEC_PASS, NULL },
        { "expect(IPAddr.new('2001:db8::1/64').to_s).to eq '2001:db8::'", SPEC_PASS, NULL },
        { "expect(IPAddr.new('::ffff:1.2.3.4').to_s).to eq '::ffff:102:304'", SPEC_PASS, NULL },
        { "expect(IPAddr.new('2001:db8::/32').include?('2001:db9::')).to be false", SPEC_PASS, NULL },
        { "expect(IPAddr.new('1.2.3.4') == '1.2.3.4').to be true", SPEC_PASS, NULL },
        { "expect { IPAddr.new('10.0.0') }.to raise_error(IPAddr::InvalidAddressError)", SPEC_PASS, NULL },
        { "expect { IPAddr.new('10.0.0.0/33') }.to raise_error(IPAddr::InvalidPrefixError)", SPEC_PASS, NULL },
        { "expect { IPAddr.new('1::2::3') }.to raise_error(IPAddr::InvalidAddressError)", SPEC_PASS, NULL },
        { "expect(CSV.parse(%Q(a,b\\n1,\"x \"\"y\"\"\"\\n), headers: true)).to eq [{ 'a' => '1', 'b' => 'x \"y\"' }]", SPEC_PASS, NULL },
        { "expect(CSV.parse(\"a,,c\\n\\nd\")).to eq [['a', nil, 'c'], [], ['d']]", SPEC_PASS, NULL },
        { "expect { CSV.parse('\"a') }.to raise_error(CSV::MalformedCSVError)", SPEC_PASS, NULL },
        { "expect(['  '.blank?, nil.blank?, [].blank?, 0.blank?]).to eq [true, true, true, false]", SPEC_PASS, NULL },
        { "n = 0; wait_for { n += 1 }.to eq 3", SPEC_PASS, NULL },
        { "wait(0).for { 1 }.to eq 2", SPEC_FAIL, "expected 1 to eq 2" },
        { "expect { raise Errno::ECONNREFUSED, 'x' }.to raise_error(Errno::ECONNREFUSED, 'Connection refused - x')", SPEC_PASS, NULL },
        { "expect { raise Errno::ENOENT }.to raise_error(SystemCallError)", SPEC_PASS, NULL },
};

static void libraries_are_there(void **state)
{
        expect_checks(*state, libraries, sizeof libraries / sizeof *libraries);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(helpers_load), spec_test(only_data_of_the_project_is_read), spec_test(kitchen_has_its_helpers_elsewhere),
                spec_test(what_is_set_holds_for_commands), spec_test(systems_are_known_by_their_files), spec_test(libraries_are_there),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
