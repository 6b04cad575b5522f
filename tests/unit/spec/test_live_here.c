/* The guest is this very machine: what types ask is what its kernel and its tools answer, and all of it in few round trips. */
#include "tests/unit/spec/fixture.h"

#include <arpa/inet.h>
#include <net/if.h>

#include "lib/run.h"

static unsigned round_trips;

static int run_here(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err)
{
        const char *const argv[] = { "/bin/sh", "-c", line, NULL };
        const struct bk_run run = { .argv = argv, .timeout_ms = timeout_ms, .input = input, .input_len = input_len };
        struct bk_run_result result = { 0 };

        (void)arg;
        round_trips++;
        if (bk_run_with(&run, &result, err) < 0)
                return -1;
        *ret = (struct spec_output){ .out = result.out, .out_len = result.out_len, .err = result.err,
                                     .err_len = result.err ? strlen(result.err) : 0, .status = result.status };
        return 0;
}

static void here(struct fixture *f)
{
        (void)close(f->target.root_fd);
        f->target.root_fd = -1;
        f->target.guest.run = run_here;
        round_trips = 0;
}

/* A socket that is bound to a free port of the address; listens where the protocol does. */
static int open_socket(int family, int type, bool any, bool only_v6, unsigned *ret_port)
{
        const int fd = socket(family, type | SOCK_CLOEXEC, 0), only = only_v6;
        struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK) };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = any ? in6addr_any : in6addr_loopback };
        socklen_t length = family == AF_INET ? sizeof v4 : sizeof v6;
        struct sockaddr *address = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;

        assert_true(fd >= 0);
        if (family == AF_INET6)
                assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only), 0);
        assert_int_equal(bind(fd, address, length), 0);
        if (type == SOCK_STREAM)
                assert_int_equal(listen(fd, 1), 0);
        assert_int_equal(getsockname(fd, address, &length), 0);
        *ret_port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
        return fd;
}

/* Rows whose checks have a number for %u. */
static void expect_port(struct fixture *f, unsigned port, const struct check *rows, size_t n)
{
        struct check checks[16] = { 0 };
        char *texts[16] = { 0 };

        assert_true(n <= 16);
        for (size_t i = 0; i < n; i++) {
                const char *at = strstr(rows[i].check, "%u");

                checks[i] = rows[i];
                texts[i] = bk_format("%.*s%u%s", (int)(at - rows[i].check), rows[i].check, port, at + 2);
                checks[i].check = texts[i];
        }
        expect_checks(f, checks, n);
        for (size_t i = 0; i < n; i++)
                free(texts[i]);
}

#define port_rows(f, port, rows) expect_port(f, port, rows, sizeof rows / sizeof *(rows))

static void a_listening_socket_is_found(void **state)
{
        static const struct check rows[] = {
                { "port(%u).should be_listening", SPEC_PASS, "" },
                { "port(%u).should be_listening.with('tcp')", SPEC_PASS, "" },
                { "port(%u).should be_listening.on('127.0.0.1')", SPEC_PASS, "" },
                { "port(%u).should be_listening.on('0.0.0.0')", SPEC_FAIL, "tcp on 127.0.0.1" },
                { "port(%u).should be_listening.with('udp')", SPEC_FAIL, NULL },
                { "port(%u).should be_listening.with('tcp6')", SPEC_FAIL, NULL },
        };
        static const struct check closed[] = { { "port(%u).should_not be_listening", SPEC_PASS, "" } };
        struct fixture *f = *state;
        unsigned port;
        const int fd = open_socket(AF_INET, SOCK_STREAM, false, false, &port);

        here(f);
        port_rows(f, port, rows);
        assert_int_equal(close(fd), 0);
        port_rows(f, port, closed);
}

static void a_udp_socket_is_found(void **state)
{
        static const struct check rows[] = {
                { "port(%u).should be_listening.with('udp').on('0.0.0.0')", SPEC_PASS, "" },
                { "port(%u).should_not be_listening.with('tcp')", SPEC_PASS, "" },
        };
        struct fixture *f = *state;
        unsigned port;
        autoclose int fd = open_socket(AF_INET, SOCK_DGRAM, true, false, &port);

        assert_true(fd >= 0);
        here(f);
        port_rows(f, port, rows);
}

static void sockets_of_ipv6_take_ipv4_where_they_do(void **state)
{
        static const struct check both[] = {
                { "port(%u).should be_listening.with('tcp6')", SPEC_PASS, "" },
                { "port(%u).should be_listening.with('tcp')", SPEC_PASS, "" },
                { "port(%u).should be_listening.on('0.0.0.0')", SPEC_PASS, "" },
        };
        static const struct check only[] = {
                { "port(%u).should be_listening.with('tcp6').on('::')", SPEC_PASS, "" },
                { "port(%u).should_not be_listening.with('tcp')", SPEC_PASS, "" },
        };
        struct fixture *f = *state;
        unsigned port;
        int fd;

        need("ss");
        here(f);
        fd = open_socket(AF_INET6, SOCK_STREAM, true, false, &port);
        port_rows(f, port, both);
        assert_int_equal(close(fd), 0);
        fd = open_socket(AF_INET6, SOCK_STREAM, true, true, &port);
        port_rows(f, port, only);
        assert_int_equal(close(fd), 0);
}

static void this_process_runs(void **state)
{
        static const struct check rows[] = {
                { "process('test_live_here').should be_running", SPEC_PASS, "" },
                { "process('test_live').should_not be_running", SPEC_PASS, "" },
                { "process('ps').should_not be_running", SPEC_PASS, "" },
                { "expect(process('test_live_here').count).to be >= 1", SPEC_PASS, "" },
                { "expect(process('test_live_here').args).to include 'test_live_here'", SPEC_PASS, "" },
                { "expect(process('test_live_here').user).to match(/^\\w/)", SPEC_PASS, "" },
                { "expect(process('test_live_here').nice).to be_a Integer", SPEC_PASS, "" },
                { "expect(process('test_live_here').tasty).to be_nil", SPEC_ERROR, "no column 'tasty'" },
                { "service('test_live_here').should_not be_running", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        need("ps");
        here(f);
        expect_rows(f, rows);
}

static void the_kernel_and_lo_are_here(void **state)
{
        static const struct check rows[] = {
                { "interface('lo').should exist", SPEC_PASS, "" },
                { "interface('lo').should be_up", SPEC_PASS, "" },
                { "interface('lo').should have_ipv4_address('127.0.0.1/8')", SPEC_PASS, "" },
                { "expect(interface('lo').mtu).to eq 65_536", SPEC_PASS, "" },
                { "interface('none0').should_not exist", SPEC_PASS, "" },
                { "bond('lo').should_not exist", SPEC_PASS, "" },
                { "bridge('lo').should_not exist", SPEC_PASS, "" },
                { "routing_table.should_not have_entry(destination: '203.0.113.77')", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('kernel.ostype').value).to eq 'Linux'", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('kernel.pid_max').value).to be > 300", SPEC_PASS, "" },
                { "expect(linux_kernel_parameter('kernel.none').value).to be_nil", SPEC_PASS, "" },
                { "kernel_module('no_such_module').should_not be_loaded", SPEC_PASS, "" },
                { "host('localhost').should be_resolvable", SPEC_PASS, "" },
                { "host('localhost').should be_resolvable.by('hosts')", SPEC_PASS, "" },
                { "expect(host('localhost').ipv4_address).to eq '127.0.0.1'", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        need("ip");
        here(f);
        expect_rows(f, rows);
}

static void a_host_is_reached(void **state)
{
        static const struct check open[] = {
                { "host('127.0.0.1').should be_reachable.with(port: %u, proto: 'tcp', timeout: 2)", SPEC_PASS, "" },
        };
        static const struct check closed[] = {
                { "host('127.0.0.1').should be_reachable.with(port: %u, timeout: 2)", SPEC_FAIL, "does not answer" },
        };
        struct fixture *f = *state;
        unsigned port;
        int fd = open_socket(AF_INET, SOCK_STREAM, false, false, &port);

        here(f);
        port_rows(f, port, open);
        assert_int_equal(close(fd), 0);
        port_rows(f, port, closed);
}

/* Two hundred checks of many resources, described before any of them is asked. */
static void many_checks_come_in_few_round_trips(void **state)
{
        struct fixture *f = *state;
        struct bk_buf spec = { 0 };
        autofree char *text = NULL;
        int64_t started;

        for (int i = 0; i < 20; i++)
                bk_buf_printf(&spec, "describe(port(%d)) { it { should_not be_listening.with('udp6').on('2001:db8::1') } }\n"
                              "describe(process('none%d')) { it { should_not be_running }\n its(:count) { should eq 0 } }\n"
                              "describe(service('none%d')) { it { should_not be_running }\n it { should_not be_enabled } }\n"
                              "describe(interface('none%d')) { it { should_not exist }\n it { should_not be_up } }\n"
                              "describe(kernel_module('none%d')) { it { should_not be_loaded } }\n"
                              "describe(linux_kernel_parameter('none.none%d')) { its(:value) { should be_nil } }\n"
                              "describe(routing_table) { it { should_not have_entry(destination: '203.0.113.%d') } }\n", 100 + i, i, i, i, i, i, i);
        text = bk_buf_finish(&spec);
        here(f);
        started = bk_now_ms();
        run(f, text);
        print_message("# %zu checks, %u round trips, %lld ms\n", f->report.n, round_trips, (long long)(bk_now_ms() - started));
        assert_int_equal(f->report.n, 200);
        if (f->report.count[SPEC_PASS] != 200)
                show(&f->report);
        assert_int_equal(f->report.count[SPEC_PASS], 200);
        assert_true(round_trips <= 4);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(a_listening_socket_is_found), spec_test(a_udp_socket_is_found), spec_test(sockets_of_ipv6_take_ipv4_where_they_do),
                spec_test(this_process_runs), spec_test(the_kernel_and_lo_are_here), spec_test(a_host_is_reached),
                spec_test(many_checks_come_in_few_round_trips),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
