/* Disks, CDs, the floppy drive, and the controllers that they need: a bus is a row. */
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
        [VIRTIO_SCSI] = { "virtio-scsi", "scsi", "sd", ANY, 24, "scsi", "virtio-scsi", 0 },     /* slot: before the network card */
        [USB] = { "usb", "usb", "sd", ANY, 8, NULL, NULL, 0 },
};

static const char *const caches[] = { "none", "writeback", "writethrough", "directsync", "unsafe" };
static const char *const discards[] = { "unmap", "ignore" };
static const char *const zeroes[] = { "off", "on", "unmap" };
static const char *const formats[] = { "qcow2", "raw" };

#define LENGTH(v) (sizeof (v) / sizeof *(v))

/* --- what is known -------------------------------------------------------- */

static const char *bus_name(size_t i)
{
        return buses[i].name;
}

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

bool domain_has_virtio_scsi(const struct domain_out *out)
{
        return on_bus(out->domain, VIRTIO_SCSI, out->q35) > 0;
}

/* --- checks --------------------------------------------------------------- */

static int check_bus(const char *name, enum bus bus, bool q35, struct bk_error *err)
{
        autofree char *known = NULL;

        if (bus < BUSES && (buses[bus].machines & (q35 ? Q35 : PC)))
                return 0;
        if (bus == IDE)
                return bk_fail(err, BK_INVALID, "the machine q35 has no IDE; use \"sata\" (the same commands, by AHCI), or the machine pc");
        if (bk_streq(name, "sd") || bk_streq(name, "nvme"))
                return bk_fail(err, BK_INVALID, "libvirt has no '%s' for disks of a PC; use \"virtio\", \"virtio-scsi\" or \"sata\"", name);
        known = domain_names(bus_name, BUSES);
        return bk_fail(err, BK_INVALID, "disk bus '%s' is not known; known are %s", name != NULL ? name : "", known);
}

static int check_disk(const struct vm_disk *disk, bool q35, struct bk_error *err)
{
        if (disk->path == NULL || disk->format == NULL)
                return bk_fail(err, BK_INVALID, "a disk needs a path and a format");
        if (check_bus(disk->bus, bus_of(disk->bus), q35, err) < 0 ||
            domain_check_word("format", disk->format, formats, LENGTH(formats), err) < 0 ||
            domain_check_word("cache", disk->cache, caches, LENGTH(caches), err) < 0 ||
            domain_check_word("discard", disk->discard, discards, LENGTH(discards), err) < 0 ||
            domain_check_word("detect_zeroes", disk->detect_zeroes, zeroes, LENGTH(zeroes), err) < 0)
                return bk_wrap(err, "disk '%s'", disk->path);
        if (disk->read_only && (bus_of(disk->bus) == IDE || bus_of(disk->bus) == SATA))
                return bk_fail(err, BK_INVALID, "disk '%s': a disk on '%s' cannot be read-only; use \"virtio\" or \"virtio-scsi\"", disk->path,
                               disk->bus);
        return 0;
}

int domain_storage_check(const struct vm_domain *domain, bool q35, struct bk_error *err)
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

/* --- controllers ---------------------------------------------------------- */

/* Of the two SCSI controllers, virtio's is the first where both are there. */
static unsigned controller_index(const struct domain_out *out, enum bus bus)
{
        return bus == SCSI && domain_has_virtio_scsi(out);
}

void domain_storage_controllers(struct domain_out *out)
{
        for (enum bus bus = VIRTIO; bus < BUSES; bus++) {
                const struct bus_row *const row = &buses[bus];

                if (row->controller == NULL || on_bus(out->domain, bus, out->q35) == 0)
                        continue;
                domain_controller(out, row->controller, row->model, controller_index(out, bus),
                           bus == VIRTIO_SCSI ? domain_slot_of_card(out) - 1 :
                           bus == SATA && out->q35 ? 0 :        /* the chipset's own, at 1f.2 */
                           row->slot);
        }
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
                domain_pci(out, domain_slot_of_card(out) + 1 + unit);
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

void domain_storage(struct domain_out *out)
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
