/* Checksums in every spelling that templates and checksum files have. */
#include "tests/unit/folder.h"

#include <sys/stat.h>

#include "boot/iso.h"
#include "lib/fs.h"
#include "lib/publish.h"
#include "tests/unit/server.h"

#define MD5A "0123456789abcdef0123456789abcdef"
#define SHA1A "0123456789abcdef0123456789abcdef01234567"
#define SHA224A "0123456789abcdef0123456789abcdef0123456789abcdef01234567"
#define SHA256A "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA256B "ffff456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA256UP "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF"
#define SHA384A SHA256A MD5A
#define SHA512A SHA256A SHA256A
#define SHA512B SHA256A SHA256B

static const struct { const char *text; enum boot_sum_kind kind; const char *hex; } plain[] = {
        { "none",                       BOOT_SUM_NONE,   "" },
        { "NONE",                       BOOT_SUM_NONE,   "" },
        { "",                           BOOT_SUM_NONE,   "" },
        { NULL,                         BOOT_SUM_NONE,   "" },
        { MD5A,                         BOOT_SUM_MD5,    MD5A },
        { SHA1A,                        BOOT_SUM_SHA1,   SHA1A },
        { SHA224A,                      BOOT_SUM_SHA224, SHA224A },
        { SHA256A,                      BOOT_SUM_SHA256, SHA256A },
        { SHA384A,                      BOOT_SUM_SHA384, SHA384A },
        { SHA512A,                      BOOT_SUM_SHA512, SHA512A },
        { SHA256UP,                     BOOT_SUM_SHA256, SHA256A },
        { "md5:" MD5A,                  BOOT_SUM_MD5,    MD5A },
        { "sha1:" SHA1A,                BOOT_SUM_SHA1,   SHA1A },
        { "sha224:" SHA224A,            BOOT_SUM_SHA224, SHA224A },
        { "sha256:" SHA256A,            BOOT_SUM_SHA256, SHA256A },
        { "sha384:" SHA384A,            BOOT_SUM_SHA384, SHA384A },
        { "sha512:" SHA512A,            BOOT_SUM_SHA512, SHA512A },
        { "SHA256:" SHA256UP,           BOOT_SUM_SHA256, SHA256A },
        { "sha-256:" SHA256A,           BOOT_SUM_SHA256, SHA256A },
        { "  " SHA256A "\n",            BOOT_SUM_SHA256, SHA256A },
};

static void sums_of_every_kind_are_read(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
                struct boot_sum sum = { .kind = BOOT_SUM_MD5 };
                struct bk_error err = { 0 };

                print_message("# %s\n", plain[i].text ? plain[i].text : "(null)");
                assert_ok(boot_sum_parse(plain[i].text, "http://h/x.iso", &sum, &err), err);
                assert_int_equal(sum.kind, plain[i].kind);
                assert_string_equal(sum.hex, plain[i].hex);
        }
}

static const struct { const char *why, *text; } broken[] = {
        { "a length that no kind has",          "0123456789abcdef" },
        { "a digit too few",                    "sha256:123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" },
        { "of another kind than it says",       "sha256:" SHA1A },
        { "not hexadecimal",                    "x123456789abcdef0123456789abcdef" },
        { "an unknown kind",                    "sha3-256:" SHA256A },
        { "an unknown kind with a long name",   "a-kind-with-a-very-long-name:" SHA256A },
        { "a kind alone",                       "sha256:" },
        { "no kind",                            ":" SHA256A },
        { "the ISO itself",                     "http://h/x.iso" },
        { "no file",                            "file:" },
        { "a word",                             "none of your business" },
};

static void broken_sums_are_refused_with_the_known_forms(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
                struct boot_sum sum = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", broken[i].why);
                assert_fails_with(boot_sum_parse(broken[i].text, "http://h/x.iso", &sum, &err), err, BK_INVALID);
                assert_non_null(strstr(err.text, "sha512:HEX"));
                assert_non_null(strstr(err.text, "file:"));
        }
}

/* --- checksum files ------------------------------------------------------------------- */

#define PGP(text) "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" text "-----BEGIN PGP SIGNATURE-----\n\n" \
        "iQIzBAEBCAAdFiEE\n" MD5A "\n=abcd\n-----END PGP SIGNATURE-----\n"

static const struct { const char *why, *text, *name, *hex; } files[] = {
        { "GNU, text",                  SHA256B "  other.iso\n" SHA256A "  x.iso\n", "x.iso", SHA256A },
        { "GNU, binary",                SHA256A " *x.iso\n", "x.iso", SHA256A },
        { "GNU, portable",              SHA256A " ?x.iso\n", "x.iso", SHA256A },
        { "GNU, one blank",             SHA256A " x.iso\n", "x.iso", SHA256A },
        { "GNU, a tab",                 SHA256A "\tx.iso\n", "x.iso", SHA256A },
        { "GNU, no newline at the end", SHA256A "  x.iso", "x.iso", SHA256A },
        { "GNU, upper case",            SHA256UP "  x.iso\n", "x.iso", SHA256A },
        { "GNU, SHA512SUMS",            SHA512A "  x.iso\n", "x.iso", SHA512A },
        { "GNU, MD5SUMS",               MD5A "  x.iso\n", "x.iso", MD5A },
        { "CRLF",                       SHA256B "  other.iso\r\n" SHA256A "  x.iso\r\n", "x.iso", SHA256A },
        { "a byte order mark",          "\xef\xbb\xbf" SHA256A "  x.iso\n", "x.iso", SHA256A },
        { "comments and blank lines",   "# x.iso: 123 bytes\n\n; old\n#" SHA256B "  x.iso\n" SHA256A "  x.iso\n", "x.iso", SHA256A },
        { "./",                         SHA256A "  ./x.iso\n", "x.iso", SHA256A },
        { "a folder",                   SHA256A "  a/b/x.iso\n", "x.iso", SHA256A },
        { "an absolute path",           SHA256A "  /srv/x.iso\n", "x.iso", SHA256A },
        { "the name ends alike",        SHA256B "  not-x.iso\n" SHA256A "  x.iso\n", "x.iso", SHA256A },
        { "the name begins alike",      SHA256B "  x.iso.torrent\n" SHA256A "  x.iso\n", "x.iso", SHA256A },
        { "in a folder, and alone",     SHA256B "  gtk/x.iso\n" SHA256A "  ./x.iso\n", "x.iso", SHA256A },
        { "alone, and in a folder",     SHA256A "  x.iso\n" SHA256B "  gtk/x.iso\n", "x.iso", SHA256A },
        { "by its folder",              SHA256B "  ./net/gtk/x.iso\n" SHA256A "  ./net/x.iso\n", "/images/net/x.iso", SHA256A },
        { "by its folder, the other",   SHA256A "  ./net/gtk/x.iso\n" SHA256B "  ./net/x.iso\n", "/images/net/gtk/x.iso", SHA256A },
        { "twice, with one sum",        SHA256A "  a/x.iso\n" SHA256A "  b/x.iso\n", "x.iso", SHA256A },
        { "a name with blanks",         SHA256A "  my own x.iso\n", "my own x.iso", SHA256A },
        { "an escaped name",            "\\" SHA256A "  a\\\\b\\nc.iso\n", "a\\b\nc.iso", SHA256A },
        { "a backslash, not escaped",   SHA256A "  a\\nc.iso\n", "a\\nc.iso", SHA256A },
        { "BSD",                        "SHA256 (other.iso) = " SHA256B "\nSHA256 (x.iso) = " SHA256A "\n", "x.iso", SHA256A },
        { "BSD, a name with brackets",  "SHA256 (x (1) = 2.iso) = " SHA256A "\n", "x (1) = 2.iso", SHA256A },
        { "BSD, with a path",           "SHA512 (./a/x.iso) = " SHA512A "\r\n", "x.iso", SHA512A },
        { "BSD, an escaped name",       "\\SHA256 (a\\\\b) = " SHA256A "\n", "a\\b", SHA256A },
        { "OpenSSL",                    "SHA256(x.iso)= " SHA256A "\n", "x.iso", SHA256A },
        { "OpenSSL 3",                  "SHA2-256(x.iso)= " SHA256A "\n", "x.iso", SHA256A },
        { "the strongest of several",   "MD5 (x.iso) = " MD5A "\nSHA512 (x.iso) = " SHA512A "\nSHA1 (x.iso) = " SHA1A "\n", "x.iso", SHA512A },
        { "an unknown kind beside",     "BLAKE2b (x.iso) = " SHA512B "\nSHA256 (x.iso) = " SHA256A "\n", "x.iso", SHA256A },
        { "a sum alone",                SHA256A "\n", "x.iso", SHA256A },
        { "a sum alone, no newline",    SHA1A, "x.iso", SHA1A },
        { "a sum alone, with its kind", "sha256:" SHA256A "\n", "x.iso", SHA256A },
        { "a named one before it",      SHA256B "\n" SHA256A "  x.iso\n", "x.iso", SHA256A },
        { "signed, GNU",                PGP(SHA256A "  x.iso\n"), "x.iso", SHA256A },
        { "signed, BSD with a comment", PGP("# x.iso: 123 bytes\nSHA256 (x.iso) = " SHA256A "\n"), "x.iso", SHA256A },
        { "signed, dashes escaped",     PGP("- -- the sums\n" SHA256A "  x.iso\n- " SHA256B "  y.iso\n"), "y.iso", SHA256B },
        { "signed, a sum alone",        PGP(SHA256A "\n"), "x.iso", SHA256A },
        { "junk lines between",         "hello world\n= = =\n(\n)\n()\nSHA256 ()\n*\n" SHA256A "  x.iso\n", "x.iso", SHA256A },
};

static void checksum_files_are_read(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
                struct boot_sum sum = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", files[i].why);
                assert_ok(boot_sum_in_file(files[i].text, files[i].name, &sum, &err), err);
                assert_string_equal(sum.hex, files[i].hex);
        }
}

static const struct { const char *why, *text, *name; enum bk_kind kind; const char *says; } refused[] = {
        { "an empty file",              "", "x.iso", BK_INVALID, "no checksum" },
        { "a page instead of sums",     "<html><body>404 (Not Found) = sorry</body></html>\n", "x.iso", BK_INVALID, "no checksum" },
        { "another name",               SHA256A "  y.iso\n", "x.iso", BK_NOT_FOUND, "'y.iso'" },
        { "a name that ends alike",     SHA256A "  not-x.iso\n", "x.iso", BK_NOT_FOUND, "'not-x.iso'" },
        { "another case",               SHA256A "  X.ISO\n", "x.iso", BK_NOT_FOUND, "'X.ISO'" },
        { "many others",                SHA256A "  1\n" SHA256A "  2\n" SHA256A "  3\n" SHA256A "  4\n" SHA256A "  5\n" SHA256A "  6\n",
          "/a/x.iso", BK_NOT_FOUND, "'x.iso' is not listed in it; there are '1', '2', '3', '4', '5', ..." },
        { "two of one name",            SHA256A "  a/x.iso\n" SHA256B "  b/x.iso\n", "x.iso", BK_INVALID, "'b/x.iso'" },
        { "two sums for one file",      SHA256A "  x.iso\n" SHA256B "  x.iso\n", "x.iso", BK_INVALID, "different sums" },
        { "two sums alone",             SHA256A "\n" SHA256B "\n", "x.iso", BK_INVALID, SHA256B },
        { "a sum cut short",            "0123456789abcdef  x.iso\n", "x.iso", BK_INVALID, "no checksum" },
        { "BSD, of another length",     "SHA256 (x.iso) = " SHA1A "\n", "x.iso", BK_INVALID, "no checksum" },
        { "in the signature",           PGP("nothing\n"), "x.iso", BK_INVALID, "no checksum" },
};

static void checksum_files_without_an_answer_say_what_they_have(void **state)
{
        (void)state;
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
                struct boot_sum sum = { 0 };
                struct bk_error err = { 0 };

                print_message("# %s\n", refused[i].why);
                assert_fails_with(boot_sum_in_file(refused[i].text, refused[i].name, &sum, &err), err, refused[i].kind);
                if (strstr(err.text, refused[i].says) == NULL)
                        fail_msg("'%s' is not in: %s", refused[i].says, err.text);
        }
}

/* --- "file:" -------------------------------------------------------------------------- */

static int set_up(void **state)
{
        *state = folder_new();
        return chdir(*state);
}

static int tear_down(void **state)
{
        const int result = chdir("/") < 0 ? -1 : bk_remove_tree(*state, NULL);

        free(*state);
        return result;
}

static void a_checksum_file_is_found_however_it_is_spelled(void **state)
{
        static const char text[] = SHA256B "  y.iso\n" SHA256A "  an x~1.iso\n";
        static const char *const isos[] = { "http://h/an%20x~1.iso", "http://h/a/b/an%20x%7e1.iso?token=/y.iso#/y.iso", "http://h/an x~1.iso",
                                            "an x~1.iso", "./a/an x~1.iso", "/a/an x~1.iso", "file:///a/an%20x~1.iso", "ftp://h//an%20x~1.iso" };
        const char *spelled[] = { "file:./my sums", "file:my sums", "file:my%20sums", "file://./my%20sums", "file://my%20sums",
                                  "file:file://./my%20sums", "file:file:my sums", "FILE:my sums", NULL, NULL, NULL, NULL };
        autofree char *absolute = bk_format("file:%s/my sums", (char *)*state), *rooted = bk_format("file://%s/my sums", (char *)*state);
        autofree char *twice = bk_format("file:file://%s/my%%20sums", (char *)*state);
        autofree char *host = bk_format("file:file://localhost%s/my%%20sums", (char *)*state);
        struct bk_error err = { 0 };

        spelled[8] = absolute;
        spelled[9] = rooted;
        spelled[10] = twice;
        spelled[11] = host;
        assert_ok(bk_publish_bytes("my sums", text, strlen(text), 0644, &err), err);
        for (size_t i = 0; i < sizeof spelled / sizeof *spelled; i++)
                for (size_t j = 0; j < sizeof isos / sizeof *isos; j++) {
                        struct boot_sum sum = { 0 };

                        if (j == 0)
                                print_message("# %s\n", spelled[i]);
                        assert_ok(boot_sum_parse(spelled[i], isos[j], &sum, &err), err);
                        assert_string_equal(sum.hex, SHA256A);
                }
}

static void a_missing_checksum_file_is_named(void **state)
{
        struct boot_sum sum = { 0 };
        struct bk_error err = { 0 };

        (void)state;
        assert_fails_with(boot_sum_parse("file:./none-here", "http://h/x.iso", &sum, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, "./none-here"));
}

static void a_checksum_file_is_fetched(void **state)
{
        struct server server = { 0 };
        struct boot_sum sum = { 0 };
        struct bk_error err = { 0 };
        autofree char *checksum = NULL;

        (void)state;
        server_start(&server);
        checksum = bk_format("file:http://127.0.0.1:%u/current/SHA512SUMS", server.port);
        (void)strcpy(server.web->sums, SHA512A "  x.iso\n");
        assert_ok(boot_sum_parse(checksum, "http://h/x.iso", &sum, &err), err);
        assert_int_equal(sum.kind, BOOT_SUM_SHA512);
        assert_string_equal(sum.hex, SHA512A);
        server.web->plans[1].status = 404;
        assert_fails_with(boot_sum_parse(checksum, "http://h/x.iso", &sum, &err), err, BK_NOT_FOUND);
        assert_fails_with(boot_sum_parse(checksum, "http://h/y.iso", &sum, &err), err, BK_NOT_FOUND);
        assert_non_null(strstr(err.text, "/current/SHA512SUMS"));
        assert_non_null(strstr(err.text, "x.iso"));
        server_stop(&server);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sums_of_every_kind_are_read),
                cmocka_unit_test(broken_sums_are_refused_with_the_known_forms),
                cmocka_unit_test(checksum_files_are_read),
                cmocka_unit_test(checksum_files_without_an_answer_say_what_they_have),
                cmocka_unit_test_setup_teardown(a_checksum_file_is_found_however_it_is_spelled, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_missing_checksum_file_is_named, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_checksum_file_is_fetched, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
