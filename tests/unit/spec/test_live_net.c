/* The network of a running system, and of an image that configures one. */
#include "tests/unit/spec/fake_facts.h"

#define guest_rows(f, answers, rows) do { \
        fake_guest(f, answers, sizeof answers / sizeof *(answers)); \
        expect_rows(f, rows); \
} while (0)

#define LINKS "eth0/mtu:1500\nbond0/mtu:9000\nbr0/mtu:1500\nlo/mtu:65536\ndummy0/mtu:1500\neth0/operstate:up\nbond0/operstate:up\n" \
              "br0/operstate:down\nlo/operstate:unknown\ndummy0/operstate:unknown\neth0/speed:1000\nbr0/speed:-1\neth0/flags:0x1003\n" \
              "lo/flags:0x9\ndummy0/flags:0x82\nbond0/bonding/slaves:eth1 eth2\nbr0/brif:\nbr0/brif/eth3:\n"
#define ADDRESSES "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever\n" \
                  "1: lo    inet6 ::1/128 scope host \\       valid_lft forever preferred_lft forever\n" \
                  "2: eth0    inet 10.0.2.15/24 brd 10.0.2.255 scope global dynamic eth0\\       valid_lft 86000sec preferred_lft 86000sec\n" \
                  "2: eth0    inet 10.0.3.1/24 scope global eth0\\       valid_lft forever\n" \
                  "2: eth0    inet6 fe80::5054:ff:fe12:3456/64 scope link \\       valid_lft forever preferred_lft forever\n" \
                  "7: bond0    inet 192.0.2.1/32 scope global bond0\\       valid_lft forever\n"

static void interfaces_are_what_the_kernel_says(void **state)
{
        static const struct answer guest[] = { { "cd /sys/class/net", LINKS }, { "ip -o addr", ADDRESSES } };
        static const struct check rows[] = {
                { "interface('eth0').should exist", SPEC_PASS, "" },
                { "interface('eth').should exist", SPEC_FAIL, "no such interface" },
                { "interface('eth0').should be_up", SPEC_PASS, "" },
                { "interface('lo').should be_up", SPEC_PASS, "" },
                { "interface('dummy0').should_not be_up", SPEC_PASS, "" },
                { "interface('br0').should be_up", SPEC_FAIL, "its state is down" },
                { "interface('none').should_not be_up", SPEC_PASS, "" },
                { "expect(interface('eth0').speed).to eq 1000", SPEC_PASS, "" },
                { "expect(interface('br0').speed).to be_nil", SPEC_PASS, "" },
                { "expect(interface('eth0').mtu).to eq 1500", SPEC_PASS, "" },
                { "interface('eth0').should have_ipv4_address('10.0.2.15')", SPEC_PASS, "" },
                { "interface('eth0').should have_ipv4_address('10.0.3.1/24')", SPEC_PASS, "" },
                { "interface('eth0').should_not have_ipv4_address('10.0.2.15/25')", SPEC_PASS, "" },
                { "interface('eth0').should have_ipv4_address('10.0.2.1')", SPEC_FAIL, "it has 10.0.2.15/24, 10.0.3.1/24" },
                { "interface('br0').should have_ipv4_address('10.0.2.1')", SPEC_FAIL, "it has none" },
                { "interface('eth0').should have_ipv6_address('FE80:0::5054:ff:fe12:3456')", SPEC_PASS, "" },
                { "interface('lo').should have_ipv6_address('::1/128')", SPEC_PASS, "" },
                { "interface('lo').should have_ipv6_address('127.0.0.1')", SPEC_ERROR, "no address of IPv6" },
                { "interface('lo').should have_ipv4_address('localhost')", SPEC_ERROR, "no address of IPv4" },
                { "expect(interface('bond0').ipv4_address).to eq '192.0.2.1/32'", SPEC_PASS, "" },
                { "expect(interface('eth0').ipv6_address).to match(/^fe80::/)", SPEC_PASS, "" },
                { "bond('bond0').should exist", SPEC_PASS, "" },
                { "bond('eth0').should exist", SPEC_FAIL, "it is not one" },
                { "bond('bond0').should have_interface('eth1')", SPEC_PASS, "" },
                { "bond('bond0').should have_interface('eth')", SPEC_FAIL, "none of its interfaces" },
                { "bridge('br0').should exist", SPEC_PASS, "" },
                { "bridge('br1').should exist", SPEC_FAIL, "no such interface" },
                { "bridge('br0').should have_interface('eth3')", SPEC_PASS, "" },
                { "bridge('br0').should_not have_interface('eth')", SPEC_PASS, "" },
                { "bridge('bond0').should have_interface('eth1')", SPEC_FAIL, "it is not one" },
        };

        guest_rows(*state, guest, rows);
}

#define ROUTES "/proc/net/route:Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT   \n" \
               "/proc/net/route:eth1\t00000000\t0102000A\t0003\t0\t0\t200\t00000000\t0\t0\t0\n" \
               "/proc/net/route:eth0\t00000000\t0202000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n" \
               "/proc/net/route:eth0\t0002000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n" \
               "/proc/net/route:eth2\t0000A8C0\tFE02000A\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0\n" \
               "/proc/net/route:*\t0000000B\t00000000\t0201\t0\t0\t0\t000000FF\t0\t0\t0\n" \
               "/proc/net/ipv6_route:fd000000000000000000000000000000 08 00000000000000000000000000000000 00 " \
               "fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n"

static void routes_are_the_main_tables(void **state)
{
        static const struct answer guest[] = { { "grep -s '' /proc/net/route", ROUTES } };
        static const struct check rows[] = {
                { "expect(default_gateway.ipaddress).to eq '10.0.2.2'", SPEC_PASS, "" },
                { "expect(default_gateway.interface).to eq 'eth0'", SPEC_PASS, "" },
                { "expect(default_gateway.to_s).to eq 'Default Gateway'", SPEC_PASS, "" },
                { "routing_table.should have_entry(destination: 'default', gateway: '10.0.2.2')", SPEC_PASS, "" },
                { "routing_table.should have_entry(destination: '0.0.0.0/0', gateway: '10.0.2.1', interface: 'eth1')", SPEC_PASS, "" },
                { "routing_table.should have_entry(destination: '192.168.0.0/16', gateway: '10.0.2.254')", SPEC_PASS, "" },
                { "routing_table.should have_entry(destination: '192.168.0.0/16', interface: 'eth0')", SPEC_FAIL, "reached by eth2 via 10.0.2.254" },
                { "routing_table.should have_entry(destination: '192.168.0.0/24')", SPEC_FAIL, "no route with that destination" },
                { "routing_table.should have_entry(destination: '10.0.2.0/24', interface: 'eth0')", SPEC_PASS, "" },
                { "routing_table.should_not have_entry(destination: '10.0.2.0/24', gateway: '0.0.0.0')", SPEC_PASS, "" },
                { "routing_table.should_not have_entry(destination: '11.0.0.0/8')", SPEC_PASS, "" },
                { "routing_table.should have_entry(destination: 'fd00::/8', gateway: 'fe80::1', interface: 'eth0')", SPEC_PASS, "" },
                { "routing_table.should have_entry(gateway: '10.0.2.2')", SPEC_ERROR, "destination" },
                { "routing_table.should have_entry(destination: 'here')", SPEC_ERROR, "no destination" },
                { "routing_table.should have_entry(destination: 'default', metric: 100)", SPEC_ERROR, "metric" },
        };

        guest_rows(*state, guest, rows);
}

/* --- as configured --------------------------------------------------------- */

static void expect_configured(struct fixture *f, const struct check *rows, size_t n)
{
        expect_checks(f, rows, n);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(f->report.v[i].configured, f->report.v[i].verdict == SPEC_PASS || f->report.v[i].verdict == SPEC_FAIL);
}
#define configured_rows(f, rows) expect_configured(f, rows, sizeof rows / sizeof *(rows))

static void ifupdown_is_read(void **state)
{
        static const struct check rows[] = {
                { "interface('eth0').should exist", SPEC_PASS, "" },
                { "interface('eth0').should be_up", SPEC_PASS, "" },
                { "interface('eth0').should have_ipv4_address('10.0.0.2/24')", SPEC_PASS, "" },
                { "interface('eth0').should have_ipv4_address('10.0.0.3')", SPEC_FAIL, "it has 10.0.0.2/24" },
                { "interface('eth0').should have_ipv6_address('2001:db8::2/64')", SPEC_PASS, "" },
                { "expect(interface('eth0').mtu).to eq 9000", SPEC_PASS, "" },
                { "expect(interface('eth0').ipv4_address).to eq '10.0.0.2/24'", SPEC_PASS, "" },
                { "expect(default_gateway.ipaddress).to eq '10.0.0.1'", SPEC_PASS, "" },
                { "expect(default_gateway.interface).to eq 'eth0'", SPEC_PASS, "" },
                { "routing_table.should have_entry(destination: 'default', gateway: '10.0.0.1', interface: 'eth0')", SPEC_PASS, "" },
                { "routing_table.should_not have_entry(destination: '10.9.0.0/16')", SPEC_UNANSWERED, "running system" },
                { "interface('eth1').should_not be_up", SPEC_PASS, "" },
                { "interface('eth1').should have_ipv4_address('10.0.0.9')", SPEC_UNANSWERED, "does not tell all addresses" },
                { "expect(interface('eth1').ipv4_address).to eq 'x'", SPEC_UNANSWERED, "--boot" },
                { "expect(interface('eth1').mtu).to eq 1500", SPEC_UNANSWERED, "--ssh" },
                { "expect(interface('eth0').speed).to eq 1000", SPEC_UNANSWERED, "running system" },
                { "interface('eth7').should_not exist", SPEC_UNANSWERED, "does not configure 'eth7'" },
                { "bond('bond0').should exist", SPEC_PASS, "" },
                { "bond('bond0').should have_interface('eth4')", SPEC_PASS, "" },
                { "bond('bond0').should have_interface('eth5')", SPEC_PASS, "" },
                { "bridge('br0').should have_interface('eth2')", SPEC_PASS, "" },
                { "bridge('br0').should have_interface('eth9')", SPEC_FAIL, "/etc/network/interfaces.d/br" },
                { "bridge('bond0').should exist", SPEC_FAIL, NULL },
        };
        struct fixture *f = *state;

        put(f, "/etc/network/interfaces",
            "# as installed\nsource /etc/network/interfaces.d/*\nauto lo eth0\niface lo inet loopback\niface eth0 inet static\n"
            "  address 10.0.0.2\n\tnetmask 255.255.255.0\n  gateway 10.0.0.1\n  mtu 9000\niface eth0 inet6 static\n"
            "  address 2001:db8::2\n  netmask 64\niface eth1 inet dhcp\n"
            "auto bond0\niface bond0 inet manual\n  bond-slaves eth4\n  bond-mode 4\niface eth5 inet manual\n  bond-master bond0\n");
        put(f, "/etc/network/interfaces.d/br", "auto br0\niface br0 inet manual\n  bridge_ports eth2 eth3\n");
        configured_rows(f, rows);
}

static void netplan_is_read(void **state)
{
        static const struct check rows[] = {
                { "interface('ens3').should be_up", SPEC_PASS, "" },
                { "interface('ens3').should have_ipv4_address('10.1.0.2/16')", SPEC_PASS, "" },
                { "interface('ens3').should have_ipv4_address('10.1.0.3')", SPEC_PASS, "" },
                { "interface('ens3').should_not have_ipv4_address('8.8.8.8')", SPEC_PASS, "" },
                { "interface('ens3').should have_ipv6_address('2001:db8::5')", SPEC_PASS, "" },
                { "expect(interface('ens3').mtu).to eq 1450", SPEC_PASS, "" },
                { "expect(default_gateway.ipaddress).to eq '10.1.0.1'", SPEC_PASS, "" },
                { "routing_table.should have_entry(destination: '192.168.0.0/16', gateway: '10.1.0.254', interface: 'ens3')", SPEC_PASS, "" },
                { "interface('ens4').should have_ipv4_address('10.1.0.9')", SPEC_UNANSWERED, NULL },
                { "bridge('br0').should have_interface('ens5')", SPEC_PASS, "" },
                { "bond('bond1').should have_interface('ens6')", SPEC_PASS, "" },
                { "bond('bond1').should have_interface('ens7')", SPEC_PASS, "" },
                { "bond('br0').should exist", SPEC_FAIL, NULL },
                { "interface('nameservers').should exist", SPEC_UNANSWERED, NULL },
                { "interface('ethernets').should exist", SPEC_UNANSWERED, NULL },
        };
        struct fixture *f = *state;

        put(f, "/etc/netplan/50-net.yaml",
            "# from an installer\nnetwork:\n  version: 2\n  renderer: networkd\n  ethernets:\n    ens3:\n      mtu: 1450\n"
            "      addresses:\n        - 10.1.0.2/16 # first\n        - \"10.1.0.3/16\"\n        - 2001:db8::5/64\n"
            "      nameservers:\n        addresses: [8.8.8.8]\n        search: [example.org]\n      routes:\n"
            "      - to: default\n        via: 10.1.0.1\n      - to: 192.168.0.0/16\n        via: 10.1.0.254\n"
            "    ens4: \n      dhcp4: true\n    ens5: {}\n  bridges:\n    br0:\n      interfaces: [ens5]\n"
            "  bonds:\n    bond1:\n      interfaces:\n      - ens6\n      - ens7\n      parameters:\n        mode: active-backup\n");
        configured_rows(f, rows);
}

static void networkd_ifcfg_and_keyfiles_are_read(void **state)
{
        static const struct check rows[] = {
                { "interface('enp1s0').should have_ipv4_address('10.2.0.2/24')", SPEC_PASS, "" },
                { "interface('enp1s0').should have_ipv4_address('10.2.9.2/24')", SPEC_PASS, "" },
                { "expect(interface('enp1s0').mtu).to eq 1400", SPEC_PASS, "" },
                { "expect(default_gateway.ipaddress).to eq '10.2.0.1'", SPEC_PASS, "" },
                { "routing_table.should have_entry(destination: '172.16.0.0/12', gateway: '10.2.0.7')", SPEC_PASS, "" },
                { "interface('hidden').should exist", SPEC_UNANSWERED, NULL },
                { "bridge('br9').should exist", SPEC_PASS, "" },
                { "bridge('br9').should have_interface('enp2s0')", SPEC_PASS, "" },
                { "interface('em1').should have_ipv4_address('10.3.0.2/24')", SPEC_PASS, "" },
                { "interface('em1').should_not be_up", SPEC_PASS, "" },
                { "bond('bond9').should have_interface('em2')", SPEC_PASS, "" },
                { "interface('ens9').should have_ipv4_address('10.4.0.2/24')", SPEC_PASS, "" },
                { "interface('ens9').should_not be_up", SPEC_PASS, "" },
                { "routing_table.should have_entry(destination: '10.99.0.0/16', gateway: '10.4.0.9', interface: 'ens9')", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        put(f, "/etc/systemd/network/10-a.network", "[Match]\nName=enp1s0\n\n[Link]\nMTUBytes=1400\n[Network]\nAddress=10.2.0.2/24\n"
            "Gateway=10.2.0.1\n"
            "[Address]\nAddress=10.2.9.2/24\n[Route]\nDestination=172.16.0.0/12\nGateway=10.2.0.7\n");
        put(f, "/etc/systemd/network/20-b.network", "[Match]\nName=enp2s0\n[Network]\nBridge=br9\n");
        put(f, "/etc/systemd/network/br9.netdev", "[NetDev]\nName=br9\nKind=bridge\n");
        put(f, "/etc/systemd/network/30-c.network", "");
        put(f, "/lib/systemd/network/30-c.network", "[Match]\nName=hidden\n");
        put(f, "/etc/sysconfig/network-scripts/ifcfg-em1", "DEVICE=\"em1\"\nONBOOT=no\nIPADDR=10.3.0.2\nPREFIX=24\n");
        put(f, "/etc/sysconfig/network-scripts/ifcfg-em2", "DEVICE=em2\nONBOOT=yes\nMASTER=bond9\nSLAVE=yes\n");
        put(f, "/etc/NetworkManager/system-connections/ens9.nmconnection",
            "[connection]\nid=ens9\ntype=ethernet\ninterface-name=ens9\nautoconnect=false\n\n[ipv4]\nmethod=manual\naddress1=10.4.0.2/24,10.4.0.1\n"
            "route1=10.99.0.0/16,10.4.0.9,5\n");
        configured_rows(f, rows);
}

/* --- hosts ----------------------------------------------------------------- */

static void hosts_are_resolved_in_the_guest(void **state)
{
        static const struct answer guest[] = {
                { "getent hosts 'here'", "2001:db8::1     here.example.org here\n", .late = true },
                { "getent ahostsv4 'here'", "10.0.0.1        STREAM here\n10.0.0.1        DGRAM\n", .late = true },
                { "getent ahostsv6 'here'", "2001:db8::1     STREAM here\n", .late = true },
                { "getent ahostsv6 'four'", "::ffff:10.0.0.4 STREAM four\n", .late = true },
                { "getent hosts 'none'", "", 2, .late = true },
                { "getent ahostsv4 'none'", "", 2, .late = true },
                { "getent -s dns hosts 'here'", "10.0.0.1 here\n", .late = true },
                { "getent -s dns hosts 'none'", "", 2, .late = true },
                { "getent hosts 'odd'", "", 127, "sh: 1: getent: not found\n", true },
                { "ping -w 5 -c 2 -n 'here'", "2 packets transmitted, 2 received\n", .late = true },
                { "ping -w 1 -c 2 -n 'none'", "", 2, "ping: none: Name or service not known\n", true },
                { "ping -w 5 -c 2 -n 'bare'", "", 127, "sh: 1: ping: not found\n", true },
                { "ping -w 5 -c 2 -n 'denied'", "", 2, "ping: socket: Operation not permitted\n", true },
                { "nc -w 5 -vz 'here' 22", "", 0, "Connection to here 22 port [tcp/ssh] succeeded!\n", true },
                { "nc -w 3 -vz 'here' 23", "", 1, "nc: connect to here port 23 (tcp) failed: Connection refused\n", true },
                { "nc -w 5 -vzu 'here' 53", "", .late = true },
        };
        static const struct check rows[] = {
                { "host('here').should be_resolvable", SPEC_PASS, "" },
                { "host('none').should be_resolvable", SPEC_FAIL, "the name is not found" },
                { "host('odd').should_not be_resolvable", SPEC_UNANSWERED, "getent: not found" },
                { "host('here').should be_resolvable.by('dns')", SPEC_PASS, "" },
                { "host('none').should_not be_resolvable.by('dns')", SPEC_PASS, "" },
                { "host('db').should be_resolvable.by('hosts')", SPEC_PASS, "" },
                { "host('DB.example.org').should be_resolvable.by('hosts')", SPEC_PASS, "" },
                { "host('d').should_not be_resolvable.by('hosts')", SPEC_PASS, "" },
                { "host('old').should_not be_resolvable.by('hosts')", SPEC_PASS, "" },
                { "host('here').should be_resolvable.by('magic')", SPEC_ERROR, "magic" },
                { "host('-x').should be_resolvable", SPEC_ERROR, "no name of a host" },
                { "expect(host('here').ipaddress).to eq '2001:db8::1'", SPEC_PASS, "" },
                { "expect(host('here').ipv4_address).to eq '10.0.0.1'", SPEC_PASS, "" },
                { "expect(host('here').ipv6_address).to eq '2001:db8::1'", SPEC_PASS, "" },
                { "expect(host('four').ipv6_address).to be_nil", SPEC_PASS, "" },
                { "expect(host('none').ipv4_address).to be_nil", SPEC_PASS, "" },
                { "host('here').should be_reachable", SPEC_PASS, "" },
                { "host('none').should_not be_reachable.with(timeout: 1)", SPEC_PASS, "" },
                { "host('bare').should_not be_reachable", SPEC_UNANSWERED, "ping: not found" },
                { "host('denied').should_not be_reachable", SPEC_UNANSWERED, "not permitted" },
                { "host('here').should be_reachable.with(port: 22)", SPEC_PASS, "" },
                { "host('here').should be_reachable.with(port: 23, proto: 'tcp', timeout: 3)", SPEC_FAIL, "does not answer" },
                { "host('here').should be_reachable.with(port: 53, proto: 'udp')", SPEC_PASS, "" },
                { "host('here').should be_reachable.with(port: 53, proto: 'sctp')", SPEC_ERROR, "sctp" },
                { "host('here').should be_reachable.with(port: 0)", SPEC_ERROR, "no port" },
                { "host('here').should be_reachable.with(port: 22, timeout: '1; reboot')", SPEC_ERROR, "no timeout" },
        };
        struct fixture *f = *state;

        put(f, "/etc/hosts", "127.0.0.1 localhost\n10.0.0.9\tdb.example.org db # old\n");
        guest_rows(f, guest, rows);
}

static void hosts_without_a_guest_are_those_of_the_file(void **state)
{
        static const struct check rows[] = {
                { "host('db').should be_resolvable", SPEC_PASS, "" },
                { "expect(host('db').ipaddress).to eq '10.0.0.9'", SPEC_PASS, "" },
                { "expect(host('db').ipv6_address).to eq 'fd00::9'", SPEC_PASS, "" },
                { "host('www').should_not be_resolvable", SPEC_UNANSWERED, "--boot" },
                { "host('www').should_not be_resolvable.by('dns')", SPEC_UNANSWERED, "--boot" },
                { "expect(host('www').ipaddress).to be_nil", SPEC_UNANSWERED, "--boot" },
                { "host('db').should_not be_reachable", SPEC_UNANSWERED, "--boot" },
        };
        struct fixture *f = *state;

        put(f, "/etc/hosts", "10.0.0.9 db\nfd00::9 db\n");
        expect_rows(f, rows);
        assert_true(f->report.v[0].configured);
        assert_true(f->report.v[1].configured);
}

/* --- filters --------------------------------------------------------------- */

static void rules_are_found_between_words(void **state)
{
        static const struct answer guest[] = {
                { "ip6tables -t filter -S", "", 127, "sh: 1: ip6tables: not found\n" },
                { "iptables -t nat -S", "-P POSTROUTING ACCEPT\n-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE\n", .late = true },
                { "iptables -t raw -S", "", 4, "iptables v1.8.9: Could not fetch rule set generation id: Permission denied\n", true },
                { "iptables -t filter -S", "-P INPUT DROP\n-P FORWARD ACCEPT\n-N LOGGING\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
                                           "-A LOGGING -m comment --comment \"all else\" -j LOG\n" },
        };
        static const struct check rows[] = {
                { "iptables.should have_rule('-P INPUT DROP')", SPEC_PASS, "" },
                { "iptables.should have_rule('-p tcp -m tcp --dport 22 -j ACCEPT')", SPEC_PASS, "" },
                { "iptables.should have_rule(' -p  tcp -m tcp')", SPEC_PASS, "" },
                { "iptables.should have_rule('--dport 2')", SPEC_FAIL, "prints no such rule" },
                { "iptables.should have_rule('-A INPUT .* --dport 22')", SPEC_PASS, "" },
                { "iptables.should have_rule('^-A INPUT .* -j ACCEPT$')", SPEC_PASS, "" },
                { "iptables.should_not have_rule('-A INPUT .* --dport 2')", SPEC_PASS, "" },
                { "iptables.should have_rule('--comment \"all else\"')", SPEC_PASS, "" },
                { "iptables.should have_rule('-j ACCEPT').with_chain('INPUT')", SPEC_PASS, "" },
                { "iptables.should_not have_rule('-j ACCEPT').with_chain('LOGGING')", SPEC_PASS, "" },
                { "iptables.should have_rule('-j MASQUERADE').with_table('nat').with_chain('POSTROUTING')", SPEC_PASS, "" },
                { "iptables.should_not have_rule('-j MASQUERADE')", SPEC_PASS, "" },
                { "iptables.should_not have_rule('-j X').with_table('raw')", SPEC_UNANSWERED, "Permission denied" },
                { "iptables.should have_rule('-j X').with_table('raw; reboot')", SPEC_ERROR, "no table" },
                { "iptables.should have_rule('')", SPEC_ERROR, "a rule is expected" },
                { "ip6tables.should_not have_rule('-P INPUT DROP')", SPEC_UNANSWERED, "ip6tables: not found" },
        };
        static const struct check compat[] = { { "iptables.should have_rule('--dport 2')", SPEC_PASS, "" } };
        struct fixture *f = *state;

        guest_rows(f, guest, rows);
        f->options.compat = true;
        guest_rows(f, guest, compat);
}

static void saved_rules_are_read_without_a_guest(void **state)
{
        static const struct check rows[] = {
                { "iptables.should have_rule('-P INPUT DROP')", SPEC_PASS, "" },
                { "iptables.should have_rule('-N LOGGING')", SPEC_PASS, "" },
                { "iptables.should have_rule('--dport 22 -j ACCEPT').with_chain('INPUT')", SPEC_PASS, "" },
                { "iptables.should have_rule('--dport 80')", SPEC_FAIL, "'/etc/iptables/rules.v4' has no such rule" },
                { "iptables.should have_rule('-j MASQUERADE').with_table('nat')", SPEC_PASS, "" },
                { "iptables.should have_rule('-j MASQUERADE').with_table('filter')", SPEC_FAIL, NULL },
                { "ip6tables.should_not have_rule('-P INPUT DROP')", SPEC_UNANSWERED, "no saved rules" },
        };
        struct fixture *f = *state;

        put(f, "/etc/iptables/rules.v4", "# Generated\n*nat\n:PREROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\nCOMMIT\n*filter\n"
            ":INPUT DROP [10:200]\n:LOGGING - [0:0]\n[5:100] -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n");
        configured_rows(f, rows);
}

/* --- faults ---------------------------------------------------------------- */

static void garbage_is_nothing(void **state)
{
        static const char *const texts[] = {
                "", "\n\n\n", ":::::", "eth0/mtu:", "a b c d e f g h i j k l", "/proc/net/route:eth0 X Y Z", "1: eth0 inet",
                "1: eth0 inet 999.1.1.1/99",
                "/proc/net/ipv6_route:f 8 f 0 f f f f f f", "eth0/mtu:99999999999999999999999\neth0/flags:0xfffffffffffffffffffff\neth0/operstate:\n",
        };
        static const struct check rows[] = {
                { "begin; interface('eth0').up?; rescue Bakery::Unanswered; end", SPEC_PASS, NULL },
                { "begin; interface('eth0').has_ipv4_address?('10.0.0.1').should == false; rescue Bakery::Unanswered; end", SPEC_PASS, NULL },
                { "begin; interface('eth0').mtu.should be_nil; rescue Bakery::Unanswered; end", SPEC_PASS, NULL },
                { "begin; default_gateway.ipaddress.should be_nil; rescue Bakery::Unanswered; end", SPEC_PASS, NULL },
                { "begin; routing_table.has_entry?(destination: 'default').should == false; rescue Bakery::Unanswered; end", SPEC_PASS, NULL },
        };

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                const struct answer guest[] = { { "", texts[i], .late = true } };
                struct fixture *f = *state;

                fake_guest(f, guest, 1);
                expect_checks(f, rows, sizeof rows / sizeof *rows);
        }
}

/* No reader is upset by files of another kind. */
static void odd_configurations_are_survived(void **state)
{
        static const char *const texts[] = {
                "", "\n", "[", "[]", "=", "[x]\n=\n=x\n", "iface\nauto\niface a\niface b inet\naddress\nnetmask\n", "network:",
                "network:\n- -\n  - :\n",
                "- - - - - - - - - - - - - - - - - - -\n",
                "a:\n b:\n  c:\n   d:\n    e:\n     f:\n      g:\n       h:\n        i:\n         j:\n          k:\n"
                "           l:\n            m:\n             n:\n              o:\n               p:\n                q:\n                 r:\n",
                "network:\n  ethernets:\n    e:\n      addresses: [\n", "network:\n  x:\n    e:\n      addresses: [,,,]\n      mtu: -1\n",
                "DEVICE=\nIPADDR=\n",
                "[Match]\nName=\n[Network]\nAddress=\nBridge=\n", "[connection]\ninterface-name=\n[ipv4]\naddress1=,,,\nroute1=,\n",
        };
        static const char *const paths[] = {
                "/etc/network/interfaces", "/etc/netplan/a.yaml", "/etc/systemd/network/a.network", "/etc/systemd/network/a.netdev",
                "/etc/sysconfig/network-scripts/ifcfg-", "/etc/NetworkManager/system-connections/a.nmconnection", "/etc/iptables/rules.v4",
        };
        static const struct check rows[] = {
                { "interface('nothing').should exist", SPEC_UNANSWERED, "--boot" },
                { "expect(default_gateway.ipaddress).to be_nil", SPEC_UNANSWERED, "--boot" },
                { "iptables.should have_rule('x')", SPEC_FAIL, NULL },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                for (size_t p = 0; p < sizeof paths / sizeof *paths; p++)
                        put(f, paths[p], texts[i]);
                expect_rows(f, rows);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(interfaces_are_what_the_kernel_says), spec_test(routes_are_the_main_tables),
                spec_test(ifupdown_is_read), spec_test(netplan_is_read), spec_test(networkd_ifcfg_and_keyfiles_are_read),
                spec_test(hosts_are_resolved_in_the_guest), spec_test(hosts_without_a_guest_are_those_of_the_file),
                spec_test(rules_are_found_between_words), spec_test(saved_rules_are_read_without_a_guest),
                spec_test(garbage_is_nothing), spec_test(odd_configurations_are_survived),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
