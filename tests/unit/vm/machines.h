/* Machines that have golden files, and that QEMU is shown for real. Their files
 * are where the second of these tests makes them. */
#pragma once
#include "vm/domain.h"
#include "vm/guest.h"

#define ROOM VM_HOST_ROOT
#define DISK ROOM "/disk.qcow2"
#define SECOND ROOM "/second.raw"
#define CD ROOM "/install.iso"
#define SEED ROOM "/seed.iso"
#define FLOPPY ROOM "/floppy.img"
#define VARS ROOM "/vars.fd"
#define OVMF "/usr/share/OVMF/OVMF_CODE_4M.fd"
#define OVMF_SECURE "/usr/share/OVMF/OVMF_CODE_4M.ms.fd"
#define MiB (1024ULL * 1024)

static const char *const two_args[] = { "-smbios", "type=1,serial=ds=nocloud;s=http://10.0.2.2:8000/", "-device", "usb-kbd", NULL };
static const char *const boot_args[] = { "-boot", "order=cd,strict=off", "-drive", "file=" DISK ",if=virtio,format=qcow2", "-netdev",
                                         "user,id=user.0", "-device", "virtio-net,netdev=user.0", NULL };

static const struct machine {
        const char *name;
        const char *program;            /* that starting it needs; NULL: no more than all do */
        struct vm_domain domain;
} machines[] = {
        { "least", NULL, { .machine = "pc", .memory = 64 * MiB } },
        { "install", NULL, {
                .uuid = "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
                .machine = "pc", .memory = 64 * MiB, .sockets = 1, .cores = 2, .network = true, .net_device = "virtio-net", .vnc = true,
                .vnc_port = -1, .vnc_password = "secret", .mac = "52:54:00:12:34:56",
                .disks = { { .path = DISK, .format = "qcow2", .bus = "virtio", .cache = "writeback", .discard = "ignore" } }, .n_disks = 1,
                .cds = { { .path = CD }, { .path = SEED } }, .n_cds = 2, .floppy = FLOPPY } },
        { "q35", NULL, {
                .machine = "q35", .memory = 64 * MiB, .network = true, .net_device = "e1000e", .agent = true, .video = "virtio",
                .disks = { { .path = DISK, .format = "qcow2", .bus = "sata", .cache = "unsafe", .detect_zeroes = "unmap" } }, .n_disks = 1,
                .cds = { { .path = CD } }, .n_cds = 1, .cd_first = true, .floppy = FLOPPY } },
        { "virtio-scsi", NULL, {
                .machine = "pc-i440fx-7.0", .memory = 64 * MiB, .network = true, .net_device = "rtl8139", .video = "cirrus",
                .disks = { { .path = DISK, .format = "qcow2", .bus = "virtio-scsi", .serial = "bakery0" },
                           { .path = SECOND, .format = "raw", .bus = "virtio-scsi", .read_only = true } }, .n_disks = 2,
                .cds = { { .path = CD, .bus = "virtio-scsi" } }, .n_cds = 1 } },
        { "every-bus", NULL, {
                .machine = "pc", .memory = 64 * MiB, .network = true, .net_device = "vmxnet3", .video = "none",
                .disks = { { .path = DISK, .format = "qcow2", .bus = "ide" }, { .path = SECOND, .format = "raw", .bus = "sata" },
                           { .path = ROOM "/2.raw", .format = "raw", .bus = "scsi" }, { .path = ROOM "/3.raw", .format = "raw", .bus = "usb" },
                           { .path = ROOM "/4.raw", .format = "raw", .bus = "virtio" },
                           { .path = ROOM "/5.raw", .format = "raw", .bus = "virtio-scsi" } }, .n_disks = 6,
                .cds = { { .path = CD, .bus = "scsi" }, { .path = CD, .bus = "usb" }, { .path = CD, .bus = "virtio" },
                         { .path = CD, .bus = "ide" }, { .path = CD, .bus = "sata" } }, .n_cds = 5 } },
        { "q35-scsi", NULL, {
                .machine = "q35", .memory = 64 * MiB, .network = true, .net_device = "e1000", .video = "vmware",
                .disks = { { .path = DISK, .format = "qcow2", .bus = "virtio-scsi" }, { .path = SECOND, .format = "raw", .bus = "scsi" } },
                .n_disks = 2 } },
        { "efi", NULL, {
                .machine = "pc", .memory = 256 * MiB, .firmware = VM_EFI, .code = OVMF, .vars = VARS, .network = true,
                .disks = { { .path = DISK, .format = "qcow2", .bus = "virtio" } }, .n_disks = 1 } },
        { "secure", NULL, {
                .machine = "q35", .memory = 256 * MiB, .firmware = VM_EFI, .code = OVMF_SECURE, .vars = VARS, .secure_boot = true,
                .disks = { { .path = DISK, .format = "qcow2", .bus = "virtio" } }, .n_disks = 1 } },
        { "tpm-crb", "swtpm", { .machine = "q35", .memory = 64 * MiB, .tpm = "tpm-crb" } },
        { "tpm-tis-1", "swtpm", { .machine = "pc", .memory = 64 * MiB, .tpm = "tpm-tis", .tpm1 = true } },
        { "kvm", NULL, { .machine = "q35", .memory = 2048 * MiB, .kvm = true, .sockets = 2, .cores = 2, .threads = 2, .network = true } },
        { "model", NULL, { .machine = "pc", .memory = 64 * MiB, .cpu = "Nehalem", .network = true, .net_device = "usb-net" } },
        { "model-of-qemu", NULL, { .machine = "pc", .memory = 64 * MiB, .cpu = "Skylake-Client-v3,-hle" } },
        { "args", NULL, {
                .machine = "pc", .memory = 64 * MiB, .no_reboot = true, .serial_log = ROOM "/serial.log", .args = two_args,
                .network = true, .net_device = "pcnet" } },
        { "own-devices", NULL, {
                .machine = "q35", .memory = 64 * MiB, .network = true, .without_network = true, .without_disks = true, .args = boot_args,
                .disks = { { .path = DISK, .format = "qcow2", .bus = "virtio" } }, .n_disks = 1, .cds = { { .path = CD } }, .n_cds = 1 } },
        { "vsock", "vsock", { .machine = "pc", .memory = 64 * MiB, .vsock_cid = 4242 } },
        { "port", NULL, { .machine = "q35", .memory = 64 * MiB, .agent = true, .port = "org.bakery.checks" } },
        { "bridge", "bridge", { .machine = "pc", .memory = 64 * MiB, .network = true, .net_bridge = "br0" } },
};

enum { N_MACHINES = sizeof machines / sizeof *machines };

static inline struct vm_domain machine_domain(size_t i)
{
        struct vm_domain domain = machines[i].domain;

        domain.name = machines[i].name;
        return domain;
}
