/* A suite from a golden image: what it has, written as serverspec writes it, in an order that depends on nothing else. The suite
 * passes on the image that it was written from. */
#pragma once
#include "spec/spec.h"

struct spec_add_options {
        bool no_versions;               /* packages by name only */
        const struct bk_strv *files;    /* globs of paths in the image; each must match something. NULL: none */
};

/* Packages; configuration files of packages that are not as the package had them (dpkg knows, rpm is not asked) and files that the
 * globs name, with mode, owner and content; users and groups beyond those of every system; services that start; and ports, where the
 * target has a guest. *ret is Ruby, the caller's. The target is as for spec_run(). */
int spec_add(const struct spec_target *target, const struct spec_add_options *options, char **ret, struct bk_error *err) BK_MUST_CHECK;
