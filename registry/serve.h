/* The registry over HTTP: reg_api() below /api/v1, layers by digest, and who waits for a change.
 *
 * Every connection has a thread of its own (libmicrohttpd's), so that a slow client, a slow query and a wait hold up nobody else; how many
 * there are is limited, and so is what each may send and how long it may take. Connections to the database are few and shared.
 * A process that serves has threads: it must not fork. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/mem.h"
#include "registry/api.h"

struct reg_serve_config {
        const char *home;               /* the state folder */
        const struct bk_strv *listen;   /* "127.0.0.1:8080", "[::1]:0", "unix:/path"; more than one is fine */
        const struct bk_strv *inherited;        /* numbers of descriptors that listen already (systemd); taken; NULL: none */
        const char *tls_cert, *tls_key; /* files (PEM); NULL: clear text */
        const char *tls_client_ca;      /* a file: who has no certificate of these is refused; NULL */
        bool insecure;                  /* clear text, also where others can listen */
        bool token_required;            /* reading needs a token everywhere */
        bool anonymous;                 /* reading needs none anywhere; without both: none on this host, one elsewhere */
        unsigned connections, connections_each;         /* all together, and of one address */
        unsigned rate;                  /* requests a second of one address; 0: any */
        bool rate_here;                 /* also of this host */
        unsigned readers;               /* connections to the database */
        unsigned timeout_s;             /* for a request's headers, and for every 128 KiB of what comes and goes */
        unsigned wait_s;                /* the most that ?wait= may ask for */
        size_t header_most, url_most;   /* bytes */
        size_t body_most;               /* bytes of a JSON body */
        uint64_t layer_most;            /* bytes of a layer */
        size_t cache_most;              /* bytes of answers that are kept; 0: none */
        reg_plan_fn *plan;              /* struct reg_request's; asked from many threads. NULL: there is none */
        struct reg_maker *maker;        /* makes boxes and disks (view.h); NULL: what is not made is not there */
        /* A line for every answer, or for those of 500 and more; from many threads at once. NULL: none is wanted. */
        bool log_all;
        void (*log)(void *arg, const char *line);
        void *arg;
};
void reg_serve_defaults(struct reg_serve_config *config);

struct reg_serve;
/* What is borrowed must live as long as the server. */
int reg_serve_start(const struct reg_serve_config *config, struct reg_serve **ret, struct bk_error *err) BK_MUST_CHECK;
/* "http://127.0.0.1:41234" of each listener; NULL behind the last. */
const char *reg_serve_url(const struct reg_serve *serve, size_t i);
/* No new connections; requests that have begun may end, for so long. NULL is fine. */
void reg_serve_stop(struct reg_serve *serve, int grace_ms);
