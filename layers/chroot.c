/* The sandbox from outside: its init, its network, commands in it, its end.
 *
 * The init does nothing but reap; commands enter by setns(), so each has pipes of its own to us
 * and no protocol is needed. Killing the init makes the kernel end everything inside. */
#include "layers/chroot_priv.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

enum { NETWORK_TIMEOUT_MS = 15000, END_TIMEOUT_MS = 60000, NAMESPACES = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET };

struct chroot {
        pid_t init, slirp;      /* 0: none */
        int pidfd;              /* of init */
        int root_fd;            /* "/" as seen inside */
        int layer_fd;           /* the layer's own root, beneath what is mounted on it */
        int ready;              /* slirp4netns tells here when the network is up; -1 once it did */
};

extern char **environ;

static const char *const default_env[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb",
        "DEBIAN_FRONTEND=noninteractive", NULL,
};

/* --- before anything of the image is touched ---------------------------------------------- */

/* Links of the image may point into /proc/self/fd, and by a folder's descriptor, close-on-exec or not, to the
 * host. So what looks up the image's paths holds no descriptor of ours but what it needs. */
static void close_but(const struct chroot_setup *setup, int report)
{
        for (int from = 0, next;; from = next + 1) {
                next = report >= from ? report : -1;
                for (size_t i = 0; i < CHROOT_BINDS_MOST; i++)
                        if (setup->binds[i] >= from && (next < 0 || setup->binds[i] < next))
                                next = setup->binds[i];
                if (next != from)
                        (void)syscall(SYS_close_range, from, next < 0 ? ~0U : (unsigned)next - 1, 0);
                if (next < 0)
                        return;
        }
}

/* The same for a command, which holds pipes to the caller whose numbers we do not know. They lead nowhere. */
static int close_but_pipes(int keep)
{
        autodir DIR *fds = opendir("/proc/self/fd");
        struct stat st;

        if (fds == NULL)
                return -1;
        for (struct dirent *entry; (entry = readdir(fds)) != NULL;) {
                const int fd = (int)strtol(entry->d_name, NULL, 10);

                if (fd > 2 && fd != keep && fd != dirfd(fds) && fstat(fd, &st) == 0 && !S_ISFIFO(st.st_mode))
                        (void)close(fd);
        }
        return 0;
}

/* An empty /proc/PID/cmdline. The kernel takes the memory map as a whole only; proc(5) numbers the fields. */
static void hide_arguments(void)
{
        enum { FIRST = 3, LAST = 51 };
        autofree char *text = NULL;
        unsigned long field[LAST + 1] = { 0 };
        char *at;

        if (bk_read_file("/proc/self/stat", 4096, &text, NULL, NULL) < 0 || (at = strrchr(text, ')')) == NULL)
                return;
        at += strlen(") S");
        for (int i = FIRST + 1; i <= LAST; i++)
                field[i] = strtoul(at, &at, 10);
        const struct prctl_mm_map map = {
                .start_code = field[26], .end_code = field[27], .start_stack = field[28], .start_data = field[45], .end_data = field[46],
                .start_brk = field[47], .brk = (uintptr_t)sbrk(0), .arg_start = field[48], .arg_end = field[48],
                .env_start = field[50], .env_end = field[51], .exe_fd = (uint32_t)-1,
        };

        (void)prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0);
}

/* Until it runs a program of the image, a process of ours shows the inside neither its memory,
 * nor its executable, nor its arguments, which may hold a secret. */
static void hide(void)
{
        (void)prctl(PR_SET_DUMPABLE, 0);
        hide_arguments();
}

/* --- the init -------------------------------------------------------------------- */

static _Noreturn void init_main(const struct chroot_setup *setup, int report)
{
        struct bk_error err = { 0 };

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)prctl(PR_SET_NAME, "bakery-init");
        close_but(setup, report);
        hide();
        (void)setsid();
        for (int sig = 1; sig < 32; sig++)
                (void)signal(sig, SIG_IGN);     /* SIGCHLD too: the kernel reaps for us */
        (void)umask(0);
        const int result = chroot_setup_inside(setup, &err);

        (void)umask(022);
        if (write(report, &err, sizeof err) != sizeof err || result < 0)
                _exit(1);
        (void)syscall(SYS_close_range, 0, ~0U, 0);
        for (;;)
                (void)pause();
}

static int take_binds(const struct chroot_config *config, struct chroot_setup *setup, struct bk_error *err)
{
        if (config->n_binds > CHROOT_BINDS_MOST)
                return bk_fail(err, BK_INTERNAL, "more than %d binds", CHROOT_BINDS_MOST);
        for (size_t i = 0; i < config->n_binds; i++) {
                /* What is mounted below the source is bound with it, so the limits go to all depths. */
                struct mount_attr limits = { .attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID, .propagation = MS_PRIVATE };

                if (config->binds[i].read_only)
                        limits.attr_set |= MOUNT_ATTR_RDONLY;
                setup->binds[i] = open_tree(AT_FDCWD, config->binds[i].source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
                if (setup->binds[i] < 0 || mount_setattr(setup->binds[i], "", AT_EMPTY_PATH | AT_RECURSIVE, &limits, sizeof limits) < 0)
                        return bk_fail_errno(err, "cannot take '%s' into the sandbox", config->binds[i].source);
        }
        return 0;
}

static void setup_done(struct chroot_setup *setup)
{
        for (size_t i = 0; i < CHROOT_BINDS_MOST; i++)
                if (setup->binds[i] >= 0)
                        (void)close(setup->binds[i]);
}

static int start_init(struct chroot *chroot, const struct chroot_config *config, struct bk_error *err)
{
        BK_CLEANUP(setup_done) struct chroot_setup setup = { .config = config };
        struct bk_error inside = { 0 };
        int report[2];
        ssize_t got;

        memset(setup.binds, -1, sizeof setup.binds);
        if (take_binds(config, &setup, err) < 0)
                return -1;
        if (pipe2(report, O_CLOEXEC) < 0)
                return bk_fail_errno(err, "cannot make a pipe");
        chroot->init = (pid_t)syscall(SYS_clone, SIGCHLD | NAMESPACES, NULL, NULL, NULL, NULL);
        if (chroot->init == 0)
                init_main(&setup, report[1]);
        (void)close(report[1]);
        if (chroot->init < 0) {
                (void)close(report[0]);
                chroot->init = 0;
                return bk_fail_errno(err, "cannot make namespaces (`bakery doctor` says what this host lacks)");
        }
        do
                got = read(report[0], &inside, sizeof inside);
        while (got < 0 && errno == EINTR);
        (void)close(report[0]);
        if (got == (ssize_t)sizeof inside && inside.kind != BK_NONE && err != NULL)
                *err = inside;
        else if (got != (ssize_t)sizeof inside)
                bk_fail(err, BK_INFRA, "the sandbox' init died while it was set up");
        return got == (ssize_t)sizeof inside && inside.kind == BK_NONE ? 0 : -1;
}

/* --- the network -------------------------------------------------------------------- */

static int start_network(struct chroot *chroot, struct bk_error *err)
{
        autofree char *pid = bk_format("%ld", (long)chroot->init);
        int ready[2];

        if (pipe2(ready, O_CLOEXEC) < 0)
                return bk_fail_errno(err, "cannot make a pipe");
        chroot->slirp = bk_fork();
        if (chroot->slirp == 0) {
                autofree char *fd = bk_format("--ready-fd=%d", ready[1]);
                const char *const argv[] = { "slirp4netns", "--configure", "--mtu=65520", "--enable-sandbox", "--disable-host-loopback",
                                             fd, pid, "tap0", NULL };
                const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

                (void)setsid();
                (void)fcntl(ready[1], F_SETFD, 0);
                if (null >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0)
                        (void)execvp(argv[0], (char *const *)argv);
                _exit(127);
        }
        (void)close(ready[1]);
        chroot->ready = ready[0];
        if (chroot->slirp < 0) {
                chroot->slirp = 0;
                return bk_fail_errno(err, "cannot start slirp4netns");
        }
        return 0;
}

/* The network comes up while we go on; the first command waits for it. */
static int await_network(struct chroot *chroot, struct bk_error *err)
{
        struct pollfd event = { .fd = chroot->ready, .events = POLLIN };
        char byte;
        int ready;

        if (chroot->ready < 0)
                return 0;
        do
                ready = poll(&event, 1, NETWORK_TIMEOUT_MS);
        while (ready < 0 && errno == EINTR);
        if (ready <= 0)
                return bk_fail(err, BK_TIMEOUT, "the sandbox' network (slirp4netns) was not up after %d s", NETWORK_TIMEOUT_MS / 1000);
        if (read(chroot->ready, &byte, 1) != 1)
                return bk_fail(err, BK_INFRA, "slirp4netns ended early; is it installed, and does /dev/net/tun open? "
                               "(\"network\": false bakes without)");
        (void)close(bk_take_fd(chroot->ready));
        return 0;
}

/* --- open and close -------------------------------------------------------------------- */

int chroot_open(const struct chroot_config *config, struct chroot **ret, struct bk_error *err)
{
        struct chroot *chroot = bk_alloc(sizeof *chroot);
        autofree char *inside = NULL;

        *chroot = (struct chroot){ .pidfd = -1, .root_fd = -1, .layer_fd = -1, .ready = -1 };
        chroot->layer_fd = open(config->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (chroot->layer_fd < 0) {
                bk_fail_errno(err, "cannot open '%s'", config->root);
                goto failed;
        }
        if (start_init(chroot, config, err) < 0 || (config->network && start_network(chroot, err) < 0))
                goto failed;
        chroot->pidfd = (int)syscall(SYS_pidfd_open, chroot->init, 0);
        inside = bk_format("/proc/%ld/root", (long)chroot->init);
        chroot->root_fd = open(inside, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (chroot->pidfd < 0 || chroot->root_fd < 0) {
                bk_fail_errno(err, "cannot reach the sandbox");
                goto failed;
        }
        *ret = chroot;
        return 0;
failed:
        (void)!chroot_close(chroot, NULL, NULL);
        return bk_wrap(err, "sandbox");
}

int chroot_root_fd(const struct chroot *chroot)
{
        return chroot->root_fd;
}

/* Processes whose pid namespace is that of init: "pid name" as we see them. */
static void list_inside(const struct chroot *chroot, struct bk_strv *ret)
{
        autofree char *own = bk_format("/proc/%ld/ns/pid", (long)chroot->init);
        autodir DIR *proc = opendir("/proc");
        struct stat wanted, found;

        if (proc == NULL || stat(own, &wanted) < 0)
                return;
        for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
                autofree char *path = bk_format("/proc/%s/ns/pid", entry->d_name);
                autofree char *comm = bk_format("/proc/%s/comm", entry->d_name), *name = NULL;

                if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || atol(entry->d_name) == (long)chroot->init ||
                    stat(path, &found) < 0 || found.st_ino != wanted.st_ino || found.st_dev != wanted.st_dev ||
                    bk_read_file(comm, 4096, &name, NULL, NULL) < 0)
                        continue;
                name[strcspn(name, "\n")] = '\0';
                bk_strv_addf(ret, "%s (%s)", entry->d_name, name);
        }
}

/* The sandbox' init cannot end before somebody has waited for every process inside. One whose keeper was killed - with the
 * process that ran the checks, say - is ours when we are pid 1 of a namespace. */
static void end_init(const struct chroot *chroot)
{
        const int64_t deadline = bk_now_ms() + END_TIMEOUT_MS;
        struct pollfd ended = { .fd = chroot->pidfd, .events = POLLIN };
        siginfo_t orphan;

        (void)kill(chroot->init, SIGKILL);
        while (chroot->pidfd >= 0 && poll(&ended, 1, 20) == 0 && bk_now_ms() < deadline) {
                for (;;) {
                        orphan.si_pid = 0;
                        if (getpid() != 1 || waitid(P_ALL, 0, &orphan, WEXITED | WNOHANG | WNOWAIT) < 0 ||
                            orphan.si_pid == 0 || orphan.si_pid == chroot->init)
                                break;
                        (void)waitpid(orphan.si_pid, NULL, 0);
                }
        }
        (void)bk_wait(chroot->init, END_TIMEOUT_MS);
}

int chroot_close(struct chroot *chroot, struct bk_strv *ret_left, struct bk_error *err)
{
        int result = 0;

        if (chroot->init > 0 && ret_left != NULL)
                list_inside(chroot, ret_left);
        if (chroot->slirp > 0) {
                (void)kill(chroot->slirp, SIGKILL);
                (void)bk_wait(chroot->slirp, END_TIMEOUT_MS);
        }
        if (chroot->init > 0)
                end_init(chroot);
        if (chroot->layer_fd >= 0) {
                result = chroot_tidy(chroot->layer_fd, err);
                (void)close(chroot->layer_fd);
        }
        if (chroot->root_fd >= 0)
                (void)close(chroot->root_fd);
        if (chroot->pidfd >= 0)
                (void)close(chroot->pidfd);
        if (chroot->ready >= 0)
                (void)close(chroot->ready);
        free(chroot);
        return result;
}

/* --- commands ------------------------------------------------------------------------------ */

struct entering {
        const struct chroot *chroot;
        const struct bk_run *run;
        pid_t *inner;           /* the command as the caller's pid namespace numbers it; memory shared with the caller */
};

/* The outer process stays behind to pass on how the inner one ended. */
static _Noreturn void relay(pid_t pid)
{
        int status;

        (void)syscall(SYS_close_range, 0, ~0U, 0);
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        _exit(126);
        if (WIFSIGNALED(status)) {
                (void)signal(WTERMSIG(status), SIG_DFL);
                (void)kill(getpid(), WTERMSIG(status));
        }
        _exit(WEXITSTATUS(status));
}

/* The sandbox' own /dev/null: by the host's, the mode of that could be changed. */
static int empty_stdin(void)
{
        autoclose int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

        return null < 0 ? -1 : dup2(null, 0);
}

static int enter(void *arg)
{
        const struct entering *entering = arg;
        const struct rlimit no_core = { 1, 1 };         /* 0 would still feed a core_pattern that is a program of the host: core(5) */
        pid_t pid;

        hide();
        if (close_but_pipes(entering->chroot->pidfd) < 0 || setns(entering->chroot->pidfd, NAMESPACES) < 0)
                return -1;
        (void)setrlimit(RLIMIT_CORE, &no_core);
        /* Only a child is in the new pid namespace. The kernel notes its number before anything can kill us. */
        pid = (pid_t)syscall(SYS_clone, SIGCHLD | CLONE_PARENT_SETTID, NULL, entering->inner, NULL, NULL);
        if (pid < 0)
                return -1;
        if (pid > 0)
                relay(pid);
        if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
                return -1;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);         /* after the identity: a change of it would clear this */
        (void)setsid();
        (void)umask(022);
        if (chdir("/") < 0 || syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
                return -1;
        if (entering->run->input == NULL && empty_stdin() < 0)
                return -1;
        environ = (char **)entering->run->env;          /* PATH is looked up in it */
        return chroot_limit();
}

/* Ends what a command that took too long has started, wherever it hides. */
static void end_everything(const struct chroot *chroot)
{
        const pid_t pid = bk_fork();

        if (pid == 0) {
                hide();
                if (setns(chroot->pidfd, CLONE_NEWPID) < 0)
                        _exit(1);
                const pid_t inner = fork();

                if (inner == 0) {
                        (void)kill(-1, SIGKILL);        /* everything we see but ourselves and the namespace's init */
                        _exit(0);
                }
                (void)waitpid(inner, NULL, 0);
                _exit(0);
        }
        if (pid > 0)
                (void)bk_wait(pid, 10000);
}

struct passing { struct entering entering; const struct bk_run *run; };

static void pass_line(void *arg, int stream, const char *line)
{
        const struct passing *passing = arg;

        passing->run->on_line(passing->run->arg, stream, line);
}

static bool pass_stop(void *arg)
{
        const struct passing *passing = arg;

        return passing->run->stop(passing->run->arg);
}

/* The command, whose keeper was killed, is our child now if we are pid 1 or a subreaper. Until somebody has
 * waited for it, the kernel does not let the sandbox' init end. */
static void reap(pid_t inner)
{
        while (inner > 0 && waitpid(inner, NULL, 0) < 0 && errno == EINTR)
                ;
}

int chroot_run(struct chroot *chroot, const struct bk_run *run, struct bk_run_result *ret, struct bk_error *err)
{
        struct bk_run inside = *run;
        struct passing passing = { .entering = { .chroot = chroot, .run = &inside }, .run = run };
        struct bk_error why = { 0 };
        int result;

        if (await_network(chroot, err) < 0)
                return -1;
        passing.entering.inner = mmap(NULL, sizeof(pid_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (passing.entering.inner == MAP_FAILED)
                return bk_fail_errno(err, "cannot share memory with a command");
        inside.env = run->env ? run->env : default_env;
        inside.in_child = enter;
        inside.on_line = run->on_line ? pass_line : NULL;
        inside.stop = run->stop ? pass_stop : NULL;
        inside.arg = &passing;
        result = bk_run_with(&inside, ret, &why);
        if (why.kind == BK_TIMEOUT || why.kind == BK_INTERRUPTED) {     /* else it never started, or has ended */
                end_everything(chroot);
                reap(*passing.entering.inner);
        }
        (void)munmap(passing.entering.inner, sizeof(pid_t));
        if (result < 0 && err != NULL)
                *err = why;
        return result;
}
