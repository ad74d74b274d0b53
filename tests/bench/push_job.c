/*
 * push_job — pushes one commit through the gate as a session does it: the job alone, in its confinement, from a working copy whose
 * branch is committed. For gate.py, which times it beside `git push`.
 *
 * push_job GATE-URL SESSION-ID CREDENTIAL-FILE REPOSITORY WORKING-COPY BRANCH COMMIT prints its milliseconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "file.h"
#include "gate_client.h"
#include "git_push.h"

enum { LIMIT_MS = 60 * 1000 };

static int fail(const struct error *err)
{
	fprintf(stderr, "push_job: %s (%s)\n", err->message, err->detail);
	return 1;
}

static bool read_credential(const char *path, struct secret *ret, struct error *err)
{
	CLEANUP(strbuf_release_secret) struct strbuf text = STRBUF_INIT(LIMIT_BEARER_MAX);

	if (!file_read(path, &text, err))
		return false;
	secret_set(ret, text.data, strcspn(text.data, "\r\n"));
	return true;
}

int main(int argc, char **argv)
{
	CLEANUP(secret_release) struct secret credential = SECRET_INIT;
	CLEANUP(gate_client_release) struct gate_client gate = GATE_CLIENT_INIT;
	struct error err = ERROR_INIT;
	json_t *result = NULL;

	if (argc != 8 || !secret_library_init())
		return 2;
	json_library_init();
	if (!read_credential(argv[3], &credential, &err) || !gate_client_open(argv[1], argv[2], &credential, &gate, &err))
		return fail(&err);
	CLEANUP(freep) char *url = gate_repository_url(&gate, argv[4]);
	const struct git_push push = {.gate = {.url = url, .credential = &credential},
	                              .path = argv[5],
	                              .branch = argv[6],
	                              .commit = argv[7],
	                              .provider = PROVIDER_GITLAB};
	const struct git_job job = {.work = git_push_job,
	                            .input = &push,
	                            .writable = argv[5],
	                            .gate_port = gate.port,
	                            .limit_ms = LIMIT_MS,
	                            .interrupt_fd = -1};
	int64_t begin_us = clock_monotonic_us();

	if (!git_job_run(&job, &result, &err))
		return fail(&err);
	printf("%.3f\n", (double)(clock_monotonic_us() - begin_us) / 1000);
	json_decref(result);
	return 0;
}
