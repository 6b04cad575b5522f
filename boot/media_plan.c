/* What goes onto a medium, and under which name. */
#include "boot/media_priv.h"

#include <glob.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"

enum { CD_ENTRIES_MOST = 1 << 20, FLOPPY_ENTRIES_MOST = 45000 };       /* a floppy full of empty files has no more */

static void entry_done(struct media_entry *entry)
{
        free(entry->to);
        free(entry->from);
}

void media_plan_done(struct media_plan *plan)
{
        for (size_t i = 0; i < plan->n; i++)
                entry_done(&plan->v[i]);
        free(plan->v);
        *plan = (struct media_plan){ 0 };
}

int media_compare(const struct media_plan *plan, const char *a, const char *b)
{
        return plan->floppy ? strcasecmp(a, b) : strcmp(a, b);
}

/* --- names --------------------------------------------------------------------- */

static int check_name(const struct media_plan *plan, const char *name, size_t length, const char *whole, struct bk_error *err)
{
        const char *const end = name + length;

        if (length == 0 || length > NAME_MAX || (length == 1 && *name == '.') || (length == 2 && strncmp(name, "..", 2) == 0))
                return bk_fail(err, BK_INVALID, "'%s' is no name on a medium: every part has 1 to %d bytes and is not '.' or '..'",
                               whole, NAME_MAX);
        for (const char *p = name; p < end;) {
                const size_t one = bk_utf8_length(p, end);

                if (one == 0 || (unsigned char)*p < ' ' || *p == 0x7f)
                        return bk_fail(err, BK_INVALID, "the name '%s' has bytes that are not UTF-8, or control characters", whole);
                if (plan->floppy && strchr("\"*:<>?|\\", *p) != NULL)
                        return bk_fail(err, BK_INVALID, "the name '%s' has a '%c', which FAT cannot store", whole, *p);
                p += one;
        }
        if (plan->floppy && (end[-1] == '.' || end[-1] == ' '))
                return bk_fail(err, BK_INVALID, "the name '%s' ends with a dot or a blank, which FAT cannot store", whole);
        return 0;
}

static int check_path(const struct media_plan *plan, const char *path, struct bk_error *err)
{
        for (const char *p = path;;) {
                const size_t length = strcspn(p, "/");

                if (check_name(plan, p, length, path, err) < 0)
                        return -1;
                if (p[length] == '\0')
                        return 0;
                p += length + 1;
        }
}

/* --- collecting ---------------------------------------------------------------- */

static int add(struct media_plan *plan, struct media_entry entry /* its strings are taken */, struct bk_error *err)
{
        const size_t most = plan->floppy ? FLOPPY_ENTRIES_MOST : CD_ENTRIES_MOST;

        if ((plan->n & (plan->n + 1)) == 0)
                plan->v = bk_grow(plan->v, 2 * (plan->n + 1), sizeof *plan->v);
        entry.order = plan->n;
        plan->v[plan->n++] = entry;
        if (plan->n > most)
                return bk_fail(err, BK_INVALID, "more than %zu files for one medium", most);
        return check_path(plan, entry.to, err);
}

/* Where we are in a tree, so that a link to a folder above is noticed. */
struct place { const struct place *above; dev_t device; ino_t inode; };

static int add_path(struct media_plan *plan, const char *from, const char *to, bool flat, const struct place *above,
                    struct bk_error *err);

/* What is in a folder, below `to` on the medium, or into its root when that is empty. */
static int add_inside(struct media_plan *plan, const char *from, const char *to, bool flat, const struct place *here,
                      struct bk_error *err)
{
        autodir DIR *dir = opendir(from);

        if (dir == NULL)
                return bk_fail_errno(err, "cannot open folder '%s'", from);
        for (const struct dirent *entry; (entry = readdir(dir)) != NULL;) {
                if (bk_streq(entry->d_name, ".") || bk_streq(entry->d_name, ".."))
                        continue;
                autofree char *path = bk_format("%s/%s", from, entry->d_name);
                autofree char *name = bk_format("%s%s%s", to, *to ? "/" : "", entry->d_name);

                if (add_path(plan, path, name, flat, here, err) < 0)
                        return -1;
        }
        return 0;
}

/* One file or folder as `to`; "" for a folder whose content goes to the root. */
static int add_path(struct media_plan *plan, const char *from, const char *to, bool flat, const struct place *above,
                    struct bk_error *err)
{
        struct stat st;
        autofree char *real = realpath(from, NULL);

        if (real == NULL || stat(real, &st) < 0)
                return bk_fail_errno(err, "cannot find '%s'", from);
        if (S_ISREG(st.st_mode)) {
                const char *name = flat && strrchr(to, '/') != NULL ? strrchr(to, '/') + 1 : to;

                return add(plan, (struct media_entry){ .to = bk_strdup(name), .from = bk_take(real), .size = (uint64_t)st.st_size }, err);
        }
        if (!S_ISDIR(st.st_mode))
                return bk_fail(err, BK_INVALID, "'%s' is neither a file nor a folder", from);
        const struct place here = { above, st.st_dev, st.st_ino };

        for (const struct place *p = above; p != NULL; p = p->above)
                if (p->device == st.st_dev && p->inode == st.st_ino)
                        return bk_fail(err, BK_INVALID, "'%s' leads back to a folder above it", from);
        if (!flat && *to != '\0' && add(plan, (struct media_entry){ .to = bk_strdup(to), .folder = true }, err) < 0)
                return -1;
        return add_inside(plan, from, to, flat, &here, err);
}

enum form { WITH_NAME, FLAT, AS_SPELLED };      /* as spelled: a slash at the end leaves the folder's name out */

/* The last part of a path; "." and ".." are looked up. "" for the root. The caller's. */
static char *base_of(const char *path)
{
        size_t end = strlen(path);
        char *base;

        while (end > 0 && path[end - 1] == '/')
                end--;
        autofree char *bare = bk_strndup(path, end);

        base = strrchr(bare, '/') ? strrchr(bare, '/') + 1 : bare;
        if (bk_streq(base, ".") || bk_streq(base, "..")) {
                autofree char *real = realpath(path, NULL);

                return bk_strdup(real ? strrchr(real, '/') + 1 : base);
        }
        return bk_strdup(base);
}

static int add_match(struct media_plan *plan, const char *path, enum form form, struct bk_error *err)
{
        autofree char *base = base_of(path);
        const char *last = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        const bool nameless = form == AS_SPELLED && (*last == '\0' || bk_streq(last, ".") || bk_streq(last, ".."));

        return add_path(plan, path, nameless ? "" : base, form == FLAT, NULL, err);
}

static void glob_done(glob_t *found)
{
        globfree(found);
}

/* Hidden files match too, as Go's patterns have it; but "." and ".." are no matches. A file whose name only looks like a
 * pattern is found by it as well. */
static int add_pattern(struct media_plan *plan, const char *pattern, enum form form, struct bk_error *err)
{
        BK_CLEANUP(glob_done) glob_t found = { 0 };
        size_t matches = 0;
        struct stat st;

        if (strpbrk(pattern, "*?[") == NULL || glob(pattern, GLOB_PERIOD, NULL, &found) != 0)
                return stat(pattern, &st) == 0 ? add_match(plan, pattern, form, err) :
                       strpbrk(pattern, "*?[") != NULL ? bk_fail(err, BK_NOT_FOUND, "nothing matches '%s'", pattern) :
                       bk_fail_errno(err, "cannot find '%s'", pattern);
        for (size_t i = 0; i < found.gl_pathc; i++) {
                const char *last = strrchr(found.gl_pathv[i], '/') ? strrchr(found.gl_pathv[i], '/') + 1 : found.gl_pathv[i];

                if (bk_streq(last, ".") || bk_streq(last, ".."))
                        continue;
                matches++;
                if (add_match(plan, found.gl_pathv[i], form, err) < 0)
                        return -1;
        }
        return matches > 0 ? 0 : bk_fail(err, BK_NOT_FOUND, "nothing matches '%s'", pattern);
}

static int add_text(struct media_plan *plan, const char *name, const char *text, struct bk_error *err)
{
        if (*name == '/')
                return bk_fail(err, BK_INVALID, "'%s': names on a medium have no slash at their start", name);
        if (add(plan, (struct media_entry){ .to = bk_strdup(name), .text = text, .size = strlen(text) }, err) < 0)
                return -1;
        for (const char *slash = name; (slash = strchr(slash, '/')) != NULL; slash++)
                if (add(plan, (struct media_entry){ .to = bk_strndup(name, (size_t)(slash - name)), .folder = true }, err) < 0)
                        return -1;
        return 0;
}

/* --- one of each --------------------------------------------------------------- */

static int by_name(const void *a, const void *b, void *plan)
{
        const struct media_entry *one = a, *other = b;
        const int order = media_compare(plan, one->to, other->to);

        return order != 0 ? order : one->order < other->order ? -1 : 1;
}

/* Two that would be one on the medium, of which the later stays: texts were added last. */
static int may_replace(const struct media_plan *plan, const struct media_entry *first, const struct media_entry *second,
                       struct bk_error *err)
{
        if (first->folder != second->folder)
                return bk_fail(err, BK_INVALID, "'%s' would be a file and a folder on the medium", first->to);
        if (first->text != NULL)
                return bk_fail(err, BK_INVALID, "the texts '%s' and '%s' would be one file on the medium", first->to, second->to);
        if (!plan->floppy || second->text != NULL)
                return 0;
        if (first->folder && !bk_streq(first->to, second->to))
                return bk_fail(err, BK_INVALID, "the folders '%s' and '%s' would be one on the floppy", first->to, second->to);
        if (!first->folder && !bk_streq(first->from, second->from))
                return bk_fail(err, BK_INVALID, "'%s' and '%s' would be one file on the floppy", first->from, second->from);
        return 0;
}

static int make_unique(struct media_plan *plan, struct bk_error *err)
{
        size_t kept = 0;

        if (plan->n > 0)
                qsort_r(plan->v, plan->n, sizeof *plan->v, by_name, plan);
        for (size_t i = 1; i < plan->n; i++) {
                if (media_compare(plan, plan->v[i - 1].to, plan->v[i].to) != 0)
                        continue;
                if (may_replace(plan, &plan->v[i - 1], &plan->v[i], err) < 0)
                        return -1;
                plan->v[i - 1].replaced = true;
        }
        for (size_t i = 0; i < plan->n; i++) {
                if (plan->v[i].replaced)
                        entry_done(&plan->v[i]);
                else
                        plan->v[kept++] = plan->v[i];
        }
        plan->n = kept;
        return 0;
}

int media_plan(const struct boot_media *media, struct media_plan *plan, struct bk_error *err)
{
        const size_t files = media->files ? media->files->n : 0, dirs = media->dirs ? media->dirs->n : 0;
        const size_t texts = media->names ? media->names->n : 0;

        if (texts != (media->contents ? media->contents->n : 0))
                return bk_fail(err, BK_INTERNAL, "a medium has as many names as texts");
        for (size_t i = 0; i < files; i++)
                if (add_pattern(plan, media->files->v[i], plan->floppy ? FLAT : AS_SPELLED, err) < 0)
                        return -1;
        for (size_t i = 0; i < dirs; i++)
                if (add_pattern(plan, media->dirs->v[i], WITH_NAME, err) < 0)
                        return -1;
        for (size_t i = 0; i < texts; i++)
                if (add_text(plan, media->names->v[i], media->contents->v[i], err) < 0)
                        return -1;
        return make_unique(plan, err);
}
