/* Routes of one image: its record, now and then, its lineage, and how it differs from another. */
#include "registry/api_images.h"

#include <string.h>
#include <time.h>

#include "lib/fs.h"
#include "registry/view.h"

enum { PAGE = 1000, PAGE_MOST = 10000 };

/* --- parameters --------------------------------------------------------------------- */
static int number_value(const struct reg_call *call, const char *name, int64_t least, int64_t most, int64_t *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        const int status = reg_call_value(call, name, &text, err);
        const size_t digits = text == NULL ? 0 : strspn(text, "0123456789");

        if (status <= 0)
                return status;
        if (digits == 0 || digits > 18 || text[digits] != '\0' || strtoll(text, NULL, 10) < least)
                return bk_fail(err, BK_INVALID, "%s is a number from %lld on, not '%.100s'", name, (long long)least, text);
        *ret = strtoll(text, NULL, 10);
        if (*ret > most)
                *ret = most;
        return 1;
}

/* --- which image ----------------------------------------------------------------------- */
/* What is last known of an image that was deleted, or of the newest of a query that is withdrawn. */
static int last_known(struct reg_call *call, const char *reference, json_t **ret, struct bk_error *err)
{
        autofree char *prefix = reg_digest_prefix(reference);
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };
        int status = prefix == NULL ? 0 : reg_gone_find(call->reg, prefix, ret, err);

        if (status != 0)
                return status < 0 ? -1 : 0;
        if (reg_filter_parse(reference, &filter, err) < 0)
                return -1;
        return reg_withdrawn(call->reg, &filter, ret, err);
}

/* 0: found; 1: it is gone, and that is answered; -1. */
static int resolve(struct reg_call *call, const char *reference, struct reg_image *ret, struct bk_error *err)
{
        struct bk_error why = { 0 };
        json_t *last = NULL;

        if (reg_resolve(call->reg, reference, ret, &why) == 0)
                return 0;
        *err = why;
        if (why.kind != BK_GONE || last_known(call, reference, &last, err) < 0)
                return -1;
        reg_answer_gone(call, &why, last == NULL ? json_null() : last);
        return 1;
}

static int time_value(const struct reg_call *call, const char *name, int64_t *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        int64_t high = 0;
        const int status = reg_call_value(call, name, &text, err);

        return status <= 0 ? status : reg_time_parse(text, ret, &high, err) < 0 ? -1 : 1;
}

/* The newest of a query at that time; a digest is itself at any. */
static int resolve_at(struct reg_call *call, const char *reference, int64_t at, struct reg_image *ret, struct bk_error *err)
{
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        struct bk_error why = { 0 };
        autofree char *prefix = reg_digest_prefix(reference);
        const bool channel = strchr(reference, ':') != NULL && strncmp(reference, "sha256:", 7) != 0 && strpbrk(reference, "?;") == NULL;
        autofree char *query = !channel ? bk_strdup(reference) :
                bk_format("%.*s?channel=%s&_all", (int)strcspn(reference, ":"), reference, strchr(reference, ':') + 1);

        if (!channel && reg_resolve(call->reg, reference, ret, &why) == 0 && prefix != NULL &&
            strncmp(ret->id, prefix, strlen(prefix)) == 0)
                return reg_image_rewind(call->reg, ret, at, err);
        reg_image_done(ret);
        if (prefix != NULL && why.kind == BK_GONE) {
                *err = why;
                return -1;
        }
        if (reg_filter_parse(query, &filter, err) < 0)
                return -1;
        filter.at = (struct reg_span){ true, at, at };
        filter.limit = 1;
        filter.first = true;
        if (reg_filter_demand(call->reg, &filter, &images, NULL, err) < 0)
                return -1;
        *ret = images.v[0];
        images.v[0] = (struct reg_image){ 0 };
        return 0;
}

/* --- the record ------------------------------------------------------------------------- */
static void only_until(json_t *record, const char *list, const char *until)
{
        json_t *rows = json_object_get(record, list);

        for (size_t i = json_array_size(rows); i-- > 0;) {
                const char *at = json_string_value(json_object_get(json_array_get(rows, i), "at"));

                if (at != NULL && strcmp(at, until) > 0)
                        (void)json_array_remove(rows, i);
        }
}

static int channels_at(struct reg *reg, const char *id, int64_t at, json_t *ret, struct bk_error *err)
{
        autostmt *stmt = NULL;
        int status;

        if (reg_headed_at(reg, id, at, &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                autofree char *name = bk_format("%s:%s", reg_column_peek(stmt, 1), reg_column_peek(stmt, 0));
                autofree char *when = bk_iso_time(reg_column_int(stmt, 2));

                (void)json_array_append_new(ret, json_pack("{s:o,s:s,s:o,s:o,s:o}", "channel", reg_json_text(name), "at", when,
                                                           "who", reg_json_text(reg_column_peek(stmt, 3)),
                                                           "why", reg_json_text(reg_column_peek(stmt, 4)),
                                                           "previous", reg_json_text(reg_column_peek(stmt, 5))));
        }
        return status;
}

static int show_at(struct reg_call *call, int64_t at, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *when = bk_iso_time(at);
        json_t *channels = json_array(), *then;

        if (resolve_at(call, call->part[0], at, &image, err) < 0 || reg_image_json(call->reg, image.id, false, &call->json, err) < 0 ||
            channels_at(call->reg, image.id, at, channels, err) < 0) {
                json_decref(channels);
                return -1;
        }
        then = reg_image_summary(&image);
        (void)json_object_update(call->json, then);
        json_decref(then);
        only_until(call->json, "states", when);
        only_until(call->json, "channel_history", when);
        (void)json_object_set_new(call->json, "channels", channels);
        (void)json_object_set_new(call->json, "at", json_string(when));
        return 0;
}

static int diff_of(struct reg_call *call, const char *what, struct bk_error *err);

/* Of a record, what is asked for. */
static int project(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_filter_done) struct reg_filter filter = { 0 };
        autofree char *fields = NULL;
        json_t *all = call->json, *some;

        if (reg_call_value(call, "_fields", &fields, err) < 0 || (fields != NULL && reg_filter_project(&filter, fields, err) < 0) ||
            (call->projection != NULL && reg_filter_project(&filter, call->projection, err) < 0))
                return -1;
        if (filter.fields.n == 0)
                return 0;
        some = json_object();
        for (size_t i = 0; i < filter.fields.n; i++) {
                const char *key = filter.fields.v[i];
                json_t *value = json_object_get(all, key);

                value = value != NULL ? value : json_object_get(json_object_get(all, "attributes"), key);
                (void)json_object_set_new(some, key, value != NULL ? json_incref(value) : json_null());
        }
        json_decref(all);
        call->json = some;
        return 0;
}

static int show_now(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *packages = NULL;
        const int status = resolve(call, call->part[0], &image, err);

        if (status != 0)
                return status;
        if (reg_call_value(call, "packages", &packages, err) < 0)
                return -1;
        return reg_image_json(call->reg, image.id, packages != NULL && !bk_streq(packages, "0"), &call->json, err);
}

int reg_image_show(struct reg_call *call, struct bk_error *err)
{
        autofree char *diff = NULL, *files = NULL;
        int64_t at = 0;
        int status;

        if ((status = reg_call_value(call, "_diff", &diff, err)) < 0)
                return -1;
        if (status > 0)
                return diff_of(call, diff, err);
        if ((status = reg_call_value(call, "files", &files, err)) != 0)
                return status < 0 ? -1 : bk_fail(err, BK_INVALID, "files= is for differences: it goes with _diff=");
        if ((status = time_value(call, "_at", &at, err)) < 0)
                return bk_wrap(err, "_at");
        status = status > 0 ? show_at(call, at, err) : show_now(call, err);
        return status != 0 ? (status > 0 ? 0 : -1) : project(call, err);
}

/* A list of one image's. Takes items, and next. */
static json_t *list_of(const struct reg_call *call, const struct reg_image *image, json_t *items, json_t *next)
{
        json_t *list = reg_call_list(call, items, next);

        (void)json_object_set_new(list, "image", json_string(image->id));
        return list;
}

int reg_image_checks(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        json_t *record = NULL;
        int status;

        status = resolve(call, call->part[0], &image, err);
        if (status != 0)
                return status > 0 ? 0 : -1;
        if (reg_image_json(call->reg, image.id, false, &record, err) < 0)
                return -1;
        call->json = list_of(call, &image, json_incref(json_object_get(record, "checks")), NULL);
        json_decref(record);
        return 0;
}

/* --- lineage --------------------------------------------------------------------------------- */
static void free_ids(char **ids, size_t n)
{
        for (size_t i = 0; i < n; i++)
                free(ids[i]);
}

int reg_image_lineage(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        BK_CLEANUP(reg_images_done) struct reg_images line = { 0 };
        autofree enum reg_freshness *fresh = NULL;
        autofree char **newest = NULL;
        autotxn txn = { 0 };
        json_t *items;
        int status;

        if (reg_txn_read(call->reg, &txn, err) < 0)
                return -1;
        if ((status = resolve(call, call->part[0], &image, err)) != 0)
                return status > 0 ? 0 : -1;
        if (reg_lineage(call->reg, image.id, &line, err) < 0)
                return -1;
        fresh = bk_alloc(line.n * sizeof *fresh);
        newest = bk_alloc(line.n * sizeof *newest);
        if (reg_lineage_freshness(call->reg, &line, fresh, newest, err) < 0)
                return -1;
        items = json_array();
        for (size_t i = 0; i < line.n; i++) {
                json_t *item = reg_image_summary(&line.v[i]);

                (void)json_object_set_new(item, "freshness", json_string(reg_freshness_name(fresh[i])));
                (void)json_object_set_new(item, "newest", reg_json_text(newest[i]));
                (void)json_array_append_new(items, item);
        }
        free_ids(newest, line.n);
        call->json = list_of(call, &image, items, NULL);
        (void)json_object_set_new(call->json, "freshness", json_string(reg_freshness_name(fresh[line.n - 1])));
        return 0;
}

int reg_image_picture(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autotxn txn = { 0 };
        int status;

        if (reg_txn_read(call->reg, &txn, err) < 0)
                return -1;
        if ((status = resolve(call, call->part[0], &image, err)) != 0)
                return status > 0 ? 0 : -1;
        if (reg_lineage_svg(call->reg, image.id, &call->answer->text, err) < 0)
                return -1;
        call->answer->type = "image/svg+xml";
        call->answer->length = strlen(call->answer->text);
        return 0;
}

static json_t *node_json(const struct reg_node *node)
{
        autofree char *when = bk_iso_time(node->created_at);

        return json_pack("{s:I,s:I,s:i,s:s,s:s,s:s,s:s,s:I,s:s}", "sequence", (json_int_t)node->sequence, "ancestor_sequence",
                         (json_int_t)node->ancestor, "depth", (int)node->depth, "id", node->id, "name", node->name, "type", node->type,
                         "state", reg_state_name(node->state), "size", (json_int_t)node->size, "created_at", when);
}

int reg_image_descendants(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        BK_CLEANUP(reg_nodes_done) struct reg_nodes nodes = { 0 };
        struct reg_descent how = { .limit = PAGE };
        int64_t depth = 0;
        autotxn txn = { 0 };
        json_t *items, *next = NULL;
        int status;

        if (number_value(call, "depth", 0, 1 << 30, &depth, err) < 0 ||
            number_value(call, "_limit", 1, PAGE_MOST, &how.limit, err) < 0 || number_value(call, "_after", 0, INT64_MAX, &how.after, err) < 0 ||
            reg_txn_read(call->reg, &txn, err) < 0)
                return -1;
        if ((status = resolve(call, call->part[0], &image, err)) != 0)
                return status > 0 ? 0 : -1;
        how.depth = (unsigned)depth;
        how.limit++;
        if (reg_descendants(call->reg, image.id, &how, &nodes, err) < 0)
                return -1;
        items = json_array();
        for (size_t i = 0; i < nodes.n && (int64_t)i + 1 < how.limit; i++)
                (void)json_array_append_new(items, node_json(&nodes.v[i]));
        if ((int64_t)nodes.n == how.limit && how.limit > 1)
                next = reg_call_next(nodes.v[nodes.n - 2].sequence);
        call->json = list_of(call, &image, items, next);
        (void)json_object_set_new(call->json, "sequence", json_integer((json_int_t)image.sequence));
        return 0;
}

/* --- packages -------------------------------------------------------------------------------- */
int reg_image_packages(struct reg_call *call, struct bk_error *err)
{
        static const char sql[] =
                "SELECT p.ecosystem, p.name, p.version, p.architecture, p.source, p.source_version FROM image i "
                "JOIN package_member m ON m.package_set = i.package_set JOIN package p ON p.id = m.package "
                "WHERE i.sequence = ? AND p.name >= ? AND p.name <= ? ORDER BY p.name, p.architecture, p.version, p.id";
        static const char *const names[] = { "ecosystem", "name", "version", "architecture", "source", "source_version" };
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        autofree char *name = NULL, *last = NULL;
        json_t *items;
        autostmt *stmt = NULL;
        int status;

        if (reg_call_value(call, "name", &name, err) < 0)
                return -1;
        if ((status = resolve(call, call->part[0], &image, err)) != 0)
                return status > 0 ? 0 : -1;
        if (name != NULL && *name != '\0' && name[strlen(name) - 1] == '*')
                name[strlen(name) - 1] = '\0';
        else if (name != NULL)
                last = bk_strdup(name);
        if (last == NULL)
                last = bk_format("%s\xf4\x8f\xbf\xbf", name == NULL ? "" : name);
        if (reg_sql_prepare(call->reg, sql, &stmt, err) < 0 ||
            reg_sql_bind(call->reg, stmt, err, "itt", image.sequence, name == NULL ? "" : name, last) < 0)
                return -1;
        items = json_array();
        while ((status = reg_sql_step(call->reg, stmt, err)) > 0) {
                json_t *item = json_object();

                for (int i = 0; i < 6; i++) {
                        const char *text = reg_column_peek(stmt, i);

                        (void)json_object_set_new(item, names[i], reg_json_text(*text == '\0' ? NULL : text));
                }
                (void)json_array_append_new(items, item);
        }
        call->json = list_of(call, &image, items, NULL);
        return status;
}

/* --- differences ------------------------------------------------------------------------------- */
static int diff_records(struct reg_call *call, const struct reg_side *from, const struct reg_side *to, struct bk_error *err)
{
        autotxn txn = { 0 };

        if (reg_txn_read(call->reg, &txn, err) < 0)
                return -1;
        return reg_diff(call->reg, from, to, &call->json, err);
}

/* *ret stays NULL where a server has it made first. */
static int compare_files(struct reg_call *call, const struct reg_image *from, const struct reg_image *to, json_t **ret, struct bk_error *err)
{
        const struct reg_request *request = call->request;
        int status;

        if (request->files != NULL)
                return request->files(request, from, to, ret, err);
        if (request->store == NULL)
                return bk_fail(err, BK_INVALID, "files are compared where the layers are, and here is no store of them");
        status = reg_files_get(request->store, from->id, to->id, ret, err);
        if (status == 0) {
                bk_strv_addf(&call->answer->make, "%s %s", from->id, to->id);
                call->answer->status = 503;
        }
        return status < 0 ? -1 : 0;
}

/* Files take their time, in which nobody is to wait for the registry. */
static int diff(struct reg_call *call, const struct reg_side *from, const struct reg_side *to, struct bk_error *err)
{
        autofree char *files = NULL;
        json_t *list = NULL;

        if (diff_records(call, from, to, err) < 0 || reg_call_value(call, "files", &files, err) < 0)
                return -1;
        if (files == NULL || bk_streq(files, "0"))
                return 0;
        if (compare_files(call, from->image, to->image, &list, err) < 0)
                return -1;
        if (list != NULL)
                (void)json_object_set_new(call->json, "files", list);
        return 0;
}

int reg_image_diff(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image from = { 0 }, to = { 0 };
        int status;

        if ((status = resolve(call, call->part[0], &from, err)) != 0 || (status = resolve(call, call->part[1], &to, err)) != 0)
                return status > 0 ? 0 : -1;
        return diff(call, &(struct reg_side){ &from, 0 }, &(struct reg_side){ &to, 0 }, err);
}

/* _diff=TIME: from then to now; _diff=TIME..TIME; _diff=IMAGE. */
static int diff_of(struct reg_call *call, const char *what, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image from = { 0 }, to = { 0 };
        const char *dots = strstr(what, "..");
        autofree char *first = bk_strndup(what, dots != NULL ? (size_t)(dots - what) : strlen(what));
        int64_t low = 0, until = time(NULL), high = 0;
        int status;

        if (reg_time_parse(first, &low, &high, err) < 0) {
                if (dots != NULL)
                        return bk_wrap(err, "_diff");
                if ((status = resolve(call, call->part[0], &from, err)) != 0 || (status = resolve(call, what, &to, err)) != 0)
                        return status > 0 ? 0 : bk_wrap(err, "_diff takes an image, a time, or TIME..TIME");
                return diff(call, &(struct reg_side){ &from, 0 }, &(struct reg_side){ &to, 0 }, err);
        }
        if (dots != NULL && dots[2] != '\0' && reg_time_parse(dots + 2, &until, &high, err) < 0)
                return bk_wrap(err, "_diff");
        if ((status = resolve(call, call->part[0], &from, err)) != 0)
                return status > 0 ? 0 : -1;
        if (reg_image_by_id(call->reg, from.id, &to, err) < 0 || reg_image_rewind(call->reg, &from, low, err) < 0 ||
            reg_image_rewind(call->reg, &to, until, err) < 0)
                return -1;
        return diff(call, &(struct reg_side){ &from, low }, &(struct reg_side){ &to, until }, err);
}
