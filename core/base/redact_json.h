#pragma once
/* redact_json — every text in a JSON value, names of members too, masked by pattern (redact.h). Floor: base. */
#include "json.h"

/* Recursive: values from outside are parsed to a limited depth (json.h). Of names that are masked alike one stays. */
void redact_json(json_t *value);
