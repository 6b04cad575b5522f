/* What only PostgreSQL can do: refuse, end a connection, be somebody else's, be read only, run out of disk far away. */
#include "tests/unit/registry/fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct reg *another(const struct fixture *f)
{
        struct reg *reg = NULL;
        struct bk_error err = { 0 };

        assert_ok(reg_open(f->home, &reg, &err), err);
        return reg;
}

/* SQL in the test's own schema, as the owner of the server. */
static void by_hand(const struct fixture *f, const char *sql)
{
        autofree char *text = bk_format("SET search_path = %s; SET client_min_messages = warning; %s", f->schema, sql);

        postgres_script(text);
}

/* --- opening --------------------------------------------------------------------- */
static void refuses(const char *why, const char *url, enum bk_kind kind, const char *says)
{
        autofree char *before = bk_strdup(getenv("BAKERY_DB"));
        struct reg *reg = NULL;
        struct bk_error err = { 0 };

        print_message("# %s\n", why);
        assert_int_equal(setenv("BAKERY_DB", url, 1), 0);
        assert_int_equal(reg_open("/nonexistent", &reg, &err), -1);
        assert_null(reg);
        if (err.kind != kind || strstr(err.text, says) == NULL)
                fail_msg("%s: '%s' is not %s and '%s'", bk_kind_name(err.kind), err.text, bk_kind_name(kind), says);
        assert_null(strstr(err.text, "s3cret"));
        assert_null(strchr(err.text, '\n'));
        assert_int_equal(setenv("BAKERY_DB", before, 1), 0);
}

static void what_cannot_be_opened_says_why(void **state)
{
        struct fixture *f = *state;
        const char *folder = postgres_folder();
        const struct { const char *why, *url; enum bk_kind kind; const char *says; } rows[] = {
                { "no server",          "postgresql://u:s3cret@/d?host=/nonexistent", BK_INFRA, "is the server there" },
                { "nobody listens",     "postgresql://u:s3cret@127.0.0.1:1/d",  BK_INFRA, "refused" },
                { "another database",   "mysql://u:s3cret@h/d",                 BK_USAGE, "postgresql://" },
                { "a file",             "/var/lib/s3cret.db",                   BK_USAGE, "postgresql://" },
                { "half a URL",         "postgresql://u:s3cret@[::1/d",         BK_USAGE, "postgresql://" },
                { "a percent",          "postgresql://u:s3cret%zz@h/d",         BK_USAGE, "%XX" },
                { "no such option",     "postgresql://u:s3cret@h/d?colour=red", BK_USAGE, "%XX" },
        };

        (void)f;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
                refuses(rows[i].why, rows[i].url, rows[i].kind, rows[i].says);

        autofree char *role = bk_format("postgresql://nobody:s3cret@/postgres?host=%s", folder);
        autofree char *database = bk_format("postgresql://bakery:s3cret@/pantry?host=%s", folder);
        autofree char *schema = bk_format("postgresql://bakery:s3cret@/postgres?host=%s&options=-csearch_path%%3Dpantry", folder);

        refuses("no such role", role, BK_DENIED, "createuser");
        refuses("no such database", database, BK_NOT_FOUND, "createdb");
        refuses("no such schema", schema, BK_INVALID, "search_path");
}

static void what_is_not_ours_is_left_alone(void **state)
{
        struct fixture *f = *state;
        static const struct { const char *why, *sql; enum bk_kind kind; const char *says; } rows[] = {
                { "a newer schema",     "UPDATE bakery_schema SET version = 999", BK_CONFLICT, "newer bakery (schema 999" },
                { "another's tables",   "DROP TABLE bakery_schema", BK_CORRUPT, "not a registry of bakery" },
        };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                by_hand(f, rows[i].sql);
                refuses(rows[i].why, getenv("BAKERY_DB"), rows[i].kind, rows[i].says);
        }
}

static void another_encoding_is_refused(void **state)
{
        autofree char *name = bk_format("latin%d", (int)getpid()), *url = NULL, *drop = NULL, *create = NULL;

        (void)state;
        create = bk_format("CREATE DATABASE %s ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0", name);
        drop = bk_format("DROP DATABASE %s", name);
        url = bk_format("postgresql://bakery@/%s?host=%s", name, postgres_folder());
        postgres_script(create);
        refuses("LATIN1", url, BK_INVALID, "encoding LATIN1");
        postgres_script(drop);
}

/* A role that may read, and one that may not even that. */
static void rights_decide(void **state)
{
        struct fixture *f = *state;
        autofree char *url = bk_format("postgresql://reader_%s@/postgres?host=%s&options=-csearch_path%%3D%s", f->schema, postgres_folder(),
                                       f->schema);
        autofree char *none = bk_format("postgresql://none_%s@/postgres?host=%s&options=-csearch_path%%3D%s", f->schema, postgres_folder(),
                                        f->schema);
        autofree char *before = bk_strdup(getenv("BAKERY_DB")), *seeds = NULL;
        autofree char *grant = bk_format("CREATE ROLE reader_%s LOGIN; CREATE ROLE none_%s LOGIN; GRANT USAGE ON SCHEMA %s TO reader_%s, none_%s; "
                                         "GRANT SELECT ON ALL TABLES IN SCHEMA %s TO reader_%s", f->schema, f->schema, f->schema, f->schema,
                                         f->schema, f->schema, f->schema);
        autofree char *drop = bk_format("DROP OWNED BY reader_%s, none_%s; DROP ROLE reader_%s, none_%s", f->schema, f->schema, f->schema, f->schema);
        const struct recipe second = { .seed = "2" };
        struct reg *reader = NULL;
        struct bk_error err = { 0 };

        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        postgres_script(grant);
        assert_int_equal(setenv("BAKERY_DB", url, 1), 0);
        assert_ok(reg_open(f->home, &reader, &err), err);
        seeds = found(reader, "base", &err);
        assert_string_equal(seeds, "1");
        assert_fails_with(bake(reader, &second, &err), err, BK_DENIED);
        reader->read_only = false;              /* as if the rights had gone meanwhile */
        assert_fails_with(bake(reader, &second, &err), err, BK_DENIED);
        assert_non_null(strstr(err.text, "role"));
        reg_close(reader);
        assert_int_equal(setenv("BAKERY_DB", before, 1), 0);
        refuses("no rights at all", none, BK_DENIED, "role");
        postgres_script(drop);
}

/* --- failures in the middle ------------------------------------------------------- */
/* Strikes at the Nth row that is written, or when all is committed. */
static const char trap[] =
        "CREATE SEQUENCE strike;"
        "CREATE TABLE blow (at BIGINT, code TEXT);"
        "CREATE FUNCTION struck() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE b blow; BEGIN"
        " SELECT * INTO b FROM blow;"
        " IF nextval('strike') = b.at THEN"
        "  IF b.code = 'kill' THEN PERFORM pg_terminate_backend(pg_backend_pid());"
        "  ELSIF b.code = 'hang' THEN PERFORM pg_sleep(600);"
        "  ELSE RAISE EXCEPTION 'struck' USING ERRCODE = b.code; END IF;"
        " END IF; RETURN NULL; END $$;"
        "DO $$ DECLARE t TEXT; BEGIN FOR t IN SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
        " AND relname <> 'blow' LOOP"
        " EXECUTE format('CREATE TRIGGER strike AFTER INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION struck()', t);"
        " EXECUTE format('CREATE CONSTRAINT TRIGGER late AFTER INSERT ON %I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "EXECUTE FUNCTION struck()', t);"
        " END LOOP; END $$;";

static void set_blow(struct reg *reg, int64_t at, const char *code)
{
        struct bk_error err = { 0 };

        assert_ok(reg_sql_script(reg, "ALTER SEQUENCE strike RESTART; DELETE FROM blow", &err), err);
        assert_ok(reg_sql_run(reg, &err, "INSERT INTO blow (at, code) VALUES (?, ?)", "it", at, code), err);
}

static const struct reg_package packages[] = {
        { .name = (char *)"a", .version = (char *)"1", .ecosystem = (char *)"deb" },
        { .name = (char *)"b", .version = (char *)"1", .ecosystem = (char *)"deb" },
};
static const struct reg_check checks[] = { { (char *)"s", (char *)"c", (char *)"passed", (char *)"m", 1 } };
static const struct recipe large = { .seed = "large", .packages = packages, .n_packages = 2, .checks = checks, .n_checks = 1,
                                     .attributes = { PAIR("release", "bookworm"), PAIR("kernel", "6.1") } };

/* Rows of the large image, or none. */
static bool whole_or_nothing(struct reg *reg)
{
        static const struct { const char *table; int64_t rows; } tables[] = {
                { "layer", 1 }, { "image", 1 }, { "document", 1 }, { "package_set", 1 }, { "package_member", 2 }, { "verdict", 1 },
                { "attribute", 2 }, { "state_log", 1 },
        };
        int64_t images = 0;
        struct bk_error err = { 0 };

        assert_int_equal(reg_sql_int(reg, &images, &err, "SELECT count(*) FROM image", ""), 1);
        for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
                autofree char *sql = bk_format("SELECT count(*) FROM %s", tables[i].table);
                int64_t rows = 0;

                assert_int_equal(reg_sql_int(reg, &rows, &err, sql, ""), 1);
                assert_int_equal(rows, images * tables[i].rows);
        }
        return images == 1;
}

static const struct { const char *why, *code; enum bk_kind kind; const char *says; } blows[] = {
        { "the connection is ended",    "kill",         BK_INFRA,       "" },
        { "the disk is full",           "53100",        BK_NO_SPACE,    "disk is full" },
        { "too many connections",       "53300",        BK_INFRA,       "try again" },
        { "a serialization failure",    "40001",        BK_LOCKED,      "try again" },
        { "a deadlock",                 "40P01",        BK_LOCKED,      "try again" },
        { "a lock that is not free",    "55P03",        BK_LOCKED,      "try again" },
        { "a time-out",                 "57014",        BK_TIMEOUT,     "statement_timeout" },
        { "a standby",                  "25006",        BK_DENIED,      "read it only" },
        { "no right",                   "42501",        BK_DENIED,      "role" },
        { "a damaged page",             "XX001",        BK_CORRUPT,     "backup" },
        { "a file that cannot be read", "58030",        BK_INFRA,       "files" },
        { "a contradiction",            "23505",        BK_INTERNAL,    "contradicts" },
        { "something new",              "P0001",        BK_INTERNAL,    "defect" },
};

static void a_blow_at_any_step_leaves_all_or_nothing(void **state)
{
        struct fixture *f = *state;
        struct reg *watch = another(f);

        by_hand(f, trap);
        for (size_t i = 0; i < sizeof blows / sizeof *blows; i++) {
                int refused = 0, status = -1;

                for (int step = 1; status < 0; step += i == 0 ? 1 : 5) {
                        struct bk_error err = { 0 };

                        set_blow(watch, step, blows[i].code);
                        status = bake(f->reg, &large, &err);
                        if (status == 0)
                                break;
                        refused++;
                        if (err.kind != blows[i].kind || strstr(err.text, blows[i].says) == NULL)
                                fail_msg("%s, step %d: %s: %s", blows[i].why, step, bk_kind_name(err.kind), err.text);
                        assert_false(whole_or_nothing(watch));
                        assert_false(whole_or_nothing(f->reg));         /* connected again */
                }
                print_message("# %s: refused at %d steps\n", blows[i].why, refused);
                assert_in_range(refused, i == 0 ? 15 : 3, 1000);
                assert_true(whole_or_nothing(watch));

                BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
                autofree char *id = id_of("large");
                struct bk_error err = { 0 };

                set_blow(watch, 0, "none");
                assert_ok(image_delete(f->reg, id, &gone, &err), err);
                assert_ok(reg_sql_script(f->reg, "DELETE FROM package_on; DELETE FROM package", &err), err);
        }
        reg_close(watch);
}

/* The server's process itself is killed, in the middle of a publish: PostgreSQL then restarts all of them. */
static void a_killed_server_process_leaves_nothing(void **state)
{
        struct fixture *f = *state;
        struct reg *watch = another(f);
        struct bk_error err = { 0 };
        int64_t pid = 0, ours = 0, now = 0;
        int status = 0, tries = 0;
        pid_t baker;

        by_hand(f, trap);
        set_blow(watch, 6, "hang");
        baker = fork();
        if (baker == 0) {
                struct reg *reg = NULL;

                if (reg_open(f->home, &reg, &err) < 0)
                        _exit(2);
                _exit(bake(reg, &large, &err) == 0 ? 0 : err.kind == BK_INFRA ? 1 : 3);
        }
        while (pid == 0)
                assert_true(reg_sql_int(watch, &pid, &err, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'", "") >= 0);
        assert_int_equal(reg_sql_int(watch, &ours, &err, "SELECT pg_backend_pid()", ""), 1);
        assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
        assert_int_equal(waitpid(baker, &status, 0), baker);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 1);
        /* It ends every connection; and until it has recovered, it says that it does. That is worth another try, as the errors say. */
        for (now = ours; now == ours; assert_in_range(++tries, 1, 10000000))
                if (reg_sql_int(watch, &now, &err, "SELECT pg_backend_pid()", "") < 0)
                        assert_string_equal(bk_kind_name(err.kind), "infra");
        assert_false(whole_or_nothing(watch));
        set_blow(watch, 0, "none");
        assert_ok(bake(watch, &large, &err), err);
        reg_close(watch);
}

static void a_connection_that_was_idle_is_made_again(void **state)
{
        struct fixture *f = *state;
        struct reg *other = another(f);
        autofree char *seeds = NULL;
        struct bk_error err = { 0 };

        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        assert_ok(reg_sql_run(other, &err, "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = 'bakery' "
                              "AND pid <> pg_backend_pid()", ""), err);
        seeds = found(f->reg, "base", &err);
        assert_string_equal(seeds, "1");
        assert_ok(reg_sql_run(other, &err, "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = 'bakery' "
                              "AND pid <> pg_backend_pid()", ""), err);
        free(baked(f->reg, (struct recipe){ .seed = "2" }));
        reg_close(other);
}

/* --- writers and readers -------------------------------------------------------------- */
static void writers_wait_for_each_other_and_readers_for_nobody(void **state)
{
        struct fixture *f = *state;
        struct reg *other = another(f);
        const struct recipe second = { .seed = "2" };
        autofree char *seeds = NULL;
        struct bk_error err = { 0 };
        autotxn txn = { 0 };

        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        assert_ok(reg_txn_write(other, &txn, &err), err);
        assert_ok(reg_sql_script(f->reg, "SET lock_timeout = '50ms'", &err), err);
        assert_fails_with(bake(f->reg, &second, &err), err, BK_LOCKED);
        seeds = found(f->reg, "base", &err);
        assert_string_equal(seeds, "1");
        reg_txn_done(&txn);
        assert_ok(bake(f->reg, &second, &err), err);
        reg_close(other);
}

static void a_read_transaction_sees_one_moment(void **state)
{
        struct fixture *f = *state;
        struct reg *other = another(f);
        autofree char *during = NULL, *after = NULL;
        struct bk_error err = { 0 };
        autotxn txn = { 0 };

        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        assert_ok(reg_txn_read(other, &txn, &err), err);
        free(found(other, "base", &err));
        free(baked(f->reg, (struct recipe){ .seed = "2" }));
        during = found(other, "base", &err);
        assert_string_equal(during, "1");
        reg_txn_done(&txn);
        after = found(other, "base", &err);
        assert_string_equal(after, "2 1");
        reg_close(other);
}

static void statements_within_statements_see_every_row(void **state)
{
        struct fixture *f = *state;
        autostmt *outer = NULL, *inner = NULL;
        struct bk_error err = { 0 };
        int64_t n = 0, sum = 0;

        assert_ok(reg_sql_prepare(f->reg, "SELECT i FROM generate_series(1, 1000) i", &outer, &err), err);
        assert_ok(reg_sql_prepare(f->reg, "SELECT i FROM generate_series(1, ?) i", &inner, &err), err);
        while (reg_sql_step(f->reg, outer, &err) > 0) {
                assert_int_equal(reg_column_int(outer, 0), ++n);
                assert_ok(reg_sql_bind(f->reg, inner, &err, "i", n), err);
                for (int i = 0; i < 3 && reg_sql_step(f->reg, inner, &err) > 0; i++)    /* left before its end */
                        sum += reg_column_int(inner, 0);
        }
        assert_int_equal(n, 1000);
        assert_int_equal(sum, 1 + 3 + 998 * 6);
}

static void a_large_answer_needs_no_memory(void **state)
{
        struct fixture *f = *state;
        autostmt *stmt = NULL;
        struct bk_error err = { 0 };
        struct rusage before, after;
        int64_t rows = 0;

        assert_ok(reg_sql_prepare(f->reg, "SELECT repeat('x', 200) FROM generate_series(1, 400000)", &stmt, &err), err);
        assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
        while (reg_sql_step(f->reg, stmt, &err) > 0)
                rows++;
        assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
        assert_int_equal(rows, 400000);
        assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 16 << 10);       /* KiB, of 80 MB */
}

/* More texts than are kept prepared; each is said three times. */
static void many_different_statements(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };

        for (int i = 0; i < 2400; i++) {
                autofree char *sql = bk_format("SELECT CAST(? AS BIGINT) + %d", i % 800);
                int64_t sum = 0;

                assert_int_equal(reg_sql_int(f->reg, &sum, &err, sql, "i", (int64_t)1), 1);
                assert_int_equal(sum, i % 800 + 1);
        }
}

static void a_failed_statement_fails_the_transaction(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };
        autotxn txn = { 0 };

        assert_ok(reg_txn_write(f->reg, &txn, &err), err);
        assert_fails_with(reg_sql_run(f->reg, &err, "SELECT 1 FROM nowhere", ""), err, BK_INTERNAL);
        assert_int_equal(reg_txn_commit(&txn, &err), -1);
        reg_txn_done(&txn);
        free(baked(f->reg, (struct recipe){ .seed = "1" }));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                postgres_test(what_cannot_be_opened_says_why),
                postgres_test(what_is_not_ours_is_left_alone),
                postgres_test(another_encoding_is_refused),
                postgres_test(rights_decide),
                postgres_test(a_blow_at_any_step_leaves_all_or_nothing),
                postgres_test(a_killed_server_process_leaves_nothing),
                postgres_test(a_connection_that_was_idle_is_made_again),
                postgres_test(writers_wait_for_each_other_and_readers_for_nobody),
                postgres_test(a_read_transaction_sees_one_moment),
                postgres_test(statements_within_statements_see_every_row),
                postgres_test(a_large_answer_needs_no_memory),
                postgres_test(many_different_statements),
                postgres_test(a_failed_statement_fails_the_transaction),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
