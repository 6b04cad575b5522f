/* A disk opened for work: a draft's root file system, mounted.
 *
 * A qcow2 draft is exported as a file by qemu-storage-daemon (FUSE); a raw
 * draft is used as it is. Its root file system becomes a loop device at the
 * partition's offset (autoclear), found by libblkid, and is mounted.
 *
 * The caller must have a private mount namespace: the work folder becomes a tmpfs
 * in it. When the caller dies, mount, loop device and daemon go with it.
 * The caller must be single-threaded. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/lease.h"

/* File systems are rows. */
struct disk_fs {
        const char *name;               /* as libblkid and fstab name it */
        const char *const *mkfs;        /* argv; "%U" is replaced by the UUID, the device is appended */
        const char *mount_options;      /* while baking */
        const char *fstab_options;
        int fsck_pass;
        const char *grub_module;
        const char *packages;           /* that the system needs to live on it, comma separated */
};
const struct disk_fs *disk_fs_find(const char *name);   /* NULL when unknown */
const struct disk_fs *disk_fs_rows(size_t *n);

/* A GPT disk of ours: 1 MiB BIOS-boot, ESP, root last, 1 MiB aligned. */
struct disk_layout {
        uint64_t size;                  /* bytes of the disk */
        const struct disk_fs *fs;
        uint64_t esp_offset, esp_size, bios_offset, bios_size, root_offset, root_size;  /* bytes; set by disk_create */
        char root_uuid[37], esp_id[10]; /* of the file systems; chosen before they are made. esp_id as fstab writes it */
};

struct disk;

/* Makes a raw disk at path with that layout, empty file systems on it. */
int disk_create(const char *path, struct disk_layout *layout, struct bk_error *err) BK_MUST_CHECK;

struct disk_open {
        const char *path;               /* of the draft */
        const char *format;             /* "raw" or "qcow2" */
        const char *work;               /* an existing folder, covered while the disk is open */
        bool read_only;
        const struct bk_lease *lease;   /* notes mount and loop device, for when somebody else keeps them alive; NULL: nowhere */
};
int disk_open(const struct disk_open *how, struct disk **ret, struct bk_error *err) BK_MUST_CHECK;
const char *disk_root(const struct disk *disk);         /* folder; borrowed */
int disk_root_fd(const struct disk *disk);              /* O_PATH; borrowed */
const char *disk_root_uuid(const struct disk *disk);    /* of the root file system */
const char *disk_root_fs(const struct disk *disk);

/* Trims, syncs once, unmounts, detaches and stops the daemon. Failing to unmount
 * is a failure and names who holds it. The disk is freed in any case. */
int disk_close(struct disk *disk, struct bk_error *err) BK_MUST_CHECK;
/* Lets go without caring for the content: for a bake that failed. */
void disk_abandon(struct disk *disk);
