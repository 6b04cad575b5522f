/* Routes of packages, bills of materials and advisories. */
#include "registry/api.h"

const struct reg_routes reg_routes_packages = { NULL, 0 };
