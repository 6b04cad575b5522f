/* The log of all that changed: append-only, and chained by digests, so that what was taken out or changed shows. */
#include "registry/registry_priv.h"

#include <time.h>

#include "lib/digest.h"

static char *chain(const char *before, const struct reg_event *event, const char *detail, int64_t at)
{
        struct bk_hash *hash = bk_hash_new();
        autofree char *when = bk_format("%lld", (long long)at);

        bk_hash_add_field(hash, "before", before == NULL ? "" : before);
        bk_hash_add_field(hash, "at", when);
        bk_hash_add_field(hash, "who", event->who);
        bk_hash_add_field(hash, "action", event->action);
        bk_hash_add_field(hash, "subject", event->subject);
        bk_hash_add_field(hash, "name", event->name == NULL ? "" : event->name);
        bk_hash_add_field(hash, "why", event->why == NULL ? "" : event->why);
        bk_hash_add_field(hash, "detail", detail == NULL ? "" : detail);
        return bk_hash_finish(hash);
}

int reg_event_put(struct reg *reg, const struct reg_event *event, struct bk_error *err)
{
        static const char sql[] = "INSERT INTO event (at, who, action, subject, name, why, detail, digest) "
                                  "VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        autofree char *before = NULL, *detail = NULL, *digest = NULL;
        struct reg_event full = *event;
        const int64_t at = time(NULL);

        if (full.who == NULL || *full.who == '\0')
                full.who = "unknown";
        if (event->detail != NULL) {
                detail = json_dumps(event->detail, JSON_COMPACT | JSON_SORT_KEYS);
                if (detail == NULL)
                        return bk_fail(err, BK_INVALID, "the detail of '%s' cannot be written as JSON", event->action);
        }
        if (reg_sql_text(reg, &before, err, "SELECT digest FROM event ORDER BY id DESC LIMIT 1", "") < 0)
                return -1;
        digest = chain(before, &full, detail, at);
        return reg_sql_run(reg, err, sql, "ittttttt", at, full.who, full.action, full.subject, full.name, full.why, detail, digest);
}

int reg_event_index(struct reg *reg, int64_t *ret, struct bk_error *err)
{
        *ret = 0;
        return reg_sql_int(reg, ret, err, "SELECT max(id) FROM event", "") < 0 ? -1 : 0;
}
