/* Draft, fsync, rename, fsync the folder: in this order, so that a crash or a
 * full disk shows either the old file or the new one. */
#include "lib/publish.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

int bk_fsync_folder_of(const char *path, struct bk_error *err)
{
        const char *slash = strrchr(path, '/');
        autofree char *folder = slash == NULL ? bk_strdup(".") :
                                bk_strndup(path, slash == path ? 1 : (size_t)(slash - path));
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

int bk_publish_bytes(const char *path, const void *bytes, size_t length, mode_t mode, struct bk_error *err)
{
        autofree char *name = bk_random_name();
        autofree char *draft = bk_format("%s.%s.draft", path, name);
        autoclose int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

        if (fd < 0)
                return bk_fail_errno(err, "cannot create '%s'", draft);
        if (fchmod(fd, mode) < 0 || bk_write_all(fd, bytes, length, err) < 0) {
                (void)unlink(draft);
                return bk_fail_errno(err, "'%s'", path);
        }
        return bk_publish(draft, path, err);
}
