/* Who is too slow, and who asks too often.
 *
 * A deadline is of the whole step - headers, a body, an answer on its way -, not of the next byte: a client that sends one every few
 * seconds is as much of a burden as one that sends none. */
#include "registry/serve_priv.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* --- connections ----------------------------------------------------------------------- */

struct serve_conn *serve_conn_open(struct serve_limits *limits, int fd, int64_t deadline)
{
        struct serve_conn *conn = bk_alloc(sizeof *conn);

        conn->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        conn->deadline = deadline;
        (void)pthread_mutex_lock(&limits->lock);
        conn->next = limits->conns;
        conn->link = &limits->conns;
        if (conn->next != NULL)
                conn->next->link = &conn->next;
        limits->conns = conn;
        (void)pthread_mutex_unlock(&limits->lock);
        return conn;
}

void serve_conn_close(struct serve_limits *limits, struct serve_conn *conn)
{
        (void)pthread_mutex_lock(&limits->lock);
        *conn->link = conn->next;
        if (conn->next != NULL)
                conn->next->link = conn->link;
        (void)pthread_mutex_unlock(&limits->lock);
        if (conn->fd >= 0)
                (void)close(conn->fd);
        free(conn);
}

void serve_conn_deadline(struct serve_limits *limits, struct serve_conn *conn, int64_t deadline)
{
        if (conn == NULL)
                return;
        (void)pthread_mutex_lock(&limits->lock);
        conn->deadline = deadline;
        (void)pthread_mutex_unlock(&limits->lock);
}

size_t serve_conn_reap(struct serve_limits *limits, int64_t now)
{
        size_t reaped = 0;

        (void)pthread_mutex_lock(&limits->lock);
        for (struct serve_conn *conn = limits->conns; conn != NULL; conn = conn->next)
                if (conn->deadline != 0 && conn->deadline <= now) {
                        (void)shutdown(conn->fd, SHUT_RDWR);
                        conn->deadline = 0;
                        reaped++;
                }
        (void)pthread_mutex_unlock(&limits->lock);
        return reaped;
}

/* --- requests by address ----------------------------------------------------------------- */

/* Of IPv6 the network: a host has as many addresses as it likes. */
static void key_of(const struct sockaddr *at, unsigned char key[static 16])
{
        memset(key, 0, 16);
        if (at->sa_family == AF_INET) {
                key[0] = 4;
                memcpy(key + 1, &((const struct sockaddr_in *)(const void *)at)->sin_addr, 4);
        } else if (at->sa_family == AF_INET6) {
                const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr;

                key[0] = IN6_IS_ADDR_V4MAPPED(six) ? 4 : 6;
                memcpy(key + 1, IN6_IS_ADDR_V4MAPPED(six) ? six->s6_addr + 12 : six->s6_addr, IN6_IS_ADDR_V4MAPPED(six) ? 4 : 8);
        }
}

/* Buckets are few: where many addresses meet, the one that was quiet longest is forgotten, which is to its advantage. */
static struct serve_bucket *bucket_of(struct serve_limits *limits, const unsigned char key[static 16], double full, int64_t now)
{
        const size_t place = bk_scatter(key, 16) % SERVE_BUCKETS;
        struct serve_bucket *oldest = NULL;

        for (size_t i = 0; i < SERVE_BUCKET_WAYS; i++) {
                struct serve_bucket *bucket = &limits->buckets[(place + i) % SERVE_BUCKETS];

                if (memcmp(bucket->key, key, 16) == 0)
                        return bucket;
                if (oldest == NULL || bucket->at < oldest->at)
                        oldest = bucket;
        }
        memcpy(oldest->key, key, 16);
        oldest->tokens = full;
        oldest->at = now;
        return oldest;
}

bool serve_rate_allows(struct serve_limits *limits, const struct sockaddr *at, unsigned rate, int64_t now)
{
        const double full = 2.0 * rate;
        unsigned char key[16];
        struct serve_bucket *bucket;
        bool allowed;

        if (rate == 0)
                return true;
        key_of(at, key);
        (void)pthread_mutex_lock(&limits->lock);
        bucket = bucket_of(limits, key, full, now);
        if (now > bucket->at) {
                bucket->tokens += (double)(now - bucket->at) * rate / 1000;
                bucket->at = now;
        }
        if (bucket->tokens > full)
                bucket->tokens = full;
        allowed = bucket->tokens >= 1;
        if (allowed)
                bucket->tokens -= 1;
        (void)pthread_mutex_unlock(&limits->lock);
        return allowed;
}
