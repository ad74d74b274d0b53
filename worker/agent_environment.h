#pragma once
/*
 * agent_environment — what a session's agent is told: its task, its workspace, and a git configuration with which plain `git fetch`
 * and `git push` go through the gate. Nothing of the worker's own environment is passed on.
 */
#include "gate_client.h"
#include "repository.h"
#include "session.h"
#include "workspace.h"

struct agent_environment {
	char **variables; /* "NAME=value", NULL-terminated. Owned */
	size_t count;
};
#define AGENT_ENVIRONMENT_INIT ZERO_INIT
void agent_environment_release(struct agent_environment *e);

/* Also writes <home>/.gitconfig (0600). ERR_WORKSPACE_FAILED. */
bool agent_environment_make(const struct workspace *workspace, const struct session_spec *spec, const struct gate_client *gate,
                            const struct repositories *repositories, struct agent_environment *ret, struct error *err) MUST_CHECK;

/* The text of that configuration. Appended to `to`. */
void agent_git_config(const struct gate_client *gate, const struct repositories *repositories, struct strbuf *to);
