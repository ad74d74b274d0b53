#pragma once
/*
 * notice — what ACP_NOTIFY_URL is told, as JSON: {id, type, createdAt, text, session{…}} or {…, token{…}}. `text` is one sentence
 * or the session's notification, for receivers that show it to people as it is. Never a token in it. Floor: service.
 */
#include "session_store.h"

/* "session.finished": the session in `row` with the final status that save_status is given. */
void notice_of_session(const struct session_row *row, const char *status_json, int64_t now_s, struct notice *ret);

/* "token.expiring", "token.expired" or "token.refused", as token->finding says. */
void notice_of_token(const struct token_state *token, int64_t now_s, struct notice *ret);

/* Writes the notices of all tokens whose users are to be told something. May be run by several programs at once. */
bool notices_of_tokens(struct notice_store *notices, int64_t now_s, size_t *ret_count, struct error *err) MUST_CHECK;
