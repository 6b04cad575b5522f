/* What a shell tells of a tree is what the kernel tells of it: every answer of spec_files_*() through facts beside that of a
 * descriptor, over one tree of all kinds of files, with the shells and tools that guests have. */
#include "tests/unit/spec/facts_fixture.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

static const char *const names[] = {
        "with blank", "trailing blank ", " leading", "it's", "double\"quote", "new\nline", "ends in newline\n", "-dash", "--", "tab\t", "star*",
        "question?", "[set]", "back\\slash", "$(touch x)", "`id`", "$HOME", "\xc3\xbcml\xc3\xa4ut", "\x80\x81\x82\x88\x9f\xff", "%s percent",
        "a=b;c", "#hash", "~", "!bang", "{a,b}", "|pipe", "\x01\x1b[0m", "...", ".hidden", "..two", "*", ".*", " -> arrow",
};

static void put_contents(struct tree *tree)
{
        static char large[300 << 10];
        char all[256];

        for (int i = 0; i < 256; i++)
                all[i] = (char)i;
        for (size_t i = 0; i < sizeof large; i++)
                large[i] = (char)(i * 7 ^ i >> 8);
        put(tree, "/regular", "hello\nworld\n", 12);
        put(tree, "/no-newline", "hello", 5);
        put(tree, "/only-newlines", "\n\n\n", 3);
        put(tree, "/empty", "", 0);
        put(tree, "/nul", "\0a\0\0b\n\0", 7);
        put(tree, "/all", all, sizeof all);
        put(tree, "/just-small", large, 256 << 10);
        put(tree, "/just-large", large, (256 << 10) + 1);
        put(tree, "/large", large, sizeof large);
}

static void put_links(struct tree *tree)
{
        static const char *const links[][2] = {
                { "/l-relative", "regular" }, { "/l-absolute", "/regular" }, { "/l-dangling", "nowhere/at all" }, { "/l-loop", "l-loop2" },
                { "/l-loop2", "l-loop" }, { "/l-self", "l-self" }, { "/l-folder", "folder" }, { "/l-folder-abs", "/folder" },
                { "/l-slash", "folder/" }, { "/l-file-slash", "regular/" }, { "/l-dots", "./folder/.././regular" }, { "/l-up", "folder/inner/.." },
                { "/folder/l-out", "../regular" }, { "/folder/l-abs", "/folder/inner/file" }, { "/l-1", "l-2" }, { "/l-2", "/l-3" },
                { "/l-3", "folder/l-out" }, { "/l-newline", "names/new\nline" }, { "/l-ends", "names/ends in newline\n" },
                { "/l-arrow", "names/ -> arrow" }, { "/l-hang", "\x80\x81 -> \x88" }, { "/l-into", "l-folder/inner" }, { "/l-root", "/" },
                { "/l-down", "regular/x" },
        };

        for (size_t i = 0; i < sizeof links / sizeof *links; i++)
                put_link(tree, links[i][0], links[i][1]);
}

static void put_specials(struct tree *tree)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        autofree char *pipe = on_host(tree, "/pipe"), *block = on_host(tree, "/block"), *character = on_host(tree, "/character");
        autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", tree->folder);
        assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(mkfifo(pipe, 0600), 0);
        bk_strv_add(&tree->paths, "/socket");
        bk_strv_add(&tree->paths, "/pipe");
        if (geteuid() != 0)
                return;
        if (mknod(block, S_IFBLK | 0660, makedev(7, 300)) == 0)
                bk_strv_add(&tree->paths, "/block");
        if (mknod(character, S_IFCHR | 0666, makedev(1, 3)) == 0)
                bk_strv_add(&tree->paths, "/character");
}

static void tree_fill(struct tree *tree)
{
        static const char *const more[] = {
                "/none", "/none/x", "/regular/", "/regular/x", "/regular/.", "/regular/..", "/folder/", "/folder/.", "/folder/..",
                "/folder/../regular", "//folder///inner//file", "/l-folder/", "/l-folder/inner/file", "/l-folder/../regular", "/l-folder-abs/l-out",
                "/l-dangling/",
                "/l-self/x", "/l-file-slash/", "/l-into/file", "/l-into/../l-abs", "/l-up/l-out", "/l-1/", "/l-slash/inner/.", "/l-root",
                "/pipe/x", "/l-down/y", "/folder/none/../../regular",
        };
        char name[300];
        autofree char *large = on_host(tree, "/sticky"), *bits = on_host(tree, "/bits");

        put_folder(tree, "/folder", 0755);
        put_folder(tree, "/folder/inner", 0750);
        put(tree, "/folder/inner/file", "deep", 4);
        put_folder(tree, "/names", 0755);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                autofree char *file = bk_format("/names/%s", names[i]), *folder = bk_format("/names/f %s", names[i]);
                autofree char *inside = bk_format("%s/%s", folder, names[sizeof names / sizeof *names - 1 - i]);

                put(tree, file, names[i], strlen(names[i]));
                put_folder(tree, folder, 0755);
                put(tree, inside, "x", 1);
        }
        put_folder(tree, "/without", 0755);
        put_folder(tree, "/sticky", 0755);
        put(tree, "/bits", "", 0);
        assert_int_equal(chmod(large, 03775), 0);
        assert_int_equal(chmod(bits, 06644), 0);
        put_contents(tree);
        put_links(tree);
        put_specials(tree);
        for (size_t i = 0; i < sizeof more / sizeof *more; i++)
                bk_strv_add(&tree->paths, more[i]);
        memset(name, 'n', sizeof name - 1);
        name[0] = '/';
        name[sizeof name - 1] = '\0';
        bk_strv_add(&tree->paths, name);
}

/* --- one answer beside the other --------------------------------------------------- */

static char now_at[PATH_MAX];
enum { READ_MOST = 1 << 20 };

/* What the guest lacks. */
struct lacks { bool attributes, flags, digests, times; };

static void same_stat(const struct stat *a, const struct stat *b, const struct lacks *lacks)
{
        assert_int_equal(a->st_mode, b->st_mode);
        assert_int_equal(a->st_uid, b->st_uid);
        assert_int_equal(a->st_gid, b->st_gid);
        assert_int_equal(a->st_nlink, b->st_nlink);
        assert_int_equal(a->st_ino, b->st_ino);
        if (S_ISREG(b->st_mode) || !lacks->times)
                assert_int_equal(a->st_size, b->st_size);
        if (!(lacks->times && S_ISLNK(b->st_mode)))
                assert_int_equal(a->st_mtime, b->st_mtime);
        if (S_ISBLK(b->st_mode) || S_ISCHR(b->st_mode))
                assert_int_equal(a->st_rdev, b->st_rdev);
}

static void same_text(int a, int b, char *text_a, char *text_b)
{
        if (a != b) print_message("# at %s\n", now_at);
        assert_int_equal(a, b);
        if (b > 0)
                assert_string_equal(text_a, text_b);
        free(text_a);
        free(text_b);
}

static void same_bytes(int a, int b, char *bytes_a, size_t length_a, char *bytes_b, size_t length_b)
{
        if (a != b) print_message("# at %s\n", now_at);
        assert_int_equal(a, b);
        if (b > 0) {
                assert_int_equal(length_a, length_b);
                assert_memory_equal(bytes_a, bytes_b, length_b);
        }
        free(bytes_a);
        free(bytes_b);
}

static void same_list(const struct spec_files *a, const struct spec_files *b, const char *path)
{
        autostrv struct bk_strv list_a = { 0 }, list_b = { 0 };
        struct bk_error err = { 0 };

        assert_int_equal(spec_files_list(a, path, &list_a, &err), spec_files_list(b, path, &list_b, &err));
        assert_int_equal(list_a.n, list_b.n);
        for (size_t i = 0; i < list_b.n; i++)
                assert_string_equal(list_a.v[i], list_b.v[i]);
}

static void same_programs(const struct spec_files *a, const struct spec_files *b, const char *path, const struct lacks *lacks)
{
        static const char *const attributes[] = { "user.bakery", "user.empty", "user.none", "system.posix_acl_access" };
        static const char *const algorithms[] = { "md5", "sha256", "sha512" };
        struct bk_error err = { 0 };
        unsigned flags_a = 0, flags_b = 0;

        for (size_t i = 0; i < 3; i++) {
                char *hex_a = NULL, *hex_b = NULL;
                const int digest_b = spec_files_digest(b, path, algorithms[i], &hex_b, &err);
                const int digest_a = spec_files_digest(a, path, algorithms[i], &hex_a, &err);

                if (lacks->digests && digest_a < 0) {
                        free(hex_b);
                        assert_non_null(strstr(path, "large"));
                        continue;
                }
                same_text(digest_a, digest_b, hex_a, hex_b);
        }
        for (size_t i = 0; i < sizeof attributes / sizeof *attributes && !lacks->attributes; i++) {
                char *bytes_a = NULL, *bytes_b = NULL;
                size_t length_a = 0, length_b = 0;
                const int there_a = spec_files_xattr(a, path, attributes[i], &bytes_a, &length_a, &err);
                const int there_b = spec_files_xattr(b, path, attributes[i], &bytes_b, &length_b, &err);

                same_bytes(there_a, there_b, bytes_a, length_a, bytes_b, length_b);
        }
        if (lacks->flags)
                return;
        assert_int_equal(spec_files_flags(a, path, &flags_a, &err), spec_files_flags(b, path, &flags_b, &err));
        assert_int_equal(flags_a, flags_b);
}

/* Shown when something fails. */


static bool unprintable_link(const char *path)
{
        static const char *const links[] = { "/l-newline", "/l-ends", "/l-hang" };

        for (size_t i = 0; i < 3; i++)
                if (bk_streq(path, links[i]))
                        return true;
        return false;
}

static void same_answers(const struct spec_files *a, const struct spec_files *b, const char *path, const struct lacks *lacks)
{
        char *text_a = NULL, *text_b = NULL, *real_a = NULL, *real_b = NULL, *bytes_a = NULL, *bytes_b = NULL;
        size_t length_a = 0, length_b = 0;
        struct bk_error err = { 0 };
        struct stat st_a, st_b;
        int there_a, there_b;

        (void)snprintf(now_at, sizeof now_at, "%s", path);
        if (lacks->times && unprintable_link(path)) {           /* told by an ls that hides what is unprintable */
                assert_int_equal(spec_files_stat(a, path, false, &st_a, &err), 1);
                assert_fails_with(spec_files_stat(a, path, true, &st_a, &err), err, BK_INFRA);
                assert_fails_with(spec_files_link(a, path, &text_a, &err), err, BK_INFRA);
                return;
        }
        for (int follow = 0; follow < 2; follow++) {
                there_a = spec_files_stat(a, path, follow, &st_a, &err);
                there_b = spec_files_stat(b, path, follow, &st_b, &err);
                if (there_a != there_b) print_message("# at %s\n", now_at);
        assert_int_equal(there_a, there_b);
                if (there_b > 0)
                        same_stat(&st_a, &st_b, lacks);
        }
        assert_int_equal(spec_files_there(a, path), spec_files_there(b, path));
        there_a = spec_files_link(a, path, &text_a, &err);
        there_b = spec_files_link(b, path, &text_b, &err);
        same_text(there_a, there_b, text_a, text_b);
        there_a = spec_files_real(a, path, &real_a, &err);
        there_b = spec_files_real(b, path, &real_b, &err);
        same_text(there_a, there_b, real_a, real_b);
        there_a = spec_files_read(a, path, READ_MOST, &bytes_a, &length_a, &err);
        there_b = spec_files_read(b, path, READ_MOST, &bytes_b, &length_b, &err);
        same_bytes(there_a, there_b, bytes_a, length_a, bytes_b, length_b);
        same_list(a, b, path);
}

/* Every answer: with everything noted before, and with nothing. */
static void compare(struct tree *tree, struct guest *guest, const struct lacks *lacks)
{
        const struct spec_files below = { .root_fd = tree->root_fd };

        for (int noted = 1; noted >= 0; noted--) {
                struct spec_files asked = { .root_fd = -1, .facts = facts_of(guest) };
                struct bk_error err = { 0 };

                guest->runs = 0;
                for (size_t i = 0; noted && i < tree->paths.n; i++) {
                        autofree char *path = bk_format("%s%s", tree->prefix, tree->paths.v[i]);

                        spec_facts_want_path(asked.facts, path);
                }
                assert_ok(spec_facts_fetch(asked.facts, &err), err);
                assert_in_range(guest->runs, noted, noted + (lacks->times ? 1 : 0));
                for (size_t i = 0; i < tree->paths.n; i++) {
                        autofree char *path = bk_format("%s%s", tree->prefix, tree->paths.v[i]);

                        same_answers(&asked, &below, path, lacks);
                }
                if (noted && !lacks->times)             /* all but the two large ones came at once */
                        assert_int_equal(guest->runs, 3);
                for (size_t i = 0; i < tree->paths.n; i++) {
                        autofree char *path = bk_format("%s%s", tree->prefix, tree->paths.v[i]);

                        if (!(lacks->times && unprintable_link(path)))
                                same_programs(&asked, &below, path, lacks);
                }
                same_answers(&asked, &below, "", lacks);
                spec_facts_free(asked.facts);
        }
}

static void shells_of_this_host_tell_what_is_there(void **state)
{
        static const char *const shells[][3] = { { "/bin/sh" }, { "dash" }, { "bash", "--posix" }, { "bash" }, { "busybox", "sh" } };
        const struct lacks nothing = { 0 };
        struct tree tree;

        (void)state;
        need("busybox");
        tree_make(&tree, false);
        tree_fill(&tree);
        for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
                struct guest guest = { .shell = { shells[i][0], shells[i][1] } };

                print_message("# %s %s\n", shells[i][0], shells[i][1] ? shells[i][1] : "");
                compare(&tree, &guest, &nothing);
                guest_done(&guest);
        }
        tree_done(&tree);
}

static void busybox_alone_tells_what_is_there(void **state)
{
        const struct lacks lacks = { .attributes = true, .flags = true };
        struct guest guest = { .shell = { "/bin/busybox", "sh" } };
        struct tree tree;

        (void)state;
        need("root");
        need("busybox");
        tree_make(&tree, true);
        tree_fill(&tree);
        put_busybox(&tree);
        guest.root = tree.folder;
        compare(&tree, &guest, &lacks);
        guest_done(&guest);
        tree_done(&tree);
}

/* dash, and of all programs only ls, cat and date. */
static void ls_and_cat_are_enough(void **state)
{
        const struct lacks lacks = { .attributes = true, .flags = true, .digests = true, .times = true };
        struct guest guest = { .shell = { "/bin/sh" } };
        struct tree tree;

        (void)state;
        need("root");
        need("busybox");
        need("dash");
        need("ldd");
        tree_make(&tree, true);
        tree_fill(&tree);
        put_busybox(&tree);
        shell("cd %s/bin && find . -type l -delete && cp $(command -v dash) sh && ln busybox ls && ln busybox cat && ln busybox date && "
              "rm busybox && cp --parents $(ldd sh | grep -o '/[^ ]*') ..", tree.folder);
        guest.root = tree.folder;
        compare(&tree, &guest, &lacks);
        guest_done(&guest);
        tree_done(&tree);
}

static void attributes_are_read_in_one_run(void **state)
{
        struct guest guest = { .shell = { "/bin/sh" } };
        struct spec_files asked = { .root_fd = -1, .facts = facts_of(&guest) };
        struct bk_error err = { 0 };
        struct tree tree;
        char *value = NULL;
        size_t length = 0;

        (void)state;
        need("getfattr");
        tree_make(&tree, false);
        put_folder(&tree, "/a", 0755);
        put(&tree, "/a/new\nline\\", "x", 1);
        put(&tree, "/a/none", "x", 1);
        autofree char *on = on_host(&tree, "/a/new\nline\\"), *none = on_host(&tree, "/a/none"), *folder = on_host(&tree, "/a");

        if (setxattr(on, "user.bakery", "\0value\n\"", 8, 0) < 0 || setxattr(on, "user.empty", "", 0, 0) < 0) {
                print_message("# skipped: needs extended attributes in /tmp\n");
                spec_facts_free(asked.facts);
                tree_done(&tree);
                skip();
        }
        spec_facts_want_path(asked.facts, on);
        spec_facts_want_path(asked.facts, none);
        assert_ok(spec_facts_fetch(asked.facts, &err), err);
        assert_int_equal(spec_files_xattr(&asked, none, "user.bakery", &value, &length, &err), 0);
        assert_int_equal(guest.runs, 2);
        assert_int_equal(spec_files_xattr(&asked, folder, "user.bakery", &value, &length, &err), 0);
        assert_int_equal(spec_files_xattr(&asked, on, "user.bakery", &value, &length, &err), 1);
        assert_int_equal(length, 8);
        assert_memory_equal(value, "\0value\n\"", 8);
        free(value);
        assert_int_equal(guest.runs, 2);
        assert_int_equal(spec_files_xattr(&asked, on, "user.empty", &value, &length, &err), 1);
        assert_int_equal(length, 0);
        free(value);
        assert_fails_with(spec_files_xattr(&asked, on, "user.$(id)", &value, &length, &err), err, BK_USAGE);
        spec_facts_free(asked.facts);
        guest_done(&guest);
        tree_done(&tree);
}

/* Somebody who may not look is told so: neither "it is not there" nor "it is empty". */
static void what_may_not_be_seen_is_not_absent(void **state)
{
        struct guest guest = { .shell = { "/bin/sh" }, .uid = 65534 };
        struct spec_files asked = { .root_fd = -1, .facts = facts_of(&guest) };
        struct tree tree;
        struct stat st;
        struct bk_error err = { 0 };
        autostrv struct bk_strv list = { 0 };
        char *text = NULL;
        size_t length;

        (void)state;
        need("root");
        tree_make(&tree, false);
        put_folder(&tree, "/closed", 0700);
        put(&tree, "/closed/it's", "x", 1);
        put_folder(&tree, "/listed", 0744);
        put(&tree, "/listed/file", "x", 1);
        put_folder(&tree, "/open", 0755);
        put(&tree, "/open/secret", "x", 1);
        shell("chmod 600 %s/open/secret", tree.folder);
        autofree char *hidden = on_host(&tree, "/closed/it's"), *closed = on_host(&tree, "/closed"), *secret = on_host(&tree, "/open/secret");
        autofree char *none = on_host(&tree, "/open/none"), *below = on_host(&tree, "/closed/none"), *listed = on_host(&tree, "/listed");
        autofree char *in_listed = on_host(&tree, "/listed/file");

        spec_facts_want_path(asked.facts, hidden);
        spec_facts_want_path(asked.facts, secret);
        spec_facts_want_path(asked.facts, none);
        spec_facts_want_path(asked.facts, below);
        assert_ok(spec_facts_fetch(asked.facts, &err), err);
        assert_fails_with(spec_files_stat(&asked, hidden, true, &st, &err), err, BK_DENIED);
        assert_non_null(strstr(err.text, "Permission denied"));
        assert_fails_with(spec_files_stat(&asked, below, true, &st, &err), err, BK_DENIED);
        assert_int_equal(spec_files_stat(&asked, none, true, &st, &err), 0);
        assert_int_equal(spec_files_stat(&asked, closed, true, &st, &err), 1);
        assert_int_equal(st.st_mode, S_IFDIR | 0700);
        assert_fails_with(spec_files_list(&asked, closed, &list, &err), err, BK_DENIED);
        assert_int_equal(spec_files_stat(&asked, secret, true, &st, &err), 1);
        assert_fails_with(spec_files_read(&asked, secret, 100, &text, &length, &err), err, BK_DENIED);
        assert_fails_with(spec_files_digest(&asked, secret, "md5", &text, &err), err, BK_DENIED);
        assert_int_equal(spec_files_list(&asked, listed, &list, &err), 1);
        assert_int_equal(list.n, 1);
        assert_fails_with(spec_files_stat(&asked, in_listed, true, &st, &err), err, BK_DENIED);
        spec_facts_free(asked.facts);
        guest_done(&guest);
        tree_done(&tree);
}

static void files_of_the_kernel_have_content(void **state)
{
        static const char *const paths[] = { "/proc/version", "/proc/net/protocols", "/proc/self/status", "/proc/sys/kernel/ostype",
                                             "/proc/mounts", "/proc/filesystems" };
        struct guest guest = { .shell = { "/bin/sh" } };
        struct spec_files asked = { .root_fd = -1, .facts = facts_of(&guest) };
        struct bk_error err = { 0 };
        struct stat st;

        (void)state;
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
                spec_facts_want_path(asked.facts, paths[i]);
        spec_facts_want_path(asked.facts, "/proc/kmsg");        /* to read it would be to wait, and to take it from others */
        assert_ok(spec_facts_fetch(asked.facts, &err), err);
        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                char *text = NULL;
                size_t length = 0;

                print_message("# %s\n", paths[i]);
                assert_int_equal(spec_files_read(&asked, paths[i], READ_MOST, &text, &length, &err), 1);
                assert_true(length > 4);
                if (i == 0 || i == 3) {
                        autofree char *ours = NULL;
                        size_t ours_length = 0;

                        assert_ok(bk_read_file(paths[i], READ_MOST, &ours, &ours_length, &err), err);
                        assert_string_equal(text, ours);
                }
                free(text);
        }
        assert_int_equal(spec_files_stat(&asked, "/proc/self", true, &st, &err), 1);
        assert_true(S_ISDIR(st.st_mode));
        assert_int_equal(guest.runs, 1);
        spec_facts_free(asked.facts);
        guest_done(&guest);
}

/* --- a whole run of checks --------------------------------------------------------------- */

static int run_place(void *arg, const char *line, const char *input, size_t input_len, int timeout_ms, struct spec_output *ret,
                     struct bk_error *err)
{
        (void)timeout_ms;
        assert_int_equal(input != NULL ? strlen(input) : 0, input_len);
        if (input == NULL)
                input = "";
        return run_shell(arg, line, input, ret, err);
}

static void checks_of_a_guest_are_answered_by_facts(void **state)
{
        static const char *const text =
                "describe file('/l-relative') do\n"
                "  it { should be_symlink }\n"
                "  it { should be_file }\n"
                "  its(:content) { should match(/^world$/) }\n"
                "  its(:md5sum) { should eq '0f723ae7f9bf07744445e93ac5595156' }\n"
                "end\n"
                "describe(file('/none')) { it { should_not exist } }\n"
                "describe(file('/large')) { its(:size) { should eq 307200 }; its(:content) { should_not match(/zzzzzz/) } }\n"
                "describe(command('cat /regular')) { its(:stdout) { should eq \"hello\\nworld\\n\" } }\n";
        struct guest guest = { .shell = { "/bin/busybox", "sh" } };
        struct spec_target target = { .root_fd = -1, .guest = { run_place, &guest }, .identity = "test" };
        struct spec_options options = { .timeout_ms = 60000 };
        BK_CLEANUP(spec_report_done) struct spec_report report = { 0 };
        struct bk_error err = { 0 };
        struct tree tree;

        (void)state;
        need("root");
        need("busybox");
        tree_make(&tree, true);
        tree_fill(&tree);
        put_busybox(&tree);
        guest.root = tree.folder;
        put(&tree, "/a_spec.rb", text, strlen(text));
        autofree char *path = on_host(&tree, "/a_spec.rb");
        const char *const files[] = { path };

        assert_ok(spec_run(files, 1, &target, &options, &report, &err), err);
        assert_int_equal(report.n, 8);
        for (size_t i = 0; i < report.n; i++)
                if (report.v[i].verdict != SPEC_PASS)
                        fail_msg("%u: %s: %s", report.v[i].line, spec_verdict_name(report.v[i].verdict), report.v[i].message);
        guest_done(&guest);
        tree_done(&tree);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(shells_of_this_host_tell_what_is_there),
                cmocka_unit_test(busybox_alone_tells_what_is_there),
                cmocka_unit_test(ls_and_cat_are_enough),
                cmocka_unit_test(attributes_are_read_in_one_run),
                cmocka_unit_test(what_may_not_be_seen_is_not_absent),
                cmocka_unit_test(files_of_the_kernel_have_content),
                cmocka_unit_test(checks_of_a_guest_are_answered_by_facts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
