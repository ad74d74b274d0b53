#pragma once
/*
 * handle_admission — the API server's question about a resource that somebody is about to write (core/model/admission.h). Whoever
 * reaches this address gets a review of what they sent, and nothing else.
 */
#include "call.h"

bool handle_admission(struct call *call, struct error *err) MUST_CHECK;
