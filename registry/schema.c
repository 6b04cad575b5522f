/* The tables, and how an older registry becomes a newer one.
 *
 * A registry knows how many migrations it has had; each runs
 * once, in one transaction with that number. A released migration is never
 * edited: a change of the schema is a new row.
 *
 * Sizes decide the shape. An image has some 500 packages and there may be a
 * million images, but few distinct inventories: packages are interned, and a
 * whole inventory is a set that images share. Attributes repeat the name of
 * their image, which never changes, so that "name?key=value, newest first" is
 * one walk along one index. */
#include "registry/db.h"

static const char version_1[] =
        "CREATE TABLE layer ("
        " id INTEGER PRIMARY KEY,"
        " digest TEXT NOT NULL UNIQUE,"
        " backing INTEGER REFERENCES layer (id),"
        " size INTEGER NOT NULL CHECK (size >= 0),"
        " virtual_size INTEGER NOT NULL CHECK (virtual_size >= 0),"
        " depth INTEGER NOT NULL CHECK (depth >= 0),"
        " CHECK ((backing IS NULL) = (depth = 0))"
        ") STRICT;"
        "CREATE INDEX layer_by_backing ON layer (backing);"

        "CREATE TABLE package ("
        " id INTEGER PRIMARY KEY,"
        " ecosystem TEXT NOT NULL,"
        " name TEXT NOT NULL,"
        " version TEXT NOT NULL,"
        " architecture TEXT NOT NULL,"          /* '' where the ecosystem has none */
        " source TEXT NOT NULL,"
        " source_version TEXT NOT NULL,"
        " UNIQUE (name, version, architecture, ecosystem, source, source_version)"
        ") STRICT;"
        "CREATE INDEX package_by_source ON package (source, source_version);"
        "CREATE TABLE package_set ("
        " id INTEGER PRIMARY KEY,"
        " digest TEXT NOT NULL UNIQUE,"
        " n INTEGER NOT NULL"
        ") STRICT;"
        "CREATE TABLE package_member ("
        " package_set INTEGER NOT NULL REFERENCES package_set (id) ON DELETE CASCADE,"
        " package INTEGER NOT NULL REFERENCES package (id),"
        " PRIMARY KEY (package_set, package)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX package_member_by_package ON package_member (package);"

        /* AUTOINCREMENT: a sequence is never given twice, or "newest" would lie after a delete. */
        "CREATE TABLE image ("
        " sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
        " id TEXT NOT NULL UNIQUE,"
        " name TEXT NOT NULL,"
        " type TEXT NOT NULL,"
        " state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),"
        " layer INTEGER NOT NULL REFERENCES layer (id),"
        " ancestor INTEGER REFERENCES image (sequence) CHECK (ancestor < sequence),"
        " input_hash TEXT,"
        " size INTEGER NOT NULL CHECK (size >= 0),"
        " virtual_size INTEGER NOT NULL CHECK (virtual_size >= 0),"
        " created_at INTEGER NOT NULL,"
        " created_by TEXT,"
        " created_on TEXT,"
        " package_set INTEGER REFERENCES package_set (id)"
        ") STRICT;"
        "CREATE UNIQUE INDEX image_by_name ON image (name, sequence);"
        "CREATE INDEX image_by_input ON image (input_hash, name, sequence);"
        "CREATE INDEX image_by_layer ON image (layer);"
        "CREATE INDEX image_by_ancestor ON image (ancestor, sequence);"
        "CREATE INDEX image_by_package_set ON image (package_set);"

        "CREATE TABLE attribute ("
        " image INTEGER NOT NULL REFERENCES image (sequence) ON DELETE CASCADE,"
        " key TEXT NOT NULL,"
        " value TEXT NOT NULL,"
        " name TEXT NOT NULL,"                  /* of the image */
        " PRIMARY KEY (image, key)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX attribute_of_name ON attribute (name, key, value, image);"
        "CREATE INDEX attribute_of_any ON attribute (key, value, image);"

        /* Apart from the image's row, which queries walk over. */
        "CREATE TABLE document ("
        " image INTEGER PRIMARY KEY REFERENCES image (sequence) ON DELETE CASCADE,"
        " manifest TEXT NOT NULL,"
        " provenance TEXT"                      /* JSON */
        ") STRICT;"
        "CREATE TABLE verdict ("
        " image INTEGER NOT NULL REFERENCES image (sequence) ON DELETE CASCADE,"
        " position INTEGER NOT NULL,"
        " suite TEXT NOT NULL,"
        " name TEXT NOT NULL,"
        " verdict TEXT NOT NULL,"
        " message TEXT,"
        " duration_us INTEGER NOT NULL,"
        " PRIMARY KEY (image, position)"
        ") STRICT, WITHOUT ROWID;"

        "CREATE TABLE state_log ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " image INTEGER NOT NULL REFERENCES image (sequence) ON DELETE CASCADE,"
        " was INTEGER,"                         /* NULL at birth */
        " state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),"
        " at INTEGER NOT NULL,"
        " who TEXT NOT NULL,"
        " why TEXT"
        ") STRICT;"
        "CREATE INDEX state_log_by_image ON state_log (image, id);"

        "CREATE TABLE channel ("
        " name TEXT NOT NULL,"
        " channel TEXT NOT NULL,"
        " head INTEGER NOT NULL,"
        " PRIMARY KEY (name, channel),"
        " FOREIGN KEY (name, head) REFERENCES image (name, sequence)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX channel_by_head ON channel (head, name);"
        /* By digest, not by row: what a channel once pointed at is remembered after the image is gone. */
        "CREATE TABLE channel_log ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " name TEXT NOT NULL,"
        " channel TEXT NOT NULL,"
        " image TEXT NOT NULL,"
        " previous TEXT,"
        " at INTEGER NOT NULL,"
        " who TEXT NOT NULL,"
        " why TEXT"
        ") STRICT;"
        "CREATE INDEX channel_log_by_channel ON channel_log (name, channel, id);"
        "CREATE INDEX channel_log_by_image ON channel_log (image, id);";

static const char *const migrations[] = { version_1, reg_schema_life, reg_schema_use, reg_schema_advisories, reg_schema_prune,
                                         reg_schema_claim, reg_schema_noted, reg_schema_count, reg_schema_bakes,
                                         reg_schema_tally };
/* What SQL cannot do of a migration, right after it. */
static int (*const steps[sizeof migrations / sizeof *migrations])(struct reg *reg, struct bk_error *err) = {
        [1] = reg_rank_fill, [5] = reg_index_short_values, [6] = reg_advisories_note,
};
#define NEWEST ((int64_t)(sizeof migrations / sizeof *migrations))

static int version_of(struct reg *reg, int64_t *ret, struct bk_error *err)
{
        int64_t version = 0;

        if (reg->backend->version(reg, &version, err) < 0)
                return -1;
        if (version > NEWEST)
                return bk_fail(err, BK_CONFLICT,
                               "registry '%s' was made by a newer bakery (schema %lld, this one knows %lld); use that one",
                               reg->path, (long long)version, (long long)NEWEST);
        *ret = version;
        return 0;
}

int64_t reg_schema_newest(void)
{
        return NEWEST;
}

int reg_schema_migrate(struct reg *reg, int64_t from, int64_t to, struct bk_error *err)
{
        for (int64_t i = from; i < to; i++)
                if (reg->backend->migrate(reg, migrations[i], err) < 0 || (steps[i] != NULL && steps[i](reg, err) < 0))
                        return -1;
        return from < to ? reg->backend->set_version(reg, to, err) : 0;
}

static int migrate(struct reg *reg, struct bk_error *err)
{
        int64_t version = 0;
        autotxn txn = { 0 };

        /* Asked again under the lock: another process may have been first. */
        if (reg_txn_write(reg, &txn, err) < 0 || version_of(reg, &version, err) < 0 ||
            reg_schema_migrate(reg, version, NEWEST, err) < 0)
                return -1;
        return reg_txn_commit(&txn, err);
}

int reg_schema_ensure(struct reg *reg, struct bk_error *err)
{
        int64_t version = 0;

        if (version_of(reg, &version, err) < 0)
                return -1;
        if (version == NEWEST)
                return 0;
        if (reg->read_only)
                return bk_fail(err, BK_DENIED, "registry '%s' has schema %lld and needs %lld; open it once as its owner",
                               reg->path, (long long)version, (long long)NEWEST);
        if (migrate(reg, err) < 0)
                return bk_wrap(err, "schema %lld to %lld", (long long)version, (long long)NEWEST);
        return 0;
}
