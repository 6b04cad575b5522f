/* What is read from, and removed in, an image's root; and the host's APT sources. */
#include "tests/unit/folder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "layers/foundation.h"
#include "layers/seal.h"
#include "lib/fs.h"
#include "lib/run.h"

static void put(const struct folder *place, const char *path, const char *text)
{
        struct bk_error err = { 0 };

        assert_ok(bk_write_in_root(place->fd, path, text, strlen(text), 0644, &err), err);
}

static long size_of(const struct folder *place, const char *path)
{
        autofree char *whole = bk_format("%s%s", place->path, path);
        struct stat st;

        return lstat(whole, &st) < 0 ? -1 : (long)st.st_size;
}

/* What a machine has, and how long it is in a copy; -1: not there. */
static const struct { const char *path; long after; } files[] = {
        { "/etc/machine-id", 0 }, { "/var/lib/dbus/machine-id", -1 }, { "/etc/ssh/ssh_host_ed25519_key", -1 },
        { "/etc/ssh/ssh_host_ed25519_key.pub", -1 }, { "/etc/ssh/sshd_config", 4 }, { "/var/log/dpkg.log", 0 },
        { "/var/log/apt/history.log", 0 }, { "/var/log/syslog.1", -1 }, { "/var/log/journal/abc/system.journal", -1 },
        { "/root/.bash_history", -1 }, { "/home/joe/.bash_history", -1 }, { "/home/joe/notes", 4 },
        { "/var/lib/apt/lists/archive_Packages", -1 }, { "/var/cache/apt/pkgcache.bin", -1 }, { "/tmp/left/over", -1 },
        { "/tmp/.hidden", -1 }, { "/var/lib/systemd/random-seed", -1 }, { "/etc/hostname", 4 },
};

static void put_files(const struct folder *place)
{
        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
                put(place, files[i].path, "text");
}

static void assert_prepared(const struct folder *place)
{
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
                print_message("# %s\n", files[i].path);
                assert_int_equal(size_of(place, files[i].path), files[i].after);
        }
        assert_true(size_of(place, "/var/lib/apt/lists") >= 0);
}

static void sysprep_removes_what_two_machines_must_not_share(void **state)
{
        const struct folder *place = *state;
        struct bk_error err = { 0 };

        put_files(place);
        assert_ok(sysprep_run(place->fd, NULL, &err), err);
        assert_prepared(place);
}

/* The programs that the script starts itself, each of which leaves a line in the file `started`; sync does nothing else. */
static void put_programs(const struct folder *place)
{
        static const char *const names[] = { "rm", "find", "sync" };

        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                autofree char *path = bk_format("/programs/%s", names[i]);
                autofree char *text = bk_format("#!/bin/sh\necho %s >>'%s/started'\n[ %s = sync ] || PATH=/usr/bin:/bin exec %s \"$@\"\n", names[i],
                                                place->path, names[i], names[i]);
                struct bk_error err = { 0 };

                assert_ok(bk_write_in_root(place->fd, path, text, strlen(text), 0755, &err), err);
        }
}

/* As a guest does it, with another /, and after the lines before. Returns what was started, the caller's. */
static char *run_script(const struct folder *place, const char *before)
{
        static const char first[] = "cd / || exit 1\n";
        autofree char *script = sysprep_script(NULL), *text = NULL, *started = bk_format("%s/started", place->path), *lines = NULL;
        struct bk_error err = { 0 };

        put_programs(place);
        assert_int_equal(strncmp(script, first, strlen(first)), 0);
        text = bk_format("PATH=%s/programs\ncd '%s' || exit 1\n%s%s", place->path, place->path, before, script + strlen(first));
        const char *const argv[] = { "/bin/sh", "-c", text, NULL };

        assert_ok(bk_run(argv, 20000, NULL, &err), err);
        assert_ok(bk_read_file(started, 4096, &lines, NULL, &err), err);
        return bk_take(lines);
}

static void in_a_guest_a_script_does_it_with_few_programs(void **state)
{
        const struct folder *place = *state;

        put_files(place);
        autofree char *started = run_script(place, "");

        assert_prepared(place);
        assert_string_equal(started, "rm\nfind\nsync\n");
}

static void too_many_names_for_one_program_are_removed_one_by_one(void **state)
{
        const struct folder *place = *state;

        put_files(place);
        autofree char *started = run_script(place, "rm() { [ $# -gt 3 ] && return 126; command rm \"$@\"; }\n");

        assert_prepared(place);
        assert_non_null(strstr(started, "rm\nrm\nrm\n"));
}

static void sysprep_leaves_out_what_it_is_told_to(void **state)
{
        const struct folder *place = *state;
        autostrv struct bk_strv skip = { 0 };
        struct bk_error err = { 0 };

        bk_strv_add(&skip, "logs");
        put(place, "/var/log/dpkg.log", "text");
        put(place, "/tmp/x", "text");
        assert_ok(sysprep_run(place->fd, &skip, &err), err);
        assert_int_equal(size_of(place, "/var/log/dpkg.log"), 4);
        assert_int_equal(size_of(place, "/tmp/x"), -1);
}

/* /tmp in the image is a link that leads out: what it leads to on the host must stay. */
static void sysprep_follows_no_link_out_of_the_image(void **state)
{
        const struct folder *place = *state;
        autofree char *outside = folder_new(), *file = bk_format("%s/precious", outside);
        struct bk_error err = { 0 };

        (void)close(open(file, O_WRONLY | O_CREAT, 0600));
        assert_int_equal(symlinkat(outside, place->fd, "tmp"), 0);
        put(place, "/var/log/x", "text");
        assert_int_equal(symlinkat(file, place->fd, "var/log/link"), 0);
        assert_ok(sysprep_run(place->fd, NULL, &err), err);
        assert_true(bk_exists(file));
        assert_ok(bk_remove_tree(outside, &err), err);
}

static const char status[] =
        "Package: bash\nEssential: yes\nStatus: install ok installed\nArchitecture: amd64\nSource: bash-src (5.2-1)\nVersion: 5.2-1+b1\n"
        "Description: shell\n Package: not-this\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: all\nVersion: 1\n\n"
        "Package: half\nStatus: install ok half-configured\nVersion: 1\n\n"
        "Package: zlib1g\nStatus: hold ok installed\nArchitecture: amd64\nMulti-Arch: same\nSource: zlib\nVersion: 1:1.2.13\n";

static void installed_packages_have_their_source(void **state)
{
        const struct folder *place = *state;
        BK_CLEANUP(inventory_done) struct inventory found = { 0 };
        const struct bk_tree tree = bk_tree_of_root(&place->fd);
        struct bk_error err = { 0 };

        put(place, "/var/lib/dpkg/status", status);
        assert_ok(inventory_read(&tree, &found, &err), err);
        assert_int_equal(found.packages.n, 2);
        assert_string_equal(found.packages.v[0].name, "bash");
        assert_string_equal(found.packages.v[0].version, "5.2-1+b1");
        assert_string_equal(found.packages.v[0].source, "bash-src");
        assert_string_equal(found.packages.v[0].source_version, "5.2-1");
        assert_string_equal(found.packages.v[1].name, "zlib1g");
        assert_string_equal(found.packages.v[1].source, "zlib");
        assert_string_equal(found.packages.v[1].source_version, "1:1.2.13");
}

static void an_image_without_dpkg_has_no_packages(void **state)
{
        const struct folder *place = *state;
        BK_CLEANUP(inventory_done) struct inventory found = { 0 };
        const struct bk_tree tree = bk_tree_of_root(&place->fd);
        struct bk_error err = { 0 };

        assert_ok(inventory_read(&tree, &found, &err), err);
        assert_int_equal(found.packages.n, 0);
}

static void garbage_is_no_empty_list(void **state)
{
        const struct folder *place = *state;
        BK_CLEANUP(inventory_done) struct inventory found = { 0 };
        const struct bk_tree tree = bk_tree_of_root(&place->fd);
        struct bk_error err = { 0 };

        put(place, "/var/lib/dpkg/status", "\x7f" "ELF garbage\n\n\n");
        assert_fails_with(inventory_read(&tree, &found, &err), err, BK_CORRUPT);
}

static const struct { const char *path, *text, *expected; } installed[] = {
        { "/lib/apk/db/installed", "P:musl\nV:1.2.4-r2\nA:x86_64\no:musl\n\n", "apk musl 1.2.4-r2" },
        { "/var/lib/pacman/local/zlib-1:1.3-2/desc", "%NAME%\nzlib\n\n%VERSION%\n1:1.3-2\n\n%ARCH%\nx86_64\n", "alpm zlib 1:1.3-2" },
        { "/usr/local/lib/python3.11/dist-packages/requests-2.31.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: requests\nVersion: 2.31.0\n",
          "pypi requests 2.31.0" },
        { "/usr/local/lib/node_modules/@babel/core/package.json", "{\"name\": \"@babel/core\", \"version\": \"7.22.0\"}", "npm @babel/core 7.22.0" },
        { "/var/lib/gems/3.1.0/specifications/rake-13.0.6.gemspec", "# stub: rake 13.0.6 ruby lib\n", "gem rake 13.0.6" },
};

static void every_ecosystem_is_looked_for(void **state)
{
        const struct folder *place = *state;
        BK_CLEANUP(inventory_done) struct inventory found = { 0 };
        const struct bk_tree tree = bk_tree_of_root(&place->fd);
        struct bk_error err = { 0 };

        for (size_t i = 0; i < sizeof installed / sizeof *installed; i++)
                put(place, installed[i].path, installed[i].text);
        put(place, "/usr/lib/os-release", "NAME=\"Alpine\"\nID=alpine\nVERSION_ID=3.18.4\n");
        assert_ok(inventory_read(&tree, &found, &err), err);
        assert_string_equal(found.os, "alpine:3.18.4");
        assert_int_equal(found.packages.n, sizeof installed / sizeof *installed);
        for (size_t i = 0; i < found.packages.n; i++) {
                const struct bk_package *p = &found.packages.v[i];
                autofree char *text = bk_format("%s %s %s", bk_ecosystem_name(p->ecosystem), p->name, p->version);

                assert_string_equal(text, installed[i].expected);
        }
}

static const struct { const char *text, *os; } releases[] = {
        { "ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n", "debian:12" },
        { "PRETTY_NAME=\"x\"\nVERSION_CODENAME=trixie\nID=debian\n", "debian:trixie" },
        { "ID='arch'\n", "arch" },
        { "VERSION_ID=1\nMY_ID=no\n", NULL },
        { "ID=\n", NULL },
        { "", NULL },
};

static void a_system_is_known_by_its_os_release(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
                autofree char *os = inventory_os(releases[i].text);

                assert_true(bk_streq(os, releases[i].os));
        }
}

static const struct { const char *why, *file, *text, *release, *expected; } sources[] = {
        { "one line a source", "/sources.list",
          "# comment\ndeb http://archive.example/debian bookworm main contrib\ndeb-src http://archive.example/debian bookworm main\n"
          "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://security.example bookworm-security main\n"
          "deb http://third.example stable-thing main\n", "bookworm",
          "deb http://archive.example/debian bookworm main contrib\n"
          "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://security.example bookworm-security main\n" },
        { "deb822 stanzas, several suites, a disabled one, a keyring of the host's own", "/sources.list.d/debian.sources",
          "Types: deb deb-src\nURIs: http://archive.example/debian\nSuites: bookworm bookworm-updates\n bookworm-backports\nComponents: main\n"
          "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n"
          "Types: deb\nURIs: http://no.example\nSuites: bookworm\nComponents: main\nEnabled: no\n\n"
          "# a comment\nTypes: deb\nURIs: http://own.example\nSuites: bookworm\nComponents: main\nSigned-By: /etc/apt/keyrings/own.gpg\n", "bookworm",
          "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://archive.example/debian bookworm main\n"
          "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://archive.example/debian bookworm-updates main\n"
          "deb http://own.example bookworm main\n" },
};

static void the_hosts_sources_become_the_images(void **state)
{
        const struct folder *place = *state;

        for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
                autofree char *folder = bk_format("%s/%zu", place->path, i), *in_root = bk_format("/%zu%s", i, sources[i].file), *found = NULL;
                struct bk_error err = { 0 };

                print_message("# %s\n", sources[i].why);
                put(place, in_root, sources[i].text);
                assert_ok(apt_sources_from(folder, sources[i].release, NULL, &found, &err), err);
                assert_string_equal(found, sources[i].expected);
        }
}

static void a_host_without_an_archive_says_so(void **state)
{
        const struct folder *place = *state;
        autofree char *found = NULL;
        struct bk_error err = { 0 };

        put(place, "/sources.list", "deb http://third.example stable-thing main\n");
        assert_fails_with(apt_sources_from(place->path, "bookworm", NULL, &found, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, "mirror"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(sysprep_removes_what_two_machines_must_not_share, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(in_a_guest_a_script_does_it_with_few_programs, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(too_many_names_for_one_program_are_removed_one_by_one, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(sysprep_leaves_out_what_it_is_told_to, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(sysprep_follows_no_link_out_of_the_image, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(installed_packages_have_their_source, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(an_image_without_dpkg_has_no_packages, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(garbage_is_no_empty_list, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(every_ecosystem_is_looked_for, folder_set_up, folder_tear_down),
                cmocka_unit_test(a_system_is_known_by_its_os_release),
                cmocka_unit_test_setup_teardown(the_hosts_sources_become_the_images, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_host_without_an_archive_says_so, folder_set_up, folder_tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
