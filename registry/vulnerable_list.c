/* What is vulnerable: in one image, and in which images.
 *
 * Debian's tracker seldom says how bad an issue is, others do: where a finding has no severity, that of its namesakes counts. */
#include "registry/packages_priv.h"

#include <string.h>

#include "lib/fs.h"

enum { LIMIT_MOST = 10000, PAGE = 500 };

int reg_finding_filter_of(const struct reg_call *call, struct reg_finding_filter *ret, struct bk_error *err)
{
        autofree char *severity = NULL;

        if (reg_call_text(call, "severity", &severity, err) < 0 || reg_call_switch(call, "fixable", &ret->fixable, err) < 0)
                return -1;
        ret->least = reg_severity_of(severity);
        if (severity != NULL && ret->least == REG_UNRATED && !bk_streq(severity, "unknown"))
                return bk_fail(err, BK_INVALID, "there is no severity '%.50s'; write negligible, low, medium, high or critical", severity);
        return 0;
}

/* --- findings ------------------------------------------------------------------- */
static const char findings_sql[] =
        "SELECT a.name, a.feed, a.summary, p.ecosystem, p.source, p.source_version, v.fixed, a.counts_as, f.severity, a.score, p.name, p.version "
        "FROM image i CROSS JOIN package_set s CROSS JOIN package_member m CROSS JOIN vulnerable v CROSS JOIN affected f "
        "CROSS JOIN advisory a CROSS JOIN package p WHERE s.id = i.package_set AND m.package_set = s.id AND v.package = m.package AND v.os = s.os "
        "AND f.id = v.affected AND a.id = f.advisory AND p.id = v.package AND i.sequence = ? "
        "ORDER BY a.counts_as, p.ecosystem, p.source, p.source_version, CASE WHEN a.name = a.counts_as THEN 0 ELSE 1 END, a.name, a.feed, p.name, "
        "p.version";
enum { NAME, FEED, SUMMARY, ECOSYSTEM, SOURCE, SOURCE_VERSION, FIXED, COUNTED, SEVERITY, SCORE, PACKAGE, VERSION };

struct listing {
        struct reg *reg;
        struct reg_stmt *rows, *namesakes;
        const struct reg_finding_filter *filter;
        void (*take)(void *arg, const struct reg_finding *finding);
        void *arg;
        char *key[SEVERITY];            /* the texts of the finding that is being collected */
        struct reg_finding finding;
};

static void listing_done(struct listing *l)
{
        reg_stmt_done(&l->rows);
        reg_stmt_done(&l->namesakes);
        json_decref(l->finding.packages);
        for (int i = 0; i < SEVERITY; i++)
                free(l->key[i]);
}

static int ask_namesakes(struct listing *l, struct bk_error *err)
{
        struct reg_finding *f = &l->finding;
        int status;

        if (reg_sql_bind(l->reg, l->namesakes, err, "tt", l->key[COUNTED], l->key[COUNTED]) < 0 ||
            (status = reg_sql_step(l->reg, l->namesakes, err)) < 0)
                return -1;
        if (status > 0 && !reg_column_null(l->namesakes, 0)) {
                f->severity = (enum reg_severity)reg_column_int(l->namesakes, 0);
                if (f->score < 0)
                        f->score = (int)reg_column_int(l->namesakes, 1);
        }
        reg_sql_reset(l->namesakes);
        return 0;
}

/* Hands over what was collected, if it is wanted. */
static int finish(struct listing *l, struct bk_error *err)
{
        struct reg_finding *f = &l->finding;

        if (f->packages == NULL)
                return 0;
        if (f->severity == REG_UNRATED && ask_namesakes(l, err) < 0)
                return -1;
        if (f->severity >= l->filter->least && (f->fixed != NULL || !l->filter->fixable))
                l->take(l->arg, f);
        json_decref(f->packages);
        f->packages = NULL;
        return 0;
}

static bool is_same(const struct listing *l)
{
        static const int keys[] = { COUNTED, ECOSYSTEM, SOURCE, SOURCE_VERSION };

        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                if (!bk_streq(l->key[keys[i]], reg_column_peek(l->rows, keys[i])))
                        return false;
        return l->finding.packages != NULL;
}

static void start(struct listing *l)
{
        for (int i = 0; i < SEVERITY; i++) {
                free(l->key[i]);
                l->key[i] = reg_column(l->rows, i);
        }
        l->finding = (struct reg_finding){
                .advisory = l->key[NAME], .feed = l->key[FEED], .summary = l->key[SUMMARY], .ecosystem = l->key[ECOSYSTEM],
                .source = l->key[SOURCE], .source_version = l->key[SOURCE_VERSION], .fixed = l->key[FIXED],
                .severity = (enum reg_severity)reg_column_int(l->rows, SEVERITY), .score = (int)reg_column_int(l->rows, SCORE),
                .packages = json_array(),
        };
}

/* The same advisory of another feed, or under another name, or for another package of the source. */
static void add(struct listing *l)
{
        autofree char *package = bk_format("%s %s", reg_column_peek(l->rows, PACKAGE), reg_column_peek(l->rows, VERSION));
        const enum reg_severity severity = (enum reg_severity)reg_column_int(l->rows, SEVERITY);
        const int score = (int)reg_column_int(l->rows, SCORE);
        size_t i;
        const json_t *row;

        if (severity > l->finding.severity)
                l->finding.severity = severity;
        if (score > l->finding.score)
                l->finding.score = score;
        if (l->finding.fixed == NULL && !reg_column_null(l->rows, FIXED))
                l->finding.fixed = l->key[FIXED] = reg_column(l->rows, FIXED);
        json_array_foreach(l->finding.packages, i, row)
                if (bk_streq(json_string_value(row), package))
                        return;
        (void)json_array_append_new(l->finding.packages, reg_json_text(package));
}

int reg_findings(struct reg *reg, int64_t image, const struct reg_finding_filter *filter, void (*take)(void *arg, const struct reg_finding *finding),
                 void *arg, struct bk_error *err)
{
        BK_CLEANUP(listing_done) struct listing l = { .reg = reg, .filter = filter, .take = take, .arg = arg };
        int status;

        if (reg_sql_prepare(reg, findings_sql, &l.rows, err) < 0 ||
            reg_sql_prepare(reg, REG_NAMESAKES_SQL, &l.namesakes, err) < 0 ||
            reg_sql_bind(reg, l.rows, err, "i", image) < 0)
                return -1;
        while ((status = reg_sql_step(reg, l.rows, err)) > 0) {
                if (!is_same(&l)) {
                        if (finish(&l, err) < 0)
                                return -1;
                        start(&l);
                }
                add(&l);
        }
        return status < 0 ? -1 : finish(&l, err);
}

/* --- of one image ------------------------------------------------------------------- */
static json_t *score_json(int score)
{
        return score < 0 ? json_null() : json_real(score / 10.0);
}

static void set(json_t *object, const char *key, json_t *value)
{
        (void)json_object_set_new(object, key, value);
}

static void take_json(void *arg, const struct reg_finding *f)
{
        json_t *json = json_object();

        set(json, "advisory", reg_json_text(f->advisory));
        set(json, "feed", reg_json_text(f->feed));
        set(json, "severity", json_string(reg_severity_name(f->severity)));
        set(json, "score", score_json(f->score));
        set(json, "summary", reg_json_text(f->summary));
        set(json, "ecosystem", reg_json_text(f->ecosystem));
        set(json, "source", reg_json_text(f->source));
        set(json, "source_version", reg_json_text(f->source_version));
        set(json, "fixed", reg_json_text(f->fixed));
        set(json, "packages", json_incref(f->packages));
        (void)json_array_append_new(arg, json);
}

static json_t *image_json(const struct reg_image *image, const char *os)
{
        autofree char *created = bk_iso_time(image->created_at);

        return json_pack("{s:I, s:o, s:o, s:s, s:s, s:o}", "sequence", (json_int_t)image->sequence, "id", reg_json_text(image->id), "name",
                         reg_json_text(image->name), "state", reg_state_name(image->state), "created_at", created, "os",
                         reg_json_text(os != NULL && *os != '\0' ? os : NULL));
}

static int os_of(struct reg *reg, int64_t image, char **ret, struct bk_error *err)
{
        return reg_sql_text(reg, ret, err, "SELECT s.os FROM image i JOIN package_set s ON s.id = i.package_set WHERE i.sequence = ?", "i", image);
}

int reg_vulnerable_image_call(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        struct reg_finding_filter filter = { 0 };
        autofree char *os = NULL;
        autotxn txn = { 0 };
        json_t *items;

        if (reg_finding_filter_of(call, &filter, err) < 0 || reg_txn_read(call->reg, &txn, err) < 0 ||
            reg_resolve(call->reg, call->part[0], &image, err) < 0 || os_of(call->reg, image.sequence, &os, err) < 0)
                return -1;
        items = json_array();
        if (reg_findings(call->reg, image.sequence, &filter, take_json, items, err) < 0) {
                json_decref(items);
                return -1;
        }
        call->json = reg_call_list(call, items, NULL);
        (void)json_object_set_new(call->json, "image", image_json(&image, os));
        return 0;
}

/* --- of all images -------------------------------------------------------------------- */
static json_t *counts_json(const struct reg_counts *counts)
{
        json_t *json = json_object();

        for (int i = REG_CRITICAL; i >= REG_UNRATED; i--)
                (void)json_object_set_new(json, reg_severity_name((enum reg_severity)i), json_integer((json_int_t)counts->severity[i]));
        return json;
}

/* channel is what stands behind the colon, name what stands before it; NULL: any. */
struct asked { struct reg_finding_filter filter; char *channel, *name; bool in_use; int64_t limit, before; struct reg_ids used; };

static void asked_done(struct asked *asked)
{
        free(asked->channel);
        free(asked->name);
        reg_ids_done(&asked->used);
}

/* Some images, newest first: of all but the trashed, or of those that head a channel of that name. */
static int images_of(struct reg *reg, const struct asked *asked, int64_t before, int64_t most, struct reg_images *ret, struct bk_error *err)
{
        static const char any[] = "AND i.sequence IN (SELECT head FROM channel WHERE channel = ?)";
        static const char one[] = "AND i.sequence IN (SELECT head FROM channel WHERE channel = ? AND name = ?)";
        autofree char *sql = bk_format("SELECT " REG_IMAGE_COLUMNS "FROM image i WHERE i.sequence < ? AND i.state <> ? "
                                       "AND i.package_set IS NOT NULL %s ORDER BY i.sequence DESC LIMIT ?",
                                       asked->name != NULL ? one : asked->channel != NULL ? any : "");
        struct reg_value bound[5] = { { .number = before }, { .number = REG_TRASHED } };
        autostmt *stmt = NULL;
        size_t n = 2;

        if (asked->channel != NULL)
                bound[n++].text = asked->channel;
        if (asked->name != NULL)
                bound[n++].text = asked->name;
        bound[n++] = (struct reg_value){ .number = most };
        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind_values(reg, stmt, bound, n, err) < 0)
                return -1;
        return reg_image_rows(reg, stmt, ret, err);
}

static int add_image(struct reg *reg, struct reg_counting *counting, const struct reg_image *image, bool used, json_t *items, struct bk_error *err)
{
        struct reg_counts counts;
        autofree char *os = NULL;
        json_t *json;

        if (reg_counting_image(counting, image->sequence, &counts, err) < 0 || os_of(reg, image->sequence, &os, err) < 0)
                return -1;
        json = image_json(image, os);
        (void)json_object_set_new(json, "in_use", json_boolean(used));
        (void)json_object_set_new(json, "count", json_integer((json_int_t)counts.all));
        (void)json_object_set_new(json, "fixable", json_integer((json_int_t)counts.fixable));
        (void)json_object_set_new(json, "severities", counts_json(&counts));
        (void)json_array_append_new(items, json);
        return 0;
}

/* One more than is asked for tells that there are more. Images that are not in use are passed over here, some at a time: however many of them
 * there are, they are never all held. */
static int list_images(struct reg *reg, const struct asked *asked, json_t *items, int64_t *ret_next, struct bk_error *err)
{
        BK_CLEANUP(reg_counting_done) struct reg_counting *counting = NULL;
        const int64_t most = asked->in_use ? PAGE : asked->limit + 1;
        int64_t before = asked->before, last = 0;
        bool more = true;

        if (reg_counting_begin(reg, &asked->filter, &counting, err) < 0)
                return -1;
        while (more) {
                BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };

                if (images_of(reg, asked, before, most, &images, err) < 0)
                        return -1;
                more = (int64_t)images.n == most;
                for (size_t i = 0; i < images.n; i++) {
                        const bool used = reg_ids_has(&asked->used, before = images.v[i].sequence);

                        if (asked->in_use && !used)
                                continue;
                        if ((int64_t)json_array_size(items) == asked->limit) {
                                *ret_next = last;
                                return 0;
                        }
                        if (add_image(reg, counting, &images.v[i], used, items, err) < 0)
                                return -1;
                        last = before;
                }
        }
        return 0;
}

static void split_channel(struct asked *asked)
{
        char *colon = asked->channel != NULL ? strrchr(asked->channel, ':') : NULL;

        if (colon == NULL)
                return;
        asked->name = bk_strndup(asked->channel, (size_t)(colon - asked->channel));
        memmove(asked->channel, colon + 1, strlen(colon));
}

int reg_vulnerable_call(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(asked_done) struct asked asked = { .limit = 100, .before = INT64_MAX };
        int64_t next = 0;
        autotxn txn = { 0 };
        json_t *items;

        if (reg_finding_filter_of(call, &asked.filter, err) < 0 || reg_call_text(call, "channel", &asked.channel, err) < 0 ||
            reg_call_switch(call, "in_use", &asked.in_use, err) < 0 || reg_call_number(call, "limit", 1, LIMIT_MOST, &asked.limit, err) < 0 ||
            reg_call_number(call, "cursor", 1, INT64_MAX, &asked.before, err) < 0 || reg_txn_read(call->reg, &txn, err) < 0 ||
            reg_in_use(call->reg, &asked.used, err) < 0)
                return -1;
        split_channel(&asked);
        items = json_array();
        if (list_images(call->reg, &asked, items, &next, err) < 0) {
                json_decref(items);
                return -1;
        }
        call->json = reg_call_list(call, items, reg_call_next(next));
        return 0;
}
