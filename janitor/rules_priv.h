/* The parts of the rules' reader. Every function that reads a value fails at the value's place. */
#pragma once
#include "janitor/rules.h"
#include "lib/hcl.h"

/* --- values.c --------------------------------------------------------------------------------------- */
/* One line of text, not empty; borrowed from the value. */
int janitor_read_text(const struct bk_doc *value, const char **ret, struct bk_error *err) BK_MUST_CHECK;
/* A text, or a list of at least one, none of them twice. */
int janitor_read_words(const struct bk_doc *value, struct bk_strv *ret, struct bk_error *err) BK_MUST_CHECK;
/* One of n words, by its number. */
int janitor_read_choice(const struct bk_doc *value, const char *const words[], size_t n, unsigned *ret, struct bk_error *err) BK_MUST_CHECK;
int janitor_read_flag(const struct bk_doc *value, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;
int janitor_read_count(const struct bk_doc *value, int64_t least, int64_t most, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;
int janitor_read_percent(const struct bk_doc *value, double *ret, struct bk_error *err) BK_MUST_CHECK;
/* "30d": seconds. */
int janitor_read_age(const struct bk_doc *value, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;
bool janitor_age_of(const char *text, int64_t *ret);            /* the same, of a text that says nothing else */
/* The same as a value, or "3bd". */
int janitor_read_grace(const struct bk_doc *value, struct janitor_grace *ret, struct bk_error *err) BK_MUST_CHECK;
/* "10GiB"; with a bound (">1GiB") where one is asked for. */
int janitor_read_bytes(const struct bk_doc *value, enum janitor_bound *ret_bound, int64_t *ret, struct bk_error *err) BK_MUST_CHECK;
int janitor_read_match(const struct bk_doc *value, struct reg_match **ret, struct bk_error *err) BK_MUST_CHECK;
/* Keys of attributes, besides those that are columns of a group. */
int janitor_read_keys(const struct bk_doc *value, bool group, struct bk_strv *ret, struct bk_error *err) BK_MUST_CHECK;
int janitor_read_notify(const struct bk_doc *value, struct janitor_rule *ret, struct bk_error *err) BK_MUST_CHECK;
bool janitor_is_address(const char *text);
/* A value as a person would write it; the caller's. */
char *janitor_write_value(const struct bk_doc *value);

/* --- predicates.c ------------------------------------------------------------------------------------ */
/* The words of a `when`, in the order of the rows; ends with NULL. */
enum { JANITOR_WHEN_WORDS = JANITOR_TESTS + 2 };
void janitor_predicate_words(const char *ret[JANITOR_WHEN_WORDS]);
/* Of an argument. by: the argument `by` beside it, or NULL. */
int janitor_read_predicate(const struct bk_doc *argument, const struct bk_doc *by, struct janitor_term *ret, struct bk_error *err) BK_MUST_CHECK;
/* Of a block: vulnerable { ... }. */
int janitor_read_hole(const struct bk_hcl_block *block, struct janitor_term *ret, struct bk_error *err) BK_MUST_CHECK;
extern const char *const janitor_hole_words[];
/* What a test needs to know. */
unsigned janitor_test_want(enum janitor_test test);
const char *janitor_test_key(enum janitor_test test);           /* an attribute; NULL */
/* It takes a length of time, and holds from some moment of an image's life on. */
bool janitor_test_is_age(enum janitor_test test);
bool janitor_test_is_flag(enum janitor_test test);

/* --- rules_when.c ------------------------------------------------------------------------------------ */
/* file: the rules' own. */
int janitor_read_when(const struct bk_hcl_body *body, const char *file, enum janitor_node node, struct janitor_term *ret,
                      struct bk_error *err) BK_MUST_CHECK;
void janitor_term_done(struct janitor_term *term);

/* --- rules_settings.c ---------------------------------------------------------------------------------- */
extern const char *const janitor_settings_words[];
void janitor_settings_begin(struct janitor_settings *ret);      /* the defaults */
int janitor_read_settings(const struct bk_hcl_body *body, struct janitor_settings *ret, struct bk_error *err) BK_MUST_CHECK;
void janitor_settings_done(struct janitor_settings *settings);

/* --- lint_terms.c ----------------------------------------------------------------------------------------- */
/* Of queries: the conditions, one text each; a name in front is "name=...". */
void janitor_conditions(const char *query, struct bk_strv *ret);
/* Whether whatever meets b meets a, as far as the words tell. */
bool janitor_term_implies(const struct janitor_term *b, const struct janitor_term *a);
bool janitor_scope_implies(const char *b, const char *a);       /* NULL: all images */
/* Whether an image that has been so for as long as the one says has also been as the other says, for as long. */
bool janitor_age_implies(enum janitor_test b, enum janitor_test a);
/* The sizes that a term lets in, from low to high. */
struct janitor_range { int64_t low, high; };
struct janitor_range janitor_size_range(enum janitor_bound bound, int64_t number);

/* --- lint_never.c ------------------------------------------------------------------------------------------ */
/* Why no image can ever meet the rule, or why nothing is done to one that does; NULL where something might be. The caller's. */
char *janitor_never(const struct janitor_rule *rule);
