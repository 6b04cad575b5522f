/* The inside of a sandbox: run once, by its init, in fresh namespaces.
 *
 * Order matters: what comes from the host is taken as detached mounts first, then
 * pivot_root puts the host out of reach, and only then are paths of the image
 * touched: its symlinks can lead nowhere but into itself. */
#include "layers/chroot_priv.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

/* Numbers as in the kernel's admin-guide/devices.txt. */
static const struct { const char *name; unsigned major, minor; } nodes[] = {
        { "null", 1, 3 }, { "zero", 1, 5 }, { "full", 1, 7 }, { "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};
enum { NODES = sizeof nodes / sizeof *nodes };

/* Files of ours that the image sees by a link into the tmpfs on /run, unless it has its own. */
static const char POLICY_LINK[] = "/usr/sbin/policy-rc.d", POLICY[] = "/run/bakery/policy-rc.d";
static const char RESOLV_LINK[] = "/etc/resolv.conf", RESOLV[] = "/run/bakery/resolv.conf";

static const struct { const char *what, *where, *type; unsigned long flags; const char *options; mode_t mode; } mounts[] = {
        { "proc",   "/proc",    "proc",   MS_NOSUID | MS_NODEV | MS_NOEXEC,              NULL,                       0555 },
        { "sysfs",  "/sys",     "sysfs",  MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,  NULL,                       0555 },
        { "tmpfs",  "/dev",     "tmpfs",  MS_NOSUID | MS_NODEV | MS_NOEXEC,              "mode=0755,size=1m",        0755 },
        { "devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,                         "newinstance,ptmxmode=0666,mode=0620,gid=5", 0755 },
        { "tmpfs",  "/dev/shm", "tmpfs",  MS_NOSUID | MS_NODEV,                          "mode=1777",                0777 },
        { "tmpfs",  "/run",     "tmpfs",  MS_NOSUID | MS_NODEV,                          "mode=0755",                0755 },
        { "tmpfs",  "/tmp",     "tmpfs",  MS_NOSUID | MS_NODEV,                          "mode=1777",                01777 },
};

/* Parts of /proc that speak for the whole kernel. */
static const char *const proc_read_only[] = { "/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi",
                                              "/proc/pressure" };
static const char *const proc_hidden[] = { "/proc/kcore", "/proc/keys", "/proc/sysrq-trigger", "/proc/timer_list", "/proc/kallsyms" };

static int attach(int tree, const char *where)
{
        return move_mount(tree, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
}

static int loopback_up(void)
{
        struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
        autoclose int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

        return sock < 0 ? -1 : ioctl(sock, SIOCSIFFLAGS, &lo);
}

static int pivot(const char *root)
{
        struct mount_attr nodev = { .attr_set = MOUNT_ATTR_NODEV };

        if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0 ||
            mount_setattr(AT_FDCWD, root, AT_RECURSIVE, &nodev, sizeof nodev) < 0 || chdir(root) < 0 ||
            syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
                return -1;
        return chdir("/");
}

static int mount_all(struct bk_error *err)
{
        struct stat st;

        for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
                if (mkdir(mounts[i].where, mounts[i].mode) < 0 && errno != EEXIST)
                        return bk_fail_errno(err, "cannot create '%s' in the image", mounts[i].where);
                if (lstat(mounts[i].where, &st) < 0 || !S_ISDIR(st.st_mode))    /* by a link, the mount would be elsewhere */
                        return bk_fail(err, BK_INVALID, "'%s' of the image is not a folder", mounts[i].where);
                if (mount(mounts[i].what, mounts[i].where, mounts[i].type, mounts[i].flags, mounts[i].options) < 0)
                        return bk_fail_errno(err, "cannot mount '%s' in the sandbox", mounts[i].where);
        }
        for (size_t i = 0; i < sizeof proc_read_only / sizeof *proc_read_only; i++) {
                const char *path = proc_read_only[i];

                if (access(path, F_OK) == 0 &&
                    (mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0 ||
                     mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0))
                        return bk_fail_errno(err, "cannot make '%s' read-only in the sandbox", path);
        }
        return 0;
}

/* Nodes of our own, lest a chmod inside reach the host's. They are made where devices open, which nowhere inside
 * may be, and each is taken from there as a mount of its own. */
static int take_nodes(int trees[NODES], struct bk_error *err)
{
        if (mount("tmpfs", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=64k") < 0)
                return bk_fail_errno(err, "cannot mount a tmpfs for devices");
        for (size_t i = 0; i < NODES; i++) {
                autofree char *path = bk_format("/dev/%s", nodes[i].name);

                if (mknod(path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) < 0 ||
                    (trees[i] = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)) < 0)
                        return bk_fail_errno(err, "cannot make the device '%s'", nodes[i].name);
        }
        return umount2("/dev", MNT_DETACH) < 0 ? bk_fail_errno(err, "cannot unmount the tmpfs for devices") : 0;
}

static int make_nodes(const int trees[NODES], struct bk_error *err)
{
        static const struct { const char *to, *from; } links[] = {
                { "/proc/self/fd", "/dev/fd" }, { "/proc/self/fd/0", "/dev/stdin" }, { "/proc/self/fd/1", "/dev/stdout" },
                { "/proc/self/fd/2", "/dev/stderr" }, { "pts/ptmx", "/dev/ptmx" },
        };

        for (size_t i = 0; i < NODES; i++) {
                autofree char *path = bk_format("/dev/%s", nodes[i].name);
                autoclose int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);

                if (fd < 0 || attach(trees[i], path) < 0)
                        return bk_fail_errno(err, "cannot make '%s' in the sandbox", path);
        }
        for (size_t i = 0; i < sizeof links / sizeof *links; i++)
                if (symlink(links[i].to, links[i].from) < 0)
                        return bk_fail_errno(err, "cannot make '%s' in the sandbox", links[i].from);
        for (size_t i = 0; i < sizeof proc_hidden / sizeof *proc_hidden; i++)
                if (access(proc_hidden[i], F_OK) == 0 && mount("/dev/null", proc_hidden[i], NULL, MS_BIND, NULL) < 0)
                        return bk_fail_errno(err, "cannot hide '%s' in the sandbox", proc_hidden[i]);
        return 0;
}

static int write_ours(const char *path, const char *text, mode_t mode)
{
        autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

        return fd < 0 || bk_write_all(fd, text, strlen(text), NULL) < 0 ? -1 : fchmod(fd, mode);
}

/* Where in /run a link leads that does not resolve. NULL: elsewhere, or by ".." out of it again; that is the image's own affair. */
static char *place_in_run(const char *link)
{
        char target[4096];
        const ssize_t length = readlink(link, target, sizeof target - 1);
        const char *at;

        if (length < 0)
                return NULL;
        target[length] = '\0';
        at = strstr(target, "run/");
        return at == NULL || strstr(at, "..") != NULL ? NULL : bk_format("/%s", at);
}

/* Shows our file as `path`: by a link where the image has nothing (its programs may replace that, tidy() removes
 * it), by filling in what a dangling link points at when that lies on the tmpfs, else by a bind. */
static int show(const char *ours, const char *path, struct bk_error *err)
{
        autofree char *place = NULL, *parent = NULL;
        struct stat st;

        if (stat(path, &st) == 0)
                return mount(ours, path, NULL, MS_BIND, NULL) < 0 ? bk_fail_errno(err, "cannot bind '%s' in the sandbox", path) : 0;
        if (lstat(path, &st) < 0) {
                if (symlink(ours, path) < 0 && errno != ENOENT) /* an image without the folder needs it not */
                        return bk_fail_errno(err, "cannot make '%s' in the sandbox", path);
                return 0;
        }
        place = place_in_run(path);
        if (place == NULL)
                return 0;
        parent = bk_strndup(place, (size_t)(strrchr(place, '/') - place));
        if (bk_mkdir_p(parent, err) < 0 || (symlink(ours, place) < 0 && errno != EEXIST))
                return bk_fail_errno(err, "cannot make '%s' in the sandbox", place);
        return 0;
}

static int show_files(bool network, struct bk_error *err)
{
        if (mkdir("/run/bakery", 0755) < 0 || mkdir("/run/lock", 01777) < 0 || chmod("/run/lock", 01777) < 0 ||
            write_ours(POLICY, "#!/bin/sh\n# No service starts while an image is baked.\nexit 101\n", 0755) < 0 ||
            write_ours(RESOLV, network ? "nameserver 10.0.2.3\n" : "", 0644) < 0)
                return bk_fail_errno(err, "cannot write the sandbox' own files");
        return show(POLICY, POLICY_LINK, err) < 0 ? -1 : show(RESOLV, RESOLV_LINK, err);
}

int chroot_setup_inside(const struct chroot_setup *setup, struct bk_error *err)
{
        const struct chroot_config *config = setup->config;
        const char *hostname = config->hostname ? config->hostname : "bakery";
        int trees[NODES];

        memset(trees, -1, sizeof trees);
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return bk_fail_errno(err, "cannot make mounts private");
        if (take_nodes(trees, err) < 0)
                return -1;
        if (sethostname(hostname, strlen(hostname)) < 0 || loopback_up() < 0)
                return bk_fail_errno(err, "cannot set up host name and loopback of the sandbox");
        if (pivot(config->root) < 0)
                return bk_fail_errno(err, "cannot make '%s' the root of the sandbox", config->root);
        if (mount_all(err) < 0 || make_nodes(trees, err) < 0 || show_files(config->network, err) < 0)
                return -1;
        for (size_t i = 0; i < config->n_binds; i++) {
                if (attach(setup->binds[i], config->binds[i].target) < 0)
                        return bk_fail_errno(err, "cannot bind '%s' to '%s' in the sandbox", config->binds[i].source,
                                             config->binds[i].target);
        }
        return 0;
}

int chroot_tidy(int root_fd, struct bk_error *err)
{
        static const struct { const char *link, *ours; } made[] = { { POLICY_LINK, POLICY }, { RESOLV_LINK, RESOLV } };

        for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
                autoclose int fd = bk_open_in_root(root_fd, made[i].link, O_PATH | O_NOFOLLOW, 0);
                char target[256] = "";

                if (fd >= 0 && readlinkat(fd, "", target, sizeof target - 1) > 0 && bk_streq(target, made[i].ours) &&
                    bk_unlink_in_root(root_fd, made[i].link, err) < 0)
                        return -1;
        }
        return 0;
}
