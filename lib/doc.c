/* JSON with positions. Written here rather than taken from jansson, because
 * jansson forgets where a value stood and cannot name the first of two equal
 * keys. The grammar is RFC 8259's; what is merely unwise there (duplicate
 * keys, unpaired surrogates) is refused here, as Packer refuses it. */
#include "lib/doc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/fs.h"
#include "lib/utf8.h"

enum {
        DEPTH_MOST = 200,
        FILE_MOST = 64 << 20,           /* bytes */
};

struct reader {
        const char *file;
        const char *p, *end;
        unsigned line, column;
        unsigned depth;
        struct bk_error *err;
};

struct place { unsigned line, column; };

static int read_value(struct reader *in, struct bk_doc *into, const char *where);

/* --- the text, one code point at a time ------------------------------------ */
static struct place here(const struct reader *in)
{
        return (struct place){ in->line, in->column };
}

static int fail_at(const struct reader *in, struct place place, const char *format, ...) BK_PRINTF(3, 4);
static int fail_at(const struct reader *in, struct place place, const char *format, ...)
{
        autofree char *text = NULL;
        va_list args;

        va_start(args, format);
        text = bk_vformat(format, args);
        va_end(args);
        (void)bk_fail(in->err, BK_INVALID, "%s", text);
        return bk_at(in->err, in->file, place.line, place.column);
}

static void advance(struct reader *in, size_t bytes)
{
        if (*in->p == '\n') {
                in->line++;
                in->column = 1;
        } else {
                in->column++;
        }
        in->p += bytes;
}

static void skip_space(struct reader *in)
{
        while (in->p < in->end && (*in->p == ' ' || *in->p == '\t' || *in->p == '\n' || *in->p == '\r'))
                advance(in, 1);
}

static bool at(const struct reader *in, char c)
{
        return in->p < in->end && *in->p == c;
}

/* What stands here instead of what was expected. */
static int fail_expected(const struct reader *in, const char *expected)
{
        size_t length;

        if (in->p >= in->end)
                return fail_at(in, here(in), "expected %s, but the document ends", expected);
        if (at(in, '/') || at(in, '#'))
                return fail_at(in, here(in), "expected %s, found '%c'; JSON has no comments, use a root key that "
                               "starts with '_'", expected, *in->p);
        if (at(in, '\''))
                return fail_at(in, here(in), "expected %s, found a single quote; JSON strings stand in double quotes",
                               expected);
        length = bk_utf8_length(in->p, in->end);
        if (length == 0)
                return fail_at(in, here(in), "expected %s, found a byte that is not UTF-8 (0x%02x)", expected,
                               (unsigned char)*in->p);
        if (length == 1 && ((unsigned char)*in->p < 0x20 || *in->p == 0x7f))
                return fail_at(in, here(in), "expected %s, found a control character (0x%02x)", expected,
                               (unsigned char)*in->p);
        return fail_at(in, here(in), "expected %s, found '%.*s'", expected, (int)length, in->p);
}

/* --- strings --------------------------------------------------------------- */
static int read_hex4(struct reader *in, struct place escape, unsigned *ret)
{
        unsigned value = 0;

        for (int i = 0; i < 4; i++) {
                const char c = in->p < in->end ? *in->p : '\0';

                if (c >= '0' && c <= '9')
                        value = value * 16 + (unsigned)(c - '0');
                else if ((c | 32) >= 'a' && (c | 32) <= 'f')
                        value = value * 16 + (unsigned)((c | 32) - 'a' + 10);
                else
                        return fail_at(in, escape, "\\u needs four hexadecimal digits");
                advance(in, 1);
        }
        *ret = value;
        return 0;
}

static int read_unicode_escape(struct reader *in, struct place escape, struct bk_buf *buf)
{
        unsigned c = 0, low = 0;

        if (read_hex4(in, escape, &c) < 0)
                return -1;
        if (c >= 0xdc00 && c <= 0xdfff)
                return fail_at(in, escape, "\\u%04x is the second half of a surrogate pair, without a first", c);
        if (c >= 0xd800 && c <= 0xdbff) {
                if (in->end - in->p < 2 || in->p[0] != '\\' || in->p[1] != 'u')
                        return fail_at(in, escape, "\\u%04x is half of a surrogate pair; the other half must follow", c);
                advance(in, 1);
                advance(in, 1);
                if (read_hex4(in, escape, &low) < 0)
                        return -1;
                if (low < 0xdc00 || low > 0xdfff)
                        return fail_at(in, escape, "\\u%04x\\u%04x is not a surrogate pair", c, low);
                c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        }
        bk_buf_put_code_point(buf, c);
        return 0;
}

static int read_escape(struct reader *in, struct bk_buf *buf)
{
        static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
        const struct place escape = here(in);
        const char *found;

        advance(in, 1);
        if (in->p >= in->end)
                return 0;       /* the caller says that the string is not closed */
        if (*in->p == 'u') {
                advance(in, 1);
                return read_unicode_escape(in, escape, buf);
        }
        found = *in->p != '\0' ? strchr(from, *in->p) : NULL;
        if (found == NULL) {
                if ((unsigned char)*in->p > 0x20 && (unsigned char)*in->p < 0x7f)
                        return fail_at(in, escape, "unknown escape '\\%c'; a backslash is written '\\\\'", *in->p);
                return fail_at(in, escape, "unknown escape; a backslash is written '\\\\'");
        }
        bk_buf_putc(buf, to[found - from]);
        advance(in, 1);
        return 0;
}

/* The opening quote is here. */
static int read_string(struct reader *in, char **ret, size_t *ret_len)
{
        BK_CLEANUP(bk_buf_done) struct bk_buf buf = { 0 };
        const struct place start = here(in);
        size_t length;

        advance(in, 1);
        while (in->p < in->end && *in->p != '"') {
                if (*in->p == '\\') {
                        if (read_escape(in, &buf) < 0)
                                return -1;
                        continue;
                }
                if (*in->p == '\n' || *in->p == '\r')
                        return fail_at(in, here(in), "the string that starts in column %u is not closed on its line; "
                                       "a line break in a string is written '\\n'", start.column);
                if (*in->p == '\t')
                        return fail_at(in, here(in), "a tab inside a string is written '\\t'");
                if ((unsigned char)*in->p < 0x20)
                        return fail_at(in, here(in), "control character 0x%02x inside a string", (unsigned char)*in->p);
                length = bk_utf8_length(in->p, in->end);
                if (length == 0)
                        return fail_at(in, here(in), "byte 0x%02x is not UTF-8; save the file as UTF-8",
                                       (unsigned char)*in->p);
                bk_buf_add(&buf, in->p, length);
                advance(in, length);
        }
        if (in->p >= in->end)
                return fail_at(in, start, "the string that starts here is not closed");
        advance(in, 1);
        *ret_len = buf.len;
        *ret = bk_buf_finish(&buf);
        return 0;
}

/* --- numbers and words ----------------------------------------------------- */
static bool is_digit(const struct reader *in)
{
        return in->p < in->end && *in->p >= '0' && *in->p <= '9';
}

static void skip_digits(struct reader *in)
{
        while (is_digit(in))
                advance(in, 1);
}

/* Kept as written: what a number means depends on the key that takes it. */
static int read_number(struct reader *in, struct bk_doc *into)
{
        const struct place start = here(in);
        const char *const first = in->p;

        if (at(in, '-'))
                advance(in, 1);
        if (!is_digit(in))
                return fail_at(in, start, "expected a digit after '-'");
        if (at(in, '0')) {
                advance(in, 1);
                if (is_digit(in))
                        return fail_at(in, start, "a number may not start with 0; file modes stand in quotes");
                if (at(in, 'x') || at(in, 'X'))
                        return fail_at(in, start, "JSON has no hexadecimal numbers");
        }
        skip_digits(in);
        if (at(in, '.')) {
                advance(in, 1);
                if (!is_digit(in))
                        return fail_at(in, start, "expected a digit after '.' in a number");
                skip_digits(in);
        }
        if (at(in, 'e') || at(in, 'E')) {
                advance(in, 1);
                if (at(in, '+') || at(in, '-'))
                        advance(in, 1);
                if (!is_digit(in))
                        return fail_at(in, start, "expected a digit in a number's exponent");
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

static int read_word(struct reader *in, struct bk_doc *into, const char *where)
{
        static const char *const words[] = { "null", "false", "true" };
        const struct place start = here(in);
        autofree char *word = NULL;
        const char *first = in->p, *nearest;

        while (in->p < in->end && is_word(*in->p))
                advance(in, 1);
        word = bk_strndup(first, (size_t)(in->p - first));
        into->kind = bk_streq(word, "null") ? BK_DOC_NULL : BK_DOC_BOOL;
        into->truth = bk_streq(word, "true");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                if (bk_streq(word, words[i]))
                        return 0;
        nearest = bk_nearest(word, words, sizeof words / sizeof *words);
        if (nearest != NULL)
                return fail_at(in, start, "expected %s, found the word '%.40s'; did you mean '%s'?", where, word, nearest);
        return fail_at(in, start, "expected %s, found the word '%.40s'; strings stand in double quotes", where, word);
}

/* --- arrays and objects ---------------------------------------------------- */
static struct bk_doc *add_item(const struct reader *in, struct bk_doc *parent)
{
        struct bk_doc *item = bk_alloc(sizeof *item);

        item->file = in->file;
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
static int refuse_duplicates(const struct reader *in, const struct bk_doc *object)
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
        return fail_at(in, (struct place){ second->key_line, second->key_column },
                       "duplicate key \"%.100s\"; the first one is on line %u", second->key, first->key_line);
}

/* After an item: a comma and another item, or the end. Returns 1, 0 or -1. */
static int read_separator(struct reader *in, char close, const struct bk_doc *parent, const struct bk_doc *last)
{
        autofree char *expected = NULL;
        struct place comma;

        skip_space(in);
        if (at(in, close)) {
                advance(in, 1);
                return 0;
        }
        if (at(in, ',')) {
                comma = here(in);
                advance(in, 1);
                skip_space(in);
                if (at(in, close))
                        return fail_at(in, comma, "a comma before '%c'; remove it", close);
                return 1;
        }
        if (in->p >= in->end)
                return fail_at(in, here(in), "the document ends inside %s that starts on line %u; expected '%c'",
                               close == '}' ? "the object" : "the array", parent->line, close);
        expected = last->key != NULL
                           ? bk_format("',' or '%c' after the value of \"%.100s\"", close, last->key)
                           : bk_format("',' or '%c' after item %zu of the array", close, parent->n);
        return fail_expected(in, expected);
}

static int read_member(struct reader *in, struct bk_doc *object)
{
        autofree char *where = NULL;
        struct bk_doc *member;
        size_t length = 0;

        if (!at(in, '"'))
                return fail_expected(in, object->n == 0 ? "a key in double quotes or '}'" : "a key in double quotes");
        member = add_item(in, object);
        member->key_line = in->line;
        member->key_column = in->column;
        if (read_string(in, &member->key, &length) < 0)
                return -1;
        if (strlen(member->key) != length)
                return fail_at(in, (struct place){ member->key_line, member->key_column }, "a key may not hold \\u0000");
        skip_space(in);
        where = bk_format("':' after the key \"%.100s\"", member->key);
        if (!at(in, ':'))
                return fail_expected(in, where);
        advance(in, 1);
        free(where);
        where = bk_format("a value for \"%.100s\"", member->key);
        return read_value(in, member, where);
}

static int read_items(struct reader *in, struct bk_doc *into, char close)
{
        int more;

        if (++in->depth > DEPTH_MOST)
                return fail_at(in, here(in), "nested deeper than %d levels", DEPTH_MOST);
        advance(in, 1);
        skip_space(in);
        if (at(in, close)) {
                advance(in, 1);
                in->depth--;
                return 0;
        }
        do {
                const int status = close == '}' ? read_member(in, into)
                                                : read_value(in, add_item(in, into), "a value or ']'");

                if (status < 0)
                        return -1;
                more = read_separator(in, close, into, into->items[into->n - 1]);
                if (more < 0)
                        return -1;
        } while (more > 0);
        in->depth--;
        return close == '}' ? refuse_duplicates(in, into) : 0;
}

static int read_value(struct reader *in, struct bk_doc *into, const char *where)
{
        skip_space(in);
        into->line = in->line;
        into->column = in->column;
        if (at(in, '{')) {
                into->kind = BK_DOC_OBJECT;
                return read_items(in, into, '}');
        }
        if (at(in, '[')) {
                into->kind = BK_DOC_ARRAY;
                return read_items(in, into, ']');
        }
        if (at(in, '"')) {
                into->kind = BK_DOC_STRING;
                return read_string(in, &into->text, &into->text_len);
        }
        if (at(in, '-') || is_digit(in))
                return read_number(in, into);
        if (in->p < in->end && is_word(*in->p))
                return read_word(in, into, where);
        return fail_expected(in, where);
}

/* --- documents ------------------------------------------------------------- */
static void done(struct bk_doc *doc)
{
        for (size_t i = 0; i < doc->n; i++) {
                done(doc->items[i]);
                free(doc->items[i]);
        }
        free(doc->items);
        free(doc->key);
        free(doc->text);
}

void bk_doc_free(struct bk_doc *root)
{
        if (root == NULL)
                return;
        done(root);
        free((char *)root->file);
        free(root);
}

static void free_doc(struct bk_doc **doc)
{
        bk_doc_free(*doc);
}

static int refuse_byte_order_mark(const struct reader *in)
{
        static const struct { const char *bytes; size_t n; const char *name; } marks[] = {
                { "\xef\xbb\xbf", 3, "a byte order mark" },
                { "\xff\xfe", 2, "the byte order mark of UTF-16" },
                { "\xfe\xff", 2, "the byte order mark of UTF-16" },
        };

        for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
                if ((size_t)(in->end - in->p) >= marks[i].n && memcmp(in->p, marks[i].bytes, marks[i].n) == 0)
                        return fail_at(in, here(in), "the file starts with %s; save it as UTF-8 without BOM",
                                       marks[i].name);
        return 0;
}

int bk_doc_parse(const char *file, const char *text, size_t length, struct bk_doc **ret, struct bk_error *err)
{
        BK_CLEANUP(free_doc) struct bk_doc *root = bk_alloc(sizeof *root);
        struct reader in = { .p = text, .end = text + length, .line = 1, .column = 1, .err = err };

        root->file = in.file = bk_strdup(file);
        if (refuse_byte_order_mark(&in) < 0)
                return -1;
        skip_space(&in);
        if (in.p >= in.end)
                return fail_at(&in, (struct place){ 1, 1 }, "the document is empty");
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

        if (bk_read_file(path, FILE_MOST, &text, &length, err) < 0)
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
        autofree char *text = NULL;
        va_list args;

        va_start(args, format);
        text = bk_vformat(format, args);
        va_end(args);
        (void)bk_fail(err, BK_INVALID, "%s", text);
        return bk_at(err, doc->file, doc->line, doc->column);
}

int (bk_doc_fail_key)(struct bk_error *err, const struct bk_doc *doc, const char *format, ...)
{
        const bool keyed = doc->key_line > 0;
        autofree char *text = NULL;
        va_list args;

        va_start(args, format);
        text = bk_vformat(format, args);
        va_end(args);
        (void)bk_fail(err, BK_INVALID, "%s", text);
        return bk_at(err, doc->file, keyed ? doc->key_line : doc->line, keyed ? doc->key_column : doc->column);
}
