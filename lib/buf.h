/* A string builder. A zeroed buffer is empty; data is always NUL-terminated
 * once anything was added. */
#pragma once
#include <stddef.h>
#include "lib/error.h"

struct bk_buf {
        char *data;     /* owned; NULL while empty */
        size_t len;     /* bytes, without the NUL */
        size_t room;
};

void bk_buf_add(struct bk_buf *buf, const void *bytes, size_t length);
void bk_buf_puts(struct bk_buf *buf, const char *s);
void bk_buf_putc(struct bk_buf *buf, char c);
void bk_buf_put_code_point(struct bk_buf *buf, unsigned c);      /* as UTF-8; at most U+10FFFF */
void bk_buf_printf(struct bk_buf *buf, const char *format, ...) BK_PRINTF(2, 3);
/* The text, owned by the caller and never NULL; the buffer is empty again. */
char *bk_buf_finish(struct bk_buf *buf);
void bk_buf_done(struct bk_buf *buf);
