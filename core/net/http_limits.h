#pragma once
/*
 * http_limits — the time limits of outgoing connections (contract of the product: connect 5 s, headers 10 s, total 15 s; git: no
 * byte for 15 s). For tests, which shorten them, the command line, which waits for a service that itself has to wait, and kube,
 * whose server is near and whose watches are quiet for long. Floor: net.
 */
#include "http_stream.h"

struct http_limits {
	int64_t connect_ms; /* name, TCP and TLS together */
	int64_t headers_ms; /* from the start to the end of the answer's headers */
	int64_t total_ms;   /* an API call from start to end */
	int64_t stall_ms;   /* a stream without a byte either way */
	int64_t rest_ms;    /* how long the breaker leaves a failing origin alone */
};

#define HTTP_LIMITS_DEFAULT                                                                                                        \
	{                                                                                                                          \
		.connect_ms = 5000, .headers_ms = 10000, .total_ms = 15000, .stall_ms = 15000, .rest_ms = 30000                    \
	}

/* Before the first call. */
void http_client_set_limits(struct http_client *client, const struct http_limits *limits);
void http_streams_set_limits(struct http_streams *streams, const struct http_limits *limits);
