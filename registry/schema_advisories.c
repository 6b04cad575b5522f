/* The fourth migration: on which system packages are, advisories, and which packages they concern.
 *
 * A million images have few distinct packages. What is vulnerable is therefore said once of a package on a system, and
 * reaches images through their sets of packages: a new image costs a look at those of its packages that no image on that
 * system had before, a new advisory a look at the packages that it names. */
#include "registry/registry_priv.h"

const char reg_schema_advisories[] =
        "ALTER TABLE package_set ADD COLUMN os TEXT NOT NULL DEFAULT '';"       /* "debian:12"; '' where nobody knows */
        /* Images from before have Debian's packages, and say their release in an attribute where their template did. */
        "UPDATE package_set SET os = coalesce((SELECT max(CASE a.value"
        " WHEN 'buster' THEN 'debian:10' WHEN 'bullseye' THEN 'debian:11' WHEN 'bookworm' THEN 'debian:12' WHEN 'trixie' THEN 'debian:13'"
        " WHEN 'focal' THEN 'ubuntu:20.04' WHEN 'jammy' THEN 'ubuntu:22.04' WHEN 'noble' THEN 'ubuntu:24.04' ELSE '' END)"
        " FROM image i JOIN attribute a ON a.image = i.sequence AND a.key = 'release' WHERE i.package_set = package_set.id), '');"
        /* Each package on each system that it was ever seen on. */
        "CREATE TABLE package_on ("
        " package INTEGER NOT NULL REFERENCES package (id),"
        " os TEXT NOT NULL,"
        " PRIMARY KEY (package, os)"
        ") STRICT, WITHOUT ROWID;"
        "INSERT INTO package_on (package, os) SELECT DISTINCT m.package, s.os FROM package_member m JOIN package_set s ON s.id = m.package_set;"

        "CREATE TABLE advisory ("
        " id INTEGER PRIMARY KEY,"
        " feed TEXT NOT NULL,"                  /* 'osv', 'debian' */
        " name TEXT NOT NULL,"                  /* 'CVE-2024-1', 'GHSA-...' */
        " part TEXT NOT NULL,"                  /* the source package, in feeds that tell of each by itself; else '' */
        " digest TEXT NOT NULL,"                /* of what was read: the same again is left alone */
        " import TEXT NOT NULL,"                /* the one that saw it last */
        " summary TEXT NOT NULL,"
        " severity INTEGER NOT NULL,"           /* 0 unknown, 1 negligible, 2 low, 3 medium, 4 high, 5 critical */
        " score INTEGER NOT NULL,"              /* CVSS, in tenths; -1: none */
        " vector TEXT,"
        " published INTEGER,"
        " modified INTEGER,"
        " withdrawn INTEGER,"
        " UNIQUE (name, feed, part)"
        ") STRICT;"
        "CREATE INDEX advisory_by_feed ON advisory (feed, import);"
        "CREATE TABLE advisory_alias ("
        " advisory INTEGER NOT NULL REFERENCES advisory (id) ON DELETE CASCADE,"
        " alias TEXT NOT NULL,"
        " PRIMARY KEY (advisory, alias)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX advisory_alias_by_alias ON advisory_alias (alias);"
        "CREATE TABLE affected ("
        " id INTEGER PRIMARY KEY,"
        " advisory INTEGER NOT NULL REFERENCES advisory (id) ON DELETE CASCADE,"
        " ecosystem TEXT NOT NULL,"
        " os TEXT NOT NULL,"                    /* 'debian:12'; 'debian': all of its releases; '': languages' packages */
        " name TEXT NOT NULL,"                  /* of the source package */
        " severity INTEGER NOT NULL,"
        " ranges TEXT NOT NULL"                 /* see advisory_range.c */
        ") STRICT;"
        "CREATE INDEX affected_by_name ON affected (name, ecosystem, os);"
        "CREATE INDEX affected_by_advisory ON affected (advisory);"

        "CREATE TABLE vulnerable ("
        " package INTEGER NOT NULL REFERENCES package (id),"
        " os TEXT NOT NULL,"
        " affected INTEGER NOT NULL REFERENCES affected (id) ON DELETE CASCADE,"
        " fixed TEXT,"                          /* the version that is not; NULL: none is known */
        " PRIMARY KEY (package, os, affected)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX vulnerable_by_affected ON vulnerable (affected);"
        /* What an import that is under way has changed; events are made of it at its end. */
        "CREATE TABLE vulnerable_change ("
        " package INTEGER NOT NULL,"
        " os TEXT NOT NULL,"
        " advisory TEXT NOT NULL,"
        " severity INTEGER NOT NULL,"
        " found INTEGER NOT NULL,"              /* 1; 0: it is gone */
        " PRIMARY KEY (package, os, advisory)"
        ") STRICT, WITHOUT ROWID;";
