#pragma once
/*
 * http_ca — the certificates that are trusted: the system's and the operator's, as one file in memory. Private to net. Floor: net.
 */
#include "error.h"

#define HTTP_CA_SYSTEM "/etc/ssl/certs/ca-certificates.crt"

/* A text of certificates as it is. */
bool http_ca_keep(const char *pem, int *ret_fd, struct error *err) MUST_CHECK;

/* Merges the system's bundle (where there is one) and `path` into a sealed memfd. ERR_CONFIG_INVALID. The caller closes *ret_fd. */
bool http_ca_merge(const char *path, int *ret_fd, struct error *err) MUST_CHECK;
