#include "cluster_identity.h"

#include "alloc.h"
#include "caps.h"
#include "kube_review.h"
#include "review_cache.h"

#include <string.h>

struct cluster_identity {
	struct kube_client *client;
	char *audiences, *group;
	struct review_cache *cache;
};

struct cluster_identity *cluster_identity_new(const struct cluster_identity_options *options)
{
	struct cluster_identity *identity = xcalloc(1, sizeof(*identity));

	identity->client = options->client;
	identity->audiences = xstrdup(options->audiences);
	identity->group = xstrdup(options->group);
	identity->cache = review_cache_new();
	return identity;
}

void cluster_identity_freep(struct cluster_identity **slot)
{
	struct cluster_identity *identity = *slot;

	if (!identity)
		return;
	review_cache_freep(&identity->cache);
	free(identity->audiences);
	free(identity->group);
	freep(slot);
}

/* The caller learns that it cannot be checked now, the log why. */
static bool unknown_now(const struct error *why, struct error *err)
{
	error_set(err, ERR_SERVICE_UNAVAILABLE, "Callers cannot be checked now: the Kubernetes API server does not answer.");
	if (err)
		err->retry_after_s = why->retry_after_s;
	return error_detail(err, "%s", why->detail[0] ? why->detail : why->message);
}

/* ---- Whose a bearer is ---- */

struct token_question {
	struct cluster_identity *identity;
	const struct secret *bearer;
};

static bool ask_token(void *context, struct review *ret, struct error *err)
{
	const struct token_question *question = context;
	CLEANUP(kube_user_release) struct kube_user user = KUBE_USER_INIT;

	if (!kube_review_token(question->identity->client, question->bearer, question->identity->audiences, &user, &ret->yes, err))
		return false;
	if (!ret->yes)
		return true;
	ret->name = TAKE(user.name);
	ret->subject = json_dumps(user.subject, JSON_COMPACT);
	return true;
}

static bool cluster_verify(void *state, const struct secret *bearer, struct caller *ret, struct error *err)
{
	struct cluster_identity *identity = state;
	struct token_question question = {identity, bearer};
	const struct review_part parts[] = {{"token", 5}, {secret_bytes(bearer), bearer->length}};
	CLEANUP(review_release) struct review review = REVIEW_INIT;
	struct error why = ERROR_INIT;

	if (bearer->length == 0 || bearer->length > LIMIT_BEARER_MAX)
		return error_set(err, ERR_UNAUTHENTICATED, "The bearer token is missing or unknown.");
	if (!review_cache_get(identity->cache, parts, ARRAY_SIZE(parts), ask_token, &question, &review, &why))
		return unknown_now(&why, err);
	if (!review.yes)
		return error_set(err, ERR_UNAUTHENTICATED, "The bearer token is missing or unknown.");
	ret->user_id = TAKE(review.name);
	ret->subject = TAKE(review.subject);
	return true;
}

/* ---- What they may do ---- */

struct access_question {
	struct cluster_identity *identity;
	const char *subject;
	struct kube_access access;
};

static bool ask_access(void *context, struct review *ret, struct error *err)
{
	const struct access_question *question = context;
	struct kube_user user = {.subject = json_parse_answer(question->subject, strlen(question->subject))};
	bool known = user.subject && kube_review_access(question->identity->client, &user, &question->access, &ret->yes, err);

	kube_user_release(&user);
	return known;
}

static struct review_part part_of(const char *text)
{
	return (struct review_part){text, strlen(text)};
}

static bool cluster_may_use_project(void *state, const struct caller *caller, const char *project, const struct project_use *use,
                                    struct error *err)
{
	struct cluster_identity *identity = state;
	struct access_question question = {
	        identity,
	        caller->subject ? caller->subject : "{}",
	        {.verb = use->verb, .group = identity->group, .resource = use->resource, .namespace_ = project}};
	const struct review_part parts[] = {part_of("access"), part_of(question.subject), part_of(use->verb),
	                                    part_of(use->resource), part_of(project)};
	CLEANUP(review_release) struct review review = REVIEW_INIT;
	struct error why = ERROR_INIT;

	if (!review_cache_get(identity->cache, parts, ARRAY_SIZE(parts), ask_access, &question, &review, &why))
		return unknown_now(&why, err);
	if (review.yes)
		return true;
	error_set(err, ERR_FORBIDDEN, "You have no access to the project %.63s.", project);
	return error_remedy(err, "Ask an administrator of the namespace for the right to %s %s.%s.", use->verb, use->resource,
	                    identity->group);
}

struct identity cluster_identity(struct cluster_identity *identity)
{
	static const struct identity_ops ops = {.verify = cluster_verify, .may_use_project = cluster_may_use_project};

	return (struct identity){.ops = &ops, .state = identity};
}
