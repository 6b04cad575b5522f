/* The tenth migration: what monitoring counts at every look is in indexes that have nothing else. */
#include "registry/registry_priv.h"

const char reg_schema_tally[] =
        "CREATE INDEX image_by_type ON image (type, state);"
        "CREATE INDEX layer_by_size ON layer (size);";
