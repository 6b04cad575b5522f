/* Screens of text: text memory, printing, comparing. */
#include "tests/unit/test.h"

#include "boot/screen.h"

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
        autofree char *text = boot_screen_text(&screen, false, NULL);

        assert_string_equal(text, "\n  café │☺█\n");
        assert_int_equal(boot_screen_unknown(&screen), 0);
        boot_screen_done(&screen);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_memory_is_read),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
