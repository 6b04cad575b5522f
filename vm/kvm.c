/* Is KVM worth using? The device opening says nothing: nested and emulated
 * hosts offer one on which firmware crawls. So a whole machine is booted: firmware and
 * one boot sector, which ends it. */
#include "vm/vm.h"

#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/run.h"

enum {
        EXIT_PORT = 0xf4,       /* of QEMU's isa-debug-exit; it exits with 2 * value + 1 */
        EXIT_VALUE = 0x10,
        DEADLINE_MS = 3000,     /* with a working KVM the machine takes a few tenths of a second */
};

/* mov al, EXIT_VALUE; out EXIT_PORT, al; hlt; jmp to the hlt */
static const unsigned char code[] = { 0xb0, EXIT_VALUE, 0xe6, EXIT_PORT, 0xf4, 0xeb, 0xfd };

static int write_sector(const char *path, struct bk_error *err)
{
        unsigned char sector[512] = { 0 };

        memcpy(sector, code, sizeof code);
        sector[510] = 0x55;
        sector[511] = 0xaa;
        return bk_publish_bytes(path, sector, sizeof sector, 0600, err);
}

/* What the verdict is valid for. */
static char *identity(void)
{
        struct utsname host;
        struct stat qemu = { 0 }, device = { 0 };

        (void)uname(&host);
        (void)stat("/usr/bin/qemu-system-x86_64", &qemu);
        (void)stat("/dev/kvm", &device);
        return bk_format("%s %s %s %ld.%09ld %lx", host.nodename, host.release, host.version, (long)qemu.st_mtim.tv_sec,
                         qemu.st_mtim.tv_nsec, (unsigned long)device.st_rdev);
}

static bool recall(const char *path, const char *who, struct vm_kvm *ret)
{
        json_t *kept = json_load_file(path, 0, NULL);
        const char *known = NULL, *why = NULL;
        json_int_t ms;
        int usable;
        const bool found = kept != NULL && json_unpack(kept, "{s:s, s:b, s:I, s:s}", "host", &known, "usable", &usable, "boot_ms", &ms,
                                                       "why", &why) == 0 && bk_streq(known, who);

        if (found) {
                *ret = (struct vm_kvm){ .usable = usable, .cached = true, .boot_ms = ms };
                (void)snprintf(ret->why, sizeof ret->why, "%s", why);
        }
        json_decref(kept);
        return found;
}

static int keep(const char *path, const char *who, const struct vm_kvm *kvm, struct bk_error *err)
{
        json_t *verdict = json_pack("{s:s, s:b, s:I, s:s}", "host", who, "usable", kvm->usable, "boot_ms", (json_int_t)kvm->boot_ms,
                                    "why", kvm->why);
        autofree char *text = json_dumps(verdict, JSON_INDENT(2));

        json_decref(verdict);
        return bk_publish_bytes(path, text, strlen(text), 0644, err);
}

static int boot(const char *sector, struct vm_kvm *ret, struct bk_error *err)
{
        autofree char *drive = bk_format("file=%s,format=raw,if=ide,readonly=off,snapshot=on", sector);
        autofree char *port = bk_format("isa-debug-exit,iobase=0x%x,iosize=1", EXIT_PORT);
        const char *const argv[] = { "qemu-system-x86_64", "-accel", "kvm", "-machine", "pc", "-m", "16", "-nodefaults", "-display", "none",
                                     "-no-reboot", "-device", port, "-drive", drive, NULL };
        const struct bk_run run = { .argv = argv, .timeout_ms = DEADLINE_MS };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        struct bk_error failure = { 0 };
        const int64_t before = bk_now_ms();

        *ret = (struct vm_kvm){ .boot_ms = -1 };
        if (bk_run_with(&run, &result, &failure) < 0 && failure.kind != BK_TIMEOUT) {
                if (err != NULL)
                        *err = failure;
                return -1;
        }
        if (failure.kind == BK_TIMEOUT) {
                (void)snprintf(ret->why, sizeof ret->why, "/dev/kvm opens, but a machine that should boot in tenths of a second did not in %d s",
                               DEADLINE_MS / 1000);
        } else if (result.status != 2 * EXIT_VALUE + 1) {
                (void)snprintf(ret->why, sizeof ret->why, "KVM cannot be used: %.200s", *result.err ? result.err : "QEMU ended early");
                ret->why[strcspn(ret->why, "\n")] = '\0';
        } else {
                ret->usable = true;
                ret->boot_ms = bk_now_ms() - before;
                (void)snprintf(ret->why, sizeof ret->why, "KVM works: a machine boots in %lld ms", (long long)ret->boot_ms);
        }
        return 0;
}

int vm_kvm_probe(const char *home, bool refresh, struct vm_kvm *ret, struct bk_error *err)
{
        autofree char *folder = bk_format("%s/cache", home), *path = bk_format("%s/kvm.json", folder);
        autofree char *name = bk_random_name(), *sector = bk_format("%s/kvm-%s.img", folder, name), *who = identity();
        int result;

        if (!refresh && recall(path, who, ret))
                return 0;
        if (access("/dev/kvm", R_OK | W_OK) < 0) {
                *ret = (struct vm_kvm){ .boot_ms = -1 };
                (void)snprintf(ret->why, sizeof ret->why, "/dev/kvm does not open: %s", strerror(errno));
                return 0;
        }
        if (bk_mkdir_p(folder, err) < 0 || write_sector(sector, err) < 0)
                return bk_wrap(err, "KVM probe");
        result = boot(sector, ret, err);
        (void)unlink(sector);
        if (result < 0)
                return bk_wrap(err, "KVM probe");
        return keep(path, who, ret, err);
}
