#pragma once
/* handle_installation — a user's installations of the GitHub App over HTTP: added with a proof, and removed. */
#include "call.h"

bool handle_installation_add(struct call *call, struct error *err) MUST_CHECK;
bool handle_installations_remove(struct call *call, struct error *err) MUST_CHECK;
