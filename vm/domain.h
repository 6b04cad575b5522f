/* A guest's machine, and libvirt's description of it.
 *
 * Pure: the same machine gives the same text. Format:
 * https://libvirt.org/formatdomain.html. Paths are borrowed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/mem.h"

struct vm_disk {
        const char *path;
        const char *format;             /* "qcow2", "raw" */
        const char *bus;                /* "virtio", "sata", "ide" (pc only), "scsi" (LSI), "virtio-scsi", or "usb" */
        const char *cache;              /* "writeback", "unsafe", ...; NULL: QEMU's own */
        const char *discard;            /* "unmap", "ignore"; NULL: unmap */
        const char *detect_zeroes;      /* "off", "on", "unmap"; NULL: off */
        const char *serial;             /* NULL: none */
        bool read_only;
};
struct vm_cdrom { const char *path, *bus; };    /* bus: a disk's; NULL: what the machine has */

enum vm_firmware { VM_BIOS, VM_EFI };

struct vm_domain {
        const char *name;
        const char *uuid;               /* NULL: libvirt's choice */
        bool kvm;                       /* else TCG */
        const char *machine;            /* "pc" (i440fx), "q35", or a version of them such as "pc-q35-7.2" */
        const char *cpu;                /* as QEMU's -cpu, features too; NULL and "host": the most of TCG, the host's under KVM */
        uint64_t memory;                /* bytes */
        unsigned sockets, cores, threads;       /* 0 counts as 1 */
        enum vm_firmware firmware;
        const char *code, *vars;        /* EFI: pflash image, and this guest's own writable variables */
        bool secure_boot;
        struct vm_disk disks[16]; size_t n_disks;       /* boot order: disks, then CDs; an empty disk falls through */
        struct vm_cdrom cds[8]; size_t n_cds;
        bool cd_first;                  /* boot order: CDs, then disks, at every boot */
        unsigned boot_after;            /* boot orders up to this are taken by devices of args */
        bool no_reboot;                 /* a reboot ends the guest */
        const char *floppy;             /* image; NULL: no drive */
        bool network;
        const char *net_device;         /* QEMU's device name: "virtio-net-pci" (also "virtio-net"), "e1000", "rtl8139", "vmxnet3", ... */
        const char *net_bridge;         /* NULL: user mode network, netdev id "hostnet0" */
        const char *mac;                /* NULL: libvirt's choice */
        const char *video;              /* "vga" (NULL), "virtio", "qxl", "cirrus", "none", ... */
        const char *serial_log;         /* the serial console is also appended to this file; NULL: not */
        bool vnc;
        const char *vnc_listen;         /* NULL: 127.0.0.1 */
        int vnc_port;                   /* -1: the first free one of libvirt's range (qemu.conf, remote_display_port_min and _max) */
        const char *vnc_password;       /* at most 8 characters; NULL: none */
        const char *tpm;                /* "tpm-tis", "tpm-crb"; NULL: none. Needs swtpm */
        bool tpm1;                      /* version 1.2 instead of 2.0 */
        uint32_t vsock_cid;             /* from 3; 0: none */
        bool agent;                     /* channel of the QEMU guest agent */
        const char *port;               /* name of a virtio-serial port for vm_guest_port(); beside it a second UART, for guests that do
                                         * not know virtio. NULL: neither */
        const char *const *args;        /* more of QEMU's own arguments, NULL-terminated; NULL: none */
        bool without_disks;             /* nor CDs; the floppy stays. args bring their own; see vm/qemuargs.h */
        bool without_network;
};

/* The XML, the caller's. Always there: a serial console on a pty, a panic device, ACPI, a USB tablet, a random number
 * device; no balloon, no sound, no defaults of libvirt that surprise. Resets go on, a crash stays to be looked
 * at, power off ends the guest. An unknown bus or device is BK_INVALID and names the known ones. */
int vm_domain_xml(const struct vm_domain *domain, char **ret, struct bk_error *err) BK_MUST_CHECK;
