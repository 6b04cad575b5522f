/* What the readers of documents (doc.c, hcl*.c) share: a text read one code point at a time that knows where it is, and how values
 * come to be. */
#pragma once
#include <stdarg.h>
#include "lib/buf.h"
#include "lib/doc.h"

enum {
        BK_DOC_DEPTH_MOST = 200,
        BK_DOC_FILE_MOST = 64 << 20,    /* bytes */
};

struct bk_place { unsigned line, column; };

struct bk_reader {
        const char *file;
        const char *p, *end;
        unsigned line, column;
        unsigned depth;
        struct bk_error *err;
};

static inline struct bk_place bk_reader_here(const struct bk_reader *in)
{
        return (struct bk_place){ in->line, in->column };
}

/* Over one code point, of so many bytes. */
static inline void bk_reader_advance(struct bk_reader *in, size_t bytes)
{
        if (*in->p == '\n') {
                in->line++;
                in->column = 1;
        } else {
                in->column++;
        }
        in->p += bytes;
}

static inline bool bk_reader_at(const struct bk_reader *in, char c)
{
        return in->p < in->end && *in->p == c;
}

static inline bool bk_reader_at_digit(const struct bk_reader *in)
{
        return in->p < in->end && *in->p >= '0' && *in->p <= '9';
}

/* BK_INVALID there. */
int bk_doc_vfail(struct bk_error *err, const char *file, struct bk_place place, const char *format, va_list args) BK_PRINTF(4, 0);
int bk_reader_fail(const struct bk_reader *in, struct bk_place place, const char *format, ...) BK_PRINTF(3, 4);
/* "expected ..., found '?'", or that the document ends. */
int bk_reader_fail_expected(const struct bk_reader *in, const char *expected);
#ifdef __clang_analyzer__
#define bk_reader_fail(...) (-1)
#define bk_reader_fail_expected(...) (-1)
#endif
int bk_reader_refuse_byte_order_mark(const struct bk_reader *in) BK_MUST_CHECK;
/* That many hexadecimal digits; escape: where the escape begins. */
int bk_reader_hex(struct bk_reader *in, struct bk_place escape, unsigned digits, unsigned *ret) BK_MUST_CHECK;

/* A number, kept as written. */
int bk_doc_read_number(struct bk_reader *in, struct bk_doc *into) BK_MUST_CHECK;
/* null, false or true, which began at `start`; where: what was expected there, for the message. */
int bk_doc_set_word(const struct bk_reader *in, struct bk_place start, const char *word, const char *where, struct bk_doc *into) BK_MUST_CHECK;
/* A new last item of an array or object; the parent's. */
struct bk_doc *bk_doc_add(const char *file, struct bk_doc *parent);
/* No two members of an object have one key. what: "key", "argument". */
int bk_doc_refuse_duplicates(const struct bk_doc *object, const char *what, struct bk_error *err) BK_MUST_CHECK;
/* Frees a value that is no root. */
void bk_doc_drop(struct bk_doc *doc);
