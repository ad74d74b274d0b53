#pragma once
/*
 * http_stream — one HTTP exchange whose body flows both ways through callbacks and is never stored: the git gate's way to a server.
 *
 * Runs on the caller's thread. Idle connections are kept in a pool (newest first) and reused for the same origin by any thread. The
 * same rules as http_client: no redirects, no proxy but the route's, TLS verified, address policy. Ends a transfer when 15 s pass
 * without a byte from the server or taken by it (time spent inside the callbacks does not count), or after total_ms. Memory per
 * transfer is bounded by libcurl's two 64 KiB buffers. A request that meets a connection which died while it was kept is sent again
 * on a new one, unless its body has begun: a body can be read only once. Floor: net.
 */
#include "http_client.h"

struct http_streams; /* thread-safe */

bool http_streams_new(const struct http_client_options *options, struct http_streams **ret, struct error *err) MUST_CHECK;
void http_streams_freep(struct http_streams **slot);

struct http_stream_header {
	const char *name;
	const char *value;
};

struct http_stream_call {
	const char *method;
	const char *url;
	const char *user;              /* Basic user, "oauth2"; NULL: `password` is sent as a bearer */
	const struct secret *password; /* NULL: no credential */
	const struct http_stream_header *headers;
	size_t header_count;
	struct instance_route route;
	int64_t body_length; /* -1: chunked; 0: no body */
	int64_t total_ms;

	/* Gives up to `size` bytes of the request body; *ret_length 0 ends it. False aborts. NULL: no body. */
	bool (*read_body)(void *context, char *buffer, size_t size, size_t *ret_length);
	/* Once, before the first body byte: status and content type (lower case, no parameters). False aborts. */
	bool (*on_head)(void *context, int status, const char *content_type, const char *location, const char *retry_after);
	/* Body bytes. False aborts. */
	bool (*on_body)(void *context, const char *bytes, size_t length);
	/* About once a second, whatever flows. False aborts. NULL: nobody asks. */
	bool (*goes_on)(void *context);
	void *context;

	/* result */
	enum http_failure failure;
	char failure_text[256];
	int proxy_status; /* as in http_call */
	int status;       /* 0: none came */
	bool aborted;     /* a callback said stop */
	uint64_t bytes_sent, bytes_received;
};

/* True when a whole answer came (whatever its status) or a callback aborted; false with `failure` set otherwise. */
bool http_stream_run(struct http_streams *streams, struct http_stream_call *call) MUST_CHECK;
