/* HCL, HashiCorp's configuration language, by its native syntax specification: bodies of arguments (name = value) and of blocks
 * (type "label" { ... }), every word of them with its place. Also the same as JSON.
 *
 * Values are those of lib/doc.h, which name their places too, and whoever reads JSON by it reads arguments as well. They are
 * literals: null, booleans, numbers, strings, heredocs, lists, objects. What has to be computed first - ${...}, references, functions,
 * operators, `for` - is refused with its place; it would be read where hcl_value.c refuses it, as further kinds of values, and
 * computing it gives one of these again. Where this reader differs from the specification: names are of ASCII letters, a number
 * does not begin with a 0, and within a block several definitions may follow each other on one line. Depth is limited. */
#pragma once
#include "lib/doc.h"

struct bk_hcl_body {
        const char *file;               /* borrowed from the root */
        unsigned line, column;          /* where it begins */
        struct bk_doc *arguments;       /* an object: bk_doc_get(body->arguments, "scope"); in the order of the file */
        struct bk_hcl_block **blocks;   /* owned, in the order of the file */
        size_t n_blocks;
};

struct bk_hcl_block {
        char *type;
        unsigned line, column;
        struct bk_doc *labels;          /* an array of strings */
        struct bk_hcl_body body;
};

/* What a body may have. Rows of types end with a NULL name, words with NULL. */
struct bk_hcl_schema;
struct bk_hcl_type {
        const char *name;
        unsigned labels;                        /* so many, exactly */
        bool once;                              /* at most one in its body */
        const struct bk_hcl_schema *body;
};
struct bk_hcl_schema {
        const char *what;                       /* "a retire rule": in errors */
        const char *const *arguments;
        const struct bk_hcl_type *types;        /* NULL: no blocks */
};

/* file is only named in errors. A text whose first word is '{' is JSON, as HCL's own JSON syntax has it: a block is a member by its type, its labels
 * members in that, and an array of objects is several blocks. All that the schema does not know is refused, with the nearest that it does know;
 * schema may be NULL where the text is no JSON. *ret is the caller's: bk_hcl_free(). */
int bk_hcl_parse(const char *file, const char *text, size_t length, const struct bk_hcl_schema *schema, struct bk_hcl_body **ret,
                 struct bk_error *err) BK_MUST_CHECK;
void bk_hcl_free(struct bk_hcl_body *root);
static inline void bk_hcl_freep(struct bk_hcl_body **root)
{
        bk_hcl_free(*root);
}
#define autohcl BK_CLEANUP(bk_hcl_freep) struct bk_hcl_body
/* BK_INVALID at the block's first word. */
int bk_hcl_fail(struct bk_error *err, const struct bk_hcl_block *block, const char *format, ...) BK_PRINTF(3, 4);
#ifdef __clang_analyzer__
#define bk_hcl_fail(...) (-1)
#endif
