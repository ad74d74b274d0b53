#pragma once
/*
 * session_status — the status of an AgenticSession as the contract has it, built from what really happened.
 */
#include "repository.h"
#include "session_store.h"
#include "worker.h"

struct session_condition {
	char type[48], reason[48];
	bool holds;
	char message[256];
	int64_t since;
};

struct session_status {
	enum session_phase phase;
	char message[2560];                  /* as long as an error's */
	int64_t start_time, completion_time; /* unix seconds; 0: not yet */
	struct session_condition conditions[8];
	size_t condition_count;
	char *notification; /* owned; NULL until the end */
	bool agent_ran;
	int agent_exit_code;
	char *agent_output;                      /* owned, masked; NULL: none */
	const struct repositories *repositories; /* borrowed; NULL: not known yet */
};
#define SESSION_STATUS_INIT ZERO_INIT
void session_status_release(struct session_status *s);

/* Takes startTime from an earlier worker's status (JSON text), if there is one. */
void session_status_resume(struct session_status *s, const char *earlier);

/* Takes over what it said besides: phase, message and conditions. For a session that goes on with what it did. */
void session_status_go_on(struct session_status *s, const char *earlier);

/* Sets or replaces the condition of this type. */
void session_status_condition(struct session_status *s, const char *type, bool holds, const char *reason, const char *format, ...)
        PRINTF_LIKE(5, 6);

/* Phase, message, completionTime and notification from the repositories' ends. `failure`: the session as a whole failed (NULL: it
 * did not). */
void session_status_finish(struct session_status *s, const struct error *failure, int64_t now_s);
/* It has not ended after all, for another push was asked for. */
void session_status_reopen(struct session_status *s);

/* Caller decrefs. */
json_t *session_status_to_json(const struct session_status *s) MUST_CHECK;
/* It as JSON text, into a `to` that is empty. Where that does not hold it, without what people can do without, the agent's output
 * first. */
void session_status_write(const struct session_status *s, struct strbuf *to);

/*
 * A stored status (JSON text, may be NULL) turned into that of an ended session, for one whose process is gone. Written as above.
 * What was not at its end has failed with `why`; what was pushed before is told, and counts. `sent` has, by the repository's name,
 * the commit that the session sent to its push branch last (NULL: none): nobody has looked whether that arrived, and the repository
 * says so. Gives the phase that comes of it, which is Stopped in any case for one that was `stopped`.
 */
enum session_phase session_status_end_stored(const char *stored, const json_t *sent, bool stopped, const struct error *why,
                                             int64_t now_s, struct strbuf *to);

/* What ACP_NOTIFY_URL is to be told of the end that `status_json` describes; stays empty where nobody is to be told. */
void worker_notice(const struct worker *worker, const struct session_row *row, const char *status_json, struct notice *ret);
