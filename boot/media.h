/* Seed media: small disks that carry answer files into a guest.
 *
 * The same input gives the same bytes: times on a medium are those of 1980, owners are root. The file appears whole or not at
 * all, and nothing else is left behind. Its mode is 0666 & ~umask; where answers are secret, its folder keeps them.
 * These run programs by lib/run.h, so the caller is single-threaded. */
#pragma once
#include "lib/mem.h"

/* What goes onto a medium. Lists are borrowed; empty ones are fine. Links are followed, and what is neither a file nor a
 * folder is refused. A name that is there twice: texts win over files; on a CD the later file wins, as in Packer, and on a
 * floppy, where case does not tell names apart either, two files are BK_INVALID. */
struct boot_media {
        const struct bk_strv *files;    /* paths or globs (*, ? and [], hidden files too), to the root of the medium. On a CD a folder
                                         * comes with its name and all that is in it, "folder/" and "folder/" with a star without its
                                         * name. On a floppy the files of a folder and of those below come flat, as in Packer.
                                         * What matches nothing is BK_NOT_FOUND */
        const struct bk_strv *dirs;     /* floppy_dirs: with their name and structure */
        const struct bk_strv *names, *contents; /* texts: "user-data" and what it holds; a name may have folders, but neither ".." nor
                                         * a slash at its start */
        const char *label;              /* NULL: "packer" for both, as Packer has it. Printable ASCII, 32 characters on a CD, 11 on a
                                         * floppy; lower case stays */
};
/* An ISO 9660 image with Joliet and Rock Ridge, made by xorriso. Long names and lower case survive in both (in Joliet: 103
 * characters). */
int boot_media_iso(const struct boot_media *media, const char *path, struct bk_error *err) BK_MUST_CHECK;
/* A FAT12 floppy of 1.44 MB, by mkfs.vfat and mtools. What does not fit is BK_INVALID and says by how much. */
int boot_media_floppy(const struct boot_media *media, const char *path, struct bk_error *err) BK_MUST_CHECK;
/* cloud-init's NoCloud: a volume "cidata" with user-data, meta-data and, unless NULL, network-config. ISO. */
int boot_media_nocloud(const char *user_data, const char *meta_data, const char *network_config, const char *path,
                       struct bk_error *err) BK_MUST_CHECK;
