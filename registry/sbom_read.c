/* Bills of materials that others made, of images whose disks bakery cannot read. They come from outside: numbers are bounded, and
 * what makes no sense is left out. */
#include "registry/sbom.h"

#include <string.h>

enum { PARTS_MOST = 200000, TEXT_MOST = 500, DEPTH_MOST = 20 };

static void package_done(struct reg_package *p)
{
        free(p->name);
        free(p->version);
        free(p->architecture);
        free(p->source);
        free(p->source_version);
        free(p->ecosystem);
}

void reg_parts_done(struct reg_parts *parts)
{
        for (size_t i = 0; i < parts->n; i++)
                package_done(&parts->v[i]);
        free(parts->v);
        free(parts->os);
        *parts = (struct reg_parts){ 0 };
}

static const char *text_of(const json_t *json, const char *key)
{
        return json_string_value(json_object_get(json, key));
}

static bool usable(const char *text, bool wanted)
{
        return text == NULL ? !wanted : (*text != '\0' || !wanted) && strlen(text) <= TEXT_MOST && reg_text_valid(text);
}

/* Takes what package owns. */
static void take(struct reg_parts *parts, struct reg_package *p)
{
        if (parts->n == PARTS_MOST || !usable(p->name, true) || !usable(p->version, true) || !usable(p->architecture, false) ||
            !usable(p->source, false) || !usable(p->source_version, false)) {
                parts->left_out++;
                package_done(p);
                return;
        }
        if ((parts->n & (parts->n - 1)) == 0)
                parts->v = bk_grow(parts->v, parts->n ? parts->n * 2 : 1, sizeof *parts->v);
        parts->v[parts->n++] = *p;
}

/* By its package URL, else by name and version; such packages are of no ecosystem. */
static void take_part(struct reg_parts *parts, const char *purl, const char *name, const char *version)
{
        struct reg_package p = { 0 };
        autofree char *os = NULL;

        if (purl == NULL || strlen(purl) > 4 * TEXT_MOST || !reg_purl_parse(purl, &p, &os))
                p = (struct reg_package){ .ecosystem = bk_strdup("generic"), .name = bk_strdup(name), .version = bk_strdup(version) };
        if (p.name == NULL)
                p.name = bk_strdup(name);
        if (*(p.version ? p.version : "") == '\0' && version != NULL) {
                free(p.version);
                p.version = bk_strdup(version);
        }
        if (parts->os == NULL && os != NULL && *os != '\0')
                parts->os = bk_take(os);
        take(parts, &p);
}

static void take_os(struct reg_parts *parts, const char *name, const char *version)
{
        autofree char *both = NULL;

        if (!usable(name, true) || !usable(version, false))
                return;
        both = version != NULL && *version != '\0' ? bk_format("%s:%s", name, version) : bk_strdup(name);
        free(parts->os);
        parts->os = reg_os_normal(both);
}

static const char *spdx_purl(const json_t *package)
{
        size_t i;
        const json_t *ref;

        json_array_foreach(json_object_get(package, "externalRefs"), i, ref)
                if (bk_streq(text_of(ref, "referenceType"), "purl"))
                        return text_of(ref, "referenceLocator");
        return NULL;
}

/* Images, systems and files are not packages of what is described. */
static void read_spdx(const json_t *json, struct reg_parts *parts)
{
        size_t i;
        const json_t *package;

        json_array_foreach(json_object_get(json, "packages"), i, package) {
                const char *purpose = text_of(package, "primaryPackagePurpose"), *name = text_of(package, "name");
                const char *version = text_of(package, "versionInfo"), *purl = spdx_purl(package);

                if (bk_streq(purpose, "OPERATING-SYSTEM") || bk_streq(purpose, "OPERATING_SYSTEM"))
                        take_os(parts, name, version);
                else if (purl != NULL || !(bk_streq(purpose, "CONTAINER") || bk_streq(purpose, "FILE") || bk_streq(purpose, "DEVICE")))
                        take_part(parts, purl, name, version);
        }
}

static void read_components(const json_t *list, unsigned depth, struct reg_parts *parts)
{
        size_t i;
        const json_t *component;

        json_array_foreach(list, i, component) {
                const char *type = text_of(component, "type"), *purl = text_of(component, "purl");

                if (bk_streq(type, "operating-system"))
                        take_os(parts, text_of(component, "name"), text_of(component, "version"));
                else if (purl != NULL || !(bk_streq(type, "file") || bk_streq(type, "container") || bk_streq(type, "device")))
                        take_part(parts, purl, text_of(component, "name"), text_of(component, "version"));
                if (depth < DEPTH_MOST)
                        read_components(json_object_get(component, "components"), depth + 1, parts);
        }
}

int reg_sbom_parse(const json_t *json, struct reg_parts *ret, struct bk_error *err)
{
        const char *spdx = text_of(json, "spdxVersion");

        *ret = (struct reg_parts){ 0 };
        if (spdx != NULL && strncmp(spdx, "SPDX-2.", 7) == 0)
                read_spdx(json, ret);
        else if (bk_streq(text_of(json, "bomFormat"), "CycloneDX"))
                read_components(json_object_get(json, "components"), 0, ret);
        else
                return bk_fail(err, BK_INVALID, "this is no bill of materials that bakery reads: neither SPDX 2.x nor CycloneDX, as JSON");
        if (ret->n > 0)
                return 0;
        reg_parts_done(ret);
        return bk_fail(err, BK_INVALID, "this bill of materials names no package with a version");
}
