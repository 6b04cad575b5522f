/* Memory. Running out of it aborts: truth lives in SQL transactions and in
 * published files, and what a crash leaves is cleaned by the next run. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include "lib/error.h"

#define BK_NEW __attribute__((malloc, returns_nonnull, warn_unused_result))

void *bk_alloc(size_t size) BK_NEW;                     /* zeroed */
void *bk_grow(void *memory, size_t count, size_t size) __attribute__((returns_nonnull)); /* overflow-checked realloc; new part is not zeroed */
char *bk_strdup(const char *s);                         /* NULL in, NULL out */
char *bk_strndup(const char *s, size_t length) BK_NEW;
char *bk_format(const char *format, ...) BK_PRINTF(1, 2) BK_NEW;
char *bk_vformat(const char *format, va_list args) BK_PRINTF(1, 0) BK_NEW;

/* A growing list of owned strings, always NULL-terminated once used, so that
 * list.v may serve as an argv. A zeroed list is empty. */
struct bk_strv {
        char **v;
        size_t n;
};
void bk_strv_add(struct bk_strv *list, const char *s);          /* copies */
void bk_strv_take(struct bk_strv *list, char *s);               /* owns s */
void bk_strv_addf(struct bk_strv *list, const char *format, ...) BK_PRINTF(2, 3);
bool bk_strv_has(const struct bk_strv *list, const char *s);
bool bk_strv_same(const struct bk_strv *a, const struct bk_strv *b);    /* the same words in the same order */
void bk_strv_done(struct bk_strv *list);

static inline bool bk_streq(const char *a, const char *b)
{
        return a == b || (a != NULL && b != NULL && __builtin_strcmp(a, b) == 0);
}
