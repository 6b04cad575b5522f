/* Bills of materials: what an image is made of, in the forms that other tools read. No SQL here, but in sbom.c. */
#pragma once
#include <jansson.h>
#include "registry/packages_priv.h"

/* What is written. Borrowed; packages in the order in which they are to stand. */
struct reg_sbom {
        const struct reg_image *image, *ancestor;       /* ancestor NULL: none */
        const char *os;                 /* "debian:12"; "" */
        const struct reg_package *packages;
        size_t n_packages;
};

/* --- sbom_purl.c: package URLs (https://github.com/package-url/purl-spec) ------------ */
char *reg_purl(const struct reg_package *package, const char *os);      /* the caller's */
/* Strings of *ret and *ret_os are the caller's; os NULL where it says none. False: not a package URL. */
bool reg_purl_parse(const char *purl, struct reg_package *ret, char **ret_os);

/* --- sbom_write.c: the same image gives the same bytes --------------------------------- */
json_t *reg_sbom_spdx(const struct reg_sbom *sbom);             /* SPDX 2.3 */
json_t *reg_sbom_cyclonedx(const struct reg_sbom *sbom);        /* CycloneDX 1.5 */

/* --- sbom_read.c -------------------------------------------------------------------------- */
struct reg_parts { struct reg_package *v; size_t n, left_out; char *os; };
void reg_parts_done(struct reg_parts *parts);
/* SPDX 2.x or CycloneDX as JSON. What has no name or version is left out, and counted. */
int reg_sbom_parse(const json_t *json, struct reg_parts *ret, struct bk_error *err) BK_MUST_CHECK;
