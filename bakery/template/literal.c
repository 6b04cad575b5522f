/* Literals of Go's templates: "...", `...` and numbers. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bakery/template/template_priv.h"
#include "lib/buf.h"
#include "lib/cleanup.h"

static int give(struct tmpl_value *ret, enum tmpl_value_kind kind, char *text)
{
        *ret = (struct tmpl_value){ .kind = kind, .text = text };
        return 0;
}

static bool is_word(char c)
{
        return isalnum((unsigned char)c) || c == '_';
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        c |= 32;
        return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \x41, \u00e4, \U0001f600, \101: a number of exactly so many digits. */
static int read_numeric_escape(const char **p, struct bk_buf *buf, struct bk_error *err)
{
        const char kind = **p;
        const bool octal = kind >= '0' && kind <= '7';
        const int digits = octal ? 3 : kind == 'x' ? 2 : kind == 'u' ? 4 : 8;
        unsigned value = 0;

        *p += !octal;
        for (int i = 0; i < digits; i++, (*p)++) {
                const int digit = hex_digit(**p);

                if (digit < 0 || (octal && digit > 7))
                        return bk_fail(err, BK_INVALID, "\\%c in a string needs %d %s digits", kind, digits, octal ? "octal" : "hexadecimal");
                value = value * (octal ? 8 : 16) + (unsigned)digit;
        }
        if (value == 0)
                return bk_fail(err, BK_INVALID, "a NUL character in a string");
        if (octal || kind == 'x') {
                if (value > 0xff)
                        return bk_fail(err, BK_INVALID, "\\%o in a string is more than a byte", value);
                bk_buf_putc(buf, (char)value);
                return 0;
        }
        if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
                return bk_fail(err, BK_INVALID, "\\%c%0*x in a string is no code point", kind, digits, value);
        bk_buf_put_code_point(buf, value);
        return 0;
}

static int read_quoted(const char **p, struct tmpl_value *ret, struct bk_error *err)
{
        static const char from[] = "abfnrtv\\\"", to[] = "\a\b\f\n\r\t\v\\\"";
        BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };
        const char *found;

        for ((*p)++; **p != '"';) {
                if (**p == '\0' || **p == '\n')
                        return bk_fail(err, BK_INVALID, "a string is not closed; a text of several lines stands in `...`");
                if (**p != '\\') {
                        bk_buf_putc(&buf, *(*p)++);
                        continue;
                }
                (*p)++;
                if (**p != '\0' && strchr("01234567xuU", **p) != NULL) {
                        if (read_numeric_escape(p, &buf, err) < 0)
                                return -1;
                        continue;
                }
                found = **p != '\0' ? strchr(from, **p) : NULL;
                if (found == NULL)
                        return bk_fail(err, BK_INVALID, "unknown escape '\\%c' in a string; a text as it is stands in `...`", **p);
                bk_buf_putc(&buf, to[found - from]);
                (*p)++;
        }
        (*p)++;
        return give(ret, TMPL_V_STRING, bk_buf_finish(&buf));
}

static int read_raw(const char **p, struct tmpl_value *ret, struct bk_error *err)
{
        const char *const start = ++*p, *const end = strchr(start, '`');

        if (end == NULL)
                return bk_fail(err, BK_INVALID, "a text in `...` is not closed");
        *p = end + 1;
        return give(ret, TMPL_V_STRING, bk_strndup(start, (size_t)(end - start)));
}

/* Integers of 64 bits in base 2, 8, 10 or 16 with '_' between digits, and floats; printed as Go's %v does. */
static int read_number(const char **p, struct tmpl_value *ret, struct bk_error *err)
{
        autofree char *text = NULL;
        const char *const start = *p;
        const char *digits;
        size_t n = 0;
        char *end;
        long long whole;
        double real;
        int base = 0;

        *p += **p == '+' || **p == '-';
        while (is_word(**p) || **p == '.' || ((**p == '+' || **p == '-') && ((*p)[-1] | 32) == 'e'))
                (*p)++;
        text = bk_alloc((size_t)(*p - start) + 1);
        for (const char *from = start; from < *p; from++)
                if (*from != '_')
                        text[n++] = *from;
        digits = text + (*text == '+' || *text == '-');
        if (digits[0] == '0' && digits[1] != '\0' && strchr("bBoO", digits[1]) != NULL) {
                base = (digits[1] | 32) == 'b' ? 2 : 8;
                memmove(text + (digits - text), digits + 2, strlen(digits + 2) + 1);
        }
        errno = 0;
        whole = strtoll(text, &end, base);
        if (end != text && *end == '\0' && errno == 0 && isxdigit((unsigned char)*digits))
                return give(ret, TMPL_V_NUMBER, bk_format("%lld", whole));
        errno = 0;
        real = strtod(text, &end);
        if (base == 0 && end != text && *end == '\0' && isfinite(real) && strpbrk(text, ".eE") != NULL &&
            (isdigit((unsigned char)*digits) || *digits == '.'))
                return give(ret, TMPL_V_NUMBER, bk_format("%.15g", real));
        return bk_fail(err, BK_INVALID, "bad number '%.40s'", text);
}


bool tmpl_is_literal(const char *p)
{
        return *p == '"' || *p == '`' || isdigit((unsigned char)*p) || *p == '+' || *p == '-' ||
               (*p == '.' && isdigit((unsigned char)p[1]));
}

int tmpl_read_literal(const char **p, struct tmpl_value *ret, struct bk_error *err)
{
        if (**p == '"')
                return read_quoted(p, ret, err);
        return **p == '`' ? read_raw(p, ret, err) : read_number(p, ret, err);
}
