/* Two trees are walked together, name by name, so that memory is that of one folder at a time. Names come from inside of images: they
 * are opened below descriptors, never followed, and a tree that is deeper than any real one ends the walk.
 *
 * A file that both images have from a common ancestor has the same inode and the same times in both, and is not read: who changes it
 * changes its ctime, which nobody sets back. */
#include "bakery/cmd/diff_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "layers/disk.h"
#include "layers/layer.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum { DEPTH_MOST = 200, LISTED_MOST = 100000, CHUNK = 128 << 10 };

struct walk {
        json_t *added, *removed, *changed;
        size_t n;
        bool truncated;
        struct bk_buf path;
        unsigned depth;
        char *chunk[2];
};

static json_t *name_json(const char *text)
{
        json_t *json = json_string(text);
        autofree char *clean = NULL;

        if (json != NULL)
                return json;
        clean = bk_strdup(text);
        for (char *p = clean; *p != '\0'; p++)
                if ((unsigned char)*p >= 0x80)
                        *p = '?';
        return json_string(clean);
}

static void list(struct walk *walk, json_t *where, json_t *entry)
{
        if (walk->n++ < LISTED_MOST) {
                (void)json_array_append_new(where, entry);
                return;
        }
        json_decref(entry);
        walk->truncated = true;
}

/* --- one entry -------------------------------------------------------------------- */
static int read_whole(int fd, char *bytes, size_t *ret)
{
        for (*ret = 0; *ret < CHUNK;) {
                const ssize_t n = read(fd, bytes + *ret, CHUNK - *ret);

                if (n <= 0)
                        return n < 0 ? -1 : 0;
                *ret += (size_t)n;
        }
        return 0;
}

static int same_bytes(struct walk *walk, int from, int to, const char *name, bool *ret, struct bk_error *err)
{
        autoclose int a = openat(from, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        autoclose int b = openat(to, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
        size_t n = 0, m = 0;

        if (a < 0 || b < 0)
                return bk_fail_errno(err, "'%s' cannot be read", walk->path.data);
        do {
                if (read_whole(a, walk->chunk[0], &n) < 0 || read_whole(b, walk->chunk[1], &m) < 0)
                        return bk_fail_errno(err, "'%s' cannot be read", walk->path.data);
                if (n != m || memcmp(walk->chunk[0], walk->chunk[1], n) != 0) {
                        *ret = false;
                        return 0;
                }
        } while (n == CHUNK);
        *ret = true;
        return 0;
}

static bool untouched(const struct stat *a, const struct stat *b)
{
        return a->st_ino == b->st_ino && a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
               a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool same_target(int from, int to, const char *name)
{
        char a[4096], b[4096];
        const ssize_t n = readlinkat(from, name, a, sizeof a), m = readlinkat(to, name, b, sizeof b);

        return n >= 0 && n == m && memcmp(a, b, (size_t)n) == 0;
}

static int compare(struct walk *walk, int from, int to, const char *name, const struct stat *a, const struct stat *b, struct bk_error *err)
{
        json_t *what = json_array();
        bool same = true;

        if ((a->st_mode & S_IFMT) != (b->st_mode & S_IFMT)) {
                (void)json_array_append_new(what, json_string("type"));
        } else {
                if (a->st_mode != b->st_mode)
                        (void)json_array_append_new(what, json_string("mode"));
                if (S_ISREG(a->st_mode) && a->st_size != b->st_size)
                        same = false;
                else if (S_ISREG(a->st_mode) && !untouched(a, b) && same_bytes(walk, from, to, name, &same, err) < 0) {
                        json_decref(what);
                        return -1;
                }
                if (!same)
                        (void)json_array_append_new(what, json_string("content"));
                if ((S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode)) && a->st_rdev != b->st_rdev)
                        (void)json_array_append_new(what, json_string("device"));
                if (S_ISLNK(a->st_mode) && !same_target(from, to, name))
                        (void)json_array_append_new(what, json_string("target"));
        }
        if (a->st_uid != b->st_uid || a->st_gid != b->st_gid)
                (void)json_array_append_new(what, json_string("owner"));
        if (json_array_size(what) > 0)
                list(walk, walk->changed, json_pack("{s:o,s:O}", "path", name_json(walk->path.data), "what", what));
        json_decref(what);
        return 0;
}

/* --- folders -------------------------------------------------------------------------- */
static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

static int read_names(const struct walk *walk, int fd, struct bk_strv *ret, struct bk_error *err)
{
        const int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autodir DIR *folder = copy < 0 ? NULL : fdopendir(copy);
        const struct dirent *entry;

        if (folder == NULL) {
                if (copy >= 0)
                        (void)close(copy);
                return bk_fail_errno(err, "folder '%s' cannot be read", walk->path.data);
        }
        while (errno = 0, (entry = readdir(folder)) != NULL)
                if (!bk_streq(entry->d_name, ".") && !bk_streq(entry->d_name, ".."))
                        bk_strv_add(ret, entry->d_name);
        if (errno != 0)
                return bk_fail_errno(err, "folder '%s' cannot be read", walk->path.data);
        if (ret->n > 0)
                qsort(ret->v, ret->n, sizeof *ret->v, by_name);
        return 0;
}

static int walk_folders(struct walk *walk, int from, int to, struct bk_error *err);

static int enter(struct walk *walk, int from, int to, const char *name, struct bk_error *err)
{
        autoclose int a = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        autoclose int b = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int status;

        if (a < 0 || b < 0)
                return bk_fail_errno(err, "folder '%s' cannot be opened", walk->path.data);
        if (walk->depth == DEPTH_MOST)
                return bk_fail(err, BK_INVALID, "'%.200s...' is deeper than %d folders", walk->path.data, DEPTH_MOST);
        walk->depth++;
        status = walk_folders(walk, a, b, err);
        walk->depth--;
        return status;
}

static int visit(struct walk *walk, int from, int to, const char *name, int order, struct bk_error *err)
{
        struct stat a, b;

        if ((order <= 0 && fstatat(from, name, &a, AT_SYMLINK_NOFOLLOW) < 0) || (order >= 0 && fstatat(to, name, &b, AT_SYMLINK_NOFOLLOW) < 0))
                return bk_fail_errno(err, "'%s' cannot be looked at", walk->path.data);
        if (order != 0) {
                if (S_ISDIR(order < 0 ? a.st_mode : b.st_mode))
                        bk_buf_putc(&walk->path, '/');
                list(walk, order < 0 ? walk->removed : walk->added, name_json(walk->path.data));
                return 0;
        }
        if (compare(walk, from, to, name, &a, &b, err) < 0)
                return -1;
        return S_ISDIR(a.st_mode) && S_ISDIR(b.st_mode) ? enter(walk, from, to, name, err) : 0;
}

static int walk_folders(struct walk *walk, int from, int to, struct bk_error *err)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv a = { 0 }, b = { 0 };
        const size_t length = walk->path.len;

        if (read_names(walk, from, &a, err) < 0 || read_names(walk, to, &b, err) < 0)
                return -1;
        for (size_t i = 0, j = 0; i < a.n || j < b.n;) {
                const int order = i == a.n ? 1 : j == b.n ? -1 : strcmp(a.v[i], b.v[j]);
                const char *name = order <= 0 ? a.v[i] : b.v[j];

                bk_buf_printf(&walk->path, "/%s", name);
                if (visit(walk, from, to, name, order, err) < 0)
                        return -1;
                walk->path.len = length;
                walk->path.data[length] = '\0';
                i += order <= 0;
                j += order >= 0;
        }
        return 0;
}

int cmd_diff_folders(int from_fd, int to_fd, json_t **ret, struct bk_error *err)
{
        struct walk walk = { .added = json_array(), .removed = json_array(), .changed = json_array(),
                             .chunk = { bk_alloc(CHUNK), bk_alloc(CHUNK) } };
        json_t *answer;
        int status;

        bk_buf_putc(&walk.path, ' ');           /* so that there is a text before the first name */
        walk.path.len = 0;
        walk.path.data[0] = '\0';
        status = walk_folders(&walk, from_fd, to_fd, err);
        answer = json_pack("{s:o,s:o,s:o,s:b}", "added", walk.added, "removed", walk.removed, "changed", walk.changed, "truncated", walk.truncated);
        free(walk.chunk[0]);
        free(walk.chunk[1]);
        bk_buf_done(&walk.path);
        if (status < 0) {
                json_decref(answer);
                return -1;
        }
        *ret = answer;
        return 0;
}

/* --- images ------------------------------------------------------------------------------ */
static int open_image(const struct layer_store *store, const struct reg_image *image, const char *side, const struct bk_lease *lease,
                      struct disk **ret, struct bk_error *err)
{
        autofree char *work = bk_format("%s/diff-%s", store->run, side), *path = layer_path(store, image->layer);
        const struct disk_open how = { .path = path, .format = "qcow2", .work = work, .read_only = true, .lease = lease };

        if (layer_verify(store, image->layer, false, err) < 0 || bk_mkdir_p(work, err) < 0 || disk_open(&how, ret, err) < 0)
                return bk_wrap(err, "image '%s' (%s)", image->id, image->name);
        return 0;
}

int cmd_diff_files(const struct reg_request *request, const struct reg_image *from, const struct reg_image *to, json_t **ret,
                   struct bk_error *err)
{
        BK_CLEANUP(bk_lease_done) struct bk_lease lease = BK_LEASE_NONE;
        autofree char *leases = NULL;
        struct disk *a = NULL, *b = NULL;
        int status = -1;

        if (request->store == NULL)
                return bk_fail(err, BK_INVALID, "there are no layers here to compare files of");
        if (geteuid() != 0)
                return bk_fail(err, BK_DENIED, "comparing files mounts both images, which needs root; run it with sudo");
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return bk_fail_errno(err, "cannot have mounts of our own (`bakery doctor` says what this host lacks)");
        leases = bk_format("%s/leases", request->store->run);
        if (bk_lease_take(leases, &lease, err) < 0)
                return -1;
        if (open_image(request->store, from, "from", &lease, &a, err) == 0 && open_image(request->store, to, "to", &lease, &b, err) == 0) {
                autoclose int x = openat(disk_root_fd(a), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                autoclose int y = openat(disk_root_fd(b), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

                status = x < 0 || y < 0 ? bk_fail_errno(err, "the roots of the images cannot be read") : cmd_diff_folders(x, y, ret, err);
        }
        if (b != NULL && disk_close(b, status < 0 ? NULL : err) < 0)
                status = -1;
        if (a != NULL && disk_close(a, status < 0 ? NULL : err) < 0)
                status = -1;
        return status;
}
