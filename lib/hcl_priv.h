/* The parts of the HCL reader. */
#pragma once
#include "lib/doc_priv.h"
#include "lib/hcl.h"

/* Blanks and comments up to the end of the line; with lines, also line breaks. */
int bk_hcl_skip(struct bk_reader *in, bool lines) BK_MUST_CHECK;
bool bk_hcl_at_line_end(const struct bk_reader *in);
bool bk_hcl_at_name(const struct bk_reader *in);
/* A name begins here; the caller's. */
char *bk_hcl_read_name(struct bk_reader *in);
/* The opening quote is here. what: "a string", "a label". */
int bk_hcl_read_string(struct bk_reader *in, char **ret, size_t *ret_len) BK_MUST_CHECK;
/* where: "a value for 'x'". */
int bk_hcl_read_value(struct bk_reader *in, struct bk_doc *into, const char *where) BK_MUST_CHECK;
/* What stands behind a value, and is neither the end nor the next; says so of operators. */
int bk_hcl_fail_behind(const struct bk_reader *in, const char *expected);

/* A body is given back when its parent's is. */
void bk_hcl_body_begin(struct bk_hcl_body *body, const char *file, unsigned line, unsigned column);
void bk_hcl_body_done(struct bk_hcl_body *body);
struct bk_hcl_block *bk_hcl_body_add(struct bk_hcl_body *body, char *type, unsigned line, unsigned column);

int bk_hcl_check(const struct bk_hcl_body *body, const struct bk_hcl_schema *schema, struct bk_error *err) BK_MUST_CHECK;
/* The same from a document, an object. */
int bk_hcl_of_doc(const struct bk_doc *doc, const struct bk_hcl_schema *schema, struct bk_hcl_body *into, struct bk_error *err) BK_MUST_CHECK;
/* "${" and "%{" would be computed, "$${" and "%%{" stand for them. The text is shortened in place. */
int bk_hcl_unescape_markers(struct bk_doc *string, struct bk_error *err) BK_MUST_CHECK;

#ifdef __clang_analyzer__
#define bk_hcl_fail_behind(...) (-1)
#endif
