/* ISO images and disk images from elsewhere: fetched once, verified before use, kept by digest. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/mem.h"

enum boot_sum_kind { BOOT_SUM_NONE, BOOT_SUM_MD5, BOOT_SUM_SHA1, BOOT_SUM_SHA224, BOOT_SUM_SHA256, BOOT_SUM_SHA384, BOOT_SUM_SHA512 };
struct boot_sum { enum boot_sum_kind kind; char hex[129]; };    /* lower case */

/* Every form of Packer's iso_checksum, in any case: bare hex (kind by length), "sha256:HEX", "file:PATH_OR_URL" (a checksum file in
 * GNU's, BSD's or bare form, looked up by the path of iso_url; also PGP clear-signed, whose signature is not verified), "none"; NULL and ""
 * are "none". A "file:" is read here, and fetched when it is a URL. What is none of these is BK_INVALID and names them. */
int boot_sum_parse(const char *checksum, const char *iso_url, struct boot_sum *ret, struct bk_error *err) BK_MUST_CHECK;
/* Pure: the sum of `name` in a checksum file's text; the strongest when there are several kinds. A name that stands there with a
 * path matches by its last part, when only one does; `name` may be a path itself, and then the one that shares most of its last
 * parts is meant. A file with one sum and no name is about every name. BK_NOT_FOUND lists names that are there; BK_INVALID: no sum
 * at all, or two that fit. */
int boot_sum_in_file(const char *text, const char *name, struct boot_sum *ret, struct bk_error *err) BK_MUST_CHECK;

/* The path that a URL or path names on this host; NULL when it lies elsewhere. The caller's. */
char *boot_local_path(const char *url);

struct boot_iso_config {
        const char *cache;              /* folder; created */
        const struct bk_strv *urls;     /* tried in turn; URLs, or paths (absolute, relative, file://) */
        const char *checksum;           /* as in the template; NULL: "none" */
        const char *target;             /* iso_target_path: what is fetched is kept there instead of the cache; a folder when it is
                                         * one or its last part has no dot, as in Packer; NULL */
        bool skip_cache;                /* iso_skip_cache: a local path is used where it lies, and verified each time */
        /* As in bk_fetch. */
        bool (*progress)(void *arg, uint64_t done, uint64_t total);
        void (*say)(void *arg, const char *text);       /* "fetching ...", "a URL failed: ...; trying the next"; may be NULL */
        void *arg;
};
struct boot_iso { char *path, *digest; bool fetched; }; /* owned; digest: "sha256:<hex>" of the file, always computed */
void boot_iso_done(struct boot_iso *iso);
/* A cached file is verified by digest; one whose identity (inode, size, mtime, ctime) is that of the last verification
 * is not read again. A wrong sum is BK_CORRUPT with both sums and the size, and the file does not stay; a truncated download is
 * continued, not kept. Two processes that want one URL fetch it once (lock); the wait asks progress() whether to go on. A local path is
 * not copied: it is verified and used where it lies, and never removed.
 * Without a checksum, a URL that was fetched before is taken from the cache without asking the server, and that is said. With one,
 * the cache serves it from whatever URL it came. A checksum file is fetched each time; when the network fails, what it said the last
 * time holds. With several URLs the failure tells what each one said; a full disk or a stop ends the trying. */
int boot_iso_get(const struct boot_iso_config *config, struct boot_iso *ret, struct bk_error *err) BK_MUST_CHECK;
