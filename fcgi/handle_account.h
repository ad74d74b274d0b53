#pragma once
/* handle_account — a user's GitLab accounts over HTTP: connect, status, disconnect, test, and the overview of all integrations. */
#include "call.h"

bool handle_connect(struct call *call, struct error *err) MUST_CHECK;
bool handle_test(struct call *call, struct error *err) MUST_CHECK;
bool handle_status(struct call *call, struct error *err) MUST_CHECK;
bool handle_disconnect(struct call *call, struct error *err) MUST_CHECK;
bool handle_integrations(struct call *call, struct error *err) MUST_CHECK;
