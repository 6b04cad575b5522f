/* Layer 0: a system from nothing, on a disk that boots.
 *
 * The tree is made by a bootstrapper (a row; mmdebstrap), from the build host's
 * own APT sources, with downloaded packages kept across bakes. The boot
 * loader's files are written by bakery: no tool has to guess a device. */
#pragma once
#include "layers/chroot.h"
#include "layers/disk.h"
#include "lib/mem.h"

struct foundation_config {
        const char *bootstrapper;       /* row name; NULL: mmdebstrap */
        const char *release;            /* "bookworm" */
        const char *architecture;       /* "amd64" */
        const char *variant;            /* mmdebstrap's: "minbase" */
        const char *kernel;             /* package; NULL: none, such a disk does not boot by itself */
        const char *mirror;             /* NULL: the build host's APT sources */
        const char *components;         /* "main contrib"; NULL: as the host has them */
        const char *hostname;
        const char *kernel_options;     /* appended to the kernel's command line; may be NULL */
        const struct bk_strv *packages; /* wanted beside what booting needs */
        const char *debs;               /* folder of cached packages, see debs_borrow() */
        int timeout_ms;
        void (*on_line)(void *arg, int stream, const char *line);
        void *arg;
};

/* Fills the mounted, empty root of a disk made by disk_create(). */
int foundation_bootstrap(const struct foundation_config *config, const char *root, int root_fd,
                         const struct disk_layout *layout, struct bk_error *err) BK_MUST_CHECK;
/* Makes the disk boot with BIOS and with UEFI; after bootstrap, with the sandbox open on the root. */
int foundation_boot_loader(const struct foundation_config *config, const char *disk, int root_fd,
                           struct chroot *chroot, const struct disk_layout *layout, struct bk_error *err) BK_MUST_CHECK;

/* One "deb ..." line for each suite of that release; the caller's. The mirror, when given, replaces the host's. */
int apt_sources_for(const char *release, const char *mirror, const char *components, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* The same from APT configuration below another folder than /etc/apt; for tests. */
int apt_sources_from(const char *apt_folder, const char *release, const char *components, char **ret, struct bk_error *err) BK_MUST_CHECK;

/* A private folder with every cached package (hard links), for one bake to
 * bind over /var/cache/apt/archives; what it downloads comes back with debs_return(). */
int debs_borrow(const char *cache, const char *folder, struct bk_error *err) BK_MUST_CHECK;
int debs_return(const char *cache, const char *folder, struct bk_error *err) BK_MUST_CHECK;
