/* Layers that come from another store. Its digest says that a file is the one that was asked for; not that it is harmless. QEMU
 * opens what a qcow2 file names, so it may name only a layer of this store. */
#include "layers/layer_priv.h"

#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"

/* Incompatible features (QEMU's docs/interop/qcow2.txt) that change how a file is read, not what it leans on: compression type and
 * extended L2 entries. Not so dirty, corrupt, external data file, and what nobody knows yet. */
#define FEATURES_KNOWN ((uint64_t)(1 << 3 | 1 << 4))

enum { HOLD_STEP_US = 2000 };

static int check_header(const char *path, struct bk_error *err)
{
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
        unsigned char raw[80];
        uint64_t features;
        uint32_t version, crypt;

        if (fd < 0)
                return bk_fail_errno(err, "cannot open '%s'", path);
        if (pread(fd, raw, sizeof raw, 0) != sizeof raw || memcmp(raw, "QFI\xfb", 4) != 0)
                return bk_fail(err, BK_INVALID, "it is not a qcow2 file");
        memcpy(&version, raw + 4, sizeof version);
        memcpy(&crypt, raw + 32, sizeof crypt);
        memcpy(&features, raw + 72, sizeof features);
        if (be32toh(version) != 3)
                return bk_fail(err, BK_INVALID, "it is qcow2 of version %u; layers have version 3", be32toh(version));
        if (crypt != 0)
                return bk_fail(err, BK_INVALID, "it is encrypted");
        if ((be64toh(features) & ~FEATURES_KNOWN) != 0)
                return bk_fail(err, BK_INVALID, "it needs features 0x%llx of qcow2, which layers do not have",
                               (unsigned long long)(be64toh(features) & ~FEATURES_KNOWN));
        return 0;
}

static int describe(const struct layer_store *store, const char *path, const char *digest, struct layer_info *ret, struct bk_error *err)
{
        BK_CLEANUP(layer_header_done) struct layer_header header = { 0 };
        BK_CLEANUP(layer_info_done) struct layer_info info = { .digest = bk_strdup(digest) }, below = { 0 };
        struct stat st;

        if (check_header(path, err) < 0 || layer_header_read(path, &header, err) < 0)
                return -1;
        if (stat(path, &st) < 0)
                return bk_fail_errno(err, "cannot look at '%s'", path);
        if (header.backing != NULL) {
                autofree char *under = NULL;

                if (layer_backing_digest(path, header.backing, &info.backing, err) < 0) {
                        if (err != NULL)
                                err->kind = BK_INVALID;         /* of what was sent, not of what is stored */
                        return -1;
                }
                under = layer_path(store, info.backing);
                if (!bk_exists(under))
                        return bk_fail(err, BK_CONFLICT, "it lies on layer '%s', which is not here; send that one first", info.backing);
                if (layer_info_get(store, info.backing, &below, err) < 0)
                        return -1;
                info.depth = below.depth + 1;
        }
        info.size = (uint64_t)st.st_size;
        info.virtual_size = header.virtual_size;
        *ret = info;
        info = (struct layer_info){ 0 };
        return 0;
}

/* --- holding the store ------------------------------------------------------------- */
static int take_lock(const char *path, bool alone, int64_t end, int *ret_fd, struct bk_error *err)
{
        autoclose int fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0644);

        if (fd < 0)
                return bk_fail_errno(err, "cannot open lock '%s'", path);
        while (flock(fd, (alone ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK && errno != EINTR)
                        return bk_fail_errno(err, "cannot lock '%s'", path);
                if (bk_now_ms() >= end)
                        return bk_fail(err, BK_LOCKED, "others %s layers for too long (lock '%s'); try again", alone ? "record" : "remove", path);
                (void)usleep(HOLD_STEP_US);
        }
        *ret_fd = bk_take_fd(fd);
        return 0;
}

/* Those that record overlap, and could keep out for ever who waits to be alone: so he shuts the gate that all come through. */
int layer_store_hold_within(const struct layer_store *store, bool alone, int ms, int *ret_fd, struct bk_error *err)
{
        autofree char *path = bk_format("%s/layers.lock", store->run), *gate = bk_format("%s/layers.gate", store->run);
        const int64_t end = bk_now_ms() + ms;
        autoclose int fd = -1;

        return take_lock(gate, alone, end, &fd, err) < 0 ? -1 : take_lock(path, alone, end, ret_fd, err);
}

int layer_store_hold(const struct layer_store *store, bool alone, int *ret_fd, struct bk_error *err)
{
        return layer_store_hold_within(store, alone, LAYER_HOLD_MS, ret_fd, err);
}

/* --- layers that are awaited -------------------------------------------------------- */
/* One empty file for each, whose age tells; it matters to nobody when it is lost with the host: then the push is, too. Who makes one young and
 * who removes old ones lock it. */
static char *awaited_path(const struct layer_store *store, const char *digest)
{
        return bk_format("%s/awaited/%s", store->run, digest + strlen("sha256:"));
}

int layer_await(const struct layer_store *store, const char *digest, struct bk_error *err)
{
        autofree char *path = awaited_path(store, digest), *folder = bk_format("%s/awaited", store->run);

        if (bk_mkdir_p(folder, err) < 0)
                return -1;
        for (;;) {
                autoclose int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
                const int locked = fd < 0 ? -1 : flock(fd, LOCK_EX);

                if (locked < 0 && errno == EINTR)
                        continue;
                if (locked < 0 || futimens(fd, NULL) < 0)
                        return bk_fail_errno(err, "cannot note '%s'", path);
                if (layer_is_at(fd, path))
                        return 0;
        }
}

void layer_arrived(const struct layer_store *store, const char *digest)
{
        autofree char *path = awaited_path(store, digest);

        (void)unlink(path);
}

int layer_claim(const struct layer_store *store, const char *digest, struct bk_error *err)
{
        autofree char *path = layer_path(store, digest);
        autoclose int hold = -1;

        if (!bk_exists(path))
                return 0;
        if (layer_store_hold(store, false, &hold, err) < 0)
                return -1;
        return !bk_exists(path) ? 0 : layer_await(store, digest, err) < 0 ? -1 : 1;
}

static bool is_young(const struct stat *st)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_REALTIME, &now);
        return now.tv_sec - st->st_mtim.tv_sec <= LAYER_AWAITED_S;
}

bool layer_awaited(const struct layer_store *store, const char *digest)
{
        autofree char *path = awaited_path(store, digest);
        struct stat st;

        return stat(path, &st) == 0 && is_young(&st);
}

int layer_awaited_sweep(const struct layer_store *store, struct bk_error *err)
{
        autofree char *folder = bk_format("%s/awaited", store->run);
        autodir DIR *dir = opendir(folder);

        if (dir == NULL)
                return errno == ENOENT ? 0 : bk_fail_errno(err, "cannot list '%s'", folder);
        for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                autofree char *path = bk_format("%s/%s", folder, entry->d_name);
                autoclose int fd = entry->d_name[0] != '.' ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
                struct stat st;

                if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && !is_young(&st) && layer_is_at(fd, path) &&
                    unlink(path) < 0 && errno != ENOENT)
                        return bk_fail_errno(err, "cannot remove '%s', which nobody waits for", path);
        }
        return 0;
}

int layer_receive(const struct layer_store *store, const char *name, const char *digest, struct layer_info *ret, struct bk_error *err)
{
        autofree char *path = layer_draft_path(store, name);
        BK_CLEANUP(layer_info_done) struct layer_info info = { 0 };
        autoclose int hold = -1;

        /* The one that it lies on stays, and this one if it is here already. */
        if (layer_store_hold(store, false, &hold, err) < 0 || layer_await(store, digest, err) < 0)
                return -1;
        if (describe(store, path, digest, &info, err) < 0)
                return bk_wrap(err, "layer %s", digest);
        if (chown(path, geteuid(), getegid()) < 0 || chmod(path, 0444) < 0)
                return bk_fail_errno(err, "cannot seal '%s'", path);
        if (layer_publish(store, name, &info, err) < 0)
                return -1;
        *ret = info;
        info = (struct layer_info){ 0 };
        return 0;
}
