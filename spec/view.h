/* Lines and words of texts, without copies: a configuration file, or what a guest prints, may have millions of them, and NULs. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spec_view { const char *s; size_t n; };          /* borrowed; not NUL-terminated */

struct spec_view spec_view_of(const char *s);        /* NULL: empty */
bool spec_view_is(struct spec_view view, const char *s);
bool spec_view_is_nocase(struct spec_view view, const char *s);
bool spec_view_starts(struct spec_view view, const char *s);
bool spec_view_ends(struct spec_view view, const char *s);
/* Without blanks at both ends. */
struct spec_view spec_view_trim(struct spec_view view);
/* Without one pair of single or double quotes around it. */
struct spec_view spec_view_unquote(struct spec_view view);
char *spec_view_dup(struct spec_view view);     /* the caller's */

/* These take what they give off the front; false when nothing is left. A line comes without its end (and without a CR). */
bool spec_view_line(struct spec_view *text, struct spec_view *ret);
bool spec_view_word(struct spec_view *line, struct spec_view *ret);
/* Up to the separator, or all of it; an empty part is one too, unless it is the last. */
bool spec_view_cut(struct spec_view *list, char separator, struct spec_view *ret);
/* Up to the separator; false, and nothing taken, when it is not there. */
bool spec_view_until(struct spec_view *rest, char separator, struct spec_view *ret);
/* "key = value": false when there is no separator. Both are trimmed. */
bool spec_view_pair(struct spec_view line, char separator, struct spec_view *ret_key, struct spec_view *ret_value);
/* Is it a number, and which? At most 18 digits, with a sign. */
bool spec_view_number(struct spec_view view, long long *ret);
/* The whole of it as a number of base 10 or 16, without a sign; false when it is none, or more than 64 bits. */
bool spec_view_unsigned(struct spec_view view, unsigned base, uint64_t *ret);
