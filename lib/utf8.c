/* Telling UTF-8 from other bytes. */
#include "lib/utf8.h"

#include <string.h>

#include "lib/buf.h"

size_t bk_utf8_length(const char *p, const char *end)
{
        static const struct { unsigned char first, last, low, high; size_t length; } forms[] = {
                { 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
                { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
                { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
        };
        const unsigned char *u = (const unsigned char *)p;

        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                if (u[0] < forms[i].first || u[0] > forms[i].last)
                        continue;
                if ((size_t)(end - p) < forms[i].length)
                        return 0;
                if (forms[i].length > 1 && (u[1] < forms[i].low || u[1] > forms[i].high))
                        return 0;
                for (size_t k = 2; k < forms[i].length; k++)
                        if ((u[k] & 0xc0) != 0x80)
                                return 0;
                return forms[i].length;
        }
        return 0;
}

char *bk_utf8_clean(const char *text)
{
        const char *const end = text + strlen(text);
        struct bk_buf buf = { 0 };

        for (const char *p = text; p < end;) {
                const size_t length = bk_utf8_length(p, end);

                if (length > 0)
                        bk_buf_add(&buf, p, length);
                else
                        bk_buf_put_code_point(&buf, 0xfffd);
                p += length > 0 ? length : 1;
        }
        return bk_buf_finish(&buf);
}
