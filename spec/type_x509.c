/* Types `x509_certificate` and `x509_private_key`, by libcrypto. Texts are those of `openssl x509`, version 3.0. A certificate
 * is the first of its file; PEM is looked for first, then DER. */
#include "spec/spec_priv.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { X509_MOST = 4 << 20 };           /* bytes of a certificate or key with all that is written around it */
enum { BITS_MOST = 16384 };             /* as libcrypto's own limit on RSA: a check of more takes hours */
enum { ROUNDS_MOST = 5000000 };         /* of a passphrase's hash: seconds */

static void bio_free(BIO **bio)
{
        (void)BIO_free(*bio);
}

static void x509_free(X509 **certificate)
{
        X509_free(*certificate);
}

static void key_free(EVP_PKEY **key)
{
        EVP_PKEY_free(*key);
}

static void context_free(EVP_PKEY_CTX **context)
{
        EVP_PKEY_CTX_free(*context);
}

/* Never the configuration of the build host. */
static void initialise(void)
{
        (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
        ERR_clear_error();
}

/* --- certificates ---------------------------------------------------------- */

static X509 *parse_certificate(const char *text, size_t length)
{
        BK_CLEANUP(bio_free) BIO *pem = BIO_new_mem_buf(text, (int)length), *der = BIO_new_mem_buf(text, (int)length);
        X509 *ret = pem ? PEM_read_bio_X509_AUX(pem, NULL, NULL, (void *)"") : NULL;

        return ret != NULL || der == NULL ? ret : d2i_X509_bio(der, NULL);
}

/* 1, 0 when it is none (noted), -1. */
static int certificate_at(struct spec_resource *r, const char *path, X509 **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        size_t length = 0;
        const int there = spec_files_read(&r->image->files, path, X509_MOST, &text, &length, err);

        initialise();
        if (there <= 0) {
                spec_note(r, "'%s' is no file", path);
                return there;
        }
        *ret = parse_certificate(text, length);
        ERR_clear_error();
        if (*ret == NULL)
                spec_note(r, "'%s' is no certificate", path);
        return *ret != NULL;
}

static char *text_of(BIO *bio)
{
        char *data = NULL;
        const long length = BIO_get_mem_data(bio, &data);

        return bk_strndup(length > 0 ? data : "", length > 0 ? (size_t)length : 0);
}

static char *name_text(const X509_NAME *name)
{
        BK_CLEANUP(bio_free) BIO *bio = BIO_new(BIO_s_mem());

        if (bio == NULL || X509_NAME_print_ex(bio, name, 0, XN_FLAG_ONELINE) < 0)
                return NULL;
        return text_of(bio);
}

static char *subject_text(X509 *certificate, struct spec_resource *r)
{
        (void)r;
        return name_text(X509_get_subject_name(certificate));
}

static char *issuer_text(X509 *certificate, struct spec_resource *r)
{
        (void)r;
        return name_text(X509_get_issuer_name(certificate));
}

/* A line each. */
static char *email_text(X509 *certificate, struct spec_resource *r)
{
        STACK_OF(OPENSSL_STRING) *emails = X509_get1_email(certificate);
        struct bk_buf text = { 0 };

        (void)r;
        for (int i = 0; i < sk_OPENSSL_STRING_num(emails); i++)
                bk_buf_printf(&text, "%s%s", i > 0 ? "\n" : "", sk_OPENSSL_STRING_value(emails, i));
        X509_email_free(emails);
        return bk_buf_finish(&text);
}

static char *fingerprint_text(X509 *certificate, struct spec_resource *r)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned length = 0;
        struct bk_buf text = { 0 };

        (void)r;
        if (X509_digest(certificate, EVP_sha1(), digest, &length) != 1)
                return NULL;
        bk_buf_puts(&text, "SHA1 Fingerprint=");
        for (unsigned i = 0; i < length; i++)
                bk_buf_printf(&text, "%s%02X", i > 0 ? ":" : "", digest[i]);
        return bk_buf_finish(&text);
}

static char *alias_text(X509 *certificate, struct spec_resource *r)
{
        int length = 0;
        const unsigned char *alias = X509_alias_get0(certificate, &length);

        (void)r;
        return alias ? bk_strndup((const char *)alias, (size_t)length) : bk_strdup("<No Alias>");
}

#define TEXT(function, of) \
static int function(struct spec_resource *r, struct spec_value *ret, struct bk_error *err) \
{ \
        BK_CLEANUP(x509_free) X509 *certificate = NULL; \
        autofree char *text = NULL; \
        if (certificate_at(r, r->name, &certificate, err) < 0) \
                return -1; \
        text = certificate ? of(certificate, r) : NULL; \
        spec_value_text(ret, text); \
        return 0; \
}
TEXT(certificate_subject, subject_text)
TEXT(certificate_issuer, issuer_text)
TEXT(certificate_email, email_text)
TEXT(certificate_fingerprint, fingerprint_text)
TEXT(certificate_alias, alias_text)

/* serverspec reads "Public-Key: (256 bit)", which openssl does not write for the curves that have one size only. */
static int certificate_keylength(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        BK_CLEANUP(x509_free) X509 *certificate = NULL;
        const EVP_PKEY *key;
        int there = certificate_at(r, r->name, &certificate, err);

        if (there <= 0)
                return there;
        key = X509_get0_pubkey(certificate);
        if (key == NULL)
                return bk_fail(err, BK_INFRA, "'%s' in the image has a public key of an unknown kind", r->name);
        if (r->image->options->compat && (EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448")))
                spec_value_int(ret, 0);
        else
                spec_value_int(ret, EVP_PKEY_get_bits(key));
        return 0;
}

/* Until it ends; below 0: it has ended. */
static int certificate_seconds(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        BK_CLEANUP(x509_free) X509 *certificate = NULL;
        int days = 0, seconds = 0, there = certificate_at(r, r->name, &certificate, err);

        if (there <= 0)
                return there;
        if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1)
                return bk_fail(err, BK_INFRA, "'%s' in the image ends at a time that cannot be read", r->name);
        spec_value_int(ret, (int64_t)days * 86400 + seconds);
        return 0;
}

/* "DNS:a.example", "IP Address:192.0.2.1"; nil when it has none. */
static int certificate_alt_names(struct spec_resource *r, struct spec_value *ret, struct bk_error *err)
{
        BK_CLEANUP(x509_free) X509 *certificate = NULL;
        GENERAL_NAMES *names;
        STACK_OF(CONF_VALUE) *values;
        int there = certificate_at(r, r->name, &certificate, err);

        if (there <= 0)
                return there;
        names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
        if (names == NULL)
                return 0;
        values = i2v_GENERAL_NAMES(NULL, names, NULL);
        *ret = (struct spec_value){ .kind = SPEC_LIST };
        for (int i = 0; i < sk_CONF_VALUE_num(values); i++) {
                const CONF_VALUE *value = sk_CONF_VALUE_value(values, i);

                bk_strv_addf(&ret->list, "%s%s%s", value->name ? value->name : "", value->name && value->value ? ":" : "",
                             value->value ? value->value : "");
        }
        sk_CONF_VALUE_pop_free(values, X509V3_conf_free);
        GENERAL_NAMES_free(names);
        return 0;
}

static int certificate_is(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(x509_free) X509 *certificate = NULL;
        const int there = certificate_at(r, r->name, &certificate, err);

        (void)args;
        *ret = there > 0;
        return there < 0 ? -1 : 0;
}

static char *time_text(const ASN1_TIME *at)
{
        BK_CLEANUP(bio_free) BIO *bio = BIO_new(BIO_s_mem());

        return bio != NULL && ASN1_TIME_print(bio, at) == 1 ? text_of(bio) : bk_strdup("a time that cannot be read");
}

static int certificate_valid(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(x509_free) X509 *certificate = NULL;
        autofree char *from = NULL, *to = NULL;
        int there = certificate_at(r, r->name, &certificate, err);

        (void)args;
        *ret = false;
        if (there <= 0)
                return there;
        from = time_text(X509_get0_notBefore(certificate));
        to = time_text(X509_get0_notAfter(certificate));
        *ret = X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 && X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
        spec_note(r, "it is valid from %s to %s", from, to);
        return 0;
}

static bool in_word(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* As whole words. */
static bool has_words(const char *line, const char *words)
{
        for (const char *p = strstr(line, words); p != NULL; p = strstr(p + 1, words))
                if ((p == line || !in_word(p[-1])) && !in_word(p[strlen(words)]))
                        return true;
        return false;
}

/* "SSL server", "SSL server CA": openssl's list of purposes is asked for the words before ": Yes". */
static int certificate_has_purpose(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(x509_free) X509 *certificate = NULL;
        BK_CLEANUP(bk_buf_done) struct bk_buf list = { 0 };
        const char *wanted = spec_args_text(args, 0);
        autofree char *words = NULL;
        int there;

        if (wanted == NULL)
                return bk_fail(err, BK_USAGE, "a purpose is expected, such as 'SSL server'");
        *ret = false;
        there = certificate_at(r, r->name, &certificate, err);
        if (there <= 0)
                return there;
        words = bk_format("%s :", wanted);
        for (int i = 0; i < X509_PURPOSE_get_count() * 2; i++) {
                const X509_PURPOSE *purpose = X509_PURPOSE_get0(i / 2);
                autofree char *line = bk_format("%s%s :", X509_PURPOSE_get0_name(purpose), i % 2 ? " CA" : "");
                const int answer = X509_check_purpose(certificate, X509_PURPOSE_get_id(purpose), i % 2);

                if (answer == 0)
                        continue;
                bk_buf_printf(&list, "%s%.*s", list.len > 0 ? ", " : "", (int)strlen(line) - 2, line);
                *ret = *ret || has_words(line, words);
        }
        ERR_clear_error();
        spec_note(r, "it has %s", list.len > 0 ? list.data : "no purpose");
        return 0;
}

const struct spec_property spec_x509_certificate_properties[] = {
        { "subject", certificate_subject }, { "issuer", certificate_issuer }, { "email", certificate_email },
        { "fingerprint", certificate_fingerprint }, { "alias", certificate_alias }, { "keylength", certificate_keylength },
        { "subject_alt_names", certificate_alt_names },
        { "validity_in_days", certificate_seconds },            /* of which Ruby makes days: prelude_6_types.rb */
        { NULL },
};

const struct spec_predicate spec_x509_certificate_predicates[] = {
        { "certificate?", NULL, certificate_is },
        { "valid?", NULL, certificate_valid },
        { "has_purpose?", NULL, certificate_has_purpose },
        { NULL },
};

/* --- private keys ---------------------------------------------------------- */

struct pass { char *text; bool given; };

static void pass_done(struct pass *pass)
{
        free(pass->text);
}

/* passin: 'pass:secret' or 'file:/path', whose first line it is, in the image. Without one, and for stdin, it is empty. */
static int pass_read(struct spec_resource *r, struct pass *ret, struct bk_error *err)
{
        const char *passin = spec_args_named(&r->args, "passin");
        autofree char *text = NULL;
        struct spec_view rest, line = { "", 0 };
        int there;

        ret->given = passin != NULL;
        if (passin == NULL || bk_streq(passin, "stdin")) {
                ret->text = bk_strdup("");
        } else if (strncmp(passin, "pass:", 5) == 0) {
                ret->text = bk_strdup(passin + 5);
        } else if (strncmp(passin, "file:", 5) == 0) {
                there = spec_config_read(r->image, passin + 5, &text, &rest, err);
                if (there <= 0)
                        return there < 0 ? -1 : bk_fail(err, BK_INFRA, "the passphrase's file '%s' does not exist in the image", passin + 5);
                (void)spec_view_line(&rest, &line);
                ret->text = spec_view_dup(line);
        } else {
                return bk_fail(err, BK_USAGE, "passin is 'pass:...' or 'file:/...'");
        }
        return 0;
}

static int give_pass(char *buffer, int size, int rwflag, void *arg)
{
        const struct pass *pass = arg;
        const size_t length = strlen(pass->text);

        (void)rwflag;
        if (length > (size_t)size)
                return -1;
        memcpy(buffer, pass->text, length);
        return (int)length;
}

/* A line of its own that says so, as openssl writes it. */
static bool says_encrypted(struct spec_view text)
{
        struct spec_view line;

        while (spec_view_line(&text, &line))
                if ((spec_view_starts(line, "Proc-Type") && spec_view_ends(line, "ENCRYPTED")) ||
                    spec_view_is(line, "-----BEGIN ENCRYPTED PRIVATE KEY-----"))
                        return true;
        return false;
}

/* 1 with the file's text, 0 (noted), -1. */
static int key_text(struct spec_resource *r, char **ret_text, struct spec_view *ret, struct bk_error *err)
{
        size_t length = 0;
        const int there = spec_files_read(&r->image->files, r->name, X509_MOST, ret_text, &length, err);

        initialise();
        if (there <= 0)
                spec_note(r, "it is no file");
        else
                *ret = (struct spec_view){ *ret_text, length };
        return there;
}

/* Empties libcrypto's list of errors. Was one of them that a cipher is unknown? That is no wrong passphrase. */
static bool cipher_was_unknown(void)
{
        bool ret = false;

        for (unsigned long error = ERR_get_error(); error != 0; error = ERR_get_error())
                ret = ret || (ERR_GET_LIB(error) == ERR_LIB_EVP && ERR_GET_REASON(error) == ERR_R_UNSUPPORTED);
        return ret;
}

/* How often the passphrase is hashed (PKCS #8, by RFC 8018); below 0: more than anybody can count. 0: not known. */
static long rounds_of(const X509_ALGOR *algorithm)
{
        PBE2PARAM *both = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBE2PARAM), algorithm->parameter);
        PBKDF2PARAM *hash = both ? ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBKDF2PARAM), both->keyfunc->parameter) : NULL;
        PBEPARAM *old = both == NULL ? ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(PBEPARAM), algorithm->parameter) : NULL;
        const long ret = hash ? ASN1_INTEGER_get(hash->iter) : old ? ASN1_INTEGER_get(old->iter) : 0;

        PBE2PARAM_free(both);
        PBKDF2PARAM_free(hash);
        PBEPARAM_free(old);
        return ret;
}

/* Is there a whole PEM block, of which only the insides are unknown? *ret_costly: to decrypt it would take longer than any check. */
static bool pem_is_whole(struct spec_view text, bool *ret_costly)
{
        BK_CLEANUP(bio_free) BIO *bio = BIO_new_mem_buf(text.s, (int)text.n);
        char *name = NULL, *head = NULL;
        unsigned char *data = NULL;
        long length = 0;
        const bool ret = bio != NULL && PEM_read_bio(bio, &name, &head, &data, &length) == 1 && length > 0;
        const unsigned char *p = data;
        X509_SIG *box = ret && bk_streq(name, PEM_STRING_PKCS8) ? d2i_X509_SIG(NULL, &p, length) : NULL;
        const X509_ALGOR *algorithm = NULL;

        *ret_costly = false;
        if (box != NULL) {
                X509_SIG_get0(box, &algorithm, NULL);
                *ret_costly = rounds_of(algorithm) < 0 || rounds_of(algorithm) > ROUNDS_MOST;
        }
        X509_SIG_free(box);
        OPENSSL_free(name);
        OPENSSL_free(head);
        OPENSSL_free(data);
        ERR_clear_error();
        return ret;
}

static int key_read(struct spec_resource *r, struct spec_view text, EVP_PKEY **ret, struct bk_error *err)
{
        BK_CLEANUP(pass_done) struct pass pass = { 0 };
        BK_CLEANUP(bio_free) BIO *bio = BIO_new_mem_buf(text.s, (int)text.n);
        bool unknown, costly;
        const bool whole = pem_is_whole(text, &costly);

        if (pass_read(r, &pass, err) < 0)
                return -1;
        if (costly)
                return bk_fail(err, BK_INFRA, "its passphrase is hashed more than %d times", ROUNDS_MOST);
        *ret = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_pass, &pass) : NULL;
        if (*ret == NULL && bio != NULL && !says_encrypted(text)) {
                (void)BIO_reset(bio);
                *ret = d2i_PrivateKey_bio(bio, NULL);
        }
        unknown = cipher_was_unknown();
        if (*ret != NULL)
                return 1;
        if (unknown && says_encrypted(text))
                return bk_fail(err, BK_INFRA, "it is encrypted in a way that libcrypto does not know here");
        spec_note(r, !says_encrypted(text) || !whole ? "it is no private key" :
                  pass.given ? "it is encrypted, and not with this passphrase" : "it is encrypted, and no passin: is given");
        return 0;
}

static int key_valid(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(key_free) EVP_PKEY *key = NULL;
        BK_CLEANUP(context_free) EVP_PKEY_CTX *context = NULL;
        autofree char *text = NULL;
        struct spec_view view;
        int there;

        (void)args;
        *ret = false;
        there = key_text(r, &text, &view, err);
        if (there > 0)
                there = key_read(r, view, &key, err);
        if (there <= 0)
                return there;
        if (EVP_PKEY_get_bits(key) > BITS_MOST)
                return bk_fail(err, BK_INFRA, "a key of %d bits is not checked", EVP_PKEY_get_bits(key));
        if (spec_args_named(&r->args, "passin") != NULL && !says_encrypted(view)) {
                spec_note(r, "it is not encrypted, although a passin: is given");
                return 0;
        }
        if (r->image->options->compat && !EVP_PKEY_is_a(key, "RSA")) {
                spec_note(r, "it is no RSA key");
                return 0;
        }
        context = EVP_PKEY_CTX_new(key, NULL);
        *ret = context != NULL && EVP_PKEY_check(context) == 1;
        ERR_clear_error();
        spec_note(r, *ret ? "it is a valid key of %d bits" : "it is a broken key of %d bits", EVP_PKEY_get_bits(key));
        return 0;
}

static int key_encrypted(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        struct spec_view view;
        const int there = key_text(r, &text, &view, err);

        (void)args;
        *ret = there > 0 && says_encrypted(view);
        return there < 0 ? -1 : 0;
}

static int key_has_certificate(struct spec_resource *r, const struct spec_args *args, bool *ret, struct bk_error *err)
{
        BK_CLEANUP(key_free) EVP_PKEY *key = NULL;
        BK_CLEANUP(x509_free) X509 *certificate = NULL;
        autofree char *text = NULL;
        const char *path = spec_args_text(args, 0);
        struct spec_view view;
        int there;

        if (path == NULL)
                return bk_fail(err, BK_USAGE, "a certificate's path is expected");
        *ret = false;
        there = key_text(r, &text, &view, err);
        if (there > 0)
                there = key_read(r, view, &key, err);
        if (there > 0)
                there = certificate_at(r, path, &certificate, err);
        if (there <= 0)
                return there;
        *ret = X509_check_private_key(certificate, key) == 1 && (!r->image->options->compat || EVP_PKEY_is_a(key, "RSA"));
        ERR_clear_error();
        spec_note(r, *ret ? "'%s' is of it" : "'%s' is of another key", path);
        return 0;
}

const struct spec_predicate spec_x509_private_key_predicates[] = {
        { "valid?", NULL, key_valid },
        { "encrypted?", NULL, key_encrypted },
        { "has_matching_certificate?", NULL, key_has_certificate },
        { NULL },
};
