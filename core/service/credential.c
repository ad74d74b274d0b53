#include "credential.h"

#include "alloc.h"
#include "github.h"
#include "kube_secret_value.h"
#include "session.h"
#include "token_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INSTALLATION_PREFIX "installation:"
#define PROJECT_BINDING     "project"

void credential_release(struct credential *c)
{
	if (!c)
		return;
	connection_release(&c->connection);
	instance_url_release(&c->instance);
	free(c->path);
	free(c->project);
	secret_release(&c->kept);
	secret_release(&c->token);
	*c = (struct credential)CREDENTIAL_INIT;
}

const char *credential_actor(const struct credential *c)
{
	switch (c->source) {
	case CREDENTIAL_CONNECTION:
		return c->connection.username ? c->connection.username : "the connected account";
	case CREDENTIAL_INSTALLATION:
		return "the GitHub App";
	case CREDENTIAL_PROJECT:
		return "the project's GIT_TOKEN";
	case CREDENTIAL_NONE:
		break;
	}
	return "nobody";
}

char *credential_shown(const struct credential *c)
{
	if (c->source == CREDENTIAL_CONNECTION)
		return xasprintf("token %s for user %s", c->forge->token_shown, credential_actor(c));
	return xasprintf("the token of %s", credential_actor(c));
}

/* ---- Choosing ---- */

/* Takes instance and path into `ret` if the address is on this instance, below a deeper root than what is there. */
static bool take_if_deeper(const char *instance_url, const struct repo_url *url, struct credential *ret)
{
	CLEANUP(instance_url_release) struct instance_url instance = INSTANCE_URL_INIT;
	CLEANUP(freep) char *path = NULL;

	if (!instance_url_parse_stored(instance_url, &instance, NULL) || !repo_url_is_on(url, &instance))
		return false;
	path = repo_url_project_path(url, &instance);
	if (!path || (ret->path && strlen(instance.root) <= strlen(ret->instance.root)))
		return false;
	instance_url_release(&ret->instance);
	ret->instance = instance;
	instance = (struct instance_url)INSTANCE_URL_INIT;
	free(ret->path);
	ret->path = TAKE(path);
	return true;
}

static void choose_connection(const struct connection_list *connections, const struct repo_url *url, enum provider provider,
                              struct credential *ret)
{
	const struct connection *best = NULL;

	/* The list is newest first, and of equals the newest stays. */
	for (size_t i = 0; i < connections->count; i++) {
		const struct connection *one = &connections->items[i];
		const struct forge *forge = forge_of_name(one->provider);

		if (!forge || (provider != PROVIDER_UNKNOWN && forge->provider != provider) ||
		    !take_if_deeper(one->instance_url, url, ret))
			continue;
		best = one;
		ret->forge = forge;
	}
	if (!best)
		return;
	ret->source = CREDENTIAL_CONNECTION;
	connection_copy(&ret->connection, best);
}

/* An installation speaks for the repositories of its account alone. */
static bool owns(const struct installation *installation, const char *instance_url, const char *path)
{
	size_t length = strlen(installation->account);

	return strcmp(installation->instance_url, instance_url) == 0 && strncasecmp(path, installation->account, length) == 0 &&
	       path[length] == '/';
}

static bool choose_installation(const struct credential_sources *s, const char *user_id, struct credential *c, struct error *err)
{
	CLEANUP(installation_list_release) struct installation_list list = INSTALLATION_LIST_INIT;

	if (!s->app || !s->projects.ops)
		return true;
	if (!s->projects.ops->installations(s->projects.state, user_id, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		if (!owns(&list.items[i], c->instance.text, c->path))
			continue;
		c->source = CREDENTIAL_INSTALLATION;
		c->installation_id = list.items[i].installation_id;
		return true;
	}
	return true;
}

/* What the project's own Secret holds now; nothing where it has none. */
static bool read_project_secret(const struct credential_sources *s, const char *project, struct secret *ret, struct error *err)
{
	enum kube_value what;

	secret_release(ret);
	return !s->cluster || !project || !project_name_is_valid(project) ||
	       kube_secret_value(s->cluster, project, s->git_token_secret, GIT_TOKEN_KEY, ret, &what, err);
}

static bool choose_project_token(const struct credential_sources *s, const char *project, struct credential *c, struct error *err)
{
	if (!read_project_secret(s, project, &c->kept, err))
		return false;
	if (c->kept.length == 0 && (!s->git_token || s->git_token->length == 0))
		return true;
	c->source = CREDENTIAL_PROJECT;
	set_string(&c->project, project);
	return true;
}

/* What serves GitHub where the user has no token of their own. */
static bool choose_shared(const struct credential_sources *s, const struct credential_asker *asker, const struct repo_url *url,
                          struct credential *ret, struct error *err)
{
	CLEANUP(credential_release) struct credential c = CREDENTIAL_INIT;

	if (!s->github || !take_if_deeper(s->github->text, url, &c))
		return true;
	if (!choose_installation(s, asker->user_id, &c, err) ||
	    (c.source == CREDENTIAL_NONE && !choose_project_token(s, asker->project, &c, err)))
		return false;
	if (c.source == CREDENTIAL_NONE)
		return true;
	c.forge = &github_forge;
	*ret = c;
	c = (struct credential)CREDENTIAL_INIT;
	return true;
}

/* What the address, or the operator's list, says about itself: nothing will be sent there. */
static void take_address(const struct credential_sources *s, const struct repo_url *url, struct credential *ret)
{
	const struct instance_entry *listed = s->accounts ? instances_find_for(s->accounts->instances, url) : NULL;

	if (listed && take_if_deeper(listed->url.text, url, ret))
		return;
	bool http = url->form == REPO_URL_HTTP, ipv6 = strchr(url->host, ':') != NULL;
	unsigned port = url->port ? url->port : 443;
	CLEANUP(freep)
	char *origin = xasprintf("%s://%s%s%s:%u", http ? "http" : "https", ipv6 ? "[" : "", url->host, ipv6 ? "]" : "", port);

	/* An address that no instance can have (a numeric host) leaves the instance empty. */
	if (!instance_url_parse(origin, &ret->instance, NULL))
		ret->instance = (struct instance_url)INSTANCE_URL_INIT;
	ret->path = xstrdup(url->path);
}

bool credential_choose(const struct credential_sources *s, const struct connection_list *connections,
                       const struct credential_asker *asker, const struct repo_url *url, enum provider provider,
                       struct credential *ret, struct error *err)
{
	*ret = (struct credential)CREDENTIAL_INIT;
	choose_connection(connections, url, provider, ret);
	if (ret->source == CREDENTIAL_NONE && provider != PROVIDER_GITLAB && !choose_shared(s, asker, url, ret, err))
		return false;
	if (ret->source == CREDENTIAL_NONE)
		take_address(s, url, ret);
	return true;
}

/* ---- Opening ---- */

static bool open_connection(const struct credential_sources *s, struct credential *c, struct error *err)
{
	CLEANUP(seal_payload_release) struct seal_payload opened = SEAL_PAYLOAD_INIT;

	if (!account_open(s->accounts, &c->connection, &opened, err))
		return false;
	/* A connection that was replaced meanwhile gave the newer token: what is asked and said is about that one's account. */
	if (c->connection.generation != opened.generation) {
		set_string(&c->connection.gitlab_user_id, opened.gitlab_user_id);
		set_string(&c->connection.username, opened.username);
		set_string(&c->connection.scopes, opened.scopes);
	}
	account_follow(s->accounts, &c->connection, opened.generation);
	secret_copy(&c->token, &opened.token);
	return true;
}

static bool open_installation(const struct credential_sources *s, struct credential *c, const char *request_id, struct error *err)
{
	const struct forge_access access = credential_access(s, c, request_id);

	if (!s->app)
		return error_set(err, ERR_APP_NOT_CONFIGURED, "The GitHub App of this platform is not configured any more.");
	return github_app_token(s->app, &access, c->installation_id, &c->token, err);
}

/* People type into Secrets: what ends with a line break is a token, too. */
static bool take_project_token(const struct credential_sources *s, struct credential *c, struct error *err)
{
	struct error why = ERROR_INIT;
	bool usable = token_text_parse(PROVIDER_GITHUB, secret_bytes(&c->kept), &c->token, &why);

	secret_release(&c->kept);
	if (usable)
		return true;
	error_set(err, why.code, "The GIT_TOKEN of the project %s cannot be used. %s", c->project, why.message);
	return error_remedy(err, "Put a token of GitHub into the Secret %s of the namespace %s.", s->git_token_secret, c->project);
}

/* Its own comes first: a project's people know what theirs may do. */
static bool open_project_token(const struct credential_sources *s, struct credential *c, struct error *err)
{
	if (c->kept.length == 0 && !read_project_secret(s, c->project, &c->kept, err))
		return false;
	if (c->kept.length > 0)
		return take_project_token(s, c, err);
	if (!s->git_token || s->git_token->length == 0)
		return error_set(err, ERR_NOT_CONNECTED, "no GitHub credentials available. The project has no GIT_TOKEN any more.");
	secret_copy(&c->token, s->git_token);
	return true;
}

bool credential_open(const struct credential_sources *s, struct credential *c, const char *request_id, struct error *err)
{
	CLEANUP(instance_url_release) struct instance_url instance = INSTANCE_URL_INIT;

	if (!account_instance(s->accounts, c->instance.text, &instance, &c->route, err))
		return false;
	switch (c->source) {
	case CREDENTIAL_CONNECTION:
		return open_connection(s, c, err);
	case CREDENTIAL_INSTALLATION:
		return open_installation(s, c, request_id, err);
	case CREDENTIAL_PROJECT:
		return open_project_token(s, c, err);
	case CREDENTIAL_NONE:
		break;
	}
	return error_set(err, ERR_INTERNAL, "There is no credential to open.");
}

struct forge_access credential_access(const struct credential_sources *s, const struct credential *c, const char *request_id)
{
	return (struct forge_access){
	        .forge = c->forge,
	        .client = s->accounts->client,
	        .instance = &c->instance,
	        .token = c->token.length > 0 ? &c->token : NULL,
	        .route = c->route,
	        .request_id = request_id,
	};
}

void credential_note_use(const struct credential_sources *s, const struct credential *c, const struct error *failure)
{
	if (c->source == CREDENTIAL_CONNECTION)
		account_note_use(s->accounts, &c->connection, failure);
	else if (c->source == CREDENTIAL_INSTALLATION && s->app && failure && account_error_condemns_token(failure->code))
		github_app_drop_token(s->app, c->installation_id);
}

void credential_audit(const struct credential_sources *s, const struct credential *c, struct audit_use use)
{
	CLEANUP(freep) char *binding = c->source == CREDENTIAL_CONNECTION ? NULL : credential_to_binding(c);

	if (c->token.length == 0)
		return;
	if (c->source == CREDENTIAL_CONNECTION) {
		use.fingerprint = c->connection.fingerprint;
		use.generation = c->connection.generation;
	}
	use.credential = binding;
	use.provider = provider_name(c->forge->provider);
	use.instance_url = c->instance.text;
	audit_write(s->accounts->audit, &use);
}

/* ---- Bindings ---- */

char *credential_to_binding(const struct credential *c)
{
	switch (c->source) {
	case CREDENTIAL_INSTALLATION:
		return xasprintf(INSTALLATION_PREFIX "%" PRId64, c->installation_id);
	case CREDENTIAL_PROJECT:
		return xstrdup(PROJECT_BINDING);
	case CREDENTIAL_CONNECTION:
	case CREDENTIAL_NONE:
		break;
	}
	return xstrdup(c->connection.key);
}

static bool gone(const struct forge *forge, const char *instance_url, struct error *err)
{
	return error_set(err, ERR_NOT_CONNECTED,
	                 "no %s credentials available. Connect %s on the Integrations page: there is no connection to %s any more.",
	                 forge->title, forge->title, instance_url);
}

static bool find_connection(const struct credential_sources *s, const char *user_id, const char *key, const char *instance_url,
                            struct credential *c, struct error *err)
{
	const struct connection_store *store = &s->accounts->connections;
	bool found = false;

	if (!store->ops->find(store->state, key, &c->connection, &found, err))
		return false;
	if (!found)
		return gone(c->forge, instance_url, err);
	/* A session uses its owner's tokens and nobody else's, for the instance it was checked with: whatever the database says. */
	if (strcmp(c->connection.user_id, user_id) != 0 || strcmp(c->connection.instance_url, instance_url) != 0 ||
	    strcmp(c->connection.provider, provider_name(c->forge->provider)) != 0) {
		error_set(err, ERR_GIT_CREDENTIAL, "The connection of this repository does not belong to the session's owner.");
		return error_detail(err, "a binding names record %s", key);
	}
	c->source = CREDENTIAL_CONNECTION;
	return true;
}

static bool find_installation(const struct credential_sources *s, const char *user_id, const char *instance_url,
                              struct credential *c, struct error *err)
{
	CLEANUP(installation_list_release) struct installation_list list = INSTALLATION_LIST_INIT;

	if (!s->projects.ops->installations(s->projects.state, user_id, &list, err))
		return false;
	for (size_t i = 0; i < list.count; i++) {
		if (list.items[i].installation_id == c->installation_id && owns(&list.items[i], instance_url, c->path)) {
			c->source = CREDENTIAL_INSTALLATION;
			return true;
		}
	}
	return gone(c->forge, instance_url, err);
}

/* The shared credentials of GitHub are for the one server that the operator named. */
static bool is_shared_instance(const struct credential_sources *s, const char *instance_url)
{
	return s->github && strcmp(s->github->text, instance_url) == 0;
}

bool credential_from_binding(const struct credential_sources *s, const struct credential_asker *asker, const char *provider,
                             const char *binding, const char *instance_url, const char *project_path, struct credential *ret,
                             struct error *err)
{
	CLEANUP(credential_release) struct credential c = {.forge = forge_of_name(provider), .path = xstrdup(project_path)};
	bool found;

	if (!c.forge || !instance_url_parse_stored(instance_url, &c.instance, err))
		return c.forge ? false : error_set(err, ERR_INTERNAL, "A binding names the provider %.40s.", provider);
	if (strcmp(binding, PROJECT_BINDING) == 0) {
		c.source = CREDENTIAL_PROJECT;
		set_string(&c.project, asker->project);
		found = is_shared_instance(s, instance_url) || gone(c.forge, instance_url, err);
	} else if (strncmp(binding, INSTALLATION_PREFIX, strlen(INSTALLATION_PREFIX)) == 0) {
		c.installation_id = strtoll(binding + strlen(INSTALLATION_PREFIX), NULL, 10);
		found = is_shared_instance(s, instance_url) ? find_installation(s, asker->user_id, instance_url, &c, err)
		                                            : gone(c.forge, instance_url, err);
	} else {
		found = find_connection(s, asker->user_id, binding, instance_url, &c, err);
	}
	if (!found)
		return false;
	*ret = c;
	c = (struct credential)CREDENTIAL_INIT;
	return true;
}
