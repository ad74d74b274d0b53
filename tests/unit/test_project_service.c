#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "project_fixture.h"
#include "project_session.h"

static bool write_list(struct project_fixture *p, const char *text, int64_t expected, struct project_view *ret, struct error *err)
{
	json_t *document = project_fixture_json(p, text);
	bool ok = project_write(&p->service, "default", "alice", document, expected, "request-1", ret, err);

	json_decref(document);
	return ok;
}

static void must_write(struct project_fixture *p, const char *text, struct project_view *ret)
{
	struct error err = ERROR_INIT;

	must(write_list(p, text, PROJECT_VERSION_ANY, ret, &err), &err);
}

static void assert_stored(const struct project_fixture *p, const char *stored, const char *expected)
{
	json_t *found = json_loads(stored, 0, NULL), *wanted = project_fixture_json(p, expected);

	if (!json_equal(found, wanted))
		fail_msg("stored is %s", stored);
	json_decref(found);
	json_decref(wanted);
}

static void seed(struct project_fixture *p, const char *document, const char *identities)
{
	CLEANUP(freep) char *list = project_fixture_text(p, document), *ids = project_fixture_text(p, identities);

	set_string(&p->store.list.document, list);
	set_string(&p->store.list.identities, ids);
	p->store.list.version = 1;
}

/* ---- What is kept ---- */

static void list_is_kept_as_it_was_sent(void **state UNUSED)
{
	static const struct {
		const char *sentence, *sent, *kept;
	} rows[] = {
	        {"no repository at all", "{'repositories':[]}", "{'repositories':[]}"},
	        {"members that nobody knows stay", "{'repositories':[{'url':'https://git.corp/a/b','color':{'r':1}}],'x':[1,null]}",
	         "{'repositories':[{'url':'https://git.corp/a/b','color':{'r':1}}],'x':[1,null]}"},
	        {"a provider that the address tells is filled in",
	         "{'repositories':[{'url':'https://gitlab.com/a/b','branch':'dev'}]}",
	         "{'repositories':[{'url':'https://gitlab.com/a/b','branch':'dev','provider':'gitlab'}]}"},
	        {"the provider that was named stays", "{'repositories':[{'url':'https://git.corp/a/b','provider':'github'}]}",
	         "{'repositories':[{'url':'https://git.corp/a/b','provider':'github'}]}"},
	        {"a page stays the page that was pasted", "{'repositories':[{'url':'https://gitlab.com/a/b/-/tree/dev/src'}]}",
	         "{'repositories':[{'url':'https://gitlab.com/a/b/-/tree/dev/src','provider':'gitlab'}]}"},
	        {"an address that no connection could serve stays, with its report",
	         "{'repositories':[{'url':'http://git.corp/a/b'}]}", "{'repositories':[{'url':'http://git.corp/a/b'}]}"},
	        {"an answer can be sent back", "{'repositories':[],'reports':[{'valid':true}]}", "{'repositories':[]}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct project_fixture p;
		CLEANUP(project_view_release) struct project_view view = PROJECT_VIEW_INIT;
		CLEANUP(strbuf_release) struct strbuf shown = STRBUF_INIT(LIMIT_BODY_DEFAULT);

		print_message("  %s\n", rows[i].sentence);
		project_fixture_make(&p);
		must_write(&p, rows[i].sent, &view);
		assert_stored(&p, p.store.list.document, rows[i].kept);
		json_write(&shown, view.document);
		assert_stored(&p, shown.data, rows[i].kept);
		assert_int_equal(view.version, 1);
		assert_int_equal(view.count, json_array_size(json_object_get(view.document, "repositories")));
		project_fixture_remove(&p);
	}
}

static void unusable_list_changes_nothing(void **state UNUSED)
{
	struct project_fixture p;
	struct project_view view = PROJECT_VIEW_INIT;
	struct error err = ERROR_INIT;

	project_fixture_make(&p);
	assert_false(write_list(&p, "{'repositories':[{'url':'https://gitlab.com/a/b'},{'url':'https://gitlab.com/a'}]}",
	                        PROJECT_VERSION_ANY, &view, &err));
	assert_int_equal(err.code, ERR_REPO_URL_INVALID);
	assert_null(view.document);
	assert_int_equal(p.store.list.version, 0);
	project_fixture_remove(&p);
}

static void dropped_credentials_are_reported(void **state UNUSED)
{
	struct project_fixture p;
	CLEANUP(project_view_release) struct project_view view = PROJECT_VIEW_INIT;

	project_fixture_make(&p);
	must_write(&p, "{'repositories':[{'url':'https://john:secret@git.corp/a/b'}]}", &view);
	assert_non_null(view.reports[0].checks.notes[CHECK_ADDRESS]);
	assert_int_equal(view.reports[0].checks.notes[CHECK_ADDRESS]->code, NOTE_CREDENTIALS_DROPPED);
	assert_null(strstr(p.store.list.document, "secret"));
	project_fixture_remove(&p);
}

/* ---- Reports ---- */

static void each_entry_has_its_report(void **state UNUSED)
{
	static const char list[] = "{'repositories':[{'url':'~/team/api','branch':'main'},{'url':'https://git.corp/a/b'},"
	                           "{'url':'https://gitlab.com/a/b'},{'url':'~/team/web'}]}";
	static const enum error_code codes[] = {ERR_NONE, ERR_PROVIDER_UNKNOWN, ERR_NOT_CONNECTED, ERR_REPO_NOT_FOUND};
	struct project_fixture p;
	CLEANUP(project_view_release)
	struct project_view written = PROJECT_VIEW_INIT, read = PROJECT_VIEW_INIT, plain = PROJECT_VIEW_INIT;
	struct error err = ERROR_INIT;

	project_fixture_make(&p);
	project_fixture_connect(&p);
	must_write(&p, list, &written);
	must(project_read(&p.service, "default", "alice", true, NULL, &read, &err), &err);
	assert_int_equal(written.count, ARRAY_SIZE(codes));
	assert_int_equal(read.count, ARRAY_SIZE(codes));
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		assert_int_equal(written.reports[i].failure.code, codes[i]);
		assert_int_equal(read.reports[i].failure.code, codes[i]);
	}
	assert_true(written.reports[0].can_push);
	assert_string_equal(written.reports[0].start_branch, "main");
	assert_true(json_equal(read.document, written.document));
	assert_int_equal(read.version, written.version);
	must(project_read(&p.service, "default", "alice", false, NULL, &plain, &err), &err);
	assert_null(plain.reports);
	assert_true(json_equal(plain.document, written.document));
	project_fixture_remove(&p);
}

static void list_that_was_never_written_is_empty(void **state UNUSED)
{
	struct project_fixture p;
	CLEANUP(project_view_release) struct project_view view = PROJECT_VIEW_INIT;
	CLEANUP(strbuf_release) struct strbuf shown = STRBUF_INIT(LIMIT_BODY_DEFAULT);
	struct error err = ERROR_INIT;
	json_t *repositories = NULL;

	project_fixture_make(&p);
	must(project_read(&p.service, "default", "alice", true, NULL, &view, &err), &err);
	json_write(&shown, view.document);
	assert_string_equal(shown.data, "{\"repositories\":[]}");
	assert_non_null(view.reports);
	assert_int_equal(view.version, 0);
	must(project_session_repositories(&p.service.store, "default", &repositories, &err), &err);
	assert_null(repositories);
	project_fixture_remove(&p);
}

static void session_takes_addresses_branches_and_providers(void **state UNUSED)
{
	struct project_fixture p;
	CLEANUP(strbuf_release) struct strbuf shown = STRBUF_INIT(LIMIT_BODY_DEFAULT);
	struct error err = ERROR_INIT;
	json_t *repositories = NULL;

	project_fixture_make(&p);
	seed(&p, "{'repositories':[{'url':'~/team/api','branch':'main','provider':'gitlab','x':1},{'url':'https://git.corp/a/b'}]}",
	     "{}");
	must(project_session_repositories(&p.service.store, "default", &repositories, &err), &err);
	json_write(&shown, repositories);
	assert_stored(&p, shown.data, "[{'url':'~/team/api','branch':'main','provider':'gitlab'},{'url':'https://git.corp/a/b'}]");
	json_decref(repositories);
	project_fixture_remove(&p);
}

/* ---- Identities ---- */

static int64_t expected_at(struct project_fixture *p, const char *address)
{
	CLEANUP(repo_url_release) struct repo_url url = REPO_URL_INIT;
	CLEANUP(freep) char *text = project_fixture_text(p, address);
	struct error err = ERROR_INIT;
	int64_t id = -1;

	must(repo_url_parse(text, &url, &err), &err);
	must(project_expected_id(&p->service, "default", &url, &id, &err), &err);
	return id;
}

static void identity_is_learned_where_a_project_is_found(void **state UNUSED)
{
	struct project_fixture p;
	CLEANUP(project_view_release) struct project_view view = PROJECT_VIEW_INIT;

	project_fixture_make(&p);
	project_fixture_connect(&p);
	must_write(&p, "{'repositories':[{'url':'~/team/api.git'},{'url':'~/team/web'}]}", &view);
	assert_stored(&p, p.store.list.identities, "{'^/team/api':42}");
	assert_int_equal(expected_at(&p, "~/Team/API/-/tree/main"), 42);
	assert_int_equal(expected_at(&p, "~/team/web"), 0);
	project_fixture_remove(&p);
}

static void another_project_at_an_address_is_refused_until_it_is_taken_out(void **state UNUSED)
{
	static const char list[] = "{'repositories':[{'url':'~/team/api','provider':'gitlab'}]}";
	struct project_fixture p;
	CLEANUP(project_view_release)
	struct project_view read = PROJECT_VIEW_INIT, again = PROJECT_VIEW_INIT, empty = PROJECT_VIEW_INIT,
	                    confirmed = PROJECT_VIEW_INIT;
	struct error err = ERROR_INIT;

	project_fixture_make(&p);
	project_fixture_connect(&p);
	seed(&p, list, "{'^/team/api':41}");
	must(project_read(&p.service, "default", "alice", true, NULL, &read, &err), &err);
	assert_int_equal(read.reports[0].failure.code, ERR_REPO_IDENTITY_CHANGED);
	must_write(&p, list, &again);
	assert_int_equal(again.reports[0].failed, CHECK_REPOSITORY);
	assert_int_equal(again.reports[0].failure.code, ERR_REPO_IDENTITY_CHANGED);
	assert_stored(&p, p.store.list.identities, "{'^/team/api':41}");
	must_write(&p, "{'repositories':[]}", &empty);
	assert_stored(&p, p.store.list.identities, "{}");
	must_write(&p, list, &confirmed);
	assert_int_equal(confirmed.reports[0].failure.code, ERR_NONE);
	assert_stored(&p, p.store.list.identities, "{'^/team/api':42}");
	project_fixture_remove(&p);
}

/* A project that cannot be asked about now is still the one it was. */
static void identity_stays_while_its_address_does(void **state UNUSED)
{
	struct project_fixture p;
	CLEANUP(project_view_release) struct project_view view = PROJECT_VIEW_INIT;

	project_fixture_make(&p);
	seed(&p, "{'repositories':[{'url':'https://gitlab.com/a/b'},{'url':'https://gitlab.com/a/c'}]}",
	     "{'gitlab.com/a/b':7,'gitlab.com/a/c':8}");
	must_write(&p, "{'repositories':[{'url':'git@gitlab.com:A/B.git'}]}", &view);
	assert_int_equal(view.reports[0].failure.code, ERR_NOT_CONNECTED);
	assert_stored(&p, p.store.list.identities, "{'gitlab.com/a/b':7}");
	project_fixture_remove(&p);
}

/* ---- Projects that moved ---- */

static void moving_gitlab_answer(struct peer_exchange *exchange, void *context)
{
	static const char json[] = "Content-Type: application/json\r\n";

	if (strcmp(exchange->target, "/api/v4/projects/team%2Fold") == 0)
		peer_answer(exchange, "301 Moved Permanently", "Location: /api/v4/projects/42\r\n", "");
	else if (strstr(exchange->target, "/repository/branches?"))
		peer_answer(exchange, "200 OK", json, "[{\"name\":\"main\"}]");
	else if (strstr(exchange->target, "/repository/tags?"))
		peer_answer(exchange, "200 OK", json, "[{\"name\":\"v1\"}]");
	else
		small_gitlab_answer(exchange, context);
}

/* The same GitLab, which moved team/old to team/api. */
static void let_it_move(struct service_fixture *f)
{
	struct error err = ERROR_INIT;
	char allowed[32];

	http_peer_stop(f->peer);
	f->peer = http_peer_start(PEER_PLAIN, moving_gitlab_answer, &f->gitlab);
	(void)snprintf(allowed, sizeof(allowed), "127.0.0.1:%u", http_peer_port(f->peer));
	(void)snprintf(f->url, sizeof(f->url), "http://%s", allowed);
	must(address_policy_add(f->policy, allowed, &err), &err);
	instance_url_release(&f->entry.url);
	must(instance_url_parse(f->url, &f->entry.url, &err), &err);
}

static void moved_project_is_kept_under_its_new_address(void **state UNUSED)
{
	static const struct {
		const char *sentence, *identities, *sent, *kept, *learned;
	} rows[] = {
	        {"the address becomes the new one", "{'^/team/old':42}", "{'repositories':[{'url':'~/team/old'}]}",
	         "{'repositories':[{'url':'~/team/api.git','provider':'gitlab'}]}", "{'^/team/api':42}"},
	        {"a branch stays beside it", "{}", "{'repositories':[{'url':'~/team/old','branch':'main'}]}",
	         "{'repositories':[{'url':'~/team/api.git','branch':'main','provider':'gitlab'}]}", "{'^/team/api':42}"},
	        {"a pasted page leaves its branch behind", "{}", "{'repositories':[{'url':'~/team/old/-/tree/main'}]}",
	         "{'repositories':[{'url':'~/team/api.git','branch':'main','provider':'gitlab'}]}", "{'^/team/api':42}"},
	        {"a page of a folder too", "{}", "{'repositories':[{'url':'~/team/old/-/tree/main/docs'}]}",
	         "{'repositories':[{'url':'~/team/api.git','branch':'main','provider':'gitlab'}]}", "{'^/team/api':42}"},
	        {"and a branch behind the address", "{}", "{'repositories':[{'url':'~/team/old.git#main'}]}",
	         "{'repositories':[{'url':'~/team/api.git','branch':'main','provider':'gitlab'}]}", "{'^/team/api':42}"},
	        {"a page of a tag stays", "{}", "{'repositories':[{'url':'~/team/old/-/tree/v1'}]}",
	         "{'repositories':[{'url':'~/team/old/-/tree/v1','provider':'gitlab'}]}", "{'^/team/old':42}"},
	        {"another project under the old name is not followed", "{'^/team/old':41}",
	         "{'repositories':[{'url':'~/team/old'}]}", "{'repositories':[{'url':'~/team/old','provider':'gitlab'}]}",
	         "{'^/team/old':41}"},
	        {"nor is one to an address that is known for another", "{'^/team/api':41}",
	         "{'repositories':[{'url':'~/team/old'},{'url':'~/team/api'}]}",
	         "{'repositories':[{'url':'~/team/old','provider':'gitlab'},{'url':'~/team/api','provider':'gitlab'}]}",
	         "{'^/team/old':42,'^/team/api':41}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct project_fixture p;
		CLEANUP(project_view_release) struct project_view view = PROJECT_VIEW_INIT;

		print_message("  %s\n", rows[i].sentence);
		project_fixture_make(&p);
		let_it_move(&p.f);
		project_fixture_connect(&p);
		seed(&p, "{'repositories':[]}", rows[i].identities);
		must_write(&p, rows[i].sent, &view);
		assert_stored(&p, p.store.list.document, rows[i].kept);
		assert_stored(&p, p.store.list.identities, rows[i].learned);
		project_fixture_remove(&p);
	}
}

/* ---- Several writers ---- */

static void write_needs_the_version_it_names(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		int64_t stored, expected;
		unsigned rivals;
		enum error_code code;
	} rows[] = {
	        {"the first list where there is none", 0, 0, 0, ERR_NONE},
	        {"a first list where there is one", 1, 0, 0, ERR_PRECONDITION_FAILED},
	        {"the version that was read", 1, 1, 0, ERR_NONE},
	        {"an older version", 2, 1, 0, ERR_PRECONDITION_FAILED},
	        {"a version that goes while the reports are made", 1, 1, 1, ERR_PRECONDITION_FAILED},
	        {"any version", 3, PROJECT_VERSION_ANY, 0, ERR_NONE},
	        {"any version, though others write too", 3, PROJECT_VERSION_ANY, 4, ERR_NONE},
	        {"others without end", 3, PROJECT_VERSION_ANY, 1000, ERR_CONFLICT},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct project_fixture p;
		CLEANUP(project_view_release) struct project_view view = PROJECT_VIEW_INIT;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		project_fixture_make(&p);
		p.store.list.version = rows[i].stored;
		p.store.rivals = rows[i].rivals;
		p.store.rival_identities = "{}";
		assert_int_equal(write_list(&p, "{'repositories':[{'url':'https://git.corp/a/b'}]}", rows[i].expected, &view, &err),
		                 rows[i].code == ERR_NONE);
		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(view.version, rows[i].code == ERR_NONE ? p.store.list.version : 0);
		project_fixture_remove(&p);
	}
}

static void what_another_writer_learned_meanwhile_counts(void **state UNUSED)
{
	struct project_fixture p;
	CLEANUP(project_view_release) struct project_view view = PROJECT_VIEW_INIT;
	CLEANUP(freep) char *identities = NULL;

	project_fixture_make(&p);
	project_fixture_connect(&p);
	identities = project_fixture_text(&p, "{'^/team/api':41}");
	p.store.rivals = 1;
	p.store.rival_identities = identities;
	must_write(&p, "{'repositories':[{'url':'~/team/api'}]}", &view);
	assert_int_equal(view.reports[0].failure.code, ERR_REPO_IDENTITY_CHANGED);
	assert_stored(&p, p.store.list.identities, "{'^/team/api':41}");
	project_fixture_remove(&p);
}

static void store_failures_are_told(void **state UNUSED)
{
	static const struct {
		const char *sentence, *fail_at, *document;
		enum error_code code;
	} rows[] = {
	        {"reading fails", "get", NULL, ERR_STORE_UNAVAILABLE},
	        {"writing fails", "put", NULL, ERR_STORE_UNAVAILABLE},
	        {"what is stored is no list", NULL, "nonsense", ERR_INTERNAL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct project_fixture p;
		struct project_view view = PROJECT_VIEW_INIT;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		project_fixture_make(&p);
		p.store.fail_at = rows[i].fail_at;
		set_string(&p.store.list.document, rows[i].document);
		assert_false(write_list(&p, "{'repositories':[]}", PROJECT_VERSION_ANY, &view, &err));
		assert_int_equal(err.code, rows[i].code);
		assert_null(view.document);
		project_fixture_remove(&p);
	}
}

static void connections_that_cannot_be_read_are_no_verdict(void **state UNUSED)
{
	struct project_fixture p;
	struct project_view view = PROJECT_VIEW_INIT;
	struct error err = ERROR_INIT;

	project_fixture_make(&p);
	p.f.store.fail_at = "list";
	assert_false(write_list(&p, "{'repositories':[{'url':'https://gitlab.com/a/b'}]}", PROJECT_VERSION_ANY, &view, &err));
	assert_int_equal(err.code, ERR_STORE_UNAVAILABLE);
	assert_int_equal(p.store.list.version, 0);
	project_fixture_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(list_is_kept_as_it_was_sent),
	        cmocka_unit_test(unusable_list_changes_nothing),
	        cmocka_unit_test(dropped_credentials_are_reported),
	        cmocka_unit_test(each_entry_has_its_report),
	        cmocka_unit_test(list_that_was_never_written_is_empty),
	        cmocka_unit_test(session_takes_addresses_branches_and_providers),
	        cmocka_unit_test(identity_is_learned_where_a_project_is_found),
	        cmocka_unit_test(another_project_at_an_address_is_refused_until_it_is_taken_out),
	        cmocka_unit_test(identity_stays_while_its_address_does),
	        cmocka_unit_test(moved_project_is_kept_under_its_new_address),
	        cmocka_unit_test(write_needs_the_version_it_names),
	        cmocka_unit_test(what_another_writer_learned_meanwhile_counts),
	        cmocka_unit_test(store_failures_are_told),
	        cmocka_unit_test(connections_that_cannot_be_read_are_no_verdict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
