#pragma once
/*
 * http_client — every outgoing API call of a process: the only room besides http_stream that knows libcurl.
 *
 * One thread of its own drives all calls over shared, kept connections (one CA store, one connection cache); callers block until
 * their batch is answered. Never follows a redirect, never uses a proxy of the environment, verifies TLS always, checks the address
 * it connects to (with a proxy the proxy's) against the policy, caps headers and bodies. A proxy is for https alone and sees where
 * a tunnel goes, nothing else; its own certificate is judged by the client's CAs, not by the instance's. A token goes only into the
 * request it was given to, to that URL's origin. Thread-safe after http_client_new. Time limits (contract §6): connect 5 s, headers
 * 10 s, total 15 s. Floor: net.
 */
#include "address_policy.h"
#include "caps.h"
#include "instance_route.h"
#include "secret.h"
#include "strbuf.h"

struct http_client;
struct http_call;

struct http_client_options {
	const struct address_policy *policy; /* borrowed; outlives the client */
	const char *ca_file;                 /* additional PEM certificates, "" for none; merged with the system's bundle */
	const char *ca_pem;                  /* certificates that are trusted alone, instead of all those; NULL: none */
	const char *user_agent;
	/* Called with every call of http_client_run that has ended, on a thread of the client's; must be quick. NULL: nobody is. */
	void (*observe)(void *observer, const struct http_call *call);
	void *observer;
};

/* ERR_CONFIG_INVALID: a CA file that cannot be read or holds no certificate. */
bool http_client_new(const struct http_client_options *options, struct http_client **ret, struct error *err) MUST_CHECK;
void http_client_freep(struct http_client **slot);

/* Why a call brought no HTTP answer. */
enum http_failure {
	HTTP_OK = 0,
	HTTP_REFUSED_BY_POLICY,
	HTTP_UNRESOLVABLE,
	HTTP_UNREACHABLE,
	HTTP_TIMEOUT,
	HTTP_TLS,
	HTTP_PROXY, /* the route's proxy made no tunnel to the server */
	HTTP_TOO_LARGE,
	HTTP_BROKEN,
	HTTP_RESTING
};

/* A header of the answer that somebody wants to see. */
struct http_header_wanted {
	const char *name; /* lower case */
	bool present;
	char value[512]; /* cut there; "" when absent */
};

struct http_call {
	/* what is asked; borrowed until http_client_run returns */
	const char *method;                  /* "GET", "HEAD", "POST" … */
	const char *url;                     /* absolute, http or https; no user info */
	const struct secret *bearer;         /* NULL: no credential. Sent as Authorization: Bearer */
	const struct secret *basic_password; /* with basic_user: Basic credentials (git probes). NULL: none */
	const char *basic_user;
	const char *body; /* NULL: none */
	size_t body_length;
	const char *content_type; /* of the body */
	const char *request_id;   /* sent as X-Request-Id; NULL: none */
	size_t max_body;          /* 0: LIMIT_ANSWER */
	bool stop_at_max;         /* reaching max_body is success (probes that need only the first bytes) */
	struct instance_route route;
	const char *accept; /* Accept; NULL: application/json */
	/* More of the request's, "Name: value", NULL at the end; NULL: none. A line break, or a header that carries a credential,
	 * fails the call (HTTP_BROKEN). */
	const char *const *headers;
	unsigned total_ms;                 /* a shorter limit for the whole call; 0: the usual */
	struct http_header_wanted *wanted; /* of the answer, besides those below; the caller's. Of a repeated one the last */
	size_t wanted_count;

	/* what came back; release with http_call_release */
	enum http_failure failure;
	char failure_text[256]; /* for the log */
	char tls_issuer[128];   /* HTTP_TLS: who issued the certificate where it could be read, else "" */
	char tls_reason[64];    /* HTTP_TLS: why the certificate was refused ("expired"); "": no certificate was refused */
	int proxy_status;       /* HTTP_PROXY: what it answered to CONNECT; 0: nothing, or it was not reached */
	unsigned rest_s;        /* HTTP_RESTING: how long still, at least 1 */
	bool rest_asked;        /* HTTP_RESTING: because of http_client_rest, not of failures */
	int status;             /* 0 with a failure */
	struct strbuf answer;
	char content_type_got[128]; /* lower case, without parameters; "" */
	char location[LIMIT_URL_MAX];
	char retry_after[64]; /* raw header values, "" when absent */
	char ratelimit_reset[32];
	char ratelimit_name[64];
	char server[64];
	char request_id_got[128]; /* x-request-id */
	bool gitlab_meta;         /* x-gitlab-meta was there */
	bool cf_ray;              /* cf-ray was there: Cloudflare answered */
	char next_page[16];       /* x-next-page */
	int64_t elapsed_us;
};

/*
 * Runs the calls in parallel and returns when all are answered or failed. Results are in the calls; nothing is retried. A call that
 * is run again is released first.
 */
void http_client_run(struct http_client *client, struct http_call *calls, size_t count);
void http_call_release(struct http_call *call);

/*
 * Leaves the origin of `url` alone for so long, and never less than asked before: it said itself that it does not want to be asked
 * (a ban). Calls to it fail at once with HTTP_RESTING; those under way end as they end. An http_stream goes all the same: who
 * starts one asks http_client_is_resting first.
 */
void http_client_rest(struct http_client *client, const char *url, unsigned seconds);

/*
 * Whether the origin of `url` is left alone now; asking changes nothing. *ret_seconds: how long still, at least 1; *ret_asked:
 * because of http_client_rest, not of failures.
 */
bool http_client_is_resting(struct http_client *client, const char *url, unsigned *ret_seconds, bool *ret_asked) MUST_CHECK;

/*
 * Breaker, per process and origin: after 5 calls in a row without an HTTP answer or with a 5xx of what stands before GitLab (no
 * x-gitlab-meta), the origin rests for 30 s and calls to it fail at once with HTTP_RESTING; then one call is let through to try.
 */
