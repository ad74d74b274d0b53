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

static json_t *end_stored_with(const char *stored, const json_t *sent, bool stopped, enum session_phase expected)
{
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(65536);
	struct error err = ERROR_INIT;

	error_set(&err, ERR_INTERNAL, "It died.");
	assert_int_equal(session_status_end_stored(stored, sent, stopped, &err, 2000, &text), expected);
	json_t *status = json_parse_answer(text.data, text.length);
	assert_string_equal(json_string_or(status, "phase", ""), session_phase_name(expected));
	return status;
}

static json_t *end_stored(const char *stored, bool stopped, enum session_phase expected)
{
	return end_stored_with(stored, NULL, stopped, expected);
}

#define SENT "2222222222222222222222222222222222222222"

static void what_was_sent_before_a_worker_died_is_told(void **state UNUSED)
{
	static const struct {
		const char *why, *members, *sent, *told; /* NULL: nothing */
	} rows[] = {
	        {"nothing was sent", "\"phase\":\"Ready\"", "{}", NULL},
	        {"of another repository", "\"phase\":\"Ready\"", "{\"other\":\"" SENT "\"}", NULL},
	        {"while the agent worked", "\"phase\":\"Ready\",\"branch\":\"ambient/s\"", "{\"api\":\"" SENT "\"}",
	         "The session sent 222222222222 to ambient/s before that; nobody has looked whether the branch has it."},
	        {"beside another warning",
	         "\"phase\":\"Pushing\",\"branch\":\"b\",\"warnings\":[{\"code\":\"x\",\"message\":\"y\"}]",
	         "{\"api\":\"" SENT "\"}",
	         "The session sent 222222222222 to b before that; nobody has looked whether the branch has it."},
	        {"what was found at its branch was looked at", "\"phase\":\"Pushed\",\"branch\":\"b\"", "{\"api\":\"" SENT "\"}",
	         NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(freep)
		char *stored = xasprintf("{\"phase\":\"Running\",\"repositories\":[{\"name\":\"api\",%s}]}", rows[i].members);
		json_t *sent = json_loads(rows[i].sent, 0, NULL);

		print_message("  %s\n", rows[i].why);
		json_t *status =
		        end_stored_with(stored, sent, false, strstr(rows[i].members, "Pushed") ? PHASE_COMPLETED : PHASE_FAILED);
		const json_t *warnings = json_object_get(json_array_get(json_object_get(status, "repositories"), 0), "warnings");
		const json_t *last = json_array_get(warnings, json_array_size(warnings) - 1);
		assert_int_equal(json_array_size(warnings), (rows[i].told != NULL) + (strstr(rows[i].members, "warnings") != NULL));
		if (rows[i].told) {
			assert_string_equal(json_string_or(last, "code", ""), "push_unknown");
			assert_string_equal(json_string_or(last, "message", ""), rows[i].told);
		}
		json_decref(status);
		json_decref(sent);
	}
}

/* Of each repository its phase at the worker's death and what is said of it afterwards. */
static void stored_status_of_a_dead_worker_tells_what_became_of_its_repositories(void **state UNUSED)
{
	static const struct {
		const char *why, *phases[3], *ends[3];
		enum session_phase phase;
		const char *notification, *message;
	} rows[] = {
	        {"what was under way has failed",
	         {"Pushed", "Pushing", "Ready"},
	         {"Pushed", "Failed", "Failed"},
	         PHASE_PARTIALLY_COMPLETED,
	         "AgenticSession completed partially.",
	         "It died."},
	        {"nothing had come to its end",
	         {"Cloning", "Pending", "Ready"},
	         {"Failed", "Failed", "Failed"},
	         PHASE_FAILED,
	         "AgenticSession failed.",
	         "It died."},
	        {"all of it was done",
	         {"Pushed", "Unchanged", "Pushed"},
	         {"Pushed", "Unchanged", "Pushed"},
	         PHASE_COMPLETED,
	         "AgenticSession completed successfully!",
	         "AgenticSession completed successfully."},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(strbuf_release) struct strbuf stored = STRBUF_INIT(4096);
		strbuf_add_string(&stored, "{\"phase\":\"Pushing\",\"conditions\":[{\"type\":\"AgentFinished\",\"status\":\"True\","
		                           "\"lastTransitionTime\":\"1970-01-01T00:10:00Z\"}],\"repositories\":[");
		for (size_t n = 0; n < 3; n++)
			strbuf_addf(&stored,
			            "%s{\"name\":\"r%zu\",\"provider\":\"gitlab\",\"phase\":\"%s\",%s\"progress\":{\"done\":1}}",
			            n ? "," : "", n, rows[i].phases[n],
			            strcmp(rows[i].phases[n], "Pushed") == 0 ? "\"branchUrl\":\"https://x.test/tree\"," : "");
		strbuf_add_string(&stored, "]}");
		json_t *status = end_stored(stored.data, false, rows[i].phase);
		for (size_t n = 0; n < 3; n++) {
			const json_t *one = json_array_get(json_object_get(status, "repositories"), n);
			const char *end = json_string_or(one, "phase", "");
			bool failed = strcmp(end, "Failed") == 0;
			if (strcmp(end, rows[i].ends[n]) != 0 || json_object_get(one, "progress") ||
			    failed != (json_object_get(one, "error") != NULL))
				fail_msg("%s: r%zu is %s", rows[i].why, n, end);
		}
		const char *notification = json_string_or(status, "notification", "");
		assert_ptr_equal(strstr(notification, rows[i].notification), notification);
		assert_int_equal(strstr(notification, "https://x.test/tree") != NULL, rows[i].phase != PHASE_FAILED);
		assert_string_equal(json_string_or(status, "message", ""), rows[i].message);
		const json_t *conditions = json_object_get(status, "conditions");
		assert_int_equal(json_array_size(conditions), 2);
		assert_string_equal(json_string_or(json_array_get(conditions, 1), "type", ""), "Completed");
		assert_string_equal(json_string_or(json_array_get(conditions, 1), "reason", ""), session_phase_name(rows[i].phase));
		json_decref(status);
	}
}

static void stored_status_that_says_nothing_ends_all_the_same(void **state UNUSED)
{
	static const char *const rows[] = {"not json", "{}", "{\"repositories\":7}", "{\"repositories\":[7,{}]}", NULL};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		json_t *failed = end_stored(rows[i], false, PHASE_FAILED), *stopped = end_stored(rows[i], true, PHASE_STOPPED);
		assert_string_equal(json_string_or(failed, "message", ""), "It died.");
		assert_string_equal(json_string_or(stopped, "message", ""), "It died.");
		assert_non_null(strstr(json_string_or(stopped, "notification", ""), "AgenticSession was stopped."));
		json_decref(failed);
		json_decref(stopped);
	}
}

static void what_fits_nowhere_is_left_out_and_the_rest_stays_whole(void **state)
{
	enum { OUTPUT = 2000 };
	static const struct {
		const char *why;
		size_t limit;
		bool output, notification;
	} rows[] = {
	        {"all of it fits", 4000, true, true},
	        {"the agent's output does not", 1500, false, true},
	        {"nor does the notification", 480, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error failure = ERROR_INIT;
		CLEANUP(session_status_release) struct session_status s = SESSION_STATUS_INIT;
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(rows[i].limit);

		s.agent_ran = true;
		s.agent_output = xcalloc(1, OUTPUT + 1);
		memset(s.agent_output, 'x', OUTPUT);
		error_set(&failure, ERR_AGENT_FAILED, "%0100d", 7);
		session_status_finish(&s, &failure, 1000);
		session_status_write(&s, &text);
		CLEANUP(json_decrefp) json_t *read = json_parse_answer(text.data, text.length);
		if (!read || (json_string_or(json_object_get(read, "agent"), "output", NULL) != NULL) != rows[i].output ||
		    (json_object_get(read, "notification") != NULL) != rows[i].notification)
			fail_msg("%s: %zu bytes: %s", rows[i].why, text.length, text.data);
		assert_string_equal(json_string_or(read, "phase", ""), "Failed");
	}
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
	        cmocka_unit_test(what_fits_nowhere_is_left_out_and_the_rest_stays_whole),
	        cmocka_unit_test(a_session_that_goes_on_says_what_it_said_before),
	        cmocka_unit_test(stored_status_of_a_dead_worker_tells_what_became_of_its_repositories),
	        cmocka_unit_test(what_was_sent_before_a_worker_died_is_told),
	        cmocka_unit_test(stored_status_that_says_nothing_ends_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
