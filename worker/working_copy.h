#pragma once
/*
 * working_copy — makes what an agent left in a repository's folder something libgit2 can read: opening a pipe waits for ever, a
 * link inside .git leads anywhere, and a folder in a folder ten thousand times over ends every recursion.
 *
 * Pipes, sockets and devices go, as git would not see them either and nobody is left to hold their other end. Links within .git go,
 * because git makes none there, and so do the locks of a git that was killed; what is missing afterwards is an ordinary error of
 * the repository. Links elsewhere stay: they are content. No link is followed, nothing is read, nothing outside the folder is
 * touched.
 */
#include "error.h"

/* For a job (git_job.h), before anything of the folder is opened. ERR_WORKSPACE_FAILED: too many files, too deep, not to be read.
 */
bool working_copy_tame(const char *path, struct error *err) MUST_CHECK;
