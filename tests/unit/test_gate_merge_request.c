#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate_fixture.h"

/* The session as if it had been created with this spec.mergeRequest. */
static void ask_for(struct gate_fixture *g, const char *wish)
{
	json_t *object = json_loads(g->session.object, 0, NULL);

	json_object_set_new(json_object_get(object, "spec"), "mergeRequest", json_loads(wish, 0, NULL));
	free(g->session.object);
	g->session.object = json_dumps(object, JSON_COMPACT);
	json_decref(object);
}

static void merge_request_follows_from_the_stored_session(void **state UNUSED)
{
	static const struct {
		const char *sentence, *wish;
		enum error_code code;
		const char *words;
	} rows[] = {
	        {"none was asked for", NULL, ERR_MERGE_REQUEST_REFUSED, "does not ask"},
	        {"one was", "{}", ERR_NONE, NULL},
	        {"into the branch itself", "{\"targetBranch\":\"ambient/x\"}", ERR_MERGE_REQUEST_REFUSED, "into itself"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gate_fixture g;
		CLEANUP(forge_merge_request_release) struct forge_merge_request request = FORGE_MERGE_REQUEST_INIT;
		struct error err = ERROR_INIT;
		bool blocks;

		print_message("  %s\n", rows[i].sentence);
		gate_fixture_make(&g, "/team/api");
		must(gate_fixture_preflight(&g, &blocks, &err), &err);
		if (rows[i].wish)
			ask_for(&g, rows[i].wish);
		assert_int_equal(gate_merge_request(&g.gate, &g.session, "api", NULL, &request, &err), rows[i].code == ERR_NONE);
		assert_int_equal(err.code, rows[i].code);
		if (rows[i].words) {
			assert_non_null(strstr(err.message, rows[i].words));
		} else {
			CLEANUP(freep) char *expected = xasprintf("%s/team/api/-/merge_requests/3", g.f.url);
			assert_string_equal(request.web_url, expected);
			assert_false(request.existed);
		}
		gate_fixture_remove(&g);
	}
}

static void merge_request_needs_a_repository_that_may_be_pushed(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(forge_merge_request_release) struct forge_merge_request request = FORGE_MERGE_REQUEST_INIT;
	struct error err = ERROR_INIT;

	gate_fixture_make(&g, "/team/api");
	ask_for(&g, "{}");
	assert_false(gate_merge_request(&g.gate, &g.session, "api", NULL, &request, &err)); /* nothing is bound */
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	assert_false(gate_merge_request(&g.gate, &g.session, "other", NULL, &request, &err));
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	gate_fixture_remove(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(merge_request_follows_from_the_stored_session),
	        cmocka_unit_test(merge_request_needs_a_repository_that_may_be_pushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
