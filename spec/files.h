/* The files of what is checked, as its own system sees them: below a root on this host, or in a guest that is asked in
 * batches (facts.h). Paths, links and ".." resolve inside.
 *
 * Every function returns 1 when it is there, 0 when it is not (which is no error), -1 when nobody can tell. */
#pragma once
#include <sys/stat.h>

#include "lib/mem.h"

struct spec_facts;

struct spec_files {
        int root_fd;                    /* -1: facts are asked */
        struct spec_facts *facts;
};

int spec_files_stat(const struct spec_files *files, const char *path, bool follow, struct stat *ret, struct bk_error *err) BK_MUST_CHECK;
/* A regular file's content, links followed; 0 for anything else. More than `most` bytes are an error. NUL-terminated. */
int spec_files_read(const struct spec_files *files, const char *path, size_t most, char **ret, size_t *ret_len,
                    struct bk_error *err) BK_MUST_CHECK;
/* What a symlink says; 0 when it is none. */
int spec_files_link(const struct spec_files *files, const char *path, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* The names in a folder, sorted, without "." and "..". */
int spec_files_list(const struct spec_files *files, const char *path, struct bk_strv *ret, struct bk_error *err) BK_MUST_CHECK;
/* The path without links: "/usr/bin/dash". */
int spec_files_real(const struct spec_files *files, const char *path, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* Of a regular file's content, in hexadecimal; algorithm as bk_checksum_file() names them. */
int spec_files_digest(const struct spec_files *files, const char *path, const char *algorithm, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* An extended attribute of what the path leads to; 0 also when it has none of that name. */
int spec_files_xattr(const struct spec_files *files, const char *path, const char *name, char **ret, size_t *ret_len,
                     struct bk_error *err) BK_MUST_CHECK;
/* FS_IOC_GETFLAGS; 0 also where the file system has none. */
int spec_files_flags(const struct spec_files *files, const char *path, unsigned *ret, struct bk_error *err) BK_MUST_CHECK;

/* Is anything at the path, were it a dangling link? What nobody can tell counts as not there. */
bool spec_files_there(const struct spec_files *files, const char *path);
