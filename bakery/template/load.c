/* Legacy Packer JSON becomes the model: root keys by rows, then builders,
 * provisioners and post-processors. What is inside a block is not looked at
 * here beyond what the model names: its owner decodes it by its own rows. */
#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bakery/template/template_priv.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"

static int load_min_version(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err);
static int load_description(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err);
static int load_builders(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err);
static int load_provisioners(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err);
static int load_cleanup(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err);
static int load_pipelines(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err);

/* In the order in which they are loaded: steps name builders, names may use variables. A NULL
 * handler is a key that is somebody else's (variables.c), or that only people read. */
static const struct {
        const char *name;
        int (*load)(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err);
} roots[] = {
        { "min_packer_version",        load_min_version },
        { "description",               load_description },
        { "variables",                 NULL },
        { "sensitive-variables",       NULL },
        { "builders",                  load_builders },
        { "provisioners",              load_provisioners },
        { "error-cleanup-provisioner", load_cleanup },
        { "post-processors",           load_pipelines },
        { "comments",                  NULL },
        { "push",                      NULL },          /* of a service that is gone; Packer still accepts it */
};
enum { N_ROOTS = sizeof roots / sizeof *roots };

/* --- root ------------------------------------------------------------------ */
static int check_root_key(const struct bk_doc *doc, struct bk_error *err)
{
        const char *names[N_ROOTS], *nearest;

        for (size_t i = 0; i < N_ROOTS; i++) {
                if (bk_streq(roots[i].name, doc->key))
                        return 0;
                names[i] = roots[i].name;
        }
        if (doc->key[0] == '_') {
                if (doc->kind == BK_DOC_STRING)
                        return 0;
                return bk_doc_fail(err, doc, "\"%.100s\" is a comment and must be a string, found %s", doc->key,
                                   bk_doc_kind_name(doc->kind));
        }
        nearest = bk_nearest(doc->key, names, N_ROOTS);
        if (nearest != NULL)
                return bk_doc_fail_key(err, doc, "unknown root key \"%.100s\"; did you mean \"%s\"?", doc->key, nearest);
        return bk_doc_fail_key(err, doc, "unknown root key \"%.100s\"; comments start with '_'", doc->key);
}

/* Dotted numbers; a suffix such as "-dev" is older than the plain version, as semantic versioning has it. */
static int compare_versions(const char *a, const char *b)
{
        for (;;) {
                char *a_end, *b_end;
                const unsigned long x = strtoul(a, &a_end, 10), y = strtoul(b, &b_end, 10);

                if (x != y)
                        return x < y ? -1 : 1;
                if (*a_end != '.' && *b_end != '.')
                        return *b_end == '-' && *a_end == '\0' ? 1 : 0;
                a = *a_end == '.' ? a_end + 1 : "";
                b = *b_end == '.' ? b_end + 1 : "";
        }
}

static int load_min_version(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err)
{
        const char *version = doc->text;

        (void)tmpl;
        if (doc->kind != BK_DOC_STRING)
                return bk_doc_fail(err, doc, "expected a version as a string, found %s", bk_doc_kind_name(doc->kind));
        if (*version == '\0')
                return 0;
        version += *version == 'v';
        if (!isdigit((unsigned char)*version) || version[strspn(version, "0123456789.")] == '.')
                return bk_doc_fail(err, doc, "\"%.40s\" is no version, such as \"1.7.0\"", doc->text);
        if (compare_versions(TMPL_PACKER_VERSION, version) < 0)
                return bk_doc_fail(err, doc, "the template wants Packer %.40s; this is what Packer " TMPL_PACKER_VERSION
                                   " understands", doc->text);
        return 0;
}

static int load_description(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err)
{
        return tmpl_weak_text(doc, &tmpl->description, err);
}

/* Packer takes keys of a block in any case; the exact one first. All of ours are in lower case. */
static void lower_keys(const struct bk_doc *block)
{
        for (size_t i = 0; block->kind == BK_DOC_OBJECT && i < block->n; i++) {
                autofree char *lower = bk_strdup(block->items[i]->key);

                for (char *p = lower; *p != '\0'; p++)
                        *p = (char)tolower((unsigned char)*p);
                if (bk_doc_get(block, lower) == NULL)
                        memcpy(block->items[i]->key, lower, strlen(lower));
        }
}

/* --- builders -------------------------------------------------------------- */
static int want(const struct bk_doc *doc, enum bk_doc_kind kind, const char *what, struct bk_error *err)
{
        if (doc->kind == kind)
                return 0;
        return bk_doc_fail(err, doc, "%s must be %s, found %s", what, bk_doc_kind_name(kind), bk_doc_kind_name(doc->kind));
}

/* A member that is a string without NUL. *ret is borrowed; NULL when the member is absent. */
static int get_text(const struct bk_doc *block, const char *key, const char **ret, struct bk_error *err)
{
        const struct bk_doc *const doc = bk_doc_get(block, key);

        *ret = NULL;
        if (doc == NULL || doc->kind == BK_DOC_NULL)
                return 0;
        if (want(doc, BK_DOC_STRING, key, err) < 0)
                return -1;
        if (strlen(doc->text) != doc->text_len)
                return bk_doc_fail(err, doc, "a string may not hold \\u0000");
        *ret = doc->text;
        return 0;
}

static int get_type(const struct bk_doc *block, const char *what, char **ret, struct bk_error *err)
{
        const char *type;

        if (want(block, BK_DOC_OBJECT, what, err) < 0 || get_text(block, "type", &type, err) < 0)
                return -1;
        if (type == NULL || *type == '\0')
                return bk_doc_fail(err, block, "%s has no \"type\"", what);
        *ret = bk_strdup(type);
        return 0;
}

static const struct tmpl_builder *find_builder(const struct tmpl *tmpl, const char *name)
{
        for (size_t i = 0; i < tmpl->n_builders; i++)
                if (bk_streq(tmpl->builders[i].name, name))
                        return &tmpl->builders[i];
        return NULL;
}

static int load_builder(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err)
{
        const struct tmpl_scope scope = { .tmpl = tmpl };
        struct tmpl_builder *const builder = &tmpl->builders[tmpl->n_builders];
        autofree char *type = NULL, *name = NULL;
        const struct tmpl_builder *same;
        const char *text;

        lower_keys(doc);
        if (get_type(doc, "a builder", &type, err) < 0 || get_text(doc, "name", &text, err) < 0)
                return -1;
        if (text == NULL || *text == '\0')
                name = bk_strdup(type);
        else if (tmpl_render(&scope, text, bk_doc_get(doc, "name"), &name, err) < 0)
                return -1;
        same = find_builder(tmpl, name);
        if (same != NULL)
                return bk_doc_fail(err, text && *text ? bk_doc_get(doc, "name") : doc,
                                   "the builder on line %u is called \"%.100s\" as well; give each a \"name\" of its own",
                                   same->doc->line, name);
        /* `packer fix` would rename it; what only, except and override call it stays. */
        if (bk_streq(type, "vmware")) {
                free(type);
                type = bk_strdup("vmware-iso");
        }
        *builder = (struct tmpl_builder){ .type = bk_take(type), .name = bk_take(name), .doc = doc };
        tmpl->n_builders++;
        return 0;
}

static int load_builders(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err)
{
        enum { BUILDERS_MOST = 1000 };          /* names are compared each with each */

        if (want(doc, BK_DOC_ARRAY, "\"builders\"", err) < 0)
                return -1;
        if (doc->n > BUILDERS_MOST)
                return bk_doc_fail(err, doc, "more than %d builders", BUILDERS_MOST);
        tmpl->builders = bk_alloc(doc->n * sizeof *tmpl->builders);
        for (size_t i = 0; i < doc->n; i++)
                if (load_builder(tmpl, doc->items[i], err) < 0)
                        return -1;
        return 0;
}

/* --- steps ----------------------------------------------------------------- */
static int refuse_builder(const struct tmpl *tmpl, const struct bk_doc *at, bool key, const char *name,
                          struct bk_error *err)
{
        autofree const char **names = bk_grow(NULL, tmpl->n_builders, sizeof *names);
        const char *nearest;

        for (size_t i = 0; i < tmpl->n_builders; i++)
                names[i] = tmpl->builders[i].name;
        nearest = bk_nearest(name, names, tmpl->n_builders);
        return (key ? bk_doc_fail_key : bk_doc_fail)(err, at, "there is no builder \"%.100s\"%s%.100s%s", name,
                                                     nearest ? "; did you mean \"" : "", nearest ? nearest : "",
                                                     nearest ? "\"?" : "");
}

static int add_builder_name(const struct tmpl *tmpl, const struct bk_doc *doc, struct bk_strv *into, struct bk_error *err)
{
        const struct tmpl_scope scope = { .tmpl = tmpl };
        autofree char *name = NULL;

        if (want(doc, BK_DOC_STRING, "the name of a builder", err) < 0 ||
            tmpl_render(&scope, doc->text, doc, &name, err) < 0)
                return -1;
        if (find_builder(tmpl, name) == NULL)
                return refuse_builder(tmpl, doc, false, name, err);
        bk_strv_take(into, bk_take(name));
        return 0;
}

/* only and except. A lone string passes as a list of one in provisioners, not in post-processors. */
static int load_names(const struct tmpl *tmpl, const struct bk_doc *block, const char *key, bool weak,
                      struct bk_strv *into, struct bk_error *err)
{
        const struct bk_doc *const list = bk_doc_get(block, key);

        if (list == NULL || list->kind == BK_DOC_NULL)
                return 0;
        if (weak && list->kind == BK_DOC_STRING)
                return add_builder_name(tmpl, list, into, err);
        if (list->kind != BK_DOC_ARRAY)
                return bk_doc_fail(err, list, "\"%s\" must be an array of builder names, found %s", key,
                                   bk_doc_kind_name(list->kind));
        for (size_t i = 0; i < list->n; i++)
                if (add_builder_name(tmpl, list->items[i], into, err) < 0)
                        return -1;
        return 0;
}

static int load_limits(const struct tmpl *tmpl, const struct bk_doc *block, bool weak, struct tmpl_step *step,
                       struct bk_error *err)
{
        if (load_names(tmpl, block, "only", weak, &step->only, err) < 0 ||
            load_names(tmpl, block, "except", weak, &step->except, err) < 0)
                return -1;
        if (step->only.n > 0 && step->except.n > 0)
                return bk_doc_fail_key(err, bk_doc_get(block, "except"), "\"only\" and \"except\" exclude each other");
        return 0;
}

static int load_override(const struct tmpl *tmpl, const struct bk_doc *block, struct tmpl_step *step, struct bk_error *err)
{
        const struct bk_doc *const override = bk_doc_get(block, "override");

        if (override == NULL || override->kind == BK_DOC_NULL)
                return 0;
        if (want(override, BK_DOC_OBJECT, "\"override\"", err) < 0)
                return -1;
        for (size_t i = 0; i < override->n; i++) {
                if (find_builder(tmpl, override->items[i]->key) == NULL)
                        return refuse_builder(tmpl, override->items[i], true, override->items[i]->key, err);
                if (want(override->items[i], BK_DOC_OBJECT, "what replaces keys of this step", err) < 0)
                        return -1;
                lower_keys(override->items[i]);
        }
        step->override = override;
        return 0;
}

static void step_done(struct tmpl_step *step)
{
        free(step->type);
        free(step->name);
        bk_strv_done(&step->only);
        bk_strv_done(&step->except);
        *step = (struct tmpl_step){ 0 };
}

static int load_provisioner(struct tmpl *tmpl, const struct bk_doc *doc, struct tmpl_step *ret, struct bk_error *err)
{
        BK_CLEANUP(step_done) struct tmpl_step step = { .doc = doc };

        lower_keys(doc);
        if (get_type(doc, "a provisioner", &step.type, err) < 0 || load_limits(tmpl, doc, true, &step, err) < 0 ||
            load_override(tmpl, doc, &step, err) < 0)
                return -1;
        *ret = step;
        step = (struct tmpl_step){ 0 };
        return 0;
}

static int load_provisioners(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err)
{
        if (want(doc, BK_DOC_ARRAY, "\"provisioners\"", err) < 0)
                return -1;
        tmpl->provisioners = bk_alloc(doc->n * sizeof *tmpl->provisioners);
        for (size_t i = 0; i < doc->n; i++, tmpl->n_provisioners++)
                if (load_provisioner(tmpl, doc->items[i], &tmpl->provisioners[i], err) < 0)
                        return -1;
        return 0;
}

static int load_cleanup(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err)
{
        tmpl->cleanup = bk_alloc(sizeof *tmpl->cleanup);
        return load_provisioner(tmpl, doc, tmpl->cleanup, err);
}

/* A name alone is a stage without keys. */
static int load_stage(struct tmpl *tmpl, const struct bk_doc *doc, struct tmpl_step *ret, struct bk_error *err)
{
        BK_CLEANUP(step_done) struct tmpl_step step = { .doc = doc };
        const char *name = NULL;

        lower_keys(doc);
        if (doc->kind == BK_DOC_ARRAY)
                return bk_doc_fail(err, doc, "a pipeline of post-processors cannot hold another one");
        if (doc->kind == BK_DOC_STRING && doc->text_len > 0 && strlen(doc->text) == doc->text_len)
                step.type = bk_strdup(doc->text);
        else if (get_type(doc, "a post-processor", &step.type, err) < 0 || get_text(doc, "name", &name, err) < 0 ||
                 load_limits(tmpl, doc, false, &step, err) < 0)
                return -1;
        step.name = bk_strdup(name && *name ? name : step.type);
        *ret = step;
        step = (struct tmpl_step){ 0 };
        return 0;
}

static int load_pipelines(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_error *err)
{
        if (want(doc, BK_DOC_ARRAY, "\"post-processors\"", err) < 0)
                return -1;
        tmpl->pipelines = bk_alloc(doc->n * sizeof *tmpl->pipelines);
        for (size_t i = 0; i < doc->n; i++) {
                struct tmpl_pipeline *const pipeline = &tmpl->pipelines[tmpl->n_pipelines++];
                struct bk_doc *const *stages = doc->items[i]->kind == BK_DOC_ARRAY ? doc->items[i]->items : &doc->items[i];
                const size_t n = doc->items[i]->kind == BK_DOC_ARRAY ? doc->items[i]->n : 1;

                pipeline->v = bk_alloc(n * sizeof *pipeline->v);
                for (; pipeline->n < n; pipeline->n++)
                        if (load_stage(tmpl, stages[pipeline->n], &pipeline->v[pipeline->n], err) < 0)
                                return -1;
        }
        return 0;
}

bool tmpl_step_applies(const struct tmpl_step *step, const char *builder_name)
{
        if (step->only.n > 0)
                return bk_strv_has(&step->only, builder_name);
        return !bk_strv_has(&step->except, builder_name);
}

/* --- warnings -------------------------------------------------------------- */
/* In Packer an undeclared variable is empty outside "variables", and templates
 * rely on it. It is more often a typo, so each is named once. */
static void warn_undeclared(struct tmpl *tmpl, const struct bk_doc *doc, struct bk_strv *seen)
{
        const char *const first = doc->kind == BK_DOC_STRING ? strstr(doc->text, "{{") : NULL;

        for (size_t i = 0; i < doc->n; i++)
                warn_undeclared(tmpl, doc->items[i], seen);
        for (const char *p = first ? strstr(first, "user") : NULL; p != NULL; p = strstr(p + 4, "user")) {
                const bool word = !isalnum((unsigned char)p[-1]) && p[-1] != '_' && p[-1] != '.';
                const char *start = p + 4 + strspn(p + 4, " \t"), *end;
                autofree char *name = NULL;
                const char *nearest;

                if (!word || (*start != '`' && *start != '"') || (end = strchr(start + 1, *start)) == NULL)
                        continue;
                name = bk_strndup(start + 1, (size_t)(end - start - 1));
                if (tmpl_variable_find(tmpl, name) != NULL || bk_strv_has(seen, name))
                        continue;
                bk_strv_add(seen, name);
                nearest = tmpl_variable_nearest(tmpl, name);
                bk_strv_addf(&tmpl->warnings, "%s:%u:%u: warning: there is no variable \"%s\", so it is empty%s%s%s",
                             doc->file, doc->line, doc->column, name, nearest ? "; did you mean \"" : "",
                             nearest ? nearest : "", nearest ? "\"?" : "");
        }
}

static void warn(struct tmpl *tmpl)
{
        static const char *const blocks[] = { "builders", "provisioners", "error-cleanup-provisioner", "post-processors" };
        BK_CLEANUP(bk_strv_done) struct bk_strv seen = { 0 };

        for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
                const struct bk_doc *const doc = bk_doc_get(tmpl->root, blocks[i]);

                if (doc != NULL)
                        warn_undeclared(tmpl, doc, &seen);
        }
}

/* --- the whole ------------------------------------------------------------- */
static int load_root(struct tmpl *tmpl, const struct tmpl_options *options, struct bk_error *err)
{
        if (want(tmpl->root, BK_DOC_OBJECT, "a template", err) < 0)
                return -1;
        for (size_t i = 0; i < tmpl->root->n; i++)
                if (check_root_key(tmpl->root->items[i], err) < 0)
                        return -1;
        if (tmpl_variables_load(tmpl, options, err) < 0)
                return -1;
        for (size_t i = 0; i < N_ROOTS; i++) {
                const struct bk_doc *const doc = bk_doc_get(tmpl->root, roots[i].name);

                if (doc != NULL && doc->kind != BK_DOC_NULL && roots[i].load != NULL && roots[i].load(tmpl, doc, err) < 0)
                        return -1;
        }
        if (tmpl->n_builders == 0)
                return bk_doc_fail(err, tmpl->root, "the template has no builders");
        warn(tmpl);
        return 0;
}

void tmpl_free(struct tmpl *tmpl)
{
        if (tmpl == NULL)
                return;
        for (size_t i = 0; i < tmpl->n_variables; i++) {
                free(tmpl->variables[i].name);
                free(tmpl->variables[i].value);
                free(tmpl->variables[i].stable);
                free(tmpl->variables[i].fallback);
        }
        for (size_t i = 0; i < tmpl->n_builders; i++) {
                free(tmpl->builders[i].type);
                free(tmpl->builders[i].name);
        }
        for (size_t i = 0; i < tmpl->n_provisioners; i++)
                step_done(&tmpl->provisioners[i]);
        for (size_t i = 0; i < tmpl->n_pipelines; i++) {
                for (size_t k = 0; k < tmpl->pipelines[i].n; k++)
                        step_done(&tmpl->pipelines[i].v[k]);
                free(tmpl->pipelines[i].v);
        }
        if (tmpl->cleanup != NULL)
                step_done(tmpl->cleanup);
        for (size_t i = 0; i < tmpl->n_var_files; i++)
                bk_doc_free(tmpl->var_files[i]);
        bk_doc_free(tmpl->root);
        bk_strv_done(&tmpl->warnings);
        free(tmpl->variables);
        free(tmpl->builders);
        free(tmpl->provisioners);
        free(tmpl->pipelines);
        free(tmpl->cleanup);
        free(tmpl->var_files);
        free(tmpl->path);
        free(tmpl->dir);
        free(tmpl->digest);
        free(tmpl->description);
        free(tmpl);
}

static void free_tmpl(struct tmpl **tmpl)
{
        tmpl_free(*tmpl);
}

int tmpl_load_bytes(const char *name, const char *dir, const char *bytes, size_t length,
                    const struct tmpl_options *options, struct tmpl **ret, struct bk_error *err)
{
        BK_CLEANUP(free_tmpl) struct tmpl *tmpl = bk_alloc(sizeof *tmpl);

        tmpl->path = bk_strdup(name);
        tmpl->started = time(NULL);
        tmpl->dir = realpath(dir ? dir : ".", NULL);
        if (tmpl->dir == NULL)
                return bk_fail_errno(err, "cannot find the folder '%s'", dir ? dir : ".");
        tmpl->digest = bk_digest_bytes(bytes, length);
        if (bk_doc_parse(name, bytes, length, &tmpl->root, err) < 0 || load_root(tmpl, options, err) < 0)
                return -1;
        *ret = bk_take(tmpl);
        return 0;
}

/* By Packer's names; a folder is one of such files. */
static bool is_hcl(const char *path)
{
        static const char *const ends[] = { ".pkr.hcl", ".pkr.json" };
        struct stat st;

        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
                if (strlen(path) > strlen(ends[i]) && bk_streq(path + strlen(path) - strlen(ends[i]), ends[i]))
                        return true;
        return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int tmpl_load(const char *path, const struct tmpl_options *options, struct tmpl **ret, struct bk_error *err)
{
        const char *const slash = strrchr(path, '/');
        autofree char *dir = NULL, *bytes = NULL;
        size_t length = 0;

        if (bk_streq(path, "-")) {
                if (bk_read_fd(STDIN_FILENO, TMPL_FILE_MOST, &bytes, &length, err) < 0)
                        return bk_wrap(err, "standard input");
                return tmpl_load_bytes("(standard input)", NULL, bytes, length, options, ret, err);
        }
        if (is_hcl(path))
                return bk_fail(err, BK_INVALID, "'%s': HCL2 is not read yet, only Packer's legacy JSON", path);
        if (bk_read_file(path, TMPL_FILE_MOST, &bytes, &length, err) < 0)
                return -1;
        if (slash != NULL)
                dir = slash == path ? bk_strdup("/") : bk_strndup(path, (size_t)(slash - path));
        return tmpl_load_bytes(path, dir, bytes, length, options, ret, err);
}
