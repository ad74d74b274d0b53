/* What processes do to each other: killed in the middle, writing at once, and out of disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store_fixture.h"

#define KILLS 30
#define USERS 3

/* What a child has been told is true; shared with the parent that kills it. */
struct acknowledged {
	volatile int64_t generation[USERS]; /* of the last acknowledged connect; 0: disconnected */
	volatile int busy_with;             /* the user whose change is under way; -1: none */
	volatile int done;
};

static void must(bool ok, const struct error *err)
{
	if (!ok)
		fail_msg("%s: %s (%s)", error_name(err->code), err->message, err->detail);
}

static void *share(size_t size)
{
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(shared, MAP_FAILED);
	return shared;
}

static void user_name(int user, char ret_name[32])
{
	snprintf(ret_name, 32, "user-%d", user);
}

static void user_token(int user, char ret_token[32])
{
	snprintf(ret_token, 32, "token-of-%d", user);
}

/* Connects and disconnects for ever; the store is opened here, after the fork. */
static void change_for_ever(const struct store_fixture *parent, struct acknowledged *known)
{
	struct store_fixture f = *parent;
	struct error err = ERROR_INIT;
	char name[32], token[32];

	fixture_use(&f, fixture_open(&f, &err));
	if (!f.db)
		_exit(1);
	for (unsigned i = 0;; i++) {
		int user = (int)(i % USERS);
		int64_t generation = 0;

		user_name(user, name);
		user_token(user, token);
		known->busy_with = user;
		if (i % 5 == 4 ? !sample_disconnect(&f.connections, name, NULL, &err)
		               : !sample_connect(&f.connections, name, GITLAB_COM_URL, token, &generation, &err))
			_exit(2);
		known->generation[user] = generation;
		known->busy_with = -1;
		known->done++;
	}
}

static void check_integrity(const struct store_fixture *f)
{
	sqlite3 *sqlite = NULL;
	sqlite3_stmt *statement = NULL;

	assert_int_equal(sqlite3_open(f->path, &sqlite), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(sqlite, "PRAGMA integrity_check", -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(statement, 0), "ok");
	sqlite3_finalize(statement);
	sqlite3_close(sqlite);
}

/* What was acknowledged holds; what was under way is wholly there, wholly not, or has an intent. */
static void check_invariants(struct store_fixture *f, const struct acknowledged *known)
{
	struct error err = ERROR_INIT;

	must(f->connections.ops->ready(f->connections.state, &err), &err);
	for (int user = 0; user < USERS; user++) {
		CLEANUP(connection_release) struct connection c = CONNECTION_INIT;
		CLEANUP(sealed_value_release) struct sealed_value value = SEALED_VALUE_INIT;
		char name[32], token[32], key[RECORD_KEY_SIZE];
		bool found;

		user_name(user, name);
		user_token(user, token);
		record_key_make("gitlab", name, GITLAB_COM_URL, key);
		must(f->connections.ops->find(f->connections.state, key, &c, &found, &err), &err);
		must(f->secrets.ops->get(f->secrets.state, &(struct secret_place){"gitlab", key}, &value, &err), &err);
		assert_int_equal(found, value.bytes != NULL);
		if (found)
			assert_memory_equal(value.bytes, token, strlen(token));
		if (known->busy_with == user)
			continue;
		assert_int_equal(found, known->generation[user] != 0);
		if (found)
			assert_int_equal(c.generation, known->generation[user]);
	}
}

/* As the service's housekeeping does with an in-row secret store. */
static void reconcile(struct store_fixture *f)
{
	CLEANUP(intent_list_release) struct intent_list list = INTENT_LIST_INIT;
	struct error err = ERROR_INIT;

	must(f->connections.ops->intents_due(f->connections.state, INT64_MAX, &list, &err), &err);
	assert_true(list.count <= 1); /* of the one change that was under way */
	for (size_t i = 0; i < list.count; i++) {
		const struct intent *intent = &list.items[i];

		if (intent->action == INTENT_CONNECT)
			must(f->connections.ops->connect_abandon(f->connections.state, intent->key, intent->generation, &err),
			     &err);
		else
			must(f->connections.ops->disconnect_finish(f->connections.state, intent->key, intent->generation, &err),
			     &err);
	}
	must(f->connections.ops->intents_due(f->connections.state, INT64_MAX, &list, &err), &err);
	assert_int_equal(list.count, 0);
}

static void nothing_acknowledged_is_lost_when_a_process_is_killed(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct acknowledged *known = share(sizeof(*known));
	uint64_t version = 0;
	int done = 0;

	fixture_make(&f);
	database_freep(&f.db);
	srand(4711);
	for (int i = 0; i < KILLS; i++) {
		struct error err = ERROR_INIT;
		pid_t child;
		int status;

		known->busy_with = -1;
		done = known->done;
		child = fork();
		if (child == 0)
			change_for_ever(&f, known);
		assert_true(child > 0);
		while (known->done < done + 2 && waitpid(child, &status, WNOHANG) == 0)
			usleep(200);
		usleep((useconds_t)(rand() % 4000)); /* any instruction will do */
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		assert_true(known->done >= done + 2);

		fixture_use(&f, fixture_open(&f, &err));
		assert_non_null(f.db);
		check_invariants(&f, known);
		reconcile(&f);
		for (int user = 0; user < USERS; user++) { /* what was under way is settled now; learn how */
			CLEANUP(connection_release) struct connection c = CONNECTION_INIT;
			char name[32], key[RECORD_KEY_SIZE];
			bool found;

			user_name(user, name);
			record_key_make("gitlab", name, GITLAB_COM_URL, key);
			must(f.connections.ops->find(f.connections.state, key, &c, &found, &err), &err);
			known->generation[user] = found ? c.generation : 0;
		}
		assert_true(f.connections.ops->version(f.connections.state) > version);
		version = f.connections.ops->version(f.connections.state);
		database_freep(&f.db);
		check_integrity(&f);
	}
	munmap(known, sizeof(*known));
}

/* Each process connects users of its own and one that they fight for. */
static int write_much(const struct store_fixture *parent, int number)
{
	struct store_fixture f = *parent;
	struct error err = ERROR_INIT;
	char name[32];

	fixture_use(&f, fixture_open(&f, &err));
	if (!f.db)
		return 1;
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "p%d-%d", number, i);
		/* Ten times the busy time-out is as long as fairness may take here. */
		for (int attempt = 0; !sample_connect(&f.connections, name, GITLAB_COM_URL, name, NULL, &err); attempt++)
			if (err.code != ERR_STORE_UNAVAILABLE || attempt == 10)
				return 2;
		if (!sample_connect(&f.connections, "everyone", GITLAB_COM_URL, "e", NULL, &err) && err.code != ERR_CONFLICT &&
		    err.code != ERR_STORE_UNAVAILABLE)
			return 3;
	}
	database_freep(&f.db);
	return 0;
}

static void two_processes_write_at_once(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	pid_t children[2];

	fixture_make(&f);
	database_freep(&f.db);
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(write_much(&f, i));
	}
	for (int i = 0; i < 2; i++) {
		int status;

		waitpid(children[i], &status, 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	fixture_use(&f, fixture_open(&f, &err));
	for (int i = 0; i < 80; i++) {
		CLEANUP(connection_list_release) struct connection_list list = CONNECTION_LIST_INIT;
		char name[32];

		snprintf(name, sizeof(name), "p%d-%d", i / 40, i % 40);
		must(f.connections.ops->list(f.connections.state, name, &list, &err), &err);
		assert_int_equal(list.count, 1);
	}
}

/* A full disk as far as this process is concerned: no file may grow much beyond what the database is now. */
static int write_without_space(const struct store_fixture *parent)
{
	struct store_fixture f = *parent;
	struct error err = ERROR_INIT;
	struct rlimit limit, before;
	struct stat about;
	char name[64];
	int i = 0;

	fixture_use(&f, fixture_open(&f, &err));
	if (!f.db)
		return 1;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	if (stat(f.path, &about) != 0)
		return 1;
	limit = (struct rlimit){(rlim_t)about.st_size + 16 * 1024, before.rlim_max};
	setrlimit(RLIMIT_FSIZE, &limit);
	for (;; i++) {
		snprintf(name, sizeof(name), "user-%.*s%d", 20, "xxxxxxxxxxxxxxxxxxxx", i);
		if (!sample_connect(&f.connections, name, GITLAB_COM_URL, name, NULL, &err))
			break;
		if (i > 2000)
			return 2;
	}
	if (err.code != ERR_STORE_UNAVAILABLE || !err.detail[0])
		return 3;
	if (!f.connections.ops->ready(f.connections.state, &err))
		return 4;
	setrlimit(RLIMIT_FSIZE, &before);
	if (!sample_connect(&f.connections, name, GITLAB_COM_URL, name, NULL, &err)) /* the same handle works again */
		return 5;
	database_freep(&f.db);
	return 0;
}

static void a_full_disk_is_an_error_that_passes(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	pid_t child;
	int status;

	fixture_make(&f);
	database_freep(&f.db);
	child = fork();
	if (child == 0)
		_exit(write_without_space(&f));
	waitpid(child, &status, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	check_integrity(&f);
}

static void programs_that_migrate_at_once_agree(void **state UNUSED)
{
	CLEANUP(fixture_remove) struct store_fixture f;
	struct error err = ERROR_INIT;
	pid_t children[4];

	fixture_prepare(&f);
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		children[i] = fork();
		if (children[i] == 0) {
			unsigned applied;

			_exit(database_migrate(f.path, INSTALLATION, &applied, &err) ? 0 : 1);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(children); i++) {
		int status;

		waitpid(children[i], &status, 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	fixture_use(&f, fixture_open(&f, &err));
	assert_non_null(f.db);
	must(f.connections.ops->ready(f.connections.state, &err), &err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(nothing_acknowledged_is_lost_when_a_process_is_killed),
	        cmocka_unit_test(two_processes_write_at_once),
	        cmocka_unit_test(a_full_disk_is_an_error_that_passes),
	        cmocka_unit_test(programs_that_migrate_at_once_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
