/* Shared by the HTTP server's files: http.c listens and keeps count, http_answer.c decides what to answer, http_folder.c lists
 * folders, http_path.c spells paths. */
#pragma once
#include <microhttpd.h>
#include <stdbool.h>
#include "lib/buf.h"
#include "lib/mem.h"

/* What is served. Not changed after the start, so no lock. */
struct http_site {
        int root;                       /* O_PATH of the folder, or -1 */
        struct bk_strv names, contents; /* names as http_path_clean() spells them */
};

struct http_request {
        const char *method, *target;    /* as they came, but for the query */
        const char *range, *if_range;   /* headers, or NULL */
};

struct http_answer {
        unsigned status;
        struct MHD_Response *response;  /* NULL: out of descriptors or memory */
        uint64_t bytes;                 /* of the body that goes out */
        char *path;                     /* owned: what was asked for, decoded; NULL when it cannot be */
};

void http_answer(const struct http_site *site, const struct http_request *request, struct http_answer *ret);

/* The path without "", "." and ".." in it, from one slash on; a slash at the end stays. ".." stops at the root. The caller's. */
char *http_path_clean(const char *path);
/* A request's target, percent-decoded and clean; NULL when it is no path: a bad escape, a NUL. The caller's. */
char *http_path_decode(const char *target);
void http_path_encode(struct bk_buf *buf, const char *path);    /* percent-encoded; slashes stay */
void http_text_escape(struct bk_buf *buf, const char *text);    /* for HTML */
/* For a log line: printable ASCII, \xNN for the rest, cut after `most` characters. */
void http_text_print(struct bk_buf *buf, const char *text, size_t most);

/* HTML with a link to everything in a folder, the names of http_content among it; path ends with a slash. folder_fd may be -1.
 * NULL when there is nothing at all to list there. The caller's. */
char *http_folder_list(const struct http_site *site, int folder_fd, const char *path);
