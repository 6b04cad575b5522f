/* The pieces of a version become bytes whose order is that of the pieces:
 *
 *      sign      "!" for "~", a letter for itself, "{c" for other signs, "|..." for a character beyond ASCII
 *      END       '"': the signs are over, and digits follow or the end. Between "~" and the letters
 *      number    its length as one byte, then its digits without leading zeros
 *
 * A part is signs, END, number, and again, with END behind the last number. A part that ends earlier meets signs of the other
 * at its last END, which decides; and every part has one, so that the next part cannot be taken for more of it. */
#include "registry/rank.h"

#include <stdlib.h>
#include <string.h>

#include "registry/registry_priv.h"

#define END '"'
#define LENGTHS 88                      /* up to this one byte says how long a number is */

static size_t digits(const char *text, size_t n)
{
        size_t i = 0;

        while (i < n && text[i] >= '0' && text[i] <= '9')
                i++;
        return i;
}

static void add_number(struct bk_buf *rank, const char *text, size_t n)
{
        while (n > 0 && *text == '0') {
                text++;
                n--;
        }
        if (n <= LENGTHS)
                bk_buf_putc(rank, (char)('!' + n));
        else
                bk_buf_printf(rank, "}%03zu", n);
        if (n > 0)
                bk_buf_add(rank, text, n);
}

static void add_sign(struct bk_buf *rank, unsigned char c)
{
        if (c == '~')
                bk_buf_putc(rank, '!');
        else if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c & 0xc0) == 0x80)
                bk_buf_putc(rank, (char)c);
        else
                bk_buf_printf(rank, "%c%c", c < 0x80 ? '{' : '|', c);
}

static void add_part(struct bk_buf *rank, const char *text, size_t n)
{
        size_t i = 0;

        do {
                size_t length;

                for (; i < n && digits(text + i, 1) == 0; i++)
                        add_sign(rank, (unsigned char)text[i]);
                length = digits(text + i, n - i);
                bk_buf_putc(rank, END);
                add_number(rank, text + i, length);
                i += length;
        } while (i < n);
        bk_buf_putc(rank, END);
}

/* No more bytes than count, and no half of a character. */
static size_t bounded(const char *text)
{
        size_t n = strnlen(text, REG_RANK_BYTES + 1);

        if (n <= REG_RANK_BYTES)
                return n;
        for (n = REG_RANK_BYTES; n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80; n--)
                ;
        return n;
}

/* "2024-05", "2024-05-01...": what follows the last "-" is no revision. */
static bool begins_as_date(const char *text, size_t n)
{
        return n >= 7 && digits(text, n) == 4 && text[4] == '-' && digits(text + 5, n - 5) == 2 && (n == 7 || text[7] == '-') &&
               (text[5] == '0' ? text[6] != '0' : text[5] == '1' && text[6] <= '2');
}

char *reg_rank(const char *value)
{
        const char *text = value + strspn(value, " ");
        size_t n = bounded(text), epoch;
        struct bk_buf rank = { 0 };
        const char *dash;

        while (n > 0 && text[n - 1] == ' ')
                n--;
        epoch = digits(text, n);
        if (epoch == n || text[epoch] != ':') {
                add_number(&rank, "", 0);
        } else {
                add_number(&rank, text, epoch);
                text += epoch + 1;
                n -= epoch + 1;
        }
        dash = begins_as_date(text, n) ? NULL : memrchr(text, '-', n);
        add_part(&rank, text, dash == NULL ? n : (size_t)(dash - text));
        add_part(&rank, dash == NULL ? "" : dash + 1, dash == NULL ? 0 : n - (size_t)(dash + 1 - text));
        return bk_buf_finish(&rank);
}

/* --- rows that were there before ranks were ------------------------------------ */
enum { BATCH = 1000 };
struct row { int64_t image; char *key, *value; };
struct rows { struct row v[BATCH]; size_t n; };

static void rows_done(struct rows *rows)
{
        for (size_t i = 0; i < rows->n; i++) {
                free(rows->v[i].key);
                free(rows->v[i].value);
        }
        rows->n = 0;
}

/* The rows behind the last one of *rows, which is let go. */
static int next_rows(struct reg *reg, struct rows *rows, struct bk_error *err)
{
        static const char sql[] = "SELECT image, key, value FROM attribute WHERE (image, key) > (?, ?) "
                                  "ORDER BY image, key LIMIT 1000";
        const int64_t image = rows->n == 0 ? 0 : rows->v[rows->n - 1].image;
        autofree char *key = bk_strdup(rows->n == 0 ? "" : rows->v[rows->n - 1].key);
        autostmt *stmt = NULL;
        int status;

        rows_done(rows);
        if (reg_sql_prepare(reg, sql, &stmt, err) < 0 || reg_sql_bind(reg, stmt, err, "it", image, key) < 0)
                return -1;
        while ((status = reg_sql_step(reg, stmt, err)) > 0)
                rows->v[rows->n++] = (struct row){ reg_column_int(stmt, 0), reg_column(stmt, 1), reg_column(stmt, 2) };
        return status;
}

int reg_rank_fill(struct reg *reg, struct bk_error *err)
{
        BK_CLEANUP(rows_done) struct rows rows = { .n = 0 };

        do {
                if (next_rows(reg, &rows, err) < 0)
                        return -1;
                for (size_t i = 0; i < rows.n; i++) {
                        autofree char *rank = reg_rank(rows.v[i].value);

                        if (reg_sql_run(reg, err, "UPDATE attribute SET rank = ? WHERE image = ? AND key = ?", "tit", rank,
                                        rows.v[i].image, rows.v[i].key) < 0)
                                return -1;
                }
        } while (rows.n == BATCH);
        return 0;
}
