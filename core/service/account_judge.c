/* What a token is worth: the address, the token's text, the forge's word about it, and its scopes. Nothing is written here. */
#include "account_internal.h"

#include "alloc.h"
#include "token_text.h"

#include <string.h>

void candidate_release(struct candidate *c)
{
	instance_url_release(&c->instance);
	secret_release(&c->token);
	forge_account_release(&c->account);
	connection_release(&c->old);
}

const char *account_instance_text(const struct account_service *s, enum provider provider, const char *given)
{
	if (given && given[0] != '\0')
		return given;
	return provider == PROVIDER_GITHUB && s->github ? s->github->text : GITLAB_COM;
}

bool account_route(const struct account_service *s, const struct instance_url *url, struct instance_route *ret, struct error *err)
{
	const struct instance_entry *entry = instances_find(s->instances, url->text);

	if (!url->https && !(entry && entry->insecure_http)) {
		CLEANUP(freep) char *authority = instance_url_authority(url);

		return error_set(err, ERR_INSTANCE_INSECURE,
		                 "%s uses unencrypted http. The token would be readable on the network; use https.", authority);
	}
	*ret = instances_route(s->instances, url);
	return true;
}

bool account_instance(const struct account_service *s, const char *instance_url, struct instance_url *ret,
                      struct instance_route *ret_route, struct error *err)
{
	CLEANUP(instance_url_release) struct instance_url url = INSTANCE_URL_INIT;

	if (!instance_url_parse_stored(instance_url, &url, err) || !account_route(s, &url, ret_route, err))
		return false;
	*ret = url;
	url = (struct instance_url)INSTANCE_URL_INIT;
	return true;
}

static bool refuse(struct check_list *checks, enum check_name check, const struct error *failure, struct error *err)
{
	check_list_fail(checks, check, failure);
	if (err)
		*err = *failure;
	return false;
}

/*
 * Scopes that cannot even show the user's repositories make a connection that serves nobody. GitHub's classic tokens read and push
 * with the same scopes; without them they see what everybody sees.
 */
static bool require_scopes(const struct candidate *c, const struct scope_verdict *verdict, struct error *err)
{
	const char *scopes = c->account.scopes && c->account.scopes[0] != '\0' ? c->account.scopes : "none";
	bool github = c->forge->provider == PROVIDER_GITHUB;

	if (!verdict->known || (github ? verdict->can_push : verdict->can_read_api))
		return true;
	if (github) {
		error_set(err, ERR_TOKEN_SCOPE_MISSING,
		          "Insufficient permissions: The token lacks a needed scope. It has: %.200s. GitHub needs 'repo', or "
		          "'public_repo' for public repositories alone.",
		          scopes);
		return error_remedy(err,
		                    "Create a token with the scope 'repo', or a fine-grained token with Contents: Read and write.");
	}
	return error_set(
	        err, ERR_TOKEN_SCOPE_MISSING,
	        "Insufficient permissions: The token lacks a needed scope. It has: %.200s. GitLab needs one of: api, read_api.",
	        scopes);
}

/* No repository was asked about: what looks like one's failure is the token's. */
static enum check_name check_of_account(enum error_code code)
{
	enum check_name check = check_of_error(code);

	return check > CHECK_SCOPES ? CHECK_TOKEN : check;
}

static bool ask_forge(struct account_service *s, const struct account_request *request, struct candidate *c,
                      struct check_list *checks, struct error *err)
{
	const struct forge_access access = {
	        .forge = c->forge,
	        .client = s->client,
	        .instance = &c->instance,
	        .token = &c->token,
	        .route = c->route,
	        .request_id = request->request_id,
	};
	struct error failure = ERROR_INIT;
	struct scope_verdict verdict;

	if (!c->forge->account_get(&access, &c->account, &failure)) {
		check_list_pass_network(checks, check_of_account(failure.code), c->instance.https);
		return refuse(checks, check_of_account(failure.code), &failure, err);
	}
	check_list_pass_network(checks, CHECK_SCOPES, c->instance.https);
	verdict = c->forge->judge_scopes(c->account.scopes);
	if (!require_scopes(c, &verdict, &failure))
		return refuse(checks, CHECK_SCOPES, &failure, err);
	if (verdict.known)
		check_list_pass(checks, CHECK_SCOPES);
	return true;
}

bool candidate_parse(struct account_service *s, const struct account_request *request, struct candidate *c,
                     struct check_list *checks, struct error *err)
{
	const char *instance_url = account_instance_text(s, request->provider, request->instance_url);
	struct error failure = ERROR_INIT;

	if (!instances_parse_url(s->instances, instance_url, &c->instance, &failure) ||
	    !account_route(s, &c->instance, &c->route, &failure))
		return refuse(checks, CHECK_ADDRESS, &failure, err);
	check_list_pass(checks, CHECK_ADDRESS);
	c->forge = forge_of(request->provider);
	if (!c->forge) {
		error_set(&failure, ERR_PROVIDER_UNKNOWN, "It is not told whether %s is GitLab or GitHub.", c->instance.text);
		return refuse(checks, CHECK_PROVIDER, &failure, err);
	}
	check_list_pass(checks, CHECK_PROVIDER);
	if (!token_text_parse(request->provider, secret_bytes(request->token), &c->token, &failure))
		return refuse(checks, CHECK_TOKEN, &failure, err);
	record_key_make(provider_name(request->provider), request->user_id, c->instance.text, c->key);
	/* Read before the forge is asked: a store that is not ready must not cost the user a wait. */
	return s->connections.ops->find(s->connections.state, c->key, &c->old, &c->had_old, err);
}

bool candidate_judge(struct account_service *s, const struct account_request *request, struct candidate *c,
                     struct check_list *checks, struct error *err)
{
	return candidate_parse(s, request, c, checks, err) && ask_forge(s, request, c, checks, err);
}

void candidate_describe(const struct candidate *c, const char *user_id, int64_t now_s, struct account_verdict *ret)
{
	struct connection *connection = &ret->connection;

	memcpy(connection->key, c->key, sizeof(connection->key));
	set_string(&connection->user_id, user_id);
	set_string(&connection->provider, provider_name(c->forge->provider));
	set_string(&connection->instance_url, c->instance.text);
	set_string(&connection->gitlab_user_id, c->account.id);
	set_string(&connection->username, c->account.username);
	set_string(&connection->token_name, c->account.token_name);
	set_string(&connection->scopes, c->account.scopes);
	set_string(&connection->expires_at, c->account.expires_at);
	connection->is_bot = c->account.is_bot;
	ret->warning_count = account_warnings(connection, now_s, ret->warnings);
	if (c->had_old && c->old.username && strcmp(c->old.gitlab_user_id, c->account.id) != 0) {
		struct account_warning *warning = &ret->warnings[ret->warning_count++];

		warning->code = WARN_ACCOUNT_CHANGED;
		(void)snprintf(warning->message, sizeof(warning->message), "Connected as %.200s (was %.200s).", c->account.username,
		               c->old.username);
	}
}
