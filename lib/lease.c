/* A lease is made under a private name, locked, and only then renamed to
 * where reapers look: nobody ever sees a lease that is not yet locked. */
#include "lib/lease.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

static bool ends_with(const char *s, const char *end)
{
        const size_t a = strlen(s), b = strlen(end);

        return a >= b && bk_streq(s + a - b, end);
}

/* 1 taken, 0 a reaper was quicker than our lock, -1 error. */
static int try_take(const char *folder, struct bk_lease *ret, struct bk_error *err)
{
        autofree char *name = bk_random_name();
        autofree char *hidden = bk_format("%s/.%s.new", folder, name);
        autofree char *path = bk_format("%s/%s.lease", folder, name);
        autoclose int fd = open(hidden, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);

        if (fd < 0)
                return bk_fail_errno(err, "cannot create lease '%s'", hidden);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0 || rename(hidden, path) < 0) {
                if (errno == EWOULDBLOCK || errno == ENOENT)
                        return 0;
                bk_fail_errno(err, "cannot take lease '%s'", path);
                (void)unlink(hidden);
                return -1;
        }
        *ret = (struct bk_lease){ .fd = bk_take_fd(fd), .path = bk_take(path) };
        return 1;
}

int bk_lease_take(const char *folder, struct bk_lease *ret, struct bk_error *err)
{
        if (bk_mkdir_p(folder, err) < 0)
                return -1;
        for (;;) {
                const int taken = try_take(folder, ret, err);

                if (taken != 0)
                        return taken < 0 ? -1 : 0;
        }
}

int bk_lease_note(const struct bk_lease *lease, const char *kind, const char *value, struct bk_error *err)
{
        autofree char *line = bk_format("%s %s\n", kind, value);

        if (bk_write_all(lease->fd, line, strlen(line), err) < 0)
                return bk_wrap(err, "lease '%s'", lease->path);
        return 0;
}

void bk_lease_done(struct bk_lease *lease)
{
        if (lease->fd >= 0) {
                (void)unlink(lease->path);
                (void)close(lease->fd);
        }
        free(lease->path);
        *lease = (struct bk_lease)BK_LEASE_NONE;
}

static int undo_notes(char *text, int (*undo)(void *, const char *, const char *, struct bk_error *), void *arg,
                      struct bk_error *err)
{
        autostrv struct bk_strv lines = { 0 };
        char *save = NULL;

        for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save))
                bk_strv_add(&lines, line);
        for (size_t i = lines.n; i-- > 0;) {
                char *space = strchr(lines.v[i], ' ');

                if (space == NULL)
                        continue;       /* cut off by a crash while it was written: nothing was acquired yet */
                *space = '\0';
                if (undo(arg, lines.v[i], space + 1, err) < 0)
                        return -1;
        }
        return 0;
}

/* 1 reaped, 0 its owner lives, -1 error. */
static int reap_one(const char *path, int (*undo)(void *, const char *, const char *, struct bk_error *), void *arg,
                    struct bk_error *err)
{
        autofree char *text = NULL;
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0)
                return errno == ENOENT ? 0 : bk_fail_errno(err, "cannot open lease '%s'", path);
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? 0 : bk_fail_errno(err, "cannot test lease '%s'", path);
        if (fstat(fd, &st) < 0 || st.st_nlink == 0)
                return 0;       /* it ended well between our open and our lock: nothing is to be undone */
        if (bk_read_fd(fd, 1 << 20, &text, NULL, err) < 0 || undo_notes(text, undo, arg, err) < 0)
                return bk_wrap(err, "lease '%s'", path);
        if (unlink(path) < 0 && errno != ENOENT)
                return bk_fail_errno(err, "cannot remove lease '%s'", path);
        return 1;
}

/* A lease whose maker died before it had its name. A living maker whom we catch before it has the lock makes another. */
static void reap_unnamed(const char *path)
{
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
                (void)unlink(path);
}

int bk_lease_reap(const char *folder, int (*undo)(void *, const char *, const char *, struct bk_error *), void *arg,
                  struct bk_error *err)
{
        autodir DIR *dir = opendir(folder);
        int reaped = 0;

        if (dir == NULL)
                return errno == ENOENT ? 0 : bk_fail_errno(err, "cannot list '%s'", folder);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                autofree char *path = bk_format("%s/%s", folder, entry->d_name);

                if (ends_with(entry->d_name, ".lease")) {
                        const int one = reap_one(path, undo, arg, err);

                        if (one < 0)
                                return -1;
                        reaped += one;
                } else if (ends_with(entry->d_name, ".new")) {
                        reap_unnamed(path);
                }
        }
        return reaped;
}

int bk_lock_take(const char *path, int timeout_ms, int *ret_fd, struct bk_error *err)
{
        const int64_t deadline = bk_now_ms() + timeout_ms;
        autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        autofree char *holder = NULL, *mine = bk_format("%ld\n", (long)getpid());

        if (fd < 0)
                return bk_fail_errno(err, "cannot open lock '%s'", path);
        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return bk_fail_errno(err, "cannot lock '%s'", path);
                if (bk_now_ms() >= deadline) {
                        if (bk_read_fd(fd, 64, &holder, NULL, NULL) == 0 && strchr(holder, '\n') != NULL)
                                *strchr(holder, '\n') = '\0';
                        return bk_fail(err, BK_LOCKED, "'%s' is held by process %s, and waiting %d s was not enough",
                                       path, holder && *holder ? holder : "?", timeout_ms / 1000);
                }
                (void)usleep(20000);    /* flock has no time-out, and a signal-driven one would need a timer of the process' own */
        }
        if (ftruncate(fd, 0) < 0 || pwrite(fd, mine, strlen(mine), 0) < 0)
                return bk_fail_errno(err, "cannot write lock '%s'", path);
        *ret_fd = bk_take_fd(fd);
        return 0;
}
