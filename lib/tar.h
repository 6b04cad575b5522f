/* Plain tar files of regular files: POSIX ustar; a size of 8 GiB or more is written as GNU tar does. Members have names of at most 99
 * bytes. Any tar reads what is written here; of what others write, only this much is read. */
#pragma once
#include <stdint.h>
#include <sys/types.h>
#include "lib/error.h"

/* A member is its header, its bytes by bk_write_all(), and its end; after the last one comes the archive's end. */
int bk_tar_put_header(int fd, const char *name, uint64_t size, int64_t mtime, struct bk_error *err) BK_MUST_CHECK;
int bk_tar_put_end(int fd, uint64_t size, struct bk_error *err) BK_MUST_CHECK;
int bk_tar_finish(int fd, struct bk_error *err) BK_MUST_CHECK;

/* A reader stands at the start of a file that can seek. */
struct bk_tar {
        int fd;                 /* borrowed */
        char name[100];         /* of the member at hand */
        uint64_t size, left;    /* its bytes; those not yet read */
        uint64_t next;          /* where the header after it is */
};
/* 1: a member, 0: the archive's end, -1: BK_CORRUPT where it is no archive, or is cut off. */
int bk_tar_next(struct bk_tar *tar, struct bk_error *err) BK_MUST_CHECK;
/* Up to `most` bytes of the member at hand, 0 at its end. */
ssize_t bk_tar_read(struct bk_tar *tar, void *bytes, size_t most, struct bk_error *err) BK_MUST_CHECK;
