/* When a grace ends. Days are UTC's. */
#include "janitor/rules.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
        DAY = 86400,
        DAYS_MOST = 36600,              /* who has made every day a holiday waits for a hundred years, not for ever */
};

/* day: days since 1970. */
static bool is_business_day(const struct janitor_settings *settings, int64_t day)
{
        const unsigned weekday = (unsigned)(((day + 3) % 7 + 7) % 7);           /* 1970-01-01 was a Thursday; 0 is Monday */
        const time_t moment = (time_t)(day * DAY);
        struct tm tm = { 0 };
        char date[32];

        if (!(settings->business_days >> weekday & 1))
                return false;
        if (settings->holidays.n == 0 || gmtime_r(&moment, &tm) == NULL || strftime(date, sizeof date, "%Y-%m-%d", &tm) != 10)
                return true;
        return !bk_strv_has(&settings->holidays, date) && !bk_strv_has(&settings->holidays, date + 5);
}

/* The day on which `from` lies, rounded down. */
static int64_t day_of(int64_t from)
{
        return from / DAY - (from % DAY < 0);
}

int64_t janitor_grace_end(const struct janitor_settings *settings, const struct janitor_grace *grace, int64_t from)
{
        int64_t day = day_of(from) + 1;
        unsigned left = grace->business_days;

        if (left == 0)
                return from > INT64_MAX - grace->seconds ? INT64_MAX : from + grace->seconds;
        for (int i = 0; left > 0 && i < DAYS_MOST; i++, day++)
                left -= is_business_day(settings, day);
        return day * DAY;
}
