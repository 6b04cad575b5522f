/* CDs, and what CDs and floppies share: a folder to work in, in which the medium's tree is laid out first. The tools then see
 * names of ours alone: no path of a template's is ever an argument, an option, a graft point or a mtools drive. */
#include "boot/media.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "boot/media_priv.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/run.h"

enum { TOOL_TIMEOUT_MS = 30 * 60 * 1000, CD_LABEL_MOST = 32 };

/* --- running tools ------------------------------------------------------------- */

static int enter(void *folder)
{
        return chdir(folder);
}

int media_run(const char *const argv[], const char *folder, bool silent, struct bk_error *err)
{
        /* 1980 is where FAT's time begins. mtools and xorriso read no one's configuration. */
        autofree char *path = bk_format("PATH=%s:/usr/sbin:/sbin", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
        const char *const env[] = { path, "LC_ALL=C.UTF-8", "TZ=UTC0", "SOURCE_DATE_EPOCH=315532800", "HOME=/nonexistent",
                                    "MTOOLSRC=/dev/null", NULL };
        autofree char *where = bk_strdup(folder);
        const struct bk_run run = { .argv = argv, .env = env, .timeout_ms = TOOL_TIMEOUT_MS, .in_child = enter, .arg = where };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };

        if (bk_run_with(&run, &result, err) < 0)
                return -1;
        if (result.status == 0 && (!silent || *result.err == '\0'))
                return 0;
        return bk_run_fail(err, argv[0], result.status, *result.err ? result.err : result.out);
}

/* --- laying out ---------------------------------------------------------------- */

/* mtools copies no links, and a floppy is small; a CD may be large, and xorriso follows them. */
static int put_file(int root, const struct media_entry *entry, bool copy, struct bk_error *err)
{
        autofree char *bytes = NULL;
        size_t length = 0;

        if (entry->text != NULL)
                return bk_write_in_root(root, entry->to, entry->text, (size_t)entry->size, 0600, err);
        if (!copy)
                return symlinkat(entry->from, root, entry->to) < 0 ? bk_fail_errno(err, "cannot lay out '%s'", entry->to) : 0;
        if (bk_read_file(entry->from, (size_t)entry->size, &bytes, &length, err) < 0)
                return -1;
        return bk_write_in_root(root, entry->to, bytes, length, 0600, err);
}

static int lay_out(const struct media_plan *plan, const char *folder, struct bk_error *err)
{
        autofree char *path = bk_format("%s/root", folder);
        autoclose int root = -1;

        if (mkdir(path, 0700) < 0 || (root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
                return bk_fail_errno(err, "cannot create '%s'", path);
        for (size_t i = 0; i < plan->n; i++) {
                const struct media_entry *entry = &plan->v[i];

                if (entry->folder ? bk_mkdir_p_in_root(root, entry->to, 0700, err) < 0 : put_file(root, entry, plan->floppy, err) < 0)
                        return -1;
        }
        return 0;
}

int media_make(const struct media_plan *plan, const char *path,
               int (*make)(const struct media_plan *plan, const char *folder, const char *label, struct bk_error *err),
               const char *label, struct bk_error *err)
{
        autofree char *name = bk_random_name();
        autofree char *folder = bk_format("%s.%s.draft", path, name), *draft = bk_format("%s/medium", folder);
        int result = -1;

        if (mkdir(folder, 0700) < 0)
                return bk_fail_errno(err, "cannot create '%s'", folder);
        if (lay_out(plan, folder, err) == 0 && make(plan, folder, label, err) == 0)
                result = bk_publish(draft, path, err);
        /* A medium that stands and a folder that stays are said as one failure: what it holds may be secret. */
        if (bk_remove_tree(folder, result == 0 ? err : NULL) < 0)
                result = -1;
        return result;
}

/* --- CDs ----------------------------------------------------------------------- */

static int make_iso(const struct media_plan *plan, const char *folder, const char *label, struct bk_error *err)
{
        /* -r: owned by root, readable. -f: the links of the layout are the files. The paths are absolute, because xorriso puts
         * the working folder before others and then reads its "=" as its own. */
        const char *const argv[] = { "xorriso", "-no_rc", "-as", "mkisofs", "-quiet", "-iso-level", "3", "-J", "-joliet-long",
                                     "-r", "-f", "-input-charset", "UTF-8", "-V", label, "--modification-date=1980010100000000",
                                     "--set_all_file_dates", "1980010100000000", "-o", "/proc/self/cwd/medium",
                                     "/proc/self/cwd/root", NULL };

        (void)plan;
        return media_run(argv, folder, false, err);
}

int boot_media_iso(const struct boot_media *media, const char *path, struct bk_error *err)
{
        BK_CLEANUP(media_plan_done) struct media_plan plan = { .floppy = false };
        const char *label = media->label ? media->label : "packer";

        if (*label == '\0' || strlen(label) > CD_LABEL_MOST)
                return bk_fail(err, BK_INVALID, "CD label '%s': 1 to %d characters are possible", label, CD_LABEL_MOST);
        for (const char *p = label; *p != '\0'; p++)
                if (*p < ' ' || *p > '~')
                        return bk_fail(err, BK_INVALID, "CD label '%s': only printable ASCII is possible", label);
        if (media_plan(media, &plan, err) < 0 || media_make(&plan, path, make_iso, label, err) < 0)
                return bk_wrap(err, "CD '%s'", path);
        return 0;
}

int boot_media_nocloud(const char *user_data, const char *meta_data, const char *network_config, const char *path,
                       struct bk_error *err)
{
        autostrv struct bk_strv names = { 0 }, contents = { 0 };
        const struct boot_media media = { .names = &names, .contents = &contents, .label = "cidata" };

        bk_strv_add(&names, "user-data");
        bk_strv_add(&contents, user_data);
        bk_strv_add(&names, "meta-data");
        bk_strv_add(&contents, meta_data);
        if (network_config != NULL) {
                bk_strv_add(&names, "network-config");
                bk_strv_add(&contents, network_config);
        }
        return boot_media_iso(&media, path, err);
}
