/* Bakes that end at the same time write one manifest, and each is in it. */
#include "tests/unit/folder.h"

#include <sys/file.h>
#include <sys/stat.h>

#include "bakery/bake/bake_priv.h"
#include "lib/run.h"

/* In a child: a bake of that name notes itself. */
static int note_bake(const char *folder, const char *name)
{
        static const char text[] = "{ \"builders\": [{ \"type\": \"chroot\", \"name\": \"b\", \"image_name\": \"b\", \"source_image\": \"x\" }], "
                                   "\"post-processors\": [{ \"type\": \"manifest\", \"output\": \"{{template_dir}}/m.json\" }] }";
        const struct bake_postprocessor *row = bake_postprocessor_find("manifest");
        const struct bake_options options = { .run_uuid = bk_strdup("u") };
        autofree void *config = bk_alloc(row->size);
        struct bake_artifact artifact = { .image = true };
        struct tmpl *tmpl = NULL;
        struct bk_error err = { 0 };

        if (tmpl_load_bytes("t.json", folder, text, sizeof text - 1, &options.variables, &tmpl, &err) < 0)
                return 1;
        struct bake bake = { .options = &options, .tmpl = tmpl, .block = &tmpl->builders[0], .name = bk_strdup(name) };
        struct bake_post post = { .bake = &bake, .scope = { .tmpl = tmpl, .build_name = "b", .build_type = "chroot" } };

        bake.image.id = bk_strdup("sha256:0");
        if (tmpl_decode(&post.scope, tmpl->pipelines[0].v[0].doc, NULL, row->keys, row->n_keys, config, &err) < 0)
                return 1;
        if (row->run(&post, config, &artifact, &err) < 0) { print_message("# %s\n", err.text); return 1; }
        return 0;
}

static bool says(const char *folder, const char *name)
{
        autofree char *path = bk_format("%s/m.json", folder), *text = NULL;

        return bk_read_file(path, 1 << 20, &text, NULL, NULL) == 0 && strstr(text, name) != NULL;
}

static int hold(const char *path)
{
        const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        return fd;
}

/* Has that process the file open? */
static bool has_open(pid_t pid, int fd)
{
        autofree char *path = bk_format("/proc/%d/fd", (int)pid);
        autodir DIR *dir = opendir(path);
        struct stat wanted, st;

        assert_int_equal(fstat(fd, &wanted), 0);
        for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
                if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && st.st_ino == wanted.st_ino && st.st_dev == wanted.st_dev)
                        return true;
        return false;
}

/* This test is the first and the third: while the second waits for the first's lock, that one goes, and the third takes a new one. */
static void whoever_waited_for_a_lock_that_went_waits_for_the_next(void **state)
{
        const struct folder *place = *state;
        autofree char *path = bk_format("%s/m.json.lock", place->path);
        autoclose int first = -1, third = -1;
        int go[2];
        pid_t second;
        char byte;

        assert_int_equal(pipe2(go, O_CLOEXEC), 0);
        second = bk_fork();             /* before there is a lock, which it would inherit */
        if (second == 0)
                _exit(read(go[0], &byte, 1) != 1 || note_bake(place->path, "second"));
        first = hold(path);
        assert_int_equal(write(go[1], "", 1), 1);
        while (!has_open(second, first) && kill(second, 0) == 0)
                bk_sleep_ms(1);
        assert_int_equal(unlink(path), 0);
        third = hold(path);
        (void)close(bk_take_fd(first));
        while (!has_open(second, third) && !says(place->path, "second"))
                bk_sleep_ms(1);
        assert_false(says(place->path, "second"));      /* the third would not know of it */
        (void)close(bk_take_fd(third));
        assert_int_equal(bk_wait(second, 60000), 0);
        assert_true(says(place->path, "second"));
}

static void many_at_once_are_all_in_it(void **state)
{
        enum { MANY = 12 };
        const struct folder *place = *state;
        autofree char *lock = bk_format("%s/m.json.lock", place->path);
        pid_t pids[MANY];

        for (int i = 0; i < MANY; i++) {
                autofree char *name = bk_format("bake-%02d", i);

                pids[i] = bk_fork();
                if (pids[i] == 0)
                        _exit(note_bake(place->path, name));
        }
        for (int i = 0; i < MANY; i++)
                assert_int_equal(bk_wait(pids[i], 60000), 0);
        for (int i = 0; i < MANY; i++) {
                autofree char *name = bk_format("bake-%02d", i);

                assert_true(says(place->path, name));
        }
        assert_false(bk_exists(lock));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(whoever_waited_for_a_lock_that_went_waits_for_the_next, folder_set_up, folder_tear_down),
                cmocka_unit_test_setup_teardown(many_at_once_are_all_in_it, folder_set_up, folder_tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
