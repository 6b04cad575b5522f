/* What a worker tells its supervisor: one JSON object a line, on a pipe that
 * nothing of the image ever holds. */
#include "bakery/bake/bake_priv.h"

#include <stdarg.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/utf8.h"

enum { EVENT_MOST = 64 << 20 };         /* an inventory of a million packages is not that long */

/* Output of programs is bytes; JSON wants UTF-8. */
static json_t *text_of(const char *line)
{
        autofree char *clean = bk_utf8_clean(line);

        return json_string(clean);
}

void bake_tell(int events, json_t *event)
{
        autofree char *line = json_dumps(event, JSON_COMPACT);
        autofree char *whole = line ? bk_format("%s\n", line) : NULL;

        json_decref(event);
        /* A supervisor that is gone takes us with it; there is nobody left to tell. */
        if (whole != NULL && bk_write_all(events, whole, strlen(whole), NULL) < 0)
                _exit(1);
}

void bake_tell_step(int events, const char *format, ...)
{
        autofree char *text = NULL;
        va_list args;

        va_start(args, format);
        text = bk_vformat(format, args);
        va_end(args);
        bake_tell(events, json_pack("{s:s, s:o}", "event", "step", "text", text_of(text)));
}

void bake_tell_line(void *arg, int stream, const char *line)
{
        const struct bake_work *work = arg;

        for (const char *end; line != NULL; line = *end != '\0' ? end + 1 : NULL) {
                autofree char *one = NULL;

                end = line + strcspn(line, "\n");
                one = bk_strndup(line, (size_t)(end - line));
                bake_tell(work->events, json_pack("{s:s, s:i, s:o}", "event", "line", "stream", stream, "text", text_of(one)));
        }
}

void bake_tell_failure(int events, const struct bk_error *err)
{
        bake_tell(events, json_pack("{s:s, s:i, s:i, s:o, s:o}", "event", "failed", "kind", (int)err->kind, "errno", err->errnum,
                                    "at", text_of(err->at), "text", text_of(err->text)));
}

int bake_hear(struct bk_buf *partial, const char *bytes, size_t length, void (*on_event)(void *arg, const char *line), void *arg,
              struct bk_error *err)
{
        size_t at = 0;

        if (length == 0)
                return 0;
        bk_buf_add(partial, bytes, length);
        for (char *line = partial->data, *end; (end = memchr(line, '\n', partial->len - at)) != NULL; line = end + 1) {
                *end = '\0';
                on_event(arg, line);
                at = (size_t)(end - partial->data) + 1;
        }
        partial->len -= at;
        memmove(partial->data, partial->data + at, partial->len + 1);
        if (partial->len <= EVENT_MOST)
                return 0;
        bk_buf_done(partial);
        return bk_fail(err, BK_INTERNAL, "the worker told more than %d MiB in one line", EVENT_MOST >> 20);
}
