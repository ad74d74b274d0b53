#include "serve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "router.h"
#include "supervisor.h"

/* One thread: thread i serves socket i modulo their number, since libfcgi binds a request to one socket. */
struct server_thread {
	struct app *app;
	struct exchange *exchange;
	pthread_t id;
	bool running;
};

struct server {
	struct app app;
	struct server_thread *threads;
	unsigned thread_count;
	int stop_fd;
	pid_t parent;
	bool orphaned; /* and the clock runs */
};

static void *run_thread(void *argument)
{
	struct server_thread *thread = argument;

	while (exchange_next(thread->exchange))
		router_serve(thread->app, thread->exchange);
	return NULL;
}

static bool start_threads(struct server *server, const struct serve_options *options, const struct listeners *listeners,
                          struct error *err)
{
	for (unsigned i = 0; i < options->threads; i++) {
		struct server_thread *thread = &server->threads[i];

		thread->app = &server->app;
		if (!exchange_new(listeners->fds[i % listeners->count], server->stop_fd, options->keep_alive, &thread->exchange,
		                  err))
			return false;
		if (pthread_create(&thread->id, NULL, run_thread, thread) != 0)
			return error_set(err, ERR_INTERNAL, "A thread cannot be started.");
		thread->running = true;
	}
	return true;
}

/*
 * A transfer may have hours to its end: the parent waits for it, or kills this process. One that has lost its parent ends by
 * itself, for nobody would start another in its place or stop it.
 */
static void join_thread(struct server *server, pthread_t id)
{
	struct timespec until;

	do {
		if (getppid() != server->parent && !server->orphaned) {
			server->orphaned = true;
			alarm(SUPERVISOR_END_MS / 1000);
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
	} while (pthread_timedjoin_np(id, NULL, &until) == ETIMEDOUT);
}

/* The event is never read, so it wakes every thread, now or when its request is done. */
static void stop_threads(struct server *server)
{
	const uint64_t one = 1;

	if (write(server->stop_fd, &one, sizeof(one)) < 0)
		return;
	for (unsigned i = 0; i < server->thread_count; i++) {
		if (server->threads[i].running)
			join_thread(server, server->threads[i].id);
		exchange_freep(&server->threads[i].exchange);
	}
}

static int refuse(const struct error *err)
{
	dprintf(STDERR_FILENO, "acp-gitlab-fcgi: %s %s%s%s\n", err->message, error_remediation(err), err->detail[0] ? " " : "",
	        err->detail);
	return SUPERVISOR_CHILD_CANNOT_START;
}

/* Until a signal asks for it. Newer keys make this process outdated: it says so, and serves on until the parent has another. */
static void wait_for_end(const struct app *app, int parent_fd)
{
	const struct timespec second = {.tv_sec = 1};
	bool told = false;
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	while (sigtimedwait(&ends, NULL, &second) < 0)
		if (!told && app_is_outdated(app)) {
			told = supervisor_tell(parent_fd, WORKER_IS_OUTDATED);
			metrics_outdated(app->metrics);
		}
}

int serve_pool(const struct serve_options *options, const struct listeners *listeners, int parent_fd)
{
	struct server server = {.app = {.metrics = options->metrics},
	                        .stop_fd = eventfd(0, EFD_CLOEXEC),
	                        .parent = getppid(),
	                        .thread_count = options->threads,
	                        .threads = xcalloc(options->threads, sizeof(struct server_thread))};
	struct error err = ERROR_INIT;
	int status = 0;

	if (!secret_library_init() || server.stop_fd < 0 || !exchange_library_init())
		return refuse((error_set(&err, ERR_INTERNAL, "A library does not work on this machine."), &err));
	json_library_init();
	if (app_open(&server.app, options->pools, options->threads, environ, &err) &&
	    start_threads(&server, options, listeners, &err)) {
		metrics_fresh(options->metrics);
		if (supervisor_tell(parent_fd, WORKER_SERVES))
			log_event(&server.app.logger, LOG_INFO, NULL, "serving",
			          json_pack("{s:i}", "threads", (int)options->threads));
		wait_for_end(&server.app, parent_fd);
	} else {
		status = refuse(&err);
	}
	stop_threads(&server);
	if (status == 0)
		log_event(&server.app.logger, LOG_INFO, NULL, "ended", NULL);
	app_release(&server.app);
	free(server.threads);
	close(server.stop_fd);
	return status;
}

int serve_cgi(void)
{
	CLEANUP(exchange_freep) struct exchange *exchange = NULL;
	CLEANUP(app_release) struct app app = APP_INIT;
	struct error err = ERROR_INIT;

	if (!secret_library_init())
		return 1;
	json_library_init();
	if (!app_open(&app, POOL_ALL, 1, environ, &err))
		return refuse(&err);
	exchange = exchange_new_cgi();
	while (exchange_next(exchange))
		router_serve(&app, exchange);
	return 0;
}
