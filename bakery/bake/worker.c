/* The worker: one bake from an open disk to a sealed draft.
 *
 * It is pid 1 of a pid namespace and has a mount namespace of its own. So
 * whatever it starts - daemons of QEMU, a bootstrapper, the sandbox - ends with it, and
 * every mount and loop device goes too, however it ends. */
#include "bakery/bake/bake_priv.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "layers/foundation.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/run.h"
#include "spec/spec.h"

enum { BOOTED_MS = 3600000 };   /* for checks in a guest, which the bake's own time-out ends, too */

static int enter(const struct bake *bake, struct bk_error *err)
{
        /* Whoever cleans up after us waits until this process, and so all below it, has ended. */
        if (bk_lease_note_self(&bake->lease, err) < 0)
                return -1;
        (void)prctl(PR_SET_NAME, "bakery-worker");
        (void)setsid();         /* Ctrl-C is for the supervisor, which ends us */
        (void)umask(022);
        return bk_own_mounts(err);
}

/* --- provisioning ------------------------------------------------------------ */

static int run_once(struct bake_work *work, const struct bake_provisioner *row, const struct tmpl_step *step,
                    const void *config, struct bk_error *err)
{
        const struct bake_common *common = config;      /* every provisioner's config starts with it */

        for (int64_t attempt = 0;; attempt++) {
                if (common->pause_before_ms > 0) {
                        bake_tell_step(work->events, "pausing %.1f s", (double)common->pause_before_ms / 1000);
                        bk_sleep_ms(common->pause_before_ms);
                }
                if (row->run(work, config, step, err) == 0)
                        return 0;
                if (attempt >= common->max_retries)
                        return -1;
                bake_tell_step(work->events, "failed, trying again (%lld of %lld): %s", (long long)attempt + 1,
                               (long long)common->max_retries, err->text);
        }
}

static int provision(struct bake_work *work, const struct tmpl_step *step, size_t number, size_t of, struct bk_error *err)
{
        const struct bake *bake = work->bake;
        const struct bake_provisioner *row = bake_provisioner_find(step->type);
        autofree char *config = bk_alloc(row->size);
        int result;

        bake_tell_step(work->events, "provisioner %zu of %zu: %s", number, of, step->type);
        result = tmpl_decode(&bake->scope, step->doc, step->override, row->keys, row->n_keys, config, err);
        if (result == 0)
                result = run_once(work, row, step, config, err);
        tmpl_undecode(row->keys, row->n_keys, config);
        if (result < 0) {
                bk_wrap(err, "provisioner %zu (%s)", number, step->type);
                (void)bk_at(err, step->doc->file, step->doc->line, step->doc->column);
        }
        return result;
}

int bake_provision(struct bake_work *work, struct bk_error *err)
{
        const struct tmpl *tmpl = work->bake->tmpl;
        size_t of = 0, number = 0;

        for (size_t i = 0; i < tmpl->n_provisioners; i++)
                of += tmpl_step_applies(&tmpl->provisioners[i], work->bake->name);
        for (size_t i = 0; i < tmpl->n_provisioners; i++) {
                if (!tmpl_step_applies(&tmpl->provisioners[i], work->bake->name))
                        continue;
                if (provision(work, &tmpl->provisioners[i], ++number, of, err) == 0)
                        continue;
                if (tmpl->cleanup != NULL) {
                        struct bk_error second = { 0 };

                        bake_tell_step(work->events, "error-cleanup-provisioner");
                        if (provision(work, tmpl->cleanup, number, of, &second) < 0)
                                bake_tell_line(work, 2, second.text);
                }
                return -1;
        }
        return 0;
}

static int close_disk(struct bake_work *work, struct bk_error *err)
{
        return work->disk == NULL ? 0 : disk_close(bk_take(work->disk), err);
}

/* --- testing -------------------------------------------------------------------- */

static int spec_command(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret,
                        struct bk_error *err)
{
        struct bake_work *work = arg;
        const char *const argv[] = { "/bin/sh", "-c", line, NULL };
        const struct bk_run run = { .argv = argv, .timeout_ms = timeout_ms, .input = input, .input_len = input_len };
        struct bk_run_result result = { 0 };

        if (chroot_run(work->chroot, &run, &result, err) < 0)
                return -1;
        *ret = (struct spec_output){ .out = result.out, .err = result.err, .out_len = result.out_len,
                                     .err_len = strlen(result.err), .status = result.status };
        return 0;
}

static json_t *check_of(const struct spec_result *result)
{
        return json_pack("{s:s, s:i, s:s, s:s, s:s, s:s, s:I}", "file", result->file, "line", (int)result->line,
                         "group", result->group, "name", result->name, "verdict", spec_verdict_name(result->verdict),
                         "message", result->message ? result->message : "", "duration_us", (json_int_t)result->duration_us);
}

static int run_specs(struct bake_work *work, const struct spec_target *target, struct bk_error *err)
{
        const struct bake *bake = work->bake;
        const struct bk_strv *specs = &bake->config.specs;
        /* An emulated guest may take minutes to come up. */
        const struct spec_options options = { .timeout_ms = target->guest.run != NULL ? BOOTED_MS : 0 };
        struct spec_report report = { 0 };

        bake_tell_step(work->events, "testing: %zu spec file%s", specs->n, specs->n == 1 ? "" : "s");
        if (spec_run((const char *const *)specs->v, specs->n, target, &options, &report, err) < 0)
                return bk_wrap(err, "tests");
        for (size_t i = 0; i < report.n; i++) {
                const struct spec_result *r = &report.v[i];

                (void)json_array_append_new(work->checks, check_of(r));
                if (r->verdict != SPEC_PASS) {
                        autofree char *text = bk_format("%s:%u: %s %s: %s: %s", r->file, r->line, r->group, r->name,
                                                        spec_verdict_name(r->verdict), r->message ? r->message : "");

                        bake_tell_line(work, r->verdict == SPEC_FAIL || r->verdict == SPEC_ERROR ? 2 : 1, text);
                }
        }
        bake_tell_step(work->events, "tested: %zu passed, %zu failed, %zu unanswered, %zu skipped", report.count[SPEC_PASS],
                       report.count[SPEC_FAIL] + report.count[SPEC_ERROR], report.count[SPEC_UNANSWERED], report.count[SPEC_SKIP]);
        if (report.count[SPEC_FAIL] + report.count[SPEC_ERROR] > 0 && !bake->config.publish_failed)
                bk_fail(err, BK_TESTS, "%zu of %zu checks failed; the image is not published (publish_failed is false)",
                        report.count[SPEC_FAIL] + report.count[SPEC_ERROR], report.n);
        else
                err = NULL;
        if (bake->options->junit != NULL && spec_junit_write(&report, bake->config.image_name, bake->options->junit, err) < 0) {
                spec_report_done(&report);
                return -1;
        }
        spec_report_done(&report);
        return err == NULL ? 0 : -1;
}

static int test_in_sandbox(struct bake_work *work, struct bk_error *err)
{
        const struct bake_config *config = &work->bake->config;
        const struct spec_target target = { .root_fd = chroot_root_fd(work->chroot), .sandbox = { spec_command, work },
                                            .identity = config->image_name, .mode = "image" };

        return config->specs.n == 0 || config->specs_boot ? 0 : run_specs(work, &target, err);
}

static void say(void *work, const char *text)
{
        bake_tell_step(((struct bake_work *)work)->events, "%s", text);
}

/* Its files are looked at as they were sealed, not as the boot leaves them. */
static int test_files_and_guest(struct bake_work *work, struct spec_boot *boot, struct bk_error *err)
{
        autofree char *folder = bk_format("%s/work", work->bake->store->run);
        const struct disk_open how = { .path = work->draft, .format = "qcow2", .work = folder, .read_only = true,
                                       .lease = &work->bake->lease };
        struct spec_target target = { .guest = { spec_boot_run, boot }, .identity = work->bake->config.image_name, .mode = "boot" };
        struct bk_error why = { 0 };

        if (bk_mkdir_p(folder, err) < 0 || disk_open(&how, &work->disk, err) < 0)
                return bk_wrap(err, "specs need the image's root file system");
        target.root_fd = disk_root_fd(work->disk);
        if (run_specs(work, &target, err) < 0)
                return -1;
        if (spec_boot_verdict(boot, &why) < 0) {
                bake_tell_line(work, 2, why.text);
                if (!work->bake->config.publish_failed) {
                        *err = why;
                        return bk_wrap(err, "not published (publish_failed is false)");
                }
        }
        return close_disk(work, err);
}

/* The draft is sealed and not yet published: a boot of it is a boot of the image, and needs no copy. */
static int test_in_boot(struct bake_work *work, struct bk_error *err)
{
        const struct bake *bake = work->bake;
        struct spec_boot_config config = { .store = bake->store, .draft = bake->id, .say = say, .arg = work };
        struct spec_boot *boot = NULL;
        int result;

        if (bake->config.specs.n == 0 || !bake->config.specs_boot)
                return 0;
        if (bake->builder->guest)
                bake_guest_boot(&bake->config.guest, &config);
        if (spec_boot_start(&config, &boot, err) < 0)
                return -1;
        result = test_files_and_guest(work, boot, err);
        spec_boot_end(boot);
        return result;
}

/* --- from open to sealed ------------------------------------------------------------ */

static int open_sandbox(struct bake_work *work, struct bk_error *err)
{
        const struct bake_config *config = &work->bake->config;
        const struct chroot_bind bind = { .source = work->debs, .target = "/var/cache/apt/archives" };
        autoclose int has_apt = bk_open_in_root(disk_root_fd(work->disk), bind.target, O_PATH | O_DIRECTORY, 0);
        const struct chroot_config chroot = {
                .root = disk_root(work->disk), .network = config->network, .hostname = config->hostname,
                .binds = &bind, .n_binds = has_apt >= 0 ? 1 : 0,
        };

        return chroot_open(&chroot, &work->chroot, err);
}

static int close_sandbox(struct bake_work *work, struct bk_error *err)
{
        autofree char *cache = bk_format("%s/debs", work->bake->store->cache);
        autostrv struct bk_strv left = { 0 };

        const int result = chroot_close(work->chroot, &left, err);

        work->chroot = NULL;
        for (size_t i = 0; i < left.n; i++) {
                autofree char *text = bk_format("warning: a provisioner left process %s running; it was ended", left.v[i]);

                bake_tell_line(work, 2, text);
        }
        return result < 0 ? -1 : debs_return(cache, work->debs, err);
}

/* The disk is open where the image was baked in a chroot. A guest's was never mounted here: it told its packages itself. */
static int read_inventory(struct bake_work *work, json_t **ret, struct bk_error *err)
{
        BK_CLEANUP(inventory_done) struct inventory inventory = { 0 };
        const int root_fd = work->disk != NULL ? disk_root_fd(work->disk) : -1;
        const struct bk_tree tree = bk_tree_of_root(&root_fd);

        if (work->bake->builder->guest)
                return bake_guest_inventory(ret, err);
        if (sysprep_run(root_fd, &work->bake->config.sysprep_skip, err) < 0 || inventory_read(&tree, &inventory, err) < 0)
                return -1;
        *ret = bake_inventory_json(&inventory);
        return 0;
}

/* A foundation was baked on a raw file; an installer leaves blocks behind that it gave up. */
static const char *rewrite_of(const struct bake *bake)
{
        if (bake->source.id != NULL || (bake->builder->guest && bake->config.guest.skip_compaction))
                return NULL;
        return bake->builder->guest ? "qcow2" : "raw";
}

static int seal(struct bake_work *work, struct bk_error *err)
{
        const struct bake *bake = work->bake;
        struct layer_info layer = { 0 };
        json_t *inventory = NULL, *done;

        bake_tell_step(work->events, "sealing");
        if (read_inventory(work, &inventory, err) < 0 || close_disk(work, err) < 0 ||
            layer_seal(bake->store, bake->id, bake->source.layer, rewrite_of(bake), &layer, err) < 0 || test_in_boot(work, err) < 0) {
                json_decref(inventory);
                layer_info_done(&layer);
                return -1;
        }
        done = json_pack("{s:s, s:s, s:s?, s:I, s:I, s:i, s:o, s:O, s:O}", "event", "sealed", "digest", layer.digest,
                         "backing", layer.backing, "size", (json_int_t)layer.size, "virtual_size", (json_int_t)layer.virtual_size,
                         "depth", (int)layer.depth, "inventory", inventory, "checks", work->checks, "materials", work->materials);
        bake_tell(work->events, done);
        layer_info_done(&layer);
        return 0;
}

/* Once the guest has left it, a disk is tested as any other image. */
static int test_guests_disk(struct bake_work *work, struct bk_error *err)
{
        autofree char *folder = bk_format("%s/work", work->bake->store->run);
        const struct disk_open how = { .path = work->draft, .format = "qcow2", .work = folder, .lease = &work->bake->lease };
        struct chroot_config chroot = { .network = work->bake->config.network };

        if (work->bake->config.specs.n == 0 || work->bake->config.specs_boot)
                return 0;
        if (bk_mkdir_p(folder, err) < 0 || disk_open(&how, &work->disk, err) < 0)
                return bk_wrap(err, "specs need the guest's root file system");
        chroot.root = disk_root(work->disk);
        if (chroot_open(&chroot, &work->chroot, err) < 0 || test_in_sandbox(work, err) < 0)
                return -1;
        return chroot_close(bk_take(work->chroot), NULL, err) < 0 ? -1 : close_disk(work, err);
}

static int work_through(struct bake_work *work, struct bk_error *err)
{
        struct bake *bake = work->bake;
        autofree char *cache = bk_format("%s/debs", bake->store->cache);

        work->place = &bake_place_chroot;
        if (enter(bake, err) < 0)
                return -1;
        if (bake->builder->guest) {
                if (bake_guest_run(work, err) < 0 || test_guests_disk(work, err) < 0)
                        return -1;
                return seal(work, err);
        }
        if (debs_borrow(cache, work->debs, err) < 0 || bake->builder->open(work, err) < 0 || open_sandbox(work, err) < 0)
                return -1;
        if (bake->builder->finish != NULL && bake->builder->finish(work, err) < 0)
                return -1;
        if (bake_provision(work, err) < 0 || test_in_sandbox(work, err) < 0 || close_sandbox(work, err) < 0)
                return -1;
        return seal(work, err);
}

_Noreturn void bake_worker(struct bake *bake, int events)
{
        struct bk_error err = { 0 };
        struct bake_work work = {
                .bake = bake, .events = events, .checks = json_array(), .materials = json_array(),
                .debs = bk_format("%s/debs-%s", bake->store->run, bake->id),
                .draft = layer_draft_path(bake->store, bake->id),
        };

        if (work_through(&work, &err) == 0)
                _exit(0);
        /* Checks that were answered are worth telling, also when the bake stops here. */
        bake_tell(events, json_pack("{s:s, s:O}", "event", "checks", "checks", work.checks));
        bake_tell_failure(events, &err);
        if (work.chroot != NULL)
                (void)!chroot_close(work.chroot, NULL, NULL);
        if (work.disk != NULL)
                disk_abandon(work.disk);
        _exit(1);
}
