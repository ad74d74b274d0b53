#pragma once
/*
 * http_peer_tls — a server certificate and the CA that signed it, made when the test starts.
 */
#include "http_peer.h"
#include <openssl/ssl.h>

/* Writes the CA's certificate to `ca_path`. */
SSL_CTX *peer_tls_context(enum peer_certificate certificate, const char *ca_path);
