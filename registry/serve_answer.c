/* What is answered: what reg_api() says, when it is asked or once it has changed; files by ranges. */
#include "registry/serve_priv.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/fs.h"
#include "lib/httpd.h"

enum { PIECE = 128 << 10, WRITE_WAIT_S = 30 };

/* --- responses --------------------------------------------------------------------------- */

void serve_response_header(struct MHD_Response *response, const char *name, const char *value)
{
        if (response != NULL && value != NULL)
                (void)MHD_add_response_header(response, name, value);
}

static void add_lines(struct MHD_Response *response, const struct bk_strv *lines)
{
        for (size_t i = 0; lines != NULL && i < lines->n; i++) {
                const char *colon = strchr(lines->v[i], ':');
                autofree char *name = colon == NULL ? NULL : bk_strndup(lines->v[i], (size_t)(colon - lines->v[i]));

                if (name != NULL)
                        serve_response_header(response, name, colon + 1 + strspn(colon + 1, " "));
        }
}

enum MHD_Result serve_queue(struct serve_request *request, int status, struct MHD_Response *response, uint64_t bytes)
{
        const int64_t each = (int64_t)request->serve->config.timeout_s * 1000;
        enum MHD_Result result;

        if (response == NULL)
                return MHD_NO;
        serve_response_header(response, "X-Content-Type-Options", "nosniff");
        if (atomic_load(&request->serve->stopping))
                serve_response_header(response, "Connection", "close");
        request->status = (unsigned)status;
        request->bytes = bk_streq(request->method, "HEAD") ? 0 : bytes;
        serve_conn_deadline(&request->serve->limits, request->conn, bk_now_ms() + each + (int64_t)(request->bytes / PIECE) * each);
        result = MHD_queue_response(request->connection, (unsigned)status, response);
        MHD_destroy_response(response);
        return result;
}

/* A browser asks its user where the address is a page's. Of programs' questions it must not: a script in a page asks them. */
void serve_challenge(const struct serve_request *request, struct MHD_Response *response)
{
        if (request->path != NULL && strncmp(request->path, "//", 2) == 0)
                serve_response_header(response, "WWW-Authenticate", "Basic realm=\"bakery: a token as password\", charset=\"UTF-8\"");
        serve_response_header(response, "WWW-Authenticate", "Bearer");
}

enum MHD_Result serve_refuse(struct serve_request *request, int status, const struct bk_error *err, const char *extra)
{
        struct reg_answer answer = { 0 };
        struct MHD_Response *response;

        /* Who did not say who they are may do so. */
        if (status == 403 && !request->who.known)
                status = 401;
        reg_answer_error(&answer, err);
        response = MHD_create_response_from_buffer(answer.length, answer.text, MHD_RESPMEM_MUST_COPY);
        serve_response_header(response, "Content-Type", answer.type);
        if (status == 401)
                serve_challenge(request, response);
        if (status == 503 && extra == NULL)
                serve_response_header(response, "Retry-After", "1");
        if (extra != NULL) {
                struct bk_strv lines = { 0 };

                bk_strv_add(&lines, extra);
                add_lines(response, &lines);
                bk_strv_done(&lines);
        }
        const size_t length = answer.length;

        reg_answer_done(&answer);
        return serve_queue(request, status, response, length);
}

enum MHD_Result serve_fail(struct serve_request *request, const struct bk_error *err)
{
        return serve_refuse(request, reg_status_of(err->kind), err, NULL);
}

/* --- files -------------------------------------------------------------------------------- */

/* One of the tags that were sent is this one; "*" is any. */
static bool tag_matches(const char *sent, const char *etag)
{
        const size_t length = strlen(etag);

        for (const char *p = sent; p != NULL && *p != '\0'; p += strcspn(p, ",")) {
                p += strspn(p, ", \t");
                if (*p == '*')
                        return true;
                if (strncmp(p, "W/", 2) == 0)
                        p += 2;
                if (strncmp(p, etag, length) == 0 && strchr(", \t", p[length]) != NULL)
                        return true;
        }
        return false;
}

static enum MHD_Result not_modified(struct serve_request *request, const char *etag)
{
        struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);

        serve_response_header(response, "ETag", etag);
        return serve_queue(request, 304, response, 0);
}

/* What was changed, or written anew, has another one. */
static char *tag_of(const struct stat *st, uint64_t start)
{
        return bk_format("\"%llx-%llx-%lld.%09ld-%llx\"", (unsigned long long)st->st_ino, (unsigned long long)st->st_size,
                         (long long)st->st_mtim.tv_sec,
                         st->st_mtim.tv_nsec, (unsigned long long)start);
}

enum MHD_Result serve_file(struct serve_request *request, const struct serve_content *content)
{
        autoclose int fd = open(content->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        const char *if_range = serve_header(request, "If-Range");
        autofree char *etag = bk_strdup(content->etag);
        struct MHD_Response *response;
        struct bk_error err = { 0 };
        struct stat st;
        struct bk_part part;
        uint64_t size;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || content->start + content->size > (uint64_t)st.st_size) {
                (void)bk_fail(&err, fd < 0 && errno == ENOENT ? BK_NOT_FOUND : BK_INFRA, "this file is not here");
                return serve_fail(request, &err);
        }
        size = content->size != 0 ? content->size : (uint64_t)st.st_size - content->start;
        if (etag == NULL)
                etag = tag_of(&st, content->start);
        if (tag_matches(serve_header(request, "If-None-Match"), etag))
                return not_modified(request, etag);
        part = bk_range_of(bk_streq(request->method, "GET") && (if_range == NULL || bk_streq(if_range, etag)) ? serve_header(request, "Range") :
                           NULL, size);
        if (part.status == 416)
                response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
        else
                response = MHD_create_response_from_fd_at_offset64(part.length, fd, content->start + part.start);
        if (response != NULL && part.status != 416)
                (void)bk_take_fd(fd);
        if (part.status != 200) {
                autofree char *range = bk_range_text(&part, size);

                serve_response_header(response, "Content-Range", range);
        }
        serve_response_header(response, "Accept-Ranges", "bytes");
        serve_response_header(response, "Content-Type", content->type);
        serve_response_header(response, "ETag", etag);
        add_lines(response, content->headers);
        return serve_queue(request, (int)part.status, response, part.length);
}

/* --- queries ------------------------------------------------------------------------------- */

char *serve_query_take(char *query, const char *name)
{
        struct reg_parameter found;
        char *value = NULL, *start;

        if (!reg_parameter_find(query, strlen(query), "&", name, &found) || found.value == NULL)
                return NULL;
        if (reg_decode(found.value, (size_t)(found.end - found.value), &value, NULL) < 0)
                value = bk_strdup("");
        start = query + (found.name - query);
        if (*found.end == '&')
                memmove(start, found.end + 1, strlen(found.end + 1) + 1);
        else
                start[start > query ? -1 : 0] = '\0';
        return value;
}

/* "60s", "5m", "1500ms", "60"; -1: none of these. */
static int64_t duration_ms(const char *text)
{
        char *end = NULL;
        const long long number = strtoll(text, &end, 10);
        const int64_t unit = bk_streq(end, "s") || *end == '\0' ? 1000 : bk_streq(end, "m") ? 60000 : bk_streq(end, "ms") ? 1 : 0;

        return end == text || unit == 0 || number < 0 || number > 86400 ? -1 : number * unit;
}

/* --- what reg_api() says ------------------------------------------------------------------- */

static void drop_text(void *cls)
{
        serve_text_drop(cls);
}

static bool has_header(const struct bk_strv *lines, const char *name)
{
        for (size_t i = 0; i < lines->n; i++)
                if (strncmp(lines->v[i], name, strlen(name)) == 0)
                        return true;
        return false;
}

static enum MHD_Result send_text(struct serve_request *request, struct serve_text *text)
{
        const struct reg_answer *answer = &text->answer;
        autofree char *index = bk_format("%lld", (long long)answer->index);
        const int status = answer->status == 403 && !request->who.known ? 401 : answer->status;
        const size_t length = answer->length;
        struct MHD_Response *response;
        enum MHD_Result result;

        if (answer->file != NULL) {
                result = serve_file(request, &(struct serve_content){ .path = answer->file, .type = answer->type, .start = answer->file_start,
                                                                      .size = answer->file_size, .headers = &answer->headers });
                serve_text_drop(text);
                return result;
        }
        if (status == 200 && request->method[0] != 'P' && tag_matches(serve_header(request, "If-None-Match"), text->etag)) {
                result = not_modified(request, text->etag);
                serve_text_drop(text);
                return result;
        }
        response = MHD_create_response_from_buffer_with_free_callback_cls(length, answer->text, drop_text, text);
        if (response == NULL) {
                serve_text_drop(text);
                return MHD_NO;
        }
        serve_response_header(response, "Content-Type", answer->type);
        if (status == 401)
                serve_challenge(request, response);
        if (status == 503)
                serve_response_header(response, "Retry-After", "1");
        if (status == 200) {
                serve_response_header(response, "ETag", text->etag);
                if (!has_header(&answer->headers, "Cache-Control:"))
                        serve_response_header(response, "Cache-Control", "no-cache");
                serve_response_header(response, "X-Bakery-Index", index);
        }
        add_lines(response, &answer->headers);
        return serve_queue(request, status, response, length);
}

enum MHD_Result serve_text(struct serve_request *request, struct reg_answer *answer)
{
        return send_text(request, serve_text_new(answer));
}

static void ask(struct serve_request *request, struct reg *reg, struct reg_answer *ret)
{
        const struct reg_request question = {
                .method = bk_streq(request->method, "HEAD") ? "GET" : request->method, .path = request->path, .query = request->query,
                .body = request->body.data, .length = request->body.len, .type = serve_header(request, "Content-Type"),
                .who = request->who.name, .role = request->who.role, .role_why = request->who.why, .base = request->base,
                .store = &request->serve->store, .plan = request->serve->config.plan,
        };

        reg_api(reg, &question, ret);
}

static enum MHD_Result change(struct serve_request *request)
{
        struct reg_serve *serve = request->serve;
        struct reg_answer answer = { 0 };
        struct bk_error err = { 0 };
        struct timespec until;
        struct reg *reg = NULL;

        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += WRITE_WAIT_S;
        if (pthread_mutex_timedlock(&serve->write_lock, &until) != 0) {
                (void)bk_fail(&err, BK_LOCKED, "others were changing the registry for too long; try again");
                return serve_fail(request, &err);
        }
        if (serve_reg_get(serve, &reg, &err) < 0) {
                (void)pthread_mutex_unlock(&serve->write_lock);
                return serve_fail(request, &err);
        }
        ask(request, reg, &answer);
        serve_reg_put(serve, reg, answer.status < 500);
        (void)pthread_mutex_unlock(&serve->write_lock);
        serve_wait_poke(&serve->wait);
        return serve_text(request, &answer);
}

static int index_now(struct serve_request *request, int64_t *ret, struct bk_error *err)
{
        struct reg *reg = NULL;
        int status;

        if (serve_reg_get(request->serve, &reg, err) < 0)
                return -1;
        status = reg_event_index(reg, ret, err);
        serve_reg_put(request->serve, reg, status == 0);
        return status;
}

/* ?index=N&wait=60s: not before the index is another one, or the time is up. Then it is answered as ever. */
static int wait_for_change(struct serve_request *request, struct bk_error *err)
{
        autofree char *wait = serve_query_take(request->query, "wait");
        autofree char *text = wait != NULL ? serve_query_take(request->query, "index") : NULL;
        const int64_t most = (int64_t)request->serve->config.wait_s * 1000;
        int64_t ms = wait != NULL ? duration_ms(wait) : 0, index = 0;
        char *end = NULL;

        if (wait == NULL)
                return 0;
        const int64_t seen = text != NULL ? strtoll(text, &end, 10) : -1;

        if (ms < 0 || end == NULL || end == text || *end != '\0')
                return bk_fail(err, BK_INVALID, "to wait for a change, write index=N&wait=60s with the index of the answer that you have");
        if (index_now(request, &index, err) < 0)
                return -1;
        if (index != seen)
                return 0;
        if (!serve_wait_enter(&request->serve->wait))
                return bk_fail(err, BK_INFRA, "too many wait already; ask without wait=");
        serve_conn_deadline(&request->serve->limits, request->conn, 0);
        (void)serve_wait_for(&request->serve->wait, seen, (int)(ms < most ? ms : most));
        serve_wait_leave(&request->serve->wait);
        return 0;
}

/* The same question at the same index has the same answer. What the base and the asker are is part of the question. */
static char *cache_key(const struct serve_request *request)
{
        return bk_format("%d %s %s %s?%s", request->who.role, request->who.known ? request->who.name : "", request->base ? request->base : "",
                         request->path, request->query);
}

/* What is not made yet is made while the client waits, without a connection to the database. */
static int make_first(struct serve_request *request, const struct bk_strv *ids, struct bk_error *err)
{
        struct reg_serve *serve = request->serve;
        int status = 0;

        if (serve->views.maker == NULL)
                return bk_fail(err, BK_INFRA, "this is not made yet, and this server makes nothing; `bakery view make` does");
        if (!serve_wait_enter(&serve->wait))
                return bk_fail(err, BK_INFRA, "too many wait already; try again");
        serve_conn_deadline(&serve->limits, request->conn, 0);
        for (size_t i = 0; status == 0 && i < ids->n; i++)
                status = reg_maker_make(serve->views.maker, ids->v[i], err);
        serve_wait_leave(&serve->wait);
        return status;
}

/* A pattern may be in a path, too. */
static enum serve_pace pace_of(const struct serve_request *request)
{
        const char *target = request->target;

        if (strchr(target, '~') != NULL || strstr(target, "%7e") != NULL || strstr(target, "%7E") != NULL)
                return SERVE_WALK;
        return reg_api_wide(request->path) ? SERVE_WIDE : SERVE_BRIEF;
}

static int ask_pool(struct serve_request *request, struct reg_answer *ret, struct bk_error *err)
{
        const enum serve_pace pace = pace_of(request);
        struct reg_serve *serve = request->serve;
        struct reg *reg = NULL;
        int status;

        if (serve_pace_enter(serve, pace, err) < 0)
                return -1;
        status = serve_reg_get(serve, &reg, err);
        if (status == 0) {
                ask(request, reg, ret);
                serve_reg_put(serve, reg, ret->status < 500 || ret->make.n > 0);
        }
        serve_pace_leave(serve, pace);
        return status;
}

static enum MHD_Result finish(struct serve_request *request, struct reg_answer *answer)
{
        struct bk_error err = { 0 };

        if (answer->make.n > 0 && answer->status == 503) {
                struct reg_answer again = { 0 };
                const int status = make_first(request, &answer->make, &err);

                reg_answer_done(answer);
                if (status < 0 || ask_pool(request, &again, &err) < 0)
                        return serve_fail(request, &err);
                *answer = again;
        } else if (answer->make.n > 0) {
                serve_views_want(&request->serve->views, &answer->make);
        }
        return serve_text(request, answer);
}

/* *ret: what was answered to that before, while it holds; NULL: it has to be asked. */
static int remembered(struct serve_request *request, const char *key, int64_t now, struct serve_text **ret, struct bk_error *err)
{
        int64_t index = 0;

        if (request->serve->config.cache_most == 0)
                return 0;
        if (index_now(request, &index, err) < 0)
                return -1;
        *ret = serve_cache_get(&request->serve->cache, key, index, now);
        return 0;
}

static enum MHD_Result look_up(struct serve_request *request)
{
        struct reg_serve *serve = request->serve;
        const int64_t now = bk_now_ms();
        autofree char *key = cache_key(request);
        struct reg_answer answer = { 0 };
        struct serve_text *text = NULL;
        struct bk_error err = { 0 };
        bool keep;

        if (remembered(request, key, now, &text, &err) < 0)
                return serve_fail(request, &err);
        if (text != NULL) {
                atomic_fetch_add(&reg_traffic.cached, 1);
                return send_text(request, text);
        }
        if (ask_pool(request, &answer, &err) < 0)
                return serve_fail(request, &err);
        if (answer.make.n > 0)
                return finish(request, &answer);
        keep = answer.status == 200 && answer.file == NULL && !answer.fleeting && serve->config.cache_most > 0;
        text = serve_text_new(&answer);
        if (keep)
                serve_cache_put(&serve->cache, key, text, now);
        return send_text(request, text);
}

enum MHD_Result serve_answer(struct serve_request *request)
{
        const bool reads = bk_streq(request->method, "GET") || bk_streq(request->method, "HEAD");
        autofree char *digest = serve_layer_digest(request->path), *bake = serve_bake_of(request->path);
        struct bk_error err = { 0 };

        if (!reads)
                return change(request);
        if (digest != NULL)
                return serve_layer(request, digest);
        if (bk_streq(request->path, "/events/stream"))
                return serve_events(request);
        if (bake != NULL)
                return serve_bake_log(request, bake);
        return wait_for_change(request, &err) < 0 ? serve_fail(request, &err) : look_up(request);
}
