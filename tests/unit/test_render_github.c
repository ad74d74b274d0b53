/* The JSON of a user's token and installations, and of all integrations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "render_fixture.h"
#include "render_github.h"

static char github_text[] = "https://github.com", github_host[] = "github.com", github_root[] = "";
static const struct instance_url github = {
        .text = github_text, .host = github_host, .port = 443, .root = github_root, .https = true};

static char acme[] = "acme", old[] = "old", enterprise[] = "https://github.corp";
static struct installation two[] = {
        {.instance_url = enterprise, .installation_id = 9, .account = old, .updated_at = NOW_S},
        {.instance_url = github_text, .installation_id = 12345678901, .account = acme, .updated_at = NOW_S},
};

static void add_token(struct connection_list *list, const char *instance)
{
	struct connection token;

	fill(&token, instance, NOW_S);
	set_string(&token.provider, "github");
	set_string(&token.scopes, "repo");
	connection_list_take(list, &token);
}

static void token_status_without_a_token_is_exactly_one_member(void **state)
{
	const struct connection_list none = CONNECTION_LIST_INIT;

	(void)state;
	assert_json(render_pat_status(&none, NOW_S), "{\"configured\":false}");
}

static void token_status_shows_the_newest_and_lists_all(void **state)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	json_t *answer;

	(void)state;
	add_token(&list, "https://github.com");
	add_token(&list, "https://github.corp");
	answer = render_pat_status(&list, NOW_S);
	assert_true(json_bool_or(answer, "configured", false));
	assert_true(json_bool_or(answer, "valid", false));
	assert_string_equal(json_string_or(answer, "username", ""), "yourname");
	assert_string_equal(json_string_or(answer, "expiresAt", ""), "2026-12-22");
	assert_string_equal(json_string_or(answer, "instanceUrl", ""), "https://github.com");
	assert_int_equal(json_array_size(json_object_get(answer, "connections")), 2);
	json_decref(answer);
}

static void users_token_comes_before_the_app(void **state)
{
	static const struct {
		const char *sentence, *token_of; /* NULL: no token */
		bool installed;
		const char *active; /* NULL: absent */
	} rows[] = {
	        {"nothing", NULL, false, NULL},
	        {"a token", "https://github.com", false, "pat"},
	        {"an installation", NULL, true, "app"},
	        {"both", "https://github.com", true, "pat"},
	        {"a token of another server leaves the App its own", "https://github.corp", true, "app"},
	        {"a token of another server alone", "https://github.corp", false, "pat"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(connection_list_release) struct connection_list tokens = CONNECTION_LIST_INIT;
		const struct installation_list installations = {two, rows[i].installed ? 2 : 1};
		const struct github_view view = {"user-123", &github, &tokens, &installations};
		const char *active;
		json_t *answer;

		if (rows[i].token_of)
			add_token(&tokens, rows[i].token_of);
		answer = render_github_status(&view, NOW_S);
		active = json_string_or(answer, "active", NULL);
		if (json_bool_or(answer, "installed", false) != rows[i].installed || !active != !rows[i].active ||
		    (active && strcmp(active, rows[i].active) != 0))
			fail_msg("%s: %s", rows[i].sentence, active ? active : "(absent)");
		assert_string_equal(json_string_or(answer, "userId", ""), "user-123");
		json_decref(answer);
	}
}

static void installation_of_another_server_is_not_shown(void **state)
{
	const struct connection_list none = CONNECTION_LIST_INIT;
	const struct installation_list installations = {two, 2};
	const struct github_view view = {"user-123", &github, &none, &installations};

	(void)state;
#define INSTALLATION                                                                                                               \
	"\"installationId\":12345678901,\"account\":\"acme\",\"host\":\"github.com\",\"updatedAt\":\"2026-11-22T17:00:00Z\""
	assert_json(render_github_status(&view, NOW_S),
	            "{\"installed\":true," INSTALLATION
	            ",\"userId\":\"user-123\",\"pat\":{\"configured\":false},\"active\":\"app\",\"installations\":[{" INSTALLATION
	            "}]}");
}

static void integrations_name_every_provider(void **state)
{
	CLEANUP(connection_list_release) struct connection_list gitlab = CONNECTION_LIST_INIT, tokens = CONNECTION_LIST_INIT;
	const struct installation_list installations = INSTALLATION_LIST_INIT;
	const struct github_view view = {"user-123", &github, &tokens, &installations};
	struct connection connection;

#define OTHERS                                                                                                                     \
	"\"google\":{\"connected\":false},\"jira\":{\"connected\":false},\"coderabbit\":{\"connected\":false},\"gerrit\":{"        \
	"\"instances\":[]}}"
	(void)state;
	assert_json(render_integrations(&gitlab, &view),
	            "{\"gitlab\":{\"connected\":false},\"github\":{\"installed\":false,\"pat\":{\"configured\":false}}," OTHERS);
	fill(&connection, "https://gitlab.com", NOW_S);
	connection_list_take(&gitlab, &connection);
	add_token(&tokens, "https://github.com");
	assert_json(render_integrations(&gitlab, &view),
	            "{\"gitlab\":{\"connected\":true,\"instanceUrl\":\"https://gitlab.com\",\"updatedAt\":\"2026-11-22T17:00:00Z\","
	            "\"valid\":true},\"github\":{\"installed\":false,\"githubUserId\":\"456789\",\"active\":\"pat\",\"pat\":{"
	            "\"configured\":true,\"updatedAt\":\"2026-11-22T17:00:00Z\",\"valid\":true}}," OTHERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(token_status_without_a_token_is_exactly_one_member),
	        cmocka_unit_test(token_status_shows_the_newest_and_lists_all),
	        cmocka_unit_test(users_token_comes_before_the_app),
	        cmocka_unit_test(installation_of_another_server_is_not_shown),
	        cmocka_unit_test(integrations_name_every_provider),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
