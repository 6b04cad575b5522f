/* Changes as they come: server-sent events (the HTML standard's text/event-stream), one an event of the log, numbered as there, so that
 * a client that was cut off goes on where it was. */
#include "registry/serve_priv.h"

#include <string.h>

#include "lib/fs.h"

enum { BEAT_MS = 15000, PAGE = 100, BLOCK = 16 << 10, STALL_MS = 60000 };

struct stream {
        struct reg_serve *serve;
        struct serve_conn *conn;
        int64_t seen;
        struct bk_buf text;             /* what is to go out, from `sent` on */
        size_t sent;
};

static void stream_done(void *cls)
{
        struct stream *stream = cls;

        serve_wait_leave(&stream->serve->wait);
        bk_buf_done(&stream->text);
        free(stream);
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

/* In the connection's own thread, which waits here. Being asked for more means that what was given has gone out. */
static ssize_t next_part(void *cls, uint64_t position, char *to, size_t most)
{
        struct stream *stream = cls;
        struct bk_error err = { 0 };

        (void)position;
        serve_conn_deadline(&stream->serve->limits, stream->conn, 0);
        if (stream->text.len == 0) {
                if (position > 0 && !atomic_load(&stream->serve->stopping))
                        (void)serve_wait_for(&stream->serve->wait, stream->seen, BEAT_MS);
                if (atomic_load(&stream->serve->stopping))
                        return MHD_CONTENT_READER_END_OF_STREAM;
                /* A failure ends the stream: the client asks again, and is told then. */
                if (read_events(stream, &err) < 0)
                        return MHD_CONTENT_READER_END_WITH_ERROR;
                if (stream->text.len == 0)
                        bk_buf_puts(&stream->text, ": still here\n\n");
        }
        serve_conn_deadline(&stream->serve->limits, stream->conn, bk_now_ms() + STALL_MS);
        return give(stream, to, most);
}

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

enum MHD_Result serve_events(struct serve_request *request)
{
        struct MHD_Response *response;
        struct bk_error err = { 0 };
        struct stream *stream;
        int64_t seen = 0;

        if (request->who.role < REG_READ) {
                (void)bk_fail(&err, BK_DENIED, "events need a token that may read");
                return serve_fail(request, &err);
        }
        if (starting_point(request, &seen, &err) < 0)
                return serve_fail(request, &err);
        if (!serve_wait_enter(&request->serve->wait)) {
                (void)bk_fail(&err, BK_INFRA, "too many wait already; ask /events?since= instead");
                return serve_fail(request, &err);
        }
        stream = bk_alloc(sizeof *stream);
        *stream = (struct stream){ .serve = request->serve, .conn = request->conn, .seen = seen };
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, next_part, stream, stream_done);
        if (response == NULL)
                stream_done(stream);
        serve_response_header(response, "Content-Type", "text/event-stream");
        serve_response_header(response, "Cache-Control", "no-store");
        return serve_queue(request, 200, response, 0);
}
