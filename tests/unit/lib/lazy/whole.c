#include "tests/unit/lib/lazy/lazy.h"

#include <errno.h>
#include <stdio.h>

long lazy_sum(int n, ...)
{
        va_list args;
        long sum = 0;

        va_start(args, n);
        while (n-- > 0)
                sum = sum * 10 + va_arg(args, long);
        va_end(args);
        return sum;
}

double lazy_mean(int n, ...)
{
        va_list args;
        double sum = 0;

        va_start(args, n);
        for (int i = 0; i < n; i++)
                sum += va_arg(args, double);
        va_end(args);
        return sum / n;
}

/* Every argument has a weight of its own: none can be taken for another. */
double lazy_many(long a, long b, long c, long d, long e, long f, long g, long h, long i, double p, double q, double r, double s,
                 double t, double u, double v, double w, double x, float y, char z)
{
        const long whole = a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i;

        return (double)whole + p + 2 * q + 3 * r + 4 * s + 5 * t + 6 * u + 7 * v + 8 * w + 9 * x + 10 * (double)y + z;
}

long double lazy_long_double(long double a, int b)
{
        return a / b;
}

struct lazy_large lazy_make_large(struct lazy_large from, long step)
{
        for (int i = 0; i < 6; i++)
                from.v[i] += i * step;
        return from;
}

struct lazy_mixed lazy_make_mixed(double real, long whole)
{
        return (struct lazy_mixed){ real * 2, whole * 2 };
}

struct lazy_reals lazy_make_reals(struct lazy_reals from, double by)
{
        return (struct lazy_reals){ { from.v[0] * by, from.v[1] * by } };
}

int lazy_errno(void)
{
        return errno;
}

long lazy_call_back(long (*function)(void *arg), void *arg)
{
        return function(arg);
}

int lazy_print(char *ret, int size, const char *format, va_list args)
{
        return vsnprintf(ret, (size_t)size, format, args);
}
