#include "gate_client.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>

#include "alloc.h"
#include "clock.h"
#include "http_client.h"
#include "http_limits.h"
#include "instance_url.h"
#include "repository.h"

/* More than the gate gives all reports together (90 s), less than nginx waits for it. */
enum { PREFLIGHT_MS = 100 * 1000 };

static void freeaddrinfop(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

static bool is_address(const char *host)
{
	unsigned char bytes[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

bool gate_client_open(const char *gate_url, const char *session_id, const struct secret *credential, struct gate_client *ret,
                      struct error *err)
{
	CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT;

	if (!instance_url_parse(gate_url, &url, err))
		return error_set(err, ERR_CONFIG_INVALID, "ACP_GATE_URL is not the address of a gate: http(s)://host[:port].");
	*ret = (struct gate_client){
	        .base = xstrdup(url.text),
	        .host = xstrdup(url.host),
	        .session_id = xstrdup(session_id),
	        .port = url.port,
	        .has_name = !is_address(url.host),
	        .credential = credential,
	};
	return true;
}

void gate_client_release(struct gate_client *gate)
{
	free(gate->base);
	free(gate->host);
	free(gate->session_id);
	*gate = (struct gate_client)GATE_CLIENT_INIT;
}

char *gate_repository_url(const struct gate_client *gate, const char *repository)
{
	return xasprintf("%s/git/%s/%s.git", gate->base, gate->session_id, repository);
}

/* The gate is usually on loopback or in the cluster's network: exactly its addresses and its port may be dialled. */
static bool allow_gate(const struct gate_client *gate, struct address_policy *policy, struct error *err)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	CLEANUP(freeaddrinfop) struct addrinfo *found = NULL;
	char port[8];

	snprintf(port, sizeof(port), "%u", gate->port % 65536);
	if (getaddrinfo(gate->host, port, &hints, &found) != 0)
		return error_set(err, ERR_SERVICE_UNAVAILABLE, "The address of the git gate cannot be resolved.");
	for (const struct addrinfo *one = found; one; one = one->ai_next) {
		char address[NI_MAXHOST];
		if (getnameinfo(one->ai_addr, one->ai_addrlen, address, sizeof(address), NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		CLEANUP(freep) char *entry = xasprintf(one->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", address, port);
		if (!address_policy_add(policy, entry, err))
			return false;
	}
	return true;
}

/* A client of its own for each of these few calls: its thread is gone before the session forks again. */
static bool send_patiently(const struct gate_client *gate, const char *route, const struct http_limits *limits,
                           struct http_call *call, struct error *err)
{
	CLEANUP(address_policy_freep) struct address_policy *policy = address_policy_new();
	CLEANUP(http_client_freep) struct http_client *client = NULL;
	CLEANUP(freep) char *url = xasprintf("%s/git/%s/%s", gate->base, gate->session_id, route);
	const struct http_client_options options = {.policy = policy, .ca_file = "", .user_agent = "acp-git-worker"};

	if (!allow_gate(gate, policy, err) || !http_client_new(&options, &client, err))
		return false;
	http_client_set_limits(client, limits);
	call->url = url;
	call->bearer = gate->credential;
	http_client_run(client, call, 1);
	call->url = NULL; /* freed here */
	if (call->failure == HTTP_OK)
		return true;
	error_set(err, ERR_SERVICE_UNAVAILABLE, "The git gate does not answer.");
	return error_detail(err, "%s %s: %s", call->method, route, call->failure_text);
}

bool gate_client_send(const struct gate_client *gate, const char *route, struct http_call *call, struct error *err)
{
	const struct http_limits limits = HTTP_LIMITS_DEFAULT;

	return send_patiently(gate, route, &limits, call, err);
}

static bool call_gate(const struct gate_client *gate, const char *method, const char *route, struct http_call *call,
                      struct error *err)
{
	bool has_body = strcmp(method, "POST") == 0;

	*call = (struct http_call){.method = method,
	                           .body = has_body ? "{}" : NULL,
	                           .body_length = has_body ? 2 : 0,
	                           .content_type = has_body ? "application/json" : NULL};
	return gate_client_send(gate, route, call, err);
}

static bool read_answer(const struct http_call *call, json_t **ret, struct error *err)
{
	json_t *answer = json_parse_answer(call->answer.data, call->answer.length);

	if (call->status == 200 && json_is_object(answer)) {
		*ret = answer;
		return true;
	}
	if (json_is_object(answer) && json_object_get(answer, "code"))
		error_from_json(answer, err);
	else
		error_set(err, ERR_SERVICE_UNAVAILABLE, "The git gate gave an unusable answer.");
	error_detail(err, "gate: status %d", call->status);
	json_decref(answer);
	return false;
}

/* The gate answers when the slowest instance has, or its time for all of them is up (core/service/check.c). */
static bool ask_preflight(const struct gate_client *gate, const char *route, json_t **ret_answer, struct error *err)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct http_call call = {.method = "POST", .body = "{}", .body_length = 2, .content_type = "application/json"};

	limits.headers_ms = limits.total_ms = PREFLIGHT_MS;
	bool ok = send_patiently(gate, route, &limits, &call, err) && read_answer(&call, ret_answer, err);
	http_call_release(&call);
	return ok;
}

bool gate_client_preflight(const struct gate_client *gate, json_t **ret_answer, struct error *err)
{
	return ask_preflight(gate, "preflight", ret_answer, err);
}

bool gate_client_preflight_one(const struct gate_client *gate, const char *repository, json_t **ret_answer, struct error *err)
{
	CLEANUP(freep) char *route = xasprintf("preflight?repository=%s", repository); /* a folder's name needs no escapes */

	return ask_preflight(gate, route, ret_answer, err);
}

bool gate_client_merge_request(const struct gate_client *gate, const char *repository, json_t **ret_answer, struct error *err)
{
	CLEANUP(freep) char *route = xasprintf("%s/merge-request", repository);
	struct http_call call = {0};
	bool ok = call_gate(gate, "POST", route, &call, err) && read_answer(&call, ret_answer, err);

	http_call_release(&call);
	return ok;
}

/* Unix seconds of an outcome; the gate writes a number or RFC 3339. */
static int64_t time_of(const json_t *outcome)
{
	const json_t *at = json_object_get(outcome, "at");
	int64_t unix_s = 0;

	if (json_is_integer(at))
		return json_integer_value(at);
	return json_is_string(at) && clock_parse(json_string_value(at), &unix_s) ? unix_s : 0;
}

void gate_client_explain(const struct gate_client *gate, const char *repository, const char *operation, int64_t since_s,
                         struct error *err)
{
	struct http_call call = {0};
	json_t *answer = NULL;
	const json_t *newest = NULL;
	size_t index;
	json_t *outcome;

	if (call_gate(gate, "GET", "outcomes", &call, NULL) && read_answer(&call, &answer, NULL)) {
		json_array_foreach(json_object_get(answer, "outcomes"), index, outcome)
		{
			if (strcmp(json_string_or(outcome, "repository", ""), repository) != 0 ||
			    strcmp(json_string_or(outcome, "operation", ""), operation) != 0 || time_of(outcome) < since_s)
				continue;
			if (!newest || time_of(outcome) >= time_of(newest))
				newest = outcome;
		}
		if (newest)
			error_from_json(newest, err);
	}
	json_decref(answer);
	http_call_release(&call);
}
