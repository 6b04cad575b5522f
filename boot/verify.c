/* Is a file what it should be? Read once, then remembered by the file's identity.
 *
 * Every write through the file system moves ctime, which cannot be set back, so an unchanged identity means unchanged bytes - once the
 * clock that ctime is taken from has moved on, which is why a file that was changed this very moment is waited for. */
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "boot/iso_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/publish.h"

enum {
        CHUNK = 1 << 20,
        SIDECAR_MOST = 8192,
        TICK_MS = 30,           /* more than the kernel's coarsest clock tick, 10 ms (HZ=100) */
};

void boot_known_done(struct boot_known *known)
{
        free(known->identity);
        *known = (struct boot_known){ 0 };
}

/* Without ctime, which a rename moves. */
static char *lasting_identity(const struct stat *st)
{
        return bk_format("%ju %ju %jd %jd.%09ld", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino, (intmax_t)st->st_size,
                         (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

static char *identity_of(const struct stat *st)
{
        autofree char *lasting = lasting_identity(st);

        return bk_format("%s %jd.%09ld", lasting, (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

/* --- the sidecar --------------------------------------------------------------------- */

static bool known_read(const char *sidecar, struct boot_known *ret)
{
        BK_CLEANUP(boot_known_done) struct boot_known known = { 0 };
        autofree char *text = NULL;
        char *save = NULL;

        if (bk_read_file(sidecar, SIDECAR_MOST, &text, NULL, NULL) < 0)
                return false;
        for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
                struct boot_sum sum;

                if (known.identity == NULL && strncmp(line, "identity ", 9) == 0)
                        known.identity = bk_strdup(line + 9);
                else if (boot_sum_plain(line, strlen(line), &sum))
                        known.sums[sum.kind] = sum;
        }
        if (known.identity == NULL)
                return false;
        *ret = known;
        known = (struct boot_known){ 0 };
        return true;
}

/* A sidecar is a cache: failing to write it costs a later reading, nothing else. */
static void known_write(const char *sidecar, const struct boot_known *known)
{
        struct bk_buf buf = { 0 };
        autofree char *text = NULL;

        bk_buf_printf(&buf, "identity %s\n", known->identity);
        for (enum boot_sum_kind kind = BOOT_SUM_MD5; kind < BOOT_SUM_KINDS; kind++)
                if (known->sums[kind].kind != BOOT_SUM_NONE)
                        bk_buf_printf(&buf, "%s:%s\n", boot_sum_name(kind), known->sums[kind].hex);
        text = bk_buf_finish(&buf);
        if (bk_publish_bytes(sidecar, text, strlen(text), 0644, NULL) < 0)
                return;
}

/* A write within the clock tick of the last one would leave ctime as it is. */
static void let_tick_pass(const struct stat *st)
{
        struct timespec now;
        int64_t age_ms;

        (void)clock_gettime(CLOCK_REALTIME, &now);
        age_ms = (int64_t)(now.tv_sec - st->st_ctim.tv_sec) * 1000 + (now.tv_nsec - st->st_ctim.tv_nsec) / 1000000;
        if (age_ms >= 0 && age_ms < TICK_MS)
                bk_sleep_ms(TICK_MS - age_ms);
}

/* --- reading ------------------------------------------------------------------------- */

static const EVP_MD *algorithm_of(enum boot_sum_kind kind)
{
        switch (kind) {
        case BOOT_SUM_MD5:      return EVP_md5();
        case BOOT_SUM_SHA1:     return EVP_sha1();
        case BOOT_SUM_SHA224:   return EVP_sha224();
        case BOOT_SUM_SHA256:   return EVP_sha256();
        case BOOT_SUM_SHA384:   return EVP_sha384();
        case BOOT_SUM_SHA512:   return EVP_sha512();
        case BOOT_SUM_NONE:     break;
        }
        return NULL;
}

struct hash {
        enum boot_sum_kind kind;
        EVP_MD_CTX *context;
};

static void hash_done(struct hash *hash)
{
        EVP_MD_CTX_free(hash->context);
        *hash = (struct hash){ 0 };
}

static struct hash hash_of(enum boot_sum_kind kind)
{
        struct hash hash = { .kind = kind };

        if (kind == BOOT_SUM_NONE)
                return hash;
        hash.context = EVP_MD_CTX_new();
        if (hash.context == NULL || EVP_DigestInit_ex(hash.context, algorithm_of(kind), NULL) != 1)
                abort();
        return hash;
}

static void hash_add(const struct hash *hash, const void *bytes, size_t length)
{
        if (hash->context != NULL && EVP_DigestUpdate(hash->context, bytes, length) != 1)
                abort();
}

static void hash_finish(const struct hash *hash, struct boot_known *known)
{
        unsigned char raw[EVP_MAX_MD_SIZE];
        unsigned size = 0;
        struct boot_sum *sum = &known->sums[hash->kind];

        if (hash->context == NULL)
                return;
        if (EVP_DigestFinal_ex(hash->context, raw, &size) != 1)
                abort();
        sum->kind = hash->kind;
        for (unsigned i = 0; i < size && 2 * i + 2 < sizeof sum->hex; i++)
                (void)sprintf(sum->hex + 2 * i, "%02x", raw[i]);
}

static int read_sums(int fd, uint64_t size, enum boot_sum_kind kind, const struct bk_fetch *fetch, struct boot_known *known,
                     struct bk_error *err)
{
        BK_CLEANUP(hash_done) struct hash sha256 = hash_of(BOOT_SUM_SHA256);
        BK_CLEANUP(hash_done) struct hash other = hash_of(kind == BOOT_SUM_SHA256 ? BOOT_SUM_NONE : kind);
        autofree char *chunk = bk_alloc(CHUNK);
        int64_t told = bk_now_ms();

        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        for (uint64_t done = 0;;) {
                const ssize_t got = read(fd, chunk, CHUNK);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got < 0)
                        return bk_fail_errno(err, "cannot read");
                if (got == 0)
                        break;
                hash_add(&sha256, chunk, (size_t)got);
                hash_add(&other, chunk, (size_t)got);
                done += (uint64_t)got;
                if (fetch->progress == NULL || bk_now_ms() - told < 1000)
                        continue;
                told = bk_now_ms();
                if (fetch->progress(fetch->arg, done, size))
                        return bk_fail(err, BK_INTERRUPTED, "stopped while it was verified");
        }
        hash_finish(&sha256, known);
        hash_finish(&other, known);
        return 0;
}

int boot_verify(const char *path, const char *sidecar, enum boot_sum_kind kind, const struct bk_fetch *fetch, struct boot_known *ret,
                bool *ret_read, struct bk_error *err)
{
        BK_CLEANUP(boot_known_done) struct boot_known known = { 0 };
        autofree char *identity = NULL, *later = NULL;
        /* Not waiting for a writer of a pipe of this name. */
        autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        struct stat st;
        bool same;

        if (fd < 0 || fstat(fd, &st) < 0)
                return bk_fail_errno(err, "cannot open '%s'", path);
        if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
                return bk_fail(err, BK_INVALID, "'%s' is not a file", path);
        identity = identity_of(&st);
        same = S_ISREG(st.st_mode) && sidecar != NULL && known_read(sidecar, &known) && bk_streq(known.identity, identity);
        if (!same) {
                boot_known_done(&known);
                known.identity = bk_strdup(identity);
        }
        same = same && known.sums[BOOT_SUM_SHA256].kind != BOOT_SUM_NONE && known.sums[kind].kind == kind;
        if (!same) {
                if (sidecar != NULL)
                        let_tick_pass(&st);
                if (read_sums(fd, (uint64_t)st.st_size, kind, fetch, &known, err) < 0)
                        return bk_wrap(err, "'%s'", path);
                if (fstat(fd, &st) < 0)
                        return bk_fail_errno(err, "'%s'", path);
                later = identity_of(&st);
                if (!bk_streq(later, identity))
                        return bk_fail(err, BK_CONFLICT, "'%s' changed while it was read", path);
                if (sidecar != NULL)
                        known_write(sidecar, &known);
        }
        if (ret_read != NULL)
                *ret_read = !same;
        *ret = known;
        known = (struct boot_known){ 0 };
        return 0;
}

bool boot_is_still(const char *path, const struct boot_known *known)
{
        autofree char *lasting = NULL;
        struct stat st;

        if (stat(path, &st) < 0)
                return false;
        lasting = lasting_identity(&st);
        return strncmp(known->identity, lasting, strlen(lasting)) == 0 && known->identity[strlen(lasting)] == ' ';
}

void boot_verified_as(const char *path, const char *sidecar, const struct boot_known *known)
{
        struct boot_known moved = *known;
        autofree char *identity = NULL;
        struct stat st;

        if (stat(path, &st) < 0)
                return;
        let_tick_pass(&st);
        if (stat(path, &st) < 0 || !boot_is_still(path, known))
                return;
        moved.identity = identity = identity_of(&st);
        known_write(sidecar, &moved);
}
