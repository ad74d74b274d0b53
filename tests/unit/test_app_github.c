/* What a worker process takes from its settings for GitHub, and what it leaves behind of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "app_parts.h"

#define TOKEN "ghp_0123456789012345678901234567890abcd"

enum { VARIABLES_MAX = 5 };

/* An environment that can be written to, as a process has it: our own, and no configuration file. */
struct environment {
	char *variables[VARIABLES_MAX + 2];
};

static void environment_make(struct environment *e, const char *const *variables)
{
	*e = (struct environment){.variables = {xstrdup("ACP_CONFIG_FILE=")}};
	for (size_t i = 0; i < VARIABLES_MAX && variables[i]; i++)
		e->variables[i + 1] = xstrdup(variables[i]);
}

static void environment_release(struct environment *e)
{
	for (size_t i = 0; e->variables[i]; i++)
		free(e->variables[i]);
}

static bool read_github(struct app *app, unsigned pools, struct environment *e, struct error *err)
{
	app->pools = pools;
	return settings_load(e->variables, &app->settings, err) && app_read_github(app, e->variables, err);
}

static void settings_that_cannot_work_stop_the_start(void **state)
{
	static const struct {
		const char *sentence, *variables[VARIABLES_MAX];
		unsigned pools;
		const char *names; /* in the error; NULL: it starts */
	} rows[] = {
	        {"nothing is set", {NULL}, POOL_GIT, NULL},
	        {"another server", {"ACP_GITHUB_URL=https://github.corp/"}, POOL_STATUS, NULL},
	        {"a server without TLS", {"ACP_GITHUB_URL=http://github.corp"}, POOL_STATUS, "ACP_GITHUB_URL"},
	        {"a page instead of a server", {"ACP_GITHUB_URL=https://github.corp/?x"}, POOL_STATUS, "ACP_GITHUB_URL"},
	        {"a token", {"ACP_GIT_TOKEN=" TOKEN}, POOL_REPOSITORIES, NULL},
	        {"a token of GitLab's", {"ACP_GIT_TOKEN=glpat-01234567890123456789"}, POOL_REPOSITORIES, "ACP_GIT_TOKEN"},
	        {"an App without its key", {"ACP_GITHUB_APP_ID=7"}, POOL_GIT, "ACP_GITHUB_APP_KEY_FILE"},
	        {"a key without its App", {"ACP_GITHUB_APP_KEY_FILE=/nowhere.pem"}, POOL_GIT, "ACP_GITHUB_APP_ID"},
	        {"a key that is not there",
	         {"ACP_GITHUB_APP_ID=7", "ACP_GITHUB_APP_KEY_FILE=/nowhere.pem"},
	         POOL_GIT,
	         "/nowhere.pem"},
	        {"a pool without use for the key does not look at it",
	         {"ACP_GITHUB_APP_ID=7", "ACP_GITHUB_APP_KEY_FILE=/nowhere.pem"},
	         POOL_CONNECT,
	         NULL},
	        {"a CGI process does without a key that it may not read",
	         {"ACP_GITHUB_APP_ID=7", "ACP_GITHUB_APP_KEY_FILE=/nowhere.pem"},
	         POOL_ALL,
	         NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(app_release) struct app app = APP_INIT;
		CLEANUP(environment_release) struct environment environment;
		struct error err = ERROR_INIT;
		bool started;

		environment_make(&environment, rows[i].variables);
		started = read_github(&app, rows[i].pools, &environment, &err);
		if (started != !rows[i].names ||
		    (!started && !strstr(err.message, rows[i].names) && !strstr(err.detail, rows[i].names)))
			fail_msg("%s: %s %s", rows[i].sentence, err.message, err.detail);
		assert_null(strstr(err.message, "glpat-0123"));
	}
}

static void token_is_kept_once_and_only_where_tokens_are_opened(void **state)
{
	static const struct {
		unsigned pool;
		bool kept;
	} rows[] = {{POOL_STATUS, false}, {POOL_CONNECT, false}, {POOL_REPOSITORIES, true}, {POOL_GIT, true}, {POOL_ALL, true}};
	const char *const variables[VARIABLES_MAX] = {"ACP_GIT_TOKEN=" TOKEN, "HOME=/"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(app_release) struct app app = APP_INIT;
		CLEANUP(environment_release) struct environment environment;
		struct error err = ERROR_INIT;

		environment_make(&environment, variables);
		assert_true(read_github(&app, rows[i].pool, &environment, &err));
		assert_int_equal(app.git_token.length, rows[i].kept ? strlen(TOKEN) : 0);
		assert_string_equal(settings_get(&app.settings, GIT_TOKEN), "");
		assert_string_equal(environment.variables[1], "ACP_GIT_TOKEN=");
		/* All of it, not its first byte alone. */
		for (size_t at = 0; at < strlen(TOKEN); at++)
			assert_int_equal(environment.variables[1][strlen("ACP_GIT_TOKEN=") + at], '\0');
		assert_string_equal(environment.variables[2], "HOME=/");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(settings_that_cannot_work_stop_the_start),
	        cmocka_unit_test(token_is_kept_once_and_only_where_tokens_are_opened),
	};

	if (!secret_library_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
