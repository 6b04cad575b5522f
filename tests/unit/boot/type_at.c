/* Types at a guest that boots from an ISO, to measure:
 *   type_at ISO READY TEXT [auto] [verify] [busy] [drawn] [quiet] [interval=MS] [kernel=FILE] [initrd=FILE] [append=TEXT] [runs=N]
 * READY is a boot command that ends where typing may begin. Tells how long it took, and shows the screen. */
#include <stdio.h>
#include <string.h>

#include "tests/unit/boot/guest.h"

static const char *option(int argc, char **argv, const char *name)
{
        const size_t length = strlen(name);

        for (int i = 4; i < argc; i++)
                if (strncmp(argv[i], name, length) == 0 && (argv[i][length] == '\0' || argv[i][length] == '='))
                        return argv[i] + length + (argv[i][length] == '=');
        return NULL;
}

static bool once(int argc, char **argv, struct guest *g, struct bk_error *err)
{
        const char *kernel = option(argc, argv, "kernel"), *interval = option(argc, argv, "interval");
        const char *const iso[] = { "-cdrom", argv[1], NULL };
        const char *const linux_[] = { "-kernel", kernel, "-initrd", option(argc, argv, "initrd"), "-append", option(argc, argv, "append"),
                                       NULL };
        struct boot_typing typing = { .wait_limit_ms = 120000, .scale_percent = 100 };
        BK_CLEANUP(boot_typed_done) struct boot_typed ready = { 0 }, typed = { 0 };
        BK_CLEANUP(boot_screen_done) struct boot_screen screen = { 0 };
        bool right;

        g->drawn = option(argc, argv, "drawn") != NULL;
        if (guest_folder(g) < 0 || boot_fonts_load(NULL, &g->fonts, err) < 0 ||
            guest_start(g, kernel != NULL ? linux_ : iso, option(argc, argv, "busy") != NULL, err) < 0)
                return false;
        typing.key_interval_ms = 100;
        if (guest_type(g, argv[2], &typing, &ready, err) < 0)
                return false;
        typing.key_interval_ms = interval != NULL ? strtol(interval, NULL, 10) : 100;
        typing.automatic = option(argc, argv, "auto") != NULL;
        typing.verify = option(argc, argv, "verify") != NULL;
        right = guest_type(g, argv[3], &typing, &typed, err) == 0;
        (void)guest_pause(g, 1500, err);
        if (guest_look(g, &screen, err) == 0) {
                autofree char *dump = boot_screen_dump(&screen), *text = boot_screen_text(&screen, BOOT_UNWRAPPED, NULL);
                BK_CLEANUP(boot_pattern_done) struct boot_pattern pattern = { 0 };
                struct boot_place place = { 0 };

                (void)printf("%s", option(argc, argv, "quiet") != NULL ? "" : dump);
                if (boot_pattern_text(argv[3], &pattern, err) == 0 && boot_pattern_find(&pattern, &screen, &place, err) == 0)
                        (void)printf("%s ", place.found ? "shown" : "NOT SHOWN");
        }
        (void)printf("%lld ms, %zu keys, %zu again%s%s\n", (long long)typed.typing_ms, typed.keys, typed.retyped,
                     right ? "" : ": ", right ? "" : err->text);
        return right;
}

int main(int argc, char **argv)
{
        const char *runs = argc > 4 ? option(argc, argv, "runs") : NULL;

        if (argc < 4) {
                (void)fprintf(stderr, "usage: type_at ISO READY TEXT [auto] [verify] [busy] [drawn] [interval=MS] ...\n");
                return 2;
        }
        for (long i = runs != NULL ? strtol(runs, NULL, 10) : 1; i > 0; i--) {
                struct guest g = { 0 };
                struct bk_error err = { 0 };

                if (!once(argc, argv, &g, &err))
                        (void)printf("failed: %s\n", err.text);
                (void)fflush(stdout);
                guest_stop(&g);
        }
        return 0;
}
