#pragma once
/*
 * http_tls — watches certificate checks to be able to say whose certificate was refused and why. Changes nothing about the verdict.
 * The only room that knows OpenSSL. Private to net. Floor: net.
 */
#include "http_transport.h"

/* For CURLOPT_SSL_CTX_FUNCTION, with a struct http_dial. */
CURLcode http_tls_watch(CURL *easy, void *ssl_context, void *dial);
