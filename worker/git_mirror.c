#include "git_mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "alloc.h"
#include "file.h"
#include "git_fetch.h"
#include "git_program.h"

#define REF_OLD "refs/old"

bool git_borrow_objects(const char *git_folder, const char *objects, struct error *err)
{
	CLEANUP(freep) char *path = xasprintf("%s/objects/info/alternates", git_folder);
	CLEANUP(freep) char *line = xasprintf("%s\n", objects);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 && file_write_all(fd, line, strlen(line));
	int code = errno;

	if (fd >= 0)
		close(fd);
	if (ok)
		return true;
	error_set(err, ERR_WORKSPACE_FAILED, "The repository cannot share objects.");
	return error_detail(err, "%s: %s", path, strerror(code));
}

/* A bare repository that borrows, with a reference to what it has: fetch tells the server of it. */
static bool make_incoming(const struct git_mirror_refresh *refresh, const char *folder, struct error *err)
{
	git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	CLEANUP(git_reference_freep) git_reference *reference = NULL;
	git_oid old;

	options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_NO_REINIT | GIT_REPOSITORY_INIT_MKDIR;
	options.initial_head = refresh->branch;
	int code = git_repository_init_ext(&repository, folder, &options);
	if (code == 0 && !git_borrow_objects(folder, refresh->objects, err))
		return false;
	if (code == 0)
		code = git_oid_fromstr(&old, refresh->tip);
	if (code == 0)
		code = git_reference_create(&reference, repository, REF_OLD, &old, 0, NULL);
	return code == 0 || git_failure(code, ERR_WORKSPACE_FAILED, "The shared copy of the repository cannot be used.", err);
}

static bool receive(const struct git_mirror_refresh *refresh, const char *folder, const char *into, struct git_job_report *report,
                    struct error *err)
{
	const struct git_fetch fetch = {.gate = refresh->gate, .git_folder = folder, .branch = refresh->branch, .into = into};

	if (!refresh->objects)
		return git_fetch_first(&fetch, report, err);
	return make_incoming(refresh, folder, err) && git_fetch_branch(&fetch, report, err);
}

/* Whether the new tip has the old one in its history. An error counts as no: then everything is judged anew. */
static bool continues(git_repository *repository, const git_oid *new_tip, const char *old_tip)
{
	git_oid old;

	return git_oid_fromstr(&old, old_tip) == 0 &&
	       (git_oid_equal(new_tip, &old) || git_graph_descendant_of(repository, new_tip, &old) == 1);
}

/* Copies what the new tip leads to into one pack, deltas as they are, and stops borrowing. */
static bool gather(git_repository *repository, const char *folder, struct error *err)
{
	CLEANUP(freep) char *option = xasprintf("--git-dir=%s", folder);
	CLEANUP(freep) char *alternates = xasprintf("%s/objects/info/alternates", folder);
	CLEANUP(git_reference_freep) git_reference *old = NULL;
	const char *const arguments[] = {option, "repack", "-a", "-d", "-q", NULL};
	const struct git_program program = {.arguments = arguments, .folder = folder};
	int code = git_reference_lookup(&old, repository, REF_OLD), exit_code = 0;

	if (code == 0)
		code = git_reference_delete(old);
	if (code != 0)
		return git_failure(code, ERR_WORKSPACE_FAILED, "The shared copy of the repository cannot be made anew.", err);
	if (!git_program_run(&program, &exit_code, err))
		return false;
	if (exit_code == 0 && unlink(alternates) == 0)
		return true;
	error_set(err, ERR_WORKSPACE_FAILED, "The shared copy of the repository cannot be made anew.");
	return error_detail(err, "git repack: exit %d", exit_code);
}

bool git_mirror_refresh_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err)
{
	const struct git_mirror_refresh *refresh = input;
	CLEANUP(freep) char *into = xasprintf("refs/heads/%s", refresh->branch);
	CLEANUP(freep) char *folder = xasprintf("%s/" MIRROR_INCOMING_GIT, refresh->path);
	CLEANUP(git_repository_freep) git_repository *repository = NULL;
	char tip[COMMIT_SIZE];
	git_oid id;

	if (!receive(refresh, folder, into, report, err))
		return false;
	int code = git_repository_open_bare(&repository, folder);
	if (code == 0)
		code = git_reference_name_to_id(&id, repository, into);
	if (code != 0)
		return git_failure(code, ERR_GIT_FAILED, "The branch does not lead to a commit.", err);
	bool fresh = !refresh->objects || refresh->gather || !continues(repository, &id, refresh->tip);
	if (fresh && refresh->objects && !gather(repository, folder, err))
		return false;
	git_oid_tostr(tip, sizeof(tip), &id);
	*ret_result = json_pack("{s:s, s:b}", "tip", tip, "fresh", fresh);
	return true;
}
