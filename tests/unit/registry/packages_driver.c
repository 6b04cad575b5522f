/* Fills a registry with many images, and files with many advisories, for measuring.
 *
 *      packages_driver fill HOME IMAGES PACKAGES       images with that many packages each, no two alike
 *      packages_driver osv FILE ADVISORIES             a list in OSV's form
 *      packages_driver tracker FILE ISSUES             the Debian security tracker's form
 *      packages_driver ask HOME TARGET [RUNS]          milliseconds of each GET, in this process
 *
 * The same arguments give the same bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/digest.h"
#include "lib/fs.h"
#include "registry/packages_priv.h"

enum { POOL = 1000, NAMES = 5000, VERSIONS = 40, CHANNELS = 200, BATCH = 500 };

static uint64_t seed = 1;

static unsigned dice(unsigned n)
{
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)((seed >> 33) % n);
}

static int complain(const struct bk_error *err)
{
        (void)fprintf(stderr, "packages_driver: %s\n", err->text);
        return 1;
}

static char *source_name(unsigned i)
{
        return i == 0 ? bk_strdup("openssl") : bk_format("src-%u", i);
}

static char *version_of(unsigned i)
{
        return bk_format("3.0.%u-1~deb12u%u", i / 3, i % 3 + 1);
}

static void random_packages(unsigned age, unsigned n, struct reg_package *v, struct bk_strv *texts)
{
        bool *taken = bk_alloc(POOL);

        for (unsigned i = 0; i < n; i++) {
                unsigned name = i == 0 ? 0 : dice(POOL);
                const unsigned version = age > dice(12) ? age - dice(age < 12 ? age + 1 : 12) : 0;

                while (taken[name])
                        name = (name + 1) % POOL;
                taken[name] = true;
                bk_strv_take(texts, source_name(name));
                bk_strv_take(texts, version_of(version));
                v[i] = (struct reg_package){ .name = texts->v[texts->n - 2], .version = texts->v[texts->n - 1], .architecture = (char *)"amd64",
                                             .ecosystem = (char *)"deb" };
        }
        free(taken);
}

static int put_image(struct reg *reg, unsigned i, unsigned of, unsigned packages, struct bk_error *err)
{
        autofree struct reg_package *v = bk_alloc(packages * sizeof *v);
        BK_CLEANUP(bk_strv_done) struct bk_strv texts = { 0 };
        autofree char *text = bk_format("image %u", i), *id = bk_digest_bytes(text, strlen(text)), *name = bk_format("app-%u", i % CHANNELS);
        const struct reg_layer layer = { .digest = id, .size = 1, .virtual_size = 1 };
        int64_t set = 0, row = 0, sequence = 0;

        random_packages((unsigned)((uint64_t)i * VERSIONS / of), packages, v, &texts);
        if (reg_layer_put(reg, &layer, &row, err) < 0 || reg_package_set_put(reg, v, packages, "debian:12", &set, err) < 0 ||
            reg_sql_int(reg, &sequence, err, "INSERT INTO image (id, name, type, state, layer, ancestor, size, virtual_size, created_at, "
                        "package_set) VALUES (?, ?, 'base', 1, ?, ?, 1, 1, ?, ?) RETURNING sequence", "ttirir", id, name, row,
                        (int64_t)(i >= CHANNELS ? i + 1 - CHANNELS : 0), (int64_t)1700000000 + i, set) < 0)
                return -1;
        if (i + CHANNELS * 10 >= of && i + CHANNELS * 9 < of)
                return reg_sql_run(reg, err, "INSERT INTO channel (name, channel, head) VALUES (?, 'production', ?)", "ti", name, sequence);
        return 0;
}

static int fill(const char *home, unsigned images, unsigned packages)
{
        struct reg *reg = NULL;
        struct bk_error err = { 0 };
        int status = bk_mkdir_p(home, &err) < 0 ? -1 : reg_open(home, &reg, &err);

        for (unsigned i = 0; status == 0 && i < images; i += BATCH) {
                autotxn txn = { 0 };

                status = reg_txn_write(reg, &txn, &err);
                for (unsigned k = i; status == 0 && k < i + BATCH && k < images; k++)
                        status = put_image(reg, k, images, packages, &err);
                if (status == 0)
                        status = reg_txn_commit(&txn, &err);
        }
        reg_close(reg);
        return status < 0 ? complain(&err) : 0;
}

static int write_osv(const char *path, unsigned n)
{
        FILE *file = fopen(path, "we");

        if (file == NULL)
                return 1;
        (void)fprintf(file, "[");
        for (unsigned i = 0; i < n; i++) {
                autofree char *name = source_name(dice(NAMES));

                (void)fprintf(file, "%s{\"id\":\"TEST-CVE-2024-%u\",\"modified\":\"2024-05-01T00:00:00Z\",\"aliases\":[\"CVE-2024-%u\"],"
                              "\"summary\":\"Advisory number %u, which says something\",\"severity\":[{\"type\":\"CVSS_V3\","
                              "\"score\":\"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:%c/I:N/A:N\"}],\"affected\":[",
                              i == 0 ? "" : ",\n", i, i, i, "HLN"[dice(3)]);
                for (unsigned release = 11; release <= 13; release++) {
                        autofree char *fixed = version_of(dice(VERSIONS));

                        (void)fprintf(file, "%s{\"package\":{\"ecosystem\":\"Debian:%u\",\"name\":\"%s\"},\"ranges\":[{\"type\":"
                                      "\"ECOSYSTEM\",\"events\":[{\"introduced\":\"0\"},{\"fixed\":\"%s\"}]}],"
                                      "\"versions\":[\"3.0.0-1~deb12u1\",\"3.0.0-1~deb12u2\"]}",
                                      release == 11 ? "" : ",", release, name, fixed);
                }
                (void)fprintf(file, "]}");
        }
        (void)fprintf(file, "]\n");
        return fclose(file) != 0;
}

static int write_tracker(const char *path, unsigned n)
{
        static const char *const codes[] = { "bullseye", "bookworm", "trixie", "sid" };
        FILE *file = fopen(path, "we");

        if (file == NULL)
                return 1;
        (void)fprintf(file, "{");
        for (unsigned p = 0; p < NAMES; p++) {
                autofree char *name = source_name(p);

                (void)fprintf(file, "%s\"%s\":{", p == 0 ? "" : ",", name);
                for (unsigned i = p; i < n; i += NAMES) {
                        autofree char *fixed = version_of(dice(VERSIONS));

                        (void)fprintf(file, "%s\"CVE-2023-%u\":{\"description\":\"An issue was found in %s, which says something about what "
                                      "an attacker may do with it when it is reached from a network that is not trusted\",\"scope\":\"remote\","
                                      "\"releases\":{", i == p ? "" : ",", i, name);
                        for (unsigned r = 0; r < 4; r++)
                                (void)fprintf(file, "%s\"%s\":{\"status\":\"%s\",\"repositories\":{\"x\":\"3.0.1-1\"},"
                                              "\"fixed_version\":\"%s\",\"urgency\":\"not yet assigned\"}", r == 0 ? "" : ",", codes[r],
                                              dice(5) == 0 ? "open" : "resolved", fixed);
                        (void)fprintf(file, "}}");
                }
                (void)fprintf(file, "}");
        }
        (void)fprintf(file, "}\n");
        return fclose(file) != 0;
}

static int ask(const char *home, const char *target, int runs)
{
        autofree char *path = bk_strndup(target, strcspn(target, "?"));
        const struct reg_request request = {
                .method = "GET", .path = path, .query = strchr(target, '?') ? strchr(target, '?') + 1 : "", .who = "bench", .role = REG_ADMIN,
        };
        struct reg *reg = NULL;
        struct bk_error err = { 0 };

        if (reg_open(home, &reg, &err) < 0)
                return complain(&err);
        for (int i = 0; i < runs; i++) {
                BK_CLEANUP(reg_answer_done) struct reg_answer answer = { 0 };
                struct timespec a, b;

                (void)clock_gettime(CLOCK_MONOTONIC, &a);
                reg_api(reg, &request, &answer);
                (void)clock_gettime(CLOCK_MONOTONIC, &b);
                printf("%.3f\n", (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6);
                if (answer.status != 200)
                        (void)fprintf(stderr, "packages_driver: %d %s\n", answer.status, answer.text);
        }
        reg_close(reg);
        return 0;
}

int main(int argc, char **argv)
{
        if (argc == 5 && strcmp(argv[1], "fill") == 0)
                return fill(argv[2], (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]));
        if (argc == 4 && strcmp(argv[1], "osv") == 0)
                return write_osv(argv[2], (unsigned)atoi(argv[3]));
        if (argc == 4 && strcmp(argv[1], "tracker") == 0)
                return write_tracker(argv[2], (unsigned)atoi(argv[3]));
        if (argc >= 4 && strcmp(argv[1], "ask") == 0)
                return ask(argv[2], argv[3], argc > 4 ? atoi(argv[4]) : 5);
        (void)fprintf(stderr, "usage: packages_driver fill|osv|tracker|ask ...\n");
        return 2;
}
