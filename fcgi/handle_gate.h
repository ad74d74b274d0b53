#pragma once
/* handle_gate — what a session's worker asks the gate in JSON: may its repositories be used, and why did git fail. */
#include "call.h"

bool handle_preflight(struct call *call, struct error *err) MUST_CHECK;
bool handle_outcomes(struct call *call, struct error *err) MUST_CHECK;
