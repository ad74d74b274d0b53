#include "session_resource.h"

#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "redact.h"
#include "resource_condition.h"
#include "session_service.h"

enum { TEXT_MAX = 256 * 1024 };

/* Everything that we write into a status, but `worker`, which is the controllers' own. */
static const char *const members[] = {"phase",        "message",    "observedGeneration", "startTime",      "completionTime",
                                      "repositories", "conditions", "notification",       "reconciledRepos"};
/* Of a session's status what a resource shows: the agent's output stays with us. */
static const char *const taken[] = {"message", "startTime", "completionTime", "repositories", "conditions", "notification"};

/* The platform's resources know the phases of its own operator. */
static const char *platform_phase(enum session_phase phase)
{
	switch (phase) {
	case PHASE_PENDING:
	case PHASE_OWNER_UNVERIFIED:
		return "Pending";
	case PHASE_PREFLIGHT:
	case PHASE_CLONING:
		return "Creating";
	case PHASE_RUNNING:
	case PHASE_PUSHING:
		return "Running";
	case PHASE_COMPLETED:
		return "Completed";
	case PHASE_PARTIALLY_COMPLETED:
	case PHASE_FAILED:
		return "Failed";
	case PHASE_STOPPED:
		return "Stopped";
	}
	return "Failed";
}

/* ---- Conditions ---- */

static void add_condition(const struct resource_view *view, json_t *status, const char *type, bool holds, const char *reason,
                          const char *message)
{
	json_t *conditions = json_object_get(status, "conditions");

	if (!conditions) {
		conditions = json_array();
		json_object_set_new(status, "conditions", conditions);
	}
	json_array_append_new(conditions, resource_condition_new(view->seen, type, holds ? "True" : "False", reason,
	                                                         json_string(message), view->now));
}

bool resource_was_accepted(const json_t *status)
{
	return resource_condition_is_true(status, "Accepted");
}

/* ---- A status ---- */

/* What the worker wrote is masked already; this is the last net before the text is for everyone who may read the resource. */
static void mask(json_t *value)
{
	const char *name;
	json_t *member;
	size_t i;

	if (json_is_string(value)) {
		CLEANUP(strbuf_release) struct strbuf masked = STRBUF_INIT(TEXT_MAX);

		redact(NULL, json_string_value(value), json_string_length(value), &masked);
		json_string_set(value, strbuf_ok(&masked) ? masked.data : "(too long to be shown)");
		return;
	}
	if (json_is_array(value)) {
		json_array_foreach(value, i, member) mask(member);
		return;
	}
	json_object_foreach(value, name, member) mask(member);
}

/* What the platform's page shows of repositories. */
static json_t *reconciled_repos(const json_t *repositories)
{
	json_t *entry, *list = json_array();
	size_t i;

	json_array_foreach(repositories, i, entry)
	{
		const char *phase = json_string_or(entry, "phase", "");
		const char *status = strcmp(phase, "Failed") == 0                                     ? "Failed"
		                     : strcmp(phase, "Pending") == 0 || strcmp(phase, "Cloning") == 0 ? "Cloning"
		                                                                                      : "Ready";
		json_t *one = json_pack("{s:s, s:s, s:s}", "url", json_string_or(entry, "url", ""), "name",
		                        json_string_or(entry, "name", ""), "status", status);

		if (json_object_get(entry, "branch"))
			json_object_set(one, "branch", json_object_get(entry, "branch"));
		json_array_append_new(list, one);
	}
	return list;
}

/* Its schema has no place for the notification, and with it for the links: the condition tells them. */
static void tell_notification(json_t *status)
{
	const char *text = json_string_or(status, "notification", "");
	json_t *completed = resource_condition(status, "Completed");

	if (text[0] && completed)
		json_object_set_new(completed, "message", json_string(text));
}

static void finish(const struct resource_view *view, json_t *status, enum session_phase phase)
{
	bool platform = view->shape == RESOURCE_PLATFORM;

	json_object_set_new(status, "phase", json_string(platform ? platform_phase(phase) : session_phase_name(phase)));
	json_object_set_new(status, "observedGeneration", json_integer(view->generation));
	if (platform)
		tell_notification(status);
	if (platform)
		json_object_set_new(status, "reconciledRepos", reconciled_repos(json_object_get(status, "repositories")));
	mask(status);
}

json_t *resource_status(const struct resource_view *view, const struct session_row *row)
{
	CLEANUP(json_decrefp) json_t *object = session_to_json(row);
	const json_t *shown = json_object_get(object, "status");
	json_t *status = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
		json_t *member = json_object_get(shown, taken[i]);

		if (member)
			json_object_set_new(status, taken[i], json_deep_copy(member));
	}
	add_condition(view, status, "OwnerVerified", true, "Stamped", row->owner);
	add_condition(view, status, "Accepted", true, "Created", "A session was made of this resource.");
	finish(view, status, session_shown_phase(row));
	return status;
}

json_t *resource_status_without(const struct resource_view *view, enum session_phase phase, const char *reason,
                                const struct error *why)
{
	CLEANUP(strbuf_release) struct strbuf message = STRBUF_INIT(4000);
	const char *remedy = error_remediation(why);
	json_t *status = json_object();

	strbuf_add_string(&message, why->message);
	if (remedy[0])
		strbuf_addf(&message, " %s", remedy);
	json_object_set_new(status, "message", json_string(message.data));
	if (phase == PHASE_OWNER_UNVERIFIED)
		add_condition(view, status, "OwnerVerified", false, reason, message.data);
	else
		add_condition(view, status, "Accepted", phase == PHASE_STOPPED, reason, message.data);
	if (session_phase_is_final(phase)) {
		char now[CLOCK_TEXT_SIZE];
		const char *since = json_string_or(view->seen, "completionTime", "");

		clock_format(view->now, now);
		json_object_set_new(status, "completionTime", json_string(since[0] ? since : now));
	}
	if (phase == PHASE_STOPPED && json_object_get(view->seen, "repositories"))
		json_object_set_new(status, "repositories", json_deep_copy(json_object_get(view->seen, "repositories")));
	finish(view, status, phase);
	return status;
}

json_t *resource_status_patch(const json_t *seen, const json_t *wanted)
{
	json_t *patch = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		json_t *have = json_object_get(seen, members[i]), *want = json_object_get(wanted, members[i]);

		if (want && !json_equal(have, want))
			json_object_set_new(patch, members[i], json_deep_copy(want));
		else if (!want && have)
			json_object_set_new(patch, members[i], json_null());
	}
	if (json_object_size(patch) > 0)
		return patch;
	json_decref(patch);
	return NULL;
}
