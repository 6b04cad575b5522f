/* What is installed, as the image itself says: never what a recipe asked for. */
#include "layers/seal.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/packages.h"

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

/* The installed ones, moved. */
static struct deb_packages installed_of(struct bk_packages *from)
{
        struct deb_packages ret = { .v = bk_grow(NULL, from->n + 1, sizeof *ret.v) };

        for (size_t i = 0; i < from->n; i++) {
                struct bk_package *p = &from->v[i];

                if (!p->installed || *p->version == '\0')
                        continue;
                ret.v[ret.n++] = (struct deb_package){
                        .name = p->name, .version = p->version, .source = p->source, .source_version = p->source_version,
                        .architecture = *p->architecture != '\0' ? bk_strdup(p->architecture) : bk_strdup("all"),
                };
                p->name = p->version = p->source = p->source_version = NULL;
        }
        return ret;
}

int deb_packages_parse(const char *text, struct deb_packages *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_packages_done) struct bk_packages all = { 0 };
        BK_CLEANUP(deb_packages_done) struct deb_packages packages = { 0 };

        bk_packages_parse_dpkg(text, strlen(text), &all);
        packages = installed_of(&all);
        if (packages.n == 0 && text[strspn(text, " \t\r\n")] != '\0')
                return bk_fail(err, BK_CORRUPT, "this is not a dpkg status file: no installed package is in it");
        *ret = packages;
        packages = (struct deb_packages){ 0 };
        return 0;
}

int deb_packages_read(int root_fd, struct deb_packages *ret, struct bk_error *err)
{
        const struct bk_tree tree = bk_tree_of_root(&root_fd);
        BK_CLEANUP(bk_packages_done) struct bk_packages all = { 0 };
        struct bk_error failure = { 0 };
        autofree char *text = NULL;

        /* A file that is there and says nothing is damaged: read first, as the list alone does not tell. */
        if (bk_read_in_root(root_fd, "/var/lib/dpkg/status", STATUS_MOST, &text, NULL, &failure) == 0) {
                struct deb_packages unused = { 0 };

                if (deb_packages_parse(text, &unused, err) < 0)
                        return bk_wrap(err, "/var/lib/dpkg/status in the image");
                deb_packages_done(&unused);
        } else if (failure.kind != BK_NOT_FOUND) {
                *err = failure;
                return -1;
        }
        if (bk_packages_read(&tree, BK_DEB, &all, err) < 0)
                return -1;
        *ret = installed_of(&all);
        return 0;
}
