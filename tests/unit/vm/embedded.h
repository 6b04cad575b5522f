/* libvirt's embedded driver for tests, with all that it needs, in a mount and a
 * pid namespace of its own, so that nothing outlives the test: when the
 * namespace's first process ends, every QEMU does. */
#pragma once
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/unit/test.h"

#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/run.h"
#include "tests/unit/vm/machines.h"

#define STATE ROOM "/v"         /* short: it is part of the paths of sockets */

#define AUTHORITY "/var/lib/swtpm-localca"

static const char qemu_conf[] = "dynamic_ownership = 0\nremember_owner = 0\nnamespaces = []\ncgroup_controllers = []\n"
                                "security_driver = \"none\"\nstdio_handler = \"file\"\n"
                                "swtpm_user = \"libvirt-qemu\"\nswtpm_group = \"libvirt-qemu\"\n";

/* Reports of the child: a line each, "ok NAME", "skip NAME why" or "not NAME why". */
static FILE *report;

static void die(const char *what)
{
        (void)fprintf(report, "not %s: %s\n", what, strerror(errno));
        (void)fflush(report);
        _exit(1);
}

static void file(const char *path, off_t size)
{
        const int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0666);

        if (fd < 0 || ftruncate(fd, size) < 0 || fchmod(fd, 0666) < 0)
                die(path);
        (void)close(fd);
}

static void copy(const char *from, const char *to)
{
        const char *const argv[] = { "cp", from, to, NULL };
        struct bk_error err = { 0 };

        if (bk_run(argv, 30000, NULL, &err) < 0 || chmod(to, 0666) < 0)
                die(err.text[0] != '\0' ? err.text : to);
}

/* QEMU runs as another user: the files are everybody's. */
static void furnish(void)
{
        static const char *const raw[] = { SECOND, CD, SEED, ROOM "/2.raw", ROOM "/3.raw", ROOM "/4.raw", ROOM "/5.raw" };
        const char *const qemu_img[] = { "qemu-img", "create", "-q", "-f", "qcow2", DISK, "16M", NULL };
        struct bk_error err = { 0 };

        (void)umask(0);
        if (mkdir(ROOM, 0755) < 0 && errno != EEXIST)
                die(ROOM);
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount("bakery", ROOM, "tmpfs", 0, "mode=0755") < 0 ||
            mount("proc", "/proc", "proc", 0, NULL) < 0)
                die("mount");
        if (bk_mkdir_p(STATE "/etc", &err) < 0 ||
            bk_publish_bytes(STATE "/etc/qemu.conf", qemu_conf, sizeof qemu_conf - 1, 0644, &err) < 0 || bk_run(qemu_img, 30000, NULL, &err) < 0)
                die(err.text);
        if (chmod(DISK, 0666) < 0)
                die(DISK);
        for (size_t i = 0; i < sizeof raw / sizeof *raw; i++)
                file(raw[i], 1 << 20);
        file(FLOPPY, 1440 * 1024);
        copy("/usr/share/OVMF/OVMF_VARS_4M.fd", VARS);
}

/* swtpm makes sockets that only its own user may use, so it runs as QEMU's; then it needs a certificate authority of its own. */
static void furnish_tpm(void)
{
        const struct passwd *const user = getpwnam("libvirt-qemu");

        if (bk_exists(AUTHORITY) && user != NULL &&
            (mount("bakery", AUTHORITY, "tmpfs", 0, "mode=0700") < 0 || chown(AUTHORITY, user->pw_uid, user->pw_gid) < 0))
                die(AUTHORITY);
}

static void *events(void *arg)
{
        for (;;)
                (void)virEventRunDefaultImpl();
        return arg;
}

static void silent(void *arg, virErrorPtr error)
{
        (void)arg;
        (void)error;
}

static void drive(void (*body)(virConnectPtr libvirt))
{
        pthread_t thread;
        virConnectPtr libvirt;

        furnish();
        furnish_tpm();
        virSetErrorFunc(NULL, silent);
        if (virEventRegisterDefaultImpl() < 0 || pthread_create(&thread, NULL, events, NULL) != 0)
                die("events");
        libvirt = virConnectOpen("qemu:///embed?root=" STATE);
        if (libvirt == NULL) {
                (void)fprintf(report, "not opened: %s\n", virGetLastErrorMessage());
                (void)fflush(report);
                _exit(1);
        }
        body(libvirt);
        (void)fprintf(report, "end\n");
        (void)fflush(report);
        _exit(0);
}

/* libvirt's QEMUs are daemons: their parent is gone, and libvirt takes one that nobody waits for as one that will not die. So the first
 * process of the namespace does nothing but wait. */
static void first(void (*body)(virConnectPtr libvirt))
{
        const pid_t driver = fork();
        pid_t pid;
        int status = 0;

        if (driver == 0)
                drive(body);
        do {
                pid = wait(&status);
        } while (pid != driver && pid > 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
}

static void secluded(int to, void (*body)(virConnectPtr libvirt))
{
        pid_t pid;
        int status = 0;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        report = fdopen(to, "w");
        if (report == NULL || unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
                _exit(2);
        pid = fork();
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
                first(body);
        }
        (void)waitpid(pid, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 3);
}

/* Runs body there; every line of its report must be "ok". */
static void with_libvirt(void (*body)(virConnectPtr libvirt))
{
        char line[4096];
        unsigned ok = 0, wrong = 0;
        bool ended = false;
        int ends[2];
        FILE *from;
        pid_t pid;

        need("root");
        need("qemu-system-x86_64");
        need("qemu-img");
        if (!bk_exists(OVMF) || !bk_exists("/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so")) {
                print_message("# skipped: needs OVMF and libvirt's driver of QEMU\n");
                skip();
        }
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid = fork();
        if (pid == 0) {
                (void)close(ends[0]);
                secluded(ends[1], body);
        }
        (void)close(ends[1]);
        from = fdopen(ends[0], "r");
        assert_non_null(from);
        while (fgets(line, sizeof line, from) != NULL) {
                print_message("# %s", line);
                ok += strncmp(line, "ok ", 3) == 0;
                wrong += strncmp(line, "not ", 4) == 0;
                ended |= strncmp(line, "end", 3) == 0;
        }
        (void)fclose(from);
        (void)waitpid(pid, NULL, 0);
        assert_int_equal(wrong, 0);
        assert_true(ended && ok > 0);
}
