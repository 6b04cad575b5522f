/* What comes as it comes: server-sent events (the HTML standard's text/event-stream). Changes of the registry, numbered as in its log;
 * what a bake writes to its own, numbered by the byte behind it. A client that was cut off goes on where it was. */
#include "registry/serve_priv.h"

#include <inttypes.h>
#include <string.h>

#include "lib/fs.h"
#include "registry/bake.h"
#include "registry/html.h"

enum { BEAT_MS = 15000, LOOK_MS = 250, PAGE = 100, BLOCK = 16 << 10, STALL_MS = 60000, LINE_MOST = 64 << 10 };

struct stream {
        struct reg_serve *serve;
        struct serve_conn *conn;
        /* Puts to `text` what is new, if anything is. */
        int (*read)(struct stream *stream, struct bk_error *err);
        int look_ms;                    /* no longer than this between two looks; a change of the registry is one at once */
        int64_t seen;                   /* the newest event */
        char *bake;                     /* whose log it is; NULL: it is the registry's events */
        uint64_t from;                  /* the byte of it that is next */
        bool ended;                     /* there will be no more */
        struct bk_buf text;             /* what is to go out, from `sent` on */
        size_t sent;
};

static void stream_free(struct stream *stream)
{
        bk_buf_done(&stream->text);
        free(stream->bake);
        free(stream);
}

static void stream_done(void *cls)
{
        struct stream *stream = cls;

        serve_wait_leave(&stream->serve->wait);
        stream_free(stream);
}

static json_t *event_json(struct reg_stmt *stmt)
{
        autofree char *at = bk_iso_time(reg_column_int(stmt, 1));
        const char *detail = reg_column_peek(stmt, 7);
        json_t *json = json_object();

        (void)json_object_set_new(json, "index", json_integer(reg_column_int(stmt, 0)));
        (void)json_object_set_new(json, "at", json_string(at));
        (void)json_object_set_new(json, "who", reg_json_text(reg_column_peek(stmt, 2)));
        (void)json_object_set_new(json, "action", reg_json_text(reg_column_peek(stmt, 3)));
        (void)json_object_set_new(json, "subject", reg_json_text(reg_column_peek(stmt, 4)));
        (void)json_object_set_new(json, "name", reg_json_text(reg_column_peek(stmt, 5)));
        (void)json_object_set_new(json, "why", reg_json_text(reg_column_peek(stmt, 6)));
        detail = detail == NULL ? "null" : detail;
        (void)json_object_set_new(json, "detail", json_loads(detail, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
        return json;
}

static int read_events(struct stream *stream, struct bk_error *err)
{
        autostmt *stmt = NULL;
        struct reg *reg = NULL;
        int status;

        if (serve_reg_get(stream->serve, &reg, err) < 0)
                return -1;
        status = reg_sql_prepare(reg, "SELECT id, at, who, action, subject, name, why, detail FROM event WHERE id > ? ORDER BY id LIMIT ?", &stmt,
                                 err);
        if (status == 0)
                status = reg_sql_bind(reg, stmt, err, "ii", stream->seen, (int64_t)PAGE);
        while (status >= 0 && (status = reg_sql_step(reg, stmt, err)) > 0) {
                json_t *json = event_json(stmt);
                autofree char *text = json_dumps(json, JSON_COMPACT);

                json_decref(json);
                stream->seen = reg_column_int(stmt, 0);
                /* An action is two words of ours; JSON has no line ends. */
                bk_buf_printf(&stream->text, "id: %lld\nevent: %s\ndata: %s\n\n", (long long)stream->seen, reg_column_peek(stmt, 3),
                              text == NULL ? "null" : text);
        }
        reg_stmt_done(&stmt);
        serve_reg_put(stream->serve, reg, status == 0);
        return status;
}

/* --- a bake's log ------------------------------------------------------------------------- */
/* Whole lines, while more may come: what is cut in two would look like two. */
static size_t whole_lines(const char *text, size_t length, bool ended)
{
        const char *last = ended ? NULL : memrchr(text, '\n', length);

        return last != NULL ? (size_t)(last - text) + 1 : ended || length >= LINE_MOST ? length : 0;
}

static void put_lines(struct stream *stream, const char *text, size_t length)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf plain = { 0 };
        autojson *json = NULL;
        autofree char *data = NULL;

        if (length == 0)
                return;
        reg_terminal_text(text, length, &plain);
        json = json_pack("{s:o}", "text", reg_json_text(plain.data));
        data = json_dumps(json, JSON_COMPACT);
        stream->from += length;
        bk_buf_printf(&stream->text, "id: %" PRIu64 "\nevent: log\ndata: %s\n\n", stream->from, data);
}

/* Its row is looked at first: once that says that the bake has ended, the log is all there. */
static int read_log_with(struct stream *stream, struct reg *reg, struct bk_error *err)
{
        autofree char *text = NULL, *data = NULL;
        autojson *bake = NULL;
        size_t length = 0;
        uint64_t size = 0;
        bool ended;

        if (reg_event_index(reg, &stream->seen, err) < 0 || reg_bake_json(reg, &stream->serve->store, stream->bake, &bake, err) < 0 ||
            reg_bake_log(reg, &stream->serve->store, stream->bake, stream->from, &text, &length, &size, err) < 0)
                return -1;
        ended = !bk_streq(json_string_value(json_object_get(bake, "status")), "running");
        put_lines(stream, text, whole_lines(text, length, ended));
        stream->ended = ended && stream->from >= size;
        if (!stream->ended)
                return 0;
        data = json_dumps(bake, JSON_COMPACT);
        bk_buf_printf(&stream->text, "event: end\ndata: %s\n\n", data);
        return 0;
}

static int read_log(struct stream *stream, struct bk_error *err)
{
        struct reg *reg = NULL;
        int status;

        if (serve_reg_get(stream->serve, &reg, err) < 0)
                return -1;
        status = read_log_with(stream, reg, err);
        serve_reg_put(stream->serve, reg, status == 0 || err->kind == BK_NOT_FOUND);
        return status;
}

/* --- sending -------------------------------------------------------------------------------- */
static ssize_t give(struct stream *stream, char *to, size_t most)
{
        const size_t left = stream->text.len - stream->sent, n = left < most ? left : most;

        memcpy(to, stream->text.data + stream->sent, n);
        stream->sent += n;
        if (stream->sent == stream->text.len) {
                stream->text.len = 0;
                stream->sent = 0;
        }
        return (ssize_t)n;
}

/* Waits for something to say, and says that it is there where there is nothing. At first it is not waited. */
static int fill(struct stream *stream, bool first, struct bk_error *err)
{
        const int64_t until = bk_now_ms() + BEAT_MS;

        do {
                if (!first && !atomic_load(&stream->serve->stopping))
                        (void)serve_wait_for(&stream->serve->wait, stream->seen, stream->look_ms);
                if (atomic_load(&stream->serve->stopping))
                        return 0;
                if (stream->read(stream, err) < 0)
                        return -1;
        } while (!first && stream->text.len == 0 && bk_now_ms() < until);
        if (stream->text.len == 0)
                bk_buf_puts(&stream->text, ": still here\n\n");
        return 0;
}

/* In the connection's own thread, which waits here. Being asked for more means that what was given has gone out. */
static ssize_t next_part(void *cls, uint64_t position, char *to, size_t most)
{
        struct stream *stream = cls;
        struct bk_error err = { 0 };

        serve_conn_deadline(&stream->serve->limits, stream->conn, 0);
        if (stream->text.len == 0) {
                if (stream->ended)
                        return MHD_CONTENT_READER_END_OF_STREAM;
                /* A failure ends the stream: the client asks again, and is told then. */
                if (fill(stream, position == 0, &err) < 0)
                        return MHD_CONTENT_READER_END_WITH_ERROR;
                if (atomic_load(&stream->serve->stopping))
                        return MHD_CONTENT_READER_END_OF_STREAM;
        }
        serve_conn_deadline(&stream->serve->limits, stream->conn, bk_now_ms() + STALL_MS);
        return give(stream, to, most);
}

/* --- starting --------------------------------------------------------------------------------- */
/* From where: the last event that the client has seen, ?since=N, or now. */
static int starting_point(struct serve_request *request, int64_t *ret, struct bk_error *err)
{
        autofree char *since = serve_query_take(request->query, "since");
        const char *seen = serve_header(request, "Last-Event-ID"), *text = seen != NULL ? seen : since;
        struct reg *reg = NULL;
        char *end = NULL;
        int status = 0;

        if (text != NULL) {
                *ret = strtoll(text, &end, 10);
                return end == text || *end != '\0' || *ret < 0 ? bk_fail(err, BK_INVALID, "since= takes the number of an event") : 0;
        }
        if (serve_reg_get(request->serve, &reg, err) < 0)
                return -1;
        status = reg_event_index(reg, ret, err);
        serve_reg_put(request->serve, reg, status == 0);
        return status;
}

/* Takes the stream. */
static enum MHD_Result start(struct serve_request *request, struct stream *stream)
{
        struct MHD_Response *response;
        struct bk_error err = { 0 };

        stream->serve = request->serve;
        stream->conn = request->conn;
        if (!serve_wait_enter(&request->serve->wait)) {
                stream_free(stream);
                (void)bk_fail(&err, BK_INFRA, "too many wait already; try again, or ask for what is there");
                return serve_fail(request, &err);
        }
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, next_part, stream, stream_done);
        if (response == NULL)
                stream_done(stream);
        serve_response_header(response, "Content-Type", "text/event-stream");
        serve_response_header(response, "Cache-Control", "no-store");
        return serve_queue(request, 200, response, 0);
}

static int may_read(const struct serve_request *request, struct bk_error *err)
{
        return request->who.role < REG_READ ? bk_fail(err, BK_DENIED, "events need a token that may read") : 0;
}

enum MHD_Result serve_events(struct serve_request *request)
{
        struct bk_error err = { 0 };
        struct stream *stream;
        int64_t seen = 0;

        if (may_read(request, &err) < 0 || starting_point(request, &seen, &err) < 0)
                return serve_fail(request, &err);
        stream = bk_alloc(sizeof *stream);
        *stream = (struct stream){ .read = read_events, .look_ms = BEAT_MS, .seen = seen };
        return start(request, stream);
}

char *serve_bake_of(const char *path)
{
        static const char before[] = "/bakes/", behind[] = "/log/stream";
        const size_t length = strlen(path), most = sizeof before - 1 + sizeof behind - 1;
        char *bake = NULL;

        if (length <= most || strncmp(path, before, sizeof before - 1) != 0 || strcmp(path + length - (sizeof behind - 1), behind) != 0)
                return NULL;
        return reg_decode(path + sizeof before - 1, length - most, &bake, NULL) < 0 ? NULL : bake;
}

enum MHD_Result serve_bake_log(struct serve_request *request, const char *bake)
{
        autofree char *from = serve_query_take(request->query, "from");
        const char *seen = serve_header(request, "Last-Event-ID"), *text = seen != NULL ? seen : from != NULL ? from : "0";
        struct bk_error err = { 0 };
        struct stream *stream;

        if (may_read(request, &err) < 0)
                return serve_fail(request, &err);
        if (*text == '\0' || strlen(text) > 18 || text[strspn(text, "0123456789")] != '\0') {
                (void)bk_fail(&err, BK_INVALID, "from= takes the number of a byte");
                return serve_fail(request, &err);
        }
        stream = bk_alloc(sizeof *stream);
        *stream = (struct stream){ .serve = request->serve, .read = read_log, .look_ms = LOOK_MS, .bake = bk_strdup(bake),
                                   .from = strtoull(text, NULL, 10) };
        /* What is not there is said with a status of its own. */
        if (read_log(stream, &err) < 0) {
                stream_free(stream);
                return serve_fail(request, &err);
        }
        return start(request, stream);
}
