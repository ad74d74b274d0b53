#pragma once
/*
 * git_commit — turns what the agent left in a working copy into a commit: new, changed and deleted files, moves and executable
 * bits, within .gitignore, by the connected user. Commits that the agent made itself count, whatever branch it left checked out:
 * those of HEAD, or of the session's branch where HEAD was left behind it and nothing else is to be committed.
 * What the agent may have written into .git/config has no effect: it is replaced first.
 */
#include "git_job.h"
#include "git_library.h"

struct git_commit_work {
	const char *path;         /* the working copy */
	const char *branch;       /* refs/heads/<branch> leads to the result */
	const char *start_commit; /* "": the repository was empty */
	const char *name, *email; /* author and committer */
	const char *message;
	const char *objects; /* those of a mirror that it borrows; NULL: none */
	const char *origin;  /* the real address, for people who look into a kept workspace; NULL: none */
};

/* What the agent may take for a part of its work, and is not in the commit. Names are cut where they do not fit, "" for none. */
struct git_left {
	size_t nested;   /* repositories of their own in folders of this one: others would get links to commits that nobody has */
	size_t branches; /* with commits that neither the result nor a branch of the remote has; a stash counts as one */
	char first_nested[256], first_branch[256];
};

/* Whether there is something to push, and what. ret_commit is "" where there is none. ERR_WORKSPACE_FAILED, ERR_GIT_FAILED. */
bool git_commit_changes(const struct git_commit_work *work, bool *ret_changed, char ret_commit[COMMIT_SIZE],
                        struct git_left *ret_left, struct error *err) MUST_CHECK;

/* The same as a job: the result is {"changed": bool, "commit": "…", "nested": n, "firstNested": "…", "left": n, "firstLeft": "…",
 * "ciPaths": […]?, "ciCount": n?} (git_ci_changes.h). */
bool git_commit_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err);

/* "<first line>\n\nAgenticSession: <name>\n"; the first line is the title or the description's first, at most 72 characters.
 * Appended to `to`. */
void commit_message_write(const char *title, const char *description, const char *session, struct strbuf *to);
