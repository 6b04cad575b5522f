/* doctor: is this host able to bake, and what is to be done where it is not?
 *
 * Checks are rows. What can be tried is tried: opening /dev/kvm says nothing,
 * and a module's name in a list says little. */
#include <fcntl.h>
#include <jansson.h>
#include <linux/loop.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "bakery/cmd/cmd.h"
#include "layers/foundation.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/lazy.h"
#include "vm/vm.h"

enum verdict { GOOD, WARNING, BAD };

struct finding { enum verdict verdict; char *what, *todo; };

static struct finding good(char *what)
{
        return (struct finding){ GOOD, what, NULL };
}

static struct finding bad(enum verdict verdict, char *what, const char *todo)
{
        return (struct finding){ verdict, what, bk_strdup(todo) };
}

static struct finding check_root(const char *home)
{
        (void)home;
        return geteuid() == 0 ? good(bk_strdup("running as root"))
                              : bad(BAD, bk_strdup("not running as root"), "bake with sudo; queries need no root");
}

static struct finding check_fuse(const char *home)
{
        autoclose int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

        (void)home;
        return fd >= 0 ? good(bk_strdup("/dev/fuse opens"))
                       : bad(BAD, bk_format("/dev/fuse does not open: %s", strerror(errno)), "modprobe fuse; in a container, pass the device in");
}

static struct finding check_loop(const char *home)
{
        autoclose int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), loop = -1;
        int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);
        autofree char *path = bk_format("/dev/loop%d", number);

        (void)home;
        if (number >= 0)
                loop = open(path, O_RDWR | O_CLOEXEC);
        return loop >= 0 ? good(bk_format("loop devices are to be had (%s)", path))
                         : bad(BAD, bk_format("no loop device: %s", strerror(errno)), "modprobe loop; in a container, pass /dev/loop* in");
}

/* Tries what a worker does. */
static struct finding check_namespaces(const char *home)
{
        const pid_t pid = fork();
        int status = 0;

        (void)home;
        if (pid == 0)
                _exit(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) == 0 &&
                      mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == 0 ? 0 : 1);
        if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
                return bad(BAD, bk_strdup("namespaces and mounts are refused"), "run as root outside of a confined container (CAP_SYS_ADMIN)");
        return good(bk_strdup("namespaces and mounts work"));
}

static struct finding check_filesystems(const char *home)
{
        autofree char *text = NULL;
        size_t n;
        const struct disk_fs *rows = disk_fs_rows(&n);
        autofree char *have = bk_strdup("");

        (void)home;
        if (bk_read_file("/proc/filesystems", 65536, &text, NULL, NULL) < 0)
                return bad(WARNING, bk_strdup("/proc/filesystems cannot be read"), "mount /proc");
        for (size_t i = 0; i < n; i++) {
                autofree char *word = bk_format("\t%s\n", rows[i].name);
                char *longer;

                if (strstr(text, word) == NULL)
                        continue;
                longer = bk_format("%s%s%s", have, *have ? ", " : "", rows[i].name);
                free(have);
                have = longer;
        }
        return strstr(have, "ext4") != NULL ? good(bk_format("the kernel mounts %s", have))
                                            : bad(BAD, bk_strdup("the kernel does not know ext4"), "modprobe ext4");
}

static struct finding check_tools(const char *home)
{
        static const struct { const char *program, *package; } tools[] = {
                { "qemu-img", "qemu-utils" }, { "qemu-storage-daemon", "qemu-system-common" }, { "mmdebstrap", "mmdebstrap" },
                { "slirp4netns", "slirp4netns" }, { "sfdisk", "fdisk" }, { "mkfs.ext4", "e2fsprogs" }, { "mkfs.fat", "dosfstools" },
                { "mcopy", "mtools" }, { "mkfs.xfs", "xfsprogs" }, { "mkfs.btrfs", "btrfs-progs" }, { "fusermount3", "fuse3" },
                { "qemu-system-x86_64", "qemu-system-x86" }, { "xorriso", "xorriso" }, { "swtpm", "swtpm" },
        };
        static const char *const folders[] = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin" };
        autofree char *missing = bk_strdup(""), *todo = bk_strdup("apt-get install");

        (void)home;
        for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
                bool found = false;
                char *longer;

                for (size_t k = 0; k < sizeof folders / sizeof *folders; k++) {
                        autofree char *path = bk_format("%s/%s", folders[k], tools[i].program);

                        found |= access(path, X_OK) == 0;
                }
                if (found)
                        continue;
                longer = bk_format("%s %s", missing, tools[i].program);
                free(missing);
                missing = longer;
                longer = bk_format("%s %s", todo, tools[i].package);
                free(todo);
                todo = longer;
        }
        return *missing == '\0' ? good(bk_format("all %zu tools are installed", sizeof tools / sizeof *tools))
                                : bad(BAD, bk_format("missing:%s", missing), todo);
}

static void append(char **text, const char *separator, char *more)
{
        char *longer = bk_format("%s%s%s", *text, **text ? separator : "", more);

        free(*text);
        free(more);
        *text = longer;
}

/* Those that are loaded when they are first needed; without the others bakery would not run. */
static struct finding check_libraries(const char *home)
{
        autofree char *missing = bk_strdup(""), *packages = bk_strdup(""), *todo = NULL;
        struct bk_lazy_library library;

        (void)home;
        for (size_t i = 0; bk_lazy_library(i, &library); i++) {
                if (bk_lazy_load(i, NULL) == 0)
                        continue;
                append(&missing, ", ", bk_format("%s (%s)", library.name, library.purpose));
                if (strstr(packages, library.package) == NULL)
                        append(&packages, " ", bk_strdup(library.package));
        }
        todo = bk_format("apt-get install %s", packages);
        return *missing == '\0' ? good(bk_strdup("all libraries can be loaded")) : bad(BAD, bk_format("cannot be loaded: %s", missing), todo);
}

static struct finding check_guests(const char *home)
{
        (void)home;
        if (getpwnam("libvirt-qemu") == NULL)
                return bad(BAD, bk_strdup("there is no user for guests to run as (libvirt-qemu)"), "apt-get install libvirt-daemon-system");
        if (!bk_exists("/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so"))
                return bad(BAD, bk_strdup("libvirt has no driver for QEMU"), "apt-get install libvirt-daemon-driver-qemu");
        return good(bk_strdup("libvirt can run guests in this process"));
}

static struct finding check_sources(const char *home)
{
        autofree char *sources = NULL;
        struct bk_error err = { 0 };

        (void)home;
        if (apt_sources_for("bookworm", NULL, NULL, &sources, &err) < 0)
                return bad(WARNING, bk_strdup(err.text), "name a Debian archive in /etc/apt, or \"mirror\" in templates");
        return good(bk_strdup("APT sources of this host serve as the mirror"));
}

static struct finding check_space(const char *home)
{
        struct statvfs space;
        autofree char *at = bk_strdup(home);
        double free_gib;

        while (statvfs(at, &space) < 0 && strrchr(at, '/') > at)
                *strrchr(at, '/') = '\0';
        if (statvfs(at, &space) < 0)
                return bad(BAD, bk_format("'%s': %s", home, strerror(errno)), "choose another folder with BAKERY_HOME or -home");
        free_gib = (double)space.f_bavail * (double)space.f_frsize / (1 << 30);
        return free_gib >= 5 ? good(bk_format("%.1f GiB free for '%s'", free_gib, home))
                             : bad(free_gib < 1 ? BAD : WARNING, bk_format("only %.1f GiB free for '%s'", free_gib, home),
                                   "a foundation takes about 2 GiB while it is baked; free some, or set BAKERY_HOME elsewhere");
}

static struct finding check_kvm(const char *home)
{
        struct vm_kvm kvm;
        struct bk_error err = { 0 };

        if (vm_kvm_probe(home, false, &kvm, &err) < 0)
                return bad(WARNING, bk_strdup(err.text), "install qemu-system-x86");
        return kvm.usable ? good(bk_strdup(kvm.why))
                          : bad(WARNING, bk_strdup(kvm.why), "guests run under TCG, slower; chroot bakes do not need KVM");
}

static const struct { const char *name; struct finding (*check)(const char *home); } checks[] = {
        { "root", check_root }, { "namespaces", check_namespaces }, { "fuse", check_fuse }, { "loop", check_loop },
        { "filesystems", check_filesystems }, { "tools", check_tools }, { "libraries", check_libraries },
        { "mirror", check_sources }, { "space", check_space }, { "guests", check_guests }, { "kvm", check_kvm },
};

static const struct cmd_flag flags[] = {
        { "json", NULL, false, "JSON Lines, one a check" },
};

static void print(const struct cmd_args *args, const char *name, const struct finding *finding)
{
        static const char *const verdicts[] = { "ok", "warning", "missing" };

        if (cmd_switch(args, "json")) {
                json_t *line = json_pack("{s:s, s:s, s:s, s:s?}", "check", name, "verdict", verdicts[finding->verdict], "what",
                                         finding->what, "todo", finding->todo);
                autofree char *text = json_dumps(line, JSON_COMPACT);

                printf("%s\n", text);
                json_decref(line);
                return;
        }
        printf("%-8s %-12s %s\n", verdicts[finding->verdict], name, finding->what);
        if (finding->todo != NULL)
                printf("%-8s %-12s to do: %s\n", "", "", finding->todo);
        (void)fflush(stdout);
}

static int run(const struct cmd_args *args)
{
        autofree char *home = cmd_home(args);
        bool able = true;

        for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
                struct finding finding;

                (void)fflush(stdout);
                finding = checks[i].check(home);
                able = able && finding.verdict != BAD;
                print(args, checks[i].name, &finding);
                free(finding.what);
                free(finding.todo);
        }
        if (!cmd_switch(args, "json"))
                printf("\nThis host is %s.\n", able ? "able to bake" : "not able to bake yet");
        return able ? 0 : 6;
}

const struct cmd cmd_doctor = {
        "doctor", "", 0, 0, "is this host able to bake?",
        "Tries what baking needs, and says what to do about what is missing. Exits with 6 when something is.", CMD_FLAGS(flags), run,
};
