#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sqlite3.h>
#include <unistd.h>

#include "caps.h"
#include "session_store_fixture.h"

static void a_session_comes_back_as_it_was_created(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT, found = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	bool created = false;

	fixture_make(&f);
	must(create(&f, "s1", "john", OBJECT("1", "{\"description\":\"ä\"}"), "key", &row, &created, &err), &err);
	assert_true(created);
	must(CALL(&f, find, "alpha", "s1", &found, &err), &err);
	assert_string_equal(found.id, "id-s1-john");
	assert_string_equal(found.owner, "john");
	assert_string_equal(found.object, OBJECT("1", "{\"description\":\"ä\"}"));
	assert_string_equal(found.status, "{\"phase\":\"Pending\"}");
	assert_int_equal(found.phase, PHASE_PENDING);
	assert_int_equal(found.created_at, 1000);
	assert_int_equal(found.attempt, 0);
	assert_false(found.stop_requested || found.push_requested);
	must(CALL(&f, find_by_id, "id-s1-john", &found, &err), &err);
	assert_string_equal(found.name, "s1");
	expect(CALL(&f, find, "beta", "s1", &found, &err), &err, ERR_SESSION_NOT_FOUND);
	expect(CALL(&f, find_by_id, "x", &found, &err), &err, ERR_SESSION_NOT_FOUND);
}

static void the_projects_repositories_stay_with_a_session_that_names_none(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	bool found;

	fixture_make(&f);
	make_session(&f, "of-project");
	make_session(&f, "of-its-own");
	must(CALL(&f, find, "alpha", "of-its-own", &row, &err), &err);
	assert_null(row.project_repositories);
	must(CALL(&f, claim, "worker-1", NULL, 60, hash_a, &row, &found, &err), &err);
	assert_string_equal(row.name, "of-project");
	assert_string_equal(row.project_repositories, "[{\"url\":\"https://gitlab.com/g/p\"}]");
}

static void create_makes_a_session_once(void **state UNUSED)
{
	static const struct {
		const char *name, *owner, *object, *key;
		const char *expected_id; /* NULL: conflict */
		bool created;
		const char *why;
	} rows[] = {
	        {"s1", "john", OBJECT("1", "{\"a\":1}"), "k1", "id-s1-john", true, "the first"},
	        {"s1", "john", OBJECT("2", "{\"a\":1}"), NULL, "id-s1-john", false, "the same name by the same owner"},
	        {"s1", "john", OBJECT("3", "{\"a\":1}"), "k1", "id-s1-john", false,
	         "the same key and object; its uid is new each time"},
	        {"s9", "john", OBJECT("4", "{\"a\":1}"), "k1", "id-s1-john", false, "the same key with a generated name"},
	        {"s1", "john", OBJECT("1", "{\"a\":2}"), "k1", NULL, false, "the same key for another object"},
	        {"s1", "jane", OBJECT("1", "{\"a\":1}"), NULL, NULL, false, "the same name by another owner"},
	        {"s2", "jane", OBJECT("1", "{\"a\":2}"), "k1", "id-s2-jane", true, "another owner's key is another key"},
	        {"s3", "john", OBJECT("1", "{\"a\":2}"), NULL, "id-s3-john", true, "no key"},
	        {"s4", "john", OBJECT("1", "{\"a\":2}"), NULL, "id-s4-john", true, "no key again"},
	};
	CLEANUP(fixture_remove) struct store_fixture f;

	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
		struct error err = ERROR_INIT;
		bool created = false;
		bool ok = create(&f, rows[i].name, rows[i].owner, rows[i].object, rows[i].key, &row, &created, &err);

		if (ok != (rows[i].expected_id != NULL) || (!ok && err.code != ERR_CONFLICT) ||
		    (ok && (strcmp(row.id, rows[i].expected_id) != 0 || created != rows[i].created)))
			fail_msg("%s: %s", rows[i].why, ok ? row.id : error_name(err.code));
	}
}

static void list_is_newest_first_and_of_one_project(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_list_release) struct session_list list = SESSION_LIST_INIT;
	struct error err = ERROR_INIT;

	fixture_make(&f);
	make_session(&f, "one");
	make_session(&f, "two");
	must(CALL(&f, list, "alpha", &list, &err), &err);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].name, "two");
	must(CALL(&f, list, "beta", &list, &err), &err);
	assert_int_equal(list.count, 0);
}

/* Sessions s1, s2, … in one transaction; the status of each has a message of this length, and as much of an agent's as is kept. */
static void insert_ended(const struct store_fixture *f, int count, int message)
{
	CLEANUP(freep)
	char *sql = xasprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
	                      "INSERT INTO sessions (id, project, name, owner, object, status, phase, final, created_at) "
	                      "SELECT 'id' || i, 'alpha', 's' || i, 'john', '{}', json_object('phase', 'Completed', 'message', "
	                      "printf('%%.*c', %d, 'x'), 'agent', json_object('exitCode', 0, 'output', printf('%%.*c', %d, 'y'))), "
	                      "'Completed', 1, 1000 FROM n",
	                      count, message, LIMIT_AGENT_OUTPUT);
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	sqlite3_close(db);
}

static void list_says_what_it_leaves_out(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		int sessions, message;
		size_t count;
		bool more;
	} rows[] = {
	        {"all there are, without what their agents wrote", 500, 1, 500, false},
	        {"one more", 501, 1, 500, true},
	        {"large ones until the answer is full", 20, 1 << 20, 15, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(fixture_remove) struct store_fixture f;
		CLEANUP(session_list_release) struct session_list list = SESSION_LIST_INIT;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		fixture_make(&f);
		insert_ended(&f, rows[i].sessions, rows[i].message);
		must(CALL(&f, list, "alpha", &list, &err), &err);
		assert_int_equal(list.count, rows[i].count);
		assert_int_equal(list.more, rows[i].more);
		assert_null(strstr(list.items[0].status, "yy"));
		assert_non_null(strstr(list.items[0].status, "exitCode"));
		CLEANUP(freep) char *newest = xasprintf("s%d", rows[i].sessions);
		assert_string_equal(list.items[0].name, newest);
	}
}

static void claim_takes_the_oldest_and_each_once(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	char name[64];

	fixture_make(&f);
	assert_int_equal(claim(&f, NULL, 60, name), 0);
	make_session(&f, "one");
	make_session(&f, "two");
	make_session(&f, "three");
	assert_int_equal(claim(&f, "id-two-john", 60, name), 1);
	assert_string_equal(name, "two");
	assert_int_equal(claim(&f, "id-two-john", 60, name), 0);
	assert_int_equal(claim(&f, NULL, 60, name), 1);
	assert_string_equal(name, "one");
	assert_int_equal(claim(&f, NULL, 60, name), 1);
	assert_string_equal(name, "three");
	assert_int_equal(claim(&f, NULL, 60, name), 0);
}

static void a_session_without_a_verified_owner_is_not_claimed(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT, ret = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	char name[64];
	bool created;

	fixture_make(&f);
	row.id = xstrdup("u");
	row.project = xstrdup("alpha");
	row.name = xstrdup("u");
	row.owner = xstrdup("");
	row.object = xstrdup("{}");
	row.phase = PHASE_OWNER_UNVERIFIED;
	must(CALL(&f, create, &row, NULL, &ret, &created, &err), &err);
	assert_int_equal(claim(&f, NULL, 60, name), 0);
}

static void a_worker_that_lost_its_lease_changes_nothing(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	static const char id[] = "id-one-john";
	char name[64];
	bool stop, push;

	fixture_make(&f);
	make_session(&f, "one");
	assert_int_equal(claim(&f, NULL, 0, name), 1);
	assert_int_equal(claim(&f, NULL, 60, name), 2); /* the first lease ran out at once */
	expect(CALL(&f, renew, id, 1, 60, &stop, &push, &err), &err, ERR_SESSION_LOST);
	expect(CALL(&f, save_status, id, 1, PHASE_COMPLETED, "{}", NULL, &err), &err, ERR_SESSION_LOST);
	expect(CALL(&f, clear_push, id, 1, &err), &err, ERR_SESSION_LOST);
	expect(CALL(&f, forget, id, 1, &err), &err, ERR_SESSION_LOST);
	expect(CALL(&f, renew, "unknown", 1, 60, &stop, &push, &err), &err, ERR_SESSION_LOST);
	must(CALL(&f, find_by_id, id, &row, &err), &err);
	assert_int_equal(row.phase, PHASE_PENDING);
	must(CALL(&f, renew, id, 2, 60, &stop, &push, &err), &err);
	must(CALL(&f, save_status, id, 2, PHASE_CLONING, "{\"phase\":\"Cloning\"}", NULL, &err), &err);
	must(CALL(&f, find_by_id, id, &row, &err), &err);
	assert_int_equal(row.phase, PHASE_CLONING);
	assert_string_equal(row.status, "{\"phase\":\"Cloning\"}");
}

static void a_final_phase_ends_lease_and_credential(void **state UNUSED)
{
	static const enum session_phase phases[] = {PHASE_COMPLETED, PHASE_PARTIALLY_COMPLETED, PHASE_FAILED, PHASE_STOPPED};
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;

	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(phases); i++) {
		CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
		CLEANUP(freep) char *id = NULL;
		char name[64];
		bool stop, push;

		snprintf(name, sizeof(name), "s%zu", i);
		make_session(&f, name);
		id = xasprintf("id-%s-john", name);
		assert_int_equal(claim(&f, id, 60, name), 1);
		must(CALL(&f, find_by_gate, id, hash_a, &row, &err), &err);
		must(CALL(&f, save_status, id, 1, phases[i], "{}", NULL, &err), &err);
		expect(CALL(&f, find_by_gate, id, hash_a, &row, &err), &err, ERR_GIT_CREDENTIAL);
		expect(CALL(&f, renew, id, 1, 60, &stop, &push, &err), &err, ERR_SESSION_LOST);
		expect(CALL(&f, save_status, id, 1, PHASE_RUNNING, "{}", NULL, &err), &err, ERR_SESSION_LOST);
		expect(CALL(&f, request_push, id, &err), &err, ERR_SESSION_ENDED);
		assert_int_equal(claim(&f, id, 60, name), 0);
		must(CALL(&f, find_by_id, id, &row, &err), &err);
		assert_int_equal(row.phase, phases[i]);
	}
}

static void the_gate_knows_running_sessions_only(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	static const char id[] = "id-one-john";
	char name[64];
	bool found;

	fixture_make(&f);
	make_session(&f, "one");
	make_session(&f, "two");
	expect(CALL(&f, find_by_gate, id, hash_a, &row, &err), &err, ERR_GIT_CREDENTIAL);
	expect(CALL(&f, find_by_gate, id, "", &row, &err), &err, ERR_GIT_CREDENTIAL);
	claim(&f, id, 60, name);
	must(CALL(&f, find_by_gate, id, hash_a, &row, &err), &err);
	assert_string_equal(row.name, "one");
	expect(CALL(&f, find_by_gate, id, hash_b, &row, &err), &err, ERR_GIT_CREDENTIAL);
	expect(CALL(&f, find_by_gate, "id-two-john", hash_a, &row, &err), &err, ERR_GIT_CREDENTIAL);
	must(CALL(&f, claim, "w", "id-two-john", 0, hash_b, &row, &found, &err), &err);
	assert_true(found);
	expect(CALL(&f, find_by_gate, "id-two-john", hash_b, &row, &err), &err, ERR_GIT_CREDENTIAL); /* lease over */
}

static void a_push_request_reaches_the_worker_and_is_cleared(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	static const char id[] = "id-one-john";
	char name[64];
	bool stop, push;

	fixture_make(&f);
	make_session(&f, "one");
	claim(&f, NULL, 60, name);
	must(CALL(&f, renew, id, 1, 60, &stop, &push, &err), &err);
	assert_false(stop || push);
	must(CALL(&f, request_push, id, &err), &err);
	must(CALL(&f, renew, id, 1, 60, &stop, &push, &err), &err);
	assert_true(push && !stop);
	must(CALL(&f, clear_push, id, 1, &err), &err);
	must(CALL(&f, renew, id, 1, 60, &stop, &push, &err), &err);
	assert_false(push);
	expect(CALL(&f, request_push, "unknown", &err), &err, ERR_SESSION_NOT_FOUND);
}

static void what_was_asked_for_during_a_push_is_not_forgotten(void **state UNUSED)
{
	static const struct {
		enum session_phase end;
		bool stop, ends;
		const char *why;
	} rows[] = {
	        {PHASE_COMPLETED, false, false, "its newest work is not pushed"},
	        {PHASE_PARTIALLY_COMPLETED, false, false, "nor here"},
	        {PHASE_FAILED, false, true, "its work is kept"},
	        {PHASE_STOPPED, false, true, "nobody wants it"},
	        {PHASE_COMPLETED, true, true, "its removal was asked for"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(fixture_remove) struct store_fixture f;
		struct error err = ERROR_INIT;
		static const char id[] = "id-one-john";
		char name[64];

		fixture_make(&f);
		make_session(&f, "one");
		claim(&f, NULL, 60, name);
		must(CALL(&f, save_status, id, 1, PHASE_PUSHING, "{}", NULL, &err), &err);
		must(CALL(&f, request_push, id, &err), &err);
		if (rows[i].stop)
			must(CALL(&f, remove, id, &err), &err);
		bool ended = CALL(&f, save_status, id, 1, rows[i].end, "{}", NULL, &err);
		if (ended != rows[i].ends || (!ended && err.code != ERR_PRECONDITION_FAILED))
			fail_msg("%s: %s", rows[i].why, ended ? "ended" : error_name(err.code));
		if (ended)
			continue;
		must(CALL(&f, clear_push, id, 1, &err), &err);
		must(CALL(&f, save_status, id, 1, rows[i].end, "{}", NULL, &err), &err);
	}
}

static void kept_work_can_be_pushed_again_until_it_expires(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	static const char id[] = "id-one-john",
	                  ended[] = "{\"phase\":\"Failed\",\"startTime\":\"s\",\"completionTime\":\"c\",\"notification\":\"n\"}";
	char name[64];

	fixture_make(&f);
	make_session(&f, "one");
	assert_int_equal(claim(&f, NULL, 60, name), 1);
	expect(CALL(&f, keep_work, id, 2, clock_now_s() + 60, &err), &err, ERR_SESSION_LOST);
	must(CALL(&f, keep_work, id, 1, clock_now_s() + 60, &err), &err);
	must(CALL(&f, save_status, id, 1, PHASE_FAILED, ended, NULL, &err), &err);
	expect(CALL(&f, keep_work, id, 1, clock_now_s() + 60, &err), &err, ERR_SESSION_LOST);
	assert_int_equal(claim(&f, NULL, 60, name), 0);

	/* It waits for a worker, and its status no longer says that it has ended. */
	must(CALL(&f, request_push, id, &err), &err);
	must(CALL(&f, find_by_id, id, &row, &err), &err);
	assert_int_equal(row.phase, PHASE_PENDING);
	assert_true(row.push_requested);
	assert_null(strstr(row.status, "completionTime"));
	assert_null(strstr(row.status, "notification"));
	assert_non_null(strstr(row.status, "\"phase\":\"Pending\""));
	assert_non_null(strstr(row.status, "\"startTime\":\"s\""));
	must(CALL(&f, request_push, id, &err), &err); /* asked for twice, done once */

	/* It is where it was done. The next attempt has to keep the work itself. */
	assert_int_equal(claim(&f, NULL, 60, name), 0);
	assert_int_equal(claim(&f, id, 60, name), 2);
	must(CALL(&f, save_status, id, 2, PHASE_FAILED, ended, NULL, &err), &err);
	expect(CALL(&f, request_push, id, &err), &err, ERR_SESSION_ENDED);
}

static void expired_work_and_that_of_a_removed_session_is_not_pushed(void **state UNUSED)
{
	for (int kind = 0; kind < 2; kind++) {
		CLEANUP(fixture_remove) struct store_fixture f;
		struct error err = ERROR_INIT;
		static const char id[] = "id-one-john";
		char name[64];

		fixture_make(&f);
		make_session(&f, "one");
		claim(&f, NULL, 60, name);
		must(CALL(&f, keep_work, id, 1, clock_now_s() + (kind ? 60 : 0), &err), &err);
		must(CALL(&f, save_status, id, 1, PHASE_FAILED, "{}", NULL, &err), &err);
		if (kind)
			must(CALL(&f, remove, id, &err), &err);
		expect(CALL(&f, request_push, id, &err), &err, kind ? ERR_SESSION_NOT_FOUND : ERR_SESSION_ENDED);
	}
}

static void remove_waits_for_the_worker_that_holds_the_session(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	static const char id[] = "id-one-john";
	char name[64];
	bool stop, push, created;

	fixture_make(&f);
	make_session(&f, "one");
	claim(&f, NULL, 60, name);
	must(CALL(&f, save_status, id, 1, PHASE_RUNNING, "{}", NULL, &err), &err);
	must(CALL(&f, remove, id, &err), &err);
	must(CALL(&f, remove, id, &err), &err);
	must(CALL(&f, find_by_id, id, &row, &err), &err);
	assert_int_equal(row.phase, PHASE_STOPPED);
	expect(create(&f, "one", "john", OBJECT("1", "{}"), NULL, &row, &created, &err), &err, ERR_CONFLICT);
	expect(CALL(&f, request_push, id, &err), &err, ERR_SESSION_ENDED);
	must(CALL(&f, renew, id, 1, 60, &stop, &push, &err), &err);
	assert_true(stop);
	must(CALL(&f, forget, id, 1, &err), &err);
	must(CALL(&f, forget, id, 1, &err), &err); /* gone is what it wants */
	expect(CALL(&f, find_by_id, id, &row, &err), &err, ERR_SESSION_NOT_FOUND);
	make_session(&f, "one"); /* the name is free again */
}

static void remove_deletes_at_once_what_nobody_holds(void **state UNUSED)
{
	/* never claimed; ended; its worker gone; and one that ends while its removal waits */
	for (int kind = 0; kind < 4; kind++) {
		CLEANUP(fixture_remove) struct store_fixture f;
		CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
		struct error err = ERROR_INIT;
		static const char id[] = "id-one-john";
		char name[64];

		fixture_make(&f);
		make_session(&f, "one");
		if (kind > 0)
			claim(&f, NULL, kind == 2 ? 0 : 60, name);
		if (kind == 1)
			must(CALL(&f, save_status, id, 1, PHASE_FAILED, "{}", NULL, &err), &err);
		must(CALL(&f, remove, id, &err), &err);
		if (kind == 3)
			must(CALL(&f, save_status, id, 1, PHASE_STOPPED, "{}", NULL, &err), &err);
		expect(CALL(&f, find_by_id, id, &row, &err), &err, ERR_SESSION_NOT_FOUND);
		expect(CALL(&f, remove, id, &err), &err, ERR_SESSION_NOT_FOUND);
	}
}

static void a_removal_that_a_dead_worker_left_is_claimed_again(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	static const char id[] = "id-one-john";
	char name[64];
	bool stop, push, found;

	fixture_make(&f);
	make_session(&f, "one");
	claim(&f, NULL, 60, name);
	must(CALL(&f, remove, id, &err), &err);
	must(CALL(&f, renew, id, 1, 0, &stop, &push, &err), &err); /* its last sign of life */
	must(CALL(&f, claim, "worker-2", NULL, 60, hash_b, &row, &found, &err), &err);
	assert_true(found && row.stop_requested);
	assert_int_equal(row.attempt, 2);
	must(CALL(&f, forget, id, 2, &err), &err);
	expect(CALL(&f, find_by_id, id, &row, &err), &err, ERR_SESSION_NOT_FOUND);
}

static void forget_needs_a_removal(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	char name[64];

	fixture_make(&f);
	make_session(&f, "one");
	claim(&f, NULL, 60, name);
	expect(CALL(&f, forget, "id-one-john", 1, &err), &err, ERR_SESSION_LOST);
}

static void bindings_are_replaced_and_go_with_the_session(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_binding_release) struct session_binding found = SESSION_BINDING_INIT;
	struct error err = ERROR_INIT;
	static const char id[] = "id-one-john";
	char api[] = "api", web[] = "web", gitlab[] = "gitlab", github[] = "github";
	char key[] = "k1-x", installation[] = "installation:9", url[] = "https://gitlab.com", path[] = "g/p",
	     branch[] = "ambient/one";
	struct session_binding bindings[] = {{api, gitlab, key, url, path, 42, branch},
	                                     {web, github, installation, url, path, 43, NULL}};
	bool is_there;

	fixture_make(&f);
	expect(CALL(&f, bind, id, bindings, 2, &err), &err, ERR_SESSION_NOT_FOUND);
	make_session(&f, "one");
	must(CALL(&f, bind, id, bindings, 2, &err), &err);
	must(CALL(&f, binding, id, "api", &found, &is_there, &err), &err);
	assert_true(is_there);
	assert_string_equal(found.provider, "gitlab");
	assert_string_equal(found.credential, key);
	assert_string_equal(found.instance_url, url);
	assert_string_equal(found.project_path, path);
	assert_int_equal(found.project_id, 42);
	assert_string_equal(found.push_branch, branch);
	bindings[0].project_id = 44;
	must(CALL(&f, bind, id, bindings, 1, &err), &err);
	must(CALL(&f, binding, id, "api", &found, &is_there, &err), &err);
	assert_int_equal(found.project_id, 44);
	must(CALL(&f, binding, id, "web", &found, &is_there, &err), &err);
	assert_true(is_there);
	assert_null(found.push_branch);
	assert_string_equal(found.provider, "github");
	assert_string_equal(found.credential, installation);
	must(CALL(&f, binding, id, "other", &found, &is_there, &err), &err);
	assert_false(is_there);
	must(CALL(&f, remove, id, &err), &err);
	must(CALL(&f, binding, id, "api", &found, &is_there, &err), &err);
	assert_false(is_there);
}

/* The commits that were sent to a repository of "one", the newest first, by their first digit. */
static void check_pushes(struct store_fixture *f, const char *repository, const char *expected)
{
	CLEANUP(id_list_release) struct id_list list = ID_LIST_INIT;
	struct error err = ERROR_INIT;

	must(CALL(f, pushes, "id-one-john", repository, &list, &err), &err);
	assert_int_equal(list.count, strlen(expected));
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(list.items[i][0], expected[i]);
}

static void what_was_sent_is_kept_newest_first_up_to_a_limit(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(id_list_release) struct id_list list = ID_LIST_INIT;
	struct error err = ERROR_INIT;
	static const char id[] = "id-one-john";

	fixture_make(&f);
	expect(CALL(&f, add_push, id, "api", "a", &err), &err, ERR_SESSION_NOT_FOUND);
	make_session(&f, "one");
	check_pushes(&f, "api", "");
	for (const char *commit = "abca"; *commit; commit++)
		must(CALL(&f, add_push, id, "api", (char[]){*commit, '\0'}, &err), &err);
	must(CALL(&f, add_push, id, "web", "w", &err), &err);
	check_pushes(&f, "api", "acb"); /* sent again it is the newest again */
	check_pushes(&f, "web", "w");
	for (int i = 0; i < 105; i++) {
		char commit[16];

		snprintf(commit, sizeof(commit), "%d", i);
		must(CALL(&f, add_push, id, "api", commit, &err), &err);
	}
	must(CALL(&f, pushes, id, "api", &list, &err), &err);
	assert_int_equal(list.count, 100);
	assert_string_equal(list.items[0], "104");
	assert_string_equal(list.items[99], "5");
	check_pushes(&f, "web", "w");
	must(CALL(&f, remove, id, &err), &err);
	make_session(&f, "one");
	check_pushes(&f, "web", "");
}

static void outcomes_are_kept_in_order_up_to_a_limit(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(gate_outcome_list_release) struct gate_outcome_list list = GATE_OUTCOME_LIST_INIT;
	struct error err = ERROR_INIT;
	static const char id[] = "id-one-john";
	char repository[] = "api", operation[] = "push", code[] = "push_forbidden", message[] = "No.";
	struct gate_outcome outcome = {repository, operation, code, message, NULL, 0};

	fixture_make(&f);
	expect(CALL(&f, add_outcome, id, &outcome, &err), &err, ERR_SESSION_NOT_FOUND);
	make_session(&f, "one");
	for (outcome.at = 1; outcome.at <= 110; outcome.at++)
		must(CALL(&f, add_outcome, id, &outcome, &err), &err);
	must(CALL(&f, outcomes, id, &list, &err), &err);
	assert_int_equal(list.count, 100);
	assert_int_equal(list.items[0].at, 11);
	assert_int_equal(list.items[99].at, 110);
	assert_string_equal(list.items[0].repository, "api");
	assert_string_equal(list.items[0].operation, "push");
	assert_string_equal(list.items[0].code, "push_forbidden");
	assert_string_equal(list.items[0].message, "No.");
	assert_string_equal(list.items[0].remediation, "");
	must(CALL(&f, remove, id, &err), &err);
	must(CALL(&f, outcomes, id, &list, &err), &err);
	assert_int_equal(list.count, 0);
}

/* The phases nobody has told of, as "1 Pending, 2 Cloning (message)". */
static void check_untold(struct store_fixture *f, const char *id, const char *expected)
{
	CLEANUP(session_phases_release) struct session_phases phases = SESSION_PHASES_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(4096);
	struct error err = ERROR_INIT;

	must(CALL(f, phases_untold, id, &phases, &err), &err);
	for (size_t i = 0; i < phases.count; i++) {
		const struct session_phase_entered *one = &phases.items[i];

		strbuf_addf(&text, "%s%lld %s", i ? ", " : "", (long long)one->number, session_phase_name(one->phase));
		if (one->message[0])
			strbuf_addf(&text, " (%s)", one->message);
		assert_true(one->at > 0);
	}
	assert_string_equal(text.data, expected);
}

static void make_of_resource(struct store_fixture *f, const char *name, const char *uid)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT, ret = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	bool created;

	row.id = xstrdup(uid);
	row.project = xstrdup("alpha");
	row.name = xstrdup(name);
	row.owner = xstrdup("john");
	row.object = xasprintf("{\"metadata\":{\"uid\":\"%s\"}}", uid);
	row.status = xstrdup("{\"phase\":\"Pending\"}");
	row.created_at = 1000;
	must(CALL(f, create, &row, NULL, &ret, &created, &err), &err);
}

static void every_phase_of_a_resource_is_told_once(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	char name[64];

	fixture_make(&f);
	make_of_resource(&f, "s1", "uid-1");
	int64_t attempt = claim(&f, "uid-1", 60, name);
	must(CALL(&f, save_status, "uid-1", attempt, PHASE_CLONING, "{\"message\":\"Cloning\"}", NULL, &err), &err);
	must(CALL(&f, save_status, "uid-1", attempt, PHASE_CLONING, "{\"message\":\"Still\"}", NULL, &err), &err);
	check_untold(&f, "uid-1", "1 Pending, 2 Cloning (Cloning)");
	must(CALL(&f, phase_told, "uid-1", 1, &err), &err);
	must(CALL(&f, keep_work, "uid-1", attempt, clock_now_s() + 60, &err), &err);
	must(CALL(&f, save_status, "uid-1", attempt, PHASE_FAILED, "{\"message\":\"no\",\"notification\":\"failed\"}", NULL, &err),
	     &err);
	must(CALL(&f, request_push, "uid-1", &err), &err);
	check_untold(&f, "uid-1",
	             "2 Cloning (Cloning), 3 Failed (failed), 4 Pending (Waiting for a worker to push the kept work.)");
	expect(CALL(&f, save_status, "uid-1", attempt + 7, PHASE_RUNNING, "{}", NULL, &err), &err, ERR_SESSION_LOST);
	for (int64_t number = 2; number <= 4; number++)
		must(CALL(&f, phase_told, "uid-1", number, &err), &err);
	must(CALL(&f, phase_told, "uid-1", 99, &err), &err);
	check_untold(&f, "uid-1", "");
}

static void nobody_is_told_of_a_session_without_a_resource(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;

	fixture_make(&f);
	make_session(&f, "s1");
	check_untold(&f, "id-s1-john", "");
}

static void the_newest_phases_stay(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(session_phases_release) struct session_phases phases = SESSION_PHASES_INIT;
	struct error err = ERROR_INIT;
	char name[64];

	fixture_make(&f);
	make_of_resource(&f, "s1", "uid-1");
	int64_t attempt = claim(&f, "uid-1", 60, name);
	for (int i = 0; i < 120; i++)
		must(CALL(&f, save_status, "uid-1", attempt, i % 2 ? PHASE_RUNNING : PHASE_PUSHING, "{}", NULL, &err), &err);
	must(CALL(&f, phases_untold, "uid-1", &phases, &err), &err);
	assert_int_equal(phases.count, 100);
	assert_int_equal(phases.items[99].number, 121);
	must(CALL(&f, remove, "uid-1", &err), &err);
	must(CALL(&f, forget, "uid-1", attempt, &err), &err);
	check_untold(&f, "uid-1", "");
}

static void sessions_do_not_move_the_connections_version(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	uint64_t version;
	char name[64];

	fixture_make(&f);
	version = f.connections.ops->version(f.connections.state);
	make_session(&f, "one");
	claim(&f, NULL, 60, name);
	assert_int_equal(f.connections.ops->version(f.connections.state), version);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_session_comes_back_as_it_was_created),
	        cmocka_unit_test(the_projects_repositories_stay_with_a_session_that_names_none),
	        cmocka_unit_test(create_makes_a_session_once),
	        cmocka_unit_test(list_is_newest_first_and_of_one_project),
	        cmocka_unit_test(list_says_what_it_leaves_out),
	        cmocka_unit_test(claim_takes_the_oldest_and_each_once),
	        cmocka_unit_test(a_session_without_a_verified_owner_is_not_claimed),
	        cmocka_unit_test(a_worker_that_lost_its_lease_changes_nothing),
	        cmocka_unit_test(a_final_phase_ends_lease_and_credential),
	        cmocka_unit_test(the_gate_knows_running_sessions_only),
	        cmocka_unit_test(a_push_request_reaches_the_worker_and_is_cleared),
	        cmocka_unit_test(what_was_asked_for_during_a_push_is_not_forgotten),
	        cmocka_unit_test(kept_work_can_be_pushed_again_until_it_expires),
	        cmocka_unit_test(expired_work_and_that_of_a_removed_session_is_not_pushed),
	        cmocka_unit_test(remove_waits_for_the_worker_that_holds_the_session),
	        cmocka_unit_test(remove_deletes_at_once_what_nobody_holds),
	        cmocka_unit_test(a_removal_that_a_dead_worker_left_is_claimed_again),
	        cmocka_unit_test(forget_needs_a_removal),
	        cmocka_unit_test(bindings_are_replaced_and_go_with_the_session),
	        cmocka_unit_test(what_was_sent_is_kept_newest_first_up_to_a_limit),
	        cmocka_unit_test(outcomes_are_kept_in_order_up_to_a_limit),
	        cmocka_unit_test(every_phase_of_a_resource_is_told_once),
	        cmocka_unit_test(nobody_is_told_of_a_session_without_a_resource),
	        cmocka_unit_test(the_newest_phases_stay),
	        cmocka_unit_test(sessions_do_not_move_the_connections_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
