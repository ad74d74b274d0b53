#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "encoding.h"
#include "store_fixture.h"

#define CALL(store, function, ...) ((store).ops->function((store).state, __VA_ARGS__))

static const char hash[GATE_HASH_SIZE] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

static void must(bool ok, const struct error *err)
{
	if (!ok)
		fail_msg("%s: %s (%s)", error_name(err->code), err->message, err->detail);
}

static void sample_notice(struct notice *ret, const char *body, int64_t created_at)
{
	notice_release(ret);
	make_uuid(ret->id);
	ret->type = xstrdup("session.finished");
	ret->body = xstrdup(body);
	ret->created_at = created_at;
}

/* The bodies that are handed out now, joined by blanks; each for lease_s. */
static void claim_all(const struct notice_store *notices, int64_t now_s, int64_t lease_s, char ret[256])
{
	struct error err = ERROR_INIT;
	bool found = true;

	ret[0] = '\0';
	while (found) {
		CLEANUP(notice_release) struct notice notice = NOTICE_INIT;

		must(CALL(*notices, claim, now_s, lease_s, &notice, &found, &err), &err);
		if (found)
			snprintf(ret + strlen(ret), 256 - strlen(ret), "%s ", notice.body);
	}
}

static int64_t start_session(struct store_fixture *f, const char *id)
{
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT, made = SESSION_ROW_INIT;
	struct error err = ERROR_INIT;
	bool flag;

	row.id = xstrdup(id);
	row.project = xstrdup("alpha");
	row.name = xstrdup(id);
	row.owner = xstrdup("john");
	row.object = xstrdup("{}");
	row.status = xstrdup("{}");
	must(CALL(f->sessions, create, &row, NULL, &made, &flag, &err), &err);
	must(CALL(f->sessions, claim, "worker", id, 60, hash, &made, &flag, &err), &err);
	assert_true(flag);
	return made.attempt;
}

static void a_notice_is_written_with_the_status_it_tells_or_not_at_all(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
	struct notice_store notices;
	struct error err = ERROR_INIT;
	char bodies[256];

	fixture_make(&f);
	notices = database_notices(f.db);
	int64_t attempt = start_session(&f, "one");
	sample_notice(&notice, "lost", 1000);
	assert_false(CALL(f.sessions, save_status, "one", attempt + 1, PHASE_COMPLETED, "{}", &notice, &err));
	assert_int_equal(err.code, ERR_SESSION_LOST);
	claim_all(&notices, 2000, 60, bodies);
	assert_string_equal(bodies, "");

	must(CALL(f.sessions, save_status, "one", attempt, PHASE_RUNNING, "{}", NULL, &err), &err);
	sample_notice(&notice, "kept", 1000);
	must(CALL(f.sessions, save_status, "one", attempt, PHASE_COMPLETED, "{}", &notice, &err), &err);
	/* A worker that does not know whether its write arrived repeats it; the end is told once. */
	assert_false(CALL(f.sessions, save_status, "one", attempt, PHASE_COMPLETED, "{}", &notice, &err));
	claim_all(&notices, 2000, 60, bodies);
	assert_string_equal(bodies, "kept ");

	/* A status that cannot be written with its notice is not written. */
	attempt = start_session(&f, "two");
	assert_false(CALL(f.sessions, save_status, "two", attempt, PHASE_COMPLETED, "{}", &notice, &err)); /* the id was used */
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	must(CALL(f.sessions, find_by_id, "two", &row, &err), &err);
	assert_int_equal(row.phase, PHASE_PENDING);
}

static void a_removed_session_still_tells_its_end(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
	CLEANUP(session_row_release) struct session_row row = SESSION_ROW_INIT;
	struct notice_store notices;
	struct error err = ERROR_INIT;
	char bodies[256];

	fixture_make(&f);
	notices = database_notices(f.db);
	int64_t attempt = start_session(&f, "one");
	must(CALL(f.sessions, remove, "one", &err), &err);
	sample_notice(&notice, "stopped", 1000);
	must(CALL(f.sessions, save_status, "one", attempt, PHASE_STOPPED, "{}", &notice, &err), &err);
	assert_false(CALL(f.sessions, find_by_id, "one", &row, &err));
	claim_all(&notices, 2000, 60, bodies);
	assert_string_equal(bodies, "stopped ");
}

/* Puts a notice by way of a session. */
static void put(struct store_fixture *f, const char *body, int64_t created_at)
{
	CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
	struct error err = ERROR_INIT;
	int64_t attempt = start_session(f, body);

	sample_notice(&notice, body, created_at);
	must(CALL(f->sessions, save_status, body, attempt, PHASE_COMPLETED, "{}", &notice, &err), &err);
}

static void each_is_handed_out_to_one_until_its_lease_ends(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(database_freep) struct database *other = NULL;
	CLEANUP(notice_release) struct notice late = NOTICE_INIT, next = NOTICE_INIT;
	struct notice_store notices, others;
	struct error err = ERROR_INIT;
	char bodies[256];
	bool found;

	fixture_make(&f);
	other = fixture_open(&f, &err);
	assert_non_null(other);
	notices = database_notices(f.db);
	others = database_notices(other);
	put(&f, "a", 1000);
	put(&f, "b", 999);
	claim_all(&notices, 998, 60, bodies);
	assert_string_equal(bodies, ""); /* not yet due */
	must(CALL(notices, claim, 1000, 60, &late, &found, &err), &err);
	assert_string_equal(late.body, "b"); /* longest due first */
	assert_int_equal(late.attempts, 1);
	claim_all(&others, 1059, 60, bodies);
	assert_string_equal(bodies, "a ");
	/* Its first holder was frozen: what it has to say about the attempt comes too late. */
	must(CALL(others, claim, 1060, 60, &next, &found, &err), &err);
	assert_true(found);
	assert_string_equal(next.id, late.id);
	assert_int_equal(next.attempts, 2);
	must(CALL(notices, postpone, &late, 1061, &err), &err);
	claim_all(&notices, 1118, 60, bodies);
	assert_string_equal(bodies, "");
	must(CALL(others, postpone, &next, 1500, &err), &err);
	must(CALL(notices, claim, 1499, 60, &late, &found, &err), &err);
	assert_string_equal(late.body, "a"); /* whose lease ran out meanwhile */
	must(CALL(notices, claim, 1500, 60, &next, &found, &err), &err);
	assert_string_equal(next.body, "b");
	assert_int_equal(next.attempts, 3);
	must(CALL(notices, remove, &next, &err), &err);
	must(CALL(notices, remove, &late, &err), &err);
	claim_all(&notices, INT32_MAX, 60, bodies);
	assert_string_equal(bodies, "");
}

/* ---- Tokens ---- */

#define DAY_S  86400
#define NOW_S  (INT64_C(20000) * DAY_S + 3600) /* 2024-10-04T01:00:00Z */
#define RECORD "john"

static void connect(struct store_fixture *f, const char *token, const char *expires_at, int64_t *ret_generation)
{
	CLEANUP(connection_release) struct connection c = CONNECTION_INIT;
	struct error err = ERROR_INIT;
	int64_t generation;
	char fingerprint[65];

	sample_connection(&c, RECORD, GITLAB_COM_URL, token, 0);
	sample_fingerprint(token, fingerprint);
	must(CALL(f->connections, connect_begin, &(struct secret_place){"gitlab", c.key}, RECORD, fingerprint, &generation, &err),
	     &err);
	c.generation = generation;
	set_string(&c.expires_at, expires_at);
	must(CALL(f->connections, connect_commit, &c, NULL, &err), &err);
	*ret_generation = generation;
}

static void check(struct store_fixture *f, int64_t generation, const char *code, int64_t at)
{
	struct error err = ERROR_INIT;
	char key[RECORD_KEY_SIZE];

	record_key_make("gitlab", RECORD, GITLAB_COM_URL, key);
	must(CALL(f->connections, set_checked, key, generation, code == NULL, code, at, &err), &err);
}

/* What is found now and told; NONE: nothing. */
#define NONE 1000
static int tell(const struct notice_store *notices, int64_t now_s)
{
	CLEANUP(token_state_list_release) struct token_state_list list = TOKEN_STATE_LIST_INIT;
	CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
	struct error err = ERROR_INIT;
	bool told;

	must(CALL(*notices, untold, now_s, 10, &list, &err), &err);
	if (list.count == 0)
		return NONE;
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].connection.user_id, RECORD);
	sample_notice(&notice, "x", now_s);
	must(CALL(*notices, tell, &list.items[0], &notice, &told, &err), &err);
	assert_true(told);
	/* Another housekeeping that found the same is too late, and leaves no second notice. */
	sample_notice(&notice, "y", now_s);
	must(CALL(*notices, tell, &list.items[0], &notice, &told, &err), &err);
	assert_false(told);
	return list.items[0].finding;
}

static void expiry_is_told_at_each_threshold_once(void **state UNUSED)
{
	static const struct {
		const char *why;
		int days; /* from the first day */
		int finding;
	} rows[] = {
	        {"31 days before there is nothing to tell", 0, NONE},
	        {"30 days before", 1, 30},
	        {"29: told already", 2, NONE},
	        {"8 days before", 23, NONE},
	        {"7 days before", 24, 7},
	        {"and not again", 24, NONE},
	        {"two days before", 29, NONE},
	        {"the day before", 30, 1},
	        {"it is over", 31, 0},
	        {"it stays over", 32, NONE},
	        {"and for long", 4000, NONE},
	};
	CLEANUP(fixture_remove) struct store_fixture f;
	struct notice_store notices;
	int64_t generation;
	char bodies[256];

	fixture_make(&f);
	notices = database_notices(f.db);
	connect(&f, "t1", "2024-11-04", &generation);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int got = tell(&notices, NOW_S + (int64_t)rows[i].days * DAY_S);
		if (got != rows[i].finding)
			fail_msg("%s: found %d", rows[i].why, got);
	}
	claim_all(&notices, INT32_MAX, 60, bodies);
	assert_string_equal(bodies, "x x x x ");
	/* Another token in its place is told of anew, from where it stands. */
	connect(&f, "t2", "2024-10-09", &generation);
	assert_int_equal(tell(&notices, NOW_S), 7);
	assert_int_equal(tell(&notices, NOW_S), NONE);
	connect(&f, "t3", NULL, &generation);
	assert_int_equal(tell(&notices, NOW_S), NONE);
}

static void a_refused_token_is_told_once_until_it_is_accepted_again(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct notice_store notices;
	int64_t generation;

	fixture_make(&f);
	notices = database_notices(f.db);
	connect(&f, "t1", "2024-10-20", &generation);
	assert_int_equal(tell(&notices, NOW_S), 30);
	check(&f, generation, "token_revoked", 2000);
	assert_int_equal(tell(&notices, NOW_S), TOKEN_REFUSED);
	check(&f, generation, "account_blocked", 2001);
	assert_int_equal(tell(&notices, NOW_S), NONE);
	assert_int_equal(tell(&notices, NOW_S + 14 * DAY_S), NONE); /* its expiry concerns nobody any more */
	check(&f, generation, NULL, 2002);
	assert_int_equal(tell(&notices, NOW_S), NONE); /* the 30 days were told */
	assert_int_equal(tell(&notices, NOW_S + 14 * DAY_S), 7);
	check(&f, generation, "token_revoked", 2003);
	assert_int_equal(tell(&notices, NOW_S), TOKEN_REFUSED);
	connect(&f, "t2", NULL, &generation);
	check(&f, generation, "token_revoked", 2004);
	assert_int_equal(tell(&notices, NOW_S), TOKEN_REFUSED);
}

static void an_expired_token_is_not_told_as_refused_too(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct notice_store notices;
	int64_t generation;

	fixture_make(&f);
	notices = database_notices(f.db);
	/* The server says so, though by our clock there is time left. */
	connect(&f, "t1", "2030-01-01", &generation);
	check(&f, generation, "token_expired", 2000);
	assert_int_equal(tell(&notices, NOW_S), TOKEN_EXPIRED);
	check(&f, generation, "token_revoked", 2001);
	assert_int_equal(tell(&notices, NOW_S), NONE);
	/* By our clock it is over; the server calls it unknown. */
	connect(&f, "t2", "2024-10-04", &generation);
	assert_int_equal(tell(&notices, NOW_S), TOKEN_EXPIRED);
	check(&f, generation, "token_invalid", 2002);
	assert_int_equal(tell(&notices, NOW_S), NONE);
}

static void what_was_disconnected_is_not_told_of(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(token_state_list_release) struct token_state_list list = TOKEN_STATE_LIST_INIT;
	CLEANUP(notice_release) struct notice notice = NOTICE_INIT;
	struct notice_store notices;
	struct error err = ERROR_INIT;
	int64_t generation;
	bool told;

	fixture_make(&f);
	notices = database_notices(f.db);
	connect(&f, "t1", "2024-10-09", &generation);
	must(CALL(notices, untold, NOW_S, 10, &list, &err), &err);
	assert_int_equal(list.count, 1);
	must(sample_disconnect(&f.connections, RECORD, GITLAB_COM_URL, &err), &err);
	sample_notice(&notice, "x", NOW_S);
	must(CALL(notices, tell, &list.items[0], &notice, &told, &err), &err);
	assert_false(told);
	assert_int_equal(tell(&notices, NOW_S), NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_notice_is_written_with_the_status_it_tells_or_not_at_all),
	        cmocka_unit_test(a_removed_session_still_tells_its_end),
	        cmocka_unit_test(each_is_handed_out_to_one_until_its_lease_ends),
	        cmocka_unit_test(expiry_is_told_at_each_threshold_once),
	        cmocka_unit_test(a_refused_token_is_told_once_until_it_is_accepted_again),
	        cmocka_unit_test(an_expired_token_is_not_told_as_refused_too),
	        cmocka_unit_test(what_was_disconnected_is_not_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
