/* What the HTTP server's tests share: a client, and a served folder with something secret beside it. Requests are written
 * byte by byte on raw sockets, because no client library would send most of these. */
#pragma once
#include "tests/unit/folder.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "boot/http.h"
#include "lib/buf.h"
#include "lib/fs.h"
#include "lib/publish.h"

struct place {
        char *path, *folder;            /* folder is served; "secret" lies beside it */
        struct boot_http *http;
};

/* --- a client ---------------------------------------------------------------- */

static inline int dial(unsigned port)
{
        const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        const struct timeval patience = { .tv_sec = 20 };
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
        assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
        return fd;
}

/* All that comes until the server closes; the caller's. */
static inline char *hear(int fd, size_t *ret_len)
{
        struct bk_buf buf = { 0 };
        char chunk[65536];

        for (ssize_t got; (got = recv(fd, chunk, sizeof chunk, 0)) != 0;) {
                if (got < 0 && errno == ECONNRESET)
                        break;
                assert_true(got > 0);
                bk_buf_add(&buf, chunk, (size_t)got);
        }
        if (ret_len != NULL)
                *ret_len = buf.len;
        return bk_buf_finish(&buf);
}

static inline char *exchange(unsigned port, const void *bytes, size_t length, size_t *ret_len)
{
        autoclose int fd = dial(port);

        assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
        return hear(fd, ret_len);
}

static inline char *get_with(const struct place *place, const char *method, const char *target, const char *headers)
{
        autofree char *request = bk_format("%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", method, target, headers);

        return exchange(boot_http_port(place->http), request, strlen(request), NULL);
}

static inline char *get(const struct place *place, const char *target)
{
        return get_with(place, "GET", target, "");
}

static inline unsigned status_of(const char *answer)
{
        return strncmp(answer, "HTTP/1.", 7) == 0 ? (unsigned)strtoul(answer + 9, NULL, 10) : 0;
}

static inline const char *body_of(const char *answer)
{
        const char *end = strstr(answer, "\r\n\r\n");

        return end ? end + 4 : "";
}

/* --- a server ---------------------------------------------------------------- */

static inline void put(const struct place *place, const char *name, const char *text)
{
        autofree char *path = bk_format("%s/%s", place->folder, name);
        struct bk_error err = { 0 };

        assert_ok(bk_publish_bytes(path, text, strlen(text), 0644, &err), err);
}

static inline void start(struct place *place, struct boot_http_config config)
{
        struct bk_error err = { 0 };

        config.folder = place->folder;
        assert_ok(boot_http_start(&config, &place->http, &err), err);
}

static inline int set_up(void **state)
{
        struct place *place = bk_alloc(sizeof *place);
        autofree char *secret = NULL;

        *state = place;
        place->path = folder_new();
        place->folder = bk_format("%s/www", place->path);
        secret = bk_format("%s/secret", place->path);
        return bk_mkdir_p(place->folder, NULL) < 0 || bk_publish_bytes(secret, "secret\n", 7, 0644, NULL) < 0;
}

static inline int tear_down(void **state)
{
        struct place *place = *state;
        int result;

        boot_http_stop(place->http);
        result = bk_remove_tree(place->path, NULL);
        free(place->folder);
        free(place->path);
        free(place);
        return result;
}

static inline struct bk_strv list(const char *const v[])
{
        struct bk_strv strings = { 0 };

        for (size_t i = 0; v[i] != NULL; i++)
                bk_strv_add(&strings, v[i]);
        return strings;
}
#define LIST(...) list((const char *const[]){ __VA_ARGS__, NULL })

enum { BIG = 50 << 20 };

static inline char *make_big(const struct place *place)
{
        char *path = bk_format("%s/big.iso", place->folder);
        autofree uint32_t *bytes = bk_alloc(BIG);
        struct bk_error err = { 0 };

        for (uint32_t i = 0, x = 1; i < BIG / 4; i++, x = x * 1664525U + 1013904223U)
                bytes[i] = x;
        assert_ok(bk_publish_bytes(path, bytes, BIG, 0644, &err), err);
        return path;
}
