#include "kube_private.h"

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "http_limits.h"
#include "kube_turns.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

enum {
	TRIES = 3,
	REST_MS = 1000,              /* a server that comes back is found within a second */
	PAUSE_MS = 100,              /* before an unreachable server is tried again; grows, and jitter is added */
	TURNS = 8,                   /* calls at once; a crowd of new TLS connections would time each other out */
	QUIET_MS = 24 * 3600 * 1000, /* a watch has its own limit */
};

/* Connections that trust one CA. A replaced CA makes a new link; the old one goes when its last user has gone. */
struct kube_link {
	unsigned users; /* guarded by the client's lock; the client itself is one */
	struct http_client *calls;
	struct http_streams *streams;
};

struct kube_client {
	char *server, *user_agent;
	struct address_policy *policy;
	struct kube_credentials *credentials;
	struct kube_turns turns; /* of calls */
	pthread_mutex_t lock;    /* guards what follows */
	struct kube_link *link;
	uint64_t ca_number; /* what `link` was made with */
};

/* ---- Links ---- */

static void link_free(struct kube_link *link)
{
	if (!link)
		return;
	http_streams_freep(&link->streams);
	http_client_freep(&link->calls);
	free(link);
}

static struct kube_link *link_new(const struct kube_client *client, const char *ca_pem, struct error *err)
{
	const struct http_client_options options = {
	        .policy = client->policy, .ca_file = "", .ca_pem = ca_pem, .user_agent = client->user_agent};
	const struct http_limits limits = {.connect_ms = KUBE_CONNECT_MS,
	                                   .headers_ms = KUBE_TRY_MS,
	                                   .total_ms = KUBE_TRY_MS,
	                                   .stall_ms = QUIET_MS,
	                                   .rest_ms = REST_MS};
	struct kube_link *link = xcalloc(1, sizeof(*link));

	link->users = 1;
	if (!http_client_new(&options, &link->calls, err) || !http_streams_new(&options, &link->streams, err)) {
		link_free(link);
		return NULL;
	}
	http_client_set_limits(link->calls, &limits);
	http_streams_set_limits(link->streams, &limits);
	return link;
}

static void drop_locked(struct kube_link *link, struct kube_link **ret_unused)
{
	if (link && --link->users == 0)
		*ret_unused = link;
}

struct kube_link *kube_link_take(struct kube_client *client, struct error *err)
{
	CLEANUP(freep) char *ca_pem = NULL;
	struct kube_link *unused = NULL, *taken;

	pthread_mutex_lock(&client->lock);
	uint64_t number = client->ca_number;
	if (kube_credentials_changed_ca(client->credentials, &number, &ca_pem)) {
		struct kube_link *fresh = link_new(client, ca_pem, client->link ? NULL : err);
		if (fresh) { /* otherwise the old one serves, and the next who takes one tries again */
			drop_locked(client->link, &unused);
			client->link = fresh;
			client->ca_number = number;
		}
	}
	taken = client->link;
	if (taken)
		taken->users++;
	pthread_mutex_unlock(&client->lock);
	link_free(unused);
	return taken;
}

void kube_link_drop(struct kube_client *client, struct kube_link *link)
{
	struct kube_link *unused = NULL;

	pthread_mutex_lock(&client->lock);
	drop_locked(link, &unused);
	pthread_mutex_unlock(&client->lock);
	link_free(unused);
}

struct http_client *kube_link_calls(struct kube_link *link)
{
	return link->calls;
}

struct http_streams *kube_link_streams(struct kube_link *link)
{
	return link->streams;
}

/* ---- The client ---- */

bool kube_client_new(const struct kube_config *config, const char *user_agent, struct kube_client **ret, struct error *err)
{
	CLEANUP(kube_client_freep) struct kube_client *client = xcalloc(1, sizeof(*client));
	struct kube_link *link;

	pthread_mutex_init(&client->lock, NULL);
	kube_turns_init(&client->turns, TURNS);
	client->server = xstrdup(config->server);
	client->user_agent = xstrdup(user_agent);
	client->policy = address_policy_new_for(config->host, config->port);
	if (!kube_credentials_new(config, &client->credentials, err))
		return false;
	link = kube_link_take(client, err);
	if (!link)
		return false;
	kube_link_drop(client, link);
	*ret = TAKE(client);
	return true;
}

void kube_client_freep(struct kube_client **slot)
{
	struct kube_client *client = *slot;

	if (!client)
		return;
	link_free(client->link);
	kube_credentials_freep(&client->credentials);
	address_policy_freep(&client->policy);
	kube_turns_destroy(&client->turns);
	pthread_mutex_destroy(&client->lock);
	free(client->server);
	free(client->user_agent);
	freep(slot);
}

struct kube_credentials *kube_client_credentials(struct kube_client *client)
{
	return client->credentials;
}

char *kube_client_url(const struct kube_client *client, const char *path)
{
	return xasprintf("%s%s", client->server, path);
}

/* ---- Calls ---- */

/* What one try came to. */
enum verdict { DONE, AGAIN, OVER };

struct attempt {
	struct kube_client *client;
	struct kube_call *call;
	int64_t deadline_ms;
	int64_t pause_ms;   /* AGAIN: how long to wait first */
	bool token_was_new; /* a 401 has been answered with another token already */
};

static int64_t with_jitter(int64_t ms)
{
	return ms + kube_random_below(ms / 2 + 1);
}

static bool fail(const struct kube_call *call, const char *why, struct error *err)
{
	error_set(err, ERR_KUBERNETES_UNAVAILABLE, "The Kubernetes API server cannot be used now.");
	return error_detail(err, "%s %s: %s", call->method, call->path, why);
}

/* Whether a call that failed so is harmless to send again: it surely was not begun, or may be carried out twice. */
static bool may_repeat(const struct kube_call *call, enum http_failure failure)
{
	if (failure == HTTP_UNREACHABLE || failure == HTTP_UNRESOLVABLE)
		return true;
	return (failure == HTTP_TIMEOUT || failure == HTTP_BROKEN || failure == HTTP_RESTING) &&
	       (call->repeatable || strcmp(call->method, "GET") == 0);
}

static enum verdict judge_failure(struct attempt *a, const struct http_call *http, struct error *err)
{
	fail(a->call, http->failure_text, err);
	if (!may_repeat(a->call, http->failure))
		return OVER;
	a->pause_ms = with_jitter(http->failure == HTTP_RESTING ? REST_MS : (int64_t)PAUSE_MS * a->call->tries);
	return AGAIN;
}

static enum verdict judge_status(struct attempt *a, const struct http_call *http, const struct secret *token, struct error *err)
{
	struct kube_call *call = a->call;
	int64_t after_ms = 0;
	char why[160];

	snprintf(why, sizeof(why), "%d %s", call->status, call->reason);
	if (call->status == 401) {
		fail(call, "401: our own token is not accepted", err);
		if (a->token_was_new || !kube_credentials_refused(a->client->credentials, token))
			return OVER;
		a->token_was_new = true;
		a->pause_ms = 0;
		return AGAIN;
	}
	if (call->status == 429 || call->status >= 500) {
		fail(call, why, err);
		if (!kube_retry_after(http->retry_after, &after_ms))
			return OVER;
		err->retry_after_s = (unsigned)(after_ms / 1000);
		a->pause_ms = with_jitter(after_ms > PAUSE_MS ? after_ms : PAUSE_MS);
		return AGAIN;
	}
	if (call->status / 100 == 2 && !call->answer) {
		fail(call, call->too_large ? "the answer has too many values" : "the answer is not a JSON object", err);
		return OVER;
	}
	return DONE;
}

static const char *accept_of(enum kube_form form)
{
	return form == KUBE_METADATA ? "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" : "application/json";
}

static void take_answer(struct kube_call *call, struct http_call *http)
{
	kube_call_release(call);
	call->status = http->status;
	call->reason[0] = call->message[0] = '\0';
	call->too_large = http->failure == HTTP_TOO_LARGE;
	if (http->failure != HTTP_OK)
		return;
	call->answer = json_parse_counted(http->answer.data, http->answer.length, LIMIT_KUBE_VALUES, &call->too_large);
	if (!json_is_object(call->answer))
		kube_call_release(call);
	if (call->answer && call->status >= 400)
		kube_status_read(call->answer, call->confidential, call->reason, call->message);
	/* A refusal may quote what others stored; nobody has a use for it. */
	if (call->confidential && call->status >= 400)
		kube_call_release(call);
	wipe(http->answer.data, http->answer.length);
}

static enum verdict try_once(struct attempt *a, struct kube_link *link, struct error *err)
{
	struct kube_call *call = a->call;
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	CLEANUP(freep) char *url = kube_client_url(a->client, call->path);
	int64_t left_ms = a->deadline_ms - clock_monotonic_ms();
	CLEANUP(http_call_release)
	struct http_call http = {.method = call->method,
	                         .url = url,
	                         .body = call->body,
	                         .body_length = call->body_length,
	                         .content_type = call->content_type ? call->content_type : "application/json",
	                         .accept = accept_of(call->form),
	                         .max_body = call->max_answer ? call->max_answer : KUBE_ANSWER_MAX,
	                         .total_ms = (unsigned)(left_ms < 1 ? 1 : left_ms)};

	kube_credentials_token(a->client->credentials, &token);
	if (token.length > 0)
		http.bearer = &token;
	call->tries++;
	http_client_run(kube_link_calls(link), &http, 1);
	take_answer(call, &http);
	return http.failure != HTTP_OK ? judge_failure(a, &http, err) : judge_status(a, &http, &token, err);
}

bool kube_call_run(struct kube_client *client, struct kube_call *call, struct error *err)
{
	struct attempt a = {.client = client, .call = call};
	struct kube_link *link;
	struct error why = ERROR_INIT; /* of a try that another one made good nothing is told */
	enum verdict verdict;

	call->tries = 0;
	call->answer = NULL;
	for (;;) {
		int64_t total_ms = call->total_ms ? call->total_ms : KUBE_TOTAL_MS;

		/* A crowd waits for its turn, as long again as a call may take. */
		if (!kube_turns_take(&client->turns, a.deadline_ms ? a.deadline_ms : clock_monotonic_ms() + total_ms))
			return fail(call, "too many calls are under way", err);
		if (a.deadline_ms == 0)
			a.deadline_ms = clock_monotonic_ms() + total_ms;
		link = kube_link_take(client, err);
		if (!link) {
			kube_turns_give(&client->turns);
			return fail(call, "no connections can be made", err);
		}
		verdict = try_once(&a, link, &why);
		kube_link_drop(client, link);
		kube_turns_give(&client->turns);
		if (verdict != AGAIN || call->tries >= TRIES || clock_monotonic_ms() + a.pause_ms >= a.deadline_ms)
			break;
		kube_pause(a.pause_ms);
	}
	if (verdict == DONE)
		return true;
	kube_call_release(call);
	if (err)
		*err = why;
	return false;
}
