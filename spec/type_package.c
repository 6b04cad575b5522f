/* Type `package`, from the package database's files: dpkg's status (and the
 * status.d of images made without dpkg) and apk's installed. */
#include "spec/spec_priv.h"

#include <ctype.h>
#include <string.h>

enum { STATUS_MOST = 64 << 20 };

struct stanza { char *name, *version, *status, *architecture; };

static void stanza_done(struct stanza *s)
{
        free(s->name);
        free(s->version);
        free(s->status);
        free(s->architecture);
        *s = (struct stanza){ 0 };
}

static void add(struct spec_image *image, const char *name, const char *version, bool installed)
{
        if ((image->n_packages & (image->n_packages - 1)) == 0)
                image->packages = bk_grow(image->packages, image->n_packages ? image->n_packages * 2 : 1, sizeof *image->packages);
        image->packages[image->n_packages++] = (struct spec_package){
                .name = bk_strdup(name), .version = bk_strdup(version ? version : ""), .installed = installed,
        };
}

/* "install ok installed" and "hold ok installed"; no status at all (apk, status.d) means installed. */
static void keep(struct spec_image *image, struct stanza *s)
{
        const char *state = s->status ? strrchr(s->status, ' ') : NULL;
        const bool installed = s->status == NULL ||
                ((strncmp(s->status, "install ", 8) == 0 || strncmp(s->status, "hold ", 5) == 0) && bk_streq(state, " installed"));
        autofree char *qualified = s->name && s->architecture ? bk_format("%s:%s", s->name, s->architecture) : NULL;

        if (s->name != NULL)
                add(image, s->name, s->version, installed);
        if (qualified != NULL)
                add(image, qualified, s->version, installed);
        stanza_done(s);
}

static void parse(struct spec_image *image, const char *text)
{
        static const struct { const char *key; size_t member; } fields[] = {
                { "Package: ", offsetof(struct stanza, name) },     { "Version: ", offsetof(struct stanza, version) },
                { "Status: ", offsetof(struct stanza, status) },    { "Architecture: ", offsetof(struct stanza, architecture) },
                { "P:", offsetof(struct stanza, name) },            { "V:", offsetof(struct stanza, version) },
        };
        BK_CLEANUP(stanza_done) struct stanza s = { 0 };

        for (const char *line = text; *line != '\0';) {
                const size_t length = strcspn(line, "\n");

                if (length == 0)
                        keep(image, &s);
                for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
                        const size_t n = strlen(fields[i].key);
                        char **member = (char **)((char *)&s + fields[i].member);

                        if (length > n && strncmp(line, fields[i].key, n) == 0 && *member == NULL)
                                *member = bk_strndup(line + n, length - n);
                }
                line += length + (line[length] == '\n');
        }
        keep(image, &s);
}

/* By name; of one name, the installed one first. */
static int order(const void *a, const void *b)
{
        const struct spec_package *x = a, *y = b;
        const int names = strcmp(x->name, y->name);

        return names != 0 ? names : (int)y->installed - (int)x->installed;
}

/* Returns 1 when the file was there, 0 when not. */
static int load_file(struct spec_image *image, const char *path, struct bk_error *err)
{
        autofree char *text = NULL;
        size_t length;
        const int there = spec_files_read(&image->files, path, STATUS_MOST, &text, &length, err);

        if (there <= 0)
                return there;
        for (size_t i = 0; i < length; i++)     /* a NUL would hide the packages behind it */
                if (text[i] == '\0')
                        text[i] = '?';
        parse(image, text);
        return 1;
}

static int load_folder(struct spec_image *image, const char *path, struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 };
        int found = spec_files_list(&image->files, path, &names, err);

        if (found <= 0)
                return found;
        found = 0;
        for (size_t i = 0; i < names.n; i++) {
                autofree char *file = bk_format("%s/%s", path, names.v[i]);

                if (names.v[i][0] == '.' || strstr(names.v[i], ".md5sums") != NULL)
                        continue;
                const int one = load_file(image, file, err);

                if (one < 0)
                        return -1;
                found |= one;
        }
        return found;
}

static int load(struct spec_image *image, struct bk_error *err)
{
        static const char *const others[] = { "/var/lib/rpm", "/usr/lib/sysimage/rpm", "/var/lib/pacman" };
        const int status = load_file(image, "/var/lib/dpkg/status", err);
        const int folder = status < 0 ? -1 : load_folder(image, "/var/lib/dpkg/status.d", err);
        const int apk = folder < 0 ? -1 : load_file(image, "/lib/apk/db/installed", err);

        if (apk < 0)
                return -1;
        if (status + folder + apk == 0) {
                for (size_t i = 0; i < sizeof others / sizeof *others; i++)
                        if (spec_files_there(&image->files, others[i]))
                                return bk_fail(err, BK_INFRA, "the package database in '%s' cannot be read here", others[i]);
                return bk_fail(err, BK_INFRA, "the image has no package database that is known here");
        }
        if (image->packages == NULL)                    /* an empty database is one that was read */
                image->packages = bk_alloc(sizeof *image->packages);
        qsort(image->packages, image->n_packages, sizeof *image->packages, order);
        return 0;
}

int spec_image_package(struct spec_image *image, const char *name, const struct spec_package **ret, struct bk_error *err)
{
        size_t low = 0, high;

        if (image->packages == NULL && load(image, err) < 0)
                return -1;
        for (high = image->n_packages; low < high;) {
                const size_t middle = (low + high) / 2;

                if (strcmp(image->packages[middle].name, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        *ret = low < image->n_packages && bk_streq(image->packages[low].name, name) ? &image->packages[low] : NULL;
        return 0;
}

/* deb-version(7): letters before other signs, "~" before everything, even the end. */
static int weight(char c)
{
        if (c == '~')
                return -1;
        if (c == '\0' || isdigit((unsigned char)c))
                return 0;
        return isalpha((unsigned char)c) ? c : c + 256;
}

static int compare_part(const char *a, const char *b)
{
        while (*a != '\0' || *b != '\0') {
                int first = 0;

                while ((*a && !isdigit((unsigned char)*a)) || (*b && !isdigit((unsigned char)*b))) {
                        if (weight(*a) != weight(*b))
                                return weight(*a) - weight(*b);
                        a += *a != '\0';
                        b += *b != '\0';
                }
                a += strspn(a, "0");
                b += strspn(b, "0");
                for (; isdigit((unsigned char)*a) && isdigit((unsigned char)*b); a++, b++)
                        first = first != 0 ? first : *a - *b;
                if (isdigit((unsigned char)*a) || isdigit((unsigned char)*b))
                        return isdigit((unsigned char)*a) ? 1 : -1;
                if (first != 0)
                        return first;
        }
        return 0;
}

struct version { unsigned long epoch; char *upstream, *revision; };

static void version_done(struct version *v)
{
        free(v->upstream);
        free(v->revision);
}

static struct version version_of(const char *text)
{
        const char *colon = strchr(text, ':');
        const char *rest = colon ? colon + 1 : text, *dash = strrchr(rest, '-');

        return (struct version){
                .epoch = colon ? strtoul(text, NULL, 10) : 0,
                .upstream = dash ? bk_strndup(rest, (size_t)(dash - rest)) : bk_strdup(rest),
                .revision = bk_strdup(dash ? dash + 1 : ""),
        };
}

int spec_version_compare(const char *a, const char *b)
{
        BK_CLEANUP(version_done) struct version x = version_of(a), y = version_of(b);
        int ret;

        if (x.epoch != y.epoch)
                return x.epoch < y.epoch ? -1 : 1;
        ret = compare_part(x.upstream, y.upstream);
        return ret != 0 ? ret : compare_part(x.revision, y.revision);
}

static int package_installed(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const char *provider = spec_args_named(args, "by") ? spec_args_named(args, "by") : spec_args_text(args, 0);
        const char *version = spec_args_named(args, "with_version") ? spec_args_named(args, "with_version") : spec_args_text(args, 1);
        const struct spec_package *package;

        if (provider != NULL)
                return bk_fail(err, BK_INFRA, "packages of '%s' are not read from files", provider);
        if (spec_image_package(r->image, r->name, &package, err) < 0)
                return -1;
        *ret = package != NULL && package->installed && (version == NULL || bk_streq(version, package->version));
        if (package == NULL)
                spec_note(r, "the package database does not name it");
        else if (!package->installed)
                spec_note(r, "it is known but not installed");
        else
                spec_note(r, "version %s is installed", package->version);
        return 0;
}

static int package_version(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        const struct spec_package *package;

        if (spec_image_package(r->image, r->name, &package, err) < 0)
                return -1;
        if (package == NULL || !package->installed)
                spec_note(r, "it is not installed");
        spec_value_text(ret, package != NULL && package->installed ? package->version : NULL);
        return 0;
}

const struct spec_property spec_package_properties[] = { { "version", package_version }, { NULL } };

const struct spec_predicate spec_package_predicates[] = {
        { "installed?", "by with_version", package_installed }, { NULL },
};
