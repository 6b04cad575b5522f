/* Layers of which a part has come: an upload that broke off is kept for a day, as a draft named for its digest, and goes on where it
 * stopped. Who writes to it holds its lock, so the kernel knows whether anybody does; its last write tells how old it is. What a crash of
 * the host may have done to it shows when the whole has another digest. */
#include "layers/layer_priv.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"

static const char prefix[] = "half-";

char *layer_half_name(const char *digest)
{
        return bk_format("%s%s", prefix, digest + strlen("sha256:"));
}

bool layer_half_is(const char *file)
{
        return strncmp(file, prefix, strlen(prefix)) == 0;
}

uint64_t layer_half_size(const struct layer_store *store, const char *digest)
{
        autofree char *name = layer_half_name(digest), *path = layer_draft_path(store, name);
        struct stat st;

        return stat(path, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

/* 1: locked, and it is what the path names; 0: it was removed, or published, while we came; -1. */
static int lock_half(int fd, const char *path, struct bk_error *err)
{
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? bk_fail(err, BK_LOCKED, "another connection sends this layer just now; try again") :
                                              bk_fail_errno(err, "cannot lock '%s'", path);
        return layer_is_at(fd, path);
}

int layer_half_open(const struct layer_store *store, const char *digest, int *ret_fd, struct bk_error *err)
{
        autofree char *name = layer_half_name(digest), *path = layer_draft_path(store, name);

        for (;;) {
                autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                const int locked = fd < 0 ? bk_fail_errno(err, "cannot create '%s'", path) : lock_half(fd, path, err);

                if (locked < 0)
                        return -1;
                if (locked > 0) {
                        *ret_fd = bk_take_fd(fd);
                        return 0;
                }
        }
}

int layer_halves_sweep(const struct layer_store *store, bool look_only, size_t *ret, struct bk_error *err)
{
        autodir DIR *dir = opendir(store->drafts);
        size_t n = 0;

        if (dir == NULL)
                return bk_fail_errno(err, "cannot list '%s'", store->drafts);
        for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                autofree char *path = bk_format("%s/%s", store->drafts, entry->d_name);
                autoclose int fd = layer_half_is(entry->d_name) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
                struct stat st;

                /* Under its lock, which is in vain when somebody goes on just now. */
                if (fd < 0 || fstat(fd, &st) < 0 || time(NULL) - st.st_mtime <= LAYER_HALF_KEPT_S ||
                    lock_half(fd, path, &(struct bk_error){ 0 }) <= 0)
                        continue;
                if (!look_only && unlink(path) < 0 && errno != ENOENT)
                        return bk_fail_errno(err, "cannot remove '%s', of which no more came", path);
                n++;
        }
        *ret = n;
        return 0;
}
