/* Versions of packages, each compared as its own package manager compares them. */
#pragma once
#include <stdbool.h>

/* The names are those of package URLs (purl): "deb", "rpm", "apk", "alpm", "pypi", "npm", "gem", "pear", "pecl", "cpan". */
enum bk_ecosystem { BK_DEB, BK_RPM, BK_APK, BK_ALPM, BK_PYPI, BK_NPM, BK_GEM, BK_PEAR, BK_PECL, BK_CPAN };
enum { BK_ECOSYSTEMS = BK_CPAN + 1 };
const char *bk_ecosystem_name(enum bk_ecosystem ecosystem);
/* False for a name that is none. */
bool bk_ecosystem_of(const char *name, enum bk_ecosystem *ret);

/* -1, 0 or 1. Any text has a place, also one that the package manager would refuse: no error, no crash. A total order, save for
 * BK_ALPM, where a version without a release equals all of its releases, as pacman's does. */
int bk_version_compare(enum bk_ecosystem ecosystem, const char *a, const char *b);
