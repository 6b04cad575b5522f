/* What templates give as qemuargs, and what becomes of it. The values are those of
 * templates that people publish. */
#include "tests/unit/test.h"

#include "lib/buf.h"
#include "vm/qemuargs.h"

#define MiB (1024ULL * 1024)
enum { SSH_PORT = 2222, MOST = 10 };

/* What Packer's defaults make: a new disk, an install CD, a network. */
static const struct vm_domain plain = {
        .name = "x", .machine = "pc", .memory = 512 * MiB, .network = true, .net_device = "virtio-net",
        .disks = { { .path = "/d/disk", .format = "qcow2", .bus = "virtio" } }, .n_disks = 1, .cds = { { .path = "/d/install.iso" } }, .n_cds = 1,
};
static const struct vm_domain scsi = {
        .name = "x", .machine = "q35", .memory = 512 * MiB, .network = true, .net_device = "virtio-net", .firmware = VM_EFI, .code = "/c",
        .vars = "/v", .secure_boot = true, .tpm = "tpm-tis",
        .disks = { { .path = "/d/di,sk", .format = "qcow2", .bus = "virtio-scsi", .cache = "unsafe", .detect_zeroes = "unmap" },
                   { .path = "/d/second", .format = "raw", .bus = "virtio-scsi" } }, .n_disks = 2,
        .cds = { { .path = "/d/install.iso", .bus = "virtio-scsi" } }, .n_cds = 1,
};
static const struct vm_domain kvm = { .name = "x", .machine = "q35", .memory = 512 * MiB, .kvm = true, .cpu = "Nehalem" };
static const char *const earlier[] = { "-no-hpet", NULL };
static const struct vm_domain with_args = { .name = "x", .machine = "pc", .memory = 512 * MiB, .args = earlier };

static const struct row {
        struct vm_qemuarg v[MOST];
        const char *want;               /* of describe(), with "@" for the working folder */
        const char *note;               /* one note has this; NULL: there are none */
        const struct vm_domain *domain; /* NULL: plain */
} rows[] = {
        /* memory */
        { { { "-m", "2048M" } }, "memory=2048M" },
        { { { "-m", "1024" } }, "memory=1024M" },
        { { { "-m", "2G" } }, "memory=2048M" },
        { { { "-m", "8192m" } }, "memory=8192M" },
        { { { "--m", "1048576k" } }, "memory=1024M" },
        { { { "-m", "size=1024M,slots=3,maxmem=4G" } }, "memory=1024M", "only the size" },
        { { { "-m", "1024M,slots=3,maxmem=4G" } }, "memory=1024M", "only the size" },
        /* processors */
        { { { "-smp", "2" } }, "smp=1/2/1" },
        { { { "-smp", "cpus=2,cores=1" } }, "smp=2/1/1" },
        { { { "-smp", "cpus=4,sockets=4" } }, "smp=4/1/1" },
        { { { "-smp", "8,sockets=1,cores=4,threads=2" } }, "smp=1/4/2" },
        { { { "-smp", "sockets=2,cores=2" } }, "smp=2/2/1" },
        { { { "-smp", "cpus=1,maxcpus=16,cores=4" } }, "smp=1/1/1", "do not multiply" },
        { { { "-smp", "3,cores=2" } }, "smp=3/1/1", "do not multiply" },
        { { { "-smp", "2,sockets=4" } }, "smp=2/1/1", "do not multiply" },
        /* CPU */
        { { { "-cpu", "Nehalem" } }, "cpu=Nehalem" },
        { { { "-cpu", "max" } }, "cpu=max" },
        { { { "-cpu", "host" } }, "", "without KVM" },
        { { { "-cpu", "host,-hv-evmcs" } }, "", "without KVM" },
        { { { "-cpu", "host" } }, "cpu=host", NULL, &kvm },
        { { { "-cpu", "host,-hv-evmcs" } }, "cpu=host,-hv-evmcs", NULL, &kvm },
        { { { "-cpu", "qemu64,+ssse3" } }, "cpu=qemu64,+ssse3" },
        { { { "-cpu", "Skylake-Client-v3" } }, "cpu=Skylake-Client-v3" },
        /* machine */
        { { { "-machine", "type=q35,accel=kvm" } }, "machine=q35", "accel=kvm" },
        { { { "-M", "q35" } }, "machine=q35" },
        { { { "-machine", "type=pc-i440fx-focal,accel=hvf:kvm:whpx:tcg:none" } }, "", "pc-i440fx-focal" },
        { { { "-machine", "pc-q35-jammy" } }, "machine=q35", "pc-q35-jammy" },
        { { { "-machine", "pc-q35-9.1" } }, "machine=q35", "pc-q35-9.1" },
        { { { "-machine", "pc-q35-rhel8.6.0" } }, "machine=q35", "rhel" },
        { { { "-machine", "pc-q35-4.0.1" } }, "machine=pc-q35-4.0.1" },
        { { { "-machine", "pc-i440fx-2.12,usb=off" } }, "machine=pc-i440fx-2.12" },
        { { { "-machine", "q35,smm=on,accel=kvm:hvf:whpx:tcg" } }, "machine=q35 | -machine smm=on", "measurement" },
        { { { "-machine", "accel=kvm" } }, "", "measurement" },
        { { { "-machine", "accel=kvm" } }, "machine=pc", "default", &kvm },
        { { { "-accel", "kvm" }, { "-enable-kvm", NULL } }, "", "-accel, -enable-kvm left out" },
        /* what is pointless */
        { { { "-display", "none" } }, "", "-display left out" },
        { { { "-display", "gtk" }, { "-vnc", ":1" }, { "-nographic", NULL } }, "", "-display, -vnc, -nographic left out" },
        { { { "-monitor", "stdio" }, { "-qmp", "unix:x,server" }, { "-name", "y" }, { "-pidfile", "p" } }, "", "-monitor, -qmp, -name, -pidfile" },
        { { { "-parallel", "none" }, { "-usb", "" } }, "", "-parallel, -usb left out" },
        { { { "-usbdevice", "tablet" } }, "" },
        { { { "-usbdevice", "keyboard" } }, " | -device usb-kbd" },
        { { { "-no-reboot", NULL } }, "no_reboot" },
        /* the screen, the serial port */
        { { { "-vga", "virtio" } }, "video=virtio" },
        { { { "-vga", "none" }, { "-device", "virtio-gpu-pci" } }, "video=none | -device virtio-gpu-pci" },
        { { { "-device", "qxl-vga" } }, "video=none | -device qxl-vga" },
        { { { "-vga", "std" }, { "-device", "qxl" } }, "video=std | -device qxl" },
        { { { "-serial", "stdio" } }, "", "file:NAME" },
        { { { "-serial", "file:serial.log" } }, "serial=@/serial.log" },
        { { { "-serial", "file:/a" }, { "-serial", "file:/b" } }, "serial=/a", "-serial file:/b" },
        /* media and boot order */
        { { { "-fda", "cloud.img" } }, "floppy=@/cloud.img" },
        { { { "-cdrom", "cidata.iso" } }, "cd=@/cidata.iso" },
        { { { "-boot", "c" } }, "" },
        { { { "-boot", "order=c" } }, "" },
        { { { "-boot", "once=d" } }, "" },
        { { { "-boot", "dc" } }, "cd_first" },
        { { { "-boot", "order=cdn" } }, "", "network" },
        { { { "-boot", "strict=off" } }, " | -boot strict=off" },
        { { { "-boot", "menu=on,order=d,splash-time=5000" } }, "cd_first | -boot menu=on,splash-time=5000" },
        /* a device that is no network card leaves all others */
        { { { "-device", "usb-tablet" } }, " | -device usb-tablet" },
        { { { "-device", "virtio-rng-pci,rng=rng0" }, { "-object", "rng-random,id=rng0,filename=/dev/urandom" } },
          " | -object rng-random,id=rng0,filename=/dev/urandom -device virtio-rng-pci,rng=rng0" },
        { { { "-device", "virtio-scsi-pci" } }, " | -device virtio-scsi-pci" },
        /* network */
        { { { "-device", "virtio-net,netdev=user.0" } }, "net=virtio-net" },
        { { { "-device", "e1000,netdev=user.0,mac=52:54:00:00:00:01,id=net0" } }, "net=e1000 mac=52:54:00:00:00:01" },
        { { { "-device", "virtio-net,netdev=user.0,romfile=" } },
          "without_network | -netdev user,id=user.0,hostfwd=tcp:127.0.0.1:2222-:22 -device virtio-net,netdev=user.0,romfile=" },
        { { { "-netdev", "user,id=user.0,hostfwd=tcp::2222-:22" } },
          "without_network | -netdev user,id=user.0,hostfwd=tcp:127.0.0.1:2222-:22 -device virtio-net,netdev=user.0" },
        { { { "-netdev", "user,id=user.0,hostfwd=tcp::2222-:22," }, { "-device", "virtio-net,netdev=user.0" } },
          "without_network | -netdev user,id=user.0,hostfwd=tcp:127.0.0.1:2222-:22 -device virtio-net,netdev=user.0" },
        { { { "-netdev", "user,hostfwd=tcp::2222-:22,hostfwd=udp:0.0.0.0:1-:1,id=forward" }, { "-device", "virtio-net,netdev=forward,id=net0" } },
          "without_network | -netdev user,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=udp:0.0.0.0:1-:1,id=forward "
          "-device virtio-net,netdev=forward,id=net0" },
        { { { "-object", "filter-dump,id=f,netdev=user.0,file=t.pcap" } }, " | -object filter-dump,id=f,netdev=hostnet0,file=@/t.pcap" },
        { { { "-net", "nic,model=virtio" }, { "-net", "user,hostfwd=tcp::2222-:22" } },
          " | -netdev user,hostfwd=tcp:127.0.0.1:2222-:22,id=bakery-net0 -device virtio-net-pci,netdev=bakery-net0" },
        { { { "-net", "nic,macaddr=52:54:00:00:00:01" }, { "-net", "user" }, { "-net", "none" } },
          " | -netdev user,id=bakery-net0 -device e1000,netdev=bakery-net0,mac=52:54:00:00:00:01" },
        { { { "-net", "nic" } }, "", "no network" },
        { { { "-net", "user" } }, "", "no card" },
        { { { "-nic", "user,model=e1000e,hostfwd=tcp::1-:1" } },
          " | -netdev user,hostfwd=tcp:127.0.0.1:1-:1,id=bakery-net0 -device e1000e,netdev=bakery-net0" },
        { { { "-nic", "none" } }, "" },
        /* drives */
        { { { "-drive", "file=out/disk,if=virtio,cache=writeback,discard=ignore,format=qcow2" }, { "-drive", "file=/x.iso,media=cdrom" } },
          "without_disks | -drive file=@/out/disk,if=virtio,cache=writeback,discard=ignore,format=qcow2 -drive file=/x.iso,media=cdrom "
          "-boot order=cd,strict=off" },
        { { { "-drive", "file=fat:rw:seed,format=raw" }, { "-boot", "d" }, { "-cdrom", "c.iso" } },
          "cd_first cd=@/c.iso without_disks | -drive file=fat:rw:seed,format=raw -cdrom @/c.iso -boot order=d,strict=off" },
        { { { "-drive", "if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd" }, { "-drive", "if=none,id=drive0,file=/o/d" } },
          "bios without_disks | -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE.fd -drive if=none,id=drive0,file=/o/d "
          "-device virtio-scsi-pci,id=scsi0 -device scsi-hd,bus=scsi0.0,drive=drive0 -boot order=cd,strict=off", NULL, &scsi },
        { { { "-drive", "file=/o/d,if=virtio" } }, "bios without_disks | -drive file=/o/d,if=virtio -boot order=cd,strict=off", "BIOS", &scsi },
        { { { "-pflash", "OVMF.fd" } }, "bios | -pflash @/OVMF.fd", NULL, &scsi },
        { { { "-hda", "x" } }, " | -hda @/x -boot strict=off" },
        { { { "-bios", "/usr/share/OVMF/OVMF_CODE.fd" } }, " | -bios /usr/share/OVMF/OVMF_CODE.fd" },
        { { { "-bios", "no-such-file.bin" } }, " | -bios no-such-file.bin" },
        /* Packer's disks on the user's controller */
        { { { "-device", "virtio-scsi-pci,id=scsi0" }, { "-device", "scsi-hd,bus=scsi0.0,drive=drive0" }, { "-device", "virtio-net,netdev=user.0" } },
          "net=virtio-net disks=1 boot_after=1 | -drive if=none,file=/d/di,,sk,id=drive0,cache=unsafe,discard=unmap,format=qcow2,"
          "detect-zeroes=unmap -device virtio-scsi-pci,id=scsi0 -device scsi-hd,bus=scsi0.0,drive=drive0,bootindex=1 -boot strict=off",
          NULL, &scsi },
        { { { "-device", "scsi-cd,drive=cdrom0,bootindex=3" } },
          "cds=0 boot_after=3 | -drive if=none,file=/d/install.iso,id=cdrom0,media=cdrom -device scsi-cd,drive=cdrom0,bootindex=3 "
          "-boot strict=off", NULL, &scsi },
        /* TPM */
        { { { "-device", "tpm-crb,tpmdev=tpm0" } }, "tpm=tpm-crb", NULL, &scsi },
        { { { "-chardev", "socket,id=c,path=/s" }, { "-tpmdev", "emulator,id=tpm0,chardev=c" }, { "-device", "tpm-tis,tpmdev=tpm0" } },
          "tpm=(none) | -chardev socket,id=c,path=/s -tpmdev emulator,id=tpm0,chardev=c -device tpm-tis,tpmdev=tpm0", NULL, &scsi },
        /* the rest goes to QEMU */
        { { { "-rtc", "base=localtime" } }, " | -rtc base=localtime" },
        { { { "-global", "driver=cfi.pflash01,property=secure,value=on" } }, " | -global driver=cfi.pflash01,property=secure,value=on" },
        { { { "-smbios", "type=1,serial=ds=nocloud-net;s=http://10.0.2.2:8100/" } },
          " | -smbios type=1,serial=ds=nocloud-net;s=http://10.0.2.2:8100/" },
        { { { "-fw_cfg", "name=opt/com.coreos/config,file=config.ign" } }, " | -fw_cfg name=opt/com.coreos/config,file=@/config.ign" },
        { { { "-d", "guest_errors" }, { "-D", "qemu.log" } }, " | -d guest_errors -D @/qemu.log" },
        { { { "-no-acpi", NULL } }, " | -no-hpet -no-acpi", NULL, &with_args },
        { { { "-chardev", "socket,id=c,port=1,host=h,logfile=a,,b" } }, " | -chardev socket,id=c,port=1,host=h,logfile=@/a,,b" },
};

static void differs(struct bk_buf *out, const char *name, const char *was, const char *is)
{
        if (!bk_streq(was, is))
                bk_buf_printf(out, "%s=%s ", name, is != NULL ? is : "(none)");
}

static void flag(struct bk_buf *out, const char *name, bool is)
{
        if (is)
                bk_buf_printf(out, "%s ", name);
}

/* What was changed, and " | " and the arguments. */
static char *describe(const struct vm_domain *was, const struct vm_domain *is, const struct vm_qemuargs *args)
{
        struct bk_buf out = { 0 };

        if (is->memory != was->memory)
                bk_buf_printf(&out, "memory=%lluM ", (unsigned long long)(is->memory / MiB));
        if (is->cores != was->cores)
                bk_buf_printf(&out, "smp=%u/%u/%u ", is->sockets, is->cores, is->threads);
        differs(&out, "cpu", was->cpu, is->cpu);
        differs(&out, "machine", was->machine, is->machine);
        flag(&out, "bios", is->firmware != was->firmware && is->code == NULL && !is->secure_boot);
        flag(&out, "no_reboot", is->no_reboot);
        differs(&out, "video", was->video, is->video);
        differs(&out, "serial", was->serial_log, is->serial_log);
        differs(&out, "floppy", was->floppy, is->floppy);
        flag(&out, "cd_first", is->cd_first);
        if (is->net_device != was->net_device)          /* said, even if it is the same */
                bk_buf_printf(&out, "net=%s ", is->net_device);
        differs(&out, "mac", was->mac, is->mac);
        if (is->n_disks != was->n_disks)
                bk_buf_printf(&out, "disks=%zu ", is->n_disks);
        if (is->n_cds > was->n_cds)
                bk_buf_printf(&out, "cd=%s ", is->cds[is->n_cds - 1].path);
        else if (is->n_cds != was->n_cds)
                bk_buf_printf(&out, "cds=%zu ", is->n_cds);
        if (is->boot_after != 0)
                bk_buf_printf(&out, "boot_after=%u ", is->boot_after);
        differs(&out, "tpm", was->tpm, is->tpm);
        flag(&out, "without_disks", is->without_disks);
        flag(&out, "without_network", is->without_network);
        if (out.len > 0)
                out.data[--out.len] = '\0';
        for (size_t i = 0; i < args->args.n; i++)
                bk_buf_printf(&out, "%s%s", i == 0 ? " | " : " ", args->args.v[i]);
        return bk_buf_finish(&out);
}

/* "@" becomes the working folder. */
static char *here(const char *text)
{
        autofree char *folder = getcwd(NULL, 0);
        struct bk_buf out = { 0 };

        for (; *text != '\0'; text++) {
                if (*text == '@')
                        bk_buf_puts(&out, folder);
                else
                        bk_buf_putc(&out, *text);
        }
        return bk_buf_finish(&out);
}

static bool noted(const struct vm_qemuargs *args, const char *text)
{
        for (size_t i = 0; i < args->notes.n; i++)
                if (strstr(args->notes.v[i], text) != NULL)
                        return true;
        return false;
}

static size_t length(const struct vm_qemuarg v[])
{
        size_t n = 0;

        while (n < MOST && v[n].name != NULL)
                n++;
        return n;
}

static void templates_get_what_they_mean(void **state)
{
        unsigned wrong = 0;

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const struct vm_domain *const before = rows[i].domain != NULL ? rows[i].domain : &plain;
                struct vm_domain domain = *before;
                BK_CLEANUP(vm_qemuargs_done) struct vm_qemuargs args = { 0 };
                struct bk_error err = { 0 };
                autofree char *got = NULL, *want = here(rows[i].want), *xml = NULL;

                assert_ok(vm_qemuargs_apply(rows[i].v, length(rows[i].v), SSH_PORT, 22, &domain, &args, &err), err);
                got = describe(before, &domain, &args);
                if (bk_streq(got, want) && (rows[i].note == NULL ? args.notes.n == 0 : noted(&args, rows[i].note))) {
                        assert_ok(vm_domain_xml(&domain, &xml, &err), err);
                        continue;
                }
                print_message("# %s %s\n- %s\n+ %s\n  notes: %s\n", rows[i].v[0].name, rows[i].v[0].value, want, got,
                              args.notes.n > 0 ? args.notes.v[0] : "none");
                wrong++;
        }
        assert_int_equal(wrong, 0);
}

static const struct { const char *name, *value; } refused[] = {
        { "m", "1024" }, { "-", "x" }, { NULL, NULL }, { "-m", "" }, { "-m", "lots" }, { "-m", "12Q" }, { "-m", "0" }, { "-m", "-5" },
        { "-m", "99999999999999999999" }, { "-smp", "many" }, { "-smp", "0" }, { "-smp", "2,cores=x" }, { "-cdrom", NULL },
        { "-usbdevice", "toaster" }, { "-device", NULL },
};

static void nonsense_is_refused_and_changes_nothing(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                const struct vm_qemuarg v[] = { { "-vga", "qxl" }, { refused[i].name, refused[i].value } };
                struct vm_domain domain = plain;
                struct vm_qemuargs args = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s %s\n", refused[i].name ? refused[i].name : "(null)", refused[i].value ? refused[i].value : "(null)");
                assert_fails_with(vm_qemuargs_apply(v, 2, 0, 0, &domain, &args, &err), err, BK_INVALID);
                assert_memory_equal(&domain, &plain, sizeof domain);
                assert_null(args.args.v);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(templates_get_what_they_mean),
                cmocka_unit_test(nonsense_is_refused_and_changes_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
