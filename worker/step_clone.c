/*
 * step_clone — each repository into a folder of its own. One that cannot be cloned has failed by itself; only when none is left is
 * there nothing for an agent to do.
 */
#include "git_clone.h"
#include "git_fetch.h"
#include "session_mirror.h"
#include "session_record.h"

#include "alloc.h"

static void log_beginning(const struct session_run *run, const struct repository *r)
{
	const char *title = repository_provider_title(r), *authority = strstr(r->clone_url, "://");

	session_log(run, LOG_INFO, r, NULL, "Cloning %s repository: %s", title, r->url);
	if (r->credential)
		session_log(run, LOG_INFO, r, NULL, "[%s] Using %s", title, r->credential);
	if (r->api_base)
		session_log(run, LOG_INFO, r, NULL, "[%s] API URL %s", title, r->api_base);
	if (authority && r->git_user)
		session_log(run, LOG_INFO, r, NULL, "[%s] Cloning %.*s%s:***@%s", title, (int)(authority + 3 - r->clone_url),
		            r->clone_url, r->git_user, authority + 3);
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

/* What the checked-out files are not, and their user may take them for. */
static void warn(struct repository *r, const json_t *result)
{
	long long pointers = json_int_or(result, "pointers", 0), submodules = json_int_or(result, "submodules", 0);

	if (pointers > 0)
		repository_warn(
		        r, "git_lfs_pointers", "%lld %s Git LFS: only %s in the workspace, not the contents (first: %.200s).",
		        pointers, pointers == 1 ? "file is kept in" : "files are kept in",
		        pointers == 1 ? "its pointer is" : "their pointers are", json_string_or(result, "firstPointer", ""));
	if (submodules > 0)
		repository_warn(r, "submodules_not_fetched", "%lld %s not fetched: the %s empty (first: %.200s).", submodules,
		                submodules == 1 ? "submodule is" : "submodules are",
		                submodules == 1 ? "folder stays" : "folders stay", json_string_or(result, "firstSubmodule", ""));
}

static bool clone_once(struct session_run *run, struct repository *r, const char *path, bool borrow, struct error *err)
{
	CLEANUP(freep) char *gate_url = gate_repository_url(&run->gate, r->name);
	const char *start = r->start_branch ? r->start_branch : r->default_branch;
	char mirrored_commit[COMMIT_SIZE] = "";
	json_t *result = NULL;

	if (borrow && !session_mirror_refresh(run, r, mirrored_commit, err))
		return false;
	const struct git_clone clone = {
	        .gate = {.url = gate_url, .credential = run->credential},
	        .path = path,
	        .clone_url = r->clone_url,
	        .start_branch = r->empty ? NULL : start,
	        .objects = r->mirror,
	        .mirrored_branch = r->mirror ? r->default_branch : NULL,
	        .mirrored_commit = mirrored_commit,
	        .work_branch = work_branch(r),
	        .commit_name = r->commit_name,
	        .commit_email = r->commit_email,
	};
	const struct session_job job = {
	        .work = git_clone_job, .input = &clone, .operation = "fetch", .runs_git = git_clone_fetches(&clone)};
	if (!session_job_run(run, r, &job, &result, err))
		return false;
	snprintf(r->start_commit, sizeof(r->start_commit), "%s", json_string_or(result, "commit", ""));
	warn(r, result);
	json_decref(result);
	r->phase = REPOSITORY_READY;
	return true;
}

bool session_clone(struct session_run *run, struct repository *r, const char *path, bool borrow, struct error *err)
{
	log_beginning(run, r);
	progress_line(run->worker->progress, "Cloning %s repository: %s", repository_provider_title(r), r->url);
	if (clone_once(run, r, path, borrow, err))
		return true;
	if (!git_found_disk_full(err) || !remove_tree(path, err) || !session_mirror_make_room(run))
		return false;
	session_log(run, LOG_WARNING, r, err, "The disk was full: shared copies that nobody uses were removed");
	*err = (struct error)ERROR_INIT;
	return clone_once(run, r, path, borrow, err);
}

static bool clone_all(struct session_run *run, struct error *err)
{
	size_t cloned = 0;

	for (size_t i = 0; i < run->repositories.count; i++) {
		struct repository *r = &run->repositories.items[i];
		CLEANUP(freep) char *path = workspace_repository(&run->workspace, r->name);
		struct error failure = ERROR_INIT;
		r->phase = REPOSITORY_CLONING;
		if (!session_save(run, true, err))
			return false;
		if (session_clone(run, r, path, true, &failure)) {
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

bool step_clone(struct session_run *run, struct error *err)
{
	if (run->record) {
		session_record_take_repositories(run);
		session_name_recorded_clones(run);
		session_log(run, LOG_INFO, NULL, NULL,
		            run->resumes ? "There is something to do for a session that waits"
		                         : "Going on where an earlier worker stopped");
		return true;
	}
	return session_enter(run, PHASE_CLONING, "Cloning the repositories.", err) && workspace_create(&run->workspace, err) &&
	       clone_all(run, err);
}
