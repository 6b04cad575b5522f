/* What happens to a root file system between the last provisioner and its seal. */
#pragma once
#include <stdbool.h>
#include "lib/mem.h"

/* Sysprep operations are rows; each removes or empties what must not be in two machines. */
struct sysprep_row { const char *name, *help; };
const struct sysprep_row *sysprep_rows(size_t *n);
/* Runs all but the named ones. */
int sysprep_run(int root_fd, const struct bk_strv *skip, struct bk_error *err) BK_MUST_CHECK;

/* The same as a script for sh, to be run as root in a guest. The caller's. */
char *sysprep_script(const struct bk_strv *skip);

struct deb_package { char *name, *version, *architecture, *source, *source_version; };
struct deb_packages { struct deb_package *v; size_t n; };
void deb_packages_done(struct deb_packages *packages);
/* Installed packages as the image's own /var/lib/dpkg/status (and status.d) has them; an image without dpkg has none. */
int deb_packages_read(int root_fd, struct deb_packages *ret, struct bk_error *err) BK_MUST_CHECK;
/* Pure: reads one status file. */
int deb_packages_parse(const char *text, struct deb_packages *ret, struct bk_error *err) BK_MUST_CHECK;
