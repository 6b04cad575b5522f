/* A PostgreSQL server for the tests of one program, or the one that tests/run started for all; each test has a schema of its own. */
#pragma once
#include "tests/unit/folder.h"

#include "lib/run.h"
#include "registry/registry_priv.h"

#define POSTGRES_SCRIPT "tests/postgres"

/* Where its socket is. NULL: there is no server here, and none was required. */
static inline const char *postgres_folder(void);

static char *postgres_own;              /* the folder of a server that this program started */
static pid_t postgres_owner;

static inline void postgres_stop(void)
{
        const char *const argv[] = { POSTGRES_SCRIPT, "stop", postgres_own, NULL };

        /* Not by a child of it. What is left in any case ends with us. */
        if (getpid() == postgres_owner && bk_run(argv, 60000, NULL, NULL) < 0)
                print_message("# '%s' is left\n", postgres_own);
}

static inline const char *postgres_folder(void)
{
        const char *const here[] = { POSTGRES_SCRIPT, "here", NULL };
        const char *given = getenv("TEST_POSTGRES"), *require = getenv("BAKERY_REQUIRE");
        struct bk_error err = { 0 };

        if (given != NULL || postgres_own != NULL)
                return given != NULL ? given : postgres_own;
        if (bk_run(here, 60000, NULL, &err) < 0) {
                if (require != NULL && strstr(require, "postgres") != NULL)
                        fail_msg("postgres is required and not here");
                return NULL;
        }
        postgres_own = folder_new();
        postgres_owner = getpid();

        autofree char *owner = bk_format("%d", (int)getpid());
        const char *const argv[] = { POSTGRES_SCRIPT, "start", postgres_own, NULL };

        assert_int_equal(setenv("OWNER", owner, 1), 0);
        (void)atexit(postgres_stop);
        assert_ok(bk_run(argv, 300000, NULL, &err), err);
        return postgres_own;
}

/* The URL of a schema; the caller's. */
static inline char *postgres_url(const char *schema)
{
        return bk_format("postgresql://bakery@/postgres?host=%s&options=-csearch_path%%3D%s", postgres_folder(), schema);
}

static inline void postgres_script(const char *sql)
{
        const char *const argv[] = { "psql", "-X", "-q", "-h", postgres_folder(), "-U", "bakery", "-v", "ON_ERROR_STOP=1", "-c", sql,
                                     "postgres", NULL };
        struct bk_error err = { 0 };

        assert_ok(bk_run(argv, 60000, NULL, &err), err);
}

/* An empty schema, which BAKERY_DB names from now on. Its name is the caller's. */
static inline char *postgres_schema_new(void)
{
        static unsigned n;
        char *schema = bk_format("t%d_%u", (int)getpid(), n++);
        autofree char *sql = bk_format("CREATE SCHEMA %s", schema), *url = postgres_url(schema);

        postgres_script(sql);
        assert_int_equal(setenv("BAKERY_DB", url, 1), 0);
        return schema;
}

static inline void postgres_schema_drop(const char *schema)
{
        autofree char *sql = bk_format("SET client_min_messages = warning; DROP SCHEMA %s CASCADE", schema);

        assert_int_equal(unsetenv("BAKERY_DB"), 0);
        postgres_script(sql);
}
