/* From a builder's settings to the machine that QEMU is asked for. */
#include "bakery/bake/guest_priv.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "vm/vm.h"

enum { MEMORY_MIB = 1024 };

/* VMware's names, and what QEMU has that is nearest. */
static const struct { const char *vmware, *here; } adapters[] = {
        { "ide", "ide" }, { "sata", "sata" }, { "nvme", "nvme" }, { "pvscsi", "virtio-scsi" }, { "lsilogic", "scsi" },
        { "buslogic", "scsi" }, { "lsisas1068", "scsi" }, { "scsi", "scsi" },
        { "vlance", "pcnet" }, { "flexible", "pcnet" }, { "vmxnet", "vmxnet3" },
};

static const char *here(const char *vmware, const char *fallback)
{
        if (vmware == NULL)
                return fallback;
        for (size_t i = 0; i < sizeof adapters / sizeof *adapters; i++)
                if (strcasecmp(adapters[i].vmware, vmware) == 0)
                        return adapters[i].here;
        return vmware;
}

static const char *vmx(const struct bake_guest *config, const char *key)
{
        for (size_t i = 0; i < config->vmx_data.keys.n; i++)
                if (strcasecmp(config->vmx_data.keys.v[i], key) == 0)
                        return config->vmx_data.values.v[i];
        return NULL;
}

static const char *disk_bus(const struct bake_guest *config)
{
        return config->disk_interface ? config->disk_interface : here(config->disk_adapter_type, "virtio");
}

/* firmware: bios, efi, efi-secure, or the code itself. */
static int firmware(const struct bake_guest *config, struct vm_domain *domain, struct bk_error *err)
{
        const bool named = config->firmware != NULL && !bk_streq(config->firmware, "bios");

        if (!config->efi_boot && config->efi_firmware_code == NULL && !named)
                return 0;
        domain->code = named && *config->firmware == '/' ? config->firmware : config->efi_firmware_code;
        domain->vars = config->efi_firmware_vars;
        domain->secure_boot = bk_streq(config->firmware, "efi-secure");
        if (domain->secure_boot && bk_streq(domain->machine, "pc"))
                domain->machine = "q35";        /* i440fx has no system management mode to protect the variables */
        return vm_host_efi(domain, err);
}

static void disks(const struct bake_stage *stage, struct vm_domain *domain)
{
        const struct bake_guest *config = stage->config;
        const struct vm_disk like = {
                .format = "qcow2", .cache = config->disk_cache ? config->disk_cache : "unsafe", .discard = config->disk_discard,
                .detect_zeroes = config->disk_detect_zeroes,
                .bus = disk_bus(config),
        };
        const char *const cds[] = { stage->media->iso, stage->media->cd };

        domain->disks[0] = like;
        domain->disks[domain->n_disks++].path = stage->media->disk;
        for (size_t i = 0; i < stage->media->more_disks.n; i++) {
                domain->disks[domain->n_disks] = like;
                domain->disks[domain->n_disks++].path = stage->media->more_disks.v[i];
        }
        for (size_t i = 0; i < 2; i++)
                if (cds[i] != NULL)
                        domain->cds[domain->n_cds++] = (struct vm_cdrom){ .path = cds[i], .bus = config->cdrom_interface };
        domain->floppy = stage->media->floppy;
}

/* A port that is free now; QEMU complains if it is not any more. For a network that the template's qemuargs make. */
static unsigned free_port(const struct bake_guest *config)
{
        for (int64_t port = config->host_port_min; port <= config->host_port_max; port++) {
                const struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
                autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

                if (fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof address) == 0)
                        return (unsigned)port;
        }
        return 0;
}

static int extra(struct bake_stage *stage, struct vm_domain *domain, struct vm_qemuargs *ret, struct bk_error *err)
{
        const struct bk_doc *list = stage->config->qemuargs;
        struct tmpl_scope scope = stage->work->bake->scope;
        struct vm_qemuarg args[128];
        autostrv struct bk_strv texts = { 0 };
        const unsigned port = free_port(stage->config);
        size_t n = 0;
        int result;

        if (list == NULL)
                return 0;
        stage->ssh_port = bk_format("%u", port);
        stage->data[stage->n_data++] = (struct tmpl_datum){ "SSHHostPort", stage->ssh_port };
        stage->data[stage->n_data++] = (struct tmpl_datum){ "OutputDir", GUEST_WORK };
        scope.data = stage->data;
        scope.n_data = stage->n_data;
        for (size_t i = 0; i < list->n && n < sizeof args / sizeof *args; i++) {
                const struct bk_doc *pair = list->items[i];
                char *text[2] = { NULL, NULL };

                for (size_t k = 0; k < pair->n && k < 2; k++) {
                        if (tmpl_render(&scope, pair->items[k]->text, pair->items[k], &text[k], err) < 0)
                                return bk_wrap(err, "qemuargs");
                        bk_strv_take(&texts, text[k]);
                }
                if (text[0] != NULL)
                        args[n++] = (struct vm_qemuarg){ text[0], text[1] };
        }
        result = vm_qemuargs_apply(args, n, port, (unsigned)stage->config->ssh_port, domain, ret, err);
        for (size_t i = 0; i < ret->notes.n; i++)
                bake_tell_step(stage->work->events, "qemuargs: %s", ret->notes.v[i]);
        return result < 0 ? bk_wrap(err, "qemuargs") : 0;
}

/* A driver elsewhere finds the bake's own files at other paths. */
static void show_elsewhere(const struct bake *bake, struct vm_domain *domain, struct bk_strv *texts)
{
        autofree char *folder = bake_guest_folder(bake);
        const char **paths[2 + sizeof domain->disks / sizeof *domain->disks + sizeof domain->cds / sizeof *domain->cds];
        size_t n = 0;

        for (size_t i = 0; i < domain->n_disks; i++)
                paths[n++] = &domain->disks[i].path;
        for (size_t i = 0; i < domain->n_cds; i++)
                paths[n++] = &domain->cds[i].path;
        paths[n++] = &domain->floppy;
        paths[n++] = &domain->vars;
        for (size_t i = 0; folder != NULL && i < n; i++) {
                if (*paths[i] == NULL || strncmp(*paths[i], GUEST_WORK "/", sizeof GUEST_WORK) != 0)
                        continue;
                bk_strv_addf(texts, "%s%s", folder, *paths[i] + strlen(GUEST_WORK));
                *paths[i] = texts->v[texts->n - 1];
        }
}

static int64_t memory_mib(const struct bake_guest *config)
{
        const char *memsize = vmx(config, "memsize");

        return memsize != NULL && atoi(memsize) > 0 ? atoi(memsize) : config->memory > 0 ? config->memory : MEMORY_MIB;
}

static int64_t processors(const struct bake_guest *config)
{
        const char *cpus = vmx(config, "numvcpus");

        return cpus != NULL && atoi(cpus) > 0 ? atoi(cpus) : config->cpus;
}

void bake_guest_boot(const struct bake_guest *config, struct spec_boot_config *ret)
{
        ret->memory = (uint64_t)memory_mib(config) << 20;
        ret->cpus = (unsigned)processors(config);
        ret->machine = config->machine_type ? config->machine_type : "pc";
        ret->bus = disk_bus(config);
        ret->firmware = config->efi_firmware_code ? config->efi_firmware_code : config->firmware ? config->firmware
                                                                             : config->efi_boot ? "efi" : NULL;
        ret->firmware_vars = config->efi_firmware_vars;
}

static int new_uuid(char **ret, struct bk_error *err)
{
        char *text = NULL;

        if (bk_read_file("/proc/sys/kernel/random/uuid", 64, &text, NULL, err) < 0)
                return -1;
        text[strcspn(text, "\n")] = '\0';
        *ret = text;
        return 0;
}

int bake_guest_xml(struct bake_stage *stage, const struct vm_kvm *kvm, bool *ret_own_network, struct bk_error *err)
{
        const struct bake_guest *config = stage->config;
        const char *virtual_dev = vmx(config, "ethernet0.virtualDev");
        const int64_t wanted = processors(config);
        const int64_t cores = config->cores > 0 ? config->cores : 1, threads = config->threads > 0 ? config->threads : 1;
        struct vm_domain domain = {
                .name = stage->work->bake->id, .kvm = kvm->usable, .machine = config->machine_type ? config->machine_type : "pc",
                .cpu = bk_streq(config->cpu_model, "host") ? NULL : config->cpu_model, .memory = (uint64_t)memory_mib(config) << 20,
                .cores = (unsigned)cores, .threads = (unsigned)threads, .network = true,
                .net_device = config->net_device ? config->net_device
                                                 : here(config->network_adapter_type, virtual_dev ? here(virtual_dev, NULL) : "e1000"),
                .net_bridge = config->net_bridge, .video = config->vga, .vnc = !config->disable_vnc, .vnc_listen = config->vnc_bind_address,
                .vnc_port = -1, .vnc_password = config->vnc_use_password ? config->vnc_password : NULL,
                .tpm = config->vtpm ? config->tpm_device_type : NULL, .tpm1 = config->use_tpm1, .agent = true,
        };
        autostrv struct bk_strv elsewhere = { 0 };
        struct vm_qemuargs args = { 0 };
        int result;

        if (new_uuid(&stage->uuid, err) < 0)
                return -1;
        domain.uuid = stage->uuid;
        domain.sockets = (unsigned)(config->sockets > 0 ? config->sockets : (wanted + cores * threads - 1) / (cores * threads));
        disks(stage, &domain);
        result = firmware(config, &domain, err);
        if (result == 0)
                result = extra(stage, &domain, &args, err);
        show_elsewhere(stage->work->bake, &domain, &elsewhere);
        if (result == 0 && args.args.n > 0)
                domain.args = (const char *const *)args.args.v;
        if (result == 0)
                result = vm_domain_xml(&domain, &stage->xml, err);
        *ret_own_network = !domain.without_network && domain.net_bridge == NULL;
        vm_qemuargs_done(&args);
        return result;
}
