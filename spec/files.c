/* Files below a root on this host: openat2 keeps every path inside. */
#include "spec/files.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "spec/facts.h"

static bool absent(int errnum)
{
        return errnum == ENOENT || errnum == ENOTDIR || errnum == ELOOP || errnum == ENAMETOOLONG;
}

/* Returns 1 with *ret open, 0 when nothing is there. */
static int open_there(const struct spec_files *files, const char *path, int flags, int *ret, struct bk_error *err)
{
        *ret = bk_open_in_root(files->root_fd, path, flags, 0);
        if (*ret >= 0)
                return 1;
        return absent(errno) ? 0 : bk_fail_errno(err, "cannot look at '%s' in the image", path);
}

/* Nothing but a regular file is opened for reading: a pipe would wait, a device would act. */
static int open_regular(const struct spec_files *files, const char *path, int *ret, struct bk_error *err)
{
        struct stat st;
        const int there = spec_files_stat(files, path, true, &st, err);

        if (there <= 0 || !S_ISREG(st.st_mode))
                return there < 0 ? -1 : 0;
        return open_there(files, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, ret, err);
}

int spec_files_stat(const struct spec_files *files, const char *path, bool follow, struct stat *ret, struct bk_error *err)
{
        autoclose int fd = -1;
        int there;

        if (files->facts != NULL)
                return spec_facts_stat(files->facts, path, follow, ret, err);
        there = open_there(files, path, O_PATH | (follow ? 0 : O_NOFOLLOW), &fd, err);
        if (there > 0 && fstat(fd, ret) < 0)
                return bk_fail_errno(err, "cannot look at '%s' in the image", path);
        return there;
}

int spec_files_read(const struct spec_files *files, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        autoclose int fd = -1;
        int there;

        if (files->facts != NULL)
                return spec_facts_read(files->facts, path, most, ret, ret_len, err);
        there = open_regular(files, path, &fd, err);
        if (there > 0 && bk_read_fd(fd, most, ret, ret_len, err) < 0)
                return bk_wrap(err, "'%s' in the image", path);
        return there;
}

static char *link_text(int fd)
{
        char text[PATH_MAX + 1];
        const ssize_t length = readlinkat(fd, "", text, PATH_MAX);

        return length <= 0 ? NULL : bk_strndup(text, (size_t)length);
}

int spec_files_link(const struct spec_files *files, const char *path, char **ret, struct bk_error *err)
{
        autoclose int fd = -1;
        int there;

        if (files->facts != NULL)
                return spec_facts_link(files->facts, path, ret, err);
        there = open_there(files, path, O_PATH | O_NOFOLLOW, &fd, err);
        if (there <= 0)
                return there;
        *ret = link_text(fd);
        return *ret != NULL;
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

int spec_files_list(const struct spec_files *files, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        autodir DIR *dir = NULL;
        int fd, there;

        if (files->facts != NULL)
                return spec_facts_list(files->facts, path, ret, err);
        there = open_there(files, path, O_RDONLY | O_DIRECTORY, &fd, err);
        if (there <= 0)
                return there;
        dir = fdopendir(fd);
        if (dir == NULL) {
                (void)close(fd);
                return bk_fail_errno(err, "cannot list '%s' in the image", path);
        }
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
                if (!bk_streq(entry->d_name, ".") && !bk_streq(entry->d_name, ".."))
                        bk_strv_add(ret, entry->d_name);
        if (ret->n > 1)
                qsort(ret->v, ret->n, sizeof *ret->v, by_name);
        return 1;
}

static char *proc_path(int fd)
{
        autofree char *link = bk_format("/proc/self/fd/%d", fd);
        char text[PATH_MAX + 1];
        const ssize_t length = readlink(link, text, PATH_MAX);

        return length < 0 ? NULL : bk_strndup(text, (size_t)length);
}

int spec_files_real(const struct spec_files *files, const char *path, char **ret, struct bk_error *err)
{
        autofree char *root = NULL, *found = NULL;
        autoclose int fd = -1;
        size_t length;
        int there;

        if (files->facts != NULL)
                return spec_facts_real(files->facts, path, ret, err);
        there = open_there(files, path, O_PATH, &fd, err);
        if (there <= 0)
                return there;
        root = proc_path(files->root_fd);
        found = proc_path(fd);
        if (root == NULL || found == NULL)
                return bk_fail_errno(err, "cannot find the path of an open file");
        length = bk_streq(root, "/") ? 0 : strlen(root);
        if (strncmp(found, root, length) != 0)
                return bk_fail(err, BK_INFRA, "the image's root was moved meanwhile");
        *ret = bk_strdup(found[length] != '\0' ? found + length : "/");
        return 1;
}

int spec_files_digest(const struct spec_files *files, const char *path, const char *algorithm, char **ret, struct bk_error *err)
{
        autoclose int fd = -1;
        autofree char *opened = NULL;
        int there;

        if (files->facts != NULL)
                return spec_facts_digest(files->facts, path, algorithm, ret, err);
        there = open_regular(files, path, &fd, err);
        if (there <= 0)
                return there;
        opened = bk_format("/proc/self/fd/%d", fd);
        return bk_checksum_file(opened, algorithm, ret, err) < 0 ? bk_wrap(err, "'%s' in the image", path) : 1;
}

int spec_files_xattr(const struct spec_files *files, const char *path, const char *name, char **ret, size_t *ret_len, struct bk_error *err)
{
        autoclose int fd = -1;
        autofree char *opened = NULL, *value = NULL;
        ssize_t length;
        int there;

        if (files->facts != NULL)
                return spec_facts_xattr(files->facts, path, name, ret, ret_len, err);
        there = open_there(files, path, O_PATH, &fd, err);
        if (there <= 0)
                return there;
        opened = bk_format("/proc/self/fd/%d", fd);
        length = getxattr(opened, name, NULL, 0);
        if (length >= 0) {
                value = bk_alloc((size_t)length + 1);
                length = getxattr(opened, name, value, (size_t)length);
        }
        if (length < 0)
                return errno == ENODATA || errno == EOPNOTSUPP ? 0 : bk_fail_errno(err, "cannot read '%s' of '%s' in the image", name, path);
        *ret = bk_take(value);
        *ret_len = (size_t)length;
        return 1;
}

int spec_files_flags(const struct spec_files *files, const char *path, unsigned *ret, struct bk_error *err)
{
        autoclose int fd = -1;
        struct stat st;
        int there, flags = 0;

        if (files->facts != NULL)
                return spec_facts_flags(files->facts, path, ret, err);
        there = spec_files_stat(files, path, true, &st, err);
        if (there <= 0 || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
                return there < 0 ? -1 : 0;
        there = open_there(files, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd, err);
        if (there <= 0)
                return there;
        if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
                return errno == ENOTTY || errno == EOPNOTSUPP ? 0 : bk_fail_errno(err, "cannot read the flags of '%s' in the image", path);
        *ret = (unsigned)flags;
        return 1;
}

bool spec_files_there(const struct spec_files *files, const char *path)
{
        struct stat st;
        struct bk_error err = { 0 };

        return spec_files_stat(files, path, false, &st, &err) > 0;
}
