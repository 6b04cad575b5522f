/* What the registry costs in the database that BAKERY_DB names, or in a file: time_database HOME [IMAGES]. For bench/database.sh. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/digest.h"
#include "registry/backup_priv.h"

#define PACKAGES 400
#define PUBLISHED 300
#define ASKED 3000

static struct reg *reg;
static struct bk_error err;

static void must(int status)
{
        if (status < 0) {
                (void)fprintf(stderr, "%s\n", err.text);
                exit(1);
        }
}

static double now(void)
{
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b)
{
        const double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

static void tell(const char *what, double *times, size_t n)
{
        qsort(times, n, sizeof *times, by_size);
        printf("%s: median %.2f ms, p99 %.2f ms (%zu)\n", what, times[n / 2], times[n * 99 / 100], n);
}

/* Every tenth has packages that nobody had before. */
static void publish(int i)
{
        static struct reg_package packages[PACKAGES];
        static char names[PACKAGES][40];
        char release[] = "release", bookworm[] = "bookworm", architecture[] = "architecture", amd64[] = "amd64";
        struct reg_pair attributes[] = { { architecture, amd64 }, { release, bookworm } };
        autofree char *manifest = bk_format("{\"n\": %d}", i), *id = bk_digest_bytes(manifest, strlen(manifest));
        struct reg_layer layer = { .digest = id, .size = 4096, .virtual_size = 1 << 30 };
        struct reg_image image = { .id = id, .name = (char *)"published", .type = (char *)"base", .layer = id, .size = 4096, .state = REG_TESTED,
                                   .virtual_size = 1 << 30, .attributes = attributes, .n_attributes = 2 };
        const struct reg_publication p = { .image = &image, .layer = &layer, .manifest = manifest, .packages = packages, .n_packages = PACKAGES };

        for (int k = 0; k < PACKAGES; k++) {
                (void)snprintf(names[k], sizeof names[k], "package-%d-%d", k, k < PACKAGES / 10 ? i / 10 : 0);
                packages[k] = (struct reg_package){ .name = names[k], .version = (char *)"1.0-1", .ecosystem = (char *)"deb",
                                                    .architecture = amd64, .source = names[k], .source_version = (char *)"1.0-1" };
        }
        must(reg_publish(reg, &p, &err));
}

/* Images with eight attributes each, a third of them tested. */
static void fill(int64_t images)
{
        static const char *const keys[] = { "release", "architecture", "kernel", "team", "environment", "region", "build", "owner" };
        int64_t layer = 0;

        must(reg_sql_int(reg, &layer, &err, "SELECT min(id) FROM layer", ""));
        must(reg_sql_run(reg, &err, "WITH RECURSIVE n (i) AS (SELECT CAST(? AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
                         "INSERT INTO image (id, name, type, state, layer, size, virtual_size, created_at) "
                         "SELECT 'sha256:' || i, 'name-' || (i % 100), 'base', i % 3, ?, 1, 1, 1 FROM n", "iii", (int64_t)1000000,
                         (int64_t)1000000 + images - 1, layer));
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
                must(reg_sql_run(reg, &err, "INSERT INTO attribute (image, key, value, name) SELECT sequence, ?, 'value-' || (sequence % ?), name "
                                 "FROM image WHERE name <> 'published'", "ti", keys[k], (int64_t)(k + 2)));
}

int main(int argc, char **argv)
{
        const int64_t images = argc > 2 ? atoll(argv[2]) : 100000;
        static double times[ASKED];
        struct reg_backup_report report = { 0 };
        struct layer_store store = { 0 };
        const struct reg_restore_options again = { .replace = true, .incomplete = true, .who = "bench" };

        if (argc < 2)
                return 2;
        must(reg_open(argv[1], &reg, &err));
        must(layer_store_open(argv[1], &store, &err));
        for (int i = 0; i < PUBLISHED; i++) {
                const double start = now();

                publish(i);
                times[i] = now() - start;
        }
        tell("publish, 400 packages", times, PUBLISHED);
        fill(images);
        if (reg->backend == &reg_backend_postgres)
                must(reg_sql_script(reg, "VACUUM ANALYZE", &err));             /* as autovacuum would */
        for (int i = 0; i < ASKED; i++) {
                /* What some tested image has. */
                const int64_t n = (int64_t)i * 7919 % (images / 3) * 3 + 2 - 1000000 % 3, sequence = PUBLISHED + 1 + n;
                autofree char *query = bk_format("name-%d?release=value-%d&architecture=value-%d&state=tested&_latest=1",
                                                 (int)(n % 100), (int)(sequence % 2), (int)(sequence % 3));
                struct reg_images found = { 0 };
                const double start = now();

                must(reg_query(reg, query, &found, &err));
                times[i] = now() - start;
                reg_images_done(&found);
        }
        tell("newest tested, of all", times, ASKED);

        autofree char *file = bk_format("%s/bench.tar", argv[1]);
        double start = now();

        must(reg_backup(reg, &store, file, false, &report, &err));
        printf("backup: %.1f s, %lld rows, %.0f MB\n", (now() - start) / 1e3, (long long)report.rows, (double)report.bytes / 1e6);
        reg_backup_report_done(&report);
        start = now();
        must(reg_restore(reg, &store, file, &again, &report, &err));
        printf("restore: %.1f s\n", (now() - start) / 1e3);
        reg_backup_report_done(&report);
        layer_store_done(&store);
        reg_close(reg);
        return 0;
}
