/* What is pressed on the keyboard, by layout. */
#include "tests/unit/test.h"

#include "boot/boot.h"
#include "lib/buf.h"

/* "29+56+111" a chord, "@5000" behind one that is held for so long. */
static char *play(const char *text, const char *layout)
{
        BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
        BK_CLEANUP(boot_chords_done) struct boot_chords chords = { 0 };
        struct bk_error err = { 0 };
        struct bk_buf buf = { 0 };

        assert_ok(boot_parse(text, &command, &err), err);
        assert_ok(boot_chords_of(&command, layout, &chords, &err), err);
        for (size_t i = 0; i < chords.n; i++) {
                assert_true(chords.v[i].event < command.n);
                assert_true(i == 0 || chords.v[i].event >= chords.v[i - 1].event);
                for (unsigned k = 0; k < chords.v[i].n; k++)
                        bk_buf_printf(&buf, "%s%u", k ? "+" : i ? " " : "", chords.v[i].codes[k]);
                if (chords.v[i].hold_ms != 0)
                        bk_buf_printf(&buf, "@%lld", (long long)chords.v[i].hold_ms);
        }
        return bk_buf_finish(&buf);
}

static const struct { const char *layout, *text, *chords; } table[] = {
        { NULL, "", "" },
        { NULL, "az09", "30 44 11 10" },
        { "us", "AZ!)", "42+30 42+44 42+2 42+11" },
        { "us", "`~-_=+[{]}\\|", "41 42+41 12 42+12 13 42+13 26 42+26 27 42+27 43 42+43" },
        { "us", ";:'\",<.>/? ", "39 42+39 40 42+40 51 42+51 52 42+52 53 42+53 57" },
        { "us", "<bs><tab><enter><return><esc><del><spacebar>", "14 15 28 28 1 111 57" },
        { "us", "<f1><f2><f3><f4><f5><f6><f7><f8><f9><f10><f11><f12>", "59 60 61 62 63 64 65 66 67 68 87 88" },
        { "us", "<up><down><left><right><insert><home><end><pageUp><pageDown><menu>", "103 108 105 106 110 102 107 104 109 127" },
        { "us", "<leftAlt><rightAlt><leftCtrl><rightCtrl><leftShift><rightShift>", "56 100 29 97 42 54" },
        { "us", "<leftSuper><rightSuper><leftCommand><rightCommand><leftOption><rightOption>", "125 126 56 100 125 126" },
        { "us", "<foo>", "42+51 33 24 24 42+52" },
        /* held keys */
        { "us", "<leftCtrlOn><leftAltOn><del><leftAltOff><leftCtrlOff>", "29+56+111" },
        { "us", "<leftCtrlOn><leftAltOn><f2><leftAltOff><leftCtrlOff>x", "29+56+60 45" },
        { "us", "<leftCtrlOn>ab<leftCtrlOff>a", "29+30 29+48 30" },
        { "us", "<leftShiftOn>a<leftShiftOff>b", "42+30 48" },
        { "us", "<leftSuperOn><leftSuperOff>", "125" },
        { "us", "<f12On><wait5><f12Off>a", "88@5000 30" },
        { "us", "<f12On><wait \"x\" 2s><wait1><f12Off>", "88@3000" },
        { "us", "<wait3><f12On><wait><f12Off><wait>", "88@1000" },
        { "us", "<f12On><wait2>", "88@2000" },
        { "us", "<f12On><wait2>a<wait2><f12Off>", "88+30" },
        { "us", "<leftCtrlOn><leftShiftOn><leftShiftOff><leftCtrlOff>", "29+42" },
        { "us", "<aOn><bOn><wait1><aOff><bOff>", "30+48@1000" },
        { "us", "<AOn><AOff>", "42+30" },
        { "us", "<AOn><wait1><AOff>b", "42+30@1000 48" },
        { "us", "<aOn><aOn>b<aOff>b", "30+48 48" },
        { "us", "<aOn>a<aOff>", "30" },
        { "us", "<aOff>b", "48" },
        { "us", "<leftCtrlOn>a", "29+30" },
        /* upper case lets go of a held Shift, as Packer's does; lower case does not */
        { "us", "<leftShiftOn>aBc<leftShiftOff>", "42+30 42+48 46" },
        { "us", "<rightShiftOn>aBc<rightShiftOff>", "54+30 54+42+48 54+46" },
        /* what QEMU knows no key for */
        { "us", "a\n\t\x7f\xc2\x85" "b", "30 48" },
        { "de", "yzYZ-_#'<>|@{}[]\\~", "44 21 42+44 42+21 53 42+53 43 42+43 86 42+86 100+86 100+16 100+8 100+11 100+9 100+10 100+12 100+27" },
        { "de", "\u00e4\u00d6\u00df\u20ac", "40 42+39 12 100+18" },
        { "de", "^`a", "41 57 42+13 57 30" },
        { "fr", "azqwm1&.!~@", "16 17 30 44 39 42+2 2 42+51 53 100+3 100+11" },
        { "fr", "\u00e9\u00f9^A", "3 40 100+10 42+16" },
        { "gb", "\"@#~\\|\u00a3\u20ac", "42+3 42+40 43 42+43 86 42+86 42+4 100+5" },
};

static const struct { const char *layout, *text, *says; } wrong[] = {
        { "us", "ab\u00e4", "column 3: '\u00e4': the us layout has no key for U+00E4" },
        { NULL, "\u20ac", "column 1: '\u20ac': the us layout" },
        { "us", "<\u00e4On>", "column 1: '<\u00e4On>'" },
        { "us", "\uff0d", "U+FF0D" },           /* its code point is the keysym of Enter */
        { "gb", "\u00fc", "the gb layout" },
        { "de", "\u0416", "U+0416" },
        { "us", "<aOn><bOn><cOn><dOn><eOn><fOn><gOn><hOn><iOn><jOn><kOn><lOn><mOn><nOn><oOn><pOn>q", "more than 16 keys" },
        { "us", "<aOn><bOn><cOn><dOn><eOn><fOn><gOn><hOn><iOn><jOn><kOn><lOn><mOn><nOn><oOn><pOn><qOn>", "column 81" },
        { "dee", "a", "did you mean de" },
        { "colemak", "a", "there are us, de, fr and gb" },
};

static void each_text_has_its_chords(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                autofree char *chords = NULL;

                print_message("# %s %s\n", table[i].layout ? table[i].layout : "-", table[i].text);
                chords = play(table[i].text, table[i].layout);
                assert_string_equal(chords, table[i].chords);
        }
}

static void what_cannot_be_typed_is_named(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
                struct boot_chords chords = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", wrong[i].text);
                assert_ok(boot_parse(wrong[i].text, &command, &err), err);
                assert_fails_with(boot_chords_of(&command, wrong[i].layout, &chords, &err), err, BK_INVALID);
                if (strstr(err.text, wrong[i].says) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, wrong[i].says);
                assert_null(chords.v);
        }
}

static void every_layout_types_all_of_ascii(void **state)
{
        (void)state;
        for (size_t i = 0; boot_layout_name(i) != NULL; i++)
                for (char c = ' '; c <= '~'; c++) {
                        const char text[] = { c, '\0' };
                        autofree char *chords = play(text, boot_layout_name(i));

                        assert_true(chords[0] != '\0');
                }
        assert_non_null(boot_layout_name(3));
}

/* No two characters are the same chord: a slip in a table would type the wrong one. */
static void no_chord_types_two_characters(void **state)
{
        (void)state;
        for (size_t i = 0; boot_layout_name(i) != NULL; i++) {
                char *seen[128] = { 0 };

                for (char c = ' '; c <= '~'; c++) {
                        const char text[] = { c, '\0' };

                        seen[(int)c] = play(text, boot_layout_name(i));
                        for (char d = ' '; d < c; d++)
                                if (strcmp(seen[(int)c], seen[(int)d]) == 0)
                                        fail_msg("%s: '%c' and '%c' are both %s", boot_layout_name(i), c, d, seen[(int)c]);
                }
                for (size_t k = 0; k < sizeof seen / sizeof *seen; k++)
                        free(seen[k]);
        }
}

static void every_special_has_a_key(void **state)
{
        (void)state;
        for (size_t i = 0; boot_special(i) != NULL; i++) {
                autofree char *text = bk_format("<%s><%sOn><%sOff>", boot_special(i), boot_special(i), boot_special(i));
                autofree char *chords = play(text, NULL);

                assert_non_null(strchr(chords, ' '));
        }
}

static void long_commands_take_no_time(void **state)
{
        static const char *const pieces[] = { "<", "a", "<aOn>", "<aOn><aOff>", "<leftShiftOn>A", "<wait9000000000>" };

        (void)state;
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
                struct bk_buf buf = { 0 };
                autofree char *chords = NULL;

                print_message("# %s\n", pieces[i]);
                while (buf.len + strlen(pieces[i]) <= BOOT_TEXT_MOST)
                        bk_buf_puts(&buf, pieces[i]);
                chords = play(buf.data, "us");
                bk_buf_done(&buf);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_text_has_its_chords), cmocka_unit_test(what_cannot_be_typed_is_named),
                cmocka_unit_test(every_layout_types_all_of_ascii), cmocka_unit_test(no_chord_types_two_characters),
                cmocka_unit_test(every_special_has_a_key), cmocka_unit_test(long_commands_take_no_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
