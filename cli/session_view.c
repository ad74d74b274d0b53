#include "session_view.h"

#include "session.h"
#include "terminal.h"

#include <string.h>
#include <unistd.h>

static const json_t *status_of(const json_t *session)
{
	return json_object_get(session, "status");
}

static const char *phase_of(const json_t *session)
{
	return json_string_or(status_of(session), "phase", "Pending");
}

static const json_t *repositories_of(const json_t *session)
{
	return json_object_get(status_of(session), "repositories");
}

static const char *name_of(const json_t *session)
{
	return json_string_or(json_object_get(session, "metadata"), "name", "?");
}

bool session_view_is_over(const json_t *session)
{
	enum session_phase phase;

	return session_phase_parse(phase_of(session), &phase) && session_phase_is_final(phase);
}

int session_view_exit(const json_t *session)
{
	const json_t *repository;
	size_t i;

	if (!session_view_is_over(session) || strcmp(phase_of(session), session_phase_name(PHASE_COMPLETED)) == 0)
		return CLI_OK;
	json_array_foreach(repositories_of(session), i, repository)
	{
		const json_t *error = json_object_get(repository, "error");

		if (error)
			return (int)cli_exit_of_answer(json_string_or(error, "code", NULL), 0);
	}
	return CLI_FAILED;
}

/* ---- For people ---- */

/* One that is there has a number: without one the address is where a merge request can be opened. */
static bool is_merge_request(const char *url)
{
	const char *number = url ? strrchr(url, '/') : NULL;

	return number && number[1] && !number[1 + strspn(number + 1, "0123456789")] &&
	       !(number - url >= 4 && strncmp(number - 4, "/new", 4) == 0);
}

/* What it made, that leads farthest. */
static const char *result_of(const json_t *repository)
{
	const char *merge_request = json_string_or(repository, "mergeRequestUrl", NULL);

	return is_merge_request(merge_request) ? merge_request : json_string_or(repository, "branchUrl", NULL);
}

void session_view_print_line(FILE *to, const json_t *session)
{
	const json_t *repository;
	size_t i;

	terminal_line(to, "%-19s %s  %s", phase_of(session), name_of(session),
	              json_string_or(json_object_get(session, "metadata"), "creationTimestamp", ""));
	json_array_foreach(repositories_of(session), i, repository)
	{
		const char *link = result_of(repository);

		if (link)
			terminal_line(to, "                    %s", link);
	}
}

static void print_error(FILE *to, const char *label, const json_t *error)
{
	if (error)
		terminal_line(to, "      %s%s %s", label, json_string_or(error, "message", "?"),
		              json_string_or(error, "remediation", ""));
}

static void print_value(FILE *to, const char *label, const char *value)
{
	if (value)
		terminal_line(to, "      %s%s", label, value);
}

static void print_warnings(FILE *to, const json_t *warnings)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(warnings, i, warning)
	{
		print_value(to, "warning: ",
		            json_is_string(warning) ? json_string_value(warning) : json_string_or(warning, "message", NULL));
	}
}

static void print_repository(FILE *to, const json_t *repository)
{
	const json_t *error = json_object_get(repository, "error");
	const char *phase = json_string_or(repository, "phase", "Pending");
	const char *merge_request = json_string_or(repository, "mergeRequestUrl", NULL);
	const bool done = strcmp(phase, "Pushed") == 0 || strcmp(phase, "Unchanged") == 0;

	terminal_line(to, "  %s %s: %s (%s)",
	              terminal_mark(to, error  ? MARK_FAILED
	                                : done ? MARK_OK
	                                       : MARK_NOT_RUN),
	              json_string_or(repository, "name", "?"), phase, json_string_or(repository, "url", "?"));
	print_value(to, "commit ", json_string_or(repository, "commit", NULL));
	print_value(to, "branch ", json_string_or(repository, "branchUrl", NULL));
	print_value(to, is_merge_request(merge_request) ? "merge request " : "a merge request can be opened at ", merge_request);
	print_warnings(to, json_object_get(repository, "warnings"));
	print_error(to, "", error);
	print_error(to, "merge request: ", json_object_get(repository, "mergeRequestError"));
}

/* Line by line: one terminal_line() is one line, whatever the text holds. */
static void print_text(FILE *to, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		terminal_line(to, "%.*s", (int)length, text);
		text += length + (text[length] == '\n');
	}
}

void session_view_print(FILE *to, const json_t *session)
{
	const json_t *status = status_of(session), *repository;
	const char *notification = json_string_or(status, "notification", NULL), *message = json_string_or(status, "message", "");
	size_t i;

	terminal_line(to, "%s: %s%s%s", name_of(session), phase_of(session), message[0] && !notification ? ". " : "",
	              notification ? "" : message);
	json_array_foreach(repositories_of(session), i, repository) print_repository(to, repository);
	if (notification) {
		(void)fputc('\n', to);
		print_text(to, notification);
	}
}

/* ---- While it runs ---- */

struct session_ticker session_ticker_on(FILE *to)
{
	return (struct session_ticker){.to = to, .shows = isatty(fileno(to)) == 1};
}

void session_ticker_clear(struct session_ticker *ticker)
{
	if (ticker->drawn)
		(void)fputs("\r\033[K", ticker->to);
	ticker->drawn = false;
	(void)fflush(ticker->to);
}

static void add_progress(struct strbuf *line, const json_t *repository)
{
	const json_t *progress = json_object_get(repository, "progress");
	int64_t done = json_int_or(progress, "done", 0), total = json_int_or(progress, "total", 0);
	int64_t bytes = json_int_or(progress, "bytes", 0);

	if (!progress)
		return;
	strbuf_addf(line, "  %.60s: %.30s", json_string_or(repository, "name", "?"), json_string_or(progress, "stage", ""));
	if (total > 0 && done >= 0 && done <= total)
		strbuf_addf(line, " %d%%", (int)((double)done * 100 / (double)total));
	if (bytes > 0)
		strbuf_addf(line, " %.1f MiB", (double)bytes / (1024 * 1024));
}

void session_ticker_draw(struct session_ticker *ticker, const json_t *session)
{
	enum { WIDTH = 118 /* a line that wraps cannot be drawn over */ };
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT(TERMINAL_LINE_MAX), clean = STRBUF_INIT(TERMINAL_LINE_MAX);
	const json_t *repository;
	size_t i;

	if (!ticker->shows)
		return;
	session_ticker_clear(ticker);
	strbuf_addf(&line, "%.40s: %s", name_of(session), phase_of(session));
	json_array_foreach(repositories_of(session), i, repository) add_progress(&line, repository);
	terminal_clean(&clean, line.data, line.length < WIDTH ? line.length : WIDTH, true);
	(void)fputs(clean.data, ticker->to);
	(void)fflush(ticker->to);
	ticker->drawn = true;
}
