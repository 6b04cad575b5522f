/* The boot loader, written rather than installed.
 *
 * grub-install asks devices what they are; a loop device in a sandbox has no good
 * answer, and what it answers ends up in grub.cfg. So the image's own grub-mkimage makes
 * two core images that look for the root file system by the UUID that we chose, and we put
 * them where BIOS and UEFI look. Offsets in boot.img and diskboot.img are those of GRUB's
 * include/grub/i386/pc/boot.h: 0x5c first sector of the core (8 bytes), 0x66 a jump
 * that a hard disk's boot sector has as two NOPs; 0x1f4 the block list of the core's rest
 * (first sector, 8 bytes). */
#include "layers/foundation.h"

#include <endian.h>
#include <fcntl.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"

enum { SECTOR = 512, MBR_CODE = 440, GRUB_TIMEOUT_MS = 120000, IMAGE_MOST = 16 << 20 };

static const char CORE_FOLDER[] = "/tmp";       /* the sandbox' own, gone with it */

/* Both core images hold every module that grub.cfg needs, so nothing depends on
 * module files that an upgrade of the package would exchange. */
#define GRUB_MODULES "part_gpt", "part_msdos", "search", "search_fs_uuid", "search_label", "normal", "configfile", \
        "linux", "echo", "test", "serial", "terminal", "all_video", "gzio", "minicmd", "ls", "cat", "halt", "reboot", \
        "sleep", "loadenv", "true", "fat"

static const struct core { const char *format, *file, *extra; } cores[] = {
        { "i386-pc",    "bios.img", "biosdisk" },
        { "x86_64-efi", "efi.img",  "efi_gop" },
};

static int make_core(const struct core *core, struct chroot *chroot, const struct disk_layout *layout, struct bk_error *err)
{
        autofree char *output = bk_format("%s/%s", CORE_FOLDER, core->file), *early = bk_format("%s/early.cfg", CORE_FOLDER);
        const char *const argv[] = { "grub-mkimage", "-O", core->format, "-o", output, "-p", "/boot/grub", "-c", early,
                                     core->extra, layout->fs->grub_module, GRUB_MODULES, NULL };
        const struct bk_run run = { .argv = argv, .timeout_ms = GRUB_TIMEOUT_MS };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };

        if (chroot_run(chroot, &run, &result, err) < 0)
                return -1;
        return result.status == 0 ? 0 : bk_run_fail(err, "grub-mkimage", result.status, result.err);
}

static int write_bios(const char *disk, const char *boot, size_t boot_length, char *core, size_t core_length,
                      const struct disk_layout *layout, struct bk_error *err)
{
        autoclose int fd = open(disk, O_RDWR | O_CLOEXEC);
        const uint64_t first = htole64(layout->bios_offset / SECTOR), rest = htole64(layout->bios_offset / SECTOR + 1);
        unsigned char code[MBR_CODE];

        if (fd < 0)
                return bk_fail_errno(err, "cannot open '%s'", disk);
        if (boot_length != SECTOR || core_length < SECTOR || core_length > layout->bios_size)
                return bk_fail(err, BK_FAILED, "GRUB's boot.img (%zu bytes) or core (%zu bytes) does not fit", boot_length, core_length);
        memcpy(code, boot, sizeof code);
        memcpy(code + 0x5c, &first, sizeof first);
        memset(code + 0x66, 0x90, 2);
        memcpy(core + 0x1f4, &rest, sizeof rest);
        if (pwrite(fd, code, sizeof code, 0) != sizeof code ||
            pwrite(fd, core, core_length, (off_t)layout->bios_offset) != (ssize_t)core_length)
                return bk_fail_errno(err, "cannot write the boot loader to '%s'", disk);
        return 0;
}

/* mtools reads its image's name from the command line, offset included; quoting is not needed for '@@'. */
static int write_esp(const char *disk, const char *core, size_t core_length, const struct disk_layout *layout, struct bk_error *err)
{
        autofree char *image = bk_format("%s@@%lu", disk, (unsigned long)layout->esp_offset);
        const char *const mkdir_argv[] = { "mmd", "-i", image, "::/EFI", "::/EFI/BOOT", NULL };
        const char *const copy_argv[] = { "mcopy", "-o", "-i", image, "-", "::/EFI/BOOT/BOOTX64.EFI", NULL };
        const struct bk_run run = { .argv = copy_argv, .timeout_ms = GRUB_TIMEOUT_MS, .input = core, .input_len = core_length };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };

        if (bk_run(mkdir_argv, GRUB_TIMEOUT_MS, NULL, err) < 0 || bk_run_with(&run, &result, err) < 0)
                return bk_wrap(err, "EFI system partition");
        return result.status == 0 ? 0 : bk_run_fail(err, "mcopy", result.status, result.err);
}

static int write_config(const struct foundation_config *config, int root_fd, const struct disk_layout *layout, struct bk_error *err)
{
        autofree char *text = bk_format(
                "# Written by bakery. /vmlinuz and /initrd.img are links that the linux-base\n"
                "# package keeps pointing at the newest kernel: nothing here changes with it.\n"
                "serial --unit=0 --speed=115200\n"
                "terminal_input console serial\n"
                "terminal_output console serial\n"
                "set default=0\n"
                "set timeout=1\n"
                "menuentry 'Linux' {\n"
                "        search --no-floppy --fs-uuid --set=root %s\n"
                "        linux /vmlinuz root=UUID=%s ro console=tty0 console=ttyS0,115200%s%s\n"
                "        initrd /initrd.img\n"
                "}\n"
                "menuentry 'Linux, the kernel before' {\n"
                "        search --no-floppy --fs-uuid --set=root %s\n"
                "        linux /vmlinuz.old root=UUID=%s ro console=tty0 console=ttyS0,115200%s%s\n"
                "        initrd /initrd.img.old\n"
                "}\n",
                layout->root_uuid, layout->root_uuid, config->kernel_options ? " " : "",
                config->kernel_options ? config->kernel_options : "",
                layout->root_uuid, layout->root_uuid, config->kernel_options ? " " : "",
                config->kernel_options ? config->kernel_options : "");

        return bk_write_in_root(root_fd, "/boot/grub/grub.cfg", text, strlen(text), 0644, err);
}

int foundation_boot_loader(const struct foundation_config *config, const char *disk, int root_fd,
                           struct chroot *chroot, const struct disk_layout *layout, struct bk_error *err)
{
        autofree char *early = bk_format("search.fs_uuid %s root\nset prefix=($root)/boot/grub\n", layout->root_uuid);
        autofree char *early_path = bk_format("%s/early.cfg", CORE_FOLDER), *boot = NULL;
        const int inside = chroot_root_fd(chroot);
        size_t boot_length = 0;

        if (write_config(config, root_fd, layout, err) < 0 ||
            bk_write_in_root(inside, early_path, early, strlen(early), 0600, err) < 0 ||
            bk_read_in_root(root_fd, "/usr/lib/grub/i386-pc/boot.img", IMAGE_MOST, &boot, &boot_length, err) < 0)
                return bk_wrap(err, "boot loader");
        for (size_t i = 0; i < sizeof cores / sizeof *cores; i++) {
                autofree char *path = bk_format("%s/%s", CORE_FOLDER, cores[i].file), *core = NULL;
                size_t length = 0;

                if (make_core(&cores[i], chroot, layout, err) < 0 ||
                    bk_read_in_root(inside, path, IMAGE_MOST, &core, &length, err) < 0)
                        return bk_wrap(err, "boot loader for %s", cores[i].format);
                if ((i == 0 ? write_bios(disk, boot, boot_length, core, length, layout, err)
                            : write_esp(disk, core, length, layout, err)) < 0)
                        return bk_wrap(err, "boot loader for %s", cores[i].format);
        }
        return 0;
}
