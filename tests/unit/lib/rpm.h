/* Headers and an ndb database as rpm writes them. */
#pragma once
#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

struct rpm_text { uint32_t tag; const char *text; };

static inline void rpm_be32(struct bk_buf *buf, uint32_t n)
{
        n = htobe32(n);
        bk_buf_add(buf, &n, 4);
}

static inline void rpm_le32(struct bk_buf *buf, uint32_t n)
{
        n = htole32(n);
        bk_buf_add(buf, &n, 4);
}

/* Texts, and an epoch as the last tag; tags of 1003 and above must come in that order only for rpm itself. */
static inline void rpm_header(struct bk_buf *ret, const struct rpm_text *texts, size_t n, uint32_t epoch)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf data = { 0 };

        rpm_be32(&data, epoch);
        for (size_t i = 0; i < n; i++)
                bk_buf_add(&data, texts[i].text, strlen(texts[i].text) + 1);
        rpm_be32(ret, (uint32_t)n + (epoch > 0));
        rpm_be32(ret, (uint32_t)data.len);
        for (size_t i = 0, at = 4; i < n; at += strlen(texts[i].text) + 1, i++) {
                rpm_be32(ret, texts[i].tag);
                rpm_be32(ret, 6);
                rpm_be32(ret, (uint32_t)at);
                rpm_be32(ret, 1);
        }
        if (epoch > 0) {
                rpm_be32(ret, 1003);
                rpm_be32(ret, 4);
                rpm_be32(ret, 0);
                rpm_be32(ret, 1);
        }
        bk_buf_add(ret, data.data, data.len);
}

/* n packages "package-I" 1.I-1, in slots of one page. */
static inline void rpm_ndb(struct bk_buf *ret, uint32_t n)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf blobs = { 0 };

        bk_buf_add(ret, "RpmP\0\0\0\0\1\0\0\0\1\0\0\0\xff\0\0\0", 20);
        bk_buf_add(ret, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
        for (uint32_t i = 1; i <= 254; i++) {
                BK_CLEANUP(bk_buf_done) struct bk_buf header = { 0 };
                autofree char *name = bk_format("package-%u", i), *version = bk_format("1.%u", i);
                const struct rpm_text texts[] = { { 1000, name }, { 1001, version }, { 1002, "1" }, { 1022, "noarch" } };
                const size_t at = blobs.len;

                bk_buf_add(ret, "Slot", 4);
                if (i > n) {
                        bk_buf_add(ret, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
                        continue;
                }
                rpm_header(&header, texts, 4, 0);
                bk_buf_add(&blobs, "BlbS", 4);
                rpm_le32(&blobs, i);
                rpm_le32(&blobs, 0);
                rpm_le32(&blobs, (uint32_t)header.len);
                bk_buf_add(&blobs, header.data, header.len);
                while (blobs.len % 16 != 4)
                        bk_buf_putc(&blobs, '\0');
                rpm_le32(&blobs, 0);
                rpm_le32(&blobs, (uint32_t)header.len);
                bk_buf_add(&blobs, "BlbE", 4);
                rpm_le32(ret, i);
                rpm_le32(ret, (uint32_t)(4096 + at) / 16);
                rpm_le32(ret, (uint32_t)(blobs.len - at) / 16);
        }
        bk_buf_add(ret, blobs.data, blobs.len);
}
