#pragma once
/*
 * session_view — an AgenticSession as the API shows it, for people: one line in a list, a page of its own, a line that moves while
 * it runs; and what its end means as an exit code.
 */
#include "cli.h"

#include <stdio.h>

/* Whether its phase is one that a session does not leave by itself. */
bool session_view_is_over(const json_t *session);

/* CLI_OK unless it ended badly; then the exit code of the first repository's error, or CLI_FAILED. */
int session_view_exit(const json_t *session);

/* One of a list. */
void session_view_print_line(FILE *to, const json_t *session);

/* Phase, repositories with their links and errors, and the notification once there is one. */
void session_view_print(FILE *to, const json_t *session);

/* A line that is drawn over itself while a session runs; nothing where `to` is no terminal. */
struct session_ticker {
	FILE *to;
	bool shows;
	bool drawn;
};
struct session_ticker session_ticker_on(FILE *to);
void session_ticker_draw(struct session_ticker *ticker, const json_t *session);
/* Before anything else is printed there. */
void session_ticker_clear(struct session_ticker *ticker);
