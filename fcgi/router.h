#pragma once
/*
 * router — from a request to its handler and from the handler to the answer. Enforces the table of routes: 404, 405 with Allow, the
 * caller (401), the project (403), content type (415), size (413) and JSON rules (400), in this order, and writes one log line a
 * request.
 */
#include "routes.h"

/*
 * Finds the row for a request among those that `pools` serves. ERR_NOT_FOUND; ERR_METHOD_NOT_ALLOWED fills `ret_allow`. HEAD finds
 * a GET row, but not one that streams.
 */
bool router_find(const struct request *request, unsigned pools, const struct route **ret, struct route_parameters *ret_parameters,
                 char *ret_allow, size_t allow_size, struct error *err) MUST_CHECK;

/* Serves the request that has come in on this exchange, to its end. */
void router_serve(struct app *app, struct exchange *exchange);
