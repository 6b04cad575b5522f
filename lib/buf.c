/* A string builder. */
#include "lib/buf.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

void bk_buf_add(struct bk_buf *buf, const void *bytes, size_t length)
{
        if (buf->len + length + 1 > buf->room) {
                buf->room = 2 * (buf->len + length + 1);
                buf->data = bk_grow(buf->data, buf->room, 1);
        }
        if (length > 0)
                memcpy(buf->data + buf->len, bytes, length);
        buf->len += length;
        buf->data[buf->len] = '\0';
}

void bk_buf_puts(struct bk_buf *buf, const char *s)
{
        bk_buf_add(buf, s, strlen(s));
}

void bk_buf_putc(struct bk_buf *buf, char c)
{
        bk_buf_add(buf, &c, 1);
}

void bk_buf_put_code_point(struct bk_buf *buf, unsigned c)
{
        if (c < 0x80) {
                bk_buf_putc(buf, (char)c);
        } else if (c < 0x800) {
                bk_buf_putc(buf, (char)(0xc0 | c >> 6));
                bk_buf_putc(buf, (char)(0x80 | (c & 0x3f)));
        } else if (c < 0x10000) {
                bk_buf_putc(buf, (char)(0xe0 | c >> 12));
                bk_buf_putc(buf, (char)(0x80 | (c >> 6 & 0x3f)));
                bk_buf_putc(buf, (char)(0x80 | (c & 0x3f)));
        } else {
                bk_buf_putc(buf, (char)(0xf0 | c >> 18));
                bk_buf_putc(buf, (char)(0x80 | (c >> 12 & 0x3f)));
                bk_buf_putc(buf, (char)(0x80 | (c >> 6 & 0x3f)));
                bk_buf_putc(buf, (char)(0x80 | (c & 0x3f)));
        }
}

void bk_buf_printf(struct bk_buf *buf, const char *format, ...)
{
        autofree char *text = NULL;
        va_list args;

        va_start(args, format);
        text = bk_vformat(format, args);
        va_end(args);
        bk_buf_puts(buf, text);
}

char *bk_buf_finish(struct bk_buf *buf)
{
        char *text = buf->data ? buf->data : bk_strdup("");

        *buf = (struct bk_buf){ 0 };
        return text;
}

void bk_buf_done(struct bk_buf *buf)
{
        free(buf->data);
        *buf = (struct bk_buf){ 0 };
}
