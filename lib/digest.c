/* Digests through libcrypto, which uses the processor's SHA instructions. Its functions for one algorithm each are called, although it
 * would rather have others: these need a configuration file, a provider and its lookup first, which takes longer than the digests of
 * a hundred small files. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "lib/digest.h"

#include <fcntl.h>
#include <openssl/md5.h>
#include <openssl/sha.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/cleanup.h"

union context { MD5_CTX md5; SHA_CTX sha1; SHA256_CTX sha256; SHA512_CTX sha512; };

struct algorithm {
        const char *name;
        unsigned size;                  /* of the digest, bytes */
        int (*begin)(union context *context);
        int (*add)(union context *context, const void *bytes, size_t length);
        int (*end)(unsigned char *ret, union context *context);
};

struct bk_hash {
        const struct algorithm *algorithm;
        union context context;
};

#define ALGORITHM(name, NAME, member) \
        static int name##_begin(union context *c) { return NAME##_Init(&c->member); } \
        static int name##_add(union context *c, const void *bytes, size_t length) { return NAME##_Update(&c->member, bytes, length); } \
        static int name##_end(unsigned char *ret, union context *c) { return NAME##_Final(ret, &c->member); }
ALGORITHM(md5, MD5, md5)
ALGORITHM(sha1, SHA1, sha1)
ALGORITHM(sha224, SHA224, sha256)
ALGORITHM(sha256, SHA256, sha256)
ALGORITHM(sha384, SHA384, sha512)
ALGORITHM(sha512, SHA512, sha512)

#define ROW(name, size) { #name, size, name##_begin, name##_add, name##_end }
static const struct algorithm algorithms[] = {
        ROW(sha256, SHA256_DIGEST_LENGTH), ROW(md5, MD5_DIGEST_LENGTH), ROW(sha1, SHA_DIGEST_LENGTH), ROW(sha224, SHA224_DIGEST_LENGTH),
        ROW(sha384, SHA384_DIGEST_LENGTH), ROW(sha512, SHA512_DIGEST_LENGTH),
};

static struct bk_hash *hash_new(const struct algorithm *algorithm)
{
        struct bk_hash *hash = bk_alloc(sizeof *hash);

        hash->algorithm = algorithm;
        if (algorithm->begin(&hash->context) != 1)
                abort();
        return hash;
}

struct bk_hash *bk_hash_new(void)
{
        return hash_new(&algorithms[0]);
}

void bk_hash_add(struct bk_hash *hash, const void *bytes, size_t length)
{
        if (hash->algorithm->add(&hash->context, bytes, length) != 1)
                abort();
}

void bk_hash_add_field(struct bk_hash *hash, const char *name, const char *value)
{
        autofree char *head = value ? bk_format("%zu:%s=%zu:", strlen(name), name, strlen(value))
                                    : bk_format("%zu:%s!", strlen(name), name);

        bk_hash_add(hash, head, strlen(head));
        if (value != NULL)
                bk_hash_add(hash, value, strlen(value));
}

void bk_hash_free(struct bk_hash *hash)
{
        free(hash);
}

static void free_hash(struct bk_hash **hash)
{
        bk_hash_free(*hash);
}

static char *finish(struct bk_hash *hash, const char *prefix)
{
        unsigned char raw[SHA512_DIGEST_LENGTH];
        const unsigned size = hash->algorithm->size;
        char *text;
        size_t used = strlen(prefix);

        if (hash->algorithm->end(raw, &hash->context) != 1)
                abort();
        text = bk_alloc(used + 2 * size + 1);
        (void)sprintf(text, "%s", prefix);
        for (unsigned i = 0; i < size; i++)
                used += (size_t)sprintf(text + used, "%02x", raw[i]);
        return text;
}

char *bk_hash_finish(struct bk_hash *hash)
{
        char *text = finish(hash, "sha256:");

        bk_hash_free(hash);
        return text;
}

char *bk_digest_bytes(const void *bytes, size_t length)
{
        struct bk_hash *hash = bk_hash_new();

        bk_hash_add(hash, bytes, length);
        return bk_hash_finish(hash);
}

static int hash_fd(struct bk_hash *hash, int fd, struct bk_error *err)
{
        char chunk[1 << 16];            /* not of the heap: most files are small, and clearing it would cost more than they do */

        for (off_t offset = 0;;) {
                const ssize_t got = pread(fd, chunk, sizeof chunk, offset);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return bk_fail_errno(err, "cannot read");
                if (got == 0)
                        return 0;
                bk_hash_add(hash, chunk, (size_t)got);
                offset += got;
        }
}

int bk_digest_fd(int fd, char **ret, struct bk_error *err)
{
        BK_CLEANUP(free_hash) struct bk_hash *hash = bk_hash_new();

        if (hash_fd(hash, fd, err) < 0)
                return -1;
        *ret = finish(hash, "sha256:");
        return 0;
}

int bk_digest_file(const char *path, char **ret, struct bk_error *err)
{
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

        if (fd < 0)
                return bk_fail_errno(err, "cannot open '%s'", path);
        if (bk_digest_fd(fd, ret, err) < 0)
                return bk_wrap(err, "'%s'", path);
        return 0;
}

/* NULL where there is none of that name. */
static struct bk_hash *checksum_new(const char *algorithm, struct bk_error *err)
{
        for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++)
                if (bk_streq(algorithms[i].name, algorithm))
                        return hash_new(&algorithms[i]);
        bk_fail(err, BK_INVALID, "unknown checksum type '%s'; known are md5, sha1, sha224, sha256, sha384, sha512", algorithm);
        return NULL;
}

int bk_checksum_file(const char *path, const char *algorithm, char **ret, struct bk_error *err)
{
        BK_CLEANUP(free_hash) struct bk_hash *hash = checksum_new(algorithm, err);
        autoclose int fd = -1;

        if (hash == NULL)
                return -1;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return bk_fail_errno(err, "cannot open '%s'", path);
        if (hash_fd(hash, fd, err) < 0)
                return bk_wrap(err, "'%s'", path);
        *ret = finish(hash, "");
        return 0;
}

int bk_checksum_bytes(const void *bytes, size_t length, const char *algorithm, char **ret, struct bk_error *err)
{
        BK_CLEANUP(free_hash) struct bk_hash *hash = checksum_new(algorithm, err);

        if (hash == NULL)
                return -1;
        bk_hash_add(hash, bytes, length);
        *ret = finish(hash, "");
        return 0;
}

bool bk_digest_valid(const char *text)
{
        return text != NULL && strncmp(text, "sha256:", 7) == 0 && strlen(text) == BK_DIGEST_LEN &&
               strspn(text + 7, "0123456789abcdef") == 64;
}

uint32_t bk_scatter(const void *bytes, size_t length)
{
        const unsigned char *p = bytes;
        uint64_t hash = 14695981039346656037u;

        for (size_t i = 0; i < length; i++)
                hash = (hash ^ p[i]) * 1099511628211u;
        return (uint32_t)(hash ^ hash >> 32);
}
