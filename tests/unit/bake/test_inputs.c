/* What goes into a bake: a change of it is seen, whatever the file's name, its folder and its place in a list. */
#include "tests/unit/folder.h"

#include <string.h>

#include "bakery/bake/bake_priv.h"
#include "lib/fs.h"

static void put(const struct folder *place, const char *path, const char *text)
{
        struct bk_error err = { 0 };

        assert_ok(bk_write_in_root(place->fd, path, text, strlen(text), 0644, &err), err);
}

/* The input hash of a template that lies in the folder; {{template_dir}} is its path. The caller's. */
static char *hash_of(const struct folder *place, const char *text)
{
        const struct tmpl_options none = { 0 };
        struct bake *bake = bk_alloc(sizeof *bake);
        struct tmpl *tmpl = NULL;
        struct bk_error err = { 0 };
        char *hash;

        assert_ok(tmpl_load_bytes("t.json", place->path, text, strlen(text), &none, &tmpl, &err), err);
        *bake = (struct bake){ .tmpl = tmpl, .block = &tmpl->builders[0], .name = bk_strdup("b"), .lease = BK_LEASE_NONE, .lock = -1, .events = -1 };
        assert_ok(bake_prepare(bake, &err), err);
        assert_ok(bake_inputs(bake, &err), err);
        hash = bk_take(bake->input_hash);
        bake_done(bake);
        tmpl_free(tmpl);
        return hash;
}

#define CHROOT(provisioner) "{ \"builders\": [{ \"type\": \"chroot\", \"name\": \"b\", \"image_name\": \"b\", \"source_image\": \"x\" }], " \
        "\"provisioners\": [{ " provisioner " }] }"
#define SCRIPTS "\"type\": \"shell\", \"scripts\": [\"common/install.sh\", \"web/install.sh\"]"
#define SUM "\"iso_url\": \"http://x/y.iso\", \"iso_checksum\": \"md5:00000000000000000000000000000000\", "
#define QEMU(keys) "{ \"builders\": [{ \"type\": \"qemu\", \"name\": \"b\", \"communicator\": \"none\", " keys " }] }"

/* Each has a file whose change must be seen; what is baked with is the same text before and after. */
static const struct { const char *why, *changed, *template; } rows[] = {
        { "the first of two scripts of one name", "common/install.sh", CHROOT(SCRIPTS) },
        { "the second of them", "web/install.sh", CHROOT(SCRIPTS) },
        { "the first of two sources of one name", "common/install.sh",
          CHROOT("\"type\": \"file\", \"sources\": [\"common/install.sh\", \"web/install.sh\"], \"destination\": \"/srv/\"") },
        { "the only script", "web/install.sh", CHROOT("\"type\": \"shell\", \"script\": \"web/install.sh\"") },
        { "the first of two seed files of one name", "common/user-data",
          QEMU(SUM "\"cd_files\": [\"{{template_dir}}/common/user-data\", \"{{template_dir}}/web/user-data\"]") },
        { "a seed file beside the template", "seed/user-data",
          QEMU(SUM "\"cd_files\": [\"seed/user-data\"]") },
        { "a pattern beside the template", "seed/user-data",
          QEMU(SUM "\"cd_files\": [\"seed/*\"]") },
        { "a floppy's file beside the template", "seed/user-data",
          QEMU(SUM "\"floppy_files\": [\"seed/user-data\"]") },
        { "a floppy's folder beside the template", "seed/user-data",
          QEMU(SUM "\"floppy_dirs\": [\"seed\"]") },
        { "a medium beside the template, of no sum", "seed/user-data", QEMU("\"iso_url\": \"seed/user-data\", \"iso_checksum\": \"none\"") },
        { "a medium by URL, of no sum", "seed/user-data",
          QEMU("\"iso_url\": \"file://{{template_dir}}/seed/user-data\", \"iso_checksum\": \"none\"") },
        { "a medium of no sum in a list", "seed/user-data",
          QEMU("\"iso_urls\": [\"http://x/y.iso\", \"seed/user-data\"], \"iso_checksum\": \"none\"") },
};

static void a_changed_file_is_a_changed_input(void **state)
{
        const struct folder *place = *state;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *before = NULL, *same = NULL, *after = NULL;

                print_message("# %s\n", rows[i].why);
                put(place, "common/install.sh", "echo a\n");
                put(place, "web/install.sh", "echo b\n");
                put(place, "common/user-data", "a\n");
                put(place, "web/user-data", "b\n");
                put(place, "seed/user-data", "c\n");
                before = hash_of(place, rows[i].template);
                same = hash_of(place, rows[i].template);
                assert_string_equal(before, same);
                put(place, rows[i].changed, "changed\n");
                after = hash_of(place, rows[i].template);
                assert_string_not_equal(before, after);
        }
}

static void the_order_of_scripts_is_an_input(void **state)
{
        const struct folder *place = *state;
        autofree char *ab = NULL, *ba = NULL;

        put(place, "a.sh", "echo a\n");
        put(place, "b.sh", "echo b\n");
        ab = hash_of(place, CHROOT("\"type\": \"shell\", \"scripts\": [\"a.sh\", \"b.sh\"]"));
        ba = hash_of(place, CHROOT("\"type\": \"shell\", \"scripts\": [\"b.sh\", \"a.sh\"]"));
        assert_string_not_equal(ab, ba);
}

static void a_checkout_elsewhere_is_the_same(void **state)
{
        const struct folder *place = *state;
        autofree char *path = folder_new(), *here = NULL, *there = NULL;
        const struct folder other = { path, open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) };
        static const char template[] = CHROOT(SCRIPTS);

        put(place, "common/install.sh", "echo a\n");
        put(place, "web/install.sh", "echo b\n");
        put(&other, "common/install.sh", "echo a\n");
        put(&other, "web/install.sh", "echo b\n");
        here = hash_of(place, template);
        there = hash_of(&other, template);
        assert_string_equal(here, there);
        (void)close(other.fd);
        assert_int_equal(bk_remove_tree(path, NULL), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_changed_file_is_a_changed_input, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(the_order_of_scripts_is_an_input, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(a_checkout_elsewhere_is_the_same, folder_set_up, folder_tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
