/* Leftovers in the kernel. A bake's namespaces take them along when they end; what remains is what somebody else keeps alive, who entered them,
 * and what is just ending. */
#include "janitor/sweep_priv.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/lease.h"
#include "lib/run.h"

enum { END_MS = 30000, GO_MS = 10000, PAUSE_US = 10000, MOUNTS_MOST = 16 << 20, STACKED_MOST = 64, LOOP_MAJOR = 7 };

/* --- processes -------------------------------------------------------------------------- */

/* A zombie has ended: that nobody waited for it is its parent's affair. */
static bool has_ended(int pidfd, int timeout_ms)
{
        const int64_t deadline = bk_now_ms() + timeout_ms;
        struct pollfd event = { .fd = pidfd, .events = POLLIN };
        int ready;

        do {
                const int64_t left = deadline - bk_now_ms();

                ready = poll(&event, 1, left > 0 ? (int)left : 0);
        } while (ready < 0 && errno == EINTR);
        return ready > 0;
}

int sweep_process(struct sweeping *sweeping, const char *value, bool act, enum janitor_end *ret, struct bk_error *err)
{
        unsigned long long start = 0, namespace = 0, found = 0;
        autoclose int pidfd = -1;
        struct bk_error why = { 0 };
        long pid = 0;

        (void)sweeping;
        if (sscanf(value, "%ld %llu %llu", &pid, &start, &namespace) != 3 || pid <= 1)
                return bk_fail(err, BK_CORRUPT, "'%s' is not \"PID START NAMESPACE\"", value);
        if (namespace != bk_pid_namespace())    /* inside of a bake, whose end was its end */
                return 0;
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return errno == ESRCH ? 0 : bk_fail_errno(err, "cannot look at process %ld", pid);
        /* The number may be another's by now. What is open now stays what it is, so look after the opening. */
        if (bk_process_start(pid, NULL, &found, &why) < 0 && why.kind != BK_NOT_FOUND) {
                *err = why;
                return -1;
        }
        if (why.kind != BK_NONE || found != start || has_ended(pidfd, 0))
                return 0;
        *ret = act ? JANITOR_UNDONE : JANITOR_LEFT;
        if (!act)
                return 0;
        if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
                return bk_fail_errno(err, "cannot end process %ld", pid);
        if (!has_ended(pidfd, END_MS))
                return bk_fail(err, BK_INFRA, "process %ld was killed and did not end within %d s; the kernel holds it", pid, END_MS / 1000);
        return 0;
}

/* --- mounts ------------------------------------------------------------------------------- */

struct mounts { dev_t dev; const char *source; /* NULL: any */ bool act; };
enum { NONE = 0, FOUND = 1, STUCK = 2 /* and errno */ };

/* \040 and the like, in place: proc(5). */
static void unescape(char *text)
{
        char *to = text;

        for (const char *p = text; *p != '\0'; p++)
                if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' && p[3] >= '0' && p[3] <= '7') {
                        *to++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
                        p += 3;
                } else {
                        *to++ = *p;
                }
        *to = '\0';
}

/* Where it is mounted, if this line of mountinfo is one of ours; the caller's. */
static char *place_of(const struct mounts *mounts, const char *line)
{
        unsigned major_number = 0, minor_number = 0;
        char place[4097] = "", source[4097] = "";
        const char *dash = strstr(line, " - ");

        if (dash == NULL || sscanf(line, "%*d %*d %u:%u %*s %4096s", &major_number, &minor_number, place) != 3 ||
            makedev(major_number, minor_number) != mounts->dev || sscanf(dash + 3, "%*s %4096s", source) != 1)
                return NULL;
        unescape(place);
        unescape(source);
        return mounts->source == NULL || bk_streq(mounts->source, source) ? bk_strdup(place) : NULL;
}

/* The last one lies on top. */
static char *find(const struct mounts *mounts, int proc, const char *of)
{
        autoclose int fd = openat(proc, of, O_RDONLY | O_CLOEXEC);
        autofree char *text = NULL;
        char *save = NULL, *place = NULL;

        if (fd < 0 || bk_read_fd(fd, MOUNTS_MOST, &text, NULL, NULL) < 0)
                return NULL;
        for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
                char *one = place_of(mounts, line);

                if (one != NULL) {
                        free(place);
                        place = one;
                }
        }
        return place;
}

/* What is mounted on it goes with it. */
static int detach_all(const struct mounts *mounts, int proc)
{
        int result = NONE;

        for (int i = 0; i < STACKED_MOST; i++) {
                autofree char *place = find(mounts, proc, "self/mountinfo");

                if (place == NULL)
                        break;
                result = FOUND;
                if (!mounts->act)
                        break;
                if (umount2(place, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
                        return STUCK + errno;
        }
        return result;
}

/* In the namespace of that process, where /proc tells of all of it whatever root the process has. A child goes there. */
static int look_in(const struct mounts *mounts, const char *pid)
{
        autofree char *path = bk_format("/proc/%s/ns/mnt", pid);
        const pid_t child = bk_fork();

        if (child == 0) {
                const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ns = open(path, O_RDONLY | O_CLOEXEC);

                if (ns < 0)
                        _exit(NONE);            /* it has ended */
                _exit(setns(ns, CLONE_NEWNS) < 0 ? STUCK + errno : detach_all(mounts, proc));
        }
        return child < 0 ? STUCK + errno : bk_wait(child, END_MS);
}

/* A process that is mightier than we shows its mounts, if not its namespace. */
static int look_at(const struct mounts *mounts, int proc, const char *pid)
{
        autofree char *path = bk_format("%s/mountinfo", pid), *place = find(mounts, proc, path);

        return place == NULL ? NONE : mounts->act ? STUCK + EACCES : FOUND;
}

struct seen { ino_t *v; size_t n; };

/* False where this namespace was seen before. */
static bool is_new(struct seen *seen, ino_t namespace)
{
        for (size_t i = 0; i < seen->n; i++)
                if (seen->v[i] == namespace)
                        return false;
        seen->v = bk_grow(seen->v, seen->n + 1, sizeof *seen->v);
        seen->v[seen->n++] = namespace;
        return true;
}

/* hidden: processes that may not be looked into; else every mount namespace that one of the others has, once. */
static int look_through(const struct mounts *mounts, bool hidden, bool *ret_found, struct bk_error *err)
{
        struct seen seen = { 0 };
        autodir DIR *proc = opendir("/proc");
        struct bk_error first = { 0 };

        if (proc == NULL)
                return bk_fail_errno(err, "cannot list '/proc'");
        for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
                autofree char *path = bk_format("/proc/%s/ns/mnt", entry->d_name);
                struct stat st = { 0 };
                int result;

                if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || (stat(path, &st) < 0) != hidden || (!hidden && !is_new(&seen, st.st_ino)))
                        continue;
                result = hidden ? look_at(mounts, dirfd(proc), entry->d_name) : look_in(mounts, entry->d_name);
                *ret_found |= result == FOUND;
                if ((result < 0 || result >= STUCK) && first.kind == BK_NONE)
                        (void)bk_fail(&first, BK_INFRA, "the mounts of process %s cannot be changed: %s", entry->d_name,
                                      result < 0 ? "nobody knows how it ended" : strerror(result - STUCK));
        }
        free(seen.v);
        if (first.kind == BK_NONE)
                return 0;
        *err = first;
        return -1;
}

/* A hidden process may well have a namespace that others have, too; so it is asked when those are done with. */
static int look_everywhere(const struct mounts *mounts, bool *ret_found, struct bk_error *err)
{
        (void)fflush(NULL);
        return look_through(mounts, false, ret_found, err) < 0 ? -1 : look_through(mounts, true, ret_found, err);
}

int sweep_mount(struct sweeping *sweeping, const char *value, bool act, enum janitor_end *ret, struct bk_error *err)
{
        unsigned major_number = 0, minor_number = 0;
        bool any = false;
        int at = 0;

        (void)sweeping;
        if (sscanf(value, "%u:%u %n", &major_number, &minor_number, &at) != 2 || value[at] == '\0')
                return bk_fail(err, BK_CORRUPT, "'%s' is not \"MAJOR:MINOR SOURCE\"", value);
        const struct mounts mounts = { .dev = makedev(major_number, minor_number), .source = value + at, .act = act };

        if (look_everywhere(&mounts, &any, err) < 0)
                return -1;
        if (any)
                *ret = act ? JANITOR_UNDONE : JANITOR_LEFT;
        return 0;
}

/* --- loop devices ------------------------------------------------------------------------- */

struct loop { unsigned number, major, minor; unsigned long long sequence; uintmax_t inode; };

/* The kernel counts what is attached to devices; a number is never used again before it restarts. 0 where it does not (before 5.15). */
static unsigned long long sequence_of(unsigned number)
{
        autofree char *path = bk_format("/sys/block/loop%u/diskseq", number), *text = NULL;

        return bk_read_file(path, 64, &text, NULL, NULL) < 0 ? 0 : strtoull(text, NULL, 10);
}

static bool attached(unsigned number)
{
        autofree char *path = bk_format("/sys/block/loop%u/loop/backing_file", number);

        return bk_exists(path);
}

/* Is what is attached there what was noted? A backing file on a FUSE export cannot be looked at once its daemon is dead: then the sequence
 * number alone says it. */
static bool is_ours(const struct loop *loop, int fd)
{
        struct loop_info64 info = { 0 };

        if (!attached(loop->number) || (loop->sequence != 0 && sequence_of(loop->number) != loop->sequence))
                return false;
        if (ioctl(fd, LOOP_GET_STATUS64, &info) < 0)
                return errno != ENXIO && loop->sequence != 0;
        return info.lo_inode == loop->inode && info.lo_device == makedev(loop->major, loop->minor);
}

/* What was mounted from it goes first. Who holds it open still, holds it: the kernel clears it after the last. */
static int clear(const struct loop *loop, int *fd, struct bk_error *err)
{
        const struct mounts mounts = { .dev = makedev(LOOP_MAJOR, loop->number), .act = true };
        const int64_t deadline = bk_now_ms() + GO_MS;
        bool any = false;

        if (look_everywhere(&mounts, &any, err) < 0)
                return -1;
        if (ioctl(*fd, LOOP_CLR_FD, 0) < 0 && errno != ENXIO)
                return bk_fail_errno(err, "cannot detach /dev/loop%u", loop->number);
        (void)close(bk_take_fd(*fd));
        while (attached(loop->number) && (loop->sequence == 0 || sequence_of(loop->number) == loop->sequence)) {
                if (bk_now_ms() >= deadline)
                        return bk_fail(err, BK_INFRA, "/dev/loop%u goes when the last process that uses it has ended", loop->number);
                (void)usleep(PAUSE_US);         /* the kernel tells nobody when it is done with a lazy unmount */
        }
        return 0;
}

int sweep_loop(struct sweeping *sweeping, const char *value, bool act, enum janitor_end *ret, struct bk_error *err)
{
        struct loop loop = { 0 };
        autofree char *path = NULL;
        autoclose int fd = -1;

        (void)sweeping;
        if (sscanf(value, "%u %llu %u:%u:%ju", &loop.number, &loop.sequence, &loop.major, &loop.minor, &loop.inode) != 5)
                return bk_fail(err, BK_CORRUPT, "'%s' is not \"NUMBER SEQUENCE MAJOR:MINOR:INODE\"", value);
        path = bk_format("/dev/loop%u", loop.number);
        fd = attached(loop.number) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0 && attached(loop.number))
                return bk_fail_errno(err, "cannot open '%s'", path);
        if (fd < 0 || !is_ours(&loop, fd))
                return 0;
        *ret = act ? JANITOR_UNDONE : JANITOR_LEFT;
        return act ? clear(&loop, &fd, err) : 0;
}
