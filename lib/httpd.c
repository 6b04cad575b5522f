/* Addresses, and ranges. */
#include "lib/httpd.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "lib/cleanup.h"

enum { BACKLOG = 128 };

/* --- addresses ----------------------------------------------------------------------- */

int bk_address_parse(const char *text, unsigned port, struct bk_address *ret, struct bk_error *err)
{
        const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM };
        struct addrinfo *found = NULL;
        const int status = getaddrinfo(text, NULL, &hints, &found);

        if (status != 0)
                return bk_fail(err, BK_INVALID, "'%s' is not an address to listen on: %s", text, gai_strerror(status));
        memcpy(&ret->at, found->ai_addr, found->ai_addrlen);
        ret->length = found->ai_addrlen;
        if (found->ai_family == AF_INET6)
                ((struct sockaddr_in6 *)(void *)&ret->at)->sin6_port = htons((uint16_t)port);
        else
                ((struct sockaddr_in *)(void *)&ret->at)->sin_port = htons((uint16_t)port);
        freeaddrinfo(found);
        return 0;
}

bool bk_address_loopback(const struct sockaddr *at)
{
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr;

        switch (at->sa_family) {
        case AF_UNIX:   return true;
        case AF_INET:   return ntohl(((const struct sockaddr_in *)(const void *)at)->sin_addr.s_addr) >> 24 == 127;
        case AF_INET6:  return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == 127);
        default:        return false;
        }
}

char *bk_address_text(const struct sockaddr *at)
{
        char host[NI_MAXHOST];

        if (at != NULL && at->sa_family == AF_UNIX)
                return bk_strdup("unix");
        if (at == NULL || getnameinfo(at, at->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in), host,
                                      sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
                return bk_strdup("?");
        return bk_strdup(host);
}

int bk_address_listen(const struct bk_address *address)
{
        autoclose int fd = socket(address->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int yes = 1;

        /* SO_REUSEADDR: connections of the last server that linger in TIME_WAIT do not keep a port. */
        if (fd < 0 || (address->at.ss_family != AF_UNIX && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0) ||
            bind(fd, (const struct sockaddr *)&address->at, address->length) < 0 || listen(fd, BACKLOG) < 0)
                return -1;
        return bk_take_fd(fd);
}

unsigned bk_socket_port(int fd)
{
        union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; struct sockaddr_un path; } at = { 0 };
        socklen_t length = sizeof at;

        if (getsockname(fd, &at.any, &length) < 0 || at.any.sa_family == AF_UNIX)
                return 0;
        return ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port);
}

/* --- ranges --------------------------------------------------------------------------- */

/* Digits; more than fit are as good as the largest number. */
static bool number(const char **p, uint64_t *ret)
{
        if (!isdigit((unsigned char)**p))
                return false;
        for (*ret = 0; isdigit((unsigned char)**p); (*p)++)
                if (__builtin_mul_overflow(*ret, 10, ret) || __builtin_add_overflow(*ret, (uint64_t)(**p - '0'), ret))
                        *ret = UINT64_MAX / 16;         /* larger than any file, and stays so */
        return true;
}

struct bk_part bk_range_of(const char *range, uint64_t size)
{
        const struct bk_part whole = { 0, size, 200 }, none = { 0, 0, 416 };
        const char *p = range;
        uint64_t first = 0, last = UINT64_MAX;

        if (p == NULL || strncasecmp(p, "bytes=", 6) != 0)
                return whole;
        p += 6;
        p += strspn(p, " \t");
        if (*p == '-') {
                p++;
                if (!number(&p, &last) || p[strspn(p, " \t")] != '\0')
                        return whole;
                if (last == 0 || size == 0)
                        return none;
                last = last < size ? last : size;
                return (struct bk_part){ size - last, last, 206 };
        }
        if (!number(&p, &first) || *p++ != '-')
                return whole;
        if (isdigit((unsigned char)*p) && (!number(&p, &last) || last < first))
                return whole;
        if (p[strspn(p, " \t")] != '\0')
                return whole;
        if (first >= size)
                return none;
        last = last < size ? last : size - 1;
        return (struct bk_part){ first, last - first + 1, 206 };
}

char *bk_range_text(const struct bk_part *part, uint64_t size)
{
        return part->status == 206 ? bk_format("bytes %llu-%llu/%llu", (unsigned long long)part->start,
                                               (unsigned long long)(part->start + part->length - 1), (unsigned long long)size) :
                                     bk_format("bytes */%llu", (unsigned long long)size);
}
