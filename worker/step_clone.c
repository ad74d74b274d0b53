/*
 * step_clone — each repository into a folder of its own. One that cannot be cloned has failed by itself; only when none is left is
 * there nothing for an agent to do.
 */
#include "git_clone.h"
#include "session_run.h"

#include "alloc.h"

static void log_beginning(const struct session_run *run, const struct repository *r)
{
	CLEANUP(freep) char *instance = repository_instance(r);
	const char *title = repository_provider_title(r), *authority = strstr(r->clone_url, "://");

	session_log(run, LOG_INFO, r, NULL, "Cloning %s repository: %s", title, r->url);
	if (r->provider != PROVIDER_GITLAB)
		return;
	/* The token itself is with the gate; this says whose it is. */
	session_log(run, LOG_INFO, r, NULL, "[GitLab] Using token glpat-*** for user %s", r->username ? r->username : "(unknown)");
	if (instance)
		session_log(run, LOG_INFO, r, NULL, "[GitLab] API URL %s/api/v4", instance);
	if (authority)
		session_log(run, LOG_INFO, r, NULL, "[GitLab] Cloning %.*soauth2:***@%s", (int)(authority + 3 - r->clone_url),
		            r->clone_url, authority + 3);
}

/* The branch the agent works on: the one that will be pushed, or the one it starts from. */
static const char *work_branch(const struct repository *r)
{
	if (r->push_branch)
		return r->push_branch;
	if (r->start_branch)
		return r->start_branch;
	return r->default_branch ? r->default_branch : "main";
}

static bool clone_one(struct session_run *run, struct repository *r, struct error *err)
{
	CLEANUP(freep) char *path = workspace_repository(&run->workspace, r->name);
	CLEANUP(freep) char *gate_url = gate_repository_url(&run->gate, r->name);
	const char *start = r->start_branch ? r->start_branch : r->default_branch;
	const struct git_clone clone = {
	        .gate = {.url = gate_url, .credential = run->credential},
	        .path = path,
	        .clone_url = r->clone_url,
	        .start_branch = r->empty ? NULL : start,
	        .work_branch = work_branch(r),
	        .commit_name = r->commit_name,
	        .commit_email = r->commit_email,
	};
	json_t *result = NULL;

	log_beginning(run, r);
	progress_line(run->worker->progress, "Cloning %s repository: %s", repository_provider_title(r), r->url);
	if (!session_git(run, r, git_clone_job, &clone, "fetch", &result, err))
		return false;
	snprintf(r->start_commit, sizeof(r->start_commit), "%s", json_string_or(result, "commit", ""));
	json_decref(result);
	r->phase = REPOSITORY_READY;
	return true;
}

static bool clone_all(struct session_run *run, struct error *err)
{
	size_t cloned = 0;

	for (size_t i = 0; i < run->repositories.count; i++) {
		struct repository *r = &run->repositories.items[i];
		struct error failure = ERROR_INIT;
		r->phase = REPOSITORY_CLONING;
		if (!session_save(run, true, err))
			return false;
		if (clone_one(run, r, &failure)) {
			cloned++;
			continue;
		}
		if (failure.code == ERR_SESSION_LOST) {
			*err = failure;
			return false;
		}
		session_log(run, LOG_WARNING, r, &failure, "Clone failed: %s", r->url);
		repository_fail(r, &failure);
	}
	session_status_condition(&run->status, "RepositoriesCloned", cloned == run->repositories.count,
	                         cloned == run->repositories.count ? "AllCloned" : "SomeFailed", "%zu of %zu", cloned,
	                         run->repositories.count);
	if (cloned == 0)
		*err = run->repositories.items[0].error;
	return cloned > 0;
}

/* What the record of a finished agent says about where each repository started, or that it never got that far. */
static void restore(struct session_run *run)
{
	const json_t *list = json_object_get(run->record, "repositories");

	for (size_t i = 0; i < run->repositories.count; i++) {
		struct repository *r = &run->repositories.items[i];
		const json_t *saved = json_object_get(list, r->name);
		const char *start = json_string_or(saved, "start", NULL);
		if (start && strlen(start) < COMMIT_SIZE) {
			snprintf(r->start_commit, sizeof(r->start_commit), "%s", start);
			r->phase = REPOSITORY_READY;
		} else {
			struct error failure = ERROR_INIT;
			error_from_json(json_object_get(saved, "error"), &failure);
			repository_fail(r, &failure);
		}
	}
}

bool step_clone(struct session_run *run, struct error *err)
{
	if (run->record) {
		restore(run);
		session_log(run, LOG_INFO, NULL, NULL, "An earlier worker's agent has finished: going on with commit and push");
		return true;
	}
	return session_enter(run, PHASE_CLONING, "Cloning the repositories.", err) && workspace_create(&run->workspace, err) &&
	       clone_all(run, err);
}
