/* kill -9, five hundred times, while images are published, promoted and revoked: what was acknowledged stays, and nothing is half done.
 * And many at once: of those that publish one version, one wins. */
#include "tests/unit/registry/life.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "registry/registry_priv.h"

#define KILLS 500
#define KILLS_POSTGRES 100              /* there it is the connection that breaks, not the file */
#define CLIENTS 32

/* --- what always holds ---------------------------------------------------------- */
#define INVARIANTS "tests/registry-invariants.txt"

static void assert_none(struct reg *reg, const char *why, const char *sql)
{
        struct bk_error err = { 0 };
        int64_t n = -1;

        if (reg_sql_int(reg, &n, &err, sql, "") != 1 || n != 0)
                fail_msg("%s: %lld (%s)", why, (long long)n, err.text);
}

static void assert_whole(struct reg *reg)
{
        autofile FILE *file = fopen(INVARIANTS, "re");
        autofree char *line = NULL;
        size_t room = 0, n = 0;
        ssize_t length;

        assert_non_null(file);
        while ((length = getline(&line, &room, file)) > 0) {
                char *sql = memchr(line, '\t', (size_t)length);

                line[length - 1] = '\0';
                if (line[0] == '#')
                        continue;
                assert_non_null(sql);
                *sql++ = '\0';
                assert_none(reg, line, sql);
                n++;
        }
        assert_in_range(n, 9, 1000);
        if (getenv("BAKERY_DB") == NULL) {      /* PostgreSQL looks after itself */
                autofree char *table = NULL;
                struct bk_error err = { 0 };

                assert_int_equal(reg_sql_text(reg, &table, &err, "PRAGMA foreign_key_check", ""), 0);
        }
}

/* --- what is done --------------------------------------------------------------- */
static int publish(struct reg *reg, const char *seed, struct bk_error *err)
{
        static const struct reg_package packages[] = { { .name = (char *)"bash", .version = (char *)"5", .ecosystem = (char *)"deb" } };
        autofree char *root = strcmp(seed, "root") == 0 ? NULL : id_of("root");

        return bake(reg, &(struct recipe){ .seed = seed, .ancestor = root, .state = REG_TESTED, .packages = packages, .n_packages = 1,
                    .attributes = { PAIR("release", "bookworm"), PAIR("seed", seed) } }, err);
}

static const char *head_seed(struct reg *reg)
{
        BK_CLEANUP(reg_image_done) struct reg_image head = { 0 };
        autofree char *a = id_of("a");
        struct bk_error err = { 0 };

        assert_ok(reg_resolve(reg, "base:production", &head, &err), err);
        return bk_streq(head.id, a) ? "a" : "b";
}

struct deed { int kind; char seed[16]; bool lift; };

static struct deed next_deed(struct reg *reg, int i)
{
        struct deed deed = { .kind = i % 3 };
        autofree char *root = id_of("m");

        (void)snprintf(deed.seed, sizeof deed.seed, "%d", i);
        if (deed.kind == 1)
                (void)snprintf(deed.seed, sizeof deed.seed, "%s", strcmp(head_seed(reg), "a") == 0 ? "b" : "a");
        deed.lift = deed.kind == 2 && state_of(reg, root) == REG_REVOKED;
        return deed;
}

static int do_it(struct reg *reg, const struct deed *deed, struct bk_error *err)
{
        autofree char *id = id_of(deed->kind == 2 ? "m" : deed->seed);

        switch (deed->kind) {
        case 0:         return publish(reg, deed->seed, err);
        case 1:         return reg_channel_point(reg, "production", id, &because, err);
        default:        return deed->lift ? reg_revocation_lift(reg, id, &because, err) :
                                            reg_revoke(reg, id, &(struct reg_revocation){ .spreads = true }, &because, err);
        }
}

static bool is_done(struct reg *reg, const struct deed *deed)
{
        autofree char *id = id_of(deed->kind == 2 ? "n" : deed->seed);
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

        switch (deed->kind) {
        case 0:         return reg_resolve(reg, id, &image, &(struct bk_error){ 0 }) == 0;
        case 1:         return strcmp(head_seed(reg), deed->seed) == 0;
        default:        return (state_of(reg, id) == REG_REVOKED) != deed->lift;
        }
}

/* --- and undone in the middle ------------------------------------------------------ */
/* Tells "r" when it begins and "d" when it was told that it is done. */
static void work(const char *home, const struct deed *deed, int pipe)
{
        struct reg *reg = NULL;
        struct bk_error err = { 0 };

        if (reg_open(home, &reg, &err) < 0 || write(pipe, "r", 1) != 1)
                _exit(1);
        if (do_it(reg, deed, &err) < 0) {
                (void)fprintf(stderr, "# %s\n", err.text);
                _exit(1);
        }
        _exit(write(pipe, "d", 1) == 1 ? 0 : 1);
}

static long us_since(const struct timespec *start)
{
        struct timespec now;

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (now.tv_sec - start->tv_sec) * 1000000 + (now.tv_nsec - start->tv_nsec) / 1000;
}

/* Kills after delay_us, or lets it end where that is negative; returns whether it was acknowledged, and how long it took. */
static bool kill_one(const char *home, const struct deed *deed, long delay_us, bool *ret_killed, long *ret_us)
{
        struct timespec start;
        int ends[2], status = 0;
        char told[2] = "";
        pid_t pid;

        assert_int_equal(pipe(ends), 0);
        pid = fork();
        if (pid == 0) {
                (void)close(ends[0]);
                work(home, deed, ends[1]);
        }
        (void)close(ends[1]);
        assert_int_equal(read(ends[0], told, 1), 1);
        (void)clock_gettime(CLOCK_MONOTONIC, &start);
        if (delay_us >= 0) {
                (void)usleep((useconds_t)delay_us);             /* the moment is what is tested */
                (void)kill(pid, SIGKILL);
        }
        const bool acknowledged = read(ends[0], told + 1, 1) == 1;

        *ret_us = us_since(&start);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        (void)close(ends[0]);
        *ret_killed = WIFSIGNALED(status);
        assert_true(*ret_killed || WEXITSTATUS(status) == 0);
        return acknowledged;
}

static void reopen(struct fixture *f)
{
        struct bk_error err = { 0 };

        assert_ok(reg_open(f->home, &f->reg, &err), err);
}

static void set_up(struct reg *reg)
{
        autofree char *a = id_of("a"), *m = id_of("m");
        static const char *const seeds[] = { "root", "a", "b", "m" };
        static const struct reg_package packages[] = { { .name = (char *)"bash", .version = (char *)"5", .ecosystem = (char *)"deb" } };
        struct bk_error err = { 0 };

        for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
                assert_ok(publish(reg, seeds[i], &err), err);
        assert_ok(bake(reg, &(struct recipe){ .seed = "n", .ancestor = m, .state = REG_TESTED, .packages = packages, .n_packages = 1,
                       .attributes = { PAIR("release", "bookworm"), PAIR("seed", "n") } }, &err), err);
        assert_ok(reg_channel_point(reg, "production", a, &because, &err), err);
}

static void nothing_acknowledged_is_lost_and_nothing_is_half_done(void **state)
{
        struct fixture *f = *state;
        const char *seed = getenv("BAKERY_TEST_SEED");
        unsigned random = seed != NULL ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);
        const int kills = getenv("BAKERY_DB") == NULL ? KILLS : KILLS_POSTGRES;
        long whole_us[3] = { 0 };
        int killed = 0, done = 0, lost = 0;

        print_message("# seed %u (BAKERY_TEST_SEED repeats it)\n", random);
        set_up(f->reg);
        for (int i = 0; killed < kills; i++) {
                const struct deed deed = next_deed(f->reg, i);
                const bool measured = whole_us[deed.kind] == 0;
                const long delay = measured ? -1 : (long)(rand_r(&random) % (unsigned)(whole_us[deed.kind] * 5 / 4 + 1));
                bool was_killed = false, acknowledged, is;
                long us = 0;

                reg_close(bk_take(f->reg));
                acknowledged = kill_one(f->home, &deed, delay, &was_killed, &us);
                reopen(f);
                if (measured)
                        whole_us[deed.kind] = us;
                is = is_done(f->reg, &deed);
                killed += was_killed;
                done += is;
                lost += acknowledged && !is;
                assert_whole(f->reg);
                assert_in_range(i, 0, 10 * KILLS);
        }
        assert_true(log_is_good(f->reg, NULL));
        print_message("# killed %d times, %d changes took place; publishing took %ld us, promoting %ld, revoking %ld\n", killed, done, whole_us[0],
                      whole_us[1], whole_us[2]);
        assert_int_equal(lost, 0);
        assert_in_range(done, 1, 10 * KILLS);
}

/* --- many at once --------------------------------------------------------------------- */
static int publish_version(struct reg *reg, const char *seed, const char *version, const char *architecture, bool unique, struct bk_error *err)
{
        autofree char *manifest = bk_format("{\"seed\": \"%s\"}", seed), *id = id_of(seed), *digest = layer_digest(seed);
        struct reg_pair attributes[] = { PAIR("architecture", architecture), PAIR("version", version) };
        const struct reg_layer layer = { .digest = digest, .size = 1, .virtual_size = 1 };
        const struct reg_image image = { .id = id, .name = (char *)"web", .type = (char *)"base", .layer = digest, .created_by = (char *)"eve",
                                         .attributes = attributes + (architecture == NULL), .n_attributes = architecture == NULL ? 1 : 2 };

        return reg_publish(reg, &(struct reg_publication){ .image = &image, .layer = &layer, .manifest = manifest, .unique_version = unique }, err);
}

static void of_one_version_one_wins(void **state)
{
        struct fixture *f = *state;
        int winners = 0;

        for (int i = 0; i < CLIENTS; i++)
                if (fork() == 0) {
                        autofree char *seed = bk_format("client %d", i);
                        struct reg *reg = NULL;
                        struct bk_error err = { 0 };

                        if (reg_open(f->home, &reg, &err) < 0)
                                _exit(2);
                        _exit(publish_version(reg, seed, "1.2.3", "amd64", true, &err) == 0 ? 0 : err.kind == BK_CONFLICT ? 1 : 2);
                }
        for (int i = 0; i < CLIENTS; i++) {
                int status = 0;

                assert_true(wait(&status) > 0);
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
                winners += WEXITSTATUS(status) == 0;
        }
        assert_int_equal(winners, 1);
}

static void versions_are_unique_where_that_is_asked(void **state)
{
        struct fixture *f = *state;
        static const struct { const char *why, *seed, *version, *architecture; bool unique; int status; } rows[] = {
                { "nobody asks",                        "1", "1", "amd64", false,  0 },
                { "nobody asks, twice is fine",         "2", "1", "amd64", false,  0 },
                { "one asks, and is not alone",         "3", "1", "amd64", true,  -1 },
                { "another architecture",               "4", "1", "arm64", true,   0 },
                { "another version",                    "5", "2", "amd64", true,   0 },
                { "it binds who comes later",           "6", "2", "amd64", false, -1 },
                { "without an architecture",            "7", "2", NULL,    true,   0 },
                { "without an architecture, again",     "8", "2", NULL,    true,  -1 },
        };
        autofree char *five = id_of("5"), *nine = id_of("9");
        struct bk_error err = { 0 };

        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                err = (struct bk_error){ 0 };
                print_message("# %s\n", rows[i].why);
                assert_int_equal(publish_version(f->reg, rows[i].seed, rows[i].version, rows[i].architecture, rows[i].unique, &err), rows[i].status);
                if (rows[i].status < 0)
                        assert_int_equal(err.kind, BK_CONFLICT);
        }
        print_message("# a bad one is baked again under its version, and stays away\n");
        assert_ok(reg_revoke(f->reg, five, &(struct reg_revocation){ .spreads = true }, &because, &err), err);
        assert_ok(publish_version(f->reg, "9", "2", "amd64", true, &err), err);
        assert_fails_with(reg_revocation_lift(f->reg, five, &because, &err), err, BK_CONFLICT);
        assert_non_null(strstr(err.text, nine));
        assert_state(f->reg, five, REG_REVOKED);
        assert_ok(state_set(f->reg, nine, REG_TRASHED, "bob", NULL, &err), err);
        assert_ok(reg_revocation_lift(f->reg, five, &because, &err), err);
        assert_fails_with(reg_untrash(f->reg, nine, &because, &err), err, BK_CONFLICT);
        assert_fails_with(state_set(f->reg, nine, REG_TESTED, "bob", "x", &err), err, BK_CONFLICT);
}

static void a_version_that_is_to_be_unique_is_needed(void **state)
{
        struct fixture *f = *state;
        autofree char *digest = layer_digest("l"), *id = id_of("1");
        const struct reg_layer layer = { .digest = digest, .size = 1, .virtual_size = 1 };
        const struct reg_image image = { .id = id, .name = (char *)"web", .type = (char *)"base", .layer = digest };
        struct bk_error err = { 0 };

        assert_fails_with(reg_publish(f->reg, &(struct reg_publication){ .image = &image, .layer = &layer, .manifest = "{\"seed\": \"1\"}",
                                      .unique_version = true }, &err), err, BK_INVALID);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                registry_test(versions_are_unique_where_that_is_asked),
                registry_test(a_version_that_is_to_be_unique_is_needed),
                registry_test(of_one_version_one_wins),
                registry_test(nothing_acknowledged_is_lost_and_nothing_is_half_done),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
