/* A block becomes a C struct, by rows. Typing is weak where Packer's is
 * (mapstructure with its decode hooks): "5" is a number, 5 is a string, a lone
 * string is a list, cut at its commas. Strings are rendered first, so
 * "{{ user `cpus` }}" is a number as well. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "bakery/template/template_priv.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

/* One value on its way into the struct. */
struct item {
        const struct tmpl_scope *scope;
        const struct tmpl_key *key;
        const struct bk_doc *doc;       /* for errors; the block itself when the value is a fallback */
        struct bk_error *err;
};

static int fail(const struct item *item, const char *expected, const char *text)
{
        /* The text was rendered, so it may hold a secret. */
        autofree char *shown = item->scope->tmpl ? tmpl_redact(item->scope->tmpl, text) : bk_strdup(text);

        return bk_doc_fail(item->err, item->doc, "\"%s\" must be %s, found \"%.100s\"", item->key->name, expected, shown);
}

static int fail_kind(const struct item *item, const char *expected, const struct bk_doc *doc)
{
        return bk_doc_fail(item->err, doc, "\"%s\" must be %s, found %s", item->key->name, expected,
                           bk_doc_kind_name(doc->kind));
}

/* --- numbers --------------------------------------------------------------- */
/* A row without min and max takes anything. */
static bool in_bounds(const struct tmpl_key *key, int64_t value)
{
        if (key->min == 0 && key->max == 0)
                return true;
        return value >= key->min && (key->max == 0 || value <= key->max);
}

static int check_bounds(const struct item *item, int64_t value, const char *unit)
{
        const struct tmpl_key *const key = item->key;

        if (in_bounds(key, value))
                return 0;
        if (key->max == 0)
                return bk_doc_fail(item->err, item->doc, "\"%s\" must be at least %lld%s, found %lld%s", key->name,
                                   (long long)key->min, unit, (long long)value, unit);
        return bk_doc_fail(item->err, item->doc, "\"%s\" must be from %lld to %lld%s, found %lld%s", key->name,
                           (long long)key->min, (long long)key->max, unit, (long long)value, unit);
}

static int put_bool(const struct item *item, const char *text, void *into)
{
        static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
        static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

        for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
                if (!bk_streq(text, yes[i]) && !bk_streq(text, no[i]))
                        continue;
                *(bool *)into = bk_streq(text, yes[i]);
                return 0;
        }
        return fail(item, "true or false", text);
}

static int put_int(const struct item *item, const char *text, void *into)
{
        long long value;
        char *end;

        errno = 0;
        value = strtoll(text, &end, 0);         /* base 0 as Go's ParseInt: 0x10, 0755 */
        if (*end == '.' && end > text && end[1] != '\0')        /* "2048.0", as some program wrote it */
                end += strspn(end + 1, "0") + 1;
        if (end == text || *end != '\0')
                return fail(item, "a whole number", text);
        if (errno == ERANGE)
                return fail(item, "a number of at most 64 bits", text);
        if (check_bounds(item, value, "") < 0)
                return -1;
        *(int64_t *)into = value;
        return 0;
}

/* Digits with a point, kept exact: *ret is the value times `scale`, rounded down. No sign, no exponent. */
static const char *read_decimal(const char *p, int64_t scale, int64_t *ret)
{
        const char *const start = p;
        int64_t whole = 0, part = 0;
        bool digits = false;

        for (; *p >= '0' && *p <= '9'; p++, digits = true)
                if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, *p - '0', &whole))
                        return NULL;
        if (__builtin_mul_overflow(whole, scale, &whole))
                return NULL;
        if (*p == '.') {
                __int128 below = 0, unit = 1;

                for (p++; *p >= '0' && *p <= '9'; p++, digits = true) {
                        if (unit >= (__int128)1000000000000)
                                continue;
                        below = below * 10 + (*p - '0');
                        unit *= 10;
                }
                part = (int64_t)(below * scale / unit);
        }
        if (!digits || __builtin_add_overflow(whole, part, ret))
                return NULL;
        return p > start ? p : NULL;
}

struct unit { const char *name; int64_t scale; };

/* False when it is not of this form, or too large. */
static bool read_unit(const char **p, const struct unit *units, size_t n, int64_t *ret)
{
        for (size_t i = 0; i < n; i++) {
                const size_t length = strlen(units[i].name);
                size_t number = strspn(*p, "0123456789.");
                const char *end;

                if (strncasecmp(*p + number, units[i].name, length) != 0)
                        continue;
                end = read_decimal(*p, units[i].scale, ret);
                if (end == NULL || end != *p + number)
                        return false;
                *p = end + length;
                return true;
        }
        return false;
}

int tmpl_size(const char *text, uint64_t *ret, struct bk_error *err)
{
        static const int64_t K = 1024;
        const struct unit units[] = {
                { "TiB", K * K * K * K }, { "TB", K * K * K * K }, { "T", K * K * K * K }, { "GiB", K * K * K },
                { "GB", K * K * K }, { "G", K * K * K }, { "MiB", K * K }, { "MB", K * K }, { "M", K * K },
                { "KiB", K }, { "KB", K }, { "K", K }, { "B", 1 }, { "", K * K },
        };
        const char *p = text;
        int64_t bytes = 0;

        if (!read_unit(&p, units, sizeof units / sizeof *units, &bytes) || *p != '\0')
                return bk_fail(err, BK_INVALID, "a size is written as \"10G\" or \"512M\"; a bare number is MiB");
        *ret = (uint64_t)bytes;
        return 0;
}

static int put_size(const struct item *item, const char *text, void *into)
{
        uint64_t bytes = 0;

        if (tmpl_size(text, &bytes, NULL) < 0)
                return fail(item, "a size such as \"10G\" or \"512M\"; a bare number is MiB", text);
        if (check_bounds(item, (int64_t)bytes, " bytes") < 0)
                return -1;
        *(uint64_t *)into = bytes;
        return 0;
}

/* Go's time.ParseDuration, in milliseconds rounded down: a sign, then numbers with units. */
static int put_duration(const struct item *item, const char *text, void *into)
{
        /* scaled to nanoseconds, so that "0.5ms500us" adds up */
        static const struct unit units[] = {
                { "ns", 1 }, { "us", 1000 }, { "\xc2\xb5s", 1000 }, { "\xce\xbcs", 1000 }, { "ms", 1000000 },
                { "s", 1000000000 }, { "m", 60 * 1000000000LL }, { "h", 3600 * 1000000000LL },
        };
        static const struct unit bare[] = { { "", 1000000000 } };
        const bool negative = *text == '-';
        const char *p = text + (*text == '-' || *text == '+');
        const bool is_bare = *p != '\0' && p[strspn(p, "0123456789.")] == '\0';
        int64_t sum = 0, one;

        do {
                /* Go is strict about case; "1M" might be a month. */
                if (text[strcspn(text, "HMSNU")] != '\0' ||
                    !read_unit(&p, is_bare ? bare : units, is_bare ? 1 : sizeof units / sizeof *units, &one) ||
                    __builtin_add_overflow(sum, one, &sum))
                        return fail(item, "a duration such as \"1m30s\"; a bare number is seconds", text);
        } while (*p != '\0');
        sum /= 1000000;
        if (negative)
                sum = -sum;
        if (check_bounds(item, sum, " ms") < 0)
                return -1;
        *(int64_t *)into = sum;
        return 0;
}

/* --- paths ----------------------------------------------------------------- */
/* As Packer: relative to the working directory. Templates are often baked from
 * elsewhere, so the template's folder is tried next. */
static int find_file(const struct item *item, char **path)
{
        autofree char *beside = NULL;
        const char *const dir = item->scope->tmpl ? item->scope->tmpl->dir : NULL;
        char *found;

        if (!(item->key->flags & TMPL_PATHS) || **path == '\0')
                return 0;
        if (**path == '~' && ((*path)[1] == '/' || (*path)[1] == '\0') && getenv("HOME") != NULL) {
                char *whole = bk_format("%s%s", getenv("HOME"), *path + 1);

                free(*path);
                *path = whole;
        }
        found = realpath(*path, NULL);
        if (found == NULL && **path != '/' && dir != NULL) {
                beside = bk_format("%s/%s", dir, *path);
                found = realpath(beside, NULL);
        }
        if (found == NULL && (item->key->flags & TMPL_MAY_LACK))
                return 0;
        if (found == NULL) {
                autofree char *here = getcwd(NULL, 0);

                if (**path == '/')
                        return bk_doc_fail(item->err, item->doc, "\"%s\": there is no '%s'", item->key->name, *path);
                return bk_doc_fail(item->err, item->doc, "\"%s\": there is no '%s', neither in '%s' nor in '%s'",
                                   item->key->name, *path, here ? here : ".", dir ? dir : ".");
        }
        /* Only made absolute: a symlink keeps its name, which may mean something to the reader of the file. */
        free(found);
        if (**path == '/')
                return 0;
        if (beside == NULL) {
                autofree char *here = getcwd(NULL, 0);

                if (here == NULL)
                        return bk_fail_errno(item->err, "cannot find the working directory");
                beside = bk_format("%s/%s", bk_streq(here, "/") ? "" : here, *path);
        }
        free(*path);
        *path = bk_take(beside);
        return 0;
}

/* --- strings, lists, maps -------------------------------------------------- */
/* A scalar as text, rendered unless the row says otherwise. */
static int get_text(const struct item *item, const struct bk_doc *doc, char **ret)
{
        autofree char *text = NULL;

        if (doc->kind == BK_DOC_ARRAY || doc->kind == BK_DOC_OBJECT || doc->kind == BK_DOC_NULL)
                return fail_kind(item, item->key->kind == TMPL_LIST || item->key->kind == TMPL_MAP ? "made of strings"
                                                                                                  : "a string", doc);
        if (tmpl_weak_text(doc, &text, item->err) < 0)
                return bk_wrap(item->err, "\"%s\"", item->key->name);
        if (item->key->kind == TMPL_RAW || (item->key->flags & TMPL_LATER) || doc->kind != BK_DOC_STRING) {
                *ret = bk_take(text);
                return 0;
        }
        if (tmpl_render(item->scope, text, doc, ret, item->err) < 0)
                return bk_wrap(item->err, "\"%s\"", item->key->name);
        return 0;
}

static int put_string(const struct item *item, const char *text, void *into)
{
        autofree char *path = bk_strdup(text);

        if (find_file(item, &path) < 0)
                return -1;
        *(char **)into = bk_take(path);
        return 0;
}

static int add_to_list(const struct item *item, char *text, struct bk_strv *list)
{
        autofree char *path = text;

        if (find_file(item, &path) < 0)
                return -1;
        bk_strv_take(list, bk_take(path));
        return 0;
}

/* A lone string is cut at its commas, as Packer does, so that a variable can hold a list; "" is the empty list. */
static int put_list(const struct item *item, const char *text, void *into)
{
        while (*text != '\0') {
                const size_t length = strcspn(text, ",");

                if (add_to_list(item, bk_strndup(text, length), into) < 0)
                        return -1;
                if (text[length] == '\0')
                        break;
                text += length + 1;
                if (*text == '\0')
                        return add_to_list(item, bk_strdup(""), into);
        }
        return 0;
}

static int put_array(const struct item *item, void *into)
{
        for (size_t i = 0; i < item->doc->n; i++) {
                struct item element = *item;
                char *text = NULL;

                element.doc = item->doc->items[i];
                if (get_text(&element, element.doc, &text) < 0 || add_to_list(&element, text, into) < 0)
                        return -1;
        }
        return 0;
}

static void set_in_map(struct tmpl_map *map, const char *key, char *value)
{
        for (size_t i = 0; i < map->keys.n; i++) {
                if (!bk_streq(map->keys.v[i], key))
                        continue;
                free(map->values.v[i]);
                map->values.v[i] = value;
                return;
        }
        bk_strv_add(&map->keys, key);
        bk_strv_take(&map->values, value);
}

/* An object, or an array of objects that are merged, the later ones winning. */
static int put_map(const struct item *item, const struct bk_doc *doc, struct tmpl_map *into)
{
        if (doc->kind != BK_DOC_OBJECT && doc->kind != BK_DOC_ARRAY)
                return fail_kind(item, "an object of strings", doc);
        for (size_t i = 0; i < doc->n; i++) {
                char *text = NULL;

                if (doc->kind == BK_DOC_ARRAY && doc->items[i]->kind != BK_DOC_OBJECT)
                        return fail_kind(item, "an object of strings", doc->items[i]);
                if (doc->kind == BK_DOC_ARRAY) {
                        if (put_map(item, doc->items[i], into) < 0)
                                return -1;
                        continue;
                }
                if (get_text(item, doc->items[i], &text) < 0)
                        return -1;
                set_in_map(into, doc->items[i]->key, text);
        }
        return 0;
}

/* --- rows ------------------------------------------------------------------ */
static void list_done(void *member)
{
        bk_strv_done(member);
}

static void string_done(void *member)
{
        free(*(char **)member);
        *(char **)member = NULL;
}

static void map_done(void *member)
{
        struct tmpl_map *const map = member;

        bk_strv_done(&map->keys);
        bk_strv_done(&map->values);
}

/* How a kind takes a text, and how it is let go. */
static const struct {
        int (*put)(const struct item *item, const char *text, void *into);
        void (*done)(void *member);
        bool blank_is_absent;           /* "" is a variable that was left empty; Go's zero value means the default */
        const char *expected;
} kinds[] = {
        [TMPL_STRING]   = { put_string,   string_done, true,  "a string" },
        [TMPL_RAW]      = { put_string,   string_done, true,  "a string" },
        [TMPL_BOOL]     = { put_bool,     NULL,        true,  "true or false" },
        [TMPL_INT]      = { put_int,      NULL,        true,  "a whole number" },
        [TMPL_SIZE]     = { put_size,     NULL,        true,  "a size" },
        [TMPL_DURATION] = { put_duration, NULL,        true,  "a duration" },
        [TMPL_LIST]     = { put_list,     list_done,   false, "an array of strings" },
        [TMPL_MAP]      = { NULL,         map_done,    false, "an object of strings" },
        [TMPL_DOC]      = { NULL,         NULL,        false, "anything" },
        [TMPL_IGNORED]  = { NULL,         NULL,        false, "anything" },
};

static int put_fallback(const struct item *item, void *into)
{
        autofree char *text = NULL;

        if (item->key->fallback == NULL || kinds[item->key->kind].put == NULL)
                return 0;
        if (item->key->kind == TMPL_RAW)
                return put_string(item, item->key->fallback, into);
        if (tmpl_render(item->scope, item->key->fallback, item->doc, &text, item->err) < 0)
                return bk_wrap(item->err, "the default of \"%s\"", item->key->name);
        return kinds[item->key->kind].put(item, text, into);
}

/* Go's zero value once more: 0 that cannot be meant, a port or a number of processors, is the default. */
static bool zero_is_absent(const struct item *item, const char *text)
{
        const enum tmpl_kind kind = item->key->kind;
        const struct tmpl_key key = { .name = item->key->name, .kind = kind };
        const struct item unbound = { .scope = item->scope, .key = &key, .doc = item->doc };
        int64_t value = 0;

        if ((kind != TMPL_INT && kind != TMPL_SIZE && kind != TMPL_DURATION) || in_bounds(item->key, 0) || (item->key->flags & TMPL_REQUIRED))
                return false;
        return kinds[kind].put(&unbound, text, &value) == 0 && value == 0;
}

static int put_value(const struct item *item, void *into)
{
        const enum tmpl_kind kind = item->key->kind;
        autofree char *text = NULL;

        if (kind == TMPL_DOC) {
                *(const struct bk_doc **)into = item->doc;
                return 0;
        }
        if (kind == TMPL_MAP)
                return put_map(item, item->doc, into);
        if (kind == TMPL_LIST && item->doc->kind == BK_DOC_ARRAY)
                return put_array(item, into);
        if (item->doc->kind == BK_DOC_ARRAY || item->doc->kind == BK_DOC_OBJECT)
                return fail_kind(item, kinds[kind].expected, item->doc);
        if (kind == TMPL_BOOL && item->doc->kind == BK_DOC_NUMBER) {
                *(bool *)into = strtod(item->doc->text, NULL) != 0;
                return 0;
        }
        if (kind == TMPL_INT && item->doc->kind == BK_DOC_BOOL)
                return fail_kind(item, kinds[kind].expected, item->doc);
        if (get_text(item, item->doc, &text) < 0)
                return -1;
        if (*text == '\0' && (item->key->flags & TMPL_REQUIRED))
                return bk_doc_fail(item->err, item->doc, "\"%s\" is empty, but needed: %s", item->key->name,
                                   item->key->help ? item->key->help : "it has no default");
        if ((*text == '\0' && kinds[kind].blank_is_absent) || zero_is_absent(item, text))
                return put_fallback(item, into);
        return kinds[kind].put(item, text, into);
}

static bool is_absent(const struct bk_doc *doc)
{
        return doc == NULL || doc->kind == BK_DOC_NULL;
}

/* "the provisioner \"shell\"": which block of the template this is. */
static char *name_block(const struct tmpl *tmpl, const struct bk_doc *doc)
{
        for (size_t i = 0; tmpl != NULL && i < tmpl->n_builders; i++)
                if (tmpl->builders[i].doc == doc)
                        return bk_format("builder \"%s\"", tmpl->builders[i].name);
        for (size_t i = 0; tmpl != NULL && i < tmpl->n_provisioners; i++)
                if (tmpl->provisioners[i].doc == doc)
                        return bk_format("provisioner \"%s\"", tmpl->provisioners[i].type);
        for (size_t i = 0; tmpl != NULL && i < tmpl->n_pipelines; i++)
                for (size_t k = 0; k < tmpl->pipelines[i].n; k++)
                        if (tmpl->pipelines[i].v[k].doc == doc)
                                return bk_format("post-processor \"%s\"", tmpl->pipelines[i].v[k].type);
        if (tmpl != NULL && tmpl->cleanup != NULL && tmpl->cleanup->doc == doc)
                return bk_format("error-cleanup-provisioner \"%s\"", tmpl->cleanup->type);
        return bk_strdup("this block");
}

static int refuse_unknown(const struct tmpl_scope *scope, const struct bk_doc *block, const struct bk_doc *part,
                          const struct tmpl_key *keys, size_t n_keys, struct bk_error *err)
{
        autofree const char **names = bk_grow(NULL, n_keys, sizeof *names);

        for (size_t k = 0; k < n_keys; k++)
                names[k] = keys[k].name;
        for (size_t i = 0; part->kind == BK_DOC_OBJECT && i < part->n; i++) {
                autofree char *what = NULL;
                const char *nearest;
                bool known = false;

                for (size_t k = 0; k < n_keys && !known; k++)
                        known = bk_streq(names[k], part->items[i]->key);
                known = known || strncmp(part->items[i]->key, "packer_", strlen("packer_")) == 0;       /* Packer's own, which it lets pass */
                if (known)
                        continue;
                what = name_block(scope->tmpl, block);
                nearest = bk_nearest(part->items[i]->key, names, n_keys);
                return bk_doc_fail_key(err, part->items[i], "unknown key \"%.100s\" in %s%s%s%s", part->items[i]->key, what,
                                       nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
        }
        return 0;
}

static int decode_rows(const struct tmpl_scope *scope, const struct bk_doc *doc, const struct bk_doc *replaced,
                       const struct tmpl_key *keys, size_t n_keys, char *into, struct bk_error *err)
{
        if (refuse_unknown(scope, doc, doc, keys, n_keys, err) < 0)
                return -1;
        if (replaced != NULL && refuse_unknown(scope, doc, replaced, keys, n_keys, err) < 0)
                return -1;
        for (size_t k = 0; k < n_keys; k++) {
                const struct bk_doc *value = replaced ? bk_doc_get(replaced, keys[k].name) : NULL;
                struct item item = { scope, &keys[k], doc, err };

                if (keys[k].kind == TMPL_IGNORED)
                        continue;
                if (is_absent(value))
                        value = bk_doc_get(doc, keys[k].name);
                if (!is_absent(value)) {
                        item.doc = value;
                        if (put_value(&item, into + keys[k].offset) < 0)
                                return -1;
                        continue;
                }
                if (keys[k].flags & TMPL_REQUIRED) {
                        autofree char *what = name_block(scope->tmpl, doc);

                        return bk_doc_fail(err, doc, "%s needs \"%s\": %s", what, keys[k].name,
                                           keys[k].help ? keys[k].help : "it has no default");
                }
                if (put_fallback(&item, into + keys[k].offset) < 0)
                        return -1;
        }
        return 0;
}

int tmpl_decode(const struct tmpl_scope *scope, const struct bk_doc *doc, const struct bk_doc *override,
                const struct tmpl_key *keys, size_t n_keys, void *into, struct bk_error *err)
{
        const struct bk_doc *const replaced = scope->build_name ? bk_doc_get(override, scope->build_name) : NULL;

        if (decode_rows(scope, doc, replaced, keys, n_keys, into, err) == 0)
                return 0;
        tmpl_undecode(keys, n_keys, into);
        return -1;
}

void tmpl_undecode(const struct tmpl_key *keys, size_t n_keys, void *into)
{
        for (size_t k = 0; k < n_keys; k++)
                if (kinds[keys[k].kind].done != NULL)
                        kinds[keys[k].kind].done((char *)into + keys[k].offset);
}
