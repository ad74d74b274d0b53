/*
 * run_once — one session by hand: creates it, runs it in the foreground, prints its notification.
 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "caps.h"
#include "database.h"
#include "processes.h"
#include "session_service.h"
#include "supervisor.h"
#include "sweeper.h"

static int complain(const struct error *err)
{
	fprintf(stderr, "acp-git-worker: %s\n", err->message);
	if (*error_remediation(err))
		fprintf(stderr, "  %s\n", error_remediation(err));
	return EXIT_FAILED;
}

/* Any file a person names, also a pipe. */
static bool read_object(const char *path, json_t **ret, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_BODY_DEFAULT);
	char bytes[4096];
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return error_set(err, ERR_SESSION_INVALID, "%s cannot be read: %s.", path, strerror(errno));
	while ((got = read(fd, bytes, sizeof(bytes))) > 0)
		strbuf_add(&text, bytes, (size_t)got);
	close(fd);
	if (got < 0 || !strbuf_ok(&text))
		return error_set(err, ERR_SESSION_INVALID, "%s cannot be read or is too large.", path);
	return json_parse_body(text.data, text.length, ret, err);
}

static bool create(struct database *database, const char *user, const char *path, struct session_row *ret, struct error *err)
{
	struct session_store sessions = database_sessions(database);
	struct project_store projects = database_projects(database);
	json_t *object = NULL;
	bool created = false;

	if (!read_object(path, &object, err))
		return false;
	const char *project = json_string_or(json_object_get(object, "metadata"), "namespace", "default");
	bool ok = session_create(&sessions, &projects, project, user, object, NULL, ret, &created, err);
	json_decref(object);
	if (ok && !created && session_phase_is_final(ret->phase))
		return error_set(err, ERR_SESSION_ENDED, "The session %s has ended already.", ret->name);
	return ok;
}

/* Waits for the process, or, when another worker was faster, for the session. False: interrupted. */
static bool wait_for_end(struct worker *worker, struct session_store store, struct supervised *s, const char *id,
                         const sigset_t *signals)
{
	const struct timespec beat = {.tv_nsec = POLL_MS * 1000000L};
	bool ours = s->keeper.pid != 0, interrupted = false;

	for (;;) {
		int number = sigtimedwait(signals, NULL, &beat);
		if (number == SIGINT || number == SIGTERM) {
			interrupted = true;
			if (!ours)
				return false;
			supervisor_end(s, WHY_INTERRUPTED);
		}
		if (ours) {
			supervisor_beat(worker, store, s);
			if (supervisor_reap(worker, store, s, NULL, 0))
				return !interrupted;
			continue;
		}
		CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
		if (!store.ops->find_by_id(store.state, id, &row, NULL) || session_phase_is_final(row.phase))
			return true;
	}
}

static int report(struct session_store store, const char *id)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;

	if (!store.ops->find_by_id(store.state, id, &row, &err))
		return complain(&err);
	json_t *status = json_parse_answer(row.status, strlen(row.status));
	const char *notification = json_string_or(status, "notification", NULL);
	printf("%s\n", notification ? notification : session_phase_name(row.phase));
	json_decref(status);
	switch (row.phase) {
	case PHASE_COMPLETED:
		return EXIT_DONE;
	case PHASE_PARTIALLY_COMPLETED:
		return EXIT_PARTIAL;
	default:
		return EXIT_FAILED;
	}
}

int run_once(struct worker *worker, const char *user, const char *path)
{
	CLEANUP(database_freep) struct database *database = NULL;
	CLEANUP(session_row_release) struct session_row created = SESSION_ROW_INIT;
	CLEANUP(claim_release) struct claim claim = CLAIM_INIT;
	const struct database_options options = {
	        .path = settings_get(worker->settings, DATABASE), .connections = 1, .busy_timeout_ms = 10000};
	struct progress progress = {.fd = 2, .terminal = isatty(2) == 1};
	struct supervised session = {0};
	struct error err = ERROR_INIT;
	bool found = false;
	sigset_t signals;

	process_begin_parent(&signals);
	worker->progress = &progress; // cppcheck-suppress autoVariables ; the process ends with this function
	if (progress.terminal && worker->logger.level > LOG_ERROR)
		worker->logger.level = LOG_ERROR; /* the bar says it in a readable way */

	if (!database_open(&options, &database, &err))
		return complain(&err);
	struct session_store store = database_sessions(database);
	if (!create(database, user, path, &created, &err) || !supervisor_claim(worker, store, created.id, &claim, &found, &err))
		return complain(&err);
	if (found && !supervisor_start(worker, store, &session, &claim, &err))
		return complain(&err);
	if (!found)
		progress_line(&progress, "Another worker has taken the session; waiting for its end.");
	if (!wait_for_end(worker, store, &session, created.id, &signals)) {
		progress_line(&progress, "Interrupted.");
		return EXIT_INTERRUPTED;
	}
	int code = report(store, created.id);
	(void)sweeper_remove_one(worker, store, created.id);
	return code;
}
