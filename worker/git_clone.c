#include "git_clone.h"

#include "alloc.h"

static bool set_config(git_config *config, const char *name, const char *value, struct error *err)
{
	int code = value ? git_config_set_string(config, name, value) : 0;

	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The workspace's repository cannot be configured.", err);
}

/* What git in the agent's hands and libgit2 in ours must agree on. */
static bool configure(git_repository *repository, const struct git_clone *clone, struct error *err)
{
	CLEANUP(git_config_freep) git_config *config = NULL;
	int code = git_repository_config(&config, repository);

	if (code != 0)
		return git_failure(code, ERR_WORKSPACE_FAILED, "The workspace's repository cannot be configured.", err);
	return set_config(config, "core.symlinks", "false",
	                  err) && /* a link in a tree becomes a file: nothing leads out of the workspace */
	       set_config(config, "core.hooksPath", "/dev/null", err) &&
	       set_config(config, "core.fsmonitor", "false", err) &&
	       set_config(config, "remote.origin.url", clone->clone_url, err) &&
	       set_config(config, "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*", err) &&
	       set_config(config, "user.name", clone->commit_name, err) &&
	       set_config(config, "user.email", clone->commit_email, err);
}

static bool create(const struct git_clone *clone, git_repository **ret, struct error *err)
{
	CLEANUP(freep) char *head = xasprintf("refs/heads/%s", clone->work_branch);
	git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;

	options.flags = GIT_REPOSITORY_INIT_NO_REINIT | GIT_REPOSITORY_INIT_MKDIR;
	options.initial_head = clone->work_branch;
	int code = git_repository_init_ext(ret, clone->path, &options);
	if (code == 0)
		code = git_repository_set_head(*ret,
		                               head); /* unborn for now: an empty repository gets its first commit on this branch */
	if (code != 0)
		return git_failure(code, ERR_WORKSPACE_FAILED, "The workspace's repository cannot be created.", err);
	return configure(*ret, clone, err);
}

static int on_transfer(const git_indexer_progress *stats, void *context)
{
	bool resolving = stats->total_objects > 0 && stats->received_objects == stats->total_objects;

	if (stats->received_bytes > GIT_LIMIT_BYTES || stats->total_objects > GIT_LIMIT_OBJECTS)
		return GIT_EUSER;
	bool heard = resolving && stats->total_deltas > 0
	                     ? git_job_progress(context, "resolving", stats->indexed_deltas, stats->total_deltas,
	                                        (int64_t)stats->received_bytes, false)
	                     : git_job_progress(context, "receiving", stats->received_objects, stats->total_objects,
	                                        (int64_t)stats->received_bytes, false);
	return heard ? 0 : GIT_EUSER;
}

static bool fetch(git_repository *repository, const struct git_clone *clone, struct git_job_report *report, struct error *err)
{
	CLEANUP(git_remote_freep) git_remote *remote = NULL;
	CLEANUP(git_headers_release) struct git_headers headers = {0};
	CLEANUP(freep) char *refspec = xasprintf("+refs/heads/%s:refs/remotes/origin/%s", clone->start_branch, clone->start_branch);
	git_strarray refspecs = {.strings = &refspec, .count = 1};
	git_fetch_options options = GIT_FETCH_OPTIONS_INIT;

	if (!git_gate_remote(repository, &clone->gate, &remote, err))
		return false;
	git_headers_make(&headers, &clone->gate);
	options.custom_headers = headers.array;
	options.follow_redirects = GIT_REMOTE_REDIRECT_NONE;
	options.proxy_opts.type = GIT_PROXY_NONE;
	options.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	options.update_fetchhead = 0;
	options.callbacks.transfer_progress = on_transfer;
	options.callbacks.payload = report;
	int code = git_remote_fetch(remote, &refspecs, &options, NULL);
	if (code == GIT_EUSER)
		return git_failure(code, ERR_WORKSPACE_FAILED, "The repository is larger than this service takes.", err);
	return code == 0 || git_failure(code, ERR_GIT_FAILED, "The repository could not be fetched.", err);
}

struct measure {
	git_odb *odb;
	uint64_t files, bytes, max_files, max_bytes;
};

/* Trees that refer to one another make a few kilobytes grow to millions of files, so each is counted as often as it would be
 * written. */
static int measure_entry(const char *root, const git_tree_entry *entry, void *context)
{
	struct measure *m = context;
	size_t size = 0, depth = 0;
	git_object_t type;

	if (git_tree_entry_type(entry) == GIT_OBJECT_TREE)
		for (const char *at = root; *at; at++)
			depth += *at == '/';
	if (git_tree_entry_type(entry) == GIT_OBJECT_BLOB &&
	    git_odb_read_header(&size, &type, m->odb, git_tree_entry_id(entry)) == 0)
		m->bytes += size;
	m->files++;
	return m->files > m->max_files || m->bytes > m->max_bytes || depth > GIT_LIMIT_TREE_DEPTH ? GIT_EUSER : 0;
}

bool git_measure_tree(git_repository *repository, const git_tree *tree, uint64_t max_files, uint64_t max_bytes, struct error *err)
{
	struct measure m = {.max_files = max_files, .max_bytes = max_bytes};
	int code = git_repository_odb(&m.odb, repository);

	if (code == 0)
		code = git_tree_walk(tree, GIT_TREEWALK_PRE, measure_entry, &m);
	git_odb_free(m.odb);
	if (code == GIT_EUSER)
		return error_set(err, ERR_WORKSPACE_FAILED, "The repository has more files than this service takes.");
	return code == 0 || git_failure(code, ERR_GIT_FAILED, "The repository's files cannot be read.", err);
}

static void on_checkout(const char *path, size_t done, size_t total, void *context)
{
	(void)path;
	/* libgit2 ignores what is said here; a caller that is gone takes this process along (process_begin_child). */
	(void)git_job_progress(context, "checkout", (int64_t)done, (int64_t)total, 0, done == total);
}

/* The branch exists at the fetched commit, HEAD leads to it, and its files are there. */
static bool check_out(git_repository *repository, const struct git_clone *clone, const git_oid *commit_id,
                      struct git_job_report *report, struct error *err)
{
	CLEANUP(freep) char *branch = xasprintf("refs/heads/%s", clone->work_branch);
	CLEANUP(git_reference_freep) git_reference *reference = NULL;
	CLEANUP(git_commit_freep) git_commit *commit = NULL;
	CLEANUP(git_tree_freep) git_tree *tree = NULL;
	git_checkout_options options = GIT_CHECKOUT_OPTIONS_INIT;

	int code = git_commit_lookup(&commit, repository, commit_id);
	if (code == 0)
		code = git_commit_tree(&tree, commit);
	if (code != 0)
		return git_failure(code, ERR_GIT_FAILED, "The branch does not lead to a commit.", err);
	if (!git_measure_tree(repository, tree, GIT_LIMIT_FILES, GIT_LIMIT_BYTES, err))
		return false;
	code = git_reference_create(&reference, repository, branch, commit_id, 0, "start of the session");
	options.checkout_strategy = GIT_CHECKOUT_FORCE;
	options.disable_filters = 1; /* bytes as they are in the tree; saves an attribute look-up per file as well */
	options.progress_cb = on_checkout;
	options.progress_payload = report;
	if (code == 0)
		code = git_checkout_head(repository, &options);
	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The files of the repository cannot be written.", err);
}

bool git_clone_branch(const struct git_clone *clone, struct git_job_report *report, char ret_commit[COMMIT_SIZE], struct error *err)
{
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	git_oid commit;

	if (!create(clone, &repository, err))
		return false;
	if (!clone->start_branch) {
		ret_commit[0] = '\0';
		return true;
	}
	if (!fetch(repository, clone, report, err))
		return false;
	CLEANUP(freep) char *fetched = xasprintf("refs/remotes/origin/%s", clone->start_branch);
	if (git_reference_name_to_id(&commit, repository, fetched) != 0)
		return error_set(err, ERR_BRANCH_NOT_FOUND, "The branch %s was not found in the repository.", clone->start_branch);
	if (!check_out(repository, clone, &commit, report, err))
		return false;
	git_oid_tostr(ret_commit, COMMIT_SIZE, &commit);
	return true;
}

bool git_clone_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err)
{
	char commit[COMMIT_SIZE];

	if (!git_clone_branch(input, report, commit, err))
		return false;
	*ret_result = json_pack("{s:s}", "commit", commit);
	return true;
}
