/* Bills of materials of others, whatever they hold: packages with names and versions, which can be written again, or an error that
 * says something. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "registry/sbom.h"

static void write_again(const struct reg_parts *parts)
{
        char id[] = "sha256:0123456789012345678901234567890123456789012345678901234567890123";
        const struct reg_image image = { .id = id, .name = (char *)"image", .layer = id };
        const struct reg_sbom sbom = { .image = &image, .os = parts->os != NULL ? parts->os : "", .packages = parts->v, .n_packages = parts->n };
        json_t *spdx = reg_sbom_spdx(&sbom), *cyclonedx = reg_sbom_cyclonedx(&sbom);

        if (spdx == NULL || cyclonedx == NULL)
                abort();
        json_decref(spdx);
        json_decref(cyclonedx);
}

static void try_purl(const char *text)
{
        struct reg_package p = { 0 };
        autofree char *os = NULL;

        (void)reg_purl_parse(text, &p, &os);
        free(p.ecosystem);
        free(p.name);
        free(p.version);
        free(p.architecture);
        free(p.source);
        free(p.source_version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        json_t *json = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
        autofree char *text = bk_strndup((const char *)data, size);
        struct reg_parts parts = { 0 };
        struct bk_error err = { 0 };

        try_purl(text);
        if (json == NULL)
                return 0;
        if (reg_sbom_parse(json, &parts, &err) == 0)
                write_again(&parts);
        else if (err.text[0] == '\0')
                abort();
        for (size_t i = 0; i < parts.n; i++)
                if (*parts.v[i].name == '\0' || *parts.v[i].version == '\0')
                        abort();
        reg_parts_done(&parts);
        json_decref(json);
        return 0;
}
