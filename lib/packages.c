/* Which files hold which ecosystem's packages, and lists of packages. */
#include "lib/packages_priv.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fs.h"

static const char *const dpkg_paths[] = { "/var/lib/dpkg/status", "/var/lib/dpkg/status.d", "/usr/lib/opkg/status", "/var/lib/opkg/status", NULL };
static const char *const rpm_paths[] = {
        "/usr/lib/sysimage/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "/usr/lib/sysimage/rpm/Packages.db",
        "/usr/lib/sysimage/rpm/Packages", "/var/lib/rpm/rpmdb.sqlite", "/var/lib/rpm/rpmdb.sqlite-wal", "/var/lib/rpm/Packages.db",
        "/var/lib/rpm/Packages", NULL,
};
static const char *const apk_paths[] = { "/lib/apk/db/installed", "/usr/lib/apk/db/installed", NULL };
static const char *const pacman_paths[] = { "/var/lib/pacman/local", NULL };
static const char *const pypi_places[] = {
        "/usr/lib/python[23]*/*-packages", "/usr/lib64/python[23]*/site-packages", "/usr/local/lib/python[23]*/*-packages",
        "/usr/local/lib64/python[23]*/site-packages", NULL,
};
static const char *const npm_places[] = { "/usr/lib/node_modules", "/usr/local/lib/node_modules", "/usr/share/nodejs", "/usr/lib/nodejs", NULL };
static const char *const gem_places[] = {
        "/var/lib/gems/*/specifications", "/usr/lib/ruby/gems/*/specifications", "/usr/lib64/ruby/gems/*/specifications",
        "/usr/share/rubygems-integration/*/specifications", "/usr/share/gems/specifications", "/usr/local/share/gems/specifications",
        "/usr/local/lib/ruby/gems/*/specifications", "/usr/local/bundle/specifications", NULL,
};
static const char *const php_places[] = {
        "/usr/share/php*/.registry", "/usr/share/pear*/.registry", "/usr/local/lib/php/.registry", "/var/lib/pear/.registry", NULL,
};
static const char *const perllocal_places[] = {
        "/usr/local/lib/*/perl/*/perllocal.pod", "/usr/lib/*/perl/*/perllocal.pod", "/usr/lib64/perl5/perllocal.pod",
        "/usr/local/lib64/perl5/perllocal.pod", "/usr/lib/perl5/core_perl/perllocal.pod", "/usr/local/lib/perl5/*/*/perllocal.pod", NULL,
};

static const struct {
        const char *const *paths;       /* asked first */
        int (*read)(const struct bk_tree *tree, struct bk_packages *ret, struct bk_error *err);
        int (*read_in)(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err);
} readers[BK_ECOSYSTEMS] = {
        [BK_DEB] = { dpkg_paths, bk_packages_read_dpkg },
        [BK_RPM] = { rpm_paths, bk_packages_read_rpm },
        [BK_APK] = { apk_paths, bk_packages_read_apk },
        [BK_ALPM] = { pacman_paths, bk_packages_read_pacman },
        [BK_PYPI] = { pypi_places, NULL, bk_packages_read_pypi },
        [BK_NPM] = { npm_places, NULL, bk_packages_read_npm },
        [BK_GEM] = { gem_places, NULL, bk_packages_read_gem },
        [BK_PEAR] = { php_places, NULL, bk_packages_read_pear },
        [BK_PECL] = { php_places, NULL, bk_packages_read_pecl },
        [BK_CPAN] = { perllocal_places, NULL, bk_packages_read_cpan },
};

void bk_package_done(struct bk_package *package)
{
        free(package->name);
        free(package->version);
        free(package->architecture);
        free(package->source);
        free(package->source_version);
        free(package->provides);
        *package = (struct bk_package){ 0 };
}

void bk_packages_done(struct bk_packages *packages)
{
        for (size_t i = 0; i < packages->n; i++)
                bk_package_done(&packages->v[i]);
        free(packages->v);
        *packages = (struct bk_packages){ 0 };
}

static char *or_else(char *s, const char *other)
{
        return s != NULL ? s : bk_strdup(other);
}

void bk_packages_add(struct bk_packages *packages, struct bk_package *package)
{
        if (package->name == NULL || *package->name == '\0') {
                bk_package_done(package);
                return;
        }
        package->version = or_else(package->version, "");
        package->architecture = or_else(package->architecture, "");
        package->source = or_else(package->source, package->name);
        package->source_version = or_else(package->source_version, package->version);
        if ((packages->n & (packages->n - 1)) == 0)
                packages->v = bk_grow(packages->v, packages->n ? packages->n * 2 : 1, sizeof *packages->v);
        packages->v[packages->n++] = *package;
        *package = (struct bk_package){ 0 };
}

static int order(const void *a, const void *b)
{
        const struct bk_package *x = a, *y = b;
        int ret = strcmp(x->name, y->name);

        if (ret == 0)
                ret = (int)(y->installed && !y->unwanted) - (int)(x->installed && !x->unwanted);
        if (ret == 0)
                ret = (int)x->ecosystem - (int)y->ecosystem;
        if (ret == 0)
                ret = bk_version_compare(x->ecosystem, y->version, x->version);
        return ret != 0 ? ret : strcmp(x->architecture, y->architecture);
}

void bk_packages_sort(struct bk_packages *packages)
{
        if (packages->n > 1)
                qsort(packages->v, packages->n, sizeof *packages->v, order);
}

const struct bk_package *bk_packages_find(const struct bk_packages *packages, const char *name)
{
        size_t low = 0, high = packages->n;

        while (low < high) {
                const size_t middle = low + (high - low) / 2;

                if (strcmp(packages->v[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < packages->n && bk_streq(packages->v[low].name, name) ? &packages->v[low] : NULL;
}

const char *bk_packages_value(const char *line, size_t length, const char *key, size_t *ret_len)
{
        const size_t n = strlen(key);

        if (length < n || strncmp(line, key, n) != 0)
                return NULL;
        for (line += n, length -= n; length > 0 && (*line == ' ' || *line == '\t'); length--)
                line++;
        while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t' || line[length - 1] == '\r'))
                length--;
        *ret_len = length;
        return line;
}

/* --- trees ---------------------------------------------------------------------------------------------------------- */

static bool absent(int errnum)
{
        return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == ENAMETOOLONG;
}

/* Nothing but a regular file is opened for reading: a pipe would wait, a device would act. */
static int root_read(void *arg, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        const int root_fd = *(const int *)arg;
        autoclose int seen = bk_open_in_root(root_fd, path, O_PATH, 0), fd = -1;
        struct stat st;

        if (seen >= 0 && fstat(seen, &st) == 0 && !S_ISREG(st.st_mode))
                return 0;
        fd = seen < 0 ? -1 : bk_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
        if (fd < 0)
                return absent(errno) ? 0 : bk_fail_errno(err, "cannot read '%s' in the image", path);
        return bk_read_fd(fd, most, ret, ret_len, err) < 0 ? bk_wrap(err, "'%s' in the image", path) : 1;
}

static int root_list(void *arg, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        autodir DIR *dir = NULL;
        const int fd = bk_open_in_root(*(const int *)arg, path, O_RDONLY | O_DIRECTORY, 0);

        if (fd < 0)
                return absent(errno) ? 0 : bk_fail_errno(err, "cannot list '%s' in the image", path);
        dir = fdopendir(fd);
        if (dir == NULL) {
                (void)close(fd);
                return bk_fail_errno(err, "cannot list '%s' in the image", path);
        }
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
                if (!bk_streq(entry->d_name, ".") && !bk_streq(entry->d_name, ".."))
                        bk_strv_add(ret, entry->d_name);
        return 1;
}

struct bk_tree bk_tree_of_root(const int *root_fd)
{
        return (struct bk_tree){ .read = root_read, .list = root_list, .arg = (void *)(uintptr_t)root_fd };
}

int bk_tree_read(const struct bk_tree *tree, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        return tree->read(tree->arg, path, most, ret, ret_len, err);
}

int bk_tree_list(const struct bk_tree *tree, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        return tree->list(tree->arg, path, ret, err);
}

void bk_tree_want(const struct bk_tree *tree, const char *path)
{
        if (tree->want != NULL)
                tree->want(tree->arg, path);
}

void bk_tree_wantf(const struct bk_tree *tree, const char *format, ...)
{
        autofree char *path = NULL;
        va_list args;

        if (tree->want == NULL)
                return;
        va_start(args, format);
        path = bk_vformat(format, args);
        va_end(args);
        tree->want(tree->arg, path);
}

/* The folder before the first component with a "*", or NULL when there is none. */
static char *before_star(const char *place, size_t *ret_len)
{
        const char *star = strpbrk(place, "*["), *slash;

        if (star == NULL)
                return NULL;
        slash = memrchr(place, '/', (size_t)(star - place));
        *ret_len = slash != NULL ? (size_t)(slash - place) : 0;
        return bk_strndup(place, *ret_len);
}

static int expand_one(const struct bk_tree *tree, const char *place, struct bk_strv *ret, struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 };
        size_t length = 0;
        autofree char *folder = before_star(place, &length), *pattern = NULL;
        const char *rest;

        if (folder == NULL) {
                bk_strv_add(ret, place);
                return 0;
        }
        pattern = bk_strndup(place + length + 1, strcspn(place + length + 1, "/"));
        rest = place + length + 1 + strlen(pattern);
        if (bk_tree_list(tree, folder, &names, err) < 0)
                return -1;
        for (size_t i = 0; i < names.n && ret->n < PACKAGES_FILES_MOST; i++)
                if (fnmatch(pattern, names.v[i], FNM_PERIOD) == 0 && strpbrk(names.v[i], "*[/") == NULL)
                        bk_strv_addf(ret, "%s/%s%s", folder, names.v[i], rest);
        return 0;
}

void bk_packages_want_in(const struct bk_tree *tree, const char *const places[])
{
        for (size_t i = 0; places[i] != NULL; i++) {
                size_t length;
                autofree char *folder = before_star(places[i], &length);

                bk_tree_want(tree, folder != NULL ? folder : places[i]);
        }
}

int bk_tree_expand(const struct bk_tree *tree, const char *const places[], struct bk_strv *ret, struct bk_error *err)
{
        autostrv struct bk_strv now = { 0 };
        bool more = true;

        for (size_t i = 0; places[i] != NULL; i++)
                bk_strv_add(&now, places[i]);
        while (more && now.n > 0) {             /* each round fills in one "*" of every place, in one batch */
                struct bk_strv next = { 0 };

                bk_packages_want_in(tree, (const char *const *)now.v);
                more = false;
                for (size_t i = 0; i < now.n; i++) {
                        more |= strpbrk(now.v[i], "*[") != NULL;
                        if (expand_one(tree, now.v[i], &next, err) < 0) {
                                bk_strv_done(&next);
                                return -1;
                        }
                }
                bk_strv_done(&now);
                now = next;
        }
        *ret = now;
        now = (struct bk_strv){ 0 };
        return 0;
}

int bk_tree_each(const struct bk_tree *tree, const struct bk_strv *paths, void (*parse)(void *arg, const struct bk_tree_file *file), void *arg,
                 struct bk_error *err)
{
        int ret = 0;

        for (size_t i = 0; i < paths->n; i++)
                bk_tree_want(tree, paths->v[i]);
        for (size_t i = 0; i < paths->n; i++) {
                autofree char *text = NULL;
                size_t length = 0;
                const int there = bk_tree_read(tree, paths->v[i], PACKAGES_FILE_MOST, &text, &length, err);
                const struct bk_tree_file file = { paths->v[i], text, length };

                if (there < 0)
                        return -1;
                parse(arg, &file);
                ret |= there;
        }
        return ret;
}

/* --- ecosystems ----------------------------------------------------------------------------------------------------- */

void bk_packages_want(const struct bk_tree *tree, enum bk_ecosystem ecosystem)
{
        bk_packages_want_in(tree, readers[ecosystem].paths);
}

int bk_packages_read_in(const struct bk_tree *tree, enum bk_ecosystem ecosystem, const char *const places[], struct bk_packages *ret,
                        struct bk_error *err)
{
        autostrv struct bk_strv expanded = { 0 };

        if (readers[ecosystem].read_in == NULL)
                return bk_fail(err, BK_INTERNAL, "packages of '%s' have one place only", bk_ecosystem_name(ecosystem));
        if (bk_tree_expand(tree, places, &expanded, err) < 0)
                return -1;
        return readers[ecosystem].read_in(tree, &expanded, ret, err);
}

int bk_packages_read(const struct bk_tree *tree, enum bk_ecosystem ecosystem, struct bk_packages *ret, struct bk_error *err)
{
        if (readers[ecosystem].read == NULL)
                return bk_packages_read_in(tree, ecosystem, readers[ecosystem].paths, ret, err);
        bk_packages_want(tree, ecosystem);
        return readers[ecosystem].read(tree, ret, err);
}
