#include "remote.h"

#include "file.h"
#include "http_limits.h"
#include "url_parts.h"

#include <arpa/inet.h>

enum {
	CONNECT_MS = 5000,
	/* The service gives up on a long list of reports after 120 s and says so itself. */
	HEADERS_MS = 125000,
	TOTAL_MS = 130000,
};

void remote_release(struct remote *remote)
{
	/* The client first: its thread may still look at the policy. */
	http_client_freep(&remote->client);
	address_policy_freep(&remote->policy);
	secret_release(&remote->bearer);
	instance_url_release(&remote->base);
}

void remote_answer_release(struct remote_answer *answer)
{
	json_decref(answer->json);
	*answer = (struct remote_answer)REMOTE_ANSWER_INIT;
}

/* ---- Settings ---- */

/* What can be nothing but this machine; a name is "localhost" alone, which every resolver keeps here. */
static bool is_loopback(const char *host)
{
	struct in_addr address;

	if (inet_pton(AF_INET, host, &address) == 1)
		return ntohl(address.s_addr) >> 24 == 127;
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}

static bool read_url(const char *text, struct instance_url *ret, struct error *err)
{
	CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT;

	if (!instance_url_parse(text, &url, NULL))
		return error_set(
		        err, ERR_CONFIG_INVALID,
		        "ACP_URL must be the address of the service: https://, a host, and a port and a path where needed.");
	if (!url.https && !is_loopback(url.host)) {
		error_set(err, ERR_CONFIG_INVALID, "ACP_URL must begin with https://: the bearer would go to %s in the clear.",
		          url.host);
		return error_remedy(err, "Use https; plain http is for 127.0.0.1, [::1] and localhost.");
	}
	*ret = url;
	url = (struct instance_url)INSTANCE_URL_INIT;
	return true;
}

/* A bearer is one word of printable ASCII, as it goes into a header. */
static bool is_bearer(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return length > 0;
}

static bool read_bearer(const char *path, struct secret *ret, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(LIMIT_BEARER_MAX);
	size_t start;

	if (path[0] == '\0') {
		error_set(err, ERR_CONFIG_INVALID, "ACP_BEARER_FILE is not set.");
		return error_remedy(err, "Set it to a file that holds your token of the platform.");
	}
	if (!file_read(path, &text, err))
		return settings_blame(BEARER_FILE, err);
	while (text.length > 0 && strchr(" \t\r\n", text.data[text.length - 1]))
		text.data[--text.length] = '\0';
	start = strspn(text.data, " \t\r\n");
	if (!is_bearer(text.data + start, text.length - start)) {
		error_set(err, ERR_CONFIG_INVALID, "ACP_BEARER_FILE: the file %s holds no token of the platform.", path);
		return error_remedy(err, "Write the token into it, on one line and without the word 'Bearer'.");
	}
	secret_set(ret, text.data + start, text.length - start);
	return true;
}

/*
 * The person who runs the program has chosen the host, so its private and loopback addresses may be dialled; the certificate says
 * whether it is the one that was meant. 127.0.1.1 is where Debian puts a machine's own name.
 */
static bool allow_host(struct address_policy *policy, const struct instance_url *base, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf entry = STRBUF_INIT(LIMIT_URL_MAX), loopback = STRBUF_INIT(128);
	const bool is_ipv6 = strchr(base->host, ':') != NULL;

	strbuf_addf(&entry, is_ipv6 ? "[%s]:%u" : "%s:%u", base->host, base->port);
	strbuf_addf(&loopback, "127.0.0.1:%u,127.0.1.1:%u,[::1]:%u", base->port, base->port, base->port);
	if (address_policy_add(policy, entry.data, err) && address_policy_add_for_host(policy, base->host, loopback.data, err))
		return true;
	return settings_blame(URL, err);
}

bool remote_open_public(struct remote *remote, const struct settings *settings, struct error *err)
{
	static const struct http_limits limits = {
	        .connect_ms = CONNECT_MS, .headers_ms = HEADERS_MS, .total_ms = TOTAL_MS, .stall_ms = TOTAL_MS, .rest_ms = 1};
	struct http_client_options options = {
	        .ca_file = settings_get(settings, CA_FILE),
	        .user_agent = "acp-gitlab/" ACP_VERSION,
	};

	if (!read_url(settings_get(settings, URL), &remote->base, err))
		return false;
	remote->policy = address_policy_new();
	options.policy = remote->policy;
	if (!allow_host(remote->policy, &remote->base, err) || !http_client_new(&options, &remote->client, err))
		return false;
	http_client_set_limits(remote->client, &limits);
	return true;
}

bool remote_open(struct remote *remote, const struct settings *settings, struct error *err)
{
	return read_bearer(settings_get(settings, BEARER_FILE), &remote->bearer, err) && remote_open_public(remote, settings, err);
}

/* ---- Calls ---- */

static bool explain_tls(const struct http_call *call, const char *url, struct error *err)
{
	if (!call->tls_reason[0])
		error_set(err, ERR_INSTANCE_TLS_UNTRUSTED, "No TLS connection to %s could be made.", url);
	else
		error_set(err, ERR_INSTANCE_TLS_UNTRUSTED, "The certificate of %s is not trusted: issued by '%s' (%s).", url,
		          call->tls_issuer[0] ? call->tls_issuer : "unknown", call->tls_reason);
	return error_remedy(err, "Check ACP_URL; name the CA of the service in ACP_CA_FILE.");
}

/* No answer at all. */
static bool explain_failure(const struct http_call *call, const char *url, struct error *err)
{
	switch (call->failure) {
	case HTTP_TLS:
		return explain_tls(call, url, err);
	case HTTP_UNRESOLVABLE:
		error_set(err, ERR_INSTANCE_UNRESOLVABLE, "The host of %s cannot be resolved.", url);
		return error_remedy(err, "Check the spelling of ACP_URL.");
	case HTTP_TIMEOUT:
		error_set(err, ERR_INSTANCE_TIMEOUT, "The service at %s did not answer in time.", url);
		return error_remedy(err, "Check ACP_URL and the network, then try again.");
	case HTTP_TOO_LARGE:
		error_set(err, ERR_SERVICE_UNAVAILABLE, "The answer of %s is too large.", url);
		return error_remedy(err, "Check that ACP_URL is the address of the service.");
	case HTTP_OK:
	case HTTP_REFUSED_BY_POLICY:
	case HTTP_UNREACHABLE:
	case HTTP_PROXY:
	case HTTP_BROKEN:
	case HTTP_RESTING:
		break;
	}
	error_set(err, ERR_INSTANCE_UNREACHABLE, "The service at %s cannot be reached.", url);
	return error_remedy(err, "Check ACP_URL, and that the service is running.");
}

static bool read_answer(const struct http_call *call, const char *url, struct remote_answer *ret, struct error *err)
{
	json_t *json = NULL;

	if (call->failure != HTTP_OK)
		return explain_failure(call, url, err);
	if (call->status >= 300 && call->status < 400) {
		error_set(err, ERR_INSTANCE_REDIRECTED, "%s redirects elsewhere, and a bearer does not follow.", url);
		return error_remedy(err, "Set ACP_URL to the address where the service itself answers.");
	}
	if (strcmp(call->content_type_got, "application/json") != 0 ||
	    !json_parse_body(call->answer.data, call->answer.length, &json, NULL)) {
		error_set(err, ERR_SERVICE_UNAVAILABLE, "%s did not answer as acp-gitlab does (status %d).", url, call->status);
		return error_remedy(err, "Check ACP_URL, and what stands before the service.");
	}
	ret->status = call->status;
	ret->json = json;
	return true;
}

bool remote_ask(struct remote *remote, const struct remote_request *request, struct remote_answer *ret, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf body = STRBUF_INIT(LIMIT_BODY_DEFAULT);
	CLEANUP(strbuf_release) struct strbuf url = STRBUF_INIT((size_t)3 * LIMIT_URL_MAX), if_match = STRBUF_INIT(LIMIT_URL_MAX);
	CLEANUP(http_call_release)
	struct http_call call = {.method = request->method, .bearer = remote->bearer.length > 0 ? &remote->bearer : NULL};
	struct http_header_wanted etag = {.name = "etag"};
	const char *headers[] = {NULL, NULL};

	strbuf_addf(&url, "%s%s", remote->base.text, request->path);
	if (request->if_match) {
		strbuf_addf(&if_match, "If-Match: %s", request->if_match);
		headers[0] = if_match.data;
	}
	if (request->body)
		json_write(&body, request->body);
	if (!strbuf_ok(&url) || !strbuf_ok(&if_match) || !strbuf_ok(&body)) {
		error_set(err, ERR_FIELD_INVALID, "What is to be sent is longer than the service accepts.");
		return error_remedy(err, "Shorten the arguments.");
	}
	call.url = url.data;
	call.body = request->body ? body.data : NULL;
	call.body_length = body.length;
	call.content_type = "application/json";
	call.headers = headers;
	call.wanted = &etag;
	call.wanted_count = 1;
	http_client_run(remote->client, &call, 1);
	if (!read_answer(&call, remote->base.text, ret, err))
		return false;
	(void)snprintf(ret->etag, sizeof(ret->etag), "%s", etag.value);
	return true;
}
