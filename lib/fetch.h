/* Downloads, through libcurl. Proxies come from the environment, as curl has them; no netrc. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/error.h"

struct bk_fetch {
        const char *url;                /* http, https, ftp, file; redirects lead to the first three only */
        int connect_timeout_ms;         /* 0: 30 s */
        int stall_timeout_ms;           /* less than 1 KiB/s for this long is a failure; whole seconds; 0: 60 s */
        const char *token, *ca, *cert, *key;    /* as in lib/http.h; the token is not sent to where a redirect leads; NULL */
        const char *socket;             /* the path of a socket to connect to instead of the URL's host; NULL */
        uint64_t most;                  /* bytes; more is an error (BK_INVALID); 0: no limit, for a text 16 MiB */
        /* About once a second, also in the pauses, and once at the end; true stops (BK_INTERRUPTED). done counts what was there
         * before; total is 0 when unknown. NULL: not told. */
        bool (*progress)(void *arg, uint64_t done, uint64_t total);
        void *arg;
};
/* Into a file, which is on the disk (fsync) when this returns 0. What is there already is continued with a range request when the
 * server still has the same content (a strong ETag, or Last-Modified, kept with the URL beside it in PATH.from; If-Range), else begun
 * anew; so is what lies there without a PATH.from, which a success removes, and all that does not come by HTTP.
 * Tried again, with what was got, on a broken connection and on 408, 429 and 5xx, after growing pauses; given up when 5 tries in a row
 * brought nothing new. Not tried again on other 4xx. On failure what was got stays, for the next time.
 * A full disk is BK_NO_SPACE; 404 and 410 are BK_NOT_FOUND; 401, 403 and 407 BK_DENIED; other 4xx BK_FAILED; what the network did
 * BK_INFRA or BK_TIMEOUT. Passwords in URLs are not shown. Two fetches into one path at a time are the caller's to prevent. */
int bk_fetch_file(const struct bk_fetch *fetch, const char *path, struct bk_error *err) BK_MUST_CHECK;
/* A small text, such as a checksum file; the caller's. */
int bk_fetch_text(const struct bk_fetch *fetch, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* A URL as people may see it: its password is left out. The caller's. */
char *bk_fetch_shown(const char *url);
