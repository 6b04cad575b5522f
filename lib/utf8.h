/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once
#include <stddef.h>

/* The length of the code point at p, or 0 when it is not UTF-8. p < end. */
size_t bk_utf8_length(const char *p, const char *end);
/* The text with every byte that is not UTF-8 replaced by U+FFFD; the caller's. */
char *bk_utf8_clean(const char *text);
