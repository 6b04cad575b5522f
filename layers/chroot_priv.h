/* Inside layers/ only. */
#pragma once
#include <stdbool.h>
#include "layers/chroot.h"

/* What the init of a sandbox has to know, and what it made in the layer that must go again. */
struct chroot_setup {
        const struct chroot_config *config;
        int binds[16];                  /* detached mounts of config->binds, with their limits */
};
enum { CHROOT_BINDS_MOST = 16 };

/* In the new namespaces: makes the image's root "/" and mounts what belongs there. */
int chroot_setup_inside(const struct chroot_setup *setup, struct bk_error *err) BK_MUST_CHECK;
/* Removes from the layer what setup put there and nobody has replaced since. */
int chroot_tidy(int root_fd, struct bk_error *err) BK_MUST_CHECK;

/* Limits of what runs inside. -1 with errno set. */
int chroot_limit(void);                 /* capabilities and system calls; in the child, just before exec */
int chroot_suppress_sync(void);         /* only: fsync and its kin succeed without doing anything */
