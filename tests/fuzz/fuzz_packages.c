/* Package databases, whatever they hold: packages with names, or an error that says something. The first byte says what the
 * others are. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/packages.h"

struct bytes { const char *data; size_t length; int asked; };

/* Every path is the same file, and every folder has a name for each reader. */
static int any_read(void *arg, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        const struct bytes *bytes = arg;

        (void)path;
        (void)err;
        if (bytes->length > most)
                return 0;
        *ret = bk_alloc(bytes->length + 1);
        if (bytes->length > 0)
                memcpy(*ret, bytes->data, bytes->length);
        *ret_len = bytes->length;
        return 1;
}

static int any_list(void *arg, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        static const char *const names[] = { "python3", "dist-packages", "a-1.dist-info", "b.egg-info", "c-1-2-x86.gemspec",
                                             ".channel.pecl.php.net", "d.reg" };
        struct bytes *bytes = arg;

        (void)path;
        (void)err;
        if (++bytes->asked > 12)
                return 0;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                bk_strv_add(ret, names[i]);
        return 1;
}

static int with_prefix(const char *prefix, size_t prefix_len, const char *text, size_t size,
                       int (*parse)(const char *bytes, size_t length, struct bk_packages *ret, struct bk_error *err), struct bk_packages *ret,
                       struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf all = { 0 };

        bk_buf_add(&all, prefix, prefix_len);
        bk_buf_add(&all, text, size);
        autofree char *exact = bk_grow(NULL, all.len, 1);

        memcpy(exact, all.data, all.len);
        return parse(exact, all.len, ret, err);
}

static int sqlite(const char *bytes, size_t length, struct bk_packages *ret, struct bk_error *err)
{
        const size_t half = length / 2;

        return bk_packages_parse_rpm_sqlite(bytes, half, bytes + half, length - half, ret, err);
}

static int header(const char *bytes, size_t length, struct bk_packages *ret, struct bk_error *err)
{
        return bk_packages_parse_rpm_header(bytes, length, ret, err);
}

static int try_one(const uint8_t *data, size_t size, struct bk_packages *ret, struct bk_error *err)
{
        static const char sqlite_magic[] = "SQLite format 3", ndb_magic[] = "RpmP\0\0\0\0\0\0\0\0\1\0\0";
        static const char bdb_magic[] = "\0\0\0\0\0\0\0\0\0\0\0\0\x61\x15\x06\0\x9\0\0\0\0\2\0\0\0\x8\0\0\0\0\0\0\3\0\0";
        const char *text = (const char *)data + 1;
        const unsigned kind = data[0];
        struct bytes bytes = { text, size - 1, 0 };
        const struct bk_tree tree = { .read = any_read, .list = any_list, .arg = &bytes };

        switch (kind % 16) {
        case 0: bk_packages_parse_dpkg(text, size - 1, ret); return 0;
        case 1: bk_packages_parse_apk(text, size - 1, ret); return 0;
        case 2: bk_packages_parse_pacman(text, size - 1, ret); return 0;
        case 3: case 4: return with_prefix(sqlite_magic, sizeof sqlite_magic, text, size - 1, sqlite, ret, err);
        case 5: return with_prefix(ndb_magic, sizeof ndb_magic, text, size - 1, bk_packages_parse_rpm_ndb, ret, err);
        case 6: return with_prefix(bdb_magic, sizeof bdb_magic, text, size - 1, bk_packages_parse_rpm_bdb, ret, err);
        case 7: case 8: case 9: return with_prefix("", 0, text, size - 1, header, ret, err);
        case 10: return with_prefix("", 0, text, size - 1, bk_packages_parse_rpm_bdb, ret, err);
        default: return bk_packages_read(&tree, (enum bk_ecosystem)(BK_PYPI + kind % 16 - 11), ret, err) < 0 ? -1 : 0;
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        BK_CLEANUP(bk_packages_done) struct bk_packages packages = { 0 };
        struct bk_error err = { 0 };

        if (size == 0)
                return 0;
        if (try_one(data, size, &packages, &err) < 0 && err.text[0] == '\0')
                abort();
        bk_packages_sort(&packages);
        for (size_t i = 0; i < packages.n; i++)
                if (*packages.v[i].name == '\0' || packages.v[i].version == NULL || packages.v[i].source_version == NULL)
                        abort();
        return 0;
}
