#pragma once
/*
 * handle_account — a user's tokens of GitLab and GitHub over HTTP: connect, disconnect, test, check. What is known about them is
 * shown by handle_status.
 */
#include "call.h"

bool handle_gitlab_connect(struct call *call, struct error *err) MUST_CHECK;
bool handle_gitlab_test(struct call *call, struct error *err) MUST_CHECK;
bool handle_gitlab_check(struct call *call, struct error *err) MUST_CHECK;
bool handle_gitlab_disconnect(struct call *call, struct error *err) MUST_CHECK;

bool handle_github_connect(struct call *call, struct error *err) MUST_CHECK;
bool handle_github_test(struct call *call, struct error *err) MUST_CHECK;
bool handle_github_check(struct call *call, struct error *err) MUST_CHECK;
bool handle_github_disconnect(struct call *call, struct error *err) MUST_CHECK;
