/* Files of advisories, as the tools that people have pack them: each comes out as what went in, or as an error. */
#include "tests/unit/folder.h"

#include "lib/buf.h"
#include "lib/publish.h"
#include "lib/run.h"
#include "registry/advisory.h"

#define folder_test(f) cmocka_unit_test_setup_teardown(f, folder_set_up, folder_tear_down)
enum { TIMEOUT_MS = 60000 };

static char *in(const struct folder *folder, const char *name)
{
        return bk_format("%s/%s", folder->path, name);
}

/* a.json, b.json and c.txt, packed. */
static const struct { const char *why, *program; size_t known; /* from how many bytes on */ } ways[] = {
        { "zip", "z = zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED); [z.writestr(n, t) for n, t in files]; z.close()", 4 },
        { "zip, stored", "z = zipfile.ZipFile(out, 'w'); [z.writestr(n, t) for n, t in files]; z.close()", 4 },
        { "zip, written into a pipe", "z = zipfile.ZipFile(Pipe(), 'w', zipfile.ZIP_DEFLATED); [z.writestr(n, t) for n, t in files]; z.close()", 4 },
        { "zip64", "z = zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED)\nfor n, t in files:\n"
          " with z.open(n, 'w', force_zip64=True) as m: m.write(t)\nz.close()", 4 },
        { "zip64, written into a pipe", "z = zipfile.ZipFile(Pipe(), 'w', zipfile.ZIP_DEFLATED)\nfor n, t in files:\n"
          " with z.open(n, 'w', force_zip64=True) as m: m.write(t)\nz.close()", 4 },
        { "tar", "z = tarfile.open(out, 'w', format=tarfile.USTAR_FORMAT); [add(z, n, t) for n, t in files]; z.close()", 512 },
        { "GNU's tar", "z = tarfile.open(out, 'w', format=tarfile.GNU_FORMAT); [add(z, n, t) for n, t in files]; z.close()", 512 },
        { "tar.gz", "z = tarfile.open(out, 'w:gz'); [add(z, n, t) for n, t in files]; z.close()", 4 },
        { "gzip, in two parts", "open(out, 'wb').write(gzip.compress(files[0][1]) + gzip.compress(b'|' + files[1][1]))", 4 },
};
static const char prelude[] =
        "import gzip, io, sys, tarfile, zipfile\n"
        "out = sys.argv[1]\n"
        "files = [('x/a.json', b'{\"id\":\"A\"}'), ('readme.txt', b'no JSON'), ('b.json', b'{\"id\":\"B\"}' + b' ' * 300000)]\n"
        "if 'gzip.compress' in sys.argv[2]: files = [files[0], files[2]]\n"
        "class Pipe(io.RawIOBase):\n"
        " def __init__(self): self.f = open(out, 'wb')\n"
        " def writable(self): return True\n"
        " def write(self, b): return self.f.write(b)\n"
        " def flush(self): self.f.flush()\n"
        "def add(z, n, t):\n"
        " i = tarfile.TarInfo(n); i.size = len(t); z.addfile(i, io.BytesIO(t))\n"
        "exec(sys.argv[2])\n";

static int take(void *arg, const char *bytes, size_t length, struct bk_error *err)
{
        struct bk_buf *text = arg;

        (void)err;
        for (size_t i = 0; i < length; i++)
                if (bytes[i] != ' ')
                        bk_buf_putc(text, bytes[i]);
        return 0;
}

static int end(void *arg, struct bk_error *err)
{
        (void)err;
        bk_buf_putc(arg, '|');
        return 0;
}

/* What comes of bytes; NULL with an error. The caller's. */
static char *unpacked(const char *path, const char *bytes, size_t length, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
        autoclose int fd = -1;
        struct bk_error why = { 0 };

        assert_ok(bk_publish_bytes(path, bytes, length, 0600, &why), why);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        if (reg_unpack(fd, &(struct reg_unpacker){ .take = take, .end = end, .arg = &text }, err) < 0)
                return NULL;
        return bk_buf_finish(&text);
}

static void archives_come_out_as_they_went_in(void **state)
{
        const struct folder *folder = *state;
        autofree char *path = in(folder, "packed"), *other = in(folder, "other");

        need("python3");
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
                const char *const argv[] = { "python3", "-c", prelude, path, ways[i].program, NULL };
                autofree char *bytes = NULL, *text = NULL;
                struct bk_error err = { 0 };
                size_t length = 0;

                print_message("# %s\n", ways[i].why);
                assert_ok(bk_run(argv, TIMEOUT_MS, NULL, &err), err);
                assert_ok(bk_read_file(path, 1 << 20, &bytes, &length, &err), err);
                text = unpacked(other, bytes, length, &err);
                if (text == NULL)
                        fail_msg("%s", err.text);
                assert_string_equal(text, "{\"id\":\"A\"}|{\"id\":\"B\"}|");
                /* What is cut off is an error, or only behind the last member. */
                for (size_t cut = ways[i].known; cut < length; cut += length / 150 + 1) {
                        struct bk_error why = { 0 };
                        autofree char *part = unpacked(other, bytes, cut, &why);

                        if (part == NULL)
                                assert_true(why.text[0] != '\0');
                        else
                                assert_true(strcmp(part, text) == 0 || strstr(ways[i].why, "parts") != NULL);
                }
                for (size_t at = 0; at < length; at += length / 300 + 1) {
                        struct bk_error why = { 0 };
                        autofree char *changed = NULL;

                        bytes[at] = (char)(bytes[at] ^ 0x41);
                        changed = unpacked(other, bytes, length, &why);
                        bytes[at] = (char)(bytes[at] ^ 0x41);
                        assert_true(changed != NULL || why.text[0] != '\0');
                }
        }
}

static void what_is_not_packed_is_itself(void **state)
{
        const struct folder *folder = *state;
        static const char *const texts[] = { "", "P", "{}", "\xef\xbb\xbf{\"id\":\"A\"}", "PKZIP" };
        autofree char *path = in(folder, "plain");

        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
                struct bk_error err = { 0 };
                autofree char *text = unpacked(path, texts[i], strlen(texts[i]), &err), *wanted = bk_format("%s|", texts[i]);

                assert_non_null(text);
                assert_string_equal(text, wanted);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                folder_test(archives_come_out_as_they_went_in),
                folder_test(what_is_not_packed_is_itself),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
