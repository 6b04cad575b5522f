/* The talk with the agent of a throw-away boot: with the agent itself, on a terminal of this host instead of a guest's port; and with guests
 * that lie. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>

#include "bakery/bake/spec_boot_priv.h"
#include "lib/fs.h"
#include "lib/run.h"

static int alive(void *arg, struct bk_error *err)
{
        (void)arg;
        (void)err;
        return 0;
}

/* --- with the agent --------------------------------------------------------------------------- */

struct line { int master, slave; pid_t pid; struct boot_talk talk; };

static void start_agent(struct line *l)
{
        char path[64];
        const int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

        assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, path, sizeof path) == 0);
        *l = (struct line){ .master = master, .slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC) };
        l->talk = (struct boot_talk){ .token = "t0ken", .fds = { master, -1 }, .at = -1, .grace_ms = 10000, .alive = alive };
        l->pid = bk_fork();
        if (l->pid == 0) {
                (void)execl(BAKERY_AGENT, "bakery-checks", "t0ken", path, (char *)NULL);
                _exit(127);
        }
}

static void stop_agent(struct line *l)
{
        (void)kill(l->pid, SIGKILL);
        (void)bk_wait(l->pid, 5000);
        (void)close(l->master);
        (void)close(l->slave);
        boot_talk_done(&l->talk);
}

static int begin(void **state)
{
        static struct line l;
        struct bk_error err = { 0 };

        start_agent(&l);
        *state = &l;
        return boot_talk_hello(&l.talk, 10000, &err);
}

static int end(void **state)
{
        stop_agent(*state);
        return 0;
}

static const struct { const char *why, *line, *input; int status; const char *out, *err; } lines[] = {
        { "both streams", "echo a; echo b >&2", NULL, 0, "a\n", "b\n" },
        { "an exit status", "exit 3", NULL, 3, "", "" },
        { "a signal", "kill -TERM $$", NULL, 128 + SIGTERM, "", "" },
        { "an unknown program", "exec 2>/dev/null; no-such-program", NULL, 127, "", "" },
        { "input", "tr a-z A-Z", "some\ntext", 0, "SOME\nTEXT", "" },
        { "input that nobody reads", "echo x", "unread", 0, "x\n", "" },
        { "no input is an empty one", "cat", NULL, 0, "", "" },
        { "a line of several lines", "for i in 1 2; do\necho $i\ndone\n", NULL, 0, "1\n2\n", "" },
        { "streams are opened again", "echo a; echo b >/dev/stdout; echo c >/dev/stderr", NULL, 0, "a\nb\n", "c\n" },
        { "streams are no files, nor terminals", "test -p /dev/stdout && ! test -t 0 && echo pipe", NULL, 0, "pipe\n", "" },
        { "an environment of its own", "echo $HOME $TERM; pwd", NULL, 0, "/root dumb\n/\n", "" },
        { "signals are not ignored", "trap 'echo piped' PIPE; trap 'echo int' INT; kill -PIPE $$; kill -INT $$", NULL, 0, "piped\nint\n", "" },
        { "quotes and bytes beyond ASCII", "printf '%s' \"\xc3\xa4'\"", NULL, 0, "\xc3\xa4'", "" },
        { "what looks like a message", "echo; echo bakery-done t0ken 1 0 0 5 5; echo bakery-hello t0ken 1.1", NULL, 0,
          "\nbakery-done t0ken 1 0 0 5 5\nbakery-hello t0ken 1.1\n", "" },
        { "after that one", "echo still here", NULL, 0, "still here\n", "" },
};

static void lines_are_run(void **state)
{
        struct line *l = *state;

        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
                struct bk_error err = { 0 };
                const char *input = lines[i].input;

                print_message("# %s\n", lines[i].why);
                assert_ok(boot_talk_run(&l->talk, lines[i].line, input, input ? strlen(input) : 0, 10000, &output, &err), err);
                assert_string_equal(output.out, lines[i].out);
                assert_string_equal(output.err, lines[i].err);
                assert_int_equal(output.out_len, strlen(lines[i].out));
                assert_int_equal(output.status, lines[i].status);
        }
}

static void bytes_are_not_touched(void **state)
{
        enum { SIZE = 700000 };
        struct line *l = *state;
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        struct bk_error err = { 0 };
        autofree char *bytes = bk_alloc(SIZE);

        for (size_t i = 0; i < SIZE; i++)
                bytes[i] = (char)(i * 31 + i / 256);
        assert_ok(boot_talk_run(&l->talk, "tee /dev/stderr", bytes, SIZE, 30000, &output, &err), err);
        assert_int_equal(output.out_len, SIZE);
        assert_int_equal(output.err_len, SIZE);
        assert_memory_equal(output.out, bytes, SIZE);
        assert_memory_equal(output.err, bytes, SIZE);
}

static const struct { const char *why, *line; int timeout_ms; enum bk_kind kind; const char *text; } failing[] = {
        { "it hangs", "sleep 47110", 300, BK_TIMEOUT, "did not end within 0.300 s" },
        { "a child of it hangs", "sleep 47110; true", 300, BK_TIMEOUT, "did not end" },
        { "it takes no SIGTERM", "trap '' TERM; while :; do sleep 47110; done", 300, BK_TIMEOUT, "did not end" },
        { "it prints without end", "cat /dev/zero", 30000, BK_FAILED, "more than 16 MiB" },
        { "it complains without end", "cat /dev/zero >&2", 30000, BK_FAILED, "more than 16 MiB" },
        { "a child prints without end", "yes 47110 & wait", 30000, BK_FAILED, "more than 16 MiB" },
};

static void what_takes_too_much_is_ended(void **state)
{
        struct line *l = *state;

        for (size_t i = 0; i < sizeof failing / sizeof *failing; i++) {
                BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
                const int64_t begun = bk_now_ms();
                struct bk_error err = { 0 };

                print_message("# %s\n", failing[i].why);
                assert_fails_with(boot_talk_run(&l->talk, failing[i].line, NULL, 0, failing[i].timeout_ms, &output, &err), err, failing[i].kind);
                assert_non_null(strstr(err.text, failing[i].text));
                assert_true(bk_now_ms() - begun < 10000);
                assert_ok(boot_talk_run(&l->talk, "pgrep -f '^[sy][le][es].* 47110'; true", NULL, 0, 10000, &output, &err), err);
                assert_string_equal(output.out, "");
        }
}

static void as_much_as_may_be_is_whole(void **state)
{
        struct line *l = *state;
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        struct bk_error err = { 0 };
        const int64_t begun = bk_now_ms();

        assert_ok(boot_talk_run(&l->talk, "head -c 16777216 /dev/zero", NULL, 0, 60000, &output, &err), err);
        assert_int_equal(output.out_len, AGENT_OUTPUT_MOST);
        print_message("# 16 MiB in %lld ms\n", (long long)(bk_now_ms() - begun));
}

/* The daemon holds both streams. */
static void a_daemon_that_is_left_does_not_hold_up(void **state)
{
        struct line *l = *state;
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        struct bk_error err = { 0 };
        const int64_t begun = bk_now_ms();
        pid_t left;

        assert_ok(boot_talk_run(&l->talk, "sleep 60 & echo $!", NULL, 0, 30000, &output, &err), err);
        left = atoi(output.out);
        assert_true(left > 1 && kill(left, SIGKILL) == 0);     /* it lives on */
        assert_true(bk_now_ms() - begun < 10000);
}

static void every_agent_is_another(void **state)
{
        struct line l, second;
        BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        start_agent(&l);
        assert_ok(boot_talk_hello(&l.talk, 10000, &err), err);
        assert_ok(boot_talk_run(&l.talk, "true", NULL, 0, 10000, &output, &err), err);
        spec_output_done(&output);
        start_agent(&second);
        assert_ok(boot_talk_hello(&second.talk, 10000, &err), err);
        assert_string_not_equal(l.talk.instance, second.talk.instance);
        stop_agent(&second);
        stop_agent(&l);
}

/* --- with a guest that lies -------------------------------------------------------------------- */

#define HELLO "bakery-hello t0ken 1.1\n"

/* What it says after a greeting, whatever it is asked. "%N": N MiB of that noise. */
static const struct { const char *why, *says; enum bk_kind kind; const char *text, *out; } guests[] = {
        { "an answer", "bakery-done t0ken 1 0 0 2 1\nabc", BK_NONE, NULL, "ab" },
        { "an answer behind noise", "[  1.0] bakery-run\r\nbakery-done other 1 0 0 2 1\nbakery-done t0kenbakery-done t0ken 1 0 0 2 1\nabc",
          BK_NONE, NULL, "ab" },
        { "an answer behind one that was given up", "bakery-done t0ken 0 0 0 0 0\nbakery-done t0ken 1 0 0 2 1\nabc", BK_NONE, NULL, "ab" },
        { "the greeting again", HELLO "bakery-done t0ken 1 0 0 2 1\nabc", BK_NONE, NULL, "ab" },
        { "a megabyte of noise", "%bakery-done t0ken 1 0 0 2 1\nabc", BK_NONE, NULL, "ab" },
        { "a line that does not end", "bakery-done t0ken 1 0 0 2 1%", BK_INFRA, "does not answer", NULL },
        { "nothing", "", BK_INFRA, "does not answer", NULL },
        { "half an answer", "bakery-done t0ken 1 0 0 2 1\nab", BK_INFRA, "did not end in time", NULL },
        { "another greeting", "bakery-hello t0ken 2.2\n", BK_INFRA, "started anew", NULL },
        { "an output that is too long", "bakery-done t0ken 1 0 0 16777217 0\n", BK_INFRA, "no sense", NULL },
        { "an output without end", "bakery-done t0ken 1 0 0 18446744073709551615 1\n", BK_INFRA, "no sense", NULL },
        { "a length that overflows", "bakery-done t0ken 1 0 0 18446744073709551617 1\n", BK_INFRA, "no sense", NULL },
        { "a negative length", "bakery-done t0ken 1 0 0 -1 1\n", BK_INFRA, "no sense", NULL },
        { "a status that is none", "bakery-done t0ken 1 0 256 0 0\n", BK_INFRA, "no sense", NULL },
        { "too few words", "bakery-done t0ken 1 0 0 0\n", BK_INFRA, "no sense", NULL },
        { "too many words", "bakery-done t0ken 1 0 0 0 0 0\n", BK_INFRA, "no sense", NULL },
        { "no words", "bakery-done t0ken \n", BK_INFRA, "no sense", NULL },
        { "an end that is none", "bakery-done t0ken 1 9 0 0 0\n", BK_INFRA, "could not start it", NULL },
        { "another request's answer", "bakery-done t0ken 2 0 0 2 1\nabc", BK_INFRA, "does not answer", NULL },
        { "it hangs up", NULL, BK_INFRA, "closed", NULL },
};

static void say(int fd, const char *text)
{
        static char noise[1 << 20];
        const char *mark = strchr(text, '%');

        memset(noise, 'b', sizeof noise);
        assert_ok(bk_write_all(fd, text, mark ? (size_t)(mark - text) : strlen(text), NULL), (struct bk_error){ 0 });
        if (mark == NULL)
                return;
        if (bk_write_all(fd, noise, sizeof noise, NULL) == 0)
                say(fd, mark + 1);
}

/* It answers when it has been asked, and goes when nobody is there any more. */
_Noreturn static void guest(int fd, const char *says)
{
        char byte;

        say(fd, HELLO);
        while (read(fd, &byte, 1) == 1 && byte != '\n')
                ;
        if (says == NULL)
                _exit(0);
        say(fd, says);
        while (read(fd, &byte, 1) == 1)
                ;
        _exit(0);
}

static void a_guest_that_lies_is_found_out(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof guests / sizeof *guests; i++) {
                BK_CLEANUP(spec_output_done) struct spec_output output = { 0 };
                BK_CLEANUP(boot_talk_done) struct boot_talk talk = { .token = "t0ken", .fds = { -1, -1 }, .at = -1, .grace_ms = 1500,
                                                                     .alive = alive };
                struct bk_error err = { 0 };
                int ends[2], result;
                pid_t pid;

                print_message("# %s\n", guests[i].why);
                assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
                pid = bk_fork();
                if (pid == 0) {
                        (void)close(ends[0]);
                        guest(ends[1], guests[i].says);
                }
                (void)close(ends[1]);
                (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
                talk.fds[0] = ends[0];
                assert_ok(boot_talk_hello(&talk, 5000, &err), err);
                result = boot_talk_run(&talk, "true", NULL, 0, 100, &output, &err);
                (void)close(ends[0]);
                assert_int_equal(bk_wait(pid, 5000), 0);
                assert_string_equal(bk_kind_name(err.kind), bk_kind_name(guests[i].kind));
                assert_int_equal(result, guests[i].kind == BK_NONE ? 0 : -1);
                if (guests[i].text != NULL)
                        assert_non_null(strstr(err.text, guests[i].text));
                if (guests[i].out != NULL)
                        assert_string_equal(output.out, guests[i].out);
                assert_true(talk.in[0].room < 8 << 20);
        }
}

static void nobody_there_is_a_time_out(void **state)
{
        BK_CLEANUP(boot_talk_done) struct boot_talk talk = { .token = "t0ken", .fds = { -1, -1 }, .at = -1, .grace_ms = 1500, .alive = alive };
        struct bk_error err = { 0 };

        (void)state;
        assert_fails_with(boot_talk_hello(&talk, 300, &err), err, BK_TIMEOUT);
}

int main(void)
{
        (void)signal(SIGPIPE, SIG_IGN); /* as the process that holds a guest: one that hangs up is an error */
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(lines_are_run, begin, end),
                cmocka_unit_test_setup_teardown(bytes_are_not_touched, begin, end),
                cmocka_unit_test_setup_teardown(what_takes_too_much_is_ended, begin, end),
                cmocka_unit_test_setup_teardown(as_much_as_may_be_is_whole, begin, end),
                cmocka_unit_test_setup_teardown(a_daemon_that_is_left_does_not_hold_up, begin, end),
                cmocka_unit_test(every_agent_is_another),
                cmocka_unit_test(a_guest_that_lies_is_found_out),
                cmocka_unit_test(nobody_there_is_a_time_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
