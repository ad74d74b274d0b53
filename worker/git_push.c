#include "git_push.h"

#include "alloc.h"
#include "github_errors.h"
#include "gitlab_errors.h"
#include "sideband.h"

/* What the callbacks of one push learn. */
struct push_state {
	struct git_job_report *report;
	const char *ref; /* ours */
	struct sideband sideband;
	bool answered; /* the remote said something about our ref */
	char *reason;  /* why it refused; NULL: it did not */
};

static void push_state_release(struct push_state *s)
{
	sideband_release(&s->sideband);
	free(s->reason);
}

static int on_sideband(const char *bytes, int length, void *context)
{
	struct push_state *s = context;

	if (length > 0)
		sideband_add(&s->sideband, bytes, (size_t)length);
	return 0;
}

static int on_reference(const char *ref, const char *status, void *context)
{
	struct push_state *s = context;

	if (strcmp(ref, s->ref) != 0)
		return 0;
	s->answered = true;
	if (status)
		set_string(&s->reason, *status ? status : "refused");
	return 0;
}

static int on_sending(unsigned done, unsigned total, size_t bytes, void *context)
{
	struct push_state *s = context;

	return git_job_progress(s->report, "sending", done, total, (int64_t)bytes, false) ? 0 : GIT_EUSER;
}

/* Whether the connected remote says that the branch is at our commit. */
static bool remote_has(git_remote *remote, const char *ref, const char *commit)
{
	const git_remote_head **heads = NULL;
	size_t count = 0;

	if (git_remote_ls(&heads, &count, remote) != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(heads[i]->name, ref) == 0 && git_oid_streq(&heads[i]->oid, commit) == 0)
			return true;
	return false;
}

/* Those who read the remote's words alone: a whole struct forge would bring its API and all behind it into the worker. */
static bool refused(const struct git_push *push, const struct push_state *state, struct error *err)
{
	const char *said = state->sideband.text.data, *path = push->project_path ? push->project_path : "the repository";

	switch (push->provider) {
	case PROVIDER_GITLAB:
		return gitlab_classify_push(said, state->reason, push->branch, path, err);
	case PROVIDER_GITHUB:
		return github_classify_push(said, state->reason, push->branch, path, err);
	case PROVIDER_UNKNOWN:
		break;
	}
	return error_set(err, ERR_PUSH_REJECTED, "The remote rejected the push.");
}

static bool upload(git_remote *remote, const struct git_push *push, struct push_state *state, struct error *err)
{
	CLEANUP(git_headers_release) struct git_headers headers = {0};
	CLEANUP(freep) char *refspec = xasprintf("%s:%s", state->ref, state->ref); /* no '+': never forced */
	git_strarray refspecs = {.strings = &refspec, .count = 1};
	git_push_options options = GIT_PUSH_OPTIONS_INIT;

	git_headers_make(&headers, &push->gate);
	options.custom_headers = headers.array;
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	options.proxy_opts.type = GIT_PROXY_NONE;
	options.callbacks.sideband_progress = on_sideband;
	options.callbacks.push_update_reference = on_reference;
	options.callbacks.push_transfer_progress = on_sending;
	options.callbacks.payload = state;
	int code = git_remote_upload(remote, &refspecs, &options);
	sideband_finish(&state->sideband);
	/* Found here before anything is sent, it is what the remote would have said. */
	if (code == GIT_ENONFASTFORWARD)
		set_string(&state->reason, "non-fast-forward");
	if (state->reason)
		return refused(push, state, err);
	if (code != 0)
		return git_failure(code, ERR_PUSH_INTERRUPTED, "The push was interrupted.", err);
	return state->answered || error_set(err, ERR_PUSH_UNCONFIRMED, "The remote did not say whether it took the branch.");
}

static bool confirm(git_repository *repository, const struct git_push *push, const char *ref, struct error *err)
{
	CLEANUP(git_remote_freep) git_remote *remote = NULL;

	if (!git_gate_remote(repository, &push->gate, &remote, err) ||
	    !git_gate_connect(remote, GIT_DIRECTION_FETCH, &push->gate, err))
		return error_set(err, ERR_PUSH_UNCONFIRMED,
		                 "The push was sent, but the remote could not be asked whether the branch is there.");
	if (remote_has(remote, ref, push->commit))
		return true;
	return error_set(err, ERR_PUSH_UNCONFIRMED, "The push was sent, but the remote's branch is not at the pushed commit.");
}

/*
 * A push that failed may still have come true: of an earlier worker, killed when the remote had everything but the time to take it,
 * or of this one, whose answer was lost. The remote's branch decides.
 */
static bool deliver(git_repository *repository, git_remote *remote, const struct git_push *push, struct push_state *state,
                    struct error *err)
{
	struct error failure = ERROR_INIT;

	if (upload(remote, push, state, &failure))
		return confirm(repository, push, state->ref, err);
	if (confirm(repository, push, state->ref, NULL))
		return true;
	if (err)
		*err = failure;
	return false;
}

bool git_push_branch(const struct git_push *push, struct git_job_report *report, char **ret_merge_request_url, struct error *err)
{
	CLEANUP(freep) char *ref = xasprintf("refs/heads/%s", push->branch);
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	CLEANUP(git_remote_freep) git_remote *remote = NULL;
	CLEANUP(push_state_release) struct push_state state = {.report = report, .ref = ref};

	sideband_init(&state.sideband);
	if (!git_open_workspace(push->path, &repository, err) || !git_gate_remote(repository, &push->gate, &remote, err))
		return false;
	/* What may not be pushed to any more may have what was pushed before: the first branch of an empty repository is protected
	 * by it. */
	if (!git_gate_connect(remote, GIT_DIRECTION_PUSH, &push->gate, err))
		return confirm(repository, push, ref, NULL);
	/* There already: an earlier worker pushed it and did not live to say so, or the agent did it itself. */
	if (!remote_has(remote, ref, push->commit) && !deliver(repository, remote, push, &state, err))
		return false;
	*ret_merge_request_url = sideband_merge_request_url(&state.sideband, push->web_url);
	return true;
}

bool git_push_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err)
{
	CLEANUP(freep) char *merge_request_url = NULL;

	if (!git_push_branch(input, report, &merge_request_url, err))
		return false;
	*ret_result = json_object();
	if (merge_request_url)
		json_object_set_new(*ret_result, "mergeRequestUrl", json_string(merge_request_url));
	return true;
}
