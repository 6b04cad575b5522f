/* JSON with positions. Written here rather than taken from jansson, because
 * jansson forgets where a value stood and cannot name the first of two equal
 * keys. The grammar is RFC 8259's; what is merely unwise there (duplicate
 * keys, unpaired surrogates) is refused here, as Packer refuses it. */
#include "lib/doc_priv.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/utf8.h"

static int read_value(struct bk_reader *in, struct bk_doc *into, const char *where);

static void skip_space(struct bk_reader *in)
{
        while (in->p < in->end && (*in->p == ' ' || *in->p == '\t' || *in->p == '\n' || *in->p == '\r'))
                bk_reader_advance(in, 1);
}

/* What stands here instead of what was expected. */
static int fail_expected(const struct bk_reader *in, const char *expected)
{
        if (bk_reader_at(in, '/') || bk_reader_at(in, '#'))
                return bk_reader_fail(in, bk_reader_here(in), "expected %s, found '%c'; JSON has no comments, use a root key that "
                               "starts with '_'", expected, *in->p);
        if (bk_reader_at(in, '\''))
                return bk_reader_fail(in, bk_reader_here(in), "expected %s, found a single quote; JSON strings stand in double quotes",
                               expected);
        return bk_reader_fail_expected(in, expected);
}

/* --- strings --------------------------------------------------------------- */
static int read_unicode_escape(struct bk_reader *in, struct bk_place escape, struct bk_buf *buf)
{
        unsigned c = 0, low = 0;

        if (bk_reader_hex(in, escape, 4, &c) < 0)
                return -1;
        if (c >= 0xdc00 && c <= 0xdfff)
                return bk_reader_fail(in, escape, "\\u%04x is the second half of a surrogate pair, without a first", c);
        if (c >= 0xd800 && c <= 0xdbff) {
                if (in->end - in->p < 2 || in->p[0] != '\\' || in->p[1] != 'u')
                        return bk_reader_fail(in, escape, "\\u%04x is half of a surrogate pair; the other half must follow", c);
                bk_reader_advance(in, 1);
                bk_reader_advance(in, 1);
                if (bk_reader_hex(in, escape, 4, &low) < 0)
                        return -1;
                if (low < 0xdc00 || low > 0xdfff)
                        return bk_reader_fail(in, escape, "\\u%04x\\u%04x is not a surrogate pair", c, low);
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
        bk_buf_put_code_point(buf, c);
        return 0;
}

static int read_escape(struct bk_reader *in, struct bk_buf *buf)
{
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const struct bk_place escape = bk_reader_here(in);
        const char *found;

        bk_reader_advance(in, 1);
        if (in->p >= in->end)
                return 0;       /* the caller says that the string is not closed */
        if (*in->p == 'u') {
                bk_reader_advance(in, 1);
                return read_unicode_escape(in, escape, buf);
        }
        found = *in->p != '\0' ? strchr(from, *in->p) : NULL;
        if (found == NULL) {
                if ((unsigned char)*in->p > 0x20 && (unsigned char)*in->p < 0x7f)
                        return bk_reader_fail(in, escape, "unknown escape '\\%c'; a backslash is written '\\\\'", *in->p);
                return bk_reader_fail(in, escape, "unknown escape; a backslash is written '\\\\'");
        }
        bk_buf_putc(buf, to[found - from]);
        bk_reader_advance(in, 1);
        return 0;
}

/* The opening quote is here. */
static int read_string(struct bk_reader *in, char **ret, size_t *ret_len)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };
        const struct bk_place start = bk_reader_here(in);
        size_t length;

        bk_reader_advance(in, 1);
        while (in->p < in->end && *in->p != '"') {
                if (*in->p == '\\') {
                        if (read_escape(in, &buf) < 0)
                                return -1;
                        continue;
                }
                if (*in->p == '\n' || *in->p == '\r')
                        return bk_reader_fail(in, bk_reader_here(in), "the string that starts in column %u is not closed on its line; "
                                       "a line break in a string is written '\\n'", start.column);
                if (*in->p == '\t')
                        return bk_reader_fail(in, bk_reader_here(in), "a tab inside a string is written '\\t'");
                if ((unsigned char)*in->p < 0x20)
                        return bk_reader_fail(in, bk_reader_here(in), "control character 0x%02x inside a string", (unsigned char)*in->p);
                length = bk_utf8_length(in->p, in->end);
                if (length == 0)
                        return bk_reader_fail(in, bk_reader_here(in), "byte 0x%02x is not UTF-8; save the file as UTF-8",
                                       (unsigned char)*in->p);
                bk_buf_add(&buf, in->p, length);
                bk_reader_advance(in, length);
        }
        if (in->p >= in->end)
                return bk_reader_fail(in, start, "the string that starts here is not closed");
        bk_reader_advance(in, 1);
        *ret_len = buf.len;
        *ret = bk_buf_finish(&buf);
        return 0;
}

/* --- numbers and words ----------------------------------------------------- */
static void skip_digits(struct bk_reader *in)
{
        while (bk_reader_at_digit(in))
                bk_reader_advance(in, 1);
}

/* Kept as written: what a number means depends on the key that takes it. */
int bk_doc_read_number(struct bk_reader *in, struct bk_doc *into)
{
        const struct bk_place start = bk_reader_here(in);
        const char *const first = in->p;

        if (bk_reader_at(in, '-'))
                bk_reader_advance(in, 1);
        if (!bk_reader_at_digit(in))
                return bk_reader_fail(in, start, "expected a digit after '-'");
        if (bk_reader_at(in, '0')) {
                bk_reader_advance(in, 1);
                if (bk_reader_at_digit(in))
                        return bk_reader_fail(in, start, "a number may not start with 0; file modes stand in quotes");
                if (bk_reader_at(in, 'x') || bk_reader_at(in, 'X'))
                        return bk_reader_fail(in, start, "there are no hexadecimal numbers");
        }
        skip_digits(in);
        if (bk_reader_at(in, '.')) {
                bk_reader_advance(in, 1);
                if (!bk_reader_at_digit(in))
                        return bk_reader_fail(in, start, "expected a digit after '.' in a number");
                skip_digits(in);
        }
        if (bk_reader_at(in, 'e') || bk_reader_at(in, 'E')) {
                bk_reader_advance(in, 1);
                if (bk_reader_at(in, '+') || bk_reader_at(in, '-'))
                        bk_reader_advance(in, 1);
                if (!bk_reader_at_digit(in))
                        return bk_reader_fail(in, start, "expected a digit in a number's exponent");
                skip_digits(in);
        }
        into->kind = BK_DOC_NUMBER;
        into->text_len = (size_t)(in->p - first);
        into->text = bk_strndup(first, into->text_len);
        return 0;
}

static bool is_word(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

int bk_doc_set_word(const struct bk_reader *in, struct bk_place start, const char *word, const char *where, struct bk_doc *into)
{
        static const char *const words[] = { "null", "false", "true" };
        const char *nearest;

        into->kind = bk_streq(word, "null") ? BK_DOC_NULL : BK_DOC_BOOL;
        into->truth = bk_streq(word, "true");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (bk_streq(word, words[i]))
                        return 0;
        nearest = bk_nearest(word, words, sizeof words / sizeof *words);
        if (nearest != NULL)
                return bk_reader_fail(in, start, "expected %s, found the word '%.60s'; did you mean '%s'?", where, word, nearest);
        return bk_reader_fail(in, start, "expected %s, found the word '%.60s'; strings stand in double quotes", where, word);
}

static int read_word(struct bk_reader *in, struct bk_doc *into, const char *where)
{
        const struct bk_place start = bk_reader_here(in);
        autofree char *word = NULL;
        const char *first = in->p;

        while (in->p < in->end && is_word(*in->p))
                bk_reader_advance(in, 1);
        word = bk_strndup(first, (size_t)(in->p - first));
        return bk_doc_set_word(in, start, word, where, into);
}

/* --- arrays and objects ---------------------------------------------------- */
struct bk_doc *bk_doc_add(const char *file, struct bk_doc *parent)
{
        struct bk_doc *item = bk_alloc(sizeof *item);

        item->file = file;
        if ((parent->n & (parent->n - 1)) == 0)         /* 0 and the powers of two */
                parent->items = bk_grow(parent->items, parent->n ? 2 * parent->n : 1, sizeof(struct bk_doc *));
        parent->items[parent->n++] = item;
        return item;
}

static int by_key(const void *a, const void *b)
{
        const struct bk_doc *const x = *(const struct bk_doc *const *)a, *const y = *(const struct bk_doc *const *)b;
        const int order = strcmp(x->key, y->key);

        if (order != 0)
                return order;
        if (x->key_line != y->key_line)
                return x->key_line < y->key_line ? -1 : 1;
        return x->key_column < y->key_column ? -1 : x->key_column > y->key_column;
}

/* Sorted, so that a hostile object of a million keys costs no square. */
int bk_doc_refuse_duplicates(const struct bk_doc *object, const char *what, struct bk_error *err)
{
        autofree struct bk_doc **sorted = bk_grow(NULL, object->n, sizeof *sorted);
        const struct bk_doc *second = NULL, *first = NULL;

        for (size_t i = 0; i < object->n; i++)
                sorted[i] = object->items[i];
        qsort(sorted, object->n, sizeof(struct bk_doc *), by_key);
        for (size_t i = 1; i < object->n; i++) {
                const struct bk_doc *const it = sorted[i];

                if (strcmp(sorted[i - 1]->key, it->key) != 0)
                        continue;
                if (second == NULL || it->key_line < second->key_line ||
                    (it->key_line == second->key_line && it->key_column < second->key_column)) {
                        first = sorted[i - 1];
                        second = it;
                }
        }
        if (second == NULL)
                return 0;
        return bk_doc_fail_key(err, second, "duplicate %s \"%.100s\"; the first one is on line %u", what, second->key, first->key_line);
}

/* After an item: a comma and another item, or the end. Returns 1, 0 or -1. */
static int read_separator(struct bk_reader *in, char close, const struct bk_doc *parent, const struct bk_doc *last)
{
        autofree char *expected = NULL;
        struct bk_place comma;

        skip_space(in);
        if (bk_reader_at(in, close)) {
                bk_reader_advance(in, 1);
                return 0;
        }
        if (bk_reader_at(in, ',')) {
                comma = bk_reader_here(in);
                bk_reader_advance(in, 1);
                skip_space(in);
                if (bk_reader_at(in, close))
                        return bk_reader_fail(in, comma, "a comma before '%c'; remove it", close);
                return 1;
        }
        if (in->p >= in->end)
                return bk_reader_fail(in, bk_reader_here(in), "the document ends inside %s that starts on line %u; expected '%c'",
                               close == '}' ? "the object" : "the array", parent->line, close);
        expected = last->key != NULL
                           ? bk_format("',' or '%c' after the value of \"%.100s\"", close, last->key)
                           : bk_format("',' or '%c' after item %zu of the array", close, parent->n);
        return fail_expected(in, expected);
}

static int read_member(struct bk_reader *in, struct bk_doc *object)
{
        autofree char *where = NULL;
        struct bk_doc *member;
        size_t length = 0;

        if (!bk_reader_at(in, '"'))
                return fail_expected(in, object->n == 0 ? "a key in double quotes or '}'" : "a key in double quotes");
        member = bk_doc_add(in->file, object);
        member->key_line = in->line;
        member->key_column = in->column;
        if (read_string(in, &member->key, &length) < 0)
                return -1;
        if (strlen(member->key) != length)
                return bk_reader_fail(in, (struct bk_place){ member->key_line, member->key_column }, "a key may not hold \\u0000");
        skip_space(in);
        where = bk_format("':' after the key \"%.100s\"", member->key);
        if (!bk_reader_at(in, ':'))
                return fail_expected(in, where);
        bk_reader_advance(in, 1);
        free(where);
        where = bk_format("a value for \"%.100s\"", member->key);
        return read_value(in, member, where);
}

static int read_items(struct bk_reader *in, struct bk_doc *into, char close)
{
        int more;

        if (++in->depth > BK_DOC_DEPTH_MOST)
                return bk_reader_fail(in, bk_reader_here(in), "nested deeper than %d levels", BK_DOC_DEPTH_MOST);
        bk_reader_advance(in, 1);
        skip_space(in);
        if (bk_reader_at(in, close)) {
                bk_reader_advance(in, 1);
                in->depth--;
                return 0;
        }
        do {
                const int status = close == '}' ? read_member(in, into)
                                                : read_value(in, bk_doc_add(in->file, into), "a value or ']'");

                if (status < 0)
                        return -1;
                more = read_separator(in, close, into, into->items[into->n - 1]);
                if (more < 0)
                        return -1;
        } while (more > 0);
        in->depth--;
        return close == '}' ? bk_doc_refuse_duplicates(into, "key", in->err) : 0;
}

static int read_value(struct bk_reader *in, struct bk_doc *into, const char *where)
{
        skip_space(in);
        into->line = in->line;
        into->column = in->column;
        if (bk_reader_at(in, '{')) {
                into->kind = BK_DOC_OBJECT;
                return read_items(in, into, '}');
        }
        if (bk_reader_at(in, '[')) {
                into->kind = BK_DOC_ARRAY;
                return read_items(in, into, ']');
        }
        if (bk_reader_at(in, '"')) {
                into->kind = BK_DOC_STRING;
                return read_string(in, &into->text, &into->text_len);
        }
        if (bk_reader_at(in, '-') || bk_reader_at_digit(in))
                return bk_doc_read_number(in, into);
        if (in->p < in->end && is_word(*in->p))
                return read_word(in, into, where);
        return fail_expected(in, where);
}

/* --- documents ------------------------------------------------------------- */
void bk_doc_drop(struct bk_doc *doc)
{
        if (doc == NULL)
                return;
        for (size_t i = 0; i < doc->n; i++)
                bk_doc_drop(doc->items[i]);
        free(doc->items);
        free(doc->key);
        free(doc->text);
        free(doc);
}

void bk_doc_free(struct bk_doc *root)
{
        if (root == NULL)
                return;
        free((char *)root->file);
        bk_doc_drop(root);
}

static void free_doc(struct bk_doc **doc)
{
        bk_doc_free(*doc);
}

int bk_doc_parse(const char *file, const char *text, size_t length, struct bk_doc **ret, struct bk_error *err)
{
        BK_CLEANUP(free_doc) struct bk_doc *root = bk_alloc(sizeof *root);
        struct bk_reader in = { .p = text, .end = text + length, .line = 1, .column = 1, .err = err };

        root->file = in.file = bk_strdup(file);
        if (bk_reader_refuse_byte_order_mark(&in) < 0)
                return -1;
        skip_space(&in);
        if (in.p >= in.end)
                return bk_reader_fail(&in, (struct bk_place){ 1, 1 }, "the document is empty");
        if (read_value(&in, root, "a JSON value") < 0)
                return -1;
        skip_space(&in);
        if (in.p < in.end)
                return fail_expected(&in, "nothing more after the end of the document");
        *ret = bk_take(root);
        return 0;
}

int bk_doc_parse_file(const char *path, struct bk_doc **ret, struct bk_error *err)
{
        autofree char *text = NULL;
        size_t length = 0;

        if (bk_read_file(path, BK_DOC_FILE_MOST, &text, &length, err) < 0)
                return -1;
        return bk_doc_parse(path, text, length, ret, err);
}

const struct bk_doc *bk_doc_get(const struct bk_doc *object, const char *key)
{
        if (object == NULL || object->kind != BK_DOC_OBJECT)
                return NULL;
        for (size_t i = 0; i < object->n; i++)
                if (strcmp(object->items[i]->key, key) == 0)
                        return object->items[i];
        return NULL;
}

const char *bk_doc_kind_name(enum bk_doc_kind kind)
{
        static const char *const names[] = {
                [BK_DOC_NULL] = "null",         [BK_DOC_BOOL] = "a boolean", [BK_DOC_NUMBER] = "a number",
                [BK_DOC_STRING] = "a string",   [BK_DOC_ARRAY] = "an array", [BK_DOC_OBJECT] = "an object",
        };

        return names[kind];
}

int (bk_doc_fail)(struct bk_error *err, const struct bk_doc *doc, const char *format, ...)
{
        va_list args;
        int status;

        va_start(args, format);
        status = bk_doc_vfail(err, doc->file, (struct bk_place){ doc->line, doc->column }, format, args);
        va_end(args);
        return status;
}

int (bk_doc_fail_key)(struct bk_error *err, const struct bk_doc *doc, const char *format, ...)
{
        const struct bk_place key = { doc->key_line, doc->key_column }, value = { doc->line, doc->column };
        va_list args;
        int status;

        va_start(args, format);
        status = bk_doc_vfail(err, doc->file, key.line > 0 ? key : value, format, args);
        va_end(args);
        return status;
}
