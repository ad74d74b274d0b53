#pragma once
/*
 * call — one request on its way through the program: what the router has established, and what the handler answers. Everything in
 * it lives as long as the request.
 */
#include "app.h"
#include "fcgi_request.h"
#include "identity.h"
#include "request.h"
#include "response.h"

struct route;

/* The values of a route's {project}, {session} and {repository}; NULL where it has none. Owned. */
struct route_parameters {
	char *project, *session, *repository;
};
#define ROUTE_PARAMETERS_INIT ZERO_INIT
void route_parameters_release(struct route_parameters *parameters);

struct call {
	struct app *app;
	struct exchange *exchange; /* for handlers that stream; others never touch it */
	const struct request *request;
	const struct route *route;
	struct route_parameters parameters;
	struct caller caller;       /* ACCESS_CALLER, and of those in a project */
	struct session_row session; /* ACCESS_SESSION */
	json_t *body;               /* BODY_JSON: an object; BODY_JSON_OPTIONAL: an object, empty if none was sent. Else NULL */
	struct redactor *redactor;
	struct response response;
	bool streamed; /* the handler has sent its answer itself */
	bool broken;   /* … and could not finish it */
	/* for the log line */
	const char *message; /* NULL: "request"; borrowed from owned_message */
	char *owned_message;
	json_t *fields;
};

/* Adds a field to the request's log line; NULL values are left out. */
void call_log(struct call *call, const char *name, const char *value);
void call_log_number(struct call *call, const char *name, int64_t value);
/* The line's text; the string is taken over. */
void call_log_message(struct call *call, char *message);
