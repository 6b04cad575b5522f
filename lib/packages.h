/* What package databases say, read without their package managers: those of operating systems (dpkg, opkg, rpm in all three
 * of its databases, apk, pacman) and those of languages (gem, pip, npm, pear, pecl, cpan).
 *
 * Files come from callbacks, so that an image's root, a guest that is asked in batches and a test may all feed the same readers.
 * All of it is hostile input: time and memory are bounded by the size of what is read. What is not a package is passed over;
 * what is not a database is an error.
 *
 * Who wants to know which packages of an image have a fixed or a broken version needs ecosystem, source and source_version
 * (advisories of distributions name source packages), and bk_version_compare(). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "lib/mem.h"
#include "lib/version.h"

struct bk_package {
        char *name, *version;           /* the version with its epoch, and release where there is one; never NULL, maybe "" */
        char *architecture;             /* as the package manager calls it; "" where it says nothing */
        char *source, *source_version;  /* what it was built from; its own where nothing else is said */
        char *provides;                 /* apk, alpm: names, with "=version" where given; alpm: its groups as well; NULL: none */
        enum bk_ecosystem ecosystem;
        bool installed;                 /* its files are there; not merely its configuration, or half of it */
        bool unwanted;                  /* dpkg: installed, but to be removed or to be installed anew */
};

struct bk_packages {
        struct bk_package *v;
        size_t n;
};
void bk_packages_done(struct bk_packages *packages);
/* By name; of one name, installed ones first, and of those the newest. */
void bk_packages_sort(struct bk_packages *packages);
/* The first of that name in sorted packages; the others follow. NULL: none. */
const struct bk_package *bk_packages_find(const struct bk_packages *packages, const char *name);

/* Where files are. read and list return 1, 0 when there is no such file or folder, -1 when nobody can tell. */
struct bk_tree {
        /* A regular file's content, links followed, NUL-terminated. */
        int (*read)(void *arg, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err);
        int (*list)(void *arg, const char *path, struct bk_strv *ret, struct bk_error *err);    /* without "." and ".." */
        void (*want)(void *arg, const char *path);      /* it will be asked for soon; NULL: who answers need not know */
        void *arg;
};
/* An image's root; every path stays below it. *root_fd must live as long as the tree. */
struct bk_tree bk_tree_of_root(const int *root_fd);

/* Notes the paths that bk_packages_read() will ask for first. */
void bk_packages_want(const struct bk_tree *tree, enum bk_ecosystem ecosystem);
/* Adds what is known of an ecosystem. Returns 1 when there is a database, or a folder of packages, be it empty; 0 when there is
 * none; -1 when it cannot be read. */
int bk_packages_read(const struct bk_tree *tree, enum bk_ecosystem ecosystem, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
/* The same for a language's packages in other places than the usual. A "*" in a path stands for any part of a name:
 * "/opt/ruby/lib/ruby/gems/" "*" "/specifications". Places end with NULL. */
int bk_packages_read_in(const struct bk_tree *tree, enum bk_ecosystem ecosystem, const char *const places[], struct bk_packages *ret,
                        struct bk_error *err) BK_MUST_CHECK;
void bk_packages_want_in(const struct bk_tree *tree, const char *const places[]);

/* A perl module, by its file in one of perl's folders: 1, 0 or -1. The version is "" where it is not written as a plain text. */
int bk_packages_perl_module(const struct bk_tree *tree, const char *name, struct bk_package *ret, struct bk_error *err) BK_MUST_CHECK;
void bk_package_done(struct bk_package *package);

/* Databases given as bytes. */
void bk_packages_parse_dpkg(const char *text, size_t length, struct bk_packages *ret);
void bk_packages_parse_apk(const char *text, size_t length, struct bk_packages *ret);
void bk_packages_parse_pacman(const char *text, size_t length, struct bk_packages *ret);        /* one package's desc */
void bk_packages_parse_perllocal(const char *text, size_t length, struct bk_packages *ret);
/* wal: rpmdb.sqlite-wal, whose committed pages are newer than the database's; NULL: none. */
int bk_packages_parse_rpm_sqlite(const char *bytes, size_t length, const char *wal, size_t wal_length, struct bk_packages *ret,
                                 struct bk_error *err) BK_MUST_CHECK;
int bk_packages_parse_rpm_ndb(const char *bytes, size_t length, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
int bk_packages_parse_rpm_bdb(const char *bytes, size_t length, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
/* One header as rpm's databases keep it, without the magic of a package's file. */
int bk_packages_parse_rpm_header(const void *bytes, size_t length, struct bk_packages *ret, struct bk_error *err) BK_MUST_CHECK;
