/* What sum.c, verify.c and iso.c share. */
#pragma once
#include "boot/iso.h"
#include "lib/fetch.h"

#define BOOT_SUM_KINDS (BOOT_SUM_SHA512 + 1)     /* not of the enum, so that a switch need not have it */

const char *boot_sum_name(enum boot_sum_kind kind);             /* "sha256"; NONE is "none" */
/* "sha256:HEX" or bare HEX, blanks around it allowed; false: it is neither. */
bool boot_sum_plain(const char *text, size_t length, struct boot_sum *ret);
/* boot_sum_parse() that can be asked to stop; url of `fetch` is not looked at. */
int boot_sum_parse_with(const char *checksum, const char *iso_url, const struct bk_fetch *fetch, struct boot_sum *ret,
                        struct bk_error *err) BK_MUST_CHECK;

/* The path within a URL, decoded, without query and fragment; of a path, itself. The caller's. */
char *boot_path_of_url(const char *url);

/* What is known of a file's content. */
struct boot_known {
        char *identity;                 /* of the file when it was read; owned */
        struct boot_sum sums[BOOT_SUM_KINDS];   /* kind NONE: not known */
};
void boot_known_done(struct boot_known *known);
/* SHA-256 and one other sum (or NONE) of a file, from one reading; or none at all when the sidecar, a file that remembers, is about this
 * very file and knows both. sidecar NULL: always read, nothing remembered. *ret_read (may be NULL): it was read. */
int boot_verify(const char *path, const char *sidecar, enum boot_sum_kind kind, const struct bk_fetch *fetch, struct boot_known *ret,
                bool *ret_read, struct bk_error *err) BK_MUST_CHECK;
/* Remembers a file that was verified under another name: only ctime, which a rename moves, may differ. */
void boot_verified_as(const char *path, const char *sidecar, const struct boot_known *known);
/* Is path still the file that was read? */
bool boot_is_still(const char *path, const struct boot_known *known);
