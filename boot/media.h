/* Seed media: small disks that carry answer files into a guest. */
#pragma once
#include "lib/mem.h"

/* What goes onto a medium. Lists are borrowed; empty ones are fine. */
struct boot_media {
        const struct bk_strv *files;    /* paths or globs, to the root of the medium; a folder comes with its name and all that is in it.
                                         * For floppies a file alone, as in Packer; see floppy_dirs for folders */
        const struct bk_strv *dirs;     /* floppy_dirs: with their structure */
        const struct bk_strv *names, *contents; /* texts: "user-data" and what it holds; a name may have folders */
        const char *label;              /* NULL: "packer" for both, as Packer has it */
};
/* An ISO 9660 image with Joliet and Rock Ridge, made by xorriso. Long names and lower case survive in both. */
int boot_media_iso(const struct boot_media *media, const char *path, struct bk_error *err) BK_MUST_CHECK;
/* A FAT12 floppy of 1.44 MB, by mkfs.vfat and mtools. What does not fit is BK_INVALID and says by how much. */
int boot_media_floppy(const struct boot_media *media, const char *path, struct bk_error *err) BK_MUST_CHECK;
/* cloud-init's NoCloud: a volume "cidata" with user-data, meta-data and, unless NULL, network-config. ISO. */
int boot_media_nocloud(const char *user_data, const char *meta_data, const char *network_config, const char *path,
                       struct bk_error *err) BK_MUST_CHECK;
