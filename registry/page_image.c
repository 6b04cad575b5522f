/* The page of an image: all that is recorded of it. */
#include "registry/page_priv.h"

#include <string.h>


enum { DESCENDANTS = 50, FINDINGS = 10, PASSED_OPEN = 12 };

/* What the parts of the page are made of. */
struct subject { struct reg_call *call; struct reg_html *html; const json_t *record; const char *id, *name; };

static void fact_begin(struct reg_html *html, const char *name)
{
        reg_html(html, "<div><dt>%s</dt><dd>", name);
}

static void fact_end(struct reg_html *html)
{
        reg_html(html, "</dd></div>");
}

static void section(struct reg_html *html, const char *id, const char *title)
{
        reg_html(html, "<section id=\"%s\"><h2>%s</h2>\n", id, title);
}

static void section_end(struct reg_html *html)
{
        reg_html(html, "</section>\n");
}

static int ask(const struct subject *s, const char *what, const char *query, json_t **ret, struct bk_error *err)
{
        autofree char *path = reg_page_path("/images", s->id, what);

        return reg_page_ask(s->call, path, query, ret, err);
}

/* --- what it is ----------------------------------------------------------------------------- */
static void put_state(const struct subject *s)
{
        const json_t *states = json_object_get(s->record, "states"), *last = json_array_get(states, json_array_size(states) - 1);

        reg_html_word(s->html, json_object_get(s->record, "state"));
        if (json_is_true(json_object_get(s->record, "hidden")))
                reg_html(s->html, " <span class=\"word hidden\" title=\"offered to nobody; found by its digest\">hidden</span>");
        if (last == NULL)
                return;
        reg_html(s->html, " since<br>");
        reg_html_time(s->html, json_object_get(last, "at"));
        if (json_string_length(json_object_get(last, "why")) > 0)
                reg_html(s->html, "<br><span class=\"why\">%s</span>", json_string_value(json_object_get(last, "why")));
}

static void put_facts(const struct subject *s)
{
        static const char *const plain[][2] = { { "type", "Type" }, { "created_by", "Baked by" }, { "created_on", "On host" } };
        static const char *const digests[][2] = { { "id", "Digest" }, { "layer", "Layer" }, { "input_hash", "Inputs" } };
        struct reg_html *html = s->html;

        reg_html(html, "<dl class=\"facts\">");
        fact_begin(html, "State");
        put_state(s);
        fact_end(html);
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
                fact_begin(html, plain[i][1]);
                reg_html_text(html, json_object_get(s->record, plain[i][0]));
                fact_end(html);
        }
        fact_begin(html, "Baked");
        reg_html_time(html, json_object_get(s->record, "created_at"));
        fact_end(html);
        fact_begin(html, "Size");
        reg_html_size(html, json_object_get(s->record, "size"));
        reg_html(html, " of its own<br>on a disk of ");
        reg_html_size(html, json_object_get(s->record, "virtual_size"));
        fact_end(html);
        reg_html(html, "</dl>\n<dl class=\"facts wide\">");
        for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
                fact_begin(html, digests[i][1]);
                reg_html(html, "<code>");
                reg_html_text(html, json_object_get(s->record, digests[i][0]));
                reg_html(html, "</code>");
                fact_end(html);
        }
        reg_html(html, "</dl>\n");
}

static void put_attributes(const struct subject *s)
{
        reg_html(s->html, "<p class=\"tags\">");
        reg_page_tags(s->html, json_object_get(s->record, "attributes"), SIZE_MAX);
        reg_html(s->html, "</p>\n");
}

static void put_origin(struct reg_html *html, const json_t *item)
{
        if (json_is_string(json_object_get(item, "origin_name")))
                reg_html_named(html, json_object_get(item, "origin"), json_object_get(item, "origin_name"));
        else
                reg_html_image(html, json_object_get(item, "origin"));
}

static void put_lifted(struct reg_html *html, const json_t *item)
{
        reg_html_time(html, json_object_get(item, "lifted_at"));
        reg_html(html, " <span class=\"why\">%s</span>", json_string_value(json_object_get(item, "lifted_why")));
}

static int put_revocations(const struct subject *s, struct bk_error *err)
{
        static const struct reg_column columns[] = {
                { "Why", "why", reg_html_text }, { "From", "at", reg_html_time }, { "By", "who", reg_html_text },
                { "Said", "noted_at", reg_html_time }, { "Origin", NULL, put_origin }, { "Lifted", NULL, put_lifted }, { 0 },
        };
        autojson *found = NULL;

        if (ask(s, "revocations", "", &found, err) < 0)
                return -1;
        if (json_array_size(json_object_get(found, "items")) == 0)
                return 0;
        section(s->html, "revocations", "Revocation");
        reg_html_table(s->html, "Why it is, was or will be revoked", columns, json_object_get(found, "items"), SIZE_MAX);
        section_end(s->html);
        return 0;
}

static void put_use(const struct subject *s)
{
        autofree char *id = bk_strndup(s->id, 19);

        reg_html(s->html, "<details><summary>Use it</summary><dl class=\"commands\">"
                 "<div><dt>Try it on a terminal</dt><dd><code>bakery boot %s</code></dd></div>"
                 "<div><dt>To a disk</dt><dd><code>bakery image export %s disk.raw</code></dd></div>"
                 "<div><dt>Bake on it</dt><dd><code>\"source_image\": \"%s\"</code></dd></div>"
                 "<div><dt>Files</dt><dd><a href=\"/api/v1/images/%s/disk\">disk as qcow2</a>, <a href=\"/api/v1/images/%s/box\">Vagrant box</a>, "
                 "<a href=\"/api/v1/images/%s/sbom?format=spdx\">SPDX</a>, <a href=\"/api/v1/images/%s/sbom?format=cyclonedx\">CycloneDX</a>, "
                 "<a href=\"/api/v1/images/%s/manifest\">manifest</a></dd></div></dl></details>\n", id, id, id, s->id, s->id, s->id, s->id, s->id);
}

/* --- lineage --------------------------------------------------------------------------------- */
static void put_ancestors(const struct subject *s, const json_t *lineage)
{
        static const struct reg_column columns[] = {
                { "Image", NULL, reg_page_named }, { "Digest", "id", reg_html_image }, { "State", "state", reg_html_word },
                { "Baked", "created_at", reg_html_time }, { "Freshness", "freshness", reg_html_word }, { "Newer", "newest", reg_html_image }, { 0 },
        };

        reg_html_table(s->html, "What it stands on, oldest first", columns, json_object_get(lineage, "items"), SIZE_MAX);
}

static void put_descendants(const struct subject *s, const json_t *descendants)
{
        static const struct reg_column columns[] = {
                { "Image", NULL, reg_page_named }, { "Digest", "id", reg_html_image }, { "State", "state", reg_html_word },
                { "Baked", "created_at", reg_html_time }, { "Steps", "depth", reg_html_text }, { 0 },
        };

        if (json_array_size(json_object_get(descendants, "items")) == 0) {
                reg_page_empty(s->html, "Nothing was baked on it.", NULL);
                return;
        }
        reg_html_table(s->html, "What stands on it", columns, json_object_get(descendants, "items"), SIZE_MAX);
        if (json_is_string(json_object_get(descendants, "next"))) {
                BK_CLEANUP(bk_buf_done) struct bk_buf query = { 0 };

                reg_page_query(&query, "_descends", s->id);
                reg_html(s->html, "<p><a href=\"/images?%s\">All of them</a></p>\n", query.data);
        }
}

static int put_lineage(const struct subject *s, struct bk_error *err)
{
        autofree char *most = bk_format("_limit=%d", DESCENDANTS);
        autojson *lineage = NULL, *descendants = NULL;

        if (ask(s, "lineage", "", &lineage, err) < 0 || ask(s, "descendants", most, &descendants, err) < 0)
                return -1;
        section(s->html, "lineage", "Lineage");
        reg_html(s->html, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Lineage as a picture\">"
                 "<img src=\"/api/v1/images/%s/lineage.svg\" "
                 "alt=\"%s with its ancestors and descendants; the tables below say the same\" loading=\"lazy\"></div>\n", s->id, s->name);
        put_ancestors(s, lineage);
        put_descendants(s, descendants);
        section_end(s->html);
        return 0;
}

/* --- tests --------------------------------------------------------------------------------------- */
static void put_suite(struct reg_html *html, const json_t *value)
{
        const char *suite = json_string_value(value), *slash = suite == NULL ? NULL : strrchr(suite, '/');

        reg_html(html, "<span title=\"%s\">%s</span>", suite, slash != NULL ? slash + 1 : suite);
}

static void put_check_rows(const struct subject *s, const json_t *checks, const char *caption, bool passed)
{
        static const struct reg_column failures[] = {
                { "Check", "name", reg_html_text }, { "Verdict", "verdict", reg_html_word }, { "Suite", "suite", put_suite },
                { "Message", "message", reg_html_text }, { 0 },
        };
        static const struct reg_column passes[] = {
                { "Check", "name", reg_html_text }, { "Verdict", "verdict", reg_html_word }, { "Suite", "suite", put_suite }, { 0 },
        };
        autojson *rows = json_array();
        json_t *item;
        size_t i;

        json_array_foreach(checks, i, item)
                if (passed == bk_streq(json_string_value(json_object_get(item, "verdict")), "passed"))
                        (void)json_array_append(rows, item);
        reg_html_table(s->html, caption, passed ? passes : failures, rows, SIZE_MAX);
}

static void put_checks(const struct subject *s)
{
        const json_t *checks = json_object_get(s->record, "checks"), *item;
        const size_t all = json_array_size(checks);
        size_t passed = 0, i;

        json_array_foreach(checks, i, item)
                passed += bk_streq(json_string_value(json_object_get(item, "verdict")), "passed");
        section(s->html, "tests", "Tests");
        if (all == 0) {
                reg_page_empty(s->html, "It was not tested. A template tests what it bakes with", "\"specs\": [\"specs/*_spec.rb\"]");
        } else {
                reg_html(s->html, "<p>%zu of %zu checks passed.</p>\n", passed, all);
                if (passed < all)
                        put_check_rows(s, checks, "Did not pass", false);
                if (passed > 0) {
                        reg_html(s->html, "<details%s><summary>%zu that passed</summary>", passed == all && all <= PASSED_OPEN ? " open" : "",
                                 passed);
                        put_check_rows(s, checks, "Passed", true);
                        reg_html(s->html, "</details>\n");
                }
        }
        section_end(s->html);
}

/* --- packages and advisories ------------------------------------------------------------------------ */
static void put_packages(const struct subject *s)
{
        const int64_t count = json_integer_value(json_object_get(s->record, "package_count"));

        section(s->html, "packages", "Packages");
        if (count == 0) {
                reg_page_empty(s->html, "No inventory is known. Another's can be attached:", "bakery sbom attach IMAGE FILE");
        } else {
                reg_html(s->html, "<p><a href=\"/images/%s/packages\">%lld packages</a> are installed.</p>\n", s->id, (long long)count);
                reg_page_package_form(s->html, s->id, NULL);
        }
        section_end(s->html);
}

static int put_vulnerable(const struct subject *s, struct bk_error *err)
{
        autojson *found = NULL;
        size_t n;

        if (ask(s, "vulnerable", "", &found, err) < 0)
                return -1;
        n = json_array_size(json_object_get(found, "items"));
        section(s->html, "advisories", "Advisories");
        if (n == 0)
                reg_html(s->html, "<p class=\"empty\">No advisory that was imported concerns it. "
                         "<a href=\"/advisories\">What was imported</a></p>\n");
        else
                reg_page_findings_table(s->html, n > FINDINGS ? "The worst" : "What concerns it, the worst first", json_object_get(found, "items"),
                                        FINDINGS);
        if (n > FINDINGS)
                reg_html(s->html, "<p><a href=\"/images/%s/vulnerable\">All %zu advisories</a></p>\n", s->id, n);
        section_end(s->html);
        return 0;
}

/* --- history ------------------------------------------------------------------------------------------- */
#define BY_WHEN_WHY { "By", "who", reg_html_text }, { "When", "at", reg_html_time }, { "Why", "why", reg_html_text }, { 0 }

static void put_states(const struct subject *s)
{
        static const struct reg_column columns[] = { { "State", "state", reg_html_word }, { "Before", "was", reg_html_word }, BY_WHEN_WHY };

        reg_html_table(s->html, "States", columns, json_object_get(s->record, "states"), SIZE_MAX);
}

static bool heads(const json_t *record, const json_t *name)
{
        const json_t *item;
        size_t i;

        json_array_foreach(json_object_get(record, "channels"), i, item)
                if (json_equal(json_object_get(item, "channel"), name))
                        return true;
        return false;
}

static void put_head(struct reg_html *html, const json_t *head)
{
        reg_html(html, json_is_true(head) ? "<span class=\"word ok\">head</span>" : "<span class=\"none\">another</span>");
}

static void put_channels(const struct subject *s)
{
        static const struct reg_column columns[] = { { "Channel", "channel", reg_page_channel_link }, { "Now", "head", put_head }, BY_WHEN_WHY };
        const json_t *history = json_object_get(s->record, "channel_history");
        autojson *rows = json_array();
        json_t *item;
        size_t i;

        if (json_array_size(history) == 0) {
                reg_page_empty(s->html, "No channel points at it, and none did. To have one do so:", "bakery image promote IMAGE CHANNEL");
                return;
        }
        json_array_foreach(history, i, item) {
                json_t *row = json_copy(item);

                (void)json_object_set_new(row, "head", json_boolean(heads(s->record, json_object_get(item, "channel"))));
                (void)json_array_append_new(rows, row);
        }
        reg_html_table(s->html, "Channels that were pointed at it", columns, rows, SIZE_MAX);
}

static int put_tags(const struct subject *s, struct bk_error *err)
{
        static const struct reg_column columns[] = {
                { "Tag", "key", reg_html_text }, { "Value", "value", reg_html_text }, { "Before", "was", reg_html_text }, BY_WHEN_WHY,
        };
        autojson *found = NULL;

        if (ask(s, "tags", "", &found, err) < 0)
                return -1;
        if (json_array_size(json_object_get(found, "items")) > 0)
                reg_html_table(s->html, "How its tags changed", columns, json_object_get(found, "items"), SIZE_MAX);
        return 0;
}

/* --- trust ------------------------------------------------------------------------------------------------- */
static int put_trust(const struct subject *s, struct bk_error *err)
{
        autojson *found = NULL;
        const json_t *item;
        size_t i;

        if (ask(s, "signatures", "", &found, err) < 0)
                return -1;
        section(s->html, "provenance", "Provenance");
        if (json_array_size(json_object_get(found, "items")) == 0)
                reg_page_empty(s->html, "Nobody has signed it. To sign what is baked from now on:", "bakery key create");
        json_array_foreach(json_object_get(found, "items"), i, item) {
                reg_html(s->html, "<p>Signed with key <code>%s</code>, ", json_string_value(json_object_get(item, "key_id")));
                reg_html_time(s->html, json_object_get(item, "at"));
                reg_html(s->html, ". Whether to trust it: <code>bakery image verify %s</code></p>\n", s->name);
        }
        if (json_is_object(json_object_get(s->record, "provenance"))) {
                reg_html(s->html, "<details><summary>How it was baked</summary><div class=\"any\">");
                reg_html_any(s->html, json_object_get(s->record, "provenance"));
                reg_html(s->html, "</div></details><p><a href=\"/api/v1/images/%s/provenance?format=slsa\">As an SLSA envelope</a></p>\n", s->id);
        }
        section_end(s->html);
        return 0;
}

static int put_parts(const struct subject *s, struct bk_error *err)
{
        const json_t *launches = json_object_get(s->record, "launches");

        reg_html(s->html, "<nav class=\"contents\" aria-label=\"On this page\"><ul>"
                 "<li><a href=\"#lineage\">Lineage</a></li><li><a href=\"#tests\">Tests</a></li>"
                 "<li><a href=\"#packages\">Packages</a></li><li><a href=\"#advisories\">Advisories</a></li><li><a href=\"#history\">History</a></li>"
                 "<li><a href=\"#use\">Usage</a></li><li><a href=\"#provenance\">Provenance</a></li></ul></nav>\n");
        put_facts(s);
        put_attributes(s);
        put_use(s);
        if (put_revocations(s, err) < 0 || put_lineage(s, err) < 0)
                return -1;
        put_checks(s);
        put_packages(s);
        if (put_vulnerable(s, err) < 0)
                return -1;
        section(s->html, "history", "History");
        put_states(s);
        put_channels(s);
        if (put_tags(s, err) < 0)
                return -1;
        section_end(s->html);
        section(s->html, "use", "Usage");
        if (json_array_size(launches) > 0)
                reg_page_launches_table(s->html, "Instances", launches, false);
        else
                reg_page_empty(s->html, "No instance of it is known. Hypervisors are asked by", "bakery usage scan");
        section_end(s->html);
        return put_trust(s, err);
}

int reg_page_image(struct reg_call *call, struct bk_error *err)
{
        autofree char *path = reg_page_path("/images", call->part[0]), *title = NULL;
        struct subject subject = { .call = call };
        autojson *record = NULL;
        autohtml html = { 0 };
        autotxn txn = { 0 };

        if (reg_txn_read(call->reg, &txn, err) < 0 || reg_page_ask(call, path, "", &record, err) < 0)
                return -1;
        subject.record = record;
        subject.html = &html;
        subject.id = json_string_value(json_object_get(record, "id"));
        subject.name = json_string_value(json_object_get(record, "name"));
        title = bk_format("%s %.19s", subject.name, subject.id);

        const struct reg_page page = { .title = title, .heading = subject.name, .section = "/images", .json = path };

        reg_page_begin(&html, &page);
        if (put_parts(&subject, err) < 0)
                return -1;
        reg_page_end(call, &html, &page);
        return 0;
}
