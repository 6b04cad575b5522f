/* The third migration: who uses images, who wants to hear of changes, and bakes that are under way. */
#include "registry/registry_priv.h"

const char reg_schema_use[] = "";
