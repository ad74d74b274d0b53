#pragma once
/* check_run — what the files of check share. Floor: service, private. */
#include "check.h"

/* One run of the checks: what came in, what is known so far, and the report that is being written. */
struct check_run {
	struct check_service *service;
	const struct check_request *request;
	struct check_report *report;
	int64_t until_ms; /* clock_monotonic_ms: when nothing is asked any more */
	struct forge_access access;
	const char *scopes; /* borrowed: the fresh ones where they were asked for, else those of the connection; NULL: not known */
};

enum check_weight { CHECK_BLOCKS_CLONE, CHECK_BLOCKS_PUSH };

void check_fail(struct check_report *report, enum check_name check, const struct error *failure, enum check_weight weight);

/* A call to the forge failed: the check is the one its error belongs to. */
void check_fail_network(struct check_report *report, const struct error *failure);

/* address, provider, connection: nothing leaves the process but the provider's probe and an installation's token. False with err
 * set: the store failed. False without: a check did. */
bool check_binding(struct check_run *run, struct error *err) MUST_CHECK;

/* reachable, tls, token, scopes, repository. */
bool check_project(struct check_run *run) MUST_CHECK;

/* read, push and branch of a project that was found. */
void check_access(struct check_run *run);
