/* Routes of the registry itself, and those that only the HTTP server answers. */
#include "registry/api.h"

const struct reg_routes reg_routes_serve = { NULL, 0 };
