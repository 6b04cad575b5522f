/* Files of advisories as they are published: JSON, or such files in a zip or a tar, or compressed by gzip. They are read from front to
 * back, so that a pipe will do, and no more than a piece is in memory, whatever a header says.
 *
 * Formats: PKWARE's APPNOTE.TXT 6.3.10 (4.3.7 local headers, 4.3.9 data descriptors), RFC 1952, POSIX ustar. */
#include "registry/advisory.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/cleanup.h"
#include "lib/lazy.h"

enum { PIECE = 1 << 18, LOCAL = 30, DESCRIPTOR_MOST = 24, BLOCK = 512, TAR_NAME = 100 };
#define UNPACKED_MOST (64ULL << 30)     /* bytes of all that is in one file; all of OSV's databases have less than 10 GiB */

struct input {
        ssize_t (*read)(void *arg, void *bytes, size_t most, struct bk_error *err);     /* 0 at the end */
        void *arg;
        unsigned char *bytes;
        size_t at, n;
};

static void input_done(struct input *in)
{
        free(in->bytes);
}

/* Makes up to `wanted` bytes stand at bytes[at]; fewer only at the end. *ret may be more. */
static int look(struct input *in, size_t wanted, size_t *ret, struct bk_error *err)
{
        if (in->bytes == NULL)
                in->bytes = bk_alloc(PIECE);
        if (in->n - in->at < wanted) {
                memmove(in->bytes, in->bytes + in->at, in->n - in->at);
                in->n -= in->at;
                in->at = 0;
        }
        while (in->n - in->at < wanted) {
                const ssize_t n = in->read(in->arg, in->bytes + in->n, PIECE - in->n, err);

                if (n < 0)
                        return -1;
                if (n == 0)
                        break;
                in->n += (size_t)n;
        }
        *ret = in->n - in->at;
        return 0;
}

/* As much as is wanted, or it was cut off. */
static int look_all(struct input *in, size_t wanted, struct bk_error *err)
{
        size_t n = 0;

        if (wanted > PIECE)
                return bk_fail(err, BK_CORRUPT, "a header of %zu bytes", wanted);
        if (look(in, wanted, &n, err) < 0)
                return -1;
        return n >= wanted ? 0 : bk_fail(err, BK_CORRUPT, "it was cut off");
}

static ssize_t read_file(void *arg, void *bytes, size_t most, struct bk_error *err)
{
        ssize_t n;

        do
                n = read(*(int *)arg, bytes, most);
        while (n < 0 && errno == EINTR);
        return n < 0 ? bk_fail_errno(err, "cannot read it") : n;
}

/* --- what comes out --------------------------------------------------------------- */
struct output { const struct reg_unpacker *to; uint64_t left; bool wanted; uint32_t crc; uint64_t total; };

static int give(struct output *out, const void *bytes, size_t n, struct bk_error *err)
{
        if (n > out->left)
                return bk_fail(err, BK_INVALID, "it unpacks to more than %llu GiB", UNPACKED_MOST >> 30);
        out->left -= n;
        out->total += n;
        return out->wanted ? out->to->take(out->to->arg, bytes, n, err) : 0;
}

static bool is_json(const char *name)
{
        const size_t length = strlen(name);

        return length > 5 && strcmp(name + length - 5, ".json") == 0;
}

static void begin(struct output *out, bool wanted)
{
        out->wanted = wanted;
        out->crc = 0;
        out->total = 0;
}

static int end(const struct output *out, struct bk_error *err)
{
        return out->wanted ? out->to->end(out->to->arg, err) : 0;
}

/* `left` bytes as they are. */
static int copy(struct input *in, struct output *out, uint64_t left, struct bk_error *err)
{
        while (left > 0) {
                size_t n = 0;

                if (look(in, 1, &n, err) < 0)
                        return -1;
                if (n == 0)
                        return bk_fail(err, BK_CORRUPT, "it was cut off");
                if (n > left)
                        n = (size_t)left;
                out->crc = (uint32_t)crc32(out->crc, in->bytes + in->at, (uInt)n);
                if (give(out, in->bytes + in->at, n, err) < 0)
                        return -1;
                in->at += n;
                left -= n;
        }
        return 0;
}

/* --- zip ----------------------------------------------------------------------------- */
static uint16_t le16(const unsigned char *p)
{
        uint16_t v;

        memcpy(&v, p, sizeof v);
        return le16toh(v);
}

static uint32_t le32(const unsigned char *p)
{
        uint32_t v;

        memcpy(&v, p, sizeof v);
        return le32toh(v);
}

static uint64_t le64(const unsigned char *p)
{
        uint64_t v;

        memcpy(&v, p, sizeof v);
        return le64toh(v);
}

struct local { uint16_t flags, method; uint32_t crc; uint64_t packed; char *name; };
enum { ENCRYPTED = 1, DESCRIBED_BEHIND = 8, STORED = 0, DEFLATED = 8 };

static void local_done(struct local *local)
{
        free(local->name);
}

/* Sizes of 4 GiB and more are in an extra field, the unpacked one first. */
static uint64_t large_size(const unsigned char *extra, size_t length)
{
        for (size_t at = 0; at + 4 <= length && at + 4 + le16(extra + at + 2) <= length; at += 4 + (size_t)le16(extra + at + 2))
                if (le16(extra + at) == 1 && le16(extra + at + 2) >= 16)
                        return le64(extra + at + 12);
        return UINT32_MAX;
}

static int read_local(struct input *in, struct local *ret, struct bk_error *err)
{
        size_t name, extra;
        const unsigned char *p;

        if (look_all(in, LOCAL, err) < 0)
                return -1;
        name = le16(in->bytes + in->at + 26);
        extra = le16(in->bytes + in->at + 28);
        if (look_all(in, LOCAL + name + extra, err) < 0)
                return -1;
        p = in->bytes + in->at;
        *ret = (struct local){ .flags = le16(p + 6), .method = le16(p + 8), .crc = le32(p + 14), .packed = le32(p + 18),
                               .name = bk_strndup((const char *)p + LOCAL, name) };
        if (ret->packed == UINT32_MAX)
                ret->packed = large_size(p + LOCAL + name, extra);
        in->at += LOCAL + name + extra;
        return 0;
}

static int inflate_all(struct input *in, struct output *out, z_stream *z, struct bk_error *err)
{
        autofree unsigned char *room = bk_alloc(PIECE);
        int code = Z_OK;

        while (code != Z_STREAM_END) {
                size_t n = 0;

                if (look(in, 1, &n, err) < 0)
                        return -1;
                z->next_in = in->bytes + in->at;
                z->avail_in = (uInt)n;
                z->next_out = room;
                z->avail_out = PIECE;
                code = inflate(z, Z_NO_FLUSH);
                if (code != Z_OK && code != Z_STREAM_END)
                        return bk_fail(err, BK_CORRUPT, n == 0 ? "it was cut off" : "damaged data");
                in->at += n - z->avail_in;
                out->crc = (uint32_t)crc32(out->crc, room, PIECE - z->avail_out);
                if (give(out, room, PIECE - z->avail_out, err) < 0)
                        return -1;
        }
        return 0;
}

/* Behind the data: [signature] CRC, and both sizes of four bytes or of eight. */
static int read_descriptor(struct input *in, const struct output *out, uint64_t packed, struct bk_error *err)
{
        const unsigned char *p;
        size_t n = 0;

        if (look(in, DESCRIPTOR_MOST, &n, err) < 0)
                return -1;
        p = in->bytes + in->at;
        for (size_t before = 0; before <= 4; before += 4) {
                if (before == 4 && le32(p) != 0x08074b50)
                        break;
                if (n >= before + 12 && le32(p + before) == out->crc && le32(p + before + 4) == (uint32_t)packed &&
                    le32(p + before + 8) == (uint32_t)out->total) {
                        in->at += before + 12;
                        return 0;
                }
                if (n >= before + 20 && le32(p + before) == out->crc && le64(p + before + 4) == packed && le64(p + before + 12) == out->total) {
                        in->at += before + 20;
                        return 0;
                }
        }
        return bk_fail(err, BK_CORRUPT, "it is not what was packed");
}

static int unpack_member(struct input *in, struct output *out, const struct local *local, struct bk_error *err)
{
        z_stream z = { 0 };
        int status;

        if ((local->flags & ENCRYPTED) != 0)
                return bk_fail(err, BK_INVALID, "it is encrypted");
        if (local->method == STORED && (local->flags & DESCRIBED_BEHIND) == 0) {
                if (copy(in, out, local->packed, err) < 0)
                        return -1;
                return out->crc == local->crc ? 0 : bk_fail(err, BK_CORRUPT, "it is not what was packed");
        }
        if (local->method != DEFLATED)
                return bk_fail(err, BK_INVALID, "it is packed in a way that is not read here (method %u)", local->method);
        if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
                return bk_fail(err, BK_INTERNAL, "zlib does not start");
        status = inflate_all(in, out, &z, err);
        (void)inflateEnd(&z);
        if (status < 0)
                return -1;
        if ((local->flags & DESCRIBED_BEHIND) != 0)
                return read_descriptor(in, out, z.total_in, err);
        return out->crc == local->crc ? 0 : bk_fail(err, BK_CORRUPT, "it is not what was packed");
}

/* What is behind the last member repeats what was in front of each. */
static int unpack_zip(struct input *in, struct output *out, struct bk_error *err)
{
        for (;;) {
                BK_CLEANUP(local_done) struct local local = { 0 };

                if (look_all(in, 4, err) < 0)
                        return bk_wrap(err, "the zip file");
                if (le32(in->bytes + in->at) != 0x04034b50)
                        break;
                if (read_local(in, &local, err) < 0)
                        return bk_wrap(err, "the zip file");
                begin(out, is_json(local.name));
                if (unpack_member(in, out, &local, err) < 0 || end(out, err) < 0)
                        return bk_wrap(err, "member '%.200s'", local.name);
        }
        for (size_t n = 1; n > 0; in->at = in->n)               /* whoever writes it into a pipe is heard out */
                if (look(in, 1, &n, err) < 0)
                        return -1;
        return 0;
}

/* --- tar -------------------------------------------------------------------------------- */
static int tar_size(const unsigned char *header, uint64_t *ret, struct bk_error *err)
{
        unsigned sum = 0, wanted = 0;
        uint64_t size = 0;

        for (size_t i = 0; i < BLOCK; i++)
                sum += i >= 148 && i < 156 ? ' ' : header[i];
        for (size_t i = 148; i < 156; i++)
                if (header[i] >= '0' && header[i] <= '7')
                        wanted = wanted * 8 + (unsigned)(header[i] - '0');
        for (size_t i = 124; i < 136 && header[i] >= '0' && header[i] <= '7'; i++)
                size = size * 8 + (uint64_t)(header[i] - '0');
        if (sum != wanted || (header[124] & 0x80) != 0)
                return bk_fail(err, BK_CORRUPT, "the tar file is damaged, or of a kind that is not read here");
        *ret = size;
        return 0;
}

static bool is_tar(const unsigned char *bytes, size_t n)
{
        return n >= BLOCK && memcmp(bytes + 257, "ustar", 5) == 0;
}

/* A name of full length may go on elsewhere. */
static int unpack_tar(struct input *in, struct output *out, struct bk_error *err)
{
        for (;;) {
                autofree char *name = NULL;
                uint64_t size = 0;
                unsigned char kind;
                size_t n = 0;

                if (look(in, BLOCK, &n, err) < 0)
                        return -1;
                if (n >= BLOCK && in->bytes[in->at] == '\0')
                        break;
                if (!is_tar(in->bytes + in->at, n))
                        return bk_fail(err, BK_CORRUPT, "the tar file was cut off, or is damaged");
                if (tar_size(in->bytes + in->at, &size, err) < 0)
                        return -1;
                name = bk_strndup((const char *)in->bytes + in->at, TAR_NAME);
                kind = in->bytes[in->at + 156];
                in->at += BLOCK;
                begin(out, (kind == '0' || kind == '\0') && (is_json(name) || strlen(name) == TAR_NAME));
                if (copy(in, out, size, err) < 0 || end(out, err) < 0)
                        return bk_wrap(err, "member '%s'", name);
                begin(out, false);
                if (copy(in, out, (BLOCK - size % BLOCK) % BLOCK, err) < 0)
                        return bk_wrap(err, "the tar file");
        }
        for (size_t n = 1; n > 0; in->at = in->n)
                if (look(in, 1, &n, err) < 0)
                        return -1;
        return 0;
}

/* --- gzip, and nothing -------------------------------------------------------------------- */
struct gzip { struct input *from; z_stream z; bool ended; };

static ssize_t read_gzip(void *arg, void *bytes, size_t most, struct bk_error *err)
{
        struct gzip *gzip = arg;
        struct input *in = gzip->from;

        gzip->z.next_out = bytes;
        gzip->z.avail_out = (uInt)most;
        while (gzip->z.avail_out == most) {
                size_t n = 0;
                int code;

                if (look(in, 1, &n, err) < 0)
                        return -1;
                if (n == 0)
                        return gzip->ended ? 0 : bk_fail(err, BK_CORRUPT, "the compressed file was cut off");
                if (gzip->ended && inflateReset(&gzip->z) != Z_OK)      /* several may stand one behind the other */
                        return bk_fail(err, BK_INTERNAL, "zlib does not start");
                gzip->z.next_in = in->bytes + in->at;
                gzip->z.avail_in = (uInt)n;
                code = inflate(&gzip->z, Z_NO_FLUSH);
                if (code != Z_OK && code != Z_STREAM_END)
                        return bk_fail(err, BK_CORRUPT, "the compressed file is damaged");
                in->at += n - gzip->z.avail_in;
                gzip->ended = code == Z_STREAM_END;
        }
        return (ssize_t)(most - gzip->z.avail_out);
}

static int unpack_rest(struct input *in, struct output *out, struct bk_error *err)
{
        size_t n = 0;

        if (look(in, BLOCK, &n, err) < 0)
                return -1;
        if (is_tar(in->bytes, n))
                return unpack_tar(in, out, err);
        begin(out, true);
        for (; n > 0; in->at = in->n)
                if (look(in, 1, &n, err) < 0 || give(out, in->bytes + in->at, n, err) < 0)
                        return -1;
        return end(out, err);
}

int reg_unpack(int fd, const struct reg_unpacker *to, struct bk_error *err)
{
        BK_CLEANUP(input_done) struct input in = { .read = read_file, .arg = &fd };
        struct output out = { .to = to, .left = UNPACKED_MOST };
        size_t n = 0;
        int status;

        if (look(&in, 4, &n, err) < 0)
                return -1;
        if (n >= 4 && le32(in.bytes) == 0x04034b50)
                return bk_lazy_need("libz.so", err) < 0 ? -1 : unpack_zip(&in, &out, err);
        if (n >= 2 && in.bytes[0] == 0x1f && in.bytes[1] == 0x8b) {
                struct gzip gzip = { .from = &in };
                BK_CLEANUP(input_done) struct input within = { .read = read_gzip, .arg = &gzip };

                if (bk_lazy_need("libz.so", err) < 0)
                        return -1;
                if (inflateInit2(&gzip.z, 16 + MAX_WBITS) != Z_OK)
                        return bk_fail(err, BK_INTERNAL, "zlib does not start");
                status = unpack_rest(&within, &out, err);
                (void)inflateEnd(&gzip.z);
                return status;
        }
        return unpack_rest(&in, &out, err);
}
