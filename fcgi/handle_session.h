#pragma once
/*
 * handle_session — agentic sessions over HTTP. Who may use the project may create and read sessions; deleting one, pushing for it
 * or changing its repositories uses its owner's token and rights, and is the owner's alone.
 */
#include "call.h"

bool handle_session_create(struct call *call, struct error *err) MUST_CHECK;
bool handle_session_list(struct call *call, struct error *err) MUST_CHECK;
bool handle_session_show(struct call *call, struct error *err) MUST_CHECK;
bool handle_session_delete(struct call *call, struct error *err) MUST_CHECK;
bool handle_session_push(struct call *call, struct error *err) MUST_CHECK;
/* The reports of its repositories as they are now; nothing is bound or cloned. */
bool handle_session_preflight(struct call *call, struct error *err) MUST_CHECK;

/* The repositories of a running session: adding one and taking one out are the owner's, what has become of them is everybody's. */
bool handle_session_repository_add(struct call *call, struct error *err) MUST_CHECK;
bool handle_session_repository_remove(struct call *call, struct error *err) MUST_CHECK;
bool handle_session_repositories(struct call *call, struct error *err) MUST_CHECK;

/* The outcome, apart from the whole AgenticSession. */
bool handle_session_results(struct call *call, struct error *err) MUST_CHECK;
bool handle_session_notification(struct call *call, struct error *err) MUST_CHECK;
