/* Two folders are compared as two images' roots are: every kind of difference is named once, and nothing else. */
#include "tests/unit/folder.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "bakery/cmd/diff_files.h"
#include "lib/mem.h"
#include "lib/run.h"

static void shell(const struct folder *folder, const char *script)
{
        const char *const argv[] = { "/bin/sh", "-ec", script, "sh", folder->path, NULL };
        struct bk_error err = { 0 };

        assert_ok(bk_run(argv, 60000, NULL, &err), err);
}

static char *compared(const struct folder *folder)
{
        autofree char *a = bk_format("%s/a", folder->path), *b = bk_format("%s/b", folder->path);
        autoclose int from = open(a, O_RDONLY | O_DIRECTORY | O_CLOEXEC), to = open(b, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct bk_error err = { 0 };
        json_t *diff = NULL;
        char *text;

        assert_ok(cmd_diff_folders(from, to, &diff, &err), err);
        text = json_dumps(diff, JSON_SORT_KEYS | JSON_COMPACT);
        json_decref(diff);
        return text;
}

static const struct { const char *why, *script, *says; } rows[] = {
        { "nothing", "true", "{\"added\":[],\"changed\":[],\"removed\":[],\"truncated\":false}" },
        { "a file that came", "echo >b/new", "\"added\":[\"/new\"]" },
        { "a file that left", "echo >a/old", "\"removed\":[\"/old\"]" },
        { "a folder that came is one entry", "mkdir b/d; echo >b/d/1; echo >b/d/2", "\"added\":[\"/d/\"]" },
        { "content of another size", "echo 1 >a/f; echo 12 >b/f", "\"changed\":[{\"path\":\"/f\",\"what\":[\"content\"]}]" },
        { "content of the same size and times", "echo 1 >a/f; echo 2 >b/f; touch -d @1 a/f b/f",
          "\"changed\":[{\"path\":\"/f\",\"what\":[\"content\"]}]" },
        { "the same content at other times", "echo 1 >a/f; echo 1 >b/f; touch -d @1 a/f", "\"changed\":[]" },
        { "the last byte of a large file", "head -c 400000 /dev/zero >a/f; head -c 399999 /dev/zero >b/f; printf x >>b/f", "\"what\":[\"content\"]" },
        { "a mode", "echo >a/f; echo >b/f; chmod 600 a/f; chmod 4755 b/f", "\"what\":[\"mode\"]" },
        { "a type", "echo >a/f; mkdir b/f", "\"changed\":[{\"path\":\"/f\",\"what\":[\"type\"]}]" },
        { "a link's target", "ln -s x a/l; ln -s y b/l", "\"changed\":[{\"path\":\"/l\",\"what\":[\"target\"]}]" },
        { "links are not followed", "ln -s / a/l; ln -s / b/l; ln -s . a/m; ln -s . b/m", "\"changed\":[]" },
        { "a pipe is not read", "mkfifo a/p b/p", "\"changed\":[]" },
        { "deep inside", "mkdir -p a/x/y/z b/x/y/z; echo 1 >a/x/y/z/f; echo 22 >b/x/y/z/f; echo >b/x/g",
          "\"added\":[\"/x/g\"],\"changed\":[{\"path\":\"/x/y/z/f\",\"what\":[\"content\"]}]" },
        { "order of names", "echo >b/a-1; mkdir b/a; echo >b/a.c", "\"added\":[\"/a/\",\"/a-1\",\"/a.c\"]" },
        { "a name that is no text", "printf 1 >\"b/$(printf 'x\\377')\"", "\"added\":[\"/x?\"]" },
};

static void differences_are_named(void **state)
{
        struct folder *folder = *state;

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *script = bk_format("umask 022; cd \"$1\"; rm -rf a b; mkdir a b; %s", rows[i].script), *text = NULL;

                print_message("# %s\n", rows[i].why);
                shell(folder, script);
                text = compared(folder);
                if (strstr(text, rows[i].says) == NULL)
                        fail_msg("%s", text);
        }
}

static void owners_and_devices(void **state)
{
        struct folder *folder = *state;
        autofree char *text = NULL;

        need("root");
        shell(folder, "cd \"$1\"; rm -rf a b; mkdir a b; echo >a/f; echo >b/f; chown 7:8 b/f; mknod a/n c 1 3; mknod b/n c 1 5");
        text = compared(folder);
        assert_non_null(strstr(text, "{\"path\":\"/f\",\"what\":[\"owner\"]}"));
        assert_non_null(strstr(text, "{\"path\":\"/n\",\"what\":[\"device\"]}"));
}

static void a_tree_without_a_bottom_is_refused(void **state)
{
        struct folder *folder = *state;
        autofree char *a = bk_format("%s/a", folder->path), *b = bk_format("%s/b", folder->path);
        struct bk_error err = { 0 };
        json_t *diff = NULL;

        shell(folder, "cd \"$1\"; rm -rf a b; for t in a b; do mkdir $t; "
                      "(cd $t; i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done); done");
        autoclose int from = open(a, O_RDONLY | O_DIRECTORY | O_CLOEXEC), to = open(b, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_fails_with(cmd_diff_folders(from, to, &diff, &err), err, BK_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(differences_are_named),
                cmocka_unit_test(owners_and_devices),
                cmocka_unit_test(a_tree_without_a_bottom_is_refused),
        };

        return cmocka_run_group_tests(tests, folder_set_up, folder_tear_down);
}
