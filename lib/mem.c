/* Allocation that cannot fail, and lists of strings. */
#include "lib/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *must(void *memory)
{
        if (memory == NULL) {
                (void)fputs("bakery: out of memory\n", stderr);
                abort();
        }
        return memory;
}

void *bk_alloc(size_t size)
{
        return must(calloc(1, size ? size : 1));
}

void *bk_grow(void *memory, size_t count, size_t size)
{
        return must(reallocarray(memory, count ? count : 1, size));
}

char *bk_strdup(const char *s)
{
        return s == NULL ? NULL : must(strdup(s));
}

char *bk_strndup(const char *s, size_t length)
{
        return must(strndup(s, length));
}

char *bk_vformat(const char *format, va_list args)
{
        char *text = NULL;

        if (vasprintf(&text, format, args) < 0)
                text = NULL;
        return must(text);
}

char *bk_format(const char *format, ...)
{
        va_list args;
        char *text;

        va_start(args, format);
        text = bk_vformat(format, args);
        va_end(args);
        return text;
}

void bk_strv_take(struct bk_strv *list, char *s)
{
        /* Grown at powers of two, so that a list of n costs n, not n squared. */
        if (list->v == NULL || ((list->n + 1) & list->n) == 0)
                list->v = bk_grow(list->v, 2 * (list->n + 1), sizeof *list->v);
        list->v[list->n++] = s;
        list->v[list->n] = NULL;
}

void bk_strv_add(struct bk_strv *list, const char *s)
{
        bk_strv_take(list, bk_strdup(s));
}

void bk_strv_addf(struct bk_strv *list, const char *format, ...)
{
        va_list args;

        va_start(args, format);
        bk_strv_take(list, bk_vformat(format, args));
        va_end(args);
}

bool bk_strv_has(const struct bk_strv *list, const char *s)
{
        for (size_t i = 0; i < list->n; i++)
                if (bk_streq(list->v[i], s))
                        return true;
        return false;
}

bool bk_strv_same(const struct bk_strv *a, const struct bk_strv *b)
{
        for (size_t i = 0; i < a->n && a->n == b->n; i++)
                if (!bk_streq(a->v[i], b->v[i]))
                        return false;
        return a->n == b->n;
}

void bk_strv_done(struct bk_strv *list)
{
        for (size_t i = 0; i < list->n; i++)
                free(list->v[i]);
        free(list->v);
        *list = (struct bk_strv){ 0 };
}
