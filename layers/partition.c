/* Making a disk: one GPT that BIOS and UEFI machines both boot from.
 *
 * Everything is chosen before it is made - offsets, and the UUIDs of the file
 * systems - so that fstab and the boot loader never have to ask a device. */
#include "layers/disk.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <string.h>
#include <sys/ioctl.h>

#include "layers/disk_priv.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"

#define MIB (1024ULL * 1024)

enum { TOOL_TIMEOUT_MS = 10 * 60 * 1000 };

static int new_uuid(char ret[static 37], struct bk_error *err)
{
        autofree char *text = NULL;

        if (bk_read_file("/proc/sys/kernel/random/uuid", 64, &text, NULL, err) < 0)
                return -1;
        (void)snprintf(ret, 37, "%.36s", text);
        return 0;
}

static int write_table(const char *path, const struct disk_layout *layout, struct bk_error *err)
{
        /* Types: GRUB's BIOS boot partition, the EFI system partition, and root of x86-64
         * in the Discoverable Partitions Specification. */
        autofree char *script = bk_format(
                "label: gpt\n"
                "start=%lu, size=%lu, type=21686148-6449-6e6f-744e-656564454649, name=bios\n"
                "start=%lu, size=%lu, type=c12a7328-f81f-11d2-ba4b-00a0c93ec93b, name=esp\n"
                "start=%lu, size=%lu, type=4f68bce3-e8cd-4db1-96e7-fbcaf984b709, name=root\n",
                layout->bios_offset / 512, layout->bios_size / 512, layout->esp_offset / 512, layout->esp_size / 512,
                layout->root_offset / 512, layout->root_size / 512);
        const char *const argv[] = { "sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", path, NULL };
        const struct bk_run run = { .argv = argv, .timeout_ms = TOOL_TIMEOUT_MS, .input = script, .input_len = strlen(script) };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };

        if (bk_run_with(&run, &result, err) < 0)
                return -1;
        return result.status == 0 ? 0 : bk_run_fail(err, "sfdisk", result.status, result.err);
}

static int make_esp(const char *path, const struct disk_layout *layout, struct bk_error *err)
{
        autofree char *offset = bk_format("%lu", layout->esp_offset / 512);
        autofree char *blocks = bk_format("%lu", layout->esp_size / 1024);
        const char id[] = { layout->esp_id[0], layout->esp_id[1], layout->esp_id[2], layout->esp_id[3],
                            layout->esp_id[5], layout->esp_id[6], layout->esp_id[7], layout->esp_id[8], '\0' };
        /* One sector a cluster: mkfs.fat would choose by the size of the whole file, and get too few clusters for FAT32. */
        const char *const argv[] = { "mkfs.fat", "-F", "32", "-s", "1", "-n", "ESP", "-i", id, "--offset", offset, path, blocks, NULL };

        return bk_run(argv, TOOL_TIMEOUT_MS, NULL, err);
}

static int make_root(const char *path, const struct disk_layout *layout, struct bk_error *err)
{
        autoclose int file = open(path, O_RDWR | O_CLOEXEC), loop = -1;
        autostrv struct bk_strv argv = { 0 };
        char device[32];

        if (file < 0)
                return bk_fail_errno(err, "cannot open '%s'", path);
        if (disk_loop_attach(file, layout->root_offset, layout->root_size, false, &loop, device, sizeof device, err) < 0)
                return -1;
        for (size_t i = 0; layout->fs->mkfs[i] != NULL; i++) {
                const char *word = layout->fs->mkfs[i], *mark = strstr(word, "%U");

                if (mark == NULL)
                        bk_strv_add(&argv, word);
                else
                        bk_strv_addf(&argv, "%.*s%s%s", (int)(mark - word), word, layout->root_uuid, mark + 2);
        }
        bk_strv_add(&argv, device);
        return bk_run((const char *const *)argv.v, TOOL_TIMEOUT_MS, NULL, err);
}

int disk_create(const char *path, struct disk_layout *layout, struct bk_error *err)
{
        autoclose int fd = -1;
        char uuid[37];

        layout->bios_offset = 1 * MIB;
        layout->bios_size = 1 * MIB;
        layout->esp_offset = 2 * MIB;
        layout->esp_size = 126 * MIB;
        layout->root_offset = 128 * MIB;
        if (layout->size < 512 * MIB)
                return bk_fail(err, BK_INVALID, "a disk of %lu MiB is too small; 512 MiB is the least",
                               (unsigned long)(layout->size / MIB));
        layout->size -= layout->size % MIB;
        layout->root_size = layout->size - layout->root_offset - 1 * MIB;       /* the second GPT lies at the end */
        if (new_uuid(layout->root_uuid, err) < 0 || new_uuid(uuid, err) < 0)
                return -1;
        (void)snprintf(layout->esp_id, sizeof layout->esp_id, "%.4s-%.4s", uuid, uuid + 4);
        for (char *p = layout->esp_id; *p != '\0'; p++)
                if (*p >= 'a' && *p <= 'f')
                        *p = (char)(*p - 'a' + 'A');
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0 || ftruncate(fd, (off_t)layout->size) < 0)
                return bk_fail_errno(err, "cannot create disk '%s'", path);
        if (write_table(path, layout, err) < 0 || make_esp(path, layout, err) < 0 || make_root(path, layout, err) < 0)
                return bk_wrap(err, "cannot make the disk");
        return 0;
}
