#include "session_status.h"

#include <stdlib.h>

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "encoding.h"
#include "notice.h"

void session_status_release(struct session_status *s)
{
	free(s->notification);
	free(s->agent_output);
	*s = (struct session_status)SESSION_STATUS_INIT;
}

void session_status_resume(struct session_status *s, const char *earlier)
{
	json_t *status = earlier ? json_parse_answer(earlier, strlen(earlier)) : NULL;

	if (!clock_parse(json_string_or(status, "startTime", ""), &s->start_time))
		s->start_time = clock_now_s();
	json_decref(status);
}

/* The condition of this type, maybe a new one without a time; NULL: there is no place for another. */
static struct session_condition *condition_of(struct session_status *s, const char *type)
{
	for (size_t i = 0; i < s->condition_count; i++)
		if (strcmp(s->conditions[i].type, type) == 0)
			return &s->conditions[i];
	if (s->condition_count == ARRAY_SIZE(s->conditions))
		return NULL;
	struct session_condition *c = &s->conditions[s->condition_count++];
	snprintf(c->type, sizeof(c->type), "%s", type);
	return c;
}

static void read_condition(struct session_status *s, const json_t *object)
{
	struct session_condition *c = condition_of(s, json_string_or(object, "type", ""));

	if (!c || !clock_parse(json_string_or(object, "lastTransitionTime", ""), &c->since))
		return;
	c->holds = strcmp(json_string_or(object, "status", ""), "True") == 0;
	snprintf(c->reason, sizeof(c->reason), "%s", json_string_or(object, "reason", ""));
	snprintf(c->message, sizeof(c->message), "%s", json_string_or(object, "message", ""));
}

void session_status_go_on(struct session_status *s, const char *earlier)
{
	json_t *status = earlier ? json_parse_answer(earlier, strlen(earlier)) : NULL;
	size_t i;
	json_t *condition;

	if (!session_phase_parse(json_string_or(status, "phase", ""), &s->phase))
		s->phase = PHASE_RUNNING;
	snprintf(s->message, sizeof(s->message), "%s", json_string_or(status, "message", ""));
	json_array_foreach(json_object_get(status, "conditions"), i, condition) read_condition(s, condition);
	json_decref(status);
}

void session_status_condition(struct session_status *s, const char *type, bool holds, const char *reason, const char *format, ...)
{
	struct session_condition *c = condition_of(s, type);
	va_list args;

	if (!c)
		return;
	if (c->since == 0 || c->holds != holds)
		c->since = clock_now_s();
	c->holds = holds;
	snprintf(c->reason, sizeof(c->reason), "%s", reason);
	va_start(args, format);
	int length = vsnprintf(c->message, sizeof(c->message), format, args);
	va_end(args);
	/* Between two characters: JSON takes no half ones. */
	if (length >= (int)sizeof(c->message))
		c->message[utf8_cut(c->message, sizeof(c->message) - 1, sizeof(c->message) - 1)] = '\0';
}

static enum session_phase phase_of(const struct repositories *r, const struct error *failure)
{
	size_t failed = 0;

	for (size_t i = 0; r && i < r->count; i++)
		failed += r->items[i].phase == REPOSITORY_FAILED;
	if (failure || (r && r->count > 0 && failed == r->count))
		return PHASE_FAILED;
	return failed ? PHASE_PARTIALLY_COMPLETED : PHASE_COMPLETED;
}

static const char *first_error(const struct repositories *r)
{
	for (size_t i = 0; r && i < r->count; i++)
		if (r->items[i].error.code != ERR_NONE)
			return r->items[i].error.message;
	return "";
}

static void write_notification(struct session_status *s, const struct error *failure)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_ANSWER);
	const struct repositories *r = s->repositories;
	size_t count = r ? r->count : 0;
	struct session_outcome *outcomes = xcalloc(count + 1, sizeof(*outcomes));
	bool told = false;

	for (size_t i = 0; i < count; i++) {
		const struct repository *one = &r->items[i];
		outcomes[i] = (struct session_outcome){.name = one->name,
		                                       .provider = one->provider,
		                                       .pushed = (one->phase == REPOSITORY_PUSHED || one->agent_pushed) &&
		                                                 one->branch_url,
		                                       .branch_url = one->branch_url,
		                                       .error = one->error.code == ERR_NONE ? NULL : one->error.message};
		told = told || outcomes[i].error;
	}
	/* A failure of the whole session, the agent's for example, belongs to no repository. */
	bool whole = failure && !told;
	if (whole)
		outcomes[count++] = (struct session_outcome){.name = "session", .error = failure->message};
	session_notification(s->phase, outcomes, count, &text);
	free(outcomes);
	free(s->notification);
	s->notification = strbuf_detach(&text);
}

void session_status_finish(struct session_status *s, const struct error *failure, int64_t now_s)
{
	s->phase = phase_of(s->repositories, failure);
	s->completion_time = now_s;
	if (failure)
		snprintf(s->message, sizeof(s->message), "%s", failure->message);
	else if (s->phase == PHASE_COMPLETED)
		snprintf(s->message, sizeof(s->message), "AgenticSession completed successfully.");
	else
		snprintf(s->message, sizeof(s->message), "%s", first_error(s->repositories));
	write_notification(s, failure);
	session_status_condition(s, "Completed", s->phase == PHASE_COMPLETED, session_phase_name(s->phase), "%s", s->message);
}

void session_status_reopen(struct session_status *s)
{
	s->completion_time = 0;
	free(s->notification);
	s->notification = NULL;
	session_status_condition(s, "Completed", false, "AnotherPush", "Another push was asked for.");
}

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text && *text) {
		json_t *value = json_string(text);
		json_object_set_new(object, name, value ? value : json_string("(not UTF-8)"));
	}
}

static void set_time(json_t *object, const char *name, int64_t unix_s)
{
	char text[CLOCK_TEXT_SIZE];

	if (unix_s == 0)
		return;
	clock_format(unix_s, text);
	json_object_set_new(object, name, json_string(text));
}

static json_t *error_to_json(const struct error *err)
{
	json_t *object = json_object();

	set_text(object, "code", error_name(err->code));
	set_text(object, "message", err->message);
	set_text(object, "remediation", error_remediation(err));
	return object;
}

static json_t *repository_to_json(const struct repository *r)
{
	json_t *object = json_object();

	set_text(object, "name", r->name);
	set_text(object, "url", r->url);
	set_text(object, "provider", provider_name(r->provider));
	set_text(object, "phase", repository_phase_name(r->phase));
	set_text(object, "commit", r->commit);
	set_text(object, "branch", r->push_branch ? r->push_branch : r->start_branch);
	if (r->phase == REPOSITORY_PUSHED || r->agent_pushed)
		set_text(object, "branchUrl", r->branch_url);
	set_text(object, "mergeRequestUrl", r->merge_request_url);
	if (r->error.code != ERR_NONE)
		json_object_set_new(object, "error", error_to_json(&r->error));
	if (r->merge_request_error.code != ERR_NONE)
		json_object_set_new(object, "mergeRequestError", error_to_json(&r->merge_request_error));
	if (json_array_size(r->warnings) > 0)
		json_object_set(object, "warnings", r->warnings);
	if (r->progress.stage[0])
		json_object_set_new(object, "progress",
		                    json_pack("{s:s, s:I, s:I, s:I}", "stage", r->progress.stage, "done",
		                              (json_int_t)r->progress.done, "total", (json_int_t)r->progress.total, "bytes",
		                              (json_int_t)r->progress.bytes));
	return object;
}

static json_t *condition_to_json(const struct session_condition *c)
{
	json_t *object = json_pack("{s:s, s:s, s:s}", "type", c->type, "status", c->holds ? "True" : "False", "reason", c->reason);

	set_text(object, "message", c->message);
	set_time(object, "lastTransitionTime", c->since);
	return object;
}

static json_t *conditions_to_json(const struct session_status *s)
{
	json_t *conditions = json_array();

	for (size_t i = 0; i < s->condition_count; i++)
		json_array_append_new(conditions, condition_to_json(&s->conditions[i]));
	return conditions;
}

json_t *session_status_to_json(const struct session_status *s)
{
	json_t *object = json_pack("{s:s}", "phase", session_phase_name(s->phase));
	json_t *repositories = json_array();

	set_text(object, "message", s->message);
	set_time(object, "startTime", s->start_time);
	set_time(object, "completionTime", s->completion_time);
	for (size_t i = 0; s->repositories && i < s->repositories->count; i++)
		json_array_append_new(repositories, repository_to_json(&s->repositories->items[i]));
	json_object_set_new(object, "repositories", repositories);
	json_object_set_new(object, "conditions", conditions_to_json(s));
	set_text(object, "notification", s->notification);
	if (s->agent_ran) {
		json_t *agent = json_pack("{s:i}", "exitCode", s->agent_exit_code);
		set_text(agent, "output", s->agent_output);
		json_object_set_new(object, "agent", agent);
	}
	return object;
}

static void write_whole(json_t *object, struct strbuf *to)
{
	json_t *agent = json_object_get(object, "agent");

	json_write(to, object);
	if (strbuf_ok(to))
		return;
	strbuf_clear(to);
	if (agent)
		json_object_del(agent, "output");
	json_write(to, object);
	if (strbuf_ok(to))
		return;
	strbuf_clear(to);
	json_object_del(object, "notification"); /* says what the repositories' errors say */
	json_write(to, object);
}

void session_status_write(const struct session_status *s, struct strbuf *to)
{
	CLEANUP(json_decrefp) json_t *object = session_status_to_json(s);

	write_whole(object, to);
}

static enum repository_phase stored_phase(const json_t *object)
{
	const char *name = json_string_or(object, "phase", "");

	for (enum repository_phase phase = REPOSITORY_PENDING; phase <= REPOSITORY_FAILED; phase++)
		if (strcmp(repository_phase_name(phase), name) == 0)
			return phase;
	return REPOSITORY_PENDING;
}

/* As much of it as its end has to tell. */
static void read_repository(const json_t *object, struct repository *ret)
{
	const json_t *error = json_object_get(object, "error");

	*ret = (struct repository){.name = xstrdup(json_string_or(object, "name", "")),
	                           .branch_url = xstrdup(json_string_or(object, "branchUrl", NULL)),
	                           .push_branch = xstrdup(json_string_or(object, "branch", NULL)),
	                           .warnings = json_incref(json_object_get(object, "warnings")),
	                           .phase = stored_phase(object)};
	ret->agent_pushed = ret->branch_url != NULL;
	if (!provider_parse(json_string_or(object, "provider", ""), &ret->provider))
		ret->provider = PROVIDER_UNKNOWN;
	if (error)
		(void)error_from_json(error, &ret->error);
}

static void tell_sent(json_t *object, struct repository *r, const char *commit)
{
	enum { SHOWN = 12 };

	if (!commit || r->agent_pushed)
		return;
	repository_warn(r, "push_unknown", "The session sent %.*s to %s before that; nobody has looked whether the branch has it.",
	                SHOWN, commit, r->push_branch ? r->push_branch : "its branch");
	json_object_set(object, "warnings", r->warnings);
}

/* Whoever was at work on it is gone. */
static void end_repository(json_t *object, struct repository *r, const json_t *sent, const struct error *why)
{
	json_object_del(object, "progress");
	if (r->phase == REPOSITORY_PUSHED || r->phase == REPOSITORY_UNCHANGED || r->phase == REPOSITORY_FAILED)
		return;
	repository_fail(r, why);
	set_text(object, "phase", repository_phase_name(r->phase));
	json_object_set_new(object, "error", error_to_json(&r->error));
	tell_sent(object, r, json_string_or(sent, r->name, NULL));
}

/* Gives how many of them ended well. */
static size_t end_repositories(json_t *stored, struct repositories *ret, const json_t *sent, const struct error *why)
{
	size_t i, well = 0;
	json_t *object;

	ret->items = xcalloc(json_array_size(stored) + 1, sizeof(*ret->items));
	json_array_foreach(stored, i, object)
	{
		struct repository *r = &ret->items[ret->count++];
		read_repository(object, r);
		end_repository(object, r, sent, why);
		well += r->phase != REPOSITORY_FAILED;
	}
	return well;
}

static void finish_stopped(struct session_status *s, const struct error *why)
{
	s->phase = PHASE_STOPPED;
	snprintf(s->message, sizeof(s->message), "%s", why->message);
	write_notification(s, why);
	session_status_condition(s, "Completed", false, session_phase_name(s->phase), "%s", s->message);
}

enum session_phase session_status_end_stored(const char *stored, const json_t *sent, bool stopped, const struct error *why,
                                             int64_t now_s, struct strbuf *to)
{
	json_t *object = stored ? json_parse_answer(stored, strlen(stored)) : NULL;
	CLEANUP(session_status_release) struct session_status ended = SESSION_STATUS_INIT;
	CLEANUP(repositories_release) struct repositories repositories = REPOSITORIES_INIT;

	if (!json_is_object(object)) {
		json_decref(object);
		object = json_object();
	}
	session_status_go_on(&ended, stored);
	ended.repositories = &repositories;
	size_t well = end_repositories(json_object_get(object, "repositories"), &repositories, sent, why);
	session_status_finish(&ended, well ? NULL : why, now_s);
	if (stopped)
		finish_stopped(&ended, why);
	set_text(object, "phase", session_phase_name(ended.phase));
	set_text(object, "message", ended.message);
	set_text(object, "notification", ended.notification);
	set_time(object, "completionTime", now_s);
	json_object_set_new(object, "conditions", conditions_to_json(&ended));
	write_whole(object, to);
	json_decref(object);
	return ended.phase;
}

void worker_notice(const struct worker *worker, const struct session_row *row, const char *status_json, struct notice *ret)
{
	if (*settings_get(worker->settings, NOTIFY_URL))
		notice_of_session(row, status_json, clock_now_s(), ret);
}
