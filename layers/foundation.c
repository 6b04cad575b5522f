/* Bootstrapping. What must exist before the first package is configured - fstab,
 * so that the initramfs gets the right fsck - is seeded by a hook; packages
 * come from and go to the cache by a bind mount of this bake's own. */
#include "layers/foundation.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "layers/chroot_priv.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"

/* Booting needs these, whatever else is wanted. */
#define BOOT_PACKAGES "initramfs-tools,zstd,grub-common,grub-pc-bin,grub-efi-amd64-bin,systemd-sysv,udev,kmod"

struct bootstrapper {
        const char *name;
        void (*argv)(const struct foundation_config *config, const char *root, const char *sources, const char *packages,
                     struct bk_strv *ret);
};

static void mmdebstrap_argv(const struct foundation_config *config, const char *root, const char *sources,
                            const char *packages, struct bk_strv *ret)
{
        bk_strv_add(ret, "mmdebstrap");
        bk_strv_add(ret, "--mode=root");
        bk_strv_add(ret, "--format=directory");
        bk_strv_addf(ret, "--variant=%s", config->variant);
        bk_strv_addf(ret, "--architectures=%s", config->architecture);
        bk_strv_addf(ret, "--include=%s", packages);
        bk_strv_add(ret, "--skip=essential/unlink,cleanup/apt/cache,cleanup/apt/lists,download/empty");
        bk_strv_add(ret, "--setup-hook=cp -rT \"$BAKERY_SEED\" \"$1\"");
        bk_strv_add(ret, "--setup-hook=mkdir -p \"$1/var/cache/apt/archives\" && mount --bind \"$BAKERY_DEBS\" \"$1/var/cache/apt/archives\"");
        bk_strv_add(ret, "--customize-hook=umount \"$1/var/cache/apt/archives\"");
        bk_strv_add(ret, config->release);
        bk_strv_add(ret, root);
        bk_strv_add(ret, sources);
}

static const struct bootstrapper bootstrappers[] = {
        { "mmdebstrap", mmdebstrap_argv },
};

static const struct bootstrapper *bootstrapper_find(const char *name)
{
        for (size_t i = 0; i < sizeof bootstrappers / sizeof *bootstrappers; i++)
                if (name == NULL || bk_streq(bootstrappers[i].name, name))
                        return &bootstrappers[i];
        return NULL;
}

static int write_file(const char *folder, const char *name, const char *text, struct bk_error *err)
{
        autofree char *path = bk_format("%s/%s", folder, name);
        autofree char *parent = bk_strndup(path, (size_t)(strrchr(path, '/') - path));
        autoclose int fd = -1;

        if (bk_mkdir_p(parent, err) < 0)
                return -1;
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0)
                return bk_fail_errno(err, "cannot write '%s'", path);
        return bk_write_all(fd, text, strlen(text), err);
}

/* The files that go in before the first package. */
static int make_seed(const struct foundation_config *config, const struct disk_layout *layout, const char *seed, struct bk_error *err)
{
        autofree char *fstab = bk_format("# Written by bakery.\n"
                                         "UUID=%s / %s %s 0 %d\n"
                                         "UUID=%s /boot/efi vfat umask=0077,nofail,x-systemd.automount 0 2\n",
                                         layout->root_uuid, layout->fs->name, layout->fs->fstab_options, layout->fs->fsck_pass,
                                         layout->esp_id);
        autofree char *hostname = bk_format("%s\n", config->hostname);
        autofree char *hosts = bk_format("127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost ip6-localhost ip6-loopback\n", config->hostname);
        const struct { const char *path, *text; } files[] = {
                { "etc/fstab", fstab },
                { "etc/hostname", hostname },
                { "etc/hosts", hosts },
                { "etc/kernel-img.conf", "do_symlinks = yes\nlink_in_boot = no\n" },
                { "etc/initramfs-tools/conf.d/bakery", "# An image boots on hardware that the build host has never seen.\nMODULES=most\n" },
        };
        autofree char *efi = bk_format("%s/boot/efi", seed);

        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
                if (write_file(seed, files[i].path, files[i].text, err) < 0)
                        return -1;
        return bk_mkdir_p(efi, err);
}

static char *package_list(const struct foundation_config *config, const struct disk_layout *layout)
{
        autofree char *list = bk_format("%s,%s%s%s", BOOT_PACKAGES, layout->fs->packages, config->kernel ? "," : "",
                                        config->kernel ? config->kernel : "");

        for (size_t i = 0; config->packages != NULL && i < config->packages->n; i++) {
                char *longer = bk_format("%s,%s", list, config->packages->v[i]);

                free(list);
                list = longer;
        }
        return bk_take(list);
}

struct hand_over { const struct foundation_config *config; struct bk_strv last; };

static void keep_line(void *arg, int stream, const char *line)
{
        struct hand_over *over = arg;

        if (over->last.n > 200)
                bk_strv_done(&over->last);
        bk_strv_add(&over->last, line);
        if (over->config->on_line != NULL)
                over->config->on_line(over->config->arg, stream, line);
}

static int suppress_sync(void *arg)
{
        (void)arg;
        return chroot_suppress_sync();
}

static int run_bootstrapper(const struct foundation_config *config, const struct bk_strv *argv, const struct bk_strv *env, struct bk_error *err)
{
        struct hand_over over = { .config = config };
        const struct bk_run run = {
                .argv = (const char *const *)argv->v, .env = (const char *const *)env->v, .timeout_ms = config->timeout_ms,
                .on_line = keep_line, .in_child = suppress_sync, .arg = &over,
        };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        int status = bk_run_with(&run, &result, err);

        if (status == 0 && result.status != 0) {
                autofree char *tail = bk_strdup("");

                for (size_t i = over.last.n > 6 ? over.last.n - 6 : 0; i < over.last.n; i++) {
                        char *longer = bk_format("%s%s\n", tail, over.last.v[i]);

                        free(tail);
                        tail = longer;
                }
                status = bk_run_fail(err, argv->v[0], result.status, tail);
        }
        bk_strv_done(&over.last);
        return status;
}

/* The build host shows through in two files that mmdebstrap copies. */
static int tidy(const struct foundation_config *config, int root_fd, struct bk_error *err)
{
        autofree char *hostname = bk_format("%s\n", config->hostname);

        if (bk_unlink_in_root(root_fd, "/etc/resolv.conf", err) < 0)
                return -1;
        return bk_write_in_root(root_fd, "/etc/hostname", hostname, strlen(hostname), 0644, err);
}

int foundation_bootstrap(const struct foundation_config *config, const char *root, int root_fd,
                         const struct disk_layout *layout, struct bk_error *err)
{
        const struct bootstrapper *bootstrapper = bootstrapper_find(config->bootstrapper);
        autofree char *seed = bk_format("%s.seed", config->debs), *sources_path = bk_format("%s/sources.list", seed);
        autofree char *tree = bk_format("%s/tree", seed), *sources = NULL, *packages = package_list(config, layout);
        autostrv struct bk_strv argv = { 0 }, env = { 0 };
        int result;

        if (bootstrapper == NULL)
                return bk_fail(err, BK_INVALID, "unknown bootstrapper '%s'; known is mmdebstrap", config->bootstrapper);
        if (apt_sources_for(config->release, config->mirror, config->components, &sources, err) < 0 ||
            bk_mkdir_p(seed, err) < 0 || write_file(seed, "sources.list", sources, err) < 0 ||
            make_seed(config, layout, tree, err) < 0)
                return -1;
        bootstrapper->argv(config, root, sources_path, packages, &argv);
        bk_strv_add(&env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        bk_strv_add(&env, "LC_ALL=C.UTF-8");
        bk_strv_add(&env, "DEBIAN_FRONTEND=noninteractive");
        bk_strv_add(&env, "HOME=/root");
        bk_strv_addf(&env, "BAKERY_SEED=%s", tree);
        bk_strv_addf(&env, "BAKERY_DEBS=%s", config->debs);
        for (size_t i = 0; i < 2; i++) {
                static const char *const proxies[] = { "http_proxy", "https_proxy" };

                if (getenv(proxies[i]) != NULL)
                        bk_strv_addf(&env, "%s=%s", proxies[i], getenv(proxies[i]));
        }
        result = run_bootstrapper(config, &argv, &env, err);
        if (bk_remove_tree(seed, result < 0 ? NULL : err) < 0 || result < 0)
                return -1;
        return tidy(config, root_fd, err);
}
