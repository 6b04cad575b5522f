/* Type `package`: by the files of package databases, and of languages' own packages.
 *
 * Names and versions match as the lines do that serverspec greps, save where those find what nobody meant: "requests" is not
 * "requests-oauthlib", and "8.1" is not "2.28.1". In compat they are. */
#include "spec/packages.h"

#include <string.h>
#include <strings.h>

struct wanted { const struct spec_provider *provider; const char *name, *version; bool compat; };

/* What was found of a name: the best package, and all versions. */
struct found { const struct bk_package *package; bool installed, version; struct bk_strv versions; };

static void found_done(struct found *found)
{
        bk_strv_done(&found->versions);
}

static bool is_word(char c)
{
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Does text begin with these words? "2.28" does begin "2.28.1", but not "2.281". */
static bool begins(const char *text, const char *words, bool fold)
{
        const size_t n = strlen(words);

        return n > 0 && (fold ? strncasecmp(text, words, n) : strncmp(text, words, n)) == 0 && !is_word(text[n]);
}

/* Are the words anywhere in it? As grep -w. */
static bool has_words(const char *text, const char *words)
{
        for (const char *at = text; *words != '\0' && (at = strstr(at, words)) != NULL; at++)
                if ((at == text || !is_word(at[-1])) && !is_word(at[strlen(words)]))
                        return true;
        return false;
}

/* Python's names: case and the kind of separators do not matter. */
static bool same_pypi(const char *a, const char *b)
{
        for (;;) {
                const size_t x = strspn(a, "-_."), y = strspn(b, "-_.");

                if ((x > 0) != (y > 0))
                        return false;
                a += x;
                b += y;
                if (strncasecmp(a, b, 1) != 0)
                        return false;
                if (*a == '\0')
                        return true;
                a++;
                b++;
        }
}

/* "nginx:amd64" */
static bool is_deb(const struct bk_package *p, const char *name)
{
        const size_t n = strlen(p->name);

        return strncmp(p->name, name, n) == 0 && (name[n] == '\0' || (name[n] == ':' && *p->architecture && bk_streq(name + n + 1, p->architecture)));
}

static const char *without_epoch(const char *version)
{
        const size_t digits = strspn(version, "0123456789");

        return version[digits] == ':' ? version + digits + 1 : version;
}

/* rpm takes "bash", "bash-5.1.8", "bash-5.1.8-6.el9", and ".x86_64" behind each. */
static bool is_rpm(const struct bk_package *p, const char *name)
{
        const size_t n = strlen(p->name);
        const char *rest = name + n, *version = without_epoch(p->version), *release = strrchr(version, '-');

        if (strncmp(p->name, name, n) != 0)
                return false;
        if (*rest == '-') {
                const size_t whole = strlen(version), part = release != NULL ? (size_t)(release - version) : whole;

                rest++;
                if (strncmp(rest, version, whole) == 0)
                        rest += whole;
                else if (strncmp(rest, version, part) == 0)
                        rest += part;
                else
                        return false;
        }
        return *rest == '\0' || (*rest == '.' && *p->architecture && bk_streq(rest + 1, p->architecture));
}

/* apk and pacman also go by what a package provides. */
static bool provides(const struct bk_package *p, const char *name)
{
        const size_t n = strlen(name);

        for (const char *at = p->provides; at != NULL && *at != '\0'; at += strcspn(at, " "), at += *at == ' ')
                if (strncmp(at, name, n) == 0 && strchr(" =<>", at[n]) != NULL)
                        return n > 0;
        return false;
}

static bool is_of_system(const struct bk_package *p, const char *name)
{
        switch (p->ecosystem) {
        case BK_DEB: return is_deb(p, name);
        case BK_RPM: return is_rpm(p, name);
        default: return bk_streq(p->name, name) || provides(p, name);
        }
}

static bool is_named(const struct bk_package *p, const struct wanted *wanted)
{
        if (wanted->provider == NULL || wanted->provider->line == NULL)
                return is_of_system(p, wanted->name);
        if (wanted->compat && wanted->provider->words_in_compat)
                return begins(p->name, wanted->name, true);
        switch (wanted->provider->naming) {
        case SPEC_NAMED_FOLDED: return strcasecmp(p->name, wanted->name) == 0;
        case SPEC_NAMED_PYPI: return same_pypi(p->name, wanted->name);
        case SPEC_NAMED_BEGIN: return begins(p->name, wanted->name, true);
        default: return bk_streq(p->name, wanted->name);
        }
}

/* pacman: a whole version, or one without its release. */
static bool is_alpm_version(const char *version, const char *wanted)
{
        const size_t n = strlen(wanted);

        return strncmp(version, wanted, n) == 0 && (version[n] == '\0' || (version[n] == '-' && strchr(wanted, '-') == NULL));
}

static bool has_version(const struct bk_package *p, const struct wanted *wanted)
{
        const bool words = wanted->provider != NULL && wanted->provider->versioning == SPEC_VERSION_WORDS;

        switch (p->ecosystem) {
        case BK_RPM: return begins(without_epoch(p->version), wanted->version, false) || bk_streq(p->version, wanted->version);
        case BK_APK: return begins(p->version, wanted->version, false);
        case BK_ALPM: return is_alpm_version(p->version, wanted->version);
        default: break;
        }
        if (!words)
                return bk_streq(p->version, wanted->version);
        return wanted->compat ? has_words(p->version, wanted->version) : begins(p->version, wanted->version, false);
}

static void judge(const struct bk_package *p, const struct wanted *wanted, struct found *found)
{
        const bool installed = p->installed && !p->unwanted;

        if (found->package == NULL || (installed && !found->installed))
                found->package = p;
        if (!installed)
                return;
        found->installed = true;
        found->version |= wanted->version == NULL || has_version(p, wanted);
        if (found->versions.n < 16 && !bk_strv_has(&found->versions, p->version))
                bk_strv_add(&found->versions, p->version);
}

static int find(struct spec_image *image, const struct wanted *wanted, struct found *ret, struct bk_error *err)
{
        const struct bk_packages *packages;

        if (spec_image_packages(image, wanted->provider, &packages, err) < 0)
                return -1;
        for (size_t i = 0; i < packages->n; i++)
                if (is_named(&packages->v[i], wanted))
                        judge(&packages->v[i], wanted, ret);
        return 0;
}

/* cpan lists every module that perl finds. A version that is not written plainly is asked of perl itself. */
static int find_module(struct spec_image *image, const struct wanted *wanted, struct found *ret, struct bk_package *kept, struct bk_error *err)
{
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        const int there = spec_image_perl_module(image, wanted->name, kept, err);

        if (there <= 0)
                return there;
        if (*kept->version == '\0' && wanted->version != NULL) {
                autofree char *line = bk_format("perl -M%s -e 'print %s->VERSION'", wanted->name, wanted->name);

                if (spec_image_run(image, line, &output, err) < 0)
                        return bk_wrap(err, "the version of '%s' is computed", wanted->name);
                if (output.status == 0 && output.out != NULL) {
                        free(kept->version);
                        kept->version = bk_strdup(output.out);
                }
        }
        judge(kept, wanted, ret);
        return 0;
}

static void tell(struct spec_resource *r, const struct wanted *wanted, const struct found *found)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf versions = { 0 };

        for (size_t i = 0; i < found->versions.n; i++)
                bk_buf_printf(&versions, "%s%s", i > 0 ? ", " : "", *found->versions.v[i] ? found->versions.v[i] : "(unknown)");
        if (found->installed)
                spec_note(r, found->versions.n > 1 ? "versions %s are installed" : "version %s is installed", versions.data);
        else if (found->package != NULL)
                spec_note(r, "it is known but not installed");
        else if (wanted->provider != NULL && wanted->provider->line != NULL)
                spec_note(r, "nothing of that name was installed by %s", wanted->provider->name);
        else
                spec_note(r, "the package database does not name it");
}

/* Providers of other systems than Linux images are. */
static int no_provider(const char *name, struct bk_error *err)
{
        static const char *const elsewhere[] = { "homebrew", "homebrew_cask", "pkgutil", "pkg", "swupd", "nix" };

        for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
                if (bk_streq(elsewhere[i], name))
                        return bk_fail(err, BK_INFRA, "packages of '%s' are not read here", name);
        return bk_fail(err, BK_USAGE, "nothing is known that installs packages and is called '%s'", name);
}

static int package_installed(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        const char *by = spec_args_named(args, "by") ? spec_args_named(args, "by") : spec_args_text(args, 0);
        const char *version = spec_args_named(args, "with_version") ? spec_args_named(args, "with_version") : spec_args_text(args, 1);
        const struct wanted wanted = { by != NULL ? spec_provider_of(by) : NULL, r->name, version, r->image->options->compat };
        BK_CLEANUP(found_done) struct found found = { 0 };
        BK_CLEANUP(bk_package_done) struct bk_package module = { 0 };

        if (by != NULL && wanted.provider == NULL)
                return no_provider(by, err);
        if (find(r->image, &wanted, &found, err) < 0)
                return -1;
        if (found.package == NULL && wanted.provider != NULL && wanted.provider->ecosystem == BK_CPAN &&
            find_module(r->image, &wanted, &found, &module, err) < 0)
                return -1;
        tell(r, &wanted, &found);
        *ret = found.installed && found.version;
        return 0;
}

int spec_image_package(struct spec_image *image, const char *name, const struct bk_package **ret, struct bk_error *err)
{
        const struct wanted wanted = { .name = name };
        BK_CLEANUP(found_done) struct found found = { 0 };

        if (find(image, &wanted, &found, err) < 0)
                return -1;
        *ret = found.package;
        return 0;
}

static int installed_one(struct spec_resource *r, const struct bk_package **ret, struct bk_error *err)
{
        if (spec_image_package(r->image, r->name, ret, err) < 0)
                return -1;
        if (*ret != NULL && (!(*ret)->installed || (*ret)->unwanted))
                *ret = NULL;
        if (*ret == NULL)
                spec_note(r, "it is not installed");
        return 0;
}

/* As serverspec asks rpm: without the epoch. */
static int package_version(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        const struct bk_package *package;

        if (installed_one(r, &package, err) < 0)
                return -1;
        spec_value_text(ret, package == NULL ? NULL : package->ecosystem == BK_RPM ? without_epoch(package->version) : package->version);
        return 0;
}

/* Whose order versions have: for Serverspec::Version. */
static int package_ecosystem(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        const struct bk_package *package;

        if (installed_one(r, &package, err) < 0)
                return -1;
        spec_value_text(ret, package != NULL ? bk_ecosystem_name(package->ecosystem) : NULL);
        return 0;
}

const struct spec_property spec_package_properties[] = { { "version", package_version }, { "__ecosystem", package_ecosystem }, { NULL } };

const struct spec_predicate spec_package_predicates[] = {
        { "installed?", "by with_version", package_installed }, { NULL },
};
