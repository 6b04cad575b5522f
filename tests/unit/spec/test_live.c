/* Resource types that ask a running system: what real tools and kernels print, and what types make of it. */
#include "tests/unit/spec/fake_facts.h"

#define guest_rows(f, answers, rows) do { \
        fake_guest(f, answers, sizeof answers / sizeof *(answers)); \
        expect_rows(f, rows); \
} while (0)

/* --- ports ----------------------------------------------------------------- */

#define TCP "/proc/net/tcp:   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000 110 0 20319 1 0000 100 0 0 10 0\n" \
            "/proc/net/tcp:   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 17310 1 0000 100 0 0 10 0\n" \
            "/proc/net/tcp:   2: 0F02000A:0016 0202000A:C5A8 01 00000000:00000000 02:000A 00000000 0 0 22000 2 0000 20 4 30 10 -1\n"
#define TCP6 "/proc/net/tcp6:   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1\n" \
             "/proc/net/tcp6:   1: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1\n" \
             "/proc/net/tcp6:   2: 00000000000000000000000001000000:0019 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 1 1\n"
#define UDP "/proc/net/udp:  123: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 1 2 0000 0\n" \
            "/proc/net/udp:  124: 0F02000A:A0A0 01010101:0035 01 00000000:00000000 00:00000000 00000000 0 0 1 2 0000 0\n"

static void ports_are_found_in_the_kernels_tables(void **state)
{
        static const struct answer guest[] = {
                { " /proc/net/tcp ", TCP TCP6 UDP },
                { "ss -H", "tcp   LISTEN 0 511    *:80      *:*    ino:1 sk:1 cgroup:/ v6only:0 <->\n"
                           "tcp   LISTEN 0 511 [::]:443  [::]:*    ino:1 sk:1 cgroup:/ v6only:1 <->\n", .late = true },
        };
        static const struct check rows[] = {
                { "port(22).should be_listening", SPEC_PASS, "" },
                { "port('22').should be_listening.with('tcp')", SPEC_PASS, "" },
                { "port(22).should be_listening.with(:TCP)", SPEC_PASS, "" },
                { "port(22).should be_listening.with('tcp6')", SPEC_FAIL, "it listens with tcp on 0.0.0.0" },
                { "port(22).should be_listening.with('udp')", SPEC_FAIL, NULL },
                { "port(22).should be_listening.on('0.0.0.0')", SPEC_PASS, "" },
                { "port(22).should be_listening.on('127.0.0.1')", SPEC_FAIL, NULL },
                { "port(3306).should be_listening.on('127.0.0.1').with('tcp')", SPEC_PASS, "" },
                { "port(3306).should_not be_listening.on('0.0.0.0')", SPEC_PASS, "" },
                { "port(25).should be_listening.on('::1')", SPEC_PASS, "" },
                { "port(25).should_not be_listening.with('tcp')", SPEC_PASS, "" },
                { "port(80).should be_listening.with('tcp6')", SPEC_PASS, "" },
                { "port(80).should be_listening.with('tcp')", SPEC_PASS, "" },
                { "port(80).should be_listening.on('0.0.0.0')", SPEC_PASS, "" },
                { "port(80).should_not be_listening.with('udp')", SPEC_PASS, "" },
                { "port(443).should be_listening", SPEC_PASS, "" },
                { "port(443).should_not be_listening.with('tcp')", SPEC_PASS, "" },
                { "port(68).should be_listening.with('udp')", SPEC_PASS, "" },
                { "port(50600).should_not be_listening", SPEC_PASS, "" },
                { "port(41120).should_not be_listening", SPEC_PASS, "" },
                { "port(2).should be_listening", SPEC_FAIL, "nothing listens there" },
                { "port(0).should_not be_listening", SPEC_ERROR, "is no port" },
                { "port('ssh').should be_listening", SPEC_ERROR, "is no port" },
                { "port(70000).should be_listening", SPEC_ERROR, "is no port" },
                { "port(22).should be_listening.with('sctp')", SPEC_ERROR, "sctp" },
                { "port(22).should be_listening.on('localhost')", SPEC_ERROR, "no IP address" },
        };

        guest_rows(*state, guest, rows);
}

/* Without ss, the kernel's default for sockets of :: decides. */
static void a_socket_of_all_ipv6_takes_ipv4_unless_told(void **state)
{
        static const struct answer both[] = { { " /proc/net/tcp ", TCP6 }, { "ss -H", "", 127, "sh: ss: not found", true } };
        static const struct answer only[] = {
                { " /proc/net/tcp ", TCP6 }, { "ss -H", "", 127, "sh: ss: not found", true },
                { "/proc/sys/net/ipv6/bindv6only", "1\n", .late = true },
        };
        static const struct check yes[] = { { "port(80).should be_listening.with('tcp')", SPEC_PASS, "" } };
        static const struct check no[] = { { "port(80).should be_listening.with('tcp')", SPEC_FAIL, "tcp6 on ::" } };
        static const struct answer defaults[] = {
                { " /proc/net/tcp ", TCP6 }, { "ss -H", "", 127, "sh: ss: not found", true },
                { "/proc/sys/net/ipv6/bindv6only", "0\n", .late = true },
        };
        struct fixture *f = *state;

        guest_rows(f, both, yes);
        guest_rows(f, defaults, yes);
        guest_rows(f, only, no);
        f->options.compat = true;
        guest_rows(f, defaults, no);
}

/* --- processes ------------------------------------------------------------- */

#define PROCESSES "901\n" \
        "    1     0 root                                                             root      Ss   systemd\n" \
        "  500     1 root                                                             root      Ss   nginx\n" \
        "  501   500 www-data                                                         www-data  S    nginx\n" \
        "  502     1 systemd-timesync                                                 systemd-timesync Ssl  systemd-timesyn\n" \
        "  503     1 root                                                             root      Ssl  unattended-upgr\n" \
        "  504     1 root                                                             root      Z    gone\n" \
        "  505     1 app                                                              app       S    tmux: server\n" \
        "  900     1 root                                                             root      Ss   sh\n" \
        "  901   900 root                                                             root      S    sh\n" \
        "  902   901 root                                                             root      S    sh\n" \
        "  903   902 root                                                             root      R    ps\n" \
        "-\n" \
        "    1 /sbin/init\n  500 nginx: master process /usr/sbin/nginx -g daemon on;\n  501 nginx: worker process\n" \
        "  502 /lib/systemd/systemd-timesyncd\n  503 /usr/bin/python3 /usr/share/unattended-upgrades/unattended-upgrade-shutdown --wait\n" \
        "  504 [gone] <defunct>\n  505 tmux new -d rspec\n  900 sh -c ps\n  901 sh\n  902 sh\n  903 ps -e\n"

static void processes_are_known_by_their_whole_name(void **state)
{
        static const struct answer guest[] = {
                { "ps -e", PROCESSES },
                { "ps -ww -o nice= -p 500", "  0\n", .late = true },
                { "ps -ww -o lstart= -p 500", "Mon Jan  1 10:00:00 2024\n", .late = true },
                { "ps -ww -o tasty= -p 500", "", 1, "error: unknown user-defined format specifier \"tasty\"\n", true },
        };
        static const struct check rows[] = {
                { "process('nginx').should be_running", SPEC_PASS, "" },
                { "process('ngin').should be_running", SPEC_FAIL, "no process has this name" },
                { "process('tmux: server').should be_running", SPEC_PASS, "" },
                { "process('systemd-timesyncd').should be_running", SPEC_PASS, "" },
                { "process('unattended-upgrade-shutdown').should be_running", SPEC_PASS, "" },
                { "process('unattended-upgrades').should_not be_running", SPEC_PASS, "" },
                { "process('gone').should_not be_running", SPEC_PASS, "" },
                { "process('ps').should_not be_running", SPEC_PASS, "" },
                { "process('sh').should_not be_running", SPEC_PASS, "" },
                { "process('rspec').should_not be_running", SPEC_PASS, "" },
                { "expect(process('nginx').count).to eq 2", SPEC_PASS, "" },
                { "expect(process('none').count).to eq 0", SPEC_PASS, "" },
                { "expect(process('nginx').user).to eq 'root'", SPEC_PASS, "" },
                { "expect(process('systemd-timesyncd').user).to eq 'systemd-timesync'", SPEC_PASS, "" },
                { "expect(process('nginx').group).to eq 'root'", SPEC_PASS, "" },
                { "expect(process('nginx').pid).to eq 500", SPEC_PASS, "" },
                { "expect(process('nginx').ppid).to eq 1", SPEC_PASS, "" },
                { "expect(process('nginx').args).to match(/-g daemon on;$/)", SPEC_PASS, "" },
                { "expect(process('nginx').nice).to eq 0", SPEC_PASS, "" },
                { "expect(process('nginx').lstart).to eq 'Mon Jan  1 10:00:00 2024'", SPEC_PASS, "" },
                { "expect(process('nginx').tasty).to eq 0", SPEC_ERROR, "ps has no column 'tasty'" },
                { "expect(process('none').user).to be_nil", SPEC_PASS, "" },
                { "expect(process('none').nice).to be_nil", SPEC_PASS, "" },
                { "process('nginx').should be_tasty", SPEC_ERROR, "tasty?" },
        };

        guest_rows(*state, guest, rows);
}

static void compat_counts_processes_as_grep_does(void **state)
{
        static const struct answer guest[] = { { "ps -e", PROCESSES } };
        static const struct check rows[] = {
                { "expect(process('rspec').count).to eq 1", SPEC_PASS, "" },
                { "expect(process('nginx').count).to eq 2", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        f->options.compat = true;
        guest_rows(f, guest, rows);
}

/* --- services -------------------------------------------------------------- */

#define UNITS "systemd\n" \
        "nginx.service     loaded    active   running  A high performance web server\n" \
        "ssh.service       loaded    active   running  OpenBSD Secure Shell server\n" \
        "apt-daily.timer   loaded    active   waiting  Daily apt download activities\n" \
        "once.service      loaded    active   exited   Ran once\n" \
        "* broken.service  loaded    failed   failed   Broken\n" \
        "getty@tty1.service loaded   active   running  Getty on tty1\n" \
        "starting.service  loaded    activating start  Starting\n"

static void services_run_where_systemd_says_so(void **state)
{
        static const struct answer guest[] = { { "list-units", UNITS }, { "service ", "" } };
        static const struct check rows[] = {
                { "service('nginx').should be_running", SPEC_PASS, "" },
                { "service('nginx.service').should be_running", SPEC_PASS, "" },
                { "service('sshd').should be_running", SPEC_PASS, "" },
                { "service('apt-daily.timer').should be_running", SPEC_PASS, "" },
                { "service('apt-daily').should_not be_running", SPEC_PASS, "" },
                { "service('once').should be_running", SPEC_PASS, "" },
                { "service('getty@tty1').should be_running", SPEC_PASS, "" },
                { "service('broken').should be_running", SPEC_FAIL, "failed (failed)" },
                { "service('starting').should be_running", SPEC_FAIL, "activating" },
                { "service('ngin').should be_running", SPEC_FAIL, "systemd has not loaded 'ngin.service'" },
                { "service('rspec').should_not be_running", SPEC_PASS, "" },
                { "service('nginx').should be_running.under('systemd')", SPEC_PASS, "" },
                { "service('nginx').should be_running.under('openrc')", SPEC_FAIL, "run by systemd" },
                { "service('nginx').should be_running.under('magic')", SPEC_ERROR, "magic" },
        };
        struct fixture *f = *state;

        put(f, "/lib/systemd/system/ssh.service", "");
        put(f, "/etc/systemd/system/keep", "");
        put_link(f, "/etc/systemd/system/sshd.service", "/lib/systemd/system/ssh.service");
        guest_rows(f, guest, rows);
}

static void services_run_where_openrc_says_so(void **state)
{
        static const struct answer guest[] = {
                { "list-units", "openrc\n sshd                    [  started  ]\n crond     [  started 00:10:05 (0) ]\n ntpd  [  crashed  ]\n local   [  stopped  ]\n" },
                { "service ", "" },
        };
        static const struct check rows[] = {
                { "service('sshd').should be_running", SPEC_PASS, "" },
                { "service('crond').should be_running", SPEC_PASS, "" },
                { "service('ntpd').should be_running", SPEC_FAIL, "crashed" },
                { "service('local').should be_running", SPEC_FAIL, "stopped" },
                { "service('none').should be_running", SPEC_FAIL, "no such service" },
        };

        guest_rows(*state, guest, rows);
}

static void services_run_where_their_script_says_so(void **state)
{
        static const struct answer guest[] = {
                { "list-units", "init\n" }, { "ps -e", PROCESSES, .late = true }, { "'good' status", "good is running.\n" },
                { "'dead' status", "dead is dead and pid file exists\n", 1 }, { "'stopped' status", "", 3 },
                { "'up' status", "up stop/waiting\n" }, { "'rspec' status", "rspec: unrecognized service\n", 1 },
                { "'odd' status", "", 150, "odd: cannot read its configuration\n" }, { "'none' status", "", 4, "none: unrecognized service\n" },
                { "'bare' status", "", 127, "sh: 1: service: not found\n" },
        };
        static const struct check rows[] = {
                { "service('good').should be_running", SPEC_PASS, "" },
                { "service('dead').should be_running", SPEC_FAIL, "ended with 1" },
                { "service('stopped').should be_running", SPEC_FAIL, "ended with 3" },
                { "service('up').should_not be_running", SPEC_PASS, "" },
                { "service('rspec').should_not be_running", SPEC_PASS, "" },
                { "service('none').should_not be_running", SPEC_PASS, "" },
                { "service('odd').should_not be_running", SPEC_UNANSWERED, "cannot read its configuration" },
                { "service('bare').should_not be_running", SPEC_UNANSWERED, "service: not found" },
        };
        static const struct check compat[] = { { "service('rspec').should be_running", SPEC_PASS, "" } };
        struct fixture *f = *state;

        put(f, "/etc/init.d/odd", "");
        guest_rows(f, guest, rows);
        f->options.compat = true;
        guest_rows(f, guest, compat);
}

static void supervisors_and_monitors_are_asked(void **state)
{
        static const struct answer guest[] = {
                { "supervisorctl status 'web'", "web   RUNNING   pid 12, uptime 0:01:00\n", .late = true },
                { "supervisorctl status 'off'", "off   STOPPED   Nov 01\n", 3, .late = true },
                { "supervisorctl status 'lost'", "unix:///var/run/supervisor.sock no such file\n", 4, .late = true },
                { "initctl status 'job'", "job start/running, process 7\n", .late = true },
                { "sv status 'run'", "run: run: (pid 7) 10s\n", .late = true },
                { "sv status 'down'", "down: down: 10s, normally up\n", .late = true },
                { "svstat", "/service/qmail: up (pid 7) 10 seconds\n", .late = true },
                { "monit status", "The Monit daemon 5.20 uptime: 1m\n\nProcess 'nginx'\n  status                       Running\n"
                                  "  monitoring status            Monitored\n\nProcess 'idle'\n  status                       Not monitored\n"
                                  "  monitoring status            Not monitored\n\nSystem 'host'\n  monitoring status            Monitored\n", .late = true },
                { "god status 'web'", "web: up\n", .late = true }, { "god status 'no'", "", 1, .late = true },
                { "god status", "", 127, "sh: 1: god: not found", true },
        };
        static const struct check rows[] = {
                { "service('web').should be_running.under('supervisor')", SPEC_PASS, "" },
                { "service('off').should be_running.under('supervisor')", SPEC_FAIL, "STOPPED" },
                { "service('lost').should_not be_running.under('supervisor')", SPEC_UNANSWERED, "no such file" },
                { "service('job').should be_running.under('upstart')", SPEC_PASS, "" },
                { "service('run').should be_running.under('runit')", SPEC_PASS, "" },
                { "service('down').should_not be_running.under('runit')", SPEC_PASS, "" },
                { "service('qmail').should be_running.under('daemontools')", SPEC_PASS, "" },
                { "service('nginx').should be_monitored_by('monit')", SPEC_PASS, "" },
                { "service('x').should be_monitored_by('monit').with_name('nginx')", SPEC_PASS, "" },
                { "service('idle').should be_monitored_by('monit')", SPEC_FAIL, "monit does not monitor 'idle'" },
                { "service('none').should_not be_monitored_by('monit')", SPEC_PASS, "" },
                { "service('web').should be_monitored_by('god')", SPEC_PASS, "" },
                { "service('no').should_not be_monitored_by('god')", SPEC_PASS, "" },
                { "service('y').should_not be_monitored_by('god')", SPEC_UNANSWERED, "god: not found" },
                { "service('y').should be_monitored_by('zeus')", SPEC_ERROR, "zeus" },
        };

        guest_rows(*state, guest, rows);
}

static void services_are_enabled_under_their_supervisor(void **state)
{
        static const struct check rows[] = {
                { "service('a').should be_enabled.under('systemd')", SPEC_PASS, "" },
                { "service('a').should be_enabled.under('init')", SPEC_FAIL, "init" },
                { "service('b').should be_enabled.under('init')", SPEC_PASS, "" },
                { "service('b').should be_enabled.under('init').with_level(3)", SPEC_FAIL, NULL },
                { "service('b').should be_enabled.with_level(2)", SPEC_PASS, "" },
                { "service('c').should be_enabled.under('runit')", SPEC_PASS, "" },
                { "service('d').should_not be_enabled.under('runit')", SPEC_PASS, "" },
                { "service('d').should be_enabled.under('daemontools')", SPEC_PASS, "" },
                { "service('e').should be_enabled.under('upstart')", SPEC_PASS, "" },
                { "service('f').should_not be_enabled.under('upstart')", SPEC_PASS, "" },
                { "service('g').should be_enabled.under('openrc')", SPEC_PASS, "" },
                { "service('w@1').should be_enabled", SPEC_PASS, "" },
                { "service('w@2').should_not be_enabled", SPEC_PASS, "" },
                { "service('undone').should_not be_enabled", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put(f, "/etc/systemd/system/multi-user.target.wants/a.service", "");
        put(f, "/lib/systemd/system/w@.service", "");
        put(f, "/etc/systemd/system/multi-user.target.wants/w@1.service", "");
        put(f, "/usr/lib/systemd/system/basic.target.wants/undone.service", "");
        put(f, "/etc/systemd/system/basic.target.wants/keep", "");
        put_link(f, "/etc/systemd/system/basic.target.wants/undone.service", "/dev/null");
        put(f, "/etc/rc2.d/S20b", "");
        put(f, "/etc/service/c/run", "");
        put(f, "/etc/service/d/run", "");
        put(f, "/etc/service/d/down", "");
        put(f, "/etc/init/e.conf", "description \"e\"\nstart on runlevel [2345]\n");
        put(f, "/etc/init/f.conf", "start on runlevel [2345]\n");
        put(f, "/etc/init/f.override", "manual\n");
        put(f, "/etc/runlevels/default/g", "");
        expect_rows(f, rows);
}
