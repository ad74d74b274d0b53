#include "git_pushed.h"

#include "alloc.h"
#include "git_ci_changes.h"

/* Where the connected remote has the ref; false: it has none. */
static bool tip_of(git_remote *remote, const char *ref, git_oid *ret)
{
	const git_remote_head **heads = NULL;
	size_t count = 0;

	if (git_remote_ls(&heads, &count, remote) != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(heads[i]->name, ref) == 0) {
			git_oid_cpy(ret, &heads[i]->oid);
			return true;
		}
	return false;
}

static int on_receiving(const git_indexer_progress *stats, void *context)
{
	if (stats->received_bytes > GIT_LIMIT_BYTES || stats->total_objects > GIT_LIMIT_OBJECTS)
		return GIT_EUSER;
	return git_job_progress(context, "receiving", stats->received_objects, stats->total_objects, (int64_t)stats->received_bytes,
	                        false)
	               ? 0
	               : GIT_EUSER;
}

/* Its commits, with their trees and files; no branch of the workspace moves. */
static bool bring(git_remote *remote, const char *ref, const struct git_gate *gate, struct git_job_report *report,
                  struct error *err)
{
	CLEANUP(git_headers_release) struct git_headers headers = {0};
	CLEANUP(freep) char *refspec = xasprintf("%s:refs/acp/pushed", ref);
	git_strarray refspecs = {.strings = &refspec, .count = 1};
	git_fetch_options options = GIT_FETCH_OPTIONS_INIT;

	git_headers_make(&headers, gate);
	options.custom_headers = headers.array;
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	options.proxy_opts.type = GIT_PROXY_NONE;
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.callbacks.transfer_progress = on_receiving;
	options.callbacks.payload = report;
	int code = git_remote_download(remote, &refspecs, &options);
	return code == 0 || git_failure(code, ERR_GIT_FAILED, "The session's branch could not be fetched.", err);
}

/* The newest of those sent that is the tip, or, where the tip's history is here, is in it; NULL: none. */
static const char *arrived(git_repository *repository, const struct git_pushed *pushed, const git_oid *tip, bool have_history)
{
	for (size_t i = 0; i < pushed->sent_count; i++) {
		git_oid id;
		if (git_oid_fromstr(&id, pushed->sent[i]) != 0)
			continue;
		if (git_oid_equal(&id, tip) || (have_history && git_graph_descendant_of(repository, tip, &id) == 1))
			return pushed->sent[i];
	}
	return NULL;
}

static bool add_ci_changes(git_repository *repository, const struct git_pushed *pushed, const char *tip, json_t *result,
                           struct error *err)
{
	json_t *paths = NULL;
	size_t count = 0;

	if (!git_ci_changes(repository, pushed->start_commit, tip, &paths, &count, err))
		return false;
	if (count > 0)
		json_object_update_new(result, json_pack("{s:O, s:I}", "ciPaths", paths, "ciCount", (json_int_t)count));
	json_decref(paths);
	return true;
}

/* That the branch is at a commit which was sent is proof enough; what it changed is told if it can be fetched. */
static bool judge(git_repository *repository, git_remote *remote, const char *ref, const struct git_pushed *pushed,
                  struct git_job_report *report, const git_oid *tip, json_t *result, struct error *err)
{
	struct error failure = ERROR_INIT;
	char commit[COMMIT_SIZE];
	bool brought = bring(remote, ref, &pushed->gate, report, &failure);
	const char *sent = arrived(repository, pushed, tip, brought);

	if (!sent && !brought) {
		*err = failure;
		return false;
	}
	git_oid_tostr(commit, sizeof(commit), tip);
	json_object_set_new(result, "commit", json_string(commit));
	json_object_set_new(result, "arrived", json_boolean(sent));
	if (sent)
		json_object_set_new(result, "sent", json_string(sent));
	return !sent || !brought || add_ci_changes(repository, pushed, commit, result, err);
}

bool git_pushed_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err)
{
	const struct git_pushed *pushed = input;
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	CLEANUP(git_remote_freep) git_remote *remote = NULL;
	CLEANUP(freep) char *ref = xasprintf("refs/heads/%s", pushed->branch);
	git_oid tip;

	if (!git_open_workspace(pushed->path, &repository, err) || !git_gate_remote(repository, &pushed->gate, &remote, err) ||
	    !git_gate_connect(remote, GIT_DIRECTION_FETCH, &pushed->gate, err))
		return false;
	json_t *result = json_pack("{s:b}", "arrived", false);
	if (tip_of(remote, ref, &tip) && !judge(repository, remote, ref, pushed, report, &tip, result, err)) {
		json_decref(result);
		return false;
	}
	*ret_result = result;
	return true;
}
