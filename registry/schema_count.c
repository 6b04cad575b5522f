/* The eighth migration: under which name an advisory is counted. What Debian's tracker calls CVE-1 may be DSA-1 or GHSA-1 elsewhere, and
 * is one hole all the same; one that is about several CVEs is none of them. */
#include "registry/registry_priv.h"

const char reg_schema_count[] =
        "ALTER TABLE advisory ADD COLUMN counts_as TEXT NOT NULL DEFAULT '';"
        "UPDATE advisory SET counts_as = CASE WHEN substr(name, 1, 4) = 'CVE-' THEN name ELSE coalesce((SELECT min(l.alias) FROM advisory_alias l "
        "WHERE l.advisory = advisory.id AND substr(l.alias, 1, 4) = 'CVE-' GROUP BY l.advisory HAVING count(*) = 1), name) END;"
        "CREATE INDEX advisory_by_count ON advisory (counts_as);";
