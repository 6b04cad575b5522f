/* Points in time as people and programs write them: "2006-01-02T15:04:05Z", or a day alone, which begins at midnight in UTC. */
#include "registry/life_priv.h"

#include <string.h>
#include <time.h>

#include "lib/fs.h"

int reg_moment_parse(const char *text, int64_t *ret, struct bk_error *err)
{
        static const struct { const char *form; size_t length; } forms[] = { { "%Y-%m-%dT%H:%M:%SZ", 20 }, { "%Y-%m-%d", 10 } };

        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
                struct tm tm = { 0 };
                const char *end = strlen(text) == forms[i].length ? strptime(text, forms[i].form, &tm) : NULL;
                autofree char *again = NULL;
                int64_t moment;

                if (end == NULL || *end != '\0')
                        continue;
                moment = timegm(&tm);
                /* strptime() takes a 31st of February, and blanks. */
                again = bk_iso_time(moment);
                if (strncmp(again, text, forms[i].length) != 0)
                        break;
                *ret = moment;
                return 0;
        }
        return bk_fail(err, BK_INVALID, "'%.60s' is no time; write 2006-01-02T15:04:05Z, or 2006-01-02", text);
}
