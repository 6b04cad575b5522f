/* The table below is the only place where a kind of failure becomes an exit
 * code; programs that drive bakery rely on it. */
#include "lib/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct { const char *name; int exit_code; } kinds[] = {
        [BK_NONE]        = { "none",        0 },
        [BK_USAGE]       = { "usage",       2 },
        [BK_INVALID]     = { "invalid",     2 },
        [BK_NOT_FOUND]   = { "not-found",   1 },
        [BK_GONE]        = { "gone",        1 },
        [BK_CONFLICT]    = { "conflict",    1 },
        [BK_DENIED]      = { "denied",      6 },
        [BK_FAILED]      = { "failed",      1 },
        [BK_TESTS]       = { "tests",       1 },
        [BK_CORRUPT]     = { "corrupt",     1 },
        [BK_TIMEOUT]     = { "timeout",     1 },
        [BK_LOCKED]      = { "locked",      5 },
        [BK_NO_SPACE]    = { "no-space",    6 },
        [BK_INFRA]       = { "infra",       6 },
        [BK_INTERRUPTED] = { "interrupted", 130 },
        [BK_INTERNAL]    = { "internal",    70 },
};

const char *bk_kind_name(enum bk_kind kind)
{
        return kinds[kind].name;
}

enum bk_kind bk_kind_of_name(const char *name)
{
        for (size_t i = BK_USAGE; i < sizeof kinds / sizeof *kinds; i++)
                if (strcmp(kinds[i].name, name) == 0)
                        return (enum bk_kind)i;
        return BK_INFRA;
}

int bk_kind_exit_code(enum bk_kind kind)
{
        return kinds[kind].exit_code;
}

enum bk_kind bk_kind_of_errno(int errnum)
{
        switch (errnum) {
        case ENOENT: case ENOTDIR:      return BK_NOT_FOUND;
        case EEXIST: case ENOTEMPTY:    return BK_CONFLICT;
        case EACCES: case EPERM:        return BK_DENIED;
        case ENOSPC: case EDQUOT:       return BK_NO_SPACE;
        case ETIMEDOUT:                 return BK_TIMEOUT;
        case EWOULDBLOCK:               return BK_LOCKED;
        default:                        return BK_INFRA;
        }
}

int (bk_fail)(struct bk_error *err, enum bk_kind kind, const char *format, ...)
{
        va_list args;

        if (err == NULL)
                return -1;
        err->kind = kind;
        err->errnum = 0;
        err->at[0] = '\0';
        va_start(args, format);
        (void)vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        return -1;
}

int (bk_fail_errno)(struct bk_error *err, const char *format, ...)
{
        const int saved = errno;
        va_list args;
        int used;

        if (err == NULL)
                return -1;
        err->kind = bk_kind_of_errno(saved);
        err->errnum = saved;
        err->at[0] = '\0';
        va_start(args, format);
        used = vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        if (used >= 0 && (size_t)used < sizeof err->text)
                (void)snprintf(err->text + used, sizeof err->text - (size_t)used, ": %s", strerror(saved));
        errno = saved;
        return -1;
}

int (bk_wrap)(struct bk_error *err, const char *format, ...)
{
        char inner[sizeof err->text];
        va_list args;
        int used;

        if (err == NULL)
                return -1;
        memcpy(inner, err->text, sizeof inner);
        va_start(args, format);
        used = vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        /* What does not fit is cut. */
        if (used >= 0 && (size_t)used < sizeof err->text &&
            snprintf(err->text + used, sizeof err->text - (size_t)used, ": %s", inner) < 0)
                err->text[used] = '\0';
        return -1;
}

int (bk_at)(struct bk_error *err, const char *file, unsigned line, unsigned column)
{
        if (err == NULL || err->at[0] != '\0')
                return -1;
        if (line == 0)
                (void)snprintf(err->at, sizeof err->at, "%s", file);
        else
                (void)snprintf(err->at, sizeof err->at, "%s:%u:%u", file, line, column ? column : 1);
        return -1;
}
