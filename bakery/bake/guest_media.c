/* What a guest starts from: its disk, its medium, its seed media. All in the worker, before the guest is. */
#include "bakery/bake/guest_priv.h"

#include <glob.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "boot/iso.h"
#include "boot/media.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

/* --- the medium ---------------------------------------------------------------- */

struct telling { struct bake_work *work; int64_t last_ms; };

static bool on_progress(void *arg, uint64_t done, uint64_t total)
{
        struct telling *telling = arg;
        const int64_t now = bk_now_ms();

        if (now - telling->last_ms < 2000)
                return false;
        telling->last_ms = now;
        if (total > 0)
                bake_tell_step(telling->work->events, "fetching: %.0f of %.0f MiB", (double)done / 1048576, (double)total / 1048576);
        else
                bake_tell_step(telling->work->events, "fetching: %.0f MiB", (double)done / 1048576);
        return false;
}

static void on_say(void *arg, const char *text)
{
        bake_tell_step(((struct telling *)arg)->work->events, "%s", text);
}

static bool leads_somewhere(const char *pattern)
{
        glob_t found = { 0 };
        const bool any = bk_exists(pattern) || glob(pattern, GLOB_PERIOD | GLOB_NOSORT, NULL, &found) == 0;

        globfree(&found);
        return any;
}

/* A path is one from where bakery was started, as in Packer, or else from the template's folder. */
void bake_guest_place(const struct tmpl *tmpl, const char *url, struct bk_strv *ret)
{
        if (strstr(url, "://") != NULL || *url == '/' || leads_somewhere(url))
                bk_strv_add(ret, url);
        else
                bk_strv_addf(ret, "%s/%s", tmpl->dir, url);
}

/* Older templates have the kind of the sum, or the address of its file, in keys of their own. */
char *bake_guest_checksum(const struct tmpl *tmpl, const struct bake_guest *config)
{
        const char *sum = config->iso_checksum, *type = config->iso_checksum_type;

        if (bk_streq(type, "none"))
                return bk_strdup("none");
        if (config->iso_checksum_url != NULL && (sum == NULL || *sum == '\0'))
                return bk_format("file:%s", config->iso_checksum_url);
        if (sum != NULL && type != NULL && *type != '\0' && strchr(sum, ':') == NULL)
                return bk_format("%s:%s", type, sum);
        if (sum != NULL && strncmp(sum, "file:", 5) == 0 && strstr(sum, "://") == NULL && sum[5] != '/' && !bk_exists(sum + 5))
                return bk_format("file:%s/%s", tmpl->dir, sum + 5);
        return bk_strdup(sum);
}

static int get_medium(struct bake_work *work, struct boot_iso *ret, struct bk_error *err)
{
        const struct bake_guest *config = &work->bake->config.guest;
        autofree char *cache = bk_format("%s/iso", work->bake->store->cache), *sum = bake_guest_checksum(work->bake->tmpl, config);
        struct telling telling = { .work = work, .last_ms = bk_now_ms() };
        autostrv struct bk_strv places = { 0 };
        const struct boot_iso_config iso = {
                .cache = cache, .urls = &places, .checksum = sum, .target = config->iso_target_path, .skip_cache = config->iso_skip_cache,
                .progress = on_progress, .say = on_say, .arg = &telling,
        };

        if (config->iso_url != NULL)
                bake_guest_place(work->bake->tmpl, config->iso_url, &places);
        for (size_t i = 0; i < config->iso_urls.n; i++)
                bake_guest_place(work->bake->tmpl, config->iso_urls.v[i], &places);
        if (places.n == 0)
                return bk_fail(err, BK_INVALID, "there is neither iso_url nor iso_urls");
        bake_tell_step(work->events, "getting %s", places.v[0]);
        return boot_iso_get(&iso, ret, err);
}

static int show_folder(const char *path, const char *target, struct bk_error *err)
{
        if (bk_mkdir_p(path, err) < 0)
                return -1;
        return mount(path, target, NULL, MS_BIND, NULL) < 0 ? bk_fail_errno(err, "cannot mount '%s' on '%s'", path, target) : 0;
}

/* A file of the host, where QEMU's user gets at it whatever the folders above permit. */
static int show_file(const char *path, const char *target, char **ret, struct bk_error *err)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return bk_fail_errno(err, "cannot look at '%s'", path);
        if ((st.st_mode & S_IROTH) == 0)
                return bk_fail(err, BK_DENIED, "'%s' may not be read by the user that guests run as; chmod o+r it", path);
        if (bk_publish_bytes(target, "", 0, 0644, err) < 0)
                return -1;
        if (mount(path, target, NULL, MS_BIND, NULL) < 0)
                return bk_fail_errno(err, "cannot make '%s' visible to the guest", path);
        *ret = bk_strdup(target);
        return 0;
}

/* --- the disk -------------------------------------------------------------------- */

static int copy_image(struct bake_work *work, const char *from, struct bk_error *err)
{
        const struct bake_guest *config = &work->bake->config.guest;
        const bool resize = !config->skip_resize_disk && bk_doc_get(work->bake->block->doc, "disk_size") != NULL;

        bake_tell_step(work->events, "copying the disk image");
        return layer_disk_import(work->draft, from, resize ? config->disk_size : 0, err);
}

static int more_disks(const struct bake_guest *config, struct bake_media *media, struct bk_error *err)
{
        for (size_t i = 0; i < config->disk_additional_size.n; i++) {
                uint64_t bytes = 0;

                bk_strv_addf(&media->more_disks, GUEST_WORK "/disk-%zu.qcow2", i + 1);
                if (tmpl_size(config->disk_additional_size.v[i], &bytes, err) < 0 ||
                    layer_disk_create(media->more_disks.v[i], bytes, err) < 0)
                        return bk_wrap(err, "disk_additional_size");
        }
        return 0;
}

/* --- all of it ----------------------------------------------------------------------------- */

static int make_disk(struct bake_work *work, struct bake_media *media, struct bk_error *err)
{
        const struct bake *bake = work->bake;
        const struct bake_guest *config = &bake->config.guest;
        BK_CLEANUP(boot_iso_done) struct boot_iso iso = { 0 };

        if (bake_guest_key_make(work, media, err) < 0)
                return -1;
        if (bake->source.id != NULL) {
                bake_tell_step(work->events, "on %s", bake->source.name);
                if (layer_verify(bake->store, bake->source.layer, false, err) < 0 ||
                    layer_draft_overlay(bake->store, bake->id, bake->source.layer, err) < 0)
                        return bk_wrap(err, "ancestor '%s'", bake->source.name);
                return bake_guest_key_put(work, media, err);
        }
        if (get_medium(work, &iso, err) < 0)
                return -1;
        (void)json_array_append_new(work->materials, bake_material(bake->tmpl, config->disk_image ? "disk image" : "medium",
                                                                   config->iso_url != NULL ? config->iso_url : config->iso_urls.v[0], iso.digest));
        if (config->disk_image)
                return copy_image(work, iso.path, err);
        if (config->libvirt_uri != NULL)
                media->iso = bk_strdup(iso.path);
        else if (show_file(iso.path, VM_HOST_ROOT "/medium.iso", &media->iso, err) < 0)
                return -1;
        return layer_disk_create(work->draft, config->disk_size, err);
}

/* --- seed media --------------------------------------------------------------------------- */

static void find_files(const struct tmpl *tmpl, const struct bk_strv *names, struct bk_strv *ret)
{
        for (size_t i = 0; i < names->n; i++)
                bake_guest_place(tmpl, names->v[i], ret);
}

static int make_seed(struct bake_work *work, struct bake_media *media, struct bk_error *err)
{
        const struct bake_guest *config = &work->bake->config.guest;
        autostrv struct bk_strv cd_files = { 0 }, floppy_files = { 0 }, floppy_dirs = { 0 };
        const struct boot_media cd = { .files = &cd_files, .names = &config->cd_content.keys, .contents = &config->cd_content.values,
                                       .label = config->cd_label };
        const struct boot_media floppy = { .files = &floppy_files, .dirs = &floppy_dirs, .names = &config->floppy_content.keys,
                                           .contents = &config->floppy_content.values, .label = config->floppy_label };

        find_files(work->bake->tmpl, &config->cd_files, &cd_files);
        find_files(work->bake->tmpl, &config->floppy_files, &floppy_files);
        find_files(work->bake->tmpl, &config->floppy_dirs, &floppy_dirs);
        if (cd_files.n > 0 || config->cd_content.keys.n > 0) {
                media->cd = bk_strdup(GUEST_WORK "/seed.iso");
                bake_tell_step(work->events, "making the seed CD");
                if (boot_media_iso(&cd, media->cd, err) < 0)
                        return bk_wrap(err, "seed CD");
        }
        if (floppy_files.n > 0 || floppy_dirs.n > 0 || config->floppy_content.keys.n > 0) {
                media->floppy = bk_strdup(GUEST_WORK "/floppy.img");
                bake_tell_step(work->events, "making the floppy");
                if (boot_media_floppy(&floppy, media->floppy, err) < 0)
                        return bk_wrap(err, "floppy");
        }
        return 0;
}

char *bake_guest_folder(const struct bake *bake)
{
        return bake->config.guest.libvirt_uri != NULL ? bk_format("%s/guest-%s", bake->store->run, bake->id) : NULL;
}

static int make_folder(const struct bake *bake, struct bk_error *err)
{
        autofree char *folder = bake_guest_folder(bake);

        if (bk_mkdir_p(GUEST_WORK, err) < 0)
                return -1;
        return folder == NULL ? 0 : show_folder(folder, GUEST_WORK, err);
}

int bake_guest_prepare(struct bake_work *work, struct bake_media *media, struct bk_error *err)
{
        const struct bake *bake = work->bake;
        const struct bake_guest *config = &bake->config.guest;
        autofree char *store = bk_format("%s/store", bake->store->home), *ignored = bake_guest_ignored(bake);
        const struct vm_host host = { .home = bake->store->home, .store = store, .vnc_port_min = (unsigned)config->vnc_port_min,
                                      .vnc_port_max = (unsigned)config->vnc_port_max };

        if (ignored != NULL)
                bake_tell_step(work->events, "ignored, for they mean nothing here: %s", ignored);
        if (vm_host_enter(&host, err) < 0 || make_folder(bake, err) < 0)
                return -1;
        if (make_disk(work, media, err) < 0 || more_disks(config, media, err) < 0 || make_seed(work, media, err) < 0)
                return -1;
        /* With a driver elsewhere paths are the host's. */
        media->disk = config->libvirt_uri ? bk_strdup(work->draft) : bk_format(VM_HOST_ROOT "/store/drafts/%s.qcow2", bake->id);
        return vm_host_give(work->draft, err) < 0 ? -1 : vm_host_give(GUEST_WORK, err);
}
