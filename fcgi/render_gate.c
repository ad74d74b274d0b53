#include "render_gate.h"

#include <stdlib.h>

#include "alloc.h"
#include "branch_name.h"
#include "caps.h"
#include "clock.h"
#include "response.h"

static json_t *error_of(const struct error *failure)
{
	return json_pack("{s:s, s:o, s:o, s:i}", "code", error_name(failure->code), "message", response_text(failure->message),
	                 "remediation", response_text(error_remediation(failure)), "statusCode", error_status(failure->code));
}

static void add_project(json_t *to, const struct session_repository *asked, const struct check_report *report)
{
	const struct forge_project *project = &report->project;
	bool found = project->path != NULL;
	const bool shown = found && asked->push_branch && project->web_url;
	CLEANUP(freep)
	char *branch_url = shown ? branch_web_url(project->web_url, report->provider == PROVIDER_GITHUB, asked->push_branch) : NULL;

	json_object_set_new(to, "webUrl", response_text(project->web_url));
	json_object_set_new(to, "projectPath", response_text(project->path));
	json_object_set_new(to, "projectId", found ? json_integer(project->id) : json_null());
	json_object_set_new(to, "cloneUrl", response_text(project->clone_url));
	json_object_set_new(to, "defaultBranch", response_text(project->default_branch));
	json_object_set_new(to, "startBranch", response_text(report->start_branch));
	json_object_set_new(to, "empty", found ? json_boolean(project->empty) : json_null());
	json_object_set_new(to, "pushBranch", response_text(asked->push_branch));
	json_object_set_new(to, "branchUrl", response_text(branch_url));
}

/* Who commits: the connected account, under the address that the forge shows or its usual private one. */
static json_t *identity_of(const struct check_report *report)
{
	const struct forge_account *account = &report->account;
	const struct instance_url *instance = &report->credential.instance;
	const char *name = account->name && *account->name ? account->name : account->username;
	CLEANUP(freep) char *private_email = NULL;

	if (!account->username)
		return json_null();
	/* Each forge's own form of a private address; it knows its users by it. */
	if (!account->email || !*account->email)
		private_email = xasprintf("%s%c%s@users.noreply.%s", account->id ? account->id : "0",
		                          report->provider == PROVIDER_GITHUB ? '+' : '-', account->username,
		                          instance->host ? instance->host : "localhost");
	return json_pack("{s:o, s:o}", "name", response_text(name), "email",
	                 response_text(private_email ? private_email : account->email));
}

/* For the worker's log: where the forge's API is, and what it is used with. */
static void add_access(json_t *to, const struct credential *credential)
{
	CLEANUP(strbuf_release) struct strbuf api = STRBUF_INIT((size_t)2 * LIMIT_URL_MAX);
	CLEANUP(freep) char *shown = NULL;

	if (!credential->forge)
		return;
	credential->forge->api_base(&credential->instance, &api);
	shown = credential_shown(credential);
	json_object_set_new(to, "apiBase", response_text(api.data));
	json_object_set_new(to, "gitUser", response_text(credential->forge->git_user));
	json_object_set_new(to, "credential", response_text(shown));
}

static json_t *repository_of(const struct session_repository *asked, const struct check_report *report)
{
	const char *username = report->account.username ? report->account.username : report->credential.connection.username;
	bool valid = check_is_valid(report);
	json_t *repository =
	        json_pack("{s:o, s:o, s:s, s:b, s:b, s:o}", "name", response_text(asked->name), "url", response_text(asked->url),
	                  "provider", provider_name(report->provider), "valid", valid, "blocking",
	                  !valid && check_blocks_clone(report), "checks", check_list_json(&report->checks));

	if (!valid) {
		struct error failure = report->failure;

		gate_tell_session(&failure);
		json_object_set_new(repository, "error", error_of(&failure));
	}
	add_project(repository, asked, report);
	add_access(repository, &report->credential);
	json_object_set_new(repository, "canPush", json_boolean(report->can_push));
	json_object_set_new(repository, "username", response_text(username));
	json_object_set_new(repository, "commit", identity_of(report));
	return repository;
}

json_t *render_preflight(const struct session_spec *spec, const struct check_report *reports)
{
	json_t *list = json_array();

	for (size_t i = 0; i < spec->repository_count; i++)
		json_array_append_new(list, repository_of(&spec->repositories[i], &reports[i]));
	return json_pack("{s:o}", "repositories", list);
}

json_t *render_outcomes(const struct gate_outcome_list *list)
{
	json_t *outcomes = json_array();

	for (size_t i = 0; i < list->count; i++) {
		const struct gate_outcome *outcome = &list->items[i];
		char at[CLOCK_TEXT_SIZE];

		clock_format(outcome->at, at);
		json_array_append_new(outcomes,
		                      json_pack("{s:o, s:o, s:o, s:o, s:o, s:s}", "repository", response_text(outcome->repository),
		                                "operation", response_text(outcome->operation), "code",
		                                response_text(outcome->code), "message", response_text(outcome->message),
		                                "remediation", response_text(outcome->remediation), "at", at));
	}
	return json_pack("{s:o}", "outcomes", outcomes);
}

json_t *render_merge_request(const struct forge_merge_request *request)
{
	json_t *shown = json_pack("{s:I, s:o, s:b}", "number", (json_int_t)request->number, "url", response_text(request->web_url),
	                          "existed", request->existed);

	if (request->unmarked.code != ERR_NONE)
		json_object_set_new(shown, "unmarked", error_of(&request->unmarked));
	return shown;
}
