/*
 * A hostile agent is a real process here: what it prints is what it could reach.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "alloc.h"
#include "caps.h"
#include "clock.h"
#include "file.h"
#include "processes.h"
#include "sandbox.h"

static const char session_id[] = "0f0f0f0f-1111-4222-8333-444444444444";
static const char other_id[] = "1f0f0f0f-1111-4222-8333-444444444444";

struct place {
	char root[64];
	char *database, *workspaces, *secret_of_other;
	struct workspace workspace, other;
	const char *hidden[3];
};

static void put(const char *path, const char *text)
{
	assert_true(file_write_atomically(path, text, strlen(text), 0600, NULL));
}

static int set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	snprintf(p->root, sizeof(p->root), "/tmp/test-agent-XXXXXX");
	assert_non_null(mkdtemp(p->root));
	p->database = xasprintf("%s/acp.db", p->root);
	p->workspaces = xasprintf("%s/workspaces", p->root);
	put(p->database, "CANARY-database");
	assert_true(workspace_locate(p->workspaces, session_id, &p->workspace, NULL) && workspace_create(&p->workspace, NULL));
	assert_true(workspace_locate(p->workspaces, other_id, &p->other, NULL) && workspace_create(&p->other, NULL));
	p->secret_of_other = xasprintf("%s/file", p->other.path);
	put(p->secret_of_other, "CANARY-other");
	p->hidden[0] = p->root;
	p->hidden[1] = p->database;
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	assert_true(remove_tree(p->root, NULL));
	workspace_release(&p->workspace);
	workspace_release(&p->other);
	free(p->database);
	free(p->workspaces);
	free(p->secret_of_other);
	free(p);
	return 0;
}

static void run_for(const struct place *p, const char *command, const struct secret *credential, int64_t timeout_ms,
                    struct agent_result *ret)
{
	CLEANUP(freep) char *database = xasprintf("DB=%s", p->database);
	CLEANUP(freep) char *other = xasprintf("OTHER=%s", p->secret_of_other);
	CLEANUP(freep) char *parent = xasprintf("WORKER=%d", (int)getpid());
	const char *const environment[] = {"PATH=/usr/bin:/bin", "ACP_WORKSPACE=x", database, other, parent, NULL};
	const struct agent agent = {.command = command,
	                            .workspace = &p->workspace,
	                            .environment = environment,
	                            .hidden = p->hidden,
	                            .credential = credential,
	                            .timeout_ms = timeout_ms,
	                            .interrupt_fd = -1};
	struct error err = ERROR_INIT;

	if (!agent_run(&agent, ret, &err))
		fail_msg("%s (%s)", err.message, err.detail);
}

static void needs_landlock(void)
{
	if (sandbox_abi() == 0) {
		print_message("this kernel has no Landlock\n");
		skip();
	}
}

static void agent_reaches_its_workspace_and_nothing_else(void **state)
{
	static const struct {
		const char *why, *command;
		bool allowed;
	} rows[] = {
	        {"it may write in its workspace", "echo x > made && test -s made", true},
	        {"it may make folders and move files between them", "mkdir -p a/b c && echo x > a/b/f && mv a/b/f c/g && rm -r a",
	         true},
	        {"it may use the machine's programs", "ls /usr/bin > /dev/null && git --version > /dev/null || true", true},
	        {"it may resolve users", "cat /etc/passwd > /dev/null", true},
	        {"the database is closed", "cat \"$DB\"", false},
	        {"the database cannot be written", "echo x >> \"$DB\"", false},
	        {"the database cannot be removed", "rm -f \"$DB\"", false},
	        {"another session's workspace is closed", "cat \"$OTHER\"", false},
	        {"the list of workspaces is closed", "ls ..", false},
	        {"a link out of the workspace leads nowhere", "ln -s \"$DB\" link && cat link", false},
	        {"a hard link to the outside cannot be made", "ln \"$DB\" hard", false},
	        {"the worker's environment is closed", "cat /proc/$WORKER/environ", false},
	        {"the worker's memory is closed", "head -c 1 /proc/$WORKER/mem", false},
	        {"the worker's descriptors are closed", "readlink /proc/$WORKER/fd/0", false},
	        {"what the worker has open is closed", "cat /proc/$WORKER/fd/2", false},
	        {"the worker's folder is no way around", "cat /proc/$WORKER/root/etc/hostname", false},
	        {"/tmp is closed", "ls /tmp", false},
	        {"/root is closed", "ls /root", false},
	        {"password hashes are closed", "cat /etc/shadow", false},
	        {"kernel settings cannot be written", "echo 1 > /proc/sys/kernel/core_uses_pid", false},
	        {"no capability is left", "grep -q 'CapEff:.*[1-9a-f]' /proc/self/status", false},
	        {"nor has exec won any back", "grep -qE 'Cap(Prm|Amb):.*[1-9a-f]' /proc/self/status", false},
	        {"new privileges are off", "grep -q 'NoNewPrivs:.*1' /proc/self/status", true},
	};
	const struct place *p = *state;

	needs_landlock();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(agent_result_release) struct agent_result result = AGENT_RESULT_INIT;
		run_for(p, rows[i].command, NULL, 20000, &result);
		if ((result.exit_code == 0) != rows[i].allowed || strstr(result.output, "CANARY"))
			fail_msg("%s: status %d, output %s", rows[i].why, result.exit_code, result.output);
	}
	assert_int_equal(access(p->database, F_OK), 0);
}

static void agent_cannot_signal_the_worker(void **state)
{
	CLEANUP(agent_result_release) struct agent_result result = AGENT_RESULT_INIT;

	if (sandbox_abi() < 6) {
		print_message("Landlock scopes signals from ABI 6 on\n");
		skip();
	}
	run_for(*state, "kill -0 $WORKER", NULL, 20000, &result);
	assert_int_not_equal(result.exit_code, 0);
}

static void agent_sees_only_the_environment_it_is_given(void **state)
{
	CLEANUP(agent_result_release) struct agent_result result = AGENT_RESULT_INIT;
	CLEANUP(agent_result_release) struct agent_result descriptors = AGENT_RESULT_INIT;
	int inherited = dup(0);

	needs_landlock();
	setenv("ACP_CANARY", "CANARY-environment", 1);
	run_for(*state, "env", NULL, 20000, &result);
	unsetenv("ACP_CANARY");
	assert_null(strstr(result.output, "CANARY"));
	assert_non_null(strstr(result.output, "ACP_WORKSPACE=x"));
	run_for(*state, "ls /proc/self/fd/", NULL, 20000, &descriptors);
	assert_string_equal(descriptors.output, "0\n1\n2\n3\n"); /* 3 is the listing's own */
	close(inherited);
}

static void output_is_the_masked_tail(void **state)
{
	CLEANUP(agent_result_release) struct agent_result result = AGENT_RESULT_INIT;
	CLEANUP(secret_release) struct secret credential = SECRET_INIT;

	needs_landlock();
	secret_set(&credential, "SessionCredential0123456789", 27);
	run_for(*state,
	        "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo SessionCredential0123456789; printf "
	        "'\\001\\377\\n'; "
	        "echo end; exit 3",
	        &credential, 60000, &result);
	assert_int_equal(result.exit_code, 3);
	assert_true(strlen(result.output) <= LIMIT_AGENT_OUTPUT);
	assert_null(strstr(result.output, "line 1\n"));
	assert_non_null(strstr(result.output, "line 19999\n"));
	assert_null(strstr(result.output, "SessionCredential"));
	assert_non_null(strstr(result.output, "***"));
	assert_non_null(strstr(result.output, " ?\nend\n"));
}

static void late_agent_is_ended_with_all_it_started(void **state)
{
	CLEANUP(agent_result_release) struct agent_result result = AGENT_RESULT_INIT;
	const struct place *p = *state;
	CLEANUP(freep) char *beat = xasprintf("%s/beat", p->workspace.path);
	int64_t begin = clock_monotonic_ms();
	struct stat before, after;

	needs_landlock();
	/* The daemon is in a session of its own and outlives its parent; SIGTERM is ignored by all. */
	run_for(p, "trap '' TERM; setsid sh -c 'while :; do echo x >> beat; sleep 0.02; done' & while :; do sleep 0.05; done", NULL,
	        2000, &result);
	assert_true(result.timed_out);
	assert_true(clock_monotonic_ms() - begin < 15000);
	assert_int_equal(stat(beat, &before), 0);
	assert_true(interrupt_sleep(-1, 200)); /* a daemon that lived would have written ten times */
	assert_int_equal(stat(beat, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

static void daemon_does_not_outlive_an_agent_that_ended_well(void **state)
{
	CLEANUP(agent_result_release) struct agent_result result = AGENT_RESULT_INIT;
	int64_t begin = clock_monotonic_ms();

	needs_landlock();
	run_for(*state, "setsid sleep 300 & echo done", NULL, 60000, &result);
	assert_int_equal(result.exit_code, 0);
	assert_string_equal(result.output, "done\n");
	assert_true(clock_monotonic_ms() - begin < 10000);
}

/* As a clone beside the agent does. */
static void take_long(void *context, struct agent_watch *watch)
{
	int64_t *took = context, begin = clock_monotonic_ms();

	while (agent_goes_on(watch) && clock_monotonic_ms() - begin < 30000)
		poll(NULL, 0, 50);
	if (*took < clock_monotonic_ms() - begin)
		*took = clock_monotonic_ms() - begin;
}

static void agent_is_watched_while_a_beat_takes_its_time(void **state)
{
	static const struct {
		const char *why, *command;
		int64_t timeout_ms;
		enum usage_verdict usage;
		bool timed_out;
	} rows[] = {
	        {"its time", "sleep 60", 1000, USAGE_FINE, true},
	        {"its workspace", "head -c 3000000 /dev/zero >big; sync big; sleep 60", 60000, USAGE_FOLDER_TOO_LARGE, false},
	        {"the workspace of what it left behind", "(head -c 3000000 /dev/zero >big; sync big; setsid sleep 60) & sleep 0.5",
	         60000, USAGE_FOLDER_TOO_LARGE, false},
	};
	const struct place *p = *state;

	needs_landlock();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CLEANUP(agent_result_release) struct agent_result result = AGENT_RESULT_INIT;
		int64_t took = 0;
		const struct agent agent = {.command = rows[i].command,
		                            .workspace = &p->workspace,
		                            .environment = (const char *const[]){"PATH=/usr/bin:/bin", NULL},
		                            .timeout_ms = rows[i].timeout_ms,
		                            .workspace_max_mib = 1,
		                            .interrupt_fd = -1,
		                            .beat = take_long,
		                            .context = &took};
		struct error err = ERROR_INIT;
		if (!agent_run(&agent, &result, &err))
			fail_msg("%s: %s", rows[i].why, err.message);
		if (result.usage != rows[i].usage || result.timed_out != rows[i].timed_out || took >= 20000)
			fail_msg("%s: usage %d, timed out %d, after %lld ms", rows[i].why, (int)result.usage, result.timed_out,
			         (long long)took);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(agent_reaches_its_workspace_and_nothing_else, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(agent_cannot_signal_the_worker, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(agent_sees_only_the_environment_it_is_given, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(output_is_the_masked_tail, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(late_agent_is_ended_with_all_it_started, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(daemon_does_not_outlive_an_agent_that_ended_well, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(agent_is_watched_while_a_beat_takes_its_time, set_up, tear_down),
	};

	return secret_library_init() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
