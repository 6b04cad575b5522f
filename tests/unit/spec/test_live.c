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
#define ZERO "00000000000000000000000000000000"
#define TCP6 "/proc/net/tcp6:   0: " ZERO ":0050 " ZERO ":0000 0A 0:0 0:0 0 0 0 1 1\n" \
             "/proc/net/tcp6:   1: " ZERO ":01BB " ZERO ":0000 0A 0:0 0:0 0 0 0 1 1\n" \
             "/proc/net/tcp6:   2: 00000000000000000000000001000000:0019 " ZERO ":0000 0A 0:0 0:0 0 0 0 1 1\n"
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
        static const struct answer guest[] = { { "list-units", UNITS } };
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
                { "list-units", "openrc\n sshd                    [  started  ]\n crond     [  started 00:10:05 (0) ]\n"
                                " ntpd  [  crashed  ]\n local   [  stopped  ]\n" },
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
                { "list-units", "init\n" }, { "ps -e", PROCESSES, .late = true }, { "'good' status", "good is running.\n", .late = true },
                { "'dead' status", "dead is dead and pid file exists\n", 1, .late = true }, { "'stopped' status", "", 3, .late = true },
                { "'up' status", "up stop/waiting\n", .late = true },
                { "'odd' status", "", 150, "odd: cannot read its configuration\n", .late = true },
                { "'bare' status", "", 127, "sh: 1: service: not found\n", .late = true },
        };
        static const struct check rows[] = {
                { "service('good').should be_running", SPEC_PASS, "" },
                { "service('dead').should be_running", SPEC_FAIL, "ended with 1" },
                { "service('stopped').should be_running", SPEC_FAIL, "ended with 3" },
                { "service('up').should_not be_running", SPEC_PASS, "" },
                { "service('rspec').should_not be_running", SPEC_PASS, "" },
                { "service('none').should be_running", SPEC_FAIL, "no such service" },
                { "service('odd').should_not be_running", SPEC_UNANSWERED, "cannot read its configuration" },
                { "service('bare').should_not be_running", SPEC_UNANSWERED, "service: not found" },
        };
        static const struct check compat[] = { { "service('rspec').should be_running", SPEC_PASS, "" } };
        static const char *const scripts[] = { "/etc/init.d/good", "/etc/init.d/dead", "/etc/init.d/stopped", "/etc/init/up.conf",
                                               "/etc/init.d/odd", "/etc/init.d/bare" };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
                put(f, scripts[i], "");
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
                                  "  monitoring status            Not monitored\n\nSystem 'host'\n  monitoring status            Monitored\n",
                  .late = true },
                { "god status 'web'", "web: up\n", .late = true }, { "god status 'no'", "", 1, .late = true },
                { "god status 'lost'", "", 1, "The server is not available (or you do not have permissions to access it)\n", true },
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
                { "service('lost').should_not be_monitored_by('god')", SPEC_UNANSWERED, "not available" },
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

/* --- the kernel ------------------------------------------------------------ */

static void the_kernel_is_asked(void **state)
{
        static const struct answer guest[] = {
                { "/proc/modules", "ip_tables 32768 1 iptable_filter, Live 0x0000000000000000\nsnd_hda_intel 61440 0 - Live 0x0\n" },
                { "/proc/sys/net/ipv4/ip_forward", "1\n" },
                { "/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n" },
                { "/proc/sys/net/ipv4/conf/eth0.1/forwarding", "0\n" },
                { "/proc/sys/kernel/panic", "-1\n" },
                { "/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n" },
        };
        static const struct check rows[] = {
                { "kernel_module('ip_tables').should be_loaded", SPEC_PASS, "" },
                { "kernel_module('ip-tables').should be_loaded", SPEC_PASS, "" },
                { "kernel_module('ip').should be_loaded", SPEC_FAIL, "no module of this name" },
                { "kernel_module('iptable_filter').should_not be_loaded", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('net.ipv4.ip_forward').value).to eq 1", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('net/ipv4/ip_forward').value).to eq 1", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('net.ipv4.tcp_rmem').value).to match(/4096\\t131072\\t6291456/)", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('net.ipv4.conf.eth0/1.forwarding').value).to eq 0", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('kernel.panic').value).to eq '-1'", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('kernel.osrelease').value).to eq '6.1.0-18-amd64'", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('kernel.none').value).to be_nil", SPEC_PASS, "" },
        };

        guest_rows(*state, guest, rows);
}

static void groups_of_both_versions_are_read(void **state)
{
        static const struct answer v1[] = {
                { "/sys/fs/cgroup/cpuset/web/cpuset.cpus", "0-1\n", .late = true },
                { "/sys/fs/cgroup/memory/web/memory.limit_in_bytes", "1073741824\n", .late = true },
        };
        static const struct check rows_v1[] = {
                { "expect(cgroup('web').cpuset.cpus).to eq '0-1'", SPEC_PASS, "" },
                { "expect(Bakery.dig(cgroup('web'), 'memory.limit_in_bytes')).to eq 1_073_741_824", SPEC_PASS, "" },
        };
        static const struct answer v2[] = {
                { "/sys/fs/cgroup/cpu/web/cpu.max", .late = true }, { "/sys/fs/cgroup/web/cpu.max", "max 100000\n", .late = true },
                { "/sys/fs/cgroup/cpu/web/cpu.none", .late = true }, { "/sys/fs/cgroup/web/cpu.none", .late = true },
                { "/sys/fs/cgroup/cgroup.controllers", "cpu\n" },
        };
        static const struct check rows_v2[] = {
                { "expect(cgroup('web').cpu.max).to eq 'max'", SPEC_PASS, "" }, { "expect(cgroup('web').cpu.none).to be_nil", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        guest_rows(f, v1, rows_v1);
        guest_rows(f, v2, rows_v2);
}

static void configured_modules_are_known_without_a_guest(void **state)
{
        static const struct check rows[] = {
                { "kernel_module('br_netfilter').should be_loaded", SPEC_PASS, "" },
                { "kernel_module('overlay').should be_loaded", SPEC_PASS, "" },
                { "kernel_module('usb-storage').should_not be_loaded", SPEC_PASS, "" },
                { "kernel_module('dccp').should be_loaded", SPEC_FAIL, "'/etc/modprobe.d/hard.conf' denies it" },
                { "kernel_module('hidden').should be_loaded", SPEC_UNANSWERED, "no file of the image loads" },
                { "kernel_module('ext4').should_not be_loaded", SPEC_UNANSWERED, "--boot" },
        };
        struct fixture *f = *state;

        put(f, "/etc/modules", "# modules\nbr_netfilter\n");
        put(f, "/etc/modules-load.d/a.conf", "overlay\n");
        put(f, "/etc/modules-load.d/b.conf", "");
        put(f, "/usr/lib/modules-load.d/b.conf", "hidden\n");
        put(f, "/etc/modprobe.d/hard.conf", "blacklist usb_storage\ninstall dccp /bin/false\ninstall zram /sbin/modprobe zram\n");
        put(f, "/etc/modprobe.d/note.txt", "blacklist ext4\n");
        expect_rows(f, rows);
        for (size_t i = 0; i < f->report.n; i++)
                assert_int_equal(f->report.v[i].configured, i < 4);
}

static void configured_parameters_are_merged_in_order(void **state)
{
        static const struct check rows[] = {
                { "expect(linux_kernel_parameter('kernel.sysrq').value).to eq 0", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('vm.swappiness').value).to eq 10", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('net.ipv4.conf.eth0.rp_filter').value).to eq 2", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('net.ipv4.conf.all.rp_filter').value).to eq 1", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('net.ipv4.conf.lo.rp_filter').value).to eq 2", SPEC_UNANSWERED, "no file of sysctl.d" },
                { "expect(linux_kernel_parameter('net.ipv4.ip_local_port_range').value).to eq '1024 65000'", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('kernel.hidden').value).to eq 1", SPEC_UNANSWERED, "--boot" },
                { "expect(linux_kernel_parameter('kernel.old').value).to eq 7", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put(f, "/usr/lib/sysctl.d/10-a.conf", "kernel.sysrq = 1\nkernel.hidden = 1\n");
        put(f, "/etc/sysctl.d/10-a.conf", "# mine\nkernel.sysrq=438\n; x\n-vm.swappiness = 10\n");
        put(f, "/etc/sysctl.d/90-z.conf", "kernel/sysrq = 0\nnet.ipv4.conf.*.rp_filter = 2\n"
            "net.ipv4.conf.all.rp_filter = 1\n-net.ipv4.conf.lo.rp_filter\n");
        put(f, "/usr/local/lib/sysctl.d/50-b.conf", "kernel.sysrq = 5\nnet.ipv4.ip_local_port_range =  1024 65000 \n");
        put(f, "/etc/sysctl.conf", "kernel.old = 7\n");
        expect_rows(f, rows);
        for (size_t i = 0; i < f->report.n; i++)
                assert_int_equal(f->report.v[i].configured, f->report.v[i].verdict == SPEC_PASS);
        /* systemd reads what is in sysctl.d only */
        put(f, "/usr/lib/systemd/systemd-sysctl", "");
        run(f, "describe(linux_kernel_parameter('kernel.old')) { its(:value) { should eq 7 } }");
        expect_one(f, SPEC_UNANSWERED, "--boot");
}

/* --- datasets, containers and domains --------------------------------------- */

#define ZFS_EXACT "mountpoint\t/srv\nquota\t10737418240\ncompression\tlz4\n"
#define ZFS_HUMAN "mountpoint\t/srv\nquota\t10G\ncompression\tlz4\n"

static void datasets_containers_and_domains(void **state)
{
        static const struct answer guest[] = {
                { "zfs get -Hp -o property,value all 'tank/srv'", ZFS_EXACT }, { "zfs get -H -o property,value all 'tank/srv'", ZFS_HUMAN },
                { "all 'tank/none'", "", 1, "cannot open 'tank/none': dataset does not exist\n" },
                { "all 'locked'", "", 1, "Permission denied the ZFS utilities must be run as root.\n" },
                { "lxc-info -s -n 'web'", "State:          RUNNING\n" }, { "lxc-info -s -n 'db'", "State:          STOPPED\n" },
                { "lxc-info -s -n 'none'", "", 1, "none doesn't exist\n" }, { "lxc-info -s -n 'bad'", "", 1, "Failed to open log file\n" },
                { "list --all --name", "web\ntransient\n\n", .late = true }, { "list --name", "web\n\n" },
        };
        static const struct check rows[] = {
                { "zfs('tank/srv').should exist", SPEC_PASS, "" },
                { "zfs('tank/none').should exist", SPEC_FAIL, "no such dataset" },
                { "zfs('locked').should_not exist", SPEC_UNANSWERED, "Permission denied" },
                { "zfs('tank/srv').should have_property('mountpoint' => '/srv', 'quota' => '10G')", SPEC_PASS, "" },
                { "zfs('tank/srv').should have_property('quota' => 10_737_418_240)", SPEC_PASS, "" },
                { "zfs('tank/srv').should have_property('compression' => 'lz')", SPEC_FAIL, "its compression is lz4" },
                { "zfs('tank/srv').should have_property('mountpoint' => '/srv', 'x' => '1')", SPEC_FAIL, "no property 'x'" },
                { "zfs('tank/none').should_not have_property('quota' => '10G')", SPEC_PASS, "" },
                { "expect(zfs('tank/srv').property['compression']).to eq 'lz4'", SPEC_PASS, "" },
                { "lxc('web').should exist", SPEC_PASS, "" },
                { "lxc('none').should exist", SPEC_FAIL, "/var/lib/lxc/none/config" },
                { "lxc('web').should be_running", SPEC_PASS, "" },
                { "lxc('db').should be_running", SPEC_FAIL, "STOPPED" },
                { "lxc('none').should_not be_running", SPEC_PASS, "" },
                { "lxc('bad').should_not be_running", SPEC_UNANSWERED, "log file" },
                { "lxc('../x').should exist", SPEC_ERROR, "no name of a lxc" },
                { "kvm('web').should exist", SPEC_PASS, "" },
                { "kvm('transient').should exist", SPEC_PASS, "" },
                { "kvm('we').should_not exist", SPEC_PASS, "" },
                { "kvm('web').should be_running", SPEC_PASS, "" },
                { "kvm('we').should be_running", SPEC_FAIL, "no such domain" },
                { "kvm('web').should be_enabled", SPEC_PASS, "" },
                { "kvm('transient').should_not be_enabled", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put(f, "/var/lib/lxc/web/config", "");
        put(f, "/etc/libvirt/qemu/web.xml", "<domain/>");
        put(f, "/etc/libvirt/qemu/autostart/web.xml", "");
        guest_rows(f, guest, rows);
}

static void what_is_defined_is_known_without_a_guest(void **state)
{
        static const struct check rows[] = {
                { "lxc('web').should exist", SPEC_PASS, "" },
                { "lxc('old').should_not exist", SPEC_PASS, "" },
                { "lxc('web').should_not be_running", SPEC_UNANSWERED, "--boot" },
                { "kvm('web').should exist", SPEC_PASS, "" },
                { "kvm('web').should_not be_enabled", SPEC_PASS, "" },
                { "kvm('web').should_not be_running", SPEC_UNANSWERED, "--boot" },
                { "zfs('tank').should_not exist", SPEC_UNANSWERED, "--boot" },
        };
        struct fixture *f = *state;

        put(f, "/etc/lxc/lxc.conf", "lxc.lxcpath = /srv/lxc\n");
        put(f, "/srv/lxc/web/config", "");
        put(f, "/var/lib/lxc/old/config", "");
        put(f, "/etc/libvirt/qemu/web.xml", "<domain/>");
        expect_rows(f, rows);
}

static void docker_is_asked(void **state)
{
        static const struct answer guest[] = {
                { "docker container inspect 'web'", "[{\"Id\":\"ab\",\"State\":{\"Running\":true,\"Restarting\":false,\"Status\":\"running\"},"
                  "\"Mounts\":[{\"Source\":\"/srv\",\"Destination\":\"/data\"}],\"Config\":{\"Cmd\":[\"nginx\",\"-g\"]}}]\n" },
                { "docker container inspect 'sick'", "[{\"State\":{\"Running\":true,\"Restarting\":true,\"Status\":\"restarting\"}}]\n" },
                { "docker container inspect 'none'", "[]\n", 1, "Error response from daemon: No such container: none\n" },
                { "docker container inspect 'down'", "[]\n", 1, "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.\n" },
                { "docker container inspect 'odd'", "not JSON\n" },
                { "docker container inspect 'empty'", "[]\n" },
                { "docker image inspect 'nginx'", "[{\"Id\":\"sha256:12\",\"Architecture\":\"amd64\"}]\n" },
                { "docker image inspect 'none'", "[]\n", 1, "Error response from daemon: No such image: none:latest\n" },
                { "docker image inspect 'bare'", "", 127, "sh: 1: docker: not found\n" },
        };
        static const struct check rows[] = {
                { "docker_container('web').should exist", SPEC_PASS, "" },
                { "docker_container('web').should be_running", SPEC_PASS, "" },
                { "docker_container('sick').should be_running", SPEC_FAIL, "restarting" },
                { "docker_container('none').should_not be_running", SPEC_PASS, "" },
                { "docker_container('none').should exist", SPEC_FAIL, "docker has no such container" },
                { "docker_container('down').should_not exist", SPEC_UNANSWERED, "Cannot connect" },
                { "docker_container('odd').should_not be_running", SPEC_UNANSWERED, "printed no inspection" },
                { "docker_container('empty').should_not exist", SPEC_UNANSWERED, "printed no inspection" },
                { "docker_container('web').should have_volume('/data', '/srv')", SPEC_PASS, "" },
                { "docker_container('web').should have_volume('/data', '/sr')", SPEC_FAIL, "'/data' is '/srv'" },
                { "docker_container('web').should_not have_volume('/dat', '/srv')", SPEC_PASS, "" },
                { "expect(docker_container('web')['State.Status']).to eq 'running'", SPEC_PASS, "" },
                { "expect(docker_container('web')['Config.Cmd.[1]']).to eq '-g'", SPEC_PASS, "" },
                { "expect(docker_container('web')['Config.None.Deep']).to be_nil", SPEC_PASS, "" },
                { "expect(docker_container('web').inspection).to include('Id' => 'ab')", SPEC_PASS, "" },
                { "expect(docker_container('none').inspection).to be_nil", SPEC_PASS, "" },
                { "expect(docker_container('none')['Id']).to be_nil", SPEC_PASS, "" },
                { "expect(docker_image('nginx')['Architecture']).to eq 'amd64'", SPEC_PASS, "" },
                { "docker_image('nginx').should exist", SPEC_PASS, "" },
                { "docker_image('none').should_not exist", SPEC_PASS, "" },
                { "docker_image('bare').should_not exist", SPEC_UNANSWERED, "docker: not found" },
                { "expect(docker_image('nginx').__inspection).to include('\"Architecture\":\"amd64\"')", SPEC_PASS, "" },
        };

        guest_rows(*state, guest, rows);
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void dockers_files_are_read_without_a_guest(void **state)
{
        static const struct check rows[] = {
                { "docker_container('web').should exist", SPEC_PASS, "" },
                { "docker_container('0123456789ab').should exist", SPEC_PASS, "" },
                { "docker_container('we').should_not exist", SPEC_PASS, "" },
                { "docker_container('web').should have_volume('/data', '/srv')", SPEC_PASS, "" },
                { "docker_image('nginx').should exist", SPEC_PASS, "" },
                { "docker_image('nginx:1').should_not exist", SPEC_PASS, "" },
                { "docker_image('sha256:0123').should exist", SPEC_PASS, "" },
                { "expect(docker_image('nginx').__inspection).to include('\"Architecture\":\"arm64\"')", SPEC_PASS, "" },
                { "expect(docker_container('web').__inspection).to_not include('State')", SPEC_PASS, "" },
                { "expect(docker_container('web').__inspection).to include('host')", SPEC_PASS, "" },
                { "docker_container('web').should_not be_running", SPEC_UNANSWERED, "--boot" },
        };
        struct fixture *f = *state;

        put(f, "/var/lib/docker/containers/" HEX "/config.v2.json", "{\"ID\":\"" HEX "\",\"Name\":\"/web\",\"State\":{\"Running\":true},"
            "\"MountPoints\":{\"/data\":{\"Source\":\"/srv\",\"Destination\":\"/data\",\"RW\":true}}}");
        put(f, "/var/lib/docker/containers/" HEX "/hostconfig.json", "{\"NetworkMode\":\"host\"}");
        put(f, "/var/lib/docker/image/overlay2/repositories.json", "{\"Repositories\":{\"nginx\":{\"nginx:latest\":\"sha256:" HEX "\"}}}");
        put(f, "/var/lib/docker/image/overlay2/imagedb/content/sha256/" HEX, "{\"architecture\":\"arm64\",\"os\":\"linux\"}");
        expect_rows(f, rows);
        for (size_t i = 0; i < f->report.n; i++)
                assert_int_equal(f->report.v[i].configured, f->report.v[i].verdict == SPEC_PASS);
        put(f, "/var/lib/docker/image/overlay2/repositories.json", "{ broken");
        run(f, "describe(docker_image('nginx')) { it { should_not exist } }");
        expect_one(f, SPEC_UNANSWERED, "repositories.json");
        put(f, "/etc/docker/daemon.json", "{ \"data-root\": \"/srv/docker\" }");
        run(f, "describe(docker_image('nginx')) { it { should_not exist } }");
        expect_one(f, SPEC_UNANSWERED, "not in /var/lib/docker");
}

/* --- what nobody can tell --------------------------------------------------- */

#define ALL_TYPES(row) \
        row("port(80)", "be_listening") row("process('x')", "be_running") row("service('x')", "be_running") \
        row("service('x')", "be_monitored_by('monit')") row("interface('x')", "exist") row("interface('x')", "be_up") \
        row("interface('x')", "have_ipv4_address('10.0.0.1')") row("bond('x')", "exist") row("bridge('x')", "have_interface('y')") \
        row("routing_table", "have_entry(destination: 'default')") row("iptables", "have_rule('x')") row("ip6tables", "have_rule('x')") \
        row("zfs('x')", "exist") row("zfs('x')", "have_property('a' => 'b')") row("lxc('x')", "be_running") row("kvm('x')", "be_running") \
        row("docker_container('x')", "be_running") row("host('x')", "be_resolvable") row("host('x')", "be_reachable") \
        row("host('x')", "be_reachable.with(port: 1)") row("host('x')", "be_reachable.with(port: 1, proto: 'udp')")

static void a_missing_tool_neither_passes_nor_fails(void **state)
{
        static const struct answer guest[] = {
                { "", "", 127, "sh: 1: tool: not found\n", true },
                { "/sys/fs/cgroup/memory/x/memory.max", .late = true }, { "/sys/fs/cgroup/x/memory.max", .late = true },
        };
        static const struct check rows[] = {
#define MISSING(what, how) { what ".should " how, SPEC_UNANSWERED, "tool: not found" }, \
                           { what ".should_not " how, SPEC_UNANSWERED, "tool: not found" },
                ALL_TYPES(MISSING)
                MISSING("docker_image('x')", "exist")
                { "expect(process('x').count).to eq 0", SPEC_UNANSWERED, "tool: not found" },
                { "expect(process('x').user).to be_nil", SPEC_UNANSWERED, "tool: not found" },
                { "expect(process('x').tasty).to be_nil", SPEC_UNANSWERED, "tool: not found" },
                { "expect(interface('x').ipv4_address).to eq ''", SPEC_UNANSWERED, "tool: not found" },
                { "expect(default_gateway.ipaddress).to be_nil", SPEC_UNANSWERED, "tool: not found" },
                { "expect(host('x').ipaddress).to be_nil", SPEC_UNANSWERED, "tool: not found" },
                { "expect(cgroup('x').memory.max).to be_nil", SPEC_UNANSWERED, "no control groups" },
        };

        guest_rows(*state, guest, rows);
}

static void a_failing_tool_neither_passes_nor_fails(void **state)
{
        static const struct answer guest[] = { { "", "", 126, "sh: 1: Permission denied\n", true } };
        static const struct check rows[] = {
#define FAILING(what, how) { what ".should " how, SPEC_UNANSWERED, NULL }, { what ".should_not " how, SPEC_UNANSWERED, NULL },
                ALL_TYPES(FAILING)
        };

        guest_rows(*state, guest, rows);
}

static void without_a_guest_people_are_told_to_name_one(void **state)
{
        static const struct check rows[] = {
#define NO_GUEST(what, how) { what ".should " how, SPEC_UNANSWERED, "needs a running system: boot it (--boot) or name one (--ssh)" }, \
                            { what ".should_not " how, SPEC_UNANSWERED, "needs a running system: boot it (--boot) or name one (--ssh)" },
                ALL_TYPES(NO_GUEST)
                { "expect(process('x').user).to be_nil", SPEC_UNANSWERED, "--boot" },
                { "expect(process('x').tasty).to be_nil", SPEC_UNANSWERED, "--boot" },
                { "expect(cgroup('x').memory.max).to be_nil", SPEC_UNANSWERED, "--boot" },
                { "expect(linux_kernel_parameter('a.b').value).to be_nil", SPEC_UNANSWERED, "--boot" },
                { "kernel_module('x').should_not be_loaded", SPEC_UNANSWERED, "--boot" },
        };

        expect_rows(*state, rows);
}

static void a_lying_guest_hurts_nobody(void **state)
{
        static const char *const texts[] = {
                "\n", "-\n-\n-\n", "1\n1 1 1 1 1\n-\n", "1\n1 0 r r S a\n1 1 r r S a\n2 1 r r S a\n-\n2\n1\n", "99999999999999999999\n1 2 3 4 5 6\n",
                "systemd\n\n \n. .\n", "openrc\n[ [ [\n x [\n", "init\n",
                "/proc/net/tcp: : : : 0A\n/proc/net/tcp: 0: 0:0 0:0 0A\n", "[{\"State\":[]}]",
                "[[[[[[",
        };
        static const struct check rows[] = {
                { "begin; service('x').running?; rescue Bakery::Unanswered; end", SPEC_PASS, NULL },
                { "begin; process('a').count.should be >= 0; rescue Bakery::Unanswered; end", SPEC_PASS, NULL },
                { "begin; process('a').args; rescue Bakery::Unanswered; end", SPEC_PASS, NULL },
                { "begin; port(1).listening?.should == false; rescue Bakery::Unanswered; end", SPEC_PASS, NULL },
                { "begin; docker_container('x').running?.should == false; rescue Bakery::Unanswered; end", SPEC_PASS, NULL },
                { "begin; service('x').monitored_by?('monit').should == false; rescue Bakery::Unanswered; end", SPEC_PASS, NULL },
        };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                const struct answer guest[] = { { "", texts[i], .late = true } };
                struct fixture *f = *state;

                fake_guest(f, guest, 1);
                expect_checks(f, rows, sizeof rows / sizeof *rows);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(ports_are_found_in_the_kernels_tables), spec_test(a_socket_of_all_ipv6_takes_ipv4_unless_told),
                spec_test(processes_are_known_by_their_whole_name), spec_test(compat_counts_processes_as_grep_does),
                spec_test(services_run_where_systemd_says_so), spec_test(services_run_where_openrc_says_so),
                spec_test(services_run_where_their_script_says_so), spec_test(supervisors_and_monitors_are_asked),
                spec_test(services_are_enabled_under_their_supervisor), spec_test(the_kernel_is_asked),
                spec_test(groups_of_both_versions_are_read), spec_test(configured_modules_are_known_without_a_guest),
                spec_test(configured_parameters_are_merged_in_order), spec_test(datasets_containers_and_domains),
                spec_test(what_is_defined_is_known_without_a_guest), spec_test(docker_is_asked),
                spec_test(dockers_files_are_read_without_a_guest), spec_test(a_missing_tool_neither_passes_nor_fails),
                spec_test(a_failing_tool_neither_passes_nor_fails), spec_test(without_a_guest_people_are_told_to_name_one),
                spec_test(a_lying_guest_hurts_nobody),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
