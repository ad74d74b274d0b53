#include "forge_transport_errors.h"

#include "forge_sentence.h"
#include <string.h>
#include <strings.h>

/* An untrusted certificate is a matter of the CA list, an expired or misnamed one of the instance. */
static bool tls_classify(const struct http_call *call, const char *host, struct error *err)
{
	bool untrusted = strcmp(call->tls_reason, "unknown authority") == 0 || strcmp(call->tls_reason, "self-signed") == 0;

	if (!call->tls_reason[0])
		return error_set(err, ERR_INSTANCE_TLS_UNTRUSTED,
		                 "No TLS connection to %s could be made. TLS 1.2 or newer is needed.", host);
	error_set(err, ERR_INSTANCE_TLS_UNTRUSTED, "The certificate of %s is not trusted: issued by '%s' (%s).%s", host,
	          call->tls_issuer[0] ? call->tls_issuer : "unknown", call->tls_reason,
	          untrusted ? " Ask an administrator to add that CA for this instance." : "");
	if (!untrusted)
		error_remedy(err, "Ask the administrator of %s to correct its certificate.", host);
	return false;
}

static bool timeout_classify(const struct http_call *call, const char *host, struct error *err)
{
	int64_t seconds = (call->elapsed_us + 500000) / 1000000;

	return error_set(err, ERR_INSTANCE_TIMEOUT, "%s did not answer within %lld s. Check firewall and port.", host,
	                 (long long)(seconds > 0 ? seconds : 1));
}

/* "900 s" is for machines. */
static void spoken_time(unsigned seconds, char to[32])
{
	if (seconds <= 90)
		snprintf(to, 32, "%u s", seconds);
	else
		snprintf(to, 32, "%u minutes", (seconds + 59) / 60);
}

static bool resting(const struct http_call *call, const char *host, struct error *err)
{
	char left[32];

	spoken_time(call->rest_s, left);
	if (call->rest_asked) {
		error_set(err, ERR_INSTANCE_RESTING, "%s blocks this server for a while; it is not asked again for %s.", host,
		          left);
		error_remedy(err, "Wait until then; an administrator of %s can lift the block.", host);
	} else {
		error_set(err, ERR_INSTANCE_RESTING, "%s failed several times in a row and is not asked again for %s.", host, left);
	}
	if (err)
		err->retry_after_s = call->rest_s;
	return false;
}

static bool proxy_classify(const struct http_call *call, const char *host, struct error *err)
{
	if (call->proxy_status)
		error_set(err, ERR_INSTANCE_UNREACHABLE,
		          "The proxy on the way to %s answered with status %d and made no connection.", host, call->proxy_status);
	else
		error_set(err, ERR_INSTANCE_UNREACHABLE, "The proxy on the way to %s could not be used.", host);
	return error_remedy(err, "Ask an operator to check the proxy of this instance (ACP_INSTANCES_FILE).");
}

static bool failure_classify(const struct http_call *call, const char *host, struct error *err)
{
	switch (call->failure) {
	case HTTP_REFUSED_BY_POLICY:
		/* The same words whatever is or is not behind the address. */
		return error_set(err, ERR_INSTANCE_FORBIDDEN, "%s points to an internal address that is not on the allow list.",
		                 host);
	case HTTP_UNRESOLVABLE:
		return error_set(err, ERR_INSTANCE_UNRESOLVABLE, "The name %s cannot be resolved from this server.", host);
	case HTTP_UNREACHABLE:
		return error_set(err, ERR_INSTANCE_UNREACHABLE, "%s did not accept a connection. Check firewall and port.", host);
	case HTTP_TIMEOUT:
		return timeout_classify(call, host, err);
	case HTTP_TLS:
		return tls_classify(call, host, err);
	case HTTP_PROXY:
		return proxy_classify(call, host, err);
	case HTTP_TOO_LARGE:
		return error_set(err, ERR_INSTANCE_ERROR, "%s sent an answer that is too large.", host);
	case HTTP_RESTING:
		return resting(call, host, err);
	case HTTP_BROKEN:
	case HTTP_OK:
		break;
	}
	return error_set(err, ERR_INSTANCE_UNREACHABLE, "%s closed the connection without an answer.", host);
}

bool transport_classify(const struct http_call *call, const char *host, struct error *err)
{
	failure_classify(call, host, err);
	/* For a refused address even the log says nothing more: it would tell what is behind it. */
	if (call->failure != HTTP_REFUSED_BY_POLICY && call->failure_text[0])
		error_detail(err, "%s", call->failure_text);
	return false;
}

/* Length of "https://host[:port]" at the begin of an absolute http(s) address; 0: it is none, or has user info. */
static size_t origin_length(const char *url)
{
	size_t scheme = strncasecmp(url, "https://", 8) == 0 ? 8 : strncasecmp(url, "http://", 7) == 0 ? 7 : 0;
	size_t length = scheme ? scheme + strcspn(url + scheme, "/?#\\") : 0;

	return length > scheme && !memchr(url, '@', length) ? length : 0;
}

/* The instance address inside `location`: its origin and what comes before the API's root. False: not a usable one. */
static bool redirected_instance(const char *location, size_t origin, const char *api_root, struct instance_url *ret)
{
	CLEANUP(strbuf_release) struct strbuf base = STRBUF_INIT(LIMIT_URL_MAX);
	const char *api = strstr(location + origin, api_root);

	strbuf_add(&base, location, api ? (size_t)(api - location) : origin);
	return strbuf_ok(&base) && instance_url_parse_stored(base.data, ret, NULL);
}

bool redirect_is_elsewhere(const struct http_call *call, const struct forge_words *words, struct strbuf *ret_origin)
{
	size_t to = origin_length(call->location), from = origin_length(call->url);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_URL_MAX);
	CLEANUP(instance_url_release) struct instance_url old = INSTANCE_URL_INIT, new = INSTANCE_URL_INIT;

	if (!to || !from)
		return false;
	strbuf_add(&text, call->url, from);
	if (!redirected_instance(call->location, to, words->api_root, &new) || !instance_url_parse(text.data, &old, NULL))
		return false;
	if (old.https == new.https && old.port == new.port &&strcmp(old.host, new.host) == 0)
		return false;
	strbuf_add_string(ret_origin, new.text);
	return true;
}

bool redirect_classify(const struct http_call *call, const struct forge_words *words, const char *host, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf new = STRBUF_INIT(LIMIT_URL_MAX);
	/* A sign-in redirect names another page; a moved instance keeps the path of the API or says that it is permanent. */
	bool moved = call->status == 301 || call->status == 308 || strstr(call->location, words->api_root);

	if (!moved || sentence_has(call->location, "sign_in") || !redirect_is_elsewhere(call, words, &new))
		return page_not_api(words, host, err);
	return error_set(err, ERR_INSTANCE_REDIRECTED, "%s redirects to %s. Use %s as the instance URL.", host, new.data, new.data);
}

bool page_not_api(const struct forge_words *words, const char *host, struct error *err)
{
	return error_set(err, ERR_INSTANCE_NOT_API,
	                 "%s answered with a web page instead of the %s API. The URL may miss a sub-path, or a single sign-on "
	                 "proxy is in front of it.",
	                 host, words->title);
}

static bool is_html(const struct http_call *call)
{
	return sentence_has(call->content_type_got, "html");
}

const char *page_free_text(const struct http_call *call)
{
	const char *text = call->answer.data ? call->answer.data : "";

	return is_html(call) || text[strspn(text, " \t\r\n")] == '<' ? "" : text;
}

static bool from_cloudflare(const struct http_call *call)
{
	return call->cf_ray || sentence_has(call->server, "cloudflare");
}

bool page_judge(const struct http_call *call, const struct forge_words *words, const char *host, struct error *err)
{
	if (!is_html(call))
		return false;
	/* A page with 403, or one of Cloudflare's own with 503, is a protection in front of the forge; 5xx pages are its own
	 * nginx's.
	 */
	if (call->status == 403 || (call->status == 503 && from_cloudflare(call))) {
		error_set(err, ERR_INSTANCE_BLOCKED,
		          "%s blocked this server's request (protection page). Retry later or ask the %s administrator to "
		          "allow it.",
		          host, words->title);
		return true;
	}
	if (call->status >= 500)
		return false;
	page_not_api(words, host, err);
	return true;
}
