#pragma once
/*
 * git_library — what every use of libgit2 here shares: its options, its remote, its errors. Only the git_* files include <git2.h>.
 *
 * libgit2 talks to the git gate alone: plain HTTP(S) to one address, no redirects, no proxy, no credentials of its own, one custom
 * header. It has no time limits; git_job.h ends a job that takes too long. It returns an error with or without a text, and its
 * texts never reach the user.
 */
#include "repository.h"
#include "secret.h"
#include <git2.h>

/* Once per process that uses libgit2, before anything else: no configuration but the repository's own, no templates, all caps. */
bool git_library_open(struct error *err) MUST_CHECK;
void git_library_close(void);

/* Limits on what a repository may bring. */
enum {
	GIT_LIMIT_OBJECTS = 10 * 1000 * 1000, /* the Linux kernel has as many */
	GIT_LIMIT_FILES = 500 * 1000,         /* of one checkout */
	GIT_LIMIT_TREE_DEPTH = 256,
};
#define GIT_LIMIT_BYTES ((uint64_t)4 << 30) /* received, and written by one checkout */

/* Translates the failure of a libgit2 call: `code` and git_error_last(), which may be NULL. `message` is the user's sentence.
 * Returns false. */
bool git_failure(int code, enum error_code as, const char *message, struct error *err);

/* For CLEANUP(). */
void git_repository_freep(git_repository **p);
void git_remote_freep(git_remote **p);
void git_reference_freep(git_reference **p);
void git_commit_freep(git_commit **p);
void git_tree_freep(git_tree **p);
void git_index_freep(git_index **p);
void git_signature_freep(git_signature **p);
void git_config_freep(git_config **p);

/* The way to one repository through the gate. */
struct git_gate {
	const char *url;                 /* ".../git/<session>/<repository>.git" */
	const struct secret *credential; /* the session's */
};

/* "Authorization: Bearer …" in the form libgit2 wants. Point custom_headers at `array`; wiped by git_headers_release. */
struct git_headers {
	char *lines[1];
	git_strarray array;
};
void git_headers_make(struct git_headers *h, const struct git_gate *gate);
void git_headers_release(struct git_headers *h);

/* An anonymous remote: the repository's configuration (insteadOf, pushurl …), which the agent may have written, has no say in where
 * it leads. */
bool git_gate_remote(git_repository *repository, const struct git_gate *gate, git_remote **ret, struct error *err) MUST_CHECK;

/* Asks the remote for its branches, the session's credential in its header. ERR_GIT_FAILED (the gate knows more). */
bool git_gate_connect(git_remote *remote, git_direction direction, const struct git_gate *gate, struct error *err) MUST_CHECK;

/* Opens exactly this folder: no search upwards, `.git` must be a real folder. ERR_WORKSPACE_FAILED. */
bool git_open_workspace(const char *path, git_repository **ret, struct error *err) MUST_CHECK;
