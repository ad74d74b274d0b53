#pragma once
/*
 * handle_health — whether the process lives, whether it can serve, which version it is, and how it is called. Public: says nothing
 * that an outsider could use.
 */
#include "call.h"

bool handle_live(struct call *call, struct error *err) MUST_CHECK;
bool handle_ready(struct call *call, struct error *err) MUST_CHECK;
bool handle_version(struct call *call, struct error *err) MUST_CHECK;
bool handle_openapi(struct call *call, struct error *err) MUST_CHECK;
