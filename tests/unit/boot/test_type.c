/* Waits, and typing at Packer's pace. */
#include "tests/unit/test.h"

#include "tests/unit/boot/terminal.h"

static const struct boot_typing blind = { .key_interval_ms = 100, .group_interval_ms = 0, .wait_limit_ms = 5000, .scale_percent = 100 };

static int type_into(struct terminal *t, const char *text, const struct boot_typing *typing, struct boot_typed *typed, struct bk_error *err)
{
        BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
        const struct boot_target target = terminal_target(t);

        terminal_start(t);
        assert_ok(boot_parse(text, &command, err), *err);
        return boot_type(&command, typing, &target, typed, err);
}

/* from, to: when the command is done, in milliseconds. */
static const struct { const char *why, *text; struct terminal guest; int from, to; } waits[] = {
        { "a plain one", "<wait2s>", { 0 }, 2000, 2000 },
        { "a text", "<wait \"login:\">", { .prints = "debian login: ", .prints_at = 1500 }, 1500, 1600 },
        { "a text that is there already", "<wait \"login:\">", { .prints = "debian login: " }, 0, 20 },
        { "a text at the last moment", "<wait \"login:\" 2s>", { .prints = "login:", .prints_at = 1990 }, 1990, 2010 },
        { "a regex", "<wait /log.n: $/>", { .prints = "debian login:", .prints_at = 500 }, 5000, 0 },
        { "a regex that matches", "<wait /^d\\w+ log.n:$/>", { .prints = "debian login:", .prints_at = 500 }, 500, 600 },
        { "still", "<wait still 1s>", { 0 }, 1000, 1100 },
        { "still after a change", "<wait still 1s>", { .prints = "done", .prints_at = 700 }, 1700, 1850 },
        { "still, with a cursor that blinks", "<wait still 1s>", { .drawn = true }, 1000, 1100 },
        { "never still", "<wait still 1s 3s>", { .noise_every = 100 }, 3000, 0 },
        { "a change", "<wait change>", { .prints = "done", .prints_at = 900 }, 900, 1000 },
        { "a change before the wait begins", "x<wait change>", { 0 }, 200, 220 },
        { "no change", "<wait change 2s>", { 0 }, 2000, 0 },
        { "no change but a cursor that blinks", "<wait change 2s>", { .drawn = true }, 2000, 0 },
        { "serial", "<wait serial \"login:\">", { .prints = "debian login: ", .prints_at = 1500 }, 1500, 1600 },
        { "serial, once only", "<wait serial \"login:\"><wait serial \"login:\" 1s>", { .prints = "login: " }, 1000, 0 },
        { "a port", "<wait port 22>", { .port = 22, .prints_at = 1500 }, 1500, 1800 },
        { "no port", "<wait port 22 1s>", { .port = 23 }, 1000, 0 },
        { "the limit that all have", "<wait \"never\">", { 0 }, 5000, 0 },
        { "a limit of its own", "<wait \"never\" 1500ms>", { .prints = "something" }, 1500, 0 },
};

static void waits_end_when_they_should(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
                autofree struct terminal *t = bk_alloc(sizeof *t);
                BK_CLEANUP(boot_typed_done) struct boot_typed typed = { 0 };
                struct bk_error err = { 0 };
                int status;

                memcpy(t, &waits[i].guest, sizeof *t);
                status = type_into(t, waits[i].text, &blind, &typed, &err);
                print_message("# %s: %d ms %s\n", waits[i].why, (int)t->clock, err.text);
                assert_true(t->clock >= waits[i].from && t->clock <= (waits[i].to > 0 ? waits[i].to : waits[i].from + 30));
                assert_int_equal(typed.typing_ms + typed.waiting_ms, t->clock);
                if (waits[i].to > 0) {
                        assert_ok(status, err);
                        continue;
                }
                assert_fails_with(status, err, BK_TIMEOUT);
                assert_non_null(strstr(err.text, "boot command, column "));
        }
}

static void a_timeout_tells_what_was_there(void **state)
{
        autofree struct terminal *t = bk_alloc(sizeof *t);
        BK_CLEANUP(boot_typed_done) struct boot_typed typed = { 0 };
        struct boot_typing typing = blind;
        struct bk_error err = { 0 };

        (void)state;
        t->prints = "Loading, please wait";
        t->prompt = "";
        typing.scale_percent = 300;
        assert_fails_with(type_into(t, "ab<wait \"login:\" 2s>c", &typing, &typed, &err), err, BK_TIMEOUT);
        assert_string_equal(err.text, "boot command, column 3: <wait \"login:\" 2s>: the text is not on the screen after 6 s; "
                                      "its last row: 'Loading, please wait'");
        assert_string_equal(typed.last, "ab<wait \"login:\" 2s>");
        assert_int_equal(typed.keys, 2);
        assert_int_equal(typed.typing_ms, 400);
}

static void blind_typing_takes_as_long_as_packer(void **state)
{
        static const struct { const char *text; int ms, keys; } paces[] = {
                { "a", 200, 1 }, { "A", 400, 1 }, { "a<enter>", 400, 2 }, { "<leftShiftOn>a<leftShiftOff>", 400, 1 },
                { "<wait1s>a<wait10ms>", 1210, 1 },
                { "<f1><f12>~", 800, 3 }, { "<leftAltOn><wait3s><leftAltOff>", 3200, 1 }, { "", 0, 0 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof paces / sizeof *paces; i++) {
                autofree struct terminal *t = bk_alloc(sizeof *t);
                BK_CLEANUP(boot_typed_done) struct boot_typed typed = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", paces[i].text);
                assert_ok(type_into(t, paces[i].text, &blind, &typed, &err), err);
                assert_int_equal(t->clock, paces[i].ms);
                assert_int_equal(typed.keys, paces[i].keys);
        }
}

static void the_group_interval_comes_last(void **state)
{
        autofree struct terminal *t = bk_alloc(sizeof *t);
        BK_CLEANUP(boot_typed_done) struct boot_typed typed = { 0 };
        struct boot_typing typing = blind;
        struct bk_error err = { 0 };

        (void)state;
        typing.group_interval_ms = 1000;
        assert_ok(type_into(t, "ab", &typing, &typed, &err), err);
        assert_int_equal(t->clock, 1400);
}

static void a_guest_that_dies_ends_it(void **state)
{
        autofree struct terminal *t = bk_alloc(sizeof *t);
        BK_CLEANUP(boot_typed_done) struct boot_typed typed = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        t->dies_after = 2;
        assert_fails_with(type_into(t, "abcd", &blind, &typed, &err), err, BK_INFRA);
        assert_string_equal(err.text, "the guest is gone");
        assert_string_equal(typed.last, "abc");
        assert_int_equal(typed.keys, 2);
}

static void what_the_layout_lacks_is_not_typed(void **state)
{
        autofree struct terminal *t = bk_alloc(sizeof *t);
        BK_CLEANUP(boot_typed_done) struct boot_typed typed = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_fails_with(type_into(t, "ab\u20ac", &blind, &typed, &err), err, BK_INVALID);
        assert_int_equal(t->sent, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(waits_end_when_they_should),
                cmocka_unit_test(a_timeout_tells_what_was_there),
                cmocka_unit_test(blind_typing_takes_as_long_as_packer),
                cmocka_unit_test(the_group_interval_comes_last),
                cmocka_unit_test(a_guest_that_dies_ends_it),
                cmocka_unit_test(what_the_layout_lacks_is_not_typed),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
