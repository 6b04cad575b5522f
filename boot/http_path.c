/* Spelling paths: what a guest asks for is hostile until it is decoded and clean, and names go out encoded. */
#include "boot/http_priv.h"

#include <ctype.h>
#include <string.h>

#include "lib/cleanup.h"

char *http_path_clean(const char *path)
{
        struct bk_buf buf = { 0 };
        bool folder = true;

        bk_buf_putc(&buf, '/');
        for (const char *p = path; *p != '\0';) {
                const size_t length = strcspn(p, "/");

                /* What has a slash, or is no name, is a folder. */
                folder = p[length] == '/';
                if (length == 2 && strncmp(p, "..", 2) == 0) {
                        while (buf.len > 1 && buf.data[--buf.len - 1] != '/')
                                ;
                        buf.data[buf.len] = '\0';
                        folder = true;
                } else if (length == 0 || (length == 1 && *p == '.')) {
                        folder = true;
                } else {
                        bk_buf_add(&buf, p, length);
                        bk_buf_putc(&buf, '/');
                }
                p += length + (p[length] == '/');
        }
        if (!folder && buf.len > 1)
                buf.data[--buf.len] = '\0';
        return bk_buf_finish(&buf);
}

static int hex(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c = (char)tolower((unsigned char)c);
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *http_path_decode(const char *target)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };

        /* A client that thinks of us as a proxy (RFC 9112, 3.2.2). */
        if (strncasecmp(target, "http://", 7) == 0) {
                target = strchr(target + 7, '/');
                if (target == NULL)
                        target = "/";
        }
        if (*target != '/')
                return NULL;
        for (const char *p = target; *p != '\0'; p++) {
                char c = *p;

                if (c == '%') {
                        const int high = hex(p[1]), low = high < 0 ? -1 : hex(p[2]);

                        if (low < 0 || (high == 0 && low == 0))
                                return NULL;
                        c = (char)(high << 4 | low);
                        p += 2;
                }
                bk_buf_putc(&buf, c);
        }
        return http_path_clean(buf.data);
}

void http_path_encode(struct bk_buf *buf, const char *path)
{
        for (const char *p = path; *p != '\0'; p++) {
                if (isascii((unsigned char)*p) && (isalnum((unsigned char)*p) || strchr("/-._~", *p) != NULL))
                        bk_buf_putc(buf, *p);
                else
                        bk_buf_printf(buf, "%%%02X", (unsigned char)*p);
        }
}

void http_text_escape(struct bk_buf *buf, const char *text)
{
        for (const char *p = text; *p != '\0'; p++) {
                switch (*p) {
                case '&':       bk_buf_puts(buf, "&amp;"); break;
                case '<':       bk_buf_puts(buf, "&lt;"); break;
                case '>':       bk_buf_puts(buf, "&gt;"); break;
                case '"':       bk_buf_puts(buf, "&quot;"); break;
                case '\'':      bk_buf_puts(buf, "&#39;"); break;
                default:        bk_buf_putc(buf, *p);
                }
        }
}

void http_text_print(struct bk_buf *buf, const char *text, size_t most)
{
        const size_t start = buf->len;

        for (const char *p = text; *p != '\0'; p++) {
                if (buf->len - start >= most) {
                        bk_buf_puts(buf, "...");
                        return;
                }
                if (*p > ' ' && *p < 0x7f)
                        bk_buf_putc(buf, *p);
                else
                        bk_buf_printf(buf, "\\x%02x", (unsigned char)*p);
        }
}
