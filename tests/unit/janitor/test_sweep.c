/* What the dead leave, and the table that undoes it. Kills of whole bakes are in tests/system/61-sweep.t. */
#include "tests/unit/registry/fixture.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "janitor/sweep.h"
#include "lib/buf.h"
#include "lib/lease.h"
#include "lib/run.h"
#include "registry/bake.h"

struct place { struct layer_store store; char *leases; struct bk_buf told; };

static void tell(void *arg, const struct janitor_leftover *leftover)
{
        struct place *place = arg;

        bk_buf_printf(&place->told, "%s %s%s%s\n", janitor_end_name(leftover->end), leftover->kind != NULL ? leftover->kind : "lease",
                      leftover->why != NULL ? ": " : "", leftover->why != NULL ? leftover->why : "");
}

static struct place open_place(const struct fixture *f)
{
        struct place place = { .leases = bk_format("%s/run/leases", f->home) };
        struct bk_error err = { 0 };

        assert_ok(layer_store_open(f->home, &place.store, &err), err);
        assert_ok(bk_mkdir_p(place.leases, &err), err);
        return place;
}

static void close_place(struct place *place)
{
        layer_store_done(&place->store);
        bk_buf_done(&place->told);
        free(place->leases);
}

static struct janitor_swept sweep(struct place *place, bool look_only)
{
        const struct janitor_sweep how = { .store = &place->store, .look_only = look_only, .tell = tell, .arg = place };
        struct janitor_swept swept = { 0 };
        struct bk_error err = { 0 };

        bk_buf_done(&place->told);
        assert_ok(janitor_sweep(&how, &swept, &err), err);
        if (place->told.data == NULL)
                bk_buf_printf(&place->told, "%s", "");
        return swept;
}

/* As a process that died left it. first: instead of the line that begins a lease of this boot. */
static void leave(const struct place *place, const char *first, const char *notes)
{
        autofree char *path = bk_format("%s/x.lease", place->leases), *text = NULL, *boot = NULL;
        autofile FILE *file = fopen(path, "we");
        struct bk_error err = { 0 };

        assert_ok(bk_read_file("/proc/sys/kernel/random/boot_id", 64, &boot, NULL, &err), err);
        boot[strcspn(boot, "\n")] = '\0';
        text = first != NULL ? bk_format("%s%s", first, notes) : bk_format("lease 2 %s 1 1\n%s", boot, notes);
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
}

static bool left(const struct place *place)
{
        autofree char *path = bk_format("%s/x.lease", place->leases);

        return bk_exists(path);
}

static void forget(const struct place *place)
{
        autofree char *path = bk_format("%s/x.lease", place->leases);

        (void)unlink(path);
}

static void put(const char *folder, const char *name)
{
        autofree char *path = bk_format("%s/%s", folder, name);
        autofile FILE *file = fopen(path, "we");

        assert_non_null(file);
}

/* --- the living --------------------------------------------------------------------------- */

static void the_living_are_left_alone(void **state)
{
        struct place place = open_place(*state);
        struct bk_lease lease = BK_LEASE_NONE;
        struct bk_error err = { 0 };
        struct janitor_swept swept;

        assert_ok(bk_lease_take(place.leases, &lease, &err), err);
        assert_ok(bk_lease_note_self(&lease, &err), err);
        assert_ok(bk_lease_note(&lease, "draft", "aaaa", &err), err);
        put(place.store.drafts, "aaaa.qcow2");
        swept = sweep(&place, false);
        assert_int_equal(swept.held, 1);
        assert_int_equal(swept.leases + swept.stuck + swept.things, 0);
        assert_string_equal(place.told.data, "");
        bk_lease_done(&lease);
        swept = sweep(&place, false);
        assert_int_equal(swept.held, 0);
        close_place(&place);
}

/* --- the dead ------------------------------------------------------------------------------- */

static void a_killed_child_leaves_what_it_noted(void **state)
{
        struct place place = open_place(*state);
        autofree char *draft = bk_format("%s/bbbb.qcow2", place.store.drafts), *other = bk_format("%s/bbbbb.qcow2", place.store.drafts);
        struct bk_error err = { 0 };
        struct janitor_swept swept;
        pid_t pid;

        (void)fflush(NULL);
        pid = fork();
        if (pid == 0) {
                struct bk_lease lease = BK_LEASE_NONE;

                if (bk_lease_take(place.leases, &lease, &err) < 0 || bk_lease_note_self(&lease, &err) < 0 ||
                    bk_lease_note(&lease, "draft", "bbbb", &err) < 0)
                        _exit(1);
                put(place.store.drafts, "bbbb.qcow2");
                put(place.store.drafts, "bbbb.flat.qcow2");
                put(place.store.drafts, "bbbbb.qcow2");
                _exit(0);
        }
        assert_int_equal(bk_wait(pid, 60000), 0);
        swept = sweep(&place, true);
        assert_int_equal(swept.things, 1);
        assert_string_equal(place.told.data, "not there process\nleft draft\n");
        assert_true(bk_exists(draft));
        swept = sweep(&place, false);
        assert_int_equal(swept.leases, 1);
        assert_string_equal(place.told.data, "not there process\nundone draft\n");
        assert_false(bk_exists(draft));
        assert_int_equal(sweep(&place, false).leases, 0);
        assert_true(bk_exists(other));
        close_place(&place);
}

/* Each is told, and the lease stays. */
static void what_is_not_understood_stays(void **state)
{
        static const struct { const char *why, *first, *notes, *told; } cases[] = {
                { "a newer bakery", "lease 3 x 1 1\n", "draft a\n",
                  "stuck lease: it is of a newer bakery (version 3 of leases, this one knows 2)\n" },
                { "no version", "lease x\n", "", "stuck lease: it is damaged: line 1 is not \"lease VERSION BOOT PID START\"\n" },
                { "no note", NULL, "draft\n", "stuck lease: it is damaged: line 2 is not \"KIND VALUE\"\n" },
                { "no word", NULL, "draft a\n../x b\n", "stuck lease: it is damaged: line 3 is not \"KIND VALUE\"\n" },
                { "an unknown kind", NULL, "wormhole x\n", "stuck wormhole: this bakery does not know what a 'wormhole' is; a newer one may\n" },
                { "a path for a name", NULL, "draft ../../x\n", "stuck draft: '../../x' is no name that bakery gives\n" },
                { "a hidden name", NULL, "work .\n", "stuck work: '.' is no name that bakery gives\n" },
                { "no process", NULL, "process me\n", "stuck process: 'me' is not \"PID START NAMESPACE\"\n" },
                { "the first process", NULL, "process 1 0 0\n", "stuck process: '1 0 0' is not \"PID START NAMESPACE\"\n" },
                { "no mount", NULL, "mount 0:1\n", "stuck mount: '0:1' is not \"MAJOR:MINOR SOURCE\"\n" },
                { "no loop device", NULL, "loop 1 2\n", "stuck loop: '1 2' is not \"NUMBER SEQUENCE MAJOR:MINOR:INODE\"\n" },
                { "no file", NULL, "file 1:2:3 x\n", "stuck file: '1:2:3 x' is not \"MAJOR:MINOR:INODE PATH\"\n" },
                { "no guest", NULL, "domain x\n", "stuck domain: 'x' is not \"UUID URI\"\n" },
        };
        struct place place = open_place(*state);

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                print_message("# %s\n", cases[i].why);
                leave(&place, cases[i].first, cases[i].notes);
                assert_int_equal(sweep(&place, false).stuck, 1);
                assert_string_equal(place.told.data, cases[i].told);
                assert_true(left(&place));
                forget(&place);
        }
        close_place(&place);
}

/* What is cut off was not acquired; what is empty noted nothing. */
static void what_a_crash_cut_off_is_nothing(void **state)
{
        static const struct { const char *why, *first, *notes; } cases[] = {
                { "empty", "", "" }, { "half a first line", "lease 2 ab", "" }, { "half a note", NULL, "draft a" },
                { "an older one", "", "draft a\n" },
        };
        struct place place = open_place(*state);

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                print_message("# %s\n", cases[i].why);
                leave(&place, cases[i].first, cases[i].notes);
                assert_int_equal(sweep(&place, false).leases, 1);
                assert_false(left(&place));
        }
        close_place(&place);
}

/* Whoever runs us may have told the kernel to forget children: then nobody knows what became of the look. */
static void what_nobody_saw_the_end_of_is_stuck(void **state)
{
        struct place place = open_place(*state);
        struct sigaction ignore = { .sa_handler = SIG_IGN }, before;

        leave(&place, NULL, "mount 0:1 nothing\n");
        assert_int_equal(sigaction(SIGCHLD, &ignore, &before), 0);
        assert_int_equal(sweep(&place, false).stuck, 1);
        assert_int_equal(sigaction(SIGCHLD, &before, NULL), 0);
        assert_non_null(strstr(place.told.data, "nobody knows how it ended"));
        assert_true(left(&place));
        close_place(&place);
}

/* One that is stuck holds up neither the other notes nor the other leases. */
static void the_rest_goes_on(void **state)
{
        struct place place = open_place(*state);
        autofree char *draft = bk_format("%s/cccc.qcow2", place.store.drafts);
        struct janitor_swept swept;

        put(place.store.drafts, "cccc.qcow2");
        leave(&place, NULL, "draft cccc\nwormhole x\n");
        swept = sweep(&place, false);
        assert_int_equal(swept.stuck, 1);
        assert_int_equal(swept.things, 1);
        assert_false(bk_exists(draft));
        assert_true(left(&place));
        close_place(&place);
}

/* --- by identity ------------------------------------------------------------------------------ */

static pid_t start_sleeper(void)
{
        pid_t pid;

        (void)fflush(NULL);
        pid = bk_fork();
        if (pid == 0)
                for (;;)
                        (void)pause();
        return pid;
}

static void a_process_is_its_number_and_its_start(void **state)
{
        struct place place = open_place(*state);
        const pid_t pid = start_sleeper();
        unsigned long long start = 0;
        struct bk_error err = { 0 };

        assert_ok(bk_process_start(pid, NULL, &start, &err), err);
        const struct { const char *why; unsigned long long start, ns; const char *first, *told; } cases[] = {
                { "another's start", start + 1, bk_pid_namespace(), NULL, "not there process\n" },
                { "another namespace", start, bk_pid_namespace() + 1, NULL, "not there process\n" },
                { "before a restart", start, bk_pid_namespace(), "lease 2 before 1 1\n", "not there process\n" },
                { "itself", start, bk_pid_namespace(), NULL, "undone process\n" },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *note = bk_format("process %d %llu %llu\n", (int)pid, cases[i].start, cases[i].ns);

                print_message("# %s\n", cases[i].why);
                assert_int_equal(kill(pid, 0), 0);
                leave(&place, cases[i].first, note);
                (void)sweep(&place, false);
                assert_string_equal(place.told.data, cases[i].told);
        }
        assert_int_equal(bk_wait(pid, 60000), 137);
        close_place(&place);
}

static void a_file_is_its_folder_and_its_name(void **state)
{
        struct place place = open_place(*state);
        autofree char *path = bk_format("%s/out.raw.dddd.draft", place.store.cache);
        struct stat st;

        put(place.store.cache, "out.raw.dddd.draft");
        assert_int_equal(stat(place.store.cache, &st), 0);
        const struct { const char *why; ino_t inode; const char *told; bool left; } cases[] = {
                { "another folder", st.st_ino + 1, "not there file\n", true }, { "itself", st.st_ino, "undone file\n", false },
                { "once more", st.st_ino, "not there file\n", false },
        };

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
                autofree char *note = bk_format("file %u:%u:%ju %s\n", major(st.st_dev), minor(st.st_dev), (uintmax_t)cases[i].inode, path);

                print_message("# %s\n", cases[i].why);
                leave(&place, NULL, note);
                (void)sweep(&place, false);
                assert_string_equal(place.told.data, cases[i].told);
                assert_int_equal(bk_exists(path), cases[i].left);
        }
        close_place(&place);
}

/* --- rows ------------------------------------------------------------------------------------ */

static void a_bake_that_is_said_to_run_was_aborted(void **state)
{
        struct fixture *f = *state;
        struct place place = open_place(f);
        struct bk_error err = { 0 };
        bool runs = false;

        assert_ok(reg_bake_begin(f->reg, &(struct reg_bake){ .id = "eeee", .name = "web", .template = "t", .builder = "chroot", .who = "ada",
                                 .host = "oven", .log = "logs/x.log" }, &err), err);
        assert_ok(reg_bake_abort(f->reg, "eeee", false, &runs, &err), err);
        assert_true(runs);
        /* The sweep opens the registry of the state folder, which a schema of PostgreSQL is not. */
        if (f->schema == NULL) {
                leave(&place, NULL, "bake eeee\nbake none\n");
                (void)sweep(&place, false);
                assert_string_equal(place.told.data, "not there bake\nundone bake\n");
        } else {
                assert_ok(reg_bake_abort(f->reg, "eeee", true, &runs, &err), err);
        }
        assert_ok(reg_bake_abort(f->reg, "eeee", true, &runs, &err), err);
        assert_false(runs);
        assert_ok(reg_bake_abort(f->reg, "none", true, &runs, &err), err);
        assert_false(runs);
        close_place(&place);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                sqlite_test(the_living_are_left_alone),
                sqlite_test(a_killed_child_leaves_what_it_noted),
                sqlite_test(what_is_not_understood_stays),
                sqlite_test(what_a_crash_cut_off_is_nothing),
                sqlite_test(what_nobody_saw_the_end_of_is_stuck),
                sqlite_test(the_rest_goes_on),
                sqlite_test(a_process_is_its_number_and_its_start),
                sqlite_test(a_file_is_its_folder_and_its_name),
                registry_test(a_bake_that_is_said_to_run_was_aborted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
