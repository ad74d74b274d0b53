/*
 * mirror_clone — one repository's clone as a session does it, from any smart HTTP server in the gate's place: refresh of the
 * mirror, publishing, borrowing, checkout, each git operation in its confined job. For git.py, which times it beside git.
 *
 * mirror_clone ORIGIN MIRRORS WORKSPACES SESSION-ID BRANCH clones ORIGIN/git/s/repository.git and prints milliseconds of: refresh,
 * clone, all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "clock.h"
#include "gate_branch.h"
#include "git_clone.h"
#include "git_mirror.h"
#include "mirror.h"

enum { LIMIT_MS = 30 * 60 * 1000 };

static const char *const programs[] = {"/usr/bin/git", NULL};

static void run(const struct git_job *job, json_t **ret, const char *what)
{
	struct error err = ERROR_INIT;

	if (git_job_run(job, ret, &err))
		return;
	fprintf(stderr, "%s: %s (%s)\n", what, err.message, err.detail);
	exit(1);
}

static void check(bool ok, const struct error *err)
{
	if (ok)
		return;
	fprintf(stderr, "%s (%s)\n", err->message, err->detail);
	exit(1);
}

static void receive(const char *url, const char *branch, const struct secret *credential, unsigned port, struct mirror *m)
{
	CLEANUP(mirror_incoming_release) struct mirror_incoming in = MIRROR_INCOMING_INIT;
	bool overtaken = false;
	struct error err = ERROR_INIT;
	json_t *result = NULL;

	check(mirror_incoming_open(m, &in, &err), &err);
	const char *const borrowed[] = {m->objects, NULL};
	const struct git_mirror_refresh refresh = {.gate = {.url = url, .credential = credential},
	                                           .path = in.path,
	                                           .objects = m->objects,
	                                           .tip = m->tip,
	                                           .branch = branch};
	const struct git_job job = {.work = git_mirror_refresh_job,
	                            .input = &refresh,
	                            .writable = in.path,
	                            .objects = borrowed,
	                            .programs = programs,
	                            .gate_port = port,
	                            .limit_ms = LIMIT_MS,
	                            .interrupt_fd = -1};
	run(&job, &result, "refresh");
	check(mirror_publish(m, &in, json_string_or(result, "tip", ""), json_bool_or(result, "fresh", false), &overtaken, &err),
	      &err);
	json_decref(result);
}

int main(int argc, char **argv)
{
	CLEANUP(mirror_release) struct mirror m = MIRROR_INIT;
	CLEANUP(gate_client_release) struct gate_client gate = GATE_CLIENT_INIT;
	CLEANUP(secret_release) struct secret credential = SECRET_INIT;
	bool ready = true;
	char commit[COMMIT_SIZE];
	struct error err = ERROR_INIT;
	json_t *cloned = NULL;

	if (argc != 6 || !secret_library_init())
		return 2;
	const char *branch = argv[5];
	CLEANUP(freep) char *url = xasprintf("%s/git/s/repository.git", argv[1]);
	CLEANUP(freep) char *workspace = xasprintf("%s/%s", argv[3], argv[4]);
	CLEANUP(freep) char *path = xasprintf("%s/repository", workspace);
	secret_set(&credential, "benchmark", 9);
	json_library_init();
	if (mkdir(workspace, 0700) != 0)
		return 2;

	int64_t begin = clock_monotonic_ms();
	const struct mirror_use use = {.root = argv[2],
	                               .instance = url,
	                               .provider = PROVIDER_GITLAB,
	                               .project_id = 1,
	                               .session_id = argv[4],
	                               .repository = "repository",
	                               .workspaces = argv[3]};
	check(mirror_open(&use, &m, &err) && mirror_borrow(&m, &err) &&
	              (m.generation != 0 || mirror_start_building(&m, 0, -1, &ready, &err)) &&
	              gate_client_open(argv[1], "s", &credential, &gate, &err),
	      &err);
	if (!(m.generation != 0 && gate_branch_commit(&gate, "repository", branch, commit) && strcmp(commit, m.tip) == 0))
		receive(url, branch, &credential, gate.port, &m);
	int64_t refreshed = clock_monotonic_ms();

	const char *const shared[] = {m.objects, NULL};
	const struct git_clone clone = {.gate = {.url = url, .credential = &credential},
	                                .path = path,
	                                .clone_url = url,
	                                .start_branch = branch,
	                                .objects = m.objects,
	                                .mirrored_branch = branch,
	                                .mirrored_commit = m.tip,
	                                .work_branch = branch};
	const struct git_job check_out = {.work = git_clone_job,
	                                  .input = &clone,
	                                  .writable = workspace,
	                                  .objects = shared,
	                                  .gate_port = gate.port,
	                                  .limit_ms = LIMIT_MS,
	                                  .interrupt_fd = -1};
	run(&check_out, &cloned, "clone");
	int64_t end = clock_monotonic_ms();

	printf("%lld %lld %lld\n", (long long)(refreshed - begin), (long long)(end - refreshed), (long long)(end - begin));
	json_decref(cloned);
	return 0;
}
