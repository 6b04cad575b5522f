/* Certificates and keys that openssl(1) made, and what it says of them itself. */
#include "tests/unit/spec/fixture.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

/* What a line prints in the image's root, without the last newline; the caller's. */
static char *shell(const struct fixture *f, const char *line)
{
        autofree char *whole = bk_format("cd %s && { %s; } 2>/dev/null", f->root, line), *text = bk_alloc(65536);
        FILE *pipe = popen(whole, "r");
        size_t length;
        int status;

        assert_non_null(pipe);
        length = fread(text, 1, 65535, pipe);
        status = pclose(pipe);
        if (status != 0)
                fail_msg("'%s' ended with %d", line, status);
        if (length > 0 && text[length - 1] == '\n')
                text[length - 1] = '\0';
        return bk_take(text);
}

#define REQ "openssl req -x509 -config req.cnf -days 90 -utf8 "

static int setup(void **state)
{
        static const char *const lines[] = {
                REQ "-newkey rsa:1024 -nodes -keyout rsa.key -out rsa.crt -subj '/C=DE/O=B\xc3\xa4" "cker, \"A\"/CN=x.example/emailAddress=a@b.c' "
                        "-addext 'subjectAltName=DNS:*.a.example,DNS:b.example,IP:192.0.2.10,email:q@r.s,email:a@b.c'",
                REQ "-newkey rsa:1024 -nodes -keyout other.key -out other.crt -subj /CN=other -addext extendedKeyUsage=serverAuth "
                        "-addext basicConstraints=critical,CA:false",
                "openssl x509 -in rsa.crt -setalias 'My alias' -trustout -out trusted.crt",
                "openssl x509 -in rsa.crt -outform der -out rsa.der",
                "openssl rsa -in rsa.key -outform der -out rsa.key.der",
                "openssl rsa -in rsa.key -aes128 -passout pass:geheim -out enc8.key",
                "openssl rsa -in rsa.key -aes128 -traditional -passout pass:geheim -out enc1.key",
                "openssl rsa -in rsa.key -des -traditional -provider legacy -provider default -passout pass:geheim -out des.key",
                "openssl ecparam -genkey -name prime256v1 -noout -out ec.key",
                REQ "-key ec.key -out ec.crt -subj /CN=ec",
                "openssl genpkey -algorithm ed25519 -out ed.key",
                REQ "-key ed.key -out ed.crt -subj /CN=ed",
                "openssl pkcs8 -topk8 -in rsa.key -iter 5000001 -passout pass:geheim -out slow.key",
                "openssl pkcs8 -topk8 -in rsa.key -outform der -passout pass:geheim -out enc8.der",
                "openssl pkcs8 -topk8 -in rsa.key -scrypt -passout pass:geheim -out scrypt.key",
                "printf 'geheim\\nmore\\n' >pass.txt",
                "{ cat rsa.crt; echo; cat other.crt; } >chain.crt",
        };

        if (fixture_setup(state) < 0)
                return -1;
        put(*state, "/req.cnf", "[req]\ndistinguished_name = dn\nprompt = no\n[dn]\nCN = x\n");
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
                autofree char *none = shell(*state, lines[i]);

                assert_non_null(none);
        }
        return 0;
}

static void texts_are_those_of_openssl(void **state)
{
        static const struct { const char *property, *option; } rows[] = {
                { "subject", "-subject | sed 's/^subject= *//'" }, { "issuer", "-issuer | sed 's/^issuer= *//'" }, { "email", "-email" },
                { "fingerprint", "-fingerprint" }, { "alias", "-alias" },
                { "keylength", "-text | sed -n 's/.*Public-Key: (\\([0-9]*\\) bit)/\\1/p'" },
                { "subject_alt_names.to_a.join(', ')", "-text | sed -n '/Subject Alternative Name:/{n;s/^ *//p}'" },
        };
        static const char *const files[] = { "rsa.crt", "other.crt", "trusted.crt", "rsa.der", "ec.crt", "chain.crt" };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
                for (size_t j = 0; j < sizeof rows / sizeof *rows; j++) {
                        autofree char *line = bk_format("openssl x509 -in %s -noout %s", files[i], rows[j].option), *wanted = shell(f, line);
                        autofree char *path = in_root(f, "/wanted"), *text = NULL;

                        put(f, "/wanted", wanted);
                        text = bk_format("describe x509_certificate('/%s') do\n it { subject.%s.to_s.should eq file('/wanted').content }\n end",
                                         files[i], rows[j].property);
                        run(f, text);
                        print_message("# %s: %s: %s\n", files[i], rows[j].property, wanted);
                        expect_one(f, SPEC_PASS, "");
                }
}

/* Every purpose that openssl lists is there or not as it says. */
static void purposes_are_those_of_openssl(void **state)
{
        static const char *const files[] = { "rsa.crt", "other.crt", "ec.crt" };
        struct fixture *f = *state;
        size_t n = 0;

        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
                autofree char *line = bk_format("openssl x509 -in %s -noout -purpose | grep ' : '", files[i]), *list = shell(f, line);

                for (char *p = strtok(list, "\n"); p != NULL; p = strtok(NULL, "\n")) {
                        char *colon = strstr(p, " : ");
                        const bool yes = strncmp(colon, " : Yes", 6) == 0;

                        *colon = '\0';
                        /* as with serverspec, fewer words will do: "SSL server" is in "Netscape SSL server" */
                        if (!yes && (strcmp(p, "SSL server") == 0 || strcmp(p, "SSL server CA") == 0))
                                continue;
                        autofree char *text = bk_format("describe x509_certificate('/%s') do it { should%s have_purpose '%s' } end", files[i],
                                                        yes ? "" : "_not", p);

                        run(f, text);
                        expect_one(f, SPEC_PASS, "");
                        n++;
                }
        }
        assert_true(n > 30);
        run(f, "describe x509_certificate('/other.crt') do\n it { should have_purpose 'SSL client' }\n it { should have_purpose 'server' }\n"
               " it { should have_purpose 'erver' }\n end");
        expect_all(f, { SPEC_FAIL, 0, NULL, NULL, "it has SSL server" }, { SPEC_PASS }, { SPEC_FAIL });
}

/* openssl(1) makes none that has ended. */
static void put_expired(const struct fixture *f, long from, long to)
{
        autofree char *key_path = in_root(f, "/rsa.key"), *path = in_root(f, "/rsa.crt"), *out = in_root(f, "/dated.crt");
        FILE *file = fopen(path, "r"), *key_file = fopen(key_path, "r"), *to_file = fopen(out, "w");
        X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
        EVP_PKEY *key = PEM_read_PrivateKey(key_file, NULL, NULL, NULL);

        assert_true(certificate != NULL && key != NULL && to_file != NULL);
        assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), from));
        assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), to));
        assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
        assert_int_equal(PEM_write_X509(to_file, certificate), 1);
        X509_free(certificate);
        EVP_PKEY_free(key);
        (void)fclose(file);
        (void)fclose(key_file);
        (void)fclose(to_file);
}

static void certificates_are_valid_for_a_time(void **state)
{
        static const struct check rows[] = {
                { "x509_certificate('/rsa.crt').should be_certificate", SPEC_PASS, "" },
                { "x509_certificate('/rsa.der').should be_certificate", SPEC_PASS, "" },
                { "x509_certificate('/rsa.key').should be_certificate", SPEC_FAIL, "'/rsa.key' is no certificate" },
                { "x509_certificate('/none').should be_certificate", SPEC_FAIL, "'/none' is no file" },
                { "x509_certificate('/rsa.crt').should be_valid", SPEC_PASS, "" },
                { "x509_certificate('/none').should be_valid", SPEC_FAIL, "'/none' is no file" },
                { "x509_certificate('/rsa.crt').validity_in_days.should be_between(89.5, 90.1)", SPEC_PASS, "" },
                { "x509_certificate('/rsa.crt').validity_in_days.should_not be < 80", SPEC_PASS, "" },
                { "x509_certificate('/rsa.crt').validity_in_days.should be >= 100", SPEC_FAIL, "be >= 100" },
                { "x509_certificate('/none').validity_in_days.should eq 0", SPEC_PASS, "" },
                { "x509_certificate('/none').subject.should be_nil", SPEC_PASS, "" },
                { "x509_certificate('/other.crt').subject_alt_names.should be_nil", SPEC_PASS, "" },
                { "x509_certificate('/rsa.crt').subject_alt_names.should include 'DNS:b.example', 'IP Address:192.0.2.10'", SPEC_PASS, "" },
                { "x509_certificate('/ed.crt').keylength.should be > 250", SPEC_PASS, "" },
        };
        struct fixture *f = *state;

        expect_rows(f, rows);
        put_expired(f, -86400 * 10, -86400 * 2);
        run(f, "describe x509_certificate('/dated.crt') do\n it { should be_valid }\n its(:validity_in_days) { should be_within(0.1).of(-2) }\n end");
        expect_all(f, { SPEC_FAIL, 2, "X509 certificate \"/dated.crt\"", "should be valid", "it is valid from " }, { SPEC_PASS });
        put_expired(f, 86400, 86400 * 2);
        run(f, "describe x509_certificate('/dated.crt') do\n it { should_not be_valid }\n end");
        expect_one(f, SPEC_PASS, "");
}

static void keys_are_checked_with_their_passphrase(void **state)
{
        static const struct check rows[] = {
                { "x509_private_key('/rsa.key').should be_valid", SPEC_PASS, "" },
                { "x509_private_key('/rsa.key.der').should be_valid", SPEC_PASS, "" },
                { "x509_private_key('/rsa.key').should_not be_encrypted", SPEC_PASS, "" },
                { "x509_private_key('/rsa.key', passin: 'pass:x').should be_valid", SPEC_FAIL, "it is not encrypted" },
                { "x509_private_key('/enc8.key').should be_encrypted", SPEC_PASS, "" },
                { "x509_private_key('/enc1.key').should be_encrypted", SPEC_PASS, "" },
                { "x509_private_key('/enc8.key').should be_valid", SPEC_FAIL, "no passin: is given" },
                { "x509_private_key('/enc8.key', passin: 'pass:geheim').should be_valid", SPEC_PASS, "" },
                { "x509_private_key('/enc1.key', { :passin => 'pass:geheim' }).should be_valid", SPEC_PASS, "" },
                { "x509_private_key('/enc1.key', passin: 'file:/pass.txt').should be_valid", SPEC_PASS, "" },
                { "x509_private_key('/enc1.key', passin: 'file:/none').should be_valid", SPEC_UNANSWERED, "'/none' does not exist" },
                { "x509_private_key('/enc8.key', passin: 'pass:falsch').should be_valid", SPEC_FAIL, "not with this passphrase" },
                { "x509_private_key('/enc1.key', passin: 'pass:falsch').should be_valid", SPEC_FAIL, "not with this passphrase" },
                { "x509_private_key('/enc1.key', passin: 'env:X').should be_valid", SPEC_ERROR, "passin is 'pass:...'" },
                { "x509_private_key('/des.key', passin: 'pass:geheim').should be_valid", SPEC_UNANSWERED, "libcrypto does not know" },
                { "x509_private_key('/slow.key', passin: 'pass:geheim').should be_valid", SPEC_UNANSWERED, "hashed more than 5000000 times" },
                { "x509_private_key('/enc8.der', passin: 'pass:geheim').should be_valid", SPEC_FAIL, "it is no private key" },
                { "x509_private_key('/scrypt.key', passin: 'pass:geheim').should be_valid", SPEC_PASS, "" },
                { "x509_private_key('/ec.key').should be_valid", SPEC_PASS, "" },
                { "x509_private_key('/broken.key').should be_valid", SPEC_FAIL, "it is a broken key of 1024 bits" },
                { "x509_private_key('/rsa.crt').should be_valid", SPEC_FAIL, "it is no private key" },
                { "x509_private_key('/none').should be_valid", SPEC_FAIL, "it is no file" },
                { "x509_private_key('/rsa.key').should have_matching_certificate('/rsa.crt')", SPEC_PASS, "" },
                { "x509_private_key('/rsa.key').should have_matching_certificate('/trusted.crt')", SPEC_PASS, "" },
                { "x509_private_key('/rsa.key').should have_matching_certificate('/other.crt')", SPEC_FAIL, "is of another key" },
                { "x509_private_key('/enc8.key', passin: 'pass:geheim').should have_matching_certificate('/rsa.crt')", SPEC_PASS, "" },
                { "x509_private_key('/enc8.key').should have_matching_certificate('/rsa.crt')", SPEC_FAIL, "no passin" },
                { "x509_private_key('/ec.key').should have_matching_certificate('/ec.crt')", SPEC_PASS, "" },
                { "x509_private_key('/rsa.key').should have_matching_certificate('/none')", SPEC_FAIL, "'/none' is no file" },
        };
        static const struct check compat[] = {
                { "x509_private_key('/rsa.key').should be_valid", SPEC_PASS, "" },
                { "x509_private_key('/ec.key').should be_valid", SPEC_FAIL, "no RSA key" },
                { "x509_private_key('/ec.key').should have_matching_certificate('/ec.crt')", SPEC_FAIL, NULL },
                { "x509_certificate('/ed.crt').keylength.should eq 0", SPEC_PASS, "" },
        };
        struct fixture *f = *state;
        autofree char *text = shell(f, "openssl asn1parse -in rsa.key.der -inform der -i | grep INTEGER | tail -n 1 | cut -d: -f1 | tr -d ' '"),
                      *der = in_root(f, "/rsa.key.der"), *bytes = NULL;
        const size_t at = strtoul(text, NULL, 10);
        struct bk_error err = { 0 };
        size_t length;

        assert_ok(bk_read_file(der, 1 << 20, &bytes, &length, &err), err);
        assert_true(at + 20 < length);
        bytes[length - 1] ^= 2;         /* of the last number, which checks the others */
        put_bytes(f, "/broken.key", bytes, length);
        expect_rows(f, rows);
        f->options.compat = true;
        expect_rows(f, compat);
        f->options.compat = false;
}

/* Every prefix, and bytes turned over: an answer, never an end. */
static void damaged_files_are_none(void **state)
{
        static const char *const files[] = { "/rsa.der", "/rsa.crt", "/enc8.key", "/rsa.key.der" };
        struct fixture *f = *state;

        for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
                autofree char *path = in_root(f, files[i]), *bytes = NULL;
                BK_CLEANUP(bk_buf_done) struct bk_buf text = { 0 };
                struct bk_error err = { 0 };
                size_t length, n = 0;

                assert_ok(bk_read_file(path, 1 << 20, &bytes, &length, &err), err);
                bk_buf_puts(&text, "describe 'x' do\n");
                for (size_t at = 0; at < length; at += 17, n++) {
                        autofree char *name = bk_format("/damaged/%zu", n);
                        const char old = bytes[at];

                        if (n % 2)
                                bytes[at] = (char)(bytes[at] ^ 0x55);
                        put_bytes(f, name, bytes, n % 2 ? length : at);
                        bytes[at] = old;
                        bk_buf_printf(&text, "it { [:subject, :email, :alias, :keylength, :validity_in_days, :subject_alt_names].each { |m|\n"
                                      "begin; x509_certificate('%s').__send__(m); rescue Bakery::Unanswered; end }\n"
                                      "x509_certificate('%s').has_purpose?('x').should eq false\n"
                                      "begin; x509_private_key('%s', passin: 'pass:geheim').valid?; rescue Bakery::Unanswered; end }\n",
                                      name, name, name);
                }
                bk_buf_puts(&text, "end");
                run(f, text.data);
                assert_int_equal(f->report.n, n);
                for (size_t j = 0; j < n; j++)
                        if (f->report.v[j].verdict != SPEC_PASS) {
                                show(&f->report);
                                fail_msg("%s, damage %zu", files[i], j);
                        }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(texts_are_those_of_openssl),
                cmocka_unit_test(purposes_are_those_of_openssl),
                cmocka_unit_test(certificates_are_valid_for_a_time),
                cmocka_unit_test(keys_are_checked_with_their_passphrase),
                cmocka_unit_test(damaged_files_are_none),
        };

        return cmocka_run_group_tests(tests, setup, fixture_teardown);
}
