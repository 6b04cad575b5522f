/* Names of things below the image's root, as the image sees them. */
#include "spec/spec_priv.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "lib/fs.h"

static char *proc_path(int fd)
{
        autofree char *link = bk_format("/proc/self/fd/%d", fd);
        char text[PATH_MAX + 1];
        const ssize_t length = readlink(link, text, PATH_MAX);

        return length < 0 ? NULL : bk_strndup(text, (size_t)length);
}

int spec_path_of(const struct spec_image *image, int fd, char **ret, struct bk_error *err)
{
        autofree char *root = proc_path(image->target->root_fd), *path = proc_path(fd);
        size_t length;

        if (root == NULL || path == NULL)
                return bk_fail_errno(err, "cannot find the path of an open file");
        length = bk_streq(root, "/") ? 0 : strlen(root);
        if (strncmp(path, root, length) != 0)
                return bk_fail(err, BK_INFRA, "the image's root was moved meanwhile");
        *ret = bk_strdup(path[length] != '\0' ? path + length : "/");
        return 0;
}

char *spec_link_text(int root_fd, const char *path)
{
        char text[PATH_MAX + 1];
        autoclose int fd = bk_open_in_root(root_fd, path, O_PATH | O_NOFOLLOW, 0);
        ssize_t length;

        if (fd < 0)
                return NULL;
        length = readlinkat(fd, "", text, PATH_MAX);
        return length <= 0 ? NULL : bk_strndup(text, (size_t)length);
}
