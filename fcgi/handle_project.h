#pragma once
/*
 * handle_project — the repositories of a project over HTTP: one address checked, the list read and replaced. What is wrong with a
 * repository is part of the answer; only a request that cannot be used is an error.
 */
#include "call.h"

bool handle_validate(struct call *call, struct error *err) MUST_CHECK;
bool handle_project_read(struct call *call, struct error *err) MUST_CHECK;
bool handle_project_write(struct call *call, struct error *err) MUST_CHECK;
