/* Reports as the API shows them. */
#include "check.h"

#include "alloc.h"

/* Text from outside may hold anything; JSON takes UTF-8 alone. */
static json_t *text_or_null(const char *text)
{
	json_t *value = text ? json_string(text) : json_null();

	return value ? value : json_string("?");
}

static json_t *check_json(const struct check_list *list, enum check_name name)
{
	enum check_state state = list->states[name];
	const struct error *failure = list->errors[name];
	const struct check_note *note = list->notes[name];
	json_t *check = json_pack("{s:s, s:o}", "name", check_name_text(name), "ok",
	                          state == CHECK_NOT_RUN ? json_null() : json_boolean(state == CHECK_OK));

	if (failure) {
		json_object_set_new(check, "code", json_string(error_name(failure->code)));
		json_object_set_new(check, "message", text_or_null(failure->message));
		json_object_set_new(check, "remediation", text_or_null(error_remediation(failure)));
		if (failure->retry_after_s > 0)
			json_object_set_new(check, "retryAfter", json_integer(failure->retry_after_s));
	} else if (note) {
		json_object_set_new(check, "code", json_string(check_note_name(note->code)));
		json_object_set_new(check, "message", text_or_null(note->message));
	}
	return check;
}

json_t *check_list_json(const struct check_list *list)
{
	json_t *checks = json_array();

	for (unsigned name = 0; name < CHECK_COUNT; name++)
		json_array_append_new(checks, check_json(list, (enum check_name)name));
	return checks;
}

static json_t *role_json(const struct forge_project *project)
{
	if (!project->role)
		return json_null();
	return json_pack("{s:s, s:i}", "name", project->role, "accessLevel", project->access_level);
}

static json_t *ignored_json(unsigned ignored)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {
	        {REPO_URL_IGNORED_CREDENTIALS, "credentials"}, {REPO_URL_IGNORED_QUERY, "query"},
	        {REPO_URL_IGNORED_FRAGMENT, "fragment"},       {REPO_URL_IGNORED_PAGE, "page"},
	        {REPO_URL_IGNORED_SSH_PORT, "sshPort"},        {REPO_URL_IGNORED_SSH_USER, "sshUser"},
	};
	json_t *list = json_array();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (ignored & names[i].flag)
			json_array_append_new(list, json_string(names[i].name));
	}
	return list;
}

json_t *check_report_json(const struct check_report *report)
{
	const struct forge_project *project = &report->project;
	bool known = report->host != NULL, acts = report->credential.source != CREDENTIAL_NONE;
	json_t *json = json_pack("{s:b, s:s, s:o, s:o, s:o, s:o, s:o}", "valid", check_is_valid(report), "provider",
	                         provider_name(report->provider), "host", text_or_null(report->host), "projectPath",
	                         text_or_null(report->path), "webUrl", text_or_null(report->web_url), "cloneUrl",
	                         text_or_null(report->clone_url), "apiUrl", text_or_null(report->api_url));

	json_object_set_new(json, "defaultBranch", text_or_null(project->default_branch));
	json_object_set_new(json, "branch", text_or_null(report->start_branch));
	json_object_set_new(json, "role", role_json(project));
	/* Booleans: what was not proven cannot be relied on. */
	json_object_set_new(json, "can", json_pack("{s:b, s:b}", "read", report->can_read, "push", report->can_push));
	json_object_set_new(json, "account", acts ? text_or_null(credential_actor(&report->credential)) : json_null());
	json_object_set_new(json, "ignored", ignored_json(known ? report->url.ignored : 0));
	json_object_set_new(json, "checks", check_list_json(&report->checks));
	return json;
}
