/* What the readers of package databases share. */
#pragma once
#include <stdint.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/packages.h"

enum {
        PACKAGES_DATABASE_MOST = 256 << 20,     /* bytes: an rpm database of 3000 packages has 150 MiB */
        PACKAGES_FILE_MOST = 4 << 20,           /* of one package's own file */
        PACKAGES_FILES_MOST = 50000,            /* packages of one language, and folders that are looked through */
};

/* Takes what package owns; what is missing of architecture and source is filled in. Without a name it is dropped. */
void bk_packages_add(struct bk_packages *packages, struct bk_package *package);

/* The value after `key`, when the line begins with it, else NULL; *ret_len without white space at its end. */
const char *bk_packages_value(const char *line, size_t length, const char *key, size_t *ret_len);

int bk_tree_read(const struct bk_tree *tree, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err) BK_MUST_CHECK;
int bk_tree_list(const struct bk_tree *tree, const char *path, struct bk_strv *ret, struct bk_error *err) BK_MUST_CHECK;
void bk_tree_want(const struct bk_tree *tree, const char *path);
void bk_tree_wantf(const struct bk_tree *tree, const char *format, ...) BK_PRINTF(2, 3);
/* Places whose "*" are filled in with what is there. A place without a "*" stays, there or not. */
int bk_tree_expand(const struct bk_tree *tree, const char *const places[], struct bk_strv *ret, struct bk_error *err) BK_MUST_CHECK;

/* The readers of folders: 1, 0 or -1, like bk_packages_read(). */
int bk_packages_read_dpkg(const struct bk_tree *tree, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
int bk_packages_read_apk(const struct bk_tree *tree, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
int bk_packages_read_pacman(const struct bk_tree *tree, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
int bk_packages_read_rpm(const struct bk_tree *tree, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
/* places: folders, or files for perllocal; expanded. */
int bk_packages_read_gem(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
int bk_packages_read_pypi(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
int bk_packages_read_npm(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
int bk_packages_read_pear(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
int bk_packages_read_pecl(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
int bk_packages_read_cpan(const struct bk_tree *tree, const struct bk_strv *places, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;

/* Files that the paths list, read in two rounds, so that who answers in batches needs one. parse may be given a file that is
 * not there: text NULL. Returns 1 when any was there, 0, or -1. */
struct bk_tree_file { const char *path, *text; size_t length; };
int bk_tree_each(const struct bk_tree *tree, const struct bk_strv *paths, void (*parse)(void *arg, const struct bk_tree_file *file), void *arg,
                 struct bk_error *err) BK_MUST_CHECK;
