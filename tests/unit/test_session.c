#include "session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "caps.h"

static void phases_have_the_names_of_the_contract(void **state)
{
	static const struct {
		const char *name;
		bool final;
	} phases[] = {
	        {"Pending", false}, {"OwnerUnverified", false}, {"Preflight", false}, {"Cloning", false},
	        {"Running", false}, {"Pushing", false},         {"Completed", true},  {"PartiallyCompleted", true},
	        {"Failed", true},   {"Stopped", true},
	};
	enum session_phase phase = PHASE_PENDING;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		assert_true(session_phase_parse(phases[i].name, &phase));
		assert_int_equal(phase, i);
		assert_string_equal(session_phase_name(phase), phases[i].name);
		assert_int_equal(session_phase_is_final(phase), phases[i].final);
	}
	assert_false(session_phase_parse("completed", &phase));
	assert_false(session_phase_parse(NULL, &phase));
}

static void names_follow_rfc_1123(void **state)
{
	static const struct {
		const char *name;
		bool session, project;
	} rows[] = {
	        {"add-feature-x", true, true}, {"a", true, true},    {"1", true, true},    {"a.b", true, false},
	        {"a..b", false, false},        {".a", false, false}, {"a.", false, false}, {"a-.b", false, false},
	        {"-a", false, false},          {"a-", false, false}, {"A", false, false},  {"a_b", false, false},
	        {"a/b", false, false},         {"", false, false},   {"ä", false, false},
	};
	char name[LIMIT_SESSION_NAME_MAX + 2] = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		print_message("'%s'\n", rows[i].name);
		assert_int_equal(session_name_is_valid(rows[i].name), rows[i].session);
		assert_int_equal(project_name_is_valid(rows[i].name), rows[i].project);
	}
	memset(name, 'a', LIMIT_SESSION_NAME_MAX);
	assert_true(session_name_is_valid(name));
	assert_false(project_name_is_valid(name));
	name[LIMIT_SESSION_NAME_MAX] = 'a';
	assert_false(session_name_is_valid(name));
	name[LIMIT_PROJECT_NAME_MAX] = '\0';
	assert_true(project_name_is_valid(name));
	assert_false(session_name_is_valid(NULL));
	assert_false(project_name_is_valid(NULL));
}

static const struct session_outcome backend = {
        .name = "backend",
        .provider = PROVIDER_GITLAB,
        .pushed = true,
        .branch_url = "https://gitlab.com/myteam/backend/-/tree/feature/add-feature-x",
};
static const struct session_outcome frontend = {
        .name = "frontend",
        .provider = PROVIDER_GITHUB,
        .pushed = true,
        .branch_url = "https://github.com/myteam/frontend/tree/ambient/s",
};
static const struct session_outcome unchanged = {.name = "docs", .provider = PROVIDER_GITLAB};
static const struct session_outcome refused = {
        .name = "infra",
        .provider = PROVIDER_GITLAB,
        .error = "GitLab push failed: Insufficient permissions.",
};

static const struct {
	const char *sentence;
	enum session_phase phase;
	const struct session_outcome *outcomes[2];
	const char *text;
} notifications[] = {
        {"one repository",
         PHASE_COMPLETED,
         {&backend},
         "AgenticSession completed successfully!\nView changes in GitLab:\n"
         "https://gitlab.com/myteam/backend/-/tree/feature/add-feature-x"},
        {"a block for each repository",
         PHASE_COMPLETED,
         {&backend, &frontend},
         "AgenticSession completed successfully!\nView changes in GitLab:\n"
         "https://gitlab.com/myteam/backend/-/tree/feature/add-feature-x\n"
         "View changes in GitHub:\nhttps://github.com/myteam/frontend/tree/ambient/s"},
        {"nothing changed", PHASE_COMPLETED, {&unchanged}, "AgenticSession completed successfully!"},
        {"a failure", PHASE_FAILED, {&refused}, "AgenticSession failed.\ninfra: GitLab push failed: Insufficient permissions."},
        {"some of both",
         PHASE_PARTIALLY_COMPLETED,
         {&refused, &frontend},
         "AgenticSession completed partially.\nView changes in GitHub:\nhttps://github.com/myteam/frontend/tree/ambient/s\n"
         "infra: GitLab push failed: Insufficient permissions."},
        {"stopped", PHASE_STOPPED, {&unchanged}, "AgenticSession was stopped."},
        {"not ended", PHASE_RUNNING, {&unchanged}, ""},
};

static void notification_is_word_for_word(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(notifications); i++) {
		CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);
		struct session_outcome outcomes[2];
		size_t count = 0;

		print_message("%s\n", notifications[i].sentence);
		while (count < 2 && notifications[i].outcomes[count]) {
			outcomes[count] = *notifications[i].outcomes[count];
			count++;
		}
		session_notification(notifications[i].phase, outcomes, count, &text);
		assert_string_equal(text.data, notifications[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(phases_have_the_names_of_the_contract),
	        cmocka_unit_test(names_follow_rfc_1123),
	        cmocka_unit_test(notification_is_word_for_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
