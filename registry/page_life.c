/* Pages of what becomes of images: channels, who uses them, and the log. */
#include "registry/page_priv.h"

#include <string.h>

enum { EVENTS = 100 };

void reg_page_channel_link(struct reg_html *html, const json_t *reference)
{
        const char *text = json_string_value(reference), *colon = text == NULL ? NULL : strrchr(text, ':');
        autofree char *name = colon == NULL ? NULL : bk_strndup(text, (size_t)(colon - text));

        if (name != NULL)
                reg_html_link(html, text, "/channels", name, colon + 1);
        else
                reg_html(html, "%s", text);
}

/* --- channels ---------------------------------------------------------------------------- */
static void put_channel(struct reg_html *html, const json_t *item)
{
        reg_page_channel_link(html, json_object_get(item, "channel"));
        if (json_is_true(json_object_get(item, "restricted")))
                reg_html(html, " <span class=\"age\">restricted</span>");
}

void reg_page_channels_table(struct reg_html *html, const char *caption, const json_t *items, size_t most)
{
        static const struct reg_column columns[] = {
                { "Channel", NULL, put_channel }, { "Points at", "image", reg_html_image }, { "State", "state", reg_html_word },
                { "Since", "at", reg_html_time }, { "By", "who", reg_html_text }, { "Why", "why", reg_html_text }, { 0 },
        };

        reg_html_table(html, caption, columns, items, most);
}

int reg_page_channels(struct reg_call *call, struct bk_error *err)
{
        const struct reg_page page = { .title = "Channels", .section = "/channels", .json = "/channels" };
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };
        autofree char *name = NULL;
        autojson *found = NULL;
        autohtml html = { 0 };
        const json_t *items;

        if (reg_page_field(call, "name", &name, err) < 0)
                return -1;
        reg_page_query(&query, "name", name);
        if (reg_page_ask(call, "/channels", query.data == NULL ? "" : query.data, &found, err) < 0)
                return -1;
        items = json_object_get(found, "items");
        reg_page_begin(&html, &page);
        reg_page_form(&html, "/channels");
        reg_page_input(&html, "name", "Of image", name, "nginx");
        reg_page_form_end(&html, "Find");
        if (json_array_size(items) > 0)
                reg_page_channels_table(&html, "Where channels point", items, json_array_size(items));
        else
                reg_page_empty(&html, name != NULL ? "No channel of that image. To make one:" :
                               "No channel yet. One says which image of a name is to be used:", "bakery image promote NAME production");
        reg_page_end(call, &html, &page);
        return 0;
}

static void put_difference(struct reg_html *html, const json_t *item)
{
        const char *image = json_string_value(json_object_get(item, "image")), *before = json_string_value(json_object_get(item, "previous"));

        if (image != NULL && before != NULL)
                reg_html_link(html, "what changed", "/images", before, "diff", image);
        else
                reg_html_text(html, NULL);
}

static void put_channel_history(struct reg_html *html, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "Image", "image", reg_html_image }, { "When", "at", reg_html_time }, { "By", "who", reg_html_text },
                { "Why", "why", reg_html_text }, { "Before", "previous", reg_html_image }, { "Difference", NULL, put_difference }, { 0 },
        };

        reg_html_table(html, "The heads that it had, newest first", columns, items, SIZE_MAX);
}

int reg_page_channel(struct reg_call *call, struct bk_error *err)
{
        autofree char *path = reg_page_path("/channels", call->part[0], call->part[1]), *past = bk_format("%s/history", path);
        autofree char *title = bk_format("%s:%s", call->part[0], call->part[1]);
        const struct reg_page page = { .title = title, .section = "/channels", .json = path };
        autojson *channel = NULL, *history = NULL;
        struct bk_error why = { 0 };
        autohtml html = { 0 };

        if (reg_page_ask(call, past, "_limit=100", &history, err) < 0)
                return -1;
        reg_page_begin(&html, &page);
        if (reg_page_ask(call, path, "", &channel, &why) == 0) {
                autojson *row = json_pack("[O]", channel);

                reg_page_channels_table(&html, "Now", row, 1);
        } else if (why.kind == BK_NOT_FOUND) {
                reg_page_empty(&html, "It was deleted; this is what it was.", NULL);
        } else {
                return *err = why, -1;
        }
        put_channel_history(&html, json_object_get(history, "items"));
        reg_html(&html, "<p>To go back by one: <code>bakery channel rollback %s</code></p>\n", title);
        reg_page_end(call, &html, &page);
        return 0;
}

/* --- who uses images --------------------------------------------------------------------------- */
static void put_instance(struct reg_html *html, const json_t *item)
{
        const json_t *name = json_object_get(item, "name");

        reg_html(html, "<span title=\"%s\">", json_string_value(json_object_get(item, "instance")));
        reg_html_text(html, json_is_string(name) ? name : json_object_get(item, "instance"));
        reg_html(html, "</span>");
}

static void put_launched_image(struct reg_html *html, const json_t *item)
{
        reg_html_named(html, json_object_get(item, "image"), json_object_get(item, "image_name"));
}

#define LAUNCH_COLUMNS { "Source", "source", reg_html_text }, { "By", "who", reg_html_text }, { "First seen", "first_at", reg_html_time }, \
        { "Last seen", "last_at", reg_html_time }, { "Ended", "ended_at", reg_html_time }, { 0 }

void reg_page_launches_table(struct reg_html *html, const char *caption, const json_t *items, bool with_image)
{
        static const struct reg_column all[] = { { "Instance", NULL, put_instance }, { "From", NULL, put_launched_image }, LAUNCH_COLUMNS };
        static const struct reg_column one[] = { { "Instance", NULL, put_instance }, LAUNCH_COLUMNS };

        reg_html_table(html, caption, with_image ? all : one, items, SIZE_MAX);
}

static void put_sources(struct reg_html *html, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "Source", "name", reg_html_text }, { "Asked", "asked_at", reg_html_time }, { "Answered", "ok_at", reg_html_time },
                { "Instances", "count", reg_html_text }, { "Before", "previous", reg_html_text }, { "Trouble", "error", reg_html_text }, { 0 },
        };

        reg_html_table(html, "Who tells of them", columns, items, SIZE_MAX);
}

int reg_page_usage(struct reg_call *call, struct bk_error *err)
{
        const struct reg_page page = { .title = "Usage", .heading = "Who uses images", .section = "/usage", .json = "/launches" };
        autofree char *all = NULL;
        autojson *found = NULL;
        autohtml html = { 0 };

        if (reg_page_field(call, "all", &all, err) < 0 || reg_page_ask(call, "/launches", all == NULL ? "living=1" : "", &found, err) < 0)
                return -1;
        reg_page_begin(&html, &page);
        reg_html(&html, "<ul class=\"ready\" aria-label=\"Which instances\"><li>"
                 "<a href=\"/usage\" aria-current=\"%s\">alive</a></li>"
                 "<li><a href=\"/usage?all=1\" aria-current=\"%s\">also ended</a></li></ul>\n",
                 all == NULL ? "true" : "false", all != NULL ? "true" : "false");
        if (json_array_size(json_object_get(found, "items")) > 0)
                reg_page_launches_table(&html, "Instances", json_object_get(found, "items"), true);
        else
                reg_page_empty(&html, "No instance is known. Hypervisors are asked by", "bakery usage scan -uri qemu:///system");
        if (json_array_size(json_object_get(found, "sources")) > 0)
                put_sources(&html, json_object_get(found, "sources"));
        reg_page_end(call, &html, &page);
        return 0;
}

/* --- the log ------------------------------------------------------------------------------------- */
static void put_subject(struct reg_html *html, const json_t *event)
{
        const char *subject = json_string_value(json_object_get(event, "subject")), *action = json_string_value(json_object_get(event, "action"));

        if (subject != NULL && strncmp(subject, "sha256:", 7) == 0) {
                if (json_is_string(json_object_get(event, "name"))) {
                        reg_html_named(html, json_object_get(event, "subject"), json_object_get(event, "name"));
                        reg_html(html, " ");
                }
                reg_html_image(html, json_object_get(event, "subject"));
        } else if (subject != NULL && action != NULL && strncmp(action, "channel.", 8) == 0) {
                reg_page_channel_link(html, json_object_get(event, "subject"));
        } else if (subject != NULL && action != NULL && strncmp(action, "bake.", 5) == 0) {
                reg_html_text(html, json_object_get(event, "name"));
                reg_html(html, " ");
                reg_html_link(html, subject, "/bakes", subject);
        } else {
                reg_html_text(html, json_object_get(event, "subject"));
        }
}

void reg_page_events_table(struct reg_html *html, const char *caption, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "What", "action", reg_html_text }, { "On", NULL, put_subject }, { "When", "at", reg_html_time },
                { "Who", "who", reg_html_text }, { "Why", "why", reg_html_text }, { "Number", "id", reg_html_text }, { 0 },
        };
        autojson *rows = json_array();

        for (size_t i = json_array_size(items); i-- > 0;)
                (void)json_array_append(rows, json_array_get(items, i));
        reg_html_table(html, caption, columns, rows, SIZE_MAX);
}

/* The API tells what came after a number; a page looks back. Numbers may have gaps, so a page may be short. */
int reg_page_audit(struct reg_call *call, struct bk_error *err)
{
        const struct reg_page page = { .title = "Audit", .heading = "What happened", .section = "/audit", .json = "/events" };
        int64_t before = call->answer->index + 1, since;
        autofree char *query = NULL, *next = NULL;
        autojson *found = NULL;
        autohtml html = { 0 };
        json_t *items;

        if (reg_call_number(call, "before", 1, INT64_MAX, &before, err) < 0)
                return -1;
        since = before > EVENTS ? before - EVENTS - 1 : 0;
        query = bk_format("since=%lld&_limit=%d", (long long)since, EVENTS);
        if (reg_page_ask(call, "/events", query, &found, err) < 0)
                return -1;
        items = json_object_get(found, "items");
        for (size_t i = json_array_size(items); i-- > 0;)
                if (json_integer_value(json_object_get(json_array_get(items, i), "id")) >= before)
                        (void)json_array_remove(items, i);
        reg_page_begin(&html, &page);
        if (json_array_size(items) > 0)
                reg_page_events_table(&html, "Changes of the registry, the last first", items);
        else
                reg_page_empty(&html, "Nothing happened.", NULL);
        if (since > 0) {
                autojson *cursor = json_integer(since + 1);

                reg_page_next(&html, "/audit", "", "before", cursor);
        }
        reg_html(&html, "<p>Each change has a digest that covers the one before. To see that nothing was taken out: "
                 "<code>bakery audit -verify</code></p>\n");
        reg_page_end(call, &html, &page);
        return 0;
}
