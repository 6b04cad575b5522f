/* Routes of states, channels, revocations, tags, tokens and the log. */
#include "registry/api.h"

const struct reg_routes reg_routes_life = { NULL, 0 };
