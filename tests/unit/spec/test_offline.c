/* Resource types that an image's own files answer, against real texts of such files. */
#include "tests/unit/spec/fixture.h"

#include <endian.h>
#include <sys/xattr.h>

static void put_accounts(const struct fixture *f)
{
        put(f, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"
                              "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
                              "www-data:x:133:133:www-data:/var/www:/usr/sbin/nologin\n"
                              "old:x:100:100::/:/bin/false\n"
                              "ada:x:1000:1000:Ada:/home/ada:/bin/bash\n"
                              "bob:x:1001:1001:Bob:/home/bob:/bin/sh\n"
                              "eve:x:1002:1002:Eve:/home/eve:/bin/sh\n"
                              "odd:x:what:1::/:/bin/sh\n");
        put(f, "/etc/group", "root:x:0:\ndaemon:x:1:\nwww-data:x:133:\nada:x:1000:\nbob:x:1001:\nstaff:x:50:bob\nadm:x:4:ada,root\n");
        put(f, "/etc/shadow", "root:*:19000:0:99999:7:::\nada:$6$x$y:19000:1:90:7:::\nbob:!:19000::::::\n");
}

/* --- fstab and mounts ------------------------------------------------------ */

static const char fstab[] =
        "# <file system> <mount point>   <type>  <options>       <dump>  <pass>\n"
        "UUID=6b1f4ad2-0000-4c52-8d2e-0f2a5a4b1c11 /               ext4    errors=remount-ro 0       1\n"
        "/dev/sda2\t/srv/data\txfs\trw,noatime,nodev,mode=0750\t1\t2\n"
        "#/dev/sda3 /home ext4 defaults 0 2\n"
        "/dev/sr0        /media/cdrom0   udf,iso9660 user,noauto     0       0\n"
        "tmpfs /tmp tmpfs defaults,size=1g\n"
        "//nas/a\\040b /mnt/a\\040b cifs credentials=/etc/x,_netdev 0 0\n"
        "/dev/sda9 none swap sw 0 0\n"
        "short\n"
        "/dev/sda2 /srv/data ext4 ro 0 0\n";

static void fstab_entries_are_compared_field_by_field(void **state)
{
        static const struct check rows[] = {
                { "fstab.should have_entry(mount_point: '/srv/data')", SPEC_PASS, "" },
                { "fstab.should have_entry(mount_point: '/srv/data/', device: '/dev/sda2', type: 'xfs')", SPEC_PASS, "" },
                { "fstab.should have_entry(:mount_point => '/srv/data', :options => { :rw => true, :noatime => true, :mode => 750 }, "
                  ":dump => 1, :pass => 2)", SPEC_PASS, "" },
                { "fstab.should have_entry(mount_point: '/srv/data', options: { rw: true }, dump: 0)", SPEC_FAIL,
                  "but its line has '/dev/sda2' as xfs with rw,noatime,nodev,mode=0750" },
                { "fstab.should have_entry(mount_point: '/srv/data', options: { ro: true })", SPEC_FAIL, "with rw,noatime" },
                { "fstab.should have_entry(mount_point: '/srv/data', options: { mode: true })", SPEC_FAIL, "mode=0750" },
                { "fstab.should have_entry(mount_point: '/srv/data', options: { mode: '0750' })", SPEC_PASS, "" },
                { "fstab.should have_entry(mount_point: '/srv/data', options: { nod: true })", SPEC_FAIL, NULL },
                { "fstab.should have_entry(mount_point: '/srv/data', type: 'ext4')", SPEC_FAIL, "as xfs" },
                { "fstab.should have_entry(mount_point: '/', device: 'UUID=6b1f4ad2-0000-4c52-8d2e-0f2a5a4b1c11', pass: 1)", SPEC_PASS, "" },
                { "fstab.should have_entry(mount_point: '/tmp', dump: 0, pass: 0, options: { defaults: true, size: '1g' })", SPEC_PASS, "" },
                { "fstab.should have_entry(mount_point: '/mnt/a b', device: '//nas/a b')", SPEC_PASS, "" },
                { "fstab.should have_entry(mount_point: '/home')", SPEC_FAIL, "no line for '/home'" },
                { "fstab.should_not have_entry(mount_point: '/srv')", SPEC_PASS, "" },
                { "fstab.should have_entry(mount_point: 'none', type: 'swap')", SPEC_PASS, "" },
                { "fstab.should have_entry(device: '/dev/sda2')", SPEC_ERROR, "mount_point" },
                { "fstab.should have_entry(mount_point: '/', options: 'rw')", SPEC_ERROR, "options are written as" },
                { "fstab.to_s.should eq 'Fstab'", SPEC_PASS, "" },
                { "h = { mount_point: '/' }; h[:options] = h; fstab.should have_entry(h)", SPEC_ERROR, "more than 32 named values" },
        };
        struct fixture *f = *state;

        put(f, "/etc/fstab", fstab);
        expect_rows(f, rows);
}

static void mounts_are_those_that_are_configured(void **state)
{
        static const struct check rows[] = {
                { "file('/srv/data').should be_mounted", SPEC_PASS, "" },
                { "file('/srv/data').should be_mounted.with(type: 'xfs', device: '/dev/sda2')", SPEC_PASS, "" },
                { "file('/srv/data').should be_mounted.with(options: { noatime: true, mode: 750 })", SPEC_PASS, "" },
                { "file('/srv/data').should be_mounted.with(type: 'ext4')", SPEC_FAIL, "as xfs with rw,noatime" },
                { "file('/srv/data').should be_mounted.with(device: '/dev/sdb1')", SPEC_FAIL, "from '/dev/sda2'" },
                { "file('/srv/data').should be_mounted.only_with(type: 'xfs')", SPEC_UNANSWERED, "further options" },
                { "file('/srv/data').should be_mounted.only_with(type: 'ext3')", SPEC_FAIL, "as xfs" },
                { "file('/').should be_mounted.with(type: 'ext4', options: { rw: true })", SPEC_PASS, "" },
                { "file('/').should be_mounted.with(device: '/dev/sda1')", SPEC_UNANSWERED, "is configured as 'UUID=" },
                { "file('/tmp').should be_mounted.with(options: { rw: true, size: '1g' })", SPEC_PASS, "" },
                { "file('/media/cdrom0').should be_mounted", SPEC_FAIL, "with noauto" },
                { "file('/home').should be_mounted", SPEC_FAIL, "neither /etc/fstab nor a mount unit" },
                { "file('/home').should_not be_mounted", SPEC_PASS, "" },
                { "file('/var/lib/a-b').should be_mounted.with(type: 'ext4', device: '/dev/vdb', options: { nodev: true })", SPEC_PASS, "" },
                { "file('/var/lib/idle').should be_mounted", SPEC_FAIL, "nothing starts it" },
                { "file('/var/lib/masked').should be_mounted", SPEC_FAIL, "neither" },
                { "file('/proc').should be_mounted.with(type: 'proc')", SPEC_PASS, "" },
                { "file('/srv/data').should be_mounted.with('xfs')", SPEC_ERROR, "attributes are written as" },
                { "file('/srv/data').should be_mounted.by('xfs')", SPEC_ERROR, "knows no .by" },
        };
        struct fixture *f = *state;

        put(f, "/etc/fstab", fstab);
        put(f, "/etc/systemd/system/var-lib-a\\x2db.mount",
            "[Unit]\nDescription=a\nWhat=/no\n[Mount]\nWhat=/dev/vdb\nWhere=/var/lib/a-b\nType=ext4\nOptions=nodev,noatime\n"
            "[Install]\nWantedBy=local-fs.target\n");
        put(f, "/usr/lib/systemd/system/var-lib-a\\x2db.mount", "[Mount]\nType=xfs\n");
        put(f, "/etc/systemd/system/local-fs.target.wants/keep", "");
        put_link(f, "/etc/systemd/system/local-fs.target.wants/var-lib-a\\x2db.mount", "../var-lib-a\\x2db.mount");
        put(f, "/etc/systemd/system/var-lib-idle.mount", "[Mount]\nWhat=/dev/vdc\n");
        put_link(f, "/etc/systemd/system/var-lib-masked.mount", "/dev/null");
        put(f, "/usr/lib/systemd/system/var-lib-masked.mount", "[Mount]\nWhat=/dev/vdc\n");
        expect_rows(f, rows);
        for (size_t i = 0; i < f->report.n - 2; i++)
                assert_true(f->report.v[i].configured);
        run(f, "describe fstab do it { should have_entry(mount_point: '/') } end");
        assert_false(f->report.v[0].configured);
}

/* --- tables ---------------------------------------------------------------- */

static void cron_entries_are_whole_lines_of_a_users_table(void **state)
{
        static const struct check rows[] = {
                { "cron.should have_entry('* * * * * /usr/bin/touch /tmp/a.log')", SPEC_PASS, "" },
                { "cron.should have_entry('* * * * * /usr/bin/touch /tmp/a')", SPEC_FAIL, "none of the 2 lines of user 'root' is" },
                { "cron.should have_entry('* * * * * /usr/bin/touch /tmp/aXlog')", SPEC_FAIL, NULL },
                { "cron.should_not have_entry('0 5 * * 1 /off')", SPEC_PASS, "" },
                { "cron.should have_entry('0 5 * * 1 tar -zcf /var/backups/[x].tgz').with_user('ada')", SPEC_PASS, "" },
                { "cron.should have_entry('@daily x').with_user('bob')", SPEC_PASS, "" },
                { "cron.should have_entry('@daily x').with_user('eve')", SPEC_FAIL, "user 'eve' has no table" },
                { "cron.should have_entry('root:x').with_user('../../../etc/passwd')", SPEC_ERROR, "no name of a user" },
                { "cron.should have_entry('x').with_level('eve')", SPEC_ERROR, "knows no .with_level" },
                { "cron.table.should match(/run-parts/)", SPEC_PASS, "" },
                { "cron.table.should eq \"# d\\n17 * * * * root run-parts\\n@daily x\\n# m\\n#0 5 * * 1 /off\\nMAILTO=a\\n"
                  "* * * * * /usr/bin/touch /tmp/a.log\\n\"", SPEC_FAIL, "tar -zcf" },
                { "cron.to_s.should eq 'Cron'", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put(f, "/etc/cron.d/d", "# d\n");
        put(f, "/etc/cron.d/.placeholder", "hidden\n");
        put(f, "/etc/crontab", "17 * * * * root run-parts\n");
        put(f, "/var/spool/cron/crontabs/root", "# m\n#0 5 * * 1 /off\nMAILTO=a\n* * * * * /usr/bin/touch /tmp/a.log\n");
        put(f, "/var/spool/cron/crontabs/ada", "0 5 * * 1 tar -zcf /var/backups/[x].tgz\r\n");
        put(f, "/var/spool/cron/bob", "@daily x");
        expect_rows(f, rows);
        run(f, "describe cron do its(:table) { should eq \"# d\\n17 * * * * root run-parts\\n@daily x"
               "0 5 * * 1 tar -zcf /var/backups/[x].tgz\\r\\n# m\\n#0 5 * * 1 /off\\nMAILTO=a\\n* * * * * /usr/bin/touch /tmp/a.log\\n\" } end");
        expect_all(f, { SPEC_PASS, 1, "Cron table" });
}

static void mail_aliases_go_to_whole_recipients(void **state)
{
        static const struct check rows[] = {
                { "mail_alias('daemon').should be_aliased_to 'root'", SPEC_PASS, "" },
                { "mail_alias('daemon').should be_aliased_to 'roo'", SPEC_FAIL, "it goes to root" },
                { "mail_alias('Team').should be_aliased_to 'bob@example.com'", SPEC_PASS, "" },
                { "mail_alias('team').should be_aliased_to 'eve'", SPEC_PASS, "" },
                { "mail_alias('team').should_not be_aliased_to 'mallory'", SPEC_PASS, "" },
                { "mail_alias('pipe').should be_aliased_to '|/usr/bin/vacation a, b'", SPEC_PASS, "" },
                { "mail_alias('pipe').should be_aliased_to '\"|/usr/bin/vacation a, b\"'", SPEC_PASS, "" },
                { "mail_alias('off').should be_aliased_to 'root'", SPEC_FAIL, "does not name it" },
                { "mail_alias('team').should be_aliased_to ''", SPEC_FAIL, NULL },
        };
        struct fixture *f = *state;

        put(f, "/etc/aliases", "# See man 5 aliases for format\npostmaster:    root\ndaemon:root\n#off: root\n"
                               "team: ada, bob@example.com,\n# a comment\n\teve\n mallory2\nclose: mallory\npipe: \"|/usr/bin/vacation a, b\"\n");
        expect_rows(f, rows);
        run(f, "describe mail_alias('daemon') do it { should be_aliased_to 'root' } end");
        expect_all(f, { SPEC_PASS, 1, "Mail alias \"daemon\"", "should be aliased to \"root\"" });
}

/* --- packages' origins ----------------------------------------------------- */

static void yum_repositories_are_sections(void **state)
{
        static const struct check rows[] = {
                { "yumrepo('epel').should exist", SPEC_PASS, "" },
                { "yumrepo('epel').should be_enabled", SPEC_PASS, "" },
                { "yumrepo('epel-debuginfo').should exist", SPEC_PASS, "" },
                { "yumrepo('epel-debuginfo').should be_enabled", SPEC_FAIL, "there and not enabled" },
                { "yumrepo('epel-source').should_not be_enabled", SPEC_PASS, "" },
                { "yumrepo('plain').should be_enabled", SPEC_PASS, "" },
                { "yumrepo('epe').should exist", SPEC_FAIL, "no file in /etc/yum.repos.d has it" },
                { "yumrepo('epe').should_not be_enabled", SPEC_PASS, "" },
                { "yumrepo('main').should_not exist", SPEC_PASS, "" },
                { "yumrepo('hidden').should_not exist", SPEC_PASS, "" },
                { "yumrepo('conf').should exist", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put(f, "/etc/yum.repos.d/epel.repo",
            "[epel]\nname=Extra Packages for Enterprise Linux 7 - $basearch\n#baseurl=http://download/$basearch\n"
            "metalink=https://mirrors/metalink?repo=epel-7&arch=$basearch\nfailovermethod=priority\nenabled=1\ngpgcheck=1\n\n"
            "[epel-debuginfo]\nname=Debug\nenabled = 0\n\n[epel-source]\nenabled=False\n[plain]\n#enabled=0\n");
        put(f, "/etc/yum.repos.d/epel.repo.rpmsave", "[hidden]\n");
        put(f, "/etc/yum.conf", "[main]\nkeepcache=0\n[conf]\n");
        expect_rows(f, rows);
}

static void ppas_are_lines_and_stanzas(void **state)
{
        static const struct check rows[] = {
                { "ppa('nginx/stable').should exist", SPEC_PASS, "" },
                { "ppa('ppa:nginx/stable').should be_enabled", SPEC_PASS, "" },
                { "ppa('nginx/stab').should exist", SPEC_FAIL, "no file in /etc/apt has it" },
                { "ppa('git-core/ppa').should exist", SPEC_PASS, "" },
                { "ppa('git-core/ppa').should be_enabled", SPEC_FAIL, "not enabled" },
                { "ppa('a/src').should_not exist", SPEC_PASS, "" },
                { "ppa('dead/snakes').should be_enabled", SPEC_PASS, "" },
                { "ppa('off/stanza').should exist", SPEC_PASS, "" },
                { "ppa('off/stanza').should_not be_enabled", SPEC_PASS, "" },
                { "ppa('on/stanza').should be_enabled", SPEC_PASS, "" },
                { "ppa('two/lines').should be_enabled", SPEC_PASS, "" },
                { "ppa('').should_not exist", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put(f, "/etc/apt/sources.list", "deb http://archive.ubuntu.com/ubuntu jammy main\ndeb [\ndeb [a\ndeb\ndeb-src\n");
        put(f, "/etc/apt/sources.list.d/a.list",
            "deb http://ppa.launchpad.net/nginx/stable/ubuntu trusty main\n# deb http://ppa.launchpad.net/git-core/ppa/ubuntu trusty main\n"
            "deb-src http://ppa.launchpad.net/a/src/ubuntu trusty main\n"
            "deb [arch=amd64 signed-by=/x.gpg] https://ppa.launchpadcontent.net/dead/snakes/ubuntu/ jammy main\n");
        put(f, "/etc/apt/sources.list.d/b.sources",
            "Types: deb\nURIs: https://ppa.launchpadcontent.net/on/stanza/ubuntu/\nSuites: noble\n\n"
            "Enabled: no\nTypes: deb deb-src\nURIs: https://ppa.launchpadcontent.net/off/stanza/ubuntu/\n\n"
            "Types: deb\nURIs:\n https://x/y\n https://ppa.launchpadcontent.net/two/lines/ubuntu");
        expect_rows(f, rows);
}

/* --- SELinux and audit ----------------------------------------------------- */

static void selinux_is_what_its_configuration_says(void **state)
{
        static const struct check rows[] = {
                { "selinux.should be_enforcing", SPEC_PASS, "" },
                { "selinux.should be_enforcing.with_policy('targeted')", SPEC_PASS, "" },
                { "selinux.should be_enforcing.with_policy('mls')", SPEC_FAIL, "says enforcing with policy targeted" },
                { "selinux.should be_permissive", SPEC_FAIL, "says enforcing" },
                { "selinux.should be_disabled", SPEC_FAIL, "says enforcing" },
                { "selinux_module('nginx').should be_installed", SPEC_PASS, "" },
                { "selinux_module('nginx').should be_enabled", SPEC_PASS, "" },
                { "selinux_module('ngin').should be_installed", SPEC_FAIL, "does not have it" },
                { "selinux_module('off').should be_installed", SPEC_PASS, "" },
                { "selinux_module('off').should be_enabled", SPEC_FAIL, "but disabled" },
                { "selinux_module('legacy').should be_enabled", SPEC_PASS, "" },
                { "selinux_module('other').should_not be_installed", SPEC_PASS, "" },
                { "selinux_module('nginx').should be_installed.with_version('1.0')", SPEC_UNANSWERED, "keeps no versions" },
                { "selinux_module('nginx', '1.0').should be_installed", SPEC_UNANSWERED, "keeps no versions" },
                { "selinux_module('../100/nginx').should be_installed", SPEC_ERROR, "no name of a module" },
                { "selinux.to_s.should eq 'SELinux'", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put(f, "/etc/selinux/config", "# SELINUX= can take one of these three values:\n#     enforcing\nSELINUX=enforcing\n"
                                      "# SELINUXTYPE= can take one of three values:\nSELINUXTYPE=targeted\n");
        put(f, "/var/lib/selinux/targeted/active/modules/400/nginx/cil", "");
        put(f, "/var/lib/selinux/targeted/active/modules/100/off/cil", "");
        put(f, "/var/lib/selinux/targeted/active/modules/disabled/off", "");
        put(f, "/var/lib/selinux/mls/active/modules/100/other/cil", "");
        put(f, "/etc/selinux/targeted/modules/active/modules/legacy.pp", "");
        expect_rows(f, rows);
        assert_true(f->report.v[0].configured);
        put(f, "/etc/selinux/config", "SELINUX=disabled\n");
        run(f, "describe selinux do it { should be_disabled }\n it { should_not be_enforcing } end\n"
               "describe selinux_module('other') do it { should be_installed } end");
        expect_all(f, { SPEC_PASS, 1, "SELinux" }, { SPEC_PASS }, { SPEC_PASS, 3, "SELinux module \"other\"" });
}

static void a_system_without_selinux_has_it_disabled(void **state)
{
        struct fixture *f = *state;

        run(f, "describe selinux do it { should be_disabled }\n it { should be_enforcing }\n end\n"
               "describe selinux_module('x') do it { should be_installed } end");
        expect_all(f, { SPEC_PASS }, { SPEC_FAIL, 0, NULL, NULL, "/etc/selinux/config does not exist" },
                      { SPEC_FAIL, 0, NULL, NULL, "the image has no policy" });
}

static void audit_rules_are_those_of_the_folder(void **state)
{
        static const struct check rows[] = {
                { "linux_audit_system.rules.should eq \"-w /etc/passwd -p wa -k identity\\n-a always,exit -F arch=b64 -S adjtimex\\n\"",
                  SPEC_PASS, "" },
                { "linux_audit_system.should be_enabled", SPEC_PASS, "" },
                { "linux_audit_system.should be_running", SPEC_UNANSWERED, "needs a running system" },
        };
        struct fixture *f = *state;

        put(f, "/etc/audit/rules.d/10-base.rules", "-w /lost -p r\n## First rule - delete all\n-D\n-b 8192\n");
        put(f, "/etc/audit/rules.d/30.rules", "-w   /etc/passwd -p wa  -k identity\n# no\n-a always,exit -F arch=b64 -S adjtimex");
        put(f, "/etc/audit/rules.d/99.rules", "-e 2\n");
        put(f, "/etc/audit/audit.rules", "-w /stale -p r\n");
        put(f, "/etc/systemd/system/multi-user.target.wants/auditd.service", "");
        expect_rows(f, rows);
        assert_true(f->report.v[0].configured && f->report.v[1].configured);
        put(f, "/etc/audit/rules.d/99.rules", "-e 0\n");
        run(f, "describe linux_audit_system do it { should be_enabled } end");
        expect_all(f, { SPEC_FAIL, 1, "Linux audit system \"linux_audit_system\"", NULL, "switch it off" });
}

/* --- accounts and files ---------------------------------------------------- */

static void accounts_tell_more(void **state)
{
        static const struct check rows[] = {
                { "user('www-data').should be_system_user", SPEC_PASS, "" },
                { "user('ada').should be_system_user", SPEC_FAIL, "its number is 1000, and the system's own are 101 to 999" },
                { "user('old').should_not be_system_user", SPEC_PASS, "" },
                { "user('odd').should be_system_user", SPEC_FAIL, "none with a number" },
                { "group('www-data').should be_system_group", SPEC_PASS, "" },
                { "group('staff').should be_system_group", SPEC_FAIL, "101 to 499" },
                { "user('ada').exists?.should be true", SPEC_PASS, "" },
                { "user('ada').uid.should eq 1000", SPEC_PASS, "" },
                { "user('ada').maximum_days_between_password_change.should eq 90", SPEC_PASS, "" },
                { "user('bob').maximum_days_between_password_change.should eq(-1)", SPEC_PASS, "" },
                { "user('eve').minimum_days_between_password_change.should be_nil", SPEC_PASS, "" },
                { "user('ada').should have_authorized_key 'ssh-ed25519 AAAAC3Nz a@b'", SPEC_PASS, "" },
                { "user('ada').should have_authorized_key 'ssh-ed25519 AAAAC3Nz'", SPEC_PASS, "" },
                { "user('ada').should have_authorized_key 'AAAAC3Nz'", SPEC_PASS, "" },
                { "user('ada').should have_authorized_key 'ssh-rsa AAAAB3 other comment'", SPEC_PASS, "" },
                { "user('ada').should have_authorized_key 'ssh-ed25519 AAAAC3N'", SPEC_FAIL, "does not have it" },
                { "user('ada').should have_authorized_key 'ssh-rsa AAAAOFF'", SPEC_FAIL, "does not have it" },
                { "user('ada').should have_authorized_key 'ssh-rsa QUOTED'", SPEC_FAIL, "does not have it" },
                { "user('ada').should have_authorized_key 'ssh-rsa LAST'", SPEC_PASS, "" },
                { "user('ada').should have_authorized_key ''", SPEC_ERROR, "a key is expected" },
        };
        struct fixture *f = *state;

        put_accounts(f);
        put(f, "/etc/login.defs", "# UID_MIN 5\nUID_MIN\t\t\t 1000\nGID_MAX 60000\nSYS_GID_MAX 499\n");
        put(f, "/home/ada/.ssh/authorized_keys",
            "#ssh-rsa AAAAOFF x\nssh-ed25519 AAAAC3Nz ada@laptop\nfrom=\"10.0.0.1\",command=\"echo ssh-rsa QUOTED\" ssh-rsa AAAAB3 c\n"
            "command=\"say \\\"hi\\\" ssh-rsa QUOTED\" ssh-rsa LAST\n");
        expect_rows(f, rows);
}

static void known_wrong_answers_come_with_compat_only(void **state)
{
        static const struct { const char *check; enum spec_verdict right, compat; } rows[] = {
                { "user('root').should belong_to_group 'roo'", SPEC_FAIL, SPEC_PASS },
                { "user('root').should belong_to_group 'root'", SPEC_PASS, SPEC_PASS },
                { "user('root').should belong_to_group 'wheel'", SPEC_FAIL, SPEC_FAIL },
                { "user('root').should have_login_shell '/bin'", SPEC_FAIL, SPEC_PASS },
                { "user('root').should have_login_shell '/bin/ba'", SPEC_FAIL, SPEC_FAIL },
                { "user('root').should have_login_shell '/bin/bash'", SPEC_PASS, SPEC_PASS },
                { "user('www-data').should have_home_directory '/var'", SPEC_FAIL, SPEC_PASS },
                { "user('www-data').should have_home_directory '/va'", SPEC_FAIL, SPEC_FAIL },
                { "user('www-data').should have_home_directory '/var/www'", SPEC_PASS, SPEC_PASS },
                { "file('/etc/passwd').should be_mode 644", SPEC_PASS, SPEC_PASS },
                { "file('/etc/passwd').should be_mode '644'", SPEC_PASS, SPEC_PASS },
                { "file('/etc/passwd').should be_mode '0644'", SPEC_PASS, SPEC_FAIL },
                { "file('/etc/passwd').should be_mode 0644", SPEC_PASS, SPEC_FAIL },
                { "file('/etc/passwd').should be_mode 600", SPEC_FAIL, SPEC_FAIL },
        };
        enum { N = sizeof rows / sizeof *rows };
        struct fixture *f = *state;

        put_accounts(f);
        for (int compat = 0; compat < 2; compat++) {
                struct check checks[N];

                for (size_t i = 0; i < N; i++)
                        checks[i] = (struct check){ rows[i].check, compat ? rows[i].compat : rows[i].right, NULL };
                f->options.compat = compat;
                expect_checks(f, checks, N);
        }
}

/* linux/posix_acl_xattr.h */
struct acl { uint32_t version; struct { uint16_t tag, bits; uint32_t id; } entries[6]; };

static int put_acl(const struct fixture *f, const char *path, const struct acl *acl, size_t entries)
{
        autofree char *at = in_root(f, path);

        return setxattr(at, "system.posix_acl_access", acl, 4 + entries * 8, 0);
}

static void access_is_by_mode_and_access_control_list(void **state)
{
        static const struct check rows[] = {
                { "file('/acl').should be_readable.by_user('root')", SPEC_PASS, "" },
                { "file('/acl').should be_readable.by_user('ada')", SPEC_PASS, "" },        /* named */
                { "file('/acl').should be_writable.by_user('ada')", SPEC_FAIL, NULL },      /* named, but masked */
                { "file('/acl').should be_readable.by_user('bob')", SPEC_PASS, "" },        /* by group staff */
                { "file('/acl').should be_readable.by_user('eve')", SPEC_FAIL, NULL },      /* others */
                { "file('/acl').should be_executable.by_user('eve')", SPEC_PASS, "" },
                { "file('/acl').should be_executable.by_user('bob')", SPEC_FAIL, NULL },    /* a group that has it not is enough to refuse */
                { "file('/plain').should be_readable.by_user('eve')", SPEC_PASS, "" },
                { "file('/plain').should be_writable.by_user('eve')", SPEC_FAIL, NULL },
                { "file('/closed/in').should be_readable.by_user('eve')", SPEC_FAIL, "'eve' cannot pass the folder '/closed'" },
                { "file('/closed/in').should be_readable.by_user('nobody')", SPEC_FAIL, "no user 'nobody'" },
                { "file('/acl').should be_readable.by('group')", SPEC_PASS, "" },
                { "file('/acl').should be_version('1')", SPEC_UNANSWERED, "of Windows" },
        };
        struct acl acl = { htole32(2), {
                { htole16(1), htole16(6), htole32(UINT32_MAX) },        /* user:: */
                { htole16(2), htole16(6), htole32(1000) },              /* user:ada */
                { htole16(4), htole16(0), htole32(UINT32_MAX) },        /* group:: */
                { htole16(8), htole16(4), htole32(50) },                /* group:staff */
                { htole16(16), htole16(4), htole32(UINT32_MAX) },       /* mask:: */
                { htole16(32), htole16(1), htole32(UINT32_MAX) },       /* other:: */
        } };
        struct fixture *f = *state;

        put_accounts(f);
        put(f, "/acl", "");
        put(f, "/plain", "");
        put(f, "/closed/in", "");
        put_mode(f, "/closed", 0700);
        if (put_acl(f, "/acl", &acl, 6) < 0) {
                print_message("# skipped: no access control lists here: %s\n", strerror(errno));
                skip();
        }
        if (geteuid() != 0) {
                print_message("# skipped: the files belong to the user that tests\n");
                skip();
        }
        expect_rows(f, rows);
}

static void what_is_parsed_is_the_content(void **state)
{
        static const char stub[] = "module JSON; def self.parse(text); [:json, text]; end; end\n"
                                   "module YAML; def self.load(text); [:yaml, text]; end; end\n";
        struct fixture *f = *state;
        autofree char *text = bk_format("%sdescribe file('/a.json') do\n its(:content_as_json) { should eq [:json, '{\"a\": 1}'] }\n"
                                        " its(:content_as_yaml) { should eq [:yaml, '{\"a\": 1}'] }\nend\n"
                                        "describe json_file('/a.json') do\n its(:content) { should eq [:json, '{\"a\": 1}'] }\n"
                                        " it { should be_file }\n"
                                        " its(:size) { should eq 8 }\nend\n", stub);

        put(f, "/a.json", "{\"a\": 1}");
        run(f, text);
        expect_all(f, { SPEC_PASS }, { SPEC_PASS }, { SPEC_PASS, 0, "Json file \"/a.json\" content" }, { SPEC_PASS }, { SPEC_PASS });
}

static void lines_are_found_one_below_the_other(void **state)
{
        static const struct check rows[] = {
                { "file('/a').should contain ['two', 'three']", SPEC_PASS, "" },
                { "file('/a').should contain [\"three\\n\", 'two', 'four']", SPEC_PASS, "" },
                { "file('/a').should contain ['two', 'four', 'one']", SPEC_FAIL, NULL },
                { "file('/a').should contain ['one', 'three']", SPEC_FAIL, NULL },
                { "file('/a').should contain []", SPEC_FAIL, NULL },
                { "file('/none').should_not contain ['one']", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put(f, "/a", "one\ntwo\nthree\ntwo\nfour\n");
        expect_rows(f, rows);
}

/* --- programs -------------------------------------------------------------- */

static int answer(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret,
                  struct bk_error *err)
{
        static const struct { const char *line, *out, *err; int status; } answers[] = {
                { "mysqld --verbose --help", "mysqld  Ver 8.0\n  -P, --port=#\nVariables (--variable-name=value)\n"
                  "max-connections                     151\nport                                3306\nport-open-timeout  0\n"
                  "socket                              /var/run/mysqld/mysqld.sock\nbasedir  (No default value)\n", "", 0 },
                { "php -r 'echo get_cfg_var( \"memory_limit\" );'", "128M", "", 0 },
                { "php -c '/etc/it'\\''s/php.ini' -r 'echo get_cfg_var( \"memory_limit\" );'", "256M", "", 0 },
                { "php -r 'echo get_cfg_var( \"precision\" );'", "14", "", 0 },
                { "php -r 'echo get_cfg_var( \"none\" );'", "", "", 0 },
                { "php -r 'echo get_cfg_var( \"bad\" );'", "", "Segmentation fault", 139 },
                { "php --ri 'json'", "json\n", "", 0 },
                { "php --ri 'no'", "Extension 'no' not present.\n", "", 1 },
                { "echo json", "{\"a\": 1}\n", "", 0 },
        };

        (void)arg;
        (void)input;
        (void)input_len;
        (void)timeout_ms;
        (void)err;
        ret->status = 127;
        for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
                if (strcmp(answers[i].line, line) == 0) {
                        ret->out = bk_strdup(answers[i].out);
                        ret->err = bk_strdup(answers[i].err);
                        ret->out_len = strlen(ret->out);
                        ret->err_len = strlen(ret->err);
                        ret->status = answers[i].status;
                }
        return 0;
}

static void programs_tell_what_they_are_configured_for(void **state)
{
        static const struct check rows[] = {
                { "mysql_config('port').value.should eq 3306", SPEC_PASS, "" },
                { "mysql_config('max_connections').value.should eq 151", SPEC_PASS, "" },
                { "mysql_config('socket').value.should eq '/var/run/mysqld/mysqld.sock'", SPEC_PASS, "" },
                { "mysql_config('basedir').value.should eq '(No default value)'", SPEC_PASS, "" },
                { "mysql_config('por').value.should eq 3306", SPEC_FAIL, "expected nil" },
                { "php_config('memory_limit').value.should eq '128M'", SPEC_PASS, "" },
                { "php_config('memory_limit', ini: \"/etc/it's/php.ini\").value.should eq '256M'", SPEC_PASS, "" },
                { "php_config('memory_limit', :ini => \"/etc/it's/php.ini\").value.should eq '128M'", SPEC_FAIL, "256M" },
                { "php_config('precision').value.should eq 14", SPEC_PASS, "" },
                { "php_config('none').value.should eq ''", SPEC_PASS, "" },
                { "php_config('bad').value.should eq ''", SPEC_UNANSWERED, "php exited with 139: Segmentation fault" },
                { "php_config('unknown').value.should_not eq 'x'", SPEC_UNANSWERED, "the image has no php" },
                { "php_config('a\");system(\"id').value.should eq ''", SPEC_ERROR, "no setting of PHP" },
                { "php_extension('json').should be_loaded", SPEC_PASS, "" },
                { "php_extension('no').should be_loaded", SPEC_FAIL, "php does not have it" },
                { "php_extension('else').should_not be_loaded", SPEC_UNANSWERED, "the image has no php" },
        };
        struct fixture *f = *state;

        f->target.sandbox = (struct spec_place){ answer, f };
        expect_rows(f, rows);
        run(f, "module JSON; def self.parse(text); [:json, text]; end; end\nmodule YAML; def self.load(text); [:yaml, text]; end; end\n"
               "describe command('echo json') do\n its(:stdout_as_json) { should eq [:json, \"{\\\"a\\\": 1}\\n\"] }\n"
               " its(:stdout_as_yaml) { should eq [:yaml, \"{\\\"a\\\": 1}\\n\"] }\nend");
        expect_all(f, { SPEC_PASS }, { SPEC_PASS });
}

static void hadoop_properties_are_found_by_name(void **state)
{
        static const struct check rows[] = {
                { "hadoop_config('dfs.replication').value.should eq '3'", SPEC_PASS, "" },
                { "hadoop_config('fs.defaultFS').value.should eq 'hdfs://a & b:8020'", SPEC_PASS, "" },
                { "hadoop_config('fs.default').value.should eq 'x'", SPEC_FAIL, "expected nil" },
                { "hadoop_config('empty').value.should eq ''", SPEC_PASS, "" },
                { "hadoop_config('deep').value.should eq 'yes'", SPEC_PASS, "" },
                { "hadoop_config('deeper').value.should be_nil", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put(f, "/etc/hadoop/conf.empty/core-site.xml",
            "<?xml version=\"1.0\"?>\n<?xml-stylesheet href=\"configuration.xsl\"?>\n<!-- x -->\n<configuration>\n <property>\n"
            "  <name> fs.defaultFS </name>\n  <value>hdfs://a &amp; b:8020</value><final>true</final></property>\n</configuration>");
        put(f, "/etc/hadoop/conf.empty/hdfs-site.xml",
            "\n<?xml version=\"1.0\"?><configuration><property><name>dfs.replication</name><value>3</value></property>"
            "<property/><property><name>empty</name></property></configuration>");
        put(f, "/etc/hadoop/conf.empty/a/b/c/d.xml", "<configuration><property><name>deep</name><value>yes</value></property></configuration>");
        put(f, "/etc/hadoop/conf.empty/a/b/c/d/e.xml", "<configuration><property><name>deeper</name><value>x</value></property></configuration>");
        put(f, "/etc/hadoop/conf.empty/notes.txt", "<configuration>");
        put(f, "/etc/hadoop/conf.empty/a-broken.xml", "<configuration><property>");
        put_link(f, "/etc/hadoop/conf", "conf.empty");
        expect_rows(f, rows);
        f->options.compat = true;
        run(f, "describe hadoop_config('fs.default') do its(:value) { should eq 'hdfs://a & b:8020' } end");
        expect_one(f, SPEC_PASS, "");
        put(f, "/etc/hadoop/conf.empty/b-bomb.xml",
            "<!DOCTYPE c [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]>"
            "<configuration><property><name>x</name><value>&b;</value></property></configuration>");
        run(f, "describe hadoop_config('x') do its(:value) { should eq 'y' } end");
        expect_one(f, SPEC_UNANSWERED, "document type");
}

/* --- what no Linux has ----------------------------------------------------- */

static void other_systems_types_are_skipped(void **state)
{
        static const struct { const char *type, *check, *group; } rows[] = {
                { "windows_feature('Web-Server')", "it { should be_installed.by('dism') }", "Windows feature \"Web-Server\"" },
                { "windows_firewall('x')", "it { should have_localport('22') }", "Windows firewall \"x\"" },
                { "windows_hot_fix('KB1')", "it { should be_installed }", "Windows hot fix \"KB1\"" },
                { "windows_registry_key('HKLM')", "it { should_not have_property_value('a', :type_dword, '1') }", "Windows registry key \"HKLM\"" },
                { "windows_scheduled_task('x', 1, 2, a: 3)", "it { should exist }", "Windows scheduled task \"x\"" },
                { "iis_website('x')", "it { should have_site_bindings('80').with_protocol('http').with_ipaddress('*') }", "IIS Website \"x\"" },
                { "iis_app_pool('x')", "it { expect(subject).to have_dotnet_version('2.0') }", "IIS Application Pool \"x\"" },
                { "ipfilter", "it { should have_rule 'pass in quick on lo0 all' }", "ipfilter" },
                { "ipnat", "its(:rules) { should eq '' }", "ipnat rules" },
        };
        enum { N = sizeof rows / sizeof *rows };
        struct fixture *f = *state;

        for (size_t i = 0; i < N; i++) {
                autofree char *text = bk_format("describe %s do\n %s\nend\n", rows[i].type, rows[i].check);

                run(f, text);
                expect_all(f, { SPEC_SKIP, 2, rows[i].group, NULL, i < 7 ? "is of Windows" : "is of Solaris and the BSDs" });
        }
}

/* --- hostile roots --------------------------------------------------------- */

static void garbage_and_loops_give_clear_answers(void **state)
{
        static const char *const paths[] = {
                "/etc/fstab", "/etc/crontab", "/etc/aliases", "/etc/selinux/config", "/etc/yum.repos.d/a.repo", "/etc/apt/sources.list",
                "/etc/apt/sources.list.d/a.sources", "/var/spool/cron/root", "/etc/audit/rules.d/a.rules", "/etc/hadoop/conf/a.xml",
                "/etc/login.defs", "/root/.ssh/authorized_keys", "/key", "/etc/systemd/system/mnt.mount",
        };
        static const char text[] =
                "describe 'x' do\n it { fstab.should_not have_entry(mount_point: '/x') }\n it { cron.should_not have_entry('x') }\n"
                " it { mail_alias('x').should_not be_aliased_to 'y' }\n it { selinux.should_not be_enforcing }\n"
                " it { yumrepo('x').should_not exist }\n it { ppa('x/y').should_not exist }\n it { linux_audit_system.rules.should_not be_nil }\n"
                " it { hadoop_config('x').value.should be_nil }\n it { user('root').should_not have_authorized_key 'x' }\n"
                " it { x509_certificate('/key').should_not be_certificate }\n it { x509_private_key('/key').should_not be_valid }\n"
                " it { file('/mnt').mounted?; 1.should eq 1 }\n it { user('root').should_not be_system_user }\n end";
        static const char *const garbage[] = {
                "", "\n", ":", "=", "[", "deb [", "-e", "-e 0", "\\0", "\\040 \\0", "\"", "'", "a\\", " \t \n#", ",,,,", "[Mount]\n=", "\xff\xfe\xfd",
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
                "\x30\x84\xff\xff\xff\xff",
        };
        struct fixture *f = *state;
        autofree char *loop = in_root(f, "/etc/aliases");

        for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
                put_accounts(f);
                for (size_t j = 0; j < sizeof paths / sizeof *paths; j++)
                        put(f, paths[j], garbage[i]);
                run(f, text);
                assert_int_equal(f->report.n, 13);
                for (size_t j = 0; j < f->report.n; j++)
                        if (f->report.v[j].verdict != SPEC_PASS) {
                                show(&f->report);
                                fail_msg("garbage %zu", i);
                        }
        }
        assert_int_equal(unlink(loop), 0);
        put_link(f, "/etc/aliases", "aliases");
        run(f, "describe mail_alias('x') do it { should be_aliased_to 'y' } end");
        expect_one(f, SPEC_FAIL, "'/etc/aliases' does not exist");
        assert_int_equal(unlink(loop), 0);
        put(f, "/etc/aliases", "");
        assert_int_equal(truncate(loop, (off_t)1 << 30), 0);
        run(f, "describe mail_alias('x') do it { should_not be_aliased_to 'y' } end");
        expect_one(f, SPEC_UNANSWERED, "'/etc/aliases' in the image: larger than");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(fstab_entries_are_compared_field_by_field),
                spec_test(mounts_are_those_that_are_configured),
                spec_test(cron_entries_are_whole_lines_of_a_users_table),
                spec_test(mail_aliases_go_to_whole_recipients),
                spec_test(yum_repositories_are_sections),
                spec_test(ppas_are_lines_and_stanzas),
                spec_test(selinux_is_what_its_configuration_says),
                spec_test(a_system_without_selinux_has_it_disabled),
                spec_test(audit_rules_are_those_of_the_folder),
                spec_test(accounts_tell_more),
                spec_test(known_wrong_answers_come_with_compat_only),
                spec_test(access_is_by_mode_and_access_control_list),
                spec_test(what_is_parsed_is_the_content),
                spec_test(lines_are_found_one_below_the_other),
                spec_test(programs_tell_what_they_are_configured_for),
                spec_test(hadoop_properties_are_found_by_name),
                spec_test(other_systems_types_are_skipped),
                spec_test(garbage_and_loops_give_clear_answers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
