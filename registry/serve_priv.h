/* Shared by the server's files: serve.c starts and stops, serve_handle.c takes requests in, serve_answer.c answers them,
 * serve_layers.c moves layers, serve_events.c tells of changes as they come, serve_views.c has boxes and disks made, serve_wait.c knows
 * when something changed, serve_limit.c says who has to wait, serve_cache.c remembers answers, serve_auth.c knows who asks. */
#pragma once
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#include "layers/layer.h"
#include "lib/digest.h"
#include "lib/lease.h"
#include "registry/api.h"
#include "registry/life.h"
#include "registry/registry_priv.h"
#include "registry/serve.h"
#include "registry/view.h"

/* A document of somebody who need not be one who bakes: what cloud-init posts, with the host's keys, is a few KiB. */
enum { SERVE_TOKEN_MOST = 512, SERVE_RETRY_S = 1, SERVE_SMALL_BODY = 64 << 10 };

/* --- serve_limit.c: connections and their deadlines, requests by address ------------- */
/* What a connection is doing decides how long it may take. Times are bk_now_ms(). */
struct serve_conn {
        struct serve_conn *next, **link;
        int fd;                         /* our own copy: shutting it down never meets a stranger's socket */
        int64_t deadline;               /* 0: none */
};
struct serve_bucket { unsigned char key[16]; double tokens; int64_t at; };
enum { SERVE_BUCKETS = 4096, SERVE_BUCKET_WAYS = 4 };
struct serve_limits {
        pthread_mutex_t lock;
        struct serve_conn *conns;
        struct serve_bucket buckets[SERVE_BUCKETS];
};
struct serve_conn *serve_conn_open(struct serve_limits *limits, int fd, int64_t deadline);
void serve_conn_close(struct serve_limits *limits, struct serve_conn *conn);
void serve_conn_deadline(struct serve_limits *limits, struct serve_conn *conn, int64_t deadline);
/* Ends connections whose time is up; how many. */
size_t serve_conn_reap(struct serve_limits *limits, int64_t now);
/* May this address ask once more at that moment? `rate` a second, twice as many at once. */
bool serve_rate_allows(struct serve_limits *limits, const struct sockaddr *at, unsigned rate, int64_t now);

/* --- serve_cache.c ------------------------------------------------------------------- */
/* An answer that may be on its way to many; counted. */
struct serve_text {
        atomic_uint references;
        struct reg_answer answer;
        char *etag;
};
struct serve_text *serve_text_new(struct reg_answer *answer /* taken */);
void serve_text_drop(struct serve_text *text);
/* Answers by request, valid for one index of the registry and for a second: some speak of the time, such as a revocation that becomes
 * due. */
struct serve_entry;
struct serve_cache {
        pthread_mutex_t lock;
        struct serve_entry **table;
        struct serve_entry *newest, *oldest;
        size_t bytes, most;
};
enum { SERVE_CACHE_TABLE = 4096, SERVE_CACHE_MS = 1000 };
void serve_cache_start(struct serve_cache *cache, size_t most);
void serve_cache_stop(struct serve_cache *cache);
/* NULL: not there. The caller drops what it gets. */
struct serve_text *serve_cache_get(struct serve_cache *cache, const char *key, int64_t index, int64_t now);
/* Keeps it, for its answer's index, beside the caller. */
void serve_cache_put(struct serve_cache *cache, const char *key, struct serve_text *text, int64_t now);

/* --- serve_wait.c ---------------------------------------------------------------------- */
/* Who waits for the registry's index to pass a number. Other processes' changes are looked for every 200 ms while somebody waits; our
 * own are told. */
struct serve_wait {
        pthread_mutex_t lock;
        pthread_cond_t changed, wanted;
        pthread_t thread;
        const char *home;
        struct reg *reg;                /* NULL: it failed, and is opened again at the next look */
        int64_t index;
        unsigned waiters, most;
        bool stop, poke, running;
};
int serve_wait_start(struct serve_wait *wait, const char *home, unsigned most, struct bk_error *err) BK_MUST_CHECK;
void serve_wait_stop(struct serve_wait *wait);          /* wakes everybody; nobody waits any more */
void serve_wait_done(struct serve_wait *wait);
void serve_wait_poke(struct serve_wait *wait);          /* something may have changed */
/* A place among those who wait; false: too many do. Given back by serve_wait_leave(). */
bool serve_wait_enter(struct serve_wait *wait);
void serve_wait_leave(struct serve_wait *wait);
/* Returns when the index is not `index` any more (true), when the time is up, or when the server ends (false). */
bool serve_wait_for(struct serve_wait *wait, int64_t index, int ms);

/* --- serve_views.c ------------------------------------------------------------------------ */
/* Views that somebody asked for in passing are made one after the other, by a thread that asks the maker. */
struct serve_views {
        struct reg_maker *maker;        /* borrowed; NULL: views are made by commands only */
        pthread_mutex_t lock;
        pthread_cond_t wanted;
        pthread_t thread;
        struct bk_strv ids, failed;     /* to be made; not to be tried again by this server unless somebody waits for it */
        bool stop, running;
};
enum { SERVE_VIEWS_MOST = 256 };
int serve_views_start(struct serve_views *views, struct reg_maker *maker, struct bk_error *err) BK_MUST_CHECK;
void serve_views_stop(struct serve_views *views);
void serve_views_want(struct serve_views *views, const struct bk_strv *ids);

/* --- serve_hooks.c ------------------------------------------------------------------------ */
struct serve_hooks { pthread_mutex_t lock; pthread_cond_t ended; pthread_t thread; bool stop, running; };
struct reg_serve;
int serve_hooks_start(struct reg_serve *serve, struct bk_error *err) BK_MUST_CHECK;
void serve_hooks_stop(struct serve_hooks *hooks);       /* after reg_serve.stopping is set and who waits was woken */

/* --- serve.c --------------------------------------------------------------------------- */
struct serve_who { char *name, *why /* the role is so low; may be NULL */; enum reg_role role; bool known; /* by token or user, not by address */ };
struct serve_listener { struct reg_serve *serve; struct MHD_Daemon *daemon; char *url, *path; bool local; };
enum { SERVE_WHO_CACHED = 64 };

struct reg_serve {
        struct reg_serve_config config;
        struct layer_store store;
        struct serve_listener *listeners;
        size_t n_listeners;
        char *cert, *key, *client_ca;
        struct serve_limits limits;
        struct serve_cache cache;
        struct serve_wait wait;
        struct serve_views views;
        struct serve_hooks hooks;
        pthread_mutex_t pool_lock;
        pthread_cond_t pool_free, pace_free;
        struct reg **pool;              /* those nobody uses now are the first pool_n */
        size_t pool_n, pool_made;
        unsigned wide;                  /* requests that serve_pace_enter() let in */
        bool walking;                   /* one of them tests patterns */
        pthread_mutex_t write_lock;     /* SQLite's writers wait for one another asleep; ours in line */
        pthread_mutex_t who_lock;
        struct { char *token; struct serve_who who; int64_t index, at; } who[SERVE_WHO_CACHED];
        pthread_t reaper;
        bool reaping;
        atomic_bool stopping;
        atomic_uint requests;           /* that have begun and not ended */
        atomic_size_t body_bytes;       /* of all large bodies that are held now */
};
/* A connection to the database; waits for one. Given back; closed when it is not well: another one may be, after a server's restart. */
int serve_reg_get(struct reg_serve *serve, struct reg **ret, struct bk_error *err) BK_MUST_CHECK;
void serve_reg_put(struct reg_serve *serve, struct reg *reg, bool well);
/* What may look at every image there is must leave a connection to the others, and of those with patterns there is one at a time. Waits for
 * its place, for some seconds: then BK_LOCKED. */
enum serve_pace { SERVE_BRIEF, SERVE_WIDE, SERVE_WALK };
int serve_pace_enter(struct reg_serve *serve, enum serve_pace pace, struct bk_error *err) BK_MUST_CHECK;
void serve_pace_leave(struct reg_serve *serve, enum serve_pace pace);

/* --- serve_auth.c ---------------------------------------------------------------------- */
struct serve_request;
/* Who asks, by what is shown; BK_DENIED when it is shown and wrong. */
int serve_who(struct serve_request *request, struct bk_error *err) BK_MUST_CHECK;
/* Does a browser send it for a page of another server's? */
bool serve_is_foreign(const struct serve_request *request);
void serve_who_done(struct serve_who *who);

/* --- serve_handle.c -------------------------------------------------------------------- */
/* kept: what has come outlives its connection, unless it is spoiled: it is the part of a whole of `total` bytes. */
struct serve_upload { char *digest, *draft; struct bk_lease lease; int fd; struct bk_hash *hash; uint64_t got, total; bool kept, spoiled; };
struct serve_range { uint64_t from, last, total; };     /* of Content-Range; total 0: none was sent */
struct serve_request {
        struct reg_serve *serve;
        struct serve_listener *listener;
        struct MHD_Connection *connection;
        struct serve_conn *conn;
        const char *method;
        char *target;                   /* as it was sent */
        char *path, *query;             /* parts of it; path as reg_api() wants it; query never NULL */
        char *base;
        struct serve_who who;
        struct bk_buf body;
        size_t body_most;               /* bytes of a document */
        bool shared;                    /* the document counts among all that are held */
        size_t claimed;                 /* of serve->body_bytes */
        uint64_t received;
        int64_t started;
        struct serve_upload *upload;
        bool layer;                     /* the body is a layer, not a document */
        bool begun, drain;              /* drain: the answer is known, and comes once the body is through */
        struct bk_error failure;
        int failure_status;             /* 0: that of its kind */
        unsigned status;
        uint64_t bytes;
};
enum MHD_Result serve_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                             const char *upload, size_t *upload_size, void **request_cls);
void *serve_begin(void *cls, const char *uri, struct MHD_Connection *connection);
void serve_end(void *cls, struct MHD_Connection *connection, void **request_cls, enum MHD_RequestTerminationCode why);
const char *serve_header(const struct serve_request *request, const char *name);

/* --- serve_answer.c -------------------------------------------------------------------- */
enum MHD_Result serve_answer(struct serve_request *request);
/* How to say who one is, for an answer of 401. */
void serve_challenge(const struct serve_request *request, struct MHD_Response *response);
/* Short answers in the API's own form. extra: a header "Name: value", or NULL. */
enum MHD_Result serve_refuse(struct serve_request *request, int status, const struct bk_error *err, const char *extra);
enum MHD_Result serve_text(struct serve_request *request, struct reg_answer *answer /* taken */);
enum MHD_Result serve_fail(struct serve_request *request, const struct bk_error *err);
/* Takes the response; bytes is what goes out, for the log and the deadline. */
enum MHD_Result serve_queue(struct serve_request *request, int status, struct MHD_Response *response, uint64_t bytes);
/* A file, by ranges. etag: with its quotes; NULL: one made of what the file system knows of it. */
struct serve_content { const char *path, *type, *etag; uint64_t start, size /* 0: all of it */; const struct bk_strv *headers; };
enum MHD_Result serve_file(struct serve_request *request, const struct serve_content *content);
void serve_response_header(struct MHD_Response *response, const char *name, const char *value);
/* Takes "name=value" out of a raw query; the value, decoded, or NULL; the caller's. */
char *serve_query_take(char *query, const char *name);

/* --- serve_layers.c, serve_events.c ---------------------------------------------------- */
/* The digest of "/layers/{digest}", or NULL; the caller's. */
char *serve_layer_digest(const char *path);
int serve_range_parse(const char *text, struct serve_range *ret, struct bk_error *err) BK_MUST_CHECK;
int serve_upload_start(struct serve_request *request, const char *digest, const struct serve_range *range, struct bk_error *err) BK_MUST_CHECK;
int serve_upload_add(struct serve_upload *upload, const char *bytes, size_t length, struct bk_error *err) BK_MUST_CHECK;
/* The layer is in the store already: says so. */
enum MHD_Result serve_upload_known(struct serve_request *request, const char *digest);
enum MHD_Result serve_upload_finish(struct serve_request *request);
void serve_upload_done(struct reg_serve *serve, struct serve_upload *upload);
enum MHD_Result serve_layer(struct serve_request *request, const char *digest);
enum MHD_Result serve_events(struct serve_request *request);
/* The bake of "/bakes/{bake}/log/stream", or NULL; the caller's. */
char *serve_bake_of(const char *path);
enum MHD_Result serve_bake_log(struct serve_request *request, const char *bake);
