#include "github_api.h"

#include "alloc.h"
#include "github_rules.h"
#include "github_sentence.h"

enum { LEVEL_ADMIN = 50 };

/* Whether the branch's answer says that there is none of that name. A renamed branch is answered with a redirect to the new name.
 */
static bool is_missing(const struct http_call *call)
{
	CLEANUP(json_decrefp) json_t *answer = call->failure == HTTP_OK ? forge_json(call) : NULL;

	return answer && ((call->status == 404 && sentence_has(sentence_of_json(answer), "branch not found")) ||
	                  call->status == 301 || call->status == 409);
}

/*
 * Rules in the way are no obstacle for those whom their rulesets let bypass them. That is asked only where a rule stands in the
 * way; a ruleset that is not shown counts as closed.
 */
static bool is_bypassed(const struct forge_access *access, const struct forge_project *project, const struct rules_verdict *verdict)
{
	struct github_call calls[RULESETS_MAX];
	size_t bypassed = 0;

	if (verdict->more || verdict->count == 0)
		return false;
	for (size_t i = 0; i < verdict->count; i++)
		github_call_init(&calls[i], access, "/repos/%s/rulesets/%lld", project->path, (long long)verdict->rulesets[i]);
	github_call_run_all(calls, verdict->count, access);
	for (size_t i = 0; i < verdict->count; i++) {
		CLEANUP(json_decrefp) json_t *ruleset = calls[i].api.http.status == 200 ? forge_json(&calls[i].api.http) : NULL;
		if (ruleset && github_ruleset_is_bypassed(ruleset))
			bypassed++;
		github_call_release(&calls[i]);
	}
	return bypassed == verdict->count;
}

/*
 * The protection that is older than rulesets. Who may push is shown to administrators only, who are exempt unless checks are
 * required of everyone. With rulesets on the branch `protected` is about these, and they were judged.
 */
static bool is_closed_by_protection(const json_t *branch, const json_t *rules, int access_level)
{
	const json_t *checks = json_object_get(json_object_get(branch, "protection"), "required_status_checks");

	if (!json_bool_or(branch, "protected", false) || json_array_size(rules) > 0)
		return false;
	return access_level < LEVEL_ADMIN || strcmp(json_string_or(checks, "enforcement_level", ""), "everyone") == 0;
}

static void fill_existing(const json_t *branch, const json_t *rules, bool refused_to_all, bool refused,
                          const struct forge_project *project, struct forge_branch *ret)
{
	const char *name = json_string_or(branch, "name", "");

	refused = refused || is_closed_by_protection(branch, rules, project->access_level);
	*ret = (struct forge_branch){
	        .state = refused ? FORGE_BRANCH_PROTECTED : FORGE_BRANCH_OPEN,
	        .is_default = project->default_branch && strcmp(name, project->default_branch) == 0,
	        .is_protected = refused_to_all || json_bool_or(branch, "protected", false),
	};
	snprintf(ret->commit, sizeof(ret->commit), "%s", json_string_or(json_object_get(branch, "commit"), "sha", ""));
}

static void fill_missing(const struct rules_verdict *verdict, bool rules_shown, bool refused, struct forge_branch *ret)
{
	bool known = rules_shown && !verdict->unclear;

	*ret = (struct forge_branch){
	        .state = refused ? FORGE_BRANCH_PROTECTED
	                 : known ? FORGE_BRANCH_MISSING
	                         : FORGE_BRANCH_UNKNOWN,
	        .is_protected = verdict->refused,
	};
}

/* The answers of both questions. `rules` stays NULL where the server does not show them. */
static bool read_answers(const struct http_call *branch_call, const struct http_call *rules_call, const char *host,
                         const char *project_path, json_t **ret_branch, json_t **ret_rules, struct error *err)
{
	CLEANUP(json_decrefp) json_t *branch = NULL, *rules = NULL, *failure = NULL;

	if (!is_missing(branch_call)) {
		if (branch_call->status == 404 && (failure = forge_json(branch_call)))
			return github_not_found(project_path, host, branch_call, err);
		if (!github_answer(branch_call, host, &branch, err))
			return false;
		if (!json_string_or(json_object_get(branch, "commit"), "sha", "")[0])
			return github_error(err, ERR_INSTANCE_NOT_API, "%s does not look like a GitHub server.", host);
	}
	if (!github_declined(rules_call) && !github_answer(rules_call, host, &rules, err))
		return false;
	*ret_branch = TAKE(branch);
	*ret_rules = TAKE(rules);
	return true;
}

bool github_branch_get(const struct forge_access *access, const struct forge_project *project, const char *user_id,
                       const char *branch, struct forge_branch *ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access), *encoded = github_encoded(branch, false);
	CLEANUP(github_call_release) struct github_call about_branch, about_rules;
	CLEANUP(json_decrefp) json_t *found = NULL, *rules = NULL;

	(void)user_id; /* the token's own user is asked about */
	github_call_init(&about_branch, access, "/repos/%s/branches/%s", project->path, encoded);
	github_call_init(&about_rules, access, "/repos/%s/rules/branches/%s?per_page=100", project->path, encoded);
	api_call_run_pair(&about_branch.api, &about_rules.api, access);
	if (!read_answers(&about_branch.api.http, &about_rules.api.http, host, project->path, &found, &rules, err))
		return false;
	struct rules_verdict verdict = github_rules_judge(rules, found != NULL);
	bool refused = verdict.refused && !is_bypassed(access, project, &verdict);
	if (found)
		fill_existing(found, rules, verdict.refused, refused, project, ret);
	else
		fill_missing(&verdict, rules != NULL, refused, ret);
	return true;
}
