/* The store: sealed overlays by digest, drafts beside them.
 *
 * Verification reads a whole layer once. Its inode's identity is then written
 * down; as every write through the file system moves ctime, an unchanged
 * identity means unchanged bytes, and opening an ancestor costs microseconds.
 * What such a stamp cannot see - a disk that rots - `fsck` reads for. */
#include "layers/layer_priv.h"

#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/run.h"

static const char SUFFIX[] = ".qcow2";

int layer_store_open(const char *home, struct layer_store *ret, struct bk_error *err)
{
        BK_CLEANUP(layer_store_done) struct layer_store store = {
                .home = bk_strdup(home),
                .layers = bk_format("%s/store/layers", home),
                .drafts = bk_format("%s/store/drafts", home),
                .cache = bk_format("%s/cache", home),
                .run = bk_format("%s/run", home),
        };
        autofree char *stamps = bk_format("%s/verified", store.cache);
        const char *const folders[] = { store.layers, store.drafts, stamps, store.run };

        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
                if (bk_mkdir_p(folders[i], err) < 0)
                        return bk_wrap(err, "state folder");
        *ret = store;
        store = (struct layer_store){ 0 };
        return 0;
}

void layer_store_done(struct layer_store *store)
{
        free(store->home);
        free(store->layers);
        free(store->drafts);
        free(store->cache);
        free(store->run);
        *store = (struct layer_store){ 0 };
}

void layer_info_done(struct layer_info *info)
{
        free(info->digest);
        free(info->backing);
        *info = (struct layer_info){ 0 };
}

char *layer_path(const struct layer_store *store, const char *digest)
{
        return bk_format("%s/%s%s", store->layers, digest + strlen("sha256:"), SUFFIX);
}

char *layer_draft_path(const struct layer_store *store, const char *name)
{
        return bk_format("%s/%s%s", store->drafts, name, SUFFIX);
}

void layer_header_done(struct layer_header *header)
{
        free(header->backing);
        *header = (struct layer_header){ 0 };
}

int layer_header_read(const char *path, struct layer_header *ret, struct bk_error *err)
{
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
        unsigned char raw[32];
        uint64_t offset, size;
        uint32_t length;
        char *backing = NULL;

        if (fd < 0)
                return bk_fail_errno(err, "cannot open layer '%s'", path);
        if (pread(fd, raw, sizeof raw, 0) != sizeof raw || memcmp(raw, "QFI\xfb", 4) != 0)
                return bk_fail(err, BK_CORRUPT, "'%s' is not a qcow2 file", path);
        memcpy(&offset, raw + 8, sizeof offset);
        memcpy(&length, raw + 16, sizeof length);
        memcpy(&size, raw + 24, sizeof size);
        offset = be64toh(offset);
        length = be32toh(length);
        if (offset != 0) {
                if (length > 1023)
                        return bk_fail(err, BK_CORRUPT, "'%s' names a backing file of %u bytes", path, length);
                backing = bk_alloc(length + 1);
                if (pread(fd, backing, length, (off_t)offset) != (ssize_t)length) {
                        free(backing);
                        return bk_fail(err, BK_CORRUPT, "'%s' is cut off", path);
                }
        }
        *ret = (struct layer_header){ .virtual_size = be64toh(size), .backing = backing };
        return 0;
}

int layer_backing_digest(const char *path, const char *backing, char **ret, struct bk_error *err)
{
        static const char prefix[] = "../layers/";
        autofree char *digest = NULL;

        if (strncmp(backing, prefix, strlen(prefix)) == 0 && strlen(backing) > strlen(prefix) + strlen(SUFFIX))
                digest = bk_format("sha256:%.*s", (int)(strlen(backing) - strlen(prefix) - strlen(SUFFIX)),
                                   backing + strlen(prefix));
        if (!bk_digest_valid(digest))
                return bk_fail(err, BK_CORRUPT, "'%s' lies on '%s', which is not a layer of this store", path, backing);
        *ret = bk_take(digest);
        return 0;
}

int layer_info_get(const struct layer_store *store, const char *digest, struct layer_info *ret, struct bk_error *err)
{
        BK_CLEANUP(layer_info_done) struct layer_info info = { .digest = bk_strdup(digest) };
        autofree char *at = bk_strdup(digest);

        for (;;) {
                autofree char *path = layer_path(store, at);
                BK_CLEANUP(layer_header_done) struct layer_header header = { 0 };
                struct stat st;

                if (layer_header_read(path, &header, err) < 0)
                        return bk_wrap(err, "layer %s", at);
                if (info.virtual_size == 0) {
                        if (stat(path, &st) < 0)
                                return bk_fail_errno(err, "layer %s", at);
                        info.size = (uint64_t)st.st_size;
                        info.virtual_size = header.virtual_size;
                }
                if (header.backing == NULL)
                        break;
                free(bk_take(at));
                if (layer_backing_digest(path, header.backing, &at, err) < 0)
                        return -1;
                if (info.backing == NULL)
                        info.backing = bk_strdup(at);
                if (++info.depth > 1000)
                        return bk_fail(err, BK_CORRUPT, "layer %s: its chain of ancestors does not end", digest);
        }
        *ret = info;
        info = (struct layer_info){ 0 };
        return 0;
}

bool layer_is_at(int fd, const char *path)
{
        struct stat ours, there;

        return fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

static char *identity_of(const struct stat *st)
{
        return bk_format("%lu %lu %ld %ld.%09ld %ld.%09ld", (unsigned long)st->st_dev, (unsigned long)st->st_ino,
                         (long)st->st_size, (long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (long)st->st_ctim.tv_sec,
                         st->st_ctim.tv_nsec);
}

static char *stamp_path(const struct layer_store *store, const char *digest)
{
        return bk_format("%s/verified/%s", store->cache, digest + strlen("sha256:"));
}

/* A stamp is a cache: failing to write it costs a later read of the layer, nothing else. */
static void stamp_write(const struct layer_store *store, const char *digest, const struct stat *st)
{
        autofree char *path = stamp_path(store, digest), *identity = identity_of(st);

        (void)!bk_replace_bytes(path, identity, strlen(identity), 0644, NULL);
}

static bool stamp_matches(const struct layer_store *store, const char *digest, const struct stat *st)
{
        autofree char *path = stamp_path(store, digest), *identity = identity_of(st), *known = NULL;

        return bk_read_file(path, 4096, &known, NULL, NULL) == 0 && strcmp(known, identity) == 0;
}

static int verify_one(const struct layer_store *store, const char *digest, bool thorough, struct bk_error *err)
{
        autofree char *path = layer_path(store, digest), *found = NULL;
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat before, after;

        if (fd < 0 && errno == ENOENT)
                return bk_fail(err, BK_NOT_FOUND, "layer %s is gone from the store (it was '%s')", digest, path);
        if (fd < 0 || fstat(fd, &before) < 0)
                return bk_fail_errno(err, "cannot open layer '%s'", path);
        if (!thorough && stamp_matches(store, digest, &before))
                return 0;
        if (bk_digest_fd(fd, &found, err) < 0)
                return bk_wrap(err, "layer '%s'", path);
        if (!bk_streq(found, digest))
                return bk_fail(err, BK_CORRUPT,
                               "layer %s was altered: its content is now %s; nothing may be built on it, restore '%s' from a copy",
                               digest, found, path);
        if (fstat(fd, &after) == 0 && before.st_ctim.tv_sec == after.st_ctim.tv_sec &&
            before.st_ctim.tv_nsec == after.st_ctim.tv_nsec)
                stamp_write(store, digest, &after);
        return 0;
}

int layer_verify(const struct layer_store *store, const char *digest, bool thorough, struct bk_error *err)
{
        autofree char *at = bk_strdup(digest);

        for (unsigned depth = 0; depth < 1000; depth++) {
                autofree char *path = layer_path(store, at);
                BK_CLEANUP(layer_header_done) struct layer_header header = { 0 };

                if (verify_one(store, at, thorough, err) < 0 || layer_header_read(path, &header, err) < 0)
                        return -1;
                if (header.backing == NULL)
                        return 0;
                free(bk_take(at));
                if (layer_backing_digest(path, header.backing, &at, err) < 0)
                        return -1;
        }
        return bk_fail(err, BK_CORRUPT, "layer %s: its chain of ancestors does not end", digest);
}

/* below: where the backing file is; backing: what the overlay calls it. */
static int overlay(const struct layer_store *store, const char *name, const char *below, const char *backing, struct bk_error *err)
{
        autofree char *path = layer_draft_path(store, name);
        BK_CLEANUP(layer_header_done) struct layer_header header = { 0 };
        char size[32];

        if (layer_header_read(below, &header, err) < 0)
                return -1;
        (void)snprintf(size, sizeof size, "%lu", (unsigned long)header.virtual_size);
        /* -u: the ancestor was verified; qemu-img need not open it again. */
        const char *const argv[] = { "qemu-img", "create", "-q", "-u", "-f", "qcow2", "-o", LAYER_QCOW2_OPTIONS,
                                     "-b", backing, "-F", "qcow2", path, size, NULL };

        if (bk_run(argv, QEMU_IMG_TIMEOUT_MS, NULL, err) < 0) {
                (void)unlink(path);
                return -1;
        }
        return 0;
}

int layer_draft_overlay(const struct layer_store *store, const char *name, const char *ancestor, struct bk_error *err)
{
        autofree char *below = layer_path(store, ancestor);
        autofree char *backing = bk_format("../layers/%s%s", ancestor + strlen("sha256:"), SUFFIX);

        return overlay(store, name, below, backing, err) < 0 ? bk_wrap(err, "overlay on layer %s", ancestor) : 0;
}

int layer_draft_above(const struct layer_store *store, const char *name, const char *below, struct bk_error *err)
{
        autofree char *path = layer_draft_path(store, below), *backing = bk_format("%s%s", below, SUFFIX);

        return overlay(store, name, path, backing, err) < 0 ? bk_wrap(err, "overlay on draft '%s'", below) : 0;
}

/* Replaces the draft by a standalone qcow2 of the same content. */
static int convert_draft(const struct layer_store *store, const char *name, const char *format, struct bk_error *err)
{
        autofree char *path = layer_draft_path(store, name);
        autofree char *flat = bk_format("%s/%s.flat%s", store->drafts, name, SUFFIX);

        if (layer_convert(format, path, flat, err) < 0)
                return bk_wrap(err, "cannot convert the draft");
        if (rename(flat, path) < 0)
                return bk_fail_errno(err, "cannot replace '%s'", path);
        return 0;
}

int layer_seal(const struct layer_store *store, const char *name, const char *ancestor, const char *rewrite,
               struct layer_info *ret, struct bk_error *err)
{
        autofree char *path = layer_draft_path(store, name);
        BK_CLEANUP(layer_info_done) struct layer_info below = { 0 }, info = { 0 };
        BK_CLEANUP(layer_header_done) struct layer_header header = { 0 };
        autoclose int fd = -1;
        struct stat st;

        if (ancestor != NULL && layer_info_get(store, ancestor, &below, err) < 0)
                return -1;
        if (rewrite != NULL && convert_draft(store, name, rewrite, err) < 0)
                return -1;
        if (ancestor != NULL && below.depth + 1 >= LAYER_DEPTH_MOST) {
                if (convert_draft(store, name, "qcow2", err) < 0)
                        return -1;
        } else if (ancestor != NULL) {
                info.backing = bk_strdup(ancestor);
                info.depth = below.depth + 1;
        }
        if (layer_header_read(path, &header, err) < 0)
                return -1;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fchown(fd, geteuid(), getegid()) < 0 || fchmod(fd, 0444) < 0 || bk_digest_fd(fd, &info.digest, err) < 0 || fsync(fd) < 0 ||
            fstat(fd, &st) < 0)
                return bk_fail_errno(err, "cannot seal '%s'", path);
        info.size = (uint64_t)st.st_size;
        info.virtual_size = header.virtual_size;
        *ret = info;
        info = (struct layer_info){ 0 };
        return 0;
}

int layer_publish(const struct layer_store *store, const char *name, const struct layer_info *info, struct bk_error *err)
{
        autofree char *draft = layer_draft_path(store, name), *path = layer_path(store, info->digest);
        struct stat st;

        if (bk_exists(path)) {
                if (verify_one(store, info->digest, false, err) == 0)
                        return layer_draft_remove(store, name, err);
                /* The copy in the store is damaged and we hold a good one: it takes its place. */
        }
        if (bk_publish(draft, path, err) < 0)
                return bk_wrap(err, "layer %s", info->digest);
        if (stat(path, &st) == 0 && (uint64_t)st.st_size == info->size)
                stamp_write(store, info->digest, &st);
        return 0;
}

int layer_remove(const struct layer_store *store, const char *digest, struct bk_error *err)
{
        autofree char *path = layer_path(store, digest), *stamp = stamp_path(store, digest);

        (void)unlink(stamp);
        if (unlink(path) < 0 && errno != ENOENT)
                return bk_fail_errno(err, "cannot remove layer '%s'", path);
        return bk_fsync_folder_of(path, err);
}

/* Also what was written beside it: a copy that was being made, what a download notes of itself. */
int layer_draft_files(const struct layer_store *store, const char *name, struct bk_strv *ret, struct bk_error *err)
{
        autodir DIR *dir = opendir(store->drafts);
        const size_t length = strlen(name);

        if (dir == NULL)
                return bk_fail_errno(err, "cannot list '%s'", store->drafts);
        for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
                if (strncmp(entry->d_name, name, length) == 0 && entry->d_name[length] == '.')
                        bk_strv_addf(ret, "%s/%s", store->drafts, entry->d_name);
        return 0;
}

int layer_draft_remove(const struct layer_store *store, const char *name, struct bk_error *err)
{
        autostrv struct bk_strv files = { 0 };

        if (layer_draft_files(store, name, &files, err) < 0)
                return -1;
        for (size_t i = 0; i < files.n; i++)
                if (unlink(files.v[i]) < 0 && errno != ENOENT)
                        return bk_fail_errno(err, "cannot remove draft '%s'", files.v[i]);
        return 0;
}

static int by_text(const void *a, const void *b)
{
        return strcmp(*(char *const *)a, *(char *const *)b);
}

int layer_list(const struct layer_store *store, struct bk_strv *ret, struct bk_error *err)
{
        autodir DIR *dir = opendir(store->layers);
        autostrv struct bk_strv list = { 0 };

        if (dir == NULL)
                return bk_fail_errno(err, "cannot list '%s'", store->layers);
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                const char *dot = strchr(entry->d_name, '.');
                autofree char *digest = dot == NULL ? NULL :
                                        bk_format("sha256:%.*s", (int)(dot - entry->d_name), entry->d_name);

                if (bk_digest_valid(digest) && bk_streq(dot, SUFFIX))
                        bk_strv_add(&list, digest);
        }
        if (list.n > 0)
                qsort(list.v, list.n, sizeof *list.v, by_text);
        *ret = list;
        list = (struct bk_strv){ 0 };
        return 0;
}
