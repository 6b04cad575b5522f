/* The format is that of minisign 0.11 (https://jedisct1.github.io/minisign/, "Signature format" and following), the arithmetic
 * libcrypto's. */
#include "lib/minisign.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"

#define FILE_MOST 8192
#define SIGNATURE_LEN 64
#define PUBLIC_LEN (2 + 8 + 32)
/* algorithm, key derivation, checksum; salt and limits of the derivation; id, seed, public key; checksum. The last is zero in
 * a key that is not encrypted. */
#define SECRET_LEN (6 + 48 + 8 + 64 + 32)
#define UNTRUSTED "untrusted comment: "
#define TRUSTED "trusted comment: "

/* --- base64 ------------------------------------------------------------------ */
char *bk_base64(const void *bytes, size_t length)
{
        char *text = bk_alloc((length + 2) / 3 * 4 + 1);

        (void)EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
        return text;
}

int bk_base64_read(const char *text, size_t length, unsigned char **ret, size_t *ret_length, struct bk_error *err)
{
        const size_t padding = length >= 2 && text[length - 1] == '=' ? text[length - 2] == '=' ? 2 : 1 : 0;
        autofree unsigned char *bytes = bk_alloc(length / 4 * 3 + 1);
        autofree char *again = NULL;

        if (length % 4 != 0 || length > INT32_MAX || EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length) < 0)
                return bk_fail(err, BK_INVALID, "it is not base64");
        /* libcrypto is lenient with blanks, padding and unused bits; what is written again must be the same. */
        again = bk_base64(bytes, length / 4 * 3 - padding);
        if (strlen(again) != length || memcmp(again, text, length) != 0)
                return bk_fail(err, BK_INVALID, "it is not base64 in its canonical form");
        bytes[length / 4 * 3 - padding] = '\0';
        *ret_length = length / 4 * 3 - padding;
        *ret = bk_take(bytes);
        return 0;
}

/* --- ed25519 and BLAKE2b ------------------------------------------------------- */
static void pkey_done(EVP_PKEY **key)
{
        EVP_PKEY_free(*key);
}

static void context_done(EVP_MD_CTX **context)
{
        EVP_MD_CTX_free(*context);
}

#define autopkey BK_CLEANUP(pkey_done) EVP_PKEY
#define autocontext BK_CLEANUP(context_done) EVP_MD_CTX

static int sign(const struct bk_secret_key *secret, const void *bytes, size_t length, unsigned char ret[SIGNATURE_LEN], struct bk_error *err)
{
        autopkey *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret->seed, sizeof secret->seed);
        autocontext *context = EVP_MD_CTX_new();
        size_t got = SIGNATURE_LEN;

        if (key == NULL || context == NULL || EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
            EVP_DigestSign(context, ret, &got, bytes, length) != 1 || got != SIGNATURE_LEN)
                return bk_fail(err, BK_INTERNAL, "libcrypto cannot sign with ed25519");
        return 0;
}

static int verify(const unsigned char public[32], const void *bytes, size_t length, const unsigned char *signature, struct bk_error *err)
{
        autopkey *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, 32);
        autocontext *context = EVP_MD_CTX_new();

        if (key == NULL || context == NULL || EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) != 1)
                return bk_fail(err, BK_INTERNAL, "libcrypto cannot verify ed25519");
        if (EVP_DigestVerify(context, signature, SIGNATURE_LEN, bytes, length) != 1)
                return bk_fail(err, BK_CORRUPT, "the signature is not of these bytes by this key");
        return 0;
}

static int prehash(const void *bytes, size_t length, unsigned char ret[64], struct bk_error *err)
{
        if (EVP_Digest(bytes, length, ret, NULL, EVP_blake2b512(), NULL) != 1)
                return bk_fail(err, BK_INTERNAL, "libcrypto has no BLAKE2b");
        return 0;
}

int bk_ed25519_sign(const struct bk_secret_key *secret, const void *bytes, size_t length, char **ret, struct bk_error *err)
{
        unsigned char signature[SIGNATURE_LEN];

        if (sign(secret, bytes, length, signature, err) < 0)
                return -1;
        *ret = bk_base64(signature, sizeof signature);
        return 0;
}

int bk_ed25519_verify(const struct bk_public_key *key, const void *bytes, size_t length, const char *signature, struct bk_error *err)
{
        autofree unsigned char *raw = NULL;
        size_t got = 0;

        if (bk_base64_read(signature, strlen(signature), &raw, &got, err) < 0)
                return bk_wrap(err, "a signature");
        if (got != SIGNATURE_LEN)
                return bk_fail(err, BK_INVALID, "an ed25519 signature has %d bytes, not %zu", SIGNATURE_LEN, got);
        return verify(key->key, bytes, length, raw, err);
}

/* --- keys ---------------------------------------------------------------------- */
void bk_secret_key_done(struct bk_secret_key *secret)
{
        OPENSSL_cleanse(secret, sizeof *secret);
}

int bk_secret_key_new(struct bk_secret_key *ret, struct bk_error *err)
{
        struct bk_secret_key secret = { 0 };
        size_t length = sizeof secret.key;
        autopkey *key = NULL;

        if (RAND_bytes(secret.id, sizeof secret.id) != 1 || RAND_priv_bytes(secret.seed, sizeof secret.seed) != 1)
                return bk_fail(err, BK_INFRA, "there is no randomness for a key");
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret.seed, sizeof secret.seed);
        if (key == NULL || EVP_PKEY_get_raw_public_key(key, secret.key, &length) != 1)
                return bk_fail(err, BK_INTERNAL, "libcrypto cannot make an ed25519 key");
        *ret = secret;
        bk_secret_key_done(&secret);
        return 0;
}

struct bk_public_key bk_public_key_of(const struct bk_secret_key *secret)
{
        struct bk_public_key key;

        memcpy(key.id, secret->id, sizeof key.id);
        memcpy(key.key, secret->key, sizeof key.key);
        return key;
}

/* A little-endian number, as minisign prints it. */
char *bk_key_id(const unsigned char id[8])
{
        return bk_format("%02X%02X%02X%02X%02X%02X%02X%02X", id[7], id[6], id[5], id[4], id[3], id[2], id[1], id[0]);
}

char *bk_public_key_text(const struct bk_public_key *key)
{
        unsigned char bytes[PUBLIC_LEN] = "Ed";
        autofree char *line = NULL, *id = bk_key_id(key->id);

        memcpy(bytes + 2, key->id, 8);
        memcpy(bytes + 10, key->key, 32);
        line = bk_base64(bytes, sizeof bytes);
        return bk_format(UNTRUSTED "minisign public key %s\n%s\n", id, line);
}

char *bk_secret_key_text(const struct bk_secret_key *secret)
{
        unsigned char bytes[SECRET_LEN] = { 'E', 'd', 0, 0, 'B', '2' };
        char *line, *text;

        memcpy(bytes + 54, secret->id, 8);
        memcpy(bytes + 62, secret->seed, 32);
        memcpy(bytes + 94, secret->key, 32);
        line = bk_base64(bytes, sizeof bytes);
        text = bk_format(UNTRUSTED "minisign unencrypted secret key\n%s\n", line);
        OPENSSL_cleanse(bytes, sizeof bytes);
        OPENSSL_cleanse(line, strlen(line));
        free(line);
        return text;
}

/* The next line of *text, without its end; *text goes past it. */
static const char *next_line(const char **text, size_t *ret_length)
{
        const char *line = *text;
        size_t length = strcspn(line, "\n");

        *text = line + length + (line[length] == '\n');
        if (length > 0 && line[length - 1] == '\r')
                length--;
        *ret_length = length;
        return line;
}

/* The base64 on a key file's second line. */
static int read_key_bytes(const char *what, const char *text, size_t wanted, unsigned char **ret, struct bk_error *err)
{
        autofree unsigned char *bytes = NULL;
        size_t length = 0, got = 0;
        const char *line;

        if (strncmp(text, UNTRUSTED, strlen(UNTRUSTED)) == 0)
                (void)next_line(&text, &length);
        line = next_line(&text, &length);
        if (bk_base64_read(line, length, &bytes, &got, err) < 0)
                return bk_wrap(err, "%s", what);
        if (got != wanted || memcmp(bytes, "Ed", 2) != 0) {
                OPENSSL_cleanse(bytes, got);
                return bk_fail(err, BK_INVALID, "%s: it has %zu bytes, and a key of minisign's %zu", what, got, wanted);
        }
        *ret = bk_take(bytes);
        return 0;
}

int bk_public_key_read(const char *path, struct bk_public_key *ret, struct bk_error *err)
{
        autofree char *text = NULL, *what = NULL;
        autofree unsigned char *bytes = NULL;

        /* A path of 56 characters that is base64 and begins so does not happen; "RW" is "Ed" in base64. */
        if (strlen(path) == (PUBLIC_LEN + 2) / 3 * 4 && strncmp(path, "RW", 2) == 0)
                text = bk_strdup(path);
        else if (bk_read_file(path, FILE_MOST, &text, NULL, err) < 0)
                return bk_wrap(err, "public key");
        what = bk_format("public key '%.200s'", path);
        if (read_key_bytes(what, text, PUBLIC_LEN, &bytes, err) < 0)
                return -1;
        memcpy(ret->id, bytes + 2, 8);
        memcpy(ret->key, bytes + 10, 32);
        return 0;
}

static int take_secret(const char *path, const unsigned char *bytes, struct bk_secret_key *ret, struct bk_error *err)
{
        struct bk_secret_key secret;
        unsigned char public[32];
        size_t length = sizeof public;
        autopkey *key = NULL;

        if (bytes[2] != 0 || bytes[3] != 0)
                return bk_fail(err, BK_DENIED, "secret key '%s' is encrypted with a password, and nobody is there to type it; make one by "
                               "`bakery key create` or `minisign -G -W`", path);
        memcpy(secret.id, bytes + 54, 8);
        memcpy(secret.seed, bytes + 62, 32);
        memcpy(secret.key, bytes + 94, 32);
        key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret.seed, sizeof secret.seed);
        if (key == NULL || EVP_PKEY_get_raw_public_key(key, public, &length) != 1 || memcmp(public, secret.key, sizeof public) != 0) {
                bk_secret_key_done(&secret);
                return bk_fail(err, BK_CORRUPT, "secret key '%s' is damaged: its halves do not belong together", path);
        }
        *ret = secret;
        bk_secret_key_done(&secret);
        return 0;
}

int bk_secret_key_read(const char *path, struct bk_secret_key *ret, struct bk_error *err)
{
        autofree char *text = NULL, *what = bk_format("secret key '%.200s'", path);
        autofree unsigned char *bytes = NULL;
        size_t length = 0;
        int status;

        if (bk_read_file(path, FILE_MOST, &text, &length, err) < 0)
                return bk_wrap(err, "secret key");
        status = read_key_bytes(what, text, SECRET_LEN, &bytes, err);
        OPENSSL_cleanse(text, length);
        if (status < 0)
                return -1;
        status = take_secret(path, bytes, ret, err);
        OPENSSL_cleanse(bytes, SECRET_LEN);
        return status;
}

/* --- signatures ------------------------------------------------------------------ */
struct signature {
        unsigned char algorithm[2], id[8], bytes[SIGNATURE_LEN], global[SIGNATURE_LEN];
        char *comment;
};

static void signature_done(struct signature *signature)
{
        free(signature->comment);
}

static int expect(const char **text, const char *prefix, const char **ret, size_t *ret_length, struct bk_error *err)
{
        const char *line = next_line(text, ret_length);
        const size_t length = strlen(prefix);

        if (*ret_length < length || strncmp(line, prefix, length) != 0)
                return bk_fail(err, BK_INVALID, "a line does not begin with '%s'", prefix);
        *ret = line + length;
        *ret_length -= length;
        return 0;
}

static int read_fixed(const char **text, unsigned char *ret, size_t wanted, struct bk_error *err)
{
        autofree unsigned char *bytes = NULL;
        size_t length = 0, got = 0;
        const char *line = next_line(text, &length);

        if (bk_base64_read(line, length, &bytes, &got, err) < 0)
                return -1;
        if (got != wanted)
                return bk_fail(err, BK_INVALID, "%zu bytes where %zu belong", got, wanted);
        memcpy(ret, bytes, wanted);
        return 0;
}

static int parse(const char *text, struct signature *ret, struct bk_error *err)
{
        unsigned char first[2 + 8 + SIGNATURE_LEN];
        const char *line = NULL;
        size_t length = 0;

        if (strlen(text) > FILE_MOST)
                return bk_fail(err, BK_INVALID, "it is longer than %d bytes", FILE_MOST);
        if (expect(&text, UNTRUSTED, &line, &length, err) < 0 || read_fixed(&text, first, sizeof first, err) < 0 ||
            expect(&text, TRUSTED, &line, &length, err) < 0)
                return -1;
        memcpy(ret->algorithm, first, 2);
        memcpy(ret->id, first + 2, 8);
        memcpy(ret->bytes, first + 10, SIGNATURE_LEN);
        if (memcmp(ret->algorithm, "ED", 2) != 0 && memcmp(ret->algorithm, "Ed", 2) != 0)
                return bk_fail(err, BK_INVALID, "its algorithm is not known");
        if (read_fixed(&text, ret->global, SIGNATURE_LEN, err) < 0)
                return -1;
        ret->comment = bk_strndup(line, length);
        return 0;
}

int bk_minisign_key_id(const char *text, char **ret, struct bk_error *err)
{
        BK_CLEANUP(signature_done) struct signature signature = { 0 };

        if (parse(text, &signature, err) < 0)
                return bk_wrap(err, "a signature of minisign's");
        *ret = bk_key_id(signature.id);
        return 0;
}

/* What the second signature is of: the first, and the comment. */
static unsigned char *with_comment(const unsigned char *signature, const char *comment, size_t *ret_length)
{
        const size_t length = strlen(comment);
        unsigned char *both = bk_alloc(SIGNATURE_LEN + length + 1);

        memcpy(both, signature, SIGNATURE_LEN);
        memcpy(both + SIGNATURE_LEN, comment, length + 1);      /* the NUL is not signed */
        *ret_length = SIGNATURE_LEN + length;
        return both;
}

int bk_minisign(const struct bk_secret_key *secret, const void *bytes, size_t length, const char *comment, char **ret, struct bk_error *err)
{
        unsigned char hash[64], first[2 + 8 + SIGNATURE_LEN] = "ED", global[SIGNATURE_LEN];
        autofree char *line = NULL, *last = NULL, *id = bk_key_id(secret->id);
        autofree unsigned char *both = NULL;
        size_t both_length;

        if (strpbrk(comment, "\r\n") != NULL)
                return bk_fail(err, BK_INVALID, "a trusted comment is one line");
        memcpy(first + 2, secret->id, 8);
        if (prehash(bytes, length, hash, err) < 0 || sign(secret, hash, sizeof hash, first + 10, err) < 0)
                return -1;
        both = with_comment(first + 10, comment, &both_length);
        if (sign(secret, both, both_length, global, err) < 0)
                return -1;
        line = bk_base64(first, sizeof first);
        last = bk_base64(global, sizeof global);
        *ret = bk_format(UNTRUSTED "signature from bakery, key %s\n%s\n" TRUSTED "%s\n%s\n", id, line, comment, last);
        return 0;
}

int bk_minisign_verify(const struct bk_public_key *key, const void *bytes, size_t length, const char *text, char **ret_comment,
                       struct bk_error *err)
{
        BK_CLEANUP(signature_done) struct signature signature = { 0 };
        autofree unsigned char *both = NULL;
        unsigned char hash[64];
        size_t both_length;
        bool hashed;

        if (parse(text, &signature, err) < 0)
                return bk_wrap(err, "the signature");
        if (memcmp(signature.id, key->id, sizeof key->id) != 0) {
                autofree char *theirs = bk_key_id(signature.id), *ours = bk_key_id(key->id);

                return bk_fail(err, BK_CORRUPT, "the signature is by key %s, not by %s", theirs, ours);
        }
        hashed = signature.algorithm[1] == 'D';
        if (prehash(bytes, length, hash, err) < 0 ||
            verify(key->key, hashed ? hash : bytes, hashed ? sizeof hash : length, signature.bytes, err) < 0)
                return -1;
        both = with_comment(signature.bytes, signature.comment != NULL ? signature.comment : "", &both_length);
        if (verify(key->key, both, both_length, signature.global, err) < 0)
                return bk_wrap(err, "the trusted comment");
        if (ret_comment != NULL)
                *ret_comment = bk_take(signature.comment);
        return 0;
}
