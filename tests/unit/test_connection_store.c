#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "store_fixture.h"

#define COMPANY    "https://gitlab.company.com"
#define FAR_FUTURE INT64_MAX

/* The store under test, as short names. */
#define CALL(f, function, ...) ((f)->connections.ops->function((f)->connections.state, __VA_ARGS__))

static void must(bool ok, const struct error *err)
{
	if (!ok)
		fail_msg("%s: %s (%s)", error_name(err->code), err->message, err->detail);
}

static size_t count_of(struct store_fixture *f, const char *user)
{
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error err = ERROR_INIT;

	must(CALL(f, list, user, &list, &err), &err);
	return list.count;
}

static size_t intents_of(struct store_fixture *f)
{
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;
	struct error err = ERROR_INIT;

	must(CALL(f, intents_due, FAR_FUTURE, &list, &err), &err);
	return list.count;
}

/* The sealed value of a record as text; "" if there is none. */
static void sealed_of(struct store_fixture *f, const char *user, const char *instance, char ret_text[64])
{
	CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
	char key[RECORD_KEY_SIZE];

	record_key_make("gitlab", user, instance, key);
	assert_true(f->secrets.ops->get(f->secrets.state, &(struct secret_place){"gitlab", key}, &value, NULL));
	snprintf(ret_text, 64, "%.*s", (int)value.length, value.bytes ? (const char *)value.bytes : "");
}

static void begin(struct store_fixture *f, const char *user, const char *token, int64_t *ret_generation)
{
	char key[RECORD_KEY_SIZE], fingerprint[65];
	struct error err = ERROR_INIT;

	record_key_make("gitlab", user, GITLAB_COM_URL, key);
	sample_fingerprint(token, fingerprint);
	must(CALL(f, connect_begin, &(struct secret_place){"gitlab", key}, user, fingerprint, ret_generation, &err), &err);
}

static bool commit(struct store_fixture *f, const char *user, const char *token, int64_t generation, struct error *err)
{
	CLEANUP(connection_release) struct connection c = CONNECTION_INIT;
	CLEANUP(sealed_value_release) struct sealed_value value = {(unsigned char *)xstrdup(token), strlen(token)};

	sample_connection(&c, user, GITLAB_COM_URL, token, generation);
	return CALL(f, connect_commit, &c, &value, err);
}

static void a_connection_comes_back_as_it_was_stored(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(connection_release) struct connection c = CONNECTION_INIT, found = CONNECTION_INIT;
	CLEANUP(sealed_value_release) struct sealed_value value = {(unsigned char *)xstrdup("sealed"), 6};
	struct error err = ERROR_INIT;
	bool is_there = false;
	char text[64];

	fixture_make(&f);
	sample_connection(&c, "system:serviceaccount:ns:bot/ä'\";--", COMPANY, "t", 0);
	must(CALL(&f, connect_begin, &(struct secret_place){c.provider, c.key}, c.user_id, c.fingerprint, &c.generation, &err),
	     &err);
	c.token_name = xstrdup("laptop");
	c.expires_at = xstrdup("2027-01-31");
	c.check_code = xstrdup("token_expired");
	c.is_bot = true;
	c.valid = false;
	must(CALL(&f, connect_commit, &c, &value, &err), &err);
	must(CALL(&f, find, c.key, &found, &is_there, &err), &err);
	assert_true(is_there);
	assert_string_equal(found.key, c.key);
	assert_string_equal(found.user_id, c.user_id);
	assert_string_equal(found.provider, "gitlab");
	assert_string_equal(found.instance_url, COMPANY);
	assert_string_equal(found.gitlab_user_id, "4711");
	assert_string_equal(found.username, "john");
	assert_string_equal(found.token_name, "laptop");
	assert_string_equal(found.scopes, "api read_user");
	assert_string_equal(found.expires_at, "2027-01-31");
	assert_string_equal(found.fingerprint, c.fingerprint);
	assert_string_equal(found.check_code, "token_expired");
	assert_true(found.is_bot);
	assert_false(found.valid);
	assert_int_equal(found.generation, c.generation);
	assert_int_equal(found.connected_at, 1000);
	assert_int_equal(found.updated_at, c.updated_at);
	assert_int_equal(found.last_checked_at, 1000);
	sealed_of(&f, c.user_id, COMPANY, text);
	assert_string_equal(text, "sealed");
	assert_int_equal(intents_of(&f), 0);
}

static void list_shows_a_users_own_connections_newest_first(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error err = ERROR_INIT;

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "a", NULL, &err), &err);
	must(sample_connect(&f.connections, "jane", GITLAB_COM_URL, "bb", NULL, &err), &err);
	must(sample_connect(&f.connections, "john", COMPANY, "ccc", NULL, &err), &err);
	must(CALL(&f, list, "john", &list, &err), &err);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].instance_url, COMPANY);
	assert_string_equal(list.items[1].instance_url, GITLAB_COM_URL);
	assert_int_equal(count_of(&f, "jane"), 1);
	assert_int_equal(count_of(&f, "nobody"), 0);
}

static void a_reconnect_replaces_and_keeps_the_first_time(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error err = ERROR_INIT;
	int64_t first, second;
	char text[64];

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "old", &first, &err), &err);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "newer", &second, &err), &err);
	assert_true(second > first);
	must(CALL(&f, list, "john", &list, &err), &err);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].connected_at, 1000);
	sealed_of(&f, "john", GITLAB_COM_URL, text);
	assert_string_equal(text, "newer");
}

static void generations_never_repeat_even_after_a_disconnect(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	int64_t last = 0, generation;

	fixture_make(&f);
	for (int i = 0; i < 5; i++) {
		must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", &generation, &err), &err);
		assert_true(generation > last);
		last = generation;
		must(sample_disconnect(&f.connections, "john", NULL, &err), &err);
		assert_int_equal(count_of(&f, "john"), 0);
	}
	begin(&f, "john", "t", &generation); /* abandoned ones count too */
	assert_true(generation > last);
	last = generation;
	begin(&f, "john", "t", &generation);
	assert_true(generation > last);
}

static void an_abandoned_connect_leaves_the_old_one_working(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	char key[RECORD_KEY_SIZE], text[64];
	int64_t generation;

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "old", NULL, &err), &err);
	begin(&f, "john", "newer", &generation);
	assert_int_equal(intents_of(&f), 1);
	record_key_make("gitlab", "john", GITLAB_COM_URL, key);
	must(CALL(&f, connect_abandon, key, generation, &err), &err);
	must(CALL(&f, connect_abandon, key, generation, &err), &err); /* idempotent */
	assert_int_equal(intents_of(&f), 0);
	sealed_of(&f, "john", GITLAB_COM_URL, text);
	assert_string_equal(text, "old");
	assert_false(commit(&f, "john", "newer", generation, &err)); /* housekeeping gave it up: it is too late */
	assert_int_equal(err.code, ERR_CONFLICT);
	sealed_of(&f, "john", GITLAB_COM_URL, text);
	assert_string_equal(text, "old");
}

static void of_two_connects_at_once_the_newer_wins(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	int64_t older, newer;
	char text[64];

	fixture_make(&f);
	begin(&f, "john", "older", &older);
	begin(&f, "john", "newer!", &newer);
	must(commit(&f, "john", "newer!", newer, &err), &err);
	assert_false(commit(&f, "john", "older", older, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	sealed_of(&f, "john", GITLAB_COM_URL, text);
	assert_string_equal(text, "newer!");
	assert_int_equal(intents_of(&f), 1); /* of the one that lost, until it is abandoned: it may have left a value behind */

	begin(&f, "john", "older", &older);
	begin(&f, "john", "newer!", &newer);
	must(commit(&f, "john", "older", older, &err), &err);
	must(commit(&f, "john", "newer!", newer, &err), &err);
	sealed_of(&f, "john", GITLAB_COM_URL, text);
	assert_string_equal(text, "newer!");
}

static void an_overtaken_connect_does_not_come_back_after_a_disconnect(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	int64_t older, newer;

	fixture_make(&f);
	begin(&f, "john", "older", &older);
	begin(&f, "john", "newer!", &newer);
	must(commit(&f, "john", "newer!", newer, &err), &err);
	must(sample_disconnect(&f.connections, "john", NULL, &err), &err);
	assert_false(commit(&f, "john", "older", older, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	assert_int_equal(count_of(&f, "john"), 0);
}

static void a_commit_that_is_repeated_is_accepted(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	int64_t generation;

	fixture_make(&f);
	begin(&f, "john", "t", &generation);
	must(commit(&f, "john", "t", generation, &err), &err);
	must(commit(&f, "john", "t", generation, &err), &err);
	assert_int_equal(count_of(&f, "john"), 1);
}

static void one_token_serves_one_user(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	int64_t johns, janes;

	fixture_make(&f);
	begin(&f, "john", "shared", &johns);
	begin(&f, "jane", "shared", &janes); /* nobody has it yet */
	must(commit(&f, "jane", "shared", janes, &err), &err);
	assert_false(commit(&f, "john", "shared", johns, &err));
	assert_int_equal(err.code, ERR_TOKEN_IN_USE);
	assert_false(sample_connect(&f.connections, "jim", COMPANY, "shared", NULL, &err));
	assert_int_equal(err.code, ERR_TOKEN_IN_USE);
	must(sample_connect(&f.connections, "jane", COMPANY, "shared", NULL, &err), &err); /* her own token, elsewhere */
	must(sample_connect(&f.connections, "jane", GITLAB_COM_URL, "shared", NULL, &err), &err);
	must(sample_disconnect(&f.connections, "jane", NULL, &err), &err);
	must(sample_connect(&f.connections, "jim", COMPANY, "shared", NULL, &err), &err); /* free again */
}

static void disconnect_hides_first_and_deletes_then(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT, again = INTENT_LIST_INIT;
	CLEANUP(connection_release) struct connection found = CONNECTION_INIT;
	struct error err = ERROR_INIT;
	bool is_there = true;
	char text[64];

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "a", NULL, &err), &err);
	must(sample_connect(&f.connections, "john", COMPANY, "bb", NULL, &err), &err);
	must(CALL(&f, disconnect_begin, "john", "gitlab", COMPANY, &list, &err), &err);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].action, INTENT_DISCONNECT);
	assert_int_equal(count_of(&f, "john"), 1);
	must(CALL(&f, find, list.items[0].key, &found, &is_there, &err), &err);
	assert_false(is_there);
	sealed_of(&f, "john", COMPANY, text);
	assert_string_equal(text, "");
	assert_int_equal(intents_of(&f), 1);
	must(CALL(&f, disconnect_begin, "john", "gitlab", COMPANY, &again, &err), &err); /* the first may have died */
	assert_int_equal(again.count, 1);
	assert_int_equal(again.items[0].generation, list.items[0].generation);
	for (int i = 0; i < 2; i++)
		must(CALL(&f, disconnect_finish, list.items[0].key, list.items[0].generation, &err), &err);
	assert_int_equal(intents_of(&f), 0);
	must(CALL(&f, disconnect_begin, "john", "gitlab", NULL, &list, &err), &err);
	assert_int_equal(list.count, 1);
	must(CALL(&f, disconnect_finish, list.items[0].key, list.items[0].generation, &err), &err);
	must(CALL(&f, disconnect_begin, "john", "gitlab", NULL, &list, &err), &err);
	assert_int_equal(list.count, 0);
}

static void disconnect_takes_one_providers_connections(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;
	struct error err = ERROR_INIT;

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "a", NULL, &err), &err);
	must(CALL(&f, disconnect_begin, "john", "github", NULL, &list, &err), &err);
	assert_int_equal(list.count, 0);
	must(CALL(&f, disconnect_begin, "john", "github", GITLAB_COM_URL, &list, &err), &err);
	assert_int_equal(list.count, 0);
	assert_int_equal(count_of(&f, "john"), 1);
	must(CALL(&f, disconnect_begin, "john", "gitlab", NULL, &list, &err), &err);
	assert_int_equal(list.count, 1);
	assert_int_equal(count_of(&f, "john"), 0);
}

static void a_connect_after_a_disconnect_began_wins(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;
	struct error err = ERROR_INIT;
	char text[64];

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "old", NULL, &err), &err);
	must(CALL(&f, disconnect_begin, "john", "gitlab", NULL, &list, &err), &err);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "newer", NULL, &err), &err);
	assert_int_equal(intents_of(&f), 0);
	must(CALL(&f, disconnect_finish, list.items[0].key, list.items[0].generation, &err), &err);
	assert_int_equal(count_of(&f, "john"), 1);
	sealed_of(&f, "john", GITLAB_COM_URL, text);
	assert_string_equal(text, "newer");
}

static void a_live_record_is_never_deleted_by_finish(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	char key[RECORD_KEY_SIZE];
	int64_t generation;

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", &generation, &err), &err);
	record_key_make("gitlab", "john", GITLAB_COM_URL, key);
	must(CALL(&f, disconnect_finish, key, generation, &err), &err);
	assert_int_equal(count_of(&f, "john"), 1);
}

static void intents_are_due_by_their_age(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;
	struct error err = ERROR_INIT;
	int64_t generation;

	fixture_make(&f);
	begin(&f, "john", "t", &generation);
	must(CALL(&f, intents_due, 1000, &list, &err), &err);
	assert_int_equal(list.count, 0);
	must(CALL(&f, intents_due, FAR_FUTURE, &list, &err), &err);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].action, INTENT_CONNECT);
	assert_int_equal(list.items[0].generation, generation);
}

static void a_check_is_recorded_for_its_generation_only(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	char key[RECORD_KEY_SIZE];
	int64_t generation;

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", &generation, &err), &err);
	record_key_make("gitlab", "john", GITLAB_COM_URL, key);
	const struct {
		int64_t generation;
		int64_t at;
		bool valid;
		bool expect_valid;
		int64_t expect_at;
		const char *why;
	} rows[] = {
	        {generation - 1, 2000, false, true, 1000, "an older generation is ignored"},
	        {generation, 2000, false, false, 2000, "the current one is taken"},
	        {generation, 1500, true, false, 2000, "a check that is older than the last is ignored"},
	        {generation, 2500, true, true, 2500, "a newer check is taken"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(connection_release) struct connection c = CONNECTION_INIT;
		uint64_t version = f.connections.ops->version(f.connections.state);
		bool found;

		must(CALL(&f, set_checked, key, rows[i].generation, rows[i].valid, "token_revoked", rows[i].at, &err), &err);
		must(CALL(&f, find, key, &c, &found, &err), &err);
		if (c.valid != rows[i].expect_valid || c.last_checked_at != rows[i].expect_at)
			fail_msg("%s", rows[i].why);
		assert_int_equal(c.check_code == NULL, c.valid);
		assert_int_equal(f.connections.ops->version(f.connections.state) > version, rows[i].expect_at == rows[i].at);
	}
}

static void list_unchecked_gives_the_longest_unused_of_all_users(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
	struct error err = ERROR_INIT;
	char key[RECORD_KEY_SIZE];
	int64_t generation;

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "a", &generation, &err), &err);
	must(sample_connect(&f.connections, "jane", GITLAB_COM_URL, "bb", NULL, &err), &err);
	must(sample_connect(&f.connections, "jim", GITLAB_COM_URL, "ccc", NULL, &err), &err);
	record_key_make("gitlab", "john", GITLAB_COM_URL, key);
	must(CALL(&f, set_checked, key, generation, true, NULL, 5000, &err), &err);
	must(CALL(&f, list_unchecked, 5000, NULL, 10, &list, &err), &err);
	assert_int_equal(list.count, 2);
	must(CALL(&f, list_unchecked, 5001, NULL, 10, &list, &err), &err);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.items[2].user_id, "john");
	must(CALL(&f, list_unchecked, 5001, NULL, 1, &list, &err), &err);
	assert_int_equal(list.count, 1);
}

/* Several of the same age, as after a recheck of many within one second. */
static void pages_of_list_unchecked_show_each_connection_once(void **state UNUSED)
{
	enum { USERS = 7, PAGE = 3 };
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(connection_release) struct connection last = CONNECTION_INIT;
	struct error err = ERROR_INIT;
	unsigned seen = 0;
	size_t pages = 0, count;

	fixture_make(&f);
	for (int i = 0; i < USERS; i++) {
		char user[16], token[16];

		snprintf(user, sizeof(user), "%d", i);
		snprintf(token, sizeof(token), "t%d", i);
		must(sample_connect(&f.connections, user, GITLAB_COM_URL, token, NULL, &err), &err);
	}
	do {
		CLEANUP(connection_list_release) struct connection_list page = CONNECTION_LIST_INIT;

		must(CALL(&f, list_unchecked, 5000, last.user_id ? &last : NULL, PAGE, &page, &err), &err);
		count = page.count;
		for (size_t i = 0; i < count; i++) {
			unsigned bit = 1U << (page.items[i].user_id[0] - '0');

			assert_int_equal(seen & bit, 0);
			seen |= bit;
		}
		if (count > 0)
			connection_copy(&last, &page.items[count - 1]);
		pages++;
	} while (count == PAGE);
	assert_int_equal(pages, 3);
	assert_int_equal(seen, (1U << USERS) - 1);
}

static void version_changes_with_every_change_and_only_then(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	uint64_t before, after;

	fixture_make(&f);
	before = f.connections.ops->version(f.connections.state);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);
	after = f.connections.ops->version(f.connections.state);
	assert_true(after > before);
	assert_int_equal(count_of(&f, "john"), 1);
	assert_int_equal(f.connections.ops->version(f.connections.state), after);
	must(sample_disconnect(&f.connections, "john", NULL, &err), &err);
	assert_true(f.connections.ops->version(f.connections.state) > after);
}

static void version_is_shared_by_all_who_opened_the_database(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	struct database *other;

	fixture_make(&f);
	other = fixture_open(&f, &err);
	assert_non_null(other);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "t", NULL, &err), &err);
	assert_int_equal(database_connections(other).ops->version(other), f.connections.ops->version(f.connections.state));
	database_freep(&other);
}

struct thread {
	struct store_fixture *f;
	int number;
	bool ok;
};

static void *connect_and_look(void *argument)
{
	struct thread *t = argument;
	char user[32], token[64];
	struct error err = ERROR_INIT;

	snprintf(user, sizeof(user), "user-%d", t->number);
	t->ok = true;
	for (int i = 0; i < 5 && t->ok; i++) {
		CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;

		memset(token, 'x', sizeof(token));
		token[t->number * 3 + 1] = '\0';
		t->ok = sample_connect(&t->f->connections, user, GITLAB_COM_URL, token, NULL, &err) &&
		        t->f->connections.ops->list(t->f->connections.state, user, &list, &err) && list.count == 1 &&
		        sample_disconnect(&t->f->connections, user, NULL, &err);
	}
	if (!t->ok)
		fprintf(stderr, "%s %s\n", err.message, err.detail);
	return NULL;
}

static void many_threads_share_the_pool(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct thread threads[8];
	pthread_t ids[ARRAY_SIZE(threads)];

	fixture_make(&f);
	for (int i = 0; i < (int)ARRAY_SIZE(threads); i++) {
		threads[i] = (struct thread){&f, i, false};
		assert_int_equal(pthread_create(&ids[i], NULL, connect_and_look, &threads[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(ids[i], NULL);
		assert_true(threads[i].ok);
	}
	assert_int_equal(intents_of(&f), 0);
}

/* Seals as its context says; "" refuses. Tells which generation it was asked for. */
struct maker {
	const char *text;
	int64_t generation;
};

static bool make_value(void *context, int64_t generation, struct sealed_value *ret, struct error *err)
{
	struct maker *maker = context;

	maker->generation = generation;
	if (!maker->text[0])
		return error_set(err, ERR_INTERNAL, "no seal");
	*ret = (struct sealed_value){(unsigned char *)xstrdup(maker->text), strlen(maker->text)};
	return true;
}

static bool connect_whole(struct store_fixture *f, const char *user, const char *token, struct maker *maker, struct error *err)
{
	CLEANUP(connection_release) struct connection c = CONNECTION_INIT;

	sample_connection(&c, user, GITLAB_COM_URL, token, 0);
	if (!CALL(f, connect_in_row, &c, make_value, maker, err)) {
		assert_int_equal(c.generation, 0);
		return false;
	}
	assert_int_equal(c.generation, maker->generation);
	return true;
}

static void a_connect_in_the_row_is_one_step(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(intent_list_release) struct intent_list due = INTENT_LIST_INIT;
	struct maker first = {.text = "one"}, second = {.text = "two"}, refused = {.text = ""}, theirs = {.text = "theirs"};
	struct error err = ERROR_INIT;
	char text[64];

	fixture_make(&f);
	must(connect_whole(&f, "john", "t1", &first, &err), &err);
	must(connect_whole(&f, "john", "t2", &second, &err), &err);
	assert_true(second.generation > first.generation);
	sealed_of(&f, "john", GITLAB_COM_URL, text);
	assert_string_equal(text, "two");
	/* Whatever fails leaves what there was. */
	assert_false(connect_whole(&f, "john", "t3", &refused, &err));
	assert_false(connect_whole(&f, "mary", "t2", &theirs, &err));
	assert_int_equal(err.code, ERR_TOKEN_IN_USE);
	sealed_of(&f, "john", GITLAB_COM_URL, text);
	assert_string_equal(text, "two");
	sealed_of(&f, "mary", GITLAB_COM_URL, text);
	assert_string_equal(text, "");
	must(CALL(&f, intents_due, INT64_MAX, &due, &err), &err);
	assert_int_equal(due.count, 0);
}

static bool replace(struct store_fixture *f, const char *user, const char *expected, const char *text)
{
	CLEANUP(sealed_value_release)
	struct sealed_value old = {(unsigned char *)xstrdup(expected), strlen(expected)},
	                    new = {(unsigned char *)xstrdup(text), strlen(text)};
	char key[RECORD_KEY_SIZE];
	const struct secret_place place = {"gitlab", key};
	struct error err = ERROR_INIT;
	bool replaced = false;

	record_key_make("gitlab", user, GITLAB_COM_URL, key);
	must(f->secrets.ops->replace(f->secrets.state, &place, &old, &new, &replaced, &err), &err);
	return replaced;
}

static void a_value_is_replaced_only_in_the_place_of_the_one_that_was_seen(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;
	struct error err = ERROR_INIT;
	uint64_t before;
	char text[64];

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "one", NULL, &err), &err);
	before = f.connections.ops->version(f.connections.state);
	assert_false(replace(&f, "john", "another", "two"));
	assert_false(replace(&f, "john", "", "two"));
	assert_false(replace(&f, "mary", "", "two"));
	assert_int_equal(f.connections.ops->version(f.connections.state), before);
	assert_true(replace(&f, "john", "one", "two"));
	assert_true(f.connections.ops->version(f.connections.state) > before);
	sealed_of(&f, "john", GITLAB_COM_URL, text);
	assert_string_equal(text, "two");
	must(CALL(&f, disconnect_begin, "john", "gitlab", NULL, &list, &err), &err);
	assert_false(replace(&f, "john", "two", "three"));
}

struct walk {
	struct store_fixture *f;
	size_t seen, wrong;
	bool stop;
};

/* Nothing is held meanwhile: the visitor may write. */
static bool look_and_replace(void *context, const struct secret_record *record, struct error *err)
{
	struct walk *walk = context;
	bool replaced = false;

	if (walk->stop)
		return error_set(err, ERR_INTERNAL, "enough");
	walk->seen++;
	walk->wrong += strncmp(record->user_id, "user-", 5) != 0 || strcmp(record->place.provider, "gitlab") != 0 ||
	               strcmp(record->instance_url, GITLAB_COM_URL) != 0 || record->generation <= 0 ||
	               record->value->length != strlen(record->user_id);
	return walk->f->secrets.ops->replace(walk->f->secrets.state, &record->place, record->value, record->value, &replaced,
	                                     err) &&
	       replaced;
}

static void a_walk_shows_every_live_value_once(void **state UNUSED)
{
	enum { USERS = 150 }; /* more than two pages */
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;
	struct walk walk = {.f = &f};
	struct error err = ERROR_INIT;

	fixture_make(&f);
	must(f.secrets.ops->each(f.secrets.state, look_and_replace, &walk, &err), &err);
	assert_int_equal(walk.seen, 0);
	for (int i = 0; i < USERS; i++) {
		char user[24];

		snprintf(user, sizeof(user), "user-%d", i);
		must(sample_connect(&f.connections, user, GITLAB_COM_URL, user, NULL, &err), &err);
	}
	must(CALL(&f, disconnect_begin, "user-0", "gitlab", NULL, &list, &err), &err);
	must(f.secrets.ops->each(f.secrets.state, look_and_replace, &walk, &err), &err);
	assert_int_equal(walk.seen, USERS - 1);
	assert_int_equal(walk.wrong, 0);
	walk.stop = true;
	assert_false(f.secrets.ops->each(f.secrets.state, look_and_replace, &walk, &err));
	assert_string_equal(err.message, "enough");
}

static void a_disconnect_ends_the_connects_that_began_before(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;
	struct error err = ERROR_INIT;
	int64_t under_way, later;

	fixture_make(&f);
	must(sample_connect(&f.connections, "john", GITLAB_COM_URL, "old", NULL, &err), &err);
	begin(&f, "john", "new", &under_way);
	must(CALL(&f, disconnect_begin, "john", "gitlab", NULL, &list, &err), &err);
	assert_true(list.items[0].generation > under_way);
	assert_string_equal(list.items[0].provider, "gitlab");
	assert_false(commit(&f, "john", "new", under_way, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	must(CALL(&f, disconnect_finish, list.items[0].key, list.items[0].generation, &err), &err);
	assert_false(commit(&f, "john", "new", under_way, &err));
	assert_int_equal(err.code, ERR_CONFLICT);
	begin(&f, "john", "new", &later);
	must(commit(&f, "john", "new", later, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_connection_comes_back_as_it_was_stored),
	        cmocka_unit_test(a_connect_in_the_row_is_one_step),
	        cmocka_unit_test(a_value_is_replaced_only_in_the_place_of_the_one_that_was_seen),
	        cmocka_unit_test(a_walk_shows_every_live_value_once),
	        cmocka_unit_test(a_disconnect_ends_the_connects_that_began_before),
	        cmocka_unit_test(list_shows_a_users_own_connections_newest_first),
	        cmocka_unit_test(a_reconnect_replaces_and_keeps_the_first_time),
	        cmocka_unit_test(generations_never_repeat_even_after_a_disconnect),
	        cmocka_unit_test(an_abandoned_connect_leaves_the_old_one_working),
	        cmocka_unit_test(of_two_connects_at_once_the_newer_wins),
	        cmocka_unit_test(an_overtaken_connect_does_not_come_back_after_a_disconnect),
	        cmocka_unit_test(a_commit_that_is_repeated_is_accepted),
	        cmocka_unit_test(one_token_serves_one_user),
	        cmocka_unit_test(disconnect_hides_first_and_deletes_then),
	        cmocka_unit_test(disconnect_takes_one_providers_connections),
	        cmocka_unit_test(a_connect_after_a_disconnect_began_wins),
	        cmocka_unit_test(a_live_record_is_never_deleted_by_finish),
	        cmocka_unit_test(intents_are_due_by_their_age),
	        cmocka_unit_test(a_check_is_recorded_for_its_generation_only),
	        cmocka_unit_test(list_unchecked_gives_the_longest_unused_of_all_users),
	        cmocka_unit_test(pages_of_list_unchecked_show_each_connection_once),
	        cmocka_unit_test(version_changes_with_every_change_and_only_then),
	        cmocka_unit_test(version_is_shared_by_all_who_opened_the_database),
	        cmocka_unit_test(many_threads_share_the_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
