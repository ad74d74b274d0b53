/* What a worker process can still reach once it has confined itself; each test in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "sandbox.h"

struct place {
	char *folder, *data, *keys, *secret;
};

static int make_place(void **state)
{
	char template[] = "/tmp/test_fcgi_sandbox_XXXXXX";
	struct place *place = xcalloc(1, sizeof(*place));

	if (!mkdtemp(template))
		return -1;
	*place = (struct place){xstrdup(template), xasprintf("%s/data", template), xasprintf("%s/keys", template),
	                        xasprintf("%s/keys/private.keys", template)};
	mkdir(place->data, 0700);
	mkdir(place->keys, 0700);
	close(open(place->secret, O_CREAT | O_WRONLY, 0600));
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	unlink(place->secret);
	rmdir(place->data);
	rmdir(place->keys);
	rmdir(place->folder);
	free(place->folder);
	free(place->data);
	free(place->keys);
	free(place->secret);
	free(place);
	return 0;
}

static bool can_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool can_work_with_a_journal(const struct place *place)
{
	CLEANUP(freep) char *journal = xasprintf("%s/db-journal", place->data);

	return can_open(journal, O_CREAT | O_RDWR) && truncate(journal, 0) == 0 && unlink(journal) == 0;
}

static bool is_refused_to_dial(void)
{
	struct sockaddr_in nowhere = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool refused = connect(fd, (struct sockaddr *)&nowhere, sizeof(nowhere)) != 0 && errno == EACCES;

	close(fd);
	return refused;
}

enum { FINE = 0, NO_LANDLOCK = 77, BROKEN = 10 };

/* The sum of what is wrong, as an exit status. */
static int confined_child(const struct place *place, bool may_dial)
{
	const char *readable[] = {"/usr", "/etc/hosts", "/this/is/missing"}, *writable[] = {place->data};
	struct sandbox_report report = {0};

	sandbox_enter(&(struct sandbox_rules){readable, ARRAY_SIZE(readable), writable, 1, may_dial}, &report);
	if (report.landlock_abi == 0)
		return NO_LANDLOCK;
	if (!report.confined || !report.capabilities_dropped)
		return BROKEN;
	if (!can_open("/etc/hosts", O_RDONLY) || !can_open("/usr", O_RDONLY))
		return BROKEN + 1;
	if (can_open(place->secret, O_RDONLY) || can_open("/etc/passwd", O_RDONLY) || can_open("/proc/1/environ", O_RDONLY))
		return BROKEN + 2;
	if (!can_work_with_a_journal(place))
		return BROKEN + 3;
	if (report.landlock_abi >= 4 && is_refused_to_dial() == may_dial)
		return BROKEN + 4;
	return FINE;
}

static void check(const struct place *place, bool may_dial)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(confined_child(place, may_dial));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_LANDLOCK)
		skip();
	assert_int_equal(WEXITSTATUS(status), FINE);
}

static void only_listed_files_are_reached(void **state)
{
	check(*state, true);
}

static void pool_without_outgoing_calls_cannot_dial(void **state)
{
	check(*state, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(only_listed_files_are_reached, make_place, remove_place),
	        cmocka_unit_test_setup_teardown(pool_without_outgoing_calls_cannot_dial, make_place, remove_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
