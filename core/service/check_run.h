#pragma once
/* check_run — what the files of check share. Floor: service, private. */
#include "check_report.h"

/* One run of the checks: what came in, what is known so far, and the report that is being written. */
struct check_run {
	struct account_service *service;
	const struct check_request *request;
	struct check_report *report;
	struct repo_url url;
	char *host; /* as shown: with its port where that is not the default */
	char *path;
	struct seal_payload opened;
	struct gitlab_access access;
	const char *scopes; /* borrowed: the fresh ones where they were asked for, else those of the connection */
};

/* read, push and branch of a project that was found. */
void check_access(struct check_run *run);
