/* SSH against a real sshd: commands and files. One session serves most of it. */
#include "tests/unit/vm/sshd.h"

#include <poll.h>

#include "lib/digest.h"

#define SFTP "Subsystem sftp internal-sftp"

struct work {
        struct sshd s, bare;            /* bare has no SFTP */
        struct vm_ssh_config c[2];
        struct vm_ssh *ssh[2];
        char *here;                     /* a folder for our own files */
};
static struct work work;

static int begin(void **state)
{
        struct bk_error err = { 0 };

        (void)state;
        if (geteuid() != 0 || access("/usr/sbin/sshd", X_OK) < 0)
                return 0;               /* each test says so */
        sshd_start(&work.s, SFTP);
        sshd_start(&work.bare, "");
        work.c[0] = sshd_login(&work.s);
        work.c[1] = sshd_login(&work.bare);
        for (int i = 0; i < 2; i++)
                if (vm_ssh_connect(&work.c[i], &work.ssh[i], &err) < 0) {
                        print_error("%s\n", err.text);
                        return -1;
                }
        work.here = bk_format("%s/here", work.s.dir);
        return bk_mkdir_p(work.here, &err);
}

static int end(void **state)
{
        (void)state;
        for (int i = 0; i < 2; i++)
                vm_ssh_close(work.ssh[i]);
        free(work.here);
        sshd_done(&work.s);
        sshd_done(&work.bare);
        return 0;
}

static void prerequisites(void)
{
        need("root");
        need("/usr/sbin/sshd");
}

/* --- commands --------------------------------------------------------------- */

static const struct { const char *command; int status; } statuses[] = {
        { "true", 0 }, { "exit 1", 1 }, { "exit 255", 255 }, { "no-such-command 2>/dev/null", 127 },
        { "kill -9 $$", 128 + SIGKILL }, { "kill -TERM $$", 128 + SIGTERM }, { "kill -SEGV $$", 128 + SIGSEGV },
};

static void the_end_of_a_command_is_told(void **state)
{
        (void)state;
        prerequisites();
        for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
                print_message("# %s\n", statuses[i].command);
                assert_int_equal(status_of(work.ssh[0], statuses[i].command), statuses[i].status);
        }
}

static void both_streams_and_input(void **state)
{
        autofree char *input = bk_alloc(3000000);
        const struct vm_ssh_run both = { .command = "echo out; echo err >&2", .timeout_ms = 30000 };
        const struct vm_ssh_run count = { .command = "wc -c", .timeout_ms = 60000, .input = input, .input_len = 3000000 };
        const struct vm_ssh_run deaf = { .command = "exec <&-; exit 4", .timeout_ms = 60000, .input = input, .input_len = 3000000 };
        const struct vm_ssh_run nothing = { .command = "cat", .timeout_ms = 30000 };
        struct bk_error err = { 0 };

        (void)state;
        prerequisites();
        for (int i = 0; i < 4; i++) {
                const struct vm_ssh_run *const runs[] = { &both, &count, &deaf, &nothing };
                autoresult struct vm_ssh_result result = { 0 };

                assert_ok(vm_ssh_run(work.ssh[0], runs[i], &result, &err), err);
                if (i == 0) {
                        assert_string_equal(result.out, "out\n");
                        assert_string_equal(result.err, "err\n");
                        assert_int_equal(result.err_len, 4);
                }
                if (i == 1)
                        assert_int_equal(atoi(result.out), 3000000);
                if (i == 2)
                        assert_int_equal(result.status, 4);
                if (i == 3)
                        assert_string_equal(result.out, "");
        }
}

static void five_megabytes_come_whole(void **state)
{
        struct vm_ssh_run run = { .command = "head -c 5000000 /dev/zero; head -c 100000 /dev/zero >&2", .timeout_ms = 60000 };
        autoresult struct vm_ssh_result result = { 0 }, none = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        prerequisites();
        assert_ok(vm_ssh_run(work.ssh[0], &run, &result, &err), err);
        assert_int_equal(result.out_len, 5000000);
        assert_int_equal(result.err_len, 100000);
        run.capture_most = 4999999;
        assert_fails_with(vm_ssh_run(work.ssh[0], &run, &none, &err), err, BK_FAILED);
        assert_non_null(strstr(err.text, "more than can be kept"));
        run.capture_most = 5000000;
        assert_ok(vm_ssh_run(work.ssh[0], &run, &none, &err), err);
}

static void collect(void *arg, int stream, const char *line)
{
        bk_strv_addf(arg, "%d:%s", stream, line);
}

static void lines_come_whole(void **state)
{
        autostrv struct bk_strv lines = { 0 };
        const struct vm_ssh_run run = {
                .command = "printf 'one\\r\\ntwo\\n'; printf 'bad\\n' >&2; head -c 20000 /dev/zero | tr '\\0' x; echo; printf end",
                .timeout_ms = 30000, .on_line = collect, .arg = &lines,
        };
        autoresult struct vm_ssh_result result = { 0 };
        struct bk_error err = { 0 };
        size_t longest = 0, x = 0;

        (void)state;
        prerequisites();
        assert_ok(vm_ssh_run(work.ssh[0], &run, &result, &err), err);
        assert_true(bk_strv_has(&lines, "1:one"));
        assert_true(bk_strv_has(&lines, "1:two"));
        assert_true(bk_strv_has(&lines, "2:bad"));
        assert_true(bk_strv_has(&lines, "1:end"));
        for (size_t i = 0; i < lines.n; i++)
                if (lines.v[i][2] == 'x') {
                        x += strlen(lines.v[i]) - 2;
                        longest = strlen(lines.v[i]) - 2 > longest ? strlen(lines.v[i]) - 2 : longest;
                }
        assert_int_equal(x, 20000);
        assert_int_equal(longest, 8192);
}

static void a_command_that_takes_too_long_is_left(void **state)
{
        const struct vm_ssh_run run = { .command = "echo working >&2; exec sleep 321", .timeout_ms = 700 };
        autoresult struct vm_ssh_result result = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        prerequisites();
        assert_fails_with(vm_ssh_run(work.ssh[0], &run, &result, &err), err, BK_TIMEOUT);
        assert_non_null(strstr(err.text, "working"));
        assert_int_equal(status_of(work.ssh[0], "exit 6"), 6);
}

static void a_daemon_left_behind_does_not_hold_us_up(void **state)
{
        const int64_t before = bk_now_ms();

        (void)state;
        prerequisites();
        assert_int_equal(status_of(work.ssh[0], "sleep 322 & exit 9"), 9);
        assert_true(bk_now_ms() - before < 200000);
}

static void a_terminal_when_asked_for(void **state)
{
        struct vm_ssh_config c = work.c[0];
        autossh struct vm_ssh *ssh = NULL;
        const struct vm_ssh_run run = { .command = "read line; echo got $line; cat", .timeout_ms = 30000, .input = "hello\n", .input_len = 6 };
        autoresult struct vm_ssh_result result = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        prerequisites();
        assert_int_equal(status_of(work.ssh[0], "test -t 0"), 1);
        c.pty = true;
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
        assert_int_equal(status_of(ssh, "test -t 0 && test -t 1 && test -t 2 && test \"$TERM\" = xterm"), 0);
        assert_ok(vm_ssh_run(ssh, &run, &result, &err), err);
        assert_non_null(strstr(result.out, "got hello"));
}

static void a_cut_connection_is_a_status(void **state)
{
        autossh struct vm_ssh *ssh = NULL;
        const struct vm_ssh_run run = { .command = "true", .timeout_ms = 30000 };
        autoresult struct vm_ssh_result result = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        prerequisites();
        assert_ok(vm_ssh_connect(&work.c[0], &ssh, &err), err);
        assert_ok(vm_ssh_write(ssh, "before", "1", 1, 0644, &err), err);
        assert_int_equal(status_of(ssh, "kill -9 $PPID; sleep 323"), VM_SSH_DISCONNECTED);
        assert_false(vm_ssh_connected(ssh));
        assert_fails_with(vm_ssh_run(ssh, &run, &result, &err), err, BK_INFRA);
        assert_fails_with(vm_ssh_write(ssh, "x", "1", 1, 0644, &err), err, BK_INFRA);
        assert_ok(vm_ssh_reconnect(ssh, &err), err);
        assert_true(vm_ssh_connected(ssh));
        assert_int_equal(status_of(ssh, "exit 8"), 8);
        assert_ok(vm_ssh_write(ssh, "after", "1", 1, 0644, &err), err);
}

static int dies_later(void *arg, struct bk_error *err)
{
        int *left = arg;

        return *left > 0 && --*left == 0 ? bk_fail(err, BK_FAILED, "the guest died of testing") : 0;
}

static void a_dead_guest_ends_a_command(void **state)
{
        int left = 0;
        autofree char *endless = bk_format("%s/endless", work.here);
        struct vm_ssh_config c = work.c[0];
        autossh struct vm_ssh *ssh = NULL;
        const struct vm_ssh_run run = { .command = "sleep 324", .timeout_ms = 600000 };
        autoresult struct vm_ssh_result result = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        prerequisites();
        c.alive = dies_later;
        c.arg = &left;
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
        left = 4;
        assert_fails_with(vm_ssh_run(ssh, &run, &result, &err), err, BK_FAILED);
        assert_non_null(strstr(err.text, "died of testing"));
        left = 3;
        assert_fails_with(vm_ssh_download(ssh, "/dev/zero", endless, &err), err, BK_FAILED);
        assert_int_equal(access(endless, F_OK), -1);
        assert_non_null(strstr(err.text, "died of testing"));
}

static void silence_is_death_unless_kept_alive(void **state)
{
        struct vm_ssh_config c = work.c[0];
        autossh struct vm_ssh *ssh = NULL;
        struct bk_error err = { 0 };

        (void)state;
        prerequisites();
        c.read_write_timeout_ms = 1000;
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
        assert_int_equal(status_of(ssh, "sleep 325"), VM_SSH_DISCONNECTED);
        assert_false(vm_ssh_connected(ssh));
        assert_ok(vm_ssh_reconnect(ssh, &err), err);
        print_message("# a session that nobody uses is not silent\n");
        (void)poll(NULL, 0, 2500);
        assert_int_equal(status_of(ssh, "exit 3"), 3);
        c.keep_alive_ms = 200;
        assert_ok(vm_ssh_reconnect(ssh, &err), err);
        assert_int_equal(status_of(ssh, "sleep 2.5; exit 7"), 7);
}

/* --- files, by SFTP and without ---------------------------------------------- */

static char *at_home(int i, const char *name)
{
        return bk_format("%s/%s", i == 0 ? work.s.home : work.bare.home, name);
}

static void random_file(const char *path, const char *size, mode_t mode)
{
        const char *const argv[] = { "sh", "-c", "head -c $1 /dev/urandom > \"$2\"", "sh", size, path, NULL };
        struct bk_error err = { 0 };

        assert_ok(bk_run(argv, 60000, NULL, &err), err);
        assert_int_equal(chmod(path, mode), 0);
}

static void assert_same(const char *a, const char *b)
{
        autofree char *one = NULL, *other = NULL;
        struct bk_error err = { 0 };

        assert_ok(bk_digest_file(a, &one, &err), err);
        assert_ok(bk_digest_file(b, &other, &err), err);
        assert_string_equal(one, other);
}

static const struct { const char *name, *size; mode_t mode; } files[] = {
        { "empty", "0", 0644 }, { "one", "1", 0600 }, { "block", "32768", 0755 }, { "large", "20000000", 0444 },
        { "with blanks", "10", 0640 }, { "it's \"quoted\" $HOME `id`", "10", 0777 }, { "-rf", "10", 0644 }, { "umläut", "10", 04755 },
        { "new\nline", "10", 0666 },
};

static void files_go_and_come_back(void **state)
{
        struct bk_error err = { 0 };

        (void)state;
        prerequisites();
        for (size_t i = 0; i < 2 * sizeof files / sizeof *files; i++) {
                const int way = (int)(i % 2);
                const char *name = files[i / 2].name;
                autofree char *from = bk_format("%s/%s", work.here, name), *there = at_home(way, name), *back = bk_format("%s/back", work.here);
                struct stat st;

                print_message("# %s %s\n", way == 0 ? "SFTP" : "cat", name);
                random_file(from, files[i / 2].size, files[i / 2].mode);
                /* A relative name is the user's home's. */
                int64_t before = bk_now_ms();
                assert_ok(vm_ssh_upload(work.ssh[way], from, name, &err), err);
                const int64_t up = bk_now_ms() - before;
                assert_same(from, there);
                assert_int_equal(stat(there, &st), 0);
                assert_int_equal(st.st_mode & 07777, files[i / 2].mode);
                assert_int_equal(st.st_uid, UID);
                before = bk_now_ms();
                assert_ok(vm_ssh_download(work.ssh[way], there, back, &err), err);
                if (st.st_size > 1000000)
                        print_message("# %s: %lld MB/s up, %lld MB/s down\n", way == 0 ? "SFTP" : "cat", (long long)(st.st_size / 1000 / (up + 1)),
                                      (long long)(st.st_size / 1000 / (bk_now_ms() - before + 1)));
                assert_same(back, there);
                assert_ok(vm_ssh_unlink(work.ssh[way], name, &err), err);
                assert_int_equal(access(there, F_OK), -1);
                assert_ok(vm_ssh_unlink(work.ssh[way], name, &err), err);
        }
}

static void memory_goes_and_comes_back(void **state)
{
        struct bk_error err = { 0 };

        (void)state;
        prerequisites();
        for (int way = 0; way < 2; way++) {
                autofree char *there = at_home(way, "memory"), *text = NULL, *version = NULL, *none = NULL;
                struct stat st;
                size_t length = 0;

                assert_ok(vm_ssh_write(work.ssh[way], there, "a\0b", 3, 0640, &err), err);
                assert_int_equal(stat(there, &st), 0);
                assert_int_equal(st.st_mode & 07777, 0640);
                assert_ok(vm_ssh_read(work.ssh[way], there, 3, &text, &length, &err), err);
                assert_int_equal(length, 3);
                assert_memory_equal(text, "a\0b", 4);
                assert_fails_with(vm_ssh_read(work.ssh[way], there, 2, &none, NULL, &err), err, BK_INVALID);
                /* A file whose size is not known before. */
                assert_ok(vm_ssh_read(work.ssh[way], "/proc/version", 4096, &version, &length, &err), err);
                assert_memory_equal(version, "Linux", 5);
                assert_fails_with(vm_ssh_read(work.ssh[way], "/no/such", 10, &none, NULL, &err), err, BK_NOT_FOUND);
                assert_fails_with(vm_ssh_read(work.ssh[way], "/etc/shadow", 10, &none, NULL, &err), err, BK_DENIED);
                print_message("# %s\n", err.text);
                assert_null(none);
                assert_ok(vm_ssh_write(work.ssh[way], there, "", 0, 0600, &err), err);
                assert_int_equal(stat(there, &st), 0);
                assert_int_equal(st.st_size, 0);
        }
}

static void a_folder_is_listed(void **state)
{
        struct bk_error err = { 0 };

        (void)state;
        prerequisites();
        for (int way = 0; way < 2; way++) {
                autofree char *folder = at_home(way, "listed"), *file = bk_format("%s/a file", folder), *link = bk_format("%s/link", folder);
                BK_CLEANUP(bk_strv_done) struct bk_strv names = { 0 }, none = { 0 };

                assert_int_equal(mkdir(folder, 0755), 0);
                assert_int_equal(chmod(folder, 0777), 0);       /* who logs in is another user */
                assert_ok(vm_ssh_list(work.ssh[way], folder, &none, &err), err);
                assert_int_equal(none.n, 0);
                assert_ok(vm_ssh_write(work.ssh[way], file, "x", 1, 0644, &err), err);
                assert_int_equal(symlink("a file", link), 0);
                assert_ok(vm_ssh_list(work.ssh[way], folder, &names, &err), err);
                assert_int_equal(names.n, 2);
                assert_string_equal(names.v[bk_streq(names.v[0], "link")], "a file");
                assert_string_equal(names.v[!bk_streq(names.v[0], "link")], "link");
                assert_int_equal(vm_ssh_list(work.ssh[way], "/no/such", &none, &err), -1);
        }
}

static void a_missing_folder_is_told(void **state)
{
        struct bk_error err = { 0 };

        (void)state;
        prerequisites();
        for (int way = 0; way < 2; way++) {
                autofree char *from = bk_format("%s/file", work.here), *folder = at_home(way, "folder");

                random_file(from, "10", 0644);
                assert_fails_with(vm_ssh_upload(work.ssh[way], from, "no/such/file", &err), err, BK_NOT_FOUND);
                print_message("# %s\n", err.text);
                assert_non_null(strstr(err.text, "no folder 'no/such/'"));
                assert_fails_with(vm_ssh_upload(work.ssh[way], from, "/etc/passwd", &err), err, BK_DENIED);
                assert_int_equal(mkdir(folder, 0777), 0);
                assert_int_equal(chown(folder, UID, UID), 0);
                assert_fails_with(vm_ssh_upload(work.ssh[way], from, folder, &err), err, BK_CONFLICT);
                assert_fails_with(vm_ssh_upload(work.ssh[way], "/no/such", "x", &err), err, BK_NOT_FOUND);
                assert_fails_with(vm_ssh_download(work.ssh[way], "no such", from, &err), err, BK_NOT_FOUND);
                assert_fails_with(vm_ssh_download(work.ssh[way], from, "/no/such/place", &err), err, BK_NOT_FOUND);
                assert_int_equal(status_of(work.ssh[way], "true"), 0);
        }
}

/* from, to, and where "f" of the folder arrives; under "up" resp. "down". */
static const struct { const char *from, *to, *arrives; } rules[] = {
        { "tree", ".", "tree/f" }, { "tree/", "other", "other/f" }, { "tree", "other/", "other/tree/f" }, { "tree/f", "renamed", "renamed" },
        { "tree/f", "other/", "other/f" },
};

static void folders_go_and_come_back(void **state)
{
        struct bk_error err = { 0 };
        const char *const make[] = { "sh", "-ec", "cd \"$1\"; mkdir -p 'tree/in side/.deep'; echo 1 >tree/f; echo 2 >tree/.hidden; "
                                     "echo 3 >'tree/in side/.deep/x'; ln -s ../f 'tree/in side/link'; ln -s f tree/also; chmod 750 'tree/in side'",
                                     "sh", work.here, NULL };

        (void)state;
        prerequisites();
        assert_ok(bk_run(make, 20000, NULL, &err), err);
        for (int way = 0; way < 2; way++) {
                autofree char *up = at_home(way, "up"), *down = bk_format("%s/down%d", work.here, way), *tree = bk_format("%s/tree", work.here);

                assert_int_equal(status_of(work.ssh[way], "mkdir up"), 0);
                assert_ok(bk_mkdir_p(down, &err), err);
                for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
                        autofree char *from = bk_format("%s/%s", work.here, rules[i].from), *to = bk_format("up/%s", rules[i].to);
                        autofree char *there = bk_format("%s/%s", up, rules[i].arrives), *back = bk_format("%s/%s", down, rules[i].to);
                        autofree char *here = bk_format("%s/%s", down, rules[i].arrives), *source = bk_format("up/%s", rules[i].from);

                        print_message("# %s %s -> %s\n", way == 0 ? "SFTP" : "cat", rules[i].from, rules[i].to);
                        assert_ok(vm_ssh_upload(work.ssh[way], from, to, &err), err);
                        assert_int_equal(access(there, F_OK), 0);
                        assert_ok(vm_ssh_download(work.ssh[way], source, back, &err), err);
                        assert_int_equal(access(here, F_OK), 0);
                }
                autofree char *sent = bk_format("%s/tree", up), *got = bk_format("%s/tree", down), *inside = bk_format("%s/tree/in side", up);
                const char *const there_diff[] = { "diff", "-r", tree, sent, NULL }, *const here_diff[] = { "diff", "-r", tree, got, NULL };
                struct stat st;

                assert_ok(bk_run(there_diff, 20000, NULL, &err), err);
                assert_ok(bk_run(here_diff, 20000, NULL, &err), err);
                assert_int_equal(stat(inside, &st), 0);
                assert_int_equal(st.st_mode & 07777, 0750);
        }
}

static void a_link_back_does_not_go_round(void **state)
{
        struct bk_error err = { 0 };
        autofree char *folder = bk_format("%s/round", work.here), *link = bk_format("%s/back", folder);

        (void)state;
        prerequisites();
        assert_ok(bk_mkdir_p(folder, &err), err);
        assert_int_equal(symlink("..", link), 0);
        assert_fails_with(vm_ssh_upload(work.ssh[0], folder, ".", &err), err, BK_INVALID);
        assert_non_null(strstr(err.text, "leads back"));
}

static void a_subsystem_that_is_not_installed_falls_back(void **state)
{
        autosshd struct sshd s = { 0 };
        autossh struct vm_ssh *ssh = NULL;
        autofree char *text = NULL;
        struct bk_error err = { 0 };

        (void)state;
        sshd_start(&s, "Subsystem sftp /no/such/sftp-server");
        const struct vm_ssh_config c = sshd_login(&s);

        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
        assert_ok(vm_ssh_write(ssh, "x", "text", 4, 0644, &err), err);
        assert_ok(vm_ssh_read(ssh, "x", 10, &text, NULL, &err), err);
        assert_string_equal(text, "text");
}

/* A guest without SFTP that lists whatever its file "say" holds. */
static void names_that_lead_elsewhere_are_refused(void **state)
{
        static const char *const said[] = { "d..", "d.", "f..", "f../escaped", "f/escaped", "fa/b", "f", "d", "escaped" };
        autosshd struct sshd s = { 0 };
        autossh struct vm_ssh *ssh = NULL;
        autofree char *to = NULL, *escaped = NULL;
        struct bk_error err = { 0 };

        (void)state;
        sshd_start(&s, "ForceCommand case \"$SSH_ORIGINAL_COMMAND\" in *'cd --'*) printf '%s\\0' \"$(cat say)\";; "
                   "*) eval \"$SSH_ORIGINAL_COMMAND\";; esac");
        const struct vm_ssh_config c = sshd_login(&s);

        to = bk_format("%s/to", s.dir);
        escaped = bk_format("%s/escaped", s.dir);
        assert_ok(vm_ssh_connect(&c, &ssh, &err), err);
        assert_ok(bk_mkdir_p(to, &err), err);
        assert_int_equal(status_of(ssh, "mkdir folder; touch folder/a escaped"), 0);
        for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
                print_message("# %s\n", said[i]);
                sshd_file(&s, "home/say", said[i], 0644);
                assert_fails_with(vm_ssh_download(ssh, "folder", to, &err), err, BK_INVALID);
                assert_int_equal(access(escaped, F_OK), -1);
        }
        sshd_file(&s, "home/say", "fa", 0644);
        assert_ok(vm_ssh_download(ssh, "folder", to, &err), err);
}

static void no_descriptor_is_left(void **state)
{
        struct bk_error err = { 0 };
        int before, after;

        (void)state;
        prerequisites();
        before = dup(0);
        for (int i = 0; i < 3; i++) {
                autossh struct vm_ssh *ssh = NULL;

                assert_ok(vm_ssh_connect(&work.c[0], &ssh, &err), err);
                assert_ok(vm_ssh_write(ssh, "x", "1", 1, 0644, &err), err);
                assert_ok(vm_ssh_reconnect(ssh, &err), err);
        }
        after = dup(0);
        assert_int_equal(after, before + 1);
        (void)close(before);
        (void)close(after);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_end_of_a_command_is_told),
                cmocka_unit_test(both_streams_and_input),
                cmocka_unit_test(five_megabytes_come_whole),
                cmocka_unit_test(lines_come_whole),
                cmocka_unit_test(a_command_that_takes_too_long_is_left),
                cmocka_unit_test(a_daemon_left_behind_does_not_hold_us_up),
                cmocka_unit_test(a_terminal_when_asked_for),
                cmocka_unit_test(a_cut_connection_is_a_status),
                cmocka_unit_test(a_dead_guest_ends_a_command),
                cmocka_unit_test(silence_is_death_unless_kept_alive),
                cmocka_unit_test(files_go_and_come_back),
                cmocka_unit_test(memory_goes_and_comes_back),
                cmocka_unit_test(a_folder_is_listed),
                cmocka_unit_test(a_missing_folder_is_told),
                cmocka_unit_test(folders_go_and_come_back),
                cmocka_unit_test(a_link_back_does_not_go_round),
                cmocka_unit_test(a_subsystem_that_is_not_installed_falls_back),
                cmocka_unit_test(names_that_lead_elsewhere_are_refused),
                cmocka_unit_test(no_descriptor_is_left),
        };

        return cmocka_run_group_tests(tests, begin, end);
}
