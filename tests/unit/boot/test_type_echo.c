/* Typing by the echo, into guests of every kind. */
#include "tests/unit/test.h"

#include "tests/unit/boot/terminal.h"

#define LINE "linux /install.amd/vmlinuz auto=true url=http://10.0.2.2:8000/preseed.cfg hostname=Debian_12 -- quiet"

static const struct boot_typing both = { .automatic = true, .verify = true, .key_interval_ms = 100, .wait_limit_ms = 5000, .scale_percent = 100 };

struct run {
        int status;
        struct bk_error err;
        size_t keys, retyped;
        int64_t took, blind;
};

static struct run type_into(struct terminal *t, const char *text, const struct boot_typing *typing)
{
        BK_CLEANUP(boot_command_done) struct boot_command command = { 0 };
        const struct boot_target target = terminal_target(t);
        struct boot_typed typed = { 0 };
        struct run run = { 0 };
        int64_t from;

        from = t->clock;
        assert_ok(boot_parse(text, &command, &run.err), run.err);
        run.blind = boot_time_of(&command, typing->key_interval_ms).typing_ms;
        run.status = boot_type(&command, typing, &target, &typed, &run.err);
        run.keys = typed.keys;
        run.retyped = typed.retyped;
        run.took = t->clock - from;
        t->clock += 100000;     /* whatever is on its way arrives */
        terminal_run(t);
        boot_typed_done(&typed);
        return run;
}

/* fast: at least so many times faster than blind, in tenths. slow: at most so many tenths of blind. */
static const struct {
        const char *why;
        struct terminal guest;
        const char *text, *received;            /* text NULL: LINE and enter; received NULL: the same */
        int fast, slow;
} guests[] = {
        { "echoes at once", { 0 }, NULL, NULL, 100, 0 },
        { "takes 300 ms for each echo", { .latency = 300, .per_key = 1, .controller = 16 }, NULL, NULL, 25, 0 },
        { "reads a key every 50 ms", { .per_key = 50, .controller = 16 }, NULL, NULL, 35, 0 },
        { "loses every third key", { .lose_every = 3 }, NULL, NULL, 0, 30 },
        { "loses every 7th key", { .lose_every = 7, .latency = 20 }, NULL, NULL, 0, 10 },
        { "has a small queue", { .controller = 7, .per_key = 30 }, NULL, NULL, 0, 0 },
        { "doubles keys", { .double_percent = 10, .seed = 3 }, NULL, NULL, 0, 30 },
        { "loses and doubles", { .double_percent = 10, .lose_percent = 10, .seed = 4, .latency = 40 }, NULL, NULL, 0, 30 },
        { "scrolls", { .row = 24 }, NULL, NULL, 100, 0 },
        { "scrolls and loses", { .row = 24, .lose_every = 5 }, NULL, NULL, 0, 20 },
        { "wraps before the last column", { .row = 3, .spare = 1 }, NULL, NULL, 100, 0 },
        { "is boxed", { .row = 3, .box = true, .prompt = "" }, NULL, NULL, 100, 0 },
        { "is boxed and loses", { .row = 3, .box = true, .prompt = "  ", .lose_every = 6 }, NULL, NULL, 0, 20 },
        { "marks rows that go on", { .row = 3, .box = true, .prompt = "  ", .spare = 1, .marks_wrap = true }, NULL, NULL, 80, 0 },
        { "has narrow rows", { .columns = 20, .rows = 10, .row = 9, .lose_every = 9 }, NULL, NULL, 0, 0 },
        { "is drawn, with a cursor", { .drawn = true, .look_cost = 15 }, NULL, NULL, 40, 0 },
        { "is drawn and loses", { .drawn = true, .look_cost = 15, .lose_every = 4, .row = 23 }, NULL, NULL, 0, 30 },
        { "counts in a corner", { .noise_every = 10, .row = 2 }, NULL, NULL, 100, 0 },
        { "echoes nothing", { .echo = SHOWS_NOTHING }, NULL, NULL, 0, 15 },
        { "echoes nothing, short words", { .echo = SHOWS_NOTHING }, "secret<enter>secret<enter>", "secret\nsecret\n", 0, 15 },
        { "echoes stars", { .echo = SHOWS_STARS }, "pa55word<enter>", "pa55word\n", 50, 0 },
        { "echoes stars and loses", { .echo = SHOWS_STARS, .lose_every = 7 }, "pa55word!<enter>", "pa55word!\n", 0, 0 },
        { "has text behind the cursor", { .existing = "linux |ro quiet" }, "rescue splash <enter>", "linux rescue splash ro quiet\n", 40, 0 },
        { "has the same text behind the cursor", { .existing = "|eee.e" }, "eexe<enter>", "eexeeee.e\n", 20, 0 },
        { "has text behind the cursor, loses", { .existing = "linux |ro quiet", .lose_every = 4 }, "rescue/x single<enter>",
          "linux rescue/x singlero quiet\n", 0, 0 },
        { "has text before the cursor", { .existing = "vmlinuz initrd=/initrd.gz|", .lose_every = 8 }, " auto priority=low<enter>",
          "vmlinuz initrd=/initrd.gz auto priority=low\n", 0, 0 },
        { "is busy for two seconds", { .busy_from = 100, .busy_to = 2100, .controller = 16 }, NULL, NULL, 0, 0 },
        { "draws another picture on a key", { .redraws_on = 'e' }, "e<down><down>rest<enter>", "erest\n", 0, 20 },
        { "echoes both cases", { 0 }, "AbCdE ~!@#$%^&*()_+{}|:\\\"<>?x<enter>", "AbCdE ~!@#$%^&*()_+{}|:\\\"<>?x\n", 60, 0 },
        { "gets many blanks", { .controller = 16, .per_key = 15, .latency = 50 }, "a              b                   c<enter>",
          "a              b                   c\n", 0, 10 },
};

static void every_guest_gets_what_was_meant(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof guests / sizeof *guests; i++) {
                autofree struct terminal *t = bk_alloc(sizeof *t);
                const char *text = guests[i].text != NULL ? guests[i].text : LINE "<enter>";
                const char *received = guests[i].received != NULL ? guests[i].received : guests[i].text != NULL ? guests[i].text : LINE "\n";
                struct run run;

                memcpy(t, &guests[i].guest, sizeof *t);
                terminal_start(t);
                run = type_into(t, text, &both);
                print_message("# %s: %d ms, blind %d ms; %zu keys, %zu again, %zu lost, %zu doubled\n", guests[i].why, (int)run.took,
                              (int)run.blind, run.keys, run.retyped, t->lost, t->doubled);
                assert_ok(run.status, run.err);
                assert_string_equal(t->received, received);
                if (guests[i].fast > 0)
                        assert_true(run.took * guests[i].fast <= run.blind * 10);
                if (guests[i].slow > 0)
                        assert_true(run.took * 10 <= run.blind * guests[i].slow);
        }
}

/* Neither, the pace alone, verification alone. */
static void each_mode_works_alone(void **state)
{
        static const struct { const char *why; bool automatic, verify; struct terminal guest; bool arrives; int least, most; } modes[] = {
                { "blind", false, false, { 0 }, true, 100, 100 },
                { "blind, losing", false, false, { .lose_every = 10 }, false, 100, 100 },
                { "pace", true, false, { 0 }, true, 0, 10 },
                { "pace, slow", true, false, { .latency = 300, .controller = 16 }, true, 0, 40 },
                { "pace, losing", true, false, { .lose_every = 10 }, false, 0, 40 },
                { "pace, stars", true, false, { .echo = SHOWS_STARS }, true, 0, 10 },
                { "pace, no echo", true, false, { .echo = SHOWS_NOTHING }, true, 95, 105 },
                { "verify", false, true, { 0 }, true, 99, 105 },
                { "verify, losing", false, true, { .lose_every = 10 }, true, 100, 160 },
                { "verify, doubling", false, true, { .double_percent = 10, .seed = 7 }, true, 100, 160 },
                { "verify, slow", false, true, { .latency = 300, .lose_every = 17 }, true, 100, 200 },
                { "verify, no echo", false, true, { .echo = SHOWS_NOTHING }, true, 100, 110 },
        };

        (void)state;
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
                autofree struct terminal *t = bk_alloc(sizeof *t);
                struct boot_typing typing = both;
                struct run run;

                memcpy(t, &modes[i].guest, sizeof *t);
                terminal_start(t);
                typing.automatic = modes[i].automatic;
                typing.verify = modes[i].verify;
                run = type_into(t, LINE "<enter>", &typing);
                print_message("# %s: %d ms, blind %d ms; %zu keys, %zu again\n", modes[i].why, (int)run.took, (int)run.blind, run.keys, run.retyped);
                assert_ok(run.status, run.err);
                assert_int_equal(strcmp(t->received, LINE "\n") == 0, modes[i].arrives);
                assert_true(run.took * 100 >= run.blind * modes[i].least && run.took * 100 <= run.blind * modes[i].most);
        }
}

static void a_silent_guest_is_mentioned_once(void **state)
{
        autofree struct terminal *t = bk_alloc(sizeof *t);
        struct run run;

        (void)state;
        t->echo = SHOWS_NOTHING;
        terminal_start(t);
        run = type_into(t, "secret<enter>secret<enter>", &both);
        assert_ok(run.status, run.err);
        assert_string_equal(t->said, "boot command, column 1: what is typed here is not shown, so that it cannot be verified\n");
}

static void a_wrong_line_is_not_entered(void **state)
{
        autofree struct terminal *t = bk_alloc(sizeof *t);
        struct run run;

        (void)state;
        t->swaps = "yzzy/-";
        terminal_start(t);
        run = type_into(t, "ls /dev/tty<enter>", &both);
        print_message("# %s\n", run.err.text);
        assert_fails_with(run.status, run.err, BK_FAILED);
        assert_non_null(strstr(run.err.text, "typed 'ls /"));
        assert_non_null(strstr(run.err.text, "'ls -"));
        assert_string_equal(t->received, "");
}

static void a_guest_may_die_at_any_key(void **state)
{
        (void)state;
        for (size_t after = 1; after < 103; after += 7) {
                autofree struct terminal *t = bk_alloc(sizeof *t);
                struct run run;

                t->dies_after = after;
                terminal_start(t);
                run = type_into(t, LINE "<enter>", &both);
                assert_fails_with(run.status, run.err, BK_INFRA);
                assert_int_equal(run.keys, after);
        }
}

/* Words of printable characters. Blanks only where all of them can be seen: not at the end, and not beside a row's. */
static void random_text(struct terminal *t, char *text)
{
        const size_t length = 8 + terminal_random(t, 153);

        for (size_t i = 0; i < length; i++) {
                const bool blank = terminal_random(t, 8) == 0;
                unsigned column, row;

                terminal_place(t, t->cursor + i, &column, &row);
                text[i] = (char)('!' + terminal_random(t, 94));
                if (text[i] == '<' || text[i] == '\\')
                        text[i] = 'x';
                if (blank && i > 0 && i + 1 < length && column > terminal_left(t) + 4 && column + 5 < terminal_right(t))
                        text[i] = ' ';
        }
        text[length] = '\0';
}

static void random_guest(struct terminal *t, unsigned seed)
{
        *t = (struct terminal){ .seed = seed * 2654435761U + 1 };
        t->columns = 40 + terminal_random(t, 60);
        t->rows = 10 + terminal_random(t, 30);
        t->row = terminal_random(t, t->rows);
        t->box = terminal_random(t, 4) == 0;
        t->spare = terminal_random(t, 2);
        t->latency = terminal_random(t, 2) * terminal_random(t, 300);
        t->per_key = terminal_random(t, 30);
        t->controller = terminal_random(t, 2) ? 16 : 0;
        t->lose_percent = terminal_random(t, 12);
        t->double_percent = terminal_random(t, 3) == 0 ? terminal_random(t, 8) : 0;
        t->prompt = terminal_random(t, 2) ? "grub> " : "";
        /* Backspaces that are doubled may erase what was there before; then typing fails, as it should. */
        t->existing = t->double_percent == 0 && terminal_random(t, 4) == 0 ? "linux /vmlinuz=|;ro quiet" : NULL;
        terminal_start(t);
}

static void every_random_text_arrives(void **state)
{
        unsigned retyped = 0, lost = 0, failed = 0;
        int64_t took = 0, blind = 0;

        (void)state;
        for (unsigned seed = 1; seed <= 2000; seed++) {
                autofree struct terminal *t = bk_alloc(sizeof *t);
                char text[200], whole[300], wanted[300];
                struct run run;

                random_guest(t, seed);
                random_text(t, text);
                (void)snprintf(whole, sizeof whole, "%s<enter>", text);
                (void)snprintf(wanted, sizeof wanted, t->existing ? "linux /vmlinuz=%s;ro quiet\n" : "%s\n", text);
                run = type_into(t, whole, &both);
                if (run.status != 0 || strcmp(t->received, wanted) != 0)
                        print_message("# seed %u: %s\n# %s# %s", seed, run.err.text, wanted, t->received);
                /* To give up is honest, when it is rare. */
                failed += run.status != 0;
                assert_string_equal(t->received, run.status == 0 ? wanted : "");
                retyped += (unsigned)run.retyped;
                lost += (unsigned)(t->lost + t->doubled);
                took += run.took;
                blind += run.blind;
        }
        print_message("# %u keys lost or doubled, %u typed again, %u lines given up, %d s, blind %d s\n", lost, retyped, failed,
                      (int)(took / 1000), (int)(blind / 1000));
        assert_true(lost > 1000 && took < blind && failed <= 20);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_guest_gets_what_was_meant),
                cmocka_unit_test(each_mode_works_alone),
                cmocka_unit_test(a_silent_guest_is_mentioned_once),
                cmocka_unit_test(a_wrong_line_is_not_entered),
                cmocka_unit_test(a_guest_may_die_at_any_key),
                cmocka_unit_test(every_random_text_arrives),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
