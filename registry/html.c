/* Escaping, and how values look. */
#include "registry/html.h"

#include <stdarg.h>
#include <string.h>

#include "lib/fs.h"
#include "lib/http.h"
#include "lib/mem.h"
#include "lib/utf8.h"
#include "registry/registry_priv.h"

#define DASH "<span class=\"none\">\xe2\x80\x93</span>"
enum { DIGITS = 12, DEEP_MOST = 12 };

void reg_html_done(struct reg_html *html)
{
        bk_buf_done(&html->buf);
}

/* --- escaping ------------------------------------------------------------------------ */
static unsigned code_point(const char *p, size_t length)
{
        const unsigned char *c = (const unsigned char *)p;

        return length == 1 ? c[0] : length == 2 ? (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu) :
               length == 3 ? (c[0] & 0xfu) << 12 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu) : 0x10000;
}

/* Unicode's Bidi_Control, which would have text look like another text. */
static bool turns(unsigned c)
{
        return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

static void put_escaped(struct bk_buf *buf, char c)
{
        switch (c) {
        case '&': bk_buf_puts(buf, "&amp;"); break;
        case '<': bk_buf_puts(buf, "&lt;"); break;
        case '>': bk_buf_puts(buf, "&gt;"); break;
        case '"': bk_buf_puts(buf, "&quot;"); break;
        case '\'': bk_buf_puts(buf, "&#39;"); break;
        default: bk_buf_putc(buf, c);
        }
}

/* One character that can be shown, from p on; its length. */
static size_t put_visible(struct bk_buf *buf, const char *p, const char *end, bool escape)
{
        const size_t length = bk_utf8_length(p, end);
        const unsigned c = length > 0 ? code_point(p, length) : 0;

        if (length == 0)
                bk_buf_puts(buf, "\xef\xbf\xbd");
        else if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || turns(c))
                bk_buf_printf(buf, "[U+%04X]", c);
        else if (length == 1 && escape)
                put_escaped(buf, *p);
        else
                bk_buf_add(buf, p, length);
        return length > 0 ? length : 1;
}

static void put_text(struct reg_html *html, const char *text)
{
        const char *end = text == NULL ? NULL : text + strlen(text);

        for (const char *p = text; p < end;)
                p += put_visible(&html->buf, p, end, true);
}

/* One conversion, behind its '%'; what follows it. A va_list is passed on by its address, as it moves. */
static const char *convert(struct reg_html *html, const char *format, va_list *args)
{
        if (*format == 's')
                put_text(html, va_arg(*args, const char *));
        else if (*format == 'd')
                bk_buf_printf(&html->buf, "%d", va_arg(*args, int));
        else if (strncmp(format, "lld", 3) == 0)
                bk_buf_printf(&html->buf, "%lld", va_arg(*args, long long));
        else if (strncmp(format, "zu", 2) == 0)
                bk_buf_printf(&html->buf, "%zu", va_arg(*args, size_t));
        else
                bk_buf_putc(&html->buf, '%');
        return format + (*format == 'l' ? 3 : *format == 'z' ? 2 : 1);
}

void reg_html(struct reg_html *html, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        while (*format != '\0') {
                const size_t plain = strcspn(format, "%");

                bk_buf_add(&html->buf, format, plain);
                format += plain;
                if (*format == '%')
                        format = convert(html, format + 1, &args);
        }
        va_end(args);
}

/* --- values ---------------------------------------------------------------------------- */
void reg_html_text(struct reg_html *html, const json_t *value)
{
        autofree char *text = json_is_string(value) || value == NULL ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

        if (value == NULL || json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0))
                reg_html(html, DASH);
        else
                put_text(html, text != NULL ? text : json_string_value(value));
}

/* "3 h ago", "in 5 d". */
static char *age_of(int64_t seconds)
{
        static const struct { int64_t from, unit; const char *name; } units[] = {
                { 2 * 365 * 86400, 365 * 86400, "years" }, { 60 * 86400, 30 * 86400, "months" }, { 2 * 86400, 86400, "days" }, { 5400, 3600, "h" },
                { 90, 60, "min" }, { 0, 1, "s" },
        };
        const int64_t length = seconds < 0 ? -seconds : seconds;
        size_t i = 0;

        while (length < units[i].from)
                i++;
        const long long n = (long long)((length + units[i].unit / 2) / units[i].unit);

        return seconds < 0 ? bk_format("in %lld %s", n, units[i].name) : bk_format("%lld %s ago", n, units[i].name);
}

void reg_html_time(struct reg_html *html, const json_t *iso)
{
        const char *text = json_string_value(iso);
        int64_t low = 0, high = 0;

        if (text == NULL || strlen(text) != 20 || reg_time_parse(text, &low, &high, NULL) < 0) {
                reg_html_text(html, iso);
                return;
        }
        autofree char *age = age_of(html->now - low), *day = bk_strndup(text, 10), *hour = bk_strndup(text + 11, 8);

        reg_html(html, "<time datetime=\"%s\" title=\"%s\">%s %s <span class=\"age\">%s</span></time>", text, text, day, hour, age);
}

void reg_html_size(struct reg_html *html, const json_t *bytes)
{
        static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
        double size = json_number_value(bytes);
        size_t unit = 0;

        if (!json_is_number(bytes)) {
                reg_html_text(html, bytes);
                return;
        }
        for (; size >= 1024 && unit < 4; size /= 1024)
                unit++;
        autofree char *shown = bk_format(unit == 0 ? "%.0f" : "%.1f", size);

        reg_html(html, "<span class=\"n\" title=\"%lld bytes\">%s\xc2\xa0%s</span>", (long long)json_integer_value(bytes), shown, units[unit]);
}

void reg_html_word(struct reg_html *html, const json_t *word)
{
        const char *text = json_string_value(word);
        bool plain = text != NULL && *text != '\0';

        for (const char *p = text; plain && *p != '\0'; p++)
                plain = (*p >= 'a' && *p <= 'z') || *p == '-';
        if (plain)
                reg_html(html, "<span class=\"word %s\">%s</span>", text, text);
        else
                reg_html_text(html, word);
}

static void any(struct reg_html *html, const json_t *value, unsigned deep)
{
        const char *key;
        const json_t *item;
        size_t i;

        if (deep == DEEP_MOST || (!json_is_object(value) && !json_is_array(value))) {
                reg_html_text(html, value);
        } else if (json_object_size(value) + json_array_size(value) == 0) {
                reg_html(html, DASH);
        } else if (json_is_object(value)) {
                reg_html(html, "<dl>");
                json_object_foreach((json_t *)value, key, item) {
                        reg_html(html, "<div><dt>%s</dt><dd>", key);
                        any(html, item, deep + 1);
                        reg_html(html, "</dd></div>");
                }
                reg_html(html, "</dl>");
        } else {
                reg_html(html, "<ul>");
                json_array_foreach(value, i, item) {
                        reg_html(html, "<li>");
                        any(html, item, deep + 1);
                        reg_html(html, "</li>");
                }
                reg_html(html, "</ul>");
        }
}

void reg_html_any(struct reg_html *html, const json_t *value)
{
        any(html, value, 0);
}

/* --- links ------------------------------------------------------------------------------- */
/* A part of a path. A colon may stay as it is, and a digest looks better so. */
static void put_part(struct reg_html *html, const char *text)
{
        while (*text != '\0') {
                autofree char *piece = bk_strndup(text, strcspn(text, ":")), *escaped = bk_http_escape(piece);

                bk_buf_puts(&html->buf, escaped);
                for (text += strlen(piece); *text == ':'; text++)
                        bk_buf_putc(&html->buf, ':');
        }
}

void reg_html_link_to(struct reg_html *html, const char *text, const char *const *parts)
{
        reg_html(html, "<a href=\"%s", parts[0]);
        for (size_t i = 1; parts[i] != NULL; i++) {
                reg_html(html, "/");
                put_part(html, parts[i]);
        }
        reg_html(html, "\">%s</a>", text);
}

/* A digest's own digits; what is none stays. */
static const char *digits_of(const char *id)
{
        return strncmp(id, "sha256:", 7) == 0 ? id + 7 : id;
}

void reg_html_image(struct reg_html *html, const json_t *id)
{
        const char *text = json_string_value(id);

        if (text == NULL) {
                reg_html(html, DASH);
                return;
        }
        autofree char *digits = bk_strndup(digits_of(text), DIGITS);

        reg_html(html, "<a class=\"id\" href=\"/images/");
        put_part(html, text);
        reg_html(html, "\" title=\"%s\">%s</a>", text, digits);
}

void reg_html_named(struct reg_html *html, const json_t *id, const json_t *name)
{
        const char *text = json_string_value(id);

        if (text == NULL) {
                reg_html_text(html, name);
                return;
        }
        reg_html(html, "<a href=\"/images/");
        put_part(html, text);
        reg_html(html, "\" title=\"%s\">%s</a>", text, json_is_string(name) ? json_string_value(name) : text);
}

/* --- tables -------------------------------------------------------------------------------- */
/* Roles are said because styles that make cards of rows would take them away. */
void reg_html_table(struct reg_html *html, const char *caption, const struct reg_column *columns, const json_t *items, size_t most)
{
        const size_t n = json_array_size(items);

        reg_html(html, "<table role=\"table\"><caption>%s</caption><thead role=\"rowgroup\"><tr role=\"row\">", caption);
        for (const struct reg_column *c = columns; c->title != NULL; c++)
                reg_html(html, "<th scope=\"col\" role=\"columnheader\">%s</th>", c->title);
        reg_html(html, "</tr></thead><tbody role=\"rowgroup\">\n");
        for (size_t i = 0; i < n && i < most; i++) {
                const json_t *item = json_array_get(items, i);

                reg_html(html, "<tr role=\"row\">");
                for (const struct reg_column *c = columns; c->title != NULL; c++) {
                        reg_html(html, c == columns ? "<th scope=\"row\" role=\"rowheader\" data-name=\"%s\">" :
                                 "<td role=\"cell\" data-name=\"%s\">", c->title);
                        c->show(html, c->key == NULL ? item : json_object_get(item, c->key));
                        reg_html(html, c == columns ? "</th>" : "</td>");
                }
                reg_html(html, "</tr>\n");
        }
        reg_html(html, "</tbody></table>\n");
}

/* --- logs ------------------------------------------------------------------------------------- */
/* The length of the escape sequence at p (ECMA-48), where ESC is. */
static size_t escape_length(const char *p, const char *end)
{
        const char *start = p++;

        if (p < end && *p == '[') {
                for (p++; p < end && (*p < 0x40 || *p > 0x7e) && (unsigned char)*p >= 0x20; p++)
                        ;
        } else if (p < end && strchr("]PX^_", *p) != NULL && *p != '\0') {      /* a string, up to BEL or ESC \ */
                while (p < end && *p != '\a' && *p != '\n' && !(*p == '\033' && p + 1 < end && p[1] == '\\'))
                        p++;
                p += p < end && *p == '\033';
        } else {
                while (p < end && *p >= 0x20 && *p <= 0x2f)
                        p++;
        }
        return (size_t)(p - start) + (p < end && *p != '\n');
}

/* Back to where the last line begins, as a terminal's carriage return does before something is written. */
static void drop_line(struct bk_buf *buf, size_t from)
{
        while (buf->len > from && buf->data[buf->len - 1] != '\n')
                buf->len--;
}

static void drop_character(struct bk_buf *buf, size_t from)
{
        while (buf->len > from && ((unsigned char)buf->data[buf->len - 1] & 0xc0) == 0x80)
                buf->len--;
        if (buf->len > from && buf->data[buf->len - 1] != '\n')
                buf->len--;
}

void reg_terminal_text(const char *bytes, size_t length, struct bk_buf *ret)
{
        const char *end = bytes + length;
        const size_t from = ret->len;
        bool returned = false;

        bk_buf_puts(ret, "");
        for (const char *p = bytes; p < end;) {
                if (*p == '\033') {
                        p += escape_length(p, end);
                        continue;
                }
                if (*p == '\r' || *p == '\a' || *p == '\b') {
                        returned = returned || *p == '\r';
                        if (*p++ == '\b')
                                drop_character(ret, from);
                        continue;
                }
                if (returned && *p != '\n')
                        drop_line(ret, from);
                returned = false;
                p += put_visible(ret, p, end, false);
        }
        if (ret->data != NULL)
                ret->data[ret->len] = '\0';
}
