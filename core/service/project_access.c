#include "project_access.h"

#include <stdlib.h>

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "encoding.h"
#include "secret.h"

enum {
	TAKEN_S = 300, /* who dies over a list leaves it to the next for so long */
	AGAIN_S = 24 * 3600,
	AGAIN_JITTER_S = 3600,
};

static json_t *finding(const char *url, const bool *accessible, const char *reason, json_t *message)
{
	json_t *one = json_pack("{s:s, s:s, s:o}", "url", url, "reason", reason, "message", message);

	if (accessible)
		json_object_set_new(one, "accessible", json_boolean(*accessible));
	return one;
}

/* Sentences of our own: a forge's words, a role or a project's name would tell more than the project is to know. */
json_t *project_access_finding(const char *url, const char *user_id, const struct check_report *report)
{
	const bool yes = true, no = false;

	if (check_is_valid(report))
		return finding(url, &yes, "Accessible", json_sprintf("%s can clone it and push to it.", user_id));
	/* The App may serve it, whose key is not everybody's: it is looked at where it is used. */
	if (report->failed == CHECK_CONNECTION && report->provider == PROVIDER_GITHUB)
		return finding(url, NULL, "NotChecked", json_sprintf("%s has connected no account that it belongs to.", user_id));
	switch (report->failed) {
	case CHECK_ADDRESS:
		return finding(url, &no, "AddressInvalid", json_string("The address is not one of a repository."));
	case CHECK_PROVIDER:
		return finding(url, &no, "ProviderUnknown",
		               json_string("The address does not tell whether it is GitLab or GitHub."));
	case CHECK_REACHABLE:
	case CHECK_TLS:
		return finding(url, NULL, "ServerUnreachable", json_string("The server could not be asked."));
	default:
		return finding(url, &no, "NoAccess",
		               json_sprintf("%s cannot clone it and push to it, or it does not exist; a report tells %s why.",
		                            user_id, user_id));
	}
}

static bool check_list(struct check_service *checks, const struct project_access *access, const json_t *entries, json_t *findings,
                       struct error *err)
{
	size_t count = json_array_size(entries);
	CLEANUP(freep) struct check_request *requests = xcalloc(count + 1, sizeof(*requests));
	CLEANUP(freep) struct check_report *reports = xcalloc(count + 1, sizeof(*reports));
	char id[37];

	make_uuid(id);
	for (size_t i = 0; i < count; i++) {
		const json_t *entry = json_array_get(entries, i);

		requests[i] = (struct check_request){.user_id = access->checked_by,
		                                     .project = access->project,
		                                     .url = json_string_or(entry, "url", ""),
		                                     .provider = json_string_or(entry, "provider", NULL),
		                                     .start_branch = json_string_or(entry, "branch", NULL),
		                                     .access = CHECK_ACCESS_WRITE,
		                                     .request_id = id};
	}
	bool checked = count == 0 || check_repositories(checks, requests, reports, count, err);
	for (size_t i = 0; i < count; i++) {
		if (checked)
			json_array_append_new(findings, project_access_finding(requests[i].url, access->checked_by, &reports[i]));
		check_report_release(&reports[i]);
	}
	return checked;
}

static int64_t next_time(void)
{
	uint32_t chance;

	random_bytes(&chance, sizeof(chance));
	return clock_now_s() + AGAIN_S + chance % AGAIN_JITTER_S;
}

static bool check_one(struct check_service *checks, const struct project_store *store, struct project_access *access,
                      struct error *err)
{
	CLEANUP(json_decrefp) json_t *entries = json_parse_answer(access->repositories, strlen(access->repositories));
	CLEANUP(json_decrefp) json_t *findings = json_array(), *kept = NULL;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4 * (size_t)LIMIT_BODY_DEFAULT);
	char now[CLOCK_TEXT_SIZE];

	if (!check_list(checks, access, entries, findings, err))
		return false;
	clock_format(clock_now_s(), now);
	kept = json_pack("{s:s, s:O}", "checkedAt", now, "repositories", findings);
	json_write(&text, kept);
	if (!strbuf_ok(&text))
		return error_set(err, ERR_INTERNAL, "What was found in a project is too large to be kept.");
	free(access->findings);
	access->findings = strbuf_detach(&text);
	return store->ops->access_found(store->state, access, next_time(), err);
}

bool project_access_check(struct check_service *checks, const struct project_store *store, size_t limit, size_t *ret_checked,
                          struct error *err)
{
	for (size_t i = 0; i < limit; i++) {
		CLEANUP(project_access_release) struct project_access access = PROJECT_ACCESS_INIT;
		bool found;

		if (!store->ops->access_take(store->state, clock_now_s() + TAKEN_S, &access, &found, err))
			return false;
		if (!found)
			return true;
		if (!check_one(checks, store, &access, err))
			return false;
		(*ret_checked)++;
	}
	return true;
}
