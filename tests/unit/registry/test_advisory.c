/* Advisories: what their files say, which packages they concern, and what is told when either changes. */
#include "tests/unit/registry/ask.h"

#include "registry/advisory.h"
#include "registry/packages_priv.h"

/* --- words, scores, names ---------------------------------------------------------- */
/* From the examples of the CVSS specifications and NVD's records. */
static const struct { const char *vector; int score; enum reg_severity severity; } scores[] = {
        { "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98, REG_CRITICAL },
        { "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 100, REG_CRITICAL },
        { "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 75, REG_HIGH },
        { "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61, REG_MEDIUM },
        { "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 78, REG_HIGH },
        { "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 31, REG_LOW },
        { "CVSS:3.1/AV:P/AC:H/PR:L/UI:R/S:U/C:L/I:L/A:L", 37, REG_LOW },
        { "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64, REG_MEDIUM },
        { "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0, REG_NEGLIGIBLE },
        { "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O/RC:C", 98, REG_CRITICAL },
        { "AV:N/AC:L/Au:N/C:N/I:N/A:C", 78, REG_HIGH },
        { "AV:N/AC:L/Au:N/C:C/I:C/A:C", 100, REG_CRITICAL },
        { "AV:L/AC:H/Au:N/C:C/I:C/A:C", 62, REG_MEDIUM },
        { "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H", -1, REG_UNRATED },
        { "CVSS:3.1/AV:Q/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", -1, REG_UNRATED },
        { "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", -1, REG_UNRATED },
        { "", -1, REG_UNRATED },
        { "CVSS:3.1/", -1, REG_UNRATED },
        { "AV:", -1, REG_UNRATED },
};

static void vectors_have_their_scores(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) {
                print_message("# %s\n", scores[i].vector);
                assert_int_equal(reg_cvss_score(scores[i].vector), scores[i].score);
                assert_int_equal(reg_cvss_severity(scores[i].score), scores[i].severity);
        }
}

static const struct { const char *text, *normal; } systems[] = {
        { "debian:12", "debian:12" }, { "Debian:12.5", "debian:12" }, { "debian:trixie", "debian:13" }, { "alpine:3.18.4", "alpine:3.18" },
        { "rocky:9.3", "rocky:9" }, { "ubuntu:22.04", "ubuntu:22.04" }, { "arch", "arch" }, { "opensuse-leap:15.5", "opensuse-leap:15.5" },
        { "alpine:3", "alpine:3" }, { "debian:", "debian:" }, { "debian:.", "debian:" }, { "de\nbian:12", "" }, { "\xff", "" },
};
static const struct { const char *database; int ecosystem; const char *os; } databases[] = {
        { "Debian:12", BK_DEB, "debian:12" }, { "Debian", BK_DEB, "debian" }, { "Ubuntu:22.04:LTS", BK_DEB, "ubuntu:22.04" },
        { "Ubuntu:Pro:18.04:LTS", -1, NULL }, { "Alpine:v3.18", BK_APK, "alpine:3.18" }, { "Rocky Linux:9", BK_RPM, "rocky:9" },
        { "AlmaLinux:8", BK_RPM, "almalinux:8" }, { "Red Hat:enterprise_linux:9::baseos", BK_RPM, "rhel:9" }, { "Red Hat:openshift:4", -1, NULL },
        { "openSUSE:Leap 15.5", BK_RPM, "opensuse-leap:15.5" }, { "SUSE:Linux Enterprise Server 15 SP5", BK_RPM, "sles:15.5" },
        { "SUSE:Linux Enterprise Micro 5.5", -1, NULL }, { "PyPI", BK_PYPI, "" }, { "npm", BK_NPM, "" }, { "RubyGems", BK_GEM, "" },
        { "Go", -1, NULL }, { "DebianX:12", -1, NULL }, { "", -1, NULL },
};

static void systems_have_one_name(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
                autofree char *normal = reg_os_normal(systems[i].text);

                assert_string_equal(normal, systems[i].normal);
        }
        for (size_t i = 0; i < sizeof databases / sizeof *databases; i++) {
                enum bk_ecosystem ecosystem = BK_DEB;
                autofree char *os = NULL;
                const bool known = reg_os_of_database(databases[i].database, &ecosystem, &os);

                print_message("# %s\n", databases[i].database);
                assert_int_equal(known ? (int)ecosystem : -1, databases[i].ecosystem);
                if (known)
                        assert_string_equal(os, databases[i].os);
        }
}

static const struct { const char *ranges, *in, *out, *fixed; } ranges[] = {
        { "r\ni 0\nf 2.0-1\n", "0~rc1 1 1.9 2.0-1~deb12u1", "2.0-1 2.1 1:0", "2.0-1" },
        { "r\ni 1.0\nf 1.5\ni 2.0\nf 2.5\n", "1.0 1.4 2.0 2.4", "0.9 1.5 1.9 2.5", NULL },
        { "r\ni 2.0\nf 1.5\nf 2.5\ni 1.0\n", "1.0 1.4 2.0 2.4", "0.9 1.5 1.9 2.5", NULL },        /* in any order */
        { "r\ni 1.0\nl 1.5\n", "1.0 1.5", "0.9 1.5.1", NULL },
        { "r\ni 1.0\nf 1.5\nr\ni 3\n", "1.2 3 9", "2", NULL },
        { "v 1.0\nv 1.2\n", "1.0 1.2", "1.1 0", NULL },
        { "r\ni 0\n", "0 1 99:9", "", NULL },
        { "r\nf 1.0\n", "", "0 1 2", NULL },
        { "r\n", "", "1", NULL },
        { "", "", "1", NULL },
        { "i\nz 1\ni \n", "", "1", NULL },
};

static void check_versions(const char *text, const char *versions, bool wanted, const char *fixed_wanted)
{
        BK_CLEANUP(reg_ranges_done) struct reg_ranges parsed = { 0 };
        autofree char *copy = bk_strdup(versions);
        const char *fixed;

        reg_ranges_parse(BK_DEB, text, &parsed);
        for (char *v = strtok(copy, " "); v != NULL; v = strtok(NULL, " ")) {
                if (reg_ranges_have(&parsed, v, &fixed) != wanted)
                        fail_msg("'%s' in '%s' is not %d", v, text, wanted);
                if (wanted && fixed_wanted != NULL)
                        assert_string_equal(fixed, fixed_wanted);
        }
}

static void ranges_hold_the_versions_between_their_events(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
                check_versions(ranges[i].ranges, ranges[i].in, true, ranges[i].fixed);
                check_versions(ranges[i].ranges, ranges[i].out, false, NULL);
        }
}

/* --- files into pieces ---------------------------------------------------------------- */
struct pieces { struct bk_buf text; };

static int take(void *arg, const struct reg_piece *piece, struct bk_error *err)
{
        struct pieces *pieces = arg;

        (void)err;
        bk_buf_printf(&pieces->text, "%s%s=%.*s|", piece->format == REG_OSV ? "O" : "D", piece->key ? piece->key : "", (int)piece->length,
                      piece->text);
        return 0;
}

static const struct { const char *text, *pieces; } files[] = {
        { "{\"id\":\"A\"}", "O={\"id\":\"A\"}|" },
        { " [ {\"id\":\"A\"} , {\"id\":\"B\",\"x\":[{\"y\":1}]} ] ", "O={\"id\":\"A\"}|O={\"id\":\"B\",\"x\":[{\"y\":1}]}|" },
        { "{\"id\":\"A\"}\n{\"id\":\"B\"}", "O={\"id\":\"A\"}|O={\"id\":\"B\"}|" },
        { "{\"database_specific\":{\"a\":{}},\"id\":\"A\"}", "O={\"database_specific\":{\"a\":{}},\"id\":\"A\"}|" },
        { "{\"id\":\"}\\\"{\\\\\"}", "O={\"id\":\"}\\\"{\\\\\"}|" },
        { "{ \"openssl\" : {\"CVE-1\":{}}, \"zlib\":{\"CVE-2\":{\"a\":[1,2]}}}", "Dopenssl={\"CVE-1\":{}}|Dzlib={\"CVE-2\":{\"a\":[1,2]}}|" },
        { "\xef\xbb\xbf{\"id\":\"A\"}", "O={\"id\":\"A\"}|" },
        { "{\"vulns\":[{\"id\":\"A\"}]}", "O={\"vulns\":[{\"id\":\"A\"}]}|" },
        { "[]", "" },
        { "{}", "O={}|" },
        { "", "" },
        { "[{\"id\":\"A\"}", NULL },
        { "{\"id\":", NULL },
        { "\"text\"", NULL },
        { "hello", NULL },
        { "[[{}]]", NULL },
        { "]", NULL },
        { "\x7f" "ELF", NULL },
        { "{}\xef\xbb\xbf{}", NULL },
};

static void files_are_cut_at_their_objects(void **state)
{
        static const size_t steps[] = { 1, 3, 1000 };

        (void)state;
        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
                for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
                        struct pieces pieces = { 0 };
                        BK_CLEANUP(reg_splitter_done) struct reg_splitter splitter = { .take = take, .arg = &pieces };
                        struct bk_error err = { 0 };
                        const size_t length = strlen(files[i].text);
                        int status = 0;

                        for (size_t at = 0; status == 0 && at < length; at += steps[k])
                                status = reg_split(&splitter, files[i].text + at, length - at < steps[k] ? length - at : steps[k], &err);
                        if (status == 0)
                                status = reg_split_end(&splitter, &err);
                        print_message("# %s\n", files[i].text);
                        if (files[i].pieces == NULL) {
                                assert_fails_with(status, err, BK_INVALID);
                        } else {
                                assert_ok(status, err);
                                assert_string_equal(pieces.text.data ? pieces.text.data : "", files[i].pieces);
                        }
                        bk_buf_done(&pieces.text);
                }
}

/* --- into the registry ------------------------------------------------------------------- */
#define PACKAGE(eco, n, v, s, sv) { .ecosystem = (char *)eco, .name = (char *)n, .version = (char *)v, .architecture = (char *)"amd64", \
                                    .source = (char *)s, .source_version = (char *)sv }
static const struct reg_package bookworm[] = {
        PACKAGE("deb", "libssl3", "3.0.9-1+b1", "openssl", "3.0.9-1"), PACKAGE("deb", "openssl", "3.0.9-1", "openssl", "3.0.9-1"),
        PACKAGE("pypi", "Flask_Login", "0.9", NULL, NULL), PACKAGE("deb", "bash", "5.2-1", "bash", "5.2-1"),
};

static char *bake_bookworm(struct reg *reg, const char *seed)
{
        return baked(reg, (struct recipe){ .seed = seed, .name = seed, .packages = bookworm, .n_packages = 4,
                                           .attributes = { PAIR("release", "bookworm") } });
}

#define OSV(id, more, ecosystem, name, events) \
        "{\"id\":\"" id "\"" more ",\"affected\":[{\"package\":{\"ecosystem\":\"" ecosystem "\",\"name\":\"" name \
        "\"},\"ranges\":[{\"type\":\"ECOSYSTEM\",\"events\":[" events "]}]}]}"
#define FROM_0_TO(fixed) "{\"introduced\":\"0\"},{\"fixed\":\"" fixed "\"}"
#define HIGH ",\"severity\":[{\"type\":\"CVSS_V3\",\"score\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N\"}]"

static json_t *import(struct reg *reg, const char *format, const char *items, const char *name, bool last)
{
        autofree char *body = bk_format("{\"format\":\"%s\",\"import\":\"%s\",\"items\":%s,\"last\":%s,\"complete\":%s}", format, name, items,
                                        last ? "true" : "false", last && bk_streq(format, "debian") ? "true" : "false");

        return ask(reg, "POST", "/advisories", body);
}

static void import_osv(struct reg *reg, const char *advisory)
{
        static int number;
        autofree char *items = bk_format("[%s]", advisory), *name = bk_format("import-%d", ++number);

        json_decref(import(reg, "osv", items, name, true));
}

/* "CVE-1 CVE-2", of an image. */
static char *findings(struct reg *reg, const char *image, const char *query)
{
        autofree char *target = bk_format("/images/%s/vulnerable?%s", image, query);
        json_t *json = ask(reg, "GET", target, NULL);
        char *text = texts_of(json_object_get(json, "items"), "advisory");

        json_decref(json);
        return text;
}

static void expect(struct reg *reg, const char *image, const char *query, const char *wanted)
{
        autofree char *got = findings(reg, image, query);

        assert_string_equal(got, wanted);
}

static const struct { const char *why, *advisory; bool hit; } advisories[] = {
        { "the release's fix is newer", OSV("A", "", "Debian:12", "openssl", FROM_0_TO("3.0.15-1~deb12u1")), true },
        { "the release's fix is there", OSV("A", "", "Debian:12", "openssl", FROM_0_TO("3.0.9-1")), false },
        { "another release", OSV("A", "", "Debian:11", "openssl", FROM_0_TO("9")), false },
        { "every release", OSV("A", "", "Debian", "openssl", FROM_0_TO("9")), true },
        { "another distribution", OSV("A", "", "Ubuntu:22.04:LTS", "openssl", FROM_0_TO("9")), false },
        { "a binary package's name", OSV("A", "", "Debian:12", "libssl3", FROM_0_TO("9")), false },
        { "another ecosystem", OSV("A", "", "npm", "openssl", FROM_0_TO("9")), false },
        { "Python's names have one spelling", OSV("A", "", "PyPI", "flask.login", FROM_0_TO("0.10")), true },
        { "Python's versions", OSV("A", "", "PyPI", "Flask-Login", FROM_0_TO("0.9")), false },
        { "not yet", OSV("A", "", "Debian:12", "openssl", "{\"introduced\":\"3.0.9-2\"}"), false },
        { "no fix", OSV("A", "", "Debian:12", "openssl", "{\"introduced\":\"3.0.9-1\"}"), true },
        { "the last one", OSV("A", "", "Debian:12", "openssl", "{\"introduced\":\"0\"},{\"last_affected\":\"3.0.9-1\"}"), true },
        { "after the last one", OSV("A", "", "Debian:12", "openssl", "{\"introduced\":\"0\"},{\"last_affected\":\"3.0.8-1\"}"), false },
        { "withdrawn", OSV("A", ",\"withdrawn\":\"2024-01-01T00:00:00Z\"", "Debian:12", "openssl", FROM_0_TO("9")), false },
        { "listed", "{\"id\":\"A\",\"affected\":[{\"package\":{\"ecosystem\":\"Debian:12\",\"name\":\"openssl\"},"
                    "\"versions\":[\"1\",\"3.0.9-1\"]}]}", true },
        { "commits are not versions", "{\"id\":\"A\",\"affected\":[{\"package\":{\"ecosystem\":\"Debian:12\",\"name\":\"openssl\"},"
                                      "\"ranges\":[{\"type\":\"GIT\",\"events\":[{\"introduced\":\"0\"}]}]}]}", false },
        { "nothing affected", "{\"id\":\"A\"}", false },
        { "odd types", "{\"id\":\"A\",\"affected\":[1,{\"package\":2},{\"package\":{\"ecosystem\":3,\"name\":4},\"ranges\":5,\"versions\":6}],"
                       "\"severity\":7,\"aliases\":{},\"summary\":[]}", false },
};

static void advisories_meet_packages_of_their_release(void **state)
{
        const struct fixture *f = *state;
        autofree char *before = bake_bookworm(f->reg, "before");

        for (size_t i = 0; i < sizeof advisories / sizeof *advisories; i++) {
                print_message("# %s\n", advisories[i].why);
                import_osv(f->reg, advisories[i].advisory);
                expect(f->reg, before, "", advisories[i].hit ? "A" : "");
        }
}

/* The other order: the advisory is there first. */
static void new_images_are_matched_when_they_come(void **state)
{
        const struct fixture *f = *state;

        for (size_t i = 0; i < sizeof advisories / sizeof *advisories; i++) {
                autofree char *seed = bk_format("after-%zu", i), *version = bk_format("1.%zu", i);
                struct reg_package more[] = { bookworm[0], bookworm[1], bookworm[2], PACKAGE("deb", "extra", version, NULL, NULL) };
                autofree char *image = NULL;

                print_message("# %s\n", advisories[i].why);
                import_osv(f->reg, advisories[i].advisory);
                image = baked(f->reg, (struct recipe){ .seed = seed, .packages = more, .n_packages = 4,
                                                         .attributes = { PAIR("release", "bookworm") } });
                expect(f->reg, image, "", advisories[i].hit ? "A" : "");
        }
}

static void a_finding_says_what_and_how_to_fix_it(void **state)
{
        const struct fixture *f = *state;
        autofree char *image = bake_bookworm(f->reg, "image"), *packages = NULL, *target = bk_format("/images/%s/vulnerable", image);
        json_t *json, *row;

        import_osv(f->reg, OSV("CVE-2024-1", HIGH ",\"summary\":\"It breaks\\u001b[2J\"", "Debian:12", "openssl", FROM_0_TO("3.0.15-1")));
        json = ask(f->reg, "GET", target, NULL);
        row = json_array_get(json_object_get(json, "items"), 0);
        assert_string_equal(json_string_value(json_object_get(row, "severity")), "high");
        assert_true(json_real_value(json_object_get(row, "score")) == 7.5);
        assert_string_equal(json_string_value(json_object_get(row, "fixed")), "3.0.15-1");
        assert_string_equal(json_string_value(json_object_get(row, "source_version")), "3.0.9-1");
        assert_string_equal(json_string_value(json_object_get(row, "summary")), "It breaks [2J");
        packages = json_dumps(json_object_get(row, "packages"), JSON_COMPACT);
        assert_string_equal(packages, "[\"libssl3 3.0.9-1+b1\",\"openssl 3.0.9-1\"]");
        assert_string_equal(json_string_value(json_object_get(json_object_get(json, "image"), "os")), "debian:12");
        json_decref(json);
}

static void filters_choose_by_severity_and_fix(void **state)
{
        const struct fixture *f = *state;
        autofree char *image = bake_bookworm(f->reg, "image"), *bad = bk_format("/images/%s/vulnerable?severity=awful", image);
        json_t *json;

        import_osv(f->reg, OSV("H", HIGH, "Debian:12", "openssl", FROM_0_TO("9")));
        import_osv(f->reg, OSV("L", ",\"database_specific\":{\"severity\":\"LOW\"}", "Debian:12", "openssl", "{\"introduced\":\"0\"}"));
        import_osv(f->reg, OSV("U", "", "Debian:12", "bash", FROM_0_TO("9")));
        expect(f->reg, image, "", "H L U");
        expect(f->reg, image, "severity=low", "H L");
        expect(f->reg, image, "severity=high", "H");
        expect(f->reg, image, "severity=critical", "");
        expect(f->reg, image, "fixable=1", "H U");
        refused(f->reg, "GET", bad, NULL, 400);
        json = ask(f->reg, "GET", "/vulnerable?severity=low", NULL);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "items"), 0), "count")), 2);
        json_decref(json);
}

/* --- the tracker -------------------------------------------------------------------------- */
#define ISSUE(releases) "{\"description\":\"A bug\",\"releases\":{" releases "}}"
#define RELEASE(code, status, more) "\"" code "\":{\"status\":\"" status "\"" more "}"
static const struct { const char *why, *issue; bool hit; } issues[] = {
        { "open", ISSUE(RELEASE("bookworm", "open", ",\"urgency\":\"low\"")), true },
        { "resolved later", ISSUE(RELEASE("bookworm", "resolved", ",\"fixed_version\":\"3.0.15-1\"")), true },
        { "resolved", ISSUE(RELEASE("bookworm", "resolved", ",\"fixed_version\":\"3.0.9-1\"")), false },
        { "never affected", ISSUE(RELEASE("bookworm", "resolved", ",\"fixed_version\":\"0\"")), false },
        { "undetermined", ISSUE(RELEASE("bookworm", "undetermined", "")), false },
        { "another release", ISSUE(RELEASE("bullseye", "open", "")), false },
        { "an unknown release", ISSUE(RELEASE("whatever", "open", "")), false },
        { "no releases", "{}", false },
        { "odd types", "{\"releases\":{\"bookworm\":7},\"description\":{}}", false },
};

static void the_tracker_is_understood(void **state)
{
        const struct fixture *f = *state;
        autofree char *image = bake_bookworm(f->reg, "image");

        for (size_t i = 0; i < sizeof issues / sizeof *issues; i++) {
                autofree char *items = bk_format("{\"openssl\":{\"CVE-2024-9\":%s}}", issues[i].issue), *name = bk_format("tracker-%zu", i);

                print_message("# %s\n", issues[i].why);
                json_decref(import(f->reg, "debian", items, name, true));
                expect(f->reg, image, "", issues[i].hit ? "CVE-2024-9" : "");
        }
}

static void what_the_tracker_no_longer_has_is_over(void **state)
{
        const struct fixture *f = *state;
        autofree char *image = bake_bookworm(f->reg, "image");
        json_t *json;

        import_osv(f->reg, OSV("OSV-1", "", "Debian:12", "bash", FROM_0_TO("9")));
        json_decref(import(f->reg, "debian", "{\"openssl\":{\"CVE-1\":" ISSUE(RELEASE("bookworm", "open", "")) "}}", "one", false));
        json_decref(import(f->reg, "debian", "{\"openssl\":{\"CVE-2\":" ISSUE(RELEASE("bookworm", "open", "")) "}}", "one", true));
        expect(f->reg, image, "", "CVE-1 CVE-2 OSV-1");
        json = import(f->reg, "debian", "{\"openssl\":{\"CVE-2\":" ISSUE(RELEASE("bookworm", "open", "")) "}}", "two", true);
        assert_int_equal(json_integer_value(json_object_get(json, "dropped")), 1);
        assert_int_equal(json_integer_value(json_object_get(json, "same")), 1);
        json_decref(json);
        expect(f->reg, image, "", "CVE-2 OSV-1");
}

/* Most of the tracker's issues have no urgency; others say how bad they are. */
static void severity_is_lent_by_namesakes(void **state)
{
        const struct fixture *f = *state;
        autofree char *image = bake_bookworm(f->reg, "image");

        json_decref(import(f->reg, "debian", "{\"openssl\":{\"CVE-5\":" ISSUE(RELEASE("bookworm", "open",
                           ",\"urgency\":\"not yet assigned\"")) "}}", "t", true));
        expect(f->reg, image, "severity=high", "");
        import_osv(f->reg, OSV("GHSA-5", HIGH ",\"aliases\":[\"CVE-5\"]", "npm", "some-openssl", FROM_0_TO("9")));
        expect(f->reg, image, "severity=high", "CVE-5");
}

/* --- what is told ------------------------------------------------------------------------------ */
static char *events(struct reg *reg)
{
        autofree char *text = NULL;
        struct bk_error err = { 0 };

        assert_true(reg_sql_text(reg, &text, &err, "SELECT count(*) || ' ' || "
                                 "coalesce((SELECT name || ' ' || action || ' ' || detail FROM event WHERE "
                                 "action LIKE 'vulner%' ORDER BY id DESC LIMIT 1), '') FROM event WHERE action LIKE 'vulner%'", "") > 0);
        return bk_take(text);
}

static void expect_events(struct reg *reg, const char *wanted)
{
        autofree char *got = events(reg);

        assert_string_equal(got, wanted);
}

static int64_t count_of(struct reg *reg)
{
        json_t *json = ask(reg, "GET", "/vulnerable", NULL);
        const int64_t n = json_integer_value(json_object_get(json_array_get(json_object_get(json, "items"), 0), "count"));

        json_decref(json);
        return n;
}

/* Feeds call one hole by different names; an advisory of several holes is none of them. */
static void a_cve_counts_once_whoever_names_it(void **state)
{
        const struct fixture *f = *state;
        autofree char *image = bake_bookworm(f->reg, "image"), *next = NULL;

        import_osv(f->reg, OSV("DEBIAN-CVE-5", HIGH ",\"upstream\":[\"CVE-5\"]", "Debian:12", "openssl", FROM_0_TO("9")));
        expect(f->reg, image, "", "DEBIAN-CVE-5");
        assert_int_equal(count_of(f->reg), 1);
        json_decref(import(f->reg, "debian", "{\"openssl\":{\"CVE-5\":" ISSUE(RELEASE("bookworm", "open", "")) "}}", "t", true));
        expect(f->reg, image, "", "CVE-5");
        expect(f->reg, image, "severity=high", "CVE-5");
        assert_int_equal(count_of(f->reg), 1);
        import_osv(f->reg, OSV("DSA-9", ",\"aliases\":[\"CVE-5\",\"CVE-6\"]", "Debian:12", "openssl", FROM_0_TO("9")));
        expect(f->reg, image, "", "CVE-5 DSA-9");
        assert_int_equal(count_of(f->reg), 2);
        print_message("# a new image is told of each once, too\n");
        next = bake_bookworm(f->reg, "next");
        expect_events(f->reg, "4 next vulnerability.found "
                              "{\"advisories\":[\"CVE-5\",\"DSA-9\"],\"count\":2,\"severities\":{\"high\":1,\"unknown\":1},\"worst\":\"high\"}");
        print_message("# when it is about one hole only, it is that one\n");
        import_osv(f->reg, OSV("DSA-9", ",\"aliases\":[\"CVE-5\"]", "Debian:12", "openssl", FROM_0_TO("9")));
        expect(f->reg, image, "", "CVE-5");
        assert_int_equal(count_of(f->reg), 1);
}

static void images_are_told_of_once_an_import(void **state)
{
        const struct fixture *f = *state;
        autofree char *image = bake_bookworm(f->reg, "one");
        static const char both[] = "[" OSV("A", HIGH, "Debian:12", "openssl", FROM_0_TO("9")) ","
                                   OSV("B", "", "Debian:12", "bash", FROM_0_TO("9")) "]";

        json_decref(import(f->reg, "osv", both, "first", false));
        expect_events(f->reg, "0 ");
        json_decref(import(f->reg, "osv", "[]", "first", true));
        expect_events(f->reg, "1 one vulnerability.found "
                              "{\"advisories\":[\"A\",\"B\"],\"count\":2,\"severities\":{\"high\":1,\"unknown\":1},\"worst\":\"high\"}");
        json_decref(import(f->reg, "osv", both, "again", true));
        expect_events(f->reg, "1 one vulnerability.found "
                              "{\"advisories\":[\"A\",\"B\"],\"count\":2,\"severities\":{\"high\":1,\"unknown\":1},\"worst\":\"high\"}");
        import_osv(f->reg, OSV("A", HIGH, "Debian:12", "openssl", FROM_0_TO("2")));
        expect_events(f->reg, "2 one vulnerability.fixed {\"advisories\":[\"A\"],\"count\":1,\"severities\":{\"high\":1},\"worst\":\"high\"}");
        autofree char *two = bake_bookworm(f->reg, "two");
        expect_events(f->reg, "3 two vulnerability.found {\"advisories\":[\"B\"],\"count\":1,\"severities\":{\"unknown\":1},\"worst\":\"unknown\"}");
        import_osv(f->reg, OSV("B", ",\"withdrawn\":\"2024-01-01T00:00:00Z\"", "Debian:12", "bash", FROM_0_TO("9")));
        expect_events(f->reg, "5 two vulnerability.fixed {\"advisories\":[\"B\"],\"count\":1,\"severities\":{\"unknown\":1},\"worst\":\"unknown\"}");
        expect(f->reg, image, "", "");
}

static void an_advisory_names_its_images(void **state)
{
        const struct fixture *f = *state;
        autofree char *one = bake_bookworm(f->reg, "one"), *two = bake_bookworm(f->reg, "two"), *names = NULL;
        autofree char *old = baked(f->reg, (struct recipe){ .seed = "old", .name = "old", .packages = bookworm, .n_packages = 4,
                                                            .attributes = { PAIR("release", "bullseye") } });
        struct bk_error err = { 0 };
        json_t *json;

        import_osv(f->reg, OSV("DSA-1", HIGH ",\"aliases\":[\"CVE-7\"]", "Debian:12", "openssl", FROM_0_TO("9")));
        assert_ok(channel_assign(f->reg, "prod", one, "ada", NULL, &err), err);
        json = ask(f->reg, "GET", "/advisories/CVE-7", NULL);
        names = texts_of(json_object_get(json, "items"), "name");
        assert_string_equal(names, "two one");
        assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(json, "advisories"), 0), "advisory")), "DSA-1");
        json_decref(json);
        json = ask(f->reg, "GET", "/advisories/DSA-1?in_use=1", NULL);
        assert_int_equal(json_array_size(json_object_get(json, "items")), 1);
        json_decref(json);
        refused(f->reg, "GET", "/advisories/CVE-8", NULL, 404);
        json = ask(f->reg, "GET", "/vulnerable?channel=prod", NULL);
        assert_int_equal(json_array_size(json_object_get(json, "items")), 1);
        json_decref(json);
        json = ask(f->reg, "GET", "/vulnerable?channel=one:prod&in_use=1", NULL);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "items"), 0), "count")), 1);
        json_decref(json);
        print_message("# those in use come in pages, whatever is between them\n");
        assert_ok(channel_assign(f->reg, "prod", old, "ada", NULL, &err), err);
        json = ask(f->reg, "GET", "/vulnerable?in_use=1&limit=1", NULL);
        autofree char *first = texts_of(json_object_get(json, "items"), "name"), *next = bk_format("/vulnerable?in_use=1&limit=1&cursor=%s",
                json_string_value(json_object_get(json, "next")));
        assert_string_equal(first, "old");
        json_decref(json);
        json = ask(f->reg, "GET", next, NULL);
        autofree char *second = texts_of(json_object_get(json, "items"), "name");
        assert_string_equal(second, "one");
        assert_true(json_is_null(json_object_get(json, "next")));
        json_decref(json);
        json = ask(f->reg, "GET", "/advisories", NULL);
        assert_int_equal(json_integer_value(json_object_get(json_array_get(json_object_get(json, "items"), 0), "advisories")), 1);
        json_decref(json);
}

static void what_osv_answers_is_taken_as_it_is(void **state)
{
        const struct fixture *f = *state;
        static const struct { const char *body; int count, refused; } bodies[] = {
                { "{\"id\":\"A\"}", 1, 0 }, { "[{\"id\":\"B\"},{\"id\":\"C\"}]", 2, 0 }, { "{\"vulns\":[{\"id\":\"D\"}]}", 1, 0 },
                { "{\"vulns\":[]}", 0, 0 }, { "{\"vulns\":[{\"no\":\"id\"}]}", 0, 1 },
        };

        for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
                json_t *json = ask(f->reg, "POST", "/advisories", bodies[i].body);

                print_message("# %s\n", bodies[i].body);
                assert_int_equal(json_integer_value(json_object_get(json, "new")), bodies[i].count);
                assert_int_equal(json_integer_value(json_object_get(json, "refused")), bodies[i].refused);
                json_decref(json);
        }
}

/* As GitHub has it, where a vector of CVSS 4 is all there is. */
static void a_word_counts_where_no_vector_is_understood(void **state)
{
        const struct fixture *f = *state;
        autofree char *one = bake_bookworm(f->reg, "one"), *text = NULL;

        import_osv(f->reg, OSV("GHSA-4", ",\"severity\":[{\"type\":\"CVSS_V4\",\"score\":"
                                         "\"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N\"}],"
                                         "\"database_specific\":{\"severity\":\"HIGH\"}",
                               "PyPI", "flask-login", FROM_0_TO("2")));
        text = findings(f->reg, one, "severity=high");
        assert_string_equal(text, "GHSA-4");
}

static void imports_that_make_no_sense_are_refused(void **state)
{
        const struct fixture *f = *state;
        static const char *const bad[] = {
                "", "[]", "{", "{\"format\":\"osv\",\"items\":[]}", "{\"format\":\"osv\",\"items\":{},\"import\":\"a\"}",
                "{\"format\":\"debian\",\"items\":[],\"import\":\"a\"}", "{\"format\":\"xml\",\"items\":[],\"import\":\"a\"}",
                "{\"format\":\"osv\",\"items\":[],\"import\":\"a b\"}",
        };
        json_t *json;

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                print_message("# %s\n", bad[i]);
                refused(f->reg, "POST", "/advisories", bad[i], 400);
        }
        json = import(f->reg, "osv", "[{\"no\":\"id\"}, {\"id\":\"a b\"}, {\"id\":\"A\"}]", "some", true);
        assert_int_equal(json_integer_value(json_object_get(json, "refused")), 2);
        assert_int_equal(json_integer_value(json_object_get(json, "new")), 1);
        assert_true(json_string_length(json_object_get(json, "refusal")) > 0);
        json_decref(json);
}

/* --- beside an oracle ------------------------------------------------------------------------------
 * Versions are whole numbers here, so that the oracle needs no order but that of numbers. */
enum { IMAGES = 60, ADVISORIES = 40, NAMES = 6, RELEASES = 3, STEPS = 400 };
static const char *const codes[RELEASES] = { "bullseye", "bookworm", "trixie" };
static struct { bool there; int release, version[NAMES]; char *id; } images[IMAGES];
static struct { bool there, withdrawn; int release, name, from, to; } known[ADVISORIES];
static uint32_t seed;

static int dice(int n)
{
        seed = seed * 1664525 + 1013904223;
        return (int)((seed >> 8) % (uint32_t)n);
}

static void publish_any(struct reg *reg, int i)
{
        autofree char *seed_text = bk_format("image-%d", i);
        struct reg_package packages[NAMES];
        char texts[NAMES][2][16];
        size_t n = 0;

        images[i].there = true;
        images[i].release = dice(RELEASES);
        for (int k = 0; k < NAMES; k++) {
                images[i].version[k] = dice(4) == 0 ? 0 : 1 + dice(9);
                if (images[i].version[k] == 0)
                        continue;
                (void)snprintf(texts[k][0], sizeof texts[k][0], "p%d", k);
                (void)snprintf(texts[k][1], sizeof texts[k][1], "%d", images[i].version[k]);
                packages[n++] = (struct reg_package)PACKAGE("deb", texts[k][0], texts[k][1], NULL, NULL);
        }
        images[i].id = baked(reg, (struct recipe){ .seed = seed_text, .packages = packages, .n_packages = n,
                                                   .attributes = { PAIR("release", codes[images[i].release]) } });
}

static void import_any(struct reg *reg, int i)
{
        known[i].there = true;
        known[i].withdrawn = dice(4) == 0;
        known[i].release = dice(RELEASES);
        known[i].name = dice(NAMES);
        known[i].from = dice(6);
        known[i].to = known[i].from + 1 + dice(5);
        autofree char *text = bk_format("{\"id\":\"ADV-%02d\"%s,\"affected\":[{\"package\":{\"ecosystem\":\"Debian:%d\",\"name\":\"p%d\"},"
                                        "\"ranges\":[{\"type\":"
                                        "\"ECOSYSTEM\",\"events\":[{\"introduced\":\"%d\"},{\"fixed\":\"%d\"}]}]}]}", i,
                                        known[i].withdrawn ? ",\"withdrawn\":\"2024-01-01T00:00:00Z\"" : "", 11 + known[i].release, known[i].name,
                                        known[i].from, known[i].to);

        import_osv(reg, text);
}

static char *oracle(int image)
{
        char *text = bk_strdup("");

        for (int i = 0; i < ADVISORIES; i++) {
                const int version = images[image].version[known[i].name];
                autofree char *before = NULL;

                if (!known[i].there || known[i].withdrawn || known[i].release != images[image].release || version == 0 || version < known[i].from ||
                    version >= known[i].to)
                        continue;
                before = text;
                text = bk_format("%s%sADV-%02d", before, *before != '\0' ? " " : "", i);
        }
        return text;
}

static void compare_all(struct reg *reg, int published, size_t *hits)
{
        json_t *all = ask(reg, "GET", "/vulnerable?limit=1000", NULL);
        size_t k;
        const json_t *row;

        for (int i = 0; i < published; i++) {
                autofree char *wanted = oracle(i), *got = findings(reg, images[i].id, "");
                json_int_t words = *wanted != '\0';

                *hits += *wanted != '\0';
                assert_string_equal(got, wanted);
                for (const char *p = wanted; *p != '\0'; p++)
                        words += *p == ' ';
                json_array_foreach(json_object_get(all, "items"), k, row)
                        if (bk_streq(json_string_value(json_object_get(row, "id")), images[i].id))
                                assert_int_equal(json_integer_value(json_object_get(row, "count")), words);
        }
        json_decref(all);
}

static void the_oracle_says_the_same(void **state)
{
        const struct fixture *f = *state;
        size_t hits = 0;
        int published = 0;

        memset(known, 0, sizeof known);
        seed = 5;
        memset(images, 0, sizeof images);       /* of the run on the other database */
        memset(known, 0, sizeof known);
        for (int step = 0; step < STEPS; step++) {
                if (published < IMAGES && dice(3) == 0)
                        publish_any(f->reg, published++);
                else
                        import_any(f->reg, dice(ADVISORIES));
                if (step % 20 == 19)
                        compare_all(f->reg, published, &hits);
        }
        assert_true(hits > 100);
        for (int i = 0; i < published; i++)
                free(images[i].id);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(vectors_have_their_scores),
                cmocka_unit_test(systems_have_one_name),
                cmocka_unit_test(ranges_hold_the_versions_between_their_events),
                cmocka_unit_test(files_are_cut_at_their_objects),
                registry_test(advisories_meet_packages_of_their_release),
                registry_test(new_images_are_matched_when_they_come),
                registry_test(a_finding_says_what_and_how_to_fix_it),
                registry_test(filters_choose_by_severity_and_fix),
                registry_test(the_tracker_is_understood),
                registry_test(what_the_tracker_no_longer_has_is_over),
                registry_test(severity_is_lent_by_namesakes),
                registry_test(a_cve_counts_once_whoever_names_it),
                registry_test(images_are_told_of_once_an_import),
                registry_test(an_advisory_names_its_images),
                registry_test(what_osv_answers_is_taken_as_it_is),
                registry_test(a_word_counts_where_no_vector_is_understood),
                registry_test(imports_that_make_no_sense_are_refused),
                registry_test(the_oracle_says_the_same),
        };

        return cmocka_run_group_tests_name("advisory", tests, NULL, NULL);
}
