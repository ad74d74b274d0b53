#include "gitlab_branch.h"

#include "alloc.h"
#include "gitlab_pages.h"
#include "gitlab_sentence.h"

enum { LEVEL_MAINTAINER = 40 };

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

static void add_rule(struct rules_verdict *verdict, const json_t *rule, const char *branch, int access_level, int64_t user_id)
{
	if (!branch_matches(json_string_or(rule, "name", ""), branch))
		return;
	enum permission one = judge_rule(rule, access_level, user_id);
	verdict->matched = true;
	if (one > verdict->best)
		verdict->best = one;
}

static enum forge_branch_state state_of_verdict(const struct rules_verdict *verdict)
{
	if (!verdict->matched || verdict->best == ALLOWED)
		return FORGE_BRANCH_MISSING;
	return verdict->best == UNKNOWN ? FORGE_BRANCH_UNKNOWN : FORGE_BRANCH_PROTECTED;
}

enum forge_branch_state branch_state_of_rules(const json_t *rules, const char *branch, int access_level, int64_t user_id)
{
	struct rules_verdict verdict = {.best = DENIED};
	size_t index;
	const json_t *rule;

	json_array_foreach(rules, index, rule) add_rule(&verdict, rule, branch, access_level, user_id);
	return state_of_verdict(&verdict);
}

/* What creating a branch would meet, gathered rule by rule. */
struct rules_question {
	const char *branch;
	int access_level;
	int64_t user_id;
	struct rules_verdict verdict;
};

static bool take_rule(const json_t *row, void *context)
{
	struct rules_question *question = context;

	if (!json_is_object(row))
		return false;
	add_rule(&question->verdict, row, question->branch, question->access_level, question->user_id);
	return true;
}

/* Of a branch that does not exist yet. An instance before GitLab 15 does not show its rules to everybody: 403. */
static bool judge_missing(struct page_walk *walk, const struct forge_access *access, const struct api_call *first,
                          struct forge_branch *ret, struct error *err)
{
	const struct rules_question *question = walk->context;
	struct error failure = ERROR_INIT;
	bool hidden = first->http.failure == HTTP_OK && (first->http.status == 403 || first->http.status == 404);
	bool known = !hidden && page_walk_finish(walk, access, first, &failure);

	if (!known && !hidden && failure.code != ERR_LIST_TOO_LONG) {
		if (err)
			*err = failure;
		return false;
	}
	*ret = (struct forge_branch){.state = known ? state_of_verdict(&question->verdict) : FORGE_BRANCH_UNKNOWN,
	                             .is_protected = known && question->verdict.matched};
	return true;
}

/* `can_push` is about the calling user; servers without it are judged by role, as GitLab protects by default. */
static enum forge_branch_state state_of(const json_t *answer, int access_level)
{
	bool may_push = json_bool_or(answer, "can_push", access_level >= LEVEL_MAINTAINER);

	return json_bool_or(answer, "protected", false) && !may_push ? FORGE_BRANCH_PROTECTED : FORGE_BRANCH_OPEN;
}

void branch_fill(const json_t *answer, int access_level, struct forge_branch *ret)
{
	*ret = (struct forge_branch){.state = state_of(answer, access_level),
	                             .is_default = json_bool_or(answer, "default", false),
	                             .is_protected = json_bool_or(answer, "protected", false)};
	snprintf(ret->commit, sizeof(ret->commit), "%s", json_string_or(json_object_get(answer, "commit"), "id", ""));
}

/* GitLab's own 404 for a branch, not a missing project or a page. */
static bool is_branch_missing(const struct http_call *call)
{
	CLEANUP(json_decrefp) json_t *answer = call->status == 404 ? forge_json(call) : NULL;

	return answer && !sentence_has(sentence_of_json(answer), "Project Not Found");
}

static bool judge_branch(struct page_walk *walk, const struct forge_access *access, const struct api_call both[2],
                         struct forge_branch *ret, struct error *err)
{
	const struct rules_question *question = walk->context;
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(json_decrefp) json_t *answer = NULL;

	if (is_branch_missing(&both[0].http))
		return judge_missing(walk, access, &both[1], ret, err);
	if (!gitlab_answer(&both[0].http, host, &answer, err))
		return false;
	branch_fill(answer, question->access_level, ret);
	return true;
}

/* The rules are asked for together with the branch: most branches that are asked for do not exist yet. */
bool gitlab_branch_get(const struct forge_access *access, const struct forge_project *project, const char *user_id,
                       const char *branch, struct forge_branch *ret, struct error *err)
{
	CLEANUP(freep) char *encoded = api_segment(branch);
	CLEANUP(freep) char *list = xasprintf("/projects/%lld/protected_branches?", (long long)project->id);
	struct rules_question question = {.branch = branch,
	                                  .access_level = project->access_level,
	                                  .user_id = user_id ? strtoll(user_id, NULL, 10) : 0,
	                                  .verdict = {.best = DENIED}};
	struct page_walk walk = {
	        .list = list, .what = "protected branches", .max_rows = LIMIT_BRANCHES, .take = take_rule, .context = &question};
	struct api_call both[2];

	api_call_init(&both[0], access, "/projects/%lld/repository/branches/%s", (long long)project->id, encoded);
	page_walk_begin(&walk, access, &both[1]);
	gitlab_run(both, ARRAY_SIZE(both), access);
	bool judged = judge_branch(&walk, access, both, ret, err);
	api_call_release(&both[0]);
	api_call_release(&both[1]);
	return judged;
}
