#pragma once
/*
 * handle_health — whether the process lives, whether it can serve, and which version it is. Public: says nothing that an outsider
 * could use.
 */
#include "call.h"

bool handle_live(struct call *call, struct error *err) MUST_CHECK;
bool handle_ready(struct call *call, struct error *err) MUST_CHECK;
bool handle_version(struct call *call, struct error *err) MUST_CHECK;
