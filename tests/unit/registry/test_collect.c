/* Blobs go in two phases: whoever is killed wherever, nothing that is needed is lost, and what was purged is gone in the end.
 *
 * The process that purges and collects is traced, and killed before each of its system calls that write, one after the other, so that no
 * moment between two of them is left out, whatever the speed of the machine. */
#include "tests/unit/registry/life.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "layers/layer.h"
#include "lib/run.h"
#include "registry/prune.h"
#include "registry/registry_priv.h"

#define autostore BK_CLEANUP(layer_store_done) struct layer_store

static void store_open(const struct fixture *f, struct layer_store *ret)
{
        struct bk_error err = { 0 };

        assert_ok(layer_store_open(f->home, ret, &err), err);
}

/* --- a world of blobs and images --------------------------------------------------------- */
static void put_blob(const struct layer_store *store, const char *word)
{
        autofree char *digest = layer_digest(word), *path = layer_path(store, digest);
        autofile FILE *file = fopen(path, "we");

        if (file == NULL || fputs(word, file) == EOF)
                _exit(3);
}

/* As a bake does it: the blob, then the row, with the store held. */
static int publish(struct reg *reg, const struct layer_store *store, const struct recipe *recipe, struct bk_error *err)
{
        autofree char *word = recipe->layer != NULL ? bk_strdup(recipe->layer) : bk_format("layer of %s", recipe->seed);
        autoclose int hold = -1;

        if (layer_store_hold(store, false, &hold, err) < 0)
                return -1;
        put_blob(store, word);
        return bake(reg, recipe, err);
}

static const char *const going[] = { "top", "middle", "alone" };
static const char *const staying[] = { "ground", "kept" };
enum { GOING = 3, STAYING = 2 };

static void settle(struct reg *reg, const struct layer_store *store)
{
        autofree char *ground = id_of("ground"), *middle = id_of("middle"), *kept = id_of("kept");
        struct bk_error err = { 0 };

        for (size_t i = 0; i < STAYING; i++) {
                autofree char *id = id_of(staying[i]);

                if (reg_image_find(reg, id, NULL, NULL, &err) < 0)
                        assert_ok(publish(reg, store, &(struct recipe){ .seed = staying[i] }, &err), err);
                err = (struct bk_error){ 0 };
        }
        assert_ok(reg_keep(reg, kept, INT64_MAX, &because, &err), err);
        assert_ok(publish(reg, store, &(struct recipe){ .seed = "middle", .ancestor = ground, .backing = "layer of ground", .depth = 1 }, &err), err);
        assert_ok(publish(reg, store, &(struct recipe){ .seed = "top", .ancestor = middle, .backing = "layer of middle", .depth = 2 }, &err), err);
        assert_ok(publish(reg, store, &(struct recipe){ .seed = "alone", .name = "other" }, &err), err);
        for (size_t i = 0; i < GOING; i++) {
                autofree char *id = id_of(going[i]);

                assert_ok(reg_trash(reg, id, 1000, &because, &err), err);
        }
        assert_ok(channel_assign(reg, "production", ground, "bob", NULL, &err), err);
}

/* All of them are asked for; the two that stay are refused. */
static int purge_and_collect(struct reg *reg, const struct layer_store *store, struct reg_collected *ret, struct bk_error *err)
{
        char *ids[GOING + STAYING];
        const struct reg_pruning pruning = { .ids = (const char *const *)ids, .n = GOING + STAYING, .what = REG_PRUNE_PURGE };
        struct reg_pruned pruned = { 0 };
        int status;

        for (size_t i = 0; i < GOING + STAYING; i++)
                ids[i] = id_of(i < GOING ? going[i] : staying[i - GOING]);
        status = reg_prune_do(reg, &pruning, &because, &pruned, err);
        reg_pruned_done(&pruned, GOING + STAYING);
        for (size_t i = 0; i < GOING + STAYING; i++)
                free(ids[i]);
        return status < 0 ? -1 : reg_collect(reg, store, ret, err);
}

/* Rows have their blobs; blobs have a row, or one of "doomed". Returns how many blobs there are. */
static size_t check_blobs(struct reg *reg, const struct layer_store *store)
{
        BK_CLEANUP(reg_layers_done) struct reg_layers rows = { 0 };
        autostrv struct bk_strv blobs = { 0 };
        struct bk_error err = { 0 };

        assert_ok(reg_all_layers(reg, &rows, &err), err);
        assert_ok(layer_list(store, &blobs, &err), err);
        for (size_t i = 0; i < rows.n; i++)
                if (!bk_strv_has(&blobs, rows.v[i].digest))
                        fail_msg("layer %s has no blob", rows.v[i].digest);
        for (size_t i = 0; i < blobs.n; i++) {
                int64_t n = 0;

                assert_true(reg_sql_int(reg, &n, &err, "SELECT (SELECT count(*) FROM layer WHERE digest = ?) + "
                                        "(SELECT count(*) FROM doomed WHERE digest = ?)", "tt", blobs.v[i], blobs.v[i]) == 1);
                if (n != 1)
                        fail_msg("blob %s is named %lld times", blobs.v[i], (long long)n);
        }
        return blobs.n;
}

static int64_t doomed(struct reg *reg)
{
        struct bk_error err = { 0 };
        int64_t n = -1;

        assert_int_equal(reg_sql_int(reg, &n, &err, "SELECT count(*) FROM doomed", ""), 1);
        return n;
}

/* --- killed before any write ---------------------------------------------------------------- */
static bool writes(uint64_t call)
{
        static const long calls[] = { SYS_write, SYS_pwrite64, SYS_fsync, SYS_fdatasync, SYS_ftruncate, SYS_unlink, SYS_unlinkat, SYS_rename,
                                      SYS_sendto, SYS_openat };

        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
                if ((uint64_t)calls[i] == call)
                        return true;
        return false;
}

/* 0: it ended by itself, SIGKILL: it was killed before its Nth write; -1: nobody may be traced here. */
static int run_traced(const char *home, int step)
{
        const pid_t pid = fork();
        int status = 0, left = step;

        if (pid == 0) {
                struct layer_store store = { 0 };
                struct reg_collected collected = { 0 };
                struct reg *reg = NULL;
                struct bk_error err = { 0 };

                if (reg_open(home, &reg, &err) < 0 || layer_store_open(home, &store, &err) < 0)
                        _exit(1);
                if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
                        _exit(77);
                (void)raise(SIGSTOP);
                _exit(purge_and_collect(reg, &store, &collected, &err) < 0 ? 1 : 0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status))
                return WEXITSTATUS(status) == 77 ? -1 : WEXITSTATUS(status);
        assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, (void *)(PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD)), 0);
        for (;;) {
                struct __ptrace_syscall_info info = { 0 };

                (void)ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (!WIFSTOPPED(status))
                        return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
                if (WSTOPSIG(status) == (SIGTRAP | 0x80) && ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) > 0 &&
                    info.op == PTRACE_SYSCALL_INFO_ENTRY && writes(info.entry.nr) && --left == 0)
                        (void)kill(pid, SIGKILL);
        }
}

static void check_staying(struct reg *reg)
{
        for (size_t i = 0; i < STAYING; i++) {
                autofree char *id = id_of(staying[i]);
                struct bk_error err = { 0 };

                assert_ok(reg_image_find(reg, id, NULL, NULL, &err), err);
        }
}

static void a_kill_before_any_write_loses_nothing_and_forgets_nothing(void **state)
{
        struct fixture *f = *state;
        autostore store = { 0 };
        int status = SIGKILL, killed = 0, halves = 0;

        store_open(f, &store);
        for (int step = 1; status == SIGKILL; step++) {
                struct reg_collected collected = { 0 };
                struct bk_error err = { 0 };

                settle(f->reg, &store);
                reg_close(bk_take(f->reg));
                status = run_traced(f->home, step);
                assert_ok(reg_open(f->home, &f->reg, &err), err);
                if (status < 0) {
                        print_message("# nobody may be traced here: not tested\n");
                        return;
                }
                killed += status == SIGKILL;
                (void)check_blobs(f->reg, &store);
                check_staying(f->reg);
                halves += doomed(f->reg) > 0;
                /* The next run. */
                assert_ok(purge_and_collect(f->reg, &store, &collected, &err), err);
                assert_int_equal(check_blobs(f->reg, &store), STAYING);
                assert_int_equal(doomed(f->reg), 0);
                check_staying(f->reg);
                assert_true(log_is_good(f->reg, NULL));
        }
        print_message("# killed before %d writes, %d times between the two phases\n", killed, halves);
        assert_int_equal(status, 0);
        assert_true(killed >= 20);
        assert_true(halves >= 3);
}

/* --- what comes back -------------------------------------------------------------------------- */
static void a_layer_that_comes_back_is_not_removed(void **state)
{
        struct fixture *f = *state;
        autofree char *one = NULL, *two = NULL;
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        struct reg_collected collected = { 0 };
        autostore store = { 0 };
        struct bk_error err = { 0 };

        store_open(f, &store);
        assert_ok(publish(f->reg, &store, &(struct recipe){ .seed = "1", .layer = "shared" }, &err), err);
        one = id_of("1");
        two = id_of("2");
        assert_ok(reg_remove(f->reg, one, &because, &gone, &err), err);
        assert_int_equal(gone.n, 1);
        assert_int_equal(doomed(f->reg), 1);
        assert_ok(publish(f->reg, &store, &(struct recipe){ .seed = "2", .layer = "shared" }, &err), err);
        assert_int_equal(doomed(f->reg), 0);
        assert_ok(reg_collect(f->reg, &store, &collected, &err), err);
        assert_int_equal(collected.blobs, 0);
        assert_int_equal(check_blobs(f->reg, &store), 1);
        print_message("# a row of \"doomed\" whose layer is needed does no harm, and is not removed: it may be of a purge after the look\n");
        assert_ok(reg_sql_run(f->reg, &err, "INSERT INTO doomed SELECT digest, size, 1 FROM layer", ""), err);
        assert_ok(reg_collect(f->reg, &store, &collected, &err), err);
        assert_int_equal(collected.blobs, 0);
        assert_int_equal(doomed(f->reg), 1);
        reg_layers_done(&gone);
        assert_ok(reg_remove(f->reg, two, &because, &gone, &err), err);
        assert_ok(reg_collect(f->reg, &store, &collected, &err), err);
        assert_int_equal(collected.blobs, 1);
        assert_int_equal(collected.bytes, strlen("shared"));
        assert_int_equal(check_blobs(f->reg, &store), 0);
}

static void grow_old(const char *note)
{
        const struct timespec then = { .tv_sec = time(NULL) - LAYER_AWAITED_S - 10 }, times[2] = { then, then };

        assert_int_equal(utimensat(AT_FDCWD, note, times, 0), 0);
}

static void a_layer_that_is_awaited_is_left_for_later(void **state)
{
        struct fixture *f = *state;
        autofree char *one = id_of("1"), *digest = layer_digest("shared"), *note = NULL;
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        struct reg_collected collected = { 0 };
        autostore store = { 0 };
        struct bk_error err = { 0 };

        store_open(f, &store);
        assert_ok(publish(f->reg, &store, &(struct recipe){ .seed = "1", .layer = "shared" }, &err), err);
        assert_ok(reg_remove(f->reg, one, &because, &gone, &err), err);
        assert_int_equal(layer_claim(&store, digest, &err), 1);
        assert_ok(reg_collect(f->reg, &store, &collected, &err), err);
        assert_int_equal(collected.blobs, 0);
        assert_int_equal(doomed(f->reg), 1);
        note = bk_format("%s/awaited/%s", store.run, digest + 7);
        grow_old(note);
        assert_ok(reg_collect(f->reg, &store, &collected, &err), err);
        assert_int_equal(collected.blobs, 1);
        assert_int_equal(layer_claim(&store, digest, &err), 0);
        assert_int_equal(doomed(f->reg), 0);
}

/* --- notes of who awaits -------------------------------------------------------------------- */
static void notes_of_layers_that_are_needed_go_too(void **state)
{
        struct fixture *f = *state;
        autofree char *digest = layer_digest("shared"), *note = NULL;
        struct reg_collected collected = { 0 };
        autostore store = { 0 };
        struct bk_error err = { 0 };

        store_open(f, &store);
        assert_ok(layer_awaited_sweep(&store, &err), err);
        note = bk_format("%s/awaited/%s", store.run, digest + 7);
        assert_ok(publish(f->reg, &store, &(struct recipe){ .seed = "1", .layer = "shared" }, &err), err);
        assert_int_equal(layer_claim(&store, digest, &err), 1);
        assert_ok(reg_collect(f->reg, &store, &collected, &err), err);
        assert_true(bk_exists(note));
        grow_old(note);
        assert_false(layer_awaited(&store, digest));
        assert_true(bk_exists(note));
        assert_ok(reg_collect(f->reg, &store, &collected, &err), err);
        assert_false(bk_exists(note));
        assert_int_equal(check_blobs(f->reg, &store), 1);
}

static void a_note_that_is_made_young_is_not_swept(void **state)
{
        struct fixture *f = *state;
        autofree char *digest = layer_digest("shared"), *note = NULL;
        autostore store = { 0 };
        struct bk_error err = { 0 };
        pid_t sweeper;

        store_open(f, &store);
        note = bk_format("%s/awaited/%s", store.run, digest + 7);
        assert_ok(layer_await(&store, digest, &err), err);
        sweeper = bk_fork();
        while (sweeper == 0)
                if (layer_awaited_sweep(&store, NULL) < 0)
                        _exit(1);
        for (int i = 0; i < 5000; i++) {
                const struct timespec then = { .tv_sec = time(NULL) - LAYER_AWAITED_S - 10 }, times[2] = { then, then };

                (void)utimensat(AT_FDCWD, note, times, 0);      /* unless it was swept already */
                assert_ok(layer_await(&store, digest, &err), err);
                assert_true(layer_awaited(&store, digest));
        }
        (void)kill(sweeper, SIGKILL);
        assert_int_equal(bk_wait(sweeper, 10000), 128 + SIGKILL);
}

static void many_are_collected_in_turns(void **state)
{
        struct fixture *f = *state;
        struct reg_collected collected = { 0 };
        autostore store = { 0 };
        struct bk_error err = { 0 };

        store_open(f, &store);
        for (int i = 0; i < 50; i++) {
                autofree char *word = bk_format("blob %d", i), *digest = layer_digest(word);

                put_blob(&store, word);
                assert_ok(reg_sql_run(f->reg, &err, "INSERT INTO doomed (digest, size, at) VALUES (?, 1, 1)", "t", digest), err);
                if (i % 7 == 0)
                        assert_ok(layer_await(&store, digest, &err), err);
        }
        assert_ok(reg_collect(f->reg, &store, &collected, &err), err);
        assert_int_equal(collected.blobs, 42);
        assert_int_equal(check_blobs(f->reg, &store), 8);
}

/* --- deletions -------------------------------------------------------------------------------------- */
/* Publishes an image of that seed and deletes it as a client does; the bytes that came free. before: what happens to its blob in between. */
static int64_t deleted(struct reg *reg, const struct layer_store *store, const char *seed, void (*before)(const char *path))
{
        autofree char *word = bk_format("layer of %s", seed), *digest = layer_digest(word), *blob = layer_path(store, digest), *id = id_of(seed);
        autofree char *path = bk_format("/images/%s", id);
        const struct reg_request request = { .method = "DELETE", .path = path, .query = "", .who = "ada", .role = REG_ADMIN, .store = store };
        BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };
        struct bk_error err = { 0 };
        int64_t freed;
        json_t *json;

        assert_ok(publish(reg, store, &(struct recipe){ .seed = seed }, &err), err);
        if (before != NULL)
                before(blob);
        reg_api(reg, &request, &answer);
        assert_int_equal(answer.status, 200);
        json = json_loadb(answer.text, answer.length, 0, NULL);
        freed = json_integer_value(json_object_get(json, "freed"));
        json_decref(json);
        return freed;
}

static void obstruct(const char *path)
{
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkdir(path, 0755), 0);
}

static void a_deletion_collects_its_own_layers_and_does_not_fail_for_them(void **state)
{
        struct fixture *f = *state;
        autofree char *other = id_of("other"), *hindered = layer_digest("layer of hindered"), *path = NULL;
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        struct reg_collected collected = { 0 };
        autoclose int hold = -1;
        autostore store = { 0 };
        struct bk_error err = { 0 };

        store_open(f, &store);
        path = layer_path(&store, hindered);
        assert_ok(publish(f->reg, &store, &(struct recipe){ .seed = "other" }, &err), err);
        assert_ok(reg_remove(f->reg, other, &because, &gone, &err), err);
        print_message("# what others left is not its own\n");
        assert_int_equal(deleted(f->reg, &store, "mine", NULL), strlen("layer of mine"));
        assert_int_equal(doomed(f->reg), 1);
        assert_int_equal(check_blobs(f->reg, &store), 1);
        print_message("# a blob that cannot be removed\n");
        assert_int_equal(deleted(f->reg, &store, "hindered", obstruct), 0);
        assert_int_equal(doomed(f->reg), 2);
        assert_int_equal(rmdir(path), 0);
        print_message("# somebody records a layer, and takes long\n");
        assert_ok(layer_store_hold(&store, false, &hold, &err), err);
        assert_int_equal(deleted(f->reg, &store, "busy", NULL), 0);
        assert_int_equal(doomed(f->reg), 3);
        (void)close(bk_take_fd(hold));
        assert_ok(reg_collect(f->reg, &store, &collected, &err), err);
        assert_int_equal(collected.blobs, 2);
        assert_int_equal(collected.bytes, strlen("layer of other") + strlen("layer of busy"));
        assert_int_equal(doomed(f->reg), 0);
        assert_int_equal(check_blobs(f->reg, &store), 0);
}

/* --- who waits to be alone ----------------------------------------------------------------------- */
/* Says "a" or "s" once it holds the store, and lets go. */
static void start_holder(const struct layer_store *store, bool alone, int told, int inherited)
{
        if (fork() == 0) {
                struct bk_error err = { 0 };
                int hold = -1;

                (void)close(inherited);
                if (layer_store_hold(store, alone, &hold, &err) < 0 || write(told, alone ? "a" : "s", 1) != 1)
                        _exit(1);
                _exit(0);
        }
}

static void who_waits_to_be_alone_goes_first(void **state)
{
        struct fixture *f = *state;
        autofree char *gate = NULL;
        autostore store = { 0 };
        struct bk_error err = { 0 };
        int hold = -1, ends[2], status = 0;
        char told[3] = "";

        store_open(f, &store);
        gate = bk_format("%s/layers.gate", store.run);
        assert_int_equal(pipe(ends), 0);
        assert_ok(layer_store_hold(&store, false, &hold, &err), err);
        start_holder(&store, true, ends[1], hold);
        for (bool shut = false; !shut;) {
                autoclose int fd = open(gate, O_RDONLY | O_CLOEXEC);

                assert_true(fd >= 0);
                shut = flock(fd, LOCK_SH | LOCK_NB) < 0;
        }
        start_holder(&store, false, ends[1], hold);
        (void)close(hold);
        (void)close(ends[1]);
        assert_int_equal(read(ends[0], told, 1), 1);
        assert_int_equal(read(ends[0], told + 1, 1), 1);
        assert_string_equal(told, "as");
        for (int i = 0; i < 2; i++) {
                assert_true(wait(&status) > 0);
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        (void)close(ends[0]);
}

/* --- while others write ------------------------------------------------------------------------ */
/* Collects when it is told to, with a registry that was opened before. */
static pid_t start_collector(const char *home, int *ret_go)
{
        int go[2], ready[2];
        char byte = 0;
        pid_t pid;

        assert_int_equal(pipe(go) | pipe(ready), 0);
        pid = bk_fork();
        if (pid == 0) {
                struct reg_collected collected = { 0 };
                struct layer_store store = { 0 };
                struct bk_error err = { 0 };
                struct reg *reg = NULL;

                if (reg_open(home, &reg, &err) < 0 || layer_store_open(home, &store, &err) < 0 || write(ready[1], "r", 1) != 1 ||
                    read(go[0], &byte, 1) != 1 || reg_collect(reg, &store, &collected, &err) < 0)
                        _exit(1);
                reg_close(reg);
                _exit(0);
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        (void)close(ready[0]);
        (void)close(ready[1]);
        (void)close(go[0]);
        *ret_go = go[1];
        return pid;
}

/* Somebody writes to the database all the while: the collector has removed the blob, and waits. A bake that is done need not wait for it.
 * The layer comes again, and is purged again: its note is a new one, though it looks like the old. */
static void a_collection_that_waits_for_the_database_holds_up_nobody(void **state)
{
        struct fixture *f = *state;
        autofree char *digest = layer_digest("layer of 1"), *path = NULL, *one = id_of("1");
        BK_CLEANUP(reg_layers_done) struct reg_layers gone = { 0 };
        struct reg_collected collected = { 0 };
        autoclose int hold = -1;
        autostore store = { 0 };
        struct bk_error err = { 0 };
        pid_t collector;
        int go = -1;

        store_open(f, &store);
        path = layer_path(&store, digest);
        assert_ok(publish(f->reg, &store, &(struct recipe){ .seed = "1" }, &err), err);
        assert_ok(publish(f->reg, &store, &(struct recipe){ .seed = "2" }, &err), err);
        assert_ok(reg_remove(f->reg, one, &because, &gone, &err), err);
        collector = start_collector(f->home, &go);
        {
                autotxn txn = { 0 };

                assert_ok(reg_txn_write(f->reg, &txn, &err), err);
                assert_int_equal(write(go, "g", 1), 1);
                while (bk_exists(path))
                        ;
                assert_ok(layer_store_hold(&store, false, &hold, &err), err);
                put_blob(&store, "layer of 1");
                assert_ok(reg_txn_commit(&txn, &err), err);
        }
        (void)close(go);
        assert_int_equal(bk_wait(collector, 60000), 0);
        assert_int_equal(doomed(f->reg), 1);
        assert_int_equal(check_blobs(f->reg, &store), 2);
        (void)close(bk_take_fd(hold));
        assert_ok(reg_collect(f->reg, &store, &collected, &err), err);
        assert_int_equal(collected.blobs, 1);
        assert_int_equal(doomed(f->reg), 0);
        assert_int_equal(check_blobs(f->reg, &store), 1);
}

/* --- while others publish --------------------------------------------------------------------- */
enum { BAKERS = 3, ROUNDS = 25, WORDS = 4 };

/* Half of the layers come back again and again, as there are few of them. What was published before goes to the trash. */
static int bake_on_and_on(const char *home, int baker)
{
        struct layer_store store = { 0 };
        struct reg *reg = NULL;
        struct bk_error err = { 0 };

        if (reg_open(home, &reg, &err) < 0 || layer_store_open(home, &store, &err) < 0)
                return 1;
        for (int i = 0; i < ROUNDS; i++) {
                autofree char *seed = bk_format("%d.%d", baker, i), *id = id_of(seed);
                autofree char *word = i % 2 == 0 ? bk_format("shared %d", (baker + i) % WORDS) : bk_format("only %s", seed);

                if (publish(reg, &store, &(struct recipe){ .seed = seed, .layer = word }, &err) < 0 ||
                    (i % 5 != 4 && reg_trash(reg, id, 1000, &because, &err) < 0)) {
                        (void)fprintf(stderr, "# baker %d: %s\n", baker, err.text);
                        return 1;
                }
        }
        reg_close(reg);
        layer_store_done(&store);
        return 0;
}

static void purge_all_trash(struct reg *reg, const struct layer_store *store, struct reg_collected *total)
{
        struct reg_collected collected = { 0 };
        struct bk_error err = { 0 };
        json_t *rows = NULL, *row;
        char *next = NULL;
        size_t i;

        assert_ok(reg_trash_json(reg, NULL, 100000, &rows, &next, &err), err);
        assert_null(next);
        json_array_foreach(rows, i, row) {
                const char *const ids[] = { json_string_value(json_object_get(row, "id")) };
                const struct reg_pruning pruning = { .ids = ids, .n = 1, .what = REG_PRUNE_PURGE };
                struct reg_pruned pruned = { 0 };

                assert_ok(reg_prune_do(reg, &pruning, &because, &pruned, &err), err);
                assert_true(pruned.done[0]);
                reg_pruned_done(&pruned, 1);
        }
        json_decref(rows);
        assert_ok(reg_collect(reg, store, &collected, &err), err);
        total->blobs += collected.blobs;
}

static void collecting_goes_on_while_others_publish(void **state)
{
        struct fixture *f = *state;
        struct reg_collected total = { 0 };
        autostore store = { 0 };
        int living = BAKERS, status = 0, turns = 0;

        store_open(f, &store);
        for (int i = 0; i < BAKERS; i++)
                if (fork() == 0)
                        _exit(bake_on_and_on(f->home, i));
        for (; living > 0; turns++) {
                purge_all_trash(f->reg, &store, &total);
                while (living > 0 && waitpid(-1, &status, WNOHANG) > 0) {
                        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                        living--;
                }
        }
        purge_all_trash(f->reg, &store, &total);
        print_message("# %zu blobs in %d collections\n", total.blobs, turns);
        assert_true(total.blobs > 0);
        assert_int_equal(doomed(f->reg), 0);
        (void)check_blobs(f->reg, &store);
        autofree char *left = found(f->reg, "base", &(struct bk_error){ 0 });

        assert_non_null(left);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(a_layer_that_comes_back_is_not_removed),
                registry_test(a_layer_that_is_awaited_is_left_for_later),
                registry_test(notes_of_layers_that_are_needed_go_too),
                sqlite_test(a_note_that_is_made_young_is_not_swept),
                registry_test(many_are_collected_in_turns),
                registry_test(a_deletion_collects_its_own_layers_and_does_not_fail_for_them),
                sqlite_test(who_waits_to_be_alone_goes_first),
                registry_test(a_collection_that_waits_for_the_database_holds_up_nobody),
                registry_test(collecting_goes_on_while_others_publish),
                registry_test(a_kill_before_any_write_loses_nothing_and_forgets_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
