/* What changed from one image to another. Lists are read in one order from both sides and walked together, so that ten thousand
 * packages take as long as reading them. */
#include "registry/registry_priv.h"

#include <string.h>

#include "lib/fs.h"
#include "lib/version.h"

static void put(json_t *object, const char *key, json_t *value)
{
        (void)json_object_set_new_nocheck(object, key, value);
}

static void add(json_t *list, json_t *value)
{
        (void)json_array_append_new(list, value);
}

/* --- fields and attributes -------------------------------------------------------- */
static const char *const fields[] = { "id", "name", "type", "state", "layer", "ancestor", "input_hash", "size", "virtual_size", "created_at",
                                      "created_by", "created_on" };

static json_t *change(const char *key, json_t *from, json_t *to)
{
        return json_pack("{s:o,s:O,s:O}", "key", reg_json_text(key), "from", from, "to", to);
}

static json_t *changed_fields(json_t *from, json_t *to)
{
        json_t *list = json_array();

        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
                json_t *a = json_object_get(from, fields[i]), *b = json_object_get(to, fields[i]);

                if (!json_equal(a, b))
                        add(list, change(fields[i], a, b));
        }
        return list;
}

/* Attributes are sorted by key. */
static json_t *changed_attributes(const struct reg_image *from, const struct reg_image *to)
{
        json_t *list = json_array();
        size_t i = 0, j = 0;

        while (i < from->n_attributes || j < to->n_attributes) {
                const struct reg_pair *a = i < from->n_attributes ? &from->attributes[i] : NULL;
                const struct reg_pair *b = j < to->n_attributes ? &to->attributes[j] : NULL;
                const int order = a == NULL ? 1 : b == NULL ? -1 : strcmp(a->key, b->key);

                i += order <= 0;
                j += order >= 0;
                if (a != NULL && b != NULL && order == 0 && strcmp(a->value, b->value) == 0)
                        continue;
                add(list, json_pack("{s:o,s:o,s:o}", "key", reg_json_text(a != NULL && order <= 0 ? a->key : b != NULL ? b->key : ""), "from",
                                    reg_json_text(a != NULL && order <= 0 ? a->value : NULL), "to",
                                    reg_json_text(b != NULL && order >= 0 ? b->value : NULL)));
        }
        return list;
}

/* --- packages ------------------------------------------------------------------------ */
/* One row of either side, or its end. */
struct cursor { struct reg_stmt *stmt; int status; };

static void cursor_done(struct cursor *cursor)
{
        reg_stmt_done(&cursor->stmt);
}

static int cursor_open(struct reg *reg, const char *sql, int64_t image, struct cursor *ret, struct bk_error *err)
{
        if (reg_sql_prepare(reg, sql, &ret->stmt, err) < 0 || reg_sql_bind(reg, ret->stmt, err, "i", image) < 0)
                return -1;
        ret->status = reg_sql_step(reg, ret->stmt, err);
        return ret->status < 0 ? -1 : 0;
}

static int cursor_next(struct reg *reg, struct cursor *cursor, struct bk_error *err)
{
        cursor->status = reg_sql_step(reg, cursor->stmt, err);
        return cursor->status < 0 ? -1 : 0;
}

/* The first n columns; the end comes after everything. */
static int cursor_order(const struct cursor *a, const struct cursor *b, int n)
{
        if (a->status == 0 || b->status == 0)
                return b->status - a->status;
        for (int i = 0; i < n; i++) {
                const int order = strcmp(reg_column_peek(a->stmt, i), reg_column_peek(b->stmt, i));

                if (order != 0)
                        return order;
        }
        return 0;
}

enum { ECOSYSTEM, NAME, ARCHITECTURE, VERSION };

static json_t *package(const struct cursor *cursor)
{
        const char *architecture = reg_column_peek(cursor->stmt, ARCHITECTURE);

        return json_pack("{s:o,s:o,s:o,s:o}", "ecosystem", reg_json_text(reg_column_peek(cursor->stmt, ECOSYSTEM)),
                         "name", reg_json_text(reg_column_peek(cursor->stmt, NAME)),
                         "architecture", reg_json_text(*architecture == '\0' ? NULL : architecture),
                         "version", reg_json_text(reg_column_peek(cursor->stmt, VERSION)));
}

/* A package that left in one version and came in another has changed. Where several versions of one are installed side by
 * side (kernels, npm's modules), nobody can tell which became which: they left and came. */
static void join(json_t *removed, size_t first_removed, json_t *added, size_t first_added, json_t *changed)
{
        json_t *old = json_array_get(removed, first_removed), *new = json_array_get(added, first_added), *row;
        enum bk_ecosystem ecosystem = BK_DEB;
        const char *from, *to;
        int order;

        if (json_array_size(removed) != first_removed + 1 || json_array_size(added) != first_added + 1)
                return;
        from = json_string_value(json_object_get(old, "version"));
        to = json_string_value(json_object_get(new, "version"));
        order = bk_ecosystem_of(json_string_value(json_object_get(old, "ecosystem")), &ecosystem) ? bk_version_compare(ecosystem, from, to) : 0;
        row = json_pack("{s:O,s:O,s:O,s:s,s:s,s:s}", "ecosystem", json_object_get(old, "ecosystem"), "name", json_object_get(old, "name"),
                        "architecture", json_object_get(old, "architecture"), "from", from, "to", to,
                        "direction", order < 0 ? "up" : order > 0 ? "down" : "same");
        add(changed, row);
        (void)json_array_remove(removed, first_removed);
        (void)json_array_remove(added, first_added);
}

static const char packages_sql[] =
        "SELECT p.ecosystem, p.name, p.architecture, p.version FROM image i JOIN package_member m ON m.package_set = i.package_set "
        "JOIN package p ON p.id = m.package WHERE i.sequence = ? ORDER BY p.ecosystem, p.name, p.architecture, p.version, p.id";

static bool is(const struct cursor *cursor, const char *ecosystem, const char *name, const char *architecture)
{
        return cursor->status > 0 && bk_streq(reg_column_peek(cursor->stmt, NAME), name) &&
               bk_streq(reg_column_peek(cursor->stmt, ECOSYSTEM), ecosystem) && bk_streq(reg_column_peek(cursor->stmt, ARCHITECTURE), architecture);
}

/* All versions of one package of one architecture, on either side. */
static int diff_package(struct reg *reg, struct cursor *a, struct cursor *b, json_t *removed, json_t *added, json_t *changed, struct bk_error *err)
{
        const struct cursor *first = cursor_order(a, b, VERSION) <= 0 ? a : b;
        const size_t n_removed = json_array_size(removed), n_added = json_array_size(added);
        autofree char *ecosystem = reg_column(first->stmt, ECOSYSTEM), *name = reg_column(first->stmt, NAME);
        autofree char *architecture = reg_column(first->stmt, ARCHITECTURE);

        for (;;) {
                const bool left = is(a, ecosystem, name, architecture), right = is(b, ecosystem, name, architecture);
                const int order = left && right ? strcmp(reg_column_peek(a->stmt, VERSION), reg_column_peek(b->stmt, VERSION)) : right - left;

                if (!left && !right)
                        break;
                if (order < 0)
                        add(removed, package(a));
                if (order > 0)
                        add(added, package(b));
                if ((order <= 0 && cursor_next(reg, a, err) < 0) || (order >= 0 && cursor_next(reg, b, err) < 0))
                        return -1;
        }
        join(removed, n_removed, added, n_added, changed);
        return 0;
}

static int diff_packages(struct reg *reg, int64_t from, int64_t to, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(cursor_done) struct cursor a = { 0 }, b = { 0 };
        json_t *removed = json_array(), *added = json_array(), *changed = json_array();
        int status = cursor_open(reg, packages_sql, from, &a, err) < 0 || cursor_open(reg, packages_sql, to, &b, err) < 0 ? -1 : 0;

        while (status == 0 && (a.status > 0 || b.status > 0))
                status = diff_package(reg, &a, &b, removed, added, changed, err);
        *ret = json_pack("{s:o,s:o,s:o}", "added", added, "removed", removed, "changed", changed);
        return status;
}

/* --- checks ------------------------------------------------------------------------------ */
static int diff_checks(struct reg *reg, int64_t from, int64_t to, json_t *ret, struct bk_error *err)
{
        static const char sql[] = "SELECT suite, name, verdict FROM verdict WHERE image = ? ORDER BY suite, name, position";
        BK_CLEANUP(cursor_done) struct cursor a = { 0 }, b = { 0 };

        if (cursor_open(reg, sql, from, &a, err) < 0 || cursor_open(reg, sql, to, &b, err) < 0)
                return -1;
        while (a.status > 0 || b.status > 0) {
                const int order = cursor_order(&a, &b, 2);
                const struct cursor *one = order <= 0 ? &a : &b;

                if (order != 0 || strcmp(reg_column_peek(a.stmt, 2), reg_column_peek(b.stmt, 2)) != 0)
                        add(ret, json_pack("{s:o,s:o,s:o,s:o}", "suite", reg_json_text(reg_column_peek(one->stmt, 0)),
                                           "name", reg_json_text(reg_column_peek(one->stmt, 1)),
                                           "from", reg_json_text(order <= 0 ? reg_column_peek(a.stmt, 2) : NULL),
                                           "to", reg_json_text(order >= 0 ? reg_column_peek(b.stmt, 2) : NULL)));
                if ((order <= 0 && cursor_next(reg, &a, err) < 0) || (order >= 0 && cursor_next(reg, &b, err) < 0))
                        return -1;
        }
        return 0;
}

/* --- all of it ------------------------------------------------------------------------------ */
static json_t *side(const struct reg_side *side)
{
        autofree char *when = side->at == 0 ? NULL : bk_iso_time(side->at);

        return json_pack("{s:s,s:s,s:s,s:o}", "id", side->image->id, "name", side->image->name, "state", reg_state_name(side->image->state),
                         "at", reg_json_text(when));
}

int reg_diff(struct reg *reg, const struct reg_side *from, const struct reg_side *to, json_t **ret, struct bk_error *err)
{
        json_t *object = json_object(), *a = reg_image_summary(from->image), *b = reg_image_summary(to->image);
        json_t *packages = NULL, *checks = json_array();
        const int status = diff_packages(reg, from->image->sequence, to->image->sequence, &packages, err) < 0 ||
                           diff_checks(reg, from->image->sequence, to->image->sequence, checks, err) < 0 ? -1 : 0;

        put(object, "from", side(from));
        put(object, "to", side(to));
        put(object, "fields", changed_fields(a, b));
        put(object, "attributes", changed_attributes(from->image, to->image));
        put(object, "packages", packages);
        put(object, "checks", checks);
        json_decref(a);
        json_decref(b);
        if (status < 0) {
                json_decref(object);
                return -1;
        }
        *ret = object;
        return 0;
}
