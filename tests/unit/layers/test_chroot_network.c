/* The sandbox' network: cut, or a way out that does not lead to the host's loopback. */
#include "tests/unit/layers/sandbox.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/capability.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Listens on an address of the host, port of the kernel's choice. */
static int listen_on(struct in_addr address, char **ret_port)
{
        struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr = address };
        socklen_t length = sizeof name;
        const int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(sock >= 0);
        assert_int_equal(bind(sock, (struct sockaddr *)&name, sizeof name), 0);
        assert_int_equal(listen(sock, 4), 0);
        assert_int_equal(getsockname(sock, (struct sockaddr *)&name, &length), 0);
        *ret_port = bk_format("%u", ntohs(name.sin_port));
        return sock;
}

static bool was_reached(int listener)
{
        struct pollfd event = { .fd = listener, .events = POLLIN };

        return poll(&event, 1, 0) != 0;
}

/* connect ADDRESS PORT: 0 when it answers, 1 when not, 2 when that is a fact at once: there is no way there. */
static int probe_connect(int argc, char **argv)
{
        struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[argc - 1])) };
        const int sock = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        struct pollfd event = { .fd = sock, .events = POLLOUT };
        int problem = 0;
        socklen_t length = sizeof problem;

        if (sock < 0 || inet_pton(AF_INET, argv[1], &name.sin_addr) != 1)
                return 125;
        if (connect(sock, (struct sockaddr *)&name, sizeof name) < 0 && errno != EINPROGRESS)
                return errno == ENETUNREACH ? 2 : 1;
        return poll(&event, 1, 3000) != 1 || getsockopt(sock, SOL_SOCKET, SO_ERROR, &problem, &length) < 0 || problem != 0;
}

static int connect_inside(struct place *place, const char *address, const char *port)
{
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };

        run_inside(place, (const char *const[]){ "/probe", "connect", address, port, NULL }, &result);
        return result.status;
}

static void without_network_there_is_only_loopback(void **state)
{
        struct place *place = *state;

        open_plain(place);
        assert_prints(place, "ls /sys/class/net", "lo\n");
        assert_int_equal(connect_inside(place, "192.0.2.1", "80"), 2);
        assert_int_equal(connect_inside(place, "10.0.2.2", "80"), 2);
        assert_int_equal(connect_inside(place, "127.0.0.1", "80"), 1);  /* it is up: refused, not unreachable */
}

static void the_hosts_loopback_is_out_of_reach(void **state)
{
        struct place *place = *state;
        static const char *const addresses[] = { "127.0.0.1", "127.0.0.2", "10.0.2.2", "10.0.2.3", "0.0.0.0" };
        const struct in_addr loopback = { htonl(INADDR_LOOPBACK) };

        for (int network = 0; network < 2; network++) {
                autofree char *port = NULL;
                autoclose int listener = listen_on(loopback, &port);

                open_with(place, (struct chroot_config){ .network = network != 0 });
                for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
                        print_message("# %s, with%s network\n", addresses[i], network ? "" : "out");
                        assert_int_not_equal(connect_inside(place, addresses[i], port), 0);
                        assert_false(was_reached(listener));
                }
                close_sandbox(place);
        }
}

/* What shows that the refusals above are not just a network that never works. */
static void with_network_an_address_of_the_host_is_reached(void **state)
{
        struct place *place = *state;
        struct ifaddrs *all = NULL, *at;
        char text[INET_ADDRSTRLEN];
        autofree char *port = NULL;

        need("root");
        need("slirp4netns");
        assert_int_equal(getifaddrs(&all), 0);
        for (at = all; at != NULL; at = at->ifa_next)
                if (at->ifa_addr != NULL && at->ifa_addr->sa_family == AF_INET && (at->ifa_flags & (IFF_LOOPBACK | IFF_UP)) == IFF_UP)
                        break;
        if (at == NULL) {
                freeifaddrs(all);
                print_message("# skipped: this host has only its loopback\n");
                skip();
        }
        const struct in_addr address = ((const struct sockaddr_in *)(const void *)at->ifa_addr)->sin_addr;
        autoclose int listener = listen_on(address, &port);

        freeifaddrs(all);
        assert_non_null(inet_ntop(AF_INET, &address, text, sizeof text));
        open_with(place, (struct chroot_config){ .network = true });
        assert_prints(place, "ls /sys/class/net", "lo\ntap0\n");
        assert_int_equal(connect_inside(place, text, port), 0);
        assert_true(was_reached(listener));
}

static int probe_abstract(int argc, char **argv)
{
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        const int sock = socket(AF_UNIX, SOCK_STREAM, 0);

        (void)argc;
        (void)snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "%s", argv[1]);
        PROBE_FAILS(connect(sock, (struct sockaddr *)&name, sizeof name), ECONNREFUSED);
        return 0;
}

static void abstract_sockets_of_the_host_are_out_of_reach(void **state)
{
        struct place *place = *state;
        struct sockaddr_un name = { .sun_family = AF_UNIX };
        autoclose int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "%s", place->root);
        assert_int_equal(bind(sock, (struct sockaddr *)&name, sizeof name), 0);
        assert_int_equal(listen(sock, 1), 0);
        open_plain(place);
        assert_probe(place, "abstract", place->root);
}

/* It talks to the inside, so it holds nothing of the host's but the right to low ports. */
static void the_networks_helper_has_given_up_its_capabilities(void **state)
{
        struct place *place = *state;
        autofree char *children = NULL, *path = bk_format("/proc/%ld/task/%ld/children", (long)getpid(), (long)getpid());
        char *rest = NULL;
        unsigned found = 0;

        open_with(place, (struct chroot_config){ .network = true });
        do_shell(place, "true");
        assert_int_equal(bk_read_file(path, 4096, &children, NULL, NULL), 0);
        for (char *pid = strtok_r(children, " ", &rest); pid != NULL; pid = strtok_r(NULL, " ", &rest)) {
                autofree char *file = bk_format("/proc/%s/status", pid), *status = NULL;

                assert_int_equal(bk_read_file(file, 65536, &status, NULL, NULL), 0);
                if (strncmp(status, "Name:\tslirp4netns\n", 18) != 0)
                        continue;
                assert_int_equal(strtoull(strstr(status, "CapEff:") + 7, NULL, 16), 1 << CAP_NET_BIND_SERVICE);
                found++;
        }
        assert_int_equal(found, 1);
}

static void without_slirp4netns_the_first_command_says_so(void **state)
{
        struct place *place = *state;
        const struct bk_run run = { .argv = (const char *const[]){ "true", NULL }, .timeout_ms = COMMAND_TIMEOUT_MS };
        autofree char *path = bk_strdup(getenv("PATH"));
        struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };

        need("root");
        assert_int_equal(setenv("PATH", "/nonexistent", 1), 0);
        assert_ok(chroot_open(&(struct chroot_config){ .root = place->root, .network = true }, &place->chroot, &err), err);
        assert_int_equal(setenv("PATH", path, 1), 0);
        assert_fails_with(chroot_run(place->chroot, &run, &result, &err), err, BK_INFRA);
        assert_non_null(strstr(err.text, "slirp4netns"));
}

int main(int argc, char **argv)
{
        static const struct probe probes[] = {
                { "connect", probe_connect }, { "abstract", probe_abstract },
        };
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(without_network_there_is_only_loopback),
                TEST(the_hosts_loopback_is_out_of_reach),
                TEST(with_network_an_address_of_the_host_is_reached),
                TEST(abstract_sockets_of_the_host_are_out_of_reach),
                TEST(the_networks_helper_has_given_up_its_capabilities),
                TEST(without_slirp4netns_the_first_command_says_so),
        };

        if (argc > 1)
                return probe_main(probes, sizeof probes / sizeof *probes, argc - 1, argv + 1);
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
