/* The page of images: a query, and what it finds. */
#include "registry/page_priv.h"

#include <string.h>

enum { PAGE = 50, ATTRIBUTES_SHOWN = 8 };

/* --- the table --------------------------------------------------------------------------- */
static void put_attributes(struct reg_html *html, const json_t *attributes)
{
        reg_page_tags(html, attributes, ATTRIBUTES_SHOWN);
        if (json_object_size(attributes) > ATTRIBUTES_SHOWN)
                reg_html(html, "<span class=\"age\">and %zu more</span>", json_object_size(attributes) - ATTRIBUTES_SHOWN);
}

void reg_page_images_table(struct reg_html *html, const char *caption, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "Image", NULL, reg_page_named }, { "Digest", "id", reg_html_image }, { "State", "state", reg_html_word },
                { "Type", "type", reg_html_text }, { "Layer", "size", reg_html_size }, { "Baked", "created_at", reg_html_time },
                { "Attributes", "attributes", put_attributes }, { 0 },
        };

        reg_html_table(html, caption, columns, items, SIZE_MAX);
}

/* --- the query ------------------------------------------------------------------------------ */
/* As people write it, "base?release=bookworm", "state=tested", "nginx", to what stands behind "?" in an address. A projection has no place
 * here: the page has columns of its own. */
static char *raw_query(const char *text)
{
        const char *projection = strstr(text, ":(");
        autofree char *all = bk_strndup(text, projection != NULL ? (size_t)(projection - text) : strlen(text));
        const size_t name = strcspn(all, "?;");
        struct bk_buf query = { 0 };

        if (all[name] == '\0' && (strpbrk(all, "=<>~!") != NULL || *all == '_'))
                bk_buf_puts(&query, all);
        else
                bk_buf_printf(&query, "%s%.*s%s%s", name > 0 ? "name=" : "", (int)name, all, name > 0 && all[name] != '\0' ? "&" : "",
                              all[name] != '\0' ? all + name + 1 : "");
        return bk_buf_finish(&query);
}

/* The query without its cursor, in the address' own form: *ret_text is what the field shows. */
static int read_query(struct reg_call *call, char **ret_text, char **ret_raw, char **ret_after, struct bk_error *err)
{
        autofree char *text = NULL, *after = NULL, *rest = NULL;
        BK_CLEANUP(bk_buf_done) struct bk_buf kept = { 0 };

        if (reg_page_field(call, "q", &text, err) < 0 || reg_page_field(call, "_after", &after, err) < 0)
                return -1;
        rest = bk_strdup(call->request->query);
        for (char *save = NULL, *part = strtok_r(rest, "&", &save); part != NULL; part = strtok_r(NULL, "&", &save))
                if (strncmp(part, "q=", 2) != 0 && strncmp(part, "_after=", 7) != 0)
                        bk_buf_printf(&kept, "%s%s", kept.len > 0 ? "&" : "", part);
        if (text == NULL && kept.len > 0)
                text = bk_strdup(kept.data);
        *ret_raw = text == NULL ? bk_strdup("") : raw_query(text);
        *ret_text = text == NULL ? bk_strdup("") : bk_take(text);
        *ret_after = bk_take(after);
        return 0;
}

static void put_form(struct reg_html *html, const char *text)
{
        static const struct { const char *query, *name; } ready[] = {
                { "", "on offer" }, { "state=tested", "tested" }, { "state=promoted", "promoted" }, { "type=base", "bases" },
                { "created_at>7d", "of this week" }, { "_states=deprecated,revoked,trashed", "withdrawn" }, { "_all", "all" },
        };

        reg_page_form(html, "/images");
        reg_page_input(html, "q", "Query", text, "base?release=bookworm&state=tested");
        reg_page_form_end(html, "Find");
        reg_html(html, "<ul class=\"ready\" aria-label=\"Ready queries\">");
        for (size_t i = 0; i < sizeof ready / sizeof *ready; i++) {
                BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };

                reg_page_query(&query, "q", ready[i].query);
                reg_html(html, "<li><a href=\"/images?%s\" aria-current=\"%s\">%s</a></li>", query.data,
                         bk_streq(ready[i].query, text) ? "true" : "false", ready[i].name);
        }
        reg_html(html, "</ul>\n<details id=\"help\"><summary>How queries are written</summary><p>A name, then <code>?</code> and conditions between "
                 "<code>&amp;</code>; all must hold.</p><dl>"
                 "<div><dt><code>base?release=bookworm,trixie</code></dt><dd>images of that name with any of these values; "
                 "<code>!=</code> none of them</dd></div><div><dt><code>kernel&gt;=6.1.0-20</code></dt><dd>by version, date or number</dd></div>"
                 "<div><dt><code>name=web*</code>, <code>name~^web</code></dt><dd>begins so; a pattern</dd></div>"
                 "<div><dt><code>package=openssl&lt;3.0.15-1</code></dt><dd>has it installed</dd></div>"
                 "<div><dt><code>channel=production</code></dt><dd>a channel of that name points at it</dd></div>"
                 "<div><dt><code>_descends=base</code></dt><dd>stands on it, at any depth</dd></div>"
                 "<div><dt><code>_at=2026-05-01</code></dt><dd>as it was then</dd></div>"
                 "<div><dt><code>_sort=-size</code></dt><dd>in that order, falling</dd></div></dl></details>\n");
}

/* Pages have a length of their own, where the query does not say one or asks for one image. */
static char *with_limit(const char *raw, const char *after)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };

        bk_buf_puts(&query, raw);
        if (strstr(raw, "_limit") == NULL && strstr(raw, "_latest") == NULL && strstr(raw, "_one") == NULL)
                bk_buf_printf(&query, "%s_limit=%d", query.len > 0 ? "&" : "", PAGE);
        reg_page_query(&query, "_after", after);
        return bk_buf_finish(&query);
}

static void put_found(struct reg_html *html, const json_t *found, const char *text)
{
        const json_t *items = json_object_get(found, "items");
        const char *why = json_string_value(json_object_get(found, "explain"));
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };

        reg_page_query(&query, "q", text);
        if (json_array_size(items) > 0)
                reg_page_images_table(html, "Images, newest first", items);
        else if (*text == '\0')
                reg_page_empty(html, "There is no image yet. A bake makes one:", "bakery build TEMPLATE.json");
        else
                reg_html(html, "<p class=\"empty\">Nothing was found: %s.</p>\n", why == NULL ? "no image matches" : why);
        reg_page_next(html, "/images", query.data, "_after", json_object_get(found, "next"));
}

/* The query stands above, and as the API was asked it would only puzzle. */
static void put_refused(const struct reg_call *call, struct reg_html *html, const struct bk_error *why)
{
        struct bk_error shown = *why;
        const char *end = strncmp(why->text, "query '", 7) == 0 ? strstr(why->text, "': ") : NULL;

        if (end != NULL)
                memmove(shown.text, shown.text + (end + 3 - why->text), strlen(end + 3) + 1);
        reg_page_alert(call, html, &shown);
}

int reg_page_images(struct reg_call *call, struct bk_error *err)
{
        autofree char *text = NULL, *raw = NULL, *after = NULL, *query = NULL, *json = NULL;
        autojson *found = NULL;
        autohtml html = { 0 };
        struct bk_error why = { 0 };

        if (read_query(call, &text, &raw, &after, err) < 0)
                return -1;
        query = with_limit(raw, after);
        json = bk_format("/images?%s", query);

        const struct reg_page page = { .title = "Images", .section = "/images", .json = json };

        reg_page_begin(&html, &page);
        put_form(&html, text);
        if (reg_page_ask(call, "/images", query, &found, &why) == 0)
                put_found(&html, found, text);
        else if (reg_status_of(why.kind) < 500 && why.kind != BK_DENIED)
                put_refused(call, &html, &why);
        else
                return *err = why, -1;
        reg_page_end(call, &html, &page);
        return 0;
}
