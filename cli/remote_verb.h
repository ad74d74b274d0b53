#pragma once
/*
 * remote_verb — what the verbs over HTTP share: one call, and its answer as the service's JSON or as lines for people.
 *
 * A verb is a row in a table of commands and a struct remote_view; the exit code comes from the answer and is the same with --json.
 */
#include "cli.h"
#include "remote.h"

/* How an answer of success is judged and shown. `context` is the verb's own. */
struct remote_view {
	int (*judge)(const json_t *answer, const void *context); /* gives a cli_exit; NULL: CLI_OK */
	void (*show)(const json_t *answer, const void *context);
	const void *context;
};

/* Opens the service, makes the call and presents the answer. Gives the exit code. */
int remote_verb(struct cli *cli, const struct remote_request *request, const struct remote_view *view);

/* Presents an answer, of success or not. Gives the exit code. */
int remote_present(const struct cli *cli, const struct remote_answer *answer, const struct remote_view *view);

/* Whether the arguments (NULL: not given) can be sent: bytes that are not UTF-8 cannot. False: said so, the exit code is CLI_USAGE.
 */
bool remote_takes(const struct cli *cli, const char *const *arguments, size_t count) MUST_CHECK;

/* "/api/projects/<project, encoded><rest>". Caller frees. */
char *remote_project_path(const char *project, const char *rest) MUST_CHECK;
