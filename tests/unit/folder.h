/* A folder of a test's own: made for it, and removed with all that is in it. */
#pragma once
#include <fcntl.h>

#include "tests/unit/test.h"

#include "lib/fs.h"

/* Its path, the caller's to free, and the folder the caller's to remove. */
static inline char *folder_new(void)
{
        char template[] = "/tmp/bakery-test-XXXXXX";

        assert_non_null(mkdtemp(template));
        return bk_strdup(template);
}

/* As a fixture, of a test or a group. */
struct folder { char *path; int fd; };  /* fd: only a place (O_PATH) */

static inline int folder_set_up(void **state)
{
        struct folder *folder = bk_alloc(sizeof *folder);

        folder->path = folder_new();
        folder->fd = open(folder->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        *state = folder;
        return folder->fd < 0;
}

static inline int folder_tear_down(void **state)
{
        struct folder *folder = *state;
        const int result = bk_remove_tree(folder->path, NULL);

        (void)close(folder->fd);
        free(folder->path);
        free(folder);
        return result;
}
