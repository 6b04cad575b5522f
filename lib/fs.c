/* Files and folders. Paths inside an image go through openat2, because an
 * image's symlinks are its own and may point anywhere. */
#include "lib/fs.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

int bk_mkdir_p(const char *path, struct bk_error *err)
{
        autofree char *copy = bk_strdup(path);

        for (char *p = copy + 1; *copy != '\0'; p++) {
                const char c = *p;

                if (c != '/' && c != '\0')
                        continue;
                *p = '\0';
                if (mkdir(copy, 0755) < 0 && errno != EEXIST)
                        return bk_fail_errno(err, "cannot create folder '%s'", copy);
                *p = c;
                if (c == '\0')
                        break;
        }
        return 0;
}

static int remove_at(int dir_fd, const char *name, dev_t device);

static int remove_children(int dir_fd, const char *name, dev_t device)
{
        autodir DIR *dir = NULL;
        int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (fd < 0)
                return -1;
        dir = fdopendir(fd);
        if (dir == NULL) {
                (void)close(fd);
                return -1;
        }
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                if (bk_streq(entry->d_name, ".") || bk_streq(entry->d_name, ".."))
                        continue;
                if (remove_at(fd, entry->d_name, device) < 0)
                        return -1;
        }
        return 0;
}

static int remove_at(int dir_fd, const char *name, dev_t device)
{
        struct stat st;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -1;
        if (!S_ISDIR(st.st_mode))
                return unlinkat(dir_fd, name, 0);
        if (st.st_dev != device) {
                errno = EXDEV;
                return -1;
        }
        if (remove_children(dir_fd, name, device) < 0)
                return -1;
        return unlinkat(dir_fd, name, AT_REMOVEDIR);
}

int bk_remove_at(int dir_fd, const char *name)
{
        struct stat st;

        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -1;
        return remove_at(dir_fd, name, st.st_dev);
}

int bk_remove_tree(const char *path, struct bk_error *err)
{
        struct stat st;

        if (lstat(path, &st) < 0)
                return errno == ENOENT ? 0 : bk_fail_errno(err, "cannot look at '%s'", path);
        if (remove_at(AT_FDCWD, path, st.st_dev) < 0)
                return bk_fail_errno(err, "cannot remove '%s'", path);
        return 0;
}

int bk_read_fd(int fd, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };
        char chunk[65536];

        for (;;) {
                const ssize_t got = read(fd, chunk, sizeof chunk);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return bk_fail_errno(err, "cannot read");
                if (got == 0)
                        break;
                if (buf.len + (size_t)got > most)
                        return bk_fail(err, BK_INVALID, "larger than the %zu bytes allowed here", most);
                bk_buf_add(&buf, chunk, (size_t)got);
        }
        if (ret_len != NULL)
                *ret_len = buf.len;
        *ret = bk_buf_finish(&buf);
        return 0;
}

int bk_read_file(const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return bk_fail_errno(err, "cannot open '%s'", path);
        if (bk_read_fd(fd, most, ret, ret_len, err) < 0)
                return bk_wrap(err, "'%s'", path);
        return 0;
}

int bk_write_all(int fd, const void *bytes, size_t length, struct bk_error *err)
{
        const char *p = bytes;

        while (length > 0) {
                const ssize_t put = write(fd, p, length);

                if (put < 0 && errno == EINTR)
                        continue;
                if (put < 0)
                        return bk_fail_errno(err, "cannot write");
                p += put;
                length -= (size_t)put;
        }
        return 0;
}

bool bk_exists(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0;
}

const char *bk_base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash != NULL ? slash + 1 : path;
}

int bk_open_in_root(int root_fd, const char *path, int flags, mode_t mode)
{
        struct open_how how = {
                .flags = (uint64_t)(unsigned)flags | O_CLOEXEC,
                .mode = (flags & (O_CREAT | O_TMPFILE)) ? mode : 0,
                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
        };
        long fd;

        do  /* EAGAIN: a rename raced with ".."; the kernel asks for another try */
                fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
        while (fd < 0 && (errno == EAGAIN || errno == EINTR));
        return (int)fd;
}

/* Splits "/a/b/c" into a descriptor of "/a/b" and "c". */
static int open_parent(int root_fd, const char *path, const char **ret_name)
{
        const char *slash = strrchr(path, '/');
        autofree char *parent = slash ? bk_strndup(path, (size_t)(slash - path)) : bk_strdup("");

        *ret_name = slash ? slash + 1 : path;
        return bk_open_in_root(root_fd, *parent ? parent : "/", O_PATH | O_DIRECTORY, 0);
}

int bk_mkdir_p_in_root(int root_fd, const char *path, mode_t mode, struct bk_error *err)
{
        autofree char *copy = bk_strdup(path);

        for (char *end = copy + strspn(copy, "/"); *end != '\0';) {
                const char *name;
                char after;

                end += strcspn(end, "/");
                after = *end;
                *end = '\0';
                autoclose int parent = open_parent(root_fd, copy, &name);

                if (parent < 0 || (mkdirat(parent, name, mode) < 0 && errno != EEXIST))
                        return bk_fail_errno(err, "cannot create folder '%s' in the image", copy);
                *end = after;
                end += strspn(end, "/");
        }
        return 0;
}

int bk_write_in_root(int root_fd, const char *path, const void *bytes, size_t length, mode_t mode,
                     struct bk_error *err)
{
        const char *slash = strrchr(path, '/');
        autoclose int fd = -1;

        if (slash != NULL && slash != path) {
                autofree char *parent = bk_strndup(path, (size_t)(slash - path));

                if (bk_mkdir_p_in_root(root_fd, parent, 0755, err) < 0)
                        return -1;
        }
        fd = bk_open_in_root(root_fd, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
        if (fd < 0)
                return bk_fail_errno(err, "cannot write '%s' in the image", path);
        if (fchmod(fd, mode) < 0 || bk_write_all(fd, bytes, length, err) < 0)
                return bk_fail_errno(err, "cannot write '%s' in the image", path);
        return 0;
}

int bk_read_in_root(int root_fd, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        struct stat st;
        autoclose int fd = bk_open_in_root(root_fd, path, O_RDONLY | O_NONBLOCK, 0);

        if (fd < 0 || fstat(fd, &st) < 0)
                return bk_fail_errno(err, "cannot open '%s' in the image", path);
        if (!S_ISREG(st.st_mode))
                return bk_fail(err, BK_INVALID, "'%s' in the image is not a regular file", path);
        if (bk_read_fd(fd, most, ret, ret_len, err) < 0)
                return bk_wrap(err, "'%s' in the image", path);
        return 0;
}

int bk_unlink_in_root(int root_fd, const char *path, struct bk_error *err)
{
        const char *name;
        autoclose int parent = open_parent(root_fd, path, &name);

        if (parent < 0)
                return errno == ENOENT || errno == ENOTDIR ? 0 : bk_fail_errno(err, "cannot reach '%s' in the image", path);
        if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
                return bk_fail_errno(err, "cannot remove '%s' in the image", path);
        return 0;
}

char *bk_home(const char *flag)
{
        const char *data = getenv("XDG_DATA_HOME");
        const char *user = getenv("HOME");
        const char *home = flag ? flag : getenv("BAKERY_HOME");

        if (home != NULL && *home != '\0') {
                autofree char *here = *home == '/' ? NULL : getcwd(NULL, 0);

                return here ? bk_format("%s/%s", here, home) : bk_strdup(home);
        }
        if (geteuid() == 0)
                return bk_strdup("/var/lib/bakery");
        if (data != NULL && *data == '/')
                return bk_format("%s/bakery", data);
        return bk_format("%s/.local/share/bakery", user ? user : "");
}

char *bk_random_name(void)
{
        static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz012345"; /* 32, so that no letter is likelier */
        unsigned char bytes[12];
        char name[sizeof bytes + 1] = { 0 };

        if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
                abort();
        for (size_t i = 0; i < sizeof bytes; i++)
                name[i] = alphabet[bytes[i] & 31];
        return bk_strdup(name);
}

int64_t bk_now_ms(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void bk_sleep_ms(int64_t ms)
{
        struct timespec left = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

        while (ms > 0 && nanosleep(&left, &left) < 0 && errno == EINTR)
                ;
}

char *bk_iso_time(int64_t unix_seconds)
{
        const time_t when = (time_t)unix_seconds;
        struct tm tm;
        char text[32];

        /* RFC 3339 has years of four digits, and the C library writes those near the end of an int wrong: the seconds, as date(1) takes them. */
        if (gmtime_r(&when, &tm) == NULL || tm.tm_year < 0 - 1900 || tm.tm_year > 9999 - 1900 ||
            strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
                return bk_format("@%lld", (long long)unix_seconds);
        return bk_strdup(text);
}
