/* Requests to HTTP servers, through libcurl: one at a time, in the caller's thread. Downloads of files are lib/fetch.h's. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/error.h"

/* Who is asked, and how. */
struct bk_http_peer {
        const char *url;                /* "https://host:port", "http://...", or "unix:/path/of/a/socket" */
        const char *token;              /* bearer; NULL */
        const char *ca;                 /* a file of certificates to believe; NULL: the host's */
        const char *cert, *key;         /* files: who we are; NULL */
};

struct bk_http {
        const struct bk_http_peer *peer;
        const char *method, *target;    /* "POST", "/path?query", encoded */
        const char *const *headers;     /* more of them, "Name: value", NULL-terminated; NULL: none */
        const char *type;               /* of the body; NULL: no body */
        const void *body;
        size_t length;
        int fd;                         /* the body is this file's, when body is NULL and type is not: */
        uint64_t fd_start, fd_size;     /* from where, how much */
        int timeout_ms;                 /* for all of it; with a file, for a pause in it; 0: ten minutes */
        size_t most;                    /* bytes of the answer; 0: 256 MiB */
};
struct bk_http_answer {
        long status;
        char *type, *text;              /* owned; text is never NULL after success, and has a NUL behind it */
        size_t length;
};
void bk_http_answer_done(struct bk_http_answer *answer);

/* Any status is an answer. BK_INFRA and BK_TIMEOUT: there was none; BK_DENIED: the other side is not who it should be. Redirects
 * are not followed: a token is for the server that it was given for. */
int bk_http(const struct bk_http *request, struct bk_http_answer *ret, struct bk_error *err) BK_MUST_CHECK;
/* "a b/c" -> "a%20b%2Fc", for one segment of a path or one value of a query; the caller's. */
char *bk_http_escape(const char *text);
