/* Fills a registry with made-up images, and times questions.
 *
 *     registry_driver sample HOME                 a dozen images with packages, as bakes would record them
 *     registry_driver fill HOME IMAGES            very many, with 8 attributes, in lineages 20 deep; "root" has 10,000 descendants
 *     registry_driver newest HOME RUNS            newest tested image of random applications and attributes
 *     registry_driver anywhere HOME RUNS          the same without a name
 *     registry_driver descendants HOME RUNS
 *     registry_driver ask HOME RUNS QUERY         milliseconds: p50, p99, and the longest
 *     registry_driver facts HOME RUNS [KEY...]    what is known of all images, with these attributes: milliseconds, most MiB, images, kinds */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "lib/digest.h"
#include "registry/facts.h"
#include "registry/rank.h"
#include "registry/registry_priv.h"

enum { NAMES = 1000, TREE = 10001, CHAIN = 20, ATTRIBUTES = 8 };

static const char *const releases[] = { "bookworm", "bullseye", "precise", "trusty" }, *const architectures[] = { "amd64", "arm64" };
static const char *const virtualizations[] = { "hvm", "pv" }, *const environments[] = { "prod", "test", "dev" };
static const char *const instances[] = { "instance-store", "ebs" };

static void die(const struct bk_error *err)
{
        (void)fprintf(stderr, "%s\n", err->text);
        exit(1);
}

/* --- very many images ---------------------------------------------------------------- */
/* Always the same ones: a number in, a number out. */
static uint64_t mix(uint64_t x)
{
        x += 0x9e3779b97f4a7c15;
        x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
        x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
        return x ^ (x >> 31);
}

static char *name_of(int64_t i)
{
        return i <= TREE ? bk_strdup("root") : bk_format("app-%03d", (int)(mix((uint64_t)i / CHAIN) % NAMES));
}

static int64_t ancestor_of(int64_t i)
{
        return i <= 1 ? 0 : i <= TREE ? i / 2 : i % CHAIN == 0 ? 0 : i - 1;
}

static void pairs_of(int64_t i, struct reg_pair pairs[ATTRIBUTES])
{
        const uint64_t r = mix((uint64_t)i);
        const char *const keys[ATTRIBUTES] = { "architecture", "build", "environment", "instance_type", "kernel", "release", "team",
                                               "virtualization_type" };

        for (int k = 0; k < ATTRIBUTES; k++)
                pairs[k].key = (char *)keys[k];
        pairs[0].value = bk_strdup(architectures[r % 2]);
        pairs[1].value = bk_format("%lld", (long long)i);
        pairs[2].value = bk_strdup(environments[(r >> 8) % 3]);
        pairs[3].value = bk_strdup(instances[(r >> 16) % 2]);
        pairs[4].value = bk_format("6.%d.%d-%d", (int)((r >> 24) % 12), (int)((r >> 32) % 40), (int)((r >> 40) % 5));
        pairs[5].value = bk_strdup(releases[(r >> 48) % 4]);
        pairs[6].value = bk_format("team-%02d", (int)((r >> 52) % 50));
        pairs[7].value = bk_strdup(virtualizations[(r >> 58) % 2]);
}

static int put_image(struct reg *reg, struct reg_stmt *image, struct reg_stmt *log, struct reg_stmt *attribute, int64_t i, struct bk_error *err)
{
        autofree char *name = name_of(i), *number = bk_format("%lld", (long long)i), *id = bk_digest_bytes(number, strlen(number));
        const int64_t at = 1600000000 + i * 60, roll = (int64_t)(mix((uint64_t)i + 7) % 100);
        const int64_t state = roll < 50 ? REG_BAKED : roll < 85 ? REG_TESTED : roll < 90 ? REG_PROMOTED : REG_DEPRECATED;
        struct reg_pair pairs[ATTRIBUTES];

        if (reg_sql_bind(reg, image, err, "ittirii", i, id, name, state, ancestor_of(i), (int64_t)mix((uint64_t)i) & 0xffffff, at) < 0 ||
            reg_sql_step(reg, image, err) < 0 || reg_sql_bind(reg, log, err, "iii", i, state, at) < 0 || reg_sql_step(reg, log, err) < 0)
                return -1;
        pairs_of(i, pairs);
        for (int k = 0; k < ATTRIBUTES; k++) {
                autofree char *value = pairs[k].value, *rank = reg_rank(value);

                if (reg_sql_bind(reg, attribute, err, "itttt", i, pairs[k].key, value, rank, name) < 0 || reg_sql_step(reg, attribute, err) < 0)
                        return -1;
        }
        return 0;
}

/* Indexes of attributes are made at the end: sorting is faster than a million places. */
static int take_indexes(struct reg *reg, struct bk_buf *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf drop = { 0 };
        autostmt *stmt = NULL;
        int status;

        if (reg_sql_prepare(reg, "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'attribute' AND sql IS NOT NULL",
                            &stmt, err) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0) {
                bk_buf_printf(&drop, "DROP INDEX %s;", reg_column_peek(stmt, 0));
                bk_buf_printf(ret, "%s;", reg_column_peek(stmt, 1));
        }
        reg_sql_reset(stmt);
        return status < 0 ? -1 : reg_sql_script(reg, drop.data, err);
}

static int fill(struct reg *reg, int64_t n, struct bk_error *err)
{
        static const char layer[] = "INSERT INTO layer (digest, size, virtual_size, depth) VALUES ('sha256:0', 1, 1, 0)";
        BK_CLEANUP(bk_buf_done) struct bk_buf indexes = { 0 };
        autostmt *image = NULL, *log = NULL, *attribute = NULL;
        autotxn txn = { 0 };

        if (reg_sql_script(reg, "PRAGMA cache_size = -400000", err) < 0 || reg_txn_write(reg, &txn, err) < 0 ||
            take_indexes(reg, &indexes, err) < 0 || reg_sql_run(reg, err, layer, "") < 0 ||
            reg_sql_prepare(reg, "INSERT INTO image (sequence, id, name, type, state, layer, ancestor, size, virtual_size, created_at, created_by) "
                            "VALUES (?, ?, ?, 'application', ?, (SELECT max(id) FROM layer), ?, ?, 1073741824, ?, 'ada')", &image, err) < 0 ||
            reg_sql_prepare(reg, "INSERT INTO state_log (image, state, at, who) VALUES (?, ?, ?, 'ada')", &log, err) < 0 ||
            reg_sql_prepare(reg, "INSERT INTO attribute (image, key, value, rank, name) VALUES (?, ?, ?, ?, ?)", &attribute, err) < 0)
                return -1;
        for (int64_t i = 1; i <= n; i++)
                if (put_image(reg, image, log, attribute, i, err) < 0)
                        return -1;
        return reg_sql_script(reg, indexes.data, err) < 0 ? -1 : reg_txn_commit(&txn, err);
}

/* --- a few ----------------------------------------------------------------------------- */
static const struct { const char *seed, *name, *type, *ancestor, *kernel, *openssl; enum reg_state state; } sample[] = {
        { "f1", "foundation", "foundation", NULL, "6.1.0-25", "3.0.14-1", REG_TESTED },
        { "b1", "base", "base", "f1", "6.1.0-25", "3.0.14-1", REG_TESTED },
        { "n1", "nginx", "application", "b1", "6.1.0-25", "3.0.14-1", REG_TESTED },
        { "s1", "team/shop", "application", "n1", "6.1.0-25", "3.0.14-1", REG_BAKED },
        { "f2", "foundation", "foundation", NULL, "6.1.0-26", "3.0.15-1", REG_TESTED },
        { "b2", "base", "base", "f2", "6.1.0-26", "3.0.15-1", REG_TESTED },
        { "n2", "nginx", "application", "b2", "6.1.0-26", "3.0.15-1", REG_TESTED },
        { "d1", "database", "application", "b1", "6.1.0-25", "3.0.14-1", REG_TESTED },
        { "b3", "base", "base", "f2", "6.1.0-27", "3.0.15-1", REG_BAKED },
};

static char *manifest_of(const char *seed)
{
        return bk_format("{\"seed\": \"%s\"}", seed);
}

static int put_sample(struct reg *reg, size_t at, struct bk_error *err)
{
        autofree char *manifest = manifest_of(sample[at].seed), *id = bk_digest_bytes(manifest, strlen(manifest));
        autofree char *below = sample[at].ancestor == NULL ? NULL : manifest_of(sample[at].ancestor);
        autofree char *ancestor = below == NULL ? NULL : bk_digest_bytes(below, strlen(below));
        autofree char *digest = bk_digest_bytes(sample[at].seed, strlen(sample[at].seed));
        struct reg_pair attributes[] = { { (char *)"architecture", (char *)"amd64" }, { (char *)"kernel", (char *)sample[at].kernel },
                                         { (char *)"release", (char *)"bookworm" } };
        const struct reg_package packages[] = {
                { (char *)"bash", (char *)"5.2.15-2", (char *)"amd64", (char *)"bash", (char *)"5.2.15-2", (char *)"deb" },
                { (char *)"openssl", (char *)sample[at].openssl, (char *)"amd64", (char *)"openssl", (char *)sample[at].openssl, (char *)"deb" },
                { (char *)"nginx", (char *)"1.22.1-9", (char *)"amd64", (char *)"nginx", (char *)"1.22.1-9", (char *)"deb" } };
        const struct reg_check checks[] = {
                { (char *)"base", (char *)"is up", (char *)(sample[at].state == REG_TESTED ? "passed" : "failed"), (char *)"", 10 } };
        const struct reg_layer layer = { .digest = digest, .size = 50 << 20, .virtual_size = 1 << 30 };
        const struct reg_image image = { .id = id, .name = (char *)sample[at].name, .type = (char *)sample[at].type, .state = sample[at].state,
                                         .layer = digest, .ancestor = ancestor, .size = 50 << 20, .virtual_size = 1 << 30,
                                         .created_by = (char *)"ada", .created_on = (char *)"oven", .attributes = attributes, .n_attributes = 3 };
        const struct reg_publication publication = { .image = &image, .layer = &layer, .manifest = manifest, .packages = packages,
                                                     .n_packages = strcmp(sample[at].type, "application") == 0 ? 3 : 2, .checks = checks,
                                                     .n_checks = 1 };

        return reg_publish(reg, &publication, err);
}

/* --- questions --------------------------------------------------------------------------- */
static double now_ms(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
        const double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static size_t ask(struct reg *reg, const char *query, double *ret_ms)
{
        struct reg_images images = { 0 };
        struct bk_error err = { 0 };
        const double start = now_ms();
        size_t n;

        if (reg_query(reg, query, &images, &err) < 0 && err.kind != BK_NOT_FOUND && err.kind != BK_GONE)
                die(&err);
        *ret_ms = now_ms() - start;
        n = images.n;
        reg_images_done(&images);
        return n;
}

static char *newest_query(uint64_t seed, bool named)
{
        const uint64_t r = mix(seed ^ 0xabcdef);

        return bk_format("%s?%s%.*d%srelease=%s&virtualization_type=%s&environment=%s&instance_type=%s&state=tested&_latest", "",
                         named ? "application=app-" : "", named ? 3 : 0, named ? (int)(r % NAMES) : 0, named ? "&" : "", releases[(r >> 16) % 4],
                         virtualizations[(r >> 24) % 2], environments[(r >> 32) % 3], instances[(r >> 40) % 2]);
}

static size_t descend(struct reg *reg, double *ret_ms)
{
        autofree char *id = bk_digest_bytes("1", 1);
        struct reg_nodes nodes = { 0 };
        struct bk_error err = { 0 };
        const double start = now_ms();
        size_t n;

        if (reg_descendants(reg, id, &(struct reg_descent){ .limit = -1 }, &nodes, &err) < 0)
                die(&err);
        *ret_ms = now_ms() - start;
        n = nodes.n;
        reg_nodes_done(&nodes);
        return n;
}

static void measure(struct reg *reg, const char *what, size_t runs, const char *query)
{
        double *ms = bk_alloc(runs * sizeof *ms);
        size_t found = 0;

        for (size_t i = 0; i < runs; i++) {
                autofree char *random = query != NULL ? bk_strdup(query) : newest_query(i, strcmp(what, "newest") == 0);

                found += strcmp(what, "descendants") == 0 ? descend(reg, &ms[i]) : ask(reg, random, &ms[i]);
        }
        qsort(ms, runs, sizeof *ms, by_value);
        printf("%.3f %.3f %.3f %.1f\n", ms[runs / 2], ms[runs * 99 / 100], ms[runs - 1], (double)found / (double)runs);
        free(ms);
}

/* What a plan of the janitor reads. */
static void measure_facts(struct reg *reg, size_t runs, char **keys)
{
        const unsigned want = REG_FACTS_LAUNCHES | REG_FACTS_HEADED | REG_FACTS_STATES | REG_FACTS_KINDS | REG_FACTS_MARKS;
        double *ms = bk_alloc((runs + 1) * sizeof *ms);
        struct bk_strv wanted = { 0 };
        struct rusage usage = { 0 };
        uint32_t kinds = 0;
        size_t images = 0;

        for (; *keys != NULL; keys++)
                bk_strv_add(&wanted, *keys);
        for (size_t i = 0; i < runs; i++) {
                struct reg_facts facts = { 0 };
                struct bk_error err = { 0 };
                const double start = now_ms();

                if (reg_facts_read(reg, &(struct reg_facts_ask){ .want = want, .keys = &wanted }, &facts, &err) < 0)
                        die(&err);
                ms[i] = now_ms() - start;
                images = facts.n;
                for (size_t k = 0; k < facts.n; k++)
                        kinds = facts.kind[k] >= kinds ? facts.kind[k] + 1 : kinds;
                reg_facts_done(&facts);
        }
        qsort(ms, runs, sizeof *ms, by_value);
        (void)getrusage(RUSAGE_SELF, &usage);
        printf("%.0f %.0f %zu %u\n", ms[runs / 2], (double)usage.ru_maxrss / 1024, images, kinds);
        bk_strv_done(&wanted);
        free(ms);
}

int main(int argc, char **argv)
{
        struct bk_error err = { 0 };
        struct reg *reg = NULL;
        const char *what = argc > 2 ? argv[1] : "";
        int status = 0;

        if (argc < 3)
                return 2;
        if (reg_open(argv[2], &reg, &err) < 0)
                die(&err);
        if (strcmp(what, "sample") == 0)
                for (size_t i = 0; status == 0 && i < sizeof sample / sizeof *sample; i++)
                        status = put_sample(reg, i, &err);
        else if (strcmp(what, "fill") == 0 && argc == 4)
                status = fill(reg, strtoll(argv[3], NULL, 10), &err);
        else if (strcmp(what, "facts") == 0 && argc >= 4)
                measure_facts(reg, strtoul(argv[3], NULL, 10), argv + 4);
        else if (argc >= 4)
                measure(reg, what, strtoul(argv[3], NULL, 10), argc > 4 ? argv[4] : NULL);
        if (status < 0)
                die(&err);
        reg_close(reg);
        return 0;
}
