/* The seventh migration: since when advisories are known here. Not every feed says when it published what; that it was no later than it was
 * read here is then all that can be said of its age, and enough to say that it is old. */
#include "registry/registry_priv.h"

#include <time.h>

const char reg_schema_noted[] = "ALTER TABLE advisory ADD COLUMN noted_at INTEGER NOT NULL DEFAULT 0;";

/* Those that are here already are known at least since now. */
int reg_advisories_note(struct reg *reg, struct bk_error *err)
{
        return reg_sql_run(reg, err, "UPDATE advisory SET noted_at = ?", "i", (int64_t)time(NULL));
}
