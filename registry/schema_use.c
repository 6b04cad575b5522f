/* The third migration: who uses images, who wants to hear of changes, and bakes that are under way. */
#include "registry/registry_priv.h"

const char reg_schema_use[] =
        /* Somebody uses an image. A source is what told of it: "libvirt:qemu:///system", "phone-home", "netboot", "report". */
        "CREATE TABLE launch ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " image INTEGER NOT NULL REFERENCES image (sequence) ON DELETE CASCADE,"
        " source TEXT NOT NULL,"
        " instance TEXT NOT NULL,"              /* what uses it: a domain's UUID, an instance-id, a MAC address */
        " name TEXT,"                           /* what people call it */
        " who TEXT NOT NULL,"
        " first_at INTEGER NOT NULL,"
        " last_at INTEGER NOT NULL,"            /* when it was last told of */
        " ended_at INTEGER,"                    /* NULL: as far as is known, it is there */
        " detail TEXT,"                         /* JSON */
        " UNIQUE (source, instance, image)"
        ") STRICT;"
        "CREATE INDEX launch_by_image ON launch (image, last_at);"
        "CREATE INDEX launch_living ON launch (ended_at, image);"

        /* How fresh that knowledge is. A source that cannot be asked keeps what it told before. */
        "CREATE TABLE usage_source ("
        " name TEXT NOT NULL PRIMARY KEY,"
        " asked_at INTEGER NOT NULL,"
        " ok_at INTEGER,"                       /* NULL: never */
        " count INTEGER NOT NULL,"              /* living references when it last answered */
        " previous INTEGER NOT NULL,"           /* and the time before */
        " error TEXT"                           /* NULL: it answered */
        ") STRICT;"

        "CREATE TABLE hook ("
        " id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " name TEXT NOT NULL UNIQUE,"
        " url TEXT NOT NULL,"
        " actions TEXT NOT NULL,"               /* patterns by commas: \"image.*,channel.assigned\" */
        " signed INTEGER NOT NULL,"             /* 1: its secret is in the state folder, hooks/NAME.secret: signing needs it as it is */
        " cursor INTEGER NOT NULL,"             /* the last event that was delivered, or passed over */
        " created_at INTEGER NOT NULL,"
        " created_by TEXT NOT NULL,"
        " failures INTEGER NOT NULL DEFAULT 0," /* in a row */
        " retry_at INTEGER,"
        " error TEXT"
        ") STRICT;"

        "CREATE TABLE bake ("
        " id TEXT NOT NULL PRIMARY KEY,"
        " name TEXT NOT NULL,"
        " template TEXT,"
        " builder TEXT NOT NULL,"
        " who TEXT NOT NULL,"
        " host TEXT NOT NULL,"
        " started_at INTEGER NOT NULL,"
        " ended_at INTEGER,"
        " status TEXT NOT NULL,"                /* running, ok, failed, aborted */
        " log TEXT,"                            /* below the state folder */
        " image TEXT,"                          /* the id that came of it */
        " build_url TEXT"
        ") STRICT;"
        "CREATE INDEX bake_by_start ON bake (started_at);";
