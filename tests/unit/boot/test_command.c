/* The grammar of boot commands: what each text becomes. */
#include "tests/unit/test.h"

#include "boot/boot.h"
#include "lib/buf.h"

/* One letter or word an event: a literal is itself, "S-" where Packer wraps it in Shift; "+" down, "-" up; {tag}. */
static char *show(const struct boot_command *command)
{
        static const char *const action[] = { [BOOT_PRESS] = "", [BOOT_DOWN] = "+", [BOOT_UP] = "-" };
        struct bk_buf buf = { 0 };

        for (size_t i = 0; i < command->n; i++) {
                const struct boot_event *event = &command->v[i];

                bk_buf_puts(&buf, i ? " " : "");
                if (event->kind != BOOT_KEY) {
                        bk_buf_printf(&buf, "%s(", boot_kind_name(event->kind));
                        if (event->text != NULL)
                                bk_buf_printf(&buf, "%s,", event->text);
                        if (event->port != 0)
                                bk_buf_printf(&buf, "%u,", event->port);
                        bk_buf_printf(&buf, "%lld", (long long)event->ms);
                        if (event->limit_ms != 0)
                                bk_buf_printf(&buf, ",%lld", (long long)event->limit_ms);
                        bk_buf_puts(&buf, ")");
                        continue;
                }
                bk_buf_printf(&buf, "%s%s", action[event->action], event->shift ? "S-" : "");
                if (event->keysym >= 0xff00 && event->keysym <= 0xffff)
                        bk_buf_printf(&buf, "{%04x}", event->keysym);
                else
                        bk_buf_put_code_point(&buf, event->keysym);
        }
        return bk_buf_finish(&buf);
}

static const struct { const char *text, *events; } table[] = {
        { "", "" },
        { "ab", "a b" },
        { "aB!~ 1", "a S-B S-! S-~   1" },
        { "`-=[]\\;',./", "` - = [ ] \\ ; ' , . /" },
        { "~!@#$%^&*()_+{}|:\"<>?", "S-~ S-! S-@ S-# S-$ S-% S-^ S-& S-* S-( S-) S-_ S-+ S-{ S-} S-| S-: S-\" S-< S-> S-?" },
        { "\u00e4\u00c4\u00d7\u00f7\u20ac\u0416\u0436", "\u00e4 S-\u00c4 \u00d7 \u00f7 \u20ac S-\u0416 \u0436" },
        { "\n\t", "\n \t" },
        /* waits */
        { "<wait>", "wait(1000)" },
        { "<wait1>", "wait(1000)" },
        { "<wait5><wait10>", "wait(5000) wait(10000)" },
        { "<wait1s>", "wait(1000)" },
        { "<wait1m20s>", "wait(80000)" },
        { "<wait0.5s>", "wait(500)" },
        { "<wait1.5s>", "wait(1500)" },
        { "<wait10ms>", "wait(10)" },
        { "<wait1h>", "wait(3600000)" },
        { "<wait1h1m1s1ms>", "wait(3661001)" },
        { "<wait1m1m>", "wait(120000)" },
        { "<wait1ns>", "wait(1)" },
        { "<wait1us>", "wait(1)" },
        { "<wait1500us>", "wait(2)" },
        { "<wait2000\u00b5s>", "wait(2)" },
        /* toggles of one character */
        { "<aOn><aOff>", "+a -a" },
        { "<AOn><AOff>", "+S-A -S-A" },
        { "<aON><aoff><aoN><aOFF>", "+a -a +a -a" },
        { "<<On><>Off>", "+S-< -S->" },
        { "<!On>", "+S-!" },
        { "< On>", "+ " },
        { "<oOn><OOff>", "+o -S-O" },
        { "<\u00e4On><\u00c4Off>", "+\u00e4 -S-\u00c4" },
        { "<\u20acOn>", "+\u20ac" },
        { "<\nOn>", "+\n" },
        /* specials in any case */
        { "<bs><del><enter><return><esc><tab>", "{ff08} {ffff} {ff0d} {ff0d} {ff1b} {ff09}" },
        { "<f1><f2><f3><f4><f5><f6>", "{ffbe} {ffbf} {ffc0} {ffc1} {ffc2} {ffc3}" },
        { "<f7><f8><f9><f10><f11><f12>", "{ffc4} {ffc5} {ffc6} {ffc7} {ffc8} {ffc9}" },
        { "<up><down><left><right><spacebar>", "{ff52} {ff54} {ff51} {ff53}  " },
        { "<insert><home><end><pageUp><pageDown><menu>", "{ff63} {ff50} {ff57} {ff55} {ff56} {ff67}" },
        { "<leftAlt><rightAlt><leftCtrl><rightCtrl>", "{ffe9} {ffea} {ffe3} {ffe4}" },
        { "<leftShift><rightShift><leftSuper><rightSuper>", "{ffe1} {ffe2} {ffeb} {ffec}" },
        { "<leftCommand><rightCommand><leftOption><rightOption>", "{ffe9} {ffea} {ffe7} {ffe8}" },
        { "<ENTER><Enter><eNtEr><PAGEUP><pageup><LEFTCTRLON>", "{ff0d} {ff0d} {ff0d} {ff55} {ff55} +{ffe3}" },
        { "<leftCtrlOn>c<leftCtrlOff>", "+{ffe3} c -{ffe3}" },
        { "<f1On><f1off><f12oN><f12OFF>", "+{ffbe} -{ffbe} +{ffc9} -{ffc9}" },
        { "<upOn><leftOff><rightOn><delOff>", "+{ff52} -{ff51} +{ff53} -{ffff}" },
        { "<spacebarOn><spacebarOff>", "+  - " },
        /* a wait is tried first, then a toggle, then a special */
        { "<wOn><wait>", "+w wait(1000)" },
        /* what is no tag is typed */
        { "<", "S-<" },
        { "<<", "S-< S-<" },
        { ">", "S->" },
        { "<>", "S-< S->" },
        { "<foo>", "S-< f o o S->" },
        { "<f13>", "S-< f 1 3 S->" },
        { "<f0>", "S-< f 0 S->" },
        { "<WAIT>", "S-< S-W S-A S-I S-T S->" },
        { "<Wait5>", "S-< S-W a i t 5 S->" },
        { "<wait 5>", "S-< w a i t   5 S->" },
        { "<wait5 >", "S-< w a i t 5   S->" },
        { "<wait05>", "S-< w a i t 0 5 S->" },
        { "<wait05s>", "S-< w a i t 0 5 s S->" },
        { "<wait00>", "S-< w a i t 0 0 S->" },
        { "<wait1.5>", "S-< w a i t 1 . 5 S->" },
        { "<wait.5s>", "S-< w a i t . 5 s S->" },
        { "<wait1.s>", "S-< w a i t 1 . s S->" },
        { "<wait+1s>", "S-< w a i t S-+ 1 s S->" },
        { "<wait-5>", "S-< w a i t - 5 S->" },
        { "<wait1s5>", "S-< w a i t 1 s 5 S->" },
        { "<wait5S>", "S-< w a i t 5 S-S S->" },
        { "<wait1d>", "S-< w a i t 1 d S->" },
        { "<wait2\u03bcs>", "S-< w a i t 2 \u03bc s S->" },
        { "<wait5", "S-< w a i t 5" },
        { "<wait0", "S-< w a i t 0" },
        { "<waitOn>", "S-< w a i t S-O n S->" },
        { "<On>", "S-< S-O n S->" },
        { "<abOn>", "S-< a b S-O n S->" },
        { "<aOnn>", "S-< a S-O n n S->" },
        { "<aO>", "S-< a S-O S->" },
        { "<enter", "S-< e n t e r" },
        { "<enter >", "S-< e n t e r   S->" },
        { "<enterO>", "S-< e n t e r S-O S->" },
        { "<leftMeta>", "S-< l e f t S-M e t a S->" },
        { "<alt>", "S-< a l t S->" },
        { "<<enter>", "S-< {ff0d}" },
        { "<enter<enter>", "S-< e n t e r {ff0d}" },
        { "<waiit><entre>", "S-< w a i i t S-> S-< e n t r e S->" },
        /* waits for something */
        { "<wait \"boot:\">", "wait-text(boot:,0)" },
        { "<wait \"boot:\" 90s>", "wait-text(boot:,0,90000)" },
        { "<wait \"a>b\">", "wait-text(a>b,0)" },
        { "<wait \"say \\\"hi\\\" \\\\\">", "wait-text(say \"hi\" \\,0)" },
        { "<wait \"/\" 1m30s>x", "wait-text(/,0,90000) x" },
        { "<wait \"\u00e4\">", "wait-text(\u00e4,0)" },
        { "<wait /login: *$/>", "wait-regex(login: *$,0)" },
        { "<wait /a\\/b\\d\\\\\"/ 5s>", "wait-regex(a/b\\d\\\\\",0,5000)" },
        { "<wait />/>", "wait-regex(>,0)" },
        { "<wait still 2s>", "wait-still(2000)" },
        { "<wait still 500ms 1m>", "wait-still(500,60000)" },
        { "<wait change>", "wait-change(0)" },
        { "<wait change 30s>", "wait-change(0,30000)" },
        { "<wait serial \"login:\">", "wait-serial(login:,0)" },
        { "<wait serial \"login:\" 0.5s>", "wait-serial(login:,0,500)" },
        { "<wait port 22>", "wait-port(22,0)" },
        { "<wait port 65535 5m>", "wait-port(65535,0,300000)" },
};

static const char *const typed[] = {
        "<wait \"boot:\" 90>", "<wait \"boot:\"90s>", "<wait  \"boot:\">", "<wait \"boot:\"  90s>", "<wait \"boot:\" >", "<wait\"boot:\">",
        "<wait \"boot:>", "<wait \"boot:\"", "<wait \"\">", "<wait //>", "<wait \"a\\n\">", "<wait \"a\\", "<wait /a\\", "<wait /a",
        "<WAIT \"boot:\">", "<Wait still 2s>", "<wait Still 2s>", "<wait still>", "<wait still 2>", "<wait still 2s 5>", "<wait still2s>",
        "<wait change >", "<wait changed>", "<wait change 5>", "<wait serial>", "<wait serial login:>", "<wait serial /x/>", "<wait serial \"\">",
        "<wait port>", "<wait port 0>", "<wait port 022>", "<wait port 65536>", "<wait port 100000>", "<wait port 22 5>", "<wait port -1>",
        "<wait port x>", "<wait 'x'>", "<wait >", "<wait ", "<wait \"x\" 05s>", "<wait \"x\" 5s 5s>", "<wait \"x\" \"y\">", "<wait 5s>",
};

static const struct { const char *text; size_t column; const char *says; } wrong[] = {
        { "<wait0>", 1, "longer than 0: '0'" },
        { "<wait0s>", 1, "longer than 0" },
        { "ab<wait-1m>", 3, "longer than 0: '-1m'" },
        { "\u00e4<wait-0.5s>", 2, "longer than 0" },
        { "<wait0.1ns>", 1, "longer than 0" },
        { "<wait0s0ms>", 1, "longer than 0" },
        { "<wait1h-5m>", 1, "not a duration" },
        { "<wait99999999999999999999>", 1, "too large" },
        { "<wait9999999999>", 1, "too large" },
        { "<wait99999999999999999999s>", 1, "292 years" },
        { "<wait3000000h>", 1, "292 years" },
        { "<wait2000000h2000000h>", 1, "292 years" },
        { "x<wait \"a\" 0s>", 2, "longer than 0" },
        { "<wait still 0s>", 1, "longer than 0" },
        { "<wait still -2s>", 1, "longer than 0" },
        { "<wait change -1s>", 1, "longer than 0" },
        { "a\xff", 2, "the byte ff is not UTF-8" },
        { "\u00e4\xc3", 2, "the byte c3" },
        { "<\xed\xa0\x80On>", 2, "the byte ed" },
        { "<wait \"\xc0\x80\">", 8, "the byte c0" },
};

static void each_text_has_its_events(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
                struct bk_error err = { 0 };
                autofree char *shown = NULL;

                print_message("# %s\n", table[i].text);
                assert_ok(boot_parse(table[i].text, &command, &err), err);
                shown = show(&command);
                assert_string_equal(shown, table[i].events);
        }
}

static void tokens_cover_the_text(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
                BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
                struct bk_error err = { 0 };
                size_t at = 0;

                assert_ok(boot_parse(table[i].text, &command, &err), err);
                assert_string_equal(command.text, table[i].text);
                for (size_t k = 0; k < command.n; k++) {
                        assert_int_equal(command.v[k].offset, at);
                        assert_int_equal(command.v[k].tag, command.v[k].length > 1 && command.text[at] == '<');
                        at += command.v[k].length;
                }
                assert_int_equal(at, strlen(table[i].text));
        }
}

static void what_is_no_wait_is_typed(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof typed / sizeof *typed; i++) {
                BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", typed[i]);
                assert_ok(boot_parse(typed[i], &command, &err), err);
                assert_int_equal(command.n, strlen(typed[i]));
        }
}

static void errors_name_the_column(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
                struct boot_command command = { 0 };
                struct bk_error err = { 0 };
                autofree char *place = bk_format("boot command, column %zu: ", wrong[i].column);

                print_message("# %s\n", wrong[i].text);
                assert_fails_with(boot_parse(wrong[i].text, &command, &err), err, BK_INVALID);
                assert_memory_equal(err.text, place, strlen(place));
                if (strstr(err.text, wrong[i].says) == NULL)
                        fail_msg("'%s' does not say '%s'", err.text, wrong[i].says);
                assert_null(command.v);
        }
}

/* A command as people write them, with every class of token in it; the count is what a lost or split token changes. */
static void a_whole_command_has_its_count(void **state)
{
        static const char text[] =
                "<wait10><esc><f6>a<spacebar><leftAltOn>b<leftAltOff><1On><1Off><RIGHT><Tab><waIt><waitt><wait1m20s><enter><"
                "<up><UPon><upOFF>X<wait \"boot:\" 5s>";
        BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
        struct bk_error err = { 0 };
        size_t tags = 0;

        (void)state;
        assert_ok(boot_parse(text, &command, &err), err);
        for (size_t i = 0; i < command.n; i++)
                tags += command.v[i].tag;
        assert_int_equal(tags, 16);
        assert_int_equal(command.n, 16 + 4 + 6 + 7);
}

static char *repeat(const char *piece, size_t bytes)
{
        struct bk_buf buf = { 0 };

        while (buf.len + strlen(piece) <= bytes)
                bk_buf_puts(&buf, piece);
        return bk_buf_finish(&buf);
}

static void long_texts_take_no_time(void **state)
{
        static const struct { const char *piece; size_t events; } pieces[] = {
                { "<", 1 }, { "<wait", 5 }, { "<wait \"", 7 }, { "<wait /\\", 8 }, { "<wait1s", 7 }, { "<wait serial \"a", 15 },
                { "<leftShiftOn", 12 }, { "<<On>", 1 }, { "<wait \"x\">", 1 }, { "\u20ac", 1 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
                autofree char *text = repeat(pieces[i].piece, BOOT_TEXT_MOST);
                BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", pieces[i].piece);
                assert_ok(boot_parse(text, &command, &err), err);
                assert_int_equal(command.n, pieces[i].events * (strlen(text) / strlen(pieces[i].piece)));
        }
}

static void limits_hold(void **state)
{
        autofree char *text = bk_alloc(BOOT_TEXT_MOST + 2);
        struct boot_command command = { 0 };
        struct bk_error err = { 0 };
        autofree char *long_wait = NULL, *digits = NULL;

        (void)state;
        memset(text, 'x', BOOT_TEXT_MOST + 1);
        assert_fails_with(boot_parse(text, &command, &err), err, BK_INVALID);
        memset(text, 'x', 5000);
        text[5000] = '\0';
        long_wait = bk_format("<wait \"%s\">", text);
        assert_ok(boot_parse(long_wait, &command, &err), err);
        assert_int_equal(command.n, strlen(long_wait));         /* longer than any screen: typed */
        boot_command_done(&command);
        memset(text, '9', 5000);
        digits = bk_format("<wait0.%ss>", text);
        assert_ok(boot_parse(digits, &command, &err), err);
        assert_int_equal(command.n, 1);
        assert_int_equal(command.v[0].ms, 1000);
        boot_command_done(&command);
}

static void columns_count_characters(void **state)
{
        (void)state;
        assert_int_equal(boot_column("abc", 0), 1);
        assert_int_equal(boot_column("abc", 2), 3);
        assert_int_equal(boot_column("\u00e4\u20acb", 0), 1);
        assert_int_equal(boot_column("\u00e4\u20acb", 2), 2);
        assert_int_equal(boot_column("\u00e4\u20acb", 3), 2);
        assert_int_equal(boot_column("\u00e4\u20acb", 5), 3);
}

static void the_interval_has_its_precedence(void **state)
{
        static const struct { int64_t configured; const char *environment; int64_t ms; } rows[] = {
                { 0, NULL, 100 }, { 0, "", 100 }, { 0, "fast", 100 }, { 0, "10", 100 }, { 0, "10ms", 10 }, { 0, "0", 0 }, { 0, "0s", 0 },
                { 0, "-5ms", 0 }, { 0, "1.5s", 1500 }, { 0, ".5s", 500 }, { 0, "+1s", 1000 }, { 0, "1us", 1 }, { 0, "1m1s", 61000 },
                { 5, NULL, 5 }, { 5, "10ms", 5 }, { -5, "10ms", 10 }, { -5, NULL, 100 }, { 0, "1 s", 100 }, { 0, "s", 100 }, { 0, "-", 100 },
                { 0, "1h-1m", 100 }, { 0, ".s", 100 }, { 0, "05s", 5000 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                print_message("# %d %s\n", (int)rows[i].configured, rows[i].environment ? rows[i].environment : "-");
                assert_int_equal(boot_key_interval_ms(rows[i].configured, rows[i].environment), rows[i].ms);
        }
}

static void typing_takes_its_time(void **state)
{
        static const struct { const char *text; int64_t interval; size_t keys; int64_t typing, waiting; size_t open; } rows[] = {
                { "", 100, 0, 0, 0, 0 },
                { "a", 100, 2, 200, 0, 0 },
                { "A", 100, 4, 400, 0, 0 },
                { "<enter>", 100, 2, 200, 0, 0 },
                { "<aOn><aOff><AOn><AOff>", 10, 6, 60, 0, 0 },
                { "<leftCtrlOn>c<leftCtrlOff>", 5, 4, 20, 0, 0 },
                { "a<wait5><wait>b", 100, 4, 400, 6000, 0 },
                { "<wait \"x\"><wait still 2s>", 100, 0, 0, 0, 2 },
                { "ab", INT64_MAX, 4, INT64_MAX, 0, 0 },
                { "<wait2500000h><wait2500000h>", 0, 0, 0, 18000000000000, 0 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
                struct bk_error err = { 0 };
                struct boot_time time;

                print_message("# %s\n", rows[i].text);
                assert_ok(boot_parse(rows[i].text, &command, &err), err);
                time = boot_time_of(&command, rows[i].interval);
                assert_int_equal(time.keys, rows[i].keys);
                assert_int_equal(time.typing_ms, rows[i].typing);
                assert_int_equal(time.waiting_ms, rows[i].waiting);
                assert_int_equal(time.open_waits, rows[i].open);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(each_text_has_its_events), cmocka_unit_test(tokens_cover_the_text),
                cmocka_unit_test(what_is_no_wait_is_typed), cmocka_unit_test(errors_name_the_column),
                cmocka_unit_test(a_whole_command_has_its_count), cmocka_unit_test(long_texts_take_no_time), cmocka_unit_test(limits_hold),
                cmocka_unit_test(columns_count_characters), cmocka_unit_test(the_interval_has_its_precedence),
                cmocka_unit_test(typing_takes_its_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
