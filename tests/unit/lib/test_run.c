/* Running programs: how they end is never mistaken. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>

#include "lib/fs.h"
#include "lib/run.h"

static void output_is_captured(void **state)
{
        const char *const argv[] = { "sh", "-c", "printf 'a\\nb'; printf c >&2", NULL };
        struct bk_error err = { 0 };
        autofree char *out = NULL;

        (void)state;
        assert_ok(bk_run(argv, 5000, &out, &err), err);
        assert_string_equal(out, "a\nb");
}

static void a_killed_child_is_a_failure(void **state)
{
        const char *const argv[] = { "sh", "-c", "echo deep trouble >&2; kill -9 $$", NULL };
        struct bk_error err = { 0 };

        (void)state;
        assert_fails_with(bk_run(argv, 5000, NULL, &err), err, BK_FAILED);
        assert_non_null(strstr(err.text, "killed by signal 9"));
        assert_non_null(strstr(err.text, "deep trouble"));
}

static void a_missing_program_is_not_found(void **state)
{
        const char *const argv[] = { "no-such-program-anywhere", NULL };
        struct bk_error err = { 0 };

        (void)state;
        assert_fails_with(bk_run(argv, 5000, NULL, &err), err, BK_NOT_FOUND);
}

static void a_hanging_child_is_ended(void **state)
{
        const char *const argv[] = { "sleep", "100", NULL };
        struct bk_error err = { 0 };
        const int64_t before = bk_now_ms();

        (void)state;
        assert_fails_with(bk_run(argv, 200, NULL, &err), err, BK_TIMEOUT);
        assert_true(bk_now_ms() - before < 50000);
}

static void a_daemon_left_behind_does_not_hold_us_up(void **state)
{
        const char *const argv[] = { "sh", "-c", "setsid sleep 100 & echo $!", NULL };
        const struct bk_run run = { .argv = argv, .timeout_ms = 50000 };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };
        const int64_t before = bk_now_ms();

        (void)state;
        assert_ok(bk_run_with(&run, &result, &err), err);
        assert_int_equal(result.status, 0);
        assert_true(result.left_output_open);
        assert_true(bk_now_ms() - before < 40000);
        assert_int_equal(kill(atoi(result.out), SIGKILL), 0);
}

static void collect(void *arg, int stream, const char *line)
{
        bk_strv_addf(arg, "%d:%s", stream, line);
}

static void lines_come_whole(void **state)
{
        const char *const argv[] = { "sh", "-c", "printf 'one\\r\\ntwo\\nend'", NULL };
        autostrv struct bk_strv lines = { 0 };
        const struct bk_run run = { .argv = argv, .timeout_ms = 5000, .on_line = collect, .arg = &lines };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(bk_run_with(&run, &result, &err), err);
        assert_int_equal(lines.n, 3);
        assert_string_equal(lines.v[0], "1:one");
        assert_string_equal(lines.v[1], "1:two");
        assert_string_equal(lines.v[2], "1:end");
}

static void input_larger_than_a_pipe_is_fed(void **state)
{
        const char *const argv[] = { "wc", "-c", NULL };
        autofree char *input = bk_alloc(300000);
        const struct bk_run run = { .argv = argv, .timeout_ms = 5000, .input = input, .input_len = 300000 };
        BK_CLEANUP(bk_run_result_done) struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_ok(bk_run_with(&run, &result, &err), err);
        assert_int_equal(atoi(result.out), 300000);
}

/* What the function gives in an isolated child: its status. */
static int in_isolation(int (*child)(void))
{
        pid_t pid;

        (void)fflush(NULL);
        pid = bk_fork_isolated();
        assert_true(pid >= 0);
        if (pid == 0)
                _exit(child());
        return bk_wait(pid, 50000);
}

static int mount_something(void)
{
        struct bk_error err = { 0 };
        char self[16] = "";

        if (bk_own_mounts(&err) < 0 || readlink("/proc/self", self, sizeof self - 1) < 0 || strcmp(self, "1") != 0)
                return 1;
        return mount("none", "/tmp", "tmpfs", 0, NULL) == 0 ? 0 : 2;
}

static void an_isolated_child_has_its_own_mounts(void **state)
{
        (void)state;
        need("root");
        assert_int_equal(in_isolation(mount_something), 0);
}

static int fail_to_mount(void)
{
        struct bk_error err = { 0 };

        return seteuid(65534) == 0 && bk_own_mounts(&err) < 0 && err.kind == BK_DENIED && err.text[0] != '\0' ? 0 : 1;
}

static void mounts_that_fail_are_told(void **state)
{
        (void)state;
        need("root");
        assert_int_equal(in_isolation(fail_to_mount), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(output_is_captured),
                cmocka_unit_test(a_killed_child_is_a_failure),
                cmocka_unit_test(a_missing_program_is_not_found),
                cmocka_unit_test(a_hanging_child_is_ended),
                cmocka_unit_test(a_daemon_left_behind_does_not_hold_us_up),
                cmocka_unit_test(lines_come_whole),
                cmocka_unit_test(input_larger_than_a_pipe_is_fed),
                cmocka_unit_test(an_isolated_child_has_its_own_mounts),
                cmocka_unit_test(mounts_that_fail_are_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
