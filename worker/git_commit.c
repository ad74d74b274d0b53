#include "git_commit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "alloc.h"
#include "file.h"
#include "git_ci_changes.h"
#include "git_left.h"
#include "git_mirror.h"
#include "working_copy.h"

enum { SUBJECT_MAX = 72, PARENTS_MAX = 16 };

void commit_message_write(const char *title, const char *description, const char *session, struct strbuf *to)
{
	const char *source = title && *title ? title : description ? description : "";

	source += strspn(source, " \t\r\n#");
	size_t length = strcspn(source, "\r\n");
	if (length > SUBJECT_MAX) {
		length = SUBJECT_MAX;
		while (length > 0 && ((unsigned char)source[length] & 0xc0) == 0x80) /* not within a character */
			length--;
	}
	if (length == 0)
		strbuf_addf(to, "Changes of the session %s", session);
	else
		strbuf_add(to, source, length);
	strbuf_addf(to, "\n\nAgenticSession: %s\n", session);
}

/*
 * A configuration can move the working copy (core.worktree), include any file, or come from elsewhere (commondir): the agent's is
 * replaced. The process is confined to the session's folder besides.
 */
static bool replace_config(const char *path, const char *objects, struct error *err)
{
	static const char config[] =
	        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n"
	        "\tsymlinks = false\n\thooksPath = /dev/null\n";
	static const char *const redirections[] = {"commondir", "config.worktree", "info/attributes", "objects/info/alternates",
	                                           "index.lock"};
	CLEANUP(freep) char *git_folder = xasprintf("%s/.git", path);
	CLEANUP(freep) char *config_path = xasprintf("%s/config", git_folder);
	struct stat info;

	if (lstat(git_folder, &info) != 0 || !S_ISDIR(info.st_mode))
		return error_set(err, ERR_WORKSPACE_FAILED, "The workspace's repository has lost its .git folder.");
	for (size_t i = 0; i < ARRAY_SIZE(redirections); i++) {
		CLEANUP(freep) char *redirection = xasprintf("%s/%s", git_folder, redirections[i]);
		unlink(redirection);
	}
	if (!file_write_atomically(config_path, config, sizeof(config) - 1, 0600, err))
		return error_set(err, ERR_WORKSPACE_FAILED, "The workspace's repository cannot be configured.");
	return !objects || git_borrow_objects(git_folder, objects, err);
}

static bool restore_origin(git_repository *repository, const char *origin, struct error *err)
{
	CLEANUP(git_config_freep) git_config *config = NULL;
	int code = origin ? git_repository_config(&config, repository) : 0;

	if (code == 0 && origin)
		code = git_config_set_string(config, "remote.origin.url", origin);
	if (code == 0 && origin)
		code = git_config_set_string(config, "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*");
	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The workspace's repository cannot be configured.", err);
}

/* What is being added, and how much. */
struct addition {
	git_repository *repository;
	struct git_left *left;
	uint64_t files, bytes;
};

static void leave_out(struct addition *a, const char *folder, const char *full)
{
	CLEANUP(freep) char *inner = xasprintf("%s/.git", full);
	size_t length = strlen(folder);
	struct stat info;

	if (lstat(inner, &info) != 0 || a->left->nested++ > 0)
		return;
	length -= length > 0 && folder[length - 1] == '/';
	snprintf(a->left->first_nested, sizeof(a->left->first_nested), "%.*s", (int)length, folder);
}

/*
 * Before a file is read. Repositories that the agent cloned into this one are left out: they would become links to commits nobody
 * else has. What would not be taken as a clone is not taken as a change either.
 */
static int judge_addition(const char *path, const char *matched, void *context)
{
	struct addition *a = context;
	CLEANUP(freep) char *full = xasprintf("%s%s", git_repository_workdir(a->repository), path);
	struct stat info;

	(void)matched;
	if (lstat(full, &info) != 0)
		return 0; /* deleted */
	if (S_ISDIR(info.st_mode)) {
		leave_out(a, path, full);
		return 1;
	}
	a->files++;
	a->bytes += (uint64_t)info.st_size;
	return a->files > GIT_LIMIT_FILES || a->bytes > GIT_LIMIT_BYTES ? GIT_EUSER : 0;
}

static bool write_tree(git_repository *repository, git_oid *ret, struct git_left *left, struct error *err)
{
	CLEANUP(git_index_freep) git_index *index = NULL;
	struct addition addition = {.repository = repository, .left = left};
	int code = git_repository_index(&index, repository);

	if (code == 0)
		code = git_index_read(index, 1);
	if (code == 0)
		code = git_index_add_all(index, NULL, GIT_INDEX_ADD_DEFAULT, judge_addition, &addition);
	if (code == 0)
		code = git_index_write(index);
	if (code == 0)
		code = git_index_write_tree(ret, index);
	if (code == GIT_EUSER)
		return error_set(err, ERR_WORKSPACE_FAILED, "The changes in the workspace are larger than this service takes.");
	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The changes in the workspace cannot be collected.", err);
}

struct parents {
	git_commit *items[PARENTS_MAX];
	size_t count;
	git_repository *repository;
};

static void parents_release(struct parents *p)
{
	for (size_t i = 0; i < p->count; i++)
		git_commit_free(p->items[i]);
}

static int add_parent(const git_oid *id, void *context)
{
	struct parents *p = context;

	if (p->count == PARENTS_MAX)
		return GIT_EUSER;
	int code = git_commit_lookup(&p->items[p->count], p->repository, id);
	p->count += code == 0;
	return code;
}

/* HEAD's commit, and those of a merge that the agent began and did not conclude. */
static bool collect_parents(git_repository *repository, struct parents *p, struct error *err)
{
	git_oid head;
	int code = git_reference_name_to_id(&head, repository, "HEAD");

	p->repository = repository;
	if (code == 0)
		code = add_parent(&head, p);
	if (code == 0 && git_repository_state(repository) == GIT_REPOSITORY_STATE_MERGE)
		code = git_repository_mergehead_foreach(repository, add_parent, p);
	if (code == GIT_ENOTFOUND) /* unborn */
		return true;
	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The state of the workspace's repository cannot be read.", err);
}

/* Whether this tree is what HEAD has already; without a HEAD, whether it is empty. */
static bool is_unchanged(git_repository *repository, const struct parents *p, const git_oid *tree_id)
{
	CLEANUP(git_tree_freep) git_tree *tree = NULL;

	if (p->count > 0)
		return p->count == 1 && git_oid_equal(git_commit_tree_id(p->items[0]), tree_id);
	return git_tree_lookup(&tree, repository, tree_id) == 0 && git_tree_entrycount(tree) == 0;
}

static bool create_commit(git_repository *repository, const struct git_commit_work *work, const struct parents *p,
                          const git_oid *tree_id, struct error *err)
{
	CLEANUP(git_tree_freep) git_tree *tree = NULL;
	CLEANUP(git_signature_freep) git_signature *signature = NULL;
	git_oid commit;

	int code = git_tree_lookup(&tree, repository, tree_id);
	if (code == 0)
		code = git_signature_now(&signature, work->name, work->email);
	if (code == 0)
		code = git_commit_create(&commit, repository, "HEAD", signature, signature, "UTF-8", work->message, tree, p->count,
		                         (const git_commit **)(uintptr_t)p->items);
	if (code == 0)
		code = git_repository_state_cleanup(repository);
	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The changes in the workspace cannot be committed.", err);
}

/* refs/heads/<branch> at HEAD's commit: the agent may have left another branch checked out, or none. */
static bool point_branch(git_repository *repository, const char *branch, const git_oid *commit, struct error *err)
{
	CLEANUP(git_reference_freep) git_reference *reference = NULL;
	CLEANUP(freep) char *name = xasprintf("refs/heads/%s", branch);
	int code = git_reference_create(&reference, repository, name, commit, 1, "end of the session");

	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The branch of the session cannot be set.", err);
}

/* Where nothing is to be committed: an agent that went back to another branch after its work left it on the session's. */
static void prefer_branch(git_repository *repository, const char *branch, git_oid *head)
{
	CLEANUP(freep) char *name = xasprintf("refs/heads/%s", branch);
	git_oid tip;

	if (git_reference_name_to_id(&tip, repository, name) == 0 && git_graph_descendant_of(repository, &tip, head) == 1)
		git_oid_cpy(head, &tip);
}

bool git_commit_changes(const struct git_commit_work *work, bool *ret_changed, char ret_commit[COMMIT_SIZE],
                        struct git_left *ret_left, struct error *err)
{
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	CLEANUP(parents_release) struct parents parents = {0};
	git_oid tree, head;

	*ret_left = (struct git_left){0};
	if (!working_copy_tame(work->path, err) || !replace_config(work->path, work->objects, err) ||
	    !git_open_workspace(work->path, &repository, err) || !restore_origin(repository, work->origin, err) ||
	    !write_tree(repository, &tree, ret_left, err) || !collect_parents(repository, &parents, err))
		return false;
	const bool unchanged = is_unchanged(repository, &parents, &tree);
	if (!unchanged && !create_commit(repository, work, &parents, &tree, err))
		return false;
	if (git_reference_name_to_id(&head, repository, "HEAD") != 0) { /* empty before, empty now */
		*ret_changed = false;
		ret_commit[0] = '\0';
		return true;
	}
	if (unchanged)
		prefer_branch(repository, work->branch, &head);
	git_left_find_branches(repository, &head, ret_left);
	if (!point_branch(repository, work->branch, &head, err))
		return false;
	git_oid_tostr(ret_commit, COMMIT_SIZE, &head);
	*ret_changed = strcmp(ret_commit, work->start_commit) != 0;
	return true;
}

/* Adds "ciPaths" and "ciCount" where there are any. */
static bool name_ci_changes(const struct git_commit_work *work, const char *commit, json_t *result, struct error *err)
{
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	json_t *paths = NULL;
	size_t count = 0;

	if (!git_open_workspace(work->path, &repository, err) ||
	    !git_ci_changes(repository, work->start_commit, commit, &paths, &count, err))
		return false;
	if (count > 0)
		json_object_update_new(result, json_pack("{s:O, s:I}", "ciPaths", paths, "ciCount", (json_int_t)count));
	json_decref(paths);
	return true;
}

/* Names are the agent's, in whatever bytes. */
static void set_name(json_t *result, const char *member, const char *name)
{
	json_t *text = json_string(name);

	json_object_set_new(result, member, text ? text : json_string("(unreadable name)"));
}

bool git_commit_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err)
{
	char commit[COMMIT_SIZE];
	struct git_left left;
	bool changed;

	(void)report;
	if (!git_commit_changes(input, &changed, commit, &left, err))
		return false;
	json_t *result = json_pack("{s:b, s:s, s:I, s:I}", "changed", changed, "commit", commit, "nested", (json_int_t)left.nested,
	                           "left", (json_int_t)left.branches);
	set_name(result, "firstNested", left.first_nested);
	set_name(result, "firstLeft", left.first_branch);
	if (changed && !name_ci_changes(input, commit, result, err)) {
		json_decref(result);
		return false;
	}
	*ret_result = result;
	return true;
}
