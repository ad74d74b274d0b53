#pragma once
/* report_array — the reports of one pre-flight, as gate_service gives them, so that they are released on every path. */
#include "check.h"

struct report_array {
	struct check_report *items;
	size_t count;
};
#define REPORT_ARRAY_INIT ZERO_INIT
void report_array_release(struct report_array *reports);
