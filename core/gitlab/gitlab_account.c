#include "gitlab_api.h"

#include "alloc.h"
#include "gitlab_sentence.h"

/* What /personal_access_tokens/self tells about the token. */
struct token_facts {
	bool known;    /* the instance answered */
	bool inactive; /* GitLab's word, whatever our clock says */
	bool revoked;
	char *name, *scopes, *expires_at;
};

static void token_facts_release(struct token_facts *facts)
{
	free(facts->name);
	free(facts->scopes);
	free(facts->expires_at);
}

static char *join_scopes(const json_t *scopes)
{
	struct strbuf joined = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);
	size_t index;
	const json_t *scope;

	json_array_foreach(scopes, index, scope)
	{
		if (!json_is_string(scope))
			continue;
		if (joined.length > 0)
			strbuf_add_char(&joined, ' ');
		strbuf_add_string(&joined, json_string_value(scope));
	}
	return strbuf_detach(&joined);
}

static void read_facts(const json_t *answer, struct token_facts *ret)
{
	ret->known = true;
	ret->revoked = json_bool_or(answer, "revoked", false);
	ret->inactive = ret->revoked || !json_bool_or(answer, "active", true);
	const char *name = json_string_or(answer, "name", NULL), *expires_at = json_string_or(answer, "expires_at", NULL);
	ret->name = forge_text_is_short(name) ? xstrdup(name) : NULL;
	ret->expires_at = forge_text_is_short(expires_at) ? xstrdup(expires_at) : NULL;
	if (json_is_array(json_object_get(answer, "scopes")))
		ret->scopes = join_scopes(json_object_get(answer, "scopes"));
}

/*
 * GitLab before 15.5 has no such route, and says so with 404, 405 or one of its 400s. The 400 that speaks of the token's type means
 * an OAuth token. A fine-grained token may lack the right to look at itself.
 */
static bool facts_of(const struct http_call *call, const char *host, struct token_facts *ret, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = forge_json(call);
	const char *said = sentence_of_json(answer);

	if (call->failure == HTTP_OK && call->status == 200 && json_is_object(answer)) {
		read_facts(answer, ret);
		return true;
	}
	if (call->failure == HTTP_OK && call->status == 400 && sentence_has(said, "token type to be a personal access token"))
		return error_set(err, ERR_TOKEN_WRONG_KIND, "This is a short-lived OAuth token. Use a personal access token.");
	if (call->failure == HTTP_OK && call->status == 403 &&
	    strcmp(json_string_or(answer, "error", ""), "insufficient_granular_scope") == 0) {
		ret->scopes = xstrdup("granular");
		return true;
	}
	if (call->failure == HTTP_OK && (call->status == 400 || call->status == 404 || call->status == 405))
		return true;
	return gitlab_classify(call, host, err);
}

static bool refuse_inactive(const struct token_facts *facts, struct error *err)
{
	if (facts->revoked)
		return error_set(err, ERR_TOKEN_REVOKED,
		                 "Invalid token. This token was revoked in GitLab. Create a new one and reconnect.");
	return error_set(err, ERR_TOKEN_EXPIRED, "Invalid token. This token expired%s%s. Create a new one and reconnect.",
	                 facts->expires_at ? " on " : "", facts->expires_at ? facts->expires_at : "");
}

/* /user was refused: with what /self knows, a missing scope can be told in full. */
static bool refuse_user(const struct http_call *user, const struct http_call *self, const char *host, struct error *err)
{
	CLEANUP(token_facts_release) struct token_facts facts = {0};
	CLEANUP(json_decrefp) json_t *answer = forge_json(user);
	bool scope = user->status == 403 && strcmp(json_string_or(answer, "error", ""), "insufficient_scope") == 0;

	if (scope && facts_of(self, host, &facts, NULL) && facts.known) {
		if (facts.inactive)
			return refuse_inactive(&facts, err);
		gitlab_scope_missing(facts.scopes, json_string_or(answer, "scope", ""), err);
		forge_mask(user, err);
		return false;
	}
	return gitlab_classify(user, host, err);
}

/* Bots of project and group tokens: project_42_bot_a1b2, group_7_bot. */
static bool is_bot_name(const char *username)
{
	const char *at = strncmp(username, "project_", 8) == 0 ? username + 8
	                 : strncmp(username, "group_", 6) == 0 ? username + 6
	                                                       : "";
	size_t digits = strspn(at, "0123456789");

	return digits > 0 && strncmp(at + digits, "_bot", 4) == 0;
}

static void fill_account(const json_t *user, struct token_facts *facts, struct forge_account *ret)
{
	const char *username = json_string_or(user, "username", ""), *email = json_string_or(user, "email", ""),
	           *name = json_string_or(user, "name", username);

	*ret = (struct forge_account){
	        .id = xasprintf("%lld", (long long)json_int_or(user, "id", 0)),
	        .username = xstrdup(username),
	        .name = xstrdup(forge_text_is_short(name) ? name : username),
	        .email = forge_text_is_short(email) ? xstrdup(email) : NULL,
	        .token_name = TAKE(facts->name),
	        .scopes = TAKE(facts->scopes),
	        .expires_at = TAKE(facts->expires_at),
	        .is_bot = json_bool_or(user, "bot", false) || is_bot_name(username),
	};
}

bool account_judge(const struct http_call *user, const struct http_call *self, const char *host, struct forge_account *ret,
                   struct error *err)
{
	CLEANUP(token_facts_release) struct token_facts facts = {0};
	CLEANUP(json_decrefp) json_t *answer = NULL;

	if (user->failure != HTTP_OK || user->status != 200)
		return refuse_user(user, self, host, err);
	if (!gitlab_answer(user, host, &answer, err))
		return false;
	if (json_int_or(answer, "id", 0) <= 0 || !forge_text_is_short(json_string_or(answer, "username", "")))
		return gitlab_not_gitlab(host, err);
	if (!facts_of(self, host, &facts, err))
		return false;
	if (facts.inactive)
		return refuse_inactive(&facts, err);
	fill_account(answer, &facts, ret);
	return true;
}

bool gitlab_account_get(const struct forge_access *access, struct forge_account *ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	struct api_call both[2];

	api_call_init(&both[0], access, "/user");
	api_call_init(&both[1], access, "/personal_access_tokens/self");
	gitlab_run(both, ARRAY_SIZE(both), access);
	bool judged = account_judge(&both[0].http, &both[1].http, host, ret, err);
	api_call_release(&both[0]);
	api_call_release(&both[1]);
	return judged;
}
