/* The devices of a machine. What a bus, a network card or a display needs is
 * said by rows.
 *
 * PCI slots are given, not left to libvirt: a guest names its network card by its
 * slot, so the card is put where QEMU itself would put it (ens3 on pc, enp0s2
 * on q35), and disks follow. libvirt would put every device of a q35 behind a
 * bridge of its own. What no template counts on goes to the far end of the bus, so that devices of qemu:arg, which take the
 * first free slots, find theirs as they would without libvirt. */
#include "vm/domain_priv.h"

#include <string.h>

#include "lib/cleanup.h"

enum bus { VIRTIO, SATA, IDE, SCSI, VIRTIO_SCSI, USB, BUSES };
enum { PC = 1, Q35 = 2, ANY = PC | Q35 };

static const struct bus_row {
        const char *name;               /* Packer's, which is QEMU's */
        const char *libvirt;
        const char *prefix;             /* of the target's name */
        unsigned machines;
        unsigned most;                  /* disks and CDs of one controller; we make one */
        const char *controller, *model; /* NULL: the machine has it, or it needs none */
        unsigned slot;                  /* the controller's, where it needs one */
} buses[BUSES] = {
        [VIRTIO] = { "virtio", "virtio", "vd", ANY, 20, NULL, NULL, 0 },      /* slots up to 0x18 */
        [SATA] = { "sata", "sata", "sd", ANY, 6, "sata", NULL, 0x1a },
        [IDE] = { "ide", "ide", "hd", PC, 4, NULL, NULL, 0 },
        [SCSI] = { "scsi", "scsi", "sd", ANY, 7, "scsi", "lsilogic", 0x19 },
        [VIRTIO_SCSI] = { "virtio-scsi", "scsi", "sd", ANY, 24, "scsi", "virtio-scsi", 0 },     /* slot: domain_slot_of_nic() */
        [USB] = { "usb", "usb", "sd", ANY, 8, NULL, NULL, 0 },
};

/* Devices of our own, and where they are. */
enum { SLOT_USB = 0x1e, SLOT_RNG = 0x1d, SLOT_CHANNELS = 0x1c, SLOT_VSOCK = 0x1b };

/* QEMU's network cards; libvirt calls most of them the same. */
static const struct { const char *name, *libvirt; bool usb; } cards[] = {
        { "virtio-net-pci", "virtio" },         { "virtio-net", "virtio" },     { "virtio", "virtio" },
        { "virtio-net-pci-transitional", "virtio-transitional" },
        { "virtio-net-pci-non-transitional", "virtio-non-transitional" },
        { "e1000", "e1000" },                   { "e1000e", "e1000e" },         { "e1000-82540em", "e1000" },
        { "e1000-82544gc", "e1000-82544gc" },   { "e1000-82545em", "e1000-82545em" },
        { "rtl8139", "rtl8139" },               { "vmxnet3", "vmxnet3" },       { "pcnet", "pcnet" },
        { "ne2k_pci", "ne2k_pci" },             { "tulip", "tulip" },           { "usb-net", "usb-net", true },
        { "i82550", "i82550" },                 { "i82551", "i82551" },         { "i82557a", "i82557a" },
        { "i82557b", "i82557b" },               { "i82557c", "i82557c" },       { "i82558a", "i82558a" },
        { "i82558b", "i82558b" },               { "i82559a", "i82559a" },       { "i82559b", "i82559b" },
        { "i82559c", "i82559c" },               { "i82559er", "i82559er" },     { "i82562", "i82562" },
        { "i82801", "i82801" },
};

/* QEMU's -vga and libvirt's models. */
static const struct { const char *name, *libvirt; } displays[] = {
        { "vga", "vga" }, { "std", "vga" }, { "virtio", "virtio" }, { "qxl", "qxl" }, { "cirrus", "cirrus" }, { "vmware", "vmvga" },
        { "vmvga", "vmvga" }, { "bochs", "bochs" }, { "ramfb", "ramfb" }, { "none", "none" },
};

static const char *const caches[] = { "none", "writeback", "writethrough", "directsync", "unsafe" };
static const char *const discards[] = { "unmap", "ignore" };
static const char *const zeroes[] = { "off", "on", "unmap" };
static const char *const formats[] = { "qcow2", "raw" };

#define USB_PORTS "15"          /* the most that qemu-xhci has */
#define LENGTH(v) (sizeof (v) / sizeof *(v))

/* --- what is known -------------------------------------------------------- */

static enum bus bus_of(const char *name)
{
        enum bus bus = VIRTIO;

        while (bus < BUSES && !bk_streq(buses[bus].name, name))
                bus++;
        return bus;
}

static enum bus bus_of_cd(const struct vm_cdrom *cd, bool q35)
{
        return bus_of(cd->bus != NULL ? cd->bus : q35 ? "sata" : "ide");
}

static size_t card_of(const char *name)
{
        size_t i = 0;

        while (i < LENGTH(cards) && !bk_streq(cards[i].name, name != NULL ? name : "virtio-net-pci"))
                i++;
        return i;
}

bool domain_knows_card(const char *name)
{
        return card_of(name) < LENGTH(cards);
}

static size_t display_of(const char *name)
{
        size_t i = 0;

        while (i < LENGTH(displays) && !bk_streq(displays[i].name, name != NULL ? name : "vga"))
                i++;
        return i;
}

static size_t on_bus(const struct vm_domain *domain, enum bus bus, bool q35)
{
        size_t n = 0;

        if (domain->without_disks)
                return 0;
        for (size_t i = 0; i < domain->n_disks; i++)
                n += bus_of(domain->disks[i].bus) == bus;
        for (size_t i = 0; i < domain->n_cds; i++)
                n += bus_of_cd(&domain->cds[i], q35) == bus;
        return n;
}

/* --- checks --------------------------------------------------------------- */

/* "a, b, c", the caller's. step: bytes between one name and the next. */
static char *names(const void *first, size_t n, size_t step)
{
        char *ret = NULL;

        for (size_t i = 0; i < n; i++) {
                const char *const name = *(const char *const *)((const char *)first + i * step);
                char *longer = ret == NULL ? bk_strdup(name) : bk_format("%s, %s", ret, name);

                free(ret);
                ret = longer;
        }
        return ret;
}

static int check_bus(const char *name, enum bus bus, bool q35, struct bk_error *err)
{
        autofree char *known = NULL;

        if (bus < BUSES && (buses[bus].machines & (q35 ? Q35 : PC)))
                return 0;
        if (bus == IDE)
                return bk_fail(err, BK_INVALID, "the machine q35 has no IDE; use \"sata\" (the same commands, by AHCI), or the machine pc");
        if (bk_streq(name, "sd") || bk_streq(name, "nvme"))
                return bk_fail(err, BK_INVALID, "libvirt has no '%s' for disks of a PC; use \"virtio\", \"virtio-scsi\" or \"sata\"", name);
        known = names(buses, BUSES, sizeof *buses);
        return bk_fail(err, BK_INVALID, "disk bus '%s' is not known; known are %s", name != NULL ? name : "", known);
}

static int check_word(const char *what, const char *word, const char *const known[], size_t n, struct bk_error *err)
{
        autofree char *all = NULL;

        for (size_t i = 0; i < n; i++)
                if (word == NULL || bk_streq(word, known[i]))
                        return 0;
        all = names(known, n, sizeof *known);
        return bk_fail(err, BK_INVALID, "%s '%s' is not known; known are %s", what, word, all);
}

static int check_disk(const struct vm_disk *disk, bool q35, struct bk_error *err)
{
        if (disk->path == NULL || disk->format == NULL)
                return bk_fail(err, BK_INVALID, "a disk needs a path and a format");
        if (check_bus(disk->bus, bus_of(disk->bus), q35, err) < 0 ||
            check_word("format", disk->format, formats, LENGTH(formats), err) < 0 ||
            check_word("cache", disk->cache, caches, LENGTH(caches), err) < 0 ||
            check_word("discard", disk->discard, discards, LENGTH(discards), err) < 0 ||
            check_word("detect_zeroes", disk->detect_zeroes, zeroes, LENGTH(zeroes), err) < 0)
                return bk_wrap(err, "disk '%s'", disk->path);
        if (disk->read_only && (bus_of(disk->bus) == IDE || bus_of(disk->bus) == SATA))
                return bk_fail(err, BK_INVALID, "disk '%s': a disk on '%s' cannot be read-only; use \"virtio\" or \"virtio-scsi\"", disk->path,
                               disk->bus);
        return 0;
}

static int check_storage(const struct vm_domain *domain, bool q35, struct bk_error *err)
{
        if (domain->n_disks > LENGTH(domain->disks) || domain->n_cds > LENGTH(domain->cds))
                return bk_fail(err, BK_INVALID, "more than %zu disks or %zu CDs", LENGTH(domain->disks), LENGTH(domain->cds));
        if (domain->without_disks)
                return 0;
        for (size_t i = 0; i < domain->n_disks; i++)
                if (check_disk(&domain->disks[i], q35, err) < 0)
                        return -1;
        for (size_t i = 0; i < domain->n_cds; i++) {
                const struct vm_cdrom *const cd = &domain->cds[i];

                if (cd->path == NULL || check_bus(cd->bus, bus_of_cd(cd, q35), q35, err) < 0)
                        return bk_wrap(err, "CD '%s'", cd->path != NULL ? cd->path : "");
        }
        for (enum bus bus = VIRTIO; bus < BUSES; bus++)
                if (on_bus(domain, bus, q35) > buses[bus].most)
                        return bk_fail(err, BK_INVALID, "%zu disks and CDs on '%s', which has room for %u", on_bus(domain, bus, q35),
                                       buses[bus].name, buses[bus].most);
        return 0;
}

static int check_network(const struct vm_domain *domain, struct bk_error *err)
{
        autofree char *known = NULL;

        if (!domain->network || domain->without_network || card_of(domain->net_device) < LENGTH(cards))
                return 0;
        known = names(cards, LENGTH(cards), sizeof *cards);
        return bk_fail(err, BK_INVALID, "network card '%s' is not known; known are %s", domain->net_device, known);
}

static int check_tpm(const struct vm_domain *domain, struct bk_error *err)
{
        static const char *const models[] = { "tpm-tis", "tpm-crb" };

        if (check_word("TPM", domain->tpm, models, LENGTH(models), err) < 0)
                return -1;
        if (domain->tpm1 && bk_streq(domain->tpm, "tpm-crb"))
                return bk_fail(err, BK_INVALID, "a TPM of version 1.2 has no tpm-crb; use \"tpm-tis\"");
        return 0;
}

int domain_devices_check(const struct vm_domain *domain, bool q35, struct bk_error *err)
{
        autofree char *known = NULL;

        if (check_storage(domain, q35, err) < 0 || check_network(domain, err) < 0 || check_tpm(domain, err) < 0)
                return -1;
        if (display_of(domain->video) == LENGTH(displays)) {
                known = names(displays, LENGTH(displays), sizeof *displays);
                return bk_fail(err, BK_INVALID, "display '%s' is not known; known are %s", domain->video, known);
        }
        if (domain->vnc && domain->vnc_password != NULL && strlen(domain->vnc_password) > 8)
                return bk_fail(err, BK_INVALID, "VNC looks at 8 characters of a password; this one has %zu", strlen(domain->vnc_password));
        if (domain->vsock_cid == 1 || domain->vsock_cid == 2 || domain->vsock_cid == UINT32_MAX)
                return bk_fail(err, BK_INVALID, "vsock's address %u is not a guest's", domain->vsock_cid);
        return 0;
}

/* --- addresses ------------------------------------------------------------ */

/* QEMU gives slots in the order of its command line: the display, then Packer's controller of virtio-scsi disks, then the network card. */
static unsigned slot_of_display(const struct domain_out *out)
{
        return out->q35 ? 1 : 2;
}

static bool has_virtio_scsi(const struct domain_out *out)
{
        return on_bus(out->domain, VIRTIO_SCSI, out->q35) > 0;
}

static unsigned slot_of_card(const struct domain_out *out)
{
        return slot_of_display(out) + 1 + has_virtio_scsi(out);
}

static void pci(struct domain_out *out, unsigned slot)
{
        domain_open(out, "address");
        domain_attribute(out, "type", "pci");
        domain_attribute(out, "domain", "0x0000");
        domain_attribute(out, "bus", "0x00");
        (void)xmlTextWriterWriteFormatAttribute(out->xml, BAD_CAST "slot", "0x%02x", slot);
        domain_attribute(out, "function", "0x0");
        domain_close(out);
}

static void usb(struct domain_out *out)
{
        domain_open(out, "address");
        domain_attribute(out, "type", "usb");
        domain_attribute(out, "bus", "0");
        domain_attribute(out, "port", USB_PORTS);      /* libvirt counts from 1, and does not count network cards */
        domain_close(out);
}

/* Names such as "rng0" and "scsi0" are left to the arguments of templates, which use them; libvirt's own would be the same. */
static void alias(struct domain_out *out, const char *name)
{
        domain_leaf(out, "alias", "name", name);
}

/* --- controllers ---------------------------------------------------------- */

static void controller(struct domain_out *out, const char *type, const char *model, unsigned index, unsigned slot)
{
        autofree char *name = bk_format("ua-%s%u", type, index);

        domain_open(out, "controller");
        domain_attribute(out, "type", type);
        domain_number(out, "index", index);
        domain_attribute(out, "model", model);
        if (bk_streq(type, "usb"))
                domain_attribute(out, "ports", USB_PORTS);
        if (slot > 0) {
                alias(out, name);
                pci(out, slot);
        }
        domain_close(out);
}

/* Of the two SCSI controllers, virtio's is the first where both are there. */
static unsigned controller_index(const struct domain_out *out, enum bus bus)
{
        return bus == SCSI && has_virtio_scsi(out);
}

static void controllers(struct domain_out *out)
{
        controller(out, "usb", "qemu-xhci", 0, SLOT_USB);
        for (enum bus bus = VIRTIO; bus < BUSES; bus++) {
                const struct bus_row *const row = &buses[bus];

                if (row->controller == NULL || on_bus(out->domain, bus, out->q35) == 0)
                        continue;
                controller(out, row->controller, row->model, controller_index(out, bus),
                           bus == VIRTIO_SCSI ? slot_of_card(out) - 1 :
                           bus == SATA && out->q35 ? 0 :        /* the chipset's own, at 1f.2 */
                           row->slot);
        }
        if (out->domain->agent)
                controller(out, "virtio-serial", NULL, 0, SLOT_CHANNELS);
}

/* --- disks ---------------------------------------------------------------- */

/* Places given away so far. */
struct places {
        unsigned unit[BUSES];           /* next of each bus */
        unsigned letter_hd, letter_sd, letter_vd;
        unsigned boot;
        unsigned taken_ide;             /* a bit each */
};

static unsigned *letter_of(struct places *places, enum bus bus)
{
        const char first = buses[bus].prefix[0];

        return first == 'h' ? &places->letter_hd : first == 's' ? &places->letter_sd : &places->letter_vd;
}

/* CDs prefer the second IDE channel, as QEMU's own -cdrom does. */
static unsigned take_unit(struct places *places, enum bus bus, bool cd)
{
        unsigned unit = places->unit[bus]++;

        if (bus != IDE)
                return unit;
        for (unit = cd ? 2 : 0; places->taken_ide & 1U << unit % 4; )
                unit++;
        places->taken_ide |= 1U << unit % 4;
        return unit % 4;
}

static void drive_address(struct domain_out *out, enum bus bus, unsigned unit)
{
        domain_open(out, "address");
        domain_attribute(out, "type", "drive");
        domain_number(out, "controller", controller_index(out, bus));
        domain_number(out, "bus", bus == IDE ? unit / 2 : 0);
        domain_number(out, "target", 0);
        domain_number(out, "unit", bus == IDE ? unit % 2 : unit);
        domain_close(out);
}

static void address(struct domain_out *out, enum bus bus, unsigned unit)
{
        if (bus == VIRTIO)
                pci(out, slot_of_card(out) + 1 + unit);
        else if (bus != USB)            /* libvirt counts ports better */
                drive_address(out, bus, unit);
}

static void target(struct domain_out *out, struct places *places, enum bus bus, unsigned unit)
{
        const unsigned letter = bus == IDE ? unit : (*letter_of(places, bus))++;
        autofree char *name = bk_format("%s%c", buses[bus].prefix, 'a' + (int)letter);

        domain_open(out, "target");
        domain_attribute(out, "dev", name);
        domain_attribute(out, "bus", buses[bus].libvirt);
        domain_close(out);
}

static void boot_order(struct domain_out *out, unsigned order)
{
        domain_open(out, "boot");
        domain_number(out, "order", order);
        domain_close(out);
}

static void driver(struct domain_out *out, const struct vm_disk *disk)
{
        domain_open(out, "driver");
        domain_attribute(out, "name", "qemu");
        domain_attribute(out, "type", disk->format);
        domain_attribute(out, "cache", disk->cache);
        domain_attribute(out, "discard", disk->discard != NULL ? disk->discard : "unmap");
        if (!bk_streq(disk->detect_zeroes, "off"))
                domain_attribute(out, "detect_zeroes", disk->detect_zeroes);
        domain_close(out);
}

static void disk(struct domain_out *out, struct places *places, const struct vm_disk *of)
{
        const enum bus bus = bus_of(of->bus);
        const unsigned unit = take_unit(places, bus, false);

        domain_open(out, "disk");
        domain_attribute(out, "type", "file");
        domain_attribute(out, "device", "disk");
        driver(out, of);
        domain_leaf(out, "source", "file", of->path);
        target(out, places, bus, unit);
        if (of->read_only)
                domain_leaf(out, "readonly", NULL, NULL);
        if (of->serial != NULL)
                domain_element(out, "serial", of->serial);
        boot_order(out, ++places->boot);
        address(out, bus, unit);
        domain_close(out);
}

/* virtio has no CD drives; there it is a disk that cannot be written. */
static void cdrom(struct domain_out *out, struct places *places, const struct vm_cdrom *cd)
{
        const enum bus bus = bus_of_cd(cd, out->q35);
        const unsigned unit = take_unit(places, bus, true);

        domain_open(out, "disk");
        domain_attribute(out, "type", "file");
        domain_attribute(out, "device", bus == VIRTIO ? "disk" : "cdrom");
        domain_open(out, "driver");
        domain_attribute(out, "name", "qemu");
        domain_attribute(out, "type", "raw");
        domain_close(out);
        domain_leaf(out, "source", "file", cd->path);
        target(out, places, bus, unit);
        domain_leaf(out, "readonly", NULL, NULL);
        boot_order(out, ++places->boot);
        address(out, bus, unit);
        domain_close(out);
}

static void floppy(struct domain_out *out)
{
        if (out->domain->floppy == NULL)
                return;
        domain_open(out, "disk");
        domain_attribute(out, "type", "file");
        domain_attribute(out, "device", "floppy");
        domain_open(out, "driver");
        domain_attribute(out, "name", "qemu");
        domain_attribute(out, "type", "raw");
        domain_close(out);
        domain_leaf(out, "source", "file", out->domain->floppy);
        domain_open(out, "target");
        domain_attribute(out, "dev", "fda");
        domain_attribute(out, "bus", "fdc");
        domain_close(out);
        domain_close(out);
}

static void cdroms(struct domain_out *out, struct places *places)
{
        for (size_t i = 0; i < out->domain->n_cds; i++)
                cdrom(out, places, &out->domain->cds[i]);
}

static void storage(struct domain_out *out)
{
        const struct vm_domain *const domain = out->domain;
        struct places places = { .boot = domain->boot_after };

        if (!domain->without_disks) {
                if (domain->cd_first)
                        cdroms(out, &places);
                for (size_t i = 0; i < domain->n_disks; i++)
                        disk(out, &places, &domain->disks[i]);
                if (!domain->cd_first)
                        cdroms(out, &places);
        }
        floppy(out);
}

/* --- the rest ------------------------------------------------------------- */

static void interface(struct domain_out *out)
{
        const struct vm_domain *const domain = out->domain;

        if (!domain->network || domain->without_network)
                return;
        domain_open(out, "interface");
        domain_attribute(out, "type", domain->net_bridge != NULL ? "bridge" : "user");
        if (domain->mac != NULL)
                domain_leaf(out, "mac", "address", domain->mac);
        if (domain->net_bridge != NULL)
                domain_leaf(out, "source", "bridge", domain->net_bridge);
        domain_leaf(out, "model", "type", cards[card_of(domain->net_device)].libvirt);
        if (cards[card_of(domain->net_device)].usb)
                usb(out);
        else
                pci(out, slot_of_card(out));
        domain_close(out);
}

static void serial(struct domain_out *out)
{
        domain_open(out, "serial");
        domain_attribute(out, "type", "pty");
        if (out->domain->serial_log != NULL) {
                domain_open(out, "log");
                domain_attribute(out, "file", out->domain->serial_log);
                domain_attribute(out, "append", "on");
                domain_close(out);
        }
        domain_open(out, "target");
        domain_attribute(out, "type", "isa-serial");
        domain_attribute(out, "port", "0");
        domain_close(out);
        domain_close(out);
}

static void console(struct domain_out *out)
{
        domain_open(out, "console");
        domain_attribute(out, "type", "pty");
        domain_open(out, "target");
        domain_attribute(out, "type", "serial");
        domain_attribute(out, "port", "0");
        domain_close(out);
        domain_close(out);
}

/* Its socket is where libvirt keeps such sockets. */
static void agent(struct domain_out *out)
{
        if (!out->domain->agent)
                return;
        domain_open(out, "channel");
        domain_attribute(out, "type", "unix");
        domain_open(out, "target");
        domain_attribute(out, "type", "virtio");
        domain_attribute(out, "name", "org.qemu.guest_agent.0");
        domain_close(out);
        domain_close(out);
}

/* A mouse of a VNC client points where it is only with a tablet. */
static void tablet(struct domain_out *out)
{
        domain_open(out, "input");
        domain_attribute(out, "type", "tablet");
        domain_attribute(out, "bus", "usb");
        alias(out, "ua-tablet");
        domain_close(out);
}

static void tpm(struct domain_out *out)
{
        if (out->domain->tpm == NULL)
                return;
        domain_open(out, "tpm");
        domain_attribute(out, "model", out->domain->tpm);
        domain_open(out, "backend");
        domain_attribute(out, "type", "emulator");
        domain_attribute(out, "version", out->domain->tpm1 ? "1.2" : "2.0");
        domain_close(out);
        domain_close(out);
}

static void graphics(struct domain_out *out)
{
        const struct vm_domain *const domain = out->domain;
        autofree char *port = bk_format("%d", domain->vnc_port);
        const char *const listen = domain->vnc_listen != NULL ? domain->vnc_listen : "127.0.0.1";

        if (!domain->vnc)
                return;
        domain_open(out, "graphics");
        domain_attribute(out, "type", "vnc");
        domain_attribute(out, "port", port);
        domain_attribute(out, "autoport", domain->vnc_port < 0 ? "yes" : "no");
        domain_attribute(out, "listen", listen);
        domain_attribute(out, "passwd", domain->vnc_password);
        domain_open(out, "listen");
        domain_attribute(out, "type", "address");
        domain_attribute(out, "address", listen);
        domain_close(out);
        domain_close(out);
}

static void video(struct domain_out *out)
{
        const char *const model = displays[display_of(out->domain->video)].libvirt;

        domain_open(out, "video");
        domain_leaf(out, "model", "type", model);
        if (!bk_streq(model, "none") && !bk_streq(model, "ramfb"))
                pci(out, slot_of_display(out));
        domain_close(out);
}

/* A fresh guest has no entropy, and its first boot makes its host keys. */
static void rng(struct domain_out *out)
{
        domain_open(out, "rng");
        domain_attribute(out, "model", "virtio");
        domain_open(out, "backend");
        domain_attribute(out, "model", "random");
        (void)xmlTextWriterWriteString(out->xml, BAD_CAST "/dev/urandom");
        domain_close(out);
        alias(out, "ua-rng");
        pci(out, SLOT_RNG);
        domain_close(out);
}

static void vsock(struct domain_out *out)
{
        if (out->domain->vsock_cid == 0)
                return;
        domain_open(out, "vsock");
        domain_attribute(out, "model", "virtio");
        domain_open(out, "cid");
        domain_attribute(out, "auto", "no");
        domain_number(out, "address", out->domain->vsock_cid);
        domain_close(out);
        pci(out, SLOT_VSOCK);
        domain_close(out);
}

void domain_devices(struct domain_out *out)
{
        domain_open(out, "devices");
        storage(out);
        controllers(out);
        interface(out);
        serial(out);
        console(out);
        agent(out);
        tablet(out);
        tpm(out);
        graphics(out);
        video(out);
        domain_leaf(out, "memballoon", "model", "none");
        rng(out);
        domain_leaf(out, "panic", "model", "isa");
        vsock(out);
        domain_close(out);
}
