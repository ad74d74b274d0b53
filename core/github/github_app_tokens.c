#include "github_app_private.h"

#include "alloc.h"
#include "clock.h"
#include "github_api.h"
#include "github_sentence.h"

enum { END_EARLY_S = 5 * 60, ANSWER_MAX = 64 * 1024 };

void github_installation_release(struct github_installation *installation)
{
	free(installation->account);
	*installation = (struct github_installation)GITHUB_INSTALLATION_INIT;
}

/* ---- asking as the App ---- */

/* The answer may hold a token: all of it is wiped. */
static void wipe_call(struct github_call *call)
{
	strbuf_release_secret(&call->api.http.answer);
	github_call_release(call);
}

static bool app_refused(const char *host, const char *said, struct error *err)
{
	CLEANUP(strbuf_release) struct strbuf relayed = STRBUF_INIT(LIMIT_GITLAB_SENTENCE);

	sentence_relay(said, strlen(said), &relayed);
	return error_set(err, ERR_CONFIG_INVALID,
	                 "%s does not accept the platform's GitHub App. An operator must check ACP_GITHUB_APP_ID, "
	                 "ACP_GITHUB_APP_KEY_FILE and this machine's clock. GitHub says: %s",
	                 host, relayed.length ? relayed.data : "no reason given");
}

static bool classify_app(const struct http_call *call, const char *host, int64_t id, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = forge_json(call);
	const char *said = answer ? sentence_of_json(answer) : "";

	if (!answer)
		return github_classify(call, host, err);
	if (call->status == 401 || sentence_has(said, "Integration not found"))
		return app_refused(host, said, err);
	if (call->status == 404)
		return error_set(err, ERR_INSTALLATION_NOT_FOUND, "The platform's GitHub App has no installation %lld on %s.",
		                 (long long)id, host);
	if (call->status == 403 && sentence_has(said, "suspended"))
		return error_set(err, ERR_INSTALLATION_SUSPENDED,
		                 "Installation %lld of the platform's GitHub App is suspended on %s.", (long long)id, host);
	return github_classify(call, host, err);
}

/* "GET" or "POST" of /app/installations/{id}<what>, with a JWT that is made for this one request. */
static bool ask(struct github_app *app, const struct forge_access *access, const char *method, int64_t id, const char *what,
                json_t **ret, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);
	CLEANUP(secret_release) struct secret jwt = SECRET_INIT;
	struct forge_access as_app = *access;
	CLEANUP(wipe_call) struct github_call call;

	as_app.forge = &github_forge;
	as_app.token = &jwt;
	github_call_init(&call, &as_app, "/app/installations/%lld%s", (long long)id, what);
	if (!github_app_jwt(app, clock_now_s(), &jwt))
		return error_set(err, ERR_CONFIG_INVALID, "The key of the platform's GitHub App cannot sign.");
	call.api.http.method = method;
	call.api.http.max_body = ANSWER_MAX;
	if (strcmp(method, "POST") == 0) {
		call.api.http.body = "{}";
		call.api.http.body_length = 2;
		call.api.http.content_type = "application/json";
	}
	github_call_run(&call, &as_app);
	if (call.api.http.status >= 200 && call.api.http.status < 300)
		return github_answer(&call.api.http, host, ret, err);
	classify_app(&call.api.http, host, id, err);
	forge_mask(&call.api.http, err);
	return false;
}

static bool not_github(const struct forge_access *access, struct error *err)
{
	CLEANUP(freep) char *host = api_host(access);

	return github_error(err, ERR_INSTANCE_NOT_API, "%s does not look like a GitHub server.", host);
}

bool github_app_installation(struct github_app *app, const struct forge_access *access, int64_t id, struct github_installation *ret,
                             struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = NULL;

	if (!ask(app, access, "GET", id, "", &answer, err))
		return false;
	const json_t *account = json_object_get(answer, "account");
	const char *login = json_string_or(account, "login", "");
	if (json_int_or(answer, "id", 0) != id || json_int_or(account, "id", 0) <= 0 || !login[0])
		return not_github(access, err);
	*ret = (struct github_installation){
	        .id = id,
	        .account_id = json_int_or(account, "id", 0),
	        .account = xstrdup(login),
	        .is_organization = strcmp(json_string_or(account, "type", ""), "Organization") == 0,
	        .suspended = json_string_or(answer, "suspended_at", "")[0] != '\0',
	};
	return true;
}

static bool fetch_token(struct github_app *app, const struct forge_access *access, int64_t id, struct secret *ret_token,
                        int64_t *ret_expires_at_s, struct error *err)
{
	CLEANUP(json_decrefp) json_t *answer = NULL;

	if (!ask(app, access, "POST", id, "/access_tokens", &answer, err))
		return false;
	const char *token = json_string_or(answer, "token", "");
	if (!token[0] || strlen(token) > LIMIT_TOKEN_MAX ||
	    !clock_parse(json_string_or(answer, "expires_at", ""), ret_expires_at_s))
		return not_github(access, err);
	secret_set(ret_token, token, strlen(token));
	return true;
}

/* ---- the cache; its functions are called with the lock held, the public ones take it ---- */

static void forget(struct installed_token *place)
{
	secret_release(&place->token);
	place->expires_at_s = 0;
}

/* The installation's place, or a free one, or that of the token that ends first. NULL: every place is in use. */
static struct installed_token *take_place(struct github_app *app, int64_t id)
{
	struct installed_token *best = NULL;

	for (size_t i = 0; i < INSTALLED_TOKENS_MAX; i++) {
		struct installed_token *place = &app->tokens[i];
		if (place->id == id)
			return place;
		if (place->users == 0 && (!best || place->expires_at_s < best->expires_at_s))
			best = place;
	}
	if (!best)
		return NULL;
	forget(best);
	best->id = id;
	return best;
}

static bool is_fresh(const struct installed_token *place)
{
	return place->expires_at_s - END_EARLY_S > clock_now_s();
}

/* Asks without the lock, and tells those who wait. */
static bool refresh(struct github_app *app, const struct forge_access *access, struct installed_token *place, struct secret *ret,
                    struct error *err)
{
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	struct error failure = ERROR_INIT;
	int64_t expires_at_s = 0, id = place->id;

	place->asking = true;
	pthread_mutex_unlock(&app->lock);
	bool ok = fetch_token(app, access, id, &token, &expires_at_s, &failure);
	pthread_mutex_lock(&app->lock);
	forget(place);
	if (ok) {
		secret_copy(&place->token, &token);
		place->expires_at_s = expires_at_s;
		secret_copy(ret, &token);
	} else if (err) {
		*err = failure;
	}
	place->failure = failure;
	place->asking = false;
	place->attempts++;
	pthread_cond_broadcast(&app->changed);
	return ok;
}

/* The outcome of the attempt that is under way, whatever it is: a failure is not asked for again by all who waited. */
static bool await(struct github_app *app, const struct installed_token *place, struct secret *ret, struct error *err)
{
	uint64_t before = place->attempts;

	while (place->attempts == before)
		pthread_cond_wait(&app->changed, &app->lock);
	if (place->failure.code != ERR_NONE) {
		if (err)
			*err = place->failure;
		return false;
	}
	if (place->token.length == 0) /* it was refused and dropped before this thread woke */
		return error_set(err, ERR_TOKEN_INVALID, "Authentication failed. GitHub refused the installation's token.");
	secret_copy(ret, &place->token);
	return true;
}

bool github_app_token(struct github_app *app, const struct forge_access *access, int64_t id, struct secret *ret, struct error *err)
{
	bool ok = true;

	pthread_mutex_lock(&app->lock);
	struct installed_token *place = take_place(app, id);
	if (place) {
		place->users++;
		if (place->asking)
			ok = await(app, place, ret, err);
		else if (is_fresh(place))
			secret_copy(ret, &place->token);
		else
			ok = refresh(app, access, place, ret, err);
		place->users--;
	}
	pthread_mutex_unlock(&app->lock);
	if (!place) {
		int64_t expires_at_s;
		ok = fetch_token(app, access, id, ret, &expires_at_s, err);
	}
	return ok;
}

void github_app_drop_token(struct github_app *app, int64_t id)
{
	pthread_mutex_lock(&app->lock);
	for (size_t i = 0; i < INSTALLED_TOKENS_MAX; i++)
		if (app->tokens[i].id == id)
			forget(&app->tokens[i]);
	pthread_mutex_unlock(&app->lock);
}
