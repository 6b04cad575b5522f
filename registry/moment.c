/* Points in time as people and programs write them for what is to happen: "2006-01-02T15:04:05Z", or a day alone, which begins at midnight in
 * UTC. More is asked of them than of times in queries, as they cannot be taken back: a day is named, and whose clock it is. What has no day of
 * its own ("30d") would be another moment each time that it is read. */
#include "registry/life_priv.h"

#include <string.h>

enum { DAY_LENGTH = 10, DAY_S = 86400 };

static bool has_zone(const char *clock)
{
        return strpbrk(clock, "Z+-") != NULL;
}

int reg_moment_parse(const char *text, int64_t *ret, struct bk_error *err)
{
        int64_t moment = 0, until = 0;

        if (!reg_date_parse(text, &moment, &until) || until - moment > DAY_S || (strlen(text) > DAY_LENGTH && !has_zone(text + DAY_LENGTH)))
                return bk_fail(err, BK_INVALID, "'%.60s' is no time; write 2006-01-02T15:04:05Z, 2006-01-02T15:04:05+02:00, or 2006-01-02", text);
        *ret = moment;
        return 0;
}
