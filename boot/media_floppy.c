/* Floppies: FAT12 as mkfs.vfat formats 1.44 MB, one sector a cluster. Files are copied folder by folder in the order of their
 * names, because mcopy -s would take the host's order, and the same input must give the same bytes. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "boot/media_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

enum {
        SECTOR = 512, SECTORS = 2880,
        ROOT_ENTRIES = 224,             /* the label is one */
        RESERVED_SECTORS = 1 + 2 * 9 + ROOT_ENTRIES * 32 / SECTOR,      /* boot sector, two FATs, root folder */
        CAPACITY = (SECTORS - RESERVED_SECTORS) * SECTOR,
        LABEL_MOST = 11,
        ARGS_MOST = 256,
};

/* --- what it needs ------------------------------------------------------------- */

static bool is_inside(const char *path, const char *folder)
{
        const size_t length = strlen(folder);

        if (length == 0)
                return strchr(path, '/') == NULL;
        return strncmp(path, folder, length) == 0 && path[length] == '/' && strchr(path + length + 1, '/') == NULL;
}

static uint64_t sectors(uint64_t bytes)
{
        return (bytes + SECTOR - 1) / SECTOR;
}

/* Folder entries of 32 bytes: one, and with `longest` one for every 13 characters of a long name. Not every name gets those,
 * so that the truth lies between the two. */
static uint64_t entries_in(const struct media_plan *plan, const char *folder, bool longest)
{
        uint64_t n = 0;

        for (size_t i = 0; i < plan->n; i++) {
                if (!is_inside(plan->v[i].to, folder))
                        continue;
                const char *slash = strrchr(plan->v[i].to, '/'), *name = slash ? slash + 1 : plan->v[i].to;

                n += 1 + (longest ? (strlen(name) + 12) / 13 : 0);
        }
        return n;
}

static uint64_t bytes_needed(const struct media_plan *plan, bool longest)
{
        uint64_t n = 0;

        for (size_t i = 0; i < plan->n; i++)
                n += sectors(plan->v[i].folder ? 32 * (2 + entries_in(plan, plan->v[i].to, longest)) : plan->v[i].size);
        return n * SECTOR;
}

static int check_room(const struct media_plan *plan, bool longest, struct bk_error *err)
{
        const uint64_t roots = 1 + entries_in(plan, "", longest);
        const char *about = longest ? "at most " : "";

        /* Files alone first: looking at every folder of a tree that is far too large takes long. */
        uint64_t need = 0;

        for (size_t i = 0; i < plan->n; i++)
                need += sectors(plan->v[i].folder ? 1 : plan->v[i].size) * SECTOR;
        if (need <= CAPACITY)
                need = bytes_needed(plan, longest);
        if (need > CAPACITY)
                return bk_fail(err, BK_INVALID, "too large for a floppy by %s%llu bytes: the files need %llu, and it holds %d; serve large "
                               "files by http_directory", about, (unsigned long long)(need - CAPACITY), (unsigned long long)need,
                               CAPACITY);
        if (roots > ROOT_ENTRIES)
                return bk_fail(err, BK_INVALID, "too many files for a floppy's root by %s%llu entries: it has %d (long names take "
                               "several); put them into folders", about, (unsigned long long)(roots - ROOT_ENTRIES), ROOT_ENTRIES);
        return 0;
}

/* --- making it ----------------------------------------------------------------- */

/* A path on the floppy. mtools takes it for a pattern, in which '[' stands for itself in brackets; the other signs of
 * patterns are no characters of FAT names. */
static char *on_floppy(const char *path, bool pattern)
{
        struct bk_buf buf = { 0 };

        bk_buf_puts(&buf, "::/");
        for (const char *p = path; *p != '\0'; p++)
                bk_buf_puts(&buf, pattern && *p == '[' ? "[[]" : (char[]){ *p, '\0' });
        return bk_buf_finish(&buf);
}

static int make_folder(const char *folder, const char *path, struct bk_error *err)
{
        autofree char *to = on_floppy(path, false);
        const char *const argv[] = { "mmd", "-i", "medium", to, NULL };

        return media_run(argv, folder, true, err);
}

/* The files of one folder, in lots that fit an argument list. */
static int copy_files(const struct media_plan *plan, const char *folder, const char *path, struct bk_error *err)
{
        autofree char *to = on_floppy(path, true);

        for (size_t i = 0; i < plan->n;) {
                autostrv struct bk_strv argv = { 0 };

                for (const char *const *start = (const char *const[]){ "mcopy", "-Q", "-i", "medium", NULL }; *start != NULL; start++)
                        bk_strv_add(&argv, *start);
                const size_t none = argv.n;

                for (; i < plan->n && argv.n < ARGS_MOST; i++)
                        if (!plan->v[i].folder && is_inside(plan->v[i].to, path))
                                bk_strv_addf(&argv, "./root/%s", plan->v[i].to);
                if (argv.n == none)
                        break;
                bk_strv_add(&argv, to);
                if (media_run((const char *const *)argv.v, folder, true, err) < 0)
                        return -1;
        }
        return 0;
}

static int fill(const struct media_plan *plan, const char *folder, struct bk_error *err)
{
        for (size_t i = 0; i < plan->n; i++)
                if (plan->v[i].folder && make_folder(folder, plan->v[i].to, err) < 0)
                        return -1;
        if (copy_files(plan, folder, "", err) < 0)
                return -1;
        for (size_t i = 0; i < plan->n; i++)
                if (plan->v[i].folder && copy_files(plan, folder, plan->v[i].to, err) < 0)
                        return -1;
        return 0;
}

static int make_floppy(const struct media_plan *plan, const char *folder, const char *label, struct bk_error *err)
{
        /* --invariant: no serial number of the moment. */
        const char *const argv[] = { "mkfs.vfat", "--invariant", "-F", "12", "-n", label, "medium", NULL };
        autofree char *medium = bk_format("%s/medium", folder);
        autoclose int fd = open(medium, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

        if (fd < 0 || ftruncate(fd, SECTORS * SECTOR) < 0)
                return bk_fail_errno(err, "cannot create '%s'", medium);
        if (media_run(argv, folder, false, err) < 0)
                return -1;
        /* Near the edge only mtools knows which names are long; then it is what is not enough. */
        if (fill(plan, folder, err) == 0)
                return 0;
        (void)check_room(plan, true, err);
        return -1;
}

static int check_label(const char *label, struct bk_error *err)
{
        if (*label == '\0' || strlen(label) > LABEL_MOST)
                return bk_fail(err, BK_INVALID, "floppy label '%s': 1 to %d characters are possible", label, LABEL_MOST);
        for (const char *p = label; *p != '\0'; p++)
                if (*p < ' ' || *p > '~' || strchr("\"*+,./:;<=>?[\\]|", *p) != NULL)
                        return bk_fail(err, BK_INVALID, "floppy label '%s': FAT has no such characters in labels", label);
        return 0;
}

int boot_media_floppy(const struct boot_media *media, const char *path, struct bk_error *err)
{
        BK_CLEANUP(media_plan_done) struct media_plan plan = { .floppy = true };
        const char *label = media->label ? media->label : "packer";

        if (check_label(label, err) < 0)
                return -1;
        if (media_plan(media, &plan, err) < 0 || check_room(&plan, false, err) < 0 ||
            media_make(&plan, path, make_floppy, label, err) < 0)
                return bk_wrap(err, "floppy '%s'", path);
        return 0;
}
