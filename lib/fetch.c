/* Downloads through libcurl's easy interface: one transfer at a time, in the caller's thread.
 *
 * A file is continued only when its PATH.from names what the server had, so the order matters: a body is begun by emptying the file, then
 * naming what it will hold, then writing. A crash between any two leaves an empty file or one that is what PATH.from says.
 * The range is asked for by CURLOPT_RANGE, not by CURLOPT_RESUME_FROM, with which curl fails when a server sends the whole. */
#include "lib/fetch.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/curl_priv.h"
#include "lib/fs.h"
#include "lib/publish.h"

enum {
        TRIES = 5,
        FIRST_PAUSE_MS = 200,           /* doubled after each try that brought nothing */
        TELL_MS = 1000,
        CONNECT_TIMEOUT_MS = 30000,
        STALL_TIMEOUT_MS = 60000,
        STALL_BYTES = 1024,             /* a second */
        TEXT_MOST = 16 << 20,
        FROM_MOST = 65536,
        PIECE = 512 << 10,              /* curl's own 16 KiB cost a system call each */
};

enum outcome { OUTCOME_DONE, OUTCOME_AGAIN, OUTCOME_ANEW, OUTCOME_FAILED };

struct content { char *etag, *modified; };      /* what tells one content of a URL from another */

struct answer {                                 /* the headers of the last answer, which is the one after all redirects */
        struct content content;
        bool http;
        bool has_range;
        uint64_t range_start, range_total;
};

struct transfer {
        const struct bk_fetch *fetch;
        const char *path;               /* NULL: into text */
        char *from, *shown;
        int fd;
        struct bk_buf text;
        uint64_t most, done;            /* done: bytes that we have */
        uint64_t asked, base;           /* where the range begins that we asked for, and where what comes does */
        struct content content;         /* of what we have */
        struct answer answer;
        CURL *easy;
        bool begun, anew, stopped;
        struct bk_error why;            /* what went wrong in a callback */
        int64_t told;
        char reason[CURL_ERROR_SIZE];
};

static void content_done(struct content *content)
{
        free(content->etag);
        free(content->modified);
        *content = (struct content){ 0 };
}

static void transfer_done(struct transfer *t)
{
        content_done(&t->content);
        content_done(&t->answer.content);
        bk_buf_done(&t->text);
        free(t->from);
        free(t->shown);
        bk_close_(&t->fd);
        *t = (struct transfer){ .fd = -1 };
}

/* --- URLs ---------------------------------------------------------------------------- */

char *bk_fetch_shown(const char *url)
{
        const char *host = strstr(url, "://"), *end, *at = NULL, *colon;

        if (host == NULL)
                return bk_strdup(url);
        host += 3;
        end = host + strcspn(host, "/?#");
        for (const char *p = host; p < end; p++)
                if (*p == '@')
                        at = p;
        colon = at == NULL ? NULL : memchr(host, ':', (size_t)(at - host));
        if (colon == NULL)
                return bk_strdup(url);
        return bk_format("%.*s:***%s", (int)(colon - url), url, at);
}

/* Blanks and what is not ASCII are escaped, as browsers do; curl refuses them. */
static char *escaped_url(const char *url)
{
        struct bk_buf buf = { 0 };

        for (const unsigned char *p = (const unsigned char *)url; *p != '\0'; p++)
                if (*p <= ' ' || *p >= 0x7f)
                        bk_buf_printf(&buf, "%%%02X", *p);
                else
                        bk_buf_putc(&buf, (char)*p);
        return bk_buf_finish(&buf);
}

/* --- what we have -------------------------------------------------------------------- */

/* RFC 9110, 13.1.5: a weak ETag says nothing of bytes. NULL: what we have cannot be continued. */
static const char *validator_of(const struct content *content)
{
        if (content->etag != NULL && content->etag[0] == '"')
                return content->etag;
        return content->modified;
}

static bool may_be_same(const struct content *a, const struct content *b)
{
        if (a->etag != NULL && b->etag != NULL)
                return bk_streq(a->etag, b->etag);
        return a->modified == NULL || b->modified == NULL || bk_streq(a->modified, b->modified);
}

static void read_from(struct transfer *t)
{
        autofree char *text = NULL;
        bool ours = false;
        char *save = NULL;

        if (bk_read_file(t->from, FROM_MOST, &text, NULL, NULL) < 0)
                return;
        for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
                if (strncmp(line, "url ", 4) == 0)
                        ours = bk_streq(line + 4, t->fetch->url);
                else if (strncmp(line, "etag ", 5) == 0 && t->content.etag == NULL)
                        t->content.etag = bk_strdup(line + 5);
                else if (strncmp(line, "modified ", 9) == 0 && t->content.modified == NULL)
                        t->content.modified = bk_strdup(line + 9);
        }
        if (!ours)
                content_done(&t->content);
}

static int write_from(struct transfer *t)
{
        struct bk_buf buf = { 0 };
        autofree char *text = NULL;

        if (validator_of(&t->content) == NULL || strchr(t->fetch->url, '\n') != NULL) {
                (void)unlink(t->from);
                return 0;
        }
        bk_buf_printf(&buf, "url %s\n", t->fetch->url);
        if (t->content.etag != NULL)
                bk_buf_printf(&buf, "etag %s\n", t->content.etag);
        if (t->content.modified != NULL)
                bk_buf_printf(&buf, "modified %s\n", t->content.modified);
        text = bk_buf_finish(&buf);
        return bk_publish_bytes(t->from, text, strlen(text), 0600, &t->why);
}

/* Nothing is had; what will be is what the answer is about. */
static int start_anew(struct transfer *t)
{
        t->done = t->base = 0;
        content_done(&t->content);
        t->content = t->answer.content;
        t->answer.content = (struct content){ 0 };
        if (t->path == NULL) {
                bk_buf_done(&t->text);
                return 0;
        }
        if (ftruncate(t->fd, 0) < 0)
                return bk_fail_errno(&t->why, "cannot empty '%s'", t->path);
        return write_from(t);
}

static int open_file(struct transfer *t, struct bk_error *err)
{
        struct stat st;

        t->from = bk_format("%s.from", t->path);
        t->fd = open(t->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        if (t->fd < 0 || fstat(t->fd, &st) < 0)
                return bk_fail_errno(err, "cannot open '%s'", t->path);
        read_from(t);
        if (validator_of(&t->content) != NULL)
                t->done = (uint64_t)st.st_size;
        return 0;
}

/* --- curl's callbacks ---------------------------------------------------------------- */

/* True stops. */
static bool tell(struct transfer *t, uint64_t total)
{
        const int64_t now = bk_now_ms();

        if (t->fetch->progress == NULL || now - t->told < TELL_MS)
                return false;
        t->told = now;
        t->stopped = t->fetch->progress(t->fetch->arg, t->done, total);
        return t->stopped;
}

static int on_progress(void *arg, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
        struct transfer *t = arg;

        (void)now;
        (void)up_total;
        (void)up_now;
        return tell(t, total > 0 && t->begun ? t->base + (uint64_t)total : 0);
}

/* The value of a header, without blanks around it, when it has this name; the caller's. */
static char *header_value(const char *line, size_t length, const char *name)
{
        const size_t n = strlen(name);

        if (length <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
                return NULL;
        line += n + 1;
        length -= n + 1;
        while (length > 0 && strchr(" \t", line[0]) != NULL) {
                line++;
                length--;
        }
        while (length > 0 && strchr(" \t\r\n", line[length - 1]) != NULL)
                length--;
        return bk_strndup(line, length);
}

/* "bytes 100-199/200"; for 416 a star stands for the range. */
static void note_range(struct answer *answer, const char *value)
{
        const char *slash = strchr(value, '/');

        if (strncasecmp(value, "bytes ", 6) != 0 || slash == NULL)
                return;
        answer->has_range = true;
        answer->range_start = strtoull(value + 6, NULL, 10);
        answer->range_total = strtoull(slash + 1, NULL, 10);
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
        struct transfer *t = arg;
        autofree char *etag = header_value(line, n, "ETag"), *modified = header_value(line, n, "Last-Modified");
        autofree char *range = header_value(line, n, "Content-Range");

        (void)size;
        if (n >= 5 && memcmp(line, "HTTP/", 5) == 0) {
                content_done(&t->answer.content);
                t->answer = (struct answer){ .http = true };
        }
        if (!t->answer.http)
                return n;
        if (etag != NULL && t->answer.content.etag == NULL)
                t->answer.content.etag = bk_take(etag);
        if (modified != NULL && t->answer.content.modified == NULL)
                t->answer.content.modified = bk_take(modified);
        if (range != NULL)
                note_range(&t->answer, range);
        return n;
}

static long status_of(const struct transfer *t)
{
        long status = 0;

        (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        return status;
}

static int too_large(struct transfer *t)
{
        return bk_fail(&t->why, BK_INVALID, "it has more than the %" PRIu64 " bytes allowed here", t->most);
}

/* All headers are there, and no byte of the body was taken yet. */
static int begin(struct transfer *t)
{
        const long status = status_of(t);
        curl_off_t length = -1;

        t->begun = true;
        if (t->answer.http && (status < 200 || status > 299))
                return bk_fail(&t->why, BK_FAILED, "the server answered %ld", status);
        if (t->answer.http && status == 206) {
                t->base = t->done;
                t->anew = t->asked == 0 || !t->answer.has_range || t->answer.range_start != t->asked ||
                          !may_be_same(&t->content, &t->answer.content);
                if (t->anew)
                        return -1;
        } else if (start_anew(t) < 0) {
                return -1;
        }
        (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        return t->most > 0 && length > 0 && t->base + (uint64_t)length > t->most ? too_large(t) : 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
        struct transfer *t = arg;

        (void)size;
        if ((!t->begun && begin(t) < 0) || (t->most > 0 && t->done + n > t->most && too_large(t) < 0))
                return CURL_WRITEFUNC_ERROR;
        if (t->path == NULL) {
                bk_buf_add(&t->text, bytes, n);
        } else if (bk_write_all(t->fd, bytes, n, &t->why) < 0) {
                bk_wrap(&t->why, "'%s'", t->path);
                return CURL_WRITEFUNC_ERROR;
        }
        t->done += n;
        return n;
}

/* --- one try ------------------------------------------------------------------------- */

static enum outcome fail_status(const struct transfer *t, struct bk_error *err)
{
        const long status = status_of(t);
        const enum bk_kind kind = status == 404 || status == 410 ? BK_NOT_FOUND :
                                  status == 401 || status == 403 || status == 407 ? BK_DENIED :
                                  status == 408 || status == 429 || status >= 500 ? BK_INFRA : BK_FAILED;
        long redirects = 0;
        char *where = NULL;

        if (status == 416 && t->asked > 0)
                return t->answer.has_range && t->answer.range_total == t->asked &&
                       may_be_same(&t->content, &t->answer.content) ? OUTCOME_DONE : OUTCOME_ANEW;
        (void)curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_COUNT, &redirects);
        (void)curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &where);
        if (redirects > 0 && where != NULL) {
                autofree char *shown = bk_fetch_shown(where);

                bk_fail(err, kind, "the server answered %ld for '%s', where it had redirected to", status, shown);
        } else {
                bk_fail(err, kind, "the server answered %ld", status);
        }
        return kind == BK_INFRA ? OUTCOME_AGAIN : OUTCOME_FAILED;
}

static enum outcome fail_code(const struct transfer *t, CURLcode code, struct bk_error *err)
{
        static const struct { CURLcode code; enum bk_kind kind; bool again; } known[] = {
                { CURLE_UNSUPPORTED_PROTOCOL,     BK_INVALID,   false },
                { CURLE_URL_MALFORMAT,            BK_INVALID,   false },
                { CURLE_FILE_COULDNT_READ_FILE,   BK_NOT_FOUND, false },
                { CURLE_REMOTE_FILE_NOT_FOUND,    BK_NOT_FOUND, false },
                { CURLE_REMOTE_ACCESS_DENIED,     BK_DENIED,    false },
                { CURLE_LOGIN_DENIED,             BK_DENIED,    false },
                { CURLE_TOO_MANY_REDIRECTS,       BK_FAILED,    false },
                { CURLE_OPERATION_TIMEDOUT,       BK_TIMEOUT,   true },
                { CURLE_FTP_ACCEPT_TIMEOUT,       BK_TIMEOUT,   true },
                { CURLE_COULDNT_RESOLVE_HOST,     BK_INFRA,     true },
                { CURLE_COULDNT_RESOLVE_PROXY,    BK_INFRA,     true },
                { CURLE_COULDNT_CONNECT,          BK_INFRA,     true },
                { CURLE_SSL_CONNECT_ERROR,        BK_INFRA,     true },
                { CURLE_WEIRD_SERVER_REPLY,       BK_INFRA,     true },
                { CURLE_PARTIAL_FILE,             BK_INFRA,     true },
                { CURLE_GOT_NOTHING,              BK_INFRA,     true },
                { CURLE_SEND_ERROR,               BK_INFRA,     true },
                { CURLE_RECV_ERROR,               BK_INFRA,     true },
                { CURLE_HTTP2,                    BK_INFRA,     true },
                { CURLE_HTTP2_STREAM,             BK_INFRA,     true },
        };
        const char *reason = t->reason[0] != '\0' ? t->reason : curl_easy_strerror(code);
        const char *hint = code == CURLE_UNSUPPORTED_PROTOCOL ? "; known are http, https, ftp and file" : "";

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (known[i].code == code) {
                        bk_fail(err, known[i].kind, "%s%s", reason, hint);
                        return known[i].again ? OUTCOME_AGAIN : OUTCOME_FAILED;
                }
        bk_fail(err, BK_INFRA, "%s", reason);
        return OUTCOME_FAILED;
}

static enum outcome judge(struct transfer *t, CURLcode code, struct bk_error *err)
{
        if (code == CURLE_OK && (t->begun || begin(t) == 0))
                return OUTCOME_DONE;
        if (t->anew)
                return OUTCOME_ANEW;
        if (t->stopped) {
                bk_fail(err, BK_INTERRUPTED, "stopped");
                return OUTCOME_FAILED;
        }
        if (t->why.kind != BK_NONE) {
                *err = t->why;
                return OUTCOME_FAILED;
        }
        return code == CURLE_HTTP_RETURNED_ERROR ? fail_status(t, err) : fail_code(t, code, err);
}

static void set_limits(const struct transfer *t)
{
        const struct bk_fetch *f = t->fetch;
        const int connect = f->connect_timeout_ms > 0 ? f->connect_timeout_ms : CONNECT_TIMEOUT_MS;
        const int stall = f->stall_timeout_ms > 0 ? f->stall_timeout_ms : STALL_TIMEOUT_MS;

        curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
        curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
        curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, (long)((stall + 999) / 1000));
        curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, (long)PIECE);
        curl_easy_setopt(t->easy, CURLOPT_MAXREDIRS, 10L);
        curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https,ftp,file");
        curl_easy_setopt(t->easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https,ftp");
}

static void set_callbacks(struct transfer *t)
{
        curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
        curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
        curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
        curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(t->easy, CURLOPT_XFERINFODATA, t);
        curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->reason);
}

/* A bearer token is curl's own affair, which does not send it to another host. */
static void set_peer(CURL *easy, const struct bk_fetch *f)
{
        if (f->token != NULL) {
                curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
                curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, f->token);
        }
        if (f->ca != NULL)
                curl_easy_setopt(easy, CURLOPT_CAINFO, f->ca);
        if (f->cert != NULL)
                curl_easy_setopt(easy, CURLOPT_SSLCERT, f->cert);
        if (f->key != NULL)
                curl_easy_setopt(easy, CURLOPT_SSLKEY, f->key);
        if (f->socket != NULL)
                curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, f->socket);
}

static enum outcome try_once(struct transfer *t, struct bk_error *err)
{
        BK_CLEANUP(bk_curl_done) CURL *easy = bk_curl_new();
        BK_CLEANUP(bk_curl_headers_done) struct curl_slist *headers = NULL;
        autofree char *url = escaped_url(t->fetch->url), *range = NULL, *condition = NULL;

        t->easy = easy;
        t->begun = t->anew = false;
        t->base = 0;
        t->reason[0] = '\0';
        content_done(&t->answer.content);
        t->answer = (struct answer){ 0 };
        set_peer(t->easy, t->fetch);
        t->asked = t->path != NULL && validator_of(&t->content) != NULL ? t->done : 0;
        if (t->asked > 0) {
                range = bk_format("%" PRIu64 "-", t->asked);
                condition = bk_format("If-Range: %s", validator_of(&t->content));
                headers = curl_slist_append(NULL, condition);
                curl_easy_setopt(easy, CURLOPT_RANGE, range);
                curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        }
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
        curl_easy_setopt(easy, CURLOPT_USERAGENT, "bakery");
        set_limits(t);
        set_callbacks(t);
        const enum outcome outcome = judge(t, bk_curl_perform(easy), err);

        t->easy = NULL;
        return outcome;
}

/* --- all tries ----------------------------------------------------------------------- */

/* True: asked to stop. */
static bool pause_for(struct transfer *t, int ms)
{
        for (const int64_t end = bk_now_ms() + ms; bk_now_ms() < end; (void)usleep(20000))
                if (tell(t, 0))
                        return true;
        return false;
}

/* What we have is not what the server has, though it may have said so. */
static int forget(struct transfer *t, struct bk_error *err)
{
        content_done(&t->content);
        t->done = 0;
        if (t->path == NULL)
                return 0;
        if (unlink(t->from) < 0 && errno != ENOENT)
                return bk_fail_errno(err, "cannot remove '%s'", t->from);
        return ftruncate(t->fd, 0) < 0 ? bk_fail_errno(err, "cannot empty '%s'", t->path) : 0;
}

static int try_all(struct transfer *t, struct bk_error *err)
{
        uint64_t furthest = t->done;
        unsigned failures = 0;

        for (;;) {
                const enum outcome outcome = try_once(t, err);

                if (outcome == OUTCOME_DONE || outcome == OUTCOME_FAILED)
                        return outcome == OUTCOME_DONE ? 0 : -1;
                if (outcome == OUTCOME_ANEW) {
                        bk_fail(err, BK_INFRA, "the server does not send the range that it was asked for");
                        if (forget(t, err) < 0)
                                return -1;
                }
                failures = t->done > furthest ? 1 : failures + 1;
                if (t->done > furthest)
                        furthest = t->done;
                if (failures == TRIES)
                        return bk_wrap(err, "tried %d times", TRIES);
                if (outcome == OUTCOME_AGAIN && pause_for(t, FIRST_PAUSE_MS << (failures - 1)))
                        return bk_fail(err, BK_INTERRUPTED, "stopped");
        }
}

static int fetch_into(struct transfer *t, struct bk_error *err)
{
        struct bk_error why = { 0 };

        if (bk_curl_begin(err) < 0)
                return -1;
        t->shown = bk_fetch_shown(t->fetch->url);
        t->told = bk_now_ms();
        if (try_all(t, &why) < 0) {
                if (err != NULL)
                        *err = why;
                return bk_wrap(err, "cannot fetch '%s'", t->shown);
        }
        return 0;
}

int bk_fetch_file(const struct bk_fetch *fetch, const char *path, struct bk_error *err)
{
        BK_CLEANUP(transfer_done) struct transfer t = { .fetch = fetch, .path = path, .fd = -1, .most = fetch->most };

        if (open_file(&t, err) < 0 || fetch_into(&t, err) < 0)
                return -1;
        if (fsync(t.fd) < 0)
                return bk_fail_errno(err, "cannot write '%s' to the disk", path);
        (void)unlink(t.from);
        if (fetch->progress != NULL)
                (void)fetch->progress(fetch->arg, t.done, t.done);
        return bk_fsync_folder_of(path, err);
}

int bk_fetch_text(const struct bk_fetch *fetch, char **ret, struct bk_error *err)
{
        BK_CLEANUP(transfer_done) struct transfer t = { .fetch = fetch, .fd = -1, .most = fetch->most > 0 ? fetch->most : TEXT_MOST };

        if (fetch_into(&t, err) < 0)
                return -1;
        *ret = bk_buf_finish(&t.text);
        return 0;
}
