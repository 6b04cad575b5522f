/* Driven by system tests and by bench/run:
 *   read_screen memory FILE [COLUMNS ROWS]     the text of a dump of B8000
 *   read_screen picture FILE [LEARNT]          the text of a PPM or PNG picture; LEARNT is a folder of glyphs
 *   read_screen learn FOLDER NAME FILE X Y WIDTH HEIGHT TEXT
 *   read_screen keep FOLDER NAME FILE          learns the font inside a kernel or firmware
 *   read_screen bench [LEARNT]                 what reading costs */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "boot/match.h"
#include "lib/cleanup.h"
#include "lib/fs.h"

static int complain(const struct bk_error *err)
{
        (void)fprintf(stderr, "read_screen: %s\n", err->text);
        return 1;
}

static int show(const struct boot_screen *screen)
{
        autofree char *text = boot_screen_text(screen, BOOT_ROWS, NULL);

        return fputs(text, stdout) < 0;
}

static unsigned number(const char *s)
{
        return (unsigned)strtoul(s, NULL, 10);
}

static int memory(const char *path, unsigned columns, unsigned rows)
{
        BK_CLEANUP(boot_screen_done) struct boot_screen screen = { 0 };
        autofree char *bytes = NULL;
        struct bk_error err = { 0 };
        size_t length;

        if (bk_read_file(path, 32768, &bytes, &length, &err) < 0 ||
            boot_screen_from_text(bytes, length, columns, rows, 0, &screen, &err) < 0)
                return complain(&err);
        return show(&screen);
}

static int picture(const char *path, const char *learnt)
{
        BK_CLEANUP(boot_screen_done) struct boot_screen screen = { 0 };
        BK_CLEANUP(boot_picture_done) struct boot_picture pixels = { 0 };
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        struct boot_grid grid = { 0 };
        struct bk_error err = { 0 };

        if (boot_picture_load(path, &pixels, &err) < 0 || boot_fonts_load(learnt, &fonts, &err) < 0)
                return complain(&err);
        boot_screen_from_picture(&pixels, &fonts, &grid, &screen);
        (void)fprintf(stderr, "read_screen: font %s, cells of %ux%u from %u,%u; %zu not known\n",
                      grid.font ? grid.font->name : "none", grid.width, grid.height, grid.x, grid.y, boot_screen_unknown(&screen));
        return show(&screen);
}

static int keep(const char *folder, const char *name, const char *path)
{
        struct bk_error err = { 0 };

        return boot_font_keep(folder, name, path, &err) < 0 ? complain(&err) : 0;
}

static int learn(char **argv)
{
        BK_CLEANUP(boot_picture_done) struct boot_picture pixels = { 0 };
        struct bk_error err = { 0 };

        if (boot_picture_load(argv[4], &pixels, &err) < 0 ||
            boot_font_learn(argv[2], argv[3], &pixels, number(argv[5]), number(argv[6]), number(argv[7]), number(argv[8]), argv[9], &err) < 0)
                return complain(&err);
        return 0;
}

static double now_ms(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare_times(const void *a, const void *b)
{
        const double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

#define RUNS 21

static void report(const char *what, double times[static RUNS])
{
        qsort(times, RUNS, sizeof *times, compare_times);
        (void)printf("%-58s %.2f (%.2f-%.2f, %d runs)\n", what, times[RUNS / 2], times[0], times[RUNS - 1], RUNS);
}

static void bench_memory(void)
{
        unsigned char bytes[4000];
        struct bk_error err = { 0 };
        double times[RUNS];

        for (size_t i = 0; i < sizeof bytes; i++)
                bytes[i] = i & 1 ? 7 : (unsigned char)('!' + i / 2 % 90);
        for (unsigned run = 0; run < RUNS; run++) {
                struct boot_screen screen = { 0 };

                times[run] = now_ms();
                if (boot_screen_from_text(bytes, sizeof bytes, 80, 25, 0, &screen, &err) < 0)
                        abort();
                free(boot_screen_text(&screen, BOOT_ROWS, NULL));
                times[run] = now_ms() - times[run];
                boot_screen_done(&screen);
        }
        report("  text memory, 80x25 full (aim: 5)", times);
}

/* A picture full of text of one font; or of noise, when font is NULL. */
static void fill(struct boot_picture *pixels, const struct boot_font *font, unsigned cell, unsigned x, unsigned y)
{
        unsigned seed = 1;

        for (size_t i = 0; i < (size_t)pixels->width * pixels->height; i++) {
                seed = seed * 1103515245U + 12345U;
                pixels->pixels[i] = font == NULL ? seed >> 8 & 0xffffff : 0;
        }
        if (font == NULL)
                return;
        for (size_t glyph = 0; y + font->height <= pixels->height; y += font->height)
                for (unsigned left = x; left + cell <= pixels->width; left += cell, glyph = (glyph + 1) % font->n)
                        for (unsigned row = 0; row < font->height; row++)
                                for (unsigned i = 0; i < font->width; i++)
                                        if (font->bits[glyph * font->height + row] >> (font->width - 1 - i) & 1)
                                                pixels->pixels[(size_t)(y + row) * pixels->width + left + i] = 0xaaaaaa;
}

static int bench_picture(const struct boot_fonts *fonts, const char *what, const struct boot_font *font, unsigned cell, unsigned width,
                         unsigned height, unsigned x, unsigned y, bool keep_grid)
{
        BK_CLEANUP(boot_picture_done) struct boot_picture pixels = { 0 };
        struct boot_grid grid = { 0 };
        struct bk_error err = { 0 };
        double times[RUNS];

        if (boot_picture_init(&pixels, width, height, &err) < 0)
                return complain(&err);
        fill(&pixels, font, cell, x, y);
        for (unsigned run = 0; run < RUNS; run++) {
                struct boot_screen screen = { 0 };

                if (!keep_grid)
                        grid = (struct boot_grid){ 0 };
                times[run] = now_ms();
                boot_screen_from_picture(&pixels, fonts, &grid, &screen);
                free(boot_screen_text(&screen, BOOT_ROWS, NULL));
                times[run] = now_ms() - times[run];
                boot_screen_done(&screen);
        }
        report(what, times);
        return 0;
}

static int bench(const char *learnt)
{
        BK_CLEANUP(boot_fonts_done) struct boot_fonts fonts = { 0 };
        struct bk_error err = { 0 };
        double times[RUNS];
        const struct boot_font *vga;

        for (unsigned run = 0; run < RUNS; run++) {
                boot_fonts_done(&fonts);
                times[run] = now_ms();
                if (boot_fonts_load(learnt, &fonts, &err) < 0)
                        return complain(&err);
                times[run] = now_ms() - times[run];
        }
        vga = &fonts.v[0];
        (void)printf("Reading screens, milliseconds:\n");
        bench_memory();
        report("  loading the fonts, once", times);
        return bench_picture(&fonts, "  VGA text mode 720x400 full, first picture", vga, 9, 720, 400, 0, 0, false) ||
               bench_picture(&fonts, "  1280x800 full of text, first picture (aim: 20)", vga, 8, 1280, 800, 0, 0, false) ||
               bench_picture(&fonts, "  1280x800 full of text, next pictures", vga, 8, 1280, 800, 0, 0, true) ||
               bench_picture(&fonts, "  1280x800, a window at odd pixels, first picture", vga, 8, 1280, 800, 5, 7, false) ||
               bench_picture(&fonts, "  1280x800, a window at odd pixels, next pictures", vga, 8, 1280, 800, 5, 7, true) ||
               bench_picture(&fonts, "  1280x800 of noise", NULL, 8, 1280, 800, 0, 0, true);
}

int main(int argc, char **argv)
{
        if ((argc == 3 || argc == 5) && strcmp(argv[1], "memory") == 0)
                return memory(argv[2], argc == 5 ? number(argv[3]) : 80, argc == 5 ? number(argv[4]) : 25);
        if ((argc == 3 || argc == 4) && strcmp(argv[1], "picture") == 0)
                return picture(argv[2], argc == 4 ? argv[3] : NULL);
        if (argc == 10 && strcmp(argv[1], "learn") == 0)
                return learn(argv);
        if (argc == 5 && strcmp(argv[1], "keep") == 0)
                return keep(argv[2], argv[3], argv[4]);
        if ((argc == 2 || argc == 3) && strcmp(argv[1], "bench") == 0)
                return bench(argc == 3 ? argv[2] : NULL);
        (void)fprintf(stderr, "usage: read_screen memory|picture|learn|keep|bench ...\n");
        return 2;
}
