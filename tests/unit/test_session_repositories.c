#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate_fixture.h"
#include "session_changes.h"
#include "session_repositories.h"

/* Adds team/api from this branch (NULL: the default one). */
static bool add(struct gate_fixture *g, const char *branch, const char *name, const char *request_id, char **ret_name,
                struct error *err)
{
	CLEANUP(freep) char *url = xasprintf("%s/team/api", g->f.url);
	const struct session_repository_request request = {
	        .addition = {.url = url, .start_branch = branch, .name = name, .push = true}, .request_id = request_id};

	return session_repository_add(&g->gate, &g->session, &request, ret_name, err);
}

static void read_spec(struct gate_fixture *g, struct session_spec *ret)
{
	struct error err = ERROR_INIT;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;

	must(g->gate.sessions.ops->find_by_id(g->gate.sessions.state, g->session.id, &row, &err), &err);
	must(session_row_spec(&row, ret, &err), &err);
}

static void what_joins_is_bound_and_stays_beside_the_object(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(freep) char *name = NULL;
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;

	gate_fixture_make(&g, "/team/api");
	must(add(&g, "main", NULL, "request-1", &name, &err), &err);
	assert_string_equal(name, "api-2");
	read_spec(&g, &spec);
	assert_int_equal(spec.repository_count, 2);
	assert_string_equal(spec.repositories[1].start_branch, "main");
	assert_string_equal(spec.repositories[1].push_branch, "ambient/x-2");
	must(gate_route_open(&g.gate, &g.session, "api-2", GATE_PUSH, NULL, &route, &err), &err);
	assert_string_equal(route.push_branch, "ambient/x-2");
	must(g.gate.sessions.ops->find_by_id(g.gate.sessions.state, g.session.id, &row, &err), &err);
	assert_null(strstr(row.object, "api-2"));
	gate_fixture_remove(&g);
}

static void a_request_that_comes_twice_adds_once(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(freep) char *first = NULL;
	CLEANUP(freep) char *again = NULL;
	CLEANUP(freep) char *other = NULL;
	struct error err = ERROR_INIT;

	gate_fixture_make(&g, "/team/api");
	must(add(&g, "main", NULL, "request-1", &first, &err), &err);
	must(add(&g, "main", NULL, "request-1", &again, &err), &err);
	assert_string_equal(again, first);
	assert_false(add(&g, "main", NULL, "request-2", &other, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	gate_fixture_remove(&g);
}

static void what_cannot_be_cloned_does_not_join(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(freep) char *name = NULL;
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	struct error err = ERROR_INIT;

	gate_fixture_make(&g, "/team/api");
	assert_false(add(&g, "no-such-branch", NULL, "request-1", &name, &err));
	assert_int_equal(err.code, ERR_BRANCH_NOT_FOUND);
	read_spec(&g, &spec);
	assert_int_equal(spec.repository_count, 1);
	gate_fixture_remove(&g);
}

static void what_leaves_is_closed_at_the_gate_for_good(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(freep) char *name = NULL;
	CLEANUP(freep) char *later = NULL;
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	struct error err = ERROR_INIT;
	bool blocks;

	gate_fixture_make(&g, "/team/api");
	must(gate_fixture_preflight(&g, &blocks, &err), &err);
	assert_false(session_repository_remove(&g.gate.sessions, &g.session, "api", &err));
	assert_int_equal(err.code, ERR_CONFLICT); /* the last one */
	must(add(&g, "main", NULL, "request-1", &name, &err), &err);
	must(session_repository_remove(&g.gate.sessions, &g.session, "api", &err), &err);
	must(session_repository_remove(&g.gate.sessions, &g.session, "api", &err), &err);
	/* A pre-flight that began before binds it once more. */
	must(gate_fixture_preflight(&g, &blocks, &err), &err);
	assert_false(gate_route_open(&g.gate, &g.session, "api", GATE_FETCH, NULL, &route, &err));
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	assert_false(session_repository_remove(&g.gate.sessions, &g.session, "other", &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_false(add(&g, NULL, "api", "request-2", &later, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	must(add(&g, NULL, NULL, "request-3", &later, &err), &err);
	assert_string_equal(later, "api-3");
	read_spec(&g, &spec);
	assert_int_equal(spec.repository_count, 2);
	assert_string_equal(spec.repositories[0].name, "api-2");
	gate_fixture_remove(&g);
}

/* Somebody else's change after the row was read: the own one is made on top of it. */
static void changes_that_meet_are_both_made(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(freep) char *theirs = NULL;
	CLEANUP(freep) char *mine = NULL;
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	struct error err = ERROR_INIT;
	const struct session_store *store;

	gate_fixture_make(&g, "/team/api");
	store = &g.gate.sessions;
	theirs = xasprintf("[{\"add\":{\"name\":\"library\",\"url\":\"%s/team/library\",\"autoPush\":false}}]", g.f.url);
	must(store->ops->change_repositories(store->state, g.session.id, NULL, theirs, NULL, &err), &err);
	assert_false(store->ops->change_repositories(store->state, g.session.id, NULL, "[]", NULL, &err));
	assert_int_equal(err.code, ERR_PRECONDITION_FAILED);
	must(add(&g, "main", NULL, "request-2", &mine, &err), &err);
	read_spec(&g, &spec);
	assert_int_equal(spec.repository_count, 3);
	assert_non_null(session_spec_find(&spec, "library"));
	assert_non_null(session_spec_find(&spec, mine));
	gate_fixture_remove(&g);
}

static void nothing_changes_once_it_pushes_or_has_ended(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		enum session_phase phase;
		enum error_code code;
	} rows[] = {
	        {"it works", PHASE_RUNNING, ERR_NONE},
	        {"it pushes", PHASE_PUSHING, ERR_CONFLICT},
	        {"it has ended", PHASE_COMPLETED, ERR_SESSION_ENDED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gate_fixture g;
		CLEANUP(freep) char *name = NULL;
		struct error err = ERROR_INIT;
		const struct session_store *store;

		print_message("  %s\n", rows[i].sentence);
		gate_fixture_make(&g, "/team/api");
		store = &g.gate.sessions;
		must(store->ops->save_status(store->state, g.session.id, g.session.attempt, rows[i].phase, "{}", NULL, &err), &err);
		assert_int_equal(add(&g, "main", NULL, "request-1", &name, &err), rows[i].code == ERR_NONE);
		assert_int_equal(err.code, rows[i].code);
		gate_fixture_remove(&g);
	}
}

static void readers_see_what_comes_and_not_what_went(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(freep) char *name = NULL;
	struct error err = ERROR_INIT;
	json_t *shown;

	gate_fixture_make(&g, "/team/api");
	must(add(&g, "main", NULL, "request-1", &name, &err), &err);
	free(g.session.status);
	g.session.status = xstrdup("{\"repositories\":[{\"name\":\"api\",\"phase\":\"Ready\"}]}");
	shown = session_shown_repositories(&g.session);
	assert_int_equal(json_array_size(shown), 2);
	assert_string_equal(json_string_or(json_array_get(shown, 0), "phase", ""), "Ready");
	assert_string_equal(json_string_or(json_array_get(shown, 1), "phase", ""), "Pending");
	assert_string_equal(json_string_or(json_array_get(shown, 1), "branch", ""), "ambient/x-2");
	json_decref(shown);
	must(session_repository_remove(&g.gate.sessions, &g.session, "api", &err), &err);
	shown = session_shown_repositories(&g.session);
	assert_int_equal(json_array_size(shown), 1);
	assert_string_equal(json_string_or(json_array_get(shown, 0), "name", ""), "api-2");
	json_decref(shown);
	gate_fixture_remove(&g);
}

static void a_text_that_is_none_is_told(void **state UNUSED)
{
	static const char *const rows[] = {"[{\"add\":{\"name\":\"x\",\"url\":\"nonsense\"}}]", "[{\"remove\":\"none\"}]", "[{}]"};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gate_fixture g;
		CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i]);
		gate_fixture_make(&g, "/team/api");
		g.session.repository_changes = xstrdup(rows[i]);
		assert_false(session_row_spec(&g.session, &spec, &err));
		assert_int_equal(err.code, ERR_INTERNAL);
		gate_fixture_remove(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_joins_is_bound_and_stays_beside_the_object),
	        cmocka_unit_test(a_request_that_comes_twice_adds_once),
	        cmocka_unit_test(what_cannot_be_cloned_does_not_join),
	        cmocka_unit_test(what_leaves_is_closed_at_the_gate_for_good),
	        cmocka_unit_test(changes_that_meet_are_both_made),
	        cmocka_unit_test(nothing_changes_once_it_pushes_or_has_ended),
	        cmocka_unit_test(readers_see_what_comes_and_not_what_went),
	        cmocka_unit_test(a_text_that_is_none_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
