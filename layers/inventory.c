/* What is installed, as the image itself says: never what a recipe asked for. */
#include "layers/seal.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

enum { STATUS_MOST = 64 << 20, OS_RELEASE_MOST = 65536 };

void inventory_done(struct inventory *inventory)
{
        bk_packages_done(&inventory->packages);
        free(inventory->os);
        *inventory = (struct inventory){ 0 };
}

/* The value of a line KEY=value or KEY="value"; NULL: none. */
static char *value_of(const char *text, const char *key)
{
        const size_t n = strlen(key);

        for (const char *line = text; line != NULL && *line != '\0'; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
                const char *value = line + n + 1;
                size_t length;

                if (strncmp(line, key, n) != 0 || line[n] != '=')
                        continue;
                value += *value == '"' || *value == '\'';
                length = strcspn(value, "\"'\r\n");
                return length > 0 ? bk_strndup(value, length) : NULL;
        }
        return NULL;
}

char *inventory_os(const char *os_release)
{
        autofree char *id = value_of(os_release, "ID"), *version = value_of(os_release, "VERSION_ID");

        if (id == NULL)
                return NULL;
        if (version == NULL)                    /* Debian's testing and unstable have a name only */
                version = value_of(os_release, "VERSION_CODENAME");
        return version != NULL ? bk_format("%s:%s", id, version) : bk_strdup(id);
}

/* Keeps what is installed. */
static void keep_installed(struct bk_packages *packages)
{
        size_t kept = 0;

        for (size_t i = 0; i < packages->n; i++) {
                struct bk_package *p = &packages->v[i];

                if (!p->installed || *p->version == '\0') {
                        bk_package_done(p);
                        continue;
                }
                if (p->ecosystem == BK_DEB && *p->architecture == '\0') {
                        free(p->architecture);
                        p->architecture = bk_strdup("all");
                }
                packages->v[kept++] = *p;
        }
        packages->n = kept;
}

/* A file that is there and names no package is damaged: the list alone does not tell that from one that is not there. */
static int check_dpkg(const struct bk_tree *tree, const struct bk_packages *packages, struct bk_error *err)
{
        autofree char *text = NULL;
        size_t length = 0;
        int there;

        for (size_t i = 0; i < packages->n; i++)
                if (packages->v[i].installed)
                        return 0;
        there = tree->read(tree->arg, "/var/lib/dpkg/status", STATUS_MOST, &text, &length, err);
        if (there > 0 && text[strspn(text, " \t\r\n")] != '\0')
                return bk_fail(err, BK_CORRUPT, "/var/lib/dpkg/status in the image is not a dpkg status file: no installed package is in it");
        return there < 0 ? -1 : 0;
}

int inventory_read(const struct bk_tree *tree, struct inventory *ret, struct bk_error *err)
{
        BK_CLEANUP(inventory_done) struct inventory inventory = { 0 };
        autofree char *release = NULL;
        size_t length = 0;
        int there = tree->read(tree->arg, "/etc/os-release", OS_RELEASE_MOST, &release, &length, err);

        if (there == 0)
                there = tree->read(tree->arg, "/usr/lib/os-release", OS_RELEASE_MOST, &release, &length, err);
        if (there < 0)
                return -1;
        inventory.os = there > 0 ? inventory_os(release) : NULL;
        for (unsigned e = 0; e < BK_ECOSYSTEMS; e++) {
                if (bk_packages_read(tree, (enum bk_ecosystem)e, &inventory.packages, err) < 0)
                        return bk_wrap(err, "packages of the image");
                if (e == BK_DEB && check_dpkg(tree, &inventory.packages, err) < 0)
                        return -1;
        }
        keep_installed(&inventory.packages);
        *ret = inventory;
        inventory = (struct inventory){ 0 };
        return 0;
}
