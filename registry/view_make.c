/* Making views: the disk flattened and compressed by qemu-img, a tar file around it, and the metadata of simplestreams.
 *
 * Vagrant's box format: https://developer.hashicorp.com/vagrant/docs/boxes/format, and vagrant-libvirt's "Create Box"; LXD's image format:
 * https://documentation.ubuntu.com/lxd/en/latest/reference/image_format/ (split images; of virtual machines the disk is qcow2). */
#include "registry/view.h"

#include <fcntl.h>
#include <lzma.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/lease.h"
#include "lib/publish.h"
#include "lib/tar.h"
#include "registry/life_priv.h"

enum { PIECE = 1 << 20, META_MOST = 1 << 20, TURN_MS = 2 * 60 * 60 * 1000 };

/* As the kernel calls machines, which is what LXD, Incus and libvirt want. */
static const char *machine_of(const struct reg_image *image)
{
        static const struct { const char *debian, *kernel; } names[] = {
                { "amd64", "x86_64" }, { "arm64", "aarch64" }, { "i386", "i686" }, { "armhf", "armv7l" }, { "ppc64el", "ppc64le" },
        };
        const char *name = reg_image_attribute(image, "architecture");

        for (size_t i = 0; name != NULL && i < sizeof names / sizeof *names; i++)
                if (strcmp(names[i].debian, name) == 0)
                        return names[i].kernel;
        return name == NULL ? "x86_64" : name;
}

static int put_member(int fd, const char *name, const char *text, size_t length, int64_t at, struct bk_error *err)
{
        return bk_tar_put_header(fd, name, length, at, err) < 0 || bk_write_all(fd, text, length, err) < 0 ||
               bk_tar_put_end(fd, length, err) < 0 ? -1 : 0;
}

/* --- metadata of simplestreams ------------------------------------------------------ */
/* YAML is what is asked for, and JSON is YAML. */
static char *metadata_yaml(const struct reg_image *image)
{
        const char *release = reg_image_attribute(image, "release");
        json_t *object = json_pack("{s:o, s:I, s:{s:o, s:o, s:o, s:o, s:I, s:o}, s:{}}", "architecture", reg_json_text(machine_of(image)),
                                   "creation_date", (json_int_t)image->created_at, "properties", "description", reg_json_text(image->name),
                                   "os", reg_json_text(image->name), "release", reg_json_text(release == NULL ? "" : release),
                                   "architecture", reg_json_text(machine_of(image)), "serial", (json_int_t)image->sequence,
                                   "bakery_image", reg_json_text(image->id), "templates");
        char *text = json_dumps(object, JSON_INDENT(2) | JSON_SORT_KEYS);

        json_decref(object);
        return text;
}

static int compress(const char *bytes, size_t length, struct bk_buf *ret, struct bk_error *err)
{
        const size_t room = lzma_stream_buffer_bound(length);
        autofree uint8_t *out = bk_alloc(room);
        size_t n = 0;

        if (lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, (const uint8_t *)bytes, length, out, &n, room) != LZMA_OK)
                return bk_fail(err, BK_INTERNAL, "cannot compress %zu bytes by LZMA", length);
        bk_buf_add(ret, out, n);
        return 0;
}

static int make_meta(const struct reg_image *image, struct bk_buf *ret, struct bk_error *err)
{
        autofree char *yaml = metadata_yaml(image), *tar = NULL;
        autoclose int fd = memfd_create("meta", MFD_CLOEXEC);
        size_t length = 0;

        if (fd < 0)
                return bk_fail_errno(err, "cannot make a file in memory");
        if (yaml == NULL)
                return bk_fail(err, BK_INTERNAL, "the metadata of '%s' cannot be written", image->id);
        if (put_member(fd, "metadata.yaml", yaml, strlen(yaml), image->created_at, err) < 0 || bk_tar_finish(fd, err) < 0)
                return -1;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return bk_fail_errno(err, "cannot read a file in memory");
        return bk_read_fd(fd, META_MOST, &tar, &length, err) < 0 ? -1 : compress(tar, length, ret, err);
}

/* --- the box ------------------------------------------------------------------------- */
#define VAGRANTFILE \
        "Vagrant.configure(\"2\") do |config|\n" \
        "  config.vm.provider :libvirt do |libvirt|\n" \
        "    libvirt.disk_bus = \"virtio\"\n" \
        "  end\n" \
        "end\n"

static char *box_metadata(const struct reg_image *image)
{
        const uint64_t gib = (image->virtual_size + ((uint64_t)1 << 30) - 1) >> 30;
        json_t *object = json_pack("{s:s, s:s, s:I, s:o, s:o}", "provider", "libvirt", "format", "qcow2", "virtual_size", (json_int_t)gib,
                                   "architecture", reg_json_text(reg_image_attribute(image, "architecture")), "bakery_image",
                                   reg_json_text(image->id));
        char *text = json_dumps(object, JSON_COMPACT);

        json_decref(object);
        return text;
}

/* The disk goes into the box and into two digests on the way. */
static int copy_disk(int from, int to, struct bk_hash *disk, struct bk_hash *combined, struct bk_error *err)
{
        autofree char *piece = bk_alloc(PIECE);
        ssize_t n;

        while ((n = read(from, piece, PIECE)) > 0) {
                bk_hash_add(disk, piece, (size_t)n);
                bk_hash_add(combined, piece, (size_t)n);
                if (bk_write_all(to, piece, (size_t)n, err) < 0)
                        return -1;
        }
        return n < 0 ? bk_fail_errno(err, "cannot read the disk") : 0;
}

static char *bare(char *digest)
{
        char *hex = bk_strdup(digest + strlen("sha256:"));

        free(digest);
        return hex;
}

static int fill_box(const struct reg_image *image, int disk, int box, const struct bk_buf *meta, struct reg_view *view, struct bk_error *err)
{
        autofree char *about = box_metadata(image);
        struct bk_hash *of_disk = NULL, *combined = NULL;
        struct stat st;
        off_t start;
        int status;

        if (fstat(disk, &st) < 0)
                return bk_fail_errno(err, "cannot look at the disk");
        if (put_member(box, "metadata.json", about, strlen(about), image->created_at, err) < 0 ||
            put_member(box, "Vagrantfile", VAGRANTFILE, strlen(VAGRANTFILE), image->created_at, err) < 0 ||
            bk_tar_put_header(box, "box.img", (uint64_t)st.st_size, image->created_at, err) < 0)
                return -1;
        start = lseek(box, 0, SEEK_CUR);
        of_disk = bk_hash_new();
        combined = bk_hash_new();
        bk_hash_add(combined, meta->data, meta->len);
        status = copy_disk(disk, box, of_disk, combined, err);
        view->disk_sha256 = bare(bk_hash_finish(of_disk));
        view->combined_sha256 = bare(bk_hash_finish(combined));
        view->disk_start = (uint64_t)start;
        view->disk_size = (uint64_t)st.st_size;
        if (status < 0 || bk_tar_put_end(box, (uint64_t)st.st_size, err) < 0 || bk_tar_finish(box, err) < 0)
                return -1;
        view->box_size = (uint64_t)lseek(box, 0, SEEK_CUR);
        return 0;
}

static int make_box(const struct reg_image *image, const char *disk_path, const char *box_path, const struct bk_buf *meta, struct reg_view *view,
                    struct bk_error *err)
{
        autoclose int disk = open(disk_path, O_RDONLY | O_CLOEXEC), box = open(box_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        autofree char *digest = NULL;

        if (disk < 0 || box < 0)
                return bk_fail_errno(err, "cannot open '%s'", disk < 0 ? disk_path : box_path);
        if (fill_box(image, disk, box, meta, view, err) < 0 || bk_digest_fd(box, &digest, err) < 0)
                return -1;
        view->box_sha256 = bare(bk_take(digest));
        return fsync(box) < 0 ? bk_fail_errno(err, "cannot write '%s'", box_path) : 0;
}

/* --- all of it ----------------------------------------------------------------------- */
static char *record_of(const struct reg_view *view)
{
        json_t *record = json_pack("{s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:s}", "box_size", (json_int_t)view->box_size, "disk_start",
                                   (json_int_t)view->disk_start, "disk_size", (json_int_t)view->disk_size, "meta_size", (json_int_t)view->meta_size,
                                   "box_sha256", view->box_sha256, "disk_sha256", view->disk_sha256, "meta_sha256", view->meta_sha256,
                                   "combined_sha256", view->combined_sha256);
        char *text = json_dumps(record, JSON_INDENT(2));

        json_decref(record);
        return text;
}

static int make(const struct layer_store *store, const struct reg_image *image, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf meta = { 0 };
        BK_CLEANUP(reg_view_done) struct reg_view view = { 0 };
        autofree char *disk = reg_view_path(store, image->id, "disk"), *box = reg_view_path(store, image->id, REG_VIEW_BOX);
        autofree char *meta_path = reg_view_path(store, image->id, REG_VIEW_META), *record = reg_view_path(store, image->id, "view.json");
        autofree char *text = NULL, *digest = NULL;

        if (make_meta(image, &meta, err) < 0 || layer_export(store, image->layer, layer_format_find("qcow2-compressed"), disk, err) < 0 ||
            make_box(image, disk, box, &meta, &view, err) < 0)
                return -1;
        (void)unlink(disk);
        digest = bk_digest_bytes(meta.data, meta.len);
        view.meta_sha256 = bk_strdup(digest + strlen("sha256:"));
        view.meta_size = meta.len;
        text = record_of(&view);
        if (text == NULL)
                return bk_fail(err, BK_INTERNAL, "the record of a view cannot be written");
        return bk_publish_bytes(meta_path, meta.data, meta.len, 0644, err) < 0 ||
               bk_publish_bytes(record, text, strlen(text), 0644, err) < 0 ? -1 : 0;
}

/* Within the lock, what is there without a record was left by one that died. */
int reg_view_make(const struct layer_store *store, const struct reg_image *image, struct bk_error *err)
{
        BK_CLEANUP(reg_view_done) struct reg_view known = { 0 };
        autofree char *views = bk_format("%s/views", store->cache), *lock = bk_format("%s/views.lock", store->cache);
        autofree char *folder = reg_view_path(store, image->id, "");
        struct bk_error why = { 0 };
        autoclose int held = -1;
        int status;

        if (bk_mkdir_p(views, err) < 0 || bk_lock_take(lock, TURN_MS, &held, err) < 0)
                return -1;
        status = reg_view_get(store, image->id, &known, err);
        if (status != 0)
                return status < 0 ? -1 : 0;
        if (bk_remove_tree(folder, err) < 0 || bk_mkdir_p(folder, err) < 0)
                return -1;
        if (make(store, image, err) < 0) {
                if (bk_remove_tree(folder, &why) < 0)
                        return bk_wrap(err, "a view of '%s', which stays half made", image->name);
                return bk_wrap(err, "a view of '%s'", image->name);
        }
        return 0;
}
