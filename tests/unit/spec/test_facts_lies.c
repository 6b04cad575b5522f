/* A guest may answer anything: cut off, garbled, without end. Nothing of it is more than an error. */
#include "tests/unit/spec/facts_fixture.h"

/* Answers with bytes that were made before: the tokens in them are exchanged for this batch's. */
struct liar { const char *bytes; size_t length; char boundary[33], separator[33]; unsigned runs; };

static void exchange(char *bytes, size_t length, const char *from, const char *to)
{
        for (char *at = bytes; (at = memmem(at, (size_t)(bytes + length - at), from, strlen(from))) != NULL;)
                memcpy(at, to, strlen(to));
}

static int lie(void *arg, const char *line, const char *input, struct spec_output *ret, struct bk_error *err)
{
        struct liar *liar = arg;
        char boundary[33] = "", separator[33] = "";

        (void)line, (void)err;
        liar->runs++;
        assert_int_equal(sscanf(input, "B=%32s S=%32s", boundary, separator), 2);
        *ret = (struct spec_output){ .out = bk_alloc(liar->length + 1), .err = bk_strdup(""), .out_len = liar->length };
        memcpy(ret->out, liar->bytes, liar->length);
        exchange(ret->out, ret->out_len, liar->boundary, boundary);
        exchange(ret->out, ret->out_len, liar->separator, separator);
        return 0;
}

static int ask_liar(struct liar *liar, const char *path, char **ret)
{
        const struct spec_facts_source source = { lie, liar };
        struct spec_files asked = { .root_fd = -1, .facts = spec_facts_new(&source) };
        const struct spec_output *output;
        autostrv struct bk_strv list = { 0 };
        struct bk_error err = { 0 };
        struct stat st;
        autofree char *link = NULL;
        int there;

        liar->runs = 0;
        spec_facts_want_path(asked.facts, path);
        spec_facts_want_line(asked.facts, "echo hello");
        there = spec_files_read(&asked, path, 100, ret, NULL, &err);
        (void)(spec_files_stat(&asked, path, true, &st, &err) + spec_files_list(&asked, path, &list, &err) +
               spec_files_link(&asked, path, &link, &err) + spec_facts_line(asked.facts, "echo hello", &output, &err));
        if (liar->runs > 100)
                fail_msg("a guest was asked %u times", liar->runs);
        spec_facts_free(asked.facts);
        return there;
}

static void broken_answers_are_errors(void **state)
{
        static const char bytes[] = { '\0', 'A', 'Z', '/', '9', '|', '\n', (char)0xff };
        struct guest guest = { .shell = { "/bin/sh" } };
        const struct spec_facts_source source = { run_shell, &guest };
        struct spec_facts *facts = spec_facts_new(&source);
        struct bk_error err = { 0 };
        struct liar liar = { 0 };
        struct tree tree;
        char *text = NULL;

        (void)state;
        tree_make(&tree, false);
        put(&tree, "/regular", "hello", 5);
        put_link(&tree, "/link", "regular");
        autofree char *path = on_host(&tree, "/link");

        spec_facts_want_path(facts, path);
        spec_facts_want_path(facts, tree.folder);
        spec_facts_want_line(facts, "echo hello");
        assert_ok(spec_facts_fetch(facts, &err), err);
        assert_int_equal(sscanf(guest.first_line, "B=%32s S=%32s", liar.boundary, liar.separator), 2);
        liar.bytes = guest.last;
        liar.length = guest.last_len;
        assert_int_equal(ask_liar(&liar, path, &text), 1);      /* whole, it is believed */
        assert_string_equal(text, "hello");
        free(text);
        for (liar.length = 0; liar.length < guest.last_len; liar.length++) {
                text = NULL;
                assert_int_equal(ask_liar(&liar, path, &text), -1);
        }
        for (size_t i = 0; i < guest.last_len; i++)
                for (size_t b = 0; b < sizeof bytes; b++) {
                        autofree char *broken = bk_alloc(guest.last_len);

                        memcpy(broken, guest.last, guest.last_len);
                        broken[i] = bytes[b];
                        liar.bytes = broken;
                        text = NULL;
                        (void)ask_liar(&liar, path, &text);
                        free(text);
                }
        spec_facts_free(facts);
        guest_done(&guest);
        tree_done(&tree);
}

/* "B" stands for the boundary, "S" for the separator. */
static void lies_are_errors(void **state)
{
#define B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define S "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS"
#define STAT(numbers) B "Y" numbers " /x" S "\n" B "W" B "C/x" B "Dlie" B "E0 262144" B "Z"
#define GOOD "81a4 3 0 0 1 5 6 0 0 8 4096 1 2 3"
        static const struct { const char *why, *text; int there; } rows[] = {
                { "as it should be", STAT(GOOD), 1 },
                { "a greeting before it", "Welcome!\n\n" STAT(GOOD), 1 },
                { "nothing", "", -1 },
                { "only its end", B "Z", -1 },
                { "an end too early", B "Z" STAT(GOOD), -1 },
                { "an unknown kind", STAT("01a4 3 0 0 1 5 6 0 0 8 4096 1 2 3"), -1 },
                { "a mode that is too large", STAT("fffff81a4 3 0 0 1 5 6 0 0 8 4096 1 2 3"), -1 },
                { "a size without end", STAT("81a4 99999999999999999999999 0 0 1 5 6 0 0 8 4096 1 2 3"), -1 },
                { "a size below nothing", STAT("81a4 -3 0 0 1 5 6 0 0 8 4096 1 2 3"), -1 },
                { "a uid that is none", STAT("81a4 3 4294967296 0 1 5 6 0 0 8 4096 1 2 3"), -1 },
                { "too few numbers", STAT("81a4 3 0 0 1 5 6"), -1 },
                { "words", STAT("much ado about nothing"), -1 },
                { "a time before 1970", STAT("81a4 3 0 0 1 5 6 0 0 8 4096 -1 -2 -3"), 1 },
                { "a listing", B "Yl5 7 -rw-r--r-- 1 0 0 3 Jan 1 1970 /x" S "/x" S "\n" B "W" B "C/x" B "Dlie" B "E0 262144" B "Z", 1 },
                { "a listing of a device without its number", B "Yl5 7 brw-r--r-- 1 0 0 3 Jan 1 1970 /x" S "/x" S "\n" B "W" B "Z", -1 },
                { "a listing with a strange mode", B "Yl5 7 -rw-r--rq- 1 0 0 3 Jan 1 1970 /x" S "/x" S "\n" B "W" B "Z", -1 },
                { "a stat without its path", B "Y" GOOD B "W" B "Z", -1 },
                { "a stat of no path", B "Y" GOOD " x" S "\n" B "W" B "Z", -1 },
                { "a content that could not be read", B "Y" GOOD " /x" S "\n" B "W" B "C/x" B "Dlie" B "E1 262144" B "Z", -1 },
                { "a content with a strange end", B "Y" GOOD " /x" S "\n" B "W" B "C/x" B "Dlie" B "Enough" B "Z", -1 },
                { "a content above its limit", B "Y" GOOD " /x" S "\n" B "W" B "C/x" B "Dlie" B "E0 2" B "Z", -1 },
                { "an end without a content", B "Y" GOOD " /x" S "\n" B "W" B "E0 2" B "Z", -1 },
                { "a content without its file", B "Y" GOOD " /x" S "\n" B "W" B "Dlie" B "E0 262144" B "Z", -1 },
                { "always later", B "Y" GOOD " /x" S "\n" B "W" B "K/x" B "Rlater" B "Z", -1 },
                { "always large", B "Y" GOOD " /x" S "\n" B "W" B "K/x" B "Rlarge" B "Z", -1 },
                { "never for a good reason", B "Y" GOOD " /x" S "\n" B "W" B "K/x" B "Rsomething" B "Z", -1 },
                { "a link without a target", B "L/x" B "T" B "Ya1ff 3 0 0 1 5 6 0 0 8 4096 1 2 3 /x" S "\n" B "W" B "Z", -1 },
                { "a link to itself", B "L/x" B "T/x" B "Ya1ff 3 0 0 1 5 6 0 0 8 4096 1 2 3 /x" S "\n" B "W" B "Z", 0 },
                { "a link that never comes", B "Ya1ff 3 0 0 1 5 6 0 0 8 4096 1 2 3 /x" S "\n" B "W" B "Z", -1 },
                { "names with slashes", B "Y41ed 3 0 0 1 5 6 0 0 8 4096 1 2 3 /x" S "\n" B "W" B "F/x" B "Ma/b" B "E0" B "Z", -1 },
                { "absent", B "A/x" B "Y" B "Wstat: cannot statx '/x': No such file or directory" B "Z", 0 },
                { "absent and denied", B "A/x" B "Y" B "Wstat: cannot statx '/x': Permission denied" B "Z", -1 },
                { "a line that nobody asked for", B "Q7" B "Ohello" B "X|0" B "Z", -1 },
                { "a line below the first", B "Q-1" B "Ohello" B "X|0" B "Z", -1 },
                { "a line that ends strangely", B "Q0" B "Ohello" B "X|999" B "Z", -1 },
                { "a line that does not end", B "Q0" B "Ohello" B "Xmessage" B "Z", -1 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                struct liar liar = { .bytes = rows[i].text, .length = strlen(rows[i].text), .boundary = B, .separator = S };
                autofree char *text = NULL;

                print_message("# %s\n", rows[i].why);
                assert_int_equal(ask_liar(&liar, "/x", &text), rows[i].there);
                if (rows[i].there > 0)
                        assert_string_equal(text, "lie");
        }
}

static void lies_without_end_are_errors(void **state)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf links = { 0 }, absent = { 0 }, lines = { 0 };
        struct liar liar = { .boundary = B, .separator = S };
        char *text = NULL;

        (void)state;
        for (int i = 0; i < 110000; i++)                        /* more files than are remembered */
                bk_buf_printf(&links, B "L/%d" B "Tx", i);
        for (int i = 0; i < 1000; i++)
                bk_buf_printf(&absent, B "A/%d", i);
        for (int i = 0; i < 200000; i++)
                bk_buf_puts(&lines, "stat: /x: Strange\n");
        for (int i = 0; i < 3; i++) {
                autofree char *all = i == 0 ? bk_format("%s" B "Z", links.data) : i == 1
                                            ? bk_format("%s" B "Y" B "W%s" B "Z", absent.data, lines.data)
                                            : bk_format(B "A/x" B "Y" B "W%s" B "Z", lines.data);
                const int64_t begun = bk_now_ms();

                liar.bytes = all;
                liar.length = strlen(all);
                assert_int_equal(ask_liar(&liar, "/x", &text), -1);
                assert_true(bk_now_ms() - begun < 20000);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(broken_answers_are_errors),
                cmocka_unit_test(lies_are_errors),
                cmocka_unit_test(lies_without_end_are_errors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
