/* boot: an image, as a machine, without writing to it. Its serial console is this terminal. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "bakery/bake/bake.h"
#include "bakery/cmd/cmd.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/lease.h"
#include "lib/run.h"
#include "vm/domain.h"
#include "vm/guest.h"
#include "vm/vm.h"

enum { ESCAPE = 0x1d /* Ctrl-] */, TICK_MS = 200 };

static const struct cmd_flag flags[] = {
        { "firmware", "NAME", false, "bios (default) or efi" },
        { "memory", "MIB", false, "memory; 1024 where not given" },
        { "cpus", "N", false, "processors; 1 where not given" },
        { "vnc", NULL, false, "show its screen on a VNC display, too, and say where" },
        { "ssh", NULL, false, "say which port of 127.0.0.1 leads to its port 22" },
        { "disk", "BUS", false, "virtio (default), sata, scsi, usb" },
};

struct boot {
        const struct cmd_args *args;
        struct cmd_state state;
        struct bk_lease lease;
        char *id;
        struct vm_kvm kvm;
};

/* --- in the guest's process ------------------------------------------------------------- */

static void on_serial(void *arg, const char *bytes, size_t length)
{
        (void)arg;
        (void)!bk_write_all(STDOUT_FILENO, bytes, length, NULL);
}

static int describe(const struct boot *boot, char **ret, struct bk_error *err)
{
        autofree char *disk = bk_format(VM_HOST_ROOT "/store/drafts/%s.qcow2", boot->id);
        const char *bus = cmd_value(boot->args, "disk"), *firmware = cmd_value(boot->args, "firmware");
        struct vm_domain domain = {
                .name = boot->id, .kvm = boot->kvm.usable, .machine = "q35", .memory = (uint64_t)cmd_number(boot->args, "memory", 16, 1024) << 20,
                .sockets = (unsigned)cmd_number(boot->args, "cpus", 1, 1), .network = true, .net_device = "virtio-net", .vnc_port = -1,
                .vnc = cmd_switch(boot->args, "vnc"), .n_disks = 1,
                .disks = { { .path = disk, .format = "qcow2", .bus = bus ? bus : "virtio", .cache = "unsafe" } },
        };

        if (firmware != NULL && !bk_streq(firmware, "bios") && !bk_streq(firmware, "efi"))
                return bk_fail(err, BK_USAGE, "-firmware is bios or efi, not '%s'", firmware);
        if (bk_streq(firmware, "efi") && vm_host_efi(&domain, err) < 0)
                return -1;
        return vm_domain_xml(&domain, ret, err);
}

static int announce(const struct boot *boot, struct vm_guest *guest, struct bk_error *err)
{
        autofree char *vnc = vm_guest_vnc(guest);
        unsigned port = 0;

        if (!boot->kvm.usable)
                (void)fprintf(stderr, "emulating, which is slow: %s\n", boot->kvm.why);
        if (vnc != NULL)
                (void)fprintf(stderr, "its screen: vnc://%s\n", vnc);
        if (cmd_switch(boot->args, "ssh")) {
                if (vm_guest_forward(guest, 22, 0, 0, &port, err) < 0)
                        return -1;
                (void)fprintf(stderr, "its SSH: ssh -p %u root@127.0.0.1\n", port);
        }
        if (isatty(STDIN_FILENO))
                (void)fprintf(stderr, "Ctrl-] ends it\n");
        return 0;
}

/* 1: the user has had enough. */
static int type_from(int fd, struct vm_guest *guest, bool *open, struct bk_error *err)
{
        char bytes[256];
        const ssize_t got = read(fd, bytes, sizeof bytes);
        const char *escape = got > 0 && isatty(fd) ? memchr(bytes, ESCAPE, (size_t)got) : NULL;
        size_t length = got > 0 ? (size_t)got : 0;

        *open = got > 0;
        if (escape != NULL)
                length = (size_t)(escape - bytes);
        if (length > 0 && vm_guest_serial_write(guest, bytes, length, err) < 0)
                return -1;
        return escape != NULL;
}

static int talk(struct vm_guest *guest, struct bk_error *err)
{
        bool open = true;

        for (;;) {
                struct pollfd input = { .fd = open ? STDIN_FILENO : -1, .events = POLLIN };
                struct bk_error still = { 0 };
                int done;

                if (poll(&input, 1, TICK_MS) > 0 && input.revents != 0) {
                        done = type_from(STDIN_FILENO, guest, &open, err);
                        if (done != 0)
                                return done < 0 ? -1 : 0;
                }
                if (vm_guest_wait_off(guest, 0, &still) == 0)
                        return 0;
                if (still.kind != BK_TIMEOUT) {
                        *err = still;
                        return -1;
                }
        }
}

static int run_guest(const struct boot *boot, struct bk_error *err)
{
        const struct layer_store *at = &boot->state.store;
        autofree char *store = bk_format("%s/store", at->home), *draft = layer_draft_path(at, boot->id), *xml = NULL;
        const struct vm_host host = { .home = at->home, .store = store };
        struct vm_guest_config config = { .on_serial = on_serial };
        struct vm_guest *guest = NULL;
        int result;

        if (vm_host_enter(&host, err) < 0 || vm_host_give(draft, err) < 0 || describe(boot, &xml, err) < 0)
                return -1;
        config.xml = xml;
        if (vm_guest_start(&config, &guest, err) < 0)
                return -1;
        result = announce(boot, guest, err);
        if (result == 0)
                result = talk(guest, err);
        vm_guest_end(guest);
        return result;
}

_Noreturn static void guest_process(const struct boot *boot)
{
        struct bk_error err = { 0 };

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(run_guest(boot, &err) < 0 ? cmd_fail(&err) : 0);
}

/* Pid 1 of its namespace, which reaps what libvirt leaves. */
_Noreturn static void first_process(const struct boot *boot)
{
        struct bk_error err = { 0 };
        pid_t pid;
        int status;

        if (bk_lease_note_self(&boot->lease, &err) < 0 || bk_own_mounts(&err) < 0)
                _exit(cmd_fail(&err));
        pid = fork();
        if (pid == 0)
                guest_process(boot);
        if (pid < 0) {
                bk_fail_errno(&err, "cannot start a process for the guest");
                _exit(cmd_fail(&err));
        }
        status = bk_reap_until(pid);
        _exit(status < 0 ? 6 : status);
}

/* --- around it ------------------------------------------------------------------------------ */

static struct termios terminal;
static volatile pid_t child;

static void on_signal(int number)
{
        (void)number;
        if (child > 0)
                (void)kill(child, SIGKILL);
}

static bool raw_terminal(void)
{
        struct termios raw;

        if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &terminal) < 0)
                return false;
        raw = terminal;
        cfmakeraw(&raw);
        raw.c_oflag |= OPOST;   /* our own words keep their line ends */
        return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

static int run_isolated(const struct boot *boot)
{
        static const int ending[] = { SIGINT, SIGTERM, SIGHUP };
        struct sigaction action = { .sa_handler = on_signal };
        struct bk_error err = { 0 };
        int status;
        bool raw;

        (void)fflush(NULL);
        child = bk_fork_isolated();
        if (child == 0)
                first_process(boot);
        if (child < 0) {
                bk_fail_errno(&err, "cannot make namespaces for the guest");
                return cmd_fail(&err);
        }
        for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
                (void)sigaction(ending[i], &action, NULL);
        raw = raw_terminal();
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        if (raw)
                (void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int prepare(struct boot *boot, struct bk_error *err)
{
        const struct layer_store *store = &boot->state.store;
        autofree char *leases = NULL;

        if (geteuid() != 0)
                return bk_fail(err, BK_DENIED, "booting an image needs root, for namespaces of its own; run it with sudo");
        if (cmd_open_image(boot->args, &boot->state, err) < 0)
                return -1;
        reg_close(bk_take(boot->state.reg));    /* a fork must not have it open */
        if (bake_reap(store, err) < 0 || layer_verify(store, boot->state.image.layer, false, err) < 0 ||
            vm_kvm_probe(store->home, false, &boot->kvm, err) < 0)
                return -1;
        leases = bk_format("%s/leases", store->run);
        if (bk_lease_take(leases, &boot->lease, err) < 0 || bk_lease_note(&boot->lease, "draft", boot->id, err) < 0)
                return -1;
        return layer_draft_overlay(store, boot->id, boot->state.image.layer, err);
}

static int run(const struct cmd_args *args)
{
        struct boot boot = { .args = args, .lease = BK_LEASE_NONE, .id = bk_random_name() };
        struct bk_error err = { 0 };
        int code;

        if (prepare(&boot, &err) < 0)
                code = cmd_fail(&err);
        else
                code = run_isolated(&boot);
        if (boot.lease.fd >= 0 && layer_draft_remove(&boot.state.store, boot.id, &err) < 0) {
                code = cmd_fail(&err);
                bk_lease_leave(&boot.lease);
        }
        bk_lease_done(&boot.lease);
        cmd_state_done(&boot.state);
        free(boot.id);
        return code;
}

const struct cmd cmd_boot = {
        "boot", "IMAGE", 1, 1, "boot an image, without writing to it",
        "A throw-away overlay is booted with the image's serial console on this terminal; Ctrl-] ends it, as does its power off. "
        "IMAGE is a digest, name, name:channel or query.",
        CMD_FLAGS(flags), run,
};
