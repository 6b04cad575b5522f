/* Pages: they say what the API says, to whom it says it, and what is recorded does no harm in them. */
#include "tests/unit/registry/ask.h"

#include <ctype.h>
#include <sys/utsname.h>

#include "lib/publish.h"
#include "registry/advisory.h"
#include "registry/bake.h"
#include "registry/life.h"
#include "registry/page_priv.h"
#include "registry/prune.h"
#include "registry/usage.h"

/* What a stranger would like to get into a page. */
#define TAG "<script>window.pwned=1</script>"
#define EVIL "\"'><img src=x onerror=pwned()>" TAG "&lt;\xe2\x80\xae" "txt\xd7\xa9"

/* --- asking --------------------------------------------------------------------------- */
static char *page_as(struct reg *reg, const struct layer_store *store, const char *target, enum reg_role role, int *ret_status)
{
        autofree char *path = bk_format("/%.*s", (int)strcspn(target, "?"), target);
        const struct reg_request request = { .method = "GET", .path = path, .query = strchr(target, '?') ? strchr(target, '?') + 1 : "", .who = "ada",
                                             .role = role, .store = store };
        struct reg_answer answer = { 0 };
        char *text;

        reg_api(reg, &request, &answer);
        *ret_status = answer.status;
        if (answer.status != 303 && !bk_streq(answer.type, REG_HTML))
                fail_msg("%s is no page: %d %.300s", target, answer.status, answer.text);
        text = bk_take(answer.text);
        reg_answer_done(&answer);
        return text;
}

static char *page(struct reg *reg, const char *target)
{
        int status = 0;
        char *text = page_as(reg, NULL, target, REG_READ, &status);

        if (status != 200)
                fail_msg("%s: %d: %.600s", target, status, strstr(text, "<main") ? strstr(text, "<main") : text);
        return text;
}

/* --- markup ------------------------------------------------------------------------------ */
struct scan { const char *target, *at; char stack[64][16]; size_t depth; };

static void broken(const struct scan *scan, const char *why)
{
        fail_msg("%s: %s: ...%.80s", scan->target, why, scan->at);
}

static bool listed(const char *const *words, const char *word)
{
        for (; *words != NULL; words++)
                if (strcmp(*words, word) == 0)
                        return true;
        return false;
}

/* name="value", the value without what ends it; no name that would be run. */
static void scan_attributes(struct scan *scan)
{
        while (*scan->at == ' ') {
                const char *name = ++scan->at;

                scan->at += strspn(scan->at, "abcdefghijklmnopqrstuvwxyz-");
                if (scan->at == name || strncmp(name, "on", 2) == 0 || strncmp(name, "style=", 6) == 0)
                        broken(scan, "an attribute that is not ours");
                if (*scan->at != '=')
                        continue;
                if (scan->at[1] != '"')
                        broken(scan, "a value without quotes");
                scan->at += 2;
                if (strncmp(scan->at, "javascript:", 11) == 0)
                        broken(scan, "a script for an address");
                scan->at += strcspn(scan->at, "\"<");
                if (*scan->at != '"')
                        broken(scan, "a value that does not end");
                scan->at++;
        }
        if (*scan->at != '>')
                broken(scan, "a tag that does not end");
}

static void scan_tag(struct scan *scan)
{
        static const char *const empty[] = { "meta", "link", "img", "input", "br", NULL };
        static const char *const ours[] = { "html", "head", "title", "body", "header", "nav", "main", "footer", "section", "div", "span", "p", "a",
                "ul", "li",
                "dl", "dt", "dd", "table", "caption", "thead", "tbody", "tr", "th", "td", "h1", "h2", "form", "label", "button", "select",
                "option", "details",
                "summary", "code", "pre", "b", "time", "progress", "noscript", "script", NULL };
        const bool end = *scan->at == '/';
        char name[16] = "";
        size_t n = 0;

        for (scan->at += end; isalnum((unsigned char)*scan->at) && n + 1 < sizeof name; scan->at++)
                name[n++] = *scan->at;
        if (!listed(ours, name) && !listed(empty, name))
                broken(scan, "an element that is not ours");
        if (end) {
                if (scan->depth == 0 || strcmp(scan->stack[scan->depth - 1], name) != 0 || *scan->at != '>')
                        broken(scan, "an end of something else");
                scan->depth--;
                return;
        }
        if (strcmp(name, "script") == 0 && strncmp(scan->at, " src=\"/bakery.js?", 17) != 0)
                broken(scan, "a script that is not ours");
        scan_attributes(scan);
        if (!listed(empty, name)) {
                if (scan->depth == 64)
                        broken(scan, "very deep");
                memcpy(scan->stack[scan->depth++], name, sizeof name);
        }
}

/* Every "<" begins a tag of ours, all of which end in order; controls and what turns text are not there. */
static void check_markup(const char *target, const char *text)
{
        struct scan scan = { .target = target, .at = text };

        assert_int_equal(strncmp(text, "<!doctype html>\n", 16), 0);
        for (scan.at += 16; *scan.at != '\0'; scan.at++) {
                if (*scan.at == '<') {
                        scan.at++;
                        scan_tag(&scan);
                } else if (*scan.at == '>' || ((unsigned char)*scan.at < 0x20 && *scan.at != '\n')) {
                        broken(&scan, "a stray character");
                }
        }
        if (scan.depth > 0)
                broken(&scan, scan.stack[scan.depth - 1]);
        assert_null(strstr(text, "\xe2\x80\xae"));
        assert_null(strstr(text, "window.pwned=1</script>"));
}

/* --- a registry with guests ------------------------------------------------------------------ */
static void import_advisory(struct reg *reg)
{
        json_t *body = json_pack("{s:s, s:s, s:b, s:[{s:s, s:s, s:s, s:[s], s:[{s:s, s:s}], s:[{s:{s:s, s:s}, s:[{s:s, s:[{s:s},{s:s}]}]}]}]}",
                "format", "osv", "import", "one", "last", 1, "items", "id", "EVIL-1", "modified", "2026-01-01T00:00:00Z", "summary", EVIL,
                "aliases", "CVE-2026-1",
                "severity", "type", "CVSS_V3", "score", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "affected", "package", "ecosystem",
                "Debian:12", "name",
                "openssl", "ranges", "type", "ECOSYSTEM", "events", "introduced", "0", "fixed", "9" TAG);
        autofree char *text = json_dumps(body, 0);

        json_decref(ask(reg, "POST", "/advisories", text));
        json_decref(body);
}

static char *hostile(struct reg *reg)
{
        static const struct reg_package packages[] = {
                { (char *)"openssl", (char *)"1", (char *)"amd64", (char *)"openssl", (char *)"1", (char *)"deb" },
                { (char *)EVIL, (char *)EVIL, (char *)"", (char *)"", (char *)"", (char *)"npm" },
        };
        static const struct reg_check checks[] = {
                { (char *)"/x/" EVIL, (char *)EVIL, (char *)"failed", (char *)EVIL "\n\033[31mred", 1 },
                { (char *)"a", (char *)"b", (char *)"passed", (char *)"", 1 },
        };
        struct bk_error err = { 0 };
        json_t *provenance = json_pack("{s:{s:[s,s]}, s:s}", EVIL, TAG, EVIL, TAG, "template", EVIL), *counts;
        int64_t run = 0;
        char *below = baked(reg, (struct recipe){ .seed = "0", .name = "foundation", .state = REG_TESTED });
        char *id = baked(reg, (struct recipe){ .seed = "1", .name = "team/web", .ancestor = below, .backing = "layer of 0", .depth = 1,
                .attributes = { { (char *)"note", (char *)EVIL }, { (char *)"release", (char *)"bookworm" } }, .packages = packages, .n_packages = 2,
                .checks = checks, .n_checks = 2, .provenance = provenance });
        const struct reg_launch launch = { .image = id, .instance = EVIL, .name = EVIL, .who = EVIL };

        json_decref(provenance);
        import_advisory(reg);
        assert_ok(state_set(reg, id, REG_TESTED, EVIL, EVIL, &err), err);
        assert_ok(channel_assign(reg, "team/web:production", id, EVIL, EVIL, &err), err);
        assert_ok(channel_assign(reg, "foundation:production", below, "ada", "no reason", &err), err);
        assert_ok(reg_tag(reg, id, &(struct reg_tag){ .key = "owner", .value = EVIL }, 1, &(struct reg_change){ .who = EVIL, .why = EVIL }, &err),
                  err);
        assert_ok(reg_launch_seen(reg, "report", &launch, &err), err);
        free(baked(reg, (struct recipe){ .seed = "2", .name = "old" }));
        json_decref(ask(reg, "POST", "/images/old/state", "{\"state\": \"trashed\", \"why\": \"" TAG "\"}"));
        counts = json_pack("{s:i, s:i, s:s}", TAG, 2, "trashed", 1, "stopped", EVIL);
        assert_ok(reg_janitor_begin(reg, EVIL, "sha256:1", &run, &err), err);
        assert_ok(reg_janitor_end(reg, run, "stopped", counts, &err), err);
        json_decref(counts);
        assert_ok(reg_usage_failed(reg, "libvirt", EVIL, &err), err);
        assert_ok(reg_bake_begin(reg, &(struct reg_bake){ .id = "b1", .name = EVIL, .template = EVIL, .builder = TAG, .who = EVIL, .host = EVIL,
                  .log = "logs/b1.log",
                                                          .build_url = "javascript:pwned()" }, &err), err);
        json_decref(ask(reg, "POST", "/images/foundation/revoke", "{\"why\": \"" TAG "\", \"descendants\": false}"));
        free(below);
        return id;
}

static void what_is_recorded_does_no_harm(void **state)
{
        static const char *const targets[] = {
                "/", "/images", "/images?_all", "/images?q=" "%3Cscript%3E", "/images?q=%22%3E%3Cimg%20src%3Dx%3E", "/images?note=%3Cscript%3E",
                "/images/team%2Fweb",
                "/images/team%2Fweb/packages", "/images/team%2Fweb/packages?name=%22%3E%3Cb%3E", "/images/team%2Fweb/vulnerable",
                "/images/team%2Fweb/diff/team%2Fweb",
                "/channels", "/channels?name=%22%3E", "/channels/team%2Fweb/production", "/bakes", "/bakes?name=%22%3E", "/bakes/b1", "/packages",
                "/packages?name=openssl", "/packages?name=%22%3E%3Cb%3E&version=%3C%22", "/advisories", "/advisories?severity=high&in_use=1",
                "/advisories/EVIL-1",
                "/usage", "/usage?all=1", "/janitor", "/audit", "/audit?before=4", "/images/%3Cscript%3E", "/bakes/%22%3E", "/advisories/%3Cb%3E",
                "/channels/%3Cb%3E/x", "/images?q=%3D%3D%26%26", "/images?_after=%3Cb%3E", "/images/foundation%3F_all", "/audit?before=%3Cb%3E",
                "/images/team%2Fweb/diff/%3Cb%3E", "/advisories?severity=%3Cb%3E",
        };
        struct fixture *f = *state;
        autofree char *id = hostile(f->reg), *direct = bk_format("/images/%s", id);

        for (size_t i = 0; i <= sizeof targets / sizeof *targets; i++) {
                const char *target = i < sizeof targets / sizeof *targets ? targets[i] : direct;
                int status = 0;
                autofree char *text = page_as(f->reg, NULL, target, REG_READ, &status);

                print_message("# %d %s\n", status, target);
                assert_true(status == 200 || status == 400 || status == 404 || status == 410);
                assert_int_equal(status == 200 || strstr(text, " role=\"alert\">") != NULL, 1);
                check_markup(target, text);
        }
}

/* --- the same as the API ------------------------------------------------------------------------ */
/* The ids of a list, in its order, are in the page in that order. */
static void same_ids(const char *text, const json_t *items, const char *key)
{
        const char *at = strstr(text, "<main");
        const json_t *item;
        size_t i;

        assert_true(json_array_size(items) > 0);
        json_array_foreach(items, i, item) {
                const char *id = json_string_value(json_object_get(item, key));

                at = strstr(at, id);
                if (at == NULL)
                        fail_msg("%s is missing, or elsewhere", id);
        }
}

static void pages_say_what_the_api_says(void **state)
{
        static const struct { const char *page, *api, *key; } cases[] = {
                { "/images", "/images", "id" }, { "/images?q=state%3Dtested", "/images?state=tested", "id" }, { "/images?release=bookworm",
                "/images?release=bookworm", "id" },
                { "/images?q=_all", "/images?_all", "id" }, { "/channels", "/channels", "image" }, { "/bakes", "/bakes", "id" },
                { "/packages?name=openssl", "/packages?name=openssl", "id" }, { "/advisories", "/vulnerable", "id" }, { "/usage", "/launches",
                "image" },
                { "/advisories/CVE-2026-1", "/advisories/CVE-2026-1", "id" }, { "/images/team%2Fweb", "/images/team%2Fweb/lineage", "id" },
                { "/images/team%2Fweb/vulnerable", "/images/team%2Fweb/vulnerable", "advisory" },
        };
        struct fixture *f = *state;
        autofree char *id = hostile(f->reg);

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                json_t *json = ask(f->reg, "GET", cases[i].api, NULL);
                autofree char *text = page(f->reg, cases[i].page);

                print_message("# %s\n", cases[i].page);
                same_ids(text, json_object_get(json, "items"), cases[i].key);
                json_decref(json);
        }
}

static void who_may_not_read_sees_nothing(void **state)
{
        struct fixture *f = *state;
        autofree char *id = hostile(f->reg);

        for (size_t i = 0; i < reg_routes_pages.n; i++) {
                const struct reg_route *route = &reg_routes_pages.v[i];
                int status = 0;

                print_message("# %s\n", route->pattern);
                if (!bk_streq(route->type, REG_HTML)) {
                        assert_int_equal(route->role, REG_NOBODY);
                        continue;
                }
                autofree char *text = page_as(f->reg, NULL, route->pattern + 1, REG_NOBODY, &status);

                assert_int_equal(status, 403);
                assert_null(strstr(text, "team/web"));
                assert_non_null(strstr(text, "needs a token"));
        }
}

static void every_page_has_its_policy(void **state)
{
        static const char *const wanted[] = { "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; connect-src "
                "'self'; img-src 'self' "
                                              "data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'", "Referrer-Policy: no-referrer" };
        static const char *const paths[] = { "//", "//images", "//images/none" };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };

                reg_api(f->reg, &(struct reg_request){ .method = "GET", .path = paths[i], .query = "", .role = REG_READ }, &answer);
                for (size_t w = 0; w < sizeof wanted / sizeof *wanted; w++)
                        assert_true(bk_strv_has(&answer.headers, wanted[w]));
        }
}

/* --- queries ----------------------------------------------------------------------------------- */
static void queries_are_read_as_they_are_written(void **state)
{
        static const struct { const char *query, *wanted; int status; } cases[] = {
                { "", "web db", 200 }, { "q=", "web db", 200 }, { "q=web", "web", 200 }, { "q=+web+", "web", 200 }, { "q=web%3Frelease%3Dbookworm",
                "web", 200 },
                { "q=web%3Brelease%3Dbookworm", "web", 200 }, { "q=release%3Dbookworm", "web", 200 }, { "q=%3Frelease%3Dtrixie", "db", 200 },
                { "q=_all", "web db", 200 },
                { "q=%3F_sort%3Dname", "db web", 200 }, { "q=web%3F_latest", "web", 200 }, { "release=trixie", "db", 200 }, { "release=trixie&q=",
                "db", 200 },
                { "q=web:(id)", "web", 200 }, { "q=%21release", "", 200 }, { "q=release%3Dnone", "", 200 }, { "q=_newest", "", 400 },
                { "q=a%3D%25zz", "", 400 },
                { "q=none%3F_latest", "", 404 }, { "_one", "", 409 }, { "q=note%3Da+b", "web", 200 }, { "q=note%3Da%2Bb", "", 200 },
        };
        struct fixture *f = *state;
        autofree char *db = baked(f->reg, (struct recipe){ .seed = "1", .name = "db", .attributes = { { (char *)"release", (char *)"trixie" } } });
        autofree char *web = baked(f->reg, (struct recipe){ .seed = "2", .name = "web", .attributes = { { (char *)"note", (char *)"a b" },
                                                                                                    { (char *)"release", (char *)"bookworm" } } });

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *target = bk_format("/images?%s", cases[i].query), *text = NULL;
                struct bk_buf got = { 0 };
                int status = 0;

                text = page_as(f->reg, NULL, target, REG_READ, &status);
                for (const char *p = text; (p = strstr(p, "data-name=\"Image\"")) != NULL; p++) {
                        const char *name = strchr(strstr(p, "title="), '>') + 1;

                        bk_buf_printf(&got, "%s%.*s", got.len > 0 ? " " : "", (int)strcspn(name, "<"), name);
                }
                autofree char *found = bk_buf_finish(&got);

                print_message("# %s\n", cases[i].query);
                assert_string_equal(found, cases[i].wanted);
                assert_int_equal(status, cases[i].status);
                assert_non_null(strstr(text, "<input id=\"q\""));               /* the form is there to put it right */
                assert_null(strstr(text, "query &#39;"));
        }
}

static void lists_come_in_pages(void **state)
{
        autofree char *target = bk_strdup("/images");
        struct fixture *f = *state;
        char seen[120] = "";
        int pages = 0;

        for (size_t i = 0; i < sizeof seen; i++) {
                autofree char *seed = bk_format("%zu", i);

                free(baked(f->reg, (struct recipe){ .seed = seed }));
        }
        for (; target != NULL; pages++) {
                autofree char *text = page(f->reg, target);
                const char *next = strstr(text, "rel=\"next\" href=\"");
                struct bk_buf address = { 0 };

                for (size_t i = 0; i < sizeof seen; i++) {
                        autofree char *seed = bk_format("%zu", i), *id = id_of(seed),
                                *link = bk_format("data-name=\"Image\"><a href=\"/images/%s\"", id);

                        seen[i] = (char)(seen[i] + (strstr(text, link) != NULL));
                }
                free(bk_take(target));
                for (next = next == NULL ? NULL : strchr(next, '/'); next != NULL && *next != '"'; next += strncmp(next, "&amp;", 5) == 0 ? 5 : 1)
                        bk_buf_putc(&address, *next);
                if (address.len > 0)
                        target = bk_buf_finish(&address);
        }
        assert_int_equal(pages, 3);
        for (size_t i = 0; i < sizeof seen; i++)
                assert_int_equal(seen[i], 1);
}

static void the_log_can_be_walked_back(void **state)
{
        autofree char *target = bk_strdup("/audit");
        struct fixture *f = *state;
        struct bk_error err = { 0 };
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" });
        int rows = 0, pages = 0;

        for (int i = 0; i < 249; i++)
                assert_ok(reg_tag(f->reg, id, &(struct reg_tag){ .key = "n", .value = i % 2 != 0 ? "1" : "2" }, 1,
                          &(struct reg_change){ .who = "ada" }, &err), err);
        for (; target != NULL; pages++) {
                autofree char *text = page(f->reg, target);
                const char *next = strstr(text, "href=\"/audit?before=");

                for (const char *p = text; (p = strstr(p, "<tr role=\"row\"><th scope=\"row\"")) != NULL; p++)
                        rows++;
                free(bk_take(target));
                if (next != NULL)
                        target = bk_strndup(next + 6, strcspn(next + 6, "\""));
        }
        assert_int_equal(rows, 250);
        assert_int_equal(pages, 3);
}

/* --- bakes ------------------------------------------------------------------------------------------ */
static void a_log_ends_where_the_stream_begins(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(layer_store_done) struct layer_store store = { 0 };
        autofree char *logs = bk_format("%s/logs", f->home), *path = bk_format("%s/b1.log", logs), *next = NULL;
        static const char log[] = "==> opening <base>\n\033[32mgreen\033[0m " TAG "\n10%\r20%\nhalf a li";
        struct bk_error err = { 0 };
        struct utsname here = { 0 };
        int status = 0;

        assert_int_equal(uname(&here), 0);
        assert_ok(layer_store_open(f->home, &store, &err), err);
        assert_ok(bk_mkdir_p(logs, &err), err);
        assert_ok(bk_publish_bytes(path, log, sizeof log - 1, 0644, &err), err);
        assert_ok(reg_bake_begin(f->reg, &(struct reg_bake){ .id = "b1", .name = "web", .template = "t", .builder = "chroot", .who = "ada",
                  .host = "elsewhere",
                                                             .log = "logs/b1.log" }, &err), err);
        {
                autofree char *text = page_as(f->reg, &store, "/bakes/b1", REG_READ, &status);

                assert_int_equal(status, 200);
                check_markup("/bakes/b1", text);
                next = bk_format("data-next=\"%zu\"", sizeof log - 1 - strlen("half a li"));
                assert_non_null(strstr(text, next));
                assert_non_null(strstr(text, "data-stream=\"/api/v1/bakes/b1/log/stream\""));
                assert_non_null(strstr(text, "<b>==&gt; opening &lt;base&gt;</b>\ngreen &lt;script&gt;"));
                assert_non_null(strstr(text, "\n20%\n</pre>"));
                assert_non_null(strstr(text, "<progress"));
        }
        assert_ok(reg_bake_end(f->reg, "b1", "failed", NULL, &err), err);
        autofree char *text = page_as(f->reg, &store, "/bakes/b1", REG_READ, &status);

        assert_null(strstr(text, "data-stream"));
        assert_null(strstr(text, "<progress"));
        assert_non_null(strstr(text, "half a li\n</pre>"));
        assert_non_null(strstr(text, "<span class=\"word failed\">"));
}

/* --- the rest ------------------------------------------------------------------------------------------ */
static void a_plan_is_shown(void **state)
{
        json_t *plan = json_pack("{s:s, s:s, s:{s:i, s:i}, s:I, s:[{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}]}", "at", "2026-01-01T00:00:00Z",
                "stopped",
                                 "libvirt " TAG, "counts", "goes", 1, "stays", 2, "bytes", (json_int_t)1048576, "items", "image", "sha256:0123",
                                 "name", "web",
                                 "action", "trash", "rule", "stale" TAG, "place", "rules.hcl:3:1", "fate", "goes", "why", EVIL, "due_at",
                                 "2026-01-02T00:00:00Z",
                                 "bytes", (json_int_t)1048576);
        autohtml html = { 0 }, longer = { 0 };

        (void)state;
        reg_html(&html, "<main>");
        reg_page_plan(&html, plan);
        reg_html(&html, "</main>");
        autofree char *body = bk_buf_finish(&html.buf), *text = bk_format("<!doctype html>\n%s", body);

        check_markup("plan", text);
        assert_non_null(strstr(text, "A run would do nothing: libvirt &lt;script"));
        assert_non_null(strstr(text, "<span class=\"word goes\">goes</span>"));
        assert_non_null(strstr(text, "1.0\xc2\xa0MiB"));
        assert_null(strstr(text, "more"));
        (void)json_object_set_new(plan, "more", json_integer(7));
        reg_page_plan(&longer, plan);
        autofree char *rest = bk_buf_finish(&longer.buf);

        assert_non_null(strstr(rest, "There are 7 more"));
        json_decref(plan);
}

static void the_trash_is_shown_in_pages(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };
        autofree char *first = NULL, *address = NULL, *rest = NULL;
        const char *next;

        for (int i = 0; i < 101; i++) {
                autofree char *seed = bk_format("%d", i), *id = baked(f->reg, (struct recipe){ .seed = seed });

                assert_ok(reg_trash(f->reg, id, 4102444800, &(struct reg_change){ .who = "ada", .privileged = true }, &err), err);
        }
        first = page(f->reg, "/janitor");
        next = strstr(first, "href=\"/janitor?cursor=");
        assert_non_null(next);
        next += strlen("href=\"");
        address = bk_strndup(next, strcspn(next, "\""));
        rest = page(f->reg, address);
        assert_non_null(strstr(rest, "data-name=\"Image\""));
        assert_null(strstr(rest, "?cursor="));
}

static void an_empty_registry_says_what_to_do(void **state)
{
        static const struct { const char *target, *wanted; } cases[] = {
                { "/", "bakery build" }, { "/images", "bakery build" }, { "/channels", "bakery image promote" }, { "/bakes", "bakery build" },
                { "/advisories", "bakery advisory import" }, { "/usage", "bakery usage scan" }, { "/janitor", "no rules" }, { "/audit",
                "Nothing happened" },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *text = page(f->reg, cases[i].target);

                print_message("# %s\n", cases[i].target);
                check_markup(cases[i].target, text);
                assert_non_null(strstr(text, cases[i].wanted));
        }
}

static void other_addresses_stay_what_they_were(void **state)
{
        struct fixture *f = *state;
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1", .name = "team/web" });
        static const struct { const char *path, *type; int status; } cases[] = {
                { "//team/web", "application/json", 200 }, { "//metrics", "text/plain; version=0.0.4; charset=utf-8", 200 }, { "//healthz",
                "application/json", 200 },
                { "//images/%00", REG_HTML, 400 }, { "//images/%zz/diff/x", REG_HTML, 400 }, { "//images/a:(%00)", REG_HTML, 400 },
                { "/images/%00", "application/json", 400 }, { "//nothing%00", "application/json", 400 },
                { "//nothing", "application/json", 404 }, { "//bakery.css", "text/css; charset=utf-8", 200 }, { "//bakery.js",
                "text/javascript; charset=utf-8", 200 },
                { "/images", "application/json", 200 }, { "/", "application/json", 200 }, { "//images", REG_HTML, 200 }, { "//images/team%2Fweb",
                REG_HTML, 200 },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };

                print_message("# %s\n", cases[i].path);
                reg_api(f->reg, &(struct reg_request){ .method = "GET", .path = cases[i].path, .query = "", .role = REG_READ, .base = "http://x" },
                        &answer);
                assert_int_equal(answer.status, cases[i].status);
                assert_string_equal(answer.type, cases[i].type);
        }
}

static void an_advisory_is_gone_to_by_its_name(void **state)
{
        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };
        struct fixture *f = *state;

        reg_api(f->reg, &(struct reg_request){ .method = "GET", .path = "//advisories", .query = "advisory=CVE-1%0d%0aX%3a+y%2F",
                .role = REG_READ }, &answer);
        assert_int_equal(answer.status, 400);
        reg_answer_done(&answer);
        reg_api(f->reg, &(struct reg_request){ .method = "GET", .path = "//advisories", .query = "advisory=+CVE-1%2F..", .role = REG_READ }, &answer);
        assert_int_equal(answer.status, 303);
        assert_string_equal(answer.headers.v[0], "Location: /advisories/CVE-1%2F..");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(what_is_recorded_does_no_harm),
                registry_test(pages_say_what_the_api_says),
                registry_test(who_may_not_read_sees_nothing),
                registry_test(every_page_has_its_policy),
                registry_test(queries_are_read_as_they_are_written),
                registry_test(lists_come_in_pages),
                registry_test(the_log_can_be_walked_back),
                registry_test(a_log_ends_where_the_stream_begins),
                cmocka_unit_test(a_plan_is_shown),
                registry_test(the_trash_is_shown_in_pages),
                registry_test(an_empty_registry_says_what_to_do),
                registry_test(other_addresses_stay_what_they_were),
                registry_test(an_advisory_is_gone_to_by_its_name),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
