/* The devices of a machine. What a network card or a display needs is said by
 * rows; disks are in domain_storage.c.
 *
 * PCI slots are given, not left to libvirt: a guest names its network card by its
 * slot, so the card is put where QEMU itself would put it (ens3 on pc, enp0s2
 * on q35), and disks follow. libvirt would put every device of a q35 behind a
 * bridge of its own. What no template counts on goes to the far end of the bus, so that devices of qemu:arg, which take the
 * first free slots, find theirs as they would without libvirt. */
#include "vm/domain_priv.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

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

#define USB_PORTS "15"          /* the most that qemu-xhci has */
#define LENGTH(v) (sizeof (v) / sizeof *(v))

/* --- what is known -------------------------------------------------------- */

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

static const char *card_name(size_t i)
{
        return cards[i].name;
}

static const char *display_name(size_t i)
{
        return displays[i].name;
}

/* --- checks --------------------------------------------------------------- */

/* "a, b, c", the caller's. */
char *domain_names(const char *(*name)(size_t i), size_t n)
{
        struct bk_buf text = { 0 };

        for (size_t i = 0; i < n; i++)
                bk_buf_printf(&text, "%s%s", i > 0 ? ", " : "", name(i));
        return bk_buf_finish(&text);
}

int domain_check_word(const char *what, const char *word, const char *const known[], size_t n, struct bk_error *err)
{
        struct bk_buf all = { 0 };

        for (size_t i = 0; i < n; i++)
                if (word == NULL || bk_streq(word, known[i]))
                        return 0;
        for (size_t i = 0; i < n; i++)
                bk_buf_printf(&all, "%s%s", i > 0 ? ", " : "", known[i]);
        (void)bk_fail(err, BK_INVALID, "%s '%s' is not known; known are %s", what, word, all.data);
        bk_buf_done(&all);
        return -1;
}

static int check_network(const struct vm_domain *domain, struct bk_error *err)
{
        autofree char *known = NULL;

        if (!domain->network || domain->without_network || card_of(domain->net_device) < LENGTH(cards))
                return 0;
        known = domain_names(card_name, LENGTH(cards));
        return bk_fail(err, BK_INVALID, "network card '%s' is not known; known are %s", domain->net_device, known);
}

static int check_tpm(const struct vm_domain *domain, struct bk_error *err)
{
        static const char *const models[] = { "tpm-tis", "tpm-crb" };

        if (domain_check_word("TPM", domain->tpm, models, LENGTH(models), err) < 0)
                return -1;
        if (domain->tpm1 && bk_streq(domain->tpm, "tpm-crb"))
                return bk_fail(err, BK_INVALID, "a TPM of version 1.2 has no tpm-crb; use \"tpm-tis\"");
        return 0;
}

int domain_devices_check(const struct vm_domain *domain, bool q35, struct bk_error *err)
{
        autofree char *known = NULL;

        if (domain_storage_check(domain, q35, err) < 0 || check_network(domain, err) < 0 || check_tpm(domain, err) < 0)
                return -1;
        if (display_of(domain->video) == LENGTH(displays)) {
                known = domain_names(display_name, LENGTH(displays));
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

unsigned domain_slot_of_card(const struct domain_out *out)
{
        return slot_of_display(out) + 1 + domain_has_virtio_scsi(out);
}

void domain_pci(struct domain_out *out, unsigned slot)
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

void domain_controller(struct domain_out *out, const char *type, const char *model, unsigned index, unsigned slot)
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
                domain_pci(out, slot);
        }
        domain_close(out);
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
                domain_pci(out, domain_slot_of_card(out));
        domain_close(out);
}

static void serial(struct domain_out *out, const char *port, const char *log)
{
        domain_open(out, "serial");
        domain_attribute(out, "type", "pty");
        if (log != NULL) {
                domain_open(out, "log");
                domain_attribute(out, "file", log);
                domain_attribute(out, "append", "on");
                domain_close(out);
        }
        domain_open(out, "target");
        domain_attribute(out, "type", "isa-serial");
        domain_attribute(out, "port", port);
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

static void channel(struct domain_out *out, const char *type, const char *name)
{
        domain_open(out, "channel");
        domain_attribute(out, "type", type);
        domain_open(out, "target");
        domain_attribute(out, "type", "virtio");
        domain_attribute(out, "name", name);
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
                domain_pci(out, slot_of_display(out));
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
        domain_pci(out, SLOT_RNG);
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
        domain_pci(out, SLOT_VSOCK);
        domain_close(out);
}

void domain_devices(struct domain_out *out)
{
        domain_open(out, "devices");
        domain_storage(out);
        domain_controller(out, "usb", "qemu-xhci", 0, SLOT_USB);
        domain_storage_controllers(out);
        if (out->domain->agent || out->domain->port != NULL)
                domain_controller(out, "virtio-serial", NULL, 0, SLOT_CHANNELS);
        interface(out);
        serial(out, "0", out->domain->serial_log);
        if (out->domain->port != NULL)
                serial(out, "1", NULL);
        console(out);
        if (out->domain->agent)         /* its socket is where libvirt keeps such sockets */
                channel(out, "unix", "org.qemu.guest_agent.0");
        if (out->domain->port != NULL)
                channel(out, "pty", out->domain->port);
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
