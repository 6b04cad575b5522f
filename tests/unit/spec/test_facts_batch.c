/* Round trips are what costs: all that is noted comes in one, as far as it fits. */
#include "tests/unit/spec/facts_fixture.h"

static void lines_tell_status_output_and_messages(void **state)
{
        static const struct { const char *line; int status; const char *out, *err; size_t length; } rows[] = {
                { "echo hello", 0, "hello\n", "", 6 },
                { "printf 'no newline'", 0, "no newline", "", 10 },
                { "printf 'a\\0b\\n\\n'", 0, "a\0b\n\n", "", 5 },
                { "echo out; echo bad >&2; exit 3", 3, "out\n", "bad\n", 4 },
                { "printf 'a|b|0' >&2; false", 1, "", "a|b|0", 0 },
                { "kill -9 $$", 137, "", NULL, 0 },
                { "cat", 0, "", "", 0 },                        /* its input is empty: not the script */
                { "echo \"it's\" 'quoted'\necho two", 0, "it's quoted\ntwo\n", "", 16 },
                { "exit 255", 255, "", "", 0 },
                { "echo $((", 2, "", NULL, 0 },
                { "no-such-program-here", 127, "", NULL, 0 },
                { "true", 0, "", "", 0 },
        };
        struct guest guest = { .shell = { "/bin/sh" } };
        struct spec_facts *facts = facts_of(&guest);
        struct bk_error err = { 0 };
        const struct spec_output *output = NULL;

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                spec_facts_want_line(facts, rows[i].line);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                print_message("# %s\n", rows[i].line);
                assert_ok(spec_facts_line(facts, rows[i].line, &output, &err), err);
                assert_int_equal(output->status, rows[i].status);
                assert_int_equal(output->out_len, rows[i].length);
                assert_memory_equal(output->out, rows[i].out, rows[i].length + 1);
                if (rows[i].err != NULL)
                        assert_string_equal(output->err, rows[i].err);
                else
                        assert_true(output->err_len > 0);
        }
        assert_int_equal(guest.runs, 1);
        assert_ok(spec_facts_line(facts, "echo late", &output, &err), err);
        assert_string_equal(output->out, "late\n");
        assert_int_equal(guest.runs, 2);
        spec_facts_free(facts);
        guest_done(&guest);
}

/* A path that is not there, links that chain, and lines, among 1,000 paths: one round trip. */
static void a_thousand_paths_are_one_run(void **state)
{
        struct guest guest = { .shell = { "/bin/sh" } };
        struct spec_files asked = { .root_fd = -1, .facts = facts_of(&guest) };
        const struct spec_output *output;
        struct bk_error err = { 0 };
        struct tree tree;
        int64_t begun;

        (void)state;
        tree_make(&tree, false);
        put_folder(&tree, "/real", 0755);
        put_link(&tree, "/also", "/real");
        for (int i = 0; i < 1000; i++) {
                autofree char *name = bk_format("/real/%d", i), *through = bk_format("/also/%d", i), *before = bk_format("%d", i - 1);
                autofree char *path = NULL;

                if (i % 5 == 4)
                        put_link(&tree, name, before);
                else if (i % 5 != 3)
                        put(&tree, name, name, strlen(name));
                path = on_host(&tree, i % 2 ? name : through);
                spec_facts_want_path(asked.facts, path);
        }
        spec_facts_want_line(asked.facts, "echo hello");
        begun = bk_now_ms();
        assert_ok(spec_facts_fetch(asked.facts, &err), err);
        print_message("# 1,000 paths: %d ms, %zu bytes came\n", (int)(bk_now_ms() - begun), guest.last_len);
        assert_int_equal(guest.runs, 1);
        for (int i = 0; i < 1000; i++) {
                autofree char *name = bk_format("/real/%d", i), *through = bk_format("/also/%d", i), *text = NULL;
                autofree char *path = on_host(&tree, i % 2 ? name : through), *to = bk_format("/real/%d", i % 5 == 4 ? i - 1 : i);
                size_t length;
                const int there = spec_files_read(&asked, path, 100, &text, &length, &err);

                assert_int_equal(there, i % 5 < 3);             /* the links lead to what is not there */
                if (there)
                        assert_string_equal(text, to);
        }
        assert_ok(spec_facts_line(asked.facts, "echo hello", &output, &err), err);
        assert_int_equal(guest.runs, 1);
        spec_facts_free(asked.facts);
        guest_done(&guest);
        tree_done(&tree);
}

/* 40 MB in files that are small each do not come in one batch, but in few. */
static void contents_come_in_batches_that_fit(void **state)
{
        enum { FILES = 200, SIZE = 200 << 10 };
        struct guest guest = { .shell = { "/bin/sh" } };
        struct spec_files asked = { .root_fd = -1, .facts = facts_of(&guest) };
        autofree char *bytes = bk_alloc(SIZE);
        struct bk_error err = { 0 };
        struct tree tree;

        (void)state;
        tree_make(&tree, false);
        for (int i = 0; i < FILES; i++) {
                autofree char *name = bk_format("/%d", i), *path = on_host(&tree, name);

                bytes[i] = 1;
                put(&tree, name, bytes, SIZE);
                bytes[i] = 0;
                spec_facts_want_path(asked.facts, path);
        }
        assert_ok(spec_facts_fetch(asked.facts, &err), err);
        assert_int_equal(guest.runs, 1);
        assert_true(guest.last_len < 32 << 20);
        for (int i = 0; i < FILES; i++) {
                autofree char *name = bk_format("/%d", i), *path = on_host(&tree, name), *text = NULL;
                size_t length;

                assert_int_equal(spec_files_read(&asked, path, SIZE, &text, &length, &err), 1);
                assert_int_equal(length, SIZE);
                assert_int_equal(text[i], 1);
        }
        assert_int_equal(guest.runs, 2);
        spec_facts_free(asked.facts);
        guest_done(&guest);
        tree_done(&tree);
}

static void what_changed_is_seen_when_answers_are_forgotten(void **state)
{
        struct guest guest = { .shell = { "/bin/sh" } };
        struct spec_files asked = { .root_fd = -1, .facts = facts_of(&guest) };
        struct bk_error err = { 0 };
        struct tree tree;

        (void)state;
        tree_make(&tree, false);
        put(&tree, "/f", "before", 6);
        autofree char *path = on_host(&tree, "/f"), *line = bk_format("cat '%s'", path), *one = NULL, *two = NULL, *three = NULL;
        const struct spec_output *output = NULL;

        assert_int_equal(spec_files_read(&asked, path, 100, &one, NULL, &err), 1);
        assert_ok(spec_facts_line(asked.facts, line, &output, &err), err);
        put(&tree, "/f", "after", 5);
        assert_int_equal(spec_files_read(&asked, path, 100, &two, NULL, &err), 1);
        assert_string_equal(two, "before");
        spec_facts_forget(asked.facts);
        assert_int_equal(spec_files_read(&asked, path, 100, &three, NULL, &err), 1);
        assert_string_equal(three, "after");
        assert_ok(spec_facts_line(asked.facts, line, &output, &err), err);
        assert_string_equal(output->out, "after");
        spec_facts_free(asked.facts);
        guest_done(&guest);
        tree_done(&tree);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_tell_status_output_and_messages),
                cmocka_unit_test(a_thousand_paths_are_one_run),
                cmocka_unit_test(contents_come_in_batches_that_fit),
                cmocka_unit_test(what_changed_is_seen_when_answers_are_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
