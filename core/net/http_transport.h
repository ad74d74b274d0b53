#pragma once
/*
 * http_transport — the rules every connection of this floor obeys, set in one place: protocols, no redirect, no proxy but the
 * instance's own, TLS verified, the dialled address checked. http_client and http_stream add only what is theirs. Private to net.
 * Floor: net.
 */
#include "http_limits.h"
#include "http_trust.h"
#include <curl/curl.h>

/* What all calls of one client share. */
struct http_transport {
	const struct address_policy *policy;
	char *user_agent;
	char *ca_path; /* the merged bundle, or the system's */
	int ca_fd;     /* behind ca_path, or -1 */
	struct http_trust *trust;
	struct http_limits limits;
};

bool http_transport_init(struct http_transport *t, const struct http_client_options *options, struct error *err) MUST_CHECK;
void http_transport_release(struct http_transport *t);

#define HTTP_ORIGIN_MAX (LIMIT_HOST_MAX + 32)

/* Where one call goes, and what was learned on the way. Lives until its handle is cleaned up or reset. */
struct http_dial {
	const struct address_policy *policy;
	char origin[HTTP_ORIGIN_MAX];  /* "https://host:443", lower case */
	char host[LIMIT_HOST_MAX + 1]; /* lower case, IPv6 without brackets */
	const char *proxy;             /* of the route; NULL: none */
	const char *ca_path;           /* of the route or the transport */
	struct http_trust *trust;      /* NULL: libcurl reads ca_path itself */
	bool refused;                  /* the policy refused an address */
	char tls_issuer[128];
	char tls_reason[64];
	char error_text[CURL_ERROR_SIZE]; /* libcurl's words, for the log */
};

/* Fills origin, host and proxy. False: not an absolute http(s) address, user info, control characters, or http through a proxy. */
bool http_dial_init(struct http_dial *dial, const struct http_transport *t, const char *url,
                    const struct instance_route *route) MUST_CHECK;

/* Sets everything that is common on a new or reset handle. */
void http_transport_prepare(const struct http_transport *t, CURL *easy, const char *url, const struct instance_route *route,
                            struct http_dial *dial);

/*
 * Appends Basic or bearer (user NULL) credentials. As a header of our own, since libcurl's options leave a copy in the connection
 * for as long as that is kept; libcurl follows no redirect that could take it elsewhere. False: the credential is not one line.
 */
bool http_transport_credential(struct curl_slist **list, const char *user, const struct secret *secret) MUST_CHECK;

/* Appends "name: value" (value NULL removes libcurl's own header). False: control characters. */
bool http_transport_header(struct curl_slist **list, const char *name, const char *value) MUST_CHECK;

/* Appends a whole "Name: value". False: not a header in one line, or one that carries a credential (those go nowhere but through
 * http_transport_credential). */
bool http_transport_line(struct curl_slist **list, const char *line) MUST_CHECK;

/* What the proxy answered to CONNECT in this transfer; 0: nothing, or a kept connection was used. */
int http_transport_proxy_status(CURL *easy);

/* Why the handle's transfer failed; also completes dial->tls_reason. Not for failures that the caller's callbacks caused. */
enum http_failure http_transport_failure(CURL *easy, CURLcode code, struct http_dial *dial);
