/* A lease is made under a private name, locked, and only then renamed to
 * where reapers look: nobody ever sees a lease that is not yet locked, or does not say whose it is. */
#include "lib/lease.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

enum { VERSION = 2, LEASE_MOST = 1 << 20 };     /* before 2 a lease had no first line */

static bool ends_with(const char *s, const char *end)
{
        const size_t a = strlen(s), b = strlen(end);

        return a >= b && bk_streq(s + a - b, end);
}

/* --- taking --------------------------------------------------------------------------- */

int bk_process_start(long pid, long *ret_pid, unsigned long long *ret_start, struct bk_error *err)
{
        autofree char *path = pid == 0 ? bk_strdup("/proc/self/stat") : bk_format("/proc/%ld/stat", pid), *text = NULL;
        unsigned long long start = 0;
        const char *at;

        if (bk_read_file(path, 4096, &text, NULL, err) < 0) {
                if (err != NULL && err->errnum == ESRCH)        /* it ended between the opening and the reading */
                        err->kind = BK_NOT_FOUND;
                return -1;
        }
        /* The name, field 2, may hold anything. */
        at = strrchr(text, ')');
        if (at == NULL || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &start) != 1)
                return bk_fail(err, BK_INTERNAL, "'%s' is not what proc(5) says", path);
        if (ret_pid != NULL)
                *ret_pid = strtol(text, NULL, 10);
        *ret_start = start;
        return 0;
}

static char *boot_id(void)
{
        char *text = NULL;

        if (bk_read_file("/proc/sys/kernel/random/boot_id", 64, &text, NULL, NULL) < 0)
                return bk_strdup("-");
        text[strcspn(text, "\n")] = '\0';
        return text;
}

static int write_first_line(int fd, struct bk_error *err)
{
        autofree char *boot = boot_id(), *line = NULL;
        unsigned long long start = 0;
        long pid = 0;

        if (bk_process_start(0, &pid, &start, err) < 0)
                return -1;
        line = bk_format("lease %d %s %ld %llu\n", VERSION, boot, pid, start);
        return bk_write_all(fd, line, strlen(line), err);
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
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && write_first_line(fd, err) < 0) {
                (void)unlink(hidden);
                return bk_wrap(err, "lease '%s'", path);
        }
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

/* A note that did not fit is taken back: the next one would go on in its line. */
int bk_lease_note_passing(const struct bk_lease *lease, const char *kind, const char *value, struct bk_error *err)
{
        autofree char *line = bk_format("%s %s\n", kind, value);
        const off_t before = lseek(lease->fd, 0, SEEK_END);

        if (strchr(value, '\n') != NULL)
                return bk_fail(err, BK_INVALID, "'%s' cannot be noted in a lease: it is more than one line", value);
        if (bk_write_all(lease->fd, line, strlen(line), err) < 0) {
                (void)!ftruncate(lease->fd, before);
                return bk_wrap(err, "lease '%s'", lease->path);
        }
        return 0;
}

int bk_lease_note(const struct bk_lease *lease, const char *kind, const char *value, struct bk_error *err)
{
        if (bk_lease_note_passing(lease, kind, value, err) < 0)
                return -1;
        return fdatasync(lease->fd) < 0 ? bk_fail_errno(err, "cannot sync lease '%s'", lease->path) : 0;
}

unsigned long long bk_pid_namespace(void)
{
        struct stat st;

        return stat("/proc/1/ns/pid", &st) < 0 ? 0 : (unsigned long long)st.st_ino;
}

int bk_lease_note_self(const struct bk_lease *lease, struct bk_error *err)
{
        unsigned long long start = 0;
        long pid = 0;

        if (bk_process_start(0, &pid, &start, err) < 0)
                return -1;
        autofree char *value = bk_format("%ld %llu %llu", pid, start, bk_pid_namespace());

        return bk_lease_note_passing(lease, "process", value, err);
}

static int note_file(const struct bk_lease *lease, const char *path, struct bk_error *err)
{
        const char *slash = strrchr(path, '/');
        autofree char *folder = slash == NULL ? bk_strdup(".") : bk_strndup(path, slash == path ? 1 : (size_t)(slash - path));
        autofree char *real = realpath(folder, NULL), *value = NULL;
        struct stat st;

        if (real == NULL || stat(real, &st) < 0)
                return bk_fail_errno(err, "cannot look at folder '%s'", folder);
        value = bk_format("%u:%u:%ju %s/%s", major(st.st_dev), minor(st.st_dev), (uintmax_t)st.st_ino, bk_streq(real, "/") ? "" : real,
                          slash == NULL ? path : slash + 1);
        return bk_lease_note(lease, "file", value, err);
}

void bk_lease_for_file(const char *folder, const char *path, struct bk_lease *ret)
{
        struct bk_error ignored = { 0 };

        *ret = (struct bk_lease)BK_LEASE_NONE;
        if (bk_lease_take(folder, ret, &ignored) == 0 && note_file(ret, path, &ignored) < 0)
                bk_lease_done(ret);
}

void bk_lease_done(struct bk_lease *lease)
{
        if (lease->fd >= 0)
                (void)unlink(lease->path);
        bk_lease_leave(lease);
}

void bk_lease_leave(struct bk_lease *lease)
{
        if (lease->fd >= 0)
                (void)close(lease->fd);
        free(lease->path);
        *lease = (struct bk_lease)BK_LEASE_NONE;
}

/* --- looking ---------------------------------------------------------------------------- */

static bool is_word(const char *text)
{
        for (const char *p = text; *p != '\0'; p++)
                if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
                        return false;
        return *text != '\0';
}

/* Notes of a whole text. The last line may have been cut off by a crash while it was written: what it would have named was not acquired. */
static int read_notes(char *text, size_t length, struct bk_strv *kinds, struct bk_strv *values, struct bk_error *err)
{
        for (char *line = text, *end; (end = memchr(line, '\n', length - (size_t)(line - text))) != NULL; line = end + 1) {
                char *space;

                *end = '\0';
                space = strchr(line, ' ');
                if (space != NULL)
                        *space = '\0';
                if (space == NULL || strlen(space + 1) != (size_t)(end - space - 1) || !is_word(line))
                        return bk_fail(err, BK_CORRUPT, "it is damaged: line %zu is not \"KIND VALUE\"", kinds->n + 1);
                bk_strv_add(kinds, line);
                bk_strv_add(values, space + 1);
        }
        return 0;
}

static void drop_first(struct bk_strv *list)
{
        free(list->v[0]);
        memmove(list->v, list->v + 1, list->n * sizeof *list->v);       /* with the NULL that ends it */
        list->n--;
}

/* What the first line says. One without is of an earlier version, which noted nothing that passes. */
static int read_owner(struct bk_strv *kinds, struct bk_strv *values, struct bk_lease_found *ret, struct bk_error *err)
{
        autofree char *boot = boot_id();
        char noted[64] = "";
        int version = 0;

        if (kinds->n == 0 || !bk_streq(kinds->v[0], "lease"))
                return 0;
        if (sscanf(values->v[0], "%d %63s %ld", &version, noted, &ret->pid) < 1)
                return bk_fail(err, BK_CORRUPT, "it is damaged: line 1 is not \"lease VERSION BOOT PID START\"");
        if (version > VERSION)
                return bk_fail(err, BK_INVALID, "it is of a newer bakery (version %d of leases, this one knows %d)", version, VERSION);
        ret->this_boot = bk_streq(noted, boot);
        drop_first(kinds);
        drop_first(values);
        return 0;
}

struct looking { bool (*look)(void *arg, const struct bk_lease_found *found); void *arg; };

/* What is read of a lease that is held may be half a note more than what its owner has written: it is for people. */
static void look_at(const struct looking *looking, const char *path, const char *name)
{
        autofree char *text = NULL;
        autostrv struct bk_strv kinds = { 0 }, values = { 0 };
        autoclose int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        struct bk_lease_found found = { .path = path, .name = name, .state = BK_LEASE_DEAD, .kinds = &kinds, .values = &values };
        struct bk_error why = { 0 };
        size_t length = 0;
        struct stat st;

        if (fd < 0 && errno == ENOENT)
                return;
        if (fd < 0) {
                (void)bk_fail_errno(&why, "it does not open");
        } else if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno == EWOULDBLOCK)
                        found.state = BK_LEASE_HELD;
                else
                        (void)bk_fail_errno(&why, "its lock cannot be tested");
        } else if (fstat(fd, &st) < 0 || st.st_nlink == 0) {
                return;         /* it ended well between our open and our lock: nothing is to be undone */
        }
        if (why.kind == BK_NONE && bk_read_fd(fd, LEASE_MOST, &text, &length, &why) == 0 && read_notes(text, length, &kinds, &values, &why) == 0)
                (void)read_owner(&kinds, &values, &found, &why);
        if (why.kind != BK_NONE && found.state == BK_LEASE_DEAD)
                found.state = BK_LEASE_UNREAD;
        found.why = why.text;
        if (looking->look(looking->arg, &found) && found.state == BK_LEASE_DEAD && unlink(path) < 0 && errno != ENOENT) {
                (void)bk_fail_errno(&why, "it cannot be removed");
                found.state = BK_LEASE_UNREAD;
                (void)looking->look(looking->arg, &found);
        }
}

/* A lease whose maker died before it had its name. A living maker whom we catch before it has the lock makes another. */
static void reap_unnamed(const char *path)
{
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
                (void)unlink(path);
}

static int by_name(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

int bk_lease_look(const char *folder, bool (*look)(void *arg, const struct bk_lease_found *found), void *arg, struct bk_error *err)
{
        const struct looking looking = { look, arg };
        autostrv struct bk_strv names = { 0 };
        autodir DIR *dir = opendir(folder);

        if (dir == NULL)
                return errno == ENOENT ? 0 : bk_fail_errno(err, "cannot list '%s'", folder);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
                if (ends_with(entry->d_name, ".lease") || ends_with(entry->d_name, ".new"))
                        bk_strv_add(&names, entry->d_name);
        if (names.n > 0)
                qsort(names.v, names.n, sizeof *names.v, by_name);
        for (size_t i = 0; i < names.n; i++) {
                autofree char *path = bk_format("%s/%s", folder, names.v[i]);

                if (ends_with(names.v[i], ".lease"))
                        look_at(&looking, path, names.v[i]);
                else
                        reap_unnamed(path);
        }
        return 0;
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
