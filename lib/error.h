/* One failure shape for the whole program.
 *
 * A fallible function returns 0 or -1 and takes, last, a struct bk_error that
 * lives on its caller's stack. The error is untouched on success, owns no
 * memory, and each level may put its own context before the text. */
#pragma once
#include <stddef.h>

#define BK_MUST_CHECK __attribute__((warn_unused_result))
#define BK_PRINTF(f, a) __attribute__((format(printf, f, a)))

enum bk_kind {
        BK_NONE = 0,
        BK_USAGE,               /* the command line is wrong */
        BK_INVALID,             /* a template, document, name or query is wrong */
        BK_NOT_FOUND,           /* the thing named does not exist */
        BK_GONE,                /* it did exist, and was removed or withdrawn */
        BK_CONFLICT,            /* it exists already, or is not in the state required */
        BK_DENIED,              /* permission */
        BK_FAILED,              /* the work itself failed: a provisioner, a tool */
        BK_TESTS,               /* checks of an image failed */
        BK_CORRUPT,             /* stored data is not what it was */
        BK_TIMEOUT,             /* the work took longer than allowed */
        BK_LOCKED,              /* somebody else holds it, and waiting took too long */
        BK_NO_SPACE,            /* a disk or quota is full */
        BK_INFRA,               /* the host: worth a retry */
        BK_INTERRUPTED,         /* a signal asked us to stop */
        BK_INTERNAL,            /* a defect in bakery */
};

struct bk_error {
        enum bk_kind kind;
        int errnum;             /* errno behind it, or 0 */
        char at[256];           /* "file:line:column", or empty */
        char text[1024];        /* what happened; what to do */
};

/* All return -1, so that `return bk_fail(...)` reads well. err may be NULL. */
int bk_fail(struct bk_error *err, enum bk_kind kind, const char *format, ...) BK_PRINTF(3, 4);
/* The kind follows from errno: ENOENT not found, ENOSPC no space, EACCES denied, ... */
int bk_fail_errno(struct bk_error *err, const char *format, ...) BK_PRINTF(2, 3);
/* Puts "context: " before the text. */
int bk_wrap(struct bk_error *err, const char *format, ...) BK_PRINTF(2, 3);
/* Sets the place; an inner place that is already known wins. line and column count from 1; 0 means unknown. */
int bk_at(struct bk_error *err, const char *file, unsigned line, unsigned column);

#ifdef __clang_analyzer__      /* which sees one file at a time, and must know that they return -1 */
#define bk_fail(...) (-1)
#define bk_fail_errno(...) (-1)
#define bk_wrap(...) (-1)
#define bk_at(...) (-1)
#endif

enum bk_kind bk_kind_of_errno(int errnum);
/* "not-found", "no-space": stable words for JSON output. */
const char *bk_kind_name(enum bk_kind kind);
enum bk_kind bk_kind_of_name(const char *name);         /* BK_INFRA for a word that is none of them */
/* The process' exit code for a kind, as bakery(1) lists them. */
int bk_kind_exit_code(enum bk_kind kind);
