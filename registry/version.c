/* One image of a version, for names where somebody asked for that.
 *
 * Two images of one name, version and architecture confuse everybody who says "nginx 1.2.3"; for other names, versions mean nothing. So it
 * is asked for in a publication, and binds both sides from then on: the one that asked, and whoever comes later. Images that are revoked
 * or in the trash do not count, so that a bad one can be baked again under its version. */
#include "registry/life_priv.h"
#include "registry/rank.h"

int reg_release_check(struct reg *reg, const struct reg_release *release, struct bk_error *err)
{
        static const char sql[] =
                "SELECT i.id FROM attribute v JOIN image i ON i.sequence = v.image WHERE v.name = ? AND v.key = 'version' "
                "AND v.rank = ? AND v.value = ? AND i.state < ? AND i.sequence <> ? AND (i.unique_version = 1 OR ? = 1) AND "
                "coalesce((SELECT a.value FROM attribute a WHERE a.image = i.sequence AND a.key = 'architecture'), '') = ? "
                "ORDER BY i.sequence DESC LIMIT 1";
        autofree char *other = NULL, *rank = NULL;
        const char *architecture = release->architecture == NULL ? "" : release->architecture;
        int status;

        if (release->version == NULL)
                return 0;
        rank = reg_rank(release->version);
        status = reg_sql_text(reg, &other, err, sql, "tttiiit", release->name, rank, release->version, (int64_t)REG_REVOKED, release->except,
                              (int64_t)release->unique, architecture);
        if (status <= 0)
                return status;
        return bk_fail(err, BK_CONFLICT, "'%s' has a living image of version '%.100s'%s%.100s already: '%s'; give the new one another version, "
                       "or revoke that one", release->name, release->version, *architecture == '\0' ? "" : " for ", architecture, other);
}

int reg_release_check_row(struct reg *reg, int64_t image, struct bk_error *err)
{
        static const char sql[] =
                "SELECT i.name, v.value, a.value, i.unique_version FROM image i JOIN attribute v ON v.image = i.sequence AND v.key = 'version' "
                "LEFT JOIN attribute a ON a.image = i.sequence AND a.key = 'architecture' WHERE i.sequence = ?";
        autofree char *name = NULL, *version = NULL, *architecture = NULL;
        autostmt *stmt = NULL;
        struct reg_release release;
        int status;

        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "i", image) < 0 ||
            (status = reg_sql_step(reg, stmt, err)) < 0)
                return -1;
        if (status == 0)
                return 0;
        name = reg_column(stmt, 0);
        version = reg_column(stmt, 1);
        architecture = reg_column(stmt, 2);
        release = (struct reg_release){ .name = name, .version = version, .architecture = architecture,
                                        .unique = reg_column_int(stmt, 3) != 0, .except = image };
        reg_sql_reset(stmt);
        return reg_release_check(reg, &release, err);
}
