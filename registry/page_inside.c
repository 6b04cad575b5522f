/* Pages of what is in an image: packages, advisories, and what changed from one to another. */
#include "registry/page_priv.h"

#include <string.h>

/* The image is named by the answer's digest, so that the page says which it was. */
static char *title_of(const struct reg_call *call, const char *what)
{
        return bk_format("%s of %s", what, call->part[0]);
}

static void put_way_back(const struct reg_call *call, struct reg_html *html)
{
        reg_html(html, "<p>");
        reg_html_link(html, call->part[0], "/images", call->part[0]);
        reg_html(html, "</p>\n");
}

/* --- packages ---------------------------------------------------------------------------- */
static void put_package(struct reg_html *html, const json_t *name)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };

        reg_page_query(&query, "name", json_string_value(name));
        reg_html(html, "<a href=\"/packages?%s\" title=\"Which images have it\">", query.data == NULL ? "" : query.data);
        reg_html_text(html, name);
        reg_html(html, "</a>");
}

static void put_source(struct reg_html *html, const json_t *item)
{
        const json_t *source = json_object_get(item, "source");

        reg_html_text(html, json_equal((json_t *)source, json_object_get(item, "name")) ? NULL : source);
}

static void put_packages(struct reg_html *html, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "Package", "name", put_package }, { "Version", "version", reg_html_text }, { "Architecture", "architecture", reg_html_text },
                { "Source", NULL, put_source }, { "Kind", "ecosystem", reg_html_text }, { 0 },
        };

        reg_html_table(html, "Installed packages", columns, items, SIZE_MAX);
}

void reg_page_package_form(struct reg_html *html, const char *image, const char *name)
{
        autofree char *path = reg_page_path("/images", image, "packages");

        reg_page_form(html, path);
        reg_page_input(html, "name", "Package", name, "openssl, lib*");
        reg_page_form_end(html, "Find");
}

int reg_page_image_packages(struct reg_call *call, struct bk_error *err)
{
        autofree char *path = reg_page_path("/images", call->part[0], "packages"), *title = title_of(call, "Packages"), *name = NULL;
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };
        autojson *found = NULL;
        autohtml html = { 0 };
        size_t n;

        if (reg_page_field(call, "name", &name, err) < 0)
                return -1;
        reg_page_query(&query, "name", name);
        if (reg_page_ask(call, path, query.data == NULL ? "" : query.data, &found, err) < 0)
                return -1;
        n = json_array_size(json_object_get(found, "items"));

        const struct reg_page page = { .title = title, .heading = "Packages", .section = "/images", .json = path };

        reg_page_begin(&html, &page);
        put_way_back(call, &html);
        reg_page_package_form(&html, call->part[0], name);
        if (n > 0)
                put_packages(&html, json_object_get(found, "items"));
        else if (name != NULL)
                reg_page_empty(&html, "No package of that name is installed. A star at the end finds all that begin so: ", "lib*");
        else
                reg_page_empty(&html, "No inventory is known. Another's can be attached:", "bakery sbom attach IMAGE FILE");
        reg_page_end(call, &html, &page);
        return 0;
}

/* --- advisories ---------------------------------------------------------------------------- */
int reg_page_image_vulnerable(struct reg_call *call, struct bk_error *err)
{
        autofree char *path = reg_page_path("/images", call->part[0], "vulnerable"), *title = title_of(call, "Advisories");
        autofree char *severity = NULL, *fixable = NULL;
        BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };
        autojson *found = NULL;
        autohtml html = { 0 };
        size_t n;

        if (reg_page_field(call, "severity", &severity, err) < 0 || reg_page_field(call, "fixable", &fixable, err) < 0)
                return -1;
        reg_page_query(&query, "severity", severity);
        reg_page_query(&query, "fixable", fixable);
        if (reg_page_ask(call, path, query.data == NULL ? "" : query.data, &found, err) < 0)
                return -1;
        n = json_array_size(json_object_get(found, "items"));

        const struct reg_page page = { .title = title, .heading = "Advisories", .section = "/images", .json = path };

        reg_page_begin(&html, &page);
        put_way_back(call, &html);
        if (n > 0)
                reg_page_findings_table(&html, "What concerns it, the worst first", json_object_get(found, "items"), n);
        else
                reg_page_empty(&html, "No advisory that was imported concerns it.", NULL);
        reg_page_end(call, &html, &page);
        return 0;
}

/* --- differences ------------------------------------------------------------------------------ */
static void put_changes(struct reg_html *html, const char *caption, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "What", "key", reg_html_text }, { "Before", "from", reg_html_text }, { "After", "to", reg_html_text }, { 0 },
        };

        if (json_array_size(items) > 0)
                reg_html_table(html, caption, columns, items, SIZE_MAX);
}

/* One list of all: what came has no version before, what went none after. */
static void add_package_rows(json_t *rows, const json_t *items, const char *from, const char *to, const char *how)
{
        const json_t *item;
        size_t i;

        json_array_foreach(items, i, item) {
                const char *direction = json_string_value(json_object_get(item, "direction"));

                (void)json_array_append_new(rows, json_pack("{s:O*, s:O*, s:O*, s:s, s:s}", "name", json_object_get(item, "name"),
                                                            "from", from == NULL ? NULL : json_object_get(item, from),
                                                            "to", to == NULL ? NULL : json_object_get(item, to),
                                                            "how", how, "direction", direction != NULL ? direction : how));
        }
}

static void put_how(struct reg_html *html, const json_t *row)
{
        reg_html(html, "<span class=\"word %s\">%s</span>", json_string_value(json_object_get(row, "how")),
                 json_string_value(json_object_get(row, "direction")));
}

static void put_package_changes(struct reg_html *html, const json_t *packages)
{
        static const struct reg_column columns[] = {
                { "Package", "name", reg_html_text }, { "Before", "from", reg_html_text }, { "After", "to", reg_html_text },
                { "How", NULL, put_how }, { 0 },
        };
        autojson *rows = json_array();

        add_package_rows(rows, json_object_get(packages, "changed"), "from", "to", "changed");
        add_package_rows(rows, json_object_get(packages, "added"), NULL, "version", "added");
        add_package_rows(rows, json_object_get(packages, "removed"), "version", NULL, "removed");
        if (json_array_size(rows) > 0)
                reg_html_table(html, "Packages", columns, rows, SIZE_MAX);
}

static void put_check_changes(struct reg_html *html, const json_t *items)
{
        static const struct reg_column columns[] = {
                { "Check", "name", reg_html_text }, { "Before", "from", reg_html_word }, { "After", "to", reg_html_word }, { 0 },
        };

        if (json_array_size(items) > 0)
                reg_html_table(html, "Verdicts", columns, items, SIZE_MAX);
}

int reg_page_image_diff(struct reg_call *call, struct bk_error *err)
{
        autofree char *path = reg_page_path("/images", call->part[0], "diff", call->part[1]);
        const json_t *from, *to;
        autojson *found = NULL;
        autohtml html = { 0 };

        if (reg_page_ask(call, path, "", &found, err) < 0)
                return -1;

        const struct reg_page page = { .title = "What changed", .section = "/images", .json = path };

        from = json_object_get(found, "from");
        to = json_object_get(found, "to");
        reg_page_begin(&html, &page);
        reg_html(&html, "<p>From ");
        reg_html_named(&html, json_object_get(from, "id"), json_object_get(from, "name"));
        reg_html(&html, " ");
        reg_html_image(&html, json_object_get(from, "id"));
        reg_html(&html, " to ");
        reg_html_named(&html, json_object_get(to, "id"), json_object_get(to, "name"));
        reg_html(&html, " ");
        reg_html_image(&html, json_object_get(to, "id"));
        reg_html(&html, ".</p>\n");
        put_changes(&html, "Attributes", json_object_get(found, "attributes"));
        put_package_changes(&html, json_object_get(found, "packages"));
        put_check_changes(&html, json_object_get(found, "checks"));
        put_changes(&html, "Record", json_object_get(found, "fields"));
        reg_page_end(call, &html, &page);
        return 0;
}
