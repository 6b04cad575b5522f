/* rpm's databases: headers (big-endian, as in a package's file but for the magic) in one of three stores. The headers' format is
 * that of rpm's "RPM V4 Package format" manual; ndb is described in rpm's lib/backend/ndb/rpmpkg.c. */
#include "lib/packages_priv.h"

#include <endian.h>
#include <string.h>

enum { TAG_NAME = 1000, TAG_VERSION = 1001, TAG_RELEASE = 1002, TAG_EPOCH = 1003, TAG_ARCH = 1022, TAG_SOURCERPM = 1044 };
enum { TYPE_INT32 = 4, TYPE_STRING = 6 };
enum { ENTRY = 16, ENTRIES_MOST = 0xffff };

struct header { const unsigned char *entries, *data; uint32_t n, data_len; };

static uint32_t be32_at(const unsigned char *p)
{
        uint32_t n;

        memcpy(&n, p, sizeof n);
        return be32toh(n);
}

static uint32_t le32_at(const unsigned char *p)
{
        uint32_t n;

        memcpy(&n, p, sizeof n);
        return le32toh(n);
}

/* Where a tag's data is, and how many bytes follow; NULL when it has none of that type. */
static const unsigned char *find(const struct header *h, uint32_t tag, uint32_t type, size_t *ret_room)
{
        for (uint32_t i = 0; i < h->n; i++) {
                const unsigned char *entry = h->entries + (size_t)i * ENTRY;
                const uint32_t offset = be32_at(entry + 8);

                if (be32_at(entry) != tag || be32_at(entry + 4) != type || be32_at(entry + 12) != 1)
                        continue;
                if (offset >= h->data_len)
                        return NULL;
                *ret_room = h->data_len - offset;
                return h->data + offset;
        }
        return NULL;
}

static char *text_of(const struct header *h, uint32_t tag)
{
        size_t room = 0;
        const unsigned char *text = find(h, tag, TYPE_STRING, &room);

        return text != NULL && memchr(text, '\0', room) != NULL ? bk_strdup((const char *)text) : NULL;
}

/* "bash-5.1.8-6.el9.src.rpm": a name, a version and a release. */
static void source_of(const struct header *h, struct bk_package *p)
{
        autofree char *file = text_of(h, TAG_SOURCERPM);
        char *end = file != NULL ? strstr(file, ".src.rpm") : NULL, *release, *version;

        if (end == NULL && file != NULL)
                end = strstr(file, ".nosrc.rpm");
        if (end == NULL)
                return;
        *end = '\0';
        release = strrchr(file, '-');
        version = release != NULL ? memrchr(file, '-', (size_t)(release - file)) : NULL;
        if (version == NULL || version == file)
                return;
        p->source_version = bk_strdup(version + 1);
        p->source = bk_strndup(file, (size_t)(version - file));
}

int bk_packages_parse_rpm_header(const void *bytes, size_t length, struct bk_packages *ret, struct bk_error *err)
{
        const unsigned char *p = bytes;
        struct header h = { 0 };
        struct bk_package package = { .ecosystem = BK_RPM, .installed = true };
        size_t room = 0;

        if (length < 8)
                return bk_fail(err, BK_CORRUPT, "an rpm header of %zu bytes", length);
        h.n = be32_at(p);
        h.data_len = be32_at(p + 4);
        if (h.n == 0 || h.n > ENTRIES_MOST || (size_t)h.n * ENTRY > length - 8 || h.data_len > length - 8 - (size_t)h.n * ENTRY)
                return bk_fail(err, BK_CORRUPT, "an rpm header of %zu bytes has %u entries and %u bytes of data", length, h.n, h.data_len);
        h.entries = p + 8;
        h.data = h.entries + (size_t)h.n * ENTRY;
        package.name = text_of(&h, TAG_NAME);
        if (package.name == NULL)
                return bk_fail(err, BK_CORRUPT, "an rpm header without a name");
        autofree char *version = text_of(&h, TAG_VERSION), *release = text_of(&h, TAG_RELEASE);
        const unsigned char *epoch = find(&h, TAG_EPOCH, TYPE_INT32, &room);

        if (epoch != NULL && room >= 4)
                package.version = bk_format("%u:%s-%s", be32_at(epoch), version ? version : "", release ? release : "");
        else
                package.version = bk_format("%s-%s", version ? version : "", release ? release : "");
        package.architecture = text_of(&h, TAG_ARCH);
        source_of(&h, &package);
        bk_packages_add(ret, &package);
        return 0;
}

/* --- ndb: pages of 4 KiB; slots of 16 bytes say where blobs are, in blocks of 16 bytes ----------------------------- */

enum { NDB_PAGE = 4096, NDB_SLOT = 16, NDB_BLOCK = 16, NDB_HEADER = 32, NDB_BLOB_HEADER = 16, NDB_BLOB_TAIL = 12 };
#define NDB_MAGIC 0x506d7052U           /* "RpmP" */
#define NDB_SLOT_MAGIC 0x746f6c53U      /* "Slot" */
#define NDB_BLOB_MAGIC 0x53626c42U      /* "BlbS" */

static int ndb_blob(const unsigned char *bytes, size_t length, const unsigned char *slot, struct bk_packages *ret, struct bk_error *err)
{
        const uint32_t index = le32_at(slot + 4);
        const size_t at = (size_t)le32_at(slot + 8) * NDB_BLOCK;
        size_t size;

        if (at > length || length - at < NDB_BLOB_HEADER || le32_at(bytes + at) != NDB_BLOB_MAGIC || le32_at(bytes + at + 4) != index)
                return bk_fail(err, BK_CORRUPT, "package %u is not where the database has it", index);
        size = le32_at(bytes + at + 12);
        if (size > length - at - NDB_BLOB_HEADER || size + NDB_BLOB_HEADER + NDB_BLOB_TAIL > (size_t)le32_at(slot + 12) * NDB_BLOCK)
                return bk_fail(err, BK_CORRUPT, "package %u reaches past its end", index);
        return bk_packages_parse_rpm_header(bytes + at + NDB_BLOB_HEADER, size, ret, err);
}

int bk_packages_parse_rpm_ndb(const char *text, size_t length, struct bk_packages *ret, struct bk_error *err)
{
        const unsigned char *bytes = (const unsigned char *)text;
        size_t end, total = 0;

        if (length < NDB_PAGE || le32_at(bytes) != NDB_MAGIC || le32_at(bytes + 4) != 0)
                return bk_fail(err, BK_CORRUPT, "this is not an ndb database of rpm");
        end = (size_t)le32_at(bytes + 12) * NDB_PAGE;           /* of the pages with slots */
        if (end > length)
                return bk_fail(err, BK_CORRUPT, "its slots reach past its end");
        for (size_t at = NDB_HEADER; at < end; at += NDB_SLOT) {
                if (le32_at(bytes + at) != NDB_SLOT_MAGIC)
                        return bk_fail(err, BK_CORRUPT, "there is no slot at byte %zu", at);
                if (le32_at(bytes + at + 4) == 0 || le32_at(bytes + at + 8) == 0)
                        continue;
                /* Blobs do not overlap: slots that share one would make a small file large. */
                total += (size_t)le32_at(bytes + at + 12) * NDB_BLOCK;
                if (total > length)
                        return bk_fail(err, BK_CORRUPT, "its packages are larger than the database");
                if (ndb_blob(bytes, length, bytes + at, ret, err) < 0)
                        return -1;
        }
        return 0;
}

/* --- which of them an image has ------------------------------------------------------------------------------------- */

static int read_sqlite(const struct bk_tree *tree, const char *folder, const char *bytes, size_t length, struct bk_packages *ret,
                       struct bk_error *err)
{
        autofree char *path = bk_format("%s/rpmdb.sqlite-wal", folder), *wal = NULL;
        size_t wal_len = 0;

        if (bk_tree_read(tree, path, PACKAGES_DATABASE_MOST, &wal, &wal_len, err) < 0)
                return -1;
        return bk_packages_parse_rpm_sqlite(bytes, length, wal, wal_len, ret, err);
}

static int parse_store(const struct bk_tree *tree, const char *folder, const char *name, const char *bytes, size_t length,
                       struct bk_packages *ret, struct bk_error *err)
{
        if (bk_streq(name, "rpmdb.sqlite"))
                return read_sqlite(tree, folder, bytes, length, ret, err);
        if (bk_streq(name, "Packages.db"))
                return bk_packages_parse_rpm_ndb(bytes, length, ret, err);
        return bk_packages_parse_rpm_bdb(bytes, length, ret, err);
}

int bk_packages_read_rpm(const struct bk_tree *tree, struct bk_packages *ret, struct bk_error *err)
{
        static const char *const folders[] = { "/usr/lib/sysimage/rpm", "/var/lib/rpm" };       /* often one is a link to the other */
        static const char *const names[] = { "rpmdb.sqlite", "Packages.db", "Packages" };

        for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
                for (size_t j = 0; j < sizeof names / sizeof *names; j++) {
                        autofree char *path = bk_format("%s/%s", folders[i], names[j]), *bytes = NULL;
                        size_t length = 0;
                        const int there = bk_tree_read(tree, path, PACKAGES_DATABASE_MOST, &bytes, &length, err);

                        if (there < 0)
                                return -1;
                        if (there == 0)
                                continue;
                        if (parse_store(tree, folders[i], names[j], bytes, length, ret, err) < 0)
                                return bk_wrap(err, "the rpm database '%s' cannot be read", path);
                        return 1;
                }
        return 0;
}
