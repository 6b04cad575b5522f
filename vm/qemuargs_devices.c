/* Devices, drives and networks of qemuargs.
 *
 * Packer has names for its own: drives of virtio-scsi disks are "drive0", "drive1",
 * ..., CDs there "cdrom0", their controller "scsi0", the network "user.0". Templates that replace
 * one side ("-device") count on the other ("-drive"), by these names. */
#include "vm/qemuargs_priv.h"

#include <ctype.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "vm/domain_priv.h"

#define PACKER_NETWORK "user.0"
#define LIBVIRT_NETWORK "hostnet0"

/* --- networks ------------------------------------------------------------- */

/* "hostfwd=tcp::2222-:22" lets the whole world in; without an address it is this host only. */
char *qemuargs_local_forwards(const char *netdev)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(netdev);

        for (size_t i = 0; i < parts.n; i++) {
                char *const colon = strncmp(parts.v[i], "hostfwd=", 8) == 0 ? strchr(parts.v[i], ':') : NULL;

                if (colon == NULL || colon[1] != ':')
                        continue;
                const int protocol = (int)(colon - parts.v[i]);
                char *const local = bk_format("%.*s:127.0.0.1%s", protocol, parts.v[i], colon + 1);

                free(parts.v[i]);
                parts.v[i] = local;
        }
        return qemuargs_join(&parts);
}

/* "model=virtio,macaddr=M" on a network, as -device. */
static void add_card(struct qemuargs_work *work, const struct bk_strv *nic, const char *network)
{
        const bool q35 = strcmp(work->domain->machine, "q35") == 0 || strncmp(work->domain->machine, "pc-q35", 6) == 0;
        const char *const model = qemuargs_get(nic, "model"), *const mac = qemuargs_get(nic, "macaddr"), *mac2 = qemuargs_get(nic, "mac");
        const char *const driver = bk_streq(model, "virtio") ? "virtio-net-pci" : model != NULL ? model : q35 ? "e1000e" : "e1000";
        autofree char *value = bk_format("%s,netdev=%s%s%s", driver, network, mac != NULL || mac2 != NULL ? ",mac=" : "",
                                         mac != NULL ? mac : mac2 != NULL ? mac2 : "");

        qemuargs_add(work, "-device", value);
}

/* What is the card's, what the network's. */
static bool of_card(const char *part)
{
        static const char *const keys[] = { "model=", "macaddr=", "mac=", "addr=", "vectors=" };

        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
                if (strncmp(part, keys[i], strlen(keys[i])) == 0)
                        return true;
        return false;
}

static void add_network(struct qemuargs_work *work, const struct bk_strv *backend, const struct bk_strv *nic)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv parts = { 0 };
        autofree char *id = bk_format("bakery-net%u", work->n_nets++), *joined = NULL, *local = NULL;

        for (size_t i = 0; i < backend->n; i++)
                if (!of_card(backend->v[i]) && strncmp(backend->v[i], "vlan=", 5) != 0 && strncmp(backend->v[i], "name=", 5) != 0)
                        bk_strv_add(&parts, backend->v[i]);
        if (qemuargs_get(&parts, "id") == NULL)
                qemuargs_set(&parts, "id", id);
        joined = qemuargs_join(&parts);
        local = qemuargs_local_forwards(joined);
        qemuargs_add(work, "-netdev", local);
        add_card(work, nic, qemuargs_get(&parts, "id"));
}

void qemuargs_nic(struct qemuargs_work *work, const char *value)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(value);

        if (!bk_streq(value, "none"))
                add_network(work, &parts, &parts);
}

void qemuargs_net(struct qemuargs_work *work, const char *value)
{
        if (strncmp(value, "nic", 3) == 0)
                bk_strv_add(&work->nics, value);
        else if (!bk_streq(value, "none"))
                bk_strv_add(&work->backends, value);
}

/* Cards and networks of -net belong together in the order in which they are given. */
static void pair_networks(struct qemuargs_work *work)
{
        size_t used = 0;

        for (size_t i = 0; i < work->nics.n; i++) {
                BK_CLEANUP(bk_strv_done) struct bk_strv nic = qemuargs_split(work->nics.v[i]), backend = { 0 };

                if (qemuargs_get(&nic, "netdev") != NULL) {
                        add_card(work, &nic, qemuargs_get(&nic, "netdev"));
                } else if (used < work->backends.n) {
                        backend = qemuargs_split(work->backends.v[used++]);
                        add_network(work, &backend, &nic);
                } else {
                        bk_strv_addf(&work->ret->notes, "-net %s is left out: it is on no network", work->nics.v[i]);
                }
        }
        for (; used < work->backends.n; used++)
                bk_strv_addf(&work->ret->notes, "-net %s is left out: no card is on it", work->backends.v[used]);
}

static size_t cards_on(const struct qemuargs_work *work, const char *network)
{
        size_t n = 0;

        for (size_t i = 0; i < work->devices.n; i++) {
                BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(work->devices.v[i]);

                n += bk_streq(qemuargs_get(&parts, "netdev"), network);
        }
        return n;
}

/* "virtio-net,netdev=user.0", perhaps with its address or a name: libvirt can say that. */
static bool plain_card(const struct bk_strv *parts)
{
        for (size_t i = 1; i < parts->n; i++)
                if (strncmp(parts->v[i], "netdev=", 7) != 0 && strncmp(parts->v[i], "mac=", 4) != 0 && strncmp(parts->v[i], "id=", 3) != 0)
                        return false;
        return parts->n > 0 && domain_knows_card(parts->v[0]);
}

/* The one card on Packer's network becomes libvirt's, if libvirt can say it. */
static bool adopt_card(struct qemuargs_work *work)
{
        for (size_t i = 0; i < work->devices.n; i++) {
                BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(work->devices.v[i]);

                if (!bk_streq(qemuargs_get(&parts, "netdev"), PACKER_NETWORK))
                        continue;
                if (!plain_card(&parts))
                        return false;
                work->domain->net_device = qemuargs_own(work, bk_strdup(parts.v[0]));
                if (qemuargs_get(&parts, "mac") != NULL)
                        work->domain->mac = qemuargs_own(work, bk_strdup(qemuargs_get(&parts, "mac")));
                work->devices.v[i][0] = '\0';   /* taken */
                return true;
        }
        return false;
}

/* Packer's own -netdev, for cards that only QEMU can be told of. */
static char *packer_network(const struct qemuargs_work *work)
{
        if (work->domain->net_bridge != NULL)
                return bk_format("bridge,id=%s,br=%s", PACKER_NETWORK, work->domain->net_bridge);
        if (work->host_port == 0 || work->guest_port == 0)
                return bk_format("user,id=%s", PACKER_NETWORK);
        return bk_format("user,id=%s,hostfwd=tcp:127.0.0.1:%u-:%u", PACKER_NETWORK, work->host_port, work->guest_port);
}

/* Packer's own card, on a network of the user's. */
static void packer_card(struct qemuargs_work *work)
{
        const struct vm_domain *const domain = work->domain;
        autofree char *card = bk_format("%s,netdev=%s%s%s", domain->net_device != NULL ? domain->net_device : "virtio-net-pci", PACKER_NETWORK,
                                        domain->mac != NULL ? ",mac=" : "", domain->mac != NULL ? domain->mac : "");

        bk_strv_add(&work->devices, card);
}

static bool defines(const struct bk_strv *netdevs, const char *id)
{
        for (size_t i = 0; i < netdevs->n; i++) {
                BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(netdevs->v[i]);

                if (bk_streq(qemuargs_get(&parts, "id"), id))
                        return true;
        }
        return false;
}

static void network(struct qemuargs_work *work)
{
        const size_t cards = cards_on(work, PACKER_NETWORK);
        autofree char *made = NULL;

        if (work->netdevs.n > 0) {
                if (work->domain->network && defines(&work->netdevs, PACKER_NETWORK) && cards == 0)
                        packer_card(work);
                work->domain->without_network = true;
        } else if (work->domain->network && cards > 0 && !(cards == 1 && adopt_card(work))) {
                made = packer_network(work);
                bk_strv_add(&work->netdevs, made);
                work->domain->without_network = true;
        }
        for (size_t i = 0; i < work->netdevs.n; i++)
                qemuargs_add(work, "-netdev", work->netdevs.v[i]);
}

/* What listens on Packer's network, such as "-object filter-dump,netdev=user.0", listens on libvirt's where that one is there. */
static void rename_network(struct qemuargs_work *work)
{
        struct bk_strv *const args = &work->ret->args;

        for (size_t i = 1; i < args->n && !work->domain->without_network; i++) {
                BK_CLEANUP(bk_strv_done) struct bk_strv parts = { 0 };

                if (!bk_streq(args->v[i - 1], "-object"))
                        continue;
                parts = qemuargs_split(args->v[i]);
                if (!bk_streq(qemuargs_get(&parts, "netdev"), PACKER_NETWORK))
                        continue;
                qemuargs_set(&parts, "netdev", LIBVIRT_NETWORK);
                free(args->v[i]);
                args->v[i] = qemuargs_join(&parts);
        }
}

/* --- drives --------------------------------------------------------------- */

/* "drive3" -> 3; -1: another name. */
static int numbered(const char *name, const char *prefix)
{
        const size_t length = strlen(prefix);

        if (name == NULL || strncmp(name, prefix, length) != 0 || !isdigit((unsigned char)name[length]) || strlen(name) > length + 2)
                return -1;
        return (int)strtol(name + length, NULL, 10);
}

/* Packer's devices for drives that only their -drive was given of. */
static void packer_devices(struct qemuargs_work *work)
{
        bool controller = false;

        for (size_t i = 0; i < work->drives.n && work->devices.n == 0; i++) {
                BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(work->drives.v[i]);
                const char *const id = qemuargs_get(&parts, "id");
                const bool disk = numbered(id, "drive") >= 0, cd = numbered(id, "cdrom") >= 0;
                autofree char *device = bk_format("scsi-%s,bus=scsi0.0,drive=%s", cd ? "cd" : "hd", id != NULL ? id : "");

                if (!bk_streq(qemuargs_get(&parts, "if"), "none") || !(disk || cd))
                        continue;
                if (!controller)
                        qemuargs_add(work, "-device", "virtio-scsi-pci,id=scsi0");
                controller = true;
                qemuargs_add(work, "-device", device);
        }
}

static bool brings_flash(const struct qemuargs_work *work)
{
        for (size_t i = 0; i < work->drives.n; i++) {
                BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(work->drives.v[i]);

                if (bk_streq(qemuargs_get(&parts, "if"), "pflash"))
                        return true;
        }
        return work->flash;
}

/* Flash is a drive, too. */
static void firmware(struct qemuargs_work *work)
{
        struct vm_domain *const domain = work->domain;

        if (domain->firmware != VM_EFI || (work->drives.n == 0 && !work->flash))
                return;
        if (!brings_flash(work))
                bk_strv_addf(&work->ret->notes, "a -drive replaces all drives, those of the EFI firmware included: the guest has a BIOS; "
                             "add [\"-drive\", \"if=pflash,format=raw,readonly=on,file=%s\"] to keep EFI", domain->code != NULL ? domain->code : "");
        domain->firmware = VM_BIOS;
        domain->secure_boot = false;
        domain->code = domain->vars = NULL;
}

static void drives(struct qemuargs_work *work)
{
        struct vm_domain *const domain = work->domain;

        firmware(work);
        if (work->drives.n == 0)
                return;
        domain->without_disks = true;
        for (size_t i = 0; i < work->drives.n; i++)
                qemuargs_add(work, "-drive", work->drives.v[i]);
        for (; work->user_cds > 0; work->user_cds--)
                qemuargs_add(work, "-cdrom", domain->cds[domain->n_cds - work->user_cds].path);
        packer_devices(work);
}

/* --- disks of Packer that the user's devices take ------------------------- */

static char *comma_safe(const char *path)
{
        struct bk_buf text = { 0 };

        for (const char *c = path; *c != '\0'; c++) {
                bk_buf_putc(&text, *c);
                if (*c == ',')
                        bk_buf_putc(&text, *c);
        }
        return bk_buf_finish(&text);
}

static void hand_over_disk(struct qemuargs_work *work, const struct vm_disk *disk, const char *id)
{
        autofree char *path = comma_safe(disk->path);
        autofree char *value = bk_format("if=none,file=%s,id=%s,cache=%s,discard=%s,format=%s%s%s", path, id,
                                         disk->cache != NULL ? disk->cache : "writeback", disk->discard != NULL ? disk->discard : "unmap",
                                         disk->format, disk->detect_zeroes != NULL ? ",detect-zeroes=" : "",
                                         disk->detect_zeroes != NULL ? disk->detect_zeroes : "");

        qemuargs_add(work, "-drive", value);
}

static void hand_over_cd(struct qemuargs_work *work, const struct vm_cdrom *cd, const char *id)
{
        autofree char *path = comma_safe(cd->path);
        autofree char *value = bk_format("if=none,file=%s,id=%s,media=cdrom", path, id);

        qemuargs_add(work, "-drive", value);
}

/* Devices that name Packer's drives get them, and the boot order that libvirt's disk had. */
static void take_drives(struct qemuargs_work *work, bool taken_disks[], bool taken_cds[])
{
        struct vm_domain *const domain = work->domain;

        for (size_t i = 0; i < work->devices.n && !domain->without_disks; i++) {
                BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(work->devices.v[i]);
                const char *const id = qemuargs_get(&parts, "drive");
                const int disk = numbered(id, "drive"), cd = numbered(id, "cdrom");
                autofree char *order = bk_format("%u", domain->boot_after + 1);

                if (disk >= 0 && (size_t)disk < domain->n_disks && !taken_disks[disk]) {
                        hand_over_disk(work, &domain->disks[disk], id);
                        taken_disks[disk] = true;
                } else if (cd >= 0 && (size_t)cd < domain->n_cds && !taken_cds[cd]) {
                        hand_over_cd(work, &domain->cds[cd], id);
                        taken_cds[cd] = true;
                } else {
                        continue;
                }
                if (qemuargs_get(&parts, "bootindex") != NULL)
                        continue;
                domain->boot_after++;
                qemuargs_set(&parts, "bootindex", order);
                free(work->devices.v[i]);
                work->devices.v[i] = qemuargs_join(&parts);
        }
}

static void disks(struct qemuargs_work *work)
{
        struct vm_domain *const domain = work->domain;
        bool taken_disks[sizeof domain->disks / sizeof *domain->disks] = { false };
        bool taken_cds[sizeof domain->cds / sizeof *domain->cds] = { false };
        size_t kept = 0;

        take_drives(work, taken_disks, taken_cds);
        for (size_t i = 0; i < domain->n_disks; i++)
                if (!taken_disks[i])
                        domain->disks[kept++] = domain->disks[i];
        domain->n_disks = kept;
        kept = 0;
        for (size_t i = 0; i < domain->n_cds; i++)
                if (!taken_cds[i])
                        domain->cds[kept++] = domain->cds[i];
        domain->n_cds = kept;
}

/* --- devices -------------------------------------------------------------- */

/* QEMU leaves its own display out for these. */
static bool is_display(const char *driver)
{
        static const char *const known[] = { "VGA", "cirrus-vga", "qxl-vga", "virtio-vga", "virtio-vga-gl", "vmware-svga", "isa-vga",
                                             "isa-cirrus-vga", "ati-vga" };

        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
                if (bk_streq(driver, known[i]))
                        return true;
        return false;
}

/* A TPM whose other half is not given means the machine's own. */
static bool is_own_tpm(struct qemuargs_work *work, const char *driver)
{
        struct vm_domain *const domain = work->domain;

        if (strncmp(driver, "tpm-", 4) != 0 || domain->tpm == NULL)
                return false;
        if (!work->tpmdev)
                domain->tpm = qemuargs_own(work, bk_strdup(driver));
        else
                domain->tpm = NULL;
        return !work->tpmdev;
}

/* Boot orders of the user's devices come before libvirt's: two devices cannot have one. */
static void boot_orders(struct qemuargs_work *work)
{
        for (size_t i = 0; i < work->devices.n; i++) {
                BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(work->devices.v[i]);
                const char *const order = qemuargs_get(&parts, "bootindex");
                const unsigned long number = order != NULL ? strtoul(order, NULL, 10) : 0;

                if (number > work->domain->boot_after && number < 1000)
                        work->domain->boot_after = (unsigned)number;
        }
}

static void devices(struct qemuargs_work *work)
{
        for (size_t i = 0; i < work->devices.n; i++) {
                BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(work->devices.v[i]);
                const char *const driver = qemuargs_head(&parts, "driver");

                if (work->devices.v[i][0] == '\0' || (driver != NULL && is_own_tpm(work, driver)))
                        continue;
                if (driver != NULL && is_display(driver) && !work->vga)
                        work->domain->video = "none";
                qemuargs_add(work, "-device", work->devices.v[i]);
        }
}

/* --- boot order ----------------------------------------------------------- */

static bool has_own_drives(const struct qemuargs_work *work)
{
        static const char *const switches[] = { "-drive", "-blockdev", "-hda", "-hdb", "-hdc", "-hdd", "-cdrom" };

        for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
                if (bk_strv_has(&work->ret->args, switches[i]))
                        return true;
        return false;
}

/* libvirt says strict=on, by which nothing is booted that has no order. Of order and once the description knows already, where the
 * drives are libvirt's; a disk that is still empty is passed over in any case, so that Packer's own "once=d" is "order=cd". */
static void boot(struct qemuargs_work *work)
{
        BK_CLEANUP(bk_strv_done) struct bk_strv parts = qemuargs_split(work->boot != NULL ? work->boot : "order=cd");
        autofree char *order = bk_strdup(qemuargs_head(&parts, "order")), *value = NULL;
        const bool own = has_own_drives(work);

        if (parts.n > 0 && strchr(parts.v[0], '=') == NULL) {
                free(parts.v[0]);
                parts.v[0] = bk_format("order=%s", order);
        }
        if (!own || !work->domain->without_disks) {
                qemuargs_set(&parts, "order", NULL);
                qemuargs_set(&parts, "once", NULL);
        }
        if (own && qemuargs_get(&parts, "strict") == NULL)
                qemuargs_set(&parts, "strict", "off");
        value = qemuargs_join(&parts);
        if (value[0] != '\0')
                qemuargs_add(work, "-boot", value);
}

void qemuargs_resolve(struct qemuargs_work *work)
{
        drives(work);
        network(work);
        boot_orders(work);
        disks(work);
        devices(work);
        pair_networks(work);
        rename_network(work);
        boot(work);
}
