/* What goes into a bake: the ancestor, every setting, every file, the version of bakery.
 *
 * Each input has a name and a digest, so that a plan can say which one changed. Texts are
 * rendered with timestamps and uuids standing for themselves: a clock is no input. */
#include "bakery/bake/bake_priv.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"

/* Raised when a bake of the same inputs would no longer give the same image. */
static const char INPUTS_VERSION[] = "2";

static void put(struct bake *bake, const char *name, const char *text)
{
        autofree char *digest = text == NULL ? NULL : bk_digest_bytes(text, strlen(text));

        if (digest != NULL)
                (void)json_object_set_new(bake->inputs, name, json_string(digest));
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int hash_path(struct bk_hash *hash, const char *path, const char *name, struct bk_error *err);

static int hash_folder(struct bk_hash *hash, const char *path, const char *name, struct bk_error *err)
{
        autodir DIR *dir = opendir(path);
        autostrv struct bk_strv names = { 0 };

        if (dir == NULL)
                return bk_fail_errno(err, "cannot list '%s'", path);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
                if (!bk_streq(entry->d_name, ".") && !bk_streq(entry->d_name, ".."))
                        bk_strv_add(&names, entry->d_name);
        if (names.n > 0)
                qsort(names.v, names.n, sizeof *names.v, by_name);
        for (size_t i = 0; i < names.n; i++) {
                autofree char *child = bk_format("%s/%s", path, names.v[i]), *inner = bk_format("%s/%s", name, names.v[i]);

                if (hash_path(hash, child, inner, err) < 0)
                        return -1;
        }
        return 0;
}

/* Names, modes and contents; not times or owners, which a checkout changes. */
static int hash_path(struct bk_hash *hash, const char *path, const char *name, struct bk_error *err)
{
        struct stat st;
        autofree char *digest = NULL, *mode = NULL;

        if (lstat(path, &st) < 0)
                return bk_fail_errno(err, "cannot look at '%s'", path);
        mode = bk_format("%o", st.st_mode & (S_IFMT | 0111));
        bk_hash_add_field(hash, name, mode);
        if (S_ISDIR(st.st_mode))
                return hash_folder(hash, path, name, err);
        if (S_ISLNK(st.st_mode)) {
                char target[4096];
                const ssize_t got = readlink(path, target, sizeof target - 1);

                if (got < 0)
                        return bk_fail_errno(err, "cannot read link '%s'", path);
                target[got] = '\0';
                bk_hash_add_field(hash, "link", target);
                return 0;
        }
        if (!S_ISREG(st.st_mode))
                return bk_fail(err, BK_INVALID, "'%s' is neither a file nor a folder nor a link", path);
        if (bk_digest_file(path, &digest, err) < 0)
                return -1;
        bk_hash_add_field(hash, "content", digest);
        return 0;
}

/* place: of several, which one, from 1; 0 for a path that is alone. The folders above are where somebody has put the template, and no input. */
static int put_path(struct bake *bake, const char *prefix, const char *key, size_t place, const char *path, struct bk_error *err)
{
        struct bk_hash *hash = bk_hash_new();
        struct stat st;
        autofree char *which = place > 0 ? bk_format("[%zu]", place) : bk_strdup("");
        autofree char *name = bk_format("%s.%s%s %s", prefix, key, which, bk_base_name(path)), *digest = NULL;
        const char *real = path;
        autofree char *resolved = NULL;

        /* A link that is named itself stands for what it points at. */
        if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && (resolved = realpath(path, NULL)) != NULL)
                real = resolved;
        if (hash_path(hash, real, "", err) < 0) {
                bk_hash_free(hash);
                return -1;
        }
        digest = bk_hash_finish(hash);
        (void)json_object_set_new(bake->inputs, name, json_string(digest));
        return 0;
}

/* Their order counts: scripts run in it. */
static int put_paths(struct bake *bake, const char *prefix, const char *key, const struct bk_strv *paths, struct bk_error *err)
{
        for (size_t i = 0; i < paths->n; i++)
                if (put_path(bake, prefix, key, paths->n > 1 ? i + 1 : 0, paths->v[i], err) < 0)
                        return -1;
        return 0;
}

/* What is rendered only when it is used counts as it would be rendered, with names for what is known only then. */
static char *text_of(const struct bake *bake, const char *text, const struct bk_doc *place)
{
        static const struct tmpl_datum later[] = {
                { "HTTPIP", "HTTPIP" }, { "HTTPPort", "HTTPPort" }, { "Name", "Name" }, { "SSHPublicKey", "SSHPublicKey" },
                { "SSHHostPort", "SSHHostPort" }, { "OutputDir", "OutputDir" }, { "Path", "Path" }, { "Vars", "Vars" },
                { "EnvVarFile", "EnvVarFile" },
        };
        struct tmpl_scope scope = bake->scope;
        char *rendered = NULL;

        scope.stable = true;
        scope.data = later;
        scope.n_data = sizeof later / sizeof *later;
        return tmpl_render(&scope, text, place, &rendered, NULL) == 0 ? rendered : bk_strdup(text);
}

static void write_doc(struct bk_buf *out, const struct bake *bake, const struct bk_doc *doc)
{
        autofree char *text = doc != NULL && doc->text != NULL ? text_of(bake, doc->text, doc) : NULL;

        if (doc == NULL)
                return;
        bk_buf_printf(out, "%d:%s:%zu:", (int)doc->kind, doc->key ? doc->key : "", text ? strlen(text) : doc->n);
        if (text != NULL)
                bk_buf_puts(out, text);
        else
                bk_buf_putc(out, doc->truth ? '1' : '0');
        for (size_t i = 0; i < doc->n; i++)
                write_doc(out, bake, doc->items[i]);
}

static int put_key(struct bake *bake, const char *prefix, const struct tmpl_key *key, const void *config, struct bk_error *err)
{
        const char *member = (const char *)config + key->offset;
        autofree char *name = bk_format("%s.%s", prefix, key->name), *text = NULL;
        struct bk_strv list = { 0 };
        struct tmpl_map map = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf joined = { 0 };

        if (key->flags & TMPL_NO_INPUT)
                return 0;
        switch (key->kind) {
        case TMPL_IGNORED:
                return 0;
        case TMPL_DOC:
                write_doc(&joined, bake, *(const struct bk_doc *const *)(const void *)member);
                if (joined.len > 0)
                        text = bk_buf_finish(&joined);
                break;
        case TMPL_STRING: case TMPL_RAW:
                memcpy(&text, member, sizeof text);
                text = text == NULL ? NULL : key->kind == TMPL_RAW ? text_of(bake, text, bake->block->doc) : bk_strdup(text);
                if (text != NULL && (key->flags & TMPL_PATHS))
                        return put_path(bake, prefix, key->name, 0, text, err);
                break;
        case TMPL_BOOL:
                text = bk_strdup(*(const bool *)member ? "true" : "false");
                break;
        case TMPL_INT: case TMPL_SIZE: case TMPL_DURATION:
                text = bk_format("%lld", (long long)*(const int64_t *)(const void *)member);
                break;
        case TMPL_LIST:
                memcpy(&list, member, sizeof list);
                if (key->flags & TMPL_PATHS)
                        return put_paths(bake, prefix, key->name, &list, err);
                for (size_t i = 0; i < list.n; i++) {
                        autofree char *item = key->flags & TMPL_LATER ? text_of(bake, list.v[i], bake->block->doc) : bk_strdup(list.v[i]);

                        bk_buf_printf(&joined, "%zu:%s", strlen(item), item);
                }
                if (list.n > 0)
                        text = bk_buf_finish(&joined);
                break;
        case TMPL_MAP:
                memcpy(&map, member, sizeof map);
                for (size_t i = 0; i < map.keys.n; i++)
                        bk_buf_printf(&joined, "%zu:%s%zu:%s", strlen(map.keys.v[i]), map.keys.v[i], strlen(map.values.v[i]),
                                      map.values.v[i]);
                if (map.keys.n > 0)
                        text = bk_buf_finish(&joined);
                break;
        }
        put(bake, name, text);
        return 0;
}

static int put_step(struct bake *bake, const struct tmpl_scope *scope, const struct tmpl_step *step, size_t number, struct bk_error *err)
{
        const struct bake_provisioner *row = bake_provisioner_find(step->type);
        autofree char *prefix = bk_format("provisioner %zu (%s)", number, step->type), *into = bk_alloc(row->size);
        int result = tmpl_decode(scope, step->doc, step->override, row->keys, row->n_keys, into, err);

        put(bake, prefix, step->type);
        for (size_t k = 0; result == 0 && k < row->n_keys; k++)
                result = put_key(bake, prefix, &row->keys[k], into, err);
        if (result == 0 && row->inputs != NULL) {
                autostrv struct bk_strv paths = { 0 };

                row->inputs(into, bake->tmpl, &paths);
                result = put_paths(bake, prefix, "source", &paths, err);
        }
        tmpl_undecode(row->keys, row->n_keys, into);
        if (result < 0)
                (void)bk_at(err, step->doc->file, step->doc->line, step->doc->column);
        return result;
}

int bake_inputs(struct bake *bake, struct bk_error *err)
{
        struct tmpl_scope stable = bake->scope;
        struct bake_config config = { 0 };
        size_t number = 0;
        int result;

        stable.stable = true;
        json_decref(bake->inputs);
        bake->inputs = json_object();
        put(bake, "bakery", INPUTS_VERSION);
        put(bake, "builder", bake->block->type);
        if (bake->source.id != NULL)
                (void)json_object_set_new(bake->inputs, "ancestor", json_string(bake->source.id));
        result = tmpl_decode(&stable, bake->block->doc, NULL, bake->builder->keys, bake->builder->n_keys, &config, err);
        for (size_t k = 0; result == 0 && k < bake->builder->n_keys; k++)
                if (!bk_streq(bake->builder->keys[k].name, "source_image"))     /* the ancestor that it gave counts */
                        result = put_key(bake, "builder", &bake->builder->keys[k], &config, err);
        if (result == 0 && bake->builder->inputs != NULL) {
                autostrv struct bk_strv paths = { 0 };

                bake->builder->inputs(&config, bake->tmpl, &paths);
                result = put_paths(bake, "builder", "file", &paths, err);
        }
        tmpl_undecode(bake->builder->keys, bake->builder->n_keys, &config);
        for (size_t i = 0; result == 0 && i < bake->tmpl->n_provisioners; i++)
                if (tmpl_step_applies(&bake->tmpl->provisioners[i], bake->name))
                        result = put_step(bake, &stable, &bake->tmpl->provisioners[i], ++number, err);
        if (result == 0) {
                autofree char *text = json_dumps(bake->inputs, JSON_SORT_KEYS | JSON_COMPACT);

                free(bake->input_hash);
                bake->input_hash = bk_digest_bytes(text, strlen(text));
        }
        return result;
}

/* Which input made the difference to the newest image of that name? For people. */
char *bake_changed_inputs(struct bake *bake, struct reg *reg)
{
        struct reg_image newest = { 0 };
        json_t *record = NULL, *before, *value;
        char *reason = NULL;
        const char *name;

        if (reg_resolve(reg, bake->config.image_name, &newest, NULL) < 0)
                return bk_strdup("no such image yet");
        if (reg_image_json(reg, newest.id, false, &record, NULL) == 0) {
                before = json_object_get(json_object_get(record, "provenance"), "inputs");
                json_object_foreach(bake->inputs, name, value) {
                        if (!json_equal(value, json_object_get(before, name))) {
                                reason = bk_format("%s %s", name, json_object_get(before, name) ? "changed" : "is new");
                                break;
                        }
                }
                if (reason == NULL)
                        json_object_foreach(before, name, value)
                                if (json_object_get(bake->inputs, name) == NULL) {
                                        reason = bk_format("%s is gone", name);
                                        break;
                                }
        }
        json_decref(record);
        reg_image_done(&newest);
        return reason ? reason : bk_strdup("the image that had these inputs is no longer usable");
}
