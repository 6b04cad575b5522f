/* What is installed, as the image itself says: never what a recipe asked for.
 * The format of the status file is that of deb-control(5): stanzas of "Field: value",
 * continuation lines start with white space. */
#include "layers/seal.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

enum { STATUS_MOST = 64 << 20 };

void deb_packages_done(struct deb_packages *packages)
{
        for (size_t i = 0; i < packages->n; i++) {
                free(packages->v[i].name);
                free(packages->v[i].version);
                free(packages->v[i].architecture);
                free(packages->v[i].source);
                free(packages->v[i].source_version);
        }
        free(packages->v);
        *packages = (struct deb_packages){ 0 };
}

struct stanza { char *name, *version, *architecture, *source; bool installed, has_status; };

/* "Source: name (version)" or "Source: name"; without the field both are the package's own. */
static void source_of(const struct stanza *stanza, struct deb_package *ret)
{
        const char *open = stanza->source ? strchr(stanza->source, '(') : NULL;

        ret->source = stanza->source == NULL ? bk_strdup(stanza->name)
                                             : bk_strndup(stanza->source, strcspn(stanza->source, " ("));
        ret->source_version = open != NULL ? bk_strndup(open + 1, strcspn(open + 1, ")")) : bk_strdup(stanza->version);
}

static void flush(struct stanza *stanza, bool status_wanted, struct deb_packages *ret)
{
        if (stanza->name != NULL && stanza->version != NULL && (stanza->installed || (!stanza->has_status && !status_wanted))) {
                struct deb_package *package;

                if ((ret->n & (ret->n + 1)) == 0)
                        ret->v = bk_grow(ret->v, 2 * (ret->n + 1), sizeof *ret->v);
                package = &ret->v[ret->n++];
                *package = (struct deb_package){ 0 };
                source_of(stanza, package);
                package->name = bk_take(stanza->name);
                package->version = bk_take(stanza->version);
                package->architecture = stanza->architecture ? bk_take(stanza->architecture) : bk_strdup("all");
        }
        free(stanza->name);
        free(stanza->version);
        free(stanza->architecture);
        free(stanza->source);
        *stanza = (struct stanza){ 0 };
}

static bool value_of(const char *line, size_t length, const char *field, const char **ret, size_t *ret_length)
{
        const size_t name = strlen(field);

        if (length <= name || line[name] != ':' || strncasecmp(line, field, name) != 0)
                return false;
        line += name + 1;
        length -= name + 1;
        while (length > 0 && (*line == ' ' || *line == '\t')) {
                line++;
                length--;
        }
        while (length > 0 && strchr(" \t\r", line[length - 1]) != NULL)
                length--;
        *ret = line;
        *ret_length = length;
        return true;
}

static void line_of(struct stanza *stanza, const char *line, size_t length)
{
        const struct { const char *name; char **value; } fields[] = {
                { "Package", &stanza->name }, { "Version", &stanza->version },
                { "Architecture", &stanza->architecture }, { "Source", &stanza->source },
        };
        const char *value;
        size_t value_length;

        for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
                if (!value_of(line, length, fields[i].name, &value, &value_length))
                        continue;
                free(*fields[i].value);
                *fields[i].value = bk_strndup(value, value_length);
                return;
        }
        if (value_of(line, length, "Status", &value, &value_length)) {
                static const char installed[] = " installed";
                const size_t tail = strlen(installed);

                stanza->has_status = true;
                stanza->installed = value_length > tail && strncmp(value + value_length - tail, installed, tail) == 0;
        }
}

static void parse(const char *text, bool status_wanted, struct deb_packages *ret)
{
        struct stanza stanza = { 0 };

        for (const char *p = text; *p != '\0';) {
                const char *end = strchrnul(p, '\n');

                if (p == end)
                        flush(&stanza, status_wanted, ret);
                else if (*p != ' ' && *p != '\t')
                        line_of(&stanza, p, (size_t)(end - p));
                p = *end == '\0' ? end : end + 1;
        }
        flush(&stanza, status_wanted, ret);
}

int deb_packages_parse(const char *text, struct deb_packages *ret, struct bk_error *err)
{
        struct deb_packages packages = { 0 };

        parse(text, true, &packages);
        if (packages.n == 0 && text[strspn(text, " \t\r\n")] != '\0')
                return bk_fail(err, BK_CORRUPT, "this is not a dpkg status file: no installed package is in it");
        *ret = packages;
        return 0;
}

/* Images without dpkg's own file keep one stanza a file. */
static int read_status_d(int root_fd, struct deb_packages *ret, struct bk_error *err)
{
        autodir DIR *dir = NULL;
        const int fd = bk_open_in_root(root_fd, "/var/lib/dpkg/status.d", O_RDONLY | O_DIRECTORY, 0);

        if (fd < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : bk_fail_errno(err, "cannot list /var/lib/dpkg/status.d");
        dir = fdopendir(fd);
        if (dir == NULL) {
                bk_fail_errno(err, "cannot list /var/lib/dpkg/status.d");
                (void)close(fd);
                return -1;
        }
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                autofree char *path = bk_format("/var/lib/dpkg/status.d/%s", entry->d_name), *text = NULL;

                if (entry->d_name[0] == '.' || strstr(entry->d_name, ".md5sums") != NULL)
                        continue;
                if (bk_read_in_root(root_fd, path, STATUS_MOST, &text, NULL, err) < 0)
                        return -1;
                parse(text, false, ret);
        }
        return 0;
}

int deb_packages_read(int root_fd, struct deb_packages *ret, struct bk_error *err)
{
        BK_CLEANUP(deb_packages_done) struct deb_packages packages = { 0 };
        struct bk_error failure = { 0 };
        autofree char *text = NULL;

        if (bk_read_in_root(root_fd, "/var/lib/dpkg/status", STATUS_MOST, &text, NULL, &failure) == 0) {
                if (deb_packages_parse(text, &packages, err) < 0)
                        return bk_wrap(err, "/var/lib/dpkg/status in the image");
        } else if (failure.kind != BK_NOT_FOUND) {
                *err = failure;
                return -1;
        }
        if (read_status_d(root_fd, &packages, err) < 0)
                return -1;
        *ret = packages;
        packages = (struct deb_packages){ 0 };
        return 0;
}
