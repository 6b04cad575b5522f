/* Routes of launches, hooks, and views for other programs. */
#include "registry/api.h"

const struct reg_routes reg_routes_use = { NULL, 0 };
