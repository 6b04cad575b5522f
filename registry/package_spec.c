/* A package as queries write it: "openssl", or "openssl<3.0.15-1". */
#include "registry/packages_priv.h"

#include <string.h>

int reg_package_rows(struct reg *reg, const char *spec, struct reg_ids *ret, struct bk_error *err)
{
        const size_t length = strcspn(spec, "<>=");
        autofree char *name = bk_strndup(spec, length);
        struct reg_package_ask ask = { .name = name };

        if (spec[length] != '\0')
                ask.operator = reg_package_operator(spec + length, &ask.version);
        if (length == 0 || (ask.operator != NULL && *ask.version == '\0'))
                return bk_fail(err, BK_INVALID, "'%.100s' names no package; write openssl, or openssl<3.0.15-1 (<, <=, =, >=, >)", spec);
        return reg_packages_matching(reg, &ask, ret, err);
}
