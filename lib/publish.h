/* One way to make a file appear: whole, or not at all, and durable. */
#pragma once
#include <sys/types.h>
#include "lib/error.h"

/* fsync(draft), rename over path, fsync the folder. Both lie on one file
 * system. On failure the draft is removed and path is as it was. */
int bk_publish(const char *draft, const char *path, struct bk_error *err) BK_MUST_CHECK;
/* The same for content held in memory. Where the file system can, the draft has no name until it is whole, so that who is killed leaves nothing. */
int bk_publish_bytes(const char *path, const void *bytes, size_t length, mode_t mode,
                     struct bk_error *err) BK_MUST_CHECK;
/* The same without waiting for the disk: a crash of the host may leave the file empty. For what is looked at before it is believed. */
int bk_replace_bytes(const char *path, const void *bytes, size_t length, mode_t mode, struct bk_error *err) BK_MUST_CHECK;
int bk_fsync_folder_of(const char *path, struct bk_error *err) BK_MUST_CHECK;
