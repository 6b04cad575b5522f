/* Files to a guest and from it: what goes where. How they travel is a table of functions, by SFTP or `cat`. */
#include "vm/ssh_priv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

enum { DEPTH_MOST = 64 };

static const struct vm_ssh_files *files_of(struct vm_ssh *ssh, struct bk_error *err)
{
        if (vm_sftp_open(ssh, err) < 0)
                return NULL;
        return ssh->no_sftp ? &vm_ssh_files_cat : &vm_ssh_files_sftp;
}

static bool ends_in_slash(const char *path)
{
        const size_t length = strlen(path);

        return length > 0 && path[length - 1] == '/';
}

/* Without slashes at its end; "/" stays. */
static char *trimmed(const char *path)
{
        size_t length = strlen(path);

        while (length > 1 && path[length - 1] == '/')
                length--;
        return bk_strndup(path, length);
}

static char *joined(const char *folder, const char *name)
{
        return bk_format("%s%s%s", folder, ends_in_slash(folder) ? "" : "/", name);
}

/* Servers say little; a second question finds out more. */
static int explain_put(struct vm_ssh *ssh, const struct vm_ssh_files *files, const char *path, struct bk_error *err)
{
        autofree char *parent = bk_strndup(path, (size_t)(bk_base_name(path) - path));
        struct bk_error ignored = { 0 };
        mode_t mode = 0;

        if (vm_ssh_connected(ssh) && (err->kind == BK_NOT_FOUND || err->kind == BK_FAILED) && (ssh->no_sftp || ssh->sftp != NULL)) {
                if (*parent != '\0' && files->look(ssh, parent, &mode, &ignored) < 0 && ignored.kind == BK_NOT_FOUND)
                        return bk_fail(err, BK_NOT_FOUND, "cannot write '%s' on the guest: there is no folder '%s' (make it first)", path, parent);
                if ((ssh->no_sftp || ssh->sftp != NULL) && files->look(ssh, path, &mode, &ignored) == 0 && S_ISDIR(mode))
                        return bk_fail(err, BK_CONFLICT, "cannot write '%s' on the guest: it is a folder (end its name with '/' to write into it)",
                                       path);
        }
        return bk_wrap(err, "cannot write '%s' on the guest", path);
}

static int put(struct vm_ssh *ssh, int fd, const char *path, mode_t mode, struct bk_error *err)
{
        const struct vm_ssh_files *files = files_of(ssh, err);
        struct bk_error why = { 0 };

        if (files == NULL)
                return -1;
        if (files->put(ssh, fd, path, mode, &why) == 0)
                return 0;
        explain_put(ssh, files, path, &why);
        if (err != NULL)
                *err = why;
        return -1;
}

int vm_ssh_write(struct vm_ssh *ssh, const char *path, const void *bytes, size_t length, mode_t mode, struct bk_error *err)
{
        autoclose int fd = memfd_create("bakery", MFD_CLOEXEC);

        if (fd < 0 || bk_write_all(fd, bytes, length, err) < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return bk_fail_errno(err, "cannot hold '%s' in memory", path);
        return put(ssh, fd, path, mode, err);
}

int vm_ssh_read(struct vm_ssh *ssh, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        autoclose int fd = memfd_create("bakery", MFD_CLOEXEC);
        const struct vm_ssh_files *files = files_of(ssh, err);

        if (files == NULL)
                return -1;
        if (fd < 0)
                return bk_fail_errno(err, "cannot hold '%s' in memory", path);
        if (files->get(ssh, path, fd, most, err) < 0)
                return bk_wrap(err, "cannot read '%s' on the guest", path);
        if (lseek(fd, 0, SEEK_SET) < 0)
                return bk_fail_errno(err, "cannot hold '%s' in memory", path);
        return bk_read_fd(fd, most, ret, ret_len, err);
}

int vm_ssh_list(struct vm_ssh *ssh, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        const struct vm_ssh_files *files = files_of(ssh, err);
        BK_CLEANUP(bk_strv_done) struct bk_strv names = { 0 };

        if (files == NULL)
                return -1;
        if (files->list(ssh, path, &names, err) < 0)
                return bk_wrap(err, "cannot list '%s' on the guest", path);
        for (size_t i = 0; i < names.n; i++)
                bk_strv_add(ret, names.v[i] + 1);       /* behind its kind */
        return 0;
}

int vm_ssh_unlink(struct vm_ssh *ssh, const char *path, struct bk_error *err)
{
        const struct vm_ssh_files *files = files_of(ssh, err);

        if (files == NULL)
                return -1;
        return files->unlink(ssh, path, err) < 0 ? bk_wrap(err, "cannot remove '%s' on the guest", path) : 0;
}

/* --- upload --------------------------------------------------------------- */

/* The folders that we are in, from the inside out: a link to one of them would never end. */
struct above {
        const struct above *next;
        dev_t device;
        ino_t inode;
        int depth;
};

static int upload_any(struct vm_ssh *ssh, const char *from, const char *to, const struct above *above, struct bk_error *err);

static int upload_folder(struct vm_ssh *ssh, int fd, const struct stat *st, const char *from, const char *to, const struct above *above,
                         struct bk_error *err)
{
        const struct above here = { .next = above, .device = st->st_dev, .inode = st->st_ino, .depth = above ? above->depth + 1 : 0 };
        const struct vm_ssh_files *files = files_of(ssh, err);
        autodir DIR *dir = NULL;
        int copy;

        for (const struct above *each = above; each != NULL; each = each->next)
                if (each->device == st->st_dev && each->inode == st->st_ino)
                        return bk_fail(err, BK_INVALID, "'%s' leads back to a folder that it is in", from);
        if (here.depth > DEPTH_MOST)
                return bk_fail(err, BK_INVALID, "'%s' lies more than %d folders deep", from, DEPTH_MOST);
        if (files == NULL)
                return -1;
        if (files->make_folder(ssh, to, st->st_mode & 07777, err) < 0)
                return bk_wrap(err, "cannot make folder '%s' on the guest", to);
        copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        dir = copy < 0 ? NULL : fdopendir(copy);
        if (dir == NULL)
                return bk_fail_errno(err, "cannot read folder '%s'", from);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                autofree char *inner_from = joined(from, entry->d_name), *inner_to = joined(to, entry->d_name);

                if (bk_streq(entry->d_name, ".") || bk_streq(entry->d_name, ".."))
                        continue;
                if (upload_any(ssh, inner_from, inner_to, &here, err) < 0)
                        return -1;
        }
        return 0;
}

static int upload_any(struct vm_ssh *ssh, const char *from, const char *to, const struct above *above, struct bk_error *err)
{
        /* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
        autoclose int fd = open(from, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return bk_fail_errno(err, "cannot open '%s'", from);
        if (S_ISDIR(st.st_mode))
                return upload_folder(ssh, fd, &st, from, to, above, err);
        if (!S_ISREG(st.st_mode))
                return bk_fail(err, BK_INVALID, "'%s' is neither a file nor a folder", from);
        return put(ssh, fd, to, st.st_mode & 07777, err);
}

/* Packer's rules: what arrives, and where. */
static char *target_of(const char *from, const char *to, bool folder)
{
        const bool as_it_is = folder ? ends_in_slash(from) : !ends_in_slash(to);
        autofree char *source = trimmed(from), *target = trimmed(to);

        return as_it_is ? bk_strdup(target) : joined(target, bk_base_name(source));
}

int vm_ssh_upload(struct vm_ssh *ssh, const char *from, const char *to, struct bk_error *err)
{
        struct stat st;
        autofree char *target = NULL;

        if (stat(from, &st) < 0)
                return bk_fail_errno(err, "cannot open '%s'", from);
        target = target_of(from, to, S_ISDIR(st.st_mode));
        return upload_any(ssh, from, target, NULL, err);
}

bool vm_ssh_is_name(const char *name)
{
        return *name != '\0' && strchr(name, '/') == NULL && !bk_streq(name, ".") && !bk_streq(name, "..");
}

/* --- download ------------------------------------------------------------- */

static int download_file(struct vm_ssh *ssh, const char *from, const char *to, mode_t mode, struct bk_error *err)
{
        const struct vm_ssh_files *files = files_of(ssh, err);
        autofree char *name = bk_random_name(), *draft = bk_format("%s.%s.draft", to, name);
        autoclose int fd = -1;

        if (files == NULL)
                return -1;
        fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode & 0777);
        if (fd < 0)
                return bk_fail_errno(err, "cannot create '%s'", to);
        if (files->get(ssh, from, fd, UINT64_MAX, err) < 0) {
                (void)unlink(draft);
                return bk_wrap(err, "cannot download '%s' from the guest", from);
        }
        return bk_publish(draft, to, err);
}

static int download_folder(struct vm_ssh *ssh, const char *from, const char *to, int depth, struct bk_error *err)
{
        const struct vm_ssh_files *files = files_of(ssh, err);
        autostrv struct bk_strv names = { 0 };
        struct stat st;

        if (files == NULL)
                return -1;
        if (depth > DEPTH_MOST)
                return bk_fail(err, BK_INVALID, "'%s' lies more than %d folders deep; does a link there lead back?", from, DEPTH_MOST);
        if (files->list(ssh, from, &names, err) < 0)
                return bk_wrap(err, "cannot read folder '%s' on the guest", from);
        if (mkdir(to, 0755) < 0 && (errno != EEXIST || stat(to, &st) < 0 || !S_ISDIR(st.st_mode)))
                return bk_fail_errno(err, "cannot create folder '%s'", to);
        for (size_t i = 0; i < names.n; i++) {
                autofree char *inner_from = joined(from, names.v[i] + 1), *inner_to = joined(to, names.v[i] + 1);
                mode_t mode = 0;

                files = files_of(ssh, err);
                if (files == NULL)
                        return -1;
                if (*names.v[i] == 'd' ? download_folder(ssh, inner_from, inner_to, depth + 1, err) < 0 :
                    files->look(ssh, inner_from, &mode, err) < 0 || download_file(ssh, inner_from, inner_to, mode, err) < 0)
                        return -1;
        }
        return 0;
}

int vm_ssh_download(struct vm_ssh *ssh, const char *from, const char *to, struct bk_error *err)
{
        autofree char *source = trimmed(from), *target = NULL;
        const struct vm_ssh_files *files = files_of(ssh, err);
        mode_t mode = 0;

        if (files == NULL)
                return -1;
        if (files->look(ssh, source, &mode, err) < 0)
                return bk_wrap(err, "cannot download '%s' from the guest", from);
        target = target_of(from, to, S_ISDIR(mode));
        return S_ISDIR(mode) ? download_folder(ssh, source, target, 0, err) : download_file(ssh, source, target, mode ? mode : 0644, err);
}
