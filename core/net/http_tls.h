#pragma once
/*
 * http_tls — what a connection believes (http_trust.h), and watching the check of its certificate to be able to say whose was
 * refused and why. Changes nothing about the verdict. Private to net. Floor: net.
 */
#include "http_transport.h"

/* For CURLOPT_SSL_CTX_FUNCTION, with a struct http_dial. */
CURLcode http_tls_watch(CURL *easy, void *ssl_context, void *dial);
