/* Moments as people write them. What is written with less precision stands for all of it: "2024-05" is the whole of May, "2024" the year. UTC,
 * unless an offset is written. */
#include "registry/registry_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECONDS_DIGITS 9

static const struct { char letter; int64_t seconds; } units[] = {
        { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { 'w', 7 * 86400 }, { 'y', 365 * 86400 },
};

/* Exactly n digits; the rest of the text, or NULL. */
static const char *number(const char *text, int n, int *ret)
{
        *ret = 0;
        for (int i = 0; i < n; i++) {
                if (!isdigit((unsigned char)text[i]))
                        return NULL;
                *ret = *ret * 10 + (text[i] - '0');
        }
        return text + n;
}

/* "", "Z", "+02:00", "+0200", "+02"; false for anything else. */
static bool offset(const char *text, int64_t *ret)
{
        const int sign = *text == '-' ? -1 : 1;
        int hours, minutes = 0;

        *ret = 0;
        if (*text == '\0' || strcmp(text, "Z") == 0)
                return true;
        if ((*text != '+' && *text != '-') || (text = number(text + 1, 2, &hours)) == NULL)
                return false;
        if (*text != '\0' && (text = number(text + (*text == ':'), 2, &minutes)) == NULL)
                return false;
        *ret = sign * (hours * 3600 + minutes * 60);
        return *text == '\0' && hours < 24 && minutes < 60;
}

/* ":30", ":30.123456"; of a fraction nothing is kept, as nothing here is told more precisely than by seconds. */
static const char *seconds(const char *text, int *ret)
{
        text = number(text + 1, 2, ret);
        if (text == NULL || (*text != '.' && *text != ','))
                return text;
        return isdigit((unsigned char)text[1]) ? text + 1 + strspn(text + 1, "0123456789") : NULL;
}

/* Behind a day: "T10:00", "T10:00:00", "T10:00:00.123+02:00". */
static bool clock_time(const char *text, struct tm *tm, bool *ret_seconds, int64_t *ret_shift)
{
        *ret_seconds = false;
        if ((text = number(text + 1, 2, &tm->tm_hour)) == NULL || *text != ':' || (text = number(text + 1, 2, &tm->tm_min)) == NULL)
                return false;
        if (*text == ':') {
                *ret_seconds = true;
                if ((text = seconds(text, &tm->tm_sec)) == NULL)
                        return false;
        }
        return offset(text, ret_shift) && tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= (tm->tm_min == 59 ? 60 : 59);
}

/* timegm() takes a 31st of February. */
static bool day_exists(const struct tm *tm)
{
        struct tm day = { .tm_year = tm->tm_year, .tm_mon = tm->tm_mon, .tm_mday = tm->tm_mday };

        (void)timegm(&day);
        return day.tm_mon == tm->tm_mon && day.tm_mday == tm->tm_mday;
}

bool reg_date_parse(const char *text, int64_t *low, int64_t *high)
{
        struct tm from = { .tm_mday = 1 }, until;
        int *step = &until.tm_year;
        bool to_the_second = false;
        int64_t shift = 0;

        if ((text = number(text, 4, &from.tm_year)) == NULL)
                return false;
        from.tm_year -= 1900;
        if (*text == '-') {
                step = &until.tm_mon;
                if ((text = number(text + 1, 2, &from.tm_mon)) == NULL)
                        return false;
                from.tm_mon--;
                if (*text == '-') {
                        step = &until.tm_mday;
                        if ((text = number(text + 1, 2, &from.tm_mday)) == NULL)
                                return false;
                }
        }
        if (step == &until.tm_mday && (*text == 'T' || *text == ' ')) {
                if (!clock_time(text, &from, &to_the_second, &shift))
                        return false;
                step = to_the_second ? &until.tm_sec : &until.tm_min;
                text = "";
        }
        if (*text != '\0' || from.tm_mon < 0 || !day_exists(&from))
                return false;
        until = from;
        ++*step;
        *low = timegm(&from) - shift;
        *high = timegm(&until) - shift;
        return true;
}

/* "30d": the moment thirty days before now; "1700000000": seconds since 1970. Fewer digits are hardly meant so: of the spring of 1973 and
 * before there is nothing to ask, and "20240501" is a day. */
static bool count(const char *text, int64_t now, int64_t *ret)
{
        const size_t digits = strspn(text, "0123456789");
        const int64_t n = digits > 0 && digits <= 11 ? strtoll(text, NULL, 10) : -1;

        if (n < 0)
                return false;
        *ret = n;
        if (text[digits] == '\0')
                return digits >= SECONDS_DIGITS;
        for (size_t i = 0; i < sizeof units / sizeof *units; i++)
                if (text[digits] == units[i].letter && text[digits + 1] == '\0' && n <= now / units[i].seconds) {
                        *ret = now - n * units[i].seconds;
                        return true;
                }
        return false;
}

int reg_time_parse(const char *text, int64_t *low, int64_t *high, struct bk_error *err)
{
        return reg_time_parse_from(text, time(NULL), low, high, err);
}

int reg_time_parse_from(const char *text, int64_t now, int64_t *low, int64_t *high, struct bk_error *err)
{
        int64_t from = now, until = 0;

        if (reg_date_parse(text, &from, &until)) {
                *low = from;
                *high = until;
                return 0;
        }
        if (!bk_streq(text, "now") && !count(text, now, &from))
                return bk_fail(err, BK_INVALID, "'%.100s' is no time; write 2024, 2024-05-01, 2024-05-01T10:00:00Z, an age such as 30d "
                               "(s, m, h, d, w, y), or now", text);
        *low = from;
        *high = from + 1;
        return 0;
}
