/* Specs that do harm, on purpose or not: the caller lives on, keeps what was answered, and nothing is written. */
#include "tests/unit/spec/fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "spec/ruby_priv.h"

#define BEFORE "describe 'faults' do\n  it('before') { }\n"
#define AFTER "\n  it('after') { }\nend\n"

/* One that computes ends before it, so that the next examples run. */
static void an_endless_loop_ends_at_the_deadline(void **state)
{
        static const struct { const char *loop; bool computes; } loops[] = {
                { "loop { }", true }, { "while true; end", true }, { "sleep 60", false }, { "x = 'a'; loop { x = x.reverse }", true },
                { "begin; loop { }; rescue Exception; retry; ensure; loop { }; end", true },
        };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
                autofree char *text = bk_format(BEFORE "  it 'loops' do\n    %s\n  end" AFTER, loops[i].loop);
                const int64_t begun = bk_now_ms();

                print_message("# %s\n", loops[i].loop);
                f->options.timeout_ms = loops[i].computes ? 8000 : 1000;
                run(f, text);
                assert_true(bk_now_ms() - begun < 60000);       /* whatever else the machine does */
                if (loops[i].computes)
                        expect_all(f, { SPEC_PASS, 2, "faults", "before", "" },
                                      { SPEC_ERROR, 3, "faults", "loops", "a_spec.rb:3: the example did not end within 1.001 s of computing" },
                                      { SPEC_PASS, 6, "faults", "after", "" });
                else
                        expect_all(f, { SPEC_PASS, 2, "faults", "before", "" },
                                      { SPEC_ERROR, 3, "faults", "loops", "a_spec.rb:3: the checks did not end within 1.000 s" });
        }
}

static void a_loop_outside_an_example_ends_too_and_later_files_are_named(void **state)
{
        struct fixture *f = *state;
        autofree char *a = write_beside(f, "a_spec.rb", "describe('a') { it('a') { } }\nloop { }"), *b = write_beside(f, "b_spec.rb", "");
        const char *const files[] = { a, b };
        struct bk_error err = { 0 };

        f->options.timeout_ms = 500;
        assert_ok(spec_run(files, 2, &f->target, &f->options, &f->report, &err), err);
        expect_all(f, { SPEC_ERROR, 0, "", "", "the time ran out outside an example" }, { SPEC_ERROR, 0, "", "", "not run" });
        assert_string_equal(f->report.v[1].file, b);
}

static void a_memory_eater_fails_alone(void **state)
{
        static const struct check rows[] = {
                { "a = []; loop { a << 'x' * 100_000 }", SPEC_ERROR, "NoMemoryError" },
                { "a = []; loop { a << a.dup }", SPEC_ERROR, "NoMemoryError" },
                { "x = 'x'; loop { x = x + x }", SPEC_ERROR, "NoMemoryError" },
                { "'x' * (1 << 40)", SPEC_ERROR, "NoMemoryError" },
                { "expect(1).to eq 1", SPEC_PASS, "" },
        };

        expect_rows(*state, rows);
}

static void results_without_end_are_cut_off(void **state)
{
        struct fixture *f = *state;

        run(f, "describe('a') { it('x') { loop { Bakery.result(1, 'g', 'n', 0, 'm' * 1_000_000) } } }");
        assert_true(f->report.n > 1 && f->report.n < 1000);
        assert_int_equal(f->report.v[f->report.n - 1].verdict, SPEC_ERROR);
        assert_non_null(strstr(f->report.v[f->report.n - 1].message, "128 MiB"));
}

/* --- the process running the Ruby dies ------------------------------------- */

/* The process that runs the Ruby, seen from the one that answers it. */
static pid_t the_child(void)
{
        autofree char *path = bk_format("/proc/self/task/%d/children", (int)gettid()), *text = NULL;
        struct bk_error err = { 0 };
        size_t length;

        assert_ok(bk_read_file(path, 4096, &text, &length, &err), err);
        return (pid_t)atoi(text);
}

/* Into its end of the socket. */
static void garble(pid_t pid)
{
        static const char garbage[4096] = "garbage";
        autoclose int process = (int)syscall(SYS_pidfd_open, pid, 0);

        for (int fd = 3; fd < 64; fd++) {
                autoclose int theirs = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
                struct stat st;

                if (theirs >= 0 && fstat(theirs, &st) == 0 && S_ISSOCK(st.st_mode))
                        assert_true(write(theirs, garbage, sizeof garbage) > 0);
        }
}

static int end_by(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret,
                  struct bk_error *err)
{
        (void)arg, (void)ret, (void)input, (void)input_len;
        if (strcmp(line, "garble") == 0)
                garble(the_child());
        if (strncmp(line, "kill", 4) == 0)
                (void)kill(the_child(), atoi(line + 5));
        if (strcmp(line, "hang") == 0) {
                (void)poll(NULL, 0, timeout_ms);
                return bk_fail(err, BK_TIMEOUT, "it took too long");
        }
        return 0;
}

static const struct { const char *line, *message; bool goes_on; } deaths[] = {
        { "kill 9", "killed by signal 9", true },
        { "kill 11", "killed by signal 11", true },
        { "kill 13", "killed by signal 13", true },
        { "garble", "broke its protocol" },
};

static void results_of_a_process_that_dies_are_kept(void **state)
{
        struct fixture *f = *state;

        f->target.sandbox.run = end_by;
        for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
                autofree char *text = bk_format(BEFORE "  it('dies') { command('%s').stdout }" AFTER, deaths[i].line);

                print_message("# %s\n", deaths[i].line);
                run(f, text);
                if (deaths[i].goes_on)
                        expect_all(f, { SPEC_PASS, 2, "faults", "before", "" }, { SPEC_ERROR, 3, "faults", "dies", deaths[i].message },
                                      { SPEC_PASS, 4, "faults", "after", "" });
                else
                        expect_all(f, { SPEC_PASS, 2, "faults", "before", "" }, { SPEC_ERROR, 3, "faults", "dies", deaths[i].message });
        }
}

static void a_command_that_hangs_ends_at_the_deadline(void **state)
{
        struct fixture *f = *state;

        f->target.sandbox.run = end_by;
        f->options.timeout_ms = 500;
        run(f, BEFORE "  its('x') { command('hang').stdout }" AFTER);
        expect_all(f, { SPEC_PASS, 2 }, { SPEC_PASS, 4 }, { SPEC_ERROR, 3, "faults x", "", "the time ran out in this example" });
}

static void results_that_the_engine_never_gives_are_refused(void **state)
{
        static const char *const calls[] = { "Bakery.result(1, 'g', 'n', 99, '')", "Bakery.result(1, 'g', 'n', -1, '')" };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
                autofree char *text = bk_format(BEFORE "  it('forges') { %s }" AFTER, calls[i]);

                run(f, text);
                expect_all(f, { SPEC_PASS, 2 }, { SPEC_ERROR, 3, NULL, "forges", "broke its protocol" });
        }
}

/* A record in memory; its length is returned. */
static size_t record_of(const struct spec_result *result, char *bytes, size_t room)
{
        int ends[2];
        ssize_t length;

        assert_int_equal(pipe(ends), 0);
        assert_int_equal(spec_wire_send(ends[1], SPEC_RECORD_RESULT, result), 0);
        length = read(ends[0], bytes, room);
        (void)close(ends[0]);
        (void)close(ends[1]);
        assert_true(length > 0 && (size_t)length < room);
        return (size_t)length;
}

static void records_are_checked_before_they_are_believed(void **state)
{
        const struct spec_result sent = { .line = 7, .group = (char *)"group", .name = (char *)"name", .message = (char *)"why",
                                          .verdict = SPEC_FAIL, .duration_us = 12 };
        struct spec_result taken = { 0 };
        enum spec_record record;
        char bytes[512];
        const size_t length = record_of(&sent, bytes, sizeof bytes);
        size_t refused = 0;

        (void)state;
        assert_int_equal(spec_wire_take(bytes, length, &record, &taken), (int64_t)length);
        assert_int_equal(record, SPEC_RECORD_RESULT);
        assert_int_equal(taken.line, 7);
        assert_int_equal(taken.verdict, SPEC_FAIL);
        assert_string_equal(taken.group, "group");
        assert_string_equal(taken.message, "why");
        for (size_t cut = 0; cut < length; cut++)
                assert_int_equal(spec_wire_take(bytes, cut, &record, &taken), 0);
        for (size_t at = 0; at < length; at++)
                for (unsigned value = 1; value < 256; value++) {
                        autofree char *copy = bk_alloc(length);         /* of the exact size, for the sanitizer */

                        memcpy(copy, bytes, length);
                        copy[at] = (char)((unsigned char)copy[at] ^ value);
                        const int64_t size = spec_wire_take(copy, length, &record, &taken);

                        assert_true(size <= (int64_t)length);
                        refused += size < 0;
                        if (size > 0)
                                assert_in_range(strlen(taken.file) + strlen(taken.group) + strlen(taken.name) + strlen(taken.message), 0, length);
                }
        assert_true(refused > 0);
}

/* --- ways out of Ruby ------------------------------------------------------ */

static void ways_to_the_build_host_are_closed(void **state)
{
        static const struct check rows[] = {
                { "exit", SPEC_ERROR, "exit is not for specs" },
                { "exit!", SPEC_ERROR, "exit! is not for specs" },
                { "abort 'x'", SPEC_ERROR, "abort is not for specs" },
                { "fork { }", SPEC_ERROR, "fork is not for specs" },
                { "system 'touch', OUT", SPEC_ERROR, "system is not for specs" },
                { "Kernel.system \"touch #{OUT}\"", SPEC_ERROR, "system is not for specs" },
                { "Kernel.instance_method(:system).bind(self).call('true')", SPEC_ERROR, "system is not for specs" },
                { "exec \"touch #{OUT}\"", SPEC_ERROR, "exec is not for specs" },
                { "spawn \"touch #{OUT}\"", SPEC_ERROR, "spawn is not for specs" },
                { "`touch #{OUT}`", SPEC_ERROR, "` is not for specs" },
                { "%x(touch #{OUT})", SPEC_ERROR, "` is not for specs" },
                { "open(OUT, 'w')", SPEC_ERROR, "open is not for specs" },
                { "open \"|touch #{OUT}\"", SPEC_ERROR, "open is not for specs" },
                { "File.open(OUT, 'w') { |f| f.write 'x' }", SPEC_ERROR, "is not for specs" },
                { "File.new(OUT, 'w')", SPEC_ERROR, "undefined method 'new'" },
                { "File.allocate.send(:initialize, OUT, 'w')", SPEC_ERROR, "undefined method" },
                { "Class.instance_method(:new).bind(File).call(OUT, 'w').write('x')", SPEC_ERROR, NULL },
                { "Class.new(File).new(OUT, 'w')", SPEC_ERROR, "undefined method" },
                { "File.write(OUT, 'x')", SPEC_ERROR, "is not for specs" },
                { "File.delete(OUT)", SPEC_ERROR, "is not for specs" },
                { "File.rename('a', 'b')", SPEC_ERROR, "is not for specs" },
                { "File.symlink('a', OUT)", SPEC_ERROR, "is not for specs" },
                { "IO.popen('true')", SPEC_ERROR, "is not for specs" },
                { "IO.sysopen(OUT, 'w')", SPEC_ERROR, "undefined method 'sysopen'" },
                { "IO.for_fd(1).write('x')", SPEC_ERROR, "undefined method 'for_fd'" },
                { "IO.pipe", SPEC_ERROR, "undefined method 'pipe'" },
                { "TCPSocket.new('127.0.0.1', 1)", SPEC_ERROR, "uninitialized constant" },
                { "Socket", SPEC_ERROR, "uninitialized constant" },
                { "Dir.mkdir(OUT)", SPEC_ERROR, "is not for specs" },
                { "Process.kill(9, 1)", SPEC_ERROR, "is not for specs" },
                { "STDOUT.write('leak')", SPEC_ERROR, "uninitialized constant" },
                { "$stdout.puts 'leak'; $stderr.write 'leak'; puts 'leak'; print 'leak'; p 'leak'; warn 'leak'", SPEC_PASS, "" },
                { "__printstr__ 'leak'", SPEC_ERROR, "undefined method" },
                { "gets", SPEC_ERROR, "gets is not for specs" },
                { "ObjectSpace.each_object(Class) { }", SPEC_ERROR, "uninitialized constant" },
                { "eval('system(1)')", SPEC_ERROR, "system is not for specs" },
                { "ENV['BAKERY_NO_SUCH'] = 'x'; raise 'set' unless ENV['PATH']", SPEC_PASS, "" },
                { "raise 'told' if ENV['BAKERY_TOKEN'] || ENV['BAKERY_DB'] || ENV['PGPASSWORD']; raise 'lost' unless ENV['BAKERY_TOKENS']",
                  SPEC_PASS, "" },
        };
        struct fixture *f = *state;
        autofree char *out = bk_format("%s/out", f->home), *helper = bk_format("OUT = '%s'\n", out);
        autofree char *helper_path = write_beside(f, "spec_helper.rb", helper);

        assert_int_equal(setenv("BAKERY_TOKEN", "t", 1) | setenv("BAKERY_DB", "d", 1) | setenv("PGPASSWORD", "p", 1) |
                         setenv("BAKERY_TOKENS", "not ours", 1), 0);
        run(f, "require 'spec_helper'\ndescribe('helper') { it('is read') { OUT.should_not be_nil } }");
        expect_one(f, SPEC_PASS, "");
        struct check with_helper[sizeof rows / sizeof *rows];

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                char *check = bk_format("require 'spec_helper'; %s", rows[i].check);

                with_helper[i] = (struct check){ check, rows[i].verdict, rows[i].message };
        }
        expect_checks(f, with_helper, sizeof rows / sizeof *rows);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                free((char *)with_helper[i].check);
        assert_false(bk_exists(out));
        assert_null(getenv("BAKERY_NO_SUCH"));
        assert_int_equal(unsetenv("BAKERY_TOKEN") | unsetenv("BAKERY_DB") | unsetenv("PGPASSWORD") | unsetenv("BAKERY_TOKENS"), 0);
}

static void files_beside_the_spec_can_be_read_and_no_others(void **state)
{
        struct fixture *f = *state;
        autofree char *deep = bk_format("%s/lib", f->folder), *outer = bk_format("%s/spec", f->folder);
        struct bk_error err = { 0 };

        assert_ok(bk_mkdir_p(deep, &err), err);
        assert_ok(bk_mkdir_p(outer, &err), err);
        autofree char *data = write_beside(f, "data.txt", "a\nb\n"), *secret = write_beside(f, "../secret.txt", "secret");
        autofree char *helper = write_beside(f, "lib/helper.rb", "def helped\n  'yes'\nend\n");
        autofree char *evil = write_beside(f, "../.evil.rb", "raise 'evil was loaded'\n"), *link = bk_format("%s/link.txt", f->folder);
        autofree char *evil_link = bk_format("%s/evil_link.rb", f->folder), *inner = NULL;
        autofree char *text = bk_format(
                "describe 'beside' do\n"
                "  folder = '%s'\n"
                "  require_relative 'lib/helper'\n"
                "  it('helper') { expect(helped).to eq 'yes' }\n"
                "  it('read') { expect(File.read(\"#{folder}/data.txt\")).to eq \"a\\nb\\n\" }\n"
                "  it('lines') { expect(File.readlines(File.join(folder, 'lib', '..', 'data.txt')).size).to eq 2 }\n"
                "  it('kinds') { expect([File.exist?(folder), File.directory?(folder), File.file?(\"#{folder}/data.txt\")]).to all(be true) }\n"
                "  ['../secret.txt', 'link.txt', 'lib/../../secret.txt', 'lib', 'none', \"data.txt\\0\"].each do |name|\n"
                "    it(name) { File.read(\"#{folder}/#{name}\") }\n"
                "  end\n"
                "  ['/etc/hostname', '/proc/self/environ', '/dev/zero', ''].each { |name| it(name) { IO.read(name) } }\n"
                "  it('exist') { expect([File.exist?('/etc'), File.exist?(\"#{folder}/link.txt\"), File.file?('/etc/passwd')]).to all(be false) }\n"
                "  it('evil') { require_relative '../.evil' }\n"
                "  it('evil link') { require \"#{folder}/evil_link\" }\n"
                "end\n", f->folder);

        assert_int_equal(symlink(secret, link), 0);
        assert_int_equal(symlink(evil, evil_link), 0);
        run(f, text);
        assert_int_equal(f->report.n, 17);
        for (size_t i = 0; i < 17; i++) {
                const struct spec_result *r = &f->report.v[i];

                print_message("# %s\n", r->name);
                assert_null(strstr(r->message, "evil was loaded"));
                assert_int_equal(r->verdict, i < 4 || i == 14 ? SPEC_PASS : SPEC_ERROR);
        }
        /* The nearest folder called spec, not the outermost, is the limit. */
        inner = write_beside(f, "spec/inner_spec.rb", "describe('x') { it('y') { File.read(File.join(File.dirname(__FILE__), '..', 'data.txt')) } }");
        spec_report_done(&f->report);
        assert_ok(spec_run((const char *const[]){ inner }, 1, &f->target, &f->options, &f->report, &err), err);
        expect_one(f, SPEC_ERROR, "only files in the spec's folder");
}

/* --- the second fence ------------------------------------------------------ */

/* Which of the ways out are open to a process behind the fence? One bit each. */
static int behind_fence(const char *path)
{
        const pid_t pid = fork();
        int status = 0, open_ways = 0;

        if (pid == 0) {
                pid_t child;

                if (spec_fence() < 0)
                        _exit(255);
                open_ways |= open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0 ? 1 : 0;
                open_ways |= mkdir(path, 0700) == 0 || errno == EEXIST ? 2 : 0;
                open_ways |= socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0 ? 4 : 0;
                child = fork();
                if (child == 0)
                        _exit(0);
                open_ways |= child > 0 && waitpid(child, NULL, 0) == child ? 8 : 0;
                open_ways |= open("/", O_RDONLY | O_CLOEXEC) >= 0 ? 16 : 0;
                if (execl("/bin/true", "true", NULL) < 0)
                        _exit(open_ways);
        }
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static void the_kernel_holds_what_ruby_would_let_through(void **state)
{
        const struct fixture *f = *state;
        autofree char *path = bk_format("%s/written", f->home);

        assert_int_equal(behind_fence(path), 16);       /* reading alone */
        assert_false(bk_exists(path));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(an_endless_loop_ends_at_the_deadline),
                spec_test(a_loop_outside_an_example_ends_too_and_later_files_are_named),
                spec_test(a_memory_eater_fails_alone),
                spec_test(results_without_end_are_cut_off),
                spec_test(results_of_a_process_that_dies_are_kept),
                spec_test(a_command_that_hangs_ends_at_the_deadline),
                spec_test(results_that_the_engine_never_gives_are_refused),
                cmocka_unit_test(records_are_checked_before_they_are_believed),
                spec_test(ways_to_the_build_host_are_closed),
                spec_test(files_beside_the_spec_can_be_read_and_no_others),
                spec_test(the_kernel_holds_what_ruby_would_let_through),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
