/* How fast keys are typed, and how long that takes: Packer's interval and its
 * precedence, Go's durations. */
#include <ctype.h>
#include <string.h>

#include "boot/boot.h"
#include "lib/cleanup.h"

static const struct { const char *name; int64_t ns; } units[] = {
        { "ns", 1 }, { "us", 1000 }, { "\u00b5s", 1000 }, { "\u03bcs", 1000 }, { "ms", 1000000 },
        { "s", 1000000000 }, { "m", 60000000000 }, { "h", 3600000000000 },
};

/* One number and its unit at *p. */
static int part(const char **p, const char *end, int64_t *ret, struct bk_error *err)
{
        int64_t whole = 0, unit = 0;
        double fraction = 0, scale = 1;
        size_t digits = 0;
        bool over = false;

        for (; *p < end && isdigit((unsigned char)**p); ++*p, digits++)
                over = over || __builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, **p - '0', &whole);
        if (*p < end && **p == '.')
                for (++*p; *p < end && isdigit((unsigned char)**p); ++*p, digits++)
                        if (scale < 1e15) {             /* more digits than that are below every unit */
                                fraction = fraction * 10 + (**p - '0');
                                scale *= 10;
                        }
        if (digits == 0)
                return bk_fail(err, BK_INVALID, "not a duration such as 1m20s");
        for (size_t i = 0; i < sizeof units / sizeof *units && unit == 0; i++) {
                const size_t length = strlen(units[i].name);

                if ((size_t)(end - *p) < length || strncmp(*p, units[i].name, length) != 0)
                        continue;
                if (*p + length < end && !isdigit((unsigned char)(*p)[length]) && (*p)[length] != '.')
                        continue;
                unit = units[i].ns;
                *p += length;
        }
        if (unit == 0)
                return bk_fail(err, BK_INVALID, "not a duration such as 1m20s; the units are ns, us, ms, s, m and h");
        if (over || __builtin_mul_overflow(whole, unit, &whole) ||
            __builtin_add_overflow(whole, (int64_t)(fraction * ((double)unit / scale)), ret))
                return bk_fail(err, BK_INVALID, "a duration of more than 292 years");
        return 0;
}

int boot_duration(const char *text, size_t length, int64_t *ret_ns, struct bk_error *err)
{
        const char *p = text, *const end = text + length;
        const bool negative = length > 0 && *p == '-';
        int64_t sum = 0;

        if (length > 0 && (*p == '-' || *p == '+'))
                p++;
        if (end - p == 1 && *p == '0') {
                *ret_ns = 0;
                return 0;
        }
        do {
                int64_t one = 0;

                if (part(&p, end, &one, err) < 0)
                        return -1;
                if (__builtin_add_overflow(sum, one, &sum))
                        return bk_fail(err, BK_INVALID, "a duration of more than 292 years");
        } while (p < end);
        *ret_ns = negative ? -sum : sum;
        return 0;
}

int64_t boot_key_interval_ms(int64_t configured_ms, const char *environment)
{
        struct bk_error ignored = { 0 };
        int64_t ns;

        if (configured_ms > 0)
                return configured_ms;
        if (environment == NULL || boot_duration(environment, strlen(environment), &ns, &ignored) < 0)
                return 100;
        return ns <= 0 ? 0 : ns / 1000000 + (ns % 1000000 != 0);        /* Go does not sleep for less than nothing */
}

static void add(int64_t *sum, int64_t more)
{
        if (__builtin_add_overflow(*sum, more, sum))
                *sum = INT64_MAX;
}

struct boot_time boot_time_of(const struct boot_command *command, int64_t interval_ms)
{
        struct boot_time time = { 0 };

        for (size_t i = 0; i < command->n; i++) {
                const struct boot_event *event = &command->v[i];

                if (event->kind == BOOT_KEY)
                        time.keys += (event->action == BOOT_PRESS ? 2 : 1) * (event->shift ? 2 : 1);
                else if (event->kind == BOOT_WAIT)
                        add(&time.waiting_ms, event->ms);
                else
                        time.open_waits++;
        }
        if (__builtin_mul_overflow((int64_t)time.keys, interval_ms, &time.typing_ms))
                time.typing_ms = INT64_MAX;
        return time;
}
