#pragma once
/*
 * parallel — runs independent questions to GitLab at the same time. Each job waits for the network, so threads cost little; the
 * caller's own thread does its share, and a machine that has no thread to give still finishes. Floor: service, private.
 */
#include "macros.h"

struct parallel_job {
	void (*run)(void *context);
	void *context;
};

/* Returns when all jobs are done; at most `width` run at once. */
void parallel_run(const struct parallel_job *jobs, size_t count, size_t width);
