/* The ninth migration: on which image a bake builds, so that it stays until the bake has ended. By its id: the image may go when it has. */
#include "registry/registry_priv.h"

const char reg_schema_bakes[] = "ALTER TABLE bake ADD COLUMN source TEXT;";
