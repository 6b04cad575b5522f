/* What rows cannot say about the builders that run a guest: found before anything runs. */
#include "bakery/bake/guest_priv.h"

#include <ctype.h>
#include <glob.h>
#include <string.h>

#include "boot/iso.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

enum { DISK_LEAST = 1 << 20, MORE_DISKS_MOST = 15 /* beside the first; see struct vm_domain */ };

/* --- the boot command ------------------------------------------------------------------- */

void bake_typing_steps_done(struct bake_typing_steps *steps)
{
        for (size_t i = 0; i < steps->n; i++) {
                free(steps->v[i].text);
                free(steps->v[i].about);
        }
        free(steps->v);
        *steps = (struct bake_typing_steps){ 0 };
}

static int add_step(const struct tmpl_scope *scope, const char *text, const char *about, const struct bk_doc *place,
                    struct bake_typing_steps *ret, struct bk_error *err)
{
        struct bake_typing_step step = { .about = bk_strdup(about) };

        if (tmpl_render(scope, text, place, &step.text, err) < 0) {
                free(step.about);
                return -1;
        }
        ret->v = bk_grow(ret->v, ret->n + 1, sizeof *ret->v);
        ret->v[ret->n++] = step;
        return 0;
}

static int add_steps(const struct tmpl_scope *scope, const struct bk_doc *list, struct bake_typing_steps *ret, struct bk_error *err)
{
        if (list->kind != BK_DOC_ARRAY)
                return bk_doc_fail(err, list, "boot_steps is a list of [\"keys\", \"what for\"]");
        for (size_t i = 0; i < list->n; i++) {
                const struct bk_doc *step = list->items[i];

                if (step->kind != BK_DOC_ARRAY || step->n == 0 || step->n > 2 || step->items[0]->kind != BK_DOC_STRING ||
                    (step->n == 2 && step->items[1]->kind != BK_DOC_STRING))
                        return bk_doc_fail(err, step, "a step of boot_steps is [\"keys\", \"what for\"]");
                if (add_step(scope, step->items[0]->text, step->n == 2 ? step->items[1]->text : NULL, step->items[0], ret, err) < 0)
                        return -1;
        }
        return 0;
}

int bake_boot_steps(const struct bake *bake, const struct tmpl_datum *data, size_t n_data, struct bake_typing_steps *ret,
                    struct bk_error *err)
{
        const struct bake_guest *config = &bake->config.guest;
        const struct bk_doc *place = bk_doc_get(bake->block->doc, "boot_command");
        BK_CLEANUP(bk_buf_done) struct bk_buf joined = { 0 };
        struct tmpl_scope scope = bake->scope;

        scope.data = data;
        scope.n_data = n_data;
        if (config->boot_steps != NULL)
                return add_steps(&scope, config->boot_steps, ret, err);
        if (config->boot_command.n == 0)
                return 0;
        for (size_t i = 0; i < config->boot_command.n; i++)
                bk_buf_puts(&joined, config->boot_command.v[i]);
        return add_step(&scope, joined.data ? joined.data : "", NULL, place, ret, err);
}

/* As it would be typed, with an address for every address. */
static int check_typing(const struct bake *bake, struct bk_error *err)
{
        static const struct tmpl_datum likely[] = {
                { "HTTPIP", "10.0.2.2" }, { "HTTPPort", "8000" }, { "Name", "vm" }, { "SSHPublicKey", "ssh-ed25519 AAAA" },
        };
        const struct bake_guest *config = &bake->config.guest;
        const struct bk_doc *place = bk_doc_get(bake->block->doc, config->boot_steps ? "boot_steps" : "boot_command");
        BK_CLEANUP(bake_typing_steps_done) struct bake_typing_steps steps = { 0 };

        if (config->boot_steps != NULL && config->boot_command.n > 0)
                return bk_doc_fail(err, config->boot_steps, "boot_command and boot_steps exclude each other");
        if (bake_boot_steps(bake, likely, sizeof likely / sizeof *likely, &steps, err) < 0)
                return -1;
        for (size_t i = 0; i < steps.n; i++) {
                BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
                BK_CLEANUP(boot_chords_done) struct boot_chords chords = { 0 };

                if (boot_parse(steps.v[i].text, &command, err) < 0 || boot_chords_of(&command, config->boot_keyboard, &chords, err) < 0) {
                        bk_wrap(err, "boot command");
                        return bk_at(err, place->file, place->line, place->column);
                }
        }
        return 0;
}

/* --- the rest ------------------------------------------------------------------------------ */

static int wrong(const struct bake *bake, const char *key, struct bk_error *err, const char *text)
{
        const struct bk_doc *place = bk_doc_get(bake->block->doc, key);

        return bk_doc_fail(err, place ? place : bake->block->doc, "%s", text);
}

static int check_origin(const struct bake *bake, struct bk_error *err)
{
        const struct bake_guest *config = &bake->config.guest;
        const int given = (config->iso_url != NULL) + (config->iso_urls.n > 0) + (bake->config.source_image != NULL);

        if (given == 0)
                return wrong(bake, "type", err, bk_streq(bake->block->type, "qemu") ? "one of iso_url, iso_urls and source_image is needed"
                                                                                    : "one of iso_url and iso_urls is needed");
        if (given > 1)
                return wrong(bake, bake->config.source_image ? "source_image" : "iso_urls", err,
                             "iso_url, iso_urls and source_image exclude each other");
        if (bake->config.source_image == NULL && config->iso_checksum == NULL && config->iso_checksum_url == NULL &&
            !bk_streq(config->iso_checksum_type, "none"))
                return wrong(bake, "iso_url", err, "iso_checksum is needed; \"none\" says that you know what you do");
        return 0;
}

static int check_login(const struct bake *bake, struct bk_error *err)
{
        const struct bake_guest *config = &bake->config.guest;

        if (bk_streq(config->communicator, "none"))
                return 0;
        if (bk_streq(config->communicator, "winrm"))
                return wrong(bake, "communicator", err, "WinRM is not spoken here; Windows guests with OpenSSH work");
        if (!bk_streq(config->communicator, "ssh"))
                return wrong(bake, "communicator", err, "communicator is ssh or none");
        if (config->ssh_username == NULL || *config->ssh_username == '\0')
                return wrong(bake, "ssh_username", err, "ssh_username is needed: who logs in");
        if (config->net_bridge != NULL && config->ssh_host == NULL)
                return wrong(bake, "net_bridge", err, "on a bridge nobody can tell the guest's address: set ssh_host");
        return 0;
}

static int check_ranges(const struct bake *bake, struct bk_error *err)
{
        const struct bake_guest *config = &bake->config.guest;
        int64_t ns;

        if (config->host_port_min > config->host_port_max)
                return wrong(bake, "host_port_min", err, "host_port_min is over host_port_max");
        if (config->http_port_min > config->http_port_max)
                return wrong(bake, "http_port_min", err, "http_port_min is over http_port_max");
        if (config->vnc_password != NULL && strlen(config->vnc_password) > 8)
                return wrong(bake, "vnc_password", err, "a VNC password has at most 8 characters");
        if (config->boot_key_interval != NULL && !bk_streq(config->boot_key_interval, "auto") &&
            boot_duration(config->boot_key_interval, strlen(config->boot_key_interval), &ns, NULL) < 0)
                return wrong(bake, "boot_key_interval", err, "boot_key_interval is a duration such as 10ms, or auto");
        if (config->format != NULL && layer_format_find(bk_streq(config->format, "vpc") ? "vhd" : config->format) == NULL)
                return wrong(bake, "format", err, "format is qcow2, raw, vmdk or vhd");
        return 0;
}

/* The row of a list takes any texts. */
static int check_more_disks(const struct bake *bake, struct bk_error *err)
{
        const struct bk_doc *list = bk_doc_get(bake->block->doc, "disk_additional_size");
        const struct bk_strv *sizes = &bake->config.guest.disk_additional_size;

        if (sizes->n > MORE_DISKS_MOST)
                return bk_doc_fail(err, list, "disk_additional_size is for at most %d disks", MORE_DISKS_MOST);
        for (size_t i = 0; i < sizes->n; i++) {
                uint64_t bytes = 0;

                if (tmpl_size(sizes->v[i], &bytes, NULL) < 0 || bytes < DISK_LEAST)
                        return bk_doc_fail(err, list->kind == BK_DOC_ARRAY ? list->items[i] : list, "disk_additional_size has sizes such as "
                                           "\"10G\" or \"512M\", of at least 1M; a bare number is MiB");
        }
        return 0;
}

static void name_image(struct bake *bake)
{
        const char *from = bake->config.guest.vm_name ? bake->config.guest.vm_name : bake->block->name;
        char *to;

        if (bake->config.image_name != NULL)
                return;
        bake->config.image_name = to = bk_strdup(from);
        for (const char *p = from; *p != '\0'; p++) {
                const char c = (char)tolower((unsigned char)*p);

                if (isalnum((unsigned char)c) || (to != bake->config.image_name && strchr("._-", c) != NULL))
                        *to++ = c;
                else if (to != bake->config.image_name && to[-1] != '-')
                        *to++ = '-';
        }
        *to = '\0';
}

int bake_guest_check(struct bake *bake, struct bk_error *err)
{
        struct bake_guest *config = &bake->config.guest;

        name_image(bake);
        if (config->ssh_username == NULL && bake->config.source_image != NULL)
                config->ssh_username = bk_strdup("root");
        if (check_origin(bake, err) < 0 || check_login(bake, err) < 0 || check_ranges(bake, err) < 0 ||
            check_more_disks(bake, err) < 0)
                return -1;
        return check_typing(bake, err);
}

/* Sorted, for the order counts; as boot/media.h takes them. */
static void add_matches(const struct tmpl *tmpl, const struct bk_strv *patterns, struct bk_strv *ret)
{
        autostrv struct bk_strv places = { 0 };

        for (size_t i = 0; i < patterns->n; i++)
                bake_guest_place(tmpl, patterns->v[i], &places);
        for (size_t i = 0; i < places.n; i++) {
                glob_t found = { 0 };

                if (bk_exists(places.v[i]))
                        bk_strv_add(ret, places.v[i]);
                else if (glob(places.v[i], GLOB_PERIOD, NULL, &found) == 0)
                        for (size_t k = 0; k < found.gl_pathc; k++)
                                if (!bk_streq(bk_base_name(found.gl_pathv[k]), ".") && !bk_streq(bk_base_name(found.gl_pathv[k]), ".."))
                                        bk_strv_add(ret, found.gl_pathv[k]);
                globfree(&found);
        }
}

static void add_local(const struct tmpl *tmpl, const char *url, struct bk_strv *ret)
{
        autostrv struct bk_strv places = { 0 };
        autofree char *path = NULL;

        bake_guest_place(tmpl, url, &places);
        path = boot_local_path(places.v[0]);
        if (path != NULL && bk_exists(path))
                bk_strv_add(ret, path);
}

/* A medium counts by its checksum, which is a key; where that says nothing, a local one counts by its content. */
void bake_guest_inputs(const struct bake_config *config, const struct tmpl *tmpl, struct bk_strv *ret)
{
        const struct bake_guest *guest = &config->guest;
        autofree char *sum = bake_guest_checksum(tmpl, guest);
        const bool pinned = sum != NULL && !bk_streq(sum, "none") && strncmp(sum, "file:", 5) != 0;

        if (!pinned && guest->iso_url != NULL)
                add_local(tmpl, guest->iso_url, ret);
        for (size_t i = 0; !pinned && i < guest->iso_urls.n; i++)
                add_local(tmpl, guest->iso_urls.v[i], ret);
        add_matches(tmpl, &guest->cd_files, ret);
        add_matches(tmpl, &guest->floppy_files, ret);
        add_matches(tmpl, &guest->floppy_dirs, ret);
}

char *bake_guest_ignored(const struct bake *bake)
{
        static const char *const meant[] = { "type", "name", "headless", "use_pflash" };
        BK_CLEANUP(bk_buf_done) struct bk_buf list = { 0 };

        for (size_t k = 0; k < bake->builder->n_keys; k++) {
                const struct tmpl_key *key = &bake->builder->keys[k];
                bool heeded = key->kind != TMPL_IGNORED || bk_doc_get(bake->block->doc, key->name) == NULL;

                for (size_t i = 0; i < sizeof meant / sizeof *meant; i++)
                        heeded |= bk_streq(meant[i], key->name);
                if (!heeded)
                        bk_buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", key->name);
        }
        return list.len > 0 ? bk_buf_finish(&list) : NULL;
}
