#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "caps.h"
#include "gate_fixture.h"

#define OLD        "1111111111111111111111111111111111111111"
#define NEW        "2222222222222222222222222222222222222222"
#define ZERO       "0000000000000000000000000000000000000000"
#define CAPS       " report-status side-band-64k object-format=sha1"
#define SHA256_OLD OLD "333333333333333333333333"
#define SHA256_NEW NEW "333333333333333333333333"

/* ---- Commands ---- */

static void add_pkt(struct strbuf *to, const char *text, size_t length)
{
	strbuf_addf(to, "%04zx", length + 4);
	strbuf_add(to, text, length);
}

/* With its NUL, which parts a command from the capabilities. */
struct line {
	const char *text;
	size_t length;
};

static void commands_may_touch_the_sessions_branch_alone(void **state UNUSED)
{
#define LINE(text)                                                                                                                 \
	{                                                                                                                          \
		text, sizeof(text) - 1                                                                                             \
	}
	static const struct {
		const char *sentence;
		struct line lines[3];
		enum error_code code;
	} rows[] = {
	        {"an update", {LINE(OLD " " NEW " refs/heads/ambient/x\0" CAPS)}, ERR_NONE},
	        {"a creation", {LINE(ZERO " " NEW " refs/heads/ambient/x\0" CAPS)}, ERR_NONE},
	        {"SHA-256 ids", {LINE(SHA256_OLD " " SHA256_NEW " refs/heads/ambient/x\0" CAPS)}, ERR_NONE},
	        {"a shallow clone says so first",
	         {LINE("shallow " OLD "\n"), LINE(OLD " " NEW " refs/heads/ambient/x\0" CAPS)},
	         ERR_NONE},
	        {"a line break at the end", {LINE(OLD " " NEW " refs/heads/ambient/x\n")}, ERR_NONE},
	        {"another branch", {LINE(OLD " " NEW " refs/heads/main\0" CAPS)}, ERR_GIT_REF_FORBIDDEN},
	        {"a branch that begins alike", {LINE(OLD " " NEW " refs/heads/ambient/x2\0" CAPS)}, ERR_GIT_REF_FORBIDDEN},
	        {"a tag of that name", {LINE(OLD " " NEW " refs/tags/ambient/x\0" CAPS)}, ERR_GIT_REF_FORBIDDEN},
	        {"a name that is not spelled out", {LINE(OLD " " NEW " ambient/x\0" CAPS)}, ERR_GIT_REF_FORBIDDEN},
	        {"a second ref",
	         {LINE(OLD " " NEW " refs/heads/ambient/x\0" CAPS), LINE(OLD " " NEW " refs/heads/main")},
	         ERR_GIT_REF_FORBIDDEN},
	        {"a deletion", {LINE(OLD " " ZERO " refs/heads/ambient/x\0" CAPS)}, ERR_GIT_REF_FORBIDDEN},
	        {"push options",
	         {LINE(OLD " " NEW " refs/heads/ambient/x\0 report-status push-options object-format=sha1")},
	         ERR_GIT_REF_FORBIDDEN},
	        {"push options as the last word",
	         {LINE(OLD " " NEW " refs/heads/ambient/x\0report-status push-options\n")},
	         ERR_GIT_REF_FORBIDDEN},
	        {"a word that begins alike", {LINE(OLD " " NEW " refs/heads/ambient/x\0 push-options-2" CAPS)}, ERR_NONE},
	        {"a push certificate", {LINE("push-cert\0" CAPS)}, ERR_GIT_REF_FORBIDDEN},
	        {"text behind a second NUL", {LINE(OLD " " NEW " refs/heads/ambient/x\0a\0refs/heads/main")}, ERR_BAD_REQUEST},
	        {"ids of different lengths", {LINE(OLD " " SHA256_NEW " refs/heads/ambient/x\0" CAPS)}, ERR_BAD_REQUEST},
	        {"no ids", {LINE("refs/heads/ambient/x")}, ERR_BAD_REQUEST},
	        {"an id that ends the line", {LINE(OLD)}, ERR_BAD_REQUEST},
	        {"one id and nothing", {LINE(OLD " ")}, ERR_BAD_REQUEST},
	        {"a shallow line after a command",
	         {LINE(OLD " " NEW " refs/heads/ambient/x\0" CAPS), LINE("shallow " OLD)},
	         ERR_BAD_REQUEST},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(4096);
		struct error err = ERROR_INIT;
		bool complete = false, allowed;

		print_message("  %s\n", rows[i].sentence);
		for (size_t l = 0; l < ARRAY_SIZE(rows[i].lines) && rows[i].lines[l].text; l++)
			add_pkt(&bytes, rows[i].lines[l].text, rows[i].lines[l].length);
		strbuf_add_string(&bytes, "0000PACK");
		allowed = gate_check_commands(bytes.data, bytes.length, "ambient/x", &complete, &err);
		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(allowed, rows[i].code == ERR_NONE);
		if (!allowed)
			continue;
		assert_true(complete);
		/* Every shorter beginning asks for more instead of deciding. */
		for (size_t length = 0; length < bytes.length - strlen("0000PACK"); length++) {
			complete = true;
			assert_true(gate_check_commands(bytes.data, length, "ambient/x", &complete, &err));
			assert_false(complete);
		}
	}
}

static void command_framing_is_strict(void **state UNUSED)
{
	static const struct {
		const char *sentence, *bytes;
		enum error_code code;
	} rows[] = {
	        {"a lone flush tries the credential", "0000", ERR_NONE},
	        {"nothing follows a lone flush", "0000PACK", ERR_BAD_REQUEST},
	        {"an empty line", "0004", ERR_BAD_REQUEST},
	        {"a delimiter of protocol 2", "0001", ERR_BAD_REQUEST},
	        {"a length beyond the protocol's", "ffff", ERR_BAD_REQUEST},
	        {"no length", "PACK", ERR_BAD_REQUEST},
	};
	CLEANUP(strbuf_release) struct strbuf endless = STRBUF_INIT(LIMIT_RECEIVE_COMMANDS + 100);
	struct error err = ERROR_INIT;
	bool complete;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		err = (struct error)ERROR_INIT;
		print_message("  %s\n", rows[i].sentence);
		assert_int_equal(gate_check_commands(rows[i].bytes, strlen(rows[i].bytes), "x", &complete, &err),
		                 rows[i].code == ERR_NONE);
		assert_int_equal(err.code, rows[i].code);
	}
	while (endless.length < LIMIT_RECEIVE_COMMANDS)
		add_pkt(&endless, "shallow " OLD, sizeof("shallow " OLD) - 1);
	assert_false(gate_check_commands(endless.data, endless.length, "x", &complete, &err));
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_false(gate_check_commands("0000", 4, NULL, &complete, &err));
	assert_int_equal(err.code, ERR_GIT_REF_FORBIDDEN);
}

/* ---- Sessions, over a real database ---- */

static void credential_opens_its_own_running_session_only(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	CLEANUP(secret_release) struct secret other = SECRET_INIT;
	struct error err = ERROR_INIT;

	gate_fixture_make(&g, "/team/api");
	must(gate_session(&g.gate, g.session.id, &g.credential, &row, &err), &err);
	assert_string_equal(row.name, "x");
	secret_random(&other, 32);
	assert_false(gate_session(&g.gate, g.session.id, &other, &row, &err));
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	must(g.gate.sessions.ops->save_status(g.gate.sessions.state, g.session.id, g.session.attempt, PHASE_COMPLETED, "{}", NULL,
	                                      &err),
	     &err);
	assert_false(gate_session(&g.gate, g.session.id, &g.credential, &row, &err));
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	gate_fixture_remove(&g);
}

static void what_goes_on_ends_with_the_session(void **state UNUSED)
{
	struct gate_fixture g;
	struct error err = ERROR_INIT;

	gate_fixture_make(&g, "/team/api");
	const struct session_store *store = &g.gate.sessions;
	must(gate_goes_on(&g.gate, g.session.id, "api", &err), &err);
	must(store->ops->change_repositories(store->state, g.session.id, NULL, "[{\"remove\": \"api\"}]", NULL, &err), &err);
	assert_false(gate_goes_on(&g.gate, g.session.id, "api", &err));
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	must(gate_goes_on(&g.gate, g.session.id, "other", &err), &err);
	/* A worker holds it, so that its row stays until that has stopped. */
	must(store->ops->remove(store->state, g.session.id, &err), &err);
	assert_false(gate_goes_on(&g.gate, g.session.id, "other", &err));
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	must(store->ops->forget(store->state, g.session.id, g.session.attempt, &err), &err);
	assert_false(gate_goes_on(&g.gate, g.session.id, "other", &err));
	assert_string_equal(err.message, "The transfer was ended: the session is gone.");
	gate_fixture_remove(&g);

	gate_fixture_make(&g, "/team/api");
	must(g.gate.sessions.ops->save_status(g.gate.sessions.state, g.session.id, g.session.attempt, PHASE_FAILED, "{}", NULL,
	                                      &err),
	     &err);
	assert_false(gate_goes_on(&g.gate, g.session.id, "api", &err));
	assert_string_equal(err.message, "The transfer was ended: the session has ended.");
	gate_fixture_remove(&g);
}

static void route_leads_to_what_the_preflight_bound(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(gate_route_release)
	struct gate_route fetch = GATE_ROUTE_INIT, push = GATE_ROUTE_INIT, none = GATE_ROUTE_INIT, again = GATE_ROUTE_INIT,
	                  reading = GATE_ROUTE_INIT;
	struct error err = ERROR_INIT;
	bool blocks;
	char expected[128];

	gate_fixture_make(&g, "/team/api");
	assert_false(gate_route_open(&g.gate, &g.session, "api", GATE_FETCH, NULL, &none, &err));
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	must(gate_fixture_preflight(&g, &blocks, &err), &err);
	assert_false(blocks);
	must(gate_route_open(&g.gate, &g.session, "api", GATE_FETCH, NULL, &fetch, &err), &err);
	must(gate_route_open(&g.gate, &g.session, "api", GATE_PUSH, NULL, &push, &err), &err);
	(void)snprintf(expected, sizeof(expected), "%s/team/api.git", g.f.url);
	assert_string_equal(fetch.url_base, expected);
	assert_string_equal(push.url_base, expected);
	assert_string_equal(push.push_branch, "ambient/x");
	assert_string_equal(secret_bytes(&push.credential.token), TOKEN);
	assert_false(gate_route_open(&g.gate, &g.session, "other", GATE_FETCH, NULL, &none, &err));
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	g.f.gitlab.archived = true;
	/* The confirmation of a moment ago serves the requests of one transfer, and no longer. */
	must(gate_route_open(&g.gate, &g.session, "api", GATE_PUSH, NULL, &again, &err), &err);
	assert_null(again.project.path);
	must(g.gate.sessions.ops->confirm(g.gate.sessions.state, g.session.id, "api", "team/api", true, 1, &err), &err);
	assert_false(gate_route_open(&g.gate, &g.session, "api", GATE_PUSH, NULL, &none, &err));
	assert_int_equal(err.code, ERR_REPO_ARCHIVED);
	must(gate_route_open(&g.gate, &g.session, "api", GATE_FETCH, NULL, &reading, &err), &err);
	gate_fixture_remove(&g);
}

static void branch_that_became_protected_is_pushed_by_nobody(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		enum gate_use use;
		bool fails; /* at telling */
		enum error_code code;
	} rows[] = {
	        {"a push begins", GATE_PUSH_BEGINS, false, ERR_BRANCH_PROTECTED},
	        {"a push comes without its beginning", GATE_PUSH, false, ERR_BRANCH_PROTECTED},
	        {"nobody says whether it is", GATE_PUSH_BEGINS, true, ERR_INSTANCE_ERROR},
	        {"it can still be read", GATE_FETCH, true, ERR_NONE},
	        {"what was pushed before can be offered", GATE_MERGE_REQUEST, false, ERR_NONE},
	        {"which opens no way to a push", GATE_PUSH, false, ERR_BRANCH_PROTECTED},
	};
	struct gate_fixture g;
	struct error err = ERROR_INIT;
	bool blocks;

	gate_fixture_make(&g, "/team/api");
	must(gate_fixture_preflight(&g, &blocks, &err), &err);
	assert_false(blocks);
	g.f.gitlab.access_level = 40; /* GitLab itself would let a Maintainer pass */
	g.f.gitlab.protects_branches = true;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
		struct error failure = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		g.f.gitlab.fails_at_branches = rows[i].fails;
		assert_int_equal(gate_route_open(&g.gate, &g.session, "api", rows[i].use, NULL, &route, &failure),
		                 rows[i].code == ERR_NONE);
		assert_int_equal(failure.code, rows[i].code);
		if (rows[i].code == ERR_BRANCH_PROTECTED)
			assert_string_equal(failure.message,
			                    "ambient/x is protected on team/api. Push to another branch and open a merge "
			                    "request, or ask a Maintainer.");
	}
	gate_fixture_remove(&g);
}

static void project_that_took_the_path_is_never_bound_in_its_place(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(session_binding_release) struct session_binding binding = SESSION_BINDING_INIT;
	struct check_report *reports = NULL;
	struct error err = ERROR_INIT;
	bool blocks, found;

	gate_fixture_make(&g, "/team/api");
	const struct session_store *store = &g.gate.sessions;
	must(gate_fixture_preflight(&g, &blocks, &err), &err);
	must(gate_fixture_preflight(&g, &blocks, &err), &err);
	assert_false(blocks);
	g.f.gitlab.project_id = 43;
	must(gate_preflight(&g.gate, &g.session, &g.spec, "request-2", &reports, &err), &err);
	assert_true(check_blocks_clone(&reports[0]));
	assert_int_equal(reports[0].checks.errors[CHECK_REPOSITORY]->code, ERR_REPO_IDENTITY_CHANGED);
	check_report_release(&reports[0]);
	free(reports);
	must(store->ops->binding(store->state, g.session.id, "api", &binding, &found, &err), &err);
	assert_int_equal(binding.project_id, 42);
	/* Taken out by its owner, the name is free for another. */
	must(store->ops->change_repositories(store->state, g.session.id, NULL, "[{\"remove\": \"api\"}]", NULL, &err), &err);
	set_string(&g.session.repository_changes, "[{\"remove\": \"api\"}]");
	must(gate_reports(&g.gate, &g.session, &g.spec, "request-3", &reports, &err), &err);
	assert_false(check_blocks_clone(&reports[0]));
	check_report_release(&reports[0]);
	free(reports);
	gate_fixture_remove(&g);
}

static void route_uses_the_owners_token_and_no_other(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
	struct error err = ERROR_INIT;
	bool blocks;

	gate_fixture_make(&g, "/team/api");
	must(gate_fixture_preflight(&g, &blocks, &err), &err);
	set_string(&g.session.owner, "mallory");
	assert_false(gate_route_open(&g.gate, &g.session, "api", GATE_FETCH, NULL, &route, &err));
	assert_int_equal(err.code, ERR_GIT_CREDENTIAL);
	set_string(&g.session.owner, "alice");
	must(account_disconnect(&g.f.service, PROVIDER_GITLAB, "alice", NULL, &err), &err);
	assert_false(gate_route_open(&g.gate, &g.session, "api", GATE_FETCH, NULL, &route, &err));
	assert_int_equal(err.code, ERR_NOT_CONNECTED);
	gate_fixture_remove(&g);
}

static void read_only_token_starts_the_session_and_a_missing_project_does_not(void **state UNUSED)
{
	struct gate_fixture readable, missing;
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
	struct error err = ERROR_INIT;
	bool blocks;

	gate_fixture_make(&readable, "/team/api");
	readable.f.gitlab.scopes = "[\"read_api\",\"read_repository\"]";
	must(gate_fixture_preflight(&readable, &blocks, &err), &err);
	assert_false(blocks);
	must(gate_route_open(&readable.gate, &readable.session, "api", GATE_PUSH, NULL, &route, &err), &err);
	gate_fixture_remove(&readable);

	gate_fixture_make(&missing, "/team/web");
	must(gate_fixture_preflight(&missing, &blocks, &err), &err);
	assert_true(blocks);
	assert_false(gate_route_open(&missing.gate, &missing.session, "web", GATE_FETCH, NULL, &route, &err));
	gate_fixture_remove(&missing);
}

static void failures_are_kept_and_condemn_only_dead_tokens(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		enum error_code code;
		bool valid;
	} rows[] = {
	        {"a role says nothing about the token", ERR_REPO_NO_PUSH, true},
	        {"one refused request neither", ERR_TOKEN_REFUSED, true},
	        {"a token that GitLab does not know", ERR_TOKEN_INVALID, false},
	};
	struct gate_fixture g;
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
	CLEANUP(gate_outcome_list_release) struct gate_outcome_list outcomes = GATE_OUTCOME_LIST_INIT;
	struct error err = ERROR_INIT;
	bool blocks;

	gate_fixture_make(&g, "/team/api");
	must(gate_fixture_preflight(&g, &blocks, &err), &err);
	must(gate_route_open(&g.gate, &g.session, "api", GATE_PUSH, NULL, &route, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error failure = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		error_set(&failure, rows[i].code, "The reason.");
		gate_record(&g.gate, &g.session, &route, "api", GIT_RECEIVE_PACK, &failure);
		assert_int_equal(g.f.store.rows[0].valid, rows[i].valid);
	}
	{
		struct error failure = ERROR_INIT;
		int64_t known_at = g.f.store.rows[0].last_checked_at -= 5;

		error_set(&failure, ERR_TOKEN_INVALID, "The token %s is unknown.", secret_bytes(&route.credential.token));
		gate_record(&g.gate, &g.session, &route, "api", GIT_UPLOAD_PACK, &failure);
		assert_int_equal(g.f.store.rows[0].last_checked_at, known_at); /* what is known is not written again at once */
	}
	must(g.gate.sessions.ops->outcomes(g.gate.sessions.state, g.session.id, &outcomes, &err), &err);
	assert_true(outcomes.count >= 1);
	assert_string_equal(outcomes.items[outcomes.count - 1].message, "The token *** is unknown.");
	assert_string_equal(outcomes.items[0].operation, "push");
	assert_string_equal(outcomes.items[0].message, "The reason.");
	gate_fixture_remove(&g);
}

static void a_session_is_told_that_its_authentication_failed(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		enum error_code code;
		const char *message, *told;
	} rows[] = {
	        {"an expired token", ERR_TOKEN_EXPIRED, "Invalid token. It expired.",
	         "Authentication failed: Invalid token. It expired."},
	        {"a revoked one", ERR_TOKEN_REVOKED, "Invalid token. Revoked.", "Authentication failed: Invalid token. Revoked."},
	        {"an unknown one", ERR_TOKEN_INVALID, "Invalid token. Who?", "Authentication failed: Invalid token. Who?"},
	        {"git has said it already", ERR_TOKEN_INVALID, "Authentication failed. Who?", "Authentication failed. Who?"},
	        {"a missing scope is another matter", ERR_TOKEN_SCOPE_MISSING, "Insufficient permissions.",
	         "Insufficient permissions."},
	};
	struct gate_fixture g;
	CLEANUP(gate_route_release) struct gate_route route = GATE_ROUTE_INIT;
	struct error err = ERROR_INIT;
	bool blocks;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error failure = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		error_set(&failure, rows[i].code, "%s", rows[i].message);
		error_remedy(&failure, "Do this.");
		gate_tell_session(&failure);
		assert_string_equal(failure.message, rows[i].told);
		assert_string_equal(error_remediation(&failure), "Do this.");
		assert_int_equal(failure.code, rows[i].code);
	}
	gate_fixture_make(&g, "/team/api");
	must(gate_fixture_preflight(&g, &blocks, &err), &err);
	g.f.gitlab.dead_token = TOKEN;
	assert_false(gate_route_open(&g.gate, &g.session, "api", GATE_FETCH, NULL, &route, &err));
	assert_int_equal(err.code, ERR_TOKEN_REVOKED);
	assert_string_equal(err.message,
	                    "Authentication failed: Invalid token. This token was revoked in GitLab. Create a new one and "
	                    "reconnect.");
	gate_fixture_remove(&g);
}

static void what_a_client_repeats_costs_one_row(void **state UNUSED)
{
	struct gate_fixture g;
	CLEANUP(gate_outcome_list_release) struct gate_outcome_list outcomes = GATE_OUTCOME_LIST_INIT;
	struct error err = ERROR_INIT, forbidden = ERROR_INIT, archived = ERROR_INIT;

	gate_fixture_make(&g, "/team/api");
	error_set(&forbidden, ERR_GIT_REF_FORBIDDEN, "Not this branch.");
	error_set(&archived, ERR_REPO_ARCHIVED, "It is archived.");
	for (int i = 0; i < 1000; i++)
		gate_record(&g.gate, &g.session, NULL, "api", GIT_RECEIVE_PACK, &forbidden);
	gate_record(&g.gate, &g.session, NULL, "api", GIT_RECEIVE_PACK, &archived);
	must(g.gate.sessions.ops->outcomes(g.gate.sessions.state, g.session.id, &outcomes, &err), &err);
	assert_int_equal(outcomes.count, 2);
	assert_string_equal(outcomes.items[0].code, "git_ref_forbidden");
	assert_string_equal(outcomes.items[1].message, "It is archived.");
	gate_fixture_remove(&g);
}

static void what_a_push_would_move_is_written_down(void **state UNUSED)
{
	static const struct {
		const char *sentence, *shallow, *command;
		const char *noted; /* NULL: nothing */
	} rows[] = {
	        {"a creation", NULL, ZERO " " NEW " refs/heads/ambient/x\0" CAPS, NEW},
	        {"an update", NULL, OLD " " NEW " refs/heads/ambient/x", NEW},
	        {"of a shallow clone", "shallow " OLD "\n", OLD " " NEW " refs/heads/ambient/x", NEW},
	        {"with SHA-256 ids", NULL, SHA256_OLD " " SHA256_NEW " refs/heads/ambient/x", SHA256_NEW},
	        {"what moves nothing is no push", NULL, NEW " " NEW " refs/heads/ambient/x", NULL},
	        {"a lone flush is none", NULL, NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct gate_fixture g;
		CLEANUP(id_list_release) struct id_list sent = ID_LIST_INIT;
		CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(4096);
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		gate_fixture_make(&g, "/team/api");
		if (rows[i].shallow)
			add_pkt(&bytes, rows[i].shallow, strlen(rows[i].shallow));
		if (rows[i].command)
			add_pkt(&bytes, rows[i].command, strlen(rows[i].command));
		strbuf_add_string(&bytes, "0000PACK");
		must(gate_note_push(&g.gate, &g.session, "api", bytes.data, bytes.length, &err), &err);
		must(g.gate.sessions.ops->pushes(g.gate.sessions.state, g.session.id, "api", &sent, &err), &err);
		assert_int_equal(sent.count, rows[i].noted != NULL);
		if (rows[i].noted)
			assert_string_equal(sent.items[0], rows[i].noted);
		gate_fixture_remove(&g);
	}
}

static void add_band(struct strbuf *to, char band, const char *bytes, size_t length)
{
	CLEANUP(strbuf_release) struct strbuf line = STRBUF_INIT(4096);

	strbuf_add(&line, &band, 1);
	strbuf_add(&line, bytes, length);
	add_pkt(to, line.data, line.length);
}

static void answer_to_a_push_tells_whether_it_was_taken(void **state UNUSED)
{
	static const struct {
		const char *sentence, *words, *state;
		bool plain;  /* without a side band */
		size_t part; /* of the report in each of its lines; 0: all in one */
		size_t cut;  /* bytes that are missing at the end */
		enum error_code code;
		const char *said;
	} rows[] = {
	        {"taken", "\nTo create a merge request, visit:\n", "ok refs/heads/ambient/x\n", false, 0, 0, ERR_NONE, NULL},
	        {"refused by a hook", "GitLab: The freeze is on.\n", "ng refs/heads/ambient/x pre-receive hook declined\n", false,
	         0, 0, ERR_PUSH_REJECTED, "GitLab rejected the push: The freeze is on."},
	        {"in pieces", "GitLab: No.\n", "ng refs/heads/ambient/x pre-receive hook declined\n", false, 5, 0,
	         ERR_PUSH_REJECTED, "GitLab rejected the push: No."},
	        {"without a side band", NULL, "ng refs/heads/ambient/x non-fast-forward\n", true, 0, 0, ERR_PUSH_NOT_FAST_FORWARD,
	         "ambient/x changed on GitLab meanwhile; nothing was overwritten."},
	        {"without a reason", NULL, "ng refs/heads/ambient/x\n", true, 0, 0, ERR_PUSH_REJECTED, NULL},
	        {"a word that begins alike", NULL, "ngx refs/heads/ambient/x no\n", true, 0, 0, ERR_NONE, NULL},
	        {"cut", "GitLab: No.\n", "ng refs/heads/ambient/x pre-receive hook declined\n", false, 0, 20, ERR_NONE, NULL},
	};
	const struct gate_route route = {.credential = {.forge = forge_of(PROVIDER_GITLAB)},
	                                 .push_branch = (char[]){"ambient/x"},
	                                 .project_path = (char[]){"team/api"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(strbuf_release) struct strbuf report = STRBUF_INIT(4096), bytes = STRBUF_INIT(8192);
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		add_pkt(&report, "unpack ok\n", strlen("unpack ok\n"));
		add_pkt(&report, rows[i].state, strlen(rows[i].state));
		strbuf_add_string(&report, "0000");
		if (rows[i].words)
			add_band(&bytes, 2, rows[i].words, strlen(rows[i].words));
		for (size_t at = 0, part = rows[i].part ? rows[i].part : report.length; !rows[i].plain && at < report.length;
		     at += part)
			add_band(&bytes, 1, report.data + at, report.length - at < part ? report.length - at : part);
		if (rows[i].plain)
			strbuf_add(&bytes, report.data, report.length);
		else
			strbuf_add_string(&bytes, "0000");
		assert_int_equal(gate_check_report(&route, bytes.data, bytes.length - rows[i].cut, &err), rows[i].code == ERR_NONE);
		assert_int_equal(err.code, rows[i].code);
		if (rows[i].said)
			assert_string_equal(err.message, rows[i].said);
	}
}

static void refused_push_is_told_in_gits_own_form(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		struct line lines[3];
		bool told;
		const char *answer;
	} rows[] = {
	        {"in the plain form",
	         {LINE(OLD " " NEW " refs/heads/main\0report-status object-format=sha1")},
	         true,
	         "000eunpack ok\n0021ng refs/heads/main Not this.\n0000"},
	        {"in the side band",
	         {LINE(OLD " " NEW " refs/heads/main\0" CAPS)},
	         true,
	         "0038\001000eunpack ok\n0021ng refs/heads/main Not this.\n00000000"},
	        {"to who asks for the second version",
	         {LINE(OLD " " NEW " refs/heads/main\0report-status-v2 agent=git/2.39.5")},
	         true,
	         "000eunpack ok\n0021ng refs/heads/main Not this.\n0000"},
	        {"of each ref",
	         {LINE("shallow " OLD "\n"), LINE(OLD " " NEW " a\0report-status"), LINE(OLD " " ZERO " b\n")},
	         true,
	         "000eunpack ok\n0013ng a Not this.\n0013ng b Not this.\n0000"},
	        {"not to who asks for no report", {LINE(OLD " " NEW " refs/heads/main\0object-format=sha1")}, false, NULL},
	        {"nor where no command is", {LINE("push-cert\0" CAPS)}, false, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(strbuf_release) struct strbuf bytes = STRBUF_INIT(4096), answer = STRBUF_INIT(4096);
		struct error why = ERROR_INIT;
		bool complete = true;

		print_message("  %s\n", rows[i].sentence);
		error_set(&why, ERR_GIT_REF_FORBIDDEN, "Not this.");
		for (size_t l = 0; l < ARRAY_SIZE(rows[i].lines) && rows[i].lines[l].text; l++)
			add_pkt(&bytes, rows[i].lines[l].text, rows[i].lines[l].length);
		if (rows[i].told) {
			assert_true(gate_refuse_push(bytes.data, bytes.length, &why, &complete, &answer));
			assert_false(complete);
			assert_int_equal(answer.length, 0);
		}
		strbuf_add_string(&bytes, "0000PACK");
		assert_int_equal(gate_refuse_push(bytes.data, bytes.length, &why, &complete, &answer), rows[i].told);
		if (rows[i].told) {
			assert_true(complete);
			assert_string_equal(answer.data, rows[i].answer);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(commands_may_touch_the_sessions_branch_alone),
	        cmocka_unit_test(command_framing_is_strict),
	        cmocka_unit_test(credential_opens_its_own_running_session_only),
	        cmocka_unit_test(what_goes_on_ends_with_the_session),
	        cmocka_unit_test(route_leads_to_what_the_preflight_bound),
	        cmocka_unit_test(branch_that_became_protected_is_pushed_by_nobody),
	        cmocka_unit_test(project_that_took_the_path_is_never_bound_in_its_place),
	        cmocka_unit_test(route_uses_the_owners_token_and_no_other),
	        cmocka_unit_test(read_only_token_starts_the_session_and_a_missing_project_does_not),
	        cmocka_unit_test(failures_are_kept_and_condemn_only_dead_tokens),
	        cmocka_unit_test(a_session_is_told_that_its_authentication_failed),
	        cmocka_unit_test(what_a_push_would_move_is_written_down),
	        cmocka_unit_test(what_a_client_repeats_costs_one_row),
	        cmocka_unit_test(answer_to_a_push_tells_whether_it_was_taken),
	        cmocka_unit_test(refused_push_is_told_in_gits_own_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
