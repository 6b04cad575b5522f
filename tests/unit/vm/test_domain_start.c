/* QEMU takes every machine that has a golden file, and what becomes of qemuargs:
 * each is started, paused, by libvirt's embedded driver, and destroyed. */
#include "tests/unit/vm/embedded.h"

#include "vm/qemuargs.h"

enum { MOST = 10, PORT = 42022 };

/* Arguments of templates, on what Packer's defaults make: devices of QEMU's own beside libvirt's. */
static const struct given {
        const char *name, *machine, *bus;
        struct vm_qemuarg v[MOST];
} given[] = {
        { "tablet-and-rng", "pc", "virtio", { { "-usb" }, { "-device", "usb-tablet" }, { "-object", "rng-random,id=rng0,filename=/dev/urandom" },
                                              { "-device", "virtio-rng-pci,rng=rng0,id=rng0" }, { "-rtc", "base=localtime" } } },
        { "own-network", "pc", "virtio", { { "-netdev", "user,id=user.0,hostfwd=tcp::42023-:22" }, { "-device", "virtio-net,netdev=user.0" } } },
        { "own-card", "q35", "virtio", { { "-device", "virtio-net,netdev=user.0,romfile=" }, { "-device", "qemu-xhci,id=usb" },
                                         { "-device", "usb-kbd" } } },
        { "own-scsi", "pc", "virtio-scsi", { { "-device", "virtio-scsi-pci,id=scsi0" }, { "-device", "scsi-hd,bus=scsi0.0,drive=drive0" },
                                             { "-device", "virtio-net,netdev=user.0" } } },
        { "spare-scsi", "q35", "virtio-scsi", { { "-device", "virtio-scsi-pci,id=scsi0" } } },
        { "own-drives", "pc", "virtio", { { "-drive", "file=" DISK ",if=virtio,cache=writeback,discard=ignore,format=qcow2" },
                                          { "-drive", "file=" CD ",media=cdrom,index=2" }, { "-drive", "file=" SEED ",media=cdrom,index=3" },
                                          { "-boot", "once=d" } } },
        { "own-drives-of-scsi", "q35", "virtio-scsi", { { "-drive", "if=pflash,format=raw,readonly=on,file=" OVMF },
                                                        { "-drive", "if=pflash,format=raw,file=" VARS },
                                                        { "-drive", "if=none,id=drive0,file=" DISK ",format=qcow2" },
                                                        { "-drive", "file=" CD ",media=cdrom" } } },
        { "old-network", "pc", "virtio", { { "-net", "nic,model=virtio" }, { "-net", "user,hostfwd=tcp::42024-:22" }, { "-cdrom", SEED } } },
        { "displays", "pc", "virtio", { { "-device", "virtio-vga" }, { "-machine", "accel=kvm,vmport=off" }, { "-cpu", "qemu64,+ssse3" },
                                        { "-global", "PIIX4_PM.disable_s3=1" } } },
        { "firmware", "pc", "virtio", { { "-bios", "/usr/share/ovmf/OVMF.fd" }, { "-boot", "menu=on,strict=off" }, { "-smp", "2,cores=2" },
                                     { "-hda", SECOND }, { "-serial", "file:" ROOM "/serial.log" } } },
        { "old-model", "pc-i440fx-2.12", "sata", { { "-cpu", "Nehalem" }, { "-vga", "cirrus" }, { "-fda", FLOPPY }, { "-no-reboot" },
                                                   { "-smbios", "type=1,serial=ds=nocloud-net" }, { "-d", "guest_errors" } } },
};

static const char *missing(const struct machine *machine)
{
        if (bk_streq(machine->program, "swtpm") && !bk_exists("/usr/bin/swtpm"))
                return "swtpm";
        if (bk_streq(machine->program, "vsock") && !bk_exists("/dev/vhost-vsock"))
                return "/dev/vhost-vsock";
        if (bk_streq(machine->program, "bridge") && !bk_exists("/sys/class/net/br0"))
                return "a bridge br0";
        return NULL;
}

static void start(virConnectPtr libvirt, const struct vm_domain *domain)
{
        autofree char *xml = NULL;
        struct bk_error err = { 0 };
        virDomainPtr guest;

        if (vm_domain_xml(domain, &xml, &err) < 0) {
                (void)fprintf(report, "not %s %s\n", domain->name, err.text);
                return;
        }
        guest = virDomainCreateXML(libvirt, xml, VIR_DOMAIN_START_PAUSED);
        (void)fprintf(report, "%s %s ", guest != NULL ? "ok" : "not", domain->name);
        for (const char *c = guest != NULL ? "" : virGetLastErrorMessage(); *c != '\0'; c++)
                (void)fputc(*c == '\n' ? ' ' : *c, report);
        (void)fputc('\n', report);
        (void)fflush(report);
        if (guest == NULL && getenv("BAKERY_SHOW_QEMU") != NULL)
                (void)!system("tail -n +1 " ROOM "/log/swtpm/*.log >&2");
        if (guest == NULL)
                return;
        if (getenv("BAKERY_SHOW_QEMU") != NULL)         /* for people: the command lines */
                (void)!system("tail -n +1 " ROOM "/log/qemu/*.log >&2; rm -f " ROOM "/log/qemu/*.log");
        if (virDomainDestroy(guest) < 0)
                (void)fprintf(report, "not destroyed: %s: %s\n", domain->name, virGetLastErrorMessage());
        (void)virDomainFree(guest);
}

static void start_machine(virConnectPtr libvirt, size_t i)
{
        struct vm_domain domain = machine_domain(i);
        const char *const why = missing(&machines[i]);

        domain.kvm = false;
        domain.memory = domain.memory > 256 * MiB ? 256 * MiB : domain.memory;
        if (why != NULL)
                (void)fprintf(report, "skip %s needs %s\n", machines[i].name, why);
        else
                start(libvirt, &domain);
}

static void start_given(virConnectPtr libvirt, const struct given *args)
{
        struct vm_domain domain = {
                .name = args->name, .machine = args->machine, .memory = 128 * MiB, .network = true, .net_device = "virtio-net",
                .disks = { { .path = DISK, .format = "qcow2", .bus = args->bus } }, .n_disks = 1, .cds = { { .path = CD } }, .n_cds = 1,
        };
        BK_CLEANUP(vm_qemuargs_done) struct vm_qemuargs out = { 0 };
        struct bk_error err = { 0 };
        size_t n = 0;

        while (n < MOST && args->v[n].name != NULL)
                n++;
        if (vm_qemuargs_apply(args->v, n, PORT, 22, &domain, &out, &err) < 0)
                (void)fprintf(report, "not %s %s\n", args->name, err.text);
        else
                start(libvirt, &domain);
}

static void start_all(virConnectPtr libvirt)
{
        for (size_t i = 0; i < N_MACHINES; i++)
                start_machine(libvirt, i);
        for (size_t i = 0; i < sizeof given / sizeof *given; i++)
                start_given(libvirt, &given[i]);
}

static void qemu_starts_every_machine(void **state)
{
        (void)state;
        with_libvirt(start_all);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(qemu_starts_every_machine),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
