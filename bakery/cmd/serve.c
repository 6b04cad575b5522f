/* serve: the registry over HTTP, until a signal says to end. */
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bakery/bake/bake.h"
#include "bakery/cmd/diff_files.h"
#include "bakery/cmd/janitor.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "registry/consul.h"
#include "registry/serve.h"
#include "registry/view.h"

enum { GRACE_MS = 30000, FIRST_FD = 3, FILES = 4096, ARENAS = 4, VIEWS_GIB = 50 };

static const struct cmd_flag flags[] = {
        { "listen", "ADDRESS:PORT", true, "where, instead of 127.0.0.1:8080; unix:PATH is a socket in the file system, port 0 any that is free" },
        { "tls-cert", "FILE", false, "certificate chain (PEM)" },
        { "tls-key", "FILE", false, "its key (PEM)" },
        { "tls-client-ca", "FILE", false, "refuse who has no certificate that one of these has signed (PEM)" },
        { "token-required", NULL, false, "reading needs a token, on this host too" },
        { "anonymous", NULL, false, "reading needs no token, from elsewhere either" },
        { "insecure", NULL, false, "listen elsewhere than on this host without TLS, and let everybody read" },
        { "access-log", NULL, false, "print a line for every request, not only for those that failed here" },
        { "connections", "N", false, "at most N connections at once (256)" },
        { "connections-each", "N", false, "... from one address (128)" },
        { "rate", "N", false, "at most N requests a second from one address, this host's too; 0: any (500, this host's not counted)" },
        { "timeout", "SECONDS", false, "for a request's headers, and for every 128 KiB that come or go (30)" },
        { "wait-most", "SECONDS", false, "the longest ?wait= (600)" },
        { "url-most", "BYTES", false, "the longest path and query (8192)" },
        { "header-most", "KIB", false, "the largest headers (32)" },
        { "body-most", "MIB", false, "the largest JSON body (16)" },
        { "layer-most", "GIB", false, "the largest layer that is taken (1024)" },
        { "cache-most", "MIB", false, "answers that are remembered; 0: none (16)" },
        { "readers", "N", false, "connections to the database (4), one of which is kept for what is brief" },
        { "consul", "URL", false, "tell this Consul agent where the registry is, as long as it runs; its token is in CONSUL_HTTP_TOKEN" },
        { "consul-name", "NAME", false, "name of the service there (bakery)" },
        { "public-url", "URL", false, "where others reach this server, for Consul; the first address that is listened on" },
        { "views-most", "GIB", false, "room for boxes and disks made for Vagrant, LXD and Incus; 0: none are made (50)" },
};

/* --- systemd ------------------------------------------------------------------------------ */

/* sd_notify(3): a datagram to NOTIFY_SOCKET; "@" begins an abstract name. Nobody listening is no failure. */
static void notify(const char *text)
{
        const char *path = getenv("NOTIFY_SOCKET");
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        const size_t length = path != NULL ? strlen(path) : 0;

        if (fd < 0 || length == 0 || length >= sizeof to.sun_path)
                return;
        memcpy(to.sun_path, path, length);
        if (to.sun_path[0] == '@')
                to.sun_path[0] = '\0';
        (void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

/* sd_listen_fds(3): descriptors from 3 on, when they are meant for this process. */
static void inherited(struct bk_strv *ret)
{
        const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");

        if (pid == NULL || n == NULL || strtol(pid, NULL, 10) != (long)getpid())
                return;
        for (int i = 0; i < atoi(n); i++)
                bk_strv_addf(ret, "%d", FIRST_FD + i);
        (void)unsetenv("LISTEN_PID");
        (void)unsetenv("LISTEN_FDS");
}

/* --- serving ------------------------------------------------------------------------------- */

static void log_line(void *arg, const char *line)
{
        (void)arg;
        (void)fprintf(stderr, "%s\n", line);
}

static void settings(const struct cmd_args *args, struct reg_serve_config *config)
{
        reg_serve_defaults(config);
        config->tls_cert = cmd_value(args, "tls-cert");
        config->tls_key = cmd_value(args, "tls-key");
        config->tls_client_ca = cmd_value(args, "tls-client-ca");
        config->insecure = cmd_switch(args, "insecure");
        config->token_required = cmd_switch(args, "token-required");
        config->anonymous = cmd_switch(args, "anonymous");
        config->rate_here = cmd_value(args, "rate") != NULL;
        config->connections = (unsigned)cmd_number(args, "connections", 4, config->connections);
        config->connections_each = (unsigned)cmd_number(args, "connections-each", 1, config->connections_each);
        config->rate = (unsigned)cmd_number(args, "rate", 0, config->rate);
        config->timeout_s = (unsigned)cmd_number(args, "timeout", 1, config->timeout_s);
        config->wait_s = (unsigned)cmd_number(args, "wait-most", 0, config->wait_s);
        config->readers = (unsigned)cmd_number(args, "readers", 1, config->readers);
        config->url_most = (size_t)cmd_number(args, "url-most", 64, (long)config->url_most);
        config->header_most = (size_t)cmd_number(args, "header-most", 4, (long)config->header_most >> 10) << 10;
        config->body_most = (size_t)cmd_number(args, "body-most", 1, (long)config->body_most >> 20) << 20;
        config->cache_most = (size_t)cmd_number(args, "cache-most", 0, (long)config->cache_most >> 20) << 20;
        config->layer_most = (uint64_t)cmd_number(args, "layer-most", 1, (long)(config->layer_most >> 30)) << 30;
        config->log_all = cmd_switch(args, "access-log");
        config->log = log_line;
        config->plan = cmd_janitor_answer;
}

/* A connection takes two descriptors. Few pools of memory: threads are many, and what one frees another can use. */
static void prepare_process(void)
{
        struct rlimit files;

        if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < FILES) {
                files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
                (void)setrlimit(RLIMIT_NOFILE, &files);
        }
        (void)mallopt(M_ARENA_MAX, ARENAS);
        (void)signal(SIGPIPE, SIG_IGN);
}

/* What a server that was killed left behind is removed before there are threads. */
static int clean_up(const char *home, struct bk_error *err)
{
        struct layer_store store = { 0 };
        int status;

        if (layer_store_open(home, &store, err) < 0)
                return -1;
        status = bake_reap(&store, err);
        layer_store_done(&store);
        return status;
}

/* Programs are run by a process of its own, which must be there before there are threads. */
static int start_maker(const struct cmd_args *args, const char *home, struct reg_maker **ret, struct bk_error *err)
{
        const uint64_t most = (uint64_t)cmd_number(args, "views-most", 0, VIEWS_GIB) << 30;

        return most == 0 ? 0 : reg_maker_start(home, most, cmd_diff_files, ret, err);
}

/* --- Consul -------------------------------------------------------------------------------- */

static bool consul_of(const struct cmd_args *args, const struct reg_serve *serve, struct reg_consul *ret)
{
        *ret = (struct reg_consul){ .agent = cmd_value(args, "consul"), .token = getenv("CONSUL_HTTP_TOKEN"), .name = cmd_value(args, "consul-name"),
                                    .url = cmd_value(args, "public-url") };
        for (size_t i = 0; ret->url == NULL && reg_serve_url(serve, i) != NULL; i++)
                if (strncmp(reg_serve_url(serve, i), "unix:", 5) != 0)
                        ret->url = reg_serve_url(serve, i);
        return ret->agent != NULL;
}

/* A registry that Consul does not know of serves those who do. */
static void tell_consul(const struct reg_consul *consul, int (*tell)(const struct reg_consul *consul, struct bk_error *err))
{
        struct bk_error err = { 0 };

        if (consul->url == NULL)
                bk_fail(&err, BK_USAGE, "-consul needs -public-url where only a socket is listened on");
        if (consul->url == NULL || tell(consul, &err) < 0)
                (void)fprintf(stderr, "bakery: warning: %s\n", err.text);
}

static void wait_for_end(const sigset_t *signals)
{
        int signal = 0;

        while (sigwait(signals, &signal) != 0)
                ;
        notify("STOPPING=1");
        /* Asked once more, it ends at once, as it would have without us. */
        (void)pthread_sigmask(SIG_UNBLOCK, signals, NULL);
}

static int run(const struct cmd_args *args)
{
        autofree char *home = cmd_home(args);
        autostrv struct bk_strv listen = { 0 }, descriptors = { 0 };
        struct reg_serve_config config;
        struct reg_serve *serve = NULL;
        struct reg_consul consul;
        struct bk_error err = { 0 };
        sigset_t signals;

        settings(args, &config);
        inherited(&descriptors);
        cmd_values(args, "listen", &listen);
        if (listen.n == 0 && descriptors.n == 0)
                bk_strv_add(&listen, "127.0.0.1:8080");
        config.home = home;
        config.listen = &listen;
        config.inherited = &descriptors;
        prepare_process();
        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGTERM);
        (void)sigaddset(&signals, SIGINT);
        (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
        if (clean_up(home, &err) < 0 || start_maker(args, home, &config.maker, &err) < 0 || reg_serve_start(&config, &serve, &err) < 0) {
                reg_maker_stop(config.maker);
                return cmd_fail(&err);
        }
        for (size_t i = 0; reg_serve_url(serve, i) != NULL; i++)
                printf("listening on %s\n", reg_serve_url(serve, i));
        (void)fflush(stdout);
        notify("READY=1");
        if (consul_of(args, serve, &consul))
                tell_consul(&consul, reg_consul_register);
        wait_for_end(&signals);
        if (consul.agent != NULL)
                tell_consul(&consul, reg_consul_deregister);
        reg_serve_stop(serve, GRACE_MS);
        reg_maker_stop(config.maker);
        return 0;
}

const struct cmd cmd_serve = {
        "serve", "", 0, 0, "offer the registry over HTTP",
        "Everything that commands ask and change is below /api/v1 (GET /api/v1/openapi.json lists it), and layers can be fetched and sent. "
        "Without options it listens on this host only, in clear text, and lets everybody there read; whoever changes something shows a "
        "token (`Authorization: Bearer`). Over a socket (-listen unix:PATH) root and the user that runs the server may do everything. "
        "Elsewhere it needs -tls-cert and -tls-key, and a token for reading too, unless -anonymous is given. "
        "SIGTERM and SIGINT let requests that have begun end, for 30 seconds. Under systemd it tells when it is ready, and takes sockets.",
        CMD_FLAGS(flags), run,
};
