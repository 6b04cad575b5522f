/* Disks that do not begin as an overlay: empty ones, and copies of images from outside, which nobody vouches for. */
#include "layers/layer_priv.h"

#include <fcntl.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"

enum {
        DESCRIPTOR = 0x200, DESCRIPTOR_SIZE = 20 * 0x200,       /* of a VMDK file, as QEMU reads it */
        HEAD = DESCRIPTOR + DESCRIPTOR_SIZE,                    /* bytes of a file that are looked at */
};

int layer_disk_create(const char *path, uint64_t bytes, struct bk_error *err)
{
        autofree char *size = bk_format("%llu", (unsigned long long)bytes);
        const char *const argv[] = { "qemu-img", "create", "-q", "-f", "qcow2", "-o", LAYER_QCOW2_OPTIONS, path, size, NULL };

        if (bk_run(argv, QEMU_IMG_TIMEOUT_MS, NULL, err) < 0) {
                (void)unlink(path);
                return bk_wrap(err, "empty disk of %s bytes", size);
        }
        return 0;
}

int layer_convert(const char *format, const char *from, const char *to, struct bk_error *err)
{
        const char *const argv[] = { "qemu-img", "convert", "-q", "-W", "-m", "8", "-f", format, "-O", "qcow2",
                                     "-o", LAYER_QCOW2_OPTIONS, from, to, NULL };

        if (bk_run(argv, QEMU_IMG_TIMEOUT_MS, NULL, err) < 0) {
                (void)unlink(to);
                return -1;
        }
        return 0;
}

/* A backing file, or bit 2 of the incompatible features (version 3): an external data file. All big-endian. */
static bool qcow2_leans(const unsigned char *head)
{
        uint64_t backing;

        memcpy(&backing, head + 8, sizeof backing);
        return backing != 0 || (head[7] >= 3 && (head[79] & 4) != 0);
}

/* A parent, or a capacity of 0: then QEMU takes the disk's parts from the descriptor, wherever they are. */
static bool vmdk_leans(const unsigned char *head)
{
        static const char parent[] = "parentFileNameHint";
        uint64_t capacity;

        memcpy(&capacity, head + 12, sizeof capacity);
        return capacity == 0 || memmem(head + DESCRIPTOR, DESCRIPTOR_SIZE, parent, strlen(parent)) != NULL;
}

/* A text that names the files of a disk. */
static bool descriptor_leans(const unsigned char *head)
{
        (void)head;
        return true;
}

/* What a file begins with; anything else is the disk itself. */
static const struct { const char *magic, *format; bool (*leans)(const unsigned char *head); } known[] = {
        { "QFI\xfb",   "qcow2", qcow2_leans },
        { "KDMV",      "vmdk",  vmdk_leans },
        { "# Disk D",  "vmdk",  descriptor_leans },
        { "vhdxfile",  "vhdx",  NULL },         /* QEMU refuses one with a parent */
        { "conectix",  "vpc",   NULL },         /* ... and does not look for one here */
};

/* The format is told here, not left to QEMU to guess, and what names other files is refused: it could name any file of the host. */
static int format_of(const char *path, const char **ret, struct bk_error *err)
{
        unsigned char head[HEAD] = { 0 };
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0 || read(fd, head, sizeof head) < 0)
                return bk_fail_errno(err, "cannot read '%s'", path);
        *ret = "raw";
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                if (memcmp(head, known[i].magic, strlen(known[i].magic)) != 0)
                        continue;
                if (known[i].leans != NULL && known[i].leans(head))
                        return bk_fail(err, BK_INVALID, "disk image '%s' leans on other files; make it whole with `qemu-img convert`", path);
                *ret = known[i].format;
        }
        return 0;
}

int layer_disk_import(const char *path, const char *from, uint64_t bytes, struct bk_error *err)
{
        autofree char *size = bk_format("%llu", (unsigned long long)bytes);
        const char *const resize[] = { "qemu-img", "resize", "-q", "-f", "qcow2", path, size, NULL };
        const char *format = NULL;

        if (format_of(from, &format, err) < 0)
                return -1;
        if (layer_convert(format, from, path, err) < 0)
                return bk_wrap(err, "disk image '%s'", from);
        if (bytes != 0 && bk_run(resize, QEMU_IMG_TIMEOUT_MS, NULL, err) < 0) {
                (void)unlink(path);
                return bk_wrap(err, "disk image '%s' cannot be made %s bytes large", from, size);
        }
        return 0;
}
