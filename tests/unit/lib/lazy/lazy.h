/* Functions of libraries that test_lazy.c loads when it first calls them: each takes or returns what the way there must keep. */
#pragma once
#include <stdarg.h>

struct lazy_large { long v[6]; };                       /* returned in memory */
struct lazy_mixed { double real; long whole; };         /* returned in registers of both kinds */
struct lazy_reals { double v[2]; };

/* liblazy_whole */
long lazy_sum(int n, ...);                              /* of n long */
double lazy_mean(int n, ...);                           /* of n double */
double lazy_many(long a, long b, long c, long d, long e, long f, long g, long h, long i, double p, double q, double r, double s,
                 double t, double u, double v, double w, double x, float y, char z);
long double lazy_long_double(long double a, int b);
struct lazy_large lazy_make_large(struct lazy_large from, long step);
struct lazy_mixed lazy_make_mixed(double real, long whole);
struct lazy_reals lazy_make_reals(struct lazy_reals from, double by);
int lazy_errno(void);
long lazy_call_back(long (*function)(void *arg), void *arg);
int lazy_print(char *ret, int size, const char *format, va_list args);

/* liblazy_absent, which is not there when the test runs */
int lazy_absent(void);

/* liblazy_older, which lacks the second one then */
int lazy_old(void);
int lazy_new(void);
