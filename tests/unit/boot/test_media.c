/* Seed media: what a guest would find on them, read back by other programs than those that wrote. */
#include "tests/unit/folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "boot/media.h"
#include "lib/digest.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "lib/run.h"

enum { TIMEOUT_MS = 60000 };

struct place {
        char *path, *in, *out, *medium; /* in: what goes in; out: where ISO images are taken apart */
        char *before;                   /* the working folder that was */
};

static int set_up(void **state)
{
        struct place *place = bk_alloc(sizeof *place);

        *state = place;
        place->path = folder_new();
        place->in = bk_format("%s/in", place->path);
        place->out = bk_format("%s/out", place->path);
        place->medium = bk_format("%s/made/medium", place->path);
        place->before = getcwd(NULL, 0);
        autofree char *made = bk_format("%s/made", place->path);

        return bk_mkdir_p(place->in, NULL) < 0 || bk_mkdir_p(made, NULL) < 0 || chdir(place->in) < 0;
}

static int tear_down(void **state)
{
        struct place *place = *state;
        const int result = chdir(place->before) < 0 || bk_remove_tree(place->path, NULL) < 0;

        free(place->path);
        free(place->in);
        free(place->out);
        free(place->medium);
        free(place->before);
        free(place);
        return result;
}

static struct bk_strv list(const char *const v[])
{
        struct bk_strv strings = { 0 };

        for (size_t i = 0; v[i] != NULL; i++)
                bk_strv_add(&strings, v[i]);
        return strings;
}
#define LIST(...) list((const char *const[]){ __VA_ARGS__, NULL })

static void put_bytes(const char *name, const void *bytes, size_t length)
{
        autofree char *folder = strchr(name, '/') ? bk_strndup(name, (size_t)(strrchr(name, '/') - name)) : bk_strdup(".");
        struct bk_error err = { 0 };

        assert_ok(bk_mkdir_p(folder, &err), err);
        assert_ok(bk_publish_bytes(name, bytes, length, 0644, &err), err);
}

static void put(const char *name, const char *text)
{
        put_bytes(name, text, strlen(text));
}

/* What a program prints; it must end with 0. The caller's. */
static char *output(const char *const argv[])
{
        const struct bk_run run = { .argv = argv, .timeout_ms = TIMEOUT_MS,
                                    .env = (const char *const[]){ "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin:/usr/sbin:/sbin", NULL } };
        struct bk_run_result result = { 0 };
        struct bk_error err = { 0 };

        assert_ok(bk_run_with(&run, &result, &err), err);
        if (result.status != 0)
                fail_msg("%s ended with %d: %s", argv[0], result.status, result.err);
        free(result.err);
        return result.out;
}

/* Nothing but the medium, or nothing at all, lies where it was made. */
static void assert_tidy(const struct place *place, bool made)
{
        autofree char *folder = bk_format("%s/made", place->path), *names = output((const char *const[]){ "ls", "-A", folder, NULL });

        assert_string_equal(names, made ? "medium\n" : "");
}

static void make_cd(const struct place *place, const struct boot_media *media)
{
        struct bk_error err = { 0 };

        need("xorriso");
        assert_ok(boot_media_iso(media, place->medium, &err), err);
        assert_tidy(place, true);
}

/* All of a CD as lines of "name=content", sorted; content up to its newline. The caller's. */
static char *cd_text(const struct place *place)
{
        struct bk_error err = { 0 };

        assert_ok(bk_remove_tree(place->out, &err), err);
        free(output((const char *const[]){ "xorriso", "-no_rc", "-osirrox", "on", "-indev", place->medium, "-extract", "/", place->out, NULL }));
        free(output((const char *const[]){ "chmod", "-R", "u+w", place->out, NULL }));
        return output((const char *const[]){ "sh", "-c", "cd \"$0\" && find . -mindepth 1 -printf '%P\\n' | LC_ALL=C sort | while IFS= read -r f; do "
                                             "if [ -d \"$f\" ]; then echo \"$f/\"; else printf '%s=%s\\n' \"$f\" \"$(cat \"./$f\")\"; fi; done",
                                             place->out, NULL });
}

static char *blkid_value(const struct place *place, const char *tag)
{
        return output((const char *const[]){ "blkid", "-p", "-o", "value", "-s", tag, place->medium, NULL });
}

static void assert_cd(const struct place *place, const struct boot_media *media, const char *wanted)
{
        make_cd(place, media);
        autofree char *text = cd_text(place);

        assert_string_equal(text, wanted);
}

/* --- CDs ---------------------------------------------------------------------- */

static void nocloud_is_found_by_its_label(void **state)
{
        const struct place *place = *state;
        struct bk_error err = { 0 };

        need("xorriso");
        assert_ok(boot_media_nocloud("#cloud-config\n", "instance-id: x\n", "version: 2\n", place->medium, &err), err);
        autofree char *label = blkid_value(place, "LABEL"), *type = blkid_value(place, "TYPE"), *text = cd_text(place);

        assert_string_equal(label, "cidata\n");
        assert_string_equal(type, "iso9660\n");
        assert_string_equal(text, "meta-data=instance-id: x\nnetwork-config=version: 2\nuser-data=#cloud-config\n");
        assert_ok(boot_media_nocloud("#cloud-config\n", "", NULL, place->medium, &err), err);
        autofree char *less = cd_text(place);

        assert_string_equal(less, "meta-data=\nuser-data=#cloud-config\n");
        assert_tidy(place, true);
}

static void folders_come_with_or_without_their_name(void **state)
{
        const struct place *place = *state;
        static const struct { const char *file, *wanted; } cases[] = {
                { "dir", "dir/\ndir/.hidden=h\ndir/a=a\ndir/sub/\ndir/sub/b=b\n" },
                { "./dir", "dir/\ndir/.hidden=h\ndir/a=a\ndir/sub/\ndir/sub/b=b\n" },
                { "dir/", ".hidden=h\na=a\nsub/\nsub/b=b\n" },
                { "dir/*", ".hidden=h\na=a\nsub/\nsub/b=b\n" },
                { "dir/.", ".hidden=h\na=a\nsub/\nsub/b=b\n" },
                { "dir/sub/..", ".hidden=h\na=a\nsub/\nsub/b=b\n" },
                { "d?r", "dir/\ndir/.hidden=h\ndir/a=a\ndir/sub/\ndir/sub/b=b\n" },
                { "dir/[ab]", "a=a\n" },
                { "dir/*/*", "b=b\n" },
                { "dir/sub", "sub/\nsub/b=b\n" },
                { "dir/sub/b", "b=b\n" },
        };

        put("dir/a", "a");
        put("dir/.hidden", "h");
        put("dir/sub/b", "b");
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autostrv struct bk_strv files = LIST(cases[i].file);

                print_message("# %s\n", cases[i].file);
                assert_cd(place, &(struct boot_media){ .files = &files }, cases[i].wanted);
        }
}

static const char long_name[] = "a-long-Name-with-UPPER-and-lower-case-that-would-never-fit-into-8.3-or-even-into-64-characters.of.text";

static void names_survive(void **state)
{
        const struct place *place = *state;
        autostrv struct bk_strv files = LIST("-dash", "=a=b=", "-o", "with blank", "Müsli ☕", "[x]", "back\\slash", "quo'te\"s", "x;1",
                                             long_name);
        autostrv struct bk_strv names = LIST("Upper", "lower", "deep/er/and/deep/er/and/deep/er/and/deep/er/file", "--help");
        autostrv struct bk_strv contents = LIST("U", "l", "d", "h");
        autofree char *wanted = bk_format("--help=h\n-dash=-\n-o=-o\n=a=b==eq\nMüsli ☕=m\nUpper=U\n[x]=br\n%s=long\nback\\slash=bs\n"
                                          "deep/\ndeep/er/\ndeep/er/and/\ndeep/er/and/deep/\ndeep/er/and/deep/er/\ndeep/er/and/deep/er/and/\n"
                                          "deep/er/and/deep/er/and/deep/\ndeep/er/and/deep/er/and/deep/er/\ndeep/er/and/deep/er/and/deep/er/and/\n"
                                          "deep/er/and/deep/er/and/deep/er/and/deep/\ndeep/er/and/deep/er/and/deep/er/and/deep/er/\n"
                                          "deep/er/and/deep/er/and/deep/er/and/deep/er/file=d\n"
                                          "lower=l\nquo'te\"s=q\nwith blank=wb\nx;1=x\n", long_name);

        put("-dash", "-"), put("-o", "-o"), put("=a=b=", "eq"), put("with blank", "wb"), put("Müsli ☕", "m"), put("[x]", "br");
        put("back\\slash", "bs"), put("quo'te\"s", "q"), put("x;1", "x"), put(long_name, "long");
        assert_cd(place, &(struct boot_media){ .files = &files, .names = &names, .contents = &contents }, wanted);
        /* Joliet is what Windows reads. */
        autofree char *joliet = output((const char *const[]){ "xorriso", "-no_rc", "-read_fs", "norock", "-indev", place->medium,
                                                              "-find", "/", NULL });

        assert_non_null(strstr(joliet, "'/Upper'"));
        assert_non_null(strstr(joliet, "'/lower'"));
        assert_non_null(strstr(joliet, "'/Müsli ☕'"));
        assert_non_null(strstr(joliet, long_name));
}

static void texts_win_and_later_files_win(void **state)
{
        const struct place *place = *state;
        autostrv struct bk_strv files = LIST("one/x", "two/x", "one/user-data", "one/*");
        autostrv struct bk_strv names = LIST("user-data"), contents = LIST("text");

        put("one/x", "1"), put("two/x", "2"), put("one/user-data", "file");
        assert_cd(place, &(struct boot_media){ .files = &files, .names = &names, .contents = &contents }, "user-data=text\nx=1\n");
}

static void links_become_what_they_lead_to(void **state)
{
        const struct place *place = *state;
        autostrv struct bk_strv files = LIST("dir", "link");

        put("target/file", "t");
        put("dir/x", "x");
        assert_int_equal(symlink("../target", "dir/folder"), 0);
        assert_int_equal(symlink("../target/file", "dir/file"), 0);
        assert_int_equal(symlink("dir/file", "link"), 0);
        assert_cd(place, &(struct boot_media){ .files = &files }, "dir/\ndir/file=t\ndir/folder/\ndir/folder/file=t\ndir/x=x\nlink=t\n");
}

static void labels_stay_as_given(void **state)
{
        const struct place *place = *state;
        static const struct { const char *label, *wanted; } cases[] = {
                { NULL, "packer\n" }, { "OEMDRV", "OEMDRV\n" }, { "cidata", "cidata\n" }, { "Mixed Case-1", "Mixed Case-1\n" }, { "-o", "-o\n" },
                { "a234567890123456789012345678901b", "a234567890123456789012345678901b\n" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                print_message("# %s\n", cases[i].wanted);
                make_cd(place, &(struct boot_media){ .label = cases[i].label });
                autofree char *label = blkid_value(place, "LABEL");

                assert_string_equal(label, cases[i].wanted);
        }
}

/* --- floppies ----------------------------------------------------------------- */

static void make_floppy(const struct place *place, const struct boot_media *media)
{
        struct bk_error err = { 0 };

        need("mcopy");
        assert_ok(boot_media_floppy(media, place->medium, &err), err);
        assert_tidy(place, true);
}

static char *floppy_names(const struct place *place)
{
        return output((const char *const[]){ "mdir", "-i", place->medium, "-/", "-a", "-b", "::/", NULL });
}

static void assert_on_floppy(const struct place *place, const char *name, const char *wanted)
{
        autofree char *from = bk_format("::/%s", name), *text = output((const char *const[]){ "mtype", "-i", place->medium, from, NULL });

        assert_string_equal(text, wanted);
}

static void floppies_are_flat_but_for_dirs(void **state)
{
        const struct place *place = *state;
        autostrv struct bk_strv files = LIST("answers/*.xml", "flat", "=e q", "-o"), dirs = LIST("drivers", "more/");
        autostrv struct bk_strv names = LIST("user-data", "Texts/ks.cfg", "drivers/nic/extra"), contents = LIST("#cloud-config\n", "ks\n", "e\n");
        const struct boot_media media = { .files = &files, .dirs = &dirs, .names = &names, .contents = &contents };
        struct stat st;

        put("answers/Autounattend.xml", "<unattend/>"), put("answers/readme", "no"), put("flat/in/deep/file.txt", "f"), put("flat/g", "g");
        put("drivers/nic/net Kvm.inf", "inf"), put("drivers/[x]/y", "y"), put("drivers/empty/x", ""), put("more/m", "m");
        put("=e q", "e"), put("-o", "o"), put("drivers/nic/Ä ☕", "u");
        make_floppy(place, &media);
        autofree char *all = floppy_names(place), *label = blkid_value(place, "LABEL"), *type = blkid_value(place, "TYPE");

        assert_string_equal(all, "::/drivers/\n::/more/\n::/Texts/\n::/-o\n::/=e q\n::/Autounattend.xml\n::/file.txt\n::/g\n::/user-data\n"
                            "::/drivers/[x]/\n::/drivers/empty/\n::/drivers/nic/\n::/drivers/[x]/y\n::/drivers/empty/x\n::/drivers/nic/extra\n"
                            "::/drivers/nic/net Kvm.inf\n::/drivers/nic/Ä ☕\n::/more/m\n::/Texts/ks.cfg\n");
        assert_string_equal(label, "packer\n");
        assert_string_equal(type, "vfat\n");
        assert_on_floppy(place, "Autounattend.xml", "<unattend/>");
        assert_on_floppy(place, "Texts/ks.cfg", "ks\n");
        assert_on_floppy(place, "drivers/nic/Ä ☕", "u");
        assert_on_floppy(place, "-o", "o");
        assert_int_equal(stat(place->medium, &st), 0);
        assert_int_equal(st.st_size, 1474560);
        need("fsck.vfat");
        free(output((const char *const[]){ "fsck.vfat", "-n", place->medium, NULL }));
        make_floppy(place, &(struct boot_media){ .label = "cidata" });
        autofree char *other = blkid_value(place, "LABEL");

        assert_string_equal(other, "cidata\n");
}

enum { FLOPPY_HOLDS = 1457664 };        /* 2847 sectors */

static void a_floppy_is_filled_to_the_last_byte_and_no_further(void **state)
{
        const struct place *place = *state;
        autostrv struct bk_strv files = LIST("big"), dirs = LIST("tree");
        struct bk_error err = { 0 };
        autofree char *bytes = bk_alloc(FLOPPY_HOLDS + 5000), *digest = bk_digest_bytes(bytes, FLOPPY_HOLDS);
        autofree char *copy = bk_format("%s/copy", place->path), *got = NULL;

        put_bytes("big", bytes, FLOPPY_HOLDS);
        make_floppy(place, &(struct boot_media){ .files = &files });
        free(output((const char *const[]){ "mcopy", "-i", place->medium, "::/big", copy, NULL }));
        assert_ok(bk_digest_file(copy, &got, &err), err);
        assert_string_equal(got, digest);
        assert_int_equal(unlink(place->medium), 0);

        put_bytes("big", bytes, FLOPPY_HOLDS + 5000);
        assert_fails_with(boot_media_floppy(&(struct boot_media){ .files = &files }, place->medium, &err), err, BK_INVALID);
        print_message("# %s\n", err.text);
        assert_non_null(strstr(err.text, "by 5120 bytes"));     /* in whole sectors */
        assert_tidy(place, false);

        /* Names that need a second sector of their folder: only mtools knows. */
        put_bytes("tree/big", bytes, FLOPPY_HOLDS - 7 * 512);
        for (int i = 0; i < 6; i++) {
                autofree char *name = bk_format("tree/%d %s", i, long_name);

                put(name, "x");
        }
        assert_fails_with(boot_media_floppy(&(struct boot_media){ .dirs = &dirs }, place->medium, &err), err, BK_INVALID);
        print_message("# %s\n", err.text);
        assert_non_null(strstr(err.text, "too large for a floppy by"));
        assert_tidy(place, false);
}

static void a_root_folder_that_is_full_says_so(void **state)
{
        const struct place *place = *state;
        autostrv struct bk_strv names = { 0 }, contents = { 0 };
        struct bk_error err = { 0 };

        need("mcopy");
        for (int i = 0; i < 223; i++) {
                bk_strv_addf(&names, "F%d", i);
                bk_strv_add(&contents, "");
        }
        make_floppy(place, &(struct boot_media){ .names = &names, .contents = &contents });
        assert_int_equal(unlink(place->medium), 0);
        bk_strv_add(&names, "ONEMORE");
        bk_strv_add(&contents, "");
        assert_fails_with(boot_media_floppy(&(struct boot_media){ .names = &names, .contents = &contents }, place->medium, &err), err, BK_INVALID);
        print_message("# %s\n", err.text);
        free(bk_take(names.v[names.n - 1]));
        names.v[names.n - 1] = bk_strdup("folder/x");   /* its name needs one of the root's entries, so some must be longer */
        free(bk_take(names.v[0]));
        names.v[0] = bk_strdup(long_name);
        names.n--, contents.n--;
        assert_fails_with(boot_media_floppy(&(struct boot_media){ .names = &names, .contents = &contents }, place->medium, &err), err, BK_INVALID);
        names.n++, contents.n++;
        print_message("# %s\n", err.text);
        assert_non_null(strstr(err.text, "too many files"));
        assert_tidy(place, false);
}

/* --- both --------------------------------------------------------------------- */

/* The same names and bytes from other inodes, of other times, made in another order. */
static void the_same_input_gives_the_same_bytes(void **state)
{
        const struct place *place = *state;
        autostrv struct bk_strv first = LIST("one/*"), second = LIST("two/*");
        autofree char *digests[4] = { 0 };
        struct bk_error err = { 0 };
        const struct timespec then[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };

        for (int i = 0; i < 60; i++) {
                autofree char *one = bk_format("one/d%d/f%d", i % 4, i), *two = bk_format("two/d%d/f%d", (59 - i) % 4, 59 - i);
                autofree char *text = bk_format("%d", i), *other = bk_format("%d", 59 - i);

                put(one, text);
                put(two, other);
                assert_int_equal(utimensat(AT_FDCWD, two, then, 0), 0);
        }
        for (int i = 0; i < 4; i++) {
                const struct bk_strv *files = i % 2 ? &second : &first;

                if (i < 2)
                        make_cd(place, &(struct boot_media){ .files = files });
                else
                        make_floppy(place, &(struct boot_media){ .dirs = files });
                assert_ok(bk_digest_file(place->medium, &digests[i], &err), err);
        }
        assert_string_equal(digests[0], digests[1]);
        assert_string_equal(digests[2], digests[3]);
        for (int i = 1; i < 4; i++)
                free(bk_take(digests[i]));
}

/* Two that are made within a second may agree by chance, so the times themselves are looked at, too. */
static void media_know_no_time(void **state)
{
        const struct place *place = *state;
        autostrv struct bk_strv names = LIST("user-data", "folder/with file"), contents = LIST("u", "w");
        const struct boot_media media = { .names = &names, .contents = &contents };
        static const char volume[] = "1980010100000000";
        autofree char *cd = NULL, *floppy = NULL;
        char year[8];
        const time_t now = time(NULL);
        struct bk_error err = { 0 };

        assert_true(strftime(year, sizeof year, "%Y", gmtime(&now)) == 4);
        make_cd(place, &media);
        autofree char *rows = output((const char *const[]){ "xorriso", "-no_rc", "-indev", place->medium, "-find", "/", "-exec", "lsdl", NULL });

        assert_non_null(strstr(rows, " Jan  1  1980 '/folder/with file'"));
        assert_non_null(strstr(rows, " Jan  1  1980 '/folder'"));
        assert_ok(bk_read_file(place->medium, 100 << 20, &cd, NULL, &err), err);
        /* The volume's four times, at 813 of the primary and of Joliet's descriptor (ECMA-119, 8.4). */
        for (size_t i = 0; i < 2; i++) {
                assert_memory_equal(cd + (size_t)2048 * (16 + i) + 813, volume, sizeof volume - 1);
                assert_memory_equal(cd + (size_t)2048 * (16 + i) + 813 + 17, volume, sizeof volume - 1);
                assert_null(memmem(cd + (size_t)2048 * (16 + i), 2048, year, 4));
        }
        make_floppy(place, &media);
        assert_ok(bk_read_file(place->medium, 1474560, &floppy, NULL, &err), err);
        /* FAT's root folder: created at 16, read at 18, written at 24; 0x21 is the first day of 1980. */
        for (const unsigned char *entry = (const unsigned char *)floppy + (size_t)19 * 512; entry[0] != 0; entry += 32) {
                if (entry[11] == 0x0f || entry[11] == 0x08)     /* a long name's; the label's, with a time of mkfs.vfat's own */
                        continue;
                for (size_t i = 16; i <= 24; i += i == 18 ? 6 : 2)
                        assert_true(entry[i + 1] == 0 && (entry[i] == 0x21 || entry[i] == 0));
        }
        assert_memory_equal(floppy + 39, "\xcd\xab\x34\x12", 4);      /* mkfs.vfat's invariant serial number */
}

static void what_cannot_be_is_refused_and_leaves_nothing(void **state)
{
        const struct place *place = *state;
        static const struct { const char *why, *file, *dir, *name, *label; enum bk_kind kind; bool floppy_only; } cases[] = {
                { "no such file", "missing.cfg", NULL, NULL, NULL, BK_NOT_FOUND, false },
                { "nothing matches", "missing*.cfg", NULL, NULL, NULL, BK_NOT_FOUND, false },
                { "nothing but . and ..", "empty/*", NULL, NULL, NULL, BK_NOT_FOUND, false },
                { "no such folder", NULL, "missing", NULL, NULL, BK_NOT_FOUND, false },
                { "dangling link", "links/dangling", NULL, NULL, NULL, BK_NOT_FOUND, false },
                { "dangling link in a folder", "links", NULL, NULL, NULL, BK_NOT_FOUND, false },
                { "a FIFO", "fifo", NULL, NULL, NULL, BK_INVALID, false },
                { "a device", "/dev/null", NULL, NULL, NULL, BK_INVALID, false },
                { "a loop", NULL, "loop", NULL, NULL, BK_INVALID, false },
                { "dots", NULL, NULL, "../../etc/passwd", NULL, BK_INVALID, false },
                { "dots inside", NULL, NULL, "a/../../b", NULL, BK_INVALID, false },
                { "absolute", NULL, NULL, "/etc/passwd", NULL, BK_INVALID, false },
                { "a folder alone", NULL, NULL, "a/", NULL, BK_INVALID, false },
                { "no name", NULL, NULL, "", NULL, BK_INVALID, false },
                { "a newline", NULL, NULL, "a\nb", NULL, BK_INVALID, false },
                { "not UTF-8", NULL, NULL, "a\xff", NULL, BK_INVALID, false },
                { "a file where a folder is", "file", NULL, "file/below", NULL, BK_INVALID, false },
                { "an empty label", NULL, NULL, "x", "", BK_INVALID, false },
                { "a long label", NULL, NULL, "x", "123456789012345678901234567890123", BK_INVALID, false },
                { "a label of UTF-8", NULL, NULL, "x", "ä", BK_INVALID, false },
                { "two of a name", "*/same", NULL, NULL, NULL, BK_INVALID, true },
                { "two that differ in case", "case/*", NULL, NULL, NULL, BK_INVALID, true },
                { "a colon", NULL, NULL, "c:x", NULL, BK_INVALID, true },
                { "a dot at the end", NULL, NULL, "x.", NULL, BK_INVALID, true },
        };

        put("one/same", "1"), put("two/same", "2"), put("case/x", "x"), put("case/X", "X"), put("file", "f"), put("loop/x/y", "y");
        put("links/fine", "f");
        assert_int_equal(mkdir("empty", 0755), 0);
        assert_int_equal(symlink("nowhere", "links/dangling"), 0);
        assert_int_equal(symlink("..", "loop/x/up"), 0);
        assert_int_equal(mkfifo("fifo", 0644), 0);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autostrv struct bk_strv files = { 0 }, dirs = { 0 }, names = { 0 }, contents = { 0 };
                const struct boot_media media = { &files, &dirs, &names, &contents, cases[i].label };
                struct bk_error err = { 0 };

                print_message("# %s\n", cases[i].why);
                if (cases[i].file != NULL)
                        bk_strv_add(&files, cases[i].file);
                if (cases[i].dir != NULL)
                        bk_strv_add(&dirs, cases[i].dir);
                if (cases[i].name != NULL)
                        bk_strv_add(&names, cases[i].name), bk_strv_add(&contents, "text");
                if (!cases[i].floppy_only) {
                        assert_fails_with(boot_media_iso(&media, place->medium, &err), err, cases[i].kind);
                        print_message("#   %s\n", err.text);
                        if (cases[i].file != NULL && cases[i].kind == BK_NOT_FOUND)
                                assert_non_null(strstr(err.text, cases[i].file));
                }
                assert_fails_with(boot_media_floppy(&media, place->medium, &err), err, cases[i].kind);
                if (cases[i].floppy_only)
                        print_message("#   %s\n", err.text);
                assert_tidy(place, false);
        }
}

/* A failure after the layout was made, and over a medium that was there: it stays as it was. */
static void a_failure_leaves_the_old_medium(void **state)
{
        const struct place *place = *state;
        autostrv struct bk_strv names = LIST("x"), contents = LIST("x");
        const struct boot_media media = { .names = &names, .contents = &contents };
        const char *path = getenv("PATH");
        autofree char *before = bk_strdup(path ? path : ""), *text = NULL, *empty = bk_format("%s/empty", place->path);
        autofree char *nowhere = bk_format("%s/nowhere/medium", place->path);
        struct bk_error err = { 0 };

        put_bytes(place->medium, "old", 3);
        assert_int_equal(setenv("PATH", empty, 1), 0);
        assert_int_equal(boot_media_iso(&media, place->medium, &err), -1);
        assert_int_equal(boot_media_floppy(&media, place->medium, &err), -1);
        assert_int_equal(setenv("PATH", before, 1), 0);
        assert_ok(bk_read_file(place->medium, 100, &text, NULL, &err), err);
        assert_string_equal(text, "old");
        assert_tidy(place, true);
        assert_fails_with(boot_media_iso(&media, nowhere, &err), err, BK_NOT_FOUND);
}

/* The medium's path is no argument of a tool, either. */
static void strange_paths_are_only_paths(void **state)
{
        struct place *place = *state;
        static const char *const paths[] = { "-o", "=a=b", "x@@1M", "c:x", "stdio:x", "blank and ☕", "[x]*", "%s%n" };
        autostrv struct bk_strv names = LIST("x"), contents = LIST("x\n");
        const struct boot_media media = { .names = &names, .contents = &contents };

        for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
                struct bk_error err = { 0 };
                struct stat st;

                print_message("# %s\n", paths[i]);
                need("xorriso");
                need("mcopy");
                assert_ok(boot_media_floppy(&media, paths[i], &err), err);
                assert_int_equal(stat(paths[i], &st), 0);
                assert_int_equal(st.st_size, 1474560);
                assert_ok(boot_media_iso(&media, paths[i], &err), err);
                assert_int_equal(stat(paths[i], &st), 0);
                assert_int_not_equal(st.st_size, 1474560);
                assert_int_equal(unlink(paths[i]), 0);
        }
        autofree char *left = output((const char *const[]){ "ls", "-A", place->in, NULL });

        assert_string_equal(left, "");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                TEST(nocloud_is_found_by_its_label),
                TEST(folders_come_with_or_without_their_name),
                TEST(names_survive),
                TEST(texts_win_and_later_files_win),
                TEST(links_become_what_they_lead_to),
                TEST(labels_stay_as_given),
                TEST(floppies_are_flat_but_for_dirs),
                TEST(a_floppy_is_filled_to_the_last_byte_and_no_further),
                TEST(a_root_folder_that_is_full_says_so),
                TEST(the_same_input_gives_the_same_bytes),
                TEST(media_know_no_time),
                TEST(what_cannot_be_is_refused_and_leaves_nothing),
                TEST(a_failure_leaves_the_old_medium),
                TEST(strange_paths_are_only_paths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
