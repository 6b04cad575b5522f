/* Libraries that are loaded at the first call of a function: what is passed arrives, and what is missing is told.
 *
 * Each case is a process of its own: only the first call of a library takes the long way. The Makefile makes the libraries
 * of tests/unit/lib/lazy/ and lets tools/lazy link them. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "lib/fs.h"
#include "lib/lazy.h"
#include "lib/run.h"
#include "tests/unit/lib/lazy/lazy.h"

enum { WAIT_MS = 50000, THREADS = 8 };

static bool whole_variadic(void)
{
        return lazy_sum(9, 1L, 2L, 3L, 4L, 5L, 6L, 7L, 8L, 9L) == 123456789;
}

static bool real_variadic(void)
{
        return lazy_mean(10, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5) == 6.0;
}

static bool many(void)
{
        return lazy_many(1, 2, 3, 4, 5, 6, 7, 8, 9, .5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5F, 'z') ==
               285 + .5 + 3 + 7.5 + 14 + 22.5 + 33 + 45.5 + 60 + 76.5 + 95 + 'z';
}

static bool long_double(void)
{
        return lazy_long_double(1.0L, 3) == 1.0L / 3;
}

static bool large_struct(void)
{
        const struct lazy_large got = lazy_make_large((struct lazy_large){ { 10, 20, 30, 40, 50, 60 } }, 1);
        const struct lazy_large wanted = { { 10, 21, 32, 43, 54, 65 } };

        return memcmp(&got, &wanted, sizeof got) == 0;
}

static bool mixed_struct(void)
{
        const struct lazy_mixed got = lazy_make_mixed(1.25, 21);

        return got.real == 2.5 && got.whole == 42;
}

static bool real_struct(void)
{
        const struct lazy_reals got = lazy_make_reals((struct lazy_reals){ { 1.5, 2.5 } }, 4);

        return got.v[0] == 6 && got.v[1] == 10;
}

static bool errno_kept(void)
{
        errno = E2BIG;
        return lazy_errno() == E2BIG;
}

static long twice(void *arg)
{
        return *(long *)arg * 2;
}

static bool callback(void)
{
        long (*volatile function)(long (*)(void *), void *) = lazy_call_back;
        long number = 21;

        return function(twice, &number) == 42;
}

static bool print(const char *format, ...)
{
        char text[64];
        va_list args;
        int n;

        va_start(args, format);
        n = lazy_print(text, sizeof text, format, args);
        va_end(args);
        return n == 12 && strcmp(text, "7 and 2.50 x") == 0;
}

static bool argument_list(void)
{
        return print("%d and %.2f %s", 7, 2.5, "x");
}

static bool second_call(void)
{
        return whole_variadic() && many() && large_struct() && whole_variadic();
}

static pthread_barrier_t barrier;

static void *race(void *arg)
{
        (void)arg;
        (void)pthread_barrier_wait(&barrier);
        return many() && real_variadic() ? NULL : &barrier;
}

static bool threads_at_once(void)
{
        pthread_t threads[THREADS];
        bool all = true;

        (void)pthread_barrier_init(&barrier, NULL, THREADS);
        for (int i = 0; i < THREADS; i++)
                if (pthread_create(&threads[i], NULL, race, NULL) != 0)
                        return false;
        for (int i = 0; i < THREADS; i++) {
                void *failed = NULL;

                all &= pthread_join(threads[i], &failed) == 0 && failed == NULL;
        }
        return all;
}

static bool loaded_before_a_foreign_root(void)
{
        struct bk_error err = { 0 };

        return bk_lazy_need("liblazy_whole.so", &err) == 0 && (geteuid() != 0 || chroot("/proc") == 0) && many();
}

static bool not_in_the_list(void)
{
        struct bk_error err = { 0 };

        return bk_lazy_need("libc.so", &err) == 0;
}

static const struct { const char *what; bool (*check)(void); } intact[] = {
        { "variadic whole numbers", whole_variadic },
        { "variadic real numbers", real_variadic },
        { "more arguments than registers of both kinds", many },
        { "long double", long_double },
        { "a structure returned in memory", large_struct },
        { "a structure returned in registers of both kinds", mixed_struct },
        { "a structure of real numbers", real_struct },
        { "errno", errno_kept },
        { "a call through a pointer, and back", callback },
        { "an argument list", argument_list },
        { "later calls", second_call },
        { "first calls of several threads at once", threads_at_once },
        { "a library that is loaded before the root is another", loaded_before_a_foreign_root },
        { "a library that is linked normally", not_in_the_list },
};

static int in_a_child(bool (*check)(void))
{
        const pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                _exit(check() ? 0 : 1);
        return bk_wait(pid, WAIT_MS);
}

static void first_calls_arrive_intact(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof intact / sizeof *intact; i++) {
                print_message("# %s\n", intact[i].what);
                assert_int_equal(in_a_child(intact[i].check), 0);
        }
}

/* The exit code of a child, and what it said. */
static int told(void (*function)(void), char **ret)
{
        char path[] = "/tmp/bakery-lazy-XXXXXX";
        autoclose int fd = mkstemp(path);
        struct bk_error err = { 0 };
        pid_t pid;
        int status;

        assert_true(fd >= 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                (void)dup2(fd, 2);
                function();
                _exit(0);
        }
        status = bk_wait(pid, WAIT_MS);
        assert_ok(bk_read_file(path, 65536, ret, NULL, &err), err);
        (void)unlink(path);
        return status;
}

static void call_absent(void)
{
        (void)lazy_absent();
}

static void call_old(void)
{
        if (lazy_old() == 0)
                (void)lazy_new();
}

static void call_in_a_foreign_root(void)
{
        if (chroot("/tmp") == 0)
                (void)many();
}

static void a_missing_library_ends_the_program_with_a_sentence(void **state)
{
        autofree char *text = NULL;

        (void)state;
        assert_int_equal(told(call_absent, &text), 6);
        assert_non_null(strstr(text, "liblazy_absent.so.1 is needed for nothing at all and cannot be loaded: "));
        assert_non_null(strstr(text, "No such file or directory; install the package absent1"));
}

static void a_missing_function_ends_the_program_with_a_sentence(void **state)
{
        autofree char *text = NULL;

        (void)state;
        assert_int_equal(told(call_old, &text), 6);
        assert_non_null(strstr(text, "liblazy_older.so.1 is needed for tests and cannot be loaded: it has no lazy_new; install"));
}

static void nothing_comes_from_a_foreign_root(void **state)
{
        autofree char *text = NULL;

        (void)state;
        need("root");
        assert_int_equal(told(call_in_a_foreign_root, &text), 6);
        assert_non_null(strstr(text, "it would come from a foreign root"));
}

static void who_asks_first_has_an_error(void **state)
{
        struct bk_error err = { 0 };
        struct bk_lazy_library library;
        size_t n = 0;

        (void)state;
        assert_fails_with(bk_lazy_need("liblazy_absent.so", &err), err, BK_INFRA);
        while (bk_lazy_library(n, &library))
                n++;
        assert_int_equal(n, 3);
        assert_true(bk_lazy_library(2, &library));
        assert_string_equal(library.name, "liblazy_older.so.1");
        assert_string_equal(library.package, "older1");
        assert_string_equal(library.purpose, "tests");
        assert_ok(bk_lazy_load(0, &err), err);
        assert_ok(bk_lazy_load(3, &err), err);
}

static void write_a_slot(void)
{
        extern void *bk_lazy_slots[];

        (void)signal(SIGSEGV, SIG_DFL);
        *(void *volatile *)bk_lazy_slots = NULL;
}

static void write_a_slot_afterwards(void)
{
        if (many())
                write_a_slot();
}

static void addresses_are_read_only(void **state)
{
        autofree char *text = NULL, *more = NULL;

        (void)state;
        assert_int_equal(told(write_a_slot, &text), 128 + SIGSEGV);
        assert_int_equal(told(write_a_slot_afterwards, &more), 128 + SIGSEGV);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(first_calls_arrive_intact),
                cmocka_unit_test(a_missing_library_ends_the_program_with_a_sentence),
                cmocka_unit_test(a_missing_function_ends_the_program_with_a_sentence),
                cmocka_unit_test(nothing_comes_from_a_foreign_root),
                cmocka_unit_test(addresses_are_read_only),
                cmocka_unit_test(who_asks_first_has_an_error),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
