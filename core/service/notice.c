#include "notice.h"

#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "encoding.h"
#include <inttypes.h>
#include <string.h>

static void set_text(json_t *object, const char *name, const char *text)
{
	json_t *value = text && *text ? json_string(text) : NULL;

	if (value)
		json_object_set_new(object, name, value);
}

/* What every notice begins with; the part that follows is named after its subject. */
static json_t *envelope(struct notice *notice, const char *type, const char *text, int64_t now_s)
{
	json_t *object = json_object();
	char created[CLOCK_TEXT_SIZE];

	notice_release(notice);
	make_uuid(notice->id);
	notice->type = xstrdup(type);
	notice->created_at = now_s;
	clock_format(now_s, created);
	set_text(object, "id", notice->id);
	set_text(object, "type", type);
	set_text(object, "createdAt", created);
	set_text(object, "text", text);
	return object;
}

static void seal_envelope(struct notice *notice, json_t *object)
{
	CLEANUP(strbuf_release) struct strbuf body = STRBUF_INIT(LIMIT_NOTICE);

	json_write(&body, object);
	json_decref(object);
	notice->body = strbuf_detach(&body);
}

static void copy_members(json_t *to, const json_t *from, const char *const *names)
{
	for (; *names; names++)
		if (json_object_get(from, *names))
			json_object_set(to, *names, json_object_get(from, *names));
}

/* ---- Sessions ---- */

static json_t *repositories_of(const json_t *status)
{
	static const char *const members[] = {
	        "name",     "url",   "provider", "phase", "commit", "branch", "branchUrl", "mergeRequestUrl", "mergeRequestError",
	        "warnings", "error", NULL};
	json_t *list = json_array(), *repository;
	size_t i;

	json_array_foreach(json_object_get(status, "repositories"), i, repository)
	{
		json_t *copy = json_object();

		copy_members(copy, repository, members);
		json_array_append_new(list, copy);
	}
	return list;
}

void notice_of_session(const struct session_row *row, const char *status_json, int64_t now_s, struct notice *ret)
{
	static const char *const members[] = {"phase", "message", "startTime", "completionTime", NULL};
	json_t *status = json_parse_answer(status_json, strlen(status_json));
	json_t *session = json_object(), *object;
	const char *message = json_string_or(status, "message", "");

	object = envelope(ret, "session.finished", json_string_or(status, "notification", message), now_s);
	set_text(session, "id", row->id);
	set_text(session, "name", row->name);
	set_text(session, "project", row->project);
	set_text(session, "owner", row->owner);
	copy_members(session, status, members);
	json_object_set_new(session, "repositories", repositories_of(status));
	json_object_set_new(object, "session", session);
	json_decref(status);
	seal_envelope(ret, object);
}

/* ---- Tokens ---- */

static const char *type_of(enum token_finding finding)
{
	return finding == TOKEN_REFUSED ? "token.refused" : finding == TOKEN_EXPIRED ? "token.expired" : "token.expiring";
}

static void write_sentence(const struct token_state *token, int64_t days, struct strbuf *to)
{
	const struct connection *c = &token->connection;

	strbuf_addf(to, "The token of %s ", c->user_id);
	if (token->finding == TOKEN_REFUSED)
		strbuf_addf(to, "is no longer accepted (%s at %s).", c->username, c->instance_url);
	else if (token->finding == TOKEN_EXPIRED)
		strbuf_addf(to, "has expired (%s at %s).", c->username, c->instance_url);
	else
		strbuf_addf(to, "expires in %" PRId64 " day%s (%s at %s, on %s).", days, days == 1 ? "" : "s", c->username,
		            c->instance_url, c->expires_at);
	strbuf_add_string(to, " Create a new one there and reconnect.");
}

void notice_of_token(const struct token_state *token, int64_t now_s, struct notice *ret)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_NOTICE);
	const struct connection *c = &token->connection;
	json_t *about = json_object(), *object;
	int64_t days = 0;
	bool dated = c->expires_at && clock_days_until(c->expires_at, now_s, &days);

	write_sentence(token, days, &text);
	object = envelope(ret, type_of(token->finding), text.data, now_s);
	set_text(about, "user", c->user_id);
	set_text(about, "provider", c->provider);
	set_text(about, "instanceUrl", c->instance_url);
	set_text(about, "username", c->username);
	set_text(about, "name", c->token_name);
	set_text(about, "expiresAt", c->expires_at);
	if (dated)
		json_object_set_new(about, "daysToExpiry", json_integer(days));
	set_text(about, "code", c->check_code);
	json_object_set_new(object, "token", about);
	seal_envelope(ret, object);
}

bool notices_of_tokens(struct notice_store *notices, int64_t now_s, size_t *ret_count, struct error *err)
{
	enum { PAGE = 100 };
	size_t count = 0;
	bool progress = true;

	/* What was told is not found again; a page of which nothing could be told would be found for ever. */
	while (progress) {
		CLEANUP(token_state_list_release) struct token_state_list page = TOKEN_STATE_LIST_INIT;

		if (!notices->ops->untold(notices->state, now_s, PAGE, &page, err))
			return false;
		progress = false;
		for (size_t i = 0; i < page.count; i++) {
			CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
			bool told;

			notice_of_token(&page.items[i], now_s, &notice);
			if (!notices->ops->tell(notices->state, &page.items[i], &notice, &told, err))
				return false;
			count += told;
			progress |= told;
		}
	}
	*ret_count = count;
	return true;
}
