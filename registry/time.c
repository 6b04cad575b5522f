/* Moments as people write them. What is written with less precision stands for all of it: "2024-05" is the whole of May. UTC,
 * unless an offset is written. */
#include "registry/registry_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* "", "Z", "+02:00"; false for anything else. */
static bool offset(const char *text, int64_t *ret)
{
        const int sign = *text == '-' ? -1 : 1;
        int hours, minutes;

        *ret = 0;
        if (*text == '\0' || strcmp(text, "Z") == 0)
                return true;
        if (*text != '+' && *text != '-')
                return false;
        text = number(text + 1, 2, &hours);
        if (text == NULL || *text != ':')
                return false;
        text = number(text + 1, 2, &minutes);
        *ret = sign * (hours * 3600 + minutes * 60);
        return text != NULL && *text == '\0' && hours < 24 && minutes < 60;
}

static bool date(const char *text, int64_t *low, int64_t *high)
{
        struct tm from = { .tm_mday = 1 }, until;
        int64_t shift = 0;
        int *step = &until.tm_mon;

        text = number(text, 4, &from.tm_year);
        if (text == NULL || *text != '-' || (text = number(text + 1, 2, &from.tm_mon)) == NULL)
                return false;
        from.tm_year -= 1900;
        from.tm_mon--;
        if (*text == '-') {
                step = &until.tm_mday;
                if ((text = number(text + 1, 2, &from.tm_mday)) == NULL)
                        return false;
        }
        if (*text == 'T' || *text == ' ') {
                step = &until.tm_min;
                if ((text = number(text + 1, 2, &from.tm_hour)) == NULL || *text != ':' || (text = number(text + 1, 2, &from.tm_min)) == NULL)
                        return false;
                if (*text == ':') {
                        step = &until.tm_sec;
                        if ((text = number(text + 1, 2, &from.tm_sec)) == NULL)
                                return false;
                }
                if (!offset(text, &shift))
                        return false;
                text = "";
        }
        if (*text != '\0' || from.tm_mon < 0 || from.tm_mon > 11 || from.tm_mday < 1 || from.tm_mday > 31 || from.tm_hour > 23 ||
            from.tm_min > 59 || from.tm_sec > 60)
                return false;
        until = from;
        ++*step;
        *low = timegm(&from) - shift;
        *high = timegm(&until) - shift;
        return true;
}

/* "30d": the moment thirty days before now; "1700000000": seconds of 1970. */
static bool count(const char *text, int64_t now, int64_t *ret)
{
        const size_t digits = strspn(text, "0123456789");
        const int64_t n = digits > 0 && digits <= 11 ? strtoll(text, NULL, 10) : -1;

        if (n < 0)
                return false;
        *ret = n;
        if (text[digits] == '\0')
                return true;
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

        if (date(text, &from, &until)) {
                *low = from;
                *high = until;
                return 0;
        }
        if (!bk_streq(text, "now") && !count(text, now, &from))
                return bk_fail(err, BK_INVALID, "'%.100s' is no time; write 2024-05-01, 2024-05-01T10:00:00Z, an age such as 30d "
                               "(s, m, h, d, w, y), or now", text);
        *low = from;
        *high = from + 1;
        return 0;
}
