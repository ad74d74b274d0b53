/*
 * acp-gitlab-fcgi — the API behind nginx. The parent opens the sockets and looks after the workers; each worker builds its app
 * after the fork, confines itself, and serves with a few threads. Started by a CGI server it answers the one request and ends.
 *
 * The way of a request: fcgi_request → serve_call → router (routes.c) → handle_*.c → core/service.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app.h"
#include "options.h"
#include "process.h"
#include "supervisor.h"

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct pool_process {
	const struct options *options;
	const struct listeners *listeners;
};

static int run_worker(void *context, int parent_fd)
{
	const struct pool_process *process = context;

	return serve_pool(&process->options->serve, process->listeners, parent_fd);
}

static bool open_listeners(const struct options *options, struct listeners *ret, struct error *err)
{
	for (size_t i = 0; i < options->socket_count; i++)
		if (!listeners_add(ret, options->sockets[i], options->socket_group, err))
			return false;
	return options->socket_count > 0 || listeners_inherit(ret, err);
}

static int run_pool(struct options *options, const struct listeners *listeners)
{
	CLEANUP(metrics_freep) struct metrics *metrics = metrics_new();
	struct pool_process process = {options, listeners};

	options->serve.metrics = metrics;
	return supervisor_run(&(struct supervisor_options){.processes = options->processes,
	                                                   .drain_ms = pools_longest_ms(options->serve.pools),
	                                                   .end_ms = SUPERVISOR_END_MS,
	                                                   .run = run_worker,
	                                                   .context = &process});
}

int main(int argc, char **argv)
{
	CLEANUP(listeners_release) struct listeners listeners = LISTENERS_INIT;
	struct options options;
	struct error err = ERROR_INIT;

	process_harden();
	switch (options_parse(argc, argv, &options)) {
	case OPTIONS_DONE:
		return 0;
	case OPTIONS_WRONG:
		return EXIT_USAGE;
	case OPTIONS_OK:
		break;
	}
	if (!open_listeners(&options, &listeners, &err)) {
		fprintf(stderr, "acp-gitlab-fcgi: %s %s\n", err.message, error_remediation(&err));
		return EXIT_FAILED;
	}
	if (listeners.count == 0 && getenv("REQUEST_METHOD"))
		_exit(serve_cgi());
	if (listeners.count == 0 || options.serve.pools == 0) {
		fprintf(stderr, "acp-gitlab-fcgi: --pool and a --socket are needed. See 'acp-gitlab-fcgi --help'.\n");
		return EXIT_USAGE;
	}
	if (options.serve.threads < listeners.count)
		options.serve.threads = (unsigned)listeners.count;
	if (!pools_open_tokens(options.serve.pools))
		app_forget_git_token(environ);
	return run_pool(&options, &listeners);
}
