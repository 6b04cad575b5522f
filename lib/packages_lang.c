/* What gem, pip and npm have installed, by the files that they leave: a gemspec, a folder NAME-VERSION.dist-info or .egg-info, a
 * folder with a package.json. */
#include "lib/packages_priv.h"

#include <string.h>

#include "lib/doc.h"
#include "lib/fs.h"

enum { NPM_DEPTH_MOST = 12 };           /* of packages in packages; a link may lead round in circles */

static bool ends_with(const char *text, const char *end)
{
        const size_t length = strlen(text), n = strlen(end);

        return length > n && strcmp(text + length - n, end) == 0;
}

/* The names in every folder, asked in one batch. Returns whether any is there, or -1. */
static int list_all(const struct bk_tree *tree, const struct bk_strv *folders, void (*take)(void *arg, const char *folder, const char *name),
                    void *arg, struct bk_error *err)
{
        int ret = 0;

        for (size_t i = 0; i < folders->n; i++)
                bk_tree_want(tree, folders->v[i]);
        for (size_t i = 0; i < folders->n; i++) {
                autostrv struct bk_strv names = { 0 };
                const int there = bk_tree_list(tree, folders->v[i], &names, err);

                if (there < 0)
                        return -1;
                ret |= there;
                for (size_t j = 0; j < names.n; j++)
                        if (strchr(names.v[j], '/') == NULL)
                                take(arg, folders->v[i], names.v[j]);
        }
        return ret;
}

static void keep(char **member, const char *value, size_t length)
{
        if (*member == NULL && length > 0)
                *member = bk_strndup(value, length);
}

/* --- gem ------------------------------------------------------------------------------------------------------------ */

struct paths { struct bk_strv files, folders; };

static void paths_done(struct paths *paths)
{
        bk_strv_done(&paths->files);
        bk_strv_done(&paths->folders);
}

/* Ruby's own gems are in a folder of their own. */
static void take_gemspec(void *arg, const char *folder, const char *name)
{
        struct paths *paths = arg;

        if (bk_streq(name, "default") && !ends_with(folder, "/default"))
                bk_strv_addf(&paths->folders, "%s/default", folder);
        else if (ends_with(name, ".gemspec") && paths->files.n < PACKAGES_FILES_MOST)
                bk_strv_addf(&paths->files, "%s/%s", folder, name);
}

/* "# stub: NAME VERSION PLATFORM FOLDERS", which RubyGems writes to be spared from the rest. */
static void gem_stub(const char *text, struct bk_package *p)
{
        const char *line = strstr(text, "# stub: ");
        size_t length;

        if (line == NULL || (line != text && line[-1] != '\n'))
                return;
        line += strlen("# stub: ");
        length = strcspn(line, " \n");
        keep(&p->name, line, length);
        line += length + (line[length] == ' ');
        length = strcspn(line, " \n");
        keep(&p->version, line, length);
        line += length + (line[length] == ' ');
        length = strcspn(line, " \n");
        if (strncmp(line, "ruby", length) != 0)
                keep(&p->architecture, line, length);
}

/* `s.name = "rake".freeze`, `s.version = Gem::Version.new("1.0")`: the first quoted text. */
static void gem_member(const char *text, const char *member, char **ret)
{
        for (const char *at = text; *ret == NULL && (at = strstr(at, member)) != NULL; at += strlen(member)) {
                const char *value = at + strlen(member) + strspn(at + strlen(member), " \t"), *quote;

                if (*value != '=' || value[1] == '=')
                        continue;
                quote = value + strcspn(value, "\"'\n");
                if (*quote != '\0' && *quote != '\n')
                        keep(ret, quote + 1, strcspn(quote + 1, "\"'\n"));
        }
}

/* NAME-VERSION.gemspec: the version begins with the last part that begins with a digit; what follows is a platform. */
static void gem_file_name(const char *path, struct bk_package *p)
{
        autofree char *name = bk_strndup(bk_base_name(path), strlen(bk_base_name(path)) - strlen(".gemspec"));
        char *dash = NULL;

        for (char *at = name; (at = strchr(at, '-')) != NULL; at++)
                if (at[1] >= '0' && at[1] <= '9')
                        dash = at;
        if (dash == NULL)
                return;
        keep(&p->name, name, (size_t)(dash - name));
        keep(&p->version, dash + 1, strcspn(dash + 1, "-"));
}

static void parse_gemspec(void *arg, const struct bk_tree_file *file)
{
        struct bk_package p = { .ecosystem = BK_GEM, .installed = true };

        if (file->text == NULL)
                return;
        gem_stub(file->text, &p);
        if (p.name == NULL || p.version == NULL) {
                gem_member(file->text, ".name", &p.name);
                gem_member(file->text, ".version", &p.version);
        }
        if (p.name == NULL || p.version == NULL)
                gem_file_name(file->path, &p);
        bk_packages_add(arg, &p);
}

int bk_packages_read_gem(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err)
{
        BK_CLEANUP(paths_done) struct paths paths = { 0 }, own = { 0 };
        const int there = list_all(tree, places, take_gemspec, &paths, err);

        if (there <= 0 || list_all(tree, &paths.folders, take_gemspec, &own, err) < 0 ||
            bk_tree_each(tree, &paths.files, parse_gemspec, ret, err) < 0 || bk_tree_each(tree, &own.files, parse_gemspec, ret, err) < 0)
                return there <= 0 ? there : -1;
        return 1;
}

/* --- pip ------------------------------------------------------------------------------------------------------------ */

static void take_info(void *arg, const char *folder, const char *name)
{
        struct bk_strv *files = arg;

        if (files->n >= PACKAGES_FILES_MOST)
                return;
        if (ends_with(name, ".dist-info"))
                bk_strv_addf(files, "%s/%s/METADATA", folder, name);
        if (ends_with(name, ".egg-info")) {     /* a file, or a folder with one */
                bk_strv_addf(files, "%s/%s", folder, name);
                bk_strv_addf(files, "%s/%s/PKG-INFO", folder, name);
        }
}

/* "NAME-VERSION.dist-info", where names have "_" for "-". */
static void pypi_folder_name(const char *path, struct bk_package *p)
{
        const char *end = strstr(path, ".dist-info/"), *begin, *dash;

        if (end == NULL)
                return;
        begin = memrchr(path, '/', (size_t)(end - path));
        begin = begin != NULL ? begin + 1 : path;
        dash = memchr(begin, '-', (size_t)(end - begin));
        if (dash != NULL) {
                keep(&p->name, begin, (size_t)(dash - begin));
                keep(&p->version, dash + 1, (size_t)(end - dash - 1));
        }
}

/* Fields as in a mail's header; an empty line ends them. */
static void parse_metadata(void *arg, const struct bk_tree_file *file)
{
        struct bk_package p = { .ecosystem = BK_PYPI, .installed = true };

        for (const char *line = file->text; line != NULL && *line != '\0' && *line != '\n' && *line != '\r';) {
                const size_t length = strcspn(line, "\n");
                const char *value;
                size_t value_len;

                if ((value = bk_packages_value(line, length, "Name:", &value_len)) != NULL)
                        keep(&p.name, value, value_len);
                else if ((value = bk_packages_value(line, length, "Version:", &value_len)) != NULL)
                        keep(&p.version, value, value_len);
                line += length + (line[length] == '\n');
        }
        if (p.name == NULL || p.version == NULL)
                pypi_folder_name(file->path, &p);
        bk_packages_add(arg, &p);
}

int bk_packages_read_pypi(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err)
{
        autostrv struct bk_strv files = { 0 };
        const int there = list_all(tree, places, take_info, &files, err);

        return there <= 0 ? there : bk_tree_each(tree, &files, parse_metadata, ret, err) < 0 ? -1 : 1;
}

/* --- npm ------------------------------------------------------------------------------------------------------------ */

static bool is_scope(const char *folder)
{
        return *bk_base_name(folder) == '@';
}

static void take_module(void *arg, const char *folder, const char *name)
{
        struct paths *paths = arg;

        if (*name == '.' || paths->files.n >= PACKAGES_FILES_MOST)
                return;
        if (*name == '@' && !is_scope(folder))
                bk_strv_addf(&paths->folders, "%s/%s", folder, name);
        else
                bk_strv_addf(&paths->files, "%s/%s/package.json", folder, name);
}

static char *text_member(const struct bk_doc *doc, const char *key)
{
        const struct bk_doc *member = doc != NULL && doc->kind == BK_DOC_OBJECT ? bk_doc_get(doc, key) : NULL;

        return member != NULL && member->kind == BK_DOC_STRING ? bk_strdup(member->text) : NULL;
}

/* The folder's name is what require() goes by, whatever the file says. */
static char *module_name(const char *path)
{
        const char *end = path + strlen(path) - strlen("/package.json"), *begin = memrchr(path, '/', (size_t)(end - path));
        const char *scope = begin != NULL ? memrchr(path, '/', (size_t)(begin - path)) : NULL;

        if (begin == NULL)
                return NULL;
        if (scope != NULL && scope[1] == '@')
                begin = scope;
        return bk_strndup(begin + 1, (size_t)(end - begin - 1));
}

struct modules { struct bk_packages *ret; struct bk_strv nested; };

static void modules_done(struct modules *modules)
{
        bk_strv_done(&modules->nested);
}

static void parse_package_json(void *arg, const struct bk_tree_file *file)
{
        struct modules *modules = arg;
        struct bk_package p = { .ecosystem = BK_NPM, .installed = true };
        struct bk_doc *doc = NULL;
        struct bk_error ignored = { 0 };

        if (file->text == NULL)
                return;
        /* A file that is no JSON is still an installed package, of a version that nobody knows. */
        if (bk_doc_parse(file->path, file->text, file->length, &doc, &ignored) < 0)
                doc = NULL;
        p.name = module_name(file->path);
        p.version = text_member(doc, "version");
        bk_doc_free(doc);
        bk_packages_add(modules->ret, &p);
        bk_strv_addf(&modules->nested, "%.*s/node_modules", (int)(strlen(file->path) - strlen("/package.json")), file->path);
}

/* Level by level, so that each is one batch. */
int bk_packages_read_npm(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err)
{
        BK_CLEANUP(modules_done) struct modules modules = { .ret = ret };
        autostrv struct bk_strv now = { 0 };
        const size_t before = ret->n;
        int found = 0;

        for (size_t i = 0; i < places->n; i++)
                bk_strv_add(&now, places->v[i]);
        for (int depth = 0; depth < NPM_DEPTH_MOST && now.n > 0 && ret->n - before < PACKAGES_FILES_MOST; depth++) {
                BK_CLEANUP(paths_done) struct paths paths = { 0 };
                const int there = list_all(tree, &now, take_module, &paths, err);

                if (there < 0 || bk_tree_each(tree, &paths.files, parse_package_json, &modules, err) < 0)
                        return -1;
                found |= there;
                bk_strv_done(&now);
                now = modules.nested;
                modules.nested = (struct bk_strv){ 0 };
                for (size_t i = 0; i < paths.folders.n; i++)
                        bk_strv_add(&now, paths.folders.v[i]);
        }
        return found;
}
