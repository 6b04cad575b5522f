/* Starting and stopping.
 *
 * libmicrohttpd gives each connection a thread. Its own time-outs are of the last byte, and would end who waits for a change, so deadlines
 * are ours (serve_limit.c), looked at by one thread twice a second. */
#include "registry/serve_priv.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/fs.h"
#include "lib/httpd.h"

enum { STACK = 1 << 20, REAP_MS = 500, SWEEP_MS = 3600 * 1000, PEM_MOST = 1 << 20, IDLE_MS = 20 };

struct reg_traffic reg_traffic;

void reg_serve_defaults(struct reg_serve_config *config)
{
        *config = (struct reg_serve_config){
                .connections = 256, .connections_each = 128, .rate = 500, .readers = 4, .timeout_s = 30, .wait_s = 600,
                .header_most = 32 << 10, .url_most = 8 << 10, .body_most = 16 << 20, .layer_most = (uint64_t)1 << 40, .cache_most = 16 << 20,
        };
}

/* --- connections to the database ----------------------------------------------------------- */

int serve_reg_get(struct reg_serve *serve, struct reg **ret, struct bk_error *err)
{
        struct reg *reg = NULL;
        bool make;

        (void)pthread_mutex_lock(&serve->pool_lock);
        while (serve->pool_n == 0 && serve->pool_made == serve->config.readers)
                (void)pthread_cond_wait(&serve->pool_free, &serve->pool_lock);
        make = serve->pool_n == 0;
        if (make)
                serve->pool_made++;
        else
                reg = serve->pool[--serve->pool_n];
        (void)pthread_mutex_unlock(&serve->pool_lock);
        if (make && reg_open(serve->config.home, &reg, err) < 0) {
                (void)pthread_mutex_lock(&serve->pool_lock);
                serve->pool_made--;
                (void)pthread_cond_signal(&serve->pool_free);
                (void)pthread_mutex_unlock(&serve->pool_lock);
                return -1;
        }
        *ret = reg;
        return 0;
}

void serve_reg_put(struct reg_serve *serve, struct reg *reg, bool well)
{
        (void)pthread_mutex_lock(&serve->pool_lock);
        if (well)
                serve->pool[serve->pool_n++] = reg;
        else
                serve->pool_made--;
        (void)pthread_cond_signal(&serve->pool_free);
        (void)pthread_mutex_unlock(&serve->pool_lock);
        if (!well)
                reg_close(reg);
}

/* --- listening ------------------------------------------------------------------------------- */

/* "unix:/path"; one that nobody answers any more is taken over. Who may connect is decided by who they are, not by its mode. */
static int listen_path(const char *path, int *ret, struct bk_error *err)
{
        struct bk_address at = { .at.ss_family = AF_UNIX, .length = sizeof(struct sockaddr_un) };
        struct sockaddr_un *un = (struct sockaddr_un *)(void *)&at.at;
        autoclose int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;

        if (strlen(path) >= sizeof un->sun_path)
                return bk_fail(err, BK_INVALID, "the path of a socket has at most %zu bytes: '%s'", sizeof un->sun_path - 1, path);
        memcpy(un->sun_path, path, strlen(path) + 1);
        if (probe >= 0 && connect(probe, (struct sockaddr *)un, sizeof *un) == 0)
                return bk_fail(err, BK_CONFLICT, "somebody listens at '%s' already", path);
        if (errno == ECONNREFUSED)
                (void)unlink(path);
        fd = bk_address_listen(&at);
        if (fd < 0 || chmod(path, 0666) < 0)
                return bk_fail_errno(err, "cannot listen at '%s'", path);
        *ret = bk_take_fd(fd);
        return 0;
}

/* "127.0.0.1:8080", "[::1]:0", "localhost:80" */
static int parse_listen(const char *text, struct bk_address *ret, struct bk_error *err)
{
        const char *colon = strrchr(text, ':');
        char *end = NULL;
        const unsigned long port = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
        const size_t length = colon != NULL ? (size_t)(colon - text) : 0;
        const bool brackets = length > 2 && text[0] == '[' && text[length - 1] == ']';
        autofree char *host = brackets ? bk_strndup(text + 1, length - 2) : bk_strndup(text, length);

        if (colon == NULL || end == colon + 1 || *end != '\0' || port > 65535)
                return bk_fail(err, BK_USAGE, "-listen takes ADDRESS:PORT or unix:PATH, not '%s'", text);
        return bk_address_parse(bk_streq(host, "localhost") ? "127.0.0.1" : host, (unsigned)port, ret, err);
}

/* Elsewhere passwords and what images hold would be read by whoever listens on the way. */
static int check_safe(const struct reg_serve *serve, const struct sockaddr *at, const char *text, struct bk_error *err)
{
        if (bk_address_loopback(at) || serve->cert != NULL || serve->config.insecure)
                return 0;
        return bk_fail(err, BK_USAGE, "listening on %s without TLS would show tokens to whoever is on the way; give -tls-cert and -tls-key, "
                       "or say -insecure", text);
}

static int listen_text(struct reg_serve *serve, const char *text, int *ret, struct bk_error *err)
{
        struct bk_address at = { 0 };

        if (strncmp(text, "unix:", 5) == 0)
                return listen_path(text + 5, ret, err);
        if (parse_listen(text, &at, err) < 0 || check_safe(serve, (struct sockaddr *)&at.at, text, err) < 0)
                return -1;
        *ret = bk_address_listen(&at);
        return *ret < 0 ? bk_fail_errno(err, "cannot listen on %s", text) : 0;
}

/* --- libmicrohttpd ----------------------------------------------------------------------------- */

static void on_connection(void *cls, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode what)
{
        struct reg_serve *serve = ((struct serve_listener *)cls)->serve;
        const union MHD_ConnectionInfo *info;

        if (what == MHD_CONNECTION_NOTIFY_STARTED) {
                info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
                *context = serve_conn_open(&serve->limits, info->connect_fd, bk_now_ms() + (int64_t)serve->config.timeout_s * 1000);
                atomic_fetch_add(&reg_traffic.connections, 1);
        } else if (*context != NULL) {
                serve_conn_close(&serve->limits, *context);
                *context = NULL;
                atomic_fetch_sub(&reg_traffic.connections, 1);
        }
}

/* Instead of libmicrohttpd's own decoding, which would end a path at %00. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
        (void)cls, (void)connection;
        return strlen(text);
}

static void be_quiet(void *cls, const char *format, va_list args)
{
        (void)cls, (void)format, (void)args;
}

static int start_daemon(struct serve_listener *listener, int fd, struct bk_error *err)
{
        const struct reg_serve *serve = listener->serve;
        const bool tls = serve->cert != NULL && !listener->local;
        const struct MHD_OptionItem with_tls[] = {
                { MHD_OPTION_HTTPS_MEM_CERT, 0, serve->cert },
                { MHD_OPTION_HTTPS_MEM_KEY, 0, serve->key },
                { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(intptr_t)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
                { serve->client_ca != NULL ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, serve->client_ca },
                { MHD_OPTION_END, 0, NULL },
        };
        const struct MHD_OptionItem none[] = { { MHD_OPTION_END, 0, NULL } };
        const unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC |
                               MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0);

        listener->daemon = MHD_start_daemon(flags, 0, NULL, NULL, serve_handle, listener,
                                            MHD_OPTION_EXTERNAL_LOGGER, be_quiet, NULL,
                                            MHD_OPTION_LISTEN_SOCKET, fd,
                                            MHD_OPTION_CONNECTION_LIMIT, serve->config.connections,
                                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, listener->local ? 0 : serve->config.connections_each,
                                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, serve->config.header_most,
                                            MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK,
                                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,
                                            MHD_OPTION_URI_LOG_CALLBACK, serve_begin, listener,
                                            MHD_OPTION_NOTIFY_COMPLETED, serve_end, listener,
                                            MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
                                            MHD_OPTION_ARRAY, tls ? with_tls : none,
                                            MHD_OPTION_END);
        return listener->daemon == NULL ? bk_fail(err, BK_INFRA, "cannot start the HTTP server%s",
                                                  tls ? "; are the certificate and the key a pair?" : "") : 0;
}

static char *url_of(const struct sockaddr *at, bool tls, unsigned port)
{
        autofree char *host = bk_address_text(at);

        return bk_format(at->sa_family == AF_INET6 ? "%s://[%s]:%u" : "%s://%s:%u", tls ? "https" : "http", host, port);
}

/* Takes the descriptor. ours: we made it, and its path goes with us. */
static int add_listener(struct reg_serve *serve, int listening, bool ours, struct bk_error *err)
{
        struct serve_listener *listener = &serve->listeners[serve->n_listeners];
        autoclose int fd = listening;
        union { struct sockaddr any; struct sockaddr_un un; struct sockaddr_storage all; } at = { 0 };
        socklen_t length = sizeof at;

        if (getsockname(fd, &at.any, &length) < 0)
                return bk_fail_errno(err, "descriptor %d does not listen", fd);
        autofree char *text = bk_address_text(&at.any);

        if (check_safe(serve, &at.any, text, err) < 0)
                return -1;
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void)fcntl(fd, F_SETFL, O_NONBLOCK);
        listener->serve = serve;
        listener->local = at.any.sa_family == AF_UNIX;
        if (listener->local && ours)
                listener->path = bk_strdup(at.un.sun_path);
        listener->url = listener->local ? bk_format("unix:%s", at.un.sun_path) : url_of(&at.any, serve->cert != NULL, bk_socket_port(fd));
        serve->n_listeners++;
        /* From here on the socket is the daemon's, also when it does not start: whether it was closed then is not told. */
        return start_daemon(listener, bk_take_fd(fd), err);
}

static int listen_all(struct reg_serve *serve, struct bk_error *err)
{
        const struct reg_serve_config *config = &serve->config;
        const size_t inherited = config->inherited != NULL ? config->inherited->n : 0;

        serve->listeners = bk_alloc((config->listen->n + inherited + 1) * sizeof *serve->listeners);
        for (size_t i = 0; i < inherited; i++)
                if (add_listener(serve, atoi(config->inherited->v[i]), false, err) < 0)
                        return -1;
        for (size_t i = 0; i < config->listen->n; i++) {
                int fd = -1;

                if (listen_text(serve, config->listen->v[i], &fd, err) < 0 || add_listener(serve, fd, true, err) < 0)
                        return -1;
        }
        return 0;
}

/* --- start and stop ------------------------------------------------------------------------------ */

/* Uploads that broke off, and that nobody went on with; layers that somebody was told of, and that did not come. */
static void sweep(struct reg_serve *serve)
{
        struct bk_error err = { 0 };
        size_t n = 0;
        const int halves = layer_halves_sweep(&serve->store, false, &n, &err), awaited = layer_awaited_sweep(&serve->store, halves < 0 ? NULL : &err);

        if ((halves < 0 || awaited < 0) && serve->config.log != NULL)
                serve->config.log(serve->config.arg, err.text);
}

static void *reap(void *arg)
{
        struct reg_serve *serve = arg;
        int64_t sweep_at = 0;

        while (!atomic_load(&serve->stopping)) {
                if (bk_now_ms() >= sweep_at) {
                        sweep(serve);
                        sweep_at = bk_now_ms() + SWEEP_MS;
                }
                (void)usleep(REAP_MS * 1000);
                atomic_fetch_add(&reg_traffic.limited, serve_conn_reap(&serve->limits, bk_now_ms()));
        }
        return NULL;
}

static int read_pem(const char *path, const char *what, char **ret, struct bk_error *err)
{
        if (path != NULL && bk_read_file(path, PEM_MOST, ret, NULL, err) < 0)
                return bk_wrap(err, "%s", what);
        return 0;
}

static int prepare(struct reg_serve *serve, struct bk_error *err)
{
        const struct reg_serve_config *config = &serve->config;

        if ((config->tls_cert == NULL) != (config->tls_key == NULL) || (config->tls_client_ca != NULL && config->tls_cert == NULL))
                return bk_fail(err, BK_USAGE, "TLS needs both -tls-cert and -tls-key");
        if (read_pem(config->tls_cert, "the certificate", &serve->cert, err) < 0 || read_pem(config->tls_key, "the key", &serve->key, err) < 0 ||
            read_pem(config->tls_client_ca, "the clients' CA", &serve->client_ca, err) < 0 ||
            layer_store_open(config->home, &serve->store, err) < 0)
                return -1;
        if (serve_wait_start(&serve->wait, config->home, config->connections / 2, err) < 0)
                return -1;
        return serve_views_start(&serve->views, config->maker, err);
}

static void close_cleanup(struct reg_serve **serve)
{
        const int saved = errno;

        reg_serve_stop(*serve, 0);
        errno = saved;
}

/* Threads inherit a mask that blocks everything: signals are for the threads that wait for them. */
int reg_serve_start(const struct reg_serve_config *config, struct reg_serve **ret, struct bk_error *err)
{
        BK_CLEANUP(close_cleanup) struct reg_serve *serve = bk_alloc(sizeof *serve);
        sigset_t all, before;
        int status;

        serve->config = *config;
        (void)pthread_mutex_init(&serve->limits.lock, NULL);
        (void)pthread_mutex_init(&serve->pool_lock, NULL);
        (void)pthread_cond_init(&serve->pool_free, NULL);
        (void)pthread_mutex_init(&serve->write_lock, NULL);
        (void)pthread_mutex_init(&serve->who_lock, NULL);
        serve_cache_start(&serve->cache, config->cache_most);
        serve->pool = bk_alloc(config->readers * sizeof(struct reg *));
        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        status = prepare(serve, err);
        if (status == 0) {
                serve->reaping = pthread_create(&serve->reaper, NULL, reap, serve) == 0;
                status = serve->reaping ? listen_all(serve, err) : bk_fail(err, BK_INFRA, "cannot start a thread");
                if (status == 0)
                        status = serve_hooks_start(serve, err);
        }
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (status < 0)
                return -1;
        *ret = bk_take(serve);
        return 0;
}

const char *reg_serve_url(const struct reg_serve *serve, size_t i)
{
        return i < serve->n_listeners ? serve->listeners[i].url : NULL;
}

/* Sockets are closed first, so that a new server can have them while the last requests end here. */
static void quiesce(struct reg_serve *serve)
{
        for (size_t i = 0; i < serve->n_listeners; i++) {
                const struct serve_listener *listener = &serve->listeners[i];
                const int fd = listener->daemon != NULL ? MHD_quiesce_daemon(listener->daemon) : -1;

                if (fd >= 0)
                        (void)close(fd);
                if (listener->path != NULL)
                        (void)unlink(listener->path);
        }
}

static void free_serve(struct reg_serve *serve)
{
        for (size_t i = 0; i < serve->n_listeners; i++) {
                free(serve->listeners[i].url);
                free(serve->listeners[i].path);
        }
        free(serve->listeners);
        for (size_t i = 0; i < serve->pool_n; i++)
                reg_close(serve->pool[i]);
        free(serve->pool);
        for (size_t i = 0; i < SERVE_WHO_CACHED; i++) {
                free(serve->who[i].token);
                serve_who_done(&serve->who[i].who);
        }
        serve_cache_stop(&serve->cache);
        layer_store_done(&serve->store);
        if (serve->key != NULL)
                gnutls_memset(serve->key, 0, strlen(serve->key));
        free(serve->cert);
        free(serve->key);
        free(serve->client_ca);
        free(serve);
}

void reg_serve_stop(struct reg_serve *serve, int grace_ms)
{
        const int64_t end = bk_now_ms() + grace_ms;

        if (serve == NULL)
                return;
        quiesce(serve);
        atomic_store(&serve->stopping, true);
        serve_wait_stop(&serve->wait);
        while (atomic_load(&serve->requests) > 0 && bk_now_ms() < end)
                (void)usleep(IDLE_MS * 1000);
        serve_views_stop(&serve->views);
        serve_hooks_stop(&serve->hooks);
        for (size_t i = 0; i < serve->n_listeners; i++)
                if (serve->listeners[i].daemon != NULL)
                        MHD_stop_daemon(serve->listeners[i].daemon);
        if (serve->reaping)
                (void)pthread_join(serve->reaper, NULL);
        serve_wait_done(&serve->wait);
        free_serve(serve);
}
