/* Pages of advisories and packages: what is vulnerable, and where it is. */
#include "registry/page_priv.h"

#include <string.h>

#include "registry/advisory.h"

static const char *const severities[] = { "critical", "high", "medium", "low", "negligible", "unknown", NULL };

/* --- findings ----------------------------------------------------------------------------- */
static int worse(const void *a, const void *b)
{
        const json_t *const *one = a, *const *two = b;
        const int first = (int)reg_severity_of(json_string_value(json_object_get(*one, "severity")));
        const int second = (int)reg_severity_of(json_string_value(json_object_get(*two, "severity")));
        const double score = json_number_value(json_object_get(*two, "score")) - json_number_value(json_object_get(*one, "score"));

        if (first != second)
                return second - first;
        if (score < 0 || score > 0)
                return score > 0 ? 1 : -1;
        return strcmp(json_string_value(json_object_get(*one, "advisory")), json_string_value(json_object_get(*two, "advisory")));
}

static void put_advisory_link(struct reg_html *html, const json_t *advisory)
{
        reg_html_link(html, json_string_value(advisory), "/advisories", json_string_value(advisory));
}

static void put_severity(struct reg_html *html, const json_t *item)
{
        reg_html_word(html, json_object_get(item, "severity"));
        if (json_is_number(json_object_get(item, "score"))) {
                autofree char *score = bk_format("%.1f", json_number_value(json_object_get(item, "score")));

                reg_html(html, " <span class=\"n\">%s</span>", score);
        }
}

static void put_source(struct reg_html *html, const json_t *item)
{
        reg_html_text(html, json_object_get(item, "source"));
        reg_html(html, " <span class=\"age\">%s</span>", json_string_value(json_object_get(item, "source_version")));
}

void reg_page_findings_table(struct reg_html *html, const char *caption, const json_t *items, size_t most)
{
        static const struct reg_column columns[] = {
                { "Advisory", "advisory", put_advisory_link }, { "Severity", NULL, put_severity }, { "Source package", NULL, put_source },
                { "Fixed in", "fixed", reg_html_text }, { "Summary", "summary", reg_html_text }, { 0 },
        };
        const size_t n = json_array_size(items);
        autofree json_t **sorted = bk_alloc((n + 1) * sizeof *sorted);
        autojson *rows = json_array();

        for (size_t i = 0; i < n; i++)
                sorted[i] = json_array_get(items, i);
        qsort(sorted, n, sizeof *sorted, worse);
        for (size_t i = 0; i < n && i < most; i++)
                (void)json_array_append(rows, sorted[i]);
        reg_html_table(html, caption, columns, rows, most);
}

void reg_page_severities(struct reg_html *html, const json_t *counts)
{
        bool any = false;

        for (size_t i = 0; severities[i] != NULL; i++) {
                const json_int_t n = json_integer_value(json_object_get(counts, severities[i]));

                if (n > 0)
                        reg_html(html, "%s<span class=\"word %s\">%lld %s</span>", any ? ", " : "", severities[i], (long long)n, severities[i]);
                any = any || n > 0;
        }
        if (!any)
                reg_html(html, "<span class=\"none\">none</span>");
}

/* --- all images ------------------------------------------------------------------------------ */
static void put_feeds(struct reg_html *html, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "Feed", "feed", reg_html_text }, { "Advisories", "advisories", reg_html_text }, { "Withdrawn", "withdrawn", reg_html_text },
                { "Newest", "newest", reg_html_time }, { "Import", "import", reg_html_text }, { 0 },
        };

        if (json_array_size(items) == 0)
                reg_page_empty(html, "No advisory was imported yet. From a file:", "bakery advisory import tracker.json");
        else
                reg_html_table(html, "Where advisories come from", columns, items, SIZE_MAX);
}

static void put_vulnerable_link(struct reg_html *html, const json_t *item)
{
        reg_html_link(html, json_string_value(json_object_get(item, "name")), "/images", json_string_value(json_object_get(item, "id")),
                      "vulnerable");
}

static void put_vulnerable(struct reg_html *html, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "Image", NULL, put_vulnerable_link }, { "Digest", "id", reg_html_image }, { "State", "state", reg_html_word },
                { "In use", "in_use", reg_page_in_use }, { "Advisories", "severities", reg_page_severities },
                { "Fixable", "fixable", reg_html_text }, { "System", "os", reg_html_text }, { 0 },
        };

        reg_html_table(html, "Images and the advisories that concern them", columns, items, SIZE_MAX);
}

static void put_advisory_forms(struct reg_html *html, const char *channel, const char *severity, bool in_use)
{
        reg_page_form(html, "/advisories");
        reg_page_input(html, "advisory", "Advisory", NULL, "CVE-2024-5535");
        reg_page_form_end(html, "Show");
        reg_page_form(html, "/advisories");
        reg_page_input(html, "channel", "Heads of channel", channel, "production");
        reg_page_choice(html, "severity", "At least", severities, severity);
        reg_page_switch(html, "in_use", "in use", in_use);
        reg_page_form_end(html, "Find");
}

struct asked { char *advisory, *channel, *severity, *in_use, *cursor; };

static void asked_done(struct asked *asked)
{
        free(asked->advisory);
        free(asked->channel);
        free(asked->severity);
        free(asked->in_use);
        free(asked->cursor);
}

static int read_asked(const struct reg_call *call, struct asked *ret, struct bk_error *err)
{
        return reg_page_field(call, "advisory", &ret->advisory, err) < 0 || reg_page_field(call, "channel", &ret->channel, err) < 0 ||
               reg_page_field(call, "severity", &ret->severity, err) < 0 || reg_page_field(call, "in_use", &ret->in_use, err) < 0 ||
               reg_page_field(call, "cursor", &ret->cursor, err) < 0 ? -1 : 0;
}

/* Somebody typed its name: to its page. */
static int go_to(struct reg_call *call, const char *advisory)
{
        autofree char *path = reg_page_path("/advisories", advisory);

        bk_strv_addf(&call->answer->headers, "Location: %s", path);
        call->answer->status = 303;
        call->answer->text = bk_strdup("");
        return 0;
}

int reg_page_advisories(struct reg_call *call, struct bk_error *err)
{
        const struct reg_page page = { .title = "Advisories", .section = "/advisories", .json = "/vulnerable" };
        BK_CLEANUP(asked_done) struct asked asked = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 }, all = { 0 };
        autojson *feeds = NULL, *found = NULL;
        autohtml html = { 0 };
        autotxn txn = { 0 };

        if (read_asked(call, &asked, err) < 0)
                return -1;
        if (asked.advisory != NULL)
                return go_to(call, asked.advisory);
        reg_page_query(&query, "channel", asked.channel);
        reg_page_query(&query, "severity", asked.severity);
        reg_page_query(&query, "in_use", asked.in_use);
        bk_buf_puts(&all, query.data == NULL ? "" : query.data);
        reg_page_query(&all, "limit", "50");
        reg_page_query(&all, "cursor", asked.cursor);
        if (reg_txn_read(call->reg, &txn, err) < 0 || reg_page_ask(call, "/advisories", "", &feeds, err) < 0 ||
            reg_page_ask(call, "/vulnerable", all.data, &found, err) < 0)
                return -1;
        reg_page_begin(&html, &page);
        put_advisory_forms(&html, asked.channel, asked.severity, asked.in_use != NULL);
        if (json_array_size(json_object_get(found, "items")) > 0)
                put_vulnerable(&html, json_object_get(found, "items"));
        else
                reg_page_empty(&html, "No image whose packages are known.", NULL);
        reg_page_next(&html, "/advisories", query.data == NULL ? "" : query.data, "cursor", json_object_get(found, "next"));
        put_feeds(&html, json_object_get(feeds, "items"));
        reg_page_end(call, &html, &page);
        return 0;
}

/* --- one advisory ------------------------------------------------------------------------------ */
static void put_advisory(struct reg_html *html, const json_t *item)
{
        static const char *const texts[][2] = { { "feed", "Feed" }, { "part", "Part" }, { "vector", "Vector" } };
        static const char *const times[][2] = { { "published", "Published" }, { "modified", "Changed" }, { "withdrawn", "Withdrawn" } };

        reg_html(html, "<section><h2>%s</h2><p>%s</p><dl class=\"facts\"><div><dt>Severity</dt><dd>",
                 json_string_value(json_object_get(item, "advisory")), json_string_value(json_object_get(item, "summary")));
        reg_html_word(html, json_object_get(item, "severity"));
        reg_html(html, "</dd></div>");
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                reg_html(html, "<div><dt>%s</dt><dd>", texts[i][1]);
                reg_html_text(html, json_object_get(item, texts[i][0]));
                reg_html(html, "</dd></div>");
        }
        for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
                reg_html(html, "<div><dt>%s</dt><dd>", times[i][1]);
                reg_html_time(html, json_object_get(item, times[i][0]));
                reg_html(html, "</dd></div>");
        }
        reg_html(html, "</dl><details><summary>Also called, and what is affected</summary><div class=\"any\">");
        reg_html_any(html, json_object_get(item, "aliases"));
        reg_html_any(html, json_object_get(item, "affected"));
        reg_html(html, "</div></details></section>\n");
}

/* Its images, or those that have a package: a name, a state, whether in use, and the packages. */
static void put_packages(struct reg_html *html, const json_t *packages)
{
        const json_t *package;
        size_t i;

        json_array_foreach(packages, i, package) {
                reg_html(html, "%s", i > 0 ? ", " : "");
                if (json_is_object(package))
                        reg_html(html, "%s <b>%s</b>", json_string_value(json_object_get(package, "name")),
                                 json_string_value(json_object_get(package, "version")));
                else
                        reg_html_text(html, package);
        }
}

static void put_images(struct reg_html *html, const char *caption, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "Image", NULL, reg_page_named }, { "Digest", "id", reg_html_image }, { "State", "state", reg_html_word },
                { "In use", "in_use", reg_page_in_use }, { "Packages", "packages", put_packages }, { 0 },
        };

        reg_html_table(html, caption, columns, items, SIZE_MAX);
}

int reg_page_advisory(struct reg_call *call, struct bk_error *err)
{
        autofree char *path = reg_page_path("/advisories", call->part[0]), *cursor = NULL;
        const struct reg_page page = { .title = call->part[0], .section = "/advisories", .json = path };
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };
        autojson *found = NULL;
        autohtml html = { 0 };
        const json_t *item;
        size_t i;

        if (reg_page_field(call, "cursor", &cursor, err) < 0)
                return -1;
        reg_page_query(&query, "limit", "100");
        reg_page_query(&query, "cursor", cursor);
        if (reg_page_ask(call, path, query.data, &found, err) < 0)
                return -1;
        reg_page_begin(&html, &page);
        if (json_array_size(json_object_get(found, "items")) > 0)
                put_images(&html, "The images that it concerns", json_object_get(found, "items"));
        else
                reg_page_empty(&html, "It concerns no image.", NULL);
        reg_page_next(&html, path, "", "cursor", json_object_get(found, "next"));
        json_array_foreach(json_object_get(found, "advisories"), i, item)
                put_advisory(&html, item);
        reg_page_end(call, &html, &page);
        return 0;
}

/* --- packages ------------------------------------------------------------------------------------- */
static void put_package_form(struct reg_html *html, const char *name, const char *version, bool in_use)
{
        reg_page_form(html, "/packages");
        reg_page_input(html, "name", "Package", name, "openssl");
        reg_page_input(html, "version", "Version", version, "<3.0.15-1~deb12u1");
        reg_page_switch(html, "in_use", "in use", in_use);
        reg_page_form_end(html, "Find");
}

int reg_page_packages(struct reg_call *call, struct bk_error *err)
{
        autofree char *name = NULL, *version = NULL, *in_use = NULL, *cursor = NULL, *json = NULL;
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 }, all = { 0 };
        struct bk_error why = { 0 };
        autojson *found = NULL;
        autohtml html = { 0 };

        if (reg_page_field(call, "name", &name, err) < 0 || reg_page_field(call, "version", &version, err) < 0 ||
            reg_page_field(call, "in_use", &in_use, err) < 0 || reg_page_field(call, "cursor", &cursor, err) < 0)
                return -1;
        reg_page_query(&query, "name", name);
        reg_page_query(&query, "version", version);
        reg_page_query(&query, "in_use", in_use);
        bk_buf_puts(&all, query.data == NULL ? "" : query.data);
        reg_page_query(&all, "limit", "100");
        reg_page_query(&all, "cursor", cursor);
        json = name == NULL ? NULL : bk_format("/packages?%s", all.data);

        const struct reg_page page = { .title = "Packages", .heading = "Which images have a package", .section = "/packages", .json = json };

        reg_page_begin(&html, &page);
        put_package_form(&html, name, version, in_use != NULL);
        if (name == NULL) {
                reg_page_empty(&html, "Every image, at any depth, that has a package installed; older or newer than a version, as its own package "
                               "manager compares them: <, <=, >, >=, = before it.", NULL);
        } else if (reg_page_ask(call, "/packages", all.data, &found, &why) < 0) {
                if (why.kind != BK_INVALID)
                        return *err = why, -1;
                reg_page_alert(call, &html, &why);
        } else if (json_array_size(json_object_get(found, "items")) == 0) {
                reg_page_empty(&html, "No image has it.", NULL);
        } else {
                put_images(&html, "Images that have it, newest first", json_object_get(found, "items"));
        }
        reg_page_next(&html, "/packages", query.data == NULL ? "" : query.data, "cursor", json_object_get(found, "next"));
        reg_page_end(call, &html, &page);
        return 0;
}
