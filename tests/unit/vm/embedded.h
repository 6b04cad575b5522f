/* libvirt's embedded driver for tests, as bakes have it: in namespaces of its own, so that nothing outlives the test. */
#pragma once
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <pthread.h>
#include <sys/wait.h>

#include "tests/unit/test.h"

#include "layers/layer.h"
#include "lib/fs.h"
#include "lib/run.h"
#include "tests/unit/vm/machines.h"

/* Reports of the child: a line each, "ok NAME", "skip NAME why" or "not NAME why". */
static FILE *report;

static void die(const char *why)
{
        (void)fprintf(report, "not ready: %s\n", why);
        (void)fflush(report);
        _exit(1);
}

static void file(const char *path, off_t size)
{
        const int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

        if (fd < 0 || ftruncate(fd, size) < 0)
                die(path);
        (void)close(fd);
}

static void furnish(void)
{
        static const char *const raw[] = { SECOND, CD, SEED, ROOM "/2.raw", ROOM "/3.raw", ROOM "/4.raw", ROOM "/5.raw" };
        const struct vm_host host = { .home = ROOM "/home" };
        struct vm_domain efi = { 0 };           /* for its variables, which are VARS */
        struct bk_error err = { 0 };

        if (vm_host_enter(&host, &err) < 0 || vm_host_efi(&efi, &err) < 0 || layer_disk_create(DISK, 16 << 20, &err) < 0)
                die(err.text);
        for (size_t i = 0; i < sizeof raw / sizeof *raw; i++)
                file(raw[i], 1 << 20);
        file(FLOPPY, 1440 * 1024);
        if (vm_host_give(ROOM, &err) < 0)
                die(err.text);
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
        virSetErrorFunc(NULL, silent);
        if (virEventRegisterDefaultImpl() < 0 || pthread_create(&thread, NULL, events, NULL) != 0)
                die("events");
        libvirt = virConnectOpen("qemu:///embed?root=" ROOM);
        if (libvirt == NULL)
                die(virGetLastErrorMessage());
        body(libvirt);
        (void)fprintf(report, "end\n");
        (void)fflush(report);
        _exit(0);
}

/* libvirt's QEMUs are daemons: their parent is gone, and libvirt takes one that nobody waits for as one that will not die. So the first
 * process of the namespace does nothing but wait. */
static void first(int to, void (*body)(virConnectPtr libvirt))
{
        struct bk_error err = { 0 };
        pid_t driver;

        report = fdopen(to, "w");
        if (report == NULL)
                _exit(2);
        if (bk_own_mounts(&err) < 0)
                die(err.text);
        driver = fork();
        if (driver == 0)
                drive(body);
        _exit(bk_reap_until(driver));
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
        pid = bk_fork_isolated();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)close(ends[0]);
                first(ends[1], body);
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
