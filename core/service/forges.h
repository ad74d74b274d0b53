#pragma once
/* forges — the forge of each provider. Floor: service. */
#include "forge.h"

/* NULL for PROVIDER_UNKNOWN. */
const struct forge *forge_of(enum provider provider);
/* By the name that is stored ("gitlab", "github"); NULL for another. */
const struct forge *forge_of_name(const char *provider);
