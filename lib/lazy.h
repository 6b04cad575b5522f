/* Libraries that are loaded when the first of their functions is called, as most runs call none: tools/lazy.list names them.
 *
 * Callers call as ever. Where a library cannot be loaded, the call ends the program with a sentence and the exit code of
 * BK_INFRA; who begins with a library asks bk_lazy_need() first, and has an error like any other.
 * Nothing is loaded once "/" is another folder than at the start of the program: a library would come from there.
 * In a program that is linked normally there are no such libraries, and all of this succeeds. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "lib/error.h"

struct bk_lazy_library {
        const char *name;               /* of the file, like "libvirt.so.0" */
        const char *package, *purpose;
};
/* False past the last. */
bool bk_lazy_library(size_t i, struct bk_lazy_library *ret);
int bk_lazy_load(size_t i, struct bk_error *err) BK_MUST_CHECK;
/* By the start of its file name, like "libvirt.so". */
int bk_lazy_need(const char *library, struct bk_error *err) BK_MUST_CHECK;

/* For lazy_ARCH.S, which calls it with a function's arguments put by. */
void bk_lazy_resolve(unsigned library);
