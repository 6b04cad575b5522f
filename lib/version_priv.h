/* What the files that compare versions share. Versions are slices: nothing is copied, however long they are. */
#pragma once
#include <stddef.h>
#include "lib/version.h"

struct bk_slice { const char *s; size_t n; };

struct bk_slice bk_slice_of(const char *text);
/* What begins after the first n bytes; n may be more than there are. */
struct bk_slice bk_slice_from(struct bk_slice text, size_t n);
/* The bytes at the beginning that are digits; the same for letters. */
size_t bk_slice_digits(struct bk_slice text);
size_t bk_slice_letters(struct bk_slice text);
/* Whole numbers of any length, leading zeros ignored; bytes, a prefix being less. -1, 0 or 1. */
int bk_slice_number_compare(struct bk_slice a, struct bk_slice b);
int bk_slice_compare(struct bk_slice a, struct bk_slice b);
bool bk_slice_is(struct bk_slice text, const char *word, bool fold);
static inline int bk_sign(int n) { return (n > 0) - (n < 0); }

/* ASCII's, whatever the locale. */
static inline bool bk_digit(char c) { return c >= '0' && c <= '9'; }
static inline bool bk_lower(char c) { return c >= 'a' && c <= 'z'; }
static inline bool bk_letter(char c) { return bk_lower(c) || (c >= 'A' && c <= 'Z'); }
static inline char bk_fold(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

int bk_version_deb(struct bk_slice a, struct bk_slice b);
int bk_version_rpm(struct bk_slice a, struct bk_slice b);
int bk_version_alpm(struct bk_slice a, struct bk_slice b);
int bk_version_apk(struct bk_slice a, struct bk_slice b);
int bk_version_pypi(struct bk_slice a, struct bk_slice b);
int bk_version_npm(struct bk_slice a, struct bk_slice b);
int bk_version_gem(struct bk_slice a, struct bk_slice b);
int bk_version_php(struct bk_slice a, struct bk_slice b);
int bk_version_perl(struct bk_slice a, struct bk_slice b);
