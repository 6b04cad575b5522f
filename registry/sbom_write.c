/* SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/) and CycloneDX 1.5 (https://cyclonedx.org/docs/1.5/json/). Nothing of the
 * moment goes in: times are the image's, names come from its digest. */
#include "registry/sbom.h"

#include <string.h>

#include "lib/fs.h"

static const char *hex_of(const char *digest)
{
        return strncmp(digest, "sha256:", 7) == 0 ? digest + 7 : digest;
}

static void set(json_t *object, const char *key, json_t *value)
{
        (void)json_object_set_new(object, key, value);
}

static void add(json_t *list, json_t *value)
{
        (void)json_array_append_new(list, value);
}

/* --- SPDX -------------------------------------------------------------------------- */
/* Letters, digits, "." and "-" only; the number tells two apart that become the same. */
static char *spdx_id(const struct reg_package *p, size_t number)
{
        char *id = bk_format("SPDXRef-Package-%s-%.100s-%zu", p->ecosystem, p->name, number + 1);

        for (char *c = id; *c != '\0'; c++)
                if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-", *c) == NULL)
                        *c = '-';
        return id;
}

static json_t *spdx_package(const char *id, const char *name, const char *version)
{
        return json_pack("{s:s, s:o, s:o, s:s, s:b, s:s, s:s, s:s}", "SPDXID", id, "name", reg_json_text(name), "versionInfo", reg_json_text(version),
                         "downloadLocation", "NOASSERTION", "filesAnalyzed", 0, "licenseConcluded", "NOASSERTION", "licenseDeclared", "NOASSERTION",
                         "copyrightText", "NOASSERTION");
}

static json_t *spdx_image(const char *id, const struct reg_image *image)
{
        json_t *package = spdx_package(id, image->name, image->id);

        set(package, "primaryPackagePurpose", json_string("CONTAINER"));
        set(package, "checksums", json_pack("[{s:s, s:s}]", "algorithm", "SHA256", "checksumValue", hex_of(image->layer)));
        set(package, "comment", json_string("A machine image. The version is the digest of its manifest, the checksum that of its own layer's "
                                            "file."));
        return package;
}

static void relate(json_t *list, const char *from, const char *type, const char *to)
{
        add(list, json_pack("{s:s, s:s, s:s}", "spdxElementId", from, "relationshipType", type, "relatedSpdxElement", to));
}

json_t *reg_sbom_spdx(const struct reg_sbom *sbom)
{
        autofree char *created = bk_iso_time(sbom->image->created_at), *name = bk_format("%s@%s", sbom->image->name, sbom->image->id);
        autofree char *space = bk_format("urn:bakery:spdx:%s", hex_of(sbom->image->id));
        json_t *packages = json_array(), *relations = json_array();

        add(packages, spdx_image("SPDXRef-Image", sbom->image));
        relate(relations, "SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image");
        if (sbom->ancestor != NULL) {
                add(packages, spdx_image("SPDXRef-Ancestor", sbom->ancestor));
                relate(relations, "SPDXRef-Image", "DESCENDANT_OF", "SPDXRef-Ancestor");
        }
        for (size_t i = 0; i < sbom->n_packages; i++) {
                const struct reg_package *p = &sbom->packages[i];
                autofree char *id = spdx_id(p, i), *purl = reg_purl(p, sbom->os);
                json_t *package = spdx_package(id, p->name, p->version);

                if (p->source != NULL && *p->source != '\0') {
                        autofree char *source = bk_format("built from source package %s %s", p->source, p->source_version ? p->source_version : "");

                        set(package, "sourceInfo", reg_json_text(source));
                }
                set(package, "externalRefs", json_pack("[{s:s, s:s, s:o}]", "referenceCategory", "PACKAGE-MANAGER", "referenceType", "purl",
                                                       "referenceLocator", reg_json_text(purl)));
                add(packages, package);
                relate(relations, "SPDXRef-Image", "CONTAINS", id);
        }
        return json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:[s]}, s:o, s:o}", "spdxVersion", "SPDX-2.3", "dataLicense", "CC0-1.0", "SPDXID",
                         "SPDXRef-DOCUMENT", "name", name, "documentNamespace", space, "creationInfo", "created", created, "creators",
                         "Tool: bakery-" BAKERY_VERSION, "packages", packages, "relationships", relations);
}

/* --- CycloneDX ------------------------------------------------------------------------ */
static json_t *cyclonedx_image(const char *ref, const struct reg_image *image)
{
        return json_pack("{s:s, s:s, s:s, s:s, s:[{s:s, s:s}]}", "type", "container", "bom-ref", ref, "name", image->name, "version", image->id,
                         "hashes", "alg", "SHA-256", "content", hex_of(image->layer));
}

static json_t *cyclonedx_component(const struct reg_package *p, const char *ref, const char *os)
{
        autofree char *purl = reg_purl(p, os);
        json_t *component = json_pack("{s:s, s:s, s:o, s:o, s:o}", "type", "library", "bom-ref", ref, "name", reg_json_text(p->name), "version",
                                      reg_json_text(p->version), "purl", reg_json_text(purl));

        if (p->source != NULL && *p->source != '\0')
                set(component, "properties", json_pack("[{s:s, s:o}, {s:s, s:o}]", "name", "bakery:source", "value", reg_json_text(p->source), "name",
                                                       "bakery:source_version", "value", reg_json_text(p->source_version)));
        return component;
}

/* A UUID of version 8, whose bits are the maker's: those of the image's digest. */
static char *serial_of(const char *digest)
{
        const char *hex = hex_of(digest);

        return bk_format("urn:uuid:%.8s-%.4s-8%.3s-a%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18);
}

json_t *reg_sbom_cyclonedx(const struct reg_sbom *sbom)
{
        autofree char *created = bk_iso_time(sbom->image->created_at), *serial = serial_of(sbom->image->id);
        json_t *components = json_array(), *refs = json_array(), *dependencies = json_array();
        json_t *image = cyclonedx_image("image", sbom->image);
        const char *colon = strchr(sbom->os, ':');

        if (sbom->ancestor != NULL)
                set(image, "pedigree", json_pack("{s:[o]}", "ancestors", cyclonedx_image("ancestor", sbom->ancestor)));
        if (*sbom->os != '\0') {
                autofree char *id = bk_strndup(sbom->os, strcspn(sbom->os, ":"));

                add(components, json_pack("{s:s, s:s, s:o, s:o}", "type", "operating-system", "bom-ref", "system", "name", reg_json_text(id),
                                          "version", reg_json_text(colon != NULL ? colon + 1 : "")));
                add(refs, json_string("system"));
                add(dependencies, json_pack("{s:s, s:[]}", "ref", "system", "dependsOn"));
        }
        for (size_t i = 0; i < sbom->n_packages; i++) {
                autofree char *ref = bk_format("package-%zu", i + 1);

                add(components, cyclonedx_component(&sbom->packages[i], ref, sbom->os));
                add(refs, json_string(ref));
                add(dependencies, json_pack("{s:s, s:[]}", "ref", ref, "dependsOn"));
        }
        (void)json_array_insert_new(dependencies, 0, json_pack("{s:s, s:o}", "ref", "image", "dependsOn", refs));
        return json_pack("{s:s, s:s, s:s, s:i, s:{s:s, s:{s:[{s:s, s:s, s:s}]}, s:o}, s:o, s:o}", "bomFormat", "CycloneDX", "specVersion", "1.5",
                         "serialNumber", serial, "version", 1, "metadata", "timestamp", created, "tools", "components", "type", "application", "name",
                         "bakery", "version", BAKERY_VERSION, "component", image, "components", components, "dependencies", dependencies);
}
