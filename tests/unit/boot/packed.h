/* Files with a font inside, as small as they can be: a bzImage, a firmware's flash. */
#pragma once
#include <lz4.h>
#include <lzma.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/mem.h"

enum packing { PACKED_GZIP, PACKED_XZ, PACKED_LZMA, PACKED_LZ4 };
enum { KERNEL_PAYLOAD = 2048, PAYLOAD_ROOM = 65536, NARROW_ENTRY = 22, SECTION_AT = 100, SECTION_DATA = 24, TABLE_BYTES = 4096 };

static inline void put32(unsigned char *p, size_t value)
{
        for (unsigned i = 0; i < 4; i++)
                p[i] = (unsigned char)(value >> 8 * i);
}

static inline size_t pack_gzip(const unsigned char *plain, size_t length, unsigned char *out, size_t room)
{
        z_stream stream = { .next_in = (Bytef *)(uintptr_t)plain, .avail_in = (uInt)length, .next_out = out, .avail_out = (uInt)room };

        if (deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK || deflate(&stream, Z_FINISH) != Z_STREAM_END)
                abort();
        (void)deflateEnd(&stream);
        return stream.total_out;
}

/* LZMA-alone has the content's size in its header, as EDK2 writes it. */
static inline size_t pack_lzma(bool alone, const unsigned char *plain, size_t length, unsigned char *out, size_t room)
{
        lzma_stream stream = LZMA_STREAM_INIT;
        lzma_options_lzma options;

        if (lzma_lzma_preset(&options, 0))
                abort();
        options.dict_size = 1 << 16;
        if ((alone ? lzma_alone_encoder(&stream, &options) : lzma_easy_encoder(&stream, 0, LZMA_CHECK_CRC32)) != LZMA_OK)
                abort();
        stream.next_in = plain;
        stream.avail_in = length;
        stream.next_out = out;
        stream.avail_out = room;
        if (lzma_code(&stream, LZMA_FINISH) != LZMA_STREAM_END)
                abort();
        if (alone) {
                put32(out + 5, length);
                put32(out + 9, 0);
        }
        room = stream.total_out;
        lzma_end(&stream);
        return room;
}

static inline size_t pack_lz4(const unsigned char *plain, size_t length, unsigned char *out, size_t room)
{
        size_t made = 4;

        put32(out, 0x184c2102);
        for (size_t at = 0; at < length; at += 8 << 20) {
                const size_t left = length - at, block = left < 8 << 20 ? left : 8 << 20;
                const int size = LZ4_compress_default((const char *)plain + at, (char *)out + made + 4, (int)block, (int)(room - made - 4));

                if (size <= 0)
                        abort();
                put32(out + made, (size_t)size);
                made += 4 + (size_t)size;
        }
        return made;
}

static inline size_t pack(enum packing kind, const unsigned char *plain, size_t length, unsigned char *out, size_t room)
{
        return kind == PACKED_GZIP ? pack_gzip(plain, length, out, room) : kind == PACKED_LZ4 ? pack_lz4(plain, length, out, room) :
               pack_lzma(kind == PACKED_LZMA, plain, length, out, room);
}

/* Puts a header before a payload that lies at KERNEL_PAYLOAD. */
static inline void kernel_header(unsigned char *p, size_t payload_length)
{
        memset(p, 0, KERNEL_PAYLOAD);
        p[0x1f1] = 2;
        memcpy(p + 0x202, "HdrS\x0f\x02", 6);
        put32(p + 0x248, KERNEL_PAYLOAD - 3 * 512);
        put32(p + 0x24c, payload_length);
}

/* The caller's. */
static inline unsigned char *make_kernel(enum packing kind, const unsigned char *plain, size_t length, size_t *ret_len)
{
        const size_t room = PAYLOAD_ROOM + length;
        unsigned char *p = bk_alloc(room + KERNEL_PAYLOAD + 4);
        size_t packed = pack(kind, plain, length, p + KERNEL_PAYLOAD, room);

        if (kind != PACKED_GZIP) {              /* which ends in its size */
                put32(p + KERNEL_PAYLOAD + packed, length);
                packed += 4;
        }
        kernel_header(p, packed);
        *ret_len = KERNEL_PAYLOAD + packed;
        return bk_grow(p, *ret_len, 1);
}

/* The caller's. The section begins at SECTION_AT, its content at SECTION_DATA from there. */
static inline unsigned char *make_firmware(const unsigned char *plain, size_t length, size_t *ret_len)
{
        static const unsigned char lzma[] = { 0x98, 0x58, 0x4e, 0xee, 0x14, 0x39, 0x59, 0x42, 0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf };
        const size_t room = PAYLOAD_ROOM + length;
        unsigned char *p = bk_alloc(room + SECTION_AT + SECTION_DATA), *section = p + SECTION_AT;
        const size_t packed = pack(PACKED_LZMA, plain, length, section + SECTION_DATA, room);

        put32(section, SECTION_DATA + packed);
        section[3] = 2;
        memcpy(section + 4, lzma, sizeof lzma);
        section[20] = SECTION_DATA;
        section[22] = 1;
        *ret_len = SECTION_AT + SECTION_DATA + packed;
        return bk_grow(p, *ret_len, 1);
}

/* 256 shapes of 8x16 that all differ, with blanks and blocks where CP437 has them. */
static inline void make_table(unsigned char *table)
{
        memset(table, 0, TABLE_BYTES);
        for (unsigned c = 1; c < 255; c++)
                if (c != ' ') {
                        table[c * 16 + 2] = (unsigned char)c;
                        table[c * 16 + 9] = 0x3c;
                }
        memset(table + 0xdb * 16, 0xff, 16);
        memset(table + 0xdc * 16, 0, 8);
        memset(table + 0xdc * 16 + 8, 0xff, 8);
        memset(table + 0xdd * 16, 0xf0, 16);
        memset(table + 0xde * 16, 0x0f, 16);
        memset(table + 0xdf * 16, 0xff, 8);
        memset(table + 0xdf * 16 + 8, 0, 8);
}

/* ASCII, two more, and an entry of zeros; returns how many bytes: 98 entries. */
static inline size_t make_array(unsigned char *array)
{
        unsigned n = 0;

        memset(array, 0, (size_t)98 * NARROW_ENTRY);
        for (unsigned c = ' '; c <= '~' + 2; c++, n++) {
                unsigned char *entry = array + (size_t)n * NARROW_ENTRY;
                const unsigned code = c <= '~' ? c : c == '~' + 1 ? 0x2500 : 0xe9;

                entry[0] = (unsigned char)code;
                entry[1] = (unsigned char)(code >> 8);
                if (c > ' ') {
                        entry[3 + 4] = (unsigned char)c;
                        entry[3 + 18] = 0x81;
                }
        }
        return (size_t)(n + 1) * NARROW_ENTRY;
}
