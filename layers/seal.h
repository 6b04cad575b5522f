/* What happens to a root file system between the last provisioner and its seal. */
#pragma once
#include <stdbool.h>
#include "lib/mem.h"
#include "lib/packages.h"

/* Sysprep operations are rows; each removes or empties what must not be in two machines. */
struct sysprep_row { const char *name, *help; };
const struct sysprep_row *sysprep_rows(size_t *n);
/* Runs all but the named ones. */
int sysprep_run(int root_fd, const struct bk_strv *skip, struct bk_error *err) BK_MUST_CHECK;

/* The same as a script for sh, to be run as root in a guest. The caller's. */
char *sysprep_script(const struct bk_strv *skip);

/* What is installed in an image, and on which system: "debian:12", of its os-release; NULL where that is unknown. */
struct inventory { struct bk_packages packages; char *os; };
void inventory_done(struct inventory *inventory);
/* Of every ecosystem whose database or folder is there. A database that is damaged is BK_CORRUPT, none is an empty list. */
int inventory_read(const struct bk_tree *tree, struct inventory *ret, struct bk_error *err) BK_MUST_CHECK;
/* The caller's; NULL when the text names no system. */
char *inventory_os(const char *os_release);
