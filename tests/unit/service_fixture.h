#pragma once
/* service_fixture — an account service over keys of its own, stores in memory and a small GitLab on 127.0.0.1. */
#include "alloc.h"
#include "check.h"
#include "http_peer.h"
#include "memory_store.h"
#include "temporary_folder.h"

#include <string.h>

/* What the small GitLab answers; a test changes it between calls. */
struct small_gitlab {
	const char *username;
	int user_id;
	const char *scopes;     /* JSON array; NULL: this GitLab does not tell them */
	const char *dead_token; /* NULL: none */
	const char *sore_token; /* it makes this GitLab fail; NULL: none */
	int access_level;
	bool archived, protects_branches, fails_at_branches, empty;
	int project_id;             /* 0: 42 */
	const char *default_branch; /* NULL: main */
	const char *probe_refusal;  /* the body of a 403 to the push probe; NULL: it may push */
};
#define SMALL_GITLAB_INIT                                                                                                          \
	{                                                                                                                          \
		.username = "john", .user_id = 7, .scopes = "[\"api\"]", .access_level = 30                                        \
	}

struct service_fixture {
	struct small_gitlab gitlab;
	struct http_peer *peer;
	struct temporary_folder folder;
	struct memory_store store;
	struct address_policy *policy;
	struct http_client *client;
	struct keyring *keyring;
	struct instance_entry entry;
	struct instances instances;
	struct account_service service;
	struct check_service checks;
	char url[64];
};

static inline void answer_project(struct peer_exchange *exchange, const struct small_gitlab *gitlab)
{
	char body[1024], branch[300];

	(void)snprintf(branch, sizeof(branch), "\"%s\"", gitlab->default_branch ? gitlab->default_branch : "main");
	(void)snprintf(body, sizeof(body),
	               "{\"id\":%d,\"path_with_namespace\":\"team/api\",\"default_branch\":%s,\"empty_repo\":%s,\"archived\":%s,"
	               "\"repository_access_level\":\"enabled\",\"permissions\":{\"project_access\":{\"access_level\":%d},\"group_"
	               "access\":null}}",
	               gitlab->project_id ? gitlab->project_id : 42, gitlab->empty ? "null" : branch,
	               gitlab->empty ? "true" : "false", gitlab->archived ? "true" : "false", gitlab->access_level);
	peer_answer(exchange, "200 OK", "Content-Type: application/json\r\n", body);
}

static inline void small_gitlab_answer(struct peer_exchange *exchange, void *context)
{
	static const char json[] = "Content-Type: application/json\r\n";
	const struct small_gitlab *gitlab = context;
	char body[1024], authorization[600] = "";

	(void)peer_header(exchange, "Authorization", authorization, sizeof(authorization));
	if (gitlab->dead_token && strstr(authorization, gitlab->dead_token)) {
		peer_answer(exchange, "401 Unauthorized", json,
		            "{\"error\":\"invalid_token\",\"error_description\":\"Token was revoked. You have to re-authorize from "
		            "the user.\"}");
	} else if (gitlab->sore_token && strstr(authorization, gitlab->sore_token)) {
		peer_answer(exchange, "500 Internal Server Error", "Content-Type: application/json\r\nX-Gitlab-Meta: {}\r\n",
		            "{\"message\":\"500 Internal Server Error\"}");
	} else if (strstr(exchange->target, "/personal_access_tokens/self") && !gitlab->scopes) {
		peer_answer(exchange, "404 Not Found", json, "{\"error\":\"404 Not Found\"}");
	} else if (strstr(exchange->target, "/personal_access_tokens/self")) {
		(void)snprintf(body, sizeof(body),
		               "{\"name\":\"acp\",\"active\":true,\"revoked\":false,\"scopes\":%s,\"expires_at\":null}",
		               gitlab->scopes);
		peer_answer(exchange, "200 OK", json, body);
	} else if (strcmp(exchange->target, "/api/v4/user") == 0) {
		(void)snprintf(body, sizeof(body),
		               "{\"id\":%d,\"username\":\"%s\",\"name\":\"John\",\"state\":\"active\",\"email\":\"j@x.org\"}",
		               gitlab->user_id, gitlab->username);
		peer_answer(exchange, "200 OK", json, body);
	} else if (strstr(exchange->target, "service=git-upload-pack")) {
		peer_answer(exchange, "200 OK", "Content-Type: application/x-git-upload-pack-advertisement\r\n", "001e# service=");
	} else if (strstr(exchange->target, "git-receive-pack")) {
		if (gitlab->probe_refusal)
			peer_answer(exchange, "403 Forbidden", "Content-Type: text/plain\r\n", gitlab->probe_refusal);
		else
			peer_answer(exchange, "200 OK", "Content-Type: application/x-git-receive-pack-advertisement\r\n",
			            "001f# service=");
	} else if (strcmp(exchange->target, "/api/v4/projects/42/merge_requests") == 0) {
		peer_answer(exchange, "201 Created", json,
		            "{\"iid\":3,\"web_url\":\"https://elsewhere.test/x/-/merge_requests/3\"}");
	} else if (gitlab->fails_at_branches && strstr(exchange->target, "/repository/branches/")) {
		peer_answer(exchange, "500 Internal Server Error", json, "{\"message\":\"500 Internal Server Error\"}");
	} else if (strstr(exchange->target, "/repository/branches/main")) {
		peer_answer(exchange, "200 OK", json,
		            "{\"name\":\"main\",\"protected\":true,\"can_push\":false,\"default\":true,"
		            "\"commit\":{\"id\":\"1111111111111111111111111111111111111111\"}}");
	} else if (strstr(exchange->target, "/protected_branches")) {
		peer_answer(exchange, "200 OK", json,
		            gitlab->protects_branches ? "[{\"name\":\"*\",\"push_access_levels\":[{\"access_level\":40}]}]" : "[]");
	} else if (strstr(exchange->target, "/repository/branches/")) {
		peer_answer(exchange, "404 Not Found", json, "{\"message\":\"404 Branch Not Found\"}");
	} else if (strcmp(exchange->target, "/api/v4/projects/team%2Fapi") == 0 ||
	           strcmp(exchange->target, "/api/v4/projects/42") == 0) {
		answer_project(exchange, gitlab);
	} else {
		peer_answer(exchange, "404 Not Found", json, "{\"message\":\"404 Project Not Found\"}");
	}
}

static inline void must(bool ok, const struct error *err)
{
	if (ok)
		return;
	(void)fprintf(stderr, "%s: %s %s\n", error_name(err->code), err->message, err->detail);
	abort();
}

static inline void service_fixture_keys(struct service_fixture *f)
{
	char public_keys[PATH_SIZE], signing_key[PATH_SIZE], private_keys[PATH_SIZE];
	const struct keyring_paths paths = {folder_file(&f->folder, "public.keys", public_keys),
	                                    folder_file(&f->folder, "signing.key", signing_key),
	                                    folder_file(&f->folder, "private.keys", private_keys)};
	struct error err = ERROR_INIT;

	must(keyring_generate(&paths, &err), &err);
	must(keyring_load(&paths, KEYRING_PUBLIC | KEYRING_SIGNING | KEYRING_PRIVATE, &f->keyring, &err), &err);
}

static inline void service_fixture_make(struct service_fixture *f)
{
	struct error err = ERROR_INIT;
	struct http_client_options options = {.ca_file = "", .user_agent = "test"};
	char allowed[32];

	*f = (struct service_fixture){.gitlab = SMALL_GITLAB_INIT};
	must(secret_library_init(), &err);
	folder_make(&f->folder);
	service_fixture_keys(f);
	f->peer = http_peer_start(PEER_PLAIN, small_gitlab_answer, &f->gitlab);
	(void)snprintf(allowed, sizeof(allowed), "127.0.0.1:%u", http_peer_port(f->peer));
	(void)snprintf(f->url, sizeof(f->url), "http://%s", allowed);
	options.policy = f->policy = address_policy_new();
	must(address_policy_add(f->policy, allowed, &err), &err);
	must(http_client_new(&options, &f->client, &err), &err);
	must(instance_url_parse(f->url, &f->entry.url, &err), &err);
	f->entry.insecure_http = true;
	f->instances = (struct instances){&f->entry, 1};
	f->service = (struct account_service){.client = f->client,
	                                      .instances = &f->instances,
	                                      .keyring = f->keyring,
	                                      .connections = memory_connections(&f->store),
	                                      .secrets = memory_secrets(&f->store)};
	f->checks = (struct check_service){.credentials = {.accounts = &f->service}};
}

static inline void service_fixture_remove(struct service_fixture *f)
{
	http_client_freep(&f->client);
	http_peer_stop(f->peer);
	address_policy_freep(&f->policy);
	instance_url_release(&f->entry.url);
	keyring_freep(&f->keyring);
	memory_store_release(&f->store);
	folder_remove(&f->folder);
}

static inline bool fixture_connect(struct service_fixture *f, const char *user, const char *token, struct account_verdict *ret,
                                   struct error *err)
{
	CLEANUP(secret_release) struct secret secret = SECRET_INIT;
	const struct account_request request = {
	        .provider = PROVIDER_GITLAB, .user_id = user, .instance_url = f->url, .token = &secret, .request_id = "request-1"};

	secret_set(&secret, token, strlen(token));
	f->store.log[0] = '\0';
	return account_connect(&f->service, &request, ret, err);
}
