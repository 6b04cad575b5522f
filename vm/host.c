/* The place where the embedded driver lives: a tmpfs of this process' own mount namespace, so that nothing of it
 * outlives the process and any number of bakes have one each. */
#include "vm/guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "vm/domain.h"

enum { VARS_MOST = 64 << 20 };

static const char QEMU_USER[] = "libvirt-qemu";         /* Debian's libvirt runs QEMU as it */

/* libvirt may not touch the files of the store (a change of owner would touch a sealed layer), nor the host's cgroups; there
 * is no virtlogd to hand the console's log to. QEMU's own seccomp sandbox stays on. */
static const char configuration[] =
        "dynamic_ownership = 0\n"
        "remember_owner = 0\n"
        "namespaces = []\n"
        "cgroup_controllers = []\n"
        "security_driver = \"none\"\n"
        "stdio_handler = \"file\"\n"
        "swtpm_user = \"libvirt-qemu\"\n"
        "swtpm_group = \"libvirt-qemu\"\n"
        "max_core = 0\n";
static const char LOCKS[] = "/var/lock";                /* libvirt's, of consoles */
/* Where swtpm keeps the authority that signs its certificates; it runs as QEMU's user here. */
static const char TPM_AUTHORITY[] = "/var/lib/swtpm-localca";

static int bind_folder(const char *from, const char *to, struct bk_error *err)
{
        if (bk_mkdir_p(from, err) < 0 || bk_mkdir_p(to, err) < 0)
                return -1;
        if (mount(from, to, NULL, MS_BIND, NULL) < 0)
                return bk_fail_errno(err, "cannot make '%s' visible to guests", from);
        return 0;
}

/* QEMU's user must get through the folders of the store; what lies in them says by itself who may read it. */
static int let_through(const char *store, struct bk_error *err)
{
        static const char *const inner[] = { "", "/layers", "/drafts" };

        for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
                autofree char *path = bk_format("%s%s", store, inner[i]);
                struct stat st;

                if (stat(path, &st) < 0)
                        return bk_fail_errno(err, "cannot look at '%s'", path);
                if ((st.st_mode & S_IXOTH) == 0 && chmod(path, (st.st_mode & 07777) | S_IXOTH) < 0)
                        return bk_fail_errno(err, "cannot let guests through '%s'", path);
        }
        return 0;
}

static int configure(const struct vm_host *host, struct bk_error *err)
{
        const unsigned min = host->vnc_port_min ? host->vnc_port_min : 5900, max = host->vnc_port_max ? host->vnc_port_max : 65535;
        autofree char *text = bk_format("%sremote_display_port_min = %u\nremote_display_port_max = %u\n", configuration, min, max);

        return bk_publish_bytes(VM_HOST_ROOT "/etc/qemu.conf", text, strlen(text), 0644, err);
}

static int own_authority(struct bk_error *err)
{
        if (!bk_exists(TPM_AUTHORITY))
                return 0;
        if (mount("tmpfs", TPM_AUTHORITY, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0)
                return bk_fail_errno(err, "cannot mount a tmpfs on '%s'", TPM_AUTHORITY);
        return vm_host_give(TPM_AUTHORITY, err);
}

int vm_host_enter(const struct vm_host *host, struct bk_error *err)
{
        autofree char *cache = bk_format("%s/cache/libvirt", host->home);

        if (getpwnam(QEMU_USER) == NULL)
                return bk_fail(err, BK_NOT_FOUND, "there is no user '%s' for guests to run as; install libvirt-daemon-system (or run `make deps`)",
                               QEMU_USER);
        if (bk_mkdir_p(VM_HOST_ROOT, err) < 0)
                return -1;
        if (mount("tmpfs", VM_HOST_ROOT, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
                return bk_fail_errno(err, "cannot mount a tmpfs on '%s'", VM_HOST_ROOT);
        /* A console is locked by its number, which others have in other namespaces; a lock outlives a process that is killed. */
        if (bk_exists(LOCKS) && mount("tmpfs", LOCKS, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
                return bk_fail_errno(err, "cannot mount a tmpfs on '%s'", LOCKS);
        if (bind_folder(cache, VM_HOST_ROOT "/cache/qemu/capabilities", err) < 0 || bk_mkdir_p(VM_HOST_ROOT "/etc", err) < 0 ||
            bk_mkdir_p(VM_HOST_ROOT "/log", err) < 0 || configure(host, err) < 0 || own_authority(err) < 0)
                return -1;
        /* Read when libvirt is initialised; it would print to our standard error. */
        (void)setenv("LIBVIRT_LOG_OUTPUTS", "3:file:" VM_HOST_ROOT "/log/libvirt.log", 1);
        if (host->store == NULL)
                return 0;
        return let_through(host->store, err) < 0 ? -1 : bind_folder(host->store, VM_HOST_ROOT "/store", err);
}

int vm_host_give(const char *path, struct bk_error *err)
{
        const struct passwd *user = getpwnam(QEMU_USER);
        autodir DIR *dir = NULL;

        if (user == NULL)
                return bk_fail(err, BK_NOT_FOUND, "there is no user '%s'; install libvirt-daemon-system", QEMU_USER);
        if (lchown(path, user->pw_uid, user->pw_gid) < 0)
                return bk_fail_errno(err, "cannot give '%s' to %s", path, QEMU_USER);
        dir = opendir(path);
        if (dir == NULL)
                return errno == ENOTDIR ? 0 : bk_fail_errno(err, "cannot list '%s'", path);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
                if (entry->d_name[0] != '.' &&
                    fchownat(dirfd(dir), entry->d_name, user->pw_uid, user->pw_gid, AT_SYMLINK_NOFOLLOW) < 0)
                        return bk_fail_errno(err, "cannot give '%s/%s' to %s", path, entry->d_name, QEMU_USER);
        return 0;
}

int vm_host_efi(struct vm_domain *domain, struct bk_error *err)
{
        static const struct { const char *code, *vars; } ovmf[] = {
                { "/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd" },
                { "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd" },
        };
        static const char copy[] = VM_HOST_GUEST "/vars.fd";
        autofree char *bytes = NULL;
        size_t length = 0;

        if (bk_mkdir_p(VM_HOST_GUEST, err) < 0 ||
            bk_read_file(domain->vars ? domain->vars : ovmf[domain->secure_boot].vars, VARS_MOST, &bytes, &length, err) < 0 ||
            bk_publish_bytes(copy, bytes, length, 0600, err) < 0 || vm_host_give(copy, err) < 0)
                return bk_wrap(err, "UEFI variables (package ovmf)");
        domain->firmware = VM_EFI;
        if (domain->code == NULL)
                domain->code = ovmf[domain->secure_boot].code;
        domain->vars = copy;
        return 0;
}
