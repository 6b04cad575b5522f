/* Queries that nobody would think of: conditions by chance, of keys and values that images of these tests have. */
#pragma once
#include "tests/unit/registry/fixture.h"

#include "lib/buf.h"

static const char *const query_values[] = { "6.1", "6.9", "6.12", "7", "2024-01-05", "abc", "base", "web", "shop", "4096", "3", "", "a", "1" };
#define N_QUERY_VALUES (long)(sizeof query_values / sizeof *query_values)

static inline const char *query_value(void)
{
        return query_values[lrand48() % N_QUERY_VALUES];
}

/* The caller's; many are not valid. */
static inline char *random_query(const char *const *keys, size_t n_keys)
{
        static const char *const signs[] = { "=", "!=", "<", "<=", ">", ">=", "~", "!~", "", "*", "=~" };
        struct bk_buf query = { 0 };

        bk_buf_puts(&query, lrand48() % 4 == 0 ? "base" : "");
        for (long n = lrand48() % 3 + 1, i = 0; i < n; i++) {
                const char *key = keys[lrand48() % (long)n_keys], *sign = signs[lrand48() % 11];

                bk_buf_puts(&query, i == 0 ? "?" : "&");
                if (*sign == '\0')
                        bk_buf_printf(&query, "%s%s", lrand48() % 2 ? "!" : "", key);
                else if (*sign == '*')
                        bk_buf_printf(&query, "%s%s%.1s*,%s", key, lrand48() % 2 ? "!=" : "=", query_value(), query_value());
                else if (bk_streq(sign, "=") && lrand48() % 2)
                        bk_buf_printf(&query, "%s=%s,%s,%s", key, query_value(), query_value(), query_value());
                else
                        bk_buf_printf(&query, "%s%s%s%s", key, sign, query_value(), bk_streq(sign, "=~") ? "~" : "");
        }
        return bk_buf_finish(&query);
}
