/* Typing at ISOLINUX in a QEMU that emulates, beside two busy processes: 200 characters, each of them once. */
#include "tests/unit/test.h"

#include "tests/unit/boot/guest.h"

#define ISOLINUX "/usr/lib/ISOLINUX/isolinux.bin"
#define LDLINUX "/usr/lib/syslinux/modules/bios/ldlinux.c32"
#define TEXT "linux /install.amd/vmlinuz auto=true url=http://10.0.2.2:8000/preseed.cfg DEBCONF_DEBUG=5 hostname=Debian_12 -- quiet splash " \
             "(abc) [x] {y} a b c ABCDEFGHIJ 0123456789 !@#$%^&*_+|~ klmnopqrst uvwxy end"

static int make_iso(const struct guest *g, const char *iso)
{
        static const char config[] = "prompt 1\nsay ready\nlabel linux\n  localboot 0\n";
        autofree char *tree = bk_format("%s/tree", g->folder), *file = bk_format("%s/tree/isolinux.cfg", g->folder);
        const char *const folder[] = { "mkdir", tree, NULL };
        const char *const copy[] = { "cp", ISOLINUX, LDLINUX, tree, NULL };
        const char *const make[] = { "xorriso", "-as", "mkisofs", "-quiet", "-o", iso, "-b", "isolinux.bin", "-c", "boot.cat", "-no-emul-boot",
                                     "-boot-load-size", "4", "-boot-info-table", tree, NULL };
        autofile FILE *f = NULL;

        if (guest_run(folder) < 0 || guest_run(copy) < 0)
                return -1;
        f = fopen(file, "we");
        if (f == NULL || fputs(config, f) < 0 || fflush(f) != 0)
                return -1;
        return guest_run(make);
}

/* The rows of the prompt without what wraps them: ISOLINUX's rows end where they like. */
static char *typed_line(const struct boot_screen *screen)
{
        autofree char *text = boot_screen_text(screen, BOOT_PADDED, NULL);
        const char *from = strstr(text, "boot: ");
        char *line = bk_alloc(strlen(text) + 1), *to = line;

        for (from = from != NULL ? from + 6 : ""; *from != '\0'; from++)
                if (*from != '\n' && *from != ' ')
                        *to++ = *from;
        return line;
}

static void isolinux_gets_every_key(void **state)
{
        const struct boot_typing typing = { .automatic = true, .verify = true, .key_interval_ms = 100, .wait_limit_ms = 60000, .scale_percent = 100 };
        BK_CLEANUP(guest_stop) struct guest g = { 0 };
        BK_CLEANUP(boot_typed_done) struct boot_typed ready = { 0 }, typed = { 0 };
        BK_CLEANUP(boot_screen_done) struct boot_screen screen = { 0 };
        autofree char *iso = NULL, *line = NULL, *wanted = bk_strdup(TEXT);
        const char *const extra[] = { "-boot", "d", "-cdrom", NULL, NULL };
        const char *arguments[5];
        struct bk_error err = { 0 };
        char *to = wanted;

        (void)state;
        need("qemu-system-x86_64");
        need("xorriso");
        if (access(ISOLINUX, R_OK) != 0 || access(LDLINUX, R_OK) != 0)
                need("isolinux");               /* no program: says that it is missing */
        assert_int_equal(guest_folder(&g), 0);
        iso = bk_format("%s/iso", g.folder);
        assert_int_equal(make_iso(&g, iso), 0);
        memcpy(arguments, extra, sizeof extra);
        arguments[3] = iso;
        assert_ok(guest_start(&g, arguments, true, &err), err);
        assert_ok(guest_type(&g, "<wait \"boot:\"><wait still 500ms>", &typing, &ready, &err), err);
        assert_ok(guest_type(&g, TEXT, &typing, &typed, &err), err);
        print_message("# %d ms for %zu keys, %zu of them again\n", (int)typed.typing_ms, typed.keys, typed.retyped);
        assert_ok(guest_look(&g, &screen, &err), err);
        line = typed_line(&screen);
        for (const char *p = TEXT; *p != '\0'; p++)
                if (*p != ' ')
                        *to++ = *p;
        *to = '\0';
        assert_string_equal(line, wanted);
        assert_true(typed.typing_ms < 20000);           /* blind it would take 45 s */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(isolinux_gets_every_key),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
