/* Formats that a disk can leave the store in. All are written by qemu-img
 * from the whole chain, under a draft's name, and renamed when complete. */
#include "layers/layer_priv.h"

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/lease.h"
#include "lib/publish.h"
#include "lib/run.h"

static const struct layer_format formats[] = {
        { "raw",   ".raw",   "raw",   NULL,                          "bytes of the disk, sparse; for dd, bare metal, any hypervisor" },
        { "qcow2", ".qcow2", "qcow2", "compression_type=zstd",       "QEMU, standalone" },
        { "qcow2-compressed", ".qcow2", "qcow2", "compression_type=zstd", "the same, compressed: to be sent, not to be worked on", true },
        { "vmdk",  ".vmdk",  "vmdk",  "subformat=streamOptimized",   "VMware" },
        { "vhd",   ".vhd",   "vpc",   "subformat=fixed,force_size",  "Azure, Hyper-V generation 1" },
        { "vhdx",  ".vhdx",  "vhdx",  NULL,                          "Hyper-V" },
        { "vdi",   ".vdi",   "vdi",   NULL,                          "VirtualBox" },
};

const struct layer_format *layer_formats(size_t *n)
{
        *n = sizeof formats / sizeof *formats;
        return formats;
}

const struct layer_format *layer_format_find(const char *name)
{
        for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
                if (bk_streq(formats[i].name, name))
                        return &formats[i];
        return NULL;
}

int layer_export(const struct layer_store *store, const char *digest, const struct layer_format *format,
                 const char *path, struct bk_error *err)
{
        autofree char *source = layer_path(store, digest), *name = bk_random_name(), *leases = bk_format("%s/leases", store->run);
        autofree char *draft = bk_format("%s.%s.draft", path, name);
        BK_CLEANUP(bk_lease_done) struct bk_lease lease = BK_LEASE_NONE;
        const char *argv[16] = { "qemu-img", "convert", "-q", "-W", "-m", "8", "-f", "qcow2", "-O", format->qemu };
        size_t n = 10;

        if (layer_verify(store, digest, false, err) < 0)
                return -1;
        if (format->compress)
                argv[n++] = "-c";
        if (format->options != NULL) {
                argv[n++] = "-o";
                argv[n++] = format->options;
        }
        argv[n++] = source;
        argv[n++] = draft;
        bk_lease_for_file(leases, draft, &lease);
        if (bk_run(argv, QEMU_IMG_TIMEOUT_MS, NULL, err) < 0) {
                (void)unlink(draft);
                return bk_wrap(err, "cannot export to '%s'", path);
        }
        return bk_publish(draft, path, err);
}
