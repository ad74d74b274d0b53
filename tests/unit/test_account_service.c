#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "service_fixture.h"

#define FIRST  "glpat-first-token-0001"
#define SECOND "glpat-second-token-002"

/* The token that the stored connection opens to now; "" when there is no connection. */
static void opened_token(struct service_fixture *f, const char *user, char *to, size_t size)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	CLEANUP(seal_payload_release) struct seal_payload payload = SEAL_PAYLOAD_INIT;
	struct error err = ERROR_INIT;

	to[0] = '\0';
	must(f->service.connections.ops->list(f->service.connections.state, user, &list, &err), &err);
	if (list.count == 0)
		return;
	must(account_open(&f->service, &list.items[0], &payload, &err), &err);
	(void)snprintf(to, size, "%s", secret_bytes(&payload.token));
}

static void assert_opens_to(struct service_fixture *f, const char *user, const char *token)
{
	char opened[64];

	opened_token(f, user, opened, sizeof(opened));
	assert_string_equal(opened, token);
}

static void connect_keeps_the_order_of_intent_value_and_commit(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", "  " FIRST "\n", &verdict, &err), &err);
	assert_string_equal(f.store.log, "find connect_begin get put connect_commit ");
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
	        {"the new value cannot be written", "put", ERR_STORE_UNAVAILABLE, 0},
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
	        {"first connect, crash before the value: nothing is there", "put", "", false},
	        {"first connect, crash before the commit: nobody was told, the value goes", "connect_commit", "", false},
	        {"reconnect, crash before the value: the old token works", "put", FIRST, true},
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

static void warnings_say_what_the_token_deserves(void **state UNUSED)
{
	static const struct {
		const char *sentence, *provider, *scopes, *expires_at;
		bool is_bot;
		const char *expected; /* names, joined by blanks */
		const char *message;  /* of the first one; NULL: not looked at */
	} rows[] = {
	        {"a good token", "gitlab", "api", "2027-01-20", false, "", NULL},
	        {"three days left", "gitlab", "api", "2026-11-25", false, "token_expiring",
	         "Token expires on 2026-11-25 (3 days)."},
	        {"tomorrow", "gitlab", "api", "2026-11-23", false, "token_expiring", "Token expires on 2026-11-23 (1 day)."},
	        {"fourteen days still warn", "gitlab", "api", "2026-12-06", false, "token_expiring", NULL},
	        {"fifteen do not", "gitlab", "api", "2026-12-07", false, "", NULL},
	        {"past by our clock", "gitlab", "api", "2026-11-20", false, "token_expiring",
	         "Token expired on 2026-11-20 by the clock of this server."},
	        {"no end", "gitlab", "api", NULL, false, "token_never_expires", NULL},
	        {"an end too far away", "gitlab", "api", "2028-11-22", false, "token_never_expires", NULL},
	        {"reading only", "gitlab", "read_api read_repository", "2027-01-20", false, "token_cannot_push",
	         "The token can read but not push (scopes: read_api read_repository). Add 'write_repository' or 'api'."},
	        {"too much", "gitlab", "api sudo", "2027-01-20", false, "token_too_powerful",
	         "The token also has sudo; it is not needed."},
	        {"a bot", "gitlab", "api", "2027-01-20", true, "token_is_bot", NULL},
	        {"an old GitLab tells nothing", "gitlab", NULL, NULL, false, "scopes_unknown", NULL},
	        {"fine-grained", "gitlab", "granular", "2027-01-20", false, "token_fine_grained", NULL},
	        {"a good token of GitHub", "github", "repo workflow", "2027-01-20", false, "", NULL},
	        {"for public repositories it can push, too", "github", "public_repo", "2027-01-20", false, "", NULL},
	        {"GitHub's own words", "github", "read:user", "2027-01-20", false, "token_cannot_push",
	         "The token can read but not push (scopes: read:user). Add 'repo'."},
	        {"a classic token without an end", "github", "repo", NULL, false, "token_never_expires", NULL},
	        {"GitHub lists no scopes of a fine-grained token", "github", NULL, NULL, false, "token_fine_grained", NULL},
	        {"more than is needed", "github", "repo delete_repo", "2027-01-20", false, "token_too_powerful",
	         "The token has scopes that are not needed (scopes: repo delete_repo); 'repo' is enough."},
	        {"a bot of GitHub is not bound to a project", "github", "repo", "2027-01-20", true, "token_is_bot",
	         "Connected as bot project_1_bot; commits will show the bot."},
	        {"a provider that this program does not know", "forgejo", NULL, NULL, true, "", NULL},
	};
	const int64_t now_s = 1795370400; /* 2026-11-22 18:00 UTC */

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char provider[16], scopes[64], expires_at[16], username[] = "project_1_bot";
		struct connection c = {.provider = provider, .username = username, .is_bot = rows[i].is_bot};
		struct account_warning warnings[WARN_COUNT];
		char names[256] = "";
		size_t count;

		(void)snprintf(provider, sizeof(provider), "%s", rows[i].provider);
		(void)snprintf(scopes, sizeof(scopes), "%s", rows[i].scopes ? rows[i].scopes : "");
		(void)snprintf(expires_at, sizeof(expires_at), "%s", rows[i].expires_at ? rows[i].expires_at : "");
		c.scopes = rows[i].scopes ? scopes : NULL;
		c.expires_at = rows[i].expires_at ? expires_at : NULL;
		count = account_warnings(&c, now_s, warnings);
		for (size_t w = 0; w < count; w++) {
			size_t used = strlen(names);

			(void)snprintf(names + used, sizeof(names) - used, "%s%s", w ? " " : "",
			               account_warning_name(warnings[w].code));
		}
		print_message("  %s\n", rows[i].sentence);
		assert_string_equal(names, rows[i].expected);
		if (rows[i].message)
			assert_string_equal(warnings[0].message, rows[i].message);
	}
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

static bool put_and_be_overtaken(void *state, const char *key, int64_t generation, const struct sealed_value *value,
                                 struct error *err)
{
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;
	struct account_service *service = &behind.f->service;

	if (!behind.real_secrets->put(state, key, generation, value, err))
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

static void overtaken_connect_leaves_the_newer_value_alone(void **state UNUSED)
{
	struct service_fixture f;
	CLEANUP(account_verdict_release) struct account_verdict first = ACCOUNT_VERDICT_INIT, second = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	service_fixture_make(&f);
	must(fixture_connect(&f, "alice", FIRST, &first, &err), &err);
	stand_behind(&f);
	behind.secrets.put = put_and_be_overtaken;
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

/* One letter a check, in order: '+' passed, '!' failed, '.' not run. */
static void assert_checks(const struct check_list *list, const char *expected)
{
	char states[CHECK_COUNT + 1] = "";

	for (size_t i = 0; i < CHECK_COUNT; i++)
		states[i] = ".+!"[list->states[i]];
	assert_string_equal(states, expected);
}

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
	        {"the store fails after all was found good", PROVIDER_GITLAB, NULL, SECOND, "[\"api\"]", "put",
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

/* ---- GitHub ---- */

#define CLASSIC "ghp_classic0000000001"
#define GRANTED "github_pat_11granted0000000001"

/* A GitHub Enterprise Server beside the fixture's GitLab; its address is the one of a token for which none is named. */
struct github_fixture {
	struct service_fixture base;
	const char *scopes;     /* the header's value; NULL: none */
	const char *dead_token; /* NULL: none */
	struct http_peer *peer;
	struct instance_entry entries[2];
	struct instances instances;
	char url[64];
};

static void small_github_answer(struct peer_exchange *exchange, void *context)
{
	const struct github_fixture *g = context;
	char headers[256] = "Content-Type: application/json\r\nX-GitHub-Request-Id: 1\r\n", authorization[600] = "";

	(void)peer_header(exchange, "Authorization", authorization, sizeof(authorization));
	if (g->dead_token && strstr(authorization, g->dead_token)) {
		peer_answer(exchange, "401 Unauthorized", headers, "{\"message\":\"Bad credentials\"}");
		return;
	}
	if (g->scopes) {
		size_t used = strlen(headers);

		(void)snprintf(headers + used, sizeof(headers) - used, "X-OAuth-Scopes: %s\r\n", g->scopes);
	}
	if (strcmp(exchange->target, "/api/v3/user") == 0)
		peer_answer(exchange, "200 OK", headers,
		            "{\"id\":583231,\"login\":\"octocat\",\"name\":\"Octo\",\"type\":\"User\"}");
	else
		peer_answer(exchange, "404 Not Found", headers, "{\"message\":\"Not Found\"}");
}

static void github_fixture_make(struct github_fixture *g)
{
	struct error err = ERROR_INIT;
	char allowed[32];

	*g = (struct github_fixture){.scopes = "repo, workflow"};
	service_fixture_make(&g->base);
	g->peer = http_peer_start(PEER_PLAIN, small_github_answer, g);
	(void)snprintf(allowed, sizeof(allowed), "127.0.0.1:%u", http_peer_port(g->peer));
	(void)snprintf(g->url, sizeof(g->url), "http://%s", allowed);
	must(address_policy_add(g->base.policy, allowed, &err), &err);
	g->entries[0] = g->base.entry;
	must(instance_url_parse(g->url, &g->entries[1].url, &err), &err);
	g->entries[1].insecure_http = true;
	g->instances = (struct instances){g->entries, ARRAY_SIZE(g->entries)};
	g->base.service.instances = &g->instances;
	g->base.service.github = &g->entries[1].url;
}

static void github_fixture_remove(struct github_fixture *g)
{
	http_peer_stop(g->peer);
	instance_url_release(&g->entries[1].url);
	service_fixture_remove(&g->base);
}

static bool connect_github(struct github_fixture *g, const char *token, struct account_verdict *ret, struct error *err)
{
	CLEANUP(secret_release) struct secret secret = SECRET_INIT;
	const struct account_request request = {
	        .provider = PROVIDER_GITHUB, .user_id = "alice", .instance_url = "", .token = &secret};

	secret_set(&secret, token, strlen(token));
	return account_connect(&g->base.service, &request, ret, err);
}

static size_t count_of(struct github_fixture *g, enum provider provider)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error err = ERROR_INIT;

	must(account_list(&g->base.service, provider, "alice", &list, &err), &err);
	for (size_t i = 0; i < list.count; i++)
		assert_string_equal(list.items[i].provider, provider_name(provider));
	return list.count;
}

static void github_is_connected_beside_gitlab(void **state UNUSED)
{
	struct github_fixture g;
	CLEANUP(account_verdict_release) struct account_verdict gitlab = ACCOUNT_VERDICT_INIT, github = ACCOUNT_VERDICT_INIT;
	struct error err = ERROR_INIT;

	github_fixture_make(&g);
	must(fixture_connect(&g.base, "alice", FIRST, &gitlab, &err), &err);
	must(connect_github(&g, CLASSIC, &github, &err), &err);
	assert_string_equal(github.connection.provider, "github");
	assert_string_equal(github.connection.instance_url, g.url);
	assert_string_equal(github.connection.username, "octocat");
	assert_string_equal(github.connection.gitlab_user_id, "583231");
	assert_string_equal(github.connection.scopes, "repo workflow");
	assert_checks(&github.checks, "++.+.++....");
	assert_int_equal(count_of(&g, PROVIDER_GITLAB), 1);
	assert_int_equal(count_of(&g, PROVIDER_GITHUB), 1);

	must(account_disconnect(&g.base.service, PROVIDER_GITHUB, "alice", NULL, &err), &err);
	assert_int_equal(count_of(&g, PROVIDER_GITHUB), 0);
	assert_opens_to(&g.base, "alice", FIRST);
	must(account_disconnect(&g.base.service, PROVIDER_GITHUB, "alice", "", &err), &err);
	assert_int_equal(count_of(&g, PROVIDER_GITLAB), 1);
	github_fixture_remove(&g);
}

static void a_github_token_is_judged_by_githubs_words(void **state UNUSED)
{
	static const struct {
		const char *sentence, *token, *scopes;
		enum error_code code;
		const char *checks, *warning; /* "": none */
	} rows[] = {
	        {"a classic token for everything", CLASSIC, "repo, workflow", ERR_NONE, "++.+.++....", "token_never_expires"},
	        {"a classic token for public repositories", CLASSIC, "public_repo", ERR_NONE, "++.+.++....", "token_never_expires"},
	        {"a fine-grained token tells no scopes: that check could not run", GRANTED, NULL, ERR_NONE, "++.+.+.....",
	         "token_fine_grained"},
	        {"a classic token that may only show its user", CLASSIC, "read:user", ERR_TOKEN_SCOPE_MISSING, "++.+.+!....", ""},
	        {"a classic token without any scope", CLASSIC, "", ERR_TOKEN_SCOPE_MISSING, "++.+.+!....", ""},
	        {"a token of an installation", "ghs_installation0001", NULL, ERR_TOKEN_WRONG_KIND, "++...!.....", ""},
	        {"a token of GitLab", FIRST, NULL, ERR_TOKEN_WRONG_KIND, "++...!.....", ""},
	};
	struct github_fixture g;
	CLEANUP(account_verdict_release) struct account_verdict verdict = ACCOUNT_VERDICT_INIT;

	github_fixture_make(&g);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct error err = ERROR_INIT;

		print_message("  %s\n", rows[i].sentence);
		g.scopes = rows[i].scopes;
		assert_int_equal(connect_github(&g, rows[i].token, &verdict, &err), rows[i].code == ERR_NONE);
		assert_int_equal(err.code, rows[i].code);
		assert_checks(&verdict.checks, rows[i].checks);
		assert_string_equal(verdict.warning_count > 0 ? account_warning_name(verdict.warnings[0].code) : "",
		                    rows[i].warning);
		if (rows[i].code == ERR_TOKEN_SCOPE_MISSING) {
			assert_non_null(strstr(err.message, "GitHub needs 'repo'"));
			assert_non_null(strstr(error_remediation(&err), "fine-grained"));
		}
	}
	github_fixture_remove(&g);
}

static void recheck_asks_each_connection_at_its_own_forge(void **state UNUSED)
{
	struct github_fixture g;
	CLEANUP(account_verdict_release) struct account_verdict gitlab = ACCOUNT_VERDICT_INIT, github = ACCOUNT_VERDICT_INIT;
	struct memory_store *store = &g.base.store;
	struct error err = ERROR_INIT;
	size_t checked = 0, invalid = 0;

	github_fixture_make(&g);
	must(fixture_connect(&g.base, "alice", FIRST, &gitlab, &err), &err);
	must(connect_github(&g, CLASSIC, &github, &err), &err);
	store->rows[0].last_checked_at = store->rows[1].last_checked_at = 0;
	g.dead_token = CLASSIC;
	must(account_recheck(&g.base.service, 10, &checked, &invalid, &err), &err);
	assert_int_equal(checked, 2);
	assert_int_equal(invalid, 1);
	assert_true(store->rows[0].valid);
	assert_false(store->rows[1].valid);

	set_string(&store->rows[1].provider, "forgejo"); /* as a later program might write */
	store->rows[0].last_checked_at = store->rows[1].last_checked_at = 0;
	must(account_recheck(&g.base.service, 10, &checked, &invalid, &err), &err);
	assert_int_equal(checked, 1);
	assert_int_equal(store->rows[1].last_checked_at, 0);
	github_fixture_remove(&g);
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
	        cmocka_unit_test(warnings_say_what_the_token_deserves),
	        cmocka_unit_test(recheck_condemns_dead_tokens_and_nobody_when_the_instance_is_down),
	        cmocka_unit_test(commit_whose_answer_was_lost_keeps_its_value),
	        cmocka_unit_test(overtaken_connect_leaves_the_newer_value_alone),
	        cmocka_unit_test(recheck_goes_on_when_one_account_makes_its_instance_fail),
	        cmocka_unit_test(recheck_reaches_the_others_behind_an_instance_that_is_down),
	        cmocka_unit_test(a_use_writes_only_what_is_not_known),
	        cmocka_unit_test(a_verdict_tells_which_check_failed),
	        cmocka_unit_test(github_is_connected_beside_gitlab),
	        cmocka_unit_test(a_github_token_is_judged_by_githubs_words),
	        cmocka_unit_test(recheck_asks_each_connection_at_its_own_forge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
