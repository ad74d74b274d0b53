#pragma once
/*
 * git_mirror — the part of a mirror's refresh that reads git objects, as a job (git_job.h): receives what the mirror lacks into a
 * folder of its own, and tells what may be done with it. Writes there and nowhere else; the mirror itself is changed by the caller
 * (mirror.h), who reads no objects.
 */
#include "git_job.h"
#include "git_library.h"
#include "mirror.h"

struct git_mirror_refresh {
	struct git_gate gate;
	const char *path;    /* an incoming folder (mirror.h); a bare repository is made in it */
	const char *objects; /* what is borrowed; NULL: everything is received */
	const char *tip;     /* the commit it leads to */
	const char *branch;
	bool gather; /* put everything that is still reachable into one pack: there are too many */
};

/*
 * `input` is a struct git_mirror_refresh, the result {"tip": "…", "fresh": bool}. Fresh: its objects folder is complete by itself,
 * has what the tip leads to and nothing else, and must replace what was borrowed. Errors: those of git_fetch_branch.
 */
bool git_mirror_refresh_job(const void *input, struct git_job_report *report, json_t **ret_result, struct error *err);

/* Makes a repository, not yet opened for reading, borrow objects. ERR_WORKSPACE_FAILED. */
bool git_borrow_objects(const char *git_folder, const char *objects, struct error *err) MUST_CHECK;
