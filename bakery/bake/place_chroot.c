/* Provisioners' place where an image is open in a chroot. Paths inside are resolved inside: a link in the image cannot
 * point a copy at the host. */
#include "bakery/bake/bake_priv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

static int ready(struct bake_work *work, struct bk_error *err)
{
        (void)work;
        (void)err;
        return 0;
}

static int put(struct bake_work *work, const char *path, const void *bytes, size_t length, mode_t mode, struct bk_error *err)
{
        return bk_write_in_root(chroot_root_fd(work->chroot), path, bytes, length, mode, err);
}

static int unlink_there(struct bake_work *work, const char *path, struct bk_error *err)
{
        return bk_unlink_in_root(chroot_root_fd(work->chroot), path, err);
}

/* From a file: the command may hold secrets, and an argv is for everyone to read. */
static int run_there(struct bake_work *work, const char *command, int timeout_ms, bool may_disconnect, int *ret_status, struct bk_error *err)
{
        autofree char *name = bk_random_name(), *wrapper = bk_format("/run/bakery-%s.sh", name);
        const char *const argv[] = { "/bin/sh", wrapper, NULL };
        const struct bk_run run = { .argv = argv, .timeout_ms = timeout_ms, .on_line = bake_tell_line, .arg = work };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        const int root = chroot_root_fd(work->chroot);
        int status;

        (void)may_disconnect;
        if (bk_write_in_root(root, wrapper, command, strlen(command), 0700, err) < 0)
                return -1;
        status = chroot_run(work->chroot, &run, &result, err);
        if (bk_unlink_in_root(root, wrapper, status < 0 ? NULL : err) < 0 || status < 0)
                return -1;
        *ret_status = result.status;
        return 0;
}

static int upload_file(int root, const char *from, const char *to, mode_t mode, struct bk_error *err)
{
        autoclose int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
        char chunk[65536];

        if (in < 0)
                return bk_fail_errno(err, "cannot open '%s'", from);
        /* Makes the parents, and the file with its mode. */
        if (bk_write_in_root(root, to, "", 0, mode & 07777, err) < 0)
                return -1;
        out = bk_open_in_root(root, to, O_WRONLY, 0);
        if (out < 0)
                return bk_fail_errno(err, "cannot write '%s' in the image", to);
        for (ssize_t got; (got = read(in, chunk, sizeof chunk)) != 0;) {
                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return bk_fail_errno(err, "cannot read '%s'", from);
                if (bk_write_all(out, chunk, (size_t)got, err) < 0)
                        return bk_wrap(err, "'%s' in the image", to);
        }
        return 0;
}

static int upload_tree(int root, const char *from, const char *to, struct bk_error *err)
{
        struct stat st;

        if (stat(from, &st) < 0)
                return bk_fail_errno(err, "cannot look at source '%s'", from);
        if (!S_ISDIR(st.st_mode))
                return upload_file(root, from, to, st.st_mode, err);
        if (bk_mkdir_p_in_root(root, to, 0755, err) < 0)
                return -1;
        autodir DIR *dir = opendir(from);
        if (dir == NULL)
                return bk_fail_errno(err, "cannot list '%s'", from);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                autofree char *a = bk_format("%s/%s", from, entry->d_name), *b = bk_format("%s/%s", to, entry->d_name);

                if (!bk_streq(entry->d_name, ".") && !bk_streq(entry->d_name, "..") && upload_tree(root, a, b, err) < 0)
                        return -1;
        }
        return 0;
}

/* As scp and rsync have it: into a folder that is there, or that a trailing slash promises. */
static char *target_of(int root, const char *source, const char *destination)
{
        const size_t length = strlen(destination);
        autoclose int folder = bk_open_in_root(root, destination, O_PATH | O_DIRECTORY, 0);
        autofree char *absolute = *destination == '/' ? bk_strdup(destination) : bk_format("/%s", destination);

        if (source[strlen(source) - 1] == '/')
                return bk_take(absolute);
        if (folder >= 0 || (length > 0 && destination[length - 1] == '/'))
                return bk_format("%s%s%s", absolute, absolute[strlen(absolute) - 1] == '/' ? "" : "/", bk_base_name(source));
        return bk_take(absolute);
}

static int download(struct bake_work *work, const char *from, const char *to, struct bk_error *err)
{
        const int root = chroot_root_fd(work->chroot);
        autofree char *path = to[strlen(to) - 1] == '/' ? bk_format("%s%s", to, bk_base_name(from)) : bk_strdup(to), *text = NULL;
        autofree char *parent = bk_strndup(path, (size_t)(bk_base_name(path) - path));
        size_t length = 0;

        if (*parent != '\0' && bk_mkdir_p(parent, err) < 0)
                return -1;
        if (bk_read_in_root(root, from, (size_t)1 << 30, &text, &length, err) < 0)
                return -1;
        return bk_publish_bytes(path, text, length, 0644, err);
}

static int upload(struct bake_work *work, const char *from, const char *to, struct bk_error *err)
{
        const int root = chroot_root_fd(work->chroot);
        autofree char *target = target_of(root, from, to);

        return upload_tree(root, from, target, err);
}

const struct bake_place bake_place_chroot = { false, ready, put, unlink_there, run_there, upload, download };
