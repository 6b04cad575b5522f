/* Decompression for fonts that lie inside other files. The content is hostile until it has been read: its size is bounded, and
 * so is the memory that a decoder may take. */
#include <limits.h>
#include <lz4.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>

#include "boot/font_priv.h"
#include "lib/cleanup.h"

#define LZMA_MEMORY_MOST (320ULL << 20)         /* Linux is compressed with a dictionary of up to 128 MiB */
#define LZ4_BLOCK (8U << 20)                    /* content of a block of the legacy frame */

struct buffer {
        char *bytes;                            /* owned, of `most` bytes */
        size_t length, most;
};

static void buffer_done(struct buffer *buffer)
{
        free(buffer->bytes);
}

static int refuse(const struct buffer *out, const char *kind, struct bk_error *err)
{
        if (out->length == out->most)
                return bk_fail(err, BK_CORRUPT, "more than %zu bytes of content", out->most);
        return bk_fail(err, BK_CORRUPT, "damaged %s data, or cut short", kind);
}

static int unpack_gzip(const unsigned char *p, size_t length, struct buffer *out, struct bk_error *err)
{
        z_stream stream = { .next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)length, .next_out = (Bytef *)out->bytes,
                            .avail_out = (uInt)out->most };
        int code;

        if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
                return bk_fail(err, BK_INTERNAL, "zlib does not start");
        code = inflate(&stream, Z_FINISH);
        (void)inflateEnd(&stream);
        out->length = stream.total_out;
        return code == Z_STREAM_END ? 0 : refuse(out, "gzip", err);
}

static int unpack_lzma(const unsigned char *p, size_t length, struct buffer *out, struct bk_error *err)
{
        lzma_stream stream = LZMA_STREAM_INIT;
        lzma_ret code = lzma_auto_decoder(&stream, LZMA_MEMORY_MOST, 0);

        stream.next_in = p;
        stream.avail_in = length;
        stream.next_out = (uint8_t *)out->bytes;
        stream.avail_out = out->most;
        while (code == LZMA_OK)
                code = lzma_code(&stream, LZMA_FINISH);
        out->length = (size_t)stream.total_out;
        lzma_end(&stream);
        if (code == LZMA_MEMLIMIT_ERROR)
                return bk_fail(err, BK_CORRUPT, "LZMA data that need more than %llu MiB of memory", LZMA_MEMORY_MOST >> 20);
        return code == LZMA_STREAM_END ? 0 : refuse(out, "LZMA", err);
}

/* The frame has no end: after the last block there may be one more word, in which Linux keeps the size of the content. */
static int unpack_lz4(const unsigned char *p, size_t length, struct buffer *out, struct bk_error *err)
{
        for (size_t at = 4; length - at > 4;) {
                const size_t size = boot_le32(p + at), left = out->most - out->length, room = left < LZ4_BLOCK ? left : LZ4_BLOCK;
                int made;

                at += 4;
                if (size == 0 || size > length - at)
                        return refuse(out, "LZ4", err);
                made = LZ4_decompress_safe((const char *)p + at, out->bytes + out->length, (int)size, (int)room);
                if (made < 0)
                        return refuse(out, "LZ4", err);
                out->length += (size_t)made;
                at += size;
        }
        return 0;
}

static const struct {
        const char *magic;
        size_t length;
        int (*unpack)(const unsigned char *p, size_t length, struct buffer *out, struct bk_error *err);
} kinds[] = {
        { "\x1f\x8b", 2, unpack_gzip },
        { "\xfd" "7zXZ\0", 6, unpack_lzma },
        { "\x5d\0\0", 3, unpack_lzma },         /* no magic: the usual properties, and a dictionary of whole 64 KiB */
        { "\x02\x21\x4c\x18", 4, unpack_lz4 },
};

int boot_unpack(const void *bytes, size_t length, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        BK_CLEANUP(buffer_done) struct buffer out = { .most = most };

        if (length > INT_MAX || most > INT_MAX)
                return bk_fail(err, BK_INVALID, "too large to be unpacked");
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                if (length < kinds[i].length || memcmp(bytes, kinds[i].magic, kinds[i].length) != 0)
                        continue;
                out.bytes = bk_grow(NULL, most + (most == 0), 1);
                if (kinds[i].unpack(bytes, length, &out, err) < 0)
                        return -1;
                *ret_len = out.length;
                *ret = bk_take(out.bytes);
                return 0;
        }
        return bk_fail(err, BK_INVALID, "compressed in a way that is not known here");
}
