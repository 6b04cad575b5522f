/* What a machine boots: every medium has a boot sector that writes one letter to
 * the serial port, 'D' on disks and 'C' on CDs. */
#include "tests/unit/vm/embedded.h"

#include "vm/qemuargs.h"

#define SERIAL ROOM "/serial.log"
#define BOOTABLE ROOM "/bootable.raw"
#define EMPTY ROOM "/empty.raw"

enum { MOST = 6, SECTOR = 512, DISK_SIZE = 1 << 20, DEADLINE_MS = 60000 };

static const struct row {
        const char *name, *machine, *bus, *disk, *cd_bus;
        bool cd_first;
        char want;
        struct vm_qemuarg v[MOST];
} rows[] = {
        { "an empty disk falls through to the CD", "pc", "virtio", EMPTY, NULL, false, 'C' },
        { "so does one of a q35", "q35", "sata", EMPTY, NULL, false, 'C' },
        { "a CD of virtio-scsi", "pc", "virtio-scsi", EMPTY, "virtio-scsi", false, 'C' },
        { "the disk comes first: virtio", "pc", "virtio", BOOTABLE, NULL, false, 'D' },
        { "ide", "pc", "ide", BOOTABLE, NULL, false, 'D' },
        { "sata", "pc", "sata", BOOTABLE, NULL, false, 'D' },
        { "sata of a q35", "q35", "sata", BOOTABLE, NULL, false, 'D' },
        { "scsi", "pc", "scsi", BOOTABLE, NULL, false, 'D' },
        { "virtio-scsi", "q35", "virtio-scsi", BOOTABLE, NULL, false, 'D' },
        { "usb", "pc", "usb", BOOTABLE, NULL, false, 'D' },
        { "unless the CD is to", "pc", "virtio", BOOTABLE, NULL, true, 'C' },
        { "-boot d", "pc", "virtio", BOOTABLE, NULL, false, 'C', { { "-boot", "d" } } },
        { "Packer's disk on a controller of the template", "pc", "virtio-scsi", BOOTABLE, NULL, false, 'D',
          { { "-device", "virtio-scsi-pci,id=scsi0" }, { "-device", "scsi-hd,bus=scsi0.0,drive=drive0" } } },
        { "while it is empty", "pc", "virtio-scsi", EMPTY, NULL, false, 'C',
          { { "-device", "virtio-scsi-pci,id=scsi0" }, { "-device", "scsi-hd,bus=scsi0.0,drive=drive0" } } },
        { "drives of the template", "pc", "virtio", EMPTY, NULL, false, 'D',
          { { "-drive", "file=" BOOTABLE ",if=virtio,format=raw" }, { "-drive", "file=" CD ",media=cdrom" } } },
        { "while they are empty", "pc", "virtio", EMPTY, NULL, false, 'C',
          { { "-drive", "file=" EMPTY ",if=virtio,format=raw" }, { "-drive", "file=" CD ",media=cdrom" } } },
        { "with -boot once=d", "pc", "virtio", EMPTY, NULL, false, 'C',
          { { "-drive", "file=" BOOTABLE ",if=virtio,format=raw" }, { "-cdrom", CD }, { "-boot", "once=d" } } },
        { "only its drive", "q35", "virtio-scsi", EMPTY, NULL, false, 'D', { { "-drive", "file=" BOOTABLE ",if=none,id=drive0,format=raw" } } },
};

/* mov dx, COM1; mov al, letter; out dx, al; hlt; jmp to the hlt */
static void sector(const char *path, char letter, off_t size)
{
        unsigned char bytes[SECTOR] = { 0xba, 0xf8, 0x03, 0xb0, (unsigned char)letter, 0xee, 0xf4, 0xeb, 0xfd };
        const int fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);

        bytes[SECTOR - 2] = 0x55;
        bytes[SECTOR - 1] = 0xaa;
        if (fd < 0 || write(fd, bytes, sizeof bytes) != sizeof bytes || ftruncate(fd, size) < 0)
                die(path);
        (void)close(fd);
}

static void make_media(void)
{
        const char *const xorriso[] = { "xorriso", "-as", "mkisofs", "-quiet", "-o", CD, "-b", "boot.img", "-no-emul-boot", "-boot-load-size", "4",
                                        ROOM "/iso", NULL };
        struct bk_error err = { 0 };

        sector(BOOTABLE, 'D', DISK_SIZE);
        file(EMPTY, DISK_SIZE);
        if (bk_mkdir_p(ROOM "/iso", &err) < 0)
                die(err.text);
        sector(ROOM "/iso/boot.img", 'C', 2048);
        (void)unlink(CD);
        if (bk_run(xorriso, 30000, NULL, &err) < 0 || vm_host_give(ROOM, &err) < 0)
                die(err.text);
}

/* The first letter on the serial port; 0: none in time. */
static char letter(void)
{
        const int64_t until = bk_now_ms() + DEADLINE_MS;
        char ret = 0;

        while (ret == 0 && bk_now_ms() < until) {
                autofree char *text = NULL;
                size_t length = 0;
                struct bk_error err = { 0 };

                (void)usleep(20000);    /* a file that another process grows has no event that inotify's limits would not spoil */
                if (bk_read_file(SERIAL, 1 << 20, &text, &length, &err) == 0 && length > 0)
                        ret = text[strcspn(text, "CD")];
        }
        return ret;
}

static void boot(virConnectPtr libvirt, const struct row *row)
{
        struct vm_domain domain = {
                .name = "boot", .machine = row->machine, .memory = 64 * MiB, .network = true, .serial_log = SERIAL, .cd_first = row->cd_first,
                .disks = { { .path = row->disk, .format = "raw", .bus = row->bus } }, .n_disks = 1,
                .cds = { { .path = CD, .bus = row->cd_bus } }, .n_cds = 1,
        };
        BK_CLEANUP(vm_qemuargs_done) struct vm_qemuargs args = { 0 };
        autofree char *xml = NULL;
        struct bk_error err = { 0 };
        virDomainPtr guest = NULL;
        char got;
        size_t n = 0;

        while (n < MOST && row->v[n].name != NULL)
                n++;
        (void)unlink(SERIAL);
        if (vm_qemuargs_apply(row->v, n, 0, 0, &domain, &args, &err) == 0 && vm_domain_xml(&domain, &xml, &err) == 0)
                guest = virDomainCreateXML(libvirt, xml, 0);
        if (guest == NULL) {
                (void)fprintf(report, "not %s: %s\n", row->name, err.text[0] != '\0' ? err.text : virGetLastErrorMessage());
                return;
        }
        got = letter();
        (void)fprintf(report, "%s %s: '%c'\n", got == row->want ? "ok" : "not", row->name, got != 0 ? got : '-');
        (void)fflush(report);
        (void)virDomainDestroy(guest);
        (void)virDomainFree(guest);
}

static void boot_all(virConnectPtr libvirt)
{
        make_media();
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                boot(libvirt, &rows[i]);
}

static void machines_boot_what_they_should(void **state)
{
        (void)state;
        need("xorriso");
        with_libvirt(boot_all);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(machines_boot_what_they_should),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
