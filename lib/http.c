/* One request, one answer. */
#include "lib/http.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/curl_priv.h"
#include "lib/fetch.h"

enum { CONNECT_TIMEOUT_MS = 30000, TIMEOUT_MS = 600000, STALL_BYTES = 1024, ANSWER_MOST = 256 << 20, UPLOAD_PIECE = 512 << 10 };

struct exchange {
        const struct bk_http *request;
        size_t most;
        struct bk_buf text;
        uint64_t sent;
        struct bk_error why;            /* what went wrong in a callback */
        char reason[CURL_ERROR_SIZE];
};

void bk_http_answer_done(struct bk_http_answer *answer)
{
        free(answer->type);
        free(answer->text);
        *answer = (struct bk_http_answer){ 0 };
}

static void exchange_done(struct exchange *x)
{
        bk_buf_done(&x->text);
}

char *bk_http_escape(const char *text)
{
        struct bk_buf buf = { 0 };

        for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
                if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || strchr("-._~", *p) != NULL)
                        bk_buf_putc(&buf, (char)*p);
                else
                        bk_buf_printf(&buf, "%%%02X", *p);
        return bk_buf_finish(&buf);
}

/* --- curl's callbacks -------------------------------------------------------------- */

static size_t on_answer(char *bytes, size_t size, size_t n, void *arg)
{
        struct exchange *x = arg;

        (void)size;
        if (x->text.len + n > x->most) {
                (void)bk_fail(&x->why, BK_INVALID, "the answer has more than %zu bytes", x->most);
                return CURL_WRITEFUNC_ERROR;
        }
        bk_buf_add(&x->text, bytes, n);
        return n;
}

static size_t on_upload(char *bytes, size_t size, size_t n, void *arg)
{
        struct exchange *x = arg;
        const uint64_t left = x->request->fd_size - x->sent;
        const size_t most = size * n > left ? (size_t)left : size * n;
        const ssize_t got = pread(x->request->fd, bytes, most, (off_t)(x->request->fd_start + x->sent));

        if (got < 0 || (got == 0 && most > 0)) {
                (void)bk_fail(&x->why, BK_CORRUPT, "the file to send cannot be read to its end");
                return CURL_READFUNC_ABORT;
        }
        x->sent += (uint64_t)got;
        return (size_t)got;
}

/* For a connection that was lost before the first byte went out. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
        struct exchange *x = arg;

        if (origin != SEEK_SET || offset < 0)
                return CURL_SEEKFUNC_CANTSEEK;
        x->sent = (uint64_t)offset;
        return CURL_SEEKFUNC_OK;
}

/* --- one request ------------------------------------------------------------------- */

static void set_body(CURL *easy, struct exchange *x)
{
        const struct bk_http *r = x->request;

        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
        if (bk_streq(r->method, "HEAD"))
                curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
        if (r->type == NULL) {
                curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(r->timeout_ms > 0 ? r->timeout_ms : TIMEOUT_MS));
        } else if (r->body != NULL) {
                curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body);
                curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->length);
                curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(r->timeout_ms > 0 ? r->timeout_ms : TIMEOUT_MS));
        } else {
                curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
                curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_upload);
                curl_easy_setopt(easy, CURLOPT_READDATA, x);
                curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
                curl_easy_setopt(easy, CURLOPT_SEEKDATA, x);
                curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->fd_size);
                curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_PIECE);
                curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
                curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)((r->timeout_ms > 0 ? r->timeout_ms : TIMEOUT_MS) / 1000));
        }
}

static struct curl_slist *headers_of(const struct bk_http *r)
{
        autofree char *token = r->peer->token != NULL ? bk_format("Authorization: Bearer %s", r->peer->token) : NULL;
        autofree char *type = r->type != NULL ? bk_format("Content-Type: %s", r->type) : NULL;
        struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json, */*;q=0.5");

        if (token != NULL)
                headers = curl_slist_append(headers, token);
        if (type != NULL)
                headers = curl_slist_append(headers, type);
        for (const char *const *more = r->headers; more != NULL && *more != NULL; more++)
                headers = curl_slist_append(headers, *more);
        return headers;
}

static void set_peer(CURL *easy, const struct bk_http_peer *peer)
{
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "bakery");
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
        if (strncmp(peer->url, "unix:", 5) == 0)
                curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, peer->url + 5);
        if (peer->ca != NULL)
                curl_easy_setopt(easy, CURLOPT_CAINFO, peer->ca);
        if (peer->cert != NULL)
                curl_easy_setopt(easy, CURLOPT_SSLCERT, peer->cert);
        if (peer->key != NULL)
                curl_easy_setopt(easy, CURLOPT_SSLKEY, peer->key);
}

static int fail(const struct exchange *x, CURLcode code, struct bk_error *err)
{
        autofree char *shown = bk_fetch_shown(x->request->peer->url);
        const char *reason = x->reason[0] != '\0' ? x->reason : curl_easy_strerror(code);
        const enum bk_kind kind = code == CURLE_OPERATION_TIMEDOUT ? BK_TIMEOUT :
                                  code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ? BK_DENIED :
                                  code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT ? BK_INVALID : BK_INFRA;

        if (x->why.kind != BK_NONE)
                return bk_fail(err, x->why.kind, "'%s': %s", shown, x->why.text);
        return bk_fail(err, kind, "cannot ask '%s': %s", shown, reason);
}

int bk_http(const struct bk_http *request, struct bk_http_answer *ret, struct bk_error *err)
{
        BK_CLEANUP(exchange_done) struct exchange x = { .request = request, .most = request->most > 0 ? request->most : ANSWER_MOST };
        BK_CLEANUP(bk_curl_headers_done) struct curl_slist *headers = NULL;
        const bool local = strncmp(request->peer->url, "unix:", 5) == 0;
        const size_t length = strlen(request->peer->url);
        const bool slash = length > 0 && request->peer->url[length - 1] == '/';
        autofree char *url = bk_format("%.*s%s", (int)(local ? 16 : length - slash), local ? "http://localhost" : request->peer->url,
                                       request->target);
        char *type = NULL;
        CURLcode code;

        if (bk_curl_begin(err) < 0)
                return -1;
        BK_CLEANUP(bk_curl_done) CURL *easy = bk_curl_new();

        headers = headers_of(request);
        set_peer(easy, request->peer);
        set_body(easy, &x);
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &x);
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x.reason);
        code = bk_curl_perform(easy);
        if (code != CURLE_OK)
                return fail(&x, code, err);
        (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &ret->status);
        (void)curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
        ret->type = bk_strdup(type);
        ret->length = x.text.len;
        ret->text = bk_buf_finish(&x.text);
        return 0;
}
