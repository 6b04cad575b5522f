/* The sandbox in which an image's own programs run.
 *
 * Inside: own mount, pid, ipc, uts and network namespaces; the image's root as
 * "/" by pivot_root, with nothing of the host behind it; fresh /proc, read-only
 * /sys, tmpfs /dev with null, zero, full, random, urandom, tty, ptmx, its own devpts and shm,
 * tmpfs /run and /tmp; every mount nodev but for the named nodes;
 * capabilities cut to what dpkg and rpm need; fsync and its kin answered with
 * success and not done (the seal syncs once); policy-rc.d (exit 101) bound from
 * tmpfs, so that nothing of it is written to the layer. Only mount points that the
 * layer lacks are made in it, and stay; one that is a link is refused.
 * The network goes through slirp4netns with the host's loopback out of reach, or is cut.
 *
 * When the process that opened it dies, by whatever signal, all of it goes.
 * The caller must be single-threaded. */
#pragma once
#include <stdbool.h>
#include "lib/mem.h"
#include "lib/run.h"

struct chroot_bind {
        const char *source;             /* on the host, with what is mounted below it */
        const char *target;             /* inside; resolved inside; must exist */
        bool read_only;
};

struct chroot_config {
        const char *root;               /* folder where the image's root file system is mounted */
        bool network;
        const char *hostname;           /* NULL: "bakery" */
        const struct chroot_bind *binds;
        size_t n_binds;
};

struct chroot;

int chroot_open(const struct chroot_config *config, struct chroot **ret, struct bk_error *err) BK_MUST_CHECK;

/* The same with a throw-away overlay in memory above config->root, whose own files stay as they are, whatever is run. */
int chroot_open_above(const struct chroot_config *config, struct chroot **ret, struct bk_error *err) BK_MUST_CHECK;

/* "/" as the sandbox sees it, its /tmp and /run included; for bk_write_in_root
 * and its kin. Borrowed. */
int chroot_root_fd(const struct chroot *chroot);

/* Runs a program inside, as root, in "/". run->in_child must be NULL; run->env NULL
 * means a minimal environment: PATH, HOME=/root, LANG=C.UTF-8, TERM=dumb,
 * DEBIAN_FRONTEND=noninteractive. argv[0] is looked up inside, in run->env's PATH.
 * Status and errors as bk_run_with(). Daemons that it leaves live on until chroot_close(),
 * but a run that takes too long or is stopped ends every process inside. */
int chroot_run(struct chroot *chroot, const struct bk_run *run, struct bk_run_result *ret, struct bk_error *err) BK_MUST_CHECK;

/* Ends everything inside, waits until it is gone, and takes back what the sandbox put
 * into the layer; failing that is a failure. ret_left (may be NULL)
 * receives "pid (name)" of what was still running. chroot is freed in any case. */
int chroot_close(struct chroot *chroot, struct bk_strv *ret_left, struct bk_error *err) BK_MUST_CHECK;
