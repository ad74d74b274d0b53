#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account_fixture.h"

#define FIRST   "glpat-first-token-0001"
#define CLASSIC "ghp_classic0000000001"
#define GRANTED "github_pat_11granted0000000001"

/* A GitHub Enterprise Server beside the fixture's GitLab; its address is the one of a token for which none is named. */
struct github_fixture {
	struct service_fixture base;
	const char *scopes;     /* the header's value; NULL: none */
	const char *dead_token; /* NULL: none */
	struct http_peer *peer;
	struct instance_entry entries[2];
	struct instances instances;
	char url[64];
};

static void small_github_answer(struct peer_exchange *exchange, void *context)
{
	const struct github_fixture *g = context;
	char headers[256] = "Content-Type: application/json\r\nX-GitHub-Request-Id: 1\r\n", authorization[600] = "";

	(void)peer_header(exchange, "Authorization", authorization, sizeof(authorization));
	if (g->dead_token && strstr(authorization, g->dead_token)) {
		peer_answer(exchange, "401 Unauthorized", headers, "{\"message\":\"Bad credentials\"}");
		return;
	}
	if (g->scopes) {
		size_t used = strlen(headers);

		(void)snprintf(headers + used, sizeof(headers) - used, "X-OAuth-Scopes: %s\r\n", g->scopes);
	}
	if (strcmp(exchange->target, "/api/v3/user") == 0)
		peer_answer(exchange, "200 OK", headers,
		            "{\"id\":583231,\"login\":\"octocat\",\"name\":\"Octo\",\"type\":\"User\"}");
	else
		peer_answer(exchange, "404 Not Found", headers, "{\"message\":\"Not Found\"}");
}

static void github_fixture_make(struct github_fixture *g)
{
	struct error err = ERROR_INIT;
	char allowed[32];

	*g = (struct github_fixture){.scopes = "repo, workflow"};
	service_fixture_make(&g->base);
	g->peer = http_peer_start(PEER_PLAIN, small_github_answer, g);
	(void)snprintf(allowed, sizeof(allowed), "127.0.0.1:%u", http_peer_port(g->peer));
	(void)snprintf(g->url, sizeof(g->url), "http://%s", allowed);
	must(address_policy_add(g->base.policy, allowed, &err), &err);
	g->entries[0] = g->base.entry;
	must(instance_url_parse(g->url, &g->entries[1].url, &err), &err);
	g->entries[1].insecure_http = true;
	g->instances = (struct instances){g->entries, ARRAY_SIZE(g->entries)};
	g->base.service.instances = &g->instances;
	g->base.service.github = &g->entries[1].url;
}

static void github_fixture_remove(struct github_fixture *g)
{
	http_peer_stop(g->peer);
	instance_url_release(&g->entries[1].url);
	service_fixture_remove(&g->base);
}

static bool connect_github(struct github_fixture *g, const char *token, struct account_verdict *ret, struct error *err)
{
	CLEANUP(secret_release) struct secret secret = SECRET_INIT;
	const struct account_request request = {
	        .provider = PROVIDER_GITHUB, .user_id = "alice", .instance_url = "", .token = &secret};

	secret_set(&secret, token, strlen(token));
	return account_connect(&g->base.service, &request, ret, err);
}

static size_t count_of(struct github_fixture *g, enum provider provider)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error err = ERROR_INIT;

	must(account_list(&g->base.service, provider, "alice", &list, &err), &err);
	for (size_t i = 0; i < list.count; i++)
		assert_string_equal(list.items[i].provider, provider_name(provider));
	return list.count;
}

static void github_is_connected_beside_gitlab(void **state UNUSED)
{
	struct github_fixture g;
	CLEANUP(account_verdict_release) struct account_verdict gitlab = ACCOUNT_VERDICT_INIT, github = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	github_fixture_make(&g);
	must(fixture_connect(&g.base, "alice", FIRST, &gitlab, &err), &err);
	must(connect_github(&g, CLASSIC, &github, &err), &err);
	assert_string_equal(github.connection.provider, "github");
	assert_string_equal(github.connection.instance_url, g.url);
	assert_string_equal(github.connection.username, "octocat");
	assert_string_equal(github.connection.gitlab_user_id, "583231");
	assert_string_equal(github.connection.scopes, "repo workflow");
	assert_checks(&github.checks, "++.+.++....");
	assert_int_equal(count_of(&g, PROVIDER_GITLAB), 1);
	assert_int_equal(count_of(&g, PROVIDER_GITHUB), 1);

	must(account_disconnect(&g.base.service, PROVIDER_GITHUB, "alice", NULL, &err), &err);
	assert_int_equal(count_of(&g, PROVIDER_GITHUB), 0);
	assert_opens_to(&g.base, "alice", FIRST);
	must(account_disconnect(&g.base.service, PROVIDER_GITHUB, "alice", "", &err), &err);
	assert_int_equal(count_of(&g, PROVIDER_GITLAB), 1);
	github_fixture_remove(&g);
}

static void a_github_token_is_judged_by_githubs_words(void **state UNUSED)
{
	static const struct {
		const char *sentence, *token, *scopes;
		enum error_code code;
		const char *checks, *warning; /* "": none */
	} rows[] = {
	        {"a classic token for everything", CLASSIC, "repo, workflow", ERR_NONE, "++.+.++....", "token_never_expires"},
	        {"a classic token for public repositories", CLASSIC, "public_repo", ERR_NONE, "++.+.++....", "token_never_expires"},
	        {"a fine-grained token tells no scopes: that check could not run", GRANTED, NULL, ERR_NONE, "++.+.+.....",
	         "token_fine_grained"},
	        {"a classic token that may only show its user", CLASSIC, "read:user", ERR_TOKEN_SCOPE_MISSING, "++.+.+!....", ""},
	        {"a classic token without any scope", CLASSIC, "", ERR_TOKEN_SCOPE_MISSING, "++.+.+!....", ""},
	        {"a token of an installation", "ghs_installation0001", NULL, ERR_TOKEN_WRONG_KIND, "++...!.....", ""},
	        {"a token of GitLab", FIRST, NULL, ERR_TOKEN_WRONG_KIND, "++...!.....", ""},
	};
	struct github_fixture g;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;

	github_fixture_make(&g);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		g.scopes = rows[i].scopes;
		assert_int_equal(connect_github(&g, rows[i].token, &verdict, &err), rows[i].code == ERR_NONE);
		assert_int_equal(err.code, rows[i].code);
		assert_checks(&verdict.checks, rows[i].checks);
		assert_string_equal(verdict.warning_count > 0 ? account_warning_name(verdict.warnings[0].code) : "",
		                    rows[i].warning);
		if (rows[i].code == ERR_TOKEN_SCOPE_MISSING) {
			assert_non_null(strstr(err.message, "GitHub needs 'repo'"));
			assert_non_null(strstr(error_remediation(&err), "fine-grained"));
		}
	}
	github_fixture_remove(&g);
}

static void recheck_asks_each_connection_at_its_own_forge(void **state UNUSED)
{
	struct github_fixture g;
	CLEANUP(account_verdict_release) struct account_verdict gitlab = ACCOUNT_VERDICT_INIT, github = ACCOUNT_VERDICT_INIT;
	struct memory_store *store = &g.base.store;
	struct error err = ERROR_INIT;
	size_t checked = 0, invalid = 0;

	github_fixture_make(&g);
	must(fixture_connect(&g.base, "alice", FIRST, &gitlab, &err), &err);
	must(connect_github(&g, CLASSIC, &github, &err), &err);
	store->rows[0].last_checked_at = store->rows[1].last_checked_at = 0;
	g.dead_token = CLASSIC;
	must(account_recheck(&g.base.service, 10, &checked, &invalid, &err), &err);
	assert_int_equal(checked, 2);
	assert_int_equal(invalid, 1);
	assert_true(store->rows[0].valid);
	assert_false(store->rows[1].valid);

	set_string(&store->rows[1].provider, "forgejo"); /* as a later program might write */
	store->rows[0].last_checked_at = store->rows[1].last_checked_at = 0;
	must(account_recheck(&g.base.service, 10, &checked, &invalid, &err), &err);
	assert_int_equal(checked, 1);
	assert_int_equal(store->rows[1].last_checked_at, 0);
	github_fixture_remove(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(github_is_connected_beside_gitlab),
	        cmocka_unit_test(a_github_token_is_judged_by_githubs_words),
	        cmocka_unit_test(recheck_asks_each_connection_at_its_own_forge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
