#include "controller.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "database.h"
#include "kube_client.h"
#include "processes.h"
#include "resource_feed.h"
#include "resource_session.h"
#include "resource_settings.h"
#include "supervisor.h"

enum {
	WAIT_MS = 250,
	LEAVE_MS = 3000,
};

static const char platform_group[] = "vteam.ambient-code";

bool controller_is_wanted(const struct worker *worker)
{
	return settings_get(worker->settings, CRD_GROUP)[0] != '\0';
}

/* What the process works with. */
struct controller {
	const struct worker *worker;
	struct kube_kind sessions_kind;
	struct kube_client *client;
	struct database *database;
	struct resource_feed *sessions_feed;
	struct resource_sessions *sessions;
	struct kube_kind settings_kind;
	struct resource_feed *settings_feed;
	struct resource_settings settings;
	int interrupt;
};

static void controller_release(struct controller *c)
{
	resource_feed_stop(&c->sessions_feed);
	resource_feed_stop(&c->settings_feed);
	resource_settings_release(&c->settings);
	resource_sessions_freep(&c->sessions);
	database_freep(&c->database);
	kube_client_freep(&c->client);
}

static bool controller_open(struct controller *c, struct error *err)
{
	CLEANUP(kube_config_release) struct kube_config config = KUBE_CONFIG_INIT;
	const struct kube_sources sources = kube_sources_of(environ);
	const char *group = settings_get(c->worker->settings, CRD_GROUP);
	const struct database_options options = {
	        .path = settings_get(c->worker->settings, DATABASE), .connections = 1, .busy_timeout_ms = 10000};

	c->sessions_kind = (struct kube_kind){group, "v1alpha1", "agenticsessions"};
	c->settings_kind = (struct kube_kind){group, strcmp(group, platform_group) == 0 ? "v1alpha1" : "v1", "projectsettings"};
	if (!database_open(&options, &c->database, err) || !kube_config_load(&sources, &config, err) ||
	    !kube_client_new(&config, "acp-gitlab-controller", &c->client, err))
		return false;
	const struct resource_sessions_options sessions = {
	        .worker = c->worker,
	        .client = c->client,
	        .kind = &c->sessions_kind,
	        .shape = strcmp(group, platform_group) == 0 ? RESOURCE_PLATFORM : RESOURCE_OURS,
	        .sessions = database_sessions(c->database),
	        .projects = database_projects(c->database),
	};
	c->sessions = resource_sessions_new(&sessions);
	resource_settings_open(&c->settings, c->worker, c->client, &c->settings_kind, database_projects(c->database));
	c->settings_feed = resource_feed_start(c->worker, c->client, &c->settings_kind);
	c->sessions_feed = resource_feed_start(c->worker, c->client, &c->sessions_kind);
	return true;
}

static void loop(struct controller *c)
{
	while (!interrupt_pending(c->interrupt)) {
		struct resource_news news;

		/* The settings first: a session that is created with them takes its repositories from them. */
		resource_feed_take(c->settings_feed, 0, &news);
		resource_settings_tend(&c->settings, &news);
		resource_news_release(&news);
		resource_feed_take(c->sessions_feed, WAIT_MS, &news);
		resource_sessions_learn(c->sessions, &news);
		resource_news_release(&news);
		resource_sessions_tend(c->sessions);
	}
	resource_sessions_leave(c->sessions, clock_monotonic_ms() + LEAVE_MS);
}

static NORETURN void run_child(const struct worker *worker, pid_t parent)
{
	struct controller c = {.worker = worker};
	struct error err = ERROR_INIT;

	setpgid(0, 0);
	process_begin_child(parent, NULL, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	c.interrupt = interrupt_open(); /* before there are threads, which inherit what is blocked */
	if (c.interrupt < 0 || !controller_open(&c, &err)) {
		supervisor_log(worker, LOG_ERROR, NULL, &err, "Kubernetes resources cannot be followed");
		controller_release(&c);
		_exit(EXIT_FAILED);
	}
	supervisor_log(worker, LOG_INFO, NULL, NULL, "Following Kubernetes resources");
	loop(&c);
	controller_release(&c);
	_exit(EXIT_DONE);
}

pid_t controller_start(const struct worker *worker)
{
	pid_t parent = getpid(), child = fork();

	if (child == 0)
		run_child(worker, parent);
	return child;
}
