/* Points in time as people and programs write them for what is to happen: "2006-01-02T15:04:05Z", or a day alone, which begins at midnight in
 * UTC. What has no day of its own ("30d") would be another moment each time that it is read. */
#include "registry/life_priv.h"

int reg_moment_parse(const char *text, int64_t *ret, struct bk_error *err)
{
        int64_t until = 0;

        return reg_date_parse(text, ret, &until) ? 0 :
               bk_fail(err, BK_INVALID, "'%.60s' is no time; write 2006-01-02T15:04:05Z, 2006-01-02T15:04:05+02:00, or 2006-01-02", text);
}
