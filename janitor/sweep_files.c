/* Leftovers that outlive a restart: files by their random names, rows by their ids; and guests that a libvirt of others runs. */
#include "janitor/sweep_priv.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "registry/bake.h"
#include "vm/guest.h"

/* A lease is only as good as who can write to its folder; still, a name is a name. */
static int check_name(const char *value, struct bk_error *err)
{
        if (*value == '\0' || *value == '.' || strchr(value, '/') != NULL)
                return bk_fail(err, BK_CORRUPT, "'%s' is no name that bakery gives", value);
        return 0;
}

static void found(bool act, enum janitor_end *ret)
{
        *ret = act ? JANITOR_UNDONE : JANITOR_LEFT;
}

int sweep_draft(struct sweeping *sweeping, const char *value, bool act, enum janitor_end *ret, struct bk_error *err)
{
        const struct layer_store *store = sweeping->sweep->store;
        autostrv struct bk_strv files = { 0 };

        if (check_name(value, err) < 0 || layer_draft_files(store, value, &files, err) < 0)
                return -1;
        if (files.n == 0)
                return 0;
        if (act && layer_draft_remove(store, value, err) < 0)
                return -1;
        found(act, ret);
        return 0;
}

/* --- folders of a bake ------------------------------------------------------------------ */

static const char *const work_names[] = { "debs-%s", "debs-%s.seed", "guest-%s" };
enum { WORK_NAMES = sizeof work_names / sizeof *work_names };

static char *work_path(const struct layer_store *store, size_t i, const char *id)
{
        autofree char *name = bk_format(work_names[i], id);

        return bk_format("%s/%s", store->run, name);
}

int janitor_work_remove(const struct layer_store *store, const char *id, struct bk_error *err)
{
        for (size_t i = 0; i < WORK_NAMES; i++) {
                autofree char *path = work_path(store, i, id);

                if (bk_remove_tree(path, err) < 0)
                        return -1;
        }
        return 0;
}

int sweep_work(struct sweeping *sweeping, const char *value, bool act, enum janitor_end *ret, struct bk_error *err)
{
        const struct layer_store *store = sweeping->sweep->store;
        bool any = false;

        if (check_name(value, err) < 0)
                return -1;
        for (size_t i = 0; i < WORK_NAMES; i++) {
                autofree char *path = work_path(store, i, value);

                any |= bk_exists(path);
        }
        if (!any)
                return 0;
        if (act && janitor_work_remove(store, value, err) < 0)
                return -1;
        found(act, ret);
        return 0;
}

/* --- files elsewhere ---------------------------------------------------------------------- */

/* The folder must be the one that it was: where another disk is mounted there now, the file is not there. */
int sweep_file(struct sweeping *sweeping, const char *value, bool act, enum janitor_end *ret, struct bk_error *err)
{
        unsigned major_number = 0, minor_number = 0;
        uintmax_t inode = 0;
        int at = 0;
        struct stat st;

        (void)sweeping;
        if (sscanf(value, "%u:%u:%ju %n", &major_number, &minor_number, &inode, &at) != 3 || value[at] != '/')
                return bk_fail(err, BK_CORRUPT, "'%s' is not \"MAJOR:MINOR:INODE PATH\"", value);
        const char *slash = strrchr(value + at, '/');
        autofree char *folder = bk_strndup(value + at, slash == value + at ? 1 : (size_t)(slash - value - at));
        autoclose int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);

        if (check_name(slash + 1, err) < 0)
                return -1;
        if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
                return bk_fail_errno(err, "cannot open '%s'", folder);
        if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != inode || st.st_dev != makedev(major_number, minor_number) ||
            fstatat(fd, slash + 1, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if (!S_ISREG(st.st_mode))
                return bk_fail(err, BK_CONFLICT, "'%s' is no plain file", value + at);
        if (act && unlinkat(fd, slash + 1, 0) < 0 && errno != ENOENT)
                return bk_fail_errno(err, "cannot remove '%s'", value + at);
        found(act, ret);
        return 0;
}

/* --- rows ----------------------------------------------------------------------------------- */

int sweep_bake(struct sweeping *sweeping, const char *value, bool act, enum janitor_end *ret, struct bk_error *err)
{
        bool runs = false;

        if (sweeping->reg == NULL && reg_open(sweeping->sweep->store->home, &sweeping->reg, err) < 0)
                return -1;
        if (reg_bake_abort(sweeping->reg, value, act, &runs, err) < 0)
                return -1;
        if (runs)
                found(act, ret);
        return 0;
}

/* --- guests --------------------------------------------------------------------------------- */

int sweep_domain(struct sweeping *sweeping, const char *value, bool act, enum janitor_end *ret, struct bk_error *err)
{
        const char *space = strchr(value, ' ');
        autofree char *uuid = space == NULL ? NULL : bk_strndup(value, (size_t)(space - value));
        bool runs = false;

        (void)sweeping;
        if (uuid == NULL)
                return bk_fail(err, BK_CORRUPT, "'%s' is not \"UUID URI\"", value);
        if (vm_guest_end_other(space + 1, uuid, act, &runs, err) < 0)
                return -1;
        if (runs)
                found(act, ret);
        return 0;
}
