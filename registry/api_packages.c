/* Routes of packages, bills of materials and advisories. */
#include "registry/packages_priv.h"

static const struct reg_route rows[] = {
        { "GET", "/packages", REG_READ, "every image that has a package, and whether it is in use",
          "name version< ecosystem source in_use limit cursor", reg_packages_call, .wide = true },
        { "GET", "/vulnerable", REG_READ, "images with the number of advisories that concern them",
          "channel severity fixable in_use limit cursor", reg_vulnerable_call, .wide = true },
        { "GET", "/images/{image}/vulnerable", REG_READ, "the advisories that concern an image", "severity fixable", reg_vulnerable_image_call },
        { "GET", "/advisories", REG_READ, "the feeds of advisories that were imported", NULL, reg_advisory_feeds_call },
        { "POST", "/advisories", REG_PROMOTE, "imports advisories", NULL, reg_advisory_import_call },
        { "GET", "/advisories/{advisory}", REG_READ, "an advisory, by its name or an alias, and the images that it concerns",
          "in_use limit cursor", reg_advisory_call, .wide = true },
        { "GET", "/images/{image}/sbom", REG_READ, "an image's bill of materials, as SPDX 2.3 or CycloneDX 1.5", "format", reg_sbom_call },
        { "PUT", "/images/{image}/sbom", REG_BAKE, "records what an SPDX or CycloneDX document says is in an image", "replace",
          reg_sbom_attach_call },
};
const struct reg_routes reg_routes_packages = { rows, sizeof rows / sizeof *rows };
