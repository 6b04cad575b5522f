/* A sandbox above a folder that nobody may write to: an overlay whose upper side is a tmpfs.
 *
 * The overlay needs a place in a tree of mounts for the moment in which the sandbox takes it as its root. That tree is
 * one of our own, which we enter for this and leave again: so it covers nothing for anybody, and nothing is left of it. */
#include "layers/chroot.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

/* In a namespace of our own. ret_place: the overlay. */
static int mount_overlay(const char *root, char **ret_place, struct bk_error *err)
{
        static const char *const covered[] = { "/tmp", "/mnt", "/run" };
        /* By its descriptor: a path may hold signs that mean something in mount options, or be covered. */
        autoclose int lower = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
        const char *base = NULL;

        if (lower < 0)
                return bk_fail_errno(err, "cannot open '%s'", root);
        for (size_t i = 0; base == NULL && i < sizeof covered / sizeof *covered; i++)
                if (mount("tmpfs", covered[i], "tmpfs", MS_NODEV, "mode=0755") == 0)
                        base = covered[i];
        if (base == NULL)
                return bk_fail_errno(err, "cannot mount a tmpfs");
        autofree char *upper = bk_format("%s/upper", base), *work = bk_format("%s/work", base), *place = bk_format("%s/root", base);
        autofree char *options = bk_format("lowerdir=/proc/self/fd/%d,upperdir=%s,workdir=%s", lower, upper, work);
        struct stat st;

        /* The root folder's owner and mode are those of the upper side. */
        if (fstat(lower, &st) < 0 || mkdir(upper, 0755) < 0 || chown(upper, st.st_uid, st.st_gid) < 0 || chmod(upper, st.st_mode & 07777) < 0 ||
            mkdir(work, 0700) < 0 || mkdir(place, 0755) < 0)
                return bk_fail_errno(err, "cannot make folders in a tmpfs");
        if (mount("overlay", place, "overlay", MS_NODEV, options) < 0)
                return bk_fail_errno(err, "cannot mount an overlay on '%s'", root);
        *ret_place = bk_take(place);
        return 0;
}

int chroot_open_above(const struct chroot_config *config, struct chroot **ret, struct bk_error *err)
{
        struct chroot_config above = *config;
        autoclose int ours = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
        autofree char *place = NULL;
        int result;

        if (ours < 0 || here < 0)
                return bk_fail_errno(err, "cannot look at our own namespace");
        if (unshare(CLONE_NEWNS) < 0)
                return bk_fail_errno(err, "cannot make a namespace (`bakery doctor` says what this host lacks)");
        result = mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ? bk_fail_errno(err, "cannot make mounts private") :
                 mount_overlay(config->root, &place, err);
        if (result == 0) {
                above.root = place;
                result = chroot_open(&above, ret, err);
        }
        if (setns(ours, CLONE_NEWNS) < 0 || fchdir(here) < 0) {
                if (result == 0)
                        (void)!chroot_close(bk_take(*ret), NULL, NULL);
                return bk_fail_errno(err, "cannot go back to our own namespace");
        }
        return result;
}
