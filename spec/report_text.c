/* Text of specs and images, made fit for terminals and reports. */
#include "spec/report_priv.h"

#include <string.h>

#include "lib/utf8.h"

static unsigned code_point(const char *p, size_t length)
{
        static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
        unsigned ret = (unsigned char)p[0] & masks[length];

        for (size_t i = 1; i < length; i++)
                ret = ret << 6 | ((unsigned char)p[i] & 0x3f);
        return ret;
}

/* Controls of ASCII and of Latin-1 (U+009B begins a terminal's sequence as ESC [ does), ends of lines, and what turns the reading order. */
static bool steers(unsigned c)
{
        static const struct { unsigned first, last; } ranges[] = {
                { 0, 0x1f }, { 0x7f, 0x9f }, { 0x61c, 0x61c }, { 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2066, 0x2069 }, { 0xfeff, 0xfeff },
        };

        for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
                if (c >= ranges[i].first && c <= ranges[i].last)
                        return true;
        return false;
}

static void add_sign(struct bk_buf *out, unsigned c, int indent)
{
        if (c == '\n' && indent >= 0)
                bk_buf_printf(out, "\n%*s", indent, "");
        else if (c == '\n')
                bk_buf_puts(out, "\\n");
        else if (c == '\t')
                bk_buf_putc(out, ' ');
        else if (c < 0x100)
                bk_buf_printf(out, "\\x%02x", c);
        else
                bk_buf_printf(out, "\\u%04x", c);
}

void spec_text_add(struct bk_buf *out, const char *text, int indent)
{
        const char *const end = text != NULL ? text + strlen(text) : NULL;

        for (const char *p = text; p < end;) {
                const size_t length = bk_utf8_length(p, end);
                const unsigned c = length > 0 ? code_point(p, length) : 0xfffd;

                if (length == 0)
                        bk_buf_put_code_point(out, c);
                else if (steers(c))
                        add_sign(out, c, indent);
                else
                        bk_buf_add(out, p, length);
                p += length > 0 ? length : 1;
        }
}

char *spec_text_line(const char *text)
{
        struct bk_buf buf = { 0 };

        spec_text_add(&buf, text, -1);
        return bk_buf_finish(&buf);
}

char *spec_text_description(const struct spec_result *result)
{
        const bool grouped = result->group != NULL && *result->group, named = result->name != NULL && *result->name;
        struct bk_buf buf = { 0 };

        if (!grouped && !named) {
                spec_text_add(&buf, result->file, -1);
                bk_buf_puts(&buf, " loads");
        }
        spec_text_add(&buf, result->group, -1);
        if (grouped && named)
                bk_buf_putc(&buf, ' ');
        spec_text_add(&buf, result->name, -1);
        return bk_buf_finish(&buf);
}

char *spec_text_reason(const struct spec_result *result)
{
        const char *const message = result->message != NULL ? result->message : "";
        autofree char *first = bk_strndup(message, strcspn(message, "\n"));

        return spec_text_line(first);
}

double spec_text_impact(const struct spec_result *result)
{
        return result->impact >= 0 && result->impact <= 1 ? result->impact : -1;        /* a NaN is neither */
}

const char *spec_text_identity(const struct spec_target *target)
{
        return target != NULL && target->identity != NULL ? target->identity : "";
}

const char *spec_text_mode(const struct spec_target *target)
{
        return target != NULL && target->mode != NULL ? target->mode : "root";
}
