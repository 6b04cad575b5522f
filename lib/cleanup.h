/* Scoped cleanup. Variables must be initialised; handlers keep errno. */
#pragma once
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/mem.h"

#define BK_CLEANUP(f) __attribute__((cleanup(f)))
#define autofree BK_CLEANUP(bk_free_)
#define autoclose BK_CLEANUP(bk_close_)
#define autofile BK_CLEANUP(bk_fclose_)
#define autodir BK_CLEANUP(bk_closedir_)
#define autostrv BK_CLEANUP(bk_strv_done)

/* Hands over ownership: the variable is left empty, its value returned. */
#define bk_take(p) ({ __typeof__(p) bk_taken_ = (p); (p) = NULL; bk_taken_; })
#define bk_take_fd(fd) ({ int bk_taken_ = (fd); (fd) = -1; bk_taken_; })

static inline void bk_free_(void *p)
{
        const int saved = errno;
        void *memory;           /* copied out: p is a pointer to some other pointer type */

        __builtin_memcpy(&memory, p, sizeof memory);
        free(memory);
        errno = saved;
}

static inline void bk_close_(const int *fd)
{
        const int saved = errno;
        if (*fd >= 0)
                (void)close(*fd);
        errno = saved;
}

static inline void bk_fclose_(FILE **file)
{
        const int saved = errno;
        if (*file != NULL)
                (void)fclose(*file);
        errno = saved;
}

static inline void bk_closedir_(DIR **dir)
{
        const int saved = errno;
        if (*dir != NULL)
                (void)closedir(*dir);
        errno = saved;
}
