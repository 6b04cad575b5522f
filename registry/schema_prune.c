/* The fifth migration: how images leave. Who asked for one to stay, what waits for its grace to end, what lies in the trash until when,
 * blobs that no image needs any more, and what the janitor did. */
#include "registry/registry_priv.h"

const char reg_schema_prune[] =
        /* 1: offered to nobody; found by its digest. */
        "ALTER TABLE image ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;"

        /* Few images have one, and of all images at once it is asked which. */
        "CREATE INDEX verdict_failed ON verdict (image) WHERE verdict = 'failed';"

        /* Somebody asked for it to stay. */
        "CREATE TABLE keep ("
        " image INTEGER PRIMARY KEY REFERENCES image (sequence) ON DELETE CASCADE,"
        " until INTEGER,"                       /* NULL: for ever */
        " at INTEGER NOT NULL,"
        " who TEXT NOT NULL,"
        " why TEXT"
        ") STRICT;"

        /* Every image in the trash has a row. */
        "CREATE TABLE trash ("
        " image INTEGER PRIMARY KEY REFERENCES image (sequence) ON DELETE CASCADE,"
        " at INTEGER NOT NULL,"
        " purge_at INTEGER NOT NULL"            /* not before */
        ") STRICT;"
        /* Those that lie there already get a week, as those that come will. */
        "INSERT INTO trash (image, at, purge_at) SELECT i.sequence, l.at, l.at + 604800 FROM image i JOIN state_log l ON l.id = "
        "(SELECT max(m.id) FROM state_log m WHERE m.image = i.sequence AND m.state = 5) WHERE i.state = 5;"

        /* What a rule has found, while its grace runs. */
        "CREATE TABLE mark ("
        " image INTEGER NOT NULL REFERENCES image (sequence) ON DELETE CASCADE,"
        " rule TEXT NOT NULL,"
        " action TEXT NOT NULL,"
        " marked_at INTEGER NOT NULL,"
        " due_at INTEGER,"                      /* NULL: the grace begins when somebody was told */
        " told_at INTEGER,"                     /* NULL: nobody yet */
        " told TEXT,"                           /* whom, how */
        " PRIMARY KEY (image, rule)"
        ") STRICT, WITHOUT ROWID;"
        /* The words that were sent, each of one image: several people may be told, and more than once. */
        "CREATE TABLE opt_out ("
        " hash TEXT PRIMARY KEY,"               /* the word itself is kept nowhere */
        " image INTEGER NOT NULL REFERENCES image (sequence) ON DELETE CASCADE,"
        " rule TEXT NOT NULL,"
        " at INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX opt_out_by_image ON opt_out (image);"

        /* Blobs that no row names any more, until they are removed. */
        "CREATE TABLE doomed ("
        " digest TEXT PRIMARY KEY,"
        " size INTEGER NOT NULL,"
        " at INTEGER NOT NULL"
        ") STRICT, WITHOUT ROWID;"

        "CREATE TABLE janitor_run ("
        " number INTEGER PRIMARY KEY AUTOINCREMENT,"
        " started_at INTEGER NOT NULL,"
        " ended_at INTEGER,"                    /* NULL: it runs, or was killed */
        " who TEXT NOT NULL,"
        " rules TEXT NOT NULL,"                 /* their digest */
        " status TEXT NOT NULL,"                /* running, ok, failed, stopped, aborted */
        " counts TEXT"                          /* JSON */
        ") STRICT;";
