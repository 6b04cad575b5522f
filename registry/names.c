/* Names of systems and packages. One form of a system is compared: "debian:12", as os-release has ID and VERSION_ID, cut to what
 * advisories tell apart:
 * Alpine's 3.18.4 is 3.18, Rocky's 9.3 is 9. No registry here. */
#include "registry/packages_priv.h"

#include <ctype.h>
#include <string.h>

#define OS_MOST 100

static const struct { const char *code, *os; } codenames[] = {
        { "buster", "debian:10" }, { "bullseye", "debian:11" }, { "bookworm", "debian:12" }, { "trixie", "debian:13" },
        { "forky", "debian:14" }, { "sid", "debian:sid" }, { "precise", "ubuntu:12.04" }, { "trusty", "ubuntu:14.04" },
        { "xenial", "ubuntu:16.04" }, { "bionic", "ubuntu:18.04" }, { "focal", "ubuntu:20.04" }, { "jammy", "ubuntu:22.04" },
        { "noble", "ubuntu:24.04" },
};

/* How many numbers of its version name a release. */
static const struct { const char *id; int parts; } systems[] = {
        { "debian", 1 }, { "ubuntu", 2 }, { "alpine", 2 }, { "rocky", 1 }, { "almalinux", 1 }, { "rhel", 1 }, { "centos", 1 },
        { "fedora", 1 }, { "ol", 1 }, { "mageia", 1 },
};

const char *reg_os_of_codename(const char *code)
{
        for (size_t i = 0; i < sizeof codenames / sizeof *codenames; i++)
                if (bk_streq(codenames[i].code, code))
                        return codenames[i].os;
        return NULL;
}

char *reg_os_normal(const char *text)
{
        char *os, *version;

        if (strlen(text) > OS_MOST || !reg_text_valid(text))    /* an image may say anything of itself */
                return bk_strdup("");
        os = bk_strdup(text);
        for (char *p = os; *p != '\0'; p++)
                *p = (char)tolower((unsigned char)*p);
        version = strchr(os, ':');
        if (version == NULL)
                return os;
        *version++ = '\0';
        for (size_t i = 0; i < sizeof systems / sizeof *systems; i++) {
                char *dot = version;

                if (!bk_streq(systems[i].id, os))
                        continue;
                for (int parts = systems[i].parts; dot != NULL && parts > 0; parts--)
                        dot = strchr(dot + (dot != version), '.');
                if (dot != NULL)
                        *dot = '\0';
        }
        version[-1] = ':';
        for (size_t i = 0; i < sizeof codenames / sizeof *codenames; i++)
                if (bk_streq(codenames[i].code, version)) {
                        free(os);
                        return bk_strdup(codenames[i].os);
                }
        return os;
}

char *reg_os_of_image(const struct reg_image *image)
{
        static const char *const keys[] = { "os", "distribution", "distro" };
        const char *release = reg_image_attribute(image, "release"), *id = NULL;

        for (size_t i = 0; id == NULL && i < sizeof keys / sizeof *keys; i++)
                id = reg_image_attribute(image, keys[i]);
        if (release != NULL && reg_os_of_codename(release) != NULL)
                return bk_strdup(reg_os_of_codename(release));
        if (id != NULL && release != NULL && strchr(id, ':') == NULL) {
                autofree char *both = bk_format("%s:%s", id, release);

                return reg_os_normal(both);
        }
        return id != NULL ? reg_os_normal(id) : bk_strdup("");
}

/* Advisories of Python's packages name them in one spelling (PEP 503). */
char *reg_python_name(const char *name)
{
        char *ret = bk_strdup(name), *end = ret;

        for (const char *p = name; *p != '\0'; p++) {
                const bool dash = *p == '-' || *p == '_' || *p == '.';

                if (!dash)
                        *end++ = (char)tolower((unsigned char)*p);
                else if (end == ret || end[-1] != '-')
                        *end++ = '-';
        }
        *end = '\0';
        return ret;
}

/* --- as advisories name them ---------------------------------------------------- */
static const struct { const char *name; enum bk_ecosystem ecosystem; const char *os; } databases[] = {
        { "Debian", BK_DEB, "debian" }, { "Ubuntu", BK_DEB, "ubuntu" }, { "Alpine", BK_APK, "alpine" }, { "Wolfi", BK_APK, "wolfi" },
        { "Chainguard", BK_APK, "chainguard" }, { "Rocky Linux", BK_RPM, "rocky" }, { "AlmaLinux", BK_RPM, "almalinux" },
        { "Red Hat", BK_RPM, "rhel" }, { "openSUSE", BK_RPM, "opensuse-leap" }, { "SUSE", BK_RPM, "sles" }, { "Mageia", BK_RPM, "mageia" },
        { "openEuler", BK_RPM, "openeuler" }, { "PyPI", BK_PYPI, NULL }, { "npm", BK_NPM, NULL }, { "RubyGems", BK_GEM, NULL },
};

/* "22.04:LTS" is 22.04; "v3.18" is 3.18; "enterprise_linux:9::baseos" is 9; "Leap 15.5" and "Linux Enterprise Server 15 SP5" are
 * 15.5. NULL: of another kind, such as Ubuntu's "Pro:22.04:LTS", whose fixes only customers get. */
static char *release_of(const char *id, const char *text)
{
        int major = 0, minor = 0, used = 0;

        if (bk_streq(id, "rhel")) {
                if (strncmp(text, "enterprise_linux:", 17) != 0)
                        return NULL;
                text += 17;
        } else if (bk_streq(id, "opensuse-leap")) {
                if (strncmp(text, "Leap ", 5) != 0)
                        return NULL;
                text += 5;
        } else if (bk_streq(id, "sles")) {
                if (sscanf(text, "Linux Enterprise Server %3d SP%3d%n", &major, &minor, &used) != 2 || text[used] != '\0')
                        return NULL;
                return bk_format("%d.%d", major, minor);
        }
        text += *text == 'v';
        return isdigit((unsigned char)*text) || bk_streq(text, "sid") ? bk_strndup(text, strcspn(text, ":")) : NULL;
}

bool reg_os_of_database(const char *name, enum bk_ecosystem *ret_ecosystem, char **ret_os)
{
        const char *colon = strchr(name, ':');
        const size_t length = colon != NULL ? (size_t)(colon - name) : strlen(name);

        for (size_t i = 0; i < sizeof databases / sizeof *databases; i++) {
                autofree char *release = NULL, *both = NULL;

                if (strlen(databases[i].name) != length || strncmp(databases[i].name, name, length) != 0)
                        continue;
                if (databases[i].os != NULL && colon != NULL) {
                        release = release_of(databases[i].os, colon + 1);
                        if (release == NULL)
                                return false;
                        both = bk_format("%s:%s", databases[i].os, release);
                }
                *ret_ecosystem = databases[i].ecosystem;
                *ret_os = both != NULL ? reg_os_normal(both) : bk_strdup(databases[i].os != NULL ? databases[i].os : "");
                return true;
        }
        return false;
}
