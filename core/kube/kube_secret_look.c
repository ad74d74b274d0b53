/* Whether the Secrets can be used, as far as one can know without touching them. */
#include "kube_private.h"
#include "kube_secret_calls.h"

#include "alloc.h"
#include "caps.h"
#include "clock.h"

#include <string.h>

static const char *const verbs[] = {"get", "patch", "create"};

struct look {
	struct kube_secrets *s;
	int64_t deadline_ms;
};

/* False: nobody knows, *err says why. */
static bool ask(const struct look *look, struct kube_call *call, struct error *err)
{
	int64_t left_ms = look->deadline_ms - clock_monotonic_ms();

	call->confidential = true;
	call->total_ms = (unsigned)(left_ms < 1 ? 1 : left_ms);
	return kube_call_run(look->s->client, call, err);
}

/* ---- Rights ---- */

static bool has(const json_t *rule, const char *member, const char *wanted)
{
	const json_t *list = json_object_get(rule, member), *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		const char *text = json_string_value(item);
		if (text && (strcmp(text, wanted) == 0 || strcmp(text, "*") == 0))
			return true;
	}
	return false;
}

static bool may(const json_t *rules, const char *verb, const char *name)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		bool of_all = json_array_size(json_object_get(rule, "resourceNames")) == 0;

		if (has(rule, "apiGroups", "") && has(rule, "resources", "secrets") && has(rule, "verbs", verb) &&
		    (of_all || has(rule, "resourceNames", name)))
			return true;
	}
	return false;
}

static enum kube_look judge_rights(const struct kube_secrets *s, const json_t *status, struct error *err)
{
	const json_t *rules = json_object_get(status, "resourceRules");
	char name[KUBE_SECRET_NAME_SIZE];

	/* An authoriser that cannot list what it allows may still allow it. */
	if (json_is_true(json_object_get(status, "incomplete")))
		return KUBE_LOOK_GOOD;
	for (size_t i = 0; i < KUBE_PROVIDERS; i++)
		for (unsigned shard = 0; shard < s->shards && kube_secret_name(kube_provider(i), shard, name); shard++)
			for (size_t verb = 0; verb < ARRAY_SIZE(verbs); verb++)
				if (!may(rules, verbs[verb], name)) {
					error_set(err, ERR_SECRET_STORE_NOT_READY, "The service has no right to %s the Secret %s.",
					          verbs[verb], name);
					return KUBE_LOOK_BAD;
				}
	return KUBE_LOOK_GOOD;
}

static enum kube_look look_at_rights(const struct look *look, struct error *err)
{
	CLEANUP(freep)
	char *body = xasprintf("{\"apiVersion\":\"authorization.k8s.io/v1\",\"kind\":\"SelfSubjectRulesReview\","
	                       "\"spec\":{\"namespace\":\"%s\"}}",
	                       look->s->namespace_);
	struct kube_call call = {.method = "POST",
	                         .path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
	                         .body = body,
	                         .body_length = strlen(body)};
	enum kube_look verdict = KUBE_LOOK_GOOD;

	if (!ask(look, &call, err))
		return KUBE_LOOK_UNKNOWN;
	/* Everybody may ask this of themselves, unless an administrator has taken it away; then the calls themselves will tell. */
	if (call.status == 201)
		verdict = judge_rights(look->s, json_object_get(call.answer, "status"), err);
	kube_call_release(&call);
	return verdict;
}

/* ---- Whose they are ---- */

static enum kube_look look_at_first(const struct look *look, const char *provider, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf path = STRBUF_INIT(LIMIT_URL_MAX);
	struct kube_call call = {.method = "GET", .form = KUBE_METADATA};
	enum kube_look verdict = KUBE_LOOK_GOOD;
	char name[KUBE_SECRET_NAME_SIZE];
	struct error why = ERROR_INIT;
	bool marked;

	if (!kube_secret_name(provider, 0, name))
		return KUBE_LOOK_UNKNOWN;
	strbuf_addf(&path, "/api/v1/namespaces/%s/secrets/%s", look->s->namespace_, name);
	call.path = path.data;
	if (!ask(look, &call, err))
		return KUBE_LOOK_UNKNOWN;
	if (call.status == 403) {
		error_set(err, ERR_SECRET_STORE_NOT_READY, "The service has no right to get the Secret %s.", name);
		verdict = KUBE_LOOK_BAD;
	} else if (call.status == 200 && !kube_installation_compare(look->s, name, call.answer, &marked, &why)) {
		error_set(err, ERR_SECRET_STORE_NOT_READY, "%s", why.message);
		verdict = KUBE_LOOK_BAD;
	}
	kube_call_release(&call);
	return verdict;
}

enum kube_look kube_secrets_look(struct kube_secrets *secrets, unsigned total_ms, struct error *err)
{
	const struct look look = {secrets, clock_monotonic_ms() + total_ms};
	enum kube_look verdict = look_at_rights(&look, err);

	for (size_t i = 0; i < KUBE_PROVIDERS && verdict == KUBE_LOOK_GOOD; i++)
		verdict = look_at_first(&look, kube_provider(i), err);
	return verdict;
}
