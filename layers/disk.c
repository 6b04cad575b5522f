/* Opening a disk and letting go of it.
 *
 * No nbd, no kernel partition scan: both leak when a process dies, and a build
 * host's kernel need not know GPT at all. */
#include "layers/disk.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "layers/disk_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"

enum { DAEMON_TIMEOUT_MS = 30000, RELEASE_TIMEOUT_MS = 30000 };

/* Discoverable Partitions Specification: root of x86-64. */
static const char ROOT_TYPE[] = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";

struct disk {
        char *work, *export, *root;     /* export: where the daemon alone sees the disk as a file; a raw disk's own path */
        pid_t daemon;                   /* 0: none */
        int to_daemon, from_daemon;     /* QMP on pipes */
        int loop, root_fd;
        char device[32];                /* of the loop device */
        bool tmpfs, mounted, read_only;
        char uuid[64], fs[16];
        uint64_t offset, size;          /* of the root partition, bytes */
};

static const struct disk_fs *row_of(const char *fs);

static const char *const mkfs_ext4[] = {
        /* grub 2.06 and the fsck of Debian 12 know neither of the two features;
         * a fresh sparse file reads as zeroes, so the inode tables need no zeroing,
         * now or by the kernel at first mount. */
        "mkfs.ext4", "-q", "-F", "-L", "root", "-U", "%U", "-m", "1", "-O", "^metadata_csum_seed,^orphan_file",
        "-E", "assume_storage_prezeroed=1", NULL };
static const char *const mkfs_xfs[] = { "mkfs.xfs", "-q", "-f", "-K", "-L", "root", "-m", "uuid=%U,bigtime=0", "-i", "nrext64=0", NULL };
static const char *const mkfs_btrfs[] = { "mkfs.btrfs", "-q", "-f", "-K", "-L", "root", "-U", "%U", NULL };

static const struct disk_fs file_systems[] = {
        { "ext4",  mkfs_ext4,  "noinit_itable,nobarrier,commit=600,discard", "errors=remount-ro", 1, "ext2",  "e2fsprogs" },
        { "xfs",   mkfs_xfs,   "nouuid,discard",                     "defaults",          0, "xfs",   "xfsprogs" },
        { "btrfs", mkfs_btrfs, "nobarrier,discard",                  "defaults",          0, "btrfs", "btrfs-progs" },
};

const struct disk_fs *disk_fs_rows(size_t *n)
{
        *n = sizeof file_systems / sizeof *file_systems;
        return file_systems;
}

const struct disk_fs *disk_fs_find(const char *name)
{
        return row_of(name);
}

static const struct disk_fs *row_of(const char *fs)
{
        for (size_t i = 0; i < sizeof file_systems / sizeof *file_systems; i++)
                if (bk_streq(file_systems[i].name, fs))
                        return &file_systems[i];
        return NULL;
}

/* --- the daemon that shows a qcow2 as a file ------------------------------- */

/* Reads one QMP line that holds `wanted`; everything else is skipped. */
static int daemon_expect(struct disk *disk, const char *wanted, struct bk_error *err)
{
        const int64_t deadline = bk_now_ms() + DAEMON_TIMEOUT_MS;
        BK_CLEANUP(bk_buf_done) struct bk_buf seen = { 0 };

        for (;;) {
                struct pollfd event = { .fd = disk->from_daemon, .events = POLLIN };
                const int64_t left = deadline - bk_now_ms();
                char chunk[4096];
                ssize_t got;

                if (left <= 0 || poll(&event, 1, (int)left) == 0)
                        return bk_fail(err, BK_TIMEOUT, "qemu-storage-daemon did not answer within %d s; it said '%s'",
                                       DAEMON_TIMEOUT_MS / 1000, seen.data ? seen.data : "");
                got = read(disk->from_daemon, chunk, sizeof chunk);
                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return bk_fail(err, BK_INFRA, "qemu-storage-daemon ended early: %s", seen.data ? seen.data : "no reason given");
                bk_buf_add(&seen, chunk, (size_t)got);
                if (strstr(seen.data, wanted) != NULL)
                        return 0;
        }
}

/* Commas inside a value of QEMU's option syntax are doubled. */
static char *escape(const char *value)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };

        for (const char *p = value; *p != '\0'; p++) {
                if (*p == ',')
                        bk_buf_putc(&buf, ',');
                bk_buf_putc(&buf, *p);
        }
        return bk_buf_finish(&buf);
}

static int daemon_start(struct disk *disk, const struct disk_open *how, struct bk_error *err)
{
        autofree char *file = escape(how->path), *mountpoint = escape(disk->export);
        /* The draft is worth nothing until it is sealed, so flushes may wait for the seal's one sync. */
        autofree char *node = bk_format("driver=qcow2,node-name=disk,discard=unmap,read-only=%s,file.driver=file,file.filename=%s,"
                                        "file.cache.no-flush=on,file.discard=unmap,file.locking=off",
                                        how->read_only ? "on" : "off", file);
        autofree char *export = bk_format("type=fuse,id=disk,node-name=disk,mountpoint=%s,writable=%s,allow-other=off",
                                          mountpoint, how->read_only ? "off" : "on");
        const char *const argv[] = { "qemu-storage-daemon", "--blockdev", node, "--export", export,
                                     "--chardev", "stdio,id=qmp", "--monitor", "chardev=qmp", NULL };
        int in[2] = { -1, -1 }, out[2] = { -1, -1 };

        if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
                return bk_fail_errno(err, "cannot make a pipe");
        disk->daemon = bk_fork();
        if (disk->daemon == 0) {
                /* The daemon must not hold the namespace where the image's file system will be mounted: were both killed,
                 * the kernel could leave the unmounting to the daemon's own exit, which would wait for ever for
                 * blocks that only the daemon can write. */
                if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                    dup2(in[0], 0) >= 0 && dup2(out[1], 1) >= 0 && dup2(out[1], 2) >= 0)
                        (void)execvp(argv[0], (char *const *)argv);
                _exit(127);
        }
        (void)close(in[0]);
        (void)close(out[1]);
        disk->to_daemon = in[1];
        disk->from_daemon = out[0];
        if (disk->daemon < 0)
                return bk_fail_errno(err, "cannot start qemu-storage-daemon");
        /* Options are acted on in order: when the monitor greets, the export is there. */
        return daemon_expect(disk, "\"QMP\"", err);
}

static int daemon_stop(struct disk *disk, struct bk_error *err)
{
        static const char quit[] = "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"quit\"}\n";
        int status;

        if (disk->daemon == 0)
                return 0;
        if (bk_write_all(disk->to_daemon, quit, strlen(quit), err) < 0)
                return bk_wrap(err, "qemu-storage-daemon");
        status = bk_wait(bk_take_fd(disk->daemon), DAEMON_TIMEOUT_MS);
        disk->daemon = 0;
        if (status != 0)
                return bk_run_fail(err, "qemu-storage-daemon", status, "while it finished the layer");
        return 0;
}

/* --- partitions and loop devices -------------------------------------------- */

static int probe_partition(struct disk *disk, blkid_partition part, bool *ret_typed)
{
        const char *type = blkid_partition_get_type_string(part);

        disk->offset = (uint64_t)blkid_partition_get_start(part) * 512;
        disk->size = (uint64_t)blkid_partition_get_size(part) * 512;
        *ret_typed = bk_streq(type, ROOT_TYPE);
        return 0;
}

/* The root: the partition typed so, else the largest one. A disk without a partition table is its own root. */
static int find_root(struct disk *disk, int fd, struct bk_error *err)
{
        blkid_probe probe = blkid_new_probe();
        blkid_partlist list;
        uint64_t best_offset = 0, best_size = 0;

        if (probe == NULL || blkid_probe_set_device(probe, fd, 0, 0) < 0) {
                blkid_free_probe(probe);
                return bk_fail(err, BK_INFRA, "cannot look for partitions");
        }
        blkid_probe_enable_partitions(probe, 1);
        list = blkid_probe_get_partitions(probe);
        for (int i = 0; list != NULL && i < blkid_partlist_numof_partitions(list); i++) {
                bool typed = false;

                (void)probe_partition(disk, blkid_partlist_get_partition(list, i), &typed);
                if (typed || disk->size > best_size) {
                        best_offset = disk->offset;
                        best_size = disk->size;
                }
                if (typed)
                        break;
        }
        blkid_free_probe(probe);
        disk->offset = best_offset;
        disk->size = best_size;
        return 0;
}

static int find_fs(struct disk *disk, int fd, const struct disk_fs **ret, struct bk_error *err)
{
        blkid_probe probe = blkid_new_probe();
        const char *type = NULL, *uuid = NULL;

        if (probe == NULL || blkid_probe_set_device(probe, fd, (blkid_loff_t)disk->offset, (blkid_loff_t)disk->size) < 0) {
                blkid_free_probe(probe);
                return bk_fail(err, BK_INFRA, "cannot look for a file system");
        }
        blkid_probe_enable_superblocks(probe, 1);
        blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID);
        if (blkid_do_safeprobe(probe) == 0) {
                (void)blkid_probe_lookup_value(probe, "TYPE", &type, NULL);
                (void)blkid_probe_lookup_value(probe, "UUID", &uuid, NULL);
        }
        (void)snprintf(disk->fs, sizeof disk->fs, "%s", type ? type : "");
        (void)snprintf(disk->uuid, sizeof disk->uuid, "%s", uuid ? uuid : "");
        blkid_free_probe(probe);
        *ret = row_of(disk->fs);
        if (*ret == NULL)
                return bk_fail(err, BK_INVALID, "the root partition holds %s; bakery mounts ext4, xfs and btrfs",
                               *disk->fs ? disk->fs : "no known file system");
        return 0;
}

int disk_loop_attach(int file, uint64_t offset, uint64_t size, bool read_only, int *ret, char *ret_path,
                       size_t room, struct bk_error *err)
{
        autoclose int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        struct loop_config config = {
                .fd = (uint32_t)file,
                .block_size = 512,
                .info = { .lo_offset = offset, .lo_sizelimit = size,
                          .lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0) },
        };

        if (control < 0)
                return bk_fail_errno(err, "cannot open /dev/loop-control (`bakery doctor` says what this host lacks)");
        for (int attempt = 0; attempt < 1000; attempt++) {
                const int number = ioctl(control, LOOP_CTL_GET_FREE);
                autoclose int loop = -1;

                if (number < 0)
                        return bk_fail_errno(err, "no free loop device");
                (void)snprintf(ret_path, room, "/dev/loop%d", number);
                loop = open(ret_path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
                if (loop < 0)
                        return bk_fail_errno(err, "cannot open '%s'", ret_path);
                if (ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
                        *ret = bk_take_fd(loop);
                        return 0;
                }
                if (errno != EBUSY)     /* somebody else was quicker: take the next */
                        return bk_fail_errno(err, "cannot set up '%s'", ret_path);
        }
        return bk_fail(err, BK_INFRA, "every free loop device was taken by somebody else 1000 times");
}

/* With the number that the kernel gives each attachment, and what it is attached to. It is noted before it is mounted; until then it goes with our
 * descriptor. */
static int note_loop(const struct disk *disk, const struct bk_lease *lease, int file, struct bk_error *err)
{
        const unsigned long number = strtoul(disk->device + strlen("/dev/loop"), NULL, 10);
        autofree char *path = bk_format("/sys/block/loop%lu/diskseq", number), *sequence = NULL, *value = NULL;
        struct stat st;

        if (lease == NULL)
                return 0;
        if (fstat(file, &st) < 0)
                return bk_fail_errno(err, "cannot look at '%s'", disk->export);
        if (bk_read_file(path, 64, &sequence, NULL, NULL) < 0)
                sequence = bk_strdup("0");
        value = bk_format("%lu %llu %u:%u:%ju", number, strtoull(sequence, NULL, 10), major(st.st_dev), minor(st.st_dev), (uintmax_t)st.st_ino);
        return bk_lease_note_passing(lease, "loop", value, err);
}

static int mount_root(struct disk *disk, const struct disk_open *how, struct bk_error *err)
{
        autofree char *seen = disk->daemon == 0 ? bk_strdup(disk->export) :
                              bk_format("/proc/%d/%s%s", (int)disk->daemon, *disk->export == '/' ? "root" : "cwd/", disk->export);
        autoclose int file = open(seen, (how->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        const struct disk_fs *fs = NULL;

        if (file < 0)
                return bk_fail_errno(err, "cannot open '%s'", disk->export);
        if (find_root(disk, file, err) < 0 || find_fs(disk, file, &fs, err) < 0)
                return -1;
        if (disk_loop_attach(file, disk->offset, disk->size, how->read_only, &disk->loop, disk->device,
                             sizeof disk->device, err) < 0 ||
            note_loop(disk, how->lease, file, err) < 0)
                return -1;
        if (mount(disk->device, disk->root, disk->fs, MS_NODEV | MS_NOATIME | (how->read_only ? MS_RDONLY : 0),
                  how->read_only ? NULL : fs->mount_options) < 0)
                return bk_fail_errno(err, "cannot mount the root file system (%s)", disk->fs);
        disk->mounted = true;
        /* From here on the mount holds the loop device, and it clears itself with the mount. */
        (void)close(bk_take_fd(disk->loop));
        disk->root_fd = open(disk->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        return disk->root_fd < 0 ? bk_fail_errno(err, "cannot open '%s'", disk->root) : 0;
}

static int set(int fs, const char *key, const char *value)
{
        return fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0);
}

/* The tmpfs has a name of its own, and is noted before it is anywhere: whatever lies on it goes with it. */
static int cover_work(struct disk *disk, const struct bk_lease *lease, struct bk_error *err)
{
        autofree char *id = bk_random_name(), *source = bk_format("bakery-%s", id), *value = NULL;
        autoclose int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), fd = -1;
        struct stat st;

        if (fs < 0 || set(fs, "source", source) < 0 || set(fs, "mode", "0700") < 0 || set(fs, "size", "1m") < 0 ||
            fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ||
            (fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)) < 0 || fstat(fd, &st) < 0)
                return bk_fail_errno(err, "cannot make a tmpfs for the work folder '%s'", disk->work);
        value = bk_format("%u:%u %s", major(st.st_dev), minor(st.st_dev), source);
        if (lease != NULL && bk_lease_note_passing(lease, "mount", value, err) < 0)
                return -1;
        if (move_mount(fd, "", AT_FDCWD, disk->work, MOVE_MOUNT_F_EMPTY_PATH) < 0)
                return bk_fail_errno(err, "cannot mount the work folder '%s'", disk->work);
        disk->tmpfs = true;
        return 0;
}

int disk_open(const struct disk_open *how, struct disk **ret, struct bk_error *err)
{
        struct disk *disk = bk_alloc(sizeof *disk);
        const bool raw = bk_streq(how->format, "raw");
        int fd;

        *disk = (struct disk){
                .work = bk_strdup(how->work), .root = bk_format("%s/root", how->work),
                .export = raw ? bk_strdup(how->path) : bk_format("%s/disk", how->work),
                .to_daemon = -1, .from_daemon = -1, .loop = -1, .root_fd = -1, .read_only = how->read_only,
        };
        if (cover_work(disk, how->lease, err) < 0)
                goto failed;
        if (mkdir(disk->root, 0755) < 0) {
                bk_fail_errno(err, "cannot create '%s'", disk->root);
                goto failed;
        }
        if (!raw) {
                fd = open(disk->export, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
                if (fd < 0) {
                        bk_fail_errno(err, "cannot create '%s'", disk->export);
                        goto failed;
                }
                (void)close(fd);
                if (daemon_start(disk, how, err) < 0)
                        goto failed;
        }
        if (mount_root(disk, how, err) < 0)
                goto failed;
        *ret = disk;
        return 0;
failed:
        disk_abandon(disk);
        return bk_wrap(err, "cannot open disk '%s'", how->path);
}

const char *disk_root(const struct disk *disk) { return disk->root; }
int disk_root_fd(const struct disk *disk) { return disk->root_fd; }
const char *disk_root_uuid(const struct disk *disk) { return disk->uuid; }
const char *disk_root_fs(const struct disk *disk) { return disk->fs; }

static void disk_free(struct disk *disk)
{
        if (disk->root_fd >= 0)
                (void)close(disk->root_fd);
        if (disk->loop >= 0)
                (void)close(disk->loop);
        if (disk->to_daemon >= 0)
                (void)close(disk->to_daemon);
        if (disk->from_daemon >= 0)
                (void)close(disk->from_daemon);
        free(disk->work);
        free(disk->export);
        free(disk->root);
        free(disk);
}

void disk_abandon(struct disk *disk)
{
        if (disk->root_fd >= 0)
                (void)close(bk_take_fd(disk->root_fd));
        if (disk->mounted)
                (void)umount2(disk->root, MNT_DETACH);
        if (disk->daemon > 0) {
                (void)kill(disk->daemon, SIGKILL);
                (void)bk_wait(disk->daemon, 1000);
        }
        if (disk->tmpfs)
                (void)umount2(disk->work, MNT_DETACH);
        disk_free(disk);
}

/* Who has something open below path? "123 (nginx)", for people; best effort. */
static char *holders_of(const char *path)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf names = { 0 };
        autodir DIR *proc = opendir("/proc");
        const size_t length = strlen(path);

        for (struct dirent *entry; proc != NULL && (entry = readdir(proc)) != NULL;) {
                static const char *const links[] = { "cwd", "root", "exe" };

                for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
                        autofree char *link = bk_format("/proc/%s/%s", entry->d_name, links[i]);
                        char target[4096];
                        const ssize_t got = readlink(link, target, sizeof target - 1);

                        if (got < 0)
                                continue;
                        target[got] = '\0';
                        if (strncmp(target, path, length) == 0)
                                bk_buf_printf(&names, " %s (%s)", entry->d_name, links[i]);
                }
        }
        return bk_buf_finish(&names);
}

/* A sandbox that has just ended may hold the file system for some milliseconds more: the kernel drops the mounts of a
 * namespace from a work queue. As long as it is mounted anywhere, the device cannot be opened exclusively. */
static int await_release(const struct disk *disk, struct bk_error *err)
{
        const int64_t deadline = bk_now_ms() + RELEASE_TIMEOUT_MS;

        for (;;) {
                autoclose int fd = open(disk->device, O_RDONLY | O_EXCL | O_CLOEXEC);

                if (fd >= 0 || errno != EBUSY)
                        return 0;
                if (bk_now_ms() >= deadline)
                        return bk_fail(err, BK_INFRA, "the root file system is unmounted here, but somebody still holds it after %d s",
                                       RELEASE_TIMEOUT_MS / 1000);
                (void)usleep(1000);
        }
}

static int trim_and_unmount(struct disk *disk, struct bk_error *err)
{
        struct fstrim_range all = { .len = UINT64_MAX };
        autoclose int fd = open(disk->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        autofree char *holders = NULL;

        if (fd < 0)
                return bk_fail_errno(err, "cannot open '%s'", disk->root);
        if (!disk->read_only) {
                if (syncfs(fd) < 0)
                        return bk_fail_errno(err, "cannot sync the root file system");
                /* After the sync, as what was freed since the last commit of the journal is not free before. Only on a
                 * raw draft: trimming an overlay would write a mark for every free block of the disk, and what this bake
                 * freed in it, mount -o discard has told already. */
                if (disk->daemon == 0 && ioctl(fd, FITRIM, &all) < 0 && errno != EOPNOTSUPP)
                        return bk_fail_errno(err, "cannot trim the root file system");
        }
        (void)close(bk_take_fd(fd));
        (void)close(bk_take_fd(disk->root_fd));
        if (umount2(disk->root, 0) < 0) {
                bk_fail_errno(err, "cannot unmount the root file system");
                holders = holders_of(disk->root);
                return *holders ? bk_wrap(err, "held by process%s", holders) : -1;
        }
        disk->mounted = false;
        return await_release(disk, err);
}

int disk_close(struct disk *disk, struct bk_error *err)
{
        if (trim_and_unmount(disk, err) < 0 || daemon_stop(disk, err) < 0) {
                disk_abandon(disk);
                return bk_wrap(err, "cannot close the disk");
        }
        const int result = umount2(disk->work, MNT_DETACH) < 0 ? bk_fail_errno(err, "cannot unmount '%s'", disk->work) : 0;

        disk_free(disk);
        return result;
}
