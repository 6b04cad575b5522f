/* Many at once, killed, or failing at any step: all of a bake or nothing.
 *
 * SQLite reaches the disk through a VFS. Ours is the system's with a counter in
 * its writing calls: at the Nth the process is killed, or the call fails. N
 * goes up until a publish gets through, so every step of it is tried. */
#include "tests/unit/registry/fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "registry/registry_priv.h"

enum harm { NONE, KILL, FULL, BROKEN_SYNC };

static struct { enum harm harm; int countdown; } fault;
static const sqlite3_io_methods *real;
static sqlite3_io_methods ours[2];              /* of the database, of its journal: they lock differently */
static sqlite3_vfs *real_vfs, our_vfs;

/* A failing disk fails from then on, until the test heals it. */
static bool strikes(void)
{
        if (fault.harm == NONE || --fault.countdown > 0)
                return false;
        if (fault.harm == KILL)
                (void)kill(getpid(), SIGKILL);
        return true;
}

static int on_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
        /* A kill may leave half a write behind. */
        if (fault.harm == KILL && fault.countdown == 1)
                (void)real->xWrite(file, bytes, n / 2, at);
        if (strikes() && fault.harm == FULL)
                return SQLITE_FULL;
        return real->xWrite(file, bytes, n, at);
}

static int on_sync(sqlite3_file *file, int flags)
{
        return strikes() && fault.harm == BROKEN_SYNC ? SQLITE_IOERR_FSYNC : real->xSync(file, flags);
}

static int on_truncate(sqlite3_file *file, sqlite3_int64 size)
{
        return strikes() && fault.harm == BROKEN_SYNC ? SQLITE_IOERR_TRUNCATE : real->xTruncate(file, size);
}

static int on_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
        const int code = real_vfs->xOpen(vfs, name, file, flags, ret_flags);
        sqlite3_io_methods *methods = &ours[(flags & SQLITE_OPEN_MAIN_DB) == 0];

        if (code != SQLITE_OK || file->pMethods == NULL || !(flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL)))
                return code;
        real = file->pMethods;
        *methods = *real;
        methods->xWrite = on_write;
        methods->xSync = on_sync;
        methods->xTruncate = on_truncate;
        file->pMethods = methods;
        return SQLITE_OK;
}

static int with_our_vfs(void **state)
{
        (void)state;
        real_vfs = sqlite3_vfs_find(NULL);
        our_vfs = *real_vfs;
        our_vfs.zName = "faulty";
        our_vfs.xOpen = on_open;
        return sqlite3_vfs_register(&our_vfs, 1);
}

static int without_our_vfs(void **state)
{
        (void)state;
        return sqlite3_vfs_unregister(&our_vfs);
}

static struct reg_package *make_packages(size_t n, const char *version)
{
        struct reg_package *packages = bk_alloc(n * sizeof *packages);

        for (size_t i = 0; i < n; i++)
                packages[i] = (struct reg_package){ .name = bk_format("package-%zu", i), .version = bk_strdup(version),
                                                    .ecosystem = (char *)"deb" };
        return packages;
}

static void drop_packages(struct reg_package *packages, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free(packages[i].name);
                free(packages[i].version);
        }
        free(packages);
}

#define N_PACKAGES 300

/* Publishes one large image on another. */
static int publish_large(struct reg *reg, const char *seed, struct bk_error *err)
{
        struct reg_package *packages = make_packages(N_PACKAGES, seed);
        static const struct reg_check checks[] = { { (char *)"s", (char *)"c", (char *)"passed", (char *)"m", 1 } };
        autofree char *ancestor = id_of("ground");
        const struct recipe recipe = { .seed = seed, .ancestor = ancestor, .backing = "layer of ground", .depth = 1,
                                       .packages = packages, .n_packages = N_PACKAGES, .checks = checks, .n_checks = 1,
                                       .attributes = { PAIR("release", "bookworm") } };
        const int status = bake(reg, &recipe, err);

        drop_packages(packages, N_PACKAGES);
        return status;
}

static void check_integrity(struct reg *reg)
{
        autofree char *verdict = NULL, *table = NULL;
        struct bk_error err = { 0 };

        if (getenv("BAKERY_DB") != NULL)        /* PostgreSQL looks after itself */
                return;
        assert_int_equal(reg_sql_text(reg, &verdict, &err, "PRAGMA integrity_check", ""), 1);
        assert_string_equal(verdict, "ok");
        assert_int_equal(reg_sql_text(reg, &table, &err, "PRAGMA foreign_key_check", ""), 0);
}

/* Whether the image is there; when it is, all of it must be. */
static bool whole_or_nothing(struct reg *reg, const char *seed)
{
        static const char *const tables[] = { "layer", "image", "document", "package_set", "verdict", "attribute" };
        autofree char *id = id_of(seed);
        struct bk_error err = { 0 };
        json_t *json = NULL;

        check_integrity(reg);
        if (reg_image_json(reg, id, true, &json, &err) < 0) {
                assert_int_equal(err.kind, BK_NOT_FOUND);
                for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
                        autofree char *sql = bk_format("SELECT count(*) FROM %s", tables[i]);
                        int64_t rows = 0;

                        assert_int_equal(reg_sql_int(reg, &rows, &err, sql, ""), 1);
                        assert_int_equal(rows, i < 3 ? 1 : 0);          /* the ground's */
                }
                return false;
        }
        assert_int_equal(json_array_size(json_object_get(json, "packages")), N_PACKAGES);
        assert_int_equal(json_array_size(json_object_get(json, "checks")), 1);
        assert_int_equal(json_array_size(json_object_get(json, "states")), 1);
        assert_int_equal(json_object_size(json_object_get(json, "attributes")), 1);
        json_decref(json);
        return true;
}

static void reopen(struct fixture *f)
{
        struct bk_error err = { 0 };

        reg_close(bk_take(f->reg));
        assert_ok(reg_open(f->home, &f->reg, &err), err);
}

/* 0: published, 1: failed, 9: killed. */
static int publish_in_a_child(const char *home, int step)
{
        int status = 0;
        const pid_t pid = fork();

        if (pid == 0) {
                struct reg *reg = NULL;
                struct bk_error err = { 0 };

                if (reg_open(home, &reg, &err) < 0)
                        _exit(1);
                fault.harm = KILL;
                fault.countdown = step;
                _exit(publish_large(reg, "large", &err) < 0 ? 1 : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void a_kill_at_any_step_leaves_all_or_nothing(void **state)
{
        struct fixture *f = *state;
        int killed = 0, all = 0, status = SIGKILL;

        free(baked(f->reg, (struct recipe){ .seed = "ground" }));
        for (int step = 1; status == SIGKILL; step++) {
                struct bk_error err = { 0 };

                reg_close(bk_take(f->reg));
                status = publish_in_a_child(f->home, step);
                killed += status == SIGKILL;
                assert_ok(reg_open(f->home, &f->reg, &err), err);
                if (whole_or_nothing(f->reg, "large")) {
                        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
                        autofree char *id = id_of("large");

                        all++;
                        assert_ok(image_delete(f->reg, id, &gone, &err), err);
                        assert_int_equal(gone.n, 1);
                        /* As before the publish, so that the steps stay the same. */
                        assert_ok(reg_sql_script(f->reg, "DELETE FROM package_on; DELETE FROM package", &err), err);
                }
        }
        print_message("# killed at %d steps, %d of them after the commit\n", killed, all - 1);
        assert_int_equal(status, 0);
        assert_in_range(killed, 10, 10000);
        assert_in_range(all, 1, killed);                /* the last, which nobody killed */
}

static const struct { const char *why; enum harm harm; enum bk_kind kind; } failures[] = {
        { "writes find the disk full",          FULL,           BK_NO_SPACE },
        { "syncs and truncations fail",         BROKEN_SYNC,    BK_INFRA },
};

static void a_failing_disk_at_any_step_leaves_what_was_reported(void **state)
{
        struct fixture *f = *state;

        free(baked(f->reg, (struct recipe){ .seed = "ground" }));
        for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
                int status = -1, refused = 0, unsure = 0;

                for (int step = 1; status < 0; step++) {
                        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
                        autofree char *id = id_of("large");
                        struct bk_error err = { 0 };
                        bool there;

                        fault.harm = failures[i].harm;
                        fault.countdown = step;
                        status = publish_large(f->reg, "large", &err);
                        fault.harm = NONE;
                        if (status < 0 && err.kind != failures[i].kind)
                                fail_msg("step %d: %s: %s", step, bk_kind_name(err.kind), err.text);
                        refused += status < 0;
                        reopen(f);
                        there = whole_or_nothing(f->reg, "large");
                        assert_true(there || status < 0);
                        unsure += there && status < 0;
                        if (there) {
                                assert_ok(image_delete(f->reg, id, &gone, &err), err);
                                assert_ok(reg_sql_script(f->reg, "DELETE FROM package_on; DELETE FROM package", &err), err);
                        }
                }
                print_message("# %s: refused at %d steps\n", failures[i].why, refused);
                assert_in_range(refused, 3, 10000);
                /* The commit is the journal's truncation; when only the sync after it fails, nobody can know. */
                assert_int_equal(unsure, failures[i].harm == BROKEN_SYNC ? 1 : 0);
        }
}

#define BAKERS 32
#define IMAGES_EACH 3

static int publish_many(const char *home, int baker)
{
        struct reg *reg = NULL;
        struct bk_error err = { 0 };

        if (reg_open(home, &reg, &err) < 0)
                return 1;
        for (int i = 0; i < IMAGES_EACH; i++) {
                autofree char *seed = bk_format("%d.%d", baker, i);
                struct reg_package *packages = make_packages(20, seed);
                const struct recipe recipe = { .seed = seed, .packages = packages, .n_packages = 20, .layer = "shared" };

                if (bake(reg, &recipe, &err) < 0) {
                        (void)fprintf(stderr, "# baker %d: %s\n", baker, err.text);
                        return 1;
                }
                drop_packages(packages, 20);
        }
        reg_close(reg);
        return 0;
}

/* The registry itself is made by whoever comes first. */
static void many_bakers_lose_nothing(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        BK_CLEANUP(reg_layers_done) struct reg_layers layers = { 0 };
        autofree char *home = bk_format("%s/new", f->home);
        struct reg *reg = NULL;
        struct bk_error err = { 0 };

        for (int i = 0; i < BAKERS; i++)
                if (fork() == 0)
                        _exit(publish_many(home, i));
        for (int i = 0; i < BAKERS; i++) {
                int status = 0;

                assert_true(wait(&status) > 0);
                assert_true(WIFEXITED(status));
                assert_int_equal(WEXITSTATUS(status), 0);
        }
        assert_ok(reg_open(home, &reg, &err), err);
        check_integrity(reg);
        assert_ok(reg_query(reg, "base", &images, &err), err);
        assert_int_equal(images.n, BAKERS * IMAGES_EACH);
        for (size_t i = 1; i < images.n; i++)
                assert_true(images.v[i - 1].sequence > images.v[i].sequence);
        for (int i = 0; i < BAKERS * IMAGES_EACH; i++) {
                autofree char *seed = bk_format("%d.%d", i / IMAGES_EACH, i % IMAGES_EACH), *id = id_of(seed);
                json_t *json = NULL;

                assert_ok(reg_image_json(reg, id, true, &json, &err), err);
                assert_int_equal(json_array_size(json_object_get(json, "packages")), 20);
                json_decref(json);
        }
        assert_ok(reg_all_layers(reg, &layers, &err), err);
        assert_int_equal(layers.n, 1);
        reg_close(reg);
}

/* The same digest from everybody: one wins, the others are told. */
static void one_image_is_published_once(void **state)
{
        struct fixture *f = *state;
        BK_CLEANUP(reg_images_done) struct reg_images images = { 0 };
        struct bk_error err = { 0 };
        int winners = 0;

        for (int i = 0; i < BAKERS; i++)
                if (fork() == 0) {
                        const struct recipe recipe = { .seed = "1" };
                        struct reg *reg = NULL;

                        if (reg_open(f->home, &reg, &err) < 0)
                                _exit(2);
                        _exit(bake(reg, &recipe, &err) == 0 ? 0 : err.kind == BK_CONFLICT ? 1 : 2);
                }
        for (int i = 0; i < BAKERS; i++) {
                int status = 0;

                assert_true(wait(&status) > 0);
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
                winners += WEXITSTATUS(status) == 0;
        }
        assert_int_equal(winners, 1);
        assert_ok(reg_query(f->reg, "base", &images, &err), err);
        assert_int_equal(images.n, 1);
}

/* Says when it has the lock; changes the registry `times` times, holding it for a while each time; then once more, and keeps it. */
static _Noreturn void write_slowly(const char *home, int ready, int times)
{
        struct reg *reg = NULL;
        struct bk_error err = { 0 };

        if (reg_open(home, &reg, &err) < 0)
                _exit(1);
        for (int i = 0;; i++) {
                if (reg_sql_script(reg, "BEGIN IMMEDIATE; UPDATE usage_source SET count = count + 1", &err) < 0 ||
                    (i == 0 && write(ready, "x", 1) != 1))
                        _exit(1);
                if (i == times)
                        (void)pause();
                (void)usleep(250000);
                if (reg_sql_script(reg, "COMMIT", &err) < 0)
                        _exit(1);
        }
}

static pid_t start_slow_writer(const char *home, int times)
{
        autoclose int ready = -1;
        int ends[2];
        char byte;

        assert_int_equal(pipe(ends), 0);
        const pid_t pid = fork();

        if (pid == 0)
                write_slowly(home, ends[1], times);
        (void)close(ends[1]);
        ready = ends[0];
        assert_int_equal(read(ready, &byte, 1), 1);
        return pid;
}

/* Somebody who never lets go is waited for only so long; many who come and go, for as long as they do. */
static void a_writer_waits_while_others_get_on(void **state)
{
        struct fixture *f = *state;
        const int patience = reg_patience_ms;
        const struct recipe recipe = { .seed = "1" };
        struct bk_error err = { 0 };
        int64_t began;
        pid_t pid;

        assert_ok(reg_sql_script(f->reg, "INSERT INTO usage_source (name, asked_at, count, previous) VALUES ('x', 0, 0, 0)", &err), err);
        reg_patience_ms = 1000;
        pid = start_slow_writer(f->home, 8);
        began = bk_now_ms();
        if (bake(f->reg, &recipe, &err) < 0) {          /* else it got in between two of theirs */
                assert_int_equal(err.kind, BK_LOCKED);
                assert_true(bk_now_ms() - began >= 2500);       /* 8 times 250 ms that something happened, and one second of nothing */
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        reg_patience_ms = patience;
        assert_ok(bake(f->reg, &(struct recipe){ .seed = "2" }, &err), err);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                sqlite_test(a_writer_waits_while_others_get_on),
                registry_test(many_bakers_lose_nothing),
                registry_test(one_image_is_published_once),
                sqlite_test(a_kill_at_any_step_leaves_all_or_nothing),
                sqlite_test(a_failing_disk_at_any_step_leaves_what_was_reported),
        };

        return cmocka_run_group_tests(tests, with_our_vfs, without_our_vfs);
}
