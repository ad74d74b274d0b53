/*
 * session_pushed — what a session's agent or pod pushed through the gate by itself, of which the workspace may know nothing. The
 * gate has written down which commits it let on their way; whether they arrived, the branch at the remote tells.
 */
#include "gate_branch.h"
#include "git_pushed.h"
#include "session_run.h"

#include "alloc.h"

enum { SHOWN = 12 /* digits of a commit in a sentence */ };

/* Whose refusal it was, nobody has written down: the last one is the likeliest. */
static void tell_missing(const struct session_run *run, struct repository *r, const struct id_list *sent)
{
	struct error refusal = ERROR_INIT;

	gate_client_explain(&run->gate, r->name, "push", run->status.start_time, &refusal);
	repository_warn(r, "push_missing",
	                "The session's agent sent %.*s to %s by itself, but the branch does not have it: it was refused, or "
	                "removed since.%s%s",
	                SHOWN, sent->items[0], r->push_branch,
	                refusal.code == ERR_NONE ? "" : " The last refusal: ", refusal.message);
}

/* As the job found it. */
static void take(struct session_run *run, struct repository *r, const struct id_list *sent, const json_t *found, bool *ret_pushed)
{
	const char *commit = json_string_or(found, "commit", NULL), *newest = json_string_or(found, "sent", "");

	*ret_pushed = commit && json_bool_or(found, "arrived", false);
	if (!*ret_pushed) {
		tell_missing(run, r, sent);
		return;
	}
	snprintf(r->commit, sizeof(r->commit), "%s", commit);
	if (strcmp(commit, newest) != 0)
		repository_warn(r, "branch_moved_on",
		                "Somebody else has pushed to %s since the session's agent pushed %.*s to it: it is at %.*s.",
		                r->push_branch, SHOWN, newest, SHOWN, commit);
	repository_warn_of_ci(r, found);
	session_log(run, LOG_INFO, r, NULL, "The session's agent has pushed by itself: %s", commit);
}

bool session_find_pushed(struct session_run *run, struct repository *r, bool *ret_pushed, struct error *err)
{
	CLEANUP(id_list_release) struct id_list sent = ID_LIST_INIT;
	CLEANUP(freep) char *path = workspace_repository(&run->workspace, r->name);
	CLEANUP(freep) char *gate_url = gate_repository_url(&run->gate, r->name);
	json_t *found = NULL;

	*ret_pushed = false;
	if (!run->store.ops->pushes(run->store.state, run->row->id, r->name, &sent, err))
		return false;
	if (sent.count == 0)
		return true;
	const struct git_pushed pushed = {
	        .gate = {.url = gate_url, .credential = run->credential},
	        .path = path,
	        .branch = r->push_branch,
	        .start_commit = r->start_commit,
	        .sent = sent.items,
	        .sent_count = sent.count,
	};
	if (!session_git(run, r, git_pushed_job, &pushed, "fetch", &found, err))
		return false;
	take(run, r, &sent, found, ret_pushed);
	json_decref(found);
	return true;
}

/* The branch is at this commit. */
static void tell(struct repository *r, const char *tip)
{
	repository_warn(r, "agent_pushed", "The session's agent pushed %.*s to %s by itself, and the branch has it.", SHOWN, tip,
	                r->push_branch);
	if (r->phase == REPOSITORY_FAILED) /* what is named there is what could not be pushed */
		return;
	snprintf(r->commit, sizeof(r->commit), "%s", tip);
	r->agent_pushed = true;
}

/* Which may have arrived, and nobody looks. */
static void tell_sent(struct repository *r, const struct id_list *sent)
{
	repository_warn(r, "push_unknown", "The session sent %.*s to %s; whether the branch has it, the server could not be asked.",
	                SHOWN, sent->items[0], r->push_branch);
}

void session_tell_sent(struct session_run *run, struct repository *r)
{
	CLEANUP(id_list_release) struct id_list sent = ID_LIST_INIT;

	if (r->push_branch && run->store.ops->pushes(run->store.state, run->row->id, r->name, &sent, NULL) && sent.count > 0)
		tell_sent(r, &sent);
}

enum session_pushed session_tell_pushed(struct session_run *run, struct repository *r)
{
	CLEANUP(id_list_release) struct id_list sent = ID_LIST_INIT;
	char tip[COMMIT_SIZE];

	if (!r->push_branch)
		return PUSHED_NOTHING;
	if (!run->store.ops->pushes(run->store.state, run->row->id, r->name, &sent, NULL))
		return PUSHED_UNKNOWN;
	if (sent.count == 0)
		return PUSHED_NOTHING;
	bool known = gate_branch_commit(&run->gate, r->name, r->push_branch, tip);
	if (!known)
		tell_sent(r, &sent);
	for (size_t i = 0; known && i < sent.count; i++)
		if (strcmp(sent.items[i], tip) == 0) {
			tell(r, tip);
			return PUSHED_THERE;
		}
	return PUSHED_UNKNOWN;
}
