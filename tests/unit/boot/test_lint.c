/* Probable slips in boot commands. */
#include "tests/unit/test.h"

#include "boot/boot.h"
#include "lib/buf.h"

/* Each finding is "column rule"; says: a piece of the first one's text. */
static const struct { const char *text, *findings, *says; } table[] = {
        { "", "", NULL },
        { "linux /vmlinuz root=/dev/sda1<enter><wait10><f12><aOn><aOff>", "", NULL },
        { "<wait \"boot:\" 90s><wait /x/><wait still 2s><wait change><wait serial \"a\"><wait port 22>", "", NULL },
        { "cat < /etc/passwd > x << y <= z </dev/null <>", "", NULL },
        { "<leftShiftOn>abc<leftShiftOff>ABC", "", NULL },
        { "\u00e4\u00d6", "", NULL },
        /* tags */
        { "<waiit>", "1 unknown-tag", "did you mean <wait>?" },
        { "<entre>", "1 unknown-tag", "did you mean <enter>?" },
        { "<F13>", "1 unknown-tag", "did you mean <f1>?" },
        { "a<ecs>b", "2 unknown-tag", "did you mean <esc>?" },
        { "\u00e4\u20ac<entre>", "2 beyond-latin-1,3 unknown-tag", "U+20AC" },
        { "<leftCtlOn>", "1 unknown-tag", "did you mean <leftCtrlOn>?" },
        { "<leftMeta>", "1 unknown-tag", "did you mean <leftSuper>?" },
        { "<ctrlOFF>", "1 unknown-tag", "did you mean <leftCtrlOff>?" },
        { "<escape>", "1 unknown-tag", "did you mean <esc>?" },
        { "<wiat10>", "1 unknown-tag", "did you mean <wait10>?" },
        { "<sleep5>", "1 unknown-tag", "did you mean <wait5>?" },
        { "<waits>", "1 unknown-tag", "did you mean <wait>?" },
        { "<foobarbaz>", "1 unknown-tag", "<foobarbaz> is no tag and is typed letter by letter" },
        { "<waitOn>", "1 unknown-tag", "typed" },
        { "<WAIT>", "1 wait", "lower case" },
        { "<Wait5>", "1 wait", "lower case" },
        { "<wait 5>", "1 wait", "no blank" },
        { "<wait 5s>", "1 wait", "no blank" },
        { "<wait05>", "1 wait", "leading zero" },
        { "<wait1.5>", "1 wait", "needs a unit" },
        { "<wait-5>", "1 wait", "whole seconds" },
        { "<wait5x>", "1 wait", "whole seconds" },
        { "<wait \"boot:\" 90>", "1 wait", "none of" },
        { "<wait  \"boot:\">", "1 wait", "none of" },
        { "<wait stil 2s>", "1 wait", "none of" },
        { "<wait\"x\">", "1 wait", "none of" },
        { "<enter", "1 unclosed-tag", "without its '>'" },
        { "<esc<wait>", "1 unclosed-tag", "without" },
        { "<wait5<enter>", "1 unclosed-tag", "without" },
        { "<wait \"boot:", "1 unclosed-tag", "without" },
        { "<leftCtr\n>", "1 unclosed-tag,9 control-character", "without" },
        { "a<", "2 unclosed-tag", "without" },
        { "<<enter>", "", NULL },
        /* keys */
        { "<leftCtrlOn>c", "1 never-released", "<leftCtrlOn>: the key is never let go" },
        { "x<aOn><bOn><aOff>", "7 never-released", "<bOn>" },
        { "<leftCtrlOff>", "1 never-held", "not down" },
        { "<aOn><aOn><aOff>", "6 held-twice", "already" },
        { "<leftCtrlOn><rightCtrlOff><leftCtrlOff>", "13 never-held", "<rightCtrlOff>" },
        { "<leftShiftOn>aBcD<leftShiftOff>", "15 shift-released", "'B' brings its own Shift" },
        { "<leftShiftOn>!", "14 shift-released", "'!'" },
        { "<rightShiftOn>A<rightShiftOff>", "", NULL },
        { "<leftShiftOn>A<leftShiftOff>B", "14 shift-released", NULL },
        { "a\nb", "2 control-character", "<enter>" },
        { "a\tb", "2 control-character", "<tab>" },
        { "\x1b[A", "1 control-character", "U+001B" },
        { "\u0416", "1 beyond-latin-1", "'\u0416' (U+0416)" },
        { "<\u20acOn><\u20acOff>", "1 beyond-latin-1,6 beyond-latin-1", "U+20AC" },
        { "<entre>x<wait 5>", "1 unknown-tag,9 wait", NULL },
};

static void each_slip_is_found(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
                BK_CLEANUP(boot_findings_done) struct boot_findings findings = { 0 };
                BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", table[i].text);
                assert_ok(boot_parse(table[i].text, &command, &err), err);
                boot_lint(&command, &findings);
                bk_buf_puts(&buf, "");
                for (size_t k = 0; k < findings.n; k++)
                        bk_buf_printf(&buf, "%s%zu %s", k ? "," : "", findings.v[k].column, findings.v[k].rule);
                assert_string_equal(buf.data, table[i].findings);
                if (table[i].says != NULL && strstr(findings.v[0].text, table[i].says) == NULL)
                        fail_msg("'%s' does not say '%s'", findings.v[0].text, table[i].says);
        }
}

static void known_tags_have_no_findings(void **state)
{
        (void)state;
        for (size_t i = 0; boot_special(i) != NULL; i++) {
                autofree char *text = bk_format("<%s><%sOn><%sOff>", boot_special(i), boot_special(i), boot_special(i));
                BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
                BK_CLEANUP(boot_findings_done) struct boot_findings findings = { 0 };
                struct bk_error err = { 0 };

                assert_ok(boot_parse(text, &command, &err), err);
                boot_lint(&command, &findings);
                assert_int_equal(findings.n, 0);
        }
}

static void long_commands_are_judged_soon(void **state)
{
        static const char *const pieces[] = { "<", "<wait", "<entre>", "<aOn>", "\u20ac", "\n", "<wait 5>", "<leftShiftOn>A" };

        (void)state;
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
                BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
                BK_CLEANUP(boot_findings_done) struct boot_findings findings = { 0 };
                BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", pieces[i]);
                while (buf.len + strlen(pieces[i]) <= BOOT_TEXT_MOST)
                        bk_buf_puts(&buf, pieces[i]);
                assert_ok(boot_parse(buf.data, &command, &err), err);
                boot_lint(&command, &findings);
                assert_true(findings.n > 0);
        }
}

/* Pieces of tags in any order, cut anywhere: every byte belongs to one token, and nothing that follows trips over it. */
static void any_text_is_safe(void **state)
{
        static const char *const pieces[] = {
                "<", ">", "<wait", "5", "1m", "0", "-", ".5", "s>", "<wait \"", "\"", "\\", "<wait /", "/", " ",
                "still ", "2s", "change", "serial \"x\"", "port ", "22", "<a", "<A", "<\u00e4", "On>", "off>", "<leftShift",
                "<f1", "2>", "<enter>", "<entre>", "a", "B", "\n", "\u20ac",
        };
        uint32_t seed = 1;
        size_t valid = 0;

        (void)state;
        for (size_t round = 0; round < 20000; round++) {
                BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
                BK_CLEANUP(boot_findings_done) struct boot_findings findings = { 0 };
                BK_CLEANUP(boot_chords_done) struct boot_chords chords = { 0 };
                BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };
                struct bk_error err = { 0 };
                size_t at = 0;

                for (size_t i = 0; i < 1 + round % 12; i++) {
                        seed = seed * 1664525 + 1013904223;
                        bk_buf_puts(&buf, pieces[(seed >> 8) % (sizeof pieces / sizeof *pieces)]);
                }
                if (seed >> 31)
                        buf.data[(seed >> 8) % buf.len] = '\0';
                if (boot_parse(buf.data, &command, &err) < 0) {
                        assert_int_equal(err.kind, BK_INVALID);
                        continue;
                }
                valid++;
                for (size_t i = 0; i < command.n; i++) {
                        assert_int_equal(command.v[i].offset, at);
                        at += command.v[i].length;
                }
                assert_int_equal(at, strlen(buf.data));
                boot_lint(&command, &findings);
                for (size_t i = 0; i < findings.n; i++)
                        assert_int_equal(findings.v[i].column, boot_column(buf.data, findings.v[i].offset));
                if (boot_chords_of(&command, "de", &chords, &err) < 0)
                        assert_int_equal(err.kind, BK_INVALID);
        }
        assert_true(valid > 10000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_slip_is_found), cmocka_unit_test(known_tags_have_no_findings),
                cmocka_unit_test(long_commands_are_judged_soon), cmocka_unit_test(any_text_is_safe),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
