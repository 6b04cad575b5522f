/* The builders, as rows: what they accept, and how a disk comes to be open in
 * a worker. All that follows - provisioning, testing, sealing - is the same for every builder. */
#include "bakery/bake/bake_priv.h"

#include <stddef.h>

#include "layers/foundation.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

#define AT(member) offsetof(struct bake_config, member)

/* Keys of every builder. */
#define COMMON \
        { "type", TMPL_IGNORED }, { "name", TMPL_IGNORED }, \
        { "image_name", TMPL_STRING, AT(image_name), TMPL_REQUIRED, NULL, 0, 0, "name of the image in the registry" }, \
        { "image_type", TMPL_STRING, AT(image_type), 0, NULL, 0, 0, "foundation, base, application, or a word of your own" }, \
        { "attributes", TMPL_MAP, AT(attributes), 0, NULL, 0, 0, "what queries find it by, e.g. release" }, \
        { "specs", TMPL_LIST, AT(specs), TMPL_PATHS, NULL, 0, 0, "spec files that test the image" }, \
        { "specs_boot", TMPL_BOOL, AT(specs_boot), 0, "false", 0, 0, "test in a throw-away boot of the image, too; see docs/guests.md" }, \
{ "allow_revoked", TMPL_BOOL, AT(allow_revoked), TMPL_NO_INPUT, "false", 0, 0, "bake on a revoked image, too; the new one is revoked as it is" }, \
        { "unique_version", TMPL_BOOL, AT(unique_version), TMPL_NO_INPUT, "false", 0, 0, \
          "refuse a second living image of this name with the same attributes version and architecture" }, \
        { "publish_failed", TMPL_BOOL, AT(publish_failed), 0, "false", 0, 0, "publish even if tests fail; its state stays 'baked'" }, \
        { "network", TMPL_BOOL, AT(network), 0, "true", 0, 0, "provisioners reach the network (never the host's loopback)" }, \
        { "sysprep_skip", TMPL_LIST, AT(sysprep_skip), 0, NULL, 0, 0, "sysprep operations to leave out" }, \
        { "timeout", TMPL_DURATION, AT(timeout_ms), 0, "4h", 1, 0, "of the whole bake, without waiting for another of its image" }

static const struct tmpl_key foundation_keys[] = {
        COMMON,
        { "release", TMPL_STRING, AT(release), TMPL_REQUIRED, NULL, 0, 0, "Debian release, e.g. bookworm" },
        { "architecture", TMPL_STRING, AT(architecture), 0, "amd64", 0, 0, "Debian's name of the machine" },
        { "variant", TMPL_STRING, AT(variant), 0, "minbase", 0, 0, "of the bootstrapper: what is installed unasked" },
        { "packages", TMPL_LIST, AT(packages), 0, NULL, 0, 0, "installed beside what booting needs" },
        { "kernel", TMPL_STRING, AT(kernel), 0, "linux-image-amd64", 0, 0, "kernel package" },
        { "kernel_options", TMPL_STRING, AT(kernel_options), 0, NULL, 0, 0, "added to the kernel's command line" },
        { "mirror", TMPL_STRING, AT(mirror), 0, NULL, 0, 0, "archive URL; the build host's APT sources where not given" },
        { "components", TMPL_STRING, AT(components), 0, NULL, 0, 0, "e.g. \"main contrib non-free-firmware\"" },
        { "bootstrapper", TMPL_STRING, AT(bootstrapper), 0, "mmdebstrap", 0, 0, "what makes the tree" },
        { "disk_size", TMPL_SIZE, AT(disk_size), 0, "4G", 512LL << 20, 0, "of the disk" },
        { "filesystem", TMPL_STRING, AT(filesystem), 0, "ext4", 0, 0, "ext4, xfs or btrfs" },
        { "hostname", TMPL_STRING, AT(hostname), 0, "localhost", 0, 0, "of the image" },
};

static const struct tmpl_key chroot_keys[] = {
        COMMON,
        { "source_image", TMPL_STRING, AT(source_image), TMPL_REQUIRED, NULL, 0, 0, "digest, name, name:channel or query" },
        { "hostname", TMPL_STRING, AT(hostname), 0, NULL, 0, 0, "of the sandbox while it is provisioned" },
};

static int open_disk(struct bake_work *work, const char *format, struct bk_error *err)
{
        const struct bake *bake = work->bake;
        autofree char *folder = bk_format("%s/work", bake->store->run);
        const struct disk_open how = { .path = work->draft, .format = format, .work = folder, .lease = &work->bake->lease };

        if (bk_mkdir_p(folder, err) < 0)
                return -1;
        return disk_open(&how, &work->disk, err);
}

static int chroot_builder_open(struct bake_work *work, struct bk_error *err)
{
        const struct bake *bake = work->bake;

        bake_tell_step(work->events, "opening %s", bake->source.name);
        if (layer_verify(bake->store, bake->source.layer, false, err) < 0 ||
            layer_draft_overlay(bake->store, bake->id, bake->source.layer, err) < 0)
                return bk_wrap(err, "ancestor '%s'", bake->source.name);
        return open_disk(work, "qcow2", err);
}

static void foundation_config_of(struct bake_work *work, struct foundation_config *ret)
{
        const struct bake_config *config = &work->bake->config;

        *ret = (struct foundation_config){
                .bootstrapper = config->bootstrapper, .release = config->release, .architecture = config->architecture,
                .variant = config->variant, .kernel = config->kernel, .mirror = config->mirror,
                .components = config->components, .hostname = config->hostname, .kernel_options = config->kernel_options,
                .packages = &config->packages, .debs = work->debs, .timeout_ms = (int)config->timeout_ms,
                .on_line = bake_tell_line, .arg = work,
        };
}

static int foundation_builder_open(struct bake_work *work, struct bk_error *err)
{
        const struct bake_config *config = &work->bake->config;
        struct foundation_config foundation;

        bake_tell_step(work->events, "making a disk");
        work->layout = (struct disk_layout){ .size = config->disk_size, .fs = disk_fs_find(config->filesystem) };
        if (disk_create(work->draft, &work->layout, err) < 0 || open_disk(work, "raw", err) < 0)
                return -1;
        bake_tell_step(work->events, "bootstrapping %s", config->release);
        foundation_config_of(work, &foundation);
        return foundation_bootstrap(&foundation, disk_root(work->disk), disk_root_fd(work->disk), &work->layout, err);
}

static int foundation_builder_finish(struct bake_work *work, struct bk_error *err)
{
        struct foundation_config foundation;

        bake_tell_step(work->events, "writing the boot loader");
        foundation_config_of(work, &foundation);
        return foundation_boot_loader(&foundation, work->draft, disk_root_fd(work->disk), work->chroot, &work->layout, err);
}

static const struct bake_builder foundation = {
        "foundation", "a system from nothing, on a new disk that boots with BIOS and UEFI", foundation_keys,
        sizeof foundation_keys / sizeof *foundation_keys, "foundation", .open = foundation_builder_open, .finish = foundation_builder_finish,
};
static const struct bake_builder chroot_builder = {
        "chroot", "a layer on an image of the registry, provisioned in a chroot", chroot_keys, sizeof chroot_keys / sizeof *chroot_keys,
        "application", .open = chroot_builder_open,
};

static const struct bake_builder *const rows[] = { &foundation, &chroot_builder, &bake_qemu, &bake_vmware_iso };
enum { ROWS = sizeof rows / sizeof *rows };

const struct bake_builder *bake_builders(size_t *n)
{
        static struct bake_builder copy[ROWS];

        for (size_t i = 0; i < ROWS; i++)
                copy[i] = *rows[i];
        *n = ROWS;
        return copy;
}

const struct bake_builder *bake_builder_find(const char *type)
{
        for (size_t i = 0; i < ROWS; i++)
                if (bk_streq(rows[i]->type, type))
                        return rows[i];
        return NULL;
}
