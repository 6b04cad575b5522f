/* The life of an image. The log says who moved it, when and why; it is written
 * in the transaction that moves it. */
#include "registry/registry_priv.h"

#include <string.h>
#include <time.h>

static const char *const names[] = {
        [REG_BAKED] = "baked", [REG_TESTED] = "tested", [REG_PROMOTED] = "promoted",
        [REG_DEPRECATED] = "deprecated", [REG_REVOKED] = "revoked", [REG_TRASHED] = "trashed",
};
#define N_STATES (sizeof names / sizeof *names)

const char *reg_state_name(enum reg_state state)
{
        return (size_t)state < N_STATES ? names[state] : "unknown";
}

int reg_state_parse(const char *name, enum reg_state *ret, struct bk_error *err)
{
        for (size_t i = 0; i < N_STATES; i++)
                if (strcmp(names[i], name) == 0) {
                        *ret = (enum reg_state)i;
                        return 0;
                }
        return bk_fail(err, BK_INVALID, "unknown state '%.100s'; there are baked, tested, promoted, deprecated, revoked, "
                       "trashed", name);
}

int reg_state_log(struct reg *reg, int64_t image, int64_t was, enum reg_state now, const char *who, const char *why,
                  struct bk_error *err)
{
        static const char sql[] = "INSERT INTO state_log (image, was, state, at, who, why) "
                                  "VALUES (?, nullif(?, -1), ?, ?, coalesce(?, 'unknown'), ?)";

        return reg_sql_run(reg, err, sql, "iiiitt", image, was, (int64_t)now, (int64_t)time(NULL), who, why);
}

int reg_set_state(struct reg *reg, const char *id, enum reg_state state, const char *who, const char *why,
                  struct bk_error *err)
{
        enum reg_state was = REG_BAKED;
        int64_t image = 0;
        autotxn txn = { 0 };

        if ((size_t)state >= N_STATES)
                return bk_fail(err, BK_INVALID, "there is no state %d", (int)state);
        if (who == NULL || *who == '\0')
                return bk_fail(err, BK_INVALID, "image '%s': a state is changed by somebody; say who", id);
        if (reg_txn_write(reg, &txn, err) < 0 || reg_image_find(reg, id, &image, &was, err) < 0)
                return -1;
        if (was == state)
                return 0;               /* said twice, done once: a repeated job does not fail */
        if (state < was && (why == NULL || *why == '\0'))
                return bk_fail(err, BK_CONFLICT, "image '%s' is %s; going back to %s needs a reason", id, names[was],
                               names[state]);
        if (reg_sql_run(reg, err, "UPDATE image SET state = ? WHERE sequence = ?", "ii", (int64_t)state, image) < 0 ||
            reg_state_log(reg, image, was, state, who, why, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}
