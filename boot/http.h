/* The HTTP server that hands a guest its answer files.
 *
 * It runs in a thread of libmicrohttpd's, which takes no signals; a process that has it must not fork sandboxes, and
 * bk_run() is for before it starts or for other processes. GET and HEAD, one Range, folders by their index.html or a listing.
 * Paths are resolved inside the folder: neither ".." nor a link leads out of it, and only regular files are read. */
#pragma once
#include <stdint.h>
#include "lib/mem.h"

struct boot_http_config {
        const char *folder;             /* http_directory; NULL */
        /* http_content: "/preseed.cfg" and its text, with or without the first slash; NULL. Wins over a file of that path.
         * Everything here is copied. */
        const struct bk_strv *names, *contents;
        const char *address;            /* numeric; NULL: 127.0.0.1. A user mode guest reaches it as 10.0.2.2 */
        unsigned port_min, port_max;    /* the first free one, tried from a random start; both 0: any */
        /* For every answer, from the server's thread, before its bytes are on their way; nobody else is served meanwhile, and
         * it must not call boot_http_stop(). "GET /preseed.cfg 200 1234 from 127.0.0.1": the path as the guest spelled it,
         * without its query, anything unprintable as \xNN, and the bytes of the body (0 for HEAD). What is not HTTP, or has
         * more than 32 KiB of headers, is refused without a line. */
        void (*on_request)(void *arg, const char *line);
        void *arg;
};
struct boot_http;
/* BK_CONFLICT when every port is taken. */
int boot_http_start(const struct boot_http_config *config, struct boot_http **ret, struct bk_error *err) BK_MUST_CHECK;
unsigned boot_http_port(const struct boot_http *http);
/* How often a path was fetched so far (GET, whole or a part): "/preseed.cfg", however the guest spelled it; a folder's name
 * ends with a slash. NULL: any path. Any thread. */
size_t boot_http_served(struct boot_http *http, const char *path);
/* The last requests as lines, oldest first (at most 200). The caller's. Any thread. */
char *boot_http_log(struct boot_http *http);
void boot_http_stop(struct boot_http *http);            /* waits for its thread; NULL is fine */
