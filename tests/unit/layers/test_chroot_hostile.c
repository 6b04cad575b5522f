/* The sandbox against what an image's programs, or the image itself, may try: nothing of the host is reached. */
#include "tests/unit/layers/sandbox.h"

#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

/* --- capabilities and system calls ------------------------------------------------------ */

/* What layers/chroot_limits.c documents. */
static const unsigned expected[] = {
        CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_KILL, CAP_SETGID, CAP_SETUID, CAP_SETPCAP, CAP_SETFCAP,
        CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_MKNOD, CAP_AUDIT_WRITE,
};

static void capabilities_are_the_listed_ones(void **state)
{
        struct place *place = *state;
        static const struct { const char *name; bool empty; } sets[] = {
                { "CapInh", true }, { "CapPrm", false }, { "CapEff", false }, { "CapBnd", false }, { "CapAmb", true },
        };
        autofree char *status = NULL;
        uint64_t mask = 0;

        for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
                mask |= UINT64_C(1) << expected[i];
        open_plain(place);
        status = shell(place, "exec cat /proc/self/status");
        for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
                const char *at = strstr(status, sets[i].name);

                print_message("# %s\n", sets[i].name);
                assert_non_null(at);
                assert_int_equal(strtoull(at + strlen("CapXxx:"), NULL, 16), sets[i].empty ? 0 : mask);
        }
        assert_non_null(strstr(status, "\nNoNewPrivs:\t0\n"));
        assert_non_null(strstr(status, "\nSeccomp:\t2\n"));
}

static int probe_syscalls(int argc, char **argv)
{
        static const struct { const char *why; long number, a, b, c; int error; } refused[] = {
                { "a user namespace",        SYS_unshare,           CLONE_NEWUSER,           0, 0,  EPERM },
                { "a mount namespace",       SYS_unshare,           CLONE_NEWNS,             0, 0,  EPERM },
                { "a user namespace, clone", SYS_clone,             CLONE_NEWUSER | SIGCHLD, 0, 0,  EPERM },
                { "clone3",                  SYS_clone3,            0,                       0, 0,  ENOSYS },
                { "setns",                   SYS_setns,             0,                       0, 0,  EPERM },
                { "open_by_handle_at",       SYS_open_by_handle_at, -100,                    0, 0,  EPERM },
                { "reboot",                  SYS_reboot,            0,                       0, 0,  EPERM },
                { "init_module",             SYS_init_module,       0,                       0, 0,  EPERM },
                { "kexec_load",              SYS_kexec_load,        0,                       0, 0,  EPERM },
                { "swapon",                  SYS_swapon,            0,                       0, 0,  EPERM },
                { "bpf",                     SYS_bpf,               0,                       0, 0,  EPERM },
                { "perf_event_open",         SYS_perf_event_open,   0,                       0, 0,  EPERM },
                { "io_uring_setup",          SYS_io_uring_setup,    1,                       0, 0,  EPERM },
                { "add_key",                 SYS_add_key,           0,                       0, 0,  EPERM },
                { "keyctl",                  SYS_keyctl,            0,                       0, 0,  EPERM },
                { "request_key",             SYS_request_key,       0,                       0, 0,  EPERM },
                { "userfaultfd",             SYS_userfaultfd,       0,                       0, 0,  EPERM },
                { "acct",                    SYS_acct,              0,                       0, 0,  EPERM },
                { "the kernel's log",        SYS_syslog,            3,                       0, 0,  EPERM },
                { "adjtimex",                SYS_adjtimex,          0,                       0, 0,  EPERM },
                { "clock_settime",           SYS_clock_settime,     0,                       0, 0,  EPERM },
                { "settimeofday",            SYS_settimeofday,      0,                       0, 0,  EPERM },
                { "sethostname",             SYS_sethostname,       0,                       0, 0,  EPERM },
        };

        (void)argc;
        (void)argv;
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                (void)fprintf(stderr, "# %s\n", refused[i].why);
                PROBE_FAILS(syscall(refused[i].number, refused[i].a, refused[i].b, refused[i].c, 0, 0), refused[i].error);
        }
        return 0;
}

static void calls_that_reach_the_hosts_kernel_are_refused(void **state)
{
        struct place *place = *state;

        open_plain(place);
        assert_probe(place, "syscalls");
}

#ifdef __x86_64__
/* The same kernel has two more doors. A closed one is as good: no such call, or a signal. */
static int probe_other_abis(int argc, char **argv)
{
        enum { X32 = 0x40000000, UNSHARE_386 = 310 };
        const pid_t pid = fork();
        int status;

        (void)argc;
        (void)argv;
        PROBE(syscall(X32 | SYS_unshare, CLONE_NEWUSER) < 0 && (errno == EPERM || errno == ENOSYS));
        if (pid == 0) {
                long result = UNSHARE_386;

                __asm__ volatile("int $0x80" : "+a"(result) : "b"(CLONE_NEWUSER) : "memory");
                _exit(result != -EPERM && result != -ENOSYS);
        }
        PROBE(waitpid(pid, &status, 0) == pid && (WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
        return 0;
}
#endif

static void other_calling_conventions_are_refused_too(void **state)
{
#ifdef __x86_64__
        struct place *place = *state;

        open_plain(place);
        assert_probe(place, "other_abis");
#else
        (void)state;
        print_message("# skipped: this architecture has none\n");
        skip();
#endif
}

/* On a descriptor that is none, the real calls fail. */
static int probe_sync(int argc, char **argv)
{
        (void)argc;
        (void)argv;
        PROBE(fsync(-1) == 0);
        PROBE(fdatasync(-1) == 0);
        PROBE(syncfs(-1) == 0);
        PROBE(syscall(SYS_sync_file_range, -1, 0, 0, 0) == 0);
        PROBE(syscall(SYS_msync, 1, 1, -1) == 0);
        return 0;
}

static void sync_calls_succeed_and_do_nothing(void **state)
{
        struct place *place = *state;

        open_plain(place);
        assert_probe(place, "sync");
        assert_int_equal(fsync(-1), -1);        /* only inside */
}

static int probe_setuid(int argc, char **argv)
{
        (void)argc;
        (void)argv;
        PROBE(setgid(33) == 0 && setuid(33) == 0);
        PROBE_FAILS(setuid(0), EPERM);
        PROBE_FAILS(open("/probe", O_WRONLY), EACCES);
        return 0;
}

static void a_service_can_give_up_root(void **state)
{
        struct place *place = *state;

        open_plain(place);
        assert_probe(place, "setuid");
}

/* --- devices --------------------------------------------------------------------------------- */

static int probe_mknod(int argc, char **argv)
{
        static const char *const folders[] = { "/", "/tmp", "/dev", "/run", "/dev/shm", "/mnt" };

        (void)argc;
        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                autofree char *path = bk_format("%s/node", folders[i]);
                const dev_t device = (dev_t)strtoull(argv[1], NULL, 10);
                const mode_t kinds[] = { S_IFBLK, S_IFCHR };

                for (size_t k = 0; k < 2; k++) {
                        autoclose int fd = -1;

                        PROBE(mknod(path, kinds[k] | 0666, k ? makedev(1, 3) : device) == 0 || errno == EPERM);
                        fd = open(path, O_RDONLY | O_NONBLOCK);
                        PROBE(fd < 0 && (errno == EACCES || errno == ENOENT));
                        PROBE(unlink(path) == 0 || errno == ENOENT);
                }
        }
        return 0;
}

static void a_device_node_made_inside_does_not_open(void **state)
{
        struct place *place = *state;
        autofree char *device = NULL;
        struct stat st;

        assert_int_equal(stat(place->root, &st), 0);    /* the very disk that the layer lies on */
        device = bk_format("%llu", (unsigned long long)st.st_dev);
        open_plain(place);
        assert_probe(place, "mknod", device);
}

/* The mode is the one that they have: nothing is harmed where the node is the host's after all. */
static int probe_nodes(int argc, char **argv)
{
        static const char *const nodes[] = { "null", "zero", "full", "random", "urandom", "tty", "stdin" };
        struct stat st;

        (void)argc;
        for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
                autofree char *path = bk_format("/dev/%s", nodes[i]);

                (void)fprintf(stderr, "# %s\n", path);
                PROBE(stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_dev != (dev_t)strtoull(argv[1], NULL, 10));
                PROBE(chmod(path, 0666) == 0);
                PROBE_FAILS(unlink(strcmp(nodes[i], "stdin") == 0 ? "/dev/null" : path), EBUSY);
        }
        return 0;
}

static void device_nodes_are_not_the_hosts(void **state)
{
        struct place *place = *state;
        autofree char *device = NULL;
        struct stat st;

        assert_int_equal(stat("/dev/null", &st), 0);
        device = bk_format("%llu", (unsigned long long)st.st_dev);
        open_plain(place);
        assert_probe(place, "nodes", device);
}

/* --- ways out of the root ---------------------------------------------------------------------- */

/* Where "/" is, is known by a file that only the image has. */
static int probe_climb(int argc, char **argv)
{
        (void)argc;
        (void)argv;
        for (int i = 0; i < 64; i++)
                PROBE(chdir("..") == 0);
        PROBE(access("probe", F_OK) == 0);
        /* chroot(2) below a folder that is still open: out of the chroot, but not of the mount namespace */
        autoclose int outside = open("/", O_RDONLY | O_DIRECTORY);

        PROBE(mkdir("/tmp/jail", 0700) == 0 && chroot("/tmp/jail") == 0 && fchdir(outside) == 0);
        for (int i = 0; i < 64; i++)
                PROBE(chdir("..") == 0);
        PROBE(access("probe", F_OK) == 0 && chroot(".") == 0);
        PROBE(access("/probe", F_OK) == 0);
        PROBE_FAILS(access(argv[1], F_OK), ENOENT);
        return 0;
}

static int probe_init(int argc, char **argv)
{
        static const char *const closed[] = { "root/", "cwd/", "exe", "fd/0", "environ", "mem", "maps" };
        char text[4096];

        (void)argc;
        (void)argv;
        for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
                autofree char *path = bk_format("/proc/1/%s", closed[i]);
                autoclose int fd = open(path, O_RDONLY);

                (void)fprintf(stderr, "# %s\n", path);
                PROBE(fd < 0 || read(fd, text, sizeof text) < 0);
        }
        PROBE_FAILS(ptrace(PTRACE_ATTACH, 1, 0, 0), EPERM);
        PROBE_FAILS(syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, 1, 0), 0, 0), EPERM);
        /* and it says nothing of the command that opened the sandbox */
        autoclose int fd = open("/proc/1/cmdline", O_RDONLY);

        PROBE(fd >= 0 && read(fd, text, sizeof text) == 0);
        return 0;
}

static int probe_mounts(int argc, char **argv)
{
        static const char *const fixed[] = { "/proc", "/sys", "/proc/sys", "/dev/null" };

        (void)argc;
        PROBE(mknod("/tmp/disk", S_IFBLK | 0600, (dev_t)strtoull(argv[1], NULL, 10)) == 0);
        PROBE_FAILS(mount("/tmp/disk", "/mnt", "ext4", 0, NULL), EPERM);
        PROBE_FAILS(mount("/", "/mnt", NULL, MS_BIND, NULL), EPERM);
        PROBE_FAILS(mount("none", "/mnt", "tmpfs", 0, NULL), EPERM);
        PROBE_FAILS(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL), EPERM);
        PROBE_FAILS(open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE), EPERM);
        PROBE_FAILS(syscall(SYS_pivot_root, ".", "."), EPERM);
        for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
                PROBE_FAILS(umount2(fixed[i], MNT_DETACH), EPERM);
        return 0;
}

static void no_path_leads_out(void **state)
{
        struct place *place = *state;

        open_plain(place);
        assert_probe(place, "climb", place->base);
}

static void init_is_out_of_reach_and_silent(void **state)
{
        struct place *place = *state;

        open_plain(place);
        assert_probe(place, "init");
}

static void nothing_can_be_mounted_or_unmounted(void **state)
{
        struct place *place = *state;
        autofree char *device = NULL;
        struct stat st;

        assert_int_equal(stat(place->root, &st), 0);
        device = bk_format("%llu", (unsigned long long)st.st_dev);
        open_plain(place);
        assert_probe(place, "mounts", device);
}

/* Files of /proc that are not a process', and of /sys, that are made to be written and open so. */
static int list_writable(const char *folder, unsigned depth)
{
        autodir DIR *dir = opendir(folder);
        int found = 0;

        if (dir == NULL || depth > 24)
                return 0;
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                autofree char *path = bk_format("%s/%s", folder, entry->d_name);

                if (entry->d_name[0] == '.' || (depth == 0 && strspn(entry->d_name, "0123456789") > 0))
                        continue;
                if (entry->d_type == DT_DIR)
                        found += list_writable(path, depth + 1);
                autoclose int fd = entry->d_type == DT_REG ? open(path, O_WRONLY | O_NONBLOCK) : -1;
                struct stat st;

                if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 0222) != 0) {
                        (void)fprintf(stderr, "%s\n", path);
                        found++;
                }
        }
        return found;
}

static int probe_kernel_files(int argc, char **argv)
{
        (void)argc;
        (void)argv;
        return list_writable("/proc", 0) + list_writable("/sys", 1) > 0;
}

static void the_kernels_settings_are_read_only(void **state)
{
        struct place *place = *state;

        open_plain(place);
        assert_probe(place, "kernel_files");
}

/* --- descriptors of ours, before a program of the image runs ------------------------------------ */

/* A folder of the host that the opener holds open, with a program in it. */
static int hold_source(struct place *place)
{
        autofree char *from = bk_format("%s/usr/bin/echo", place->base);
        int fd;

        place->source = bk_format("%s-source", place->root);
        assert_int_equal(mkdir(place->source, 0755), 0);
        assert_int_equal(host((const char *const[]){ "cp", from, place->source, NULL }, NULL), 0);
        fd = open(place->source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(fd > 2);
        return fd;
}

static void a_link_of_the_image_to_our_descriptors_leads_nowhere(void **state)
{
        struct place *place = *state;
        autofree char *policy = bk_format("%s/usr/sbin", place->root), *etc = bk_format("%s/etc", place->root);
        autofree char *target = NULL, *to = NULL, *list = NULL;
        int fd;

        need("root");
        fd = hold_source(place);
        target = bk_format("/proc/self/fd/%d", fd);
        to = bk_format("%s/usr/etc", place->root);
        assert_int_equal(rmdir(policy), 0);
        assert_int_equal(rename(etc, to), 0);
        assert_int_equal(symlink(target, policy), 0);
        assert_int_equal(symlink(target, etc), 0);
        /* Such an image may be refused. */
        if (chroot_open(&(struct chroot_config){ .root = place->root }, &place->chroot, NULL) == 0)
                close_sandbox(place);
        assert_int_equal(host((const char *const[]){ "ls", "-A", place->source, NULL }, &list), 0);
        assert_string_equal(list, "echo\n");
        (void)close(fd);
}

static void a_program_that_is_a_link_to_our_descriptors_does_not_start(void **state)
{
        struct place *place = *state;
        autofree char *link = bk_format("%s/usr/bin/bait", place->root), *target = NULL;
        const struct bk_run run = { .argv = (const char *const[]){ "bait", "caught", NULL }, .timeout_ms = COMMAND_TIMEOUT_MS };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };
        int fd;

        need("root");
        fd = hold_source(place);
        target = bk_format("/proc/self/fd/%d/echo", fd);
        assert_int_equal(symlink(target, link), 0);
        open_plain(place);
        assert_fails_with(chroot_run(place->chroot, &run, &result, &err), err, BK_NOT_FOUND);
        (void)close(fd);
}

static void an_image_whose_mount_points_are_links_is_refused(void **state)
{
        struct place *place = *state;
        static const char *const points[] = { "proc", "sys", "dev", "run", "tmp" };
        const struct chroot_config config = { .root = place->root };
        autofree char *by_fd = NULL, *list = NULL, *mounts = NULL;
        int fd;

        need("root");
        fd = hold_source(place);
        by_fd = bk_format("/proc/self/fd/%d", fd);
        const char *const targets[] = { "/", "/proc", "/etc", "/nowhere", "../../../../../../tmp", by_fd, place->source };

        for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
                autofree char *path = bk_format("%s/%s", place->root, points[i]);

                assert_int_equal(rmdir(path), 0);
                for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
                        autofree char *before = NULL, *after = NULL;
                        struct bk_error err = { 0 };

                        print_message("# /%s is a link to %s\n", points[i], t < 5 ? targets[t] : "a folder of the host");
                        assert_int_equal(symlink(targets[t], path), 0);
                        before = snapshot(place);
                        assert_fails_with(chroot_open(&config, &place->chroot, &err), err, BK_INVALID);
                        after = snapshot(place);
                        assert_string_equal(before, after);
                        assert_int_equal(unlink(path), 0);
                }
                assert_int_equal(mkdir(path, 0755), 0);
        }
        assert_int_equal(host((const char *const[]){ "ls", "-A", place->source, NULL }, &list), 0);
        assert_string_equal(list, "echo\n");
        assert_int_equal(bk_read_file("/proc/self/mountinfo", 1 << 20, &mounts, NULL, NULL), 0);
        assert_null(strstr(mounts, place->root));
        (void)close(fd);
}

/* The kernel keeps what runs from being written. */
static int probe_write_self(int argc, char **argv)
{
        (void)argc;
        (void)argv;
        PROBE_FAILS(open("/proc/self/exe", O_WRONLY), ETXTBSY);
        return 0;
}

static void a_program_that_is_a_link_to_our_executable_cannot_write_it(void **state)
{
        struct place *place = *state;
        autofree char *link = bk_format("%s/usr/bin/bait", place->root);
        struct bk_run_result result = { 0 };

        assert_int_equal(symlink("/proc/self/exe", link), 0);
        open_plain(place);
        run_inside(place, (const char *const[]){ "bait", "write_self", NULL }, &result);
        assert_string_equal(result.err, "");
        assert_int_equal(result.status, 0);
        bk_run_result_done(&result);
}

/* A crash inside must not start the host's crash handler as the host's root. */
static void a_crash_inside_is_not_handled_by_the_host(void **state)
{
        struct place *place = *state;

        open_plain(place);
        assert_prints(place, "while read -r line; do case $line in *core*) echo $line;; esac; done < /proc/self/limits",
                      "Max core file size 1 1 bytes\n");
}

/* True while `name` of /proc runs a program that is not of the image and may be looked into. */
static bool is_prey(const char *name)
{
        autofree char *link = bk_format("/proc/%s/exe", name);
        autofree char *arguments = bk_format("/proc/%s/cmdline", name), *text = NULL;
        char target[4096] = "", after[4096] = "";
        struct stat theirs, ours;

        /* The opener's command line: inside, this program has another name. */
        if (bk_read_file(arguments, 1 << 20, &text, NULL, NULL) == 0 && strstr(text, "test_chroot") != NULL)
                return true;
        /* A shell of the image that becomes another program between two looks is no prey. */
        return readlink(link, target, sizeof target - 1) > 0 && stat(link, &theirs) == 0 &&
               (stat(target, &ours) < 0 || ours.st_ino != theirs.st_ino) &&
               readlink(link, after, sizeof after - 1) > 0 && strcmp(target, after) == 0;
}

/* Leaves a process that watches for others that are not of the image's programs yet. */
static int probe_watch(int argc, char **argv)
{
        int ready[2];
        char byte;

        (void)argc;
        (void)argv;
        PROBE(pipe(ready) == 0);
        const pid_t pid = fork();

        PROBE(pid >= 0);
        if (pid > 0)
                return read(ready[0], &byte, 1) != 1;
        (void)setsid();
        for (bool said = false;;) {
                autodir DIR *proc = opendir("/proc");

                for (struct dirent *entry; (entry = readdir(proc)) != NULL;)
                        if (atol(entry->d_name) > 1 && is_prey(entry->d_name))
                                (void)close(open("/run/caught", O_WRONLY | O_CREAT, 0600));
                if (!said && write(ready[1], "x", 1) == 1)
                        said = close(0) == 0 && close(1) == 0 && close(2) == 0;
        }
}

static void a_command_cannot_be_looked_into_before_it_is_the_images(void **state)
{
        struct place *place = *state;
        struct bk_buf path = { 0 };
        const char *env[2] = { NULL };
        const struct bk_run run = { .argv = (const char *const[]){ "true", NULL }, .env = env, .timeout_ms = COMMAND_TIMEOUT_MS };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };

        bk_buf_puts(&path, "PATH=");
        for (int i = 0; i < 20000; i++)         /* a long search, so that there is time to look */
                bk_buf_puts(&path, "/-:");
        bk_buf_puts(&path, "/usr/bin");
        open_plain(place);
        assert_probe(place, "watch");
        env[0] = path.data;
        assert_ok(chroot_run(place->chroot, &run, &result, &err), err);
        bk_buf_done(&path);
        assert_int_equal(result.status, 0);
        assert_prints(place, "ls -A /run", "bakery\nlock\n");
}

static int probe_shm(int argc, char **argv)
{
        (void)argc;
        PROBE_FAILS(shmctl(atoi(argv[1]), IPC_STAT, &(struct shmid_ds){ 0 }), EINVAL);
        return 0;
}

static void shared_memory_of_the_host_is_out_of_reach(void **state)
{
        struct place *place = *state;
        const int id = shmget(IPC_PRIVATE, 4096, 0600);
        autofree char *text = bk_format("%d", id);
        struct bk_run_result result = { 0 };

        assert_true(id >= 0);
        open_plain(place);
        run_inside(place, (const char *const[]){ "/probe", "shm", text, NULL }, &result);
        assert_int_equal(shmctl(id, IPC_RMID, NULL), 0);
        assert_int_equal(result.status, 0);
        bk_run_result_done(&result);
}

/* --- ends ------------------------------------------------------------------------------------------ */

static int probe_massacre(int argc, char **argv)
{
        (void)argc;
        (void)argv;
        PROBE(kill(-1, SIGKILL) == 0 || errno == ESRCH);
        for (int sig = 1; sig <= SIGRTMAX; sig++)
                if (sig != 32 && sig != 33)     /* the C library's own */
                        PROBE(kill(1, sig) == 0);
        return 0;
}

static void kill_all_ends_only_the_inside(void **state)
{
        struct place *place = *state;
        autostrv struct bk_strv left = { 0 };
        struct bk_error err = { 0 };

        open_plain(place);
        do_shell(place, "setsid sleep 1000 >/dev/null 2>&1 &");
        assert_probe(place, "massacre");
        assert_prints(place, "cat /proc/1/comm", "bakery-init\n");
        assert_ok(chroot_close(bk_take(place->chroot), &left, &err), err);
        assert_int_equal(left.n, 0);
        open_plain(place);
        assert_prints(place, "echo again", "again\n");
}

int main(int argc, char **argv)
{
        static const struct probe probes[] = {
                { "syscalls", probe_syscalls }, { "sync", probe_sync }, { "setuid", probe_setuid }, { "mknod", probe_mknod },
                { "nodes", probe_nodes }, { "climb", probe_climb }, { "init", probe_init }, { "mounts", probe_mounts },
                { "kernel_files", probe_kernel_files }, { "watch", probe_watch },
                { "write_self", probe_write_self }, { "shm", probe_shm }, { "massacre", probe_massacre },
#ifdef __x86_64__
                { "other_abis", probe_other_abis },
#endif
        };
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(capabilities_are_the_listed_ones),
                TEST(calls_that_reach_the_hosts_kernel_are_refused),
                TEST(other_calling_conventions_are_refused_too),
                TEST(sync_calls_succeed_and_do_nothing),
                TEST(a_service_can_give_up_root),
                TEST(a_device_node_made_inside_does_not_open),
                TEST(device_nodes_are_not_the_hosts),
                TEST(no_path_leads_out),
                TEST(init_is_out_of_reach_and_silent),
                TEST(nothing_can_be_mounted_or_unmounted),
                TEST(the_kernels_settings_are_read_only),
                TEST(a_link_of_the_image_to_our_descriptors_leads_nowhere),
                TEST(an_image_whose_mount_points_are_links_is_refused),
                TEST(a_program_that_is_a_link_to_our_descriptors_does_not_start),
                TEST(a_program_that_is_a_link_to_our_executable_cannot_write_it),
                TEST(a_crash_inside_is_not_handled_by_the_host),
                TEST(a_command_cannot_be_looked_into_before_it_is_the_images),
                TEST(shared_memory_of_the_host_is_out_of_reach),
                TEST(kill_all_ends_only_the_inside),
        };

        if (argc > 1)
                return probe_main(probes, sizeof probes / sizeof *probes, argc - 1, argv + 1);
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
