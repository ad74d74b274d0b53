#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "account_fixture.h"

#define FIRST  "glpat-first-token-0001"
#define SECOND "glpat-second-token-002"

static void connect_keeps_the_order_of_intent_value_and_commit(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", "  " FIRST "\n", &verdict, &err), &err);
	assert_string_equal(f.store.log, "find connect_begin replace connect_commit ");
	assert_string_equal(verdict.connection.gitlab_user_id, "7");
	assert_string_equal(verdict.connection.instance_url, f.url);
	assert_true(verdict.connection.valid);
	assert_int_equal(f.store.intent_count, 0);
	assert_opens_to(&f, "alice", FIRST);
	service_fixture_remove(&f);
}

static void failed_reconnect_leaves_the_old_connection_working(void **state UNUSED)
{
	static const struct {
		const char *sentence, *fail_at;
		enum error_code code;
		size_t intents;
	} rows[] = {
	        {"the store cannot be read", "find", ERR_STORE_UNAVAILABLE, 0},
	        {"the intent cannot be written", "connect_begin", ERR_STORE_UNAVAILABLE, 0},
	        {"the old value cannot be read", "get", ERR_STORE_UNAVAILABLE, 0},
	        {"the new value cannot be written, or may arrive yet", "replace", ERR_STORE_UNAVAILABLE, 1},
	        {"the commit fails after the value was written", "connect_commit", ERR_STORE_UNAVAILABLE, 0},
	        {"GitLab refuses the token", NULL, ERR_TOKEN_REVOKED, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct service_fixture f;
		CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		service_fixture_make(&f);
		must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
		f.store.fail_at = rows[i].fail_at;
		f.gitlab.dead_token = rows[i].fail_at ? NULL : SECOND;
		assert_false(fixture_connect(&f, "alice", SECOND, &second, &err));
		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(f.store.intent_count, rows[i].intents);
		assert_opens_to(&f, "alice", FIRST);
		service_fixture_remove(&f);
	}
}

static void crash_at_any_step_of_a_connect_is_put_right_by_reconcile(void **state UNUSED)
{
	static const struct {
		const char *sentence, *crash_at, *token;
		bool had_old;
	} rows[] = {
	        {"first connect, crash before the value: nothing is there", "replace", "", false},
	        {"first connect, crash before the commit: nobody was told, the value goes", "connect_commit", "", false},
	        {"reconnect, crash before the value: the old token works", "replace", FIRST, true},
	        {"reconnect, crash before the commit: the value was written, the new token works", "connect_commit", SECOND, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct service_fixture f;
		CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
		struct error err = ERROR_INIT;
		size_t settled = 0;

		print_message("  %s\n", rows[i].sentence);
		service_fixture_make(&f);
		if (rows[i].had_old)
			must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
		f.store.crash_at = rows[i].crash_at;
		assert_false(fixture_connect(&f, "alice", SECOND, &second, &err));
		f.store.crash_at = NULL;
		f.store.crashed = false;
		assert_int_equal(f.store.intent_count, 1);
		must(account_reconcile(&f.service, &settled, &err), &err);
		assert_int_equal(settled, 1);
		assert_int_equal(f.store.intent_count, 0);
		assert_opens_to(&f, "alice", rows[i].token);
		if (!rows[i].had_old)
			assert_int_equal(f.store.values[0].length, 0);
		service_fixture_remove(&f);
	}
}

static void crash_at_any_step_of_a_disconnect_ends_with_no_token(void **state UNUSED)
{
	static const char *const steps[] = {"remove", "disconnect_finish", NULL};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct service_fixture f;
		CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
		struct error err = ERROR_INIT;
		size_t settled = 0;

		service_fixture_make(&f);
		must(fixture_connect(&f, "alice", FIRST, &verdict, &err), &err);
		f.store.crash_at = steps[i];
		assert_int_equal(account_disconnect(&f.service, PROVIDER_GITLAB, "alice", NULL, &err), steps[i] == NULL);
		f.store.crashed = false;
		f.store.crash_at = NULL;
		assert_opens_to(&f, "alice", "");
		must(account_reconcile(&f.service, &settled, &err), &err);
		assert_int_equal(f.store.values[0].length, 0);
		assert_null(f.store.rows[0].user_id);
		assert_int_equal(f.store.intent_count, 0);
		must(account_disconnect(&f.service, PROVIDER_GITLAB, "alice", NULL, &err), &err);
		service_fixture_remove(&f);
	}
}

static void test_judges_and_stores_nothing(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	CLEANUP(secret_release) struct secret token = SECRET_INIT;
	const struct account_request request = {
	        .provider = PROVIDER_GITLAB, .user_id = "alice", .instance_url = f.url, .token = &token};
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	secret_set(&token, FIRST, strlen(FIRST));
	must(account_test(&f.service, &request, &verdict, &err), &err);
	assert_string_equal(verdict.connection.username, "john");
	assert_string_equal(f.store.log, "find ");
	service_fixture_remove(&f);
}

static void connect_refuses_what_could_not_be_used(void **state UNUSED)
{
	static const struct {
		const char *sentence, *url, *token, *scopes;
		enum error_code code;
	} rows[] = {
	        {"http that no operator listed", "http://gitlab.example.com", FIRST, "[\"api\"]", ERR_INSTANCE_INSECURE},
	        {"an address with a path of the API", "https://gitlab.example.com/api/v4", FIRST, "[\"api\"]",
	         ERR_INSTANCE_URL_INVALID},
	        {"a token with blanks in it", NULL, "glpat-a b", "[\"api\"]", ERR_TOKEN_MALFORMED},
	        {"a token of another kind", NULL, "gldt-1234567890", "[\"api\"]", ERR_TOKEN_WRONG_KIND},
	        {"a token that names its owner but cannot read the API", NULL, FIRST, "[\"read_user\"]", ERR_TOKEN_SCOPE_MISSING},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct service_fixture f;
		CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
		CLEANUP(secret_release) struct secret token = SECRET_INIT;
		const struct account_request request = {.provider = PROVIDER_GITLAB,
		                                        .user_id = "alice",
		                                        .instance_url = rows[i].url ? rows[i].url : f.url,
		                                        .token = &token};
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		service_fixture_make(&f);
		f.gitlab.scopes = rows[i].scopes;
		secret_set(&token, rows[i].token, strlen(rows[i].token));
		assert_false(account_connect(&f.service, &request, &verdict, &err));
		assert_int_equal(err.code, rows[i].code);
		assert_null(strstr(f.store.log, "connect_begin"));
		service_fixture_remove(&f);
	}
}

static void another_users_token_is_in_use(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
	assert_false(fixture_connect(&f, "bob", FIRST, &second, &err));
	assert_int_equal(err.code, ERR_TOKEN_IN_USE);
	service_fixture_remove(&f);
}

static void reconnect_with_another_account_is_told(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
	f.gitlab.user_id = 8;
	f.gitlab.username = "jane";
	must(fixture_connect(&f, "alice", SECOND, &second, &err), &err);
	assert_int_equal(second.warnings[second.warning_count - 1].code, WARN_ACCOUNT_CHANGED);
	assert_string_equal(second.warnings[second.warning_count - 1].message, "Connected as jane (was john).");
	service_fixture_remove(&f);
}

static void recheck_condemns_dead_tokens_and_nobody_when_the_instance_is_down(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;
	size_t checked = 0, invalid = 0;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
	must(fixture_connect(&f, "bob", SECOND, &second, &err), &err);
	f.store.rows[0].last_checked_at = f.store.rows[1].last_checked_at = 0;
	f.gitlab.dead_token = SECOND;
	must(account_recheck(&f.service, 10, &checked, &invalid, &err), &err);
	assert_int_equal(checked, 2);
	assert_int_equal(invalid, 1);
	assert_true(f.store.rows[0].valid);
	assert_false(f.store.rows[1].valid);
	assert_string_equal(f.store.rows[1].check_code, "token_revoked");

	f.store.rows[0].last_checked_at = 0;
	f.entry.insecure_http = false; /* the instance may not be asked any more */
	must(account_recheck(&f.service, 10, &checked, &invalid, &err), &err);
	assert_int_equal(checked, 0);
	assert_true(f.store.rows[0].valid);
	service_fixture_remove(&f);
}

static void check_gives_the_verdict_of_a_test_and_keeps_it(void **state UNUSED)
{
	static const struct {
		const char *sentence, *instance, *dead;
		bool unreachable;
		enum error_code code;
		bool valid;
		const char *kept;
	} rows[] = {
	        {"the token works", NULL, NULL, false, ERR_NONE, true, NULL},
	        {"the token was revoked", NULL, FIRST, false, ERR_TOKEN_REVOKED, false, "token_revoked"},
	        {"the instance may not be asked: the connection keeps its state", NULL, FIRST, true, ERR_INSTANCE_INSECURE, true,
	         NULL},
	        {"an instance that is not connected", "https://gitlab.example", NULL, false, ERR_NOT_CONNECTED, true, NULL},
	        {"no address of an instance", "nonsense", NULL, false, ERR_NOT_CONNECTED, true, NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct service_fixture f;
		CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, now = ACCOUNT_VERDICT_INIT;
		struct error err = ERROR_INIT;
		bool ok;

		print_message("  %s\n", rows[i].sentence);
		service_fixture_make(&f);
		must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
		f.store.rows[0].last_checked_at = 1;
		f.gitlab.dead_token = rows[i].dead;
		f.entry.insecure_http = !rows[i].unreachable;
		ok = account_check(&f.service, PROVIDER_GITLAB, "alice", rows[i].instance, "request", &now, &err);
		assert_int_equal(ok, rows[i].code == ERR_NONE);
		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(f.store.rows[0].valid, rows[i].valid);
		assert_int_equal(f.store.rows[0].last_checked_at > 1, ok || rows[i].kept);
		if (rows[i].kept)
			assert_string_equal(f.store.rows[0].check_code, rows[i].kept);
		if (ok)
			assert_string_equal(now.connection.username, "john");
		service_fixture_remove(&f);
	}
}

static void check_reaches_the_callers_own_connection_alone(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, now = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
	assert_false(account_check(&f.service, PROVIDER_GITLAB, "bob", f.url, "request", &now, &err));
	assert_int_equal(err.code, ERR_NOT_CONNECTED);
	service_fixture_remove(&f);
}

/* Stores that do something behind the back of the connect that is under way. */
static struct {
	struct service_fixture *f;
	struct connection_store_ops connections;
	struct secret_store_ops secrets;
	const struct connection_store_ops *real_connections;
	const struct secret_store_ops *real_secrets;
} behind;

static bool commit_and_fail(void *state, const struct connection *connection, const struct sealed_value *value, struct error *err)
{
	return behind.real_connections->connect_commit(state, connection, value, err) &&
	       error_set(err, ERR_STORE_UNAVAILABLE, "The answer was lost.");
}

static bool put_and_be_overtaken(void *state, const struct secret_place *place, const struct sealed_value *expected,
                                 const struct sealed_value *value, bool *ret_replaced, struct error *err)
{
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct account_service *service = &behind.f->service;

	if (!behind.real_secrets->replace(state, place, expected, value, ret_replaced, err))
		return false;
	service->secrets.ops = behind.real_secrets;
	must(fixture_connect(behind.f, "alice", SECOND, &verdict, err), err);
	behind.f->store.fail_at = "connect_commit"; /* of the one that was overtaken */
	return true;
}

static void stand_behind(struct service_fixture *f)
{
	behind.f = f;
	behind.real_connections = f->service.connections.ops;
	behind.real_secrets = f->service.secrets.ops;
	behind.connections = *behind.real_connections;
	behind.secrets = *behind.real_secrets;
	f->service.connections.ops = &behind.connections;
	f->service.secrets.ops = &behind.secrets;
}

static void commit_whose_answer_was_lost_keeps_its_value(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
	stand_behind(&f);
	behind.connections.connect_commit = commit_and_fail;
	must(fixture_connect(&f, "alice", SECOND, &second, &err), &err);
	assert_opens_to(&f, "alice", SECOND);
	service_fixture_remove(&f);
}

/* The Secret may have the new value although its writer heard of a failure; nobody may lose a token by it. */
static void value_whose_answer_was_lost_is_taken_back_or_settled(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		bool had_old;
		size_t intents;
	} rows[] = {
	        {"first connect: the value may arrive yet, so the intent stays until it was looked for again", false, 1},
	        {"reconnect: the new value was seen and gave way to the old one", true, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct service_fixture f;
		CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
		struct error err = ERROR_INIT;
		size_t settled = 0;

		print_message("  %s\n", rows[i].sentence);
		service_fixture_make(&f);
		if (rows[i].had_old)
			must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
		f.store.lose_answer = true;
		assert_false(fixture_connect(&f, "alice", SECOND, &second, &err));
		assert_int_equal(err.code, ERR_SECRET_STORE_UNAVAILABLE);
		assert_int_equal(f.store.intent_count, rows[i].intents);
		assert_opens_to(&f, "alice", rows[i].had_old ? FIRST : "");
		must(account_reconcile(&f.service, &settled, &err), &err);
		assert_int_equal(f.store.intent_count, 0);
		assert_int_equal(f.store.values[0].length > 0, rows[i].had_old);
		service_fixture_remove(&f);
	}
}

/* Between the put and the commit of a reconnect the row is behind its value. */
static void a_connection_opens_while_its_row_is_behind(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
	f.store.crash_at = "connect_commit";
	assert_false(fixture_connect(&f, "alice", SECOND, &second, &err));
	f.store.crash_at = NULL;
	f.store.crashed = false;
	assert_opens_to(&f, "alice", SECOND);
	service_fixture_remove(&f);
}

/* A connect that died after its put, then a disconnect: none of the two tokens stays. */
static void a_disconnect_removes_what_a_dead_connect_has_put(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;
	size_t settled = 0;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
	f.store.crash_at = "connect_commit";
	assert_false(fixture_connect(&f, "alice", SECOND, &second, &err));
	f.store.crash_at = NULL;
	f.store.crashed = false;
	must(account_disconnect(&f.service, PROVIDER_GITLAB, "alice", NULL, &err), &err);
	assert_int_equal(f.store.values[0].length, 0);
	must(account_reconcile(&f.service, &settled, &err), &err);
	assert_opens_to(&f, "alice", "");
	assert_int_equal(f.store.intent_count, 0);
	service_fixture_remove(&f);
}

static void overtaken_connect_leaves_the_newer_value_alone(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
	stand_behind(&f);
	behind.secrets.replace = put_and_be_overtaken;
	assert_false(fixture_connect(&f, "alice", FIRST, &second, &err));
	assert_opens_to(&f, "alice", SECOND);
	service_fixture_remove(&f);
}

static void recheck_goes_on_when_one_account_makes_its_instance_fail(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;
	size_t checked = 0, invalid = 0;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
	must(fixture_connect(&f, "bob", SECOND, &second, &err), &err);
	f.gitlab.sore_token = FIRST;
	f.store.rows[0].last_checked_at = 1; /* longest ago, and so always the first to be asked */
	f.store.rows[1].last_checked_at = 2;
	must(account_recheck(&f.service, 10, &checked, &invalid, &err), &err);
	assert_int_equal(checked, 1);
	assert_int_equal(invalid, 0);
	assert_int_equal(f.store.rows[0].last_checked_at, 1);
	assert_true(f.store.rows[1].last_checked_at > 2);
	service_fixture_remove(&f);
}

/* The connections of an instance that is down come first and are more than one look takes. */
static void recheck_reaches_the_others_behind_an_instance_that_is_down(void **state UNUSED)
{
	static const char *const users[] = {"a", "b", "c", "d", "e", "f"};
	struct service_fixture f;
	struct error err = ERROR_INIT;
	size_t checked = 0, invalid = 0, last = ARRAY_SIZE(users) - 1;

	service_fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
		CLEANUP(freep) char *token = xasprintf("glpat-token-of-%s", users[i]);

		must(fixture_connect(&f, users[i], token, &verdict, &err), &err);
		f.store.rows[i].last_checked_at = (int64_t)i;
		if (i < last)
			set_string(&f.store.rows[i].instance_url,
			           "http://down.example.com"); /* nobody listed it: it cannot be asked */
	}
	must(account_recheck(&f.service, 2, &checked, &invalid, &err), &err);
	assert_int_equal(checked, 1);
	assert_int_equal(invalid, 0);
	for (size_t i = 0; i < last; i++)
		assert_int_equal(f.store.rows[i].last_checked_at, i);
	assert_true(f.store.rows[last].last_checked_at > (int64_t)last);
	service_fixture_remove(&f);
}

static void a_use_writes_only_what_is_not_known(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		enum error_code code; /* NONE: the use succeeded */
		int64_t age_s;        /* of what the store knows; the user of the token has read it before all of this */
		bool writes, valid;
	} rows[] = {
	        {"a success that is known", ERR_NONE, 5, false, true},
	        {"a right that is missing says nothing about the token", ERR_REPO_NO_PUSH, 5, false, true},
	        {"a revoked token", ERR_TOKEN_REVOKED, 5, true, false},
	        {"the same again, by someone who does not know", ERR_TOKEN_REVOKED, 5, false, false},
	        {"the same after ten minutes", ERR_TOKEN_REVOKED, 601, true, false},
	        {"another reason", ERR_TOKEN_EXPIRED, 5, true, false},
	};
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", FIRST, &verdict, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error failure = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		error_set(&failure, rows[i].code, "The reason.");
		f.store.rows[0].last_checked_at = clock_now_s() - rows[i].age_s;
		f.store.log[0] = '\0';
		account_note_use(&f.service, &verdict.connection, rows[i].code == ERR_NONE ? NULL : &failure);
		assert_int_equal(strstr(f.store.log, "set_checked") != NULL, rows[i].writes);
		assert_int_equal(f.store.rows[0].valid, rows[i].valid);
	}
	service_fixture_remove(&f);
}

/* ---- The checks of a verdict ---- */

static void a_verdict_tells_which_check_failed(void **state UNUSED)
{
	static const struct {
		const char *sentence;
		enum provider provider;
		const char *url, *token, *scopes, *fail_at;
		enum error_code code;
		const char *checks; /* address provider connection | reachable tls token scopes | … */
	} rows[] = {
	        {"a good token over plain http", PROVIDER_GITLAB, NULL, SECOND, "[\"api\"]", NULL, ERR_NONE, "++.+.++...."},
	        {"an address that is none", PROVIDER_GITLAB, "gitlab", SECOND, "[]", NULL, ERR_INSTANCE_URL_INVALID, "!.........."},
	        {"http that no operator listed", PROVIDER_GITLAB, "http://gitlab.example.com", SECOND, "[]", NULL,
	         ERR_INSTANCE_INSECURE, "!.........."},
	        {"neither GitLab nor GitHub", PROVIDER_UNKNOWN, NULL, SECOND, "[]", NULL, ERR_PROVIDER_UNKNOWN, "+!........."},
	        {"a token that is none; nobody was asked", PROVIDER_GITLAB, NULL, "short", "[]", NULL, ERR_TOKEN_MALFORMED,
	         "++...!....."},
	        {"the store is not there; nothing is wrong with the token", PROVIDER_GITLAB, NULL, SECOND, "[]", "find",
	         ERR_STORE_UNAVAILABLE, "++........."},
	        {"an address that may not be dialled", PROVIDER_GITLAB, "https://127.0.0.1:1", SECOND, "[]", NULL,
	         ERR_INSTANCE_FORBIDDEN, "++.!......."},
	        {"a revoked token", PROVIDER_GITLAB, NULL, "glpat-dead-token", "[]", NULL, ERR_TOKEN_REVOKED, "++.+.!....."},
	        {"scopes that show nothing", PROVIDER_GITLAB, NULL, SECOND, "[\"read_user\"]", NULL, ERR_TOKEN_SCOPE_MISSING,
	         "++.+.+!...."},
	        {"another user's token", PROVIDER_GITLAB, NULL, FIRST, "[\"api\"]", NULL, ERR_TOKEN_IN_USE, "++.+.!+...."},
	        {"the store fails after all was found good", PROVIDER_GITLAB, NULL, SECOND, "[\"api\"]", "replace",
	         ERR_STORE_UNAVAILABLE, "++.+.++...."},
	};
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, verdict = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(fixture_connect(&f, "bob", FIRST, &first, &err), &err);
	f.gitlab.dead_token = "glpat-dead-token";
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(secret_release) struct secret token = SECRET_INIT;
		const struct account_request request = {.provider = rows[i].provider,
		                                        .user_id = "alice",
		                                        .instance_url = rows[i].url ? rows[i].url : f.url,
		                                        .token = &token};
		struct error failure = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		f.gitlab.scopes = rows[i].scopes;
		f.store.fail_at = rows[i].fail_at;
		secret_set(&token, rows[i].token, strlen(rows[i].token));
		assert_int_equal(account_connect(&f.service, &request, &verdict, &failure), rows[i].code == ERR_NONE);
		assert_int_equal(failure.code, rows[i].code);
		assert_checks(&verdict.checks, rows[i].checks);
		assert_int_equal(verdict.connection.username != NULL, rows[i].code == ERR_NONE);
	}
	service_fixture_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(connect_keeps_the_order_of_intent_value_and_commit),
	        cmocka_unit_test(failed_reconnect_leaves_the_old_connection_working),
	        cmocka_unit_test(crash_at_any_step_of_a_connect_is_put_right_by_reconcile),
	        cmocka_unit_test(crash_at_any_step_of_a_disconnect_ends_with_no_token),
	        cmocka_unit_test(test_judges_and_stores_nothing),
	        cmocka_unit_test(connect_refuses_what_could_not_be_used),
	        cmocka_unit_test(another_users_token_is_in_use),
	        cmocka_unit_test(reconnect_with_another_account_is_told),
	        cmocka_unit_test(check_gives_the_verdict_of_a_test_and_keeps_it),
	        cmocka_unit_test(check_reaches_the_callers_own_connection_alone),
	        cmocka_unit_test(recheck_condemns_dead_tokens_and_nobody_when_the_instance_is_down),
	        cmocka_unit_test(commit_whose_answer_was_lost_keeps_its_value),
	        cmocka_unit_test(value_whose_answer_was_lost_is_taken_back_or_settled),
	        cmocka_unit_test(a_connection_opens_while_its_row_is_behind),
	        cmocka_unit_test(a_disconnect_removes_what_a_dead_connect_has_put),
	        cmocka_unit_test(overtaken_connect_leaves_the_newer_value_alone),
	        cmocka_unit_test(recheck_goes_on_when_one_account_makes_its_instance_fail),
	        cmocka_unit_test(recheck_reaches_the_others_behind_an_instance_that_is_down),
	        cmocka_unit_test(a_use_writes_only_what_is_not_known),
	        cmocka_unit_test(a_verdict_tells_which_check_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
