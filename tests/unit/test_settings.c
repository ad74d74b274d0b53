#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "file.h"
#include "settings.h"

#define ENVIRONMENT(...) ((char *[]){__VA_ARGS__, NULL})
static char no_file[] = "ACP_CONFIG_FILE=";

static void defaults_hold_where_nothing_is_said(void **state)
{
	(void)state;
	CLEANUP(settings_release) struct settings s = SETTINGS_INIT;
	struct error err = ERROR_INIT;
	assert_true(settings_load(ENVIRONMENT(no_file, (char[]){"HOME=/root"}, (char[]){"XACP_URL=no"}), &s, &err));
	assert_string_equal(settings_get(&s, DATABASE), "/var/lib/acp-gitlab/database/acp-gitlab.db");
	assert_int_equal(settings_number(&s, AGENT_TIMEOUT), 3600);
	assert_false(settings_switch(&s, AGENT_UNCONFINED));
	assert_int_equal(s.sources[SETTING_ID_DATABASE], SETTING_FROM_DEFAULT);
}

static void defaults_are_themselves_valid(void **state)
{
	(void)state;
	for (unsigned id = 0; id < SETTING_COUNT; id++) {
		const struct setting_description *setting = setting_describe((enum setting)id);
		CLEANUP(freep) char *assignment = xasprintf("%s=%s", setting->name, setting->fallback);
		CLEANUP(settings_release) struct settings s = SETTINGS_INIT;
		struct error err = ERROR_INIT;
		if (!settings_load(ENVIRONMENT(no_file, assignment), &s, &err))
			fail_msg("%s", err.message);
		assert_int_equal(s.sources[id], SETTING_FROM_ENVIRONMENT);
	}
}

static void malformed_values_stop_the_start_with_a_line(void **state)
{
	static const struct {
		const char *assignment, *message; /* NULL: accepted */
	} rows[] = {
	        {"ACP_LOG_LEVEL=debug", NULL},
	        {"ACP_LOG_LEVEL=loud", "ACP_LOG_LEVEL must be one of error|warning|info|debug."},
	        {"ACP_LOG_LEVEL=info|debug", "ACP_LOG_LEVEL must be one of error|warning|info|debug."},
	        {"ACP_LOG_LEVEL=", "ACP_LOG_LEVEL must not be empty."},
	        {"ACP_CA_FILE=", NULL},
	        {"ACP_MIRRORS=", NULL},
	        {"ACP_WORKSPACES=", "ACP_WORKSPACES must not be empty."},
	        {"ACP_AGENT_TIMEOUT=999999999", NULL},
	        {"ACP_AGENT_TIMEOUT=1000000000", "ACP_AGENT_TIMEOUT must be a whole number of seconds of at most 9 digits."},
	        {"ACP_AGENT_TIMEOUT=-1", "ACP_AGENT_TIMEOUT must be a whole number of seconds of at most 9 digits."},
	        {"ACP_AGENT_TIMEOUT=1h", "ACP_AGENT_TIMEOUT must be a whole number of seconds of at most 9 digits."},
	        {"ACP_AGENT_UNCONFINED=on", NULL},
	        {"ACP_AGENT_UNCONFINED=yes", "ACP_AGENT_UNCONFINED must be one of on|off."},
	        {"ACP_URL=https://acp.company.com", NULL},
	        {"ACP_URL=acp.company.com", "ACP_URL must be an address that begins with http:// or https://."},
	        {"ACP_URL=https://", "ACP_URL must be an address that begins with http:// or https://."},
	        {"ACP_URL=https://a b", "ACP_URL must be an address that begins with http:// or https://."},
	        {"ACP_EGRESS_ALLOW=10.0.0.0/8, gitlab.internal:8443", NULL},
	        {"ACP_EGRESS_ALLOW=10.0.0.1\n10.0.0.2", "ACP_EGRESS_ALLOW must not contain control characters."},
	        {"ACP_DATABSE=/x", "Unknown setting in the environment: ACP_DATABSE."},
	        {"ACP_", "Unknown setting in the environment: ACP_."},
	        {"ACP_DATABASE_FILE=/x", "Unknown setting in the environment: ACP_DATABASE_FILE."},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep) char *assignment = xstrdup(rows[i].assignment);
		CLEANUP(settings_release) struct settings s = SETTINGS_INIT;
		struct error err = ERROR_INIT;
		bool ok = settings_load(ENVIRONMENT(no_file, assignment), &s, &err);
		if (ok != !rows[i].message || (!ok && strcmp(err.message, rows[i].message) != 0))
			fail_msg("%s: %s", rows[i].assignment, ok ? "accepted" : err.message);
		if (!ok) {
			assert_int_equal(err.code, ERR_CONFIG_INVALID);
			assert_null(s.values[0]);
		}
	}
}

/* Writes `text` as the configuration file and loads it together with one more variable. */
static bool load_file(const char *text, char *variable, struct settings *ret, struct error *err)
{
	char path[] = "/tmp/test_settings.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	assert_true(file_write_atomically(path, text, strlen(text), 0600, err));
	CLEANUP(freep) char *config = xasprintf("ACP_CONFIG_FILE=%s", path);
	bool ok = settings_load(ENVIRONMENT(config, variable), ret, err);
	unlink(path);
	return ok;
}

static void environment_wins_over_file_and_file_over_default(void **state)
{
	static const char text[] = "# a comment\n"
	                           "\n"
	                           "  ACP_DATABASE = /from/file.db \r\n"
	                           "ACP_AGENT_COMMAND=run --env=A=1\n"
	                           "ACP_LOG_LEVEL=warning";
	(void)state;
	CLEANUP(settings_release) struct settings s = SETTINGS_INIT;
	struct error err = ERROR_INIT;
	assert_true(load_file(text, (char[]){"ACP_LOG_LEVEL=debug"}, &s, &err));
	assert_string_equal(settings_get(&s, DATABASE), "/from/file.db");
	assert_int_equal(s.sources[SETTING_ID_DATABASE], SETTING_FROM_FILE);
	assert_string_equal(settings_get(&s, AGENT_COMMAND), "run --env=A=1");
	assert_string_equal(settings_get(&s, LOG_LEVEL), "debug");
	assert_int_equal(s.sources[SETTING_ID_LOG_LEVEL], SETTING_FROM_ENVIRONMENT);
	assert_int_equal(s.sources[SETTING_ID_WORKSPACES], SETTING_FROM_DEFAULT);
}

static void bad_lines_are_named_by_number(void **state)
{
	static const struct {
		const char *text, *end;
	} rows[] = {
	        {"\nACP_DATABSE=/x\n", ", line 2: unknown setting ACP_DATABSE."},
	        {"PATH=/bin\n", ", line 1: unknown setting PATH."},
	        {"ACP_CONFIG_FILE=/x\n", ", line 1: unknown setting ACP_CONFIG_FILE."},
	        {"ACP_DATABASE\n", ", line 1: not of the form NAME=value."},
	        {"ACP_CA_FILE=/a\nACP_CA_FILE=/a\n", ", line 2: ACP_CA_FILE is set twice."},
	        {"ACP_LOG_LEVEL=loud\n", ", line 1: ACP_LOG_LEVEL must be one of error|warning|info|debug."},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(settings_release) struct settings s = SETTINGS_INIT;
		struct error err = ERROR_INIT;
		assert_false(load_file(rows[i].text, (char[]){"ACP_LOG_LEVEL=info"}, &s, &err));
		size_t length = strlen(err.message), end = strlen(rows[i].end);
		if (length < end || strcmp(err.message + length - end, rows[i].end) != 0)
			fail_msg("%s", err.message);
	}
}

/* Writes `text` into a file of its own; gives "<before><its path>". */
static char *secret_file(const char *before, const char *text)
{
	char path[] = "/tmp/test_settings_secret.XXXXXX";
	int fd = mkstemp(path);
	struct error err = ERROR_INIT;
	assert_true(fd >= 0);
	close(fd);
	assert_true(file_write_atomically(path, text, strlen(text), 0600, &err));
	return xasprintf("%s%s", before, path);
}

static void secrets_can_lie_in_files(void **state)
{
	static const struct {
		const char *what, *variable, *line; /* each the begin of an assignment of the secret's file, or whole */
		const char *value;                  /* NULL: refused */
		enum setting_source source;
	} rows[] = {
	        {"named by the environment", "ACP_GIT_TOKEN_FILE=", "", "ghp_in_a_file", SETTING_FROM_ENVIRONMENT},
	        {"named by the file", "ACP_LOG_LEVEL=info", "ACP_GIT_TOKEN_FILE = ", "ghp_in_a_file", SETTING_FROM_FILE},
	        {"the environment wins", "ACP_GIT_TOKEN=ghp_here", "ACP_GIT_TOKEN_FILE=", "ghp_here", SETTING_FROM_ENVIRONMENT},
	        {"twice", "ACP_LOG_LEVEL=info", "ACP_GIT_TOKEN=x\nACP_GIT_TOKEN_FILE=", NULL, SETTING_FROM_FILE},
	        {"no secret", "ACP_LOG_LEVEL=info", "ACP_DATABASE_FILE=", NULL, SETTING_FROM_FILE},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(settings_release) struct settings s = SETTINGS_INIT;
		const char *variable = rows[i].variable, *line = rows[i].line;
		bool in_variable = variable[strlen(variable) - 1] == '=';
		CLEANUP(freep) char *named = secret_file(in_variable ? variable : line, "ghp_in_a_file\n");
		CLEANUP(freep) char *assignment = xstrdup(in_variable ? named : variable);
		struct error err = ERROR_INIT;
		print_message("  %s\n", rows[i].what);
		bool ok = load_file(in_variable ? line : named, assignment, &s, &err);
		unlink(strchr(named, '/'));
		assert_int_equal(ok, rows[i].value != NULL);
		if (!ok) {
			assert_int_equal(err.code, ERR_CONFIG_INVALID);
			assert_null(strstr(err.message, "ghp_"));
			continue;
		}
		assert_string_equal(settings_get(&s, GIT_TOKEN), rows[i].value);
		assert_int_equal(s.sources[SETTING_ID_GIT_TOKEN], rows[i].source);
	}
}

static void a_named_file_must_exist(void **state)
{
	(void)state;
	CLEANUP(settings_release) struct settings s = SETTINGS_INIT;
	struct error err = ERROR_INIT;
	assert_false(settings_load(ENVIRONMENT((char[]){"ACP_CONFIG_FILE=/nonexistent/acp.conf"}), &s, &err));
	assert_non_null(strstr(err.message, "/nonexistent/acp.conf"));
	assert_false(load_file("ACP_GIT_TOKEN_FILE=/nonexistent/token", (char[]){"ACP_LOG_LEVEL=info"}, &s, &err));
	assert_non_null(strstr(err.message, "/nonexistent/token"));
	assert_non_null(strstr(err.detail, ", line 1: ACP_GIT_TOKEN_FILE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(defaults_hold_where_nothing_is_said),
	        cmocka_unit_test(defaults_are_themselves_valid),
	        cmocka_unit_test(malformed_values_stop_the_start_with_a_line),
	        cmocka_unit_test(environment_wins_over_file_and_file_over_default),
	        cmocka_unit_test(bad_lines_are_named_by_number),
	        cmocka_unit_test(secrets_can_lie_in_files),
	        cmocka_unit_test(a_named_file_must_exist),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
