/* Suites from golden images: what is written, and that it passes on the image and fails on another. */
#include "tests/unit/spec/fixture.h"

#include "spec/add.h"
#include "spec/vocabulary.h"

#define MD5_OF_A "0cc175b9c0f1b6a831c399e269772661"      /* "a" */

static void put_image(const struct fixture *f)
{
        static const char *const folders[] = { "/etc/systemd/system/multi-user.target.wants", "/etc/systemd/system/timers.target.wants",
                                               "/lib/systemd/system", "/etc/app", "/etc/runlevels/default" };

        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
                struct bk_error err = { 0 };

                assert_ok(bk_mkdir_p_in_root(f->target.root_fd, folders[i], 0755, &err), err);
        }
        put(f, "/var/lib/dpkg/status",
            "Package: b\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2.0-1\n"
            "Conffiles:\n /etc/same " MD5_OF_A "\n /etc/changed " MD5_OF_A "\n /etc/gone " MD5_OF_A "\n /etc/old " MD5_OF_A " obsolete\n"
            " /etc/link " MD5_OF_A "\nDescription: x\n /etc/no "
            MD5_OF_A "\n\n"
            "Package: a\nStatus: install ok installed\nVersion: 3\nArchitecture: all\n\n"
            "Package: removed\nStatus: deinstall ok config-files\nVersion: 3\nConffiles:\n /etc/left " MD5_OF_A "\n\n"
            "Package: evil'); raise \"#{1}\nStatus: install ok installed\nVersion: 1'\\\xff#{raise 'x'}\n\n");
        put(f, "/etc/same", "a");
        put(f, "/etc/changed", "b");
        put(f, "/etc/left", "b");
        put(f, "/etc/old", "b");
        put(f, "/etc/no", "b");
        put(f, "/etc/app/b.conf", "x");
        put(f, "/etc/app/a.conf", "y");
        put(f, "/etc/app/it's \\odd\n#{raise}", "z");
        put_link(f, "/etc/link", "app/a.conf");
        put_link(f, "/etc/app/current", "/etc/nowhere");
        put(f, "/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nwww:x:33:33::/var/www:\nzoe:x:1000:1000:Zoe:/home/zoe:/bin/sh\n"
                              "adm2:x:007:33::/:/bin/sh\n+nis\nzoe:x:0:0::/:\n");
        put(f, "/etc/group", "root:x:0:\nwww:x:33:\nzoe:x:1000:\nops:x:500:zoe,www\n");
        put(f, "/etc/shadow", "root:*:1::::::\n");
        put(f, "/usr/share/base-passwd/passwd.master", "www:*:33:33:www:/var/www:/usr/sbin/nologin\n");
        put(f, "/usr/share/base-passwd/group.master", "www:*:33:\n");
        put(f, "/lib/systemd/system/web.service", "[Install]\n");
        put(f, "/lib/systemd/system/tidy.timer", "[Install]\n");
        put_link(f, "/etc/systemd/system/multi-user.target.wants/web.service", "/lib/systemd/system/web.service");
        put_link(f, "/etc/systemd/system/multi-user.target.wants/masked.service", "/dev/null");
        put_link(f, "/etc/systemd/system/timers.target.wants/tidy.timer", "/lib/systemd/system/tidy.timer");
}

static char *added(const struct fixture *f, const struct spec_add_options *options)
{
        struct bk_error err = { 0 };
        char *ret = NULL;

        assert_ok(spec_add(&f->target, options, &ret, &err), err);
        return ret;
}

static size_t passed(struct fixture *f, const char *suite)
{
        run(f, suite);
        if (f->report.count[SPEC_PASS] != f->report.n) {
                show(&f->report);
                print_message("%s\n", suite);
        }
        return f->report.count[SPEC_PASS];
}

static void a_suite_says_what_the_image_has(void **state)
{
        static const char wanted[] =
                "# What test has, as written by bakery spec add. Take out what may change.\n"
                "\n{\n"
                "  'a' => '3',\n"
                "  'b' => '1:2.0-1',\n"
                "  \"evil'); raise \\x22\\x23{1}\" => \"1'\\x5c\\xff\\x23{raise 'x'}\",\n"
                "}.each do |name, version|\n"
                "  describe package(name) do\n"
                "    it { should be_installed.with_version(version) }\n"
                "  end\n"
                "end\n"
                "\ndescribe file('/etc/changed') do\n"
                "  it { should be_file }\n"
                "  it { should be_mode 640 }\n"
                "  it { should be_owned_by 'root' }\n"
                "  it { should be_grouped_into 'root' }\n"
                "  its(:sha256sum) { should eq '3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d' }\n"
                "end\n"
                "\ndescribe file('/etc/gone') do\n"
                "  it { should_not exist }\n"
                "end\n"
                "\ndescribe file('/etc/link') do\n"
                "  it { should be_linked_to 'app/a.conf' }\n"
                "end\n"
                "\ndescribe user('adm2') do\n"
                "  it { should exist }\n"
                "  it { should have_uid '007' }\n"
                "  it { should belong_to_primary_group 'www' }\n"
                "  it { should have_home_directory '/' }\n"
                "  it { should have_login_shell '/bin/sh' }\n"
                "end\n"
                "\ndescribe user('zoe') do\n"
                "  it { should exist }\n"
                "  it { should have_uid 1000 }\n"
                "  it { should belong_to_primary_group 'zoe' }\n"
                "  it { should belong_to_group 'ops' }\n"
                "  it { should have_home_directory '/home/zoe' }\n"
                "  it { should have_login_shell '/bin/sh' }\n"
                "end\n"
                "\ndescribe group('ops') do\n"
                "  it { should exist }\n"
                "  it { should have_gid 500 }\n"
                "end\n"
                "\ndescribe group('zoe') do\n"
                "  it { should exist }\n"
                "  it { should have_gid 1000 }\n"
                "end\n"
                "\ndescribe service('tidy.timer') do\n"
                "  it { should be_enabled }\n"
                "end\n"
                "\ndescribe service('web') do\n"
                "  it { should be_enabled }\n"
                "end\n";
        const struct spec_add_options options = { 0 };
        struct fixture *f = *state;

        put_image(f);
        put_mode(f, "/etc/changed", 0640);
        autofree char *suite = added(f, &options), *again = added(f, &options);

        assert_string_equal(suite, wanted);
        assert_string_equal(again, wanted);
        assert_int_equal(passed(f, suite), 27);
        assert_int_equal(f->report.n, 27);

        put(f, "/etc/changed", "c");            /* and on another image it does not pass */
        put(f, "/etc/gone", "");
        put(f, "/etc/group", "root:x:0:\nwww:x:33:\nzoe:x:1001:\n");
        run(f, suite);
        assert_int_equal(f->report.count[SPEC_FAIL], 8);        /* content, mode, gone; ops twice, zoe's gid and her groups */
}

static void versions_are_left_out_when_asked(void **state)
{
        const struct spec_add_options options = { .no_versions = true };
        struct fixture *f = *state;

        put(f, "/var/lib/dpkg/status", "Package: b\nStatus: install ok installed\nVersion: 1\n\nPackage: a\nStatus: hold ok installed\nVersion: 2\n");
        autofree char *suite = added(f, &options);

        assert_non_null(strstr(suite, "\n[\n  'a',\n  'b',\n].each do |name|\n"));
        assert_null(strstr(suite, "version"));
        assert_int_equal(passed(f, suite), 2);
}

static void files_are_named_by_globs_of_the_image(void **state)
{
        static const struct { const char *glob, *first, *last; size_t n; } rows[] = {
                { "/etc/app/*.conf", "/etc/app/a.conf", "/etc/app/b.conf", 2 },
                { "/etc/*/a.con[fg]", "/etc/app/a.conf", "/etc/app/a.conf", 1 },
                { "/etc/app/b.conf", "/etc/app/b.conf", "/etc/app/b.conf", 1 },
                { "//etc//app/", "/etc/app", "/etc/app", 1 },
                { "/etc/app/cur*", "/etc/app/current", "/etc/app/current", 1 },
                { "/../../etc/app/b.conf", "/../../etc/app/b.conf", "/../../etc/app/b.conf", 1 },
                { "/etc/app/it*", "it's \\x5codd\\x0a\\x23{raise}", "it's \\x5codd\\x0a\\x23{raise}", 1 },
        };
        static const struct { const char *glob; enum bk_kind kind; } bad[] = {
                { "/etc/app/*.none", BK_NOT_FOUND }, { "etc/app/a.conf", BK_USAGE }, { "/tmp/bakery*", BK_NOT_FOUND }, { "", BK_USAGE },
        };
        struct fixture *f = *state;
        char *ret = NULL;

        put_image(f);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autostrv struct bk_strv globs = { 0 };
                const struct spec_add_options options = { .files = &globs }, none = { 0 };
                autofree char *without = added(f, &none);

                bk_strv_add(&globs, rows[i].glob);
                bk_strv_add(&globs, rows[i].glob);
                autofree char *suite = added(f, &options);
                size_t n = 0;

                print_message("# %s\n", rows[i].glob);
                for (const char *p = suite; (p = strstr(p, "describe file(")) != NULL; p++)
                        n++;
                for (const char *p = without; (p = strstr(p, "describe file(")) != NULL; p++)
                        n--;
                assert_int_equal(n, rows[i].n);
                assert_non_null(strstr(suite, rows[i].first));
                assert_true(strstr(suite, rows[i].first) <= strstr(suite, rows[i].last));
                assert_true(passed(f, suite) > 20);
                assert_int_equal(f->report.count[SPEC_PASS], f->report.n);
        }
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                autostrv struct bk_strv globs = { 0 };
                const struct spec_add_options options = { .files = &globs };
                struct bk_error err = { 0 };

                bk_strv_add(&globs, bad[i].glob);
                assert_fails_with(spec_add(&f->target, &options, &ret, &err), err, bad[i].kind);
        }
}

static int guest(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret, struct bk_error *err)
{
        static const char tcp[] =
                "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
                "   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
                "   1: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
                "   2: 0A00020F:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
                "   3: 0A00020F:0016 0A000202:D431 01 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0\n"
                "   4: 00000000:0050 00000000:0000 0A 0\n   5: 0:FFFFF 0 0A\nnonsense\n";
        static const char udp[] = "   0: 00000000:0044 00000000:0000 07 0\n   1: 00000000:C001 00000000:0000 07 0\n";

        (void)arg;
        (void)input;
        (void)input_len;
        (void)timeout_ms;
        (void)err;
        *ret = (struct spec_output){ .status = strstr(line, "tcp6") != NULL };
        ret->out = bk_strdup(bk_streq(line, "cat /proc/net/tcp") ? tcp : bk_streq(line, "cat /proc/net/udp") ? udp : "");
        return 0;
}

static void ports_are_those_that_a_guest_listens_on(void **state)
{
        const struct spec_add_options options = { 0 };
        struct fixture *f = *state;

        f->target.guest.run = guest;
        autofree char *suite = added(f, &options);

        assert_string_equal(suite, "# What test has, as written by bakery spec add. Take out what may change.\n"
                                   "\ndescribe port(80) do\n  it { should be_listening.with('tcp') }\nend\n"
                                   "\ndescribe port(443) do\n  it { should be_listening.with('tcp') }\nend\n"
                                   "\ndescribe port(68) do\n  it { should be_listening.with('udp') }\nend\n");
}

/* --- the vocabulary ---------------------------------------------------------------------------- */

static const struct { const char *type, *name; bool property; const char *chains, *where; } words[] = {
        { "file", NULL, false, "", "files" }, { "file", "be_owned_by", false, "", "files" }, { "file", "exist", false, "", "files" },
        { "file", "content", true, "", "files" }, { "package", "be_installed", false, "by with_version", "files" },
        { "user", "belong_to_group", false, "", "files" }, { "user", "have_uid", false, "", "files" },
        { "command", "stdout", true, "", "command" }, { "port", NULL, false, "", "running" },
        { "service", "be_running", false, "under", "running" },
};
enum { WORDS = sizeof words / sizeof *words };

static void look(void *arg, const struct spec_word *word)
{
        bool *seen = arg;

        if (word->where == NULL)
                fail_msg("where is '%s' of '%s' answered? say so in vocabulary.c", word->name ? word->name : "itself", word->type);
        for (size_t i = 0; i < WORDS; i++)
                if (bk_streq(words[i].type, word->type) && bk_streq(words[i].name, word->name)) {
                        assert_int_equal(word->property, words[i].property);
                        if (!bk_streq(word->where, words[i].where) || (*words[i].chains && strcmp(word->chains, words[i].chains) != 0))
                                fail_msg("%s %s: %s, %s", word->type, word->name, word->chains, word->where);
                        seen[i] = true;
                }
}

static void every_word_says_where_it_is_answered(void **state)
{
        bool seen[WORDS] = { false };

        (void)state;
        spec_vocabulary(look, seen);
        for (size_t i = 0; i < WORDS; i++)
                if (!seen[i])
                        fail_msg("'%s' of '%s' is missing", words[i].name ? words[i].name : "itself", words[i].type);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                spec_test(a_suite_says_what_the_image_has),
                spec_test(versions_are_left_out_when_asked),
                spec_test(files_are_named_by_globs_of_the_image),
                spec_test(ports_are_those_that_a_guest_listens_on),
                cmocka_unit_test(every_word_says_where_it_is_answered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
