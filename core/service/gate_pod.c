#include "gate_pod.h"

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "encoding.h"
#include "json.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Sessions share a place now and then; they then share its patience. */
enum { PLACES = 256 };

struct gate_pods {
	struct identity reviewer;
	pthread_mutex_t lock;
	struct {
		int64_t since_ms;
		unsigned refusals;
	} places[PLACES];
};

static const char pod_uid[] = "authentication.kubernetes.io/pod-uid";

struct gate_pods *gate_pods_new(struct identity reviewer)
{
	struct gate_pods *pods = xcalloc(1, sizeof(*pods));

	pods->reviewer = reviewer;
	pthread_mutex_init(&pods->lock, NULL);
	return pods;
}

void gate_pods_freep(struct gate_pods **slot)
{
	if (!*slot)
		return;
	pthread_mutex_destroy(&(*slot)->lock);
	freep(slot);
}

static bool refuse(struct error *err)
{
	return error_set(err, ERR_GIT_CREDENTIAL, "The token is not that of a running session's pod.");
}

/* ---- What a token says of itself ---- */

/* Its middle part, and how long that is; NULL: it has no three parts. */
static const char *claims_of(const struct secret *token, size_t *ret_length)
{
	const char *text = secret_bytes(token), *end = text + token->length;
	const char *first = memchr(text, '.', token->length), *second;

	if (!first || !(second = memchr(first + 1, '.', (size_t)(end - first - 1))) ||
	    memchr(second + 1, '.', (size_t)(end - second - 1)))
		return NULL;
	*ret_length = (size_t)(second - first - 1);
	return first + 1;
}

bool gate_pod_is_token(const struct secret *credential)
{
	size_t length;

	return claims_of(credential, &length) != NULL;
}

/* base64url without padding. False: it is none. */
static bool decode_claims(const char *text, size_t length, json_t **ret)
{
	CLEANUP(freep) char *plain = xcalloc(1, length + 4);
	CLEANUP(freep) char *decoded = xcalloc(1, length + 1);
	size_t padded = length, capacity = length, decoded_length;

	for (size_t i = 0; i < length; i++)
		plain[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	while (padded % 4)
		plain[padded++] = '=';
	if (!decode_base64(plain, padded, decoded, capacity, &decoded_length))
		return false;
	*ret = json_parse_answer(decoded, decoded_length);
	return json_is_object(*ret);
}

/* Nobody has verified this yet: it only spares the API server questions whose answer would not matter. */
static bool claims_to_be_of(const struct secret *token, const char *wanted_uid)
{
	CLEANUP(json_decrefp) json_t *claims = NULL;
	size_t length;
	const char *text = claims_of(token, &length);

	if (!text || token->length > LIMIT_BEARER_MAX || !decode_claims(text, length, &claims))
		return false;
	const json_t *pod = json_object_get(json_object_get(claims, "kubernetes.io"), "pod");
	return strcmp(json_string_or(pod, "uid", ""), wanted_uid) == 0;
}

/* ---- What the API server says of it ---- */

/* A ServiceAccount of the session's own namespace, and this pod and no other. */
static bool is_of(const struct caller *caller, const char *project, const char *wanted_uid)
{
	CLEANUP(json_decrefp)
	json_t *subject = caller->subject ? json_parse_answer(caller->subject, strlen(caller->subject)) : NULL;
	const json_t *uids = json_object_get(json_object_get(subject, "extra"), pod_uid);
	const char *uid = json_string_value(json_array_get(uids, 0));
	CLEANUP(freep) char *namespace_ = xasprintf("system:serviceaccount:%s:", project);

	return strncmp(caller->user_id, namespace_, strlen(namespace_)) == 0 && json_array_size(uids) == 1 && uid &&
	       strcmp(uid, wanted_uid) == 0;
}

static size_t place_of(const char *session_id)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *session_id; session_id++)
		hash = (hash ^ (unsigned char)*session_id) * 16777619u;
	return hash % PLACES;
}

/* `refused`: counts one. False: it is enough for now. */
static bool has_patience(struct gate_pods *pods, const char *session_id, bool refused, int64_t *ret_wait_ms)
{
	size_t place = place_of(session_id);
	int64_t now = clock_monotonic_ms();

	pthread_mutex_lock(&pods->lock);
	if (now - pods->places[place].since_ms >= GATE_POD_WHILE_MS) {
		pods->places[place].since_ms = now;
		pods->places[place].refusals = 0;
	}
	pods->places[place].refusals += refused;
	bool patient = pods->places[place].refusals < GATE_POD_REFUSALS;
	*ret_wait_ms = pods->places[place].since_ms + GATE_POD_WHILE_MS - now;
	pthread_mutex_unlock(&pods->lock);
	return patient;
}

bool gate_pod_check(struct gate_pods *pods, const struct session_row *session, const struct secret *token, struct error *err)
{
	CLEANUP(caller_release) struct caller caller = CALLER_INIT;
	struct error why = ERROR_INIT;
	int64_t wait_ms;

	if (!session->pod_uid || !session->pod_uid[0] || !claims_to_be_of(token, session->pod_uid))
		return refuse(err);
	if (!has_patience(pods, session->id, false, &wait_ms)) {
		error_set(err, ERR_TOO_MANY_REQUESTS, "Too many tokens that are not of this session's pod.");
		if (err)
			err->retry_after_s = (unsigned)(wait_ms / 1000) + 1;
		return false;
	}
	if (!pods->reviewer.ops->verify(pods->reviewer.state, token, &caller, &why) && why.code != ERR_UNAUTHENTICATED) {
		if (err)
			*err = why;
		return false;
	}
	if (why.code == ERR_NONE && is_of(&caller, session->project, session->pod_uid))
		return true;
	(void)has_patience(pods, session->id, true, &wait_ms);
	return refuse(err);
}
