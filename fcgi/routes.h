#pragma once
/*
 * routes — the whole API as one table: method, address, who serves it, who may call it, what body it takes. The router enforces all
 * of it before a handler runs, so handlers begin with what is theirs.
 */
#include "call.h"
#include "pool.h"

enum route_access {
	ACCESS_PUBLIC,
	ACCESS_CALLER, /* a verified bearer */
	/* … that has this right in {project}, to its ProjectSettings or AgenticSessions where callers are a cluster's. Looking,
	 * checking an address and one's own accounts need no more than to see the project. */
	ACCESS_PROJECT_GET,
	ACCESS_PROJECT_UPDATE,
	ACCESS_SESSIONS_GET,
	ACCESS_SESSIONS_CREATE,
	ACCESS_SESSIONS_UPDATE,
	ACCESS_SESSIONS_DELETE,
	ACCESS_SESSION /* the credential of the running session {session} */
};

enum route_body {
	BODY_NONE, /* whatever was sent is not looked at */
	BODY_JSON,
	BODY_JSON_OPTIONAL,
	BODY_FOREIGN_JSON, /* an object as another server writes it: deeper than ours, larger */
	BODY_STREAM        /* the handler reads it */
};

struct route {
	const char *method;
	const char *pattern; /* "{name}" stands for one segment, "{name}.git" for one that ends so */
	unsigned pools;
	enum route_access access;
	enum route_body body;
	size_t body_max;
	bool plain_errors; /* errors as text: git shows them */
	bool (*handle)(struct call *call, struct error *err);
};

extern const struct route routes[];
extern const size_t route_count;
