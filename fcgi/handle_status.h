#pragma once
/*
 * handle_status — what is known about a user's accounts, from the database alone: GitLab's connections, GitHub's token and
 * installations, and the overview of all integrations. No key, no outgoing call.
 */
#include "call.h"

bool handle_gitlab_status(struct call *call, struct error *err) MUST_CHECK;
bool handle_github_pat_status(struct call *call, struct error *err) MUST_CHECK;
bool handle_github_status(struct call *call, struct error *err) MUST_CHECK;
bool handle_integrations(struct call *call, struct error *err) MUST_CHECK;
