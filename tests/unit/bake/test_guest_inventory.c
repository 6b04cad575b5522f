/* What is known of a guest's folders before anybody asks for them. */
#include "tests/unit/folder.h"

#include "bakery/bake/guest_priv.h"
#include "lib/run.h"

static const char listing[] =
        "/usr/lib\n/usr/lib/os-release\n/usr/lib/python3\n/usr/lib/python3/dist-packages\n/usr/lib/python3.11\n/usr/share\n/usr/share/php\n"
        "/var/lib\n/var/lib/dpkg\n/var/lib/dpkg/status\n/var/lib/dpkg/info\n/usr/local\n/usr/local/lib\nhalf a line";

static void what_is_not_there_is_not_asked_for(void **state)
{
        static const struct { const char *path; bool lacks; } rows[] = {
                { "/usr/lib/os-release", false }, { "/var/lib/dpkg/status", false }, { "/var/lib/dpkg/status.d", true },
                { "/usr/lib64", true }, { "/usr/lib64/perl5/perllocal.pod", true }, { "/lib/apk/db/installed", true },
                /* Deeper than is known: asked for unless a folder above is missing. */
                { "/usr/lib/python3/dist-packages/six-1.16.dist-info/METADATA", false }, { "/usr/lib/python3/perl/x", true },
                { "/var/lib/gems/3.1.0/specifications", true }, { "/usr/share/php/.registry", false }, { "/usr/share/pear/.registry", true },
                /* Of other places nothing is known. */
                { "/etc/os-release", false }, { "/usr/lib/.hidden/x", false }, { "/usr/libexec", false }, { "/usr/lib32/x", false }, { "/opt", false },
        };
        BK_CLEANUP(bk_strv_done) struct bk_strv names = { 0 };

        (void)state;
        assert_false(bake_names_lack(&names, "/usr/lib64"));    /* nothing was told */
        bake_names_set(&names, listing);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                print_message("# %s\n", rows[i].path);
                assert_int_equal(bake_names_lack(&names, rows[i].path), rows[i].lacks);
        }
}

static void folders_that_are_known_are_listed(void **state)
{
        static const struct { const char *folder; bool known; const char *names; } rows[] = {
                { "/usr/lib", true, "os-release python3 python3.11" }, { "/usr/lib/python3", true, "dist-packages" },
                { "/usr/lib/python3/dist-packages", false, "" }, { "/usr/share", true, "php" }, { "/usr/share/php", false, "" },
                { "/var/lib/dpkg", true, "info status" }, { "/usr/local/lib", true, "" }, { "/etc", false, "" },
        };
        BK_CLEANUP(bk_strv_done) struct bk_strv names = { 0 }, none = { 0 };

        (void)state;
        assert_false(bake_names_list(&names, "/usr/lib", &none));
        bake_names_set(&names, listing);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                BK_CLEANUP(bk_strv_done) struct bk_strv found = { 0 };
                autofree char *text = bk_strdup("");

                print_message("# %s\n", rows[i].folder);
                assert_int_equal(bake_names_list(&names, rows[i].folder, &found), rows[i].known);
                for (size_t k = 0; k < found.n; k++) {
                        autofree char *before = text;

                        text = bk_format("%s%s%s", before, k == 0 ? "" : " ", found.v[k]);
                }
                assert_string_equal(text, rows[i].names);
        }
}

/* The shell's answer is that of find(1), but for what is hidden. */
static void the_shell_tells_what_is_there(void **state)
{
        static const char tree[] = "cd $0 && mkdir -p usr/lib/python3/dist-packages/x usr/lib/empty usr/local/lib/node_modules/npm usr/share/php/Y var/lib/dpkg && "
                                   "touch usr/lib/os-release 'usr/lib/a b' usr/lib/.hidden var/lib/dpkg/status usr/local/lib/node_modules/npm/package.json && "
                                   "ln -s lib usr/lib64 && ln -s ../share usr/lib/share && ln -s nowhere var/lib/broken";
        static const char wanted[] = "cd $0 && find -L usr/lib usr/lib64 var/lib -maxdepth 2 ! -name '.*'; cd $0 && find -L usr/share -maxdepth 1; "
                                     "cd $0 && find -L usr/local -maxdepth 3";
        const struct folder *folder = *state;
        autofree char *command = bake_names_command(folder->path), *told = NULL, *found = NULL;
        BK_CLEANUP(bk_strv_done) struct bk_strv names = { 0 }, paths = { 0 };
        struct bk_error err = { 0 };

        assert_ok(bk_run((const char *const[]){ "sh", "-c", tree, folder->path, NULL }, 60000, NULL, &err), err);
        assert_ok(bk_run((const char *const[]){ "sh", "-c", command, NULL }, 60000, &told, &err), err);
        assert_ok(bk_run((const char *const[]){ "sh", "-c", wanted, folder->path, NULL }, 60000, &found, &err), err);
        bake_names_set(&names, told);
        bake_names_set(&paths, found);
        assert_int_equal(names.n, paths.n);
        for (size_t i = 0; i < paths.n; i++) {
                autofree char *path = bk_format("%s/%s", folder->path, paths.v[i]);

                assert_string_equal(names.v[i], path);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_not_there_is_not_asked_for),
                cmocka_unit_test(folders_that_are_known_are_listed),
                cmocka_unit_test_setup_teardown(the_shell_tells_what_is_there, folder_set_up, folder_tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
