/* What Packer's builders leave in a folder: the disk, flattened; for VMware with the machine's description. The image
 * itself is in the store. */
#include "bakery/bake/guest_priv.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

static char *name_of(const struct bake *bake)
{
        return bake->config.guest.vm_name ? bk_strdup(bake->config.guest.vm_name) : bk_format("packer-%s", bake->name);
}

static int write_disk(struct bake_post *post, const char *format_name, const char *path, struct bk_strv *ret_files, struct bk_error *err)
{
        const struct layer_format *format = layer_format_find(bk_streq(format_name, "vpc") ? "vhd" : format_name);

        bake_tell_step(post->events, "writing %s", path);
        if (layer_export(post->bake->store, post->bake->image.layer, format, path, err) < 0)
                return -1;
        bk_strv_add(ret_files, path);
        return 0;
}

int bake_guest_files(struct bake_post *post, struct bk_strv *ret_files, struct bk_error *err)
{
        const struct bake_guest *config = &post->bake->config.guest;
        autofree char *name = name_of(post->bake), *path = NULL;

        if (config->output_directory == NULL)
                return 0;
        /* Packer's file has the machine's name and no suffix but what that name has. */
        path = bk_format("%s/%s", config->output_directory, name);
        return bk_mkdir_p(config->output_directory, err) < 0 ? -1 : write_disk(post, config->format, path, ret_files, err);
}

/* --- VMX ------------------------------------------------------------------------ */

static void set(struct tmpl_map *vmx, const char *key, char *value)
{
        for (size_t i = 0; i < vmx->keys.n; i++) {
                if (strcasecmp(vmx->keys.v[i], key) != 0)
                        continue;
                free(vmx->values.v[i]);
                vmx->values.v[i] = value;
                return;
        }
        bk_strv_add(&vmx->keys, key);
        bk_strv_take(&vmx->values, value);
}

/* The disk's controller: "scsi0:0" on what adapter. */
static void disk_lines(const struct bake_guest *config, const char *disk, struct tmpl_map *vmx)
{
        const char *adapter = config->disk_adapter_type;
        const char *bus = bk_streq(adapter, "ide") || bk_streq(adapter, "sata") || bk_streq(adapter, "nvme") ? adapter : "scsi";
        autofree char *present = bk_format("%s0.present", bus), *device = bk_format("%s0.virtualDev", bus);
        autofree char *unit = bk_format("%s0:0.present", bus), *file = bk_format("%s0:0.fileName", bus);

        set(vmx, present, bk_strdup("TRUE"));
        if (bk_streq(bus, "scsi"))
                set(vmx, device, bk_strdup(bk_streq(adapter, "lsisas1068") ? "lsisas1068" : adapter));
        set(vmx, unit, bk_strdup("TRUE"));
        set(vmx, file, bk_strdup(disk));
}

static void machine_lines(const struct bake_guest *config, const char *name, struct tmpl_map *vmx)
{
        const bool efi = config->firmware != NULL && strncmp(config->firmware, "efi", 3) == 0;

        set(vmx, ".encoding", bk_strdup("UTF-8"));
        set(vmx, "config.version", bk_strdup("8"));
        set(vmx, "virtualHW.version", bk_strdup(config->version));
        set(vmx, "displayName", bk_strdup(name));
        set(vmx, "guestOS", bk_strdup(config->guest_os_type));
        set(vmx, "memsize", bk_format("%lld", config->memory > 0 ? (long long)config->memory : 1024LL));
        set(vmx, "numvcpus", bk_format("%lld", (long long)config->cpus));
        set(vmx, "cpuid.coresPerSocket", bk_format("%lld", config->cores > 0 ? (long long)config->cores : 1LL));
        set(vmx, "firmware", bk_strdup(efi ? "efi" : "bios"));
        if (bk_streq(config->firmware, "efi-secure"))
                set(vmx, "uefi.secureBoot.enabled", bk_strdup("TRUE"));
        for (int i = 0; i < 8; i += i == 0 ? 4 : 1) {
                autofree char *present = bk_format("pciBridge%d.present", i), *device = bk_format("pciBridge%d.virtualDev", i);

                set(vmx, present, bk_strdup("TRUE"));
                if (i > 0)
                        set(vmx, device, bk_strdup("pcieRootPort"));
        }
        set(vmx, "ethernet0.present", bk_strdup("TRUE"));
        set(vmx, "ethernet0.connectionType", bk_strdup(config->network));
        set(vmx, "ethernet0.virtualDev", bk_strdup(config->network_adapter_type ? config->network_adapter_type : "e1000"));
        set(vmx, "ethernet0.addressType", bk_strdup("generated"));
}

/* A quote or a control character would end the value, so VMware writes it as |XX. */
static void value(struct bk_buf *out, const char *text)
{
        for (const char *p = text; *p != '\0'; p++)
                if (*p == '"' || *p == '|' || (unsigned char)*p < 0x20)
                        bk_buf_printf(out, "|%02X", (unsigned char)*p);
                else
                        bk_buf_putc(out, *p);
}

char *bake_vmx_text(const struct bake_guest *config, const char *name, const char *disk)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf out = { 0 };
        struct tmpl_map vmx = { 0 };

        machine_lines(config, name, &vmx);
        disk_lines(config, disk, &vmx);
        for (size_t i = 0; i < config->vmx_data.keys.n; i++)
                set(&vmx, config->vmx_data.keys.v[i], bk_strdup(config->vmx_data.values.v[i]));
        for (size_t i = 0; i < vmx.keys.n; i++) {
                bk_buf_printf(&out, "%s = \"", vmx.keys.v[i]);
                value(&out, vmx.values.v[i]);
                bk_buf_puts(&out, "\"\n");
        }
        bk_strv_done(&vmx.keys);
        bk_strv_done(&vmx.values);
        return bk_buf_finish(&out);
}

int bake_guest_vmx(struct bake_post *post, struct bk_strv *ret_files, struct bk_error *err)
{
        const struct bake_guest *config = &post->bake->config.guest;
        autofree char *folder = config->output_directory ? bk_strdup(config->output_directory) : bk_format("output-%s", post->bake->name);
        autofree char *name = name_of(post->bake), *disk = bk_format("%s/disk.vmdk", folder), *path = bk_format("%s/%s.vmx", folder, name);
        autofree char *text = bake_vmx_text(config, name, "disk.vmdk");

        if (bk_mkdir_p(folder, err) < 0 || write_disk(post, "vmdk", disk, ret_files, err) < 0 ||
            bk_publish_bytes(path, text, strlen(text), 0644, err) < 0)
                return -1;
        bk_strv_add(ret_files, path);
        return 0;
}
