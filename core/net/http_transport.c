#include "http_transport.h"

#include "alloc.h"
#include "encoding.h"
#include "http_ca.h"
#include "http_memory.h"
#include "http_tls.h"
#include <ctype.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	IDLE_CONNECTION_S = 60, /* GitLab's nginx closes idle connections after 65 s */
	CREDENTIAL_LINE_MAX = 2 * LIMIT_BEARER_MAX,
};

bool http_transport_init(struct http_transport *t, const struct http_client_options *options, struct error *err)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;

	*t = (struct http_transport){.policy = options->policy, .ca_fd = -1, .limits = limits};
	http_memory_start(); /* taken back by the transport's release */
	t->user_agent = xstrdup(options->user_agent);
	t->trust = http_trust_new();
	if (!options->ca_pem && (!options->ca_file || !options->ca_file[0])) {
		t->ca_path = xstrdup(HTTP_CA_SYSTEM);
		return true;
	}
	if (options->ca_pem ? !http_ca_keep(options->ca_pem, &t->ca_fd, err) : !http_ca_merge(options->ca_file, &t->ca_fd, err)) {
		http_transport_release(t);
		return false;
	}
	t->ca_path = xasprintf("/proc/self/fd/%d", t->ca_fd);
	return true;
}

void http_transport_release(struct http_transport *t)
{
	free(t->user_agent);
	free(t->ca_path);
	http_trust_freep(&t->trust);
	if (t->ca_fd >= 0)
		close(t->ca_fd);
	*t = (struct http_transport){.ca_fd = -1};
	curl_global_cleanup();
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

/* A part of a parsed URL; NULL when it is absent. Freed with curl_free by release_part. */
static char *url_part(CURLU *parsed, CURLUPart part)
{
	char *text = NULL;

	return curl_url_get(parsed, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK ? text : NULL;
}

static void release_part(char **part)
{
	curl_free(*part);
}

static void release_url(CURLU **parsed)
{
	curl_url_cleanup(*parsed);
}

static bool set_host(struct http_dial *dial, const char *host)
{
	size_t length = strlen(host);

	if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
		host++;
		length -= 2;
	}
	if (length == 0 || length >= sizeof(dial->host))
		return false;
	for (size_t i = 0; i < length; i++)
		dial->host[i] = (char)tolower((unsigned char)host[i]);
	dial->host[length] = '\0';
	return true;
}

bool http_dial_init(struct http_dial *dial, const struct http_transport *t, const char *url, const struct instance_route *route)
{
	*dial = (struct http_dial){.policy = t->policy, .proxy = route->proxy};
	if (has_control(url) || strlen(url) >= (size_t)4 * LIMIT_URL_MAX)
		return false;
	CLEANUP(release_url) CURLU *parsed = curl_url();
	if (!parsed || curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS) != CURLUE_OK)
		return false;
	CLEANUP(release_part) char *scheme = url_part(parsed, CURLUPART_SCHEME);
	CLEANUP(release_part) char *host = url_part(parsed, CURLUPART_HOST);
	CLEANUP(release_part) char *port = url_part(parsed, CURLUPART_PORT);
	if (!scheme || !host || !port || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0) || !set_host(dial, host))
		return false;
	/* It would read everything, the credential first. */
	if (dial->proxy && strcmp(scheme, "https") != 0)
		return false;
	snprintf(dial->origin, sizeof(dial->origin), "%s://%s:%s", scheme, dial->host, port);
	return true;
}

/* The one gate of the egress policy: it sees the address that is about to be connected to, after the name was resolved. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_dial *dial = context;
	const char *dialled = dial->proxy ? dial->proxy : dial->host;

	if (purpose != CURLSOCKTYPE_IPCXN || !address_policy_allows(dial->policy, dialled, &address->addr)) {
		dial->refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
 * An empty proxy, not NULL: that would mean the environment's, whose no_proxy has no say either. libcurl keeps connections of
 * different proxies and CAs apart.
 */
static void set_proxy(const struct http_transport *t, CURL *easy, const char *proxy)
{
	curl_easy_setopt(easy, CURLOPT_PROXY, proxy ? proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
	if (!proxy)
		return;
	curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
	/* Our headers carry the credential: they are for the server, and the proxy's answer is not its. */
	curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, t->ca_path);
}

/*
 * Who is trusted is put in place by http_tls_watch. The path is libcurl's all the same, as that of a folder, in which it looks up
 * nothing before it needs to: connections that were verified by different lists are kept apart by it, and if the list were not put
 * in place, nobody would be trusted. A proxy has a list of its own, and libcurl tells its handshake from the server's by itself
 * alone: there both are libcurl's to read, and without a folder it keeps what it has parsed.
 */
static void set_trust(const struct http_transport *t, CURL *easy, const struct instance_route *route, struct http_dial *dial)
{
	dial->ca_path = route->ca_file && route->ca_file[0] ? route->ca_file : t->ca_path;
	dial->trust = dial->proxy ? NULL : t->trust;
	curl_easy_setopt(easy, CURLOPT_CAINFO, dial->trust ? NULL : dial->ca_path);
	curl_easy_setopt(easy, CURLOPT_CAPATH, dial->trust ? dial->ca_path : NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, http_tls_watch);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, dial);
}

void http_transport_prepare(const struct http_transport *t, CURL *easy, const char *url, const struct instance_route *route,
                            struct http_dial *dial)
{
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	set_proxy(t, easy, dial->proxy);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, dial);

	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set_trust(t, easy, route, dial);

	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, t->user_agent);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Ending a call must not wait for a name server that does not answer. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)IDLE_CONNECTION_S);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)t->limits.connect_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, dial->error_text);
}

/* Takes a copy of the line, in libcurl's memory. */
static void append(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		abort();
	*list = longer;
}

bool http_transport_credential(struct curl_slist **list, const char *user, const struct secret *secret)
{
	CLEANUP(strbuf_release_secret)
	struct strbuf line = STRBUF_INIT(CREDENTIAL_LINE_MAX), pair = STRBUF_INIT(CREDENTIAL_LINE_MAX);

	/* A line break in a token would become a header of its own. */
	if (!secret_is_one_line(secret) || secret->length == 0)
		return false;
	if (user) {
		strbuf_addf(&pair, "%s:", user);
		strbuf_add(&pair, secret_bytes(secret), secret->length);
		strbuf_add_string(&line, "Authorization: Basic ");
		encode_base64(&line, pair.data, pair.length);
	} else {
		strbuf_add_string(&line, "Authorization: Bearer ");
		strbuf_add(&line, secret_bytes(secret), secret->length);
	}
	if (!strbuf_ok(&pair) || !strbuf_ok(&line))
		return false;
	append(list, line.data);
	return true;
}

bool http_transport_header(struct curl_slist **list, const char *name, const char *value)
{
	CLEANUP(freep) char *line = value ? xasprintf("%s: %s", name, value) : xasprintf("%s:", name);

	if (has_control(line))
		return false;
	append(list, line);
	return true;
}

/* Headers that servers take a credential from: GitLab reads three of its own besides the usual ones. */
static bool names_credential(const char *name, size_t length)
{
	static const char *const names[] = {"authorization", "proxy-authorization", "cookie",
	                                    "private-token", "job-token",           "deploy-token"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == length && strncasecmp(name, names[i], length) == 0)
			return true;
	return false;
}

/* libcurl reads "Name:" as "leave it out" and "Name;" as "send it empty": neither is meant here. */
bool http_transport_line(struct curl_slist **list, const char *line)
{
	size_t name = strcspn(line, ":");

	if (has_control(line) || name == 0 || strcspn(line, " ;") < name || strncmp(line + name, ": ", 2) != 0 ||
	    line[name + 2] == '\0' || names_credential(line, name))
		return false;
	append(list, line);
	return true;
}

static bool was_connected(CURL *easy)
{
	curl_off_t connected_us = 0;

	curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected_us);
	return connected_us > 0;
}

static enum http_failure timeout_of(CURL *easy)
{
	curl_off_t resolved_us = 0;

	curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved_us);
	return resolved_us == 0 && !was_connected(easy) ? HTTP_UNRESOLVABLE : HTTP_TIMEOUT;
}

int http_transport_proxy_status(CURL *easy)
{
	long status = 0;

	curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &status);
	return (int)status;
}

/* Whether it never came to a tunnel. A proxy that keeps silent on CONNECT may be waiting for the server: that is a time-out. */
static bool has_no_tunnel(CURL *easy, CURLcode code)
{
	curl_off_t sending_us = 0;
	long local_port = 0;

	/* Set when the request may go, also on a kept connection. */
	curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &sending_us);
	if (sending_us > 0 || http_transport_proxy_status(easy) / 100 == 2)
		return false;
	/* Until there is a tunnel, was_connected() says nothing: this is set as soon as the proxy has accepted. */
	curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &local_port);
	return code != CURLE_OPERATION_TIMEDOUT || local_port == 0;
}

enum http_failure http_transport_failure(CURL *easy, CURLcode code, struct http_dial *dial)
{
	if (code == CURLE_OK)
		return HTTP_OK;
	if (dial->proxy && has_no_tunnel(easy, code))
		return HTTP_PROXY;
	if (dial->refused && !was_connected(easy))
		return HTTP_REFUSED_BY_POLICY;
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return HTTP_UNRESOLVABLE;
	case CURLE_COULDNT_CONNECT:
		return HTTP_UNREACHABLE;
	case CURLE_OPERATION_TIMEDOUT:
		return timeout_of(easy);
	case CURLE_PEER_FAILED_VERIFICATION:
		/* The chain was fine, or http_tls would have said why. */
		if (!dial->tls_reason[0])
			snprintf(dial->tls_reason, sizeof(dial->tls_reason), "made for another name");
		return HTTP_TLS;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_SHUTDOWN_FAILED:
		return HTTP_TLS;
	default:
		return HTTP_BROKEN;
	}
}
