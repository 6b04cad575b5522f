/* Draft, fsync, rename, fsync the folder: in this order, so that a crash or a
 * full disk shows either the old file or the new one. */
#include "lib/publish.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

static char *folder_of(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash == NULL ? bk_strdup(".") : bk_strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

int bk_fsync_folder_of(const char *path, struct bk_error *err)
{
        autofree char *folder = folder_of(path);
        autoclose int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || fsync(fd) < 0)
                return bk_fail_errno(err, "cannot sync folder '%s'", folder);
        return 0;
}

int bk_publish(const char *draft, const char *path, struct bk_error *err)
{
        autoclose int fd = open(draft, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return bk_fail_errno(err, "cannot open draft '%s'", draft);
        if (fsync(fd) < 0 || rename(draft, path) < 0) {
                bk_fail_errno(err, "cannot publish '%s'", path);
                (void)unlink(draft);
                return -1;
        }
        return bk_fsync_folder_of(path, err);
}

/* A file of that folder without a name yet; where the file system has no such files (NFS, older overlays), one with the draft's. */
static int open_draft(const char *folder, const char *draft, mode_t mode, bool *ret_named)
{
        const int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);

        *ret_named = fd < 0;
        return fd < 0 ? open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode) : fd;
}

static int give_name(int fd, const char *draft)
{
        autofree char *self = bk_format("/proc/self/fd/%d", fd);

        return linkat(AT_FDCWD, self, AT_FDCWD, draft, AT_SYMLINK_FOLLOW);
}

static int put(const char *path, const void *bytes, size_t length, mode_t mode, bool durable, struct bk_error *err)
{
        autofree char *name = bk_random_name(), *draft = bk_format("%s.%s.draft", path, name), *folder = folder_of(path);
        bool named = false;
        autoclose int fd = open_draft(folder, draft, mode, &named);

        if (fd < 0)
                return bk_fail_errno(err, "cannot create '%s'", draft);
        if (fchmod(fd, mode) < 0 || bk_write_all(fd, bytes, length, err) < 0 || (durable && fsync(fd) < 0) || (!named && give_name(fd, draft) < 0) ||
            rename(draft, path) < 0) {
                bk_fail_errno(err, "cannot publish '%s'", path);
                (void)unlink(draft);
                return -1;
        }
        return durable ? bk_fsync_folder_of(path, err) : 0;
}

int bk_publish_bytes(const char *path, const void *bytes, size_t length, mode_t mode, struct bk_error *err)
{
        return put(path, bytes, length, mode, true, err);
}

int bk_replace_bytes(const char *path, const void *bytes, size_t length, mode_t mode, struct bk_error *err)
{
        return put(path, bytes, length, mode, false, err);
}
