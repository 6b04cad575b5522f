/* Running programs. Output is read until the child ends, not until the pipe
 * closes: a daemon that a child leaves behind must not hold us up. */
#include "lib/run.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum { LINE_MOST = 8192, CAPTURE_MOST = 16 << 20, TAIL = 400 };

struct stream {
        int fd;
        int number;             /* 1 or 2 */
        struct bk_buf buf;
        bool too_much;
};

static void stream_done(struct stream *stream)
{
        if (stream->fd >= 0)
                (void)close(stream->fd);
        bk_buf_done(&stream->buf);
}

void bk_run_result_done(struct bk_run_result *result)
{
        free(result->out);
        free(result->err);
        *result = (struct bk_run_result){ 0 };
}

static void reset_signals(void)
{
        sigset_t none;

        for (int sig = 1; sig < 32; sig++)
                (void)signal(sig, SIG_DFL);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t bk_fork(void)
{
        const pid_t parent = getpid();
        const pid_t pid = fork();

        if (pid != 0)
                return pid;
        reset_signals();
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* The parent may be gone already; in a new pid namespace it reads as 0. */
        if (getppid() != parent && getppid() != 0)
                _exit(127);
        return 0;
}

/* fork() cannot do that for one child only. */
pid_t bk_fork_isolated(void)
{
        const pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_NEWPID | CLONE_NEWNS, NULL, NULL, NULL, NULL);

        if (pid != 0)
                return pid;
        reset_signals();
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        return 0;
}

int bk_own_mounts(struct bk_error *err)
{
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return bk_fail_errno(err, "cannot make mounts private");
        if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
                return bk_fail_errno(err, "cannot mount /proc for a pid namespace");
        return 0;
}

static int status_of(int wait_status)
{
        return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int bk_reap_until(pid_t pid)
{
        int wait_status;
        pid_t ended;

        while ((ended = waitpid(-1, &wait_status, 0)) != pid)
                if (ended < 0 && errno != EINTR)
                        return -1;
        return status_of(wait_status);
}

int bk_wait(pid_t pid, int timeout_ms)
{
        autoclose int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        struct pollfd event = { .fd = pidfd, .events = POLLIN };
        const int64_t deadline = bk_now_ms() + timeout_ms;
        int wait_status, ready;

        do {
                const int64_t left = deadline - bk_now_ms();

                ready = poll(&event, 1, left > 0 ? (int)left : 0);
        } while (ready < 0 && errno == EINTR);
        if (ready == 0)
                (void)kill(pid, SIGKILL);
        while (waitpid(pid, &wait_status, 0) < 0)
                if (errno != EINTR)
                        return -1;
        return status_of(wait_status);
}

static _Noreturn void child(const struct bk_run *run, int in, int out, int err_fd, int report)
{
        (void)setpgid(0, 0);
        if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err_fd, 2) < 0)
                goto failed;
        if (run->in_child != NULL && run->in_child(run->arg) < 0)
                goto failed;
        if (run->env != NULL)
                (void)execvpe(run->argv[0], (char *const *)run->argv, (char *const *)run->env);
        else
                (void)execvp(run->argv[0], (char *const *)run->argv);
failed:;
        const int reason = errno;
        const ssize_t put = write(report, &reason, sizeof reason);
        _exit(put == sizeof reason ? 127 : 126);
}

/* Whole lines go out at once; `last` also flushes what has no newline. */
static void hand_on(const struct bk_run *run, struct stream *stream, bool last)
{
        char *start = stream->buf.data, *end = stream->buf.data + stream->buf.len;

        if (stream->buf.len == 0)
                return;
        for (char *newline; (newline = memchr(start, '\n', (size_t)(end - start))) != NULL; start = newline + 1) {
                *newline = '\0';
                if (newline > start && newline[-1] == '\r')
                        newline[-1] = '\0';
                run->on_line(run->arg, stream->number, start);
        }
        if (start < end && (last || end - start >= LINE_MOST)) {
                run->on_line(run->arg, stream->number, start);
                start = end;
        }
        memmove(stream->buf.data, start, (size_t)(end - start) + 1);
        stream->buf.len = (size_t)(end - start);
}

/* Reads what is there now. Returns false at end of file. */
static bool drain(const struct bk_run *run, struct stream *stream)
{
        char chunk[16384];
        const size_t most = run->capture_most ? run->capture_most : CAPTURE_MOST;

        for (;;) {
                const ssize_t got = read(stream->fd, chunk, sizeof chunk);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return errno == EAGAIN;
                if (got == 0)
                        return false;
                if (run->on_line == NULL && stream->buf.len + (size_t)got > most) {
                        stream->too_much = true;
                        continue;
                }
                bk_buf_add(&stream->buf, chunk, (size_t)got);
                if (run->on_line != NULL)
                        hand_on(run, stream, false);
        }
}

struct running {
        pid_t pid;
        int pidfd;
        int input;              /* our end, or -1 */
        size_t written;
        struct stream streams[2];
};

static void running_done(struct running *running)
{
        if (running->pidfd >= 0)
                (void)close(running->pidfd);
        if (running->input >= 0)
                (void)close(running->input);
        stream_done(&running->streams[0]);
        stream_done(&running->streams[1]);
}

static int start(const struct bk_run *run, struct running *r, struct bk_error *err)
{
        int out[2] = { -1, -1 }, errs[2] = { -1, -1 }, in[2] = { -1, -1 }, report[2] = { -1, -1 };
        int reason = 0, result = -1;

        if (pipe2(out, O_CLOEXEC) < 0 || pipe2(errs, O_CLOEXEC) < 0 || pipe2(report, O_CLOEXEC) < 0)
                goto done;
        if (run->input == NULL)
                in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        else if (pipe2(in, O_CLOEXEC) < 0)
                goto done;
        r->pid = bk_fork();
        if (r->pid == 0)
                child(run, in[0], out[1], errs[1], report[1]);
        if (r->pid < 0)
                goto done;
        (void)setpgid(r->pid, r->pid);
        (void)close(report[1]);
        report[1] = -1;
        while (read(report[0], &reason, sizeof reason) < 0 && errno == EINTR)
                ;
        r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
        r->streams[0].fd = bk_take_fd(out[0]);
        r->streams[1].fd = bk_take_fd(errs[0]);
        r->input = bk_take_fd(in[1]);
        (void)fcntl(r->streams[0].fd, F_SETFL, O_NONBLOCK);
        (void)fcntl(r->streams[1].fd, F_SETFL, O_NONBLOCK);
        if (r->input >= 0)
                (void)fcntl(r->input, F_SETFL, O_NONBLOCK);
        if (reason != 0) {
                (void)bk_wait(r->pid, 1000);
                errno = reason;
                goto done;
        }
        result = 0;
done:
        if (result < 0) {
                bk_fail_errno(err, "cannot run '%s'", run->argv[0]);
                if (err != NULL && err->errnum == ENOENT)
                        bk_wrap(err, "a program is missing (`bakery doctor` says which package has it)");
        }
        for (int i = 0; i < 2; i++) {
                if (out[i] >= 0) (void)close(out[i]);
                if (errs[i] >= 0) (void)close(errs[i]);
                if (in[i] >= 0) (void)close(in[i]);
                if (report[i] >= 0) (void)close(report[i]);
        }
        return result;
}

static void feed(const struct bk_run *run, struct running *r)
{
        const ssize_t put = write(r->input, run->input + r->written, run->input_len - r->written);

        if (put > 0)
                r->written += (size_t)put;
        if ((put < 0 && errno != EAGAIN && errno != EINTR) || r->written == run->input_len) {
                (void)close(r->input);
                r->input = -1;
        }
}

/* Returns 0 when the child has ended, -1 on time-out or when asked to stop. */
static int attend(const struct bk_run *run, struct running *r, struct bk_error *err)
{
        const int64_t deadline = bk_now_ms() + run->timeout_ms;

        for (;;) {
                struct pollfd events[] = {
                        { .fd = r->streams[0].fd, .events = POLLIN },
                        { .fd = r->streams[1].fd, .events = POLLIN },
                        { .fd = r->pidfd, .events = POLLIN },
                        { .fd = r->input, .events = POLLOUT },
                };
                const int64_t left = deadline - bk_now_ms();

                if (left <= 0)
                        return bk_fail(err, BK_TIMEOUT, "'%s' did not end within %d.%03d s", run->argv[0],
                                       run->timeout_ms / 1000, run->timeout_ms % 1000);
                if (run->stop != NULL && run->stop(run->arg))
                        return bk_fail(err, BK_INTERRUPTED, "stopped while '%s' was running", run->argv[0]);
                if (poll(events, 4, left < 1000 ? (int)left : 1000) < 0 && errno != EINTR)
                        return bk_fail_errno(err, "cannot wait for '%s'", run->argv[0]);
                for (int i = 0; i < 2; i++) {
                        if (r->streams[i].fd >= 0 && events[i].revents != 0 && !drain(run, &r->streams[i])) {
                                (void)close(r->streams[i].fd);
                                r->streams[i].fd = -1;
                        }
                }
                if (r->input >= 0 && events[3].revents != 0)
                        feed(run, r);
                if (events[2].revents != 0)
                        return 0;
        }
}

int bk_run_with(const struct bk_run *run, struct bk_run_result *ret, struct bk_error *err)
{
        BK_CLEANUP(running_done) struct running r = {
                .pidfd = -1, .input = -1, .streams = { { .fd = -1, .number = 1 }, { .fd = -1, .number = 2 } },
        };
        int wait_status = 0;
        bool open_still = false;
        struct sigaction ignore = { .sa_handler = SIG_IGN }, before;

        (void)sigaction(SIGPIPE, &ignore, &before);
        if (start(run, &r, err) < 0) {
                (void)sigaction(SIGPIPE, &before, NULL);
                return -1;
        }
        const int ended = attend(run, &r, err);
        (void)sigaction(SIGPIPE, &before, NULL);
        if (ended < 0)
                (void)kill(-r.pid, SIGKILL);
        while (waitpid(r.pid, &wait_status, 0) < 0 && errno == EINTR)
                ;
        for (int i = 0; i < 2; i++) {
                if (r.streams[i].fd >= 0 && drain(run, &r.streams[i]))
                        open_still = true;
                if (run->on_line != NULL)
                        hand_on(run, &r.streams[i], true);
        }
        if (ended < 0) {
                if (r.streams[1].buf.len > 0)
                        bk_wrap(err, "last output '%s'", r.streams[1].buf.data);
                return -1;
        }
        if (r.streams[0].too_much || r.streams[1].too_much)
                return bk_fail(err, BK_FAILED, "'%s' printed more than can be kept", run->argv[0]);
        *ret = (struct bk_run_result){
                .status = status_of(wait_status), .left_output_open = open_still, .out_len = r.streams[0].buf.len,
        };
        ret->out = bk_buf_finish(&r.streams[0].buf);
        ret->err = bk_buf_finish(&r.streams[1].buf);
        return 0;
}

int bk_run_fail(struct bk_error *err, const char *program, int status, const char *tail)
{
        size_t length = tail ? strlen(tail) : 0;

        while (length > 0 && (tail[length - 1] == '\n' || tail[length - 1] == ' '))
                length--;
        if (length > TAIL) {
                tail += length - TAIL;
                length = TAIL;
        }
        if (status > 128)
                bk_fail(err, BK_FAILED, "%s was killed by signal %d (%s)%s%.*s", program, status - 128,
                        strsignal(status - 128), length ? ": " : "", (int)length, tail ? tail : "");
        else
                bk_fail(err, BK_FAILED, "%s exited with %d%s%.*s", program, status, length ? ": " : "",
                        (int)length, tail ? tail : "");
        return -1;
}

int bk_run(const char *const argv[], int timeout_ms, char **ret_out, struct bk_error *err)
{
        const struct bk_run run = { .argv = argv, .timeout_ms = timeout_ms };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };

        if (bk_run_with(&run, &result, err) < 0)
                return -1;
        if (result.status != 0)
                return bk_run_fail(err, argv[0], result.status, *result.err ? result.err : result.out);
        if (ret_out != NULL)
                *ret_out = bk_take(result.out);
        return 0;
}
