/* What all pages have around them, and where they are. */
#include "registry/page_priv.h"

#include <string.h>
#include <time.h>

#include "lib/digest.h"
#include "lib/http.h"

/* Nothing from elsewhere, no scripts but ours, and in nobody's frame. */
#define POLICY "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; " \
               "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
#define KEPT "Cache-Control: public, max-age=31536000, immutable"

/* Two files beside this one, as they are. */
__asm__(".pushsection .rodata\n"
        ".global reg_page_css, reg_page_css_end, reg_page_js, reg_page_js_end\n"
        "reg_page_css: .incbin \"registry/page.css\"\nreg_page_css_end: .byte 0\n"
        "reg_page_js: .incbin \"registry/page.js\"\nreg_page_js_end: .byte 0\n"
        ".popsection\n");
extern const char reg_page_css[], reg_page_css_end[], reg_page_js[], reg_page_js_end[];

/* --- asking --------------------------------------------------------------------------- */
int reg_page_ask(const struct reg_call *call, const char *path, const char *query, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };
        autojson *json = NULL;

        if (reg_api_within(call, path, query, &answer, &json, err) < 0)
                return -1;
        call->answer->fleeting = call->answer->fleeting || answer.fleeting;
        if (json == NULL)
                json = json_loadb(answer.text == NULL ? "" : answer.text, answer.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (answer.status >= 400) {
                const json_t *error = json_object_get(json, "error");
                const char *kind = json_string_value(json_object_get(error, "kind")), *text = json_string_value(json_object_get(error, "message"));

                return bk_fail(err, kind == NULL ? BK_INTERNAL : bk_kind_of_name(kind), "%s", text == NULL ? "it was refused" : text);
        }
        *ret = bk_take(json);
        return 0;
}

int reg_page_field(const struct reg_call *call, const char *name, char **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        const char *start;
        size_t length;

        *ret = NULL;
        if (reg_form_text(call->request->query, strlen(call->request->query), name, &text, err) < 0)
                return -1;
        start = text == NULL ? "" : text + strspn(text, " ");
        length = strlen(start);
        while (length > 0 && start[length - 1] == ' ')
                length--;
        if (length > 0)
                *ret = bk_strndup(start, length);
        return 0;
}

char *reg_page_path_of(const char *const *parts)
{
        struct bk_buf path = { 0 };

        bk_buf_puts(&path, parts[0]);
        for (size_t i = 1; parts[i] != NULL; i++) {
                autofree char *escaped = bk_http_escape(parts[i]);

                bk_buf_printf(&path, "/%s", escaped);
        }
        return bk_buf_finish(&path);
}

void reg_page_query(struct bk_buf *query, const char *name, const char *value)
{
        autofree char *escaped = value == NULL ? NULL : bk_http_escape(value);

        if (escaped != NULL)
                bk_buf_printf(query, "%s%s=%s", query->len > 0 ? "&" : "", name, escaped);
}

/* --- around a page ------------------------------------------------------------------------ */
static const struct { const char *path, *name; } sections[] = {
        { "/images", "Images" }, { "/channels", "Channels" }, { "/bakes", "Bakes" }, { "/packages", "Packages" }, { "/advisories", "Advisories" },
        { "/usage", "Usage" }, { "/janitor", "Janitor" }, { "/audit", "Audit" },
};

/* Browsers keep both files for good: what is changed has another address. */
static char *version_of(const char *start, const char *end)
{
        autofree char *digest = bk_digest_bytes(start, (size_t)(end - start));

        return bk_strndup(digest + strlen("sha256:"), 12);
}

/* A loaf, cut on top. */
#define ICON "data:image/svg+xml,%%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%%3E%%3Crect x='1' y='4' width='14' height='9' " \
             "rx='4.5' fill='%%23b26a1d'/%%3E%%3Cpath d='M5 6l-1 3M8.5 6l-1 3M12 6l-1 3' stroke='%%23fff3dd' stroke-width='1.4' " \
             "stroke-linecap='round'/%%3E%%3C/svg%%3E"

static void put_head(struct reg_html *html, const struct reg_page *page)
{
        autofree char *css = version_of(reg_page_css, reg_page_css_end), *js = version_of(reg_page_js, reg_page_js_end);

        reg_html(html, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, "
                 "initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>%s \xc2\xb7 bakery</title>"
                 "<link rel=\"icon\" href=\"" ICON "\"><link rel=\"stylesheet\" href=\"/bakery.css?%s\">", page->title, css);
        if (page->script)
                reg_html(html, "<script src=\"/bakery.js?%s\" defer></script>", js);
        reg_html(html, "</head>\n<body><a class=\"skip\" href=\"#main\">Skip to content</a>\n<header><a class=\"brand\" href=\"/\">bakery</a>"
                 "<nav aria-label=\"Sections\"><ul>");
        for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
                reg_html(html, "<li><a href=\"%s\" aria-current=\"%s\">%s</a></li>", sections[i].path,
                         bk_streq(page->section, sections[i].path) ? "page" : "false", sections[i].name);
        reg_html(html, "</ul></nav></header>\n<main id=\"main\">\n");
}

void reg_page_begin(struct reg_html *html, const struct reg_page *page)
{
        html->now = time(NULL);
        put_head(html, page);
        reg_html(html, "<h1>%s</h1>\n", page->heading != NULL ? page->heading : page->title);
}

static void finish(struct reg_answer *answer, struct reg_html *html, const char *json)
{
        reg_html(html, "</main>\n<footer><p>");
        if (json != NULL)
                reg_html(html, "<a href=\"/api/v1%s\">This as JSON</a> \xc2\xb7 ", json);
        reg_html(html, "<a href=\"/api/v1/openapi.json\">API</a> \xc2\xb7 ");
        if (answer->index > 0)
                reg_html(html, "as of change %lld \xc2\xb7 ", (long long)answer->index);
        reg_html(html, "bakery " BAKERY_VERSION "</p></footer></body></html>\n");
        answer->type = REG_HTML;
        answer->length = html->buf.len;
        answer->text = bk_buf_finish(&html->buf);
        bk_strv_add(&answer->headers, POLICY);
        bk_strv_add(&answer->headers, "Referrer-Policy: no-referrer");
}

void reg_page_end(const struct reg_call *call, struct reg_html *html, const struct reg_page *page)
{
        finish(call->answer, html, page->json);
}

void reg_page_alert(const struct reg_call *call, struct reg_html *html, const struct bk_error *err)
{
        call->answer->status = reg_status_of(err->kind);
        call->answer->fleeting = true;
        reg_html(html, "<p class=\"alert\" role=\"alert\">%s</p>\n", err->text);
}

void reg_page_failure(struct reg_answer *answer, const struct bk_error *err)
{
        static const struct { int status; const char *title, *advice; } kinds[] = {
                { 400, "This cannot be answered", "Look at the address, or go back and ask in another way." },
                { 403, "This needs a token", "Reload the page and give a token as the password; any user name does. "
                                             "`bakery token create NAME -role read` makes one." },
                { 404, "There is no such thing", "It may have another name, or be in another registry." },
                { 410, "It was here", "It was withdrawn or deleted; the audit log has more." },
                { 503, "Not just now", "Try again in a moment." },
        };
        struct reg_html html = { .now = time(NULL) };
        const int status = reg_status_of(err->kind);
        struct reg_page page = { .title = "This went wrong", .section = "" };
        const char *advice = "The server's own log may say more.";

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
                if (kinds[i].status == status) {
                        page.title = kinds[i].title;
                        advice = kinds[i].advice;
                }
        reg_answer_done(answer);
        put_head(&html, &page);
        reg_html(&html, "<h1>%s</h1>\n<p class=\"alert\" role=\"alert\">%s</p>\n<p>%s</p>\n<p><a href=\"/\">To the start</a></p>\n", page.title,
                 err->text, advice);
        finish(answer, &html, NULL);
        answer->status = status;
}

void reg_page_form(struct reg_html *html, const char *path)
{
        reg_html(html, "<form action=\"%s\" role=\"search\">", path);
}

void reg_page_input(struct reg_html *html, const char *name, const char *label, const char *value, const char *example)
{
        reg_html(html, "<span class=\"field\"><label for=\"%s\">%s</label><input id=\"%s\" name=\"%s\" type=\"search\" value=\"%s\" "
                 "placeholder=\"%s\" autocapitalize=\"off\" autocomplete=\"off\" spellcheck=\"false\"></span>", name, label, name, name,
                 value, example);
}

void reg_page_choice(struct reg_html *html, const char *name, const char *label, const char *const *words, const char *chosen)
{
        reg_html(html, "<span class=\"field small\"><label for=\"%s\">%s</label><select id=\"%s\" name=\"%s\"><option value=\"\">any</option>",
                 name, label, name, name);
        for (; *words != NULL; words++)
                reg_html(html, "<option%s>%s</option>", bk_streq(*words, chosen) ? " selected" : "", *words);
        reg_html(html, "</select></span>");
}

void reg_page_switch(struct reg_html *html, const char *name, const char *label, bool on)
{
        reg_html(html, "<label class=\"field small\"><input type=\"checkbox\" name=\"%s\" value=\"1\"%s> %s</label>", name, on ? " checked" : "",
                 label);
}

void reg_page_form_end(struct reg_html *html, const char *button)
{
        reg_html(html, "<button>%s</button></form>\n", button);
}

void reg_page_empty(struct reg_html *html, const char *text, const char *command)
{
        reg_html(html, "<p class=\"empty\">%s", text);
        if (command != NULL)
                reg_html(html, " <code>%s</code>", command);
        reg_html(html, "</p>\n");
}

void reg_page_named(struct reg_html *html, const json_t *item)
{
        reg_html_named(html, json_object_get(item, "id"), json_object_get(item, "name"));
}

void reg_page_tags(struct reg_html *html, const json_t *attributes, size_t most)
{
        const char *key;
        const json_t *value;
        size_t n = 0;

        json_object_foreach((json_t *)attributes, key, value) {
                BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };

                if (n++ == most)
                        break;
                reg_page_query(&query, key, json_string_value(value));
                reg_html(html, "<a class=\"tag\" href=\"/images?%s\"><span>%s</span> %s</a> ", query.data == NULL ? "" : query.data, key,
                         json_string_value(value));
        }
}

void reg_page_in_use(struct reg_html *html, const json_t *yes)
{
        reg_html(html, json_is_true(yes) ? "<span class=\"word ok\">in use</span>" : "no");
}

void reg_page_next(struct reg_html *html, const char *path, const char *query, const char *name, const json_t *cursor)
{
        autofree char *number = json_is_integer(cursor) ? bk_format("%lld", (long long)json_integer_value(cursor)) : NULL;
        const char *text = number != NULL ? number : json_string_value(cursor);
        BK_CLEANUP(bk_buf_done) struct bk_buf all = { 0 };

        if (text == NULL)
                return;
        bk_buf_puts(&all, query);
        reg_page_query(&all, name, text);
        reg_html(html, "<nav class=\"pages\" aria-label=\"Pages\"><a rel=\"next\" href=\"%s?%s\">Next page</a></nav>\n", path, all.data);
}

/* --- the start ------------------------------------------------------------------------------ */
enum { RECENT = 8 };

static int put_bakes(struct reg_call *call, struct reg_html *html, struct bk_error *err)
{
        autojson *running = NULL, *last = NULL;

        if (reg_page_ask(call, "/bakes", "status=running&limit=20", &running, err) < 0 || reg_page_ask(call, "/bakes", "limit=5", &last, err) < 0)
                return -1;
        reg_html(html, "<section><h2>Bakes</h2>\n");
        if (json_array_size(json_object_get(running, "items")) > 0)
                reg_page_bakes_table(html, "Under way", json_object_get(running, "items"));
        if (json_array_size(json_object_get(last, "items")) > 0)
                reg_page_bakes_table(html, "The last five", json_object_get(last, "items"));
        else
                reg_page_empty(html, "Nothing was baked yet. The stock images are a start:",
                               "bakery build images/foundation/debian-12/template.json");
        reg_html(html, "</section>\n");
        return 0;
}

static int put_images(struct reg_call *call, struct reg_html *html, struct bk_error *err)
{
        autojson *images = NULL, *channels = NULL;
        const json_t *heads;

        if (reg_page_ask(call, "/images", "_limit=8", &images, err) < 0 || reg_page_ask(call, "/channels", "", &channels, err) < 0)
                return -1;
        reg_html(html, "<section><h2>Images</h2>\n");
        reg_page_form(html, "/images");
        reg_page_input(html, "q", "Query", "", "base?release=bookworm&state=tested");
        reg_page_form_end(html, "Find");
        if (json_array_size(json_object_get(images, "items")) > 0)
                reg_page_images_table(html, "The newest", json_object_get(images, "items"));
        else
                reg_page_empty(html, "There is no image yet. A bake makes one:", "bakery build TEMPLATE.json");
        reg_html(html, "</section>\n<section><h2>Channels</h2>\n");
        heads = json_object_get(channels, "items");
        if (json_array_size(heads) > 0)
                reg_page_channels_table(html, "Where channels point", heads, RECENT);
        else
                reg_page_empty(html, "No channel yet. One says which image of a name is to be used:", "bakery image promote NAME production");
        if (json_array_size(heads) > RECENT)
                reg_html(html, "<p><a href=\"/channels\">All %zu channels</a></p>\n", json_array_size(heads));
        reg_html(html, "</section>\n");
        return 0;
}

static int put_events(struct reg_call *call, struct reg_html *html, struct bk_error *err)
{
        const int64_t index = call->answer->index;
        autofree char *query = bk_format("since=%lld&_limit=%d", (long long)(index > RECENT ? index - RECENT : 0), RECENT);
        autojson *events = NULL;

        if (reg_page_ask(call, "/events", query, &events, err) < 0)
                return -1;
        reg_html(html, "<section><h2>What happened</h2>\n");
        if (json_array_size(json_object_get(events, "items")) > 0)
                reg_page_events_table(html, "The last changes", json_object_get(events, "items"));
        else
                reg_page_empty(html, "Nothing yet.", NULL);
        reg_html(html, "</section>\n");
        return 0;
}

static int start(struct reg_call *call, struct bk_error *err)
{
        const struct reg_page page = { .title = "Registry", .heading = "The registry", .json = "/images?_limit=8" };
        autohtml html = { 0 };
        autotxn txn = { 0 };

        if (reg_txn_read(call->reg, &txn, err) < 0)
                return -1;
        reg_page_begin(&html, &page);
        if (put_bakes(call, &html, err) < 0 || put_images(call, &html, err) < 0 || put_events(call, &html, err) < 0)
                return -1;
        reg_page_end(call, &html, &page);
        return 0;
}

/* --- files --------------------------------------------------------------------------------------- */
static int file(struct reg_call *call, const char *start, const char *end)
{
        call->answer->length = (size_t)(end - start);
        call->answer->text = bk_strndup(start, call->answer->length);
        bk_strv_add(&call->answer->headers, KEPT);
        return 0;
}

static int css(struct reg_call *call, struct bk_error *err)
{
        (void)err;
        return file(call, reg_page_css, reg_page_css_end);
}

static int js(struct reg_call *call, struct bk_error *err)
{
        (void)err;
        return file(call, reg_page_js, reg_page_js_end);
}

static const struct reg_route rows[] = {
        { "GET", "//", REG_READ, "page: what is new", NULL, start, REG_HTML },
        { "GET", "//bakery.css", REG_NOBODY, "the pages' style sheet", NULL, css, "text/css; charset=utf-8" },
        { "GET", "//bakery.js", REG_NOBODY, "the pages' script", NULL, js, "text/javascript; charset=utf-8" },
        { "GET", "//images", REG_READ, "page: images; q: a query", "q *", reg_page_images, REG_HTML },
        { "GET", "//images/{image}", REG_READ, "page: an image", NULL, reg_page_image, REG_HTML },
        { "GET", "//images/{image}/packages", REG_READ, "page: what is installed in an image", "name", reg_page_image_packages, REG_HTML },
        { "GET", "//images/{image}/vulnerable", REG_READ, "page: the advisories that concern an image", "severity fixable", reg_page_image_vulnerable,
          REG_HTML },
        { "GET", "//images/{image}/diff/{other}", REG_READ, "page: what changed from an image to another", NULL, reg_page_image_diff, REG_HTML },
        { "GET", "//channels", REG_READ, "page: channels", "name", reg_page_channels, REG_HTML },
        { "GET", "//channels/{name}/{channel}", REG_READ, "page: a channel and the heads that it had", NULL, reg_page_channel, REG_HTML },
        { "GET", "//bakes", REG_READ, "page: bakes", "name status cursor", reg_page_bakes, REG_HTML },
        { "GET", "//bakes/{bake}", REG_READ, "page: a bake and its log", NULL, reg_page_bake, REG_HTML },
        { "GET", "//packages", REG_READ, "page: which images have a package", "name version in_use cursor", reg_page_packages, REG_HTML },
        { "GET", "//advisories", REG_READ, "page: what is vulnerable", "advisory channel severity in_use cursor", reg_page_advisories, REG_HTML },
        { "GET", "//advisories/{advisory}", REG_READ, "page: an advisory and the images that it concerns", "in_use", reg_page_advisory, REG_HTML },
        { "GET", "//usage", REG_READ, "page: who uses images", "all", reg_page_usage, REG_HTML },
        { "GET", "//janitor", REG_READ, "page: what the janitor would do", NULL, reg_page_janitor, REG_HTML },
        { "GET", "//audit", REG_READ, "page: what happened", "before", reg_page_audit, REG_HTML },
};
const struct reg_routes reg_routes_pages = { rows, sizeof rows / sizeof *rows };
