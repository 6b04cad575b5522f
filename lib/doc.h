/* A JSON document (RFC 8259) that remembers where each value stood, so that
 * any later complaint can name file:line:column. Reading is strict: duplicate
 * keys at any depth, trailing commas, comments, invalid UTF-8 and unpaired
 * surrogates are errors, as Packer has them. Depth is limited to 200. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include "lib/error.h"

enum bk_doc_kind { BK_DOC_NULL, BK_DOC_BOOL, BK_DOC_NUMBER, BK_DOC_STRING, BK_DOC_ARRAY, BK_DOC_OBJECT };

struct bk_doc {
        enum bk_doc_kind kind;
        const char *file;               /* borrowed from the root of the document */
        unsigned line, column;          /* of the value; from 1, columns in code points */
        char *key;                      /* when a member of an object, else NULL */
        unsigned key_line, key_column;
        bool truth;                     /* BOOL */
        char *text;                     /* STRING: UTF-8; NUMBER: as written */
        size_t text_len;                /* bytes; a string may hold NUL */
        struct bk_doc **items;          /* ARRAY, OBJECT: owned, in the order of the file */
        size_t n;
};

/* file is only named in errors. *ret is the caller's: bk_doc_free(). */
int bk_doc_parse(const char *file, const char *text, size_t length, struct bk_doc **ret, struct bk_error *err) BK_MUST_CHECK;
int bk_doc_parse_file(const char *path, struct bk_doc **ret, struct bk_error *err) BK_MUST_CHECK;
void bk_doc_free(struct bk_doc *root);
const struct bk_doc *bk_doc_get(const struct bk_doc *object, const char *key);  /* NULL when absent */
const char *bk_doc_kind_name(enum bk_doc_kind kind);                            /* "a string", "an object" */
/* BK_INVALID at the place of the value, or of its key. */
int bk_doc_fail(struct bk_error *err, const struct bk_doc *doc, const char *format, ...) BK_PRINTF(3, 4);
int bk_doc_fail_key(struct bk_error *err, const struct bk_doc *doc, const char *format, ...) BK_PRINTF(3, 4);
#ifdef __clang_analyzer__
#define bk_doc_fail(...) (-1)
#define bk_doc_fail_key(...) (-1)
#endif
/* The nearest of n known words within an edit distance that a typo has, or NULL. */
const char *bk_nearest(const char *word, const char *const known[], size_t n);
