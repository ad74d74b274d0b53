/* What a pool can still read of the files that lie beside each other: the cluster's token, and keys that are not its own. Each row
 * in a process of its own, which confines itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "app_parts.h"

/* Of a row, in the exit status of its process. READS_TOKEN is the file that was there when it confined itself, READS_NEW_TOKEN the
 * one that came in its place. */
enum { READS_TOKEN = 1, READS_NEW_TOKEN = 2, READS_PRIVATE = 4, READS_SIGNING = 8, READS_PUBLIC = 16 };

static const struct {
	const char *sentence;
	const char *token; /* where the cluster's token lies */
	unsigned pool;
	int reads;
} rows[] = {
        {"status, a token with a folder of its own, where the kubelet puts the next one", "account/token", POOL_STATUS,
         READS_NEW_TOKEN},
        {"status, a token beside the keys: that file, and not its neighbours", "keys/token", POOL_STATUS, READS_TOKEN},
        {"connect has the keys that seal, whatever lies beside them", "keys/token", POOL_CONNECT,
         READS_TOKEN | READS_SIGNING | READS_PUBLIC},
        {"git has the keys that open", "keys/token", POOL_GIT, READS_TOKEN | READS_PRIVATE | READS_PUBLIC},
};

static bool reads(const char *folder, const char *name)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void write_file(const char *folder, const char *name)
{
	CLEANUP(freep) char *path = xasprintf("%s/%s", folder, name);
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x\n", 2), 2);
	close(fd);
}

static void remove_place(const char *folder, const char *token)
{
	const char *const names[] = {
	        "keys/public.keys", "keys/signing.key", "keys/private.keys", token, "kept", "keys", "data", "account", ""};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		CLEANUP(freep) char *path = xasprintf("%s/%s", folder, names[i]);

		assert_int_equal(remove(path), 0);
	}
}

static char *const *variables_of(const char *folder)
{
	static char *variables[6];

	variables[0] = xstrdup("ACP_CONFIG_FILE=");
	variables[1] = xasprintf("ACP_SEAL_PUBLIC_KEYS_FILE=%s/keys/public.keys", folder);
	variables[2] = xasprintf("ACP_SEAL_SIGNING_KEY_FILE=%s/keys/signing.key", folder);
	variables[3] = xasprintf("ACP_SEAL_PRIVATE_KEYS_FILE=%s/keys/private.keys", folder);
	variables[4] = xasprintf("ACP_DATABASE=%s/data/acp.db", folder);
	return variables;
}

/* In a child: confines itself as the pool, says on `to` that it has, and looks once the other side has renewed the token. */
NORETURN static void be_pool(size_t row, const char *folder, int to, int from)
{
	struct app app = APP_INIT;
	struct error err = ERROR_INIT;
	char byte = 0;
	int found;

	app.pools = rows[row].pool;
	app.audit = (struct audit)AUDIT_INIT;
	app.logger = (struct logger){.fd = open("/dev/null", O_WRONLY), .level = LOG_ERROR, .program = "test", .pool = "test"};
	if (!settings_load(variables_of(folder), &app.settings, &err))
		_exit(255);
	app.cluster.known = true;
	app.cluster.config.port = 6443;
	app.cluster.config.token_file = xasprintf("%s/%s", folder, rows[row].token);
	app_confine(&app);
	if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
		_exit(255);
	found = (reads(folder, rows[row].token) ? READS_NEW_TOKEN : 0) | (reads(folder, "keys/private.keys") ? READS_PRIVATE : 0) |
	        (reads(folder, "keys/signing.key") ? READS_SIGNING : 0) | (reads(folder, "keys/public.keys") ? READS_PUBLIC : 0) |
	        (reads(folder, "kept") ? READS_TOKEN : 0);
	_exit(found);
}

static void a_pool_reads_its_own_keys_alone(void **state)
{
	static const char *const files[] = {"keys/public.keys", "keys/signing.key", "keys/private.keys"};

	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1U) <= 0) {
		print_message("this kernel has no Landlock\n");
		skip();
	}
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
		char folder[] = "/tmp/test_app_confine_XXXXXX", byte = 0;
		int there[2], back[2], status = 0;

		print_message("  %s\n", rows[row].sentence);
		assert_non_null(mkdtemp(folder));
		for (size_t i = 0; i < 3; i++) {
			static const char *const names[] = {"keys", "data", "account"};
			CLEANUP(freep) char *path = xasprintf("%s/%s", folder, names[i]);

			assert_int_equal(mkdir(path, 0700), 0);
		}
		for (size_t i = 0; i < ARRAY_SIZE(files); i++)
			write_file(folder, files[i]);
		write_file(folder, rows[row].token);
		assert_int_equal(pipe2(there, O_CLOEXEC), 0);
		assert_int_equal(pipe2(back, O_CLOEXEC), 0);
		/* The file that was there when it confined itself, under another name. */
		CLEANUP(freep) char *token = xasprintf("%s/%s", folder, rows[row].token), *kept = xasprintf("%s/kept", folder);
		pid_t child = fork();
		if (child == 0)
			be_pool(row, folder, there[1], back[0]);
		close(there[1]);
		close(back[0]);
		assert_int_equal(read(there[0], &byte, 1), 1);
		assert_int_equal(rename(token, kept), 0);
		write_file(folder, rows[row].token);
		assert_int_equal(write(back[1], &byte, 1), 1);
		assert_int_equal(waitpid(child, &status, 0), child);
		close(there[0]);
		close(back[1]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), rows[row].reads);
		remove_place(folder, rows[row].token);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_pool_reads_its_own_keys_alone)};

	if (!secret_library_init())
		return 1;
	json_library_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
