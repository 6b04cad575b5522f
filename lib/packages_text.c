/* Databases that are texts: dpkg's status (deb-control(5); opkg writes the same), apk's installed and pacman's desc files. */
#include "lib/packages_priv.h"

#include <string.h>

/* The next line, without its end. False when there is none. */
static bool next_line(const char **rest, size_t *rest_len, const char **ret, size_t *ret_len)
{
        const char *end = *rest_len > 0 ? memchr(*rest, '\n', *rest_len) : NULL;

        if (*rest_len == 0)
                return false;
        *ret = *rest;
        *ret_len = end != NULL ? (size_t)(end - *rest) : *rest_len;
        *rest += *ret_len + (end != NULL);
        *rest_len -= *ret_len + (end != NULL);
        return true;
}

/* A field's first value counts. */
static void keep(char **member, const char *value, size_t length)
{
        if (*member == NULL && length > 0)
                *member = bk_strndup(value, length);
}

static bool ends_with(const char *text, size_t length, const char *end)
{
        const size_t n = strlen(end);

        return length >= n && memcmp(text + length - n, end, n) == 0;
}

/* "install ok installed": what is wanted, what is wrong, how it is. opkg has "user" for "ok". */
static void dpkg_status(const char *value, size_t length, struct bk_package *p)
{
        const bool wanted = strncmp(value, "install ", 8) == 0 || strncmp(value, "hold ", 5) == 0;

        p->installed = ends_with(value, length, " installed");
        p->unwanted = p->installed && (!wanted || ends_with(value, length, " reinstreq installed"));
}

/* "Source: name" or "Source: name (version)". */
static void dpkg_source(const char *value, size_t length, struct bk_package *p)
{
        const char *open = memchr(value, '(', length);
        size_t name = 0;

        while (name < length && value[name] != ' ' && value[name] != '(')
                name++;
        keep(&p->source, value, name);
        if (open != NULL && ends_with(value, length, ")"))
                keep(&p->source_version, open + 1, (size_t)(value + length - 1 - (open + 1)));
}

void bk_packages_parse_dpkg(const char *text, size_t length, struct bk_packages *ret)
{
        static const struct bk_package fresh = { .ecosystem = BK_DEB, .installed = true };      /* no status: an image without dpkg */
        struct bk_package p = fresh;
        const char *line, *value;
        size_t n, value_len;

        while (next_line(&text, &length, &line, &n)) {
                if (n == 0) {
                        bk_packages_add(ret, &p);
                        p = fresh;
                } else if ((value = bk_packages_value(line, n, "Package:", &value_len)) != NULL) {
                        keep(&p.name, value, value_len);
                } else if ((value = bk_packages_value(line, n, "Version:", &value_len)) != NULL) {
                        keep(&p.version, value, value_len);
                } else if ((value = bk_packages_value(line, n, "Architecture:", &value_len)) != NULL) {
                        keep(&p.architecture, value, value_len);
                } else if ((value = bk_packages_value(line, n, "Source:", &value_len)) != NULL) {
                        dpkg_source(value, value_len, &p);
                } else if ((value = bk_packages_value(line, n, "Status:", &value_len)) != NULL) {
                        dpkg_status(value, value_len, &p);
                }
        }
        bk_packages_add(ret, &p);
}

void bk_packages_parse_apk(const char *text, size_t length, struct bk_packages *ret)
{
        static const struct bk_package fresh = { .ecosystem = BK_APK, .installed = true };
        struct bk_package p = fresh;
        const struct { char key; char **member; } fields[] = {
                { 'P', &p.name }, { 'V', &p.version }, { 'A', &p.architecture }, { 'o', &p.source }, { 'p', &p.provides },
        };
        const char *line;
        size_t n;

        while (next_line(&text, &length, &line, &n)) {
                if (n == 0) {
                        bk_packages_add(ret, &p);
                        p = fresh;
                }
                for (size_t i = 0; i < sizeof fields / sizeof *fields && n > 2; i++)
                        if (line[0] == fields[i].key && line[1] == ':')
                                keep(fields[i].member, line + 2, n - 2);
        }
        bk_packages_add(ret, &p);
}

static void append(struct bk_buf *list, const char *text, size_t length)
{
        if (list->len > 0)
                bk_buf_putc(list, ' ');
        bk_buf_add(list, text, length);
}

/* "%NAME%", the values a line each, an empty line. */
void bk_packages_parse_pacman(const char *text, size_t length, struct bk_packages *ret)
{
        struct bk_package p = { .ecosystem = BK_ALPM, .installed = true };
        const struct { const char *key; char **member; } fields[] = {
                { "%NAME%", &p.name }, { "%VERSION%", &p.version }, { "%ARCH%", &p.architecture }, { "%BASE%", &p.source },
        };
        BK_CLEANUP(bk_buf_done) struct bk_buf provides = { 0 };
        const char *line, *key = "";
        size_t n, key_len = 0;

        while (next_line(&text, &length, &line, &n)) {
                if (n == 0 || *line == '%') {
                        key = line;
                        key_len = n;
                        continue;
                }
                for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
                        if (key_len == strlen(fields[i].key) && memcmp(key, fields[i].key, key_len) == 0)
                                keep(fields[i].member, line, n);
                if ((key_len == 10 && memcmp(key, "%PROVIDES%", 10) == 0) || (key_len == 8 && memcmp(key, "%GROUPS%", 8) == 0))
                        append(&provides, line, n);
        }
        if (provides.len > 0)
                p.provides = bk_buf_finish(&provides);
        bk_packages_add(ret, &p);
}

/* --- their files ---------------------------------------------------------------------------------------------------- */

static int read_one(const struct bk_tree *tree, const char *path, void (*parse)(const char *text, size_t length, struct bk_packages *ret),
                    struct bk_packages *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        size_t length = 0;
        const int there = bk_tree_read(tree, path, PACKAGES_DATABASE_MOST, &text, &length, err);

        if (there > 0)
                parse(text, length, ret);
        return there;
}

static void parse_stanza(void *arg, const struct bk_tree_file *file)
{
        if (file->text != NULL)
                bk_packages_parse_dpkg(file->text, file->length, arg);
}

/* Images made without dpkg have a file a package. */
static int read_status_d(const struct bk_tree *tree, struct bk_packages *ret, struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 }, paths = { 0 };

        if (bk_tree_list(tree, "/var/lib/dpkg/status.d", &names, err) < 0)
                return -1;
        for (size_t i = 0; i < names.n; i++)
                if (names.v[i][0] != '.' && strstr(names.v[i], ".md5sums") == NULL)
                        bk_strv_addf(&paths, "/var/lib/dpkg/status.d/%s", names.v[i]);
        return bk_tree_each(tree, &paths, parse_stanza, ret, err);
}

int bk_packages_read_dpkg(const struct bk_tree *tree, struct bk_packages *ret, struct bk_error *err)
{
        static const char *const files[] = { "/var/lib/dpkg/status", "/usr/lib/opkg/status", "/var/lib/opkg/status" };
        int found = read_status_d(tree, ret, err);

        for (size_t i = 0; i < sizeof files / sizeof *files && found >= 0; i++) {
                const int there = read_one(tree, files[i], bk_packages_parse_dpkg, ret, err);

                found = there < 0 ? -1 : found | there;
        }
        return found;
}

int bk_packages_read_apk(const struct bk_tree *tree, struct bk_packages *ret, struct bk_error *err)
{
        const int there = read_one(tree, "/lib/apk/db/installed", bk_packages_parse_apk, ret, err);

        /* One of both is a link to the other, or is not there. */
        return there != 0 ? there : read_one(tree, "/usr/lib/apk/db/installed", bk_packages_parse_apk, ret, err);
}

static void parse_desc(void *arg, const struct bk_tree_file *file)
{
        if (file->text != NULL)
                bk_packages_parse_pacman(file->text, file->length, arg);
}

int bk_packages_read_pacman(const struct bk_tree *tree, struct bk_packages *ret, struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 }, paths = { 0 };
        const int there = bk_tree_list(tree, "/var/lib/pacman/local", &names, err);

        if (there <= 0)
                return there;
        for (size_t i = 0; i < names.n && i < PACKAGES_FILES_MOST; i++)
                if (!bk_streq(names.v[i], "ALPM_DB_VERSION"))
                        bk_strv_addf(&paths, "/var/lib/pacman/local/%s/desc", names.v[i]);
        return bk_tree_each(tree, &paths, parse_desc, ret, err) < 0 ? -1 : 1;
}
