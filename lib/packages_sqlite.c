/* rpm's sqlite database, which is an image's and maybe hostile: it is opened in memory, from a copy, with its schema distrusted.
 * Only one ordinary table is read; views, functions and virtual tables are refused.
 * What was committed to the write-ahead log and not yet written back is put into the copy here, so that no file is written and no
 * lock is taken. Formats: sqlite.org/fileformat2.html. */
#include "lib/packages_priv.h"

#include <endian.h>
#include <sqlite3.h>
#include <string.h>

enum { HEADER = 100, PAGE_SIZE_AT = 16, WRITE_VERSION_AT = 18, READ_VERSION_AT = 19, SIZE_AT = 28 };
enum { WAL_HEADER = 32, FRAME_HEADER = 24, WAL_MAGIC = 0x377f0682 };
enum { HEADER_MOST = 64 << 20, STEPS_MOST = 200 };      /* bytes of one package; times 1 M steps of the query */

struct image { unsigned char *bytes; size_t length, room, page; };      /* of sqlite3_malloc64() */

static void image_done(struct image *image)
{
        sqlite3_free(image->bytes);
}

static uint32_t be32_at(const unsigned char *p)
{
        uint32_t n;

        memcpy(&n, p, sizeof n);
        return be32toh(n);
}

static void put_be32(unsigned char *p, uint32_t n)
{
        n = htobe32(n);
        memcpy(p, &n, sizeof n);
}

static size_t page_size(unsigned high, unsigned low)
{
        const size_t n = high << 8 | low;
        const size_t ret = n == 1 ? 65536 : n;

        return ret >= 512 && ret <= 65536 && (ret & (ret - 1)) == 0 ? ret : 0;
}

/* The log's own checksum, of an even number of words. */
static void checksum(const unsigned char *p, size_t length, bool big, uint32_t sum[2])
{
        for (size_t i = 0; i + 8 <= length; i += 8) {
                uint32_t word[2];

                memcpy(word, p + i, sizeof word);
                for (int j = 0; j < 2; j++)
                        word[j] = big ? be32toh(word[j]) : le32toh(word[j]);
                sum[0] += word[0] + sum[1];
                sum[1] += word[1] + sum[0];
        }
}

/* The bytes of the log up to the end of its last commit, and of the database after that; 0 when nothing was committed. */
static size_t committed(const unsigned char *wal, size_t length, size_t page, uint32_t *ret_pages)
{
        uint32_t sum[2] = { 0 };
        size_t ret = 0;

        if (length < WAL_HEADER || (be32_at(wal) & ~1U) != WAL_MAGIC || be32_at(wal + 8) != page)
                return 0;
        const bool big = (be32_at(wal) & 1) != 0;

        checksum(wal, WAL_HEADER - 8, big, sum);
        if (sum[0] != be32_at(wal + 24) || sum[1] != be32_at(wal + 28))
                return 0;
        for (size_t at = WAL_HEADER; length - at >= FRAME_HEADER + page; at += FRAME_HEADER + page) {
                const unsigned char *frame = wal + at;

                checksum(frame, 8, big, sum);
                checksum(frame + FRAME_HEADER, page, big, sum);
                if (memcmp(frame + 8, wal + 16, 8) != 0 || sum[0] != be32_at(frame + 16) || sum[1] != be32_at(frame + 20))
                        break;                  /* of an earlier run of the log */
                if (be32_at(frame + 4) != 0) {
                        *ret_pages = be32_at(frame + 4);
                        ret = at + FRAME_HEADER + page;
                }
        }
        return ret;
}

static int apply(struct image *image, const unsigned char *wal, size_t end, struct bk_error *err)
{
        for (size_t at = WAL_HEADER; at < end; at += FRAME_HEADER + image->page) {
                const size_t number = be32_at(wal + at);

                if (number == 0 || number > image->room / image->page)
                        return bk_fail(err, BK_CORRUPT, "its log has a page %zu, past the end", number);
                memcpy(image->bytes + (number - 1) * image->page, wal + at + FRAME_HEADER, image->page);
        }
        return 0;
}

/* A copy with the log applied, that says of itself that it needs none. */
static int copy_of(const char *bytes, size_t length, const unsigned char *wal, size_t wal_length, struct image *ret, struct bk_error *err)
{
        uint32_t pages = 0;
        size_t end;

        if (length < HEADER || memcmp(bytes, "SQLite format 3", 16) != 0)
                return bk_fail(err, BK_CORRUPT, "this is not an sqlite database");
        ret->page = page_size((unsigned char)bytes[PAGE_SIZE_AT], (unsigned char)bytes[PAGE_SIZE_AT + 1]);
        if (ret->page == 0 || length < ret->page)
                return bk_fail(err, BK_CORRUPT, "an sqlite database of %zu bytes with pages of %zu", length, ret->page);
        end = wal != NULL ? committed(wal, wal_length, ret->page, &pages) : 0;
        ret->room = length > pages * ret->page ? length : pages * ret->page;
        if (ret->room > PACKAGES_DATABASE_MOST)
                return bk_fail(err, BK_CORRUPT, "its log makes it larger than %d bytes", PACKAGES_DATABASE_MOST);
        ret->bytes = sqlite3_malloc64(ret->room);
        if (ret->bytes == NULL)
                return bk_fail(err, BK_INFRA, "not enough memory for %zu bytes", ret->room);
        memcpy(ret->bytes, bytes, length);
        memset(ret->bytes + length, 0, ret->room - length);
        ret->length = end > 0 ? pages * ret->page : length;
        if (end > 0 && apply(ret, wal, end, err) < 0)
                return -1;
        ret->bytes[WRITE_VERSION_AT] = ret->bytes[READ_VERSION_AT] = 1;
        if (end > 0)
                put_be32(ret->bytes + SIZE_AT, pages);
        return 0;
}

/* The query reads the list of tables and one table, and nothing else. */
static int authorize(void *arg, int action, const char *table, const char *column, const char *database, const char *by)
{
        (void)arg;
        (void)column;
        (void)database;
        if (by != NULL)                         /* on behalf of a view or trigger */
                return SQLITE_DENY;
        if (action == SQLITE_SELECT)
                return SQLITE_OK;
        return action == SQLITE_READ && (bk_streq(table, "Packages") || bk_streq(table, "sqlite_master")) ? SQLITE_OK : SQLITE_DENY;
}

static int count_down(void *arg)
{
        int *steps = arg;

        return --*steps <= 0;
}

struct query { sqlite3 *db; sqlite3_stmt *statement; int steps; };

static void query_done(struct query *q)
{
        sqlite3_finalize(q->statement);
        sqlite3_close(q->db);
}

static int open_copy(struct query *q, struct image *image, struct bk_error *err)
{
        const unsigned flags = SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_READONLY;
        unsigned char *bytes = bk_take(image->bytes);   /* freed even when it is not opened */

        if (sqlite3_open_v2(":memory:", &q->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK) {
                sqlite3_free(bytes);
                return bk_fail(err, BK_INFRA, "sqlite does not start");
        }
        if (sqlite3_deserialize(q->db, "main", bytes, (sqlite3_int64)image->length, (sqlite3_int64)image->room, flags) != SQLITE_OK)
                return bk_fail(err, BK_CORRUPT, "%s", sqlite3_errmsg(q->db));
        q->steps = STEPS_MOST;
        sqlite3_progress_handler(q->db, 1 << 20, count_down, &q->steps);
        (void)sqlite3_db_config(q->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(q->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        (void)sqlite3_db_config(q->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
        (void)sqlite3_db_config(q->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
        (void)sqlite3_limit(q->db, SQLITE_LIMIT_LENGTH, HEADER_MOST);
        (void)sqlite3_set_authorizer(q->db, authorize, NULL);
        return 0;
}

static int prepare(struct query *q, const char *sql, struct bk_error *err)
{
        sqlite3_finalize(bk_take(q->statement));
        if (sqlite3_prepare_v2(q->db, sql, -1, &q->statement, NULL) != SQLITE_OK)
                return bk_fail(err, BK_CORRUPT, "%s", sqlite3_errmsg(q->db));
        return 0;
}

/* A view and a virtual table have no root page. */
static int is_plain_table(struct query *q, struct bk_error *err)
{
        if (prepare(q, "SELECT rootpage FROM sqlite_master WHERE type = 'table' AND name = 'Packages'", err) < 0)
                return -1;
        if (sqlite3_step(q->statement) != SQLITE_ROW || sqlite3_column_int64(q->statement, 0) <= 0)
                return bk_fail(err, BK_CORRUPT, "it has no table of packages");
        return prepare(q, "SELECT blob FROM Packages", err);
}

int bk_packages_parse_rpm_sqlite(const char *bytes, size_t length, const char *wal, size_t wal_length, struct bk_packages *ret,
                                 struct bk_error *err)
{
        BK_CLEANUP(image_done) struct image image = { 0 };
        BK_CLEANUP(query_done) struct query q = { 0 };
        int step;

        if (copy_of(bytes, length, (const unsigned char *)wal, wal_length, &image, err) < 0 || open_copy(&q, &image, err) < 0 ||
            is_plain_table(&q, err) < 0)
                return -1;
        while ((step = sqlite3_step(q.statement)) == SQLITE_ROW) {
                const void *blob = sqlite3_column_blob(q.statement, 0);

                if (bk_packages_parse_rpm_header(blob, blob ? (size_t)sqlite3_column_bytes(q.statement, 0) : 0, ret, err) < 0)
                        return -1;
        }
        return step == SQLITE_DONE ? 0 : bk_fail(err, BK_CORRUPT, "%s", sqlite3_errmsg(q.db));
}
