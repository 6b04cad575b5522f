/* Screens of text: text memory, printing, comparing. */
#include "tests/unit/test.h"

#include "boot/match.h"
#include "lib/fs.h"

/* 80 by 25 blanks, with text at one place. */
static void fill(unsigned char memory[static 4000], unsigned column, unsigned row, const char *text, unsigned char attribute)
{
        for (size_t i = 0; i < 4000; i += 2)
                memory[i] = ' ', memory[i + 1] = 7;
        for (size_t i = 0; text[i] != '\0'; i++) {
                memory[(row * 80 + column + i) * 2] = (unsigned char)text[i];
                memory[(row * 80 + column + i) * 2 + 1] = attribute;
        }
}

static void text_memory_is_read(void **state)
{
        unsigned char memory[4000];
        struct boot_screen screen = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        fill(memory, 2, 1, "caf\x82 \xb3\x01\xdb", 7);
        assert_ok(boot_screen_from_text(memory, sizeof memory, 80, 25, 0, &screen, &err), err);
        autofree char *text = boot_screen_text(&screen, BOOT_ROWS, NULL);

        assert_string_equal(text, "\n  café │☺█\n");
        assert_int_equal(boot_screen_unknown(&screen), 0);
        boot_screen_done(&screen);
}


static void start_address_scrolls_and_wraps(void **state)
{
        autofree unsigned char *memory = bk_alloc(32768);
        struct boot_screen screen = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        memcpy(memory + (80 * 3 + 1) * 2, "o\7k\7", 4);        /* row 3 */
        memcpy(memory, "e\7n\7d\7", 6);                         /* the card's memory starts again */
        assert_ok(boot_screen_from_text(memory, 32768, 80, 25, 80 * 3, &screen, &err), err);
        assert_int_equal(screen.codes[1], 'o');
        boot_screen_done(&screen);
        assert_ok(boot_screen_from_text(memory, 32768, 80, 25, 16384 - 80, &screen, &err), err);
        autofree char *text = boot_screen_text(&screen, BOOT_ROWS, NULL);

        assert_string_equal(text, "\nend\n\n\n ok\n");
        boot_screen_done(&screen);
}

static const struct { const char *why; size_t length; unsigned columns, rows, start; } no_memory[] = {
        { "no columns", 4000, 0, 25, 0 },
        { "too short", 3999, 80, 25, 0 },
        { "starts too late", 4000, 80, 25, 1 },
        { "starts far too late", 4000, 80, 25, 4000000000U },
        { "huge", 32768, 4000000000U, 4000000000U, 0 },
        { "more than a card has", 40000, 80, 25, 0 },
        { "empty", 0, 80, 25, 0 },
};

static void lies_about_text_memory_are_invalid(void **state)
{
        autofree unsigned char *memory = bk_alloc(40000);

        (void)state;
        for (size_t i = 0; i < sizeof no_memory / sizeof *no_memory; i++) {
                struct boot_screen screen = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", no_memory[i].why);
                assert_fails_with(boot_screen_from_text(memory, no_memory[i].length, no_memory[i].columns, no_memory[i].rows,
                                                        no_memory[i].start, &screen, &err), err, BK_INVALID);
                assert_null(screen.codes);
        }
}

static void hidden_ink_is_blank(void **state)
{
        unsigned char memory[4000];
        struct boot_screen screen = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        fill(memory, 0, 0, "secret", 0x11);
        assert_ok(boot_screen_from_text(memory, sizeof memory, 80, 25, 0, &screen, &err), err);
        autofree char *text = boot_screen_text(&screen, BOOT_ROWS, NULL);

        assert_string_equal(text, "");
        boot_screen_done(&screen);
}

/* Rows of a screen ten columns wide; '?' is an unknown cell. */
static void type(struct boot_screen *screen, const char *const rows[], size_t n)
{
        boot_screen_init(screen, 10, (unsigned)n);
        for (size_t row = 0; row < n; row++)
                for (size_t i = 0; rows[row][i] != '\0'; i++)
                        screen->codes[row * 10 + i] = rows[row][i] == '?' ? BOOT_UNKNOWN : (unsigned char)rows[row][i];
}

static const char *const shown[] = { "Booting..", "login: x", "a long lin", "e goes on", "pass?ord:", "??????????", "v1.2 [ok]" };

static const struct { const char *pattern; bool regex, found; unsigned column, row; } looked_for[] = {
        { "login:", false, true, 0, 1 },
        { "Login:", false, false, 0, 0 },
        { "goes on ", false, true, 2, 3 },              /* the row ends before the blank */
        { "login: x $", true, false, 0, 0 },
        { "n: x", false, true, 4, 1 },
        { "line goes", false, true, 7, 2 },             /* across the edge */
        { "password:", false, true, 0, 4 },             /* one cell unknown */
        { "pass1ord:", false, true, 0, 4 },
        { "passwOrd;", false, false, 0, 0 },
        { "anything", false, false, 0, 0 },             /* a row of unknown cells proves nothing */
        { "v1.2 [ok]", false, true, 0, 6 },             /* no meaning in dots and brackets */
        { "v1x2", false, false, 0, 0 },
        { "log.n:", true, true, 0, 1 },
        { "^login: \\w$", true, true, 0, 1 },
        { "^ogin", true, false, 0, 0 },
        { "(?i)LOGIN:", true, true, 0, 1 },
        { "pass[a-z]ord:$", true, true, 0, 4 },
        { "pass\\word", true, true, 0, 4 },
        { "pass(?<x>w|v)(or|OR)d{1,2}:", true, true, 0, 4 },
        { "pas{2}(?:w)ord", true, true, 0, 4 },
        { "\\bpass", true, true, 0, 4 },
        { "[[:alpha:]&&[^xyz]]ord", true, true, 4, 4 },
        { "[\\]a-z]ord\\x3a", true, true, 4, 4 },
        { "\\d{3}", true, false, 0, 0 },
        { "(?=v)v\\d\\.\\d \\[ok\\]", true, true, 0, 6 },
        { "x*\\z", true, true, 0, 0 },
};

static void patterns_match_and_do_not(void **state)
{
        struct boot_screen screen = { 0 };

        (void)state;
        type(&screen, shown, sizeof shown / sizeof *shown);
        for (size_t i = 0; i < sizeof looked_for / sizeof *looked_for; i++) {
                BK_CLEANUP(boot_pattern_done) struct boot_pattern pattern = { 0 };
                struct boot_place place = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", looked_for[i].pattern);
                assert_ok((looked_for[i].regex ? boot_pattern_regex : boot_pattern_text)(looked_for[i].pattern, &pattern, &err), err);
                assert_ok(boot_pattern_find(&pattern, &screen, &place, &err), err);
                assert_int_equal(place.found, looked_for[i].found);
                assert_int_equal(place.column, looked_for[i].column);
                assert_int_equal(place.row, looked_for[i].row);
        }
        boot_screen_done(&screen);
}

static void bad_patterns_are_invalid(void **state)
{
        static const char *const bad[] = { "", "(", "[a", "a**{", "\\", "*", "\xff", "(?<n", "\\x{110000000}", "[]", "(?" };
        unsigned refused = 0;

        (void)state;
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                BK_CLEANUP(boot_pattern_done) struct boot_pattern pattern = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", bad[i]);
                if (boot_pattern_regex(bad[i], &pattern, &err) == 0) {
                        print_message("#   is fine with Oniguruma\n");
                        continue;
                }
                refused++;
                assert_int_equal(err.kind, BK_INVALID);
                assert_true(err.text[0] != '\0');
        }
        assert_int_equal(refused, 10);
}

/* Backtracking without end, and screens where everything may match: an answer, or none, within seconds. */
static void endless_searches_give_up(void **state)
{
        static const char *const endless[] = { "(a|aa)+$b", "(?m:.*.*.*)login:", "(a*)*b", "[ab]*[bc]*[cd]*(?m:.)*xyz" };

        (void)state;
        for (size_t i = 0; i < sizeof endless / sizeof *endless * 2; i++) {
                BK_CLEANUP(boot_pattern_done) struct boot_pattern pattern = { 0 };
                BK_CLEANUP(boot_screen_done) struct boot_screen screen = { 0 };
                struct boot_place place = { 0 };
                struct bk_error err = { 0 };
                const int64_t from = bk_now_ms();

                boot_screen_init(&screen, 160, 50);
                for (size_t at = 0; at < 8000; at++)
                        screen.codes[at] = i & 1 ? BOOT_UNKNOWN : 'a';
                assert_ok(boot_pattern_regex(endless[i / 2], &pattern, &err), err);
                if (boot_pattern_find(&pattern, &screen, &place, &err) != 0)
                        assert_int_equal(err.kind, BK_TIMEOUT);
                assert_false(place.found);
                print_message("# /%s/ %d ms%s\n", endless[i / 2], (int)(bk_now_ms() - from), err.kind == BK_TIMEOUT ? ", gave up" : "");
                assert_true(bk_now_ms() - from < 10000);
        }
}

static void changes_are_counted(void **state)
{
        static const char *const before[] = { "one", "two" }, *const after[] = { "one_", "two" }, *const later[] = { "one", "tow" };
        struct boot_screen a, b, c;

        (void)state;
        type(&a, before, 2);
        type(&b, after, 2);
        type(&c, later, 2);
        assert_int_equal(boot_screen_changes(&a, &a), 0);
        assert_int_equal(boot_screen_changes(&a, &b), 1);
        assert_int_equal(boot_screen_changes(&a, &c), 2);
        assert_true(boot_screen_still(&a, &a));
        assert_false(boot_screen_still(&a, &b));                /* text memory has no cursor in it */
        a.drawn = b.drawn = c.drawn = true;
        assert_true(boot_screen_still(&a, &b));                 /* pictures have */
        assert_false(boot_screen_still(&a, &c));
        b.looks[12] = 7;                                        /* a bar that moved */
        assert_int_equal(boot_screen_changes(&a, &b), 2);
        boot_screen_done(&c);
        type(&c, before, 1);
        assert_int_equal(boot_screen_changes(&a, &c), 20);
        boot_screen_done(&a);
        boot_screen_done(&b);
        boot_screen_done(&c);
}

static void dump_is_for_people(void **state)
{
        BK_CLEANUP(boot_screen_done) struct boot_screen screen = { 0 };

        (void)state;
        type(&screen, (const char *const[]){ "ab?", "", "c", "" }, 4);
        autofree char *dump = boot_screen_dump(&screen);

        assert_string_equal(dump, "screen of 10x4 characters, 1 not known\n| ab\xef\xbf\xbd\n| \n| c\n");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_memory_is_read),
                cmocka_unit_test(start_address_scrolls_and_wraps),
                cmocka_unit_test(lies_about_text_memory_are_invalid),
                cmocka_unit_test(hidden_ink_is_blank),
                cmocka_unit_test(patterns_match_and_do_not),
                cmocka_unit_test(bad_patterns_are_invalid),
                cmocka_unit_test(endless_searches_give_up),
                cmocka_unit_test(changes_are_counted),
                cmocka_unit_test(dump_is_for_people),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
