/* The agent: runs lines in a guest for checks, and is asked over a serial port.
 *
 * A program of its own, linked statically, that is put into throw-away copies of images: it needs nothing of the image but
 * a kernel and /bin/sh. What is built is part of bakery (bakery/bake/spec_boot_agent.c). */
#include "bakery/agent/agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
        HELLO_MS = 2000,        /* between two */
        LOOK_MS = 100, LOOKS = 50,      /* for the virtio port, whose driver may just be loading */
        CHUNK = 65536,
};

struct bytes { char *data; size_t len, room; };

static const char *token;
static char instance[32];
static int port, children;      /* children: a signalfd */
static struct bytes ahead;      /* received and not yet used */

static int64_t now_ms(void)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(int ms)
{
        (void)poll(NULL, 0, ms);
}

/* systemd starts it anew. */
static void *need(void *memory)
{
        if (memory == NULL)
                _exit(2);
        return memory;
}

/* --- the port ---------------------------------------------------------------------- */

static int open_virtio(void)
{
        DIR *dir = opendir("/sys/class/virtio-ports");
        int fd = -1;

        for (struct dirent *entry; dir != NULL && fd < 0 && (entry = readdir(dir)) != NULL;) {
                char path[320], name[64] = "";
                ssize_t got = -1;
                int file;

                (void)snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
                file = open(path, O_RDONLY | O_CLOEXEC);
                if (file >= 0) {
                        got = read(file, name, sizeof name - 1);
                        (void)close(file);
                }
                if (got != sizeof AGENT_PORT || memcmp(name, AGENT_PORT "\n", sizeof AGENT_PORT) != 0)
                        continue;
                (void)snprintf(path, sizeof path, "/dev/%s", entry->d_name);
                fd = open(path, O_RDWR | O_CLOEXEC);
        }
        if (dir != NULL)
                (void)closedir(dir);
        return fd;
}

static int open_uart(const char *path)
{
        const int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
        struct termios raw;

        if (fd >= 0 && tcgetattr(fd, &raw) == 0) {
                cfmakeraw(&raw);
                raw.c_cflag |= CLOCAL | CREAD;
                (void)cfsetspeed(&raw, B115200);
                (void)tcsetattr(fd, TCSAFLUSH, &raw);
                return fd;
        }
        if (fd >= 0)
                (void)close(fd);
        return -1;
}

/* Where there is no udev, nobody has loaded the driver. */
static bool load_driver(void)
{
        const pid_t pid = fork();
        int status = 1;

        if (pid == 0) {
                (void)execl("/sbin/modprobe", "modprobe", "-q", "virtio_console", (char *)NULL);
                _exit(127);
        }
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return status == 0;
}

static int open_port(void)
{
        int fd = open_virtio();

        if (fd < 0 && load_driver())
                for (int i = 0; i < LOOKS && fd < 0; i++) {
                        pause_ms(LOOK_MS);
                        fd = open_virtio();
                }
        return fd < 0 ? open_uart("/dev/ttyS1") : fd;
}

static void send_all(const char *bytes, size_t length)
{
        while (length > 0) {
                const ssize_t sent = write(port, bytes, length);

                if (sent < 0 && errno != EINTR && errno != EAGAIN)
                        _exit(1);
                if (sent <= 0) {
                        pause_ms(10);
                        continue;
                }
                bytes += sent;
                length -= (size_t)sent;
        }
}

static void make_room(struct bytes *bytes, size_t more)
{
        size_t room = bytes->room > 0 ? bytes->room : 4096;

        while (room < bytes->len + more)
                room *= 2;
        if (room == bytes->room)
                return;
        bytes->data = need(realloc(bytes->data, room));
        bytes->room = room;
}

static void drop(struct bytes *bytes, size_t length)
{
        memmove(bytes->data, bytes->data + length, bytes->len - length);
        bytes->len -= length;
}

/* Waits at most that long (-1: for ever) for more. */
static void receive(int timeout_ms)
{
        struct pollfd event = { .fd = port, .events = POLLIN };
        ssize_t got;

        if (poll(&event, 1, timeout_ms) <= 0)
                return;
        make_room(&ahead, CHUNK);
        got = read(port, ahead.data + ahead.len, CHUNK);
        if (got > 0)
                ahead.len += (size_t)got;
        else
                pause_ms(LOOK_MS);      /* the host is not there yet */
}

/* --- requests ------------------------------------------------------------------------ */

struct request {
        char id[24];
        long limit_ms;
        size_t line_len, input_len;
        char *line, *input;     /* in `text`; line ends with a NUL */
        char *text;
};

/* The words of "bakery-run TOKEN ID LIMIT LINE INPUT". */
static bool parse(char *header, struct request *ret)
{
        char *words[6] = { NULL }, *rest = header;

        for (size_t i = 0; i < 6; i++) {
                words[i] = strtok_r(i == 0 ? header : NULL, " ", &rest);
                if (words[i] == NULL)
                        return false;
        }
        if (strcmp(words[0], AGENT_RUN) != 0 || strcmp(words[1], token) != 0 || strlen(words[2]) >= sizeof ret->id)
                return false;
        (void)snprintf(ret->id, sizeof ret->id, "%s", words[2]);
        ret->limit_ms = strtol(words[3], NULL, 10);
        ret->line_len = strtoul(words[4], NULL, 10);
        ret->input_len = strtoul(words[5], NULL, 10);
        return ret->limit_ms > 0 && ret->line_len <= AGENT_LINE_MOST && ret->input_len <= AGENT_INPUT_MOST;
}

/* Takes one line off; false when there is none yet. */
static bool take_header(struct request *ret, bool *ret_good)
{
        char *end = ahead.len > 0 ? memchr(ahead.data, '\n', ahead.len) : NULL;

        if (end == NULL) {
                if (ahead.len > AGENT_HEADER_MOST)
                        drop(&ahead, ahead.len);
                return false;
        }
        *end = '\0';
        *ret_good = parse(ahead.data, ret);
        drop(&ahead, (size_t)(end + 1 - ahead.data));
        return true;
}

static void say_hello(void)
{
        char text[AGENT_HEADER_MOST];
        const int length = snprintf(text, sizeof text, "\n%s %s %s\n", AGENT_HELLO, token, instance);

        send_all(text, (size_t)length);
}

static void await_request(struct request *ret, bool *asked)
{
        int64_t next = now_ms();
        bool good = false;

        while (!good) {
                if (!*asked && now_ms() >= next) {
                        say_hello();
                        next = now_ms() + HELLO_MS;
                }
                if (!take_header(ret, &good))
                        receive(*asked ? -1 : HELLO_MS);
        }
        *asked = true;
        while (ahead.len < ret->line_len + ret->input_len)
                receive(-1);
        ret->text = need(malloc(ret->line_len + ret->input_len + 1));
        ret->line = ret->text;
        ret->input = ret->text + ret->line_len + 1;
        memcpy(ret->line, ahead.data, ret->line_len);
        ret->line[ret->line_len] = '\0';
        memcpy(ret->input, ahead.data + ret->line_len, ret->input_len);
        drop(&ahead, ret->line_len + ret->input_len);
}

/* --- running --------------------------------------------------------------------------- */

struct job {
        pid_t pid;
        int in, out, err;       /* our ends, or -1 */
        struct bytes said[2];   /* stdout, stderr */
        size_t given;           /* of the input */
        enum agent_how how;
        int status;
};

static void close_end(int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
        *fd = -1;
}

_Noreturn static void child(const char *line, int in, int out, int err)
{
        static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", home[] = "HOME=/root";
        static char lang[] = "LANG=C.UTF-8", term[] = "TERM=dumb", frontend[] = "DEBIAN_FRONTEND=noninteractive";
        char *const env[] = { path, home, lang, term, frontend, NULL };
        sigset_t none;

        (void)setsid();
        for (int number = 1; number < 32; number++)
                (void)signal(number, SIG_DFL);
        (void)sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
        if (chdir("/") == 0 && dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(err, 2) >= 0)
                (void)execle("/bin/sh", "sh", "-c", line, (char *)NULL, env);
        _exit(errno == E2BIG ? 126 : 127);
}

static bool start(struct job *job, const char *line)
{
        int in[2], out[2], err[2];

        *job = (struct job){ .in = -1, .out = -1, .err = -1, .how = AGENT_NOT_STARTED };
        if (pipe2(in, O_CLOEXEC) < 0)
                return false;
        if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0)
                _exit(2);
        job->pid = fork();
        if (job->pid == 0)
                child(line, in[0], out[1], err[1]);
        (void)close(in[0]);
        (void)close(out[1]);
        (void)close(err[1]);
        job->in = in[1];
        job->out = out[0];
        job->err = err[0];
        (void)fcntl(job->in, F_SETFL, O_NONBLOCK);
        (void)fcntl(job->out, F_SETFL, O_NONBLOCK);
        (void)fcntl(job->err, F_SETFL, O_NONBLOCK);
        if (job->pid > 0)
                job->how = AGENT_ENDED;
        return job->pid > 0;
}

static void end(struct job *job, enum agent_how how)
{
        job->how = how;
        (void)kill(-job->pid, SIGKILL);
        (void)kill(job->pid, SIGKILL);  /* it may not have its group yet */
}

/* Reads what is there, and no more than may be. */
static void hear(struct job *job, int *fd, struct bytes *into)
{
        ssize_t got = -1;

        if (*fd < 0)
                return;
        do {
                make_room(into, CHUNK);
                got = read(*fd, into->data + into->len, CHUNK);
                if (got > 0)
                        into->len += (size_t)got;
        } while (got > 0 && into->len <= AGENT_OUTPUT_MOST);
        if (into->len > AGENT_OUTPUT_MOST && job->how == AGENT_ENDED)
                end(job, AGENT_TOO_MUCH);
        if (got == 0 || into->len > AGENT_OUTPUT_MOST)
                close_end(fd);
}

static void feed(struct job *job, const struct request *request)
{
        ssize_t put = 0;

        if (job->in < 0)
                return;
        if (job->given < request->input_len)
                put = write(job->in, request->input + job->given, request->input_len - job->given);
        if (put > 0)
                job->given += (size_t)put;
        if (job->given == request->input_len || (put < 0 && errno != EAGAIN && errno != EINTR))
                close_end(&job->in);
}

/* Until the line's own process has ended: what it leaves behind may hold its output open for ever. */
static void follow(struct job *job, const struct request *request)
{
        const int64_t deadline = now_ms() + request->limit_ms;
        bool ended = false;

        while (!ended) {
                struct pollfd events[] = {
                        { .fd = children, .events = POLLIN }, { .fd = job->in, .events = POLLOUT },
                        { .fd = job->out, .events = POLLIN }, { .fd = job->err, .events = POLLIN },
                };
                const int64_t left = deadline - now_ms();
                struct signalfd_siginfo ignored;

                if (left <= 0 && job->how == AGENT_ENDED)
                        end(job, AGENT_LATE);
                (void)poll(events, 4, left > 0 ? (int)(left < 60000 ? left : 60000) : 1000);
                (void)!read(children, &ignored, sizeof ignored);
                /* First: what it wrote before it ended is in the pipes then. */
                ended = waitpid(job->pid, &job->status, WNOHANG) == job->pid;
                feed(job, request);
                hear(job, &job->out, &job->said[0]);
                hear(job, &job->err, &job->said[1]);
        }
}

static void answer(const struct request *request, const struct job *job)
{
        const bool whole = job->how == AGENT_ENDED;
        const size_t out = whole ? job->said[0].len : 0, err = whole ? job->said[1].len : 0;
        const int status = WIFSIGNALED(job->status) ? 128 + WTERMSIG(job->status) : WEXITSTATUS(job->status);
        char text[AGENT_HEADER_MOST];
        const int length = snprintf(text, sizeof text, "\n%s %s %s %d %d %zu %zu\n", AGENT_DONE, token, request->id, (int)job->how, status,
                                    out, err);

        send_all(text, (size_t)length);
        send_all(job->said[0].data, out);
        send_all(job->said[1].data, err);
}

static void serve(struct request *request)
{
        struct job job;

        if (start(&job, request->line))
                follow(&job, request);
        answer(request, &job);
        close_end(&job.in);
        close_end(&job.out);
        close_end(&job.err);
        free(job.said[0].data);
        free(job.said[1].data);
        free(request->text);
}

/* From what started it: an init may have given it a terminal. */
static void detach(void)
{
        const int null = open("/dev/null", O_RDWR);

        for (int fd = 0; null >= 0 && fd < 3; fd++)
                if (fd != null)
                        (void)dup2(null, fd);
        if (null > 2)
                (void)close(null);
}

int main(int argc, char **argv)
{
        struct timespec now;
        sigset_t child_ended;
        bool asked = false;

        if (argc != 2 && argc != 3)     /* TOKEN, and a terminal for tests */
                return 2;
        token = argv[1];
        detach();
        (void)clock_gettime(CLOCK_REALTIME, &now);
        (void)snprintf(instance, sizeof instance, "%llx.%lx", (unsigned long long)now.tv_sec, (unsigned long)now.tv_nsec ^ (unsigned long)getpid());
        (void)signal(SIGPIPE, SIG_IGN);
        (void)signal(SIGHUP, SIG_IGN);
        port = argc == 3 ? open_uart(argv[2]) : open_port();
        if (port < 0)
                return 1;
        (void)sigemptyset(&child_ended);
        (void)sigaddset(&child_ended, SIGCHLD);
        (void)sigprocmask(SIG_BLOCK, &child_ended, NULL);
        children = signalfd(-1, &child_ended, SFD_CLOEXEC | SFD_NONBLOCK);
        if (children < 0)
                return 1;
        for (;;) {
                struct request request = { 0 };

                await_request(&request, &asked);
                serve(&request);
        }
}
