/* Who installs packages, and what each has installed: by its files, which needs no program; where its files are in no known
 * place, by asking the program. */
#include "spec/packages.h"

#include <ctype.h>
#include <string.h>

static const char *const python2[] = { "/usr/lib/python2*/*-packages", "/usr/lib64/python2*/site-packages", "/usr/local/lib/python2*/*-packages",
                                       "/usr/local/lib64/python2*/site-packages", NULL };
static const char *const python3[] = { "/usr/lib/python3*/*-packages", "/usr/lib64/python3*/site-packages", "/usr/local/lib/python3*/*-packages",
                                       "/usr/local/lib64/python3*/site-packages", NULL };
static const char *const td_agent[] = { "/opt/td-agent/lib/ruby/gems/*/specifications", "/opt/td-agent/embedded/lib/ruby/gems/*/specifications",
                                        "/opt/fluent/lib/ruby/gems/*/specifications", NULL };
static const char *const rvm[] = { "/usr/local/rvm/rubies", "/usr/share/rvm/rubies", NULL };

const struct spec_provider spec_providers[] = {
        { "dpkg", BK_DEB }, { "apt", BK_DEB }, { "opkg", BK_DEB },
        { "rpm", BK_RPM, .versioning = SPEC_VERSION_RELEASE }, { "yum", BK_RPM, .versioning = SPEC_VERSION_RELEASE },
        { "dnf", BK_RPM, .versioning = SPEC_VERSION_RELEASE }, { "zypper", BK_RPM, .versioning = SPEC_VERSION_RELEASE },
        { "apk", BK_APK, .versioning = SPEC_VERSION_RELEASE }, { "pacman", BK_ALPM, .versioning = SPEC_VERSION_RELEASE },
        { "gem", BK_GEM, SPEC_NAMED_FOLDED, SPEC_VERSION_WHOLE, false, NULL, "gem list --local" },
        { "td_agent_gem", BK_GEM, SPEC_NAMED_FOLDED, SPEC_VERSION_WHOLE, false, td_agent, "/usr/sbin/td-agent-gem list --local" },
        { "rvm", BK_GEM, SPEC_NAMED_BEGIN, SPEC_VERSION_WORDS, true, rvm, "rvm list strings" },
        { "npm", BK_NPM, SPEC_NAMED, SPEC_VERSION_WORDS, false, NULL, "npm ls -g --all" },
        { "pip", BK_PYPI, SPEC_NAMED_PYPI, SPEC_VERSION_WORDS, true, NULL, "pip list" },
        { "pip2", BK_PYPI, SPEC_NAMED_PYPI, SPEC_VERSION_WORDS, true, python2, "pip2 list" },
        { "pip3", BK_PYPI, SPEC_NAMED_PYPI, SPEC_VERSION_WORDS, false, python3, "pip3 list" },
        { "pecl", BK_PECL, SPEC_NAMED_FOLDED, SPEC_VERSION_WORDS, true, NULL, "pecl list" },
        { "pear", BK_PEAR, SPEC_NAMED_FOLDED, SPEC_VERSION_WORDS, true, NULL, "pear list -a" },
        { "cpan", BK_CPAN, SPEC_NAMED, SPEC_VERSION_WORDS, true, NULL, "cpan -l" },
        { NULL },
};
enum { PROVIDERS = sizeof spec_providers / sizeof *spec_providers - 1 };

/* A list, once it was read, or why it is damaged for good. */
struct list { bool read; struct bk_error err; struct bk_packages packages; };
struct spec_package_lists {
        struct list system, by[PROVIDERS];
};

const struct spec_provider *spec_provider_of(const char *name)
{
        for (size_t i = 0; i < PROVIDERS; i++)
                if (bk_streq(spec_providers[i].name, name))
                        return &spec_providers[i];
        return NULL;
}

void spec_package_lists_free(struct spec_package_lists *lists)
{
        if (lists == NULL)
                return;
        bk_packages_done(&lists->system.packages);
        for (size_t i = 0; i < PROVIDERS; i++)
                bk_packages_done(&lists->by[i].packages);
        free(lists);
}

static int tree_read(void *arg, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        const struct spec_image *image = arg;

        return spec_files_read(&image->files, path, most, ret, ret_len, err);
}

static int tree_list(void *arg, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        const struct spec_image *image = arg;

        return spec_files_list(&image->files, path, ret, err);
}

static void tree_want(void *arg, const char *path)
{
        const struct spec_image *image = arg;

        if (image->files.facts != NULL)
                spec_facts_want_path(image->files.facts, path);
}

static struct bk_tree tree_of(struct spec_image *image)
{
        return (struct bk_tree){ .read = tree_read, .list = tree_list, .want = tree_want, .arg = image };
}

static const enum bk_ecosystem of_systems[] = { BK_DEB, BK_RPM, BK_APK, BK_ALPM };
enum { SYSTEMS = sizeof of_systems / sizeof *of_systems };

void spec_packages_want(const struct spec_resource *resource)
{
        const struct bk_tree tree = tree_of(resource->image);

        for (size_t i = 0; i < SYSTEMS; i++)
                bk_packages_want(&tree, of_systems[i]);
}

/* --- of the system -------------------------------------------------------------------------------------------------- */

static int load_database(struct spec_image *image, enum bk_ecosystem ecosystem, struct bk_packages *ret, struct bk_error *err)
{
        const struct bk_tree tree = tree_of(image);
        struct bk_packages found = { 0 };
        const int there = bk_packages_read(&tree, ecosystem, &found, err);

        if (there < 0) {
                bk_packages_done(&found);
                return -1;
        }
        bk_packages_sort(&found);
        *ret = found;
        return there;
}

static int load_one(struct spec_image *image, const struct spec_provider *provider, struct bk_packages *ret, struct bk_error *err)
{
        const int there = load_database(image, provider->ecosystem, ret, err);

        return there != 0 ? there : bk_fail(err, BK_INFRA, "the image has no package database of '%s'", provider->name);
}

/* A tool such as rpm may leave an odd database of its own beside the system's: it matters when there is no other. */
static int load_system(struct spec_image *image, struct bk_packages *ret, struct bk_error *err)
{
        struct bk_error broken = { 0 };
        int found = 0;

        for (size_t i = 0; i < SYSTEMS; i++) {
                struct bk_packages one = { 0 };
                const int there = load_database(image, of_systems[i], &one, &broken);

                if (there <= 0)
                        continue;
                found = 1;
                ret->v = bk_grow(ret->v, ret->n + one.n + 1, sizeof *ret->v);
                if (one.n > 0)
                        memcpy(ret->v + ret->n, one.v, one.n * sizeof *one.v);
                ret->n += one.n;
                free(one.v);
        }
        if (found == 0 && broken.kind != BK_NONE) {
                *err = broken;
                return -1;
        }
        if (found == 0)
                return bk_fail(err, BK_INFRA, "the image has no package database that is known here");
        bk_packages_sort(ret);
        return 1;
}

/* --- of languages --------------------------------------------------------------------------------------------------- */

static void add(struct bk_packages *ret, enum bk_ecosystem ecosystem, const char *name, size_t name_len, const char *version, size_t version_len)
{
        struct bk_package *p;

        if ((ret->n & (ret->n - 1)) == 0)
                ret->v = bk_grow(ret->v, ret->n ? ret->n * 2 : 1, sizeof *ret->v);
        p = &ret->v[ret->n++];
        *p = (struct bk_package){ .name = bk_strndup(name, name_len), .version = bk_strndup(version, version_len), .ecosystem = ecosystem,
                                  .installed = true };
        p->architecture = bk_strdup("");
        p->source = bk_strdup(p->name);
        p->source_version = bk_strdup(p->version);
}

/* npm draws a tree: the name is what has an "@" behind its first byte. */
static bool add_at(const char *line, size_t length, enum bk_ecosystem ecosystem, struct bk_packages *ret)
{
        for (size_t at = 0, n; at < length; at += n + 1) {
                const char *word = line + at, *sign;

                for (n = 0; at + n < length && word[n] != ' ';)
                        n++;
                sign = n > 1 ? memrchr(word + 1, '@', n - 1) : NULL;
                if (sign != NULL) {
                        add(ret, ecosystem, word, (size_t)(sign - word), sign + 1, (size_t)(word + n - sign - 1));
                        return true;
                }
        }
        return false;
}

static void parse_line(const char *line, size_t length, enum bk_ecosystem ecosystem, struct bk_packages *ret)
{
        size_t name = 0, n;
        bool any = false;

        while (name < length && !isspace((unsigned char)line[name]))
                name++;
        if (memmem(line, length, "UNMET ", 6) != NULL || (ecosystem == BK_NPM && add_at(line, length, ecosystem, ret)) || name == 0)
                return;
        for (size_t at = name; at < length; at += n + 1) {
                for (n = 0; at + n < length && strchr(" \t(),", line[at + n]) == NULL;)
                        n++;
                if (n == 0 || (!isdigit((unsigned char)line[at]) && !(line[at] == 'v' && n > 1 && isdigit((unsigned char)line[at + 1]))))
                        continue;
                add(ret, ecosystem, line, name, line + at, n);
                any = true;
        }
        if (!any)
                add(ret, ecosystem, line, name, "", 0);
}

void spec_packages_parse_lines(const char *text, enum bk_ecosystem ecosystem, struct bk_packages *ret)
{
        for (const char *line = text; *line != '\0';) {
                const size_t length = strcspn(line, "\n");

                parse_line(line, length, ecosystem, ret);
                line += length + (line[length] == '\n');
        }
}

/* The program is asked. Where it is missing, nothing is installed by it. */
static int load_by_line(struct spec_image *image, const struct spec_provider *provider, struct bk_packages *ret, struct bk_error *err)
{
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };

        if (spec_image_run(image, provider->line, &output, err) < 0)
                return bk_wrap(err, "packages of '%s' are in no place that is known here, and '%s' must be run", provider->name, provider->line);
        if (output.status == 127)
                return 0;
        if (output.status != 0 && (output.out == NULL || *output.out == '\0'))
                return bk_fail(err, BK_INFRA, "'%s' ended with status %d: %.200s", provider->line, output.status, output.err ? output.err : "");
        spec_packages_parse_lines(output.out != NULL ? output.out : "", provider->ecosystem, ret);
        return 1;
}

/* "ruby-2.7.1" is a folder's name. */
static int load_rubies(const struct bk_tree *tree, const char *const places[], struct bk_packages *ret, struct bk_error *err)
{
        int found = 0;

        for (size_t i = 0; places[i] != NULL; i++) {
                autostrv struct bk_strv names = { 0 };
                const int there = tree->list(tree->arg, places[i], &names, err);

                if (there < 0)
                        return -1;
                found |= there;
                for (size_t j = 0; j < names.n; j++) {
                        const char *dash = strchr(names.v[j], '-'), *version = dash != NULL ? dash + 1 : "";

                        if (!bk_streq(names.v[j], "default"))
                                add(ret, BK_GEM, names.v[j], strlen(names.v[j]), version, strlen(version));
                }
        }
        return found;
}

static int load_language(struct spec_image *image, const struct spec_provider *provider, struct bk_packages *ret, struct bk_error *err)
{
        const struct bk_tree tree = tree_of(image);
        int there;

        if (provider->places == rvm)
                there = load_rubies(&tree, rvm, ret, err);
        else if (provider->places != NULL)
                there = bk_packages_read_in(&tree, provider->ecosystem, provider->places, ret, err);
        else
                there = bk_packages_read(&tree, provider->ecosystem, ret, err);
        /* pear lists what came from pecl, too. */
        if (there > 0 && provider->ecosystem == BK_PEAR && bk_packages_read(&tree, BK_PECL, ret, err) < 0)
                return -1;
        if (there == 0 && provider->ecosystem != BK_CPAN)
                there = load_by_line(image, provider, ret, err);
        bk_packages_sort(ret);
        return there;
}

int spec_image_packages(struct spec_image *image, const struct spec_provider *provider, const struct bk_packages **ret, struct bk_error *err)
{
        struct list *list;

        if (image->packages == NULL)
                image->packages = bk_alloc(sizeof *image->packages);
        list = provider != NULL ? &image->packages->by[provider - spec_providers] : &image->packages->system;
        if (!list->read) {
                const int there = provider == NULL ? load_system(image, &list->packages, &list->err)
                                : provider->line == NULL ? load_one(image, provider, &list->packages, &list->err)
                                : load_language(image, provider, &list->packages, &list->err);

                list->read = there >= 0 || list->err.kind == BK_CORRUPT;
        }
        if (list->err.kind != BK_NONE) {
                *err = list->err;
                if (list->read)
                        return -1;
                bk_packages_done(&list->packages);      /* what failed for now may be tried again */
                list->err = (struct bk_error){ 0 };
                return -1;
        }
        *ret = &list->packages;
        return 0;
}

int spec_image_perl_module(struct spec_image *image, const char *name, struct bk_package *ret, struct bk_error *err)
{
        const struct bk_tree tree = tree_of(image);

        return bk_packages_perl_module(&tree, name, ret, err);
}
