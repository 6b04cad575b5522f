/* Type `package`: of systems and of languages, by their files, and by a program where there are none. */
#include "tests/unit/lib/rpm.h"
#include "tests/unit/spec/fixture.h"

/* An image of rpm's: package-1 to package-5, and bash with an epoch. */
static void put_rpms(const struct fixture *f)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf db = { 0 };

        rpm_ndb(&db, 12);
        put_bytes(f, "/usr/lib/sysimage/rpm/Packages.db", db.data, db.len);
}

static void rpms_are_named_as_rpm_names_them(void **state)
{
        static const struct check rows[] = {
                { "package('package-1').should be_installed", SPEC_PASS, "" },
                { "package('package-1.noarch').should be_installed", SPEC_PASS, "" },
                { "package('package-1-1.1').should be_installed", SPEC_PASS, "" },
                { "package('package-1-1.1-1').should be_installed", SPEC_PASS, "" },
                { "package('package-1-1.1-1.noarch').should be_installed", SPEC_PASS, "" },
                { "package('package-1-1').should be_installed", SPEC_FAIL, "the package database does not name it" },
                { "package('package-1-1.1-2').should_not be_installed", SPEC_PASS, "" },
                { "package('package-1.x86_64').should_not be_installed", SPEC_PASS, "" },
                { "package('package').should_not be_installed", SPEC_PASS, "" },
                { "package('package-2').should be_installed.with_version('1.2')", SPEC_PASS, "" },
                { "package('package-2').should be_installed.with_version('1.2-1')", SPEC_PASS, "" },
                { "package('package-2').should be_installed.with_version('1')", SPEC_PASS, "" },
                { "package('package-12').should be_installed.with_version('1.1')", SPEC_FAIL, "version 1.12-1 is installed" },
                { "package('package-2').should be_installed.by('rpm').with_version('1.2')", SPEC_PASS, "" },
                { "package('package-2').should be_installed.by('yum')", SPEC_PASS, "" },
                { "package('package-2').should be_installed.by('apt')", SPEC_UNANSWERED, "no package database of 'apt'" },
                { "package('package-2').version.should eq '1.2-1'", SPEC_PASS, "" },
                { "package('package-10').version.should be > '1.9-1'", SPEC_PASS, "" },
                { "package('package-10').version.should be > '1.10~rc1'", SPEC_PASS, "" },
                { "package('package-10').version.should be < '1.10^git'", SPEC_PASS, "" },
                { "package('emacs').version.should be_nil", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put_rpms(f);
        expect_rows(f, rows);
}

static void apk_and_pacman_go_by_what_is_provided(void **state)
{
        static const struct check apk[] = {
                { "package('musl').should be_installed.with_version('1.2')", SPEC_PASS, "" },
                { "package('musl').should be_installed.with_version('1.2.4-r2')", SPEC_PASS, "" },
                { "package('musl').should be_installed.with_version('1.2.40')", SPEC_FAIL, "version 1.2.4-r2 is installed" },
                { "package('so:libc.musl.so.1').should be_installed", SPEC_PASS, "" },
                { "package('so:libc').should_not be_installed", SPEC_PASS, "" },
                { "package('musl').should be_installed.by('apk')", SPEC_PASS, "" },
                { "package('musl').version.should be > '1.2.4_rc1'", SPEC_PASS, "" },
                { "package('musl').version.should be < '1.2.4_p1'", SPEC_PASS, "" },
        };
        static const struct check pacman[] = {
                { "package('bash').should be_installed.with_version('5.2.026')", SPEC_PASS, "" },
                { "package('bash').should be_installed.with_version('5.2.026-2')", SPEC_PASS, "" },
                { "package('bash').should be_installed.with_version('5.2')", SPEC_FAIL, "version 5.2.026-2 is installed" },
                { "package('sh').should be_installed", SPEC_PASS, "" },
                { "package('shells').should be_installed.by('pacman')", SPEC_PASS, "" },
                { "package('bash').version.should eq '5.2.026'", SPEC_PASS, "" },
        };
        struct fixture *f = *state;
        autofree char *gone = in_root(f, "/lib/apk/db/installed");

        put(f, "/lib/apk/db/installed", "P:musl\nV:1.2.4-r2\np:so:libc.musl.so.1=1\n");
        expect_rows(f, apk);
        assert_int_equal(unlink(gone), 0);
        put(f, "/var/lib/pacman/local/bash-5.2.026-2/desc", "%NAME%\nbash\n\n%VERSION%\n5.2.026-2\n\n%GROUPS%\nshells\n\n%PROVIDES%\nsh\n");
        expect_rows(f, pacman);
}

static void debs_are_compared_as_wholes(void **state)
{
        static const struct check rows[] = {
                { "package('libc6').should be_installed.with_version('2.36-9')", SPEC_PASS, "" },
                { "package('libc6').should be_installed.with_version('2.36')", SPEC_FAIL, "version 2.36-9 is installed" },
                { "package('libc6:i386').should be_installed", SPEC_PASS, "" },
                { "package('libc6:arm64').should_not be_installed", SPEC_PASS, "" },
                { "package('libc6:').should_not be_installed", SPEC_PASS, "" },
                { "package('libc').should_not be_installed", SPEC_PASS, "" },
                { "package('mail-transport-agent').should_not be_installed", SPEC_PASS, "" },
                { "package('leaving').should be_installed", SPEC_FAIL, "it is known but not installed" },
                { "package('two').should be_installed.with_version('1')", SPEC_PASS, "" },
                { "package('two').should be_installed.with_version('3')", SPEC_FAIL, "versions 2, 1 are installed" },
                { "package('libc6').should be_installed.by('dpkg')", SPEC_PASS, "" },
                { "package('libc6').should be_installed.by('homebrew')", SPEC_UNANSWERED, "packages of 'homebrew' are not read here" },
                { "package('libc6').should be_installed.by('rpm')", SPEC_UNANSWERED, "cannot be read" },
        };
        struct fixture *f = *state;

        put(f, "/var/lib/dpkg/status",
            "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n\n"
            "Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36-9\n\n"
            "Package: exim4\nStatus: install ok installed\nVersion: 4\nProvides: mail-transport-agent\n\n"
            "Package: leaving\nStatus: deinstall ok installed\nVersion: 4\n\n"
            "Package: two\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"
            "Package: two\nStatus: install ok installed\nArchitecture: i386\nVersion: 2\n");
        put(f, "/var/lib/rpm/rpmdb.sqlite", "odd");             /* beside a database that is read, it does not matter */
        expect_rows(f, rows);
        run(f, "describe package('libc6') do it { should be_installed.by('bogus') } end");
        expect_one(f, SPEC_ERROR, "'bogus'");
}

static void languages_have_packages_of_their_own(void **state)
{
        static const struct check rows[] = {
                { "package('rake').should be_installed.by('gem')", SPEC_PASS, "" },
                { "package('Rake').should be_installed.by(:gem)", SPEC_PASS, "" },
                { "package('rake').should be_installed.by('gem').with_version('13.0.6')", SPEC_PASS, "" },
                { "package('rake').should be_installed.by('gem').with_version('12.3.3')", SPEC_PASS, "" },
                { "package('rake').should be_installed.by('gem').with_version('13.0')", SPEC_FAIL, "versions 13.0.6, 12.3.3 are installed" },
                { "package('rak').should be_installed.by('gem')", SPEC_FAIL, "nothing of that name was installed by gem" },
                { "package('zope-interface').should be_installed.by('pip3')", SPEC_PASS, "" },
                { "package('Zope.Interface').should be_installed.by('pip').with_version('5.5')", SPEC_PASS, "" },
                { "package('zope.interface').should be_installed.by('pip').with_version('5.52')", SPEC_FAIL, "version 5.5.2 is installed" },
                { "package('zope.interface').should be_installed.by('pip').with_version('5.2')", SPEC_FAIL, "version 5.5.2 is installed" },
                { "package('zope').should_not be_installed.by('pip')", SPEC_PASS, "" },
                { "package('zope.interface').should_not be_installed.by('pip2')", SPEC_UNANSWERED, "'pip2 list' must be run" },
                { "package('npm').should be_installed.by('npm').with_version('9.2.0')", SPEC_PASS, "" },
                { "package('@babel/core').should be_installed.by('npm')", SPEC_PASS, "" },
                { "package('core').should_not be_installed.by('npm')", SPEC_PASS, "" },
                { "package('Archive_Tar').should be_installed.by('pear').with_version('1.4.14')", SPEC_PASS, "" },
                { "package('archive_tar').should be_installed.by('pear')", SPEC_PASS, "" },
                { "package('redis').should be_installed.by('pecl').with_version('5.3.7')", SPEC_PASS, "" },
                { "package('redis').should be_installed.by('pear')", SPEC_PASS, "" },
                { "package('Archive_Tar').should_not be_installed.by('pecl')", SPEC_PASS, "" },
                { "package('Moo').should be_installed.by('cpan').with_version('2.005')", SPEC_PASS, "" },
                { "package('File::Thing').should be_installed.by('cpan').with_version('1.5')", SPEC_PASS, "" },
                { "package('File::Other').should_not be_installed.by('cpan')", SPEC_PASS, "" },
                { "package('Computed').should be_installed.by('cpan')", SPEC_PASS, "" },
                { "package('Computed').should be_installed.by('cpan').with_version('1')", SPEC_UNANSWERED, "is computed" },
                { "package('ruby-2.7.1').should be_installed.by('rvm')", SPEC_PASS, "" },
                { "package('ruby').should be_installed.by('rvm').with_version('2.7.1')", SPEC_PASS, "" },
                { "package('rub').should_not be_installed.by('rvm')", SPEC_PASS, "" },
                { "package('fluentd').should be_installed.by('td_agent_gem').with_version('1.16.3')", SPEC_PASS, "" },
                { "package('fluentd').should_not be_installed.by('gem')", SPEC_PASS, "" },
        };
        static const struct check compat[] = {
                { "package('zope').should be_installed.by('pip')", SPEC_PASS, "" },
                { "package('zope.interface').should be_installed.by('pip').with_version('5.2')", SPEC_PASS, "" },
                { "package('zope.interface').should_not be_installed.by('pip').with_version('5.52')", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put(f, "/var/lib/gems/3.1.0/specifications/rake-13.0.6.gemspec", "# stub: rake 13.0.6 ruby lib\n");
        put(f, "/var/lib/gems/3.1.0/specifications/rake-12.3.3.gemspec", "# stub: rake 12.3.3 ruby lib\n");
        put(f, "/opt/td-agent/lib/ruby/gems/2.7.0/specifications/fluentd-1.16.3.gemspec", "# stub: fluentd 1.16.3 ruby lib\n");
        put(f, "/usr/lib/python3/dist-packages/zope.interface-5.5.2.dist-info/METADATA", "Name: zope.interface\nVersion: 5.5.2\n");
        put(f, "/usr/local/lib/node_modules/npm/package.json", "{\"version\": \"9.2.0\"}");
        put(f, "/usr/local/lib/node_modules/@babel/core/package.json", "{\"version\": \"7.21.0\"}");
        put(f, "/usr/share/php/.registry/archive_tar.reg", "a:2:{s:4:\"name\";s:11:\"Archive_Tar\";s:7:\"version\";s:6:\"1.4.14\";}");
        put(f, "/usr/share/php/.registry/.channel.pecl.php.net/redis.reg", "a:2:{s:4:\"name\";s:5:\"redis\";s:7:\"version\";s:5:\"5.3.7\";}");
        put(f, "/usr/lib64/perl5/perllocal.pod", "=head2 X: C<Module> L<Moo|Moo>\n\nC<VERSION: 2.005>\n");
        put(f, "/usr/share/perl/5.36/File/Thing.pm", "package File::Thing;\nour $VERSION = '1.5';\n");
        put(f, "/usr/share/perl/5.36/Computed.pm", "package Computed;\nour $VERSION = version();\n");
        put(f, "/usr/local/rvm/rubies/ruby-2.7.1/bin/ruby", "");
        expect_rows(f, rows);
        f->options.compat = true;
        expect_rows(f, compat);
}

/* An image with tools only: what they print is known, what it costs is counted. */
static const struct { const char *line, *out; int status; } tools[] = {
        { "gem list --local", "\n*** LOCAL GEMS ***\n\njson (default: 2.6.1, 2.5.0)\nnokogiri (1.15.0 x86_64-linux)\n", 0 },
        { "pip list", "Package         Version\n--------------- -------\nrequests        2.28.1\n", 0 },
        { "pip2 list", "requests (1.2.3)\nsix (1.0)\n", 0 },
        { "npm ls -g --all", "/opt/lib\n\xe2\x94\x9c\xe2\x94\x80\xe2\x94\x80 npm@9.2.0\n\xe2\x94\x94\xe2\x94\x80\xe2\x94\x80 UNMET DEPENDENCY gone@^1\n"
          "  \xe2\x94\x94\xe2\x94\x80\xe2\x94\x80 @babel/core@7.21.0\n", 1 },
        { "pear list -a", "INSTALLED PACKAGES, CHANNEL PEAR.PHP.NET:\n=========\nPACKAGE  VERSION STATE\nPEAR     1.10.13 stable\n", 0 },
        { "pecl list", "", 1 },
        { "perl -MComputed -e 'print Computed->VERSION'", "4.2", 0 },
};

static int tool(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err)
{
        (void)arg;
        (void)input;
        (void)input_len;
        (void)timeout_ms;
        (void)err;
        *ret = (struct spec_output){ .out = bk_strdup(""), .err = bk_strdup("sh: not found"), .status = 127 };
        for (size_t i = 0; i < sizeof tools / sizeof *tools; i++)
                if (bk_streq(tools[i].line, line)) {
                        free(ret->out);
                        ret->out = bk_strdup(tools[i].out);
                        ret->out_len = strlen(ret->out);
                        ret->status = tools[i].status;
                }
        ret->err_len = strlen(ret->err);
        return 0;
}

static void without_files_the_program_is_asked(void **state)
{
        static const struct check rows[] = {
                { "package('json').should be_installed.by('gem').with_version('2.6.1')", SPEC_PASS, "" },
                { "package('json').should be_installed.by('gem').with_version('2.5.0')", SPEC_PASS, "" },
                { "package('json').should be_installed.by('gem').with_version('2.6')", SPEC_FAIL, "versions 2.6.1, 2.5.0 are installed" },
                { "package('nokogiri').should be_installed.by('gem').with_version('1.15.0')", SPEC_PASS, "" },
                { "package('rake').should_not be_installed.by('gem')", SPEC_PASS, "" },
                { "package('requests').should be_installed.by('pip').with_version('2.28')", SPEC_PASS, "" },
                { "package('requests').should be_installed.by('pip2').with_version('1.2.3')", SPEC_PASS, "" },
                { "package('requests').should be_installed.by('pip3')", SPEC_FAIL, "nothing of that name was installed by pip3" },
                { "package('npm').should be_installed.by('npm').with_version('9.2.0')", SPEC_PASS, "" },
                { "package('@babel/core').should be_installed.by('npm')", SPEC_PASS, "" },
                { "package('gone').should_not be_installed.by('npm')", SPEC_PASS, "" },
                { "package('PEAR').should be_installed.by('pear').with_version('1.10')", SPEC_PASS, "" },
                { "package('redis').should be_installed.by('pecl')", SPEC_UNANSWERED, "'pecl list' ended with status 1: sh: not found" },
                { "package('Computed').should be_installed.by('cpan').with_version('4.2')", SPEC_PASS, "" },
                { "package('Computed').should be_installed.by('cpan').with_version('4.3')", SPEC_FAIL, "version 4.2 is installed" },
        };
        struct fixture *f = *state;

        put(f, "/usr/share/perl/5.36/Computed.pm", "package Computed;\nour $VERSION = version();\n");
        f->target.sandbox.run = tool;
        expect_rows(f, rows);
        assert_int_equal(f->report.v[0].where, SPEC_IN_SANDBOX);
}

static void versions_compare_in_their_ecosystem(void **state)
{
        struct fixture *f = *state;

        run(f, "describe 'v' do\n"
               "  it { expect(Serverspec::Version.new('1.0.a', 'gem')).to be < '1.0' }\n"
               "  it { expect(Serverspec::Version.new('1.0.a', 'deb')).to be > '1.0' }\n"
               "  it { expect(Serverspec::Version.new('1.0.0', 'pypi')).to eq '1' }\n"
               "  it { expect(Serverspec::Version.new('1.0', 'nothing')).to eq '1' }\n"
               "end");
        expect_all(f, { SPEC_PASS }, { SPEC_PASS }, { SPEC_PASS }, { SPEC_ERROR, 0, NULL, NULL, "ecosystem" });
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(rpms_are_named_as_rpm_names_them), spec_test(apk_and_pacman_go_by_what_is_provided),
                spec_test(debs_are_compared_as_wholes), spec_test(languages_have_packages_of_their_own),
                spec_test(without_files_the_program_is_asked), spec_test(versions_compare_in_their_ecosystem),
        };

        return cmocka_run_group_tests_name("package", tests, NULL, NULL);
}
