#pragma once
/* handle_metrics — what Prometheus asks a pool, from the addresses that ACP_METRICS_ALLOW lists; for others there is nothing here.
 */
#include "call.h"

bool handle_metrics(struct call *call, struct error *err) MUST_CHECK;
