/* A publication as a document, so that one registry can be told what another one knows:
 *
 * {"manifest": TEXT,   the bytes whose digest is the image's id
 *  "image": {"name", "type", "state", "layer", "ancestor", "input_hash", "created_by", "created_on", "attributes": {KEY: VALUE}},
 *  "packages": [{"ecosystem", "name", "version", "architecture", "source", "source_version"}],
 *  "checks": [{"suite", "name", "verdict", "message", "duration_us"}],
 *  "os": "debian:12" or null,     whose packages these are
 *  "signatures": [TEXT],          .minisig files of the manifest
 *  "attestation": {} or null,     a signed DSSE envelope that holds the image's statement
 *  "unique_version": BOOL,        as in templates
 *  "provenance": {} or null}
 *
 * Sizes and what a layer lies on are not in it: the layer itself says so, which must be in the store. */
#pragma once
#include "layers/layer.h"
#include "registry/registry.h"

/* Of an image that is offered; it comes out as baked or tested, since channels are each registry's own. */
int reg_publication_json(struct reg *reg, const char *id, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* Publishes what a document says; who: publishes it here. *ret_id is the caller's. BK_CONFLICT when its layer is not in
 * the store, or the image is in the registry. */
int reg_publication_put(struct reg *reg, const struct layer_store *store, json_t *document, const char *who, char **ret_id,
                        struct bk_error *err) BK_MUST_CHECK;
