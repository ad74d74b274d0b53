#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "credential.h"
#include "service_fixture.h"

static const struct credential_asker alice = {"alice", "default"}, mallory = {"mallory", "default"};

/* Installations of one user, in memory. */
struct known_installations {
	struct installation items[4];
	size_t count;
};

static bool list_installations(void *state, const char *user_id, struct installation_list *ret, struct error *err UNUSED)
{
	const struct known_installations *known = state;

	*ret = (struct installation_list){.items = xcalloc(known->count + 1, sizeof(*ret->items))};
	for (size_t i = 0; i < known->count; i++) {
		const struct installation *one = &known->items[i];

		if (strcmp(one->user_id, user_id) != 0)
			continue;
		ret->items[ret->count++] = (struct installation){.user_id = xstrdup(one->user_id),
		                                                 .instance_url = xstrdup(one->instance_url),
		                                                 .installation_id = one->installation_id,
		                                                 .account = xstrdup(one->account)};
	}
	return true;
}

static const struct project_store_ops installation_ops = {.installations = list_installations};

static struct connection connection_to(const char *provider, const char *instance_url)
{
	struct connection c = CONNECTION_INIT;

	record_key_make(provider, "alice", instance_url, c.key);
	c.user_id = xstrdup("alice");
	c.provider = xstrdup(provider);
	c.instance_url = xstrdup(instance_url);
	c.username = xstrdup(provider);
	return c;
}

static void token_is_for_the_very_origin_and_the_deepest_root(void **state UNUSED)
{
	static const struct {
		const char *sentence, *url;
		enum provider asked;
		const char *instance; /* NULL: no credential */
		const char *path;
	} rows[] = {
	        {"the very origin", "https://gitlab.com/team/api.git", PROVIDER_UNKNOWN, "https://gitlab.com", "team/api"},
	        {"a nested root wins over the server's", "https://host.example/gitlab/team/api", PROVIDER_UNKNOWN,
	         "https://host.example/gitlab", "team/api"},
	        {"outside the nested root the server's", "https://host.example/team/api", PROVIDER_UNKNOWN, "https://host.example",
	         "team/api"},
	        {"another port is another place", "https://host.example:8443/team/api", PROVIDER_UNKNOWN, NULL, NULL},
	        {"http is not https", "http://gitlab.com/team/api", PROVIDER_UNKNOWN, NULL, NULL},
	        {"ssh needs the host alone", "git@gitlab.com:team/api.git", PROVIDER_UNKNOWN, "https://gitlab.com", "team/api"},
	        {"a host that only looks alike", "https://gitlab.com.evil.example/team/api", PROVIDER_UNKNOWN, NULL, NULL},
	        {"a host that ends alike", "https://evil-gitlab.com/team/api", PROVIDER_UNKNOWN, NULL, NULL},
	        {"a GitHub server of any name", "https://code.example/team/api", PROVIDER_UNKNOWN, "https://code.example",
	         "team/api"},
	        {"GitHub's token is not GitLab's", "https://code.example/team/api", PROVIDER_GITLAB, NULL, NULL},
	        {"GitLab's token is not GitHub's", "https://gitlab.com/team/api", PROVIDER_GITHUB, NULL, NULL},
	};
	struct connection items[] = {connection_to("gitlab", "https://gitlab.com"), connection_to("gitlab", "https://host.example"),
	                             connection_to("gitlab", "https://host.example/gitlab"),
	                             connection_to("github", "https://code.example")};
	const struct connection_list list = {items, ARRAY_SIZE(items)};
	const struct credential_sources sources = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
		CLEANUP(credential_release) struct credential chosen = CREDENTIAL_INIT;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		must(repo_url_parse(rows[i].url, &url, &err), &err);
		must(credential_choose(&sources, &list, &alice, &url, rows[i].asked, &chosen, &err), &err);
		assert_int_equal(chosen.source, rows[i].instance ? CREDENTIAL_CONNECTION : CREDENTIAL_NONE);
		if (!rows[i].instance)
			continue;
		assert_string_equal(chosen.instance.text, rows[i].instance);
		assert_string_equal(chosen.connection.instance_url, rows[i].instance);
		assert_string_equal(chosen.path, rows[i].path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		connection_release(&items[i]);
}

static void github_is_served_by_user_then_installation_then_project(void **state UNUSED)
{
	static const struct {
		const char *sentence, *url;
		bool own_token, app, git_token;
		enum credential_source source;
		int64_t installation;
	} rows[] = {
	        {"the user's own token comes first", "https://github.com/octo-org/api", true, true, true, CREDENTIAL_CONNECTION, 0},
	        {"then the installation of the account", "https://github.com/octo-org/api", false, true, true,
	         CREDENTIAL_INSTALLATION, 11},
	        {"whatever the case of its name", "https://github.com/Octo-Org/api", false, true, true, CREDENTIAL_INSTALLATION,
	         11},
	        {"an account that begins alike is another", "https://github.com/octo/api", false, true, true, CREDENTIAL_PROJECT,
	         0},
	        {"somebody else's installation is not used", "https://github.com/hubber/api", false, true, false, CREDENTIAL_NONE,
	         0},
	        {"then the project's token", "https://github.com/octo-org/api", false, false, true, CREDENTIAL_PROJECT, 0},
	        {"none of them", "https://github.com/octo-org/api", false, false, false, CREDENTIAL_NONE, 0},
	        {"an Enterprise server gets neither", "https://github.corp.example/octo-org/api", false, true, true,
	         CREDENTIAL_NONE, 0},
	        {"nor does GitHub without TLS", "http://github.com/octo-org/api", false, true, true, CREDENTIAL_NONE, 0},
	        {"nor another port", "https://github.com:8443/octo-org/api", false, true, true, CREDENTIAL_NONE, 0},
	};
	struct known_installations known = {.items = {{.user_id = (char[]){"alice"},
	                                               .instance_url = (char[]){"https://github.com"},
	                                               .installation_id = 11,
	                                               .account = (char[]){"octo-org"}},
	                                              {.user_id = (char[]){"bob"},
	                                               .instance_url = (char[]){"https://github.com"},
	                                               .installation_id = 12,
	                                               .account = (char[]){"hubber"}}},
	                                    .count = 2};
	struct connection own = connection_to("github", "https://github.com");
	CLEANUP(instance_url_release) struct instance_url github = INSTANCE_URL_INIT;
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	struct error err = ERROR_INIT;

	must(secret_library_init(), &err);
	must(instance_url_parse("https://github.com", &github, &err), &err);
	secret_set(&token, "ghp_project", strlen("ghp_project"));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		/* What the App is does not matter here, only that there is one. */
		struct github_app *app = rows[i].app ? (struct github_app *)(void *)&known : NULL;
		const struct credential_sources sources = {.projects = {&installation_ops, &known},
		                                           .app = app,
		                                           .git_token = rows[i].git_token ? &token : NULL,
		                                           .github = &github};
		const struct connection_list list = {&own, rows[i].own_token ? 1 : 0};
		CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
		CLEANUP(credential_release) struct credential chosen = CREDENTIAL_INIT;

		print_message("  %s\n", rows[i].sentence);
		must(repo_url_parse(rows[i].url, &url, &err), &err);
		must(credential_choose(&sources, &list, &alice, &url, PROVIDER_UNKNOWN, &chosen, &err), &err);
		assert_int_equal(chosen.source, rows[i].source);
		assert_int_equal(chosen.installation_id, rows[i].installation);
	}
	connection_release(&own);
}

/* A report in whose middle the user connects another account must not ask with the one's token about the other's role. */
static void token_of_a_replaced_connection_comes_with_its_own_account(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	CLEANUP(credential_release) struct credential chosen = CREDENTIAL_INIT;
	struct error err = ERROR_INIT;
	char address[128];

	service_fixture_make(&f);
	const struct credential_sources *sources = &f.checks.credentials;
	must(fixture_connect(&f, "alice", "glpat-of-john-0001", &first, &err), &err);
	must(account_list(&f.service, PROVIDER_GITLAB, "alice", &list, &err), &err);
	(void)snprintf(address, sizeof(address), "%s/team/api", f.url);
	must(repo_url_parse(address, &url, &err), &err);
	must(credential_choose(sources, &list, &alice, &url, PROVIDER_UNKNOWN, &chosen, &err), &err);

	f.gitlab = (struct small_gitlab){.username = "mary", .user_id = 9, .scopes = "[\"read_api\"]", .access_level = 20};
	must(fixture_connect(&f, "alice", "glpat-of-mary-0001", &second, &err), &err);
	must(credential_open(sources, &chosen, NULL, &err), &err);
	assert_string_equal(secret_bytes(&chosen.token), "glpat-of-mary-0001");
	assert_string_equal(chosen.connection.gitlab_user_id, "9");
	assert_string_equal(credential_actor(&chosen), "mary");
	assert_string_equal(chosen.connection.scopes, "read_api");
	assert_true(chosen.connection.generation == second.connection.generation);
	service_fixture_remove(&f);
}

static void binding_gives_the_credential_back_to_its_owner_alone(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	CLEANUP(credential_release) struct credential mine = CREDENTIAL_INIT, theirs = CREDENTIAL_INIT, moved = CREDENTIAL_INIT;
	struct error err = ERROR_INIT;
	const char *key;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", "glpat-first-token-0001", &verdict, &err), &err);
	key = verdict.connection.key;
	must(credential_from_binding(&f.checks.credentials, &alice, "gitlab", key, f.url, "team/api", &mine, &err), &err);
	must(credential_open(&f.checks.credentials, &mine, "request-1", &err), &err);
	assert_string_equal(secret_bytes(&mine.token), "glpat-first-token-0001");
	assert_false(credential_from_binding(&f.checks.credentials, &mallory, "gitlab", key, f.url, "team/api", &theirs, &err));
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	assert_false(credential_from_binding(&f.checks.credentials, &alice, "gitlab", key, "https://evil.example", "team/api",
	                                     &moved, &err));
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	service_fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(token_is_for_the_very_origin_and_the_deepest_root),
	        cmocka_unit_test(github_is_served_by_user_then_installation_then_project),
	        cmocka_unit_test(token_of_a_replaced_connection_comes_with_its_own_account),
	        cmocka_unit_test(binding_gives_the_credential_back_to_its_owner_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
