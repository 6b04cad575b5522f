/* A request comes in: who asks, may they, how much do they send. What is wrong is said before a body is read where that is possible. */
#include "registry/serve_priv.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "lib/fs.h"
#include "lib/httpd.h"

enum { PIECE = 128 << 10, LOGGED_MOST = 300 };

const char *serve_header(const struct serve_request *request, const char *name)
{
        return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* --- begin and end --------------------------------------------------------------------- */

static struct serve_conn *conn_of(struct MHD_Connection *connection)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

        return info != NULL ? info->socket_context : NULL;
}

/* The request line is there, and is copied as it was sent: libmicrohttpd decodes its own in place. */
void *serve_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
        struct serve_listener *listener = cls;
        struct serve_request *request = bk_alloc(sizeof *request);

        request->serve = listener->serve;
        request->listener = listener;
        request->connection = connection;
        request->conn = conn_of(connection);
        request->target = bk_strdup(uri);
        request->started = bk_now_ms();
        atomic_fetch_add(&request->serve->requests, 1);
        return request;
}

/* For a log line: printable ASCII, \xNN for the rest. */
static char *printable(const char *text)
{
        struct bk_buf buf = { 0 };

        for (const unsigned char *p = (const unsigned char *)text; *p != '\0' && buf.len < LOGGED_MOST; p++)
                if (*p > ' ' && *p < 0x7f && *p != '\\')
                        bk_buf_putc(&buf, (char)*p);
                else
                        bk_buf_printf(&buf, "\\x%02x", *p);
        return bk_buf_finish(&buf);
}

static void tell(const struct serve_request *request)
{
        const struct reg_serve_config *config = &request->serve->config;
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

        if (config->log == NULL || (!config->log_all && request->status < 500))
                return;
        autofree char *target = printable(request->target), *method = printable(request->method == NULL ? "?" : request->method);
        autofree char *who = printable(request->who.known ? request->who.name : "-"), *from = bk_address_text(info ? info->client_addr : NULL);
        autofree char *line = bk_format("%s %s %u %" PRIu64 " %" PRId64 "ms %s from %s", method, target, request->status, request->bytes,
                                        bk_now_ms() - request->started, who, from);

        config->log(config->arg, line);
}

void serve_end(void *cls, struct MHD_Connection *connection, void **request_cls, enum MHD_RequestTerminationCode why)
{
        struct serve_request *request = *request_cls;
        struct reg_serve *serve;

        (void)cls, (void)connection, (void)why;
        if (request == NULL)
                return;
        *request_cls = NULL;
        serve = request->serve;
        tell(request);
        if (request->status > 0)
                atomic_fetch_add(&reg_traffic.answers[request->status / 100 % 6], 1);
        atomic_fetch_add(&reg_traffic.bytes_out, request->bytes);
        atomic_fetch_add(&reg_traffic.bytes_in, request->received);
        serve_conn_deadline(&serve->limits, request->conn, bk_now_ms() + (int64_t)serve->config.timeout_s * 1000);
        serve_upload_done(serve, request->upload);
        serve_who_done(&request->who);
        bk_buf_done(&request->body);
        atomic_fetch_sub(&serve->body_bytes, request->claimed);
        free(request->target);
        free(request->path);
        free(request->query);
        free(request->base);
        free(request);
        atomic_fetch_sub(&serve->requests, 1);
}

/* --- headers ---------------------------------------------------------------------------- */

/* "/api/v1/images?x" -> "/images"; "/metrics" -> "//metrics". False: it is no path. */
static bool split_target(struct serve_request *request)
{
        static const char api[] = "/api/v1";
        const size_t length = strcspn(request->target, "?");
        const char *rest = request->target + strlen(api);

        if (request->target[0] != '/')
                return false;
        request->query = bk_strdup(request->target[length] == '?' ? request->target + length + 1 : "");
        if (strncmp(request->target, api, strlen(api)) != 0 || (strchr("/;:?", *rest) == NULL && *rest != '\0')) {
                request->path = bk_format("/%.*s", (int)length, request->target);
                return true;
        }
        request->path = bk_strndup(rest, length - strlen(api));
        return strncmp(request->path, "//", 2) != 0;
}

static void set_base(struct serve_request *request)
{
        const char *host = serve_header(request, "Host");

        /* It goes into answers; what is no host is nobody's. */
        if (host == NULL || *host == '\0' || strlen(host) > 255 || host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                                             "0123456789.:-_[]")] != '\0')
                return;
        request->base = bk_format("%s://%s", request->serve->cert != NULL && !request->listener->local ? "https" : "http", host);
}

static bool has_body(const struct serve_request *request)
{
        const char *length = serve_header(request, "Content-Length");

        return serve_header(request, "Transfer-Encoding") != NULL || (length != NULL && strspn(length, "0") != strlen(length));
}

static enum MHD_Result refuse(struct serve_request *request, int status, enum bk_kind kind, const char *extra, const char *text)
{
        struct bk_error err = { 0 };

        (void)bk_fail(&err, kind, "%s", text);
        return serve_refuse(request, status, &err, extra);
}

static bool rate_allows(const struct serve_request *request)
{
        const struct reg_serve_config *config = &request->serve->config;
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
        const struct sockaddr *at = info != NULL ? info->client_addr : NULL;

        if (at == NULL || (!config->rate_here && bk_address_loopback(at)))
                return true;
        return serve_rate_allows(&request->serve->limits, at, config->rate, bk_now_ms());
}

/* Is more coming than may? */
static bool too_large(const struct serve_request *request, uint64_t most)
{
        const char *length = serve_header(request, "Content-Length");

        return length != NULL && (strlen(length) > 18 || strtoull(length, NULL, 10) > most);
}

static const char too_large_text[] = "the body is larger than this server takes (-body-most), or than the 64 KiB that it takes here";

/* What anybody may send is small, and takes nothing away from what others send. */
static void choose_most(struct serve_request *request, enum reg_role needs)
{
        const size_t most = request->serve->config.body_most;

        request->shared = needs >= REG_BAKE;
        request->body_most = request->shared || most < SERVE_SMALL_BODY ? most : SERVE_SMALL_BODY;
}

static enum MHD_Result begin_body(struct serve_request *request)
{
        const struct reg_serve_config *config = &request->serve->config;
        autofree char *digest = bk_streq(request->method, "PUT") ? serve_layer_digest(request->path) : NULL;
        const struct reg_request question = { .method = request->method, .path = request->path, .query = "", .role = request->who.role,
                                              .role_why = request->who.why };
        enum reg_role needs = REG_ADMIN;
        struct serve_range range = { 0 };
        struct reg_answer answer;
        struct bk_error err = { 0 };

        if (digest != NULL && serve_range_parse(serve_header(request, "Content-Range"), &range, &err) < 0)
                return serve_fail(request, &err);
        if (!reg_api_welcomes(&question, &needs, &answer))
                return serve_text(request, &answer);
        choose_most(request, needs);
        if (range.total > config->layer_most || too_large(request, digest != NULL ? config->layer_most : request->body_most))
                return refuse(request, 413, BK_INVALID, NULL, digest != NULL ? "the layer is larger than this server takes (-layer-most)" :
                              too_large_text);
        request->layer = digest != NULL;
        if (digest == NULL)
                return MHD_YES;
        autofree char *path = layer_path(&request->serve->store, digest);

        if (!bk_exists(path))
                return serve_upload_start(request, digest, &range, &err) < 0 ? serve_fail(request, &err) : MHD_YES;
        /* Who waits for a word before sending need not send; who sends is heard out, or would not hear us. */
        if (serve_header(request, "Expect") != NULL)
                return serve_upload_known(request, digest);
        request->drain = true;
        return MHD_YES;
}

/* libmicrohttpd ends a connection on which something is answered before the request is there as a whole: that is for refusals. */
static enum MHD_Result accept_request(struct serve_request *request)
{
        const bool reads = bk_streq(request->method, "GET") || bk_streq(request->method, "HEAD");
        struct bk_error err = { 0 };

        if (!rate_allows(request)) {
                atomic_fetch_add(&reg_traffic.limited, 1);
                return refuse(request, 429, BK_INFRA, "Retry-After: 1", "too many requests from this address; try again in a second");
        }
        if (strlen(request->target) > request->serve->config.url_most)
                return refuse(request, 414, BK_INVALID, NULL, "the address is longer than this server takes (-url-most)");
        if (!split_target(request))
                return refuse(request, request->target[0] == '/' ? 404 : 400, BK_INVALID, NULL, "this is no path of this server");
        set_base(request);
        if (serve_who(request, &err) < 0)
                return err.kind == BK_DENIED ? serve_refuse(request, 401, &err, NULL) : serve_fail(request, &err);
        if (!reads && !request->who.known && serve_is_foreign(request))
                return refuse(request, 403, BK_DENIED, NULL, "this comes from a page of another server's; from there it needs a token");
        if (!reads)
                return begin_body(request);
        return has_body(request) ? refuse(request, 400, BK_INVALID, NULL, "a question has no body") : MHD_YES;
}

/* --- bodies ------------------------------------------------------------------------------ */

/* status 0: that of the kind. */
static void give_up(struct serve_request *request, int status, enum bk_kind kind, const char *text)
{
        request->drain = true;
        request->failure_status = status;
        (void)bk_fail(&request->failure, kind, "%s", text);
        bk_buf_done(&request->body);
}

/* All bodies together have a limit, too: as many as may be, as large as may be, would be more than the host has. */
static void add_to_body(struct serve_request *request, const char *bytes, size_t length)
{
        struct reg_serve *serve = request->serve;

        if (request->body.len + length > request->body_most) {
                give_up(request, 413, BK_INVALID, too_large_text);
                return;
        }
        if (request->shared)
                request->claimed += length;
        if (request->shared && atomic_fetch_add(&serve->body_bytes, length) + length > 4 * serve->config.body_most)
                give_up(request, 0, BK_INFRA, "others send large bodies just now; try again");
        else
                bk_buf_add(&request->body, bytes, length);
}

static enum MHD_Result receive(struct serve_request *request, const char *bytes, size_t length)
{
        const struct reg_serve_config *config = &request->serve->config;
        const int64_t each = (int64_t)config->timeout_s * 1000;

        request->received += length;
        /* Only one that does not say its length comes here; what is left of it need not be listened to. */
        if (request->received > (request->layer ? config->layer_most : 2 * (uint64_t)config->body_most))
                return MHD_NO;
        serve_conn_deadline(&request->serve->limits, request->conn,
                            request->started + each + (int64_t)(request->received / PIECE) * each);
        if (request->drain)
                return MHD_YES;
        if (request->upload == NULL) {
                add_to_body(request, bytes, length);
        } else if (serve_upload_add(request->upload, bytes, length, &request->failure) < 0) {
                /* At once: a full disk is not to stay full until the client has sent all. */
                request->drain = true;
                serve_upload_done(request->serve, bk_take(request->upload));
        }
        return MHD_YES;
}

static enum MHD_Result answer_drained(struct serve_request *request)
{
        autofree char *digest = request->failure.kind == BK_NONE ? serve_layer_digest(request->path) : NULL;

        if (request->failure_status != 0)
                return serve_refuse(request, request->failure_status, &request->failure, NULL);
        return digest != NULL ? serve_upload_known(request, digest) : serve_fail(request, &request->failure);
}

enum MHD_Result serve_handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                             const char *upload, size_t *upload_size, void **request_cls)
{
        struct serve_request *request = *request_cls;

        (void)cls, (void)connection, (void)url, (void)version;
        if (!request->begun) {
                const int64_t now = bk_now_ms();

                request->begun = true;
                request->method = method;
                serve_conn_deadline(&request->serve->limits, request->conn, now + (int64_t)request->serve->config.timeout_s * 1000);
                return accept_request(request);
        }
        if (*upload_size > 0) {
                const size_t length = *upload_size;

                *upload_size = 0;
                return receive(request, upload, length);
        }
        if (request->drain)
                return answer_drained(request);
        return request->upload != NULL ? serve_upload_finish(request) : serve_answer(request);
}
