/* SHA-256, written as "sha256:<64 lower-case hex digits>" wherever people or
 * files see it (the OCI image specification's digest form). */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/error.h"

#define BK_DIGEST_LEN 71                /* strlen("sha256:") + 64 */

struct bk_hash;                         /* a digest in the making */
struct bk_hash *bk_hash_new(void);
void bk_hash_add(struct bk_hash *hash, const void *bytes, size_t length);
/* Length-prefixed, so that ("ab","c") and ("a","bc") differ; NULL differs from "". */
void bk_hash_add_field(struct bk_hash *hash, const char *name, const char *value);
char *bk_hash_finish(struct bk_hash *hash);     /* the caller's; frees hash */
void bk_hash_free(struct bk_hash *hash);

char *bk_digest_bytes(const void *bytes, size_t length);
/* Reads from offset 0 to the end, holes as zeroes. */
int bk_digest_fd(int fd, char **ret, struct bk_error *err) BK_MUST_CHECK;
int bk_digest_file(const char *path, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* algorithm: md5, sha1, sha256, sha384 or sha512; *ret is bare lower-case hex. */
int bk_checksum_file(const char *path, const char *algorithm, char **ret, struct bk_error *err) BK_MUST_CHECK;
int bk_checksum_bytes(const void *bytes, size_t length, const char *algorithm, char **ret, struct bk_error *err) BK_MUST_CHECK;
bool bk_digest_valid(const char *text);
/* For tables: quick, and nothing to rely on where somebody wants two to meet (FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/). */
uint32_t bk_scatter(const void *bytes, size_t length);
