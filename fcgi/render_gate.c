#include "render_gate.h"

#include <stdlib.h>

#include "alloc.h"
#include "branch_name.h"
#include "clock.h"
#include "response.h"

static json_t *text_or_null(const char *text)
{
	return text ? response_text(text) : json_null();
}

static json_t *error_of(const struct error *failure)
{
	return json_pack("{s:s, s:o, s:o, s:i}", "code", error_name(failure->code), "message", response_text(failure->message),
	                 "remediation", response_text(error_remediation(failure)), "statusCode", error_status(failure->code));
}

/* The ordered checklist: true, false, or null for what could not run; the failed one says why. */
static json_t *checks_of(const struct check_report *report)
{
	json_t *list = json_array();

	for (unsigned name = 0; name < CHECK_COUNT; name++) {
		enum check_state state = report->states[name];
		json_t *ok = state == CHECK_NOT_RUN ? json_null() : json_boolean(state == CHECK_OK);
		json_t *check = json_pack("{s:s, s:o}", "name", check_name_text((enum check_name)name), "ok", ok);

		if (state == CHECK_FAILED && report->failure.code != ERR_NONE && report->failed == name) {
			json_object_set_new(check, "code", json_string(error_name(report->failure.code)));
			json_object_set_new(check, "message", response_text(report->failure.message));
			json_object_set_new(check, "remediation", response_text(error_remediation(&report->failure)));
		}
		json_array_append_new(list, check);
	}
	return list;
}

static void add_project(json_t *to, const struct session_repository *asked, const struct check_report *report)
{
	const struct gitlab_project *project = &report->project;
	bool found = project->path != NULL;
	CLEANUP(freep)
	char *branch_url = found && asked->push_branch && project->web_url
	                           ? branch_web_url(project->web_url, report->provider == PROVIDER_GITHUB, asked->push_branch)
	                           : NULL;

	json_object_set_new(to, "webUrl", text_or_null(project->web_url));
	json_object_set_new(to, "projectPath", text_or_null(project->path));
	json_object_set_new(to, "projectId", found ? json_integer(project->id) : json_null());
	json_object_set_new(to, "cloneUrl", text_or_null(project->clone_url));
	json_object_set_new(to, "defaultBranch", text_or_null(project->default_branch));
	json_object_set_new(to, "startBranch", text_or_null(report->start_branch));
	json_object_set_new(to, "empty", found ? json_boolean(project->empty) : json_null());
	json_object_set_new(to, "pushBranch", text_or_null(asked->push_branch));
	json_object_set_new(to, "branchUrl", text_or_null(branch_url));
}

/* Who commits: the connected account, under the address that GitLab shows or its usual private one. */
static json_t *identity_of(const struct check_report *report)
{
	const struct gitlab_account *account = &report->account;
	const char *name = account->name && *account->name ? account->name : account->username;
	CLEANUP(freep) char *private_email = NULL;

	if (!account->username)
		return json_null();
	if (!account->email || !*account->email)
		private_email = xasprintf("%s-%s@users.noreply.%s", account->id ? account->id : "0", account->username,
		                          report->instance.host ? report->instance.host : "localhost");
	return json_pack("{s:o, s:o}", "name", response_text(name), "email",
	                 response_text(private_email ? private_email : account->email));
}

static json_t *repository_of(const struct session_repository *asked, const struct check_report *report)
{
	const char *username = report->account.username ? report->account.username : report->connection.username;
	bool valid = report->failure.code == ERR_NONE;
	json_t *repository = json_pack("{s:o, s:o, s:s, s:b, s:b, s:o}", "name", response_text(asked->name), "url",
	                               response_text(asked->url), "provider", provider_name(report->provider), "valid", valid,
	                               "blocking", !valid && check_blocks_clone(report), "checks", checks_of(report));

	if (!valid)
		json_object_set_new(repository, "error", error_of(&report->failure));
	add_project(repository, asked, report);
	json_object_set_new(repository, "canPush", json_boolean(report->can_push));
	json_object_set_new(repository, "username", text_or_null(username));
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
		                      json_pack("{s:o, s:o, s:o, s:o, s:o, s:s}", "repository", text_or_null(outcome->repository),
		                                "operation", text_or_null(outcome->operation), "code", text_or_null(outcome->code),
		                                "message", text_or_null(outcome->message), "remediation",
		                                text_or_null(outcome->remediation), "at", at));
	}
	return json_pack("{s:o}", "outcomes", outcomes);
}
