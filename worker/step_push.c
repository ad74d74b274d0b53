/*
 * step_push — commits what changed and pushes it, each repository for itself. What cannot be pushed stays in the workspace as a
 * commit.
 */
#include "git_commit.h"
#include "git_push.h"
#include "session_run.h"

#include "alloc.h"
#include "caps.h"

/* What an agent may have taken for a part of its work. */
static void warn_of_left(struct repository *r, const json_t *result)
{
	long long nested = json_int_or(result, "nested", 0), branches = json_int_or(result, "left", 0);

	if (nested > 0)
		repository_warn(r, "nested_repositories", "%lld %s not committed (first: %.200s).", nested,
		                nested == 1 ? "folder is a repository of its own, and is"
		                            : "folders are repositories of their own, and are",
		                json_string_or(result, "firstNested", ""));
	if (branches > 0)
		repository_warn(r, "commits_left", "The agent left commits that are not pushed on %lld other %s (first: %.200s).",
		                branches, branches == 1 ? "branch" : "branches", json_string_or(result, "firstLeft", ""));
}

static bool commit_one(struct session_run *run, struct repository *r, bool *ret_changed, struct error *err)
{
	CLEANUP(freep) char *path = workspace_repository(&run->workspace, r->name);
	CLEANUP(strbuf_release) struct strbuf message = STRBUF_INIT(4096);
	const char *name = r->commit_name ? r->commit_name : run->row->owner;
	CLEANUP(freep)
	char *email = r->commit_email ? xstrdup(r->commit_email)
	                              : xasprintf("%s@users.noreply.invalid", r->username ? r->username : "acp");
	json_t *result = NULL;

	commit_message_write(run->spec.display_name, run->spec.description, run->row->name, &message);
	const struct git_commit_work work = {.path = path,
	                                     .branch = r->push_branch,
	                                     .start_commit = r->start_commit,
	                                     .name = name,
	                                     .email = email,
	                                     .message = message.data,
	                                     .objects = r->mirror,
	                                     .origin = r->clone_url};
	if (!session_git(run, r, git_commit_job, &work, "commit", &result, err))
		return false;
	*ret_changed = json_bool_or(result, "changed", false);
	if (*ret_changed)
		snprintf(r->commit, sizeof(r->commit), "%s", json_string_or(result, "commit", ""));
	repository_warn_of_ci(r, result);
	warn_of_left(r, result);
	json_decref(result);
	return true;
}

/* The line, not the remote: it has refused nothing, asks nobody to wait, and does not have the commit (git_push.h asks it). */
static bool broke_off(const struct error *failure)
{
	return failure->code == ERR_PUSH_INTERRUPTED || failure->code == ERR_INSTANCE_UNREACHABLE;
}

static bool send_branch(struct session_run *run, struct repository *r, const struct git_push *push, json_t **ret_result,
                        struct error *err)
{
	if (session_git(run, r, git_push_job, push, "push", ret_result, err))
		return true;
	if (!broke_off(err))
		return false;
	session_log(run, LOG_WARNING, r, err, "The push is tried once more: %s", r->url);
	return session_git(run, r, git_push_job, push, "push", ret_result, err);
}

static bool push_one(struct session_run *run, struct repository *r, struct error *err)
{
	CLEANUP(freep) char *path = workspace_repository(&run->workspace, r->name);
	CLEANUP(freep) char *gate_url = gate_repository_url(&run->gate, r->name);
	const struct git_push push = {
	        .gate = {.url = gate_url, .credential = run->credential},
	        .path = path,
	        .branch = r->push_branch,
	        .commit = r->commit,
	        .web_url = r->web_url,
	        .project_path = r->project_path,
	        .provider = r->provider,
	};
	json_t *result = NULL;

	r->phase = REPOSITORY_PUSHING;
	if (!session_save(run, true, err) || !send_branch(run, r, &push, &result, err))
		return false;
	set_string(&r->merge_request_url, json_string_or(result, "mergeRequestUrl", NULL));
	json_decref(result);
	r->phase = REPOSITORY_PUSHED;
	return session_merge_request(run, r, err);
}

/* Where the workspace has nothing new, the session's agent or pod may have pushed by itself. */
static bool look_for_push(struct session_run *run, struct repository *r, struct error *err)
{
	bool pushed = false;

	if (!session_find_pushed(run, r, &pushed, err))
		return false;
	r->phase = pushed ? REPOSITORY_PUSHED : REPOSITORY_UNCHANGED;
	return !pushed || session_merge_request(run, r, err);
}

/* Commit and push of one repository; what goes wrong is recorded in it. False only when the session is to be left. */
static bool deliver(struct session_run *run, struct repository *r, struct error *err)
{
	struct error failure = ERROR_INIT;
	bool changed = false;

	if (!r->push_branch) { /* asked for reading only */
		r->phase = REPOSITORY_UNCHANGED;
		return true;
	}
	if (commit_one(run, r, &changed, &failure) && (changed ? push_one(run, r, &failure) : look_for_push(run, r, &failure))) {
		bool pushed = r->phase == REPOSITORY_PUSHED;
		const char *where = pushed && r->branch_url ? r->branch_url : r->url;
		session_log(run, LOG_INFO, r, NULL, pushed ? "Push succeeded: %s" : "Nothing to push: %s", where);
		progress_line(run->worker->progress, pushed ? "Push succeeded: %s" : "Nothing to push: %s", where);
		return true;
	}
	if (failure.code == ERR_SESSION_LOST) {
		*err = failure;
		return false;
	}
	session_log(run, LOG_WARNING, r, &failure, "Push failed: %s", r->url);
	repository_fail(r, &failure);
	if (failure.code == ERR_PUSH_NOT_FAST_FORWARD)
		(void)session_tell_pushed(run, r);
	return true;
}

static void conclude(struct session_run *run)
{
	size_t failed = 0, pushed = 0;

	for (size_t i = 0; i < run->repositories.count; i++) {
		failed += run->repositories.items[i].phase == REPOSITORY_FAILED;
		pushed += run->repositories.items[i].phase == REPOSITORY_PUSHED;
	}
	session_status_condition(&run->status, "RepositoriesPushed", failed == 0,
	                         failed   ? "SomeFailed"
	                         : pushed ? "Pushed"
	                                  : "NothingChanged",
	                         "%zu pushed, %zu failed", pushed, failed);
	session_merge_requests_conclude(run);
}

/* What a busy store does not forget now is pushed once more. */
static bool clear_request(struct session_run *run, struct error *err)
{
	struct error failure = ERROR_INIT;

	if (run->store.ops->clear_push(run->store.state, run->row->id, run->row->attempt, &failure))
		return true;
	if (failure.code == ERR_SESSION_LOST) {
		*err = failure;
		return false;
	}
	session_log(run, LOG_WARNING, NULL, &failure, "The push request could not be cleared");
	return true;
}

bool step_push(struct session_run *run, struct error *err)
{
	/* From this phase on nothing joins or leaves; a push that is asked for from now on is another one (session_run). */
	if (!session_enter(run, PHASE_PUSHING, "Committing and pushing the changes.", err) || !clear_request(run, err) ||
	    !session_follow_last(run, err))
		return false;
	for (size_t i = 0; i < run->repositories.count; i++) {
		struct repository *r = &run->repositories.items[i];
		if (r->phase == REPOSITORY_FAILED)
			continue;
		if (!deliver(run, r, err) || !session_save(run, false, err))
			return false;
	}
	conclude(run);
	return true;
}
