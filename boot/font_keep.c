/* Fonts out of large compressed files. Unpacking them takes up to a second, so what was found is kept as glyphs, with a line
 * that tells which file they are from; another kernel or firmware at its place makes them anew. */
#include <glob.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "boot/font_priv.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

#define SOURCE_MOST (64U << 20)
#define GLYPHS_MOST (8U << 20)
#define FORMAT 1                        /* raised when the readers find more than they did */

static const struct {
        const char *name, *pattern;
        unsigned width, height;
} known[] = {
        { "linux-8x16", "/boot/vmlinuz-*", 8, 16 },
        { "edk2-8x19", "/usr/share/OVMF/OVMF_CODE_4M.fd", 8, 19 },
};

/* The highest version of what matches, the caller's; NULL: nothing does. */
static char *newest(const char *pattern)
{
        const char *best = NULL;
        glob_t found = { 0 };
        char *ret = NULL;

        if (glob(pattern, 0, NULL, &found) == 0) {
                for (size_t i = 0; i < found.gl_pathc; i++)
                        if (best == NULL || strverscmp(found.gl_pathv[i], best) > 0)
                                best = found.gl_pathv[i];
                ret = best != NULL ? bk_strdup(best) : NULL;
        }
        globfree(&found);
        return ret;
}

/* Which file this is, and in which state; the caller's. NULL: it cannot be looked at. A file that took another's place within
 * one tick of the file system's clock has its time, but not its inode. */
static char *identify(const char *path)
{
        struct stat st;

        if (strchr(path, '\n') != NULL || stat(path, &st) < 0)
                return NULL;
        return bk_format("%d %s %ju %jd %jd.%09ld", FORMAT, path, (uintmax_t)st.st_ino, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
                         st.st_mtim.tv_nsec);
}

/* Were the glyphs made from this source? */
static bool is_current(const char *glyphs, const char *source)
{
        autofree char *line = bk_format("# %s\n", source), *bytes = NULL;
        const char *second;
        size_t length;

        if (!bk_exists(glyphs) || bk_read_file(glyphs, GLYPHS_MOST, &bytes, &length, NULL) < 0)
                return false;
        second = strchr(bytes, '\n');
        return second != NULL && strncmp(second + 1, line, strlen(line)) == 0;
}

static int read_source(const char *name, const char *path, struct boot_fonts *fonts, struct bk_error *err)
{
        autofree char *bytes = NULL;
        size_t length = 0;
        bool kernel;

        if (bk_read_file(path, SOURCE_MOST, &bytes, &length, err) < 0)
                return -1;
        kernel = length >= 0x206 && memcmp(bytes + 0x202, "HdrS", 4) == 0;
        if ((kernel ? boot_font_read_kernel : boot_font_read_firmware)(name, bytes, length, fonts, err) < 0)
                return bk_wrap(err, "font in '%s'", path);
        return 0;
}

static int publish(const char *folder, const char *glyphs, const struct boot_font *font, const char *source, struct bk_error *err)
{
        autofree char *printed = boot_font_print(font, source);

        return bk_mkdir_p(folder, err) < 0 ? -1 : bk_publish_bytes(glyphs, printed, strlen(printed), 0644, err);
}

int boot_font_keep(const char *folder, const char *name, const char *path, struct bk_error *err)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        autofree char *glyphs = bk_format("%s/%s.glyphs", folder, name), *source = identify(path);

        if (name[0] == '.' || strchr(name, '/') != NULL)
                return bk_fail(err, BK_INVALID, "font '%s': not a name for a file", name);
        if (source != NULL && is_current(glyphs, source))
                return 0;
        if (read_source(name, path, &fonts, err) < 0)
                return -1;
        return publish(folder, glyphs, &fonts.v[0], source != NULL ? source : "", err);
}

/* A file that is not understood leaves the glyphs as they were, or none; but they count as its own, or every guest would pay
 * for unpacking it once more. */
static void fall_back(const char *name, const char *glyphs, unsigned width, unsigned height, struct boot_fonts *fonts)
{
        autofree char *bytes = NULL;
        size_t length = 0;

        boot_fonts_done(fonts);
        if (bk_exists(glyphs) && bk_read_file(glyphs, GLYPHS_MOST, &bytes, &length, NULL) == 0 &&
            boot_font_read_learnt(name, bytes, length, fonts, NULL) == 0)
                return;
        boot_fonts_done(fonts);
        (void)boot_fonts_new(fonts, name, width, height);
}

void boot_fonts_keep_known(const char *folder, struct boot_fonts *fonts)
{
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                BK_CLEANUP(boot_fonts_done) struct boot_fonts made = { 0 };
                autofree char *path = newest(known[i].pattern), *source = path != NULL ? identify(path) : NULL;
                autofree char *glyphs = bk_format("%s/%s.glyphs", folder, known[i].name);
                struct bk_error err = { 0 };

                if (source == NULL || is_current(glyphs, source))
                        continue;
                if (read_source(known[i].name, path, &made, &err) < 0) {
                        /* Somebody else may be allowed to read it. */
                        if (err.kind != BK_INVALID && err.kind != BK_CORRUPT)
                                continue;
                        fall_back(known[i].name, glyphs, known[i].width, known[i].height, &made);
                }
                if (publish(folder, glyphs, &made.v[0], source, &err) == 0)
                        continue;
                fonts->v = bk_grow(fonts->v, fonts->n + 1, sizeof *fonts->v);
                fonts->v[fonts->n++] = made.v[0];
                made.n = 0;
        }
}
