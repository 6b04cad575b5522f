/* The sandbox as a provisioner meets it: how commands run and end, what they see, what stays in the layer. */
#include "tests/unit/layers/sandbox.h"

#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

/* --- commands ----------------------------------------------------------------------- */

static void a_sandbox_opens_runs_and_closes(void **state)
{
        struct place *place = *state;

        open_plain(place);
        assert_prints(place, "true", "");
        close_sandbox(place);
}

static void a_command_is_root_in_the_root_folder(void **state)
{
        struct place *place = *state;
        static const gid_t foreign[] = { 4242 };

        need("root");
        assert_int_equal(setgroups(1, foreign), 0);     /* what the caller is in does not follow */
        open_plain(place);
        assert_prints(place, "id -u; id -g; id -G; pwd; umask", "0\n0\n0\n/\n0022\n");
        assert_int_equal(setgroups(0, NULL), 0);
}

static void the_environment_is_the_documented_one(void **state)
{
        struct place *place = *state;
        struct bk_run_result result = { 0 };

        open_plain(place);
        assert_int_equal(setenv("BAKERY_TEST_SECRET", "1", 1), 0);
        run_inside(place, (const char *const[]){ "env", NULL }, &result);
        assert_string_equal(result.out, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nHOME=/root\nLANG=C.UTF-8\n"
                                        "TERM=dumb\nDEBIAN_FRONTEND=noninteractive\n");
        bk_run_result_done(&result);
        assert_int_equal(unsetenv("BAKERY_TEST_SECRET"), 0);
}

static void a_program_is_looked_up_in_the_given_path(void **state)
{
        struct place *place = *state;
        static const char *const env[] = { "PATH=/opt", "WHO=baker", NULL };
        const struct bk_run run = { .argv = (const char *const[]){ "greet", NULL }, .env = env, .timeout_ms = COMMAND_TIMEOUT_MS };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };

        put(place, "/opt/greet", "#!/bin/sh\necho \"hello $WHO\"\n", 0755);
        open_plain(place);
        assert_ok(chroot_run(place->chroot, &run, &result, &err), err);
        assert_string_equal(result.out, "hello baker\n");
}

static const struct { const char *why, *script; int status; } endings[] = {
        { "success",                  "exit 0",                        0 },
        { "an exit status",           "exit 7",                        7 },
        { "killed",                   "kill -9 $$",                    128 + SIGKILL },
        { "terminated",               "kill -15 $$",                   128 + SIGTERM },
        { "crashed, without a core",  "kill -11 $$",                   128 + SIGSEGV },
        { "the status 128 + n",       "exit 137",                      137 },
        { "a child left behind",      "setsid sleep 1000 & exit 3",    3 },
};

static void how_a_command_ended_is_told(void **state)
{
        struct place *place = *state;

        open_plain(place);
        for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
                BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };

                print_message("# %s\n", endings[i].why);
                run_inside(place, (const char *const[]){ "sh", "-c", endings[i].script, NULL }, &result);
                assert_int_equal(result.status, endings[i].status);
                assert_int_equal(result.left_output_open, i + 1 == sizeof endings / sizeof *endings);
        }
}

static void a_missing_program_is_an_error_and_ends_nobody_else(void **state)
{
        struct place *place = *state;
        const struct bk_run run = { .argv = (const char *const[]){ "no-such-program", NULL }, .timeout_ms = COMMAND_TIMEOUT_MS };
        autofree char *pid = NULL, *script = NULL;
        struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };

        open_plain(place);
        pid = shell(place, "setsid sleep 1000 >/dev/null 2>&1 & echo $!");
        assert_fails_with(chroot_run(place->chroot, &run, &result, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, "no-such-program"));
        /* the shell's child has to become it first */
        script = bk_format("comm=/proc/%.*s/comm; for i in $(seq 200); do grep -qx sleep $comm && break; sleep 0.05; done; cat $comm",
                           (int)strcspn(pid, "\n"), pid);
        assert_prints(place, script, "sleep\n");
}

static void standard_input_is_empty_unless_given(void **state)
{
        struct place *place = *state;
        const struct bk_run run = { .argv = (const char *const[]){ "cat", NULL }, .timeout_ms = COMMAND_TIMEOUT_MS, .input = "flour",
                                    .input_len = 5 };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };

        open_plain(place);
        assert_prints(place, "wc -c", "0\n");
        assert_ok(chroot_run(place->chroot, &run, &result, &err), err);
        assert_string_equal(result.out, "flour");
}

static void much_output_on_both_streams_is_captured(void **state)
{
        struct place *place = *state;
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };

        open_plain(place);
        run_inside(place, (const char *const[]){ "sh", "-c", "seq -w 1000000 & seq -w 1000000 >&2; wait", NULL }, &result);
        assert_int_equal(result.status, 0);
        assert_int_equal(result.out_len, 8000000);
        assert_int_equal(strlen(result.err), 8000000);
        assert_string_equal(result.out + 7999992, "1000000\n");
}

/* Inside: every other process but init has ended, or does so soon. */
static int probe_alone(int argc, char **argv)
{
        autodir DIR *proc = opendir("/proc");
        const int64_t deadline = bk_now_ms() + 10000;

        (void)argc;
        (void)argv;
        for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
                const long pid = strtol(entry->d_name, NULL, 10);
                autoclose int pidfd = pid > 1 && pid != getpid() ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;
                struct pollfd event = { .fd = pidfd, .events = POLLIN };

                if (pidfd >= 0 && poll(&event, 1, (int)(deadline - bk_now_ms())) != 1)
                        return 1;
        }
        return 0;
}

struct tally { unsigned lines[3], calls; };

static void count_line(void *arg, int stream, const char *line)
{
        struct tally *tally = arg;

        tally->lines[stream] += line[0] != '\0';
}

static bool stop_soon(void *arg)
{
        struct tally *tally = arg;

        return ++tally->calls > 60 || (tally->lines[1] >= 1000 && tally->lines[2] >= 500);
}

static void more_output_than_may_be_kept_is_an_error(void **state)
{
        struct place *place = *state;
        const struct bk_run run = { .argv = (const char *const[]){ "seq", "1000", NULL }, .timeout_ms = COMMAND_TIMEOUT_MS, .capture_most = 100 };
        struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };

        open_plain(place);
        do_shell(place, "setsid sleep 1000 >/dev/null 2>&1 & echo $! > /run/pid");
        assert_fails_with(chroot_run(place->chroot, &run, &result, &err), err, BK_FAILED);
        assert_prints(place, "cat /proc/$(cat /run/pid)/comm", "sleep\n");
}

static void lines_arrive_as_they_are_printed_and_a_command_can_be_stopped(void **state)
{
        struct place *place = *state;
        struct tally tally = { 0 };
        const struct bk_run run = { .argv = (const char *const[]){ "sh", "-c", "seq 1000; seq 500 >&2; sleep 1000", NULL },
                                    .timeout_ms = COMMAND_TIMEOUT_MS, .on_line = count_line, .stop = stop_soon, .arg = &tally };
        struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };

        open_plain(place);
        assert_fails_with(chroot_run(place->chroot, &run, &result, &err), err, BK_INTERRUPTED);
        assert_int_equal(tally.lines[1], 1000);
        assert_int_equal(tally.lines[2], 500);
        assert_probe(place, "alone");
}

static void a_timeout_ends_even_what_hides_in_a_session_of_its_own(void **state)
{
        struct place *place = *state;
        const struct bk_run run = { .argv = (const char *const[]){ "sh", "-c", "setsid sh -c 'setsid sleep 1000 & sleep 1000' & "
                                                                   "trap '' TERM HUP INT; sleep 1000; sleep 1000", NULL },
                                    .timeout_ms = 1000 };
        struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };

        open_plain(place);
        assert_fails_with(chroot_run(place->chroot, &run, &result, &err), err, BK_TIMEOUT);
        assert_probe(place, "alone");
}

/* An orphan comes to a subreaper, as it does to the first process of a pid namespace. */
static void a_timeout_leaves_an_opener_that_is_pid_1_nothing_to_wait_for(void **state)
{
        struct place *place = *state;
        const struct bk_run run = { .argv = (const char *const[]){ "sleep", "1000", NULL }, .timeout_ms = 300 };
        struct bk_run_result result = { 0 };
        struct pollfd watched[4];
        struct bk_error err = { 0 };

        open_plain(place);
        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        assert_fails_with(chroot_run(place->chroot, &run, &result, &err), err, BK_TIMEOUT);
        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
        assert_int_equal(watch_children(getpid(), watched, sizeof watched / sizeof *watched), 1);       /* the sandbox' init */
        (void)close(watched[0].fd);
        (void)alarm(60);                /* it used to wait without end */
        close_sandbox(place);
        (void)alarm(0);
}

/* --- the end -------------------------------------------------------------------------- */

static void a_daemon_lives_on_until_close_which_names_it(void **state)
{
        struct place *place = *state;
        autostrv struct bk_strv left = { 0 };
        struct bk_error err = { 0 };

        open_plain(place);
        do_shell(place, "setsid sleep 1000 >/dev/null 2>&1 & echo $! > /run/pid");
        assert_prints(place, "cat /proc/$(cat /run/pid)/comm", "sleep\n");
        assert_ok(chroot_close(bk_take(place->chroot), &left, &err), err);
        assert_int_equal(left.n, 1);
        assert_non_null(strstr(left.v[0], " (sleep)"));
        assert_int_equal(kill((pid_t)atol(left.v[0]), 0), -1);
        assert_int_equal(errno, ESRCH);
}

static size_t count_entries(const char *folder)
{
        autodir DIR *dir = opendir(folder);
        size_t n = 0;

        while (readdir(dir) != NULL)
                n++;
        return n;
}

static void nothing_of_it_stays_in_the_opener(void **state)
{
        struct place *place = *state;
        const size_t descriptors = count_entries("/proc/self/fd");
        struct pollfd watched;

        for (int i = 0; i < 4; i++) {
                open_with(place, (struct chroot_config){ .network = i % 2 != 0 && has_slirp() });
                if (i < 2)
                        do_shell(place, "true");
                close_sandbox(place);
        }
        assert_int_equal(count_entries("/proc/self/fd"), descriptors);
        assert_int_equal(watch_children(getpid(), &watched, 1), 0);
}

static void close_names_nobody_where_nobody_is_left(void **state)
{
        struct place *place = *state;
        autostrv struct bk_strv left = { 0 };
        struct bk_error err = { 0 };

        open_plain(place);
        do_shell(place, "true");
        assert_ok(chroot_close(bk_take(place->chroot), &left, &err), err);
        assert_int_equal(left.n, 0);
}

static _Noreturn void open_and_wait(const struct place *place)
{
        const struct chroot_config config = { .root = place->root, .network = has_slirp() };
        const struct bk_run run = { .argv = (const char *const[]){ "sh", "-c", "exec 3>/fifo; setsid sleep 1000 & echo up >&3; sleep 1000", NULL },
                                    .timeout_ms = COMMAND_TIMEOUT_MS };
        struct bk_run_result result = { 0 };
        struct chroot *chroot;

        if (chroot_open(&config, &chroot, NULL) < 0 || chroot_run(chroot, &run, &result, NULL) < 0)
                _exit(1);
        _exit(0);
}

static void a_killed_opener_takes_everything_with_it(void **state)
{
        struct place *place = *state;
        autofree char *fifo = bk_format("%s/fifo", place->root), *mounts = NULL;
        struct pollfd watched[8], held = { .events = POLLIN };
        char text[3];
        pid_t opener;
        size_t n;

        need("root");
        assert_int_equal(mkfifo(fifo, 0600), 0);
        held.fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        opener = fork();
        if (opener == 0)
                open_and_wait(place);
        assert_int_equal(poll(&held, 1, 30000), 1);
        assert_int_equal(read(held.fd, text, sizeof text), 3);
        n = watch_children(opener, watched, sizeof watched / sizeof *watched);
        assert_int_equal(n, has_slirp() ? 3 : 2);       /* init, the command's keeper, the network */
        assert_int_equal(kill(opener, SIGKILL), 0);
        assert_int_equal(bk_wait(opener, 10000), 128 + SIGKILL);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(poll(&watched[i], 1, 10000), 1);
                (void)close(watched[i].fd);
        }
        assert_int_equal(poll(&held, 1, 10000), 1);     /* nobody inside holds the other end any more */
        assert_int_equal(read(held.fd, text, sizeof text), 0);
        (void)close(held.fd);
        assert_int_equal(bk_read_file("/proc/self/mountinfo", 1 << 20, &mounts, NULL, NULL), 0);
        assert_null(strstr(mounts, place->root));
}

/* Orphans come to us, so that nobody can hide; each is reaped, as a host's init would. */
static void await_orphans(void)
{
        const int64_t deadline = bk_now_ms() + 20000;
        struct pollfd watched[16];
        size_t n;

        while ((n = watch_children(getpid(), watched, sizeof watched / sizeof *watched)) > 0) {
                siginfo_t info = { 0 };

                if (poll(watched, n, (int)(deadline - bk_now_ms())) < 1)
                        fail_msg("%zu processes are still there", n);
                for (size_t i = 0; i < n; i++)
                        (void)close(watched[i].fd);
                while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0)
                        info.si_pid = 0;
        }
}

static void an_opener_killed_at_any_moment_leaves_nobody(void **state)
{
        struct place *place = *state;
        const bool network = has_slirp();

        need("root");
        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
        for (long i = 0; i < 60; i++) {
                const struct timespec while_it_works = { .tv_nsec = i * 500000 };
                const pid_t opener = fork();

                if (opener == 0) {
                        const struct chroot_config config = { .root = place->root, .network = network && i % 2 != 0 };
                        const struct bk_run run = { .argv = (const char *const[]){ "sleep", "1000", NULL }, .timeout_ms = 1000000 };
                        struct bk_run_result result;
                        struct chroot *chroot;

                        _exit(chroot_open(&config, &chroot, NULL) < 0 || chroot_run(chroot, &run, &result, NULL) < 0);
                }
                (void)nanosleep(&while_it_works, NULL);         /* the moment is what is tested */
                assert_int_equal(kill(opener, SIGKILL), 0);
                assert_int_equal(bk_wait(opener, 10000), 128 + SIGKILL);
                await_orphans();
        }
        assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}

/* --- what is seen ------------------------------------------------------------------------- */

static void the_host_name_is_its_own(void **state)
{
        struct place *place = *state;
        char before[256] = "", after[256] = "";

        (void)gethostname(before, sizeof before - 1);
        open_plain(place);
        assert_prints(place, "hostname", "bakery\n");
        close_sandbox(place);
        open_with(place, (struct chroot_config){ .hostname = "oven" });
        assert_prints(place, "hostname", "oven\n");
        (void)gethostname(after, sizeof after - 1);
        assert_string_equal(before, after);
}

static int probe_terminal(int argc, char **argv)
{
        const int fd = posix_openpt(O_RDWR | O_NOCTTY);

        (void)argc;
        (void)argv;
        return fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 || open(ptsname(fd), O_RDWR | O_NOCTTY) < 0 || strcmp(ptsname(fd), "/dev/pts/0") != 0;
}

static void dev_holds_the_named_nodes_only(void **state)
{
        struct place *place = *state;

        open_plain(place);
        assert_prints(place, "ls -A /dev", "fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n");
        assert_prints(place, "ls -A /dev/pts /dev/shm", "/dev/pts:\nptmx\n\n/dev/shm:\n");
        assert_prints(place, "stat -c '%n %F %t:%T %a' /dev/full /dev/null /dev/random /dev/tty /dev/urandom /dev/zero",
                      "/dev/full character special file 1:7 666\n/dev/null character special file 1:3 666\n"
                      "/dev/random character special file 1:8 666\n/dev/tty character special file 5:0 666\n"
                      "/dev/urandom character special file 1:9 666\n/dev/zero character special file 1:5 666\n");
        assert_prints(place, "echo lost > /dev/null; dd if=/dev/zero bs=4 count=1 status=none | wc -c; "
                             "dd if=/dev/urandom bs=8 count=1 status=none | wc -c", "4\n8\n");
        assert_prints(place, "echo a | cat /dev/stdin; echo b > /dev/stdout; echo c 2>&1 >/dev/fd/1", "a\nb\nc\n");
        assert_probe(place, "terminal");
}

static void proc_shows_only_processes_of_the_inside(void **state)
{
        struct place *place = *state;
        autofree char *out = NULL;

        open_plain(place);
        assert_prints(place, "cat /proc/1/comm", "bakery-init\n");
        out = shell(place, "for p in /proc/[0-9]*; do cat $p/comm; done");
        assert_string_equal(out, "bakery-init\nsh\n");
}

static void tmp_and_run_are_fresh_and_leave_nothing(void **state)
{
        struct place *place = *state;
        autofree char *before = NULL, *after = NULL;

        put(place, "/tmp/of-the-layer", "1", 0644);
        put(place, "/run/of-the-layer", "1", 0644);
        before = snapshot(place);
        open_plain(place);
        assert_prints(place, "ls -A /tmp; stat -c %a /tmp /run /run/lock /dev/shm; ls -A /run", "1777\n755\n1777\n1777\nbakery\nlock\n");
        assert_prints(place, "for f in tmp run dev/shm; do echo dough > /$f/new; cat /$f/new; done", "dough\ndough\ndough\n");
        close_sandbox(place);
        after = snapshot(place);
        assert_string_equal(before, after);
        open_plain(place);
        assert_prints(place, "ls -A /tmp", "");
}

static void what_is_written_elsewhere_stays(void **state)
{
        struct place *place = *state;
        autofree char *path = bk_format("%s/etc/motd", place->root), *text = NULL;

        open_plain(place);
        do_shell(place, "echo fresh > /etc/motd");
        close_sandbox(place);
        assert_int_equal(bk_read_file(path, 100, &text, NULL, NULL), 0);
        assert_string_equal(text, "fresh\n");
}

static void the_sandbox_can_be_written_to_from_outside(void **state)
{
        struct place *place = *state;
        struct bk_error err = { 0 };

        open_plain(place);
        assert_ok(bk_write_in_root(chroot_root_fd(place->chroot), "/tmp/script", "echo ran\n", 9, 0700, &err), err);
        assert_prints(place, "sh /tmp/script", "ran\n");
}

int main(int argc, char **argv)
{
        static const struct probe probes[] = {
                { "alone", probe_alone }, { "terminal", probe_terminal },
        };
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(a_sandbox_opens_runs_and_closes),
                TEST(a_command_is_root_in_the_root_folder),
                TEST(the_environment_is_the_documented_one),
                TEST(a_program_is_looked_up_in_the_given_path),
                TEST(how_a_command_ended_is_told),
                TEST(a_missing_program_is_an_error_and_ends_nobody_else),
                TEST(standard_input_is_empty_unless_given),
                TEST(much_output_on_both_streams_is_captured),
                TEST(more_output_than_may_be_kept_is_an_error),
                TEST(lines_arrive_as_they_are_printed_and_a_command_can_be_stopped),
                TEST(a_timeout_ends_even_what_hides_in_a_session_of_its_own),
                TEST(a_timeout_leaves_an_opener_that_is_pid_1_nothing_to_wait_for),
                TEST(a_daemon_lives_on_until_close_which_names_it),
                TEST(nothing_of_it_stays_in_the_opener),
                TEST(close_names_nobody_where_nobody_is_left),
                TEST(a_killed_opener_takes_everything_with_it),
                TEST(an_opener_killed_at_any_moment_leaves_nobody),
                TEST(the_host_name_is_its_own),
                TEST(dev_holds_the_named_nodes_only),
                TEST(proc_shows_only_processes_of_the_inside),
                TEST(tmp_and_run_are_fresh_and_leave_nothing),
                TEST(what_is_written_elsewhere_stays),
                TEST(the_sandbox_can_be_written_to_from_outside),
        };

        if (argc > 1)
                return probe_main(probes, sizeof probes / sizeof *probes, argc - 1, argv + 1);
        return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
