/* The file itself: old, new, foreign, damaged, locked, not ours to write. */
#include "tests/unit/registry/fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "registry/prune.h"
#include "registry/registry_priv.h"

/* Skips aloud, unless BAKERY_REQUIRE names what is missing. */
static void need_root(void)
{
        const char *required = getenv("BAKERY_REQUIRE");

        if (geteuid() == 0)
                return;
        if (required != NULL && strstr(required, "root") != NULL)
                fail_msg("root is required");
        print_message("# skipped: needs root\n");
        skip();
}

static void reopen(struct fixture *f)
{
        struct bk_error err = { 0 };

        reg_close(f->reg);
        f->reg = NULL;
        assert_ok(reg_open(f->home, &f->reg, &err), err);
}

/* Runs SQL on the file as another program would. */
static void by_hand(const struct fixture *f, const char *sql)
{
        autofree char *path = bk_format("%s/registry.db", f->home);
        char *why = NULL;
        sqlite3 *db = NULL;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
                fail_msg("%s: %s", sql, why);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void refuses_to_open(struct fixture *f, enum bk_kind kind, const char *says)
{
        struct reg *reg = NULL;
        struct bk_error err = { 0 };

        assert_fails_with(reg_open(f->home, &reg, &err), err, kind);
        assert_null(reg);
        if (strstr(err.text, says) == NULL)
                fail_msg("'%s' does not say '%s'", err.text, says);
}

static void what_was_published_is_there_after_reopening(void **state)
{
        struct fixture *f = *state;
        struct bk_error err = { 0 };
        autofree char *seeds = NULL;

        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        reopen(f);
        seeds = found(f->reg, "base", &err);
        assert_string_equal(seeds, "1");
}

static void folders_are_made(void **state)
{
        struct fixture *f = *state;
        autofree char *deep = bk_format("%s/a/b/c", f->home);
        struct reg *reg = NULL;
        struct bk_error err = { 0 };

        assert_ok(reg_open(deep, &reg, &err), err);
        reg_close(reg);
}

static void a_newer_schema_is_refused(void **state)
{
        struct fixture *f = *state;

        by_hand(f, "PRAGMA user_version = 999");
        refuses_to_open(f, BK_CONFLICT, "newer bakery (schema 999");
}

static void another_programs_database_is_refused(void **state)
{
        struct fixture *f = *state;
        autofree char *path = bk_format("%s/registry.db", f->home);

        assert_int_equal(unlink(path), 0);
        by_hand(f, "CREATE TABLE recipes (title TEXT)");
        refuses_to_open(f, BK_CORRUPT, "not a registry");
}

static void a_file_that_is_no_database_is_corrupt(void **state)
{
        struct fixture *f = *state;
        autofree char *path = bk_format("%s/registry.db", f->home);
        autofile FILE *file = fopen(path, "w");

        assert_non_null(file);
        for (int i = 0; i < 1000; i++)
                (void)fputs("this was a registry once\n", file);
        assert_int_equal(fflush(file), 0);
        refuses_to_open(f, BK_CORRUPT, "backup");
}

static void a_truncated_file_is_corrupt(void **state)
{
        struct fixture *f = *state;
        autofree char *path = bk_format("%s/registry.db", f->home);
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        struct bk_error err = { 0 };
        int status;

        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        reg_close(bk_take(f->reg));
        assert_int_equal(truncate(path, 3 * 4096), 0);
        status = reg_open(f->home, &f->reg, &err);
        if (status == 0)
                status = reg_query(f->reg, "base", &images, &err);
        assert_fails_with(status, err, BK_CORRUPT);
}

/* Every page in turn is overwritten; what is answered is right or is an error. */
static void a_rotten_page_is_an_error_not_an_empty_list(void **state)
{
        struct fixture *f = *state;
        autofree char *path = bk_format("%s/registry.db", f->home), *good = NULL;
        size_t length = 0, corrupt = 0;
        struct bk_error err = { 0 };

        for (int i = 0; i < 20; i++) {
                autofree char *seed = bk_format("%d", i);

                free(baked(f->reg, (struct recipe){ .seed = seed, .attributes = { PAIR("release", "bookworm") } }));
        }
        reg_close(bk_take(f->reg));
        assert_ok(bk_read_file(path, 1 << 24, &good, &length, &err), err);
        for (size_t page = 0; page < length / 4096; page++) {
                autofree char *bad = bk_alloc(length), *answer = NULL;
                struct reg *reg = NULL;
                struct bk_error why = { 0 };
                autofile FILE *file = NULL;

                memcpy(bad, good, length);
                memset(bad + page * 4096 + (page == 0 ? 100 : 0), 0x5a, 2000);
                file = fopen(path, "w");
                assert_non_null(file);
                assert_int_equal(fwrite(bad, 1, length, file), length);
                assert_int_equal(fflush(file), 0);
                if (reg_open(f->home, &reg, &why) == 0)
                        answer = found(reg, "base?release=bookworm", &why);
                reg_close(reg);
                if (answer != NULL)
                        assert_string_equal(answer, "19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0");
                else if (why.kind != BK_CORRUPT)
                        fail_msg("page %zu: %s: %s", page, bk_kind_name(why.kind), why.text);
                corrupt += answer == NULL;
        }
        assert_in_range(corrupt, 5, length / 4096);
}

static void a_wal_file_becomes_a_journal_file(void **state)
{
        struct fixture *f = *state;
        autofree char *path = bk_format("%s/registry.db", f->home), *bytes = NULL;
        size_t length = 0;
        struct bk_error err = { 0 };

        reg_close(bk_take(f->reg));
        by_hand(f, "PRAGMA journal_mode = WAL; CREATE TABLE x (y); DROP TABLE x");
        assert_ok(bk_read_file(path, 1 << 24, &bytes, &length, &err), err);
        assert_int_equal(bytes[18], 2);                 /* the file format's write version: 2 is WAL */
        assert_ok(reg_open(f->home, &f->reg, &err), err);
        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        free(bytes);
        assert_ok(bk_read_file(path, 1 << 24, &bytes, &length, &err), err);
        assert_int_equal(bytes[18], 1);
}

static void a_lock_that_is_held_too_long_is_locked(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        autofree char *id = baked(f->reg, (struct recipe){ .seed = "1" }), *seeds = NULL, *word = NULL;
        const struct recipe second = { .seed = "2" };
        struct reg *other = NULL;
        struct bk_error err = { 0 };
        autotxn txn = { 0 };

        assert_ok(reg_open(f->home, &other, &err), err);
        assert_ok(reg_txn_write(other, &txn, &err), err);
        (void)sqlite3_busy_timeout(f->reg->db, 20);
        assert_fails_with(bake(f->reg, &second, &err), err, BK_LOCKED);
        assert_fails_with(image_delete(f->reg, id, &gone, &err), err, BK_LOCKED);
        assert_fails_with(state_set(f->reg, id, REG_TESTED, "ada", NULL, &err), err, BK_LOCKED);
        assert_fails_with(channel_assign(f->reg, "production", id, "ada", NULL, &err), err, BK_LOCKED);
        /* Who is nobody does not even wait for it. */
        assert_fails_with(reg_keep_by_token(f->reg, "bko_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", INT64_MAX, NULL, &word,
                                            &err), err, BK_DENIED);
        /* A writer that has not begun to commit does not disturb readers. */
        seeds = found(f->reg, "base", &err);
        assert_string_equal(seeds, "1");
        reg_txn_done(&txn);
        assert_ok(bake(f->reg, &second, &err), err);
        reg_close(other);
}

/* Exit code of a child that looks at the registry as nobody: 0 when all is as it must be. */
static int as_nobody(const char *home, bool readable)
{
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        const struct recipe recipe = { .seed = "2" };
        struct reg *reg = NULL;
        struct bk_error err = { 0 };
        int status = 0;

        if (setgid(65534) < 0 || setuid(65534) < 0)
                return 10;
        if (reg_open(home, &reg, &err) < 0)
                return !readable && err.kind == BK_DENIED ? 0 : 11;
        if (!readable)
                status = 12;
        else if (reg_query(reg, "base", &images, &err) < 0 || images.n != 1)
                status = 13;
        else if (bake(reg, &recipe, &err) == 0 || err.kind != BK_DENIED)
                status = 14;
        reg_close(reg);
        return status;
}

static void child_ends_with_zero(pid_t pid)
{
        int status = 0;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
}

static void others_may_read_what_they_may_not_write(void **state)
{
        struct fixture *f = *state;
        autofree char *path = bk_format("%s/registry.db", f->home);

        need_root();
        free(baked(f->reg, (struct recipe){ .seed = "1" }));
        assert_int_equal(chmod(f->home, 0755), 0);
        for (int readable = 0; readable < 2; readable++) {
                pid_t pid;

                print_message("# %s\n", readable ? "readable" : "unreadable");
                assert_int_equal(chmod(path, readable ? 0644 : 0600), 0);
                pid = fork();
                if (pid == 0)
                        _exit(as_nobody(f->home, readable));
                child_ends_with_zero(pid);
        }
}

static void a_full_disk_refuses_and_still_reads(void **state)
{
        struct fixture *f = *state;
        autofree char *disk = bk_format("%s/disk", f->home), *seeds = NULL, *last = NULL, *padding = bk_alloc(8193);
        struct reg *reg = NULL;
        struct bk_error err = { 0 };
        int n = 0, status = 0;

        need_root();
        assert_int_equal(mkdir(disk, 0755), 0);
        /* The mount is seen by this process only, and goes with it. */
        assert_int_equal(unshare(CLONE_NEWNS), 0);
        assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        assert_int_equal(mount("tmpfs", disk, "tmpfs", 0, "size=512k"), 0);
        assert_ok(reg_open(disk, &reg, &err), err);
        memset(padding, 'x', 8192);
        while (status == 0 && n < 1000) {
                autofree char *seed = bk_format("%d", n);
                const struct recipe recipe = { .seed = seed, .attributes = { PAIR("padding", padding) } };

                status = bake(reg, &recipe, &err);
                n += status == 0;
        }
        assert_fails_with(status, err, BK_NO_SPACE);
        assert_in_range(n, 3, 999);
        last = bk_format("%d", n - 1);
        seeds = found(reg, "base?_latest=1", &err);
        assert_string_equal(seeds, last);
        reg_close(reg);

        /* Reopened, it has all that was reported as published, and takes more once there is room. */
        assert_int_equal(mount("tmpfs", disk, "tmpfs", MS_REMOUNT, "size=4m"), 0);
        assert_ok(reg_open(disk, &reg, &err), err);
        free(seeds);
        seeds = found(reg, "base?_latest=1", &err);
        assert_string_equal(seeds, last);
        free(baked(reg, (struct recipe){ .seed = "more" }));
        reg_close(reg);
        assert_int_equal(umount(disk), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                sqlite_test(what_was_published_is_there_after_reopening),
                sqlite_test(folders_are_made),
                sqlite_test(a_newer_schema_is_refused),
                sqlite_test(another_programs_database_is_refused),
                sqlite_test(a_file_that_is_no_database_is_corrupt),
                sqlite_test(a_truncated_file_is_corrupt),
                sqlite_test(a_rotten_page_is_an_error_not_an_empty_list),
                sqlite_test(a_wal_file_becomes_a_journal_file),
                sqlite_test(a_lock_that_is_held_too_long_is_locked),
                sqlite_test(others_may_read_what_they_may_not_write),
                sqlite_test(a_full_disk_refuses_and_still_reads),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
