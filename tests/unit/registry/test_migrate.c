/* What a migration makes of rows that were there before it, in both databases. */
#include "tests/unit/registry/fixture.h"

#include "registry/backup_priv.h"

/* The registry as it was after so many migrations, empty; then with these rows, and the rest of the migrations. */
static void grow_up(struct reg *reg, int64_t from, const char *rows)
{
        struct bk_error err = { 0 };
        autotxn txn = { 0 };

        assert_ok(reg_txn_write(reg, &txn, &err), err);
        assert_ok(reg_tables_drop(reg, &err), err);
        assert_ok(reg_schema_migrate(reg, 0, from, &err), err);
        assert_ok(reg_sql_script(reg, rows, &err), err);
        assert_ok(reg_schema_migrate(reg, from, reg_schema_newest(), &err), err);
        assert_ok(reg_txn_commit(&txn, &err), err);
}

static void assert_text(struct reg *reg, const char *sql, const char *wanted)
{
        autofree char *text = NULL;
        struct bk_error err = { 0 };

        assert_int_equal(reg_sql_text(reg, &text, &err, sql, ""), 1);
        assert_string_equal(text, wanted);
}

#define ADVISORY(id, name) "INSERT INTO advisory (id, feed, name, part, digest, import, summary, severity, score) VALUES " \
                           "(" #id ", 'osv', '" name "', '', 'd', 'i', '', 0, -1);"
#define ALIAS(id, name) "INSERT INTO advisory_alias (advisory, alias) VALUES (" #id ", '" name "');"

static void advisories_know_what_they_count_as(void **state)
{
        static const struct { const char *name, *counts_as; } rows[] = {
                { "CVE-1", "CVE-1" }, { "DSA-1", "CVE-1" }, { "DSA-2", "DSA-2" }, { "GHSA-1", "GHSA-1" },
        };
        struct fixture *f = *state;

        grow_up(f->reg, 6, ADVISORY(1, "CVE-1") ALIAS(1, "CVE-9") ADVISORY(2, "DSA-1") ALIAS(2, "CVE-1") ALIAS(2, "GHSA-7")
                           ADVISORY(3, "DSA-2") ALIAS(3, "CVE-1") ALIAS(3, "CVE-2") ADVISORY(4, "GHSA-1") ALIAS(4, "PYSEC-1"));
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                autofree char *sql = bk_format("SELECT counts_as FROM advisory WHERE name = '%s'", rows[i].name);

                print_message("# %s\n", rows[i].name);
                assert_text(f->reg, sql, rows[i].counts_as);
        }
}

static void a_hook_that_was_there_is_claimed_by_nobody(void **state)
{
        struct fixture *f = *state;

        grow_up(f->reg, 5, "INSERT INTO hook (name, url, actions, signed, cursor, created_at, created_by) VALUES "
                           "('a', 'http://x', '*', 0, 0, 1, 'ada');");
        assert_text(f->reg, "SELECT coalesce(claimed_by, 'nobody') FROM hook", "nobody");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(advisories_know_what_they_count_as),
                registry_test(a_hook_that_was_there_is_claimed_by_nobody),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
