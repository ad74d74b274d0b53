#include "git_clone.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "alloc.h"
#include "git_fetch.h"
#include "git_mirror.h"

enum { TICK_MS = 11 /* of the slowest kernel's clock, by which files are stamped */ };

static bool set_config(git_config *config, const char *name, const char *value, struct error *err)
{
	int code = value ? git_config_set_string(config, name, value) : 0;

	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The workspace's repository cannot be configured.", err);
}

/* For git without arguments: it pulls from where the session started, and pushes to the session's branch. */
static bool configure_branch(git_config *config, const struct git_clone *clone, struct error *err)
{
	CLEANUP(freep) char *remote = xasprintf("branch.%s.remote", clone->work_branch);
	CLEANUP(freep) char *merge = xasprintf("branch.%s.merge", clone->work_branch);
	CLEANUP(freep) char *start = xasprintf("refs/heads/%s", clone->start_branch ? clone->start_branch : clone->work_branch);

	return set_config(config, remote, "origin", err) && set_config(config, merge, start, err) &&
	       set_config(config, "push.default", "current", err);
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
	       set_config(config, "user.email", clone->commit_email, err) && configure_branch(config, clone, err);
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
	return configure(*ret, clone, err) &&
	       (!clone->objects || git_borrow_objects(git_repository_path(*ret), clone->objects, err));
}

/* refs/remotes/origin/<branch>. Caller frees. */
static char *remote_branch(const char *branch)
{
	return xasprintf("refs/remotes/origin/%s", branch);
}

/* The mirror's branch as if it had been fetched here; a fetch of another one builds on it. */
static bool adopt(git_repository *repository, const struct git_clone *clone, struct error *err)
{
	CLEANUP(git_reference_freep) git_reference *reference = NULL;
	CLEANUP(freep) char *name = remote_branch(clone->mirrored_branch);
	git_oid id;
	int code = git_oid_fromstr(&id, clone->mirrored_commit);

	if (code == 0)
		code = git_reference_create(&reference, repository, name, &id, 0, "from the shared copy");
	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The shared copy of the repository cannot be used.", err);
}

bool git_clone_fetches(const struct git_clone *clone)
{
	return clone->start_branch && !(clone->objects && strcmp(clone->start_branch, clone->mirrored_branch) == 0);
}

/* The commit to start from, with all its objects. */
static bool obtain(git_repository *repository, const struct git_clone *clone, struct git_job_report *report, git_oid *ret,
                   struct error *err)
{
	CLEANUP(freep) char *name = remote_branch(clone->start_branch);
	const struct git_fetch fetch = {
	        .gate = clone->gate, .git_folder = git_repository_path(repository), .branch = clone->start_branch, .into = name};

	if (clone->objects && !adopt(repository, clone, err))
		return false;
	if (git_clone_fetches(clone) && !git_fetch_branch(&fetch, report, err))
		return false;
	int code = git_reference_name_to_id(ret, repository, name);
	return code == 0 || git_failure(code, ERR_GIT_FAILED, "The branch does not lead to a commit.", err);
}

static void on_checkout(const char *path, size_t done, size_t total, void *context)
{
	(void)path;
	/* libgit2 ignores what is said here; a caller that is gone takes this process along (process_begin_child). */
	(void)git_job_progress(context, "checkout", (int64_t)done, (int64_t)total, 0, done == total);
}

void git_settle_index(git_repository *repository)
{
	CLEANUP(freep) char *path = xasprintf("%sindex", git_repository_path(repository));

	poll(NULL, 0, TICK_MS);
	if (utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) != 0)
		errno = 0; /* an empty tree has none */
}

/* The branch exists at the fetched commit, HEAD leads to it, and its files are there. */
static bool check_out(git_repository *repository, const struct git_clone *clone, const git_oid *commit_id,
                      struct git_job_report *report, struct git_tree_survey *ret_survey, struct error *err)
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
	if (!git_survey_tree(repository, tree, GIT_LIMIT_FILES, GIT_LIMIT_BYTES, ret_survey, err))
		return false;
	code = git_reference_create(&reference, repository, branch, commit_id, 0, "start of the session");
	options.checkout_strategy = GIT_CHECKOUT_FORCE;
	options.disable_filters = 1; /* bytes as they are in the tree; saves an attribute look-up per file as well */
	options.progress_cb = on_checkout;
	options.progress_payload = report;
	if (code == 0)
		code = git_checkout_head(repository, &options);
	git_settle_index(repository);
	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The files of the repository cannot be written.", err);
}

bool git_clone_branch(const struct git_clone *clone, struct git_job_report *report, char ret_commit[COMMIT_SIZE],
                      struct git_tree_survey *ret_survey, struct error *err)
{
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	git_oid commit;

	if (!create(clone, &repository, err))
		return false;
	if (!clone->start_branch) {
		ret_commit[0] = '\0';
		return true;
	}
	if (!obtain(repository, clone, report, &commit, err) || !check_out(repository, clone, &commit, report, ret_survey, err))
		return false;
	git_oid_tostr(ret_commit, COMMIT_SIZE, &commit);
	return true;
}

/* Names come out of the repository, in whatever bytes. */
static void set_name(json_t *result, const char *member, const char *name)
{
	json_t *text = json_string(name);

	json_object_set_new(result, member, text ? text : json_string("(unreadable name)"));
}

bool git_clone_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err)
{
	struct git_tree_survey survey = {0};
	char commit[COMMIT_SIZE];

	/* Every object was hashed when it was received, in this session or by the mirror; hashing it again costs a fifth of a
	 * checkout. */
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	if (!git_clone_branch(input, report, commit, &survey, err))
		return false;
	*ret_result = json_pack("{s:s, s:I, s:I}", "commit", commit, "pointers", (json_int_t)survey.pointers, "submodules",
	                        (json_int_t)survey.submodules);
	set_name(*ret_result, "firstPointer", survey.first_pointer);
	set_name(*ret_result, "firstSubmodule", survey.first_submodule);
	return true;
}
