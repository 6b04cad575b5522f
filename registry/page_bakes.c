/* Pages of bakes. The end of a log is in the page; the script goes on from there while the bake runs (serve_events.c). */
#include "registry/page_priv.h"

#include <inttypes.h>
#include <string.h>


enum { TAIL = 128 << 10 };

static int64_t seconds_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        int64_t low = 0, high = 0;

        return text != NULL && reg_time_parse(text, &low, &high, NULL) == 0 ? low : 0;
}

/* "1:05", "2:00:00"; hyphen where it is not known. */
static void put_duration(struct reg_html *html, int64_t seconds)
{
        autofree char *text = seconds < 0 ? bk_strdup("\xe2\x80\x93") :
                              seconds < 3600 ? bk_format("%d:%02d", (int)(seconds / 60), (int)(seconds % 60)) :
                              bk_format("%lld:%02d:%02d", (long long)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));

        reg_html(html, "<span class=\"n\">%s</span>", text);
}

static bool runs(const json_t *bake)
{
        return bk_streq(json_string_value(json_object_get(bake, "status")), "running");
}

static int64_t duration_of(const struct reg_html *html, const json_t *bake)
{
        const int64_t start = seconds_of(bake, "started_at"), end = runs(bake) ? html->now : seconds_of(bake, "ended_at");

        return start == 0 || end == 0 ? -1 : end < start ? 0 : end - start;
}

static void put_job(struct reg_html *html, const json_t *bake)
{
        const char *url = json_string_value(json_object_get(bake, "build_url"));

        /* Only what is an address of the web becomes a link: "javascript:" is one, too. */
        if (url != NULL && (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0))
                reg_html(html, "<a href=\"%s\" rel=\"noreferrer noopener\">%s</a>", url, url);
        else
                reg_html_text(html, json_object_get(bake, "build_url"));
}

static void put_bake_link(struct reg_html *html, const json_t *id)
{
        reg_html_link(html, json_string_value(id), "/bakes", json_string_value(id));
}

static void put_took(struct reg_html *html, const json_t *bake)
{
        put_duration(html, duration_of(html, bake));
}

static void put_who_and_where(struct reg_html *html, const json_t *bake)
{
        reg_html_text(html, json_object_get(bake, "who"));
        reg_html(html, " <span class=\"age\">on %s</span>", json_string_value(json_object_get(bake, "host")));
}

void reg_page_bakes_table(struct reg_html *html, const char *caption, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "Bake", "id", put_bake_link }, { "Of", "name", reg_html_text }, { "Status", "status", reg_html_word },
                { "Started", "started_at", reg_html_time }, { "Took", NULL, put_took }, { "By", NULL, put_who_and_where },
                { "Image", "image", reg_html_image }, { 0 },
        };

        reg_html_table(html, caption, columns, items, SIZE_MAX);
}

/* --- all of them ----------------------------------------------------------------------------- */
static void put_form(struct reg_html *html, const char *name, const char *status)
{
        static const char *const statuses[] = { "running", "ok", "failed", "aborted", NULL };

        reg_page_form(html, "/bakes");
        reg_page_input(html, "name", "Of image", name, "nginx");
        reg_page_choice(html, "status", "Status", statuses, status);
        reg_page_form_end(html, "Find");
}

int reg_page_bakes(struct reg_call *call, struct bk_error *err)
{
        autofree char *name = NULL, *status = NULL, *cursor = NULL, *json = NULL;
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 }, asked = { 0 };
        autojson *bakes = NULL;
        autohtml html = { 0 };

        if (reg_page_field(call, "name", &name, err) < 0 || reg_page_field(call, "status", &status, err) < 0 ||
            reg_page_field(call, "cursor", &cursor, err) < 0)
                return -1;
        reg_page_query(&query, "name", name);
        reg_page_query(&query, "status", status);
        bk_buf_puts(&asked, query.data == NULL ? "" : query.data);
        reg_page_query(&asked, "limit", "50");
        reg_page_query(&asked, "cursor", cursor);
        json = bk_format("/bakes?%s", asked.data);

        const struct reg_page page = { .title = "Bakes", .section = "/bakes", .json = json };

        if (reg_page_ask(call, "/bakes", asked.data, &bakes, err) < 0)
                return -1;
        reg_page_begin(&html, &page);
        put_form(&html, name, status);
        if (json_array_size(json_object_get(bakes, "items")) > 0)
                reg_page_bakes_table(&html, "Bakes, newest first", json_object_get(bakes, "items"));
        else if (name != NULL || status != NULL || cursor != NULL)
                reg_page_empty(&html, "No such bake.", NULL);
        else
                reg_page_empty(&html, "Nothing was baked yet. To begin:", "bakery build TEMPLATE.json");
        reg_page_next(&html, "/bakes", query.data == NULL ? "" : query.data, "cursor", json_object_get(bakes, "next"));
        reg_page_end(call, &html, &page);
        return 0;
}

/* --- one ------------------------------------------------------------------------------------------ */
/* How long the last one of that name took which went well; 0: there is none. */
static int usual_duration(struct reg_call *call, const struct reg_html *html, const json_t *bake, int64_t *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };
        autojson *others = NULL;
        const json_t *items;

        reg_page_query(&query, "name", json_string_value(json_object_get(bake, "name")));
        reg_page_query(&query, "status", "ok");
        reg_page_query(&query, "limit", "1");
        if (reg_page_ask(call, "/bakes", query.data, &others, err) < 0)
                return -1;
        items = json_object_get(others, "items");
        *ret = json_array_size(items) > 0 ? duration_of(html, json_array_get(items, 0)) : 0;
        return 0;
}

static int put_progress(struct reg_call *call, struct reg_html *html, const json_t *bake, struct bk_error *err)
{
        const int64_t so_far = duration_of(html, bake);
        int64_t usual = 0;

        if (usual_duration(call, html, bake, &usual, err) < 0)
                return -1;
        reg_html(html, "<p class=\"progress\" id=\"progress\" data-started=\"%lld\"><label for=\"bar\">Under way for <span id=\"elapsed\">",
                 (long long)(html->now - so_far));
        put_duration(html, so_far);
        reg_html(html, "</span>");
        if (usual > 0) {
                reg_html(html, "; the last one took ");
                put_duration(html, usual);
        }
        reg_html(html, "</label> <progress id=\"bar\" max=\"%lld\"", (long long)(usual > 0 ? usual : 1));
        if (usual > 0)
                reg_html(html, " value=\"%lld\"", (long long)(so_far < usual ? so_far : usual));
        reg_html(html, "></progress></p>\n");
        return 0;
}

static void put_about(struct reg_html *html, const json_t *bake)
{
        reg_html(html, "<dl class=\"facts\"><div><dt>Status</dt><dd id=\"status\">");
        reg_html_word(html, json_object_get(bake, "status"));
        reg_html(html, "</dd></div><div><dt>Image</dt><dd>");
        if (json_is_string(json_object_get(bake, "image")))
                reg_html_image(html, json_object_get(bake, "image"));
        else
                reg_html(html, "<span class=\"none\">none</span>");
        reg_html(html, "</dd></div><div><dt>Started</dt><dd>");
        reg_html_time(html, json_object_get(bake, "started_at"));
        reg_html(html, "</dd></div><div><dt>Took</dt><dd>");
        put_duration(html, runs(bake) ? -1 : duration_of(html, bake));
        reg_html(html, "</dd></div><div><dt>By</dt><dd>%s on %s</dd></div><div><dt>Builder</dt><dd>", json_string_value(json_object_get(bake, "who")),
                 json_string_value(json_object_get(bake, "host")));
        reg_html_text(html, json_object_get(bake, "builder"));
        reg_html(html, "</dd></div><div class=\"span\"><dt>Template</dt><dd>");
        reg_html_text(html, json_object_get(bake, "template"));
        reg_html(html, "</dd></div><div class=\"span\"><dt>Job</dt><dd>");
        put_job(html, bake);
        reg_html(html, "</dd></div></dl>\n");
}

/* Lines that say what step it is are what people look for. */
static void put_lines(struct reg_html *html, const char *text)
{
        while (*text != '\0') {
                const size_t length = strcspn(text, "\n");
                autofree char *line = bk_strndup(text, length);

                reg_html(html, strncmp(line, "==> ", 4) == 0 ? "<b>%s</b>\n" : "%s\n", line);
                text += length + (text[length] == '\n');
        }
}

static int log_part(struct reg_call *call, const char *path, uint64_t from, struct reg_answer *ret, uint64_t *ret_size, struct bk_error *err)
{
        autofree char *query = bk_format("from=%" PRIu64, from);
        json_t *none = NULL;

        reg_answer_done(ret);
        if (reg_api_within(call, path, query, ret, &none, err) < 0)
                return -1;
        for (size_t i = 0; i < ret->headers.n; i++)
                if (strncmp(ret->headers.v[i], "X-Bakery-Size: ", 15) == 0)
                        *ret_size = strtoull(ret->headers.v[i] + 15, NULL, 10);
        return 0;
}

/* The end of it, whole lines; what is behind them is for the stream. */
static int put_log(struct reg_call *call, struct reg_html *html, const json_t *bake, struct bk_error *err)
{
        const char *id = json_string_value(json_object_get(bake, "id"));
        autofree char *path = bk_format("/bakes/%s/log", id);
        BK_CLEANUP(reg_answer_done) struct reg_answer part = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
        struct bk_error why = { 0 };
        uint64_t size = 0, from;
        size_t start = 0, end;

        if (log_part(call, path, UINT64_C(1) << 50, &part, &size, &why) < 0) {
                if (why.kind != BK_NOT_FOUND)
                        return *err = why, -1;
                reg_html(html, "<p class=\"empty\">%s</p>\n", why.text);
                return 0;
        }
        from = size > TAIL ? size - TAIL : 0;
        if (log_part(call, path, from, &part, &size, err) < 0)
                return -1;
        if (from > 0)
                while (start < part.length && part.text[start++] != '\n')
                        ;
        for (end = part.length; runs(bake) && end > start && part.text[end - 1] != '\n'; end--)
                ;
        reg_terminal_text(part.text + start, end - start, &text);
        reg_html(html, "<p class=\"more\">");
        if (from > 0)
                reg_html(html, "The end of it. ");
        reg_html(html, "<a href=\"/api/v1%s\">The whole log as text</a></p>\n<pre id=\"log\" class=\"log\" tabindex=\"0\" aria-label=\"Log\"", path);
        if (runs(bake))
                reg_html(html, " data-stream=\"/api/v1%s/stream\" data-next=\"%zu\"", path, (size_t)from + end);
        reg_html(html, ">");
        put_lines(html, text.data == NULL ? "" : text.data);
        reg_html(html, "</pre>\n");
        return 0;
}

int reg_page_bake(struct reg_call *call, struct bk_error *err)
{
        autofree char *path = reg_page_path("/bakes", call->part[0]), *heading = NULL;
        autojson *bake = NULL;
        autohtml html = { 0 };

        if (reg_page_ask(call, path, "", &bake, err) < 0)
                return -1;
        heading = bk_format("Bake of %s", json_string_value(json_object_get(bake, "name")));

        const struct reg_page page = { .title = heading, .section = "/bakes", .json = path, .script = true };

        reg_page_begin(&html, &page);
        put_about(&html, bake);
        if (runs(bake) && put_progress(call, &html, bake, err) < 0)
                return -1;
        reg_html(&html, "<section><h2>Log</h2>\n");
        if (put_log(call, &html, bake, err) < 0)
                return -1;
        reg_html(&html, "</section>\n");
        if (runs(bake))
                reg_html(&html, "<noscript><p>Reload this page to see how it goes on.</p></noscript>\n");
        reg_page_end(call, &html, &page);
        return 0;
}
