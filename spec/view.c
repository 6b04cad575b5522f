/* Lines and words of texts. They may come from a hostile guest or image: nothing here believes a length or a format. */
#include "spec/view.h"

#include <string.h>
#include <strings.h>

#include "lib/mem.h"

static bool blank(char c)
{
        return c == ' ' || (c >= '\t' && c <= '\r');
}

struct spec_view spec_view_of(const char *s)
{
        return (struct spec_view){ s ? s : "", s ? strlen(s) : 0 };
}

bool spec_view_is(struct spec_view view, const char *s)
{
        return s != NULL && strlen(s) == view.n && memcmp(view.s, s, view.n) == 0;
}

bool spec_view_is_nocase(struct spec_view view, const char *s)
{
        return strlen(s) == view.n && strncasecmp(view.s, s, view.n) == 0;
}

bool spec_view_starts(struct spec_view view, const char *s)
{
        return view.n >= strlen(s) && memcmp(view.s, s, strlen(s)) == 0;
}

bool spec_view_ends(struct spec_view view, const char *s)
{
        return view.n >= strlen(s) && memcmp(view.s + view.n - strlen(s), s, strlen(s)) == 0;
}

struct spec_view spec_view_trim(struct spec_view view)
{
        while (view.n > 0 && blank(view.s[view.n - 1]))
                view.n--;
        while (view.n > 0 && blank(*view.s)) {
                view.s++;
                view.n--;
        }
        return view;
}

struct spec_view spec_view_unquote(struct spec_view view)
{
        if (view.n >= 2 && (*view.s == '"' || *view.s == '\'') && view.s[view.n - 1] == *view.s)
                return (struct spec_view){ view.s + 1, view.n - 2 };
        return view;
}

char *spec_view_dup(struct spec_view view)
{
        return bk_strndup(view.s ? view.s : "", view.n);
}

static void skip(struct spec_view *view, size_t n)
{
        view->s += n;
        view->n -= n;
}

bool spec_view_line(struct spec_view *text, struct spec_view *ret)
{
        if (!spec_view_cut(text, '\n', ret))
                return false;
        if (ret->n > 0 && ret->s[ret->n - 1] == '\r')
                ret->n--;
        return true;
}

bool spec_view_word(struct spec_view *line, struct spec_view *ret)
{
        size_t n = 0;

        while (line->n > 0 && blank(*line->s))
                skip(line, 1);
        while (n < line->n && !blank(line->s[n]))
                n++;
        *ret = (struct spec_view){ line->s, n };
        skip(line, n);
        return n > 0;
}

bool spec_view_cut(struct spec_view *list, char separator, struct spec_view *ret)
{
        const char *end;

        if (list->n == 0)
                return false;
        end = memchr(list->s, separator, list->n);
        *ret = (struct spec_view){ list->s, end ? (size_t)(end - list->s) : list->n };
        skip(list, end ? ret->n + 1 : ret->n);
        return true;
}

bool spec_view_until(struct spec_view *rest, char separator, struct spec_view *ret)
{
        const char *at = rest->n > 0 ? memchr(rest->s, separator, rest->n) : NULL;

        if (at == NULL)
                return false;
        *ret = (struct spec_view){ rest->s, (size_t)(at - rest->s) };
        skip(rest, ret->n + 1);
        return true;
}

bool spec_view_pair(struct spec_view line, char separator, struct spec_view *ret_key, struct spec_view *ret_value)
{
        const char *at = line.n > 0 ? memchr(line.s, separator, line.n) : NULL;

        if (at == NULL)
                return false;
        *ret_key = spec_view_trim((struct spec_view){ line.s, (size_t)(at - line.s) });
        *ret_value = spec_view_trim((struct spec_view){ at + 1, line.n - (size_t)(at - line.s) - 1 });
        return true;
}

bool spec_view_number(struct spec_view view, long long *ret)
{
        const bool minus = view.n > 0 && *view.s == '-';
        long long n = 0;

        if (minus)
                skip(&view, 1);
        if (view.n == 0 || view.n > 18)
                return false;
        for (size_t i = 0; i < view.n; i++) {
                if (view.s[i] < '0' || view.s[i] > '9')
                        return false;
                n = n * 10 + (view.s[i] - '0');
        }
        *ret = minus ? -n : n;
        return true;
}

static int digit(char c)
{
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

bool spec_view_unsigned(struct spec_view view, unsigned base, uint64_t *ret)
{
        uint64_t n = 0;

        for (size_t i = 0; i < view.n; i++) {
                const unsigned d = (unsigned)digit(view.s[i]);

                if (d >= base || __builtin_mul_overflow(n, (uint64_t)base, &n) || __builtin_add_overflow(n, (uint64_t)d, &n))
                        return false;
        }
        if (view.n > 0)
                *ret = n;
        return view.n > 0;
}
