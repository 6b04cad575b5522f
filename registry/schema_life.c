/* The second migration: what happens to images after they were published. The event log, tags and their history, revocations,
 * restricted channels, tokens, signatures, and the memory of images that are gone. */
#include "registry/registry_priv.h"

const char reg_schema_life[] =
        /* Everything that changed, in order. The registry's index is its highest id; webhooks and long polls follow it. */
        "CREATE TABLE event ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " at INTEGER NOT NULL,"
        " who TEXT NOT NULL,"
        " action TEXT NOT NULL,"
        " subject TEXT NOT NULL,"
        " name TEXT,"                           /* of an image */
        " why TEXT,"
        " detail TEXT,"                         /* JSON */
        " digest TEXT NOT NULL"                 /* of the row before and of this one */
        ") STRICT;"
        "CREATE INDEX event_by_subject ON event (subject, id);"

        /* The last that was known of an image that was deleted. */
        "CREATE TABLE gone ("
        " id TEXT PRIMARY KEY,"
        " sequence INTEGER NOT NULL,"
        " name TEXT NOT NULL,"
        " at INTEGER NOT NULL,"
        " who TEXT NOT NULL,"
        " why TEXT,"
        " record TEXT NOT NULL"                 /* JSON: its summary */
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX gone_by_name ON gone (name, sequence);"

        /* rank is the value as bytes that sort as versions, dates and numbers do; '' until it is filled. */
        "ALTER TABLE attribute ADD COLUMN rank TEXT NOT NULL DEFAULT '';"
        "CREATE INDEX attribute_by_rank ON attribute (key, rank, image);"
        "CREATE TABLE attribute_log ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " image INTEGER NOT NULL REFERENCES image (sequence) ON DELETE CASCADE,"
        " key TEXT NOT NULL,"
        " was TEXT,"                            /* NULL: it was not there */
        " value TEXT,"                          /* NULL: it was removed */
        " at INTEGER NOT NULL,"
        " who TEXT NOT NULL,"
        " why TEXT"
        ") STRICT;"
        "CREATE INDEX attribute_log_by_image ON attribute_log (image, id);"

        /* One row an image that a revocation reaches; those that inherit it name its origin. */
        "CREATE TABLE revocation ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " image INTEGER NOT NULL REFERENCES image (sequence) ON DELETE CASCADE,"
        " origin TEXT NOT NULL,"                /* the id of the image that was revoked itself */
        " at INTEGER NOT NULL,"                 /* when it takes effect; may be to come */
        " done INTEGER NOT NULL DEFAULT 0,"     /* 1: it has taken effect */
        " spreads INTEGER NOT NULL DEFAULT 1,"  /* 1: what stands on it inherits it */
        " noted_at INTEGER NOT NULL,"
        " who TEXT NOT NULL,"
        " why TEXT NOT NULL,"
        " lifted_at INTEGER,"
        " lifted_by TEXT,"
        " lifted_why TEXT"
        ") STRICT;"
        "CREATE INDEX revocation_by_image ON revocation (image, id);"
        "CREATE INDEX revocation_due ON revocation (at) WHERE done = 0;"
        "CREATE INDEX revocation_by_origin ON revocation (origin, image);"
        /* Images that were revoked before there was this table: on grounds of their own, inherited by nobody. */
        "INSERT INTO revocation (image, origin, at, done, spreads, noted_at, who, why) "
        "SELECT i.sequence, i.id, l.at, 1, 0, l.at, l.who, coalesce(l.why, '') FROM image i JOIN state_log l ON l.id = "
        "(SELECT max(m.id) FROM state_log m WHERE m.image = i.sequence AND m.state = 4) WHERE i.state = 4;"

        /* 1: no other living image of its name has its version and architecture. */
        "ALTER TABLE image ADD COLUMN unique_version INTEGER NOT NULL DEFAULT 0;"

        "ALTER TABLE channel ADD COLUMN restricted INTEGER NOT NULL DEFAULT 0;"

        "CREATE TABLE token ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " name TEXT NOT NULL UNIQUE,"
        " role INTEGER NOT NULL,"
        " hash TEXT NOT NULL UNIQUE,"           /* the token itself is shown once and kept nowhere */
        " created_at INTEGER NOT NULL,"
        " created_by TEXT NOT NULL,"
        " expires_at INTEGER,"
        " used_at INTEGER,"
        " revoked_at INTEGER"
        ") STRICT;"

        "CREATE TABLE signature ("
        " image INTEGER NOT NULL REFERENCES image (sequence) ON DELETE CASCADE,"
        " key_id TEXT NOT NULL,"
        " text TEXT NOT NULL,"                  /* a .minisig file */
        " at INTEGER NOT NULL,"
        " PRIMARY KEY (image, key_id)"
        ") STRICT, WITHOUT ROWID;"
        /* The statement of provenance, signed: a DSSE envelope. */
        "CREATE TABLE attestation ("
        " image INTEGER NOT NULL REFERENCES image (sequence) ON DELETE CASCADE,"
        " key_id TEXT NOT NULL,"
        " text TEXT NOT NULL,"
        " at INTEGER NOT NULL,"
        " PRIMARY KEY (image, key_id)"
        ") STRICT, WITHOUT ROWID;"
        /* The registry's index, signed. Only the newest is kept; its number only grows. */
        "CREATE TABLE signed_index ("
        " number INTEGER PRIMARY KEY,"
        " at INTEGER NOT NULL,"
        " expires_at INTEGER NOT NULL,"
        " key_id TEXT NOT NULL,"
        " text TEXT NOT NULL,"
        " signature TEXT NOT NULL"
        ") STRICT;";
