#pragma once
/*
 * workspace — the folder of one session: <ACP_WORKSPACES>/<session id>/, one folder per repository in it, "+home" and "+tmp" for
 * the agent, and "+clone-<name>" for a repository that joins, until it is complete ('+' cannot begin a repository's name).
 *
 * Beside it lies <session id>.json, the worker's own record, out of the agent's reach: that the agent has finished or works
 * elsewhere, how, and from which commits it started. It makes a session that lost its worker, or rested, go on with commit and
 * push; who finds it can reach the workspace. <session id>.lock says who may touch all this (session_lock.h).
 *
 * What the agent left in the folder is never trusted: nothing here follows a symbolic link, and removal needs neither recursion nor
 * the agent's good will.
 */
#include "error.h"
#include "json.h"
#include <sys/types.h>

struct workspace {
	char *root;   /* ACP_WORKSPACES. Owned, as all */
	char *path;   /* the session's folder */
	char *home;   /* the agent's HOME */
	char *tmp;    /* the agent's TMPDIR */
	char *record; /* the worker's record */
};
#define WORKSPACE_INIT ZERO_INIT

/* Only computes the names. ERR_WORKSPACE_FAILED: the id is not a UUID. */
bool workspace_locate(const char *root, const char *session_id, struct workspace *ret, struct error *err) MUST_CHECK;
void workspace_release(struct workspace *w);

/*
 * An agent under our own user can close what it cannot open: no kernel keeps it from chmod(2). So whatever lies in `root` is taken
 * back before it is used. Gives us `needed` of what is ours; nothing else of a mode is changed, no link followed.
 */
void workspace_take_back(const char *path, mode_t needed);
/* Makes the folder of all workspaces where it is missing, and takes it and the way to it back. ERR_WORKSPACE_FAILED. */
bool workspace_open_root(const char *root, struct error *err) MUST_CHECK;

/* A fresh, empty folder (mode 0700), whatever was there before. ERR_WORKSPACE_FAILED. */
bool workspace_create(const struct workspace *w, struct error *err) MUST_CHECK;
bool workspace_exists(const struct workspace *w);
/* Folder and record, a half-written one, too. ERR_WORKSPACE_FAILED. */
bool workspace_remove(const struct workspace *w, struct error *err) MUST_CHECK;

/* Path of a repository's folder. Caller frees. */
char *workspace_repository(const struct workspace *w, const char *name) MUST_CHECK;

/* The record; NULL when there is none (the session starts over). Caller decrefs. */
json_t *workspace_read_record(const struct workspace *w) MUST_CHECK;
/* Takes `record` over. ERR_WORKSPACE_FAILED. */
bool workspace_write_record(const struct workspace *w, json_t *record, struct error *err) MUST_CHECK;

/* The sessions of which anything lies below `root`: folder, record or lock. Names that hold no UUID are not ours. */
bool workspace_list_ids(const char *root, char ***ret_ids, size_t *ret_count, struct error *err) MUST_CHECK;
void workspace_free_ids(char **ids, size_t count);

/* Removes a whole folder. ERR_WORKSPACE_FAILED. A folder that does not exist is success. */
bool remove_tree(const char *path, struct error *err) MUST_CHECK;
