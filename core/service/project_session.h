#pragma once
/*
 * project_session — what a session that names no repository takes of its project. Apart from project_service, since a program that
 * makes sessions (the worker) has no use for the checks, the forges and the keys behind them. Floor: service.
 */
#include "json.h"
#include "project_store.h"

/* The project's list as a session's spec.repositories (url, branch, provider); NULL with true: the project has none. Caller
 * decrefs. */
bool project_session_repositories(struct project_store *store, const char *project, json_t **ret, struct error *err) MUST_CHECK;
