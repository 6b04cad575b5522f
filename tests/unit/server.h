/* A small HTTP server for tests, on a loopback port of its own, that does on request what servers in the world do: it cuts connections,
 * ignores ranges, changes its content, answers with errors, redirects, hangs. It lives in processes of its own (each
 * connection has one), and what it is told and what it saw lies in shared memory. */
#pragma once
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "lib/buf.h"
#include "lib/run.h"

enum { BODY_MOST = 8 << 20, PLANS = 8, LOGGED = 128, NOT_CUT = 0, CUT_AT_ONCE = -1 };

/* What is done with one request; zeroed: it is answered as well as can be. */
struct plan {
        int status;             /* instead of the content */
        long cut;               /* bytes of the body, after which the connection ends */
        bool hold;              /* after `cut` bytes: tells `held`, waits for `go`, and goes on */
        bool no_range;          /* ignores Range */
        bool stubborn;          /* ignores If-Range */
        bool shifted;           /* sends a range that was not asked for */
        bool no_length;
        char location[200];
};

struct web {
        unsigned char body[BODY_MOST];  /* of every path but those that end in SUMS, */
        char sums[4096];                /* which have this */
        size_t size;
        char etag[64], modified[64];    /* empty: not told */
        struct plan plans[PLANS], rest; /* for the first requests, and those after */
        atomic_uint requests;
        struct { char head[1500]; atomic_size_t sent; } log[LOGGED];
        sem_t held, go;
};

struct server {
        struct web *web;
        pid_t pid;
        unsigned port;
};

static inline void fill(struct web *web, size_t size, unsigned seed)
{
        for (size_t i = 0; i < size; i++)
                web->body[i] = (unsigned char)((i * 7 + (i >> 9) + seed) & 0xff);
        web->size = size;
}

static inline bool send_all(int fd, const void *bytes, size_t length)
{
        for (const char *p = bytes; length > 0;) {
                const ssize_t put = send(fd, p, length, MSG_NOSIGNAL);

                if (put <= 0)
                        return false;
                p += put;
                length -= (size_t)put;
        }
        return true;
}

/* The value of a header, without its line end; empty when it is not there. */
static inline char *header_of(const char *head, const char *name)
{
        autofree char *start = bk_format("\r\n%s: ", name);
        const char *at = strcasestr(head, start);

        return at == NULL ? bk_strdup("") : bk_strndup(at + strlen(start), strcspn(at + strlen(start), "\r"));
}

static inline void send_body(struct web *web, int fd, unsigned n, const struct plan *plan, const unsigned char *bytes, size_t length)
{
        const size_t most = plan->cut == CUT_AT_ONCE ? 0 : plan->cut == NOT_CUT || (size_t)plan->cut > length ? length : (size_t)plan->cut;
        size_t sent = 0;

        while (sent < most) {
                const size_t piece = most - sent > 65536 ? 65536 : most - sent;

                if (!send_all(fd, bytes + sent, piece))
                        return;
                sent += piece;
                atomic_store(&web->log[n % LOGGED].sent, sent);
        }
        if (!plan->hold)
                return;
        (void)sem_post(&web->held);
        while (sem_wait(&web->go) < 0 && errno == EINTR)
                ;
        (void)send_all(fd, bytes + sent, length - sent);
}

static inline void serve(struct web *web, int fd)
{
        const unsigned n = atomic_fetch_add(&web->requests, 1);
        const struct plan *plan = n < PLANS ? &web->plans[n] : &web->rest;
        char *head = web->log[n % LOGGED].head;
        size_t got = 0, size, from = 0;
        const unsigned char *bytes;
        struct bk_buf answer = { 0 };
        bool ranged;

        memset(head, 0, sizeof web->log[0].head);
        atomic_store(&web->log[n % LOGGED].sent, 0);
        while (strstr(head, "\r\n\r\n") == NULL) {
                const ssize_t more = recv(fd, head + got, sizeof web->log[0].head - 1 - got, 0);

                if (more <= 0)
                        return;
                got += (size_t)more;
        }
        autofree char *range = header_of(head, "Range"), *condition = header_of(head, "If-Range");
        const bool sums = memmem(head, strcspn(head, "\r"), "SUMS ", 5) != NULL;

        bytes = sums ? (const unsigned char *)web->sums : web->body;
        size = sums ? strlen(web->sums) : web->size;
        ranged = *range != '\0' && !plan->no_range &&
                 (plan->stubborn || *condition == '\0' || bk_streq(condition, web->etag) || bk_streq(condition, web->modified));
        if (ranged)
                from = strtoul(range + strlen("bytes="), NULL, 10) - (plan->shifted ? 1 : 0);
        if (plan->status != 0)
                bk_buf_printf(&answer, "HTTP/1.1 %d Said\r\nContent-Length: 0\r\n", plan->status);
        else if (ranged && from >= size)
                bk_buf_printf(&answer, "HTTP/1.1 416 Said\r\nContent-Length: 0\r\nContent-Range: bytes */%zu\r\n", size);
        else if (ranged)
                bk_buf_printf(&answer, "HTTP/1.1 206 Said\r\nContent-Range: bytes %zu-%zu/%zu\r\n", from, size - 1, size);
        else
                bk_buf_puts(&answer, "HTTP/1.1 200 Said\r\n");
        if (plan->status == 0 && from <= size && !plan->no_length && !(ranged && from == size))
                bk_buf_printf(&answer, "Content-Length: %zu\r\n", size - from);
        if (*web->etag != '\0')
                bk_buf_printf(&answer, "ETag: %s\r\n", web->etag);
        if (*web->modified != '\0')
                bk_buf_printf(&answer, "Last-Modified: %s\r\n", web->modified);
        if (*plan->location != '\0')
                bk_buf_printf(&answer, "Location: %s\r\n", plan->location);
        bk_buf_puts(&answer, "Connection: close\r\n\r\n");
        if (send_all(fd, answer.data, answer.len) && plan->status == 0 && from < size)
                send_body(web, fd, n, plan, bytes + from, size - from);
        bk_buf_done(&answer);
}

static inline void server_start(struct server *server)
{
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t length = sizeof at;
        const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(setenv("no_proxy", "*", 1), 0);        /* a proxy of the host's cannot reach us */
        server->web = mmap(NULL, sizeof *server->web, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(server->web, MAP_FAILED);
        assert_int_equal(sem_init(&server->web->held, 1, 0), 0);
        assert_int_equal(sem_init(&server->web->go, 1, 0), 0);
        (void)strcpy(server->web->etag, "\"one\"");
        assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
        assert_int_equal(listen(listener, 64), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &length), 0);
        server->port = ntohs(at.sin_port);
        server->pid = bk_fork();
        if (server->pid == 0) {
                (void)signal(SIGCHLD, SIG_IGN);
                for (;;) {
                        const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

                        if (fd < 0)
                                continue;
                        if (bk_fork() == 0) {
                                serve(server->web, fd);
                                _exit(0);
                        }
                        (void)close(fd);
                }
        }
        (void)close(listener);
}

static inline void server_stop(struct server *server)
{
        (void)kill(server->pid, SIGKILL);
        (void)bk_wait(server->pid, 10000);
        (void)munmap(server->web, sizeof *server->web);
}

static inline unsigned requests(const struct server *server)
{
        return atomic_load(&server->web->requests);
}

static inline bool request_has(const struct server *server, unsigned n, const char *text)
{
        return strstr(server->web->log[n % LOGGED].head, text) != NULL;
}
