/* Resource types against a small root that the test writes. */
#include "tests/unit/spec/fixture.h"

/* The image's own names of the user and group that run this test. */
static int types_setup(void **state)
{
        if (fixture_setup(state) < 0)
                return -1;
        const struct fixture *f = *state;
        autofree char *passwd = bk_format("root:x:0:0:root:/root:/bin/bash\n"
                                          "builder:x:%u:%u::/home/builder:/bin/sh\n"
                                          "daemon:x:4001:4001::/:/usr/sbin/nologin\n"
                                          "ada:x:4002:4100:Ada,,,:/home/ada:/bin/bash\n"
                                          "broken:x:abc:::/:\n", getuid() == 0 ? 4000 : getuid(), getgid());
        autofree char *group = bk_format("wheel:x:4100:\nbuilders:x:%u:\nstaff:x:4200:ada,daemon\naudio:x:4300:adam,ada\n",
                                         getgid() == 0 ? 4000 : getgid());

        put(f, "/etc/passwd", passwd);
        put(f, "/etc/group", group);
        put(f, "/etc/shadow", "root:*:19000:0:99999:7:::\nada:$6$salt$hash:19000:1:90:7:::\n");
        return 0;
}

#define types_test(f) cmocka_unit_test_setup_teardown(f, types_setup, fixture_teardown)

static void files_have_kinds_and_properties(void **state)
{
        static const struct check rows[] = {
                { "file('/etc/motd').should be_file", SPEC_PASS, "" },
                { "file('/etc/motd').should exist", SPEC_PASS, "" },
                { "file('/etc/motd').should be_directory", SPEC_FAIL, "it is a regular file" },
                { "file('/etc').should be_file", SPEC_FAIL, "it is a directory" },
                { "file('/etc/').should be_directory", SPEC_PASS, "" },
                { "file('/etc/motd/').should_not exist", SPEC_PASS, "" },
                { "file('/etc/motd/x').should exist", SPEC_FAIL, "it does not exist" },
                { "file('/none').should be_file", SPEC_FAIL, "it does not exist" },
                { "file('').should_not exist", SPEC_PASS, "" },
                { "file('/pipe').should be_pipe", SPEC_PASS, "" },
                { "file('/pipe').should be_file", SPEC_FAIL, "it is a pipe" },
                { "file('/pipe').content.should eq ''", SPEC_PASS, "" },
                { "file('/etc/motd').size.should eq 12", SPEC_PASS, "" },
                { "file('/none').size.should be_nil", SPEC_PASS, "" },
                { "file('/etc/motd').content.should eq \"hello\\nworld\\n\"", SPEC_PASS, "" },
                { "file('/none').content.should match(/x/)", SPEC_FAIL, "expected \"\" to match /x/" },
                { "file('/etc/motd').md5sum.should eq '0f723ae7f9bf07744445e93ac5595156'", SPEC_PASS, "" },
                { "file('/etc/motd').sha256sum.should match(/^4a1e67f2fe1d/)", SPEC_PASS, "" },
                { "file('/none').md5sum.should be_nil", SPEC_PASS, "" },
                { "file('/etc/motd').mtime.to_i.should be > 1_500_000_000", SPEC_PASS, "" },
                { "file('/etc/motd').should contain 'wor'", SPEC_PASS, "" },
                { "file('/etc/motd').should contain(/^w/)", SPEC_PASS, "" },
                { "file('/etc/motd').should contain('^w.*d$')", SPEC_PASS, "" },
                { "file('/etc/motd').should contain('hello').before('world')", SPEC_PASS, "" },
                { "file('/etc/motd').should contain('hello').after('world')", SPEC_FAIL, "no line of it does" },
                { "file('/etc/motd').should contain('world').from('hel').to('wor')", SPEC_PASS, "" },
                { "file('/none').should_not contain 'x'", SPEC_PASS, "" },
                { "file('/none').should contain 'x'", SPEC_FAIL, "it does not exist" },
                { "file('/etc/motd').should be_immutable", SPEC_FAIL, NULL },
                { "file('/etc/motd').should be_tasty", SPEC_ERROR, "cannot be asked for be_tasty" },
                { "file('/etc/motd').should be_readable.loudly('x')", SPEC_ERROR, "be_readable knows no .loudly (it knows: by by_user)" },
        };
        struct fixture *f = *state;
        autofree char *pipe = in_root(f, "/pipe");

        put(f, "/etc/motd", "hello\nworld\n");
        assert_int_equal(mkfifo(pipe, 0600), 0);
        expect_rows(f, rows);
}

static void modes_and_owners_are_those_of_the_image(void **state)
{
        static const struct check rows[] = {
                { "file('/f').should be_mode 640", SPEC_PASS, "" },
                { "file('/f').should be_mode '0640'", SPEC_PASS, "" },
                { "file('/f').should be_mode '640'", SPEC_PASS, "" },
                { "file('/f').should be_mode 0640", SPEC_PASS, "" },
                { "file('/f').should be_mode 644", SPEC_FAIL, "its mode is 640" },
                { "file('/f').should be_mode 'rw'", SPEC_ERROR, "a mode such as 644" },
                { "file('/f').should be_mode 888", SPEC_FAIL, "its mode is 640" },
                { "file('/f').mode.should eq '640'", SPEC_PASS, "" },
                { "file('/tmp').should be_mode 1777", SPEC_PASS, "" },
                { "file('/none').should_not be_mode 644", SPEC_PASS, "" },
                { "file('/none').should be_mode 644", SPEC_FAIL, "it does not exist" },
                { "file('/f').should be_owned_by NAME", SPEC_PASS, "" },
                { "file('/f').should be_owned_by 'ada'", SPEC_FAIL, "its owner is " },
                { "file('/f').should be_grouped_into GROUP", SPEC_PASS, "" },
                { "file('/f').should be_grouped_into 'wheel'", SPEC_FAIL, "its group is " },
                { "file('/f').owner.should eq NAME", SPEC_PASS, "" },
                { "file('/none').should be_owned_by 'root'", SPEC_FAIL, "it does not exist" },
                { "file('/f').should be_readable", SPEC_PASS, "" },
                { "file('/f').should be_readable.by('owner')", SPEC_PASS, "" },
                { "file('/f').should be_readable.by('group')", SPEC_PASS, "" },
                { "file('/f').should be_readable.by('others')", SPEC_FAIL, "its mode is 640" },
                { "file('/f').should_not be_writable.by('group')", SPEC_PASS, "" },
                { "file('/f').should_not be_executable", SPEC_PASS, "" },
                { "file('/f').should be_readable.by('me')", SPEC_ERROR, "by('owner')" },
                { "file('/f').should be_readable.by_user('root')", SPEC_PASS, "" },
                { "file('/f').should be_executable.by_user('root')", SPEC_FAIL, "its mode is 640" },
                { "file('/f').should be_readable.by_user('ada')", SPEC_FAIL, "its mode is 640" },
                { "file('/f').should be_readable.by_user('nobody')", SPEC_FAIL, "no user 'nobody'" },
                { "file('/f').should be_readable.by_user('broken')", SPEC_FAIL, "no user 'broken' with a uid" },
                { "file('/closed/open').should be_readable.by_user('ada')", SPEC_FAIL, "'ada' cannot pass the folder '/closed'" },
                { "file('/tmp/open').should be_readable.by_user('ada')", SPEC_PASS, "" },
        };
        struct fixture *f = *state;
        autofree char *constants = bk_format("NAME = '%s'\nGROUP = '%s'\n", getuid() == 0 ? "root" : "builder",
                                             getgid() == 0 ? "0" : "builders");
        autofree char *helper = write_beside(f, "spec_helper.rb", constants);
        struct check with_names[sizeof rows / sizeof *rows];

        put(f, "/f", "");
        put(f, "/closed/open", "");
        put(f, "/tmp/open", "");
        put_mode(f, "/f", 0640);
        put_mode(f, "/closed", 0700);
        put_mode(f, "/tmp", 01777);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                with_names[i] = (struct check){ bk_format("require 'spec_helper'; %s", rows[i].check), rows[i].verdict, rows[i].message };
        expect_checks(f, with_names, sizeof rows / sizeof *rows);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                free((char *)with_names[i].check);
}

static void symlinks_are_resolved_inside_the_image(void **state)
{
        static const struct check rows[] = {
                { "file('/absolute').content.should eq 'of the image'", SPEC_PASS, "" },
                { "file('/climbing').content.should eq 'of the image'", SPEC_PASS, "" },
                { "file('/absolute').should be_symlink", SPEC_PASS, "" },
                { "file('/absolute').should be_file", SPEC_PASS, "" },
                { "file('/absolute').should be_linked_to '/etc/hostname'", SPEC_PASS, "" },
                { "file('/absolute').should be_linked_to '/etc/motd'", SPEC_FAIL, "it links to '/etc/hostname'" },
                { "file('/absolute').link_target.should eq '/etc/hostname'", SPEC_PASS, "" },
                { "file('/etc/hostname').link_target.should eq ''", SPEC_PASS, "" },
                { "file('/etc/hostname').should be_symlink", SPEC_FAIL, "it is a regular file" },
                { "file('/etc/hostname').should be_linked_to '/x'", SPEC_FAIL, "it is a regular file" },
                { "file('/../../etc/hostname').content.should eq 'of the image'", SPEC_PASS, "" },
                { "file('/dangling').should exist", SPEC_FAIL, "symbolic link to '/no/where', which leads nowhere" },
                { "file('/dangling').should be_symlink", SPEC_PASS, "" },
                { "file('/dangling').should_not be_file", SPEC_PASS, "" },
                { "file('/dangling').link_target.should eq '/no/where'", SPEC_PASS, "" },
                { "file('/dangling').content.should eq ''", SPEC_PASS, "" },
                { "file('/loop').should exist", SPEC_FAIL, "leads nowhere" },
                { "file('/loop').should be_symlink", SPEC_PASS, "" },
                { "file('/loop').content.should eq ''", SPEC_PASS, "" },
                { "file('/loop/x').should_not exist", SPEC_PASS, "" },
                { "file('/loop').should be_readable", SPEC_FAIL, "it does not exist" },
                { "file('/host').should_not exist", SPEC_PASS, "" },
                { "file('/self').should_not exist", SPEC_PASS, "" },
                { "file('/absolute').should be_readable.by_user('ada')", SPEC_PASS, "" },
        };
        struct fixture *f = *state;
        autofree char *secret = write_beside(f, "../secret.txt", "of the host");

        put(f, "/etc/hostname", "of the image");
        put_link(f, "/absolute", "/etc/hostname");
        put_link(f, "/climbing", "../../../../../../etc/hostname");
        put_link(f, "/chain", "absolute");
        put_link(f, "/dangling", "/no/where");
        put_link(f, "/loop", "loop");
        put_link(f, "/host", secret);
        put_link(f, "/self", "/proc/self/root/etc/passwd");
        expect_rows(f, rows);
}

static void packages_are_those_of_dpkg(void **state)
{
        static const struct check rows[] = {
                { "package('nginx').should be_installed", SPEC_PASS, "" },
                { "package('nginx').should be_installed.with_version('1.22.1-9')", SPEC_PASS, "" },
                { "package('nginx').should be_installed.with_version('1.22')", SPEC_FAIL, "version 1.22.1-9 is installed" },
                { "package('nginx').version.should eq '1.22.1-9'", SPEC_PASS, "" },
                { "package('nginx').version.should be > '1.9'", SPEC_PASS, "" },
                { "package('nginx').version.should be < '1.22.1-9'", SPEC_FAIL, "\"1.22.1-9\"" },
                { "package('nginx').version.should match(/^1\\.22/)", SPEC_PASS, "" },
                { "package('nginx').version.should be >= '1.22.1~rc1'", SPEC_PASS, "" },
                { "package('nginx:amd64').should be_installed", SPEC_PASS, "" },
                { "package('nginx:i386').should be_installed", SPEC_FAIL, "the package database does not name it" },
                { "package('vim').should be_installed", SPEC_FAIL, "it is known but not installed" },
                { "package('vim').should_not be_installed", SPEC_PASS, "" },
                { "package('vim').version.should be_nil", SPEC_PASS, "" },
                { "package('held').should be_installed", SPEC_PASS, "" },
                { "package('half').should be_installed", SPEC_FAIL, "not installed" },
                { "package('emacs').should_not be_installed", SPEC_PASS, "" },
                { "package('last').should be_installed", SPEC_PASS, "" },
                { "package('both').should be_installed.with_version('2')", SPEC_PASS, "" },
        };
        static const char status[] =
                "Package: nginx\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.22.1-9\nDescription: web\n Package: no\n\n"
                "Package: vim\nStatus: deinstall ok config-files\nVersion: 9\n\n"
                "Package: held\nStatus: hold ok installed\nVersion: 1\n\n"
                "Package: half\nStatus: install ok half-configured\nVersion: 1\n\n"
                "Package: both\nStatus: deinstall ok config-files\nArchitecture: i386\nVersion: 1\n\n"
                "Package: both\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n\n"
                "Garbage: \0\1\2\n\nPackage: last\nStatus: install ok installed\nVersion: 1:0~1";
        struct fixture *f = *state;

        put_bytes(f, "/var/lib/dpkg/status", status, sizeof status - 1);
        expect_rows(f, rows);
}

static void other_package_databases_are_read_or_refused(void **state)
{
        struct fixture *f = *state;

        run(f, "describe package('x') do it { should_not be_installed } end");
        expect_one(f, SPEC_UNANSWERED, "no package database that is known here");
        put(f, "/var/lib/rpm/rpmdb.sqlite", "");
        run(f, "describe package('x') do it { should_not be_installed } end");
        expect_one(f, SPEC_UNANSWERED, "'/var/lib/rpm/rpmdb.sqlite' cannot be read");
        put(f, "/var/lib/dpkg/status", "");
        run(f, "describe package('x') do it { should_not be_installed } end");
        expect_one(f, SPEC_PASS, "");
        put(f, "/lib/apk/db/installed", "P:musl\nV:1.2.4-r2\n\nP:x\nV:1\n");
        put(f, "/var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\n");
        run(f, "describe 'all' do\n  it { package('musl').should be_installed.with_version('1.2.4-r2') }\n"
               "  it { package('tzdata').should be_installed }\nend");
        expect_all(f, { SPEC_PASS }, { SPEC_PASS });
        put_link(f, "/var/lib/dpkg/loop", "loop");
        put(f, "/var/lib/dpkg/status", "\x7f" "ELF\1\2\xff\xfe\n\n\n:::\nPackage: \nVersion\nPackage");
        run(f, "describe package('tzdata') do it { should be_installed } end");
        expect_one(f, SPEC_PASS, "");
}

static void users_and_groups_are_those_of_the_image(void **state)
{
        static const struct check rows[] = {
                { "user('ada').should exist", SPEC_PASS, "" },
                { "user('eve').should exist", SPEC_FAIL, "no such user" },
                { "user('ad').should_not exist", SPEC_PASS, "" },
                { "user('ada').should have_uid 4002", SPEC_PASS, "" },
                { "user('ada').should have_uid 0", SPEC_FAIL, "its uid is 4002" },
                { "user('ada').uid.should eq 4002", SPEC_PASS, "" },
                { "user('ada').should have_gid 4100", SPEC_PASS, "" },
                { "user('ada').should belong_to_group 'staff'", SPEC_PASS, "" },
                { "user('ada').should belong_to_group 'wheel'", SPEC_PASS, "" },
                { "user('ada').should belong_to_group 'builders'", SPEC_FAIL, "its groups are wheel, staff, audio" },
                { "user('adam').should_not belong_to_group 'audio'", SPEC_PASS, "" },
                { "user('ada').should belong_to_primary_group 'wheel'", SPEC_PASS, "" },
                { "user('ada').should belong_to_primary_group 'staff'", SPEC_FAIL, "its primary group is wheel" },
                { "user('daemon').groups.should eq %w[4001 staff]", SPEC_PASS, "" },
                { "user('ada').should have_home_directory '/home/ada'", SPEC_PASS, "" },
                { "user('ada').should have_home_directory '/home'", SPEC_FAIL, "its home directory is /home/ada" },
                { "user('ada').should have_login_shell '/bin/bash'", SPEC_PASS, "" },
                { "user('broken').should have_login_shell '/bin/bash'", SPEC_FAIL, "its login shell is empty" },
                { "user('broken').uid.should eq 0", SPEC_FAIL, "expected nil to eq 0" },
                { "user('broken').should_not have_uid 0", SPEC_PASS, "" },
                { "user('ada').encrypted_password.should match(/^\\$6\\$/)", SPEC_PASS, "" },
                { "user('ada').maximum_days_between_password_change.should eq 90", SPEC_PASS, "" },
                { "user('ada').minimum_days_between_password_change.should eq 1", SPEC_PASS, "" },
                { "user('daemon').encrypted_password.should eq 'x'", SPEC_FAIL, "expected nil to eq \"x\"" },
                { "user('ada').should have_authorized_key 'ssh-ed25519 AAAA'", SPEC_PASS, "" },
                { "user('ada').should have_authorized_key 'ssh-rsa BBBB'", SPEC_FAIL, "does not have it" },
                { "user('daemon').should have_authorized_key 'x'", SPEC_FAIL, "'//.ssh/authorized_keys' does not exist" },
                { "user(\"ada\\n\").should_not exist", SPEC_PASS, "" },
                { "user('ada:x').should_not exist", SPEC_PASS, "" },
                { "user('').should_not exist", SPEC_PASS, "" },
                { "group('staff').should exist", SPEC_PASS, "" },
                { "group('stuff').should exist", SPEC_FAIL, "no such group" },
                { "group('staff').should have_gid 4200", SPEC_PASS, "" },
                { "group('staff').should have_gid 1", SPEC_FAIL, "its gid is 4200" },
        };
        struct fixture *f = *state;

        put(f, "/home/ada/.ssh/authorized_keys", "# mine\nssh-ed25519 AAAA ada@x\n");
        expect_rows(f, rows);
}

static void account_files_may_be_garbage(void **state)
{
        static const char text[] = "::::\n\0\xff\xfe\n:\nshort\nada:x:1\nlate:x:7:7::/:/bin/sh";
        struct fixture *f = *state;
        autofree char *huge = bk_alloc((17 << 20) + 1);
        autofree char *passwd = in_root(f, "/etc/passwd");

        put_bytes(f, "/etc/passwd", text, sizeof text - 1);
        run(f, "describe 'x' do\n  it { user('late').should have_uid 7 }\n  it { user('short').should_not exist }\n"
               "  it { user('ada').should have_login_shell '/x' }\n  it { file('/etc/passwd').should be_owned_by '%none' }\nend");
        expect_all(f, { SPEC_PASS }, { SPEC_PASS }, { SPEC_FAIL, 0, NULL, NULL, "\"/x\"" }, { SPEC_FAIL, 0, NULL, NULL, "its owner is" });
        memset(huge, 'a', 17 << 20);
        put_bytes(f, "/etc/passwd", huge, 17 << 20);
        run(f, "describe user('root') do it { should_not exist } end");
        expect_one(f, SPEC_UNANSWERED, "larger than");
        assert_int_equal(unlink(passwd), 0);
        run(f, "describe user('root') do it { should_not exist } end");
        expect_one(f, SPEC_UNANSWERED, "/etc/passwd");
        put_link(f, "/etc/passwd", "passwd");
        run(f, "describe user('root') do it { should_not exist } end");
        expect_one(f, SPEC_UNANSWERED, "/etc/passwd");
        assert_int_equal(unlink(passwd), 0);
        assert_int_equal(mkfifo(passwd, 0600), 0);
        run(f, "describe user('root') do it { should_not exist } end");
        expect_all(f, { SPEC_UNANSWERED });
}

static void services_are_enabled_by_links(void **state)
{
        static const struct check rows[] = {
                { "service('nginx').should be_enabled", SPEC_PASS, "" },
                { "service('nginx.service').should be_enabled", SPEC_PASS, "" },
                { "service('nginx').should be_installed", SPEC_PASS, "" },
                { "service('idle').should be_enabled", SPEC_FAIL, "nothing starts it at boot" },
                { "service('idle').should be_installed", SPEC_PASS, "" },
                { "service('masked').should be_enabled", SPEC_FAIL, "it is masked" },
                { "service('none').should be_enabled", SPEC_FAIL, "no such service" },
                { "service('none').should_not be_installed", SPEC_PASS, "" },
                { "service('getty@tty1').should be_enabled", SPEC_PASS, "" },
                { "service('old').should be_enabled", SPEC_PASS, "" },
                { "service('sshd').should be_enabled", SPEC_PASS, "" },
                { "service('nginx').should be_running", SPEC_UNANSWERED, "running system" },
                { "service('nginx').should be_enabled.under('supervisor')", SPEC_UNANSWERED, "supervisor" },
        };
        struct fixture *f = *state;

        put(f, "/lib/systemd/system/nginx.service", "");
        put(f, "/lib/systemd/system/idle.service", "");
        put(f, "/lib/systemd/system/masked.service", "");
        put(f, "/lib/systemd/system/ssh.service", "");
        put(f, "/lib/systemd/system/getty@.service", "");
        put(f, "/etc/systemd/system/multi-user.target.wants/keep", "");
        put(f, "/etc/systemd/system/getty.target.wants/keep", "");
        put(f, "/etc/init.d/old", "");
        put(f, "/etc/rc2.d/README", "");
        put_link(f, "/etc/systemd/system/multi-user.target.wants/nginx.service", "/lib/systemd/system/nginx.service");
        put_link(f, "/etc/systemd/system/multi-user.target.wants/masked.service", "/lib/systemd/system/masked.service");
        put_link(f, "/etc/systemd/system/multi-user.target.wants/ssh.service", "/lib/systemd/system/ssh.service");
        put_link(f, "/etc/systemd/system/sshd.service", "/lib/systemd/system/ssh.service");
        put_link(f, "/etc/systemd/system/masked.service", "/dev/null");
        put_link(f, "/etc/systemd/system/getty.target.wants/getty@tty1.service", "/lib/systemd/system/getty@.service");
        put_link(f, "/etc/rc2.d/S01old", "../init.d/old");
        expect_rows(f, rows);
}

static void os_is_that_of_the_image(void **state)
{
        static const struct { const char *release, *version, *wanted; } systems[] = {
                { "ID=debian\nVERSION_ID=\"12\"\n", "12.5\n", "debian 12.5" },
                { "ID=debian\n", "trixie/sid\n", "debian trixie/sid" },
                { "NAME='Ubuntu'\nID=ubuntu\nVERSION_ID=\"22.04\"\n", "bookworm/sid\n", "ubuntu 22.04" },
                { "ID=\"rocky\"\nVERSION_ID='9.3'\n", "", "redhat 9.3" },
                { "ID=plan9\n", "", "plan9 " },
                { "", "", " " },
                { "\xff\xfe\n=\nID", "", " " },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
                autofree char *text = bk_format("describe('os', if: os[:family] != 'beos') do\n"
                                                "  it { expect(\"#{os[:family]} #{os[:release]}\").to eq '%s' }\nend", systems[i].wanted);

                put(f, "/etc/os-release", systems[i].release);
                put(f, "/etc/debian_version", systems[i].version);
                run(f, text);
                expect_one(f, SPEC_PASS, "");
        }
}

/* --- command --------------------------------------------------------------- */

static int answer(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret,
                  struct bk_error *err)
{
        const struct fixture *f = arg;
        static const char bytes[] = "a\0b\xff\n";

        assert_null(input);
        assert_int_equal(input_len, 0);
        if (timeout_ms != f->options.command_timeout_ms)
                return bk_fail(err, BK_INTERNAL, "its timeout is %d", timeout_ms);
        if (strcmp(line, "sulk") == 0)
                return bk_fail(err, BK_TIMEOUT, "it did not end within 3 s");
        if (strcmp(line, "bytes") == 0) {
                ret->out = bk_alloc(sizeof bytes - 1);
                memcpy(ret->out, bytes, sizeof bytes - 1);
                ret->out_len = sizeof bytes - 1;
                return 0;
        }
        if (strcmp(line, "silent") != 0) {
                ret->out = bk_format("ran %s\n", line);
                ret->err = bk_strdup("first\ncomplaint\n");
                ret->out_len = strlen(ret->out);
                ret->err_len = strlen(ret->err);
        }
        ret->status = strcmp(line, "bad") == 0 ? 3 : 0;
        return 0;
}

static void commands_are_run_inside_and_once(void **state)
{
        struct fixture *f = *state;

        f->options.command_timeout_ms = 3000;
        f->target.sandbox = (struct spec_place){ answer, f };
        run(f, "describe command('true') do\n"
               "  its(:stdout) { should eq \"ran true\\n\" }\n"
               "  its(:exit_status) { should eq 0 }\n"
               "  its(:stderr) { should contain 'complaint' }\n"
               "  its(:exit_status) { should eq 1 }\n"
               "end\n"
               "describe command('bad') do its(:exit_status) { should_not eq 3 } end\n"
               "describe command('silent') do its(:stdout) { should eq '' } end\n"
               "describe command('bytes') do its(:stdout) { should eq \"a\\0b\\xff\\n\" } end\n"
               "describe command('sulk') do its(:stdout) { should_not match(/x/) } end\n");
        expect_all(f, { SPEC_PASS, 2, "Command \"true\" stdout" }, { SPEC_PASS, 3 }, { SPEC_PASS, 4 },
                      { SPEC_FAIL, 5, "Command \"true\" exit_status", "is expected to eq 1", "expected 0 to eq 1" },
                      { SPEC_FAIL, 7, NULL, NULL, "stderr:\n    first\n    complaint" }, { SPEC_PASS, 8 }, { SPEC_PASS, 9 },
                      { SPEC_UNANSWERED, 10, NULL, NULL, "command 'sulk': it did not end within 3 s" });
}

static void without_a_way_to_run_commands_they_are_unanswered(void **state)
{
        struct fixture *f = *state;

        run(f, "describe command('true') do\n"
               "  its(:stdout) { should_not match(/x/) }\n"
               "  its(:exit_status) { should_not eq 1 }\n"
               "  it('is judged otherwise') { expect(1).to eq 2 }\n"
               "  it('goes on') { expect(1).to eq 1 }\n"
               "end\n");
        expect_all(f, { SPEC_FAIL, 4, NULL, NULL, "expected 1 to eq 2" }, { SPEC_PASS, 5 },
                      { SPEC_UNANSWERED, 2, NULL, NULL, "commands cannot be run here" }, { SPEC_UNANSWERED, 3 });
}

/* --- what images may hold -------------------------------------------------- */

static void content_may_be_any_bytes(void **state)
{
        static const char bytes[] = "caf\xe9 \0 \xff\xfe\xc3\n\xe2\x82";
        static const struct check rows[] = {
                { "file('/bytes').content.size.should eq 13", SPEC_PASS, "" },
                { "file('/bytes').should contain 'caf'", SPEC_PASS, "" },
                { "file('/bytes').content.should match(/^caf. /)", SPEC_PASS, "" },
                { "file('/bytes').content.should match(/\\0/)", SPEC_PASS, "" },
                { "file('/bytes').content.should eq 'x'", SPEC_FAIL, "\"caf\\xE9 " },
                { "file(\"/caf\\xe9\").should be_file", SPEC_PASS, "" },
                { "file(\"/bytes\\0x\").should be_file", SPEC_ERROR, "null byte" },
        };
        struct fixture *f = *state;

        put_bytes(f, "/bytes", bytes, sizeof bytes - 1);
        put(f, "/caf\xe9", "");
        expect_rows(f, rows);
        run(f, "describe file(\"/caf\\xe9\") do it { should be_directory } end");
        expect_all(f, { SPEC_FAIL, 1, "File \"/caf\xef\xbf\xbd\"", "is expected to be directory", "it is a regular file" });
}

static void a_sparse_gigabyte_costs_little(void **state)
{
        static const struct check rows[] = {
                { "file('/big').should be_file", SPEC_PASS, "" },
                { "file('/big').size.should eq 1 << 30", SPEC_PASS, "" },
                { "file('/big').should be_mode 644", SPEC_PASS, "" },
                { "file('/big').should contain 'x'", SPEC_UNANSWERED, "'/big' in the image: larger than" },
                { "file('/big').should_not contain 'x'", SPEC_UNANSWERED, "larger than" },
                { "file('/big').content.should eq ''", SPEC_UNANSWERED, "larger than" },
                { "file('/big').sha256sum.should eq "
                  "'49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14'", SPEC_PASS, "" },
                { "file('/some').content.size.should eq 60 << 20", SPEC_PASS, "" },
                { "file('/some').should_not contain 'x'", SPEC_PASS, "" },
                { "file('/etc/motd').should_not exist", SPEC_PASS, "" },
        };
        struct fixture *f = *state;
        autofree char *big = in_root(f, "/big"), *some = in_root(f, "/some");

        put(f, "/big", "");
        put(f, "/some", "");
        assert_int_equal(truncate(big, 1 << 30), 0);
        assert_int_equal(truncate(some, 60 << 20), 0);
        expect_rows(f, rows);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                types_test(files_have_kinds_and_properties),
                types_test(modes_and_owners_are_those_of_the_image),
                types_test(symlinks_are_resolved_inside_the_image),
                types_test(packages_are_those_of_dpkg),
                types_test(other_package_databases_are_read_or_refused),
                types_test(users_and_groups_are_those_of_the_image),
                types_test(account_files_may_be_garbage),
                types_test(services_are_enabled_by_links),
                types_test(os_is_that_of_the_image),
                types_test(commands_are_run_inside_and_once),
                types_test(without_a_way_to_run_commands_they_are_unanswered),
                types_test(content_may_be_any_bytes),
                types_test(a_sparse_gigabyte_costs_little),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
