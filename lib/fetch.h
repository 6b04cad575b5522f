/* Downloads, through libcurl. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/error.h"

struct bk_fetch {
        const char *url;                /* http, https, ftp, file */
        int connect_timeout_ms;         /* 0: 30 s */
        int stall_timeout_ms;           /* less than 1 KiB/s for this long is a failure; 0: 60 s */
        uint64_t most;                  /* bytes; more is an error; 0: no limit */
        /* About once a second; true stops (BK_INTERRUPTED). total is 0 when unknown. NULL: not told. */
        bool (*progress)(void *arg, uint64_t done, uint64_t total);
        void *arg;
};
/* Into a file. What is there already is continued with a range request when the server still has the same
 * content (ETag or Last-Modified, kept beside it in PATH.from; If-Range), else begun anew. Tried again, with what was got, on a broken
 * connection, up to 5 times with growing pauses; not on 4xx. On failure what was got stays, for the next time. */
int bk_fetch_file(const struct bk_fetch *fetch, const char *path, struct bk_error *err) BK_MUST_CHECK;
/* A small text, such as a checksum file; the caller's. */
int bk_fetch_text(const struct bk_fetch *fetch, char **ret, struct bk_error *err) BK_MUST_CHECK;
