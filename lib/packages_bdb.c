/* rpm's oldest database: a hash of Berkeley DB 4 to 6, read page by page. Keys are numbers of packages, values their headers, which
 * mostly are on chains of overflow pages. Pages are of the byte order of the machine that wrote them. The layout is that of Berkeley
 * DB's dbinc/db_page.h. */
#include "lib/packages_priv.h"

#include <byteswap.h>
#include <string.h>

enum { META_MAGIC_AT = 12, META_PAGE_SIZE_AT = 20, META_ENCRYPTION_AT = 24, META_TYPE_AT = 25, META_LAST_AT = 32, META = 72 };
enum { HASH_MAGIC = 0x061561, META_HASH = 8 };
enum { NEXT_AT = 16, ENTRIES_AT = 20, FREE_AT = 22, TYPE_AT = 25, PAGE_HEADER = 26 };
enum { PAGE_HASH_UNSORTED = 2, PAGE_OVERFLOW = 7, PAGE_HASH = 13 };
enum { ITEM_DATA = 1, ITEM_OFF_PAGE = 3, OFF_PAGE_ITEM = 12 };

struct bdb { const unsigned char *bytes; size_t length, page; uint32_t last; bool swap; size_t followed; };

static uint32_t u32_at(const struct bdb *db, const unsigned char *p)
{
        uint32_t n;

        memcpy(&n, p, sizeof n);
        return db->swap ? bswap_32(n) : n;
}

static uint16_t u16_at(const struct bdb *db, const unsigned char *p)
{
        uint16_t n;

        memcpy(&n, p, sizeof n);
        return db->swap ? bswap_16(n) : n;
}

static const unsigned char *page_at(const struct bdb *db, uint32_t number)
{
        return number > db->last ? NULL : db->bytes + number * db->page;
}

static int open_bytes(struct bdb *db, struct bk_error *err)
{
        if (db->length < META)
                return bk_fail(err, BK_CORRUPT, "this is not a Berkeley database");
        db->swap = u32_at(db, db->bytes + META_MAGIC_AT) != HASH_MAGIC;
        if (u32_at(db, db->bytes + META_MAGIC_AT) != HASH_MAGIC || db->bytes[META_TYPE_AT] != META_HASH)
                return bk_fail(err, BK_CORRUPT, "this is not a hash of Berkeley DB");
        if (db->bytes[META_ENCRYPTION_AT] != 0)
                return bk_fail(err, BK_CORRUPT, "it is encrypted");
        db->page = u32_at(db, db->bytes + META_PAGE_SIZE_AT);
        if (db->page < 512 || db->page > 65536 || (db->page & (db->page - 1)) != 0 || db->length < db->page)
                return bk_fail(err, BK_CORRUPT, "a Berkeley database of %zu bytes with pages of %zu", db->length, db->page);
        db->last = u32_at(db, db->bytes + META_LAST_AT);
        if (db->last > db->length / db->page - 1)
                return bk_fail(err, BK_CORRUPT, "the Berkeley database is cut off");
        return 0;
}

/* The value on a chain of overflow pages. Every page belongs to one chain: more steps than there are pages go in a circle. */
static int follow(struct bdb *db, const unsigned char *item, struct bk_packages *ret, struct bk_error *err)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf value = { 0 };
        const size_t size = u32_at(db, item + 8);

        for (uint32_t number = u32_at(db, item + 4); number != 0;) {
                const unsigned char *page = page_at(db, number);
                const size_t here = page != NULL ? u16_at(db, page + FREE_AT) : 0;

                if (page == NULL || page[TYPE_AT] != PAGE_OVERFLOW || here > db->page - PAGE_HEADER || ++db->followed > db->last)
                        return bk_fail(err, BK_CORRUPT, "a value's pages do not follow each other");
                bk_buf_add(&value, page + PAGE_HEADER, here);
                number = u32_at(db, page + NEXT_AT);
        }
        if (value.len != size)
                return bk_fail(err, BK_CORRUPT, "a value has %zu bytes, not %zu", value.len, size);
        return bk_packages_parse_rpm_header(value.data, value.len, ret, err);
}

/* A value on its page, or elsewhere. Of 4 bytes it is the highest number given to a package. */
static int value_at(struct bdb *db, const unsigned char *item, size_t size, struct bk_packages *ret, struct bk_error *err)
{
        if (size >= OFF_PAGE_ITEM && *item == ITEM_OFF_PAGE)
                return follow(db, item, ret, err);
        if (size > 0 && *item == ITEM_DATA)
                return size - 1 <= 4 ? 0 : bk_packages_parse_rpm_header(item + 1, size - 1, ret, err);
        return bk_fail(err, BK_CORRUPT, "a value of a kind that rpm does not write");
}

/* Items lie from the end of the page downwards, a key and a value in turn. */
static int hash_page(struct bdb *db, const unsigned char *page, struct bk_packages *ret, struct bk_error *err)
{
        const size_t n = u16_at(db, page + ENTRIES_AT);
        size_t end = db->page;

        if (n % 2 != 0 || PAGE_HEADER + n * 2 > db->page)
                return bk_fail(err, BK_CORRUPT, "a page of %zu keys and values", n);
        for (size_t i = 0; i < n; i++) {
                const size_t at = u16_at(db, page + PAGE_HEADER + i * 2);

                if (at >= end || at < PAGE_HEADER + n * 2)
                        return bk_fail(err, BK_CORRUPT, "keys and values of a page overlap");
                if (i % 2 != 0 && value_at(db, page + at, end - at, ret, err) < 0)
                        return -1;
                end = at;
        }
        return 0;
}

int bk_packages_parse_rpm_bdb(const char *bytes, size_t length, struct bk_packages *ret, struct bk_error *err)
{
        struct bdb db = { .bytes = (const unsigned char *)bytes, .length = length };

        if (open_bytes(&db, err) < 0)
                return -1;
        for (uint32_t i = 1; i <= db.last; i++) {
                const unsigned char *page = page_at(&db, i);

                if ((page[TYPE_AT] == PAGE_HASH || page[TYPE_AT] == PAGE_HASH_UNSORTED) && hash_page(&db, page, ret, err) < 0)
                        return -1;
        }
        return 0;
}
