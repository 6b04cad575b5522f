/* What HTTP servers share beside libmicrohttpd: where they listen, and which part of a content is asked for. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "lib/error.h"

struct bk_address { struct sockaddr_storage at; socklen_t length; };
/* A numeric IPv4 or IPv6 address. */
int bk_address_parse(const char *text, unsigned port, struct bk_address *ret, struct bk_error *err) BK_MUST_CHECK;
bool bk_address_loopback(const struct sockaddr *at);    /* of this host, or a socket in its file system */
/* "192.0.2.1", "2001:db8::1", "unix"; without the port; the caller's. */
char *bk_address_text(const struct sockaddr *at);
/* A listening socket that does not block, or -1 with errno set. */
int bk_address_listen(const struct bk_address *address);
unsigned bk_socket_port(int fd);

/* RFC 9110's byte ranges, one at a time: of several, of a unit that is not known and of what cannot be read the whole is sent. */
struct bk_part { uint64_t start, length; unsigned status; };   /* 200, 206 or 416 */
struct bk_part bk_range_of(const char *range /* the header, or NULL */, uint64_t size);
/* Content-Range for a part that is not the whole; the caller's. */
char *bk_range_text(const struct bk_part *part, uint64_t size);
