/* Files and folders, on the host and inside an image's root. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "lib/error.h"

/* Creates a folder and its parents, mode 0755 & ~umask; existing is fine. */
int bk_mkdir_p(const char *path, struct bk_error *err) BK_MUST_CHECK;
/* Removes a file or a whole tree, never following a symlink and never
 * crossing into another file system. A missing path is fine. */
int bk_remove_tree(const char *path, struct bk_error *err) BK_MUST_CHECK;
/* The same below an open folder; name is one component. -1 with errno set. */
int bk_remove_at(int dir_fd, const char *name);
/* Reads a whole file of at most `most` bytes; *ret is NUL-terminated and the caller's. */
int bk_read_file(const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err) BK_MUST_CHECK;
int bk_read_fd(int fd, size_t most, char **ret, size_t *ret_len, struct bk_error *err) BK_MUST_CHECK;
int bk_write_all(int fd, const void *bytes, size_t length, struct bk_error *err) BK_MUST_CHECK;
bool bk_exists(const char *path);
const char *bk_base_name(const char *path);             /* what follows its last slash: "" for "folder/" */

/* Opens a path as a process inside the image would see it: symlinks, absolute
 * or not, and ".." stay below root_fd (openat2 with RESOLVE_IN_ROOT).
 * Returns a descriptor (O_CLOEXEC is added), or -1 with errno set. */
int bk_open_in_root(int root_fd, const char *path, int flags, mode_t mode);
int bk_mkdir_p_in_root(int root_fd, const char *path, mode_t mode, struct bk_error *err) BK_MUST_CHECK;
/* Replaces the file's content; parents are created with mode 0755. */
int bk_write_in_root(int root_fd, const char *path, const void *bytes, size_t length, mode_t mode,
                     struct bk_error *err) BK_MUST_CHECK;
int bk_read_in_root(int root_fd, const char *path, size_t most, char **ret, size_t *ret_len,
                    struct bk_error *err) BK_MUST_CHECK;
/* Removes one file (not a folder); a missing one is fine. */
int bk_unlink_in_root(int root_fd, const char *path, struct bk_error *err) BK_MUST_CHECK;

/* The state folder: flag, else BAKERY_HOME, else /var/lib/bakery for root and
 * $XDG_DATA_HOME/bakery otherwise. Absolute; the caller's. */
char *bk_home(const char *flag);

/* A name of 12 characters, unpredictable, of [a-z0-9]. */
char *bk_random_name(void);

int64_t bk_now_ms(void);                                /* monotonic */
void bk_sleep_ms(int64_t ms);                           /* all of it, whatever signals come; nothing where it is not positive */
/* "2006-01-02T15:04:05Z", the caller's; "@SECONDS" for what is in no year of four digits. */
char *bk_iso_time(int64_t unix_seconds);
