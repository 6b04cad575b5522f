/* Go's time layouts: instead of %Y-%m, the author writes how Mon Jan 2
 * 15:04:05 2006 would look. The rules are those of Go's time package: at each
 * place the longest element wins, and what is no element is itself. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "bakery/template/template_priv.h"
#include "lib/buf.h"

/* One element; strftime() does the work where it can. Longer ones come
 * before their beginnings. All times are UTC, so zones are constant. */
static const struct {
        const char *layout;
        const char *format;             /* for strftime, C locale */
        bool not_before_lower;          /* "Jan" is no element in "Janet" */
} elements[] = {
        { "January", "%B" }, { "Jan", "%b", true }, { "Monday", "%A" }, { "Mon", "%a", true }, { "MST", "UTC" },
        { "002", "%j" }, { "01", "%m" }, { "02", "%d" }, { "03", "%I" }, { "04", "%M" }, { "05", "%S" }, { "06", "%y" },
        { "15", "%H" }, { "1", "%-m" }, { "2006", "%Y" }, { "2", "%-d" },
        { "_2006", "_%Y" }, { "__2", "%_j" }, { "_2", "%e" },
        { "3", "%-I" }, { "4", "%-M" }, { "5", "%-S" }, { "PM", "%p" }, { "pm", "%P" },
        { "-07:00:00", "+00:00:00" }, { "-070000", "+000000" }, { "-07:00", "+00:00" }, { "-0700", "+0000" }, { "-07", "+00" },
        { "Z07:00:00", "Z" }, { "Z070000", "Z" }, { "Z07:00", "Z" }, { "Z0700", "Z" }, { "Z07", "Z" },
};

/* ".000" prints zeroes, ".999" drops trailing ones: of a whole second, all. */
static size_t fraction(const char *p, struct bk_buf *out)
{
        size_t n = 1;

        if ((*p != '.' && *p != ',') || (p[1] != '0' && p[1] != '9'))
                return 0;
        while (p[n] == p[1])
                n++;
        if (isdigit((unsigned char)p[n]))
                return 0;
        if (p[1] == '0')
                bk_buf_add(out, p, n);
        return n;
}

static size_t element(const char *p, const struct tm *tm, struct bk_buf *out)
{
        char text[64];

        for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
                const size_t length = strlen(elements[i].layout);

                if (strncmp(p, elements[i].layout, length) != 0)
                        continue;
                if (elements[i].not_before_lower && islower((unsigned char)p[length]))
                        continue;
                bk_buf_add(out, text, strftime(text, sizeof text, elements[i].format, tm));
                return length;
        }
        return fraction(p, out);
}

char *tmpl_go_time(const char *layout, time_t when)
{
        struct bk_buf out = { 0 };
        struct tm tm;

        (void)gmtime_r(&when, &tm);
        while (*layout != '\0') {
                const size_t used = element(layout, &tm, &out);

                if (used == 0)
                        bk_buf_putc(&out, *layout);
                layout += used ? used : 1;
        }
        return bk_buf_finish(&out);
}
