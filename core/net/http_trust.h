#pragma once
/*
 * http_trust — the certificates that vouch for servers, parsed once for all connections of a client. libcurl would keep a parsed
 * list for each handle, of the system's about 0.8 MB, and every transfer has a handle of its own.
 *
 * A list is parsed again when its file has changed; connections that are there keep what they were made with. Private to net.
 * Floor: net.
 */
#include "macros.h"

struct http_trust; /* thread-safe */

struct http_trust *http_trust_new(void);
void http_trust_freep(struct http_trust **slot);

/* Lets this SSL_CTX believe the certificates of a PEM file and no others. False: the file cannot be read or holds none; the context
 * is as it was. */
bool http_trust_give(struct http_trust *trust, const char *path, void *ssl_context) MUST_CHECK;
