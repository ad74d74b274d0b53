#include "session.h"

#include <string.h>

#include "ascii.h"
#include "caps.h"

static const char *const phase_names[] = {
        [PHASE_PENDING] = "Pending",     [PHASE_OWNER_UNVERIFIED] = "OwnerUnverified",
        [PHASE_PREFLIGHT] = "Preflight", [PHASE_CLONING] = "Cloning",
        [PHASE_RUNNING] = "Running",     [PHASE_PUSHING] = "Pushing",
        [PHASE_COMPLETED] = "Completed", [PHASE_PARTIALLY_COMPLETED] = "PartiallyCompleted",
        [PHASE_FAILED] = "Failed",       [PHASE_STOPPED] = "Stopped",
};

const char *session_phase_name(enum session_phase phase)
{
	return phase_names[phase];
}

bool session_phase_parse(const char *name, enum session_phase *ret)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(phase_names); i++) {
		if (strcmp(name, phase_names[i]) == 0) {
			*ret = (enum session_phase)i;
			return true;
		}
	}
	return false;
}

bool session_phase_is_final(enum session_phase phase)
{
	return phase == PHASE_COMPLETED || phase == PHASE_PARTIALLY_COMPLETED || phase == PHASE_FAILED || phase == PHASE_STOPPED;
}

/* RFC 1123 as Kubernetes reads it: lower-case letters, digits and hyphens between a letter or digit at both ends. */
static bool is_label(const char *text, size_t length, size_t max)
{
	if (length == 0 || length > max || text[0] == '-' || text[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!(text[i] >= 'a' && text[i] <= 'z') && !ascii_is_digit(text[i]) && text[i] != '-')
			return false;
	}
	return true;
}

bool project_name_is_valid(const char *name)
{
	return name && is_label(name, strlen(name), LIMIT_PROJECT_NAME_MAX);
}

bool session_name_is_valid(const char *name)
{
	if (!name || strlen(name) > LIMIT_SESSION_NAME_MAX)
		return false;
	while (true) {
		size_t length = strcspn(name, ".");
		if (!is_label(name, length, LIMIT_SESSION_NAME_MAX))
			return false;
		if (name[length] == '\0')
			return true;
		name += length + 1;
	}
}

static const char *headline(enum session_phase phase)
{
	switch (phase) {
	case PHASE_COMPLETED:
		return "AgenticSession completed successfully!";
	case PHASE_PARTIALLY_COMPLETED:
		return "AgenticSession completed partially.";
	case PHASE_FAILED:
		return "AgenticSession failed.";
	case PHASE_STOPPED:
		return "AgenticSession was stopped.";
	default:
		return NULL;
	}
}

void session_notification(enum session_phase phase, const struct session_outcome *outcomes, size_t count, struct strbuf *to)
{
	static const char *const places[] = {
	        [PROVIDER_UNKNOWN] = "", [PROVIDER_GITLAB] = " in GitLab", [PROVIDER_GITHUB] = " in GitHub"};
	const char *first_line = headline(phase);

	if (!first_line)
		return; /* not ended: there is nothing to tell yet */
	strbuf_add_string(to, first_line);
	for (size_t i = 0; i < count; i++) {
		if (outcomes[i].pushed)
			strbuf_addf(to, "\nView changes%s:\n%s", places[outcomes[i].provider], outcomes[i].branch_url);
	}
	for (size_t i = 0; i < count; i++) {
		if (outcomes[i].error)
			strbuf_addf(to, "\n%s: %s", outcomes[i].name, outcomes[i].error);
	}
}
