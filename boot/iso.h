/* ISO images and disk images from elsewhere: fetched once, verified before use, kept by digest. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "lib/mem.h"

enum boot_sum_kind { BOOT_SUM_NONE, BOOT_SUM_MD5, BOOT_SUM_SHA1, BOOT_SUM_SHA224, BOOT_SUM_SHA256, BOOT_SUM_SHA384, BOOT_SUM_SHA512 };
struct boot_sum { enum boot_sum_kind kind; char hex[129]; };    /* lower case */

/* Every form of Packer's iso_checksum: bare hex (kind by length), "sha256:HEX", "file:PATH_OR_URL" (a checksum file in GNU's, BSD's or bare
 * form, looked up by the last part of iso_url; also PGP clear-signed), "none". A "file:" is read here, and fetched when it is a URL. */
int boot_sum_parse(const char *checksum, const char *iso_url, struct boot_sum *ret, struct bk_error *err) BK_MUST_CHECK;
/* Pure: the sum of `name` in a checksum file's text. A name that stands there with a path matches by its last part, when only one does. */
int boot_sum_in_file(const char *text, const char *name, struct boot_sum *ret, struct bk_error *err) BK_MUST_CHECK;

struct boot_iso_config {
        const char *cache;              /* folder; created */
        const struct bk_strv *urls;     /* tried in turn; URLs, or paths (absolute, relative, file://) */
        const char *checksum;           /* as in the template; NULL: "none" */
        const char *target;             /* iso_target_path: kept there instead of the cache; NULL */
        bool skip_cache;                /* iso_skip_cache: a local path is used where it lies, and verified each time */
        /* As in bk_fetch. */
        bool (*progress)(void *arg, uint64_t done, uint64_t total);
        void (*say)(void *arg, const char *text);       /* "fetching ...", "a URL failed: ...; trying the next"; may be NULL */
        void *arg;
};
struct boot_iso { char *path, *digest; bool fetched; }; /* owned; digest: "sha256:<hex>" of the file, always computed */
void boot_iso_done(struct boot_iso *iso);
/* A cached file is verified by digest; one whose identity (inode, size, mtime, ctime) is that of the last verification
 * is not read again. A wrong sum is BK_CORRUPT with both sums, and the file does not stay; a truncated download is
 * continued, not kept. Two processes that want one ISO fetch it once (lock). A local path is not copied: it is verified and used where it lies. */
int boot_iso_get(const struct boot_iso_config *config, struct boot_iso *ret, struct bk_error *err) BK_MUST_CHECK;
