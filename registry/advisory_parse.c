/* An advisory in OSV's form (https://ossf.github.io/osv-schema/). What is there and makes no sense is left out; an advisory
 * without a name is refused. */
#include "registry/advisory.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "registry/packages_priv.h"

enum { SUMMARY_MOST = 500, VERSION_MOST = 300, RANGES_MOST = 1 << 20, AFFECTED_MOST = 20000, ALIASES_MOST = 200 };

void reg_advisory_done(struct reg_advisory *advisory)
{
        for (size_t i = 0; i < advisory->n_affected; i++) {
                free(advisory->affected[i].os);
                free(advisory->affected[i].name);
                free(advisory->affected[i].ranges);
        }
        free(advisory->affected);
        free(advisory->name);
        free(advisory->part);
        free(advisory->summary);
        free(advisory->vector);
        free(advisory->digest);
        bk_strv_done(&advisory->aliases);
        *advisory = (struct reg_advisory){ 0 };
}

struct reg_affected *reg_advisory_add(struct reg_advisory *advisory)
{
        if ((advisory->n_affected & (advisory->n_affected - 1)) == 0)
                advisory->affected = bk_grow(advisory->affected, advisory->n_affected ? advisory->n_affected * 2 : 1, sizeof *advisory->affected);
        advisory->affected[advisory->n_affected] = (struct reg_affected){ 0 };
        return &advisory->affected[advisory->n_affected++];
}

bool reg_advisory_name_valid(const char *name)
{
        static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:+";

        return name != NULL && *name != '\0' && strlen(name) <= 100 && name[strspn(name, good)] == '\0';
}

static int64_t moment_of(const char *text)
{
        struct tm tm = { 0 };

        if (text == NULL || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6 ||
            tm.tm_year < 1970 || tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31)
                return 0;
        tm.tm_year -= 1900;
        tm.tm_mon--;
        return timegm(&tm);
}

static const char *text_of(const json_t *json, const char *key)
{
        return json_string_value(json_object_get(json, key));
}

/* One line, cut at a character. */
static char *summary_of(const json_t *json)
{
        const char *text = text_of(json, "summary");
        char *ret;
        size_t length;

        if (text == NULL || *text == '\0')
                text = text_of(json, "details") ? text_of(json, "details") : "";
        length = strnlen(text, SUMMARY_MOST + 1);
        if (length > SUMMARY_MOST) {
                length = SUMMARY_MOST;
                while (length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80)
                        length--;
        }
        ret = bk_strndup(text, length);
        for (char *p = ret; *p != '\0'; p++)
                if ((unsigned char)*p < 0x20 || *p == 0x7f)
                        *p = ' ';
        return ret;
}

/* --- severity ------------------------------------------------------------------- */
/* The worst that the list says; *vector receives the one with a score, when it is still empty. */
static enum reg_severity severity_of(const json_t *list, int *score, char **vector)
{
        enum reg_severity worst = REG_UNRATED;
        size_t i;
        const json_t *row;

        json_array_foreach(list, i, row) {
                const char *text = text_of(row, "score");
                const int points = text != NULL ? reg_cvss_score(text) : -1;
                enum reg_severity severity = points >= 0 ? reg_cvss_severity(points) : reg_severity_of(text);

                if (points >= 0 && points > *score) {
                        *score = points;
                        free(*vector);
                        *vector = bk_strdup(text);
                }
                if (severity > worst)
                        worst = severity;
        }
        return worst;
}

static enum reg_severity word_of(const json_t *json)
{
        const enum reg_severity severity = reg_severity_of(text_of(json, "severity"));

        return severity != REG_UNRATED ? severity : reg_severity_of(text_of(json, "urgency"));
}

/* --- versions --------------------------------------------------------------------- */
static bool is_version(const char *text)
{
        return text != NULL && *text != '\0' && strlen(text) <= VERSION_MOST && reg_text_valid(text);
}

static void add_events(struct bk_buf *out, const json_t *events)
{
        static const struct { const char *key; char letter; } kinds[] = { { "introduced", 'i' }, { "fixed", 'f' }, { "last_affected", 'l' } };
        size_t i;
        const json_t *event;

        bk_buf_puts(out, "r\n");
        json_array_foreach(events, i, event)
                for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
                        const char *version = text_of(event, kinds[k].key);

                        if (is_version(version) && out->len < RANGES_MOST)
                                bk_buf_printf(out, "%c %s\n", kinds[k].letter, version);
                }
}

/* Databases list every version beside the ranges; only what those do not say is kept. */
static void add_versions(struct bk_buf *out, enum bk_ecosystem ecosystem, const json_t *versions)
{
        BK_CLEANUP(reg_ranges_done) struct reg_ranges ranges = { 0 };
        const char *fixed;
        size_t i;
        const json_t *row;

        reg_ranges_parse(ecosystem, out->data ? out->data : "", &ranges);
        json_array_foreach(versions, i, row) {
                const char *version = json_string_value(row);

                if (is_version(version) && out->len < RANGES_MOST && !reg_ranges_have(&ranges, version, &fixed))
                        bk_buf_printf(out, "v %s\n", version);
        }
}

static char *ranges_of(enum bk_ecosystem ecosystem, const json_t *affected)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };
        size_t i;
        const json_t *range;

        json_array_foreach(json_object_get(affected, "ranges"), i, range)
                if (!bk_streq(text_of(range, "type"), "GIT"))
                        add_events(&out, json_object_get(range, "events"));
        add_versions(&out, ecosystem, json_object_get(affected, "versions"));
        return bk_buf_finish(&out);
}

static void add_affected(struct reg_advisory *advisory, const json_t *json)
{
        const json_t *package = json_object_get(json, "package");
        const char *database = text_of(package, "ecosystem"), *name = text_of(package, "name");
        enum bk_ecosystem ecosystem = BK_DEB;
        struct reg_affected *affected;
        char *os = NULL;

        if (database == NULL || !is_version(name) || advisory->n_affected == AFFECTED_MOST ||
            !reg_os_of_database(database, &ecosystem, &os)) {
                advisory->n_other++;
                return;
        }
        affected = reg_advisory_add(advisory);
        affected->ecosystem = ecosystem;
        affected->os = os;
        affected->name = ecosystem == BK_PYPI ? reg_python_name(name) : bk_strdup(name);
        affected->ranges = ranges_of(ecosystem, json);
        affected->severity = severity_of(json_object_get(json, "severity"), &advisory->score, &advisory->vector);
        if (affected->severity == REG_UNRATED)
                affected->severity = word_of(json_object_get(json, "ecosystem_specific"));
        if (affected->severity == REG_UNRATED)
                affected->severity = word_of(json_object_get(json, "database_specific"));
}

static void add_aliases(struct reg_advisory *advisory, const json_t *list)
{
        size_t i;
        const json_t *row;

        json_array_foreach(list, i, row)
                if (reg_advisory_name_valid(json_string_value(row)) && advisory->aliases.n < ALIASES_MOST &&
                    !bk_strv_has(&advisory->aliases, json_string_value(row)))
                        bk_strv_add(&advisory->aliases, json_string_value(row));
}

static char *digest_of(const json_t *json)
{
        autofree char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);

        return bk_digest_bytes(text ? text : "", text ? strlen(text) : 0);
}

json_t *reg_osv_list(json_t *json)
{
        json_t *vulns = json_object_get(json, "vulns");

        if (json_is_array(json))
                return json_incref(json);
        if (json_is_object(json) && json_object_size(json) == 0)
                return json_array();            /* the API knows of none */
        return json_object_get(json, "id") == NULL && json_is_array(vulns) ? json_incref(vulns) : json_pack("[O]", json);
}

int reg_osv_parse(const json_t *json, struct reg_advisory *ret, struct bk_error *err)
{
        const char *name = text_of(json, "id");
        struct reg_advisory advisory = { .feed = "osv", .score = -1 };
        size_t i;
        const json_t *row;

        if (!json_is_object(json) || !reg_advisory_name_valid(name))
                return bk_fail(err, BK_INVALID, "this is no advisory in OSV's form: it has no 'id' of letters, digits and '-_.:+'");
        advisory.name = bk_strdup(name);
        advisory.part = bk_strdup("");
        advisory.summary = summary_of(json);
        advisory.digest = digest_of(json);
        advisory.published = moment_of(text_of(json, "published"));
        advisory.modified = moment_of(text_of(json, "modified"));
        advisory.withdrawn = moment_of(text_of(json, "withdrawn"));
        advisory.severity = severity_of(json_object_get(json, "severity"), &advisory.score, &advisory.vector);
        if (advisory.severity == REG_UNRATED)
                advisory.severity = word_of(json_object_get(json, "database_specific"));
        add_aliases(&advisory, json_object_get(json, "aliases"));
        add_aliases(&advisory, json_object_get(json, "upstream"));
        json_array_foreach(json_object_get(json, "affected"), i, row)
                add_affected(&advisory, row);
        for (i = 0; i < advisory.n_affected; i++) {
                if (advisory.affected[i].severity == REG_UNRATED)
                        advisory.affected[i].severity = advisory.severity;
                else if (advisory.affected[i].severity > advisory.severity)
                        advisory.severity = advisory.affected[i].severity;
        }
        *ret = advisory;
        return 0;
}

/* --- the Debian security tracker ------------------------------------------------------
 * https://security-tracker.debian.org/tracker/data/json: packages, of which each has issues, of which each has releases. */

static void add_release(struct reg_advisory *advisory, const char *package, const char *code, const json_t *json)
{
        const char *status = text_of(json, "status"), *fixed = text_of(json, "fixed_version");
        const char *os = reg_os_of_codename(code);
        struct reg_affected *affected;

        if (os == NULL || (!bk_streq(status, "open") && !bk_streq(status, "resolved")))
                return;                         /* undetermined: nobody knows yet */
        if (bk_streq(status, "resolved") && (!is_version(fixed) || bk_streq(fixed, "0")))
                return;                         /* it never was affected */
        affected = reg_advisory_add(advisory);
        affected->ecosystem = BK_DEB;
        affected->os = bk_strdup(os);
        affected->name = bk_strdup(package);
        affected->ranges = bk_streq(status, "resolved") ? bk_format("r\ni 0\nf %s\n", fixed) : bk_strdup("r\ni 0\n");
        affected->severity = reg_severity_of(text_of(json, "urgency"));
        if (affected->severity > advisory->severity)
                advisory->severity = affected->severity;
}

int reg_debian_parse(const char *package, const char *name, const json_t *json, struct reg_advisory *ret, struct bk_error *err)
{
        struct reg_advisory advisory = { .feed = "debian", .score = -1 };
        const json_t *releases = json_object_get(json, "releases");
        const char *code;
        json_t *release;

        if (!json_is_object(json) || !reg_advisory_name_valid(name) || !is_version(package))
                return bk_fail(err, BK_INVALID, "this is no issue of Debian's security tracker: '%.100s' of '%.100s'", name, package);
        advisory.name = bk_strdup(name);
        advisory.part = bk_strdup(package);
        autofree char *digest = digest_of(json);
        json_t *summary = json_object();

        (void)json_object_set(summary, "summary", json_object_get(json, "description"));
        advisory.summary = summary_of(summary);
        json_decref(summary);
        advisory.digest = bk_take(digest);
        json_object_foreach((json_t *)(uintptr_t)releases, code, release)
                add_release(&advisory, package, code, release);
        *ret = advisory;
        return 0;
}
