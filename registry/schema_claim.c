/* The sixth migration: a hook is told by one server at a time, and PostgreSQL takes attributes of any length.
 *
 * A page of a PostgreSQL index holds no text of more than 2.6 KB. So its indexes of values leave out the long ones, which are rare, and
 * have an index without their text; select.c asks for either, so that both are used. SQLite's indexes take any text, and stay. */
#include "registry/db.h"

const char reg_schema_claim[] =
        "ALTER TABLE hook ADD COLUMN claimed_by TEXT;"          /* who sends just now; NULL: nobody */
        "ALTER TABLE hook ADD COLUMN claimed_until INTEGER;";   /* then it may be somebody else */

int reg_index_short_values(struct reg *reg, struct bk_error *err)
{
        autofree char *sql = reg->backend->short_values == NULL ? NULL : bk_format(
                "DROP INDEX attribute_of_name; DROP INDEX attribute_of_any;"
                "CREATE INDEX attribute_of_name ON attribute (name, key, value, image) WHERE %s;"
                "CREATE INDEX attribute_of_any ON attribute (key, value, image) WHERE %s;"
                "CREATE INDEX attribute_long ON attribute (key, image) WHERE NOT %s;",
                reg->backend->short_values, reg->backend->short_values, reg->backend->short_values);

        return sql == NULL ? 0 : reg_sql_script(reg, sql, err);
}
