/* Files of advisories, whatever they hold: pieces that are advisories, or an error that says something. Versions that came out of
 * them are then compared. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "registry/advisory.h"

static void check(struct reg_advisory *advisory)
{
        static const char *const versions[] = { "0", "1.2.3-4~deb12u1", "2:1.0", "" };

        if (advisory->name == NULL || advisory->summary == NULL || advisory->digest == NULL)
                abort();
        for (size_t i = 0; i < advisory->n_affected; i++) {
                BK_CLEANUP(reg_ranges_done) struct reg_ranges ranges = { 0 };
                const struct reg_affected *affected = &advisory->affected[i];
                const char *fixed;

                reg_ranges_parse(affected->ecosystem, affected->ranges, &ranges);
                for (size_t k = 0; k < sizeof versions / sizeof *versions; k++)
                        if (!reg_ranges_have(&ranges, versions[k], &fixed) && fixed != NULL)
                                abort();
        }
        reg_advisory_done(advisory);
}

static void try_one(int status, struct reg_advisory *advisory, const struct bk_error *err)
{
        if (status < 0 && err->text[0] == '\0')
                abort();
        if (status == 0)
                check(advisory);
}

static int take(void *arg, const struct reg_piece *piece, struct bk_error *err)
{
        json_t *json = json_loadb(piece->text, piece->length, JSON_ALLOW_NUL, NULL);
        struct reg_advisory advisory = { 0 };
        struct bk_error why = { 0 };

        (void)arg;
        (void)err;
        if (json != NULL && piece->format == REG_OSV) {
                const int status = reg_osv_parse(json, &advisory, &why);

                try_one(status, &advisory, &why);
        }
        if (json != NULL && piece->format == REG_DEBIAN_TRACKER) {
                const char *name;
                json_t *issue;

                json_object_foreach(json, name, issue) {
                        const int status = reg_debian_parse(piece->key, name, issue, &advisory, &why);

                        try_one(status, &advisory, &why);
                }
        }
        json_decref(json);
        return 0;
}

/* The first byte says in which steps the file is read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        BK_CLEANUP(reg_splitter_done) struct reg_splitter splitter = { .take = take };
        const size_t step = size > 0 ? 1 + data[0] : 1;
        struct bk_error err = { 0 };

        for (size_t at = 1; at < size; at += step) {
                const size_t length = size - at < step ? size - at : step;

                if (reg_split(&splitter, (const char *)data + at, length, &err) < 0) {
                        if (err.text[0] == '\0')
                                abort();
                        return 0;
                }
        }
        if (reg_split_end(&splitter, &err) < 0 && err.text[0] == '\0')
                abort();
        return 0;
}
