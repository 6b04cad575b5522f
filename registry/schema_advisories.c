/* The fourth migration: advisories, and which packages they concern. */
#include "registry/registry_priv.h"

const char reg_schema_advisories[] = "";
