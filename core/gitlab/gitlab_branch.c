#include "gitlab_branch.h"

#include "alloc.h"
#include "gitlab_api.h"
#include "gitlab_sentence.h"

enum {
	LEVEL_MAINTAINER = 40,
	MAX_PAGES = 20, /* of 100 protected branches */
};

/* GitLab's wildcards: "*" stands for any characters, "/" too. */
bool branch_matches(const char *pattern, const char *name)
{
	const char *star = NULL, *retry = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = pattern++;
			retry = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star + 1;
			name = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

enum permission { DENIED, UNKNOWN, ALLOWED };

/* Access level 0 is "No one"; an entry for a deploy key is not about the user; whether the user is in a named group is not known
 * here. */
static enum permission judge_level(const json_t *entry, int access_level, int64_t user_id)
{
	int64_t needed = json_int_or(entry, "access_level", 0);

	if (json_is_integer(json_object_get(entry, "deploy_key_id")))
		return DENIED;
	if (json_is_integer(json_object_get(entry, "user_id")))
		return json_int_or(entry, "user_id", 0) == user_id ? ALLOWED : DENIED;
	if (json_is_integer(json_object_get(entry, "group_id")))
		return UNKNOWN;
	return needed > 0 && access_level >= needed ? ALLOWED : DENIED;
}

static enum permission judge_rule(const json_t *rule, int access_level, int64_t user_id)
{
	enum permission best = DENIED;
	size_t index;
	const json_t *entry;

	json_array_foreach(json_object_get(rule, "push_access_levels"), index, entry)
	{
		enum permission one = judge_level(entry, access_level, user_id);
		if (one > best)
			best = one;
	}
	return best;
}

/* Of several rules that match, GitLab applies the most permissive. */
struct rules_verdict {
	bool matched;
	enum permission best;
};

static void judge_rules(const json_t *rules, const char *branch, int access_level, int64_t user_id, struct rules_verdict *verdict)
{
	size_t index;
	const json_t *rule;

	json_array_foreach(rules, index, rule)
	{
		if (!branch_matches(json_string_or(rule, "name", ""), branch))
			continue;
		enum permission one = judge_rule(rule, access_level, user_id);
		verdict->matched = true;
		if (one > verdict->best)
			verdict->best = one;
	}
}

enum gitlab_branch_state branch_state_of_rules(const json_t *rules, const char *branch, int access_level, int64_t user_id)
{
	struct rules_verdict verdict = {.best = DENIED};

	judge_rules(rules, branch, access_level, user_id, &verdict);
	if (!verdict.matched || verdict.best == ALLOWED)
		return GITLAB_BRANCH_MISSING;
	return verdict.best == UNKNOWN ? GITLAB_BRANCH_UNKNOWN : GITLAB_BRANCH_PROTECTED;
}

/* All pages of /protected_branches into one array. *ret stays NULL where the instance does not show them (403, before GitLab 15).
 */
static bool get_rules(const struct gitlab_access *access, int64_t project_id, json_t **ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(release_json) json_t *all = json_array();

	for (unsigned page = 1; page <= MAX_PAGES; page++) {
		CLEANUP(api_call_release) struct api_call call;
		CLEANUP(release_json) json_t *rules = NULL;

		api_call_init(&call, access, "/projects/%lld/protected_branches?per_page=100&page=%u", (long long)project_id, page);
		api_call_run(&call, access);
		if (call.http.failure == HTTP_OK && (call.http.status == 403 || call.http.status == 404))
			return true;
		if (!gitlab_answer(&call.http, host, &rules, err))
			return false;
		json_array_extend(all, rules);
		if (!call.http.next_page[0])
			break;
	}
	*ret = TAKE(all);
	return true;
}

static bool judge_missing(const struct gitlab_access *access, int64_t project_id, int access_level, const char *user_id,
                          const char *branch, struct gitlab_branch *ret, struct error *err)
{
	CLEANUP(release_json) json_t *rules = NULL;

	if (!get_rules(access, project_id, &rules, err))
		return false;
	*ret = (struct gitlab_branch){.state = GITLAB_BRANCH_UNKNOWN};
	if (rules) {
		ret->state = branch_state_of_rules(rules, branch, access_level, user_id ? strtoll(user_id, NULL, 10) : 0);
		/* For nobody in particular every rule that matches is a closed one. */
		ret->is_protected = branch_state_of_rules(rules, branch, 0, 0) != GITLAB_BRANCH_MISSING;
	}
	return true;
}

/* `can_push` is about the calling user; servers without it are judged by role, as GitLab protects by default. */
static enum gitlab_branch_state state_of(const json_t *answer, int access_level)
{
	bool may_push = json_bool_or(answer, "can_push", access_level >= LEVEL_MAINTAINER);

	return json_bool_or(answer, "protected", false) && !may_push ? GITLAB_BRANCH_PROTECTED : GITLAB_BRANCH_OPEN;
}

bool gitlab_branch_get(const struct gitlab_access *access, int64_t project_id, int access_level, const char *user_id,
                       const char *branch, struct gitlab_branch *ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access), *encoded = api_segment(branch);
	CLEANUP(api_call_release) struct api_call call;
	CLEANUP(release_json) json_t *answer = NULL, *failure = NULL;

	api_call_init(&call, access, "/projects/%lld/repository/branches/%s", (long long)project_id, encoded);
	api_call_run(&call, access);
	if (call.http.status == 404 && (failure = gitlab_json(&call.http)) &&
	    !sentence_has(sentence_of_json(failure), "Project Not Found"))
		return judge_missing(access, project_id, access_level, user_id, branch, ret, err);
	if (!gitlab_answer(&call.http, host, &answer, err))
		return false;
	struct gitlab_branch found = {.state = state_of(answer, access_level),
	                              .is_default = json_bool_or(answer, "default", false),
	                              .is_protected = json_bool_or(answer, "protected", false)};
	snprintf(found.commit, sizeof(found.commit), "%s", json_string_or(json_object_get(answer, "commit"), "id", ""));
	*ret = found;
	return true;
}
