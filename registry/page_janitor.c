/* The page of what the janitor would do. The plan is made where the rules are, and comes by the API. */
#include "registry/page_priv.h"

#include <string.h>

static void put_counts(struct reg_html *html, const json_t *plan)
{
        const json_t *count;
        const char *fate;

        reg_html(html, "<dl class=\"facts\"><div><dt>Planned for</dt><dd>");
        reg_html_time(html, json_object_get(plan, "at"));
        reg_html(html, "</dd></div><div><dt>Comes free</dt><dd>");
        reg_html_size(html, json_object_get(plan, "bytes"));
        reg_html(html, "</dd></div>");
        json_object_foreach(json_object_get(plan, "counts"), fate, count) {
                reg_html(html, "<div><dt>%s</dt><dd class=\"n\">", fate);
                reg_html_text(html, count);
                reg_html(html, "</dd></div>");
        }
        reg_html(html, "</dl>\n");
}

static void put_image_named(struct reg_html *html, const json_t *item)
{
        reg_html_named(html, json_object_get(item, "image"), json_object_get(item, "name"));
}

static void put_action(struct reg_html *html, const json_t *action)
{
        reg_html(html, "<span class=\"n\">");
        reg_html_text(html, action);
        reg_html(html, "</span>");
}

static void put_rule(struct reg_html *html, const json_t *item)
{
        reg_html_text(html, json_object_get(item, "rule"));
        if (json_is_string(json_object_get(item, "place")))
                reg_html(html, " <span class=\"age\">%s</span>", json_string_value(json_object_get(item, "place")));
}

static void put_items(struct reg_html *html, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "Image", NULL, put_image_named }, { "Digest", "image", reg_html_image }, { "Fate", "fate", reg_html_word },
                { "Action", "action", put_action }, { "Why", "why", reg_html_text }, { "Rule", NULL, put_rule },
                { "Due", "due_at", reg_html_time }, { "Frees", "bytes", reg_html_size }, { 0 },
        };

        reg_html_table(html, "Images that a rule finds", columns, items, SIZE_MAX);
}

static void put_more(struct reg_html *html, const json_t *more)
{
        if (json_integer_value(more) > 0)
                reg_html(html, "<p>There are %lld more: <code>bakery janitor plan</code></p>\n", (long long)json_integer_value(more));
}

void reg_page_plan(struct reg_html *html, const json_t *plan)
{
        const json_t *items = json_object_get(plan, "items");

        if (json_is_string(json_object_get(plan, "stopped")))
                reg_html(html, "<p class=\"alert\" role=\"alert\">A run would do nothing: %s</p>\n",
                         json_string_value(json_object_get(plan, "stopped")));
        put_counts(html, plan);
        if (json_array_size(items) > 0)
                put_items(html, items);
        else
                reg_page_empty(html, "Nothing is to go.", NULL);
        put_more(html, json_object_get(plan, "more"));
        reg_html(html, "<p>A page changes nothing. To do what is due: <code>bakery janitor run -yes</code>; why one image stays or goes: "
                 "<code>bakery janitor explain IMAGE</code></p>\n");
}

/* --- what left ------------------------------------------------------------------------ */
static void put_trash(struct reg_html *html, const json_t *trash)
{
        const json_t *items = json_object_get(trash, "items");
        static const struct reg_column columns[] = {
                { "Image", NULL, reg_page_named }, { "Digest", "id", reg_html_image }, { "Kept until", "purge_at", reg_html_time },
                { "By", "who", reg_html_text }, { "Why", "why", reg_html_text }, { "Size", "size", reg_html_size }, { 0 },
        };

        reg_html(html, "<section><h2>The trash</h2>\n");
        if (json_array_size(items) == 0)
                reg_page_empty(html, "It is empty.", NULL);
        else
                reg_html_table(html, "What can still be had back, by bakery image untrash", columns, items, SIZE_MAX);
        reg_page_next(html, "/janitor", "", "cursor", json_object_get(trash, "next"));
        reg_html(html, "</section>\n");
}

static void put_counted(struct reg_html *html, const json_t *counts)
{
        const json_t *count;
        const char *what;

        json_object_foreach((json_t *)counts, what, count)
                if (json_is_integer(count) && json_integer_value(count) > 0)
                        reg_html(html, "<span class=\"tag\"><span>%s</span> %lld</span> ", what, (long long)json_integer_value(count));
}

static void put_runs(struct reg_html *html, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "Run", "number", reg_html_text }, { "Status", "status", reg_html_word }, { "Started", "started_at", reg_html_time },
                { "Ended", "ended_at", reg_html_time }, { "By", "who", reg_html_text }, { "Did", "counts", put_counted }, { 0 },
        };

        if (json_array_size(items) == 0)
                return;
        reg_html(html, "<section><h2>Runs</h2>\n");
        reg_html_table(html, "The last ten", columns, items, SIZE_MAX);
        reg_html(html, "</section>\n");
}

/* Without rules the API has no plan. */
int reg_page_janitor(struct reg_call *call, struct bk_error *err)
{
        struct reg_page page = { .title = "Janitor", .heading = "What the janitor would do", .section = "/janitor" };
        struct bk_error why = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };
        autojson *plan = NULL, *trash = NULL, *done = NULL;
        autofree char *cursor = NULL;
        autohtml html = { 0 };

        if (reg_page_field(call, "cursor", &cursor, err) < 0)
                return -1;
        reg_page_query(&query, "limit", "100");
        reg_page_query(&query, "cursor", cursor);
        if (reg_page_ask(call, "/janitor/plan", "_limit=300", &plan, &why) < 0 && why.kind != BK_NOT_FOUND)
                return *err = why, -1;
        if (reg_page_ask(call, "/trash", query.data, &trash, err) < 0 || reg_page_ask(call, "/janitor/runs", "_limit=10", &done, err) < 0)
                return -1;
        call->answer->fleeting = true;
        page.json = plan != NULL ? "/janitor/plan" : NULL;
        reg_page_begin(&html, &page);
        if (plan != NULL)
                reg_page_plan(&html, plan);
        else
                reg_page_empty(&html, "There are no rules, so nothing goes. The samples are a start:", "cp images/janitor.hcl /etc/bakery/");
        put_trash(&html, trash);
        put_runs(&html, json_object_get(done, "items"));
        reg_page_end(call, &html, &page);
        return 0;
}
