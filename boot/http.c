/* Listening, counting and telling. libmicrohttpd speaks the protocol in one thread of its own, by epoll, so a slow guest
 * holds up nobody; what it asks us is answered in http_answer.c. */
#include "boot/http.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>

#include "boot/http_priv.h"
#include "lib/cleanup.h"
#include "lib/httpd.h"
#include "lib/lazy.h"

enum {
        CONNECTIONS_MOST = 64,
        HEADERS_MOST = 32 << 10,        /* of one request, and the most that is buffered for one connection */
        TIMEOUT_S = 60,                 /* without a byte */
        LINES_MOST = 200, METHOD_MOST = 16, TARGET_MOST = 256,
};

struct served { char *path; size_t times; };

struct boot_http {
        struct MHD_Daemon *daemon;
        struct http_site site;
        unsigned port;
        void (*on_request)(void *arg, const char *line);
        void *arg;
        pthread_mutex_t lock;           /* all below */
        char *lines[LINES_MOST];        /* a ring */
        size_t told;                    /* ever */
        struct served *served;          /* as many as there are paths to serve, however often they are asked for */
        size_t served_n, served_times;
};

static void http_free(struct boot_http *http)
{
        if (http->site.root >= 0)
                (void)close(http->site.root);
        bk_strv_done(&http->site.names);
        bk_strv_done(&http->site.contents);
        for (size_t i = 0; i < LINES_MOST; i++)
                free(http->lines[i]);
        for (size_t i = 0; i < http->served_n; i++)
                free(http->served[i].path);
        free(http->served);
        (void)pthread_mutex_destroy(&http->lock);
        free(http);
}

static void http_cleanup(struct boot_http **http)
{
        const int saved = errno;

        if (*http != NULL)
                http_free(*http);
        errno = saved;
}

/* --- counting and telling ------------------------------------------------------ */

static char *peer_of(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

        return bk_address_text(info != NULL ? info->client_addr : NULL);
}

static char *line_of(const struct http_request *request, const struct http_answer *answer, const char *peer)
{
        struct bk_buf line = { 0 };

        http_text_print(&line, request->method, METHOD_MOST);
        bk_buf_putc(&line, ' ');
        http_text_print(&line, request->target, TARGET_MOST);
        bk_buf_printf(&line, " %u %llu from %s", answer->status, (unsigned long long)answer->bytes, peer);
        return bk_buf_finish(&line);
}

static void count(struct boot_http *http, const char *path)
{
        size_t i = 0;

        while (i < http->served_n && !bk_streq(http->served[i].path, path))
                i++;
        if (i == http->served_n) {
                http->served = bk_grow(http->served, ++http->served_n, sizeof *http->served);
                http->served[i] = (struct served){ .path = bk_strdup(path) };
        }
        http->served[i].times++;
        http->served_times++;
}

static void tell(struct boot_http *http, const struct http_request *request, const struct http_answer *answer, const char *peer)
{
        autofree char *line = line_of(request, answer, peer);
        char **slot;

        (void)pthread_mutex_lock(&http->lock);
        slot = &http->lines[http->told++ % LINES_MOST];
        free(*slot);
        *slot = bk_strdup(line);
        if (answer->status / 100 == 2 && bk_streq(request->method, "GET"))
                count(http, answer->path);
        (void)pthread_mutex_unlock(&http->lock);
        /* Without the lock, so that it may ask for the counts. */
        if (http->on_request != NULL)
                http->on_request(http->arg, line);
}

unsigned boot_http_port(const struct boot_http *http)
{
        return http->port;
}

size_t boot_http_served(struct boot_http *http, const char *path)
{
        autofree char *clean = path ? http_path_clean(path) : NULL;
        size_t times = 0;

        (void)pthread_mutex_lock(&http->lock);
        for (size_t i = 0; clean != NULL && i < http->served_n; i++)
                if (bk_streq(http->served[i].path, clean))
                        times = http->served[i].times;
        if (clean == NULL)
                times = http->served_times;
        (void)pthread_mutex_unlock(&http->lock);
        return times;
}

char *boot_http_log(struct boot_http *http)
{
        struct bk_buf text = { 0 };

        (void)pthread_mutex_lock(&http->lock);
        for (size_t i = http->told < LINES_MOST ? 0 : http->told - LINES_MOST; i < http->told; i++)
                bk_buf_printf(&text, "%s\n", http->lines[i % LINES_MOST]);
        (void)pthread_mutex_unlock(&http->lock);
        return bk_buf_finish(&text);
}

/* --- requests ------------------------------------------------------------------ */

/* Answers when the headers are there: nothing we answer depends on a body, and libmicrohttpd then closes if one was to come. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                              const char *upload, size_t *upload_size, void **request_cls)
{
        struct boot_http *http = cls;
        const struct http_request request = {
                .method = method, .target = url,
                .range = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Range"),
                .if_range = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "If-Range"),
        };
        autofree char *peer = peer_of(connection);
        struct http_answer answer;
        enum MHD_Result result = MHD_NO;

        (void)version, (void)upload, (void)upload_size, (void)request_cls;
        http_answer(&http->site, &request, &answer);
        if (answer.response != NULL) {
                tell(http, &request, &answer, peer);
                result = MHD_queue_response(connection, answer.status, answer.response);
                MHD_destroy_response(answer.response);
        }
        free(answer.path);
        return result;
}

/* Instead of libmicrohttpd's own decoding, which would end a path at %00. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
        (void)cls, (void)connection;
        return strlen(text);
}

/* --- listening ----------------------------------------------------------------- */

static int listen_somewhere(const struct boot_http_config *config, const char *address, int *ret_fd, struct bk_error *err)
{
        struct bk_address where = { 0 };
        const unsigned n = config->port_max - config->port_min + 1;
        unsigned start = 0;
        int fd = -1;

        if (config->port_max < config->port_min || config->port_max > 65535 || (config->port_min == 0 && config->port_max != 0))
                return bk_fail(err, BK_INVALID, "ports from %u to %u: a range within 1 to 65535 is needed",
                               config->port_min, config->port_max);
        if (getrandom(&start, sizeof start, 0) != sizeof start)
                start = 0;
        start %= n;
        errno = EADDRINUSE;
        for (unsigned i = 0; i < n && fd < 0 && errno == EADDRINUSE; i++) {
                if (bk_address_parse(address, config->port_min + (start + i) % n, &where, err) < 0)
                        return -1;
                errno = EADDRINUSE;
                fd = bk_address_listen(&where);
        }
        if (fd < 0 && errno == EADDRINUSE)
                bk_fail(err, BK_CONFLICT, "every port from %u to %u of %s is taken", config->port_min, config->port_max, address);
        else if (fd < 0)
                bk_fail_errno(err, "cannot listen on %s, port %u to %u", address, config->port_min, config->port_max);
        *ret_fd = fd;
        return fd < 0 ? -1 : 0;
}

/* --- start and stop ------------------------------------------------------------ */

static int take_site(const struct boot_http_config *config, struct http_site *site, struct bk_error *err)
{
        const size_t n = config->names != NULL ? config->names->n : 0;

        if (n != (config->contents != NULL ? config->contents->n : 0))
                return bk_fail(err, BK_INTERNAL, "http_content has as many names as texts");
        for (size_t i = 0; i < n; i++) {
                autofree char *name = http_path_clean(config->names->v[i]);

                if (bk_strv_has(&site->names, name))
                        return bk_fail(err, BK_INVALID, "http_content has '%s' twice", name);
                bk_strv_take(&site->names, bk_take(name));
                bk_strv_add(&site->contents, config->contents->v[i]);
        }
        if (config->folder == NULL)
                return 0;
        site->root = open(config->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return site->root < 0 ? bk_fail_errno(err, "cannot serve folder '%s'", config->folder) : 0;
}

/* The thread inherits a mask that blocks everything: signals are for the threads that wait for them. */
static int start_daemon(struct boot_http *http, int listener, struct bk_error *err)
{
        sigset_t all, before;

        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        http->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handle, http,
                                        MHD_OPTION_LISTEN_SOCKET, listener,
                                        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MOST,
                                        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_MOST,
                                        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
                                        MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
                                        MHD_OPTION_END);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        return http->daemon == NULL ? bk_fail(err, BK_INFRA, "cannot start the HTTP server") : 0;
}

int boot_http_start(const struct boot_http_config *config, struct boot_http **ret, struct bk_error *err)
{
        BK_CLEANUP(http_cleanup) struct boot_http *http = bk_alloc(sizeof *http);
        autoclose int listener = -1;

        http->site.root = -1;
        http->on_request = config->on_request;
        http->arg = config->arg;
        (void)pthread_mutex_init(&http->lock, NULL);
        if (bk_lazy_need("libmicrohttpd.so", err) < 0 || take_site(config, &http->site, err) < 0 ||
            listen_somewhere(config, config->address ? config->address : "127.0.0.1", &listener, err) < 0)
                return -1;
        http->port = bk_socket_port(listener);
        /* The socket is the daemon's from here on: when it does not start, whether it closed it is not told, and closing
         * somebody else's descriptor would be worse than losing one. */
        if (start_daemon(http, bk_take_fd(listener), err) < 0)
                return -1;
        *ret = bk_take(http);
        return 0;
}

void boot_http_stop(struct boot_http *http)
{
        if (http == NULL)
                return;
        MHD_stop_daemon(http->daemon);
        http_free(http);
}
