#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "caps.h"
#include "session_service.h"
#include "store_fixture.h"

#include <string.h>

static json_t *object_of(const char *text)
{
	json_t *object = json_loads(text, 0, NULL);

	assert_non_null(object);
	return object;
}

static bool create(struct store_fixture *f, const char *owner, const char *text, const char *key, struct session_row *ret,
                   bool *ret_created, struct error *err)
{
	json_t *object = object_of(text);
	bool ok = session_create(&f->sessions, &f->projects, "default", owner, object, key, ret, ret_created, err);

	json_decref(object);
	return ok;
}

#define SEED                                                                                                                       \
	"{\"apiVersion\":\"ambient-code.io/"                                                                                       \
	"v1alpha1\",\"kind\":\"AgenticSession\",\"metadata\":{\"name\":\"add-x\",\"namespace\":\"default\"},"                      \
	"\"spec\":{\"description\":\"Add X\",\"outputRepo\":{\"url\":\"https://gitlab.com/t/b.git\",\"branch\":\"feature/x\"}}}"

static void created_session_shows_metadata_and_status(void **state UNUSED)
{
	struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	json_t *shown, *metadata;
	bool created = false;

	fixture_make(&f);
	assert_true(create(&f, "alice", SEED, NULL, &row, &created, &err));
	assert_true(created);
	assert_string_equal(row.owner, "alice");
	shown = session_to_json(&row);
	metadata = json_object_get(shown, "metadata");
	assert_string_equal(json_string_or(metadata, "name", ""), "add-x");
	assert_string_equal(json_string_or(metadata, "namespace", ""), "default");
	assert_string_equal(json_string_or(metadata, "uid", ""), row.id);
	assert_int_equal(strlen(json_string_or(metadata, "creationTimestamp", "")), 20);
	assert_string_equal(json_string_or(json_object_get(shown, "status"), "phase", ""), "Pending");
	json_decref(shown);
	fixture_remove(&f);
}

#define PASTED "glpat-0123456789abcdefghij"

static void a_token_in_what_was_asked_for_is_not_shown(void **state UNUSED)
{
	static const char asked[] =
	        "{\"metadata\":{\"name\":\"x\",\"annotations\":{\"note\":\"" PASTED "\"}},"
	        "\"spec\":{\"description\":\"Use " PASTED ".\",\"environmentVariables\":{\"GITLAB_TOKEN\":\"" PASTED "\"},"
	        "\"outputRepo\":{\"url\":\"https://gitlab.com/t/b.git\"}}}";
	struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	struct error err = ERROR_INIT;
	bool created = false;

	fixture_make(&f);
	assert_true(create(&f, "alice", asked, NULL, &row, &created, &err));
	json_t *shown = session_to_json(&row);
	char *text = json_dumps(shown, 0);
	assert_null(strstr(text, PASTED));
	assert_non_null(strstr(text, "Use glpat-***."));
	free(text);
	json_decref(shown);
	/* The agent is told what its user has written. */
	assert_true(session_row_spec(&row, &spec, &err));
	assert_string_equal(spec.description, "Use " PASTED ".");
	fixture_remove(&f);
}

static void same_request_creates_once(void **state UNUSED)
{
	static const struct {
		const char *sentence, *first, *second, *first_key, *second_key, *second_owner;
		enum error_code code;
	} rows[] = {
	        {"the same name by the same owner", SEED, SEED, NULL, NULL, "alice", ERR_NONE},
	        {"the same name by another owner", SEED, SEED, NULL, NULL, "bob", ERR_CONFLICT},
	        {"the same key without a name", "{\"spec\":{\"outputRepo\":{\"url\":\"https://gitlab.com/t/b\"}}}",
	         "{\"spec\":{\"outputRepo\":{\"url\":\"https://gitlab.com/t/b\"}}}", "k1", "k1", "alice", ERR_NONE},
	        {"the same key with another object", "{\"spec\":{\"outputRepo\":{\"url\":\"https://gitlab.com/t/b\"}}}",
	         "{\"spec\":{\"outputRepo\":{\"url\":\"https://gitlab.com/t/c\"}}}", "k1", "k1", "alice", ERR_CONFLICT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct store_fixture f;
		CLEANUP(session_row_release) struct session_row first = SESSION_ROW_INIT, second = SESSION_ROW_INIT;
		struct error err = ERROR_INIT;
		bool created = false, ok;

		print_message("  %s\n", rows[i].sentence);
		fixture_make(&f);
		assert_true(create(&f, "alice", rows[i].first, rows[i].first_key, &first, &created, &err));
		assert_true(created);
		ok = create(&f, rows[i].second_owner, rows[i].second, rows[i].second_key, &second, &created, &err);
		assert_int_equal(err.code, rows[i].code);
		if (ok) {
			assert_false(created);
			assert_string_equal(second.id, first.id);
		}
		fixture_remove(&f);
	}
}

static void unusable_requests_are_refused(void **state UNUSED)
{
	static const struct {
		const char *sentence, *text;
		enum error_code code;
	} rows[] = {
	        {"no repository", "{\"spec\":{\"description\":\"x\"}}", ERR_SESSION_NO_REPOSITORY},
	        {"another project",
	         "{\"metadata\":{\"namespace\":\"other\"},\"spec\":{\"outputRepo\":{\"url\":\"https://gitlab.com/t/b\"}}}",
	         ERR_SESSION_INVALID},
	        {"another kind", "{\"kind\":\"Pod\",\"spec\":{\"outputRepo\":{\"url\":\"https://gitlab.com/t/b\"}}}",
	         ERR_SESSION_INVALID},
	        {"no address", "{\"spec\":{\"outputRepo\":{\"url\":\"nonsense\"}}}", ERR_REPO_URL_INVALID},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct store_fixture f;
		CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
		struct error err = ERROR_INIT;
		bool created;

		print_message("  %s\n", rows[i].sentence);
		fixture_make(&f);
		assert_false(create(&f, "alice", rows[i].text, NULL, &row, &created, &err));
		assert_int_equal(err.code, rows[i].code);
		fixture_remove(&f);
	}
}

static void nothing_is_kept_that_is_not_the_callers_to_say(void **state UNUSED)
{
	static const char text[] =
	        "{\"metadata\":{\"name\":\"x\",\"uid\":\"forged\",\"labels\":{\"a\":\"b\"}},\"status\":{\"phase\":\"Completed\"},"
	        "\"spec\":{\"repositories\":[{\"url\":\"https://oauth2:glpat-secret12345678@gitlab.com/t/b.git#dev\"}]}}";
	struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
	struct error err = ERROR_INIT;
	bool created;

	fixture_make(&f);
	assert_true(create(&f, "alice", text, NULL, &row, &created, &err));
	assert_null(strstr(row.object, "glpat-"));
	assert_null(strstr(row.object, "forged"));
	assert_null(strstr(row.object, "Completed"));
	assert_non_null(strstr(row.object, "\"https://gitlab.com/t/b.git#dev\""));
	assert_non_null(strstr(row.object, "\"labels\":{\"a\":\"b\"}"));
	assert_true(session_row_spec(&row, &spec, &err));
	assert_string_equal(spec.repositories[0].push_branch, "ambient/x");
	fixture_remove(&f);
}

/* ---- The project's repositories ---- */

static void set_project(struct store_fixture *f, const char *document)
{
	CLEANUP(project_list_release) struct project_list list = PROJECT_LIST_INIT;
	struct error err = ERROR_INIT;

	set_string(&list.document, document);
	set_string(&list.identities, "{}");
	assert_true(f->projects.ops->put(f->projects.state, "default", PROJECT_VERSION_ANY, &list, &err));
}

#define PROJECT                                                                                                                    \
	"{\"repositories\":[{\"url\":\"https://gitlab.com/t/a\",\"branch\":\"dev\",\"provider\":\"gitlab\",\"color\":\"red\"},"    \
	"{\"url\":\"https://gitlab.com/t/b\"}]}"

static void session_without_repositories_takes_the_projects(void **state UNUSED)
{
	static const struct {
		const char *sentence, *text;
		size_t count;
		const char *first_url;
	} rows[] = {
	        {"no list at all", "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"description\":\"d\"}}", 2, "https://gitlab.com/t/a"},
	        {"an empty list", "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"repositories\":[],\"repos\":[]}}", 2,
	         "https://gitlab.com/t/a"},
	        {"one of its own",
	         "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"repositories\":[{\"url\":\"https://gitlab.com/t/own\"}]}}", 1,
	         "https://gitlab.com/t/own"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct store_fixture f;
		CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
		CLEANUP(session_spec_release) struct session_spec spec = SESSION_SPEC_INIT;
		struct error err = ERROR_INIT;
		bool created;

		print_message("  %s\n", rows[i].sentence);
		fixture_make(&f);
		set_project(&f, PROJECT);
		assert_true(create(&f, "alice", rows[i].text, NULL, &row, &created, &err));
		/* The list of that moment counts; what becomes of it later is for later sessions. */
		set_project(&f, "{\"repositories\":[]}");
		assert_true(session_row_spec(&row, &spec, &err));
		assert_int_equal(spec.repository_count, rows[i].count);
		assert_string_equal(spec.repositories[0].url, rows[i].first_url);
		assert_string_equal(spec.repositories[0].push_branch, "ambient/x");
		assert_null(strstr(row.object, "gitlab.com/t/a"));
		if (rows[i].count == 2) {
			assert_string_equal(spec.repositories[0].start_branch, "dev");
			assert_string_equal(spec.repositories[0].provider, "gitlab");
			assert_null(spec.repositories[1].start_branch);
			assert_null(strstr(row.project_repositories, "red"));
		} else {
			assert_null(row.project_repositories);
		}
		fixture_remove(&f);
	}
}

static void change_of_the_projects_list_makes_no_other_request(void **state UNUSED)
{
	static const struct {
		const char *sentence, *text, *key, *list;
	} rows[] = {
	        {"another list, the same key", "{\"spec\":{}}", "key-1",
	         "{\"repositories\":[{\"url\":\"https://gitlab.com/t/other\"}]}"},
	        {"no list any more, the same key", "{\"spec\":{}}", "key-1", "{\"repositories\":[]}"},
	        {"no list any more, the same name", "{\"metadata\":{\"name\":\"x\"},\"spec\":{}}", NULL, "{\"repositories\":[]}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct store_fixture f;
		CLEANUP(session_row_release) struct session_row first = SESSION_ROW_INIT, second = SESSION_ROW_INIT;
		struct error err = ERROR_INIT;
		bool created;

		print_message("  %s\n", rows[i].sentence);
		fixture_make(&f);
		set_project(&f, PROJECT);
		assert_true(create(&f, "alice", rows[i].text, rows[i].key, &first, &created, &err));
		assert_true(created);
		set_project(&f, rows[i].list);
		assert_true(create(&f, "alice", rows[i].text, rows[i].key, &second, &created, &err));
		assert_false(created);
		assert_string_equal(second.id, first.id);
		assert_string_equal(second.project_repositories, first.project_repositories);
		fixture_remove(&f);
	}
}

static void project_with_more_than_a_session_takes_is_refused(void **state UNUSED)
{
	struct store_fixture f;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	CLEANUP(strbuf_release) struct strbuf text = STRBUF_INIT(LIMIT_BODY_DEFAULT);
	struct error err = ERROR_INIT;
	bool created;

	fixture_make(&f);
	strbuf_add_string(&text, "{\"repositories\":[{\"url\":\"https://gitlab.com/t/0\"}");
	for (int i = 0; i < LIMIT_SESSION_REPOSITORIES; i++)
		strbuf_addf(&text, ",{\"url\":\"https://gitlab.com/t/a%d\"}", i);
	strbuf_add_string(&text, "]}");
	set_project(&f, text.data);
	assert_false(create(&f, "alice", "{\"spec\":{}}", NULL, &row, &created, &err));
	assert_int_equal(err.code, ERR_SESSION_INVALID);
	assert_non_null(strstr(err.message, "its project has 51"));
	fixture_remove(&f);
}

static void removed_session_is_shown_as_stopped(void **state UNUSED)
{
	char id[] = "u", project[] = "p", name[] = "n", object[] = "{\"spec\":{}}",
	     status[] = "{\"phase\":\"Running\",\"message\":\"m\"}";
	const struct session_row row = {.id = id,
	                                .project = project,
	                                .name = name,
	                                .object = object,
	                                .status = status,
	                                .phase = PHASE_RUNNING,
	                                .stop_requested = true};
	json_t *shown = session_to_json(&row);

	assert_string_equal(json_string_or(json_object_get(shown, "status"), "phase", ""), "Stopped");
	assert_string_equal(json_string_or(json_object_get(shown, "status"), "message", ""), "m");
	json_decref(shown);
}

#define RESOURCE(uid)                                                                                                              \
	"{\"apiVersion\":\"ambient-code.io/"                                                                                       \
	"v1alpha1\",\"kind\":\"AgenticSession\",\"metadata\":{\"name\":\"add-x\",\"namespace\":\"default\","                       \
	"\"uid\":\"" uid "\",\"annotations\":{\"a\":\"b\"}},\"spec\":{\"outputRepo\":{\"url\":\"https://gitlab.com/t/b.git\"}}}"

static bool adopt(struct store_fixture *f, const char *owner, const char *text, struct session_row *ret, struct error *err)
{
	json_t *object = object_of(text);
	bool ok = session_adopt(&f->sessions, &f->projects, owner, object, ret, err);

	json_decref(object);
	return ok;
}

static void resource_becomes_one_session_with_its_uid(void **state UNUSED)
{
	struct store_fixture f;
	CLEANUP(session_row_release) struct session_row first = SESSION_ROW_INIT, again = SESSION_ROW_INIT, made = SESSION_ROW_INIT;
	CLEANUP(id_list_release) struct id_list ids = ID_LIST_INIT;
	struct error err = ERROR_INIT;
	bool created = false;

	fixture_make(&f);
	assert_true(create(&f, "alice",
	                   "{\"metadata\":{\"name\":\"by-api\"},\"spec\":{\"outputRepo\":{\"url\":\"https://gitlab.com/t/b\"}}}",
	                   NULL, &made, &created, &err));
	assert_true(adopt(&f, "alice", RESOURCE("u-1"), &first, &err));
	assert_string_equal(first.id, "u-1");
	assert_string_equal(first.owner, "alice");
	assert_null(strstr(first.object, "annotations"));
	assert_true(adopt(&f, "alice", RESOURCE("u-1"), &again, &err));
	assert_string_equal(again.id, "u-1");
	/* Of the two sessions one came from a resource. */
	assert_true(f.sessions.ops->adopted(f.sessions.state, first.created_at + 1, &ids, &err));
	assert_int_equal(ids.count, 1);
	assert_string_equal(ids.items[0], "u-1");
	assert_true(f.sessions.ops->adopted(f.sessions.state, first.created_at, &ids, &err));
	assert_int_equal(ids.count, 0);
	fixture_remove(&f);
}

static void resource_with_a_taken_name_is_a_conflict(void **state UNUSED)
{
	struct store_fixture f;
	CLEANUP(session_row_release) struct session_row first = SESSION_ROW_INIT, other = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;

	fixture_make(&f);
	assert_true(adopt(&f, "alice", RESOURCE("u-1"), &first, &err));
	assert_false(adopt(&f, "alice", RESOURCE("u-2"), &other, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_false(adopt(&f, "bob", RESOURCE("u-2"), &other, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(created_session_shows_metadata_and_status),
	        cmocka_unit_test(a_token_in_what_was_asked_for_is_not_shown),
	        cmocka_unit_test(same_request_creates_once),
	        cmocka_unit_test(unusable_requests_are_refused),
	        cmocka_unit_test(nothing_is_kept_that_is_not_the_callers_to_say),
	        cmocka_unit_test(session_without_repositories_takes_the_projects),
	        cmocka_unit_test(change_of_the_projects_list_makes_no_other_request),
	        cmocka_unit_test(project_with_more_than_a_session_takes_is_refused),
	        cmocka_unit_test(removed_session_is_shown_as_stopped),
	        cmocka_unit_test(resource_becomes_one_session_with_its_uid),
	        cmocka_unit_test(resource_with_a_taken_name_is_a_conflict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
