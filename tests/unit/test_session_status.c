#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alloc.h"
#include "session_status.h"

static void phase_follows_from_the_repositories_ends(void **state)
{
	static const struct {
		const char *why;
		enum repository_phase ends[3];
		size_t count;
		bool whole;
		enum session_phase phase;
	} rows[] = {
	        {"all pushed", {REPOSITORY_PUSHED, REPOSITORY_PUSHED}, 2, false, PHASE_COMPLETED},
	        {"nothing changed is success", {REPOSITORY_UNCHANGED}, 1, false, PHASE_COMPLETED},
	        {"one of two failed", {REPOSITORY_PUSHED, REPOSITORY_FAILED}, 2, false, PHASE_PARTIALLY_COMPLETED},
	        {"an unchanged one counts as good", {REPOSITORY_UNCHANGED, REPOSITORY_FAILED}, 2, false, PHASE_PARTIALLY_COMPLETED},
	        {"all failed", {REPOSITORY_FAILED, REPOSITORY_FAILED}, 2, false, PHASE_FAILED},
	        {"the agent failed", {REPOSITORY_READY}, 1, true, PHASE_FAILED},
	        {"it failed before any repository was known", {0}, 0, true, PHASE_FAILED},
	};

	char name[] = "api";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(session_status_release) struct session_status s = SESSION_STATUS_INIT;
		struct repository items[3] = {0};
		struct repositories r = {.items = items, .count = rows[i].count};
		struct error whole = ERROR_INIT;
		for (size_t j = 0; j < rows[i].count; j++) {
			items[j].name = name;
			items[j].phase = rows[i].ends[j];
			if (items[j].phase == REPOSITORY_FAILED)
				error_set(&items[j].error, ERR_GIT_FAILED, "It failed.");
		}
		error_set(&whole, ERR_AGENT_FAILED, "The agent failed.");
		s.repositories = &r;
		session_status_finish(&s, rows[i].whole ? &whole : NULL, 1000);
		if (s.phase != rows[i].phase)
			fail_msg("%s: got %s", rows[i].why, session_phase_name(s.phase));
		assert_non_null(s.notification);
	}
}

static void refused_push_keeps_its_exact_sentence(void **state)
{
	static const char sentence[] =
	        "GitLab push failed: Insufficient permissions. Ensure your GitLab token has 'write_repository' scope.";
	CLEANUP(session_status_release) struct session_status s = SESSION_STATUS_INIT;
	struct repository item = {
	        .name = (char[]){"api"}, .url = (char[]){"https://gitlab.com/team/api"}, .provider = PROVIDER_GITLAB};
	struct repositories r = {.items = &item, .count = 1};
	struct error err = ERROR_INIT;

	(void)state;
	error_set(&err, ERR_PUSH_FORBIDDEN, "%s", sentence);
	repository_fail(&item, &err);
	s.repositories = &r;
	session_status_finish(&s, NULL, 1000);
	assert_string_equal(s.message, sentence);
	assert_non_null(strstr(s.notification, sentence));
	json_t *json = session_status_to_json(&s);
	const json_t *first = json_array_get(json_object_get(json, "repositories"), 0);
	assert_string_equal(json_string_or(json_object_get(first, "error"), "message", ""), sentence);
	assert_string_equal(json_string_or(json_object_get(first, "error"), "code", ""), "push_forbidden");
	assert_string_equal(json_string_or(first, "phase", ""), "Failed");
	assert_string_equal(json_string_or(json, "phase", ""), "Failed");
	json_decref(json);
}

static void json_has_the_contracts_members(void **state)
{
	CLEANUP(session_status_release) struct session_status s = SESSION_STATUS_INIT;
	struct repository item = {.name = (char[]){"api"},
	                          .url = (char[]){"https://gitlab.com/team/api"},
	                          .provider = PROVIDER_GITLAB,
	                          .phase = REPOSITORY_PUSHED,
	                          .push_branch = (char[]){"feature/x"},
	                          .branch_url = (char[]){"https://gitlab.com/team/api/-/tree/feature/x"}};
	struct repositories r = {.items = &item, .count = 1};
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(65536);

	(void)state;
	snprintf(item.commit, sizeof(item.commit), "%040d", 7);
	s.repositories = &r;
	s.start_time = 1000;
	s.agent_ran = true;
	s.agent_output = xstrdup("done\n");
	session_status_finish(&s, NULL, 2000);
	json_t *json = session_status_to_json(&s);
	json_write(&text, json);
	static const char *const parts[] = {
	        "\"phase\":\"Completed\"",
	        "\"startTime\":\"1970-01-01T00:16:40Z\"",
	        "\"completionTime\":\"1970-01-01T00:33:20Z\"",
	        "\"provider\":\"gitlab\"",
	        "\"phase\":\"Pushed\"",
	        "\"branch\":\"feature/x\"",
	        "\"branchUrl\":\"https://gitlab.com/team/api/-/tree/feature/x\"",
	        "AgenticSession completed successfully!\\nView changes in GitLab:\\nhttps://gitlab.com/team/api/-/tree/feature/x",
	        "\"exitCode\":0",
	        "\"output\":\"done\\n\"",
	        "\"type\":\"Completed\",\"status\":\"True\""};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(text.data, parts[i]))
			fail_msg("%s is missing in %s", parts[i], text.data);
	json_decref(json);
}

static void a_merge_request_that_failed_leaves_the_push(void **state)
{
	CLEANUP(session_status_release) struct session_status s = SESSION_STATUS_INIT;
	struct repository item = {.name = (char[]){"api"},
	                          .url = (char[]){"https://gitlab.com/team/api"},
	                          .provider = PROVIDER_GITLAB,
	                          .phase = REPOSITORY_PUSHED,
	                          .branch_url = (char[]){"https://gitlab.com/team/api/-/tree/x"}};
	struct repositories r = {.items = &item, .count = 1};

	(void)state;
	error_set(&item.merge_request_error, ERR_MERGE_REQUEST_REFUSED, "GitLab did not open the merge request: no.");
	s.repositories = &r;
	session_status_finish(&s, NULL, 1000);
	assert_int_equal(s.phase, PHASE_COMPLETED);
	assert_string_equal(s.notification, "AgenticSession completed successfully!\nView changes in GitLab:\n"
	                                    "https://gitlab.com/team/api/-/tree/x");
	json_t *json = session_status_to_json(&s);
	const json_t *first = json_array_get(json_object_get(json, "repositories"), 0);
	const json_t *error = json_object_get(first, "mergeRequestError");
	assert_string_equal(json_string_or(error, "code", ""), "merge_request_refused");
	assert_true(json_string_or(error, "remediation", "")[0] != '\0');
	assert_null(json_object_get(first, "error"));
	json_decref(json);
}

static void a_long_condition_is_cut_between_characters(void **state)
{
	CLEANUP(session_status_release) struct session_status s = SESSION_STATUS_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);

	(void)state;
	strbuf_add_char(&text, 'x');
	while (text.length < 1000)
		strbuf_add_string(&text, "\xe2\x82\xac");
	session_status_condition(&s, "MergeRequestOpened", false, "SomeFailed", "%s", text.data);
	json_t *json = session_status_to_json(&s);
	const json_t *condition = json_array_get(json_object_get(json, "conditions"), 0);
	assert_memory_equal(json_string_or(condition, "message", ""), "x\xe2\x82\xac", 4);
	json_decref(json);
}

static void condition_keeps_its_time_until_it_turns(void **state)
{
	CLEANUP(session_status_release) struct session_status s = SESSION_STATUS_INIT;

	(void)state;
	session_status_condition(&s, "AgentFinished", true, "Succeeded", "a");
	s.conditions[0].since = 5;
	session_status_condition(&s, "AgentFinished", true, "Succeeded", "b");
	assert_int_equal(s.conditions[0].since, 5);
	assert_int_equal(s.condition_count, 1);
	session_status_condition(&s, "AgentFinished", false, "Failed", "c");
	assert_true(s.conditions[0].since > 5);
}

static void stored_status_of_a_dead_worker_keeps_its_repositories(void **state)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(65536);
	struct error err = ERROR_INIT;

	(void)state;
	error_set(&err, ERR_INTERNAL, "It died.");
	session_status_end_stored("{\"phase\":\"Cloning\",\"repositories\":[{\"name\":\"api\"}]}", PHASE_FAILED, &err, 2000, &text);
	assert_non_null(strstr(text.data, "\"phase\":\"Failed\""));
	assert_non_null(strstr(text.data, "\"repositories\":[{\"name\":\"api\"}]"));
	assert_non_null(strstr(text.data, "It died."));
	strbuf_clear(&text);
	session_status_end_stored("not json", PHASE_STOPPED, &err, 2000, &text);
	assert_non_null(strstr(text.data, "\"phase\":\"Stopped\""));
}

static void a_session_that_goes_on_says_what_it_said_before(void **state)
{
	static const char earlier[] =
	        "{\"phase\":\"Running\",\"message\":\"Waiting.\",\"startTime\":\"2026-11-26T10:00:00Z\",\"repositories\":[],"
	        "\"conditions\":[{\"type\":\"PreflightPassed\",\"status\":\"True\",\"reason\":\"AllRepositoriesUsable\","
	        "\"lastTransitionTime\":\"2026-11-26T10:00:01Z\"},{\"type\":\"RepositoriesCloned\",\"status\":\"False\","
	        "\"reason\":\"SomeFailed\",\"message\":\"1 of 2\",\"lastTransitionTime\":\"2026-11-26T10:00:02Z\"}]}";
	CLEANUP(session_status_release) struct session_status s = SESSION_STATUS_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);
	json_t *before = json_parse_answer(earlier, sizeof(earlier) - 1), *after;

	(void)state;
	session_status_resume(&s, earlier);
	session_status_go_on(&s, earlier);
	after = session_status_to_json(&s);
	json_write(&text, after);
	if (!json_equal(before, after))
		fail_msg("%s", text.data);
	json_decref(after);
	json_decref(before);
	/* The time stays until it turns. */
	session_status_condition(&s, "PreflightPassed", true, "AllRepositoriesUsable", "%s", "");
	assert_int_equal(s.condition_count, 2);
	assert_int_equal(s.conditions[0].since, 1795687201);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(phase_follows_from_the_repositories_ends),
	        cmocka_unit_test(refused_push_keeps_its_exact_sentence),
	        cmocka_unit_test(json_has_the_contracts_members),
	        cmocka_unit_test(a_merge_request_that_failed_leaves_the_push),
	        cmocka_unit_test(a_long_condition_is_cut_between_characters),
	        cmocka_unit_test(condition_keeps_its_time_until_it_turns),
	        cmocka_unit_test(a_session_that_goes_on_says_what_it_said_before),
	        cmocka_unit_test(stored_status_of_a_dead_worker_keeps_its_repositories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
