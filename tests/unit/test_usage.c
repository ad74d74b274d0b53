#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "file.h"
#include "usage.h"
#include "workspace.h"

enum { MIB = 1024 * 1024 };

static int set_up(void **state)
{
	char *root = xstrdup("/tmp/test-usage-XXXXXX");

	assert_non_null(mkdtemp(root));
	*state = root;
	return 0;
}

static int tear_down(void **state)
{
	assert_true(remove_tree(*state, NULL));
	free(*state);
	return 0;
}

static void fill(int folder, const char *name, size_t bytes)
{
	CLEANUP(freep) char *zeroes = xcalloc(1, bytes);
	int fd = openat(folder, name, O_WRONLY | O_CREAT, 0600);

	assert_int_equal(write(fd, zeroes, bytes), bytes);
	assert_int_equal(fsync(fd), 0); /* blocks are given when the bytes are written back */
	close(fd);
}

/* In a child, as the working directory may be left elsewhere. */
static int64_t measure(const char *root)
{
	CLEANUP(freep) char *before = getcwd(NULL, 0);
	int64_t bytes = usage_of_folder(root, INT64_MAX);

	assert_int_equal(chdir(before), 0);
	return bytes;
}

static void space_is_counted_once_and_as_it_is_taken(void **state)
{
	const char *root = *state;
	int folder = open(root, O_RDONLY | O_DIRECTORY), outside;

	fill(folder, "plain", MIB);
	int64_t plain = measure(root);
	assert_in_range(plain, MIB, MIB + 64 * 1024);
	/* Another name of the same file is no more space. */
	assert_int_equal(linkat(folder, "plain", folder, "again", 0), 0);
	assert_in_range(measure(root), plain - 4096, plain + 4096);
	/* Nor is a hole, or what a link leads to. */
	int sparse = openat(folder, "sparse", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(ftruncate(sparse, (off_t)1 << 40), 0);
	close(sparse);
	assert_int_equal(symlinkat("/usr", folder, "usr"), 0);
	assert_in_range(measure(root), plain - 4096, plain + 16384);
	/* An empty file is something. */
	for (int i = 0; i < 100; i++) {
		char name[24];
		snprintf(name, sizeof(name), "empty-%d", i);
		outside = openat(folder, name, O_WRONLY | O_CREAT, 0600);
		close(outside);
	}
	assert_true(measure(root) >= plain + 100 * 4096);
	close(folder);
}

static void space_is_found_however_deep_and_closed_it_lies(void **state)
{
	const char *root = *state;
	int at = open(root, O_RDONLY | O_DIRECTORY);

	for (int depth = 0; depth < 2000; depth++) {
		assert_int_equal(mkdirat(at, "a-folder-with-a-name", 0700), 0);
		int next = openat(at, "a-folder-with-a-name", O_RDONLY | O_DIRECTORY);
		close(at);
		at = next;
	}
	fill(at, "deep", MIB);
	assert_int_equal(fchmod(at, 0), 0);
	close(at);
	assert_true(measure(root) >= MIB);
}

static void counting_stops_where_it_is_enough(void **state)
{
	const char *root = *state;
	int folder = open(root, O_RDONLY | O_DIRECTORY);
	CLEANUP(freep) char *before = getcwd(NULL, 0);

	for (int i = 0; i < 20; i++) {
		char name[24];
		snprintf(name, sizeof(name), "file-%d", i);
		fill(folder, name, MIB / 4);
	}
	close(folder);
	assert_in_range(usage_of_folder(root, MIB), MIB + 1, 2 * MIB);
	assert_int_equal(chdir(before), 0);
}

static void nothing_is_measured_without_a_limit(void **state)
{
	struct usage_watch watch = {.limits = {.folder = *state}};

	usage_look(&watch);
	assert_int_equal(watch.child, 0);
	watch.limits.folder_mib = 1;
	usage_look(&watch);
	assert_true(watch.child > 0);
	usage_stop(&watch);
	assert_int_equal(watch.child, 0);
}

/* The verdict, waited for; USAGE_FINE when no measurement goes on any more. */
static enum usage_verdict verdict_of(struct usage_watch *watch)
{
	enum usage_verdict verdict = usage_look(watch);

	for (int64_t deadline = clock_monotonic_ms() + 20000; watch->child && verdict == USAGE_FINE; verdict = usage_look(watch)) {
		assert_true(clock_monotonic_ms() < deadline);
		poll(NULL, 0, 5);
	}
	return verdict;
}

/* Begins one that takes long enough to be met, and stops it. */
static void stop_measuring(struct usage_watch *watch)
{
	siginfo_t stopped = {0};

	*watch = (struct usage_watch){.limits = {.folder = "/usr", .folder_mib = INT32_MAX}};
	assert_int_equal(usage_look(watch), USAGE_FINE);
	kill(watch->child, SIGSTOP);
	assert_int_equal(waitid(P_PID, (id_t)watch->child, &stopped, WSTOPPED | WNOWAIT), 0);
}

/* The agent does this to it, where nothing keeps its signals in. */
static void measurement_that_is_hindered_counts_against_the_agent(void **state)
{
	static const struct {
		const char *why;
		int signal;
	} rows[] = {
	        {"one that is killed", SIGKILL},
	        {"one that is ended by another signal", SIGUSR1},
	        {"one that is stopped", 0},
	};
	struct usage_watch alone = {.limits = {.folder = *state, .folder_mib = 1}};

	assert_int_equal(verdict_of(&alone), USAGE_FINE);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct usage_watch watch;
		stop_measuring(&watch);
		if (rows[i].signal) {
			kill(watch.child, rows[i].signal);
			kill(watch.child, SIGCONT);
		}
		enum usage_verdict got = verdict_of(&watch);
		usage_stop(&watch);
		if (got != USAGE_NOT_MEASURED)
			fail_msg("%s: got %d", rows[i].why, (int)got);
	}
}

static void measurement_that_takes_for_ever_counts_against_the_agent(void **state UNUSED)
{
	struct usage_watch watch;

	stop_measuring(&watch);
	assert_int_equal(waitpid(watch.child, NULL, WUNTRACED), watch.child); /* nobody is told a second time */
	assert_int_equal(usage_look(&watch), USAGE_FINE);
	watch.wanted_since_ms -= USAGE_MEASURED_WITHIN_MS;
	poll(NULL, 0, 5);
	assert_int_equal(usage_look(&watch), USAGE_NOT_MEASURED);
	usage_stop(&watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(space_is_counted_once_and_as_it_is_taken, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(space_is_found_however_deep_and_closed_it_lies, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(counting_stops_where_it_is_enough, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(nothing_is_measured_without_a_limit, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(measurement_that_is_hindered_counts_against_the_agent, set_up, tear_down),
	        cmocka_unit_test_setup_teardown(measurement_that_takes_for_ever_counts_against_the_agent, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
