#include "git_fetch.h"

#include <errno.h>

#include "alloc.h"
#include "git_program.h"
#include "git_progress.h"

/* What is learnt from git's lines. */
struct watch {
	struct git_job_report *report;
	bool too_large, caller_gone, no_branch, disk_full;
	char last[256]; /* its last words, for the log */
};

/* Progress is git's own; of the rest, only what the server did not write counts. */
static bool on_line(void *context, const char *line)
{
	struct watch *w = context;
	struct git_progress progress;

	if (git_progress_parse(line, &progress)) {
		w->too_large = progress.bytes > (int64_t)GIT_LIMIT_BYTES || progress.total > GIT_LIMIT_OBJECTS;
		w->caller_gone = !git_job_progress(w->report, progress.stage, progress.done, progress.total, progress.bytes, false);
		return !w->too_large && !w->caller_gone;
	}
	if (strncmp(line, "remote: ", 8) == 0)
		return true;
	if (strncmp(line, "fatal: couldn't find remote ref ", 32) == 0 || strncmp(line, "fatal: Remote branch ", 21) == 0)
		w->no_branch = true;
	if (strstr(line, strerror(ENOSPC)))
		w->disk_full = true;
	if (strstr(line, strerror(EFBIG)))
		w->too_large = true;
	snprintf(w->last, sizeof(w->last), "%s", line);
	return true;
}

bool git_found_disk_full(const struct error *err)
{
	/* libgit2 and git say it in the system's words, which end in the detail. */
	return err->code == ERR_WORKSPACE_FAILED && strstr(err->detail, strerror(ENOSPC)) != NULL;
}

static bool judge(const struct git_fetch *fetch, const struct watch *w, int exit_code, struct error *err)
{
	if (w->too_large)
		return error_set(err, ERR_WORKSPACE_FAILED, "The repository is larger than this service takes.");
	if (exit_code == 0)
		return true;
	if (w->no_branch)
		return error_set(err, ERR_BRANCH_NOT_FOUND, "The branch %s was not found in the repository.", fetch->branch);
	if (w->disk_full)
		error_set(err, ERR_WORKSPACE_FAILED, "There is no space left for the repository.");
	else
		error_set(err, ERR_GIT_FAILED, "The repository could not be fetched.");
	return error_detail(err, "git fetch: exit %d: %s", exit_code, w->disk_full ? strerror(ENOSPC) : w->last);
}

/* `folder` is where git runs. */
static bool transfer(const struct git_fetch *fetch, const char *folder, const char *const *arguments, struct git_job_report *report,
                     struct error *err)
{
	struct watch watch = {.report = report};
	const struct git_program program = {.arguments = arguments,
	                                    .folder = folder,
	                                    .credential = fetch->gate.credential,
	                                    .on_line = on_line,
	                                    .context = &watch};
	int exit_code = 0;

	if (strncmp(fetch->gate.url, "http://", 7) != 0 && strncmp(fetch->gate.url, "https://", 8) != 0)
		return error_set(err, ERR_GIT_FAILED, "The address of the git gate is not http.");
	if (!git_program_run(&program, &exit_code, err) && !watch.too_large)
		return watch.caller_gone ? error_set(err, ERR_GIT_FAILED, "Nobody waits for the fetch any more.") : false;
	return judge(fetch, &watch, exit_code, err);
}

bool git_fetch_branch(const struct git_fetch *fetch, struct git_job_report *report, struct error *err)
{
	CLEANUP(freep) char *folder = xasprintf("--git-dir=%s", fetch->git_folder);
	CLEANUP(freep) char *refspec = xasprintf("+refs/heads/%s:%s", fetch->branch, fetch->into);
	const char *const arguments[] = {folder,
	                                 "fetch",
	                                 "--progress",
	                                 "--no-tags",
	                                 "--no-write-fetch-head",
	                                 "--no-auto-maintenance",
	                                 "--no-show-forced-updates",
	                                 "--no-recurse-submodules",
	                                 fetch->gate.url,
	                                 refspec,
	                                 NULL};

	return transfer(fetch, fetch->git_folder, arguments, report, err);
}

bool git_fetch_first(const struct git_fetch *fetch, struct git_job_report *report, struct error *err)
{
	CLEANUP(freep) char *branch = xasprintf("--branch=%s", fetch->branch);
	CLEANUP(freep) char *parent = xstrdup(fetch->git_folder);
	const char *const arguments[] = {"clone",       "--progress", "--bare",        "--single-branch", "--no-tags",
	                                 "--template=", branch,       fetch->gate.url, fetch->git_folder, NULL};

	*strrchr(parent, '/') = '\0';
	return transfer(fetch, parent, arguments, report, err);
}
