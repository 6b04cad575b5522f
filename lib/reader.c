/* A text, one code point at a time, and where it is. */
#include "lib/doc_priv.h"

#include <stdarg.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/utf8.h"

/* What a document says may be repeated in an error, and must not be an order to somebody's terminal. */
static void replace_controls(char *text)
{
        for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++)
                if (*p < 0x20 || *p == 0x7f)
                        *p = '?';
                else if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)           /* U+0080 to U+009F */
                        p[0] = p[1] = '?';
}

int bk_doc_vfail(struct bk_error *err, const char *file, struct bk_place place, const char *format, va_list args)
{
        autofree char *text = bk_vformat(format, args);

        replace_controls(text);
        (void)bk_fail(err, BK_INVALID, "%s", text);
        return bk_at(err, file, place.line, place.column);
}

int (bk_reader_fail)(const struct bk_reader *in, struct bk_place place, const char *format, ...)
{
        va_list args;
        int status;

        va_start(args, format);
        status = bk_doc_vfail(in->err, in->file, place, format, args);
        va_end(args);
        return status;
}

int (bk_reader_fail_expected)(const struct bk_reader *in, const char *expected)
{
        const struct bk_place here = bk_reader_here(in);
        size_t length;

        if (in->p >= in->end)
                return bk_reader_fail(in, here, "expected %s, but the document ends", expected);
        length = bk_utf8_length(in->p, in->end);
        if (length == 0)
                return bk_reader_fail(in, here, "expected %s, found a byte that is not UTF-8 (0x%02x)", expected, (unsigned char)*in->p);
        if (length == 1 && ((unsigned char)*in->p < 0x20 || *in->p == 0x7f))
                return bk_reader_fail(in, here, "expected %s, found a control character (0x%02x)", expected, (unsigned char)*in->p);
        return bk_reader_fail(in, here, "expected %s, found '%.*s'", expected, (int)length, in->p);
}

int bk_reader_refuse_byte_order_mark(const struct bk_reader *in)
{
        static const struct { const char *bytes; size_t n; const char *name; } marks[] = {
                { "\xef\xbb\xbf", 3, "a byte order mark" },
                { "\xff\xfe", 2, "the byte order mark of UTF-16" },
                { "\xfe\xff", 2, "the byte order mark of UTF-16" },
        };

        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
                if ((size_t)(in->end - in->p) >= marks[i].n && memcmp(in->p, marks[i].bytes, marks[i].n) == 0)
                        return bk_reader_fail(in, bk_reader_here(in), "the file starts with %s; save it as UTF-8 without BOM", marks[i].name);
        return 0;
}

int bk_reader_hex(struct bk_reader *in, struct bk_place escape, unsigned digits, unsigned *ret)
{
        unsigned value = 0;

        for (unsigned i = 0; i < digits; i++) {
                const char c = in->p < in->end ? *in->p : '\0';

                if (c >= '0' && c <= '9')
                        value = value * 16 + (unsigned)(c - '0');
                else if ((c | 32) >= 'a' && (c | 32) <= 'f')
                        value = value * 16 + (unsigned)((c | 32) - 'a' + 10);
                else
                        return bk_reader_fail(in, escape, "\\%s hexadecimal digits", digits == 4 ? "u needs four" : "U needs eight");
                bk_reader_advance(in, 1);
        }
        *ret = value;
        return 0;
}
