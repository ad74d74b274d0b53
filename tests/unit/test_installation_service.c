/* Whose installation of the GitHub App it is: numbers are guessed, proofs are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "installation_service.h"
#include "service_fixture.h"

#define TOKEN "ghp_0123456789012345678901234567890abcd"

/* A small GitHub: mona (7) is an active member of acme, was invited to slow, and has nothing to do with the others. */
static void small_github_answer(struct peer_exchange *exchange, void *context)
{
	static const struct {
		const char *target, *status, *body;
	} rows[] = {
	        {"/api/v3/app/installations/5", "200 OK", "{\"id\":5,\"account\":{\"login\":\"mona\",\"id\":7,\"type\":\"User\"}}"},
	        {"/api/v3/app/installations/6", "200 OK",
	         "{\"id\":6,\"account\":{\"login\":\"acme\",\"id\":50,\"type\":\"Organization\"}}"},
	        {"/api/v3/app/installations/7", "200 OK",
	         "{\"id\":7,\"account\":{\"login\":\"hubot\",\"id\":8,\"type\":\"User\"}}"},
	        {"/api/v3/app/installations/8", "200 OK",
	         "{\"id\":8,\"account\":{\"login\":\"acme\",\"id\":50,\"type\":\"Organization\"},\"suspended_at\":\"2026-01-01T00:"
	         "00:00Z\"}"},
	        {"/api/v3/app/installations/9", "200 OK",
	         "{\"id\":9,\"account\":{\"login\":\"closed\",\"id\":51,\"type\":\"Organization\"},\"suspended_at\":\"2026-01-"
	         "01T00:00:00Z\"}"},
	        {"/api/v3/app/installations/10", "200 OK",
	         "{\"id\":10,\"account\":{\"login\":\"slow\",\"id\":52,\"type\":\"Organization\"}}"},
	        {"/api/v3/user/memberships/orgs/acme", "200 OK", "{\"state\":\"active\",\"role\":\"admin\"}"},
	        {"/api/v3/user/memberships/orgs/slow", "200 OK", "{\"state\":\"pending\"}"},
	};
	static const char json[] = "Content-Type: application/json; charset=utf-8\r\nX-GitHub-Request-Id: 1:2:3\r\n";
	const bool *refuses_tokens = context;
	char headers[256];

	(void)snprintf(headers, sizeof(headers), "%sX-OAuth-Scopes: repo, read:org\r\n", json);
	if (*refuses_tokens && strncmp(exchange->target, "/api/v3/user", 12) == 0) {
		peer_answer(exchange, "401 Unauthorized", json, "{\"message\":\"Bad credentials\"}");
		return;
	}
	if (strcmp(exchange->target, "/api/v3/user") == 0) {
		peer_answer(exchange, "200 OK", headers,
		            "{\"id\":7,\"login\":\"mona\",\"name\":\"Mona\",\"email\":null,\"type\":\"User\"}");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(exchange->target, rows[i].target) == 0) {
			peer_answer(exchange, rows[i].status, headers, rows[i].body);
			return;
		}
	peer_answer(exchange, "404 Not Found", json, "{\"message\":\"Not Found\"}");
}

/* The installations that were kept: their number and the newest. */
struct kept {
	unsigned count;
	int64_t id;
	char account[64], user[64], instance[64];
};

static bool keep(void *state, const struct installation *installation, struct error *err)
{
	struct kept *kept = state;

	(void)err;
	kept->count++;
	kept->id = installation->installation_id;
	(void)snprintf(kept->account, sizeof(kept->account), "%s", installation->account);
	(void)snprintf(kept->user, sizeof(kept->user), "%s", installation->user_id);
	(void)snprintf(kept->instance, sizeof(kept->instance), "%s", installation->instance_url);
	return true;
}

struct fixture {
	struct service_fixture base;
	struct http_peer *peer;
	bool refuses_tokens;
	struct instance_entry entries[2];
	struct github_app *app;
	struct kept kept;
	struct project_store_ops ops;
	struct credential_sources sources;
};

static void write_key(const char *path)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	FILE *file = fopen(path, "w");

	require(key && file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
	(void)fclose(file);
	EVP_PKEY_free(key);
}

static void fixture_make(struct fixture *f)
{
	char allowed[32], url[64], path[PATH_SIZE];
	struct error err = ERROR_INIT;

	*f = (struct fixture){.refuses_tokens = false};
	service_fixture_make(&f->base);
	f->peer = http_peer_start(PEER_PLAIN, small_github_answer, &f->refuses_tokens);
	(void)snprintf(allowed, sizeof(allowed), "127.0.0.1:%u", http_peer_port(f->peer));
	(void)snprintf(url, sizeof(url), "http://%s", allowed);
	must(address_policy_add(f->base.policy, allowed, &err), &err);
	f->entries[0] = f->base.entry;
	f->entries[1].insecure_http = true;
	must(instance_url_parse(url, &f->entries[1].url, &err), &err);
	f->base.instances = (struct instances){f->entries, 2};
	f->base.service.github = &f->entries[1].url;
	write_key(folder_file(&f->base.folder, "app.pem", path));
	must(github_app_new("12345", path, &f->app, &err), &err);
	f->ops.installation_put = keep;
	f->sources = (struct credential_sources){
	        .accounts = &f->base.service, .projects = {&f->ops, &f->kept}, .app = f->app, .github = &f->entries[1].url};
}

static void fixture_remove(struct fixture *f)
{
	github_app_freep(&f->app);
	http_client_freep(&f->base.client);
	http_peer_stop(f->peer);
	instance_url_release(&f->entries[1].url);
	service_fixture_remove(&f->base);
}

static void connect_token(struct fixture *f, const char *user)
{
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	const struct account_request request = {
	        .provider = PROVIDER_GITHUB, .user_id = user, .token = &token, .request_id = "request-1"};
	struct error err = ERROR_INIT;

	secret_set(&token, TOKEN, strlen(TOKEN));
	must(account_connect(&f->base.service, &request, &verdict, &err), &err);
}

static void installation_is_kept_for_those_who_can_show_it_is_theirs(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		int64_t id;
		enum error_code code;
		const char *account;
	} rows[] = {
	        {"for the user's own account", 5, ERR_NONE, "mona"},
	        {"for an organization that the user is a member of", 6, ERR_NONE, "acme"},
	        {"for another user", 7, ERR_INSTALLATION_NOT_YOURS, NULL},
	        {"suspended, told to a member", 8, ERR_INSTALLATION_SUSPENDED, NULL},
	        {"suspended, not told to others", 9, ERR_INSTALLATION_NOT_YOURS, NULL},
	        {"for an organization that has invited the user", 10, ERR_INSTALLATION_NOT_YOURS, NULL},
	        {"a number that is none", 11, ERR_INSTALLATION_NOT_FOUND, NULL},
	};
	struct fixture f;

	fixture_make(&f);
	connect_token(&f, "alice");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(installation_release) struct installation installation = INSTALLATION_INIT;
		struct error err = ERROR_INIT;
		const unsigned before = f.kept.count;
		const bool added = installation_add(&f.sources, "alice", rows[i].id, "request-2", &installation, &err);

		print_message("  %s\n", rows[i].sentence);
		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(added, rows[i].code == ERR_NONE);
		assert_int_equal(f.kept.count - before, added);
		if (added) {
			assert_string_equal(installation.account, rows[i].account);
			assert_string_equal(f.kept.account, rows[i].account);
			assert_string_equal(f.kept.user, "alice");
			assert_string_equal(f.kept.instance, f.entries[1].url.text);
			assert_int_equal(f.kept.id, rows[i].id);
		} else {
			/* Whose it is, is not said. */
			assert_null(strstr(err.message, "hubot"));
			assert_null(strstr(err.message, "closed"));
		}
	}
	fixture_remove(&f);
}

static void without_a_token_of_that_server_github_is_not_asked(void **state UNUSED)
{
	CLEANUP(installation_release) struct installation installation = INSTALLATION_INIT;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;
	struct fixture f;
	unsigned asked;

	fixture_make(&f);
	connect_token(&f, "alice");
	/* Bob's GitLab token shows nothing, and Alice's is not Bob's. */
	must(fixture_connect(&f.base, "bob", "glpat-01234567890123456789", &verdict, &err), &err);
	asked = http_peer_requests(f.peer);
	assert_false(installation_add(&f.sources, "bob", 5, "request-2", &installation, &err));
	assert_int_equal(err.code, ERR_INSTALLATION_NOT_YOURS);
	assert_int_equal(http_peer_requests(f.peer), asked);
	assert_int_equal(f.kept.count, 0);
	fixture_remove(&f);
}

static void dead_token_proves_nothing(void **state UNUSED)
{
	CLEANUP(installation_release) struct installation installation = INSTALLATION_INIT;
	struct error err = ERROR_INIT;
	struct fixture f;

	fixture_make(&f);
	connect_token(&f, "alice");
	f.refuses_tokens = true;
	assert_false(installation_add(&f.sources, "alice", 5, "request-2", &installation, &err));
	assert_int_equal(err.code, ERR_TOKEN_INVALID);
	assert_false(f.base.store.rows[0].valid);
	assert_int_equal(f.kept.count, 0);
	fixture_remove(&f);
}

static void without_an_app_there_is_nothing_to_install(void **state UNUSED)
{
	CLEANUP(installation_release) struct installation installation = INSTALLATION_INIT;
	struct error err = ERROR_INIT;
	struct fixture f;

	fixture_make(&f);
	f.sources.app = NULL;
	assert_false(installation_add(&f.sources, "alice", 5, "request-2", &installation, &err));
	assert_int_equal(err.code, ERR_APP_NOT_CONFIGURED);
	fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(installation_is_kept_for_those_who_can_show_it_is_theirs),
	        cmocka_unit_test(without_a_token_of_that_server_github_is_not_asked),
	        cmocka_unit_test(dead_token_proves_nothing),
	        cmocka_unit_test(without_an_app_there_is_nothing_to_install),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
