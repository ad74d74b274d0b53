#include "session_resource.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "alloc.h"
#include "json_row.h"

/* Borrows everything. */
static struct session_row row_of(enum session_phase phase, const char *status)
{
	static char id[] = "11111111-2222-4333-8444-555555555555", project[] = "team", name[] = "s", owner[] = "alice";
	static char object[] = "{\"metadata\":{\"name\":\"s\"},\"spec\":{\"outputRepo\":{\"url\":\"https://gitlab.com/a/b\"}}}";

	return (struct session_row){.id = id,
	                            .project = project,
	                            .name = name,
	                            .owner = owner,
	                            .object = object,
	                            .status = (char *)(uintptr_t)status,
	                            .phase = phase};
}

static const char *condition(const json_t *status, const char *type, const char *member)
{
	size_t i;
	json_t *one;

	json_array_foreach(json_object_get(status, "conditions"), i, one)
	{
		if (strcmp(json_string_or(one, "type", ""), type) == 0)
			return json_string_or(one, member, "");
	}
	return "";
}

static const struct resource_view fresh = {.shape = RESOURCE_OURS, .generation = 3, .now = 1795369200};

static void status_tells_what_the_session_does(void **state)
{
	const struct session_row row =
	        row_of(PHASE_COMPLETED,
	               "{\"phase\":\"Completed\",\"message\":\"Done.\",\"notification\":\"n\",\"agent\":{\"output\":\"o\"},"
	               "\"repositories\":[{\"name\":\"b\",\"phase\":\"Pushed\"}],\"conditions\":[{\"type\":\"Completed\","
	               "\"status\":\"True\"}]}");
	CLEANUP(json_decrefp) json_t *status = resource_status(&fresh, &row);

	(void)state;
	assert_string_equal(json_string_or(status, "phase", ""), "Completed");
	assert_string_equal(json_string_or(status, "message", ""), "Done.");
	assert_string_equal(json_string_or(status, "notification", ""), "n");
	assert_int_equal(json_int_or(status, "observedGeneration", 0), 3);
	assert_string_equal(condition(status, "Completed", "status"), "True");
	assert_string_equal(condition(status, "OwnerVerified", "message"), "alice");
	assert_true(resource_was_accepted(status));
	assert_int_equal(json_array_size(json_object_get(status, "repositories")), 1);
	assert_null(json_object_get(status, "agent")); /* what an agent prints is not for everyone who may read resources */
}

static void tokens_in_a_status_are_masked(void **state)
{
	const struct session_row row =
	        row_of(PHASE_FAILED, "{\"message\":\"x glpat-abcdefghij0123456789 y\",\"repositories\":[{\"name\":\"b\","
	                             "\"error\":{\"message\":\"https://oauth2:secret@h/p\"}}]}");
	CLEANUP(json_decrefp) json_t *status = resource_status(&fresh, &row);
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(65536);

	(void)state;
	json_write(&text, status);
	assert_null(strstr(text.data, "abcdefghij"));
	assert_null(strstr(text.data, "secret"));
}

static void session_that_is_being_removed_is_stopped(void **state)
{
	struct session_row row = row_of(PHASE_RUNNING, "{\"phase\":\"Running\"}");

	(void)state;
	row.stop_requested = true;
	CLEANUP(json_decrefp) json_t *status = resource_status(&fresh, &row);
	assert_string_equal(json_string_or(status, "phase", ""), "Stopped");
}

static void platform_is_told_in_its_own_phases(void **state)
{
	static const struct {
		enum session_phase phase;
		const char *name;
	} phases[] = {
	        {PHASE_PENDING, "Pending"},
	        {PHASE_PREFLIGHT, "Creating"},
	        {PHASE_CLONING, "Creating"},
	        {PHASE_RUNNING, "Running"},
	        {PHASE_PUSHING, "Running"},
	        {PHASE_COMPLETED, "Completed"},
	        {PHASE_PARTIALLY_COMPLETED, "Failed"},
	        {PHASE_FAILED, "Failed"},
	        {PHASE_STOPPED, "Stopped"},
	};
	const struct resource_view view = {.shape = RESOURCE_PLATFORM, .generation = 1, .now = 1795369200};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		const struct session_row row =
		        row_of(phases[i].phase,
		               "{\"repositories\":[{\"name\":\"b\",\"url\":\"u\",\"branch\":\"m\",\"phase\":\"Pushed\"}]}");
		CLEANUP(json_decrefp) json_t *status = resource_status(&view, &row);
		const json_t *repository = json_array_get(json_object_get(status, "reconciledRepos"), 0);

		assert_string_equal(json_string_or(status, "phase", ""), phases[i].name);
		assert_string_equal(json_string_or(repository, "status", ""), "Ready");
		assert_string_equal(json_string_or(repository, "branch", ""), "m");
	}
}

static void unverified_owner_is_said_with_its_remedy(void **state)
{
	struct error why = ERROR_INIT;

	(void)state;
	error_set(&why, ERR_FORBIDDEN, "Nobody has verified it.");
	error_remedy(&why, "Do this.");
	CLEANUP(json_decrefp) json_t *status = resource_status_without(&fresh, PHASE_OWNER_UNVERIFIED, "NotStamped", &why);
	assert_string_equal(json_string_or(status, "phase", ""), "OwnerUnverified");
	assert_string_equal(json_string_or(status, "message", ""), "Nobody has verified it. Do this.");
	assert_string_equal(condition(status, "OwnerVerified", "status"), "False");
	assert_null(json_object_get(status, "completionTime"));
	assert_false(resource_was_accepted(status));
}

static void condition_keeps_the_time_since_when_it_holds(void **state)
{
	CLEANUP(json_decrefp)
	json_t *seen = json_row("{'conditions':[{'type':'Accepted','status':'True','lastTransitionTime':'2026-01-01T00:00:00Z'},"
	                        "{'type':'OwnerVerified','status':'False','lastTransitionTime':'2026-01-01T00:00:00Z'}]}");
	const struct resource_view view = {.shape = RESOURCE_OURS, .generation = 1, .seen = seen, .now = 1795369200};
	const struct session_row row = row_of(PHASE_RUNNING, "{}");
	CLEANUP(json_decrefp) json_t *status = resource_status(&view, &row);

	(void)state;
	assert_string_equal(condition(status, "Accepted", "lastTransitionTime"), "2026-01-01T00:00:00Z");
	assert_string_equal(condition(status, "OwnerVerified", "lastTransitionTime"), "2026-11-22T17:40:00Z");
}

static const struct {
	const char *sentence;
	const char *seen, *wanted;
	const char *patch; /* NULL: nothing is to be said */
} patches[] = {
        {"a first status", "{}", "{'phase':'Pending'}", "{'phase':'Pending'}"},
        {"no status at all", NULL, "{'phase':'Pending'}", "{'phase':'Pending'}"},
        {"nothing new", "{'phase':'Running','message':'m'}", "{'phase':'Running','message':'m'}", NULL},
        {"another's claim is not touched", "{'phase':'Running','worker':{'id':'x'}}", "{'phase':'Running'}", NULL},
        {"what is not ours stays", "{'phase':'Running','sdkSessionId':'x'}", "{'phase':'Running'}", NULL},
        {"what no longer holds goes", "{'phase':'Failed','completionTime':'t','notification':'n'}", "{'phase':'Pending'}",
         "{'phase':'Pending','completionTime':null,'notification':null}"},
        {"lists are said whole", "{'repositories':[{'name':'a','phase':'Ready'},{'name':'b'}]}",
         "{'repositories':[{'name':'a','phase':'Pushed'},{'name':'b'}]}",
         "{'repositories':[{'name':'a','phase':'Pushed'},{'name':'b'}]}"},
};

static void patch_says_what_differs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(patches); i++) {
		CLEANUP(json_decrefp) json_t *seen = patches[i].seen ? json_row(patches[i].seen) : NULL;
		CLEANUP(json_decrefp) json_t *wanted = json_row(patches[i].wanted);
		CLEANUP(json_decrefp) json_t *expected = patches[i].patch ? json_row(patches[i].patch) : NULL;
		CLEANUP(json_decrefp) json_t *patch = resource_status_patch(seen, wanted);

		if ((patch == NULL) != (expected == NULL) || (patch && !json_equal(patch, expected)))
			fail_msg("%s", patches[i].sentence);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(status_tells_what_the_session_does),
	        cmocka_unit_test(tokens_in_a_status_are_masked),
	        cmocka_unit_test(session_that_is_being_removed_is_stopped),
	        cmocka_unit_test(platform_is_told_in_its_own_phases),
	        cmocka_unit_test(unverified_owner_is_said_with_its_remedy),
	        cmocka_unit_test(condition_keeps_the_time_since_when_it_holds),
	        cmocka_unit_test(patch_says_what_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
