/* Signatures in minisign's format, so that minisign(1) verifies what bakery signed and bakery what minisign did.
 *
 * Keys are files of two lines, as `minisign -G -W` writes them: the secret key is not encrypted, its file's mode protects it.
 * A signature is four lines of text: of BLAKE2b-512 of the message (minisign's "ED"; the older "Ed", of the message itself, is
 * only verified), and of that signature together with a trusted comment. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "lib/error.h"

struct bk_public_key { unsigned char id[8], key[32]; };
struct bk_secret_key { unsigned char id[8], seed[32], key[32]; };      /* key: the public half */
void bk_secret_key_done(struct bk_secret_key *secret);                  /* overwrites it */

int bk_secret_key_new(struct bk_secret_key *ret, struct bk_error *err) BK_MUST_CHECK;
struct bk_public_key bk_public_key_of(const struct bk_secret_key *secret);
/* The contents of key files; the caller's. That of a secret key should be overwritten after use. */
char *bk_secret_key_text(const struct bk_secret_key *secret);
char *bk_public_key_text(const struct bk_public_key *key);
/* path is a file, or the line of base64 itself (minisign's -P). */
int bk_public_key_read(const char *path, struct bk_public_key *ret, struct bk_error *err) BK_MUST_CHECK;
int bk_secret_key_read(const char *path, struct bk_secret_key *ret, struct bk_error *err) BK_MUST_CHECK;
/* "DA8EFD7E31B09E7C", as minisign prints it; the caller's. */
char *bk_key_id(const unsigned char id[8]);

/* comment is one line; *ret is the text of a .minisig file. */
int bk_minisign(const struct bk_secret_key *secret, const void *bytes, size_t length, const char *comment, char **ret,
                struct bk_error *err) BK_MUST_CHECK;
/* BK_CORRUPT when the signature is not one of these bytes by this key; *ret_comment, the trusted comment, may be NULL. */
int bk_minisign_verify(const struct bk_public_key *key, const void *bytes, size_t length, const char *text, char **ret_comment,
                       struct bk_error *err) BK_MUST_CHECK;
/* The id of the key that made a signature, from its text, which is looked at for its form only; the caller's. */
int bk_minisign_key_id(const char *text, char **ret, struct bk_error *err) BK_MUST_CHECK;

/* Plain ed25519, of the bytes themselves, in base64; what a DSSE envelope holds. */
int bk_ed25519_sign(const struct bk_secret_key *secret, const void *bytes, size_t length, char **ret, struct bk_error *err) BK_MUST_CHECK;
int bk_ed25519_verify(const struct bk_public_key *key, const void *bytes, size_t length, const char *signature, struct bk_error *err) BK_MUST_CHECK;

char *bk_base64(const void *bytes, size_t length);              /* the caller's */
/* Strict: the canonical alphabet and padding, nothing else. *ret is NUL-terminated and the caller's. */
int bk_base64_read(const char *text, size_t length, unsigned char **ret, size_t *ret_length, struct bk_error *err) BK_MUST_CHECK;
