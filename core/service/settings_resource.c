#include "settings_resource.h"

#include <string.h>

#include "resource_condition.h"

/* ---- Conditions ---- */

/* `message` is taken over. */
static void add_condition(const struct settings_view *view, json_t *conditions, const char *type, const char *state,
                          const char *reason, json_t *message)
{
	json_t *condition =
	        resource_condition_new(json_object_get(view->object, "status"), type, state, reason, message, view->now);

	json_object_set_new(condition, "observedGeneration",
	                    json_integer(json_int_or(json_object_get(view->object, "metadata"), "generation", 0)));
	json_array_append_new(conditions, condition);
}

static void tell_kept(const struct settings_view *view, json_t *conditions)
{
	if (view->refused->code != ERR_NONE)
		add_condition(view, conditions, "RepositoriesKept", "False", "Refused", json_string(view->refused->message));
	else
		add_condition(view, conditions, "RepositoriesKept", "True", "Kept",
		              json_sprintf("%zu repositories are the project's.", json_array_size(view->entries)));
}

static void tell_access(const struct settings_view *view, json_t *conditions, const json_t *findings)
{
	static const char type[] = "RepositoriesAccessible";
	const char *who = view->access ? view->access->checked_by : "";
	size_t count = json_array_size(view->entries), accessible = 0, unknown = 0, i;
	json_t *one;

	if (json_array_size(view->entries) == 0)
		return;
	if (!who[0]) {
		add_condition(view, conditions, type, "Unknown", "EditorUnverified",
		              json_string("Who wrote the list is not proven, so that nobody's account is used to look at it."));
		return;
	}
	if (!findings) {
		add_condition(view, conditions, type, "Unknown", "NotChecked",
		              json_sprintf("The repositories have not been looked at yet with the account of %s.", who));
		return;
	}
	json_array_foreach(findings, i, one)
	{
		accessible += json_bool_or(one, "accessible", false);
		unknown += !json_object_get(one, "accessible");
	}
	add_condition(view, conditions, type,
	              accessible == count             ? "True"
	              : accessible + unknown == count ? "Unknown"
	                                              : "False",
	              accessible == count             ? "AllAccessible"
	              : accessible + unknown == count ? "ServerUnreachable"
	                                              : "NotAllAccessible",
	              json_sprintf("%zu of %zu with the account of %s, who wrote the list.", accessible, count, who));
}

/* ---- Repositories ---- */

/* What was kept of one; a provider that nobody could tell is the reader's to set. */
static json_t *shown_entry(const json_t *entry)
{
	const char *provider = json_string_or(entry, "provider", NULL);
	struct error unknown = ERROR_INIT;
	json_t *one = json_pack("{s:s}", "url", json_string_or(entry, "url", ""));

	if (provider) {
		json_object_set_new(one, "provider", json_string(provider));
		return one;
	}
	error_set(&unknown, ERR_PROVIDER_UNKNOWN, "The address does not tell whether it is GitLab or GitHub.");
	json_object_set_new(one, "code", json_string(error_name(unknown.code)));
	json_object_set_new(one, "message", json_string(unknown.message));
	json_object_set_new(one, "remediation", json_string(error_remediation(&unknown)));
	return one;
}

static void add_finding(json_t *shown, const struct project_access *access, const char *checked_at, const json_t *finding)
{
	static const char *const members[] = {"accessible", "reason", "message"};

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		json_t *member = json_object_get(finding, members[i]);

		if (member && !json_object_get(shown, members[i]))
			json_object_set(shown, members[i], member);
	}
	json_object_set_new(shown, "checkedBy", json_string(access->checked_by));
	json_object_set_new(shown, "checkedAt", json_string(checked_at));
}

json_t *settings_status(const struct settings_view *view)
{
	const char *kept = view->access ? view->access->findings : NULL;
	CLEANUP(json_decrefp) json_t *known = kept ? json_parse_answer(kept, strlen(kept)) : NULL;
	const json_t *findings = json_object_get(known, "repositories");
	json_t *conditions = json_array(), *repositories = json_array(), *entry;
	size_t i;

	/* Findings are of exactly these entries, in their order. */
	if (json_array_size(findings) != json_array_size(view->entries))
		findings = NULL;
	json_array_foreach(view->entries, i, entry)
	{
		json_t *shown = shown_entry(entry);

		if (view->access && findings)
			add_finding(shown, view->access, json_string_or(known, "checkedAt", ""), json_array_get(findings, i));
		json_array_append_new(repositories, shown);
	}
	tell_kept(view, conditions);
	tell_access(view, conditions, findings);
	return json_pack("{s:I, s:o, s:o}", "observedGeneration",
	                 (json_int_t)json_int_or(json_object_get(view->object, "metadata"), "generation", 0), "repositories",
	                 repositories, "conditions", conditions);
}

bool settings_status_is(const json_t *object, const json_t *wanted)
{
	static const char *const members[] = {"observedGeneration", "repositories", "conditions"};
	const json_t *seen = json_object_get(object, "status");
	bool same = true;

	for (size_t i = 0; same && i < ARRAY_SIZE(members); i++)
		same = json_equal(json_object_get(seen, members[i]), json_object_get(wanted, members[i]));
	return same;
}
